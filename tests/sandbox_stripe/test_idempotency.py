"""One key, one execution, one answer for a day: https://docs.stripe.com/api/idempotent_requests"""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from sandbox.wire import Request
from tests.sandbox_stripe.account import Account, an_intent, refused

ORDER: Any = {"amount": 5000, "currency": "usd", "payment_method": "pm_card_visa"}
KEY: Any = {"idempotency_key": "intent-1"}


def test_replay_with_its_header(account: Account, client: stripe.StripeClient) -> None:
    first = client.v1.payment_intents.create(ORDER, KEY)
    again = client.v1.payment_intents.create(ORDER, KEY)

    assert again.id == first.id
    assert first.last_response is not None
    assert again.last_response is not None
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    assert account.event_types().count("payment_intent.created") == 1


def test_mismatch_400(client: stripe.StripeClient) -> None:
    client.v1.payment_intents.create(ORDER, KEY)

    with pytest.raises(stripe.IdempotencyError) as caught:
        client.v1.payment_intents.create(ORDER | {"amount": 5001}, KEY)

    assert (caught.value.http_status, refused(caught.value).type) == (400, "idempotency_error")


def test_in_flight_409(account: Account, client: stripe.StripeClient) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(_request: Request) -> None:
        begun.set()
        assert go_on.wait(10)

    account.under_way = slow
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.v1.payment_intents.create, ORDER, KEY)
        assert begun.wait(10)
        with pytest.raises(stripe.APIError) as caught:
            client.v1.payment_intents.create(ORDER, KEY)
        go_on.set()
        intent = first.result(10)

    assert (caught.value.http_status, refused(caught.value).code) == (409, "idempotency_key_in_use")
    assert client.v1.payment_intents.create(ORDER, KEY).id == intent.id


def test_a_saved_402(account: Account, client: stripe.StripeClient, customer: str) -> None:
    intent = an_intent(client, customer, "pm_card_visa_chargeDeclinedInsufficientFunds")
    key: Any = {"idempotency_key": "confirm-1"}
    with pytest.raises(stripe.CardError) as first:
        client.v1.payment_intents.confirm(intent.id, {"off_session": True}, key)

    with pytest.raises(stripe.CardError) as again:
        client.v1.payment_intents.confirm(intent.id, {"off_session": True}, key)

    assert again.value.http_body == first.value.http_body
    assert again.value.headers is not None
    assert again.value.headers["Idempotent-Replayed"] == "true"
    assert account.event_types().count("charge.failed") == 1


@pytest.mark.parametrize(("moment", "status"), [("before", "requires_confirmation"), ("after", "succeeded")])
def test_a_saved_500(
    account: Account, client: stripe.StripeClient, customer: str, moment: str, status: str
) -> None:
    """The answer stays the same for a day; only the intent itself says whether the money moved."""
    intent = an_intent(client, customer, "pm_card_visa")
    account.control("outage", f'{{"path": "/confirm$", "moment": "{moment}"}}')
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            client.v1.payment_intents.confirm(
                intent.id, {"off_session": True}, {"idempotency_key": "confirm-1"}
            )
        assert caught.value.http_status == 500

    assert client.v1.payment_intents.retrieve(intent.id).status == status


def test_a_key_is_forgotten_after_a_day(account: Account, client: stripe.StripeClient) -> None:
    first = client.v1.payment_intents.create(ORDER, KEY)
    account.clock.advance(86_400 - 60)
    assert client.v1.payment_intents.create(ORDER, KEY).id == first.id

    account.clock.advance(120)

    assert client.v1.payment_intents.create(ORDER, KEY).id != first.id


def test_what_failed_validation_was_never_begun(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create(ORDER | {"amount": 1}, KEY)

    assert client.v1.payment_intents.create(ORDER, KEY).status == "requires_confirmation"


def test_eight_at_once_make_one_intent(account: Account, client: stripe.StripeClient) -> None:
    def attempt(_number: int) -> str | None:
        try:
            return client.v1.payment_intents.create(ORDER, KEY).id
        except stripe.APIError as error:
            return refused(error).code

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(attempt, range(24))) - {"idempotency_key_in_use"}

    assert len(made) == 1
    assert len(client.v1.payment_intents.list().data) == 1
