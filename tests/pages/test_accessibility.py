"""Pages for everybody: axe finds nothing, narrow screens do not scroll sideways, the keyboard reaches everything."""

import pytest
from playwright.sync_api import Page, expect

from sandbox.world import World
from tests.browser.accessibility import violations
from tests.pages.conftest import Browse, Browsing, invoice, one


def every_page(browsing: Browsing) -> list[str]:
    """Findings on each kind of page, with its name."""
    world = browsing.world
    found: list[str] = []

    def look(name: str, page: Page) -> None:
        found.extend(f"{name}: {finding}" for finding in violations(page))

    look("list", browsing.open("/main.aspx?pagetype=entitylist&etn=invoice"))
    look("record", browsing.open_invoice("INV-1002"))
    row = invoice(world, "INV-1002")
    related = "cfl_invoice_cfl_paymenttransaction_cfl_invoiceid"
    look("related list", browsing.open_record("invoice", row, related=related))
    contract = one(world, "cfl_billingcontract", cfl_name="BC-01001")
    look("form with inputs", browsing.open_record("cfl_billingcontract", contract))
    page = browsing.open("/main.aspx?pagetype=entityrecord&etn=cfl_paymenttype")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#error-cfl_name")).not_to_be_empty()
    look("new record with mistakes", page)
    browsing.page.goto(f"{browsing.origin}/nowhere")
    look("message", browsing.page)
    return found


@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(world: World, browse: Browse, width: int) -> None:
    assert every_page(browse(world, "manager", width=width)) == []


def test_axe_finds_nothing_in_open_menus_and_dialogs(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open_invoice("INV-1001")
    page.locator("summary").filter(has_text="Related").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Counterfoil").click()
    assert violations(page) == []
    page.get_by_role("menuitem", name="Charge").click()
    expect(page.frame_locator("dialog iframe").get_by_role("heading", level=1)).to_contain_text("INV-1001")
    assert violations(page) == []


@pytest.mark.parametrize(
    "path", ["/main.aspx?pagetype=entitylist&etn=invoice", "/main.aspx?pagetype=entitylist&etn=cfl_setting"]
)
def test_narrow_screens_do_not_scroll_sideways(world: World, browse: Browse, path: str) -> None:
    browsing = browse(world, "biller", width=360, height=740)
    for page in (browsing.open(path), browsing.open_invoice("INV-1002")):
        assert page.evaluate("document.documentElement.scrollWidth") <= 360

    toggle = browsing.page.get_by_role("button", name="Site map")
    toggle.click()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    expect(browsing.page.get_by_role("link", name="Payments", exact=True)).to_be_visible()


def test_tabs_are_walked_with_the_arrow_keys(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open_invoice("INV-1002")

    page.get_by_role("tab", name="Summary").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Ledger")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Ledger")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("tabpanel", name="Timeline")).to_be_visible()
    expect(page.get_by_role("tabpanel", name="Summary")).to_be_hidden()


def test_the_first_stop_of_the_keyboard_skips_to_the_content(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open("/main.aspx?pagetype=entitylist&etn=invoice")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
