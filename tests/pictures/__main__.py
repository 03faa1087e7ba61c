"""Takes the pictures of the documentation from a running demo: `python -m tests.pictures http://127.0.0.1:8365`.

The demo is reset first, so that the pictures show the same every time.
"""

import argparse
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, EXECUTABLE

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="where the demo's CRM is")
    origin = parser.parse_args().address.rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        context = browser.new_context(
            viewport={"width": 1280, "height": 760}, locale="en-US", reduced_motion="reduce"
        )
        context.request.post(f"{origin}/sandbox/reset")
        context.request.post(f"{origin}/sandbox/signin", data={"user": "biller"})
        tell(context.new_page(), origin)
        keep_an_account(context.new_page(), origin)
        context.request.post(f"{origin}/sandbox/signin", data={"user": "manager"})
        look_into_usage(context.new_page(), origin)
        browser.close()


def tell(page: Page, origin: str) -> None:
    """Charge INV-1001 in full, with a picture before and one after."""
    page.goto(f"{origin}/main.aspx?pagetype=entitylist&etn=invoice")
    page.get_by_role("link", name="INV-1001").click()
    page.get_by_role("button", name="Counterfoil").click()
    page.get_by_role("menuitem", name="Charge").click()
    dialog = page.frame_locator("dialog iframe")
    expect(dialog.locator("body")).to_have_attribute("data-state", "ready")
    page.screenshot(path=FOLDER / "charge.png")
    dialog.get_by_role("button", name="Charge $1,250.00").click()
    expect(dialog.locator("body")).to_have_attribute("data-state", "succeeded", timeout=30_000)
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator(".head-values")).to_contain_text("Paid (Complete)")
    page.screenshot(path=FOLDER / "paid.png")


def keep_an_account(page: Page, origin: str) -> None:
    """The transactions of Southridge Video's account: its debits, credits and payments."""
    page.set_viewport_size({"width": 1280, "height": 960})
    page.goto(f"{origin}/main.aspx?pagetype=entitylist&etn=cfl_billingaccount")
    page.get_by_role("link", name="Southridge Video (USD)").click()
    page.get_by_role("tab", name="Transactions").click()
    expect(page.get_by_role("group", name="Payments", exact=True).locator("tbody tr").first).to_be_visible()
    page.screenshot(path=FOLDER / "ledger.png")


def look_into_usage(page: Page, origin: str) -> None:
    """The usage history of Tailwind Traders, filtered to the three calls that are to be credited."""
    page.goto(f"{origin}/main.aspx?pagetype=entitylist&etn=cfl_billingaccount")
    page.get_by_role("link", name="Tailwind Traders (USD)").click()
    page.get_by_role("tab", name="Usage").click()
    page.get_by_role("button", name="Usage History").click()
    history = page.frame_locator("dialog iframe")
    history.get_by_label("Terminating identifier").fill("+1 519 555 0100")
    history.get_by_label("Terminating identifier").press("Enter")
    expect(history.locator("body")).to_have_attribute("data-state", "listed")
    page.screenshot(path=FOLDER / "usage.png")


if __name__ == "__main__":
    main()
