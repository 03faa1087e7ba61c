"""What every test may use: the local CRM and the local Stripe, in process or behind real sockets."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
import requests

from sandbox.clock import Clock
from sandbox.crm import solution
from sandbox.crm.crm import CLIENT_ID, ORGANIZATION
from sandbox.crm.schema import Schema
from sandbox.demo import demo
from sandbox.demo.demo import Story
from sandbox.faults import Faults
from sandbox.server import Servers, Site, listen
from sandbox.tls import Authority, ClientCertificate, client_certificate
from sandbox.world import Addresses, World
from tests.in_process import Delays, session

# One browser for all folders: a second one would not start beside it.
pytest_plugins = ["tests.browser.chromium"]

SOLUTION = Path(__file__).resolve().parent.parent / "deploy" / "solution"
TESTS = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Running:
    """A world behind real sockets on 127.0.0.1: CRM over http and TLS, Stripe over http."""

    world: World
    certificate: ClientCertificate
    opened: list[requests.Session] = field(default_factory=list)

    @property
    def addresses(self) -> Addresses:
        return self.world.addresses

    def session(self) -> requests.Session:
        """A session that trusts the sandbox's certificate authority."""
        made = requests.Session()
        made.trust_env = False
        made.verify = str(self.addresses.ca_bundle)
        self.opened.append(made)
        return made

    def close_sessions(self) -> None:
        while self.opened:
            self.opened.pop().close()


@pytest.fixture(scope="session")
def schema() -> Schema:
    """The shipping solution on top of the standard tables."""
    return solution.load(SOLUTION)


@pytest.fixture(scope="session")
def story(schema: Schema) -> Story:
    """The demo data as of the start of the tests, told once."""
    return demo.tell(schema, Clock(), ORGANIZATION, CLIENT_ID)


@pytest.fixture
def delays() -> Delays:
    return Delays()


@pytest.fixture
def world(schema: Schema, story: Story, delays: Delays) -> Iterator[World]:
    """A world of its own, in memory, with the demo data and nothing registered. `world.reset()` takes milliseconds."""
    made = World(schema, story=story, faults=Faults(wait=delays))
    yield made
    made.stop()


@pytest.fixture
def web(world: World, delays: Delays) -> Iterator[requests.Session]:
    """A session that reaches `world` in process, at `world.addresses`."""
    with session(world, delays) as made:
        yield made


@pytest.fixture(scope="session")
def _running(schema: Schema, story: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("sandbox")
    listeners = [listen(0) for _ in range(3)]
    crm, tls, stripe = (listener.getsockname()[1] for listener in listeners)
    authority = Authority()
    world = World(schema, story=story)
    certificate = client_certificate("counterfoil-tests", world.clock.now())
    world.crm.application.register_certificate(certificate.certificate_pem)
    world.move_to(
        Addresses(
            crm=f"http://127.0.0.1:{crm}",
            crm_tls=f"https://127.0.0.1:{tls}",
            stripe=f"http://127.0.0.1:{stripe}",
            ca_bundle=authority.write_bundle(folder),
            client_certificate=certificate.write(folder),
        )
    )
    running = Servers(
        [
            Site(listeners[0], world.crm_front.handle),
            Site(listeners[1], world.crm_front.handle, authority.server_context()),
            Site(listeners[2], world.stripe_front.handle),
        ]
    )
    running.start()
    world.start()
    yield Running(world, certificate)
    running.stop()
    world.stop()


@pytest.fixture
def servers(_running: Running) -> Iterator[Running]:
    """The sandbox behind real sockets, started once; each test finds it reset, with nothing registered."""
    _running.world.reset()
    yield _running
    _running.close_sessions()
    _forget_what_was_registered(_running.world)
    _running.world.reset()


def _forget_what_was_registered(world: World) -> None:
    """A reset keeps it, and a step whose receiver is gone would fail the next test's calls."""
    store = world.crm.store
    with store.transaction():
        for name in ("sdkmessageprocessingstepimage", "sdkmessageprocessingstep", "serviceendpoint"):
            table = world.crm.schema.table(name)
            for row in store.select(table):
                store.delete(table, UUID(str(row[table.primary_key])))


MEASURED = {"plugins", "rules", "connector", "contracts", "documents", "doctor"}
"""Which tests count for the coverage of `plugins` and `connector`: those about them. Measuring doubles the time of a test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What drives a browser or starts processes comes last: the quick answers first; what is not measured is quicker.

    In CI such a test has a second try, which the summary shows: a page has its own pace on a machine that others use too.
    """
    items.sort(
        key=lambda item: (bool(item.get_closest_marker("browser")), bool(item.get_closest_marker("process")))
    )
    for item in items:
        if item.path.relative_to(TESTS).parts[0] not in MEASURED:
            item.add_marker("no_cover")
        if os.environ.get("CI") == "true" and (
            item.get_closest_marker("browser") or item.get_closest_marker("process")
        ):
            item.add_marker(pytest.mark.flaky(reruns=1))
