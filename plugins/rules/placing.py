"""Placing: which invoice a debit is on, and on which invoice a payment or a credit is displayed.

To be displayed on an invoice is not to be disbursed to it: what is displayed changes no balance (E58-E67).
"""

from dataclasses import replace
from uuid import UUID

from plugins.rules.draft import Draft
from plugins.rules.ids import AccountId, InvoiceId
from plugins.rules.ledger import AccountTransaction, Invoice, InvoiceStatus, Kind, LedgerState, Payment
from plugins.rules.money import Money

MOST_ATTACHED = 400
"""Of the rows that waited for an invoice, how many one changeset attaches; the rest wait for the next invoice."""


def invoice_for_debit(draft: Draft) -> Invoice:
    """The open invoice, or one that is made at once, on any day of the month (E03, E04)."""
    return draft.open_invoice or open_new_invoice(draft)


def display_invoice(draft: Draft) -> InvoiceId | None:
    """Where a payment or a credit that is added now is displayed: on the open invoice, else on none yet (E08, E09, E50, E51)."""
    found = draft.open_invoice
    return found.id if found is not None else None


def open_new_invoice(draft: Draft, bill_run: UUID | None = None) -> Invoice:
    """A new open invoice, with every payment and credit displayed on it that waited for one (E51, E61, A7)."""
    invoice = new_invoice(draft, LedgerState.OPEN, bill_run=bill_run)
    draft.change_ledger(replace(draft.ledger, open_invoice=invoice.id))
    _attach_waiting(draft, invoice.id)
    return invoice


def new_invoice(
    draft: Draft, state: LedgerState, *, key: InvoiceId | None = None, bill_run: UUID | None = None
) -> Invoice:
    """An invoice without lines of the CRM's own, dated today; its number is the CRM's to give."""
    return draft.put(
        Invoice(
            id=key or InvoiceId(draft.new_id()),
            number="",
            name=f"{draft.ledger.name} {draft.today.isoformat()}",
            customer=AccountId(draft.ledger.account),
            customer_kind="account",
            currency_id=draft.ledger.currency_id,
            total=Money.zero(draft.currency),
            status=InvoiceStatus.NEW,
            contract=None,
            ledger=draft.ledger.id,
            ledger_state=state,
            dated=draft.today,
            owner=draft.ledger.owner,
            opened_on=draft.now,
            bill_run=bill_run,
        )
    )


def _attach_waiting(draft: Draft, invoice: InvoiceId) -> None:
    waiting: list[Payment | AccountTransaction] = [
        each for each in draft.payments if each.display_invoice is None and not each.deposit
    ]
    waiting += [each for each in draft.entries if each.kind is Kind.CREDIT and each.invoice is None]
    waiting.sort(key=lambda each: (each.dated, each.number))
    for each in waiting[:MOST_ATTACHED]:
        if isinstance(each, Payment):
            draft.put(replace(each, display_invoice=invoice))
        else:
            draft.put(replace(each, invoice=invoice))
