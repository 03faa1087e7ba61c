"""What is in flight at the gateway: it is promised, so it counts as done for whoever asks for more."""

from collections.abc import Iterable
from uuid import UUID

from plugins.rules.ledger import Operation, Stage, Transaction
from plugins.rules.money import Money, total


def refunds_in_flight(payment: UUID, pending: Iterable[Transaction], currency: str) -> Money:
    """What refunds under way will take of a payment; nothing of anything else."""
    taken = [
        each.amount
        for each in pending
        if each.operation is Operation.REFUND and each.refunded_payment == payment
    ]
    return total(taken, currency)


def open_links(pending: Iterable[Transaction], invoice: UUID) -> list[Transaction]:
    """The payment links of an invoice that nobody has paid yet."""
    return [
        each
        for each in pending
        if each.invoice == invoice and each.is_link and each.stage is not Stage.PROCESSING
    ]


def waiting_link(link: Transaction) -> str:
    """The sentence for a clerk whom an open payment link is in the way of."""
    until = f" until {link.link_expires_on:%Y-%m-%d %H:%M} UTC" if link.link_expires_on else ""
    return f"A payment link over {link.amount} waits for the customer{until}."
