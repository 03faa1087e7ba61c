"""A note on an invoice, with a file: how a document is handed to somebody who prints it."""

from dataclasses import dataclass

from plugins.rules.ids import InvoiceId
from plugins.rules.row import Owner, Row


@dataclass(frozen=True, kw_only=True)
class Note(Row):
    """Written once by the service, opened from the invoice's timeline by whoever may read the invoice."""

    regarding: InvoiceId
    owner: Owner
    subject: str
    text: str
    filename: str
    mimetype: str
    content: str
    """The file, base64."""
    is_document: bool = True
    regarding_kind: str = "invoice"
