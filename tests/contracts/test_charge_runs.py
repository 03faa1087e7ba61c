"""Charge runs, whatever the books are: who is planned, what each filter takes, and that a run ends as its plan says."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.charge_runs import _minor
from connector.sync.sweep import sweep
from plugins import cancel_charge_run, pause_charge_run, plan_charge_run, start_charge_run
from plugins.ports import Conflict
from plugins.rules.changes import Update
from plugins.rules.ids import InvoiceId
from plugins.rules.ledger import Outcome
from plugins.rules.money import Money
from plugins.rules.runs import (
    ChargeFilter,
    ChargeOutcome,
    ChargeRun,
    ChargeRunBooks,
    ChargeRunStatus,
    charge_line_id,
    charge_run_id,
)
from sandbox.demo.story import row_id
from tests.contracts.ledger_story import Clerk
from tests.contracts.promises import BILLER, key_of
from tests.contracts.stages import STRANGER, MemoryStage, SandboxStage
from tests.fakes.clock import ManualClock

NO_RUN = row_id("test", "no run")
MONTHLY = row_id("cfl_billinggroup", "Monthly")


@pytest.fixture
def clerk(stage: MemoryStage | SandboxStage) -> Clerk:
    return Clerk(stage)


def invoice(number: str) -> InvoiceId:
    return InvoiceId(row_id("invoice", number))


def planned(clerk: Clerk, **wanted: Any) -> UUID:
    """The run, once its plan is complete."""
    given = {"Filter": json.dumps(wanted)}
    answer = clerk.ask(plan_charge_run.ACTION, plan_charge_run.plan_charge_run, None, **given)
    run = charge_run_id(key_of(f"clerk-key-{clerk.asked:03}"))
    while answer.outcome is Outcome.PENDING:
        _later(clerk)
        request = clerk.books.request(key_of(f"clerk-key-{clerk.asked:03}"))
        assert request is not None
        if request.outcome is not Outcome.PENDING:
            break
    return run


def started(clerk: Clerk, run: UUID) -> None:
    answer = clerk.ask(start_charge_run.ACTION, start_charge_run.start_charge_run, run)
    assert answer.outcome is Outcome.DONE, answer


def read(clerk: Clerk, run: UUID, line: UUID | None = None) -> ChargeRunBooks:
    return clerk.books.for_charge_run(run, None, BILLER, line)


def run_of(clerk: Clerk, run: UUID) -> ChargeRun:
    found = read(clerk, run).run
    assert found is not None
    return found


def line(clerk: Clerk, run: UUID, number: str) -> tuple[ChargeOutcome, str]:
    found = read(clerk, run, charge_line_id(run, invoice(number))).line
    assert found is not None
    return found.outcome, found.code


def numbers(clerk: Clerk, wanted: ChargeFilter) -> list[str]:
    return sorted(each.number for each in clerk.books.candidates(NO_RUN, wanted))


def _later(clerk: Clerk, **time: float) -> None:
    assert isinstance(clerk.outside.clock, ManualClock)
    clerk.outside.clock.advance(**time or {"minutes": 3})
    sweep(clerk.outside)


def test_what_a_filter_takes(clerk: Clerk) -> None:
    everything = numbers(clerk, ChargeFilter())
    assert {"INV-1001", "INV-1006", "INV-1010"} <= set(everything)
    assert len(everything) == len(set(everything))
    euros = numbers(clerk, ChargeFilter(currency="EUR"))
    assert 0 < len(euros) < len(everything)
    assert numbers(clerk, ChargeFilter(currency="CHF")) == []
    by_themselves = numbers(clerk, ChargeFilter(auto_charge=True))
    assert "INV-1010" in by_themselves
    assert len(by_themselves) < len(everything)
    named = ChargeFilter(invoices=(invoice("INV-1001"), invoice("INV-1010")))
    assert numbers(clerk, named) == ["INV-1001", "INV-1010"]
    today = clerk.stage.clock.now().date()
    assert numbers(clerk, ChargeFilter(dated_to=today)) == everything
    assert numbers(clerk, ChargeFilter(dated_to=today.replace(year=2000))) == []
    in_group = numbers(clerk, ChargeFilter(billing_group=MONTHLY))
    assert len(in_group) < len(everything)


def test_a_run_over_everything_that_is_charged_by_itself(clerk: Clerk) -> None:
    run = planned(clerk, auto_charge=True)
    before = read(clerk, run)
    assert before.run is not None
    assert before.run.status is ChargeRunStatus.PLANNED
    assert before.run.planned == len(before.planned) > 3
    assert "ReadAccess" in before.rights
    assert line(clerk, run, "INV-1010") == (ChargeOutcome.SKIPPED, "no_payment_profile")
    assert line(clerk, run, "INV-1001") == (ChargeOutcome.PLANNED, "")
    sums = Counter[str]()
    for each in before.planned:
        assert each.amount is not None
        sums[each.amount.currency] += each.amount.minor
    told = ", ".join(str(Money(sums[each], each)) for each in sorted(sums))
    assert before.run.totals == f"Planned: {told}"

    started(clerk, run)
    _later(clerk, minutes=1)
    after = read(clerk, run)
    assert after.run is not None
    assert (after.run.status, after.run.next_check_on) == (ChargeRunStatus.DONE, None)
    assert (after.planned, after.run.planned, after.run.succeeded) == ((), 0, before.run.planned)
    assert after.run.totals == f"Succeeded: {told}"
    assert after.run.plan_hash == before.run.plan_hash
    assert after.run.started_by == BILLER
    assert line(clerk, run, "INV-1001") == (ChargeOutcome.SUCCEEDED, "succeeded")
    assert numbers(clerk, ChargeFilter(invoices=(invoice("INV-1001"),))) == ["INV-1001"]
    assert "INV-1001" not in numbers(clerk, ChargeFilter(auto_charge=True))


def test_a_run_is_paused_gone_on_with_and_cancelled(clerk: Clerk) -> None:
    run = planned(clerk, auto_charge=True)
    started(clerk, run)
    clerk.ask(pause_charge_run.ACTION, pause_charge_run.pause_charge_run, run)
    _later(clerk)
    assert (run_of(clerk, run).status, run_of(clerk, run).succeeded) == (ChargeRunStatus.PAUSED, 0)
    clerk.ask(cancel_charge_run.ACTION, cancel_charge_run.cancel_charge_run, run)
    _later(clerk)
    ended = run_of(clerk, run)
    assert (ended.status, ended.planned, ended.succeeded) == (ChargeRunStatus.CANCELLED, 0, 0)
    assert line(clerk, run, "INV-1001") == (ChargeOutcome.SKIPPED, "run_cancelled")


def test_what_is_due_are_runs_with_something_to_do(clerk: Clerk) -> None:
    run = planned(clerk, currency="USD")
    now = clerk.outside.clock.now()
    assert clerk.books.due(now, 50).work == ()
    started(clerk, run)
    assert [each.id for each in clerk.books.due(now, 50).work] == [run]


def test_two_who_write_one_run_do_not_overwrite_each_other(clerk: Clerk) -> None:
    run = run_of(clerk, planned(clerk, currency="USD"))
    etags = clerk.books.write(Update(run, _with_message(run, "one")))
    assert etags[run.id]
    with pytest.raises(Conflict):
        clerk.books.write(Update(run, _with_message(run, "other")))
    assert run_of(clerk, run.id).message == "one"


def _with_message(run: ChargeRun, message: str) -> ChargeRun:
    return replace(run, message=message)


def test_a_run_that_is_not_there_and_one_that_is_not_seen(clerk: Clerk) -> None:
    assert read(clerk, NO_RUN).run is None
    run = planned(clerk, currency="USD")
    assert "ReadAccess" not in clerk.books.for_charge_run(run, None, STRANGER).rights


def test_a_sum_that_is_none_of_the_currency_holds_up_no_run() -> None:
    """Whether the platform sums in the rows' own currency only a real one can tell."""
    assert [_minor("12.50", "USD"), _minor("1234.5678", "USD"), _minor(None, "USD"), _minor("5", "")] == [
        1250,
        0,
        0,
        0,
    ]
