"""Every refusal of the ledger's actions: its code, a sentence that tells what to do, and books that stay as they were (I23)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from plugins.parameters import LONGEST_DETAIL
from plugins.ports import BooksRefused
from plugins.rules.ids import InvoiceId
from plugins.rules.ledger import Invoice, LedgerStatus
from plugins.rules.setup import AccountService, Frequency, Service
from tests.builders import BILLER, ORGANISATION, a_ledger, an_account, an_invoice, named
from tests.docs.code import calls, texts
from tests.examples.billing_office import BillingOffice, Given
from tests.examples.in_memory import MemoryStage
from tests.fakes.books import unreachable

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stage() -> MemoryStage:
    return MemoryStage()


@pytest.fixture
def office(stage: MemoryStage) -> BillingOffice:
    return BillingOffice(stage)


# --- What was filled in -------------------------------------------------------------------------------------------------

ENTRIES: list[Callable[[BillingOffice, Given], object]] = [
    lambda office, amount: office.ask("cfl_AddDebit", office.ledger.id, Amount=amount),
    lambda office, amount: office.ask(
        "cfl_AddCredit", office.ledger.id, Amount=amount, ServiceId=named("Setup")
    ),
    lambda office, amount: office.ask(
        "cfl_AddPayment", office.ledger.id, Amount=amount, PaymentTypeId=named("Check")
    ),
]


@pytest.mark.parametrize("enter", ENTRIES, ids=["debit", "credit", "payment"])
@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        (None, "Enter an amount."),
        (Decimal("0.00"), "Enter an amount above zero."),
        (Decimal("-1.00"), "Enter an amount above zero."),
        (Decimal("1.001"), "USD has 2 decimals; 1.001 has more. Enter an amount such as 12.50."),
        (Decimal("1e20"), "The amount is larger than the CRM can hold. Enter less."),
        ("12,50", "'12,50' is not an amount. Enter an amount such as 12.50."),
        (True, "True is not an amount. Enter an amount such as 12.50."),
    ],
)
def test_an_amount_has_to_be_one(
    office: BillingOffice,
    enter: Callable[[BillingOffice, Given], object],
    amount: Given,
    sentence: str,
) -> None:
    # E14 E15 E74 E115 A31 A34
    with office.refusal("amount_invalid", sentence):
        enter(office, amount)


@pytest.mark.parametrize(
    ("given", "code", "sentence"),
    [
        (
            {"Date": "31.01.2026"},
            "date_invalid",
            "Date is not a date: 31.01.2026. Enter a date such as 2026-01-31.",
        ),
        ({"TaxExempt": "yes"}, "parameter_invalid", "TaxExempt must be Yes or No."),
        ({"Detail": 7}, "parameter_invalid", "Detail must be text."),
        ({"ServiceId": "Setup"}, "parameter_invalid", "ServiceId is not an id."),
        (
            {"Detail": "x" * (LONGEST_DETAIL + 1)},
            "text_too_long",
            "Detail can have 400 characters at most; this one has 401.",
        ),
        (
            {
                "PeriodStart": datetime(2026, 11, 2, tzinfo=UTC),
                "PeriodEnd": datetime(2026, 11, 1, tzinfo=UTC),
            },
            "period_invalid",
            "The period ends before it starts. Correct Period Start or Period End.",
        ),
    ],
)
def test_what_cannot_be_read_is_named(
    office: BillingOffice, given: dict[str, Given], code: str, sentence: str
) -> None:
    with office.refusal(code, sentence):
        office.ask("cfl_AddDebit", office.ledger.id, Amount=Decimal(10), **given)


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        ("I1", "InvoiceIds must be a list of at most 1000 ids."),
        ([str(uuid4())] * 1001, "InvoiceIds must be a list of at most 1000 ids."),
        (["I1"], "InvoiceIds holds something that is not an id."),
    ],
)
def test_a_list_of_ids_has_to_be_one(office: BillingOffice, ids: Given, sentence: str) -> None:
    with office.refusal("parameter_invalid", sentence):
        office.ask("cfl_AddCredit", office.ledger.id, Amount=Decimal(10), InvoiceIds=ids)


def test_a_posting_date_in_a_closed_period(office: BillingOffice) -> None:  # E19 A30 I31
    office.stage.close_period("2026-10-01", "2026-10-31")
    sentence = "The financial period of 2026-10-31 is closed. Enter a Posting Date in an open period."
    dated = datetime(2026, 10, 31, tzinfo=UTC)
    with office.refusal("posting_period_closed", sentence):
        office.add_debit("10.00", Date=dated)
    office.add_debit("10.00")
    with office.refusal("posting_period_closed", sentence):
        office.reverse("D1", PostingDate=dated)
    office.add_payment("10.00")
    with office.refusal("posting_period_closed"):
        office.ask("cfl_ReversePayments", None, PaymentIds=[str(office.payment("P1").id)], PostingDate=dated)


def test_a_payment_without_an_active_payment_type(office: BillingOffice) -> None:  # E114 A31
    with office.refusal("payment_type_missing", "Choose an active payment type."):
        office.ask("cfl_AddPayment", office.ledger.id, Amount=Decimal(10), PaymentTypeId=named("Old card"))
    with office.refusal("card_type_invalid", "Choose one of the card types of the list."):
        office.ask(
            "cfl_AddPayment",
            office.ledger.id,
            Amount=Decimal(10),
            PaymentTypeId=named("Credit Card"),
            CardType=99,
        )


def test_a_deposit_that_should_disburse(office: BillingOffice) -> None:  # E122 A10
    sentence = "A deposit does not disburse to invoices. Untick Automatic Disbursement or Deposit."
    with office.refusal("deposit_cannot_be_automatic", sentence):
        office.add_payment("10.00", Deposit=True, Automatic=True)
    office.add_payment("10.00", Deposit=True)
    with office.refusal("deposit_cannot_be_automatic", sentence):
        office.save("P1", Automatic=True)


# --- Services -----------------------------------------------------------------------------------------------------------


def test_a_credit_needs_a_service_that_may_be_chosen(  # E14 E20 E75 E76 A31
    office: BillingOffice, stage: MemoryStage
) -> None:
    def credit(**given: Given) -> None:
        office.ask("cfl_AddCredit", office.ledger.id, Amount=Decimal(10), **given)

    add = stage.office.books.add
    add(Service(id=named("Line"), name="Line", frequency=Frequency.RECURRING, tax_category=None))
    own = AccountService(
        id=named("own"),
        name="Line",
        ledger=a_ledger().id,
        service=named("Line"),
        serial=12345,
        billed_on=None,
    )
    add(own, replace(own, id=named("other's"), ledger=a_ledger("Other").id))

    with office.refusal("service_missing", "Choose the service that this is for."):
        credit()
    with office.refusal("service_not_found", "This service no longer exists. Choose one of the list."):
        credit(ServiceId=named("gone"))
    with office.refusal(
        "service_not_found", "This service is not one of the account's. Choose one of the list."
    ):
        credit(AccountServiceId=named("other's"))
    with office.refusal("service_not_found", "Line (#12345) is of another service. Choose one or the other."):
        credit(AccountServiceId=own.id, ServiceId=named("Setup"))
    with office.refusal(
        "service_not_one_time",
        "Line is not a one-time service. Choose one that is billed once, or one of the account's own.",
    ):
        credit(ServiceId=named("Line"))
    with office.refusal(
        "service_not_billed", "Line (#12345) has not billed on this account yet. Choose another service."
    ):
        credit(AccountServiceId=own.id)


def test_a_tax_adjustment_needs_a_kind_and_a_rate(office: BillingOffice) -> None:  # E183 E184
    office.add_debit("10.00")
    key = office.transaction("D1").id
    with office.refusal("kind_missing", "Choose Debit or Credit."):
        office.ask("cfl_AdjustTax", key, TaxRateId=named("GST 13"), Amount=Decimal(1))
    with office.refusal("kind_missing"):
        office.ask("cfl_AdjustTax", key, Kind=2, TaxRateId=named("GST 13"), Amount=Decimal(1))
    with office.refusal("tax_rate_missing", "Choose a tax code and one of its rates."):
        office.ask("cfl_AdjustTax", key, Kind=0, TaxRateId=named("gone"), Amount=Decimal(1))


# --- Invoices that are ticked -------------------------------------------------------------------------------------------


def test_only_invoices_with_a_balance_can_be_ticked(office: BillingOffice, stage: MemoryStage) -> None:
    # E83 E84 E160
    office.bill("50.00")
    office.add_payment("50.00")
    number = office.invoice("I1").number
    with office.refusal("invoice_has_no_balance", f"Invoice {number} has no balance left. Untick it."):
        office.add_credit("10.00", to=["I1"])
    with office.refusal(
        "invoices_and_automatic",
        "Tick invoices or Automatic Disbursement, not both (one is instead of the other).",
    ):
        office.add_credit("10.00", to=["I1"], automatic=True)
    stage.office.books.add(an_account("Other"), an_invoice("10.00", "INV-7", "Other"))
    office.look_again()
    with office.refusal(
        "invoice_of_another_account",
        "One of the ticked invoices is not this account's, or is in another currency. Refresh the list.",
    ):
        office.ask(
            "cfl_AddCredit",
            office.ledger.id,
            Amount=Decimal(10),
            ServiceId=named("Setup"),
            InvoiceIds=[str(named("INV-7"))],
        )


def test_more_invoices_than_one_changeset_holds_are_not_ticked(office: BillingOffice) -> None:
    with office.refusal("too_many_invoices", "Tick at most 300 invoices at a time."):
        office.ask(
            "cfl_AddCredit",
            office.ledger.id,
            Amount=Decimal(10),
            ServiceId=named("Setup"),
            InvoiceIds=[str(named(f"INV-{place}")) for place in range(301)],
        )


def test_an_invoice_that_is_being_charged_whole_takes_nothing_else(office: BillingOffice) -> None:  # A25
    office.bill("50.00")
    office.on_contract("I1", card="bank debit")
    office.charge("I1", "50.00")
    number = office.invoice("I1").number
    sentence = f"What is left of invoice {number} is being charged now. Untick it, or wait until the charge has ended."
    with office.refusal("charge_in_progress", sentence):
        office.add_credit("10.00", to=["I1"])
    with office.refusal(
        "charge_in_progress",
        f"A charge of invoice {number} is still being processed. Void it when the charge has ended.",
    ):
        office.void("I1")


def test_disbursing_takes_one_source_with_money_and_a_ticked_invoice(office: BillingOffice) -> None:
    # E160 E161
    office.bill("50.00")
    office.add_payment("20.00", Automatic=False)
    office.add_credit("20.00")
    payment, credit = office.payment("P1").id, office.transaction("C2").id
    ticked = [str(office.invoice("I1").id)]
    sentence = "Choose one payment or one credit to disburse."
    with office.refusal("source_missing", sentence):
        office.ask("cfl_Disburse", None, InvoiceIds=ticked)
    with office.refusal("source_missing", sentence):
        office.ask("cfl_Disburse", None, PaymentId=payment, CreditId=credit, InvoiceIds=ticked)
    with office.refusal("invoice_missing", "Tick the invoices that the money goes to."):
        office.disburse("P1")
    office.disburse("P1", "I1")
    number = office.payment("P1").number
    with office.refusal("nothing_to_disburse", f"#{number} has nothing left to disburse."):
        office.disburse("P1", "I1")


def test_a_disbursement_is_removed_once(office: BillingOffice) -> None:  # E163
    office.bill("50.00")
    office.add_payment("20.00")
    key = office.disbursement("P1", "I1").id
    office.delete_disbursement("P1", "I1")
    with office.refusal("disbursement_removed", "This disbursement was already removed. Refresh the list."):
        office.ask("cfl_DeleteDisbursement", key)


# --- Open, Close, Void --------------------------------------------------------------------------------------------------


def test_one_invoice_is_open_at_a_time(office: BillingOffice) -> None:  # E12 E48 A15
    office.bill("10.00")
    number = office.invoice("I1").number
    with office.refusal("invoice_not_open", f"Invoice {number} is already closed."):
        office.close("I1")
    office.open("I1")
    with office.refusal("invoice_already_open", f"Invoice {number} is already open."):
        office.open("I1")
    office.close("I1")
    office.add_debit("20.00")
    other = office.invoice("I2").number
    with office.refusal(
        "another_invoice_open",
        f"Invoice {other} of this account is open. Close it first, then open {number}.",
    ):
        office.open("I1")


def test_what_is_void_stays_void(office: BillingOffice) -> None:  # A14
    office.bill("10.00")
    office.void("I1")
    number = office.invoice("I1").number
    for command, done in (
        (office.open, "opened"),
        (office.close, "closed"),
        (office.void, "voided again"),
    ):
        sentence = f"Invoice {number} is void, so it can't be {done}."
        with office.refusal("invoice_void", sentence):
            command("I1")
    debit = office.transaction("D1").number
    with office.refusal(
        "invoice_void",
        f"Transaction #{debit} is on invoice {number}, which is void: it was undone with the invoice.",
    ):
        office.reverse("D1")


def test_the_latest_closed_invoice_is_voided_first(office: BillingOffice) -> None:  # A14
    office.bill("10.00")
    office.bill("20.00")
    number = office.invoice("I2").number
    sentence = f"Only the latest closed invoice can be voided. Void {number} first."
    with office.refusal("not_the_latest_invoice", sentence):
        office.void("I1")


def test_a_line_is_never_undone_twice(office: BillingOffice) -> None:  # E32 A4 A14
    office.bill("10.00", "20.00")
    office.reverse("D1")
    debit, credit = office.transaction("D1").number, office.transaction("C3").number
    number = office.invoice("I1").number
    with office.refusal(
        "line_reversed",
        f"Debit #{debit} on invoice {number} was already reversed by credit #{credit}. "
        f"Reverse #{credit} first, then void the invoice.",
    ):
        office.void("I1")
    with office.refusal(
        "already_reversed",
        f"Transaction #{debit} was already reversed by #{credit}. To bring it back, reverse #{credit}.",
    ):
        office.reverse("D1")
    office.reverse("C3")
    office.void("I1")
    assert office.balance == "0.00"


def test_a_line_that_was_refunded_is_not_undone_again(office: BillingOffice) -> None:  # A14 A33
    office.bill("10.00")
    office.add_payment("10.00")
    office.create_refund("D1")
    debit, credit = office.transaction("D1").number, office.transaction("C2").number
    number = office.invoice("I1").number
    with office.refusal(
        "line_refunded",
        f"10.00 USD of debit #{debit} on invoice {number} was refunded, so the invoice can't be voided. "
        "Reverse or refund its other lines instead.",
    ):
        office.void("I1")
    with office.refusal(
        "already_refunded",
        f"10.00 USD of transaction #{debit} was refunded, so it can't be reversed. Refund the rest instead.",
    ):
        office.reverse("D1")
    with office.refusal(
        "part_of_a_refund",
        f"Credit #{credit} belongs to a refund that was paid out, so it can't be reversed. Add a debit instead.",
    ):
        office.reverse("C2")


# --- Payments -----------------------------------------------------------------------------------------------------------


def test_a_payment_is_given_back_once(office: BillingOffice) -> None:  # E143 E147 A16 A17 I11
    office.add_payment("100.00")
    payment = office.payment("P1").number
    with office.refusal("amount_invalid", "Enter an amount above zero."):
        office.refund("P1", "0.00", ThroughGateway=False)
    office.refund("P1", "60.00", ThroughGateway=False)
    with office.refusal(
        "amount_above_unrefunded",
        f"The amount can't be more than what is left of payment #{payment}, 40.00 USD. Nothing was refunded.",
    ):
        office.refund("P1", "40.01", ThroughGateway=False)
    with office.refusal(
        "already_refunded",
        f"Payment #{payment} was already refunded or reversed, at least in part. Refund the rest instead.",
    ):
        office.reverse_payments("P1")
    office.refund("P1", ThroughGateway=False)
    with office.refusal("already_refunded", f"Payment #{payment} is already refunded."):
        office.refund("P1", ThroughGateway=False)
    back = office.payment("P2").number
    sentence = f"#{back} is itself a refund or a reversal. Choose the payment it belongs to."
    with office.refusal("not_refundable", sentence):
        office.reverse_payments("P2")
    with office.refusal("not_refundable", sentence):
        office.refund("P2", "1.00", ThroughGateway=False)
    with office.refusal("payment_not_editable", f"#{back} is a refund or a reversal and stays as it is."):
        office.save("P2")


def test_payments_of_one_account_are_reversed_together(office: BillingOffice, stage: MemoryStage) -> None:
    # E148
    with office.refusal("payment_missing", "Tick the payments to reverse."):
        office.reverse_payments()
    office.add_payment("10.00")
    with office.refusal(
        "not_one_account",
        "These payments are not all of one billing account. Reverse them account by account.",
    ):
        office.ask(
            "cfl_ReversePayments", None, PaymentIds=[str(office.payment("P1").id), str(named("other's"))]
        )


def test_a_regular_payment_becomes_a_deposit_only_while_nothing_happened_to_it(office: BillingOffice) -> None:
    # E122 A10 I29
    office.bill("10.00")
    office.add_payment("5.00")
    number = office.payment("P1").number
    sentence = (
        f"Payment #{number} can't become a deposit any more: it was disbursed, refunded or shown on an invoice, "
        "or was a deposit before."
    )
    with office.refusal("deposit_not_possible", sentence):
        office.save("P1", Deposit=True, Automatic=False)
    office.add_payment("5.00", Deposit=True)
    office.save("P2", Deposit=False, Automatic=False)
    with office.refusal("deposit_not_possible"):
        office.save("P2", Deposit=True)
    office.add_payment("5.00", Automatic=False)
    office.save("P3", Deposit=True)
    assert office.payment("P3").deposit


def test_a_debit_is_not_saved(office: BillingOffice) -> None:  # E57
    office.add_debit("10.00")
    row = office.transaction("D1")
    with office.refusal(
        "not_a_credit", f"#{row.number} is a debit. Debits are not saved again: reverse it instead."
    ):
        office.ask("cfl_SaveCredit", row.id)


# --- Whose books these are ----------------------------------------------------------------------------------------------


def test_a_suspended_account_takes_nothing_new(office: BillingOffice, stage: MemoryStage) -> None:
    stage.office.books.add(replace(office.ledger, status=LedgerStatus.SUSPENDED))
    sentence = "The billing account Fabrikam Fibre (USD) is suspended. Set it to Active, then try again."
    office.look_again()
    for command in (office.add_debit, office.add_credit, office.add_payment):
        with office.refusal("ledger_suspended", sentence):
            command("10.00")


def test_who_cannot_see_the_account_changes_nothing(office: BillingOffice, stage: MemoryStage) -> None:
    stage.office.books.rights[BILLER] = frozenset()
    with office.refusal(
        "not_permitted", "You can't see this record, so you can't change it. Ask its owner to share it."
    ):
        office.add_debit("10.00")


def test_what_is_gone_is_told(office: BillingOffice) -> None:
    for action, name in (
        ("cfl_AddDebit", "billing account"),
        ("cfl_CloseInvoice", "invoice"),
        ("cfl_SavePayment", "payment"),
        ("cfl_ReverseTransaction", "transaction"),
        ("cfl_DeleteDisbursement", "disbursement"),
    ):
        with office.refusal("record_not_found", f"This {name} no longer exists. Refresh the page."):
            office.ask(action, uuid4(), Amount=Decimal(1))


def test_an_invoice_of_a_contact_has_no_ledger(office: BillingOffice, stage: MemoryStage) -> None:
    row = an_invoice("10.00", "INV-7", "A person", customer_kind="contact")
    stage.office.books.add(row)
    with office.refusal(
        "customer_not_supported",
        "The customer is a contact. Set an account as the customer, then try again.",
    ):
        office.ask("cfl_OpenInvoice", row.id)


def test_books_of_another_environment_are_left_alone(office: BillingOffice, stage: MemoryStage) -> None:
    outside = stage.office.outside
    stage.office.outside = replace(outside, organisation=UUID(int=ORGANISATION.int + 1))
    with office.refusal("wrong_environment"):
        office.add_debit("10.00")


def test_a_crm_that_refuses_to_be_read_or_written_is_quoted(
    office: BillingOffice, stage: MemoryStage
) -> None:
    def refuse(call: str, why: str) -> Callable[[str], None]:
        def act(name: str) -> None:
            if name == call:
                raise BooksRefused(why, None)

        return act

    books = stage.office.books
    books.before = refuse("for_ledger", "principal is missing prvReadcfl_payment")
    with office.refusal(
        "books_not_readable",
        "The CRM did not let Counterfoil read the billing account (principal is missing prvReadcfl_payment). "
        "Nothing was changed. Ask your administrator.",
    ):
        office.add_debit("10.00")
    books.before = refuse("commit", "a plug-in says no")
    with office.refusal(
        "books_not_writable",
        "The CRM did not let Counterfoil write to the billing account (a plug-in says no). Nothing was changed. "
        "Ask your administrator.",
    ):
        office.add_debit("10.00")


def test_an_answer_that_was_lost_is_found_under_its_key(office: BillingOffice, stage: MemoryStage) -> None:
    # I34
    stage.office.books.after = unreachable("commit")
    office.add_debit("10.00")
    assert len(office.books().entries) == 1


def test_an_invoice_that_left_is_not_the_ledgers_any_more(office: BillingOffice, stage: MemoryStage) -> None:
    """Its customer was changed: what is on it is nobody's to change here."""
    office.bill("10.00")
    key: InvoiceId = office.invoice("I1").id
    row = stage.office.books.rows[key]
    assert isinstance(row, Invoice)
    stage.office.books.add(replace(row, customer=named("Other")), an_account("Other"))
    office.look_again()
    with office.refusal("invoice_of_another_account"):
        office.ask(
            "cfl_AddCredit",
            office.ledger.id,
            Amount=Decimal(10),
            ServiceId=named("Setup"),
            InvoiceIds=[str(key)],
        )


# --- None is left out ---------------------------------------------------------------------------------------------------


def test_every_refusal_is_shown_by_a_test() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("*.py")))
    codes = {code for call in calls("plugins", "Refused") for code in texts(call.args[0])}
    assert [code for code in sorted(codes) if f'"{code}"' not in written] == []
