"""An invoice is e-mailed and printed from the account's page, and its document opens from the invoice."""

import re
from io import BytesIO

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from tests.browser.account_form import AccountForm, an_account
from tests.browser.chromium import NewPage
from tests.browser.demo_stack import Demo

pytestmark = pytest.mark.browser


def text_of(demo: Demo, href: str) -> str:
    answer = demo.session.get(demo.url + href, timeout=10)
    assert answer.headers["content-type"] == "application/pdf"
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)


def closed_invoice(account: AccountForm) -> None:
    debits = account.list("Transactions")
    debits.choose("Add Debit").fill({"Amount": "80", "Detail": "Router", "Tax exempt": True}).done()
    invoices = account.tab("Invoices").list("Invoices")
    invoices.tick("$80.00").choose("Close").done("Close invoice")


def test_an_invoice_is_emailed_and_printed(demo: Demo, new_page: NewPage) -> None:
    """E133, E134, E135: closed, opened by its link, delivered by e-mail and printed; the PDF is on its timeline."""
    account = an_account(demo, new_page)
    closed_invoice(account)
    invoices = account.list("Invoices")

    assert "e-mailed to Fabrikam Fibre" in invoices.tick("$80.00").choose("Email").done("Email")
    assert "ready to print" in invoices.tick("$80.00").choose("Print").done("Print")

    invoices.row("$80.00").get_by_role("link").first.click()
    page = account.page
    page.get_by_role("tab", name="Timeline").click()
    entries = page.get_by_role("list", name="Timeline").get_by_role("listitem")
    expect(entries).to_have_count(2)
    expect(entries.filter(has_text="Email:")).to_contain_text("Completed (Sent)")
    files = page.get_by_role("list", name="Timeline").get_by_role("link", name=re.compile(r"\.pdf$"))
    for number in range(2):
        said = text_of(demo, str(files.nth(number).get_attribute("href")))
        assert "Router" in said
        assert "80.00" in said


def test_an_open_invoice_is_not_emailed(demo: Demo, new_page: NewPage) -> None:
    """E133: the clerk is told to close it first."""
    account = an_account(demo, new_page)
    debits = account.list("Transactions")
    debits.choose("Add Debit").fill({"Amount": "80", "Tax exempt": True}).done()

    dialog = account.tab("Invoices").list("Invoices").tick("$80.00").choose("Email").press("Email")

    dialog.expect_state("refused")
    assert "Close it first" in dialog.message()
    dialog.close()
