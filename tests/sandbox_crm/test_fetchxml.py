"""FetchXML over the Web API: columns, filters, joins, order and pages."""

from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

import pytest

from tests.sandbox_crm.client import Answer, Client, demo_id

NESTED = """<filter type='or'><condition attribute='name' operator='eq' value='Alpha'/>
<filter type='and'><condition attribute='name' operator='like' value='a%'/>
<condition attribute='numberofemployees' operator='gt' value='10'/></filter></filter>"""
INVOICE = demo_id("invoice", "INV-1001")


def fetch(crm: Client, xml: str, entity_set: str, **headers: str) -> Answer:
    return crm.get(f"{entity_set}?fetchXml={quote(xml)}", **headers)


def accounts(crm: Client, inner: str, attributes: str = "") -> list[str]:
    xml = f"<fetch {attributes}><entity name='account'><attribute name='name'/>{inner}</entity></fetch>"
    answer = fetch(crm, xml, "accounts")
    assert answer.status == 200, answer.text
    return [row["name"] for row in answer.rows]


def test_a_ledger_is_found_from_its_invoice(crm: Client) -> None:
    xml = f"""<fetch><entity name="cfl_billingaccount"><all-attributes/>
      <link-entity name="account" from="accountid" to="cfl_accountid" link-type="inner" alias="a"><attribute name="name"/>
        <link-entity name="invoice" from="customerid" to="accountid" link-type="inner" alias="i">
          <attribute name="invoicenumber"/>
          <filter><condition attribute="invoiceid" operator="eq" value="{INVOICE}"/></filter>
        </link-entity></link-entity></entity></fetch>"""

    [row] = fetch(crm, xml, "cfl_billingaccounts").rows

    assert row["@odata.etag"] == crm.etag(f"cfl_billingaccounts({row['cfl_billingaccountid']})"), (
        "a root row: the lock"
    )
    assert (row["a.name"], row["i.invoicenumber"]) == ("Fabrikam Fibre", "INV-1001")
    assert row["_transactioncurrencyid_value"] == str(demo_id("transactioncurrency", "USD"))


@pytest.fixture
def few(crm: Client) -> Client:
    for name, employees in (("Alpha", 5), ("alpha two", 50), ("B%_ta", None), ("Gamma", 7)):
        crm.make("accounts", name=name, numberofemployees=employees, accountnumber="few")
    return crm


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("<condition attribute='name' operator='eq' value='ALPHA'/>", ["Alpha"]),
        ("<condition attribute='name' operator='ne' value='Alpha'/>", ["alpha two", "B%_ta", "Gamma"]),
        ("<condition attribute='name' operator='like' value='alpha%'/>", ["Alpha", "alpha two"]),
        ("<condition attribute='name' operator='not-like' value='%a'/>", ["alpha two"]),
        ("<condition attribute='name' operator='begins-with' value='B%_'/>", ["B%_ta"]),
        ("<condition attribute='numberofemployees' operator='null'/>", ["B%_ta"]),
        ("<condition attribute='numberofemployees' operator='not-null'/>", ["Alpha", "alpha two", "Gamma"]),
        ("<condition attribute='numberofemployees' operator='ge' value='7'/>", ["alpha two", "Gamma"]),
        ("<condition attribute='numberofemployees' operator='lt' value='7'/>", ["Alpha"]),
        (
            "<condition attribute='numberofemployees' operator='in'><value>5</value><value>7</value></condition>",
            ["Alpha", "Gamma"],
        ),
        (
            "<condition attribute='numberofemployees' operator='not-in'><value>5</value></condition>",
            ["alpha two", "B%_ta", "Gamma"],
        ),
        (
            "<condition attribute='createdon' operator='on-or-after' value='2020-01-01'/>",
            ["Alpha", "alpha two", "B%_ta", "Gamma"],
        ),
        ("<condition attribute='createdon' operator='on-or-before' value='2020-01-01'/>", []),
        (
            "<condition attribute='createdon' operator='last-x-days' value='1'/>",
            ["Alpha", "alpha two", "B%_ta", "Gamma"],
        ),
        ("<condition attribute='createdon' operator='today'/>", ["Alpha", "alpha two", "B%_ta", "Gamma"]),
        ("<condition attribute='createdon' operator='older-than-x-days' value='1'/>", []),
        ("<condition attribute='ownerid' operator='eq-userid'/>", ["Alpha", "alpha two", "B%_ta", "Gamma"]),
        ("<condition attribute='ownerid' operator='ne-userid'/>", []),
        (
            "<condition attribute='statecode' operator='eq' value='0'/>",
            ["Alpha", "alpha two", "B%_ta", "Gamma"],
        ),
        (
            NESTED,
            ["Alpha", "alpha two"],
        ),
    ],
)
def test_conditions(few: Client, condition: str, found: list[str]) -> None:
    ours = "<condition attribute='accountnumber' operator='eq' value='few'/>"

    assert accounts(few, f"<filter>{ours}{condition}</filter><order attribute='name'/>") == found


def test_outer_joins_keep_rows_without_a_partner(few: Client) -> None:
    link = "<link-entity name='invoice' from='customerid' to='accountid' link-type='{}' alias='i'/>"
    ours = "<filter><condition attribute='accountnumber' operator='eq' value='few'/></filter>"
    lonely = "<filter><condition entityname='i' attribute='invoiceid' operator='null'/></filter>"

    assert accounts(few, link.format("inner") + ours) == []
    assert len(accounts(few, link.format("outer") + ours + lonely)) == 4


def test_order_top_and_distinct(few: Client) -> None:
    ours = "<filter><condition attribute='accountnumber' operator='eq' value='few'/></filter>"

    assert accounts(few, f"{ours}<order attribute='numberofemployees' descending='true'/>", "top='2'") == [
        "alpha two",
        "Gamma",
    ]
    assert len(accounts(few, ours, "distinct='true'")) == 4


def test_pages_with_the_cookie_that_clients_read(few: Client) -> None:
    annotations = 'odata.include-annotations="Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords"'
    xml = (
        "<fetch count='3' page='{}'{}><entity name='account'><attribute name='name'/><order attribute='name'/>"
        "<filter><condition attribute='accountnumber' operator='eq' value='few'/></filter></entity></fetch>"
    )

    first = fetch(few, xml.format(1, ""), "accounts", prefer=annotations)
    cookie = ET.fromstring(first.json["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"])  # noqa: S314  the sandbox's own
    inner = unquote(unquote(cookie.get("pagingcookie", "")))
    second = fetch(
        few,
        xml.format(cookie.get("pagenumber"), f" paging-cookie={quote(inner)!r}"),
        "accounts",
        prefer=annotations,
    )

    assert first.json["@Microsoft.Dynamics.CRM.morerecords"] is True
    assert inner.startswith("<cookie page=")
    assert [row["name"] for row in first.rows + second.rows] == ["Alpha", "alpha two", "B%_ta", "Gamma"]
    assert second.json["@Microsoft.Dynamics.CRM.morerecords"] is False
    assert "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie" not in second.json


def test_annotations(crm: Client) -> None:
    xml = f"""<fetch><entity name="invoice"><attribute name="customerid"/><attribute name="totalamount"/>
      <filter><condition attribute="invoiceid" operator="eq" value="{INVOICE}"/></filter></entity></fetch>"""

    [row] = fetch(crm, xml, "invoices", prefer='odata.include-annotations="*"').rows

    assert row["_customerid_value@OData.Community.Display.V1.FormattedValue"] == "Fabrikam Fibre"
    assert row["_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    assert row["totalamount@OData.Community.Display.V1.FormattedValue"] == "$1,250.00"


@pytest.mark.parametrize(
    "xml",
    [
        "<fetch",
        "<fetch/>",
        "<fetch><entity name='nonsense'/></fetch>",
        "<fetch><entity name='contact'/></fetch>",
        "<fetch><entity name='account'><attribute name='nonsense'/></entity></fetch>",
        "<fetch><entity name='account'><filter><condition attribute='name' operator='nonsense'/></filter></entity></fetch>",
        "<fetch><entity name='account'><filter><condition attribute='name' operator='eq'/></filter></entity></fetch>",
        "<fetch><entity name='account'><filter><condition attribute='name' entityname='x' operator='null'/></filter></entity></fetch>",
        "<fetch><entity name='account'><link-entity name='contact' from='contactid' to='accountid' link-type='any'/></entity></fetch>",
        "<fetch count='x'><entity name='account'/></fetch>",
        "<fetch aggregate='true'><entity name='account'/></fetch>",
    ],
)
def test_a_fetch_that_makes_no_sense(crm: Client, xml: str) -> None:
    assert fetch(crm, xml, "accounts").status == 400


def test_every_joined_table_must_be_readable(crm: Client) -> None:
    xml = (
        "<fetch><entity name='sdkmessage'><attribute name='name'/><link-entity name='sdkmessageprocessingstep' "
        "from='sdkmessageid' to='sdkmessageid' link-type='outer' alias='s'/></entity></fetch>"
    )

    assert fetch(crm, xml, "sdkmessages").status == 200
    assert fetch(crm.acting_as("reader"), xml, "sdkmessages").status == 403
