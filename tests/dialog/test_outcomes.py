"""Every answer a request row can hold, and what the dialog makes of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.dialog.scripted_crm import DONE, FAILED, PENDING, REFUSED, WEB_RESOURCES, a_request

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def script(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    for name in ("money.js", "request.js", "remedy.js", "outcome.js"):
        page.add_script_tag(path=WEB_RESOURCES / "cfl_" / name)
    yield page
    page.close()


def view(script: Page, row: dict[str, Any], *, own_sentences: bool = False, debit: bool = False) -> Any:
    return script.evaluate(
        """([row, ownSentences, debit]) => Counterfoil.Outcome.of(row, {
            amount: 125000, profile: { name: "Visa •••• 4242", debit }, key: "the-key", ownSentences,
            currency: { code: "USD", precision: 2 }, money: minor => `${minor} cents`,
        })""",
        [row, own_sentences, debit],
    )


@pytest.mark.parametrize(
    ("outcome", "code", "state", "form", "again"),
    [
        (DONE, "succeeded", "succeeded", False, None),
        (PENDING, "processing", "pending", False, None),
        (FAILED, "declined", "declined", True, "link"),
        (FAILED, "needs_customer", "authentication", True, "link"),
        (FAILED, "rejected", "error", True, None),
        (FAILED, "not_sent", "error", True, None),
        (REFUSED, "not_received", "error", True, None),
        (REFUSED, "balance_changed", "changed", False, "reload"),
        (REFUSED, "amount_above_balance", "changed", False, "reload"),
        (REFUSED, "amount_invalid", "invalid", True, None),
        (REFUSED, "amount_below_minimum", "invalid", True, None),
        (REFUSED, "charge_in_progress", "inprogress", False, "settle"),
        (REFUSED, "no_payment_profile", "noprofile", False, None),
        (REFUSED, "profile_not_usable", "unusable", True, None),
        (REFUSED, "not_permitted", "forbidden", False, None),
        (REFUSED, "not_chargeable", "notchargeable", False, None),
        (REFUSED, "currency_not_supported", "error", True, None),
        (REFUSED, "ledger_suspended", "error", True, None),
        (REFUSED, "customer_not_supported", "error", True, None),
        (REFUSED, "posting_period_closed", "error", True, None),
        (REFUSED, "no_payment_type", "error", True, None),
        (REFUSED, "wrong_environment", "error", True, None),
        (REFUSED, "request_key_reused", "error", True, None),
        (REFUSED, "a code of a later version", "error", True, None),
    ],
)
def test_a_code_leads_to_its_state(
    script: Page, outcome: int, code: str, state: str, form: bool, again: str | None
) -> None:
    seen = view(script, a_request(outcome, code, "What the service says."))
    assert (seen["state"], bool(seen.get("form")), seen.get("again")) == (state, form, again)


@pytest.mark.parametrize("code", ["reserved", "unknown", "a code of a later version"])
def test_a_pending_row_is_not_an_end(script: Page, code: str) -> None:
    assert view(script, a_request(PENDING, code)) is None


@pytest.mark.parametrize(
    ("codes", "remedy", "focus"),
    [
        ({"decline_code": "insufficient_funds"}, "InsufficientFunds", "amount"),
        (
            {"decline_code": "insufficient_funds", "advice_code": "try_again_later"},
            "InsufficientFunds",
            "amount",
        ),
        ({"decline_code": "expired_card"}, "UpdateCard", "profile"),
        ({"result_code": "incorrect_cvc"}, "UpdateCard", "profile"),
        ({"decline_code": "do_not_honor", "advice_code": "confirm_card_data"}, "UpdateCard", "profile"),
        ({"decline_code": "processing_error"}, "Later", "charge"),
        ({"decline_code": "generic_decline", "advice_code": "try_again_later"}, "Later", "charge"),
        ({"decline_code": "lost_card"}, "OtherProfile", "profile"),
        ({"decline_code": "fraudulent", "advice_code": "do_not_try_again"}, "OtherProfile", "profile"),
        ({"decline_code": "do_not_honor"}, "CallBank", "profile"),
        ({}, "CallBank", "profile"),
    ],
)
def test_a_decline_leads_to_what_makes_sense_next(
    script: Page, codes: dict[str, str], remedy: str, focus: str
) -> None:
    seen = view(script, a_request(FAILED, "declined", "The bank declined the card.", **codes))
    assert seen["lines"] == [
        ["", "The bank declined the card."],
        ["nothingCharged"],
        ["next" + remedy],
        ["reference", "PT-000042"],
    ]
    assert seen["focus"] == focus


def test_a_reader_of_another_language_gets_our_words_where_there_are_some(script: Page) -> None:
    declined = a_request(
        FAILED, "declined", "The card has insufficient funds.", decline_code="insufficient_funds"
    )
    assert view(script, declined, own_sentences=True)["lines"][0] == ["reasonInsufficientFunds"]
    suspended = a_request(REFUSED, "ledger_suspended", "The billing account is suspended.")
    assert view(script, suspended, own_sentences=True)["lines"][0] == ["refusedConfiguration"]


def test_nothing_was_charged_is_said_once(script: Page) -> None:
    row = a_request(REFUSED, "wrong_environment", "This is a copy. Nothing was charged.")
    assert view(script, row)["lines"] == [
        ["", "This is a copy. Nothing was charged."],
        ["reference", "the-key"],
    ]
    silent = a_request(REFUSED, "no_payment_profile", "")
    assert view(script, silent)["lines"] == [["nothingCharged"]]


def test_a_declined_debit_is_not_called_a_card(script: Page) -> None:
    row = a_request(FAILED, "declined", "The bank account is closed.", decline_code="account_closed")
    assert view(script, row, debit=True)["title"] == ["declinedDebitTitle"]


def test_a_success_names_what_was_charged_and_what_is_left(script: Page) -> None:
    row = a_request(
        DONE, "succeeded", result={"amount": "400.00", "balance": "850.00", "status": "Paid (Partial)"}
    )
    assert view(script, row)["lines"] == [
        ["succeededText", "40000 cents", "Visa •••• 4242"],
        ["succeededBalance", "85000 cents"],
        ["succeededPartial"],
        ["reference", "PT-000042"],
    ]
    canceled = a_request(
        DONE, "succeeded", result={"amount": "1", "balance": "0", "status": "Canceled (Canceled)"}
    )
    assert ["succeededCanceled"] in view(script, canceled)["lines"]
    booked = a_request(DONE, "succeeded", result={"amount": "1", "balance": "9", "status": "Active (Booked)"})
    assert ["succeededStatus", "Active (Booked)"] in view(script, booked)["lines"]


def test_a_result_that_cannot_be_read_is_still_a_success(script: Page) -> None:
    seen = view(script, {**a_request(DONE, "succeeded"), "cfl_result": "{"})
    assert seen["lines"][0] == ["succeededText", "125000 cents", "Visa •••• 4242"]
