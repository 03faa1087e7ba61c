"""Checkout sessions: what they are made of, what a customer does on them, and what follows."""

from typing import Any

import pytest
import stripe

from tests.sandbox_stripe.account import Account, a_page, charge
from tests.sandbox_stripe.customer import Customer

SHOWN = ["payment_intent.latest_charge", "setup_intent.payment_method"]
DEBITS = ["card", "us_bank_account"]


@pytest.fixture
def visitor(account: Account) -> Customer:
    return Customer(account.local.handle)


def now(client: stripe.StripeClient, page: stripe.checkout.Session) -> stripe.checkout.Session:
    return client.v1.checkout.sessions.retrieve(page.id, {"expand": SHOWN})


def its_payment(page: stripe.checkout.Session) -> stripe.PaymentIntent:
    assert isinstance(page.payment_intent, stripe.PaymentIntent)
    return page.payment_intent


def its_setup(page: stripe.checkout.Session) -> stripe.SetupIntent:
    assert isinstance(page.setup_intent, stripe.SetupIntent)
    return page.setup_intent


# --- Saving ----------------------------------------------------------------------------------------------------------


def test_a_page_that_saves_attaches_what_was_entered_to_the_customer(
    account: Account, client: stripe.StripeClient, customer: str, visitor: Customer
) -> None:
    page = a_page(client, customer, setup_intent_data={"metadata": {"profile": "p-1"}})
    assert (page.status, page.payment_status, page.payment_intent) == ("open", "no_payment_required", None)

    answer = visitor.chooses(str(page.url))

    assert (answer.status, answer.headers["location"]) == (303, page.success_url)
    saved = now(client, page)
    assert (saved.status, saved.url) == ("complete", None)
    setup = its_setup(saved)
    assert (setup.status, setup.usage) == ("succeeded", "off_session")
    assert setup.metadata is not None
    assert setup.metadata.to_dict() == {"profile": "p-1"}
    assert isinstance(setup.payment_method, stripe.PaymentMethod)
    assert (setup.payment_method.customer, setup.payment_method.billing_details.email) == (
        customer,
        "ap@fabrikam.example",
    )
    assert charge(client, customer, setup.payment_method.id).status == "succeeded"
    assert account.event_types()[:5] == [
        "customer.created",
        "setup_intent.created",
        "payment_method.attached",
        "setup_intent.succeeded",
        "checkout.session.completed",
    ]


def test_a_card_that_is_refused_leaves_the_page_open_and_says_why(
    account: Account, client: stripe.StripeClient, customer: str, visitor: Customer
) -> None:
    page = a_page(client, customer)
    url = str(page.url)

    answer = visitor.chooses(url, "pm_card_chargeDeclined")

    assert (answer.status, answer.headers["location"]) == (303, url)
    assert "Your card was declined." in visitor.sees(url)
    assert now(client, page).status == "open"
    visitor.chooses(url, "pm_card_chargeCustomerFail")
    assert now(client, page).status == "complete"
    assert account.event_types().count("setup_intent.setup_failed") == 1
    assert client.v1.payment_methods.list({"customer": customer}).data[0].card["last4"] == "0341"  # type: ignore[index]


def test_a_card_that_asks_once_is_charged_without_its_customer_afterwards(
    client: stripe.StripeClient, customer: str, visitor: Customer
) -> None:
    page = a_page(client, customer)
    url = str(page.url)
    visitor.chooses(url, "pm_card_authenticationRequiredOnSetup")
    assert "Authenticate with your bank" in visitor.sees(url)
    visitor.authenticates(url, passes=False)
    assert "unable to authenticate" in visitor.sees(url)
    assert now(client, page).status == "open"

    visitor.chooses(url, "pm_card_authenticationRequiredOnSetup")
    visitor.authenticates(url)

    [method] = client.v1.payment_methods.list({"customer": customer}).data
    assert charge(client, customer, method.id).status == "succeeded"
    with pytest.raises(stripe.CardError):
        charge(client, customer, "pm_card_authenticationRequiredOnSetup")


def test_a_card_that_expires_soon_expires_next_month(
    account: Account, client: stripe.StripeClient, customer: str, visitor: Customer
) -> None:
    page = a_page(client, customer)
    visitor.chooses(str(page.url), "pm_card_visa_debit")
    method = its_setup(now(client, page)).payment_method
    assert isinstance(method, stripe.PaymentMethod)
    assert method.card is not None
    today = account.clock.now()
    months = method.card.exp_year * 12 + method.card.exp_month - (today.year * 12 + today.month)
    assert months == 1


# --- Paying ----------------------------------------------------------------------------------------------------------


def test_a_page_that_takes_a_payment_makes_its_intent_when_the_customer_pays(
    account: Account, client: stripe.StripeClient, customer: str, visitor: Customer
) -> None:
    order = {"description": "Invoice INV-1001", "metadata": {"transaction": "t-1"}}
    page = a_page(client, customer, amount=85_000, payment_intent_data=order)
    assert (page.amount_total, page.currency, page.payment_intent) == (85_000, "usd", None)
    assert (page.payment_status, page.setup_intent) == ("unpaid", None)
    seen = visitor.sees(str(page.url))
    assert "Pay 850.00 USD" in seen
    assert "Invoice INV-1001" in seen

    answer = visitor.chooses(str(page.url))

    assert answer.headers["location"] == page.success_url
    paid = now(client, page)
    assert (paid.status, paid.payment_status) == ("complete", "paid")
    intent = its_payment(paid)
    assert (intent.status, intent.amount_received, intent.customer) == ("succeeded", 85_000, customer)
    assert (intent.description, intent.metadata.to_dict()) == ("Invoice INV-1001", {"transaction": "t-1"})
    assert account.event_types()[1:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    assert client.v1.payment_methods.list({"customer": customer}).data == []


def test_a_decline_can_be_followed_by_another_attempt_on_the_same_intent(
    client: stripe.StripeClient, customer: str, visitor: Customer
) -> None:
    page = a_page(client, customer, amount=85_000)
    url = str(page.url)
    visitor.chooses(url, "pm_card_chargeDeclinedInsufficientFunds")
    assert "insufficient funds" in visitor.sees(url)
    declined = its_payment(now(client, page))
    assert (now(client, page).status, declined.status) == ("open", "requires_payment_method")

    visitor.chooses(url)

    paid = its_payment(now(client, page))
    assert (paid.id, paid.status, paid.last_payment_error) == (declined.id, "succeeded", None)


@pytest.mark.parametrize("passes", [True, False])
def test_a_customer_who_is_asked_to_authenticate(
    client: stripe.StripeClient, customer: str, visitor: Customer, passes: bool
) -> None:
    page = a_page(client, customer, amount=85_000)
    url = str(page.url)
    visitor.chooses(url, "pm_card_authenticationRequired")
    assert its_payment(now(client, page)).status == "requires_action"
    assert "Pay 850.00 USD: your bank wants to know" in visitor.sees(url)

    visitor.authenticates(url, passes=passes)

    found = now(client, page)
    intent = its_payment(found)
    if passes:
        assert (found.status, intent.status) == ("complete", "succeeded")
    else:
        assert (found.status, intent.status) == ("open", "requires_payment_method")
        assert intent.last_payment_error is not None
        assert intent.last_payment_error.code == "payment_intent_authentication_failure"
        assert "unable to authenticate" in visitor.sees(url)


@pytest.mark.parametrize(
    ("method", "event", "payment_status"),
    [
        ("pm_usBankAccount_success", "checkout.session.async_payment_succeeded", "paid"),
        ("pm_usBankAccount_insufficientFunds", "checkout.session.async_payment_failed", "unpaid"),
    ],
)
def test_a_bank_debit_completes_the_page_and_tells_days_later(
    account: Account,
    client: stripe.StripeClient,
    customer: str,
    visitor: Customer,
    method: str,
    event: str,
    payment_status: str,
) -> None:
    page = a_page(client, customer, amount=85_000, payment_method_types=DEBITS)
    visitor.chooses(str(page.url), method)
    ordered = now(client, page)
    assert (ordered.status, ordered.payment_status) == ("complete", "unpaid")
    assert its_payment(ordered).status == "processing"
    assert "takes some days" in visitor.sees(str(page.url))

    account.clock.advance(5 * 86_400)

    assert now(client, page).payment_status == payment_status
    assert account.event_types()[-1] == event


def test_what_belongs_to_a_page_is_not_confirmed_or_cancelled_without_it(
    client: stripe.StripeClient, customer: str, visitor: Customer
) -> None:
    paying, saving = a_page(client, customer, amount=85_000), a_page(client, customer)
    visitor.chooses(str(paying.url), "pm_card_chargeDeclined")
    intent, setup = its_payment(now(client, paying)).id, its_setup(now(client, saving)).id
    card: Any = {"payment_method": "pm_card_visa"}
    for attempt in (
        lambda: client.v1.payment_intents.cancel(intent),
        lambda: client.v1.payment_intents.confirm(intent, card),
        lambda: client.v1.setup_intents.cancel(setup),
        lambda: client.v1.setup_intents.confirm(setup, card),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="created by Checkout"):
            attempt()


# --- Ending ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["by a call", "by the clock"])
def test_a_page_that_expires_takes_what_was_begun_with_it(
    account: Account, client: stripe.StripeClient, customer: str, visitor: Customer, ends: str
) -> None:
    paying, saving = a_page(client, customer, amount=85_000), a_page(client, customer)
    visitor.chooses(str(paying.url), "pm_card_chargeDeclined")
    if ends == "by a call":
        for page in (paying, saving):
            assert client.v1.checkout.sessions.expire(page.id).status == "expired"
    else:
        account.clock.advance(86_400)

    assert (now(client, paying).status, its_payment(now(client, paying)).status) == ("expired", "canceled")
    assert (now(client, saving).status, its_setup(now(client, saving)).status) == ("expired", "canceled")
    assert account.event_types().count("checkout.session.expired") == 2
    assert "This page has expired" in visitor.sees(str(paying.url))
    assert visitor.chooses(str(paying.url)).status == 200, "too late"
    assert its_payment(now(client, paying)).status == "canceled"


def test_only_an_open_page_expires(client: stripe.StripeClient, customer: str, visitor: Customer) -> None:
    page = a_page(client, customer, amount=85_000)
    visitor.chooses(str(page.url))
    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        client.v1.checkout.sessions.expire(page.id)


def test_a_page_is_used_once(
    account: Account, client: stripe.StripeClient, customer: str, visitor: Customer
) -> None:
    page = a_page(client, customer, amount=85_000)
    visitor.chooses(str(page.url))
    before = account.event_types()

    assert "This page was used" in visitor.sees(str(page.url))
    assert "This page was used" in visitor.chooses(str(page.url), "pm_card_mastercard").body.decode()

    assert account.event_types() == before


# --- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"success_url": "thanks"}, "Not a valid URL"),
        ({"mode": "subscription"}, "mode"),
        ({"customer": "cus_9"}, "No such customer"),
        ({"payment_method_types": ["cash"]}, "cash is invalid"),
        ({"setup_intent_data": {"metadata": {"a": "b"}}}, "`setup_intent_data` in `payment` mode"),
        ({"mode": "setup"}, "`line_items` in `setup` mode"),
        ({"line_items": ""}, "array"),
        ({"currency": "eur"}, "combine currencies"),
        ({"payment_method_types": ["sepa_debit"]}, "cannot be used with the currency usd"),
        ({"colour": "red"}, "unknown parameter: colour"),
    ],
)
def test_a_page_that_makes_no_sense(
    client: stripe.StripeClient, more: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=complaint):
        a_page(client, amount=85_000, **more)


def test_too_little_too_short_and_too_long(account: Account, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"at least 0\.50 usd"):
        a_page(client, amount=49)
    now_ = int(account.clock.now().timestamp())
    for seconds, complaint in ((1_790, "at least 30 minutes"), (86_410, "less than 24 hours")):
        with pytest.raises(stripe.InvalidRequestError, match=complaint):
            a_page(client, expires_at=now_ + seconds)


def test_without_a_list_the_currency_decides_what_can_be_entered(client: stripe.StripeClient) -> None:
    page = a_page(client, payment_method_types=None, currency="eur")
    assert page.payment_method_types == ["card", "sepa_debit"]
    with pytest.raises(stripe.InvalidRequestError, match="`currency` is required"):
        a_page(client, payment_method_types=None)


def test_pages_are_listed_by_customer_state_and_intent(
    client: stripe.StripeClient, customer: str, visitor: Customer
) -> None:
    paid, waiting = a_page(client, customer, amount=85_000), a_page(client, customer)
    visitor.chooses(str(paid.url))
    v1 = client.v1.checkout.sessions
    assert {page.id for page in v1.list({"customer": customer}).data} == {paid.id, waiting.id}
    assert [page.id for page in v1.list({"status": "open"}).data] == [waiting.id]
    intent = its_payment(now(client, paid)).id
    assert [page.id for page in v1.list({"payment_intent": intent}).data] == [paid.id]
