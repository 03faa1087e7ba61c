"""Bill runs: worked example X14, what a run closes and passes over, and that it ends whatever becomes of its call."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.sync.sweep import sweep
from plugins.actions import Answer
from plugins.open_invoice import ACTION as OPEN_INVOICE
from plugins.open_invoice import open_invoice
from plugins.ports import BooksRefused, BooksUnreachable
from plugins.rules.bill_runs import NO_CREDIT, NOT_CLOSED, NOTHING_OPEN
from plugins.rules.ledger import Invoice, InvoiceStatus, Kind, Ledger, LedgerState, LedgerStatus, Outcome
from plugins.rules.runs import BillRun, BillRunLine, LineOutcome, RunStatus
from plugins.rules.setup import BillingGroup, Delivery
from plugins.run_billing import ACTION, carry_on, run_billing
from tests.builders import BILLER, a_ledger, an_account, named, usd
from tests.clerk import Clerk, amounts, midnight
from tests.fakes.books import PAGE, unreachable

GROUP = named("Monthly")


@pytest.fixture
def clerk() -> Clerk:
    """X14: I1 of 100.00 is closed, the account is cancelled, and two credits wait for an invoice."""
    made = Clerk(billing_group=GROUP)
    made.debit("100.00")
    made.close()
    set_group(made)
    made.books.add(replace(made.ledger, status=LedgerStatus.CANCELLED))
    made.credit("20.00")
    made.credit("15.00")
    return made


def set_group(clerk: Clerk, **fields: Any) -> None:
    given: dict[str, Any] = {"close_cancelled": True, "delivery": Delivery.NONE, "template": None} | fields
    clerk.books.add(BillingGroup(id=GROUP, name="Monthly", **given))


def asked(clerk: Clerk, key: str = "", **given: Any) -> Answer:
    return clerk.ask(ACTION, run_billing, GROUP, key, **given)


def lines(clerk: Clerk) -> list[tuple[LineOutcome, str]]:
    return [(each.outcome, each.reason) for each in clerk.books.all(BillRunLine)]


def run_of(clerk: Clerk) -> BillRun:
    (found,) = clerk.books.all(BillRun)
    assert isinstance(found, BillRun)
    return found


def invoices(clerk: Clerk) -> list[Invoice]:
    return clerk.books.all(Invoice)


def another(clerk: Clerk, name: str, **fields: Any) -> Ledger:
    """Another account of the group, whose ledger nobody has used yet."""
    ledger = a_ledger(name, **{"billing_group": GROUP} | fields)
    clerk.books.add(an_account(name), ledger)
    return ledger


def test_without_the_option_nothing_happens(clerk: Clerk) -> None:
    # X14, E70
    set_group(clerk, close_cancelled=False)
    before = clerk.ledger
    assert asked(clerk).code == "succeeded"
    assert lines(clerk) == [(LineOutcome.SKIPPED, NOT_CLOSED)]
    assert (clerk.ledger, len(invoices(clerk))) == (before, 1)


def test_one_invoice_shows_all_credits_and_is_closed(clerk: Clerk) -> None:
    # X14, E68-E72, A8, I28
    answer = asked(clerk)
    assert answer.message == "Billing of Monthly has ended: 1 invoice made, 0 closed, 0 accounts passed over."
    assert lines(clerk) == [(LineOutcome.INVOICED, "")]
    made = invoices(clerk)[-1]
    assert len(invoices(clerk)) == 2
    shown = clerk.books.shown[made.id]
    assert (shown.ledger_state, shown.status) == (LedgerState.CLOSED, InvoiceStatus.COMPLETE)
    assert (shown.total, shown.balance, shown.credits_issued) == amounts("0.00", "0.00", "35.00")
    assert {each.invoice for each in clerk.entries(Kind.CREDIT)} == {made.id}
    assert [each.undisbursed for each in clerk.entries(Kind.CREDIT)] == list(amounts("20.00", "15.00"))
    assert (clerk.ledger.balance, clerk.ledger.open_invoice) == (usd("65.00"), None)
    assert (made.bill_run, made.closed_on) == (run_of(clerk).id, clerk.office.clock.now())
    assert run_of(clerk).invoiced == 1


def test_a_debit_on_the_cancelled_account_opens_an_invoice_all_the_same(clerk: Clerk) -> None:
    # X14: the debit rule has no exemption
    asked(clerk)
    clerk.debit("5.00")
    assert (clerk.ledger.balance, len(invoices(clerk))) == (usd("70.00"), 3)


def test_a_second_run_makes_no_second_invoice(clerk: Clerk) -> None:
    # I28
    asked(clerk)
    asked(clerk)
    assert len(invoices(clerk)) == 2
    assert lines(clerk)[-1] == (LineOutcome.SKIPPED, NO_CREDIT)


def test_payments_that_wait_are_displayed_on_it_but_make_none(clerk: Clerk) -> None:
    # A8: payments never trigger
    clerk.payment("10.00")
    asked(clerk)
    assert clerk.payments()[0].display_invoice == invoices(clerk)[-1].id
    clerk.payment("1.00")
    asked(clerk)
    assert (len(invoices(clerk)), lines(clerk)[-1]) == (2, (LineOutcome.SKIPPED, NO_CREDIT))


def test_an_open_invoice_of_an_account_in_the_group_is_closed(clerk: Clerk) -> None:
    # E71, E72, A29
    active = another(clerk, "Active")
    another(clerk, "Idle")
    invoice = clerk.debit("30.00", ledger=active.id).invoice
    asked(clerk)
    assert lines(clerk) == [
        (LineOutcome.SKIPPED, NOTHING_OPEN),
        (LineOutcome.INVOICED, ""),
        (LineOutcome.CLOSED, ""),
    ]
    assert invoice is not None
    shown = clerk.books.shown[invoice]
    assert (shown.ledger_state, shown.total_due, shown.bill_run) == (
        LedgerState.CLOSED,
        usd("30.00"),
        run_of(clerk).id,
    )
    run = run_of(clerk)
    assert (run.invoiced, run.closed, run.skipped, run.failed) == (1, 1, 1, 0)


def test_an_account_outside_the_group_is_left_alone(clerk: Clerk) -> None:
    other = another(clerk, "Other", billing_group=None)
    clerk.debit("30.00", ledger=other.id)
    asked(clerk)
    assert clerk.ledger_of("Other").open_invoice is not None


def test_on_a_cancelled_account_the_open_invoice_is_closed_and_waiting_credits_get_their_own(
    clerk: Clerk,
) -> None:
    # A7, I28: what an old invoice is opened again for attaches nothing that waits
    first = invoices(clerk)[0]
    clerk.done(OPEN_INVOICE, open_invoice, first.id)
    asked(clerk)
    assert clerk.ledger.open_invoice is None
    assert len(invoices(clerk)) == 2
    assert all(each.invoice == invoices(clerk)[1].id for each in clerk.entries(Kind.CREDIT))
    assert {each.bill_run for each in invoices(clerk)} == {run_of(clerk).id}


def test_the_group_has_a_say_in_how_its_invoices_look(clerk: Clerk) -> None:
    set_group(clerk, template=named("Fancy"))
    asked(clerk)
    assert invoices(clerk)[-1].template == named("Fancy")


def test_a_run_keeps_its_period_and_ends_with_counts(clerk: Clerk) -> None:
    answer = asked(clerk, key="the-bill-run", From=midnight("2026-11-01"), To=midnight("2026-11-30"))
    assert answer.outcome is Outcome.DONE
    run = run_of(clerk)
    assert (run.start, run.end, run.status, run.next_check_on) == (
        midnight("2026-11-01").date(),
        midnight("2026-11-30").date(),
        RunStatus.DONE,
        None,
    )
    assert '"invoiced": "1"' in clerk.request("the-bill-run").result


def test_a_group_of_many_accounts_goes_page_by_page(clerk: Clerk) -> None:
    for number in range(2 * PAGE):
        another(clerk, f"Idle {number:03}")
    asked(clerk)
    assert len(lines(clerk)) == 2 * PAGE + 1


def test_an_account_that_the_crm_keeps_from_being_billed_is_told_and_the_others_are_billed(
    clerk: Clerk,
) -> None:
    active = another(clerk, "Active")
    clerk.debit("30.00", ledger=active.id)
    clerk.books.refuses = {clerk.ledger.id}
    asked(clerk)
    assert sorted(outcome for outcome, _ in lines(clerk)) == [LineOutcome.CLOSED, LineOutcome.FAILED]
    assert run_of(clerk).failed == 1


def test_the_invoice_is_delivered_by_the_method_of_the_group(clerk: Clerk) -> None:
    # E72
    set_group(clerk, delivery=Delivery.EMAIL)
    clerk.books.add(replace(an_account(), email="billing@fabrikam.example"))
    asked(clerk)
    (email,) = clerk.office.mail.outbox
    assert email.regarding == invoices(clerk)[-1].id
    assert invoices(clerk)[-1].delivered_on is not None
    assert run_of(clerk).status is RunStatus.DONE


def test_an_invoice_that_was_opened_again_is_delivered_again(clerk: Clerk) -> None:
    # E49, E72: what the customer got before is not what it says now
    set_group(clerk, delivery=Delivery.PRINT)
    first = invoices(clerk)[0]
    clerk.books.add(replace(first, delivered_on=clerk.office.clock.now()))
    clerk.done(OPEN_INVOICE, open_invoice, first.id)
    clerk.office.clock.advance(days=1)
    asked(clerk)
    assert {each.delivered_on for each in invoices(clerk)} == {clerk.office.clock.now()}


def test_an_invoice_that_cannot_be_delivered_says_why_and_holds_up_nothing(clerk: Clerk) -> None:
    set_group(clerk, delivery=Delivery.EMAIL)
    asked(clerk)
    ((outcome, reason),) = lines(clerk)
    assert outcome is LineOutcome.INVOICED
    assert reason.startswith("Not delivered: Fabrikam Fibre has no e-mail address.")
    assert run_of(clerk).status is RunStatus.DONE


def test_what_the_call_has_no_time_for_the_sweep_carries_on(clerk: Clerk) -> None:
    # every call after the first rows takes longer than anybody waits
    clerk.books.before = lambda name: clerk.office.clock.advance(seconds=40) if name == "write" else None
    answer = asked(clerk, key="slow-bill-run")
    assert (answer.outcome, answer.code) == (Outcome.PENDING, "processing")
    assert lines(clerk) == []
    clerk.books.before = lambda _: None
    assert sweep(clerk.office.outside).carried_on == 0  # the call may still have it in hand
    clerk.office.clock.advance(minutes=1)
    assert sweep(clerk.office.outside).carried_on == 1
    assert asked(clerk, key="slow-bill-run").code == "succeeded"
    assert run_of(clerk).status is RunStatus.DONE


def test_the_same_key_runs_once(clerk: Clerk) -> None:
    # I34
    first = asked(clerk, key="run-once-only")
    clerk.credit("1.00")
    assert asked(clerk, key="run-once-only") == first
    assert len(invoices(clerk)) == 2


def test_a_silent_crm_leaves_the_run_due(clerk: Clerk) -> None:
    clerk.books.before = unreachable("commit", times=100)
    assert asked(clerk).outcome is Outcome.PENDING
    clerk.books.before = lambda _: None
    assert carry_on(clerk.office.outside, run_of(clerk), clerk.office.clock.now() + timedelta(seconds=50))
    assert lines(clerk) == [(LineOutcome.INVOICED, "")]


def test_a_run_that_the_crm_does_not_let_begin_is_refused(clerk: Clerk) -> None:
    def refuses(name: str) -> None:
        if name == "write":
            raise BooksRefused("a plug-in says no", None)

    clerk.books.before = refuses
    answer = asked(clerk)
    assert (answer.code, "a plug-in says no" in answer.message) == ("books_not_writable", True)
    clerk.books.before = lambda name: refuses("write") if name == "for_group" else None
    assert asked(clerk).code == "books_not_writable"


def test_a_run_that_is_read_too_late_is_not_begun(clerk: Clerk) -> None:
    clerk.books.before = lambda name: clerk.office.clock.advance(minutes=1) if name == "for_group" else None
    with pytest.raises(BooksUnreachable):
        asked(clerk)
    assert clerk.books.all(BillRun) == []


def left_to_the_sweep(clerk: Clerk, key: str) -> None:
    clerk.books.before = lambda name: clerk.office.clock.advance(seconds=40) if name == "write" else None
    asked(clerk, key)
    clerk.books.before = lambda _: None
    clerk.office.clock.advance(minutes=1)


def test_nobody_is_left_to_deliver_for(clerk: Clerk) -> None:
    set_group(clerk, delivery=Delivery.PRINT)
    left_to_the_sweep(clerk, "gone-user")
    clerk.books.add(replace(clerk.request("gone-user"), requested_by=None))
    sweep(clerk.office.outside)
    assert lines(clerk) == [
        (LineOutcome.INVOICED, "Not delivered: the user who began the run is not known any more.")
    ]


def test_a_run_ends_without_its_request(clerk: Clerk) -> None:
    left_to_the_sweep(clerk, "lost-request")
    clerk.books.rows.pop(clerk.request("lost-request").id)
    assert sweep(clerk.office.outside).carried_on == 1
    assert run_of(clerk).status is RunStatus.DONE


def test_an_account_that_was_cancelled_meanwhile_goes_by_the_option(clerk: Clerk) -> None:
    active = another(clerk, "Active")
    clerk.debit("30.00", ledger=active.id)
    set_group(clerk, close_cancelled=False)

    def cancelled(name: str) -> None:
        if name == "for_ledger":
            clerk.books.add(replace(clerk.ledger_of("Active"), status=LedgerStatus.CANCELLED))

    clerk.books.before = cancelled
    asked(clerk)
    assert lines(clerk) == [(LineOutcome.SKIPPED, NOT_CLOSED)] * 2
    assert clerk.ledger_of("Active").open_invoice is not None


def test_what_cannot_be_run_is_refused(clerk: Clerk) -> None:
    assert asked(clerk, From=midnight("2026-11-30"), To=midnight("2026-11-01")).code == "period_invalid"
    assert clerk.ask(ACTION, run_billing, named("gone")).code == "record_not_found"
    clerk.books.rights[BILLER] = frozenset()
    assert asked(clerk).code == "not_permitted"
    assert clerk.books.all(BillRun) == []
