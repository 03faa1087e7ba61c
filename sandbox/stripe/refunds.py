"""Refunds: never more than was charged; some end later, and some that succeeded fail afterwards."""

from typing import Any

from sandbox.stripe import listing, objects, payment_methods
from sandbox.stripe.balance import record_refund, record_refund_failure
from sandbox.stripe.behaviour import DAY
from sandbox.stripe.call import Call
from sandbox.stripe.currencies import shown
from sandbox.stripe.errors import invalid_request, unexpected_state
from sandbox.stripe.parameters import choice, integer, merged_metadata, metadata, read, text
from sandbox.stripe.session import Session, changed

_ENDS_IN = 5 * DAY


def create(session: Session, call: Call) -> dict[str, Any]:
    values = read(
        call.given,
        {
            "amount": integer(least=1),
            "charge": text(),
            "payment_intent": text(),
            "metadata": metadata,
            "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
        },
    )
    charge = _charge(session, values)
    _check(charge)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = values.get("amount", left)
    if amount > left:
        raise invalid_request(
            f"Refund amount ({shown(amount, charge['currency'])}) is greater than unrefunded amount on charge"
            f" ({shown(left, charge['currency'])})",
            param="amount",
        )
    refund = objects.refund(session, charge, amount)
    refund["reason"] = values.get("reason")
    refund["metadata"] = merged_metadata({}, values.get("metadata") or {})
    return _make(session, charge, refund)


def retrieve(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    return session.find("refund", call.target, "id", in_path=True).body


def update(session: Session, call: Call) -> dict[str, Any]:
    values = read(call.given, {"metadata": metadata})
    refund = session.find("refund", call.target, "id", in_path=True).body
    before = dict(refund)
    if "metadata" in values:
        refund["metadata"] = merged_metadata(refund["metadata"] or {}, values["metadata"])
    session.store.save(refund)
    session.emit("refund.updated", refund, changed(before, refund))
    return refund


def cancel(session: Session, call: Call) -> dict[str, Any]:
    """Only a refund that waits for the customer can be canceled, and no test payment method makes one wait."""
    read(call.given, {})
    refund = session.find("refund", call.target, "id", in_path=True).body
    raise invalid_request(
        f"Refund {refund['id']} cannot be canceled because it has a status of {refund['status']}. Only a refund with"
        " one of the following statuses may be canceled: requires_action."
    )


def list_all(session: Session, call: Call) -> dict[str, Any]:
    return listing.page(
        session, call, "refund", {**listing.CREATED, "charge": text(), "payment_intent": text()}
    )


def conclude(session: Session, identifier: str) -> None:
    """What becomes of a refund days later."""
    stored = session.store.get(identifier, "refund")
    if stored is None:
        return
    if stored.body["status"] == "pending":
        succeed(session, stored.body)
    elif stored.body["status"] == "succeeded":
        fail(session, stored.body)


def succeed(session: Session, refund: dict[str, Any]) -> None:
    before = dict(refund)
    refund["status"] = "succeeded"
    refund.pop("pending_reason", None)
    session.store.save(refund)
    _announce(session, "refund.updated", refund, before)


def fail(session: Session, refund: dict[str, Any], reason: str = "expired_or_canceled_card") -> None:
    """The money comes back to the account's balance; the customer has to be paid in another way."""
    before = dict(refund)
    refund |= {"status": "failed", "failure_reason": reason}
    refund.pop("pending_reason", None)
    refund["failure_balance_transaction"] = record_refund_failure(session, refund)["id"]
    session.store.save(refund)
    charge = session.find("charge", refund["charge"], "charge").body
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    session.store.save(charge)
    _announce(session, "refund.updated", refund, before)
    session.emit("refund.failed", refund)


def _make(session: Session, charge: dict[str, Any], refund: dict[str, Any]) -> dict[str, Any]:
    manner = payment_methods.behaviour_of(session, charge["payment_method"])
    if manner.refund == "pending":
        refund |= {"status": "pending", "pending_reason": "processing"}
    refund["balance_transaction"] = record_refund(session, refund)["id"]
    session.add(refund)
    before = dict(charge)
    charge["amount_refunded"] += refund["amount"]
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    session.store.save(charge)
    session.emit("refund.created", refund)
    session.emit("charge.refunded", charge, changed(before, charge))
    if manner.refund != "at_once":
        session.later(_ENDS_IN, "refund", refund["id"])
    return refund


def _charge(session: Session, values: dict[str, Any]) -> dict[str, Any]:
    if ("charge" in values) == ("payment_intent" in values):
        raise invalid_request(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
            param="payment_intent",
        )
    if "charge" in values:
        return session.find("charge", values["charge"], "charge").body
    intent = session.find("payment_intent", values["payment_intent"], "payment_intent").body
    if intent["status"] != "succeeded":
        raise invalid_request(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return session.find("charge", intent["latest_charge"], "charge").body


def _check(charge: dict[str, Any]) -> None:
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid_request(
            f"Charge {charge['id']} cannot be refunded: it did not succeed.", param="charge"
        )
    if charge["refunded"]:
        raise unexpected_state(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if charge["disputed"]:
        raise unexpected_state(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )


def _announce(session: Session, name: str, refund: dict[str, Any], before: dict[str, Any]) -> None:
    previous = changed(before, refund)
    session.emit(name, refund, previous)
    session.emit("charge.refund.updated", refund, previous)
