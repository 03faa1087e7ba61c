"""$apply: rows counted, added up and grouped. `filter(…)/groupby((a,b),aggregate(c with sum as d,$count as e))`."""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.crm import conditions, errors, values
from sandbox.crm.exchange import Exchange
from sandbox.crm.fetchquery import MOST_AGGREGATED
from sandbox.crm.filters import compile_filter
from sandbox.crm.frames import Frame, Parameters
from sandbox.crm.odata import split
from sandbox.crm.schema import Column, Kind, Table
from sandbox.crm.store import codec, scale_of

_CALL = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
_MEASURE = re.compile(r"(\S+) with (sum|average|min|max|countdistinct) as (\w+)")
_FUNCTIONS = {
    "sum": "SUM({0})",
    "average": "SUM({0}) || '/' || COUNT({0})",
    "min": "MIN({0})",
    "max": "MAX({0})",
    "countdistinct": "COUNT(DISTINCT {0})",
}
_DIGITS = Decimal("0.000000001")


def answer(exchange: Exchange, table: Table) -> dict[str, Any]:
    """The answer to `GET {set}?$apply=…`; ApiError 400 for what the platform would not take."""
    return _Apply(exchange, table).run(exchange.options["$apply"])


class _Apply:
    def __init__(self, exchange: Exchange, table: Table) -> None:
        self._exchange = exchange
        self._table = table
        self._frame = Frame(exchange.context, table, "t")
        self._parameters: Parameters = []
        self._where = [exchange.context.scope(table, "t")]
        self._groups: list[tuple[str, Column, str]] = []
        self._measures: list[tuple[str, Column | None, str, str]] = []

    def run(self, text: str) -> dict[str, Any]:
        for step in split(text, "/"):
            call = _CALL.fullmatch(step.strip())
            if call is None:
                raise errors.invalid_syntax(f"Syntax error in $apply: {step!r}")
            self._step(call[1], call[2].strip())
        if not self._groups and not self._measures:
            raise errors.invalid_syntax("$apply needs groupby or aggregate.")
        store, where = self._exchange.store, " AND ".join(filter(None, self._where)) or "1"
        source = f'FROM "{self._table.name}" AS t {self._frame.joined_sql} WHERE {where}'
        counted = f"SELECT COUNT(*) FROM (SELECT 1 {source} LIMIT {MOST_AGGREGATED + 1})"
        if store.sql(counted, self._parameters)[0][0] > MOST_AGGREGATED:
            raise errors.ApiError(
                400, "0x8004E023", "AggregateQueryRecordLimit exceeded. Cannot perform this operation."
            )
        groups, measures = [sql for _, _, sql in self._groups], [sql for *_, sql in self._measures]
        listed, group = ", ".join([*groups, *measures]), ", ".join(groups)
        grouped = f"GROUP BY {group} ORDER BY {group}" if group else ""
        records = store.sql(f"SELECT {listed} {source} {grouped}", self._parameters)
        context = f"{self._exchange.root}$metadata#{self._table.entity_set}"
        return {"@odata.context": context, "value": [self._row(record) for record in records]}

    def _step(self, name: str, inner: str) -> None:
        if name == "filter":
            self._where.append(compile_filter(self._frame, inner, self._parameters))
        elif name == "aggregate":
            self._measures += [self._measure(part) for part in split(inner, ",")]
        elif name == "groupby":
            columns, *further = split(inner, ",")
            for path in split(columns.strip().removeprefix("(").removesuffix(")"), ","):
                column, sql = self._frame.column(path)
                self._groups.append((path.replace("/", "_"), column, sql))
            for part in further:
                call = _CALL.fullmatch(part)
                if call is None or call[1] != "aggregate":
                    raise errors.invalid_syntax(f"Syntax error in $apply: {part!r}")
                self._step("aggregate", call[2])
        else:
            raise errors.invalid_syntax(f"The transformation '{name}' is not supported.")

    def _measure(self, text: str) -> tuple[str, Column | None, str, str]:
        """Name, column, function and SQL."""
        if counted := re.fullmatch(r"\$count as (\w+)", text):
            return counted[1], None, "count", "COUNT(*)"
        found = _MEASURE.fullmatch(text)
        if found is None:
            raise errors.invalid_syntax(f"Syntax error in $apply: {text!r}")
        path, function, name = found.groups()
        column, sql = self._frame.column(path)
        if function in {"sum", "average"} and not conditions.is_number(column):
            raise errors.invalid_syntax(f"'{path}' cannot be aggregated with {function}.")
        return name, column, function, _FUNCTIONS[function].format(sql)

    def _row(self, record: tuple[Any, ...]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for (name, column, _), value in zip(self._groups, record, strict=False):
            row[name] = values.write(column, _decoded(column, value))
        for (name, measured, function, _), value in zip(
            self._measures, record[len(self._groups) :], strict=True
        ):
            row[name] = _measured(measured, function, value)
        return row


def _measured(column: Column | None, function: str, value: Any) -> Any:
    if value is None or column is None or function == "countdistinct":
        return value
    if function == "average":
        total, _, number = str(value).partition("/")
        mean = Decimal(total) / int(number)
        if column.kind is Kind.INTEGER:
            return int(mean.to_integral_value(ROUND_HALF_UP))
        return mean.scaleb(-scale_of(column)).quantize(_DIGITS)
    found = _decoded(column, value)
    return found.quantize(_DIGITS) if isinstance(found, Decimal) else values.write(column, found)


def _decoded(column: Column, value: Any) -> Any:
    return None if value is None else codec(column).decode(value)
