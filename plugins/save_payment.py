"""Save a payment: display it on the open invoice, release a deposit or make one, set automatic (E55, E56, E124, A10)."""

from dataclasses import replace

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post, target_of
from plugins.rules.books import About, Scope
from plugins.rules.depositing import check_may_be_held, release
from plugins.rules.draft import Draft
from plugins.rules.ids import PaymentId
from plugins.rules.ledger import Payment
from plugins.rules.placing import display_invoice
from plugins.rules.refusal import Refused

ACTION = Action(
    name="cfl_SavePayment",
    bound_to="cfl_payment",
    parameters={"RequestKey": str, "Deposit": bool, "Automatic": bool},
    privilege="prvCreatecfl_maypost",
)


def save_payment(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    key = target_of(call)
    return Scope(about=About.PAYMENT, key=key, payments=(PaymentId(key),))


def _decide(draft: Draft, call: Call) -> Done:
    payment = draft.payment(PaymentId(target_of(call)))
    if payment.amount.minor <= 0:
        raise Refused(
            "payment_not_editable", f"#{payment.number} is a refund or a reversal and stays as it is."
        )
    deposit = parameters.yes(call.parameters, "Deposit", default=payment.deposit)
    automatic = parameters.yes(call.parameters, "Automatic", default=payment.automatic)
    if deposit and automatic:
        raise Refused(
            "deposit_cannot_be_automatic",
            "A deposit does not disburse to invoices. Untick Automatic Disbursement or Deposit.",
        )
    if payment.deposit and not deposit:
        saved, what = release(draft, payment, automatic=automatic), "is a regular payment now"
    else:
        saved, what = draft.put(_saved(draft, payment, deposit=deposit, automatic=automatic)), "was saved"
    return Done(f"Payment #{payment.number} {what}.", {"payment": str(payment.id)}, saved.display_invoice)


def _saved(draft: Draft, payment: Payment, *, deposit: bool, automatic: bool) -> Payment:
    if deposit:
        if not payment.deposit:
            check_may_be_held(payment)
        return replace(payment, deposit=True, automatic=False)
    place = payment.display_invoice if payment.display_invoice is not None else display_invoice(draft)
    return replace(payment, automatic=automatic, display_invoice=place)
