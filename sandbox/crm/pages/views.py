"""Lists of rows: which views a table offers, and one page of one of them as a grid."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID
from xml.etree.ElementTree import Element, SubElement

from sandbox.crm.pages import shown
from sandbox.crm.pages.reads import ApiRow, Condition, Reads
from sandbox.crm.pages.shown import Shown
from sandbox.crm.schema import Column, Kind, Relationship, Schema, Table, View

PUBLIC, ASSOCIATED, QUICK_FIND = 0, 2, 4
_PAGE = 50


@dataclass(frozen=True)
class Heading:
    column: str
    label: str
    numeric: bool
    href: str
    """Sorts by this column, or turns the order round."""
    sorted: str
    """ascending, descending or empty."""


@dataclass(frozen=True)
class Line:
    id: UUID
    href: str
    cells: list[Shown]


@dataclass(frozen=True)
class Grid:
    label: str
    headings: list[Heading]
    lines: list[Line]
    page: int = 1
    first: int = 1
    previous: str = ""
    next: str = ""
    all: str = ""
    """Of a grid inside a form that holds more rows: where all of them are."""

    @property
    def count(self) -> str:
        if not self.lines:
            return "0 rows"
        return f"{self.first} - {self.first + len(self.lines) - 1}{' of many' if self.next else ''}"


@dataclass(frozen=True)
class Wish:
    """What a reader asks of a list."""

    view: UUID | None = None
    search: str = ""
    sort: str = ""
    descending: bool = False
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wish":
        page = query.get("page", "")
        return cls(
            _guid(query.get("viewid", "")),
            query.get("search", "").strip(),
            query.get("sort", ""),
            query.get("desc") == "1",
            int(page) if page.isdigit() and int(page) else 1,
        )


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

    def grid(self, reads: Reads, table: Table, view: View, wish: Wish) -> Grid:
        """One page of a list, with the way to the next ones."""
        columns = _columns(table, view)
        sheet = reads.sheet(
            table,
            view.fetch,
            page=wish.page,
            size=_PAGE,
            order=(wish.sort, wish.descending) if wish.sort in table.columns else None,
            any_of=self._search(table, view, wish.search) if wish.search else (),
        )
        kept = {"viewid": str(view.id)} | ({"search": wish.search} if wish.search else {})
        sorting = {"sort": wish.sort, "desc": "1" if wish.descending else "0"} if wish.sort else {}

        def at(page: int) -> str:
            return shown.list_address(table.name, **kept, **sorting, page=str(page))

        return Grid(
            view.name,
            self._headings(table, view, columns, wish, kept),
            self._lines(table, columns, sheet.rows),
            wish.page,
            (wish.page - 1) * _PAGE + 1,
            at(wish.page - 1) if wish.page > 1 else "",
            at(wish.page + 1) if sheet.more else "",
        )

    def related(
        self,
        reads: Reads,
        relationship: Relationship,
        parent: UUID,
        *,
        view: View | None = None,
        size: int = _PAGE,
    ) -> Grid:
        """The children of one row, as a sub-grid or a Related list shows them."""
        child = self._schema.table(relationship.child)
        layout = view or self.associated(child)
        # The lookup to the parent would say the same in every row.
        columns = [column for column in _columns(child, layout) if column.name != relationship.column]
        condition = Condition(relationship.column, "eq", str(parent))
        sheet = reads.sheet(child, layout.fetch, size=size, conditions=[condition])
        return Grid(
            child.plural,
            self._headings(child, layout, columns, Wish(), None),
            self._lines(child, columns, sheet.rows),
            all=shown.record_address(relationship.parent, parent, related=relationship.name)
            if sheet.more
            else "",
        )

    def _rank(self, view: View) -> tuple[bool, int, str]:
        place = self._in_apps.index(view.id) if view.id in self._in_apps else len(self._in_apps)
        return not view.is_default, place, view.name

    def _headings(
        self, table: Table, view: View, columns: list[Column], wish: Wish, kept: Mapping[str, str] | None
    ) -> list[Heading]:
        own = view.fetch.find("entity/order")
        by_view = (
            (own.get("attribute", ""), own.get("descending") == "true") if own is not None else ("", False)
        )
        by, descending = (wish.sort, wish.descending) if wish.sort in table.columns else by_view
        headings = []
        for column in columns:
            direction = ("descending" if descending else "ascending") if column.name == by else ""
            turned = "1" if direction == "ascending" else "0"
            href = (
                "" if kept is None else shown.list_address(table.name, **kept, sort=column.name, desc=turned)
            )
            numeric = column.kind in shown.NUMERIC
            headings.append(Heading(column.name, column.label, numeric, href, direction))
        return headings

    def _lines(self, table: Table, columns: list[Column], rows: list[ApiRow]) -> list[Line]:
        lines = []
        for row in rows:
            row_id = UUID(str(row[table.primary_key]))
            cells = [shown.value(self._schema, table, column, row) for column in columns]
            lines.append(Line(row_id, shown.record_address(table.name, row_id), cells))
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
            else [column.name for column in _columns(table, view) if column.kind is Kind.STRING]
        )
        return [Condition(column, "like", f"%{words.replace('*', '%')}%") for column in columns]


def _columns(table: Table, view: View) -> list[Column]:
    names = [cell.get("name", "") for cell in view.layout.iter("cell")]
    return [table.columns[name] for name in names if name in table.columns]


def _made_up(table: Table) -> View:
    """A table of the platform for which the solution ships no view: its name and when it was made."""
    columns = [name for name in (table.primary_name, "createdon") if name in table.columns] or [
        table.primary_key
    ]
    fetch = Element("fetch", {"version": "1.0", "mapping": "logical"})
    entity = SubElement(fetch, "entity", {"name": table.name})
    layout = Element("grid")
    row = SubElement(layout, "row")
    for name in dict.fromkeys([table.primary_key, *columns]):
        SubElement(entity, "attribute", {"name": name})
    SubElement(entity, "order", {"attribute": columns[0], "descending": "false"})
    for name in columns:
        SubElement(row, "cell", {"name": name})
    return View(UUID(int=0), table.name, f"All {table.plural}", PUBLIC, True, fetch, layout)


def _guid(text: str) -> UUID | None:
    try:
        return UUID(text.strip("{}"))
    except ValueError:
        return None
