"""What axe finds wrong with a page and the frames in it, by WCAG 2.2 AA and its own best practices."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """A line for each finding, with the elements it is about; empty when there is none."""
    for frame in page.frames:
        frame.evaluate(AXE_SCRIPT)
    found = page.evaluate(
        "standards => axe.run({ runOnly: standards, resultTypes: ['violations'] }).then(all => all.violations)",
        STANDARDS,
    )
    return [
        f"{each['id']}: {each['help']} ({', '.join(str(node['target']) for node in each['nodes'])})"
        for each in found
    ]
