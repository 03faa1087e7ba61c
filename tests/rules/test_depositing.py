"""Deposits: held apart from everything until they are released, together with what was refunded of them."""

import pytest

from plugins.rules.depositing import check_may_be_held, release
from plugins.rules.disbursing import disburse_automatically
from plugins.rules.ledger import RefundMode
from plugins.rules.refunding import give_back
from plugins.rules.refusal import Refused
from tests.builders import a_payment, named, usd
from tests.rules.drafts import TODAY, a_draft, balances, billed, opened, payment
from tests.rules.test_reversing import owed


def test_a_deposit_that_is_released_counts_and_pays() -> None:  # E123 E124 A10
    draft = a_draft(billed("150.00"), a_payment("200.00", deposit=True, automatic=False))
    assert owed(draft) == usd("150.00")
    release(draft, payment(draft), automatic=True)
    disburse_automatically(draft)
    found = payment(draft)
    assert (found.deposit, found.was_deposit, found.automatic) == (False, True, True)
    assert owed(draft) == usd("-50.00")
    assert balances(draft) == {"INV-1": "0.00"}


def test_what_was_refunded_of_it_is_released_with_it() -> None:  # A10 I6 I13
    draft = a_draft(*opened(), a_payment("200.00", deposit=True, automatic=False))
    given = give_back(
        draft, payment(draft), usd("60.00"), mode=RefundMode.REFUND, dated=TODAY, posting_date=TODAY
    )
    assert given.deposit
    assert owed(draft) == usd("0.00")  # I14
    release(draft, payment(draft), automatic=True)
    back = draft.payment(given.id)
    assert (back.deposit, back.display_invoice) == (False, draft.ledger.open_invoice)
    after = draft.after().ledger
    assert after is not None
    assert (after.balance, after.deposit_balance) == (usd("-140.00"), usd("0.00"))


def test_it_shows_on_the_open_invoice_from_then_on() -> None:  # E50
    draft = a_draft(*opened(), a_payment("200.00", deposit=True, automatic=False))
    assert release(draft, payment(draft), automatic=False).display_invoice == named("INV-9")


@pytest.mark.parametrize(
    "fields",
    [
        {"was_deposit": True},
        {"disbursed": usd("1.00")},
        {"refunded": usd("1.00")},
        {"display_invoice": named("INV-1")},
    ],
)
def test_a_payment_that_was_used_is_not_held_any_more(fields: dict[str, object]) -> None:  # A10 I29
    with pytest.raises(Refused, match="deposit_not_possible"):
        check_may_be_held(a_payment("10.00", **fields))  # type: ignore[arg-type]  # fields of a payment


def test_a_payment_that_was_not_may_be() -> None:  # A10
    check_may_be_held(a_payment("10.00"))
