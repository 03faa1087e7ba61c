"""A gateway in memory with a script: the next charge declines, hangs, or lies."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from connector.stripe import amounts
from plugins.ports import (
    Clock,
    Decline,
    GatewayRefused,
    HostedPage,
    Intent,
    IntentOrder,
    IntentStatus,
    Method,
    MethodType,
    NoAnswer,
    PageOrder,
    PageStatus,
    Refund,
    RefundOrder,
    RefundStatus,
)
from plugins.rules.money import Money

T = TypeVar("T")
_PAID = {IntentStatus.SUCCEEDED, IntentStatus.PROCESSING}


@dataclass
class ScriptedGateway:
    """Intents by reference. `methods` says what becomes of a confirmation: a status or a decline."""

    clock: Clock
    live: bool = False
    intents: dict[str, Intent] = field(default_factory=dict)
    orders: dict[str, IntentOrder] = field(default_factory=dict)
    methods: dict[str, IntentStatus | Decline] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None
    keys: dict[str, str] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    refund_orders: dict[str, RefundOrder] = field(default_factory=dict)
    first_answers: dict[str, Refund] = field(default_factory=dict)
    """What a refund's key is answered with, whatever became of it since."""
    refund_becomes: RefundStatus = RefundStatus.SUCCEEDED
    """What the next refunds are at first."""
    refunds_later: frozenset[str] = frozenset({"refunds later"})
    """Payment methods whose refunds are under way for days."""
    ours: Mapping[str, str] = field(default_factory=dict)
    """Metadata that tells our intents from others of the account."""
    customers: dict[str, str] = field(default_factory=dict)
    """Names by reference."""
    pages: dict[str, HostedPage] = field(default_factory=dict)
    page_orders: dict[str, PageOrder] = field(default_factory=dict)
    unverified: dict[str, Method] = field(default_factory=dict)
    """Bank accounts by the page they were entered on."""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def minimum(self, currency: str) -> Money | None:
        return amounts.minimum(currency)

    def create_intent(self, order: IntentOrder, within: float) -> Intent:
        return self._call("create", within, lambda: self._create(order))

    def confirm_intent(self, reference: str, idempotency_key: str, within: float) -> Intent:
        return self._call("confirm", within, lambda: self._confirm(reference))

    def read_intent(self, reference: str, within: float) -> Intent:
        return self._call("read", within, lambda: self._read(reference))

    def cancel_intent(self, reference: str, within: float) -> Intent:
        return self._call("cancel", within, lambda: self._cancel(reference))

    def unconfirmed_intents(self, older_than: datetime) -> Sequence[Intent]:
        return [
            each
            for each in self.intents.values()
            if each.status is IntentStatus.REQUIRES_CONFIRMATION
            and each.created_on is not None
            and each.created_on < older_than
            and self.ours.items() <= each.metadata.items()
        ]

    def refund(self, order: RefundOrder, within: float) -> Refund:
        return self._call("refund", within, lambda: self._refund(order))

    def read_refund(self, reference: str, within: float) -> Refund:
        return self._call("read refund", within, lambda: self._read_refund(reference))

    def refunds_of(self, intent: str, within: float) -> Sequence[Refund]:
        return self._call(
            "list refunds",
            within,
            lambda: [each for each in self.refunds.values() if each.intent == intent],
        )

    def create_customer(
        self, name: str, metadata: Mapping[str, str], idempotency_key: str, within: float
    ) -> str:
        return self._call("create customer", within, lambda: self._create_customer(name, idempotency_key))

    def open_page(self, order: PageOrder, within: float) -> HostedPage:
        return self._call("open page", within, lambda: self._open_page(order))

    def read_page(self, reference: str, within: float) -> HostedPage:
        return self._call("read page", within, lambda: self._page(reference))

    def close_page(self, reference: str, within: float) -> HostedPage:
        return self._call("close page", within, lambda: self._close_page(reference))

    def customer_saves(
        self,
        page: str,
        kind: MethodType = MethodType.CARD,
        brand: str = "Visa",
        last4: str = "4242",
        expiry: str = "12/2030",
        fingerprint: str = "",
        *,
        verified: bool = True,
    ) -> Method:
        """A customer enters a card or a bank account on a page that saves, and that is open.

        One that is not `verified` is saved only when `bank_verifies`.
        """
        shown = self._open(page)
        assert self.page_orders[page].amount is None, "this page takes a payment"
        reference = f"pm_{next(self._numbers):04}"
        fingerprint = fingerprint or f"{kind}:{brand}:{last4}"
        method = Method(reference, self.page_orders[page].customer, kind, brand, last4, expiry, fingerprint)
        self.pages[page] = replace(
            shown, status=PageStatus.COMPLETE, url="", method=method if verified else None
        )
        if not verified:
            self.unverified[page] = method
        return method

    def bank_verifies(self, page: str) -> None:
        """The customer found two small deposits on the bank account that they entered."""
        self.pages[page] = replace(self.pages[page], method=self.unverified.pop(page))

    def customer_pays(
        self,
        page: str,
        outcome: IntentStatus | Decline = IntentStatus.SUCCEEDED,
        method: str = "entered on the page",
        kind: MethodType = MethodType.CARD,
    ) -> str:
        """A customer pays on an open page; the intent. A decline leaves the page open.

        So does REQUIRES_ACTION, but for an ACH debit, whose bank account is to be verified. PROCESSING is a bank debit.
        `become` says later what the bank decided.
        """
        shown, order = self._open(page), self.page_orders[page]
        assert order.amount is not None, "this page saves a payment method"
        reference = shown.intent.reference if shown.intent else f"pi_{next(self._numbers):04}"
        status = IntentStatus.REQUIRES_PAYMENT_METHOD if isinstance(outcome, Decline) else outcome
        intent = Intent(
            reference,
            status,
            order.amount,
            decline=outcome if isinstance(outcome, Decline) else None,
            created_on=shown.intent.created_on if shown.intent else self.clock.now(),
            metadata=dict(order.metadata),
            method_type=kind if status in _PAID else None,
        )
        self.intents[reference] = intent
        self.orders[reference] = IntentOrder(
            order.amount, order.customer, method, kind, order.description, order.metadata, ""
        )
        self.pages[page] = replace(shown, intent=intent)
        waits = (status, kind) == (IntentStatus.REQUIRES_ACTION, MethodType.ACH_DEBIT)
        if status in _PAID or waits:
            self.pages[page] = replace(self.pages[page], status=PageStatus.COMPLETE, url="")
        return reference

    def page_runs_out(self, page: str) -> None:
        """As if its time had passed."""
        self._expire(self._open(page))

    def refund_become(self, reference: str, status: RefundStatus, reason: str = "") -> None:
        """What a bank decides later."""
        self.refunds[reference] = replace(self.refunds[reference], status=status, reason=reason)

    def refunded(self, intent: str = "") -> int:
        """Minor units that went back, or are about to."""
        gone = {RefundStatus.FAILED, RefundStatus.CANCELED}
        return sum(
            each.amount.minor
            for each in self.refunds.values()
            if each.status not in gone and intent in {"", each.intent}
        )

    def become(self, reference: str, status: IntentStatus, decline: Decline | None = None) -> None:
        """What a bank decides later."""
        intent = self.intents[reference]
        known = intent.method_type if status in _PAID else None
        self.intents[reference] = replace(intent, status=status, decline=decline, method_type=known)

    def captured(self) -> int:
        """Minor units of every intent that succeeded, currencies side by side."""
        return sum(
            each.amount.minor for each in self.intents.values() if each.status is IntentStatus.SUCCEEDED
        )

    def _call(self, name: str, within: float, act: Callable[[], T]) -> T:
        if within <= 0:
            raise NoAnswer(f"{name}: no time is left")
        self.calls.append(name)
        self.before(name)
        result = act()
        self.after(name)
        return result

    def _create(self, order: IntentOrder) -> Intent:
        if (known := self.keys.get(order.idempotency_key)) is not None:
            if self.orders[known] != order:
                raise GatewayRefused("idempotency_error", "Keys can only be used with the same parameters.")
            return replace(self.intents[known], status=IntentStatus.REQUIRES_CONFIRMATION)
        reference = f"pi_{next(self._numbers):04}"
        intent = Intent(
            reference,
            IntentStatus.REQUIRES_CONFIRMATION,
            order.amount,
            created_on=self.clock.now(),
            metadata=dict(order.metadata),
        )
        self.intents[reference], self.orders[reference] = intent, order
        self.keys[order.idempotency_key] = reference
        return intent

    def _confirm(self, reference: str) -> Intent:
        intent = self._known(reference)
        if intent.status is not IntentStatus.REQUIRES_CONFIRMATION:
            return intent
        order = self.orders[reference]
        outcome = self.methods.get(order.method, IntentStatus.SUCCEEDED)
        if isinstance(outcome, Decline):
            self.become(reference, IntentStatus.REQUIRES_PAYMENT_METHOD, outcome)
        else:
            self.become(reference, outcome)
        if outcome in _PAID:
            self.intents[reference] = replace(self.intents[reference], method_type=order.method_type)
        return self.intents[reference]

    def _refund(self, order: RefundOrder) -> Refund:
        if (known := self.keys.get(order.idempotency_key)) is not None:
            if self.refund_orders[known] != order:
                raise NoAnswer("Keys can only be used with the same parameters.")
            return self.first_answers[known]
        intent = self._read(order.intent)
        if intent.status is not IntentStatus.SUCCEEDED:
            raise GatewayRefused("invalid_request", "There is no successful charge to refund.")
        left = intent.amount.minor - self.refunded(order.intent)
        if left <= 0:
            raise GatewayRefused("charge_already_refunded", "The charge has already been refunded.")
        if order.amount.minor > left:
            raise GatewayRefused("invalid_request", "Refund amount is greater than unrefunded amount.")
        reference = f"re_{next(self._numbers):04}"
        later = self.orders[order.intent].method in self.refunds_later
        status = RefundStatus.PENDING if later else self.refund_becomes
        made = Refund(reference, order.intent, status, order.amount, metadata=dict(order.metadata))
        self.refunds[reference], self.refund_orders[reference] = made, order
        self.keys[order.idempotency_key] = reference
        self.first_answers[reference] = made
        return made

    def _create_customer(self, name: str, key: str) -> str:
        if (known := self.keys.get(key)) is None:
            known = self.keys[key] = f"cus_{next(self._numbers):04}"
            self.customers[known] = name
        if self.customers[known] != name:
            raise GatewayRefused("idempotency_error", "Keys can only be used with the same parameters.")
        return known

    def _open_page(self, order: PageOrder) -> HostedPage:
        if (known := self.keys.get(order.idempotency_key)) is not None:
            if self.page_orders[known] != order:
                raise GatewayRefused("idempotency_error", "Keys can only be used with the same parameters.")
            return self._as_opened(known, order)
        left = order.expires_on - self.clock.now()
        if not timedelta(minutes=30) <= left <= timedelta(hours=24):
            raise GatewayRefused("invalid_request", "The page must expire in 30 minutes to 24 hours.")
        reference = f"cs_{next(self._numbers):04}"
        self.page_orders[reference], self.keys[order.idempotency_key] = order, reference
        self.pages[reference] = self._as_opened(reference, order)
        return self.pages[reference]

    def _as_opened(self, reference: str, order: PageOrder) -> HostedPage:
        return HostedPage(
            reference,
            PageStatus.OPEN,
            f"https://pages.example/{reference}",
            order.expires_on,
            metadata=dict(order.metadata),
        )

    def _page(self, reference: str) -> HostedPage:
        """As it is by the clock, with its intent as that is now."""
        if reference not in self.pages:
            raise GatewayRefused("resource_missing", f"No such checkout.session: {reference}")
        page = self.pages[reference]
        if page.status is PageStatus.OPEN and page.expires_on <= self.clock.now():
            self._expire(page)
            page = self.pages[reference]
        return replace(page, intent=self.intents[page.intent.reference]) if page.intent else page

    def _open(self, reference: str) -> HostedPage:
        page = self._page(reference)
        assert page.status is PageStatus.OPEN, f"{reference} is {page.status}"
        return page

    def _close_page(self, reference: str) -> HostedPage:
        try:
            page = self._page(reference)
        except GatewayRefused as error:
            raise NoAnswer(str(error)) from error
        if page.status is PageStatus.OPEN:
            self._expire(page)
        return self._page(reference)

    def _expire(self, page: HostedPage) -> None:
        """An expired page takes its unpaid intent with it."""
        self.pages[page.reference] = replace(page, status=PageStatus.EXPIRED, url="")
        if page.intent is not None:
            self.become(page.intent.reference, IntentStatus.CANCELED, page.intent.decline)

    def _read_refund(self, reference: str) -> Refund:
        if reference not in self.refunds:
            raise GatewayRefused("resource_missing", f"No such refund: {reference}")
        return self.refunds[reference]

    def _read(self, reference: str) -> Intent:
        if reference not in self.intents:
            raise GatewayRefused("resource_missing", f"No such payment_intent: {reference}")
        return self.intents[reference]

    def _known(self, reference: str) -> Intent:
        try:
            return self._read(reference)
        except GatewayRefused as error:
            raise NoAnswer(str(error)) from error

    def _cancel(self, reference: str) -> Intent:
        intent = self._known(reference)
        if any(
            page.intent is not None and page.intent.reference == reference for page in self.pages.values()
        ):
            return intent  # it ends with its page
        if intent.status not in {IntentStatus.SUCCEEDED, IntentStatus.PROCESSING, IntentStatus.CANCELED}:
            self.become(reference, IntentStatus.CANCELED, intent.decline)
        return self.intents[reference]


def no_answer(*names: str, times: int = 1) -> Callable[[str], None]:
    """For `before` (never arrived) or `after` (the answer got lost): the named calls, that many times."""
    left = itertools.count(times, -1)

    def act(name: str) -> None:
        if name in names and next(left) > 0:
            raise NoAnswer(f"{name}: time-out")

    return act


def customer_missing() -> Callable[[str], None]:
    """For `before`: the customer that the first page is ordered for was deleted."""
    first = itertools.count()

    def act(name: str) -> None:
        if name == "open page" and next(first) == 0:
            raise GatewayRefused("resource_missing", "No such customer.")

    return act
