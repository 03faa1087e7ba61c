"""Whether a customer may be asked to pay an invoice on a page of the gateway's own, and how much.

A payment link needs neither contract nor profile: the customer brings the card. What it asks for is in flight until it is
paid, withdrawn or run out, so nobody charges it meanwhile (A1, A25).
"""

from dataclasses import dataclass
from datetime import timedelta

from plugins.rules.books import InvoiceBooks
from plugins.rules.charge import (
    ChargeInput,
    ChargeRefused,
    Surroundings,
    amount_within,
    backend_name,
    check_invoice,
    check_nothing_in_flight,
)
from plugins.rules.in_flight import open_links, waiting_link
from plugins.rules.invoice import room
from plugins.rules.money import Money
from plugins.rules.payment_types import choose_payment_type
from plugins.rules.profiles import CURRENCIES_OF_DEBITS
from plugins.rules.setup import Backend, PaymentType, ProfileType

LIVES = timedelta(hours=23)
"""How long a customer has; the gateway gives a day at most."""
OPEN = "link_open"
"""The code of a request that is answered once the link is there; what becomes of the link is its transaction's to say."""

WITHDRAWN = "link_withdrawn"
"""Of a request to withdraw one, and of how the link ended then."""
RAN_OUT = "link_expired"


@dataclass(frozen=True)
class Link:
    """A payment link that may be made."""

    amount: Money
    payment_type: PaymentType
    """What a card's money is booked under; the type for bank debits is looked up when somebody paid with one."""
    types: tuple[ProfileType, ...]
    """What the customer may pay with."""


def decide_link(books: InvoiceBooks, asked: ChargeInput, around: Surroundings) -> Link:
    """The link, or `ChargeRefused` with the first reason that a clerk should mend first.

    Whether today's period is open does not matter: the customer pays on another day.
    """
    minimum = check_invoice(books, around)
    check_nothing_in_flight(books)
    payment_type = choose_payment_type(books.payment_types, Backend.CREDIT_CARD)
    if payment_type is None:
        raise ChargeRefused(
            "no_payment_type",
            f"No active payment type has the backend {backend_name(Backend.CREDIT_CARD)}. Add one under Setup, Payment Types.",
        )
    amount = _amount(books, asked, minimum)
    debits = choose_payment_type(books.payment_types, Backend.ACH) is not None
    types = [each for each, currency in CURRENCIES_OF_DEBITS.items() if debits and currency == books.currency]
    return Link(amount, payment_type, (ProfileType.CARD, *types))


def _amount(books: InvoiceBooks, asked: ChargeInput, minimum: Money) -> Money:
    """What was asked for, else all that is left."""
    if asked.amount is not None:
        return amount_within(books, asked.amount, minimum)
    left = room(books)
    if left.minor <= 0:
        if links := open_links(books.pending, books.invoice.id):
            raise ChargeRefused(
                "nothing_due",
                f"Nothing is left to ask for. {waiting_link(links[0])} Send that one again, or withdraw it first.",
            )
        raise ChargeRefused(
            "nothing_due", f"Nothing of invoice {books.invoice.number} is left to pay. No link was made."
        )
    return amount_within(books, left.amount, minimum)
