"""Crediting usage: worked example Y5, a job that is carried out once, and what is refused at once."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from plugins.actions import Answer
from plugins.credit_usage import ACTION, carry_on, credit_usage
from plugins.ports import BooksUnreachable
from plugins.reverse_transaction import ACTION as REVERSE
from plugins.reverse_transaction import reverse_transaction
from plugins.rules.ledger import (
    Kind,
    Origin,
    TransactionTax,
    UsageRecord,
    UsageStatus,
)
from plugins.rules.runs import ItemOutcome, JobStatus, UsageCreditItem, UsageCreditJob
from plugins.rules.setup import Setting, TaxRate
from plugins.rules.usage_credits import MOST
from tests.builders import a_closed_period, a_ledger, an_account, currency_id, named, usd
from tests.clerk import Clerk, amounts
from tests.fakes.books import unreachable

Y5 = (("1.20", "0.16"), ("0.80", "0.10"), ("2.00", "0.26"))


@pytest.fixture
def clerk() -> Clerk:
    """Y5: three records of the filtered list, and others."""
    made = Clerk()
    made.books.add(*(a_record(f"call {each}", net, tax) for each, (net, tax) in enumerate(Y5)))
    made.books.add(*(a_record(f"other {each}", "9.00", "1.17") for each in range(7)))
    return made


def a_record(name: str, net: str = "1.00", tax: str = "0.13", **fields: Any) -> UsageRecord:
    given: dict[str, Any] = {
        "ledger": a_ledger().id,
        "used_on": Clerk().office.clock.now() - timedelta(days=2),
        "currency_id": currency_id("USD"),
        "net": usd(net),
        "tax": usd(tax),
        "gross": usd(net) + usd(tax),
        "service": None,
        "entry": None,
        "status": UsageStatus.UNBILLED,
        "credit": None,
    } | fields
    return UsageRecord(id=named(name), **given)


def asked(clerk: Clerk, *records: str, service: str | None = "Calls", key: str = "") -> Answer:
    given = {
        "UsageIds": [str(named(each)) for each in records],
        "ServiceId": named(service) if service else None,
    }
    return clerk.ask(ACTION, credit_usage, clerk.ledger.id, key, **given)


def job_of(clerk: Clerk) -> UsageCreditJob:
    (found,) = clerk.books.all(UsageCreditJob)
    assert isinstance(found, UsageCreditJob)
    return found


def carried_out(clerk: Clerk, job: UsageCreditJob | None = None) -> UsageCreditJob:
    assert carry_on(
        clerk.office.outside, job or job_of(clerk), clerk.office.clock.now() + timedelta(seconds=50)
    )
    return job_of(clerk)


def record(clerk: Clerk, name: str) -> UsageRecord:
    found = clerk.books.rows[named(name)]
    assert isinstance(found, UsageRecord)
    return found


CALLS = ("call 0", "call 1", "call 2")


def test_the_button_queues_a_job_and_changes_nothing_yet(clerk: Clerk) -> None:
    # Y5, E88, E102, A22
    answer = asked(clerk, *CALLS)
    assert (
        answer.message == "The credit of 3 records, 4.00 USD and 0.52 USD of tax, was added to the job queue."
    )
    job = job_of(clerk)
    assert (job.status, job.count, job.gross) == (JobStatus.QUEUED, 3, usd("4.52"))
    assert job.usage_ids.split() == [str(named(each)) for each in CALLS]
    assert job.next_check_on == clerk.office.clock.now()
    assert (clerk.ledger.balance, clerk.entries(Kind.CREDIT)) == (usd("0.00"), [])


def test_the_job_issues_one_credit(clerk: Clerk) -> None:
    # Y5, E79, E89, E103, E104, E186, I32
    asked(clerk, *CALLS)
    job = carried_out(clerk)
    (credit,) = clerk.entries(Kind.CREDIT)
    assert (credit.net, credit.tax, credit.gross) == amounts("4.00", "0.52", "4.52")
    assert (credit.origin, credit.automatic, credit.service) == (Origin.USAGE_CREDIT, False, named("Calls"))
    assert credit.account_service is None  # E186: usage has none
    assert (credit.period_start, credit.period_end) == (date(2026, 11, 18), date(2026, 11, 18))
    assert clerk.ledger.balance == usd("-4.52")
    assert (job.status, job.credited, job.skipped, job.credit) == (JobStatus.DONE, 3, 0, credit.id)
    assert job.next_check_on is None
    assert {(each.outcome, each.job) for each in clerk.books.all(UsageCreditItem)} == {
        (ItemOutcome.CREDITED, job.id)
    }
    assert len(clerk.books.all(UsageCreditItem)) == 3
    assert {record(clerk, each).status for each in CALLS} == {UsageStatus.CREDITED}
    assert record(clerk, "other 0").status is UsageStatus.UNBILLED
    (tax,) = clerk.books.all(TransactionTax)
    assert (tax.tax_rate, tax.base, tax.amount) == (named("GST 13"), *amounts("4.00", "0.52"))


def test_the_credit_is_displayed_on_the_open_invoice(clerk: Clerk) -> None:
    # E104, E08
    invoice = clerk.debit("10.00").invoice
    asked(clerk, *CALLS)
    carried_out(clerk)
    assert clerk.entries(Kind.CREDIT)[0].invoice == invoice
    assert clerk.shown(invoice) == amounts("0.00", "0.00", "10.00")  # E79: not disbursed by itself


def test_what_was_credited_is_not_credited_again(clerk: Clerk) -> None:
    # Y5, A22
    asked(clerk, *CALLS)
    first = job_of(clerk)
    carried_out(clerk)
    assert asked(clerk, *CALLS).code == "nothing_to_credit"
    carried_out(clerk)
    carry_on(clerk.office.outside, first, clerk.office.clock.now() + timedelta(seconds=50))
    assert len(clerk.entries(Kind.CREDIT)) == 1


def test_a_record_that_was_credited_meanwhile_is_skipped_and_reported(clerk: Clerk) -> None:
    # A22
    asked(clerk, *CALLS)
    clerk.books.add(replace(record(clerk, "call 1"), status=UsageStatus.CREDITED))
    job = carried_out(clerk)
    assert (job.status, job.credited, job.skipped) == (JobStatus.DONE, 2, 1)
    assert job.message == "Credit #1 of 3.62 USD was issued for 2 records. 1 record skipped."
    skipped = [each for each in clerk.books.all(UsageCreditItem) if each.outcome is ItemOutcome.SKIPPED]
    assert [(each.usage, each.reason) for each in skipped] == [(named("call 1"), "It was credited already.")]


def test_a_job_with_nothing_left_has_failed(clerk: Clerk) -> None:
    # A22
    asked(clerk, *CALLS)
    for each in CALLS[:2]:
        clerk.books.add(replace(record(clerk, each), status=UsageStatus.CREDITED))
    clerk.books.rows.pop(named("call 2"))
    job = carried_out(clerk)
    assert (job.status, job.message) == (
        JobStatus.FAILED,
        "No record of this job could be credited: 3 records skipped.",
    )
    assert clerk.ledger.balance == usd("0.00")


def test_a_record_that_went_to_another_account_is_skipped(clerk: Clerk) -> None:
    asked(clerk, *CALLS)
    clerk.books.add(an_account("Other"), a_ledger("Other"))
    clerk.books.add(replace(record(clerk, "call 0"), ledger=a_ledger("Other").id))
    assert carried_out(clerk).credited == 2


def test_records_whose_amounts_are_gone_are_not_credited(clerk: Clerk) -> None:
    asked(clerk, "call 0")
    clerk.books.add(replace(record(clerk, "call 0"), net=usd("0.00"), tax=usd("0.00")))
    job = carried_out(clerk)
    assert (job.status, clerk.entries(Kind.CREDIT)) == (JobStatus.FAILED, [])
    assert record(clerk, "call 0").status is UsageStatus.UNBILLED


def test_after_its_credit_was_reversed_usage_can_be_credited_again(clerk: Clerk) -> None:
    # I32
    asked(clerk, *CALLS)
    carried_out(clerk)
    clerk.done(REVERSE, reverse_transaction, clerk.entries(Kind.CREDIT)[0].id)
    assert record(clerk, "call 0").status is UsageStatus.UNBILLED
    assert asked(clerk, *CALLS).code == "succeeded"


def test_no_tax_is_credited_where_usage_is_not_taxed(clerk: Clerk) -> None:
    # E91
    setting = next(iter(clerk.books.all(Setting)))
    clerk.books.add(replace(setting, usage_taxing=False))
    asked(clerk, *CALLS, service="Untaxed")
    carried_out(clerk)
    (credit,) = clerk.entries(Kind.CREDIT)
    assert (credit.gross, credit.tax_exempt, clerk.books.all(TransactionTax)) == (usd("4.00"), True, [])


def test_tax_is_shared_among_the_rates_of_the_service(clerk: Clerk) -> None:
    # E92
    gst = next(iter(clerk.books.all(TaxRate)))
    clerk.books.add(replace(gst, id=named("QST"), name="QST", rate=gst.rate * 2))
    asked(clerk, *CALLS)
    carried_out(clerk)
    assert sorted(each.amount.minor for each in clerk.books.all(TransactionTax)) == [17, 35]


def test_without_a_rate_in_force_the_tax_is_credited_all_the_same(clerk: Clerk) -> None:
    asked(clerk, *CALLS)
    gst = next(iter(clerk.books.all(TaxRate)))
    clerk.books.add(replace(gst, category=named("another")))
    carried_out(clerk)
    (tax,) = clerk.books.all(TransactionTax)
    assert (tax.tax_rate, tax.amount) == (None, usd("0.52"))


def test_it_is_posted_on_the_first_open_day(clerk: Clerk) -> None:
    # A30
    clerk.books.add(a_closed_period("2026-11-01", "2026-11-25"))
    asked(clerk, *CALLS)
    carried_out(clerk)
    (credit,) = clerk.entries(Kind.CREDIT)
    assert (credit.dated, credit.posting_date) == (date(2026, 11, 20), date(2026, 11, 26))


def test_a_full_list_fits(clerk: Clerk) -> None:
    names = [f"many {each}" for each in range(MOST)]
    clerk.books.add(*(a_record(each) for each in names))
    assert asked(clerk, *names).code == "succeeded"
    assert carried_out(clerk).credited == MOST


@pytest.mark.parametrize(
    ("records", "service", "code"),
    [
        ((), "Calls", "usage_missing"),  # Y5, A22: no filter, no list
        (tuple(f"many {each}" for each in range(MOST + 1)), "Calls", "too_many_records"),
        (("not there",), "Calls", "usage_of_another_account"),
        (CALLS, None, "service_missing"),  # E100
        (CALLS, "gone", "service_not_found"),
        (CALLS, "Untaxed", "tax_category_missing"),  # E92
    ],
)
def test_what_cannot_be_credited_is_refused_at_once(
    clerk: Clerk, records: tuple[str, ...], service: str | None, code: str
) -> None:
    assert asked(clerk, *records, service=service).code == code
    assert clerk.books.all(UsageCreditJob) == []


def test_records_of_another_account_are_refused(clerk: Clerk) -> None:
    clerk.books.add(an_account("Other"), a_ledger("Other"))
    clerk.books.add(a_record("theirs", ledger=a_ledger("Other").id))
    assert asked(clerk, "call 0", "theirs").code == "usage_of_another_account"


def test_records_worth_nothing_are_refused(clerk: Clerk) -> None:
    clerk.books.add(a_record("free", "0.00", "0.00"))
    assert asked(clerk, "free").code == "nothing_to_credit"


def test_a_conflict_is_tried_again(clerk: Clerk) -> None:
    # I34
    asked(clerk, *CALLS)
    seen: list[str] = []

    def meanwhile(name: str) -> None:
        if name == "commit" and not seen:
            seen.append(name)
            clerk.books.add(clerk.ledger)

    clerk.books.before = meanwhile
    assert carried_out(clerk).status is JobStatus.DONE
    assert len(clerk.entries(Kind.CREDIT)) == 1


def test_a_lost_answer_is_found_by_the_next_attempt(clerk: Clerk) -> None:
    asked(clerk, *CALLS)
    queued = job_of(clerk)
    clerk.books.after = unreachable("commit")
    with pytest.raises(BooksUnreachable):
        carried_out(clerk)
    assert carried_out(clerk, queued).status is JobStatus.DONE
    assert len(clerk.entries(Kind.CREDIT)) == 1


def test_out_of_time_it_waits(clerk: Clerk) -> None:
    asked(clerk, *CALLS)
    assert not carry_on(clerk.office.outside, job_of(clerk), clerk.office.clock.now())
    assert job_of(clerk).status is JobStatus.QUEUED
