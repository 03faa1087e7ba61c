"""Delivers events to webhook endpoints over HTTP: signed, repeated until they are taken, twice when asked to.

As in Stripe's test mode an event that is not taken is sent again three times over a few hours.
"""

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from sandbox.clock import Clock
from sandbox.stripe import events
from sandbox.stripe.session import Session
from sandbox.stripe.store import Store

_log = logging.getLogger("sandbox")

Send = Callable[[str, dict[str, str], bytes], int | None]
"""Posts a body to a URL; the status of the answer, or None when there was none."""

AGAIN_AFTER = (60, 1_800, 7_200)
_AT_ONCE = 4


def over_http(url: str, headers: dict[str, str], body: bytes) -> int | None:
    """Stripe reads nothing but the status."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.post(
                url, data=body, headers=headers, timeout=20, allow_redirects=False
            ).status_code
    except requests.RequestException:
        return None


def signature(body: bytes, secret: str, now: int) -> str:
    """The `Stripe-Signature` header: https://docs.stripe.com/webhooks/signature"""
    code = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={code}"


@dataclass(frozen=True)
class Delivery:
    """One event for one endpoint."""

    event: str
    endpoint: str
    url: str
    secret: str
    body: bytes


class Webhooks:
    """What is due is sent by `deliver`: by a test when it likes, or by the thread that `start` begins."""

    def __init__(self, store: Store, clock: Clock, send: Send = over_http) -> None:
        self.copies = 1
        """How often each event is sent; Stripe promises at least once."""
        self.newest_first = False
        """Stripe promises no order."""
        self._store = store
        self._clock = clock
        self._send = send
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._delivering = threading.Lock()
        self._thread: threading.Thread | None = None

    def deliver(self) -> int:
        """Sends everything that is due, and says how many events were taken."""
        with self._delivering:
            due = self._due()
            if self.newest_first:
                due.reverse()
            if not due:
                return 0
            with ThreadPoolExecutor(min(_AT_ONCE, len(due))) as pool:
                taken = list(pool.map(self._try, due)) if len(due) > 1 else [self._try(due[0])]
            return sum(taken)

    def resend(self, event: str) -> None:
        """Queues an event again for every endpoint that it was ever meant for."""
        with self._store.transaction():
            self._store.execute(
                "UPDATE deliveries SET next_at = ?, attempts = 0 WHERE event = ?", (self._now(), event)
            )
        self.wake()

    def wake(self) -> None:
        self._wake.set()

    def start(self, tick: Callable[[], None], every: float = 0.25) -> None:
        """Begins the thread that calls `tick` and delivers, at least `every` so many seconds."""

        def run() -> None:
            while not self._stopped.is_set():
                self._wake.wait(every)
                self._wake.clear()
                try:
                    tick()
                    self.deliver()
                except Exception:  # noqa: BLE001 - one event that cannot go out must not silence all others
                    _log.exception("deliveries were interrupted")

        self._thread = threading.Thread(target=run, name="stripe-webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(5)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _due(self) -> list[Delivery]:
        session = Session(self._store, self._now())
        with self._store.transaction():
            rows = self._store.execute(
                "SELECT event, endpoint FROM deliveries JOIN objects ON objects.id = event WHERE next_at <= ?"
                " ORDER BY objects.seq",
                (self._now(),),
            )
            due = []
            for event, endpoint in rows:
                stored, receiver = self._store.get(event), self._store.get(endpoint)
                if stored is None or receiver is None or receiver.body["status"] != "enabled":
                    self._store.execute(
                        "UPDATE deliveries SET next_at = NULL WHERE event = ? AND endpoint = ?",
                        (event, endpoint),
                    )
                    continue
                body = json.dumps(events.shown(session, stored)).encode()
                due.append(Delivery(event, endpoint, receiver.body["url"], receiver.hidden["secret"], body))
            return due

    def _try(self, delivery: Delivery) -> bool:
        statuses = [self._post(delivery) for _ in range(self.copies)]
        taken = any(status is not None and 200 <= status < 300 for status in statuses)
        with self._store.transaction():
            where = (delivery.event, delivery.endpoint)
            if taken:
                self._store.execute(
                    "UPDATE deliveries SET delivered = 1, next_at = NULL, attempts = attempts + 1"
                    " WHERE event = ? AND endpoint = ?",
                    where,
                )
                return True
            rows = self._store.execute(
                "SELECT attempts FROM deliveries WHERE event = ? AND endpoint = ?", where
            )
            attempts = rows[0][0] if rows else len(AGAIN_AFTER)
            again = self._now() + AGAIN_AFTER[attempts] if attempts < len(AGAIN_AFTER) else None
            self._store.execute(
                "UPDATE deliveries SET next_at = ?, attempts = attempts + 1 WHERE event = ? AND endpoint = ?",
                (again, *where),
            )
            return False

    def _post(self, delivery: Delivery) -> int | None:
        # Each attempt is signed anew, with its own time.
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(delivery.body, delivery.secret, self._now()),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        return self._send(delivery.url, headers, delivery.body)
