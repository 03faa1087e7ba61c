"""The schema as clients read it, and its proof: what is written in the solution's XML is there with no change in Python."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from sandbox.crm import solution
from sandbox.world import World
from tests.sandbox_crm.changed_solution import with_one_more_column
from tests.sandbox_crm.client import Client, demo_id

EDM = {"edm": "http://docs.oasis-open.org/odata/ns/edm"}


@pytest.fixture
def extended(tmp_path: Path) -> Iterator[Client]:
    """A CRM of the shipping solution with one more column on its payment transactions and one on the invoice."""
    world = World(solution.load(with_one_more_column(tmp_path, "cfl_paymenttransaction", "Invoice")))
    yield Client(world)
    world.stop()


def csdl(crm: Client) -> ET.Element:
    return ET.fromstring(crm.get("$metadata").text)  # noqa: S314  the sandbox's own answer


def test_a_column_added_to_the_xml_is_a_column(extended: Client) -> None:
    invoice = f"invoices({demo_id('invoice', 'INV-1001')})"

    assert extended.patch(invoice, {"cfl_ponumber": "PO 4711"}).status == 204
    assert extended.get(f"{invoice}?$select=cfl_ponumber").json["cfl_ponumber"] == "PO 4711"
    assert extended.get("invoices?$select=name&$filter=cfl_ponumber eq 'PO 4711'").rows
    assert extended.patch(invoice, {"cfl_ponumber": "x" * 21}).code == "0x80044331"
    transaction = extended.make("cfl_paymenttransactions", cfl_ponumber="PO 1")
    assert extended.get(transaction).json["cfl_ponumber"] == "PO 1"
    document = csdl(extended)
    found = document.find(".//edm:EntityType[@Name='invoice']/edm:Property[@Name='cfl_ponumber']", EDM)
    assert found is not None
    assert (found.get("Type"), found.get("MaxLength")) == ("Edm.String", "20")
    attribute = extended.get(
        "EntityDefinitions(LogicalName='invoice')/Attributes(LogicalName='cfl_ponumber')"
    ).json
    assert (attribute["AttributeType"], attribute["MaxLength"]) == ("String", 20)
    assert attribute["DisplayName"]["UserLocalizedLabel"]["Label"] == "PO Number"


def test_without_it_there_is_none(crm: Client) -> None:
    assert (
        crm.patch(f"invoices({demo_id('invoice', 'INV-1001')})", {"cfl_ponumber": "x"}).code == "0x80048d19"
    )


def test_the_document_names_every_table_column_and_navigation(crm: Client) -> None:
    document = csdl(crm)
    invoice = document.find(".//edm:EntityType[@Name='invoice']", EDM)
    assert invoice is not None

    types = {one.get("Name"): one.get("Type") for one in invoice.findall("edm:Property", EDM)}
    assert types["totalamount"] == "Edm.Decimal"
    assert types["_customerid_value"] == "Edm.Guid"
    assert types["duedate"] == "Edm.Date"
    assert types["createdon"] == "Edm.DateTimeOffset"
    navigation = {one.get("Name"): one.get("Type") for one in invoice.findall("edm:NavigationProperty", EDM)}
    assert navigation["customerid_account"] == "mscrm.account"
    assert navigation["invoice_details"] == "Collection(mscrm.invoicedetail)"
    assert navigation["cfl_billingcontractid"] == "mscrm.cfl_billingcontract"
    sets = {one.get("Name") for one in document.iterfind(".//edm:EntitySet", EDM)}
    assert sets == {table.entity_set for table in crm.world.crm.schema}
    action = document.find(".//edm:Action[@Name='cfl_ChargeInvoice']", EDM)
    assert action is not None
    assert [one.get("Name") for one in action.findall("edm:Parameter", EDM)][:2] == ["entity", "Amount"]


def test_the_service_document(crm: Client) -> None:
    sets = {one["name"] for one in crm.get("").rows}

    assert {"accounts", "invoices", "cfl_paymenttransactions"} <= sets


def test_what_clients_look_up_before_they_write(crm: Client) -> None:
    by_filter = crm.get(
        "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute&$filter=LogicalName eq 'invoice'"
    ).rows
    by_key = crm.get(
        "EntityDefinitions(LogicalName='invoice')?$select=LogicalName,EntitySetName,PrimaryIdAttribute"
    ).json
    by_id = crm.get(f"EntityDefinitions({by_key['MetadataId']})").json

    assert len(by_filter) == 1
    assert by_filter[0]["EntitySetName"] == by_key["EntitySetName"] == by_id["EntitySetName"] == "invoices"
    assert by_key["PrimaryIdAttribute"] == "invoiceid"
    assert "SchemaName" not in by_key
    assert by_id["IsOptimisticConcurrencyEnabled"] is True
    assert by_id["ChangeTrackingEnabled"] is True
    assert by_id["CanChangeTrackingBeEnabled"]["Value"] is True


def test_choices(crm: Client) -> None:
    cast = "Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)"
    choices = crm.get(f"EntityDefinitions(LogicalName='cfl_paymenttransaction')/{cast}").rows

    stage = next(one for one in choices if one["LogicalName"] == "cfl_stage")
    options = {
        one["Value"]: one["Label"]["UserLocalizedLabel"]["Label"] for one in stage["OptionSet"]["Options"]
    }
    assert next(iter(options.items())) == (728310000, "Reserved")
    status = crm.get(
        "EntityDefinitions(LogicalName='invoice')/Attributes(LogicalName='statuscode')"
        "/Microsoft.Dynamics.CRM.StatusAttributeMetadata?$expand=OptionSet"
    ).json
    assert {one["Value"]: one["State"] for one in status["OptionSet"]["Options"]}[100002] == 2


def test_keys_and_relationships(crm: Client) -> None:
    keys = crm.get(
        "EntityDefinitions(LogicalName='cfl_request')/Keys?$select=KeyAttributes,EntityKeyIndexStatus"
    ).rows
    assert {"KeyAttributes": ["cfl_key"], "EntityKeyIndexStatus": "Active"}.items() <= keys[0].items()

    many = crm.get("EntityDefinitions(LogicalName='cfl_disbursement')/ManyToOneRelationships").rows
    to_invoice = next(one for one in many if one["ReferencingAttribute"] == "cfl_invoiceid")
    assert to_invoice["ReferencedEntity"] == "invoice"
    assert to_invoice["CascadeConfiguration"]["Delete"] == "Restrict"
    name = to_invoice["SchemaName"]
    assert (
        crm.get(f"RelationshipDefinitions?$filter=SchemaName eq '{name}'").rows[0]["MetadataId"]
        == to_invoice["MetadataId"]
    )
    cast = "RelationshipDefinitions/Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata?$select=SchemaName"
    assert "systemuserroles_association" in [one["SchemaName"] for one in crm.get(cast).rows]
    assert crm.get("RelationshipDefinitions/Nonsense").status == 404
    assert any(
        one["SchemaName"] == name
        for one in crm.get("EntityDefinitions(LogicalName='invoice')/OneToManyRelationships").rows
    )
    assert crm.get("EntityDefinitions(LogicalName='systemuser')/ManyToManyRelationships").rows


def test_amounts_and_lookups_describe_themselves(crm: Client) -> None:
    expand = "$expand=Attributes($select=LogicalName,AttributeType,Precision,PrecisionSource,Targets)"
    columns = {
        one["LogicalName"]: one
        for one in crm.get(f"EntityDefinitions(LogicalName='invoice')?{expand}").json["Attributes"]
    }

    assert columns["cfl_balance"]["AttributeType"] == "Money"
    assert columns["cfl_balance"]["PrecisionSource"] == 2
    assert columns["customerid"]["Targets"] == ["account", "contact"]


def test_filters_on_metadata(crm: Client) -> None:
    own = crm.get(
        "EntityDefinitions?$select=LogicalName&$filter=IsCustomEntity eq true and startswith(LogicalName,'cfl_pay')"
    ).rows

    assert {"cfl_payment", "cfl_paymenttype"} <= {one["LogicalName"] for one in own}
    assert crm.get("EntityDefinitions?$filter=Nonsense eq 1").status == 400
    assert crm.get("EntityDefinitions?$expand=Nonsense").status == 400
    assert crm.post("EntityDefinitions", {}).status == 405
    assert crm.get("EntityDefinitions(LogicalName='invoice')/Nonsense").status == 404
