"""RemoteExecutionContext: the JSON that a webhook receives, in the shape and spelling of the platform's own serializer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid4

from sandbox.crm import payload
from sandbox.crm.pipeline import Choice, Event, Money, Reference
from sandbox.crm.schema import CHOICES, LOOKUPS, Column, Kind, Schema, Table

_CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"
_NO_ID = UUID(int=0)

PAYLOAD_LIMIT = 256 * 1024
"""Bytes; above it the platform leaves the parameters and images out and says so in a header."""


@dataclass(frozen=True)
class Image:
    """An image that a step asked for: its alias, before or after, and which columns (empty: all)."""

    alias: str
    before: bool
    columns: frozenset[str]


@dataclass(frozen=True)
class Envelope:
    """Where and when an event is told: everything around the event itself."""

    organization_id: UUID
    organization_name: str
    step_id: UUID
    step_name: str
    stage: int
    mode: int
    in_transaction: bool
    created_on: datetime
    user_id: UUID
    images: tuple[Image, ...] = ()


def write(schema: Schema, event: Event, envelope: Envelope) -> tuple[bytes, bool]:
    """The body to send, and whether it had to be cut down because it was over the size limit."""
    context = _context(schema, event, envelope)
    body = _serialized(context)
    if len(body) <= PAYLOAD_LIMIT:
        return body, False
    for name in ("ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages"):
        del context[name]
    return _serialized(context), True


def _context(schema: Schema, event: Event, envelope: Envelope) -> dict[str, Any]:
    return {
        "BusinessUnitId": str(event.actor.business_unit_id),
        "CorrelationId": str(event.correlation_id),
        "Depth": 1,
        "InitiatingUserId": str(event.actor.user_id),
        "InputParameters": _pairs(_input_parameters(schema, event)),
        "IsExecutingOffline": False,
        "IsInTransaction": envelope.in_transaction,
        "IsOfflinePlayback": False,
        "IsolationMode": 1,
        "MessageName": event.message,
        "Mode": envelope.mode,
        "OperationCreatedOn": _moment(envelope.created_on),
        "OperationId": str(uuid4() if envelope.mode else _NO_ID),
        "OrganizationId": str(envelope.organization_id),
        "OrganizationName": envelope.organization_name,
        "OutputParameters": _pairs(
            {"id": str(event.row_id)} if event.message == "Create" and envelope.stage == 40 else {}
        ),
        "OwningExtension": {
            "Id": str(envelope.step_id),
            "KeyAttributes": [],
            "LogicalName": "sdkmessageprocessingstep",
            "Name": envelope.step_name,
            "RowVersion": None,
        },
        "ParentContext": None,
        "PostEntityImages": _images(schema, event, envelope, before=False),
        "PreEntityImages": _images(schema, event, envelope, before=True),
        "PrimaryEntityId": str(event.row_id or _NO_ID),
        "PrimaryEntityName": event.table or "none",
        "RequestId": str(uuid4()) if envelope.mode else None,
        "SecondaryEntityName": "none",
        "SharedVariables": [],
        "Stage": envelope.stage,
        "UserId": str(envelope.user_id),
    }


def _input_parameters(schema: Schema, event: Event) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if event.table is not None and event.target is not None:
        table = schema.table(event.table)
        parameters["Target"] = _entity(table, event.row_id, event.target)
    elif event.table is not None and event.row_id is not None:
        parameters["Target"] = _value(Reference(event.table, event.row_id))
    return parameters | {name: _value(value) for name, value in event.parameters.items()}


def _images(schema: Schema, event: Event, envelope: Envelope, *, before: bool) -> list[dict[str, Any]]:
    row = event.before if before else event.after
    if event.table is None or row is None:
        return []
    table = schema.table(event.table)
    images: dict[str, Any] = {}
    for image in envelope.images:
        if image.before == before:
            columns = {n: v for n, v in row.items() if not image.columns or n in image.columns}
            images[image.alias] = _entity(table, event.row_id, columns)
    if envelope.mode and not before:
        name = {table.primary_name: row.get(table.primary_name)} if table.primary_name else {}
        images["AsynchronousStepPrimaryName"] = _entity(table, event.row_id, name)
    return _pairs(images)


def _entity(table: Table, row_id: UUID | None, row: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {
        name: _column_value(table.columns[name], value, row)
        for name, value in row.items()
        if name in table.columns and table.columns[name].readable
    }
    return {
        "__type": f"Entity:{_CONTRACTS}",
        "Attributes": _pairs(attributes),
        "EntityState": None,
        "FormattedValues": [],
        "Id": str(row_id or _NO_ID),
        "KeyAttributes": [],
        "LogicalName": table.name,
        "RelatedEntities": [],
        "RowVersion": str(row["versionnumber"]) if row.get("versionnumber") else None,
    }


def _column_value(column: Column, value: Any, row: Mapping[str, Any]) -> Any:
    if value is None or isinstance(value, Reference):
        return _value(value)
    if column.kind is Kind.MONEY:
        return _value(Money(value))
    if column.kind in CHOICES:
        return _value(Choice(value))
    if column.kind in LOOKUPS:
        pointed_at = row.get(column.type_name) if column.polymorphic else column.targets[0]
        return _value(Reference(str(pointed_at), value))
    return _value(value)


def _value(value: Any) -> Any:
    """A Python value as the serializer writes it."""
    match value:
        case Money():
            return {"__type": f"Money:{_CONTRACTS}", "Value": _value(value.value)}
        case Choice():
            return {"__type": f"OptionSetValue:{_CONTRACTS}", "Value": value.value}
        case Reference():
            return {
                "__type": f"EntityReference:{_CONTRACTS}",
                "Id": str(value.id),
                "KeyAttributes": [],
                "LogicalName": value.table,
                "Name": value.name,
                "RowVersion": None,
            }
        case datetime():
            return _moment(value)
        case date():
            return _moment(datetime.combine(value, time(), UTC))
        case UUID():
            return str(value)
        case list() | tuple():
            return [_value(item) for item in value]
        case _:
            return value


def _moment(moment: datetime) -> str:
    return f"/Date({int(moment.timestamp() * 1000)})/"


def _pairs(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": value} for name, value in values.items()]


def _serialized(context: Mapping[str, Any]) -> bytes:
    return payload.dumps(context).replace(b"/", rb"\/")
