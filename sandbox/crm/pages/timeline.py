"""The timeline of a record: its notes and e-mails, the newest first, each with the files to open."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID
from xml.etree.ElementTree import Element, SubElement

from sandbox.crm.mail import ATTACHMENT, EMAIL, NOTE
from sandbox.crm.pages import shown
from sandbox.crm.pages.reads import ApiRow, Reads, RefusedError
from sandbox.crm.schema import Relationship, Schema, Table

MOST = 50
"""Entries of each kind."""


@dataclass(frozen=True)
class File:
    name: str
    href: str


@dataclass(frozen=True)
class Entry:
    kind: str
    title: str
    href: str
    """The way to the activity; a note has no page of its own."""
    when: str
    facts: tuple[str, ...]
    files: tuple[File, ...]


@dataclass(frozen=True)
class Timeline:
    label: str
    entries: tuple[Entry, ...]


def timeline(schema: Schema, reads: Reads, table: Table, row_id: UUID, label: str) -> Timeline:
    """What the user may read of it."""
    found: list[tuple[str, Entry]] = []
    for relationship in table.children:
        if relationship.child in _READERS:
            found += _READERS[relationship.child](schema, reads, relationship, row_id)
    found.sort(key=lambda each: each[0], reverse=True)
    return Timeline(label, tuple(entry for _, entry in found))


def _emails(
    schema: Schema, reads: Reads, relationship: Relationship, row_id: UUID
) -> Iterator[tuple[str, Entry]]:
    table = schema.table(EMAIL)
    columns = ("subject", "sender", "torecipients", "senton", "createdon", "statecode", "statuscode")
    rows = _rows(reads, table, columns, relationship.column, [str(row_id)])
    files = _attachments(schema, reads, [str(row[table.primary_key]) for row in rows])
    for row in rows:
        key = str(row[table.primary_key])
        when = "senton" if row.get("senton") else "createdon"
        facts = (
            f"From {row['sender']}" if row.get("sender") else "",
            f"To {row['torecipients']}" if row.get("torecipients") else "",
            shown.value(schema, table, table.columns["statuscode"], row).text,
        )
        yield (
            str(row[when]),
            Entry(
                "Email",
                str(row.get("subject") or "No subject"),
                shown.record_address(EMAIL, key),
                shown.value(schema, table, table.columns[when], row).text,
                tuple(fact for fact in facts if fact),
                tuple(file for owner, file in files if owner == key),
            ),
        )


def _notes(
    schema: Schema, reads: Reads, relationship: Relationship, row_id: UUID
) -> Iterator[tuple[str, Entry]]:
    table = schema.table(NOTE)
    columns = ("subject", "notetext", "filename", "isdocument", "createdon", "createdby")
    for row in _rows(reads, table, columns, relationship.column, [str(row_id)]):
        author = shown.lookup_text(table.columns["createdby"], row)
        file = File(str(row.get("filename") or "File"), shown.file_address(NOTE, row[table.primary_key]))
        yield (
            str(row["createdon"]),
            Entry(
                "Note",
                str(row.get("subject") or "Note"),
                "",
                shown.value(schema, table, table.columns["createdon"], row).text,
                tuple(fact for fact in (shown.plain(str(row.get("notetext") or "")), f"By {author}") if fact),
                (file,) if row.get("isdocument") else (),
            ),
        )


def _attachments(schema: Schema, reads: Reads, emails: Sequence[str]) -> list[tuple[str, File]]:
    if not emails:
        return []
    table = schema.table(ATTACHMENT)
    rows = _rows(reads, table, ("filename", "objectid"), "objectid", emails)
    return [
        (
            str(row[table.columns["objectid"].property_name]),
            File(str(row.get("filename") or "File"), shown.file_address(ATTACHMENT, row[table.primary_key])),
        )
        for row in rows
    ]


_READERS = {EMAIL: _emails, NOTE: _notes}


def _rows(
    reads: Reads, table: Table, columns: Sequence[str], column: str, values: Sequence[str]
) -> list[ApiRow]:
    """Those whose lookup leads there, without what nobody asked for: files are large. None for who may read none."""
    fetch = Element("fetch")
    entity = SubElement(fetch, "entity", {"name": table.name})
    for name in (table.primary_key, *columns):
        SubElement(entity, "attribute", {"name": name})
    SubElement(entity, "order", {"attribute": "createdon", "descending": "true"})
    condition = SubElement(SubElement(entity, "filter"), "condition", {"attribute": column, "operator": "in"})
    for value in values:
        SubElement(condition, "value").text = value
    try:
        return reads.sheet(table, fetch, size=MOST).rows
    except RefusedError:
        return []
