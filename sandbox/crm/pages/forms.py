"""A record on its form: the form XML of the solution filled with one row, and what the user may do to it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from xml.etree.ElementTree import Element, fromstring

from sandbox.crm.identity import Actor
from sandbox.crm.pages import fields, shown
from sandbox.crm.pages.fields import Field
from sandbox.crm.pages.reads import ApiRow, Reads
from sandbox.crm.pages.views import Grid, Views
from sandbox.crm.schema import Column, Form, Kind, Relationship, Schema, Table
from sandbox.crm.security import Security, privilege_name
from sandbox.crm.store import Store

CREATE, UPDATE, READ_ONLY, DISABLED = 1, 2, 3, 4
"""Form types as the client API counts them."""

_SHOWN_UNDER_RELATED = {"UseCollectionName", "UseLabel"}


@dataclass(frozen=True)
class Section:
    label: str
    show_label: bool
    cells: list[Field | Grid]


@dataclass(frozen=True)
class Tab:
    id: str
    label: str
    columns: list[tuple[str, list[Section]]]
    """Width and sections of each column."""


@dataclass(frozen=True)
class RelatedList:
    label: str
    href: str
    relationship: str


@dataclass
class RecordPage:
    table: Table
    title: str
    form_name: str
    form_type: int
    header: list[Field]
    tabs: list[Tab]
    row_id: UUID | None = None
    related: list[RelatedList] = field(default_factory=list)
    open_related: Grid | None = None
    """The Related list on show, instead of a tab."""
    notice: str = ""
    """Why nothing can be changed."""
    state_change: str = ""
    """Activate or Deactivate, where the user may."""
    columns: list[dict[str, Any]] = field(default_factory=list)
    """What the form script needs of each column on the form."""


class Forms:
    """The main forms that the solution ships for each table."""

    def __init__(self, schema: Schema, store: Store, security: Security, views: Views) -> None:
        self._schema = schema
        self._store = store
        self._security = security
        self._views = views
        self._in_apps = {
            UUID(component.get("id", "").strip("{}"))
            for app in schema.apps
            for component in app.xml.iter("AppModuleComponent")
            if component.get("type") == "60"
        }

    def new(self, table: Table, actor: Actor, reads: Reads) -> RecordPage:
        """An empty form. ApiError 403 when the user may not create rows of the table."""
        self._security.require(actor, "Create", table)
        form = self._form(table)
        page = RecordPage(table, f"New {table.label}", form.name, CREATE, [], [])
        _Filling(self._schema, self._views, reads, page, None).fill(form.xml)
        return page

    def open(self, table: Table, row_id: UUID, actor: Actor, reads: Reads, related: str = "") -> RecordPage:
        """The form over one row; `related` names the relationship whose list is on show."""
        row = reads.row(table, row_id)
        form = self._form(table)
        stored = self._store.get(table, row_id) or {}
        may_write = "WriteAccess" in self._security.access_rights(actor, table, stored)
        form_type, notice = self._editability(table, row, may_write=may_write)
        page = RecordPage(
            table, shown.name_of(table, row), form.name, form_type, [], [], row_id, notice=notice
        )
        if may_write and table.custom and "statecode" in row:
            page.state_change = "Deactivate" if row["statecode"] == 0 else "Activate"
        _Filling(self._schema, self._views, reads, page, row).fill(form.xml)
        listed = list(self._related(table, actor))
        page.related = [
            RelatedList(
                self._schema.table(each.child).plural,
                shown.record_address(table.name, row_id, related=each.name),
                each.name,
            )
            for each in listed
        ]
        chosen = next((each for each in listed if each.name == related), None)
        if chosen:
            page.open_related = self._views.related(reads, chosen, row_id)
        return page

    def _form(self, table: Table) -> Form:
        forms = [form for form in self._schema.forms if form.table == table.name and form.type == "main"]
        forms.sort(key=lambda form: (form.id not in self._in_apps, form.name))
        return forms[0] if forms else Form(UUID(int=0), table.name, "main", "Information", _made_up(table))

    def _editability(self, table: Table, row: ApiRow, *, may_write: bool) -> tuple[int, str]:
        state = row.get("statecode")
        if state in table.read_only_states or (table.custom and state == 1):
            label = shown.value(self._schema, table, table.columns["statecode"], row).text
            return DISABLED, f"Read-only: this record’s status is {label}."
        if not may_write:
            return READ_ONLY, "Read-only: your security roles let you look at this record but not change it."
        return UPDATE, ""

    def _related(self, table: Table, actor: Actor) -> Iterator[Relationship]:
        for relationship in table.children:
            child = self._schema.table(relationship.child)
            if relationship.related_menu in _SHOWN_UNDER_RELATED and self._security.has_privilege(
                actor, privilege_name("Read", child)
            ):
                yield relationship


class _Filling:
    """Walks through one form XML with one row in hand."""

    def __init__(
        self, schema: Schema, views: Views, reads: Reads, page: RecordPage, row: ApiRow | None
    ) -> None:
        self._schema = schema
        self._views = views
        self._reads = reads
        self._page = page
        self._row = row
        self._seen: set[str] = set()

    def fill(self, form: Element) -> None:
        self._page.header = [
            cell for cell in self._cells(form.find("form/header")) if isinstance(cell, Field)
        ]
        self._page.tabs = [self._tab(tab) for tab in form.findall("form/tabs/tab")]

    def _tab(self, tab: Element) -> Tab:
        columns = [
            (
                column.get("width", "100%"),
                [
                    Section(_label(section), section.get("showlabel") != "false", list(self._cells(section)))
                    for section in column.findall("sections/section")
                ],
            )
            for column in tab.findall("columns/column")
        ]
        return Tab(tab.get("name") or tab.get("id", "").strip("{}"), _label(tab), columns)

    def _cells(self, holder: Element | None) -> Iterator[Field | Grid]:
        for cell in holder.iter("cell") if holder is not None else ():
            control = cell.find("control")
            if control is None:
                continue
            if control.get("indicationOfSubgrid") == "true":
                grid = self._sub_grid(cell, control)
                if grid:
                    yield grid
            elif control.get("datafieldname") in self._page.table.columns:
                yield self._field(cell, control)

    def _field(self, cell: Element, control: Element) -> Field:
        table = self._page.table
        column = table.columns[control.get("datafieldname", "")]
        editable = self._editable(column, control)
        if column.name not in self._seen or editable:
            self._page.columns = [each for each in self._page.columns if each["name"] != column.name]
            self._page.columns.append(
                fields.for_script(self._schema, table, column, self._row, editable=editable)
            )
        self._seen.add(column.name)
        return fields.of(
            self._schema,
            table,
            column,
            self._row,
            control=control.get("id") or column.name,
            label=_label(cell) or column.label,
            editable=editable,
        )

    def _editable(self, column: Column, control: Element) -> bool:
        allowed = column.creatable if self._row is None else column.updatable
        form_allows = self._page.form_type in {CREATE, UPDATE} and control.get("disabled") != "true"
        return allowed and form_allows and column.kind not in {Kind.STATE, Kind.KEY}

    def _sub_grid(self, cell: Element, control: Element) -> Grid | None:
        parameters = control.find("parameters")
        if parameters is None or self._page.row_id is None:
            return None
        name = parameters.findtext("RelationshipName") or ""
        relationship = next((each for each in self._page.table.children if each.name == name), None)
        if relationship is None:
            return None
        child = self._schema.table(relationship.child)
        view_id = (parameters.findtext("ViewId") or "").strip("{}")
        view = self._views.chosen(child, UUID(view_id) if view_id else None)
        size = int(parameters.findtext("RecordsPerPage") or 10)
        grid = self._views.related(self._reads, relationship, self._page.row_id, view=view, size=size)
        return Grid(_label(cell) or grid.label, grid.headings, grid.lines, all=grid.all)


def _made_up(table: Table) -> Element:
    """A table of the platform for which the solution ships no form: every column, in one section."""
    rows = "".join(
        f'<row><cell><control id="{name}" datafieldname="{name}" disabled="true" /></cell></row>'
        for name, column in table.columns.items()
        if column.readable and column.kind is not Kind.KEY
    )
    return fromstring(  # noqa: S314 - made here
        '<systemform><form><tabs><tab name="general"><labels><label description="General" /></labels><columns>'
        f'<column width="100%"><sections><section showlabel="false"><rows>{rows}</rows></section></sections>'
        "</column></columns></tab></tabs></form></systemform>"
    )


def _label(element: Element) -> str:
    label = element.find("labels/label")
    return "" if label is None else label.get("description", "")
