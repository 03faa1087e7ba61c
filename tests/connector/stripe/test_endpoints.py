"""The webhook endpoint in Stripe."""

import pytest

from connector.stripe import endpoints
from connector.stripe.client import API_VERSION
from connector.stripe.endpoints import EVENTS, EndpointError
from tests.connector.stripe.account import Account

URL = "https://billing.fabrikam.example/stripe"


def test_a_new_endpoint_is_sent_what_we_need_in_our_version(account: Account) -> None:
    assert endpoints.find(account.client(), URL) == []
    secret = endpoints.create(account.client(), URL)
    assert secret.startswith("whsec_")
    [endpoint] = endpoints.find(account.client(), URL)
    assert endpoint.enabled
    assert endpoint.events == frozenset(EVENTS)
    assert endpoint.missing_events == ()
    assert endpoint.api_version == API_VERSION


def test_another_one_at_the_same_address_takes_its_place(account: Account) -> None:
    first = endpoints.create(account.client(), URL)
    endpoints.create(account.client(), f"{URL}/another")
    assert endpoints.create(account.client(), URL) != first
    assert len(endpoints.find(account.client(), URL)) == 1
    assert len(endpoints.find(account.client(), f"{URL}/another")) == 1


def test_what_stripe_says_when_it_does_not_let_us(account: Account) -> None:
    with pytest.raises(EndpointError, match="Invalid API Key"):
        endpoints.find(account.client("sk_live_of_somebody"), URL)
    with pytest.raises(EndpointError):
        endpoints.create(account.client(), "not an address")
