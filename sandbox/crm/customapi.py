"""Custom APIs: what the platform checks before and around an action that has no plug-in of its own."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.crm import errors
from sandbox.crm.errors import ApiError
from sandbox.crm.identity import Actor
from sandbox.crm.pipeline import (
    POST_OPERATION,
    PRE_OPERATION,
    PRE_VALIDATION,
    Choice,
    Event,
    Money,
    Pipeline,
    Reference,
)
from sandbox.crm.schema import CustomApi, Parameter, Schema
from sandbox.crm.security import Security
from sandbox.crm.store import Store


class CustomApis:
    """Runs a custom API: checks its parameters and privilege, then only the pipeline's steps (there is no plug-in)."""

    def __init__(self, schema: Schema, store: Store, security: Security, pipeline: Pipeline) -> None:
        self._schema = schema
        self._store = store
        self._security = security
        self._pipeline = pipeline

    def find(self, name: str) -> CustomApi | None:
        """The custom API of that unique name (case-sensitive, without namespace)."""
        return self._schema.custom_apis.get(name)

    def invoke(
        self, actor: Actor, api: CustomApi, target: Reference | None, parameters: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """`parameters` is the JSON body as read (numbers as Decimal or int). None means 204 No Content.

        Raises ApiError: 400 for unknown, missing or wrongly typed parameters, 403 without the privilege, 400
        "Endpoint unavailable" when a synchronous step fails. Stage 10 runs before a transaction is opened, so that its
        receiver may call back; in a changeset one is open already, and it is told so.
        """
        if api.privilege and not self._security.has_privilege(actor, api.privilege):
            raise ApiError(
                403,
                "0x80040220",
                f"Principal user (Id={actor.user_id}, type=8) is missing {api.privilege} privilege for {api.name}.",
            )
        event = Event(
            message=api.name,
            actor=actor,
            table=target.table if target else None,
            row_id=target.id if target else None,
            parameters=self._coerced(api, parameters),
        )
        self._pipeline.run(PRE_VALIDATION, event, in_transaction=self._store.in_transaction)
        with self._store.transaction():
            self._pipeline.run(PRE_OPERATION, event, in_transaction=True)
            self._pipeline.run(POST_OPERATION, event, in_transaction=True)
            self._store.after_commit(lambda: self._pipeline.committed(event))
        if not api.properties:
            return None
        return {property_.name: _DEFAULTS.get(property_.type) for property_ in api.properties}

    def _coerced(self, api: CustomApi, given: Mapping[str, Any]) -> dict[str, Any]:
        declared = {parameter.name: parameter for parameter in api.parameters}
        for name in given:
            if name not in declared:
                raise errors.bad_payload(
                    f"The parameter '{name}' in the request payload is not a valid parameter for the operation '{api.name}'."
                )
        coerced: dict[str, Any] = {}
        for name, parameter in declared.items():
            value = given.get(name)
            if value is not None:
                coerced[name] = self._value(parameter, value)
            elif not parameter.optional:
                raise ApiError(
                    400, "0x80040200", f"The required parameter '{name}' of '{api.name}' is missing."
                )
        return coerced

    def _value(self, parameter: Parameter, value: Any) -> Any:
        if parameter.type == 5:
            return self._reference(parameter, value)
        convert, expected = _TYPES[parameter.type]
        try:
            return convert(value)
        except (TypeError, ValueError, ArithmeticError) as error:
            shown = json.dumps(value, default=str)
            raise errors.bad_payload(
                f"Cannot convert the value {shown} of parameter '{parameter.name}' to the expected type '{expected}'."
            ) from error

    def _reference(self, parameter: Parameter, value: Any) -> Reference:
        """A row given as `{"invoiceid": "…", "@odata.type": "Microsoft.Dynamics.CRM.invoice"}`."""
        if isinstance(value, dict):
            kind = str(value.get("@odata.type", "")).removeprefix("#").removeprefix("Microsoft.Dynamics.CRM.")
            table = self._schema.tables.get(kind or parameter.table)
            if table is not None:
                try:
                    return Reference(table.name, UUID(str(value.get(table.primary_key))))
                except ValueError:
                    pass
        raise errors.bad_payload(f"The parameter '{parameter.name}' does not name a row by its primary key.")


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise TypeError
    return value


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise TypeError
    number = Decimal(value)
    if not number.is_finite() or abs(number) > 10**11:
        raise ValueError
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise TypeError
    return [_text(item) for item in value]


def _moment(value: Any) -> datetime:
    """Edm.DateTimeOffset: a day alone, or a time without its zone, is none."""
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment.astimezone(UTC)


def _object(value: Any) -> Any:
    if not isinstance(value, (dict, list)):
        raise TypeError
    return value


_TYPES: dict[int, tuple[Callable[[Any], Any], str]] = {
    0: (_boolean, "Edm.Boolean"),
    1: (_moment, "Edm.DateTimeOffset"),
    2: (_decimal, "Edm.Decimal"),
    3: (_object, "mscrm.crmbaseentity"),
    4: (_object, "Collection(mscrm.crmbaseentity)"),
    6: (_decimal, "Edm.Double"),
    7: (_integer, "Edm.Int32"),
    8: (lambda value: Money(_decimal(value)), "Edm.Decimal"),
    9: (lambda value: Choice(_integer(value)), "Edm.Int32"),
    10: (_text, "Edm.String"),
    11: (_texts, "Collection(Edm.String)"),
    12: (lambda value: UUID(_text(value)), "Edm.Guid"),
}

_DEFAULTS: dict[int, Any] = {0: False, 2: 0, 6: 0, 7: 0, 8: 0, 9: 0, 11: [], 12: str(UUID(int=0))}
"""What a response property holds when nobody sets it; null for the rest."""
