"""A charge run that stops at any of its calls, in every way, whatever somebody does with it then: Σ of its lines is Σ captured."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest

from plugins.ports import BooksUnreachable, IntentStatus, NoAnswer
from plugins.rules.charge_runs import plan_hash
from plugins.rules.checks import WholeBooks, problems
from plugins.rules.ledger import Outcome, TransactionStatus
from plugins.rules.runs import ChargeOutcome, ChargeRunStatus
from tests.builders import named
from tests.charge_run_office import ChargeRunOffice
from tests.fakes.surroundings import PatientTraffic


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Cut:
    """The call with that number, of all to the books and the gateway, goes wrong."""

    at: int
    how: str
    number: int = -1
    happened: bool = False

    def before(self, name: str, error: type[Exception]) -> None:
        self.number += 1
        if self.number == self.at and self.how in {"killed before", "never arrives"}:
            self._now(name, error)

    def after(self, name: str, error: type[Exception]) -> None:
        if self.number == self.at and self.how in {"killed after", "answer lost"} and not self.happened:
            self._now(name, error)

    def _now(self, name: str, error: type[Exception]) -> None:
        self.happened = True
        raise Killed(name) if self.how.startswith("killed") else error(name)


HOW = ("killed before", "killed after", "never arrives", "answer lost")


def an_office() -> ChargeRunOffice:
    office = ChargeRunOffice()
    office.customer("Works")
    office.customer("Declines", "pm_declines")
    office.customer("Debit", "pm_debit")
    office.customer("Nothing on file", on_file=False)
    office.owes("Works", "100.00", "INV-1")
    office.owes("Works", "20.00", "INV-2")
    office.owes("Declines", "50.00", "INV-3")
    office.owes("Debit", "70.00", "INV-4")
    office.owes("Nothing on file", "30.00", "INV-5")
    return office


def play(office: ChargeRunOffice, cut: Cut, then: Callable[[ChargeRunOffice], object]) -> None:
    """Plan, start and the first sweep, cut; then somebody does something, and everything takes its course."""
    office.books.before = lambda name: cut.before(name, BooksUnreachable)
    office.books.after = lambda name: cut.after(name, BooksUnreachable)
    office.gateway.before = lambda name: cut.before(name, NoAnswer)
    office.gateway.after = lambda name: cut.after(name, NoAnswer)
    with suppress(Killed, BooksUnreachable):
        office.plan(key="the-one-plan")
        office.start(key="the-one-start")
        office.carry_on()
    for scripted in (office.books, office.gateway):
        scripted.before = scripted.after = lambda _: None
    office.traffic = office.traffic.__class__(office.clock)  # what the process knew is gone with it
    while office.plan(key="the-one-plan").outcome is Outcome.PENDING:
        office.carry_on(minutes=3)
    office.start(key="the-one-start")
    if office.run.status is ChargeRunStatus.PLANNED:
        office.start()  # it was refused before, while the plan was being made
    then(office)
    for _ in range(4):
        office.carry_on(minutes=11)
    for reference, intent in office.gateway.intents.items():
        if intent.status is IntentStatus.PROCESSING:
            office.gateway.become(reference, IntentStatus.SUCCEEDED)
    for _ in range(3):
        office.carry_on(days=1, minutes=11)


def wrong(office: ChargeRunOffice) -> list[str]:
    """What must not be, however it went."""
    found = list(problems(WholeBooks.of(office.books.rows.values(), office.books.shown)))
    run, lines = office.run, office.lines()
    if office.succeeded() != office.gateway.captured():
        found.append(f"lines say {office.succeeded()}, captured were {office.gateway.captured()}")
    counted = {each: sum(line.outcome is each for line in lines) for each in ChargeOutcome}
    shown = {
        ChargeOutcome.PLANNED: run.planned,
        ChargeOutcome.SKIPPED: run.skipped,
        ChargeOutcome.SUCCEEDED: run.succeeded,
        ChargeOutcome.FAILED: run.failed,
        ChargeOutcome.PENDING: run.pending,
    }
    if counted != shown:
        found.append(f"the run counts {shown}, its lines are {counted}")
    if run.plan_hash != plan_hash("", [each for each in lines if each.amount is not None]):
        found.append("the plan is not what its hash says")
    if len({each.invoice for each in lines}) != len(lines):
        found.append("an invoice has two lines")
    per_invoice = {each.invoice: 0 for each in lines}
    for transaction in office.transactions():
        if transaction.status is TransactionStatus.PENDING:
            found.append(f"{transaction.id} is pending")
        if transaction.status is TransactionStatus.SUCCEEDED and transaction.invoice is not None:
            per_invoice[transaction.invoice] += 1
    if any(times > 1 for times in per_invoice.values()):
        found.append("an invoice was charged twice")
    if run.next_check_on is not None:
        found.append(f"the run is {run.status} and still looked at")
    return found


def goes_on(_: ChargeRunOffice) -> None:
    """Nobody does anything."""


def is_paused_and_started_again(office: ChargeRunOffice) -> None:
    if office.run.status is ChargeRunStatus.RUNNING:
        office.pause()
        office.carry_on(minutes=3)
        office.start()


def is_paused_for_good(office: ChargeRunOffice) -> None:
    if office.run.status is ChargeRunStatus.RUNNING:
        office.pause()


def is_cancelled(office: ChargeRunOffice) -> None:
    office.cancel()


@pytest.mark.parametrize("then", [goes_on, is_paused_and_started_again, is_paused_for_good, is_cancelled])
def test_cut_at_every_call_the_lines_say_what_was_captured(then: Callable[[ChargeRunOffice], object]) -> None:
    # I34
    whole = Cut(-1, "")
    office = an_office()
    play(office, whole, goes_on)
    assert wrong(office) == []
    assert office.gateway.captured() == 19_000
    failures = []
    for how in HOW:
        for at in range(whole.number + 1):
            office = an_office()
            play(office, Cut(at, how), then)
            failures += [f"{how} {at}: {each}" for each in wrong(office)]
            if then is goes_on and office.run.status is not ChargeRunStatus.DONE:
                failures.append(f"{how} {at}: the run is {office.run.status}")
    assert failures == []


def another_replica(office: ChargeRunOffice, does: Callable[[], object]) -> None:
    """In the process of the run itself it would wait for the run's turn on the ledger."""
    mine = office.outside
    office.outside = replace(mine, traffic=PatientTraffic(office.clock))
    try:
        does()
    finally:
        office.outside = mine


def test_a_user_who_charges_the_same_invoice_meanwhile_never_makes_it_too_much() -> None:
    """Whenever the user comes in: the two together take what is owed, and the line says what became of it."""
    failures = []
    for at in range(80):
        office = an_office()
        number = 0

        def meanwhile(_: str, at: int = at, office: ChargeRunOffice = office) -> None:
            nonlocal number
            number += 1
            if number == at + 1:
                another_replica(office, lambda: office.charge("INV-1", "40.00", key="a-user-charges"))

        office.plan(invoices=[str(named("INV-1")), str(named("INV-2"))])
        office.start()
        office.books.before = office.gateway.before = meanwhile
        office.carry_on()
        office.books.before = office.gateway.before = lambda _: None
        for _ in range(3):
            office.carry_on(minutes=11)
        users = next((each for each in office.requests() if each.key == "a-user-charges"), None)
        taken = 4_000 if users is not None and users.outcome is Outcome.DONE else 0
        line = office.line("INV-1")
        if office.gateway.captured() != office.succeeded() + taken:
            failures.append(
                f"at {at}: captured {office.gateway.captured()}, lines {office.succeeded()}, user {taken}"
            )
        if taken and line.outcome is not ChargeOutcome.SKIPPED:
            failures.append(f"at {at}: the line is {line.outcome} though the user was first")
        if not taken and line.outcome is not ChargeOutcome.SUCCEEDED:
            failures.append(f"at {at}: the line is {line.outcome} ({line.reason})")
        failures += [
            f"at {at}: {each}"
            for each in problems(WholeBooks.of(office.books.rows.values(), office.books.shown))
        ]
        if number <= at:
            break
    assert failures == []
