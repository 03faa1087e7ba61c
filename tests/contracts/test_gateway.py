"""What every `Gateway` has to do: one suite, run against the scripted gateway and against the local Stripe."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from plugins.ports import (
    Gateway,
    GatewayRefused,
    Intent,
    IntentOrder,
    IntentStatus,
    MethodType,
    NoAnswer,
    RefundOrder,
    RefundStatus,
)
from plugins.rules.money import Money
from plugins.verdicts import Verdict, verdict, verdict_on_refund
from tests.contracts.terminals import OURS, Terminal


def an_order(method: str = "works", amount: str = "12.50", currency: str = "", key: str = "intent-1") -> IntentOrder:  # fmt: skip
    is_debit = "debit" in method
    return IntentOrder(
        amount=Money.parse(amount, currency or ("EUR" if is_debit else "USD")),
        customer="cus_1",
        method=method,
        method_type=MethodType.SEPA_DEBIT if is_debit else MethodType.CARD,
        description="Invoice INV-1001",
        metadata={**OURS, "counterfoil_transaction": "t1"},
        idempotency_key=key,
    )


def confirmed(gateway: Gateway, method: str = "works") -> Intent:
    made = gateway.create_intent(an_order(method), 5)
    return gateway.confirm_intent(made.reference, "confirm-1", 5)


# --- Creating --------------------------------------------------------------------------------------------------------


def test_a_new_intent_waits_to_be_confirmed_and_moves_nothing(terminal: Terminal) -> None:
    intent = terminal.gateway.create_intent(an_order(), 5)
    assert (intent.status, intent.amount, intent.decline) == (IntentStatus.REQUIRES_CONFIRMATION, Money(1250, "USD"), None)  # fmt: skip
    assert intent.metadata == {**OURS, "counterfoil_transaction": "t1"}
    assert intent.created_on is not None
    assert abs(intent.created_on - terminal.clock.now()) < timedelta(seconds=2)
    assert verdict(intent) is Verdict.UNCONFIRMED
    assert terminal.gateway.read_intent(intent.reference, 5) == intent
    assert terminal.captured() == 0


def test_the_same_order_again_is_the_same_intent(gateway: Gateway) -> None:
    first = gateway.create_intent(an_order(), 5)
    assert gateway.create_intent(an_order(), 5).reference == first.reference
    assert gateway.create_intent(an_order(key="intent-2"), 5).reference != first.reference


def test_a_key_is_for_one_order(gateway: Gateway) -> None:
    gateway.create_intent(an_order(), 5)
    with pytest.raises(GatewayRefused) as refusal:
        gateway.create_intent(an_order(amount="12.51"), 5)
    assert refusal.value.code == "idempotency_error"


def test_an_order_whose_answer_got_lost_is_found_by_ordering_again(terminal: Terminal) -> None:
    terminal.loses_answer("create")
    with pytest.raises(NoAnswer):
        terminal.gateway.create_intent(an_order(), 5)
    again = terminal.gateway.create_intent(an_order(), 5)
    terminal.days_pass(1)
    later = terminal.clock.now() + timedelta(days=1)
    assert [each.reference for each in terminal.gateway.unconfirmed_intents(later)] == [again.reference]


# --- Confirming ------------------------------------------------------------------------------------------------------


def test_a_card_that_works(terminal: Terminal) -> None:
    intent = confirmed(terminal.gateway)
    assert (intent.status, intent.decline, terminal.captured()) == (IntentStatus.SUCCEEDED, None, 1250)
    assert terminal.gateway.read_intent(intent.reference, 5).status is IntentStatus.SUCCEEDED


@pytest.mark.parametrize("key", ["confirm-1", "another-key"])
def test_confirming_twice_moves_money_once(terminal: Terminal, key: str) -> None:
    first = confirmed(terminal.gateway)
    again = terminal.gateway.confirm_intent(first.reference, key, 5)
    assert (again.status, terminal.captured()) == (IntentStatus.SUCCEEDED, 1250)


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("declines", "card_declined", "insufficient_funds"),
        ("asks", "authentication_required", "authentication_required"),
    ],
)
def test_a_decline_is_an_intent_that_says_why(terminal: Terminal, method: str, code: str, decline_code: str) -> None:  # fmt: skip
    intent = confirmed(terminal.gateway, method)
    assert verdict(intent) is Verdict.DECLINED
    assert intent.decline is not None
    assert (intent.decline.code, intent.decline.decline_code) == (code, decline_code)
    assert terminal.gateway.read_intent(intent.reference, 5).decline == intent.decline
    assert terminal.captured() == 0


@pytest.mark.parametrize("method", ["declines", "asks"])
def test_the_same_confirmation_of_a_declined_one_tells_the_decline_again(gateway: Gateway, method: str) -> None:  # fmt: skip
    first = confirmed(gateway, method)
    again = gateway.confirm_intent(first.reference, "confirm-1", 5)
    assert verdict(again) is Verdict.DECLINED
    assert again.decline == first.decline


@pytest.mark.parametrize("method", ["works", "declines"])
def test_a_confirmation_whose_answer_got_lost_was_carried_out(terminal: Terminal, method: str) -> None:
    intent = terminal.gateway.create_intent(an_order(method), 5)
    terminal.loses_answer("confirm")
    with pytest.raises(NoAnswer):
        terminal.gateway.confirm_intent(intent.reference, "confirm-1", 5)
    found = terminal.gateway.read_intent(intent.reference, 5)
    assert verdict(found) is (Verdict.SUCCEEDED if method == "works" else Verdict.DECLINED)


def test_a_confirmation_that_never_arrived_was_not(terminal: Terminal) -> None:
    intent = terminal.gateway.create_intent(an_order(), 5)
    terminal.loses_request("confirm")
    with pytest.raises(NoAnswer):
        terminal.gateway.confirm_intent(intent.reference, "confirm-1", 5)
    assert verdict(terminal.gateway.read_intent(intent.reference, 5)) is Verdict.UNCONFIRMED
    assert terminal.captured() == 0


def test_a_cancelled_one_cannot_be_confirmed_any_more(terminal: Terminal) -> None:
    """What fences off a process that was frozen and wakes up late."""
    intent = terminal.gateway.create_intent(an_order(), 5)
    terminal.gateway.cancel_intent(intent.reference, 5)
    late = terminal.gateway.confirm_intent(intent.reference, "confirm-1", 5)
    assert (late.status, terminal.captured()) == (IntentStatus.CANCELED, 0)


# --- Bank debits -----------------------------------------------------------------------------------------------------


def test_a_debit_is_under_way_for_days_and_then_clears(terminal: Terminal) -> None:
    intent = confirmed(terminal.gateway, "debit")
    assert (verdict(intent), terminal.captured()) == (Verdict.PROCESSING, 0)
    terminal.days_pass(10)
    assert terminal.gateway.read_intent(intent.reference, 5).status is IntentStatus.SUCCEEDED
    assert terminal.captured() == 1250


def test_a_debit_that_fails_days_later_says_why(terminal: Terminal) -> None:
    intent = confirmed(terminal.gateway, "failing debit")
    terminal.days_pass(10)
    found = terminal.gateway.read_intent(intent.reference, 5)
    assert verdict(found) is Verdict.DECLINED
    assert found.decline is not None
    assert found.decline.code == "payment_method_provider_decline"


# --- Cancelling ------------------------------------------------------------------------------------------------------


def test_what_was_not_confirmed_can_be_cancelled_once_and_again(gateway: Gateway) -> None:
    intent = gateway.create_intent(an_order(), 5)
    assert [gateway.cancel_intent(intent.reference, 5).status for _ in range(2)] == [IntentStatus.CANCELED] * 2  # fmt: skip


def test_a_declined_one_is_cancelled_and_still_says_why(gateway: Gateway) -> None:
    intent = confirmed(gateway, "declines")
    cancelled = gateway.cancel_intent(intent.reference, 5)
    assert cancelled.status is IntentStatus.CANCELED
    assert cancelled.decline == intent.decline


def test_what_succeeded_stays_so(terminal: Terminal) -> None:
    intent = confirmed(terminal.gateway)
    assert terminal.gateway.cancel_intent(intent.reference, 5).status is IntentStatus.SUCCEEDED
    assert terminal.captured() == 1250


# --- Doubt -----------------------------------------------------------------------------------------------------------


def test_an_intent_that_nobody_knows(gateway: Gateway) -> None:
    with pytest.raises(GatewayRefused) as refusal:
        gateway.read_intent("pi_unknown", 5)
    assert refusal.value.code == "resource_missing"
    with pytest.raises(NoAnswer):
        gateway.confirm_intent("pi_unknown", "confirm-1", 5)
    with pytest.raises(NoAnswer):
        gateway.cancel_intent("pi_unknown", 5)


def test_without_time_left_nothing_is_asked(terminal: Terminal) -> None:
    intent = terminal.gateway.create_intent(an_order(), 5)
    asks: list[Callable[[], Intent]] = [
        lambda: terminal.gateway.create_intent(an_order(key="intent-2"), 0),
        lambda: terminal.gateway.confirm_intent(intent.reference, "confirm-1", 0),
        lambda: terminal.gateway.read_intent(intent.reference, -1),
        lambda: terminal.gateway.cancel_intent(intent.reference, 0),
    ]
    for ask in asks:
        with pytest.raises(NoAnswer):
            ask()
    assert verdict(terminal.gateway.read_intent(intent.reference, 5)) is Verdict.UNCONFIRMED


@pytest.mark.parametrize("call", ["create", "confirm", "read", "cancel"])
@pytest.mark.parametrize("lost", ["request", "answer"])
def test_silence_is_never_a_refusal(terminal: Terminal, call: str, lost: str) -> None:
    gateway = terminal.gateway
    intent = gateway.create_intent(an_order(), 5)
    getattr(terminal, f"loses_{lost}")(call)
    asks = {
        "create": lambda: gateway.create_intent(an_order(key="intent-2"), 5),
        "confirm": lambda: gateway.confirm_intent(intent.reference, "confirm-1", 5),
        "read": lambda: gateway.read_intent(intent.reference, 5),
        "cancel": lambda: gateway.cancel_intent(intent.reference, 5),
    }
    with pytest.raises(NoAnswer):
        asks[call]()


# --- Refunds -----------------------------------------------------------------------------------------------------------


def a_refund(intent: str, amount: str = "5.00", key: str = "refund-1") -> RefundOrder:
    return RefundOrder(
        intent,
        Money.parse(amount, "USD"),
        {**OURS, "counterfoil_transaction": key.replace("refund", "t")},
        key,
    )


def test_a_refund_is_made_once_under_its_key_and_found_by_its_id_and_by_its_intent(gateway: Gateway) -> None:
    intent = confirmed(gateway)
    made = gateway.refund(a_refund(intent.reference), 5)
    assert (made.status, made.amount, made.intent, made.reason) == (
        RefundStatus.SUCCEEDED,
        Money(500, "USD"),
        intent.reference,
        "",
    )
    assert made.metadata == {**OURS, "counterfoil_transaction": "t-1"}
    assert gateway.refund(a_refund(intent.reference), 5) == made
    assert gateway.read_refund(made.reference, 5) == made
    other = gateway.refund(a_refund(intent.reference, key="refund-2"), 5)
    assert {each.reference for each in gateway.refunds_of(intent.reference, 5)} == {
        made.reference,
        other.reference,
    }
    another = gateway.confirm_intent(
        gateway.create_intent(an_order(key="intent-2"), 5).reference, "confirm-2", 5
    )
    assert list(gateway.refunds_of(another.reference, 5)) == []


def test_a_key_is_for_one_refund_and_another_under_it_tells_nothing(terminal: Terminal) -> None:
    """There may be a refund under that key, so its refusal is not certain."""
    intent = confirmed(terminal.gateway)
    terminal.gateway.refund(a_refund(intent.reference), 5)
    with pytest.raises(NoAnswer):
        terminal.gateway.refund(a_refund(intent.reference, "5.01"), 5)
    assert len(terminal.gateway.refunds_of(intent.reference, 5)) == 1


@pytest.mark.parametrize(("amount", "rest"), [("12.51", ""), ("7.51", "5.00"), ("12.50", "12.50")])
def test_never_more_than_was_charged(gateway: Gateway, amount: str, rest: str) -> None:
    intent = confirmed(gateway)
    if rest:
        gateway.refund(a_refund(intent.reference, rest, key="refund-0"), 5)
    with pytest.raises(GatewayRefused):
        gateway.refund(a_refund(intent.reference, amount), 5)
    assert len(gateway.refunds_of(intent.reference, 5)) == bool(rest)


def test_what_was_not_charged_is_not_refunded(gateway: Gateway) -> None:
    intent = gateway.create_intent(an_order(), 5)
    with pytest.raises(GatewayRefused):
        gateway.refund(a_refund(intent.reference), 5)


def test_a_refund_that_ends_days_later(terminal: Terminal) -> None:
    intent = confirmed(terminal.gateway, "refunds later")
    made = terminal.gateway.refund(a_refund(intent.reference), 5)
    assert verdict_on_refund(made) is Verdict.PROCESSING
    terminal.days_pass(10)
    assert terminal.gateway.read_refund(made.reference, 5).status is RefundStatus.SUCCEEDED


def test_a_refund_that_fails_after_it_succeeded_says_why(terminal: Terminal) -> None:
    intent = confirmed(terminal.gateway, "refunds fail")
    made = terminal.gateway.refund(a_refund(intent.reference), 5)
    assert verdict_on_refund(made) is Verdict.SUCCEEDED
    terminal.days_pass(10)
    found = terminal.gateway.read_refund(made.reference, 5)
    assert (found.status, found.reason) == (RefundStatus.FAILED, "expired_or_canceled_card")
    again = terminal.gateway.refund(a_refund(intent.reference, "12.50", key="refund-2"), 5)
    assert again.amount == Money(1250, "USD"), "the money is there again"


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_refund_whose_answer_got_lost_is_made_by_asking_again(terminal: Terminal, lost: str) -> None:
    intent = confirmed(terminal.gateway)
    getattr(terminal, f"loses_{lost}")("refund")
    with pytest.raises(NoAnswer):
        terminal.gateway.refund(a_refund(intent.reference), 5)
    assert len(terminal.gateway.refunds_of(intent.reference, 5)) == (lost == "answer")
    terminal.gateway.refund(a_refund(intent.reference), 5)
    assert len(terminal.gateway.refunds_of(intent.reference, 5)) == 1


@pytest.mark.parametrize("call", ["read refund", "list refunds"])
@pytest.mark.parametrize("lost", ["request", "answer"])
def test_silence_about_a_refund_is_never_a_refusal(terminal: Terminal, call: str, lost: str) -> None:
    gateway = terminal.gateway
    intent = confirmed(gateway)
    made = gateway.refund(a_refund(intent.reference), 5)
    getattr(terminal, f"loses_{lost}")(call)
    asks: dict[str, Callable[[], object]] = {
        "read refund": lambda: gateway.read_refund(made.reference, 5),
        "list refunds": lambda: gateway.refunds_of(intent.reference, 5),
    }
    with pytest.raises(NoAnswer):
        asks[call]()


def test_a_refund_that_nobody_knows(gateway: Gateway) -> None:
    with pytest.raises(GatewayRefused) as refusal:
        gateway.read_refund("re_unknown", 5)
    assert refusal.value.code == "resource_missing"


def test_without_time_left_no_refund_is_asked_for(gateway: Gateway) -> None:
    intent = confirmed(gateway)
    asks: list[Callable[[], object]] = [
        lambda: gateway.refund(a_refund(intent.reference), 0),
        lambda: gateway.read_refund("re_1", 0),
        lambda: gateway.refunds_of(intent.reference, -1),
    ]
    for ask in asks:
        with pytest.raises(NoAnswer):
            ask()
    assert list(gateway.refunds_of(intent.reference, 5)) == []


# --- What was left behind, and what can be charged ---------------------------------------------------------------------


def test_unconfirmed_intents_of_ours_are_found_by_their_age(terminal: Terminal) -> None:
    gateway = terminal.gateway
    old = gateway.create_intent(an_order(key="old"), 5)
    done = gateway.create_intent(an_order(key="done"), 5)
    gateway.confirm_intent(done.reference, "confirm-done", 5)
    gone = gateway.create_intent(an_order(key="gone"), 5)
    gateway.cancel_intent(gone.reference, 5)
    gateway.create_intent(replace(an_order(key="theirs"), metadata={"counterfoil_organization": "another"}), 5)  # fmt: skip
    gateway.create_intent(replace(an_order(key="not ours at all"), metadata={}), 5)
    terminal.days_pass(1)
    yesterday = terminal.clock.now() - timedelta(hours=12)
    young = gateway.create_intent(an_order(key="young"), 5)

    assert [each.reference for each in gateway.unconfirmed_intents(yesterday)] == [old.reference]
    later = terminal.clock.now() + timedelta(minutes=1)
    assert {each.reference for each in gateway.unconfirmed_intents(later)} == {old.reference, young.reference}


@pytest.mark.parametrize(
    ("currency", "smallest"),
    [("USD", Money(50, "USD")), ("GBP", Money(30, "GBP")), ("JPY", Money(50, "JPY")), ("KWD", None)],
)
def test_the_smallest_charge_of_a_currency(gateway: Gateway, currency: str, smallest: Money | None) -> None:
    assert gateway.minimum(currency) == smallest


@pytest.mark.parametrize(("amount", "currency", "minor"), [("12500", "JPY", 12500), ("0.50", "EUR", 50), ("1234567.89", "USD", 123456789)])  # fmt: skip
def test_an_amount_arrives_as_it_was_sent(gateway: Gateway, amount: str, currency: str, minor: int) -> None:
    intent = gateway.create_intent(an_order(amount=amount, currency=currency), 5)
    assert intent.amount == Money(minor, currency)
    assert gateway.read_intent(intent.reference, 5).amount == intent.amount


def test_no_real_money(gateway: Gateway) -> None:
    assert gateway.live is False
    assert confirmed(gateway).live is False
