"""The FROM part of a query under construction: one table under an alias, with the rows its single-valued paths lead to.

Every table that a query touches is narrowed to what the asking user may read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from sandbox.crm import errors
from sandbox.crm.identity import Actor
from sandbox.crm.schema import Column, Relationship, Schema, Table
from sandbox.crm.security import Security
from sandbox.crm.store import Store

Parameters = list[Any]
"""What a statement binds, in the order of its question marks."""


class QueryContext:
    """Who asks, when, and what they may see; made anew for each request."""

    def __init__(self, store: Store, security: Security, actor: Actor) -> None:
        self.store = store
        self.schema: Schema = store.schema
        self.security = security
        self.actor = actor
        self.now: datetime = store.clock.now()
        self._scopes: dict[str, tuple[str, ...]] = {}
        self._aliases = count(1)

    def alias(self) -> str:
        return f"a{next(self._aliases)}"

    def scope(self, table: Table, alias: str) -> str:
        """An SQL condition for the rows of `table` that the actor may read; empty when that is all of them."""
        terms = self._scopes.get(table.name)
        if terms is None:
            terms = self._scopes[table.name] = self._scope_terms(table)
        return f"({' OR '.join(term.format(alias=alias) for term in terms)})" if terms else ""

    def _scope_terms(self, table: Table) -> tuple[str, ...]:
        scope = self.security.scope(self.actor, table)
        if scope.everything:
            return ()
        terms = []
        owner = "ownerid" if "ownerid" in table.columns else table.primary_key
        if scope.owners:
            terms.append(f'{{alias}}."{owner}" IN ({_listed(scope.owners)})')
        unit = next(
            (name for name in ("owningbusinessunit", "businessunitid") if name in table.columns), None
        )
        if scope.business_units and unit:
            terms.append(f'{{alias}}."{unit}" IN ({_listed(scope.business_units)})')
        return tuple(terms) or ("0",)


@dataclass
class Frame:
    """One level of a query. Lambdas and link-entities open frames of their own."""

    context: QueryContext
    table: Table
    alias: str
    joins: list[str] = field(default_factory=list)
    _joined: dict[tuple[str, str], tuple[Table, str]] = field(default_factory=dict)

    @property
    def joined_sql(self) -> str:
        return " ".join(self.joins)

    def follow(self, path: Sequence[str]) -> tuple[Table, str]:
        """Join along single-valued navigation properties; the table and alias at the end."""
        table, alias = self.table, self.alias
        for name in path:
            table, alias = self._join(table, alias, name)
        return table, alias

    def column(self, path: str) -> tuple[Column, str]:
        """A property path such as `name`, `_ownerid_value` or `primarycontactid/fullname`, as a column and its SQL."""
        *steps, name = path.split("/")
        table, alias = self.follow(steps)
        column = table.properties.get(name)
        if column is None:
            column = lookup_named(table, name)
        if column is None:
            raise errors.unknown_property(name, table.name)
        return column, f'{alias}."{column.name}"'

    def _join(self, table: Table, alias: str, navigation: str) -> tuple[Table, str]:
        known = self._joined.get((alias, navigation))
        if known is not None:
            return known
        relationship = single_valued(table, navigation)
        target = self.context.schema.table(relationship.parent)
        joined = self.context.alias()
        terms = [
            f'{joined}."{target.primary_key}" = {alias}."{relationship.column}"',
            type_term(table, relationship, alias),
        ]
        terms.append(self.context.scope(target, joined))
        self.joins.append(f'LEFT JOIN "{target.name}" AS {joined} ON {" AND ".join(filter(None, terms))}')
        self._joined[alias, navigation] = (target, joined)
        return target, joined


def single_valued(table: Table, navigation: str) -> Relationship:
    """The relationship behind a single-valued navigation property; the user's one behind `ownerid`."""
    relationships = table.lookups.get(navigation)
    if not relationships:
        raise errors.unknown_property(navigation, table.name)
    return relationships[0]


def lookup_named(table: Table, name: str) -> Column | None:
    """A lookup column asked for by its navigation property, as `$select` allows."""
    relationships = table.lookups.get(name)
    return table.columns[relationships[0].column] if relationships else None


def type_term(table: Table, relationship: Relationship, alias: str) -> str:
    """For a polymorphic lookup: that it points at this relationship's table."""
    column = table.columns[relationship.column]
    return f"{alias}.\"{column.type_name}\" = '{relationship.parent}'" if column.polymorphic else ""


def _listed(ids: frozenset[UUID]) -> str:
    return ", ".join(f"'{one}'" for one in sorted(ids, key=str))
