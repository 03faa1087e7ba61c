"""A payment link, as a clerk and the customer work it: asked for after a decline, paid on the processor's page, withdrawn."""

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.accessibility import violations
from tests.browser.chromium import NewPage
from tests.browser.demo_stack import Demo
from tests.browser.invoice_form import InvoiceForm, an_invoice

pytestmark = pytest.mark.browser


def asked_for(invoice: InvoiceForm) -> FrameLocator:
    """Counterfoil, Payment Link, and the link is there."""
    invoice.command.click()
    invoice.page.get_by_role("menuitem", name="Payment Link").click()
    frame = invoice.page.frame_locator("dialog iframe")
    got_link(frame)
    return frame


def got_link(frame: FrameLocator) -> None:
    frame.get_by_role("button", name="Get a link").click()
    expect(frame.get_by_label("Link for the customer")).to_be_visible(timeout=15_000)


def pays(customer: Page, url: str, card: str) -> None:
    """On the processor's own page, in a browser of the customer's."""
    customer.goto(url)
    customer.get_by_label(card).check()
    customer.get_by_role("button", name="Pay").click()


def test_who_has_to_authenticate_pays_by_link(demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, "INV-1006")
    dialog = invoice.charge()
    dialog.save()
    dialog.expect_state("authentication")
    assert "Send the customer a payment link" in dialog.message()
    assert violations(invoice.page) == []
    dialog.frame.get_by_role("button", name="Payment link…").click()
    frame = dialog.frame
    expect(frame.get_by_role("heading", level=1)).to_have_text("Payment link for invoice INV-1006")
    got_link(frame)
    url = frame.get_by_label("Link for the customer").input_value()

    customer = new_page(width=1280, height=800)
    pays(customer, url, "Visa •••• 3184 asks you to authenticate, every time")
    customer.get_by_role("button", name="Complete authentication").click()
    expect(customer.get_by_role("heading", name="Thank you")).to_be_visible()

    expect(frame.locator("#link-state")).to_have_text("The customer has paid.", timeout=20_000)
    assert violations(invoice.page) == []
    dialog.close()
    invoice.open()
    expect(invoice.status).to_have_text("Paid (Complete)")
    expect(invoice.attempts()).to_have_count(2)


def test_a_link_that_is_withdrawn_leads_nowhere(demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, "INV-1001")
    frame = asked_for(invoice)
    url = frame.get_by_label("Link for the customer").input_value()
    frame.locator("#close").click()
    clerk = invoice.page

    # A1, A25: what the customer was asked for is not charged.
    dialog = invoice.charge()
    dialog.expect_state("pending")
    assert "withdraw the link" in dialog.message()
    dialog.close()

    (link,) = demo.rows("cfl_paymenttransactions?$filter=cfl_linkurl ne null")
    key = link["cfl_paymenttransactionid"]
    clerk.goto(f"{demo.url}/main.aspx?pagetype=entityrecord&etn=cfl_paymenttransaction&id={key}")
    clerk.locator("#commands").get_by_role("button", name="Withdraw Link").click()
    frame = clerk.frame_locator("dialog iframe")
    frame.get_by_role("button", name="Withdraw link").click()
    expect(frame.locator("body")).to_have_attribute("data-state", "succeeded", timeout=15_000)
    assert violations(clerk) == []
    frame.locator("#close").click()
    expect(clerk.locator("#commands").get_by_role("button", name="Withdraw Link")).to_have_count(0)

    customer = new_page(width=1280, height=800)
    customer.goto(url)
    expect(customer.get_by_role("heading", name="This page has expired")).to_be_visible()


def test_what_is_left_beside_a_link_is_charged(demo: Demo, new_page: NewPage) -> None:
    """A1, A25."""
    invoice = an_invoice(demo, new_page, "INV-1001")
    invoice.command.click()
    invoice.page.get_by_role("menuitem", name="Payment Link").click()
    frame = invoice.page.frame_locator("dialog iframe")
    frame.get_by_label("Amount").fill("1000")
    got_link(frame)
    frame.locator("#close").click()
    dialog = invoice.charge()
    expect(dialog.amount).to_have_value("250.00")
    dialog.save()
    dialog.expect_state("succeeded")


@pytest.mark.parametrize("width", [1280, 360])
def test_the_link_fits_a_screen_of_any_width(demo: Demo, new_page: NewPage, width: int) -> None:
    invoice = an_invoice(demo, new_page, "INV-1001", width=width)
    frame = asked_for(invoice)
    assert violations(invoice.page) == []
    wider = frame.locator("body").evaluate("() => document.documentElement.scrollWidth > innerWidth")
    assert not wider
