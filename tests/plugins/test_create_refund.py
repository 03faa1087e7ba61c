"""Statement refunds as a clerk asks for them: worked example Y3, whoever may override, and what is refused."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from plugins.actions import Answer
from plugins.create_refund import ACTION, MOST, OVERRIDE, create_refund
from plugins.reverse_transaction import ACTION as REVERSE
from plugins.reverse_transaction import reverse_transaction
from plugins.rules.ledger import (
    AccountTransaction,
    Kind,
    Operation,
    Origin,
    RefundMode,
    TransactionTax,
)
from plugins.rules.runs import StatementRefund, StatementRefundLine
from plugins.void_invoice import ACTION as VOID
from plugins.void_invoice import void_invoice
from tests.builders import BILLER, a_transaction, named, usd
from tests.clerk import Clerk, amounts


@pytest.fixture
def clerk() -> Clerk:
    """Y3: I1 closed, lines 100.00 + 13.00 and 50.00, paid by P1."""
    made = Clerk()
    made.debit("100.00", taxed=True)
    made.debit("50.00")
    made.payment("163.00")
    made.close()
    return made


def line(clerk: Clerk, gross: str) -> AccountTransaction:
    return next(each for each in clerk.entries(Kind.DEBIT) if each.gross == usd(gross))


def asked(
    clerk: Clerk, *lines: AccountTransaction, amount: str | None = None, key: str = "", **given: Any
) -> Answer:
    parameters = {
        "TransactionIds": [str(each.id) for each in lines],
        "PaymentTypeId": named("Check"),
        "Amount": Decimal(amount) if amount else None,
    } | given
    return clerk.ask(ACTION, create_refund, clerk.ledger.id, key, **parameters)


def may_override(clerk: Clerk) -> None:
    clerk.books.privileges[BILLER] = frozenset({OVERRIDE})


def invoice_of(clerk: Clerk) -> Any:
    return line(clerk, "113.00").invoice


def test_a_selected_line_is_given_back_by_the_chosen_method(clerk: Clerk) -> None:
    # Y3, E175-E181, A33, I37
    answer = asked(clerk, line(clerk, "113.00"))
    assert answer.message == "113.00 USD was refunded for #1."
    assert clerk.shown(invoice_of(clerk)) == amounts("50.00", "113.00", "0.00")
    payment, back = clerk.payments()
    assert (payment.undisbursed, payment.refunded) == amounts("0.00", "113.00")
    assert (back.amount, back.refund_of, back.refund_mode) == (
        usd("-113.00"),
        payment.id,
        RefundMode.STATEMENT_REFUND,
    )
    assert back.payment_type == named("Check")
    assert clerk.ledger.balance == usd("0.00")
    assert clerk.entry(line(clerk, "113.00")).refunded == usd("113.00")
    (credit,) = clerk.entries(Kind.CREDIT)
    assert (credit.origin, credit.net, credit.tax) == (Origin.STATEMENT_REFUND, *amounts("100.00", "13.00"))
    assert credit.related == line(clerk, "113.00").id


def test_the_refund_and_its_lines_can_be_viewed(clerk: Clerk) -> None:
    # E181
    asked(clerk, line(clerk, "113.00"), line(clerk, "50.00"), key="the-refund")
    (refund,) = clerk.books.all(StatementRefund)
    assert (refund.amount, refund.payment_type) == (usd("163.00"), named("Check"))
    assert refund.request == clerk.request("the-refund").id
    lines = clerk.books.all(StatementRefundLine)
    assert [(each.net, each.tax, each.gross) for each in lines] == [
        amounts("100.00", "13.00", "113.00"),
        amounts("50.00", "0.00", "50.00"),
    ]
    assert {each.credit for each in lines} == {each.id for each in clerk.entries(Kind.CREDIT)}


def test_several_lines_of_one_payment_are_one_negative_payment(clerk: Clerk) -> None:
    # E177, A33
    asked(clerk, line(clerk, "113.00"), line(clerk, "50.00"))
    payment, back = clerk.payments()
    assert (back.amount, payment.is_refunded) == (usd("-163.00"), True)
    assert clerk.shown(invoice_of(clerk)) == amounts("0.00", "163.00", "0.00")


def test_another_amount_needs_override_sum(clerk: Clerk) -> None:
    # Y3, E179, A19
    assert asked(clerk, line(clerk, "113.00"), amount="60.00").code == "override_needed"
    assert len(clerk.payments()) == 1
    assert asked(clerk, line(clerk, "113.00"), amount="113.00").code == "succeeded"


def test_with_override_sum_a_part_is_given_back_net_and_tax_in_proportion(clerk: Clerk) -> None:
    # Y3, A33
    may_override(clerk)
    asked(clerk, line(clerk, "113.00"), amount="60.00")
    assert clerk.shown(invoice_of(clerk)) == amounts("103.00", "60.00", "0.00")
    (credit,) = clerk.entries(Kind.CREDIT)
    assert (credit.net, credit.tax) == amounts("53.10", "6.90")
    assert clerk.ledger.balance == usd("0.00")
    refused = asked(clerk, line(clerk, "113.00"), amount="53.01")
    assert (refused.code, "53.00" in refused.message) == ("amount_above_selected", True)


def test_all_parts_together_give_back_the_line_to_the_last_cent(clerk: Clerk) -> None:
    # A33: 60.00, then 0.01, then what is left
    may_override(clerk)
    for amount in ("60.00", "0.01", None):
        assert asked(clerk, line(clerk, "113.00"), amount=amount).code == "succeeded"
    credits_ = clerk.entries(Kind.CREDIT)
    assert sum((each.net for each in credits_), start=usd("0.00")) == usd("100.00")
    assert sum((each.tax for each in credits_), start=usd("0.00")) == usd("13.00")
    taxes = [each for each in clerk.books.all(TransactionTax) if each.entry in {one.id for one in credits_}]
    assert sum((each.amount for each in taxes), start=usd("0.00")) == usd("13.00")
    assert asked(clerk, line(clerk, "113.00")).code == "already_refunded"


def test_an_override_over_several_lines_is_shared_in_proportion(clerk: Clerk) -> None:
    # A33
    may_override(clerk)
    asked(clerk, line(clerk, "113.00"), line(clerk, "50.00"), amount="16.30")
    refunded = [clerk.entry(each).refunded for each in clerk.entries(Kind.DEBIT)]
    assert refunded == list(amounts("11.30", "5.00"))


def test_on_a_partly_paid_invoice_what_is_owed_stays_owed(clerk: Clerk) -> None:
    # A33: the balance of the account does not change
    clerk.debit("113.00")
    clerk.payment("100.00")
    second = clerk.close()
    asked_for = next(each for each in clerk.entries(Kind.DEBIT) if each.invoice == second.id)
    assert asked(clerk, asked_for).code == "not_paid"
    clerk.payment("5.00")
    may_override(clerk)
    asked(clerk, asked_for, amount="100.00")
    assert clerk.shown(second) == amounts("5.00", "100.00", "8.00")
    assert clerk.ledger.balance == usd("8.00")
    assert [each.amount for each in clerk.payments()[-2:]] == list(amounts("-5.00", "-95.00"))


def test_nothing_paid_is_reversed_and_not_refunded() -> None:
    # A33
    clerk = Clerk()
    debit = clerk.debit("20.00")
    refused = asked(clerk, debit)
    assert refused.code == "not_paid"
    assert "Reverse the transaction instead." in refused.message


def test_money_whose_refund_is_under_way_is_not_given_back_twice(clerk: Clerk) -> None:
    payment = clerk.payments()[0]
    clerk.books.add(
        replace(
            a_transaction("100.00", operation=Operation.REFUND, refunded_payment=payment.id), invoice=None
        )
    )
    assert asked(clerk, line(clerk, "113.00")).code == "not_paid"
    assert asked(clerk, line(clerk, "50.00")).code == "succeeded"


def test_credits_reversals_and_reversed_or_void_rows_are_refused(clerk: Clerk) -> None:
    # E176
    debit = line(clerk, "113.00")
    assert asked(clerk, clerk.credit("5.00")).code == "not_refundable"
    clerk.done(REVERSE, reverse_transaction, debit.id)
    assert asked(clerk, debit).code == "already_reversed"


def test_what_was_undone_with_its_invoice_is_not_refunded(clerk: Clerk) -> None:
    clerk.done(VOID, void_invoice, invoice_of(clerk))
    assert asked(clerk, line(clerk, "50.00")).code == "invoice_void"


def test_a_refunded_line_cannot_be_reversed(clerk: Clerk) -> None:
    may_override(clerk)
    asked(clerk, line(clerk, "113.00"), amount="1.00")
    answer = clerk.ask(REVERSE, reverse_transaction, line(clerk, "113.00").id)
    assert answer.code == "already_refunded"


def test_what_cannot_be_read_is_refused(clerk: Clerk) -> None:
    some = line(clerk, "50.00")
    assert asked(clerk).code == "transaction_missing"
    assert asked(clerk, some, PaymentTypeId=None).code == "payment_type_missing"
    assert asked(clerk, some, TransactionIds=[str(named("somebody else's"))]).code == "not_one_account"
    assert asked(clerk, some, TransactionIds=["?"]).code == "parameter_invalid"
    many = [str(named(f"{each}")) for each in range(MOST + 1)]
    assert asked(clerk, some, TransactionIds=many).code == "parameter_invalid"
    may_override(clerk)
    assert asked(clerk, some, amount="-1.00").code == "amount_invalid"
    assert asked(clerk, some, amount="50.01").code == "amount_above_selected"


def test_the_same_key_refunds_once(clerk: Clerk) -> None:
    # I34
    for _ in range(2):
        assert asked(clerk, line(clerk, "113.00"), key="once-only").code == "succeeded"
    assert len(clerk.payments()) == 2
