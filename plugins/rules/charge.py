"""Whether an invoice may be charged, how much of it, and to which profile.

Everything that can refuse a charge is checked here and frozen in the reservation; settling refuses nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from plugins.rules.attempt import Attempt
from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.dates import business_today, is_closed
from plugins.rules.declines import excerpt
from plugins.rules.ids import ProfileId
from plugins.rules.in_flight import open_links, waiting_link
from plugins.rules.invoice import (
    is_void,
    room,
)
from plugins.rules.ledger import InvoiceStatus, LedgerStatus, Request, Stage, Transaction
from plugins.rules.money import AmountError, Money
from plugins.rules.payment_types import BACKENDS, choose_payment_type
from plugins.rules.profiles import unusable
from plugins.rules.refusal import Refused
from plugins.rules.setup import Backend, ContractStatus, GatewayMode, PaymentType, Profile, Setting


class ChargeRefused(Refused):
    """The charge is refused and nothing was sent."""


@dataclass(frozen=True)
class ChargeInput(Attempt):
    """What was asked for. `amount` and `expected` are as they came; only a number will do."""

    amount: object
    profile: ProfileId | None
    expected: object = None


@dataclass(frozen=True)
class Surroundings:
    """Where the service runs: which organisation, which mode of the gateway, and what the gateway can charge."""

    organisation: UUID
    live: bool
    minimum: Money | None
    """The smallest charge in the currency asked about; None when the gateway cannot charge that currency."""


@dataclass(frozen=True)
class Charge:
    """A charge that may be made: what to ask the gateway for, and for whom."""

    amount: Money
    profile: Profile
    payment_type: PaymentType
    automatic: bool = False
    """Whether what no invoice takes at once disburses by itself; of an invoice's charge it never does (A26)."""
    deposit: bool = False


def decide(books: InvoiceBooks, asked: ChargeInput, around: Surroundings, now: datetime) -> Charge:
    """The charge, or `ChargeRefused` with the first reason that a clerk should mend first."""
    minimum = check_invoice(books, around)
    profile = _profile(books, asked.profile, now)
    payment_type = payment_type_for(books, profile, automatic=False)
    check_open_today(books, now)
    check_nothing_in_flight(books)
    _check_expected(books, asked)
    return Charge(amount_within(books, asked.amount, minimum), profile, payment_type)


# --- Each reason to refuse ---------------------------------------------------------------------------------------


def check_invoice(books: InvoiceBooks, around: Surroundings) -> Money:
    """What the invoice must be to be paid through the gateway, however; the smallest charge. Raises `ChargeRefused`."""
    if wrong := check_environment(books.setting, around):
        raise wrong
    _check_rights(books)
    invoice = books.invoice
    if invoice.customer_kind != "account":
        raise ChargeRefused(
            "customer_not_supported",
            f"The customer of invoice {invoice.number} is a contact. Set an account as its customer, then charge it.",
        )
    if around.minimum is None:
        raise ChargeRefused(
            "currency_not_supported",
            f"Invoice {invoice.number} is in {books.currency}, which the payment processor cannot charge.",
        )
    _check_status(books)
    return around.minimum


def check_environment(pinned: Setting | None, around: Surroundings) -> ChargeRefused | None:
    """Why these books are not this service's to keep: a copied environment, or the gateway's other mode."""
    if pinned is None:
        return None
    if pinned.organization and pinned.organization.lower() != str(around.organisation):
        return ChargeRefused(
            "wrong_environment",
            "These records belong to another environment (this one is a copy). Ask your administrator to finish "
            "Counterfoil's set-up here. Nothing was charged.",
        )
    mode = GatewayMode.LIVE if around.live else GatewayMode.TEST
    if pinned.mode is not None and pinned.mode is not mode:
        return ChargeRefused(
            "wrong_environment",
            f"This environment is set to {pinned.mode} mode but the payment processor's key is for {mode} mode. "
            "Ask your administrator to correct one of them. Nothing was charged.",
        )
    return None


def _check_rights(books: InvoiceBooks) -> None:
    if "ReadAccess" not in books.rights:
        raise ChargeRefused(
            "not_permitted",
            "You can't see this invoice, so you can't charge it. Ask its owner to share it with you.",
        )


def _check_status(books: InvoiceBooks) -> None:
    invoice = books.invoice
    if is_void(invoice):
        raise ChargeRefused(
            "not_chargeable", f"Invoice {invoice.number} is cancelled, so it can't be charged."
        )
    if invoice.status is InvoiceStatus.COMPLETE:
        raise ChargeRefused("not_chargeable", f"Invoice {invoice.number} is already paid.")
    ledger = books.ledger
    if ledger is not None and ledger.status is LedgerStatus.SUSPENDED:
        raise ChargeRefused(
            "ledger_suspended",
            f"The billing account {ledger.name} is suspended. Set it to Active, then charge again.",
        )


def _profile(books: InvoiceBooks, chosen: ProfileId | None, now: datetime) -> Profile:
    """The one chosen, else the contract's; refused without one on the contract even when another exists (W02, W03)."""
    invoice, contract = books.invoice, books.contract
    if contract is None or contract.status is not ContractStatus.ACTIVE:
        raise ChargeRefused(
            "no_payment_profile",
            f"Invoice {invoice.number} has no active billing contract. Choose the contract on the invoice, then charge it.",
        )
    if contract.profile is None:
        raise ChargeRefused(
            "no_payment_profile",
            f"Billing contract {contract.name} has no payment profile. Select one on the contract, then charge the invoice.",
        )
    wanted = chosen or contract.profile
    profile = next((each for each in books.profiles if each.id == wanted), None)
    if profile is None or profile.account != invoice.customer:
        raise ChargeRefused(
            "profile_not_usable",
            f"The payment profile does not belong to the customer of invoice {invoice.number}. Choose one of the customer's own.",
        )
    check_usable(profile, books, now)
    return profile


def check_usable(profile: Profile, books: LedgerBooks, now: datetime) -> None:
    reason = unusable(profile, books.currency, business_today(books, now))
    if reason:
        raise ChargeRefused("profile_not_usable", f"{profile.name} {reason} Choose another payment profile.")


def payment_type_for(books: LedgerBooks, profile: Profile, *, automatic: bool) -> PaymentType:
    """A20. Raises `ChargeRefused` where nobody keeps one for that kind of profile."""
    backend = BACKENDS[profile.type]
    chosen = choose_payment_type(books.payment_types, backend, automatic=automatic)
    if chosen is None:
        name = backend_name(backend)
        raise ChargeRefused(
            "no_payment_type",
            f"No active payment type has the backend {name}. Add one under Setup, Payment Types.",
        )
    return chosen


def backend_name(backend: Backend) -> str:
    """As the set-up page writes it."""
    return {Backend.CREDIT_CARD: "Credit Card", Backend.ACH: "ACH"}.get(backend, backend.value.title())


def check_open_today(books: LedgerBooks, now: datetime) -> None:
    """Raises `ChargeRefused` where what is charged today could not be posted today."""
    today = business_today(books, now)
    if is_closed(today, books.closed):
        raise ChargeRefused(
            "posting_period_closed",
            f"The financial period of {today.isoformat()} is closed. Open it or ask whoever closes periods.",
        )


def check_nothing_in_flight(books: InvoiceBooks) -> None:
    """One charge of an invoice at a time, but for what only takes its room: a bank debit under way, a payment link (A25)."""
    waiting = [
        each
        for each in books.pending
        if each.invoice == books.invoice.id and each.stage is not Stage.PROCESSING and not each.is_link
    ]
    if not waiting:
        return
    asked = next((each for each in books.in_progress if each.id == waiting[0].request), None)
    raise in_progress("charge", waiting[0], asked)


def in_progress(what: str, other: Transaction, asked: Request | None) -> ChargeRefused:
    """`what` of this kind awaits its answer: how much, whose, since when."""
    who = asked.requested_by_name if asked and asked.requested_by_name else "another user"
    since = f" since {other.created_on:%H:%M} UTC" if other.created_on else ""
    return ChargeRefused(
        "charge_in_progress",
        f"A {what} of {other.amount} by {who} is still being processed{since}. Nothing was charged.",
    )


def _check_expected(books: InvoiceBooks, asked: ChargeInput) -> None:
    left = room(books)
    if asked.expected is not None:
        try:
            expected = Money.parse(_number(asked.expected), books.currency)
        except AmountError:
            expected = None
        if expected != left:
            raise ChargeRefused(
                "balance_changed",
                f"The balance of invoice {books.invoice.number} is now {left} (was {expected or excerpt(str(asked.expected))}). "
                "Nothing was charged.",
            )


def amount_within(books: InvoiceBooks, wanted: object, minimum: Money) -> Money:
    """What is wanted, as far as the invoice has room for it (A1). Raises `ChargeRefused`."""
    left = room(books)
    try:
        amount = Money.parse(_number(wanted), books.currency)
    except AmountError as error:
        raise ChargeRefused(
            "amount_invalid", f"{excerpt(str(error))}. Enter an amount such as {left.amount}."
        ) from None
    if amount.minor <= 0:
        raise ChargeRefused("amount_invalid", "Enter an amount above zero.")
    if amount > left:
        if links := open_links(books.pending, books.invoice.id):
            raise ChargeRefused(
                "amount_above_balance",
                f"The amount can't be more than what is left to ask for, {left}. {waiting_link(links[0])} Withdraw it to "
                "charge that amount.",
            )
        raise ChargeRefused(
            "amount_above_balance",
            f"The amount can't be more than the balance due, {left}. Nothing was charged.",
        )
    check_minimum(amount, minimum)
    return amount


def check_minimum(amount: Money, minimum: Money) -> None:
    if amount < minimum:
        raise ChargeRefused(
            "amount_below_minimum", f"The smallest amount the payment processor takes is {minimum}."
        )


def _number(value: object) -> Decimal | int:
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise AmountError("The amount is missing" if value is None else f"{value!r} is not an amount")
    return value
