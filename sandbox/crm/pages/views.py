"""Lists of rows: which views a table offers, and one page of one of them as a grid."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID
from xml.etree.ElementTree import Element, SubElement, tostring

from sandbox.crm.pages import columnfilters, shown
from sandbox.crm.pages.columnfilters import Filter
from sandbox.crm.pages.reads import ApiRow, Condition, Reads, RefusedError, narrowed
from sandbox.crm.pages.shown import Shown
from sandbox.crm.schema import Column, Kind, Relationship, Schema, Table, View

PUBLIC, ASSOCIATED, QUICK_FIND = 0, 2, 4
MAIN, RELATED = "main", "related"
FILTER = "f."
"""Before a column's name: what its filter holds, in the address of a list."""


@dataclass(frozen=True)
class Heading:
    column: str
    label: str
    numeric: bool
    href: str
    """Sorts by this column, or turns the order round; empty for a column of a linked table."""
    sorted: str
    """ascending, descending or empty."""
    filter: str = ""
    """What its filter holds."""
    complaint: str = ""
    """Why the filter narrows nothing."""
    hint: str = ""


@dataclass(frozen=True)
class Line:
    id: UUID
    href: str
    cells: list[Shown]

    @property
    def name(self) -> str:
        return self.cells[0].text if self.cells else str(self.id)


@dataclass(frozen=True)
class Grid:
    """A list of rows: a whole page's (`id` is "main"), a Related list ("related") or a sub-grid of a form."""

    id: str
    label: str
    table: Table
    headings: list[Heading]
    lines: list[Line]
    address: str
    """Answers with this grid alone, as it stands."""
    fetch_xml: str = ""
    view: View | None = None
    relationship: str = ""
    page: int = 1
    size: int = 50
    total: int = 0
    uncounted: bool = False
    previous: str = ""
    next: str = ""
    unfiltered: str = ""
    """Where it is without the filters it has."""
    all: str = ""
    """Of a grid inside a form that holds more rows: where all of them are."""
    new: str = ""
    """Where a row is added to it, for who may."""
    refusal: str = ""
    """Why it shows nothing."""
    commands: bool = True
    """Whether it has a command bar of its own."""

    @property
    def main(self) -> bool:
        return self.id == MAIN

    @property
    def count(self) -> str:
        if not self.lines:
            return "0 rows"
        first = (self.page - 1) * self.size + 1
        total = f"{self.total}{'+' if self.uncounted else ''}"
        return f"{first} - {first + len(self.lines) - 1} of {total}"

    @property
    def filtered(self) -> bool:
        return any(heading.filter for heading in self.headings)

    def for_script(self) -> dict[str, Any]:
        """What the client API's GridControl is made of."""
        return {
            "id": self.id,
            "table": self.table.name,
            "typeCode": self.table.object_type_code,
            "type": 1 if self.main else 2,
            "view": {"id": str(self.view.id), "name": self.view.name} if self.view else None,
            "relationship": self.relationship,
            "fetchXml": self.fetch_xml,
            "total": -1 if self.uncounted else self.total,
            "address": self.address,
            "rows": [{"id": str(line.id), "name": line.name} for line in self.lines],
        }


@dataclass(frozen=True)
class Wish:
    """What a reader asks of a list."""

    view: UUID | None = None
    search: str = ""
    sort: str = ""
    descending: bool = False
    page: int = 1
    filters: Mapping[str, str] = field(default_factory=dict)
    """Column and what was typed into its filter."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wish":
        page = query.get("page", "")
        return cls(
            _guid(query.get("viewid", "")),
            query.get("search", "").strip(),
            query.get("sort", ""),
            query.get("desc") == "1",
            int(page) if page.isdigit() and len(page) < 9 and int(page) else 1,
            {
                name.removeprefix(FILTER): text.strip()
                for name, text in query.items()
                if name.startswith(FILTER) and text.strip()
            },
        )

    def kept(self, *, filters: bool = True, sorting: bool = True) -> dict[str, str]:
        """What an address says to wish for the same again, from the first page on."""
        kept = {"search": self.search} if self.search else {}
        if filters:
            kept |= {f"{FILTER}{name}": text for name, text in self.filters.items()}
        if sorting and self.sort:
            kept |= {"sort": self.sort, "desc": "1" if self.descending else "0"}
        return kept


@dataclass(frozen=True)
class Place:
    """Where a grid stands: on a page of its own, or below a record."""

    id: str = "main"
    label: str = ""
    size: int = 50
    relationship: Relationship | None = None
    parent: UUID | None = None

    @classmethod
    def of(cls, schema: Schema, table: Table, query: Mapping[str, str]) -> "Place":
        """As a grid's own address tells it; RefusedError when that makes no sense."""
        name, size = query.get("relationship", ""), query.get("size", "")
        if not name:
            return cls()
        found = next((each for each in schema.relationships if each.name == name), None)
        parent = _guid(query.get("parentid", ""))
        if found is None or found.child != table.name or parent is None or not size.isdigit():
            raise RefusedError(404, "There is no such list.")
        return cls(query.get("grid", ""), query.get("label", ""), min(int(size) or 1, 250), found, parent)

    def address(self, table: Table, view: View, wish: dict[str, str]) -> str:
        """Of the grid alone."""
        below = {}
        if self.relationship is not None:
            below = {
                "grid": self.id,
                "label": self.label,
                "size": str(self.size),
                "relationship": self.relationship.name,
                "parentid": str(self.parent),
            }
        return shown.grid_address(table.name, viewid=str(view.id), **below, **wish)

    def go(self, table: Table, view: View, wish: dict[str, str]) -> str:
        """Where a link of the grid leads: a page with it, or the grid itself when that stands inside a page."""
        if self.relationship is None:
            return shown.list_address(table.name, viewid=str(view.id), **wish)
        return self.address(table, view, wish)


class Views:
    """The views that the solution ships for each table."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._in_apps = [
            UUID(component.get("id", "").strip("{}"))
            for app in schema.apps
            for component in app.xml.iter("AppModuleComponent")
            if component.get("type") == "26"
        ]

    def offered(self, table: Table) -> list[View]:
        """Public views, the default one first, then as the app orders them, then by name."""
        views = [
            view for view in self._schema.views if view.table == table.name and view.query_type == PUBLIC
        ]
        return sorted(views, key=self._rank) or [_made_up(table)]

    def chosen(self, table: Table, view_id: UUID | None) -> View:
        """The view with that id, whatever its kind; else the default one."""
        found = next(
            (view for view in self._schema.views if view.id == view_id and view.table == table.name), None
        )
        return found or self.offered(table)[0]

    def associated(self, table: Table) -> View:
        """What Related lists show."""
        views = self._schema.views
        return next(
            (view for view in views if view.table == table.name and view.query_type == ASSOCIATED),
            self.offered(table)[0],
        )

    def grid(
        self, reads: Reads, table: Table, view: View, wish: Wish, place: Place | None = None, new: str = ""
    ) -> Grid:
        """One page of a list, with the way to the next ones. `new` is where a row is added, for who may."""
        at = place or Place(label=view.name)
        below = at.relationship
        # The lookup to the parent, and what is read through it, would say the same in every row.
        columns = self._columns(table, view, without=below.column if below else "")
        known = table.columns | {column.name: column for column in columns}
        filters = {
            name: columnfilters.read(self._schema, reads, table, known[name], text)
            for name, text in wish.filters.items()
            if name in known
        }
        conditions = [Condition(below.column, "eq", (str(at.parent),))] if below else []
        query = narrowed(
            view.fetch,
            order=(wish.sort, wish.descending) if wish.sort in table.columns else None,
            conditions=[*conditions, *(each for one in filters.values() for each in one.conditions)],
            any_of=self._search(table, view, wish.search) if wish.search else (),
        )
        grid = Grid(
            at.id,
            at.label or table.plural,
            table,
            [self._heading(table, view, column, wish, at, filters.get(column.name)) for column in columns],
            [],
            at.address(table, view, wish.kept() | {"page": str(wish.page)}),
            tostring(query, encoding="unicode"),
            view,
            below.name if below else "",
            wish.page,
            at.size,
            unfiltered=at.go(table, view, wish.kept(filters=False)),
            new=new,
        )
        try:
            sheet = reads.sheet(table, query, page=wish.page, size=at.size)
        except RefusedError as refused:
            if below is None or refused.status != 403:
                raise
            return replace(
                grid, new="", refusal=f"You don’t have permission to see {table.plural.lower()} here."
            )

        def turned(page: int) -> str:
            return at.go(table, view, wish.kept() | {"page": str(page)})

        everything = (
            shown.record_address(below.parent, at.parent, related=below.name)
            if below and at.parent and sheet.more and at.id != RELATED
            else ""
        )
        return replace(
            grid,
            lines=self._lines(table, columns, sheet.rows),
            total=max(sheet.total, 0),
            uncounted=sheet.uncounted,
            previous=turned(wish.page - 1) if wish.page > 1 else "",
            next=turned(wish.page + 1) if sheet.more else "",
            all=everything,
        )

    def _rank(self, view: View) -> tuple[bool, int, str]:
        place = self._in_apps.index(view.id) if view.id in self._in_apps else len(self._in_apps)
        return not view.is_default, place, view.name

    def _heading(
        self, table: Table, view: View, column: Column, wish: Wish, place: Place, filter_: Filter | None
    ) -> Heading:
        own = view.fetch.find("entity/order")
        by, descending = (
            (own.get("attribute", ""), own.get("descending") == "true") if own is not None else ("", False)
        )
        if wish.sort in table.columns:
            by, descending = wish.sort, wish.descending
        direction = ("descending" if descending else "ascending") if column.name == by else ""
        turned = {"sort": column.name, "desc": "1" if direction == "ascending" else "0"}
        sorts = column.name in table.columns
        return Heading(
            column.name,
            column.label,
            column.kind in shown.NUMERIC,
            place.go(table, view, wish.kept(sorting=False) | turned) if sorts else "",
            direction,
            filter_.text if filter_ else "",
            filter_.complaint if filter_ else "",
            columnfilters.hint(column),
        )

    def _lines(self, table: Table, columns: list[Column], rows: list[ApiRow]) -> list[Line]:
        lines = []
        for row in rows:
            row_id = UUID(str(row[table.primary_key]))
            cells = [shown.value(self._schema, table, column, row) for column in columns]
            file = table.name in shown.FILE_TYPES
            href = (shown.file_address if file else shown.record_address)(table.name, row_id)
            lines.append(Line(row_id, href, cells))
        return lines

    def _search(self, table: Table, view: View, words: str) -> list[Condition]:
        """The columns of the quick find view; a table without one is searched in the texts that the list shows."""
        quick_find = next(
            (
                each
                for each in self._schema.views
                if each.table == table.name and each.query_type == QUICK_FIND
            ),
            None,
        )
        columns = (
            [
                condition.get("attribute", "")
                for group in quick_find.fetch.iter("filter")
                if group.get("isquickfindfields") == "1"
                for condition in group.iter("condition")
            ]
            if quick_find
            else [column.name for column in self._columns(table, view) if column.kind is Kind.STRING]
        )
        return [Condition(column, "like", (f"%{words.replace('*', '%')}%",)) for column in columns]

    def _columns(self, table: Table, view: View, without: str = "") -> list[Column]:
        """What the cells show: columns of the table, and `alias.column` of the tables that the fetch links to."""
        known = {name: column for name, column in table.columns.items() if name != without}
        for link in view.fetch.findall("entity/link-entity"):
            if link.get("to") == without:
                continue
            linked, lookup = self._schema.table(link.get("name", "")), table.columns.get(link.get("to", ""))
            for name in (each.get("name", "") for each in link.findall("attribute")):
                column = linked.columns[name]
                label = f"{column.label} ({lookup.label})" if lookup else column.label
                alias = f"{link.get('alias')}.{name}"
                known[alias] = replace(column, name=alias, label=label)
        names = [cell.get("name", "") for cell in view.layout.iter("cell")]
        return [known[name] for name in names if name in known]


_LISTED = {
    "email": ("subject", "regardingobjectid", "torecipients", "statuscode", "attachmentcount", "senton"),
    "activitymimeattachment": ("filename", "filesize", "mimetype"),
    "annotation": ("filename", "subject", "notetext", "filesize", "createdon"),
}
"""Columns of the platform's own views, newest rows first."""


def _made_up(table: Table) -> View:
    """A table of the platform for which the solution ships no view: its name and when it was made."""
    names = _LISTED.get(table.name, (table.primary_name, "createdon"))
    columns = [name for name in names if name in table.columns] or [table.primary_key]
    fetch = Element("fetch", {"version": "1.0", "mapping": "logical"})
    entity = SubElement(fetch, "entity", {"name": table.name})
    layout = Element("grid")
    row = SubElement(layout, "row")
    for name in dict.fromkeys([table.primary_key, *columns]):
        SubElement(entity, "attribute", {"name": name})
    newest = table.name in _LISTED
    by = "createdon" if newest else columns[0]
    SubElement(entity, "order", {"attribute": by, "descending": "true" if newest else "false"})
    for name in columns:
        SubElement(row, "cell", {"name": name})
    return View(UUID(int=0), table.name, f"All {table.plural}", PUBLIC, True, fetch, layout)


def _guid(text: str) -> UUID | None:
    try:
        return UUID(text.strip("{}"))
    except ValueError:
        return None
