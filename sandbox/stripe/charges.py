"""Charges: made by payment intents, read and described here."""

from typing import Any

from sandbox.stripe import listing
from sandbox.stripe.call import Call
from sandbox.stripe.parameters import merged_metadata, metadata, read, text
from sandbox.stripe.session import Session, changed


def retrieve(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    return session.find("charge", call.target, "charge", in_path=True).body


def update(session: Session, call: Call) -> dict[str, Any]:
    values = read(call.given, {"description": text(40_000), "metadata": metadata, "receipt_email": text()})
    charge = session.find("charge", call.target, "charge", in_path=True).body
    before = dict(charge)
    if "metadata" in values:
        values["metadata"] = merged_metadata(charge["metadata"], values["metadata"])
    charge |= values
    session.store.save(charge)
    session.emit("charge.updated", charge, changed(before, charge))
    return charge


def list_all(session: Session, call: Call) -> dict[str, Any]:
    filters = {**listing.CREATED, "customer": text(), "payment_intent": text()}
    return listing.page(session, call, "charge", filters)
