"""Withdraw a payment link: close the page that a customer was asked to pay on, and write what had become of it by then.

The page's own word decides: who paid just before has paid, and without an answer nothing is concluded.
"""

from dataclasses import replace
from datetime import datetime

from plugins.actions import Action, Answer, Call, UserOrInvoiceGone
from plugins.links import close_link
from plugins.ports import BooksRefused, Conflict, GatewayRefused, NoAnswer, NotFound, Outside
from plugins.posting import Asked, Done, check_allowed, known, refuse, target_of
from plugins.refunds import handle
from plugins.reserving import Words
from plugins.rules.books import About, LedgerBooks, Scope
from plugins.rules.ids import TransactionId
from plugins.rules.ledger import Outcome, Request, Stage, Transaction, TransactionStatus
from plugins.rules.payment_link import WITHDRAWN
from plugins.rules.refusal import Refused
from plugins.settlement import WHOLE, settle_link
from plugins.verdicts import Verdict, verdict_on_link

ACTION = Action(
    name="cfl_WithdrawPaymentLink",
    bound_to="cfl_paymenttransaction",
    parameters={"RequestKey": str},
    privilege="prvCreatecfl_maycharge",
)

WORDS = Words("the payment link", "the withdrawal", "The payment link was not withdrawn.")
GONE = Refused("record_not_found", "This payment transaction no longer exists. Refresh the page.")


def withdraw_payment_link(call: Call, outside: Outside) -> Answer:
    """The answer that is, or already was, written under the key.

    Raises `KeyReused`, `KeyInvalid`, `UserOrInvoiceGone` (nothing is written) and `BooksUnreachable` (whether it is
    withdrawn is not known; the same key finds out).
    """
    asked = Asked(call, ACTION, nothing="the payment link was not withdrawn")
    key = TransactionId(target_of(call))
    try:
        books = outside.books.for_ledger(Scope(about=About.TRANSACTION, key=key), asked.request, call.caller)
        transaction = next((each for each in books.pending if each.id == key), None)
        transaction = transaction or outside.books.transaction(key)
    except NotFound:
        return refuse(outside, asked, GONE)
    except BooksRefused as refusal:
        return refuse(outside, asked, WORDS.unreadable(refusal))
    if books.request is not None:
        return known(books.request, asked)
    if transaction is None:
        return refuse(outside, asked, GONE)
    try:
        _check(outside, books, transaction)
        return _withdraw(outside, asked, transaction, call.received + WHOLE)
    except Refused as refusal:
        return refuse(outside, asked, refusal, books.ledger, transaction.invoice)


def _check(outside: Outside, books: LedgerBooks, transaction: Transaction) -> None:
    """Raises `Refused`."""
    check_allowed(outside, books.setting, books.rights)
    if not transaction.is_link:
        raise Refused(
            "not_a_link",
            "Only a payment link can be withdrawn. Refund a payment that was made in another way.",
        )
    if transaction.status is not TransactionStatus.PENDING:
        raise _over(transaction.status, transaction.result)
    if transaction.stage is Stage.PROCESSING:
        raise _being_paid()


def _withdraw(outside: Outside, asked: Asked, transaction: Transaction, until: datetime) -> Answer:
    """Raises `Refused`, `UserOrInvoiceGone`, `BooksUnreachable`."""
    row = _row(asked, transaction)
    with outside.traffic.in_hand(handle(transaction)):
        try:
            page = close_link(outside, transaction)
        except NoAnswer:
            raise _unknown() from None
        except GatewayRefused as refusal:
            raise Refused(
                "not_at_processor",
                "The payment processor does not know this payment link as one of this environment. It was not withdrawn. "
                f"Ask your administrator. ({refusal.code})",
            ) from None
        held = outside.books.for_settlement(transaction)
        answer = settle_link(outside, held, page, until, withdrawal=row)
    if answer.outcome is Outcome.PENDING:
        raise _being_paid() if verdict_on_link(page) is Verdict.PROCESSING else _unknown()
    if answer.code != TransactionStatus.CANCELLED:
        raise _over(TransactionStatus(answer.code), answer.message)
    return _answered(outside, asked, row)


def _answered(outside: Outside, asked: Asked, row: Request) -> Answer:
    """The row was written with the end of the link, unless somebody else wrote that end just now."""
    found = outside.books.request(asked.request)
    if found is None:
        try:
            outside.books.record(row)
        except Conflict:
            found = outside.books.request(asked.request)
        except NotFound:
            raise UserOrInvoiceGone from None
    return known(found or row, asked)


def _row(asked: Asked, transaction: Transaction) -> Request:
    done = Done(
        f"The payment link over {transaction.amount} was withdrawn. Nobody can pay on it any more.",
        {"transaction": str(transaction.id)},
        transaction.invoice,
    )
    row = asked.row(done, transaction.ledger, code=WITHDRAWN)
    return replace(row, transaction=transaction.id)


# --- Each reason to refuse -------------------------------------------------------------------------------------------


def _over(status: TransactionStatus, result: str) -> Refused:
    if status is TransactionStatus.SUCCEEDED:
        return Refused(
            "link_paid",
            "The customer has paid on this link already, so it can't be withdrawn. Refund the payment instead.",
        )
    return Refused("link_over", f"This payment link has ended already. {result}")


def _being_paid() -> Refused:
    return Refused(
        "link_being_paid",
        "The customer has paid on this link by bank debit, which takes a few working days to clear. It can't be withdrawn.",
    )


def _unknown() -> Refused:
    """Nothing is concluded: what became of it is found out by the sweep, or by the next try."""
    return Refused(
        "link_not_withdrawn",
        "The payment processor gave no answer, so the customer may still be able to pay on this link. Try again shortly.",
    )
