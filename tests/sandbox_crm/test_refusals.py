"""What the platform refuses, each with its own code, and nothing is written."""

from typing import Any
from uuid import uuid4

import pytest

from tests.sandbox_crm.client import Client, demo_id


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (
            {"nonsense": 1},
            "0x80048d19",
            "Invalid property 'nonsense' was found in entity 'Microsoft.Dynamics.CRM.account'",
        ),
        ({"Name": "wrong case"}, "0x80048d19", "Invalid property 'Name'"),
        ({"name": 5}, "0x80040203", "Cannot convert the value 5 of 'name' to the expected type 'Edm.String'"),
        ({"numberofemployees": "many"}, "0x80040203", "'Edm.Int32'"),
        ({"numberofemployees": 1.5}, "0x80040203", "'Edm.Int32'"),
        ({"numberofemployees": True}, "0x80040203", "'Edm.Int32'"),
        ({"revenue": "12"}, "0x80040203", "'Edm.Decimal'"),
        ({"creditonhold": "yes"}, "0x80040203", "'Edm.Boolean'"),
        ({"accountid": "not-a-guid"}, "0x80040203", "'Edm.Guid'"),
        ({"name": {"nested": 1}}, "0x80040203", "'Edm.String'"),
        ({"name": "x" * 161}, "0x80044331", "exceeded the maximum allowed length of '160'"),
        ({"industrycode": 4711}, "0x8004431A", "outside the valid range. Accepted Values: 1,2,3"),
        ({"numberofemployees": -1}, "0x80044330", "outside the valid range"),
        ({"revenue": -1}, "0x80044330", "outside the valid range"),
        ({"primarycontactid": str(uuid4())}, "0x80048d19", "use 'primarycontactid@odata.bind'"),
        ({"_primarycontactid_value": str(uuid4())}, "0x80048d19", "use '@odata.bind'"),
        ({"nobody@odata.bind": "/contacts(1)"}, "0x80048d19", "Invalid property 'nobody'"),
        (
            {"primarycontactid@odata.bind": "/accounts(00000000-0000-0000-0000-000000000001)"},
            "0x80048d19",
            "leads to contact",
        ),
        ({"statecode": 1}, "0x80040233", "cannot be created with the state code 1"),
        ({"statuscode": 2}, "0x80048408", "2 is not a valid status code for state code 0"),
    ],
)
def test_a_wrong_value(crm: Client, body: dict[str, Any], code: str, says: str) -> None:
    before = crm.get("accounts/$count").text

    answer = crm.post("accounts", {"name": "Contoso", **body})

    assert (answer.status, answer.code) == (400, code)
    assert says in answer.message
    assert crm.get("accounts/$count").text == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b'{"name": NaN}', b'{"revenue": Infinity}', b'{"revenue": -Infinity}']
)
def test_a_body_that_is_not_a_json_object(crm: Client, body: bytes) -> None:
    answer = crm.send("POST", "accounts", content=body)

    assert (answer.status, answer.code) == (400, "0x80048d19")


def test_a_number_too_big_for_its_column(crm: Client) -> None:
    for numeral in (b"1e400", b"9" * 5000, b"922337203685477.5809"):
        assert crm.send("POST", "invoices", content=b'{"name": "x", "cfl_total": %b}' % numeral).status == 400


def test_a_lookup_to_a_row_that_is_not_there(crm: Client) -> None:
    nobody = uuid4()

    answer = crm.post("accounts", {"name": "x", "primarycontactid@odata.bind": f"/contacts({nobody})"})

    assert (answer.status, answer.code) == (404, "0x80040217")
    assert answer.message == f"contact With Id = {nobody} Does Not Exist"


def test_a_second_row_with_the_same_key(crm: Client) -> None:
    fabrikam, profile = demo_id("account", "Fabrikam Fibre"), {"cfl_name": "Visa", "cfl_methodref": "pm_once"}
    body = {**profile, "cfl_accountid@odata.bind": f"/accounts({fabrikam})"}
    assert crm.post("cfl_paymentprofiles", body).status == 204

    answer = crm.post("cfl_paymentprofiles", body)

    assert (answer.status, answer.code) == (412, "0x80060892")
    assert "Entity Key" in answer.message


def test_empty_keys_do_not_clash(crm: Client) -> None:
    fabrikam = demo_id("account", "Fabrikam Fibre")
    body = {"cfl_name": "Visa", "cfl_accountid@odata.bind": f"/accounts({fabrikam})"}

    assert [crm.post("cfl_paymentprofiles", body).status for _ in range(2)] == [204, 204]


def test_what_the_platform_requires(crm: Client) -> None:
    line = crm.post("invoicedetails", {"productdescription": "no invoice"})

    assert (line.status, line.code) == (400, "0x80040200")
    assert "'invoiceid'" in line.message


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("GET", "nonsense", 404, "0x8006088A"),
        ("GET", "accounts(1)", 404, "0x8006088A"),
        ("GET", "accounts(nonsense='1')", 400, "0x80060888"),
        ("GET", "accounts(name='1')", 400, "0x80060890"),
        ("GET", "cfl_requests(cfl_key='nobody')", 404, "0x80060891"),
        ("GET", "cfl_requests(cfl_key=5)", 400, "0x80040203"),
        ("GET", "cfl_paymenttypes(cfl_number=1e9)", 400, "0x80040203"),
        ("GET", f"cfl_paymenttypes(cfl_number={'9' * 30})", 400, "0x80040203"),
        ("GET", "cfl_paymenttypes(cfl_number=77)", 404, "0x80060891"),
        ("GET", "accounts?$select=nonsense", 400, "0x80060888"),
        ("GET", "accounts?$filter=nonsense eq 1", 400, "0x80060888"),
        ("GET", "accounts?$filter=name eq", 400, "0x80060888"),
        ("GET", "accounts?$filter=name eq 5", 400, "0x80060888"),
        ("GET", "accounts?$filter=numberofemployees eq 'five'", 400, "0x80060888"),
        ("GET", "accounts?$filter=year(createdon) eq 2025", 400, "0x80060888"),
        ("GET", "accounts?$orderby=nonsense", 400, "0x80060888"),
        (
            "GET",
            "accounts?$filter=Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=999999999)",
            400,
            "0x8006088A",
        ),
        ("GET", "EntityDefinitions?$filter=contains('a','b')", 400, "0x80060888"),
        ("GET", "accounts?$orderby=name sideways", 400, "0x80060888"),
        ("GET", "accounts?$expand=nonsense", 400, "0x80060888"),
        ("GET", "accounts?$expand=primarycontactid($select=nonsense)", 400, "0x80060888"),
        ("GET", "accounts?$expand=primarycontactid($select=fullname", 400, "0x80060888"),
        ("GET", "accounts?$top=-1", 400, "0x80060888"),
        ("GET", "accounts?$skip=1", 400, "0x80060888"),
        ("GET", "accounts?$compute=revenue mul 2 as twice", 400, "0x80060888"),
        ("PUT", "accounts", 405, "0x8006088A"),
        ("POST", "accounts(00000000-0000-0000-0000-000000000001)", 405, "0x8006088A"),
        ("POST", "WhoAmI", 405, "0x8006088A"),
        ("GET", "accounts(00000000-0000-0000-0000-000000000001)/name", 404, "0x80040217"),
        ("GET", "EntityDefinitions(LogicalName='nonsense')", 404, "0x80040217"),
    ],
)
def test_an_address_or_query_that_makes_no_sense(
    crm: Client, method: str, address: str, status: int, code: str
) -> None:
    answer = crm.send(method, address, {} if method == "POST" else None)

    assert (answer.status, answer.code) == (status, code), answer.text
    assert answer.headers["content-type"].startswith("application/json")
