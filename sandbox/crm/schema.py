"""What the local CRM knows about tables: plain values, read from the shipping solution and the standard tables.

A schema never changes once loaded; `link()` gives its tables their navigation properties.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from uuid import UUID
from xml.etree.ElementTree import Element

Value = Decimal | UUID | int | str | bool | date | datetime | float | None
Row = dict[str, Value]
"""One row, by logical column name. A polymorphic lookup has its target's table beside it (`owneridtype`)."""


class Kind(StrEnum):
    """The column types of Dataverse, by the name that `AttributeType` gives them in metadata."""

    KEY = "Uniqueidentifier"
    STRING = "String"
    MEMO = "Memo"
    INTEGER = "Integer"
    BIGINT = "BigInt"
    DECIMAL = "Decimal"
    DOUBLE = "Double"
    MONEY = "Money"
    BOOLEAN = "Boolean"
    DATETIME = "DateTime"
    PICKLIST = "Picklist"
    STATE = "State"
    STATUS = "Status"
    LOOKUP = "Lookup"
    CUSTOMER = "Customer"
    OWNER = "Owner"
    ENTITY_NAME = "EntityName"


LOOKUPS = frozenset({Kind.LOOKUP, Kind.CUSTOMER, Kind.OWNER})
CHOICES = frozenset({Kind.PICKLIST, Kind.STATE, Kind.STATUS})


class Cascade(StrEnum):
    """What deleting the parent does to its children."""

    RESTRICT = "Restrict"
    CASCADE = "Cascade"
    REMOVE_LINK = "RemoveLink"
    NONE = "NoCascade"


@dataclass(frozen=True, eq=False)
class Option:
    value: int
    label: str
    state: int | None = None
    """Of a status reason: the state it belongs to."""
    default_status: int | None = None
    """Of a state: the status reason that is set when only the state is given."""
    invariant_name: str = ""


@dataclass(frozen=True, eq=False)
class OptionSet:
    name: str
    options: tuple[Option, ...]
    is_global: bool = False
    label: str = ""

    @cached_property
    def _by_value(self) -> dict[int, Option]:
        return {option.value: option for option in self.options}

    def find(self, value: int) -> Option | None:
        return self._by_value.get(value)


@dataclass(frozen=True, eq=False)
class Column:
    name: str
    """Logical name, lower case."""
    kind: Kind
    label: str = ""
    schema_name: str = ""
    description: str = ""
    required: str = "none"
    """none, recommended, required or systemrequired."""
    max_length: int | None = None
    format: str = ""
    """text, email, url, textarea, date, datetime, …"""
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    precision: int = 0
    """Digits after the point, of decimal and money."""
    precision_source: int = 0
    """Of money: 0 its own precision, 1 the organisation's, 2 the currency's."""
    date_only: bool = False
    """DateTime with the behaviour DateOnly: a plain date without a time zone."""
    options: OptionSet | None = None
    default: Value = None
    targets: tuple[str, ...] = ()
    """Of a lookup: logical names of the tables it may point at."""
    creatable: bool = True
    updatable: bool = True
    readable: bool = True
    secured: bool = False
    custom: bool = False
    autonumber: str = ""
    """An AutoNumberFormat such as `PT-{SEQNUM:6}`."""
    composed_of: tuple[str, ...] = ()
    """Of a full name: the columns whose texts it is made of."""
    calculation_of: str = ""
    """Of a `_base` column: the money column it follows."""

    @property
    def polymorphic(self) -> bool:
        return self.kind in LOOKUPS and (len(self.targets) > 1 or self.kind is Kind.OWNER)

    @property
    def type_name(self) -> str:
        """The companion column that holds the table a polymorphic lookup points at."""
        return f"{self.name}type"

    @property
    def property_name(self) -> str:
        """What the Web API calls it when it is read."""
        return f"_{self.name}_value" if self.kind in LOOKUPS else self.name

    @property
    def required_by_platform(self) -> bool:
        return self.required == "systemrequired"


@dataclass(frozen=True, eq=False)
class Key:
    """An alternate key."""

    name: str
    columns: tuple[str, ...]
    schema_name: str = ""
    label: str = ""


@dataclass(frozen=True, eq=False)
class Relationship:
    """One to many: `column` of `child` points at `parent`."""

    name: str
    parent: str
    child: str
    column: str
    lookup_navigation: str
    """Child to parent: what `$expand`, paths and `@odata.bind` say."""
    collection_navigation: str
    """Parent to children."""
    on_delete: Cascade = Cascade.NONE
    custom: bool = False
    related_menu: str = "DoNotDisplay"
    """NavPaneDisplayOption of the child's role: UseCollectionName, UseLabel or DoNotDisplay on the parent's forms."""


@dataclass(frozen=True, eq=False)
class ManyToMany:
    """Many to many, through an intersect table that has one column for each side."""

    name: str
    intersect: str
    first: str
    first_column: str
    first_navigation: str
    second: str
    second_column: str
    second_navigation: str


@dataclass(frozen=True, eq=False)
class Link:
    """A many-to-many navigation, seen from one side."""

    relationship: ManyToMany
    intersect: str
    near_column: str
    far: str
    far_column: str


@dataclass(eq=False)
class Table:
    name: str
    """Logical name, lower case."""
    schema_name: str
    entity_set: str
    label: str
    plural: str
    primary_key: str
    primary_name: str
    columns: dict[str, Column]
    keys: tuple[Key, ...] = ()
    ownership: str = "UserOwned"
    """UserOwned, OrgOwned or None."""
    description: str = ""
    object_type_code: int = 0
    custom: bool = False
    change_tracking: bool = False
    optimistic_concurrency: bool = True
    is_activity: bool = False
    intersect: bool = False
    append_rights: bool = True
    """Whether Append and AppendTo exist as privileges for it; not so for what describes the platform itself."""
    read_only_states: frozenset[int] = frozenset()
    """States in which only statecode and statuscode may change, unless the store says otherwise."""
    lookups: dict[str, list[Relationship]] = field(default_factory=dict)
    """Navigation property -> where it leads; several relationships only for `ownerid`-like ones."""
    collections: dict[str, Relationship] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    children: list[Relationship] = field(default_factory=list)
    properties: dict[str, Column] = field(default_factory=dict)
    """Every readable column by what the Web API calls it: `_ownerid_value` for lookups, the logical name else."""

    @property
    def user_owned(self) -> bool:
        return self.ownership == "UserOwned"

    def column(self, name: str) -> Column:
        return self.columns[name]

    def key_of(self, columns: Iterable[str]) -> Key | None:
        wanted = sorted(columns)
        return next((key for key in self.keys if sorted(key.columns) == wanted), None)


@dataclass(frozen=True, eq=False)
class Form:
    id: UUID
    table: str
    type: str
    """main, quick, quickCreate or card."""
    name: str
    xml: Element
    """The `<systemform>` element."""


@dataclass(frozen=True, eq=False)
class View:
    id: UUID
    table: str
    name: str
    query_type: int
    is_default: bool
    fetch: Element
    """The `<fetch>` element."""
    layout: Element
    """The `<grid>` element."""


@dataclass(frozen=True, eq=False)
class Parameter:
    """A request parameter or response property of a custom API. `type` is the platform's number (10 = String …)."""

    name: str
    type: int
    optional: bool = False
    table: str = ""
    label: str = ""


@dataclass(frozen=True, eq=False)
class CustomApi:
    name: str
    binding: int
    """0 unbound, 1 one row, 2 a collection."""
    bound_table: str
    step_type: int
    """allowedcustomprocessingsteptype: 0 none, 1 asynchronous only, 2 both."""
    is_function: bool
    is_private: bool
    privilege: str
    """executeprivilegename, or empty."""
    label: str
    parameters: tuple[Parameter, ...] = ()
    properties: tuple[Parameter, ...] = ()


@dataclass(frozen=True, eq=False)
class Role:
    id: UUID
    name: str
    privileges: Mapping[str, str]
    """Privilege name as written (`prvReadcfl_payment`) -> Basic, Local, Deep or Global."""


@dataclass(frozen=True, eq=False)
class WebResource:
    name: str
    """As used in addresses: `cfl_/charge.html`."""
    label: str
    type: int
    mime: str
    content: bytes
    dependencies: tuple[str, ...] = ()
    """Names of the libraries (`Library/@name` of DependencyXml) that load before it."""


@dataclass(frozen=True, eq=False)
class AppModule:
    name: str
    label: str
    tables: tuple[str, ...]
    role_ids: tuple[UUID, ...]
    xml: Element


@dataclass(frozen=True, eq=False)
class SiteMap:
    name: str
    xml: Element
    """The `<SiteMap>` element."""


@dataclass(eq=False)
class Schema:
    tables: dict[str, Table]
    relationships: list[Relationship] = field(default_factory=list)
    many_to_many: list[ManyToMany] = field(default_factory=list)
    option_sets: dict[str, OptionSet] = field(default_factory=dict)
    """Global choices."""
    forms: list[Form] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    ribbons: dict[str, Element] = field(default_factory=dict)
    """`<RibbonDiffXml>` by table."""
    custom_apis: dict[str, CustomApi] = field(default_factory=dict)
    roles: list[Role] = field(default_factory=list)
    web_resources: dict[str, WebResource] = field(default_factory=dict)
    apps: list[AppModule] = field(default_factory=list)
    site_maps: list[SiteMap] = field(default_factory=list)
    solution_name: str = ""
    solution_version: str = ""
    entity_sets: dict[str, Table] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables.values())

    def table(self, name: str) -> Table:
        """By logical name; KeyError when there is none."""
        return self.tables[name]

    def link(self) -> None:
        """Give every table its navigation properties, its read names and its children."""
        self.entity_sets = {table.entity_set: table for table in self}
        for table in self:
            table.properties = {
                column.property_name: column for column in table.columns.values() if column.readable
            }
            table.lookups, table.collections, table.links, table.children = {}, {}, {}, []
        for relationship in self.relationships:
            child, parent = self.tables[relationship.child], self.tables[relationship.parent]
            child.lookups.setdefault(relationship.lookup_navigation, []).append(relationship)
            parent.collections[relationship.collection_navigation] = relationship
            parent.children.append(relationship)
        for many in self.many_to_many:
            first, second = self.tables[many.first], self.tables[many.second]
            first.links[many.first_navigation] = Link(
                many, many.intersect, many.first_column, many.second, many.second_column
            )
            second.links[many.second_navigation] = Link(
                many, many.intersect, many.second_column, many.first, many.first_column
            )
