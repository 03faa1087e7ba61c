"""Comparisons of one column, as SQL: shared by $filter, Dataverse's query functions and FetchXML.

Text compares without regard to case, as on the platform; `ne` finds empty values too.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from sandbox.crm import errors
from sandbox.crm.frames import Parameters, QueryContext
from sandbox.crm.schema import LOOKUPS, Column, Kind
from sandbox.crm.store import scale_of

SYMBOLS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_NUMBERS = {Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL, Kind.MONEY, Kind.PICKLIST, Kind.STATE, Kind.STATUS}
_LARGEST_EXPONENT = 30  # more digits than any column holds
_TEXTS = {Kind.STRING, Kind.MEMO, Kind.ENTITY_NAME}


def is_number(column: Column) -> bool:
    """Whether its values add up: choices and states are numbers only to look at."""
    return column.kind in {Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL, Kind.MONEY}


def comparable(column: Column, other: Column) -> bool:
    """Whether two columns store their values alike, so that one can be compared with the other."""
    if is_number(column) or is_number(other):
        return is_number(column) and is_number(other) and scale_of(column) == scale_of(other)
    return (column.kind in _TEXTS) == (other.kind in _TEXTS)


def compare(column: Column, sql: str, operator: str, value: Any, parameters: Parameters) -> str:
    """`value` is a Python value or the text of a literal; raises ApiError 400 when it does not fit the column."""
    if value is None:
        if operator not in {"eq", "ne"}:
            return "0"
        return f"{sql} IS NULL" if operator == "eq" else f"{sql} IS NOT NULL"
    if column.kind in _NUMBERS:
        return _compare_number(column, sql, operator, value, parameters)
    parameters.append(literal(column, value))
    return _with_empty(f"{sql} {SYMBOLS[operator]} ?", sql, operator)


def literal(column: Column, value: Any) -> str | int | float:
    """A value as the column stores it. Not for numbers with a scale: `compare` rounds those the right way."""
    try:
        if column.kind in LOOKUPS or column.kind is Kind.KEY:
            return str(UUID(str(value)))
        if column.kind in _TEXTS:
            return _text(value)
        if column.kind is Kind.BOOLEAN:
            return int({"true": True, "false": False, "1": True, "0": False}[str(value).lower()])
        if column.kind is Kind.DATETIME:
            return _moment(column, value)
        if column.kind is Kind.DOUBLE:
            return float(value)
        return int(value)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise _incompatible(column, value) from None


def like(sql: str, pattern: str, parameters: Parameters) -> str:
    parameters.append(pattern)
    return f"{sql} LIKE ? ESCAPE '\\'"


def escape_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def among(column: Column, sql: str, values: Sequence[Any], parameters: Parameters) -> str:
    terms = [compare(column, sql, "eq", value, parameters) for value in values]
    return f"({' OR '.join(terms)})" if terms else "0"


def apply(
    context: QueryContext,
    column: Column,
    sql: str,
    operator: str,
    values: Sequence[Any],
    parameters: Parameters,
) -> str:
    """A FetchXML operator, by its name (`on-or-after`); values are texts. Raises ApiError 400 for an unknown one."""
    if operator in SYMBOLS:
        return compare(column, sql, operator, _one(operator, values), parameters)
    handler = _OPERATORS.get(operator)
    if handler is None:
        raise errors.invalid_request(f"The operator '{operator}' is not valid or not supported.")
    return handler(context, column, sql, operator, values, parameters)


_Handler = Callable[[QueryContext, Column, str, str, Sequence[Any], Parameters], str]


def _null(
    _context: QueryContext,
    _column: Column,
    sql: str,
    operator: str,
    _values: Sequence[Any],
    _parameters: Parameters,
) -> str:
    return f"{sql} IS NULL" if operator == "null" else f"{sql} IS NOT NULL"


def _in(
    _context: QueryContext,
    column: Column,
    sql: str,
    operator: str,
    values: Sequence[Any],
    parameters: Parameters,
) -> str:
    found = among(column, sql, values, parameters)
    return found if operator == "in" else f"({sql} IS NULL OR NOT {found})"


def _between(
    _context: QueryContext,
    column: Column,
    sql: str,
    operator: str,
    values: Sequence[Any],
    parameters: Parameters,
) -> str:
    if len(values) != 2:
        raise errors.invalid_request(f"The operator '{operator}' needs two values.")
    low = compare(column, sql, "ge", values[0], parameters)
    high = compare(column, sql, "le", values[1], parameters)
    return f"({low} AND {high})" if operator == "between" else f"NOT ({low} AND {high})"


_BRACKETED = re.compile(r"\[([%_\[])\]")
"""A sign of the pattern that stands for itself."""


def _like(
    _context: QueryContext,
    column: Column,
    sql: str,
    operator: str,
    values: Sequence[Any],
    parameters: Parameters,
) -> str:
    text = str(_one(operator, values))
    if column.kind not in _TEXTS:
        raise _incompatible(column, text)
    plain = operator.removeprefix("not-").removeprefix("does-not-")
    patterns = {
        "like": _BRACKETED.sub(r"\\\1", text.replace("\\", "\\\\")),
        "begin-with": f"{escape_like(text)}%",
        "begins-with": f"{escape_like(text)}%",
        "end-with": f"%{escape_like(text)}",
        "ends-with": f"%{escape_like(text)}",
        "contain": f"%{escape_like(text)}%",
    }
    term = like(sql, patterns[plain], parameters)
    return f"({sql} IS NULL OR NOT {term})" if operator.startswith(("not-", "does-not-")) else term


def _own(
    context: QueryContext,
    _column: Column,
    sql: str,
    operator: str,
    _values: Sequence[Any],
    parameters: Parameters,
) -> str:
    """The one who asks: their user, or their business unit."""
    actor = context.actor
    parameters.append(str(actor.user_id if operator.endswith("userid") else actor.business_unit_id))
    return _with_empty(f"{sql} {'<>' if operator.startswith('ne') else '='} ?", sql, operator[:2])


def _days(
    context: QueryContext,
    column: Column,
    sql: str,
    operator: str,
    values: Sequence[Any],
    parameters: Parameters,
) -> str:
    """Spans of whole days around today, in UTC."""
    if column.kind is not Kind.DATETIME:
        raise errors.invalid_request(f"The operator '{operator}' is not valid for '{column.name}'.")
    today = context.now.astimezone(UTC).date()
    tomorrow = today + timedelta(days=1)
    day = timedelta(days=1)
    if operator in {"on", "on-or-after", "on-or-before"}:
        asked = _day(column, _one(operator, values))
        following = asked + day if asked < date.max else None
        spans = {
            "on": (asked, following),
            "on-or-after": (asked, None),
            "on-or-before": (None, following),
        }
        return _span(column, sql, *spans[operator], parameters)
    if operator in {"today", "yesterday", "tomorrow"}:
        start = {"today": today, "yesterday": today - day, "tomorrow": tomorrow}[operator]
        return _span(column, sql, start, start + day, parameters)
    number = _count(operator, values)
    if operator == "older-than-x-days":
        return _span(column, sql, None, today - number * day, parameters)
    start, end = (
        (today - number * day, tomorrow) if operator == "last-x-days" else (today, tomorrow + number * day)
    )
    return _span(column, sql, start, end, parameters)


def _span(column: Column, sql: str, start: date | None, end: date | None, parameters: Parameters) -> str:
    terms = [f"{sql} IS NOT NULL"]
    if start is not None:
        terms.append(compare(column, sql, "ge", start, parameters))
    if end is not None:
        terms.append(compare(column, sql, "lt", end, parameters))
    return f"({' AND '.join(terms)})"


_OPERATORS: dict[str, _Handler] = {
    "neq": lambda context, column, sql, _, values, parameters: apply(
        context, column, sql, "ne", values, parameters
    ),
    "null": _null,
    "not-null": _null,
    "in": _in,
    "not-in": _in,
    "between": _between,
    "not-between": _between,
    "like": _like,
    "not-like": _like,
    "begins-with": _like,
    "not-begin-with": _like,
    "ends-with": _like,
    "not-end-with": _like,
    "contain": _like,
    "does-not-contain": _like,
    "eq-userid": _own,
    "ne-userid": _own,
    "eq-businessid": _own,
    "ne-businessid": _own,
    "on": _days,
    "on-or-after": _days,
    "on-or-before": _days,
    "today": _days,
    "yesterday": _days,
    "tomorrow": _days,
    "last-x-days": _days,
    "next-x-days": _days,
    "older-than-x-days": _days,
}


def _compare_number(column: Column, sql: str, operator: str, value: Any, parameters: Parameters) -> str:
    """Against the stored whole number; a literal between two of them can only be above or below."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise _incompatible(column, value) from None
    if not number.is_finite() or number.adjusted() > _LARGEST_EXPONENT:
        raise _incompatible(column, value)
    scaled = number.scaleb(scale_of(column) if column.kind in {Kind.DECIMAL, Kind.MONEY} else 0)
    floor = int(scaled.to_integral_value(ROUND_FLOOR))
    if floor != scaled:
        if operator == "eq":
            return "0"
        if operator == "ne":
            return "1"
        operator = "gt" if operator in {"gt", "ge"} else "le"
    parameters.append(max(-(2**63), min(2**63 - 1, floor)))
    return _with_empty(f"{sql} {SYMBOLS[operator]} ?", sql, operator)


def _with_empty(term: str, sql: str, operator: str) -> str:
    return f"({term} OR {sql} IS NULL)" if operator == "ne" else term


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _moment(column: Column, value: Any) -> str:
    if not isinstance(value, date):
        text = str(value)
        value = datetime.fromisoformat(text) if "T" in text.upper() else date.fromisoformat(text)
    if column.date_only:
        return (value.date() if isinstance(value, datetime) else value).isoformat()
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return str(value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _day(column: Column, value: Any) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise _incompatible(column, value) from None


def _count(operator: str, values: Sequence[Any]) -> int:
    text = str(_one(operator, values))
    if not text.isdecimal() or len(text) > 5:
        raise errors.invalid_request(f"The operator '{operator}' needs a whole number of days.")
    return int(text)


def _one(operator: str, values: Sequence[Any]) -> Any:
    if len(values) != 1:
        raise errors.invalid_request(f"The operator '{operator}' needs one value.")
    return values[0]


def _incompatible(column: Column, value: Any) -> errors.ApiError:
    return errors.invalid_syntax(
        f"A binary operator with incompatible types was detected: '{column.name}' ({column.kind}) and {value!r}."
    )
