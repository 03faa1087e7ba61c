"""Lists: views of the solution, as far as the reader's rights go."""

from sandbox.world import World
from tests.pages.conftest import Browse, Visitor, cells, visit


def test_the_app_opens_with_its_first_list(biller: Visitor) -> None:
    start = biller.get("/main.aspx")

    assert (start.status, start.headers["location"]) == (302, "/main.aspx?pagetype=entitylist&etn=account")


def test_every_entry_of_the_site_map_opens(world: World) -> None:
    reader = visit(world, "reader")
    tables = [sub_area.get("Entity", "") for sub_area in world.crm.schema.site_maps[0].xml.iter("SubArea")]

    pages = {table: reader.list(table) for table in tables}

    assert len(pages) > 20
    assert all('aria-current="page"' in page for page in pages.values())


def test_invoices_show_formatted_values_and_their_status_in_two_words(biller: Visitor) -> None:
    rows = {row[0]: row[1:] for row in cells(biller.list("invoice"))}

    assert rows["INV-1002"][1:5] == ["Fabrikam Fibre", "$1,000.00", "$600.00", "Paid (Partial)"]
    assert rows["INV-1003"][4] == "Paid (Complete)"
    assert rows["INV-1004"][4] == "Canceled (Canceled)"
    assert rows["INV-1008"][2] == "¥12,500"
    assert rows["INV-1001"][3] == "---"


def test_a_list_is_sorted_by_any_column_both_ways(biller: Visitor) -> None:
    rising = [row[0] for row in cells(biller.list("invoice", sort="totalamount", desc="0"))]
    falling = [row[0] for row in cells(biller.list("invoice", sort="totalamount", desc="1"))]

    assert len(rising) > 11
    assert rising != falling
    page = biller.list("invoice", sort="totalamount", desc="1")
    assert 'aria-sort="descending" class="numeric"' in page
    assert cells(page)[0][3] == "¥12,500"


def test_quick_find_narrows_a_list(biller: Visitor) -> None:
    assert [row[0] for row in cells(biller.list("invoice", search="1002"))] == ["INV-1002"]
    assert [row[0] for row in cells(biller.list("account", search="fibre"))] == ["Fabrikam Fibre"]
    assert "No Invoices match “zebra”." in biller.list("invoice", search="zebra")


def test_a_search_is_text_and_never_markup(biller: Visitor) -> None:
    response = biller.get("/main.aspx?pagetype=entitylist&etn=invoice&search=%3Cscript%3E1%3C/script%3E")

    assert b"<script>1" not in response.body


def test_the_other_views_are_a_click_away(world: World, browse: Browse) -> None:
    page = browse(world, "biller").open("/main.aspx?pagetype=entitylist&etn=cfl_paymenttransaction")
    assert page.get_by_role("heading", level=1).inner_text() == "All Payment Transactions"

    page.get_by_label("Choose a view").click()
    page.get_by_role("link", name="Failed Payment Transactions").click()
    page.wait_for_selector("body[data-ready]")

    assert page.get_by_role("heading", level=1).inner_text() == "Failed Payment Transactions"


def test_long_lists_come_in_pages(world: World) -> None:
    rows = [{"name": f"Customer {number:03}", "accountnumber": f"L-{number:03}"} for number in range(120)]
    world.crm._seeder.load({"accounts": rows})
    biller = visit(world, "biller")

    first, last = (
        biller.list("account", search="Customer"),
        biller.list("account", search="Customer", page="3"),
    )

    assert [row[0] for row in cells(first)][::49] == ["Customer 000", "Customer 049"]
    assert "1 - 50 of 120" in first
    assert "page=2" in first
    assert [row[0] for row in cells(last)] == [f"Customer {number}" for number in range(100, 120)]
    assert ">Next<" not in last


def test_tables_of_the_platform_without_a_view_can_be_read_too(biller: Visitor) -> None:
    assert "US Dollar" in [row[0] for row in cells(biller.list("transactioncurrency"))]


def test_what_may_not_be_read_is_neither_offered_nor_shown(world: World) -> None:
    """A user without our roles sees no ledger, whatever address they type."""
    world.crm._seeder.load({"systemusers": [_stranger(world)]})
    stranger = visit(world, "stranger")

    refused = stranger.get("/main.aspx?pagetype=entitylist&etn=cfl_payment")

    assert refused.status == 403
    assert "prvReadcfl_payment" in refused.body.decode()
    assert b"Payments" not in refused.body


def _stranger(world: World) -> dict[str, object]:
    return {
        "firstname": "Stan",
        "lastname": "Strange",
        "domainname": "stranger",
        "_businessunitid_value": str(world.crm.organization.unit_id),
    }
