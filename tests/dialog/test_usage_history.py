"""The usage history: empty until somebody filters it, then a list with its sums, which Credit takes whole."""

import json
import re
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.dialog.scripted_crm import CHOICE, FORMATTED, GERMAN, Row
from tests.dialog.scripted_ledger import LEDGER, OpenAction, ScriptedLedger, a_usage_record, an_id

pytestmark = pytest.mark.browser

PAGE = "/WebResources/cfl_/usage.html"
MAY_CREDIT = "prvCreatecfl_maycreditusage"


def a_call(number: int, **columns: Any) -> Row:
    return {
        **a_usage_record(an_id(13, number), 1.0),
        "cfl_date": "2026-11-02T10:00:00Z",
        "cfl_date" + FORMATTED: "11/2/2026 11:00 AM",
        "cfl_originator": "+1 613 555 0001",
        "cfl_terminator": f"+1 519 555 {number:04}",
        "cfl_usageclass": CHOICE,
        "cfl_quantity": 12.5,
        "cfl_quantity" + FORMATTED: "12.50",
        "cfl_unit": "min",
        "_cfl_serviceid_value" + FORMATTED: "LD usage",
        "cfl_status": CHOICE + 1,
        **columns,
    }


@pytest.fixture(autouse=True)
def _calls(ledger: ScriptedLedger) -> None:
    ledger.tables["cfl_usagerecords"] = [a_call(number) for number in range(1, 4)]
    ledger.privileges.append(MAY_CREDIT)


def opened(open_action: OpenAction, **options: Any) -> Page:
    return open_action("usageHistory", path=PAGE, id=LEDGER, **options)


def filtered(page: Page, label: str, text: str, expected: str = "listed") -> None:
    page.get_by_label(label).fill(text)
    page.get_by_label(label).press("Enter")
    state(page, expected)


def state(page: Page, expected: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-state", expected)


def message(page: Page) -> str:
    said = page.locator(".message").inner_text()
    return re.sub(r"\n+", "|", said)


def buttons(page: Page) -> list[str]:
    return page.locator(".actions button:visible").all_inner_texts()


def asked(ledger: ScriptedLedger) -> list[ET.Element]:
    """The queries for usage records, oldest first."""
    texts = [each.split("fetchXml=", 1)[1] for each in ledger.queries if each.startswith("cfl_usagerecords?")]
    return [ET.fromstring(text) for text in texts]  # noqa: S314 - the page's own


def conditions(query: ET.Element) -> dict[str, tuple[str, str]]:
    """Operator and value of each condition but those that every query has."""
    found = {
        each.get("attribute", ""): (each.get("operator", ""), each.get("value", ""))
        for each in query.iter("condition")
    }
    assert found.pop("statecode") == ("eq", "0")
    assert found.pop("cfl_billingaccountid") == ("eq", LEDGER)
    return found


def test_nothing_is_listed_or_read_until_somebody_filters(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    """E95."""
    page = opened(open_action)
    state(page, "unfiltered")
    assert page.get_by_role("heading", level=1).inner_text() == "Usage history of Fabrikam Fibre USD"
    assert (
        message(page)
        == "Filter the records to see them.|Enter something in one of the fields and press Enter."
    )
    expect(page.get_by_label("Date from")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("Terminating identifier").fill("   ")
    page.get_by_role("button", name="Filter").click()
    state(page, "unfiltered")
    assert page.locator("#list").is_hidden()
    assert asked(ledger) == []
    assert buttons(page) == ["Close"]


@pytest.mark.parametrize(
    ("label", "entered", "column", "expected"),
    [
        ("Date from", "2026-11-01", "cfl_date", ("on-or-after", "2026-11-01")),
        ("Date to", "2026-11-30", "cfl_date", ("on-or-before", "2026-11-30")),
        ("Originating identifier", "613", "cfl_originator", ("like", "%613%")),
        ("Terminating identifier", " +1 519 ", "cfl_terminator", ("like", "%+1 519%")),
        ("Terminating identifier", "50%_[x]", "cfl_terminator", ("like", "%50[%][_][[]x]%")),
        ("Service", "<LD> & more", "name", ("like", "%<LD> & more%")),
    ],
)
def test_each_filter_becomes_a_condition(
    label: str,
    entered: str,
    column: str,
    expected: tuple[str, str],
    ledger: ScriptedLedger,
    open_action: OpenAction,
) -> None:
    """E96: Enter in the field loads the list."""
    page = opened(open_action)
    filtered(page, label, entered)
    queries = asked(ledger)
    assert [conditions(each) for each in queries] == [{column: expected}] * 2
    assert {each.get("count") for each in queries} == {"50", "5000"}
    linked = queries[0].find("entity/link-entity")
    assert (linked is not None) == (label == "Service")


def test_a_choice_is_a_filter_too_and_all_of_them_hold_together(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    """E97."""
    page = opened(open_action)
    page.get_by_label("Usage class").select_option(label="SMS")
    page.get_by_label("Status").select_option(label="Unbilled")
    page.get_by_label("Status").press("Enter")
    state(page, "listed")
    page.get_by_label("Date from").fill("2026-11-01")
    page.get_by_label("Date to").fill("2026-11-30")
    filtered(page, "Terminating identifier", "519")
    assert sorted(
        (each.get("attribute"), each.get("operator"), each.get("value"))
        for each in asked(ledger)[-1].iter("condition")
    ) == [
        ("cfl_billingaccountid", "eq", LEDGER),
        ("cfl_date", "on-or-after", "2026-11-01"),
        ("cfl_date", "on-or-before", "2026-11-30"),
        ("cfl_status", "eq", str(CHOICE)),
        ("cfl_terminator", "like", "%519%"),
        ("cfl_usageclass", "eq", str(CHOICE + 1)),
        ("statecode", "eq", "0"),
    ]


def test_a_record_is_written_as_the_user_reads(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = opened(open_action)
    filtered(page, "Service", "LD")
    assert page.locator("thead th").all_inner_texts() == [
        "Date", "Originating identifier", "Terminating identifier", "Usage class", "Quantity", "Service", "Net", "Tax",
        "Gross", "Status",
    ]  # fmt: skip
    assert page.locator("tbody tr").first.locator("td").all_inner_texts() == [
        "11/2/2026 11:00 AM", "+1 613 555 0001", "+1 519 555 0001", "Call", "12.50 min", "LD usage", "$1.00", "$0.10",
        "$1.10", "Billed",
    ]  # fmt: skip
    ledger.settings = dict(GERMAN)
    page = opened(open_action)
    filtered(page, "Leistung", "LD")
    cells = [
        text.replace("\xa0", " ") for text in page.locator("tbody tr").first.locator("td").all_inner_texts()
    ]
    assert cells[3:4] + cells[6:] == ["Anruf", "1,00 $", "0,10 $", "1,10 $", "Abgerechnet"]


def test_what_is_not_there_is_left_empty(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    bare = {key: value for key, value in a_call(1).items() if key in {"cfl_usagerecordid", "cfl_net"}}
    ledger.tables["cfl_usagerecords"] = [{**bare, "cfl_status": CHOICE + 9, "cfl_quantity": None}]
    page = opened(open_action)
    filtered(page, "Service", "LD")
    assert page.locator("tbody td").all_inner_texts() == [
        "", "", "", "", "", "", "$1.00", "$0.00", "$0.00", str(CHOICE + 9),
    ]  # fmt: skip


def test_a_long_list_is_shown_piece_by_piece_and_summed_whole(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.tables["cfl_usagerecords"] = [a_call(number) for number in range(120)]
    page = opened(open_action)
    filtered(page, "Service", "LD")
    expect(page.locator("tbody tr")).to_have_count(50)
    facts = page.locator("#facts").inner_text()
    assert facts.split() == ["Usage", "records", "120", "Net", "$120.00", "Tax", "$12.00", "Gross", "$132.00"]
    more = page.get_by_role("button", name="Show more")
    more.click()
    expect(page.locator("tbody tr")).to_have_count(100)
    more.click()
    expect(page.locator("tbody tr")).to_have_count(120)
    expect(more).to_be_hidden()
    expect(page.locator("#list")).to_be_focused()
    assert [each.get("page") for each in asked(ledger)] == ["1", "1", "2", "3"]


def test_more_records_than_are_added_up_are_said_to_be_more(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.tables["cfl_usagerecords"] = [a_call(number) for number in range(5001)]
    page = opened(open_action)
    filtered(page, "Service", "LD")
    assert page.locator("#facts").inner_text().split("\n") == ["Usage records", "more than 5000"]


def test_credit_takes_every_record_of_the_filter_shown_or_not(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    """E98: the action's dialog gets the query itself, and reads its records anew."""
    ledger.tables["cfl_usagerecords"] = [a_call(number) for number in range(60)]
    page = opened(open_action)
    filtered(page, "Terminating identifier", "519")
    page.get_by_role("button", name="Credit", exact=True).click()
    dialog = page.frame_locator("#over iframe")
    expect(dialog.locator("body")).to_have_attribute("data-state", "ready")
    assert "Usage records\n60" in dialog.locator("#facts").inner_text()
    handed = json.loads(unquote(unquote(page.frames[-1].url.split("data=")[1])))
    assert handed["action"] == "creditUsage"
    assert conditions(ET.fromstring(handed["fetchXml"])) == {"cfl_terminator": ("like", "%519%")}  # noqa: S314
    assert violations(page) == []

    before = len(asked(ledger))
    dialog.locator("#close").click()
    expect(page.locator("#over")).to_be_hidden()
    state(page, "listed")
    expect(page.get_by_role("button", name="Credit", exact=True)).to_be_focused()
    assert len(asked(ledger)) == before + 2, "the list is shown as it is afterwards"


def test_its_own_cross_and_escape_close_the_dialog_and_not_the_history(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = opened(open_action)
    filtered(page, "Service", "LD")
    for close in ("Enter", "Escape"):
        page.get_by_role("button", name="Credit", exact=True).click()
        loaded = page.frame_locator("#over iframe").locator("body")
        expect(loaded).to_have_attribute("data-state", "ready")
        page.locator("#over").get_by_role("button", name="Close").focus()
        page.keyboard.press(close)
        expect(page.locator("#over")).to_be_hidden()
        state(page, "listed")
    page.wait_for_timeout(300)
    assert page.locator(".message").count() == 0, "nothing tried to close the history"


def test_a_changed_filter_keeps_credit_waiting(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = opened(open_action)
    filtered(page, "Service", "LD")
    assert buttons(page) == ["Close", "Credit"]
    page.get_by_label("Service").fill("LD u")
    state(page, "changed")
    assert message(page) == "The filter was changed. Press Enter to see its records."
    assert buttons(page) == ["Close"]
    page.get_by_label("Service").fill("LD")
    state(page, "listed")
    assert buttons(page) == ["Close", "Credit"]
    page.get_by_role("button", name="Clear").click()
    state(page, "unfiltered")
    assert page.get_by_label("Service").input_value() == ""
    assert page.locator("#list").is_hidden()
    assert buttons(page) == ["Close"]


def test_only_who_may_credit_usage_is_offered_to(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    """E90."""
    ledger.privileges.clear()
    page = opened(open_action)
    filtered(page, "Service", "LD")
    assert buttons(page) == ["Close"]


def test_an_empty_list_has_nothing_to_credit(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.tables["cfl_usagerecords"] = []
    page = opened(open_action)
    filtered(page, "Service", "LD")
    assert message(page) == "No record matches the filter."
    assert buttons(page) == ["Close"]
    assert violations(page) == []


def test_days_that_make_no_sense_are_not_sent(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = opened(open_action)
    page.get_by_label("Date from").fill("2026-11-10")
    filtered(page, "Date to", "2026-11-01", expected="unfiltered")
    assert page.locator("#DateTo-error").inner_text() == "The end can’t be before the start."
    expect(page.get_by_label("Date to")).to_be_focused()
    page.get_by_label("Date to").fill("0001-01-01")
    page.keyboard.press("Enter")
    assert page.locator("#DateTo-error").inner_text() == "Enter a date."
    assert asked(ledger) == []


@pytest.mark.parametrize(
    ("status", "says", "offered"),
    [
        (403, "You can’t do this.|Your security role lacks the right to read what this needs.", ["Close"]),
        (500, "This could not be read.|No privilege.", ["Close", "Try again"]),
    ],
)
def test_an_account_that_cannot_be_read_says_why(
    status: int, says: str, offered: list[str], ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.unreadable["cfl_billingaccounts"] = status
    page = opened(open_action)
    state(page, "forbidden" if status == 403 else "unreadable")
    assert message(page) == says
    assert buttons(page) == offered
    assert page.locator("form").is_hidden()
    if status == 500:
        ledger.unreadable.clear()
        page.get_by_role("button", name="Try again").click()
        state(page, "unfiltered")


def test_a_list_that_cannot_be_read_leaves_nothing_to_credit(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = opened(open_action)
    filtered(page, "Service", "LD")
    ledger.unreadable["cfl_usagerecords"] = 500
    filtered(page, "Service", "L", expected="unreadable")
    assert buttons(page) == ["Close"]
    assert page.locator("#list").is_hidden()
    ledger.unreadable.clear()
    filtered(page, "Service", "L")
    assert page.locator("tbody tr").count() == 3


def test_the_last_question_counts(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    """An answer that comes after the filter was cleared shows nothing."""
    page = opened(open_action)
    page.evaluate(
        """() => {
            const ask = window.fetch;
            window.fetch = async (...asked) => { await new Promise(go => { window.letGo = go; }); return ask(...asked); };
        }"""
    )
    page.get_by_label("Service").fill("LD")
    page.get_by_label("Service").press("Enter")
    state(page, "reading")
    page.get_by_role("button", name="Clear").click()
    page.evaluate("letGo()")
    page.wait_for_timeout(200)
    state(page, "unfiltered")
    assert page.locator("#list").is_hidden()


@pytest.mark.parametrize("width", [1280, 360, 320])
def test_it_fits_its_window_and_everybody_can_use_it(
    width: int, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = opened(open_action)
    page.set_viewport_size({"width": width, "height": 720})
    assert violations(page) == []
    filtered(page, "Service", "LD")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
