"""What nobody can do to the ledger by hand, whatever their role, and what is set up by hand."""

import pytest

from sandbox.demo.story import row_id
from sandbox.world import World
from tests.in_process import as_service, signed_in
from tests.pages.conftest import cells, visit

EVERYBODY = ["reader", "biller", "manager"]


def api(world: World, path: str) -> str:
    return f"{world.addresses.crm}/api/data/v9.2/{path}"


@pytest.fixture
def debit(world: World) -> str:
    """The address of a debit of the demo."""
    rows = world.crm.store.select(world.crm.schema.table("cfl_accounttransaction"))
    stored = next(each for each in rows if each["cfl_kind"] == 728310000)
    return api(world, f"cfl_accounttransactions({stored['cfl_accounttransactionid']})")


def test_a_debit_cannot_be_deleted(world: World, debit: str) -> None:  # E29
    with as_service(world) as service:
        answers = [service.delete(debit)]
        for login in EVERYBODY:
            with signed_in(world, login) as person:
                answers.append(person.delete(debit))

        assert [answer.status_code for answer in answers] == [403] * 4
        assert service.get(debit).status_code == 200


@pytest.mark.parametrize("login", EVERYBODY)
def test_nobody_chooses_the_invoice_that_a_payment_or_credit_is_displayed_on(  # E52
    world: World, login: str, debit: str
) -> None:
    payment = world.crm.store.select(world.crm.schema.table("cfl_payment"))[0]
    address = api(world, f"cfl_payments({payment['cfl_paymentid']})")
    invoice = f"/invoices({row_id('invoice', 'INV-1001')})"

    with signed_in(world, login) as person:
        of_payment = person.patch(address, json={"cfl_displayinvoiceid@odata.bind": invoice})
        of_row = person.patch(debit, json={"cfl_invoiceid@odata.bind": invoice})

    assert (of_payment.status_code, of_row.status_code) == (403, 403)


def test_payment_types_are_kept_in_the_set_up_each_with_a_backend(world: World) -> None:  # E136 E137
    new = {"cfl_name": "Voucher", "cfl_number": 9, "cfl_backend": 728310004}

    with signed_in(world, "manager") as manager, signed_in(world, "biller") as biller:
        made = manager.post(api(world, "cfl_paymenttypes"), json=new)
        refused = biller.post(api(world, "cfl_paymenttypes"), json=new | {"cfl_number": 10})

    assert (made.status_code, refused.status_code) == (204, 403)
    listed = cells(visit(world, "manager").list("cfl_paymenttype"))
    assert {"Credit Card", "ACH", "Check", "Cash", "Other"} <= {cell for row in listed for cell in row}
