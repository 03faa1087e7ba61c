"""Reversals: each row once, the chain as long as one likes, every tax mirrored, and what is freed goes on."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.rules.checks import problems
from plugins.rules.disbursing import disburse_automatically
from plugins.rules.draft import Draft
from plugins.rules.entering import Entry, add_credit, add_debit, taxes_of
from plugins.rules.ids import EntryId
from plugins.rules.invoicing import close, open_again
from plugins.rules.ledger import (
    AccountTransaction,
    Kind,
    Origin,
    UsageRecord,
    UsageStatus,
)
from plugins.rules.money import Money
from plugins.rules.refusal import Refused
from plugins.rules.reversing import payment_text, reversal_text, reverse
from plugins.rules.taxing import Tax
from tests.builders import a_ledger, a_payment, a_setting, currency_id, named, usd
from tests.fakes.clock import START
from tests.rules.drafts import TODAY, a_draft, balances, billed, invoice, opened, whole


def entry(net: str = "100.00", tax: str = "13.00", **fields: Any) -> Entry:
    taxes = [Tax(named("GST"), Decimal(13), usd(net), usd(tax), "Ontario")] if tax else []
    return replace(Entry(net=usd(net), taxes=taxes, dated=TODAY, posting_date=TODAY), **fields)


def owed(draft: Draft) -> Money:
    ledger = draft.after().ledger
    assert ledger is not None
    return ledger.balance


def undo(draft: Draft, row: AccountTransaction) -> AccountTransaction:
    return reverse(draft, draft.entry(row.id), TODAY, TODAY, None)


# --- Debits -------------------------------------------------------------------------------------------------------------


def test_on_the_open_invoice_a_debit_is_answered_by_a_negative_debit() -> None:  # E31 E41 I16
    draft = a_draft(*opened())
    debit = add_debit(draft, entry())
    back = undo(draft, debit)
    assert (back.kind, back.invoice, back.origin) == (Kind.DEBIT, debit.invoice, Origin.REVERSAL)
    assert (back.net, back.tax, back.gross) == (usd("-100.00"), usd("-13.00"), usd("-113.00"))
    [tax] = taxes_of(draft, back.id)
    assert (tax.base, tax.amount, tax.rate) == (usd("-100.00"), usd("-13.00"), Decimal(13))
    assert (back.account_service, back.reverses) == (None, debit.id)  # E188
    assert back.reversal_key == str(debit.id)


def test_on_a_closed_invoice_it_is_answered_by_a_credit_for_that_invoice() -> None:  # E39 E40 A6
    draft = a_draft(*opened(), billed("20.00", "INV-1"))
    debit = add_debit(draft, entry())
    close(draft, invoice(draft, "INV-9"))
    back = undo(draft, debit)
    assert (back.kind, back.gross, back.automatic) == (Kind.CREDIT, usd("113.00"), False)
    assert [each.amount for each in taxes_of(draft, back.id)] == [usd("13.00")]
    assert balances(draft) == {"INV-1": "20.00", "INV-9": "0.00"}
    assert back.related == debit.id


def test_the_credit_takes_the_place_of_payments_only() -> None:  # E42 E43 A5
    draft = a_draft(*opened(), a_payment("60.00", automatic=True))
    debit = add_debit(draft, entry())
    credit = add_credit(draft, entry("53.00", "", automatic=True))
    disburse_automatically(draft)
    close(draft, invoice(draft, "INV-9"))
    back = undo(draft, debit)
    assert (back.disbursed, back.undisbursed) == (usd("60.00"), usd("53.00"))
    assert draft.entry(credit.id).disbursed == usd("53.00")
    assert balances(draft) == {"INV-9": "0.00"}


def test_what_is_freed_goes_on_to_the_oldest_balance() -> None:  # E153 A5
    draft = a_draft(*opened(), a_payment("113.00"))
    debit = add_debit(draft, entry())
    disburse_automatically(draft)
    close(draft, invoice(draft, "INV-9"))
    draft.put(billed("50.00", "INV-10", "2026-11-18"))
    undo(draft, debit)
    disburse_automatically(draft)
    assert balances(draft) == {"INV-9": "0.00", "INV-10": "0.00"}


def test_a_charge_that_is_brought_back_is_a_debit_like_any_other() -> None:  # E04 E33 A4
    draft = a_draft(*opened())
    debit = add_debit(draft, entry())
    back = undo(draft, debit)
    close(draft, invoice(draft, "INV-9"))
    again = undo(draft, back)
    assert (again.kind, again.gross) == (Kind.DEBIT, usd("113.00"))
    assert again.invoice not in {None, debit.invoice}, "the first invoice is closed: another one is made"


def test_an_invoice_that_is_another_customers_by_now_gets_nothing() -> None:
    draft = a_draft(*opened())
    debit = add_debit(draft, entry())
    close(draft, invoice(draft, "INV-9"))
    draft.put(replace(invoice(draft, "INV-9"), customer=named("another customer")))
    back = undo(draft, debit)
    assert (back.kind, back.undisbursed) == (Kind.CREDIT, usd("113.00"))
    assert draft.disbursements == []


# --- Credits ------------------------------------------------------------------------------------------------------------


def test_a_credit_is_answered_by_a_negative_credit_and_makes_no_invoice() -> None:  # E05 E105 A28 I9 I27
    draft = a_draft(billed("100.00"))
    credit = add_credit(draft, entry("40.00", "5.20", automatic=True))
    disburse_automatically(draft)
    back = undo(draft, credit)
    assert (back.kind, back.gross, back.undisbursed) == (Kind.CREDIT, usd("-45.20"), usd("0.00"))
    now = draft.entry(credit.id)
    assert (now.disbursed, now.undisbursed, now.is_disbursed) == (usd("0.00"), usd("0.00"), False)
    assert balances(draft) == {"INV-1": "100.00"}
    assert len(draft.invoices) == 1


def test_a_credit_that_is_brought_back_is_as_automatic_as_the_first() -> None:  # E33 A4
    draft = a_draft(billed("100.00"))
    credit = add_credit(draft, entry("40.00", "", automatic=True))
    again = undo(draft, undo(draft, credit))
    disburse_automatically(draft)
    assert (again.automatic, again.gross) == (True, usd("40.00"))
    assert balances(draft) == {"INV-1": "60.00"}


def test_a_reversal_credit_that_is_brought_back_is_for_its_invoice_again() -> None:  # A4 A6
    draft = a_draft(*opened(), billed("20.00", "INV-1"))
    debit = add_debit(draft, entry())
    close(draft, invoice(draft, "INV-9"))
    row = undo(draft, debit)
    for _ in range(2):
        row = undo(draft, undo(draft, row))
        assert balances(draft) == {"INV-1": "20.00", "INV-9": "0.00"}


def test_a_tax_adjustment_that_is_brought_back_waits_as_the_first_did() -> None:  # E185 A21
    draft = a_draft(*opened())
    debit = add_debit(draft, entry())
    close(draft, invoice(draft, "INV-9"))
    row = add_credit(draft, entry("0.00", "8.00", origin=Origin.TAX_ADJUSTMENT, related=debit.id))
    for _ in range(2):
        row = undo(draft, undo(draft, row))
        assert (row.undisbursed, row.disbursed) == (usd("8.00"), usd("0.00"))


# --- Once, and the chain ------------------------------------------------------------------------------------------------


def test_a_row_is_reversed_once() -> None:  # E32
    draft = a_draft(*opened())
    debit = add_debit(draft, entry())
    back = undo(draft, debit)
    with pytest.raises(Refused) as refused:
        undo(draft, debit)
    assert refused.value.code == "already_reversed"
    assert refused.value.message == (
        f"Transaction #{debit.number} was already reversed by #{back.number}. To bring it back, reverse #{back.number}."
    )


STEPS = st.lists(st.sampled_from(["reverse", "close", "open", "run"]), max_size=12)


@settings(deadline=None, max_examples=60)
@given(kind=st.sampled_from(Kind), automatic=st.booleans(), steps=STEPS)
def test_a_chain_alternates_whatever_happens_between(kind: Kind, automatic: bool, steps: list[str]) -> None:
    """E33 A4 I15 I16 I17: an even number of reversals leaves the effect, an odd one none."""
    draft = a_draft(*opened(), a_payment("150.00", automatic=True))
    before = owed(draft)
    row = add_debit(draft, entry()) if kind is Kind.DEBIT else add_credit(draft, entry(automatic=automatic))
    effect = owed(draft) - before
    assert effect == (usd("113.00") if kind is Kind.DEBIT else usd("-113.00"))
    reversals = 0
    for step in steps:
        match step:
            case "reverse":
                row, reversals = undo(draft, row), reversals + 1
            case "close" if draft.open_invoice is not None:
                close(draft, draft.open_invoice)
            case "open" if draft.open_invoice is None:
                open_again(draft, invoice(draft, "INV-9"))
            case _:
                pass
        disburse_automatically(draft)
        assert owed(draft) == before + (usd("0.00") if reversals % 2 else effect)
        assert problems(whole(draft)) == []


# --- Usage --------------------------------------------------------------------------------------------------------------


def a_call(**fields: Any) -> UsageRecord:
    given = {"entry": None, "credit": None, "status": UsageStatus.UNBILLED} | fields
    return UsageRecord(
        id=named(f"call {sorted(map(str, fields))}"),
        ledger=a_ledger().id,
        used_on=START,
        currency_id=currency_id("USD"),
        net=usd("1.00"),
        tax=usd("0.13"),
        gross=usd("1.13"),
        service=None,
        **given,
    )


def test_usage_behind_a_reversed_debit_bills_again() -> None:  # E35 I32
    draft = a_draft(*opened())
    debit = add_debit(draft, entry())
    draft.put(a_call(entry=debit.id, status=UsageStatus.BILLED))
    draft.put(a_call(entry=EntryId(named("another")), status=UsageStatus.BILLED, credit=None))
    undo(draft, debit)
    assert [(each.status, each.entry) for each in draft.usage] == [
        (UsageStatus.UNBILLED, None),
        (UsageStatus.BILLED, named("another")),
    ]


@pytest.mark.parametrize(
    ("billed_on", "becomes"), [(None, UsageStatus.UNBILLED), (named("a debit"), UsageStatus.BILLED)]
)
def test_usage_behind_a_reversed_credit_may_be_credited_again(  # I32 A22
    billed_on: Any, becomes: UsageStatus
) -> None:
    draft = a_draft(*opened())
    credit = add_credit(draft, entry("1.00", "0.13", origin=Origin.USAGE_CREDIT))
    draft.put(a_call(entry=billed_on, credit=credit.id, status=UsageStatus.CREDITED))
    undo(draft, credit)
    [call] = draft.usage
    assert (call.status, call.credit) == (becomes, None)


# --- What it says -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Kind))
def test_a_reversal_says_what_it_reverses(kind: Kind) -> None:  # E34 E47 E106 A18
    draft = a_draft(*opened())
    row = add_debit(draft, entry()) if kind is Kind.DEBIT else add_credit(draft, entry())
    back = undo(draft, row)
    assert back.detail == f"(Reversed Credit Transaction #{row.number})"
    assert draft.entry(row.id).detail == ""


def test_the_words_are_a_setting_for_each_kind() -> None:  # A18 E150
    own = a_setting(
        reversal_text_debit="Debit {number} storniert",
        reversal_text_credit="Credit {number} storniert",
        reversal_text_payment="Zahlung {number} storniert",
    )
    draft = a_draft(*opened())
    debit, credit = add_debit(draft, entry()), add_credit(draft, entry())
    assert reversal_text(own, debit) == f"Debit {debit.number} storniert"
    assert reversal_text(own, credit) == f"Credit {credit.number} storniert"
    assert payment_text(own, 7) == "Zahlung 7 storniert"
    assert payment_text(None, 7) == "(Reversed Payment #7)"
