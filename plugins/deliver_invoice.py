"""Deliver an invoice: its document as an e-mail of the CRM's own, or as a note on the invoice for printing (E133-E135).

Printing is one changeset: the note with the PDF, the day of delivery and the request. An e-mail takes two, around what
the CRM sends: the request stays Pending (`reserved`) until the CRM has taken the e-mail.
"""

from base64 import b64encode
from dataclasses import replace

from plugins import delivering
from plugins.actions import Action, Answer, Call
from plugins.ports import DELIVERY, Documents, Outside
from plugins.posting import Done, post, request_of, target_of
from plugins.rules.books import About, Scope
from plugins.rules.choosing import delivery_of
from plugins.rules.delivering import deliverable, document_scope, filename_of, method_of, recipient
from plugins.rules.draft import Draft
from plugins.rules.ids import InvoiceId, email_id
from plugins.rules.ledger import Outcome
from plugins.rules.note import Note
from plugins.rules.setup import Delivery
from plugins.rules.statement import statement
from plugins.settlement import WHOLE

ACTION = Action(
    name=DELIVERY,
    bound_to="invoice",
    parameters={"RequestKey": str, "Method": int},
    privilege="prvCreatecfl_mayopenclose",
)


def deliver_invoice(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises; `BooksUnreachable` also when it is not known whether the e-mail was sent."""
    answer = post(call, outside, ACTION, _scope, lambda draft, call: _decide(draft, call, outside.documents))
    if answer.outcome is Outcome.PENDING:
        request = outside.books.request(request_of(call))
        if request is not None:
            return delivering.look_again(outside, request, WHOLE)
    return answer


def _scope(call: Call) -> Scope:
    key = target_of(call)
    return document_scope(About.INVOICE, key, (InvoiceId(key),))


def _decide(draft: Draft, call: Call, documents: Documents) -> Done:
    books = draft.after()
    invoice = deliverable(books, InvoiceId(target_of(call)))
    method = method_of(books, delivery_of(call.parameters.get("Method")))
    facts = {"invoice": str(invoice.id), "method": str(method)}
    if method is Delivery.EMAIL:
        account = recipient(books)
        return Done(
            f"Invoice {invoice.number} is being e-mailed to {account.name} ({account.email}).",
            facts | {"email": str(email_id(request_of(call)))},
            invoice.id,
            outcome=Outcome.PENDING,
            code="reserved",
        )
    said = statement(invoice, books, draft.now)
    note = draft.put(
        Note(
            id=draft.new_id(),
            regarding=invoice.id,
            owner=draft.ledger.owner,
            subject=f"Invoice {invoice.number} to print",
            text="The invoice as it is delivered to the customer.",
            filename=filename_of(invoice),
            mimetype=delivering.PDF,
            content=b64encode(documents.pdf(said, draft.now)).decode(),
        )
    )
    draft.put(replace(invoice, delivered_on=draft.now))
    return Done(
        f"Invoice {invoice.number} is ready to print. Open {note.filename} among the invoice's notes.",
        facts | {"note": str(note.id)},
        invoice.id,
    )
