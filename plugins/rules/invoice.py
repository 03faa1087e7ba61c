"""What an invoice comes to: total, balance, room for a charge, and the status that follows (A24)."""

from collections.abc import Sequence
from datetime import date

from plugins.rules.ids import InvoiceId, LedgerId
from plugins.rules.ledger import (
    AccountTransaction,
    ChargeStatus,
    Disbursement,
    Invoice,
    InvoiceBooks,
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


def room(books: InvoiceBooks) -> Money:
    """What may still be charged: the balance less the charges in flight (A1, A25)."""
    balance = invoice_balance(books.invoice, books.debits, books.disbursements)
    return balance - pending_amount(books.invoice.id, books.pending, books.currency)


def account_balance(books: InvoiceBooks) -> Money:
    """What the customer owes in this currency: open balances less what is not yet disbursed (I7)."""
    owed = [
        invoice_balance(each, books.debits, books.disbursements)
        for each in books.invoices
        if each.currency_id == books.invoice.currency_id
    ]
    return total(owed, books.currency) - undisbursed(books)


def undisbursed(books: InvoiceBooks) -> Money:
    """Regular payments in this currency not yet applied to any invoice. Deposits do not count (I13)."""
    idle = [
        each.undisbursed
        for each in books.undisbursed
        if not each.deposit and each.currency_id == books.invoice.currency_id
    ]
    return total(idle, books.currency)


def projection(
    books: InvoiceBooks,
    ledger: Ledger,
    last_charge: ChargeStatus | None,
    today: date,
) -> Projection:
    """How the invoice looks when the books are as `books` say."""
    invoice, currency = books.invoice, books.currency
    own = applied_to(invoice, books.disbursements)
    payments = total([each.amount for each in own if each.payment is not None], currency)
    charged = total([each.amount for each in own if each.payment_transaction is not None], currency)
    credited = total([each.amount for each in own if each.credit is not None], currency)
    balance = invoice_balance(invoice, books.debits, books.disbursements)
    status = derived_status(invoice, ledger.open_invoice, balance, applied=bool(own))
    return Projection(
        id=invoice.id,
        etag=invoice.etag,
        ledger=LedgerId(ledger.id),
        ledger_state=_ledger_state(invoice, ledger),
        status=status,
        total=invoice_total(invoice, books.debits),
        balance=balance,
        amount_charged=charged,
        other_payments=payments - charged,
        credits_disbursed=credited,
        payments_disbursed=payments,
        pending_amount=pending_amount(invoice.id, books.pending, currency),
        last_charge_status=last_charge,
        paid_on=today if status is InvoiceStatus.COMPLETE else None,
    )


def derived_status(
    invoice: Invoice, open_invoice: InvoiceId | None, balance: Money, *, applied: bool
) -> InvoiceStatus:
    """A24. Status reasons of the active state other than New and Billed stay while nothing is applied."""
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
