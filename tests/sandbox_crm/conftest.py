"""One CRM with the demo data for these tests; each of them finds it reset."""

from collections.abc import Iterator

import pytest

from sandbox.crm.schema import Schema
from sandbox.world import World
from tests.sandbox_crm.client import Client


@pytest.fixture(scope="session")
def _shared(schema: Schema) -> Iterator[World]:
    world = World(schema)
    yield world
    world.stop()


@pytest.fixture
def crm(_shared: World) -> Client:
    """The administrator's client of the local CRM."""
    _shared.reset()
    _shared.crm.store.read_only_rule = True
    return Client(_shared)
