"""Chromium for tests, kept on this machine, and pages that fail a test when they complain."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

EXECUTABLE = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
IN_CI = os.environ.get("CI") == "true"

ARGUMENTS = [
    "--font-render-hinting=none",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no page leaves this machine
]

PATIENCE = 15_000
"""Milliseconds that a busy machine may take for anything."""

NewPage = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the whole run. Skips where there is none, but fails in CI."""
    if EXECUTABLE is None:
        message = "no Chromium: install it (apt-get install chromium) or name it in the variable CHROMIUM"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        yield browser
        browser.close()


def a_page(browser: Browser, width: int = 560, height: int = 640, **options: Any) -> Page:
    """A page in a context of its own, in American English unless `options` say otherwise."""
    options = {"locale": "en-US", "timezone_id": "Europe/Berlin", "reduced_motion": "reduce", **options}
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(PATIENCE)
    return context.new_page()


def listen_to(page: Page) -> list[str]:
    """What the page throws, and the content security policy it violates, from now on."""
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[NewPage]:
    """Opens pages: `new_page(width=320, locale="de-DE")`. The test fails when one of them complains."""
    opened: list[tuple[Page, list[str]]] = []

    def open_page(**options: Any) -> Page:
        page = a_page(chromium, **options)
        opened.append((page, listen_to(page)))
        return page

    yield open_page
    for page, _ in opened:
        page.context.close()
    assert [complaint for _, complaints in opened for complaint in complaints] == []
