"""From what became of a charge to the rows that say so: nothing is refused, and every Pending row is looked at again."""

from datetime import timedelta
from typing import Any

import pytest

from plugins.rules.books import InvoiceBooks
from plugins.rules.changes import Create, Update, owed_showings, with_owed_showings
from plugins.rules.ids import InvoiceId
from plugins.rules.ledger import (
    ChargeStatus,
    Disbursement,
    InvoiceStatus,
    Mode,
    Payment,
    Stage,
    Transaction,
    TransactionStatus,
)
from plugins.rules.settling import (
    Ending,
    failed,
    is_overdue,
    looked_at,
    processing,
    succeeded,
    wait_after,
)
from tests.builders import (
    a_closed_period,
    a_disbursement,
    a_ledger,
    a_payment,
    a_transaction,
    an_invoice,
    books_of,
    named,
    usd,
)
from tests.fakes.clock import START

DONE = Ending("succeeded", "100.00 USD was charged to Visa •••• 4242.", receipt_url="https://receipt")
NO = Ending("declined", "The bank declined the card.", "card_declined", "generic_decline", shown_codes="card_declined: generic_decline")  # fmt: skip
READ = 'W/"1"'
UNDER_WAY = Ending("processing", "The bank debit was submitted.")


def in_flight(amount: str = "100.00", balance: str = "100.00", **parts: Any) -> InvoiceBooks:
    """The books of a charge that awaits its answer."""
    transaction = parts.pop("transaction", a_transaction(amount))
    invoice = parts.pop("invoice", an_invoice(balance))
    return books_of(
        invoice, transaction=transaction, pending=(transaction, *parts.pop("others", ())), **parts
    )


def created(changes: Any, kind: type[Any]) -> list[Any]:
    return [each.row for each in changes.writes if isinstance(each, Create) and isinstance(each.row, kind)]


def updated(changes: Any, kind: type[Any]) -> list[Any]:
    return [each.after for each in changes.writes if isinstance(each, Update) and isinstance(each.after, kind)]  # fmt: skip


# --- When a Pending row is looked at again -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "wait"),
    [
        (0, timedelta(minutes=1)),
        (1, timedelta(minutes=5)),
        (2, timedelta(minutes=30)),
        (3, timedelta(hours=2)),
        (4, timedelta(hours=6)),
        (400, timedelta(hours=6)),
    ],
)
def test_the_checks_of_a_card_grow_rare_and_never_end(checks: int, wait: timedelta) -> None:
    books = in_flight(transaction=a_transaction(checks=checks))
    assert wait_after(a_transaction(checks=checks)) == wait
    changes, _ = looked_at(books, START)
    (after,) = updated(changes, Transaction)
    assert (after.checks, after.next_check_on) == (checks + 1, START + wait)
    assert changes.projects == ()


@pytest.mark.parametrize("checks", [0, 3, 30])
def test_a_bank_debit_is_looked_at_daily(checks: int) -> None:
    assert wait_after(a_transaction(stage=Stage.PROCESSING, checks=checks)) == timedelta(days=1)


@pytest.mark.parametrize(
    ("stage", "days", "overdue"),
    [
        (Stage.RESERVED, 14, False),
        (Stage.RESERVED, 14.01, True),
        (Stage.PROCESSING, 21, False),
        (Stage.PROCESSING, 21.01, True),
    ],
)
def test_a_person_has_to_look_after_two_or_three_weeks(stage: Stage, days: float, overdue: bool) -> None:
    assert is_overdue(a_transaction(stage=stage), START + timedelta(days=days)) is overdue


def test_a_debit_that_is_known_to_be_under_way_is_not_written_again_before_its_next_check() -> None:
    first = processing(in_flight(), UNDER_WAY, START)
    assert first is not None
    (waiting,) = updated(first[0], Transaction)
    assert (waiting.stage, waiting.checks, waiting.next_check_on) == (
        Stage.PROCESSING,
        0,
        START + timedelta(days=1),
    )
    again = in_flight(transaction=waiting)
    assert processing(again, UNDER_WAY, START + timedelta(hours=23)) is None
    later = processing(again, UNDER_WAY, START + timedelta(hours=24))
    assert later is not None
    assert updated(later[0], Transaction)[0].checks == 1


# --- Succeeded -----------------------------------------------------------------------------------------------------------


def test_a_success_is_one_payment_disbursed_to_the_charged_invoice() -> None:  # A26
    changes, after = succeeded(in_flight(), DONE, START)
    (payment,), (disbursement,) = created(changes, Payment), created(changes, Disbursement)
    assert (payment.number, payment.automatic, payment.is_disbursed, payment.transaction) == (1, False, True, named("a charge"))  # fmt: skip
    assert (disbursement.number, disbursement.amount, disbursement.mode) == (2, usd("100.00"), Mode.CHARGE)
    (transaction,) = updated(changes, Transaction)
    assert (transaction.status, transaction.stage, transaction.next_check_on) == (
        TransactionStatus.SUCCEEDED,
        Stage.FINAL,
        None,
    )
    assert after.ledger is not None
    assert (after.ledger.last_number, after.ledger.balance, after.ledger.version) == (2, usd("0.00"), 2)
    (shown,) = changes.projects
    assert shown.projection.status is InvoiceStatus.COMPLETE


def test_what_no_longer_fits_stays_undisbursed_and_the_result_says_so() -> None:
    """60.00 was applied by others while 100.00 was charged."""
    changes, after = succeeded(in_flight(disbursements=(a_disbursement("60.00"),)), DONE, START)
    (payment,), (disbursement,) = created(changes, Payment), created(changes, Disbursement)
    assert (payment.amount, payment.disbursed, payment.undisbursed, payment.is_disbursed) == (
        usd("100.00"),
        usd("40.00"),
        usd("60.00"),
        False,
    )
    assert disbursement.amount == usd("40.00")
    (transaction,) = updated(changes, Transaction)
    assert transaction.result.endswith("60.00 USD of it stays undisbursed, because invoice INV-1 had no more to pay.")  # fmt: skip
    assert after.ledger is not None
    assert (after.ledger.balance, after.ledger.undisbursed) == (usd("-60.00"), usd("60.00"))


@pytest.mark.parametrize(
    ("change", "shown"),
    [({"status": InvoiceStatus.CANCELED}, True), ({"account": "Tailspin Rail"}, False), ({"currency": "EUR"}, False)],
)  # fmt: skip
def test_an_invoice_that_is_cancelled_or_left_takes_nothing(change: dict[str, Any], shown: bool) -> None:
    """Money that moved is recorded all the same, on the billing account that was charged."""
    invoice = an_invoice("100.00", **change)
    stays = an_invoice("30.00", "INV-2")
    parts: dict[str, Any] = {
        "invoice": invoice,
        "invoices": (invoice, stays),
        "ledgers": (a_ledger(balance=usd("130.00")),),
        "payments": (a_payment("1.00", "theirs", ledger=a_ledger("Tailspin Rail").id),),
    }
    changes, after = succeeded(in_flight(**parts), DONE, START)
    (payment,) = created(changes, Payment)
    assert (payment.undisbursed, created(changes, Disbursement)) == (usd("100.00"), [])
    moved = next(each for each in after.ledgers if each.id == payment.ledger)
    assert moved.undisbursed == usd("100.00")
    assert moved.balance == usd("-70.00"), "the other invoice less what is not disbursed"
    assert bool(changes.projects) is shown, "another customer's invoice shows nothing of it"


def test_a_closed_period_moves_the_posting_date_and_refuses_nothing() -> None:  # A30
    books = in_flight(closed_periods=(a_closed_period("2026-11-01", "2026-11-30"),))
    (payment,) = created(succeeded(books, DONE, START)[0], Payment)
    assert (f"{payment.dated}", f"{payment.posting_date}") == ("2026-11-20", "2026-12-01")


def test_a_payment_without_any_payment_type_is_recorded_without() -> None:
    (payment,) = created(succeeded(in_flight(payment_types=()), DONE, START)[0], Payment)
    assert payment.payment_type is None


def test_numbers_go_on_where_the_ledger_stopped() -> None:
    changes, after = succeeded(in_flight(ledgers=(a_ledger(last_number=41),)), DONE, START)
    assert (created(changes, Payment)[0].number, created(changes, Disbursement)[0].number) == (42, 43)
    assert after.ledger is not None
    assert after.ledger.last_number == 43


# --- Failed: the room is free again (I21, A12) ---------------------------------------------------------------------------


def spread(waiting: list[Payment], balance: str = "100.00", others: Any = ()) -> list[tuple[str, str]]:
    """Which payments took how much once the charge of the whole balance failed."""
    books = in_flight(balance, balance, payments=tuple(waiting), others=others)
    changes, after = failed(books, NO, TransactionStatus.FAILED, START)
    names = {each.id: each.detail for each in waiting}
    taken = created(changes, Disbursement)
    assert [each.number for each in taken] == list(range(1, len(taken) + 1))
    assert all(each.mode is Mode.AUTOMATIC for each in taken)
    for payment in updated(changes, Payment):
        assert payment.disbursed + payment.undisbursed == payment.amount
        assert payment.is_disbursed == (not payment.undisbursed)
    assert after.ledger is not None
    return [(names[each.payment], str(each.amount.amount)) for each in taken]


def waiting(name: str, amount: str, **fields: Any) -> Payment:
    return a_payment(amount, name, detail=name, **fields)


def test_freed_room_goes_to_automatic_payments_that_waited_oldest_first() -> None:
    yesterday = START.date() - timedelta(days=1)
    taken = spread(
        [
            waiting("today, second", "30.00", number=3),
            waiting("today, first", "50.00", number=2),
            waiting("yesterday", "40.00", number=9, dated=yesterday),
        ]
    )
    assert taken == [("yesterday", "40.00"), ("today, first", "50.00"), ("today, second", "10.00")]


def test_what_is_held_or_another_ledgers_waits_on() -> None:
    assert (
        spread(
            [
                waiting("by hand", "30.00", automatic=False),
                waiting("a deposit", "30.00", deposit=True),
                waiting("in euros", "30.00", currency="EUR"),
            ]
        )
        == []
    )


def test_room_that_another_charge_holds_is_not_given_away() -> None:
    other = a_transaction("70.00", "another charge", stage=Stage.PROCESSING)
    assert spread([waiting("a payment", "50.00")], others=(other,)) == [("a payment", "30.00")]


def test_a_cancelled_invoice_takes_nothing_of_what_waits() -> None:
    books = in_flight(
        invoice=an_invoice("100.00", status=InvoiceStatus.CANCELED), payments=(a_payment("50.00"),)
    )
    assert created(failed(books, NO, TransactionStatus.FAILED, START)[0], Disbursement) == []


def test_a_failure_keeps_its_codes_and_sentence() -> None:  # W31 W32 W34
    changes, _ = failed(in_flight(), NO, TransactionStatus.FAILED, START)
    (transaction,) = updated(changes, Transaction)
    assert transaction.result == "The bank declined the card. (card_declined: generic_decline)"
    assert (transaction.result_code, transaction.decline_code) == ("card_declined", "generic_decline")
    (shown,) = changes.projects
    assert shown.projection.last_charge_status is ChargeStatus.FAILED
    assert shown.projection.pending_amount == usd("0.00")


# --- Without the invoice -------------------------------------------------------------------------------------------------


def test_what_could_not_be_shown_is_owed_with_its_charge_status() -> None:
    changes, _ = succeeded(in_flight(invoice=an_invoice(etag=READ)), DONE, START)
    invoice = changes.projects[0].invoice.id
    without = changes.without(invoice)
    assert (without.projects, without.writes) == ((), changes.writes)
    assert owed_showings(without.after) == {invoice: ChargeStatus.SUCCEEDED}
    assert without.after.balance == changes.after.balance
    assert changes.without(None) == without
    assert changes.without(named("another invoice")) == changes


def test_what_was_owed_before_is_still_owed() -> None:
    owing = with_owed_showings(a_ledger(), {InvoiceId(named("INV-2")): None})
    changes, _ = succeeded(in_flight(invoice=an_invoice(etag=READ), ledgers=(owing,)), DONE, START)
    assert owed_showings(changes.without(None).after) == {
        named("INV-2"): None,
        named("INV-1"): ChargeStatus.SUCCEEDED,
    }


def test_a_pending_row_keeps_its_own_next_check() -> None:
    under_way = processing(in_flight(), UNDER_WAY, START)
    assert under_way is not None
    (transaction,) = updated(under_way[0].without(None), Transaction)
    assert transaction.next_check_on == START + timedelta(days=1)


def test_without_its_transaction_nothing_can_be_settled() -> None:
    with pytest.raises(ValueError, match="not loaded for a settlement"):
        succeeded(books_of(an_invoice()), DONE, START)
