"""Checks at Stripe: the key, its API version, the webhook endpoint, the clock."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import stripe

from connector.doctor.check import Check, fine, problem
from connector.settings import Settings
from connector.stripe import endpoints
from connector.stripe.client import API_VERSION, Stripe
from connector.stripe.endpoints import EndpointError
from plugins.ports import Clock

MOST_SKEW_SECONDS = 60
"""Stripe's signatures are refused when they are 300 s off."""


class Processor:
    def __init__(self, settings: Settings, client: Stripe, clock: Clock) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock

    def checks(self, patience: float) -> Iterator[Check]:
        name, asked = "stripe key", "payment intents"
        try:
            intents = self._client.within(patience).v1.payment_intents.list({"limit": 1})
            asked = "checkout sessions"
            self._client.within(patience).v1.checkout.sessions.list({"limit": 1})
        except stripe.AuthenticationError:
            yield problem(
                name,
                "Stripe does not accept it",
                "Set COUNTERFOIL_STRIPE_API_KEY to a key of the account, from the Dashboard under Developers › API keys.",
            )
            return
        except stripe.PermissionError as e:
            yield problem(
                name,
                f"it may not read {asked}: {e.user_message}",
                "Give the restricted key Write on PaymentIntents, Charges and Refunds, Customers and Checkout Sessions,"
                " and Read on SetupIntents and PaymentMethods.",
            )
            return
        except (stripe.StripeError, ValueError, TypeError, AttributeError) as e:
            yield problem(
                name,
                f"no answer of Stripe ({type(e).__name__})",
                "See that this machine reaches api.stripe.com, or COUNTERFOIL_STRIPE_API_BASE.",
            )
            return
        headers = _headers(intents.last_response)
        yield self._version(name, headers.get("stripe-version", API_VERSION))
        yield from skew("clock against stripe", headers.get("date"), self._clock.now())
        yield self._endpoint()

    def _version(self, name: str, answered: str) -> Check:
        if answered != API_VERSION:
            return problem(
                name,
                f"Stripe answers in API version {answered}, not {API_VERSION}",
                "Something between here and Stripe changes the header Stripe-Version; take it out of the way.",
            )
        mode = "live" if self._settings.live else "test"
        return fine(name, f"works in {mode} mode, API version {API_VERSION}")

    def _endpoint(self) -> Check:
        name = "stripe webhook"
        if self._settings.public_url is None:
            return problem(
                name, "it is not known where Stripe reaches the service", "Set COUNTERFOIL_PUBLIC_URL."
            )
        url = f"{self._settings.public_url}/stripe"
        wanted = (
            f"In the Dashboard under Developers › Webhooks, have {url} sent: {', '.join(endpoints.EVENTS)}."
        )
        try:
            found = endpoints.find(self._client, url)
        except EndpointError as e:
            return problem(
                name,
                f"the endpoints cannot be seen with this key: {e}",
                "Give the restricted key Read on Webhook Endpoints.",
            )
        if not found:
            return problem(name, f"Stripe sends no events to {url}", wanted)
        endpoint = next((each for each in found if each.enabled), None)
        if endpoint is None:
            return problem(
                name,
                f"the endpoint {url} is disabled",
                "Enable it in the Dashboard under Developers › Webhooks.",
            )
        if endpoint.missing_events:
            return problem(name, f"{url} is not sent {', '.join(endpoint.missing_events)}", wanted)
        if endpoint.api_version not in {None, API_VERSION}:
            return problem(
                name,
                f"{url} is sent events of API version {endpoint.api_version}",
                f"Make the endpoint anew with version {API_VERSION}.",
            )
        return fine(name, f"{url} is sent what it needs")


def skew(name: str, answered: str | None, now: datetime) -> Iterator[Check]:
    """How far our clock is from that of an answer's `Date` header; nothing where it has none."""
    try:
        theirs = parsedate_to_datetime(answered or "")
    except ValueError:
        return
    seconds = (now - theirs).total_seconds()
    if abs(seconds) > MOST_SKEW_SECONDS:
        way = "ahead" if seconds > 0 else "behind"
        yield problem(
            name,
            f"this machine's clock is {abs(seconds):.0f} s {way}",
            "Set the clock by NTP; signatures and deadlines depend on it.",
        )
    else:
        yield fine(name, "together")


def _headers(response: stripe.StripeResponse | None) -> dict[str, str]:
    headers: Mapping[str, str] = response.headers if response is not None else {}
    return {name.lower(): value for name, value in headers.items()}
