"""What an invoice comes to: total, balance, room for a charge, and the status that follows (A24)."""

import re
from collections.abc import Sequence
from datetime import date

from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.ids import InvoiceId, LedgerId
from plugins.rules.ledger import (
    AccountTransaction,
    ChargeStatus,
    Disbursement,
    Invoice,
    InvoiceStatus,
    Kind,
    Ledger,
    LedgerState,
    Projection,
    Transaction,
)
from plugins.rules.money import Money, total

CLOSED_FOR_GOOD = frozenset({InvoiceStatus.CANCELED, InvoiceStatus.CLOSED})
"""Nothing is owed on these, whatever they once came to."""

VOIDED = frozenset({LedgerState.VOID, LedgerState.VOID_MIRROR})

_WRITTEN = {
    InvoiceStatus.NEW: "Active (New)",
    InvoiceStatus.PARTIALLY_SHIPPED: "Active (Partially Shipped)",
    InvoiceStatus.BILLED: "Active (Billed)",
    InvoiceStatus.BOOKED: "Active (Booked)",
    InvoiceStatus.INSTALLED: "Active (Installed)",
    InvoiceStatus.CLOSED: "Closed",
    InvoiceStatus.PARTIAL: "Paid (Partial)",
    InvoiceStatus.COMPLETE: "Paid (Complete)",
    InvoiceStatus.CANCELED: "Canceled (Canceled)",
}


def written(status: InvoiceStatus) -> str:
    """State (Status Reason), as the CRM's users write it (W35)."""
    return _WRITTEN[status]


def is_void(invoice: Invoice) -> bool:
    return invoice.status in CLOSED_FOR_GOOD or invoice.ledger_state in VOIDED


def invoice_total(invoice: Invoice, debits: Sequence[AccountTransaction]) -> Money:
    """What the CRM billed plus the signed ledger debits on the invoice (I2)."""
    currency = invoice.total.currency
    own = [
        each.gross
        for each in debits
        if each.invoice == invoice.id and each.kind is Kind.DEBIT and each.gross.currency == currency
    ]
    return invoice.total + total(own, currency)


def invoice_balance(
    invoice: Invoice, debits: Sequence[AccountTransaction], disbursements: Sequence[Disbursement]
) -> Money:
    """Total less what is disbursed to it; zero on a void or cancelled invoice (I3, I5)."""
    if is_void(invoice):
        return Money.zero(invoice.total.currency)
    applied = [each.amount for each in applied_to(invoice, disbursements)]
    return invoice_total(invoice, debits) - total(applied, invoice.total.currency)


def applied_to(invoice: Invoice, disbursements: Sequence[Disbursement]) -> list[Disbursement]:
    """What counts on the invoice: one in a currency that the invoice has left is worth nothing in its new one."""
    currency = invoice.total.currency
    return [each for each in disbursements if each.invoice == invoice.id and each.amount.currency == currency]


def pending_amount(invoice: InvoiceId, pending: Sequence[Transaction], currency: str) -> Money:
    """Of the charges in flight; one in a currency that the invoice has left takes nothing from it."""
    own = [each.amount for each in pending if each.invoice == invoice and each.amount.currency == currency]
    return total(own, currency)


def balance_of(invoice: Invoice, books: LedgerBooks) -> Money:
    """What is still due on it."""
    return invoice_balance(invoice, books.entries, books.disbursements)


def room_of(invoice: Invoice, books: LedgerBooks) -> Money:
    """What may still be charged or disbursed: the balance less the charges in flight (A1, A25)."""
    return balance_of(invoice, books) - pending_amount(invoice.id, books.pending, invoice.total.currency)


def room(books: InvoiceBooks) -> Money:
    """What may still be charged of the invoice that the books are about."""
    return room_of(books.invoice, books)


def belongs(invoice: Invoice, ledger: Ledger) -> bool:
    """Whether the ledger's account owes it in the ledger's currency; an invoice may leave a ledger at any time."""
    return invoice.customer == ledger.account and invoice.currency_id == ledger.currency_id


def account_balance(books: LedgerBooks, ledger: Ledger) -> Money:
    """What the account owes in this currency: open balances less what is not yet disbursed (I7)."""
    owed = [balance_of(each, books) for each in books.invoices if belongs(each, ledger)]
    return total(owed, ledger.balance.currency) - undisbursed(books, ledger)


def undisbursed(books: LedgerBooks, ledger: Ledger) -> Money:
    """Credits and regular payments not yet applied to any invoice. Deposits do not count (I13)."""
    payments = [each.undisbursed for each in books.payments if not each.deposit and each.ledger == ledger.id]
    credits_ = [each.undisbursed for each in books.entries if each.ledger == ledger.id and _is_credit(each)]
    return total([*payments, *credits_], ledger.balance.currency)


def deposit_balance(books: LedgerBooks, ledger: Ledger) -> Money:
    """What is held as deposits (I13)."""
    held = [each.undisbursed for each in books.payments if each.deposit and each.ledger == ledger.id]
    return total(held, ledger.balance.currency)


def _is_credit(entry: AccountTransaction) -> bool:
    return entry.kind is Kind.CREDIT


def projection(
    invoice: Invoice,
    books: LedgerBooks,
    ledger: Ledger,
    today: date,
    last_charge: ChargeStatus | None = None,
) -> Projection:
    """How the invoice looks when the books are as `books` say. `last_charge`: as it was, unless told."""
    currency = invoice.total.currency
    own = applied_to(invoice, books.disbursements)
    payments = total([each.amount for each in own if each.payment is not None], currency)
    charged = total([each.amount for each in own if each.payment_transaction is not None], currency)
    credited = total([each.amount for each in own if each.credit is not None], currency)
    balance = balance_of(invoice, books)
    status = derived_status(invoice, ledger.open_invoice, balance, applied=bool(own))
    paid_on = (invoice.paid_on or today) if status is InvoiceStatus.COMPLETE else None
    return Projection(
        id=invoice.id,
        etag=invoice.etag,
        ledger=LedgerId(ledger.id),
        ledger_state=_ledger_state(invoice, ledger),
        status=status,
        total=invoice_total(invoice, books.entries),
        balance=balance,
        amount_charged=charged,
        other_payments=payments - charged,
        credits_disbursed=credited,
        payments_disbursed=payments,
        pending_amount=pending_amount(invoice.id, books.pending, currency),
        payments_issued=payments_issued(invoice, books),
        credits_issued=credits_issued(invoice, books),
        last_charge_status=last_charge or invoice.last_charge_status,
        paid_on=paid_on,
        previous_balance=invoice.previous_balance,
        total_due=invoice.total_due,
        opened_on=invoice.opened_on,
        closed_on=invoice.closed_on,
        delivered_on=invoice.delivered_on,
        voids=invoice.voids,
        template=invoice.template,
        bill_run=invoice.bill_run,
    )


def payments_issued(invoice: Invoice, books: LedgerBooks) -> Money:
    """Payments displayed on the invoice, disbursed to it or not (E66)."""
    currency = invoice.total.currency
    shown = [each for each in books.payments if each.display_invoice == invoice.id]
    return total([each.amount for each in shown if each.amount.currency == currency], currency)


def credits_issued(invoice: Invoice, books: LedgerBooks) -> Money:
    """Credits displayed on the invoice, disbursed to it or not (E65)."""
    currency = invoice.total.currency
    shown = [each for each in books.entries if _is_credit(each) and each.invoice == invoice.id]
    return total([each.gross for each in shown if each.gross.currency == currency], currency)


def oldest_first(invoice: Invoice) -> tuple[object, ...]:
    """The order in which invoices are paid: by date, then by number as a person counts (A13)."""
    parts = re.split(r"(\d+)", invoice.number)
    natural = tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)
    return (invoice.dated or date.max, not invoice.number, natural, str(invoice.id))


def derived_status(
    invoice: Invoice, open_invoice: InvoiceId | None, balance: Money, *, applied: bool
) -> InvoiceStatus:
    """A24. Status reasons of the active state other than New and Billed stay while nothing is applied."""
    if invoice.ledger_state is LedgerState.VOID_MIRROR:
        return InvoiceStatus.COMPLETE
    if is_void(invoice):
        return InvoiceStatus.CANCELED if invoice.status is not InvoiceStatus.CLOSED else invoice.status
    is_open = invoice.id == open_invoice
    if balance.minor <= 0 and (applied or not is_open):
        return InvoiceStatus.COMPLETE
    if applied:
        return InvoiceStatus.PARTIAL
    if invoice.status in {InvoiceStatus.COMPLETE, InvoiceStatus.PARTIAL}:
        return InvoiceStatus.NEW if is_open else InvoiceStatus.BILLED
    return invoice.status


def _ledger_state(invoice: Invoice, ledger: Ledger) -> LedgerState:
    if invoice.ledger_state in VOIDED:
        return invoice.ledger_state
    return LedgerState.OPEN if ledger.open_invoice == invoice.id else LedgerState.CLOSED
