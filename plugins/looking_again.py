"""Looking again: what is done with a transaction whose time has come, or that an event names (`settle` ends it).

The sweep comes here, an event of the gateway, and the user's "Check again".
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import assert_never

from plugins.actions import Answer
from plugins.links import close_link, read_link
from plugins.ports import Conflict, Gateway, GatewayRefused, HostedPage, Intent, NoAnswer, Outside, Refund
from plugins.refunds import ASK_WITHIN, find_refund, read_own_intent, truth_of_refund
from plugins.rules.books import LedgerBooks
from plugins.rules.invoice import room_of
from plugins.rules.ledger import Operation, Outcome, Transaction, TransactionStatus
from plugins.rules.settling import Ending, has_left, is_overdue, looked_at, watched
from plugins.settlement import (
    Changes,
    answer_of,
    confirm_key,
    pending,
    settle,
    settle_link,
    settle_refund,
    transaction_in,
    write,
    wrong_environment,
)
from plugins.verdicts import Verdict, verdict, verdict_on_link, verdict_on_refund

STILL_WANTED = timedelta(minutes=10)
"""A reservation that was never confirmed is confirmed for the user this long, and cancelled after."""

Truth = Intent | Refund | HostedPage | Ending


def look_again(outside: Outside, found: Transaction, until: datetime) -> Answer:
    """What the sweep does with a row whose time has come: ask about its intent, then settle or set the next check."""
    books = outside.books.for_settlement(found)
    transaction = transaction_in(books)
    if (wrong := wrong_environment(outside, books.setting)) is not None:
        outside.alerts.alert(wrong.code, wrong.message, transaction=str(transaction.id))
        return pending(books)
    if transaction.status is not TransactionStatus.PENDING:
        return _look_at_ended(outside, books, until)
    try:
        truth = _find_out(outside, books)
    except (NoAnswer, GatewayRefused) as doubt:
        return _look_later(outside, books, doubt, until)
    answer = _settle(outside, books, truth, until)
    if answer.outcome is not Outcome.PENDING:
        return answer
    if not _is_under_way(truth):
        return _look_later(outside, outside.books.for_settlement(found), None, until)
    if is_overdue(transaction, outside.clock.now()):
        _tell_overdue(outside, transaction, "it is still under way at the bank")
    return answer


def _find_out(outside: Outside, books: LedgerBooks) -> Truth:
    """The truth: of a refund as far as it was made; an unconfirmed intent is confirmed while it is wanted and fits, else cancelled.

    A payment link is closed once the invoice does not owe it any more.
    """
    transaction = transaction_in(books)
    if transaction.operation is Operation.REFUND:
        return truth_of_refund(outside, transaction)
    fits = not has_left(books) and _still_fits(books)
    if transaction.is_link:
        return read_link(outside, transaction) if fits else close_link(outside, transaction)
    intent = read_own_intent(outside, transaction.gateway_reference)
    if verdict(intent) is not Verdict.UNCONFIRMED:
        return intent
    gateway: Gateway = outside.gateway
    asked_on = transaction.created_on
    young = asked_on is not None and outside.clock.now() - asked_on < STILL_WANTED
    if young and fits:
        return gateway.confirm_intent(transaction.gateway_reference, confirm_key(transaction.id), ASK_WITHIN)
    return gateway.cancel_intent(transaction.gateway_reference, ASK_WITHIN)


def _settle(outside: Outside, books: LedgerBooks, truth: Truth, until: datetime) -> Answer:
    if isinstance(truth, Intent):
        return settle(outside, books, truth, until)
    if isinstance(truth, HostedPage):
        return settle_link(outside, books, truth, until)
    return settle_refund(outside, books, truth, until)


def _is_under_way(truth: Truth) -> bool:
    """Whether its next check was set with what was learned."""
    match truth:
        case Ending():
            return False
        case Intent():
            return verdict(truth) is Verdict.PROCESSING
        case Refund():
            return verdict_on_refund(truth) is Verdict.PROCESSING
        case HostedPage():
            return verdict_on_link(truth) is Verdict.PROCESSING
        case _:
            assert_never(truth)


def _still_fits(books: LedgerBooks) -> bool:
    """Whether the invoice still owes what was asked for: its own amount is among the pending ones already."""
    invoice = books.invoice_of(transaction_in(books).invoice)
    return invoice is None or room_of(invoice, books).minor >= 0


def _look_later(outside: Outside, books: LedgerBooks, doubt: Exception | None, until: datetime) -> Answer:
    transaction, now = transaction_in(books), outside.clock.now()
    if transaction.status is not TransactionStatus.PENDING:
        return answer_of(books)
    if transaction.is_link and doubt is None and _waits_for_its_time(transaction, now):
        return answer_of(books)  # an event said something of it, and it is as open as before
    if isinstance(doubt, GatewayRefused) or is_overdue(transaction, now):
        _tell_overdue(
            outside, transaction, f"the payment processor gives no answer: {doubt or 'still pending'}"
        )
    changeset, _ = looked_at(books, now)
    try:
        with outside.traffic.turn(transaction.ledger, until):
            outside.books.commit(changeset)
    except Conflict:
        pass  # somebody else was at it just now; the next sweep finds what they left
    return pending(books)


def _waits_for_its_time(transaction: Transaction, now: datetime) -> bool:
    return transaction.next_check_on is not None and transaction.next_check_on > now


def _tell_overdue(outside: Outside, transaction: Transaction, why: str) -> None:
    outside.alerts.alert(
        "transaction_overdue",
        f"A transaction has no end yet ({why}). A person has to look.",
        transaction=str(transaction.id),
        intent=transaction.gateway_reference,
    )


def _look_at_ended(outside: Outside, books: LedgerBooks, until: datetime) -> Answer:
    """An end stands, but for one that Stripe knows better: a success always wins, and a refund may come back.

    Raises `NoAnswer`.
    """
    transaction = transaction_in(books)
    if transaction.operation is Operation.REFUND:
        return _look_at_ended_refund(outside, books, until)
    with suppress(GatewayRefused):  # the processor never took the order
        if transaction.status is not TransactionStatus.SUCCEEDED and transaction.is_link:
            return settle_link(outside, books, read_link(outside, transaction), until)
        if transaction.status is not TransactionStatus.SUCCEEDED:
            intent = read_own_intent(outside, transaction.gateway_reference)
            if verdict(intent) is Verdict.SUCCEEDED:
                return settle(outside, books, intent, until)
    return answer_of(books)


def _look_at_ended_refund(outside: Outside, books: LedgerBooks, until: datetime) -> Answer:
    refund = None
    with suppress(GatewayRefused):  # the processor never took the order, or it is another environment's
        refund = find_refund(outside, transaction_in(books))
    if refund is not None:
        return settle_refund(outside, books, refund, until)

    def changes_of(current: LedgerBooks) -> Changes | None:
        next_check, now = transaction_in(current).next_check_on, outside.clock.now()
        return watched(current, now) if next_check is not None and next_check <= now else None

    return write(outside, books, until, changes_of)
