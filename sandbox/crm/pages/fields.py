"""One field of a form: how it is shown, and when it may be typed into, what the browser needs to read and save it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.crm.pages import shown
from sandbox.crm.pages.reads import ApiRow
from sandbox.crm.pages.shown import Shown
from sandbox.crm.schema import LOOKUPS, Column, Kind, Schema, Table

_INPUTS = {
    Kind.MEMO: "memo",
    Kind.BOOLEAN: "choice",
    Kind.PICKLIST: "choice",
    Kind.STATUS: "choice",
    Kind.INTEGER: "number",
    Kind.DECIMAL: "number",
    Kind.MONEY: "number",
    Kind.DATETIME: "moment",
    Kind.LOOKUP: "lookup",
    Kind.CUSTOMER: "lookup",
    Kind.OWNER: "lookup",
}
_ATTRIBUTE_TYPES = {
    Kind.STRING: "string",
    Kind.MEMO: "memo",
    Kind.INTEGER: "integer",
    Kind.DECIMAL: "decimal",
    Kind.DOUBLE: "double",
    Kind.MONEY: "money",
    Kind.BOOLEAN: "boolean",
    Kind.DATETIME: "datetime",
    Kind.PICKLIST: "optionset",
    Kind.STATE: "optionset",
    Kind.STATUS: "optionset",
    Kind.LOOKUP: "lookup",
    Kind.CUSTOMER: "lookup",
    Kind.OWNER: "lookup",
}

_LOOKUP_VIEW = 64


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Field:
    id: str
    """Of the control; unique on the page."""
    column: str
    label: str
    shown: Shown
    numeric: bool = False
    input: str = ""
    """text, memo, choice, number, date, moment or lookup; empty when it cannot be typed into."""
    typed: str = ""
    """What stands in the input."""
    choices: list[Choice] = field(default_factory=list)
    required: bool = False
    max_length: int | None = None
    show_label: bool = True


def of(
    schema: Schema,
    table: Table,
    column: Column,
    row: ApiRow | None,
    *,
    control: str,
    label: str,
    editable: bool,
) -> Field:
    """`row` is None for a record that is being created."""
    return Field(
        id=control,
        column=column.name,
        label=label,
        shown=shown.value(schema, table, column, row or {}),
        numeric=column.kind in shown.NUMERIC,
        input=_input(column) if editable else "",
        typed=_typed(column, row or {}),
        choices=_choices(column, row),
        required=column.required in {"required", "systemrequired"},
        max_length=column.max_length,
    )


def for_script(
    schema: Schema, table: Table, column: Column, row: ApiRow | None, *, editable: bool
) -> dict[str, Any]:
    """What the form script needs of a column: its value as the client API gives it, and how to save it."""
    described: dict[str, Any] = {
        "name": column.name,
        "type": _ATTRIBUTE_TYPES.get(column.kind, "string"),
        "value": _client_value(column, row or {}),
        "required": column.required in {"required", "systemrequired"},
        "editable": editable,
        "text": shown.value(schema, table, column, row or {}).text if row else "",
    }
    if column.kind in LOOKUPS:
        described["targets"] = [
            {
                "table": relationship.parent,
                "set": schema.table(relationship.parent).entity_set,
                "id": schema.table(relationship.parent).primary_key,
                "name": schema.table(relationship.parent).primary_name,
                "label": schema.table(relationship.parent).label,
                "bind": navigation,
                "more": _second_of_lookup_view(schema, schema.table(relationship.parent)),
            }
            for navigation, relationships in table.lookups.items()
            for relationship in relationships
            if relationship.column == column.name
        ]
    if column.kind is Kind.DATETIME and column.date_only:
        described["format"] = "date"
    return described


def _second_of_lookup_view(schema: Schema, table: Table) -> str:
    """What tells two records of the same name apart while one is looked for: the lookup view's second column."""
    for view in schema.views:
        if view.table == table.name and view.query_type == _LOOKUP_VIEW:
            names = [cell.get("name", "") for cell in view.layout.iter("cell")]
            others = [name for name in names if name in table.columns and name != table.primary_name]
            return table.columns[others[0]].property_name if others else ""
    return ""


def _input(column: Column) -> str:
    if column.kind is Kind.DATETIME and column.date_only:
        return "date"
    return _INPUTS.get(column.kind, "text")


def _typed(column: Column, row: ApiRow) -> str:
    raw = row.get(column.property_name)
    if raw is None:
        return ""
    if column.kind in LOOKUPS:
        return shown.lookup_text(column, row)
    if column.kind is Kind.MONEY and isinstance(raw, Decimal | int):
        return format(Decimal(raw).normalize(), "f") if raw else "0"
    if column.kind is Kind.DATETIME and not column.date_only:
        return datetime.fromisoformat(str(raw)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
    return str(raw)


def _choices(column: Column, row: ApiRow | None) -> list[Choice]:
    if column.options is None:
        return []
    raw = column.default if row is None else row.get(column.property_name)
    offered = column.options.options
    if column.kind is Kind.STATUS:
        state = 0 if row is None else row.get("statecode")
        offered = tuple(option for option in offered if option.state == state)
    if column.kind is Kind.BOOLEAN:
        return [
            Choice("true" if option.value else "false", option.label, raw is bool(option.value))
            for option in offered
        ]
    return [Choice(str(option.value), option.label, raw == option.value) for option in offered]


def _client_value(column: Column, row: ApiRow) -> Any:
    raw = row.get(column.property_name)
    if raw is None:
        return None
    if column.kind in LOOKUPS:
        return [
            {
                "id": f"{{{str(raw).upper()}}}",
                "name": shown.lookup_text(column, row),
                "entityType": shown.target_of(column, row),
            }
        ]
    return float(raw) if isinstance(raw, Decimal) else raw
