"""The sweep: every transaction whose next check has come is looked at again, whatever became of whoever began it."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from plugins import profiles, sending_links
from plugins.carrying_on import carry_on
from plugins.committing import show_owed
from plugins.looking_again import look_again
from plugins.ports import BooksError, BooksUnreachable, GatewayError, Outside
from plugins.refunds import handle
from plugins.rules.ids import LedgerId, ProfileId, TransactionId
from plugins.rules.ledger import Ledger, Outcome, Request, Transaction
from plugins.rules.runs import Work
from plugins.rules.settling import CHECKS, THEN_EVERY
from plugins.rules.setup import Profile
from plugins.settlement import WHOLE, wrong_environment

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
    """Transactions, and ledgers that owe an invoice its showing."""
    done: int = 0
    failed: int = 0
    pending: int = 0
    in_trouble: int = 0
    orphans_cancelled: int = 0
    carried_on: int = 0
    """Runs, batches and jobs."""
    work_left: bool = False
    """There was no time for all that is due of them."""
    crm_answered: bool = True
    problems: list[str] = field(default_factory=list)


class Showings:
    """When a ledger may next try to show what it owes its invoices.

    Kept in memory only: an invoice that stays locked is tried ever more rarely, and after a restart once more at once.
    """

    def __init__(self) -> None:
        self._tries: dict[LedgerId, tuple[int, datetime]] = {}

    def ripe(self, owing: Iterable[Ledger], now: datetime) -> list[Ledger]:
        owing = list(owing)
        known = {each.id for each in owing}
        self._tries = {key: tried for key, tried in self._tries.items() if key in known}
        return [each for each in owing if each.id not in self._tries or self._tries[each.id][1] <= now]

    def tried(self, ledger: LedgerId, now: datetime) -> None:
        tries = self._tries.get(ledger, (0, now))[0]
        wait = CHECKS[tries] if tries < len(CHECKS) else THEN_EVERY
        self._tries[ledger] = (tries + 1, now + wait)

    def forget(self, ledger: LedgerId) -> None:
        """It went well; what is still to do there goes on at once."""
        self._tries.pop(ledger, None)


def sweep(outside: Outside, showings: Showings | None = None) -> Counts:
    """One pass over what is due. Never raises for one row; a CRM that does not answer ends the pass.

    `showings` remembers from pass to pass which invoices stay locked.
    """
    counts = Counts()
    showings = showings or Showings()
    silent = 0
    unreadable: set[str] = set()
    stuck: set[TransactionId] = set()
    """Still due after they were looked at; what waits behind them comes into view by asking for more."""
    owing: dict[LedgerId, Ledger] = {}
    work: dict[UUID, Work] = {}
    deliveries: dict[UUID, Request] = {}
    waiting: dict[UUID, Profile] = {}
    try:
        for _ in range(MOST_PAGES):
            most = PAGE + len(stuck) + len(unreadable)
            page = outside.books.due(outside.clock.now(), most)
            if (wrong := wrong_environment(outside, page.setting)) is not None:
                outside.alerts.alert(wrong.code, wrong.message)
                counts.problems.append(wrong.message)
                break
            owing |= {each.id: each for each in page.ledgers}
            work = {each.id: each for each in page.work}
            deliveries = {each.id: each for each in page.deliveries}
            waiting = {each.id: each for each in page.profiles}
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
        _show(outside, owing.values(), showings, counts)
        _look_at_profiles(outside, waiting.values(), counts)
        _deliver(outside, deliveries.values(), counts)
        _carry_on(outside, work.values(), counts)
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


def _show(outside: Outside, owing: Iterable[Ledger], showings: Showings, counts: Counts) -> None:
    """Show on invoices what their ledgers owe them; a save of theirs that breaks down holds up nothing else."""
    for ledger in showings.ripe(owing, outside.clock.now()):
        showings.tried(ledger.id, outside.clock.now())
        counts.looked_at += 1
        try:
            if show_owed(outside, ledger):
                counts.done += 1
                showings.forget(ledger.id)
        except Exception as error:
            if not isinstance(error, BooksError):
                _log.exception("a showing broke the sweep", ledger=str(ledger.id))
            counts.in_trouble += 1


def _look_at(outside: Outside, transaction: Transaction, counts: Counts) -> Exception | None:
    """What went wrong with this row, if anything did."""
    if outside.traffic.is_in_hand(handle(transaction)):
        return None
    counts.looked_at += 1
    try:
        with outside.traffic.in_hand(handle(transaction)):
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


def _look_at_profiles(outside: Outside, waiting: Iterable[Profile], counts: Counts) -> None:
    """Look at the pages that customers were asked to use. Raises `BooksUnreachable` when the CRM is silent."""
    for each in waiting:
        counts.looked_at += 1
        try:
            profiles.look_again(outside, ProfileId(each.id), outside.clock.now() + WHOLE)
        except BooksUnreachable:
            raise
        except Exception as error:
            if not isinstance(error, BooksError):
                _log.exception("a payment profile broke the sweep", profile=str(each.id))
            counts.in_trouble += 1
            outside.alerts.alert(
                "profile_in_trouble",
                f"A payment profile could not be looked at ({error}); the next sweep tries once more.",
                profile=str(each.id),
            )


def _deliver(outside: Outside, deliveries: Iterable[Request], counts: Counts) -> None:
    """Send the e-mails that were promised and perhaps not sent. Raises `BooksUnreachable` when the CRM is silent."""
    silent = 0
    for each in deliveries:
        counts.looked_at += 1
        try:
            answer = sending_links.look_again(outside, each, WHOLE)
        except Exception as error:
            if not isinstance(error, BooksError):
                _log.exception("a delivery broke the sweep", request=each.key)
            counts.in_trouble += 1
            outside.alerts.alert(
                "delivery_in_trouble",
                f"What was to be e-mailed could not be ({error}); the next sweep tries once more.",
                request=each.key,
            )
            silent = silent + 1 if isinstance(error, BooksUnreachable) else 0
            if silent == SILENCES:
                raise
            continue
        counts.done += answer.outcome is Outcome.DONE
        counts.failed += answer.outcome is Outcome.FAILED
        counts.pending += answer.outcome is Outcome.PENDING


def _carry_on(outside: Outside, work: Iterable[Work], counts: Counts) -> None:
    """Go on with what somebody began, as far as one pass has time for it. Raises `BooksUnreachable`."""
    until = outside.clock.now() + WHOLE
    for each in work:
        try:
            counts.carried_on += carry_on(outside, each, until)
        except BooksUnreachable:
            raise
        except Exception:
            _log.exception("a run, a batch or a job broke the sweep", work=str(each.id))
            counts.in_trouble += 1
        if outside.clock.now() >= until:
            counts.work_left = True
            return


class SweepThread:
    """Sweeps in the background, and once a day cancels orphans. Losing it loses nothing: the rows say what is due."""

    def __init__(self, outside: Outside, before: Callable[[], None] = lambda: None) -> None:
        """`before` runs ahead of each pass; it may raise what a pass may raise."""
        self._outside = outside
        self._before = before
        self._stop = threading.Event()
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None
        self._showings = Showings()
        self._next = self._orphans = datetime.min.replace(tzinfo=UTC)
        self.last: Counts | None = None
        self.last_on: datetime | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Sweep at once: an action has left something to carry on."""
        self._woken.set()

    def stop(self, within: float = 5.0) -> None:
        self._stop.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(within)

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            now = self._outside.clock.now()
            moved_back = self._next - now > EVERY
            if now >= self._next or moved_back or self._woken.is_set():
                self._woken.clear()
                self._next = now + EVERY
                self._pass(now)
            self._woken.wait(LOOK_AT_THE_CLOCK)

    def _pass(self, now: datetime) -> None:
        try:
            self._before()
            self.last = sweep(self._outside, self._showings)
            self.last_on = now
            if self.last.work_left:
                self.wake()
            if now >= self._orphans:
                self._orphans = now + timedelta(days=1)
                cancel_orphans(self._outside)
        except (BooksError, GatewayError) as error:
            _log.warning("sweep ended early", error=str(error))
        except Exception:
            # Whatever it was, the next pass has to come: a Pending row is never left alone.
            _log.exception("sweep failed")
