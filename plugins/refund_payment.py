"""Refund a payment, wholly or in part: through the gateway that it came from, or as money given back otherwise (E143-E146, E170-E174).

Through the gateway it is reserved, sent and settled; what is in flight counts as given back. Otherwise it is only recorded.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from plugins import parameters
from plugins.actions import Action, Answer, Call, checked_key
from plugins.charging import LEFT_TO_CONFIRM
from plugins.ports import GatewayRefused, Intent, NoAnswer, Outside
from plugins.posting import Asked, Done, check_allowed, post, refuse, request_of, target_of
from plugins.refunds import read_own_intent, send_refund
from plugins.reserving import Words, is_guarded, reserved
from plugins.rules.attempt import Attempt
from plugins.rules.books import About, LedgerBooks, Scope
from plugins.rules.changes import Changeset
from plugins.rules.draft import Draft
from plugins.rules.ids import PaymentId, transaction_id
from plugins.rules.ledger import Operation, Payment, RefundMode, Transaction
from plugins.rules.money import Money
from plugins.rules.refunding import check_refund, give_back, unrefunded
from plugins.rules.refusal import Refused
from plugins.rules.reservation import reserve_refund
from plugins.settlement import WHOLE, pending, settle_refund

ACTION = Action(
    name="cfl_RefundPayment",
    bound_to="cfl_payment",
    parameters={"RequestKey": str, "Amount": Decimal, "ThroughGateway": bool, "PostingDate": datetime},
    privilege="prvCreatecfl_mayrefund",
)

MOST_INVOICES = 900
"""What a settlement takes a payment off in one changeset."""
WORDS = Words("the payment", "the refund", "Nothing was refunded.")
GONE = Refused("record_not_found", "This payment no longer exists. Refresh the page.")


class OtherwiseGiven(Exception):
    """Nobody said how, and the payment did not come through the gateway: the refund is only recorded."""


def refund_payment(call: Call, outside: Outside) -> Answer:
    """The answer that is, or already was, written under the key.

    Raises `KeyReused`, `KeyInvalid`, `UserOrInvoiceGone` (nothing is written) and `BooksUnreachable` (nothing was
    refunded by this call).
    """
    asked = Asked(call, ACTION, nothing="nothing was refunded")
    try:
        through = parameters.yes(call.parameters, "ThroughGateway", default=True)
    except Refused as refusal:
        return refuse(outside, asked, refusal)
    if not through:
        return post(call, outside, ACTION, _scope, _record)
    try:
        return _through_gateway(call, outside, asked)
    except OtherwiseGiven:
        return post(call, outside, ACTION, _scope, _record)


def _scope(call: Call) -> Scope:
    key = PaymentId(target_of(call))
    return Scope(about=About.PAYMENT, key=key, payments=(key,), profiles=True)


# --- Only recorded ---------------------------------------------------------------------------------------------------


def _record(draft: Draft, call: Call) -> Done:
    payment = draft.payment(PaymentId(target_of(call)))
    amount = _amount(call, payment, draft)
    check_refund(draft, payment, amount)
    dated, posting_date = parameters.dates_of_reversal(
        call.parameters, draft.books, draft.today, draft.posting_date
    )
    row = give_back(
        draft,
        payment,
        amount,
        mode=RefundMode.REFUND,
        dated=dated,
        posting_date=posting_date,
        request=request_of(call),
    )
    return Done(
        f"{amount} of payment #{payment.number} was refunded as #{row.number}. Give the money back to the customer.",
        {
            "payment": str(row.id),
            "number": str(row.number),
            "amount": str(amount.amount),
            "currency": draft.currency,
        },
        row.display_invoice,
    )


def _amount(call: Call, payment: Payment, draft: Draft) -> Money:
    """What was asked for, else all that is left. Raises `Refused`."""
    if call.parameters.get("Amount") is None:
        return unrefunded(payment, draft.pending)
    return parameters.amount(call.parameters, draft.currency)


# --- Through the gateway ---------------------------------------------------------------------------------------------


def _through_gateway(call: Call, outside: Outside, asked: Asked) -> Answer:
    until = call.received + WHOLE
    refunding = Refunding(outside, asked)
    with outside.traffic.in_hand(str(transaction_id(asked.request))):
        with ExitStack() as turn:
            held = reserved(outside, refunding, GONE, until, turn)
        return held if isinstance(held, Answer) else _send(outside, refunding, held, until)


def _send(outside: Outside, refunding: "Refunding", held: LedgerBooks, until: datetime) -> Answer:
    """The one call that gives money back, then whatever it led to."""
    transaction, intent = held.transaction, refunding.intent
    if transaction is None or intent is None or outside.clock.now() > until - LEFT_TO_CONFIRM:
        return pending(held)  # the sweep sends it
    try:
        told = send_refund(outside, transaction, intent.reference, outside.answer_within)
    except NoAnswer:
        return pending(held)
    if not is_guarded(held):
        held = outside.books.for_settlement(transaction)
    return settle_refund(outside, held, told, until)


@dataclass
class Refunding:
    """One attempt to refund through the gateway."""

    outside: Outside
    asked: Asked
    words: Words = field(default=WORDS)
    intent: Intent | None = None
    """What was charged, read once: it tells whose money it is."""
    _charge: Transaction | None = None

    def load(self) -> LedgerBooks:
        call = self.asked.call
        return self.outside.books.for_ledger(_scope(call), self.asked.request, call.caller)

    def reserve(self, books: LedgerBooks, now: datetime) -> tuple[Changeset, LedgerBooks]:
        check_allowed(self.outside, books.setting, books.rights)
        call = self.asked.call
        draft = Draft(books, seed=self.asked.request, now=now)
        payment = draft.payment(PaymentId(target_of(call)))
        amount = _amount(call, payment, draft)
        check_refund(draft, payment, amount)
        charge = self._charged(payment)
        _check_posted_today(call, draft)
        _check_fits(draft, payment)
        if self.intent is None:
            self.intent = read_own_intent(self.outside, charge.gateway_reference)
        attempt = Attempt(checked_key(call.key), call.input_hash, ACTION.name, call.caller)
        return reserve_refund(books, attempt, payment, amount, charge, now)

    def reject(self, books: LedgerBooks, refusal: GatewayRefused) -> Answer:
        """The gateway does not know the charge, or it is another environment's: there is nothing to give back."""
        unknown = Refused(
            "not_at_processor",
            "The payment processor does not know the charge of this payment as one of this environment. Nothing was "
            f"refunded. Refund it in another way, or ask your administrator. ({refusal.code})",
        )
        return refuse(self.outside, self.asked, unknown, books.ledger)

    def give_up(self) -> None:
        """Nothing was ordered yet."""

    def _charged(self, payment: Payment) -> Transaction:
        """The transaction that the payment came from. Raises `Refused`, `OtherwiseGiven`."""
        if self._charge is None and payment.transaction is not None:
            self._charge = self.outside.books.transaction(payment.transaction)
        if self._charge is not None and self._charge.operation is Operation.CHARGE:
            return self._charge
        if self.asked.call.parameters.get("ThroughGateway") is None:
            raise OtherwiseGiven
        raise Refused(
            "not_through_processor",
            f"Payment #{payment.number} did not come through the payment processor, so it can't be refunded through it. "
            "Untick Through Gateway and give the money back in another way.",
        )


def _check_posted_today(call: Call, draft: Draft) -> None:
    """It is posted when the bank has taken it (A30), so nobody can say when. Raises `Refused`."""
    wanted = parameters.day(call.parameters, "PostingDate")
    if wanted is not None and wanted != draft.posting_date:
        raise Refused(
            "posting_date_not_possible",
            "A refund through the payment processor is posted on the day it is made. Leave Posting Date empty.",
        )


def _check_fits(draft: Draft, payment: Payment) -> None:
    """What the bank has taken must be recorded, whatever it is taken off. Raises `Refused`."""
    paid = sum(each.payment == payment.id for each in draft.disbursements)
    if paid > MOST_INVOICES:
        raise Refused(
            "too_many_invoices",
            f"Payment #{payment.number} is disbursed to {paid} invoices, and a refund takes it off at most {MOST_INVOICES}. "
            "Delete some of its disbursements first.",
        )
