"""The local CRM put together: one object that answers every request a Dataverse environment would."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from sandbox.clock import Clock
from sandbox.control import BadRequestError, Endpoints, json_object
from sandbox.crm import platformrows
from sandbox.crm.customapi import CustomApis
from sandbox.crm.delivery import Send
from sandbox.crm.errors import ApiError
from sandbox.crm.oauth import Application, Directory
from sandbox.crm.pages.pages import Pages
from sandbox.crm.platformrows import Organization
from sandbox.crm.schema import Row, Schema
from sandbox.crm.security import Security
from sandbox.crm.seeding import Seeder, SeedError
from sandbox.crm.signin import SignIn
from sandbox.crm.signinpage import SignInPage
from sandbox.crm.store import Store
from sandbox.crm.webapi import WebApi
from sandbox.crm.webhooks import Webhooks
from sandbox.front import Caller
from sandbox.wire import Request, Response, json_response

ORGANIZATION = Organization(
    id=UUID("0a6b1c5e-2f4d-4c8a-9e10-c0de0fcf1001"),
    name="counterfoil-sandbox",
    unit_id=UUID("0a6b1c5e-2f4d-4c8a-9e10-c0de0fcf1002"),
    unit_name="Counterfoil Demo",
)
TENANT = UUID("0a6b1c5e-2f4d-4c8a-9e10-c0de0fcf1003")
CLIENT_ID = UUID("0a6b1c5e-2f4d-4c8a-9e10-c0de0fcf1004")
CLIENT_SECRET = "sandbox-client-secret"

# What a reset leaves as it is: what an administrator registered, which no demo data replaces.
_REGISTERED = ("serviceendpoint", "sdkmessageprocessingstep", "sdkmessageprocessingstepimage")


class Crm:
    """A Dataverse environment on SQLite, in memory unless `data` names a file.

    `first_rows` is a snapshot of what a new one starts with and a reset goes back to. `send` delivers webhooks.
    """

    def __init__(
        self,
        schema: Schema,
        clock: Clock,
        first_rows: bytes,
        *,
        data: Path | None = None,
        send: Send | None = None,
    ) -> None:
        self.clock = clock
        self.organization = ORGANIZATION
        self.schema = schema
        self.store = Store(self.schema, clock, data)
        self.security = Security(self.schema, self.store)
        self.directory = Directory(TENANT, clock)
        self.application: Application = self.directory.register(CLIENT_ID, CLIENT_SECRET)
        self.sign_in = SignIn(self.schema, self.store, self.security, self.directory)
        self.webhooks = Webhooks(self.schema, self.store, clock, (ORGANIZATION.id, ORGANIZATION.name), send)
        self.custom_apis = CustomApis(self.schema, self.store, self.security, self.webhooks)
        self.web_api = WebApi(self.store, self.security, self.custom_apis, self.webhooks)
        self._sign_in_page = SignInPage(self.sign_in)
        self._seeder = Seeder(self.schema, self.store, clock)
        self.pages = Pages(self)
        self._first_rows = first_rows
        if not self.store.select(schema.table("organization"), limit=1):
            self.store.restore(first_rows)
        elif data is not None:
            with self.store.transaction():
                platformrows.add_solution(self._seeder, schema, ORGANIZATION)

    def handle(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except ApiError as error:
            body = {"error": {"code": error.code, "message": error.message}}
            return json_response(error.status, body, {"odata-version": "4.0", **error.headers})

    def caller(self, request: Request) -> Caller:
        """Who a request is from, for the log of calls."""
        if self.directory.handles(request.path):
            return Caller()
        try:
            actor = self.sign_in.actor(request)
        except ApiError:
            return Caller()
        acting_for = self.sign_in.login_of(actor.user_id) if actor.impersonated else None
        return Caller(self.sign_in.login_of(actor.authenticated_as), acting_for)

    def endpoints(self) -> Endpoints:
        """The CRM's own part of the control surface."""
        return {**self._sign_in_page.endpoints(), "import": {"POST": self._import}}

    def reset(self) -> None:
        """Back to the demo data, keeping what was registered."""
        kept: dict[str, list[Row]] = {}
        with self.store.transaction():
            for name in _REGISTERED:
                kept[name] = self.store.select(self.schema.table(name))
        self.store.restore(self._first_rows)
        with self.store.transaction():
            for name, rows in kept.items():
                for row in rows:
                    self.store.insert(self.schema.table(name), row)

    def _answer(self, request: Request) -> Response:
        if self.directory.handles(request.path):
            return self.directory.handle(request)
        if request.path.startswith("/api/data/"):
            return self.web_api.handle(request, self.sign_in.actor(request))
        return self.pages.handle(request, self.sign_in.visitor(request))

    def _import(self, request: Request) -> Response:
        tables: Mapping[str, Any] = json_object(request, Decimal)
        for name, rows in tables.items():
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise BadRequestError(f"{name!r} is a list of rows.")
        try:
            return json_response(200, {"imported": self._seeder.load(tables)})
        except SeedError as error:
            raise BadRequestError(str(error)) from error
