"""What `Prefer: odata.include-annotations` adds beside values: formatted values, and where lookups lead."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sandbox.crm import values
from sandbox.crm.frames import QueryContext
from sandbox.crm.preferences import FORMATTED, LOOKUP_NAVIGATION, LOOKUP_TABLE, Preferences
from sandbox.crm.schema import CHOICES, LOOKUPS, Column, Kind, Row, Table


class Annotations:
    """Annotations for the rows of one request; currencies and names of lookups are read once a page."""

    def __init__(self, context: QueryContext, preferences: Preferences) -> None:
        self._context = context
        self._formatted = preferences.wants(FORMATTED)
        self._table = preferences.wants(LOOKUP_TABLE)
        self._navigation = preferences.wants(LOOKUP_NAVIGATION)
        self._currencies: dict[Any, tuple[str, int]] | None = None
        self._base: Any = None

    def of(
        self, table: Table, columns: Sequence[tuple[str, Column]], rows: Sequence[Row]
    ) -> list[dict[str, dict[str, Any]]]:
        """For each row: the annotations to write before each property."""
        names = self._names_of_lookups(columns, rows) if self._formatted else {}
        lookups = [one for one in columns if one[1].kind in LOOKUPS]
        shown = [one for one in columns if one[1].kind in _SHOWN] if self._formatted else []
        return [self._annotate(table, lookups, shown, row, names) for row in rows]

    def formatted(self, column: Column, row: Row) -> str | None:
        """A value as people see it, in the row's own currency."""
        symbol, digits = self._currency(column, row) if column.kind is Kind.MONEY else ("", None)
        return values.show(column, row[column.name], symbol, digits)

    def _annotate(
        self,
        table: Table,
        lookups: Sequence[tuple[str, Column]],
        shown: Sequence[tuple[str, Column]],
        row: Row,
        names: dict[Any, str],
    ) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for name, column in shown:
            if row[column.name] is not None:
                found[name] = {f"{name}@{FORMATTED}": self.formatted(column, row)}
        for name, column in lookups:
            value = row[column.name]
            if value is None:
                continue
            target = str(row[column.type_name]) if column.polymorphic else column.targets[0]
            found[name] = {}
            if value in names:
                found[name][f"{name}@{FORMATTED}"] = names[value]
            if self._navigation:
                found[name][f"{name}@{LOOKUP_NAVIGATION}"] = _navigation(table, column, target)
            if self._table:
                found[name][f"{name}@{LOOKUP_TABLE}"] = target
        return found

    def _names_of_lookups(self, columns: Sequence[tuple[str, Column]], rows: Sequence[Row]) -> dict[Any, str]:
        wanted: dict[str, set[Any]] = {}
        for _, column in columns:
            if column.kind in LOOKUPS:
                for row in rows:
                    if row[column.name] is not None:
                        target = str(row[column.type_name]) if column.polymorphic else column.targets[0]
                        wanted.setdefault(target, set()).add(row[column.name])
        names: dict[Any, str] = {}
        for target, ids in wanted.items():
            names |= self._context.store.names(self._context.schema.table(target), ids)
        return names

    def _currency(self, column: Column, row: Row) -> tuple[str, int]:
        """Symbol and digits of the row's currency; of the organisation's for a `_base` column."""
        if self._currencies is None:
            store, schema = self._context.store, self._context.schema
            self._currencies = {
                one["transactioncurrencyid"]: (
                    str(one["currencysymbol"] or ""),
                    int(str(one["currencyprecision"] or 0)),
                )
                for one in store.select(schema.table("transactioncurrency"))
            }
            organizations = store.select(schema.table("organization"), limit=1)
            self._base = organizations[0]["basecurrencyid"] if organizations else None
        currency = self._base if column.calculation_of else row.get("transactioncurrencyid")
        return self._currencies.get(currency, ("", 2))


_SHOWN = CHOICES | {Kind.BOOLEAN, Kind.MONEY, Kind.DECIMAL, Kind.DATETIME, Kind.INTEGER, Kind.BIGINT}
"""Kinds whose values people see otherwise than they are written."""


@lru_cache(maxsize=4096)
def _navigation(table: Table, column: Column, target: str) -> str:
    for name, relationships in table.lookups.items():
        if any(one.column == column.name and one.parent == target for one in relationships):
            return name
    return column.name
