"""Idempotency keys: one key, one execution, one answer for 24 hours. https://docs.stripe.com/api/idempotent_requests"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.stripe.errors import idempotency_in_use, idempotency_mismatch, invalid_request
from sandbox.stripe.store import Store

KEPT_FOR = 24 * 3600
_LONGEST = 255


@dataclass(frozen=True)
class Saved:
    """The answer that the first request with a key got, and that request's id."""

    status: int
    body: bytes
    request: str


def fingerprint(method: str, path: str, given: Mapping[str, Any]) -> str:
    text = json.dumps([method, path, given], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def claim(store: Store, key: str, print_: str, request: str, now: int) -> Saved | None:
    """Takes the key for this request (None), or says what its first request was answered. Refuses a key in use."""
    if len(key) > _LONGEST:
        raise invalid_request(f"Idempotency keys can have up to {_LONGEST} characters; yours has {len(key)}.")
    store.execute("DELETE FROM keys WHERE key = ? AND claimed_at <= ?", (key, now - KEPT_FOR))
    rows = store.execute("SELECT fingerprint, request, status, body FROM keys WHERE key = ?", (key,))
    if not rows:
        store.execute(
            "INSERT INTO keys (key, fingerprint, claimed_at, request) VALUES (?, ?, ?, ?)",
            (key, print_, now, request),
        )
        return None
    known, first_request, status, body = rows[0]
    if known != print_:
        raise idempotency_mismatch(key)
    if status is None:
        raise idempotency_in_use(key)
    return Saved(status, body, first_request)


def keep(store: Store, key: str, status: int, body: bytes) -> None:
    """Remembers the answer: of a success, a decline, or a failure of Stripe's own."""
    store.execute("UPDATE keys SET status = ?, body = ? WHERE key = ?", (status, body, key))


def forget(store: Store, key: str) -> None:
    """Gives the key back: nothing was begun under it."""
    store.execute("DELETE FROM keys WHERE key = ? AND status IS NULL", (key,))
