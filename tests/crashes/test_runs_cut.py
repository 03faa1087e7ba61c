"""A bill run, a batch and a usage credit on the local CRM, with faults at every call: in the end as if nothing happened."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.whole import read_whole
from plugins.actions import Answer, Call, CallError
from plugins.credit_usage import ACTION as CREDIT_USAGE
from plugins.credit_usage import credit_usage
from plugins.ports import BooksError
from plugins.post_batch import ACTION as POST_BATCH
from plugins.post_batch import post_batch
from plugins.rules.checks import problems
from plugins.run_billing import ACTION as RUN_BILLING
from plugins.run_billing import run_billing
from sandbox.crm.crm import ORGANIZATION
from sandbox.crm.schema import Schema
from sandbox.demo.story import ledger_id, row_id
from sandbox.faults import Faults
from sandbox.world import World
from tests.crashes.processes import BILLER, MAPPING, Process
from tests.crashes.wire import Fault, Killed

KEY = "the-one-request"
USAGE = [str(row_id("cfl_usagerecord", f"Tailwind Traders/{place}")) for place in (1, 2, 3)]


def call(process: Process, name: str, target: UUID, **given: Any) -> Call:
    return Call(name, target, BILLER, KEY, given, process.clock.now(), ORGANIZATION.id)


def posts(process: Process) -> Answer:
    batch = row_id("cfl_paymentbatch", "entered")
    return post_batch(call(process, POST_BATCH.name, batch), process.outside)


def bills(process: Process) -> Answer:
    group = row_id("cfl_billinggroup", "Winding down")
    return run_billing(call(process, RUN_BILLING.name, group), process.outside)


def credits_usage(process: Process) -> Answer:
    given = {"UsageIds": USAGE, "ServiceId": row_id("product", "LD-U")}
    ledger = ledger_id("Tailwind Traders", "USD")
    return credit_usage(call(process, CREDIT_USAGE.name, ledger, **given), process.outside)


STORIES: dict[str, Callable[[Process], Answer]] = {
    each.__name__: each for each in (posts, bills, credits_usage)
}


@pytest.fixture(scope="module")
def stage(schema: Schema) -> Iterator[World]:
    world = World(schema, faults=Faults(wait=lambda _: None))
    yield world
    world.stop()


def told(world: World) -> dict[str, Any]:
    """What there is in the end, whatever its ids and numbers."""
    books, unreadable = read_whole(Process(world).dataverse, MAPPING)
    assert unreadable == []
    return {
        "wrong": problems(books),
        "balances": sorted((each.name, each.balance.minor) for each in books.ledgers),
        "entries": Counter((each.kind, each.gross.minor, each.invoice is None) for each in books.entries),
        "payments": Counter((each.amount.minor, each.undisbursed.minor) for each in books.payments),
        "disbursed": Counter(each.amount.minor for each in books.disbursements),
        "invoices": Counter((each.ledger_state, each.delivered_on is not None) for each in books.invoices),
        "usage": Counter(each.status for each in books.usage),
        "answers": Counter((each.action, each.outcome, each.code, each.message) for each in books.requests),
        "lines": Counter(
            each[column]
            for table, column in (
                ("cfl_billrunline", "cfl_outcome"),
                ("cfl_paymentbatchline", "cfl_outcome"),
                ("cfl_usagecreditjobitem", "cfl_outcome"),
                ("cfl_billrun", "cfl_status"),
                ("cfl_paymentbatch", "cfl_status"),
                ("cfl_usagecreditjob", "cfl_status"),
            )
            for each in world.crm.store.select(world.crm.schema.table(table))
        ),
    }


def play(world: World, story: Callable[[Process], Answer], faults: dict[int, Fault]) -> int:
    """With these faults in the call and in the first sweep after it; how many calls that took."""
    world.reset()
    first = Process(world)
    first.wire.faults = dict(faults)
    with suppress(Killed, BooksError, CallError):
        story(first)
    calls = first.wire.number
    world.clock.advance(180)
    second = Process(world)
    second.wire.faults = {place - calls: fault for place, fault in faults.items() if place >= calls}
    with suppress(Killed):
        second.sweep()
    first.wire.deliver_late()
    second.wire.deliver_late()
    for _ in range(3):
        world.clock.advance(900)
        last = Process(world)
        last.sweep()
    with suppress(BooksError):
        story(last)
    world.clock.advance(900)
    last.sweep()
    return calls + second.wire.number


SOME = 2
"""Faults at each call; `tuple(Fault)` at each call holds as well, and takes ten minutes."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", STORIES)
def test_every_call_meets_faults(stage: World, name: str) -> None:
    # I34
    story = STORIES[name]
    calls = play(stage, story, {})
    wanted = told(stage)
    assert (wanted["wrong"], calls > 4) == ([], True)
    drawn = random.Random(name)
    failures = []
    for place in range(calls):
        for fault in drawn.sample(tuple(Fault), SOME):
            play(stage, story, {place: fault})
            found = told(stage)
            failures += [
                f"{fault} at {place}: {part} {found[part]} instead of {wanted[part]}"
                for part in wanted
                if found[part] != wanted[part]
            ]
    assert failures == []
