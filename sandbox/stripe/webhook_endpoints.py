"""Webhook endpoints: who wants to hear of which events."""

import re
from typing import Any

from sandbox.stripe import listing, objects
from sandbox.stripe.call import Call
from sandbox.stripe.errors import invalid_request
from sandbox.stripe.parameters import boolean, choice, merged_metadata, metadata, read, text, texts
from sandbox.stripe.session import API_VERSION, Session, new_id

_EVENT = re.compile(r"^(\*|[a-z0-9_]+(\.[a-z0-9_]+)+)$")
_MOST = 16
_FIELDS = {
    "description": text(),
    "enabled_events": texts(300),
    "metadata": metadata,
    "url": text(),
}


def create(session: Session, call: Call) -> dict[str, Any]:
    """The answer alone shows the endpoint's secret."""
    values = read(
        call.given,
        {**_FIELDS, "api_version": choice(API_VERSION), "connect": boolean},
        ("enabled_events", "url"),
    )
    if len(session.store.select("object = 'webhook_endpoint'")) >= _MOST:
        raise invalid_request(f"You have reached the maximum of {_MOST} test webhook endpoints.")
    _check(values)
    endpoint = objects.webhook_endpoint(session, values["url"], values["enabled_events"])
    endpoint["api_version"] = values.get("api_version")
    endpoint["description"] = values.get("description")
    endpoint["metadata"] = merged_metadata({}, values.get("metadata") or {})
    secret = new_id("whsec", 32)
    session.add(endpoint, secret=secret)
    return {**endpoint, "secret": secret}


def retrieve(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    return _find(session, call)


def update(session: Session, call: Call) -> dict[str, Any]:
    values = read(call.given, {**_FIELDS, "disabled": boolean})
    endpoint = _find(session, call)
    _check(values)
    if "metadata" in values:
        values["metadata"] = merged_metadata(endpoint["metadata"], values["metadata"])
    if "disabled" in values:
        values["status"] = "disabled" if values.pop("disabled") else "enabled"
    endpoint |= values
    session.store.save(endpoint)
    return endpoint


def delete(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    endpoint = _find(session, call)
    session.store.remove(endpoint["id"])
    session.store.execute("DELETE FROM deliveries WHERE endpoint = ?", (endpoint["id"],))
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def list_all(session: Session, call: Call) -> dict[str, Any]:
    return listing.page(session, call, "webhook_endpoint", {})


def _find(session: Session, call: Call) -> dict[str, Any]:
    return session.find("webhook_endpoint", call.target, "webhook_endpoint", in_path=True).body


def _check(values: dict[str, Any]) -> None:
    for name in values.get("enabled_events", ()):
        if not _EVENT.match(name):
            raise invalid_request(f"Invalid enabled_events: {name}", param="enabled_events")
    if "url" in values and not str(values["url"]).startswith(("http://", "https://")):
        raise invalid_request(
            "Invalid URL: An explicit scheme (such as https) must be provided.", param="url"
        )
