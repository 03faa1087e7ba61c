"""Tables, columns, choices, keys and relationships."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from deploy.checks import platform
from deploy.source import Document, Problem, Source, TableSource, entity, text

PREFIX = "cfl_"
OPTION_PREFIX = "72831"
_FORBIDDEN_PARENTS = {"account", "invoice"}  # deleting these must not take money rows along
_PLATFORM_STATUSES = {1, 2}


def names_carry_the_prefix(source: Source) -> Iterator[Problem]:
    """Custom names begin with the publisher's prefix and are lower case, so a lookup needs no second spelling."""
    for table in source.tables.values():
        for name, column in table.columns.items():
            physical = column.get("PhysicalName", "")
            if text(column, "Name") != name or physical.lower() != name:
                yield table.document.problem(f"column {physical} says LogicalName {name!r}")
            if text(column, "IsCustomField") != "1":
                continue
            if not name.startswith(PREFIX):
                yield table.document.problem(f"custom column {name} lacks the prefix {PREFIX}")
            if physical != name and not physical.endswith("_Base"):
                yield table.document.problem(f"schema name {physical} is not lower case")


def tables_are_complete(source: Source) -> Iterator[Problem]:
    """Every table of ours has a key, a name, an owner, states, auditing and change tracking."""
    seen: dict[str, str] = {}
    for table in source.tables.values():
        if table.shell:
            continue
        body, document = entity(table.document), table.document
        types = [text(column, "Type") for column in table.columns.values()]
        for needed in ("primarykey", "owner", "state", "status"):
            if types.count(needed) != 1:
                yield document.problem(f"has {types.count(needed)} columns of type {needed}, not one")
        named = [
            name for name, column in table.columns.items() if "PrimaryName" in text(column, "DisplayMask")
        ]
        if len(named) != 1:
            yield document.problem(f"has {len(named)} primary name columns, not one")
        for flag, wanted in (
            ("OwnershipTypeMask", "UserOwned"),
            ("IsAuditEnabled", "1"),
            ("ChangeTrackingEnabled", "1"),
        ):
            if text(body, flag) != wanted:
                yield document.problem(f"{flag} is {text(body, flag)!r}, not {wanted}")
        entity_set = text(body, "EntitySetName")
        if entity_set != _plural(table.name):
            yield document.problem(f"EntitySetName is {entity_set!r}, not {_plural(table.name)!r}")
        if entity_set in seen:
            yield document.problem(f"EntitySetName {entity_set} is also that of {seen[entity_set]}")
        seen[entity_set] = table.name


def choices_use_our_values(source: Source) -> Iterator[Problem]:
    """Values of our own choices and status reasons begin with the publisher's option prefix, and are given once."""
    for table in source.tables.values():
        for name, column in table.columns.items():
            kind = text(column, "Type")
            values = [
                int(each.get("value", "0")) for each in column.iter() if each.tag in {"option", "status"}
            ]
            if len(values) != len(set(values)):
                yield table.document.problem(f"{name} gives a value twice")
            if kind not in {"picklist", "status"}:
                continue
            allowed = _PLATFORM_STATUSES if kind == "status" else set()
            for value in values:
                if value not in allowed and not str(value).startswith(OPTION_PREFIX):
                    yield table.document.problem(
                        f"value {value} of {name} does not begin with {OPTION_PREFIX}"
                    )
            if not values and not text(column, "OptionSetName"):
                yield table.document.problem(f"choice {name} has no options")


def status_reasons_belong_to_states(source: Source) -> Iterator[Problem]:
    for table in source.tables.values():
        states = {each.get("value"): each.get("defaultstatus") for each in table.document.root.iter("state")}
        reasons = {each.get("value"): each.get("state") for each in table.document.root.iter("status")}
        for reason, state in reasons.items():
            if state not in states:
                yield table.document.problem(f"status reason {reason} belongs to no state ({state})")
        for state, default in states.items():
            if reasons.get(default) != state:
                yield table.document.problem(f"the default reason {default} is not one of state {state}")


def money_has_base_and_currency(source: Source) -> Iterator[Problem]:
    for table in source.tables.values():
        money = {name: each for name, each in table.columns.items() if text(each, "Type") == "money"}
        known = {*table.columns, *platform.COLUMNS.get(table.name, ())}
        for name, column in money.items():
            if text(column, "CalculationOf"):
                continue
            base = money.get(f"{name}_base")
            if base is None or text(base, "CalculationOf").lower() != name:
                yield table.document.problem(f"money column {name} has no {name}_base that follows it")
        if money and not {"transactioncurrencyid", "exchangerate"} <= known:
            yield table.document.problem("has money but no transactioncurrencyid and exchangerate")


def keys_name_columns(source: Source) -> Iterator[Problem]:
    for table in source.tables.values():
        for key in table.document.root.iter("EntityKey"):
            for attribute in key.iter("AttributeName"):
                if attribute.text not in table.columns:
                    yield table.document.problem(
                        f"key {text(key, 'LogicalName')} names no column: {attribute.text}"
                    )


def lookups_have_relationships(source: Source) -> Iterator[Problem]:
    """A lookup's target is given by its relationship alone; its navigation property has the column's name."""
    ends = {}
    for name, (document, body) in source.relationships.items():
        child, column = (
            text(body, "ReferencingEntityName").lower(),
            text(body, "ReferencingAttributeName").lower(),
        )
        ends[child, column] = name
        yield from _relationship_problems(source, document, body, child, column)
    for table in source.tables.values():
        for column, element in table.columns.items():
            is_ours = text(element, "IsCustomField") == "1" or column == "transactioncurrencyid"
            if text(element, "Type") == "lookup" and is_ours and (table.name, column) not in ends:
                yield table.document.problem(f"lookup {column} has no relationship, so no target")


def relationships_are_listed(source: Source) -> Iterator[Problem]:
    listing = source.document(source.folder / "Other/Relationships.xml")
    if listing is None:
        return
    listed = {each.get("Name", "") for each in listing.root}
    for name in sorted(source.relationships.keys() - listed):
        yield listing.problem(f"does not list {name}")
    for name in sorted(listed - source.relationships.keys()):
        yield listing.problem(f"lists {name}, which has no body")


def _relationship_problems(
    source: Source, document: Document, body: Element, child: str, column: str
) -> Iterator[Problem]:
    name, parent = body.get("Name", ""), text(body, "ReferencedEntityName").lower()
    if document.file != f"Other/Relationships/{text(body, 'ReferencedEntityName')}.xml":
        yield document.problem(f"{name} belongs into the file of its parent {parent}")
    if not name.startswith((PREFIX, "TransactionCurrency_")):
        yield document.problem(f"relationship {name} lacks the prefix {PREFIX}")
    if parent not in source.tables and parent not in platform.COLUMNS:
        yield document.problem(f"{name} has an unknown parent {parent}")
    table: TableSource | None = source.tables.get(child)
    if table is None or text(table.columns.get(column, body), "Type") != "lookup":
        yield document.problem(f"{name} runs over {child}.{column}, which is no lookup")
    roles = {text(role, "RelationshipRoleType"): role for role in body.iter("EntityRelationshipRole")}
    if roles.keys() != {"0", "1"}:
        yield document.problem(f"{name} needs one role of type 1 and one of type 0")
        return
    if text(roles["1"], "NavigationPropertyName") != column:
        yield document.problem(f"{name}: the lookup's navigation property is not {column}")
    if text(roles["0"], "NavigationPropertyName") != name:
        yield document.problem(f"{name}: the collection's navigation property is not the relationship's name")
    if (
        parent in _FORBIDDEN_PARENTS
        and child.startswith(PREFIX)
        and text(body, "CascadeDelete") != "Restrict"
    ):
        yield document.problem(f"{name}: deleting the {parent} must be refused while rows exist (Restrict)")


def _plural(name: str) -> str:
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}s"
