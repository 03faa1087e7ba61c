"""A record on its form: the form XML of the solution filled with one row, and what the user may do to it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID
from xml.etree.ElementTree import Element, fromstring

from sandbox.crm.identity import Actor
from sandbox.crm.mail import EMAIL, FILES
from sandbox.crm.pages import fields, shown
from sandbox.crm.pages.fields import Field
from sandbox.crm.pages.reads import ApiRow, Reads, RefusedError
from sandbox.crm.pages.timeline import Timeline, timeline
from sandbox.crm.pages.views import RELATED, Grid, Place, Views, Wish
from sandbox.crm.schema import Column, Form, Kind, Relationship, Schema, Table
from sandbox.crm.security import Security, privilege_name
from sandbox.crm.store import Store

CREATE, UPDATE, READ_ONLY, DISABLED = 1, 2, 3, 4
"""Form types as the client API counts them."""

_TIMELINE = "{06375649-C143-495E-A496-C962E5B4488E}"
_QUICK_VIEW = "{5C5600E0-1D6E-4205-A272-BE80DA87FD42}"
_SHOWN_UNDER_RELATED = {"UseCollectionName", "UseLabel"}


Cell = Field | Grid | Timeline


@dataclass(frozen=True)
class Section:
    label: str
    show_label: bool
    cells: list[Cell]


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

    @property
    def grids(self) -> Iterator[Grid]:
        """Every list on it."""
        for tab in self.tabs:
            for _, sections in tab.columns:
                for section in sections:
                    yield from (cell for cell in section.cells if isinstance(cell, Grid))
        if self.open_related:
            yield self.open_related


@dataclass(frozen=True)
class Parent:
    """The record from whose list a new one is added, and the lookup that will point at it."""

    relationship: Relationship
    row: ApiRow


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

    def new(
        self, table: Table, actor: Actor, reads: Reads, relationship: str = "", parent: UUID | None = None
    ) -> RecordPage:
        """A form with nothing on it but the lookup to the record it was opened from, if any.

        ApiError 403 when the user may not create rows of the table.
        """
        self._security.require(actor, "Create", table)
        form = self._form(table)
        page = RecordPage(table, f"New {table.label}", form.name, CREATE, [], [])
        filling = _Filling(self._schema, self._views, reads, page, None, self._may_create(actor))
        found = next((each for each in self._schema.relationships if each.name == relationship), None)
        if found is not None and found.child == table.name and parent is not None:
            filling.parent = Parent(found, reads.row(self._schema.table(found.parent), parent))
        filling.fill(form.xml)
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
        may_create = self._may_create(actor)
        _Filling(self._schema, self._views, reads, page, row, may_create).fill(form.xml)
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
            child = self._schema.table(chosen.child)
            page.open_related = self._views.grid(
                reads,
                child,
                self._views.associated(child),
                Wish(),
                Place(RELATED, child.plural, relationship=chosen, parent=row_id),
                _new(chosen, row_id) if may_create(child) else "",
            )
        return page

    def _may_create(self, actor: Actor) -> Callable[[Table], bool]:
        return lambda table: self._security.has_privilege(actor, privilege_name("Create", table))

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
        self,
        schema: Schema,
        views: Views,
        reads: Reads,
        page: RecordPage,
        row: ApiRow | None,
        may_create: Callable[[Table], bool],
    ) -> None:
        self._schema = schema
        self._views = views
        self._reads = reads
        self._page = page
        self._row = row
        self._may_create = may_create
        self._seen: set[str] = set()
        self.parent: Parent | None = None
        """Of a new record: where it was opened from."""

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

    def _cells(self, holder: Element | None) -> Iterator[Cell]:
        for cell in holder.iter("cell") if holder is not None else ():
            control = cell.find("control")
            if control is None:
                continue
            if control.get("classid", "").upper() == _QUICK_VIEW:
                yield from self._quick_view(control)
            elif control.get("classid", "").upper() == _TIMELINE:
                if self._page.row_id is not None:
                    yield timeline(
                        self._schema, self._reads, self._page.table, self._page.row_id, _label(cell)
                    )
            elif control.get("indicationOfSubgrid") == "true":
                grid = self._sub_grid(cell, control)
                if grid:
                    yield grid
            elif control.get("datafieldname") in self._page.table.columns:
                yield self._field(cell, control)

    def _quick_view(self, control: Element) -> Iterator[Field | Grid]:
        """A quick view form of the row that a lookup points at: its fields and lists, to look at only."""
        column = self._page.table.columns.get(control.get("datafieldname", ""))
        found = self._row.get(column.property_name) if column and self._row else None
        if column is None or self._row is None or found is None:
            return
        target, row_id = self._schema.table(shown.target_of(column, self._row)), UUID(str(found))
        form = self._quick_form(control, target)
        if form is None:
            return
        try:
            row = self._reads.row(target, row_id)
        except RefusedError:
            return
        page = RecordPage(target, "", form.name, READ_ONLY, [], [], row_id)
        inner = _Filling(self._schema, self._views, self._reads, page, row, self._may_create)
        for cell in inner._cells(form.xml.find("form/tabs")):
            if isinstance(cell, Grid):
                yield replace(cell, new="", commands=False)
            elif isinstance(cell, Field):
                yield replace(cell, id=f"{control.get('id', '')}-{cell.id}")

    def _quick_form(self, control: Element, table: Table) -> Form | None:
        listed = fromstring(control.findtext("parameters/QuickForms") or "<QuickFormIds />")  # noqa: S314 - the solution's own
        for each in listed.iter("QuickFormId"):
            if each.get("entityname") == table.name:
                wanted = (each.text or "").strip("{}").lower()
                return next((form for form in self._schema.forms if str(form.id) == wanted), None)
        return None

    def _field(self, cell: Element, control: Element) -> Field:
        table = self._page.table
        column = table.columns[control.get("datafieldname", "")]
        editable = self._editable(column, control)
        row = self._row
        if self.parent is not None and self.parent.relationship.column == column.name:
            row = self._pointing(column, self.parent)
        if column.name not in self._seen or editable:
            self._page.columns = [each for each in self._page.columns if each["name"] != column.name]
            self._page.columns.append(
                fields.for_script(self._schema, table, column, row, editable=editable)
                | ({"given": True} if row is not self._row else {})
            )
        self._seen.add(column.name)
        return fields.of(
            self._schema,
            table,
            column,
            row,
            control=control.get("id") or column.name,
            label=_label(cell) or column.label,
            editable=editable,
        )

    def _pointing(self, column: Column, parent: Parent) -> ApiRow:
        """A lookup to the parent, as a row would hold it."""
        table = self._schema.table(parent.relationship.parent)
        name = column.property_name
        return {
            name: str(parent.row[table.primary_key]),
            f"{name}@OData.Community.Display.V1.FormattedValue": shown.name_of(table, parent.row),
            f"{name}@Microsoft.Dynamics.CRM.lookuplogicalname": table.name,
        }

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
        return self._views.grid(
            self._reads,
            child,
            view,
            Wish(),
            Place(
                control.get("id") or relationship.name,
                _label(cell) or child.plural,
                int(parameters.findtext("RecordsPerPage") or 10),
                relationship,
                self._page.row_id,
            ),
            _new(relationship, self._page.row_id) if self._may_create(child) else "",
        )


def _new(relationship: Relationship, parent: UUID) -> str:
    return shown.new_address(relationship.child, relationship=relationship.name, parentid=str(parent))


_EMAIL = """<systemform><form><header><rows><row>
<cell><labels><label description="Status Reason" /></labels><control id="header_statuscode" datafieldname="statuscode" /></cell>
<cell><labels><label description="Date Sent" /></labels><control id="header_senton" datafieldname="senton" /></cell>
</row></rows></header><tabs><tab name="email"><labels><label description="Email" /></labels><columns>
<column width="66%"><sections><section><labels><label description="Email" /></labels><rows>
<row><cell><labels><label description="From" /></labels><control id="sender" datafieldname="sender" /></cell></row>
<row><cell><labels><label description="To" /></labels><control id="torecipients" datafieldname="torecipients" /></cell></row>
<row><cell><labels><label description="Subject" /></labels><control id="subject" datafieldname="subject" disabled="true" /></cell></row>
<row><cell><labels><label description="Regarding" /></labels><control id="regardingobjectid" datafieldname="regardingobjectid"
 disabled="true" /></cell></row>
<row><cell><labels><label description="Body" /></labels><control id="description" datafieldname="description" disabled="true" /></cell></row>
</rows></section></sections></column>
<column width="34%"><sections><section><labels><label description="Attachments" /></labels><rows><row><cell>
<labels><label description="Attachments" /></labels><control id="attachments" indicationOfSubgrid="true"><parameters>
<RelationshipName>email_activity_mime_attachment</RelationshipName></parameters></control></cell></row></rows></section>
</sections></column></columns></tab></tabs></form></systemform>"""
"""The platform's form of an e-mail, as far as it is looked at here."""


def _made_up(table: Table) -> Element:
    """A table of the platform for which the solution ships no form: every column, in one section."""
    if table.name == EMAIL:
        return fromstring(_EMAIL)  # noqa: S314 - made here
    rows = "".join(
        f'<row><cell><control id="{name}" datafieldname="{name}" disabled="true" /></cell></row>'
        for name, column in table.columns.items()
        if column.readable and column.kind is not Kind.KEY and name not in FILES.values()
    )
    return fromstring(  # noqa: S314 - made here
        '<systemform><form><tabs><tab name="general"><labels><label description="General" /></labels><columns>'
        f'<column width="100%"><sections><section showlabel="false"><rows>{rows}</rows></section></sections>'
        "</column></columns></tab></tabs></form></systemform>"
    )


def _label(element: Element) -> str:
    label = element.find("labels/label")
    return "" if label is None else label.get("description", "")
