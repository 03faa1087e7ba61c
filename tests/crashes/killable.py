"""The service as a real process behind real sockets, and a tripwire on which it is killed at a given remote call."""

import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import requests

from connector import install, settings
from connector.settings import PREFIX
from sandbox.clock import Clock
from sandbox.crm.schema import Schema
from sandbox.server import Servers, Site, listen
from sandbox.tls import Authority
from sandbox.wire import Handler, Request, Response
from sandbox.world import STRIPE_API_KEY, Addresses, World

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30


class Moment(StrEnum):
    NEVER_SENT = "before it is sent"
    ON_THE_WIRE = "while it is on the wire"
    CARRIED_OUT = "after it was carried out"


@dataclass
class Tripwire:
    """Counts the service's calls of one charge (not those of its sweep), and kills it at one of them."""

    kill: Callable[[], None]
    at: int | None = None
    moment: Moment = Moment.NEVER_SENT
    calls: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, at: int, moment: Moment) -> None:
        with self._lock:
            self.at, self.moment, self.calls = at, moment, []

    @property
    def tripped(self) -> bool:
        return self.at is not None and len(self.calls) > self.at

    def over(self, handler: Handler) -> Handler:
        def handle(request: Request) -> Response:
            if not self._is_hit(request):
                return handler(request)
            if self.moment is Moment.NEVER_SENT:
                self.kill()
                return Response(503, drop=True)
            if self.moment is Moment.ON_THE_WIRE:
                self.kill()
                handler(request)
            else:
                handler(request)
                self.kill()
            return Response(503, drop=True)

        return handle

    def _is_hit(self, request: Request) -> bool:
        ours = request.headers.get("authorization", "").startswith("Bearer ")
        if self.at is None or not ours or re.search(rb"filter=cfl_nextcheckon", request.body):
            return False
        with self._lock:
            self.calls.append(f"{request.method} {request.path}")
            return len(self.calls) - 1 == self.at


@dataclass
class Service:
    """`python -m connector serve`, as often as it is killed."""

    environment: dict[str, str]
    address: str
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it is well."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "connector", "serve"], cwd=ROOT, env=self.environment
        )
        patience = threading.Event()
        for _ in range(START_SECONDS * 20):
            if self._is_well():
                return
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended with {self.process.returncode}")
            patience.wait(0.05)
        raise AssertionError("the service did not become well")

    def kill(self) -> None:
        """As when the machine loses its power."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    @property
    def is_dead(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def _is_well(self) -> bool:
        with requests.Session() as session:
            session.trust_env = False
            try:
                return session.get(f"{self.address}/health", timeout=5).ok
            except requests.ConnectionError:
                return False


@dataclass
class Theatre:
    """A world behind sockets, a service that can die, and the tripwire between them."""

    world: World
    service: Service
    tripwire: Tripwire


@contextmanager
def open_theatre(schema: Schema, folder: Path) -> Iterator[Theatre]:
    """Everything started and introduced to each other."""
    clock_file = folder / "clock"
    listeners = [listen(0) for _ in range(3)]
    crm, tls, stripe = (each.getsockname()[1] for each in listeners)
    port = _free_port()
    authority, addon = Authority(), f"http://127.0.0.1:{port}"
    addresses = Addresses(
        crm=f"http://127.0.0.1:{crm}",
        crm_tls=f"https://127.0.0.1:{tls}",
        stripe=f"http://127.0.0.1:{stripe}",
        addon=addon,
        ca_bundle=authority.write_bundle(folder),
    )
    world = World(schema, clock=Clock(clock_file), addresses=addresses)
    told = world.environment()
    given = {
        "DATAVERSE_URL": addresses.crm_tls,
        "ORGANIZATION_ID": told["organization_id"],
        "TENANT_ID": told["tenant"],
        "CLIENT_ID": told["client_id"],
        "CLIENT_SECRET": told["client_secret"],
        "AUTHORITY": addresses.authority,
        "CA_BUNDLE": str(addresses.ca_bundle),
        "WEBHOOK_SECRET": secrets.token_hex(32),
        "STRIPE_API_KEY": STRIPE_API_KEY,
        "STRIPE_API_BASE": addresses.stripe,
        "STRIPE_WEBHOOK_SECRET": "whsec_nobody_sends_events_here",
        "PORT": str(port),
        "STATE_DIR": str(folder),
        "CLOCK_FILE": str(clock_file),
        "LOG_LEVEL": "error",
    }
    environment = {PREFIX + name: value for name, value in given.items()}
    service = Service(environment, addon)
    tripwire = Tripwire(service.kill)
    servers = Servers(
        [
            Site(listeners[0], world.crm_front.handle),
            Site(listeners[1], tripwire.over(world.crm_front.handle), authority.server_context()),
            Site(listeners[2], tripwire.over(world.stripe_front.handle)),
        ]
    )
    servers.start()
    world.start()
    try:
        service.start()
        install.register(settings.load(environment), addon)
        yield Theatre(world, service, tripwire)
    finally:
        service.kill()
        servers.stop()
        world.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
