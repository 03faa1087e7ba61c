"""What a user may do: privileges with their depth, from the roles that ship in the solution and two stock ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sandbox.crm import errors
from sandbox.crm.errors import ApiError
from sandbox.crm.identity import Actor
from sandbox.crm.schema import Role, Schema, Table
from sandbox.crm.store import Store

SYSTEM_ADMINISTRATOR = UUID("627090ff-40a3-4053-8790-584edc5be201")
BASIC_USER = UUID("119f245c-3cc8-4b62-b31c-d1a046ced15d")

_NONE, _BASIC, _LOCAL, _DEEP, _GLOBAL = range(5)
_DEPTHS = {"Basic": _BASIC, "Local": _LOCAL, "Deep": _DEEP, "Global": _GLOBAL}
_WITHOUT_APPEND = ("Read", "Write", "Create", "Delete", "Share", "Assign")
_VERBS = ("Read", "Write", "Append", "AppendTo", "Create", "Delete", "Share", "Assign")

# Tables whose privileges are not named after themselves.
_NAMED_AFTER = {
    "systemuser": "User",
    "invoicedetail": "Invoice",
    "email": "Activity",
    "activityparty": "Activity",
    "activitymimeattachment": "Activity",
    "annotation": "Note",
    "systemuserroles": "Role",
    "queryexpression": "Query",
    "savedquery": "Query",
}

# What the stock Basic User role lets everybody who signs in do: see who and where they are and what the platform is.
_BASIC_USER_READS = (
    "BusinessUnit",
    "CustomAPI",
    "CustomAPIRequestParameter",
    "CustomAPIResponseProperty",
    "Organization",
    "Product",
    "Query",
    "Role",
    "SavedQuery",
    "SdkMessage",
    "SdkMessageFilter",
    "Team",
    "TransactionCurrency",
    "User",
    "UserSettings",
)


@dataclass(frozen=True)
class Scope:
    """Which rows of a table a user may read: all of them, or those of these owners or these business units."""

    everything: bool
    owners: frozenset[UUID] = frozenset()
    business_units: frozenset[UUID] = frozenset()

    def covers(self, row: Mapping[str, Any]) -> bool:
        return (
            self.everything
            or row.get("ownerid") in self.owners
            or row.get("owningbusinessunit") in self.business_units
        )


def stock_roles() -> list[Role]:
    """The roles that every environment has; System Administrator needs no list of privileges."""
    reads = {f"prvRead{name}": "Global" for name in _BASIC_USER_READS}
    return [Role(SYSTEM_ADMINISTRATOR, "System Administrator", {}), Role(BASIC_USER, "Basic User", reads)]


class Security:
    """Answers from the rows of `systemuserroles` and the roles of the schema. System Administrator may do everything."""

    def __init__(self, schema: Schema, store: Store) -> None:
        self._schema = schema
        self._store = store
        self._roles = {role.id: role for role in [*stock_roles(), *schema.roles]}
        self._combined: dict[frozenset[UUID], dict[str, int]] = {}
        self._held: dict[UUID, frozenset[UUID]] = {}
        self._held_as_of: tuple[int, int] | None = None

    def actor(self, user_id: UUID, authenticated: Actor | None = None) -> Actor:
        """The user with that id, acting for itself or on behalf of another one; ApiError 404 or 403 (disabled)."""
        user = self._store.get(self._schema.table("systemuser"), user_id)
        if user is None:
            raise errors.not_found("systemuser", user_id)
        if user.get("isdisabled"):
            raise ApiError(
                403,
                "0x80040225",
                "The specified user is either disabled or not a member of the organization.",
            )
        full_name, business_unit = user["fullname"], user["businessunitid"]
        if not isinstance(full_name, str) or not isinstance(business_unit, UUID):
            raise errors.required_missing("businessunitid", "systemuser")
        return Actor(
            user_id=user_id,
            full_name=full_name,
            business_unit_id=business_unit,
            authenticated_as=authenticated.user_id if authenticated else user_id,
            authenticated_name=authenticated.full_name if authenticated else full_name,
        )

    def require(self, actor: Actor, verb: str, table: Table, row: Mapping[str, Any] | None = None) -> None:
        """Raises ApiError 403 0x80040220 unless `actor` holds prv{verb}{table}, deep enough for `row` where given.

        `verb`: Create, Read, Write, Delete, Append, AppendTo, Assign or Share.
        """
        depth = self._depth(actor, privilege_name(verb, table))
        if depth == _NONE:
            raise ApiError(
                403,
                "0x80040220",
                f"Principal user (Id={actor.user_id}, type=8, roleCount={len(self._roles_of(actor.user_id))}) is missing "
                f"{privilege_name(verb, table)} privilege for entity '{table.name}'. "
                f"context.Caller={actor.authenticated_as}",
            )
        if row is not None and not self._scope(actor, table, depth).covers(row):
            raise ApiError(
                403,
                "0x80040220",
                f"User with Id={actor.user_id} does not have {verb}Access right(s) for record with id "
                f"{row.get(table.primary_key)} of entity {table.name}.",
            )

    def scope(self, actor: Actor, table: Table) -> Scope:
        """Which rows a query of `actor` sees; raises ApiError 403 without any Read privilege."""
        self.require(actor, "Read", table)
        return self._scope(actor, table, self._depth(actor, privilege_name("Read", table)))

    def has_privilege(self, actor: Actor, privilege: str) -> bool:
        """Whether one of the actor's roles holds the privilege at any depth: `prvCreatecfl_maycharge`."""
        return self._depth(actor, privilege) > _NONE

    def is_administrator(self, actor: Actor) -> bool:
        return SYSTEM_ADMINISTRATOR in self._roles_of(actor.user_id)

    def access_rights(self, actor: Actor, table: Table, row: Mapping[str, Any]) -> list[str]:
        """For RetrievePrincipalAccess: ReadAccess, WriteAccess, AppendAccess, AppendToAccess, …"""
        rights = []
        for verb in _VERBS:
            depth = self._depth(actor, privilege_name(verb, table))
            if depth > _NONE and self._scope(actor, table, depth).covers(row):
                rights.append(f"{verb}Access")
        return rights

    def role_names(self, user_id: UUID) -> list[str]:
        return sorted(self._roles[role].name for role in self._roles_of(user_id) if role in self._roles)

    def privileges(self, actor: Actor) -> dict[str, int]:
        """Every privilege of the actor by its lower-case name, with its depth (1 Basic … 4 Global)."""
        roles = self._roles_of(actor.user_id)
        if roles not in self._combined:
            combined: dict[str, int] = {}
            for role_id in roles:
                for name, level in self._roles[role_id].privileges.items() if role_id in self._roles else ():
                    combined[name.lower()] = max(_DEPTHS[level], combined.get(name.lower(), _NONE))
            self._combined[roles] = combined
        return self._combined[roles]

    def held(self, actor: Actor, names: Iterable[str] | None = None) -> dict[str, str]:
        """Of these privileges (of all that any role names, without), those that the actor holds: name and depth."""
        known: dict[str, str] = {}
        for role in self._roles.values():
            known |= {name.lower(): name for name in role.privileges}
        for table in self._schema:
            for verb in _VERBS if table.append_rights else _WITHOUT_APPEND:
                known.setdefault(privilege_name(verb, table).lower(), privilege_name(verb, table))
        asked = known.values() if names is None else [known[n.lower()] for n in names if n.lower() in known]
        levels = {depth: level for level, depth in _DEPTHS.items()}
        return {name: levels[depth] for name in asked if (depth := self._depth(actor, name)) > _NONE}

    def _depth(self, actor: Actor, privilege: str) -> int:
        if self.is_administrator(actor):
            return _GLOBAL
        return self.privileges(actor).get(privilege.lower(), _NONE)

    def _roles_of(self, user_id: UUID) -> frozenset[UUID]:
        table = self._schema.table("systemuserroles")
        epoch = self._store.epoch(table)
        if epoch != self._held_as_of:
            self._held, self._held_as_of = {}, epoch
        held = self._held
        if user_id not in held:
            links = self._store.select(table, {"systemuserid": user_id})
            held[user_id] = frozenset(link["roleid"] for link in links if isinstance(link["roleid"], UUID))
        return held[user_id]

    def _scope(self, actor: Actor, table: Table, depth: int) -> Scope:
        if depth == _GLOBAL or not table.user_owned:
            return Scope(everything=True)
        units: Iterable[UUID] = ()
        if depth == _LOCAL:
            units = [actor.business_unit_id]
        elif depth == _DEEP:
            units = self._unit_and_below(actor.business_unit_id)
        return Scope(everything=False, owners=frozenset({actor.user_id}), business_units=frozenset(units))

    def _unit_and_below(self, unit: UUID) -> list[UUID]:
        table = self._schema.table("businessunit")
        below = self._store.select(table, {"parentbusinessunitid": unit})
        found = [unit]
        for child in below:
            if isinstance(child["businessunitid"], UUID):
                found += self._unit_and_below(child["businessunitid"])
        return found


def privilege_name(verb: str, table: Table) -> str:
    return f"prv{verb}{_NAMED_AFTER.get(table.name, table.schema_name)}"
