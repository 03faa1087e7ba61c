"""The form of a billing account in the local CRM, and the dialogs over it, as a billing clerk works them."""

import re
from collections.abc import Mapping

from playwright.sync_api import FrameLocator, Locator, Page, expect
from playwright.sync_api import TimeoutError as WaitedTooLong

from tests.browser.chromium import NewPage
from tests.browser.demo_stack import Demo
from tests.browser.invoice_form import signed_in


class AccountForm:
    """One user's view of one billing account."""

    def __init__(self, page: Page, demo: Demo, name: str) -> None:
        self.page, self.demo, self.name = page, demo, name
        (row,) = demo.rows(f"cfl_billingaccounts?$select=cfl_name&$filter=cfl_name eq '{name}'")
        self.id = str(row["cfl_billingaccountid"])
        self.open()

    def open(self) -> None:
        self.page.goto(f"{self.demo.url}/main.aspx?pagetype=entityrecord&etn=cfl_billingaccount&id={self.id}")
        expect(self.page.locator("#record-name")).to_be_visible()

    def tab(self, name: str) -> "AccountForm":
        self.page.get_by_role("tab", name=name, exact=True).click()
        return self

    @property
    def balance(self) -> Locator:
        return self.page.locator(".head-values div", has_text="Balance").locator("dd").first

    def list(self, label: str) -> "RowList":
        return RowList(self.page, label)

    def tool(self, name: str) -> "ActionDialog":
        """Chooses a command of the Tools menu."""
        self.page.locator("#commands").get_by_role("button", name="Tools").click()
        self.page.get_by_role("menuitem", name=name).click()
        return ActionDialog(self.page)

    def usage_history(self) -> "UsageHistory":
        """Opens it from the list of usage credit jobs (E94)."""
        self.list("Usage Credit Jobs").command("Usage History").click()
        return UsageHistory(self.page)


class UsageHistory:
    """The usage history of the account, over its form."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frame: FrameLocator = page.frame_locator("dialog.page > iframe")
        self.expect_state("unfiltered")

    def expect_state(self, state: str) -> None:
        expect(self.frame.locator("body")).to_have_attribute("data-state", state)

    def filter(self, label: str, text: str) -> "UsageHistory":
        """Types into a filter; Enter loads the list (E96)."""
        control = self.frame.get_by_label(label)
        if control.evaluate("each => each.tagName") == "SELECT":
            control.select_option(label=text)
        else:
            control.fill(text)
        control.press("Enter")
        self.expect_state("listed")
        return self

    def rows(self) -> Locator:
        return self.frame.locator("#records tbody tr")

    def facts(self) -> dict[str, str]:
        words = self.frame.locator("#facts").inner_text().replace("\u00a0", " ").split("\n")
        return dict(zip(words[::2], words[1::2], strict=True))

    @property
    def credit_command(self) -> Locator:
        return self.frame.get_by_role("button", name="Credit", exact=True)

    def credit(self) -> "ActionDialog":
        self.credit_command.click()
        return ActionDialog(self.page, self.frame.frame_locator("#over iframe"))

    def close(self) -> None:
        self.frame.locator("#close").click()
        expect(self.page.locator("dialog")).to_have_count(0)


class RowList:
    """A list of rows on a form, with the commands above it."""

    def __init__(self, page: Page, label: str) -> None:
        self.page = page
        self.table = page.get_by_role("group", name=label, exact=True)
        self.box = page.locator(".grid-control").filter(has=self.table)
        self._ticked: tuple[str, ...] = ()

    def command(self, name: str) -> Locator:
        return self.box.locator(".grid-commands").get_by_role("button", name=name, exact=True)

    def choose(self, name: str) -> "ActionDialog":
        """Presses the command, after ticking once more what a list that was just renewed forgot."""
        for _ in range(4):
            self.tick(*self._ticked)
            try:
                self.command(name).click(timeout=3_000)
                break
            except WaitedTooLong:
                continue
        self._ticked = ()
        return ActionDialog(self.page)

    def tick(self, *texts: str) -> "RowList":
        self._ticked = texts
        for text in texts:
            self.row(text).get_by_role("checkbox").check()
        return self

    def refresh(self) -> None:
        self.box.locator("[data-refresh]").click()

    def filter(self, heading: str, text: str) -> "RowList":
        """Types into a column's filter; Enter applies it (E96)."""
        self.table.get_by_role("button", name=f"Filter by {heading}", exact=True).click()
        box = self.page.locator(".filter-box")
        box.get_by_role("textbox").fill(text)
        box.get_by_role("textbox").press("Enter")
        expect(box).to_be_hidden()
        return self

    def row(self, text: str) -> Locator:
        return self.table.locator("tbody tr").filter(has_text=text)

    def rows(self) -> Locator:
        return self.table.locator("tbody tr")

    def expect(self, text: str, **values: str) -> None:
        """Waits until the row says so: `Gross="$80.00"`; the words of a heading are joined by `_`."""
        expect(self.row(text)).to_have_count(1)
        headings = [
            words.split("\n")[0].strip(" ↑↓") for words in self.table.locator("thead th").all_inner_texts()
        ]
        for name, value in values.items():
            cell = self.row(text).locator("td").nth(headings.index(name.replace("_", " ")))
            expect(cell).to_have_text(value)


class ActionDialog:
    """The dialog of an action, over whatever page opened it."""

    def __init__(self, page: Page, frame: FrameLocator | None = None) -> None:
        self.page = page
        self.frame = frame or page.frame_locator("dialog iframe")
        expect(self.frame.locator("body")).not_to_have_attribute("data-state", "loading")

    def fill(self, values: Mapping[str, str | bool]) -> "ActionDialog":
        """By label: text typed, an option chosen, a box ticked or not."""
        for label, value in values.items():
            control = self.frame.get_by_label(re.compile(rf"^{re.escape(label)}\*?$"))
            if isinstance(value, bool):
                control.set_checked(value)
            elif control.evaluate("each => each.tagName") == "SELECT":
                control.select_option(label=value)
            else:
                control.fill(value)
        return self

    def tick(self, *texts: str) -> "ActionDialog":
        for text in texts:
            self.frame.get_by_role("checkbox", name=re.compile(re.escape(text))).check()
        return self

    def find(self, label: str, typed: str, wanted: str) -> "ActionDialog":
        """Types into a lookup and takes one of what it suggests."""
        self.frame.get_by_label(re.compile(rf"^{label}\*?$")).fill(typed)
        self.frame.get_by_role("option", name=re.compile(re.escape(wanted))).first.click()
        return self

    def press(self, name: str) -> "ActionDialog":
        self.frame.get_by_role("button", name=name, exact=True).click()
        return self

    def done(self, name: str = "Save") -> str:
        """Presses the button, waits for success, closes the dialog; what it said."""
        said = self.succeed(name)
        self.close()
        return said

    def succeed(self, name: str = "Save") -> str:
        self.press(name)
        self.expect_state("succeeded")
        return self.message()

    def expect_state(self, state: str, *, within: float = 20) -> None:
        expect(self.frame.locator("body")).to_have_attribute("data-state", state, timeout=within * 1000)

    def facts(self) -> dict[str, str]:
        words = self.frame.locator("#facts").inner_text().replace("\u00a0", " ").split("\n")
        return dict(zip(words[::2], words[1::2], strict=True))

    def message(self) -> str:
        return self.frame.locator(".message").first.inner_text().replace("\u00a0", " ")

    def close(self) -> None:
        self.frame.locator("#close").click()
        expect(self.page.locator("dialog")).to_have_count(0)
        self.page.wait_for_load_state(
            "networkidle"
        )  # the page behind it is renewed, and forgets what was ticked


def an_account(
    demo: Demo,
    new_page: NewPage,
    name: str = "Fabrikam Fibre (USD)",
    user: str = "biller",
    tab: str = "Transactions",
) -> AccountForm:
    """The form of a billing account in a new window of a user, on one of its tabs."""
    page = signed_in(demo, new_page, user, width=1400, height=1000)
    return AccountForm(page, demo, name).tab(tab)
