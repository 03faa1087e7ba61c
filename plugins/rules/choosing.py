"""What a clerk chose, checked against the books: invoices that were ticked, and choices by their number."""

from collections.abc import Collection
from uuid import UUID

from plugins.rules.draft import Draft
from plugins.rules.in_flight import open_links, waiting_link
from plugins.rules.invoice import belongs, is_void
from plugins.rules.ledger import CardType, Invoice, Kind, LedgerStatus
from plugins.rules.refusal import Refused
from plugins.rules.setup import Delivery, ProfileType

FIRST_CHOICE = 728310000
"""Choice values are this plus their place in the table's own order."""


MOST_TICKED = 300
"""Invoices that one payment or credit is disbursed to at once."""


def chosen_invoices(draft: Draft, ticked: Collection[UUID]) -> list[Invoice]:
    """The ticked invoices; only those with a balance can be (E83, E160). Raises `Refused`."""
    if len(ticked) > MOST_TICKED:
        raise Refused("too_many_invoices", f"Tick at most {MOST_TICKED} invoices at a time.")
    found = []
    for key in ticked:
        invoice = draft.find(key)
        if not isinstance(invoice, Invoice) or not belongs(invoice, draft.ledger):
            raise Refused(
                "invoice_of_another_account",
                "One of the ticked invoices is not this account's, or is in another currency. Refresh the list.",
            )
        if is_void(invoice) or draft.balance(invoice).minor <= 0:
            raise Refused(
                "invoice_has_no_balance",
                f"Invoice {invoice.number} has no balance left. Untick it.",
            )
        if draft.room(invoice).minor <= 0 and (links := open_links(draft.pending, invoice.id)):
            raise Refused(
                "charge_in_progress",
                f"{waiting_link(links[0])} Untick invoice {invoice.number}, or withdraw the link.",
            )
        if draft.room(invoice).minor <= 0:
            raise Refused(
                "charge_in_progress",
                f"What is left of invoice {invoice.number} is being charged now. Untick it, or wait until the charge has ended.",
            )
        found.append(invoice)
    return found


def kind_of(value: object) -> Kind:
    kinds = tuple(Kind)
    return kinds[_place(value, len(kinds), "kind_missing", "Choose Debit or Credit.")]


def card_type(value: object) -> CardType | None:
    if value is None:
        return None
    kinds = tuple(CardType)
    return kinds[_place(value, len(kinds), "card_type_invalid", "Choose one of the card types of the list.")]


def ledger_status(value: object) -> LedgerStatus | None:
    if value is None:
        return None
    statuses = tuple(LedgerStatus)
    return statuses[_place(value, len(statuses), "status_invalid", "Choose Active, Suspended or Cancelled.")]


def delivery_of(value: object) -> Delivery | None:
    if value is None:
        return None
    ways = tuple(Delivery)
    return ways[_place(value, len(ways), "method_invalid", "Choose Email or Print.")]


def profile_type(value: object) -> ProfileType | None:
    if value is None:
        return None
    kinds = tuple(ProfileType)
    return kinds[_place(value, len(kinds), "profile_type_invalid", "Choose Card, ACH debit or SEPA debit.")]


def _place(value: object, many: int, code: str, sentence: str) -> int:
    """By the CRM's choice value, or by the bare place that an API caller may send."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused(code, sentence)
    place = value - FIRST_CHOICE if value >= FIRST_CHOICE else value
    if not 0 <= place < many:
        raise Refused(code, sentence)
    return place
