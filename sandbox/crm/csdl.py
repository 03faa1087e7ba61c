"""$metadata: the schema as a CSDL document, for clients that generate code or check column names."""

from collections.abc import Iterator
from functools import lru_cache
from xml.sax.saxutils import quoteattr

from sandbox.crm.schema import Column, CustomApi, Kind, Schema, Table
from sandbox.crm.store import scale_of
from sandbox.crm.values import edm_type

_PARAMETER_TYPES = {
    0: "Edm.Boolean",
    1: "Edm.DateTimeOffset",
    2: "Edm.Decimal",
    3: "mscrm.crmbaseentity",
    4: "Collection(mscrm.crmbaseentity)",
    5: "mscrm.crmbaseentity",
    6: "Edm.Double",
    7: "Edm.Int32",
    8: "Edm.Decimal",
    9: "Edm.Int32",
    10: "Edm.String",
    11: "Collection(Edm.String)",
    12: "Edm.Guid",
}


@lru_cache(maxsize=4)
def document(schema: Schema) -> bytes:
    return "\n".join(_lines(schema)).encode()


def _lines(schema: Schema) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
    yield '<Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
    yield '<EntityType Name="crmbaseentity" Abstract="true" />'
    for table in schema:
        yield from _entity_type(schema, table)
    for api in schema.custom_apis.values():
        yield from _operation(schema, api)
    yield '<EntityContainer Name="System">'
    for table in schema:
        yield f'<EntitySet Name="{table.entity_set}" EntityType="Microsoft.Dynamics.CRM.{table.name}">'
        yield from _bindings(schema, table)
        yield "</EntitySet>"
    for api in schema.custom_apis.values():
        if api.binding == 0:
            word = "FunctionImport" if api.is_function else "ActionImport"
            attribute = "Function" if api.is_function else "Action"
            yield f'<{word} Name="{api.name}" {attribute}="Microsoft.Dynamics.CRM.{api.name}" />'
    yield "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"


def _entity_type(schema: Schema, table: Table) -> Iterator[str]:
    yield f'<EntityType Name="{table.name}" BaseType="mscrm.crmbaseentity">'
    yield f'<Key><PropertyRef Name="{table.primary_key}" /></Key>'
    for column in table.columns.values():
        if column.readable:
            yield _property(column)
    for name, relationships in table.lookups.items():
        parents = {one.parent for one in relationships}
        target = f"mscrm.{relationships[0].parent}" if len(parents) == 1 else "mscrm.crmbaseentity"
        column = table.columns[relationships[0].column]
        partner = f' Partner="{relationships[0].collection_navigation}"' if len(parents) == 1 else ""
        yield (
            f'<NavigationProperty Name="{name}" Type="{target}" Nullable="true"{partner}>'
            f'<ReferentialConstraint Property="{column.property_name}" '
            f'ReferencedProperty="{schema.table(relationships[0].parent).primary_key}" /></NavigationProperty>'
        )
    for name, relationship in table.collections.items():
        yield (
            f'<NavigationProperty Name="{name}" Type="Collection(mscrm.{relationship.child})" '
            f'Partner="{relationship.lookup_navigation}" />'
        )
    for name, link in table.links.items():
        yield f'<NavigationProperty Name="{name}" Type="Collection(mscrm.{link.far})" />'
    yield "</EntityType>"


def _property(column: Column) -> str:
    more = ""
    if column.kind in {Kind.MONEY, Kind.DECIMAL}:
        more = f' Scale="{scale_of(column)}"'
    elif column.kind in {Kind.STRING, Kind.MEMO} and column.max_length is not None:
        more = f' MaxLength="{column.max_length}"'
    label = f'<Annotation Term="mscrm.label" String={quoteattr(column.label)} />' if column.label else ""
    return f'<Property Name="{column.property_name}" Type="{edm_type(column)}"{more}>{label}</Property>'


def _operation(schema: Schema, api: CustomApi) -> Iterator[str]:
    word = "Function" if api.is_function else "Action"
    bound = "true" if api.binding else "false"
    if api.properties:
        yield f'<ComplexType Name="{api.name}Response">'
        for parameter in api.properties:
            yield f'<Property Name="{parameter.name}" Type="{_PARAMETER_TYPES[parameter.type]}" />'
        yield "</ComplexType>"
    yield f'<{word} Name="{api.name}" IsBound="{bound}">'
    if api.binding and api.bound_table in schema.tables:
        single = f"mscrm.{api.bound_table}"
        name, kind = ("entity", single) if api.binding == 1 else ("entityset", f"Collection({single})")
        yield f'<Parameter Name="{name}" Type="{kind}" Nullable="false" />'
    for parameter in api.parameters:
        optional = "" if parameter.optional else ' Nullable="false"'
        yield f'<Parameter Name="{parameter.name}" Type="{_PARAMETER_TYPES[parameter.type]}"{optional} />'
    if api.properties:
        yield f'<ReturnType Type="mscrm.{api.name}Response" Nullable="false" />'
    yield f"</{word}>"


def _bindings(schema: Schema, table: Table) -> Iterator[str]:
    for name, relationships in table.lookups.items():
        target = schema.table(relationships[0].parent).entity_set
        yield f'<NavigationPropertyBinding Path="{name}" Target="{target}" />'
    for name, relationship in table.collections.items():
        yield f'<NavigationPropertyBinding Path="{name}" Target="{schema.table(relationship.child).entity_set}" />'
