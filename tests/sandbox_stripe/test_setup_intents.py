"""Setup intents by themselves, as an own form at Stripe would use them."""

from typing import Any

import pytest
import stripe

from tests.sandbox_stripe.account import Account, refused


def test_a_card_is_saved(account: Account, client: stripe.StripeClient, customer: str) -> None:
    made = client.v1.setup_intents.create({"customer": customer, "usage": "off_session"})
    assert made.status == "requires_payment_method"

    saved = client.v1.setup_intents.confirm(made.id, {"payment_method": "pm_card_visa"})

    assert saved.status == "succeeded"
    [method] = client.v1.payment_methods.list({"customer": customer}).data
    assert saved.payment_method == method.id
    [listed] = client.v1.setup_intents.list({"customer": customer, "payment_method": method.id}).data
    assert listed.id == made.id
    assert account.event_types()[1:] == [
        "setup_intent.created",
        "payment_method.attached",
        "setup_intent.succeeded",
    ]


def test_a_card_that_is_refused(client: stripe.StripeClient, customer: str) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.setup_intents.create(
            {"customer": customer, "payment_method": "pm_card_chargeDeclined", "confirm": True}
        )
    error = refused(caught.value)
    assert (error.code, error.decline_code) == ("card_declined", "generic_decline")
    assert error.setup_intent is not None
    kept = client.v1.setup_intents.retrieve(error.setup_intent.id)
    assert (kept.status, kept.payment_method) == ("requires_payment_method", None)
    assert kept.last_setup_error is not None


def test_a_card_that_asks_waits_for_the_customer(client: stripe.StripeClient, customer: str) -> None:
    waiting = client.v1.setup_intents.create(
        {
            "customer": customer,
            "payment_method": "pm_card_threeDSecureRequired",
            "confirm": True,
            "return_url": "https://fabrikam.example/back",
        }
    )
    assert waiting.status == "requires_action"
    assert waiting.next_action is not None
    assert waiting.next_action.type == "redirect_to_url"


def test_what_has_ended_stays_so(client: stripe.StripeClient, customer: str) -> None:
    cancelled = client.v1.setup_intents.cancel(client.v1.setup_intents.create({"customer": customer}).id)
    assert cancelled.status == "canceled"
    for attempt in (client.v1.setup_intents.cancel, client.v1.setup_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
            attempt(cancelled.id)


def test_what_is_missing_or_wrong_is_said(client: stripe.StripeClient, customer: str) -> None:
    params: Any = {"customer": customer, "payment_method_types": ["sepa_debit"]}
    empty = client.v1.setup_intents.create(params)
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        client.v1.setup_intents.confirm(empty.id)
    with pytest.raises(stripe.InvalidRequestError, match="not allowed for this SetupIntent"):
        client.v1.setup_intents.confirm(empty.id, {"payment_method": "pm_card_visa"})
    with pytest.raises(stripe.InvalidRequestError, match="`return_url`"):
        client.v1.setup_intents.create({"return_url": "https://fabrikam.example/"})
    another = client.v1.customers.create({"name": "Another"}).id
    theirs = client.v1.payment_methods.attach("pm_card_visa", {"customer": another}).id
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        client.v1.setup_intents.create({"customer": customer, "payment_method": theirs})
