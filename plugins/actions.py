"""What the CRM asks for, and what it is answered, whatever the action."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from plugins.rules.ids import UserId
from plugins.rules.ledger import Outcome, Source

KEY = re.compile(r"[a-z0-9_-]{8,64}\Z")
"""A RequestKey, lower case."""


@dataclass(frozen=True)
class Call:
    """One request for an action, as the CRM authenticated it.

    `parameters` hold what the caller sent except the key: str, int, bool, Decimal, UUID, datetime or None.
    """

    action: str
    target: UUID | None
    caller: UserId
    key: str
    parameters: Mapping[str, Any]
    received: datetime
    organisation: UUID
    source: Source = Source.USER

    @property
    def input_hash(self) -> str:
        """The same for the same action, target and parameters, in any order and spelling of a number."""
        spelled = {name: _spelled(value) for name, value in self.parameters.items() if value is not None}
        text = json.dumps([self.action, str(self.target), spelled], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What is written, or already was, under the key that was asked with."""

    outcome: Outcome
    code: str
    message: str


@dataclass(frozen=True)
class Action:
    """What a custom API offers: its name, the table it is bound to, its parameters and the privilege it takes."""

    name: str
    bound_to: str | None
    parameters: Mapping[str, type]
    privilege: str


class CallError(Exception):
    """A call that cannot be answered in a row: nothing was written. `code` is stable, the text is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class KeyInvalid(CallError):
    def __init__(self, key: str) -> None:
        super().__init__(
            "request_key_invalid",
            f"RequestKey must be 8 to 64 characters of a-z, 0-9, '-' and '_'; got {key[:80]!r}.",
        )


class KeyReused(CallError):
    """The key was used before, with other input; the first answer stands."""

    def __init__(self, key: str) -> None:
        super().__init__(
            "request_key_reused",
            f"Request {key} was already used for something else. Close the dialog and open it again. Nothing was done.",
        )


class UserOrInvoiceGone(CallError):
    """What a request row would name is not there (any more), so none can be written."""

    def __init__(self) -> None:
        super().__init__(
            "user_or_invoice_gone",
            "The user who asked or the record is not in the CRM any more. Nothing was done.",
        )


def checked_key(key: object) -> str:
    """The key in lower case. Raises `KeyInvalid`."""
    if not isinstance(key, str) or not KEY.match(key.lower()):
        raise KeyInvalid(str(key))
    return key.lower()


def _spelled(value: object) -> str:
    if isinstance(value, Decimal) and value.is_finite():
        return _figures(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _figures(number: Decimal) -> str:
    """Exact whatever its size: Decimal's own `normalize` rounds to 28 figures, and overflows."""
    sign, digits, power = number.as_tuple()
    figures = "".join(map(str, digits))
    shortest = figures.rstrip("0")
    if not shortest:
        return "0"
    return f"{'-' if sign else ''}{shortest}e{int(power) + len(figures) - len(shortest)}"
