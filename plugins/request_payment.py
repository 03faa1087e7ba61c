"""Request a payment: a link on which a customer pays an invoice, or a part of it, by themselves (A1, A25).

The way out where the bank wants the customer, and for whoever has no payment profile. The page is opened first and
promised second: nobody has its address before the promise is written, so no money can move without a row. What becomes
of it is told by its transaction, which `settle` ends like any other.
"""

from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from plugins.actions import Action, Answer, Call, checked_key
from plugins.charging import METHODS
from plugins.customers import customer_of, page_of_customer, return_url_of
from plugins.ports import (
    ORGANISATION,
    TRANSACTION,
    GatewayRefused,
    HostedPage,
    MethodType,
    NoAnswer,
    Outside,
    PageOrder,
)
from plugins.posting import Asked, refuse, target_of
from plugins.refunds import ASK_WITHIN
from plugins.reserving import Words, reserved
from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.changes import Changeset
from plugins.rules.charge import ChargeInput, ChargeRefused, Surroundings
from plugins.rules.declines import excerpt
from plugins.rules.ids import InvoiceId, transaction_id
from plugins.rules.payment_link import LIVES, Link, decide_link
from plugins.rules.reservation import Page, ledger_charged, reserve_link
from plugins.settlement import WHOLE

ACTION = Action(
    name="cfl_RequestPayment",
    bound_to="invoice",
    parameters={"RequestKey": str, "Amount": Decimal},
    privilege="prvCreatecfl_maycharge",
)

WORDS = Words("the invoice", "the payment link", "No link was made.")
GONE = ChargeRefused("invoice_not_found", "This invoice no longer exists. Refresh the list of invoices.")


def request_payment(call: Call, outside: Outside) -> Answer:
    """The answer that is, or already was, written under the key; the row's result holds the link.

    Raises `KeyReused`, `KeyInvalid`, `UserOrInvoiceGone` (nothing is written) and `BooksUnreachable` (whether there is a
    link is not known; the same key finds out).
    """
    wish = ChargeInput(
        key=checked_key(call.key),
        input_hash=call.input_hash,
        action=ACTION.name,
        caller=call.caller,
        amount=call.parameters.get("Amount"),
        profile=None,
    )
    linking = Linking(outside, Asked(call, ACTION, nothing="no link was made"), wish)
    with ExitStack() as turn:
        held = reserved(outside, linking, GONE, call.received + WHOLE, turn)
    if isinstance(held, Answer):
        return held
    if held.request is None:
        raise ValueError("what was promised has a request")
    return Answer(held.request.outcome, held.request.code, held.request.message)


@dataclass
class Linking:
    """One attempt to make a payment link."""

    outside: Outside
    asked: Asked
    wish: ChargeInput
    words: Words = field(default=WORDS)
    _books: InvoiceBooks | None = None
    _ordered: Link | None = None
    _customer: str = ""
    _page: HostedPage | None = None

    def load(self) -> InvoiceBooks:
        invoice = InvoiceId(target_of(self.asked.call))
        self._books = self.outside.books.for_charge(invoice, self.wish.request, self.wish.caller)
        return self._books

    def reserve(self, books: LedgerBooks, now: datetime) -> tuple[Changeset, LedgerBooks]:
        """Decides anew each time; what was ordered must still be what is decided, for a page is frozen."""
        loaded, gateway = self._loaded(), self.outside.gateway
        around = Surroundings(self.outside.organisation, gateway.live, gateway.minimum(books.currency))
        link = decide_link(loaded, self.wish, around)
        if self._ordered is not None and link.amount != self._ordered.amount:
            raise ChargeRefused(
                "balance_changed", "The invoice was changed just now. No link was made. Ask for it again."
            )
        self._ordered = link
        if self._page is None:
            self._page = self._open(loaded, link, now)
        page = Page(self._page.reference, self._customer, self._page.url, self._page.expires_on)
        return reserve_link(loaded, self.wish, link, page, now)

    def reject(self, books: LedgerBooks, refusal: GatewayRefused) -> Answer:
        """There is no link, and nothing was charged."""
        said = f": {excerpt(refusal.message).rstrip('.')}" if refusal.message else ""
        told = ChargeRefused(
            "link_rejected",
            f"The payment processor refused to make the payment link{said}. No link was made.",
        )
        invoice = self._books.invoice.id if self._books is not None else None
        return refuse(self.outside, self.asked, told, books.ledger, invoice)

    def give_up(self) -> None:
        """Nobody has its address; it would run out by itself."""
        if self._page is not None:
            with suppress(NoAnswer):
                self.outside.gateway.close_page(self._page.reference, ASK_WITHIN)

    def _loaded(self) -> InvoiceBooks:
        if self._books is None:
            raise ValueError("nothing was loaded")
        return self._books

    def _open(self, books: InvoiceBooks, link: Link, now: datetime) -> HostedPage:
        """Raises `NoAnswer`, `GatewayRefused`, `Refused`."""
        return_url = return_url_of(self.outside)
        if books.account is None:
            raise ValueError("what may be charged has an account")
        if not self._customer:
            self._customer = customer_of(self.outside, ledger_charged(books), books.account, books.profiles)
        order = PageOrder(
            customer=self._customer,
            currency=link.amount.currency,
            method_types=tuple(METHODS[each] for each in link.types),
            expires_on=(now + LIVES).replace(microsecond=0),
            return_url=return_url,
            metadata={
                ORGANISATION: str(self.outside.organisation),
                TRANSACTION: str(transaction_id(self.wish.request)),
                "counterfoil_invoice": str(books.invoice.id),
                "counterfoil_request": self.wish.key,
            },
            idempotency_key="",
            amount=link.amount,
            description=f"Invoice {books.invoice.number}",
        )
        page, self._customer = page_of_customer(
            self.outside, ledger_charged(books), books.account, order, self._best_page
        )
        return page

    def _best_page(self, order: PageOrder) -> HostedPage:
        try:
            return self._ordered_page(order)
        except GatewayRefused as refusal:
            if len(order.method_types) == 1 or refusal.code == "resource_missing":
                raise
            # Not every account at the processor takes bank debits.
            return self._ordered_page(replace(order, method_types=(MethodType.CARD,)))

    def _ordered_page(self, order: PageOrder) -> HostedPage:
        """A key takes no other parameters, so it names those that differ from try to try.

        Two tries under one RequestKey may so open two pages; only the one whose address is promised is ever seen.
        """
        types = "-".join(each.value for each in order.method_types)
        key = f"page-{self.wish.request}-{order.expires_on:%Y%m%d%H%M%S}-{types}-{order.customer}"
        return self.outside.gateway.open_page(replace(order, idempotency_key=key), ASK_WITHIN)
