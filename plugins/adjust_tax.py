"""Adjust tax: an entry of nothing but one tax, for or against the customer (E182-E185, A21)."""

from decimal import Decimal
from uuid import UUID

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, check_active, post, request_of, target_of
from plugins.rules.books import About, Scope
from plugins.rules.choosing import kind_of
from plugins.rules.draft import Draft
from plugins.rules.entering import Entry, add_credit, add_debit
from plugins.rules.ids import EntryId
from plugins.rules.ledger import Kind, Origin
from plugins.rules.refusal import Refused
from plugins.rules.taxing import Tax

ACTION = Action(
    name="cfl_AdjustTax",
    bound_to="cfl_accounttransaction",
    parameters={"RequestKey": str, "Kind": int, "TaxRateId": UUID, "Amount": Decimal},
    privilege="prvCreatecfl_mayadjusttax",
)


def adjust_tax(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    key = target_of(call)
    return Scope(about=About.ENTRY, key=key, entries=(EntryId(key),), waiting=True, taxes=True)


def _decide(draft: Draft, call: Call) -> Done:
    check_active(draft)
    about = draft.entry(EntryId(target_of(call)))
    kind = kind_of(call.parameters.get("Kind"))
    wanted = parameters.key(call.parameters, "TaxRateId")
    rate = next((each for each in draft.books.tax_rates if each.id == wanted), None)
    if rate is None:
        raise Refused("tax_rate_missing", "Choose a tax code and one of its rates.")
    amount = parameters.amount(call.parameters, draft.currency)
    entry = Entry(
        net=draft.zero,
        taxes=[Tax(rate.id, rate.rate, draft.zero, amount, rate.jurisdiction)],
        dated=draft.today,
        posting_date=draft.posting_date,
        origin=Origin.TAX_ADJUSTMENT,
        detail=f"Tax adjustment of #{about.number}: {rate.name}",
        service=about.service,
        related=about.id,
        request=request_of(call),
    )
    row = add_debit(draft, entry) if kind is Kind.DEBIT else add_credit(draft, entry)
    return Done(
        f"Tax of {amount} was {'added' if kind is Kind.DEBIT else 'given back'} as #{row.number}.",
        {
            "transaction": str(row.id),
            "number": str(row.number),
            "amount": str(row.gross.amount),
            "currency": draft.currency,
        },
        row.invoice,
    )
