"""Faults put in by hand: each is caught by the ledger at random. A check that lets one of them pass is no check."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from plugins import posting
from plugins.rules import draft, invoicing, refunding, reversing
from plugins.rules.books import LedgerBooks
from plugins.rules.draft import Draft
from plugins.rules.invoice import room
from plugins.rules.ledger import AccountTransaction, Invoice, Kind, Ledger
from plugins.rules.money import Money, total
from plugins.rules.refusal import Refused
from tests.plugins.test_ledger_at_random import LedgerAtRandom

Patch = pytest.MonkeyPatch


def _nothing(*_: object, **__: object) -> None:
    pass


def no_trim_after_a_reversal(patch: Patch) -> None:
    patch.setattr(reversing, "trim", _nothing)


def double_reversal(patch: Patch) -> None:
    def once_is_not_enough(draft: Draft, original: AccountTransaction) -> None:
        try:
            check(draft, original)
        except Refused as refusal:
            if refusal.code != "already_reversed":
                raise

    check = reversing.check_reversible
    patch.setattr(reversing, "check_reversible", once_is_not_enough)
    # The row's own key would keep a second reversal out of the books; the fault goes round that too.
    patch.setattr("tests.fakes.books._alternate_key", lambda _: None)


def deposit_in_the_balance(patch: Patch) -> None:
    def with_deposits(books: LedgerBooks, ledger: Ledger) -> Money:
        payments = [each.undisbursed for each in books.payments if each.ledger == ledger.id]
        credits_ = [each.undisbursed for each in books.entries if each.kind is Kind.CREDIT]
        return total([*payments, *credits_], ledger.balance.currency)

    patch.setattr("plugins.rules.invoice.undisbursed", with_deposits)
    patch.setattr(draft, "undisbursed", with_deposits)


def refund_keeping_its_disbursement(patch: Patch) -> None:
    patch.setattr(refunding, "unwind", _nothing)


def over_refund(patch: Patch) -> None:
    patch.setattr(refunding, "check_refund", _nothing)
    patch.setattr("plugins.refund_payment.check_refund", _nothing)


def reversal_without_tax(patch: Patch) -> None:
    patch.setattr(reversing, "mirrored", lambda _: [])
    patch.setattr(reversing, "same", lambda _: [])


def void_keeping_disbursements(patch: Patch) -> None:
    patch.setattr(invoicing, "take_off", _nothing)


def reopen_beside_another_open_invoice(patch: Patch) -> None:
    def without_looking(draft: Draft, invoice: Invoice) -> None:
        real = draft.ledger
        draft.change_ledger(_closed(real))
        reopen(draft, invoice)

    reopen = invoicing.open_again
    patch.setattr("plugins.open_invoice.open_again", without_looking)


def _closed(ledger: Ledger) -> Ledger:
    return replace(ledger, open_invoice=None)


def no_automatic_run_after_a_debit(patch: Patch) -> None:
    patch.setattr(posting, "disburse_automatically", _nothing)


def charge_above_the_balance(patch: Patch) -> None:
    real = room

    def plenty(books: Any) -> Money:
        left = real(books)
        return Money(left.minor + 10_000, left.currency)

    patch.setattr("plugins.rules.charge.room", plenty)


FAULTS: tuple[Callable[[Patch], None], ...] = (
    no_trim_after_a_reversal,
    double_reversal,
    deposit_in_the_balance,
    refund_keeping_its_disbursement,
    over_refund,
    reversal_without_tax,
    void_keeping_disbursements,
    reopen_beside_another_open_invoice,
    no_automatic_run_after_a_debit,
    charge_above_the_balance,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_caught(fault: Callable[[Patch], None], monkeypatch: Patch) -> None:
    """By an invariant, by a move that should not be, or by a refusal that is missing; never by a crash."""
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        _run(examples=300)


def _run(examples: int) -> None:
    run_state_machine_as_test(
        LedgerAtRandom,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
