"""When answers are late, lost or somebody closes the window: the row says what happened, and nothing is charged twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import NewPage
from tests.browser.demo_stack import Demo
from tests.browser.invoice_form import InvoiceForm, an_invoice, signed_in

pytestmark = pytest.mark.browser

CONFIRM = {"target": "stripe", "method": "POST", "path": "/v1/payment_intents/[^/]+/confirm"}
RETRIEVE = {"target": "stripe", "method": "GET", "path": "/v1/payment_intents/"}
CHARGE = {"target": "crm", "method": "POST", "path": "cfl_ChargeInvoice"}


def steered(demo: Demo, new_page: NewPage, number: str) -> InvoiceForm:
    """An invoice whose dialog the test can make wait longer than anybody wants to."""
    page = signed_in(demo, new_page, "biller")
    page.clock.install(time=datetime.now(UTC))
    return InvoiceForm(page, demo, number)


def wait_long(page: Page) -> None:
    """Until the dialog has asked for as long as it asks."""
    page.clock.fast_forward(timedelta(seconds=40) // timedelta(milliseconds=1))
    page.wait_for_timeout(300)
    page.clock.fast_forward(timedelta(seconds=40) // timedelta(milliseconds=1))


def test_no_answer_is_unknown_until_check_again_finds_it_charged(demo: Demo, new_page: NewPage) -> None:
    demo.faults({**CONFIRM, "do": "drop_after", "times": 9}, {**RETRIEVE, "do": "drop_before", "times": 99})
    invoice = steered(demo, new_page, "INV-1001")
    dialog = invoice.charge()
    dialog.save()
    dialog.expect_state("submitting")
    (attempt,) = until_one_attempt(demo, invoice.page, "INV-1001")
    assert (attempt["statecode"], attempt["statuscode"]) == (0, 1), "Active (Pending)"
    for _ in range(10):
        if dialog.frame.locator("body").get_attribute("data-state") == "unknown":
            break
        wait_long(invoice.page)
    dialog.expect_state("unknown")
    assert "Don’t charge again." in dialog.message()

    dialog.press_again()
    expect(dialog.frame.locator(".message")).to_contain_text("Still no answer at", timeout=30_000)
    demo.faults()
    dialog.press_again()
    dialog.expect_state("succeeded")
    dialog.close()
    expect(invoice.status).to_have_text("Paid (Complete)")
    assert len(demo.transactions("INV-1001")) == 1


def until_one_attempt(demo: Demo, page: Page, number: str) -> list[dict[str, Any]]:
    for _ in range(100):
        found = demo.transactions(number)
        if found:
            return found
        page.wait_for_timeout(100)
    return []


def test_the_answer_of_the_call_may_be_lost(demo: Demo, new_page: NewPage) -> None:
    demo.faults({**CHARGE, "do": "drop_after"})
    dialog = an_invoice(demo, new_page, "INV-1001").charge()
    dialog.save()
    dialog.expect_state("succeeded")
    assert len(demo.transactions("INV-1001")) == 1


def test_a_charge_that_never_arrived_is_known_not_to_have_happened(demo: Demo, new_page: NewPage) -> None:
    # A browser repeats a request by itself when a connection breaks under it.
    demo.faults({**CHARGE, "do": "drop_before", "times": 99})
    invoice = steered(demo, new_page, "INV-1001")
    dialog = invoice.charge()
    dialog.save()
    dialog.expect_state("submitting")
    body = dialog.frame.locator("body")
    for _ in range(10):
        if body.get_attribute("data-state") != "submitting":
            break
        wait_long(invoice.page)
    if body.get_attribute("data-state") == "unknown":
        # On a busy machine the leap in time also ends the dialog's own question; then the clerk asks once more.
        dialog.frame.get_by_role("button", name="Check again").click()
    dialog.expect_state("error")
    assert "Nothing was charged." in dialog.message()
    assert demo.transactions("INV-1001") == []
    demo.faults()
    dialog.save()
    dialog.expect_state("succeeded")


def test_closing_while_a_charge_is_under_way_is_harmless(demo: Demo, new_page: NewPage) -> None:
    demo.faults({**CONFIRM, "do": "delay", "seconds": 2.5})
    invoice = an_invoice(demo, new_page, "INV-1001")
    dialog = invoice.charge()
    dialog.save()
    dialog.expect_state("submitting")
    invoice.page.locator("dialog button[data-id=dialogCloseIconButton]").click()
    expect(invoice.page.locator("dialog")).to_have_count(0)
    for _ in range(50):
        invoice.open()
        if invoice.status.inner_text() == "Paid (Complete)":
            break
        invoice.page.wait_for_timeout(200)
    expect(invoice.status).to_have_text("Paid (Complete)")
    assert len(demo.transactions("INV-1001")) == 1


def test_offline_nothing_is_sent(demo: Demo, new_page: NewPage) -> None:
    dialog = an_invoice(demo, new_page, "INV-1001").charge()
    dialog.page.context.set_offline(True)
    dialog.save()
    dialog.expect_state("offline")
    assert demo.transactions("INV-1001") == []
    dialog.page.context.set_offline(False)
    dialog.expect_state("ready")
    dialog.save()
    dialog.expect_state("succeeded")


def test_a_double_click_charges_once(demo: Demo, new_page: NewPage) -> None:
    dialog = an_invoice(demo, new_page, "INV-1001").charge()
    dialog.amount.fill("100")
    dialog.frame.locator("#charge").dblclick()
    dialog.expect_state("succeeded")
    assert len(demo.transactions("INV-1001")) == 1


def test_of_two_tabs_the_second_is_told_what_the_first_did(demo: Demo, new_page: NewPage) -> None:
    first = an_invoice(demo, new_page, "INV-1001").charge()
    second = an_invoice(demo, new_page, "INV-1001", user="manager").charge()
    first.amount.fill("400")
    first.save()
    first.expect_state("succeeded")
    second.save()
    second.expect_state("changed")
    assert "The balance is now $850.00 (was $1,250.00)" in second.message()
    assert len(demo.transactions("INV-1001")) == 1
    second.press_again()
    second.expect_state("ready")
    assert second.amount.input_value() == "850.00"
    second.save()
    second.expect_state("succeeded")


def test_of_two_at_the_same_moment_one_charges(demo: Demo, new_page: NewPage) -> None:
    demo.faults({**CONFIRM, "do": "delay", "seconds": 2.5})
    first = an_invoice(demo, new_page, "INV-1001").charge()
    second = an_invoice(demo, new_page, "INV-1001", user="manager").charge()
    first.save()
    until_one_attempt(demo, first.page, "INV-1001")
    second.save()
    second.expect_state("inprogress")
    assert "Bea Larsson" in second.message()
    first.expect_state("succeeded")
    second.press_again()
    second.expect_state("paid")
    assert len(demo.transactions("INV-1001")) == 1
