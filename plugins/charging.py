"""Charging: snapshot, create, reserve, confirm, settle. Five remote calls, and every one may be the last.

An invoice is charged and an account makes a payment in one and the same way; they differ in what they load and decide.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from plugins.actions import Answer
from plugins.committing import commit
from plugins.ports import (
    ORGANISATION,
    TRANSACTION,
    Conflict,
    GatewayRefused,
    Intent,
    IntentOrder,
    MethodType,
    NoAnswer,
    Outside,
)
from plugins.posting import Asked, refuse
from plugins.refunds import ASK_WITHIN
from plugins.reserving import Words, is_guarded, reserved
from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.changes import Changeset
from plugins.rules.charge import Charge, ChargeInput, ChargeRefused, Surroundings
from plugins.rules.declines import rejection
from plugins.rules.ids import transaction_id
from plugins.rules.ledger import Outcome
from plugins.rules.reservation import rejected, reserve
from plugins.rules.setup import Profile, ProfileType
from plugins.settlement import WHOLE, confirm_key, pending, settle
from plugins.verdicts import Verdict, verdict

B = TypeVar("B", bound=LedgerBooks)

LEFT_TO_CONFIRM = timedelta(seconds=25)
"""Money is only moved with this much time left to hear of it and to write it down."""
NOTHING = "nothing was charged"

METHODS = {
    ProfileType.CARD: MethodType.CARD,
    ProfileType.ACH_DEBIT: MethodType.ACH_DEBIT,
    ProfileType.SEPA_DEBIT: MethodType.SEPA_DEBIT,
}


@dataclass
class Charging(Generic[B]):
    """One attempt to charge. `decide` raises `Refused`; `describe` gives the words and the metadata of the intent."""

    outside: Outside
    asked: Asked
    wish: ChargeInput
    words: Words
    fetch: Callable[[], B]
    decide: Callable[[B, Surroundings, datetime], Charge]
    describe: Callable[[B], tuple[str, Mapping[str, str]]]
    hand: ExitStack = field(default_factory=ExitStack)
    """Holds the word that this process is at work on the intent."""
    _intent: Intent | None = None
    _ordered: Charge | None = None
    _books: B | None = None

    def load(self) -> B:
        self._books = self.fetch()
        return self._books

    def reserve(self, books: LedgerBooks, now: datetime) -> tuple[Changeset, LedgerBooks]:
        """Decides anew each time; what was ordered must still be what is decided, for an intent is frozen."""
        loaded = self._loaded()
        outside = self.outside
        around = Surroundings(
            outside.organisation, outside.gateway.live, outside.gateway.minimum(books.currency)
        )
        charge = self.decide(loaded, around, now)
        self._ordered = _still_the_same(charge, self._ordered)
        if self._intent is None:
            self._intent = outside.gateway.create_intent(self._order(loaded, charge), ASK_WITHIN)
            self.hand.enter_context(outside.traffic.in_hand(self._intent.reference))
        return reserve(books, self.wish, charge, self._intent.reference, now)

    def reject(self, books: LedgerBooks, refusal: GatewayRefused) -> Answer:
        """A failed record (W31), nothing charged. A conflict is for the next try."""
        if self._ordered is None:
            raise ValueError("what was rejected was ordered")
        told = ChargeRefused(refusal.code, rejection(refusal.message))
        now = self.outside.clock.now()
        changeset = rejected(books, self.wish, self._ordered, refusal.code, told.message, now)
        try:
            commit(self.outside, changeset)
        except Conflict:
            invoice = books.invoice.id if isinstance(books, InvoiceBooks) else None
            return refuse(self.outside, self.asked, told, books.ledger, invoice)
        return Answer(Outcome.FAILED, "rejected", told.message)

    def give_up(self) -> None:
        if self._intent is not None:
            with suppress(NoAnswer):  # unconfirmed, so no money can move; the daily clean-up cancels it
                self.outside.gateway.cancel_intent(self._intent.reference, ASK_WITHIN)

    def _loaded(self) -> B:
        if self._books is None:
            raise ValueError("nothing was loaded")
        return self._books

    def _order(self, books: B, charge: Charge) -> IntentOrder:
        description, about = self.describe(books)
        return IntentOrder(
            amount=charge.amount,
            customer=charge.profile.customer_ref,
            method=charge.profile.method_ref,
            method_type=METHODS[charge.profile.type],
            description=description,
            metadata={
                ORGANISATION: str(self.outside.organisation),
                TRANSACTION: str(transaction_id(self.wish.request)),
                **about,
                "counterfoil_request": self.wish.key,
            },
            idempotency_key=f"intent-{self.wish.request}",
        )


def charge(outside: Outside, charging: "Charging[B]", gone: ChargeRefused) -> Answer:
    """The answer that is, or already was, written under the key.

    Raises `KeyReused`, `KeyInvalid`, `UserOrInvoiceGone` (nothing is written) and `BooksUnreachable` (nothing was
    charged by this call).
    """
    until = charging.asked.call.received + WHOLE
    with charging.hand:
        with ExitStack() as turn:
            held = reserved(outside, charging, gone, until, turn)
        return held if isinstance(held, Answer) else _confirm(outside, held, until)


def _confirm(outside: Outside, held: LedgerBooks, until: datetime) -> Answer:
    """The one call that takes money, then whatever it led to."""
    transaction = held.transaction
    if transaction is None or outside.clock.now() > until - LEFT_TO_CONFIRM:
        return pending(held)  # the sweep confirms or cancels it
    reference = transaction.gateway_reference
    with outside.traffic.in_hand(reference):
        try:
            intent = outside.gateway.confirm_intent(
                reference, confirm_key(transaction.id), outside.answer_within
            )
        except NoAnswer:
            try:
                intent = outside.gateway.read_intent(reference, ASK_WITHIN)
            except (NoAnswer, GatewayRefused):
                return pending(held)
        if verdict(intent) is Verdict.UNCONFIRMED:
            return pending(held)
        if not is_guarded(held):
            held = outside.books.for_settlement(transaction)
        return settle(outside, held, intent, until)


def _still_the_same(charge: Charge, ordered: Charge | None) -> Charge:
    """An intent is frozen, so what changed between two tries, a currency or a card, cannot be charged with it."""
    if ordered is not None and charge.amount != ordered.amount:
        raise ChargeRefused(
            "balance_changed", "The invoice was changed just now. Nothing was charged. Open Charge again."
        )
    if ordered is not None and _means(charge.profile) != _means(ordered.profile):
        raise ChargeRefused(
            "profile_not_usable",
            "The payment profile was changed just now. Nothing was charged. Open Charge again.",
        )
    return charge


def _means(profile: Profile) -> tuple[object, ...]:
    return profile.id, profile.type, profile.customer_ref, profile.method_ref
