"""Refunding and reversing payments: the money is taken off invoices first, then given back (E143-E150, E170-E172)."""

from collections.abc import Sequence
from datetime import date

from plugins.rules.books import LedgerBooks
from plugins.rules.disbursing import unwind
from plugins.rules.draft import Draft
from plugins.rules.entering import take_back
from plugins.rules.ids import PaymentId, PaymentTypeId, RequestId, TransactionId
from plugins.rules.in_flight import refunds_in_flight
from plugins.rules.ledger import Payment, RefundMode, Transaction
from plugins.rules.money import Money
from plugins.rules.refusal import Refused
from plugins.rules.reversing import payment_text


def unrefunded(payment: Payment, pending: Sequence[Transaction]) -> Money:
    """What may still be given back: refunds in flight count as given."""
    given = refunds_in_flight(payment.id, pending, payment.amount.currency)
    return payment.amount - payment.refunded - given


def is_more_than_left(books: LedgerBooks) -> bool:
    """Whether what the gateway gave back is more than was left of the payment: others gave back too."""
    transaction = books.transaction
    payment = books.payment_of(transaction.refunded_payment) if transaction is not None else None
    if transaction is None or payment is None:
        return False
    return transaction.amount > payment.amount - payment.refunded


def check_refund(draft: Draft, payment: Payment, amount: Money) -> None:
    """Raises `Refused` unless 0 < `amount` ≤ what was not refunded yet (I11)."""
    if payment.amount.minor <= 0:
        raise Refused(
            "not_refundable",
            f"#{payment.number} is itself a refund or a reversal. Choose the payment it belongs to.",
        )
    left = unrefunded(payment, draft.pending)
    if left.minor <= 0:
        raise Refused("already_refunded", f"Payment #{payment.number} is already refunded.")
    if amount.minor <= 0:
        raise Refused("amount_invalid", "Enter an amount above zero.")
    if amount > left:
        raise Refused(
            "amount_above_unrefunded",
            f"The amount can't be more than what is left of payment #{payment.number}, {left}. Nothing was refunded.",
        )


def check_reversal(draft: Draft, payment: Payment) -> None:
    """Raises `Refused` for what is not a whole payment any more: a reversal takes back all of it (E147, A17)."""
    if payment.amount.minor <= 0:
        raise Refused(
            "not_refundable",
            f"#{payment.number} is itself a refund or a reversal. Choose the payment it belongs to.",
        )
    if unrefunded(payment, draft.pending) != payment.amount:
        raise Refused(
            "already_refunded",
            f"Payment #{payment.number} was already refunded or reversed, at least in part. Refund the rest instead.",
        )


def give_back(
    draft: Draft,
    payment: Payment,
    amount: Money,
    *,
    mode: RefundMode,
    dated: date,
    posting_date: date,
    request: RequestId | None = None,
    payment_type: PaymentTypeId | None = None,
    key: PaymentId | None = None,
    transaction: TransactionId | None = None,
) -> Payment:
    """The undisbursed part first, then what the newest invoice got, and so on back (A17); then the negative payment.

    Refuses nothing. A full refund leaves no disbursement of the payment (E172).
    """
    short = amount - payment.undisbursed
    if short.minor > 0:
        unwind(draft, payment.id, short)
    return take_back(
        draft,
        draft.payment(payment.id),
        amount,
        mode=mode,
        dated=dated,
        posting_date=posting_date,
        detail=payment_text(draft.books.setting, payment.number),
        payment_type=payment_type,
        key=key,
        transaction=transaction,
        request=request,
    )
