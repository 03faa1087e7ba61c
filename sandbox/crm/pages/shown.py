"""One value of a row as a person reads it: formatted text and, for a lookup, the way to the row it points at."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlencode
from uuid import UUID

from sandbox.crm.mail import ATTACHMENT, NOTE
from sandbox.crm.pages.reads import ApiRow
from sandbox.crm.schema import LOOKUPS, Column, Kind, Schema, Table

NOTHING = "---"
FILE_PATH = "/Activities/Attachment/download.aspx"
FILE_TYPES = {ATTACHMENT: "1001", NOTE: "5"}
NUMERIC = frozenset({Kind.MONEY, Kind.DECIMAL, Kind.INTEGER, Kind.BIGINT, Kind.DOUBLE})
_FORMATTED = "@OData.Community.Display.V1.FormattedValue"
_TARGET = "@Microsoft.Dynamics.CRM.lookuplogicalname"


@dataclass(frozen=True)
class Shown:
    text: str
    href: str = ""
    outside: bool = False
    """The link leaves the CRM."""


def record_address(table: str, row_id: UUID | str, **more: str) -> str:
    return "/main.aspx?" + urlencode({"pagetype": "entityrecord", "etn": table, "id": str(row_id), **more})


def new_address(table: str, **more: str) -> str:
    return "/main.aspx?" + urlencode({"pagetype": "entityrecord", "etn": table, **more})


def list_address(table: str, **more: str) -> str:
    return "/main.aspx?" + urlencode({"pagetype": "entitylist", "etn": table, **more})


def grid_address(table: str, **more: str) -> str:
    """Of a list alone, without a page around it."""
    return "/main.aspx?" + urlencode({"pagetype": "grid", "etn": table, **more})


def file_address(table: str, row_id: UUID | str) -> str:
    """Of the file in an attachment or a note."""
    return f"{FILE_PATH}?" + urlencode({"AttachmentType": FILE_TYPES[table], "AttachmentId": str(row_id)})


def value(schema: Schema, table: Table, column: Column, row: ApiRow) -> Shown:
    """What a read-only field or a cell of a list shows."""
    raw = row.get(_key(column))
    if raw is None or raw == "":
        return Shown(NOTHING)
    text = str(row.get(f"{_key(column)}{_FORMATTED}", raw))
    if column.kind in LOOKUPS:
        target = target_of(column, row)
        return Shown(text, record_address(target, raw) if target in schema.tables else "")
    if column.kind is Kind.STATUS:
        return Shown(status(table, column, int(raw)))
    if column.format == "html":
        return Shown(plain(text))
    if column.format == "url" and text.startswith("https://"):
        return Shown(text, text, outside=True)
    return Shown(text)


def lookup_text(column: Column, row: ApiRow) -> str:
    return str(row.get(f"{column.property_name}{_FORMATTED}") or row.get(column.property_name) or "")


def target_of(column: Column, row: ApiRow) -> str:
    """The table that a lookup points at in this row."""
    return str(row.get(f"{_key(column)}{_TARGET}") or column.targets[0])


def _key(column: Column) -> str:
    """Under which a row has the column: one that was linked to comes back as `alias.column`, lookups too."""
    return column.name if "." in column.name else column.property_name


def status(table: Table, column: Column, reason: int) -> str:
    """Statuses are written State (Status Reason): Paid (Partial), Canceled (Canceled). W35"""
    found = column.options.find(reason) if column.options else None
    if found is None:
        return str(reason)
    states = table.columns["statecode"].options if "statecode" in table.columns else None
    state = states.find(found.state) if states and found.state is not None else None
    if state is None or (state.label == found.label and (table.custom or state.value == 0)):
        return found.label
    return f"{state.label} ({found.label})"


def name_of(table: Table, row: ApiRow) -> str:
    return str(row.get(table.primary_name) or f"{table.label} without a name")


def plain(markup: str) -> str:
    """What a text with markup says; nothing of it is ever taken for markup here."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    lines = (re.sub(r"[ \t\r\n]+", " ", line).strip() for line in "".join(reader.parts).split("\f"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    """Texts, with a form feed where a line ends."""

    _SILENT = frozenset({"style", "script", "head", "title"})
    _BLOCKS = frozenset({"p", "div", "tr", "li", "table", "h1", "h2", "h3", "h4", "ul", "ol", "br", "hr"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silenced = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._silenced += tag in self._SILENT
        if tag in self._BLOCKS:
            self.parts.append("\f")
        elif tag in {"td", "th"}:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._silenced -= tag in self._SILENT and self._silenced > 0
        if tag in self._BLOCKS - {"br", "hr"}:
            self.parts.append("\f")

    def handle_data(self, data: str) -> None:
        if not self._silenced:
            self.parts.append(data)
