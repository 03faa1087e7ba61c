"""Asking the gateway about refunds: one order under one key until it answers, and then one id.

A refund cannot be prepared and confirmed like a charge: it is made in one step. So it is repeated, unchanged and under its
one key, for as long as the gateway keeps that key; after that its refunds are listed and matched by what we wrote on them.
"""

from collections.abc import Mapping
from datetime import timedelta

from plugins.ports import (
    ORGANISATION,
    TRANSACTION,
    GatewayRefused,
    Intent,
    NoAnswer,
    Outside,
    Refund,
    RefundOrder,
)
from plugins.rules.ledger import Operation, Transaction
from plugins.rules.settling import Ending
from plugins.verdicts import refund_not_sent, refund_rejected

ASK_WITHIN = 15.0
"""Seconds to wait for the gateway's answer to a question."""
KEY_LIVES = timedelta(hours=23)
"""Stripe keeps an idempotency key for a day at least; one hour less is safe."""


def handle(transaction: Transaction) -> str:
    """By which a process says that it is at work on a transaction: the gateway's id, where that is known from the start.

    A refund has none at first, and what a payment link is paid with has another than the link.
    """
    named = transaction.operation is Operation.CHARGE and not transaction.is_link
    return transaction.gateway_reference if named else str(transaction.id)


def refund_key(transaction: Transaction) -> str:
    return f"refund-{transaction.id}"


def send_refund(outside: Outside, transaction: Transaction, intent: str, within: float) -> Refund | Ending:
    """Order it, or order it again; how it ended where the gateway certainly does not make it. Raises `NoAnswer`."""
    order = RefundOrder(
        intent=intent,
        amount=transaction.amount,
        metadata={
            ORGANISATION: str(outside.organisation),
            TRANSACTION: str(transaction.id),
            "counterfoil_payment": str(transaction.refunded_payment),
        },
        idempotency_key=refund_key(transaction),
    )
    try:
        return outside.gateway.refund(order, within)
    except GatewayRefused as refusal:
        return refund_rejected(refusal)
    except NoAnswer:
        # The gateway also keeps its own breakdowns under the key, and would only tell them again.
        made = _listed(outside, transaction, intent)
        if made is None:
            raise
        return made


def truth_of_refund(outside: Outside, transaction: Transaction) -> Refund | Ending:
    """What became of a refund that was promised: sent again while its key lives. Raises `NoAnswer`, `GatewayRefused`."""
    if _is_known(transaction):
        return _own(outside, outside.gateway.read_refund(transaction.gateway_reference, ASK_WITHIN))
    intent = _refunded_intent(outside, transaction)
    asked_on = transaction.created_on
    if asked_on is not None and outside.clock.now() - asked_on < KEY_LIVES:
        return send_refund(outside, transaction, intent.reference, ASK_WITHIN)
    return _listed(outside, transaction, intent.reference) or refund_not_sent()


def find_refund(outside: Outside, transaction: Transaction) -> Refund | None:
    """The refund as far as the gateway made it; nothing is sent. Raises `NoAnswer`, `GatewayRefused`."""
    if _is_known(transaction):
        return _own(outside, outside.gateway.read_refund(transaction.gateway_reference, ASK_WITHIN))
    return _listed(outside, transaction, _refunded_intent(outside, transaction).reference)


def read_own_intent(outside: Outside, reference: str) -> Intent:
    """The intent as it is. One of another environment, whose rows came here in a copy, is as good as unknown.

    Raises `NoAnswer`, `GatewayRefused`.
    """
    intent = outside.gateway.read_intent(reference, ASK_WITHIN)
    check_own(outside, intent.reference, intent.metadata)
    return intent


def check_own(outside: Outside, reference: str, metadata: Mapping[str, str]) -> None:
    """Raises `GatewayRefused` for what is another environment's."""
    owner = metadata.get(ORGANISATION, "")
    if owner and owner.lower() != str(outside.organisation):
        raise GatewayRefused("other_environment", f"{reference} belongs to organization {owner}")


def _refunded_intent(outside: Outside, transaction: Transaction) -> Intent:
    charge = outside.books.transaction(transaction.parent) if transaction.parent is not None else None
    if charge is None:
        raise GatewayRefused("charge_missing", f"refund {transaction.id} names no charge")
    return read_own_intent(outside, charge.gateway_reference)


def _listed(outside: Outside, transaction: Transaction, intent: str) -> Refund | None:
    found = outside.gateway.refunds_of(intent, ASK_WITHIN)
    own = (each for each in found if each.metadata.get(TRANSACTION) == str(transaction.id))
    return next(own, None)


def _own(outside: Outside, refund: Refund) -> Refund:
    check_own(outside, refund.reference, refund.metadata)
    return refund


def _is_known(transaction: Transaction) -> bool:
    return transaction.gateway_reference != str(transaction.id)
