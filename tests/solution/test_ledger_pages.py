"""The pages of the account ledger show what the rules say they show, under the names that the rules use."""

from collections.abc import Iterator
from uuid import UUID
from xml.etree.ElementTree import Element

import pytest

from sandbox.crm.schema import Form, Schema, View

QUICK_VIEW = "{5C5600E0-1D6E-4205-A272-BE80DA87FD42}"


def form(schema: Schema, table: str, kind: str = "main") -> Form:
    return next(each for each in schema.forms if each.table == table and each.type == kind)


def label(element: Element) -> str:
    found = element.find("labels/label")
    return "" if found is None else found.get("description", "")


def tabs(schema: Schema, table: str) -> list[str]:
    return [label(tab) for tab in form(schema, table).xml.iter("tab")]


def lists(schema: Schema, table: str, tab: str = "", kind: str = "main") -> Iterator[tuple[str, View]]:
    """Title and view of every sub-grid of a form, or of one of its tabs."""
    views = {view.id: view for view in schema.views}
    for holder in form(schema, table, kind).xml.iter("tab"):
        for cell in holder.iter("cell") if label(holder) == tab or not tab else ():
            view = cell.findtext("control/parameters/ViewId")
            if view is not None:
                yield label(cell), views[UUID(view.strip("{}"))]


def headings(schema: Schema, view: View) -> list[str]:
    """As the platform writes them: a column read through a lookup names that lookup in parentheses."""
    table = schema.table(view.table)
    known = {name: column.label for name, column in table.columns.items()}
    for link in view.fetch.iter("link-entity"):
        lookup, linked = table.columns[link.get("to", "")], schema.table(link.get("name", ""))
        known |= {
            f"{link.get('alias')}.{name}": f"{column.label} ({lookup.label})"
            for name, column in linked.columns.items()
        }
    return [known[cell.get("name", "")] for cell in view.layout.iter("cell")]


# Table, tab, list, its columns, and the rules that ask for them.
SHOWN = r"""
cfl_billingaccount; Transactions; Transactions
    # | Date | Posting Date | Service | Detail | Net | Tax | Gross | Invoice ID (Invoice)
    E13 E44 E46
cfl_billingaccount; Transactions; Credits
    # | Date | Posting Date | Service | Detail | Net | Tax | Gross | Invoice ID (Invoice) \
    | Disbursed | Disbursed Amount | Undisbursed
    E73 E103 E165
cfl_billingaccount; Transactions; Payments
    # | Date | Payment Type | Amount | Detail | Automatic Disbursement | Deposit | Disbursed | Undisbursed | Refunded \
    | Invoice ID (Display Invoice)
    E52 E61 E125 E150 E165 E170
cfl_billingaccount; Transactions; Transaction Refunds
    Name | Billing Account | Date | Amount | Payment Method
    E181
cfl_billingaccount; Invoices; Invoices
    Invoice ID | Ledger State | Status Reason | Total | Payment Disbursed | Credits Disbursed | Credits Issued \
    | Payments Issued | Balance Amount | Previous Balance | Total Due
    E45 E62 E63 E64 E65 E66
cfl_billingaccount; Invoices; Payment Disbursements By Invoice
    # | Invoice ID (Invoice) | Payment | Credit | Amount | Mode
    E162
cfl_billingaccount; Tools; Card Payments
    # | Date | Payment Type | Amount | Detail | Refunded | Refunded Amount | Payment Transaction
    E173 E174
invoice; Transactions; Transactions
    # | Date | Posting Date | Service | Detail | Net | Tax | Gross | Invoice ID (Invoice)
    E44
cfl_accounttransaction; Taxes; Taxes
    Name | Tax Rate | Rate in Percent | Jurisdiction | Taxed Amount | Tax
    E26 E183
"""


def shown() -> list[tuple[str, str, str]]:
    lines = SHOWN.replace("\\\n    ", "").strip().splitlines()
    return [
        (where, columns.strip(), rules.strip())
        for where, columns, rules in zip(lines[::3], lines[1::3], lines[2::3], strict=True)
    ]


def test_a_billing_account_has_the_pages_of_the_rules(schema: Schema) -> None:
    assert tabs(schema, "cfl_billingaccount") == ["Summary", "Transactions", "Invoices", "Usage", "Tools"]


@pytest.mark.parametrize(("where", "columns", "rules"), shown())
def test_a_list_shows_the_columns_of_the_rules(where: str, columns: str, rules: str, schema: Schema) -> None:
    table, tab, title = where.split("; ")
    view = dict(lists(schema, table, tab))[title]

    assert " | ".join(headings(schema, view)) == columns, rules


@pytest.mark.parametrize(("title", "kind"), [("Transactions", "728310000"), ("Credits", "728310001")])
def test_debits_and_credits_are_apart(title: str, kind: str, schema: Schema) -> None:
    view = dict(lists(schema, "cfl_billingaccount", "Transactions"))[title]

    asked = {each.get("attribute"): each.get("value") for each in view.fetch.iter("condition")}
    assert asked == {"statecode": "0", "cfl_kind": kind}


@pytest.mark.parametrize("table", ["cfl_payment", "cfl_accounttransaction"])
def test_a_payment_and_a_credit_show_the_invoices_with_a_balance(table: str, schema: Schema) -> None:
    """E159, E160: a quick view of the billing account, whose list knows no paid and no cancelled invoice."""
    page = form(schema, table).xml
    standing = next(each for each in page.iter("control") if each.get("classid") == QUICK_VIEW)
    quick = form(schema, "cfl_billingaccount", "quick")

    assert standing.get("datafieldname") == "cfl_billingaccountid"
    assert str(quick.id) in (standing.findtext("parameters/QuickForms") or "")
    ((title, view),) = lists(schema, "cfl_billingaccount", kind="quick")
    assert title == "Open Balance Invoices"
    assert [
        (each.get("attribute"), each.get("operator"), each.get("value"))
        for each in view.fetch.iter("condition")
    ] == [
        ("statecode", "ne", "3"),
        ("statuscode", "ne", "100001"),
        ("cfl_balance", "gt", "0"),
        ("cfl_balance", "null", None),  # nothing has happened to it yet: it owes its total
    ]


def test_a_billing_account_shows_the_invoices_that_no_action_has_put_on_its_ledger_yet(
    schema: Schema,
) -> None:
    """E62: a quick view of its account, since an invoice that the CRM billed knows its customer and no ledger."""
    page = form(schema, "cfl_billingaccount").xml
    standing = next(each for each in page.iter("control") if each.get("classid") == QUICK_VIEW)
    quick = form(schema, "account", "quick")

    assert standing.get("datafieldname") == "cfl_accountid"
    assert str(quick.id) in (standing.findtext("parameters/QuickForms") or "")
    ((title, view),) = lists(schema, "account", kind="quick")
    assert title == "Invoices Not on the Ledger Yet"
    assert headings(schema, view)[:5] == ["Invoice ID", "Name", "Status Reason", "Total Amount", "Currency"]
    assert [
        (each.get("attribute"), each.get("operator"), each.get("value"))
        for each in view.fetch.iter("condition")
    ] == [("statecode", "ne", "3"), ("cfl_billingaccountid", "null", None)]


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        ("cfl_billrun", "cfl_billrunline"),
        ("cfl_chargerun", "cfl_chargerunline"),
        ("cfl_paymentbatch", "cfl_paymentbatchline"),
        ("cfl_usagecreditjob", "cfl_usagecreditjobitem"),
        ("cfl_statementrefund", "cfl_statementrefundline"),
        ("cfl_taxcode", "cfl_taxrate"),
        ("cfl_billinggroup", "cfl_billingaccount"),
    ],
)
def test_what_consists_of_lines_shows_them(table: str, lines: str, schema: Schema) -> None:
    assert lines in {view.table for _, view in lists(schema, table)}


@pytest.mark.parametrize("column", ["cfl_status", "cfl_requestid", "cfl_nextcheckon", "cfl_name"])
def test_what_the_service_writes_of_a_batch_is_locked(column: str, schema: Schema) -> None:
    (control,) = (
        each for each in form(schema, "cfl_paymentbatch").xml.iter("control") if each.get("id") == column
    )
    assert control.get("disabled") == "true"
