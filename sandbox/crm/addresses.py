"""Addresses of rows and collections: `accounts(guid)`, `cfl_requests(cfl_key='k')`, relative, absolute or from the root."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from sandbox.crm import errors, values
from sandbox.crm.schema import LOOKUPS, Column, Kind, Row, Schema, Table
from sandbox.crm.store import Store

_GUID = re.compile(r"\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,4})?")


@dataclass(frozen=True)
class RowAddress:
    """One row, by id or by the values of an alternate key."""

    table: Table
    id: UUID | None
    key: Row
    segment: str
    """As the client wrote it: what OData-EntityId repeats after an upsert by key."""

    def find(self, store: Store) -> UUID | None:
        """The id of the row it names; None when there is none."""
        if self.id is not None:
            found = store.sql(
                f'SELECT 1 FROM "{self.table.name}" WHERE "{self.table.primary_key}" = ?', [str(self.id)]
            )
            return self.id if found else None
        rows = store.select(self.table, self.key, limit=1)
        found_id = rows[0][self.table.primary_key] if rows else None
        return found_id if isinstance(found_id, UUID) else None

    def missing(self) -> errors.ApiError:
        if self.id is not None:
            return errors.not_found(self.table.name, self.id)
        return errors.not_found_by_key(self.table.name)


def read_segment(schema: Schema, segment: str) -> tuple[Table, RowAddress | None]:
    """A decoded path segment: a collection, or one of its rows."""
    name, bracket, rest = segment.partition("(")
    table = schema.entity_sets.get(name)
    if table is None:
        raise errors.unknown_segment(name)
    if not bracket:
        return table, None
    if not rest.endswith(")"):
        raise errors.unknown_segment(segment)
    return table, read_key(table, rest[:-1].strip(), segment)


def read_key(table: Table, text: str, segment: str) -> RowAddress:
    """What stands in the parentheses: a guid, or `column=value` pairs of an alternate key."""
    if _GUID.fullmatch(text):
        return RowAddress(table, UUID(text), {}, segment)
    given = dict(pairs(text, segment))
    if set(given) == {table.primary_key}:
        return RowAddress(table, values.read_guid(table.primary_key, given[table.primary_key]), {}, segment)
    by_property = {column.property_name: column for column in table.columns.values()}
    columns: dict[str, Column] = {}
    for name in given:
        column = by_property.get(name) or table.columns.get(name)
        if column is None:
            raise errors.unknown_property(name, table.name)
        columns[name] = column
    if table.key_of(column.name for column in columns.values()) is None:
        raise errors.unknown_key(", ".join(given), table.name)
    key: Row = {columns[name].name: _key_value(table, columns[name], text) for name, text in given.items()}
    return RowAddress(table, None, key, segment)


def read_reference(schema: Schema, root: str, value: Any) -> RowAddress:
    """The value of an `@odata.bind` or `@odata.id`: `/accounts(guid)`, `accounts(guid)` or an absolute address."""
    if not isinstance(value, str) or not value:
        raise errors.bad_payload(f"{value!r} is not the address of a row.")
    path = value.partition("?")[0]
    if "://" in path:
        path = "/" + path.split("/", 3)[3] if path.count("/") >= 3 else ""
    position = path.find(root)
    segment = unquote(path[position + len(root) :] if position >= 0 else path).strip("/")
    table, address = read_segment(schema, segment)
    if address is None:
        raise errors.bad_payload(f"{value!r} is a collection of {table.name}, not a row.")
    return address


def pairs(text: str, segment: str) -> list[tuple[str, str]]:
    """`a='x, y',b=5`: commas in quotes belong to the value."""
    found = re.findall(r"\s*([A-Za-z_][\w.]*)\s*=\s*('(?:[^']|'')*'|[^,']+)\s*(?:,|$)", text)
    if not found:
        raise errors.unknown_segment(segment)
    return [(name, value.strip()) for name, value in found]


def _key_value(table: Table, column: Column, text: str) -> Any:
    quoted = text.startswith("'")
    plain = text[1:-1].replace("''", "'") if quoted else text
    if column.kind in {Kind.STRING, Kind.MEMO}:
        if not quoted:
            raise errors.wrong_type(column.name, values.edm_type(column), text)
        return plain
    if column.kind in LOOKUPS or column.kind is Kind.KEY:
        return values.read_guid(column.name, plain)
    if column.kind is Kind.DATETIME:
        return values.read(table, column, plain)
    exact = column.kind in {Kind.DECIMAL, Kind.MONEY}
    if not (_DECIMAL if exact else _WHOLE).fullmatch(plain):
        raise errors.wrong_type(column.name, values.edm_type(column), text)
    return Decimal(plain) if exact else int(plain)
