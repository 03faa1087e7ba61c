"""Reading, whatever the books are: one suite for those in memory and those in a local CRM over its Web API."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from plugins.ports import Books, BooksUnreachable, Conflict, NotFound
from plugins.rules import ids
from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.changes import Update
from plugins.rules.ids import PaymentId, TransactionId
from plugins.rules.ledger import InvoiceStatus, Outcome, Transaction, TransactionStatus
from plugins.rules.money import Money
from plugins.rules.settling import looked_at, succeeded
from plugins.settlement import with_etags
from sandbox.demo.story import ledger_id, row_id
from sandbox.world import World
from tests.contracts.promises import (
    DONE,
    by_id,
    contents,
    invoice,
    key_of,
    plain,
    refused,
    reservation,
    reserved,
    snapshot,
    transaction_in,
)
from tests.contracts.stages import STRANGER, MemoryStage, SandboxStage, Validation
from tests.contracts.stages import Stage as OnStage

# --- A snapshot ------------------------------------------------------------------------------------------------------


def test_a_snapshot_holds_what_a_charge_depends_on(books: Books) -> None:
    found = snapshot(books, "INV-1002")

    assert (found.invoice.number, found.invoice.status) == ("INV-1002", InvoiceStatus.PARTIAL)
    assert (found.invoice.total, found.currency) == (Money.parse("1000.00", "USD"), "USD")
    assert found.account is not None
    assert found.account.name == "Fabrikam Fibre"
    assert found.ledger is not None
    assert (found.ledger.id, found.ledger.balance) == (
        ledger_id("Fabrikam Fibre", "USD"),
        Money.parse("1850.00", "USD"),
    )
    assert {each.number for each in found.invoices} == {"INV-1001", "INV-1002"}, "what is paid or canceled owes nothing"  # fmt: skip
    assert found.contract is not None
    assert found.contract.profile == found.profiles[0].id
    assert [each.name for each in found.profiles] == ["Visa •••• 4242"]
    assert [(each.amount, each.payment_transaction is not None) for each in found.disbursements] == [
        (Money.parse("400.00", "USD"), True)
    ]
    assert [each.id for each in found.payments] == [each.payment for each in found.disbursements]
    assert (found.pending, found.in_progress, found.entries) == ((), (), ())
    assert {each.number for each in found.payment_types} == {1, 2, 3, 4}
    assert found.setting is not None
    assert (found.request, found.transaction) == (None, None)
    assert "ReadAccess" in found.rights


def test_every_row_of_a_snapshot_that_may_be_written_has_its_etag(books: Books) -> None:
    found = snapshot(books, "INV-1002", key="demo-inv-1002-1")
    assert found.ledger is not None
    assert found.request is not None
    assert all((found.invoice.etag, found.ledger.etag, found.request.etag))


def test_a_customer_without_a_ledger_has_none(books: Books) -> None:
    found = snapshot(books, "INV-1009")
    assert (found.ledgers, found.ledger) == ((), None)


def test_a_contact_as_customer_has_neither_account_nor_profiles(books: Books) -> None:
    found = snapshot(books, "INV-1014")
    assert (found.invoice.customer_kind, found.account, found.contract, found.profiles) == ("contact", None, None, ())  # fmt: skip


def test_an_invoice_that_is_not_there(books: Books) -> None:
    with pytest.raises(NotFound):
        snapshot(books, "INV-9999")


def test_a_request_that_is_known_comes_with_its_answer_and_who_asked(books: Books) -> None:
    found = snapshot(books, "INV-1002", key="demo-inv-1002-1").request
    assert found is not None
    assert (found.key, found.outcome, found.code) == ("demo-inv-1002-1", Outcome.DONE, "succeeded")
    assert found.requested_by_name == "Bea Larsson"
    assert books.request(found.id) == found


def test_what_somebody_may_do_is_theirs(books: Books) -> None:
    theirs = books.for_charge(invoice("INV-1001"), key_of("contract-key-01"), STRANGER).rights
    assert "ReadAccess" in snapshot(books, "INV-1001").rights
    assert "ReadAccess" not in theirs


@pytest.mark.parametrize("number", [f"INV-10{each:02}" for each in range(1, 29)])
def test_both_tell_the_same_of_every_invoice(watched: tuple[World, Validation], number: str) -> None:
    sandbox = SandboxStage(*watched)
    memory = MemoryStage(sandbox.clock)
    told = [snapshot(each.books, number) for each in (memory, sandbox)]
    for name in InvoiceBooks.__dataclass_fields__:
        in_memory, in_crm = (getattr(each, name) for each in told)
        if name in {"rights", "currencies"}:
            continue
        if isinstance(in_memory, tuple):
            assert by_id(in_memory) == by_id(in_crm), name
        else:
            assert (in_memory and plain(in_memory)) == (in_crm and plain(in_crm)), name


def test_a_settled_payment_names_what_it_came_from(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    changes, _ = succeeded(held, DONE, stage.clock.now())
    stage.books.commit(changes)
    (disbursement,) = (each for each in snapshot(stage.books, "INV-1001").disbursements if each.invoice == invoice("INV-1001"))  # fmt: skip
    assert disbursement.payment == PaymentId(ids.payment_id(transaction_in(held).id))
    assert disbursement.payment_transaction == transaction_in(held).id


def test_money_that_is_not_disbursed_is_in_the_snapshot(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    canceled = replace(held.invoice, status=InvoiceStatus.CANCELED)
    others = tuple(each for each in held.invoices if each.id != canceled.id)
    void = replace(held, invoice=canceled, invoices=(canceled, *others))
    changes, _ = succeeded(void, DONE, stage.clock.now())
    stage.books.commit(replace(changes, projects=()))
    found = snapshot(stage.books, "INV-1002", "another-key-02")
    (left,) = (each for each in found.payments if each.undisbursed)
    assert (left.undisbursed, left.is_disbursed) == (Money.parse("250.00", "USD"), False)


# --- Requests by themselves ------------------------------------------------------------------------------------------


def a_refusal(stage: OnStage, key: str = "contract-key-01") -> Any:
    found = snapshot(stage.books, "INV-1001", key)
    return refused(found, key, "amount_invalid", "Enter an amount above zero.")


def test_a_refusal_is_one_row_and_takes_its_key(stage: OnStage) -> None:
    before = stage.whole()
    row = a_refusal(stage)
    stage.books.record(row)

    there = stage.whole()
    assert len(there.requests) == len(before.requests) + 1
    assert contents(replace(there, requests=before.requests)) == contents(before)
    kept = stage.books.request(row.id)
    assert kept is not None
    assert plain(kept) == replace(row, requested_by_name="Bea Larsson")
    for again in (row, replace(row, id=key_of("some other key"))):
        with pytest.raises(Conflict):
            stage.books.record(again)


def test_a_refusal_without_an_invoice(stage: OnStage) -> None:
    row = refused(None, "contract-key-01", "invoice_not_found", "This invoice no longer exists.")
    stage.books.record(row)
    kept = stage.books.request(row.id)
    assert kept is not None
    assert (kept.outcome, kept.invoice, kept.ledger) == (Outcome.REFUSED, None, None)


def test_what_nobody_knows_is_none(books: Books) -> None:
    assert books.request(key_of("nobody-knows-it")) is None
    assert books.transaction(TransactionId(row_id("test", "no transaction"))) is None
    assert books.transaction_of("pi_of_somebody_else") is None


def test_a_transaction_is_found_by_its_intent(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    found = stage.books.transaction_of("pi_contract-key-01")
    assert found == stage.books.transaction(transaction_in(held).id)
    assert found is not None
    assert plain(found) == plain(transaction_in(held))


def test_a_transaction_that_is_gone_cannot_be_settled(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    gone = replace(transaction_in(held), id=TransactionId(row_id("test", "no transaction")))
    with pytest.raises(NotFound):
        stage.books.for_settlement(gone)


# --- What is due -----------------------------------------------------------------------------------------------------


def test_nothing_of_the_story_is_due(stage: OnStage) -> None:
    due = stage.books.due(stage.clock.now(), 50)
    assert due.transactions == ()
    assert due.setting is not None
    assert due.setting.mode == "test"


def test_what_is_due_comes_longest_waiting_first(stage: OnStage) -> None:
    now = stage.clock.now()
    waits = {"INV-1001": 3, "INV-1005": -60, "INV-1006": -5, "INV-1007": -90}
    for number, minutes in waits.items():
        held = reserved(stage, number, "1.00", f"key-of-{number.lower()}")
        _next_check(stage, held, minutes)
    empty = reserved(stage, "INV-1011", "1.00", "key-of-inv-1011")
    _next_check(stage, empty, None)

    found = stage.books.due(now + timedelta(seconds=1), 50).transactions
    assert [each.invoice for each in found] == [
        invoice(number) for number in ("INV-1011", "INV-1007", "INV-1005", "INV-1006")
    ]
    assert [each.gateway_reference for each in stage.books.due(now, 2).transactions] == [
        "pi_key-of-inv-1011",
        "pi_key-of-inv-1007",
    ]


def test_what_ended_is_due_only_while_its_invoice_is_not_shown(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    changes, after = succeeded(held, DONE, stage.clock.now())
    after = with_etags(after, stage.books.commit(replace(changes, projects=())))
    assert stage.books.due(stage.clock.now() + timedelta(days=400), 50).transactions == ()

    _next_check(stage, stage.books.for_settlement(transaction_in(held)), -1)
    (found,) = stage.books.due(stage.clock.now(), 50).transactions
    assert found.status is TransactionStatus.SUCCEEDED


def _next_check(stage: OnStage, held: LedgerBooks, minutes: int | None) -> None:
    """As if it had been looked at, and was to be looked at again then."""
    at = None if minutes is None else stage.clock.now() + timedelta(minutes=minutes)
    changes, _ = looked_at(held, stage.clock.now())
    (update,) = changes.writes
    assert isinstance(update, Update)
    assert isinstance(update.after, Transaction)
    stage.books.commit(replace(changes, writes=(Update(update.before, replace(update.after, next_check_on=at)),)))  # fmt: skip


def test_a_moment_comes_back_as_it_was_written_to_the_second(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    written = transaction_in(held).next_check_on
    kept = stage.books.transaction(transaction_in(held).id)
    assert kept is not None
    assert written is not None
    assert kept.next_check_on is not None
    assert abs(kept.next_check_on - written) < timedelta(seconds=1)
    assert kept.next_check_on.utcoffset() == timedelta(0)


# --- Doubt -----------------------------------------------------------------------------------------------------------


def test_a_write_that_never_arrived_is_unknown_and_not_there(stage: OnStage) -> None:
    changes, held = reservation(stage, snapshot(stage.books, "INV-1001"), "250.00")
    stage.loses_writes()
    with pytest.raises(BooksUnreachable):
        stage.books.commit(changes)
    assert stage.books.transaction(transaction_in(held).id) is None


def test_a_write_whose_answer_is_lost_is_unknown_and_there(stage: OnStage) -> None:
    changes, held = reservation(stage, snapshot(stage.books, "INV-1001"), "250.00")
    stage.loses_answers()
    with pytest.raises(BooksUnreachable):
        stage.books.commit(changes)
    assert stage.books.transaction(transaction_in(held).id) is not None


@pytest.mark.parametrize(
    "ask",
    [
        lambda stage: snapshot(stage.books, "INV-1001"),
        lambda stage: stage.books.request(key_of("contract-key-01")),
        lambda stage: stage.books.transaction_of("pi_contract-key-01"),
        lambda stage: stage.books.due(stage.clock.now(), 10),
    ],
    ids=["for_charge", "request", "transaction_of", "due"],
)
def test_a_crm_that_does_not_answer_is_never_read_as_an_empty_one(stage: OnStage, ask: Any) -> None:
    stage.goes_silent()
    with pytest.raises(BooksUnreachable):
        ask(stage)


# --- On the wire ----------------------------------------------------------------------------------------------------


def test_the_ledger_is_read_first_and_the_rights_last_in_one_call(watched: tuple[World, Validation]) -> None:
    stage = SandboxStage(*watched)
    stage.books.request(key_of("whatever"))  # so that there is a token
    before = watched[0].crm_calls.since()["next"]
    snapshot(stage.books, "INV-1002")

    (call,) = watched[0].crm_calls.since(before)["calls"]
    asked_for = [part["path"].partition("/v9.2/")[2] for part in call["parts"]]
    assert asked_for[0].startswith("cfl_billingaccounts?fetchXml=")
    assert "RetrievePrincipalAccess" in asked_for[-1]
    assert {part["method"] for part in call["parts"]} == {"GET"}
