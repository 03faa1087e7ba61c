"""Save a credit: display it on the open invoice, set automatic (E57)."""

from dataclasses import replace

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post, target_of
from plugins.rules.books import About, Scope
from plugins.rules.draft import Draft
from plugins.rules.ids import EntryId
from plugins.rules.ledger import Kind
from plugins.rules.placing import display_invoice
from plugins.rules.refusal import Refused

ACTION = Action(
    name="cfl_SaveCredit",
    bound_to="cfl_accounttransaction",
    parameters={"RequestKey": str, "Automatic": bool},
    privilege="prvCreatecfl_maypost",
)


def save_credit(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    key = target_of(call)
    return Scope(about=About.ENTRY, key=key, entries=(EntryId(key),))


def _decide(draft: Draft, call: Call) -> Done:
    credit = draft.entry(EntryId(target_of(call)))
    if credit.kind is not Kind.CREDIT:
        raise Refused(
            "not_a_credit", f"#{credit.number} is a debit. Debits are not saved again: reverse it instead."
        )
    automatic = parameters.yes(call.parameters, "Automatic", default=credit.automatic)
    saved = replace(
        credit,
        automatic=automatic and credit.gross.minor > 0,
        invoice=credit.invoice if credit.invoice is not None else display_invoice(draft),
    )
    draft.put(saved)
    return Done(f"Credit #{credit.number} was saved.", {"transaction": str(credit.id)}, saved.invoice)
