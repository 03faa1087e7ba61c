"""The command bar and the client API, with the web resources as they ship."""

import pytest
from playwright.sync_api import Page, expect

from sandbox.world import World
from tests.pages.conftest import Browse


def menu(page: Page) -> bool:
    return page.get_by_role("button", name="Counterfoil").is_visible()


@pytest.mark.parametrize(
    ("number", "login", "shown"),
    [
        ("INV-1001", "biller", True),
        ("INV-1002", "biller", True),
        ("INV-1003", "biller", False),
        ("INV-1004", "biller", False),
        ("INV-1001", "manager", True),
        ("INV-1001", "admin", True),
        ("INV-1001", "reader", False),
    ],
)
def test_charge_is_offered_by_status_and_right(
    world: World, browse: Browse, number: str, login: str, shown: bool
) -> None:
    """W05 to W08, W41: hidden in Paid (Complete) and Canceled, and for whoever may not charge."""
    assert menu(browse(world, login).open_invoice(number)) is shown


def test_a_new_record_has_no_charge(world: World, browse: Browse) -> None:
    assert not menu(browse(world, "admin").open("/main.aspx?pagetype=entityrecord&etn=invoice"))


def test_charge_opens_its_dialog_and_closing_it_gives_the_focus_back(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open_invoice("INV-1001")
    command = page.get_by_role("button", name="Counterfoil")

    command.click()
    page.get_by_role("menuitem", name="Charge").click()
    frame = page.frame_locator("dialog iframe")
    expect(frame.get_by_role("heading", level=1)).to_contain_text("INV-1001")
    page.get_by_role("button", name="Close", exact=True).click()

    expect(page.locator("dialog")).to_have_count(0)
    expect(command).to_be_focused()


def test_the_menu_works_from_the_keyboard(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open_invoice("INV-1001")
    command = page.get_by_role("button", name="Counterfoil")

    command.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Charge")).to_be_focused()
    page.keyboard.press("Escape")
    expect(command).to_be_focused()
    expect(command).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("dialog iframe")).to_be_visible()


def test_the_form_shows_what_changed_once_the_dialog_is_closed(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open_invoice("INV-1001")
    table = world.crm.schema.table("invoice")
    page.get_by_role("button", name="Counterfoil").click()
    page.get_by_role("menuitem", name="Charge").click()
    expect(page.locator("dialog iframe")).to_be_visible()
    [row] = world.crm.store.select(table, {"invoicenumber": "INV-1001"})
    invoice_id = row["invoiceid"]
    world.crm.store.update(table, invoice_id, {"statecode": 2, "statuscode": 100001})  # type: ignore[arg-type] # a row's id

    page.get_by_role("button", name="Close", exact=True).click()

    expect(page.locator("#read-only")).to_contain_text("Paid")
    expect(page.locator("#header_statuscode")).to_have_text("Paid (Complete)")
    expect(page.get_by_role("button", name="Counterfoil")).to_be_hidden()
    expect(page.locator("#record-name")).to_be_focused()


def test_a_rule_that_promises_is_waited_for(world: World, browse: Browse) -> None:
    """The state is not on the form, so the shipping rule asks the Web API for it."""
    page = browse(world, "biller").open_invoice("INV-1002")

    assert page.evaluate("Sandbox.formContext.getAttribute('statecode')") is None
    assert page.evaluate("Counterfoil.Invoice.isChargeable(Sandbox.formContext) instanceof Promise")


def test_the_form_context_says_what_the_platform_s_says(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open_invoice("INV-1002")

    seen = page.evaluate(
        """() => {
          const form = Sandbox.formContext;
          return {
            type: form.ui.getFormType(),
            id: form.data.entity.getId(),
            table: form.data.entity.getEntityName(),
            dirty: form.data.entity.getIsDirty(),
            customer: form.getAttribute("customerid").getValue()[0],
            amount: form.getAttribute("totalamount").getValue(),
            status: form.getAttribute("statuscode").getValue(),
            due: form.getAttribute("duedate").getValue() instanceof Date,
            absent: form.getAttribute("createdon"),
          };
        }"""
    )

    assert seen["type"] == 4
    assert seen["id"].startswith("{")
    assert seen["id"] == seen["id"].upper()
    assert (seen["table"], seen["dirty"], seen["amount"], seen["status"]) == ("invoice", False, 1000, 100002)
    assert (seen["customer"]["name"], seen["customer"]["entityType"]) == ("Fabrikam Fibre", "account")
    assert (seen["due"], seen["absent"]) == (True, None)


def test_the_client_api_reads_writes_and_refuses_like_the_platform(world: World, browse: Browse) -> None:
    page = browse(world, "manager").open("/main.aspx?pagetype=entitylist&etn=cfl_paymenttype")

    seen = page.evaluate(
        """async () => {
          const api = Xrm.WebApi;
          const made = await api.createRecord("cfl_paymenttype", { cfl_name: "Coupon", cfl_number: 77, cfl_backend: 728310004 });
          await api.updateRecord("cfl_paymenttype", made.id, { cfl_name: "Coupons" });
          const row = await api.retrieveRecord("cfl_paymenttype", made.id, "?$select=cfl_name");
          const many = await api.retrieveMultipleRecords("cfl_paymenttype", "?$filter=cfl_number gt 70");
          const refused = await api.deleteRecord("cfl_paymenttype", made.id).catch((error) => error);
          return { name: row.cfl_name, many: many.entities.length, code: refused.errorCode, status: refused.status };
        }"""
    )

    assert (seen["name"], seen["many"]) == ("Coupons", 1)
    assert seen["code"] == 0x80040220
    assert "status" not in seen or seen["status"] is None


def test_notices_and_questions_are_spoken_and_answered(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open_invoice("INV-1001")

    page.evaluate("Sandbox.formContext.ui.setFormNotification('Look here', 'WARNING', 'w')")
    expect(page.get_by_role("status").filter(has_text="Look here")).to_be_visible()
    page.evaluate("Sandbox.formContext.ui.clearFormNotification('w')")
    expect(page.get_by_text("Look here")).to_have_count(0)
    page.evaluate(
        "() => { window.answer = Xrm.Navigation.openConfirmDialog({ title: 'Sure?', text: 'Really?' }); }"
    )
    page.get_by_role("button", name="Cancel").click()
    assert page.evaluate("window.answer") == {"confirmed": False}
    page.evaluate(
        "Xrm.App.addGlobalNotification({ type: 2, level: 1, message: 'Done', showCloseButton: true })"
    )
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("Done")).to_have_count(0)
    page.evaluate("Xrm.Utility.showProgressIndicator('Working')")
    expect(page.get_by_text("Working")).to_be_visible()
    page.evaluate("Xrm.Utility.closeProgressIndicator()")
    expect(page.get_by_text("Working")).to_be_hidden()
