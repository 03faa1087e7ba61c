"""The answers of a snapshot: rows by the name of their question, and the Web API's errors as those of the port."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import structlog

from connector.dataverse.codec import MORE, Codec, RowUnreadable
from connector.dataverse.odata import (
    DataverseError,
    Duplicate,
    PreconditionFailed,
    Refused,
    Reply,
    Throttled,
    Unauthorized,
)
from connector.dataverse.odata import NotFound as RowNotFound
from plugins.ports import BooksError, BooksRefused, BooksUnreachable, Conflict, NotFound
from plugins.rules.money import Money
from plugins.rules.row import Row
from plugins.rules.setup import Currency

R = TypeVar("R", bound=Row)

_log = structlog.get_logger()


class Snapshot:
    """What a batch of reads found. Amounts need the currencies, which are asked for along with them."""

    def __init__(self, codec: Codec, replies: Mapping[str, Reply]) -> None:
        self.replies = replies
        self._codec = codec
        self._known: dict[UUID, str] = {}
        if "currencies" in replies:
            found = (self._decode("currency", Currency, each) for each in self._rows("currencies"))
            self._known = {each.id: each.code for each in found}

    def joined(self, other: "Snapshot") -> "Snapshot":
        """With what a later batch found; amounts by the currencies of this one."""
        later = {f"{name}+": reply for name, reply in other.replies.items()}
        return Snapshot(self._codec, {**self.replies, **later})

    def has(self, name: str) -> bool:
        return name in self.replies

    def one(self, name: str, kind: str, wanted: type[R]) -> R:
        with translated():
            self.replies[name].raise_for_status()
        return self._decode(kind, wanted, self.replies[name].body)

    def maybe(self, name: str, kind: str, wanted: type[R]) -> R | None:
        try:
            return self.one(name, kind, wanted)
        except NotFound:
            return None

    def many(self, name: str, kind: str, wanted: type[R]) -> tuple[R, ...]:
        """Those of every question of that name, each once; none where nothing was asked."""
        found = (self._decode(kind, wanted, each) for each in self._rows(name))
        return tuple({row.id: row for row in reversed(list(found))}.values())[::-1]

    def sum(self, name: str, alias: str, currency: str) -> Money:
        """What an aggregate under that alias came to. Amounts of a table are in the currency of their rows."""
        rows = self._rows(name)
        amount = rows[0].get(alias) if rows else None
        return Money.zero(currency) if amount is None else Money.parse(Decimal(str(amount)), currency)

    def pairs(self, name: str, kind: str, wanted: type[R]) -> Iterator[tuple[Mapping[str, Any], R]]:
        """Each row with what was read of it, and of what was joined to it."""
        for content in self._rows(name):
            yield content, self._decode(kind, wanted, content)

    def contents(self, name: str) -> list[Mapping[str, Any]]:
        """The rows as they came: aggregates."""
        return self._rows(name)

    def code(self, currency: Any) -> str:
        """ISO code of a currency's id; empty for none, and for one that is not there."""
        return self._known.get(UUID(str(currency)), "") if currency else ""

    def readable(self, name: str, kind: str, wanted: type[R]) -> tuple[tuple[R, ...], tuple[str, ...]]:
        """The rows, and what is wrong with those that cannot be read."""
        rows, problems = [], []
        for each in self._rows(name):
            try:
                rows.append(self._codec.decode(kind, wanted, each, self._known))
            except RowUnreadable as error:
                problems.append(str(error))
        return tuple(rows), tuple(problems)

    def legible(self, name: str, kind: str, wanted: type[R]) -> tuple[R, ...]:
        """The rows that can be read, of a table that people fill in and that no amount depends on.

        A payment type without a backend is none that a charge could use; it must not keep money from being recorded.
        """
        rows, problems = self.readable(name, kind, wanted)
        for problem in problems:
            _log.warning("passed over", row=problem)
        return rows

    def rights(self) -> frozenset[str]:
        reply = self.replies.get("rights")
        if reply is None or reply.error is not None:
            return frozenset()
        return frozenset(each.strip() for each in str(reply.body.get("AccessRights", "")).split(","))

    def privileges(self, asked: Iterable[str]) -> frozenset[str]:
        """Those of the privileges asked for that the user holds."""
        reply = self.replies.get("privileges")
        if reply is None or reply.error is not None:
            return frozenset()
        held = {str(each["PrivilegeName"]).lower() for each in reply.body.get("RolePrivileges", ())}
        return frozenset(each for each in asked if each.lower() in held)

    def _rows(self, name: str) -> list[Mapping[str, Any]]:
        """Of all questions of that name: `name`, or `name#` and a number."""
        asked = [each for each in self.replies if each.partition("#")[0] == name]
        return [row for each in asked for row in self._rows_of(each)]

    def _rows_of(self, name: str) -> list[Mapping[str, Any]]:
        with translated():
            self.replies[name].raise_for_status()
        body = self.replies[name].body
        if "@odata.nextLink" in body or body.get(MORE):
            raise BooksRefused(
                f"{name}: more rows than one page; this customer has too many open items", None
            )
        rows: list[Mapping[str, Any]] = body["value"]
        return rows

    def _decode(self, kind: str, wanted: type[R], content: Mapping[str, Any]) -> R:
        try:
            return self._codec.decode(kind, wanted, content, self._known)
        except RowUnreadable as error:
            raise BooksRefused(str(error), None) from error  # the CRM is there, and will say the same again


@contextmanager
def translated(conflict: type[BooksError] = Conflict) -> Iterator[None]:
    """The errors of the Web API as those of the port."""
    try:
        yield
    except (PreconditionFailed, Duplicate) as error:
        raise conflict(str(error)) from error
    except RowNotFound as error:
        raise NotFound(str(error)) from error
    except (Throttled, Unauthorized) as error:
        raise BooksUnreachable(str(error)) from error
    except Refused as error:
        raise BooksRefused(str(error), None) from error
    except DataverseError as error:
        raise BooksUnreachable(str(error)) from error
