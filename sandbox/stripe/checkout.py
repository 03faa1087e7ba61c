"""What a customer does on a hosted page, and what it comes to.

Declined, they may try again until the page expires; the intent stays the same one.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from sandbox.stripe import attempts, customers, objects, payment_methods, setup_intents, setups
from sandbox.stripe.errors import StripeError
from sandbox.stripe.parameters import merged_metadata
from sandbox.stripe.session import Session
from sandbox.stripe.store import Stored


def choose(session: Session, page: Stored, method: dict[str, Any]) -> None:
    """The customer enters a payment method and submits."""
    body = page.body
    _bill(session, body, method)
    if body["mode"] == "setup":
        intent = _setup(session, body)
        setup_intents.choose(session, intent, method)
        with _told_by_the_intent():
            setups.attempt(session, intent, body["url"])
    else:
        intent = _payment(session, page)
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
        with _told_by_the_intent():
            attempts.attempt(session, intent, {"return_url": body["url"]})
    _conclude(session, body, intent)


def authenticate(session: Session, page: Stored, *, passed: bool) -> None:
    """The customer tells their bank that it is them, or that it is not."""
    body, intent = page.body, intent_of(session, page.body)
    if intent is None or intent["status"] != "requires_action":
        return
    step = setups.authenticate if body["mode"] == "setup" else attempts.authenticate
    with _told_by_the_intent():
        step(session, intent, passed=passed)
    _conclude(session, body, intent)


def intent_of(session: Session, page: dict[str, Any]) -> dict[str, Any] | None:
    """What the page makes or has made: a setup intent from the beginning, a payment intent once a customer tried."""
    for kind in ("setup_intent", "payment_intent"):
        if page[kind] is not None:
            return session.find(kind, page[kind], kind).body
    return None


def verify(session: Session, identifier: str) -> None:
    """The customer finds the small deposits on their account and says so; only who waits for that still cares."""
    for kind, step in (("setup_intent", setups.verified), ("payment_intent", attempts.verified)):
        stored = session.store.get(identifier, kind)
        if stored is not None and _waits_for_deposits(stored.body):
            step(session, stored.body)


def settle_debit(session: Session, charge: str) -> None:
    """What the bank answered days later; a page that ordered the debit tells, too."""
    attempts.settle_debit(session, charge)
    stored = session.store.get(charge, "charge")
    if stored is None:
        return
    pages = session.store.select(
        "object = 'checkout.session' AND json_extract(body, '$.payment_intent') = :intent",
        intent=stored.body["payment_intent"],
    )
    for page in pages:
        if stored.body["status"] == "succeeded":
            page.body["payment_status"] = "paid"
            session.store.save(page.body)
            session.emit("checkout.session.async_payment_succeeded", page.body)
        elif stored.body["status"] == "failed":
            session.emit("checkout.session.async_payment_failed", page.body)


@contextlib.contextmanager
def _told_by_the_intent() -> Iterator[None]:
    """A decline is written on the intent, where the page reads it."""
    try:
        yield
    except StripeError as error:
        if not error.lasting:
            raise


def _payment(session: Session, page: Stored) -> dict[str, Any]:
    body, order = page.body, page.hidden["order"]
    if body["payment_intent"] is not None:
        return session.find("payment_intent", body["payment_intent"], "payment_intent").body
    intent = objects.payment_intent(session, body["amount_total"], body["currency"])
    kept = ("description", "receipt_email", "statement_descriptor_suffix")
    intent |= {name: order[name] for name in kept if name in order}
    intent |= {
        "customer": body["customer"],
        "metadata": merged_metadata({}, order.get("metadata") or {}),
        "payment_method_types": body["payment_method_types"],
    }
    session.add(intent, checkout=body["id"])
    session.emit("payment_intent.created", intent)
    body["payment_intent"] = intent["id"]
    session.store.save(body)
    return intent


def _setup(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    return session.find("setup_intent", page["setup_intent"], "setup_intent").body


def _bill(session: Session, page: dict[str, Any], method: dict[str, Any]) -> None:
    """Stripe asks the customer for name and e-mail; here they are those of the account."""
    if page["customer"] is not None:
        customer = customers.living(session, page["customer"])
        method["billing_details"] |= {"name": customer["name"], "email": customer["email"]}
        session.store.save(method)


def _conclude(session: Session, page: dict[str, Any], intent: dict[str, Any]) -> None:
    if intent["status"] not in {"succeeded", "processing"} and not _waits_for_deposits(intent):
        return
    if page["mode"] == "payment" and intent["status"] == "succeeded":
        page["payment_status"] = "paid"
    method = payment_methods.resolve(session, intent["payment_method"])
    page |= {"status": "complete", "url": None, "customer_details": _details(method)}
    session.store.save(page)
    session.emit("checkout.session.completed", page)


def _waits_for_deposits(intent: dict[str, Any]) -> bool:
    return (intent["next_action"] or {}).get("type") == "verify_with_microdeposits"


def _details(method: dict[str, Any]) -> dict[str, Any]:
    given = method["billing_details"]
    return {
        "address": None,
        "business_name": None,
        "email": given["email"],
        "individual_name": None,
        "name": given["name"],
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
