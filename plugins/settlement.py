"""Settle: from the truth about a transaction's intent to the rows. The only place that ends a transaction.

Whoever learns an outcome comes here: the click that confirmed, an event, the sweep, the user's "Check again".
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from plugins.actions import Answer
from plugins.ports import (
    ORGANISATION,
    BooksRefused,
    BooksUnreachable,
    Conflict,
    Decline,
    Gateway,
    GatewayRefused,
    Intent,
    IntentStatus,
    NoAnswer,
    Outside,
)
from plugins.rules.charge import ChargeRefused, Surroundings, check_environment
from plugins.rules.declines import Remedy, explain, rejection, shown_codes
from plugins.rules.ids import TransactionId
from plugins.rules.invoice import room
from plugins.rules.ledger import Changeset, InvoiceBooks, Outcome, Setting, Transaction, TransactionStatus
from plugins.rules.settling import (
    Ending,
    failed,
    has_left,
    is_overdue,
    looked_at,
    processing,
    projected,
    succeeded,
    without_projection,
)

WHOLE = timedelta(seconds=50)
"""From receipt to answer; the platform gives 60 s."""
STILL_WANTED = timedelta(minutes=10)
"""A reservation that was never confirmed is confirmed for the user this long, and cancelled after."""
ALONE = timedelta(seconds=20)
"""A settlement that got no answer goes without the invoice in its last seconds: a plug-in may break down at every save."""
ASK_WITHIN = 15.0
"""Seconds to wait for the gateway's answer to a question."""


class Verdict(StrEnum):
    SUCCEEDED = "succeeded"
    PROCESSING = "processing"
    UNCONFIRMED = "unconfirmed"
    DECLINED = "declined"
    CANCELLED = "cancelled"


def verdict(intent: Intent) -> Verdict:
    """The closed table from the gateway's states to ours."""
    match intent.status:
        case IntentStatus.SUCCEEDED:
            return Verdict.SUCCEEDED
        case IntentStatus.PROCESSING:
            return Verdict.PROCESSING
        case IntentStatus.REQUIRES_CONFIRMATION:
            # With a decline: the gateway understood the confirmation and will not carry it out.
            return Verdict.UNCONFIRMED if intent.decline is None else Verdict.DECLINED
        case (
            IntentStatus.REQUIRES_PAYMENT_METHOD
            | IntentStatus.REQUIRES_ACTION
            | IntentStatus.REQUIRES_CAPTURE
        ):
            return Verdict.DECLINED
        case IntentStatus.CANCELED:
            return Verdict.CANCELLED
        case _:
            assert_never(intent.status)


def confirm_key(transaction: TransactionId) -> str:
    """One key for the one call that moves money, whoever sends it and however often."""
    return f"confirm-{transaction}"


def settle(outside: Outside, books: InvoiceBooks, intent: Intent, until: datetime) -> Answer:
    """Write what `intent` says, in one changeset, or find that the rows say it already.

    Raises `BooksUnreachable` when nothing could be written: the row stays Pending and something will look again.
    """
    failure = _declined(intent.decline) if intent.decline is not None else None
    attempt, unanswered = 0, False
    while True:
        if verdict(intent) is Verdict.DECLINED:
            told, rejects = intent.decline or _implied(intent), _is_rejected(intent)
            try:  # first cancelled, then written as failed: nobody can pay it after we said it failed
                intent = outside.gateway.cancel_intent(intent.reference, ASK_WITHIN)
            except NoAnswer:
                return pending(books)
            told = intent.decline or told
            failure = _rejected(told) if rejects else _declined(told)
            if verdict(intent) is Verdict.DECLINED:
                return pending(books)
        with outside.traffic.turn(_transaction(books).ledger, until) as waited:
            if waited or attempt:
                books = outside.books.for_settlement(_transaction(books))
            changes = _changes(outside, books, intent, failure)
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
        intent = _find_out(outside, books)
    except (NoAnswer, GatewayRefused) as doubt:
        return _look_later(outside, books, doubt, until)
    answer = settle(outside, books, intent, until)
    if answer.outcome is not Outcome.PENDING:
        return answer
    if verdict(intent) is not Verdict.PROCESSING:
        return _look_later(outside, outside.books.for_settlement(found), None, until)
    if is_overdue(transaction, outside.clock.now()):
        _tell_overdue(outside, transaction, "the bank debit is still under way")
    return answer


def wrong_environment(outside: Outside, setting: Setting | None) -> ChargeRefused | None:
    """In a copy of another environment's books nothing is this service's to finish: the original may be at it."""
    return check_environment(setting, Surroundings(outside.organisation, outside.gateway.live, None))


def answer_of(books: InvoiceBooks) -> Answer:
    """The answer that the rows hold."""
    if books.request is None:
        status = _transaction(books).status
        return Answer(
            Outcome.DONE if status is TransactionStatus.SUCCEEDED else Outcome.FAILED, status.value, ""
        )
    return Answer(books.request.outcome, books.request.code, books.request.message)


def pending(books: InvoiceBooks) -> Answer:
    """Nothing more is known than that it was asked for."""
    if books.request is not None and books.request.outcome is not Outcome.PENDING:
        return answer_of(books)
    return Answer(Outcome.PENDING, "unknown", "The payment processor's answer is still awaited.")


def with_etags(books: InvoiceBooks, etags: Mapping[UUID, str]) -> InvoiceBooks:
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
    return replace(books, invoice=replace(books.invoice, etag=etags.get(books.invoice.id, "")))


# --- What to write -------------------------------------------------------------------------------------------------


def _changes(
    outside: Outside, books: InvoiceBooks, intent: Intent, failure: Ending | None
) -> "tuple[Changeset, InvoiceBooks] | None":
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
            if ended:
                outside.alerts.alert(
                    "success_after_failure",
                    "The payment processor reports success for a charge that was recorded as not made; it is recorded now.",
                    transaction=str(transaction.id),
                    intent=intent.reference,
                )
            if has_left(books):
                outside.alerts.alert(
                    "invoice_left",
                    "An invoice got another customer or currency while it was charged. The payment is recorded on the "
                    "billing account that was charged and stays undisbursed.",
                    invoice=str(books.invoice.id),
                    transaction=str(transaction.id),
                )
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


def _implied(intent: Intent) -> Decline:
    """Why an intent that holds no error will not be paid."""
    if intent.status is IntentStatus.REQUIRES_ACTION:
        return Decline("authentication_required", "authentication_required")
    return Decline()


def _is_rejected(intent: Intent) -> bool:
    """The processor understood the confirmation and does not carry it out; no bank was asked."""
    return intent.status is IntentStatus.REQUIRES_CONFIRMATION


def _rejected(decline: Decline) -> Ending:
    return Ending("rejected", rejection(decline.message), result_code=decline.code, shown_codes=decline.code)


def _declined(decline: Decline) -> Ending:
    explained = explain(decline.code, decline.decline_code, decline.advice_code)
    needs_customer = "authentication_required" in {decline.code, decline.decline_code}
    return Ending(
        code="needs_customer" if needs_customer and explained.remedy is Remedy.CUSTOMER else "declined",
        sentence=explained.sentence,
        result_code=decline.code,
        decline_code=decline.decline_code,
        advice_code=decline.advice_code,
        shown_codes=shown_codes(decline.code, decline.decline_code),
    )


def _commit(outside: Outside, changeset: Changeset, after: InvoiceBooks, *, alone: bool) -> Answer:
    """`alone`: without the invoice, which is shown later."""
    project = changeset.project
    refused: BooksRefused | None = None
    if not (alone and project is not None):
        try:
            outside.books.commit(changeset)
        except BooksRefused as refusal:
            if project is None or refusal.row not in {project.invoice.id, None}:
                raise
            refused = refusal
    if project is not None and (alone or refused is not None):
        outside.books.commit(without_projection(changeset, outside.clock.now()))
        outside.alerts.alert(
            "invoice_not_writable",
            f"The CRM did not let a charge be shown on the invoice ({refused or 'no answer'}). The charge is recorded; "
            "the invoice will be updated when the CRM allows it.",
            invoice=str(project.invoice.id),
            transaction=str(_transaction(after).id),
        )
    transaction = _transaction(after)
    if transaction.status is not TransactionStatus.PENDING:
        made = transaction.status is TransactionStatus.SUCCEEDED
        outside.traffic.ended(transaction.gateway_reference, succeeded=made)
    return answer_of(after)


# --- What the sweep does ---------------------------------------------------------------------------------------------


def _find_out(outside: Outside, books: InvoiceBooks) -> Intent:
    """The intent's truth; an unconfirmed one is confirmed while it is wanted and fits, else cancelled."""
    transaction = _transaction(books)
    gateway: Gateway = outside.gateway
    intent = _read(outside, transaction)
    if verdict(intent) is not Verdict.UNCONFIRMED:
        return intent
    asked_on = transaction.created_on
    young = asked_on is not None and outside.clock.now() - asked_on < STILL_WANTED
    fits = not has_left(books) and room(books).minor >= 0
    if young and fits:  # its own amount is among the pending ones already
        return gateway.confirm_intent(transaction.gateway_reference, confirm_key(transaction.id), ASK_WITHIN)
    return gateway.cancel_intent(transaction.gateway_reference, ASK_WITHIN)


def _read(outside: Outside, transaction: Transaction) -> Intent:
    """The intent as it is. One of another environment, whose rows came here in a copy, is as good as unknown."""
    intent = outside.gateway.read_intent(transaction.gateway_reference, ASK_WITHIN)
    owner = intent.metadata.get(ORGANISATION, "")
    if owner and owner.lower() != str(outside.organisation):
        raise GatewayRefused("other_environment", f"{intent.reference} belongs to organization {owner}")
    return intent


def _look_later(outside: Outside, books: InvoiceBooks, doubt: Exception | None, until: datetime) -> Answer:
    transaction, now = _transaction(books), outside.clock.now()
    if transaction.status is not TransactionStatus.PENDING:
        return answer_of(books)
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


def _tell_overdue(outside: Outside, transaction: Transaction, why: str) -> None:
    outside.alerts.alert(
        "transaction_overdue",
        f"A transaction has no end yet ({why}). A person has to look.",
        transaction=str(transaction.id),
        intent=transaction.gateway_reference,
    )


def _look_at_ended(outside: Outside, books: InvoiceBooks, until: datetime) -> Answer:
    """An end stands, but for one that Stripe knows better: a success always wins. Raises `NoAnswer`."""
    transaction = _transaction(books)
    if transaction.status is not TransactionStatus.SUCCEEDED:
        with suppress(GatewayRefused):  # the processor never took the order
            intent = _read(outside, transaction)
            if verdict(intent) is Verdict.SUCCEEDED:
                return settle(outside, books, intent, until)
    if transaction.next_check_on is not None:
        _project(outside, books, until)
    return answer_of(books)


def _project(outside: Outside, books: InvoiceBooks, until: datetime) -> None:
    now = outside.clock.now()
    changeset, _ = projected(books, now)
    try:
        with outside.traffic.turn(_transaction(books).ledger, until):
            outside.books.commit(changeset)
    except Conflict:
        pass  # the next sweep does it
    except BooksRefused:
        later, _ = looked_at(books, now)
        outside.books.commit(later)


def _transaction(books: InvoiceBooks) -> Transaction:
    if books.transaction is None:
        raise ValueError("these books were not loaded for a settlement")
    return books.transaction


def _profile_name(books: InvoiceBooks) -> str:
    profile = next((each for each in books.profiles if each.id == _transaction(books).profile), None)
    return profile.name if profile else "the payment profile"
