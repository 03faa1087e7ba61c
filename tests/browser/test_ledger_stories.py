"""The account ledger as its people know it: each story is clicked through in the browser, from the account's own page."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import violations
from tests.browser.account_form import AccountForm, an_account
from tests.browser.chromium import NewPage
from tests.browser.demo_stack import Demo
from tests.browser.invoice_form import signed_in

pytestmark = pytest.mark.browser


def test_a_debit_to_an_account_without_an_open_invoice(demo: Demo, new_page: NewPage) -> None:
    """E03, E04, E13-E27: it makes an invoice at once, and the list shows its number (E44)."""
    account = an_account(demo, new_page)
    debits = account.list("Transactions")
    expect(debits.rows()).to_have_count(0)
    said = debits.choose("Add Debit").fill({"Amount": "80", "Detail": "Router", "Tax exempt": True}).done()
    assert "80.00" in said
    debits.expect("Router", Gross="$80.00")
    expect(account.balance).to_have_text("$1,930.00")
    invoices = account.tab("Invoices").list("Invoices")
    invoices.expect("$80.00", Ledger_State="Open", Status_Reason="Active (New)", Balance_Amount="$80.00")


def test_a_payment_pays_the_oldest_invoice(demo: Demo, new_page: NewPage) -> None:
    """E10, E121, E155: 1,300.00 pays the 600.00 left of INV-1002, the older one, and 700.00 of INV-1001."""
    account = an_account(demo, new_page)
    payments = account.list("Payments")
    dialog = payments.choose("Add Payment").fill(
        {"Amount": "1300", "Payment type": "Check", "Check #": "4711", "Automatic disbursement": True}
    )
    assert "1,300.00" in dialog.done()
    payments.expect("$1,300.00", Disbursed="Yes", Undisbursed="$0.00")
    expect(account.balance).to_have_text("$550.00")
    invoices = account.tab("Invoices").list("Invoices")
    invoices.expect("INV-1002", Balance_Amount="$0.00", Status_Reason="Paid (Complete)")
    invoices.expect("INV-1001", Balance_Amount="$550.00", Status_Reason="Paid (Partial)")


def test_a_disbursement_is_deleted_and_the_money_disbursed_by_hand(demo: Demo, new_page: NewPage) -> None:
    """E158-E166: after Delete the payment shows No, is held, and goes where the clerk says."""
    account = an_account(demo, new_page)
    account.list("Payments").choose("Add Payment").fill(
        {"Amount": "200", "Payment type": "Cash", "Automatic disbursement": True}
    ).done()
    disbursed = account.tab("Invoices").list("Payment Disbursements By Invoice")
    disbursed.tick("$200.00").choose("Delete Disbursement").done("Delete")
    expect(disbursed.row("$200.00")).to_have_count(0)
    payments = account.tab("Transactions").list("Payments")
    payments.expect("Cash", Disbursed="No", Undisbursed="$200.00", Automatic_Disbursement="No")
    payments.tick("$200.00").choose("Disburse").tick("INV-1001").done("Disburse")
    payments.expect("Cash", Disbursed="Yes", Undisbursed="$0.00")
    account.tab("Invoices").list("Invoices").expect("INV-1001", Balance_Amount="$1,050.00")


def test_a_debit_is_reversed_and_the_reversal_reversed(demo: Demo, new_page: NewPage) -> None:
    """E30-E34, E46, E47: a negative debit on the same open invoice, and the charge is back."""
    account = an_account(demo, new_page)
    debits = account.list("Transactions")
    debits.choose("Add Debit").fill({"Amount": "80", "Detail": "Router", "Tax exempt": True}).done()
    debits.tick("Router").choose("Reverse").done("Reverse")
    debits.expect("(Reversed Credit Transaction #", Gross="-$80.00")
    expect(account.balance).to_have_text("$1,850.00")

    dialog = debits.tick("Router").choose("Reverse").press("Reverse")
    dialog.expect_state("refused")
    assert "already reversed" in dialog.message()
    dialog.close()

    account.open()
    debits = account.tab("Transactions").list("Transactions")
    debits.tick("(Reversed Credit Transaction #").choose("Reverse").done("Reverse")
    expect(account.balance).to_have_text("$1,930.00")


def test_a_payment_is_refunded_in_part(demo: Demo, new_page: NewPage) -> None:
    """E143-E149: a check of 700.00 paid INV-1002 and a part of INV-1001; 150.00 goes back, off the newest first (A17)."""
    account = an_account(demo, new_page, user="manager")
    payments = account.list("Payments")
    payments.choose("Add Payment").fill(
        {"Amount": "700", "Payment type": "Check", "Automatic disbursement": True}
    ).done()
    dialog = payments.tick("$700.00").choose("Refund")
    dialog.fill({"Amount": "150"})
    assert "150.00" in dialog.done("Refund $150.00")
    payments.expect("-$150.00", Disbursed="No")
    payments.expect("$700.00", Refunded="No")
    expect(account.balance).to_have_text("$1,300.00")
    invoices = account.tab("Invoices").list("Invoices")
    invoices.expect("INV-1002", Balance_Amount="$50.00")
    invoices.expect("INV-1001", Balance_Amount="$1,250.00", Status_Reason="Active (Billed)")


def test_a_deposit_is_held_and_released(demo: Demo, new_page: NewPage) -> None:
    """E122-E124: it counts for nothing until it is a regular payment again."""
    account = an_account(demo, new_page)
    payments = account.list("Payments")
    dialog = payments.choose("Add Payment")
    dialog.fill(
        {"Amount": "300", "Payment type": "Cash", "Automatic disbursement": False, "Deposit": True}
    ).done()
    payments.expect("Cash", Deposit="Yes", Disbursed="No")
    expect(account.balance).to_have_text("$1,850.00")

    dialog = payments.tick("Cash").choose("Save Payment")
    dialog.fill({"Deposit": False, "Automatic disbursement": True}).done()
    payments.expect("Cash", Deposit="No", Disbursed="Yes", Undisbursed="$0.00")
    expect(account.balance).to_have_text("$1,550.00")


def test_an_invoice_is_voided_and_its_payment_saved(demo: Demo, new_page: NewPage) -> None:
    """E53-E57, A14: the payment is displayed nowhere, and Save puts it on the invoice that is open by then."""
    account = an_account(demo, new_page, user="manager")
    debits, payments = account.list("Transactions"), account.list("Payments")
    debits.choose("Add Debit").fill({"Amount": "80", "Detail": "Router", "Tax exempt": True}).done()
    payments.choose("Add Payment").fill({"Amount": "20", "Payment type": "Cash"}).done()
    invoices = account.tab("Invoices").list("Invoices")
    invoices.expect(
        "$80.00", Payments_Issued="$1,200.50", Ledger_State="Open"
    )  # with what had waited to be shown
    invoices.tick("$80.00").choose("Close").done("Close invoice")
    invoices.expect("$80.00", Ledger_State="Closed", Status_Reason="Active (Billed)")
    account.tab("Transactions")
    debits.choose("Add Debit").fill({"Amount": "5", "Detail": "Cable", "Tax exempt": True}).done()

    account.tab("Invoices")
    invoices.tick("$80.00").choose("Void").done("Void invoice")
    invoices.expect("-$80.00", Ledger_State="Void mirror", Balance_Amount="$0.00")
    invoices.expect("Canceled (Canceled)", Ledger_State="Void", Payments_Issued="$0.00")
    invoices.expect("Active (New)", Payments_Issued="$0.00", Ledger_State="Open")

    account.tab("Transactions")
    payments.tick("Cash").choose("Save Payment").done()
    account.tab("Invoices")
    invoices.expect("Active (New)", Payments_Issued="$20.00", Balance_Amount="$5.00")


def test_three_usage_records_are_credited(demo: Demo, new_page: NewPage) -> None:
    """E94-E104, Y5: nothing is listed without a filter; Credit takes all that the filter leaves."""
    account = an_account(demo, new_page, "Tailwind Traders (USD)", user="manager", tab="Usage")
    history = account.usage_history()
    expect(history.rows()).to_have_count(0)  # nobody filtered yet (E95)
    expect(history.credit_command).to_be_hidden()

    history.filter("Terminating identifier", "+1 519 555 0100")
    expect(history.rows()).to_have_count(3)
    assert history.facts() == {"Usage records": "3", "Net": "$4.00", "Tax": "$0.52", "Gross": "$4.52"}
    assert violations(account.page) == []
    dialog = history.credit()
    assert dialog.facts()["Usage records"] == "3"
    assert dialog.facts()["Gross"] == "$4.52"
    assert "job queue" in dialog.find("Service", "LD", "LD usage").succeed("Complete credit")
    dialog.frame.locator("#close").click()
    expect(history.frame.locator("#over")).to_be_hidden()
    expect(history.credit_command).to_be_focused()
    history.close()

    jobs = account.list("Usage Credit Jobs")
    for _ in range(20):  # the job service picks it up (E89)
        jobs.refresh()
        account.page.wait_for_timeout(500)
        if jobs.row("Done").count():
            break
    jobs.expect("Done", Usage_Records="3", Credited="3", Skipped="0")
    history = account.usage_history().filter("Status", "Credited")
    expect(history.rows()).to_have_count(3)
    history.close()
    account.open()
    account.tab("Transactions").list("Credits").expect("$4.52", Disbursed="No")


@pytest.mark.parametrize("width", [1280, 360])
def test_the_usage_history_is_worked_by_the_keyboard(demo: Demo, new_page: NewPage, width: int) -> None:
    """E96, E97: each filter narrows what is listed, and the page is no wider than its window."""
    page = signed_in(demo, new_page, "manager", width=width, height=800)
    account = AccountForm(page, demo, "Tailwind Traders (USD)").tab("Usage")
    history = account.usage_history()
    frame = history.frame
    expect(frame.get_by_label("Date from")).to_be_focused()
    assert violations(page) == []

    history.filter("Service", "LD")
    expect(history.rows()).to_have_count(10)
    history.filter("Terminating identifier", "519 555")
    assert history.facts()["Usage records"] == "3"
    history.filter("Originating identifier", "nobody's")
    expect(history.rows()).to_have_count(0)
    expect(history.credit_command).to_be_hidden()
    assert "No record matches the filter." in frame.locator("#polite").inner_text()
    history.filter("Originating identifier", "")
    expect(history.rows()).to_have_count(3)
    assert violations(page) == []
    assert frame.locator("html").evaluate("page => page.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(account.list("Usage Credit Jobs").command("Usage History")).to_be_focused()


def test_a_clerk_without_the_override_refunds_what_is_selected(demo: Demo, new_page: NewPage) -> None:
    """E175-E181: the amount can't be changed, and the refund of the selected total is issued."""
    account = an_account(demo, new_page, user="refunds")
    debits, payments = account.list("Transactions"), account.list("Payments")
    debits.choose("Add Debit").fill({"Amount": "80", "Detail": "Router", "Tax exempt": True}).done()
    payments.choose("Add Payment").fill(
        {"Amount": "2000", "Payment type": "Check", "Automatic disbursement": True}
    ).done()
    dialog = debits.tick("Router").choose("Refund")
    dialog.press("Next")
    assert dialog.frame.get_by_label("Amount").get_attribute("readonly") is not None
    dialog.fill({"Payment method": "Check"}).done("Ok")
    expect(account.list("Transaction Refunds").row("$80.00")).to_have_count(1)
    payments.expect("-$80.00", Disbursed="No")


def test_a_closed_invoice_is_opened_for_a_payment_and_closed_again(demo: Demo, new_page: NewPage) -> None:
    """E45, E48, E62, E110-E112, E133: the warning is confirmed, and the payment is issued and disbursed on one invoice."""
    account = an_account(demo, new_page, tab="Invoices")
    invoices = account.list("Invoices")
    invoices.expect("INV-1002", Ledger_State="Closed")
    dialog = invoices.tick("INV-1002").choose("Open")
    assert "might have been sent" in dialog.frame.locator("body").inner_text()
    dialog.done("Open invoice")
    invoices.expect("INV-1002", Ledger_State="Open")
    account.tab("Transactions").list("Payments").choose("Add Payment").fill(
        {"Amount": "600", "Payment type": "Cash"}
    ).done()
    account.tab("Invoices")
    invoices.expect("INV-1002", Payments_Issued="$600.00", Balance_Amount="$0.00")
    invoices.tick("INV-1002").choose("Close").done("Close invoice")
    invoices.expect("INV-1002", Ledger_State="Closed", Status_Reason="Paid (Complete)")


def test_a_payment_is_made_and_the_card_refunded(demo: Demo, new_page: NewPage) -> None:
    """E126-E132, E170-E174: Make Payment and Credit Card Refund on the Tools page; no verification value is asked for."""
    account = an_account(demo, new_page, user="manager")
    dialog = account.tool("Make Payment")
    labels = dialog.frame.locator("label").all_inner_texts()
    assert not [each for each in labels if "CVV" in each or "security code" in each.lower()]
    dialog.fill({"Amount": "100", "Automatic disbursement": True}).done("Make payment of $100.00")
    payments = account.list("Payments")
    payments.expect("$100.00", Disbursed="Yes", Refunded="No", Payment_Type="Credit Card")

    dialog = account.tool("Credit Card Refund")
    dialog.frame.get_by_role("radio", name=re.compile(r"100\.00")).check()
    dialog.press("Next")
    dialog.done("Refund $100.00")
    payments.expect("-$100.00", Disbursed="No")
    expect(payments.row("Credit Card").filter(has_text="$100.00").filter(has_text="Yes")).to_have_count(1)
    expect(account.balance).to_have_text("$1,850.00")


def test_tax_is_adjusted_and_several_debits_are_added(demo: Demo, new_page: NewPage) -> None:
    """E28, E86, E182-E185: Save/New leaves an empty form; TaxAdj stands on the transactions and on the credits list."""
    account = an_account(demo, new_page, user="manager")
    debits, credits_ = account.list("Transactions"), account.list("Credits")
    dialog = debits.choose("Add Debit").fill({"Amount": "10", "Detail": "First", "Tax exempt": True})
    dialog.press("Save/New")
    expect(dialog.frame.get_by_label("Detail")).to_have_value("")
    dialog.fill({"Amount": "20", "Detail": "Second", "Tax exempt": True}).done()
    expect(debits.rows()).to_have_count(2)
    dialog = debits.tick("Second").choose("TaxAdj")
    dialog.frame.get_by_role("radio", name="Credit").check()
    dialog.fill({"Tax code": "Harmonized Sales Tax", "Amount": "2"})
    dialog.fill({"Tax rate": "HST Ontario"}).done()
    credits_.expect("$2.00", Net="$0.00", Tax="$2.00")
    credits_.tick("$2.00")
    expect(credits_.command("TaxAdj")).to_be_visible()


def test_a_credit_goes_to_the_invoice_that_is_ticked(demo: Demo, new_page: NewPage) -> None:
    """E73-E84: added in the Credits section, against a one-time service, to one invoice with a balance."""
    account = an_account(demo, new_page)
    credits_ = account.list("Credits")
    dialog = credits_.choose("Add Credit").fill({"Amount": "40", "Detail": "Goodwill", "Tax exempt": True})
    expect(dialog.frame.get_by_label("Automatic disbursement")).not_to_be_checked()  # E79
    dialog.find("Service", "Line", "Line installation").tick("INV-1001").done()
    credits_.expect("Goodwill", Disbursed="Yes", Undisbursed="$0.00")
    account.tab("Invoices").list("Invoices").expect(
        "INV-1001", Credits_Disbursed="$40.00", Balance_Amount="$1,210.00"
    )


def test_crediting_usage_takes_its_own_right(demo: Demo, new_page: NewPage) -> None:
    """E90: a biller sees the usage and no Credit command, in its history and above the CRM's own list."""
    account = an_account(demo, new_page, "Tailwind Traders (USD)", tab="Usage")
    history = account.usage_history().filter("Service", "LD")
    expect(history.rows()).to_have_count(10)
    expect(history.credit_command).to_be_hidden()
