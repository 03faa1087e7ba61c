"""The invoice form of the local CRM, and the Charge dialog over it, as a user works them."""

from typing import Any

from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.browser.chromium import NewPage
from tests.browser.demo_stack import Demo


class InvoiceForm:
    """One user's view of one invoice."""

    def __init__(self, page: Page, demo: Demo, number: str) -> None:
        self.page = page
        self.demo = demo
        self.number = number
        self.open()

    def open(self) -> None:
        self.page.goto(self.demo.form(self.number))
        expect(self.page.locator("#record-name")).to_be_visible()

    @property
    def command(self) -> Locator:
        """The Counterfoil menu of the command bar."""
        return self.page.locator("#commands").get_by_role("button", name="Counterfoil")

    @property
    def status(self) -> Locator:
        return self.page.locator(".head-values div", has_text="Status Reason").locator("dd")

    def field(self, column: str) -> Locator:
        return self.page.locator(f"[data-field={column}] .value").first

    def attempts(self) -> Locator:
        """The rows of the Payment Transactions list on the form."""
        return self.page.get_by_role("group", name="Payment Transactions").locator("tbody tr")

    def charge(self) -> "ChargeDialog":
        """Chooses Counterfoil, Charge, and waits until the dialog has read what it needs."""
        self.command.click()
        self.page.get_by_role("menuitem", name="Charge").click()
        return ChargeDialog(self.page)


class ChargeDialog:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.frame: FrameLocator = page.frame_locator("dialog iframe")
        expect(self.frame.locator("body")).not_to_have_attribute("data-state", "loading")

    def expect_state(self, state: str, *, within: float = 15) -> None:
        expect(self.frame.locator("body")).to_have_attribute("data-state", state, timeout=within * 1000)

    @property
    def amount(self) -> Locator:
        return self.frame.locator("#amount")

    @property
    def profile(self) -> Locator:
        return self.frame.locator("#profile")

    def save(self) -> None:
        self.frame.locator("#charge").click()

    def close(self) -> None:
        self.frame.locator("#close").click()
        expect(self.page.locator("dialog")).to_have_count(0)

    def press_again(self) -> None:
        self.frame.locator("#again").click()

    def message(self) -> str:
        return self.frame.locator(".message").inner_text().replace("\u00a0", " ")

    def facts(self) -> dict[str, str]:
        words = self.frame.locator("#facts").inner_text().replace("\u00a0", " ").split("\n")
        return dict(zip(words[::2], words[1::2], strict=True))


def signed_in(demo: Demo, new_page: NewPage, user: str, **options: Any) -> Page:
    page = new_page(**{"width": 1280, "height": 800, **options})
    page.request.post(f"{demo.url}/sandbox/signin", data={"user": user})
    return page


def an_invoice(
    demo: Demo, new_page: NewPage, number: str, user: str = "biller", **options: Any
) -> InvoiceForm:
    """The form of an invoice in a new window of a user."""
    return InvoiceForm(signed_in(demo, new_page, user, **options), demo, number)
