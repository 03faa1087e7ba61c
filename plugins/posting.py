"""How every action on a ledger goes: load, decide, commit one guarded changeset. Nothing else writes to a ledger.

An action brings its `Scope` (what to load) and a decision, which changes a draft or refuses. The request row with the
answer is part of the changeset, so a key that is used again finds the first answer and changes nothing (I34).
"""

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from uuid import UUID

from plugins.actions import Action, Answer, Call, KeyReused, UserOrInvoiceGone, checked_key
from plugins.committing import commit
from plugins.ports import BooksRefused, BooksUnreachable, Conflict, NotFound, Outside
from plugins.rules.books import About, LedgerBooks, Scope
from plugins.rules.charge import Surroundings, check_environment
from plugins.rules.declines import excerpt
from plugins.rules.disbursing import disburse_automatically
from plugins.rules.draft import Draft
from plugins.rules.ids import InvoiceId, LedgerId, RequestId, request_id
from plugins.rules.ledger import Ledger, LedgerStatus, Outcome, Request, Source
from plugins.rules.opening import open_ledger
from plugins.rules.refusal import Refused
from plugins.rules.row import Owner
from plugins.rules.setup import Setting
from plugins.settlement import WHOLE


@dataclass(frozen=True)
class Done:
    """What a decision tells: a sentence for the clerk and facts for a program (amounts as strings)."""

    message: str
    facts: Mapping[str, str] = field(default_factory=dict)
    invoice: InvoiceId | None = None
    """What the request row is filed under."""
    outcome: Outcome = Outcome.DONE
    """Pending where something outside the books is still to be done."""
    code: str = "succeeded"


ScopeOf = Callable[[Call], Scope]
"""What the call needs to be loaded, or raises `Refused` for parameters that cannot be read."""
Decide = Callable[[Draft, Call], Done]
"""Changes the draft, or raises `Refused` and has changed nothing that counts."""


def post(call: Call, outside: Outside, action: Action, scope_of: ScopeOf, decide: Decide) -> Answer:
    """The answer that is, or already was, written under the call's key.

    Raises `KeyReused`, `KeyInvalid`, `UserOrInvoiceGone` (nothing is written) and `BooksUnreachable` (whether it was
    written is not known; the same key finds out).
    """
    asked = Asked(call, action)
    until = call.received + WHOLE
    attempt = 0
    try:
        scope = scope_of(call)
    except Refused as refusal:
        return refuse(outside, asked, refusal)
    with ExitStack() as turn:
        my_turn = scope.about is About.LEDGER
        if my_turn:
            turn.enter_context(outside.traffic.turn(scope.key, until))
        while True:
            try:
                books = outside.books.for_ledger(scope, asked.request, call.caller)
            except NotFound:
                return refuse(outside, asked, _gone(scope))
            except BooksRefused as refusal:
                return refuse(outside, asked, _unreadable(refusal))
            if books.request is not None:
                return known(books.request, asked)
            if outside.clock.now() >= until:
                raise BooksUnreachable("no time left to write; nothing was changed")
            try:
                draft = drafted(outside, books, scope, asked)
                done = decide(draft, call)
            except Refused as refusal:
                return refuse(outside, asked, refusal, books.ledger)
            disburse_automatically(draft)
            request = asked.row(done, draft.ledger.id, done.outcome, done.code)
            changeset = draft.changeset(request)
            if not my_turn:
                my_turn = True
                if turn.enter_context(outside.traffic.turn(changeset.ledger_id, until)):
                    continue
            try:
                commit(outside, changeset)
            except (Conflict, BooksUnreachable):
                attempt += 1  # a lost answer is found under the key by the next reading
                outside.traffic.pause(attempt)
            except BooksRefused as refusal:
                return refuse(outside, asked, _unwritable(refusal), books.ledger)
            else:
                return Answer(request.outcome, request.code, request.message)


@dataclass(frozen=True)
class Asked:
    """A call as the row that will hold its answer sees it."""

    call: Call
    action: Action
    source: Source = Source.USER
    nothing: str = "nothing was changed"
    """What is said where even a refusal cannot be written."""

    @property
    def key(self) -> str:
        return checked_key(self.call.key)

    @property
    def request(self) -> RequestId:
        return request_id(self.key)

    def row(
        self, done: Done, ledger: LedgerId | None, outcome: Outcome = Outcome.DONE, code: str = "succeeded"
    ) -> Request:
        return Request(
            id=self.request,
            key=self.key,
            action=self.action.name,
            input_hash=self.call.input_hash,
            outcome=outcome,
            code=code,
            message=done.message,
            result=json.dumps(dict(done.facts)) if done.facts else "",
            invoice=done.invoice,
            ledger=ledger,
            transaction=None,
            requested_by=self.call.caller,
            owner=Owner(UUID(str(self.call.caller))),
            source=self.source,
        )


def drafted(outside: Outside, books: LedgerBooks, scope: Scope, asked: Asked) -> Draft:
    """A draft of the books' ledger, opened where the account has none yet. Raises `Refused`."""
    check_allowed(outside, books.setting, books.rights)
    ledger = books.ledger or open_ledger(books, scope)
    return Draft(books, seed=asked.request, now=outside.clock.now(), ledger=ledger)


def check_allowed(outside: Outside, setting: Setting | None, rights: frozenset[str]) -> None:
    """Raises `Refused` in a copy of another environment, and for a row that the clicking user cannot see."""
    around = Surroundings(outside.organisation, outside.gateway.live, None)
    if (wrong := check_environment(setting, around)) is not None:
        raise wrong
    if "ReadAccess" not in rights:
        raise Refused(
            "not_permitted", "You can't see this record, so you can't change it. Ask its owner to share it."
        )


def request_of(call: Call) -> RequestId:
    return request_id(checked_key(call.key))


def target_of(call: Call) -> UUID:
    """The bound row. An action that is bound is never called without one; the nil id is nobody's."""
    return call.target or UUID(int=0)


def check_active(draft: Draft) -> None:
    """Raises `Refused` for a ledger that takes no new entries. A cancelled account does (A8)."""
    if draft.ledger.status is LedgerStatus.SUSPENDED:
        raise Refused(
            "ledger_suspended",
            f"The billing account {draft.ledger.name} is suspended. Set it to Active, then try again.",
        )


def known(request: Request, asked: Asked) -> Answer:
    """A key that was seen before: its answer stands. Raises `KeyReused`."""
    if request.input_hash and request.input_hash != asked.call.input_hash:
        raise KeyReused(asked.key)
    return Answer(request.outcome, request.code, request.message)


def refuse(
    outside: Outside,
    asked: Asked,
    refusal: Refused,
    ledger: Ledger | None = None,
    invoice: InvoiceId | None = None,
) -> Answer:
    """One Refused request row and nothing else."""
    filed = LedgerId(ledger.id) if ledger is not None and ledger.etag else None
    row = asked.row(Done(refusal.message, invoice=invoice), filed, Outcome.REFUSED, refusal.code)
    try:
        outside.books.record(row)
    except Conflict:
        found = outside.books.request(asked.request)
        if found is not None:
            return known(found, asked)
        raise BooksUnreachable(f"the refusal could not be written; {asked.nothing}") from None
    except NotFound:
        raise UserOrInvoiceGone from None
    return Answer(Outcome.REFUSED, refusal.code, refusal.message)


def _gone(scope: Scope) -> Refused:
    return Refused("record_not_found", f"This {_NAMES[scope.about]} no longer exists. Refresh the page.")


def _unreadable(refusal: BooksRefused) -> Refused:
    return Refused(
        "books_not_readable",
        f"The CRM did not let Counterfoil read the billing account ({excerpt(str(refusal))}). Nothing was changed. Ask your administrator.",
    )


def _unwritable(refusal: BooksRefused) -> Refused:
    return Refused(
        "books_not_writable",
        f"The CRM did not let Counterfoil write to the billing account ({excerpt(str(refusal))}). Nothing was changed. Ask your administrator.",
    )


_NAMES = {
    About.LEDGER: "billing account",
    About.INVOICE: "invoice",
    About.PAYMENT: "payment",
    About.ENTRY: "transaction",
    About.DISBURSEMENT: "disbursement",
    About.ACCOUNT: "account",
    About.TRANSACTION: "payment transaction",
}
