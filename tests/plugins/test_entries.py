"""What people fill in on the forms of debits, credits and payments, and what is stored of it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from plugins.actions import Answer, KeyReused
from plugins.rules.ids import request_id
from plugins.rules.ledger import CardType, Kind, Origin, Outcome, Request, Source
from plugins.rules.setup import AccountService, Frequency, PaymentType, Service
from tests.builders import BILLER, a_ledger, a_setting, named, usd
from tests.examples.billing_office import BillingOffice, Given, day
from tests.examples.in_memory import MemoryStage

TYPICAL: dict[str, Given] = {"Amount": Decimal(100), "ServiceId": named("Setup")}
ENTER = ("cfl_AddDebit", "cfl_AddCredit")


@pytest.fixture
def stage() -> MemoryStage:
    return MemoryStage()


@pytest.fixture
def office(stage: MemoryStage) -> BillingOffice:
    return BillingOffice(stage)


def enter(office: BillingOffice, action: str, **given: Given) -> Any:
    """The row that became of it."""
    office.ask(action, office.ledger.id, **TYPICAL | given)
    newest = len(office.books().entries)
    return office.transaction(f"{'D' if action == 'cfl_AddDebit' else 'C'}{newest}")


# --- Debits and credits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ENTER)
def test_every_field_is_stored(office: BillingOffice, action: str) -> None:
    # E15 E16 E17 E22 E23 E27 E74 E77 E78 E187
    row = enter(
        office,
        action,
        Date=day("2026-11-10"),
        PostingDate=day("2026-11-12"),
        Detail="  Set-up of 5 lines ",
        PeriodStart=day("2026-11-01"),
        PeriodEnd=day("2026-11-30"),
    )
    assert (row.dated, row.posting_date) == (date(2026, 11, 10), date(2026, 11, 12))
    assert (row.period_start, row.period_end) == (date(2026, 11, 1), date(2026, 11, 30))
    assert (row.detail, row.origin, row.service) == ("Set-up of 5 lines", Origin.MANUAL, named("Setup"))
    assert (row.account_service, row.reverses) == (None, None)
    assert row.request == request_id(office.last_request().key)


@pytest.mark.parametrize("action", ENTER)
def test_what_is_left_out_has_a_default(office: BillingOffice, action: str) -> None:
    # E16 E18 E24 E79 A9
    row = enter(office, action)
    assert row.dated == row.posting_date == date(2026, 11, 22)
    assert (row.period_start, row.period_end, row.detail) == (None, None, "")
    assert (row.tax_exempt, row.automatic) == (False, False)


def test_a_debit_takes_nothing_but_an_amount(office: BillingOffice) -> None:  # E14 E24 A31
    office.ask("cfl_AddDebit", office.ledger.id, Amount=Decimal(10))
    assert office.transaction("D1").service is None


def test_a_service_may_be_left_out_of_a_credit_where_the_settings_say_so(  # A31
    office: BillingOffice, stage: MemoryStage
) -> None:
    stage.office.books.add(a_setting(service_optional=True))
    office.ask("cfl_AddCredit", office.ledger.id, Amount=Decimal(10))
    assert office.transaction("C1").gross == usd("10.00")


@pytest.mark.parametrize("action", ENTER)
def test_taxes_come_on_top_and_are_stored_rate_by_rate(office: BillingOffice, action: str) -> None:
    # E15 E26 A32
    row = enter(office, action)
    assert (row.net, row.tax, row.gross) == (usd("100.00"), usd("13.00"), usd("113.00"))
    [tax] = office.books().taxes
    assert (tax.entry, tax.tax_rate, tax.rate) == (row.id, named("GST 13"), Decimal(13))
    assert (tax.base, tax.amount, tax.jurisdiction) == (usd("100.00"), usd("13.00"), "Ontario")


@pytest.mark.parametrize("action", ENTER)
@pytest.mark.parametrize("who", ["entry", "account"])
def test_what_is_exempt_has_no_tax(office: BillingOffice, stage: MemoryStage, action: str, who: str) -> None:
    # E25 E85
    if who == "account":
        stage.office.books.add(replace(office.ledger, tax_exempt=True))
    row = enter(office, action, TaxExempt=who == "entry")
    assert row.tax == usd("0.00")
    assert office.books().taxes == []


def test_without_a_service_the_default_category_taxes(office: BillingOffice, stage: MemoryStage) -> None:
    # E26
    stage.office.books.add(a_setting(default_tax_category=named("Taxed")))
    office.ask("cfl_AddDebit", office.ledger.id, Amount=Decimal(100))
    assert office.transaction("D1").gross == usd("113.00")


def test_a_service_of_the_account_bills_and_can_be_credited_then(
    office: BillingOffice, stage: MemoryStage
) -> None:
    # E20 E21 E75 E76
    own = AccountService(
        id=named("own"),
        name="Line",
        ledger=a_ledger().id,
        service=named("Line"),
        serial=12345,
        billed_on=None,
    )
    stage.office.books.add(
        own,
        Service(id=named("Line"), name="Line", frequency=Frequency.RECURRING, tax_category=named("Taxed")),
    )
    given: dict[str, Given] = {"Amount": Decimal(100), "AccountServiceId": own.id}
    with office.refusal("service_not_billed"):
        office.ask("cfl_AddCredit", office.ledger.id, **given)
    office.ask("cfl_AddDebit", office.ledger.id, **given)
    debit = office.transaction("D1")
    assert (debit.service, debit.account_service, debit.tax) == (named("Line"), own.id, usd("13.00"))
    office.ask("cfl_AddCredit", office.ledger.id, **given)
    credit = office.transaction("C2")
    assert (credit.service, credit.account_service) == (named("Line"), own.id)
    assert office.transaction(office.reverse("D1")).account_service is None  # E188


def test_a_ticked_invoice_gets_the_credit_and_the_rest_waits(office: BillingOffice) -> None:
    # E80 E82 E83
    office.bill("100.00")
    office.bill("50.00")
    office.add_credit("80.00", to=["I2"])
    assert [str(each.amount.amount) for each in office.books().disbursements] == ["50.00"]
    assert office.transaction("C3").undisbursed == usd("30.00")


def test_an_automatic_credit_goes_to_the_oldest_and_on(office: BillingOffice) -> None:  # E81
    office.bill("100.00")
    office.bill("50.00")
    office.add_credit("120.00", automatic=True)
    assert [str(each.amount.amount) for each in office.books().disbursements] == ["100.00", "20.00"]


# --- Payments -----------------------------------------------------------------------------------------------------------


def pay(office: BillingOffice, payment_type: str = "Check", **given: Given) -> Any:
    typical: dict[str, Given] = {"Amount": Decimal(50), "PaymentTypeId": named(payment_type)}
    office.ask("cfl_AddPayment", office.ledger.id, **typical | given)
    return office.payment(f"P{len(office.books().payments)}")


def test_every_field_of_a_payment_is_stored(office: BillingOffice) -> None:
    # E114 E115 E116 E117 E118 E125
    row = pay(
        office, Date=day("2026-11-10"), PostingDate=day("2026-11-12"), Detail="Thanks", CheckNumber="0815"
    )
    assert (row.amount, row.dated, row.posting_date) == (
        usd("50.00"),
        date(2026, 11, 10),
        date(2026, 11, 12),
    )
    assert (row.detail, row.check_number, row.payment_type) == ("Thanks", "0815", named("Check"))
    assert (row.automatic, row.deposit, row.transaction) == (True, False, None)  # E121 A9


def test_a_payment_is_recorded_and_no_card_is_charged(office: BillingOffice, stage: MemoryStage) -> None:
    # E01 E02 E06 I27
    pay(office, "Credit Card")
    assert stage.office.gateway.calls == []
    assert office.books().transactions == []
    assert office.books().invoices == []


@pytest.mark.parametrize(
    ("payment_type", "check", "card"),
    [("Check", "0815", None), ("Credit Card", "", CardType.VISA), ("ACH", "", None)],
)
def test_a_check_number_is_of_checks_and_a_card_type_of_cards(
    office: BillingOffice, payment_type: str, check: str, card: CardType | None
) -> None:
    # E119 E120
    row = pay(office, payment_type, CheckNumber="0815", CardType=728310000)
    assert (row.check_number, row.card_type) == (check, card)


def test_a_choice_is_its_value_or_its_place(office: BillingOffice) -> None:
    one, other = pay(office, "Credit Card", CardType=728310001), pay(office, "Credit Card", CardType=1)
    assert one.card_type is other.card_type is CardType.MASTERCARD


def test_an_inactive_payment_type_is_none(office: BillingOffice, stage: MemoryStage) -> None:  # E137
    [check] = [each for each in stage.office.books.all(PaymentType) if each.name == "Check"]
    del stage.office.books.rows[check.id]
    with office.refusal("payment_type_missing"):
        office.add_payment("10.00")


# --- Save ---------------------------------------------------------------------------------------------------------------


def test_saving_ticks_and_unticks_automatic_disbursement(office: BillingOffice) -> None:  # E80 E157 E166
    office.bill("100.00")
    office.add_payment("10.00", Automatic=False)
    office.add_credit("10.00")
    assert office.books().disbursements == []
    office.save("P1", Automatic=True)
    office.save("C2", Automatic=True)
    assert len(office.books().disbursements) == 2
    office.save("P1", Automatic=False)
    assert not office.payment("P1").automatic
    assert len(office.books().disbursements) == 2, "what is disbursed stays"


def test_saving_shows_a_credit_on_the_open_invoice(office: BillingOffice) -> None:  # E55 E57
    office.bill("10.00")
    office.add_credit("5.00")
    office.open("I1")
    assert office.transaction("C2").invoice is None
    office.save("C2")
    assert office.transaction("C2").invoice == office.invoice("I1").id
    before = office.balance
    office.save("C2")
    assert office.balance == before  # I19


def test_saving_keeps_a_payment_where_it_is_shown(office: BillingOffice) -> None:  # E52 E58 I18
    office.add_debit("10.00")
    office.add_payment("5.00")
    office.close()
    office.add_debit("10.00")
    office.save("P1")
    assert office.payment("P1").display_invoice == office.invoice("I1").id


# --- Requests -----------------------------------------------------------------------------------------------------------


def test_an_answer_is_one_row_with_what_was_made(office: BillingOffice) -> None:  # E189
    office.add_debit("100.00", taxed=True)
    row, debit = office.last_request(), office.transaction("D1")
    assert (row.outcome, row.code, row.action) == (Outcome.DONE, "succeeded", "cfl_AddDebit")
    assert row.message == "Debit #1 of 113.00 USD was added to a new invoice."
    assert (row.requested_by, row.source, row.ledger) == (BILLER, Source.USER, office.ledger.id)
    assert row.invoice == debit.invoice
    assert row.result == (
        f'{{"transaction": "{debit.id}", "number": "1", "amount": "113.00", "currency": "USD", "invoice": "{debit.invoice}"}}'
    )


def test_the_same_key_again_is_the_same_answer(office: BillingOffice, stage: MemoryStage) -> None:  # I34
    def ask(amount: str) -> Answer:
        given: dict[str, Given] = {"Amount": Decimal(amount)}
        return stage.ask("cfl_AddDebit", office.ledger.id, "one-key-only", given)

    first = ask("10.00")
    assert ask("10") == first
    office.look_again()
    assert len(office.books().entries) == 1
    with pytest.raises(KeyReused):
        ask("11.00")
    office.look_again()
    assert len([each for each in stage.whole().requests if isinstance(each, Request)]) == 1


def test_today_is_the_day_where_the_business_is(stage: MemoryStage) -> None:  # E16
    """In New York it is still the 21st."""
    stage.office.clock._now = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
    office = BillingOffice(stage)
    office.add_debit("10.00")
    assert office.transaction("D1").dated == date(2026, 11, 21)


def test_a_reversal_that_nobody_dated_is_posted_on_the_first_open_day(office: BillingOffice) -> None:
    # E19 A30
    office.add_debit("10.00")
    office.add_payment("10.00")
    office.stage.close_period("2026-11-01", "2026-11-30")
    office.reverse("D1")
    office.reverse_payments("P1")
    reversal, back = office.transaction("D2"), office.payment("P2")
    assert (reversal.dated, reversal.posting_date) == (date(2026, 11, 22), date(2026, 12, 1))
    assert (back.dated, back.posting_date) == (date(2026, 11, 22), date(2026, 12, 1))


def test_a_reversal_may_be_dated(office: BillingOffice) -> None:  # A30
    office.add_debit("10.00")
    name = office.reverse("D1", Date=day("2026-11-10"), PostingDate=day("2026-11-11"))
    row = office.transaction(name)
    assert (row.dated, row.posting_date) == (date(2026, 11, 10), date(2026, 11, 11))


def test_a_mirror_is_posted_on_the_first_open_day(office: BillingOffice) -> None:  # A14 A30
    office.bill("10.00")
    office.stage.close_period("2026-11-01", "2026-11-30")
    office.void("I1")
    mirrored = office.transaction("D2")
    assert (mirrored.kind, mirrored.posting_date) == (Kind.DEBIT, date(2026, 12, 1))
