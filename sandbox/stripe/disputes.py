"""Disputes: the customer's bank takes the money back; an inquiry only asks."""

from typing import Any

from sandbox.stripe import listing, objects
from sandbox.stripe.balance import record_dispute
from sandbox.stripe.call import Call
from sandbox.stripe.errors import invalid_request, unexpected_state
from sandbox.stripe.parameters import boolean, merged_metadata, metadata, read, text, tree
from sandbox.stripe.session import Session, changed

_OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
_EVIDENCE = (
    "customer_email_address",
    "customer_name",
    "product_description",
    "service_date",
    "uncategorized_text",
)


def retrieve(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    return session.find("dispute", call.target, "dispute", in_path=True).body


def update(session: Session, call: Call) -> dict[str, Any]:
    values = read(
        call.given,
        {"evidence": tree(dict.fromkeys(_EVIDENCE, text(20_000))), "metadata": metadata, "submit": boolean},
    )
    dispute = session.find("dispute", call.target, "dispute", in_path=True).body
    if dispute["status"] not in _OPEN:
        raise unexpected_state("This dispute is already closed", code="dispute_closed")
    before = dict(dispute)
    if "metadata" in values:
        dispute["metadata"] = merged_metadata(dispute["metadata"], values["metadata"])
    if values.get("evidence"):
        dispute["evidence"] = {**dispute["evidence"], **values["evidence"]}
        details = {**dispute["evidence_details"], "has_evidence": True}
        if values.get("submit", True):
            details["submission_count"] += 1
            dispute["status"] = dispute["status"].replace("needs_response", "under_review")
        dispute["evidence_details"] = details
    session.store.save(dispute)
    session.emit("charge.dispute.updated", dispute, changed(before, dispute))
    return dispute


def close(session: Session, call: Call) -> dict[str, Any]:
    """Accepting the loss."""
    read(call.given, {})
    dispute = session.find("dispute", call.target, "dispute", in_path=True).body
    if dispute["status"] not in _OPEN:
        raise unexpected_state("This dispute is already closed", code="dispute_closed")
    end_dispute(session, dispute, won=False)
    return dispute


def list_all(session: Session, call: Call) -> dict[str, Any]:
    return listing.page(
        session, call, "dispute", {**listing.CREATED, "charge": text(), "payment_intent": text()}
    )


def open_dispute(
    session: Session, charge: dict[str, Any], reason: str = "fraudulent", amount: int | None = None
) -> dict[str, Any]:
    """What the customer's bank does. The reason `inquiry` only asks: no money moves."""
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise invalid_request(f"Charge {charge['id']} cannot be disputed.", param="charge")
    inquiry = reason == "inquiry"
    dispute = objects.dispute(
        session,
        charge,
        amount or charge["amount_captured"],
        "general" if inquiry else reason,
        "warning_needs_response" if inquiry else "needs_response",
    )
    session.add(dispute)
    if not inquiry:
        charge["disputed"] = True
        session.store.save(charge)
        dispute["balance_transactions"] = [record_dispute(session, dispute)]
        session.store.save(dispute)
    session.emit("charge.dispute.created", dispute)
    if not inquiry:
        session.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def end_dispute(session: Session, dispute: dict[str, Any], *, won: bool) -> None:
    """What the bank decides in the end. A dispute that is won gives the money back, not the fee."""
    if dispute["status"].startswith("warning"):
        dispute["status"] = "warning_closed"
    else:
        dispute["status"] = "won" if won else "lost"
        if won:
            dispute["balance_transactions"] = [
                *dispute["balance_transactions"],
                record_dispute(session, dispute, won=True),
            ]
    session.store.save(dispute)
    session.emit("charge.dispute.closed", dispute)
    if dispute["status"] == "won":
        session.emit("charge.dispute.funds_reinstated", dispute)
