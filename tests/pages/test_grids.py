"""Lists on pages and forms: rows to pick, columns to filter, commands of their own, and the GridControl behind them."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Locator, Page, expect

from sandbox.world import World
from tests.browser.accessibility import violations
from tests.pages.conftest import Browse, Edit, Visitor, cells, change, one, visit

FABRIKAM = ["INV-1001", "INV-1002", "INV-1003", "INV-1004"]
RIBBON = "Entities/Invoice/RibbonDiff.xml"
SCRIPT = "WebResources/cfl_/invoice.js"
PARAMETERS = (
    "PrimaryControl",
    "SelectedControl",
    "SelectedControlSelectedItemIds",
    "SelectedControlSelectedItemReferences",
    "SelectedControlSelectedItemCount",
    "SelectedControlAllItemCount",
    "SelectedControlUnselectedItemCount",
    "FirstPrimaryItemId",
    "PrimaryItemIds",
    "PrimaryEntityTypeName",
    "SelectedEntityTypeName",
    "FirstSelectedItemId",
    "CommandProperties",
)
TRY = """
window.Try = {
  told: null,
  tell: function () { window.Try.told = Array.prototype.slice.call(arguments); },
  someAreHigh: function (grid) { return grid.getGrid().getSelectedRows().get().every(function (row) {
    return row.data.entity.getPrimaryAttributeValue() !== "INV-1003"; }); },
};
"""


def action(kind: str, button: str, label: str) -> str:
    return f"""<CustomAction Id="try.{kind}.{button}.Action" Location="Mscrm.{kind}.invoice.MainTab.Management.Controls._children"
      Sequence="1"><CommandUIDefinition><Button Id="try.{kind}.{button}" Command="try.{button}.Command" Sequence="1"
      LabelText="{label}" TemplateAlias="o1" /></CommandUIDefinition></CustomAction>"""


def command(button: str, rules: str) -> str:
    told = "".join(f'<CrmParameter Value="{value}" />' for value in PARAMETERS)
    return f"""<CommandDefinition Id="try.{button}.Command"><EnableRules>{rules}</EnableRules><DisplayRules /><Actions>
      <JavaScriptFunction Library="$webresource:cfl_/invoice.js" FunctionName="Try.tell">{told}</JavaScriptFunction>
      </Actions></CommandDefinition>"""


ACTIONS = "".join(
    action(kind, button, label)
    for kind in ("SubGrid", "HomepageGrid")
    for button, label in (("All", "Tell"), ("Few", "Tell of few"), ("May", "Tell if I may"))
)
COMMANDS = (
    command("All", "")
    + command("Few", '<EnableRule Id="try.OneOrTwo" /><EnableRule Id="try.NotThird" />')
    + command("May", '<EnableRule Id="try.MayRun" />')
)
RULES = """<EnableRule Id="try.OneOrTwo"><SelectionCountRule AppliesTo="SelectedEntity" Minimum="1" Maximum="2" /></EnableRule>
<EnableRule Id="try.NotThird"><CustomRule Library="$webresource:cfl_/invoice.js" FunctionName="Try.someAreHigh">
<CrmParameter Value="SelectedControl" /></CustomRule></EnableRule>
<EnableRule Id="try.MayRun"><MiscellaneousPrivilegeRule PrivilegeName="prvCreatecfl_mayrun" PrivilegeDepth="Basic" /></EnableRule>"""


@pytest.fixture
def with_commands(edit: Edit, changed: Callable[[], World]) -> World:
    """A world whose ribbon for invoices has commands on lists too."""
    edit(RIBBON, "</CustomActions>", f"{ACTIONS}</CustomActions>")
    edit(RIBBON, "</CommandDefinitions>", f"{COMMANDS}</CommandDefinitions>")
    edit(RIBBON, "</EnableRules>\n  </RuleDefinitions>", f"{RULES}</EnableRules>\n  </RuleDefinitions>")
    edit(SCRIPT, '"use strict";', f'"use strict";{TRY}', 1)
    return changed()


def numbers(grid: Locator) -> list[str]:
    return grid.locator("tbody tr td:nth-child(2)").all_inner_texts()


def of_fabrikam(browse: Browse, world: World, login: str = "biller", **size: int) -> tuple[Page, Locator]:
    """The form of an account, and the list of its invoices on it."""
    page = browse(world, login, **size).open_record("account", one(world, "account", name="Fabrikam Fibre"))
    name = page.locator('[data-grid]:has([aria-label="Select INV-1001"])').get_attribute("data-grid")
    grid = page.locator(f'[data-grid="{name}"]')
    tab = grid.locator("xpath=ancestor::*[@role='tabpanel']").get_attribute("aria-labelledby")
    page.locator(f"#{tab}").click()
    return page, grid


def filter_by(page: Page, grid: Locator, column: str, text: str) -> None:
    grid.get_by_role("button", name=f"Filter by {column}", exact=True).click()
    page.get_by_role("dialog", name=f"Filter by {column}").get_by_role("textbox").fill(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name=f"Filter by {column}")).to_be_hidden()


def until(page: Page, expression: str) -> None:
    """Waits for a script; the content policy lets no text be evaluated inside the page."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(expression)


def told(page: Page) -> dict[str, Any]:
    """What the command was given, by parameter; grids and forms by what they are."""
    until(page, "window.Try && Try.told")
    values: list[Any] = page.evaluate(
        """() => Try.told.map((each) => each && each.getFetchXml ? "grid " + each.getName()
          : each && each.getAttribute ? "form" : each)"""
    )
    page.evaluate("Try.told = null")
    return dict(zip(PARAMETERS, values, strict=True))


def test_a_command_above_a_list_is_told_what_is_picked(with_commands: World, browse: Browse) -> None:
    page, grid = of_fabrikam(browse, with_commands)
    account = one(with_commands, "account", name="Fabrikam Fibre")
    first, third = (one(with_commands, "invoice", invoicenumber=each) for each in ("INV-1001", "INV-1003"))
    grid.get_by_role("checkbox", name="Select INV-1001").check()
    grid.get_by_role("checkbox", name="Select INV-1003").check()

    grid.get_by_role("group", name="Commands of").get_by_role("button", name="Tell", exact=True).click()

    given = told(page)
    assert given["PrimaryControl"] == "form"
    assert given["SelectedControl"] == f"grid {grid.get_attribute('data-grid')}"
    assert sorted(given["SelectedControlSelectedItemIds"]) == sorted(
        [str(first["invoiceid"]), str(third["invoiceid"])]
    )
    assert {each["TypeName"] for each in given["SelectedControlSelectedItemReferences"]} == {"invoice"}
    assert {each["Name"] for each in given["SelectedControlSelectedItemReferences"]} == {
        "INV-1001",
        "INV-1003",
    }
    assert given["SelectedControlSelectedItemCount"] == 2
    assert given["SelectedControlAllItemCount"] == given["SelectedControlUnselectedItemCount"] + 2 == 4
    record = "{" + str(account["accountid"]).upper() + "}"
    assert (given["FirstPrimaryItemId"], given["PrimaryItemIds"]) == (record, [record])
    assert (given["PrimaryEntityTypeName"], given["SelectedEntityTypeName"]) == ("account", "invoice")
    assert given["CommandProperties"]["SourceControlId"] == "try.SubGrid.All"


def test_a_command_on_a_list_of_its_own_has_the_list_for_its_place(
    with_commands: World, browse: Browse
) -> None:
    page = browse(with_commands, "biller").open("/main.aspx?pagetype=entitylist&etn=invoice&search=1002")
    page.get_by_role("checkbox", name="Select all rows").check()

    page.locator("#commands").get_by_role("button", name="Tell", exact=True).click()

    given = told(page)
    assert (given["PrimaryControl"], given["SelectedControl"]) == ("grid main", "grid main")
    assert given["SelectedControlSelectedItemIds"] == [
        str(one(with_commands, "invoice", invoicenumber="INV-1002")["invoiceid"])
    ]
    assert (given["FirstPrimaryItemId"], given["PrimaryItemIds"]) == ("", [])


def test_rules_are_asked_again_with_every_pick(with_commands: World, browse: Browse) -> None:
    _, grid = of_fabrikam(browse, with_commands)
    command = grid.get_by_role("button", name="Tell of few")
    expect(command).to_be_hidden()

    grid.get_by_role("checkbox", name="Select INV-1001").check()
    expect(command).to_be_visible()
    grid.get_by_role("checkbox", name="Select INV-1003").check()
    expect(command).to_be_hidden()
    grid.get_by_role("checkbox", name="Select INV-1003").uncheck()
    grid.get_by_role("checkbox", name="Select INV-1002").check()
    expect(command).to_be_visible()
    grid.get_by_role("checkbox", name="Select all rows").check()
    expect(command).to_be_hidden()


@pytest.mark.parametrize(("login", "shown"), [("manager", True), ("reader", False), ("admin", True)])
def test_a_rule_may_name_any_privilege(with_commands: World, browse: Browse, login: str, shown: bool) -> None:
    _, grid = of_fabrikam(browse, with_commands, login)

    assert grid.get_by_role("button", name="Tell if I may").is_visible() is shown


def test_picking_all_picks_all_and_says_how_many(world: World, browse: Browse) -> None:
    _, grid = of_fabrikam(browse, world)
    every = grid.get_by_role("checkbox", name="Select all rows")

    every.focus()
    every.press("Space")

    assert [row.get_attribute("aria-selected") for row in grid.locator("tbody tr").all()] == ["true"] * 4
    expect(grid.locator(".list-foot")).to_contain_text("4 selected")
    grid.get_by_role("checkbox", name="Select INV-1002").uncheck()
    expect(every).not_to_be_checked()
    assert every.evaluate("box => box.indeterminate")


def test_a_column_is_filtered_with_enter_and_the_script_reads_the_filter(
    world: World, browse: Browse
) -> None:
    """E96: and a command takes the same rows from getFetchXml, on all pages of it."""
    page, grid = of_fabrikam(browse, world)
    name = grid.get_attribute("data-grid")

    filter_by(page, grid, "Invoice ID", "100")
    filter_by(page, grid, "Total Amount", ">=1000")

    expected = numbers(grid)
    assert 0 < len(expected) < 4
    expect(grid.get_by_role("button", name="Filter by Total Amount")).to_be_focused()
    fetched = page.evaluate(
        """async (name) => {
          const grid = Sandbox.formContext.getControl(name);
          const answer = await Xrm.WebApi.retrieveMultipleRecords(grid.getEntityName(), "?fetchXml=" + encodeURIComponent(grid.getFetchXml()));
          return [answer.entities.map((row) => row.invoicenumber), grid.getGrid().getTotalRecordCount(), grid.getGridType()];
        }""",
        name,
    )
    assert fetched == [expected, len(expected), 2]
    grid.get_by_role("button", name="Clear filters").click()
    expect(grid.locator("tbody tr")).to_have_count(4)


def test_a_filter_that_cannot_be_read_says_so_and_one_that_finds_nothing_too(
    world: World, browse: Browse
) -> None:
    page, grid = of_fabrikam(browse, world)
    grid.get_by_role("button", name="Filter by Total Amount", exact=True).click()
    box = page.get_by_role("dialog", name="Filter by Total Amount")

    box.get_by_role("textbox").fill("plenty")
    page.keyboard.press("Enter")
    expect(box.get_by_role("alert")).to_contain_text("Enter a number")
    box.get_by_role("textbox").fill(">9999999")
    page.keyboard.press("Enter")
    expect(grid).to_contain_text("No Invoices match the filter.")
    assert violations(page) == []


@pytest.mark.parametrize(
    ("column", "text", "found"),
    [
        ("invoicenumber", "1002", ["INV-1002"]),
        ("invoicenumber", "*1003", ["INV-1003"]),
        ("totalamount", "1250", ["INV-1001"]),
        ("totalamount", "= 1,250.00", ["INV-1001"]),
        ("totalamount", "<0", []),
        ("totalamount", "1000..1250", ["INV-1001", "INV-1002"]),
        ("statuscode", "partial", ["INV-1002"]),
        ("statuscode", "paid (c", ["INV-1003"]),
        ("statuscode", "zebra", []),
        ("customerid", "brikam", FABRIKAM),
        ("customerid", "zebra", []),
        ("ispricelocked", "no", FABRIKAM),
    ],
)
def test_what_a_filter_finds(biller: Visitor, column: str, text: str, found: list[str]) -> None:
    page = biller.list(
        "invoice", **{"f.customerid": "Fabrikam", f"f.{column}": text, "sort": "invoicenumber"}
    )

    numbers = [row[0] for row in cells(page)]
    assert [number for number in numbers if number in FABRIKAM] == found


@pytest.mark.parametrize("text", ["2026-13-01", "soon", "0001-01-01", ">", "1..x"])
def test_what_makes_no_sense_as_a_day_narrows_nothing(biller: Visitor, text: str) -> None:
    page = biller.list("invoice", **{"f.duedate": text})

    assert len(cells(page)) > 20
    assert 'data-complaint="Enter a day' in page


def test_days_are_found_before_on_and_after(biller: Visitor) -> None:
    today = biller.world.clock.now().date()

    def count(text: str) -> int:
        return len(cells(biller.list("invoice", **{"f.createdon": text})))

    everything = count(f"<={today}")
    assert everything > 20
    assert count(f"<{today}") + count(str(today)) == everything
    assert count(f">{today}") == 0
    assert count(f"2000-01-01..{today}") == everything


def test_a_column_read_through_a_lookup_is_shown_and_filtered_but_does_not_sort(biller: Visitor) -> None:
    view = next(
        each for each in biller.world.crm.schema.views if each.name == "Payment Disbursements By Invoice"
    )

    page = biller.list("cfl_disbursement", viewid=str(view.id), **{"f.invoice.invoicenumber": "1002"})

    assert {row[1] for row in cells(page)} == {"INV-1002"}
    heading = re.search(r'<th[^>]*data-heading="invoice.invoicenumber".*?</th>', page, re.DOTALL)
    assert heading is not None
    assert "Invoice ID (Invoice)" in heading.group()
    assert "<a " not in heading.group()


def test_the_filters_of_a_list_stay_with_its_links_and_its_search(biller: Visitor) -> None:
    page = biller.list("invoice", **{"f.customerid": "Fabrikam", "search": "100"})

    assert "sort=totalamount&amp;" not in page
    assert "f.customerid=Fabrikam&sort=totalamount" in page.replace("&amp;", "&")
    assert '<input type="hidden" name="f.customerid" value="Fabrikam">' in page


def test_what_is_typed_into_a_filter_is_text_and_never_markup(biller: Visitor) -> None:
    page = biller.get("/main.aspx?pagetype=entitylist&etn=invoice&f.name=%22%3E%3Cscript%3E1%3C/script%3E")

    assert b"<script>1" not in page.body


def test_a_list_is_refreshed_by_its_control_and_keeps_its_filter(world: World, browse: Browse) -> None:
    page, grid = of_fabrikam(browse, world)
    name = grid.get_attribute("data-grid")
    filter_by(page, grid, "Invoice ID", "1001")
    grid.get_by_role("checkbox", name="Select INV-1001").check()
    change(world, "invoice", one(world, "invoice", invoicenumber="INV-1001"), statecode=2, statuscode=100002)

    page.evaluate(
        """(name) => { const grid = Sandbox.formContext.getControl(name); window.loads = 0;
          grid.addOnLoad(() => { window.loads += 1; }); grid.refresh(); }""",
        name,
    )

    expect(grid).to_contain_text("Paid (Partial)")
    assert numbers(grid) == ["INV-1001"]
    expect(grid.get_by_role("checkbox", name="Select INV-1001")).not_to_be_checked()
    assert page.evaluate("window.loads") == 1
    page.evaluate("Sandbox.formContext.data.refresh(false)")
    until(page, "window.loads === 2")
    assert numbers(grid) == ["INV-1001"], "and the form's refresh keeps it too"


def test_a_list_page_is_refreshed_in_place(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open("/main.aspx?pagetype=entitylist&etn=invoice")
    grid = page.locator("[data-grid=main]")
    page.evaluate("window.stays = true")

    filter_by(page, grid, "Invoice ID", "1002")
    page.get_by_role("link", name="Refresh", exact=True).click()

    expect(grid.locator("tbody tr")).to_have_count(1)
    assert page.evaluate("window.stays")
    assert "pagetype=entitylist" in page.url
    assert "f.invoicenumber=1002" in page.url
    page.reload()
    expect(grid.locator("tbody tr")).to_have_count(1)


def test_long_lists_on_a_form_are_turned_page_by_page(world: World, browse: Browse) -> None:
    account = one(world, "account", name="Fabrikam Fibre")
    world.crm._seeder.load(
        {
            "invoices": [
                {
                    "name": f"Many {number:02}",
                    "invoicenumber": f"M-{number:02}",
                    "customerid_account@odata.bind": f"/accounts({account['accountid']})",
                }
                for number in range(25)
            ]
        }
    )
    _, grid = of_fabrikam(browse, world)
    grid.get_by_role("button", name="Invoice ID", exact=True).click()
    expect(grid.locator("[aria-sort]")).to_have_text("Invoice ID↓")
    size = len(numbers(grid))
    pages = [numbers(grid)]
    while grid.get_by_role("button", name="Next").is_visible():
        before = grid.locator(".list-foot").inner_text()
        grid.get_by_role("button", name="Next").click()
        expect(grid.locator(".list-foot")).not_to_have_text(before, use_inner_text=True)
        pages.append(numbers(grid))

    assert len(pages) > 1
    assert sorted(number for each in pages for number in each) == sorted(
        [*FABRIKAM, *(f"M-{number:02}" for number in range(25))]
    )
    assert max(map(len, pages)) == size
    expect(grid.locator(".list-foot")).to_contain_text("of 29")
    expect(grid.get_by_role("button", name="Previous")).to_be_visible()


def test_a_list_of_what_may_not_be_read_leaves_the_form_open(world: World, browse: Browse) -> None:
    """The platform says so in the place of the list."""
    reader = world.crm.schema.roles[
        [role.name for role in world.crm.schema.roles].index("Counterfoil Reader")
    ]
    held = dict(reader.privileges)
    account = one(world, "account", name="Fabrikam Fibre")
    try:
        reader.privileges.pop("prvReadcfl_paymentprofile")  # type: ignore[attr-defined] # a dict underneath
        world.crm.security._combined.clear()
        page = visit(world, "reader").record("account", account)
    finally:
        reader.privileges.update(held)  # type: ignore[attr-defined] # likewise
        world.crm.security._combined.clear()

    assert "You don’t have permission to see payment profiles here." in page


def test_lists_can_be_asked_for_alone_and_only_where_they_are(biller: Visitor) -> None:
    account = one(biller.world, "account", name="Fabrikam Fibre")["accountid"]
    below = f"relationship=invoice_customer_accounts&parentid={account}&size=2"

    alone = biller.page(f"/main.aspx?pagetype=grid&etn=invoice&{below}&grid=x&label=Bills")

    assert "<!doctype" not in alone
    assert len(cells(alone)) == 2
    data = json.loads(alone.split('class="grid-data">', 1)[1].split("</script>", 1)[0])
    assert (data["id"], data["total"], data["relationship"]) == ("x", 4, "invoice_customer_accounts")
    condition = ET.fromstring(data["fetchXml"]).find(".//condition[@attribute='customerid']")  # noqa: S314  the sandbox's own
    assert condition is not None
    assert condition.get("value") == str(account)
    for wrong in (
        f"etn=account&{below}",
        "etn=invoice&relationship=nonsense&parentid=1&size=2",
        f"etn=invoice&relationship=invoice_customer_accounts&parentid={account}&size=x",
        f"etn=invoice&relationship=invoice_customer_accounts&parentid={quote('<b>')}&size=2",
    ):
        assert biller.get(f"/main.aspx?pagetype=grid&{wrong}").status == 404


def test_a_new_row_of_a_list_points_at_the_record_it_was_added_from(world: World, browse: Browse) -> None:
    account = one(world, "account", name="Fabrikam Fibre")
    page = browse(world, "manager").open_record("account", account)
    page.locator("[data-grid]").get_by_role("link", name="New Billing Contract").first.click()
    page.wait_for_selector("body[data-ready]")

    expect(page.locator('[data-column="cfl_accountid"]')).to_have_value("Fabrikam Fibre")
    page.keyboard.press("Control+s")

    page.wait_for_url(re.compile(r"[?&]id="))  # the saved record's own id, not the parentid of the link
    newest = world.crm.store.select(
        world.crm.schema.table("cfl_billingcontract"), order="-createdon", limit=1
    )[0]
    assert newest["cfl_accountid"] == account["accountid"]


@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_in_lists_with_filters(world: World, browse: Browse, width: int) -> None:
    page, grid = of_fabrikam(browse, world, width=width)
    filter_by(page, grid, "Invoice ID", "100")
    grid.get_by_role("checkbox", name="Select all rows").check()
    assert violations(page) == []
    grid.get_by_role("button", name="Filter by Invoice ID").click()

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("Escape")
    expect(grid.get_by_role("button", name="Filter by Invoice ID")).to_be_focused()


def test_the_keyboard_reaches_every_part_of_a_list(with_commands: World, browse: Browse) -> None:
    page, grid = of_fabrikam(browse, with_commands)
    grid.get_by_role("button", name="Tell", exact=True).focus()
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim()"
            )
        )

    for wanted in ("Filter by Total Amount", "Select INV-1004", "INV-1004"):
        assert wanted in seen
    assert any(each.startswith("Select all rows of") for each in seen)


def test_views_can_be_read_by_their_id(biller: Visitor) -> None:
    view = next(each for each in biller.world.crm.schema.views if each.name == "Active Payment Types")

    row = json.loads(
        biller.get(f"/api/data/v9.2/savedqueries({view.id})?$select=name,fetchxml,returnedtypecode").body
    )

    assert (row["name"], row["returnedtypecode"]) == ("Active Payment Types", "cfl_paymenttype")
    assert row["fetchxml"].startswith("<fetch")


@pytest.mark.parametrize("width", [1280, 360])
def test_a_form_with_many_lists_is_accessible_on_each_of_its_tabs(
    world: World, browse: Browse, width: int
) -> None:
    ledger = one(world, "cfl_billingaccount", cfl_name="Southridge Video (USD)")
    page = browse(world, "manager", width=width).open_record("cfl_billingaccount", ledger)
    tabs = page.get_by_role("tab")
    tabs.first.focus()

    found = violations(page)
    for _ in range(1, tabs.count()):
        page.keyboard.press("ArrowRight")
        found += violations(page)

    assert found == []
    expect(tabs.last).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
