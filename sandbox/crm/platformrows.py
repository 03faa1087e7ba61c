"""The rows that every environment has before anybody adds data: organisation, root unit, roles, messages, custom APIs."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid5
from xml.etree.ElementTree import tostring

from sandbox.crm.schema import CustomApi, Parameter, Schema, View
from sandbox.crm.security import stock_roles
from sandbox.crm.seeding import SYSTEM_USER, Seeder

_NAMES = UUID("6f7d4f0c-57a5-5e0b-9b2e-5a4d0c0f7a11")

# The platform's own ids of these messages are the same in every environment.
_MESSAGES = {
    "Create": UUID("9ebdbb1b-ea3e-db11-86a7-000a3a5473e8"),
    "Update": UUID("20bebb1b-ea3e-db11-86a7-000a3a5473e8"),
    "Delete": UUID("a1bdbb1b-ea3e-db11-86a7-000a3a5473e8"),
}
_NOT_TOLD_ABOUT = frozenset({"sdkmessage", "sdkmessagefilter", "asyncoperation"})
_QUICK_FIND = 4


@dataclass(frozen=True)
class Organization:
    """The environment: one organisation with one root business unit."""

    id: UUID
    name: str
    unit_id: UUID
    unit_name: str


def add(seeder: Seeder, schema: Schema, organization: Organization) -> None:
    """Adds the rows that a new environment with the solution in it has."""
    _add_environment(seeder, organization)
    add_solution(seeder, schema, organization)


def add_solution(seeder: Seeder, schema: Schema, organization: Organization) -> None:
    """Adds roles, messages and custom APIs, or brings those of an older solution up to date: their ids never change."""
    for role in [*stock_roles(), *schema.roles]:
        seeder.add("role", {"roleid": role.id, "name": role.name, "businessunitid": organization.unit_id})
    for name, message_id in _MESSAGES.items():
        seeder.add("sdkmessage", {"sdkmessageid": message_id, "name": name})
        for table in schema:
            if not table.intersect and table.name not in _NOT_TOLD_ABOUT:
                _add_filter(seeder, name, message_id, table.name)
    for api in schema.custom_apis.values():
        _add_custom_api(seeder, api)
    for view in schema.views:
        _add_view(seeder, view)


def _add_view(seeder: Seeder, view: View) -> None:
    seeder.add(
        "savedquery",
        {
            "savedqueryid": view.id,
            "name": view.name,
            "returnedtypecode": view.table,
            "querytype": view.query_type,
            "isdefault": view.is_default,
            "isquickfindquery": view.query_type == _QUICK_FIND,
            "fetchxml": tostring(view.fetch, encoding="unicode").strip(),
            "layoutxml": tostring(view.layout, encoding="unicode").strip(),
        },
    )


def _add_environment(seeder: Seeder, organization: Organization) -> None:
    seeder.add("businessunit", {"businessunitid": organization.unit_id, "name": organization.unit_name})
    seeder.add(
        "systemuser",
        {
            "systemuserid": SYSTEM_USER,
            "firstname": "",
            "lastname": "SYSTEM",
            "fullname": "SYSTEM",
            "businessunitid": organization.unit_id,
            "isdisabled": True,
            "accessmode": 3,
        },
    )
    seeder.add("organization", {"organizationid": organization.id, "name": organization.name})


def _add_filter(seeder: Seeder, message: str, message_id: UUID, table: str) -> None:
    seeder.add(
        "sdkmessagefilter",
        {
            "sdkmessagefilterid": uuid5(_NAMES, f"filter:{message}:{table}"),
            "name": f"{message} of {table}",
            "sdkmessageid": message_id,
            "primaryobjecttypecode": table,
            "secondaryobjecttypecode": "none",
            "iscustomprocessingstepallowed": True,
        },
    )


def _add_custom_api(seeder: Seeder, api: CustomApi) -> None:
    api_id = uuid5(_NAMES, f"api:{api.name}")
    seeder.add(
        "customapi",
        {
            "customapiid": api_id,
            "name": api.name,
            "uniquename": api.name,
            "displayname": api.label,
            "bindingtype": api.binding,
            "boundentitylogicalname": api.bound_table or None,
            "allowedcustomprocessingsteptype": api.step_type,
            "isfunction": api.is_function,
            "isprivate": api.is_private,
            "executeprivilegename": api.privilege or None,
        },
    )
    for kind, key, members in (
        ("customapirequestparameter", "parameter", api.parameters),
        ("customapiresponseproperty", "property", api.properties),
    ):
        for member, columns in _members(api, members):
            optional = {"isoptional": member.optional} if key == "parameter" else {}
            member_id = uuid5(_NAMES, f"{key}:{api.name}.{member.name}")
            seeder.add(kind, {f"{kind}id": member_id, "customapiid": api_id, **columns, **optional})
    if api.step_type:
        message_id = uuid5(_NAMES, f"message:{api.name}")
        seeder.add("sdkmessage", {"sdkmessageid": message_id, "name": api.name})
        _add_filter(seeder, api.name, message_id, api.bound_table or "none")


def _members(
    api: CustomApi, members: tuple[Parameter, ...]
) -> Iterator[tuple[Parameter, dict[str, str | int | None]]]:
    for member in members:
        yield (
            member,
            {
                "name": f"{api.name}.{member.name}",
                "uniquename": member.name,
                "displayname": member.label or member.name,
                "type": member.type,
                "logicalentityname": member.table or None,
            },
        )
