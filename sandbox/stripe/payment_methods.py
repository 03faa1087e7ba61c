"""Payment methods: made from a documented test id, or from a documented test bank account. Never from a card number."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sandbox.stripe import behaviour, listing, methodobjects
from sandbox.stripe.behaviour import Behaviour, Decline
from sandbox.stripe.call import Call
from sandbox.stripe.errors import StripeError, card_error, invalid_request, missing
from sandbox.stripe.parameters import (
    ADDRESS,
    Reader,
    choice,
    integer,
    merged_metadata,
    metadata,
    read,
    text,
    tree,
)
from sandbox.stripe.session import Session, changed, new_id
from sandbox.stripe.store import Stored

KINDS = ("card", "sepa_debit", "us_bank_account")

_BILLING = tree(
    {"address": tree(ADDRESS), "email": text(), "name": text(), "phone": text(), "tax_id": text()}
)
_SHARED: Mapping[str, Reader] = {
    "allow_redisplay": choice("always", "limited", "unspecified"),
    "billing_details": _BILLING,
    "metadata": metadata,
}
_BANK_ACCOUNT: Mapping[str, Reader] = {
    "account_holder_type": choice("company", "individual"),
    "account_number": text(),
    "account_type": choice("checking", "savings"),
    "routing_number": text(),
}


def create(session: Session, call: Call) -> dict[str, Any]:
    _refuse_card_numbers(call.given)
    values = read(
        call.given,
        {
            **_SHARED,
            "type": choice(*KINDS),
            "card": tree({"token": text()}, ("token",)),
            "sepa_debit": tree({"iban": text()}, ("iban",)),
            "us_bank_account": tree(_BANK_ACCOUNT, ("account_number", "routing_number")),
        },
        ("type",),
    )
    kind = values["type"]
    details = values.get(kind)
    if not details:
        raise invalid_request(f"Missing required param: {kind}.", code="parameter_missing", param=kind)
    method = make(session, _behaviour(kind, details))
    _apply(session, method, {name: values[name] for name in _SHARED if name in values})
    return method


def retrieve(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    return session.find("payment_method", call.target, "payment_method", in_path=True).body


def update(session: Session, call: Call) -> dict[str, Any]:
    _refuse_card_numbers(call.given)
    values = read(
        call.given,
        {**_SHARED, "card": tree({"exp_month": integer(1, 12), "exp_year": integer(1970, 2200)})},
    )
    method = session.find("payment_method", call.target, "payment_method", in_path=True).body
    if method["customer"] is None:
        raise invalid_request(
            "You must save this PaymentMethod to a customer before you can update it.", param="payment_method"
        )
    before = dict(method)
    card = values.pop("card", None)
    if card:
        method["card"] = {**method["card"], **card}
    _apply(session, method, values)
    session.emit("payment_method.updated", method, changed(before, method))
    return method


def list_all(session: Session, call: Call) -> dict[str, Any]:
    return listing.page(session, call, "payment_method", {"customer": text(), "type": choice(*KINDS)})


def attach(session: Session, call: Call) -> dict[str, Any]:
    values = read(call.given, {"customer": text()}, ("customer",))
    return attach_to(session, call.target, values["customer"], in_path=True)


def detach(session: Session, call: Call) -> dict[str, Any]:
    read(call.given, {})
    method = session.find("payment_method", call.target, "payment_method", in_path=True).body
    if method["customer"] is None:
        raise invalid_request(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    return detach_from(session, method)


def attach_to(session: Session, identifier: str, customer: str, *, in_path: bool = False) -> dict[str, Any]:
    """Attaches, after asking the issuer about the card: most cards that decline do so here already."""
    owner = session.store.get(customer, "customer")
    if owner is None or owner.hidden.get("deleted"):
        raise missing("customer", customer, "customer")
    method = resolve(session, identifier, in_path=in_path)
    if method["customer"] == customer:
        return method
    if method["customer"] is not None:
        raise invalid_request("The payment method you provided has already been attached to a customer.")
    refuse_used(session, method)
    manner = behaviour_of(session, method["id"])
    if manner.declined_when_attached and manner.decline is not None:
        raise declined(manner.decline)
    before = dict(method)
    method["customer"] = customer
    session.store.save(method)
    session.emit("payment_method.attached", method, changed(before, method))
    return method


def detach_from(session: Session, method: dict[str, Any]) -> dict[str, Any]:
    before = dict(method)
    method["customer"] = None
    session.store.save(method)
    session.store.hide(method["id"], used=True)
    session.emit("payment_method.detached", method, changed(before, method))
    return method


def of_customer(session: Session, customer: str) -> list[Stored]:
    return session.store.select(
        "object = 'payment_method' AND json_extract(body, '$.customer') = :customer", customer=customer
    )


def resolve(
    session: Session, identifier: str, param: str = "payment_method", *, in_path: bool = False
) -> dict[str, Any]:
    """The payment method with this id. A documented test id makes a new one each time, as Stripe does."""
    stored = session.store.get(identifier, "payment_method")
    if stored is not None:
        return stored.body
    manner = behaviour.DOCUMENTED.get(identifier)
    if manner is None:
        raise missing("PaymentMethod", identifier, param, in_path=in_path)
    return make(session, manner)


def make(
    session: Session, manner: Behaviour, identifier: str | None = None, card: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    method = methodobjects.payment_method(session, identifier or new_id("pm"), manner)
    if card is not None:
        method["card"] |= card
    return session.add(method, behaviour=asdict(manner))


def behaviour_of(session: Session, identifier: str) -> Behaviour:
    stored = session.store.get(identifier, "payment_method")
    if stored is None:
        raise missing("PaymentMethod", identifier, "payment_method")
    facts = dict(stored.hidden["behaviour"])
    if facts.get("decline") is not None:
        facts["decline"] = Decline(**facts["decline"])
    return Behaviour(**facts)


def check_kinds(kinds: list[str]) -> None:
    for kind in kinds:
        if kind not in KINDS:
            raise invalid_request(
                f"The payment method type provided: {kind} is invalid. Please ensure the provided type is activated in"
                " your dashboard.",
                param="payment_method_types",
            )


def refuse_used(session: Session, method: dict[str, Any]) -> None:
    """Without a customer a payment method serves once."""
    stored = session.store.get(method["id"])
    if method["customer"] is None and stored is not None and stored.hidden.get("used"):
        raise invalid_request(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared"
            " with a connected account without Customer attachment, or was detached from a Customer. It may not be"
            " used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            param="payment_method",
        )


def declined(decline: Decline, **details: Any) -> StripeError:
    return card_error(
        decline.message,
        code=decline.code,
        decline_code=decline.decline_code,
        advice_code=decline.advice_code,
        network_decline_code=decline.network_decline_code,
        **details,
    )


def _apply(session: Session, method: dict[str, Any], values: dict[str, Any]) -> None:
    if "metadata" in values:
        values["metadata"] = merged_metadata(method["metadata"] or {}, values["metadata"])
    if "billing_details" in values:
        given = values["billing_details"] or {}
        address = {**methodobjects.NO_ADDRESS, **(given.get("address") or {})}
        values["billing_details"] = {**method["billing_details"], **given, "address": address}
    method |= values
    session.store.save(method)


def _behaviour(kind: str, details: Mapping[str, str]) -> Behaviour:
    if kind == "card":
        manner = behaviour.find(details["token"])
        if manner is None or not details["token"].startswith("tok_"):
            raise missing("token", details["token"], "card[token]")
        return manner
    number = details["iban" if kind == "sepa_debit" else "account_number"]
    manner = behaviour.by_account_number(kind, number.replace(" ", ""))
    if manner is None:
        raise invalid_request(
            "You must use a test bank account number in test mode. Try one that is documented at"
            " https://docs.stripe.com/testing.",
            code="account_number_invalid",
            param=f"{kind}[{'iban' if kind == 'sepa_debit' else 'account_number'}]",
        )
    return manner


def _refuse_card_numbers(given: Mapping[str, Any]) -> None:
    """As Stripe answers accounts without access to its raw card data API, with its status 402."""
    card = given.get("card")
    if isinstance(card, Mapping) and ("number" in card or "cvc" in card):
        raise StripeError(
            402,
            "invalid_request_error",
            "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test"
            " tokens that map to the test card you are using, see https://stripe.com/docs/testing. To enable testing"
            " raw card data APIs, see"
            " https://support.stripe.com/questions/enabling-access-to-raw-card-data-apis.",
        )
