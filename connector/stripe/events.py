"""Events that Stripe sends: are they Stripe's, are they fresh, and what are they about.

An event is a hint. Its object's content is not taken over: whoever hears it reads the object again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import stripe

from plugins.ports import PROFILE, TRANSACTION

TOLERANCE = timedelta(seconds=300)
"""Older, or further ahead of our clock, is refused. The SDK's own check takes events from the future and reads a clock
of its own, so it is off."""


@dataclass(frozen=True)
class GatewayEvent:
    """`object_id` and `object_kind` name what it is about (`pi_…`, `payment_intent`); `payment_intent` the intent that
    belongs to it, where there is one.
    """

    id: str
    type: str
    object_id: str
    object_kind: str
    live: bool
    created: datetime
    payment_intent: str = ""
    transaction: str = ""
    """The payment transaction that the object's metadata names; a hint like everything else."""
    profile: str = ""
    """The payment profile, likewise."""


class EventRefused(Exception):
    """Not to be trusted, or not an event. `code` is stable: `signature_missing`, `signature_invalid`, `event_expired`,
    `event_from_the_future`, `event_malformed`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def verify(body: bytes, signature: str | None, secrets: Sequence[str], now: datetime) -> GatewayEvent:
    """The event, if one of `secrets` signed it within the tolerance of `now`. Raises `EventRefused`."""
    if not signature:
        raise EventRefused("signature_missing", "The header Stripe-Signature is missing.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise EventRefused("event_malformed", "The body is not UTF-8.") from None
    if not any(_signed(text, signature, secret) for secret in secrets):
        raise EventRefused("signature_invalid", "No signature was made with the endpoint's secret.")
    signed_on = _signed_on(signature)
    if signed_on < now - TOLERANCE:
        raise EventRefused("event_expired", "The signature is more than five minutes old.")
    if signed_on > now + TOLERANCE:
        raise EventRefused("event_from_the_future", "The signature is dated more than five minutes ahead.")
    return parse(text)


def parse(text: str) -> GatewayEvent:
    """A snapshot event. Raises `EventRefused`."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise EventRefused("event_malformed", "The body is not JSON.") from None
    try:
        return _read(event)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        raise EventRefused("event_malformed", "The body is not an event of Stripe.") from None


def _read(event: Any) -> GatewayEvent:
    if event["object"] != "event":
        raise ValueError
    subject = event["data"]["object"]
    kind = _text(subject["object"])
    # Some objects have no id of their own (a balance); nothing of ours depends on those.
    object_id = _text(subject.get("id") or "")
    intent = object_id if kind == "payment_intent" else subject.get("payment_intent")
    if not isinstance(event["livemode"], bool) or not isinstance(event["created"], int):
        raise TypeError
    return GatewayEvent(
        id=_text(event["id"]),
        type=_text(event["type"]),
        object_id=object_id,
        object_kind=kind,
        live=event["livemode"],
        created=datetime.fromtimestamp(event["created"], UTC),
        payment_intent=intent if isinstance(intent, str) else "",
        transaction=_named(TRANSACTION, subject.get("metadata")),
        profile=_named(PROFILE, subject.get("metadata")),
    )


def _named(key: str, metadata: Any) -> str:
    named = metadata.get(key) if isinstance(metadata, dict) else None
    return named if isinstance(named, str) else ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _signed(text: str, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(text, signature, secret, tolerance=None)
    except (stripe.SignatureVerificationError, TypeError):  # TypeError: a header that is not ASCII
        return False
    return True


def _signed_on(signature: str) -> datetime:
    """Of a header whose signature was verified, so that `t` is there and a number."""
    moments = [
        value for name, _, value in (part.partition("=") for part in signature.split(",")) if name == "t"
    ]
    try:
        return datetime.fromtimestamp(int(moments[0]), UTC)
    except (ValueError, OverflowError, OSError):
        raise EventRefused("signature_invalid", "The signature's date is not a date.") from None
