"""Reads the JSON body of a write into columns: every refusal of a single value happens here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.crm import errors, values
from sandbox.crm.addresses import RowAddress, read_reference
from sandbox.crm.pipeline import Reference
from sandbox.crm.schema import LOOKUPS, Kind, Relationship, Row, Table, Value
from sandbox.crm.store import Store

SERVICE_PATH = "/api/data/v9.2/"


@dataclass
class Changes:
    """Columns to write, and the rows that lookups among them will point at."""

    row: Row = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)
    """Lookup column -> where it will lead."""
    children: list[tuple[Relationship, list[dict[str, Any]]]] = field(default_factory=list)
    """Rows to be made below a new one: deep insert, one-to-many."""


def read_body(store: Store, table: Table, body: Mapping[str, Any], *, creating: bool) -> Changes:
    """Columns that the platform fills by itself are skipped, as it does."""
    changes = Changes()
    for name, value in body.items():
        if name.endswith("@odata.bind"):
            _bind(store, table, name.removesuffix("@odata.bind"), value, changes)
        elif "@" in name:
            continue
        else:
            _read_column(table, name, value, changes, creating=creating)
    return changes


def set_reference(table: Table, changes: Changes, column: str, target: Reference | None) -> None:
    changes.row[column] = target.id if target else None
    if table.columns[column].polymorphic:
        changes.row[table.columns[column].type_name] = target.table if target else None
    if target:
        changes.references[column] = target


def as_entity(table: Table, row: Mapping[str, Value]) -> dict[str, Any]:
    """A row as events show it: lookups as references, companion columns left out."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        column = table.columns.get(name)
        if column is None:
            continue
        if column.kind in LOOKUPS and value is not None:
            target = row[column.type_name] if column.polymorphic else column.targets[0]
            shown[name] = Reference(str(target), values.read_guid(name, str(value)))
        else:
            shown[name] = value
    return shown


def _read_column(table: Table, name: str, value: Any, changes: Changes, *, creating: bool) -> None:
    column = table.columns.get(name)
    if column is None and creating and name in table.collections and isinstance(value, list):
        if not all(isinstance(item, dict) for item in value):
            raise errors.bad_payload(f"'{name}' is a list of rows.")
        changes.children.append((table.collections[name], value))
        return
    if column is None:
        relationships = table.lookups.get(name)
        if relationships and value is None:
            set_reference(table, changes, relationships[0].column, None)
            return
        if name in table.properties or name in table.collections or relationships:
            raise errors.bad_payload(
                f"'{name}' cannot be written directly: use '@odata.bind' with a navigation property."
            )
        raise errors.unknown_column(name, table.name)
    if column.kind in LOOKUPS:
        if value is not None:
            raise errors.bad_payload(f"'{name}' cannot be written directly: use '{name}@odata.bind'.")
        set_reference(table, changes, name, None)
        return
    if isinstance(value, dict | list):
        raise errors.wrong_type(name, values.edm_type(column), value)
    if not (column.creatable if creating else column.updatable) and column.kind is not Kind.STATE:
        return
    changes.row[name] = values.read(table, column, value)


def _bind(store: Store, table: Table, navigation: str, value: Any, changes: Changes) -> None:
    relationships = table.lookups.get(navigation)
    if not relationships:
        raise errors.unknown_column(navigation, table.name)
    if value is None:
        set_reference(table, changes, relationships[0].column, None)
        return
    address = read_reference(store.schema, SERVICE_PATH, value)
    relationship = _leading_to(relationships, address, navigation)
    target = address.find(store)
    if target is None:
        raise address.missing()
    set_reference(table, changes, relationship.column, Reference(address.table.name, target))


def _leading_to(relationships: list[Relationship], address: RowAddress, navigation: str) -> Relationship:
    for relationship in relationships:
        if relationship.parent == address.table.name:
            return relationship
    raise errors.bad_payload(
        f"'{navigation}' leads to {' or '.join(one.parent for one in relationships)}, not to {address.table.name}."
    )
