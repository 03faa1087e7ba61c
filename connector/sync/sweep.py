"""The sweep: every transaction whose next check has come is looked at again, whatever became of whoever began it."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from plugins.ports import BooksError, BooksUnreachable, GatewayError, Outside
from plugins.rules.ids import TransactionId
from plugins.rules.ledger import Outcome, Transaction
from plugins.settlement import WHOLE, look_again, wrong_environment

PAGE = 50
MOST_PAGES = 40
SILENCES = 3
"""Rows in a row that the CRM gave no answer about end a pass: it is the CRM then, and not the rows."""
EVERY = timedelta(seconds=60)
LOOK_AT_THE_CLOCK = 1.0
"""Seconds of real time; a clock that was moved is noticed this soon."""
ORPHANED_AFTER = timedelta(hours=24)
"""An unconfirmed intent without a row is cancelled this long after it was made: its request may still be tried again."""

_log = structlog.get_logger()


@dataclass
class Counts:
    """What one pass did."""

    looked_at: int = 0
    done: int = 0
    failed: int = 0
    pending: int = 0
    in_trouble: int = 0
    orphans_cancelled: int = 0
    crm_answered: bool = True
    problems: list[str] = field(default_factory=list)


def sweep(outside: Outside) -> Counts:
    """One pass over what is due. Never raises for one row; a CRM that does not answer ends the pass."""
    counts = Counts()
    silent = 0
    unreadable: set[str] = set()
    stuck: set[TransactionId] = set()
    """Still due after they were looked at; what waits behind them comes into view by asking for more."""
    try:
        for _ in range(MOST_PAGES):
            most = PAGE + len(stuck) + len(unreadable)
            page = outside.books.due(outside.clock.now(), most)
            if (wrong := wrong_environment(outside, page.setting)) is not None:
                outside.alerts.alert(wrong.code, wrong.message)
                counts.problems.append(wrong.message)
                break
            _tell_unreadable(outside, set(page.unreadable) - unreadable, counts)
            unreadable |= set(page.unreadable)
            fresh = [each for each in page.transactions if each.id not in stuck]
            for transaction in fresh:
                stuck.add(transaction.id)
                silent = (
                    silent + 1 if isinstance(_look_at(outside, transaction, counts), BooksUnreachable) else 0
                )
                if silent == SILENCES:
                    counts.crm_answered = False
                    counts.problems.append("the CRM does not answer any more")
                    return counts
            if len(page.transactions) + len(page.unreadable) < most or not fresh:
                break
    except BooksError as error:
        counts.crm_answered = False
        counts.problems.append(f"the CRM does not answer: {error}")
    return counts


def cancel_orphans(outside: Outside) -> int:
    """Cancel intents of ours that nobody confirmed for a day and that no row knows. Raises `GatewayError`, `BooksError`."""
    cancelled = 0
    for intent in outside.gateway.unconfirmed_intents(outside.clock.now() - ORPHANED_AFTER):
        if outside.books.transaction_of(intent.reference) is None:
            outside.gateway.cancel_intent(intent.reference, 15.0)
            cancelled += 1
    return cancelled


def _tell_unreadable(outside: Outside, problems: Iterable[str], counts: Counts) -> None:
    for problem in sorted(problems):
        counts.in_trouble += 1
        outside.alerts.alert(
            "transaction_in_trouble", f"A transaction cannot be read ({problem}). A person has to look."
        )


def _look_at(outside: Outside, transaction: Transaction, counts: Counts) -> Exception | None:
    """What went wrong with this row, if anything did."""
    if outside.traffic.is_in_hand(transaction.gateway_reference):
        return None
    counts.looked_at += 1
    try:
        with outside.traffic.in_hand(transaction.gateway_reference):
            answer = look_again(outside, transaction, outside.clock.now() + WHOLE)
    except Exception as error:
        # Whatever it is about this row, those behind it are looked at too.
        if not isinstance(error, BooksError | GatewayError):
            _log.exception("a transaction broke the sweep", transaction=str(transaction.id))
        counts.in_trouble += 1
        outside.alerts.alert(
            "transaction_in_trouble",
            f"A transaction could not be looked at again ({error}); the next sweep tries once more.",
            transaction=str(transaction.id),
        )
        return error
    counts.done += answer.outcome is Outcome.DONE
    counts.failed += answer.outcome is Outcome.FAILED
    counts.pending += answer.outcome is Outcome.PENDING
    return None


class SweepThread:
    """Sweeps in the background, and once a day cancels orphans. Losing it loses nothing: the rows say what is due."""

    def __init__(self, outside: Outside, before: Callable[[], None] = lambda: None) -> None:
        """`before` runs ahead of each pass; it may raise what a pass may raise."""
        self._outside = outside
        self._before = before
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._next = self._orphans = datetime.min.replace(tzinfo=UTC)
        self.last: Counts | None = None
        self.last_on: datetime | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._thread.start()

    def stop(self, within: float = 5.0) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(within)

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            now = self._outside.clock.now()
            if now >= self._next or self._next - now > EVERY:  # the clock may also have been moved back
                self._next = now + EVERY
                self._pass(now)
            self._stop.wait(LOOK_AT_THE_CLOCK)

    def _pass(self, now: datetime) -> None:
        try:
            self._before()
            self.last = sweep(self._outside)
            self.last_on = now
            if now >= self._orphans:
                self._orphans = now + timedelta(days=1)
                cancel_orphans(self._outside)
        except (BooksError, GatewayError) as error:
            _log.warning("sweep ended early", error=str(error))
        except Exception:
            # Whatever it was, the next pass has to come: a Pending row is never left alone.
            _log.exception("sweep failed")
