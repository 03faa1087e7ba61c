"""What the browser needs to build a command bar: the ribbon XML as it ships, and the facts that its rules ask for."""

from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element, tostring

from sandbox.crm.identity import Actor
from sandbox.crm.schema import Schema, Table
from sandbox.crm.security import Security, privilege_name

_WEB = "$webresource:"
_ADMINISTRATORS_DEPTH = 4


class CommandBars:
    def __init__(self, schema: Schema, security: Security) -> None:
        self._schema = schema
        self._security = security

    def of(self, tables: Iterable[Table], actor: Actor) -> dict[str, Any]:
        """Ribbon text by table, depth of every privilege that a rule names, and each library with what loads before it."""
        shown = {table.name: table for table in tables}
        ribbons = {name: self._schema.ribbons[name] for name in shown if name in self._schema.ribbons}
        libraries = {name for ribbon in ribbons.values() for name in _libraries(ribbon)}
        held: dict[str, int] = {}
        for ribbon in ribbons.values():
            held |= self._privileges(ribbon, shown.values(), actor)
        return {
            "ribbons": {name: tostring(ribbon, encoding="unicode") for name, ribbon in ribbons.items()},
            "privileges": held,
            "libraries": {name: self._with_dependencies(name) for name in sorted(libraries)},
        }

    def _privileges(self, ribbon: Element, shown: Iterable[Table], actor: Actor) -> dict[str, int]:
        """By `Create cfl_maycharge` for a table's, by its own name for another one."""
        held: dict[str, int] = {}
        for rule in (*ribbon.iter("EntityPrivilegeRule"), *ribbon.iter("RecordPrivilegeRule")):
            verb, entity = rule.get("PrivilegeType", ""), rule.get("EntityName", "")
            for table in shown if not entity else [self._schema.tables.get(entity)]:
                if table is not None:
                    held[f"{verb} {table.name}"] = self._depth(actor, privilege_name(verb, table))
        for rule in ribbon.iter("MiscellaneousPrivilegeRule"):
            name = rule.get("PrivilegeName", "")
            held[name] = self._depth(actor, name if name.startswith("prv") else f"prv{name}")
        return held

    def _depth(self, actor: Actor, privilege: str) -> int:
        if self._security.is_administrator(actor):
            return _ADMINISTRATORS_DEPTH
        return self._security.privileges(actor).get(privilege.lower(), 0)

    def _with_dependencies(self, name: str) -> list[str]:
        resource = self._schema.web_resources.get(name)
        before = resource.dependencies if resource else ()
        order = [library for each in before for library in self._with_dependencies(each)]
        return [*dict.fromkeys([*order, name])]


def _libraries(ribbon: Element) -> Iterable[str]:
    for call in (*ribbon.iter("JavaScriptFunction"), *ribbon.iter("CustomRule")):
        library = call.get("Library", "")
        if library.startswith(_WEB):
            yield library.removeprefix(_WEB)
