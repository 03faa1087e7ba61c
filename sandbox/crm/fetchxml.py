"""FetchXML over the Web API: the rows of a query as JSON, page by page.

Columns of a link-entity come back as `alias.column`, aggregates under the alias that each of them names.
`paging_cookie` follows the shape that Microsoft's clients read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from sandbox.crm import errors, values
from sandbox.crm.annotations import Annotations
from sandbox.crm.exchange import Exchange
from sandbox.crm.fetchquery import MOST_AGGREGATED, FetchQuery, Output, is_true
from sandbox.crm.frames import QueryContext
from sandbox.crm.preferences import FORMATTED, LOOKUP_TABLE, MAX_PAGE, TOTAL, Preferences
from sandbox.crm.schema import LOOKUPS, Kind, Row, Table
from sandbox.crm.store import Store, scale_of

COOKIE = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
MORE = "Microsoft.Dynamics.CRM.morerecords"
MOST_COUNTED = 5000
_AGGREGATED_DIGITS = Decimal("0.000000001")


@dataclass
class Found:
    """Rows of a fetch, each as a row of the root with the link-entities' columns beside it, by `alias.column`."""

    table: Table
    rows: list[dict[str, Any]]
    outputs: list[Output]
    more: bool
    page: int
    total: int = -1
    """How many rows there are on all pages, when that was asked for; one more than the limit for "even more"."""
    aggregate: bool = False


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
        reply[f"@{TOTAL}"] = min(found.total, MOST_COUNTED)
        reply[f"@{TOTAL}limitexceeded"] = found.total > MOST_COUNTED
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
    query = FetchQuery(context, fetch, MAX_PAGE)
    store = context.store
    if query.aggregate:
        most = MOST_AGGREGATED + 1
        if store.sql(*query.count(most))[0][0] == most:
            raise errors.ApiError(
                400, "0x8004E023", "AggregateQueryRecordLimit exceeded. Cannot perform this operation."
            )
    places = list(_places(query))
    records = store.sql(*query.select(place.sql for place in places))
    rows = [
        {place.key: place.read(store, value) for place, value in zip(places, record, strict=True)}
        for record in records[: query.limit]
    ]
    counted = is_true(fetch, "returntotalrecordcount") and not query.aggregate
    return Found(
        query.root.table,
        rows,
        query.outputs,
        len(records) > query.limit and query.top is None,
        query.page,
        int(store.sql(*query.count(MOST_COUNTED + 1))[0][0]) if counted else -1,
        query.aggregate,
    )


@dataclass(frozen=True)
class _Place:
    """One value that the statement reads: where it goes in a row, and how it is decoded."""

    key: str
    sql: str
    table: Table
    name: str
    output: Output | None = None

    def read(self, store: Store, value: Any) -> Any:
        output = self.output
        if value is None or output is None or not (output.function or output.part):
            return store.decode(self.table, self.name, value)
        if output.part or output.function in {"count", "countcolumn"}:
            return int(value)
        if output.function != "avg":
            return store.decode(self.table, self.name, value)
        total, _, number = str(value).partition("/")
        mean = Decimal(total) / int(number)
        if output.column.kind is Kind.INTEGER:
            return int(mean.to_integral_value(ROUND_HALF_UP))
        return mean.scaleb(-scale_of(output.column))


def _places(query: FetchQuery) -> Iterator[_Place]:
    """What was asked for, the tables that polymorphic lookups point at, and what every row of the root has."""
    asked: set[str] = set()
    for output in query.outputs:
        asked.add(output.name)
        yield _Place(output.name, output.sql, output.source.table, output.column.name, output)
    for output in query.outputs:
        column, source = output.column, output.source
        if column.polymorphic and not output.function:
            name = f"{output.name}type"
            yield _Place(name, f'{source.alias}."{column.type_name}"', source.table, column.type_name)
    if query.distinct or query.aggregate:
        return
    table = query.root.table
    for name in (table.primary_key, "versionnumber", "transactioncurrencyid"):
        if name in table.columns and name not in asked:
            yield _Place(name, f't."{name}"', table, name)


def _write(context: QueryContext, preferences: Preferences, found: Found) -> list[dict[str, Any]]:
    own = [output for output in found.outputs if not _is_foreign(output)]
    rows: list[Row] = found.rows
    annotations = Annotations(context, preferences) if preferences.annotations else None
    labels = (
        annotations.of(found.table, [(output.column.property_name, output.column) for output in own], rows)
        if annotations
        else None
    )
    foreign = _foreign_labels(context, preferences, found)
    written = []
    for position, row in enumerate(rows):
        item: dict[str, Any] = {}
        if "versionnumber" in row:
            item["@odata.etag"] = f'W/"{row["versionnumber"]}"'
        for output in found.outputs:
            value = row[output.name]
            if _is_foreign(output):
                if value is None and not found.aggregate:
                    continue
                item |= foreign[position].get(output.name, {})
                item[output.name] = _value(output, value)
            else:
                key = output.column.property_name
                if labels is not None:
                    item |= labels[position].get(key, {})
                item[key] = values.write(output.column, value)
        if found.table.primary_key in row:
            item.setdefault(found.table.primary_key, str(row[found.table.primary_key]))
        written.append(item)
    return written


def _is_foreign(output: Output) -> bool:
    """A link-entity's column, or one under an alias: not written as a property of the root."""
    return output.renamed or bool(output.source.prefix)


def _value(output: Output, value: Any) -> Any:
    if isinstance(value, Decimal) and output.function:
        return value.quantize(_AGGREGATED_DIGITS)
    return value if output.function or output.part else values.write(output.column, value)


def _foreign_labels(
    context: QueryContext, preferences: Preferences, found: Found
) -> list[dict[str, dict[str, Any]]]:
    """For each row, by name: what people see of a value, and where a lookup leads."""
    outputs = [output for output in found.outputs if _is_foreign(output)]
    if not outputs or not preferences.annotations:
        return [{} for _ in found.rows]
    labels: list[dict[str, dict[str, Any]]] = [{} for _ in found.rows]
    for output in outputs:
        names = _names(context, output, found.rows)
        for position, row in enumerate(found.rows):
            value = row[output.name]
            if value is None:
                continue
            label: dict[str, Any] = {}
            shown = names.get(value) if output.column.kind in LOOKUPS else _shown(output, value)
            if shown is not None and preferences.wants(FORMATTED):
                label[f"{output.name}@{FORMATTED}"] = shown
            if output.column.kind in LOOKUPS and not output.function and preferences.wants(LOOKUP_TABLE):
                label[f"{output.name}@{LOOKUP_TABLE}"] = _target(output, row)
            labels[position][output.name] = label
    return labels


def _names(context: QueryContext, output: Output, rows: Sequence[dict[str, Any]]) -> dict[Any, str]:
    if output.column.kind not in LOOKUPS or output.function:
        return {}
    names: dict[Any, str] = {}
    for target in {_target(output, row) for row in rows if row[output.name] is not None}:
        ids = {row[output.name] for row in rows if row[output.name] and _target(output, row) == target}
        names |= context.store.names(context.schema.table(target), ids)
    return names


def _target(output: Output, row: dict[str, Any]) -> str:
    return str(row[f"{output.name}type"]) if output.column.polymorphic else output.column.targets[0]


def _shown(output: Output, value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and (output.function or output.part):
        return f"{value:,}"
    return values.show(output.column, value)
