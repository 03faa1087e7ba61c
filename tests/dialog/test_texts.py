"""Every text in one place per language, complete, and every one of them used; sources that a strict policy allows."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.dialog.scripted_crm import WEB_RESOURCES

SOURCES = sorted((WEB_RESOURCES / "cfl_").glob("*.js"))
REMEDIES = ["InsufficientFunds", "UpdateCard", "CallBank", "OtherProfile", "Later"]


@pytest.fixture(scope="module")
def texts(chromium: Browser) -> dict[str, dict[str, str]]:
    page = chromium.new_page()
    for name in ("strings.js", "actiontexts.js"):
        page.add_script_tag(path=WEB_RESOURCES / "cfl_" / name)
    found: dict[str, dict[str, str]] = page.evaluate("Counterfoil.Strings.texts")
    page.close()
    return found


@pytest.mark.browser
def test_german_has_every_text_of_english_with_the_same_placeholders(
    texts: dict[str, dict[str, str]],
) -> None:
    assert set(texts) == {"en", "de"}
    english, german = texts["en"], texts["de"]
    assert list(german) == list(english)
    for key, text in english.items():
        assert placeholders(german[key]) == placeholders(text), key
        assert german[key].strip(), key
        assert german[key] != text or text == "{0} ({1})", f"{key} is not translated"


@pytest.mark.browser
def test_every_text_is_used_and_every_used_text_exists(texts: dict[str, dict[str, str]]) -> None:
    code = "\n".join(
        path.read_text() for path in SOURCES if path.name not in {"strings.js", "actiontexts.js"}
    )
    quoted = set(re.findall(r'"([a-z][A-Za-z]+)"', code)) | set(re.findall(r"\.(dialogTitle)\b", code))
    quoted |= {start + remedy for start in ("reason", "next") for remedy in REMEDIES}
    assert set(texts["en"]) - quoted == set()
    lines = set(re.findall(r'(?<!\w)\["([a-z][A-Za-z]+)"[\],]', code))
    lines -= {
        "pending",
        "close",
        "expired_card",
        "info",
        "warning",
        "top",
        "addCredit",
    }  # lists of something else
    assert lines - set(texts["en"]) == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_script_is_plain_strict_and_safe(path: Path) -> None:
    text = path.read_text()
    assert '"use strict";' in text
    assert text.startswith("// @ts-check\n")
    assert not re.search(
        r"\?\.[A-Za-z(\[]|\?\?|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function",
        text,
    )
    assert "console." not in text
    assert "http://" not in text


@pytest.mark.parametrize("path", sorted((WEB_RESOURCES / "cfl_").glob("*.html")), ids=lambda path: path.name)
def test_a_page_has_no_inline_code_and_no_field_for_a_card(path: Path) -> None:
    text = path.read_text()
    assert all('src="' in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"\son[a-z]+=|<style|\sstyle=|javascript:", text)
    assert not re.search(r"cc-|cvc|cvv|card-?number|\bpan\b", text, re.IGNORECASE)


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{\d\}", text))
