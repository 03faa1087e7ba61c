"""$select, $filter, $orderby, $top, $count and paging, and what a user without the right does not see."""

from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.sandbox_crm.client import Client, demo_id

FABRIKAM = demo_id("account", "Fabrikam Fibre")


@pytest.fixture
def few(crm: Client) -> Client:
    """Four accounts of our own to ask for."""
    for name, employees, phone in (
        ("Alpha", 5, "1"),
        ("alpha two", 50, "2"),
        ("B%_ta", None, None),
        ("O'Hara", 7, "3"),
    ):
        crm.make("accounts", name=name, numberofemployees=employees, telephone1=phone, accountnumber="few")
    return crm


def names(crm: Client, condition: str, order: str = "name") -> list[str]:
    address = f"accounts?$select=name&$orderby={order}&$filter=accountnumber eq 'few' and ({condition})"
    return [row["name"] for row in crm.get(address).rows]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("name eq 'ALPHA'", ["Alpha"]),
        ("name eq 'O''Hara'", ["O'Hara"]),
        ("numberofemployees eq null", ["B%_ta"]),
        ("numberofemployees ne null", ["Alpha", "alpha two", "O'Hara"]),
        ("numberofemployees ne 5", ["alpha two", "B%_ta", "O'Hara"]),
        ("5 lt numberofemployees", ["alpha two", "O'Hara"]),
        ("numberofemployees gt 5 and numberofemployees lt 50 or name eq 'Alpha'", ["Alpha", "O'Hara"]),
        ("not (numberofemployees eq 5)", ["alpha two", "B%_ta", "O'Hara"]),
        ("not(numberofemployees gt 5)", ["Alpha", "B%_ta"]),
        ("contains(name,'pha')", ["Alpha", "alpha two"]),
        ("contains(name,'%_')", ["B%_ta"]),
        ("startswith(name,'AL')", ["Alpha", "alpha two"]),
        ("endswith(name,'two')", ["alpha two"]),
        ("not contains(name,'pha')", ["B%_ta", "O'Hara"]),
        ("contains(name,'pha') eq false", ["B%_ta", "O'Hara"]),
        ("numberofemployees in (5,7)", ["Alpha", "O'Hara"]),
        ("name in ('Alpha')", ["Alpha"]),
        ("name eq telephone1", []),
        ("creditonhold eq false", ["Alpha", "alpha two", "B%_ta", "O'Hara"]),
        ("creditonhold", []),
        (
            "createdon ge 2020-01-01T00:00:00Z and createdon ge 2020-01-01",
            ["Alpha", "alpha two", "B%_ta", "O'Hara"],
        ),
        ("createdon lt 2020-01-01T00:00:00%2B02:00", []),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['Alpha','B%_ta'])",
            ["Alpha", "B%_ta"],
        ),
        ("Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['Alpha'])", ["Alpha"]),
        (
            'Microsoft.Dynamics.CRM.In(PropertyName="name",PropertyValues=["Alpha","O\'Hara"])',
            ["Alpha", "O'Hara"],
        ),
        (
            "Microsoft.Dynamics.CRM.Between(PropertyName='numberofemployees',PropertyValues=['5','7'])",
            ["Alpha", "O'Hara"],
        ),
        (
            "Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')",
            ["Alpha", "alpha two", "B%_ta", "O'Hara"],
        ),
        (
            "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=2)",
            ["Alpha", "alpha two", "B%_ta", "O'Hara"],
        ),
        ("_ownerid_value eq 00000000-0000-0000-0000-000000000001", []),
        ("owninguser/domainname eq 'admin'", ["Alpha", "alpha two", "B%_ta", "O'Hara"]),
        ("primarycontactid/fullname eq null", ["Alpha", "alpha two", "B%_ta", "O'Hara"]),
    ],
)
def test_filters(few: Client, condition: str, found: list[str]) -> None:
    assert names(few, condition) == found


def test_spaces_may_be_plus_signs_or_percent_encoded(few: Client) -> None:
    for space in ("+", "%20"):
        address = f"accounts?$select=name&$filter=name eq '{quote('alpha two')}'".replace(" ", space)
        assert [row["name"] for row in few.get(address).rows] == ["alpha two"]


def test_five_hundred_terms(few: Client) -> None:
    condition = " or ".join(f"numberofemployees eq {number}" for number in range(500))

    assert names(few, condition) == ["Alpha", "alpha two", "O'Hara"]


def test_rows_by_what_hangs_on_them(crm: Client) -> None:
    invoice = demo_id("invoice", "INV-1001")
    of_the_customer = f"cfl_paymentprofiles?$select=cfl_name&$filter=cfl_accountid/invoice_customer_accounts/any(i:i/invoiceid eq {invoice})"
    profiles = crm.get(of_the_customer).rows
    assert profiles
    assert {
        crm.get(f"cfl_paymentprofiles({row['cfl_paymentprofileid']})").json["_cfl_accountid_value"]
        for row in profiles
    } == {str(FABRIKAM)}

    def accounts(condition: str) -> list[str]:
        return [row["name"] for row in crm.get(f"accounts?$select=name&$filter={condition}").rows]

    assert accounts("invoice_customer_accounts/any(i:i/invoicenumber eq 'INV-1001')") == ["Fabrikam Fibre"]
    assert accounts("invoice_customer_accounts/any(i:i/owninguser/domainname eq 'nobody')") == []
    everybody = len(accounts("name ne null"))
    with_invoices = len(accounts("invoice_customer_accounts/any()"))
    without = len(accounts("not invoice_customer_accounts/any()"))
    assert with_invoices
    assert with_invoices + without == everybody
    assert accounts("name eq 'Fabrikam Fibre' and invoice_customer_accounts/all(i:i/statecode eq 0)") == []
    assert accounts("name eq 'Fabrikam Fibre' and invoice_customer_accounts/all(i:i/statecode ge 0)") == [
        "Fabrikam Fibre"
    ]


def test_lambdas_inside_lambdas_see_the_outer_row(crm: Client) -> None:
    same_owner = (
        "accounts?$select=name&$filter=invoice_customer_accounts/any(i:i/invoicenumber eq 'INV-1001' and "
        "i/customerid_account/invoice_customer_accounts/any(j:j/invoicenumber eq 'INV-1002' and j/_ownerid_value eq i/_ownerid_value))"
    )

    assert [row["name"] for row in crm.get(same_owner).rows] == ["Fabrikam Fibre"]


def test_a_name_without_a_variable_is_the_outer_row_s(crm: Client) -> None:
    lowered = (
        "accounts?$select=name&$filter=invoice_customer_accounts/any(i:i/_ownerid_value eq _ownerid_value)"
    )
    foreign = "accounts?$select=name&$filter=invoice_customer_accounts/any(i:invoicenumber eq 'INV-1001')"
    named = "Microsoft.Dynamics.CRM.In(PropertyName='i/invoicenumber',PropertyValues=['INV-1001'])"

    assert "Fabrikam Fibre" in [row["name"] for row in crm.get(lowered).rows]
    assert crm.get(foreign).code == "0x80060888"
    found = crm.get(f"accounts?$select=name&$filter=invoice_customer_accounts/any(i:{named})").rows
    assert [row["name"] for row in found] == ["Fabrikam Fibre"]


def test_many_to_many(crm: Client) -> None:
    billers = crm.get(
        "systemusers?$select=domainname&$filter=systemuserroles_association/any(r:r/name eq 'Counterfoil Reader')"
    )

    assert "reader" in [row["domainname"] for row in billers.rows]
    assert "admin" not in [row["domainname"] for row in billers.rows]


def test_order_and_top(few: Client) -> None:
    assert names(few, "true", "numberofemployees desc,name") == ["alpha two", "O'Hara", "Alpha", "B%_ta"]
    assert names(few, "true", "owninguser/fullname,name desc")[0] == "O'Hara"
    assert len(few.get("accounts?$top=2").rows) == 2


def test_counting(few: Client) -> None:
    ours = "$filter=accountnumber eq 'few'"

    assert few.get(f"accounts/$count?{ours}").text == "4"
    assert few.get(f"accounts/$count?{ours}").headers["content-type"] == "text/plain"
    assert few.get(f"accounts?{ours}&$count=true&$top=1").json["@odata.count"] == 4
    assert "@odata.count" not in few.get(f"accounts?{ours}").json


def test_pages_follow_one_another_to_the_end(few: Client) -> None:
    address = "accounts?$select=name&$orderby=name&$count=true&$filter=accountnumber+eq+'few'"
    seen, pages = [], 0
    while address:
        page = few.get(address, prefer="odata.maxpagesize=3")
        assert page.headers["preference-applied"] == "odata.maxpagesize=3"
        assert page.json["@odata.count"] == 4
        seen += [row["name"] for row in page.rows]
        pages += 1
        address = page.json.get("@odata.nextLink", "")
        assert not address or "$skiptoken=%3Ccookie%20pagenumber%3D%222%22" in address

    assert (pages, seen) == (2, ["Alpha", "alpha two", "B%_ta", "O'Hara"])
    assert few.get("accounts?$skiptoken=nonsense").code == "0x80060888"


@pytest.mark.parametrize(
    "order", ["name", "numberofemployees desc,name desc", "numberofemployees", "owninguser/fullname"]
)
def test_pages_hold_each_row_once_though_others_come_and_go(crm: Client, order: str) -> None:
    for number in range(12):
        crm.make(
            "accounts", name=f"P{number:02}", numberofemployees=number // 5 or None, accountnumber="paged"
        )
    address = f"accounts?$select=name&$orderby={order}&$filter=accountnumber eq 'paged'"
    whole = [row["name"] for row in crm.get(address).rows]
    seen: list[str] = []
    while address:
        page = crm.get(address, prefer="odata.maxpagesize=5")
        seen += [row["name"] for row in page.rows]
        for row in page.rows:
            crm.patch(f"accounts({row['accountid']})", {"accountnumber": "no longer"})
        address = page.json.get("@odata.nextLink", "")

    assert seen == whole


def test_a_page_of_another_query(crm: Client) -> None:
    link = crm.get("accounts?$orderby=name", prefer="odata.maxpagesize=1").json["@odata.nextLink"]

    assert crm.get(link.replace("$orderby=name&", "")).code == "0x80060888"


def test_annotations_show_what_people_see(crm: Client) -> None:
    invoice = f"invoices({demo_id('invoice', 'INV-1001')})?$select=statuscode,_customerid_value,duedate,ispricelocked"

    plain = crm.get(invoice).json
    row = crm.get(invoice, prefer='odata.include-annotations="*"').json

    formatted, crm_name = "OData.Community.Display.V1.FormattedValue", "Microsoft.Dynamics.CRM"
    assert row[f"statuscode@{formatted}"] == "Billed"
    assert row[f"_customerid_value@{formatted}"] == "Fabrikam Fibre"
    assert row[f"_customerid_value@{crm_name}.lookuplogicalname"] == "account"
    assert row[f"_customerid_value@{crm_name}.associatednavigationproperty"] == "customerid_account"
    assert row[f"ispricelocked@{formatted}"] == "No"
    assert not [name for name in plain if "@" in name and not name.startswith("@odata")]
    assert list(row).index(f"statuscode@{formatted}") + 1 == list(row).index("statuscode")


def test_a_page_says_how_many_there_are_when_asked(crm: Client) -> None:
    page = crm.get("accounts?$count=true&$top=1", prefer='odata.include-annotations="*"').json

    assert page["@Microsoft.Dynamics.CRM.totalrecordcount"] == page["@odata.count"]
    assert page["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is False


def test_a_lookup_may_be_selected_by_its_navigation_property(crm: Client) -> None:
    row = crm.get(f"accounts({FABRIKAM})?$select=primarycontactid").json

    assert row["_primarycontactid_value"] == str(demo_id("contact", row_contact(crm)))


def row_contact(crm: Client) -> str:
    return str(crm.get(f"accounts({FABRIKAM})/primarycontactid?$select=fullname").json["fullname"])


def test_rows_by_alternate_key(crm: Client) -> None:
    key = f"ledger-{uuid4()}"
    body = {"cfl_name": "L", "cfl_accountid@odata.bind": f"/accounts({FABRIKAM})"}

    made = crm.patch(f"cfl_billingaccounts(cfl_ledgerkey='{key}')", body)
    assert made.status == 204
    assert made.headers["odata-entityid"].endswith(f"cfl_billingaccounts(cfl_ledgerkey='{key}')"), (
        "not the id"
    )
    assert crm.get(f"cfl_billingaccounts(cfl_ledgerkey='{key}')").json["cfl_ledgerkey"] == key
    again = crm.patch(
        f"cfl_billingaccounts(cfl_ledgerkey='{key}')", {"cfl_name": "L2"}, prefer="return=representation"
    )
    assert (again.status, again.json["cfl_name"]) == (200, "L2")
    assert crm.delete(f"cfl_billingaccounts(cfl_ledgerkey='{key}')").status == 204


def test_keys_with_quotes_and_of_several_columns(crm: Client) -> None:
    ledger = crm.make(
        "cfl_billingaccounts",
        cfl_name="L",
        cfl_ledgerkey="it's",
        cfl_accountid__bind=f"/accounts({FABRIKAM})",
    )
    ledger_id = ledger.split("(")[1].rstrip(")")
    assert crm.get("cfl_billingaccounts(cfl_ledgerkey='it''s')").json["cfl_billingaccountid"] == ledger_id

    key = f"cfl_number=7,_cfl_billingaccountid_value={ledger_id}"
    made = crm.patch(f"cfl_payments({key})", {"cfl_amount": 1})
    assert made.status == 204, made.text
    row = crm.get(f"cfl_payments({key})").json
    assert (row["cfl_number"], row["_cfl_billingaccountid_value"]) == (7, ledger_id)
    bound = crm.post(
        "cfl_payments",
        {"cfl_amount": 1, "cfl_billingaccountid@odata.bind": "/cfl_billingaccounts(cfl_ledgerkey='it''s')"},
    )
    assert bound.status == 204


def test_nobody_reads_what_is_not_theirs(crm: Client) -> None:
    everybody = crm.acting_as("reader")
    assert everybody.get("accounts").rows, "a reader of everything"
    assert everybody.post("accounts", {"name": "x"}).code == "0x80040220"

    assert everybody.get("serviceendpoints").status == 403
    assert everybody.get("accounts?$filter=invoice_customer_accounts/any()").status == 200
