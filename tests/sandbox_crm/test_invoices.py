"""Invoices made through the Web API: their number, their totals, and what a changeset may do with a new one."""

import json
from decimal import Decimal
from uuid import uuid4

import pytest

from tests.sandbox_crm.client import Client, demo_id
from tests.sandbox_crm.multipart import answers, batch, changeset, inner, inside, write

TOTALS = "totalamount,totallineitemamount,totaltax,totaldiscountamount,totalamountlessfreight"


@pytest.fixture
def customer() -> str:
    return f"/accounts({demo_id('account', 'Fabrikam Fibre')})"


@pytest.fixture
def invoice(crm: Client, customer: str) -> str:
    return crm.make("invoices", name="November", customerid_account__bind=customer)


def total(crm: Client, invoice: str) -> Decimal:
    found: Decimal = crm.get(f"{invoice}?$select=totalamount").json["totalamount"]
    return found


def together(crm: Client, *operations: tuple[str, str, dict[str, object], str]) -> list[int]:
    """The statuses of one changeset: method, address, body and If-Match of each operation."""
    parts = [
        write(method, address, json.dumps(body), str(place), f"If-Match: {match}" if match else "")
        for place, (method, address, body, match) in enumerate(operations, start=1)
    ]
    [answer] = answers(batch(crm, [changeset(parts)]))
    return [inner(part)[0] for part in inside(answer)] if answer.is_multipart() else [inner(answer)[0]]


def line(crm: Client, invoice: str, **columns: object) -> str:
    given = {"isproductoverridden": True, "productdescription": "Support", **columns}
    return crm.make("invoicedetails", invoiceid__bind=f"/{invoice}", **given)


def test_a_new_invoice_has_a_number_and_totals_of_nothing(crm: Client, invoice: str) -> None:
    row = crm.get(invoice).json

    assert row["invoicenumber"].startswith("INV-")
    assert {row[name] for name in TOTALS.split(",")} == {0}
    assert (row["statecode"], row["statuscode"]) == (0, 1)
    assert row["_accountid_value"] == row["_customerid_value"]


def test_numbers_differ(crm: Client, customer: str) -> None:
    made = [crm.make("invoices", name="x", customerid_account__bind=customer) for _ in range(5)]

    assert len({crm.get(each).json["invoicenumber"] for each in made}) == 5


def test_totals_cannot_be_written(crm: Client, customer: str) -> None:
    invoice = crm.make("invoices", name="x", customerid_account__bind=customer, totalamount=500)
    crm.patch(invoice, {"totalamount": 700})

    assert total(crm, invoice) == 0


def test_totals_follow_the_lines(crm: Client, invoice: str) -> None:
    first = line(crm, invoice, quantity=2, priceperunit=50)
    line(crm, invoice, quantity=1, priceperunit=25.5, tax=3.32, manualdiscountamount=5.5)
    crm.patch(invoice, {"freightamount": 10})

    assert crm.get(first).json["extendedamount"] == 100
    row = crm.get(f"{invoice}?$select={TOTALS}").json
    assert (row["totallineitemamount"], row["totaltax"]) == (120, Decimal("3.32"))
    assert (row["totalamountlessfreight"], row["totalamount"]) == (120, Decimal("133.32"))
    crm.patch(first, {"quantity": 1})
    assert total(crm, invoice) == Decimal("83.32")
    crm.delete(first)
    assert total(crm, invoice) == Decimal("33.32")
    crm.patch(invoice, {"discountpercentage": 50})
    assert total(crm, invoice) == Decimal("23.32")


def test_another_version_comes_with_other_totals(crm: Client, invoice: str) -> None:
    etag = crm.etag(invoice)
    line(crm, invoice, quantity=1, priceperunit=1)

    assert crm.patch(invoice, {"name": "Late"}, if_match=etag).status == 412


def test_the_totals_of_the_demo_s_invoices_are_what_their_lines_make(crm: Client) -> None:
    rows = crm.get(
        "invoices?$select=invoicenumber,totalamount&$expand=invoice_details($select=extendedamount)"
    ).rows

    for row in rows:
        lines = sum((each["extendedamount"] for each in row["invoice_details"]), Decimal(0))
        assert row["totalamount"] == lines, row["invoicenumber"]


def test_an_invoice_cannot_start_paid(crm: Client, customer: str) -> None:
    body = {"name": "x", "customerid_account@odata.bind": customer}

    assert crm.post("invoices", body | {"statecode": 2, "statuscode": 100001}).code == "0x80040233"
    assert crm.post("invoices", body | {"statuscode": 100001}).code == "0x80048408"
    assert crm.post("invoices", body | {"statuscode": 4}).status == 204


@pytest.mark.parametrize("match", ["", "*"])
def test_a_changeset_goes_on_with_the_invoice_it_made(crm: Client, customer: str, match: str) -> None:
    """The lock first, the new invoice, then the ledger's lookup to it and a last change of the invoice itself."""
    new, ledger = uuid4(), _ledger(crm)
    answer = together(
        crm,
        ("PATCH", ledger, {"cfl_version": 2}, crm.etag(ledger)),
        (
            "POST",
            "invoices",
            {"invoiceid": str(new), "name": "November", "customerid_account@odata.bind": customer},
            "",
        ),
        ("PATCH", ledger, {"cfl_openinvoiceid@odata.bind": f"/invoices({new})"}, "*"),
        (
            "PATCH",
            f"invoices({new})",
            {"cfl_billingaccountid@odata.bind": f"/{ledger}", "cfl_balance": 0},
            match,
        ),
    )

    assert answer == [204] * 4
    row = crm.get(f"invoices({new})").json
    assert row["_cfl_billingaccountid_value"] in ledger
    assert row["invoicenumber"]
    assert crm.get(ledger).json["_cfl_openinvoiceid_value"] == str(new)


def test_a_new_invoice_is_referred_to_by_its_place_in_the_changeset(crm: Client, customer: str) -> None:
    ledger = _ledger(crm)
    answer = together(
        crm,
        ("POST", "invoices", {"name": "November", "customerid_account@odata.bind": customer}, ""),
        ("PATCH", ledger, {"cfl_openinvoiceid@odata.bind": "$1"}, ""),
        ("PATCH", "$1", {"cfl_balance": 7}, "*"),
    )

    assert answer == [204] * 3
    opened = crm.get(ledger).json["_cfl_openinvoiceid_value"]
    assert crm.get(f"invoices({opened})").json["cfl_balance"] == 7


def test_nothing_of_a_changeset_stays_when_its_invoice_is_refused(crm: Client, customer: str) -> None:
    new, ledger = uuid4(), _ledger(crm)
    etag = crm.etag(ledger)
    answer = together(
        crm,
        (
            "POST",
            "invoices",
            {"invoiceid": str(new), "name": "x", "customerid_account@odata.bind": customer},
            "",
        ),
        ("PATCH", ledger, {"cfl_version": 2}, 'W/"1"'),
    )

    assert answer == [412]
    assert crm.get(f"invoices({new})").status == 404
    assert crm.etag(ledger) == etag


def _ledger(crm: Client) -> str:
    [row, *_] = crm.get("cfl_billingaccounts?$select=cfl_billingaccountid&$top=1").rows
    return f"cfl_billingaccounts({row['cfl_billingaccountid']})"
