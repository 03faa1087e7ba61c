"""Open, Close, Void, and the statement that a close freezes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.rules.draft import Draft
from plugins.rules.entering import Entry, add_credit, add_debit, add_payment, taxes_of
from plugins.rules.invoice import invoice_total
from plugins.rules.invoicing import close, issued, open_again, unshown, void
from plugins.rules.ledger import (
    Invoice,
    InvoiceStatus,
    LedgerState,
    Origin,
    RefundMode,
    RemovedReason,
    UsageStatus,
)
from plugins.rules.money import Money
from plugins.rules.refunding import give_back
from plugins.rules.refusal import Refused
from plugins.rules.row import Row
from tests.builders import a_payment, an_invoice, usd
from tests.rules.drafts import TODAY, a_draft, billed, credited, invoice, opened, paid, payment
from tests.rules.test_reversing import a_call, entry, owed


def closed(draft: Draft, number: str = "INV-9") -> Invoice:
    close(draft, invoice(draft, number))
    return invoice(draft, number)


def plain(amount: str) -> Entry:
    return entry(amount, "")


def statement(row: Invoice) -> tuple[Money | None, Money | None]:
    return row.previous_balance, row.total_due


# --- Open and Close -----------------------------------------------------------------------------------------------------


def test_a_closed_invoice_that_is_opened_is_new_again() -> None:  # E110 A24
    draft = a_draft(billed("60.00"))
    open_again(draft, invoice(draft))
    [shown] = draft.changeset(None).projects
    assert (shown.projection.ledger_state, shown.projection.status) == (
        LedgerState.OPEN,
        InvoiceStatus.NEW,
    )
    assert draft.ledger.open_invoice == invoice(draft).id
    close(draft, invoice(draft))
    assert invoice(draft).status is InvoiceStatus.BILLED


@pytest.mark.parametrize("status", [InvoiceStatus.BOOKED, InvoiceStatus.INSTALLED])
def test_other_reasons_of_the_active_state_stay(status: InvoiceStatus) -> None:  # A24
    draft = a_draft(billed("60.00", status=status))
    open_again(draft, invoice(draft))
    assert invoice(draft).status is status


def test_opening_again_attaches_nothing_that_waits() -> None:  # E56 A7
    draft = a_draft(billed("60.00"), a_payment("10.00"), *credited("5.00"))
    open_again(draft, invoice(draft))
    assert payment(draft).display_invoice is None
    assert draft.after().entries[0].invoice is None


# --- Statements ---------------------------------------------------------------------------------------------------------


def test_a_statement_says_what_is_due() -> None:  # E107 E108 A29
    draft = a_draft(*opened())
    add_debit(draft, plain("100.00"))
    pay(draft, "60.00")
    assert statement(closed(draft)) == (usd("0.00"), usd("40.00"))


def test_what_the_crm_billed_before_is_in_the_previous_balance() -> None:  # A29
    draft = a_draft(billed("75.00", "INV-1"), *opened())
    add_debit(draft, plain("100.00"))
    assert statement(closed(draft)) == (usd("75.00"), usd("175.00"))


def test_an_invoice_closed_again_keeps_its_previous_balance() -> None:  # E110 A29
    draft = a_draft(*opened())
    add_debit(draft, plain("100.00"))
    closed(draft)
    add_debit(draft, plain("40.00"))
    later = draft.open_invoice
    assert later is not None
    close(draft, later)
    open_again(draft, invoice(draft, "INV-9"))
    pay(draft, "60.00")
    assert statement(closed(draft)) == (usd("0.00"), usd("40.00"))
    assert statement(draft.invoice(later.id)) == (usd("100.00"), usd("140.00")), "frozen"


def test_of_a_deposit_that_was_released_what_was_used_is_shown() -> None:  # A29
    held = a_payment("200.00", was_deposit=True)
    assert issued(held) == usd("0.00")
    used = replace(held, disbursed=usd("150.00"), undisbursed=usd("50.00"))
    assert issued(used) == usd("150.00")
    returned = replace(used, undisbursed=usd("0.00"), refunded=usd("50.00"))
    assert issued(returned) == usd("200.00"), "its refund is a row that takes 50.00 off again"
    assert issued(a_payment("200.00")) == usd("200.00")


def test_what_no_statement_shows_yet() -> None:  # E109
    own, ledger = opened()
    draft = a_draft(
        own,
        ledger,
        a_payment("10.00", "waits", number=1),
        a_payment("20.00", "shown", number=2, display_invoice=own.id),
        a_payment("40.00", "held", number=3, deposit=True),
        *credited("5.00"),
        *credited("7.00", name="shown credit", number=300, invoice=own.id),
    )
    assert unshown(draft) == usd("15.00")


STEPS = st.lists(
    st.tuples(st.sampled_from(["debit", "credit", "payment", "refund", "close"]), st.integers(1, 50_000)),
    max_size=20,
)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_statements_follow_one_another(steps: list[tuple[str, int]]) -> None:
    """I36: the total due of each is the one before, plus its charges, less what it displays; and what is owed in the end."""
    draft = a_draft()
    frozen: list[Invoice] = []
    for step, cents in steps:
        amount = Money(cents, "USD")
        match step:
            case "debit":
                add_debit(draft, replace(plain("1.00"), net=amount))
            case "credit":
                add_credit(draft, replace(plain("1.00"), net=amount))
            case "payment":
                pay(draft, str(amount.amount))
            case "refund" if draft.payments and draft.payments[0].undisbursed.minor > 0:
                first = draft.payments[0]
                part = min(amount, first.undisbursed)
                give_back(
                    draft,
                    first,
                    part,
                    mode=RefundMode.REFUND,
                    dated=TODAY,
                    posting_date=TODAY,
                )
            case "close" if draft.open_invoice is not None:
                frozen.append(close(draft, draft.open_invoice))
                check_newest(draft, frozen)
            case _:
                pass


def check_newest(draft: Draft, frozen: list[Invoice]) -> None:
    newest = frozen[-1]
    before = frozen[-2].total_due if len(frozen) > 1 else usd("0.00")
    assert newest.previous_balance == before
    shown = [each.amount.minor for each in draft.payments if each.display_invoice == newest.id]
    shown += [each.gross.minor for each in draft.entries if each.gross and is_shown(each, newest)]
    charges = invoice_total(newest, draft.entries)
    assert newest.total_due == (before or usd("0.00")) + charges - Money(sum(shown), "USD")
    assert newest.total_due == owed(draft) + unshown(draft)


def is_shown(row: object, on: Invoice) -> bool:
    return getattr(row, "kind", "") == "credit" and getattr(row, "invoice", None) == on.id


def pay(draft: Draft, amount: str) -> None:
    add_payment(draft, usd(amount), payment_type=None, dated=TODAY, posting_date=TODAY)


# --- Void ---------------------------------------------------------------------------------------------------------------


def test_a_mirror_has_every_line_and_tax_the_other_way_as_stored() -> None:  # A14 I5
    draft = a_draft(*opened("25.00"))
    debit = add_debit(draft, entry())
    mirror = void(draft, invoice(draft, "INV-9"), None)
    lines = [each for each in draft.entries if each.invoice == mirror.id]
    assert [(each.net, each.tax, each.origin) for each in lines] == [
        (usd("-100.00"), usd("-13.00"), Origin.VOID),
        (usd("-25.00"), usd("0.00"), Origin.VOID),  # what the CRM billed itself
    ]
    assert [each.amount for each in taxes_of(draft, lines[0].id)] == [usd("-13.00")]
    assert lines[0].related == debit.id
    assert invoice_total(mirror, draft.entries) == -invoice_total(invoice(draft, "INV-9"), draft.entries)
    assert owed(draft) == usd("0.00")


def test_voiding_takes_everything_off_and_displays_it_nowhere() -> None:  # E53 E54 E57 A14
    own = billed("100.00", ledger_state=LedgerState.CLOSED)
    draft = a_draft(
        own,
        *paid("60.00", ("INV-1", "60.00"), display_invoice=own.id),
        *credited("40.00", ("INV-1", "40.00"), invoice=own.id),
    )
    rows = draft.disbursements
    void(draft, invoice(draft), None)
    assert draft.disbursements == []
    assert [vars(draft.find(each.id) or each)["removed_reason"] for each in rows] == [
        RemovedReason.VOID,
        RemovedReason.VOID,
    ]
    assert payment(draft).display_invoice is None
    assert payment(draft).undisbursed == usd("60.00"), "the payment itself is not reversed"
    assert [each.invoice for each in draft.entries if each.gross == usd("40.00")] == [None]


def test_voiding_the_open_invoice_leaves_none_open() -> None:  # A14
    draft = a_draft(*opened("10.00"))
    void(draft, invoice(draft, "INV-9"), None)
    assert draft.ledger.open_invoice is None
    shown = {each.projection.status for each in draft.changeset(None).projects}
    assert shown == {InvoiceStatus.CANCELED, InvoiceStatus.COMPLETE}


def test_usage_on_a_void_invoice_bills_again() -> None:  # E36 I32
    draft = a_draft(*opened())
    debit = add_debit(draft, entry())
    draft.put(a_call(entry=debit.id, status=UsageStatus.BILLED))
    void(draft, invoice(draft, "INV-9"), None)
    assert [(each.entry, each.status) for each in draft.usage] == [(None, UsageStatus.UNBILLED)]


@pytest.mark.parametrize(
    ("others", "may"),
    [
        ([], True),
        ([billed("1.00", "INV-0", "2026-10-01")], True),
        ([billed("1.00", "INV-2", "2026-11-02")], False),
        ([billed("1.00", "INV-2", "2026-11-02", status=InvoiceStatus.COMPLETE)], False),
        ([billed("1.00", "INV-2", "2026-11-02", status=InvoiceStatus.CANCELED)], True),
        ([billed("1.00", "INV-2", "2026-11-02", ledger_state=LedgerState.VOID_MIRROR)], True),
        ([an_invoice("1.00", "INV-2", "Another customer")], True),
    ],
)
def test_only_the_latest_closed_invoice_is_voided(others: list[Row], may: bool) -> None:  # A14
    own = billed("10.00")
    draft = a_draft(own, newest=(own, *others))
    if may:
        void(draft, invoice(draft), None)
        return
    with pytest.raises(Refused) as refused:
        void(draft, invoice(draft), None)
    assert refused.value.message == "Only the latest closed invoice can be voided. Void INV-2 first."
