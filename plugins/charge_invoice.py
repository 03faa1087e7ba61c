"""Charge an invoice: snapshot, create, reserve, confirm, settle. Five remote calls, and every one may be the last."""

from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from plugins.actions import Action, Answer, Call, KeyReused, UserOrInvoiceGone, checked_key
from plugins.ports import (
    ORGANISATION,
    BooksRefused,
    BooksUnreachable,
    Conflict,
    GatewayRefused,
    Intent,
    IntentOrder,
    MethodType,
    NoAnswer,
    NotFound,
    Outside,
)
from plugins.rules.charge import (
    Charge,
    ChargeInput,
    ChargeRefused,
    Surroundings,
    decide,
)
from plugins.rules.declines import excerpt, rejection
from plugins.rules.ids import InvoiceId, ProfileId, transaction_id
from plugins.rules.ledger import InvoiceBooks, Outcome, Profile, ProfileType, Request
from plugins.rules.reservation import refused, rejected, reserve
from plugins.rules.settling import without_projection
from plugins.settlement import (
    ASK_WITHIN,
    WHOLE,
    Verdict,
    confirm_key,
    pending,
    settle,
    verdict,
    with_etags,
)

ACTION = Action(
    name="cfl_ChargeInvoice",
    bound_to="invoice",
    parameters={"RequestKey": str, "Amount": Decimal, "PaymentProfileId": UUID, "ExpectedBalance": Decimal},
    privilege="prvCreatecfl_maycharge",
)

LEFT_TO_CONFIRM = timedelta(seconds=25)
"""Money is only moved with this much time left to hear of it and to write it down."""

METHODS = {
    ProfileType.CARD: MethodType.CARD,
    ProfileType.ACH_DEBIT: MethodType.ACH_DEBIT,
    ProfileType.SEPA_DEBIT: MethodType.SEPA_DEBIT,
}


def charge_invoice(call: Call, outside: Outside) -> Answer:
    """The answer that is, or already was, written under the call's key.

    Raises `KeyReused`, `KeyInvalid`, `UserOrInvoiceGone` (nothing is written) and `BooksUnreachable` (nothing was charged by this call).
    """
    asked = _asked(call)
    until = call.received + WHOLE
    with ExitStack() as hand:
        with ExitStack() as turn:
            held = _reserved(outside, asked, InvoiceId(call.target or UUID(int=0)), until, hand, turn)
        return held if isinstance(held, Answer) else _confirm(outside, held, until)


def _reserved(
    outside: Outside,
    asked: ChargeInput,
    invoice: InvoiceId,
    until: datetime,
    hand: ExitStack,
    turn: ExitStack,
) -> Answer | InvoiceBooks:
    """The books with the reservation in them, or the answer where there is nothing to confirm.

    Books that were read before this process's turn on the ledger came are read again: others wrote meanwhile.
    """
    intent: Intent | None = None
    ordered: Charge | None = None
    my_turn = False
    sent = False  # a reservation of ours went out and its answer was lost
    attempt = 0
    while True:
        try:
            books = outside.books.for_charge(invoice, asked.request, asked.caller)
        except NotFound:
            gone = ChargeRefused(
                "invoice_not_found", "This invoice no longer exists. Refresh the list of invoices."
            )
            return _refuse(outside, None, asked, gone, None)
        except BooksRefused as refusal:
            why = ChargeRefused(
                "books_not_readable",
                f"The CRM did not let Counterfoil read the invoice ({excerpt(str(refusal))}). Nothing was charged. Ask your administrator.",
            )
            return _refuse(outside, None, asked, why, None)
        if books.request is not None:
            if not (sent and books.request.code == "reserved"):
                return _known(books.request, asked)
            transaction = outside.books.transaction(transaction_id(asked.request))
            return pending(books) if transaction is None else outside.books.for_settlement(transaction)
        now = outside.clock.now()
        if now >= until:
            raise BooksUnreachable("no time left to reserve the charge; nothing was charged")
        try:
            charge = decide(books, asked, _surroundings(outside, books), now)
            ordered = _still_the_same(charge, ordered)
            if intent is None:
                intent = outside.gateway.create_intent(_order(outside, books, asked, charge), ASK_WITHIN)
                hand.enter_context(outside.traffic.in_hand(intent.reference))
        except ChargeRefused as refusal:
            return _refuse(outside, books, asked, refusal, intent)
        except NoAnswer:
            unsent = ChargeRefused(
                "processor_unreachable",
                "The payment processor can't be reached. Nothing was charged. Try again shortly.",
            )
            return _refuse(outside, books, asked, unsent, None)
        except GatewayRefused as refusal:
            return _reject(outside, books, asked, charge, refusal)
        changeset, held = reserve(books, asked, charge, intent.reference, now)
        if not my_turn:
            my_turn = True
            if turn.enter_context(outside.traffic.turn(changeset.ledger_id, until)):
                continue
        try:
            try:
                etags = outside.books.commit(changeset)
            except BooksRefused as refusal:
                if changeset.project is None or refusal.row not in {invoice, None}:
                    raise
                etags = outside.books.commit(without_projection(changeset, now))
        except Conflict:
            attempt += 1
            outside.traffic.pause(attempt)
        except BooksUnreachable:
            sent = True
            attempt += 1
            outside.traffic.pause(attempt)
        except BooksRefused as refusal:
            why = ChargeRefused(
                "books_not_writable",
                f"The CRM did not let Counterfoil reserve the charge ({excerpt(str(refusal))}). Nothing was charged. Ask your administrator.",
            )
            return _refuse(outside, books, asked, why, intent)
        else:
            return with_etags(held, etags)


def _confirm(outside: Outside, held: InvoiceBooks, until: datetime) -> Answer:
    """The one call that moves money, then whatever it led to."""
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
        if not _is_guarded(held):
            held = outside.books.for_settlement(transaction)
        return settle(outside, held, intent, until)


def _is_guarded(held: InvoiceBooks) -> bool:
    """Whether every row that settling builds on is as it was when we reserved; one without an ETag may be older."""
    rows = (held.ledger, held.transaction, held.request, held.invoice)
    return all(row is not None and row.etag for row in rows)


def _asked(call: Call) -> ChargeInput:
    profile = call.parameters.get("PaymentProfileId")
    return ChargeInput(
        key=checked_key(call.key),
        input_hash=call.input_hash,
        action=ACTION.name,
        caller=call.caller,
        amount=call.parameters.get("Amount"),
        profile=ProfileId(profile) if isinstance(profile, UUID) else None,
        expected=call.parameters.get("ExpectedBalance"),
    )


def _known(request: Request, asked: ChargeInput) -> Answer:
    """A key that was seen before: its answer stands. A Pending one is left to whoever holds it."""
    if request.input_hash and request.input_hash != asked.input_hash:
        raise KeyReused(asked.key)
    return Answer(request.outcome, request.code, request.message)


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


def _surroundings(outside: Outside, books: InvoiceBooks) -> Surroundings:
    return Surroundings(outside.organisation, outside.gateway.live, outside.gateway.minimum(books.currency))


def _order(outside: Outside, books: InvoiceBooks, asked: ChargeInput, charge: Charge) -> IntentOrder:
    return IntentOrder(
        amount=charge.amount,
        customer=charge.profile.customer_ref,
        method=charge.profile.method_ref,
        method_type=METHODS[charge.profile.type],
        description=f"Invoice {books.invoice.number}",
        metadata={
            ORGANISATION: str(outside.organisation),
            "counterfoil_transaction": str(transaction_id(asked.request)),
            "counterfoil_invoice": str(books.invoice.id),
            "counterfoil_request": asked.key,
        },
        idempotency_key=f"intent-{asked.request}",
    )


def _refuse(
    outside: Outside,
    books: InvoiceBooks | None,
    asked: ChargeInput,
    refusal: ChargeRefused,
    intent: Intent | None,
) -> Answer:
    """One Refused request row and nothing else; an intent made before is cancelled once the key is ours."""
    row = refused(books, asked, refusal, None)
    try:
        outside.books.record(row)
    except Conflict:
        known = outside.books.request(asked.request)
        if known is not None:
            return _known(known, asked)
        raise BooksUnreachable("the refusal could not be written; nothing was charged") from None
    except NotFound:
        raise UserOrInvoiceGone from None
    if intent is not None:
        _give_up(outside, intent)
    return Answer(Outcome.REFUSED, refusal.code, refusal.message)


def _reject(
    outside: Outside, books: InvoiceBooks, asked: ChargeInput, charge: Charge, refusal: GatewayRefused
) -> Answer:
    """The gateway does not take the order: a failed record (W31), nothing charged. A conflict is for the next try."""
    told = ChargeRefused(refusal.code, rejection(refusal.message))
    result = f"{told.message} ({refusal.code})"
    changeset = rejected(books, asked, charge, told, result, outside.clock.now())
    try:
        outside.books.commit(changeset)
    except BooksRefused:
        outside.books.commit(without_projection(changeset, outside.clock.now()))
    except Conflict:
        return _refuse(outside, books, asked, told, None)
    return Answer(Outcome.FAILED, "rejected", told.message)


def _give_up(outside: Outside, intent: Intent) -> None:
    with suppress(NoAnswer):  # unconfirmed, so no money can move; the daily clean-up cancels it
        outside.gateway.cancel_intent(intent.reference, ASK_WITHIN)
