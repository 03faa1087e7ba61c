"""Each state of the dialog: wording, live region, focus, buttons; by axe, by keyboard and at 320 px."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import violations
from tests.dialog.scripted_crm import OpenDialog, ScriptedCrm
from tests.dialog.situations import SITUATIONS

pytestmark = pytest.mark.browser

CLOSED_BY_HAND = {"en": "You can close this window.", "de": "Sie können dieses Fenster schließen."}
"""What Esc says where nothing can close the window: a page of its own, as here."""


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_state_says_what_happened_and_hands_the_next_step_to_the_keyboard(
    name: str, crm: ScriptedCrm, open_dialog: OpenDialog
) -> None:
    situation = SITUATIONS[name]
    page = situation.reach(crm, open_dialog)
    key = crm.asked[-1].key if crm.asked else ""
    assert shown(page) == (situation.region, situation.says.replace("{key}", key))
    assert page.evaluate("document.activeElement.id") == situation.focus
    assert spoken(page.locator("button:visible")) == situation.buttons.split(", ")
    assert violations(page) == []

    assert reached_by_tab(page) == usable(page)

    page.set_viewport_size({"width": 320, "height": 480})
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == 320, "nothing is cut off or scrolled sideways"

    page.keyboard.press("Escape")
    if situation.state == "submitting":
        page.wait_for_timeout(300)
        assert shown(page) == (situation.region, situation.says), "a charge under way does not close"
    else:
        language = page.locator("html").get_attribute("lang") or ""
        expect(page.locator(".message")).to_have_text(CLOSED_BY_HAND[language])


def reached_by_tab(page: Page) -> set[str]:
    reached = {page.evaluate("document.activeElement.id")}
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    return reached - {""}


def usable(page: Page) -> set[str]:
    """Everything on the page that can be worked with."""
    controls = "button:visible, input:visible, select:visible:not(:disabled)"
    return set(page.locator(controls).evaluate_all("all => all.map(one => one.id)"))


def shown(page: Page) -> tuple[str, str]:
    """Which live region holds a message, and its lines; exactly one of them may."""
    for region in ("polite", "assertive"):
        lines = spoken(page.locator(f"#{region} .message > *, #{region} .waiting"))
        if lines:
            other = "assertive" if region == "polite" else "polite"
            assert page.locator(f"#{other}").inner_text() == ""
            return region, "|".join(lines)
    return "", ""


def spoken(elements: Locator) -> list[str]:
    return [text.replace("\u00a0", " ") for text in elements.all_inner_texts()]
