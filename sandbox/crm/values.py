"""One value on its way between the wire and a row: what each column type accepts, and how it is written and shown."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from sandbox.crm import errors
from sandbox.crm.schema import LOOKUPS, Column, Kind, Table, Value
from sandbox.crm.store import scale_of

EDM = {
    Kind.KEY: "Edm.Guid",
    Kind.STRING: "Edm.String",
    Kind.MEMO: "Edm.String",
    Kind.INTEGER: "Edm.Int32",
    Kind.BIGINT: "Edm.Int64",
    Kind.DECIMAL: "Edm.Decimal",
    Kind.DOUBLE: "Edm.Double",
    Kind.MONEY: "Edm.Decimal",
    Kind.BOOLEAN: "Edm.Boolean",
    Kind.DATETIME: "Edm.DateTimeOffset",
    Kind.PICKLIST: "Edm.Int32",
    Kind.STATE: "Edm.Int32",
    Kind.STATUS: "Edm.Int32",
    Kind.LOOKUP: "Edm.Guid",
    Kind.CUSTOMER: "Edm.Guid",
    Kind.OWNER: "Edm.Guid",
    Kind.ENTITY_NAME: "Edm.String",
}
_EARLIEST = datetime(1753, 1, 1, tzinfo=UTC)
_WIDEST = 2**63 - 1
_INT32 = (-(2**31), 2**31 - 1)


def edm_type(column: Column) -> str:
    return "Edm.Date" if column.date_only else EDM[column.kind]


def read(table: Table, column: Column, value: Any) -> Value:
    """The Python value of what a body says; each kind of wrong value raises its own ApiError."""
    if value is None:
        return None
    match column.kind:
        case Kind.STRING | Kind.MEMO | Kind.ENTITY_NAME:
            return _read_text(table, column, value)
        case Kind.INTEGER | Kind.BIGINT:
            return _read_whole(table, column, value)
        case Kind.DECIMAL | Kind.MONEY:
            return _read_decimal(table, column, value)
        case Kind.DOUBLE:
            if isinstance(value, bool) or not isinstance(value, int | Decimal):
                raise errors.wrong_type(column.name, edm_type(column), value)
            return float(value)
        case Kind.BOOLEAN:
            if not isinstance(value, bool):
                raise errors.wrong_type(column.name, edm_type(column), value)
            return value
        case Kind.PICKLIST | Kind.STATE | Kind.STATUS:
            return _read_choice(table, column, value)
        case Kind.DATETIME:
            return _read_moment(column, value)
        case Kind.KEY | Kind.LOOKUP | Kind.CUSTOMER | Kind.OWNER:
            return read_guid(column.name, value)


def read_guid(name: str, value: Any) -> UUID:
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            pass
    raise errors.wrong_type(name, "Edm.Guid", value)


def round_money(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)


def write(column: Column, value: Value) -> Any:
    """The JSON value: money with four decimals, moments in UTC to the second, ids in lower case."""
    return None if value is None else writer(column)(value)


@cache
def writer(column: Column) -> Callable[[Any], Any]:
    """How `write` writes the values of a column that are not None."""
    if column.kind in LOOKUPS or column.kind is Kind.KEY:
        return str
    if column.kind is Kind.DATETIME:
        return date.isoformat if column.date_only else _write_moment
    if column.kind in {Kind.MONEY, Kind.DECIMAL}:
        digits = Decimal(1).scaleb(-scale_of(column))
        return lambda value: value.quantize(digits)
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _write_moment(value: datetime) -> str:
    return f"{value.astimezone(UTC).isoformat()[:19]}Z"


@lru_cache(maxsize=16_384)
def show(column: Column, value: Value, symbol: str = "", digits: int | None = None) -> str | None:
    """What a person sees: labels, grouped numbers, dates of the organisation's format. None where nothing is formatted."""
    if isinstance(value, bool) or (column.options is not None and isinstance(value, int)):
        option = column.options.find(int(value)) if column.options else None
        return option.label if option else ("Yes" if value else "No")
    if isinstance(value, Decimal):
        places = column.precision if digits is None or column.kind is not Kind.MONEY else digits
        sign = "-" if value < 0 else ""
        return f"{sign}{symbol if column.kind is Kind.MONEY else ''}{abs(value):,.{places}f}"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        shown = f"{moment.month}/{moment.day}/{moment.year}"
        return shown if column.format == "date" else f"{shown} {moment.hour % 12 or 12}:{moment:%M %p}"
    if isinstance(value, date):
        return f"{value.month}/{value.day}/{value.year}"
    if isinstance(value, int):
        return f"{value:,}"
    return None


def _read_text(table: Table, column: Column, value: Any) -> str:
    if not isinstance(value, str):
        raise errors.wrong_type(column.name, edm_type(column), value)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise errors.bad_payload(f"The text of '{column.name}' is not valid Unicode.")
    if column.max_length is not None and len(value) > column.max_length:
        raise errors.text_too_long(column.name, table.name, column.max_length)
    return value


def _read_whole(table: Table, column: Column, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise errors.wrong_type(column.name, edm_type(column), value)
    lowest, highest = _INT32 if column.kind is Kind.INTEGER else (-_WIDEST, _WIDEST)
    _within(table, column, value, Decimal(lowest), Decimal(highest))
    return value


def _read_decimal(table: Table, column: Column, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise errors.wrong_type(column.name, edm_type(column), value)
    scale = scale_of(column)
    widest = Decimal(_WIDEST).scaleb(-scale)
    number = Decimal(value)
    _within(table, column, number, -widest, widest)
    return round_money(number, scale)


def _within(table: Table, column: Column, value: Decimal | int, lowest: Decimal, highest: Decimal) -> None:
    """Between the column's own limits, and what its type can hold at all."""
    if column.minimum is not None:
        lowest = max(lowest, column.minimum)
    if column.maximum is not None:
        highest = min(highest, column.maximum)
    if not lowest <= value <= highest:
        raise errors.out_of_range(column.name, table.name, value)


def _read_choice(table: Table, column: Column, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise errors.wrong_type(column.name, edm_type(column), value)
    if column.options is not None and column.options.find(value) is None:
        accepted = ",".join(str(option.value) for option in column.options.options)
        raise errors.invalid_choice(column.name, table.name, value, accepted)
    return value


def _read_moment(column: Column, value: Any) -> Value:
    if not isinstance(value, str):
        raise errors.wrong_type(column.name, edm_type(column), value)
    try:
        if column.date_only:
            return date.fromisoformat(value)
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise errors.wrong_type(column.name, edm_type(column), value) from None
    if moment < _EARLIEST:
        raise errors.ApiError(
            400, "0x80040239", f"DateTime is less than minimum value supported by CrmDateTime: {value}"
        )
    return moment
