"""FetchXML over the Web API: columns, filters, joins, order and pages."""

from decimal import Decimal
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

import pytest

from sandbox.crm import fetchxml
from sandbox.crm.errors import ApiError
from sandbox.crm.frames import QueryContext
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
        ("<condition attribute='name' operator='like' value='%[%][_]t%'/>", ["B%_ta"]),
        ("<condition attribute='name' operator='like' value='%[[]%'/>", []),
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
        "<fetch aggregate='true'><entity name='account'><attribute name='name'/></entity></fetch>",
        "<fetch aggregate='true'><entity name='account'><attribute name='name' alias='n'/></entity></fetch>",
        "<fetch aggregate='true'><entity name='account'><attribute name='name' alias='n' aggregate='sum'/></entity></fetch>",
        (
            "<fetch aggregate='true'><entity name='account'><attribute name='name' alias='n' aggregate='count'/>"
            "<order attribute='name'/></entity></fetch>"
        ),
        "<fetch><entity name='account'><attribute name='name' alias='n' aggregate='count'/></entity></fetch>",
        "<fetch top='3' page='2'><entity name='account'/></fetch>",
        "<fetch><entity name='account'><filter><condition attribute='name' operator='eq' valueof='revenue'/></filter></entity></fetch>",
    ],
)
def test_a_fetch_that_makes_no_sense(crm: Client, xml: str) -> None:
    assert fetch(crm, xml, "accounts").status == 400


PAIR = "<link-entity name='{0}' from='{1}' to='{2}' link-type='{3}' {4}>{5}</link-entity>"


@pytest.fixture
def ledgers(crm: Client) -> Client:
    """Two accounts: Amber has two invoices (10 and 20, with a line each), Basalt has one (5) without a line."""
    for account, amounts in (("Amber", (10, 20)), ("Basalt", (5,))):
        address = crm.make("accounts", name=account, accountnumber="ledgers")
        for amount in amounts:
            invoice = crm.make(
                "invoices",
                name=f"{account} {amount}",
                description="ledgers",
                freightamount=amount,
                customerid_account__bind=f"/{address}",
            )
            if account == "Amber":
                crm.make(
                    "invoicedetails",
                    invoiceid__bind=f"/{invoice}",
                    productdescription="line",
                    quantity=1,
                    priceperunit=0,
                )
    return crm


OURS = "<filter><condition attribute='description' operator='eq' value='ledgers'/></filter>"


def test_six_levels_deep_and_back(ledgers: Client) -> None:
    """Line to invoice to account to its owner to their unit to the unit's users, one of whom made the line."""
    inner = (
        "<attribute name='fullname'/><filter><condition attribute='fullname' operator='not-null'/></filter>"
    )
    for table, far, near, alias in (
        ("systemuser", "businessunitid", "businessunitid", "f"),
        ("businessunit", "businessunitid", "businessunitid", "e"),
        ("systemuser", "systemuserid", "owninguser", "d"),
        ("account", "accountid", "customerid", "c"),
        ("invoice", "invoiceid", "invoiceid", "b"),
    ):
        own = "<attribute name='name'/>" if alias in "bc" else ""
        inner = PAIR.format(table, far, near, "inner", f"alias='{alias}'", own + inner)
    xml = (
        f"<fetch top='1'><entity name='invoicedetail'><attribute name='quantity'/>{inner}"
        "<filter><condition entityname='b' attribute='name' operator='in'>"
        "<value>Amber 20</value><value>Basalt 5</value></condition></filter></entity></fetch>"
    )

    [row] = fetch(ledgers, xml, "invoicedetails").rows

    assert (row["b.name"], row["c.name"], bool(row["f.fullname"])) == ("Amber 20", "Amber", True)


@pytest.mark.parametrize(
    ("within", "found"),
    [
        (
            (
                "<filter type='or'><condition entityname='a' attribute='name' operator='eq' value='Basalt'/>"
                "<condition attribute='name' operator='eq' value='Amber 20'/></filter>"
            ),
            ["Amber 20", "Basalt 5"],
        ),
        ("<filter><condition entityname='a' attribute='name' operator='null'/></filter>", []),
        (
            "<filter><condition entityname='l' attribute='invoicedetailid' operator='null'/></filter>",
            ["Basalt 5"],
        ),
        (
            "<filter><condition entityname='l' attribute='invoicedetailid' operator='not-null'/></filter>",
            ["Amber 10", "Amber 20"],
        ),
        (
            (
                "<filter><condition attribute='freightamount' operator='gt' valueof='totaltax'/>"
                "<condition attribute='totalamount' operator='eq' valueof='freightamount'/></filter>"
            ),
            ["Amber 10", "Amber 20", "Basalt 5"],
        ),
        ("<filter><condition attribute='name' operator='eq' valueof='a.name'/></filter>", []),
    ],
)
def test_conditions_on_what_is_joined(ledgers: Client, within: str, found: list[str]) -> None:
    links = PAIR.format("account", "accountid", "customerid", "outer", "alias='a'", "") + PAIR.format(
        "invoicedetail", "invoiceid", "invoiceid", "outer", "alias='l'", ""
    )
    xml = (
        f"<fetch><entity name='invoice'><attribute name='name'/><order attribute='name'/>{links}{OURS}{within}"
        "</entity></fetch>"
    )

    answer = fetch(ledgers, xml, "invoices")

    assert answer.status == 200, answer.text
    assert [row["name"] for row in answer.rows] == found


BIG = "<filter><condition attribute='freightamount' operator='ge' value='20'/></filter>"


@pytest.mark.parametrize(
    ("kind", "found"),
    [("exists", ["Amber"]), ("in", ["Amber"])],
)
def test_rows_that_have_a_partner_come_once(ledgers: Client, kind: str, found: list[str]) -> None:
    ours = "<filter><condition attribute='accountnumber' operator='eq' value='ledgers'/></filter>"
    lines = PAIR.format("invoicedetail", "invoiceid", "invoiceid", "inner", "", "")
    link = PAIR.format("invoice", "customerid", "accountid", kind, "", lines)

    assert accounts(ledgers, link + ours) == found


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("any", ["Amber"]),
        ("not all", ["Amber"]),
        ("not any", ["Basalt"]),
        ("all", ["Basalt"]),
    ],
)
def test_partners_within_a_filter(ledgers: Client, kind: str, found: list[str]) -> None:
    ours = "<condition attribute='accountnumber' operator='eq' value='ledgers'/>"
    link = PAIR.format("invoice", "customerid", "accountid", kind, "", BIG)

    assert accounts(ledgers, f"<filter>{ours}{link}</filter><order attribute='name'/>") == found


def sums(crm: Client, inner: str, attributes: str = "") -> list[dict[str, object]]:
    xml = f"<fetch aggregate='true' {attributes}><entity name='invoice'>{OURS}{inner}</entity></fetch>"
    answer = fetch(crm, xml, "invoices")
    assert answer.status == 200, answer.text
    return answer.rows


def test_counts_and_sums(ledgers: Client) -> None:
    [row] = sums(
        ledgers,
        "<attribute name='invoiceid' aggregate='count' alias='n'/>"
        "<attribute name='emailaddress' aggregate='countcolumn' alias='mailed'/>"
        "<attribute name='customerid' aggregate='countcolumn' distinct='true' alias='customers'/>"
        "<attribute name='totalamount' aggregate='sum' alias='total'/>"
        "<attribute name='totalamount' aggregate='avg' alias='mean'/>"
        "<attribute name='totalamount' aggregate='min' alias='least'/>"
        "<attribute name='totalamount' aggregate='max' alias='most'/>",
    )

    assert row == {
        "n": 3,
        "mailed": 0,
        "customers": 2,
        "total": 35,
        "mean": Decimal("11.666666667"),
        "least": 5,
        "most": 20,
    }


def test_the_sum_of_nothing_is_empty(crm: Client) -> None:
    [row] = sums(
        crm,
        "<attribute name='invoiceid' aggregate='count' alias='n'/>"
        "<attribute name='totalamount' aggregate='sum' alias='total'/>",
    )

    assert row == {"n": 0, "total": None}


def test_groups_in_the_order_of_an_alias(ledgers: Client) -> None:
    account = PAIR.format(
        "account",
        "accountid",
        "customerid",
        "inner",
        "alias='a'",
        "<attribute name='name' groupby='true' alias='who'/>",
    )
    inner = f"<attribute name='totalamount' aggregate='sum' alias='total'/>{account}"

    assert sums(ledgers, f"{inner}<order alias='total' descending='true'/>") == [
        {"total": 30, "who": "Amber"},
        {"total": 5, "who": "Basalt"},
    ]
    assert sums(ledgers, f"{inner}<order alias='total'/>", "top='1'") == [{"total": 5, "who": "Basalt"}]


def test_groups_of_a_lookup_a_choice_and_a_year_say_what_people_see(ledgers: Client) -> None:
    xml = f"""<fetch aggregate='true'><entity name='invoice'>{OURS}
      <attribute name='customerid' groupby='true' alias='who'/><attribute name='statuscode' groupby='true' alias='state'/>
      <attribute name='createdon' groupby='true' dategrouping='year' alias='year'/>
      <attribute name='invoiceid' aggregate='count' alias='n'/><order alias='n'/></entity></fetch>"""

    first, second = fetch(ledgers, xml, "invoices", prefer='odata.include-annotations="*"').rows

    assert [first["n"], second["n"]] == [1, 2]
    assert first["who@OData.Community.Display.V1.FormattedValue"] == "Basalt"
    assert first["who@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    assert first["state@OData.Community.Display.V1.FormattedValue"] == "New"
    assert first["year"] == ledgers.world.crm.clock.now().year


def test_distinct_rows_are_those_of_the_columns_asked_for(ledgers: Client) -> None:
    xml = (
        f"<fetch distinct='true'><entity name='invoice'><attribute name='customerid'/>{OURS}"
        "<order attribute='customerid'/></entity></fetch>"
    )

    rows = fetch(ledgers, xml, "invoices").rows

    assert len(rows) == 2
    assert "invoiceid" not in rows[0]
    assert "@odata.etag" not in rows[0]


def test_columns_under_an_alias_of_their_own(ledgers: Client) -> None:
    link = PAIR.format(
        "account",
        "accountid",
        "customerid",
        "inner",
        "alias='a'",
        "<attribute name='name' alias='who'/><attribute name='ownerid'/>",
    )
    xml = (
        f"<fetch><entity name='invoice'><attribute name='name' alias='title'/>{link}{OURS}<order attribute='name'/>"
        "</entity></fetch>"
    )

    row = fetch(ledgers, xml, "invoices", prefer='odata.include-annotations="*"').rows[0]

    assert (row["title"], row["who"]) == ("Amber 10", "Amber")
    assert row["a.ownerid@Microsoft.Dynamics.CRM.lookuplogicalname"] == "systemuser"
    assert row["a.ownerid@OData.Community.Display.V1.FormattedValue"]


def test_all_rows_are_counted_when_that_is_asked_for(ledgers: Client) -> None:
    xml = (
        "<fetch count='2' page='1' returntotalrecordcount='true'><entity name='invoice'><attribute name='name'/>"
        f"{OURS}</entity></fetch>"
    )

    answer = fetch(ledgers, xml, "invoices", prefer='odata.include-annotations="*"').json

    assert len(answer["value"]) == 2
    assert answer["@Microsoft.Dynamics.CRM.totalrecordcount"] == 3
    assert answer["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is False


def test_only_rows_that_may_be_read_are_counted(ledgers: Client) -> None:
    """Rows of another unit, for who reads their own unit's only."""
    xml = "<fetch aggregate='true'><entity name='invoice'><attribute name='invoiceid' aggregate='count' alias='n'/></entity></fetch>"
    everything = fetch(ledgers, xml, "invoices").rows[0]["n"]
    listed = ledgers.acting_as("biller").get("invoices?$select=invoiceid").rows

    assert fetch(ledgers.acting_as("biller"), xml, "invoices").rows[0]["n"] == len(listed) <= everything


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("<link-entity name='account' from='accountid' to='accountid'/>" * 16, "0x8004430D"),
        ("<filter>" + "<condition attribute='name' operator='null'/>" * 501 + "</filter>", "0x8004430C"),
        (
            "<filter><condition attribute='name' operator='in'>"
            + "<value>a</value>" * 2001
            + "</condition></filter>",
            "0x8004430E",
        ),
    ],
)
def test_a_query_can_be_too_large(crm: Client, inner: str, code: str) -> None:
    xml = f"<fetch><entity name='account'><attribute name='name'/>{inner}</entity></fetch>"
    actor = crm.world.crm.security.actor(demo_id("systemuser", "admin"))

    with pytest.raises(ApiError) as refusal:
        fetchxml.run(QueryContext(crm.world.crm.store, crm.world.crm.security, actor), ET.fromstring(xml))  # noqa: S314  our own

    assert (refusal.value.status, refusal.value.code) == (400, code)


def test_every_joined_table_must_be_readable(crm: Client) -> None:
    xml = (
        "<fetch><entity name='sdkmessage'><attribute name='name'/><link-entity name='sdkmessageprocessingstep' "
        "from='sdkmessageid' to='sdkmessageid' link-type='outer' alias='s'/></entity></fetch>"
    )

    assert fetch(crm, xml, "sdkmessages").status == 200
    assert fetch(crm.acting_as("reader"), xml, "sdkmessages").status == 403
