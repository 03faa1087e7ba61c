"""Delete a disbursement: the money is free again, and held until somebody disburses it (E162-E166, A11)."""

from dataclasses import replace

from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post, target_of
from plugins.rules.books import About, Scope
from plugins.rules.disbursing import source_of, take_off
from plugins.rules.draft import Draft
from plugins.rules.ledger import Invoice, RemovedReason
from plugins.rules.refusal import Refused

ACTION = Action(
    name="cfl_DeleteDisbursement",
    bound_to="cfl_disbursement",
    parameters={"RequestKey": str},
    privilege="prvCreatecfl_maypost",
)


def delete_disbursement(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    key = target_of(call)
    return Scope(about=About.DISBURSEMENT, key=key, disbursements=(key,))


def _decide(draft: Draft, call: Call) -> Done:
    row = next((each for each in draft.disbursements if each.id == call.target), None)
    if row is None:
        raise Refused("disbursement_removed", "This disbursement was already removed. Refresh the list.")
    take_off(draft, row, RemovedReason.DELETED)
    source = source_of(draft, row)
    draft.put(replace(source, automatic=False))
    invoice = draft.find(row.invoice)
    name = f"invoice {invoice.number}" if isinstance(invoice, Invoice) else "its invoice"
    return Done(
        f"{row.amount} of #{source.number} was taken off {name}. Disburse it by hand when you want to.",
        {"amount": str(row.amount.amount), "currency": draft.currency},
        row.invoice,
    )
