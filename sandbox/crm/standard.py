"""Reads `standard.toml`, and gives every table, standard or custom, what the platform adds to it by itself."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.crm.schema import (
    Cascade,
    Column,
    Kind,
    ManyToMany,
    Option,
    OptionSet,
    Relationship,
    Schema,
    Table,
)

SOURCE = Path(__file__).with_name("standard.toml")
MONEY_LIMIT = Decimal(922337203685477)

_KINDS = {
    "string": Kind.STRING,
    "memo": Kind.MEMO,
    "int": Kind.INTEGER,
    "bigint": Kind.BIGINT,
    "decimal": Kind.DECIMAL,
    "money": Kind.MONEY,
    "double": Kind.DOUBLE,
    "bool": Kind.BOOLEAN,
    "date": Kind.DATETIME,
    "day": Kind.DATETIME,
    "datetime": Kind.DATETIME,
    "choice": Kind.PICKLIST,
    "lookup": Kind.LOOKUP,
    "customer": Kind.CUSTOMER,
    "guid": Kind.KEY,
    "table": Kind.ENTITY_NAME,
}
_DEFAULT_STATES: list[dict[str, Any]] = [
    {"value": 0, "name": "Active", "default": 1, "reasons": {"1": "Active"}},
    {"value": 1, "name": "Inactive", "default": 2, "reasons": {"2": "Inactive"}},
]


def load() -> Schema:
    """The standard tables, complete but not yet linked: the solution may still add columns and relationships."""
    schema = Schema(tables={})
    for name, spec in tomllib.loads(SOURCE.read_text()).items():
        if "intersect" in spec:
            _read_intersect(schema, name, spec)
        else:
            _read_table(schema, name, spec)
    for table in list(schema):
        if not table.intersect:
            complete(schema, table)
    return schema


def complete(schema: Schema, table: Table) -> None:
    """Add the columns and relationships that the platform makes: who and when, owner, version, currency, base amounts."""
    _add_money_columns(table)
    for column in _platform_columns(table):
        table.columns.setdefault(column.name, column)
    for name, targets in _PLATFORM_LOOKUPS.items():
        if name in table.columns:
            table.columns[name] = replace(table.columns[name], targets=tuple(targets))
            schema.relationships += _platform_relationships(schema, table, name, targets)


_WHO = {"systemuser": "lk_{table}_{column}"}
_PLATFORM_LOOKUPS: dict[str, dict[str, str]] = {
    "createdby": _WHO,
    "createdonbehalfby": _WHO,
    "modifiedby": _WHO,
    "modifiedonbehalfby": _WHO,
    "ownerid": {"systemuser": "owner_{table}", "team": "owner_{table}"},
    "owninguser": {"systemuser": "user_{table}"},
    "owningteam": {"team": "team_{table}"},
    "owningbusinessunit": {"businessunit": "business_unit_{table}"},
    "transactioncurrencyid": {"transactioncurrency": "transactioncurrency_{table}"},
}


def _platform_relationships(
    schema: Schema, table: Table, column: str, targets: Mapping[str, str]
) -> Iterator[Relationship]:
    known = {(one.parent, one.child, one.column) for one in schema.relationships}
    for parent, pattern in targets.items():
        if (parent, table.name, column) not in known:
            name = pattern.format(table=table.name, column=column)
            yield Relationship(
                name, parent, table.name, column, lookup_navigation=column, collection_navigation=name
            )


def _platform_columns(table: Table) -> Iterator[Column]:
    def fixed(name: str, kind: Kind, label: str, **more: Any) -> Column:
        return Column(name, kind, label, name, creatable=False, updatable=False, **more)

    yield fixed("createdon", Kind.DATETIME, "Created On", format="datetime")
    yield fixed("createdby", Kind.LOOKUP, "Created By")
    yield fixed("createdonbehalfby", Kind.LOOKUP, "Created By (Delegate)")
    yield fixed("modifiedon", Kind.DATETIME, "Modified On", format="datetime")
    yield fixed("modifiedby", Kind.LOOKUP, "Modified By")
    yield fixed("modifiedonbehalfby", Kind.LOOKUP, "Modified By (Delegate)")
    yield fixed("versionnumber", Kind.BIGINT, "Version Number")
    yield Column(
        "overriddencreatedon",
        Kind.DATETIME,
        "Record Created On",
        "OverriddenCreatedOn",
        format="date",
        updatable=False,
    )
    yield Column(
        "importsequencenumber",
        Kind.INTEGER,
        "Import Sequence Number",
        "ImportSequenceNumber",
        updatable=False,
    )
    yield Column(
        "timezoneruleversionnumber",
        Kind.INTEGER,
        "Time Zone Rule Version Number",
        "TimeZoneRuleVersionNumber",
    )
    yield Column(
        "utcconversiontimezonecode",
        Kind.INTEGER,
        "UTC Conversion Time Zone Code",
        "UTCConversionTimeZoneCode",
    )
    if table.user_owned:
        yield Column("ownerid", Kind.OWNER, "Owner", "OwnerId", required="systemrequired")
        yield fixed("owninguser", Kind.LOOKUP, "Owning User")
        yield fixed("owningteam", Kind.LOOKUP, "Owning Team")
        yield fixed("owningbusinessunit", Kind.LOOKUP, "Owning Business Unit")


def _add_money_columns(table: Table) -> None:
    amounts = [
        column for column in table.columns.values() if column.kind is Kind.MONEY and not column.calculation_of
    ]
    if not amounts:
        return
    table.columns.setdefault(
        "transactioncurrencyid",
        Column("transactioncurrencyid", Kind.LOOKUP, "Currency", "TransactionCurrencyId"),
    )
    table.columns.setdefault(
        "exchangerate",
        Column(
            "exchangerate",
            Kind.DECIMAL,
            "Exchange Rate",
            "ExchangeRate",
            precision=12,
            minimum=Decimal("1e-12"),
            creatable=False,
            updatable=False,
        ),
    )
    followed = {column.calculation_of for column in table.columns.values()}
    for column in amounts:
        if column.name not in followed:
            base = f"{column.name}_base"
            table.columns[base] = Column(
                base,
                Kind.MONEY,
                f"{column.label} (Base)",
                f"{column.schema_name}_Base",
                precision=4,
                creatable=False,
                updatable=False,
                custom=column.custom,
                calculation_of=column.name,
            )


def _read_table(schema: Schema, name: str, spec: Mapping[str, Any]) -> None:
    primary_key = spec.get("key", f"{name}id")
    columns = {
        primary_key: Column(
            primary_key, Kind.KEY, spec["label"], primary_key, required="systemrequired", updatable=False
        )
    }
    columns |= _state_columns(name, spec.get("states", _DEFAULT_STATES))
    for column, detail in spec["columns"].items():
        columns[column] = _column(name, column, detail)
        schema.relationships += _relationships(name, column, detail)
    schema.tables[name] = Table(
        name=name,
        schema_name=spec["schema"],
        entity_set=spec["set"],
        label=spec["label"],
        plural=spec["plural"],
        primary_key=primary_key,
        primary_name=spec["name"],
        columns=columns,
        ownership=spec.get("owner", "UserOwned"),
        object_type_code=spec.get("code", 0),
        change_tracking=spec.get("change_tracking", False),
        is_activity=spec.get("activity", False),
        append_rights=spec.get("append_rights", True),
        read_only_states=frozenset(spec.get("read_only_states", ())),
    )


def _column(table: str, name: str, detail: Mapping[str, Any]) -> Column:
    kind = _KINDS[detail["type"]]
    writable = not detail.get("read_only", False)
    money = kind is Kind.MONEY
    return Column(
        name=name,
        kind=kind,
        label=detail["label"],
        schema_name=detail.get("navigation", name) if "{" not in detail.get("navigation", "") else name,
        required=detail.get("required", "none"),
        max_length=detail.get("length"),
        format=detail.get("format")
        or {"date": "date", "day": "date", "datetime": "datetime"}.get(detail["type"], ""),
        minimum=Decimal(str(detail["minimum"])) if "minimum" in detail else -MONEY_LIMIT if money else None,
        maximum=Decimal(str(detail["maximum"])) if "maximum" in detail else MONEY_LIMIT if money else None,
        precision=detail.get("precision", 2 if money else 0),
        precision_source=2 if money else 0,
        date_only=detail["type"] == "date",
        options=_choice(table, name, detail),
        default=detail.get("default"),
        targets=tuple(detail.get("to", ())),
        creatable=writable,
        updatable=writable and detail.get("updatable", True),
        readable=detail.get("readable", True),
        autonumber=detail.get("autonumber", ""),
        composed_of=tuple(detail.get("composed_of", ())),
    )


def _choice(table: str, name: str, detail: Mapping[str, Any]) -> OptionSet | None:
    if detail["type"] == "bool":
        options: tuple[Option, ...] = (Option(1, detail.get("yes", "Yes")), Option(0, detail.get("no", "No")))
        return OptionSet(f"{table}_{name}", options, label=detail["label"])
    if "options" in detail:
        options = tuple(Option(int(value), label) for value, label in detail["options"].items())
        return OptionSet(f"{table}_{name}", options, label=detail["label"])
    return None


def _state_columns(table: str, states: list[dict[str, Any]]) -> dict[str, Column]:
    if not states:
        return {}
    state_options = tuple(
        Option(state["value"], state["name"], default_status=state["default"], invariant_name=state["name"])
        for state in states
    )
    reasons = tuple(
        Option(int(value), label, state=state["value"])
        for state in states
        for value, label in state["reasons"].items()
    )
    return {
        "statecode": Column(
            "statecode",
            Kind.STATE,
            "Status",
            "StateCode",
            required="systemrequired",
            options=OptionSet(f"{table}_statecode", state_options, label="Status"),
            creatable=False,
        ),
        "statuscode": Column(
            "statuscode",
            Kind.STATUS,
            "Status Reason",
            "StatusCode",
            options=OptionSet(f"{table}_statuscode", reasons, label="Status Reason"),
        ),
    }


def _relationships(table: str, column: str, detail: Mapping[str, Any]) -> Iterator[Relationship]:
    targets: Mapping[str, str] = detail.get("to", {})
    for parent, name in targets.items():
        navigation = detail.get("navigation", column if len(targets) == 1 else f"{column}_{{target}}")
        yield Relationship(
            name,
            parent,
            table,
            column,
            lookup_navigation=navigation.format(target=parent),
            collection_navigation=detail.get("collection", name),
            on_delete=Cascade(detail.get("delete", Cascade.NONE)),
            related_menu=detail.get("menu", "DoNotDisplay"),
        )


def _read_intersect(schema: Schema, name: str, spec: Mapping[str, Any]) -> None:
    sides = {table: navigation for table, navigation in spec["intersect"].items() if table != "name"}
    (first, first_navigation), (second, second_navigation) = sides.items()
    primary_key = spec.get("key", f"{name}id")
    columns = {
        column: Column(column, Kind.KEY, column, column)
        for column in (primary_key, f"{first}id", f"{second}id")
    }
    schema.tables[name] = Table(
        name=name,
        schema_name=spec["schema"],
        entity_set=spec["set"],
        label=spec["label"],
        plural=spec["plural"],
        primary_key=primary_key,
        primary_name="",
        columns=columns,
        ownership="None",
        optimistic_concurrency=False,
        intersect=True,
    )
    schema.many_to_many.append(
        ManyToMany(
            spec["intersect"]["name"],
            name,
            first,
            f"{first}id",
            first_navigation,
            second,
            f"{second}id",
            second_navigation,
        )
    )
