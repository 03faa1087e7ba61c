"""A sweep over all actions of the page: what it shows, what it refuses to send, what it sends, what it makes of answers."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import violations
from tests.dialog.ledger_actions import ACTIONS, TWO_STEPS, Asked
from tests.dialog.scripted_crm import FAILED, GERMAN, PENDING, WEB_RESOURCES, Answer
from tests.dialog.scripted_ledger import OpenAction, ScriptedLedger, an_answer, done, refused
from tests.dialog.situations import asked_about, stop_clock, until

pytestmark = pytest.mark.browser

EVERY = pytest.mark.parametrize("name", ACTIONS)
SOME = pytest.mark.parametrize(
    "name", ["addDebit", "reversePayments", "voidInvoice", "makePayment", "statementRefund"]
)
"""One of each kind: of a form, of ticked rows, without a field, of the gateway, of two pages."""
WITH_FIELDS = pytest.mark.parametrize("name", [name for name, asked in ACTIONS.items() if asked.required])


def opened(
    name: str, ledger: ScriptedLedger, open_action: OpenAction, *, steered: bool = False
) -> tuple[Page, Asked]:
    asked = ACTIONS[name]
    asked.prepare(ledger)
    return open_action(name, steered=steered, **asked.handed), asked


def state(page: Page, name: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-state", name)


def spoken(elements: Locator) -> list[str]:
    return [text.replace("\u00a0", " ") for text in elements.all_inner_texts()]


def message(page: Page) -> str:
    return "|".join(spoken(page.locator(".message > *")))


def press(page: Page, asked: Asked) -> None:
    page.get_by_role("button", name=asked.save, exact=True).click()


# --- What it shows ---------------------------------------------------------------------------------------------


def test_every_action_of_the_table_is_swept(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page, _ = opened("closeInvoice", ledger, open_action)
    assert page.evaluate("Object.keys(Counterfoil.Actions.table)") == list(ACTIONS)


@EVERY
def test_an_action_says_what_it_is_about_and_what_it_asks_and_everybody_can_use_it(
    name: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page, asked = opened(name, ledger, open_action)
    state(page, "ready")
    assert page.get_by_role("heading", level=1).inner_text() == asked.title
    assert page.title() == asked.title
    assert message(page) == asked.says
    if asked.facts:
        assert tuple(spoken(page.locator("#facts dt, #facts dd"))) == asked.facts

    offered = page.get_by_role("button", name="Save/New").count() == 1
    assert offered is asked.another, "where the source has it and nowhere else"
    marked = spoken(page.locator("#form .field:visible :is(label, legend):has(.required:visible)"))
    assert [label.removesuffix("*") for label in marked] == list(asked.required)
    for label, value in asked.defaults.items():
        control = page.get_by_label(label, exact=False).first
        assert (control.is_checked() if isinstance(value, bool) else control.input_value()) == value, label

    asked.fill(page)
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 480})
    assert page.evaluate("document.documentElement.scrollWidth") == 320, (
        "nothing is cut off or scrolled sideways"
    )


@EVERY
def test_an_action_speaks_german(name: str, ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.settings = dict(GERMAN)
    page, asked = opened(name, ledger, open_action)
    state(page, "ready")
    assert page.locator("html").get_attribute("lang") == "de"
    assert page.get_by_role("heading", level=1).inner_text() != asked.title
    assert not re.search(r"undefined|null|\{\d\}", page.locator("main").inner_text())


# --- What it does not send -------------------------------------------------------------------------------------


@WITH_FIELDS
def test_what_is_required_is_asked_for_beside_its_field(
    name: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page, asked = opened(name, ledger, open_action)
    for control in page.locator("#form input[type=text], #form select").all():
        if control.is_visible() and control.is_editable():
            control.select_option("") if control.evaluate("one => one.tagName") == "SELECT" else control.fill(
                ""
            )
    last = page.locator("#save")
    last.click()
    state(page, "invalid")
    complaints = spoken(page.locator("#form .note.error:visible").filter(has_text=re.compile(".")))
    assert len(complaints) == len(asked.required)
    assert page.evaluate("document.activeElement.closest('.field') !== null"), (
        "the first of them has the focus"
    )
    assert violations(page) == []
    assert ledger.calls == []


AMOUNTS = {
    "": "Enter an amount.",
    "ten": "Enter an amount such as 1250.00.",
    "10.505": "Enter at most 2 decimals, such as 1250.00.",
    "0": "Enter an amount above zero.",
    "-3": "Enter an amount above zero.",
}


@pytest.mark.parametrize(
    "name", [name for name, asked in ACTIONS.items() if "Amount" in asked.body and name not in TWO_STEPS]
)
def test_an_amount_that_is_none_is_explained_and_not_sent(
    name: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page, asked = opened(name, ledger, open_action)
    asked.fill(page)
    for typed, complaint in AMOUNTS.items():
        page.locator("#Amount").fill(typed)
        page.locator("#save").click()
        expect(page.locator("#Amount-error")).to_have_text(complaint)
        assert page.locator("#Amount").get_attribute("aria-invalid") == "true"
        assert page.evaluate("document.activeElement.id") == "Amount"
    assert ledger.calls == []


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("addDebit", "PeriodStart", "PeriodEnd"),
        ("addCredit", "PeriodStart", "PeriodEnd"),
        ("runBilling", "From", "To"),
    ],
)
def test_a_period_does_not_end_before_it_starts(
    name: str, start: str, end: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page, asked = opened(name, ledger, open_action)
    asked.fill(page)
    page.locator(f"#{start}").fill("2026-11-02")
    page.locator(f"#{end}").fill("2026-11-01")
    page.locator("#save").click()
    expect(page.locator(f"#{end}-error")).to_have_text("The end can’t be before the start.")
    page.locator(f"#{end}").fill("0001-01-01")
    expect(page.locator(f"#{end}-error")).to_have_text("Enter a date.")
    assert ledger.calls == []


# --- What it sends ---------------------------------------------------------------------------------------------


@EVERY
def test_a_double_click_sends_its_custom_api_once_and_says_what_became_of_it(
    name: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page, asked = opened(name, ledger, open_action)
    ledger.answers.append(done("What the service says.", balance="12.30"))
    asked.fill(page)
    page.get_by_role("button", name=asked.save, exact=True).dblclick()
    state(page, "succeeded")
    (call,) = ledger.calls
    assert (call.path, call.body) == (asked.path, asked.body)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", call.key)
    if "Amount" in asked.body:
        assert f'"Amount":{asked.body["Amount"]}' in call.text, "a decimal numeral, never a fraction"
    balance = "|Balance now $12.30." if ledger_has_money(name) else ""
    assert message(page) == f"{asked.done}|What the service says.{balance}"
    assert spoken(page.locator(".actions button:visible")) == ["Close"]
    assert page.evaluate("document.activeElement.id") == "close"
    assert violations(page) == []


def ledger_has_money(name: str) -> bool:
    without = {"runBilling", "postBatch", "setDefaultProfile", "deactivateProfile"}
    return name not in without and "ChargeRun" not in name


@SOME
def test_what_is_under_way_is_not_sent_again_nor_closed(
    name: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page, asked = opened(name, ledger, open_action)
    asked.fill(page)
    page.locator("#save").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+s")
    page.keyboard.press("Escape")
    state(page, "submitting")
    assert page.locator("body").get_attribute("aria-busy") == "true"
    until(page, lambda: bool(ledger.calls))
    assert len(ledger.calls) == 1


@pytest.mark.parametrize("name", [name for name, asked in ACTIONS.items() if asked.another])
def test_save_new_empties_the_form_for_another(
    name: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page, asked = opened(name, ledger, open_action)
    ledger.answers += [done(), done()]
    asked.fill(page)
    ledger.tables["cfl_billingaccounts"][0]["cfl_balance"] = 800.0
    page.get_by_role("button", name="Save/New").click()
    expect(page.locator(".message")).to_have_text(asked.done)
    state(page, "ready")
    assert "$800.00" in page.locator("#facts").inner_text(), "the figures are those of now"
    assert page.evaluate("document.activeElement.id") == "Amount"
    for label, value in {"Amount": "", "Detail": "", "Date": "2026-11-22"}.items():
        assert page.get_by_label(label, exact=False).first.input_value() == value
    asked.fill(page)
    press(page, asked)
    state(page, "succeeded")
    first, second = ledger.calls
    assert (first.body, first.key != second.key) == (second.body, True)


# --- What it makes of answers ----------------------------------------------------------------------------------


@EVERY
def test_the_keyboard_alone_is_enough_also_after_a_refusal(
    name: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page, asked = opened(name, ledger, open_action)
    ledger.answers += [refused("ledger_suspended", "The billing account is suspended."), done()]
    asked.fill(page)
    page.locator("#save").focus()
    page.keyboard.press("Enter")
    state(page, "refused")
    assert message(page) == "Nothing was saved.|The billing account is suspended."
    assert page.evaluate("document.activeElement.id") == "save"
    assert violations(page) == []
    page.keyboard.press("Enter")
    state(page, "succeeded")
    first, second = ledger.calls
    assert (first.body, first.key != second.key) == (second.body, True), (
        "what was entered is kept, under a new key"
    )


@SOME
def test_a_lost_answer_is_no_failure(name: str, ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page, asked = opened(name, ledger, open_action)
    ledger.answers.append(Answer(done().row, status=0))
    asked.fill(page)
    press(page, asked)
    state(page, "succeeded")


@SOME
def test_what_goes_on_by_itself_says_so(name: str, ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page, asked = opened(name, ledger, open_action)
    ledger.answers.append(Answer(an_answer(PENDING, "processing", "It takes a while.", {})))
    asked.fill(page)
    press(page, asked)
    state(page, "pending")
    assert message(page).endswith("|It takes a while.|It goes on by itself. You can close this window.")
    assert page.evaluate("document.activeElement.id") == "close"


@pytest.mark.parametrize("name", ["addDebit", "voidInvoice", "makePayment", "statementRefund"])
def test_what_nobody_knows_is_asked_about_again(
    name: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page, asked = opened(name, ledger, open_action, steered=True)
    ledger.answers.append(Answer(an_answer(PENDING, "reserved", "", {}), status=0))
    ledger.checks += [Answer(), done()]
    asked.fill(page)
    stop_clock(page)
    press(page, asked)
    asked_about(page, 1)
    page.clock.fast_forward(80_000)
    state(page, "unknown")
    assert message(page).startswith("We don’t know yet whether this was done.|Don’t do it again")
    assert spoken(page.locator(".actions button:visible")) == ["Close", "Check again"]
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_contain_text("Still no answer at ")
    page.keyboard.press("Enter")
    state(page, "succeeded")
    assert ledger.checked == [ledger.calls[0].key] * 2
    assert len(ledger.calls) == 1


@SOME
def test_a_user_without_the_right_is_told_so(
    name: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page, asked = opened(name, ledger, open_action)
    ledger.answers.append(Answer(status=403))
    asked.fill(page)
    press(page, asked)
    state(page, "forbidden")
    assert message(page).startswith("You can’t do this.|Your security role lacks the right to it.")


@SOME
def test_a_failure_is_shown_in_the_service_s_words(
    name: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page, asked = opened(name, ledger, open_action)
    ledger.answers.append(Answer(an_answer(FAILED, "rejected", "The payment processor rejected it.", {})))
    asked.fill(page)
    press(page, asked)
    state(page, "error")
    assert message(page).startswith("It did not work.|The payment processor rejected it.|Reference ")


def test_no_field_anywhere_is_for_a_card() -> None:
    for path in (WEB_RESOURCES / "cfl_").glob("*.js"):
        assert not re.search(r"\bcc-|cvv|\"pan\"", path.read_text(), re.IGNORECASE), path.name
