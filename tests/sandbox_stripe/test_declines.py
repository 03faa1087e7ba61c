"""Every documented test card that says no, with the codes that the add-on's verdicts read."""

import pytest
import stripe

from tests.sandbox_stripe.account import Account, an_intent, charge, its_intent, refused

DECLINES = [
    # payment method, code, decline code, advice code
    ("pm_card_chargeCustomerFail", "card_declined", "generic_decline", "try_again_later"),
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", "try_again_later"),
    (
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "card_declined",
        "insufficient_funds",
        "try_again_later",
    ),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", "do_not_try_again"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card", "do_not_try_again"),
    (
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "card_declined",
        "card_velocity_exceeded",
        "try_again_later",
    ),
    ("pm_card_radarBlock", "card_declined", "fraudulent", "do_not_try_again"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None, "confirm_card_data"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None, "confirm_card_data"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", None, "try_again_later"),
    ("pm_card_authenticationRequired", "authentication_required", "authentication_required", None),
    (
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "card_declined",
        "insufficient_funds",
        "try_again_later",
    ),
]


@pytest.mark.parametrize(("method", "code", "decline_code", "advice_code"), DECLINES)
def test_a_decline_says_why_and_leaves_the_intent_waiting_for_another_card(
    account: Account,
    client: stripe.StripeClient,
    customer: str,
    method: str,
    code: str,
    decline_code: str | None,
    advice_code: str | None,
) -> None:
    intent = an_intent(client, customer, method)

    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.confirm(intent.id, {"off_session": True, "error_on_requires_action": True})

    said = refused(caught.value)
    assert caught.value.http_status == 402
    assert (said.code, getattr(said, "decline_code", None), getattr(said, "advice_code", None)) == (
        code,
        decline_code,
        advice_code,
    )
    assert its_intent(caught.value).id == intent.id

    now = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (now.status, now.payment_method, now.amount_received) == ("requires_payment_method", None, 0)
    assert now.last_payment_error is not None
    assert now.last_payment_error.code == code
    assert now.last_payment_error.payment_method is not None
    assert now.last_payment_error.payment_method.id == intent.payment_method
    assert isinstance(now.latest_charge, stripe.Charge)
    assert (now.latest_charge.status, now.latest_charge.failure_code) == ("failed", code)
    assert now.latest_charge.id == said.charge
    assert account.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_a_declined_intent_can_be_paid_with_another_card(client: stripe.StripeClient, customer: str) -> None:
    intent = an_intent(client, customer, "pm_card_visa_chargeDeclined")
    with pytest.raises(stripe.CardError):
        client.v1.payment_intents.confirm(intent.id, {"off_session": True})

    paid = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_mastercard", "off_session": True}
    )

    assert (paid.status, paid.last_payment_error, paid.amount_received) == ("succeeded", None, 40_000)


def test_most_cards_that_decline_do_so_when_they_are_attached(
    client: stripe.StripeClient, customer: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_methods.attach("pm_card_visa_chargeDeclined", {"customer": customer})
    assert refused(caught.value).decline_code == "generic_decline"

    attached = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    with pytest.raises(stripe.CardError):
        charge(client, customer, attached.id)


def test_a_card_declines_once_its_month_is_over(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    now = account.clock.now()
    row = {"id": "pm_litware", "customer": customer, "like": "pm_card_visa"}
    account.local.seed(payment_methods=[{**row, "exp_month": now.month, "exp_year": now.year}])
    assert charge(client, customer, "pm_litware").status == "succeeded"

    account.clock.advance(32 * 86_400)

    with pytest.raises(stripe.CardError) as caught:
        charge(client, customer, "pm_litware")
    assert refused(caught.value).code == "expired_card"
