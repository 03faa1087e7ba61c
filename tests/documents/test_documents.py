"""The document as people get it: the same content as HTML and as PDF, whatever was typed into the CRM."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from connector.documents.content import amount, clean, content, day, figure, percent
from connector.documents.html import html
from connector.documents.paper import Paper
from connector.documents.pdf import pdf
from connector.documents.rendered import RenderedDocuments
from plugins.rules.money import Money
from plugins.rules.statement import Party, Statement
from tests.documents.specimens import a_line, a_statement, usd

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NASTY = '<script>alert("1")</script> & <b>bold</b> {{ 7 * 7 }} \\u202e\x00\x07 "quoted"'


class _Text(HTMLParser):
    """What a reader sees of a page, and the elements it is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._hidden += tag in {"style", "title", "script"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "title", "script"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.split()


def read_html(page: str) -> _Text:
    reader = _Text()
    reader.feed(page)
    return reader


def read_pdf(file: bytes) -> PdfReader:
    return PdfReader(BytesIO(file))


def words_of(file: bytes) -> list[str]:
    """In the order of the pages, without the foot of each."""
    text = "\n".join(page.extract_text() for page in read_pdf(file).pages)
    return re.sub(r"Invoice \S+ · Page \d+ of \d+", "", text).split()


def squeezed(words: list[str]) -> str:
    """Without spaces: a PDF breaks lines where it likes."""
    return "".join(words)


def said_in(statement: Statement) -> list[str]:
    """Every text that has to be on the document."""
    said = content(statement)
    texts = [said.title, *said.sender, *said.customer, *said.footer]
    texts += [text for pair in (*said.facts, *said.summary, said.balance) for text in pair]
    for table in said.tables:
        texts += [table.title, *(column.title for column in table.columns), *(table.total or ())]
        texts += [text for row in table.rows for cell in row for text in (cell.text, *cell.below)]
    return [text for text in texts if text]


SPECIMENS: dict[str, dict[str, Any]] = {
    "usual": {},
    "nothing on it": {
        "lines": (),
        "payments": (),
        "credits": (),
        "taxes": (),
        "footer": "",
        "sender": Party(""),
    },
    "still open": {"closed_on": None},
    "not a date to it": {"dated": None, "closed_on": None},
    "other letters": {
        "customer": Party("Łódź Αθήνα Москва Ðœ", ("Żółta 1", "Ω 2")),
        "sender": Party("Ünïcødé ßtraße"),
    },
    "many lines": {"lines": tuple(a_line(text=f"Service-{number}") for number in range(90))},
    "long words": {"lines": (a_line(detail="x" * 400), a_line(text="y" * 200))},
    "nasty text": {
        "customer": Party(NASTY, (NASTY,)),
        "lines": (a_line(text=NASTY, detail=NASTY),),
        "footer": NASTY,
    },
    "much money": {
        "total_due": Money(10**13, "USD"),
        "lines": (a_line("100000000000.00", "100000000000.00"),),
        "charges": Money(10**13, "USD"),
    },
}


@pytest.mark.parametrize("name", SPECIMENS)
@pytest.mark.parametrize("paper", list(Paper))
def test_html_and_pdf_say_the_same(name: str, paper: Paper) -> None:
    statement = a_statement(**SPECIMENS[name])
    page, file = read_html(html(statement)), squeezed(words_of(pdf(statement, NOW, paper)))

    for text in said_in(statement):
        assert squeezed(text.split()) in squeezed(page.words), text
        assert squeezed(text.split()) in file, text


def test_what_was_typed_is_text_and_never_markup() -> None:
    page = read_html(html(a_statement(**SPECIMENS["nasty text"]), [NASTY]))

    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "b", "img", "iframe", "a"}
    assert "{{" in page.words  # no template of its own


def test_a_page_can_be_read_aloud() -> None:
    page = read_html(html(a_statement(), ["Hello,"]))
    tags = [tag for tag, _ in page.elements]

    assert page.elements[0] == ("html", {"lang": "en"})
    assert tags.count("h1") == 1
    assert (
        tags.count("caption") == tags.count("table") - 2
    )  # those for the parties and the facts tell themselves
    heads = [attributes for tag, attributes in page.elements if tag == "th"]
    assert all(each.get("scope") in {"col", "row"} for each in heads)


@pytest.mark.parametrize(("paper", "size"), [(Paper.A4, (595, 842)), (Paper.LETTER, (612, 792))])
def test_paper(paper: Paper, size: tuple[int, int]) -> None:
    box = read_pdf(pdf(a_statement(), NOW, paper)).pages[0].mediabox
    assert (round(box.width), round(box.height)) == size


def test_the_same_statement_is_the_same_file() -> None:
    first = pdf(a_statement(), NOW)
    assert first == pdf(a_statement(), NOW)
    assert first != pdf(a_statement(), NOW.replace(hour=13))
    assert first != pdf(a_statement(number="INV-2"), NOW)


def test_the_file_says_what_it_is() -> None:
    file = read_pdf(pdf(a_statement(), NOW))
    assert file.metadata is not None
    assert file.metadata.title == "Invoice INV-01042-K7PQ2X"
    assert file.metadata.creation_date == NOW
    assert str(file.root_object["/Lang"]) == "en"


def test_an_invoice_of_usual_length_is_one_page() -> None:
    assert len(read_pdf(pdf(a_statement(), NOW)).pages) == 1


def test_headings_are_on_every_page_of_a_long_table() -> None:
    file = read_pdf(pdf(a_statement(**SPECIMENS["many lines"]), NOW))

    pages = [page.extract_text() for page in file.pages]
    assert len(pages) > 3
    assert all("Description" in text for text in pages if "Service-" in text)
    assert all(f"Page {number} of {len(pages)}" in text for number, text in enumerate(pages, start=1))
    assert sum(text.count("Service-") for text in pages) == 90


def test_letters_that_no_font_of_ours_has_break_nothing() -> None:
    assert pdf(a_statement(customer=Party("株式会社", ("東京",))), NOW).startswith(b"%PDF-")
    assert "株式会社" in html(a_statement(customer=Party("株式会社")))


def test_the_letter_stands_above_the_invoice() -> None:
    words = read_html(RenderedDocuments().html(a_statement(), ["Hello,"])).words
    assert words[0] == "Hello,"
    assert RenderedDocuments(Paper.LETTER).pdf(a_statement(), NOW) == pdf(a_statement(), NOW, Paper.LETTER)


def test_amounts() -> None:
    assert amount(usd("-1250.00")) == "−1,250.00 USD"
    assert figure(Money(-5, "USD")) == "−0.05"
    assert figure(Money(1234567, "JPY")) == "1,234,567"
    assert figure(Money(1234567, "KWD")) == "1,234.567"
    assert figure(None) == ""


def test_days_and_percents() -> None:
    assert day(date(2026, 11, 5)) == "5 Nov 2026"
    assert percent(Decimal("13.0000000000")) == "13 %"
    assert percent(Decimal("9.975")) == "9.975 %"
    assert percent(Decimal(100)) == "100 %"
    assert clean("a\r\n b\tc\x00") == "a b c"


@pytest.mark.parametrize(
    ("period", "text"),
    [
        ((date(2026, 11, 1), date(2026, 11, 30)), "1 Nov 2026 – 30 Nov 2026"),
        ((date(2026, 11, 1), None), "From 1 Nov 2026"),
        ((None, date(2026, 11, 30)), "Until 30 Nov 2026"),
        ((None, None), ""),
    ],
)
def test_periods(period: tuple[date | None, date | None], text: str) -> None:
    [line] = content(replace(a_statement(), lines=(a_line(period=period),))).tables[0].rows
    assert line[1].below == ((text,) if text else ())
