"""A draft: what it comes to is what was changed, once, in an order that can be written."""

import itertools
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.rules.changes import Changeset, Create, Update
from plugins.rules.disbursing import disburse_automatically, disburse_oldest_first, take_off, trim
from plugins.rules.draft import Draft
from plugins.rules.entering import Entry, add_credit, add_debit, add_payment
from plugins.rules.ids import DisbursementId
from plugins.rules.invoice import balance_of, projection, room_of
from plugins.rules.ledger import (
    ChargeStatus,
    Disbursement,
    DisbursementStatus,
    InvoiceStatus,
    LedgerState,
    Mode,
    RemovedReason,
)
from plugins.rules.money import Money
from plugins.rules.reversing import reverse
from plugins.rules.row import Row
from tests.builders import a_debit, a_ledger, a_payment, a_transaction, named, usd
from tests.rules.drafts import SEED, TODAY, a_draft, billed, credited, invoice, opened, paid, payment


def entry(amount: str = "10.00", **fields: object) -> Entry:
    return replace(
        Entry(net=usd(amount), taxes=(), dated=TODAY, posting_date=TODAY),
        **fields,  # type: ignore[arg-type]  # the fields of an entry
    )


def test_an_untouched_draft_writes_the_lock_and_nothing_else() -> None:
    draft = a_draft(billed("100.00"), *paid("40.00", ("INV-1", "40.00")), a_ledger(version=7))
    changeset = draft.changeset(None)
    assert isinstance(changeset.ledger, Update)
    assert changeset.after.version == 8
    assert changeset.writes == ()
    assert changeset.projects == ()


def test_the_same_books_and_seed_make_the_same_rows() -> None:
    def ids(seed: UUID) -> list[UUID]:
        draft = a_draft(billed("100.00"), seed=seed)
        add_debit(draft, entry())
        return [each.row.id for each in draft.changeset(None).writes if isinstance(each, Create)]

    assert ids(SEED) == ids(SEED)
    assert not set(ids(SEED)) & set(ids(named("another request")))


def test_every_row_is_there_before_another_names_it() -> None:
    draft = a_draft(billed("100.00"))
    row = add_debit(draft, entry("50.00"))
    add_payment(draft, usd("120.00"), payment_type=None, dated=TODAY, posting_date=TODAY)
    reverse(draft, row, TODAY, TODAY, None)
    disburse_automatically(draft)
    assert_in_order(draft.changeset(None))


def assert_in_order(changeset: Changeset) -> None:
    creates = [each.row for each in changeset.writes if isinstance(each, Create)]
    made = {row.id for row in creates}
    seen: set[UUID] = set()
    for row in creates:
        named_rows = {value for value in vars(row).values() if isinstance(value, UUID)} - {row.id}
        assert named_rows & made <= seen, f"{row} names what is not there yet"
        seen.add(row.id)


def test_only_the_invoices_that_look_different_are_shown() -> None:
    draft = a_draft(billed("100.00"), billed("50.00", "INV-2"), a_payment("10.00", automatic=False))
    disburse_oldest_first(draft, payment(draft), [invoice(draft)], Mode.MANUAL)
    [shown] = draft.changeset(None).projects
    assert (shown.invoice.number, shown.projection.balance) == ("INV-1", usd("90.00"))


def test_an_invoice_is_shown_when_somebody_says_so() -> None:
    draft = a_draft(billed("100.00"), billed("50.00", "INV-2"))
    draft.show(invoice(draft, "INV-2").id, ChargeStatus.FAILED)
    [shown] = draft.changeset(None).projects
    assert (shown.invoice.number, shown.projection.last_charge_status) == ("INV-2", ChargeStatus.FAILED)


def test_a_charge_that_ended_takes_no_room_any_more() -> None:
    charge = a_transaction("30.00")
    draft = a_draft(billed("100.00"), charge)
    assert draft.room(invoice(draft)) == usd("70.00")  # A25
    draft.drop_pending(charge)
    assert draft.room(invoice(draft)) == usd("100.00")
    [shown] = draft.changeset(None).projects
    assert shown.projection.pending_amount == usd("0.00")


def test_what_a_draft_made_can_be_taken_out_and_nothing_else() -> None:
    draft = a_draft(billed("100.00"), *paid("40.00", ("INV-1", "40.00")))
    [known] = draft.disbursements
    with pytest.raises(ValueError, match="nothing is deleted"):
        draft.discard(known)  # I29
    made = draft.put(replace(known, id=DisbursementId(draft.new_id()), etag="", number=9, amount=usd("1.00")))
    assert draft.balance(invoice(draft)) == usd("59.00")
    draft.discard(made)
    assert draft.balance(invoice(draft)) == usd("60.00")
    assert draft.changeset(None).writes == ()


@pytest.mark.parametrize(
    "change",
    [
        {"status": InvoiceStatus.CANCELED},
        {"ledger_state": LedgerState.VOID},
        {"customer": named("another customer")},
    ],
)
def test_an_open_invoice_that_people_took_away_is_open_no_more(change: dict[str, object]) -> None:
    """E12: a debit then opens another one."""
    own, ledger = opened("10.00")
    draft = a_draft(replace(own, **change), ledger)  # type: ignore[arg-type]  # fields of an invoice
    assert draft.open_invoice is None
    row = add_debit(draft, entry())
    assert row.invoice not in {None, own.id}
    assert draft.ledger.open_invoice == row.invoice


def test_an_open_invoice_that_was_not_read_is_open_no_more() -> None:
    draft = a_draft(a_ledger(open_invoice=named("gone")))
    assert draft.open_invoice is None
    add_credit(draft, entry())
    assert draft.ledger.open_invoice == named("gone"), "nothing took its place"


# --- The index tells the same as a look at every row --------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["debit", "credit", "payment", "run", "take off", "trim", "reverse", "tick"]),
        st.integers(0, 50),
        st.integers(1, 9000),
    ),
    max_size=15,
)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_sums_are_those_of_all_rows(steps: list[tuple[str, int, int]]) -> None:
    """I2 I3 I7"""
    draft = a_draft(
        billed("100.00", "INV-1"),
        billed("40.00", "INV-2", "2026-11-02"),
        *paid("70.00", ("INV-1", "60.00")),
        *credited("30.00", ("INV-2", "10.00")),
    )
    for step, pick, cents in steps:
        take(draft, step, pick, Money(cents, "USD"))
    books = draft.after()
    assert books.ledger is not None
    for each in draft.invoices:
        assert draft.balance(each) == balance_of(each, books)
        assert draft.room(each) == room_of(each, books)
    expected = {
        each.id: projection(each, books, books.ledger, TODAY)
        for each in draft.invoices
        if differs(draft, each.id)
    }
    assert {each.invoice.id: each.projection for each in draft.changeset(None).projects} == expected
    assert_in_order(draft.changeset(None))


def differs(draft: Draft, key: UUID) -> bool:
    before = draft.books.ledger
    after = draft.after()
    was = next((each for each in draft.books.invoices if each.id == key), None)
    now = next(each for each in after.invoices if each.id == key)
    assert before is not None
    assert after.ledger is not None
    return was is None or projection(was, draft.books, before, TODAY) != projection(
        now, after, after.ledger, TODAY
    )


def take(draft: Draft, step: str, pick: int, amount: Money) -> None:
    invoices, entries = draft.invoices, draft.entries
    some = invoices[pick % len(invoices)]
    match step:
        case "debit":
            add_debit(draft, replace(entry(), net=amount))
        case "credit":
            add_credit(draft, replace(entry(), net=amount, automatic=pick % 2 == 0))
        case "payment":
            add_payment(
                draft,
                amount,
                payment_type=None,
                dated=TODAY,
                posting_date=TODAY,
                automatic=pick % 2 == 0,
                deposit=pick % 3 == 1,
            )
        case "run":
            disburse_automatically(draft)
        case "take off" if draft.disbursements:
            chosen = draft.disbursements[pick % len(draft.disbursements)]
            take_off(draft, chosen, RemovedReason.DELETED, min(amount, chosen.amount))
        case "trim":
            trim(draft, some)
        case "reverse":
            original = entries[pick % len(entries)]
            if not any(each.reverses == original.id for each in entries):
                reverse(draft, original, TODAY, TODAY, None)
        case "tick":
            for source in [each for each in draft.payments if not each.deposit]:
                disburse_oldest_first(draft, source, [some], Mode.MANUAL)


# --- How long it takes --------------------------------------------------------------------------------------------------


def many(invoices: int) -> Iterable[Row]:
    """That many open invoices with a debit each, and as many payments half of which are disbursed."""
    for place in range(invoices):
        yield billed("10.00", f"INV-{place}", date.fromordinal(739000 + place).isoformat())
        yield a_debit("5.00", f"INV-{place}", number=10_000 + place)
    for place in range(invoices // 2):
        yield from paid("6.00", (f"INV-{place}", "6.00"), name=f"paid {place}", number=2 * place + 1)
        yield a_payment("6.00", f"idle {place}", number=5_000 + place)


def test_an_automatic_run_costs_in_proportion_to_what_is_open() -> None:
    """Counted in function calls, which are the same on every machine: twice the rows are twice the work, not four times."""

    def cost(invoices: int) -> int:
        draft = a_draft(*many(invoices))
        calls = itertools.count()
        before = sys.getprofile()
        sys.setprofile(lambda *_: next(calls) and None)
        try:
            disburse_automatically(draft)
            changeset = draft.changeset(None)
        finally:
            sys.setprofile(before)
        shown = {each.invoice.id for each in changeset.projects}
        assert len(changeset.projects) == len(shown) >= invoices // 4
        return next(calls)

    assert cost(500) < 2.5 * cost(250)


def test_a_removed_disbursement_is_kept_as_removed() -> None:
    # E43 I29
    draft = a_draft(billed("100.00"), *paid("40.00", ("INV-1", "40.00")))
    [known] = draft.disbursements
    take_off(draft, known, RemovedReason.DELETED)
    kept = draft.find(known.id)
    assert isinstance(kept, Disbursement)
    assert (kept.status, kept.removed_reason) == (DisbursementStatus.REMOVED, RemovedReason.DELETED)
    assert draft.disbursements == []
