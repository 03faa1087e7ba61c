"""An installation that is well: the sandbox behind real sockets, a service that answers, everything registered."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from stripe._v1_services import V1Services

from connector import install, settings, web
from connector.doctor import examine
from connector.doctor.check import Check
from connector.metrics import Metrics
from connector.serving import Server, listen, port_of
from connector.settings import PREFIX, SettingsError
from connector.stripe import endpoints
from connector.stripe.client import Stripe, pooled_session
from tests.conftest import Running
from tests.connector.test_settings import GOOD
from tests.connector.web.scripted import ScriptedApp
from tests.logging_restored import logging_restored

__all__ = ["logging_restored"]


@dataclass
class Installation:
    """What a test may break."""

    sandbox: Running
    folder: Path
    service: ScriptedApp
    public_url: str
    stripe: Stripe
    given: dict[str, str] = field(default_factory=dict)

    def set(self, name: str, value: str | None) -> None:
        if value is None:
            self.given.pop(PREFIX + name, None)
        else:
            self.given[PREFIX + name] = value

    def settings(self) -> settings.Settings:
        return settings.load(self.given)

    def examined(self, *areas: str) -> list[Check]:
        """Of all areas unless some are named."""
        try:
            return list(examine.examine(self.settings(), areas or examine.AREAS, patience=2))
        except SettingsError as e:
            return [examine.of_settings(e)]

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """A request to the Web API by the system administrator."""
        origin = self.sandbox.addresses.crm
        with requests.Session() as session:
            session.trust_env = False
            session.post(f"{origin}/sandbox/signin", json={"user": "admin"}, timeout=10).raise_for_status()
            answer = session.request(method, f"{origin}/api/data/v9.2/{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def first(self, path: str, key: str) -> str:
        """The id of the first row of a query."""
        return str(self.admin("GET", path)["value"][0][key])

    @property
    def v1(self) -> V1Services:
        return self.stripe.within(10).v1

    def endpoint(self) -> str:
        """The id of our webhook endpoint in Stripe."""
        return endpoints.find(self.stripe, f"{self.public_url}/stripe")[0].id


@pytest.fixture(scope="session")
def _service() -> Iterator[tuple[ScriptedApp, str]]:
    app = ScriptedApp()
    listener = listen("127.0.0.1", 0)
    server = Server(web.create(app, settings.load(GOOD), app, Metrics()), listener, grace=1)
    server.start()
    yield app, f"http://127.0.0.1:{port_of(listener)}"
    server.stop()


@pytest.fixture
def installation(servers: Running, _service: tuple[ScriptedApp, str], tmp_path: Path) -> Installation:
    app, public_url = _service
    app.lines = ScriptedApp().lines
    told = servers.world.environment()
    client = Stripe(told["stripe_api_key"], told["stripe"], pooled_session())
    made = Installation(servers, tmp_path, app, public_url, client)
    for name, value in {
        "DATAVERSE_URL": told["tls_url"],
        "ORGANIZATION_ID": told["organization_id"],
        "TENANT_ID": told["tenant"],
        "CLIENT_ID": told["client_id"],
        "CLIENT_SECRET": told["client_secret"],
        "AUTHORITY": told["authority"],
        "CA_BUNDLE": told["ca_bundle"],
        "WEBHOOK_SECRET": "a-webhook-secret-of-some-length",
        "STRIPE_API_KEY": told["stripe_api_key"],
        "STRIPE_API_BASE": told["stripe"],
        "STRIPE_WEBHOOK_SECRET": endpoints.create(client, f"{public_url}/stripe"),
        "PUBLIC_URL": public_url,
    }.items():
        made.set(name, value)
    install.register(made.settings(), public_url)
    return made
