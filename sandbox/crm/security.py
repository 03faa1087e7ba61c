"""What a user may do: privileges with their depth, from the roles that ship in the solution."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sandbox.crm.identity import Actor
from sandbox.crm.schema import Schema, Table
from sandbox.crm.store import Store


@dataclass(frozen=True)
class Scope:
    """Which rows of a table a user may read: all of them, or those of these owners or these business units."""

    everything: bool
    owners: frozenset[UUID] = frozenset()
    business_units: frozenset[UUID] = frozenset()


class Security:
    """Answers from the rows `systemuserroles` and the roles of the schema. System Administrator may do everything."""

    def __init__(self, schema: Schema, store: Store) -> None:
        self._schema = schema
        self._store = store

    def require(self, actor: Actor, verb: str, table: Table, row: Mapping[str, Any] | None = None) -> None:
        """Raises ApiError 403 0x80040220 unless `actor` holds prv{verb}{table}, deep enough for `row` where given.

        `verb`: Create, Read, Write, Delete, Append, AppendTo, Assign or Share.
        """

    def scope(self, actor: Actor, table: Table) -> Scope:
        """Which rows a query of `actor` sees; raises ApiError 403 without any Read privilege."""
        return Scope(everything=True)

    def has_privilege(self, actor: Actor, privilege_name: str) -> bool:
        """Whether one of the actor's roles holds the privilege at any depth: `prvCreatecfl_maycharge`."""
        return True

    def access_rights(self, actor: Actor, table: Table, row: Mapping[str, Any]) -> list[str]:
        """For RetrievePrincipalAccess: ReadAccess, WriteAccess, AppendAccess, AppendToAccess, …"""
        return []
