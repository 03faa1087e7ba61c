"""What is done piece by piece: begun with one row, carried on ledger by ledger, ended when nothing is left.

A piece is one ledger, one decision and one changeset. Whatever is refused, lost or killed in between, the rows say what
is left, and whoever carries on reads them anew.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from plugins.actions import Answer, Call
from plugins.committing import commit
from plugins.ports import BooksError, BooksRefused, BooksUnreachable, Conflict, NotFound, Outside
from plugins.posting import Asked, Done, check_allowed, known, refuse
from plugins.rules.books import Scope
from plugins.rules.changes import Create, Update
from plugins.rules.declines import excerpt
from plugins.rules.disbursing import disburse_automatically
from plugins.rules.draft import Draft
from plugins.rules.ids import UserId
from plugins.rules.ledger import Outcome, Request
from plugins.rules.refusal import Refused
from plugins.rules.setup import Setting
from plugins.settlement import WHOLE

BEGIN_WITHIN = timedelta(seconds=35)
"""From receipt: a call begins no piece after that; what is left is carried on by the sweep."""
NEXT_CHECK = timedelta(seconds=60)
"""When the sweep looks after work that a call has in hand."""


class Begun(Protocol):
    """What is read before something is begun."""

    @property
    def setting(self) -> Setting | None: ...

    @property
    def request(self) -> Request | None: ...

    @property
    def rights(self) -> frozenset[str]: ...


B = TypeVar("B", bound=Begun)


def begin(
    outside: Outside,
    asked: Asked,
    read: Callable[[], B],
    first_rows: Callable[[B, Request], Iterable[Create | Update]],
    told: Done | Callable[[B], Done],
    *,
    at_once: bool = False,
) -> Answer:
    """Write the first rows with a Pending request that says what was `told`, or find the answer under the key.

    `at_once`: with one that is Done as it is told, because nothing is awaited.

    Raises `KeyReused`, `KeyInvalid`, `UserOrInvoiceGone` (nothing is written) and `BooksUnreachable`.
    """
    attempt = 0
    while True:
        try:
            return _begun(outside, asked, read, first_rows, told, at_once=at_once)
        except Refused as refusal:
            return refuse(outside, asked, refusal)
        except NotFound:
            gone = Refused("record_not_found", "This record no longer exists. Refresh the page.")
            return refuse(outside, asked, gone)
        except BooksRefused as refusal:
            return refuse(outside, asked, not_let(refusal))
        except Conflict:
            attempt += 1
            outside.traffic.pause(attempt)


def carry_on_now(
    outside: Outside, call: Call, work: UUID, begun: Answer, carry_on: Callable[[datetime], Answer | None]
) -> Answer:
    """What the call itself carries out, as far as its time goes; whatever stops it, the sweep goes on."""
    if begun.outcome is not Outcome.PENDING:
        return begun
    try:
        with outside.traffic.in_hand(str(work)):
            return carry_on(call.received + BEGIN_WITHIN) or begun
    except BooksError:
        return begun


def carry_out(
    outside: Outside,
    scope: Scope,
    caller: UserId | None,
    seed: UUID,
    until: datetime,
    decide: Callable[[Draft], bool],
) -> None:
    """Read one ledger, decide, and write one changeset; `decide` says whether there is anything to write.

    `seed` names the piece: whoever carries it out makes the same rows. Raises `Refused` and `NotFound` (the ledger is
    gone), and what a commit raises. With a `caller`, only what they can see is changed for them.
    """
    with outside.traffic.turn(scope.key, until):
        books = outside.books.for_ledger(scope, None, caller)
        if books.ledger is None:
            raise NotFound(str(scope.key))
        if caller is not None:
            check_allowed(outside, books.setting, books.rights)
        draft = Draft(books, seed=seed, now=outside.clock.now())
        if decide(draft):
            disburse_automatically(draft)
            commit(outside, draft.changeset(None))


def _begun(
    outside: Outside,
    asked: Asked,
    read: Callable[[], B],
    first_rows: Callable[[B, Request], Iterable[Create | Update]],
    told: Done | Callable[[B], Done],
    *,
    at_once: bool,
) -> Answer:
    """One attempt. Raises `Conflict` when it is to be made again."""
    books = read()
    if books.request is not None:
        return known(books.request, asked)
    check_allowed(outside, books.setting, books.rights)
    if outside.clock.now() >= asked.call.received + WHOLE:
        raise BooksUnreachable("no time left to write; nothing was changed")
    done = told(books) if callable(told) else told
    outcome, code = (done.outcome, done.code) if at_once else (Outcome.PENDING, "processing")
    request = asked.row(done, None, outcome, code)
    changes = tuple(first_rows(books, request))
    try:
        outside.books.write(Create(request), *changes)
    except BooksUnreachable:
        raise Conflict("a lost answer is found under the key by the next reading") from None
    return as_answered(request)


def not_let(refusal: BooksRefused) -> Refused:
    return Refused(
        "books_not_writable",
        f"The CRM did not let Counterfoil do this ({excerpt(str(refusal))}). Nothing was changed. Ask your administrator.",
    )


def as_answered(request: Request) -> Answer:
    return Answer(request.outcome, request.code, request.message)
