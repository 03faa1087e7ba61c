"""Open, Close and Void: the ledger's state of an invoice, and the statement that is frozen when it closes."""

from dataclasses import replace
from uuid import UUID

from plugins.rules.disbursing import take_off
from plugins.rules.draft import Draft
from plugins.rules.entering import Entry, add_debit, mirrored, taxes_of
from plugins.rules.ids import RequestId, mirror_id
from plugins.rules.in_flight import open_links, waiting_link
from plugins.rules.invoice import belongs, credits_issued, invoice_total, is_void, oldest_first
from plugins.rules.ledger import (
    AccountTransaction,
    Invoice,
    InvoiceStatus,
    Kind,
    LedgerState,
    Origin,
    Payment,
    RemovedReason,
    UsageStatus,
)
from plugins.rules.money import Money, total
from plugins.rules.placing import new_invoice
from plugins.rules.refusal import Refused


def open_again(draft: Draft, invoice: Invoice) -> None:
    """Make a closed invoice the open one (E110). It attaches nothing that waits (A7). Raises `Refused`."""
    _check_not_void(invoice, "opened")
    other = draft.open_invoice
    if other is not None and other.id == invoice.id:
        raise Refused("invoice_already_open", f"Invoice {invoice.number} is already open.")
    if other is not None:
        raise Refused(
            "another_invoice_open",
            f"Invoice {other.number} of this account is open. Close it first, then open {invoice.number}.",
        )
    draft.change_ledger(replace(draft.ledger, open_invoice=invoice.id))
    status = InvoiceStatus.NEW if invoice.status is InvoiceStatus.BILLED else invoice.status
    draft.put(
        replace(invoice, ledger_state=LedgerState.OPEN, opened_on=draft.now, closed_on=None, status=status)
    )


def close(draft: Draft, invoice: Invoice) -> Invoice:
    """Close the open invoice and freeze its statement (A29). Raises `Refused`."""
    _check_not_void(invoice, "closed")
    if draft.ledger.open_invoice != invoice.id:
        raise Refused("invoice_not_open", f"Invoice {invoice.number} is already closed.")
    draft.change_ledger(replace(draft.ledger, open_invoice=None))
    status = InvoiceStatus.BILLED if invoice.status is InvoiceStatus.NEW else invoice.status
    closed = replace(invoice, ledger_state=LedgerState.CLOSED, closed_on=draft.now, status=status)
    return freeze_statement(draft, closed)


def freeze_statement(draft: Draft, invoice: Invoice) -> Invoice:
    """PreviousBalance = TotalDue of the statement before; TotalDue = PreviousBalance + charges - issued (A29, I36).

    The total due of a statement is what the account owes, but for money that no statement shows yet. An invoice that is
    closed again keeps the previous balance that it was closed with.
    """
    books = draft.after()
    charges = invoice_total(invoice, books.entries)
    payments = total(
        [issued(each) for each in draft.payments if each.display_invoice == invoice.id], draft.currency
    )
    shown = payments + credits_issued(invoice, books)
    if invoice.previous_balance is not None:
        previous = invoice.previous_balance
    else:
        ledger = books.ledger
        if ledger is None:
            raise ValueError("a draft has a ledger")
        previous = ledger.balance + unshown(draft) - charges + shown
    return draft.put(replace(invoice, previous_balance=previous, total_due=previous + charges - shown))


def unshown(draft: Draft) -> Money:
    """Payments and credits in no statement yet; of what was a deposit, the part that was not used."""
    payments = [
        each.amount if each.display_invoice is None else each.amount - issued(each)
        for each in draft.payments
        if not each.deposit
    ]
    credits_ = [each.gross for each in draft.entries if each.kind is Kind.CREDIT and each.invoice is None]
    return total([*payments, *credits_, draft.books.also_unshown or draft.zero], draft.currency)


def void(draft: Draft, invoice: Invoice, request: RequestId | None) -> Invoice:
    """Void the open invoice, or the latest closed one, and return its mirror (A14). Raises `Refused`.

    Everything disbursed to it is detached; what was displayed on it is displayed nowhere; usage bills again (E36);
    payments are not reversed. The mirror is a closed invoice with every line and tax the other way, as stored.
    """
    _check_voidable(draft, invoice)
    _check_lines_stand(draft, invoice)
    for each in draft.disbursed_to(invoice):
        take_off(draft, each, RemovedReason.VOID)
    for payment in draft.payments:
        if payment.display_invoice == invoice.id:
            draft.put(replace(payment, display_invoice=None))
    debits = [each for each in draft.entries if each.kind is Kind.DEBIT and each.invoice == invoice.id]
    for credit in draft.entries:
        if credit.kind is Kind.CREDIT and credit.invoice == invoice.id:
            draft.put(replace(credit, invoice=None))
    _unbill(draft, {each.id for each in debits})
    if draft.ledger.open_invoice == invoice.id:
        draft.change_ledger(replace(draft.ledger, open_invoice=None))
    mirror = new_invoice(draft, LedgerState.VOID_MIRROR, key=mirror_id(invoice.id))
    mirror = draft.put(
        replace(
            mirror,
            voids=invoice.id,
            name=f"Void of {invoice.number}",
            closed_on=draft.now,
            delivered_on=draft.now,
        )
    )
    _mirror_lines(draft, invoice, mirror, debits, request)
    draft.put(
        replace(
            invoice,
            ledger_state=LedgerState.VOID,
            closed_on=invoice.closed_on or draft.now,
            delivered_on=invoice.delivered_on or draft.now,
        )
    )
    return mirror


def _mirror_lines(
    draft: Draft,
    invoice: Invoice,
    mirror: Invoice,
    debits: list[AccountTransaction],
    request: RequestId | None,
) -> None:
    for each in debits:
        entry = Entry(
            net=-each.net,
            taxes=mirrored(taxes_of(draft, each.id)),
            dated=draft.today,
            posting_date=draft.posting_date,
            origin=Origin.VOID,
            detail=each.detail,
            service=each.service,
            tax_exempt=each.tax_exempt,
            related=each.id,
            request=request,
        )
        add_debit(draft, entry, mirror.id)
    if invoice.total:  # what the CRM billed through its own lines
        entry = Entry(
            net=-invoice.total,
            taxes=(),
            dated=draft.today,
            posting_date=draft.posting_date,
            origin=Origin.VOID,
            detail=f"Void of invoice {invoice.number}",
            tax_exempt=True,
            request=request,
        )
        add_debit(draft, entry, mirror.id)


def _unbill(draft: Draft, debits: set[UUID]) -> None:
    for each in draft.usage:
        if each.entry in debits:
            draft.put(replace(each, entry=None, status=UsageStatus.UNBILLED))


def _check_not_void(invoice: Invoice, done: str) -> None:
    if is_void(invoice):
        raise Refused("invoice_void", f"Invoice {invoice.number} is void, so it can't be {done}.")


def _check_voidable(draft: Draft, invoice: Invoice) -> None:
    _check_not_void(invoice, "voided again")
    if links := open_links(draft.pending, invoice.id):
        raise Refused(
            "charge_in_progress",
            f"{waiting_link(links[0])} Withdraw it, then void invoice {invoice.number}.",
        )
    if any(each.invoice == invoice.id for each in draft.pending):
        raise Refused(
            "charge_in_progress",
            f"A charge of invoice {invoice.number} is still being processed. Void it when the charge has ended.",
        )
    if draft.ledger.open_invoice == invoice.id:
        return
    latest = max(
        (
            each
            for each in draft.books.newest
            if belongs(each, draft.ledger) and not is_void(each) and each.id != draft.ledger.open_invoice
        ),
        key=oldest_first,
        default=invoice,
    )
    if oldest_first(latest) > oldest_first(invoice):
        raise Refused(
            "not_the_latest_invoice",
            f"Only the latest closed invoice can be voided. Void {latest.number} first.",
        )


def _check_lines_stand(draft: Draft, invoice: Invoice) -> None:
    """A line that was undone by a credit already would be undone twice, for the mirror undoes every line."""
    for debit in [each for each in draft.entries if each.kind is Kind.DEBIT and each.invoice == invoice.id]:
        if debit.refunded.minor > 0:
            raise Refused(
                "line_refunded",
                f"{debit.refunded} of debit #{debit.number} on invoice {invoice.number} was refunded, so the invoice can't be "
                "voided. Reverse or refund its other lines instead.",
            )
        credit = next((each for each in draft.entries if _undoes(each, debit)), None)
        if credit is not None:
            raise Refused(
                "line_reversed",
                f"Debit #{debit.number} on invoice {invoice.number} was already reversed by credit #{credit.number}. "
                f"Reverse #{credit.number} first, then void the invoice.",
            )


def _undoes(credit: AccountTransaction, debit: AccountTransaction) -> bool:
    """Whether it is a reversal of the debit that stands: one that was reversed itself holds no money any more."""
    stands = bool(credit.disbursed or credit.undisbursed)
    return credit.origin is Origin.REVERSAL and credit.related == debit.id and stands


def issued(payment: Payment) -> Money:
    """What a statement shows of a payment: of one that was a deposit, what was disbursed (A29).

    What was refunded of it counts as well, for the refund is a row of its own that takes it off again.
    """
    was_held = payment.was_deposit and payment.amount.minor > 0
    return payment.amount - payment.undisbursed if was_held else payment.amount
