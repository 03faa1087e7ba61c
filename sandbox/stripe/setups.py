"""What happens between a setup intent's confirmation and its outcome: the payment method is saved, or not."""

from typing import Any

from sandbox.stripe import attempts, payment_methods
from sandbox.stripe.behaviour import Decline
from sandbox.stripe.errors import StripeError
from sandbox.stripe.session import Session

NOT_AUTHENTICATED = Decline(
    "setup_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)


def attempt(session: Session, intent: dict[str, Any], return_url: str | None) -> None:
    """Raises the card error of a payment method that is refused; the intent then waits for another one."""
    method = payment_methods.resolve(session, intent["payment_method"])
    payment_methods.refuse_used(session, method)
    manner = payment_methods.behaviour_of(session, method["id"])
    intent |= {"next_action": None, "last_setup_error": None}
    if method["type"] == "card":
        decline = attempts.card_decline(session, method, manner)
        if decline is not None and (manner.declined_when_attached or manner.decline is None):
            raise _fail(session, intent, method, decline)
    if manner.verified_in:
        _wait(session, intent, attempts.small_deposits(session, intent, manner))
        return
    if manner.authentication != "never":
        _ask_customer(session, intent, return_url)
        return
    _succeed(session, intent, method)


def authenticate(session: Session, intent: dict[str, Any], *, passed: bool) -> None:
    """What the customer told their bank. Raises as `attempt` does."""
    method = payment_methods.resolve(session, intent["payment_method"])
    intent["next_action"] = None
    if not passed:
        raise _fail(session, intent, method, NOT_AUTHENTICATED, kind="invalid_request_error")
    _succeed(session, intent, method)


def verified(session: Session, intent: dict[str, Any]) -> None:
    """The customer found the small deposits on their account."""
    intent["next_action"] = None
    _succeed(session, intent, payment_methods.resolve(session, intent["payment_method"]))


def _succeed(session: Session, intent: dict[str, Any], method: dict[str, Any]) -> None:
    if intent["customer"] is not None:
        payment_methods.attach_to(session, method["id"], intent["customer"])
    session.store.hide(method["id"], set_up=True)
    intent["status"] = "succeeded"
    session.store.save(intent)
    session.emit("setup_intent.succeeded", intent)


def _ask_customer(session: Session, intent: dict[str, Any], return_url: str | None) -> None:
    if return_url:
        url = f"https://hooks.stripe.com/3d_secure_2/hosted?setup_intent={intent['id']}"
        action = {"redirect_to_url": {"return_url": return_url, "url": url}, "type": "redirect_to_url"}
    else:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    _wait(session, intent, action)


def _wait(session: Session, intent: dict[str, Any], action: dict[str, Any]) -> None:
    intent |= {"status": "requires_action", "next_action": action}
    session.store.save(intent)
    session.emit("setup_intent.requires_action", intent)


def _fail(
    session: Session,
    intent: dict[str, Any],
    method: dict[str, Any],
    decline: Decline,
    kind: str = "card_error",
) -> StripeError:
    refusal = payment_methods.declined(decline, payment_method=method)
    refusal.error["type"] = kind
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_setup_error": dict(refusal.error),
        "next_action": None,
    }
    session.store.save(intent)
    session.emit("setup_intent.setup_failed", intent)
    refusal.error["setup_intent"] = intent
    return refusal
