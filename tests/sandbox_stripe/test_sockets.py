"""The local Stripe behind a real socket, for the SDK as it comes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stripe

from sandbox.server import Servers, Site, listen
from tests.sandbox_stripe.account import API_VERSION, Account, charge


@pytest.fixture
def over_http(account: Account) -> Iterator[stripe.StripeClient]:
    listener = listen(0)
    servers = Servers([Site(listener, account.local.handle)])
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    servers.start()
    with requests.Session() as session:
        session.trust_env = False
        yield stripe.StripeClient(
            "sk_test_sandbox",
            stripe_version=API_VERSION,
            base_addresses={"api": address},
            max_network_retries=2,
            http_client=stripe.RequestsClient(session=session),
        )
    servers.stop()


def test_one_key_from_eight_threads_is_one_intent(
    over_http: stripe.StripeClient, client: stripe.StripeClient, customer: str
) -> None:
    """Whoever comes while the first is under way is told to wait; the SDK does, and gets the same answer."""

    def attempt(_number: int) -> str:
        intent = over_http.v1.payment_intents.create(
            {"amount": 5000, "currency": "usd", "customer": customer, "payment_method": "pm_card_visa"},
            {"idempotency_key": "intent-1"},
        )
        return intent.id

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(attempt, range(8)))

    assert [intent.id for intent in client.v1.payment_intents.list().data] == list(made)


def test_many_charges_at_once(over_http: stripe.StripeClient, customer: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        paid = list(pool.map(lambda _: charge(over_http, customer, "pm_card_visa"), range(40)))

    assert {intent.status for intent in paid} == {"succeeded"}
    balance = over_http.v1.balance.retrieve()
    assert balance.pending[0].amount == 40 * (40_000 - 1_190)
