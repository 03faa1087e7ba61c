"""Plan a charge run: for each invoice that the filter takes, what a charge of it would be, or why there would be none.

A resumable sequence: the run is written first, then its lines, some at a time, each time with the run's counts; then the
end. Nothing is charged. The call plans what fits in its time; the sweep goes on with the rest.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from plugins.actions import Action, Answer, Call
from plugins.charge_invoice import ACTION as CHARGE
from plugins.piece import as_answered, begin, carry_on_now
from plugins.ports import BooksRefused, Conflict, NotFound, Outside
from plugins.posting import Asked, Done
from plugins.rules.changes import Create, Update
from plugins.rules.charge import ChargeInput, Surroundings
from plugins.rules.charge_runs import (
    count_of,
    counted_in,
    line_of,
    moved,
    parsed_filter,
    plan_hash,
    planned,
    skipped,
    sums_of,
    written_filter,
)
from plugins.rules.declines import excerpt
from plugins.rules.ids import RequestId, UserId
from plugins.rules.ledger import Outcome, Request, Source
from plugins.rules.refusal import Refused
from plugins.rules.row import Owner
from plugins.rules.runs import (
    Candidate,
    ChargeFilter,
    ChargeOutcome,
    ChargeRun,
    ChargeRunBooks,
    ChargeRunLine,
    ChargeRunStatus,
    Tallies,
    charge_line_key,
    charge_run_id,
)
from plugins.rules.wording import counted

ACTION = Action(
    name="cfl_PlanChargeRun",
    bound_to=None,
    parameters={"RequestKey": str, "Filter": str},
    privilege="prvCreatecfl_mayrun",
)

BEGUN = "The charge run is being planned. Nothing is charged before somebody starts it."
ENDED = Answer(Outcome.DONE, "succeeded", "The charge run is planned.")
IN_HAND = timedelta(minutes=2)
"""Whoever is at work on a run and has not been heard of for this long is not at it any more; longer than any charge."""

PLANNED_IN = "organization"
"""What the answer to a plan tells of where it was made: only there it may be charged, and not in a copy of it."""


def plan_charge_run(call: Call, outside: Outside) -> Answer:
    """Begin the plan and carry out what fits in the call's time. Raises what `post` raises."""
    asked = Asked(call, ACTION)
    run = charge_run_id(asked.request)

    def read() -> ChargeRunBooks:
        books = outside.books.for_charge_run(run, asked.request, None)
        return replace(books, rights=frozenset({"ReadAccess"}))  # there is no record yet that could be seen

    def first_rows(_: ChargeRunBooks, request: Request) -> Iterable[Create | Update]:
        wanted = parsed_filter(call.parameters.get("Filter"))
        yield Create(
            ChargeRun(
                id=run,
                owner=Owner(UUID(str(call.caller))),
                status=ChargeRunStatus.PLANNED,
                filter=written_filter(wanted),
                next_check_on=outside.clock.now() + IN_HAND,
                request=request.id,
            )
        )

    begun = begin(outside, asked, read, first_rows, Done(BEGUN, _facts(outside, run)))
    return carry_on_now(outside, call, run, begun, lambda until: plan_on(outside, run, asked.request, until))


def plan_on(outside: Outside, run: UUID, request: RequestId | None, until: datetime) -> Answer | None:
    """Go on with a plan; its answer once it is complete, None while something is left. Raises `BooksError`."""
    attempt = 0
    while outside.clock.now() < until:
        books = outside.books.for_charge_run(run, request, None)
        current = books.run
        if current is None or current.planned_on is not None or current.status is not ChargeRunStatus.PLANNED:
            return as_answered(books.request) if books.request else ENDED
        wanted = parsed_filter(current.filter)
        found = outside.books.candidates(run, wanted)
        try:
            if not found:
                return _end(outside, books, current)
            _plan_some(outside, current, books.tallies, wanted, found, until)
        except Conflict:
            attempt += 1  # cancelled, or somebody else is at it as well: what they did is read
            outside.traffic.pause(attempt)
    return None


def _plan_some(
    outside: Outside,
    run: ChargeRun,
    tallies: Tallies,
    wanted: ChargeFilter,
    found: Iterable[Candidate],
    until: datetime,
) -> None:
    """A page of lines with the run's counts, all or nothing; at least one line, so that it gets on."""
    lines: list[ChargeRunLine] = []
    for candidate in found:
        if lines and outside.clock.now() >= until:
            break
        line = _planned(outside, run, wanted, candidate)
        if line is not None:
            lines.append(line)
    to_charge = [each for each in lines if each.outcome is ChargeOutcome.PLANNED]
    after = counted_in(run, moved(tallies, ((None, each) for each in lines)))
    left = outside.clock.now() >= until
    after = replace(
        after,
        plan_hash=plan_hash(run.plan_hash, to_charge),
        next_check_on=outside.clock.now() + (timedelta() if left else IN_HAND),
    )
    outside.books.write(*map(Create, lines), Update(run, after))


def is_of_another(outside: Outside, planning: Request | None) -> bool:
    """Whether the run that was asked for with this came here in a copy: the original may be charging it."""
    if planning is None or not planning.result:
        return False
    here = str(outside.organisation)
    return bool(json.loads(planning.result).get(PLANNED_IN, here) != here)


def _planned(
    outside: Outside, run: ChargeRun, wanted: ChargeFilter, candidate: Candidate
) -> ChargeRunLine | None:
    """None for an invoice that is not there any more."""
    line = line_of(run, candidate)
    asked = ChargeInput(
        key=charge_line_key(line.id),
        input_hash="",
        action=CHARGE.name,
        caller=UserId(run.owner.id),
        amount=None,
        profile=None,
        source=Source.RUN,
    )
    try:
        books = outside.books.for_charge(candidate.invoice, asked.request, asked.caller)
    except NotFound:
        return None
    except BooksRefused as refusal:
        unreadable = Refused(
            "books_not_readable",
            f"The CRM did not let Counterfoil read the invoice ({excerpt(str(refusal))}). Ask your administrator.",
        )
        return skipped(line, unreadable)
    around = Surroundings(outside.organisation, outside.gateway.live, outside.gateway.minimum(books.currency))
    return planned(line, books, wanted, asked, around, outside.clock.now())


def _end(outside: Outside, books: ChargeRunBooks, run: ChargeRun) -> Answer:
    after = replace(
        counted_in(run, books.tallies),
        planned_on=outside.clock.now(),
        plan_hash=run.plan_hash or plan_hash("", ()),
        next_check_on=None,
    )
    if books.request is None:
        outside.books.write(Update(run, after))
        return ENDED
    facts = _facts(outside, run.id) | {
        "planned": str(after.planned),
        "skipped": str(after.skipped),
        "amounts": sums_of(books.tallies, ChargeOutcome.PLANNED),
    }
    request = replace(
        books.request,
        outcome=Outcome.DONE,
        code="succeeded",
        message=_told(run.name, books.tallies),
        result=json.dumps(facts),
    )
    outside.books.write(Update(run, after), Update(books.request, request))
    return as_answered(request)


def _facts(outside: Outside, run: UUID) -> dict[str, str]:
    return {"run": str(run), PLANNED_IN: str(outside.organisation)}


def _told(name: str, tallies: Tallies) -> str:
    name = name or "The charge run"
    count = count_of(tallies, ChargeOutcome.PLANNED)
    left_out = count_of(tallies, ChargeOutcome.SKIPPED)
    if not count:
        return f"{name} has no invoice to charge; {counted(left_out, 'invoice')} left out."
    amounts = sums_of(tallies, ChargeOutcome.PLANNED)
    return (
        f"{name} is planned: {counted(count, 'invoice')} to charge, {amounts}; "
        f"{left_out} left out. Nothing is charged before it is started."
    )
