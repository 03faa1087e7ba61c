"""A link that an action made for a customer: shown, copied, opened, and watched until the customer has used it."""

import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.dialog.scripted_crm import ACCOUNT, CHOICE
from tests.dialog.scripted_ledger import LEDGER, OpenAction, ScriptedLedger, an_id, done

pytestmark = pytest.mark.browser

URL = "https://pay.example/c/pay/cs_test_1"
WAITING = an_id(15)


@pytest.fixture
def ledger(ledger: ScriptedLedger) -> ScriptedLedger:
    ledger.tables["cfl_paymentprofiles"].append(
        {
            "cfl_paymentprofileid": WAITING,
            "cfl_name": "Requested on 2026-11-22",
            "statecode": 0,
            "statuscode": 1,
        }
    )
    ledger.answers.append(
        done("The link is ready.", profile=WAITING, url=URL, expires="2026-11-23T11:00:00+00:00")
    )
    return ledger


def state(page: Page, name: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-state", name)


def requested(open_action: OpenAction, **handed: object) -> Page:
    page = open_action("requestProfile", id=LEDGER, **handed)
    page.get_by_role("button", name="Get a link").click()
    state(page, "succeeded")
    return page


def used(ledger: ScriptedLedger, status: int = CHOICE, state_: int = 0) -> None:
    row = ledger.tables["cfl_paymentprofiles"][-1]
    row.update(cfl_name="Visa •••• 4242", statuscode=status, statecode=state_)


def test_it_is_shown_to_be_copied_or_opened(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = requested(open_action)
    expect(page.get_by_label("Link for the customer")).to_have_value(URL)
    assert "It can be used once, until" in page.locator("#link-until").inner_text()
    opener = page.get_by_role("link", name="Open in a new tab")
    assert (opener.get_attribute("href"), opener.get_attribute("rel")) == (URL, "noopener noreferrer")
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#copy")).to_have_text("Copied")
    assert violations(page) == []


def test_it_is_watched_until_the_customer_has_used_it(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = requested(open_action)
    expect(page.locator("#link-state")).to_contain_text("Waiting for the customer.")
    used(ledger)
    expect(page.locator("#link-state")).to_have_text("Visa •••• 4242 is ready.", timeout=15_000)
    expect(page.get_by_role("link", name="Open in a new tab")).to_be_hidden()
    assert violations(page) == []


def test_one_that_is_over_says_so(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = requested(open_action)
    used(ledger, status=2, state_=1)
    expect(page.locator("#link-state")).to_have_text("The link can’t be used any more.", timeout=15_000)


def test_it_leads_back_to_the_dialog_that_it_was_asked_from(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = open_action("makePayment", id=LEDGER)
    page.get_by_role("button", name="New payment method…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Request a payment profile for Fabrikam Fibre USD"
    )
    page.get_by_role("button", name="Get a link").click()
    state(page, "succeeded")
    used(ledger)
    page.get_by_role("button", name="Go on").click(timeout=15_000)
    expect(page.get_by_role("heading", level=1)).to_have_text("Make payment for Fabrikam Fibre USD")


@pytest.mark.parametrize("page_", ["https://evil.example/", "javascript:alert(1)", "usage.html"])
def test_it_leads_nowhere_else(ledger: ScriptedLedger, open_action: OpenAction, page_: str) -> None:
    page = requested(open_action, back={"page": page_, "data": {}})
    used(ledger)
    expect(page.locator("#link-state")).to_have_text("Visa •••• 4242 is ready.", timeout=15_000)
    expect(page.get_by_role("button", name="Go on")).to_have_count(0)


def test_without_any_profile_make_payment_offers_to_ask_for_one(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.tables["cfl_paymentprofiles"] = []
    page = open_action("makePayment", id=LEDGER)
    page.get_by_role("button", name="New payment method…").click()
    expect(page.get_by_role("button", name="Get a link")).to_be_visible()
    handed = json.loads(unquote(parse_qs(urlsplit(page.url).query)["data"][0]))
    assert handed["back"]["data"] == {"action": "makePayment", "id": LEDGER}


def test_an_account_without_a_billing_account_gets_one_first(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.tables["cfl_billingaccounts"] = []
    page = open_action("requestProfileOfAccount", id=ACCOUNT)
    expect(page.locator("#polite")).to_contain_text("This account has no billing account yet.")
