"""Tells Dataverse to call us: a webhook endpoint and, for each of our messages, a synchronous step before validation.

Neither is shipped in the solution: the secret and the address belong to an installation, and the id of a custom API's
message to an environment. All ids are fixed, so registering again changes what is there.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5
from xml.sax.saxutils import quoteattr

from connector.dataverse.http import Dataverse
from connector.dataverse.odata import Operation, Reply, bind, literal, row, with_query
from plugins.rules.ids import NAMESPACE

SECRET_HEADER = "x-counterfoil-secret"  # noqa: S105 (the header's name)
ENDPOINT_ID = uuid5(NAMESPACE, "serviceendpoint:counterfoil")

_WEBHOOK, _HTTP_HEADER, _JSON = 8, 5, 2
_SYNCHRONOUS = 0
_PRE_VALIDATION = 10
"""Outside the transaction: only there may the called service write to the very rows that the user is looking at."""


class NotRegistered(Exception):
    """The environment lacks what we would register for."""


def step_id(message: str) -> UUID:
    return uuid5(NAMESPACE, f"sdkmessageprocessingstep:{message}")


def register(
    dataverse: Dataverse, url: str, secret: str, messages: Mapping[str, str | None], *, within: float = 60.0
) -> list[str]:
    """Registers `url`, to be called with `secret` in a header, for `messages`: name → table it is bound to, or None.

    Answers with a line for each thing done. Raises `NotRegistered` before anything is written, `DataverseError`.
    """
    found = {message: _find(dataverse, message, table, within) for message, table in messages.items()}
    done = [_told("service endpoint", url, _upsert_endpoint(dataverse, url, secret, within))]
    for message, (message_id, filter_id) in found.items():
        reply = _upsert_step(dataverse, message, message_id, filter_id, within)
        done.append(_told("step", f"{message} (synchronous, pre-validation)", reply))
        if isinstance(reply.body, Mapping) and reply.body.get("statecode") not in {0, None}:
            path = row("sdkmessageprocessingsteps", step_id(message))
            enabled = Operation("PATCH", path, {"If-Match": "*"}, {"statecode": 0, "statuscode": 1})
            dataverse.send(enabled, within=within)
            done.append(f"step {message}: enabled")
    return done


def _find(dataverse: Dataverse, message: str, table: str | None, within: float) -> tuple[UUID, UUID | None]:
    """The ids of the message and of its filter for the table, which differ from environment to environment."""
    messages = _rows(
        dataverse,
        "sdkmessages",
        {"$select": "sdkmessageid", "$filter": f"name eq {literal(message)}"},
        within,
    )
    if not messages:
        raise NotRegistered(f"the environment has no message {message}: import the solution first")
    message_id = UUID(messages[0]["sdkmessageid"])
    bound_to = literal(table or "none")
    query = {
        "$select": "sdkmessagefilterid",
        "$filter": f"_sdkmessageid_value eq {message_id} and primaryobjecttypecode eq {bound_to}",
    }
    filters = _rows(dataverse, "sdkmessagefilters", query, within)
    if not filters and table is not None:
        raise NotRegistered(f"the message {message} of this environment is not bound to {table}")
    return message_id, UUID(filters[0]["sdkmessagefilterid"]) if filters else None


def _rows(
    dataverse: Dataverse, entity_set: str, query: Mapping[str, str], within: float
) -> list[Mapping[str, Any]]:
    return dataverse.rows(Operation("GET", with_query(entity_set, query)), within=within)


def _upsert_endpoint(dataverse: Dataverse, url: str, secret: str, within: float) -> Reply:
    header = f"<setting name={quoteattr(SECRET_HEADER)} value={quoteattr(secret)} />"
    endpoint = {
        "name": "Counterfoil",
        "description": "The Counterfoil service, which charges invoices and keeps their ledgers.",
        "contract": _WEBHOOK,
        "connectionmode": 1,
        "authtype": _HTTP_HEADER,
        "authvalue": f"<settings>{header}</settings>",
        "url": url,
        "path": "",
        "solutionnamespace": "",
        "userclaim": 1,
        "messageformat": _JSON,
    }
    return _upsert(dataverse, row("serviceendpoints", ENDPOINT_ID), endpoint, within)


def _upsert_step(
    dataverse: Dataverse, message: str, message_id: UUID, filter_id: UUID | None, within: float
) -> Reply:
    step: dict[str, object] = {
        "name": f"Counterfoil: {message}",
        "mode": _SYNCHRONOUS,
        "stage": _PRE_VALIDATION,
        "rank": 1,
        "supporteddeployment": 0,
        "invocationsource": 0,
        "sdkmessageid@odata.bind": bind("sdkmessages", message_id),
        "eventhandler_serviceendpoint@odata.bind": bind("serviceendpoints", ENDPOINT_ID),
    }
    if filter_id is not None:
        step["sdkmessagefilterid@odata.bind"] = bind("sdkmessagefilters", filter_id)
    return _upsert(dataverse, row("sdkmessageprocessingsteps", step_id(message)), step, within)


def _upsert(dataverse: Dataverse, path: str, body: Mapping[str, object], within: float) -> Reply:
    headers = {"Prefer": "return=representation"}  # its status tells whether the row is new
    return dataverse.send(Operation("PATCH", path, headers, body), within=within)


def _told(what: str, name: str, reply: Reply) -> str:
    return f"{what} {name}: {'registered' if reply.status == 201 else 'updated'}"
