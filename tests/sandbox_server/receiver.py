"""A webhook receiver for tests, and how one is registered by the Web API alone."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from sandbox.crm.delivery import DeliveryError
from sandbox.world import World

URL = "http://127.0.0.1:9/dataverse"


@dataclass
class Delivery:
    url: str
    headers: dict[str, str]
    body: bytes
    timeout: float

    @property
    def context(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read

    @property
    def parameters(self) -> dict[str, Any]:
        return {pair["key"]: pair["value"] for pair in self.context["InputParameters"]}


@dataclass
class Receiver:
    """Answers with the statuses of its script, then with 200. A None in the script is no answer at all."""

    script: list[int | None] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    while_told: Callable[[Delivery], None] | None = None

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        delivery = Delivery(url, dict(headers), body, timeout)
        self.deliveries.append(delivery)
        if self.while_told is not None:
            self.while_told(delivery)
        status = self.script.pop(0) if self.script else 200
        if status is None:
            raise DeliveryError("ReadTimeout")
        return status


def register_endpoint(client: requests.Session, world: World, **columns: object) -> str:
    """Answers with the address of the new service endpoint, ready for `@odata.bind`."""
    endpoint = {
        "name": "Receiver",
        "url": URL,
        "contract": 8,
        "connectionmode": 1,
        "authtype": 5,
        "authvalue": '<settings><setting name="x-secret" value="s3cret"/></settings>',
        "path": "",
        "solutionnamespace": "",
        "userclaim": 1,
        "messageformat": 2,
        **columns,
    }
    return _created(client, world, "serviceendpoints", endpoint)


def register_step(
    client: requests.Session,
    world: World,
    endpoint: str,
    message: str,
    table: str | None = None,
    **columns: object,
) -> str:
    """Looks up message and filter as a registration tool does, and answers with the address of the new step."""
    root = f"{world.addresses.crm}/api/data/v9.2"
    [found] = client.get(f"{root}/sdkmessages", params={"$filter": f"name eq '{message}'"}).json()["value"]
    message_id = found["sdkmessageid"]
    step: dict[str, object] = {
        "name": f"{message} of {table or 'anything'}",
        "mode": 0,
        "stage": 10,
        "rank": 1,
        "supporteddeployment": 0,
        "invocationsource": 0,
        "sdkmessageid@odata.bind": f"/sdkmessages({message_id})",
        "eventhandler_serviceendpoint@odata.bind": endpoint,
    }
    if table is not None:
        narrowed = f"_sdkmessageid_value eq {message_id} and primaryobjecttypecode eq '{table}'"
        [narrow] = client.get(f"{root}/sdkmessagefilters", params={"$filter": narrowed}).json()["value"]
        step["sdkmessagefilterid@odata.bind"] = f"/sdkmessagefilters({narrow['sdkmessagefilterid']})"
    return _created(client, world, "sdkmessageprocessingsteps", step | columns)


def _created(client: requests.Session, world: World, entity_set: str, row: Mapping[str, object]) -> str:
    answer = client.post(f"{world.addresses.crm}/api/data/v9.2/{entity_set}", json=row)
    assert answer.status_code == 204, answer.text
    return "/" + answer.headers["OData-EntityId"].rpartition("/")[2]
