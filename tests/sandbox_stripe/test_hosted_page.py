"""The hosted page over HTTP: what browsers are told, and what strangers are."""

import re

import stripe

from sandbox.wire import Request, Response
from tests.sandbox_stripe.account import Account, a_page
from tests.sandbox_stripe.customer import Customer, shown


def asked(account: Account, method: str, path: str, body: bytes = b"") -> Response:
    return account.local.handle(Request(method, path, body=body))


def path_of(page: stripe.checkout.Session) -> str:
    return f"/c/pay/{page.id}"


def test_the_page_runs_no_script_and_leads_only_back(account: Account, client: stripe.StripeClient) -> None:
    page = a_page(client, amount=85_000)
    answer = asked(account, "GET", path_of(page))
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://fabrikam.example;" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert b"<script" not in answer.body
    assert "this is not Stripe" in answer.body.decode()


def test_what_a_merchant_writes_is_shown_as_text(account: Account, client: stripe.StripeClient) -> None:
    price = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "<b>Invoice</b> & co"}}
    page = a_page(client, amount=500, line_items=[{"quantity": 1, "price_data": price}])
    text = asked(account, "GET", path_of(page)).body.decode()
    assert "&lt;b&gt;Invoice&lt;/b&gt; &amp; co" in text


def test_no_field_takes_a_card_number(account: Account, client: stripe.StripeClient) -> None:
    page = a_page(client, payment_method_types=["card", "sepa_debit", "us_bank_account"])
    text = asked(account, "GET", path_of(page)).body.decode()
    fields = re.findall(r"<(?:input|textarea|select)[^>]*>", text)
    assert fields
    assert all('type="radio"' in field for field in fields)


def test_only_what_the_merchant_takes_is_offered(account: Account, client: stripe.StripeClient) -> None:
    page = a_page(client, payment_method_types=["sepa_debit"])
    visitor = Customer(account.local.handle)
    assert "Visa" not in visitor.sees(str(page.url))
    answer = visitor.chooses(str(page.url), "pm_card_visa")
    assert answer.status == 400
    assert "Choose one of the payment methods." in shown(answer)
    assert client.v1.checkout.sessions.retrieve(page.id).status == "open"


def test_a_form_that_was_not_sent_by_the_page(account: Account, client: stripe.StripeClient) -> None:
    page = a_page(client, amount=85_000)
    for body in (b"", b"\xff\xfe", b"payment_method=4242424242424242", b"authentication=passes"):
        assert asked(account, "POST", path_of(page), body).status in {303, 400}
    assert client.v1.checkout.sessions.retrieve(page.id).payment_intent is None


def test_the_way_back_may_name_the_session(account: Account, client: stripe.StripeClient) -> None:
    page = a_page(client, success_url="https://fabrikam.example/?s={CHECKOUT_SESSION_ID}", cancel_url="https://fabrikam.example/no")  # fmt: skip
    assert 'href="https://fabrikam.example/no"' in asked(account, "GET", path_of(page)).body.decode()
    answer = Customer(account.local.handle).chooses(str(page.url))
    assert answer.headers["location"] == f"https://fabrikam.example/?s={page.id}"


def test_a_customer_who_is_gone_saves_nothing(account: Account, client: stripe.StripeClient, customer: str) -> None:  # fmt: skip
    page = a_page(client, customer)
    client.v1.customers.delete(customer)
    answer = Customer(account.local.handle).chooses(str(page.url))
    assert answer.status == 400
    assert "No such customer" in shown(answer)
    assert client.v1.payment_methods.list().data == []


def test_addresses_that_are_none(account: Account, client: stripe.StripeClient) -> None:
    page = a_page(client)
    assert asked(account, "GET", "/c/pay/cs_test_unknown").status == 404
    assert asked(account, "GET", "/c/pay/").status == 404
    assert asked(account, "DELETE", path_of(page)).status == 405
