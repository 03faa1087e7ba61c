"""Holds a mapping against the tables that the environment has: every name in it must be there and be what it is taken for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.dataverse.http import Dataverse
from connector.dataverse.mapping import Column, Kind
from connector.dataverse.mapping import Mapping as TableMapping
from connector.dataverse.odata import NotFound, Operation, Reply, row, with_query
from connector.dataverse.writing import KINDS

LOCKED = frozenset(KINDS.values())
"""Kinds whose writes are guarded by the row's ETag."""


def problems(dataverse: Dataverse, mapping: TableMapping, *, within: float = 30.0) -> list[str]:
    """A sentence for each name that is missing or of another kind; none when the mapping fits.

    Raises the errors of `odata.py` when the environment does not tell.
    """
    tables = tuple(dict.fromkeys(kind.table for kind in mapping.kinds.values()))
    definitions = _definitions(dataverse, tables, within)
    return [
        f"Mapping {mapping.name}, {place}: {problem}."
        for name, kind in mapping.kinds.items()
        for place, problem in _problems(mapping, name, kind, definitions[kind.table])
    ]


@dataclass(frozen=True)
class _Definition:
    entity_set: str
    primary_id: str
    columns: Mapping[str, str]
    """Logical name → attribute type."""
    lookups: frozenset[tuple[str, str, str]]
    """Column, navigation property, table it leads to."""
    has_row_versions: bool


def _definitions(dataverse: Dataverse, tables: Sequence[str], within: float) -> dict[str, _Definition | None]:
    query = {
        "$select": "LogicalName,EntitySetName,PrimaryIdAttribute,IsOptimisticConcurrencyEnabled",
        "$expand": (
            "Attributes($select=LogicalName,AttributeType),"
            "ManyToOneRelationships($select=ReferencingAttribute,ReferencingEntityNavigationPropertyName,ReferencedEntity)"
        ),
    }
    reads = [
        Operation("GET", with_query(row("EntityDefinitions", {"LogicalName": table}), query))
        for table in tables
    ]
    answers = dataverse.batch(reads, within=within, continue_on_error=True)
    return {
        table: _definition(answer)
        for table, answer in zip(tables, answers, strict=True)
        if isinstance(answer, Reply)
    }


def _definition(reply: Reply) -> _Definition | None:
    if isinstance(reply.error, NotFound):
        return None
    reply.raise_for_status()
    content: Mapping[str, Any] = reply.body
    return _Definition(
        entity_set=content["EntitySetName"],
        primary_id=content["PrimaryIdAttribute"],
        columns={each["LogicalName"]: each["AttributeType"] for each in content["Attributes"]},
        lookups=frozenset(
            (
                each["ReferencingAttribute"],
                each["ReferencingEntityNavigationPropertyName"],
                each["ReferencedEntity"],
            )
            for each in content["ManyToOneRelationships"]
        ),
        has_row_versions=content["IsOptimisticConcurrencyEnabled"],
    )


def _problems(
    mapping: TableMapping, name: str, kind: Kind, definition: _Definition | None
) -> Iterator[tuple[str, str]]:
    if definition is None:
        yield name, f"there is no table {kind.table}"
        return
    if kind.set != definition.entity_set:
        yield name, f"the entity set of {kind.table} is {definition.entity_set}, not {kind.set}"
    if kind.id != definition.primary_id:
        yield name, f"the primary key of {kind.table} is {definition.primary_id}, not {kind.id}"
    if name in LOCKED and not definition.has_row_versions:
        yield (
            name,
            f"optimistic concurrency is off for {kind.table}, so nothing would guard its rows against each other",
        )
    if kind.label and kind.label not in definition.columns:
        yield name, f"there is no column {kind.label} on {kind.table}"
    for field, column in kind.columns.items():
        for problem in _column_problems(mapping, kind, column, definition):
            yield f"{name}.{field}", problem


def _column_problems(
    mapping: TableMapping, kind: Kind, column: Column, definition: _Definition
) -> Iterator[str]:
    wanted = _wanted_types(column)
    for name in (column.formatted,) if column.formatted else column.names:
        found = definition.columns.get(name)
        if found is None:
            yield f"there is no column {name} on {kind.table}"
        elif wanted and found not in wanted:
            yield f"{kind.table}.{name} is a {found}, not a {' or '.join(wanted)}"
        else:
            yield from _lookup_problems(mapping, column, name, definition)


def _wanted_types(column: Column) -> tuple[str, ...]:
    if column.lookup:
        return ("Lookup",)
    if column.choice:
        return ("Picklist",)
    if column.owner:
        return ("Owner",)
    if column.party:
        return ("Customer", "Lookup")
    return ("State", "Status") if column.states else ()


def _lookup_problems(
    mapping: TableMapping, column: Column, name: str, definition: _Definition
) -> Iterator[str]:
    """A lookup is written through the navigation property of its own name; a party through the ones that are named."""
    expected = dict(column.kinds.items())
    if column.lookup:
        expected[mapping[column.to].table] = column.lookup
    for table, navigation in expected.items():
        if (name, navigation, table) not in definition.lookups:
            yield f"{name} has no navigation property {navigation} to {table}"
