"""Nothing about a table is written in the pages: what the solution's XML says is what people see."""

from collections.abc import Callable

from sandbox.world import World
from tests.pages.conftest import Browse, Edit, cells, invoice, one, save, visit

COLUMN = """
        <attribute PhysicalName="cfl_ponumber">
          <Type>nvarchar</Type><Name>cfl_ponumber</Name><LogicalName>cfl_ponumber</LogicalName>
          <RequiredLevel>none</RequiredLevel><DisplayMask>ValidForForm</DisplayMask>
          <ValidForUpdateApi>1</ValidForUpdateApi><ValidForReadApi>1</ValidForReadApi><ValidForCreateApi>1</ValidForCreateApi>
          <IsCustomField>1</IsCustomField><Format>text</Format><MaxLength>40</MaxLength><Length>80</Length>
          <displaynames><displayname description="Purchase Order" languagecode="1033" /></displaynames>
        </attribute>
      </attributes>"""

CELL = """<row><cell id="{5f6a1c60-7d0b-5f0e-9a53-000000000001}">
  <labels><label description="Purchase Order" languagecode="1033" /></labels>
  <control id="cfl_ponumber" classid="{4273EDBD-AC1D-40D3-9FB2-095C621B552D}" datafieldname="cfl_ponumber" />
</cell></row>"""

CONTRACT = "Entities/cfl_billingcontract"
RIBBON = "Entities/Invoice/RibbonDiff.xml"


def test_a_column_added_to_the_table_and_a_cell_to_the_form_appear_on_the_page(
    edit: Edit, changed: Callable[[], World], browse: Browse
) -> None:
    edit(f"{CONTRACT}/Entity.xml", "      </attributes>", COLUMN)
    edit(f"{CONTRACT}/FormXml/main/*.xml", "<rows>", f"<rows>{CELL}", count=1)
    world = changed()
    contract = one(world, "cfl_billingcontract", cfl_name="BC-01001")
    browsing = browse(world, "manager")

    page = browsing.open_record("cfl_billingcontract", contract)
    page.get_by_label("Purchase Order").fill("PO-4711")
    save(page)

    stored = one(world, "cfl_billingcontract", cfl_name="BC-01001")
    assert stored["cfl_ponumber"] == "PO-4711"
    assert page.get_by_label("Purchase Order").input_value() == "PO-4711"
    metadata = visit(world, "manager").get("/api/data/v9.2/$metadata", accept="application/xml").body.decode()
    assert '<Property Name="cfl_ponumber" Type="Edm.String"' in metadata


def test_a_column_added_to_a_view_appears_in_the_list(edit: Edit, changed: Callable[[], World]) -> None:
    world = changed()
    view = next(each for each in world.crm.schema.views if each.name == "Active Payment Types")
    edit(
        f"Entities/cfl_paymenttype/SavedQueries/{{{view.id}}}.xml",
        '<cell name="cfl_backend"',
        '<cell name="statuscode"',
    )
    edit(
        f"Entities/cfl_paymenttype/SavedQueries/{{{view.id}}}.xml",
        '<attribute name="cfl_backend" />',
        '<attribute name="statuscode" />',
    )

    page = visit(changed(), "biller").list("cfl_paymenttype")

    assert "Status Reason" in page
    assert "Kind" not in page
    assert cells(page)[0][:3] == ["1", "Credit Card", "Active"]


def test_a_changed_rule_of_the_ribbon_changes_the_command_bar(
    edit: Edit, changed: Callable[[], World], browse: Browse
) -> None:
    """Paid (Partial) forms are read-only: with the platform's own rule for them, Charge would be gone (W08)."""
    edit(RIBBON, '<FormStateRule State="Create" InvertResult="true" />', '<FormStateRule State="Existing" />')

    page = browse(changed(), "biller").open_invoice("INV-1002")

    assert not page.get_by_role("button", name="Counterfoil").is_visible()


def test_a_changed_label_of_the_ribbon_changes_the_command(
    edit: Edit, changed: Callable[[], World], browse: Browse
) -> None:
    edit(RIBBON, 'description="Charge" />', 'description="Take a payment" />')

    page = browse(changed(), "biller").open_invoice("INV-1002")
    page.get_by_role("button", name="Counterfoil").click()

    assert page.get_by_role("menuitem").all_inner_texts() == ["Take a payment", "Payment Link"]


def test_a_changed_privilege_of_the_rule_changes_who_sees_the_command(
    edit: Edit, changed: Callable[[], World], browse: Browse
) -> None:
    edit(RIBBON, 'PrivilegeDepth="Basic"', 'PrivilegeDepth="Global"')

    page = browse(changed(), "biller").open_invoice("INV-1001")

    assert not page.get_by_role("button", name="Counterfoil").is_visible()


def test_a_table_taken_from_the_site_map_is_gone_from_the_app(
    edit: Edit, changed: Callable[[], World]
) -> None:
    edit("AppModuleSiteMaps/*/AppModuleSiteMap.xml", 'Entity="cfl_disbursement"', 'Entity="cfl_gone"')

    page = visit(changed(), "biller").list("invoice")

    assert ">Payments<" in page
    assert ">Disbursements<" not in page


def test_a_relationship_hidden_from_related_is_not_offered(edit: Edit, changed: Callable[[], World]) -> None:
    edit("Other/Relationships/Invoice.xml", "UseCollectionName", "DoNotDisplay")
    world = changed()

    assert "related=cfl_" not in visit(world, "biller").record("invoice", invoice(world, "INV-1002"))
