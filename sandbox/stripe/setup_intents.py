"""Setup intents: saving a payment method to charge it later. https://docs.stripe.com/payments/setup-intents"""

from collections.abc import Mapping
from typing import Any

from sandbox.stripe import checkoutobjects, customers, listing, payment_methods, setups
from sandbox.stripe.call import Call
from sandbox.stripe.errors import StripeError, invalid_request, unexpected_state
from sandbox.stripe.parameters import (
    Reader,
    boolean,
    choice,
    merged_metadata,
    metadata,
    read,
    text,
    texts,
    tree,
)
from sandbox.stripe.session import Session

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_CONFIRMATION: Mapping[str, Reader] = {
    "payment_method": text(),
    "return_url": text(),
    "use_stripe_sdk": boolean,
}


def create(session: Session, call: Call) -> dict[str, Any]:
    values = read(
        call.given,
        {
            **_CONFIRMATION,
            "automatic_payment_methods": tree(
                {"enabled": boolean, "allow_redirects": choice("always", "never")}, ("enabled",)
            ),
            "confirm": boolean,
            "customer": text(),
            "description": text(1000),
            "metadata": metadata,
            "payment_method_types": texts(),
            "usage": choice("off_session", "on_session"),
        },
    )
    return_url, confirming = values.pop("return_url", None), values.pop("confirm", False)
    if return_url and not confirming:
        raise invalid_request("You can only set `return_url` when `confirm` is `true`.", param="return_url")
    intent = make(session, values)
    if confirming:
        _confirm(session, intent, return_url)
    return intent


def make(session: Session, values: dict[str, Any], **hidden: Any) -> dict[str, Any]:
    """A new intent, as `create` and a hosted page make it."""
    intent = checkoutobjects.setup_intent(session)
    if values.get("customer"):
        customers.living(session, values["customer"])
    listed = values.get("payment_method_types")
    if listed is None:
        intent["automatic_payment_methods"] = {
            "allow_redirects": "always",
            "enabled": True,
            **(values.get("automatic_payment_methods") or {}),
        }
        listed = list(payment_methods.KINDS)
    payment_methods.check_kinds(listed)
    intent["payment_method_types"] = listed
    intent |= {name: values[name] for name in ("customer", "description", "usage") if name in values}
    intent["metadata"] = merged_metadata({}, values.get("metadata") or {})
    if values.get("payment_method"):
        choose(session, intent, payment_methods.resolve(session, values["payment_method"]))
    session.add(intent, **hidden)
    session.emit("setup_intent.created", intent)
    return intent


def retrieve(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {"client_secret": text()})
    return _find(session, call)


def confirm(session: Session, call: Call) -> dict[str, Any]:
    values = read(call.given, _CONFIRMATION)
    intent = _find(session, call)
    _refuse_checkouts_own(session, intent, "confirm")
    if intent["status"] not in _CONFIRMABLE:
        raise unexpected_state(
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}. Only a SetupIntent"
            f" with one of the following statuses may be confirmed: {', '.join(_CONFIRMABLE)}.",
            code="setup_intent_unexpected_state",
            setup_intent=intent,
        )
    if values.get("payment_method"):
        choose(session, intent, payment_methods.resolve(session, values["payment_method"]))
        session.store.save(intent)
    _confirm(session, intent, values.get("return_url"))
    return intent


def cancel(session: Session, call: Call) -> dict[str, Any]:
    values = read(
        call.given, {"cancellation_reason": choice("abandoned", "duplicate", "requested_by_customer")}
    )
    intent = _find(session, call)
    _refuse_checkouts_own(session, intent, "cancel")
    if intent["status"] not in _CONFIRMABLE:
        raise unexpected_state(
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}. Only a SetupIntent with"
            f" one of the following statuses may be canceled: {', '.join(_CONFIRMABLE)}.",
            code="setup_intent_unexpected_state",
            setup_intent=intent,
        )
    end(session, intent, values.get("cancellation_reason"))
    return intent


def end(session: Session, intent: dict[str, Any], reason: str | None) -> None:
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    session.store.save(intent)
    session.emit("setup_intent.canceled", intent)


def list_all(session: Session, call: Call) -> dict[str, Any]:
    return listing.page(
        session,
        call,
        "setup_intent",
        {**listing.CREATED, "customer": text(), "payment_method": text()},
    )


def choose(session: Session, intent: dict[str, Any], method: dict[str, Any]) -> None:
    if method["type"] not in intent["payment_method_types"]:
        raise invalid_request(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this SetupIntent. Please attach a"
            f" PaymentMethod of one of the following types: {', '.join(intent['payment_method_types'])}.",
            param="payment_method",
        )
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        raise invalid_request(
            f"The PaymentMethod supplied ({method['id']}) belongs to the Customer {method['customer']}. Please include"
            " the Customer in the `customer` parameter on the SetupIntent.",
            param="payment_method",
        )
    payment_methods.refuse_used(session, method)
    intent |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}


def _confirm(session: Session, intent: dict[str, Any], return_url: str | None) -> None:
    if intent["payment_method"] is None:
        raise unexpected_state(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a"
            " payment method and then confirm it again.",
            code="setup_intent_unexpected_state",
            setup_intent=intent,
        )
    setups.attempt(session, intent, return_url)


def _refuse_checkouts_own(session: Session, intent: dict[str, Any], verb: str) -> None:
    stored = session.store.get(intent["id"])
    if stored is not None and stored.hidden.get("checkout"):
        raise checkouts_own("SetupIntent", verb)


def checkouts_own(kind: str, verb: str) -> StripeError:
    """What belongs to a hosted page follows the page."""
    return invalid_request(
        f"You cannot {verb} this {kind} because it was created by Checkout. To cancel it, expire the Checkout Session"
        " instead."
    )


def _find(session: Session, call: Call) -> dict[str, Any]:
    return session.find("setup_intent", call.target, "intent", in_path=True).body
