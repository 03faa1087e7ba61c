"""Charge runs: the plan is what is charged, once, whatever becomes of whoever charges it; and every line says why."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.sync.sweep import sweep
from plugins.charge_run import MOST_SILENCES, carry_on
from plugins.looking_again import look_again
from plugins.plan_charge_run import ACTION as PLAN
from plugins.plan_charge_run import plan_charge_run
from plugins.ports import BooksRefused, IntentStatus
from plugins.rules.ids import InvoiceId
from plugins.rules.ledger import InvoiceStatus, Outcome, Source, TransactionStatus
from plugins.rules.runs import ChargeOutcome, ChargeRun, ChargeRunLine, ChargeRunStatus, charge_line_key
from plugins.rules.setup import Profile, ProfileStatus
from plugins.start_charge_run import ACTION as START
from plugins.start_charge_run import start_charge_run
from tests.builders import BILLER, ORGANISATION, a_ledger, named, usd
from tests.charge_run_office import ChargeRunOffice
from tests.fakes.books import PAGE, unreachable
from tests.fakes.gateway import no_answer

PLANNED, SKIPPED, SUCCEEDED, FAILED, PENDING = (
    ChargeOutcome.PLANNED,
    ChargeOutcome.SKIPPED,
    ChargeOutcome.SUCCEEDED,
    ChargeOutcome.FAILED,
    ChargeOutcome.PENDING,
)


@pytest.fixture
def office() -> ChargeRunOffice:
    """Four customers: a card that works, one that declines, a bank debit, and nothing on file."""
    made = ChargeRunOffice()
    made.customer("Works", auto_charge=True)
    made.customer("Declines", "pm_declines")
    made.customer("Debit", "pm_debit")
    made.customer("Nothing on file", on_file=False)
    made.owes("Works", "100.00", "INV-1")
    made.owes("Declines", "50.00", "INV-2")
    made.owes("Debit", "70.00", "INV-3")
    made.owes("Nothing on file", "30.00", "INV-4")
    return made


def test_a_plan_says_what_would_be_charged_and_why_not(office: ChargeRunOffice) -> None:
    answer = office.plan()
    assert (answer.outcome, answer.code) == (Outcome.DONE, "succeeded")
    assert answer.message == (
        "The charge run is planned: 3 invoices to charge, 220.00 USD; 1 left out. "
        "Nothing is charged before it is started."
    )
    assert office.outcomes() == {"INV-1": PLANNED, "INV-2": PLANNED, "INV-3": PLANNED, "INV-4": SKIPPED}
    assert (office.line("INV-1").amount, office.line("INV-1").profile) == (
        usd("100.00"),
        named("Card of Works"),
    )
    left_out = office.line("INV-4")
    assert (left_out.code, left_out.amount) == ("no_payment_profile", None)
    assert left_out.reason == (
        "Billing contract BC-1 has no payment profile. Select one on the contract, then charge the invoice."
    )
    run = office.run
    assert (run.status, run.planned, run.skipped) == (ChargeRunStatus.PLANNED, 3, 1)
    assert run.totals == "Planned: 220.00 USD"
    assert len(run.plan_hash) == 64
    assert run.planned_on == office.clock.now()
    assert run.next_check_on is None
    assert office.gateway.calls == []
    assert office.transactions() == []


def test_a_run_charges_exactly_its_plan(office: ChargeRunOffice) -> None:
    office.plan()
    hashed = office.run.plan_hash
    answer = office.start()
    assert answer.message == "The run has started: 3 invoices, 220.00 USD. Its lines show what is done."
    office.carry_on()
    assert office.outcomes() == {"INV-1": SUCCEEDED, "INV-2": FAILED, "INV-3": PENDING, "INV-4": SKIPPED}
    assert office.line("INV-2").reason == "The card has insufficient funds."
    assert office.gateway.captured() == office.succeeded() == 10_000
    run = office.run
    assert (run.status, run.planned, run.succeeded, run.failed, run.pending, run.skipped) == (
        ChargeRunStatus.RUNNING,
        0,
        1,
        1,
        1,
        1,
    )
    assert run.totals == "Succeeded: 100.00 USD\nFailed: 50.00 USD\nPending: 70.00 USD"
    assert (run.plan_hash, run.started_by) == (hashed, BILLER)
    for line in office.lines():
        request = office.request_of(line.id)
        if line.outcome is not SKIPPED:
            assert request is not None
            assert (request.source, request.requested_by) == (Source.RUN, BILLER)
            assert line.transaction in {each.id for each in office.transactions()}


def test_what_is_under_way_at_a_bank_is_followed_up_until_it_ends(office: ChargeRunOffice) -> None:
    office.plan()
    office.start()
    office.carry_on()
    office.carry_on(days=1)
    assert office.line("INV-3").outcome is PENDING
    for reference, intent in office.gateway.intents.items():
        if intent.status is IntentStatus.PROCESSING:
            office.gateway.become(reference, IntentStatus.SUCCEEDED)
    office.carry_on(days=1)
    office.carry_on(minutes=6)
    assert office.line("INV-3").outcome is SUCCEEDED
    assert (office.run.status, office.run.next_check_on) == (ChargeRunStatus.DONE, None)
    assert office.gateway.captured() == office.succeeded() == 17_000


def test_a_balance_that_changed_since_the_plan_is_not_charged(office: ChargeRunOffice) -> None:
    office.plan()
    office.charge("INV-1", "40.00")
    office.start()
    office.carry_on()
    line = office.line("INV-1")
    assert (line.outcome, line.code) == (SKIPPED, "balance_changed")
    assert line.reason.startswith("The balance of invoice INV-1 is now 60.00 USD (was 100.00 USD).")
    assert office.gateway.captured() == 4_000


def test_a_profile_that_was_deactivated_since_the_plan_is_not_charged(office: ChargeRunOffice) -> None:
    office.plan()
    card = next(each for each in office.books.all(Profile) if each.name == "Card of Works")
    office.books.add(replace(card, status=ProfileStatus.DEACTIVATED))
    office.start()
    office.carry_on()
    assert (office.line("INV-1").outcome, office.line("INV-1").code) == (SKIPPED, "profile_not_usable")


def test_the_filter_narrows_the_plan(office: ChargeRunOffice) -> None:
    office.plan(auto_charge=True)
    assert set(office.outcomes()) == {"INV-1"}
    office.plan(currency="eur")
    assert office.lines() == []
    office.plan(invoices=[str(named("INV-2")), str(named("INV-4"))])
    assert office.outcomes() == {"INV-2": PLANNED, "INV-4": SKIPPED}
    office.plan(currency="USD", at_most="60.00")
    assert office.outcomes() == {"INV-1": SKIPPED, "INV-2": PLANNED, "INV-3": SKIPPED, "INV-4": SKIPPED}
    assert office.line("INV-1").code == "above_at_most"
    assert office.line("INV-1").reason == (
        "100.00 USD is due on invoice INV-1, more than the 60.00 USD of the filter. Charge it by itself."
    )


def test_a_plan_over_a_billing_group_takes_its_accounts_in_its_currency(office: ChargeRunOffice) -> None:
    group = named("Monthly")
    office.books.add(a_ledger("Works", billing_group=group), a_ledger("Declines"))
    office.books.add(a_ledger("Declines", "EUR", billing_group=group))
    office.plan(billing_group=str(group))
    assert office.outcomes() == {"INV-1": PLANNED, "INV-2": SKIPPED}
    assert office.line("INV-2").code == "not_in_group"


def test_a_plan_takes_invoices_up_to_a_day(office: ChargeRunOffice) -> None:
    day = office.clock.now().date()
    office.owes("Works", "1.00", "INV-5", dated=day - timedelta(days=3))
    office.owes("Works", "1.00", "INV-6", dated=day)
    office.plan(dated_to=(day - timedelta(days=1)).isoformat())
    assert set(office.outcomes()) == {"INV-5"}


def test_named_invoices_are_told_why_they_are_left_out(office: ChargeRunOffice) -> None:
    office.owes("Works", "5.00", "INV-7", status=InvoiceStatus.COMPLETE)
    office.charge("INV-1", "100.00")
    office.plan(invoices=[str(named("INV-7")), str(named("INV-1"))])
    assert {each.code for each in office.lines()} == {"not_chargeable"}
    office.owes("Works", "0.00", "INV-8")
    office.plan(invoices=[str(named("INV-8"))])
    assert office.line("INV-8").code == "nothing_due"


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (None, "Say which invoices to charge"),
        ("nonsense", "It is not JSON"),
        ("[]", "It is not a JSON object"),
        ("[" * 100_000, "It is not JSON"),
        ('{"customers": []}', "It has nothing called customers"),
        ('{"billing_group": "x"}', "'x' is not an id"),
        ('{"currency": "dollars"}', "'dollars' is not a currency such as USD"),
        ('{"dated_to": "31.1.2026"}', "'31.1.2026' is not a date"),
        ('{"dated_to": "2026-02-30"}', "'2026-02-30' is not a date"),
        ('{"auto_charge": "yes"}', "auto_charge is true or false"),
        ('{"invoices": []}', "invoices is a list of 1 to 1000 ids"),
        ('{"invoices": ["x"]}', "'x' is not an id"),
        ('{"at_most": "5.00"}', "choose its currency as well"),
        ('{"at_most": 5.00, "currency": "USD"}', None),
        ('{"at_most": 5, "currency": "USD"}', "an amount in quotation marks"),
        ('{"at_most": "0", "currency": "USD"}', "an amount above zero"),
        ('{"at_most": "1.005", "currency": "USD"}', "USD has 2 decimals"),
    ],
)
def test_a_filter_that_cannot_be_read_is_never_guessed_at(
    office: ChargeRunOffice, wanted: str | None, why: str | None
) -> None:
    answer = plan_charge_run(office.call(PLAN.name, None, Filter=wanted), office.outside)
    if why is None:
        assert answer.outcome is Outcome.DONE
        return
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "filter_invalid")
    assert why in answer.message
    assert office.books.all(ChargeRun) == []


def test_a_plan_of_many_goes_on_page_by_page_and_cannot_be_started_before_it_is_complete(
    office: ChargeRunOffice,
) -> None:
    for number in range(2 * PAGE):
        office.owes("Works", "1.00", f"INV-{1000 + number}")
    office.books.before = lambda name: office.clock.advance(seconds=1) if name == "for_charge" else None
    answer = office.plan(key="a-long-plan")
    assert (answer.outcome, answer.code) == (Outcome.PENDING, "processing")
    assert 0 < len(office.lines()) < PAGE
    assert office.run.planned + office.run.skipped == len(office.lines())
    refused = office.start()
    assert (refused.outcome, refused.code) == (Outcome.REFUSED, "still_planning")
    office.carry_on()
    office.carry_on()
    office.carry_on()
    assert len(office.lines()) == 2 * PAGE + 4
    done = office.plan(key="a-long-plan")
    assert done.message.startswith(
        "The charge run is planned: 103 invoices to charge, 320.00 USD; 1 left out."
    )
    assert office.start().outcome is Outcome.DONE


def test_a_paused_run_stops_before_the_next_line_and_goes_on_when_it_is_started(
    office: ChargeRunOffice,
) -> None:
    office.plan()
    office.start()
    paused: list[str] = []

    def pause_while_charging(name: str) -> None:
        if name == "confirm" and not paused:
            paused.append(name)
            office.pause()

    office.gateway.before = pause_while_charging
    office.carry_on()
    assert office.outcomes() == {"INV-1": SUCCEEDED, "INV-2": PLANNED, "INV-3": PLANNED, "INV-4": SKIPPED}
    assert office.run.status is ChargeRunStatus.PAUSED
    office.carry_on(minutes=3)
    assert (office.run.status, office.run.planned) == (ChargeRunStatus.PAUSED, 2)
    office.start()
    office.carry_on()
    assert office.outcomes() == {"INV-1": SUCCEEDED, "INV-2": FAILED, "INV-3": PENDING, "INV-4": SKIPPED}
    assert office.gateway.captured() == 10_000


def test_a_cancelled_run_charges_nothing_more(office: ChargeRunOffice) -> None:
    office.plan()
    office.start()
    cancelled: list[str] = []

    def cancel_while_charging(name: str) -> None:
        if name == "confirm" and not cancelled:
            cancelled.append(name)
            office.cancel()

    office.gateway.before = cancel_while_charging
    office.carry_on()
    office.carry_on(minutes=3)
    assert office.outcomes() == {"INV-1": SUCCEEDED, "INV-2": SKIPPED, "INV-3": SKIPPED, "INV-4": SKIPPED}
    assert office.line("INV-2").reason == "The run was cancelled before this invoice was charged."
    assert (office.run.status, office.run.next_check_on) == (ChargeRunStatus.CANCELLED, None)
    assert office.start().code == "run_ended"


def test_whoever_comes_late_to_a_cancelled_line_finds_its_key_taken(office: ChargeRunOffice) -> None:
    """The one who charges had read its books before the run was cancelled, and writes after."""
    office.plan()
    office.start()
    seen: list[str] = []

    def cancel_after_reading(name: str) -> None:
        if name == "for_charge" and not seen:
            seen.append(name)
            office.cancel()
            run = office.run
            office.books.rows[run.id] = replace(run, next_check_on=office.clock.now())
            carry_on(office.outside, office.run, office.clock.now() + timedelta(seconds=50))

    office.books.after = cancel_after_reading
    office.carry_on()
    assert set(office.outcomes().values()) == {SKIPPED}
    assert office.gateway.captured() == 0


def test_a_plan_that_is_cancelled_ends(office: ChargeRunOffice) -> None:
    for number in range(PAGE):
        office.owes("Works", "1.00", f"INV-{1000 + number}")
    office.books.before = lambda name: office.clock.advance(seconds=1) if name == "for_charge" else None
    office.plan(key="given-up")
    office.cancel()
    office.carry_on()
    answer = office.plan(key="given-up")
    assert (answer.outcome, answer.code) == (Outcome.FAILED, "run_cancelled")
    assert set(office.outcomes().values()) == {SKIPPED}
    assert len(office.lines()) < PAGE


def test_killed_between_the_charge_and_its_line_the_key_tells_what_became_of_it(
    office: ChargeRunOffice,
) -> None:
    office.plan()
    office.start()
    writes: list[str] = []

    def dies(name: str) -> None:
        if name == "write":
            writes.append(name)
            if len(writes) == 2:  # the first takes the run in hand
                raise SystemExit

    office.books.before = dies
    with pytest.raises(SystemExit):
        office.carry_on()
    office.books.before = lambda _: None
    assert office.line("INV-1").outcome is PLANNED
    assert office.gateway.captured() == 10_000
    office.carry_on(minutes=1)
    assert office.line("INV-1").outcome is PLANNED  # somebody might still be at it
    office.carry_on(minutes=2)
    assert office.line("INV-1").outcome is SUCCEEDED
    assert office.gateway.captured() == office.succeeded() == 10_000


def test_killed_and_paused_the_line_says_what_became_of_it_all_the_same(office: ChargeRunOffice) -> None:
    office.plan()
    office.start()
    office.gateway.after = _dies_after("confirm")
    with pytest.raises(SystemExit):
        office.carry_on()
    office.gateway.after = lambda _: None
    office.pause()
    office.carry_on(minutes=3)
    office.carry_on(minutes=6)
    assert office.outcomes() == {"INV-1": SUCCEEDED, "INV-2": PLANNED, "INV-3": PLANNED, "INV-4": SKIPPED}
    assert (office.run.status, office.run.next_check_on) == (ChargeRunStatus.PAUSED, None)


def _dies_after(wanted: str) -> Any:
    def act(name: str) -> None:
        if name == wanted:
            raise SystemExit

    return act


def test_an_answer_that_never_comes_is_pending_until_it_is_known(office: ChargeRunOffice) -> None:
    office.plan()
    office.start()
    office.gateway.after = no_answer("confirm", "read", times=2)
    office.carry_on()
    assert office.line("INV-1").outcome is PENDING
    office.carry_on(minutes=2)
    office.carry_on(minutes=6)
    assert office.line("INV-1").outcome is SUCCEEDED
    assert office.succeeded() == office.gateway.captured()


def test_a_success_that_comes_late_always_wins(office: ChargeRunOffice) -> None:
    office.plan()
    office.start()
    office.carry_on()
    failed = next(each for each in office.transactions() if each.status is TransactionStatus.FAILED)
    office.gateway.become(failed.gateway_reference, IntentStatus.SUCCEEDED)
    look_again(office.outside, failed, office.clock.now() + timedelta(seconds=50))
    office.carry_on(minutes=6)
    assert office.line("INV-2").outcome is SUCCEEDED
    assert office.succeeded() == office.gateway.captured()


def test_a_processor_that_cannot_be_reached_pauses_the_run(office: ChargeRunOffice) -> None:
    for number in range(6):
        office.owes("Works", "10.00", f"INV-{20 + number}")
    office.plan(invoices=[str(named(f"INV-{20 + number}")) for number in range(6)])
    office.start()
    office.gateway.before = no_answer("create", times=100)
    office.carry_on()
    run = office.run
    assert (run.status, run.skipped, run.planned) == (
        ChargeRunStatus.PAUSED,
        MOST_SILENCES,
        6 - MOST_SILENCES,
    )
    assert run.message.startswith("The payment processor could not be reached several times in a row")
    assert office.alerts.codes == ["charge_run_paused"]
    office.gateway.before = lambda _: None
    office.start()
    office.carry_on()
    assert (office.run.status, office.run.message) == (ChargeRunStatus.DONE, "")
    assert office.gateway.captured() == office.succeeded() == 3_000


def test_a_silent_crm_leaves_the_run_due(office: ChargeRunOffice) -> None:
    office.plan()
    office.start()
    office.books.before = unreachable("commit", times=100)
    office.carry_on()
    office.books.before = lambda _: None
    office.carry_on(minutes=3)
    office.carry_on(minutes=6)
    assert office.line("INV-1").outcome is SUCCEEDED
    assert office.gateway.captured() == office.succeeded()


def test_two_at_once_charge_each_line_once(office: ChargeRunOffice) -> None:
    """Another service believes the first to be dead while it waits for the payment processor."""
    office.plan()
    office.start()
    again: list[str] = []

    def meanwhile(name: str) -> None:
        if name == "confirm" and not again:
            again.append(name)
            office.clock.advance(minutes=3)
            carry_on(office.outside, office.run, office.clock.now() + timedelta(seconds=50))

    office.gateway.before = meanwhile
    office.carry_on()
    office.carry_on(minutes=3)
    office.carry_on(minutes=6)
    assert office.outcomes() == {"INV-1": SUCCEEDED, "INV-2": FAILED, "INV-3": PENDING, "INV-4": SKIPPED}
    assert office.gateway.captured() == office.succeeded() == 10_000


def test_each_is_charged_on_behalf_of_whoever_started_the_run(office: ChargeRunOffice) -> None:
    office.plan()
    office.start()
    office.books.rights[BILLER] = frozenset()
    office.carry_on()
    assert {each.code for each in office.lines()} == {"not_permitted", "no_payment_profile"}
    assert office.gateway.captured() == 0


def test_what_cannot_be_done_with_a_run_is_refused(office: ChargeRunOffice) -> None:
    office.plan()
    assert office.pause().code == "run_not_running"
    office.start()
    assert office.start().code == "run_running"
    office.carry_on()
    office.plan(invoices=[str(named("INV-4"))])
    assert office.start().code == "nothing_planned"
    office.books.rights[BILLER] = frozenset()
    assert office.start().code == "not_permitted"
    assert office.cancel().code == "not_permitted"


def test_an_ended_run_stays_as_it_is(office: ChargeRunOffice) -> None:
    office.plan(invoices=[str(named("INV-1"))])
    office.start()
    office.carry_on()
    assert office.run.status is ChargeRunStatus.DONE
    for ask in (office.start, office.pause, office.cancel):
        answer = ask()
        assert answer.code == "run_ended"
    assert office.start().message == "This run has ended. Plan another run."


def test_a_run_that_is_not_there_is_refused(office: ChargeRunOffice) -> None:
    answer = start_charge_run(office.call(START.name, named("no run")), office.outside)
    assert answer.code == "record_not_found"


def test_the_same_key_plans_and_starts_once(office: ChargeRunOffice) -> None:
    first = office.plan(key="one-plan-only")
    assert office.plan(key="one-plan-only") == first
    assert len(office.books.all(ChargeRun)) == 1
    office.start(key="one-start-only")
    office.pause()
    assert office.start(key="one-start-only").outcome is Outcome.DONE
    assert office.run.status is ChargeRunStatus.PAUSED


def test_an_invoice_that_cannot_be_read_is_left_out_and_the_others_are_planned(
    office: ChargeRunOffice,
) -> None:
    reads: list[str] = []

    def refuses(name: str) -> None:
        if name == "for_charge":
            reads.append(name)
            if len(reads) == 1:
                raise BooksRefused("a row does not fit", None)

    office.books.before = refuses
    office.plan()
    assert office.line("INV-1").code == "books_not_readable"
    assert office.run.planned == 2


def test_a_run_ends_without_the_request_that_planned_it(office: ChargeRunOffice) -> None:
    office.books.before = lambda name: office.clock.advance(seconds=40) if name == "write" else None
    office.plan(key="lost-plan")
    office.books.before = lambda _: None
    office.books.rows.pop(next(each.id for each in office.requests() if each.key == "lost-plan"))
    office.carry_on(minutes=3)
    assert office.run.planned_on is not None


def test_invoices_of_one_customer_are_charged_each_for_itself(office: ChargeRunOffice) -> None:
    office.owes("Works", "25.00", "INV-9")
    office.plan(invoices=[str(named("INV-1")), str(named("INV-9"))])
    office.start()
    office.carry_on()
    assert office.outcomes() == {"INV-1": SUCCEEDED, "INV-9": SUCCEEDED}
    assert office.gateway.captured() == 12_500


def test_a_key_that_was_used_for_something_else_is_told(office: ChargeRunOffice) -> None:
    office.plan(invoices=[str(named("INV-1"))])
    office.charge("INV-2", "1.00", key=charge_line_key(office.line("INV-1").id))
    office.start()
    office.carry_on()
    assert (office.line("INV-1").outcome, office.line("INV-1").code) == (SKIPPED, "request_key_reused")


def test_the_sweep_counts_what_it_carried_on(office: ChargeRunOffice) -> None:
    office.plan(invoices=[str(InvoiceId(named("INV-1")))])
    office.start()
    assert sweep(office.outside).carried_on == 1
    lines: list[ChargeRunLine] = office.lines()
    assert [each.outcome for each in lines] == [SUCCEEDED]


def test_a_run_that_came_in_a_copy_of_its_environment_charges_nothing_there(office: ChargeRunOffice) -> None:
    """An administrator has set the copy up; the original may be charging the same run to the same cards."""
    office.plan()
    planned = office.run
    office.start()
    planning = next(each for each in office.requests() if each.id == planned.request)
    of_the_original = planning.result.replace(str(ORGANISATION), str(named("the original")))
    assert of_the_original != planning.result
    office.books.rows[planning.id] = replace(planning, result=of_the_original)
    office.carry_on()
    assert (office.run.status, office.gateway.captured()) == (ChargeRunStatus.PAUSED, 0)
    assert office.run.message.startswith("This run was planned in another environment")
    assert office.run.next_check_on is None
    assert office.alerts.codes == ["charge_run_paused"]
    answer = office.start()
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "planned_elsewhere")
    assert office.cancel().outcome is Outcome.DONE
    office.carry_on()
    assert (office.run.id, office.run.status) == (planned.id, ChargeRunStatus.CANCELLED)
    assert office.outcomes()["INV-1"] is SKIPPED


def test_a_pass_without_time_for_all_of_a_run_leaves_it_due_at_once(office: ChargeRunOffice) -> None:
    for number in range(4):
        office.owes("Works", "10.00", f"INV-{20 + number}")
    office.plan(invoices=[str(named(f"INV-{20 + number}")) for number in range(4)])
    office.start()

    def slow(name: str) -> None:
        if name == "confirm":
            office.clock.advance(seconds=17)

    office.gateway.before = slow
    office.carry_on()
    assert office.run.planned == 1
    assert office.run.next_check_on is not None
    assert office.run.next_check_on <= office.clock.now()
