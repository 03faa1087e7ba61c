"""Open a closed invoice again, so that what is added now shows on it (E110-E112, A15)."""

from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post, target_of
from plugins.rules.books import About, Scope
from plugins.rules.draft import Draft
from plugins.rules.ids import InvoiceId
from plugins.rules.invoicing import open_again

ACTION = Action(
    name="cfl_OpenInvoice",
    bound_to="invoice",
    parameters={"RequestKey": str},
    privilege="prvCreatecfl_mayopenclose",
)


def open_invoice(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    key = target_of(call)
    return Scope(about=About.INVOICE, key=key, invoices=(InvoiceId(key),))


def _decide(draft: Draft, call: Call) -> Done:
    invoice = draft.invoice(InvoiceId(target_of(call)))
    open_again(draft, invoice)
    return Done(f"Invoice {invoice.number} is open.", {"invoice": str(invoice.id)}, invoice.id)
