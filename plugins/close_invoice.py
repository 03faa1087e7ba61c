"""Close the open invoice and freeze its statement (E48, E133, A29)."""

from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post, target_of
from plugins.rules.books import About, Scope
from plugins.rules.draft import Draft
from plugins.rules.ids import InvoiceId
from plugins.rules.invoicing import close

ACTION = Action(
    name="cfl_CloseInvoice",
    bound_to="invoice",
    parameters={"RequestKey": str},
    privilege="prvCreatecfl_mayopenclose",
)


def close_invoice(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    key = target_of(call)
    return Scope(about=About.INVOICE, key=key, invoices=(InvoiceId(key),), waiting=True)


def _decide(draft: Draft, call: Call) -> Done:
    invoice = draft.invoice(InvoiceId(target_of(call)))
    closed = close(draft, invoice)
    return Done(
        f"Invoice {invoice.number} is closed. Total due: {closed.total_due}.",
        {"invoice": str(invoice.id)},
        invoice.id,
    )
