"""Invoice documents for the actions: implements `plugins.ports.Documents`."""

from collections.abc import Sequence
from datetime import datetime

from connector.documents.html import html
from connector.documents.paper import Paper
from plugins.rules.statement import Statement


class RenderedDocuments:
    def __init__(self, paper: Paper = Paper.A4) -> None:
        self._paper = paper

    def pdf(self, statement: Statement, now: datetime) -> bytes:
        from connector.documents.pdf import pdf  # brings along a library that takes a while to load

        return pdf(statement, now, self._paper)

    def html(self, statement: Statement, letter: Sequence[str]) -> str:
        return html(statement, letter)
