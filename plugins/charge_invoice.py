"""Charge an invoice: any part of its balance, to the contract's payment profile or another of the customer's (W01-W39)."""

from decimal import Decimal
from uuid import UUID

from plugins.actions import Action, Answer, Call, checked_key
from plugins.charging import NOTHING, Charging, charge
from plugins.ports import Outside
from plugins.posting import Asked, target_of
from plugins.reserving import Words
from plugins.rules.books import InvoiceBooks
from plugins.rules.charge import ChargeInput, ChargeRefused, decide
from plugins.rules.ids import InvoiceId, ProfileId

ACTION = Action(
    name="cfl_ChargeInvoice",
    bound_to="invoice",
    parameters={"RequestKey": str, "Amount": Decimal, "PaymentProfileId": UUID, "ExpectedBalance": Decimal},
    privilege="prvCreatecfl_maycharge",
)


def charge_invoice(call: Call, outside: Outside) -> Answer:
    """Raises what `charge` raises."""
    wish = _wish(call)
    invoice = InvoiceId(target_of(call))
    charging = Charging[InvoiceBooks](
        outside,
        Asked(call, ACTION, call.source, nothing=NOTHING),
        wish,
        Words("the invoice", "the charge", "Nothing was charged."),
        fetch=lambda: outside.books.for_charge(invoice, wish.request, wish.caller),
        decide=lambda books, around, now: decide(books, wish, around, now),
        describe=lambda books: (
            f"Invoice {books.invoice.number}",
            {"counterfoil_invoice": str(books.invoice.id)},
        ),
    )
    gone = ChargeRefused("invoice_not_found", "This invoice no longer exists. Refresh the list of invoices.")
    return charge(outside, charging, gone)


def _wish(call: Call) -> ChargeInput:
    profile = call.parameters.get("PaymentProfileId")
    return ChargeInput(
        key=checked_key(call.key),
        input_hash=call.input_hash,
        action=ACTION.name,
        caller=call.caller,
        amount=call.parameters.get("Amount"),
        profile=ProfileId(profile) if isinstance(profile, UUID) else None,
        expected=call.parameters.get("ExpectedBalance"),
        source=call.source,
    )
