"""Disbursing: applying the money of payments and credits to invoices, and taking it off again.

Money goes to an invoice as a whole, never to its lines (E151). What is taken off is a row made inactive, never a
negative one (E43); what is left of it is written anew.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from plugins.rules.changes import owed_showings, with_owed_showings
from plugins.rules.draft import Draft
from plugins.rules.ids import DisbursementId, PaymentId
from plugins.rules.in_flight import refunds_in_flight
from plugins.rules.invoice import is_void, oldest_first
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    DisbursementStatus,
    Invoice,
    Mode,
    Payment,
    RemovedReason,
)
from plugins.rules.money import Money, least

Source = Payment | AccountTransaction
"""What money comes from: a payment or a credit."""
LAST = (True, date.max, 0)
MOST_AT_ONCE = 300
"""Disbursements that one changeset makes by itself: each shows an invoice and may change a source as well."""


def disburse(draft: Draft, source: Source, invoice: Invoice, amount: Money, mode: Mode) -> None:
    """Apply `amount` of what the source has left to the invoice."""
    if amount.minor <= 0:
        return
    payment = source if isinstance(source, Payment) else None
    draft.put(
        Disbursement(
            id=DisbursementId(draft.new_id()),
            number=draft.number(),
            ledger=draft.ledger.id,
            invoice=invoice.id,
            payment=payment.id if payment else None,
            credit=source.id if isinstance(source, AccountTransaction) else None,
            currency_id=source.currency_id,
            owner=source.owner,
            amount=amount,
            mode=mode,
            payment_transaction=payment.transaction if payment else None,
        )
    )
    draft.put(_moved(source, amount))


def disburse_oldest_first(draft: Draft, source: Source, invoices: Iterable[Invoice], mode: Mode) -> None:
    """As much as fits to each in turn, until the source is used up (E155)."""
    for invoice in sorted(invoices, key=oldest_first):
        current = _current(draft, source)
        left = spendable(draft, current)
        if left.minor <= 0:
            return
        if not is_void(invoice):
            disburse(draft, current, invoice, least(left, draft.room(invoice)), mode)


def disburse_automatically(draft: Draft) -> None:
    """The idle-money rule (E153, I21): automatic money goes to the oldest invoice with a balance until either is gone.

    Open or closed makes no difference (E11). Room that a charge in flight may take is left to it, and money that a
    refund in flight will take. What is more than one changeset holds is left to the sweep, which goes on.
    """
    waiting = automatic_sources(draft)
    if not waiting:
        return
    owing = deque(each for each in draft.invoices if not is_void(each) and draft.room(each).minor > 0)
    more = MOST_AT_ONCE - sum(draft.is_new(each) for each in draft.disbursements)
    for source in waiting:
        while owing and (left := spendable(draft, current := _current(draft, source))).minor > 0:
            if more <= 0:
                _go_on_later(draft, owing[0])
                return
            more -= 1
            room = draft.room(owing[0])
            disburse(draft, current, owing[0], least(left, room), Mode.AUTOMATIC)
            if left >= room:
                owing.popleft()


def _go_on_later(draft: Draft, invoice: Invoice) -> None:
    """The sweep looks at ledgers that owe an invoice its showing, and disburses again when it shows it."""
    owed = {**owed_showings(draft.ledger)}
    owed.setdefault(invoice.id, None)
    draft.change_ledger(with_owed_showings(draft.ledger, owed))


def spendable(draft: Draft, source: Source) -> Money:
    """What of the source may still be disbursed: refunds in flight count as given, so their money stays where it is."""
    return source.undisbursed - refunds_in_flight(source.id, draft.pending, draft.currency)


def automatic_sources(draft: Draft) -> list[Source]:
    """Which idle money goes first: credits before payments unless set otherwise, then the oldest date, then number (A12)."""
    setting = draft.books.setting
    payments_first = setting is not None and setting.payments_first
    sources: list[Source] = [*draft.payments, *draft.entries]
    found = [each for each in sources if automatic_order(each) is not None]
    return sorted(found, key=lambda each: automatic_order(each, payments_first=payments_first) or LAST)


def automatic_order(source: Source, *, payments_first: bool = False) -> tuple[bool, date, int] | None:
    """Its place among idle automatic money; None for what is not."""
    idle = source.automatic and source.undisbursed.minor > 0
    if not idle or (isinstance(source, Payment) and source.deposit):
        return None
    return (isinstance(source, Payment) is not payments_first, source.dated, source.number)


def take_off(
    draft: Draft, disbursement: Disbursement, reason: RemovedReason, amount: Money | None = None
) -> None:
    """Remove a disbursement, or `amount` of it; its source has the money again, and keeps or loses nothing else."""
    taken = disbursement.amount if amount is None else amount
    rest = disbursement.amount - taken
    if draft.is_new(disbursement):
        draft.discard(disbursement)
    else:
        why = RemovedReason.REPLACED if rest.minor > 0 else reason
        draft.put(replace(disbursement, status=DisbursementStatus.REMOVED, removed_reason=why))
    draft.put(_moved(source_of(draft, disbursement), -taken))
    if rest.minor > 0:
        smaller = replace(
            disbursement,
            id=DisbursementId(draft.new_id()),
            etag="",
            number=draft.number(),
            amount=rest,
        )
        draft.put(smaller)


def free(
    draft: Draft,
    disbursements: Iterable[Disbursement],
    amount: Money,
    reason: RemovedReason,
) -> Money:
    """Take off `amount` in the order given, or as much as there is; what was taken."""
    left = amount
    for each in disbursements:
        if left.minor <= 0:
            break
        part = least(left, each.amount)
        take_off(draft, each, reason, part)
        left = left - part
    return amount - left


def trim(draft: Draft, invoice: Invoice) -> None:
    """After its total fell: reduce what is disbursed to the invoice, the newest first, until it fits (E42, E43, A5)."""
    over = -draft.balance(invoice)
    free(draft, reversed(draft.disbursed_to(invoice)), over, RemovedReason.REVERSAL)


def make_way(draft: Draft, invoice: Invoice, amount: Money) -> Money:
    """Free payments, the newest first, so that a credit of `amount` can take their place on the invoice (A5).

    Only payments give way: cash becomes refundable again, a credit would only be swapped for another. Returns how much
    the invoice now has room for, `amount` at most.
    """
    short = amount - draft.balance(invoice)
    paid = [each for each in draft.disbursed_to(invoice) if each.payment is not None]
    free(draft, reversed(paid), short, RemovedReason.REVERSAL)
    return least(amount, draft.balance(invoice))


def unwind(draft: Draft, payment: PaymentId, amount: Money) -> None:
    """Take `amount` of the payment off its invoices, the newest invoice first (A17)."""
    own = [each for each in draft.disbursements if each.payment == payment]
    own.sort(key=lambda each: (oldest_first(draft.invoice(each.invoice)), each.number), reverse=True)
    free(draft, own, amount, RemovedReason.REFUND)


def source_of(draft: Draft, disbursement: Disbursement) -> Source:
    if disbursement.payment is not None:
        return draft.payment(disbursement.payment)
    if disbursement.credit is None:
        raise ValueError(f"disbursement {disbursement.id} has no source")
    return draft.entry(disbursement.credit)


def _current(draft: Draft, source: Source) -> Source:
    return draft.payment(source.id) if isinstance(source, Payment) else draft.entry(source.id)


def _moved(source: Source, amount: Money) -> Source:
    """The source with `amount` of its undisbursed money disbursed, or back again when negative."""
    rest = source.undisbursed - amount
    return replace(
        source,
        disbursed=source.disbursed + amount,
        undisbursed=rest,
        is_disbursed=not rest and bool(source.disbursed + amount),
    )
