"""Applying money to invoices and taking it off again: oldest first, never negative, nothing idle."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.rules.checks import conservation, nothing_is_idle
from plugins.rules.disbursing import (
    automatic_sources,
    disburse_automatically,
    disburse_oldest_first,
    make_way,
    source_of,
    take_off,
    trim,
    unwind,
)
from plugins.rules.draft import Draft
from plugins.rules.ids import InvoiceId
from plugins.rules.invoice import oldest_first
from plugins.rules.ledger import DisbursementStatus, LedgerState, Mode, RemovedReason
from plugins.rules.money import Money
from plugins.rules.row import Row
from tests.builders import a_debit, a_disbursement, a_payment, a_setting, a_transaction, named, usd
from tests.rules.drafts import (
    a_draft,
    applied,
    balances,
    billed,
    credit,
    credited,
    invoice,
    paid,
    payment,
    whole,
)

# --- Oldest first -------------------------------------------------------------------------------------------------------


def test_money_fills_the_oldest_invoice_then_the_next() -> None:  # E10 E11 E121 E155 A13
    draft = a_draft(
        billed("60.00", "INV-3", "2026-11-03"),
        billed("40.00", "INV-2", "2026-11-02", ledger_state=LedgerState.OPEN),
        billed("100.00", "INV-1", "2026-11-01"),
        a_payment("150.00"),
    )
    disburse_automatically(draft)
    assert balances(draft) == {"INV-1": "0.00", "INV-2": "0.00", "INV-3": "50.00"}
    assert payment(draft).is_disbursed


def test_invoices_of_one_day_are_paid_by_number_as_people_count() -> None:  # A13
    draft = a_draft(billed("10.00", "INV-10"), billed("10.00", "INV-9"), a_payment("10.00"))
    disburse_automatically(draft)
    assert balances(draft) == {"INV-9": "0.00", "INV-10": "10.00"}


@pytest.mark.parametrize("state", [LedgerState.VOID, LedgerState.VOID_MIRROR])
def test_void_invoices_get_nothing(state: LedgerState) -> None:  # A13
    draft = a_draft(
        billed("10.00", "INV-1", ledger_state=state), billed("10.00", "INV-2"), a_payment("15.00")
    )
    disburse_automatically(draft)
    assert balances(draft) == {"INV-1": "0.00", "INV-2": "0.00"}
    disburse_oldest_first(draft, payment(draft), [invoice(draft)], Mode.MANUAL)
    assert payment(draft).undisbursed == usd("5.00")


def test_what_a_charge_in_flight_may_take_is_left_to_it() -> None:  # A25
    draft = a_draft(billed("100.00"), a_transaction("70.00"), a_payment("50.00"))
    disburse_automatically(draft)
    assert balances(draft) == {"INV-1": "70.00"}
    assert payment(draft).undisbursed == usd("20.00")


@pytest.mark.parametrize("fields", [{"automatic": False}, {"deposit": True}])
def test_money_that_is_held_stays_where_it_is(fields: dict[str, Any]) -> None:  # E80 E122 E157 A10
    draft = a_draft(billed("100.00"), a_payment("50.00", **fields))
    disburse_automatically(draft)
    assert draft.disbursements == []


def test_idle_money_goes_by_kind_then_date_then_number() -> None:  # E153 A12
    rows = [
        a_payment("1.00", "late", number=1, dated=date(2026, 11, 5)),
        a_payment("1.00", "early", number=3, dated=date(2026, 11, 1)),
        a_payment("1.00", "early too", number=2, dated=date(2026, 11, 1)),
        *credited("1.00", automatic=True, number=9),
    ]
    assert [each.number for each in automatic_sources(a_draft(*rows))] == [9, 2, 3, 1]
    swapped = a_draft(*rows, a_setting(payments_first=True))
    assert [each.number for each in automatic_sources(swapped)] == [2, 3, 1, 9]


AMOUNTS = st.integers(1, 30_000)
DAYS = st.integers(1, 28)


@st.composite
def accounts(draw: st.DrawFn) -> list[Row]:
    rows: list[Row] = [
        billed(str(Money(cents, "USD").amount), f"INV-{place}", f"2026-10-{draw(DAYS):02}")
        for place, cents in enumerate(draw(st.lists(AMOUNTS, max_size=6)))
    ]
    for place, cents in enumerate(draw(st.lists(AMOUNTS, max_size=5))):
        fields: dict[str, Any] = {
            "number": 100 + place,
            "automatic": draw(st.booleans()),
            "dated": date(2026, 11, draw(DAYS)),
        }
        amount = str(Money(cents, "USD").amount)
        if draw(st.booleans()):
            rows.append(a_payment(amount, f"payment {place}", **fields))
        else:
            rows += credited(amount, name=f"credit {place}", **fields)
    return rows


@settings(deadline=None, max_examples=60)
@given(accounts())
def test_one_run_fills_in_order_and_leaves_nothing_idle(rows: list[Row]) -> None:
    """I7 I20 I21 I22"""
    draft = a_draft(*rows)
    before = draft.after().ledger
    disburse_automatically(draft)
    got = {each.invoice for each in draft.disbursements}
    ordered = sorted(draft.invoices, key=oldest_first)
    for place, each in enumerate(ordered):
        if each.id in got:
            assert all(not draft.balance(older) for older in ordered[:place]), "I22"
        assert draft.balance(each).minor >= 0
    books = whole(draft)
    assert [*conservation(books), *nothing_is_idle(books)] == []
    after = draft.after().ledger
    assert before is not None
    assert after is not None
    assert after.balance == before.balance


@settings(deadline=None, max_examples=60)
@given(accounts())
def test_a_second_run_changes_nothing(rows: list[Row]) -> None:
    draft = a_draft(*rows)
    disburse_automatically(draft)
    once = applied(draft)
    disburse_automatically(draft)
    assert applied(draft) == once


# --- Taking off ---------------------------------------------------------------------------------------------------------


def test_a_disbursement_is_taken_off_whole() -> None:  # E43 E165
    draft = a_draft(billed("100.00"), *paid("60.00", ("INV-1", "60.00")))
    take_off(draft, draft.disbursements[0], RemovedReason.DELETED)
    found = payment(draft)
    assert (found.disbursed, found.undisbursed, found.is_disbursed) == (usd("0.00"), usd("60.00"), False)
    assert applied(draft) == []


def test_a_part_taken_off_leaves_a_smaller_row_and_never_a_negative_one() -> None:  # E43 A5
    draft = a_draft(billed("100.00"), *paid("60.00", ("INV-1", "60.00")))
    [known] = draft.disbursements
    take_off(draft, known, RemovedReason.REVERSAL, usd("13.00"))
    [rest] = draft.disbursements
    assert (rest.amount, rest.mode, rest.etag) == (usd("47.00"), known.mode, "")
    assert rest.number > known.number
    removed = draft.find(known.id)
    assert removed == replace(known, status=DisbursementStatus.REMOVED, removed_reason=RemovedReason.REPLACED)
    assert payment(draft).undisbursed == usd("13.00")


def test_taking_off_twice_within_one_change_leaves_one_row() -> None:
    draft = a_draft(billed("100.00"), *paid("60.00", ("INV-1", "60.00")))
    take_off(draft, draft.disbursements[0], RemovedReason.REVERSAL, usd("10.00"))
    take_off(draft, draft.disbursements[0], RemovedReason.REVERSAL, usd("20.00"))
    assert [each.amount for each in draft.disbursements] == [usd("30.00")]
    assert len(draft.changeset(None).writes) == 3, "the payment, the row removed, the row that is left"


def test_an_invoice_that_fell_is_trimmed_the_newest_first() -> None:  # E42 E43 A5
    draft = a_draft(
        billed("100.00"),
        *paid("50.00", ("INV-1", "50.00"), number=10),
        *credited("50.00", ("INV-1", "50.00"), number=20),
    )
    fall(draft, "60.00")
    trim(draft, invoice(draft))
    assert applied(draft) == ["#10 INV-1 40.00"]
    assert credit(draft).undisbursed == usd("50.00")
    assert balances(draft) == {"INV-1": "0.00"}


def test_an_invoice_that_still_owes_is_not_trimmed() -> None:
    draft = a_draft(billed("100.00"), *paid("50.00", ("INV-1", "50.00")))
    fall(draft, "50.00")
    trim(draft, invoice(draft))
    assert applied(draft) == ["#100 INV-1 50.00"]


def fall(draft: Draft, amount: str) -> None:
    draft.put(a_debit(f"-{amount}", number=300))


def test_only_payments_make_way_the_newest_first() -> None:  # E42 E43 A5
    draft = a_draft(
        billed("100.00"),
        *paid("30.00", ("INV-1", "30.00"), name="old", number=10),
        *paid("40.00", ("INV-1", "40.00"), name="new", number=20),
        *credited("30.00", ("INV-1", "30.00"), number=30),
    )
    assert make_way(draft, invoice(draft), usd("50.00")) == usd("50.00")
    assert payment(draft, "new").undisbursed == usd("40.00")
    assert payment(draft, "old").undisbursed == usd("10.00")
    assert credit(draft).undisbursed == usd("0.00")
    assert make_way(draft, invoice(draft), usd("90.00")) == usd("70.00"), "no more than the payments"


def test_nothing_makes_way_where_there_is_room() -> None:  # A6
    draft = a_draft(billed("100.00"), *paid("30.00", ("INV-1", "30.00")))
    assert make_way(draft, invoice(draft), usd("70.00")) == usd("70.00")
    assert applied(draft) == ["#100 INV-1 30.00"]


def test_a_refund_is_taken_off_the_newest_invoice_first() -> None:  # E143 A17
    draft = a_draft(
        billed("100.00", "INV-1", "2026-11-01"),
        billed("80.00", "INV-2", "2026-11-02"),
        *paid("150.00", ("INV-2", "50.00"), ("INV-1", "100.00")),
    )
    unwind(draft, payment(draft).id, usd("60.00"))
    assert balances(draft) == {"INV-1": "10.00", "INV-2": "80.00"}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=4), st.integers(0, 20_000))
def test_unwinding_frees_exactly_what_is_asked_or_all(parts: list[int], cents: int) -> None:
    """I8"""
    to = [(f"INV-{place}", str(Money(part, "USD").amount)) for place, part in enumerate(parts)]
    rows: list[Row] = [
        billed("100.00", number, f"2026-11-{place + 1:02}") for place, (number, _) in enumerate(to)
    ]
    draft = a_draft(*rows, *paid(str(Money(sum(parts), "USD").amount), *to))
    unwind(draft, payment(draft).id, Money(cents, "USD"))
    freed = min(cents, sum(parts))
    assert payment(draft).undisbursed == Money(freed, "USD")
    assert sum(each.amount.minor for each in draft.disbursements) == sum(parts) - freed
    left = [draft.balance(invoice(draft, number)) == usd("100.00") for number, _ in to]
    assert left == sorted(left), "the newest were emptied first"


def test_a_disbursement_without_a_source_is_none() -> None:
    draft = a_draft(billed("100.00"))
    with pytest.raises(ValueError, match="no source"):
        source_of(draft, a_disbursement("1.00", payment=None))


def test_an_invoice_is_found_again_under_its_id() -> None:
    assert invoice(a_draft(billed("1.00"))).id == InvoiceId(named("INV-1"))
