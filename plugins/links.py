"""Asking the gateway about payment links: the page that the customer pays on, and what they pay with.

Whoever asks gets the page as it is; it is closed only by somebody who withdraws it, and by the sweep once the invoice
does not owe the amount any more.
"""

from dataclasses import replace

from plugins.ports import HostedPage, MethodType, Outside, PageStatus
from plugins.refunds import ASK_WITHIN, check_own
from plugins.rules.books import LedgerBooks
from plugins.rules.ids import PaymentTypeId
from plugins.rules.ledger import Transaction
from plugins.rules.payment_types import choose_payment_type
from plugins.rules.setup import Backend
from plugins.verdicts import Verdict, verdict_on_link

BACKENDS = {
    MethodType.CARD: Backend.CREDIT_CARD,
    MethodType.ACH_DEBIT: Backend.ACH,
    MethodType.SEPA_DEBIT: Backend.ACH,
}


def read_link(outside: Outside, transaction: Transaction) -> HostedPage:
    """The page of a link that is not paid yet. Raises `NoAnswer`, `GatewayRefused`."""
    page = outside.gateway.read_page(transaction.gateway_reference, ASK_WITHIN)
    check_own(outside, page.reference, page.metadata)
    return page


def close_link(outside: Outside, transaction: Transaction) -> HostedPage:
    """The page, closed unless somebody paid on it just before. Raises `NoAnswer`, `GatewayRefused`."""
    page = read_link(outside, transaction)
    if page.status is not PageStatus.OPEN:
        return page
    return outside.gateway.close_page(page.reference, ASK_WITHIN)


def without_intent(outside: Outside, page: HostedPage) -> HostedPage | None:
    """The page once what was tried on it is cancelled, so that nobody can pay it after we said it failed.

    None while that is not certain. The gateway may not let an intent of a page be cancelled; on one that the customer
    has left behind, complete, nothing can be tried again. Raises `NoAnswer`.
    """
    if page.intent is None:
        return page
    page = replace(page, intent=outside.gateway.cancel_intent(page.intent.reference, ASK_WITHIN))
    stays = verdict_on_link(page) is Verdict.DECLINED and page.status is not PageStatus.COMPLETE
    return None if stays else page


def paid_under(books: LedgerBooks, method: MethodType | None) -> PaymentTypeId | None:
    """The payment type of what the customer chose to pay with; None to leave it at the one that was chosen for a card."""
    if method in {None, MethodType.CARD}:
        return None
    chosen = choose_payment_type(books.payment_types, BACKENDS[method]) if method else None
    return PaymentTypeId(chosen.id) if chosen else None
