"""Statement refunds: chosen debits are given back from what was paid on their invoices (E175-E181, A19, A33).

Money goes out and revenue goes down: the account owes what it owed before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from plugins.rules.disbursing import disburse, take_off
from plugins.rules.draft import Draft
from plugins.rules.entering import Entry, add_credit, take_back, taxes_of
from plugins.rules.ids import EntryId, InvoiceId, PaymentId, PaymentTypeId, RequestId
from plugins.rules.invoice import is_void
from plugins.rules.ledger import (
    AccountTransaction,
    Invoice,
    Kind,
    Mode,
    Origin,
    RefundMode,
    RemovedReason,
)
from plugins.rules.money import Money, least, split, total
from plugins.rules.refunding import unrefunded
from plugins.rules.refusal import Refused
from plugins.rules.reversing import payment_text
from plugins.rules.runs import StatementRefund, StatementRefundLine
from plugins.rules.taxing import Tax, prorate


@dataclass(frozen=True)
class Part:
    """What is to be given back of one debit."""

    debit: AccountTransaction
    amount: Money


def left_to_refund(debit: AccountTransaction) -> Money:
    return debit.gross - debit.refunded


def refundable(draft: Draft, keys: Sequence[UUID]) -> list[AccountTransaction]:
    """The selected debits (E176). Raises `Refused` for the first that cannot be refunded."""
    found = []
    for key in keys:
        entry = draft.find(key)
        if not isinstance(entry, AccountTransaction) or entry.ledger != draft.ledger.id:
            raise Refused(
                "not_one_account",
                "These transactions are not all of this billing account. Refresh the list and select again.",
            )
        _check_refundable(draft, entry)
        found.append(entry)
    return found


def selected_total(debits: Sequence[AccountTransaction], currency: str) -> Money:
    """What the selection comes to: the gross amounts not refunded yet (E177)."""
    return total([left_to_refund(each) for each in debits], currency)


def check_amount(selected: Money, amount: Money, *, may_override: bool) -> None:
    """Raises `Refused` unless 0 < `amount` ≤ what was selected, and exactly that without OverrideSum (E179, A19)."""
    if amount != selected and not may_override:
        raise Refused(
            "override_needed",
            f"You may refund only what was selected, {selected}. To refund another amount, ask a person who may override refunds.",
        )
    if amount > selected:
        raise Refused(
            "amount_above_selected",
            f"The amount can't be more than what is left of the selected transactions, {selected}. Nothing was refunded.",
        )


def parts_of(debits: Sequence[AccountTransaction], amount: Money) -> list[Part]:
    """The amount over the debits in proportion to what is left of each, by the largest remainder; all of them when equal."""
    parts = split(amount, [left_to_refund(each).minor for each in debits])
    return [Part(debit, part) for debit, part in zip(debits, parts, strict=True) if part.minor > 0]


def refund(
    draft: Draft, parts: Sequence[Part], payment_type: PaymentTypeId, request: RequestId | None
) -> StatementRefund:
    """Give back each part: payments make way on its invoice, a credit takes their place, the cash goes out (A33).

    One negative payment for each payment that gave way. Raises `Refused` where less was paid than is to be given back.
    """
    amount = total([each.amount for each in parts], draft.currency)
    row = draft.put(
        StatementRefund(
            id=draft.new_id(),
            ledger=draft.ledger.id,
            currency_id=draft.ledger.currency_id,
            owner=draft.ledger.owner,
            amount=amount,
            payment_type=payment_type,
            dated=draft.today,
            request=request,
        )
    )
    freed: dict[PaymentId, Money] = {}
    for place in dict.fromkeys(each.debit.invoice for each in parts):
        own = [each for each in parts if each.debit.invoice == place]
        _make_way(draft, place, total([each.amount for each in own], draft.currency), freed)
    for part in parts:
        _credit(draft, part, row, request)
    for payment, money in freed.items():
        current = draft.payment(payment)
        take_back(
            draft,
            current,
            money,
            mode=RefundMode.STATEMENT_REFUND,
            dated=draft.today,
            posting_date=draft.posting_date,
            detail=payment_text(draft.books.setting, current.number),
            payment_type=payment_type,
            request=request,
        )
    return row


def _check_refundable(draft: Draft, entry: AccountTransaction) -> None:
    if entry.kind is not Kind.DEBIT or entry.gross.minor <= 0:
        raise Refused(
            "not_refundable",
            f"Transaction #{entry.number} is not a charge, so it can't be refunded. Select only debits.",
        )
    by = next((each for each in draft.entries if each.reverses == entry.id), None)
    if by is not None:
        raise Refused(
            "already_reversed",
            f"Transaction #{entry.number} was reversed by #{by.number}, so there is nothing to refund. Unselect it.",
        )
    place = draft.find(entry.invoice)
    if isinstance(place, Invoice) and is_void(place):
        raise Refused(
            "invoice_void",
            f"Transaction #{entry.number} is on invoice {place.number}, which is void: it was undone with the invoice.",
        )
    if left_to_refund(entry).minor <= 0:
        raise Refused("already_refunded", f"Transaction #{entry.number} is already refunded. Unselect it.")


def _make_way(draft: Draft, place: InvoiceId | None, amount: Money, freed: dict[PaymentId, Money]) -> None:
    """Free that much payment money on the invoice, the newest first (A5). What is being refunded elsewhere stays put."""
    if place is None:
        raise ValueError("a debit is on an invoice")
    invoice = draft.invoice(place)
    short = amount
    for each in reversed(draft.disbursed_to(invoice)):
        if each.payment is None:
            continue
        before = freed.get(each.payment, draft.zero)
        may_go = unrefunded(draft.payment(each.payment), draft.pending) - before
        part = least(short, least(each.amount, may_go))
        if part.minor > 0:
            take_off(draft, each, RemovedReason.REFUND, part)
            freed[each.payment] = before + part
            short = short - part
    if short:
        raise Refused(
            "not_paid",
            f"Only {amount - short} of {amount} was paid on invoice {invoice.number} and can be given back. Reverse the transaction instead.",
        )


def _credit(draft: Draft, part: Part, row: StatementRefund, request: RequestId | None) -> None:
    """A credit in the place of what was freed on the debit's invoice, with its share of net and taxes."""
    debit = part.debit
    taxes = taxes_of(draft, debit.id)
    net, shares = prorate(part.amount, debit.refunded, debit.net, [each.amount for each in taxes])
    credit = add_credit(
        draft,
        Entry(
            net=net,
            taxes=[
                Tax(each.tax_rate, each.rate, net, share, each.jurisdiction)
                for each, share in zip(taxes, shares, strict=True)
                if share
            ],
            dated=draft.today,
            posting_date=draft.posting_date,
            origin=Origin.STATEMENT_REFUND,
            detail=f"(Refunded Transaction #{debit.number})",
            service=debit.service,
            period_start=debit.period_start,
            period_end=debit.period_end,
            tax_exempt=debit.tax_exempt,
            related=debit.id,
            request=request,
        ),
    )
    if debit.invoice is not None:
        disburse(draft, credit, draft.invoice(debit.invoice), credit.undisbursed, Mode.REVERSAL)
    draft.put(replace(debit, refunded=debit.refunded + part.amount))
    draft.put(
        StatementRefundLine(
            id=draft.new_id(),
            name=f"#{debit.number}",
            refund=row.id,
            entry=EntryId(debit.id),
            currency_id=debit.currency_id,
            owner=debit.owner,
            net=credit.net,
            tax=credit.tax,
            gross=credit.gross,
            credit=EntryId(credit.id),
        )
    )
