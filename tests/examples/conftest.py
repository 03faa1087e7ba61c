"""The stages on which the worked examples are played."""

from collections.abc import Iterator

import pytest

from sandbox.crm.schema import Schema
from sandbox.demo.demo import Story
from sandbox.world import World
from tests.examples.billing_office import BillingOffice
from tests.examples.in_memory import MemoryStage
from tests.examples.over_http import HttpStage, telling_world


@pytest.fixture(scope="session")
def telling(schema: Schema, story: Story) -> Iterator[World]:
    world = telling_world(schema, story)
    yield world
    world.stop()


@pytest.fixture(params=["in memory", "over http"])
def office(request: pytest.FixtureRequest) -> Iterator[BillingOffice]:
    if request.param == "in memory":
        yield BillingOffice(MemoryStage())
        return
    stage = HttpStage(request.getfixturevalue("telling"))
    yield BillingOffice(stage)
    stage.close()
