"""Charging an invoice, as a billing clerk would tell it. Worked examples X01, X02, Y7, Y8 and Y9, refusals, and doubt."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connector.sync.sweep import sweep
from plugins.actions import KeyReused
from plugins.ports import GatewayRefused, IntentStatus
from plugins.rules.ids import InvoiceId, UserId
from plugins.rules.ledger import (
    InvoiceStatus,
    LedgerState,
    LedgerStatus,
    Mode,
    Outcome,
    Stage,
    TransactionStatus,
)
from plugins.rules.money import Money
from plugins.rules.setup import GatewayMode, ProfileStatus, ProfileType
from tests.builders import (
    BILLER,
    Office,
    a_closed_period,
    a_contract,
    a_profile,
    a_setting,
    an_account,
    an_invoice,
    named,
    usd,
)
from tests.fakes.books import unreachable
from tests.fakes.gateway import no_answer


@pytest.fixture
def office() -> Office:
    return Office()


# --- X01: charge in two parts (W12-W26) ------------------------------------------------------------------------------


def test_a_charge_in_two_parts_and_a_third_refused(office: Office) -> None:  # X01 W01 W13 W17-W23 W26 W27 A26
    office.has(an_invoice("1000.00"))

    assert office.charge("INV-1", "400.00").outcome is Outcome.DONE
    shown = office.shown()
    assert (shown.status, shown.balance) == (InvoiceStatus.PARTIAL, usd("600.00"))  # W17 W22
    assert (shown.amount_charged, shown.ledger_state) == (usd("400.00"), LedgerState.CLOSED)  # W19
    assert office.ledger().balance == usd("600.00")

    assert office.charge("INV-1", "600.00").outcome is Outcome.DONE
    shown = office.shown()
    assert (shown.status, shown.balance) == (InvoiceStatus.COMPLETE, usd("0.00"))  # W18 W21
    assert shown.amount_charged == usd("1000.00")  # A23: cumulative
    assert office.ledger().balance == usd("0.00")

    first, second = office.payments()
    assert [(each.amount, each.automatic, each.display_invoice) for each in (first, second)] == [
        (usd("400.00"), False, None),
        (usd("600.00"), False, None),
    ]
    assert [(each.amount, each.mode) for each in office.disbursements()] == [
        (usd("400.00"), Mode.CHARGE),
        (usd("600.00"), Mode.CHARGE),
    ]
    third = office.charge("INV-1", "1.00")
    assert (third.outcome, third.code) == (Outcome.REFUSED, "not_chargeable")  # W06 W37


# --- X02: refused and failed charges (W14, W31-W32, W38) --------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("250.01", "amount_above_balance"),  # W14
        ("0.00", "amount_invalid"),  # W38
        ("-1.00", "amount_invalid"),  # W38
        ("1.001", "amount_invalid"),
        ("0.49", "amount_below_minimum"),
        ("a lot", "amount_invalid"),
        (Decimal("NaN"), "amount_invalid"),
        (Decimal("Infinity"), "amount_invalid"),
        (Decimal("1e400"), "amount_above_balance"),
        (None, "amount_invalid"),
        (True, "amount_invalid"),
    ],
)
def test_a_refused_amount_writes_one_refused_request_and_nothing_else(
    office: Office, amount: Any, code: str
) -> None:
    office.has(an_invoice("250.00"))
    before = dict(office.books.rows)

    answer = office.charge("INV-1", amount)

    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    (request,) = office.requests()
    assert (request.outcome, request.code, request.message) == (Outcome.REFUSED, code, answer.message)
    assert {key: row for key, row in office.books.rows.items() if key != request.id} == before  # I23
    assert office.gateway.calls == []


def test_a_decline_leaves_one_failed_inactive_record_and_no_other_change(
    office: Office,
) -> None:  # X02 W31 W32 W34
    office.has(an_invoice("250.00"), method="pm_declines")

    answer = office.charge("INV-1", "250.00")

    assert (answer.outcome, answer.code) == (Outcome.FAILED, "declined")
    (record,) = office.transactions()
    assert record.status is TransactionStatus.FAILED
    assert record.result == "The card has insufficient funds. (card_declined: insufficient_funds)"
    assert (record.result_code, record.decline_code) == ("card_declined", "insufficient_funds")
    assert office.payments() == []
    assert office.disbursements() == []
    shown = office.shown()
    assert (shown.status, shown.balance, shown.amount_charged) == (
        InvoiceStatus.BILLED,
        usd("250.00"),
        usd("0.00"),
    )
    assert office.ledger().balance == usd("250.00")
    assert office.gateway.intents[record.gateway_reference].status is IntentStatus.CANCELED


def test_each_attempt_is_a_record_of_its_own(office: Office) -> None:  # W30 W36
    office.has(an_invoice("250.00"), method="pm_declines")
    office.charge("INV-1", "250.00")
    office.gateway.methods.clear()
    office.charge("INV-1", "250.00")

    assert [each.status for each in office.transactions()] == [
        TransactionStatus.FAILED,
        TransactionStatus.SUCCEEDED,
    ]


# --- Y7: which invoices can be charged --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (InvoiceStatus.NEW, "succeeded"),  # W08
        (InvoiceStatus.BILLED, "succeeded"),
        (InvoiceStatus.BOOKED, "succeeded"),
        (InvoiceStatus.PARTIAL, "succeeded"),  # A3
        (InvoiceStatus.COMPLETE, "not_chargeable"),  # W06 W37
        (InvoiceStatus.CANCELED, "not_chargeable"),  # W07 W37
    ],
)
def test_the_server_refuses_the_statuses_in_which_the_command_is_hidden(
    office: Office, status: InvoiceStatus, code: str
) -> None:  # Y7
    office.has(an_invoice("100.00", status=status))
    assert office.charge("INV-1", "100.00").code == code


def test_nothing_to_pay_is_refused(office: Office) -> None:  # Y7
    office.has(an_invoice("0.00"))
    assert office.charge("INV-1", "10.00").code == "amount_above_balance"


def test_no_profile_on_the_contract_is_refused_and_names_the_contract(office: Office) -> None:  # W02 W03 A2
    office.has(an_invoice())
    office.books.add(a_contract(None))
    answer = office.charge("INV-1", "10.00")
    assert answer.code == "no_payment_profile"
    assert "BC-1" in answer.message


def test_no_contract_is_refused_even_when_the_account_has_a_profile(office: Office) -> None:  # W03 W04
    office.has(an_invoice(contract=None))
    answer = office.charge("INV-1", "10.00", PaymentProfileId=named("Visa •••• 4242"))
    assert answer.code == "no_payment_profile"
    assert "INV-1" in answer.message


# --- Y8: a bank debit under way (A25) ---------------------------------------------------------------------------------


def test_a_bank_debit_takes_its_room_until_it_clears(office: Office) -> None:  # Y8 W39
    debit = a_profile("ACH •••• 6789", method="pm_debit", type=ProfileType.ACH_DEBIT, expiry="")
    office.has(an_invoice("100.00"))
    office.books.add(debit)

    answer = office.charge("INV-1", "70.00", key="the-debit", PaymentProfileId=debit.id)
    assert (answer.outcome, answer.code) == (Outcome.PENDING, "processing")
    shown = office.shown()
    assert (shown.status, shown.balance, shown.pending_amount) == (
        InvoiceStatus.BILLED,
        usd("100.00"),
        usd("70.00"),
    )
    assert office.charge("INV-1", "40.00").code == "amount_above_balance"
    assert office.charge("INV-1", "30.00").code == "succeeded"
    shown = office.shown()
    assert (shown.status, shown.balance, shown.pending_amount) == (
        InvoiceStatus.PARTIAL,
        usd("70.00"),
        usd("70.00"),
    )

    pending = next(each for each in office.transactions() if each.stage is Stage.PROCESSING)
    office.gateway.become(pending.gateway_reference, IntentStatus.SUCCEEDED)
    assert office.check("the-debit").code == "succeeded"
    assert (office.shown().status, office.shown().balance) == (InvoiceStatus.COMPLETE, usd("0.00"))


def test_a_bank_debit_that_fails_gives_its_room_back(office: Office) -> None:  # Y8
    debit = a_profile("ACH •••• 6789", method="pm_debit", type=ProfileType.ACH_DEBIT, expiry="")
    office.has(an_invoice("100.00"))
    office.books.add(debit)
    office.charge("INV-1", "70.00", key="the-debit", PaymentProfileId=debit.id)
    office.charge("INV-1", "30.00")

    pending = next(each for each in office.transactions() if each.stage is Stage.PROCESSING)
    office.gateway.become(pending.gateway_reference, IntentStatus.REQUIRES_PAYMENT_METHOD)
    assert office.check("the-debit").outcome is Outcome.FAILED
    assert (office.shown().status, office.shown().balance) == (InvoiceStatus.PARTIAL, usd("70.00"))
    assert office.charge("INV-1", "70.00").code == "succeeded"


# --- Y9: the same key again (I34) -------------------------------------------------------------------------------------


def test_the_same_key_again_is_the_same_charge(office: Office) -> None:  # Y9 I34
    office.has(an_invoice("100.00"))
    office.gateway.after = no_answer("confirm")  # the gateway answers after the client timed out
    office.charge("INV-1", "100.00", key="one-intent")
    again = office.charge("INV-1", "100.00", key="one-intent")

    assert (again.outcome, again.code) == (Outcome.DONE, "succeeded")
    assert office.shown().balance == usd("0.00")
    assert len(office.payments()) == 1
    assert office.gateway.captured() == 100_00


def test_a_key_is_the_same_in_any_case_and_a_number_in_any_spelling(office: Office) -> None:
    office.has(an_invoice("100.00"))
    office.charge("INV-1", Decimal("100.00"), key="One-Intent")
    assert office.charge("INV-1", Decimal("100.0"), key="ONE-INTENT").code == "succeeded"
    assert len(office.transactions()) == 1


def test_a_key_used_for_something_else_is_refused_and_the_first_answer_stands(office: Office) -> None:
    office.has(an_invoice("100.00"))
    office.charge("INV-1", "60.00", key="one-intent")
    before = dict(office.books.rows)
    with pytest.raises(KeyReused):
        office.charge("INV-1", "40.00", key="one-intent")
    assert office.books.rows == before


# --- The other refusals -----------------------------------------------------------------------------------------------


def test_an_unknown_invoice(office: Office) -> None:
    assert office.charge("INV-9", "1.00").code == "invoice_not_found"


def test_a_balance_that_changed_since_it_was_shown(office: Office) -> None:
    office.has(an_invoice("100.00"))
    answer = office.charge("INV-1", "90.00", ExpectedBalance=Decimal("90.00"))
    assert answer.code == "balance_changed"
    assert "100.00 USD" in answer.message
    assert "90.00 USD" in answer.message


def test_another_charge_in_flight_is_named(office: Office) -> None:
    office.has(an_invoice("100.00"))
    office.gateway.before = no_answer("confirm", "read", times=2)
    office.charge("INV-1", "60.00", key="first-one")
    answer = office.charge("INV-1", "40.00")
    assert answer.code == "charge_in_progress"
    assert "60.00 USD by Nia Biller" in answer.message


def test_somebody_who_may_not_see_the_invoice(office: Office) -> None:
    office.has(an_invoice("100.00"))
    office.books.rights[UserId(BILLER)] = frozenset()
    assert office.charge("INV-1", "10.00").code == "not_permitted"


def test_a_suspended_billing_account(office: Office) -> None:
    office.has(an_invoice("100.00"))
    office.charge("INV-1", "10.00")
    office.books.add(replace(office.ledger(), status=LedgerStatus.SUSPENDED))
    assert office.charge("INV-1", "10.00").code == "ledger_suspended"


def test_a_contact_as_customer(office: Office) -> None:
    office.has(an_invoice("100.00", customer_kind="contact"))
    assert office.charge("INV-1", "10.00").code == "customer_not_supported"


def test_a_currency_the_processor_cannot_charge(office: Office) -> None:
    office.has(an_invoice("10.000", currency="KWD"))
    assert office.charge("INV-1", "10.000").code == "currency_not_supported"


def test_yen_have_no_decimals(office: Office) -> None:
    office.has(an_invoice("12500", currency="JPY"))
    assert office.charge("INV-1", "12500.5").code == "amount_invalid"
    assert office.charge("INV-1", "12500").code == "succeeded"
    assert office.payments()[0].amount == Money(12500, "JPY")


@pytest.mark.parametrize(
    "profile",
    [
        {"status": ProfileStatus.PENDING},
        {"status": ProfileStatus.EXPIRED},
        {"status": ProfileStatus.DEACTIVATED},
        {"status": ProfileStatus.FAILED},
        {"expiry": "10/2026"},
        {"customer_ref": ""},
        {"type": ProfileType.SEPA_DEBIT},
    ],
)
def test_a_profile_that_cannot_be_used(office: Office, profile: dict[str, Any]) -> None:  # I33
    office.has(an_invoice("100.00"), **profile)
    answer = office.charge("INV-1", "10.00")
    assert answer.code == "profile_not_usable"
    assert "Visa •••• 4242" in answer.message


def test_a_card_is_good_to_the_end_of_its_month(office: Office) -> None:
    office.has(an_invoice("100.00"), expiry="11/2026")
    assert office.charge("INV-1", "10.00").code == "succeeded"


def test_another_customers_profile(office: Office) -> None:
    office.has(an_invoice("100.00"))
    foreign = a_profile("Visa •••• 1111", account="Tailspin Rail")
    office.books.add(an_account("Tailspin Rail"), foreign)
    assert office.charge("INV-1", "10.00", PaymentProfileId=foreign.id).code == "profile_not_usable"


def test_another_profile_of_the_customer_may_be_chosen(office: Office) -> None:  # A2
    office.has(an_invoice("100.00"))
    second = a_profile("Mastercard •••• 4444", method="pm_other")
    office.books.add(second)
    office.charge("INV-1", "10.00", PaymentProfileId=second.id)
    assert next(iter(office.gateway.orders.values())).method == "pm_other"


def test_a_closed_period(office: Office) -> None:  # A30
    office.has(an_invoice("100.00"))
    office.books.add(a_closed_period("2026-11-01", "2026-11-30"))
    assert office.charge("INV-1", "10.00").code == "posting_period_closed"
    office.books.add(a_setting(financial=False))
    assert office.charge("INV-1", "10.00").code == "succeeded"


def test_no_payment_type_for_cards(office: Office) -> None:  # A20
    office.has(an_invoice("100.00"))
    del office.books.rows[named("Credit Card")]
    assert office.charge("INV-1", "10.00").code == "no_payment_type"


@pytest.mark.parametrize("pinned", [{"organization": "someone else's"}, {"mode": "live"}])
def test_a_copied_environment_charges_nothing(office: Office, pinned: dict[str, Any]) -> None:
    fields = {name: GatewayMode(value) if name == "mode" else value for name, value in pinned.items()}
    office.has(an_invoice("100.00"))
    office.books.add(a_setting(**fields))
    assert office.charge("INV-1", "10.00").code == "wrong_environment"
    assert office.gateway.calls == []


# --- What the gateway says --------------------------------------------------------------------------------------------


def test_authentication_needs_the_customer(office: Office) -> None:
    office.has(an_invoice("100.00"), method="pm_asks")
    assert office.charge("INV-1", "10.00").code == "needs_customer"


def test_a_gateway_that_is_not_there_before_anything_was_promised(office: Office) -> None:
    office.has(an_invoice("100.00"))
    office.gateway.before = no_answer("create")
    answer = office.charge("INV-1", "10.00")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "processor_unreachable")
    assert office.transactions() == []


def test_an_order_the_gateway_does_not_take_leaves_a_failed_record(office: Office) -> None:  # W31
    def refuse(name: str) -> None:
        if name == "create":
            raise GatewayRefused("resource_missing", "No such PaymentMethod.")

    office.has(an_invoice("100.00"))
    office.gateway.before = refuse
    answer = office.charge("INV-1", "10.00")
    assert (answer.outcome, answer.code) == (Outcome.FAILED, "rejected")
    (record,) = office.transactions()
    assert record.status is TransactionStatus.FAILED
    assert record.result.endswith("(resource_missing)")
    assert office.shown().pending_amount == usd("0.00")


def test_no_answer_is_pending_and_never_failed(office: Office) -> None:
    office.has(an_invoice("100.00"))
    office.gateway.before = no_answer("confirm", "read", times=2)
    answer = office.charge("INV-1", "60.00", key="in-doubt")
    assert (answer.outcome, answer.code) == (Outcome.PENDING, "unknown")
    (record,) = office.transactions()
    assert record.status is TransactionStatus.PENDING
    assert record.next_check_on is not None

    assert office.check("in-doubt").code == "succeeded"  # it was never confirmed, and it is still wanted
    assert office.gateway.captured() == 60_00


# --- The CRM in trouble -----------------------------------------------------------------------------------------------


def test_an_invoice_that_cannot_be_written_does_not_keep_money_from_being_recorded(office: Office) -> None:
    office.has(an_invoice("100.00"))
    office.books.refuses_invoice = True
    assert office.charge("INV-1", "100.00").code == "succeeded"
    assert office.alerts.codes == ["invoice_not_writable"]
    assert len(office.payments()) == 1
    assert named("INV-1") not in office.books.shown

    office.books.refuses_invoice = False
    office.clock.advance(minutes=10)
    sweep(office.outside)
    assert office.shown().status is InvoiceStatus.COMPLETE
    assert sweep(office.outside).looked_at == 0


def test_a_cancelled_invoice_stays_cancelled_and_its_payment_undisbursed(office: Office) -> None:
    office.has(an_invoice("100.00"))

    def cancel(name: str) -> None:
        if name == "confirm":
            current = office.books.invoice(InvoiceId(named("INV-1")))
            office.books.add(replace(current, status=InvoiceStatus.CANCELED))

    office.gateway.after = cancel
    assert office.charge("INV-1", "100.00").code == "succeeded"
    (payment,) = office.payments()
    assert (payment.disbursed, payment.undisbursed) == (usd("0.00"), usd("100.00"))
    assert office.disbursements() == []
    assert office.shown().status is InvoiceStatus.CANCELED
    (record,) = office.transactions()
    assert "stays undisbursed" in record.result


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_reservation_whose_answer_is_lost_is_looked_for_first(office: Office, moment: str) -> None:
    office.has(an_invoice("100.00"))
    setattr(office.books, moment, unreachable("commit"))
    assert office.charge("INV-1", "100.00").code == "succeeded"
    assert len(office.transactions()) == 1
    assert office.gateway.captured() == 100_00


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_settlement_whose_answer_is_lost_is_looked_for_first(office: Office, moment: str) -> None:
    office.has(an_invoice("100.00"))
    lost = unreachable("commit")
    seen: list[str] = []

    def second_commit(name: str) -> None:
        seen.append(name)
        if seen.count("commit") == 2:
            lost(name)

    setattr(office.books, moment, second_commit)
    assert office.charge("INV-1", "100.00").code == "succeeded"
    assert len(office.payments()) == 1


def test_a_charge_takes_five_calls(office: Office) -> None:
    office.has(an_invoice("100.00"))
    office.charge("INV-1", "100.00")
    assert office.books.calls == ["for_charge", "commit", "commit"]
    assert office.gateway.calls == ["create", "confirm"]
