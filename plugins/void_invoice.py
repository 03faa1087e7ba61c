"""Void the open or the latest closed invoice by a mirror of it (E36, E53-E57, A14)."""

from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post, request_of, target_of
from plugins.rules.books import About, Scope
from plugins.rules.draft import Draft
from plugins.rules.ids import InvoiceId
from plugins.rules.invoicing import void

ACTION = Action(
    name="cfl_VoidInvoice",
    bound_to="invoice",
    parameters={"RequestKey": str},
    privilege="prvCreatecfl_mayvoid",
)


def void_invoice(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    key = target_of(call)
    return Scope(about=About.INVOICE, key=key, invoices=(InvoiceId(key),), newest=True)


def _decide(draft: Draft, call: Call) -> Done:
    invoice = draft.invoice(InvoiceId(target_of(call)))
    mirror = void(draft, invoice, request_of(call))
    return Done(
        f"Invoice {invoice.number} is void. A closed invoice with the reverse of its lines was made.",
        {"invoice": str(invoice.id), "mirror": str(mirror.id)},
        invoice.id,
    )
