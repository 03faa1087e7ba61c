"""Asking a customer for a card, as a clerk and the customer do it: the link, the processor's page, the charge."""

from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.accessibility import violations
from tests.browser.account_form import AccountForm
from tests.browser.chromium import NewPage
from tests.browser.demo_stack import Demo
from tests.browser.invoice_form import an_invoice, signed_in

pytestmark = pytest.mark.browser


def opened_account(demo: Demo) -> None:
    """Proseware Labs gets a billing account, as Open Billing Account does it."""
    (account,) = demo.rows("accounts?$select=name&$filter=name eq 'Proseware Labs'")
    answer = demo.session.post(
        f"{demo.url}/api/data/v9.2/accounts({account['accountid']})/Microsoft.Dynamics.CRM.cfl_OpenAccount",
        json={"RequestKey": "open-proseware", "Currency": "USD"},
        timeout=30,
    )
    answer.raise_for_status()


def on_the_contract(demo: Demo, name: str) -> None:
    """What a manager enters on the contract's form."""
    (profile,) = demo.rows(
        f"cfl_paymentprofiles?$select=cfl_name&$filter=cfl_name eq '{name}' and cfl_requestused eq true"
    )
    (contract,) = demo.rows("cfl_billingcontracts?$select=cfl_name&$filter=cfl_name eq 'BC-01007'")
    demo.session.patch(
        f"{demo.url}/api/data/v9.2/cfl_billingcontracts({contract['cfl_billingcontractid']})",
        json={"cfl_paymentprofileid@odata.bind": f"/cfl_paymentprofiles({profile['cfl_paymentprofileid']})"},
        headers={"If-Match": "*"},
        timeout=30,
    ).raise_for_status()


def enters_a_card(customer: Page, url: str) -> None:
    """On the processor's own page, in a browser of the customer's."""
    customer.goto(url)
    customer.get_by_label("Visa •••• 4242 works").check()
    customer.get_by_role("button", name="Save").click()
    expect(customer.get_by_role("heading", name="Thank you")).to_be_visible()
    assert violations(customer) == []


def test_a_customer_without_a_profile_is_asked_for_one_and_charged(demo: Demo, new_page: NewPage) -> None:
    opened_account(demo)
    invoice = an_invoice(demo, new_page, "INV-1010")
    dialog = invoice.charge()
    dialog.expect_state("noprofile")
    dialog.frame.get_by_role("button", name="New payment method…").click()
    request = dialog.frame
    expect(request.get_by_role("heading", level=1)).to_have_text(
        "Request a payment profile for Proseware Labs"
    )
    request.get_by_role("button", name="Get a link").click()
    link = request.get_by_label("Link for the customer")
    expect(link).to_be_visible(timeout=15_000)

    enters_a_card(new_page(width=1280, height=800), link.input_value())

    expect(request.locator("#link-state")).to_have_text("Visa •••• 4242 is ready.", timeout=20_000)
    request.get_by_role("button", name="Go on").click()
    dialog.expect_state("noprofile")  # W03: the contract has to name it
    dialog.close()
    on_the_contract(demo, "Visa •••• 4242")

    invoice.open()
    dialog = invoice.charge()
    dialog.save()
    dialog.expect_state("succeeded")
    assert "$640.00 was charged to Visa •••• 4242." in dialog.message()
    dialog.close()
    expect(invoice.status).to_have_text("Paid (Complete)")


def form_of(demo: Demo, clerk: Page, profile: dict[str, Any]) -> FrameLocator:
    key = profile["cfl_paymentprofileid"]
    clerk.goto(f"{demo.url}/main.aspx?pagetype=entityrecord&etn=cfl_paymentprofile&id={key}")
    expect(clerk.locator("#record-name")).to_be_visible()
    return clerk.frame_locator("dialog iframe")


def the(demo: Demo, account: str, name: str) -> dict[str, Any]:
    where = f"cfl_name eq '{name}' and cfl_accountid/name eq '{account}'"
    (row,) = demo.rows(f"cfl_paymentprofiles?$filter={where}")
    return row


def test_a_clerk_moves_the_default_and_takes_a_profile_out_of_use(demo: Demo, new_page: NewPage) -> None:
    clerk = signed_in(demo, new_page, "biller")
    dialog = form_of(demo, clerk, the(demo, "Adatum Stone", "Mastercard •••• 4444"))
    clerk.locator("#commands").get_by_role("button", name="Set as Default").click()
    dialog.get_by_role("button", name="Set as default").click()
    expect(dialog.locator("body")).to_have_attribute("data-state", "succeeded", timeout=15_000)
    dialog.locator("#close").click()
    assert the(demo, "Adatum Stone", "Visa •••• 5556")["cfl_isdefault"] is False
    assert the(demo, "Adatum Stone", "Mastercard •••• 4444")["cfl_isdefault"] is True

    dialog = form_of(demo, clerk, the(demo, "Adatum Stone", "Visa •••• 5556"))
    clerk.locator("#commands").get_by_role("button", name="Deactivate Profile").click()
    dialog.get_by_role("button", name="Deactivate").click()
    expect(dialog.locator("body")).to_have_attribute("data-state", "succeeded", timeout=15_000)
    assert "1 billing contract still names it" in dialog.locator("#polite").inner_text()
    dialog.locator("#close").click()
    expect(clerk.locator("#read-only")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 360])
def test_the_link_is_shown_on_a_screen_of_any_width(demo: Demo, new_page: NewPage, width: int) -> None:
    clerk = signed_in(demo, new_page, "biller", width=width)
    account = AccountForm(clerk, demo, "Fabrikam Fibre (USD)")
    frame = account.tool("Request Payment Profile").frame
    frame.get_by_role("button", name="Get a link").click()
    expect(frame.get_by_label("Link for the customer")).to_be_visible(timeout=15_000)
    assert violations(clerk) == []
    wider = frame.locator("body").evaluate("() => document.documentElement.scrollWidth > innerWidth")
    assert not wider
