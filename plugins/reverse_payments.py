"""Reverse payments, one or many, each completely (E147-E150, A16): all of them in one changeset, or none."""

from datetime import datetime
from uuid import UUID

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post, request_of
from plugins.rules.books import About, Scope
from plugins.rules.draft import Draft
from plugins.rules.ids import PaymentId
from plugins.rules.ledger import Payment, RefundMode
from plugins.rules.money import total
from plugins.rules.refunding import check_reversal, give_back
from plugins.rules.refusal import Refused

ACTION = Action(
    name="cfl_ReversePayments",
    bound_to=None,
    parameters={"RequestKey": str, "PaymentIds": list, "Date": datetime, "PostingDate": datetime},
    privilege="prvCreatecfl_mayreverse",
)

MOST = 100
"""Payments in one changeset, which is all or nothing."""


def reverse_payments(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    chosen = parameters.keys(call.parameters, "PaymentIds", MOST)
    if not chosen:
        raise Refused("payment_missing", "Tick the payments to reverse.")
    return Scope(about=About.PAYMENT, key=chosen[0], payments=tuple(PaymentId(each) for each in chosen))


def _decide(draft: Draft, call: Call) -> Done:
    dated, posting_date = parameters.dates_of_reversal(
        call.parameters, draft.books, draft.today, draft.posting_date
    )
    chosen = [_payment(draft, each) for each in parameters.keys(call.parameters, "PaymentIds", MOST)]
    for payment in chosen:
        check_reversal(draft, payment)
        give_back(
            draft,
            draft.payment(payment.id),
            payment.amount,
            mode=RefundMode.REVERSAL,
            dated=dated,
            posting_date=posting_date,
            request=request_of(call),
        )
    whole = total([each.amount for each in chosen], draft.currency)
    names = ", ".join(f"#{each.number}" for each in chosen)
    return Done(
        f"{'Payment' if len(chosen) == 1 else 'Payments'} {names}, {whole} in all, {'was' if len(chosen) == 1 else 'were'} reversed.",
        {"amount": str(whole.amount), "currency": draft.currency, "count": str(len(chosen))},
    )


def _payment(draft: Draft, key: UUID) -> Payment:
    found = draft.find(key)
    if not isinstance(found, Payment) or found.ledger != draft.ledger.id:
        raise Refused(
            "not_one_account",
            "These payments are not all of one billing account. Reverse them account by account.",
        )
    return found
