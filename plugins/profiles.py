"""Payment profiles: changing one that people keep, and learning what became of one that a customer was asked for.

Whoever learns that a customer used a page comes to `look_again`: an event, the sweep, an action that is about the profile.
The page is read again, whatever was told, and one write under the profile's own ETag says what it is.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from plugins.actions import Action, Answer, Call
from plugins.ports import (
    BooksRefused,
    BooksUnreachable,
    Conflict,
    GatewayRefused,
    HostedPage,
    Method,
    MethodType,
    NoAnswer,
    NotFound,
    Outside,
    PageStatus,
)
from plugins.posting import Asked, Done, check_allowed, known, refuse, target_of
from plugins.refunds import ASK_WITHIN, check_own
from plugins.rules.books import ProfileBooks
from plugins.rules.changes import Create, Update
from plugins.rules.declines import excerpt
from plugins.rules.ids import ProfileId
from plugins.rules.refusal import Refused
from plugins.rules.requesting import entered, looked_at, lost, ran_out, unverified, waits
from plugins.rules.setup import Profile, ProfileType
from plugins.settlement import WHOLE, wrong_environment

TYPES = {
    MethodType.CARD: ProfileType.CARD,
    MethodType.ACH_DEBIT: ProfileType.ACH_DEBIT,
    MethodType.SEPA_DEBIT: ProfileType.SEPA_DEBIT,
}

Changes = tuple[tuple[Update, ...], Done]
"""What to write and what to answer."""
Decide = Callable[[ProfileBooks], Changes]
"""Raises `Refused`."""


# --- An action on a profile ----------------------------------------------------------------------------------------------


def change(call: Call, outside: Outside, action: Action, decide: Decide) -> Answer:
    """The answer that is, or already was, written under the call's key.

    Raises `KeyReused`, `KeyInvalid`, `UserOrInvoiceGone` (nothing is written) and `BooksUnreachable`.
    """
    asked = Asked(call, action)
    attempt = 0
    while True:
        try:
            return _changed(outside, asked, decide)
        except NotFound:
            gone = Refused("record_not_found", "This payment profile no longer exists. Refresh the page.")
            return refuse(outside, asked, gone)
        except Refused as refusal:
            return refuse(outside, asked, refusal)
        except BooksRefused as refusal:
            return refuse(outside, asked, _not_let(refusal))
        except Conflict:
            attempt += 1
            outside.traffic.pause(attempt)


def _changed(outside: Outside, asked: Asked, decide: Decide) -> Answer:
    """One attempt. Raises `Conflict` when it is to be made again."""
    call = asked.call
    books = outside.books.for_profile(ProfileId(target_of(call)), asked.request, call.caller)
    if books.request is not None:
        return known(books.request, asked)
    check_allowed(outside, books.setting, books.rights)
    if outside.clock.now() >= call.received + WHOLE:
        raise BooksUnreachable("no time left to write; nothing was changed")
    changes, done = decide(books)
    request = asked.row(done, None)
    try:
        outside.books.write(*changes, Create(request))
    except BooksUnreachable:
        raise Conflict("a lost answer is found under the key by the next reading") from None
    return Answer(request.outcome, request.code, request.message)


def _not_let(refusal: BooksRefused) -> Refused:
    return Refused(
        "books_not_writable",
        f"The CRM did not let Counterfoil change the payment profile ({excerpt(str(refusal))}). Nothing was changed. "
        "Ask your administrator.",
    )


# --- What became of a page -----------------------------------------------------------------------------------------------


def look_again(outside: Outside, profile: ProfileId, until: datetime) -> None:
    """Look at the page of a profile that waits for its customer, and write what it says. Raises `BooksError`."""
    try:
        books = outside.books.for_profile(profile, None, None)
    except NotFound:
        return
    if not waits(books.profile):
        return
    if (wrong := wrong_environment(outside, books.setting)) is not None:
        outside.alerts.alert(wrong.code, wrong.message, profile=str(profile))
        return
    try:
        page = read_own_page(outside, books.profile)
    except NoAnswer:
        page = None
    except GatewayRefused:
        _settle(outside, books, _unknown, until)
        return
    _settle(outside, books, lambda current, now: change_by(current, page, now), until)


def read_own_page(outside: Outside, profile: Profile) -> HostedPage:
    """The page as it is. One of another environment, whose rows came here in a copy, is as good as unknown.

    Raises `NoAnswer`, `GatewayRefused`.
    """
    page = outside.gateway.read_page(profile.method_ref, ASK_WITHIN)
    check_own(outside, page.reference, page.metadata)
    return page


def change_by(books: ProfileBooks, page: HostedPage | None, now: datetime) -> Update:
    """What the page's truth makes of a profile that waits for it; None: it gave no answer."""
    profile = books.profile
    if page is not None and page.status is PageStatus.COMPLETE and page.method is not None:
        return entered(books, described(profile, page.method))
    if page is not None and page.status is PageStatus.COMPLETE:
        return Update(profile, unverified(profile, now))
    if page is not None and page.status is PageStatus.EXPIRED:
        return Update(profile, ran_out(profile))
    return Update(profile, looked_at(profile, now))


def described(profile: Profile, method: Method) -> Profile:
    """The profile with what the processor says of the payment method."""
    return replace(
        profile,
        name=f"{method.brand or 'Bank account'} •••• {method.last4}",
        type=TYPES[method.type],
        customer_ref=method.customer,
        method_ref=method.reference,
        brand=method.brand[:50],
        last4=method.last4,
        expiry=method.expiry,
        fingerprint=method.fingerprint,
    )


def _unknown(books: ProfileBooks, now: datetime) -> Update:
    """The processor does not know the page: of another account's key, perhaps, so nothing is concluded before its time."""
    profile = books.profile
    ends = profile.request_expires
    gone = ends is None or ends < now
    return Update(profile, lost(profile) if gone else looked_at(profile, now))


def _settle(
    outside: Outside,
    books: ProfileBooks,
    change_of: Callable[[ProfileBooks, datetime], Update],
    until: datetime,
) -> None:
    """Unless somebody else wrote it meanwhile: they were told as well, or deactivated the profile."""
    attempt = 0
    while waits(books.profile):
        now = outside.clock.now()
        try:
            outside.books.write(change_of(books, now))
        except Conflict:
            if now >= until:
                raise
            attempt += 1
            outside.traffic.pause(attempt)
            books = outside.books.for_profile(ProfileId(books.profile.id), None, None)
        else:
            return
