"""Rows of the ledger from and to the JSON of the Web API, by the mapping."""

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar, Union
from uuid import UUID

from connector.dataverse import mapping as mappings
from connector.dataverse.mapping import Column, Kind
from connector.dataverse.odata import bind
from plugins.rules.money import AmountError, Money
from plugins.rules.row import Owner, Row

R = TypeVar("R", bound=Row)

FORMATTED = "@OData.Community.Display.V1.FormattedValue"
TABLE = "@Microsoft.Dynamics.CRM.lookuplogicalname"
MORE = "@Microsoft.Dynamics.CRM.morerecords"
_ANNOTATIONS = "Microsoft.Dynamics.CRM.lookuplogicalname,Microsoft.Dynamics.CRM.morerecords"


def annotations(kind: Kind) -> str:
    """What a read has to ask for, so that owners and customers tell their table, people their names, and FetchXML whether
    these are all rows: its answers have no link to a next page.

    Texts are asked for only where the mapping shows one: they are the larger half of an answer.
    """
    shows_text = any(column.formatted for column in kind.columns.values())
    wanted = f"{FORMATTED.removeprefix('@')},{_ANNOTATIONS}" if shows_text else _ANNOTATIONS
    return f'odata.include-annotations="{wanted}"'


class RowUnreadable(Exception):
    """A row that does not fit the mapping. The message names table, row and column."""


class Codec:
    def __init__(self, mapping: mappings.Mapping) -> None:
        self._mapping = mapping

    def decode(
        self, kind: str, row: type[R], content: Mapping[str, Any], currencies: Mapping[UUID, str]
    ) -> R:
        """One row. `currencies` gives the ISO code of each currency id. Raises `RowUnreadable`."""
        table = self._mapping[kind]
        values: dict[str, Any] = {}
        for field, (wanted, optional) in fields_of(row):
            if field == "id":
                values[field] = UUID(content[table.id])
            elif field == "etag":
                values[field] = content.get("@odata.etag", "")
            elif _is_mapped(table, field):
                try:
                    values[field] = self._value(table, field, wanted, content, currencies)
                    if values[field] is None and not optional:
                        values[field] = _empty(wanted, content, currencies)
                except (KeyError, ValueError, AmountError, TypeError) as error:
                    place = f"{table.table} {content.get(table.id)}, {field}"
                    raise RowUnreadable(f"{place}: {error}") from error
        return row(**values)

    def encode(self, kind: str, row: Row) -> dict[str, Any]:
        """The body that creates a row: its key and every field that has a value; its state is left to `state`."""
        table = self._mapping[kind]
        body: dict[str, Any] = {table.id: row.id}
        for field, column in _held(row, table):
            value = getattr(row, field)
            if column.party and value is not None:
                body |= self._customer(column, getattr(row, f"{field}_kind"), value)
            elif column.writable and not column.states and value is not None and value != "":
                body |= self._written(column, value)
        if table.label:
            body[table.label] = _label(row)
        if (state := self.state(kind, row)) is not None and state["statecode"] == 0:
            body["statuscode"] = state["statuscode"]
        return body

    def changes(self, kind: str, before: Row, after: Row) -> dict[str, Any]:
        """The body that makes `before` into `after`."""
        body: dict[str, Any] = {}
        for field, column in _held(after, self._mapping[kind]):
            was, is_now = getattr(before, field), getattr(after, field)
            if column.writable and was != is_now:
                body |= self.state(kind, after) or {} if column.states else self._written(column, is_now)
        return body

    def state(self, kind: str, row: Row) -> dict[str, int] | None:
        """`statecode` and `statuscode` of a row, always both; None for a kind without a mapped status."""
        for field, column in _held(row, self._mapping[kind]):
            if column.states:
                state, status = column.states[getattr(row, field).value]
                return {"statecode": state, "statuscode": status}
        return None

    def _customer(self, column: Column, kind: str, key: UUID) -> dict[str, Any]:
        return {f"{column.kinds[kind]}@odata.bind": bind(self._mapping[kind].set, key)}

    def _written(self, column: Column, value: Any) -> dict[str, Any]:
        if column.lookup:
            target = None if value is None else bind(self._mapping[column.to].set, value)
            return {f"{column.lookup}@odata.bind": target}
        if column.owner:
            table = "team" if value.kind == "team" else "user"
            return {f"{column.owner}@odata.bind": bind(self._mapping[table].set, value.id)}
        if column.choice:
            return {column.choice: None if value is None else column.values[value.value]}
        if isinstance(value, Money):
            return {column.plain: value.amount}
        return {column.plain: None if value == "" else value}

    def _value(
        self, table: Kind, field: str, wanted: Any, content: Mapping[str, Any], currencies: Mapping[UUID, str]
    ) -> Any:
        if field.endswith("_kind") and (party := table.columns.get(field.removesuffix("_kind"))):
            return content.get(f"_{party.party}_value{TABLE}")
        column = table.columns[field]
        if column.states:
            return wanted(_status(column, content))
        if column.lookup or column.party:
            found = content.get(f"_{column.lookup or column.party}_value")
            return UUID(found) if found else None
        if column.owner:
            name = f"_{column.owner}_value"
            found = content.get(name)
            return Owner(UUID(found), content.get(name + TABLE, "systemuser")) if found else None
        if column.formatted:
            return content.get(f"_{column.formatted}_value{FORMATTED}", "")
        if column.choice:
            number = content.get(column.choice)
            if number is None:
                return None
            name = _named(column.values, number)
            return name == "yes" if wanted is bool else wanted(name)
        raw = _joined(column.joined, content) if column.joined else content.get(column.plain or column.read)
        return None if raw is None else _read(wanted, raw, content, currencies)


def _is_mapped(table: Kind, field: str) -> bool:
    """Whether a column holds the field; where none does, the field has what it has by default."""
    return field in table.columns or field.removesuffix("_kind") in table.columns


def _held(row: Row, table: Kind) -> Iterator[tuple[str, Column]]:
    """The mapped fields that such a row has; a mapping may name more, to be read along or to be searched by."""
    return ((field, column) for field, column in table.columns.items() if hasattr(row, field))


def _label(row: Row) -> str:
    """What people see a row by: its number in the ledger; of a tax, its rate."""
    number, rate = getattr(row, "number", None), getattr(row, "rate", None)
    return f"{rate.normalize():f} %" if isinstance(rate, Decimal) else f"#{number}"


def _joined(name: str, content: Mapping[str, Any]) -> Any:
    """A joined table's column, by the name that FetchXML answers have today or the escaped one that they once had."""
    return content.get(name, content.get(name.replace(".", "_x002e_")))


def _status(column: Column, content: Mapping[str, Any]) -> str:
    pair = (content["statecode"], content["statuscode"])
    for name, known in column.states.items():
        if pair == known or pair in column.also.get(name, ()):
            return name
    if pair[0] in column.rest:
        return column.rest[pair[0]]
    raise ValueError(f"status {pair[1]} of state {pair[0]} is not in the mapping")


def _named(values: Mapping[str, int], number: int) -> str:
    for name, known in values.items():
        if known == number:
            return name
    raise ValueError(f"choice {number} is not in the mapping")


def _read(wanted: Any, raw: Any, content: Mapping[str, Any], currencies: Mapping[UUID, str]) -> Any:
    if wanted is Money:
        return Money.parse(
            raw if isinstance(raw, Decimal | int) else str(raw), _currency(content, currencies)
        )
    readers: dict[Any, Callable[[Any], Any]] = {
        UUID: UUID,
        datetime: datetime.fromisoformat,
        date: lambda text: date.fromisoformat(str(text)[:10]),
        str: str,
        int: int,
        bool: bool,
        Decimal: lambda number: Decimal(str(number)),
    }
    return readers[wanted](raw)


def _empty(wanted: Any, content: Mapping[str, Any], currencies: Mapping[UUID, str]) -> Any:
    """What an empty column means for a field that always has a value."""
    if wanted is Money:
        return Money.zero(_currency(content, currencies))
    if wanted in {str, int, bool}:
        return wanted()
    raise ValueError("is empty")


def _currency(content: Mapping[str, Any], currencies: Mapping[UUID, str]) -> str:
    return currencies[UUID(content["_transactioncurrencyid_value"])]


def fields_of(row: type[Row]) -> tuple[tuple[str, tuple[Any, bool]], ...]:
    """Each field's name, its plain type, and whether it may be None."""
    if row not in _FIELDS:
        hints = typing.get_type_hints(row)
        _FIELDS[row] = tuple((each.name, _plain(hints[each.name])) for each in dataclasses.fields(row))
    return _FIELDS[row]


_FIELDS: dict[type[Row], tuple[tuple[str, tuple[Any, bool]], ...]] = {}


def _plain(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in {Union, types.UnionType}:
        inner = next(each for each in typing.get_args(hint) if each is not type(None))
        return _plain(inner)[0], True
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return hint, False
