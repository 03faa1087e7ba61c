"""The local Stripe: one test-mode account that keeps its word about ids, keys, states and events.

It speaks version 2026-08-26.dahlia to the unmodified SDK. Nothing here opens a socket but the delivery of webhooks.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sandbox.clock import Clock
from sandbox.control import Endpoints
from sandbox.stripe import checkout, checkout_sessions, hostedpage, refunds, seed
from sandbox.stripe.api import Api
from sandbox.stripe.dashboard import Dashboard
from sandbox.stripe.hostedpage import HostedPage
from sandbox.stripe.outages import Outages
from sandbox.stripe.session import Session
from sandbox.stripe.store import Snapshot, Store
from sandbox.stripe.webhooks import Send, Webhooks, over_http
from sandbox.wire import Request, Response

Rows = Iterable[Mapping[str, Any]]

_LATER: Mapping[str, Callable[[Session, str], None]] = {
    "checkout": checkout_sessions.run_out,
    "debit": checkout.settle_debit,
    "refund": refunds.conclude,
    "verification": checkout.verify,
}


class Stripe:
    """`handle` answers requests under `/v1/`, and customers on hosted pages; `controls` are the stand-in's own under `/sandbox/`.

    Webhooks go out when `webhooks.deliver()` is called, or by themselves after `start()`.
    `under_way` is called for each writing request while its idempotency key is in use.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        file: Path | None = None,
        send: Send = over_http,
        under_way: Callable[[Request], None] = lambda _request: None,
    ) -> None:
        self._store = Store(file)
        self._outages = Outages()
        self.webhooks = Webhooks(self._store, clock, send)
        self._api = Api(self._store, clock, self._outages, under_way)
        self._page = HostedPage(self._store, self._api.now)

    def handle(self, request: Request) -> Response:
        self.settle_due()
        answer = self._page if request.path.startswith(hostedpage.PREFIX) else self._api
        response = answer.handle(request)
        if request.method != "GET":
            self.webhooks.wake()
        return response

    def controls(self) -> Endpoints:
        return Dashboard(self._store, self._api.now, self._outages, self.webhooks).endpoints()

    def settle_due(self) -> None:
        """Lets happen what is due by now: bank accounts that are verified, debits that settle or fail, refunds that end, pages that run out."""
        now = self._api.now()
        with self._store.transaction():
            due = self._store.execute(
                "SELECT seq, what, id FROM later WHERE at <= ? ORDER BY at, seq", (now,)
            )
            for seq, what, identifier in due:
                self._store.execute("DELETE FROM later WHERE seq = ?", (seq,))
                _LATER[what](Session(self._store, now), identifier)

    def seed(self, *, customers: Rows = (), payment_methods: Rows = (), payment_intents: Rows = ()) -> None:
        """Adds objects with chosen ids; `sandbox/stripe/seed.py` says what each row may hold."""
        session = Session(self._store, self._api.now())
        with self._store.transaction():
            for row in customers:
                seed.customer(session, row)
            for row in payment_methods:
                seed.payment_method(session, row)
            for row in payment_intents:
                seed.payment_intent(session, row)

    def snapshot(self) -> Snapshot:
        return self._store.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Back to the snapshot; registered webhook endpoints stay."""
        self._outages.clear()
        self.webhooks.copies, self.webhooks.newest_first = 1, False
        self._store.restore(snapshot, keep="webhook_endpoint")

    def start(self) -> None:
        self.webhooks.start(self.settle_due)

    def stop(self) -> None:
        self.webhooks.stop()
        self._store.close()
