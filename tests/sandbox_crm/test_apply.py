"""$apply: rows counted, added up and grouped."""

from decimal import Decimal
from urllib.parse import quote

import pytest

from tests.sandbox_crm.client import Client


@pytest.fixture
def invoices(crm: Client) -> Client:
    """Amber has invoices of 10 and 20, Basalt one of 5."""
    for account, amounts in (("Amber", (10, 20)), ("Basalt", (5,))):
        address = crm.make("accounts", name=account)
        for amount in amounts:
            crm.make(
                "invoices",
                name=account,
                description="apply",
                freightamount=amount,
                customerid_account__bind=f"/{address}",
            )
    return crm


def applied(crm: Client, text: str) -> list[dict[str, object]]:
    answer = crm.get(f"invoices?$apply={quote(text)}")
    assert answer.status == 200, answer.text
    return answer.rows


OURS = "filter(description eq 'apply')"


def test_counts_and_sums(invoices: Client) -> None:
    measures = (
        "$count as n,totalamount with sum as total,totalamount with average as mean,"
        "totalamount with min as least,totalamount with max as most,name with countdistinct as names"
    )

    assert applied(invoices, f"{OURS}/aggregate({measures})") == [
        {"n": 3, "total": 35, "mean": Decimal("11.666666667"), "least": 5, "most": 20, "names": 2}
    ]


def test_groups(invoices: Client) -> None:
    assert applied(
        invoices, f"{OURS}/groupby((name,statuscode),aggregate(totalamount with sum as total))"
    ) == [{"name": "Amber", "statuscode": 1, "total": 30}, {"name": "Basalt", "statuscode": 1, "total": 5}]
    assert applied(invoices, f"{OURS}/groupby((customerid_account/name))") == [
        {"customerid_account_name": "Amber"},
        {"customerid_account_name": "Basalt"},
    ]


def test_nothing_comes_to_nothing(crm: Client) -> None:
    assert applied(crm, f"{OURS}/aggregate($count as n,totalamount with sum as total)") == [
        {"n": 0, "total": None}
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "aggregate()",
        "topcount(2,totalamount)",
        "aggregate(totalamount)",
        "aggregate(name with sum as n)",
        "aggregate(nonsense with sum as n)",
        "groupby((nonsense))",
        "groupby((name),filter(name eq 'a'))",
        "filter(name eq 'a')",
        "aggregate($count as n",
    ],
)
def test_what_makes_no_sense_is_refused(crm: Client, text: str) -> None:
    assert crm.get(f"invoices?$apply={quote(text)}").status == 400


def test_only_rows_that_may_be_read_count(invoices: Client) -> None:
    listed = invoices.acting_as("reader").get("invoices?$select=name").rows

    [row] = applied(invoices.acting_as("reader"), "aggregate($count as n)")
    assert row["n"] == len(listed)
