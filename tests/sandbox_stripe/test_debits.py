"""Bank debits: days pass before anyone knows."""

from collections.abc import Callable

import pytest
import stripe

from tests.sandbox_stripe.account import Account, charge, refused

DAY = 86_400


@pytest.mark.parametrize(
    ("method", "currency", "days"),
    [
        ("pm_success_de", "eur", 5),
        ("pm_successDelayed_de", "eur", 14),
        ("pm_usBankAccount_success", "usd", 4),
    ],
)
def test_a_debit_that_works(
    account: Account, client: stripe.StripeClient, customer: str, method: str, currency: str, days: int
) -> None:
    intent = charge(client, customer, method, currency=currency)
    assert (intent.status, intent.amount_received) == ("processing", 0)
    assert account.event_types()[-2:] == ["charge.pending", "payment_intent.processing"]

    account.clock.advance(days * DAY - 60)
    assert client.v1.payment_intents.retrieve(intent.id).status == "processing"
    account.clock.advance(61)

    settled = client.v1.payment_intents.retrieve(intent.id)
    assert (settled.status, settled.amount_received) == ("succeeded", 40_000)
    assert account.event_types()[-2:] == ["charge.succeeded", "payment_intent.succeeded"]


@pytest.mark.parametrize(
    ("method", "currency", "days", "code"),
    [
        ("pm_failed_de", "eur", 5, "payment_method_provider_decline"),
        ("pm_failedDelayed_de", "eur", 14, "payment_method_provider_decline"),
        ("pm_insufficientFunds_de", "eur", 5, "insufficient_funds"),
        ("pm_exceedsWeeklyVolumeLimit_de", "eur", 5, "charge_exceeds_source_limit"),
        ("pm_usBankAccount_insufficientFunds", "usd", 4, "insufficient_funds"),
        ("pm_usBankAccount_accountClosed", "usd", 4, "account_closed"),
        ("pm_usBankAccount_noAccount", "usd", 4, "no_account"),
        ("pm_usBankAccount_debitNotAuthorized", "usd", 4, "debit_not_authorized"),
    ],
)
def test_a_debit_that_comes_back(
    account: Account,
    client: stripe.StripeClient,
    customer: str,
    method: str,
    currency: str,
    days: int,
    code: str,
) -> None:
    intent = charge(client, customer, method, currency=currency)
    assert intent.status == "processing"

    account.clock.advance(days * DAY)

    failed = client.v1.payment_intents.retrieve(intent.id)
    assert (failed.status, failed.amount_received) == ("requires_payment_method", 0)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == code
    assert account.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"


def test_a_debit_that_nobody_ever_answers(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    intent = charge(client, customer, "pm_usBankAccount_processing")

    account.clock.advance(100 * DAY)

    assert client.v1.payment_intents.retrieve(intent.id).status == "processing"


def test_a_debit_under_way_is_neither_canceled_nor_confirmed_again(
    client: stripe.StripeClient, customer: str
) -> None:
    intent = charge(client, customer, "pm_success_de", currency="eur")

    attempts: list[Callable[[], object]] = [
        lambda: client.v1.payment_intents.cancel(intent.id),
        lambda: client.v1.payment_intents.confirm(intent.id, {"off_session": True}),
    ]
    for attempt in attempts:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            attempt()
        assert refused(caught.value).code == "payment_intent_unexpected_state"


def test_a_settled_debit_can_be_disputed_at_once(
    account: Account, client: stripe.StripeClient, customer: str
) -> None:
    intent = charge(client, customer, "pm_disputed_de", currency="eur")
    account.clock.advance(5 * DAY)

    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert client.v1.disputes.list({"payment_intent": intent.id}).data[0].status == "needs_response"


def test_debits_are_made_from_documented_test_accounts_only(client: stripe.StripeClient) -> None:
    made = client.v1.payment_methods.create(
        {
            "type": "sepa_debit",
            "sepa_debit": {"iban": "DE08 3704 0044 0532 0130 03"},
            "billing_details": {"name": "Wide Account Tea", "email": "tea@wideworld.example"},
        }
    )
    assert made.sepa_debit is not None
    assert made.sepa_debit.last4 == "3003"
    ach = client.v1.payment_methods.create(
        {
            "type": "us_bank_account",
            "us_bank_account": {"account_number": "000123456789", "routing_number": "110000000"},
        }
    )
    assert ach.type == "us_bank_account"

    with pytest.raises(stripe.InvalidRequestError, match="test bank account"):
        client.v1.payment_methods.create(
            {"type": "sepa_debit", "sepa_debit": {"iban": "DE02120300000000202051"}}
        )


def test_a_debit_knows_one_currency_and_eight_digits(client: stripe.StripeClient, customer: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="sepa_debit support the following"):
        charge(client, customer, "pm_success_de", currency="usd", payment_method_types=["sepa_debit"])
    with pytest.raises(stripe.InvalidRequestError) as caught:
        charge(client, customer, "pm_success_de", currency="eur", amount=100_000_000)
    assert refused(caught.value).code == "amount_too_large"
