"""Records on their forms: what is shown, what may be changed, and saving it."""

import re

import pytest
from playwright.sync_api import expect

from sandbox.world import World
from tests.pages.conftest import Browse, Visitor, address, cells, change, invoice, one, save, visit

NEW_TYPE = "/main.aspx?pagetype=entityrecord&etn=cfl_paymenttype"


def fields(page: str, section: str) -> list[tuple[str, str]]:
    """Label and value of the read-only fields of a section, in order."""
    text = page.split(f'aria-label="{section}"', 1)[1].split("</section>", 1)[0]
    found = re.findall(r'class="label">(.*?)</span>\s*<span class="value[^>]*>(.*?)</span>', text, re.DOTALL)
    return [(label, re.sub(r"<[^>]+>", "", value).strip()) for label, value in found]


def test_the_total_amount_section_begins_with_amount_charged_and_balance(biller: Visitor) -> None:
    """W19, W20."""
    page = biller.record("invoice", invoice(biller.world, "INV-1002"))

    assert fields(page, "Total Amount")[:2] == [("Amount Charged", "$400.00"), ("Balance Amount", "$600.00")]


def test_the_header_shows_what_people_look_for_first(biller: Visitor) -> None:
    page = biller.record("invoice", invoice(biller.world, "INV-1002"))

    header = page.split('class="head-values"', 1)[1].split("</dl>", 1)[0]
    values = [re.sub(r"<[^>]+>", "", value) for value in re.findall(r"<dd[^>]*>(.*?)</dd>", header)]
    assert values == ["$1,000.00", "Paid (Partial)", "Bea Larsson", "INV-1002"]


def test_related_holds_every_payment_transaction(biller: Visitor) -> None:
    """W28 and W33: the invoice's history, and each attempt opens."""
    row = invoice(biller.world, "INV-1002")

    page = biller.record("invoice", row, related="cfl_invoice_cfl_paymenttransaction_cfl_invoiceid")

    assert re.search(r'href="[^"]*related=[^"]*">Payment Transactions<', page)
    panel = page.split('id="panel-related"', 1)[1]
    [attempt] = cells(panel)
    assert attempt[2:5] == ["Charge", "$400.00", "Active (Succeeded)"]
    href = re.search(r'<td><a href="([^"]*)"', panel)
    assert href
    assert "Transaction Result" in biller.page(href[1])


@pytest.mark.parametrize(
    ("number", "notice"),
    [
        ("INV-1002", "Read-only: this record’s status is Paid."),
        ("INV-1004", "Read-only: this record’s status is Canceled."),
        ("INV-1001", "Read-only: your security roles let you look at this record but not change it."),
    ],
)
def test_a_read_only_record_says_why(biller: Visitor, number: str, notice: str) -> None:
    page = biller.record("invoice", invoice(biller.world, number))

    assert notice in page
    assert 'id="save"' not in page


def test_whoever_may_change_an_invoice_finds_inputs_but_locked_amounts(manager: Visitor) -> None:
    page = manager.record("invoice", invoice(manager.world, "INV-1001"))

    assert 'id="read-only"' not in page
    assert re.search(r"<input id=\"cfl_billingcontractid\"", page)
    assert not re.search(r"<input id=\"(cfl_balance|totalamount|invoicenumber)\"", page)


def test_platform_tables_have_a_form_too(biller: Visitor) -> None:
    page = biller.record("systemuser", one(biller.world, "systemuser", domainname="biller"))

    assert "Bea Larsson" in page
    assert "Business Unit" in page


def test_a_record_is_made_by_filling_in_its_form(world: World, browse: Browse) -> None:
    page = browse(world, "manager").open("/main.aspx?pagetype=entitylist&etn=cfl_paymenttype")
    page.get_by_role("link", name="New", exact=True).click()
    page.get_by_label("Name").fill("Voucher")
    page.get_by_label("Number").fill("9")
    page.get_by_label("Kind").select_option(label="Other")
    page.get_by_label("Automatic Disbursement").select_option(label="Yes")
    page.keyboard.press("Control+s")

    expect(page.get_by_role("heading", level=1)).to_have_text("Voucher")
    stored = one(world, "cfl_paymenttype", cfl_name="Voucher")
    assert (stored["cfl_number"], stored["cfl_backend"], stored["cfl_automatic"]) == (9, 728310004, True)


def test_missing_and_unreadable_values_are_named_beside_their_fields(world: World, browse: Browse) -> None:
    page = browse(world, "manager").open(NEW_TYPE)
    page.get_by_label("Number").fill("two")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator("#error-cfl_number")).to_have_text("Enter a whole number.")
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")


def test_a_refusal_of_the_server_is_shown_and_nothing_is_lost(world: World, browse: Browse) -> None:
    page = browse(world, "manager").open(NEW_TYPE)
    page.get_by_label("Name").fill("Another cash")
    page.get_by_label("Number").fill("4")
    page.get_by_label("Kind").select_option(label="Cash")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator("#notifications")).to_contain_text("already exists")
    assert page.get_by_label("Name").input_value() == "Another cash"


def test_a_set_up_record_is_deactivated_and_activated_again(world: World, browse: Browse) -> None:
    page = browse(world, "manager").open_record(
        "cfl_paymenttype", one(world, "cfl_paymenttype", cfl_number=4)
    )

    page.get_by_role("button", name="Deactivate").click()
    page.get_by_role("alertdialog").or_(page.get_by_role("dialog")).get_by_role(
        "button", name="Deactivate"
    ).click()
    expect(page.locator("#read-only")).to_have_text("Read-only: this record’s status is Inactive.")
    assert one(world, "cfl_paymenttype", cfl_number=4)["statecode"] == 1

    page.get_by_role("button", name="Activate").click()
    page.get_by_role("dialog").get_by_role("button", name="Activate").click()
    expect(page.locator("#read-only")).to_have_count(0)
    assert one(world, "cfl_paymenttype", cfl_number=4)["statecode"] == 0


def test_status_reasons_are_offered_as_far_as_they_fit_the_state(manager: Visitor) -> None:
    profile = manager.world.crm.store.select(
        manager.world.crm.schema.table("cfl_paymentprofile"), {"statecode": 0}
    )[0]

    page = manager.record("cfl_paymentprofile", profile)

    options = page.split('<select id="statuscode"', 1)[1].split("</select>", 1)[0]
    assert re.findall(r"<option[^>]*>(.*?)</option>", options) == ["---", "Pending", "Ready"]


def test_a_lookup_finds_records_by_a_part_of_their_name(world: World, browse: Browse) -> None:
    contract = one(world, "cfl_billingcontract", cfl_name="BC-01001")
    page = browse(world, "manager").open_record("cfl_billingcontract", contract)

    contact = page.get_by_label("Billing Contact")
    contact.fill("Noor")
    expect(page.get_by_role("option")).to_contain_text(["Noor Haddad"])
    contact.press("Enter")
    save(page)

    stored = one(world, "cfl_billingcontract", cfl_name="BC-01001")
    assert stored["cfl_contactid"] == one(world, "contact", fullname="Noor Haddad")["contactid"]


def test_a_lookup_takes_no_text_that_names_nothing(world: World, browse: Browse) -> None:
    contract = one(world, "cfl_billingcontract", cfl_name="BC-01001")
    page = browse(world, "manager").open_record("cfl_billingcontract", contract)

    page.get_by_label("Billing Contact").fill("Nobody at all")
    page.get_by_label("Start").focus()

    expect(page.locator("#error-cfl_contactid")).to_have_text("Choose a record from the list.")


def test_nobody_types_into_the_ledger(world: World) -> None:
    """Not even who manages billing: forms of ledger rows have no inputs at all."""
    transaction = world.crm.store.select(world.crm.schema.table("cfl_paymenttransaction"))[0]

    page = visit(world, "manager").record("cfl_paymenttransaction", transaction)

    record = page.split('id="record"', 1)[1]
    assert not re.search(r"<(input|select|textarea)\b", record)


def test_a_record_that_is_not_there_says_so(biller: Visitor) -> None:
    row = invoice(biller.world, "INV-1001")
    gone = address(biller.world, "invoice", row).replace(
        str(row["invoiceid"]), "00000000-0000-0000-0000-000000000009"
    )

    assert biller.get(gone).status == 404
    assert biller.get("/main.aspx?pagetype=entityrecord&etn=invoice&id=seven").status == 404
    assert biller.get("/main.aspx?pagetype=entityrecord&etn=nothing").status == 404


def test_whoever_may_not_create_gets_no_empty_form(biller: Visitor) -> None:
    assert biller.get(NEW_TYPE).status == 403


def test_a_quick_view_shows_the_row_that_a_lookup_points_at(world: World) -> None:
    """E159: the balance and the open invoices of the ledger, on a payment of it, without commands."""
    payment = world.crm.store.select(world.crm.schema.table("cfl_payment"), limit=1)[0]

    page = visit(world, "admin").record("cfl_payment", payment)

    section = page.split('aria-label="Open Balance Invoices"', 1)[1].split("</section>", 1)[0]
    assert 'id="quickview_openbalance-cfl_balance"' in section
    assert 'data-grid="subgrid_openbalance"' in section
    assert "grid-commands" not in section


def test_a_billing_account_shows_what_the_crm_billed_and_no_action_touched(world: World) -> None:
    """E62: such an invoice is beside those of the ledger, and leaves that list for theirs once it is on the ledger."""
    ledger = one(world, "cfl_billingaccount", cfl_name="Fabrikam Fibre (USD)")
    untouched = one(world, "invoice", invoicenumber="INV-1001")
    change(world, "invoice", untouched, cfl_billingaccountid=None)

    page = visit(world, "biller").record("cfl_billingaccount", ledger)

    below = page.split('data-grid="subgrid_notonledger"', 1)[1].split("</section>", 1)[0]
    assert [row[0] for row in cells(below)] == ["INV-1001"]
    assert "grid-commands" not in below
    change(world, "invoice", untouched, cfl_billingaccountid=str(ledger["cfl_billingaccountid"]))
    page = visit(world, "biller").record("cfl_billingaccount", ledger)
    on_ledger = page.split('data-grid="subgrid_invoices"', 1)[1].split("</section>", 1)[0]
    assert "INV-1001" in [row[0] for row in cells(on_ledger)]
    below = page.split('data-grid="subgrid_notonledger"', 1)[1].split("</section>", 1)[0]
    assert cells(below) == []


def test_a_quick_view_of_nothing_is_empty(world: World) -> None:
    payment = world.crm.store.select(world.crm.schema.table("cfl_payment"), limit=1)[0]
    change(world, "cfl_payment", payment, cfl_billingaccountid=None)

    page = visit(world, "biller").record("cfl_payment", payment)

    assert "quickview_openbalance" not in page
