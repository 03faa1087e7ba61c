"""Bill runs: open invoices are closed, and a cancelled account's credits get an invoice to appear on (E68-E72, A8)."""

from dataclasses import replace

from plugins.rules.draft import Draft
from plugins.rules.ids import InvoiceId
from plugins.rules.invoicing import close
from plugins.rules.ledger import Invoice, Kind, Ledger, LedgerStatus
from plugins.rules.placing import open_new_invoice
from plugins.rules.runs import BillRun, BillRunLine, LineOutcome, run_line_id
from plugins.rules.setup import BillingGroup, Delivery

NOTHING_OPEN = "No invoice is open."
NO_CREDIT = "The account is cancelled, and no credit waits for an invoice."
NOT_CLOSED = "The account is cancelled, and the billing group does not close invoices on cancelled accounts."


def passes_over(ledger: Ledger, group: BillingGroup) -> str:
    """Why a run has nothing to do for an account, as far as its own row tells; else empty."""
    if _is_left_alone(ledger, group):
        return NOT_CLOSED
    if ledger.open_invoice is None and ledger.status is not LedgerStatus.CANCELLED:
        return NOTHING_OPEN
    return ""


def bill(draft: Draft, run: BillRun, group: BillingGroup) -> BillRunLine:
    """Close the open invoice; on a cancelled account make one for all credits that no invoice displays, closed as well (I28).

    The payments that wait are displayed on it too (A8). A line that was skipped leaves the ledger as it was.
    """
    ledger = draft.ledger
    if _is_left_alone(ledger, group):
        return line_of(run, ledger, LineOutcome.SKIPPED, reason=NOT_CLOSED)
    current = draft.open_invoice
    if current is not None:
        close(draft, _of_run(current, run, group))
    if ledger.status is LedgerStatus.CANCELLED and _waits(draft):
        made = open_new_invoice(draft, run.id)
        closed = close(draft, _of_run(made, run, group))
        return line_of(run, ledger, LineOutcome.INVOICED, closed.id)
    if current is not None:
        return line_of(run, ledger, LineOutcome.CLOSED, current.id)
    reason = NO_CREDIT if ledger.status is LedgerStatus.CANCELLED else NOTHING_OPEN
    return line_of(run, ledger, LineOutcome.SKIPPED, reason=reason)


def line_of(
    run: BillRun, ledger: Ledger, outcome: LineOutcome, invoice: InvoiceId | None = None, reason: str = ""
) -> BillRunLine:
    return BillRunLine(
        id=run_line_id(run.id, ledger.id),
        name=ledger.name[:100],
        run=run.id,
        ledger=ledger.id,
        owner=ledger.owner,
        outcome=outcome,
        invoice=invoice,
        reason=reason[:400],
    )


def delivers(group: BillingGroup) -> bool:
    return group.delivery not in {None, Delivery.NONE}


def _is_left_alone(ledger: Ledger, group: BillingGroup) -> bool:
    """E70: the group's option "close invoices on canceled accounts"."""
    return ledger.status is LedgerStatus.CANCELLED and not group.close_cancelled


def _waits(draft: Draft) -> bool:
    return any(each.kind is Kind.CREDIT and each.invoice is None for each in draft.entries)


def _of_run(invoice: Invoice, run: BillRun, group: BillingGroup) -> Invoice:
    """One that was delivered before it was opened again is to be delivered as it is now."""
    delivered_on = None if delivers(group) else invoice.delivered_on
    template = group.template or invoice.template
    return replace(invoice, bill_run=run.id, template=template, delivered_on=delivered_on)
