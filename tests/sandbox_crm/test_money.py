"""Amounts and decimals are exact from the wire to the row and back, with the organisation's own currency beside them."""

import pytest

from tests.sandbox_crm.client import Client, demo_id


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("0.1", "0.1000"),
        ("0.3", "0.3000"),
        ("1250", "1250.0000"),
        ("99999999999.99", "99999999999.9900"),
        ("1e2", "100.0000"),
        ("0", "0.0000"),
    ],
)
def test_an_amount_comes_back_with_four_decimals(crm: Client, sent: str, read: str) -> None:
    content = f'{{"name": "x", "revenue": {sent}}}'.encode()

    made = crm.send("POST", "accounts?$select=revenue", content=content, prefer="return=representation")

    assert f'"revenue":{read},' in made.text


def test_no_cent_is_lost_at_the_limits(crm: Client) -> None:
    invoice = f"invoices({demo_id('invoice', 'INV-1001')})"

    crm.send("PATCH", invoice, content=b'{"cfl_balance": 99999999999.99, "cfl_pendingamount": 0.01}')

    text = crm.get(f"{invoice}?$select=cfl_balance,cfl_pendingamount").text
    assert '"cfl_balance":99999999999.9900' in text
    assert '"cfl_pendingamount":0.0100' in text


def test_amounts_compare_as_numbers(crm: Client) -> None:
    for name, revenue in (("A", 9), ("B", 10), ("C", 100), ("D", 100.5)):
        crm.make("accounts", name=name, revenue=revenue, accountnumber="money")
    ours = "accounts?$select=name&$orderby=revenue desc&$filter=accountnumber eq 'money' and revenue"

    def found(condition: str) -> list[str]:
        return [row["name"] for row in crm.get(f"{ours} {condition}").rows]

    assert found("gt 9.99") == ["D", "C", "B"]
    assert found("eq 100") == ["C"]
    assert found("eq 100.00001") == []
    assert found("ge 100.00001") == ["D"]
    assert found("lt 100.00001") == ["C", "B", "A"]
    assert found("ne 100.5") == ["C", "B", "A"]


def test_the_currency_comes_with_an_amount(crm: Client) -> None:
    address = crm.make("accounts", name="Contoso", revenue=12.5)

    row = crm.get(f"{address}?$select=revenue").json

    usd = str(demo_id("transactioncurrency", "USD"))
    assert row["_transactioncurrencyid_value"] == usd, "always selected along with an amount"
    whole = crm.get(address).json
    assert whole["revenue_base"] == whole["revenue"]
    assert "_transactioncurrencyid_value" not in crm.get(f"{address}?$select=name").json


def test_the_base_amount_follows_the_exchange_rate(crm: Client) -> None:
    euro = demo_id("transactioncurrency", "EUR")
    rate = crm.get(f"transactioncurrencies({euro})").json["exchangerate"]
    address = crm.make(
        "accounts", name="Contoso", revenue=100, transactioncurrencyid__bind=f"/transactioncurrencies({euro})"
    )

    row = crm.get(address).json

    assert row["exchangerate"] == rate
    assert row["revenue_base"] == round(row["revenue"] / rate, 4)
    crm.patch(
        address,
        {
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({demo_id('transactioncurrency', 'USD')})"
        },
    )
    again = crm.get(address).json
    assert (again["exchangerate"], again["revenue_base"]) == (1, 100)


def test_base_amounts_and_rates_cannot_be_written(crm: Client) -> None:
    address = crm.make("accounts", name="Contoso", revenue=100, revenue_base=7, exchangerate=3)

    row = crm.get(address).json

    assert (row["revenue_base"], row["exchangerate"]) == (100, 1)


def test_amounts_are_rounded_to_the_currency(crm: Client) -> None:
    yen = demo_id("transactioncurrency", "JPY")
    in_yen = crm.make(
        "accounts", name="A", revenue=100.5, transactioncurrencyid__bind=f"/transactioncurrencies({yen})"
    )
    in_dollars = crm.make("accounts", name="B", revenue=100.125)

    assert crm.get(in_yen).json["revenue"] == 100
    assert str(crm.get(in_dollars).json["revenue"]) == "100.1200"


def test_what_people_see_of_an_amount(crm: Client) -> None:
    invoice = f"invoices({demo_id('invoice', 'INV-1008')})?$select=totalamount,totalamount_base"

    row = crm.get(
        invoice, prefer='odata.include-annotations="OData.Community.Display.V1.FormattedValue"'
    ).json

    shown = "totalamount@OData.Community.Display.V1.FormattedValue"
    assert row[shown] == "¥12,500"
    assert row["_transactioncurrencyid_value@OData.Community.Display.V1.FormattedValue"] == "Yen"
    assert "@Microsoft.Dynamics.CRM" not in str(row)
