"""Payment intents: https://docs.stripe.com/payments/paymentintents/lifecycle.

requires_payment_method → requires_confirmation → (requires_action | processing | requires_capture) → succeeded,
back to requires_payment_method when an attempt fails, and canceled from everywhere but succeeded.
"""

from collections.abc import Mapping
from typing import Any

from sandbox.stripe import attempts, customers, listing, objects, payment_methods, setup_intents
from sandbox.stripe.call import Call
from sandbox.stripe.currencies import check_amount, currency
from sandbox.stripe.errors import invalid_request, unexpected_state
from sandbox.stripe.parameters import (
    ADDRESS,
    Reader,
    boolean,
    choice,
    either,
    integer,
    merged_metadata,
    metadata,
    read,
    text,
    texts,
    tree,
)
from sandbox.stripe.session import Session

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")

_DESCRIPTION: Mapping[str, Reader] = {
    "description": text(1000),
    "metadata": metadata,
    "receipt_email": text(512),
    "shipping": tree(
        {
            "address": tree(ADDRESS),
            "carrier": text(),
            "name": text(),
            "phone": text(),
            "tracking_number": text(),
        },
        ("address", "name"),
    ),
    "transfer_group": text(),
}
_SUBSTANCE: Mapping[str, Reader] = {
    "amount": integer(least=1),
    "currency": currency,
    "customer": text(),
    "payment_method": text(),
    "payment_method_types": texts(),
    "setup_future_usage": choice("off_session", "on_session"),
    "statement_descriptor": text(22),
    "statement_descriptor_suffix": text(22),
    "capture_method": choice("automatic", "automatic_async", "manual"),
}
_CONFIRMATION: Mapping[str, Reader] = {
    "error_on_requires_action": boolean,
    "off_session": either(boolean, choice("one_off", "recurring")),
    "return_url": text(),
    "use_stripe_sdk": boolean,
}


def create(session: Session, call: Call) -> dict[str, Any]:
    values = read(
        call.given,
        {
            **_DESCRIPTION,
            **_SUBSTANCE,
            **_CONFIRMATION,
            "automatic_payment_methods": tree(
                {"enabled": boolean, "allow_redirects": choice("always", "never")}, ("enabled",)
            ),
            "confirm": boolean,
            "confirmation_method": choice("automatic", "manual"),
        },
        ("amount", "currency"),
    )
    confirming = values.pop("confirm", False)
    confirmation = {name: values.pop(name) for name in _CONFIRMATION if name in values}
    if not confirming:
        for name in ("off_session", "error_on_requires_action"):
            if name in confirmation:
                raise invalid_request(f"You can only set `{name}` when `confirm` is `true`.", param=name)
    intent = objects.payment_intent(session, values.pop("amount"), values.pop("currency"))
    check_amount(intent["amount"], intent["currency"])
    _choose_kinds(intent, values)
    _apply(session, intent, values)
    session.add(intent)
    session.emit("payment_intent.created", intent)
    if confirming:
        _require_method(intent)
        attempts.attempt(session, intent, confirmation)
    return intent


def retrieve(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {"client_secret": text()})
    return _find(session, call)


def update(session: Session, call: Call) -> dict[str, Any]:
    values = read(call.given, {**_DESCRIPTION, **_SUBSTANCE})
    intent = _find(session, call)
    touched = [name for name in values if name in _SUBSTANCE]
    if touched and intent["status"] not in _CONFIRMABLE:
        raise unexpected_state(
            f"This PaymentIntent's {touched[0]} could not be updated because it has a status of {intent['status']}."
            f" You may only update the {touched[0]} of a PaymentIntent with one of the following statuses:"
            f" {', '.join(_CONFIRMABLE)}.",
            payment_intent=intent,
        )
    if "amount" in values or "currency" in values:
        check_amount(values.get("amount", intent["amount"]), values.get("currency", intent["currency"]))
    _apply(session, intent, values)
    session.store.save(intent)
    return intent


def confirm(session: Session, call: Call) -> dict[str, Any]:
    values = read(
        call.given,
        {
            **_CONFIRMATION,
            "payment_method": text(),
            "receipt_email": text(512),
            "setup_future_usage": choice("off_session", "on_session"),
            "payment_method_types": texts(),
            "capture_method": choice("automatic", "automatic_async", "manual"),
        },
    )
    intent = _find(session, call)
    if intent["status"] not in _CONFIRMABLE:
        raise _not_confirmable(intent)
    _refuse_checkouts_own(session, intent, "confirm")
    confirmation = {name: values.pop(name) for name in _CONFIRMATION if name in values}
    _apply(session, intent, values)
    session.store.save(intent)
    _require_method(intent)
    attempts.attempt(session, intent, confirmation)
    return intent


def cancel(session: Session, call: Call) -> dict[str, Any]:
    """Money that a bank is already fetching cannot be called back: Stripe promises no more than an attempt."""
    values = read(
        call.given,
        {"cancellation_reason": choice("abandoned", "duplicate", "fraudulent", "requested_by_customer")},
    )
    intent = _find(session, call)
    if intent["status"] not in _CANCELABLE:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent"
            f" with one of the following statuses may be canceled: {', '.join(_CANCELABLE)}.",
            payment_intent=intent,
        )
    _refuse_checkouts_own(session, intent, "cancel")
    attempts.release(session, intent)
    end(session, intent, values.get("cancellation_reason"))
    return intent


def end(session: Session, intent: dict[str, Any], reason: str | None) -> None:
    intent |= {
        "status": "canceled",
        "canceled_at": session.now,
        "cancellation_reason": reason,
        "amount_capturable": 0,
        "next_action": None,
    }
    session.store.save(intent)
    session.emit("payment_intent.canceled", intent)


def capture(session: Session, call: Call) -> dict[str, Any]:
    values = read(call.given, {"amount_to_capture": integer(least=1), "metadata": metadata})
    intent = _find(session, call)
    if intent["status"] != "requires_capture":
        raise unexpected_state(
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only a"
            " PaymentIntent with one of the following statuses may be captured: requires_capture.",
            payment_intent=intent,
        )
    amount = values.get("amount_to_capture", intent["amount_capturable"])
    if amount > intent["amount_capturable"]:
        raise invalid_request(
            "The amount to capture is larger than what was authorized.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    if "metadata" in values:
        intent["metadata"] = merged_metadata(intent["metadata"], values["metadata"])
    attempts.capture(session, intent, amount)
    return intent


def list_all(session: Session, call: Call) -> dict[str, Any]:
    return listing.page(session, call, "payment_intent", {**listing.CREATED, "customer": text()})


def _refuse_checkouts_own(session: Session, intent: dict[str, Any], verb: str) -> None:
    stored = session.store.get(intent["id"])
    if stored is not None and stored.hidden.get("checkout"):
        raise setup_intents.checkouts_own("PaymentIntent", verb)


def _find(session: Session, call: Call) -> dict[str, Any]:
    return session.find("payment_intent", call.target, "intent", in_path=True).body


def _choose_kinds(intent: dict[str, Any], values: dict[str, Any]) -> None:
    """Neither list nor switch given means: whatever the dashboard offers, since version 2023-08-16."""
    automatic = values.pop("automatic_payment_methods", None)
    listed = values.pop("payment_method_types", None)
    if listed is not None and automatic is not None and automatic["enabled"]:
        raise invalid_request(
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
            param="payment_method_types",
        )
    if listed is None:
        listed = {"eur": ["card", "sepa_debit"], "usd": ["card", "us_bank_account"]}.get(
            intent["currency"], ["card"]
        )
        intent["automatic_payment_methods"] = {
            "allow_redirects": "always",
            "enabled": True,
            **(automatic or {}),
        }
    payment_methods.check_kinds(listed)
    intent["payment_method_types"] = listed


def _apply(session: Session, intent: dict[str, Any], values: dict[str, Any]) -> None:
    before = dict(intent)
    if "metadata" in values:
        values["metadata"] = merged_metadata(intent["metadata"], values["metadata"])
    if "payment_method_types" in values:
        payment_methods.check_kinds(values["payment_method_types"])
    if values.get("statement_descriptor") and "card" in intent["payment_method_types"]:
        raise invalid_request(
            "The statement_descriptor parameter isn't supported for charges with cards. Please use"
            " statement_descriptor_suffix instead.",
            param="statement_descriptor",
        )
    if values.get("customer"):
        customers.living(session, values["customer"])
    method = values.pop("payment_method", None)
    intent |= values
    if method is not None:
        chosen = payment_methods.resolve(session, method)
        _check_method(session, intent, chosen)
        intent["payment_method"] = chosen["id"]
        if intent["status"] in _CONFIRMABLE:
            intent |= {"status": "requires_confirmation", "next_action": None}
    elif intent["payment_method"] is not None and intent["customer"] != before["customer"]:
        _check_method(session, intent, payment_methods.resolve(session, intent["payment_method"]))


def _check_method(session: Session, intent: dict[str, Any], method: dict[str, Any]) -> None:
    if method["type"] not in intent["payment_method_types"]:
        raise invalid_request(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. Please attach a"
            f" PaymentMethod of one of the following types: {', '.join(intent['payment_method_types'])}. Alternatively"
            " update the allowed payment_method_types for this PaymentIntent to include"
            f' "{method["type"]}".',
            param="payment_method",
        )
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        if intent["customer"] is None:
            message = (
                f"The PaymentMethod supplied ({method['id']}) belongs to the Customer {method['customer']}. Please"
                " include the Customer in the `customer` parameter on the PaymentIntent."
            )
        else:
            message = f"The PaymentMethod supplied ({method['id']}) belongs to a different Customer."
        raise invalid_request(message, param="payment_method")
    payment_methods.refuse_used(session, method)


def _require_method(intent: dict[str, Any]) -> None:
    if intent["payment_method"] is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the"
            " PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a"
            " payment method or ConfirmationToken.",
            payment_intent=intent,
        )


def _not_confirmable(intent: dict[str, Any]) -> Exception:
    if intent["status"] == "succeeded":
        message = "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed."
    else:
        message = (
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}. Only a"
            f" PaymentIntent with one of the following statuses may be confirmed: {', '.join(_CONFIRMABLE)}."
        )
    return unexpected_state(message, payment_intent=intent)
