"""Amounts as people type them in their own number style, without a float."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from tests.dialog.scripted_crm import WEB_RESOURCES

pytestmark = pytest.mark.browser

STYLES = {
    "en-US": {"decimal": ".", "group": ",", "sizes": [3], "locale": "en-US"},
    "de-DE": {"decimal": ",", "group": ".", "sizes": [3], "locale": "de-DE"},
    "fr-FR": {"decimal": ",", "group": "\u202f", "sizes": [3], "locale": "fr-FR"},
    "de-CH": {"decimal": ".", "group": "’", "sizes": [3], "locale": "de-CH"},
    "en-IN": {"decimal": ".", "group": ",", "sizes": [3, 2], "locale": "en-IN"},
    "ja-JP": {"decimal": ".", "group": ",", "sizes": [3], "locale": "ja-JP"},
}
PRECISION = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}


@pytest.fixture(scope="module")
def script(chromium: Browser) -> Iterator[Page]:
    """A page with nothing but the functions under test."""
    page = chromium.new_page()
    for name in ("money.js", "strings.js", "locale.js"):
        page.add_script_tag(path=WEB_RESOURCES / "cfl_" / name)
    yield page
    page.close()


def currency(code: str) -> dict[str, Any]:
    return {"code": code, "precision": PRECISION[code], "symbol": "€" if code == "EUR" else ""}


def parse(script: Page, text: str, locale: str, code: str) -> Any:
    answer = script.evaluate(
        "([text, style, currency]) => Counterfoil.Money.parse(text, style, currency)",
        [text, STYLES[locale], currency(code)],
    )
    return answer.get("problem", answer.get("minor"))


@pytest.mark.parametrize(
    ("typed", "locale", "code", "expected"),
    [
        ("1250", "en-US", "USD", 125000),
        ("1,250.00", "en-US", "USD", 125000),
        ("10.5", "en-US", "USD", 1050),
        (".50", "en-US", "USD", 50),
        ("10.", "en-US", "USD", 1000),
        (" 10.50 ", "en-US", "USD", 1050),
        ("$10.50", "en-US", "USD", "format"),
        ("10.50 usd", "en-US", "USD", 1050),
        ("0.29", "en-US", "USD", 29),
        ("1.005", "en-US", "KWD", 1005),
        ("1,234,567.89", "en-US", "USD", 123456789),
        ("10,50", "de-DE", "EUR", 1050),
        ("1.250,00", "de-DE", "EUR", 125000),
        ("1.250", "de-DE", "EUR", 125000),
        ("€ 1.250,00", "de-DE", "EUR", 125000),
        ("1.250,00 €", "de-DE", "EUR", 125000),
        ("1 250,00", "de-DE", "EUR", 125000),
        ("12500", "de-DE", "JPY", 12500),
        ("12.500", "de-DE", "JPY", 12500),
        ("12,500", "ja-JP", "JPY", 12500),
        ("１２５００", "ja-JP", "JPY", 12500),
        ("١٢٥٠٫٥", "en-US", "USD", "format"),
        ("١٢٥٠.٥", "en-US", "USD", 125050),
        ("1\u202f250,00", "fr-FR", "EUR", 125000),
        ("1\u00a0250,00", "fr-FR", "EUR", 125000),
        ("1’250.00", "de-CH", "EUR", 125000),
        ("1'250.00", "de-CH", "EUR", 125000),
        ("12,34,567.00", "en-IN", "USD", 123456700),
        # A separator where no thousands are is a mistake, not a smaller or greater amount.
        ("10.50", "de-DE", "EUR", "format"),
        ("10.5", "de-DE", "EUR", "format"),
        ("12,345", "de-DE", "EUR", "decimals"),
        ("10,50", "en-US", "USD", "format"),
        ("1,25", "en-US", "USD", "format"),
        ("0,123", "en-US", "USD", "format"),
        ("1,2345", "en-US", "USD", "format"),
        ("1,250,00", "en-US", "USD", "format"),
        ("12,34,567.00", "en-US", "USD", "format"),
        ("1,250 000", "en-US", "USD", "format"),
        ("1.2.3", "en-US", "USD", "format"),
        ("1e3", "en-US", "USD", "format"),
        ("0x10", "en-US", "USD", "format"),
        ("NaN", "en-US", "USD", "format"),
        ("Infinity", "en-US", "USD", "format"),
        ("ten", "en-US", "USD", "format"),
        (".", "en-US", "USD", "format"),
        ("10.505", "en-US", "USD", "decimals"),
        ("10.500", "en-US", "USD", "decimals"),
        ("12500.00", "ja-JP", "JPY", "decimals"),
        ("", "en-US", "USD", "empty"),
        ("   ", "en-US", "USD", "empty"),
        ("USD", "en-US", "USD", "empty"),
        ("0", "en-US", "USD", "zero"),
        ("0.00", "en-US", "USD", "zero"),
        ("-5", "en-US", "USD", "zero"),
        ("−5,00", "de-DE", "EUR", "zero"),
        ("1000000000000000", "en-US", "USD", "huge"),
    ],
)
def test_an_amount_is_read_in_the_users_own_style(
    script: Page, typed: str, locale: str, code: str, expected: int | str
) -> None:
    assert parse(script, typed, locale, code) == expected


@given(
    minor=st.integers(min_value=1, max_value=10**15 - 1),
    locale=st.sampled_from(sorted(STYLES)),
    code=st.sampled_from(sorted(PRECISION)),
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_shown_reads_back_as_the_same_amount(
    script: Page, minor: int, locale: str, code: str
) -> None:
    shown = script.evaluate(
        """([minor, currency, style]) => {
            const money = Counterfoil.Money;
            const formatted = money.format(minor, currency, style);
            return {
                editable: money.parse(money.editable(minor, currency, style), style, currency).minor,
                formatted: money.parse(formatted, style, Object.assign({}, currency, { symbol: formatted.replace(/[\\d.,’\\s]/g, "") })).minor,
                numeral: money.numeral(minor, currency),
                wire: money.fromWire(money.numeral(minor, currency), currency),
            };
        }""",
        [minor, currency(code), STYLES[locale]],
    )
    exact = Decimal(minor).scaleb(-PRECISION[code])
    assert shown == {"editable": minor, "formatted": minor, "numeral": f"{exact:f}", "wire": minor}


@given(
    text=st.text(alphabet="0123456789.,-+ '’€eE\u00a0\u202f", max_size=12),
    locale=st.sampled_from(sorted(STYLES)),
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_is_an_amount_above_zero_or_a_named_problem(
    script: Page, text: str, locale: str
) -> None:
    answer = parse(script, text, locale, "EUR")
    assert answer in {"empty", "format", "decimals", "zero", "huge"} or (
        isinstance(answer, int) and answer > 0
    )


@pytest.mark.parametrize(
    ("value", "code", "minor"),
    [
        (1250, "USD", 125000),
        (1250.1, "USD", 125010),
        (0.29, "USD", 29),
        (90071992547.99, "USD", 9007199254799),
        ("1250.0000", "USD", 125000),
        ("12500.00", "JPY", 12500),
        (-12.5, "USD", -1250),
        (10.005, "USD", 1001),
        (None, "USD", 0),
        ("", "USD", 0),
    ],
)
def test_amounts_of_the_crm_are_read_exactly(script: Page, value: object, code: str, minor: int) -> None:
    read = script.evaluate(
        "([value, currency]) => Counterfoil.Money.fromWire(value, currency)", [value, currency(code)]
    )
    assert read == minor


@pytest.mark.parametrize(
    ("minor", "locale", "code", "shown"),
    [
        (125000, "en-US", "USD", "$1,250.00"),
        (-1250, "en-US", "USD", "-$12.50"),
        (125000, "de-DE", "EUR", "1.250,00 €"),
        (12500, "ja-JP", "JPY", "￥12,500"),
        (123456700, "en-IN", "USD", "$12,34,567.00"),
        (5, "en-US", "KWD", "KWD 0.005"),
    ],
)
def test_an_amount_is_shown_where_the_locale_puts_its_currency(
    script: Page, minor: int, locale: str, code: str, shown: str
) -> None:
    text = script.evaluate(
        "([minor, currency, style]) => Counterfoil.Money.format(minor, currency, style)",
        [minor, currency(code), STYLES[locale]],
    )
    assert text.replace("\u00a0", " ") == shown


@pytest.mark.parametrize(
    ("row", "browser", "expected"),
    [
        (
            {"decimalsymbol": ",", "numberseparator": ".", "localeid": 1031, "uilanguageid": 1031},
            "en-US",
            "de ltr , .",
        ),
        (
            {"decimalsymbol": ",", "numberseparator": " ", "localeid": 1033, "uilanguageid": 1033},
            "de-DE",
            "en ltr ,  ",
        ),
        (
            {"decimalsymbol": ".", "numberseparator": ",", "localeid": 3079, "uilanguageid": 0},
            "en-US",
            "de ltr . ,",
        ),
        (
            {"decimalsymbol": ".", "numberseparator": ",", "localeid": 1025, "uilanguageid": 1025},
            "en-US",
            "en rtl . ,",
        ),
        (None, "de-AT", "de ltr , \u00a0"),
        (None, "en-US", "en ltr . ,"),
        (None, "", "en ltr . ,"),
    ],
)
def test_settings_of_the_user_outrank_the_browser(
    script: Page, row: dict[str, Any] | None, browser: str, expected: str
) -> None:
    found = script.evaluate("([row, browser]) => Counterfoil.Locale.of(row, browser)", [row, browser])
    style = found["style"]
    assert f"{found['language']} {found['direction']} {style['decimal']} {style['group']}" == expected
