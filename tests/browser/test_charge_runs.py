"""A charge run, clicked through: planned for everybody who is charged by themselves, looked at, started, and what became of it."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.browser.account_form import ActionDialog, RowList
from tests.browser.chromium import NewPage
from tests.browser.demo_stack import Demo
from tests.browser.invoice_form import signed_in

pytestmark = pytest.mark.browser

OUTCOMES = ("Planned", "Skipped", "Succeeded", "Failed", "Pending")
CHOICE = 728310000


def command(page: Page, name: str) -> ActionDialog:
    page.locator("#commands").get_by_role("button", name=name, exact=True).click()
    return ActionDialog(page)


def list_of(demo: Demo, page: Page, table: str) -> None:
    page.goto(f"{demo.url}/main.aspx?pagetype=entitylist&etn={table}")


def lines(demo: Demo) -> dict[str, str]:
    rows = demo.rows("cfl_chargerunlines?$select=cfl_name,cfl_outcome")
    return {each["cfl_name"]: OUTCOMES[each["cfl_outcome"] - CHOICE] for each in rows}


def wait_until(demo: Demo, **wanted: str) -> None:
    """The service goes on by itself."""
    names = {name.replace("_", "-"): outcome for name, outcome in wanted.items()}
    for _ in range(150):
        if names.items() <= lines(demo).items():
            return
        time.sleep(0.2)
    raise AssertionError(lines(demo))


def test_a_run_is_planned_looked_at_and_started(demo: Demo, new_page: NewPage, tmp_path: Path) -> None:
    page = signed_in(demo, new_page, "manager", height=900)
    list_of(demo, page, "cfl_chargerun")
    dialog = command(page, "Plan Charge Run")
    assert violations(page) == []
    page.screenshot(path=tmp_path / "plan.png")
    said = dialog.done("Plan")
    assert "The run is planned." in said
    expect(page.locator("#record-name")).to_contain_text("CR-")

    invoices = RowList(page, "Invoices")
    page.get_by_role("tab", name="Invoices", exact=True).click()
    invoices.expect("INV-1001", Outcome="Planned", Amount="$1,250.00")
    expect(invoices.row("INV-1001")).to_contain_text("Fabrikam Fibre")
    page.get_by_role("tab", name="Skipped", exact=True).click()
    left_out = RowList(page, "Skipped").row("INV-1010")
    expect(left_out).to_contain_text("has no payment profile")
    assert demo.transactions("INV-1001") == []

    dialog = command(page, "Start")
    page.screenshot(path=tmp_path / "start.png")
    assert violations(page) == []
    dialog.done("Start")
    wait_until(
        demo,
        INV_1001="Succeeded",
        INV_1005="Failed",
        INV_1006="Failed",
        INV_1007="Pending",
        INV_1008="Succeeded",
    )
    page.reload()
    page.get_by_role("tab", name="Failed", exact=True).click()
    RowList(page, "Failed").expect("INV-1005", Outcome="Failed")
    expect(RowList(page, "Failed").row("INV-1006")).to_contain_text("asks the customer to confirm")
    page.get_by_role("tab", name="Summary", exact=True).click()
    expect(page.locator("[data-field=cfl_status] .value")).to_have_text("Running")
    assert violations(page) == []
    page.screenshot(path=tmp_path / "run.png")
    page.set_viewport_size({"width": 360, "height": 740})
    page.screenshot(path=tmp_path / "narrow.png")

    demo.advance(days=15)
    wait_until(demo, INV_1007="Succeeded")
    page.reload()
    expect(page.locator("[data-field=cfl_status] .value")).to_have_text("Done")


def test_ticked_invoices_are_planned_and_the_run_is_cancelled(demo: Demo, new_page: NewPage) -> None:
    page = signed_in(demo, new_page, "manager", height=900)
    list_of(demo, page, "invoice")
    for number in ("INV-1001", "INV-1011"):
        page.locator("tbody tr").filter(has_text=number).get_by_role("checkbox").check()
    command(page, "Plan Charge Run").done("Plan")
    expect(page.locator("#record-name")).to_contain_text("CR-")
    assert lines(demo) == {"INV-1001": "Planned", "INV-1011": "Planned"}
    command(page, "Cancel Run").done("Cancel the run")
    wait_until(demo, INV_1001="Skipped", INV_1011="Skipped")
    page.reload()
    expect(page.locator("[data-field=cfl_status] .value")).to_have_text("Cancelled")
    expect(page.locator("#commands").get_by_role("button", name="Start", exact=True)).to_have_count(0)


def test_a_biller_sees_runs_and_begins_none(demo: Demo, new_page: NewPage) -> None:
    page = signed_in(demo, new_page, "biller", height=900)
    list_of(demo, page, "cfl_chargerun")
    expect(page.locator("#commands")).to_be_visible()
    expect(page.locator("#commands").get_by_role("button", name="Plan Charge Run")).to_have_count(0)
