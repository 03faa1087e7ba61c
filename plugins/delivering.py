"""Delivering by e-mail: what is left once the books have promised it. The e-mail goes out, then the books say so.

Whoever finds such a request Pending comes here: the click that asked, the sweep, the user's "Check again". The e-mail's
id is made from the request's, so that however often this is tried, one e-mail is sent.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from plugins.actions import Answer
from plugins.committing import commit
from plugins.ports import Conflict, Email, MailRefused, Outside
from plugins.rules.books import About, LedgerBooks
from plugins.rules.changes import Update
from plugins.rules.declines import excerpt
from plugins.rules.delivering import (
    deliverable,
    document_scope,
    filename_of,
    letter_of,
    recipient,
    reference,
    subject_of,
)
from plugins.rules.draft import Draft
from plugins.rules.ids import AccountId, InvoiceId, RequestId, email_id
from plugins.rules.ledger import Outcome, Request
from plugins.rules.refusal import Refused
from plugins.rules.statement import statement

PDF = "application/pdf"
GIVEN_UP_AFTER = timedelta(days=1)
"""A day late, an invoice is better sent by somebody who looks at it."""


@dataclass(frozen=True)
class _Ending:
    outcome: Outcome
    code: str
    message: str


def carry_on(outside: Outside, request: Request, until: datetime) -> Answer:
    """Send what a Pending request promised, unless that was done, and write its end under it.

    Raises `BooksUnreachable` (it is tried again by the sweep) and `NotFound` when its billing account is gone.
    """
    with outside.traffic.in_hand(reference(request.id)):
        books = _books(outside, request)
        current = books.request
        if current is None or current.outcome is not Outcome.PENDING:
            return _answer(current or request)
        ending = _send(outside, books, current)
        return _end(outside, books, ending, until)


def look_again(outside: Outside, request: Request, wait: timedelta) -> Answer:
    """The same for whoever comes by; a request that this process is at work on is left to it."""
    if outside.traffic.is_in_hand(reference(request.id)):
        return _answer(request)
    return carry_on(outside, request, outside.clock.now() + wait)


def _send(outside: Outside, books: LedgerBooks, request: Request) -> _Ending:
    key = email_id(RequestId(request.id))
    asked = request.created_on
    if asked is not None and outside.clock.now() - asked > GIVEN_UP_AFTER and outside.mail.withdraw(key):
        return _Ending(
            Outcome.FAILED,
            "not_sent",
            "The CRM gave no answer to the e-mail for a day, so it was not sent. Deliver the invoice again.",
        )
    try:
        invoice = deliverable(books, request.invoice)
        account = recipient(books)
    except Refused as refusal:
        if outside.mail.withdraw(key):
            return _Ending(Outcome.FAILED, "not_sent", f"The e-mail was not sent. {refusal.message}")
        return _Ending(Outcome.DONE, "succeeded", "The e-mail was sent.")
    now = outside.clock.now()
    said = statement(invoice, books, now)
    email = Email(
        id=key,
        to=AccountId(account.id),
        regarding=InvoiceId(invoice.id),
        subject=subject_of(said),
        body=outside.documents.html(said, letter_of(said)),
        filename=filename_of(invoice),
        mimetype=PDF,
        content=outside.documents.pdf(said, now),
    )
    try:
        outside.mail.send(email)
    except MailRefused as refusal:
        return _Ending(
            Outcome.FAILED,
            "email_refused",
            f"The CRM did not send the e-mail ({excerpt(str(refusal))}). Ask your administrator, or print the invoice.",
        )
    return _Ending(
        Outcome.DONE,
        "succeeded",
        f"Invoice {invoice.number} was e-mailed to {account.name} ({account.email}).",
    )


def _end(outside: Outside, books: LedgerBooks, ending: _Ending, until: datetime) -> Answer:
    attempt = 0
    while True:
        request = books.request
        if request is None or request.outcome is not Outcome.PENDING:
            return (
                Answer(ending.outcome, ending.code, ending.message) if request is None else _answer(request)
            )
        draft = Draft(books, seed=request.id, now=outside.clock.now())
        invoice = books.invoice_of(request.invoice)
        if ending.outcome is Outcome.DONE and invoice is not None:
            draft.put(replace(invoice, delivered_on=draft.now))
        after = replace(request, outcome=ending.outcome, code=ending.code, message=ending.message)
        try:
            with outside.traffic.turn(draft.ledger.id, until):
                commit(outside, draft.changeset(None, Update(request, after)))
        except Conflict:
            if outside.clock.now() >= until:
                return _answer(request)  # the sweep finds the e-mail sent, and says so
            attempt += 1
            outside.traffic.pause(attempt)
            books = _books(outside, request)
        else:
            return _answer(after)


def _books(outside: Outside, request: Request) -> LedgerBooks:
    """Of the ledger that the request is filed under, whosever the invoice is by now."""
    if request.ledger is None:
        raise ValueError(f"request {request.key} was filed under no billing account")
    wanted = () if request.invoice is None else (request.invoice,)
    scope = document_scope(About.LEDGER, request.ledger, wanted)
    return outside.books.for_ledger(scope, RequestId(request.id), None)


def _answer(request: Request) -> Answer:
    return Answer(request.outcome, request.code, request.message)
