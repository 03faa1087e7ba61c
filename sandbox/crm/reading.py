"""Answers queries: rows of a table as the Web API writes them, with what `$expand` adds.

Root rows and rows of a one-level collection carry an ETag; rows of a single-valued or nested `$expand` never do.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from sandbox.crm import errors, values
from sandbox.crm.annotations import Annotations
from sandbox.crm.filters import compile_filter
from sandbox.crm.frames import Frame, Parameters, QueryContext, lookup_named, type_term
from sandbox.crm.odata import Expand, Query
from sandbox.crm.paging import Ordering, Token, after, next_link, read_token
from sandbox.crm.preferences import MAX_PAGE, TOTAL, Preferences
from sandbox.crm.schema import Column, Kind, Link, Relationship, Row, Table

COUNT_LIMIT = 5000
"""@odata.count never says more."""


@dataclass(frozen=True)
class Restriction:
    """A condition that the address adds to the query's own: the children of one row, a key's values."""

    sql: str = "1"
    parameters: tuple[Any, ...] = ()
    source: str = ""
    """A JOIN that the condition needs."""


class Reader:
    """Reads for one request. `root` is the absolute address of the service, ending in a slash."""

    def __init__(self, context: QueryContext, root: str, preferences: Preferences) -> None:
        self._context = context
        self._store = context.store
        self._root = root
        self._preferences = preferences
        self._annotations = Annotations(context, preferences) if preferences.annotations else None

    def collection(
        self, table: Table, query: Query, address: str, restriction: Restriction | None = None
    ) -> dict[str, Any]:
        """One page of a collection; `address` is what a next link repeats."""
        size = self._preferences.page_size
        token = read_token(query.skip_token)
        top = None if size is not None else query.top
        limit = size or MAX_PAGE
        rows, last = self._rows(
            table, query, restriction, limit if top is None else min(top, limit), token.last
        )
        answer: dict[str, Any] = {"@odata.context": self._context_of(table, query)}
        total = self.count(table, query, restriction) if query.count else None
        if total is not None:
            answer["@odata.count"] = min(total, COUNT_LIMIT)
        if self._preferences.wants(TOTAL):
            answer["@Microsoft.Dynamics.CRM.totalrecordcount"] = (
                -1 if total is None else min(total, COUNT_LIMIT)
            )
            answer["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] = (total or 0) > COUNT_LIMIT
        answer["value"] = self.write(table, rows, query)
        if last is not None and top is None:
            answer["@odata.nextLink"] = next_link(address, Token(token.page + 1, last))
        return answer

    def one(self, table: Table, row_id: UUID, query: Query) -> dict[str, Any] | None:
        """One row with its context and ETag; None when there is none that the actor may read."""
        restriction = Restriction(f't."{table.primary_key}" = ?', (str(row_id),))
        rows, _ = self._rows(table, Query(select=query.select, expand=query.expand), restriction, 1)
        if not rows:
            return None
        return {
            "@odata.context": f"{self._context_of(table, query)}/$entity",
            **self.write(table, rows, query)[0],
        }

    def count(self, table: Table, query: Query, restriction: Restriction | None = None) -> int:
        source, _, parameters = self._source(table, query, restriction)
        return int(self._store.sql(f"SELECT COUNT(*) {source}", parameters)[0][0])

    def write(
        self, table: Table, rows: Sequence[Row], query: Query, *, etag: bool = True, depth: int = 0
    ) -> list[dict[str, Any]]:
        """Rows as JSON objects, in the order of the columns asked for."""
        columns = selected(table, query.select)
        writers = [(name, column.name, values.writer(column)) for name, column in columns]
        labels = self._annotations.of(table, columns, rows) if self._annotations else None
        written = []
        for position, row in enumerate(rows):
            item: dict[str, Any] = {}
            if etag and "versionnumber" in row:
                item["@odata.etag"] = f'W/"{row["versionnumber"]}"'
            shown = labels[position] if labels is not None else {}
            for name, stored_name, write in writers:
                if name in shown:
                    item.update(shown[name])
                value = row[stored_name]
                item[name] = None if value is None else write(value)
            written.append(item)
        for expand in query.expand:
            self._expand(table, rows, written, expand, depth)
        return written

    # queries

    def _rows(
        self,
        table: Table,
        query: Query,
        restriction: Restriction | None,
        limit: int,
        after_row: tuple[Any, ...] | None = None,
    ) -> tuple[list[Row], tuple[Any, ...] | None]:
        """Rows, and the last one's place in the order when there are more."""
        source, ordering, parameters = self._source(table, query, restriction, after_row)
        names = _physical(table, query)
        listed = ", ".join([*(f't."{name}"' for name in names), *(sql for sql, _ in ordering)])
        records = self._store.sql(f"SELECT {listed} {source} LIMIT {limit + 1}", parameters)
        found = records[:limit]
        rows = self._store.as_rows(table, names, (record[: len(names)] for record in found))
        return rows, found[-1][len(names) :] if len(records) > limit else None

    def _source(
        self,
        table: Table,
        query: Query,
        restriction: Restriction | None,
        after_row: tuple[Any, ...] | None = None,
    ) -> tuple[str, Ordering, Parameters]:
        """FROM … WHERE … ORDER BY … of a query, its order, and what it binds."""
        frame = Frame(self._context, table, "t")
        restriction = restriction or Restriction()
        parameters: Parameters = list(restriction.parameters)
        terms = [restriction.sql, self._context.scope(table, "t")]
        if query.filter:
            terms.append(compile_filter(frame, query.filter, parameters))
        ordering = [(frame.column(path)[1], descending) for path, descending in query.order]
        ordering.append((f't."{table.primary_key}"', False))
        if after_row is not None:
            terms.append(after(ordering, after_row, parameters))
        where = " AND ".join(filter(None, terms))
        order = ", ".join(f"{sql} {'DESC' if descending else 'ASC'}" for sql, descending in ordering)
        source = (
            f'FROM "{table.name}" AS t {restriction.source} {frame.joined_sql} WHERE {where} ORDER BY {order}'
        )
        return source, ordering, parameters

    # $expand

    def _expand(
        self, table: Table, rows: Sequence[Row], written: list[dict[str, Any]], expand: Expand, depth: int
    ) -> None:
        if expand.navigation in table.lookups:
            self._expand_single(table, rows, written, expand, depth)
        elif expand.navigation in table.collections:
            self._expand_collection(table, table.collections[expand.navigation], rows, written, expand, depth)
        elif expand.navigation in table.links:
            self._expand_link(table, table.links[expand.navigation], rows, written, expand, depth)
        else:
            raise errors.unknown_property(expand.navigation, table.name)

    def _expand_single(
        self, table: Table, rows: Sequence[Row], written: list[dict[str, Any]], expand: Expand, depth: int
    ) -> None:
        for item in written:
            item[expand.navigation] = None
        for relationship in table.lookups[expand.navigation]:
            column = table.columns[relationship.column]
            wanted = [
                (position, row[column.name])
                for position, row in enumerate(rows)
                if row[column.name]
                and (not column.polymorphic or row[column.type_name] == relationship.parent)
            ]
            target = self._context.schema.table(relationship.parent)
            found = self._by_id(target, {value for _, value in wanted}, expand.query)
            targets = self.write(target, list(found.values()), expand.query, etag=False, depth=depth + 1)
            by_id = dict(zip(found, targets, strict=True))
            for position, value in wanted:
                if value in by_id:
                    written[position][expand.navigation] = by_id[value]

    def _by_id(self, table: Table, ids: Iterable[Any], query: Query) -> dict[Any, Row]:
        restriction = Restriction(
            f't."{table.primary_key}" IN (SELECT value FROM json_each(?))',
            (json.dumps([str(one) for one in ids]),),
        )
        rows, _ = self._rows(table, Query(select=query.select, expand=query.expand), restriction, MAX_PAGE)
        return {row[table.primary_key]: row for row in rows}

    def _expand_collection(
        self,
        table: Table,
        relationship: Relationship,
        rows: Sequence[Row],
        written: list[dict[str, Any]],
        expand: Expand,
        depth: int,
    ) -> None:
        child = self._context.schema.table(relationship.child)
        condition = f't."{relationship.column}" IN (SELECT value FROM json_each(?))'
        typed = type_term(child, relationship, "t")
        restriction = Restriction(" AND ".join(filter(None, [condition, typed])), (_ids(table, rows),))
        self._hang(table, child, f't."{relationship.column}"', restriction, rows, written, expand, depth)

    def _expand_link(
        self,
        table: Table,
        link: Link,
        rows: Sequence[Row],
        written: list[dict[str, Any]],
        expand: Expand,
        depth: int,
    ) -> None:
        far = self._context.schema.table(link.far)
        restriction = Restriction(
            f'x."{link.near_column}" IN (SELECT value FROM json_each(?))',
            (_ids(table, rows),),
            f'JOIN "{link.intersect}" AS x ON x."{link.far_column}" = t."{far.primary_key}"',
        )
        self._hang(table, far, f'x."{link.near_column}"', restriction, rows, written, expand, depth)

    def _hang(
        self,
        table: Table,
        child: Table,
        parent_sql: str,
        restriction: Restriction,
        rows: Sequence[Row],
        written: list[dict[str, Any]],
        expand: Expand,
        depth: int,
    ) -> None:
        """Put each child under its parent's navigation property."""
        source, _, parameters = self._source(child, expand.query, restriction)
        names = _physical(child, expand.query)
        listed = ", ".join(f't."{name}"' for name in names)
        records = self._store.sql(f"SELECT {parent_sql}, {listed} {source}", parameters)
        children = self._store.as_rows(child, names, (record[1:] for record in records))
        items = self.write(child, children, expand.query, etag=depth == 0, depth=depth + 1)
        by_parent: dict[str, list[dict[str, Any]]] = {}
        for record, item in zip(records, items, strict=True):
            by_parent.setdefault(record[0], []).append(item)
        for row, item in zip(rows, written, strict=True):
            found = by_parent.get(str(row[table.primary_key]), [])
            item[expand.navigation] = found if expand.query.top is None else found[: expand.query.top]

    def _context_of(self, table: Table, query: Query) -> str:
        names = [*query.select, *(_context_item(expand) for expand in query.expand)]
        listed = f"({','.join(names)})" if names else ""
        return f"{self._root}$metadata#{table.entity_set}{listed}"


@lru_cache(maxsize=2048)
def selected(table: Table, names: tuple[str, ...]) -> tuple[tuple[str, Column], ...]:
    """The columns to write; the key is always among them, the currency whenever an amount is."""
    if not names:
        return tuple(table.properties.items())
    found: dict[str, Column] = {}
    for name in names:
        column = table.properties.get(name) or lookup_named(table, name)
        if column is None:
            raise errors.unknown_property(name, table.name)
        found[column.property_name] = column
    if "transactioncurrencyid" in table.columns and any(one.kind is Kind.MONEY for one in found.values()):
        found.setdefault("_transactioncurrencyid_value", table.columns["transactioncurrencyid"])
    found.setdefault(table.primary_key, table.columns[table.primary_key])
    return tuple(found.items())


@lru_cache(maxsize=2048)
def _physical(table: Table, query: Query) -> tuple[str, ...]:
    """The stored columns that writing and expanding need."""
    columns = [column for _, column in selected(table, query.select)]
    for expand in query.expand:
        columns += [table.columns[one.column] for one in table.lookups.get(expand.navigation, ())]
    names: dict[str, None] = {}
    for column in columns:
        names[column.name] = None
        if column.polymorphic:
            names[column.type_name] = None
    names[table.primary_key] = None
    if "versionnumber" in table.columns:
        names["versionnumber"] = None
    return tuple(names)


def _context_item(expand: Expand) -> str:
    return f"{expand.navigation}({','.join(expand.query.select)})"


def _ids(table: Table, rows: Sequence[Row]) -> str:
    return json.dumps([str(row[table.primary_key]) for row in rows])
