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

    def of(self, table: Table, actor: Actor) -> dict[str, Any]:
        """Ribbon text, depth of every privilege that a rule names, and each library with what loads before it."""
        ribbon = self._schema.ribbons.get(table.name)
        if ribbon is None:
            return {"ribbon": "", "privileges": {}, "libraries": {}}
        return {
            "ribbon": tostring(ribbon, encoding="unicode"),
            "privileges": self._privileges(ribbon, actor),
            "libraries": {name: self._with_dependencies(name) for name in _libraries(ribbon)},
        }

    def _privileges(self, ribbon: Element, actor: Actor) -> dict[str, int]:
        held = {}
        for rule in ribbon.iter("EntityPrivilegeRule"):
            entity, verb = rule.get("EntityName", ""), rule.get("PrivilegeType", "")
            table = self._schema.tables.get(entity)
            if table is not None:
                depth = self._security.privileges(actor).get(privilege_name(verb, table).lower(), 0)
                held[f"{verb} {entity}"] = (
                    _ADMINISTRATORS_DEPTH if self._security.is_administrator(actor) else depth
                )
        return held

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
