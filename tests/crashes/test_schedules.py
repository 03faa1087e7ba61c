"""No double charge and no lost payment, wherever it stops: every fault at every call, and schedules drawn from seeds."""

import os
from collections.abc import Iterator

import pytest

from sandbox.crm.schema import Schema
from sandbox.faults import Faults
from sandbox.world import World
from tests.crashes.schedules import (
    LINKS,
    Run,
    What,
    drawn,
    drawn_of_links,
    interleavings,
    single_faults,
)

SEEDS = range(60)
LINK_SEEDS = range(15)
PARTS = 4
"""Of the long lists, so that workers can share them."""
ALL = bool(os.environ.get("CRASHES_ALL"))  # noqa: TID251 - more of the same for those who have the time
SOME = 1 if ALL else 3
EVERY = 1 if ALL else 7
"""Of single faults of charges every third is enough each time; of payments and refunds, which go the same way, less."""
FEW = 1 if ALL else 23
"""Of payment links, which seven kinds of customers pay or do not: some of each."""


@pytest.fixture(scope="module")
def stage(schema: Schema) -> Iterator[World]:
    world = World(schema, faults=Faults(wait=lambda _: None))
    yield world
    world.stop()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_fault_at_every_call_of_a_charge(stage: World, part: int) -> None:
    failures = []
    used = 0
    for schedule in single_faults()[part :: PARTS * SOME]:
        told = Run(stage, schedule).tell()
        used += not told.unused
        failures += [f"{schedule}: {problem}" for problem in told.problems]
    assert failures == []
    assert used > 200 / PARTS / SOME, "the charges met too few of the faults"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
def test_everybody_else_before_every_call_of_a_charge(stage: World, part: int) -> None:
    failures = []
    for schedule in interleavings()[part::PARTS]:
        failures += [f"{schedule}: {problem}" for problem in Run(stage, schedule).tell().problems]
    assert failures == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", [What.PAYMENT, What.REFUND])
def test_every_fault_at_every_call_of_a_payment_and_of_a_refund(stage: World, what: What) -> None:
    failures = []
    for schedule in single_faults(what)[::EVERY]:
        failures += [f"{schedule}: {problem}" for problem in Run(stage, schedule).tell().problems]
    assert failures == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", [What.PAYMENT, What.REFUND])
def test_everybody_else_before_every_call_of_a_payment_and_of_a_refund(stage: World, what: What) -> None:
    failures = []
    for schedule in interleavings(what)[::EVERY]:
        failures += [f"{schedule}: {problem}" for problem in Run(stage, schedule).tell().problems]
    assert failures == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", LINKS)
def test_every_fault_at_every_call_of_a_payment_link_and_of_its_withdrawal(stage: World, what: What) -> None:
    failures = []
    for schedule in single_faults(what)[::FEW]:
        failures += [f"{schedule}: {problem}" for problem in Run(stage, schedule).tell().problems]
    assert failures == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", LINKS)
def test_everybody_else_and_the_customer_before_every_call_of_a_payment_link(
    stage: World, what: What
) -> None:
    failures = []
    for schedule in interleavings(what)[::FEW]:
        failures += [f"{schedule}: {problem}" for problem in Run(stage, schedule).tell().problems]
    assert failures == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", LINK_SEEDS)
def test_a_schedule_of_payment_links_drawn_from_a_seed(stage: World, seed: int) -> None:
    told = Run(stage, drawn_of_links(seed)).tell()
    assert told.problems == [], "\n".join([str(drawn_of_links(seed)), *told.story])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_schedule_drawn_from_a_seed(stage: World, seed: int) -> None:
    told = Run(stage, drawn(seed)).tell()
    assert told.problems == [], "\n".join([str(drawn(seed)), *told.story])
