"""Carrying on: what a run, a payment batch or a usage credit job has left to do, whoever began it."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from plugins import (
    cancel_charge_run,
    charge_run,
    credit_usage,
    plan_charge_run,
    post_batch,
    run_billing,
    start_charge_run,
)
from plugins.ports import BooksError, BooksUnreachable, Outside
from plugins.rules.changes import Update
from plugins.rules.runs import BillRun, ChargeRun, PaymentBatch, UsageCreditJob, Work

LEAVES_WORK = frozenset(
    {
        credit_usage.ACTION.name,
        plan_charge_run.ACTION.name,
        start_charge_run.ACTION.name,
        cancel_charge_run.ACTION.name,
    }
)
"""Actions after which the sweep has something to do at once."""
TRIED_AGAIN = timedelta(minutes=10)
"""Work that the CRM keeps from being carried on is tried again after this."""


def carry_on(outside: Outside, work: Work, until: datetime) -> bool:
    """Whether it has ended. Raises `BooksUnreachable`: the CRM is silent, and the work is as due as before."""
    if outside.traffic.is_in_hand(str(work.id)):
        return False
    try:
        with outside.traffic.in_hand(str(work.id)):
            return _carried_on(outside, work, until)
    except BooksUnreachable:
        raise
    except BooksError as error:
        outside.alerts.alert(
            "work_in_trouble",
            f"A run, a batch or a job could not be carried on ({error}); it is tried again later.",
            work=str(work.id),
        )
        with suppress(BooksError):
            later = outside.clock.now() + TRIED_AGAIN
            outside.books.write(Update(work, replace(work, next_check_on=later)))
        return False


def _carried_on(outside: Outside, work: Work, until: datetime) -> bool:
    match work:
        case UsageCreditJob():
            return credit_usage.carry_on(outside, work, until)
        case BillRun():
            return run_billing.carry_on(outside, work, until)
        case PaymentBatch():
            return post_batch.carry_on(outside, work, until)
        case ChargeRun():
            return charge_run.carry_on(outside, work, until)
        case _:
            assert_never(work)
