"""Pages and dialog for people who use a keyboard, a screen reader, a narrow window or colours of their own."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.browser.chromium import NewPage
from tests.browser.demo_stack import Demo
from tests.browser.invoice_form import an_invoice, signed_in

pytestmark = pytest.mark.browser


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent")).strip()


def test_an_invoice_is_charged_with_the_keyboard_alone(demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, "INV-1001")
    page = invoice.page
    expect(invoice.command).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if (
            focused(page).startswith("Counterfoil")
            and page.evaluate("document.activeElement.tagName") == "BUTTON"
        ):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Charge")).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.frame_locator("dialog iframe")
    expect(dialog.locator("#amount")).to_be_focused()
    page.keyboard.type("100")
    page.keyboard.press("Enter")
    expect(dialog.locator("#close")).to_be_focused()
    expect(dialog.locator("body")).to_have_attribute("data-state", "succeeded")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)
    expect(invoice.status).to_have_text("Paid (Partial)")
    expect(invoice.command).to_be_focused()


def test_escape_closes_the_dialog_and_gives_the_focus_back(demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, "INV-1001")
    invoice.charge().expect_state("ready")
    invoice.page.keyboard.press("Escape")
    expect(invoice.page.locator("dialog")).to_have_count(0)
    expect(invoice.command).to_be_focused()
    assert demo.transactions("INV-1001") == []


@pytest.mark.parametrize("table", ["invoice", "account", "cfl_paymenttransaction", "cfl_paymentprofile"])
def test_lists_are_accessible(table: str, demo: Demo, new_page: NewPage) -> None:
    page = signed_in(demo, new_page, "biller")
    page.goto(f"{demo.url}/main.aspx?pagetype=entitylist&etn={table}")
    expect(page.locator("tbody tr").first).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("options", [{}, {"width": 400, "height": 800}, {"forced_colors": "active"}])
def test_the_form_and_the_dialog_over_it_are_accessible(
    options: dict[str, Any], demo: Demo, new_page: NewPage
) -> None:
    invoice = an_invoice(demo, new_page, "INV-1002", **options)
    expect(invoice.command).to_be_visible()
    assert violations(invoice.page) == []
    dialog = invoice.charge()
    dialog.expect_state("ready")
    assert violations(invoice.page) == []
    dialog.save()
    dialog.expect_state("succeeded")
    assert violations(invoice.page) == []
    dialog.close()
    expect(invoice.status).to_have_text("Paid (Complete)")
    assert violations(invoice.page) == []
