"""No double charge and no lost payment, wherever it stops: every fault at every call, and schedules drawn from seeds."""

from collections.abc import Iterator

import pytest

from sandbox.crm.schema import Schema
from sandbox.faults import Faults
from sandbox.world import World
from tests.crashes.schedules import Run, drawn, interleavings, single_faults

SEEDS = range(120)


@pytest.fixture(scope="module")
def stage(schema: Schema) -> Iterator[World]:
    world = World(schema, faults=Faults(wait=lambda _: None))
    yield world
    world.stop()


@pytest.mark.timeout(300)
def test_every_fault_at_every_call_of_a_charge(stage: World) -> None:
    failures = []
    used = 0
    for schedule in single_faults():
        told = Run(stage, schedule).tell()
        used += not told.unused
        failures += [f"{schedule}: {problem}" for problem in told.problems]
    assert failures == []
    assert used > 200, "the charges met too few of the faults"


@pytest.mark.timeout(300)
def test_everybody_else_before_every_call_of_a_charge(stage: World) -> None:
    failures = []
    for schedule in interleavings():
        failures += [f"{schedule}: {problem}" for problem in Run(stage, schedule).tell().problems]
    assert failures == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_schedule_drawn_from_a_seed(stage: World, seed: int) -> None:
    told = Run(stage, drawn(seed)).tell()
    assert told.problems == [], "\n".join([str(drawn(seed)), *told.story])
