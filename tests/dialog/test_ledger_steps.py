"""What is particular to one action: fields that come and go, lists to tick, second pages, lists that are refused."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.dialog.ledger_actions import ACTIONS, FILTERED, chooses_service, fills
from tests.dialog.scripted_crm import ARABIC, CHOICE, FAILED, GERMAN, INVOICE, PENDING, WEB_RESOURCES, Answer
from tests.dialog.scripted_ledger import (
    BY_CARD,
    BY_CASH,
    BY_CHECK,
    CHEQUE,
    DEBIT,
    INVOICE_TWO,
    INVOICE_UNTOUCHED,
    LEDGER,
    OWN_SERVICE,
    REVERSED,
    OpenAction,
    ScriptedLedger,
    a_payment,
    a_transaction,
    a_usage_record,
    an_answer,
    an_id,
    an_open_invoice,
    done,
    refused,
)
from tests.dialog.test_ledger_actions import message, spoken, state

pytestmark = pytest.mark.browser

OVERRIDE_SUM = "prvCreatecfl_mayoverriderefund"


def shown(page: Page) -> list[str]:
    """The labels of the fields that are there."""
    return [
        label.removesuffix("*") for label in spoken(page.locator("#form .field:visible > :is(label, legend)"))
    ]


# --- Payments (E114 to E124) -----------------------------------------------------------------------------------


def test_check_number_and_card_type_show_for_their_payment_types_only(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = open_action("addPayment", id=LEDGER)
    kind = page.get_by_label("Payment type")
    for choice, extra in [(BY_CHECK, ["Check #"]), (BY_CARD, ["Card type"]), (BY_CASH, []), ("", [])]:
        kind.select_option(choice)
        assert [label for label in shown(page) if label in {"Check #", "Card type"}] == extra


def test_what_was_hidden_again_is_not_sent(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = open_action("addPayment", id=LEDGER)
    ledger.answers.append(done())
    fills(Amount="10", PaymentTypeId="=" + BY_CHECK, CheckNumber="417")(page)
    page.get_by_label("Payment type").select_option(BY_CARD)
    page.get_by_label("Card type").select_option(label="Mastercard")
    page.get_by_role("button", name="Save", exact=True).click()
    state(page, "succeeded")
    assert "CheckNumber" not in ledger.calls[0].body
    assert ledger.calls[0].body["CardType"] == CHOICE + 1


@pytest.mark.parametrize("name", ["addPayment", "makePayment", "savePayment"])
def test_deposit_and_automatic_disbursement_exclude_each_other(
    name: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = open_action(name, id=CHEQUE if name == "savePayment" else LEDGER)
    automatic, deposit = page.get_by_label("Automatic disbursement"), page.get_by_label("Deposit")
    deposit.check()
    assert (automatic.is_checked(), deposit.is_checked()) == (False, True)
    automatic.check()
    assert (automatic.is_checked(), deposit.is_checked()) == (True, False)


def test_the_payment_type_ticks_automatic_disbursement_until_the_user_does(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    """A9."""
    page = open_action("addPayment", id=LEDGER)
    automatic, kind = page.get_by_label("Automatic disbursement"), page.get_by_label("Payment type")
    kind.select_option(BY_CASH)
    assert not automatic.is_checked()
    kind.select_option(BY_CHECK)
    assert automatic.is_checked()
    automatic.uncheck()
    kind.select_option(BY_CARD)
    assert not automatic.is_checked()


def test_a_deposit_is_released_in_one_save(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    """E124, A10: without the tick it is a regular payment, automatic as ticked in the same save."""
    ledger.tables["cfl_payments"] = [a_payment(cfl_deposit=True, cfl_automatic=False)]
    ledger.answers.append(done())
    page = open_action("savePayment", id=CHEQUE)
    page.get_by_label("Deposit").uncheck()
    page.get_by_label("Automatic disbursement").check()
    page.get_by_role("button", name="Save").click()
    state(page, "succeeded")
    assert ledger.calls[0].body == {"Deposit": False, "Automatic": True}


def test_a_payment_without_a_usable_profile_cannot_be_made(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.tables["cfl_paymentprofiles"] = []
    page = open_action("makePayment", id=LEDGER)
    state(page, "nothing")
    assert message(page).startswith(
        "No payment profile.|The customer has no payment profile that can be used."
    )
    assert violations(page) == []


def test_a_decline_says_what_makes_sense_next(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    row = an_answer(FAILED, "declined", "The card has insufficient funds.", {})
    row["cfl_paymenttransactionid"] = {"cfl_name": "PT-000042", "cfl_declinecode": "insufficient_funds"}
    ledger.answers.append(Answer(row))
    page = open_action("makePayment", id=LEDGER)
    page.get_by_role("button", name="Make payment of $700.00").click()
    state(page, "declined")
    assert message(page) == (
        "Payment declined.|The card has insufficient funds.|"
        "Charge a lower amount, try later, or use another payment profile.|Reference PT-000042"
    )
    assert page.get_by_label("Amount").is_editable()


def test_the_button_names_the_amount_that_moves(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = open_action("makePayment", id=LEDGER)
    page.get_by_label("Amount").fill("25")
    expect(page.locator("#save")).to_have_text("Make payment of $25.00")
    page.get_by_label("Amount").fill("x")
    expect(page.locator("#save")).to_have_text("Make payment")


# --- Credits and disbursement (E79 to E84, E158 to E161) -------------------------------------------------------


def test_only_invoices_with_a_balance_can_be_ticked_and_the_sum_follows(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = open_action("addCredit", id=LEDGER)
    rows = page.locator("#InvoiceIds li")
    assert spoken(rows) == [
        "INV-1001\n11/1/2026\n$400.00",
        "INV-1002\n11/1/2026\n$300.00",
        "INV-1003\n11/1/2026\n$25.00",
    ]
    (query,) = [query for query in ledger.queries if query.startswith("invoices?")]
    assert "statecode ne 3 and (cfl_balance gt 0 or cfl_balance eq null)" in query
    page.get_by_role("checkbox", name="INV-1001").check()
    page.get_by_role("checkbox", name="INV-1003").check()
    expect(page.locator("#InvoiceIds-total")).to_have_text("2 ticked, $425.00")


def test_automatic_disbursement_takes_the_place_of_ticking(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = open_action("addCredit", id=LEDGER)
    ledger.answers.append(done())
    fills(Amount="5")(page)
    chooses_service(page, "host", "Hosting set-up")
    page.get_by_role("checkbox", name="INV-1001").check()
    page.get_by_label("Automatic disbursement").check()
    assert "Paying invoices" not in shown(page)
    page.get_by_role("button", name="Save", exact=True).click()
    state(page, "succeeded")
    assert ledger.calls[0].body["Automatic"] is True
    assert "InvoiceIds" not in ledger.calls[0].body


def test_without_an_open_invoice_there_is_nothing_to_tick(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.tables["invoices"] = []
    page = open_action("addCredit", id=LEDGER)
    assert "Paying invoices" not in shown(page)
    page = open_action("disbursePayment", id=CHEQUE)
    state(page, "nothing")
    assert message(page) == "No invoice has a balance.|There is nothing to pay, so nothing to disburse to."


def test_several_invoices_are_disbursed_to_in_their_order(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.answers.append(done())
    page = open_action("disbursePayment", id=CHEQUE)
    page.locator("#InvoiceIds input").last.check()
    page.locator("#InvoiceIds input").first.check()
    page.keyboard.press("Enter")
    state(page, "succeeded")
    assert ledger.calls[0].body["InvoiceIds"] == [INVOICE, INVOICE_UNTOUCHED]


# --- Services (E75, E76, E101) ---------------------------------------------------------------------------------


def test_a_service_is_found_by_the_keyboard_as_one_types(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = open_action("addDebit", id=LEDGER)
    ledger.answers.append(done())
    fills(Amount="5")(page)
    box = page.get_by_role("combobox", name="Service")
    box.press_sequentially("fib")
    expect(page.get_by_role("option")).to_have_text(["Fibre 1000 (#12345)"])
    expect(page.locator("#ServiceId-count")).to_have_text("Suggestions: 1. Use the arrow keys.")
    assert box.get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == page.get_by_role("option").get_attribute("id")
    assert violations(page) == []
    page.keyboard.press("Enter")
    assert (box.input_value(), box.get_attribute("aria-expanded")) == ("Fibre 1000 (#12345)", "false")
    page.keyboard.press("Enter")
    state(page, "succeeded")
    body = ledger.calls[0].body
    assert (body["AccountServiceId"], "ServiceId" in body) == (OWN_SERVICE, False)


def test_what_is_typed_but_not_chosen_is_no_service(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = open_action("addDebit", id=LEDGER)
    fills(Amount="5")(page)
    box = page.get_by_role("combobox", name="Service")
    box.press_sequentially("zzz")
    expect(page.locator("#ServiceId-count")).to_have_text("Nothing is named like that.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#ServiceId-error")).to_have_text("Choose one of the suggestions.")
    box.fill("")
    expect(page.locator("#ServiceId-error")).to_have_text("")
    assert ledger.calls == []


def test_escape_closes_the_suggestions_before_the_dialog(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = open_action("addDebit", id=LEDGER)
    page.get_by_role("combobox", name="Service").press_sequentially("inst")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    page.wait_for_timeout(300)
    assert page.locator(".message").count() == 0
    page.keyboard.press("Escape")
    expect(page.locator(".message")).to_have_text("You can close this window.")


def test_a_name_with_a_quotation_mark_is_searched_for(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.tables["products"].append({"productid": an_id(16), "name": "O'Neill & Sons"})
    page = open_action("addDebit", id=LEDGER)
    page.get_by_role("combobox", name="Service").press_sequentially("o'neill &")
    expect(page.get_by_role("option")).to_have_text(["O'Neill & Sons"])


def test_a_service_is_optional_on_a_credit_where_the_setting_says_so(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.tables["cfl_settings"][0]["cfl_serviceoptional"] = True
    page = open_action("addCredit", id=LEDGER)
    assert page.locator("#ServiceId").get_attribute("aria-required") == "false"


# --- Refunds (E143 to E149, E173 to E180) ----------------------------------------------------------------------


def test_a_payment_of_another_way_is_not_refunded_through_the_gateway(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.answers.append(done())
    page = open_action("refundPayment", id=CHEQUE)
    assert "Through the payment processor" not in shown(page)
    page.get_by_role("button", name="Refund $250.00").click()
    state(page, "succeeded")
    assert ledger.calls[0].body == {"Amount": Decimal("250.00")}


def test_no_more_than_the_rest_is_refunded(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.tables["cfl_payments"] = [a_payment(cfl_refunded=200.0)]
    page = open_action("refundPayment", id=CHEQUE)
    page.get_by_label("Amount").fill("50.01")
    expect(page.locator("#Amount-error")).to_have_text("At most $50.00 can be refunded.")
    page.get_by_label("Amount").fill("9999999999999999")
    expect(page.locator("#Amount-error")).to_have_text("At most $50.00 can be refunded.")


def test_a_payment_that_is_refunded_whole_has_nothing_left(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.tables["cfl_payments"] = [a_payment(cfl_refunded=250.0)]
    page = open_action("refundPayment", id=CHEQUE)
    state(page, "nothing")
    assert message(page).startswith("There is nothing to refund.")
    assert page.locator("#save").is_hidden()


def test_the_total_of_a_statement_refund_follows_the_selection(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = open_action("statementRefund", id=LEDGER)
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#TransactionIds-error")).to_have_text("Tick at least one.")
    total = page.locator("#TransactionIds-total")
    page.get_by_role("checkbox", name="#12 Router").check()
    expect(total).to_have_text("1 ticked, $113.00")
    page.get_by_role("checkbox", name="#13 Cable").check()
    expect(total).to_have_text("2 ticked, $143.00")
    page.get_by_role("button", name="Next").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Create refund: Fabrikam Fibre USD"
    assert page.evaluate("document.activeElement.id") == "PaymentTypeId"
    assert page.get_by_label("Amount").input_value() == "143.00"
    page.get_by_role("button", name="Back").click()
    page.get_by_role("checkbox", name="#12 Router").uncheck()
    page.get_by_role("button", name="Next").click()
    assert page.get_by_label("Amount").input_value() == "30.00"
    assert "Selected\n$30.00" in page.locator("#facts").inner_text()


def test_without_override_sum_the_amount_cannot_be_changed(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = open_action("statementRefund", id=LEDGER, preset=[REVERSED])
    expect(page.locator("#TransactionIds-total")).to_have_text("1 ticked, $30.00")
    page.get_by_role("button", name="Next").click()
    amount = page.get_by_label("Amount")
    assert not amount.is_editable()
    expect(page.locator("#Amount-hint")).to_have_text("Only who may override the sum can change it.")
    assert violations(page) == []


def test_with_override_sum_less_can_be_refunded_but_never_more(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.privileges.append(OVERRIDE_SUM)
    ledger.answers.append(done())
    page = open_action("statementRefund", id=LEDGER, preset=[DEBIT])
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Payment method").select_option(BY_CHECK)
    page.get_by_label("Amount").fill("113.01")
    expect(page.locator("#Amount-error")).to_have_text("At most what is selected can be refunded, $113.00.")
    page.get_by_label("Amount").fill("50")
    page.get_by_role("button", name="Ok").click()
    state(page, "succeeded")
    assert ledger.calls[0].body == {
        "TransactionIds": [DEBIT],
        "PaymentTypeId": BY_CHECK,
        "Amount": Decimal("50.00"),
    }


def test_no_more_debits_are_ticked_than_one_refund_takes(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    many = [an_id(19, number) for number in range(51)]
    ledger.tables["cfl_accounttransactions"] = [a_transaction(one, n) for n, one in enumerate(many, start=1)]
    page = open_action("statementRefund", id=LEDGER, preset=many)
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#TransactionIds-error")).to_have_text("Tick at most 50.")
    page.locator("#TransactionIds input").first.uncheck()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_label("Payment method")).to_be_focused()


def test_a_refund_on_its_way_is_pending(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.answers.append(Answer(an_answer(PENDING, "processing", "The bank takes a few days.", {})))
    page = open_action("refundPayment", id=CHEQUE)
    page.get_by_role("button", name="Refund $250.00").click()
    state(page, "pending")
    assert message(page).startswith("The refund is on its way.|The bank takes a few days.")


# --- Taxes (E182 to E185) --------------------------------------------------------------------------------------


def test_the_tax_rates_are_those_of_the_tax_code(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = open_action("adjustTax", id=DEBIT)
    rate = page.get_by_label("Tax rate")
    assert spoken(rate.locator("option")) == ["Choose…"]
    page.get_by_label("Tax code").select_option(label="VAT")
    assert spoken(rate.locator("option")) == ["Choose…", "VAT 20 %", "VAT 7 %"]
    rate.select_option(label="VAT 7 %")
    page.get_by_label("Tax code").select_option(label="Sales tax")
    assert spoken(rate.locator("option")) == ["Choose…", "State 5 %"]
    assert rate.input_value() == ""


# --- Invoices (E111, E112, E135) -------------------------------------------------------------------------------


def test_an_invoice_that_never_left_is_opened_without_a_warning(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.tables["invoices"] = [
        an_open_invoice(INVOICE, "INV-1001", cfl_ledgerstate=CHOICE, cfl_closedon=None, cfl_deliveredon=None)
    ]
    page = open_action("openInvoice", id=INVOICE)
    assert page.locator(".message").count() == 0


def test_what_cannot_be_undone_has_the_focus_on_cancel(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = open_action("voidInvoice", id=INVOICE)
    assert page.evaluate("document.activeElement.id") == "close"
    page.keyboard.press("Enter")
    assert ledger.calls == []


def test_each_ticked_invoice_is_sent_by_itself(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.answers += [done(), done()]
    page = open_action("emailInvoice", ids=[INVOICE, INVOICE_TWO])
    assert page.get_by_role("heading", level=1).inner_text() == "Email invoice INV-1001, INV-1002"
    page.get_by_role("button", name="Email").click()
    state(page, "succeeded")
    assert message(page) == "2 of 2 done."
    first, second = ledger.calls
    assert [INVOICE in first.path, INVOICE_TWO in second.path, first.key != second.key] == [True] * 3


def test_those_that_could_not_be_sent_are_named(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.answers += [refused("no_email_address", "The customer has no e-mail address."), done()]
    page = open_action("emailInvoice", ids=[INVOICE, INVOICE_TWO])
    page.get_by_role("button", name="Email").click()
    state(page, "refused")
    assert message(page) == "1 of 2 done. The others were not.|INV-1001: The customer has no e-mail address."
    assert spoken(page.locator(".actions button:visible")) == ["Close"], "so that none is sent twice"


def test_many_invoices_are_named_by_the_first_and_the_last(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    many = [an_open_invoice(an_id(17, number), f"INV-{2000 + number}") for number in range(30)]
    ledger.tables["invoices"] = many
    page = open_action("emailInvoice", ids=[row["invoiceid"] for row in many])
    assert page.get_by_role("heading", level=1).inner_text() == "Email invoice INV-2000 … INV-2029 (30)"


# --- Usage (E94 to E102) ---------------------------------------------------------------------------------------


def test_every_page_of_the_filtered_list_is_counted(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.tables["cfl_usagerecords"] = [a_usage_record(an_id(13, number), 1.0) for number in range(400)]
    page = open_action("creditUsage", fetchXml=FILTERED)
    state(page, "ready")
    assert "Usage records\n400\nNet\n$400.00" in page.locator("#facts").inner_text()
    first, second = [query for query in ledger.queries if query.startswith("cfl_usagerecords?")]
    assert 'page="1"' in first
    assert 'page="2"' in second
    assert 'attribute="cfl_terminator"' in first, "the user's own filter"
    assert 'top="50"' not in first, "not only what is shown"
    assert set(re.findall(r'<attribute name="(\w+)"', first)) == {
        "cfl_usagerecordid", "cfl_net", "cfl_tax", "cfl_gross", "cfl_billingaccountid",
    }  # fmt: skip


def test_usage_is_credited_to_any_service_and_a_debit_is_of_one_billed_once(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    """E75, E93, E100."""
    asked = {}
    for action, handed in [("creditUsage", {"fetchXml": FILTERED}), ("addDebit", {"id": LEDGER})]:
        page = open_action(action, **handed)
        page.get_by_role("combobox", name="Service").press_sequentially("inst")
        expect(page.get_by_role("option")).to_have_text(["Installation"])
        asked[action] = [query for query in ledger.queries if query.startswith("products?")][-1]
    assert "cfl_frequency" not in asked["creditUsage"]
    assert f"(cfl_frequency eq {CHOICE} or cfl_frequency eq null)" in asked["addDebit"]


@pytest.mark.parametrize(
    ("count", "other", "says"),
    [
        (0, LEDGER, "It holds no record. Filter the list to the records to credit."),
        (401, LEDGER, "It holds more than 400 records. Filter it further."),
        (2, an_id(18), "It holds records of several billing accounts. Filter it to one account."),
    ],
    ids=["empty", "too long", "of two accounts"],
)
def test_a_list_that_cannot_be_credited_is_refused(
    count: int, other: str, says: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    rows = [a_usage_record(an_id(13, number), 1.0) for number in range(count)]
    if rows:
        rows[-1]["_cfl_billingaccountid_value"] = other
    ledger.tables["cfl_usagerecords"] = rows
    page = open_action("creditUsage", fetchXml=FILTERED)
    state(page, "nothing")
    assert message(page) == f"This list can’t be credited.|{says}"
    assert spoken(page.locator(".actions button:visible")) == ["Close"]


# --- Any form --------------------------------------------------------------------------------------------------


def test_today_is_the_business_day(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.tables["cfl_settings"][0]["cfl_timezone"] = "Pacific/Pago_Pago"
    page = open_action("addDebit", id=LEDGER)
    assert page.locator("#Date").input_value() == "2026-11-21"


def test_settings_that_cannot_be_read_stop_nothing(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.unreadable["cfl_settings"] = 403
    page = open_action("addDebit", id=LEDGER)
    assert page.locator("#Date").input_value() == "2026-11-22"


def test_amounts_are_read_in_the_users_own_style(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.settings = dict(GERMAN)
    ledger.answers.append(done("An English sentence.", balance="12.30"))
    page = open_action("addDebit", id=LEDGER)
    page.locator("#Amount").fill("10.50")
    expect(page.locator("#Amount-error")).to_have_text("Geben Sie einen Betrag wie 1250,00 ein.")
    page.locator("#Amount").fill("1.010,50")
    page.get_by_role("button", name="Speichern", exact=True).click()
    state(page, "succeeded")
    assert ledger.calls[0].body["Amount"] == Decimal("1010.50")
    assert message(page) == "Belastung gebucht.|Offen sind jetzt 12,30 $."


def test_a_card_number_is_kept_out_of_every_text(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = open_action("addDebit", id=LEDGER)
    fills(Amount="5", Detail="card 4242 4242 4242 4242 of Jo")(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#Detail-error")).to_have_text(
        "This looks like a card number. Card numbers must not be written here."
    )
    page.locator("#Detail").fill("order 4242 4242 4242 4243")
    expect(page.locator("#Detail-error")).to_have_text("")
    assert ledger.calls == []


def test_an_update_without_a_change_is_not_sent(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = open_action("updateAccount", id=LEDGER)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".message")).to_have_text("Nothing was changed, so there is nothing to save.")
    assert ledger.calls == []


def test_a_refusal_about_a_field_stands_beside_it(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.answers.append(refused("posting_period_closed", "The financial period of 2026-10-31 is closed."))
    page = open_action("addDebit", id=LEDGER)
    fills(Amount="5", PostingDate="2026-10-31")(page)
    page.get_by_role("button", name="Save", exact=True).click()
    state(page, "invalid")
    expect(page.locator("#PostingDate-error")).to_have_text("The financial period of 2026-10-31 is closed.")
    assert page.evaluate("document.activeElement.id") == "PostingDate"
    assert page.locator("#PostingDate-error").get_attribute("role") == "alert"
    page.locator("#PostingDate").fill("2026-11-22")
    expect(page.locator("#PostingDate-error")).to_have_text("")


def test_every_code_with_a_field_is_one_that_the_service_knows() -> None:
    table = (WEB_RESOURCES / "cfl_" / "answer.js").read_text().split("const FIELDS", 1)[1].split("});", 1)[0]
    root = Path(__file__).parents[2] / "plugins"
    known = "\n".join(path.read_text() for path in root.rglob("*.py"))
    codes = re.findall(r"^    (\w+):", table, re.MULTILINE)
    assert len(codes) > 20
    assert [code for code in codes if f'"{code}"' not in known] == []


def test_a_user_who_may_not_act_on_this_row_is_told_so(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.answers.append(refused("not_permitted", "You can't see this payment."))
    page = open_action("refundPayment", id=CHEQUE)
    page.get_by_role("button", name="Refund $250.00").click()
    state(page, "forbidden")
    assert message(page) == "You can’t do this.|You can't see this payment."


def test_what_cannot_be_read_can_be_tried_again(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.unreadable["cfl_billingaccounts("] = 503
    page = open_action("addDebit", id=LEDGER)
    state(page, "error")
    assert message(page) == "This could not be read.|No privilege."
    ledger.unreadable.clear()
    page.keyboard.press("Enter")
    state(page, "ready")


@pytest.mark.parametrize("table", ["cfl_billingaccounts(", "cfl_paymenttypes"])
def test_a_user_who_may_not_read_is_told_so(
    table: str, ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    ledger.unreadable[table] = 403
    page = open_action("addPayment", id=LEDGER)
    state(page, "forbidden")
    assert message(page) == "You can’t do this.|Your security role lacks the right to read what this needs."


def test_an_action_that_is_not_in_the_table_is_none(open_action: OpenAction) -> None:
    page = open_action("giveItAllAway", id=LEDGER)
    state(page, "error")
    assert page.locator("#form").is_hidden()


def test_offline_nothing_is_sent(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.answers.append(done())
    page = open_action("closeInvoice", id=INVOICE)
    page.context.set_offline(True)
    page.get_by_role("button", name="Close invoice").click()
    state(page, "offline")
    assert ledger.calls == []
    page.context.set_offline(False)
    state(page, "ready")
    page.get_by_role("button", name="Close invoice").click()
    state(page, "succeeded")


def test_a_throttled_call_is_repeated_under_its_key(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.answers += [Answer(status=429, headers={"Retry-After": "1"}), done()]
    page = open_action("closeInvoice", id=INVOICE)
    page.get_by_role("button", name="Close invoice").click()
    state(page, "succeeded")
    first, second = ledger.calls
    assert first.text == second.text


def test_what_was_kept_in_the_tab_is_taken_from_there(
    ledger: ScriptedLedger, open_action: OpenAction
) -> None:
    page = open_action("closeInvoice", id=INVOICE)
    page.evaluate(
        "text => sessionStorage.setItem('cfl_handover7', text)",
        f'{{"action":"voidInvoice","id":"{INVOICE}"}}',
    )
    page.goto(page.url.split("?")[0] + '?Data={"kept":"7"}')
    state(page, "ready")
    assert page.get_by_role("heading", level=1).inner_text() == ACTIONS["voidInvoice"].title
    page.goto(page.url.split("?")[0] + '?data={"kept":"8"}')
    state(page, "error")


def test_an_arabic_user_sees_a_mirrored_page(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    ledger.settings = dict(ARABIC)
    page = open_action("addCredit", id=LEDGER)
    assert page.locator("html").get_attribute("dir") == "rtl"
    tick, name = (
        page.locator("#InvoiceIds input").first.bounding_box(),
        page.locator(".name").first.bounding_box(),
    )
    assert tick is not None
    assert name is not None
    assert tick["x"] > name["x"]
    assert violations(page) == []


def test_forced_colours_keep_everything_visible(ledger: ScriptedLedger, open_action: OpenAction) -> None:
    page = open_action("addCredit", id=LEDGER, forced_colors="active")
    page.get_by_role("combobox", name="Service").press_sequentially("inst")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_have_text("Installation")
    assert violations(page) == []


def test_escape_closes_the_dialog(open_action: OpenAction) -> None:
    page = open_action("addDebit", id=LEDGER)
    page.keyboard.press("Escape")
    expect(page.locator(".message")).to_have_text("You can close this window.")
