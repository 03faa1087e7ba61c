"""Sending a link to the contact who is asked for a payment method: the e-mail goes out, then the books say so.

As with an invoice that is e-mailed, the request is Pending until the CRM has taken the e-mail, and whoever finds it so comes
here. A link that the CRM does not send can be used all the same.
"""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from plugins import delivering
from plugins.actions import Answer
from plugins.ports import PROFILE_REQUEST, Conflict, Email, MailRefused, NotFound, Outside
from plugins.rules.books import ProfileBooks
from plugins.rules.changes import Update
from plugins.rules.declines import excerpt
from plugins.rules.delivering import reference
from plugins.rules.ids import ProfileId, RequestId, email_id
from plugins.rules.ledger import Outcome, Request
from plugins.rules.requesting import letter, subject, waits

NOT_SENT = "not_emailed"


def look_again(outside: Outside, request: Request, wait: timedelta) -> Answer:
    """Carry on with an e-mail that a Pending request promised, whatever is in it; one in hand is left to its holder.

    Raises `BooksUnreachable`: it is tried again by the sweep.
    """
    if request.action != PROFILE_REQUEST:
        return delivering.look_again(outside, request, wait)
    if outside.traffic.is_in_hand(reference(request.id)):
        return _answer(request)
    with outside.traffic.in_hand(reference(request.id)):
        return _carry_on(outside, request)


def _carry_on(outside: Outside, request: Request) -> Answer:
    try:
        books = outside.books.for_profile(_profile(request), RequestId(request.id), None)
    except NotFound:
        return _answer(request)
    current = books.request
    if current is None or current.outcome is not Outcome.PENDING:
        return _answer(current or request)
    code, message = _send(outside, books, current)
    after = replace(current, outcome=Outcome.DONE, code=code, message=message)
    try:
        outside.books.write(Update(current, after))
    except Conflict:
        return _answer(outside.books.request(RequestId(current.id)) or current)
    return _answer(after)


def _send(outside: Outside, books: ProfileBooks, request: Request) -> tuple[str, str]:
    """The code and the sentence that the request ends with."""
    key, profile, contact = email_id(RequestId(request.id)), books.profile, books.contact
    expires = profile.request_expires
    if not waits(profile) or contact is None or expires is None or expires <= outside.clock.now():
        if outside.mail.withdraw(key):
            return NOT_SENT, "The link can't be used any more, so it was not e-mailed. Request another."
        return "succeeded", "The link was e-mailed."
    said = letter(contact, books.account, profile.request_url, expires)
    email = Email(
        id=key,
        to=contact.id,
        to_kind="contact",
        regarding=profile.account or profile.id,
        regarding_kind="account",
        subject=subject(books.account),
        body=said,
    )
    try:
        outside.mail.send(email)
    except MailRefused as refusal:
        return (
            NOT_SENT,
            f"The link is ready, but the CRM did not e-mail it ({excerpt(str(refusal))}). Copy it and send it yourself.",
        )
    return "succeeded", f"The link was e-mailed to {contact.name} ({contact.email})."


def _profile(request: Request) -> ProfileId:
    return ProfileId(UUID(json.loads(request.result)["profile"]))


def _answer(request: Request) -> Answer:
    return Answer(request.outcome, request.code, request.message)
