"""Events: what happened, kept for 30 days."""

from typing import Any

from sandbox.stripe import listing
from sandbox.stripe.call import Call
from sandbox.stripe.errors import invalid_request
from sandbox.stripe.parameters import boolean, read, text, texts
from sandbox.stripe.session import Session
from sandbox.stripe.store import Stored

_KEPT_FOR = 30 * 86_400
_UNDELIVERED = "SELECT event FROM deliveries WHERE delivered = 0"


def retrieve(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    return shown(session, session.find("event", call.target, "id", in_path=True))


def list_all(session: Session, call: Call) -> dict[str, Any]:
    filters = {**listing.CREATED, "type": text(), "types": texts(20), "delivery_success": boolean}
    values = read(
        {name: value for name, value in call.given.items() if name in {"type", "types", "delivery_success"}},
        filters,
    )
    if "type" in values and "types" in values:
        raise invalid_request("You may only specify one of these parameters: type, types.", param="types")
    conditions: dict[str, tuple[str, Any]] = {"kept": ("created > :kept", session.now - _KEPT_FOR)}
    if "type" in values:
        # `charge.*` asks for all events about charges.
        pattern = values["type"] or ""
        conditions["type"] = ("json_extract(body, '$.type') GLOB :type", pattern)
    if "types" in values:
        names = ", ".join(
            f"'{name}'" for name in values["types"] if name.replace(".", "").replace("_", "").isalnum()
        )
        conditions["types"] = (f"json_extract(body, '$.type') IN ({names}) AND :types", 1)
    if "delivery_success" in values:
        wanted = "NOT IN" if values["delivery_success"] else "IN"
        conditions["delivery_success"] = (f"id {wanted} ({_UNDELIVERED}) AND :delivery_success", 1)
    return listing.page(
        session, call, "event", filters, conditions=conditions, shown=lambda stored: shown(session, stored)
    )


def shown(session: Session, stored: Stored) -> dict[str, Any]:
    """An event with how many endpoints have not taken it yet."""
    ((pending,),) = session.store.execute(
        "SELECT COUNT(*) FROM deliveries WHERE event = ? AND delivered = 0 AND next_at IS NOT NULL",
        (stored.body["id"],),
    )
    return {**stored.body, "pending_webhooks": pending}
