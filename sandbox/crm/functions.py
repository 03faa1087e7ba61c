"""The platform's own actions and functions that clients of the add-on use."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid4, uuid5

from sandbox.crm import errors, payload
from sandbox.crm.addresses import read_reference
from sandbox.crm.bodies import SERVICE_PATH
from sandbox.crm.exchange import Exchange
from sandbox.crm.identity import Actor
from sandbox.crm.mail import EMAIL, SENT, Mail
from sandbox.crm.schema import Row, Table
from sandbox.wire import Response

_TYPE = "#Microsoft.Dynamics.CRM."
_PRIVILEGES = UUID("3c1f7a52-6f2b-5a51-9d0e-7b1f0c8a2e44")


def read_call(segment: str, options: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Name and arguments of `Name(Target=@t)` with `@t={…}` among the query options; values as JSON or text in quotes."""
    name, _, rest = segment.partition("(")
    arguments: dict[str, Any] = {}
    for pair in filter(None, rest.removesuffix(")").split(",")):
        argument, _, text = pair.partition("=")
        text = options.get(text.strip(), "null") if text.strip().startswith("@") else text.strip()
        quoted = len(text) > 1 and text.startswith("'") and text.endswith("'")
        arguments[argument.strip()] = text[1:-1].replace("''", "'") if quoted else _json_or_text(text)
    return name, arguments


def who_am_i(exchange: Exchange) -> Response:
    exchange.require_method("GET")
    organizations = exchange.store.select(exchange.store.schema.table("organization"), limit=1)
    return exchange.json(
        {
            "@odata.context": f"{exchange.root}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
            "BusinessUnitId": str(exchange.actor.business_unit_id),
            "UserId": str(exchange.actor.user_id),
            "OrganizationId": str(organizations[0]["organizationid"]) if organizations else str(UUID(int=0)),
        }
    )


def retrieve_principal_access(exchange: Exchange, user_id: UUID, arguments: Mapping[str, Any]) -> Response:
    """What a user may do with one row: a comma-separated list of rights, or None."""
    exchange.require_method("GET")
    target = arguments.get("Target")
    if not isinstance(target, dict):
        raise errors.invalid_request("RetrievePrincipalAccess needs the parameter Target.")
    schema = exchange.store.schema
    address = read_reference(schema, SERVICE_PATH, _target_address(exchange, target))
    row_id = address.find(exchange.store)
    user = exchange.store.get(schema.table("systemuser"), user_id)
    if user is None:
        raise errors.not_found("systemuser", user_id)
    row = None if row_id is None else exchange.store.get(address.table, row_id)
    if row is None:
        raise address.missing()
    exchange.security.require(exchange.actor, "Read", address.table, row)
    rights = exchange.security.access_rights(_actor(user_id, user), address.table, row)
    return exchange.json(
        {
            "@odata.context": f"{exchange.root}$metadata#Microsoft.Dynamics.CRM.RetrievePrincipalAccessResponse",
            "AccessRights": ", ".join(rights) or "None",
        }
    )


def retrieve_user_privileges(exchange: Exchange, user_id: UUID, arguments: Mapping[str, Any]) -> Response:
    """Every privilege that a user's roles hold."""
    return _role_privileges(exchange, user_id, arguments, "RetrieveUserPrivileges", None)


def retrieve_user_privilege_by_name(
    exchange: Exchange, user_id: UUID, arguments: Mapping[str, Any]
) -> Response:
    """The privilege of that name, if a user holds it: a list of one, or of none."""
    name = arguments.get("PrivilegeName")
    if not isinstance(name, str):
        raise errors.invalid_request(
            "RetrieveUserPrivilegeByPrivilegeName needs the parameter PrivilegeName."
        )
    return _role_privileges(exchange, user_id, arguments, "RetrieveUserPrivilegeByPrivilegeName", [name])


def retrieve_user_set_of_privileges(
    exchange: Exchange, user_id: UUID, arguments: Mapping[str, Any]
) -> Response:
    """Those of these privileges that a user holds."""
    names = arguments.get("PrivilegeNames")
    if not isinstance(names, list):
        raise errors.invalid_request("RetrieveUserSetOfPrivilegesByNames needs the parameter PrivilegeNames.")
    return _role_privileges(
        exchange, user_id, arguments, "RetrieveUserSetOfPrivilegesByNames", [str(name) for name in names]
    )


def _role_privileges(
    exchange: Exchange,
    user_id: UUID,
    arguments: Mapping[str, Any],
    function: str,
    names: list[str] | None,
) -> Response:
    exchange.require_method("GET")
    unknown = arguments.keys() - {"PrivilegeName", "PrivilegeNames"}
    if unknown:
        raise errors.invalid_request(f"{function} has no parameter {', '.join(sorted(unknown))}.")
    security, schema = exchange.security, exchange.store.schema
    users = schema.table("systemuser")
    user = exchange.store.get(users, user_id)
    if user is None:
        raise errors.not_found("systemuser", user_id)
    security.require(exchange.actor, "Read", users, user)
    security.require(exchange.actor, "Read", schema.table("organization"))
    held = security.held(_actor(user_id, user), names)
    return exchange.json(
        {
            "@odata.context": f"{exchange.root}$metadata#Microsoft.Dynamics.CRM.{function}Response",
            "RolePrivileges": [
                {
                    "Depth": depth,
                    "PrivilegeId": str(uuid5(_PRIVILEGES, name.lower())),
                    "BusinessUnitId": str(user["businessunitid"]),
                    "PrivilegeName": name,
                    "RecordFilterId": str(UUID(int=0)),
                    "RecordFilterUniqueName": "",
                }
                for name, depth in held.items()
            ],
        }
    )


ON_USERS: dict[str, Callable[[Exchange, UUID, Mapping[str, Any]], Response]] = {
    "RetrievePrincipalAccess": retrieve_principal_access,
    "RetrieveUserPrivileges": retrieve_user_privileges,
    "RetrieveUserPrivilegeByPrivilegeName": retrieve_user_privilege_by_name,
    "RetrieveUserSetOfPrivilegesByNames": retrieve_user_set_of_privileges,
}
"""Functions bound to a user."""


def send_email(exchange: Exchange, row_id: UUID) -> Response:
    """Marks a draft as sent; ApiError when it lacks a sender, a recipient or an address, or was sent before."""
    exchange.require_method("POST")
    given = exchange.body()
    if not isinstance(given.get("IssueSend"), bool):
        raise errors.bad_payload("SendEmail needs the parameter IssueSend, true or false.")
    if given.keys() - {"IssueSend", "TrackingToken"}:
        raise errors.bad_payload("SendEmail takes the parameters IssueSend and TrackingToken.")
    store, table = exchange.store, exchange.store.schema.table(EMAIL)
    email = store.get(table, row_id)
    if email is None:
        raise errors.not_found(EMAIL, row_id)
    exchange.security.require(exchange.actor, "Write", table, email)
    Mail(store).check(email, exchange.actor, exchange.security)
    token = given.get("TrackingToken") or email["trackingtoken"]
    now = store.clock.now().replace(microsecond=0)
    with store.transaction():
        exchange.rows.update(exchange.actor, table, row_id, {"statecode": 1, "statuscode": SENT})
        store.update(table, row_id, {"senton": now, "actualend": now, "trackingtoken": token})
    return exchange.json(
        {
            "@odata.context": f"{exchange.root}$metadata#Microsoft.Dynamics.CRM.SendEmailResponse",
            "Subject": email["subject"],
        }
    )


def create_multiple(exchange: Exchange, table: Table) -> Response:
    with exchange.store.transaction():
        ids = [exchange.rows.create(exchange.actor, table, target) for target in _targets(exchange, table)]
    return exchange.json(
        {
            "@odata.context": f"{exchange.root}$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse",
            "Ids": [str(one) for one in ids],
        }
    )


def update_multiple(exchange: Exchange, table: Table) -> Response:
    with exchange.store.transaction():
        for target in _targets(exchange, table):
            row_id = target.get(table.primary_key)
            if row_id is None:
                raise errors.bad_payload(f"Each target needs its {table.primary_key}.")
            exchange.rows.update(exchange.actor, table, _guid(table, row_id), target)
    return exchange.no_content()


def upsert_multiple(exchange: Exchange, table: Table) -> Response:
    with exchange.store.transaction():
        for target in _targets(exchange, table):
            address = read_reference(
                exchange.store.schema, SERVICE_PATH, _target_address(exchange, target, table)
            )
            row_id = address.find(exchange.store)
            if row_id is not None:
                exchange.rows.update(exchange.actor, table, row_id, target, found_by=address.key)
            else:
                exchange.rows.create(exchange.actor, table, target, address)
    return exchange.no_content()


def bulk_delete(exchange: Exchange) -> Response:
    """Deletes at once what a job would delete soon; the answer names a job as the platform does."""
    exchange.require_method("POST")
    schema = exchange.store.schema
    for query in exchange.body().get("QuerySet", []):
        table = schema.tables.get(str(query.get("EntityName")))
        if table is None:
            raise errors.invalid_request(f"There is no table {query.get('EntityName')!r}.")
        for condition in query.get("Criteria", {}).get("Conditions", []):
            if condition.get("AttributeName") != table.primary_key or condition.get("Operator") not in {
                "In",
                "Equal",
            }:
                raise errors.invalid_request("BulkDelete here takes conditions on the primary key only.")
            for value in condition.get("Values", []):
                row_id = _guid(table, value.get("Value") if isinstance(value, dict) else value)
                if exchange.store.get(table, row_id) is not None:
                    exchange.rows.delete(exchange.actor, table, row_id)
    context = f"{exchange.root}$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse"
    return exchange.json({"@odata.context": context, "JobId": str(uuid4())})


ON_COLLECTIONS: dict[str, Callable[[Exchange, Table], Response]] = {
    "CreateMultiple": create_multiple,
    "UpdateMultiple": update_multiple,
    "UpsertMultiple": upsert_multiple,
}
"""Actions bound to an entity set."""


def _targets(exchange: Exchange, table: Table) -> list[dict[str, Any]]:
    exchange.require_method("POST")
    targets = exchange.body().get("Targets")
    if not isinstance(targets, list):
        raise errors.bad_payload("The parameter Targets must be a list.")
    for target in targets:
        if not isinstance(target, dict) or not str(target.get("@odata.type", "")).endswith(
            f"Microsoft.Dynamics.CRM.{table.name}"
        ):
            raise errors.bad_payload(f"Each target needs the @odata.type {_TYPE[1:]}{table.name}.")
    return targets


def _target_address(exchange: Exchange, target: Mapping[str, Any], table: Table | None = None) -> str:
    """`@odata.id`, or `@odata.type` with the primary key as a property."""
    if "@odata.id" in target:
        return str(target["@odata.id"])
    named = table or exchange.store.schema.tables.get(str(target.get("@odata.type", "")).rpartition(".")[2])
    if named is None or named.primary_key not in target:
        raise errors.bad_payload(
            "The target has neither an @odata.id nor an @odata.type with its primary key."
        )
    return f"{named.entity_set}({target[named.primary_key]})"


def _guid(table: Table, value: Any) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise errors.wrong_type(table.primary_key, "Edm.Guid", value) from None


def _actor(user_id: UUID, user: Row) -> Actor:
    unit, name = user["businessunitid"], str(user["fullname"] or "")
    return Actor(user_id, name, unit if isinstance(unit, UUID) else UUID(int=0), user_id, name)


def _json_or_text(text: str) -> Any:
    try:
        return payload.loads(text.encode())
    except errors.ApiError:
        return text
