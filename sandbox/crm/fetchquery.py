"""FetchXML as SQL: one table and those that its link-entities join, what is asked of them, in which order.

Inner, outer, `exists` and `in` links, and those inside a filter (`any`, `not any`, `all`, `not all`), to any depth.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from sandbox.crm import conditions, errors
from sandbox.crm.frames import Parameters, QueryContext
from sandbox.crm.schema import Column, Table

MOST_LINKS = 15
MOST_CONDITIONS = 500
MOST_VALUES = 2000
"""What the platform takes in one query; values: of one condition."""
MOST_AGGREGATED = 50_000

_JOINS = {"inner": "JOIN", "outer": "LEFT JOIN"}
_FUNCTIONS: dict[str, str] = {
    "count": "COUNT(*)",
    "countcolumn": "COUNT({0})",
    "sum": "SUM({0})",
    "avg": "SUM({0}) || '/' || COUNT({0})",
    "min": "MIN({0})",
    "max": "MAX({0})",
}
_SUMMED = frozenset({"sum", "avg"})
_PARTS_OF_A_DATE = {
    "day": "CAST(strftime('%d', {0}) AS INTEGER)",
    "week": "CAST(strftime('%W', {0}) AS INTEGER) + 1",
    "month": "CAST(strftime('%m', {0}) AS INTEGER)",
    "quarter": "(CAST(strftime('%m', {0}) AS INTEGER) + 2) / 3",
    "year": "CAST(strftime('%Y', {0}) AS INTEGER)",
}


@dataclass(frozen=True)
class Output:
    """One value of each row in the answer."""

    name: str
    """A column's own name, `alias.column` for a link-entity's, or the alias that was asked for."""
    column: Column
    source: "Source"
    sql: str
    function: str = ""
    """How many rows became this value: count, sum …; empty for the column's own value."""
    part: str = ""
    """Of a date that is grouped by: day, month …"""
    renamed: bool = False


@dataclass
class Source:
    """The root entity or a link-entity: a table under an SQL alias."""

    table: Table
    alias: str
    prefix: str
    """What its columns are called in the answer: empty for the root, `alias.` for a link-entity."""


@dataclass
class Scope:
    """What one FROM … WHERE … is made of: the query itself, or a subquery for rows that must exist."""

    joins: list[str] = field(default_factory=list)
    join_parameters: Parameters = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    parameters: Parameters = field(default_factory=list)

    def sql(self) -> str:
        return f"{' '.join(self.joins)} WHERE {' AND '.join(filter(None, self.where)) or '1'}"

    @property
    def bound(self) -> Parameters:
        return [*self.join_parameters, *self.parameters]


def is_true(element: Element, name: str) -> bool:
    return element.get(name, "").lower() in {"true", "1"}


class FetchQuery:
    """Reads a `<fetch>`; ApiError 400 when it makes no sense."""

    def __init__(self, context: QueryContext, fetch: Element, most: int) -> None:
        """`most` rows are the longest page."""
        entity = fetch.find("entity")
        if fetch.tag != "fetch" or entity is None:
            raise errors.invalid_request("A fetch holds one entity.")
        self._context = context
        self._fetch = fetch
        self.aggregate = is_true(fetch, "aggregate")
        self.distinct = is_true(fetch, "distinct")
        self.top = self._number("top")
        if self.top is not None and (fetch.get("page") or fetch.get("count")):
            raise errors.invalid_request("The top attribute can't be specified with paging attributes.")
        self.limit = min(self.top or self._number("count") or most, most)
        self.page = self._number("page") or 1
        self.outputs: list[Output] = []
        self._groups: list[str] = []
        self._order: list[str] = []
        self._by_alias: dict[str, Source] = {}
        self._scope = Scope()
        _check_size(fetch)
        self.root = self._read(entity)
        if not self.outputs:
            raise errors.invalid_request("An aggregate query needs an attribute.")

    def select(self, terms: Iterable[str]) -> tuple[str, Parameters]:
        """The statement that reads these terms for one page and one row more, and what it binds."""
        listed = ", ".join(terms)
        words = "SELECT DISTINCT" if self.distinct and not self.aggregate else "SELECT"
        ordering = list(self._order)
        if not self.aggregate and not self.distinct:
            # The sign keeps SQLite from walking the whole table in this order for the sake of a few joined rows.
            ordering.append(f'+t."{self.root.table.primary_key}"')
        order = f"ORDER BY {', '.join(ordering)}" if ordering else ""
        group = f"GROUP BY {', '.join(self._groups)}" if self._groups else ""
        page = f"LIMIT {self.limit + 1} OFFSET {(self.page - 1) * self.limit}"
        return f"{words} {listed} {self._from()} {group} {order} {page}", self._scope.bound

    def count(self, most: int) -> tuple[str, Parameters]:
        """How many rows match, counted no further than `most`."""
        return f"SELECT COUNT(*) FROM (SELECT 1 {self._from()} LIMIT {most})", self._scope.bound

    def _from(self) -> str:
        return f'FROM "{self.root.table.name}" AS t {self._scope.sql()}'

    def _number(self, name: str) -> int | None:
        text = self._fetch.get(name)
        if text is None:
            return None
        if not text.isdecimal() or len(text) > 9 or int(text) < 1:
            raise errors.invalid_request(f"Invalid value {quoteattr(text)} for {name}.")
        return int(text)

    def _read(self, entity: Element) -> Source:
        root = Source(self._table(entity), "t", "")
        self._by_alias[root.table.name] = root
        self._read_columns(entity, root)
        for child in entity.iterfind("link-entity"):
            self._link(child, root, self._scope)
        self._scope.where.append(self._context.scope(root.table, "t"))
        for child in entity.iterfind("filter"):
            self._scope.where.append(self._filter(child, root, self._scope.parameters))
        self._read_orders(entity, root)
        return root

    def _table(self, element: Element) -> Table:
        table = self._context.schema.tables.get(element.get("name", ""))
        if table is None:
            raise errors.invalid_request(f"The entity with a name = '{element.get('name')}' was not found.")
        return table

    # what is asked for

    def _read_columns(self, element: Element, source: Source) -> None:
        readable = [column for column in source.table.columns.values() if column.readable]
        named = element.findall("attribute")
        everything = element.find("all-attributes") is not None
        if everything or (not named and not source.prefix and not self.aggregate):
            self.outputs += [
                Output(f"{source.prefix}{column.name}", column, source, f'{source.alias}."{column.name}"')
                for column in readable
            ]
        for attribute in named:
            self.outputs.append(
                self._aggregated(attribute, source) if self.aggregate else self._plain(attribute, source)
            )

    def _plain(self, attribute: Element, source: Source) -> Output:
        if attribute.get("aggregate"):
            raise errors.invalid_request("An aggregate is only valid in a fetch with aggregate='true'.")
        column, sql = self._column(source, attribute.get("name", ""))
        alias = attribute.get("alias")
        return Output(alias or f"{source.prefix}{column.name}", column, source, sql, renamed=bool(alias))

    def _aggregated(self, attribute: Element, source: Source) -> Output:
        column, sql = self._column(source, attribute.get("name", ""))
        alias, function, part = (attribute.get(name, "") for name in ("alias", "aggregate", "dategrouping"))
        if not alias:
            raise errors.invalid_request("Every attribute of an aggregate query needs an alias.")
        if is_true(attribute, "groupby"):
            if part:
                if part not in _PARTS_OF_A_DATE:
                    raise errors.invalid_request(f"The dategrouping '{part}' is not supported here.")
                sql = _PARTS_OF_A_DATE[part].format(sql)
            self._groups.append(sql)
            return Output(alias, column, source, sql, part=part, renamed=True)
        if function not in _FUNCTIONS:
            raise errors.invalid_request(
                f"'{column.name}' has neither groupby nor a known aggregate: '{function}'."
            )
        if function in _SUMMED and not conditions.is_number(column):
            raise errors.ApiError(
                400,
                "0x80041130",
                f"Aggregate {function} is not supported for attribute of type {column.kind}.",
            )
        inner = f"DISTINCT {sql}" if is_true(attribute, "distinct") else sql
        return Output(alias, column, source, _FUNCTIONS[function].format(inner), function, renamed=True)

    def _read_orders(self, element: Element, source: Source) -> None:
        for order in element.iterfind("order"):
            direction = "DESC" if is_true(order, "descending") else "ASC"
            self._order.append(f"{self._ordered_by(order, source)} {direction}")

    def _ordered_by(self, order: Element, source: Source) -> str:
        alias = order.get("alias")
        if alias is None and not self.aggregate:
            target = source if order.get("entityname") is None else self._named(order.get("entityname", ""))
            return self._column(target, order.get("attribute", ""))[1]
        for output in self.outputs:
            if output.renamed and output.name == alias:
                return output.sql
        raise errors.invalid_request(
            "An aggregate query is ordered by the alias of one of its attributes, not by an attribute."
            if alias is None
            else f"There is no attribute with the alias '{alias}' to order by."
        )

    # joins

    def _link(self, element: Element, outer: Source, scope: Scope) -> None:
        """A join: `from` is the link-entity's column, `to` the one of the entity around it."""
        kind = element.get("link-type", "inner")
        if kind in {"exists", "in"}:
            scope.where.append(self._exists(element, outer, scope.parameters))
            return
        if kind not in _JOINS:
            raise errors.invalid_request(f"The link-type '{kind}' is not supported here.")
        name = element.get("alias") or f"{element.get('name', '')}{len(self._by_alias)}"
        if name in self._by_alias:
            raise errors.invalid_request(f"The alias '{name}' is not unique in the query.")
        source = Source(self._table(element), self._context.alias(), f"{name}.")
        terms = self._joined(element, source, outer, scope.join_parameters)
        scope.joins.append(
            f'{_JOINS[kind]} "{source.table.name}" AS {source.alias} ON {" AND ".join(filter(None, terms))}'
        )
        self._by_alias[name] = source
        if not element.get("alias"):
            self._by_alias.setdefault(source.table.name, source)
        self._read_columns(element, source)
        for child in element.iterfind("link-entity"):
            self._link(child, source, scope)
        self._read_orders(element, source)

    def _joined(self, element: Element, source: Source, outer: Source, parameters: Parameters) -> list[str]:
        """How the two rows belong together, which rows may be seen, and the link-entity's own filters."""
        _, near = self._column(outer, element.get("to", ""))
        _, far = self._column(source, element.get("from", ""))
        filters = [self._filter(child, source, parameters) for child in element.iterfind("filter")]
        return [f"{far} = {near}", self._context.scope(source.table, source.alias), *filters]

    def _exists(
        self, element: Element, outer: Source, parameters: Parameters, *, filtered: bool = True
    ) -> str:
        """A condition on the entity around: that there is such a row. No columns can be asked of it."""
        source = Source(self._table(element), self._context.alias(), "")
        inner = Scope()
        if filtered:
            for child in element.iterfind("link-entity"):
                self._link(child, source, inner)
            inner.where += self._joined(element, source, outer, inner.parameters)
        else:
            bare = Element("link-entity", {"to": element.get("to", ""), "from": element.get("from", "")})
            inner.where += self._joined(bare, source, outer, inner.parameters)
        parameters += inner.bound
        return f'EXISTS (SELECT 1 FROM "{source.table.name}" AS {source.alias} {inner.sql()})'

    def _within_filter(self, element: Element, outer: Source, parameters: Parameters) -> str:
        """`all` finds rows that have partners, none of which fits; `not all` is the same as `any`: so it is documented."""
        kind = element.get("link-type", "")
        match kind:
            case "any" | "not all":
                return self._exists(element, outer, parameters)
            case "not any":
                return f"NOT {self._exists(element, outer, parameters)}"
            case "all":
                some = self._exists(element, outer, parameters, filtered=False)
                return f"({some} AND NOT {self._exists(element, outer, parameters)})"
        raise errors.invalid_request(f"The link-type '{kind}' is not valid within a filter.")

    # conditions

    def _filter(self, element: Element, source: Source, parameters: Parameters) -> str:
        readers: dict[str, Callable[[Element, Source, Parameters], str]] = {
            "filter": self._filter,
            "condition": self._condition,
            "link-entity": self._within_filter,
        }
        terms = [readers[child.tag](child, source, parameters) for child in element if child.tag in readers]
        if not terms:
            return "1"
        word = " OR " if element.get("type", "and").lower() == "or" else " AND "
        return f"({word.join(terms)})"

    def _condition(self, element: Element, source: Source, parameters: Parameters) -> str:
        entity = element.get("entityname")
        target = source if entity is None else self._named(entity)
        column, sql = self._column(target, element.get("attribute", ""))
        operator = element.get("operator", "eq")
        other = element.get("valueof")
        if other is not None:
            return self._compared(column, sql, operator, other, target)
        listed: list[Any] = [node.text or "" for node in element.iterfind("value")]
        given = element.get("value")
        if given is not None:
            listed = [given]
        return conditions.apply(self._context, column, sql, operator, listed, parameters)

    def _compared(self, column: Column, sql: str, operator: str, other: str, source: Source) -> str:
        """With another column: of the same entity, or `alias.column`."""
        alias, dot, name = other.rpartition(".")
        second, second_sql = self._column(self._named(alias) if dot else source, name)
        if operator not in conditions.SYMBOLS or not conditions.comparable(column, second):
            raise errors.invalid_request(f"'{column.name}' and '{name}' cannot be compared by '{operator}'.")
        return f"{sql} {conditions.SYMBOLS[operator]} {second_sql}"

    def _named(self, alias: str) -> Source:
        found = self._by_alias.get(alias)
        if found is None:
            raise errors.invalid_request(f"There is no link-entity with the alias '{alias}'.")
        return found

    def _column(self, source: Source, name: str) -> tuple[Column, str]:
        column = source.table.columns.get(name)
        if column is None or not column.readable:
            raise errors.ApiError(
                400,
                "0x80041103",
                f"'{source.table.name}' entity doesn't contain attribute with Name = '{name}'.",
            )
        return column, f'{source.alias}."{column.name}"'


def _check_size(fetch: Element) -> None:
    """A query that the platform would not take is not taken here either."""
    if sum(1 for _ in fetch.iter("link-entity")) > MOST_LINKS:
        raise errors.ApiError(400, "0x8004430D", "Number of link entities in query exceeded maximum limit.")
    found = list(fetch.iter("condition"))
    if len(found) > MOST_CONDITIONS:
        raise errors.ApiError(400, "0x8004430C", "Number of conditions in query exceeded maximum limit.")
    if any(len(condition) > MOST_VALUES for condition in found):
        raise errors.ApiError(
            400, "0x8004430E", "Number of parameters in a condition exceeded maximum limit."
        )
