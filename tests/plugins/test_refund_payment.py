"""Refunds: through the gateway that the payment came from, or only recorded (E143-E146, E170-E174, A10, A16, A17)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from connector.sync.sweep import sweep
from plugins.actions import Answer
from plugins.delete_disbursement import ACTION as DELETE
from plugins.delete_disbursement import delete_disbursement
from plugins.disburse import ACTION as DISBURSE
from plugins.disburse import disburse
from plugins.looking_again import look_again
from plugins.ports import BooksRefused, GatewayRefused, Refund, RefundStatus
from plugins.reverse_payments import ACTION as REVERSE
from plugins.reverse_payments import reverse_payments
from plugins.rules.checks import WholeBooks, problems
from plugins.rules.ids import payment_id, request_id, returned_id, transaction_id
from plugins.rules.ledger import (
    Operation,
    Outcome,
    Payment,
    RefundMode,
    Stage,
    Transaction,
    TransactionStatus,
)
from plugins.save_payment import ACTION as SAVE
from plugins.save_payment import save_payment
from plugins.settlement import WHOLE
from tests.builders import (
    Office,
    a_closed_period,
    a_disbursement,
    a_ledger,
    a_payment,
    a_setting,
    an_invoice,
    named,
    usd,
)
from tests.crashes.wire import Killed
from tests.fakes.books import unreachable
from tests.fakes.gateway import no_answer

KEY = "the-refund"
OTHER = "other-refund"


@pytest.fixture
def office() -> Office:
    """100.00 was charged to an invoice that owed as much."""
    made = Office()
    made.has(an_invoice("100.00"), is_default=True)
    made.books.add(a_ledger())
    assert made.charge("INV-1", "100.00", key="the-charge").code == "succeeded"
    return made


def charged(office: Office) -> Payment:
    return next(each for each in office.payments() if each.id == payment_id(transaction_id(request_id("the-charge"))))  # fmt: skip


def of_refund(office: Office, key: str = KEY) -> Transaction:
    found = office.books.rows[transaction_id(request_id(key))]
    assert isinstance(found, Transaction)
    return found


def negative(office: Office, key: str = KEY) -> Payment:
    found = office.books.rows[payment_id(transaction_id(request_id(key)))]
    assert isinstance(found, Payment)
    return found


def after(office: Office, **duration: float) -> Any:
    office.clock.advance(**duration)
    return sweep(office.outside)


def reverse(office: Office, payment: Payment) -> Answer:
    return reverse_payments(office.call(REVERSE.name, None, PaymentIds=[str(payment.id)]), office.outside)


def left_pending(office: Office, amount: str | None = None, key: str = KEY) -> None:
    """A refund whose process dies before it is sent."""

    def dies(name: str) -> None:
        if name == "refund":
            raise Killed

    office.gateway.before = dies
    with pytest.raises(Killed):
        office.refund(charged(office), amount, key=key)
    office.gateway.before = lambda _: None


def in_order(office: Office) -> bool:
    """The books, and that they and the gateway agree."""
    assert problems(WholeBooks.of(office.books.rows.values(), office.books.shown)) == []
    through = [each.amount.minor for each in office.payments() if each.transaction is not None]
    assert sum(through) == office.gateway.captured() - office.gateway.refunded()
    return True


# --- Through the gateway -------------------------------------------------------------------------------------------------


def test_a_full_refund_gives_all_back_and_opens_the_invoice(office: Office) -> None:  # E145 E170-E172
    answer = office.refund(charged(office), key=KEY)
    assert (answer.outcome, answer.code) == (Outcome.DONE, "succeeded")
    assert answer.message.startswith("100.00 USD was refunded to Visa •••• 4242.")
    payment = charged(office)
    assert (payment.is_refunded, payment.refunded, payment.disbursed) == (True, usd("100.00"), usd("0.00"))
    back = negative(office)
    assert (back.amount, back.refund_of, back.refund_mode) == (
        usd("-100.00"),
        payment.id,
        RefundMode.CARD_REFUND,
    )
    assert (back.detail, back.transaction) == (f"(Reversed Payment #{payment.number})", of_refund(office).id)
    assert office.shown().balance == usd("100.00")
    assert in_order(office)


def test_a_part_takes_only_that_part_off(office: Office) -> None:  # E143 A17
    assert office.refund(charged(office), "30.00", key=KEY).code == "succeeded"
    payment = charged(office)
    assert (payment.is_refunded, payment.refunded, payment.disbursed) == (False, usd("30.00"), usd("70.00"))
    assert office.shown().balance == usd("30.00")
    answer = office.refund(charged(office), key=OTHER)
    assert answer.message.startswith("70.00 USD"), "what is left, unless told"
    assert charged(office).is_refunded
    assert in_order(office)


def test_the_transaction_of_a_refund_names_what_it_gives_back(office: Office) -> None:
    office.refund(charged(office), "30.00", key=KEY)
    found = of_refund(office)
    parent = next(each for each in office.transactions() if each.operation is Operation.CHARGE)
    assert (found.operation, found.status, found.stage) == (
        Operation.REFUND,
        TransactionStatus.SUCCEEDED,
        Stage.FINAL,
    )
    assert (found.parent, found.refunded_payment, found.invoice) == (parent.id, charged(office).id, None)
    assert (found.gateway_reference, found.payment) == ("re_0001", negative(office).id)
    (order,) = office.gateway.refund_orders.values()
    assert order.idempotency_key == f"refund-{found.id}"
    assert order.metadata["counterfoil_transaction"] == str(found.id)


def test_it_is_promised_before_it_is_sent(office: Office) -> None:
    seen: list[Transaction] = []
    office.gateway.before = lambda name: seen.append(of_refund(office)) if name == "refund" else None
    office.refund(charged(office), key=KEY)
    assert [(each.status, each.stage) for each in seen] == [(TransactionStatus.PENDING, Stage.RESERVED)]
    assert seen[0].gateway_reference == str(seen[0].id), "the gateway's own id is not known yet"


def test_the_same_key_again_is_the_same_answer(office: Office) -> None:
    first = office.refund(charged(office), "30.00", key=KEY)
    assert office.refund(charged(office), "30.00", key=KEY) == first
    assert office.gateway.refunded() == 30_00


def test_a_refund_of_a_made_payment_and_of_a_deposit(office: Office) -> None:  # A10 A36
    office.pay("40.00", key="the-deposit", Deposit=True)
    deposit = negative(office, "the-deposit")
    assert office.refund(deposit, "15.00", key=KEY).code == "succeeded"
    assert negative(office).deposit
    assert office.ledger().deposit_balance == usd("25.00")
    assert in_order(office)


def test_a_bank_that_takes_its_time(office: Office) -> None:
    office.gateway.refund_becomes = RefundStatus.PENDING
    answer = office.refund(charged(office), key=KEY)
    assert (answer.outcome, answer.code) == (Outcome.PENDING, "processing")
    found = of_refund(office)
    assert (found.stage, found.gateway_reference) == (Stage.PROCESSING, "re_0001")
    assert not charged(office).is_refunded, "only once it succeeded"
    office.gateway.refund_become("re_0001", RefundStatus.SUCCEEDED)
    assert after(office, hours=25).done == 1
    assert charged(office).is_refunded
    assert office.check(KEY).code == "succeeded"
    assert in_order(office)


@pytest.mark.parametrize("status", [RefundStatus.FAILED, RefundStatus.CANCELED])
def test_a_refund_that_fails_changes_nothing(office: Office, status: RefundStatus) -> None:
    office.gateway.refund_becomes = RefundStatus.REQUIRES_ACTION
    office.refund(charged(office), key=KEY)
    office.gateway.refund_become("re_0001", status, "declined")
    assert after(office, hours=25).failed == 1
    found = of_refund(office)
    assert (found.status, found.result_code) == (TransactionStatus.FAILED, "declined")
    assert found.result.startswith("The bank declined the refund. Nothing was refunded.")
    assert (charged(office).refunded, charged(office).disbursed) == (usd("0.00"), usd("100.00"))
    assert office.refund(charged(office), key=OTHER).outcome is Outcome.PENDING, "it may be tried again"
    assert office.gateway.refunded() == 100_00


def test_what_the_gateway_refuses_is_a_failed_record(office: Office) -> None:
    """Somebody refunded at the gateway itself."""

    def gone(name: str) -> None:
        if name == "refund":
            raise GatewayRefused("charge_already_refunded", "Charge ch_1 has already been refunded.")

    office.gateway.before = gone
    answer = office.refund(charged(office), key=KEY)
    assert (answer.outcome, answer.code) == (Outcome.FAILED, "rejected")
    assert answer.message == (
        "The payment processor refused the refund: Charge ch_1 has already been refunded. Nothing was refunded."
    )
    assert (of_refund(office).status, of_refund(office).result_code) == (
        TransactionStatus.FAILED,
        "charge_already_refunded",
    )
    assert not charged(office).refunded


# --- Refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0.00", "amount_invalid"),
        ("-1.00", "amount_invalid"),
        ("0.001", "amount_invalid"),
        ("100.01", "amount_above_unrefunded"),
    ],
)
@pytest.mark.parametrize("through", [True, False, None])
def test_amounts_that_cannot_be_given_back(
    office: Office, amount: str, code: str, through: bool | None
) -> None:
    before = {key: row for key, row in office.books.rows.items() if isinstance(row, Payment | Transaction)}
    given: dict[str, Any] = {} if through is None else {"ThroughGateway": through}
    answer = office.refund(charged(office), amount, **given)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    assert {key: row for key, row in office.books.rows.items() if key in before} == before
    assert office.gateway.refunded() == 0


def test_what_is_refunded_is_not_refunded_again(office: Office) -> None:
    office.refund(charged(office), key=KEY)
    assert office.refund(charged(office)).code == "already_refunded"
    assert office.refund(negative(office)).code == "not_refundable"
    assert reverse(office, charged(office)).code == "already_refunded"


def test_a_payment_from_elsewhere_is_not_refunded_through_the_gateway(office: Office) -> None:
    cheque = a_payment("20.00", "a cheque", ledger=office.ledger().id, number=90)
    office.books.add(cheque)
    answer = office.refund(cheque, ThroughGateway=True)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "not_through_processor")
    assert f"Payment #{cheque.number} did not come through the payment processor" in answer.message


def test_a_payment_that_is_gone(office: Office) -> None:
    assert office.refund(a_payment(name="nobody's")).code == "record_not_found"


def test_who_cannot_see_the_payment_refunds_nothing(office: Office) -> None:
    office.books.rights = {each: frozenset() for each in office.books.names}
    assert office.refund(charged(office)).code == "not_permitted"


@pytest.mark.parametrize("through", ["yes", 1])
def test_a_choice_is_yes_or_no(office: Office, through: object) -> None:
    assert office.refund(charged(office), ThroughGateway=through).code == "parameter_invalid"


def test_a_charge_of_another_environment_is_not_refunded_from_a_copy(office: Office) -> None:
    """The copy was set up as an environment of its own; its rows are still about the original's money."""
    reference = charged_reference(office)
    intent = office.gateway.intents[reference]
    office.gateway.intents[reference] = replace(
        intent, metadata={**intent.metadata, "counterfoil_organization": str(named("the original"))}
    )
    answer = office.refund(charged(office), key=KEY)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "not_at_processor")
    assert "refund" not in office.gateway.calls
    assert office.refund(charged(office), ThroughGateway=False).code == "succeeded"


def charged_reference(office: Office) -> str:
    return next(
        each.gateway_reference for each in office.transactions() if each.operation is Operation.CHARGE
    )


def test_in_a_copy_of_the_environment_nothing_is_refunded(office: Office) -> None:
    office.books.add(a_setting(organization=str(named("the original"))))
    assert office.refund(charged(office)).code == "wrong_environment"
    assert office.refund(charged(office), ThroughGateway=False).code == "wrong_environment"


def test_a_gateway_that_cannot_be_reached(office: Office) -> None:
    office.gateway.before = no_answer("read")
    answer = office.refund(charged(office))
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "processor_unreachable")
    assert "Nothing was refunded" in answer.message


def test_nobody_chooses_when_a_bank_takes_it(office: Office) -> None:
    other_day = datetime(2026, 11, 1, tzinfo=UTC)
    assert office.refund(charged(office), PostingDate=other_day).code == "posting_date_not_possible"
    today = datetime(2026, 11, 20, tzinfo=UTC)
    assert office.refund(charged(office), PostingDate=today).code == "succeeded"


# --- Only recorded ---------------------------------------------------------------------------------------------------------


def test_a_cheque_is_given_back_otherwise(office: Office) -> None:
    cheque = a_payment("20.00", "a cheque", ledger=office.ledger().id, number=90)
    office.books.add(cheque)
    answer = office.refund(cheque, "5.00", key=KEY)
    assert (answer.outcome, answer.code) == (Outcome.DONE, "succeeded")
    back = next(each for each in office.payments() if each.refund_of == cheque.id)
    assert (back.amount, back.refund_mode, back.transaction) == (usd("-5.00"), RefundMode.REFUND, None)
    assert office.gateway.refunded() == 0
    assert of_payment(office, cheque).refunded == usd("5.00")


def of_payment(office: Office, payment: Payment) -> Payment:
    found = office.books.rows[payment.id]
    assert isinstance(found, Payment)
    return found


def test_a_charge_may_be_given_back_otherwise(office: Office) -> None:
    assert office.refund(charged(office), "60.00", ThroughGateway=False).code == "succeeded"
    assert office.gateway.refunded() == 0
    assert office.refund(charged(office), "60.00").code == "amount_above_unrefunded"
    assert office.refund(charged(office), "40.00").code == "succeeded"


def test_a_posting_date_may_be_chosen_where_nobody_is_asked(office: Office) -> None:  # A30
    office.books.add(a_closed_period("2026-10-01", "2026-10-31"))
    closed = datetime(2026, 10, 5, tzinfo=UTC)
    assert office.refund(charged(office), "1.00", ThroughGateway=False, PostingDate=closed).code == "posting_period_closed"  # fmt: skip
    open_day = datetime(2026, 11, 5, tzinfo=UTC)
    office.refund(charged(office), "1.00", ThroughGateway=False, PostingDate=open_day)
    assert office.payments()[-1].posting_date == open_day.date()


# --- What is in flight counts as given ---------------------------------------------------------------------------------


def test_two_refunds_at_once_do_not_give_back_more_than_was_paid(office: Office) -> None:
    """60.00 twice of 100.00: the second is decided while the first is about to be reserved."""
    seen: list[Answer] = []

    def other_tab(name: str) -> None:
        if name == "read" and not seen:
            seen.append(Answer(Outcome.PENDING, "", ""))
            seen[0] = office.refund(charged(office), "60.00", key=OTHER)

    office.gateway.before = other_tab
    answer = office.refund(charged(office), "60.00", key=KEY)
    assert seen[0].code == "succeeded"
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "amount_above_unrefunded")
    assert office.gateway.refunded() == 60_00
    assert in_order(office)


@pytest.mark.parametrize("how", ["refund", "rest", "recorded", "reverse"])
def test_what_a_refund_in_flight_will_take_is_nobody_elses(office: Office, how: str) -> None:
    left_pending(office, "60.00")
    acts: dict[str, Callable[[], Answer]] = {
        "refund": lambda: office.refund(charged(office), "60.00"),
        "rest": lambda: office.refund(charged(office), "40.01"),
        "recorded": lambda: office.refund(charged(office), "60.00", ThroughGateway=False),
        "reverse": lambda: reverse(office, charged(office)),
    }
    answer = acts[how]()
    assert (answer.outcome, answer.code) == (
        Outcome.REFUSED,
        "already_refunded" if how == "reverse" else "amount_above_unrefunded",
    )
    assert office.refund(charged(office), "40.00").code == "succeeded"
    assert after(office, minutes=2).done == 1
    assert charged(office).is_refunded
    assert in_order(office)


def test_a_reversal_while_a_refund_is_decided_wins_and_the_refund_is_refused(office: Office) -> None:
    seen: list[Answer] = []

    def other_tab(name: str) -> None:
        if name == "read" and not seen:
            seen.append(Answer(Outcome.PENDING, "", ""))
            seen[0] = reverse(office, charged(office))

    office.gateway.before = other_tab
    assert office.refund(charged(office), key=KEY).code == "already_refunded"
    assert seen[0].code == "succeeded"
    assert office.gateway.refunded() == 0


def test_money_that_a_refund_will_take_is_disbursed_by_nobody(office: Office) -> None:
    """50.00 wait on the account; 30.00 of it are being refunded when a new invoice comes."""
    office.pay("50.00", key="waits-here")
    waits = negative(office, "waits-here")
    assert waits.undisbursed == usd("50.00")

    def dies(name: str) -> None:
        if name == "refund":
            raise Killed

    office.gateway.before = dies
    with pytest.raises(Killed):
        office.refund(waits, "30.00", key=KEY)
    office.gateway.before = lambda _: None

    office.books.add(an_invoice("80.00", "INV-2"))
    by_hand = disburse(
        office.call(DISBURSE.name, None, PaymentId=waits.id, InvoiceIds=[str(named("INV-2"))]), office.outside
    )
    assert by_hand.code == "succeeded"
    held = of_payment(office, waits)
    assert (held.disbursed, held.undisbursed) == (usd("20.00"), usd("30.00")), "only what nobody refunds"
    again = disburse(
        office.call(DISBURSE.name, None, PaymentId=waits.id, InvoiceIds=[str(named("INV-2"))]), office.outside
    )
    assert again.code == "nothing_to_disburse"
    office.pay("1.00")  # its automatic run leaves the 30.00 alone as well
    assert of_payment(office, waits).undisbursed == usd("30.00")

    assert after(office, minutes=2).done == 1
    spent = of_payment(office, waits)
    assert (spent.disbursed, spent.undisbursed, spent.refunded) == (usd("20.00"), usd("0.00"), usd("30.00"))
    assert in_order(office)


def test_money_that_no_refund_takes_after_all_goes_to_what_is_owed(office: Office) -> None:
    office.pay("50.00", key="waits-here")
    office.gateway.refund_becomes = RefundStatus.PENDING
    office.refund(negative(office, "waits-here"), "30.00", key=KEY)
    office.books.add(an_invoice("80.00", "INV-2"))
    office.pay("1.00")
    assert of_payment(office, negative(office, "waits-here")).disbursed == usd("20.00")
    office.gateway.refund_become("re_0002", RefundStatus.FAILED)
    assert after(office, hours=25).failed == 1
    assert of_payment(office, negative(office, "waits-here")).disbursed == usd("50.00")
    assert in_order(office)


def test_a_refund_takes_what_is_undisbursed_by_then_first(office: Office) -> None:
    """Someone took the payment off its invoice while the refund was under way."""
    left_pending(office, "60.00")
    (disbursed,) = office.disbursements()
    call = office.call(DELETE.name, disbursed.id)
    assert delete_disbursement(call, office.outside).code == "succeeded"
    assert charged(office).undisbursed == usd("100.00")
    assert after(office, minutes=2).done == 1
    payment = charged(office)
    assert (payment.undisbursed, payment.refunded) == (usd("40.00"), usd("60.00"))
    assert in_order(office)


# --- Silence -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("calls", [("refund",), ("refund", "list refunds")])
def test_a_refund_without_an_answer_is_sent_again_under_its_one_key(
    office: Office, moment: str, calls: tuple[str, ...]
) -> None:
    setattr(office.gateway, moment, no_answer(*calls, times=len(calls)))
    answer = office.refund(charged(office), key=KEY)
    if moment == "after" and calls == ("refund",):
        assert answer.code == "succeeded", "it is found by what we wrote on it"
    else:
        assert (answer.outcome, answer.code) == (Outcome.PENDING, "unknown")
        assert after(office, minutes=2).done == 1
    assert office.gateway.refunded() == 100_00
    assert len(office.gateway.refunds) == 1
    assert in_order(office)


def test_a_process_that_dies_before_it_sends(office: Office) -> None:
    left_pending(office, "30.00")
    assert after(office, minutes=2).done == 1
    assert office.gateway.refunded() == 30_00
    assert office.check(KEY).code == "succeeded"


def test_check_again_sends_what_was_not(office: Office) -> None:
    left_pending(office, "30.00")
    assert office.check(KEY).code == "succeeded"
    assert office.gateway.refunded() == 30_00


@pytest.mark.parametrize("made", [True, False])
def test_after_a_day_the_key_is_no_guard_any_more_and_the_refunds_are_listed(
    office: Office, made: bool
) -> None:
    setattr(office.gateway, "after" if made else "before", no_answer("refund", "list refunds", times=1000))
    office.refund(charged(office), key=KEY)
    for hours in (1, 7, 7, 7):
        after(office, hours=hours)
    office.gateway.before = office.gateway.after = lambda _: None
    office.gateway.keys.clear()  # Stripe forgot them
    office.gateway.calls.clear()
    after(office, hours=7)
    assert "refund" not in office.gateway.calls
    found = of_refund(office)
    if made:
        assert (found.status, found.gateway_reference) == (TransactionStatus.SUCCEEDED, "re_0001")
    else:
        assert (found.status, office.check(KEY).code) == (TransactionStatus.CANCELLED, "not_sent")
    assert office.gateway.refunded() == (100_00 if made else 0)
    assert in_order(office)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_whatever_the_crm_does_not_answer_ends_well(office: Office, moment: str, times: int) -> None:
    setattr(office.books, moment, unreachable("commit", times=times))
    assert office.refund(charged(office), key=KEY).code == "succeeded"
    assert office.gateway.refunded() == 100_00
    assert in_order(office)


def test_without_time_left_it_is_left_to_the_sweep(office: Office) -> None:
    office.books.after = lambda name: office.clock.advance(seconds=26) if name == "commit" else None
    answer = office.refund(charged(office), key=KEY)
    assert (answer.outcome, answer.code) == (Outcome.PENDING, "unknown")
    assert "refund" not in office.gateway.calls
    office.books.after = lambda _: None
    assert after(office, minutes=2).done == 1


# --- What a bank sends back ----------------------------------------------------------------------------------------------


def test_a_refund_that_fails_after_it_succeeded_is_new_money(office: Office) -> None:
    office.refund(charged(office), "30.00", key=KEY)
    office.gateway.refund_become("re_0001", RefundStatus.FAILED, "expired_or_canceled_card")
    assert after(office, hours=25).done == 1
    new = of_payment(office, replace(charged(office), id=returned_id(of_refund(office).id)))
    assert (new.amount, new.undisbursed, new.automatic) == (usd("30.00"), usd("30.00"), False)
    assert (new.refund_of, new.transaction) == (negative(office).id, of_refund(office).id)
    assert new.detail == f"(Refund of payment #{charged(office).number} came back)"
    assert office.alerts.codes == ["refund_returned"]
    found = of_refund(office)
    assert (found.status, found.next_check_on) == (TransactionStatus.SUCCEEDED, None)
    assert found.result.startswith("The card has expired or was closed. The refund came back.")
    assert charged(office).refunded == usd("30.00"), "what was is not undone"
    assert office.ledger().undisbursed == usd("30.00")
    assert in_order(office)
    assert after(office, days=40).looked_at == 0

    saved = save_payment(office.call(SAVE.name, new.id, Automatic=True), office.outside)
    assert saved.outcome is Outcome.DONE, "it is money like any other"
    assert of_payment(office, new).undisbursed == usd("0.00"), "and pays what is owed again"
    assert in_order(office)


def test_it_comes_back_once_however_often_it_is_told(office: Office) -> None:
    office.refund(charged(office), key=KEY)
    office.gateway.refund_become("re_0001", RefundStatus.FAILED)
    for _ in range(3):
        look_again(office.outside, of_refund(office), office.clock.now() + WHOLE)
    assert len(office.payments()) == 3
    assert in_order(office)


def test_what_came_back_is_refunded_otherwise(office: Office) -> None:
    office.refund(charged(office), key=KEY)
    office.gateway.refund_become("re_0001", RefundStatus.FAILED)
    after(office, hours=25)
    new = office.payments()[-1]
    assert office.refund(new, ThroughGateway=True).code == "not_through_processor"
    assert office.refund(new).code == "succeeded"
    assert of_payment(office, new).is_refunded


def test_a_refund_is_watched_for_a_month_ever_more_rarely(office: Office) -> None:
    office.refund(charged(office), key=KEY)
    begun = office.clock.now()
    looks = [(office.clock.now() - begun).days for _ in range(40) if after(office, days=1).looked_at]
    assert looks == [1, 3, 7, 14, 31]
    assert of_refund(office).next_check_on is None


def test_a_success_that_comes_after_we_gave_up_is_recorded_with_an_alert(office: Office) -> None:
    """A frozen process wakes up a day late and sends the refund after all."""
    left_pending(office, "30.00")
    office.gateway.keys.clear()
    after(office, hours=24)
    assert of_refund(office).status is TransactionStatus.CANCELLED
    found = of_refund(office)
    order = {"counterfoil_transaction": str(found.id)}
    office.gateway.refunds["re_late"] = replace(
        made_refund(office, charged_reference(office)), reference="re_late", metadata=order
    )
    look_again(office.outside, found, office.clock.now() + WHOLE)
    assert of_refund(office).status is TransactionStatus.SUCCEEDED
    assert office.alerts.codes == ["success_after_failure"]
    assert charged(office).refunded == usd("30.00")
    assert in_order(office)


def made_refund(office: Office, intent: str, amount: str = "30.00") -> Refund:
    return Refund("re", intent, RefundStatus.SUCCEEDED, usd(amount))


def test_more_given_back_than_there_was_is_recorded_and_told(office: Office) -> None:
    """It was given up, refunded otherwise, and then succeeded at the gateway after all."""
    left_pending(office, "100.00")
    office.gateway.keys.clear()
    after(office, hours=24)
    assert office.refund(charged(office), ThroughGateway=False).code == "succeeded"
    found = of_refund(office)
    office.gateway.refunds["re_late"] = replace(
        made_refund(office, charged_reference(office), "100.00"),
        reference="re_late",
        metadata={"counterfoil_transaction": str(found.id)},
    )
    look_again(office.outside, found, office.clock.now() + WHOLE)
    assert "refunded_twice" in office.alerts.codes
    assert negative(office).amount == usd("-100.00")
    assert office.ledger().balance == usd("200.00"), (
        "the customer owes the invoice, and what was given back twice"
    )


# --- What a person has to look at ------------------------------------------------------------------------------------


def test_a_refund_that_the_gateway_does_not_know_any_more_stands_and_is_not_asked_for_each_minute(
    office: Office,
) -> None:
    office.refund(charged(office), key=KEY)
    office.gateway.refunds.clear()
    assert after(office, hours=25).in_trouble == 0
    assert of_refund(office).status is TransactionStatus.SUCCEEDED
    assert after(office, minutes=1).looked_at == 0
    assert after(office, days=2).looked_at == 1


def test_a_refund_of_another_environment_is_not_sent_from_a_copy(office: Office) -> None:
    left_pending(office)
    reference = charged_reference(office)
    intent = office.gateway.intents[reference]
    office.gateway.intents[reference] = replace(
        intent, metadata={**intent.metadata, "counterfoil_organization": str(named("the original"))}
    )
    assert after(office, minutes=2).pending == 1
    assert office.alerts.codes == ["transaction_overdue"]
    assert office.gateway.refunded() == 0


def test_a_refund_whose_charge_is_gone_is_told(office: Office) -> None:
    left_pending(office)
    parent = of_refund(office).parent
    assert parent is not None
    del office.books.rows[parent]
    assert after(office, minutes=2).pending == 1
    assert office.alerts.codes == ["transaction_overdue"]


def test_a_bank_that_takes_three_weeks_is_told(office: Office) -> None:
    office.gateway.refund_becomes = RefundStatus.PENDING
    office.refund(charged(office), key=KEY)
    for _ in range(21):
        after(office, days=1)
    assert office.alerts.codes == []
    after(office, days=1)
    assert office.alerts.codes == ["transaction_overdue"]


def test_a_refund_that_cannot_be_promised_is_refused(office: Office) -> None:
    def refuses(name: str) -> None:
        if name == "commit":
            raise BooksRefused("a required column is missing", named("a transaction"))

    office.books.before = refuses
    answer = office.refund(charged(office))
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "books_not_writable")
    assert "Nothing was refunded" in answer.message
    assert office.gateway.refunded() == 0


def test_a_refund_that_a_changeset_could_not_take_off_its_invoices_is_refused(office: Office) -> None:
    """And one that it could, without showing them at once, is recorded and shown by the sweep."""
    payment = charged(office)
    for number in range(901):
        office.books.add(an_invoice("1.00", f"INV-A{number}"))
        office.books.add(a_disbursement("0.01", f"INV-A{number}", number=1000 + number, payment=payment.id))
    assert office.refund(payment, "1.00").code == "too_many_invoices"


def test_a_refund_off_very_many_invoices_is_recorded_and_then_shown(office: Office) -> None:
    office.pay("500.00", key="the-many-1", Automatic=False)
    many = negative(office, "the-many-1")
    for number in range(500):
        office.books.add(an_invoice("1.00", f"INV-A{number}", dated=date(2026, 1, 1)))
        office.books.add(a_disbursement("1.00", f"INV-A{number}", number=1000 + number, payment=many.id))
    spent = replace(many, disbursed=usd("500.00"), undisbursed=usd("0.00"), is_disbursed=True)
    office.books.add(spent)
    assert office.refund(many, key=KEY).code == "succeeded"
    assert of_payment(office, many).is_refunded
    for _ in range(4):
        after(office, minutes=1)
    assert office.ledger().to_show == ""
    assert office.shown("INV-A499").balance == usd("1.00")
