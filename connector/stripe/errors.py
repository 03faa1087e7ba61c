"""One closed table: what an error of the SDK lets us conclude.

| error | verdict |
|---|---|
| 402 `CardError` | DECLINED: the charge was refused, the intent tells the state |
| 400/404 `InvalidRequestError` | REFUSED: understood and not done (`payment_intent_unexpected_state`: the intent moved on) |
| 400 `IdempotencyError` | KEY_REUSED: the key was first used with other parameters |
| everything else | UNKNOWN: no connection, time-out, truncated, 401, 403, 409, 429, 5xx, 200 with garbage |

The last line is the default on purpose: an error nobody thought of must never read as failure.
"""

from dataclasses import dataclass
from enum import Enum, auto

import stripe

from plugins.ports import Decline


class Verdict(Enum):
    DECLINED = auto()
    REFUSED = auto()
    KEY_REUSED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Fault:
    """A verdict with what the error said. The codes are on `e.error`: the exceptions' own `code` is often None."""

    verdict: Verdict
    code: str
    decline: Decline
    intent: stripe.PaymentIntent | None
    """The intent as it was when this answer was first made."""
    replayed: bool
    """The answer was kept under the idempotency key, so the intent in it may be out of date."""
    summary: str
    """For a log: no body, no personal data."""


def judge(error: Exception) -> Fault:
    """The table above."""
    details = error.error if isinstance(error, stripe.StripeError) else None
    code = _text(details, "code")
    intent = getattr(details, "payment_intent", None)
    return Fault(
        verdict=_verdict(error),
        code=code,
        decline=Decline(
            code=code,
            decline_code=_text(details, "decline_code"),
            advice_code=_text(details, "advice_code"),
            message=_text(details, "message"),
        ),
        intent=intent if isinstance(intent, stripe.PaymentIntent) else None,
        replayed=_replayed(error),
        summary=_summary(error, code),
    )


def _verdict(error: Exception) -> Verdict:
    match error:
        case stripe.CardError(http_status=402):
            return Verdict.DECLINED
        case stripe.IdempotencyError():
            return Verdict.KEY_REUSED
        # The type tells Stripe's own refusal from a 404 of something in between.
        case stripe.InvalidRequestError(http_status=400 | 404) if _type(error) == "invalid_request_error":
            return Verdict.REFUSED
        case _:
            return Verdict.UNKNOWN


def _replayed(error: Exception) -> bool:
    headers = error.headers if isinstance(error, stripe.StripeError) else None
    if not headers:
        return False
    return {name.lower(): value for name, value in headers.items()}.get("idempotent-replayed") == "true"


def _summary(error: Exception, code: str) -> str:
    if not isinstance(error, stripe.StripeError):
        return type(error).__name__
    cause = type(error.__cause__).__name__ if error.__cause__ else ""
    parts = (type(error).__name__, str(error.http_status or ""), code, cause, error.request_id or "")
    return " ".join(filter(None, parts))


def _type(error: stripe.StripeError) -> str:
    return _text(error.error, "type")


def _text(details: stripe.ErrorObject | None, name: str) -> str:
    value = getattr(details, name, None)
    return value if isinstance(value, str) else ""
