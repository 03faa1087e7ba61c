"""Hosted pages at the local Stripe: what is asked for, what is believed, and what a broken line leaves open."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from connector.stripe.answers import as_page
from connector.stripe.gateway import StripeGateway
from plugins.ports import GatewayRefused, HostedPage, Method, MethodType, NoAnswer, PageOrder, PageStatus
from plugins.rules.money import Money
from tests.connector.stripe.account import OURS, Account
from tests.sandbox_stripe.customer import Customer

ALL = (MethodType.CARD, MethodType.ACH_DEBIT)


def an_order(account: Account, amount: str = "", currency: str = "USD", **fields: Any) -> PageOrder:
    return PageOrder(
        **{
            "customer": "cus_1",
            "currency": currency,
            "method_types": ALL,
            "expires_on": account.clock.now() + timedelta(hours=23),
            "return_url": "https://counterfoil.example/thanks",
            "metadata": {**OURS, "counterfoil_transaction": "t1"},
            "idempotency_key": "page-1",
            "amount": Money.parse(amount, currency) if amount else None,
            "description": "Invoice INV-1001",
            **fields,
        }
    )


def test_a_payment_page_asks_for_the_invoices_amount_and_nothing_else(account: Account) -> None:
    page = account.gateway().open_page(an_order(account, "850.00"), 5)
    asked = account.client().within(5).v1.checkout.sessions.retrieve(page.reference)
    assert (asked.mode, asked.amount_total, asked.currency) == ("payment", 85_000, "usd")
    assert asked.payment_method_types == ["card", "us_bank_account"]
    assert asked.adaptive_pricing is not None
    assert asked.adaptive_pricing.enabled is False, "no offer to pay in another currency"
    assert asked.wallet_options is not None
    assert asked.wallet_options.link is not None
    assert asked.wallet_options.link.display == "never"


def test_the_intent_of_a_page_is_named_as_ours(account: Account) -> None:
    gateway = account.gateway()
    page = gateway.open_page(an_order(account, "850.00"), 5)
    Customer(account.stripe.handle).chooses(page.url)
    intent = gateway.read_page(page.reference, 5).intent
    assert intent is not None
    assert intent.metadata == {**OURS, "counterfoil_transaction": "t1"}
    assert intent.receipt_url.startswith("http")
    assert gateway.read_intent(intent.reference, 5) == intent


@pytest.mark.parametrize(
    ("like", "kind", "brand", "last4"),
    [
        ("pm_card_visa", MethodType.CARD, "Visa", "4242"),
        ("pm_card_mastercard", MethodType.CARD, "Mastercard", "4444"),
        ("pm_usBankAccount_success", MethodType.ACH_DEBIT, "STRIPE TEST BANK", "6789"),
    ],
)
def test_what_was_saved_is_named(account: Account, like: str, kind: MethodType, brand: str, last4: str) -> None:  # fmt: skip
    saved = what_was_saved(account, like)
    assert (saved.type, saved.brand, saved.last4, saved.customer) == (kind, brand, last4, "cus_1")
    year = account.clock.now().year + 2
    assert saved.expiry == (f"08/{year}" if kind is MethodType.CARD else "")


def test_what_was_detached_since_is_still_told(account: Account) -> None:
    """Its charge will be refused; the page has ended all the same."""
    gateway = account.gateway()
    page = gateway.open_page(an_order(account), 5)
    Customer(account.stripe.handle).chooses(page.url)
    method = gateway.read_page(page.reference, 5).method
    assert method is not None
    account.client().within(5).v1.payment_methods.detach(method.reference)
    assert gateway.read_page(page.reference, 5).method == method


def what_was_saved(account: Account, like: str) -> Method:
    gateway = account.gateway()
    page = gateway.open_page(an_order(account), 5)
    Customer(account.stripe.handle).chooses(page.url, like)
    found = gateway.read_page(page.reference, 5)
    assert found.method is not None
    return found.method


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"customer": "cus_9"}, "resource_missing"),
            ({"return_url": "thanks"}, "url_invalid"),
            ({"amount": "0.49"}, "amount_too_small"),
            ({"amount": "5.000", "currency": "KWD"}, "currency_not_supported"),
            ({"amount": "5.00", "method_types": (MethodType.SEPA_DEBIT,)}, "invalid_request"),
        ],
    )
    def test_an_order_that_stripe_does_not_take(
        self, account: Account, gateway: StripeGateway, fields: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(GatewayRefused) as refused:
            gateway.open_page(an_order(account, **fields), 5)
        assert refused.value.code == code
        assert account.client().within(5).v1.checkout.sessions.list().data == []

    def test_a_key_that_is_not_a_key(self, account: Account) -> None:
        stranger = account.gateway("sk_live_of_somebody")
        for ask in (
            lambda: stranger.open_page(an_order(account), 5),
            lambda: stranger.read_page("cs_1", 5),
            lambda: stranger.close_page("cs_1", 5),
            lambda: stranger.create_customer("Proseware Labs", {}, "customer-1", 5),
        ):
            with pytest.raises(NoAnswer):
                ask()


class TestABrokenLine:
    @pytest.mark.parametrize("call", ["open", "read", "close", "customer"])
    @pytest.mark.parametrize(
        "fault",
        [
            {"do": "garbage"},
            {"do": "delay", "seconds": 30},
            {"do": "status", "status": 401},
            {"do": "status", "status": 409},
            {"do": "status", "status": 429, "retry_after": 1},
            {"do": "status", "status": 500},
        ],
    )
    def test_a_call_without_an_answer(
        self, account: Account, gateway: StripeGateway, call: str, fault: dict[str, object]
    ) -> None:
        page = gateway.open_page(an_order(account), 5)
        account.faults.replace([fault])
        asks: dict[str, Callable[[], object]] = {
            "open": lambda: gateway.open_page(an_order(account, idempotency_key="page-2"), 5),
            "read": lambda: gateway.read_page(page.reference, 5),
            "close": lambda: gateway.close_page(page.reference, 5),
            "customer": lambda: gateway.create_customer("Proseware Labs", {}, "customer-1", 5),
        }
        with pytest.raises(NoAnswer):
            asks[call]()
        account.faults.replace([])
        carried_out = call == "close" and fault["do"] in {"garbage", "delay"}
        expected = PageStatus.EXPIRED if carried_out else PageStatus.OPEN
        assert gateway.read_page(page.reference, 5).status is expected

    def test_a_page_paid_while_its_closing_is_refused_and_cannot_be_read(
        self, account: Account, gateway: StripeGateway
    ) -> None:
        page = gateway.open_page(an_order(account, "850.00"), 5)
        Customer(account.stripe.handle).chooses(page.url)
        account.faults.replace([{"do": "drop_before", "method": "GET"}])
        with pytest.raises(NoAnswer):
            gateway.close_page(page.reference, 5)
        assert gateway.close_page(page.reference, 5).status is PageStatus.COMPLETE


class TestWhatIsNotAPage:
    """Whatever Stripe may say one day that we do not know is no answer, never an end."""

    def answered(self, **fields: Any) -> HostedPage:
        body = {
            "id": "cs_1",
            "object": "checkout.session",
            "mode": "setup",
            "status": "open",
            "url": "https://checkout.stripe.com/c/pay/cs_1",
            "expires_at": 1_795_000_000,
            "customer": "cus_1",
            "payment_intent": None,
            "setup_intent": None,
            "metadata": {},
            **fields,
        }
        made = stripe.checkout.Session.construct_from(body, None)
        return as_page(made, "cs_1")

    def test_one_that_is(self) -> None:
        page = self.answered()
        assert (page.status, page.expires_on) == (
            PageStatus.OPEN,
            datetime.fromtimestamp(1_795_000_000, UTC),
        )

    @pytest.mark.parametrize(
        "fields",
        [
            {"id": "cs_2"},
            {"status": "reopened"},
            {"status": None},
            {"url": None},
            {"expires_at": None},
            {"mode": "payment", "payment_intent": "pi_1"},
            {
                "mode": "payment",
                "payment_intent": {"id": "pi_1", "object": "payment_intent", "status": "odd"},
            },
            {"status": "complete"},
            {"status": "complete", "setup_intent": "seti_1"},
            {"status": "complete", "setup_intent": {"object": "setup_intent", "status": "succeeded"}},
            {"status": "complete", "setup_intent": {"object": "setup_intent", "status": "odd"}},
        ],
    )
    def test_one_that_is_not(self, fields: dict[str, Any]) -> None:
        with pytest.raises(NoAnswer):
            self.answered(**fields)

    @pytest.mark.parametrize(
        ("setup", "status"),
        [
            ("requires_action", PageStatus.COMPLETE),
            ("processing", PageStatus.COMPLETE),
            ("requires_payment_method", PageStatus.EXPIRED),
            ("canceled", PageStatus.EXPIRED),
        ],
    )
    def test_a_bank_account_that_is_not_verified_yet_or_never_will_be(
        self, setup: str, status: PageStatus
    ) -> None:
        intent = {"id": "seti_1", "object": "setup_intent", "status": setup, "payment_method": "pm_1"}
        page = self.answered(status="complete", url=None, setup_intent=intent)
        assert (page.status, page.method) == (status, None)

    @pytest.mark.parametrize(
        ("details", "brand", "expiry"),
        [
            ({"brand": "amex", "exp_month": 1, "exp_year": 2031}, "American Express", "01/2031"),
            ({"brand": "new_network", "exp_month": 12, "exp_year": 2031}, "New Network", "12/2031"),
        ],
    )
    def test_cards_of_any_network(self, details: dict[str, Any], brand: str, expiry: str) -> None:
        card = {"last4": "0005", "fingerprint": None, **details}
        method = {"id": "pm_1", "object": "payment_method", "type": "card", "customer": "cus_1", "card": card}
        setup = {"id": "seti_1", "object": "setup_intent", "status": "succeeded", "payment_method": method}
        saved = self.answered(status="complete", url=None, setup_intent=setup).method
        assert saved is not None
        assert (saved.brand, saved.expiry, saved.last4, saved.fingerprint) == (brand, expiry, "0005", "")

    def test_a_kind_of_payment_method_that_was_not_asked_for(self) -> None:
        method = {"id": "pm_1", "object": "payment_method", "type": "link", "customer": "cus_1", "link": {}}
        setup = {"id": "seti_1", "object": "setup_intent", "status": "succeeded", "payment_method": method}
        with pytest.raises(NoAnswer):
            self.answered(status="complete", url=None, setup_intent=setup)
