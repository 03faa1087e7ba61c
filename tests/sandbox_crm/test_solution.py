"""The schema is read from the solution that ships; what the platform could not import is refused with its place."""

from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.crm import solution
from sandbox.crm.schema import Cascade, Kind, Schema
from sandbox.crm.solution import SolutionError
from tests.sandbox_crm.changed_solution import copied


def test_tables_of_the_solution(schema: Schema) -> None:
    transaction = schema.table("cfl_paymenttransaction")

    assert transaction.entity_set == "cfl_paymenttransactions"
    assert (transaction.primary_key, transaction.primary_name) == ("cfl_paymenttransactionid", "cfl_name")
    assert (transaction.ownership, transaction.custom, transaction.change_tracking) == (
        "UserOwned",
        True,
        True,
    )
    amount = transaction.column("cfl_amount")
    assert (amount.kind, amount.precision_source) == (Kind.MONEY, 2)
    assert transaction.column("cfl_amount_base").calculation_of == "cfl_amount"
    assert transaction.column("cfl_name").autonumber == "PT-{SEQNUM:6}"
    assert transaction.column("cfl_gatewayreference").max_length == 255
    assert transaction.key_of(["cfl_gatewayreference"]) is not None
    reasons = transaction.column("statuscode").options
    assert reasons is not None
    assert {option.label: (option.state, option.value) for option in reasons.options} == {
        "Pending": (0, 1),
        "Succeeded": (0, 728310000),
        "Failed": (1, 2),
        "Cancelled": (1, 728310001),
    }


def test_columns_of_ours_on_a_standard_table(schema: Schema) -> None:
    invoice = schema.table("invoice")

    assert invoice.column("totalamount").creatable is False
    assert invoice.column("cfl_balance").custom
    assert invoice.column("cfl_billingcontractid").targets == ("cfl_billingcontract",)
    assert invoice.read_only_states == {2, 3}


def test_both_ends_of_a_relationship(schema: Schema) -> None:
    disbursement, invoice = schema.table("cfl_disbursement"), schema.table("invoice")

    [relationship] = disbursement.lookups["cfl_invoiceid"]
    assert (relationship.parent, relationship.on_delete) == ("invoice", Cascade.RESTRICT)
    assert invoice.collections[relationship.collection_navigation] is relationship
    assert (
        schema.table("account").collections["invoice_customer_accounts"].lookup_navigation
        == "customerid_account"
    )
    assert len(disbursement.lookups["ownerid"]) == 2


def test_what_every_table_has(schema: Schema) -> None:
    for table in schema:
        if not table.intersect:
            assert {"createdon", "modifiedby", "versionnumber"} <= set(table.columns), table.name
        assert ("ownerid" in table.columns) == table.user_owned, table.name
        for column in table.columns.values():
            if column.kind is Kind.MONEY and not column.calculation_of:
                assert f"{column.name}_base" in table.columns


def test_numbers_fit_their_columns_exactly(schema: Schema) -> None:
    rate = schema.table("cfl_payment").column("exchangerate")

    assert rate.precision in {10, 12}
    assert rate.minimum is None or rate.minimum <= Decimal("1e-10")


def test_what_is_built_on_the_tables(schema: Schema) -> None:
    assert {"cfl_ChargeInvoice", "cfl_CheckRequest"} <= set(schema.custom_apis)
    charge = schema.custom_apis["cfl_ChargeInvoice"]
    assert (charge.binding, charge.bound_table, charge.privilege) == (1, "invoice", "prvCreatecfl_maycharge")
    assert {one.name: one.optional for one in charge.parameters}["RequestKey"] is False
    assert {role.name for role in schema.roles} >= {"Counterfoil Biller", "Counterfoil Service"}
    assert [form for form in schema.forms if form.table == "invoice" and form.type == "main"]
    assert [view for view in schema.views if view.table == "cfl_paymenttransaction"]
    assert "invoice" in schema.ribbons
    assert schema.web_resources["cfl_/charge.html"].mime.startswith("text/html")
    assert schema.apps
    assert schema.site_maps
    assert schema.solution_name == "Counterfoil"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("Entities/cfl_payment/Entity.xml", "<Type>money</Type>", "<Type>gold</Type>", "unknown type gold"),
        ("Entities/cfl_payment/Entity.xml", "</Entity>", "", "Entity.xml"),
        (
            "Other/Relationships/Invoice.xml",
            "cfl_disbursement</Referencing",
            "cfl_nothing</Referencing",
            "which is not there",
        ),
        ("Other/Relationships/cfl_billingcontract.xml", "", "<EntityRelationships />", "has no relationship"),
    ],
)
def test_a_folder_that_cannot_be_imported(tmp_path: Path, file: str, old: str, new: str, says: str) -> None:
    folder = copied(tmp_path)
    path = folder / file
    path.write_text(path.read_text().replace(old, new) if old else new)

    with pytest.raises(SolutionError, match=says):
        solution.load(folder)
