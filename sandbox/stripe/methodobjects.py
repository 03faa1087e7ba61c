"""Payment methods as Stripe shows them: by themselves, and in the charges that were made with them."""

from datetime import UTC, datetime
from typing import Any

from sandbox.stripe.behaviour import Behaviour
from sandbox.stripe.session import Session, new_id

Json = dict[str, Any]

NO_ADDRESS: Json = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def payment_method(session: Session, identifier: str, behaviour: Behaviour) -> Json:
    return {
        "id": identifier,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict(NO_ADDRESS),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "created": session.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": behaviour.kind,
        behaviour.kind: _METHODS[behaviour.kind](session, behaviour),
    }


def _card(session: Session, behaviour: Behaviour) -> Json:
    return {
        "brand": behaviour.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": behaviour.country,
        "display_brand": {"amex": "american_express", "diners": "diners_club"}.get(
            behaviour.brand, behaviour.brand
        ),
        "exp_month": 8,
        "exp_year": datetime.fromtimestamp(session.now, UTC).year + 2,
        "fingerprint": _fingerprint(behaviour),
        "funding": behaviour.funding,
        "generated_from": None,
        "last4": behaviour.last4,
        "networks": {"available": [behaviour.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _sepa_debit(_session: Session, behaviour: Behaviour) -> Json:
    return {
        "bank_code": behaviour.account_number[4:12],
        "branch_code": "",
        "country": behaviour.country,
        "fingerprint": _fingerprint(behaviour),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": behaviour.last4,
    }


def _us_bank_account(_session: Session, behaviour: Behaviour) -> Json:
    return {
        "account_holder_type": "company",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": _fingerprint(behaviour),
        "last4": behaviour.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": {},
    }


_METHODS = {"card": _card, "sepa_debit": _sepa_debit, "us_bank_account": _us_bank_account}


def _fingerprint(behaviour: Behaviour) -> str:
    """The same for the same account, as Stripe's: that is how two profiles of one card are recognised."""
    return f"{behaviour.kind[:4]}{behaviour.brand[:4]}{behaviour.last4:0>8}"[:16]


def details(method: Json) -> Json:
    """`payment_method_details` of a charge: the payment method as it was at that moment."""
    kind = method["type"]
    return {"type": kind, kind: _DETAILS[kind](method[kind])}


def _card_details(card: Json) -> Json:
    return {
        "amount_authorized": None,
        "authorization_code": None,
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": new_id("n", 15)[2:],
        "regulated_status": card["regulated_status"],
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    }


def _sepa_details(debit: Json) -> Json:
    kept = {name: debit[name] for name in ("bank_code", "branch_code", "country", "fingerprint", "last4")}
    return {**kept, "mandate": None}


def _ach_details(account: Json) -> Json:
    kept = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")
    return {**{name: account[name] for name in kept}, "payment_reference": None}


_DETAILS = {"card": _card_details, "sepa_debit": _sepa_details, "us_bank_account": _ach_details}
