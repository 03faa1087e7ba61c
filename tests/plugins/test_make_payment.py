"""Make a payment: any amount, through the gateway, onto the account (E126-E132, E138-E142, A9, A10, A20, A36)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connector.sync.sweep import sweep
from plugins.ports import Decline, IntentStatus, MethodType
from plugins.rules.checks import WholeBooks, problems
from plugins.rules.ledger import (
    LedgerStatus,
    Mode,
    Operation,
    Outcome,
    Stage,
    Transaction,
    TransactionStatus,
)
from plugins.rules.setup import Backend, PaymentType, ProfileStatus, ProfileType
from tests.builders import Office, a_closed_period, a_ledger, a_profile, an_invoice, named, usd
from tests.crashes.wire import Killed
from tests.fakes.books import unreachable
from tests.fakes.gateway import no_answer

KEY = "the-payment"


@pytest.fixture
def office() -> Office:
    """A customer who owes 100.00 and 50.00, with a default card."""
    made = Office()
    made.has(an_invoice("100.00"), an_invoice("50.00", "INV-2"), is_default=True)
    made.books.add(a_ledger(), a_type("Card, by itself", 9, Backend.CREDIT_CARD, automatic=True))
    return made


def a_type(name: str, number: int, backend: Backend, *, automatic: bool) -> PaymentType:
    return PaymentType(id=named(name), name=name, number=number, backend=backend, automatic=automatic)


def the_transaction(office: Office) -> Transaction:
    (found,) = office.transactions()
    return found


# --- What it becomes ---------------------------------------------------------------------------------------------------


def test_a_payment_pays_the_oldest_invoices_and_the_rest_waits(office: Office) -> None:  # E130 E132 E152 E155
    answer = office.pay("170.00")
    assert (answer.outcome, answer.code) == (Outcome.DONE, "succeeded")
    assert answer.message == "170.00 USD was charged to Visa •••• 4242."
    (payment,) = office.payments()
    assert (payment.amount, payment.disbursed, payment.undisbursed) == (
        usd("170.00"),
        usd("150.00"),
        usd("20.00"),
    )
    assert (payment.automatic, payment.deposit) == (True, False)
    assert {(each.amount, each.mode) for each in office.disbursements()} == {
        (usd("100.00"), Mode.AUTOMATIC),
        (usd("50.00"), Mode.AUTOMATIC),
    }
    assert office.ledger().balance == usd("-20.00")
    assert office.shown("INV-1").amount_charged == usd("100.00"), "it came through the gateway (A23)"
    assert office.gateway.captured() == 170_00


def test_the_transaction_holds_what_its_end_needs(office: Office) -> None:
    office.pay("20.00", Automatic=False)
    found = the_transaction(office)
    assert (found.operation, found.invoice, found.status) == (
        Operation.CHARGE,
        None,
        TransactionStatus.SUCCEEDED,
    )
    assert (found.automatic, found.deposit, found.payment_type) == (False, False, named("Credit Card"))
    (payment,) = office.payments()
    assert (payment.transaction, payment.payment_type, found.payment) == (
        found.id,
        named("Credit Card"),
        payment.id,
    )
    assert office.disbursements() == []
    order = office.gateway.orders[found.gateway_reference]
    assert order.description == "Payment of Fabrikam Fibre (USD)"
    assert order.metadata["counterfoil_transaction"] == str(found.id)


def test_a_deposit_is_held_and_pays_nothing(office: Office) -> None:  # E131 A10
    assert office.pay("40.00", Deposit=True).code == "succeeded"
    (payment,) = office.payments()
    assert (payment.deposit, payment.automatic, payment.undisbursed) == (True, False, usd("40.00"))
    assert (office.ledger().deposit_balance, office.ledger().balance) == (usd("40.00"), usd("150.00"))


def test_a_deposit_that_disburses_by_itself_is_refused(office: Office) -> None:
    answer = office.pay("40.00", Deposit=True, Automatic=True)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "deposit_cannot_be_automatic")
    assert office.gateway.calls == []


@pytest.mark.parametrize(("ticked", "chosen"), [(True, "Card, by itself"), (False, "Credit Card")])
def test_the_tick_chooses_the_payment_type(office: Office, ticked: bool, chosen: str) -> None:  # E140-E142
    office.pay("20.00", Automatic=ticked)
    assert office.payments()[0].payment_type == named(chosen)


def test_a_payment_type_may_be_chosen(office: Office) -> None:  # E127
    office.pay("20.00", PaymentTypeId=named("Credit Card"))
    assert office.payments()[0].payment_type == named("Credit Card")


def test_another_profile_may_be_chosen(office: Office) -> None:
    office.books.add(
        a_profile("Checking •••• 6789", method="pm_debit", type=ProfileType.ACH_DEBIT, expiry="")
    )
    answer = office.pay("20.00", PaymentProfileId=named("Checking •••• 6789"))
    assert (answer.outcome, answer.code) == (Outcome.PENDING, "processing")
    found = the_transaction(office)
    assert (found.stage, found.payment_type) == (Stage.PROCESSING, named("ACH"))
    assert office.gateway.orders[found.gateway_reference].method_type is MethodType.ACH_DEBIT


def test_the_customer_at_the_gateway_is_kept_on_the_account(office: Office) -> None:
    office.books.add(a_ledger(customer_ref=""))
    office.pay("20.00")
    assert office.ledger().customer_ref == "cus_1"


# --- Refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (None, "amount_invalid"),
        ("0.00", "amount_invalid"),
        ("-5.00", "amount_invalid"),
        ("1.001", "amount_invalid"),
        ("a lot", "amount_invalid"),
        (True, "amount_invalid"),
        (Decimal("NaN"), "amount_invalid"),
        (Decimal("1e40"), "amount_invalid"),
        ("0.49", "amount_below_minimum"),
    ],
)
def test_amounts_that_cannot_be_paid(office: Office, amount: Any, code: str) -> None:
    before = dict(office.books.rows)
    answer = office.pay(amount)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    assert office.gateway.calls == []
    kept = {key: row for key, row in office.books.rows.items() if key in before}
    assert kept == before
    (request,) = office.requests()
    assert (request.outcome, request.ledger) == (Outcome.REFUSED, a_ledger().id)


def test_no_balance_limits_it(office: Office) -> None:
    assert office.pay("123456.78").code == "succeeded"
    assert office.ledger().undisbursed == usd("123306.78")


@pytest.mark.parametrize(
    ("profile", "parameters", "code", "words"),
    [
        ({"is_default": False}, {}, "no_payment_profile", "has no default payment profile"),
        ({"status": ProfileStatus.EXPIRED}, {}, "profile_not_usable", "has expired"),
        ({"expiry": "10/2026"}, {}, "profile_not_usable", "has expired"),
        ({"method": ""}, {}, "profile_not_usable", "not known to the payment processor"),
        ({"type": ProfileType.SEPA_DEBIT}, {}, "profile_not_usable", "only be charged in EUR"),
        ({}, {"PaymentProfileId": named("nobody's")}, "profile_not_usable", "does not belong to the customer"),
        ({}, {"PaymentTypeId": named("nobody's")}, "payment_type_missing", "active payment type"),
        ({}, {"PaymentTypeId": named("Check")}, "payment_type_not_for_profile", "backend Credit Card"),
        ({}, {"Automatic": "yes"}, "parameter_invalid", "Yes or No"),
        ({}, {"PaymentProfileId": "x"}, "parameter_invalid", "not an id"),
    ],
)  # fmt: skip
def test_profiles_and_types_that_will_not_do(
    office: Office, profile: dict[str, Any], parameters: dict[str, Any], code: str, words: str
) -> None:
    office.books.add(a_profile(**{"is_default": True} | profile))
    answer = office.pay("20.00", **parameters)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    assert words in answer.message
    assert office.gateway.calls == []


def test_a_profile_of_somebody_else_is_refused(office: Office) -> None:
    office.books.add(a_profile("Theirs", account="Tailspin Rail"))
    assert office.pay("20.00", PaymentProfileId=named("Theirs")).code == "profile_not_usable"


def test_without_a_payment_type_nothing_is_paid(office: Office) -> None:  # A20
    for each in office.books.all(PaymentType):
        if each.backend is Backend.CREDIT_CARD:
            del office.books.rows[each.id]
    assert office.pay("20.00").code == "no_payment_type"


def test_a_suspended_account_pays_nothing_and_a_cancelled_one_may(office: Office) -> None:  # A8
    office.books.add(a_ledger(status=LedgerStatus.SUSPENDED))
    assert office.pay("20.00").code == "ledger_suspended"
    office.books.add(a_ledger(status=LedgerStatus.CANCELLED))
    assert office.pay("20.00").code == "succeeded"


def test_nothing_is_paid_into_a_closed_period(office: Office) -> None:
    office.books.add(a_closed_period("2026-11-01", "2026-11-30"))
    assert office.pay("20.00").code == "posting_period_closed"


def test_who_cannot_see_the_account_pays_nothing(office: Office) -> None:
    office.books.rights = {each: frozenset() for each in office.books.names}
    assert office.pay("20.00").code == "not_permitted"


def test_an_account_that_is_gone(office: Office) -> None:
    del office.books.rows[a_ledger().id]
    assert office.pay("20.00").code == "record_not_found"


def test_a_currency_that_the_gateway_cannot_charge(office: Office) -> None:
    office.books.add(replace(a_ledger(currency="KWD"), id=a_ledger().id))
    assert office.pay("20.00").code == "currency_not_supported"


# --- The same key, others, and silence -------------------------------------------------------------------------------


def test_the_same_key_again_is_the_same_answer(office: Office) -> None:
    first = office.pay("20.00", key=KEY)
    assert office.pay("20.00", key=KEY) == first
    assert len(office.payments()) == 1
    assert office.gateway.captured() == 20_00


def test_a_second_payment_while_one_awaits_its_answer_is_refused_and_says_whose(office: Office) -> None:
    office.gateway.before = no_answer("confirm", "read", times=2)
    assert office.pay("20.00", key=KEY).outcome is Outcome.PENDING
    answer = office.pay("30.00")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "charge_in_progress")
    assert answer.message == (
        "A payment of 20.00 USD by Nia Biller is still being processed since 09:00 UTC. Nothing was charged."
    )
    assert office.charge("INV-1", "100.00").code == "succeeded", "an invoice is charged by itself"
    office.clock.advance(minutes=2)
    assert sweep(office.outside).done == 1
    assert office.pay("30.00").code == "succeeded"


def test_a_bank_debit_under_way_is_not_in_the_way(office: Office) -> None:
    office.gateway.methods["pm_works"] = IntentStatus.PROCESSING
    assert office.pay("20.00").code == "processing"
    assert office.pay("30.00").code == "processing"


@pytest.mark.parametrize("call", ["create", "confirm", "read"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_whatever_the_gateway_does_not_answer_ends_well(office: Office, call: str, moment: str) -> None:
    setattr(office.gateway, moment, no_answer(call, *(("confirm",) if call == "read" else ()), times=2))
    office.pay("20.00", key=KEY)
    for minutes in (2, 6):
        office.clock.advance(minutes=minutes)
        sweep(office.outside)
    made = [each for each in office.transactions() if each.status is TransactionStatus.SUCCEEDED]
    assert office.gateway.captured() == sum(each.amount.minor for each in made)
    assert not [each for each in office.transactions() if each.status is TransactionStatus.PENDING]
    assert len(office.payments()) == len(made)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_whatever_the_crm_does_not_answer_ends_well(office: Office, moment: str, times: int) -> None:
    setattr(office.books, moment, unreachable("commit", times=times))
    assert office.pay("20.00", key=KEY).code == "succeeded"
    assert office.gateway.captured() == 20_00
    assert len(office.payments()) == 1


def test_a_process_that_dies_before_it_confirms(office: Office) -> None:
    def dies(name: str) -> None:
        if name == "confirm":
            raise Killed

    office.gateway.before = dies
    with pytest.raises(Killed):
        office.pay("20.00", key=KEY, Deposit=True)
    office.gateway.before = lambda _: None
    office.clock.advance(minutes=2)
    assert sweep(office.outside).done == 1
    (payment,) = office.payments()
    assert (payment.deposit, payment.amount) == (True, usd("20.00"))
    assert office.check(KEY).code == "succeeded"


def test_a_decline_leaves_a_failed_record_and_no_payment(office: Office) -> None:
    office.gateway.methods["pm_works"] = Decline("card_declined", "insufficient_funds")
    answer = office.pay("20.00")
    assert (answer.outcome, answer.code) == (Outcome.FAILED, "declined")
    assert (office.payments(), the_transaction(office).status) == ([], TransactionStatus.FAILED)


def test_books_stay_in_order(office: Office) -> None:
    office.pay("170.00")
    office.pay("30.00", Deposit=True)
    office.charge("INV-1", "1.00")
    assert problems(WholeBooks.of(office.books.rows.values(), office.books.shown)) == []
