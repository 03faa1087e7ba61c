"""What people type into the filter of a list's column, as conditions of its query.

Texts, lookups and choices are found by a part of what is shown; numbers and days by `12`, `>12`, `<=12` or `1..5`.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from sandbox.crm.pages import shown
from sandbox.crm.pages.reads import Condition, Reads
from sandbox.crm.schema import LOOKUPS, Column, Kind, Schema, Table

_TEXTS = frozenset({Kind.STRING, Kind.MEMO})
_NUMBERS = frozenset({Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL, Kind.MONEY, Kind.DOUBLE})
_COMPARED = re.compile(r"(>=|<=|>|<|=)?\s*(\S+)")
_OPERATORS = {"": "eq", "=": "eq", ">": "gt", ">=": "ge", "<": "lt", "<=": "le"}


class _UnreadableError(Exception):
    """What was typed makes no sense for the column; the message says what would."""


@dataclass(frozen=True)
class Filter:
    column: str
    text: str
    conditions: tuple[Condition, ...] = ()
    complaint: str = ""
    """Why it narrows nothing."""


def hint(column: Column) -> str:
    """What to type."""
    if column.kind in _NUMBERS:
        return "12, >12, <=12 or 1..5"
    if column.kind is Kind.DATETIME:
        return "2026-11-22, >=2026-11-22 or 2026-11-01..2026-11-30"
    return "A part of what is shown"


def read(schema: Schema, reads: Reads, table: Table, column: Column, text: str) -> Filter:
    try:
        return Filter(column.name, text, tuple(_conditions(schema, reads, table, column, text)))
    except _UnreadableError as error:
        return Filter(column.name, text, (), str(error))


def _conditions(schema: Schema, reads: Reads, table: Table, column: Column, text: str) -> list[Condition]:
    if column.kind in _TEXTS:
        return [Condition(column.name, "like", (f"%{text.replace('*', '%')}%",))]
    if column.kind in _NUMBERS:
        return _numbers(column, text)
    if column.kind is Kind.DATETIME:
        return _days(column, text)
    if column.kind in LOOKUPS:
        found = [row_id for target in column.targets for row_id in reads.named(schema.table(target), text)]
        return [_one_of(table, column, found)]
    if column.options is not None:
        labels = {str(option.value): _label(table, column, option.value) for option in column.options.options}
        return [
            _one_of(
                table, column, [value for value, label in labels.items() if text.lower() in label.lower()]
            )
        ]
    raise _UnreadableError(f"{column.label} cannot be filtered.")


def _label(table: Table, column: Column, value: int) -> str:
    if column.kind is Kind.STATUS:
        return shown.status(table, column, value)
    option = column.options.find(value) if column.options else None
    return option.label if option else ""


def _one_of(table: Table, column: Column, values: list[str]) -> Condition:
    if not values:
        return Condition(table.primary_key, "null")
    return Condition(column.name, "in", tuple(values))


def _numbers(column: Column, text: str) -> list[Condition]:
    low, between, high = text.partition("..")
    if between:
        return [
            Condition(column.name, "ge", (_number(low),)),
            Condition(column.name, "le", (_number(high),)),
        ]
    sign, value = _compared(text)
    return [Condition(column.name, _OPERATORS[sign], (_number(value),))]


def _number(text: str) -> str:
    plain = text.strip().replace(",", "")
    try:
        if Decimal(plain).is_finite():
            return plain
    except InvalidOperation:
        pass
    raise _UnreadableError("Enter a number such as 12, >12, <=12 or 1..5.")


def _days(column: Column, text: str) -> list[Condition]:
    low, between, high = text.partition("..")
    if between:
        return [
            Condition(column.name, "on-or-after", (_day(low).isoformat(),)),
            Condition(column.name, "on-or-before", (_day(high).isoformat(),)),
        ]
    sign, value = _compared(text)
    day = _day(value)
    operator, asked = {
        ">": ("on-or-after", day + timedelta(days=1)),
        ">=": ("on-or-after", day),
        "<": ("on-or-before", day - timedelta(days=1)),
        "<=": ("on-or-before", day),
    }.get(sign, ("on", day))
    return [Condition(column.name, operator, (asked.isoformat(),))]


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        found = date.min
    if not date.min < found < date.max:
        raise _UnreadableError("Enter a day such as 2026-11-22, or 2026-11-01..2026-11-30.")
    return found


def _compared(text: str) -> tuple[str, str]:
    found = _COMPARED.fullmatch(text.strip())
    if found is None:
        return "", text
    return found[1] or "", found[2]
