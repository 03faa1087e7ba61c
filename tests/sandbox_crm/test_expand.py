"""$expand and navigation: rows along lookups and collections, and where there are ETags."""

from tests.sandbox_crm.client import Client, demo_id

FABRIKAM = demo_id("account", "Fabrikam Fibre")
INVOICE = demo_id("invoice", "INV-1001")


def test_single_valued_and_nested_rows_have_no_etag(crm: Client) -> None:
    chain = "$expand=cfl_billingcontractid($select=cfl_name;$expand=cfl_paymentprofileid($select=cfl_name,cfl_last4))"

    invoice = crm.get(f"invoices({INVOICE})?$select=name&{chain}").json

    contract = invoice["cfl_billingcontractid"]
    profile = contract["cfl_paymentprofileid"]
    assert invoice["@odata.etag"]
    assert "@odata.etag" not in contract
    assert "@odata.etag" not in profile
    assert (set(contract), profile["cfl_last4"]) == (
        {"cfl_name", "cfl_billingcontractid", "cfl_paymentprofileid"},
        "4242",
    )


def test_rows_of_a_collection_have_one_unless_they_are_nested(crm: Client) -> None:
    account = crm.get(
        f"accounts({FABRIKAM})?$select=name&$expand=invoice_customer_accounts($select=name;$orderby=name desc)"
    ).json
    invoices = account["invoice_customer_accounts"]
    assert len(invoices) > 1
    assert all(row["@odata.etag"] for row in invoices)
    assert [row["name"] for row in invoices] == sorted((row["name"] for row in invoices), reverse=True)

    nested = "$expand=customerid_account($select=name;$expand=invoice_customer_accounts($select=name))"
    deep = crm.get(f"invoices({INVOICE})?$select=name&{nested}").json
    inner = deep["customerid_account"]["invoice_customer_accounts"]
    assert inner
    assert not any("@odata.etag" in row for row in inner)


def test_collections_can_be_filtered_and_cut(crm: Client) -> None:
    def numbers(options: str) -> list[str]:
        answer = crm.get(
            f"accounts({FABRIKAM})?$expand=invoice_customer_accounts($select=invoicenumber;{options})"
        )
        return [row["invoicenumber"] for row in answer.json["invoice_customer_accounts"]]

    assert numbers("$filter=invoicenumber eq 'INV-1001'") == ["INV-1001"]
    assert numbers("$orderby=invoicenumber;$top=2") == ["INV-1001", "INV-1002"]
    assert numbers("$filter=statecode eq 2 and statuscode eq 100002") == ["INV-1002"]


def test_a_collection_of_many_parents_goes_to_each_its_own(crm: Client) -> None:
    crm.make("accounts", name="Nothing billed yet")
    rows = crm.get("accounts?$select=name&$expand=invoice_customer_accounts($select=_customerid_value)").rows

    for row in rows:
        assert {child["_customerid_value"] for child in row["invoice_customer_accounts"]} <= {
            row["accountid"]
        }
    assert any(row["invoice_customer_accounts"] for row in rows)
    assert any(not row["invoice_customer_accounts"] for row in rows)


def test_a_polymorphic_lookup_is_expanded_by_where_it_leads(crm: Client) -> None:
    row = crm.get(
        f"invoices({INVOICE})?$select=name&$expand=customerid_account($select=name),customerid_contact($select=fullname)"
    ).json

    assert row["customerid_account"]["name"] == "Fabrikam Fibre"
    assert row["customerid_contact"] is None


def test_many_to_many(crm: Client) -> None:
    user = demo_id("systemuser", "reader")

    row = crm.get(
        f"systemusers({user})?$select=domainname&$expand=systemuserroles_association($select=name)"
    ).json

    assert "Counterfoil Reader" in [role["name"] for role in row["systemuserroles_association"]]


def test_walking_along_an_address(crm: Client) -> None:
    assert crm.get(f"invoices({INVOICE})/customerid_account?$select=name").json["name"] == "Fabrikam Fibre"
    assert crm.get(f"invoices({INVOICE})/customerid_contact").status == 204
    numbers = crm.get(
        f"accounts({FABRIKAM})/invoice_customer_accounts?$select=invoicenumber&$orderby=invoicenumber"
    ).rows
    assert numbers[0]["invoicenumber"] == "INV-1001"
    assert crm.get(f"accounts({FABRIKAM})/invoice_customer_accounts/$count").text == str(len(numbers))
    reference = crm.get(f"invoices({INVOICE})/customerid_account/$ref").json["@odata.id"]
    assert reference.endswith(f"/accounts({FABRIKAM})")


def test_expanding_needs_the_right_to_read(crm: Client) -> None:
    endpoint = crm.make(
        "serviceendpoints", name="Hook", url="https://localhost/x", contract=8, connectionmode=1
    )
    message = crm.get("sdkmessages?$filter=name eq 'Create'").rows[0]["sdkmessageid"]
    step = crm.make(
        "sdkmessageprocessingsteps",
        name="Step",
        mode=1,
        stage=40,
        rank=1,
        sdkmessageid__bind=f"/sdkmessages({message})",
        eventhandler_serviceendpoint__bind=f"/{endpoint}",
    )
    address = f"{step}?$select=name&$expand=eventhandler_serviceendpoint($select=name)"

    assert crm.get(address).json["eventhandler_serviceendpoint"]["name"] == "Hook"
    assert crm.acting_as("reader").get(address).status == 403


def test_a_secret_is_written_and_never_read(crm: Client) -> None:
    address = crm.make("serviceendpoints", name="Hook", contract=8, connectionmode=1, authvalue="<settings/>")

    row = crm.get(address).json

    assert "authvalue" not in row
    assert row["isauthvalueset"] is True
    assert crm.get(f"{address}?$select=authvalue").status == 400
    assert crm.get("serviceendpoints?$filter=authvalue eq 'x'").status == 400
