"""The invariants of a ledger with everything on it: each is told when it is broken, in one place, and only then."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from plugins.rules.checks import CHECKS, MOVES, WholeBooks, problems, wrong_moves
from plugins.rules.ids import EntryId, InvoiceId
from plugins.rules.ledger import (
    AccountTransaction,
    DisbursementStatus,
    InvoiceStatus,
    LedgerState,
    UsageStatus,
)
from plugins.rules.row import Row
from plugins.rules.setup import ProfileStatus
from tests.builders import a_closed_period, a_transaction, named, usd
from tests.examples.billing_office import BillingOffice
from tests.examples.in_memory import MemoryStage
from tests.rules.test_checks import BREACHES, good

__all__ = ["good"]


@pytest.fixture(scope="module")
def full() -> WholeBooks:
    """I1 paid, a line of it reversed; a deposit; a refund; I2 void by I3; I4 open and owing; a credit that waits."""
    office = BillingOffice(MemoryStage())
    office.add_debit("100.00", taxed=True)
    office.add_debit("50.00")
    office.stage.add_usage(office.transaction("D2").id)
    office.close()
    office.add_payment("163.00")
    office.reverse("D1")
    office.add_credit("10.00")
    office.add_payment("30.00", Deposit=True)
    office.refund("P1", "13.00", ThroughGateway=False)
    office.add_debit("20.00")
    office.void("I2")
    office.bill("500.00")
    office.add_debit("7.00")
    assert problems(office.books()) == []
    return office.books()


def place(rows: Any, row: Any) -> int:
    return list(rows).index(row)


def entry(books: WholeBooks, number: int) -> AccountTransaction:
    """The nth debit or credit."""
    return sorted(books.entries, key=lambda each: each.number)[number - 1]


def changed(books: WholeBooks, part: str, row: Row, **fields: Any) -> WholeBooks:
    rows = [replace(each, **fields) if each.id == row.id else each for each in getattr(books, part)]
    parts: dict[str, Any] = {part: rows}
    return replace(books, **parts)


def without(books: WholeBooks, part: str, *rows: Row) -> WholeBooks:
    gone = {each.id for each in rows}
    parts: dict[str, Any] = {part: [each for each in getattr(books, part) if each.id not in gone]}
    return replace(books, **parts)


def invoice(books: WholeBooks, state: LedgerState, last: bool = True) -> Any:
    found = [each for each in books.invoices if each.ledger_state is state]
    return found[-1 if last else 0]


def payment(books: WholeBooks, number: int) -> Any:
    return sorted(books.payments, key=lambda each: each.number)[number - 1]


BROKEN: dict[str, Callable[[WholeBooks], WholeBooks]] = {
    "I1: Fabrikam Fibre (USD): open are": lambda books: changed(
        books, "ledgers", books.ledgers[0], open_invoice=None
    ),
    "I2: debit #2 is on no invoice": lambda books: changed(books, "entries", entry(books, 2), invoice=None),
    "I5: void invoice INV-2002 has no mirror": lambda books: without(
        books, "invoices", invoice(books, LedgerState.VOID_MIRROR)
    ),
    "mirrors an invoice that is not void": lambda books: changed(
        books,
        "invoices",
        invoice(books, LedgerState.VOID_MIRROR),
        voids=invoice(books, LedgerState.OPEN).id,
    ),
    "do not come to nothing": lambda books: changed(
        books, "entries", entry(books, 6), net=usd("-19.00"), gross=usd("-19.00")
    ),
    "an invoice has 2 mirrors": lambda books: replace(
        books,
        invoices=[
            *books.invoices,
            replace(invoice(books, LedgerState.VOID_MIRROR), id=InvoiceId(named("again"))),
        ],
    ),
    "has 1.00 USD disbursed to it": lambda books: replace(
        books,
        disbursements=[
            *books.disbursements,
            replace(
                books.disbursements[0],
                id=named("a stray"),
                number=9_000,
                amount=usd("1.00"),
                invoice=invoice(books, LedgerState.VOID).id,
            ),
        ],
    ),
    "I6: Fabrikam Fibre (USD) says 1.00 USD, its entries come to": lambda books: changed(
        books, "ledgers", books.ledgers[0], balance=usd("1.00")
    ),
    "I30: Fabrikam Fibre (USD) says 1.00 USD in deposits, the journal 30.00 USD": lambda books: changed(
        books, "ledgers", books.ledgers[0], deposit_balance=usd("1.00")
    ),
    "I9: credit #5 says": lambda books: changed(
        books, "entries", credit_of(books, disbursed=True), disbursed=usd("1.00")
    ),
    "does not add up": lambda books: changed(
        books, "entries", credit_of(books, disbursed=False), undisbursed=usd("11.00")
    ),
    "I9: credit #5 is shown as disbursed wrongly": lambda books: changed(
        books, "entries", credit_of(books, disbursed=True), is_disbursed=False
    ),
    "names none, or holds money": lambda books: changed(books, "payments", payment(books, 3), refund_of=None),
    "is refunded by": lambda books: changed(
        books, "payments", payment(books, 1), amount=usd("5.00"), refunded=usd("13.00")
    ),
    "its refunds come to 13.00 USD": lambda books: changed(
        books, "payments", payment(books, 1), refunded=usd("12.00")
    ),
    "is shown as refunded wrongly": lambda books: changed(
        books, "payments", payment(books, 1), is_refunded=True
    ),
    "I13: deposit": lambda books: changed(
        books, "payments", payment(books, 2), display_invoice=books.invoices[0].id
    ),
    "I13: Fabrikam Fibre (USD) says 31.00 USD in deposits": lambda books: changed(
        books, "ledgers", books.ledgers[0], deposit_balance=usd("31.00")
    ),
    "I21: Fabrikam Fibre (USD): #": lambda books: changed(
        books, "entries", credit_of(books, disbursed=False), automatic=True
    ),
    "takes money of another ledger": lambda books: changed(
        books, "disbursements", books.disbursements[0], ledger=named("another ledger")
    ),
    "is reversed 2 times": lambda books: changed(
        books, "entries", credit_of(books, disbursed=False), reverses=entry(books, 1).id
    ),
    "reverses what was not there before it": lambda books: changed(
        books, "entries", entry(books, 3), reverses=EntryId(named("nothing"))
    ),
    "I16: #5 does not mirror #1": lambda books: changed(
        books, "entries", entry(books, 3), net=usd("99.00"), gross=usd("112.00")
    ),
    "does not mirror the taxes of #1": lambda books: changed(
        books, "taxes", books.taxes[-1], amount=usd("12.00")
    ),
    "of tax do not make": lambda books: changed(books, "entries", entry(books, 1), net=usd("99.00")),
    "its tax rows": lambda books: changed(books, "taxes", books.taxes[0], amount=usd("1.00")),
    "I37: 200.00 USD of debit #2": lambda books: changed(
        books, "entries", entry(books, 2), refunded=usd("200.00")
    ),
    "I32: usage": lambda books: changed(books, "usage", books.usage[0], status=UsageStatus.UNBILLED),
    "is on a debit that was reversed": lambda books: changed(
        books, "usage", books.usage[0], entry=entry(books, 1).id
    ),
    "by credit None": lambda books: changed(books, "usage", books.usage[0], status=UsageStatus.CREDITED),
}


def credit_of(books: WholeBooks, *, disbursed: bool) -> AccountTransaction:
    return next(each for each in books.credits if bool(each.disbursed) is disbursed)


@pytest.mark.parametrize("told", BROKEN)
def test_a_breach_is_told(full: WholeBooks, told: str) -> None:
    found = problems(BROKEN[told](full))
    assert any(told in each for each in found), found


def test_every_check_has_a_breach(good: WholeBooks, full: WholeBooks) -> None:
    worlds = [breach(good) for breach in BREACHES.values()] + [breach(full) for breach in BROKEN.values()]
    caught = {check.__name__ for world in worlds for check in CHECKS if list(check(world))}
    assert caught == {check.__name__ for check in CHECKS}


# --- What may become of the rows ----------------------------------------------------------------------------------------


def next_day(full: WholeBooks, closed_on: bool = True) -> WholeBooks:
    """The first invoice closed once more, with another statement."""
    first = full.invoices[0]
    assert first.closed_on is not None
    return changed(
        full,
        "invoices",
        first,
        total_due=usd("1.00"),
        closed_on=first.closed_on + timedelta(days=1) if closed_on else first.closed_on,
    )


WRONG: dict[str, Callable[[WholeBooks], WholeBooks]] = {
    "I29: Payment": lambda books: without(books, "payments", payment(books, 1)),
    "I29: detail of AccountTransaction": lambda books: changed(
        books, "entries", entry(books, 1), detail="better"
    ),
    "came back": lambda books: replace(
        books,
        disbursements=[
            *books.disbursements,
            replace(books.removed[0], status=DisbursementStatus.ACTIVE, removed_reason=None),
        ],
    ),
    "I18: #": lambda books: changed(
        books, "payments", payment(books, 1), display_invoice=books.invoices[0].id
    ),
    "moved to another invoice": lambda books: changed(
        books, "entries", entry(books, 1), invoice=books.invoices[-1].id
    ),
    "I36: the statement of invoice": lambda books: next_day(books, closed_on=False),
    "its statement comes to": next_day,
}


@pytest.mark.parametrize("told", WRONG)
def test_a_wrong_move_is_told(full: WholeBooks, told: str) -> None:
    found = wrong_moves(full, WRONG[told](full))
    assert any(told in each for each in found), found


def test_a_deposit_that_was_released_is_none_again(full: WholeBooks) -> None:
    released = changed(full, "payments", payment(full, 2), was_deposit=True, deposit=False)
    again = changed(released, "payments", payment(full, 2), was_deposit=True, deposit=True)
    assert any("became a deposit again" in each for each in wrong_moves(released, again))


def test_nothing_is_posted_to_a_closed_period(full: WholeBooks) -> None:
    posted = date(2026, 10, 3)
    closed = replace(full, closed_periods=[a_closed_period("2026-10-01", "2026-10-31")])
    late = replace(entry(full, 2), id=EntryId(named("late")), posting_date=posted)
    found = wrong_moves(closed, replace(closed, entries=[*full.entries, late]))
    assert any("was posted to 2026-10-03, which is closed" in each for each in found)
    assert not [each for each in wrong_moves(full, full) if "closed" in each], "what was there before stays"


def test_only_a_profile_that_is_ready_is_charged(full: WholeBooks) -> None:
    used = full.profiles[0]
    charge = a_transaction(profile=used.id)
    assert wrong_moves(full, replace(full, transactions=[charge])) == []
    expired = changed(full, "profiles", used, status=ProfileStatus.EXPIRED)
    found = wrong_moves(expired, replace(expired, transactions=[charge]))
    assert any("I33" in each for each in found)


def test_every_move_has_one_that_is_wrong() -> None:
    told = (
        *WRONG,
        "became a deposit again",
        "which is closed",
        "I33",
    )
    assert len(MOVES) == len({*told} - {"I29: detail of AccountTransaction", "its statement comes to"})


def test_books_that_hold_move_nowhere(full: WholeBooks) -> None:
    assert wrong_moves(full, full) == []
    assert isinstance(full.ledgers[0].id, UUID)


@pytest.mark.parametrize("paid", ["", "4.00"])
def test_nothing_more_is_owed_on_an_invoice_that_people_cancelled(paid: str) -> None:
    """I6: neither its balance nor the journal counts the debits on it. What was paid on it is told (I5)."""
    stage = MemoryStage()
    office = BillingOffice(stage)
    office.add_debit("10.00", taxed=True)
    if paid:
        office.add_payment(paid)
    stage.office.books.add(replace(office.invoice("I1"), status=InvoiceStatus.CANCELED))
    office.look_again()
    office.add_debit("3.00")
    found = problems(office.books())
    assert [each for each in found if each.startswith("I6")] == []
    assert any(each.startswith("I5") for each in found) is bool(paid)
    assert office.balance == "3.00"
