"""The webhook endpoint in Stripe that sends us events: is it there, is it right, make it so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import stripe

from connector.stripe.client import API_VERSION, Stripe

EVENTS: Final = (
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.requires_action",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "setup_intent.succeeded",
    "setup_intent.setup_failed",
)
"""What a charge, a refund and a hosted page can become while nobody waits for the answer."""


@dataclass(frozen=True)
class Endpoint:
    id: str
    url: str
    enabled: bool
    events: frozenset[str]
    api_version: str | None

    @property
    def missing_events(self) -> tuple[str, ...]:
        return () if "*" in self.events else tuple(name for name in EVENTS if name not in self.events)


class EndpointError(Exception):
    """Stripe did not let us; the message is its own."""


def find(client: Stripe, url: str) -> Sequence[Endpoint]:
    """The endpoints at `url`. Raises `EndpointError`."""
    try:
        listed = client.within(10).v1.webhook_endpoints.list({"limit": 100})
        return [_endpoint(each) for each in listed.auto_paging_iter() if each.url == url]
    except stripe.StripeError as e:
        raise EndpointError(_words(e)) from e


def create(client: Stripe, url: str) -> str:
    """A new endpoint in place of those at `url`; its signing secret, which Stripe shows only now. Raises `EndpointError`."""
    try:
        for known in find(client, url):
            client.within(10).v1.webhook_endpoints.delete(known.id)
        params: stripe.params.WebhookEndpointCreateParams = {
            "url": url,
            "enabled_events": list(EVENTS),
            "description": "Counterfoil",
        }
        # Of the SDK's own version the types know only newer ones. Events come in the version that we understand.
        params["api_version"] = API_VERSION  # type: ignore[typeddict-item]
        made = client.within(10).v1.webhook_endpoints.create(params)
    except stripe.StripeError as e:
        raise EndpointError(_words(e)) from e
    if not made.secret:
        raise EndpointError("Stripe gave no signing secret")
    return made.secret


def _endpoint(known: stripe.WebhookEndpoint) -> Endpoint:
    return Endpoint(
        id=known.id,
        url=known.url,
        enabled=known.status == "enabled",
        events=frozenset(known.enabled_events),
        api_version=known.api_version,
    )


def _words(error: stripe.StripeError) -> str:
    return error.user_message or type(error).__name__
