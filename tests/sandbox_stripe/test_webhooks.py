"""Signed deliveries: verified by the SDK, repeated until they are taken, in double and out of order when asked."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from sandbox.clock import Clock
from sandbox.stripe.stripe import Stripe
from sandbox.wire import Request
from tests.contract import openapi
from tests.sandbox_stripe.account import Account, charge

URL = "http://127.0.0.1:9/stripe"


def an_endpoint(client: stripe.StripeClient, *events: Any, url: str = URL) -> stripe.WebhookEndpoint:
    return client.v1.webhook_endpoints.create({"url": url, "enabled_events": list(events or ("*",))})


def test_a_delivery_verifies_and_carries_the_object(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    endpoint = an_endpoint(client, "payment_intent.succeeded")
    paid = charge(client, customer, "pm_card_visa")

    assert account.local.webhooks.deliver() == 1

    [(url, headers, body)] = account.delivered
    event = client.construct_event(body, headers["Stripe-Signature"], endpoint.secret)
    assert (url, event.type, event.api_version) == (URL, "payment_intent.succeeded", "2026-08-26.dahlia")
    assert event.data.object["id"] == paid.id
    contract = openapi.load()
    if contract is not None:
        contract.check_object(json.loads(body))
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body + b" ", headers["Stripe-Signature"], endpoint.secret)


def test_only_what_was_asked_for_is_delivered(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    endpoint = an_endpoint(client, "refund.created", "charge.refunded")
    charge(client, customer, "pm_card_visa")
    assert account.local.webhooks.deliver() == 0

    client.v1.webhook_endpoints.update(endpoint.id, {"enabled_events": ["payment_intent.created"]})
    charge(client, customer, "pm_card_visa")
    assert account.local.webhooks.deliver() == 1
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    charge(client, customer, "pm_card_visa")
    assert account.local.webhooks.deliver() == 0


def test_a_delivery_that_is_not_taken_comes_again(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    an_endpoint(client, "payment_intent.succeeded")
    account.receiver = lambda *_: 500
    charge(client, customer, "pm_card_visa")

    for after in (0, 60, 1_800, 7_200):
        account.clock.advance(after / 2)
        account.local.webhooks.deliver()
        account.clock.advance(after / 2 + 1)
        account.local.webhooks.deliver()

    assert len(account.delivered) == 4
    signatures = {headers["Stripe-Signature"] for _, headers, _ in account.delivered}
    assert len(signatures) == 4
    account.clock.advance(7 * 86_400)
    assert account.local.webhooks.deliver() == 0
    [event] = client.v1.events.list({"delivery_success": False}).data
    assert (event.type, event.pending_webhooks) == ("payment_intent.succeeded", 0)


def test_a_lost_connection_is_no_delivery_either(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    an_endpoint(client, "payment_intent.succeeded")
    account.receiver = lambda *_: None
    charge(client, customer, "pm_card_visa")
    account.local.webhooks.deliver()
    assert client.v1.events.list({"type": "payment_intent.succeeded"}).data[0].pending_webhooks == 1

    account.receiver = lambda *_: 204
    account.clock.advance(61)

    assert account.local.webhooks.deliver() == 1
    assert client.v1.events.list({"delivery_success": False}).data == []
    assert client.v1.events.list({"type": "payment_intent.succeeded"}).data[0].pending_webhooks == 0


def test_duplicates_disorder_and_repeats_on_demand(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    an_endpoint(client, "charge.succeeded", "payment_intent.succeeded")
    account.control("webhooks", '{"copies": 2}')
    account.control("webhooks", '{"newest_first": true}')
    charge(client, customer, "pm_card_visa")

    account.local.webhooks.deliver()

    types = [json.loads(body)["type"] for _, _, body in account.delivered]
    assert sorted(types) == ["charge.succeeded"] * 2 + ["payment_intent.succeeded"] * 2
    event = json.loads(account.delivered[0][2])["id"]
    account.control("webhooks", f'{{"resend": "{event}"}}')
    assert account.local.webhooks.deliver() == 1


def test_events_are_found_by_type_time_and_age(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    charge(client, customer, "pm_card_visa")
    account.clock.advance(3600)
    later = charge(client, customer, "pm_card_visa")

    def found(**params: Any) -> list[str]:
        return [event.type for event in client.v1.events.list(params).data]  # type: ignore[arg-type]  # built by hand

    assert found(type="payment_intent.succeeded") == ["payment_intent.succeeded"] * 2
    assert found(type="charge.*") == ["charge.succeeded"] * 2
    assert found(types=["payment_intent.succeeded", "customer.created"], created={"gte": later.created}) == [
        "payment_intent.succeeded"
    ]
    with pytest.raises(stripe.InvalidRequestError):
        found(type="charge.*", types=["customer.created"])
    with pytest.raises(stripe.InvalidRequestError):
        found(types=[f"a.b{number}" for number in range(21)])
    newest = client.v1.events.list().data[0]
    assert client.v1.events.retrieve(newest.id).type == newest.type
    assert newest.request is not None
    assert newest.request.idempotency_key
    account.clock.advance(31 * 86_400)
    assert found() == []


def test_an_endpoint_shows_its_secret_once(client: stripe.StripeClient) -> None:
    made = an_endpoint(client)
    assert str(made.secret).startswith("whsec_")
    assert "secret" not in client.v1.webhook_endpoints.retrieve(made.id)
    assert [each.id for each in client.v1.webhook_endpoints.list().data] == [made.id]
    assert client.v1.webhook_endpoints.delete(made.id).deleted
    assert client.v1.webhook_endpoints.list().data == []

    with pytest.raises(stripe.InvalidRequestError):
        an_endpoint(client, url="127.0.0.1/stripe")
    with pytest.raises(stripe.InvalidRequestError):
        an_endpoint(client, "whatever happens")
    for _ in range(16):
        an_endpoint(client)
    with pytest.raises(stripe.InvalidRequestError, match="maximum"):
        an_endpoint(client)


class Receiver(BaseHTTPRequestHandler):
    """Answers 503 once, then takes everything."""

    got: list[tuple[str, bytes]]
    arrived: threading.Event
    port: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.headers["Stripe-Signature"], body))
        self.send_response(503 if len(self.got) == 1 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.arrived.set()

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[type[Receiver]]:
    Receiver.got, Receiver.arrived = [], threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    Receiver.port = server.server_port
    yield Receiver
    server.shutdown()
    server.server_close()
    thread.join()


def test_over_a_real_socket_in_the_background(receiver: type[Receiver]) -> None:
    clock = Clock()
    local = Stripe(clock)
    headers = {"authorization": "Bearer sk_test_x"}
    port = receiver.port
    body = f"url=http://127.0.0.1:{port}/stripe&enabled_events[0]=customer.created".encode()
    made = local.handle(Request("POST", "/v1/webhook_endpoints", headers=headers, body=body))
    local.start()
    try:
        local.handle(Request("POST", "/v1/customers", headers=headers, body=b"name=Fabrikam"))
        assert receiver.arrived.wait(5)
        receiver.arrived.clear()
        deadline = time.monotonic() + 5
        while not receiver.arrived.wait(0.05) and time.monotonic() < deadline:
            clock.advance(30)
    finally:
        local.stop()

    assert len(receiver.got) == 2
    signature, sent = receiver.got[1]
    client = stripe.StripeClient("sk_test_x")
    event = client.construct_event(sent, signature, json.loads(made.body)["secret"])
    assert event.type == "customer.created"
