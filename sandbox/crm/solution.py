"""Reads the unpacked solution folder, on top of the standard tables: the schema of the local CRM is what ships.

This module reads tables, columns, choices, keys and relationships; `components.py` reads what is built on them.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from sandbox.crm import components, standard
from sandbox.crm.schema import (
    CHOICES,
    LOOKUPS,
    Cascade,
    Column,
    Key,
    Kind,
    Option,
    OptionSet,
    Relationship,
    Schema,
    Table,
    Value,
)

_KINDS = {
    "primarykey": Kind.KEY,
    "uniqueidentifier": Kind.KEY,
    "nvarchar": Kind.STRING,
    "ntext": Kind.MEMO,
    "int": Kind.INTEGER,
    "bigint": Kind.BIGINT,
    "decimal": Kind.DECIMAL,
    "float": Kind.DOUBLE,
    "money": Kind.MONEY,
    "bit": Kind.BOOLEAN,
    "datetime": Kind.DATETIME,
    "picklist": Kind.PICKLIST,
    "state": Kind.STATE,
    "status": Kind.STATUS,
    "lookup": Kind.LOOKUP,
    "customer": Kind.CUSTOMER,
    "owner": Kind.OWNER,
}


class SolutionError(Exception):
    """The folder does not describe a solution that the platform could import."""


def load(folder: Path) -> Schema:
    """The standard tables plus everything under `folder`, linked and ready for a store."""
    schema = standard.load()
    for path in sorted(folder.glob("OptionSets/*.xml")):
        option_set = _option_set(_parse(path), is_global=True)
        schema.option_sets[option_set.name] = option_set
    touched = [
        _read_table(schema, _parse(path), path) for path in sorted(folder.glob("Entities/*/Entity.xml"))
    ]
    for path in sorted(folder.glob("Other/Relationships/*.xml")):
        schema.relationships += [
            _relationship(schema, element, path) for element in _parse(path).iter("EntityRelationship")
        ]
    for table in touched:
        standard.complete(schema, table)
    _aim_lookups(schema)
    schema.link()
    _read_manifest(schema, folder / "Other" / "Solution.xml")
    components.read(schema, folder)
    return schema


def _parse(path: Path) -> Element:
    try:
        return ET.parse(path).getroot()  # noqa: S314  the solution is our own source
    except ET.ParseError as error:
        raise SolutionError(f"{path}: {error}") from error


def _read_manifest(schema: Schema, path: Path) -> None:
    if path.exists():
        manifest = _parse(path)
        schema.solution_name = manifest.findtext(".//UniqueName", "")
        schema.solution_version = manifest.findtext(".//Version", "")


def _read_table(schema: Schema, root: Element, path: Path) -> Table:
    """A table of our own, or a standard one with our columns added."""
    entity = root.find("EntityInfo/entity")
    if entity is None:
        raise SolutionError(f"{path}: no EntityInfo/entity")
    schema_name = entity.get("Name", "")
    name = schema_name.lower()
    columns = {column.name: column for column in _columns(schema, entity, path)}
    keys = tuple(_keys(entity))
    table = schema.tables.get(name)
    if table is not None:
        table.columns |= columns
        table.keys += keys
        return table
    primary_name = next(
        (column.name for column in columns.values() if "PrimaryName" in _mask(entity, column.name)), ""
    )
    label = _label(entity.find("LocalizedNames/LocalizedName")) or schema_name
    table = Table(
        name=name,
        schema_name=schema_name,
        entity_set=entity.findtext("EntitySetName") or f"{name}s",
        label=label,
        plural=_label(entity.find("LocalizedCollectionNames/LocalizedCollectionName")) or label,
        primary_key=_primary_key(entity, path),
        primary_name=primary_name,
        columns=columns,
        keys=keys,
        ownership=entity.findtext("OwnershipTypeMask") or "UserOwned",
        description=_label(entity.find("Descriptions/Description")),
        object_type_code=10200 + len(schema.tables),
        custom=True,
        change_tracking=_flag(entity, "ChangeTrackingEnabled"),
        is_activity=_flag(entity, "IsActivity"),
    )
    schema.tables[name] = table
    return table


def _primary_key(entity: Element, path: Path) -> str:
    for attribute in entity.iter("attribute"):
        if attribute.findtext("Type") == "primarykey":
            return attribute.findtext("LogicalName", "")
    raise SolutionError(f"{path}: no primary key")


def _mask(entity: Element, column: str) -> str:
    for attribute in entity.iter("attribute"):
        if attribute.findtext("LogicalName") == column:
            return attribute.findtext("DisplayMask") or ""
    return ""


def _columns(schema: Schema, entity: Element, path: Path) -> Iterator[Column]:
    for attribute in entity.iter("attribute"):
        name = attribute.findtext("LogicalName", "")
        kind = _KINDS.get(attribute.findtext("Type", ""))
        if kind is None:
            raise SolutionError(f"{path}: column {name} has the unknown type {attribute.findtext('Type')}")
        options = (
            _options_of(schema, attribute, f"{path}: column {name}")
            if kind in CHOICES | {Kind.BOOLEAN}
            else None
        )
        yield Column(
            name=name,
            kind=kind,
            label=_label(attribute.find("displaynames/displayname")) or name,
            schema_name=attribute.get("PhysicalName", name),
            description=_label(attribute.find("Descriptions/Description")),
            required=attribute.findtext("RequiredLevel") or "none",
            max_length=_whole(attribute, "MaxLength"),
            format=attribute.findtext("Format") or "",
            minimum=_decimal(attribute, "MinValue"),
            maximum=_decimal(attribute, "MaxValue"),
            precision=_whole(attribute, "Accuracy") or 0,
            precision_source=_whole(attribute, "AccuracySource") or 0,
            date_only=kind is Kind.DATETIME and attribute.findtext("Behavior") == "2",
            options=options,
            default=_default(attribute, kind),
            targets=("systemuser", "team") if kind is Kind.OWNER else (),
            creatable=_flag(attribute, "ValidForCreateApi"),
            updatable=_flag(attribute, "ValidForUpdateApi"),
            readable=_flag(attribute, "ValidForReadApi"),
            secured=_flag(attribute, "IsSecured"),
            custom=_flag(attribute, "IsCustomField"),
            autonumber=attribute.findtext("AutoNumberFormat") or "",
            calculation_of=(attribute.findtext("CalculationOf") or "").lower(),
        )


def _options_of(schema: Schema, attribute: Element, where: str) -> OptionSet:
    inline = attribute.find("optionset")
    if inline is not None:
        return _option_set(inline, is_global=False)
    name = attribute.findtext("OptionSetName", "")
    if name not in schema.option_sets:
        raise SolutionError(f"{where}: there is no choice {name!r}")
    return schema.option_sets[name]


def _option_set(element: Element, *, is_global: bool) -> OptionSet:
    def number(node: Element, attribute: str) -> int | None:
        text = node.get(attribute)
        return None if text is None else int(text)

    options = tuple(
        Option(
            value=int(node.get("value", "0")),
            label=_label(node.find("labels/label")),
            state=number(node, "state"),
            default_status=number(node, "defaultstatus"),
            invariant_name=node.get("invariantname", ""),
        )
        for node in element.iter()
        if node.tag in {"option", "state", "status"}
    )
    label = _label(element.find("displaynames/displayname"))
    return OptionSet(element.get("Name", ""), options, is_global, label)


def _default(attribute: Element, kind: Kind) -> Value:
    text = attribute.findtext("AppDefaultValue")
    if text is None:
        return None
    if kind is Kind.BOOLEAN:
        return text == "1"
    return None if text == "-1" else int(text)


def _keys(entity: Element) -> Iterator[Key]:
    for element in entity.iter("EntityKey"):
        yield Key(
            name=element.findtext("LogicalName", ""),
            columns=tuple(node.text or "" for node in element.iter("AttributeName")),
            schema_name=element.findtext("Name", ""),
            label=_label(element.find("displaynames/displayname")),
        )


def _relationship(schema: Schema, element: Element, path: Path) -> Relationship:
    name = element.get("Name", "")
    parent = element.findtext("ReferencedEntityName", "").lower()
    child = element.findtext("ReferencingEntityName", "").lower()
    column = element.findtext("ReferencingAttributeName", "").lower()
    if (
        parent not in schema.tables
        or child not in schema.tables
        or column not in schema.tables[child].columns
    ):
        raise SolutionError(f"{path}: {name} leads from {child}.{column} to {parent}, which is not there")
    roles = {role.findtext("RelationshipRoleType"): role for role in element.iter("EntityRelationshipRole")}
    navigation = {kind: role.findtext("NavigationPropertyName") or "" for kind, role in roles.items()}
    menu = roles["1"].findtext("NavPaneDisplayOption") if "1" in roles else None
    return Relationship(
        name=name,
        parent=parent,
        child=child,
        column=column,
        lookup_navigation=navigation.get("1") or column,
        collection_navigation=navigation.get("0") or name,
        on_delete=Cascade(element.findtext("CascadeDelete") or "NoCascade"),
        custom=True,
        related_menu=menu or "DoNotDisplay",
    )


def _aim_lookups(schema: Schema) -> None:
    """In the XML only the relationship knows where a lookup leads."""
    for relationship in schema.relationships:
        columns = schema.tables[relationship.child].columns
        column = columns[relationship.column]
        if relationship.parent not in column.targets:
            columns[column.name] = replace(column, targets=(*column.targets, relationship.parent))
    for table in schema:
        for column in table.columns.values():
            if column.kind in LOOKUPS and not column.targets:
                raise SolutionError(f"the lookup {table.name}.{column.name} has no relationship")


def _label(element: Element | None) -> str:
    return "" if element is None else element.get("description", "")


def _flag(element: Element, name: str) -> bool:
    return element.findtext(name) == "1"


def _whole(element: Element, name: str) -> int | None:
    text = element.findtext(name)
    return int(text) if text else None


def _decimal(element: Element, name: str) -> Decimal | None:
    text = element.findtext(name)
    return Decimal(text) if text else None
