"""The invoice document as PDF, drawn from the same content as the HTML. The same statement and moment make the same bytes."""

from datetime import datetime
from pathlib import Path
from typing import assert_never

from fpdf import FPDF, FontFace
from fpdf.enums import Align, TableBordersLayout, VAlign, XPos, YPos

from connector.documents.content import Cell, Content, Table, content
from connector.documents.paper import Paper
from plugins.rules.statement import Statement

FONTS = Path(__file__).with_name("fonts")
_FAMILY = "DejaVu"
_INK, _GREY = (27, 27, 31), (74, 74, 82)
_LABEL = 32
"""Millimetres for what a fact is called."""


def pdf(statement: Statement, now: datetime, paper: Paper = Paper.A4) -> bytes:
    """A whole file; `now` is the creation date that it carries."""
    said = content(statement)
    page = _Page(said, now, paper)
    page.add_page()
    page.head()
    for table in said.tables:
        page.lines(table)
    page.summary()
    for line in said.footer:
        page.paragraph(line, size=8, colour=_GREY)
    return bytes(page.output())


class _Page(FPDF):
    """A4 or Letter upright, millimetres, with a number at the foot of every page."""

    def __init__(self, said: Content, now: datetime, paper: Paper) -> None:
        super().__init__(orientation="portrait", unit="mm", format=_format(paper))
        self._said = said
        self.set_creation_date(now)
        self.set_title(said.title)
        self.set_lang("en")
        self.set_margins(18, 14, 18)
        self.set_auto_page_break(auto=True, margin=17)
        self.add_font(_FAMILY, "", FONTS / "DejaVuSans.ttf")
        self.add_font(_FAMILY, "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_font(_FAMILY, size=9)
        self.set_text_color(*_INK)

    def footer(self) -> None:
        self.set_y(-13)
        self.set_font(_FAMILY, size=8)
        self.set_text_color(*_GREY)
        self.cell(0, 5, f"{self._said.title} · Page {self.page_no()} of {{nb}}", align=Align.R)
        self.set_text_color(*_INK)

    def head(self) -> None:
        """Sender, title, whom it is for and the facts beside."""
        for number, line in enumerate(self._said.sender):
            self.paragraph(line, bold=number == 0)
        self.ln(4 if self._said.sender else 0)
        self.paragraph(self._said.title, size=18, bold=True, height=10)
        self.ln(2)
        top, half = self.get_y(), self.epw / 2
        self.paragraph("Bill to", size=8, colour=_GREY, width=half - 6)
        for line in self._said.customer:
            self.paragraph(line, width=half - 6)
        left_end = self.get_y()
        self.set_y(top)
        for label, value in self._said.facts:
            at = self.get_y()
            self.set_x(self.l_margin + half)
            self.paragraph(label, size=8, colour=_GREY, width=_LABEL)
            self.set_xy(self.l_margin + half + _LABEL, at)
            self.paragraph(value, width=half - _LABEL)
            self.ln(0.6)
        self.set_y(max(left_end, self.get_y()) + 2)

    def lines(self, table: Table) -> None:
        """A table that goes on over pages, its headings on each."""
        self.ln(3)
        if self.will_page_break(24):  # a title alone at the foot of a page tells nobody anything
            self.add_page()
        self.paragraph(table.title, size=12, bold=True, height=7)
        aligned = tuple(Align.R if column.is_amount else Align.L for column in table.columns)
        self.set_draw_color(200, 200, 208)
        with self.table(
            col_widths=tuple(column.share for column in table.columns),
            text_align=aligned,
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD", size_pt=8, color=_INK),
            line_height=4.4,
            v_align=VAlign.T,
            padding=(1.1, 1.2, 1.1, 1.2),
        ) as drawn:
            drawn.row([column.title for column in table.columns])
            for row in table.rows:
                drawn.row([_written(cell) for cell in row])
            if table.total:
                label, figure = table.total
                last = drawn.row(style=FontFace(emphasis="BOLD"))
                last.cell(label, colspan=len(table.columns) - 1, align=Align.L)
                last.cell(figure)

    def summary(self) -> None:
        """Kept together, at the right."""
        rows = [*self._said.summary, self._said.balance]
        self.ln(5)
        if self.will_page_break(5.5 * len(rows) + 4):
            self.add_page()
        left, width = self.l_margin + self.epw * 0.4, self.epw * 0.6
        due = len(self._said.summary) - 1
        for number, (label, value) in enumerate(rows):
            strong = number == due
            if strong:
                self.set_draw_color(*_INK)
                self.line(left, self.get_y() + 1, left + width, self.get_y() + 1)
                self.ln(2)
            self.set_font(_FAMILY, "B" if strong else "", 12 if strong else 9)
            height = 7 if strong else 5.5
            self.set_x(left)
            self.cell(width / 2, height, label)
            self.cell(width / 2, height, value, align=Align.R, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_font(_FAMILY, size=9)
        self.ln(4)

    def paragraph(
        self,
        text: str,
        *,
        size: float = 9,
        bold: bool = False,
        colour: tuple[int, int, int] = _INK,
        width: float = 0,
        height: float = 4.6,
    ) -> None:
        self.set_font(_FAMILY, "B" if bold else "", size)
        self.set_text_color(*colour)
        self.multi_cell(width, height, text, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_text_color(*_INK)
        self.set_font(_FAMILY, size=9)


def _written(cell: Cell) -> str:
    return "\n".join((cell.text, *cell.below))


def _format(paper: Paper) -> str:
    match paper:
        case Paper.A4:
            return "A4"
        case Paper.LETTER:
            return "Letter"
        case _:
            assert_never(paper)
