"""Settle: from the truth about a transaction's intent or refund to the rows. The only place that ends a transaction.

Whoever learns an outcome comes here: the click that confirmed, an event, the sweep, the user's "Check again".
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from plugins.actions import Answer
from plugins.committing import commit
from plugins.links import paid_under, without_intent
from plugins.ports import (
    BooksUnreachable,
    Conflict,
    Decline,
    HostedPage,
    Intent,
    NoAnswer,
    Outside,
    PageStatus,
    Refund,
)
from plugins.refunds import ASK_WITHIN, handle
from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.changes import Changeset, Create
from plugins.rules.charge import ChargeRefused, Surroundings, check_environment
from plugins.rules.ids import TransactionId
from plugins.rules.ledger import Outcome, Request, Transaction, TransactionStatus
from plugins.rules.refunding import is_more_than_left
from plugins.rules.settling import (
    Ending,
    failed,
    has_left,
    is_returned,
    processing,
    returned,
    succeeded,
    watched,
)
from plugins.rules.setup import Setting
from plugins.verdicts import (
    Verdict,
    declined,
    implied,
    is_rejected,
    link_over,
    refund_failed,
    refund_returned,
    refund_succeeded,
    refund_under_way,
    rejected,
    verdict,
    verdict_on_link,
    verdict_on_refund,
)

B = TypeVar("B", bound=LedgerBooks)

WHOLE = timedelta(seconds=50)
"""From receipt to answer; the platform gives 60 s."""
ALONE = timedelta(seconds=20)
"""A settlement that got no answer goes without the invoice in its last seconds: a plug-in may break down at every save."""


OUTCOMES = {
    TransactionStatus.PENDING: Outcome.PENDING,
    TransactionStatus.SUCCEEDED: Outcome.DONE,
    TransactionStatus.FAILED: Outcome.FAILED,
    TransactionStatus.CANCELLED: Outcome.FAILED,
}
"""How a request is answered whose transaction stands like that."""


def confirm_key(transaction: TransactionId) -> str:
    """One key for the one call that moves money, whoever sends it and however often."""
    return f"confirm-{transaction}"


def settle(outside: Outside, books: LedgerBooks, intent: Intent, until: datetime) -> Answer:
    """Write what `intent` says, in one changeset, or find that the rows say it already.

    Raises `BooksUnreachable` when nothing could be written: the row stays Pending and something will look again.
    """
    failure = declined(intent.decline) if intent.decline is not None else None
    if verdict(intent) is Verdict.DECLINED:
        told, rejects = intent.decline or implied(intent), is_rejected(intent)
        try:  # first cancelled, then written as failed: nobody can pay it after we said it failed
            intent = outside.gateway.cancel_intent(intent.reference, ASK_WITHIN)
        except NoAnswer:
            return pending(books)
        told = intent.decline or told
        failure = rejected(told) if rejects else declined(told)
        if verdict(intent) is Verdict.DECLINED:
            return pending(books)
    return write(outside, books, until, lambda current: _changes(outside, current, intent, failure))


def settle_refund(outside: Outside, books: LedgerBooks, told: Refund | Ending, until: datetime) -> Answer:
    """The same for a refund: `told` is the refund as the gateway tells it, or why there is none and never will be.

    Raises `BooksUnreachable`.
    """
    return write(outside, books, until, lambda current: _refund_changes(outside, current, told))


def settle_link(
    outside: Outside,
    books: LedgerBooks,
    page: HostedPage,
    until: datetime,
    withdrawal: Request | None = None,
) -> Answer:
    """The same for a payment link: `page` is what the customer pays on, as the gateway tells it.

    `withdrawal` is the row of who asked for it to be withdrawn; it is written with the end, if that is what comes of it.
    Raises `BooksUnreachable`.
    """
    failure = None
    if verdict_on_link(page) is Verdict.DECLINED:
        told = (page.intent.decline if page.intent is not None else None) or Decline()
        try:
            certain = without_intent(outside, page)
        except NoAnswer:
            return pending(books)
        if certain is None:
            return pending(books)
        failure = declined(told) if page.status is PageStatus.COMPLETE else None
        page = certain

    def changes_of(current: LedgerBooks) -> Changes | None:
        changes = _link_changes(outside, current, page, failure)
        if changes is None or withdrawal is None:
            return changes
        changeset, after = changes
        if transaction_in(after).status is not TransactionStatus.CANCELLED:
            return changes
        return replace(changeset, writes=(Create(withdrawal), *changeset.writes)), after

    return write(outside, books, until, changes_of)


def wrong_environment(outside: Outside, setting: Setting | None) -> ChargeRefused | None:
    """In a copy of another environment's books nothing is this service's to finish: the original may be at it."""
    return check_environment(setting, Surroundings(outside.organisation, outside.gateway.live, None))


def answer_of(books: LedgerBooks) -> Answer:
    """The answer that the rows hold; of a payment link, whose request is long answered, what its transaction says."""
    if books.request is None or transaction_in(books).is_link:
        transaction = transaction_in(books)
        return Answer(OUTCOMES[transaction.status], transaction.status.value, transaction.result)
    return Answer(books.request.outcome, books.request.code, books.request.message)


def pending(books: LedgerBooks) -> Answer:
    """Nothing more is known than that it was asked for."""
    answered = books.request is not None and books.request.outcome is not Outcome.PENDING
    if answered and not transaction_in(books).is_link:
        return answer_of(books)
    return Answer(Outcome.PENDING, "unknown", "The payment processor's answer is still awaited.")


def with_etags(books: B, etags: Mapping[UUID, str]) -> B:
    """The books with the ETags that a commit gave; a row it gave none for must be read again before it is written."""
    ledger, transaction, request = books.ledger, books.transaction, books.request
    if ledger is not None:
        books = books.with_ledger(replace(ledger, etag=etags.get(ledger.id, "")))
    if transaction is not None:
        fresh = replace(transaction, etag=etags.get(transaction.id, ""))
        waiting = tuple(fresh if each.id == fresh.id else each for each in books.pending)
        books = replace(books, transaction=fresh, pending=waiting)
    if request is not None:
        books = replace(books, request=replace(request, etag=etags.get(request.id, "")))
    if isinstance(books, InvoiceBooks):
        books = replace(books, invoice=replace(books.invoice, etag=etags.get(books.invoice.id, "")))
    return books


# --- What to write -------------------------------------------------------------------------------------------------


Changes = tuple[Changeset, LedgerBooks]


def write(
    outside: Outside,
    books: LedgerBooks,
    until: datetime,
    changes_of: Callable[[LedgerBooks], Changes | None],
) -> Answer:
    """Decide and commit until it is written, or somebody else wrote it."""
    attempt, unanswered = 0, False
    while True:
        with outside.traffic.turn(transaction_in(books).ledger, until) as waited:
            if waited or attempt:
                books = outside.books.for_settlement(transaction_in(books))
            changes = changes_of(books)
            if changes is None:
                return answer_of(books)
            alone = unanswered and outside.clock.now() >= until - ALONE
            try:
                return _commit(outside, *changes, alone=alone)
            except Conflict:
                attempt += 1
            except BooksUnreachable:
                attempt += 1
                unanswered = True
        if outside.clock.now() >= until:
            return pending(books)
        outside.traffic.pause(attempt)


def _changes(outside: Outside, books: LedgerBooks, intent: Intent, failure: Ending | None) -> Changes | None:
    """The changeset that the truth calls for; None when the rows say it already.

    Pending → Failed or Cancelled → (only if Stripe says so) Succeeded; a success always wins, the reverse never.
    """
    now = outside.clock.now()
    transaction = transaction_in(books)
    ended = transaction.status is not TransactionStatus.PENDING
    match verdict(intent):
        case Verdict.SUCCEEDED:
            if transaction.status is TransactionStatus.SUCCEEDED:
                return None
            _tell_of_success(outside, books, intent)
            sentence = f"{transaction.amount} was charged to {_profile_name(books)}."
            return succeeded(books, Ending("succeeded", sentence, receipt_url=intent.receipt_url), now)
        case Verdict.PROCESSING if not ended:
            sentence = "The bank debit was submitted. It takes a few working days to clear."
            return processing(books, Ending("processing", sentence), now)
        case Verdict.CANCELLED if not ended and failure is not None:
            return failed(books, failure, TransactionStatus.FAILED, now)
        case Verdict.CANCELLED if not ended:
            sentence = "The charge was not sent to the bank. Nothing was charged."
            return failed(books, Ending("not_sent", sentence), TransactionStatus.CANCELLED, now)
        case Verdict.PROCESSING | Verdict.CANCELLED | Verdict.UNCONFIRMED | Verdict.DECLINED:
            return None


def _link_changes(
    outside: Outside, books: LedgerBooks, page: HostedPage, failure: Ending | None
) -> Changes | None:
    """Likewise. It is named by its page until money came of it: then by the intent, which can be refunded."""
    now = outside.clock.now()
    transaction = transaction_in(books)
    waits = transaction.status is TransactionStatus.PENDING
    match verdict_on_link(page):
        case Verdict.SUCCEEDED if transaction.status is not TransactionStatus.SUCCEEDED and page.intent:
            _tell_of_success(outside, books, page.intent)
            ending = Ending(
                "succeeded",
                f"The customer paid {transaction.amount} by payment link.",
                receipt_url=page.intent.receipt_url,
                reference=page.intent.reference,
                payment_type=paid_under(books, page.intent.method_type),
            )
            return succeeded(books, ending, now)
        case Verdict.PROCESSING if waits:
            sentence = "The customer paid by bank debit. It takes a few working days to clear."
            return processing(books, Ending("processing", sentence), now)
        case Verdict.DECLINED | Verdict.CANCELLED if waits and failure is not None:
            return failed(books, failure, TransactionStatus.FAILED, now)
        case Verdict.CANCELLED if waits:
            return failed(books, link_over(page, now), TransactionStatus.CANCELLED, now)
        case _:
            return None


def _refund_changes(outside: Outside, books: LedgerBooks, told: Refund | Ending) -> Changes | None:
    """Likewise. What fails after it succeeded is new money that came back, and never a refund that was not."""
    now = outside.clock.now()
    transaction = transaction_in(books)
    waits = transaction.status is TransactionStatus.PENDING
    if isinstance(told, Ending):
        status = TransactionStatus.CANCELLED if told.code == "not_sent" else TransactionStatus.FAILED
        return failed(books, told, status, now) if waits else None
    match verdict_on_refund(told):
        case Verdict.SUCCEEDED if transaction.status is TransactionStatus.SUCCEEDED:
            is_due = transaction.next_check_on is not None and transaction.next_check_on <= now
            return watched(books, now) if is_due else None
        case Verdict.SUCCEEDED:
            if not waits:
                _tell_late_success(outside, transaction, told.reference)
            if is_more_than_left(books):
                outside.alerts.alert(
                    "refunded_twice",
                    "More of a payment was given back than there was. A person has to look.",
                    payment=str(transaction.refunded_payment),
                    transaction=str(transaction.id),
                )
            ending = refund_succeeded(told, transaction.amount, _profile_name(books))
            return succeeded(books, ending, now)
        case Verdict.PROCESSING if waits:
            return processing(books, refund_under_way(told), now)
        case Verdict.DECLINED if waits:
            return failed(books, refund_failed(told), TransactionStatus.FAILED, now)
        case Verdict.DECLINED if transaction.status is TransactionStatus.SUCCEEDED:
            if is_returned(transaction):
                return None
            outside.alerts.alert(
                "refund_returned",
                "A refund that had succeeded came back. Its money is on the billing account again; the customer has to "
                "be refunded in another way.",
                transaction=str(transaction.id),
                refund=told.reference,
            )
            return returned(books, refund_returned(told), now)
        case _:
            return None


def _tell_of_success(outside: Outside, books: LedgerBooks, intent: Intent) -> None:
    """What a person has to know of money that came."""
    transaction = transaction_in(books)
    if transaction.status is not TransactionStatus.PENDING:
        _tell_late_success(outside, transaction, intent.reference)
    if has_left(books):
        outside.alerts.alert(
            "invoice_left",
            "An invoice got another customer or currency while it was charged. The payment is recorded on the "
            "billing account that was charged and stays undisbursed.",
            invoice=str(transaction.invoice),
            transaction=str(transaction.id),
        )


def _tell_late_success(outside: Outside, transaction: Transaction, reference: str) -> None:
    outside.alerts.alert(
        "success_after_failure",
        "The payment processor reports success for a charge or a refund that was recorded as not made; it is recorded now.",
        transaction=str(transaction.id),
        intent=reference,
    )


def _commit(outside: Outside, changeset: Changeset, after: LedgerBooks, *, alone: bool) -> Answer:
    """`alone`: without the invoice, which is shown later."""
    commit(outside, changeset, alone=alone)
    transaction = transaction_in(after)
    if transaction.status is not TransactionStatus.PENDING:
        made = transaction.status is TransactionStatus.SUCCEEDED
        outside.traffic.ended(handle(transaction), succeeded=made)
    return answer_of(after)


def transaction_in(books: LedgerBooks) -> Transaction:
    """The one that the books were loaded for."""
    if books.transaction is None:
        raise ValueError("these books were not loaded for a settlement")
    return books.transaction


def _profile_name(books: LedgerBooks) -> str:
    if transaction_in(books).profile is None:
        return "what it was paid with"
    profile = next((each for each in books.profiles if each.id == transaction_in(books).profile), None)
    return profile.name if profile else "the payment profile"
