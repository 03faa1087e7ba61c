"""What is in flight at the gateway: it is promised, so it counts as done for whoever asks for more."""

from collections.abc import Iterable
from uuid import UUID

from plugins.rules.ledger import Operation, Transaction
from plugins.rules.money import Money, total


def refunds_in_flight(payment: UUID, pending: Iterable[Transaction], currency: str) -> Money:
    """What refunds under way will take of a payment; nothing of anything else."""
    taken = [
        each.amount
        for each in pending
        if each.operation is Operation.REFUND and each.refunded_payment == payment
    ]
    return total(taken, currency)
