"""Whether an invoice may be charged, and what is then promised in the books before money can move.

Everything that can refuse a charge is checked here and frozen in the reservation; settling refuses nothing.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from plugins.rules import ids
from plugins.rules.dates import business_date, is_closed
from plugins.rules.ids import InvoiceId, LedgerId, PaymentTypeId, ProfileId, RequestId, UserId
from plugins.rules.invoice import (
    account_balance,
    invoice_balance,
    is_void,
    projection,
    room,
    undisbursed,
    written,
)
from plugins.rules.ledger import (
    Backend,
    Changeset,
    ChargeStatus,
    ContractStatus,
    Create,
    GatewayMode,
    InvoiceBooks,
    InvoiceStatus,
    Ledger,
    LedgerStatus,
    Operation,
    Outcome,
    Owner,
    PaymentType,
    Profile,
    ProfileStatus,
    ProfileType,
    Project,
    Request,
    Setting,
    Source,
    Stage,
    Transaction,
    TransactionStatus,
    Update,
)
from plugins.rules.money import AmountError, Money

FIRST_CHECK = timedelta(seconds=60)
"""How long whoever reserved has the transaction to itself, before the sweep looks at it."""

CURRENCIES_OF_DEBITS = {ProfileType.ACH_DEBIT: "USD", ProfileType.SEPA_DEBIT: "EUR"}
BACKENDS = {
    ProfileType.CARD: Backend.CREDIT_CARD,
    ProfileType.ACH_DEBIT: Backend.ACH,
    ProfileType.SEPA_DEBIT: Backend.ACH,
}


class ChargeRefused(Exception):
    """The charge is refused and nothing was sent. `code` is stable, `message` tells a billing clerk what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class ChargeInput:
    """What was asked for. `amount` and `expected` are as they came: text, a number or nothing."""

    key: str
    input_hash: str
    action: str
    caller: UserId
    amount: object
    profile: ProfileId | None
    expected: object
    source: Source = Source.USER

    @property
    def request(self) -> RequestId:
        return ids.request_id(self.key)


@dataclass(frozen=True)
class Surroundings:
    """Where the service runs: which organisation, which mode of the gateway, and what the gateway can charge."""

    organisation: UUID
    live: bool
    minimum: Money | None
    """The smallest charge in the invoice's currency; None when the gateway cannot charge that currency."""


@dataclass(frozen=True)
class Charge:
    """A charge that may be made: what to ask the gateway for, and for whom."""

    amount: Money
    profile: Profile
    payment_type: PaymentType


def decide(books: InvoiceBooks, asked: ChargeInput, around: Surroundings, now: datetime) -> Charge:
    """The charge, or `ChargeRefused` with the first reason that a clerk should mend first."""
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
    profile = _profile(books, asked.profile, now)
    payment_type = _payment_type(books, profile)
    today = business_today(books, now)
    if is_closed(today, books.closed):
        raise ChargeRefused(
            "posting_period_closed",
            f"The financial period of {today.isoformat()} is closed. Open it or ask whoever closes periods.",
        )
    _check_nothing_in_flight(books)
    return Charge(_amount(books, asked, around.minimum), profile, payment_type)


def reserve(
    books: InvoiceBooks, asked: ChargeInput, charge: Charge, reference: str, now: datetime
) -> tuple[Changeset, InvoiceBooks]:
    """The first changeset of a charge: the promise, with the intent's id in it before money can move.

    Returns it with the books as they are once it is written.
    """
    invoice, account = books.invoice, books.account
    if account is None:
        raise ValueError("an invoice that may be charged has an account")
    before = books.ledger
    opened = before or new_ledger(books)
    transaction = Transaction(
        id=ids.transaction_id(asked.request),
        operation=Operation.CHARGE,
        invoice=invoice.id,
        ledger=opened.id,
        profile=ProfileId(charge.profile.id),
        request=asked.request,
        currency_id=invoice.currency_id,
        owner=account.owner,
        amount=charge.amount,
        gateway_reference=reference,
        status=TransactionStatus.PENDING,
        stage=Stage.RESERVED,
        next_check_on=now + FIRST_CHECK,
        created_on=now,
    )
    request = Request(
        id=asked.request,
        key=asked.key,
        action=asked.action,
        input_hash=asked.input_hash,
        outcome=Outcome.PENDING,
        code="reserved",
        message=f"The charge of {charge.amount} on invoice {invoice.number} awaits the payment processor's answer.",
        result=result_of(transaction, books, invoice.status),
        invoice=invoice.id,
        ledger=opened.id,
        transaction=None,  # it is written after this row; it names this one, and this one names it when it ends
        requested_by=asked.caller,
        owner=Owner(asked.caller),
        source=asked.source,
    )
    held = replace(books, pending=(*books.pending, transaction), transaction=transaction, request=request)
    ledger = replace(
        opened,
        version=opened.version + 1,
        balance=account_balance(held),
        undisbursed=undisbursed(held),
        customer_ref=charge.profile.customer_ref,
    )
    held = with_ledger(held, ledger)
    changeset = Changeset(
        ledger=Update(before, ledger) if before else Create(ledger),
        writes=(Create(request), Create(transaction)),
        project=Project(invoice, projection(held, ledger, ChargeStatus.PENDING, business_today(books, now))),
    )
    return changeset, held


def rejected(
    books: InvoiceBooks,
    asked: ChargeInput,
    charge: Charge,
    refusal: ChargeRefused,
    result: str,
    now: datetime,
) -> Changeset:
    """The gateway would not even take the order: a failed inactive record (W31), a failed request, no money promised."""
    reserved, held = reserve(books, asked, charge, "", now)
    transaction, request, ledger = held.transaction, held.request, held.ledger
    if transaction is None or request is None or ledger is None:
        raise ValueError("a reservation holds a transaction, a request and the ledger")
    ended = replace(
        transaction,
        gateway_reference=str(transaction.id),  # an alternate key may not stay empty
        status=TransactionStatus.FAILED,
        stage=Stage.FINAL,
        next_check_on=None,
        final_on=now,
        result=result,
        result_code=refusal.code,
    )
    told = replace(request, outcome=Outcome.FAILED, code="rejected", message=refusal.message)
    shown = projection(
        replace(held, pending=books.pending), ledger, ChargeStatus.FAILED, business_today(books, now)
    )
    return Changeset(reserved.ledger, (Create(told), Create(ended)), Project(books.invoice, shown))


def refused(
    books: InvoiceBooks | None, asked: ChargeInput, refusal: ChargeRefused, invoice: InvoiceId | None
) -> Request:
    """The row that keeps a refusal: the only thing that a refused charge writes."""
    return Request(
        id=asked.request,
        key=asked.key,
        action=asked.action,
        input_hash=asked.input_hash,
        outcome=Outcome.REFUSED,
        code=refusal.code,
        message=refusal.message,
        result="",
        invoice=books.invoice.id if books else invoice,
        ledger=LedgerId(books.ledger.id) if books and books.ledger else None,
        transaction=None,
        requested_by=asked.caller,
        owner=Owner(asked.caller),
        source=asked.source,
    )


def new_ledger(books: InvoiceBooks) -> Ledger:
    """The customer's ledger in the invoice's currency, opened on first need."""
    account, currency = books.account, books.currency
    if account is None:
        raise ValueError("a ledger belongs to an account")
    key = ids.ledger_key(ids.AccountId(account.id), currency)
    zero = Money.zero(currency)
    return Ledger(
        id=ids.ledger_id(key),
        name=f"{account.name} ({currency})",
        key=key,
        account=ids.AccountId(account.id),
        currency_id=books.invoice.currency_id,
        owner=account.owner,
        status=LedgerStatus.ACTIVE,
        open_invoice=None,
        balance=zero,
        deposit_balance=zero,
        undisbursed=zero,
        version=0,
        last_number=0,
        customer_ref="",
    )


def business_today(books: InvoiceBooks, now: datetime) -> date:
    return business_date(now, books.setting.time_zone if books.setting else "")


def with_ledger(books: InvoiceBooks, ledger: Ledger) -> InvoiceBooks:
    others = tuple(each for each in books.ledgers if each.id != ledger.id)
    return replace(books, ledgers=(ledger, *others))


def result_of(transaction: Transaction, books: InvoiceBooks, status: InvoiceStatus) -> str:
    """What `cfl_result` tells a program: JSON, amounts as strings in major units, the status as it is written."""
    shown = {
        "transaction": str(transaction.id),
        "payment": str(transaction.payment) if transaction.payment else None,
        "amount": str(transaction.amount.amount),
        "currency": transaction.amount.currency,
        "balance": str(invoice_balance(books.invoice, books.debits, books.disbursements).amount),
        "status": written(status),
    }
    return json.dumps({name: value for name, value in shown.items() if value is not None})


# --- Each reason to refuse ---------------------------------------------------------------------------------------


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
    reason = unusable(
        profile, books.currency, business_date(now, books.setting.time_zone if books.setting else "")
    )
    if reason:
        raise ChargeRefused("profile_not_usable", f"{profile.name} {reason} Choose another payment profile.")
    return profile


def unusable(profile: Profile, currency: str, today: date) -> str:
    """Why a profile cannot be charged, as the end of a sentence; empty when it can (I33)."""
    match profile.status:
        case ProfileStatus.READY:
            pass
        case ProfileStatus.PENDING:
            return "is not complete yet: the customer has not entered the details."
        case ProfileStatus.EXPIRED:
            return "has expired."
        case ProfileStatus.DEACTIVATED:
            return "is deactivated."
        case ProfileStatus.FAILED:
            return "could not be set up."
    if not profile.method_ref or not profile.customer_ref:
        return "is not known to the payment processor."
    if _expired(profile.expiry, today):
        return "has expired."
    only = CURRENCIES_OF_DEBITS.get(profile.type)
    if only is not None and only != currency:
        return f"can only be charged in {only}, not in {currency}."
    return ""


def _expired(expiry: str, today: date) -> bool:
    """A card is good to the end of the month that it shows (`MM/YYYY`)."""
    month, _, year = expiry.partition("/")
    if not (month.isdecimal() and year.isdecimal()):
        return False
    return (int(year), int(month)) < (today.year, today.month)


def _payment_type(books: InvoiceBooks, profile: Profile) -> PaymentType:
    return choose_payment_type(books.payment_types, BACKENDS[profile.type])


def choose_payment_type(
    types: Iterable[PaymentType], backend: Backend, *, automatic: bool = False
) -> PaymentType:
    """A20: of that backend, those that match the automatic-disbursement tick, else all; the smallest number."""
    fitting = [each for each in types if each.backend is backend]
    best = [each for each in fitting if each.automatic is automatic] or fitting
    if not best:
        name = {Backend.CREDIT_CARD: "Credit Card", Backend.ACH: "ACH"}.get(backend, backend.value)
        raise ChargeRefused(
            "no_payment_type",
            f"No active payment type has the backend {name}. Add one under Setup, Payment Types.",
        )
    return min(best, key=lambda each: each.number)


def payment_type_of(books: InvoiceBooks, transaction: Transaction) -> PaymentTypeId | None:
    """The payment type for the money of a transaction. Settling refuses nothing, so there may be none."""
    profile = next((each for each in books.profiles if each.id == transaction.profile), None)
    try:
        backend = BACKENDS[profile.type] if profile else Backend.CREDIT_CARD
        return PaymentTypeId(choose_payment_type(books.payment_types, backend).id)
    except ChargeRefused:
        return None


def _check_nothing_in_flight(books: InvoiceBooks) -> None:
    """One charge of an invoice at a time, but for a bank debit under way, which only takes its room (A25)."""
    waiting = [
        each
        for each in books.pending
        if each.invoice == books.invoice.id and each.stage is not Stage.PROCESSING
    ]
    if not waiting:
        return
    other = waiting[0]
    asked = next((each for each in books.in_progress if each.id == other.request), None)
    who = asked.requested_by_name if asked and asked.requested_by_name else "another user"
    since = f" since {other.created_on:%H:%M} UTC" if other.created_on else ""
    raise ChargeRefused(
        "charge_in_progress",
        f"A charge of {other.amount} by {who} is still being processed{since}. Nothing was charged.",
    )


def _amount(books: InvoiceBooks, asked: ChargeInput, minimum: Money) -> Money:
    left = room(books)
    if asked.expected is not None:
        try:
            expected = Money.parse(_number(asked.expected), books.currency)
        except AmountError:
            expected = None
        if expected != left:
            raise ChargeRefused(
                "balance_changed",
                f"The balance of invoice {books.invoice.number} is now {left} (was {expected or asked.expected}). "
                "Nothing was charged.",
            )
    try:
        amount = Money.parse(_number(asked.amount), books.currency)
    except AmountError as error:
        raise ChargeRefused("amount_invalid", f"{error}. Enter an amount such as {left.amount}.") from None
    if amount.minor <= 0:
        raise ChargeRefused("amount_invalid", "Enter an amount above zero.")
    if amount > left:
        raise ChargeRefused(
            "amount_above_balance",
            f"The amount can't be more than the balance due, {left}. Nothing was charged.",
        )
    if amount < minimum:
        raise ChargeRefused(
            "amount_below_minimum", f"The smallest amount the payment processor takes is {minimum}."
        )
    return amount


def _number(value: object) -> Decimal | str | int:
    if isinstance(value, bool) or not isinstance(value, Decimal | str | int):
        raise AmountError("The amount is missing" if value is None else f"{value!r} is not an amount")
    return value
