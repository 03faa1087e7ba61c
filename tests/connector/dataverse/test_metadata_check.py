"""A mapping held against the tables of the local CRM, which are those of the shipping solution."""

from pathlib import Path

import pytest

from connector.dataverse.http import Dataverse
from connector.dataverse.mapping import FOLDER, Mapping, load_mapping
from connector.dataverse.metadata_check import problems
from connector.dataverse.odata import Unreachable
from sandbox.world import World


def sales(folder: Path, *changes: tuple[str, str]) -> Mapping:
    """The shipping mapping with some of its text replaced."""
    text = (FOLDER / "sales.toml").read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / "sales.toml").write_text(text, encoding="utf-8")
    return load_mapping("sales", folder)


def test_the_shipping_mapping_fits_the_shipping_solution_in_one_call(crm: Dataverse, world: World) -> None:
    before = len(world.crm_calls.since(0)["calls"])
    assert problems(crm, load_mapping("sales")) == []
    assert len(world.crm_calls.since(0)["calls"]) == before + 1


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (
            'table = "cfl_disbursement"',
            'table = "cfl_disbursment"',
            "Mapping sales, disbursement: there is no table cfl_disbursment.",
        ),
        (
            'set = "cfl_disbursements"',
            'set = "cfl_disbursement"',
            "Mapping sales, disbursement: the entity set of cfl_disbursement is cfl_disbursements, not cfl_disbursement.",
        ),
        (
            'id = "cfl_transactiontaxid"\nlabel = "cfl_name"',
            'id = "cfl_transactiontaxid"\nlabel = "cfl_nmae"',
            "Mapping sales, transaction_tax: there is no column cfl_nmae on cfl_transactiontax.",
        ),
        (
            'id = "cfl_requestid"',
            'id = "requestid"',
            "Mapping sales, request: the primary key of cfl_request is cfl_requestid, not requestid.",
        ),
        (
            'version = "cfl_version"',
            'version = "cfl_vresion"',
            "Mapping sales, ledger.version: there is no column cfl_vresion on cfl_billingaccount.",
        ),
        (
            'stage = { choice = "cfl_stage"',
            'stage = { choice = "cfl_checks"',
            "Mapping sales, transaction.stage: cfl_paymenttransaction.cfl_checks is a Integer, not a Picklist.",
        ),
        (
            'request = { lookup = "cfl_requestid", to = "request" }\ncurrency_id',
            'request = { lookup = "cfl_requestid", to = "profile" }\ncurrency_id',
            "Mapping sales, transaction.request: cfl_requestid has no navigation property cfl_requestid to cfl_paymentprofile.",
        ),
        (
            'account = "customerid_account"',
            'account = "customer_account"',
            "Mapping sales, invoice.customer: customerid has no navigation property customer_account to account.",
        ),
        (
            '{ formatted = "cfl_requestedbyid" }',
            '{ formatted = "cfl_requestedby" }',
            "Mapping sales, request.requested_by_name: there is no column cfl_requestedby on cfl_request.",
        ),
    ],
    ids=[
        "table",
        "entity set",
        "label",
        "primary key",
        "column",
        "not a choice",
        "lookup elsewhere",
        "party",
        "formatted",
    ],
)
def test_each_wrong_name_is_told(
    crm: Dataverse, tmp_path: Path, before: str, after: str, problem: str
) -> None:
    assert problem in problems(crm, sales(tmp_path, (before, after)))


def test_a_crm_that_does_not_answer_is_not_a_wrong_mapping(crm: Dataverse, world: World) -> None:
    world.faults.replace([{"target": "crm", "path": r"\$batch", "times": 99, "do": "status", "status": 503}])
    with pytest.raises(Unreachable):
        problems(crm, load_mapping("sales"), within=0.2)
