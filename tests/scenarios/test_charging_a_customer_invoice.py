"""Charging a customer's invoice, told in the order of the rules W01 to W41 and seen on the pages."""

import re
from decimal import Decimal
from uuid import UUID

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from plugins.rules.ledger import Outcome
from sandbox.crm.schema import Row
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.crashes.processes import Process
from tests.in_process import as_service, signed_in
from tests.pages.conftest import Browse, Visitor, cells, invoice, visit

HISTORY = "cfl_invoice_cfl_paymenttransaction_cfl_invoiceid"


def charge_command(page: Page) -> FrameLocator:
    """Counterfoil > Charge; the dialog, once it is ready."""
    page.get_by_role("button", name="Counterfoil").click()
    page.get_by_role("menuitem", name="Charge").click()
    dialog = page.frame_locator("dialog iframe")
    expect(dialog.locator("body")).to_have_attribute("data-state", "ready")
    return dialog


def details(dialog: FrameLocator) -> dict[str, str]:
    names, values = dialog.locator("#facts dt"), dialog.locator("#facts dd")
    return dict(zip(names.all_inner_texts(), values.all_inner_texts(), strict=True))


def chosen(dialog: FrameLocator) -> str:
    return dialog.locator("#profile option:checked").inner_text()


def message(dialog: FrameLocator) -> list[str]:
    """What the dialog says in the end, line by line."""
    lines = dialog.locator(".message > *")
    expect(lines.first).to_be_visible()
    return [line.replace("\u00a0", " ") for line in lines.all_inner_texts()]


def close(page: Page, dialog: FrameLocator) -> None:
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator("dialog")).to_have_count(0)


def value_of(page: Page, label: str, text: str) -> None:
    """A field of the Total Amount section shows `text`."""
    section = page.get_by_role("region", name="Total Amount")
    expect(section).to_contain_text(re.compile(rf"{label}\s*{re.escape(text)}"))


def status(page: Page, text: str) -> None:
    expect(page.locator(".head-values")).to_contain_text(text)


def columns(world: World, number: str, *names: str) -> tuple[object, ...]:
    row = invoice(world, number)
    return tuple(row[name] for name in names)


def the(world: World, table: str, key: UUID) -> Row:
    row = world.crm.store.get(world.crm.schema.table(table), key)
    assert row is not None
    return row


def transactions(world: World, number: str) -> list[Row]:
    every = world.crm.store.select(world.crm.schema.table("cfl_paymenttransaction"))
    return [each for each in every if each["cfl_invoiceid"] == row_id("invoice", number)]


def history(visitor: Visitor, number: str) -> list[list[str]]:
    page = visitor.record("invoice", invoice(visitor.world, number), related=HISTORY)
    return cells(page.split('id="panel-related"', 1)[1])


@pytest.mark.browser
def test_an_invoice_is_charged_in_two_parts(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open_invoice("INV-1001")

    dialog = charge_command(page)  # W05 W09
    assert chosen(dialog).startswith("Visa •••• 4242")  # W10: the customer's default, which is the contract's
    assert details(dialog) == {  # W11
        "Customer": "Fabrikam Fibre",
        "Total": "$1,250.00",
        "Charged so far": "$0.00",
        "Balance due": "$1,250.00",
    }
    amount = dialog.get_by_label("Amount to charge")
    assert amount.input_value() == "1250.00"  # W12
    amount.fill("1250.01")  # W14
    expect(dialog.locator("body")).to_have_attribute("data-state", "invalid")
    amount.fill("400")  # W13
    dialog.get_by_role("button", name="Charge $400.00").click()  # W01 W15: our Save names the amount
    assert message(dialog)[:2] == ["Payment received.", "$400.00 was charged to Visa •••• 4242."]  # W16 W39
    close(page, dialog)
    status(page, "Paid (Partial)")  # W17 W35
    value_of(page, "Amount Charged", "$400.00")  # W19
    value_of(page, "Balance Amount", "$850.00")  # W20 W22

    dialog = charge_command(page)  # W08 W23
    assert chosen(dialog).startswith("Visa •••• 4242")  # W24
    assert details(dialog)["Balance due"] == "$850.00"  # W24
    assert dialog.get_by_label("Amount to charge").input_value() == "850.00"  # W25
    dialog.get_by_role("button", name="Charge $850.00").click()
    assert message(dialog)[0] == "Payment received."
    close(page, dialog)
    status(page, "Paid (Complete)")  # W18 W35
    value_of(page, "Amount Charged", "$1,250.00")  # W26
    value_of(page, "Balance Amount", "$0.00")  # W21 W26
    expect(page.get_by_role("button", name="Counterfoil")).to_have_count(0)  # W06


@pytest.mark.browser
def test_the_result_of_a_bank_debit_is_said_to_be_pending(  # W39 A25
    world: World, browse: Browse, office: Process
) -> None:
    page = browse(world, "biller").open_invoice("INV-1007")
    dialog = charge_command(page)

    dialog.get_by_role("button", name="Charge €560.00").click()

    assert message(dialog)[0] == "Payment submitted."
    close(page, dialog)
    status(page, "Active (Billed)")
    assert columns(world, "INV-1007", "cfl_balance", "cfl_pendingamount") == (Decimal(560), Decimal(560))

    world.clock.advance(21 * 86400)
    world.clock_moved()
    office.sweep()
    page.reload()
    status(page, "Paid (Complete)")
    assert columns(world, "INV-1007", "cfl_balance", "cfl_pendingamount") == (Decimal(0), Decimal(0))


def test_any_number_of_parts_is_charged_until_nothing_is_left(  # W27
    world: World, office: Process, biller: Visitor
) -> None:
    for number in range(5):
        answer = office.charge("INV-1001", "250.00", f"part-{number:04}")
        assert answer is not None
        assert answer.outcome is Outcome.DONE
    more = office.charge("INV-1001", "0.50", "one-part-more")

    assert more is not None
    assert (more.outcome, more.code) == (Outcome.REFUSED, "not_chargeable")
    assert columns(world, "INV-1001", "cfl_balance", "cfl_amountcharged") == (Decimal(0), Decimal(1250))
    assert len(history(biller, "INV-1001")) == 5


def test_the_history_of_an_invoice_holds_every_attempt(
    world: World, office: Process, biller: Visitor
) -> None:
    office.charge("INV-1005", "864.20", "first-attempt")
    [before] = transactions(world, "INV-1005")
    office.charge("INV-1005", "100.00", "second-attempt")

    newest, oldest = history(biller, "INV-1005")  # W28 W30 W36: a row per attempt, whatever its outcome
    assert (newest[3], oldest[3]) == ("$100.00", "$864.20")
    assert newest[4] == oldest[4] == "Inactive (Failed)"  # W31 W32 W35
    sentence = "The card has insufficient funds. (card_declined: insufficient_funds)"
    assert newest[5] == oldest[5] == sentence  # W34
    shown = biller.record("cfl_paymenttransaction", before)  # W33: where the link of its row leads
    assert re.search(rf"Transaction Result.*{re.escape(sentence)}", shown, re.DOTALL)  # W34
    assert before in transactions(world, "INV-1005")  # W36: never edited later

    page = biller.record("invoice", invoice(world, "INV-1005"))  # W32: nothing else changed
    assert "Active (Billed)" in page
    assert columns(world, "INV-1005", "cfl_amountcharged", "cfl_balance") == (Decimal(0), Decimal("864.20"))


@pytest.mark.browser
def test_a_transaction_opens_from_the_list_and_shows_its_details(  # W28 W33
    world: World, office: Process, browse: Browse
) -> None:
    office.charge("INV-1005", "864.20", "first-attempt")
    page = browse(world, "biller").open_invoice("INV-1005")

    related = page.locator("details", has=page.locator("summary", has_text="Related"))
    related.locator("summary").click()
    related.get_by_role("link", name="Payment Transactions").click()
    page.locator("#panel-related tbody tr td a").first.click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("PT-")
    expect(page.locator("#record")).to_contain_text("The card has insufficient funds.")


def test_all_payment_transactions_are_listed_in_the_app(world: World, office: Process) -> None:  # W29 W30
    office.charge("INV-1005", "864.20", "a-decline")
    office.charge("INV-1007", "560.00", "a-bank-debit")
    office.charge("INV-1001", "1250.00", "a-success")

    reader = visit(world, "reader")
    page = reader.list("cfl_paymenttransaction")

    assert "All Payment Transactions" in page
    listed = {(row[3], row[4], row[6]) for row in cells(page)}
    assert listed >= {
        ("$864.20", "Inactive (Failed)", "Fibre for the cold store"),
        ("€560.00", "Active (Pending)", "Fibre, October"),
        ("$1,250.00", "Active (Succeeded)", "Fibre, October"),
        ("$400.00", "Active (Succeeded)", "Fibre, September"),
    }
    assert len(cells(page)) == len(world.crm.store.select(world.crm.schema.table("cfl_paymenttransaction")))


def test_an_invoice_knows_its_billing_contract(world: World, biller: Visitor) -> None:  # W04
    contract = the(world, "cfl_billingcontract", row_id("cfl_billingcontract", "Fabrikam Fibre"))

    assert invoice(world, "INV-1001")["cfl_billingcontractid"] == contract["cfl_billingcontractid"]
    assert "BC-01001" in biller.record("invoice", invoice(world, "INV-1001"))
    assert "Visa •••• 4242" in biller.record("cfl_billingcontract", contract)


@pytest.mark.browser
def test_without_a_profile_on_the_contract_the_dialog_says_what_to_complete(  # W02 W03
    world: World, browse: Browse
) -> None:
    page = browse(world, "biller").open_invoice("INV-1010")
    page.get_by_role("button", name="Counterfoil").click()
    page.get_by_role("menuitem", name="Charge").click()

    dialog = page.frame_locator("dialog iframe")

    assert "payment profile" in " ".join(message(dialog))
    expect(dialog.get_by_role("button", name="Charge")).to_have_count(0)


def test_a_customer_has_one_default_profile_at_most(world: World) -> None:  # W40 I33
    account, profile = (
        row_id("account", "Adatum Stone"),
        row_id("cfl_paymentprofile", "Adatum Stone/mastercard"),
    )
    address = f"{world.addresses.crm}/api/data/v9.2/cfl_paymentprofiles({profile})"
    second = {"cfl_isdefault": True, "cfl_defaultslot": str(account)}

    with as_service(world) as service:
        answer = service.patch(address, json=second, headers={"If-Match": "*"})

    assert answer.status_code == 412
    assert answer.json()["error"]["code"] == "0x80060892"  # the alternate key is taken
    assert the(world, "cfl_paymentprofile", profile)["cfl_isdefault"] is False


def test_charging_takes_a_role(world: World) -> None:  # W41
    body = {"RequestKey": "asked-by-a-reader", "Amount": 10}
    path = (
        f"/api/data/v9.2/invoices({row_id('invoice', 'INV-1001')})/Microsoft.Dynamics.CRM.cfl_ChargeInvoice"
    )

    with signed_in(world, "reader") as reader, signed_in(world, "manager") as manager:
        refused = reader.post(world.addresses.crm + path, json=body)
        allowed = manager.post(world.addresses.crm + path, json=body | {"RequestKey": "asked-by-a-manager"})

    assert (refused.status_code, allowed.status_code) == (403, 204)
    assert columns(world, "INV-1001", "cfl_amountcharged") == (Decimal(10),)
