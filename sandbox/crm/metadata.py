"""The schema as the Web API shows it: the service document, EntityDefinitions with what hangs on them, relationships.

$select, $expand and a $filter of comparisons work as on rows; metadata cannot be written here.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID, uuid5

from odata_query import ast

from sandbox.crm import errors, grammar
from sandbox.crm.addresses import pairs
from sandbox.crm.odata import Expand, read_query
from sandbox.crm.schema import LOOKUPS, Column, Key, Kind, ManyToMany, OptionSet, Relationship, Schema, Table

_NAMESPACE = UUID("6f2f3c5e-3f0b-5d9a-9a52-6d0c7d2a1b11")
_TYPES = {
    Kind.KEY: "UniqueIdentifier",
    Kind.PICKLIST: "Picklist",
    Kind.CUSTOMER: "Lookup",
    Kind.OWNER: "Lookup",
}
_HUGE = 922337203685477


def service_document(schema: Schema, root: str) -> dict[str, Any]:
    sets = [{"name": table.entity_set, "kind": "EntitySet", "url": table.entity_set} for table in schema]
    return {"@odata.context": f"{root}$metadata", "value": sets}


def answer(schema: Schema, root: str, segments: list[str], options: Mapping[str, str]) -> dict[str, Any]:
    """The JSON for `EntityDefinitions…` and its siblings; ApiError 404 for what is not there."""
    name, _, key = segments[0].partition("(")
    items = list(COLLECTIONS[name](schema))
    context = f"{root}$metadata#{'/'.join(segments)}"
    if key:
        found: Any = _pick(items, key.removesuffix(")"))
    else:
        found = items
    for segment in segments[1:]:
        found = _step(found, segment)
    if isinstance(found, list):
        query = read_query(options)
        if query.filter:
            tree = grammar.parse(query.filter)
            found = [item for item in found if _matches(tree, item)]
        shown = [_shape(item, query.select, query.expand) for item in found]
        reply: dict[str, Any] = {"@odata.context": context}
        if query.count:
            reply["@odata.count"] = len(shown)
        return {**reply, "value": shown if query.top is None else shown[: query.top]}
    query = read_query(options)
    return {"@odata.context": f"{context}/$entity", **_shape(found, query.select, query.expand)}


def metadata_id(*names: str) -> str:
    """Always the same id for the same thing."""
    return str(uuid5(_NAMESPACE, "/".join(names)))


def _entities(schema: Schema) -> Iterator[dict[str, Any]]:
    for table in schema:
        yield _entity(schema, table)


def _relationships(schema: Schema) -> Iterator[dict[str, Any]]:
    for relationship in schema.relationships:
        yield _one_to_many(schema, relationship)
    for many in schema.many_to_many:
        yield _many_to_many(many)


def _option_sets(schema: Schema) -> Iterator[dict[str, Any]]:
    for option_set in schema.option_sets.values():
        yield _option_set(option_set, "Picklist")


COLLECTIONS: dict[str, Callable[[Schema], Iterator[dict[str, Any]]]] = {
    "EntityDefinitions": _entities,
    "RelationshipDefinitions": _relationships,
    "GlobalOptionSetDefinitions": _option_sets,
}
_NAVIGATION = {
    "Attributes",
    "Keys",
    "OneToManyRelationships",
    "ManyToOneRelationships",
    "ManyToManyRelationships",
    "OptionSet",
    "GlobalOptionSet",
}
"""Shown only when expanded or walked to; kept as functions until then."""


def _entity(schema: Schema, table: Table) -> dict[str, Any]:
    many = [one for one in schema.many_to_many if table.name in {one.first, one.second}]
    return {
        "MetadataId": metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.entity_set,
        "LogicalCollectionName": table.entity_set,
        "CollectionSchemaName": table.entity_set,
        "PrimaryIdAttribute": table.primary_key,
        "PrimaryNameAttribute": table.primary_name or None,
        "PrimaryImageAttribute": None,
        "ObjectTypeCode": table.object_type_code,
        "OwnershipType": {"OrgOwned": "OrganizationOwned", "BusinessOwned": "BusinessOwned"}.get(
            table.ownership, table.ownership
        ),
        "DisplayName": _label(table.label, table.name),
        "DisplayCollectionName": _label(table.plural, table.name),
        "Description": _label(table.description, table.name),
        "IsCustomEntity": table.custom,
        "IsActivity": table.is_activity,
        "IsIntersect": table.intersect,
        "IsPrivate": False,
        "IsManaged": not table.custom,
        "IsLogicalEntity": False,
        "DataProviderId": None,
        "ChangeTrackingEnabled": table.change_tracking,
        "CanChangeTrackingBeEnabled": {"Value": not table.intersect, "CanBeChanged": True},
        "IsOptimisticConcurrencyEnabled": table.optimistic_concurrency,
        "Attributes": lambda: [_attribute(table, column) for column in table.columns.values()],
        "Keys": lambda: [_key(table, key) for key in table.keys],
        "OneToManyRelationships": lambda: [_one_to_many(schema, one) for one in table.children],
        "ManyToOneRelationships": lambda: [
            _one_to_many(schema, one) for found in table.lookups.values() for one in found
        ],
        "ManyToManyRelationships": lambda: [_many_to_many(one) for one in many],
    }


def _attribute(table: Table, column: Column) -> dict[str, Any]:
    kind = _TYPES.get(column.kind, column.kind.value)
    shown: dict[str, Any] = {
        "@odata.type": f"#Microsoft.Dynamics.CRM.{kind}AttributeMetadata",
        "MetadataId": metadata_id(table.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.schema_name or column.name,
        "EntityLogicalName": table.name,
        "AttributeType": column.kind.value,
        "AttributeTypeName": {"Value": f"{column.kind.value}Type"},
        "AttributeOf": None,
        "DisplayName": _label(column.label, table.name, column.name),
        "Description": _label(column.description, table.name, column.name),
        "RequiredLevel": {"Value": _REQUIRED.get(column.required, "None"), "CanBeChanged": True},
        "IsPrimaryId": column.name == table.primary_key,
        "IsPrimaryName": column.name == table.primary_name,
        "IsValidForCreate": column.creatable,
        "IsValidForUpdate": column.updatable,
        "IsValidForRead": column.readable,
        "IsCustomAttribute": column.custom,
        "IsSecured": column.secured,
        "IsLogical": False,
        "AutoNumberFormat": column.autonumber or None,
    }
    if column.max_length is not None:
        shown["MaxLength"] = column.max_length
    if column.kind in {Kind.MONEY, Kind.DECIMAL, Kind.INTEGER, Kind.DOUBLE}:
        shown["MinValue"] = column.minimum if column.minimum is not None else -_HUGE
        shown["MaxValue"] = column.maximum if column.maximum is not None else _HUGE
    if column.kind in {Kind.MONEY, Kind.DECIMAL}:
        shown["Precision"] = column.precision
    if column.kind is Kind.MONEY:
        shown["PrecisionSource"] = column.precision_source
        shown["IsBaseCurrency"] = bool(column.calculation_of)
        shown["CalculationOf"] = column.calculation_of or None
    if column.kind is Kind.DATETIME:
        shown["DateTimeBehavior"] = {"Value": "DateOnly" if column.date_only else "UserLocal"}
    if column.kind in {Kind.DATETIME, Kind.STRING, Kind.MEMO}:
        formats = {"date": "DateOnly", "datetime": "DateAndTime", "textarea": "TextArea"}
        shown["Format"] = formats.get(column.format, column.format.capitalize() or "Text")
    if column.kind in LOOKUPS:
        shown["Targets"] = list(column.targets)
    options = column.options
    if options is not None:
        shown["DefaultFormValue"] = column.default if column.default is not None else -1
        shown["OptionSet"] = lambda: _option_set(options, kind)
        shown["GlobalOptionSet"] = lambda: _option_set(options, kind) if options.is_global else None
    return shown


_REQUIRED = {
    "required": "ApplicationRequired",
    "recommended": "Recommended",
    "systemrequired": "SystemRequired",
}


def _option_set(options: OptionSet, kind: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "MetadataId": metadata_id("optionset", options.name),
        "Name": options.name,
        "DisplayName": _label(options.label, options.name),
        "IsGlobal": options.is_global,
        "OptionSetType": kind,
    }
    listed = []
    for option in options.options:
        item: dict[str, Any] = {
            "Value": option.value,
            "Label": _label(option.label, options.name, str(option.value)),
        }
        if option.state is not None:
            item["State"] = option.state
        if option.default_status is not None:
            item |= {"DefaultStatus": option.default_status, "InvariantName": option.invariant_name}
        listed.append(item)
    if kind == "Boolean":
        by_value = {item["Value"]: item for item in listed}
        return {**shown, "TrueOption": by_value.get(1), "FalseOption": by_value.get(0)}
    return {**shown, "Options": listed}


def _key(table: Table, key: Key) -> dict[str, Any]:
    return {
        "MetadataId": metadata_id(table.name, "key", key.name),
        "LogicalName": key.name,
        "SchemaName": key.schema_name or key.name,
        "EntityLogicalName": table.name,
        "KeyAttributes": list(key.columns),
        "EntityKeyIndexStatus": "Active",
        "DisplayName": _label(key.label, table.name, key.name),
    }


def _one_to_many(schema: Schema, relationship: Relationship) -> dict[str, Any]:
    parent = schema.table(relationship.parent)
    return {
        "@odata.type": "#Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
        "MetadataId": metadata_id("relationship", relationship.name, relationship.parent),
        "SchemaName": relationship.name,
        "RelationshipType": "OneToManyRelationship",
        "ReferencedEntity": relationship.parent,
        "ReferencedAttribute": parent.primary_key,
        "ReferencedEntityNavigationPropertyName": relationship.collection_navigation,
        "ReferencingEntity": relationship.child,
        "ReferencingAttribute": relationship.column,
        "ReferencingEntityNavigationPropertyName": relationship.lookup_navigation,
        "IsCustomRelationship": relationship.custom,
        "CascadeConfiguration": {
            "Delete": relationship.on_delete.value,
            "Assign": "NoCascade",
            "Share": "NoCascade",
        },
    }


def _many_to_many(many: ManyToMany) -> dict[str, Any]:
    return {
        "@odata.type": "#Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata",
        "MetadataId": metadata_id("relationship", many.name),
        "SchemaName": many.name,
        "RelationshipType": "ManyToManyRelationship",
        "IntersectEntityName": many.intersect,
        "Entity1LogicalName": many.first,
        "Entity1IntersectAttribute": many.first_column,
        "Entity1NavigationPropertyName": many.first_navigation,
        "Entity2LogicalName": many.second,
        "Entity2IntersectAttribute": many.second_column,
        "Entity2NavigationPropertyName": many.second_navigation,
    }


def _label(text: str, *where: str) -> dict[str, Any]:
    if not text:
        return {"LocalizedLabels": [], "UserLocalizedLabel": None}
    label = {
        "Label": text,
        "LanguageCode": 1033,
        "IsManaged": False,
        "MetadataId": metadata_id("label", *where, text),
        "HasChanged": None,
    }
    return {"LocalizedLabels": [label], "UserLocalizedLabel": label}


def _pick(items: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """`LogicalName='x'`, `Name='x'`, `SchemaName='x'` or a MetadataId."""
    if "=" in key:
        [(name, value), *_] = pairs(key, key)
        wanted = value.strip("'").replace("''", "'")
    else:
        name, wanted = "MetadataId", key.strip("{}").lower()
    for item in items:
        if item.get(name) == wanted:
            return item
    raise errors.ApiError(404, "0x80040217", f"Could not find a metadata object with {name} = {wanted}.")


def _step(found: Any, segment: str) -> Any:
    name, _, key = segment.partition("(")
    if name.startswith("Microsoft.Dynamics.CRM."):
        wanted = f"#{name}"
        if isinstance(found, list):
            return [item for item in found if item.get("@odata.type") == wanted]
        if found.get("@odata.type") == wanted:
            return found
        raise errors.ApiError(404, "0x80040217", f"The object is not a {name}.")
    if isinstance(found, list) or name not in found:
        raise errors.unknown_segment(segment)
    value: Any = found[name]
    if callable(value):
        value = value()
    if key:
        return _pick(value, key.removesuffix(")"))
    return value if isinstance(value, dict | list) else {"value": value}


def _shape(item: Mapping[str, Any], select: tuple[str, ...], expand: tuple[Expand, ...]) -> dict[str, Any]:
    kept = ("@odata.type", "MetadataId")
    shown = {
        name: value
        for name, value in item.items()
        if not callable(value) and (not select or name in select or name in kept)
    }
    for part in expand:
        value = item.get(part.navigation)
        if part.navigation not in _NAVIGATION or not callable(value):
            raise errors.unknown_property(part.navigation, "metadata")
        found = value()
        query = part.query
        if isinstance(found, list):
            tree = grammar.parse(query.filter) if query.filter else None
            shown[part.navigation] = [
                _shape(one, query.select, query.expand)
                for one in found
                if tree is None or _matches(tree, one)
            ]
        else:
            shown[part.navigation] = None if found is None else _shape(found, query.select, query.expand)
    return shown


def _matches(node: Any, item: Mapping[str, Any]) -> bool:
    match node:
        case ast.BoolOp():
            left = _matches(node.left, item)
            return (
                (left and _matches(node.right, item))
                if isinstance(node.op, ast.And)
                else (left or _matches(node.right, item))
            )
        case ast.UnaryOp(op=ast.Not()):
            return not _matches(node.operand, item)
        case ast.Compare(comparator=ast.Eq() | ast.NotEq(), left=ast.Identifier()):
            equal = _literal(node.right) == _value(node.left, item)
            return equal == isinstance(node.comparator, ast.Eq)
        case ast.Call() if node.func.name in {"contains", "startswith", "endswith"}:
            text, wanted = _value(node.args[0], item) or "", _literal(node.args[1]) or ""
            return {
                "contains": wanted in text,
                "startswith": text.startswith(wanted),
                "endswith": text.endswith(wanted),
            }[node.func.name]
    raise errors.invalid_syntax(
        "The metadata API supports only eq, ne, and, or, not and text functions in $filter."
    )


def _value(node: Any, item: Mapping[str, Any]) -> str | None:
    value: Any = item
    if not isinstance(node, ast.Identifier):
        raise errors.invalid_syntax("Only a property, or a path to one, can be compared.")
    for name in node.name.split("/"):
        if not isinstance(value, Mapping) or name not in value:
            raise errors.unknown_property(node.name, "metadata")
        value = value[name]
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _literal(node: Any) -> str | None:
    if isinstance(node, ast.Null):
        return None
    if isinstance(node, ast.Boolean):
        return node.val.lower()
    return str(getattr(node, "val", ""))
