"""The HTML of a document in a browser: nothing for axe to find, and fit for a phone and for paper."""

import pytest

from connector.documents.html import html
from tests.browser.accessibility import violations
from tests.browser.chromium import NewPage
from tests.documents.specimens import a_line, a_statement

pytestmark = pytest.mark.browser


def test_axe_finds_nothing(new_page: NewPage) -> None:
    page = new_page()
    page.set_content(html(a_statement(), ["Hello,", "Invoice INV-1 is attached."]))

    assert violations(page) == []


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_sticks_out(new_page: NewPage, width: int) -> None:
    page = new_page(width=width)
    page.set_content(html(a_statement(lines=(a_line(detail="x" * 400), a_line(text="y" * 120)))))

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_printed_without_the_letter(new_page: NewPage) -> None:
    page = new_page()
    page.set_content(html(a_statement(), ["Hello,"]))
    page.emulate_media(media="print")

    assert page.get_by_text("Hello,").is_hidden()
    assert page.get_by_role("heading", name="Invoice INV-01042-K7PQ2X").is_visible()
