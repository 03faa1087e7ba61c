"""Disburse by hand: a payment or a credit to the invoices that are ticked (E158-E161, A10)."""

from uuid import UUID

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post
from plugins.rules.books import About, Scope
from plugins.rules.choosing import chosen_invoices
from plugins.rules.depositing import release
from plugins.rules.disbursing import Source, disburse_oldest_first, spendable
from plugins.rules.draft import Draft
from plugins.rules.ids import EntryId, InvoiceId, PaymentId
from plugins.rules.ledger import Mode, Payment
from plugins.rules.refusal import Refused

ACTION = Action(
    name="cfl_Disburse",
    bound_to=None,
    parameters={"RequestKey": str, "PaymentId": UUID, "CreditId": UUID, "InvoiceIds": list},
    privilege="prvCreatecfl_maypost",
)


def disburse(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    ticked = tuple(InvoiceId(each) for each in parameters.keys(call.parameters, "InvoiceIds"))
    payment = parameters.key(call.parameters, "PaymentId")
    credit = parameters.key(call.parameters, "CreditId")
    if payment is not None and credit is None:
        return Scope(about=About.PAYMENT, key=payment, payments=(PaymentId(payment),), invoices=ticked)
    if credit is not None and payment is None:
        return Scope(about=About.ENTRY, key=credit, entries=(EntryId(credit),), invoices=ticked)
    raise Refused("source_missing", "Choose one payment or one credit to disburse.")


def _decide(draft: Draft, call: Call) -> Done:
    source = _source(draft, call)
    if spendable(draft, source).minor <= 0:
        raise Refused("nothing_to_disburse", f"#{source.number} has nothing left to disburse.")
    invoices = chosen_invoices(draft, parameters.keys(call.parameters, "InvoiceIds"))
    if not invoices:
        raise Refused("invoice_missing", "Tick the invoices that the money goes to.")
    mode = Mode.MANUAL
    if isinstance(source, Payment) and source.deposit:
        # It ceases to be a deposit; what the ticked invoices do not take disburses by itself from now on (A10).
        mode = Mode.DEPOSIT
        source = release(draft, source, automatic=True)
    before = source.undisbursed
    disburse_oldest_first(draft, source, invoices, mode)
    after = draft.find(source.id)
    left = after.undisbursed if isinstance(after, type(source)) else before
    return Done(
        f"{before - left} of #{source.number} was disbursed.",
        {"amount": str((before - left).amount), "currency": draft.currency},
    )


def _source(draft: Draft, call: Call) -> Source:
    payment = parameters.key(call.parameters, "PaymentId")
    credit = parameters.key(call.parameters, "CreditId")
    if payment is not None:
        return draft.payment(PaymentId(payment))
    return draft.entry(EntryId(credit or UUID(int=0)))
