"""Make a payment: an account pays any amount through the gateway, with a stored payment profile (E126-E132, A9, A20, A36).

No card data and no CVV comes here: the profile stands for them at the gateway.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from plugins import parameters
from plugins.actions import Action, Answer, Call, checked_key
from plugins.charging import NOTHING, Charging, charge
from plugins.ports import Outside
from plugins.posting import Asked, refuse, target_of
from plugins.reserving import Words
from plugins.rules.books import About, LedgerBooks, Scope
from plugins.rules.charge import Charge, ChargeRefused, Surroundings
from plugins.rules.ids import LedgerId, ProfileId, RequestId
from plugins.rules.ledger import Ledger
from plugins.rules.paying import PaymentInput, decide_payment, payment_in_flight
from plugins.rules.refusal import Refused

ACTION = Action(
    name="cfl_MakePayment",
    bound_to="cfl_billingaccount",
    parameters={
        "RequestKey": str,
        "Amount": Decimal,
        "PaymentTypeId": UUID,
        "PaymentProfileId": UUID,
        "Automatic": bool,
        "Deposit": bool,
    },
    privilege="prvCreatecfl_maymakepayment",
)


def make_payment(call: Call, outside: Outside) -> Answer:
    """Raises what `charge` raises."""
    asked = Asked(call, ACTION, nothing=NOTHING)
    try:
        wish = _wish(call)
    except Refused as refusal:
        return refuse(outside, asked, refusal)
    key = LedgerId(target_of(call))
    scope = Scope(about=About.LEDGER, key=key, profiles=True)
    charging = Charging[LedgerBooks](
        outside,
        asked,
        wish,
        Words("the billing account", "the payment", "Nothing was charged."),
        fetch=lambda: outside.books.for_ledger(scope, wish.request, wish.caller),
        decide=lambda books, around, now: _decide(outside, books, wish, around, now),
        describe=lambda books: (_described(books.ledger), {"counterfoil_billingaccount": str(key)}),
    )
    gone = ChargeRefused("record_not_found", "This billing account no longer exists. Refresh the page.")
    return charge(outside, charging, gone)


def _wish(call: Call) -> PaymentInput:
    """Raises `Refused`."""
    given = call.parameters
    profile = parameters.key(given, "PaymentProfileId")
    deposit = parameters.yes(given, "Deposit", default=False)
    return PaymentInput(
        key=checked_key(call.key),
        input_hash=call.input_hash,
        action=ACTION.name,
        caller=call.caller,
        amount=given.get("Amount"),
        profile=ProfileId(profile) if profile is not None else None,
        payment_type=parameters.key(given, "PaymentTypeId"),
        automatic=parameters.yes(given, "Automatic", default=not deposit),
        deposit=deposit,
    )


def _decide(
    outside: Outside, books: LedgerBooks, wish: PaymentInput, around: Surroundings, now: datetime
) -> Charge:
    amount = parameters.amount({"Amount": wish.amount}, books.currency)
    other = payment_in_flight(books)
    waiting = None
    if other is not None and other.request is not None:
        waiting = outside.books.request(RequestId(other.request))
    return decide_payment(books, wish, amount, around, waiting, now)


def _described(ledger: Ledger | None) -> str:
    return f"Payment of {ledger.name}" if ledger is not None else "Payment"
