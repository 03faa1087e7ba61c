"""The whole product in one process: the local CRM and Stripe, the add-on that the CRM calls, and a browser in front."""

from collections.abc import Iterator, Mapping

import pytest

from connector.dataverse import context, registration
from plugins.actions import CallError
from plugins.charge_invoice import ACTION as CHARGE
from plugins.charge_invoice import charge_invoice
from plugins.check_request import ACTION as CHECK
from plugins.check_request import check_request
from sandbox.crm.crm import ORGANIZATION
from sandbox.crm.schema import Schema
from sandbox.demo.demo import Story
from sandbox.faults import Faults
from sandbox.world import World
from tests.crashes.processes import Process
from tests.pages.conftest import biller, browse

__all__ = ["biller", "browse"]

PERFORMERS = {CHARGE.name: charge_invoice, CHECK.name: check_request}


@pytest.fixture
def world(schema: Schema, story: Story) -> Iterator[World]:
    """The demo's story, and an add-on that the CRM was told to call."""

    def add_on(_url: str, _headers: Mapping[str, str], body: bytes, _timeout: float) -> int:
        actions = {each.name: each for each in (CHARGE, CHECK)}
        try:
            call = context.parse(body, process.clock.now(), ORGANIZATION.id, actions)
            PERFORMERS[call.action](call, process.outside)
        except (context.ContextRefused, CallError):
            return 400
        return 200

    made = World(schema, story=story, faults=Faults(wait=lambda _: None), send_to_step=add_on)
    process = Process(made)
    registration.register(
        process.dataverse,
        "https://counterfoil.example/dataverse",
        "a-secret-of-this-installation",
        {each.name: each.bound_to for each in (CHARGE, CHECK)},
    )
    yield made
    made.stop()


@pytest.fixture
def office(world: World) -> Process:
    """Another process of the add-on on the same books: what a sweep or a colleague does."""
    return Process(world)
