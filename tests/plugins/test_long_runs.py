"""More rows than one changeset holds: an automatic run goes on in the sweep, anything else says so and changes nothing."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from plugins.committing import MOST_WRITES
from plugins.rules.checks import problems
from plugins.rules.disbursing import MOST_AT_ONCE
from plugins.rules.ids import EntryId
from plugins.rules.ledger import AccountTransaction
from tests.builders import a_debit, an_invoice, named
from tests.examples.billing_office import BillingOffice
from tests.examples.in_memory import MemoryStage

MANY = 2 * MOST_AT_ONCE + 50


@pytest.fixture
def stage() -> MemoryStage:
    made = MemoryStage()
    first = date(2024, 1, 1)
    made.office.books.add(
        *(
            an_invoice("10.00", f"INV-{place}", dated=first + timedelta(days=place))
            for place in range(1, MANY + 1)
        )
    )
    return made


def test_a_payment_of_very_many_invoices_is_disbursed_in_turns(stage: MemoryStage) -> None:  # E155 I21 I22
    office = BillingOffice(stage)
    office.add_payment(str(10 * MANY))
    left = [MANY - MOST_AT_ONCE, MANY - 2 * MOST_AT_ONCE, 0]
    for owing in left:
        owed = [each for each in office.books().balances.values() if each]
        assert len(owed) == owing
        assert problems(office.books()) == []
        assert bool(office.ledger.to_show) is bool(owing), "who is not done says so"
        office.stage.sweep()
        office.look_again()
        stage.office.clock.advance(days=1)
    assert office.balance == "0.00"
    assert office.payment("P1").is_disbursed
    assert problems(office.books()) == []


def test_the_next_action_goes_on_as_well(stage: MemoryStage) -> None:
    office = BillingOffice(stage)
    office.add_payment(str(10 * MANY))
    office.add_payment("1.00", Automatic=False)
    owed = [each for each in office.books().balances.values() if each]
    assert len(owed) == MANY - 2 * MOST_AT_ONCE


def test_a_void_of_more_lines_than_the_crm_takes_changes_nothing(stage: MemoryStage) -> None:
    office = BillingOffice(stage)
    office.add_debit("1.00")
    debit = office.transaction("D1")
    line = a_debit("1.00", invoice=debit.invoice)
    stage.office.books.add(*(_with_id(line, place) for place in range(MOST_WRITES)))
    office.look_again()
    with office.refusal("books_not_writable"):
        office.ask("cfl_VoidInvoice", debit.invoice)
    said = office.last_request().message
    assert "it takes 990 rows at once, and these are 99" in said
    assert "Nothing was changed" in said


def _with_id(line: AccountTransaction, place: int) -> AccountTransaction:
    key = EntryId(named(f"line {place}"))
    return replace(line, id=key, number=10_000 + place, reversal_key=f"own:{key}")
