"""The life of a payment intent, and what it refuses on the way."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox_stripe.account import Account, an_intent, charge, its_intent, refused


def test_create_moves_no_money_and_confirm_does(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    intent = an_intent(client, customer, method.id, metadata={"request": "r-1"})
    assert (intent.status, intent.amount_received, intent.latest_charge) == ("requires_confirmation", 0, None)

    paid = client.v1.payment_intents.confirm(
        intent.id,
        {"off_session": True, "error_on_requires_action": True, "expand": ["latest_charge"]},
        {"idempotency_key": "confirm-1"},
    )

    assert (paid.status, paid.amount_received) == ("succeeded", 40_000)
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert paid.latest_charge.metadata["request"] == "r-1"
    assert paid.latest_charge.receipt_url
    assert account.event_types() == [
        "customer.created",
        "payment_method.attached",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_a_succeeded_intent_is_not_confirmed_again(client: stripe.StripeClient, customer: str) -> None:
    paid = charge(client, customer, "pm_card_visa")

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.confirm(paid.id, {"off_session": True})

    said = refused(caught.value)
    assert (caught.value.http_status, said.code) == (400, "payment_intent_unexpected_state")
    assert its_intent(caught.value).status == "succeeded"
    assert len(client.v1.charges.list({"payment_intent": paid.id}).data) == 1


def test_a_canceled_intent_stays_canceled(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    intent = an_intent(client, customer, "pm_card_visa")
    canceled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert canceled.canceled_at is not None

    attempts: list[Callable[[], object]] = [
        lambda: client.v1.payment_intents.confirm(intent.id, {"off_session": True}),
        lambda: client.v1.payment_intents.cancel(intent.id),
        lambda: client.v1.payment_intents.update(intent.id, {"amount": 1000}),
    ]
    for attempt in attempts:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            attempt()
        assert refused(caught.value).code == "payment_intent_unexpected_state"
    assert (
        client.v1.payment_intents.update(intent.id, {"metadata": {"why": "late"}}).metadata["why"] == "late"
    )
    assert account.event_types()[-1] == "payment_intent.canceled"


def test_a_succeeded_intent_is_not_canceled(client: stripe.StripeClient, customer: str) -> None:
    paid = charge(client, customer, "pm_card_visa")

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.cancel(paid.id)

    assert refused(caught.value).code == "payment_intent_unexpected_state"


def test_without_a_payment_method_there_is_nothing_to_confirm(client: stripe.StripeClient) -> None:
    intent = an_intent(client)
    assert intent.status == "requires_payment_method"

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.confirm(intent.id, {"off_session": True})

    assert "missing a payment method" in str(caught.value)


def test_an_authorisation_waits_to_be_captured(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    held = charge(client, customer, "pm_card_visa", capture_method="manual")
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 40_000, 0)

    captured = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 30_000})

    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", 30_000, 0)
    assert account.event_types()[-2:] == ["charge.captured", "payment_intent.succeeded"]


def test_an_authorisation_can_be_let_go(client: stripe.StripeClient, customer: str) -> None:
    held = charge(client, customer, "pm_card_visa", capture_method="manual")

    assert client.v1.payment_intents.cancel(held.id).status == "canceled"
    charged = client.v1.charges.list({"payment_intent": held.id}).data[0]
    assert (charged.captured, charged.refunded, charged.amount_captured) == (False, True, 0)


def test_with_redirects_possible_a_customer_needs_a_page_to_come_back_to(
    client: stripe.StripeClient, customer: str
) -> None:
    intent = an_intent(client, customer, "pm_card_visa")

    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.confirm(intent.id)

    without: Any = {"enabled": True, "allow_redirects": "never"}
    other = an_intent(client, customer, "pm_card_visa", automatic_payment_methods=without)
    assert client.v1.payment_intents.confirm(other.id).status == "succeeded"


def test_the_amount_can_be_changed_until_it_is_paid(client: stripe.StripeClient, customer: str) -> None:
    intent = an_intent(client, customer, "pm_card_visa")

    client.v1.payment_intents.update(intent.id, {"amount": 12_345, "description": "INV-1001"})
    paid = client.v1.payment_intents.confirm(intent.id, {"off_session": True})

    assert (paid.amount_received, paid.description) == (12_345, "INV-1001")


def test_what_expands_and_what_does_not(client: stripe.StripeClient, customer: str) -> None:
    paid = charge(client, customer, "pm_card_visa")
    shown = client.v1.payment_intents.retrieve(
        paid.id, {"expand": ["customer", "payment_method", "latest_charge.balance_transaction"]}
    )
    assert isinstance(shown.customer, stripe.Customer)
    assert isinstance(shown.payment_method, stripe.PaymentMethod)
    assert isinstance(shown.latest_charge, stripe.Charge)
    assert isinstance(shown.latest_charge.balance_transaction, stripe.BalanceTransaction)
    listed = client.v1.payment_intents.list({"customer": customer, "expand": ["data.latest_charge"]})
    assert isinstance(listed.data[0].latest_charge, stripe.Charge)

    for nonsense in ("amount", "latest_charge.nothing", "a.b.c.d.e"):
        with pytest.raises(stripe.InvalidRequestError, match="expand"):
            client.v1.payment_intents.retrieve(paid.id, {"expand": [nonsense]})
