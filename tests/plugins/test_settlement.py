"""Verdicts in words, and where a charge can stop: what is left behind, and how it ends."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connector.sync.sweep import Showings, cancel_orphans, sweep
from plugins.looking_again import look_again
from plugins.ports import BooksRefused, BooksUnreachable, Decline, Intent, IntentStatus, NoAnswer
from plugins.rules.ids import InvoiceId
from plugins.rules.ledger import ChargeStatus, InvoiceStatus, Outcome, Stage, Transaction, TransactionStatus
from plugins.rules.setup import ProfileType
from plugins.settlement import WHOLE
from plugins.verdicts import Verdict, verdict
from tests.builders import Office, a_payment, a_profile, an_account, an_invoice, named, usd
from tests.crashes.wire import Killed
from tests.fakes.books import unreachable
from tests.fakes.gateway import no_answer
from tests.fakes.surroundings import PatientTraffic


@pytest.fixture
def office() -> Office:
    made = Office()
    made.has(an_invoice("100.00"))
    return made


def killed(office: Office, at: str, times: int = 1, key: str = "the-charge") -> None:
    """A charge of 60.00 whose process dies there: `before confirm`, `after commit` …; the `times`-th of them."""
    moment, call = at.split()
    part: Any = office.gateway if call in {"create", "confirm", "read", "cancel"} else office.books
    seen: list[str] = []

    def die(name: str) -> None:
        seen.append(name)
        if seen.count(call) == times and name == call:
            raise Killed

    setattr(part, moment, die)
    with pytest.raises(Killed):
        office.charge("INV-1", "60.00", key=key)
    setattr(part, moment, lambda _: None)


def the_transaction(office: Office) -> Transaction:
    (found,) = office.transactions()
    return found


def after(office: Office, **time: float) -> Any:
    """The sweep, that much later."""
    office.clock.advance(**time)
    return sweep(office.outside)


def looked_at(office: Office) -> None:
    """As an event about its intent makes us do."""
    look_again(office.outside, the_transaction(office), office.clock.now() + WHOLE)


# --- Verdicts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "declined", "means"),
    [
        (IntentStatus.SUCCEEDED, False, Verdict.SUCCEEDED),
        (IntentStatus.PROCESSING, False, Verdict.PROCESSING),
        (IntentStatus.REQUIRES_CONFIRMATION, False, Verdict.UNCONFIRMED),
        (IntentStatus.REQUIRES_CONFIRMATION, True, Verdict.DECLINED),
        (IntentStatus.REQUIRES_PAYMENT_METHOD, True, Verdict.DECLINED),
        (IntentStatus.REQUIRES_PAYMENT_METHOD, False, Verdict.DECLINED),
        (IntentStatus.REQUIRES_ACTION, False, Verdict.DECLINED),
        (IntentStatus.REQUIRES_CAPTURE, False, Verdict.DECLINED),
        (IntentStatus.CANCELED, False, Verdict.CANCELLED),
        (IntentStatus.CANCELED, True, Verdict.CANCELLED),
    ],
)
def test_the_closed_table_of_verdicts(status: IntentStatus, declined: bool, means: Verdict) -> None:
    said = Intent("pi_1", status, usd("1.00"), decline=Decline("card_declined") if declined else None)
    assert verdict(said) is means


@pytest.mark.parametrize(
    "status",
    [IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_ACTION, IntentStatus.REQUIRES_CAPTURE],
)
def test_what_is_declined_is_cancelled_at_the_gateway_before_it_is_called_failed(
    office: Office, status: IntentStatus
) -> None:
    office.gateway.methods["pm_works"] = status
    order: list[str] = []
    office.gateway.after = order.append
    office.books.before = order.append
    answer = office.charge("INV-1", "60.00")
    assert answer.code == ("needs_customer" if status is IntentStatus.REQUIRES_ACTION else "declined")
    assert the_transaction(office).status is TransactionStatus.FAILED
    assert order[-2:] == ["cancel", "commit"]
    assert office.gateway.intents["pi_0000"].status is IntentStatus.CANCELED


def test_while_it_cannot_be_cancelled_it_is_not_called_failed(office: Office) -> None:
    """The customer could still pay it."""
    office.gateway.methods["pm_works"] = Decline("authentication_required", "authentication_required")
    office.gateway.before = no_answer("cancel")
    assert office.charge("INV-1", "60.00", key="the-charge").code == "unknown"
    assert the_transaction(office).status is TransactionStatus.PENDING
    assert after(office, minutes=2).failed == 1
    assert the_transaction(office).status is TransactionStatus.FAILED


def test_paid_by_the_customer_just_before_it_was_cancelled(office: Office) -> None:
    """The cancellation finds it succeeded, and that is what is written."""
    office.gateway.methods["pm_works"] = IntentStatus.REQUIRES_ACTION

    def pays(name: str) -> None:
        if name == "cancel":
            office.gateway.become("pi_0000", IntentStatus.SUCCEEDED)

    office.gateway.before = pays
    assert office.charge("INV-1", "60.00").code == "succeeded"
    assert office.shown().amount_charged == usd("60.00")


# --- It stops … --------------------------------------------------------------------------------------------------------


def test_before_reserve_the_same_key_uses_the_intent_that_is_there(office: Office) -> None:
    killed(office, "after create")
    assert office.transactions() == []
    assert office.charge("INV-1", "60.00", key="the-charge").code == "succeeded"
    assert list(office.gateway.intents) == ["pi_0000"]


def test_before_reserve_and_never_tried_again_it_is_cancelled_after_a_day(office: Office) -> None:
    killed(office, "after create")
    office.clock.advance(hours=23)
    assert cancel_orphans(office.outside) == 0
    office.clock.advance(hours=2)
    assert cancel_orphans(office.outside) == 1
    assert office.gateway.intents["pi_0000"].status is IntentStatus.CANCELED
    assert office.gateway.captured() == 0


def test_after_reserve_and_young_it_is_confirmed_for_the_user(office: Office) -> None:
    killed(office, "after commit")
    assert office.shown().pending_amount == usd("60.00")
    assert after(office, seconds=30).looked_at == 0, "whoever reserved has it to itself for a minute"
    assert after(office, seconds=40).done == 1
    assert office.shown().amount_charged == usd("60.00")
    assert office.gateway.captured() == 60_00


def test_after_reserve_and_old_it_is_cancelled(office: Office) -> None:
    killed(office, "before confirm")
    assert after(office, minutes=11).failed == 1
    assert the_transaction(office).status is TransactionStatus.CANCELLED
    (request,) = office.requests()
    assert (request.outcome, request.code) == (Outcome.FAILED, "not_sent")
    assert "Nothing was charged" in request.message
    assert (office.shown().pending_amount, office.shown().status) == (usd("0.00"), InvoiceStatus.BILLED)
    assert office.gateway.captured() == 0


def test_a_frozen_process_that_wakes_up_after_the_sweep_moves_no_money(office: Office) -> None:
    def sleeps(name: str) -> None:
        if name == "confirm":
            office.gateway.before = lambda _: None
            office.clock.advance(minutes=11)
            sweep(replace(office.outside, traffic=PatientTraffic(office.clock)))  # of another process

    office.gateway.before = sleeps
    late = office.charge("INV-1", "60.00", key="the-charge")
    assert late.outcome is Outcome.PENDING, "its time is over, and nobody waits for it"
    assert office.charge("INV-1", "60.00", key="the-charge").code == "not_sent"
    assert office.gateway.captured() == 0
    assert the_transaction(office).status is TransactionStatus.CANCELLED


def test_after_reserve_when_it_no_longer_fits_it_is_cancelled(office: Office) -> None:
    killed(office, "before confirm")
    others = an_invoice("50.00", status=InvoiceStatus.BILLED)  # a line was taken off the invoice
    office.books.add(others)
    assert after(office, minutes=2).failed == 1
    assert the_transaction(office).status is TransactionStatus.CANCELLED


def test_after_reserve_when_the_invoice_has_another_customer_it_is_cancelled(office: Office) -> None:
    killed(office, "before confirm")
    office.books.add(an_account("Tailspin Rail"), an_invoice("100.00", account="Tailspin Rail"))
    assert after(office, minutes=2).failed == 1
    assert office.gateway.captured() == 0


@pytest.mark.parametrize("where", ["after confirm", "before commit"])
def test_after_confirm_it_is_read_and_settled(office: Office, where: str) -> None:
    killed(office, where, times=2 if "commit" in where else 1)
    office.gateway.calls.clear()
    assert after(office, minutes=2).done == 1
    assert office.gateway.calls == ["read"], "no second confirmation"
    assert len(office.payments()) == 1


def test_settled_and_the_answer_lost_there_is_nothing_left_to_do(office: Office) -> None:
    killed(office, "after commit", times=2)
    assert after(office, minutes=2).looked_at == 0
    assert office.charge("INV-1", "60.00", key="the-charge").code == "succeeded"
    assert len(office.payments()) == 1


def test_the_crm_is_down_for_hours_after_a_charge(office: Office) -> None:
    commits: list[str] = []

    def breaks(name: str) -> None:
        commits.append(name)
        if commits.count("commit") > 1:
            unreachable(name)(name)

    office.books.before = breaks
    with pytest.raises(BooksUnreachable):
        office.charge("INV-1", "60.00", key="the-charge")
    assert office.gateway.captured() == 60_00

    office.clock.advance(hours=3)
    office.books.before = unreachable("due", times=1)
    assert sweep(office.outside).problems == ["the CRM does not answer: due: no answer"]
    assert sweep(office.outside).done == 1
    assert office.shown().amount_charged == usd("60.00")


def test_two_users_and_the_second_is_told_who_and_how_much(office: Office) -> None:
    answers: list[Any] = []

    def other_tab(name: str) -> None:
        if name == "confirm":
            office.gateway.before = lambda _: None
            answers.append(office.charge("INV-1", "100.00", key="other-tab"))

    office.gateway.before = other_tab
    assert office.charge("INV-1", "60.00").code == "succeeded"
    (second,) = answers
    assert second.code == "charge_in_progress"
    assert "60.00 USD by Nia Biller" in second.message
    assert office.gateway.captured() == 60_00


def test_the_same_event_ten_times_in_any_order_changes_nothing(office: Office) -> None:
    office.charge("INV-1", "60.00")
    before = dict(office.books.rows)
    for _ in range(10):
        looked_at(office)
    assert office.books.rows == before


# --- An end stands, but for a success -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", ["before confirm", "declined"])
def test_a_success_wins_over_what_was_written_and_somebody_is_told(office: Office, ended: str) -> None:
    if ended == "declined":
        office.gateway.methods["pm_works"] = Decline("card_declined", "generic_decline")
        office.charge("INV-1", "60.00", key="the-charge")
    else:
        killed(office, ended)
        after(office, minutes=11)
    assert the_transaction(office).status in {TransactionStatus.FAILED, TransactionStatus.CANCELLED}

    office.gateway.become("pi_0000", IntentStatus.SUCCEEDED)
    looked_at(office)
    record = the_transaction(office)
    assert (record.status, record.decline_code) == (TransactionStatus.SUCCEEDED, "")
    assert office.alerts.codes == ["success_after_failure"]
    assert office.shown().amount_charged == usd("60.00")
    (request,) = office.requests()
    assert (request.outcome, request.code) == (Outcome.DONE, "succeeded")
    assert request.transaction == record.id
    looked_at(office)
    assert len(office.payments()) == 1


@pytest.mark.parametrize("later", [IntentStatus.CANCELED, IntentStatus.REQUIRES_PAYMENT_METHOD])
def test_a_success_that_is_written_is_never_taken_back(office: Office, later: IntentStatus) -> None:
    office.charge("INV-1", "60.00")
    before = dict(office.books.rows)
    office.gateway.become("pi_0000", later, Decline("card_declined"))
    looked_at(office)
    assert office.books.rows == before


def test_a_success_that_comes_after_the_room_was_used_stays_undisbursed(office: Office) -> None:
    killed(office, "before confirm")
    after(office, minutes=11)
    office.charge("INV-1", "100.00")
    office.gateway.become("pi_0000", IntentStatus.SUCCEEDED)
    first = next(each for each in office.transactions() if each.gateway_reference == "pi_0000")
    look_again(office.outside, first, office.clock.now() + WHOLE)
    late = next(each for each in office.payments() if each.transaction == first.id)
    assert (late.disbursed, late.undisbursed) == (usd("0.00"), usd("60.00"))
    assert office.ledger().balance == usd("-60.00")


def test_an_event_that_cannot_be_looked_up_is_not_taken_as_heard(office: Office) -> None:
    killed(office, "before confirm")
    after(office, minutes=11)
    office.gateway.before = no_answer("read")
    with pytest.raises(NoAnswer):
        looked_at(office)


# --- The CRM says no ----------------------------------------------------------------------------------------------------


def test_a_row_that_the_crm_refuses_leaves_the_charge_pending_and_is_tried_again(office: Office) -> None:
    seen: list[str] = []

    def refuses(name: str) -> None:
        seen.append(name)
        if seen.count("commit") == 2 and name == "commit":
            raise BooksRefused("a required column is missing", named("a payment"))

    office.books.before = refuses
    with pytest.raises(BooksRefused):
        office.charge("INV-1", "60.00", key="the-charge")
    assert the_transaction(office).status is TransactionStatus.PENDING
    assert after(office, minutes=2).done == 1
    assert office.gateway.captured() == 60_00


def test_an_invoice_that_stays_locked_is_tried_ever_more_rarely(office: Office) -> None:
    office.books.refuses_invoice = True
    office.charge("INV-1", "60.00")
    showings = Showings()
    for minutes in (1, 1, 5, 30):
        office.clock.advance(minutes=minutes)
        counts = sweep(office.outside, showings)
        assert (counts.looked_at, counts.done) == (1, 0)
        office.clock.advance(seconds=50)
        assert sweep(office.outside, showings).looked_at == 0
    office.books.refuses_invoice = False
    office.clock.advance(hours=1)
    assert sweep(office.outside, showings).looked_at == 0, "two hours after the last"
    office.clock.advance(hours=1)
    assert sweep(office.outside, showings).done == 1
    assert office.shown().amount_charged == usd("60.00")
    assert office.ledger().to_show == ""
    assert the_transaction(office).next_check_on is None


def test_an_older_charge_that_was_still_to_be_shown_does_not_hide_a_newer_one(office: Office) -> None:
    office.books.refuses_invoice = True
    office.gateway.methods["pm_works"] = Decline("card_declined", "generic_decline")
    office.charge("INV-1", "60.00")
    office.books.refuses_invoice = False
    del office.gateway.methods["pm_works"]
    assert office.charge("INV-1", "60.00").code == "succeeded"
    assert office.shown().last_charge_status is ChargeStatus.SUCCEEDED
    after(office, minutes=2)
    assert office.ledger().to_show == ""
    assert office.shown().last_charge_status is ChargeStatus.SUCCEEDED


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_settlement_that_conflicts_or_gets_lost_is_decided_anew(office: Office, moment: str, times: int) -> None:  # fmt: skip
    killed(office, "after confirm")
    setattr(office.books, moment, unreachable("commit", times=times))
    assert after(office, minutes=2).done == 1
    assert len(office.payments()) == 1


def test_money_that_waited_takes_the_room_that_a_failed_charge_leaves(office: Office) -> None:  # I21
    office.gateway.methods["pm_works"] = Decline("card_declined", "generic_decline")
    office.charge("INV-1", "1.00")  # opens the billing account
    office.books.add(a_payment("30.00", ledger=office.ledger().id, number=office.ledger().last_number + 1))
    office.charge("INV-1", "60.00")
    (disbursed,) = office.disbursements()
    assert disbursed.amount == usd("30.00")
    assert (office.shown().other_payments, office.shown().balance) == (usd("30.00"), usd("70.00"))


# --- Bank debits --------------------------------------------------------------------------------------------------------


def debit(office: Office, key: str = "the-debit") -> Transaction:
    account = a_profile("ACH •••• 6789", method="pm_debit", type=ProfileType.ACH_DEBIT, expiry="")
    office.books.add(account)
    assert office.charge("INV-1", "60.00", key=key, PaymentProfileId=account.id).code == "processing"
    return the_transaction(office)


def test_a_debit_is_looked_at_daily_until_it_ends(office: Office) -> None:
    assert debit(office).stage is Stage.PROCESSING
    for day in range(1, 6):
        assert after(office, hours=23).looked_at == 0
        assert after(office, hours=2).pending == 1
        assert the_transaction(office).checks == day
    office.gateway.become("pi_0000", IntentStatus.SUCCEEDED)
    assert after(office, days=2).done == 1
    assert office.alerts.codes == []


def test_a_debit_that_never_ends_is_for_a_person_after_three_weeks(office: Office) -> None:
    debit(office)
    for _ in range(10):
        after(office, days=2)
    assert office.alerts.codes == []
    assert after(office, days=2).pending == 1
    assert office.alerts.codes == ["transaction_overdue"]


@pytest.mark.parametrize("status", [IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.CANCELED])
def test_a_debit_that_fails_says_why_and_gives_its_room_back(office: Office, status: IntentStatus) -> None:
    debit(office)
    office.gateway.become("pi_0000", status, Decline("account_closed", message="Closed."))
    looked_at(office)
    record = the_transaction(office)
    assert (record.status, record.result_code) == (TransactionStatus.FAILED, "account_closed")
    assert office.shown().pending_amount == usd("0.00")


# --- Nobody answers ------------------------------------------------------------------------------------------------------


def test_a_gateway_that_stays_silent_is_asked_ever_more_rarely_and_after_two_weeks_a_person(
    office: Office,
) -> None:
    always: Callable[[str], None] = no_answer("confirm", "read", times=10_000)
    office.gateway.before = always
    office.charge("INV-1", "60.00", key="the-charge")
    waits = []
    for _ in range(7):
        row = the_transaction(office)
        assert row.next_check_on is not None
        office.clock.advance(seconds=(row.next_check_on - office.clock.now()).total_seconds())
        at = office.clock.now()
        assert sweep(office.outside).pending == 1
        later = the_transaction(office).next_check_on
        assert later is not None
        waits.append((later - at).total_seconds() / 60)
    assert waits == [1, 5, 30, 120, 360, 360, 360]
    assert office.alerts.codes == []
    assert after(office, days=14).pending == 1
    assert office.alerts.codes == ["transaction_overdue"]

    office.gateway.before = lambda _: None
    assert after(office, hours=6).failed == 1, "it was never confirmed, and it is too late now"


def test_an_intent_that_the_gateway_does_not_know_is_for_a_person_at_once(office: Office) -> None:
    """Another Stripe account's key, say."""
    killed(office, "before confirm")
    office.gateway.intents.clear()
    assert after(office, minutes=2).pending == 1
    assert office.alerts.codes == ["transaction_overdue"]
    assert the_transaction(office).status is TransactionStatus.PENDING


def test_an_invoice_is_left_alone_by_what_happens_to_another(office: Office) -> None:
    office.books.add(an_invoice("50.00", "INV-2"))
    killed(office, "before confirm")
    before = office.books.invoice(InvoiceId(named("INV-2")))
    after(office, minutes=11)
    assert replace(office.books.invoice(InvoiceId(named("INV-2")))) == before
