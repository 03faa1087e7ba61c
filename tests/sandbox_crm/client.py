"""A client of the Web API without HTTP: says what to send and by whom, and reads answers exactly."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.crm.bodies import SERVICE_PATH
from sandbox.demo.story import row_id
from sandbox.wire import Request
from sandbox.world import World

ROOT = f"http://127.0.0.1{SERVICE_PATH}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text, parse_float=Decimal)

    @property
    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json["value"]
        return found

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])

    @property
    def message(self) -> str:
        return str(self.json["error"]["message"])

    @property
    def id(self) -> str:
        """The id of the row that a create or an upsert by id answered with."""
        return self.headers["odata-entityid"].rsplit("(", 1)[1].rstrip(")")

    @property
    def etag(self) -> str:
        return self.headers["etag"]


@dataclass
class Client:
    """Requests in the name of one of the demo's users."""

    world: World
    user: str = "admin"
    headers: dict[str, str] = field(default_factory=dict)

    def acting_as(self, user: str) -> "Client":
        return Client(self.world, user, self.headers)

    def send(
        self, method: str, address: str, body: Any = None, content: bytes = b"", **headers: str
    ) -> Answer:
        """`address` is relative to the service root or absolute; header names are written with underscores."""
        path, _, query = address.removeprefix(ROOT).partition("?")
        raw = content if body is None else json.dumps(body, default=_number).encode()
        named = {name.replace("_", "-"): value for name, value in {**self.headers, **headers}.items()}
        actor = self.world.crm.security.actor(row_id("systemuser", self.user))
        request = Request(method, SERVICE_PATH + path, query, named, raw, "http://127.0.0.1")
        response = self.world.crm.web_api.handle(request, actor)
        return Answer(response.status, response.headers, response.body.decode())

    def get(self, address: str, **headers: str) -> Answer:
        return self.send("GET", address, None, b"", **headers)

    def post(self, address: str, body: Any = None, **headers: str) -> Answer:
        return self.send("POST", address, body, b"", **headers)

    def patch(self, address: str, body: Any, **headers: str) -> Answer:
        return self.send("PATCH", address, body, b"", **headers)

    def delete(self, address: str, **headers: str) -> Answer:
        return self.send("DELETE", address, None, b"", **headers)

    def make(self, entity_set: str, **columns: Any) -> str:
        """Creates a row and returns its address, `accounts(id)`. `nav__bind` becomes `nav@odata.bind`."""
        body = {name.replace("__bind", "@odata.bind"): value for name, value in columns.items()}
        answer = self.post(entity_set, body)
        assert answer.status == 204, answer.text
        return f"{entity_set}({answer.id})"

    def etag(self, address: str) -> str:
        return self.get(address).etag


def _number(value: Any) -> Any:
    """Decimals that a test writes out are sent as numerals: `json` can only write floats, so whole ones are ints."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    if isinstance(value, Decimal):
        return float(value)
    return str(value)


def demo_id(table: str, name: str) -> UUID:
    """The id of a row of the demo story."""
    return row_id(table, name)
