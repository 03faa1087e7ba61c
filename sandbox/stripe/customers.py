"""Customers."""

from collections.abc import Mapping
from typing import Any

from sandbox.stripe import listing, methodobjects, objects, payment_methods
from sandbox.stripe.call import Call
from sandbox.stripe.errors import invalid_request, missing
from sandbox.stripe.parameters import (
    ADDRESS,
    Reader,
    choice,
    merged_metadata,
    metadata,
    read,
    text,
    texts,
    tree,
)
from sandbox.stripe.session import Session, changed, new_id

_FIELDS: Mapping[str, Reader] = {
    "address": tree(ADDRESS),
    "business_name": text(150),
    "description": text(),
    "email": text(512),
    "individual_name": text(150),
    "invoice_settings": tree({"default_payment_method": text(), "footer": text()}),
    "metadata": metadata,
    "name": text(256),
    "phone": text(20),
    "preferred_locales": texts(),
    "shipping": tree({"address": tree(ADDRESS), "name": text(), "phone": text()}, ("address", "name")),
    "tax_exempt": choice("", "exempt", "none", "reverse"),
}


def create(session: Session, call: Call) -> dict[str, Any]:
    values = read(call.given, {**_FIELDS, "payment_method": text()})
    customer = session.add(objects.customer(session, new_id("cus", 14)))
    method = values.pop("payment_method", None)
    _apply(session, customer, values)
    session.emit("customer.created", customer)
    if method is not None:
        payment_methods.attach_to(session, method, customer["id"])
    return customer


def retrieve(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    stored = session.find("customer", call.target, "customer", in_path=True)
    return _deleted(call.target) if stored.hidden.get("deleted") else stored.body


def update(session: Session, call: Call) -> dict[str, Any]:
    values = read(call.given, _FIELDS)
    customer = _living(session, call.target, in_path=True)
    before = dict(customer)
    _apply(session, customer, values)
    session.emit("customer.updated", customer, changed(before, customer))
    return customer


def delete(session: Session, call: Call) -> dict[str, Any]:
    """The customer can still be retrieved, as deleted; its payment methods are let go of."""
    read(call.given, {})
    customer = _living(session, call.target, in_path=True)
    session.store.hide(customer["id"], deleted=True)
    for stored in payment_methods.of_customer(session, customer["id"]):
        payment_methods.detach_from(session, stored.body)
    session.emit("customer.deleted", customer)
    return _deleted(customer["id"])


def list_all(session: Session, call: Call) -> dict[str, Any]:
    alive = ("json_extract(hidden, '$.deleted') IS NOT :alive", 1)
    return listing.page(
        session,
        call,
        "customer",
        {**listing.CREATED, "email": text(512)},
        conditions={"alive": alive},
    )


def list_payment_methods(session: Session, call: Call) -> dict[str, Any]:
    _living(session, call.target, in_path=True)
    return listing.page(
        session,
        call,
        "payment_method",
        {"type": text()},
        conditions={"customer": ("json_extract(body, '$.customer') = :customer", call.target)},
    )


def living(session: Session, identifier: str) -> dict[str, Any]:
    """The customer that a parameter names; deleted ones cannot be charged."""
    return _living(session, identifier, in_path=False)


def _living(session: Session, identifier: str, *, in_path: bool) -> dict[str, Any]:
    stored = session.find("customer", identifier, "id" if in_path else "customer", in_path=in_path)
    if stored.hidden.get("deleted"):
        raise missing("customer", identifier, "id" if in_path else "customer", in_path=in_path)
    return stored.body


def _apply(session: Session, customer: dict[str, Any], values: dict[str, Any]) -> None:
    if "metadata" in values:
        values["metadata"] = merged_metadata(customer["metadata"], values["metadata"])
    if "invoice_settings" in values:
        default = (values["invoice_settings"] or {}).get("default_payment_method")
        if default is not None:
            method = session.find("payment_method", default, "invoice_settings[default_payment_method]")
            if method.body["customer"] != customer["id"]:
                raise invalid_request(
                    f"The customer does not have a payment method with the ID {default}. The payment method must be"
                    " attached to the customer.",
                    code="resource_missing",
                    param="invoice_settings[default_payment_method]",
                )
        values["invoice_settings"] = {**customer["invoice_settings"], **(values["invoice_settings"] or {})}
    for name in ("address", "shipping"):
        if values.get(name) is not None:
            values[name] = _filled(name, values[name])
    for name in ("business_name", "individual_name"):
        if name in values and values[name] is None:
            del values[name]
            customer.pop(name, None)
    customer |= values
    session.store.save(customer)


def _filled(name: str, value: dict[str, Any]) -> dict[str, Any]:
    if name == "address":
        return {**methodobjects.NO_ADDRESS, **value}
    return {"phone": None, **value, "address": {**methodobjects.NO_ADDRESS, **(value["address"] or {})}}


def _deleted(identifier: str) -> dict[str, Any]:
    return {"id": identifier, "object": "customer", "deleted": True}
