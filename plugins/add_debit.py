"""Add a debit: it goes to the open invoice, or an invoice is made for it at once (E03, E04, E13-E28)."""

from plugins.actions import Action, Answer, Call
from plugins.entries import ENTRY_PARAMETERS, entry_of, on_invoice, service_asked_for
from plugins.ports import Outside
from plugins.posting import Done, check_active, post, target_of
from plugins.rules.books import About, Scope
from plugins.rules.draft import Draft
from plugins.rules.entering import add_debit as enter

ACTION = Action(
    name="cfl_AddDebit",
    bound_to="cfl_billingaccount",
    parameters=ENTRY_PARAMETERS,
    privilege="prvCreatecfl_maypost",
)


def add_debit(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    services = service_asked_for(call)
    return Scope(about=About.LEDGER, key=target_of(call), waiting=True, taxes=True, services=services)


def _decide(draft: Draft, call: Call) -> Done:
    check_active(draft)
    row = enter(draft, entry_of(draft, call))
    place = on_invoice(draft, row.invoice)
    return Done(
        f"Debit #{row.number} of {row.gross} was added to {place}.",
        {
            "transaction": str(row.id),
            "number": str(row.number),
            "amount": str(row.gross.amount),
            "currency": draft.currency,
            "invoice": str(row.invoice),
        },
        row.invoice,
    )
