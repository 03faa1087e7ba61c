"""Writing, whatever the books are: all or nothing, under the ETags that were read, exact to the last minor unit."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from plugins.ports import BooksRefused, Conflict
from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.changes import Changeset, Create
from plugins.rules.checks import problems
from plugins.rules.draft import Draft
from plugins.rules.ids import LedgerId
from plugins.rules.ledger import (
    ChargeStatus,
    InvoiceStatus,
    LedgerState,
    Outcome,
    Payment,
    Stage,
    TransactionStatus,
)
from plugins.rules.money import Money
from plugins.rules.settling import failed, processing, succeeded
from plugins.settlement import with_etags
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.contracts.promises import (
    DECLINED,
    DONE,
    UNDER_WAY,
    contents,
    invoice,
    key_of,
    plain,
    reservation,
    reserved,
    snapshot,
    transaction_in,
)
from tests.contracts.stages import SandboxStage, Validation
from tests.contracts.stages import Stage as OnStage
from tests.crashes.processes import MAPPING

# --- Reserve ---------------------------------------------------------------------------------------------------------


def test_a_reservation_opens_the_ledger_and_is_seen_by_the_next(stage: OnStage) -> None:
    held = reserved(stage, "INV-1009", "100.00")
    found = snapshot(stage.books, "INV-1009", key="another-key-02")

    assert found.ledger is not None
    assert (found.ledger.version, found.ledger.balance) == (1, Money.parse("249.90", "EUR"))
    (waiting,) = found.pending
    assert plain(waiting) == plain(transaction_in(held))
    assert (waiting.status, waiting.stage) == (TransactionStatus.PENDING, Stage.RESERVED)
    assert waiting.created_on is not None
    (asking,) = found.in_progress
    assert (asking.key, asking.requested_by_name) == ("contract-key-01", "Bea Larsson")
    shown = stage.whole().shown[invoice("INV-1009")]
    assert (shown.pending_amount, shown.last_charge_status) == (Money.parse("100.00", "EUR"), ChargeStatus.PENDING)  # fmt: skip
    assert (shown.status, shown.balance) == (InvoiceStatus.BILLED, Money.parse("249.90", "EUR"))


def test_the_etags_that_a_commit_gives_can_be_written_with(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    assert held.ledger is not None
    assert all((held.ledger.etag, transaction_in(held).etag, held.request and held.request.etag, held.invoice.etag))  # fmt: skip
    changes, after = succeeded(held, DONE, stage.clock.now())
    settled = with_etags(after, stage.books.commit(changes))
    assert settled.ledger is not None
    assert settled.ledger.etag != held.ledger.etag


def test_a_charge_of_another_invoice_of_the_customer_is_in_the_snapshot(stage: OnStage) -> None:
    reserved(stage, "INV-1002", "100.00")
    found = snapshot(stage.books, "INV-1001", key="another-key-02")
    assert [each.invoice for each in found.pending] == [invoice("INV-1002")]
    assert found.in_progress == (), "only of this invoice"


# --- Settle ----------------------------------------------------------------------------------------------------------


def test_the_books_for_a_settlement_hold_its_own_transaction_ledger_and_request(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    found = stage.books.for_settlement(transaction_in(held))

    assert found.transaction is not None
    assert found.request is not None
    assert found.ledger is not None
    assert held.ledger is not None
    assert found.transaction.etag == transaction_in(held).etag
    assert (found.transaction.id, found.request.key) == (transaction_in(held).id, "contract-key-01")
    assert (found.ledger.id, found.ledger.etag) == (held.ledger.id, held.ledger.etag)
    assert [each.id for each in found.pending] == [found.transaction.id]


def test_a_success_is_a_payment_its_disbursement_and_everything_that_shows_it(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    changes, _ = succeeded(held, DONE, stage.clock.now())
    stage.books.commit(changes)

    there = stage.whole()
    assert problems(there) == []
    payment = next(each for each in there.payments if each.transaction == transaction_in(held).id)
    assert (payment.amount, payment.disbursed, payment.is_disbursed) == (
        Money.parse("250.00", "USD"),
        Money.parse("250.00", "USD"),
        True,
    )
    transaction = stage.books.transaction(transaction_in(held).id)
    assert transaction is not None
    assert (transaction.status, transaction.payment) == (TransactionStatus.SUCCEEDED, payment.id)
    assert (transaction.next_check_on, transaction.receipt_url) == (None, DONE.receipt_url)
    request = stage.books.request(key_of("contract-key-01"))
    assert request is not None
    assert (request.outcome, request.code, request.transaction) == (Outcome.DONE, "succeeded", transaction.id)
    shown = there.shown[invoice("INV-1001")]
    assert (shown.status, shown.balance, shown.amount_charged) == (
        InvoiceStatus.PARTIAL,
        Money.parse("1000.00", "USD"),
        Money.parse("250.00", "USD"),
    )
    assert shown.ledger_state is LedgerState.CLOSED


@pytest.mark.parametrize("number", ["INV-1001", "INV-1002"])
def test_an_invoice_becomes_paid_whatever_it_was(stage: OnStage, number: str) -> None:
    """INV-1002 is Paid (Partial) already, which the platform keeps read-only."""
    before = snapshot(stage.books, number)
    paid = sum(each.amount.minor for each in before.disbursements if each.invoice == before.invoice.id)
    left = str((before.invoice.total - Money(paid, "USD")).amount)
    changes, _ = succeeded(reserved(stage, number, left), DONE, stage.clock.now())
    stage.books.commit(changes)

    shown = stage.whole().shown[invoice(number)]
    assert (shown.status, shown.balance) == (InvoiceStatus.COMPLETE, Money.zero("USD"))
    assert shown.paid_on is not None
    assert snapshot(stage.books, number, "another-key-02").invoice.status is InvoiceStatus.COMPLETE


@pytest.mark.parametrize("status", [TransactionStatus.FAILED, TransactionStatus.CANCELLED])
def test_what_failed_is_an_inactive_record_with_its_codes(stage: OnStage, status: TransactionStatus) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    changes, _ = failed(held, DECLINED, status, stage.clock.now())
    stage.books.commit(changes)

    there = stage.whole()
    assert problems(there) == []
    record = next(each for each in there.transactions if each.id == transaction_in(held).id)
    assert (record.status, record.result) == (status, DECLINED.sentence)
    assert (record.result_code, record.decline_code, record.advice_code) == (
        "card_declined",
        "generic_decline",
        "try_again_later",
    )
    assert [each for each in there.payments if each.transaction == transaction_in(held).id] == []


def test_a_debit_under_way_keeps_its_request_pending(stage: OnStage) -> None:
    held = reserved(stage, "INV-1007", "560.00")
    written = processing(held, UNDER_WAY, stage.clock.now())
    assert written is not None
    stage.books.commit(written[0])

    found = stage.books.for_settlement(transaction_in(held))
    assert (transaction_in(found).stage, transaction_in(found).status) == (Stage.PROCESSING, TransactionStatus.PENDING)  # fmt: skip
    assert found.request is not None
    assert (found.request.outcome, found.request.code) == (Outcome.PENDING, "processing")


def test_a_success_after_a_failure_makes_an_inactive_record_active_again(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    changes, _ = failed(held, DECLINED, TransactionStatus.CANCELLED, stage.clock.now())
    stage.books.commit(changes)
    again = stage.books.for_settlement(transaction_in(held))
    changes, _ = succeeded(again, DONE, stage.clock.now())
    stage.books.commit(changes)

    there = stage.whole()
    assert problems(there) == []
    record = next(each for each in there.transactions if each.id == transaction_in(held).id)
    assert (record.status, record.result_code, record.decline_code) == (TransactionStatus.SUCCEEDED, "", "")


# --- All or nothing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changed", ["ledger", "transaction", "invoice"])
def test_a_row_that_changed_since_it_was_read_is_a_conflict_and_nothing_is_written(
    stage: OnStage, changed: str
) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    stage.somebody_changes(getattr(held, changed))
    before = contents(stage.whole())
    changes, _ = succeeded(held, DONE, stage.clock.now())
    with pytest.raises(Conflict):
        stage.books.commit(changes)
    assert contents(stage.whole()) == before


def test_whoever_reads_again_after_a_conflict_may_write(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    stage.somebody_changes(held.invoice)
    changes, _ = succeeded(held, DONE, stage.clock.now())
    with pytest.raises(Conflict):
        stage.books.commit(changes)
    changes, _ = succeeded(stage.books.for_settlement(transaction_in(held)), DONE, stage.clock.now())
    stage.books.commit(changes)
    assert problems(stage.whole()) == []


def test_two_who_read_the_same_ledger_cannot_both_reserve(stage: OnStage) -> None:
    first, second = (snapshot(stage.books, "INV-1001", key) for key in ("first-key-01", "second-key-02"))
    stage.books.commit(reservation(stage, first, "1000.00", "first-key-01")[0])
    with pytest.raises(Conflict):
        stage.books.commit(reservation(stage, second, "1000.00", "second-key-02")[0])
    assert [each.key for each in stage.whole().requests if each.outcome is Outcome.PENDING] == ["first-key-01"]  # fmt: skip


def test_two_who_found_no_ledger_cannot_both_open_it(stage: OnStage) -> None:
    first, second = (snapshot(stage.books, "INV-1009", key) for key in ("first-key-01", "second-key-02"))
    before = len(stage.whole().ledgers)
    stage.books.commit(reservation(stage, first, "100.00", "first-key-01")[0])
    with pytest.raises(Conflict):
        stage.books.commit(reservation(stage, second, "100.00", "second-key-02")[0])
    assert len(stage.whole().ledgers) == before + 1


def _same_ledger_key(changes: Changeset) -> Changeset:
    assert isinstance(changes.ledger, Create)
    opened = replace(changes.ledger.row, id=LedgerId(row_id("test", "another ledger")))
    return replace(changes, ledger=Create(opened))


def _another_transaction(changes: Changeset, **fields: Any) -> Changeset:
    request, transaction = (each.row for each in changes.writes if isinstance(each, Create))
    return replace(changes, writes=(Create(request), Create(replace(transaction, **fields))))


def _another_request(changes: Changeset, **fields: Any) -> Changeset:
    request, transaction = (each.row for each in changes.writes if isinstance(each, Create))
    return replace(changes, writes=(Create(replace(request, **fields)), Create(transaction)))


@pytest.mark.parametrize(
    "clash",
    [
        lambda changes, held: _another_request(changes, id=held.request.id),
        lambda changes, held: _another_request(changes, key=held.request.key),
        lambda changes, held: _another_transaction(changes, id=held.transaction.id),
        lambda changes, held: _another_transaction(
            changes, gateway_reference=held.transaction.gateway_reference
        ),
    ],
    ids=["request id", "request key", "transaction id", "gateway reference"],
)
def test_a_row_whose_id_or_key_is_taken_is_a_conflict(stage: OnStage, clash: Any) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    before = contents(stage.whole())
    changes, _ = reservation(
        stage, snapshot(stage.books, "INV-1001", "another-key-02"), "10.00", "another-key-02"
    )
    with pytest.raises(Conflict):
        stage.books.commit(clash(changes, held))
    assert contents(stage.whole()) == before


def test_a_ledger_key_is_used_once_whatever_the_ids(stage: OnStage) -> None:
    first, second = (snapshot(stage.books, "INV-1009", key) for key in ("first-key-01", "second-key-02"))
    stage.books.commit(reservation(stage, first, "100.00", "first-key-01")[0])
    changes, _ = reservation(stage, second, "100.00", "second-key-02")
    with pytest.raises(Conflict):
        stage.books.commit(replace(_same_ledger_key(changes), writes=(), projects=()))


def test_a_number_of_a_ledger_is_used_once(stage: OnStage) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    changes, _ = succeeded(held, DONE, stage.clock.now())
    payment = next(
        each.row for each in changes.writes if isinstance(each, Create) and isinstance(each.row, Payment)
    )
    again = Create(replace(payment, number=1))
    writes = tuple(
        again if isinstance(each, Create) and each.row is payment else each for each in changes.writes
    )
    with pytest.raises(Conflict):
        stage.books.commit(replace(changes, writes=writes))


# --- An invoice that may not be written ------------------------------------------------------------------------------


def test_an_invoice_that_the_crm_will_not_have_changed_is_named_and_nothing_is_written(
    stage: OnStage,
) -> None:
    held = reserved(stage, "INV-1001", "250.00")
    stage.lock(held.invoice.id)
    before = contents(stage.whole())
    changes, _ = succeeded(held, DONE, stage.clock.now())
    with pytest.raises(BooksRefused) as refusal:
        stage.books.commit(changes)
    assert refusal.value.row == held.invoice.id
    assert contents(stage.whole()) == before

    stage.books.commit(replace(changes, projects=()))  # and so the money is recorded all the same
    there = stage.whole()
    assert [each.status for each in there.transactions if each.id == transaction_in(held).id] == [TransactionStatus.SUCCEEDED]  # fmt: skip


def _shown_again(books: LedgerBooks, now: datetime) -> Changeset:
    """Nothing but the invoice, as it is."""
    assert isinstance(books, InvoiceBooks)
    draft = Draft(books, seed=books.invoice.id, now=now)
    draft.show(books.invoice.id)
    return draft.changeset(None)


def test_a_paid_invoice_is_read_only_where_it_is_written_directly(watched: tuple[World, Validation]) -> None:
    mapping = MAPPING.model_copy(update={"invoice_write": "direct"})
    stage = SandboxStage(*watched, mapping)
    done = next(each for each in stage.whole().transactions if each.invoice == invoice("INV-1003"))
    changes = _shown_again(stage.books.for_settlement(done), stage.clock.now())
    with pytest.raises(BooksRefused) as refusal:
        stage.books.commit(changes)
    assert refusal.value.row == invoice("INV-1003")


@pytest.mark.parametrize(("mode", "read_only_rule"), [("reactivate", True), ("reactivate", False), ("direct", False)])  # fmt: skip
@pytest.mark.parametrize("number", ["INV-1001", "INV-1002"])
def test_an_invoice_shows_the_ledger_in_both_modes_of_writing(
    watched: tuple[World, Validation], mode: str, read_only_rule: bool, number: str
) -> None:
    stage = SandboxStage(*watched, MAPPING.model_copy(update={"invoice_write": mode}))
    watched[0].crm.store.read_only_rule = read_only_rule
    for part, key in (("100.00", "first-key-01"), ("200.00", "second-key-02")):
        changes, _ = succeeded(reserved(stage, number, part, key), DONE, stage.clock.now())
        stage.books.commit(changes)
    there = stage.whole()
    assert problems(there) == []
    shown = there.shown[invoice(number)]
    assert shown.status is InvoiceStatus.PARTIAL
    assert shown.last_charge_status is ChargeStatus.SUCCEEDED


# --- Money -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "amount", "currency"),
    [
        ("INV-1008", "1", "JPY"),
        ("INV-1008", "12499", "JPY"),
        ("INV-1009", "0.01", "EUR"),
        ("INV-1009", "249.89", "EUR"),
        ("INV-1016", "0.001", "KWD"),
        ("INV-1016", "86.249", "KWD"),
        ("INV-1001", "1249.99", "USD"),
    ],
)
def test_money_is_exact_to_the_last_minor_unit(stage: OnStage, number: str, amount: str, currency: str) -> None:  # fmt: skip
    held = reserved(stage, number, amount)
    changes, _ = succeeded(held, DONE, stage.clock.now())
    stage.books.commit(changes)

    money = Money.parse(amount, currency)
    there = stage.whole()
    assert problems(there) == []
    assert [each.amount for each in there.transactions if each.invoice == invoice(number)] == [money]
    payment = next(each for each in there.payments if each.transaction == transaction_in(held).id)
    assert (payment.amount, payment.disbursed) == (money, money)
    shown = there.shown[invoice(number)]
    assert shown.balance == held.invoice.total - money


# --- On the wire ----------------------------------------------------------------------------------------------------


def test_the_ledger_is_written_first_and_the_invoice_last_in_one_call(
    watched: tuple[World, Validation],
) -> None:
    stage = SandboxStage(*watched)
    held = reserved(stage, "INV-1001", "250.00")
    before = watched[0].crm_calls.since()["next"]
    changes, _ = succeeded(held, DONE, stage.clock.now())
    stage.books.commit(changes)

    (call,) = watched[0].crm_calls.since(before)["calls"]
    written = [
        f"{part['method']} {part['path'].partition('/v9.2/')[2].partition('(')[0]}" for part in call["parts"]
    ]
    assert written[0] == "PATCH cfl_billingaccounts"
    assert written[-1] == "PATCH invoices"
    assert written.index("POST cfl_payments") < written.index("PATCH cfl_paymenttransactions")
