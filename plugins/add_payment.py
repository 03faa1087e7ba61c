"""Add a payment: it is only recorded, no card and no bank is asked (E01, E02, E114-E125)."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, check_active, post, request_of, target_of
from plugins.rules.books import About, Scope
from plugins.rules.choosing import card_type
from plugins.rules.draft import Draft
from plugins.rules.entering import add_payment as enter
from plugins.rules.ids import PaymentTypeId
from plugins.rules.refusal import Refused
from plugins.rules.setup import Backend

ACTION = Action(
    name="cfl_AddPayment",
    bound_to="cfl_billingaccount",
    parameters={
        "RequestKey": str,
        "Amount": Decimal,
        "PaymentTypeId": UUID,
        "Date": datetime,
        "PostingDate": datetime,
        "Detail": str,
        "CheckNumber": str,
        "CardType": int,
        "Automatic": bool,
        "Deposit": bool,
    },
    privilege="prvCreatecfl_maypost",
)


def add_payment(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    return Scope(about=About.LEDGER, key=target_of(call))


def _decide(draft: Draft, call: Call) -> Done:
    check_active(draft)
    given = call.parameters
    amount = parameters.amount(given, draft.currency)
    dated, posting_date = parameters.dates(given, draft.books, draft.today)
    wanted = parameters.key(given, "PaymentTypeId")
    payment_type = next((each for each in draft.books.payment_types if each.id == wanted), None)
    if payment_type is None:
        raise Refused("payment_type_missing", "Choose an active payment type.")
    deposit = parameters.yes(given, "Deposit", default=False)
    automatic = parameters.yes(given, "Automatic", default=not deposit)
    if deposit and automatic:
        raise Refused(
            "deposit_cannot_be_automatic",
            "A deposit does not disburse to invoices. Untick Automatic Disbursement or Deposit.",
        )
    row = enter(
        draft,
        amount,
        payment_type=PaymentTypeId(payment_type.id),
        dated=dated,
        posting_date=posting_date,
        detail=parameters.text(given),
        automatic=automatic,
        deposit=deposit,
        request=request_of(call),
        check_number=parameters.text(given, "CheckNumber", 50)
        if payment_type.backend is Backend.CHECK
        else "",
        card_type=card_type(given.get("CardType")) if payment_type.backend is Backend.CREDIT_CARD else None,
    )
    kind = "Deposit" if deposit else "Payment"
    return Done(
        f"{kind} #{row.number} of {row.amount} was added.",
        {
            "payment": str(row.id),
            "number": str(row.number),
            "amount": str(row.amount.amount),
            "currency": draft.currency,
        },
        row.display_invoice,
    )
