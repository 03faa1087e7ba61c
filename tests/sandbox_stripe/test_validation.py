"""What Stripe refuses before anything begins."""

from typing import Any

import pytest
import stripe

from sandbox.wire import Request
from tests.sandbox_stripe.account import API_VERSION, Account, an_intent, refused


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": -500}, "parameter_invalid_integer", "amount"),
        ({"amount": "10.50"}, "parameter_invalid_integer", "amount"),
        ({"amount": "ten"}, "parameter_invalid_integer", "amount"),
        ({"amount": ""}, "parameter_invalid_empty", "amount"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 29, "currency": "gbp"}, "amount_too_small", "amount"),
        ({"amount": 49, "currency": "jpy"}, "amount_too_small", "amount"),
        ({"amount": 10**12}, "amount_too_large", "amount"),
        ({"amount": 1050, "currency": "isk"}, "invalid_currency_subunit", "amount"),
        ({"currency": "xyz"}, None, "currency"),
        ({"currency": "kwd"}, None, "currency"),
        ({"customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"payment_method": "pm_nothing"}, "resource_missing", "payment_method"),
        ({"payment_method_types": ["carrier_pigeon"]}, None, "payment_method_types"),
        ({"foo": "bar"}, "parameter_unknown", "foo"),
        ({"automatic_payment_methods": {"on": True}}, "parameter_unknown", "automatic_payment_methods[on]"),
        ({"automatic_payment_methods": {"enabled": "yes"}}, None, "automatic_payment_methods[enabled]"),
        ({"off_session": True}, None, "off_session"),
        ({"error_on_requires_action": True}, None, "error_on_requires_action"),
        ({"description": "x" * 1001}, None, "description"),
        ({"statement_descriptor": "FABRIKAM"}, None, "statement_descriptor"),
        ({"capture_method": "later"}, None, "capture_method"),
        ({"metadata": {"k" * 41: "v"}}, None, "metadata"),
        ({"metadata": {"key": "v" * 501}}, None, "metadata[key]"),
        ({"metadata": {f"k{number}": "v" for number in range(51)}}, None, "metadata"),
    ],
)
def test_a_malformed_intent(
    account: Account, client: stripe.StripeClient, params: dict[str, Any], code: str | None, param: str
) -> None:
    order: Any = {"amount": 5000, "currency": "usd", **params}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create(order)

    said = refused(caught.value)
    assert (caught.value.http_status, said.type) == (400, "invalid_request_error")
    assert (getattr(said, "code", None), getattr(said, "param", None)) == (code, param)
    assert account.event_types() == []


@pytest.mark.parametrize("left_out", ["amount", "currency"])
def test_a_missing_parameter(client: stripe.StripeClient, left_out: str) -> None:
    order: Any = {"amount": 5000, "currency": "usd"}
    del order[left_out]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create(order)
    assert (refused(caught.value).code, refused(caught.value).param) == ("parameter_missing", left_out)


def test_amounts_of_currencies_without_decimals_are_whole(client: stripe.StripeClient, customer: str) -> None:
    assert an_intent(client, customer, "pm_card_visa", amount=12_500, currency="JPY").currency == "jpy"


def test_the_limits_of_metadata_are_its_own(client: stripe.StripeClient) -> None:
    full = {f"{number:040}": "v" * 500 for number in range(50)}
    intent = an_intent(client, metadata=full)

    with pytest.raises(stripe.InvalidRequestError, match="metadata"):
        client.v1.payment_intents.update(intent.id, {"metadata": {"one more": "x"}})
    left = client.v1.payment_intents.update(intent.id, {"metadata": {f"{0:040}": "", "one more": "x"}})
    assert len(left.metadata.to_dict()) == 50
    assert client.v1.payment_intents.update(intent.id, {"metadata": ""}).metadata.to_dict() == {}


def test_another_customer_s_card_is_refused(client: stripe.StripeClient, customer: str) -> None:
    other = client.v1.customers.create({"name": "Northwind"})
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": other.id})

    with pytest.raises(stripe.InvalidRequestError, match="belongs to a different Customer"):
        an_intent(client, customer, card.id)
    with pytest.raises(stripe.InvalidRequestError, match="include the Customer"):
        an_intent(client, None, card.id)
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        client.v1.payment_methods.attach(card.id, {"customer": customer})
    intent = an_intent(client, other.id, card.id)
    with pytest.raises(stripe.InvalidRequestError, match="belongs to a different Customer"):
        client.v1.payment_intents.update(intent.id, {"customer": customer})


def test_a_card_that_no_customer_keeps_serves_once(client: stripe.StripeClient, customer: str) -> None:
    card = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    client.v1.payment_intents.confirm(an_intent(client, None, card.id).id, {"off_session": True})

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        an_intent(client, None, card.id)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(card.id, {"customer": customer})


def test_a_card_is_not_taken_where_only_debits_are(client: stripe.StripeClient, customer: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="not allowed for this PaymentIntent"):
        an_intent(client, customer, "pm_card_visa", currency="eur", payment_method_types=["sepa_debit"])


def test_no_card_number_is_ever_accepted(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError, match="generally unsafe") as caught:
        client.v1.payment_methods.create(
            {
                "type": "card",
                "card": {"number": "4242424242424242", "exp_month": 8, "exp_year": 2030, "cvc": "123"},
            }
        )
    assert "4242" not in str(caught.value.http_body)


@pytest.mark.parametrize("key", ["sk_live_sandbox", "pk_test_sandbox", "nonsense"])
def test_wrong_keys(account: Account, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        account.client(key).v1.customers.list()
    assert caught.value.http_status == 401


def test_restricted_keys_and_basic_authentication_open_the_door(account: Account) -> None:
    assert account.client("rk_test_sandbox").v1.customers.list().data == []
    headers = {"authorization": "Basic c2tfdGVzdF9zYW5kYm94Og=="}
    assert account.local.handle(Request("GET", "/v1/customers", headers=headers)).status == 200
    assert account.local.handle(Request("GET", "/v1/customers")).status == 401


def test_another_version_another_account_and_other_urls_are_refused(
    account: Account, client: stripe.StripeClient
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        account.client(version="newest").v1.customers.list()
    with pytest.raises(stripe.PermissionError):
        client.v1.customers.list(options={"stripe_account": "acct_other"})
    headers = {"authorization": "Bearer sk_test_x"}
    assert account.local.handle(Request("GET", "/v1/unicorns", headers=headers)).status == 404


def test_a_client_that_asks_for_another_version_is_told_which_one_it_gets(account: Account) -> None:
    customers = account.client(version=stripe.api_version).v1.customers.list()

    assert stripe.api_version != API_VERSION
    assert customers.last_response is not None
    assert customers.last_response.headers["stripe-version"] == API_VERSION


@pytest.mark.parametrize("body", [b"amount=%FF", b"a=1&a[b]=2", b"no equals sign", b"[x]=1"])
def test_bodies_that_are_not_forms(account: Account, body: bytes) -> None:
    headers = {"authorization": "Bearer sk_test_x"}
    answer = account.local.handle(Request("POST", "/v1/payment_intents", headers=headers, body=body))
    assert answer.status == 400


def test_an_unknown_object_in_the_path_is_a_404(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.retrieve("pi_nothing")
    assert (caught.value.http_status, refused(caught.value).code) == (404, "resource_missing")
