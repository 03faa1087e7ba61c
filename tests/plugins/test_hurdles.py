"""Between the click and the confirmation: what the CRM, the clock and others can put in the way of a charge."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from connector.sync.sweep import cancel_orphans, sweep
from plugins.ports import BooksRefused, BooksUnreachable, Conflict, GatewayRefused, IntentStatus, NoAnswer
from plugins.rules.ids import request_id
from plugins.rules.ledger import ChargeStatus, Outcome, Request, TransactionStatus
from tests.builders import Office, an_invoice, named, usd
from tests.fakes.books import unreachable
from tests.fakes.gateway import no_answer

KEY = "the-charge-01"


@pytest.fixture
def office() -> Office:
    made = Office()
    made.has(an_invoice("100.00"))
    return made


def at(call: str, act: Callable[[], Any], times: int = 1) -> Callable[[str], None]:
    """For `before` and `after`: what happens at the first calls of that name."""
    left = [times]

    def happens(name: str) -> None:
        if name == call and left[0]:
            left[0] -= 1
            act()

    return happens


def refuses(row: UUID | None, why: str = "a required column is missing") -> Callable[[], None]:
    def refuse() -> None:
        raise BooksRefused(why, row)

    return refuse


def refuses_order() -> None:
    raise GatewayRefused("resource_missing", "No such PaymentMethod.")


def conflicts() -> None:
    raise Conflict("somebody was faster")


# --- The CRM refuses ---------------------------------------------------------------------------------------------------


def test_books_that_may_not_be_read_charge_nothing_and_say_whom_to_ask(office: Office) -> None:
    office.books.before = at("for_charge", refuses(None, "principal is missing prvReadcfl_payment"))
    answer = office.charge("INV-1", "60.00")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "books_not_readable")
    assert "prvReadcfl_payment" in answer.message
    assert "Ask your administrator" in answer.message
    assert office.gateway.calls == []


def test_a_reservation_that_the_crm_refuses_charges_nothing_and_gives_the_intent_up(office: Office) -> None:
    office.books.before = at("commit", refuses(named("a transaction")))
    answer = office.charge("INV-1", "60.00")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "books_not_writable")
    assert office.transactions() == []
    assert office.gateway.intents["pi_0000"].status is IntentStatus.CANCELED
    assert office.gateway.calls == ["create", "cancel"]


def test_an_intent_that_cannot_be_given_up_now_is_cancelled_by_the_daily_clean_up(office: Office) -> None:
    office.books.before = at("commit", refuses(named("a transaction")))
    office.gateway.before = no_answer("cancel")
    assert office.charge("INV-1", "60.00").code == "books_not_writable"
    office.clock.advance(hours=25)
    assert cancel_orphans(office.outside) == 1


@pytest.mark.parametrize(
    "row", [named("INV-1"), None], ids=["it names the invoice", "it does not say which row"]
)
def test_an_invoice_that_is_locked_is_charged_without_being_shown(office: Office, row: UUID | None) -> None:
    office.books.before = at("commit", refuses(row, "the invoice is locked"), times=1)
    assert office.charge("INV-1", "60.00").code == "succeeded"
    assert office.shown().amount_charged == usd("60.00"), "the second changeset was let through"


# --- The clock ---------------------------------------------------------------------------------------------------------


def test_conflicts_without_end_end_with_the_platforms_patience(office: Office) -> None:
    office.books.before = at("commit", conflicts, times=10_000)
    begun = office.clock.now()
    with pytest.raises(BooksUnreachable, match="nothing was charged"):
        office.charge("INV-1", "60.00", key=KEY)
    assert 50 <= (office.clock.now() - begun).total_seconds() < 60
    office.books.before = lambda _: None
    assert office.check(KEY).code == "not_received"
    assert office.gateway.captured() == 0


def test_with_less_than_25_seconds_left_money_is_not_moved_any_more(office: Office) -> None:
    """There might be no time to write it down."""
    office.books.after = at("commit", lambda: office.clock.advance(seconds=26))
    answer = office.charge("INV-1", "60.00", key=KEY)
    assert (answer.outcome, answer.code) == (Outcome.PENDING, "unknown")
    assert office.gateway.calls == ["create"]
    office.clock.advance(minutes=1)
    assert sweep(office.outside).done == 1, "the user asked for it less than ten minutes ago"


def test_settling_that_runs_out_of_time_leaves_it_to_the_sweep(office: Office) -> None:
    seen = iter(range(10_000))
    office.books.before = lambda name: conflicts() if name == "commit" and next(seen) else None
    answer = office.charge("INV-1", "60.00", key=KEY)
    assert (answer.outcome, answer.code) == (Outcome.PENDING, "unknown")
    office.books.before = lambda _: None
    office.clock.advance(minutes=2)
    assert sweep(office.outside).done == 1
    assert len(office.payments()) == 1


# --- Others were faster ------------------------------------------------------------------------------------------------


def test_a_refusal_whose_key_is_taken_by_then_gives_the_answer_under_it(office: Office) -> None:
    """The same key in two tabs at once: the other one charged."""

    def other_tab() -> None:
        office.books.before = lambda _: None
        assert office.charge("INV-1", "100.00", key=KEY).code == "succeeded"

    office.books.before = at("record", other_tab)
    office.gateway.before = no_answer("create")
    assert office.charge("INV-1", "100.00", key=KEY).code == "succeeded"
    assert len(office.transactions()) == 1


def test_a_refusal_that_clashes_with_what_cannot_be_read_says_nothing(office: Office) -> None:
    office.books.before = at("record", conflicts)
    with pytest.raises(BooksUnreachable, match="nothing was charged"):
        office.charge("INV-1", "0.00")


def test_a_reservation_that_was_written_but_cannot_be_found_is_an_open_question(office: Office) -> None:
    """Its answer is lost; the request is there, the transaction (in a read of its own) is not."""
    office.books.after = unreachable("commit")

    def hides() -> None:
        (row,) = office.transactions()
        del office.books.rows[row.id]

    office.books.before = at("transaction", hides)
    assert office.charge("INV-1", "60.00").outcome is Outcome.PENDING


# --- The gateway does not take the order ---------------------------------------------------------------------------------


def test_an_order_that_is_not_taken_is_a_failed_record_even_on_a_locked_invoice(
    office: Office,
) -> None:  # W31
    office.gateway.before = at("create", refuses_order)
    office.books.refuses_invoice = True
    answer = office.charge("INV-1", "60.00")
    assert (answer.outcome, answer.code) == (Outcome.FAILED, "rejected")
    (record,) = office.transactions()
    assert (record.status, record.result_code) == (TransactionStatus.FAILED, "resource_missing")
    assert named("INV-1") not in office.books.shown


def test_an_order_that_is_not_taken_while_somebody_writes_is_refused(office: Office) -> None:
    office.gateway.before = at("create", refuses_order)
    office.books.before = at("commit", conflicts)
    answer = office.charge("INV-1", "60.00", key=KEY)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "resource_missing")
    kept = office.books.rows[request_id(KEY)]
    assert isinstance(kept, Request)
    assert kept.outcome is Outcome.REFUSED


def test_an_order_that_is_not_taken_shows_on_the_invoice_and_holds_no_room(office: Office) -> None:
    office.gateway.before = at("create", refuses_order)
    office.charge("INV-1", "60.00")
    shown = office.shown()
    assert (shown.last_charge_status, shown.pending_amount) == (ChargeStatus.FAILED, usd("0.00"))
    assert office.charge("INV-1", "100.00").code == "succeeded"


def test_a_confirmation_that_was_lost_and_not_carried_out_is_pending(office: Office) -> None:
    """The intent still waits to be confirmed; the sweep confirms it."""
    office.gateway.before = no_answer("confirm")
    assert office.charge("INV-1", "60.00", key=KEY).code == "unknown"
    assert office.gateway.calls == ["create", "confirm", "read"]
    office.clock.advance(minutes=2)
    assert sweep(office.outside).done == 1


@pytest.mark.parametrize("where", ["looked at", "shown later"])
def test_the_sweep_that_meets_somebody_else_leaves_it_to_them(office: Office, where: str) -> None:
    office.books.refuses_invoice = where == "shown later"
    if where == "looked at":
        office.gateway.before = no_answer("confirm", "read", times=3)
    office.charge("INV-1", "60.00")
    office.books.refuses_invoice = False
    office.clock.advance(minutes=6)
    office.books.before = at("commit", conflicts)
    assert sweep(office.outside).in_trouble == 0
    assert sweep(office.outside).looked_at == 1, "it is still due"
    assert office.shown().amount_charged == usd("60.00")


def test_what_is_not_cancelled_by_a_cancellation_stays_pending(office: Office) -> None:
    office.gateway.methods["pm_works"] = IntentStatus.REQUIRES_ACTION

    def stays() -> None:
        raise NoAnswer("in a state of its own")

    office.gateway.after = at("cancel", stays, times=3)
    assert office.charge("INV-1", "60.00").code == "unknown"
