"""Runs, batches and jobs, whatever the books are: what is left of them, what is due, and that they end."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from connector.sync.sweep import sweep
from plugins import credit_usage, post_batch, run_billing, update_account
from plugins.ports import BooksRefused, Conflict, NotFound
from plugins.rules.changes import Update
from plugins.rules.ids import PaymentTypeId
from plugins.rules.ledger import LedgerState, Outcome, UsageStatus
from plugins.rules.runs import (
    BatchStatus,
    JobStatus,
    LineOutcome,
    PaymentBatch,
    PaymentBatchLine,
    Posting,
    RunStatus,
    run_id,
)
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.contracts.ledger_story import CALLS, CHECK, LEDGER, TAXED, USD, Clerk, set_up, stage_usage, usd
from tests.contracts.promises import BILLER, key_of
from tests.contracts.stages import MemoryStage, SandboxStage, Validation

WINDING_DOWN, MONTHLY = (row_id("cfl_billinggroup", name) for name in ("Winding down", "Monthly"))
BATCH = row_id("cfl_paymentbatch", "an envelope")
LINES = tuple(row_id("cfl_paymentbatchline", f"a check {number}") for number in (1, 2))
NOBODY = key_of("a-key-of-nobody")


@pytest.fixture
def clerk(stage: MemoryStage | SandboxStage) -> Clerk:
    set_up(stage)
    return Clerk(stage)


# --- Bill runs -------------------------------------------------------------------------------------------------------


def run_of(clerk: Clerk) -> UUID:
    """Of the request that was asked last."""
    return run_id(key_of(f"clerk-key-{clerk.asked:03}"))


def test_a_bill_run_has_a_line_for_each_account_of_the_group_and_ends(clerk: Clerk) -> None:
    given = {"BillingGroupId": MONTHLY}
    clerk.done(update_account.ACTION, update_account.update_account, LEDGER, **given)
    before = clerk.books.for_group(MONTHLY, row_id("test", "no run"), None, BILLER)
    assert before.run is None
    assert LEDGER in {each.id for each in before.ledgers}
    assert all(each.billing_group == MONTHLY and each.etag for each in before.ledgers)
    assert "ReadAccess" in before.rights
    debit = clerk.debit("100.00")

    answer = clerk.ask(run_billing.ACTION, run_billing.run_billing, MONTHLY)
    while answer.outcome is Outcome.PENDING:  # other accounts of the group may be delivered to first
        sweep(clerk.outside)
        answer = clerk.ask(run_billing.ACTION, run_billing.run_billing, MONTHLY)
    after = clerk.books.for_group(MONTHLY, run_of(clerk), None, BILLER)
    assert after.run is not None
    assert after.run.status is RunStatus.DONE
    assert (after.ledgers, after.undelivered) == ((), ())
    assert after.counts[LineOutcome.CLOSED] >= 1
    assert sum(after.counts.values()) == len(before.ledgers)
    (closed,) = (each for each in clerk.stage.whole().invoices if each.id == debit.invoice)
    assert (closed.ledger_state, closed.bill_run) == (LedgerState.CLOSED, after.run.id)


def test_a_group_that_is_not_there(clerk: Clerk) -> None:
    with pytest.raises(NotFound):
        clerk.books.for_group(row_id("test", "nobody"), row_id("test", "no run"), NOBODY, BILLER)


# --- Payment batches -------------------------------------------------------------------------------------------------


def entered(clerk: Clerk, *amounts: str) -> None:
    """A batch of checks that somebody entered."""
    stage = clerk.stage
    if isinstance(stage, MemoryStage):
        ledger = next(each for each in stage.whole().ledgers if each.id == LEDGER)
        stage.add(PaymentBatch(id=BATCH, name="PB-1", owner=ledger.owner, status=None))
        stage.add(
            *(
                PaymentBatchLine(
                    id=key,
                    batch=BATCH,
                    ledger=LEDGER,
                    amount=usd(amount),
                    dated=None,
                    posting_date=None,
                    payment_type=PaymentTypeId(CHECK),
                    detail="",
                    check_number="4711",
                    card_type=None,
                    automatic=False,
                    invoice_numbers="",
                    outcome=None,
                )
                for key, amount in zip(LINES, amounts, strict=False)
            )
        )
        return
    seeder = stage.seeder
    seeder.add("cfl_paymentbatch", {"cfl_paymentbatchid": BATCH, "cfl_name": "PB-1"})
    for key, amount in zip(LINES, amounts, strict=False):
        seeder.add(
            "cfl_paymentbatchline",
            {
                "cfl_paymentbatchlineid": key,
                "cfl_name": "a check",
                "cfl_paymentbatchid": BATCH,
                "cfl_billingaccountid": LEDGER,
                "transactioncurrencyid": USD,
                "cfl_amount": Decimal(amount),
                "cfl_paymenttypeid": CHECK,
                "cfl_checknumber": "4711",
                "cfl_automatic": False,
            },
        )


def test_a_batch_becomes_payments_and_is_posted_once(clerk: Clerk) -> None:
    entered(clerk, "12.50", "30.00")
    before = clerk.books.for_batch(BATCH, NOBODY, BILLER)
    assert (before.batch.name, before.counts, before.request) == ("PB-1", {Posting.ENTERED: 2}, None)
    assert {each.id: (each.amount, each.check_number) for each in before.entered} == {
        LINES[0]: (usd("12.50"), "4711"),
        LINES[1]: (usd("30.00"), "4711"),
    }
    assert "ReadAccess" in before.rights

    answer = clerk.ask(post_batch.ACTION, post_batch.post_batch, BATCH)
    assert answer.outcome is Outcome.DONE, answer
    after = clerk.books.for_batch(BATCH, None, None)
    assert (after.batch.status, after.counts) == (BatchStatus.POSTED, {Posting.POSTED: 2})
    assert (after.entered, after.failed) == ((), ())
    posted = [each for each in clerk.stage.whole().payments if each.check_number == "4711"]
    assert sorted(each.amount.minor for each in posted) == [1250, 3000]


def test_a_line_that_failed_says_why(clerk: Clerk) -> None:
    entered(clerk, "12.50", "-1.00")
    clerk.ask(post_batch.ACTION, post_batch.post_batch, BATCH)
    after = clerk.books.for_batch(BATCH, None, None)
    assert after.counts == {Posting.POSTED: 1, Posting.FAILED: 1}
    (line,) = after.failed
    assert line.reason


def test_a_batch_that_is_not_there(clerk: Clerk) -> None:
    with pytest.raises(NotFound):
        clerk.books.for_batch(row_id("test", "nobody"), NOBODY, BILLER)


def test_rows_of_a_batch_are_written_under_their_own_versions(clerk: Clerk) -> None:
    entered(clerk, "12.50")
    found = clerk.books.for_batch(BATCH, None, None).batch
    begun = replace(found, status=BatchStatus.POSTING, next_check_on=clerk.outside.clock.now())
    clerk.books.write(Update(found, begun))
    with pytest.raises(Conflict):
        clerk.books.write(Update(found, replace(begun, status=BatchStatus.POSTED)))
    assert clerk.books.for_batch(BATCH, None, None).batch.status is BatchStatus.POSTING


def test_more_writes_than_the_platform_takes_are_not_sent(watched: tuple[World, Validation]) -> None:
    stage = SandboxStage(*watched)
    set_up(stage)
    clerk = Clerk(stage)
    entered(clerk, "12.50")
    found = clerk.books.for_batch(BATCH, None, None).batch
    begun = replace(found, status=BatchStatus.POSTING)
    before = watched[0].crm_calls.since()["next"]
    with pytest.raises(BooksRefused, match="1000 writes at once, and these are 1001"):
        clerk.books.write(*[Update(found, begun)] * 1001)
    assert watched[0].crm_calls.since(before)["calls"] == []


@pytest.mark.parametrize(("later", "is_due"), [(timedelta(0), True), (timedelta(hours=1), False)])
def test_a_batch_that_is_being_posted_is_due_at_its_next_check(
    clerk: Clerk, later: timedelta, is_due: bool
) -> None:
    entered(clerk, "12.50")
    now = clerk.outside.clock.now().replace(microsecond=0)
    found = clerk.books.for_batch(BATCH, None, None).batch
    assert BATCH not in {each.id for each in clerk.books.due(now, 50).work}, "nobody has begun"
    clerk.books.write(Update(found, replace(found, status=BatchStatus.POSTING, next_check_on=now + later)))
    assert (BATCH in {each.id for each in clerk.books.due(now, 50).work}) is is_due


# --- Usage credit jobs -----------------------------------------------------------------------------------------------


def test_a_usage_credit_job_is_due_until_it_was_carried_out(clerk: Clerk) -> None:
    debit = clerk.debit("100.00", TAXED)
    stage_usage(clerk.stage, debit)
    given = {"UsageIds": [str(each) for each in CALLS], "ServiceId": TAXED}
    there = clerk.done(credit_usage.ACTION, credit_usage.credit_usage, LEDGER, **given)
    (job,) = (each for each in clerk.books.due(clerk.outside.clock.now(), 50).work if each.id)
    found = clerk.books.job(job.id)
    assert found is not None
    assert (found.status, found.count, found.net) == (JobStatus.QUEUED, 2, usd("2.00"))
    assert found.usage_ids.split() == [str(each) for each in CALLS]

    sweep(clerk.outside)
    found = clerk.books.job(job.id)
    assert found is not None
    assert (found.status, found.credited, found.next_check_on) == (JobStatus.DONE, 2, None)
    there = clerk.stage.whole()
    assert {each.status for each in there.usage if each.id in CALLS} == {UsageStatus.CREDITED}
    assert found.credit in {each.id for each in there.credits}
    assert clerk.books.due(clerk.outside.clock.now(), 50).work == ()


def test_a_job_that_is_not_there(clerk: Clerk) -> None:
    assert clerk.books.job(row_id("test", "nobody")) is None
