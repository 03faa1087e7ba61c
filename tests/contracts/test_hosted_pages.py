"""What every `Gateway` has to do about customers and hosted pages: one suite, against the scripted one and the local Stripe."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from plugins.ports import (
    Gateway,
    GatewayRefused,
    HostedPage,
    IntentStatus,
    Method,
    MethodType,
    NoAnswer,
    PageOrder,
    PageStatus,
    RefundOrder,
)
from plugins.rules.money import Money
from tests.contracts.terminals import OURS, Terminal

METADATA = {**OURS, "counterfoil_transaction": "t1"}
CARD_OR_DEBIT = (MethodType.CARD, MethodType.SEPA_DEBIT)


def an_order(
    terminal: Terminal,
    amount: str = "",
    currency: str = "EUR",
    types: tuple[MethodType, ...] = CARD_OR_DEBIT,
    key: str = "page-1",
) -> PageOrder:
    return PageOrder(
        customer="cus_1",
        currency=currency,
        method_types=types,
        expires_on=terminal.clock.now().replace(microsecond=0) + timedelta(hours=23),
        return_url="https://counterfoil.example/thanks",
        metadata=METADATA,
        idempotency_key=key,
        amount=Money.parse(amount, currency) if amount else None,
        description="Invoice INV-1001",
    )


def opened(terminal: Terminal, amount: str = "") -> HostedPage:
    return terminal.gateway.open_page(an_order(terminal, amount), 5)


def now(terminal: Terminal, page: HostedPage) -> HostedPage:
    return terminal.gateway.read_page(page.reference, 5)


# --- Opening ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["", "12.50"])
def test_a_new_page_is_open_and_moves_nothing(terminal: Terminal, amount: str) -> None:
    order = an_order(terminal, amount)
    page = terminal.gateway.open_page(order, 5)
    assert (page.status, page.intent, page.method) == (PageStatus.OPEN, None, None)
    assert (page.expires_on, page.metadata) == (order.expires_on, METADATA)
    assert page.url.startswith("http")
    assert now(terminal, page) == page
    assert terminal.captured() == 0


def test_the_same_order_again_is_the_same_page(terminal: Terminal) -> None:
    order = an_order(terminal, "12.50")
    first = terminal.gateway.open_page(order, 5)
    assert terminal.gateway.open_page(order, 5) == first
    assert terminal.gateway.open_page(replace(order, idempotency_key="page-2"), 5).url != first.url


def test_a_key_is_for_one_order(terminal: Terminal) -> None:
    opened(terminal, "12.50")
    with pytest.raises(GatewayRefused) as refusal:
        opened(terminal, "12.51")
    assert refusal.value.code == "idempotency_error"


@pytest.mark.parametrize("hours", [0, 25])
def test_a_page_is_for_half_an_hour_to_a_day(terminal: Terminal, hours: int) -> None:
    order = replace(an_order(terminal), expires_on=terminal.clock.now() + timedelta(hours=hours))
    with pytest.raises(GatewayRefused):
        terminal.gateway.open_page(order, 5)


def test_a_page_whose_answer_got_lost_is_found_by_ordering_again(terminal: Terminal) -> None:
    terminal.loses_answer("open page")
    with pytest.raises(NoAnswer):
        opened(terminal)
    assert opened(terminal).status is PageStatus.OPEN


# --- Saving a payment method -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["works", "asks"])
def test_a_card_is_saved_for_its_customer(terminal: Terminal, method: str) -> None:
    page = opened(terminal)
    terminal.customer_enters(page, method)
    found = now(terminal, page)
    assert (found.status, found.url, found.intent) == (PageStatus.COMPLETE, "", None)
    saved = its_method(found)
    assert (saved.customer, saved.type, saved.brand) == ("cus_1", MethodType.CARD, "Visa")
    assert len(saved.last4) == 4
    assert len(saved.expiry) == len("12/2030")
    assert saved.fingerprint
    assert terminal.captured() == 0


def test_a_bank_account_is_saved(terminal: Terminal) -> None:
    page = opened(terminal)
    terminal.customer_enters(page, "debit")
    saved = its_method(now(terminal, page))
    assert (saved.type, saved.last4, saved.expiry) == (MethodType.SEPA_DEBIT, "3000", "")


def test_the_same_card_twice_has_one_fingerprint(terminal: Terminal) -> None:
    saved = []
    for key in ("page-1", "page-2"):
        page = terminal.gateway.open_page(an_order(terminal, key=key), 5)
        terminal.customer_enters(page, "works")
        saved.append(its_method(now(terminal, page)))
    assert saved[0].reference != saved[1].reference
    assert saved[0].fingerprint == saved[1].fingerprint


def test_a_card_that_is_refused_can_be_followed_by_another(terminal: Terminal) -> None:
    page = opened(terminal)
    terminal.customer_enters(page, "declines")
    assert (now(terminal, page).status, now(terminal, page).method) == (PageStatus.OPEN, None)
    terminal.customer_enters(page, "works")
    assert now(terminal, page).status is PageStatus.COMPLETE


# --- Paying ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["works", "asks"])
def test_a_payment_is_an_intent_that_succeeded_and_can_be_given_back(terminal: Terminal, method: str) -> None:
    page = opened(terminal, "12.50")
    terminal.customer_enters(page, method)
    found = now(terminal, page)
    assert (found.status, found.method) == (PageStatus.COMPLETE, None)
    assert found.intent is not None
    assert (found.intent.status, found.intent.amount) == (IntentStatus.SUCCEEDED, Money(1250, "EUR"))
    assert (found.intent.metadata, found.intent.method_type) == (METADATA, MethodType.CARD)
    assert terminal.captured() == 1250
    refund = RefundOrder(found.intent.reference, Money(1250, "EUR"), METADATA, "refund-1")
    assert terminal.gateway.refund(refund, 5).amount == Money(1250, "EUR")


def test_a_decline_leaves_the_page_open_for_another_attempt_on_the_same_intent(terminal: Terminal) -> None:
    page = opened(terminal, "12.50")
    terminal.customer_enters(page, "declines")
    declined = now(terminal, page)
    assert declined.status is PageStatus.OPEN
    assert declined.intent is not None
    assert declined.intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert declined.intent.decline is not None
    assert declined.intent.decline.decline_code == "insufficient_funds"
    assert terminal.captured() == 0
    terminal.customer_enters(page, "works")
    paid = now(terminal, page).intent
    assert paid is not None
    assert (paid.reference, paid.status) == (declined.intent.reference, IntentStatus.SUCCEEDED)
    assert terminal.captured() == 1250


@pytest.mark.parametrize(
    ("method", "end", "captured"),
    [
        ("debit", IntentStatus.SUCCEEDED, 1250),
        ("failing debit", IntentStatus.REQUIRES_PAYMENT_METHOD, 0),
    ],
)
def test_a_bank_debit_completes_the_page_and_ends_days_later(
    terminal: Terminal, method: str, end: IntentStatus, captured: int
) -> None:
    page = opened(terminal, "12.50")
    terminal.customer_enters(page, method)
    found = now(terminal, page)
    assert found.status is PageStatus.COMPLETE
    assert found.intent is not None
    assert (found.intent.status, found.intent.method_type) == (
        IntentStatus.PROCESSING,
        MethodType.SEPA_DEBIT,
    )
    terminal.days_pass(10)
    later = now(terminal, page)
    assert later.status is PageStatus.COMPLETE
    assert later.intent is not None
    assert (later.intent.status, terminal.captured()) == (end, captured)


# --- Bank accounts that are verified by small deposits ---------------------------------------------------------------

ACH = (MethodType.CARD, MethodType.ACH_DEBIT)


def test_a_bank_account_is_saved_once_it_is_verified(terminal: Terminal) -> None:
    page = terminal.gateway.open_page(an_order(terminal, types=ACH), 5)
    terminal.customer_enters(page, "unverified")
    waiting = now(terminal, page)
    assert (waiting.status, waiting.method) == (PageStatus.COMPLETE, None)
    terminal.days_pass(10)
    assert its_method(now(terminal, page)).type is MethodType.ACH_DEBIT


def test_a_payment_from_a_bank_account_waits_until_it_is_verified(terminal: Terminal) -> None:
    page = terminal.gateway.open_page(an_order(terminal, "12.50", "USD", ACH), 5)
    terminal.customer_enters(page, "unverified")
    waiting = now(terminal, page)
    assert waiting.intent is not None
    assert (waiting.status, waiting.intent.status) == (PageStatus.COMPLETE, IntentStatus.REQUIRES_ACTION)
    assert terminal.captured() == 0
    for _ in range(2):
        terminal.days_pass(5)
    paid = now(terminal, page).intent
    assert paid is not None
    assert (paid.status, terminal.captured()) == (IntentStatus.SUCCEEDED, 1250)


# --- Ending ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["", "12.50"])
def test_a_page_that_nobody_used_runs_out(terminal: Terminal, amount: str) -> None:
    page = opened(terminal, amount)
    terminal.hours_pass(22)
    assert now(terminal, page).status is PageStatus.OPEN
    terminal.hours_pass(1)
    assert (now(terminal, page).status, now(terminal, page).url) == (PageStatus.EXPIRED, "")


@pytest.mark.parametrize("amount", ["", "12.50"])
def test_a_page_is_closed_once_and_again(terminal: Terminal, amount: str) -> None:
    page = opened(terminal, amount)
    for _ in range(2):
        closed = terminal.gateway.close_page(page.reference, 5)
        assert (closed.status, closed.url) == (PageStatus.EXPIRED, "")
    assert now(terminal, page).status is PageStatus.EXPIRED


@pytest.mark.parametrize("ends", ["closed", "run out"])
def test_a_declined_attempt_ends_with_its_page_and_not_before(terminal: Terminal, ends: str) -> None:
    page = opened(terminal, "12.50")
    terminal.customer_enters(page, "declines")
    attempt = now(terminal, page).intent
    assert attempt is not None
    kept = terminal.gateway.cancel_intent(attempt.reference, 5)
    assert kept.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    if ends == "closed":
        terminal.gateway.close_page(page.reference, 5)
    else:
        terminal.hours_pass(24)
    ended = now(terminal, page)
    assert ended.status is PageStatus.EXPIRED
    assert ended.intent is not None
    assert ended.intent.status is IntentStatus.CANCELED


@pytest.mark.parametrize("method", ["works", "debit"])
def test_a_page_that_was_paid_meanwhile_is_told_instead_of_closed(terminal: Terminal, method: str) -> None:
    page = opened(terminal, "12.50")
    terminal.customer_enters(page, method)
    told = terminal.gateway.close_page(page.reference, 5)
    assert told == now(terminal, page)
    assert told.status is PageStatus.COMPLETE
    assert told.intent is not None


def test_a_page_that_saved_meanwhile_is_told_with_what_it_saved(terminal: Terminal) -> None:
    page = opened(terminal)
    terminal.customer_enters(page, "works")
    assert its_method(terminal.gateway.close_page(page.reference, 5)).last4 == "4242"


# --- Customers -------------------------------------------------------------------------------------------------------


def test_a_customer_is_made_once_under_a_key(gateway: Gateway) -> None:
    made = gateway.create_customer("Proseware Labs", OURS, "customer-1", 5)
    assert made
    assert gateway.create_customer("Proseware Labs", OURS, "customer-1", 5) == made
    assert gateway.create_customer("Proseware Labs", OURS, "customer-2", 5) != made
    with pytest.raises(GatewayRefused) as refusal:
        gateway.create_customer("Fabrikam", OURS, "customer-1", 5)
    assert refusal.value.code == "idempotency_error"


# --- Doubt -----------------------------------------------------------------------------------------------------------


def test_a_page_that_nobody_knows(gateway: Gateway) -> None:
    with pytest.raises(GatewayRefused) as refusal:
        gateway.read_page("cs_unknown", 5)
    assert refusal.value.code == "resource_missing"
    with pytest.raises(NoAnswer):
        gateway.close_page("cs_unknown", 5)


@pytest.mark.parametrize("call", ["open page", "read page", "close page", "create customer"])
@pytest.mark.parametrize("lost", ["request", "answer"])
def test_silence_is_never_a_refusal(terminal: Terminal, call: str, lost: str) -> None:
    page = opened(terminal)
    getattr(terminal, f"loses_{lost}")(call)
    with pytest.raises(NoAnswer):
        asks(terminal, page, 5)[call]()
    closed = (call, lost) == ("close page", "answer")
    assert now(terminal, page).status is (PageStatus.EXPIRED if closed else PageStatus.OPEN)


@pytest.mark.parametrize("call", ["open page", "read page", "close page", "create customer"])
def test_without_time_left_nothing_is_asked(terminal: Terminal, call: str) -> None:
    page = opened(terminal)
    with pytest.raises(NoAnswer):
        asks(terminal, page, 0)[call]()
    assert now(terminal, page).status is PageStatus.OPEN


def asks(terminal: Terminal, page: HostedPage, within: float) -> dict[str, Callable[[], object]]:
    gateway = terminal.gateway
    return {
        "open page": lambda: gateway.open_page(an_order(terminal, key="page-2"), within),
        "read page": lambda: gateway.read_page(page.reference, within),
        "close page": lambda: gateway.close_page(page.reference, within),
        "create customer": lambda: gateway.create_customer("Proseware Labs", {}, "customer-1", within),
    }


def its_method(page: HostedPage) -> Method:
    assert page.method is not None
    return page.method
