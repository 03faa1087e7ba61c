"""Reserving: how everything begins that moves money at the gateway.

Load, decide, order what can be ordered without moving money, and promise it in the CRM with one guarded changeset. Only
then may money move, and whoever finds the promise can finish it.
"""

from contextlib import ExitStack
from datetime import datetime
from typing import Protocol

from plugins.actions import Answer
from plugins.committing import commit
from plugins.ports import (
    BooksRefused,
    BooksUnreachable,
    Conflict,
    GatewayRefused,
    NoAnswer,
    NotFound,
    Outside,
)
from plugins.posting import Asked, known, refuse
from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.changes import Changeset
from plugins.rules.declines import excerpt
from plugins.rules.ids import InvoiceId, transaction_id
from plugins.rules.ledger import Outcome
from plugins.rules.refusal import Refused
from plugins.rules.row import Row
from plugins.settlement import pending, with_etags


class Promise(Protocol):
    """What an action brings: one attempt, which may be decided several times before it is written."""

    @property
    def asked(self) -> Asked: ...

    @property
    def words(self) -> "Words": ...

    def load(self) -> LedgerBooks:
        """Raises `NotFound`, `BooksRefused`, `BooksUnreachable`."""
        ...

    def reserve(self, books: LedgerBooks, now: datetime) -> tuple[Changeset, LedgerBooks]:
        """The changeset, and the books once it is written. Raises `Refused`, `NoAnswer`, `GatewayRefused`."""
        ...

    def reject(self, books: LedgerBooks, refusal: GatewayRefused) -> Answer:
        """What is written when the gateway certainly does not take the order."""
        ...

    def give_up(self) -> None:
        """Whatever was ordered is not wanted any more."""
        ...


class Words:
    """How the action speaks of what it is about: `the invoice`, `the charge`, `charged`."""

    def __init__(self, reads: str, reserves: str, nothing: str) -> None:
        """`nothing`: what certainly did not happen, as a sentence: `Nothing was charged.`"""
        self.reads, self.reserves, self.nothing = reads, reserves, nothing

    def unreadable(self, refusal: BooksRefused) -> Refused:
        return Refused(
            "books_not_readable",
            f"The CRM did not let Counterfoil read {self.reads} ({excerpt(str(refusal))}). {self.nothing} Ask your administrator.",
        )

    def unwritable(self, refusal: BooksRefused) -> Refused:
        return Refused(
            "books_not_writable",
            f"The CRM did not let Counterfoil reserve {self.reserves} ({excerpt(str(refusal))}). {self.nothing} Ask your administrator.",
        )

    def unreachable(self) -> Refused:
        return Refused(
            "processor_unreachable",
            f"The payment processor can't be reached. {self.nothing} Try again shortly.",
        )


def reserved(
    outside: Outside, promise: Promise, gone: Refused, until: datetime, turn: ExitStack
) -> Answer | LedgerBooks:
    """The books with the reservation in them, or the answer where there is nothing to move.

    `gone` is the refusal where what it is about is not there any more. Books that were read before this process's turn
    on the ledger came are read again: others wrote meanwhile.
    Raises `KeyReused`, `KeyInvalid`, `UserOrInvoiceGone` and `BooksUnreachable`.
    """
    asked, words = promise.asked, promise.words
    my_turn = False
    sent = False  # a reservation of ours went out and its answer was lost
    attempt = 0
    while True:
        try:
            books = promise.load()
        except NotFound:
            return refuse(outside, asked, gone)
        except BooksRefused as refusal:
            return refuse(outside, asked, words.unreadable(refusal))
        if books.request is not None:
            if not (sent and books.request.code == "reserved"):
                return known(books.request, asked)
            transaction = outside.books.transaction(transaction_id(asked.request))
            return pending(books) if transaction is None else outside.books.for_settlement(transaction)
        now = outside.clock.now()
        if now >= until:
            raise BooksUnreachable(f"no time left to reserve {words.reserves}; {asked.nothing}")
        try:
            changeset, held = promise.reserve(books, now)
        except Refused as refusal:
            return _refuse(outside, promise, books, refusal)
        except NoAnswer:
            return refuse(outside, asked, words.unreachable(), books.ledger, _invoice(books))
        except GatewayRefused as refusal:
            return promise.reject(books, refusal)
        if not my_turn:
            my_turn = True
            if turn.enter_context(outside.traffic.turn(changeset.ledger_id, until)):
                continue
        try:
            etags = commit(outside, changeset)
        except Conflict:
            attempt += 1
            outside.traffic.pause(attempt)
        except BooksUnreachable:
            sent = True
            attempt += 1
            outside.traffic.pause(attempt)
        except BooksRefused as refusal:
            return _refuse(outside, promise, books, words.unwritable(refusal))
        else:
            return with_etags(held, etags)


def is_guarded(held: LedgerBooks) -> bool:
    """Whether every row that settling builds on is as it was when we reserved; one without an ETag may be older."""
    rows: list[Row | None] = [held.ledger, held.transaction, held.request]
    if isinstance(held, InvoiceBooks):
        rows.append(held.invoice)
    return all(row is not None and row.etag for row in rows)


def _refuse(outside: Outside, promise: Promise, books: LedgerBooks, refusal: Refused) -> Answer:
    """What was ordered before is given up once the key is certain to say Refused: its holder may be somebody else."""
    answer = refuse(outside, promise.asked, refusal, books.ledger, _invoice(books))
    if answer.outcome is Outcome.REFUSED:
        promise.give_up()
    return answer


def _invoice(books: LedgerBooks) -> InvoiceId | None:
    return books.invoice.id if isinstance(books, InvoiceBooks) else None
