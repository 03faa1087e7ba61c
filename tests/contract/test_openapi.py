"""The local Stripe and what is asked of it keep to Stripe's OpenAPI description, both ways."""

import json
from pathlib import Path
from typing import Any

import pytest
import stripe

from sandbox.stripe import routes
from tests.contract import openapi
from tests.contract.openapi import Contract, ContractError
from tests.sandbox_stripe.account import Account, a_page, an_intent, charge
from tests.sandbox_stripe.customer import Customer

CREATE = ("POST", "/v1/payment_intents")


@pytest.fixture
def contract() -> Contract:
    return openapi.required()


def test_every_operation_of_the_local_stripe_keeps_to_the_description(
    contract: Contract, account: Account, client: stripe.StripeClient, customer: str
) -> None:
    v1 = client.v1
    v1.customers.update(customer, {"name": "Fabrikam"})
    v1.customers.list()
    v1.customers.retrieve(customer)
    endpoint = v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    v1.webhook_endpoints.update(endpoint.id, {"description": "The add-on"})
    v1.webhook_endpoints.retrieve(endpoint.id)
    v1.webhook_endpoints.list()
    token: Any = {"token": "tok_visa"}
    card = v1.payment_methods.create({"type": "card", "card": token}).id
    v1.payment_methods.attach(card, {"customer": customer})
    v1.payment_methods.update(card, {"metadata": {"profile": "p-1"}})
    v1.payment_methods.retrieve(card)
    v1.payment_methods.list({"customer": customer})
    v1.customers.payment_methods.list(customer)
    v1.payment_intents.cancel(an_intent(client, customer, card).id)
    held = charge(client, customer, card, capture_method="manual")
    v1.payment_intents.capture(held.id)
    v1.payment_intents.update(held.id, {"description": "INV-1001"})
    v1.payment_intents.retrieve(held.id)
    v1.payment_intents.list({"customer": customer})
    with pytest.raises(stripe.CardError):
        charge(client, customer, "pm_card_visa_chargeDeclined")
    for debit, currency in (
        ("pm_success_de", "eur"),
        ("pm_failed_de", "eur"),
        ("pm_usBankAccount_success", "usd"),
    ):
        charge(client, customer, debit, currency=currency)
    account.clock.advance(6 * 86_400)
    v1.charges.update(str(held.latest_charge), {"metadata": {"seen": "yes"}})
    v1.charges.retrieve(str(held.latest_charge), {"expand": ["balance_transaction", "refunds"]})
    v1.charges.list({"customer": customer, "limit": 100})
    refund = v1.refunds.create({"payment_intent": held.id, "amount": 100})
    v1.refunds.update(refund.id, {"metadata": {"row": "t-1"}})
    v1.refunds.retrieve(refund.id, {"expand": ["charge"]})
    v1.refunds.list({"payment_intent": held.id})
    with pytest.raises(stripe.InvalidRequestError):
        v1.refunds.cancel(refund.id)
    setup = v1.setup_intents.create({"customer": customer, "payment_method": "pm_card_threeDSecureRequired"})
    v1.setup_intents.confirm(setup.id, {"return_url": "https://fabrikam.example/"})
    v1.setup_intents.retrieve(setup.id)
    v1.setup_intents.cancel(setup.id)
    v1.setup_intents.list({"customer": customer})
    page = a_page(client, customer)
    Customer(account.local.handle).chooses(str(page.url))
    for amount in (None, 40_000):
        slow = a_page(client, customer, amount=amount, payment_method_types=["us_bank_account"])
        Customer(account.local.handle).chooses(str(slow.url), "bank_account_by_deposits")
    v1.checkout.sessions.retrieve(page.id, {"expand": ["setup_intent.payment_method"]})
    v1.checkout.sessions.expire(a_page(client, customer, amount=40_000).id)
    v1.checkout.sessions.list({"customer": customer})
    disputed = charge(client, customer, "pm_card_createDispute")
    charge(client, customer, "pm_card_createDisputeInquiry")
    [dispute] = v1.disputes.list({"payment_intent": disputed.id}).data
    v1.disputes.retrieve(dispute.id)
    v1.disputes.update(dispute.id, {"evidence": {"customer_name": "Fabrikam"}})
    v1.disputes.close(dispute.id)
    v1.balance.retrieve()
    [transaction, *_] = v1.balance_transactions.list({"expand": ["data.source"]}).data
    v1.balance_transactions.retrieve(transaction.id)
    events = list(v1.events.list({"limit": 100}).auto_paging_iter())
    v1.events.retrieve(events[0].id)
    v1.payment_methods.detach(card)
    v1.customers.delete(customer)
    v1.webhook_endpoints.delete(endpoint.id)

    asked = {(request.method, contract.template(request.path)) for request, _ in account.adapter.seen}
    served = {(method, contract.template(path.replace("{id}", "x_1"))) for method, path, _ in routes.TABLE}
    assert asked == served
    assert len({event.type for event in events}) > 20


def test_a_description_that_was_named_has_to_be_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COUNTERFOIL_TEST_STRIPE_OPENAPI", str(tmp_path / "absent.json"))
    openapi.load.cache_clear()
    try:
        with pytest.raises(pytest.fail.Exception, match="COUNTERFOIL_TEST_STRIPE_OPENAPI"):
            openapi.required()
    finally:
        openapi.load.cache_clear()


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("amount=1000", "currency"),
        ("amount=ten&currency=usd", "amount"),
        ("amount=1000&currency=usd&colour=red", "colour"),
        ("amount=1000&currency=usd&confirm=yes", "confirm"),
        ("amount=1000&currency=usd&automatic_payment_methods[allow_redirects]=never", "enabled"),
        ("amount=1000&currency=usd&automatic_payment_methods[enabled]=2", "enabled"),
        ("amount=1000&currency=usd&statement_descriptor_suffix=" + "x" * 23, "too long"),
        ("amount=1000&currency=usd&payment_method_types=card", "payment_method_types"),
    ],
)
def test_a_request_that_is_not_documented_is_noticed(contract: Contract, body: str, complaint: str) -> None:
    with pytest.raises(ContractError, match=complaint):
        contract.check_request(*CREATE, body)


def test_a_request_that_is_documented_passes(contract: Contract) -> None:
    contract.check_request(
        *CREATE,
        b"amount=1000&currency=usd&payment_method_types[0]=card&metadata[a]=1&confirm=true&off_session=true"
        b"&automatic_payment_methods[enabled]=true&shipping[name]=F&shipping[address][city]=Lisbon",
    )
    contract.check_request("GET", "/v1/events", query="types[0]=charge.succeeded&created[gte]=5&limit=3")
    with pytest.raises(ContractError, match="limit"):
        contract.check_request("GET", "/v1/events", query="limit=many")
    with pytest.raises(ContractError, match="not a documented path"):
        contract.check_request("GET", "/v1/unicorns")
    with pytest.raises(ContractError, match="not a documented operation"):
        contract.check_request("DELETE", "/v1/payment_intents")


def test_an_answer_with_a_key_too_many_or_too_few_is_noticed(
    contract: Contract, account: Account, client: stripe.StripeClient, customer: str
) -> None:
    intent = an_intent(client, customer, "pm_card_visa")
    answer = json.loads(account.adapter.seen[-1][1].body)
    contract.check_response(*CREATE, 200, answer)

    for broken, complaint in (
        ({**answer, "charges": []}, "'charges' is not documented"),
        ({name: value for name, value in answer.items() if name != "client_secret"}, "'client_secret'"),
        ({**answer, "status": "paid"}, "status"),
        ({**answer, "amount": "40000"}, "amount"),
        ({**answer, "amount": None}, "amount"),
        ({**answer, "payment_method": {"object": "payment_method", "id": intent.id}}, "payment_method"),
    ):
        with pytest.raises(ContractError, match=complaint):
            contract.check_response(*CREATE, 200, broken)
    with pytest.raises(ContractError, match="error"):
        contract.check_response(*CREATE, 402, answer)
