"""Charging a run's lines, one after the other, exactly as they were planned; and following up what came of them.

A line is charged as a person would charge its invoice, under a key that is made from the line: however often it is tried,
by however many, it is charged once, and the key tells what became of it. Each line that changes is written with the run's
counts, under the run's ETag, so whoever is at it notices before the next line that the run was paused or cancelled.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from plugins.actions import Action, Answer, Call, CallError
from plugins.charge_invoice import ACTION as CHARGE
from plugins.charge_invoice import charge_invoice
from plugins.piece import begin
from plugins.plan_charge_run import IN_HAND, is_of_another, plan_on
from plugins.ports import Conflict, NotFound, Outside
from plugins.posting import Asked, Done, target_of
from plugins.rules.changes import Create, Update
from plugins.rules.charge_runs import (
    CANCELLED,
    Conclusion,
    concluded,
    counted_in,
    followed_up,
    is_firmer,
    moved,
)
from plugins.rules.ids import UserId, request_id, transaction_id
from plugins.rules.ledger import Outcome, Request, Source
from plugins.rules.row import Owner
from plugins.rules.runs import (
    ChargeRun,
    ChargeRunBooks,
    ChargeRunLine,
    ChargeRunStatus,
    Tallies,
    charge_line_key,
)

FOLLOWED_UP = timedelta(minutes=5)
"""How often a run with bank debits under way is looked at."""
MOST_SILENCES = 3
"""Charges in a row that the payment processor could not be reached for pause a run."""
SILENT = (
    "The payment processor could not be reached several times in a row, so the run was paused. "
    "Start it again later; the invoices that were passed over can be planned again."
)
ELSEWHERE = (
    "This run was planned in another environment, of which this one is a copy, so it was paused. "
    "Cancel it and plan another."
)

Turned = Callable[[ChargeRunBooks, ChargeRun], ChargeRun]
"""The run as somebody wants it. Raises `Refused`."""


def turn(
    call: Call, outside: Outside, action: Action, turned: Turned, told: Callable[[ChargeRunBooks], str]
) -> Answer:
    """Start, pause or cancel: one changeset, and the rest goes on by itself. Raises what `post` raises."""
    asked = Asked(call, action)
    key = target_of(call)

    def read() -> ChargeRunBooks:
        books = outside.books.for_charge_run(key, asked.request, call.caller)
        if books.run is None:
            raise NotFound(str(key))
        return books

    def done(books: ChargeRunBooks) -> Done:
        turned(books, _run(books))
        return Done(told(books), {"run": str(key)})

    def rows(books: ChargeRunBooks, _: Request) -> tuple[Update]:
        run = _run(books)
        return (Update(run, turned(books, run)),)

    return begin(outside, asked, read, rows, done, at_once=True)


def carry_on(outside: Outside, run: ChargeRun, until: datetime) -> bool:
    """Go on with a run; whether there is nothing more to do. Raises `BooksError`; the next attempt finds what was written."""
    try:
        if not _taken_in_hand(outside, run):
            return False
    except Conflict:
        return False
    attempt, silences = 0, 0
    while outside.clock.now() < until:
        books = outside.books.for_charge_run(run.id, run.request, None)
        current = books.run
        if current is None:
            return True
        try:
            if current.status is ChargeRunStatus.PLANNED and current.planned_on is None:
                return plan_on(outside, run.id, run.request, until) is not None
            if books.ended:
                _follow_up(outside, current, books)
            elif (
                current.status is ChargeRunStatus.RUNNING
                and books.planned
                and is_of_another(outside, books.request)
            ):
                _leave_to_the_original(outside, current)
            elif current.status is ChargeRunStatus.RUNNING and books.planned:
                silences = _charge_some(outside, current, books, until, silences)
            elif current.status is ChargeRunStatus.CANCELLED and books.planned:
                _give_up_some(outside, current, books)
            elif current.status is ChargeRunStatus.PAUSED and _was_in_hand(outside, current, books):
                pass
            else:
                return _rest(outside, current, books)
        except Conflict:
            attempt += 1
            outside.traffic.pause(attempt)
    return False


def _taken_in_hand(outside: Outside, run: ChargeRun) -> bool:
    """Whoever writes this first is at it; the others come back when they have not been heard of for long."""
    books = outside.books.for_charge_run(run.id, None, None)
    current, now = books.run, outside.clock.now()
    if current is None or current.next_check_on is None or current.next_check_on > now:
        return False
    outside.books.write(Update(current, replace(current, next_check_on=now + IN_HAND)))
    return True


def _leave_to_the_original(outside: Outside, run: ChargeRun) -> None:
    now = outside.clock.now()
    paused = replace(run, status=ChargeRunStatus.PAUSED, message=ELSEWHERE, next_check_on=now)
    outside.books.write(Update(run, paused))
    outside.alerts.alert("charge_run_paused", ELSEWHERE, run=str(run.id))


# --- The lines -----------------------------------------------------------------------------------------------------


def _charge_some(
    outside: Outside, run: ChargeRun, books: ChargeRunBooks, until: datetime, silences: int
) -> int:
    """One after the other, as far as time goes; how many in a row the payment processor could not be reached for."""
    tallies: Tallies = books.tallies
    for line in books.planned:
        found = _charged(outside, run, line)
        silences = silences + 1 if found.code == "processor_unreachable" else 0
        after = _concluded(line, found)
        tallies = moved(tallies, [(line, after)])
        now = outside.clock.now()
        left = now >= until and run.planned > 1
        counted = counted_in(replace(run, next_check_on=now if left else now + IN_HAND), tallies)
        if silences >= MOST_SILENCES:
            counted = replace(counted, status=ChargeRunStatus.PAUSED, message=SILENT, next_check_on=now)
            outside.alerts.alert("charge_run_paused", SILENT, run=str(run.id))
        try:
            etags = outside.books.write(Update(line, after), Update(run, counted))
        except Conflict:
            _write_anyway(outside, run.id, after)
            raise  # what else was changed, and by whom, is read
        if not etags.get(run.id) or now >= until or counted.status is not ChargeRunStatus.RUNNING:
            break
        run = replace(counted, etag=etags[run.id])
    return silences


def _charged(outside: Outside, run: ChargeRun, line: ChargeRunLine) -> Conclusion:
    """The charge of its invoice, or what became of it before. Raises `BooksUnreachable`: the same key finds out."""
    if line.amount is None:
        raise ValueError(f"line {line.id} was planned without an amount")
    call = Call(
        action=CHARGE.name,
        target=line.invoice,
        caller=_behind(run),
        key=charge_line_key(line.id),
        parameters={
            "Amount": line.amount.amount,
            "PaymentProfileId": line.profile,
            "ExpectedBalance": line.amount.amount,
        },
        received=outside.clock.now(),
        organisation=outside.organisation,
        source=Source.RUN,
    )
    try:
        answer = charge_invoice(call, outside)
    except CallError as error:
        return Conclusion(Outcome.REFUSED, error.code, error.message)
    return Conclusion(answer.outcome, answer.code, answer.message)


def _concluded(line: ChargeRunLine, found: Conclusion) -> ChargeRunLine:
    """A refused request has no transaction; any other was written with one."""
    asked = request_id(charge_line_key(line.id))
    return concluded(line, found, None if found.outcome is Outcome.REFUSED else transaction_id(asked))


def _write_anyway(outside: Outside, run: UUID, after: ChargeRunLine) -> None:
    """What became of a line is written whatever became of its run meanwhile, unless more is known of it already."""
    attempt = 0
    while True:
        books = outside.books.for_charge_run(run, None, None, after.id)
        if books.run is None or books.line is None or not is_firmer(after, books.line):
            return
        try:
            _write_lines(outside, books.run, books.tallies, [(books.line, after)])
        except Conflict:
            attempt += 1
            outside.traffic.pause(attempt)
        else:
            return


def _follow_up(outside: Outside, run: ChargeRun, books: ChargeRunBooks) -> None:
    changes = [(line, followed_up(line, transaction)) for line, transaction in books.ended]
    _write_lines(outside, run, books.tallies, changes)


def _was_in_hand(outside: Outside, run: ChargeRun, books: ChargeRunBooks) -> bool:
    """A run that was paused while whoever charged its next line died: the line's key tells what became of it."""
    for line in books.planned[:1]:
        request = outside.books.request(request_id(charge_line_key(line.id)))
        if request is not None:
            _write_lines(outside, run, books.tallies, [(line, _concluded(line, _conclusion(request)))])
            return True
    return False


def _give_up_some(outside: Outside, run: ChargeRun, books: ChargeRunBooks) -> None:
    """Each line's key is taken, so that whoever is about to charge it can't; one that is taken tells what became of it."""
    given_up = [(line, _given_up(run, line)) for line in books.planned]
    changes = [(line, _concluded(line, _conclusion(request))) for line, request in given_up]
    try:
        requests = [Create(request) for _, request in given_up]
        _write_lines(outside, run, books.tallies, changes, requests)
    except Conflict:
        _give_up_one_by_one(outside, run, books)


def _give_up_one_by_one(outside: Outside, run: ChargeRun, books: ChargeRunBooks) -> None:
    for line in books.planned:
        known = outside.books.request(request_id(charge_line_key(line.id)))
        request = known or _given_up(run, line)
        after = _concluded(line, _conclusion(request))
        if known is None:
            outside.books.record(request)
        _write_anyway(outside, run.id, after)


def _given_up(run: ChargeRun, line: ChargeRunLine) -> Request:
    key = charge_line_key(line.id)
    caller = _behind(run)
    return Request(
        id=request_id(key),
        key=key,
        action=CHARGE.name,
        input_hash="",  # any input: whoever comes late is answered with this row
        outcome=Outcome.REFUSED,
        code="run_cancelled",
        message=CANCELLED,
        result="",
        invoice=line.invoice,
        ledger=None,
        transaction=None,
        requested_by=caller,
        owner=Owner(UUID(str(caller))),
        source=Source.RUN,
    )


def _conclusion(request: Request) -> Conclusion:
    return Conclusion(request.outcome, request.code, request.message)


def _write_lines(
    outside: Outside,
    run: ChargeRun,
    tallies: Tallies,
    changes: list[tuple[ChargeRunLine, ChargeRunLine]],
    before: list[Create] | None = None,
) -> None:
    counted = counted_in(run, moved(tallies, changes))
    lines = [Update(line, after) for line, after in changes]
    outside.books.write(*(before or []), *lines, Update(run, counted))


# --- The end -------------------------------------------------------------------------------------------------------


def _rest(outside: Outside, run: ChargeRun, books: ChargeRunBooks) -> bool:
    """Nothing to do now: the end, or the next look at what is under way."""
    after = counted_in(run, books.tallies)
    waits = bool(after.pending)
    if run.status is ChargeRunStatus.RUNNING and not waits:
        after = replace(after, status=ChargeRunStatus.DONE)
    after = replace(after, next_check_on=outside.clock.now() + FOLLOWED_UP if waits else None)
    changes: list[Create | Update] = [Update(run, after)]
    planning = books.request
    if (
        run.status is ChargeRunStatus.CANCELLED
        and planning is not None
        and planning.outcome is Outcome.PENDING
    ):
        given_up = replace(
            planning,
            outcome=Outcome.FAILED,
            code="run_cancelled",
            message="The run was cancelled before its plan was complete.",
        )
        changes.append(Update(planning, given_up))
    outside.books.write(*changes)
    return not waits


def _behind(run: ChargeRun) -> UserId:
    """On whose behalf its lines are charged."""
    return run.started_by or UserId(run.owner.id)


def _run(books: ChargeRunBooks) -> ChargeRun:
    if books.run is None:
        raise ValueError("no charge run was read")
    return books.run
