"""One call's hold on the local Stripe: the store, the moment, and whom its events name as their cause."""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.stripe.errors import missing
from sandbox.stripe.store import Store, Stored

API_VERSION = "2026-08-26.dahlia"
_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_" + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in secrets.token_bytes(length))


@dataclass(frozen=True)
class Session:
    """`now` is in seconds since 1970. `request` is None for what happens by itself, or by a click in the dashboard."""

    store: Store
    now: int
    request: str | None = None
    idempotency_key: str | None = None
    origin: str = ""
    """Where the caller reaches the local Stripe, for the addresses of its hosted pages."""

    def add(self, body: dict[str, Any], **hidden: Any) -> dict[str, Any]:
        self.store.add(body, hidden)
        return body

    def find(self, kind: str, identifier: str, param: str, *, in_path: bool = False) -> Stored:
        """The object, or Stripe's refusal: 404 for one named in the path, 400 for one named by a parameter."""
        stored = self.store.get(identifier, kind)
        if stored is None:
            raise missing(kind, identifier, param, in_path=in_path)
        return stored

    def later(self, seconds: int, what: str, identifier: str) -> None:
        self.store.execute(
            "INSERT INTO later (at, what, id) VALUES (?, ?, ?)", (self.now + seconds, what, identifier)
        )

    def emit(
        self, name: str, body: Mapping[str, Any], previous: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Records an event about an object as it is now, and queues it for every endpoint that wants to hear it."""
        data: dict[str, Any] = {"object": body}
        if previous is not None:
            data["previous_attributes"] = previous
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.request, "idempotency_key": self.idempotency_key},
            "type": name,
        }
        self.store.add(event)
        for endpoint in self.store.select("object = 'webhook_endpoint'", order="seq"):
            wanted = endpoint.body["enabled_events"]
            if endpoint.body["status"] == "enabled" and (name in wanted or "*" in wanted):
                self.store.execute(
                    "INSERT INTO deliveries (event, endpoint, next_at) VALUES (?, ?, ?)",
                    (event["id"], endpoint.body["id"], self.now),
                )
        return event


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """`previous_attributes` of an event: what the changed fields held before."""
    return {name: before.get(name) for name in after if before.get(name) != after[name]}
