"""Hosted pages: Stripe Checkout, where customers enter what only Stripe may see. https://docs.stripe.com/payments/checkout"""

from collections.abc import Mapping
from typing import NoReturn

import stripe

from connector.stripe import amounts, errors
from connector.stripe.answers import SDK_TRIPS_OVER, as_page, countdown, no_answer
from connector.stripe.client import Stripe
from connector.stripe.errors import Verdict
from plugins.ports import GatewayRefused, HostedPage, NoAnswer, PageOrder
from plugins.rules.money import AmountError, Money

_SHOWN = ["payment_intent.latest_charge", "setup_intent.payment_method"]


class Pages:
    """The calls of the port that are about customers and hosted pages."""

    def __init__(self, client: Stripe) -> None:
        self._stripe = client

    def create_customer(
        self, name: str, metadata: Mapping[str, str], idempotency_key: str, within: float
    ) -> str:
        client = self._stripe.within(within)
        try:
            made = client.v1.customers.create(
                {"name": name, "metadata": dict(metadata)}, {"idempotency_key": idempotency_key}
            )
        except SDK_TRIPS_OVER as e:
            _refuse("create customer", e)
        if not isinstance(made, stripe.Customer) or not isinstance(made.id, str):
            raise NoAnswer("not a customer")
        return made.id

    def open(self, order: PageOrder, within: float) -> HostedPage:
        params: stripe.params.checkout.SessionCreateParams = {
            "customer": order.customer,
            "success_url": order.return_url,
            "expires_at": int(order.expires_on.timestamp()),
            "metadata": dict(order.metadata),
            # Link would save a wallet of its own where a card is asked for.
            "wallet_options": {"link": {"display": "never"}},
            "expand": _SHOWN,
        }
        # The types are those of the SDK's own, newer API version, which names this parameter otherwise.
        params["payment_method_types"] = [each.value for each in order.method_types]  # type: ignore[typeddict-unknown-key]
        if order.amount is None:
            params["mode"] = "setup"
            params["setup_intent_data"] = {"metadata": dict(order.metadata)}
        else:
            params["mode"] = "payment"
            # What is owed is owed in this currency: no offer to pay in another one.
            params["adaptive_pricing"] = {"enabled": False}
            params["line_items"] = [_line(order.amount, order.description)]
            params["payment_intent_data"] = {
                "description": order.description,
                "metadata": dict(order.metadata),
            }
        client = self._stripe.within(within)
        try:
            session = client.v1.checkout.sessions.create(params, {"idempotency_key": order.idempotency_key})
        except SDK_TRIPS_OVER as e:
            _refuse("open page", e)
        return as_page(session)

    def read(self, reference: str, within: float) -> HostedPage:
        client = self._stripe.within(within)
        try:
            session = client.v1.checkout.sessions.retrieve(reference, {"expand": _SHOWN})
        except SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            if fault.verdict is Verdict.REFUSED and fault.code == "resource_missing":
                raise GatewayRefused(fault.code, fault.decline.message) from e
            no_answer("read page", fault, e)
        return as_page(session, reference)

    def close(self, reference: str, within: float) -> HostedPage:
        left = countdown(within)
        client = self._stripe.within(within)
        try:
            session = client.v1.checkout.sessions.expire(reference, {"expand": _SHOWN})
        except SDK_TRIPS_OVER as e:
            fault = errors.judge(e)
            if fault.verdict is Verdict.REFUSED:
                return self._state(reference, left())
            no_answer("close page", fault, e)
        return as_page(session, reference)

    def _state(self, reference: str, within: float) -> HostedPage:
        """The page as it is now: complete, or closed already."""
        try:
            return self.read(reference, within)
        except GatewayRefused as e:
            raise NoAnswer(f"Stripe does not know {reference}") from e


def _line(amount: Money, description: str) -> stripe.params.checkout.SessionCreateParamsLineItem:
    try:
        minor, currency = amounts.to_wire(amount)
    except AmountError as e:
        raise GatewayRefused("currency_not_supported", str(e)) from e
    return {
        "quantity": 1,
        "price_data": {
            "currency": currency,
            "unit_amount": minor,
            "product_data": {"name": description or "Payment"},
        },
    }


def _refuse(call: str, error: Exception) -> NoReturn:
    """No page and no customer of theirs is known to anybody then, whatever was made under the key before."""
    fault = errors.judge(error)
    if fault.verdict is Verdict.UNKNOWN:
        no_answer(call, fault, error)
    code = "idempotency_error" if fault.verdict is Verdict.KEY_REUSED else fault.code or "invalid_request"
    raise GatewayRefused(code, fault.decline.message) from error
