"""FetchXML: a query as XML, over one table and those its link-entities join.

Columns of a link-entity come back as `alias.column`. `paging_cookie` follows the shape that Microsoft's clients read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from sandbox.crm import conditions, errors, values
from sandbox.crm.annotations import Annotations
from sandbox.crm.exchange import Exchange
from sandbox.crm.frames import Parameters, QueryContext
from sandbox.crm.preferences import FORMATTED, MAX_PAGE, TOTAL, Preferences
from sandbox.crm.schema import Column, Row, Table

COOKIE = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
MORE = "Microsoft.Dynamics.CRM.morerecords"


@dataclass
class _Source:
    """The root entity or a link-entity: a table under an SQL alias, and the columns it gives."""

    table: Table
    alias: str
    prefix: str
    """What its columns are called in the answer: empty for the root, `alias.` for a link-entity."""
    columns: list[tuple[str, Column]] = field(default_factory=list)


@dataclass
class Found:
    """Rows of a fetch, each as a row of the root with the link-entities' columns beside it, by `alias.column`."""

    table: Table
    rows: list[dict[str, Any]]
    columns: list[tuple[str, Column]]
    """Name in the answer and column."""
    more: bool
    page: int


def answer(exchange: Exchange, table: Table, text: str) -> dict[str, Any]:
    """The answer to `GET {set}?fetchXml=…`."""
    try:
        fetch = ET.fromstring(text)  # noqa: S314  no external entities are read by this parser
    except ET.ParseError as error:
        raise errors.invalid_request(f"Invalid XML in fetchXml: {error}") from error
    found = run(exchange.context, fetch)
    if found.table is not table:
        raise errors.invalid_request(f"The entity of the fetch must be {table.name}.")
    preferences = exchange.preferences
    reply: dict[str, Any] = {"@odata.context": f"{exchange.root}$metadata#{table.entity_set}"}
    if preferences.wants(TOTAL):
        reply["@Microsoft.Dynamics.CRM.totalrecordcount"] = -1
    if preferences.wants(MORE):
        reply[f"@{MORE}"] = found.more
    if found.more and preferences.wants(COOKIE):
        inner = quote(quote(f'<cookie page="{found.page}"></cookie>', safe=""), safe="")
        reply[f"@{COOKIE}"] = (
            f'<cookie pagenumber="{found.page + 1}" pagingcookie="{inner}" istracking="False" />'
        )
    reply["value"] = _write(exchange.context, preferences, found)
    return reply


def run(context: QueryContext, fetch: Element) -> Found:
    """Rows of a `<fetch>`, as Python values; also what views are made of."""
    if fetch.get("aggregate", "").lower() in {"true", "1"}:
        raise errors.invalid_request("Aggregates are not supported here.")
    return _Fetch(context, fetch).run()


class _Fetch:
    def __init__(self, context: QueryContext, fetch: Element) -> None:
        entity = fetch.find("entity")
        if fetch.tag != "fetch" or entity is None:
            raise errors.invalid_request("A fetch holds one entity.")
        self._context = context
        self._fetch = fetch
        self._entity = entity
        self._joins: list[str] = []
        self._join_parameters: Parameters = []
        self._where: list[str] = []
        self._parameters: Parameters = []
        self._order: list[str] = []
        self._sources: list[_Source] = []
        self._by_alias: dict[str, _Source] = {}

    def run(self) -> Found:
        root = self._source(self._entity, "t", "")
        names = [(source, name, column) for source in self._sources for name, column in source.columns]
        limit, page = self._limits()
        physical = list(self._physical(names))
        listed = ", ".join(f'{source.alias}."{name}"' for source, name in physical)
        scope = self._context.scope(root.table, "t")
        where = " AND ".join(filter(None, [scope, *self._where])) or "1"
        distinct = "DISTINCT " if self._fetch.get("distinct", "").lower() in {"true", "1"} else ""
        ordering = ", ".join([*self._order, f't."{root.table.primary_key}"'])
        records = self._context.store.sql(
            f'SELECT {distinct}{listed} FROM "{root.table.name}" AS t {" ".join(self._joins)} WHERE {where} '
            f"ORDER BY {ordering} LIMIT {limit + 1} OFFSET {(page - 1) * limit}",
            [*self._join_parameters, *self._parameters],
        )
        decode = self._context.store.decode
        rows = [
            {
                f"{source.prefix}{name}": decode(source.table, name, value)
                for (source, name), value in zip(physical, record, strict=True)
            }
            for record in records[:limit]
        ]
        columns = [(f"{source.prefix}{name}", column) for source, name, column in names]
        return Found(root.table, rows, columns, len(records) > limit and self._fetch.get("top") is None, page)

    def _limits(self) -> tuple[int, int]:
        top, count, page = (self._number(name) for name in ("top", "count", "page"))
        if top is not None:
            return min(top, MAX_PAGE), 1
        return min(count or MAX_PAGE, MAX_PAGE), page or 1

    def _number(self, name: str) -> int | None:
        text = self._fetch.get(name)
        if text is None:
            return None
        if not text.isdecimal() or len(text) > 9 or int(text) < 1:
            raise errors.invalid_request(f"Invalid value {quoteattr(text)} for {name}.")
        return int(text)

    def _physical(self, names: list[tuple[_Source, str, Column]]) -> Iterator[tuple[_Source, str]]:
        wanted: dict[tuple[str, str], _Source] = {}
        for source, _, column in names:
            wanted[source.alias, column.name] = source
            if column.polymorphic:
                wanted[source.alias, column.type_name] = source
        root = self._sources[0]
        for name in (root.table.primary_key, "versionnumber", "transactioncurrencyid"):
            if name in root.table.columns:
                wanted["t", name] = root
        return ((source, name) for (_, name), source in wanted.items())

    def _source(self, element: Element, alias: str, prefix: str) -> _Source:
        table = self._context.schema.tables.get(element.get("name", ""))
        if table is None:
            raise errors.invalid_request(f"The entity with a name = '{element.get('name')}' was not found.")
        source = _Source(table, alias, prefix)
        self._sources.append(source)
        self._by_alias[prefix.removesuffix(".") or table.name] = source
        self._read_columns(element, source)
        for child in element:
            if child.tag == "link-entity":
                self._link(child, source)
        for child in element:
            if child.tag == "filter":
                self._where.append(self._filter(child, source, self._parameters))
            elif child.tag == "order":
                target = self._by_alias.get(child.get("entityname", ""), source)
                _, sql = self._column(target, child.get("attribute", ""))
                self._order.append(f"{sql} {'DESC' if child.get('descending') in {'true', '1'} else 'ASC'}")
        return source

    def _read_columns(self, element: Element, source: _Source) -> None:
        readable = [column for column in source.table.columns.values() if column.readable]
        if element.find("all-attributes") is not None:
            source.columns = [(column.name, column) for column in readable]
        for child in element:
            if child.tag == "attribute":
                column, _ = self._column(source, child.get("name", ""))
                source.columns.append((column.name, column))
        if not source.prefix and not source.columns and element.find("attribute") is None:
            source.columns = [(column.name, column) for column in readable]

    def _link(self, element: Element, outer: _Source) -> None:
        """A join: `from` is the link-entity's column, `to` the one of the entity around it."""
        alias = self._context.alias()
        kind = element.get("link-type", "inner")
        if kind not in {"inner", "outer"}:
            raise errors.invalid_request(f"The link-type '{kind}' is not supported here.")
        name = element.get("alias") or f"{element.get('name', '')}{len(self._sources)}"
        table = self._context.schema.tables.get(element.get("name", ""))
        if table is None:
            raise errors.invalid_request(f"The entity with a name = '{element.get('name')}' was not found.")
        probe = _Source(table, alias, f"{name}.")
        _, near = self._column(outer, element.get("to", ""))
        _, far = self._column(probe, element.get("from", ""))
        terms = [f"{far} = {near}", self._context.scope(table, alias)]
        terms += [
            self._filter(child, probe, self._join_parameters) for child in element if child.tag == "filter"
        ]
        word = "JOIN" if kind == "inner" else "LEFT JOIN"
        self._joins.append(f'{word} "{table.name}" AS {alias} ON {" AND ".join(filter(None, terms))}')
        self._sources.append(probe)
        self._by_alias[name] = probe
        self._read_columns(element, probe)
        for child in element:
            if child.tag == "link-entity":
                self._link(child, probe)
            elif child.tag == "order":
                _, sql = self._column(probe, child.get("attribute", ""))
                self._order.append(f"{sql} {'DESC' if child.get('descending') in {'true', '1'} else 'ASC'}")

    def _filter(self, element: Element, source: _Source, parameters: Parameters) -> str:
        terms = []
        for child in element:
            if child.tag == "filter":
                terms.append(self._filter(child, source, parameters))
            elif child.tag == "condition":
                terms.append(self._condition(child, source, parameters))
        if not terms:
            return "1"
        word = " OR " if element.get("type", "and").lower() == "or" else " AND "
        return f"({word.join(terms)})"

    def _condition(self, element: Element, source: _Source, parameters: Parameters) -> str:
        entity = element.get("entityname")
        target = source if entity is None else self._by_alias.get(entity)
        if target is None:
            raise errors.invalid_request(f"There is no link-entity with the alias '{entity}'.")
        column, sql = self._column(target, element.get("attribute", ""))
        listed: list[Any] = [node.text or "" for node in element if node.tag == "value"]
        given = element.get("value")
        if given is not None:
            listed = [given]
        return conditions.apply(self._context, column, sql, element.get("operator", "eq"), listed, parameters)

    def _column(self, source: _Source, name: str) -> tuple[Column, str]:
        column = source.table.columns.get(name)
        if column is None or not column.readable:
            raise errors.ApiError(
                400,
                "0x80041103",
                f"'{source.table.name}' entity doesn't contain attribute with Name = '{name}'.",
            )
        return column, f'{source.alias}."{column.name}"'


def _write(context: QueryContext, preferences: Preferences, found: Found) -> list[dict[str, Any]]:
    own = [(name, column) for name, column in found.columns if "." not in name]
    rows: list[Row] = found.rows
    annotations = Annotations(context, preferences) if preferences.annotations else None
    labels = (
        annotations.of(found.table, [(column.property_name, column) for _, column in own], rows)
        if annotations
        else None
    )
    written = []
    for position, row in enumerate(rows):
        item: dict[str, Any] = {}
        if "versionnumber" in row:
            item["@odata.etag"] = f'W/"{row["versionnumber"]}"'
        for name, column in found.columns:
            linked = "." in name
            key = name if linked else column.property_name
            value = row[name]
            if linked and value is None:
                continue
            if labels is not None and not linked:
                item.update(labels[position].get(key, {}))
            elif preferences.wants(FORMATTED) and (shown := values.show(column, value)) is not None:
                item[f"{key}@{FORMATTED}"] = shown
            item[key] = values.write(column, value)
        item.setdefault(found.table.primary_key, str(row[found.table.primary_key]))
        written.append(item)
    return written
