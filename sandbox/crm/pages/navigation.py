"""The app around a page: its site map, as far as the signed-in user may read what it leads to."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from sandbox.crm.identity import Actor
from sandbox.crm.pages import shown
from sandbox.crm.schema import Schema
from sandbox.crm.security import Security, privilege_name


@dataclass(frozen=True)
class Entry:
    label: str
    href: str
    current: bool


@dataclass(frozen=True)
class Group:
    label: str
    entries: list[Entry]


@dataclass(frozen=True)
class Area:
    label: str
    groups: list[Group]


class Navigation:
    """Reads the site map of the first app of the solution."""

    def __init__(self, schema: Schema, security: Security) -> None:
        self._schema = schema
        self._security = security
        self.app_name = schema.apps[0].label if schema.apps else "Sandbox"

    def areas(self, actor: Actor, current: str = "") -> list[Area]:
        """Areas with at least one entry; `current` is the table that is on show."""
        site_map = self._schema.site_maps[0].xml if self._schema.site_maps else Element("SiteMap")
        areas = []
        for area in site_map.iter("Area"):
            groups = [
                Group(_title(group), entries)
                for group in area.iter("Group")
                if (entries := self._entries(group, actor, current))
            ]
            if groups:
                areas.append(Area(_title(area), groups))
        return areas

    def start(self, actor: Actor) -> str:
        """Where the app opens: the first entry that the user may read."""
        return next(
            (entry.href for area in self.areas(actor) for group in area.groups for entry in group.entries), ""
        )

    def _entries(self, group: Element, actor: Actor, current: str) -> list[Entry]:
        entries = []
        for sub_area in group.iter("SubArea"):
            table = self._schema.tables.get(sub_area.get("Entity", ""))
            if table and self._security.has_privilege(actor, privilege_name("Read", table)):
                label = _title(sub_area) or table.plural
                entries.append(Entry(label, shown.list_address(table.name), table.name == current))
        return entries


def _title(element: Element) -> str:
    title = element.find("Titles/Title")
    return "" if title is None else title.get("Title", "")
