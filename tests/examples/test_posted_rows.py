"""What people cannot do to posted rows on the local CRM, whatever their role: only the service writes them."""

from collections.abc import Iterator

import pytest

from sandbox.world import World
from tests.examples.billing_office import BillingOffice
from tests.examples.over_http import HttpStage
from tests.in_process import signed_in


@pytest.fixture
def stage(telling: World) -> Iterator[HttpStage]:
    made = HttpStage(telling)
    yield made
    made.close()


@pytest.mark.parametrize("person", ["biller", "manager"])
def test_posted_rows_are_neither_edited_nor_deleted_by_hand(stage: HttpStage, person: str) -> None:
    # E29 E52 I29
    office = BillingOffice(stage)
    office.bill("100.00")
    office.add_payment("40.00")
    office.add_debit("20.00")
    rows = {
        f"cfl_accounttransactions({office.transaction('D1').id})": {"cfl_detail": "never mind"},
        f"cfl_payments({office.payment('P1').id})": {
            "cfl_displayinvoiceid@odata.bind": f"/invoices({office.invoice('I1').id})"
        },
        f"cfl_disbursements({office.disbursement('P1', 'I1').id})": {"cfl_amount": 1},
        f"cfl_billingaccounts({office.ledger.id})": {"cfl_balance": 0},
    }
    before = office.written()
    with signed_in(stage.world, person) as session:
        for path, change in rows.items():
            url = f"{stage.world.addresses.crm}/api/data/v9.2/{path}"
            assert session.patch(url, json=change).status_code == 403, path
            assert session.delete(url).status_code == 403, path
    office.look_again()
    assert office.written() == before
