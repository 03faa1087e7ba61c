"""A local Stripe in this process, reached by the unmodified SDK; every exchange is held against Stripe's description."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import stripe

from sandbox.clock import Clock
from sandbox.stripe.stripe import Stripe
from sandbox.wire import Handler, Request, Response
from tests.contract import openapi
from tests.in_process import InProcess

stripe.enable_telemetry = False

BACK = "https://fabrikam.example/thanks"
API_VERSION = "2026-08-26.dahlia"


class Judged(InProcess):
    """Keeps every exchange, and holds both sides of it against the description."""

    def __init__(self, handler: Handler, contract: openapi.Contract | None) -> None:
        super().__init__(self._kept(handler))
        self._contract = contract
        self.seen: list[tuple[Request, Response]] = []
        self.problems: list[str] = []

    def _kept(self, handler: Handler) -> Handler:
        def answer(request: Request) -> Response:
            response = handler(request)
            self.seen.append((request, response))
            try:
                self._judge(request, response)
            except openapi.ContractError as problem:
                # The SDK would take it for a lost connection: the end of the test tells.
                self.problems.append(str(problem))
            return response

        return answer

    def _judge(self, asked: Request, answered: Response) -> None:
        if self._contract is None:
            return
        self._contract.check_response(asked.method, asked.path, answered.status, json.loads(answered.body))
        # What is refused may be as wrong as it likes.
        if answered.status in {200, 402}:
            self._contract.check_request(asked.method, asked.path, asked.body, asked.query)


@dataclass
class Account:
    """The local Stripe, its clock, what was said to it, and what its webhooks delivered."""

    local: Stripe
    clock: Clock
    adapter: Judged
    delivered: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    receiver: Callable[[str, dict[str, str], bytes], int | None] = lambda *_: 200
    under_way: Callable[[Request], None] = lambda _: None

    def client(self, key: str = "sk_test_sandbox", version: str = API_VERSION) -> stripe.StripeClient:
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", self.adapter)
        return stripe.StripeClient(
            key,
            stripe_version=version,
            base_addresses={"api": "http://127.0.0.1:1"},
            max_network_retries=0,
            http_client=stripe.RequestsClient(session=session),
        )

    def deliver(self, url: str, headers: dict[str, str], body: bytes) -> int | None:
        self.delivered.append((url, headers, body))
        return self.receiver(url, headers, body)

    def control(self, name: str, body: str) -> Response:
        request = Request("POST", f"/sandbox/{name}", body=body.encode())
        return self.local.controls()[name]["POST"](request)

    def event_types(self) -> list[str]:
        """What happened, in order."""
        events = self.client().v1.events.list({"limit": 100})
        return [event.type for event in reversed(list(events.auto_paging_iter()))]


@pytest.fixture
def account() -> Iterator[Account]:
    clock = Clock()
    made: list[Account] = []

    def send(url: str, headers: dict[str, str], body: bytes) -> int | None:
        return made[0].deliver(url, headers, body)

    def under_way(request: Request) -> None:
        made[0].under_way(request)

    local = Stripe(clock, send=send, under_way=under_way)
    made.append(Account(local, clock, Judged(local.handle, openapi.load())))
    yield made[0]
    local.stop()
    if made[0].adapter.problems:
        pytest.fail("\n".join(made[0].adapter.problems))


@pytest.fixture
def client(account: Account) -> stripe.StripeClient:
    return account.client()


@pytest.fixture
def customer(client: stripe.StripeClient) -> str:
    return client.v1.customers.create({"name": "Fabrikam Fibre", "email": "ap@fabrikam.example"}).id


def charge(
    client: stripe.StripeClient, customer: str | None, method: str, **more: Any
) -> stripe.PaymentIntent:
    """Charges a customer's payment method while the customer is away, as the add-on does: create, then confirm."""
    intent = an_intent(client, customer, method, **more)
    return client.v1.payment_intents.confirm(
        intent.id, {"off_session": True, "error_on_requires_action": True}
    )


def an_intent(
    client: stripe.StripeClient,
    customer: str | None = None,
    method: str | None = None,
    amount: int = 40_000,
    currency: str = "usd",
    **more: Any,
) -> stripe.PaymentIntent:
    params: dict[str, Any] = {"amount": amount, "currency": currency, **more}
    if customer is not None:
        params["customer"] = customer
    if method is not None:
        params["payment_method"] = method
    return client.v1.payment_intents.create(params)  # type: ignore[arg-type]  # the SDK's types are those of a later version


def a_page(
    client: stripe.StripeClient, customer: str | None = None, amount: int | None = None, **more: Any
) -> stripe.checkout.Session:
    """A hosted page that saves a payment method, or that takes an amount."""
    params: dict[str, Any] = {"mode": "setup", "success_url": BACK, "payment_method_types": ["card"], **more}
    if customer is not None:
        params["customer"] = customer
    if amount is not None:
        price = {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Invoice INV-1001"}}
        params |= {"mode": "payment", "line_items": [{"quantity": 1, "price_data": price}], **more}
    return client.v1.checkout.sessions.create(params)  # type: ignore[arg-type]  # the SDK's types are those of a later version


def its_intent(error: stripe.StripeError) -> stripe.PaymentIntent:
    """The intent that a refusal shows."""
    intent = refused(error).payment_intent
    assert intent is not None
    return intent


def refused(error: stripe.StripeError) -> stripe.ErrorObject:
    """The error as Stripe wrote it: most of it is not on the exception itself."""
    assert error.error is not None
    return error.error
