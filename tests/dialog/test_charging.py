"""What the dialog sends, under which key, and what it concludes: only ever from the row of the request."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.dialog.scripted_crm import (
    AMERICAN,
    ARABIC,
    FAILED,
    GERMAN,
    MASTERCARD,
    PENDING,
    PROCESSING,
    REFUSED,
    SEPA_DEBIT,
    VISA,
    Answer,
    OpenDialog,
    ScriptedCrm,
    a_pending_charge,
    a_profile,
    a_request,
    an_invoice,
    charged,
)
from tests.dialog.situations import NEVER_ARRIVED, asked_about, stop_clock, until

pytestmark = pytest.mark.browser

DECLINED = a_request(FAILED, "declined", "The bank declined the card.", decline_code="generic_decline")


def state(page: Page, name: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-state", name)


def message(page: Page) -> str:
    return re.sub(r"\n+", "\n", page.locator(".message, .waiting").inner_text().replace("\u00a0", " "))


# --- What is sent ----------------------------------------------------------------------------------------------


def test_the_whole_balance_is_offered_and_sent_as_a_decimal_numeral(
    crm: ScriptedCrm, open_dialog: OpenDialog
) -> None:
    crm.charges.append(Answer(charged("1250.00", "0.00", "Paid (Complete)")))
    page = open_dialog()
    assert page.locator("#amount").input_value() == "1250.00"
    page.keyboard.press("Enter")
    state(page, "succeeded")
    (asked,) = crm.asked
    assert (asked.amount, asked.expected, asked.profile) == (Decimal("1250.00"), Decimal("1250.00"), VISA)
    assert '"Amount":1250.00,' in asked.text
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", asked.key)


def test_a_german_user_charges_a_part(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.settings = dict(GERMAN)
    crm.invoice = an_invoice(currency="EUR")
    crm.charges.append(Answer(charged("10.50", "1239.50", "Paid (Partial)")))
    page = open_dialog()
    page.locator("#amount").fill("10.50")
    state(page, "invalid")
    assert page.locator("#amount-error").inner_text() == "Geben Sie einen Betrag wie 1250,00 ein."
    page.locator("#amount").fill("10,50")
    expect(page.locator("#amount-hint")).to_have_text("Nach diesem Einzug bleiben 1.239,50 € offen.")
    page.get_by_role("button", name="10,50 € einziehen").click()
    state(page, "succeeded")
    assert crm.asked[0].amount == Decimal("10.50")
    assert "Offen sind jetzt 1.239,50 €." in message(page)
    assert page.locator("html").get_attribute("lang") == "de"


def test_yen_have_no_decimals(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.invoice = an_invoice(currency="JPY", precision=0, totalamount=12500)
    crm.charges.append(Answer(charged("12000", "500", "Paid (Partial)")))
    page = open_dialog()
    assert page.locator("#amount").input_value() == "12500"
    page.locator("#amount").fill("12000.5")
    expect(page.locator("#amount-error")).to_have_text("Enter an amount without decimals, such as 12500.")
    page.locator("#amount").fill("12,000")
    page.keyboard.press("Enter")
    state(page, "succeeded")
    assert '"Amount":12000,' in crm.asked[0].text


def test_an_amount_that_cannot_be_charged_is_explained_and_not_sent(
    crm: ScriptedCrm, open_dialog: OpenDialog
) -> None:
    page = open_dialog()
    amount, error = page.locator("#amount"), page.locator("#amount-error")
    for typed, complaint in [
        ("", "Enter an amount."),
        ("ten", "Enter an amount such as 1250.00."),
        ("10.505", "Enter at most 2 decimals, such as 1250.00."),
        ("0", "Enter an amount above zero."),
        ("-10", "Enter an amount above zero."),
        ("1250.01", "The amount can’t be more than the balance due, $1,250.00."),
        ("9999999999999999", "The amount can’t be more than the balance due, $1,250.00."),
    ]:
        amount.fill(typed)
        state(page, "invalid")
        expect(error).to_have_text(complaint)
        assert amount.get_attribute("aria-invalid") == "true"
        page.get_by_role("button", name="Cancel").focus()
        button = page.get_by_role("button", name="Charge")
        assert button.get_attribute("aria-disabled") == "true"
        button.focus()
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "amount"
    assert error.get_attribute("role") == "alert"
    assert "amount-error" in (amount.get_attribute("aria-describedby") or "")
    assert crm.asked == []
    amount.fill("1250.00")
    state(page, "ready")
    assert (error.inner_text(), amount.get_attribute("aria-invalid")) == ("", "false")


# --- One key for one intent ------------------------------------------------------------------------------------


def test_a_double_click_charges_once(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    page = open_dialog()
    page.get_by_role("button", name="Charge").dblclick()
    state(page, "submitting")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    until(page, lambda: bool(crm.asked))
    assert len(crm.asked) == 1
    assert page.locator("body").get_attribute("aria-busy") == "true"
    assert page.locator("#amount").is_editable() is False


def test_after_a_decline_the_next_attempt_takes_a_new_key(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.profiles.append(a_profile(MASTERCARD, "Mastercard •••• 4444", cfl_expiry="01/2030"))
    crm.charges += [Answer(DECLINED), Answer(charged("1250.00", "0.00", "Paid (Complete)"))]
    page = open_dialog()
    page.keyboard.press("Enter")
    state(page, "declined")
    assert "Ask the customer to call the bank" in message(page)
    page.locator("#profile").select_option(MASTERCARD)
    page.get_by_role("button", name="Charge").click()
    state(page, "succeeded")
    first, second = crm.asked
    assert first.key != second.key
    assert second.profile == MASTERCARD
    assert "Mastercard •••• 4444" in message(page)


def test_a_throttled_call_is_repeated_under_its_key(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.charges += [
        Answer(status=429, headers={"Retry-After": "1"}),
        Answer(charged("1250.00", "0.00", "Paid (Complete)")),
    ]
    page = open_dialog()
    page.keyboard.press("Enter")
    state(page, "succeeded")
    first, second = crm.asked
    assert first.text == second.text


# --- The answer is the row -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0, 403, 500])
def test_an_error_of_the_call_means_nothing_where_the_row_says_what_happened(
    status: int, crm: ScriptedCrm, open_dialog: OpenDialog
) -> None:
    crm.charges.append(Answer(charged("1250.00", "0.00", "Paid (Complete)"), status=status))
    page = open_dialog()
    page.keyboard.press("Enter")
    state(page, "succeeded")


def test_a_charge_under_way_is_asked_about_until_it_ends(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.charges.append(Answer(a_request(PENDING, "reserved")))
    page = open_dialog(steered=True)
    stop_clock(page)
    page.keyboard.press("Enter")
    asked_about(page, 1)
    page.clock.run_for(1_000)
    asked_about(page, 2)
    page.clock.fast_forward(8_000)
    expect(page.locator(".waiting")).to_have_text(
        "Still waiting for the bank. Please don’t close this window."
    )
    asked_about(page, 3)
    crm.rows[crm.asked[0].key] = charged("1250.00", "0.00", "Paid (Complete)")
    page.clock.run_for(1_000)
    state(page, "succeeded")


def test_a_call_that_hangs_is_asked_about_before_it_answers(
    crm: ScriptedCrm, open_dialog: OpenDialog
) -> None:
    page = open_dialog(steered=True)
    stop_clock(page)
    page.keyboard.press("Enter")
    state(page, "submitting")
    page.clock.fast_forward(8_000)
    expect(page.locator(".waiting")).to_have_text(
        "Still waiting for the bank. Please don’t close this window."
    )
    assert page.evaluate("window.rowsRead") == 0
    crm.rows[crm.asked[0].key] = DECLINED
    page.clock.fast_forward(17_000)
    state(page, "declined")


def test_no_row_is_no_answer_until_the_platform_has_given_up(
    crm: ScriptedCrm, open_dialog: OpenDialog
) -> None:
    """Then CheckRequest fences off a late original, and only then nothing was charged."""
    crm.charges += [Answer(status=500), Answer(charged("1250.00", "0.00", "Paid (Complete)"))]
    crm.checks.append(Answer(NEVER_ARRIVED))
    page = open_dialog(steered=True)
    stop_clock(page)
    page.keyboard.press("Enter")
    asked_about(page, 1)
    page.clock.fast_forward(60_000)
    asked_about(page, 2)
    state(page, "submitting")
    expect(page.locator(".waiting")).to_contain_text("No answer yet.")
    assert crm.checked == []
    page.clock.fast_forward(16_000)
    state(page, "error")
    assert crm.checked == [crm.asked[0].key]
    assert "This charge never reached the service.\nNothing was charged." in message(page)
    page.keyboard.press("Enter")
    state(page, "succeeded")
    assert crm.asked[1].key != crm.asked[0].key


def test_check_again_asks_the_service_and_shows_what_became_of_it(
    crm: ScriptedCrm, open_dialog: OpenDialog
) -> None:
    crm.charges.append(Answer(a_request(PENDING, "unknown"), status=0))
    crm.checks += [Answer(), Answer(charged("1250.00", "0.00", "Paid (Complete)"))]
    page = open_dialog(steered=True)
    stop_clock(page)
    page.keyboard.press("Enter")
    asked_about(page, 1)
    page.clock.fast_forward(80_000)
    state(page, "unknown")
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_contain_text("Still no answer at ")
    assert page.evaluate("document.activeElement.id") == "again"
    page.keyboard.press("Enter")
    state(page, "succeeded")
    assert crm.checked == [crm.asked[0].key] * 2
    assert len(crm.asked) == 1


def test_unanswered_checks_leave_it_unknown(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.charges.append(Answer(status=0))
    crm.checks += [Answer(status=0), Answer(status=500)]
    page = open_dialog(steered=True)
    stop_clock(page)
    page.keyboard.press("Enter")
    asked_about(page, 1)
    page.clock.fast_forward(80_000)
    state(page, "unknown")
    assert crm.asked[0].key in message(page)
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_contain_text("Still no answer at ")


def test_the_right_is_judged_by_the_first_call_only(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    """A 403 after the key was sent once says nothing about that first call."""
    crm.charges += [Answer(status=429, headers={"Retry-After": "1"}), Answer(status=403)]
    crm.checks.append(Answer(NEVER_ARRIVED))
    page = open_dialog(steered=True)
    stop_clock(page)
    page.keyboard.press("Enter")
    asked_about(page, 1)
    page.clock.run_for(1_000)
    asked_about(page, 2)
    state(page, "submitting")
    page.clock.fast_forward(80_000)
    state(page, "error")


def test_a_user_without_any_right_is_told_at_once(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.unreadable["cfl_requests"] = 403
    crm.charges.append(Answer(status=403))
    page = open_dialog()
    page.keyboard.press("Enter")
    state(page, "forbidden")


# --- Others at the same invoice --------------------------------------------------------------------------------


def test_a_changed_balance_is_shown_and_charged_anew(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.charges += [
        Answer(a_request(REFUSED, "balance_changed", "The balance is now 950.00 USD.")),
        Answer(charged("950.00", "0.00", "Paid (Complete)")),
    ]
    page = open_dialog()
    crm.invoice = an_invoice(cfl_balance=950.0, cfl_amountcharged=300.0, statecode=2, statuscode=100002)
    page.keyboard.press("Enter")
    state(page, "changed")
    page.keyboard.press("Enter")
    state(page, "ready")
    assert page.locator("#amount").input_value() == "950.00"
    page.keyboard.press("Enter")
    state(page, "succeeded")
    assert crm.asked[1].expected == Decimal("950.00")
    assert crm.asked[1].key != crm.asked[0].key


def test_a_charge_left_behind_can_be_settled_from_a_new_dialog(
    crm: ScriptedCrm, open_dialog: OpenDialog
) -> None:
    crm.pending = [a_pending_charge(1250.0, key="left-behind")]
    crm.checks.append(Answer())
    page = open_dialog()
    state(page, "inprogress")
    crm.pending = []
    crm.invoice = an_invoice(cfl_balance=0.0, statecode=2, statuscode=100001)
    page.keyboard.press("Enter")
    state(page, "paid")
    assert crm.checked == ["left-behind"]


def test_a_bank_debit_under_way_lowers_what_can_be_charged(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.pending = [a_pending_charge(400.0, PROCESSING)]
    crm.charges.append(Answer(charged("850.00", "400.00", "Paid (Partial)")))
    page = open_dialog()
    facts = page.locator("#facts").inner_text()
    assert "In progress\n$400.00" in facts
    assert "Can be charged now\n$850.00" in facts
    assert page.locator("#amount").input_value() == "850.00"
    page.locator("#amount").fill("851")
    expect(page.locator("#amount-error")).to_have_text(
        "The amount can’t be more than what can be charged now, $850.00."
    )
    page.locator("#amount").fill("850")
    page.keyboard.press("Enter")
    state(page, "succeeded")
    assert crm.asked[0].expected == Decimal("850.00")


# --- Profiles --------------------------------------------------------------------------------------------------


def test_profiles_that_cannot_be_charged_say_why(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    names = ["expired by date", "expired", "deactivated", "failed", "pending", "debit"]
    columns: list[dict[str, object]] = [
        {"cfl_expiry": "10/2026"},
        {"statecode": 1, "statuscode": 728310001},
        {"statecode": 1, "statuscode": 2},
        {"statecode": 1, "statuscode": 728310002},
        {"statuscode": 1},
        {"cfl_type": SEPA_DEBIT, "cfl_expiry": None},
    ]
    crm.profiles += [
        a_profile(f"33333333-3333-4333-8333-33333333300{n}", name, **more)
        for n, (name, more) in enumerate(zip(names, columns, strict=True), start=3)
    ]
    page = open_dialog()
    options = page.locator("#profile option")
    assert options.all_inner_texts() == [
        "Visa •••• 4242, expires 04/2028",
        "expired by date, expires 10/2026 (expired)",
        "expired, expires 04/2028 (expired)",
        "deactivated, expires 04/2028 (deactivated)",
        "failed, expires 04/2028 (failed)",
        "pending, expires 04/2028 (not confirmed yet)",
        "debit (not for USD)",
    ]
    assert page.locator("#profile option:disabled").count() == 6


def test_another_profile_is_chosen_where_the_contracts_cannot_be_charged(
    crm: ScriptedCrm, open_dialog: OpenDialog
) -> None:
    crm.profiles = [a_profile(VISA, cfl_expiry="10/2026"), a_profile(MASTERCARD, "Mastercard •••• 4444")]
    crm.charges.append(Answer(charged("1250.00", "0.00", "Paid (Complete)")))
    page = open_dialog()
    state(page, "unusable")
    expect(page.locator("#profile-note")).to_have_text(
        "The contract’s payment profile Visa •••• 4242 can’t be used: expired. Choose another one."
    )
    page.get_by_role("button", name="Charge").click(force=True)
    assert page.evaluate("document.activeElement.id") == "profile"
    assert crm.asked == []
    page.locator("#profile").select_option(MASTERCARD)
    state(page, "ready")
    page.get_by_role("button", name="Charge").click()
    state(page, "succeeded")


def test_a_card_in_its_last_month_warns(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.profiles = [a_profile(cfl_expiry="11/2026")]
    page = open_dialog()
    expect(page.locator("#profile-note")).to_have_text("This card expires at the end of this month.")
    assert "profile-note" in (page.locator("#profile").get_attribute("aria-describedby") or "")


# --- Facts, keys and looks -------------------------------------------------------------------------------------


def test_the_lines_add_up_where_others_paid_too(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.invoice = an_invoice(
        cfl_balance=700.0, cfl_amountcharged=300.0, cfl_otherpayments=200.0, cfl_creditsdisbursed=50.0, statecode=2,
        statuscode=100002,
    )  # fmt: skip
    page = open_dialog()
    assert page.locator("#facts").inner_text().split("\n") == [
        "Customer", "Fabrikam Fibre", "Total", "$1,250.00", "Charged so far", "$300.00", "Other payments", "$200.00",
        "Credits", "$50.00", "Balance due", "$700.00",
    ]  # fmt: skip


def test_the_keyboard_alone_is_enough(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.profiles.append(a_profile(MASTERCARD, "Mastercard •••• 4444"))
    crm.charges.append(Answer(charged("100.00", "1150.00", "Paid (Partial)")))
    page = open_dialog()
    page.keyboard.type("100")  # the amount is selected
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "close"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "other"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    state(page, "succeeded")
    assert (crm.asked[0].profile, crm.asked[0].amount) == (MASTERCARD, Decimal(100))
    assert page.evaluate("document.activeElement.id") == "close"


def test_escape_closes_the_dialog(open_dialog: OpenDialog) -> None:
    page = open_dialog(path="/form")
    page.frames[-1].locator("#amount").press("Escape")
    expect(page).to_have_title("closed")


def test_the_close_button_closes_the_dialog_after_a_charge(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.charges.append(Answer(charged("1250.00", "0.00", "Paid (Complete)")))
    page = open_dialog(path="/form")
    dialog = page.frames[-1]
    dialog.locator("#amount").press("Enter")
    dialog.wait_for_selector("body[data-state=succeeded]")
    page.keyboard.press("Enter")
    expect(page).to_have_title("closed")


def test_a_charge_under_way_does_not_close(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    page = open_dialog(path="/form")
    dialog = page.frames[-1]
    dialog.locator("#amount").press("Enter")
    dialog.wait_for_selector("body[data-state=submitting]")
    page.keyboard.press("Escape")
    dialog.locator("#close").click(force=True)
    assert page.title() == "form"


def test_a_window_that_may_not_be_closed_says_so(open_dialog: OpenDialog) -> None:
    page = open_dialog()
    page.keyboard.press("Escape")
    expect(page.locator(".message")).to_have_text("You can close this window.")


def test_offline_ends_when_the_network_is_back(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.charges.append(Answer(charged("1250.00", "0.00", "Paid (Complete)")))
    page = open_dialog()
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    state(page, "offline")
    assert crm.asked == []
    page.context.set_offline(False)
    state(page, "ready")
    assert message(page) == "You’re online again."
    page.keyboard.press("Enter")
    state(page, "succeeded")


def test_a_failed_reading_can_be_repeated(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.unreadable["cfl_paymenttransactions"] = 503
    page = open_dialog()
    state(page, "error")
    crm.unreadable.clear()
    page.keyboard.press("Enter")
    state(page, "ready")


def test_an_arabic_user_sees_a_mirrored_page(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.settings = dict(ARABIC)
    page = open_dialog()
    assert page.locator("html").get_attribute("dir") == "rtl"
    close, charge = page.locator("#close").bounding_box(), page.locator("#charge").bounding_box()
    assert close is not None
    assert charge is not None
    assert charge["x"] < close["x"]
    assert page.locator("#charge bdi").count() == 1
    assert violations(page) == []


def test_forced_colours_keep_everything_visible(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    page = open_dialog(forced_colors="active")
    assert violations(page) == []
    style = page.locator("#charge").evaluate("button => getComputedStyle(button).borderTopStyle")
    assert style == "solid"


def test_settings_that_cannot_be_read_leave_the_browsers(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    crm.settings = None
    page = open_dialog(locale="de-DE")
    expect(page.locator("#title")).to_have_text("Rechnung INV-1001 einziehen")
    assert page.locator("#amount").input_value() == "1250,00"


def test_a_user_without_a_language_of_their_own_has_the_organizations(
    crm: ScriptedCrm, open_dialog: OpenDialog
) -> None:
    crm.settings = {**AMERICAN, "uilanguageid": 0}
    crm.context = """var GetGlobalContext = () => ({
        userSettings: { userId: "{44444444-4444-4444-8444-444444444001}", languageId: 1031 }
    });"""
    page = open_dialog()
    expect(page.locator("#title")).to_have_text("Rechnung INV-1001 einziehen")
    assert page.locator("#amount").input_value() == "1250.00"


def test_data_of_the_platform_comes_in_either_case(crm: ScriptedCrm, open_dialog: OpenDialog) -> None:
    page = open_dialog()
    page.goto(page.url.replace("?data=", "?Data="))
    state(page, "ready")
    page.goto(page.url.split("?")[0])
    state(page, "error")
