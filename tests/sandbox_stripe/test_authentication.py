"""Cards whose issuer wants to see the customer."""

import pytest
import stripe

from tests.sandbox_stripe.account import an_intent, charge, its_intent, refused


def test_off_session_the_issuer_s_wish_is_a_decline(client: stripe.StripeClient, customer: str) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.create(
            {
                "amount": 1000,
                "currency": "eur",
                "customer": customer,
                "payment_method": "pm_card_authenticationRequired",
                "off_session": True,
                "confirm": True,
            }
        )

    assert refused(caught.value).code == "authentication_required"
    assert client.v1.payment_intents.retrieve(its_intent(caught.value).id).status == "requires_payment_method"


def test_error_on_requires_action_makes_it_a_decline_on_session_too(
    client: stripe.StripeClient, customer: str
) -> None:
    intent = an_intent(client, customer, "pm_card_threeDSecure2Required")

    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.confirm(intent.id, {"error_on_requires_action": True})

    assert refused(caught.value).code == "authentication_required"


def test_otherwise_the_intent_waits_for_the_customer(client: stripe.StripeClient, customer: str) -> None:
    intent = an_intent(client, customer, "pm_card_authenticationRequired")

    waiting = client.v1.payment_intents.confirm(intent.id, {"return_url": "https://fabrikam.example/back"})

    assert waiting.status == "requires_action"
    assert waiting.next_action is not None
    assert waiting.next_action.type == "redirect_to_url"
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"


def test_a_card_that_was_set_up_for_it_is_not_asked_about_off_session(
    client: stripe.StripeClient, customer: str
) -> None:
    paid = charge(client, customer, "pm_card_authenticationRequiredSetupForOffSession")

    assert paid.status == "succeeded"
