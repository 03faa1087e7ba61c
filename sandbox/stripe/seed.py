"""Fills the local Stripe with data whose ids are chosen, so that demos and tests can name them."""

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.stripe import attempts, behaviour, objects, payment_methods
from sandbox.stripe.session import Session

Rows = Iterable[Mapping[str, Any]]


def customer(session: Session, row: Mapping[str, Any]) -> None:
    """`id`, and any of `name`, `email`, `description`, `metadata`."""
    session.add(objects.customer(session, row["id"]) | dict(row))


def payment_method(session: Session, row: Mapping[str, Any]) -> None:
    """`id`, `customer` (or None), `like` (a documented test id), and any of `exp_month`, `exp_year`, `metadata`."""
    manner = behaviour.DOCUMENTED[row["like"]]
    method = payment_methods.make(session, manner, row["id"])
    method |= {name: row[name] for name in ("customer", "metadata") if name in row}
    if method["type"] == "card":
        method["card"] |= {name: row[name] for name in ("exp_month", "exp_year") if name in row}
    session.store.save(method)


def payment_intent(session: Session, row: Mapping[str, Any]) -> None:
    """`id`, `amount`, `currency`, `customer`, `payment_method`, and any of `created`, `metadata`, `description`.

    It is confirmed off-session, so its payment method says how it ends.
    """
    session = Session(session.store, row.get("created", session.now))
    intent = objects.payment_intent(session, row["amount"], row["currency"])
    kept = ("id", "customer", "payment_method", "metadata", "description")
    intent |= {name: row[name] for name in kept if name in row}
    method = payment_methods.resolve(session, intent["payment_method"])
    intent |= {
        "client_secret": f"{intent['id']}_secret_sandbox",
        "payment_method_types": [method["type"]],
        "status": "requires_confirmation",
    }
    session.add(intent)
    attempts.attempt(session, intent, {"off_session": True})
