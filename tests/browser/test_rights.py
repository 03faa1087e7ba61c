"""Who sees the Charge command, in which status, and what happens to those who try without it."""

import json
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import NewPage
from tests.browser.demo_stack import Demo
from tests.browser.invoice_form import an_invoice, signed_in

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("number", "status", "shown"),
    [
        ("INV-1001", "Active (Billed)", True),
        ("INV-1002", "Paid (Partial)", True),
        ("INV-1003", "Paid (Complete)", False),
        ("INV-1004", "Canceled (Canceled)", False),
        ("INV-1024", "Active (New)", True),
        ("INV-1025", "Active (Partially Shipped)", True),
        ("INV-1026", "Active (Booked (applies to services))", True),
        ("INV-1027", "Active (Installed (applies to services))", True),
    ],
)
def test_charge_shows_by_status(number: str, status: str, shown: bool, demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, number)
    expect(invoice.status).to_have_text(status)
    if shown:
        expect(invoice.command).to_be_visible()
        invoice.command.click()
        expect(invoice.page.get_by_role("menuitem", name="Charge")).to_be_visible()
    else:
        expect(invoice.page.locator("#commands")).to_contain_text("Refresh")
        invoice.page.wait_for_load_state("networkidle")
        expect(invoice.command).to_be_hidden()


def test_charge_is_hidden_from_a_reader(demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, "INV-1001", user="reader")
    invoice.page.wait_for_load_state("networkidle")
    expect(invoice.command).to_be_hidden()


def test_a_reader_who_opens_the_dialog_anyway_is_refused(demo: Demo, new_page: NewPage) -> None:
    page = signed_in(demo, new_page, "reader")
    data = quote(json.dumps({"invoiceId": demo.invoice_id("INV-1001"), "number": "INV-1001"}))
    page.goto(f"{demo.url}/WebResources/cfl_/charge.html?data={data}")
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_attribute("data-state", "forbidden")
    expect(page.locator(".message")).to_contain_text("Counterfoil Biller")
    assert demo.transactions("INV-1001") == []


@pytest.mark.parametrize("number", ["INV-1003", "INV-1004"])
def test_the_dialog_of_a_hidden_command_has_nothing_to_charge(
    number: str, demo: Demo, new_page: NewPage
) -> None:
    page = signed_in(demo, new_page, "biller")
    data = quote(json.dumps({"invoiceId": demo.invoice_id(number), "number": number}))
    page.goto(f"{demo.url}/WebResources/cfl_/charge.html?data={data}")
    expect(page.locator("body")).to_have_attribute(
        "data-state", "paid" if number == "INV-1003" else "notchargeable"
    )
    expect(page.locator("#form")).to_be_hidden()
