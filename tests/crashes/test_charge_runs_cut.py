"""A charge run on the local CRM and the local Stripe, with faults at every call: what its lines say is what was captured."""

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

import pytest

from plugins.actions import Call, CallError
from plugins.plan_charge_run import ACTION as PLAN
from plugins.plan_charge_run import plan_charge_run
from plugins.ports import BooksError
from plugins.rules.checks import problems
from plugins.rules.ids import InvoiceId, request_id
from plugins.rules.ledger import Outcome, TransactionStatus
from plugins.rules.runs import (
    ChargeOutcome,
    ChargeRunBooks,
    ChargeRunLine,
    ChargeRunStatus,
    charge_line_id,
    charge_run_id,
)
from plugins.start_charge_run import ACTION as START
from plugins.start_charge_run import start_charge_run
from sandbox.crm.crm import ORGANIZATION
from sandbox.crm.schema import Schema
from sandbox.demo.story import row_id
from sandbox.faults import Faults
from sandbox.world import World
from tests.crashes.processes import BILLER, Process
from tests.crashes.wire import Fault, Killed

PLANNED, STARTED = "the-one-plan", "the-one-start"
RUN = charge_run_id(request_id(PLANNED))
NUMBERS = ("INV-1001", "INV-1005", "INV-1010", "INV-1011")
"""A card that works, one that declines, nothing on file, and another that works."""
INVOICES = {number: InvoiceId(row_id("invoice", number)) for number in NUMBERS}
SOME = 1
"""Faults at each call."""
ALL = bool(os.environ.get("CRASHES_ALL"))  # noqa: TID251 - more of the same for those who have the time


@pytest.fixture(scope="module")
def stage(schema: Schema) -> Iterator[World]:
    world = World(schema, faults=Faults(wait=lambda _: None))
    yield world
    world.stop()


def plans(process: Process) -> Outcome:
    wanted = json.dumps({"invoices": [str(each) for each in INVOICES.values()]})
    return plan_charge_run(_call(process, PLAN.name, None, PLANNED, Filter=wanted), process.outside).outcome


def starts(process: Process, key: str = STARTED) -> Outcome:
    return start_charge_run(_call(process, START.name, RUN, key), process.outside).outcome


def _call(process: Process, action: str, target: UUID | None, key: str, **given: object) -> Call:
    return Call(action, target, BILLER, key, given, process.clock.now(), ORGANIZATION.id)


def play(world: World, faults: dict[int, Fault]) -> int:
    """Plan, start and a sweep on a wire that is cut; then another process takes over. How many calls the first made."""
    world.reset()
    first = Process(world)
    first.wire.faults = dict(faults)
    with suppress(Killed, BooksError, CallError):
        plans(first)
        starts(first)
        first.sweep()
    calls = first.wire.number
    first.wire.deliver_late()
    for attempt in range(4):
        world.clock.advance(300)
        last = Process(world)
        with suppress(BooksError, CallError):
            if plans(last) is Outcome.DONE and read(last).run is not None:
                starts(last, f"{STARTED}-{attempt}")
        last.sweep()
    for _ in range(2):
        world.clock.advance(3600)
        Process(world).sweep()
    return calls


def read(process: Process, number: str = "") -> ChargeRunBooks:
    line = charge_line_id(RUN, INVOICES[number]) if number else None
    return process.outside.books.for_charge_run(RUN, None, None, line)


def wrong(world: World) -> Iterator[str]:
    process = Process(world)
    books = process.books()
    yield from problems(books)
    run = read(process).run
    assert run is not None
    lines: list[ChargeRunLine] = [found for number in NUMBERS if (found := read(process, number).line)]
    if len(lines) != len(NUMBERS):
        yield f"only {[each.name for each in lines]} have a line"
    if run.status is not ChargeRunStatus.DONE:
        yield f"the run is {run.status}"
    counted = Counter(each.outcome for each in lines)
    shown = (run.planned, run.skipped, run.succeeded, run.failed, run.pending)
    if shown != tuple(counted[each] for each in ChargeOutcome):
        yield f"the run counts {shown}, its lines are {counted}"
    succeeded = sum(
        each.amount.minor for each in lines if each.amount and each.outcome is ChargeOutcome.SUCCEEDED
    )
    of_run = {each.transaction for each in lines}
    made = [each for each in books.transactions if each.id in of_run]
    captured = process.captured()
    if succeeded != sum(captured.get(each.gateway_reference, 0) for each in made):
        yield f"the lines say {succeeded}, captured were {captured}"
    if any(each.status is TransactionStatus.PENDING for each in books.transactions):
        yield "a transaction is pending"
    ours = [times for key, times in process.orders().items() if key.startswith("run-")]
    if any(times > 1 for times in ours):
        yield "a line was ordered twice"
    if "INV-1010" in {each.name for each in lines if each.outcome is not ChargeOutcome.SKIPPED}:
        yield "what was left out of the plan was charged"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("of_every", [1, 2, 3])
def test_calls_of_a_run_meet_faults(stage: World, of_every: int) -> None:
    """One call of three by default, all with CRASHES_ALL=1; each meets one of the faults."""
    # I34
    calls = play(stage, {})
    assert list(wrong(stage)) == []
    process = Process(stage)
    assert [read(process, number).line.outcome for number in NUMBERS] == [  # type: ignore[union-attr]  # each has one
        ChargeOutcome.SUCCEEDED,
        ChargeOutcome.FAILED,
        ChargeOutcome.SKIPPED,
        ChargeOutcome.SUCCEEDED,
    ]
    assert calls > 25
    drawn = random.Random(f"a charge run {of_every}")
    failures = []
    for place in range(of_every - 1, calls, 3 if ALL else 9):
        for fault in drawn.sample(tuple(Fault), SOME):
            play(stage, {place: fault})
            failures += [f"{fault} at {place}: {each}" for each in wrong(stage)]
    assert failures == []
