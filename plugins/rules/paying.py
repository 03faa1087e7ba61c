"""Whether an account may make a payment through the gateway, how much, with which profile, and as what (E126-E132, E138-E142).

Nothing limits the amount: what no invoice takes waits on the account (E152), or is held as a deposit.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from plugins.rules.books import LedgerBooks
from plugins.rules.charge import (
    Charge,
    ChargeInput,
    ChargeRefused,
    Surroundings,
    backend_name,
    check_environment,
    check_minimum,
    check_open_today,
    check_usable,
    in_progress,
    payment_type_for,
)
from plugins.rules.ledger import Ledger, LedgerStatus, Operation, Request, Stage, Transaction
from plugins.rules.money import Money
from plugins.rules.payment_types import BACKENDS
from plugins.rules.setup import PaymentType, Profile


@dataclass(frozen=True)
class PaymentInput(ChargeInput):
    """What was asked for. `amount` is above zero and in the account's currency."""

    payment_type: UUID | None = None
    automatic: bool = True
    deposit: bool = False


def decide_payment(
    books: LedgerBooks,
    asked: PaymentInput,
    amount: Money,
    around: Surroundings,
    waiting: Request | None,
    now: datetime,
) -> Charge:
    """The charge, or `ChargeRefused` with the first reason that a clerk should mend first.

    `waiting` is the request behind `payment_in_flight`, to tell whose it is.
    """
    if wrong := check_environment(books.setting, around):
        raise wrong
    ledger = _ledger(books)
    if "ReadAccess" not in books.rights:
        raise ChargeRefused(
            "not_permitted",
            "You can't see this billing account, so you can't make a payment on it. Ask its owner to share it with you.",
        )
    if around.minimum is None:
        raise ChargeRefused(
            "currency_not_supported",
            f"The billing account {ledger.name} is in {books.currency}, which the payment processor cannot charge.",
        )
    if ledger.status is LedgerStatus.SUSPENDED:
        raise ChargeRefused(
            "ledger_suspended",
            f"The billing account {ledger.name} is suspended. Set it to Active, then make the payment again.",
        )
    if asked.deposit and asked.automatic:
        raise ChargeRefused(
            "deposit_cannot_be_automatic",
            "A deposit does not disburse to invoices. Untick Automatic Disbursement or Deposit.",
        )
    profile = _profile(books, ledger, asked, now)
    payment_type = _payment_type(books, asked, profile)
    check_open_today(books, now)
    if (other := payment_in_flight(books)) is not None:
        raise in_progress("payment", other, waiting)
    check_minimum(amount, around.minimum)
    return Charge(amount, profile, payment_type, asked.automatic, asked.deposit)


def payment_in_flight(books: LedgerBooks) -> Transaction | None:
    """A payment of this account that awaits its answer: one at a time. A bank debit under way is not in the way (A25)."""
    ledger = _ledger(books)
    return next(
        (
            each
            for each in books.pending
            if each.ledger == ledger.id
            and each.operation is Operation.CHARGE
            and each.invoice is None
            and each.stage is not Stage.PROCESSING
        ),
        None,
    )


def _ledger(books: LedgerBooks) -> Ledger:
    if books.ledger is None:
        raise ValueError("a payment is made on a billing account")
    return books.ledger


def _profile(books: LedgerBooks, ledger: Ledger, asked: PaymentInput, now: datetime) -> Profile:
    """The one chosen, else the account's default."""
    own = [each for each in books.profiles if each.account == ledger.account]
    if asked.profile is None:
        profile = next((each for each in own if each.is_default), None)
        if profile is None:
            raise ChargeRefused(
                "no_payment_profile",
                f"The customer of {ledger.name} has no default payment profile. Choose a payment profile.",
            )
    else:
        profile = next((each for each in own if each.id == asked.profile), None)
        if profile is None:
            raise ChargeRefused(
                "profile_not_usable",
                f"The payment profile does not belong to the customer of {ledger.name}. Choose one of the customer's own.",
            )
    check_usable(profile, books, now)
    return profile


def _payment_type(books: LedgerBooks, asked: PaymentInput, profile: Profile) -> PaymentType:
    """The one chosen, else the best match on the tick with the smallest number (A20)."""
    if asked.payment_type is None:
        return payment_type_for(books, profile, automatic=asked.automatic)
    chosen = next((each for each in books.payment_types if each.id == asked.payment_type), None)
    if chosen is None:
        raise ChargeRefused("payment_type_missing", "Choose an active payment type.")
    if chosen.backend is not BACKENDS[profile.type]:
        raise ChargeRefused(
            "payment_type_not_for_profile",
            f"Payment type {chosen.name} is not for {profile.name}. Choose one with the backend "
            f"{backend_name(BACKENDS[profile.type])}, or none.",
        )
    return chosen
