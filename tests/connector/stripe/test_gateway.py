"""The gateway against the local Stripe, with every request of ours held against Stripe's own description."""

from datetime import datetime, timedelta

import pytest

from connector.stripe.gateway import StripeGateway
from plugins.ports import GatewayRefused, Intent, IntentOrder, IntentStatus, MethodType, NoAnswer
from plugins.rules.money import Money
from tests.connector.stripe.account import OURS, Account
from tests.contract import openapi


def an_order(
    method: str,
    amount: str = "12.50",
    currency: str = "USD",
    type_: MethodType = MethodType.CARD,
    customer: str = "cus_1",
    key: str = "intent-1",
) -> IntentOrder:
    return IntentOrder(
        amount=Money.parse(amount, currency),
        customer=customer,
        method=method,
        method_type=type_,
        description="Invoice INV-1001",
        metadata={**OURS, "counterfoil_transaction": "t1"},
        idempotency_key=key,
    )


def charged(
    account: Account, like: str, type_: MethodType = MethodType.CARD, currency: str = "USD"
) -> Intent:
    gateway = account.gateway()
    created = gateway.create_intent(an_order(account.method(like), currency=currency, type_=type_), 5)
    assert created.status is IntentStatus.REQUIRES_CONFIRMATION
    return gateway.confirm_intent(created.reference, "confirm-1", 5)


def test_the_description_of_stripes_api_is_there() -> None:
    openapi.required()


class TestOutcomes:
    def test_a_card_that_works(self, account: Account) -> None:
        intent = charged(account, "pm_card_visa")
        assert intent.status is IntentStatus.SUCCEEDED
        assert intent.decline is None
        assert intent.receipt_url.startswith("http")
        assert intent.metadata == {**OURS, "counterfoil_transaction": "t1"}
        assert intent.live is False
        assert intent.amount == Money(1250, "USD")
        assert account.sent() == [
            "POST /v1/payment_intents",
            f"POST /v1/payment_intents/{intent.reference}/confirm",
        ]

    @pytest.mark.parametrize(
        ("like", "code", "decline_code"),
        [
            ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
            ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
            ("pm_card_chargeDeclinedFraudulent", "card_declined", "fraudulent"),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card", ""),
            ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", ""),
            ("pm_card_chargeDeclinedProcessingError", "processing_error", ""),
            ("pm_card_authenticationRequired", "authentication_required", "authentication_required"),
        ],
    )
    def test_a_card_that_is_declined(self, account: Account, like: str, code: str, decline_code: str) -> None:
        intent = charged(account, like)
        assert intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD
        assert intent.decline is not None
        assert (intent.decline.code, intent.decline.decline_code) == (code, decline_code)
        assert intent.decline.message
        again = account.gateway().read_intent(intent.reference, 5)
        assert again.decline == intent.decline

    @pytest.mark.parametrize(
        ("like", "type_", "currency"),
        [
            ("pm_success_de", MethodType.SEPA_DEBIT, "EUR"),
            ("pm_usBankAccount_success", MethodType.ACH_DEBIT, "USD"),
        ],
    )
    def test_a_bank_debit_takes_days(
        self, account: Account, like: str, type_: MethodType, currency: str
    ) -> None:
        intent = charged(account, like, type_, currency)
        assert intent.status is IntentStatus.PROCESSING
        account.clock.advance(14 * 86400)
        assert account.gateway().read_intent(intent.reference, 5).status is IntentStatus.SUCCEEDED

    def test_a_bank_debit_that_comes_back(self, account: Account) -> None:
        intent = charged(account, "pm_usBankAccount_accountClosed", MethodType.ACH_DEBIT)
        account.clock.advance(14 * 86400)
        later = account.gateway().read_intent(intent.reference, 5)
        assert later.status is IntentStatus.REQUIRES_PAYMENT_METHOD
        assert later.decline is not None
        assert later.decline.code == "account_closed"

    @pytest.mark.parametrize(
        ("amount", "currency"), [("12500", "JPY"), ("500", "ISK"), ("5000", "UGX"), ("12.34", "GBP")]
    )
    def test_currencies(self, account: Account, gateway: StripeGateway, amount: str, currency: str) -> None:
        order = an_order(account.method("pm_card_visa"), amount, currency)
        assert gateway.create_intent(order, 5).amount == Money.parse(amount, currency)


class TestRefusals:
    def test_another_customers_payment_method(self, account: Account, gateway: StripeGateway) -> None:
        method = account.method("pm_card_visa", "cus_2")
        with pytest.raises(GatewayRefused):
            gateway.create_intent(an_order(method), 5)

    def test_below_the_smallest_amount(self, account: Account, gateway: StripeGateway) -> None:
        least = gateway.minimum("USD")
        assert least is not None
        method = account.method("pm_card_visa")
        assert gateway.create_intent(an_order(method, str(least.amount)), 5)
        with pytest.raises(GatewayRefused) as refused:
            gateway.create_intent(an_order(method, "0.49", key="intent-2"), 5)
        assert refused.value.code == "amount_too_small"

    def test_an_unknown_customer(self, account: Account, gateway: StripeGateway) -> None:
        with pytest.raises(GatewayRefused) as refused:
            gateway.create_intent(an_order(account.method("pm_card_visa"), customer="cus_9"), 5)
        assert refused.value.code == "resource_missing"

    def test_an_unknown_intent(self, gateway: StripeGateway) -> None:
        with pytest.raises(GatewayRefused) as refused:
            gateway.read_intent("pi_9", 5)
        assert refused.value.code == "resource_missing"
        with pytest.raises(NoAnswer):
            gateway.confirm_intent("pi_9", "k", 5)
        with pytest.raises(NoAnswer):
            gateway.cancel_intent("pi_9", 5)

    def test_a_key_that_is_not_a_key(self, account: Account) -> None:
        with pytest.raises(NoAnswer):
            account.gateway("sk_live_of_somebody").read_intent("pi_9", 5)


class TestAskedTwice:
    def test_the_same_order_is_the_same_intent(self, account: Account, gateway: StripeGateway) -> None:
        order = an_order(account.method("pm_card_visa"))
        assert gateway.create_intent(order, 5) == gateway.create_intent(order, 5)

    def test_the_same_key_with_another_order_is_refused(
        self, account: Account, gateway: StripeGateway
    ) -> None:
        method = account.method("pm_card_visa")
        gateway.create_intent(an_order(method), 5)
        with pytest.raises(GatewayRefused) as refused:
            gateway.create_intent(an_order(method, "99.00"), 5)
        assert refused.value.code == "idempotency_error"

    @pytest.mark.parametrize("key", ["confirm-1", "confirm-2"])
    def test_a_charge_confirmed_twice_is_one_charge(
        self, account: Account, gateway: StripeGateway, key: str
    ) -> None:
        first = charged(account, "pm_card_visa")
        assert gateway.confirm_intent(first.reference, key, 5).status is IntentStatus.SUCCEEDED

    def test_a_declined_charge_confirmed_again_under_its_key_is_declined_again(
        self, account: Account, gateway: StripeGateway
    ) -> None:
        first = charged(account, "pm_card_chargeCustomerFail")
        assert gateway.confirm_intent(first.reference, "confirm-1", 5) == first

    def test_a_frozen_process_that_wakes_and_confirms_finds_a_cancelled_intent(
        self, account: Account, gateway: StripeGateway
    ) -> None:
        order = an_order(account.method("pm_card_visa"))
        reference = gateway.create_intent(order, 5).reference
        assert gateway.cancel_intent(reference, 5).status is IntentStatus.CANCELED
        assert gateway.cancel_intent(reference, 5).status is IntentStatus.CANCELED
        assert gateway.confirm_intent(reference, "confirm-1", 5).status is IntentStatus.CANCELED

    def test_a_charge_that_went_through_cannot_be_cancelled(
        self, account: Account, gateway: StripeGateway
    ) -> None:
        first = charged(account, "pm_card_visa")
        assert gateway.cancel_intent(first.reference, 5).status is IntentStatus.SUCCEEDED


class TestABrokenLine:
    @pytest.mark.parametrize(
        "fault",
        [
            {"do": "drop_before"},
            {"do": "drop_after"},
            {"do": "garbage"},
            {"do": "delay", "seconds": 30},
            {"do": "status", "status": 401},
            {"do": "status", "status": 409},
            {"do": "status", "status": 429, "retry_after": 1},
            {"do": "status", "status": 500},
            {"do": "status", "status": 503},
        ],
    )
    def test_a_confirmation_without_an_answer_is_asked_about_later(
        self, account: Account, gateway: StripeGateway, fault: dict[str, object]
    ) -> None:
        reference = gateway.create_intent(an_order(account.method("pm_card_visa")), 5).reference
        account.faults.replace([{**fault, "path": "/confirm$"}])
        with pytest.raises(NoAnswer):
            gateway.confirm_intent(reference, "confirm-1", 5)
        truth = gateway.read_intent(reference, 5).status
        moved = fault["do"] in {"drop_after", "garbage", "delay"}
        assert truth is (IntentStatus.SUCCEEDED if moved else IntentStatus.REQUIRES_CONFIRMATION)

    def test_a_confirmation_that_something_on_the_way_sends_twice(
        self, account: Account, gateway: StripeGateway
    ) -> None:
        reference = gateway.create_intent(an_order(account.method("pm_card_visa")), 5).reference
        account.faults.replace([{"do": "duplicate", "path": "/confirm$"}])
        assert gateway.confirm_intent(reference, "confirm-1", 5).status is IntentStatus.SUCCEEDED


def test_what_was_left_unconfirmed_is_found_page_by_page(account: Account, gateway: StripeGateway) -> None:
    method = account.method("pm_card_visa")
    left = {gateway.create_intent(an_order(method, key=f"left-{n}"), 5).reference for n in range(103)}
    account.clock.advance(3600)
    charged(account, "pm_card_mastercard")
    assert {intent.reference for intent in gateway.unconfirmed_intents(an_hour_from(account))} == left
    assert (
        account.gateway(ours={"counterfoil_organization": "o2"}).unconfirmed_intents(an_hour_from(account))
        == []
    )
    assert gateway.unconfirmed_intents(account.clock.now() - timedelta(days=1)) == []


def an_hour_from(account: Account) -> datetime:
    return account.clock.now() + timedelta(hours=1)
