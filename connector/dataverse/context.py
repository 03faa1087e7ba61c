"""RemoteExecutionContext: what a Dataverse webhook posts, read into a `Call`.

Shape: https://learn.microsoft.com/power-apps/developer/data-platform/use-webhooks. Pure: no I/O, no clock.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

from plugins.actions import Action, Call, checked_key
from plugins.rules.ids import UserId

MAX_BYTES = 256 * 1024
"""Above it the platform leaves the parameters out, and says so in a header."""

KEY_PARAMETER = "RequestKey"
_PRE_VALIDATION = 10
_DATE = re.compile(r"/Date\((-?\d{1,15})([+-]\d{4})?\)/\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOBODY = UUID(int=0)


class ContextRefused(Exception):
    """Not for us, or not to be understood; nothing was written. `status` is the HTTP status, `code` is stable.

    400 `context_malformed`, `parameter_malformed`, `step_misregistered` · 403 `wrong_organization` ·
    404 `unknown_message`
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def parse(body: bytes, received: datetime, organization: UUID, actions: Mapping[str, Action]) -> Call:
    """Raises `ContextRefused`, and `KeyInvalid` when the RequestKey is missing or malformed."""
    context = _json(body)
    try:
        sender = UUID(context["OrganizationId"])
        message = context["MessageName"]
        caller = UUID(context["InitiatingUserId"])
        stage, in_transaction = context["Stage"], context["IsInTransaction"]
        inputs = _each_once([(pair["key"], pair["value"]) for pair in context["InputParameters"]])
        primary = UUID(context["PrimaryEntityId"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _malformed("The body is not a RemoteExecutionContext.") from None
    if sender != organization:
        raise ContextRefused(
            403, "wrong_organization", f"Calls of organization {sender} are not for this installation."
        )
    action = actions.get(message) if isinstance(message, str) else None
    if action is None:
        raise ContextRefused(404, "unknown_message", "There is no action of that name here.")
    if stage != _PRE_VALIDATION or in_transaction is not False:
        raise ContextRefused(
            400,
            "step_misregistered",
            "The processing step must be registered at stage 10 (pre-validation), outside the transaction:"
            " inside it, a rollback would undo rows about money that has moved.",
        )
    return Call(
        action=action.name,
        target=_target(inputs.get("Target"), primary) if action.bound_to else None,
        caller=UserId(caller),
        key=checked_key(_plain(inputs.get(KEY_PARAMETER))),
        parameters={
            name: _typed(name, inputs[name], kind)
            for name, kind in action.parameters.items()
            if name != KEY_PARAMETER and inputs.get(name) is not None
        },
        received=received,
        organisation=sender,
    )


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _malformed("The body is not UTF-8.") from None
    try:
        context = json.loads(
            text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_each_once
        )
    except (ValueError, RecursionError):
        raise _malformed("The body is not JSON.") from None
    if not isinstance(context, dict):
        raise _malformed("The body is not a RemoteExecutionContext.")
    return context


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values for one name, none can be taken for what was meant."""
    named = dict(pairs)
    if len(named) != len(pairs):
        raise ValueError("a name is given twice")
    return named


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _target(reference: Any, primary: UUID) -> UUID:
    if isinstance(reference, Mapping):
        try:
            return UUID(reference["Id"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _malformed("Target is not a reference to a row.") from None
    if primary == _NOBODY:
        raise _malformed("There is no target row.")
    return primary


def _typed(name: str, value: Any, kind: type) -> Any:
    """By the parameter's declared type. What a rule may judge (an amount that is none) goes through as it came."""
    plain = _plain(value)
    if kind is Decimal:
        is_whole = isinstance(plain, int) and not isinstance(plain, bool)
        return Decimal(plain) if is_whole else plain
    if kind in {UUID, datetime} and isinstance(plain, str):
        plain = _id(plain) if kind is UUID else _moment(plain)
    fits = isinstance(plain, kind) and not (kind is int and isinstance(plain, bool))
    if kind is list and fits:
        fits = all(isinstance(each, str) for each in plain)
    if not fits:
        raise ContextRefused(400, "parameter_malformed", f"{name} is not {_NAMES[kind]}.")
    return plain


_NAMES: Mapping[type, str] = {
    UUID: "an id",
    datetime: "a date",
    list: "a list of texts",
    int: "a whole number",
    bool: "a yes or no",
    str: "a text",
}


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    """The offset only says how the sender's clock is set; the milliseconds are UTC."""
    date = _DATE.match(text)
    try:
        return _EPOCH + timedelta(milliseconds=int(date.group(1))) if date else None
    except OverflowError:
        return None


def _plain(value: Any) -> Any:
    """The serializer's typed values without their wrapping: references by id, money and choices by value."""
    if isinstance(value, Mapping):
        kind = str(value.get("__type", "")).partition(":")[0]
        if kind == "EntityReference":
            return value.get("Id")
        if kind in {"Money", "OptionSetValue"}:
            return value.get("Value")
        return None
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _malformed(message: str) -> ContextRefused:
    return ContextRefused(400, "context_malformed", message)
