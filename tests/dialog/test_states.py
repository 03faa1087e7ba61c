"""Each state of the dialog: its wording, live region, focus and buttons, by axe and at 320 px."""

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.accessibility import violations
from tests.dialog.scripted_crm import OpenDialog, ScriptedCrm
from tests.dialog.situations import SITUATIONS

pytestmark = pytest.mark.browser


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

    page.set_viewport_size({"width": 320, "height": 480})
    assert page.evaluate("document.documentElement.scrollWidth") == 320, (
        "nothing is cut off or scrolled sideways"
    )


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
