"""What an invoice comes to, and the status that follows from it (A23, A24, I2-I7)."""

from datetime import date
from typing import Any

import pytest

from plugins.rules.invoice import (
    account_balance,
    deposit_balance,
    derived_status,
    invoice_balance,
    invoice_total,
    is_void,
    projection,
    room,
    undisbursed,
    written,
)
from plugins.rules.ledger import ChargeStatus, InvoiceStatus, LedgerState, Stage
from plugins.rules.money import Money
from tests.builders import (
    a_debit,
    a_disbursement,
    a_ledger,
    a_payment,
    a_transaction,
    an_invoice,
    books_of,
    named,
    usd,
)

TODAY = date(2026, 11, 20)

# --- The status follows from the balance (A24) ------------------------------------------------------------------------

NEW, BILLED, BOOKED = InvoiceStatus.NEW, InvoiceStatus.BILLED, InvoiceStatus.BOOKED
PARTIAL, COMPLETE = InvoiceStatus.PARTIAL, InvoiceStatus.COMPLETE
CANCELED, CLOSED = InvoiceStatus.CANCELED, InvoiceStatus.CLOSED


@pytest.mark.parametrize(
    ("was", "total", "applied", "is_open", "becomes"),
    [
        # nothing applied: as it is
        (NEW, "100.00", [], False, NEW),
        (BILLED, "100.00", [], False, BILLED),
        (BOOKED, "100.00", [], False, BOOKED),  # Booked, Installed … are kept
        (InvoiceStatus.INSTALLED, "100.00", [], True, InvoiceStatus.INSTALLED),
        # something applied
        (BILLED, "100.00", ["40.00"], False, PARTIAL),  # W17
        (BOOKED, "100.00", ["40.00"], False, PARTIAL),
        (PARTIAL, "100.00", ["40.00", "20.00"], False, PARTIAL),
        (COMPLETE, "100.00", ["40.00"], False, PARTIAL),  # a refund reopened it
        # all applied
        (BILLED, "100.00", ["40.00", "60.00"], False, COMPLETE),  # W18
        (PARTIAL, "100.00", ["100.00"], True, COMPLETE),
        (BILLED, "100.00", ["60.00", "60.00"], False, COMPLETE),
        # nothing to pay
        (BILLED, "0.00", [], False, COMPLETE),
        (NEW, "0.00", [], True, NEW),  # still open: lines may come
        # nothing is applied any more
        (PARTIAL, "100.00", [], False, BILLED),
        (COMPLETE, "100.00", [], False, BILLED),
        (COMPLETE, "100.00", [], True, NEW),
        # cancelled or void, whatever is applied
        (CANCELED, "100.00", [], False, CANCELED),
        (CANCELED, "100.00", ["100.00"], False, CANCELED),
        (CLOSED, "100.00", ["100.00"], False, CLOSED),
    ],
)
def test_the_status_follows_from_what_is_applied(
    was: InvoiceStatus, total: str, applied: list[str], is_open: bool, becomes: InvoiceStatus
) -> None:
    invoice = an_invoice(total, status=was)
    own = [a_disbursement(each) for each in applied]
    balance = invoice_balance(invoice, [], own)
    open_invoice = invoice.id if is_open else None
    assert derived_status(invoice, open_invoice, balance, applied=bool(own)) is becomes


@pytest.mark.parametrize(
    ("state", "status"), [(LedgerState.VOID, CANCELED), (LedgerState.VOID_MIRROR, COMPLETE)]
)
def test_what_is_void_owes_nothing(state: LedgerState, status: InvoiceStatus) -> None:  # A14
    invoice = an_invoice("100.00", status=BILLED, ledger_state=state)
    assert is_void(invoice)
    assert invoice_balance(invoice, [], []) == usd("0.00")  # I5
    assert derived_status(invoice, None, usd("0.00"), applied=False) is status
    shown = projection(invoice, books_of(invoice), a_ledger(), TODAY)
    assert (shown.ledger_state, shown.balance) == (state, usd("0.00"))


def test_each_status_is_written_as_users_know_it() -> None:  # W35
    assert written(PARTIAL) == "Paid (Partial)"
    assert all(written(each) for each in InvoiceStatus)


# --- Amounts -----------------------------------------------------------------------------------------------------------


def test_a_total_is_what_the_crm_billed_and_the_debits_on_it() -> None:  # I2
    invoice = an_invoice("100.00")
    debits = [a_debit("25.00"), a_debit("-5.00"), a_debit("99.00", "INV-2")]
    assert invoice_total(invoice, debits) == usd("120.00")
    assert invoice_balance(invoice, debits, [a_disbursement("20.00"), a_disbursement("7.00", "INV-2")]) == usd("100.00")  # fmt: skip


def test_room_is_the_balance_less_what_is_in_flight() -> None:  # A1 A25
    books = books_of(
        an_invoice("100.00"),
        disbursements=(a_disbursement("10.00"),),
        pending=(
            a_transaction("30.00", "one"),
            a_transaction("20.00", "two", stage=Stage.PROCESSING),
            a_transaction("15.00", "elsewhere", on="INV-2"),
        ),
    )
    assert room(books) == usd("40.00")


def test_an_account_owes_its_invoices_less_what_is_not_disbursed() -> None:  # I7 I13
    first, second = an_invoice("100.00"), an_invoice("50.00", "INV-2")
    canceled = an_invoice("70.00", "INV-3", status=CANCELED)
    books = books_of(
        first,
        invoices=(first, second, canceled),
        disbursements=(a_disbursement("10.00"),),
        payments=(a_payment("25.00"), a_payment("500.00", "a deposit", deposit=True, automatic=False)),
    )
    assert undisbursed(books, a_ledger()) == usd("25.00"), "a deposit is held, not owed"
    assert deposit_balance(books, a_ledger()) == usd("500.00")
    assert account_balance(books, a_ledger()) == usd("115.00")


def test_each_currency_is_a_ledger_of_its_own() -> None:  # A34
    """The same customer has an invoice and idle money in euros."""
    dollars, euros = an_invoice("100.00"), an_invoice("80.00", "INV-2", currency="EUR")
    books = books_of(
        dollars,
        invoices=(dollars, euros),
        payments=(a_payment("5.00"), a_payment("30.00", "in euros", currency="EUR")),
    )
    assert undisbursed(books, a_ledger()) == usd("5.00")
    assert account_balance(books, a_ledger()) == usd("95.00")
    theirs = a_ledger(currency="EUR")
    assert account_balance(books, theirs) == Money.parse("50.00", "EUR")


# --- What the invoice shows --------------------------------------------------------------------------------------------


def shown(invoice: Any, **parts: Any) -> Any:
    return projection(invoice, books_of(invoice, **parts), a_ledger(), TODAY, ChargeStatus.SUCCEEDED)


def test_charged_other_payments_credits_and_balance_add_up_to_the_total() -> None:  # A23 I24
    charged = named("a charge")
    view = shown(
        an_invoice("100.00", status=PARTIAL),
        entries=(a_debit("20.00"),),
        disbursements=(
            a_disbursement("30.00", payment_transaction=charged),
            a_disbursement("10.00"),
            a_disbursement("5.00", payment=None, credit=named("a credit")),
        ),
        pending=(a_transaction("40.00"),),
    )
    assert (view.total, view.balance) == (usd("120.00"), usd("75.00"))
    assert (view.amount_charged, view.other_payments, view.credits_disbursed) == (
        usd("30.00"),
        usd("10.00"),
        usd("5.00"),
    )
    assert (view.payments_disbursed, view.pending_amount) == (usd("40.00"), usd("40.00"))
    assert (view.status, view.paid_on) == (PARTIAL, None)


def test_the_day_it_was_paid_is_shown_once_it_is() -> None:
    view = shown(an_invoice("100.00"), disbursements=(a_disbursement("100.00"),))
    assert (view.status, view.paid_on) == (COMPLETE, TODAY)


def test_the_open_invoice_of_the_ledger_is_shown_as_open() -> None:
    invoice = an_invoice("100.00", status=NEW)
    books, ledger = books_of(invoice), a_ledger(open_invoice=invoice.id)
    assert projection(invoice, books, ledger, TODAY).ledger_state is LedgerState.OPEN
    assert projection(invoice, books, a_ledger(), TODAY).ledger_state is LedgerState.CLOSED


def test_yen_are_shown_in_yen() -> None:
    invoice = an_invoice("12500", currency="JPY")
    view = projection(invoice, books_of(invoice), a_ledger(currency="JPY"), TODAY)
    assert (view.total, view.balance, view.amount_charged) == (
        Money(12500, "JPY"),
        Money(12500, "JPY"),
        Money(0, "JPY"),
    )
