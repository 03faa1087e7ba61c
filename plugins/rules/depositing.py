"""Deposits: money that is held, and counts towards no invoice and no balance until it is released (E122-E124, A10)."""

from dataclasses import replace

from plugins.rules.draft import Draft
from plugins.rules.ledger import Payment
from plugins.rules.placing import display_invoice
from plugins.rules.refusal import Refused


def release(draft: Draft, deposit: Payment, *, automatic: bool) -> Payment:
    """Make a deposit a regular payment, together with what was refunded of it; shown on the open invoice (E50).

    From here on it counts towards the account balance, less its refunds: all or none of these rows are deposits.
    """
    place = display_invoice(draft)
    for each in draft.payments:
        if each.refund_of == deposit.id and each.deposit:
            draft.put(replace(each, deposit=False, was_deposit=True, display_invoice=place))
    return draft.put(
        replace(deposit, deposit=False, was_deposit=True, automatic=automatic, display_invoice=place)
    )


def check_may_be_held(payment: Payment) -> None:
    """Raises `Refused` unless nothing is disbursed, refunded or displayed; what was a deposit is never one again (I29)."""
    if payment.was_deposit or payment.disbursed or payment.refunded or payment.display_invoice is not None:
        raise Refused(
            "deposit_not_possible",
            f"Payment #{payment.number} can't become a deposit any more: it was disbursed, refunded or shown on an invoice, "
            "or was a deposit before.",
        )
