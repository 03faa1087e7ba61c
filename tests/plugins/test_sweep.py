"""The sweep: what is due is looked at, whatever became of whoever began it; and what nobody wants any more is cancelled."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.sync.sweep import PAGE, SILENCES, SweepThread, cancel_orphans, sweep
from plugins.ports import BooksUnreachable, IntentStatus, NoAnswer
from plugins.rules.ids import LedgerId
from plugins.rules.ledger import InvoiceStatus, Outcome, Transaction, TransactionStatus
from plugins.rules.setup import GatewayMode
from tests.builders import Office, a_setting, a_transaction, an_invoice, named, usd
from tests.crashes.wire import Killed
from tests.fakes.books import unreachable
from tests.fakes.gateway import no_answer


@pytest.fixture
def office() -> Office:
    return Office()


def left_behind(office: Office, count: int) -> None:
    """That many charges of 10.00, each of an invoice of its own, whose process died before it confirmed."""
    office.has(*(an_invoice("10.00", f"INV-{number}") for number in range(count)))

    def die(name: str) -> None:
        if name == "confirm":
            raise Killed

    office.gateway.before = die
    for number in range(count):
        with pytest.raises(Killed):
            office.charge(f"INV-{number}", "10.00", key=f"died-{number:04}")
    office.gateway.before = lambda _: None


def test_nothing_due_is_one_call(office: Office) -> None:
    office.has(an_invoice())
    office.charge("INV-1", "10.00")
    office.books.calls.clear()
    counts = sweep(office.outside)
    assert (counts.looked_at, counts.problems) == (0, [])
    assert office.books.calls == ["due"]


def test_it_counts_what_became_of_what(office: Office) -> None:
    left_behind(office, 3)
    office.gateway.become("pi_0000", IntentStatus.SUCCEEDED)
    office.gateway.become("pi_0001", IntentStatus.CANCELED)
    office.gateway.become("pi_0002", IntentStatus.PROCESSING)
    office.clock.advance(minutes=2)
    counts = sweep(office.outside)
    assert (counts.looked_at, counts.done, counts.failed, counts.pending) == (3, 1, 1, 1)


def test_more_than_a_page_is_done_in_one_pass(office: Office) -> None:
    left_behind(office, PAGE + 7)
    office.clock.advance(minutes=2)
    assert sweep(office.outside).done == PAGE + 7
    assert office.gateway.captured() == (PAGE + 7) * 10_00


def test_rows_in_trouble_do_not_keep_it_from_those_behind_them(office: Office) -> None:
    """More than a page of rows whose billing account somebody deleted."""
    office.has(an_invoice("100.00", "INV-LOST"))
    gone = LedgerId(named("a billing account that is gone"))
    for number in range(PAGE + 3):
        due = office.clock.now()
        office.books.add(a_transaction("1.00", f"lost {number}", "INV-LOST", ledger=gone, next_check_on=due))
    left_behind(office, 2)
    office.clock.advance(minutes=2)

    counts = sweep(office.outside)
    assert (counts.in_trouble, counts.done) == (PAGE + 3, 2)
    assert set(office.alerts.codes) == {"transaction_in_trouble"}


def test_a_row_that_breaks_the_code_does_not_keep_it_from_the_others(office: Office) -> None:
    left_behind(office, 2)
    seen: list[str] = []

    def breaks(name: str) -> None:
        seen.append(name)
        if seen == ["read"]:
            raise ZeroDivisionError

    office.gateway.before = breaks
    office.clock.advance(minutes=2)
    counts = sweep(office.outside)
    assert (counts.in_trouble, counts.done) == (1, 1)
    assert sweep(office.outside).done == 1


def test_one_row_that_the_crm_does_not_answer_about_is_one_row(office: Office) -> None:
    left_behind(office, 3)
    office.clock.advance(minutes=2)
    office.books.before = unreachable("for_settlement")
    counts = sweep(office.outside)
    assert (counts.in_trouble, counts.done, counts.problems) == (1, 2, [])


def test_a_crm_that_does_not_answer_any_more_ends_the_pass(office: Office) -> None:
    left_behind(office, 10)
    office.clock.advance(minutes=2)
    office.books.before = unreachable("for_settlement", times=1000)
    counts = sweep(office.outside)
    assert (counts.looked_at, counts.problems) == (SILENCES, ["the CRM does not answer any more"])
    office.books.before = lambda _: None
    assert sweep(office.outside).done == 10


def test_what_this_process_is_at_work_on_is_left_alone(office: Office) -> None:
    left_behind(office, 2)
    office.clock.advance(minutes=2)
    with office.traffic.in_hand("pi_0000"):
        assert sweep(office.outside).looked_at == 1
    assert sweep(office.outside).looked_at == 1


@pytest.mark.parametrize(
    "setting",
    [a_setting(organization="0c000000-0000-4000-8000-00000000000c"), a_setting(mode=GatewayMode.LIVE)],
    ids=["another organisation", "live mode"],
)
def test_a_copy_of_another_environment_is_not_swept(office: Office, setting: object) -> None:
    left_behind(office, 2)
    office.clock.advance(hours=2)
    office.books.add(setting)  # type: ignore[arg-type]  # a Setting
    before = dict(office.books.rows)
    office.gateway.calls.clear()

    counts = sweep(office.outside)
    assert (counts.looked_at, len(counts.problems)) == (0, 1)
    assert office.alerts.codes == ["wrong_environment"]
    assert (office.books.rows, office.gateway.calls) == (before, [])


def test_a_pending_row_without_a_next_check_is_due(office: Office) -> None:
    left_behind(office, 1)
    (row,) = office.transactions()
    office.books.add(replace(row, next_check_on=None))
    assert sweep(office.outside).done == 1


def test_two_sweeps_at_once_settle_once(office: Office) -> None:
    """Another process settles between this one's look and its write."""
    left_behind(office, 1)
    office.clock.advance(minutes=2)
    elsewhere = replace(office.outside, traffic=Office(office.clock).traffic)

    def other(name: str) -> None:
        if name == "commit":
            office.books.before = lambda _: None
            assert sweep(elsewhere).done == 1

    office.books.before = other
    assert sweep(office.outside).done == 1
    assert len(office.payments()) == 1
    assert office.shown("INV-0").status is InvoiceStatus.COMPLETE


# --- Orphans: intents that no row knows ------------------------------------------------------------------------------------


def test_an_intent_that_no_row_knows_is_cancelled_after_a_day(office: Office) -> None:
    left_behind(office, 2)  # these have rows
    office.has(an_invoice("10.00", "INV-ORPHAN"))
    with pytest.raises(Killed):
        _dies_after_create(office)
    office.clock.advance(hours=25)
    assert cancel_orphans(office.outside) == 1
    statuses = [each.status for each in office.gateway.intents.values()]
    assert statuses == [IntentStatus.REQUIRES_CONFIRMATION] * 2 + [IntentStatus.CANCELED]


def _dies_after_create(office: Office) -> None:
    def die(name: str) -> None:
        if name == "create":
            raise Killed

    office.gateway.after = die
    try:
        office.charge("INV-ORPHAN", "10.00", key="an-orphan")
    finally:
        office.gateway.after = lambda _: None


def test_an_intent_of_which_the_crm_says_nothing_is_left_alone(office: Office) -> None:
    office.has(an_invoice("10.00", "INV-ORPHAN"))
    with pytest.raises(Killed):
        _dies_after_create(office)
    office.clock.advance(hours=25)
    office.books.before = unreachable("transaction_of")
    with pytest.raises(BooksUnreachable):
        cancel_orphans(office.outside)
    assert office.gateway.intents["pi_0000"].status is IntentStatus.REQUIRES_CONFIRMATION


# --- In the background ------------------------------------------------------------------------------------------------------


def until(happened: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(500):
        if happened():
            return
        waiting.wait(0.01)
    raise AssertionError("it never happened")


def test_the_thread_sweeps_at_once_and_stops_when_it_is_told(office: Office) -> None:
    left_behind(office, 1)
    office.clock.advance(minutes=2)
    thread = SweepThread(office.outside)
    life = [thread.alive]
    thread.start()
    until(lambda: thread.last is not None)
    life.append(thread.alive)
    thread.stop()
    assert [*life, thread.alive] == [False, True, False]
    assert thread.last is not None
    assert (thread.last.done, thread.last_on) == (1, office.clock.now())


@pytest.mark.parametrize("trouble", [BooksUnreachable("down"), NoAnswer("down"), ZeroDivisionError()])
def test_the_thread_outlives_whatever_goes_wrong(office: Office, trouble: Exception) -> None:
    left_behind(office, 1)
    passes: list[int] = []

    def before() -> None:
        passes.append(1)
        if len(passes) == 1:
            raise trouble

    thread = SweepThread(office.outside, before)
    thread.start()
    until(lambda: bool(passes))
    office.clock.advance(minutes=2)  # it looks at the clock each second
    until(lambda: thread.last is not None)
    thread.stop()
    assert thread.last is not None
    assert thread.last.done == 1


def test_the_thread_cancels_orphans_once_a_day(office: Office) -> None:
    office.has(an_invoice("10.00", "INV-ORPHAN"))
    with pytest.raises(Killed):
        _dies_after_create(office)
    office.clock.advance(hours=25)
    thread = SweepThread(office.outside)
    thread._pass(office.clock.now())
    assert office.gateway.intents["pi_0000"].status is IntentStatus.CANCELED
    office.gateway.before = no_answer("cancel")
    thread._pass(office.clock.now() + timedelta(minutes=1))  # nothing is asked again today


def test_what_is_done_is_what_is_written(office: Office) -> None:
    left_behind(office, 1)
    office.clock.advance(minutes=2)
    sweep(office.outside)
    (row,) = office.transactions()
    assert isinstance(row, Transaction)
    assert (row.status, row.next_check_on) == (TransactionStatus.SUCCEEDED, None)
    (request,) = office.requests()
    assert (request.outcome, request.code) == (Outcome.DONE, "succeeded")
    assert office.shown("INV-0").amount_charged == usd("10.00")
