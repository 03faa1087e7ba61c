"""State and status reason come in pairs, and a Paid or Canceled invoice is read-only."""

import pytest

from tests.sandbox_crm.client import Client, demo_id


@pytest.fixture
def invoice() -> str:
    return f"invoices({demo_id('invoice', 'INV-1001')})"


@pytest.mark.parametrize(
    ("state", "status"), [(0, 1), (0, 2), (0, 4), (0, 5), (0, 6), (2, 100001), (2, 100002), (3, 100003)]
)
def test_every_pair_of_the_invoice_is_accepted(crm: Client, invoice: str, state: int, status: int) -> None:
    assert crm.patch(invoice, {"statecode": state, "statuscode": status}).status == 204

    row = crm.get(f"{invoice}?$select=statecode,statuscode").json
    assert (row["statecode"], row["statuscode"]) == (state, status)


@pytest.mark.parametrize(("state", "status"), [(0, 100001), (2, 4), (2, 100003), (3, 100001), (1, 1)])
def test_other_pairs_are_refused(crm: Client, invoice: str, state: int, status: int) -> None:
    answer = crm.patch(invoice, {"statecode": state, "statuscode": status})

    assert (answer.status, answer.code) == (400, "0x80048408")


def test_a_state_alone_takes_its_default_reason(crm: Client, invoice: str) -> None:
    crm.patch(invoice, {"statecode": 2})

    assert crm.get(invoice).json["statuscode"] == 100001


def test_a_reason_alone_must_fit_the_state(crm: Client, invoice: str) -> None:
    assert crm.patch(invoice, {"statuscode": 5}).status == 204
    assert crm.patch(invoice, {"statuscode": 100001}).code == "0x80048408"


@pytest.mark.parametrize(("state", "status"), [(2, 100001), (2, 100002), (3, 100003)])
def test_a_paid_or_canceled_invoice_is_read_only(crm: Client, invoice: str, state: int, status: int) -> None:
    crm.patch(invoice, {"statecode": state, "statuscode": status})

    refused = crm.patch(invoice, {"cfl_balance": 5})

    assert (refused.status, refused.message) == (400, "Cannot update a read-only entity.")
    mixed = crm.patch(invoice, {"cfl_balance": 5, "statecode": 0, "statuscode": 4})
    assert mixed.message == "Cannot update a read-only entity."
    assert crm.patch(invoice, {"statecode": 0, "statuscode": 4}).status == 204, "it can be reactivated"
    assert crm.patch(invoice, {"cfl_balance": 5}).status == 204


def test_the_last_change_may_come_with_the_state(crm: Client, invoice: str) -> None:
    answer = crm.patch(invoice, {"cfl_balance": 0, "statecode": 2, "statuscode": 100001})

    assert answer.status == 204


def test_the_rule_can_be_switched_off(crm: Client, invoice: str) -> None:
    crm.patch(invoice, {"statecode": 2, "statuscode": 100002})
    crm.world.crm.store.read_only_rule = False

    assert crm.patch(invoice, {"cfl_balance": 5}).status == 204
    assert crm.patch(invoice, {"statecode": 2, "statuscode": 100001}).status == 204


def test_our_own_tables_have_the_reasons_of_the_solution(crm: Client) -> None:
    fabrikam = demo_id("account", "Fabrikam Fibre")
    profile = crm.make("cfl_paymentprofiles", cfl_name="Visa", cfl_accountid__bind=f"/accounts({fabrikam})")

    assert crm.get(profile).json["statuscode"] == 1, "Pending, the harmless one"
    assert crm.patch(profile, {"statecode": 0, "statuscode": 728310000}).status == 204
    assert crm.patch(profile, {"statecode": 1, "statuscode": 728310001}).status == 204
    assert crm.patch(profile, {"statecode": 0, "statuscode": 728310001}).code == "0x80048408"


def test_a_row_may_be_made_with_another_reason_of_its_first_state(crm: Client) -> None:
    fabrikam = demo_id("account", "Fabrikam Fibre")

    ready = crm.make(
        "cfl_paymentprofiles",
        cfl_name="Visa",
        cfl_accountid__bind=f"/accounts({fabrikam})",
        statuscode=728310000,
    )

    assert crm.get(ready).json["statuscode"] == 728310000
