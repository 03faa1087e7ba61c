"""The stages on which every implementation of the books is asked the same, and the terminals for the gateway's."""

from collections.abc import Iterator

import pytest

from plugins.ports import Books, Gateway
from sandbox.crm.schema import Schema
from sandbox.world import World
from tests.contracts import stages
from tests.contracts.stages import MemoryStage, SandboxStage, Validation
from tests.contracts.stages import Stage as OnStage
from tests.contracts.terminals import LocalTerminal, ScriptedTerminal, Terminal
from tests.fakes.clock import ManualClock


@pytest.fixture(scope="session")
def watched(schema: Schema) -> Iterator[tuple[World, Validation]]:
    world, validation = stages.sandbox_world(schema)
    yield world, validation
    world.stop()


@pytest.fixture(params=["memory", "sandbox"])
def stage(request: pytest.FixtureRequest) -> OnStage:
    if request.param == "memory":
        return MemoryStage(ManualClock())
    return SandboxStage(*request.getfixturevalue("watched"))


@pytest.fixture(params=["scripted", "local stripe"])
def terminal(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    if request.param == "scripted":
        yield ScriptedTerminal()
        return
    made = LocalTerminal()
    yield made
    made.closes()


@pytest.fixture
def gateway(terminal: Terminal) -> Gateway:
    return terminal.gateway


@pytest.fixture
def books(stage: OnStage) -> Books:
    return stage.books
