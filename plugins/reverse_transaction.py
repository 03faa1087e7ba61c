"""Reverse a debit, a credit, or a reversal of either: once each, as often as one likes along the chain (E29-E43, A4)."""

from datetime import datetime

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post, request_of, target_of
from plugins.rules.books import About, Scope
from plugins.rules.draft import Draft
from plugins.rules.ids import EntryId
from plugins.rules.reversing import reverse

ACTION = Action(
    name="cfl_ReverseTransaction",
    bound_to="cfl_accounttransaction",
    parameters={"RequestKey": str, "Date": datetime, "PostingDate": datetime},
    privilege="prvCreatecfl_mayreverse",
)


def reverse_transaction(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    key = target_of(call)
    return Scope(about=About.ENTRY, key=key, entries=(EntryId(key),), waiting=True)


def _decide(draft: Draft, call: Call) -> Done:
    original = draft.entry(EntryId(target_of(call)))
    dated, posting_date = parameters.dates_of_reversal(
        call.parameters, draft.books, draft.today, draft.posting_date
    )
    row = reverse(draft, original, dated, posting_date, request_of(call))
    return Done(
        f"Transaction #{original.number} was reversed by #{row.number}.",
        {
            "transaction": str(row.id),
            "number": str(row.number),
            "amount": str(row.gross.amount),
            "currency": draft.currency,
        },
        row.invoice,
    )
