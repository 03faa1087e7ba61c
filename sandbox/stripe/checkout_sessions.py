"""Checkout sessions: Stripe's hosted pages, where a customer pays once or saves a payment method.

open → complete, when the customer paid, ordered a bank debit, or saved; open → expired, by a call or by the clock.
https://docs.stripe.com/payments/checkout/how-checkout-works
"""

from collections.abc import Mapping
from typing import Any

from sandbox.stripe import (
    checkoutobjects,
    customers,
    listing,
    payment_intents,
    payment_methods,
    setup_intents,
)
from sandbox.stripe.call import Call
from sandbox.stripe.currencies import LARGEST_OTHERWISE, check_amount, currency
from sandbox.stripe.errors import invalid_request
from sandbox.stripe.parameters import (
    Reader,
    boolean,
    choice,
    each,
    integer,
    merged_metadata,
    metadata,
    read,
    text,
    texts,
    tree,
)
from sandbox.stripe.session import Session

_SHORTEST, _LONGEST = 1_800, 86_400

_ITEM = tree(
    {
        "price_data": tree(
            {
                "currency": currency,
                "product_data": tree({"name": text(), "description": text(40_000)}, ("name",)),
                "unit_amount": integer(least=0),
            },
            ("currency", "product_data", "unit_amount"),
        ),
        "quantity": integer(least=1, most=999_999),
    },
    ("price_data", "quantity"),
)
_FIELDS: Mapping[str, Reader] = {
    "adaptive_pricing": tree({"enabled": boolean}),
    "cancel_url": text(),
    "client_reference_id": text(200),
    "currency": currency,
    "customer": text(),
    "customer_email": text(512),
    "expires_at": integer(),
    "line_items": each(_ITEM),
    "metadata": metadata,
    "mode": choice("payment", "setup"),
    "payment_intent_data": tree(
        {
            "description": text(1000),
            "metadata": metadata,
            "receipt_email": text(512),
            "statement_descriptor_suffix": text(22),
        }
    ),
    "payment_method_types": texts(),
    "setup_intent_data": tree({"description": text(1000), "metadata": metadata}),
    "success_url": text(),
    "ui_mode": choice("hosted_page"),
    "wallet_options": tree({"link": tree({"display": choice("auto", "never")})}),
}
_OF_THE_OTHER_MODE = {
    "setup": ("adaptive_pricing", "line_items", "payment_intent_data"),
    "payment": ("setup_intent_data",),
}
_DEBIT_CURRENCY = {"sepa_debit": "eur", "us_bank_account": "usd"}


def create(session: Session, call: Call) -> dict[str, Any]:
    values = read(call.given, _FIELDS, ("mode", "success_url"))
    for name in _OF_THE_OTHER_MODE[values["mode"]]:
        if name in values:
            raise invalid_request(f"You can not pass `{name}` in `{values['mode']}` mode.", param=name)
    for name in ("success_url", "cancel_url"):
        if not str(values.get(name) or "https://").startswith(("http://", "https://")):
            raise invalid_request(
                "Not a valid URL. URLs must begin with http:// or https://", code="url_invalid", param=name
            )
    if values.get("customer"):
        customers.living(session, values["customer"])
        if "customer_email" in values:
            raise invalid_request(
                "You may only specify one of these parameters: customer, customer_email.",
                param="customer_email",
            )
    page = checkoutobjects.checkout_session(session, values["mode"])
    page["expires_at"] = _expiry(session, values)
    copied = ("cancel_url", "client_reference_id", "customer", "customer_email", "success_url")
    page |= {name: values[name] for name in copied if name in values}
    page["metadata"] = merged_metadata({}, values.get("metadata") or {})
    for name in ("adaptive_pricing", "wallet_options"):
        if name in values:
            page[name] = values[name]
    if page["mode"] == "payment":
        items = _price(page, values)
        order = values.get("payment_intent_data") or {}
        page["payment_method_types"] = _kinds(page, values)
        session.add(page, items=items, order=order)
    else:
        page["currency"] = values.get("currency")
        page["payment_method_types"] = _kinds(page, values)
        wanted = {
            **(values.get("setup_intent_data") or {}),
            "customer": page["customer"],
            "payment_method_types": page["payment_method_types"],
        }
        page["setup_intent"] = setup_intents.make(session, wanted, checkout=page["id"])["id"]
        session.add(page)
    session.later(page["expires_at"] - session.now, "checkout", page["id"])
    return page


def retrieve(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    return _find(session, call)


def list_all(session: Session, call: Call) -> dict[str, Any]:
    filters = {
        **listing.CREATED,
        "customer": text(),
        "payment_intent": text(),
        "status": choice("complete", "expired", "open"),
    }
    return listing.page(session, call, "checkout.session", filters)


def expire(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    page = _find(session, call)
    if page["status"] != "open":
        raise invalid_request(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of'
            f" {page['status']}."
        )
    _expire(session, page)
    return page


def run_out(session: Session, identifier: str) -> None:
    """What becomes of a page that nobody used in time."""
    stored = session.store.get(identifier, "checkout.session")
    if stored is not None and stored.body["status"] == "open":
        _expire(session, stored.body)


def _expire(session: Session, page: dict[str, Any]) -> None:
    page |= {"status": "expired", "url": None}
    session.store.save(page)
    if page["setup_intent"] is not None:
        setup = session.find("setup_intent", page["setup_intent"], "setup_intent").body
        setup_intents.end(session, setup, "abandoned")
    if page["payment_intent"] is not None:
        intent = session.find("payment_intent", page["payment_intent"], "payment_intent").body
        payment_intents.end(session, intent, "expired")
    session.emit("checkout.session.expired", page)


def _expiry(session: Session, values: dict[str, Any]) -> int:
    at: int = values.get("expires_at", session.now + _LONGEST)
    if at > session.now + _LONGEST:
        raise invalid_request(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    if at < session.now + _SHORTEST:
        raise invalid_request(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
            param="expires_at",
        )
    return at


def _price(page: dict[str, Any], values: dict[str, Any]) -> list[dict[str, Any]]:
    """Fills in what is to be paid, and says what for."""
    items = values.get("line_items") or []
    if not items:
        raise invalid_request(
            "`line_items` is required in `payment` mode.", code="parameter_missing", param="line_items"
        )
    codes = {item["price_data"]["currency"] for item in items}
    if len(codes) > 1 or values.get("currency", *codes) not in codes:
        raise invalid_request(
            "You cannot combine currencies in a single Checkout Session.", param="line_items"
        )
    page["currency"] = codes.pop()
    total = sum(item["price_data"]["unit_amount"] * item["quantity"] for item in items)
    check_amount(total, page["currency"])
    page |= {
        "amount_subtotal": total,
        "amount_total": total,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    }
    return [
        {
            "name": item["price_data"]["product_data"]["name"],
            "amount": item["price_data"]["unit_amount"] * item["quantity"],
        }
        for item in items
    ]


def _kinds(page: dict[str, Any], values: dict[str, Any]) -> list[str]:
    """What the customer may enter; without a list, whatever the dashboard offers for the currency."""
    listed: list[str] | None = values.get("payment_method_types")
    if listed is None:
        if page["currency"] is None:
            raise invalid_request(
                "`currency` is required in `setup` mode when `payment_method_types` is not set.",
                code="parameter_missing",
                param="currency",
            )
        debits = [kind for kind, code in _DEBIT_CURRENCY.items() if code == page["currency"]]
        return ["card", *debits]
    payment_methods.check_kinds(listed)
    for kind in listed if page["mode"] == "payment" else ():
        if kind != "card":
            check_amount(page["amount_total"], page["currency"], LARGEST_OTHERWISE)
        if page["currency"] != _DEBIT_CURRENCY.get(kind, page["currency"]):
            raise invalid_request(
                f"The payment method `{kind}` cannot be used with the currency {page['currency']}; it takes"
                f" {_DEBIT_CURRENCY[kind]}.",
                param="payment_method_types",
            )
    return listed


def _find(session: Session, call: Call) -> dict[str, Any]:
    return session.find("checkout.session", call.target, "session", in_path=True).body
