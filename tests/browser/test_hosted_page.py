"""The sandbox's hosted page in a browser: by keyboard, on any width, and for everybody."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from connector.stripe.client import Stripe as Client
from connector.stripe.client import pooled_session
from connector.stripe.gateway import StripeGateway
from plugins.ports import HostedPage, IntentStatus, MethodType, PageOrder, PageStatus
from plugins.rules.money import Money
from sandbox.clock import Clock
from sandbox.server import Servers, Site, listen
from sandbox.stripe.stripe import Stripe
from sandbox.wire import Request, Response
from tests.browser.accessibility import violations
from tests.browser.chromium import NewPage

THANKS = b'<!doctype html><html lang="en"><title>Thanks</title><h1>Thank you</h1></html>'


@dataclass
class Till:
    """The local Stripe behind a socket, our gateway on it, and a place to come back to."""

    gateway: StripeGateway
    local: Stripe
    clock: Clock
    back: str

    def opens(self, amount: str = "") -> HostedPage:
        order = PageOrder(
            customer="cus_1",
            currency="USD",
            method_types=(MethodType.CARD, MethodType.ACH_DEBIT),
            expires_on=self.clock.now() + timedelta(hours=23),
            return_url=self.back,
            metadata={},
            idempotency_key=f"page for {amount or 'saving'}",
            amount=Money.parse(amount, "USD") if amount else None,
            description="Invoice INV-1001",
        )
        return self.gateway.open_page(order, 5)

    def now(self, page: HostedPage) -> HostedPage:
        return self.gateway.read_page(page.reference, 5)


@pytest.fixture
def till() -> Iterator[Till]:
    clock = Clock()
    local = Stripe(clock, send=lambda *_: 200)
    local.seed(customers=[{"id": "cus_1", "name": "Proseware Labs", "email": "ap@proseware.example"}])

    def thanks(_: Request) -> Response:
        return Response(200, {"content-type": "text/html; charset=utf-8"}, THANKS)

    at_stripe, at_home = Site(listen(0), local.handle), Site(listen(0), thanks)
    servers = Servers([at_stripe, at_home])
    servers.start()
    client = Client("sk_test_sandbox", f"http://127.0.0.1:{at_stripe.port}", pooled_session())
    yield Till(StripeGateway(client, {}), local, clock, f"http://127.0.0.1:{at_home.port}/thanks")
    servers.stop()
    local.stop()


def expect_thanks(page: Page) -> None:
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


def test_a_payment_by_keyboard(till: Till, new_page: NewPage) -> None:
    made = till.opens("850.00")
    page = new_page()
    page.goto(made.url)
    expect(page.get_by_role("heading", name="Pay 850.00 USD")).to_be_visible()
    expect(page.get_by_text("Invoice INV-1001")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Visa •••• 4242 works")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Mastercard •••• 4444 works")).to_be_checked()
    page.keyboard.press("Enter")
    expect_thanks(page)
    paid = till.now(made).intent
    assert paid is not None
    assert (paid.status, paid.amount) == (IntentStatus.SUCCEEDED, Money(85_000, "USD"))
    page.goto(made.url)
    expect(page.get_by_role("heading", name="This page was used")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)


def test_a_decline_is_told_and_another_card_authenticated(till: Till, new_page: NewPage) -> None:
    made = till.opens("850.00")
    page = new_page()
    page.goto(made.url)
    page.get_by_label("Visa •••• 9995").check()
    page.get_by_role("button", name="Pay 850.00 USD").click()
    expect(page.get_by_role("alert")).to_have_text("Your card has insufficient funds.")
    page.get_by_label("Visa •••• 3184").check()
    page.get_by_role("button", name="Pay 850.00 USD").click()
    page.get_by_role("button", name="Fail authentication").click()
    expect(page.get_by_role("alert")).to_contain_text("unable to authenticate")
    page.get_by_label("Visa •••• 3184").check()
    page.get_by_role("button", name="Pay 850.00 USD").click()
    page.get_by_role("button", name="Complete authentication").click()
    expect_thanks(page)
    assert till.now(made).status is PageStatus.COMPLETE


def test_a_bank_account_is_saved(till: Till, new_page: NewPage) -> None:
    made = till.opens()
    page = new_page()
    page.goto(made.url)
    expect(page.get_by_role("heading", name="Save a payment method")).to_be_visible()
    page.get_by_role("group", name="ACH direct debit").get_by_label("Stripe Test Bank •••• 6789").check()
    page.get_by_role("button", name="Save").click()
    expect_thanks(page)
    saved = till.now(made).method
    assert saved is not None
    assert (saved.type, saved.brand, saved.last4) == (MethodType.ACH_DEBIT, "STRIPE TEST BANK", "6789")


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_every_state_is_for_everybody(till: Till, new_page: NewPage, width: int) -> None:
    page = new_page(width=width, height=800)

    def looks_right() -> None:
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    for amount, button in (("850.00", "Pay 850.00 USD"), ("", "Save")):
        made = till.opens(amount)
        page.goto(made.url)
        looks_right()
        page.get_by_label("Visa •••• 0002").check()
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("alert")).to_be_visible()
        looks_right()
        page.get_by_label("Visa •••• 3184").check()
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("heading", name="Authenticate with your bank")).to_be_visible()
        looks_right()
        page.get_by_role("button", name="Complete authentication").click()
        expect_thanks(page)
        page.goto(made.url)
        looks_right()


def test_a_page_that_ran_out_says_so(till: Till, new_page: NewPage) -> None:
    made = till.opens("850.00")
    page = new_page()
    page.goto(made.url)
    till.clock.advance(86_400)
    page.get_by_role("button", name="Pay 850.00 USD").click()
    expect(page.get_by_role("heading", name="This page has expired")).to_be_visible()
    assert violations(page) == []
    assert till.now(made).status is PageStatus.EXPIRED
