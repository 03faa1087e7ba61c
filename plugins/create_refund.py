"""Create a statement refund: selected debits are given back, by the payment method that is chosen (E175-E181, A33).

One changeset: all of the selected debits, or none.
"""

from decimal import Decimal
from uuid import UUID

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post, request_of, target_of
from plugins.rules.books import About, Scope
from plugins.rules.draft import Draft
from plugins.rules.ids import EntryId, PaymentTypeId
from plugins.rules.refusal import Refused
from plugins.rules.statement_refunds import check_amount, parts_of, refund, refundable, selected_total

ACTION = Action(
    name="cfl_CreateRefund",
    bound_to="cfl_billingaccount",
    parameters={"RequestKey": str, "TransactionIds": list, "PaymentTypeId": UUID, "Amount": Decimal},
    privilege="prvCreatecfl_mayrefund",
)

OVERRIDE = "prvCreatecfl_mayoverriderefund"
"""OverrideSum: to refund another amount than what was selected (E179)."""
MOST = 50
"""Debits in one changeset, which is all or nothing."""


def create_refund(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    chosen = parameters.keys(call.parameters, "TransactionIds", MOST)
    if not chosen:
        raise Refused("transaction_missing", "Select the transactions to refund.")
    return Scope(
        about=About.LEDGER,
        key=target_of(call),
        entries=tuple(EntryId(each) for each in chosen),
        privileges=(OVERRIDE,),
    )


def _decide(draft: Draft, call: Call) -> Done:
    given = call.parameters
    wanted = parameters.key(given, "PaymentTypeId")
    payment_type = next((each for each in draft.books.payment_types if each.id == wanted), None)
    if payment_type is None:
        raise Refused("payment_type_missing", "Choose an active payment type.")
    debits = refundable(draft, parameters.keys(given, "TransactionIds", MOST))
    selected = selected_total(debits, draft.currency)
    amount = parameters.amount(given, draft.currency) if given.get("Amount") is not None else selected
    check_amount(selected, amount, may_override=OVERRIDE in draft.books.privileges)
    row = refund(draft, parts_of(debits, amount), PaymentTypeId(payment_type.id), request_of(call))
    names = ", ".join(f"#{each.number}" for each in debits)
    return Done(
        f"{row.amount} was refunded for {names}.",
        {"refund": str(row.id), "amount": str(row.amount.amount), "currency": draft.currency},
    )
