"""Rows that are not as the mapping expects them: an organisation's own status reasons, more of them than one page."""

from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.codec import Codec, RowUnreadable
from connector.dataverse.mapping import load_mapping
from connector.dataverse.odata import Operation, bind
from plugins.ports import BooksRefused
from plugins.rules.ids import InvoiceId, RequestId
from plugins.rules.ledger import Invoice, InvoiceStatus, Outcome, Transaction
from sandbox.crm import fetchxml
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.crashes.processes import BILLER, MAPPING, Process

USD = UUID(int=1)


def an_invoice_row(state: int, reason: int) -> dict[str, Any]:
    return {
        "invoiceid": str(UUID(int=2)),
        "_customerid_value": str(UUID(int=3)),
        "_transactioncurrencyid_value": str(USD),
        "invoicenumber": "INV-1",
        "totalamount": 10,
        "statecode": state,
        "statuscode": reason,
    }


@pytest.mark.parametrize(
    ("state", "reason", "read_as"),
    [
        (0, 4, InvoiceStatus.BILLED),
        (0, 727000001, InvoiceStatus.BOOKED),
        (1, 7, InvoiceStatus.CLOSED),
        (1, 727000002, InvoiceStatus.CLOSED),
        (2, 100002, InvoiceStatus.PARTIAL),
        (2, 727000003, InvoiceStatus.COMPLETE),
        (3, 727000004, InvoiceStatus.CANCELED),
    ],
)
def test_a_status_reason_of_the_organisation_s_own_is_one_of_its_state(
    state: int, reason: int, read_as: InvoiceStatus
) -> None:
    row = Codec(load_mapping("sales")).decode("invoice", Invoice, an_invoice_row(state, reason), {USD: "USD"})
    assert row.status is read_as


def test_a_status_that_no_transaction_of_ours_can_have_is_not_guessed() -> None:
    row = {"cfl_paymenttransactionid": str(UUID(int=4)), "statecode": 0, "statuscode": 5}
    with pytest.raises(RowUnreadable):
        Codec(MAPPING).decode("transaction", Transaction, row, {})


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("cfl_paymenttypes", {"cfl_name": "Without a backend"}),
        ("cfl_financialperiods", {"cfl_name": "Without a start", "cfl_status": 728310001}),
        (
            "cfl_paymentprofiles",
            {
                "cfl_name": "Without a type",
                "cfl_accountid@odata.bind": bind("accounts", row_id("account", "Fabrikam Fibre")),
            },
        ),
    ],
)
def test_what_somebody_filled_in_by_halves_keeps_no_money_unrecorded(
    world: World, table: str, row: dict[str, Any]
) -> None:
    Process(world).dataverse.send(Operation("POST", table, {}, row), within=5)
    answer = Process(world).charge("INV-1001", "10.00", "odd-rows-01")
    assert answer is not None
    assert answer.code == "succeeded"


def test_more_rows_than_a_page_are_never_taken_for_all_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disbursement that is not seen would be room that is not there."""
    monkeypatch.setattr(fetchxml, "MAX_PAGE", 1)
    process = Process(world)
    with pytest.raises(BooksRefused, match="more rows than one page"):
        process.outside.books.for_charge(
            InvoiceId(row_id("invoice", "INV-1001")), RequestId(UUID(int=5)), BILLER
        )


def test_books_that_cannot_be_read_refuse_the_charge_in_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetchxml, "MAX_PAGE", 1)
    answer = Process(world).charge("INV-1001", "10.00", "too-many-rows-1")
    assert answer is not None
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "books_not_readable")
    assert "looked up again" not in answer.message
