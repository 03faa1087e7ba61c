"""Puts rows into the store as if they had been there all along: computed and read-only columns too, in any state.

Used for what the platform brings along, for the demo data and for `/sandbox/import`; everything else goes the checked
way through the Web API.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sandbox.clock import Clock
from sandbox.crm import values
from sandbox.crm.derived import Derived, composed
from sandbox.crm.errors import ApiError
from sandbox.crm.pipeline import Reference
from sandbox.crm.schema import Column, Kind, Row, Schema, Table
from sandbox.crm.store import Store

SYSTEM_USER = UUID("a6a5a4a3-0000-4000-8000-000000000001")
_BIND = "@odata.bind"
_LOOKUP_TABLE = "@Microsoft.Dynamics.CRM.lookuplogicalname"
_REFERENCE = re.compile(r"^(?:https?://.*/api/data/v[\d.]+)?/?(?P<set>\w+)\((?P<key>.+)\)$")


class SeedError(Exception):
    """A row that does not fit the tables; the message names it."""


class Seeder:
    """Fills in what a row does not say: defaults, state, who and when, owner, currency and base amounts."""

    def __init__(self, schema: Schema, store: Store, clock: Clock) -> None:
        self._schema = schema
        self._store = store
        self._clock = clock
        self._derived = Derived(store)

    @property
    def now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)

    def choice(self, table: str, column: str, label: str) -> int:
        """The value of the option with that label, or whose label goes on in parentheses (`Booked (applies to …)`)."""
        known = self._schema.table(table).column(column).options
        options = known.options if known else ()
        exact = [option.value for option in options if option.label == label]
        longer = [option.value for option in options if option.label.startswith(f"{label} (")]
        if not exact and not longer:
            raise SeedError(f"{table}.{column} has no option {label!r}.")
        return (exact or longer)[0]

    def role(self, name: str) -> UUID:
        """The id of the security role with that name."""
        return self._by_value(self._schema.table("role"), f"name='{name}'")

    def add(self, table_name: str, given: Mapping[str, Any]) -> UUID:
        """Adds a row, or puts it in place of the one with its id. Lookups are a UUID, or a Reference when polymorphic."""
        table = self._schema.table(table_name)
        row = self._columns(table, given)
        row_id = UUID(str(row.setdefault(table.primary_key, uuid4())))
        self._complete(table, row)
        with self._store.transaction():
            if self._store.get(table, row_id) is not None:
                self._store.delete(table, row_id)
            self._store.insert(table, row)
        return row_id

    def change(self, table_name: str, row_id: UUID, given: Mapping[str, Any]) -> None:
        """Puts columns of a row that is there in place of what they held."""
        row = self._store.get(self._schema.table(table_name), row_id)
        if row is None:
            raise SeedError(f"There is no {table_name} {row_id}.")
        self.add(table_name, {**self._without_companions(table_name, row), **given})

    def load(self, tables: Mapping[str, Iterable[Mapping[str, Any]]]) -> dict[str, int]:
        """Adds rows in Web API shape, by entity set or logical name, all or none; answers with how many of each."""
        loaded: dict[str, int] = {}
        with self._store.transaction():
            for name, rows in tables.items():
                table = self._schema.entity_sets.get(name) or self._schema.tables.get(name)
                if table is None:
                    raise SeedError(f"There is no table {name!r}.")
                for number, row in enumerate(rows):
                    try:
                        self.add(table.name, self._from_json(table, row))
                    except (ApiError, SeedError) as error:
                        raise SeedError(f"{name}[{number}]: {error}") from error
                    loaded[name] = number + 1
        return loaded

    def _without_companions(self, table_name: str, row: Row) -> dict[str, Any]:
        """A stored row as `add` takes it: polymorphic lookups as references."""
        table = self._schema.table(table_name)
        given: dict[str, Any] = {}
        for name, column in table.columns.items():
            value = row[name]
            if column.polymorphic and isinstance(value, UUID):
                given[name] = Reference(str(row[column.type_name]), value)
            else:
                given[name] = value
        return given

    def _columns(self, table: Table, given: Mapping[str, Any]) -> Row:
        row: Row = {}
        for name, value in given.items():
            column = table.columns.get(name)
            if column is None:
                raise SeedError(f"{table.name} has no column {name!r}.")
            if isinstance(value, Reference):
                if value.table not in column.targets:
                    raise SeedError(f"{table.name}.{name} does not lead to {value.table}.")
                row[name] = value.id
                if column.polymorphic:
                    row[column.type_name] = value.table
            else:
                row[name] = value
        return row

    def _complete(self, table: Table, row: Row) -> None:
        now = self.now
        for column in table.columns.values():
            if column.default is not None:
                row.setdefault(column.name, column.default)
            if column.composed_of and not row.get(column.name):
                row[column.name] = composed(column, row)
        _set_state(table, row)
        self._derived.number(table, row)
        fixed: Row = {
            "createdon": now,
            "modifiedon": now,
            "createdby": SYSTEM_USER,
            "modifiedby": SYSTEM_USER,
        }
        for name, value in fixed.items():
            if name in table.columns:
                row.setdefault(name, value)
        if table.user_owned:
            self._set_owner(row)
        if "transactioncurrencyid" in table.columns:
            self._set_base_amounts(table, row)
        for party in ("account", "contact"):
            if row.get("customeridtype") == party and f"{party}id" in table.columns:
                row.setdefault(f"{party}id", row["customerid"])

    def _set_owner(self, row: Row) -> None:
        owner = UUID(str(row.setdefault("ownerid", SYSTEM_USER)))
        row.setdefault("owneridtype", "systemuser")
        user = self._store.get(self._schema.table("systemuser"), owner)
        row.setdefault("owninguser", owner)
        row.setdefault("owningbusinessunit", user["businessunitid"] if user else None)

    def _set_base_amounts(self, table: Table, row: Row) -> None:
        currency_id = row.get("transactioncurrencyid")
        amounts = [column for column in table.columns.values() if column.calculation_of]
        if not isinstance(currency_id, UUID):
            return
        currency = self._store.get(self._schema.table("transactioncurrency"), currency_id)
        rate = currency["exchangerate"] if currency else None
        if not isinstance(rate, Decimal) or not rate:
            return
        row["exchangerate"] = rate
        for base in amounts:
            amount = row.get(base.calculation_of)
            if isinstance(amount, Decimal):
                row[base.name] = values.round_money(amount / rate, 4)

    # Web API shape

    def _from_json(self, table: Table, given: Mapping[str, Any]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, value in given.items():
            if name.endswith(_BIND):
                relationship = self._lookup(table, name.removesuffix(_BIND))
                row[relationship] = self._reference(value)
            elif "@" in name:
                continue
            elif name in table.columns:
                row[name] = values.read(table, table.columns[name], value)
            elif name in table.properties:
                column = table.properties[name]
                kind = given.get(f"{name}{_LOOKUP_TABLE}") or column.targets[0]
                identifier = values.read(table, column, value)
                row[column.name] = Reference(kind, identifier) if isinstance(identifier, UUID) else None
            else:
                raise SeedError(f"{table.name} has no column {name!r}.")
        return row

    @staticmethod
    def _lookup(table: Table, navigation: str) -> str:
        relationships = table.lookups.get(navigation)
        if not relationships:
            raise SeedError(f"{table.name} has no navigation property {navigation!r}.")
        return relationships[0].column

    def _reference(self, value: Any) -> Reference | None:
        if value is None:
            return None
        match = _REFERENCE.match(value) if isinstance(value, str) else None
        table = self._schema.entity_sets.get(match["set"]) if match else None
        if match is None or table is None:
            raise SeedError(
                f"{value!r} does not name a row like '/accounts(00000000-0000-0000-0000-000000000000)'."
            )
        try:
            return Reference(table.name, UUID(match["key"]))
        except ValueError:
            return Reference(table.name, self._by_value(table, match["key"]))

    def _by_value(self, table: Table, key: str) -> UUID:
        """`name='Fabrikam'`: any text column will do, as long as it names one row."""
        name, _, quoted = key.partition("=")
        column = table.columns.get(name.strip())
        if column is None or column.kind is not Kind.STRING:
            raise SeedError(f"{table.name} cannot be looked up by {key!r}.")
        text = quoted.strip().removeprefix("'").removesuffix("'").replace("''", "'")
        found = self._store.select(table, {column.name: text}, limit=2)
        if len(found) != 1:
            raise SeedError(f"{key!r} names {len(found)} rows of {table.name}.")
        return UUID(str(found[0][table.primary_key]))


def _set_state(table: Table, row: Row) -> None:
    state, status = table.columns.get("statecode"), table.columns.get("statuscode")
    if state is None or status is None or state.options is None or status.options is None:
        return
    if row.get("statuscode") is not None:
        reason = status.options.find(int(str(row["statuscode"])))
        if reason is None or reason.state is None:
            raise SeedError(f"{table.name} has no status reason {row['statuscode']}.")
        if row.setdefault("statecode", reason.state) not in _states(status, reason.value):
            raise SeedError(
                f"{table.name}: status reason {reason.value} does not belong to state {row['statecode']}."
            )
        return
    chosen = state.options.find(int(str(row.setdefault("statecode", state.options.options[0].value))))
    if chosen is None:
        raise SeedError(f"{table.name} has no state {row['statecode']}.")
    row["statuscode"] = chosen.default_status


def _states(status: Column, value: int) -> set[int | None]:
    """The states of a status reason; invoice's Canceled exists once for each of two."""
    options = status.options.options if status.options else ()
    return {option.state for option in options if option.value == value}
