"""Reversing entries: nothing is deleted, an entry made in error is answered by one that undoes it (E29-E34, E167)."""

from dataclasses import replace
from datetime import date

from plugins.rules.disbursing import disburse, make_way, take_off, trim
from plugins.rules.draft import Draft
from plugins.rules.entering import Entry, add_credit, add_debit, mirrored, same, taxes_of
from plugins.rules.ids import EntryId, RequestId
from plugins.rules.invoice import belongs, is_void
from plugins.rules.ledger import (
    AccountTransaction,
    Invoice,
    Kind,
    Mode,
    Origin,
    RemovedReason,
    UsageStatus,
)
from plugins.rules.refusal import Refused
from plugins.rules.setup import Setting

TEXT = "(Reversed Credit Transaction #{number})"
"""The article's own, on debits too (A18)."""
PAYMENT_TEXT = "(Reversed Payment #{number})"


def reverse(
    draft: Draft, original: AccountTransaction, dated: date, posting_date: date, request: RequestId | None
) -> AccountTransaction:
    """The entry that undoes `original` with all of its taxes (E31), and everything that follows from it.

    A debit on the open invoice becomes a negative debit there (E41); elsewhere a credit that is aimed at its invoice
    (E39, A6). A credit becomes a negative credit (A28). Raises `Refused`.
    """
    check_reversible(draft, original)
    _reset_usage(draft, original)
    entry = Entry(
        net=-original.net,
        taxes=mirrored(taxes_of(draft, original.id)),
        dated=dated,
        posting_date=posting_date,
        origin=Origin.REVERSAL,
        detail=reversal_text(draft.books.setting, original),
        service=original.service,
        period_start=original.period_start,
        period_end=original.period_end,
        tax_exempt=original.tax_exempt,
        reverses=original.id,
        related=original.related if _is_aimed(original) else None,
        request=request,
    )
    if original.kind is Kind.CREDIT:
        return _reverse_credit(draft, original, entry)
    return _reverse_debit(draft, original, entry)


def check_reversible(draft: Draft, original: AccountTransaction) -> None:
    """Raises `Refused` for what was reversed before (E32), refunded, or undone with its invoice."""
    by = next((each for each in draft.entries if each.reverses == original.id), None)
    if by is not None:
        raise Refused(
            "already_reversed",
            f"Transaction #{original.number} was already reversed by #{by.number}. To bring it back, reverse #{by.number}.",
        )
    if original.origin is Origin.STATEMENT_REFUND:
        raise Refused(
            "part_of_a_refund",
            f"Credit #{original.number} belongs to a refund that was paid out, so it can't be reversed. Add a debit instead.",
        )
    if original.refunded.minor > 0:
        raise Refused(
            "already_refunded",
            f"{original.refunded} of transaction #{original.number} was refunded, so it can't be reversed. Refund the rest instead.",
        )
    place = draft.find(original.invoice) if original.kind is Kind.DEBIT else None
    if isinstance(place, Invoice) and is_void(place):
        raise Refused(
            "invoice_void",
            f"Transaction #{original.number} is on invoice {place.number}, which is void: it was undone with the invoice.",
        )


def _is_aimed(entry: AccountTransaction) -> bool:
    """Whether the row it is related to says where its money goes: true of a reversal, not of a tax adjustment."""
    return entry.origin is Origin.REVERSAL


def reversal_text(setting: Setting | None, original: AccountTransaction) -> str:
    """What the reversing row says; `{number}` is the original's (A18)."""
    own = ""
    if setting is not None:
        own = setting.reversal_text_debit if original.kind is Kind.DEBIT else setting.reversal_text_credit
    return (own or TEXT).replace("{number}", str(original.number))


def payment_text(setting: Setting | None, number: int) -> str:
    """What a negative payment says (E150)."""
    own = setting.reversal_text_payment if setting is not None else ""
    return (own or PAYMENT_TEXT).replace("{number}", str(number))


def aim(draft: Draft, credit: AccountTransaction, debit: AccountTransaction) -> None:
    """Put a credit in the place of what was paid on the debit's invoice, up to the credit's amount (A5, A6).

    Where the invoice is void or another customer's by now, the credit waits.
    """
    if debit.invoice is None:
        return
    invoice = draft.invoice(debit.invoice)
    if not is_void(invoice) and belongs(invoice, draft.ledger):
        room = make_way(draft, invoice, credit.undisbursed)
        disburse(draft, draft.entry(credit.id), invoice, room, Mode.REVERSAL)


def _reverse_debit(draft: Draft, original: AccountTransaction, entry: Entry) -> AccountTransaction:
    if original.invoice is None:
        raise ValueError(f"debit {original.id} is on no invoice")
    invoice = draft.invoice(original.invoice)
    if invoice.id == draft.ledger.open_invoice:
        row = add_debit(draft, entry, invoice.id)
        trim(draft, invoice)
        return row
    if original.gross.minor < 0:  # brings back a charge: a debit like any other
        return add_debit(draft, entry)
    back = replace(
        entry, net=original.net, taxes=same(taxes_of(draft, original.id)), related=EntryId(original.id)
    )
    credit = add_credit(draft, back)
    aim(draft, credit, original)
    return draft.entry(credit.id)


def _reverse_credit(draft: Draft, original: AccountTransaction, entry: Entry) -> AccountTransaction:
    if original.gross.minor < 0:
        return _bring_back_credit(draft, original, entry)
    for each in [one for one in draft.disbursements if one.credit == original.id]:
        take_off(draft, each, RemovedReason.REVERSAL)
    current = draft.entry(original.id)
    draft.put(replace(current, disbursed=draft.zero, undisbursed=draft.zero, is_disbursed=False))
    return add_credit(draft, entry)


def _bring_back_credit(draft: Draft, original: AccountTransaction, entry: Entry) -> AccountTransaction:
    """A credit again, as automatic as the first one was, or aimed at the invoice that the first one was for."""
    first = draft.find(original.reverses)
    automatic = isinstance(first, AccountTransaction) and first.automatic
    credit = add_credit(draft, replace(entry, automatic=automatic))
    debit = draft.find(original.related)
    if isinstance(debit, AccountTransaction) and debit.kind is Kind.DEBIT and original.related is not None:
        aim(draft, credit, debit)
    return draft.entry(credit.id)


def _reset_usage(draft: Draft, original: AccountTransaction) -> None:
    """Usage behind a reversed debit bills again (E35); behind a reversed credit it may be credited again (I32)."""
    for each in draft.usage:
        if original.kind is Kind.DEBIT and each.entry == original.id:
            draft.put(replace(each, entry=None, status=UsageStatus.UNBILLED))
        elif original.kind is Kind.CREDIT and each.credit == original.id:
            status = UsageStatus.BILLED if each.entry is not None else UsageStatus.UNBILLED
            draft.put(replace(each, credit=None, status=status))
