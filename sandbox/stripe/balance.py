"""The account's balance: what each charge, refund and dispute did to it, and what Stripe kept for itself."""

from typing import Any

from sandbox.stripe import listing, objects
from sandbox.stripe.call import Call
from sandbox.stripe.currencies import currency
from sandbox.stripe.parameters import read, text
from sandbox.stripe.session import Session
from sandbox.stripe.store import Stored

DISPUTE_FEE = 1500


def record_charge(session: Session, charge: dict[str, Any]) -> dict[str, Any]:
    """2.9 % and 30, rounded half up, in the charge's own currency: the stand-in settles every currency as it is."""
    amount = charge["amount_captured"]
    fee = (amount * 29 + 500) // 1000 + 30
    kind = "charge" if charge["id"].startswith("ch_") else "payment"
    return session.add(objects.balance_transaction(session, charge, kind, amount, fee, "charge"))


def record_refund(session: Session, refund: dict[str, Any]) -> dict[str, Any]:
    """Stripe keeps the fee of a charge that is given back."""
    kind = "refund" if refund["id"].startswith("re_") else "payment_refund"
    return session.add(objects.balance_transaction(session, refund, kind, -refund["amount"], 0, "refund"))


def record_refund_failure(session: Session, refund: dict[str, Any]) -> dict[str, Any]:
    kind = "refund_failure" if refund["id"].startswith("re_") else "payment_failure_refund"
    return session.add(
        objects.balance_transaction(session, refund, kind, refund["amount"], 0, "refund_failure")
    )


def record_dispute(session: Session, dispute: dict[str, Any], *, won: bool = False) -> dict[str, Any]:
    amount = dispute["amount"] if won else -dispute["amount"]
    fee = 0 if won else DISPUTE_FEE
    category = "dispute_reversal" if won else "dispute"
    return session.add(objects.balance_transaction(session, dispute, "adjustment", amount, fee, category))


def retrieve_transaction(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    return _shown(session, session.find("balance_transaction", call.target, "id", in_path=True))


def list_transactions(session: Session, call: Call) -> dict[str, Any]:
    filters = {**listing.CREATED, "currency": currency, "source": text(), "type": text()}
    return listing.page(
        session, call, "balance_transaction", filters, shown=lambda stored: _shown(session, stored)
    )


def retrieve(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    sums: dict[tuple[str, str], int] = {}
    for stored in session.store.select("object = 'balance_transaction'"):
        body = _shown(session, stored)
        key = (body["status"], body["currency"])
        sums[key] = sums.get(key, 0) + body["net"]
    codes = sorted({code for _, code in sums}) or ["usd"]

    def column(status: str) -> list[dict[str, Any]]:
        amounts = [(sums.get((status, code), 0), code) for code in codes]
        return [
            {"amount": amount, "currency": code, "source_types": {"card": amount}} for amount, code in amounts
        ]

    return {
        "object": "balance",
        "available": column("available"),
        "livemode": False,
        "pending": column("pending"),
    }


def _shown(session: Session, stored: Stored) -> dict[str, Any]:
    due = stored.body["available_on"] <= session.now
    return {**stored.body, "status": "available" if due else "pending"}
