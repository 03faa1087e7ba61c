"""Charging an invoice as a user does it: the form, the command, the dialog, and the invoice afterwards."""

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import NewPage
from tests.browser.demo_stack import Demo
from tests.browser.invoice_form import an_invoice

pytestmark = pytest.mark.browser


def test_a_full_charge_pays_the_invoice(demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, "INV-1001")
    expect(invoice.status).to_have_text("Active (Billed)")
    dialog = invoice.charge()
    dialog.expect_state("ready")
    assert dialog.facts() == {
        "Customer": "Fabrikam Fibre",
        "Total": "$1,250.00",
        "Charged so far": "$0.00",
        "Balance due": "$1,250.00",
    }
    assert dialog.profile.locator("option:checked").inner_text().startswith("Visa •••• 4242, expires ")
    assert dialog.amount.input_value() == "1250.00"
    calls = demo.calls()
    dialog.save()
    dialog.expect_state("succeeded")
    assert "$1,250.00 was charged to Visa •••• 4242." in dialog.message()
    assert "Invoice status: Paid (Complete)." in dialog.message()
    assert len(calls.of_the_crm_by_the_service()) == 3, "snapshot, reserve, settle"
    assert [call.split("/")[-1] for call in calls.of_stripe()] == ["payment_intents", "confirm"]
    dialog.close()

    expect(invoice.status).to_have_text("Paid (Complete)")
    expect(invoice.field("cfl_amountcharged")).to_have_text("$1,250.00")
    expect(invoice.field("cfl_balance")).to_have_text("$0.00")
    expect(invoice.attempts()).to_have_count(1)
    expect(invoice.attempts()).to_contain_text("Active (Succeeded)")
    expect(invoice.command).to_be_hidden()


def test_a_part_is_charged_then_the_rest(demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, "INV-1001")
    dialog = invoice.charge()
    dialog.amount.fill("400")
    expect(dialog.frame.locator("#amount-hint")).to_have_text("After this charge $850.00 stays due.")
    expect(dialog.frame.locator("#charge")).to_have_text("Charge $400.00")
    dialog.save()
    dialog.expect_state("succeeded")
    dialog.close()
    expect(invoice.status).to_have_text("Paid (Partial)")
    expect(invoice.field("cfl_amountcharged")).to_have_text("$400.00")
    expect(invoice.field("cfl_balance")).to_have_text("$850.00")

    dialog = invoice.charge()
    assert dialog.amount.input_value() == "850.00"
    assert dialog.facts()["Charged so far"] == "$400.00"
    dialog.save()
    dialog.expect_state("succeeded")
    dialog.close()
    expect(invoice.status).to_have_text("Paid (Complete)")
    expect(invoice.field("cfl_amountcharged")).to_have_text("$1,250.00")
    expect(invoice.field("cfl_balance")).to_have_text("$0.00")
    expect(invoice.attempts()).to_have_count(2)


def test_a_decline_leaves_a_failed_inactive_record_with_its_result(demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, "INV-1005")
    dialog = invoice.charge()
    dialog.save()
    dialog.expect_state("declined")
    assert dialog.message().startswith("Card declined.")
    assert "The card has insufficient funds." in dialog.message()
    assert "Nothing was charged." in dialog.message()
    assert dialog.amount.is_editable()
    dialog.close()
    expect(invoice.status).to_have_text("Active (Billed)")
    expect(invoice.attempts()).to_have_count(1)
    expect(invoice.attempts()).to_contain_text("Inactive (Failed)")

    invoice.attempts().get_by_role("link").first.click()
    result = invoice.page.locator("[data-field=cfl_transactionresult] .value").first
    expect(result).to_have_text("The card has insufficient funds. (card_declined: insufficient_funds)")
    expect(invoice.page.locator("#read-only")).to_be_visible()

    invoice.open()
    dialog = invoice.charge()
    dialog.save()
    dialog.expect_state("declined")
    assert len(demo.transactions("INV-1005")) == 2, "a second attempt is a second record"


def test_a_card_that_asks_for_its_owner_says_so(demo: Demo, new_page: NewPage) -> None:
    dialog = an_invoice(demo, new_page, "INV-1006").charge()
    dialog.save()
    dialog.expect_state("authentication")
    assert dialog.message().startswith("The customer must confirm this payment.")
    (attempt,) = demo.transactions("INV-1006")
    assert (attempt["statecode"], attempt["statuscode"]) == (1, 2)


def test_a_bank_debit_is_pending_until_the_bank_has_paid(demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, "INV-1007", user="biller_de")
    dialog = invoice.charge()
    assert dialog.amount.input_value() == "560,00"
    dialog.amount.fill("200,00")
    dialog.save()
    dialog.expect_state("pending")
    assert dialog.message().startswith("Payment submitted.")
    assert dialog.facts()["In progress"] == "200,00 €"
    dialog.close()
    expect(invoice.status).to_have_text("Active (Billed)")
    expect(invoice.field("cfl_pendingamount")).to_contain_text("200")

    dialog = invoice.charge()
    assert dialog.amount.input_value() == "360,00", "what is on its way cannot be charged again"
    dialog.close()

    demo.advance(days=10)
    for _ in range(50):
        if invoice.status.inner_text() == "Paid (Partial)":
            break
        invoice.page.wait_for_timeout(200)
        invoice.open()
    expect(invoice.status).to_have_text("Paid (Partial)")
    expect(invoice.field("cfl_balance")).to_contain_text("360")
    (attempt,) = demo.transactions("INV-1007")
    assert (attempt["statecode"], attempt["statuscode"]) == (0, 728310000)


def test_yen_are_charged_without_decimals(demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, "INV-1008")
    dialog = invoice.charge()
    assert dialog.amount.input_value() == "12500"
    dialog.amount.fill("12000.50")
    dialog.expect_state("invalid")
    dialog.amount.fill("12,000")
    dialog.save()
    dialog.expect_state("succeeded")
    (attempt,) = demo.transactions("INV-1008")
    assert attempt["cfl_amount"] == 12000


def test_a_german_user_types_and_reads_their_own_numbers(demo: Demo, new_page: NewPage) -> None:
    dialog = an_invoice(demo, new_page, "INV-1009", user="biller_de").charge()
    assert dialog.amount.input_value() == "249,90"
    expect(dialog.frame.locator("#profile-note")).to_have_text("This card expires at the end of this month.")
    dialog.amount.fill("10.50")
    dialog.expect_state("invalid")
    dialog.amount.fill("10,50")
    expect(dialog.frame.locator("#charge")).to_contain_text("10,50")
    dialog.save()
    dialog.expect_state("succeeded")
    assert "239,40" in dialog.message()


def test_another_usable_profile_can_be_chosen(demo: Demo, new_page: NewPage) -> None:
    invoice = an_invoice(demo, new_page, "INV-1011")
    dialog = invoice.charge()
    mastercard = dialog.profile.locator("option", has_text="Mastercard")
    dialog.profile.select_option(mastercard.get_attribute("value"))
    dialog.save()
    dialog.expect_state("succeeded")
    assert "Mastercard •••• 4444" in dialog.message()
    (attempt,) = demo.transactions("INV-1011")
    assert attempt["_cfl_paymentprofileid_value"] == mastercard.get_attribute("value")


@pytest.mark.parametrize(
    ("number", "user", "state", "says"),
    [
        ("INV-1010", "biller", "noprofile", "has no payment profile."),
        ("INV-1012", "biller_de", "unusable", "Visa •••• 4242 can’t be used: expired."),
        ("INV-1013", "biller", "unusable", "Requested card can’t be used: not confirmed yet."),
        ("INV-1014", "biller", "notchargeable", "Its customer is a contact."),
        ("INV-1015", "biller", "paid", "This invoice has no balance due."),
        ("INV-1019", "biller", "noprofile", "has no active billing contract."),
    ],
)
def test_what_stands_in_the_way_is_said_at_once(
    number: str, user: str, state: str, says: str, demo: Demo, new_page: NewPage
) -> None:
    dialog = an_invoice(demo, new_page, number, user).charge()
    dialog.expect_state(state)
    assert says in dialog.message()
    dialog.close()
    assert demo.transactions(number) == []


@pytest.mark.parametrize(
    ("number", "user", "state", "says"),
    [
        ("INV-1017", "biller", "invalid", "The smallest amount the payment processor takes"),
        ("INV-1018", "biller_de", "error", "is suspended."),
        ("INV-1020", "biller", "declined", "The bank declined the card."),
        ("INV-1028", "biller", "declined", "Try again later"),
    ],
)
def test_what_the_service_or_the_bank_refuses_is_said_in_its_words(
    number: str, user: str, state: str, says: str, demo: Demo, new_page: NewPage
) -> None:
    dialog = an_invoice(demo, new_page, number, user).charge()
    dialog.save()
    expect(dialog.frame.locator("main")).to_contain_text(says)
    dialog.expect_state(state)
