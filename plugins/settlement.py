"""Settle: from the truth about a transaction's intent or refund to the rows. The only place that ends a transaction.

Whoever learns an outcome comes here: the click that confirmed, an event, the sweep, the user's "Check again".
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar, assert_never
from uuid import UUID

from plugins.actions import Answer
from plugins.committing import commit
from plugins.links import close_link, paid_under, read_link, without_intent
from plugins.ports import (
    BooksUnreachable,
    Conflict,
    Decline,
    Gateway,
    GatewayRefused,
    HostedPage,
    Intent,
    NoAnswer,
    Outside,
    PageStatus,
    Refund,
)
from plugins.refunds import ASK_WITHIN, find_refund, handle, read_own_intent, truth_of_refund
from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.changes import Changeset, Create
from plugins.rules.charge import ChargeRefused, Surroundings, check_environment
from plugins.rules.ids import TransactionId
from plugins.rules.invoice import room_of
from plugins.rules.ledger import Operation, Outcome, Request, Transaction, TransactionStatus
from plugins.rules.refunding import is_more_than_left
from plugins.rules.settling import (
    Ending,
    failed,
    has_left,
    is_overdue,
    is_returned,
    looked_at,
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
STILL_WANTED = timedelta(minutes=10)
"""A reservation that was never confirmed is confirmed for the user this long, and cancelled after."""
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
    return _write(outside, books, until, lambda current: _changes(outside, current, intent, failure))


def settle_refund(outside: Outside, books: LedgerBooks, told: Refund | Ending, until: datetime) -> Answer:
    """The same for a refund: `told` is the refund as the gateway tells it, or why there is none and never will be.

    Raises `BooksUnreachable`.
    """
    return _write(outside, books, until, lambda current: _refund_changes(outside, current, told))


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
        if _transaction(after).status is not TransactionStatus.CANCELLED:
            return changes
        return replace(changeset, writes=(Create(withdrawal), *changeset.writes)), after

    return _write(outside, books, until, changes_of)


def look_again(outside: Outside, found: Transaction, until: datetime) -> Answer:
    """What the sweep does with a row whose time has come: ask about its intent, then settle or set the next check."""
    books = outside.books.for_settlement(found)
    transaction = _transaction(books)
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


def wrong_environment(outside: Outside, setting: Setting | None) -> ChargeRefused | None:
    """In a copy of another environment's books nothing is this service's to finish: the original may be at it."""
    return check_environment(setting, Surroundings(outside.organisation, outside.gateway.live, None))


def answer_of(books: LedgerBooks) -> Answer:
    """The answer that the rows hold; of a payment link, whose request is long answered, what its transaction says."""
    if books.request is None or _transaction(books).is_link:
        transaction = _transaction(books)
        return Answer(OUTCOMES[transaction.status], transaction.status.value, transaction.result)
    return Answer(books.request.outcome, books.request.code, books.request.message)


def pending(books: LedgerBooks) -> Answer:
    """Nothing more is known than that it was asked for."""
    answered = books.request is not None and books.request.outcome is not Outcome.PENDING
    if answered and not _transaction(books).is_link:
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


def _write(
    outside: Outside,
    books: LedgerBooks,
    until: datetime,
    changes_of: Callable[[LedgerBooks], Changes | None],
) -> Answer:
    """Decide and commit until it is written, or somebody else wrote it."""
    attempt, unanswered = 0, False
    while True:
        with outside.traffic.turn(_transaction(books).ledger, until) as waited:
            if waited or attempt:
                books = outside.books.for_settlement(_transaction(books))
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
    transaction = _transaction(books)
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
    transaction = _transaction(books)
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
    transaction = _transaction(books)
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
    transaction = _transaction(books)
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
    transaction = _transaction(after)
    if transaction.status is not TransactionStatus.PENDING:
        made = transaction.status is TransactionStatus.SUCCEEDED
        outside.traffic.ended(handle(transaction), succeeded=made)
    return answer_of(after)


# --- What the sweep does ---------------------------------------------------------------------------------------------


Truth = Intent | Refund | HostedPage | Ending


def _find_out(outside: Outside, books: LedgerBooks) -> Truth:
    """The truth: of a refund as far as it was made; an unconfirmed intent is confirmed while it is wanted and fits, else cancelled.

    A payment link is closed once the invoice does not owe it any more.
    """
    transaction = _transaction(books)
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
    invoice = books.invoice_of(_transaction(books).invoice)
    return invoice is None or room_of(invoice, books).minor >= 0


def _look_later(outside: Outside, books: LedgerBooks, doubt: Exception | None, until: datetime) -> Answer:
    transaction, now = _transaction(books), outside.clock.now()
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
    transaction = _transaction(books)
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
        refund = find_refund(outside, _transaction(books))
    if refund is not None:
        return settle_refund(outside, books, refund, until)

    def changes_of(current: LedgerBooks) -> Changes | None:
        next_check, now = _transaction(current).next_check_on, outside.clock.now()
        return watched(current, now) if next_check is not None and next_check <= now else None

    return _write(outside, books, until, changes_of)


def _transaction(books: LedgerBooks) -> Transaction:
    if books.transaction is None:
        raise ValueError("these books were not loaded for a settlement")
    return books.transaction


def _profile_name(books: LedgerBooks) -> str:
    if _transaction(books).profile is None:
        return "what it was paid with"
    profile = next((each for each in books.profiles if each.id == _transaction(books).profile), None)
    return profile.name if profile else "the payment profile"
