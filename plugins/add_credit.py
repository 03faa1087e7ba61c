"""Add a credit: it waits, goes to the oldest invoices, or to the invoices that are ticked (E05-E09, E73-E86)."""

from dataclasses import replace

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.entries import ENTRY_PARAMETERS, entry_of, service_asked_for
from plugins.ports import Outside
from plugins.posting import Done, check_active, post, target_of
from plugins.rules.books import About, Scope
from plugins.rules.choosing import chosen_invoices
from plugins.rules.disbursing import disburse_oldest_first
from plugins.rules.draft import Draft
from plugins.rules.entering import add_credit as enter
from plugins.rules.ids import InvoiceId
from plugins.rules.ledger import Mode
from plugins.rules.refusal import Refused

ACTION = Action(
    name="cfl_AddCredit",
    bound_to="cfl_billingaccount",
    parameters={**ENTRY_PARAMETERS, "Automatic": bool, "InvoiceIds": list},
    privilege="prvCreatecfl_maypost",
)


def add_credit(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    ticked = tuple(InvoiceId(each) for each in parameters.keys(call.parameters, "InvoiceIds"))
    services = service_asked_for(call)
    return Scope(about=About.LEDGER, key=target_of(call), invoices=ticked, taxes=True, services=services)


def _decide(draft: Draft, call: Call) -> Done:
    check_active(draft)
    setting = draft.books.setting
    automatic = parameters.yes(call.parameters, "Automatic", default=False)
    ticked = parameters.keys(call.parameters, "InvoiceIds")
    if automatic and ticked:
        raise Refused(
            "invoices_and_automatic",
            "Tick invoices or Automatic Disbursement, not both (one is instead of the other).",
        )
    invoices = chosen_invoices(draft, ticked)
    needed = setting is None or not setting.service_optional
    entry = entry_of(draft, call, service_needed=needed, service_billed=True)
    row = enter(draft, replace(entry, automatic=automatic))
    disburse_oldest_first(draft, row, invoices, Mode.MANUAL)
    return Done(
        f"Credit #{row.number} of {row.gross} was added.",
        {
            "transaction": str(row.id),
            "number": str(row.number),
            "amount": str(row.gross.amount),
            "currency": draft.currency,
        },
        row.invoice,
    )
