"""What the local Stripe says when it refuses.

StripeError            anything that ends in Stripe's error envelope
├── invalid_request    400, or 404 for an object named in the path: nothing happened and nothing is remembered
├── unexpected_state   400 that a key remembers: the endpoint had begun
├── card_error         402: the attempt happened, failed and is remembered
├── unauthorised       401
├── idempotency_*      400 for other parameters under a used key, 409 while the first call is still running
└── server_error       500 that a key remembers
"""

from typing import Any

DOCUMENTATION = "https://docs.stripe.com/error-codes/"


class StripeError(Exception):
    """A refusal. `lasting` says that what happened before it stays, and that an idempotency key replays it."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str | None = None,
        lasting: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.lasting = lasting
        self.error: dict[str, Any] = {"message": message, "type": kind}
        if code is not None:
            self.error |= {"code": code, "doc_url": DOCUMENTATION + code.replace("_", "-")}
        self.error |= {name: value for name, value in details.items() if value is not None}

    def envelope(self) -> dict[str, Any]:
        return {"error": dict(sorted(self.error.items()))}


def invalid_request(
    message: str, *, code: str | None = None, param: str | None = None, **details: Any
) -> StripeError:
    return StripeError(400, "invalid_request_error", message, code=code, param=param, **details)


def unexpected_state(
    message: str, *, code: str = "payment_intent_unexpected_state", **details: Any
) -> StripeError:
    return StripeError(400, "invalid_request_error", message, code=code, lasting=True, **details)


def missing(kind: str, identifier: str, param: str, *, in_path: bool = False) -> StripeError:
    return StripeError(
        404 if in_path else 400,
        "invalid_request_error",
        f"No such {kind}: '{identifier}'",
        code="resource_missing",
        param=param,
    )


def card_error(message: str, *, code: str, **details: Any) -> StripeError:
    return StripeError(402, "card_error", message, code=code, lasting=True, **details)


def unauthorised(message: str) -> StripeError:
    return StripeError(401, "invalid_request_error", message)


def idempotency_mismatch(key: str) -> StripeError:
    return StripeError(
        400,
        "idempotency_error",
        "Keys for idempotent requests can only be used with the same parameters they were first used with."
        f" Try using a key other than '{key}' if you meant to execute a different request.",
    )


def idempotency_in_use(key: str) -> StripeError:
    return StripeError(
        409,
        "idempotency_error",
        f"There is currently another in-progress request using this Idempotency Key ({key}). Please try again later.",
        code="idempotency_key_in_use",
    )


def server_error() -> StripeError:
    return StripeError(500, "api_error", "An unknown error occurred", lasting=True)
