"""The Dataverse Web API as values and pure functions: operations to send, replies to read, literals, JSON, errors.

Nothing here opens a socket; `http.py` sends, `batch.py` packs several operations into one.

Errors::

    DataverseError        status, code ("0x…"), message, request_id
    ├── Unreachable         nothing is known: network, 5xx, garbage. `sent` is False where nothing can have been executed
    ├── SignInRefused       no token: names the setting to look at; nothing was sent to Dataverse
    └── Refused             Dataverse answered, in its own error envelope, that it did nothing
        ├── PreconditionFailed  412: the row is not the version that If-Match names
        ├── Duplicate           412: a row of this primary or alternate key exists
        ├── NotFound            404
        ├── Forbidden           403
        ├── Unauthorized        401: the token is not accepted
        ├── Throttled           429 of the service protection; retry_after in seconds
        └── Invalid             every other 4xx
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import quote
from uuid import UUID

API_PATH = "/api/data/v9.2/"


class DataverseError(Exception):
    """The root of the tree above. `status` and `code` are 0 and "" where no answer carried them."""

    def __init__(self, message: str, *, status: int = 0, code: str = "", request_id: str = "") -> None:
        told = " ".join(part for part in (str(status or ""), code) if part)
        super().__init__(f"{told}: {message}" if told else message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        """The platform's own id of the request, for its support."""


class Unreachable(DataverseError):
    """Nothing may be concluded: what was asked may have been done."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.retry_after = retry_after
        self.sent = sent
        """False: it is certain that not a byte of the request was sent."""


class SignInRefused(DataverseError):
    """The identity provider gives no token, and asking again will not change that."""


class Refused(DataverseError):
    """An answer of Dataverse itself: what was asked was not done."""


class PreconditionFailed(Refused):
    pass


class Duplicate(Refused):
    pass


class NotFound(Refused):
    pass


class Forbidden(Refused):
    pass


class Unauthorized(Refused):
    pass


class Invalid(Refused):
    pass


class Throttled(Refused):
    def __init__(
        self,
        message: str,
        *,
        status: int = 429,
        code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.retry_after = retry_after


SERVICE_PROTECTION = frozenset({"0x80072321", "0x80072322", "0x80072326"})
"""Execution time, number of requests, concurrent requests: refused at the door, so nothing was executed."""

_BY_CODE: Mapping[str, type[Refused]] = {
    # The codes come first: for some of them no document tells the status.
    "0x80060882": PreconditionFailed,  # ConcurrencyVersionMismatch
    "0x80040237": Duplicate,  # DuplicateRecord: the primary key
    "0x80060892": Duplicate,  # DuplicateRecordEntityKey: an alternate key
    "0x80040333": Duplicate,  # DuplicateRecordsFound: a duplicate detection rule
    "0x80040217": NotFound,  # ObjectDoesNotExist
    "0x80060891": NotFound,  # RecordNotFoundByEntityKey
    "0x80040220": Forbidden,  # PrivilegeDenied
}
_BY_STATUS: Mapping[int, type[Refused]] = {403: Forbidden, 404: NotFound, 412: PreconditionFailed}


@dataclass(frozen=True)
class Operation:
    """One request. `path` is relative to the API root and already percent-encoded: `cfl_payments(…)?$select=…`."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None

    @property
    def is_read(self) -> bool:
        return self.method == "GET"


@dataclass(frozen=True)
class Reply:
    """One answer. `headers` have lower-case names; `body` is parsed JSON with `Decimal` for fractions, or None."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def error(self) -> DataverseError | None:
        """The error of the tree above that this answer is, or None."""
        return _error_of(self)

    def raise_for_status(self) -> None:
        """Raises the error that this answer is, if it is one."""
        if error := self.error:
            raise error


# --- Addresses -----------------------------------------------------------------------------------------------


def row(entity_set: str, key: UUID | Mapping[str, object]) -> str:
    """The path of one row, by id or by alternate key: `accounts(…)`, `cfl_requests(cfl_key='…')`."""
    if isinstance(key, UUID):
        return f"{entity_set}({key})"
    values = ",".join(f"{column}={quote(literal(value), safe=_PLAIN)}" for column, value in key.items())
    return f"{entity_set}({values})"


def with_query(path: str, options: Mapping[str, str]) -> str:
    """`path` with query options, whose values are percent-encoded here; `$select`, `$filter`, `fetchXml`, …"""
    pairs = "&".join(f"{name}={quote(value, safe=_PLAIN)}" for name, value in options.items())
    return f"{path}?{pairs}"


def fetch_xml_query(xml: str) -> str:
    """The query of a FetchXML read, to stand after `entityset?`."""
    return "fetchXml=" + quote(xml, safe="")


def function(path: str, name: str, parameters: Mapping[str, object]) -> str:
    """A function bound to `path` (or unbound, when that is empty), its parameters passed by alias.

    A mapping is written as JSON: `{"@odata.id": "invoices(…)"}` is a reference to a row; so is a list.
    """
    aliases = {f"@p{number}": value for number, value in enumerate(parameters.values(), start=1)}
    formal = ",".join(f"{parameter}={alias}" for parameter, alias in zip(parameters, aliases, strict=True))
    call = f"{path}/Microsoft.Dynamics.CRM.{name}({formal})" if path else f"{name}({formal})"
    actual = {
        alias: to_json(value) if isinstance(value, Mapping | list) else literal(value)
        for alias, value in aliases.items()
    }
    return with_query(call, actual) if actual else call


def bind(entity_set: str, key: UUID) -> str:
    """The value of a `…@odata.bind`: a reference to an existing row."""
    return f"/{row(entity_set, key)}"


def literal(value: object) -> str:
    """A value as an OData literal, not yet percent-encoded. Raises `TypeError` for a float: amounts are exact."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case int():
            return str(int(value))
        case Decimal():
            return _numeral(value)
        case UUID():
            return str(value)
        case datetime():
            return _moment(value)
        case date():
            return value.isoformat()
        case _:
            raise TypeError(f"{type(value).__name__} has no OData literal")


# --- Bodies --------------------------------------------------------------------------------------------------


def to_json(value: object) -> str:
    """JSON with exact numerals for `Decimal`. Raises `TypeError` for a float and anything else without one meaning."""
    match value:
        case None | bool() | str() | int():
            return json.dumps(value)
        case Decimal():
            return _numeral(value)
        case UUID():
            return f'"{value}"'
        case datetime():
            return f'"{_moment(value)}"'
        case date():
            return f'"{value.isoformat()}"'
        case Mapping():
            members = (f"{json.dumps(str(name))}:{to_json(member)}" for name, member in value.items())
            return "{" + ",".join(members) + "}"
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return "[" + ",".join(to_json(member) for member in value) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


def from_json(content: bytes) -> Any:
    """Parsed JSON, fractions as `Decimal`. Raises `ValueError` for all that is not JSON, NaN and Infinity included."""
    try:
        return json.loads(content.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_not_json)
    except RecursionError:
        raise ValueError("nested too deeply") from None


# --- Answers -------------------------------------------------------------------------------------------------


def read_reply(status: int, headers: Mapping[str, str], content: bytes) -> Reply:
    """The reply in one HTTP answer. Raises `Unreachable` for a success that is not Dataverse's: a proxy's HTML, half a body."""
    headers = {name.lower(): value for name, value in headers.items()}
    if status in {204, 304}:
        return Reply(status, headers)
    try:
        return Reply(status, headers, from_json(content))
    except ValueError as error:
        if status >= 300:
            return Reply(status, headers)
        raise Unreachable(
            f"the answer is not Dataverse's ({error}; {headers.get('content-type', 'no content type')})",
            status=status,
            request_id=_request_id(headers),
        ) from None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the `retry-after` header: a number, or a date, which is measured by the answer's own `date`."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until, sent = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - sent).total_seconds())
    except (TypeError, ValueError):
        return None


_PLAIN = "$(),'/:@*"


def _error_of(reply: Reply) -> DataverseError | None:
    if reply.status < 300 or reply.status == 304:
        return None
    code, message = _envelope(reply.body)
    request_id = _request_id(reply.headers)
    wait = retry_after(reply.headers)
    if reply.status == 401:  # Dataverse itself answers it with an empty body
        return Unauthorized(
            message or "the token is not accepted", status=401, code=code, request_id=request_id
        )
    if not message or not 400 <= reply.status < 500:
        # A refusal is believed only in Dataverse's own words; a proxy's page says nothing about the request behind it.
        return Unreachable(
            message or "no answer of Dataverse",
            status=reply.status,
            code=code,
            request_id=request_id,
            retry_after=wait,
        )
    if code in SERVICE_PROTECTION:
        return Throttled(message, status=reply.status, code=code, request_id=request_id, retry_after=wait)
    kind = _BY_CODE.get(code) or _BY_STATUS.get(reply.status, Invalid)
    return kind(message, status=reply.status, code=code, request_id=request_id)


def _envelope(body: Any) -> tuple[str, str]:
    """Code and message of `{"error": {"code": "0x…", "message": "…"}}`; empty where the body is not that."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return "", ""
    code, message = error.get("code"), error.get("message")
    return (
        code.lower() if isinstance(code, str) else "",
        message or "no message" if isinstance(message, str) else "",
    )


def _request_id(headers: Mapping[str, str]) -> str:
    return headers.get("x-ms-service-request-id") or headers.get("req_id") or ""


def _numeral(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not an amount")
    return format(value, "f")


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
