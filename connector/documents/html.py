"""The invoice document as HTML: the body of the e-mail, fit for printing and for a screen reader. Everything is escaped."""

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from connector.documents.content import content
from plugins.rules.statement import Statement

_PAGES = Environment(
    loader=PackageLoader("connector.documents"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html(statement: Statement, letter: Sequence[str] = ()) -> str:
    """A whole page. `letter` is what stands above the invoice in an e-mail, a paragraph each."""
    return _PAGES.get_template("invoice.html").render(invoice=content(statement), letter=letter)
