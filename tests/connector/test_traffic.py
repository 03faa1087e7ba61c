"""Who is at work on what inside one process: turns on a ledger, intents in hand, and which events are news."""

import threading
from datetime import timedelta

import pytest

from connector.traffic import REMEMBERED, ProcessTraffic
from tests.builders import named
from tests.fakes.clock import ManualClock

FABRIKAM, TAILSPIN = named("ledger of Fabrikam"), named("ledger of Tailspin")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def traffic(clock: ManualClock) -> ProcessTraffic:
    return ProcessTraffic(clock)


# --- Turns -------------------------------------------------------------------------------------------------------------


def test_one_at_a_time_on_a_ledger(traffic: ProcessTraffic, clock: ManualClock) -> None:
    until, at_work, most = clock.now() + timedelta(seconds=30), [0], [0]
    here = threading.Event()

    def work() -> None:
        with traffic.turn(FABRIKAM, until):
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            here.wait(0.005)
            at_work[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(5)
    assert most == [1]
    assert traffic._turns == {}, "nothing is kept of a ledger that nobody waits for"


def test_whoever_has_to_wait_is_told(traffic: ProcessTraffic, clock: ManualClock) -> None:
    until, waited = clock.now() + timedelta(seconds=30), []
    here = threading.Event()

    def second() -> None:
        here.set()
        with traffic.turn(FABRIKAM, until) as stood_in_line:
            waited.append(stood_in_line)

    with traffic.turn(FABRIKAM, until) as first:
        waited.append(first)
        thread = threading.Thread(target=second)
        thread.start()
        here.wait(5)
        threading.Event().wait(0.02)
    thread.join(5)
    assert waited == [False, True]


def test_ledgers_do_not_wait_for_each_other(traffic: ProcessTraffic, clock: ManualClock) -> None:
    until = clock.now() + timedelta(seconds=30)
    with traffic.turn(FABRIKAM, until):
        passed = threading.Event()

        def other() -> None:
            with traffic.turn(TAILSPIN, until):
                passed.set()

        threading.Thread(target=other).start()
        assert passed.wait(5)


@pytest.mark.parametrize("patience", [0.02, 0.0, -5.0])
def test_whoever_waited_long_enough_goes_ahead_without_a_turn(
    traffic: ProcessTraffic, clock: ManualClock, patience: float
) -> None:
    """It is a courtesy: the ETag is the lock."""
    with traffic.turn(FABRIKAM, clock.now() + timedelta(seconds=30)):
        went = threading.Event()

        def impatient() -> None:
            with traffic.turn(FABRIKAM, clock.now() + timedelta(seconds=patience)):
                went.set()

        threading.Thread(target=impatient).start()
        assert went.wait(5)
    with traffic.turn(FABRIKAM, clock.now()):
        pass  # and the turn that was not given was not given back either


def test_a_turn_ends_with_an_error_too(traffic: ProcessTraffic, clock: ManualClock) -> None:
    until = clock.now() + timedelta(seconds=30)
    with pytest.raises(ZeroDivisionError), traffic.turn(FABRIKAM, until):
        raise ZeroDivisionError
    with traffic.turn(FABRIKAM, until):
        assert list(traffic._turns) == [FABRIKAM]


# --- In hand -----------------------------------------------------------------------------------------------------------


def test_an_intent_is_in_hand_until_the_last_who_holds_it_lets_go(traffic: ProcessTraffic) -> None:
    held = []
    with traffic.in_hand("pi_1"):
        with traffic.in_hand("pi_1"):
            held.append(traffic.is_in_hand("pi_1"))
        held.append(traffic.is_in_hand("pi_1"))
        held.append(traffic.is_in_hand("pi_2"))
    held.append(traffic.is_in_hand("pi_1"))
    assert held == [True, True, False, False]


def test_an_error_lets_go(traffic: ProcessTraffic) -> None:
    with pytest.raises(ZeroDivisionError), traffic.in_hand("pi_1"):
        raise ZeroDivisionError
    assert not traffic.is_in_hand("pi_1")


# --- News --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "event_succeeded", "news"),
    [
        ("nothing", True, True),
        ("nothing", False, True),
        ("in hand", True, False),  # its row has a next check
        ("in hand", False, False),
        ("succeeded", True, False),  # the second delivery
        ("succeeded", False, False),
        ("failed", False, False),
        ("failed", True, True),  # a success wins over anything
    ],
)
def test_which_events_are_worth_a_look(
    traffic: ProcessTraffic, known: str, event_succeeded: bool, news: bool
) -> None:
    match known:
        case "in hand":
            with traffic.in_hand("pi_1"):
                assert traffic.is_news("pi_1", succeeded=event_succeeded) is news
            return
        case "succeeded" | "failed":
            traffic.ended("pi_1", succeeded=known == "succeeded")
        case _:
            traffic.ended("pi_2", succeeded=True)
    assert traffic.is_news("pi_1", succeeded=event_succeeded) is news


def test_only_so_many_ends_are_remembered(traffic: ProcessTraffic) -> None:
    traffic.ended("pi_first", succeeded=True)
    for number in range(REMEMBERED - 1):
        traffic.ended(f"pi_{number}", succeeded=True)
    traffic.ended("pi_first", succeeded=True)  # again, so the oldest is another one
    traffic.ended("pi_last", succeeded=True)
    assert len(traffic._ended) == REMEMBERED
    assert not traffic.is_news("pi_first", succeeded=True)
    assert traffic.is_news("pi_0", succeeded=True)


def test_a_pause_grows_and_stays_short(clock: ManualClock) -> None:
    waits: list[float] = []
    traffic = ProcessTraffic(clock, waits.append)
    for attempt in (1, 5, 10, 500):
        for _ in range(20):
            traffic.pause(attempt)
    first, *_, last = waits[:20], waits[20:40], waits[40:60], waits[60:]
    assert all(0.02 <= each <= 0.1 for each in first)
    assert all(0.2 <= each <= 1.0 for each in last)
    assert len(set(first)) > 1, "two who clash do not clash again"
