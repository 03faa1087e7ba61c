"""The rows of the ledger, and of the tables around it, as plain values.

A row that came from the books carries the `etag` it was read with; a new one has none. Nothing here is ever
edited: a change is a new value made with `dataclasses.replace`, and a changeset says which became which.
The names follow the tables of the CRM without their prefix; `mappings/` says which column holds what.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from plugins.rules.ids import (
    AccountId,
    ContractId,
    CurrencyId,
    InvoiceId,
    LedgerId,
    PaymentId,
    PaymentTypeId,
    ProfileId,
    RequestId,
    TransactionId,
    UserId,
)
from plugins.rules.money import Money


@dataclass(frozen=True)
class Owner:
    """A user or a team: `kind` is `systemuser` or `team`."""

    id: UUID
    kind: str = "systemuser"


@dataclass(frozen=True, kw_only=True)
class Row:
    id: UUID
    etag: str = ""


# --- Around the ledger ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Account(Row):
    name: str
    owner: Owner


@dataclass(frozen=True, kw_only=True)
class Currency(Row):
    code: str
    """ISO 4217, `USD`."""


class ContractStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"


@dataclass(frozen=True, kw_only=True)
class Contract(Row):
    name: str
    account: AccountId | None
    profile: ProfileId | None
    status: ContractStatus


class ProfileStatus(StrEnum):
    PENDING = "pending"
    READY = "ready"
    DEACTIVATED = "deactivated"
    EXPIRED = "expired"
    FAILED = "failed"


class ProfileType(StrEnum):
    CARD = "card"
    ACH_DEBIT = "ach_debit"
    SEPA_DEBIT = "sepa_debit"


@dataclass(frozen=True, kw_only=True)
class Profile(Row):
    name: str
    account: AccountId | None
    type: ProfileType
    customer_ref: str
    method_ref: str
    expiry: str
    """`MM/YYYY`, empty for debits."""
    status: ProfileStatus


class Backend(StrEnum):
    CREDIT_CARD = "credit_card"
    ACH = "ach"
    CHECK = "check"
    CASH = "cash"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class PaymentType(Row):
    name: str
    number: int
    backend: Backend
    automatic: bool


@dataclass(frozen=True, kw_only=True)
class ClosedPeriod(Row):
    start: date
    end: date


class GatewayMode(StrEnum):
    TEST = "test"
    LIVE = "live"


@dataclass(frozen=True, kw_only=True)
class Setting(Row):
    time_zone: str
    """IANA name of the business time zone."""
    organization: str
    """The organisation these books belong to; empty while not pinned."""
    mode: GatewayMode | None
    """The gateway's mode that these books belong to; None while not pinned."""
    financial: bool
    """Whether financial periods are in use (E17-E19)."""


class InvoiceStatus(StrEnum):
    """The platform's state and status reason, as one."""

    NEW = "new"
    PARTIALLY_SHIPPED = "partially_shipped"
    BILLED = "billed"
    BOOKED = "booked"
    INSTALLED = "installed"
    CLOSED = "closed"
    PARTIAL = "partial"
    COMPLETE = "complete"
    CANCELED = "canceled"


class LedgerState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    VOID = "void"
    VOID_MIRROR = "void_mirror"


@dataclass(frozen=True, kw_only=True)
class Invoice(Row):
    """The standard invoice: what the CRM billed. None of our own money columns is ever read."""

    id: InvoiceId
    number: str
    customer: UUID
    customer_kind: str
    """`account` or `contact`."""
    currency_id: CurrencyId
    total: Money
    """What the CRM billed through its own lines."""
    status: InvoiceStatus
    contract: ContractId | None
    ledger: LedgerId | None
    ledger_state: LedgerState | None


class ChargeStatus(StrEnum):
    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Projection(Row):
    """Our columns on the invoice and its status: derived from the ledger, shown, never read back (A24)."""

    id: InvoiceId
    ledger: LedgerId
    ledger_state: LedgerState
    status: InvoiceStatus
    total: Money
    balance: Money
    amount_charged: Money
    other_payments: Money
    credits_disbursed: Money
    payments_disbursed: Money
    pending_amount: Money
    last_charge_status: ChargeStatus | None
    paid_on: date | None


# --- The ledger ------------------------------------------------------------------------------------------------


class LedgerStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Ledger(Row):
    """An account in one currency, and the lock of everything in it."""

    id: LedgerId
    name: str
    key: str
    account: AccountId
    currency_id: CurrencyId
    owner: Owner
    status: LedgerStatus
    open_invoice: InvoiceId | None
    balance: Money
    deposit_balance: Money
    undisbursed: Money
    version: int
    last_number: int
    customer_ref: str


class Operation(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"


class Stage(StrEnum):
    RESERVED = "reserved"
    PROCESSING = "processing"
    FINAL = "final"


class TransactionStatus(StrEnum):
    """Active {Pending, Succeeded}, Inactive {Failed, Cancelled} (W31, W32)."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Transaction(Row):
    """A payment transaction: one attempt at the gateway, written before money can move."""

    id: TransactionId
    operation: Operation
    invoice: InvoiceId
    ledger: LedgerId
    profile: ProfileId | None
    request: RequestId | None
    currency_id: CurrencyId
    owner: Owner
    amount: Money
    gateway_reference: str
    status: TransactionStatus
    stage: Stage
    checks: int = 0
    next_check_on: datetime | None = None
    final_on: datetime | None = None
    result: str = ""
    result_code: str = ""
    decline_code: str = ""
    advice_code: str = ""
    receipt_url: str = ""
    payment: PaymentId | None = None
    created_on: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Payment(Row):
    id: PaymentId
    number: int
    ledger: LedgerId
    payment_type: PaymentTypeId | None
    currency_id: CurrencyId
    owner: Owner
    amount: Money
    dated: date
    posting_date: date
    detail: str
    automatic: bool
    deposit: bool
    display_invoice: InvoiceId | None
    disbursed: Money
    undisbursed: Money
    refunded: Money
    is_disbursed: bool
    is_refunded: bool
    transaction: TransactionId | None
    request: RequestId | None


class Mode(StrEnum):
    AUTOMATIC = "automatic"
    MANUAL = "manual"
    CHARGE = "charge"
    REVERSAL = "reversal"
    DEPOSIT = "deposit"


@dataclass(frozen=True, kw_only=True)
class Disbursement(Row):
    """Money of one payment or credit applied to one invoice. Only active ones are ever loaded."""

    number: int
    ledger: LedgerId
    invoice: InvoiceId
    payment: PaymentId | None
    credit: UUID | None
    currency_id: CurrencyId
    owner: Owner
    amount: Money
    mode: Mode
    payment_transaction: TransactionId | None = None
    """Read only: the gateway attempt behind the payment, if any (A23)."""


class Kind(StrEnum):
    DEBIT = "debit"
    CREDIT = "credit"


@dataclass(frozen=True, kw_only=True)
class AccountTransaction(Row):
    """A debit or a credit."""

    kind: Kind
    invoice: InvoiceId | None
    gross: Money


# --- What was asked --------------------------------------------------------------------------------------------


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    PENDING = "pending"
    FAILED = "failed"


class Source(StrEnum):
    USER = "user"
    WEBHOOK = "webhook"
    SCHEDULE = "schedule"
    RUN = "run"
    API = "api"


@dataclass(frozen=True, kw_only=True)
class Request(Row):
    """The counterfoil: one row per action asked for, with its answer (I34)."""

    id: RequestId
    key: str
    action: str
    input_hash: str
    outcome: Outcome
    code: str
    message: str
    result: str
    """JSON with amounts as strings, empty while there is nothing to tell."""
    invoice: InvoiceId | None
    ledger: LedgerId | None
    transaction: TransactionId | None
    requested_by: UserId | None
    owner: Owner | None
    source: Source
    requested_by_name: str = ""
    """Read only."""
    created_on: datetime | None = None
    """Read only."""


# --- The books around one invoice --------------------------------------------------------------------------------


@dataclass(frozen=True)
class InvoiceBooks:
    """Everything a charge of one invoice depends on, read in one go, the ledgers first.

    `invoices` are the customer's invoices that may have a balance, with `invoice` itself among them;
    `debits`, `disbursements` (active ones) and `pending` (charges in flight) are those of these invoices.
    """

    invoice: Invoice
    account: Account | None = None
    ledgers: tuple[Ledger, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    contract: Contract | None = None
    profiles: tuple[Profile, ...] = ()
    debits: tuple[AccountTransaction, ...] = ()
    disbursements: tuple[Disbursement, ...] = ()
    pending: tuple[Transaction, ...] = ()
    undisbursed: tuple[Payment, ...] = ()
    payment_types: tuple[PaymentType, ...] = ()
    closed_periods: tuple[ClosedPeriod, ...] = ()
    setting: Setting | None = None
    request: Request | None = None
    """The request asked for by key (a charge) or behind the transaction (a settlement)."""
    in_progress: tuple[Request, ...] = ()
    """The requests behind the pending charges of the invoice."""
    transaction: Transaction | None = None
    """The transaction to be settled."""
    rights: frozenset[str] = frozenset()
    """What the clicking user may do with the invoice: `ReadAccess`, `WriteAccess`, …"""

    @property
    def currency(self) -> str:
        return self.invoice.total.currency

    @property
    def closed(self) -> tuple[ClosedPeriod, ...]:
        """The closed financial periods; none while periods are not in use."""
        return self.closed_periods if self.setting is not None and self.setting.financial else ()

    @property
    def ledger(self) -> Ledger | None:
        """The ledger of the invoice's customer in the invoice's currency, once it has been opened."""
        return next((each for each in self.ledgers if each.currency_id == self.invoice.currency_id), None)

    def with_ledger(self, ledger: Ledger) -> "InvoiceBooks":
        """The same with `ledger` as it is now."""
        others = tuple(each for each in self.ledgers if each.id != ledger.id)
        return replace(self, ledgers=(ledger, *others))


# --- Changes -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Create:
    row: Row


@dataclass(frozen=True)
class Update:
    """`before` became `after`; only what differs is written, under the ETag of `before`."""

    before: Row
    after: Row


@dataclass(frozen=True)
class Project:
    """Show `projection` on `invoice`. The only write that may be left out when the CRM refuses it."""

    invoice: Invoice
    projection: Projection


@dataclass(frozen=True)
class Changeset:
    """All or nothing. `ledger` is the lock and always goes first."""

    ledger: Create | Update
    writes: tuple[Create | Update, ...]
    project: Project | None = None

    @property
    def ledger_id(self) -> LedgerId:
        row = self.ledger.row if isinstance(self.ledger, Create) else self.ledger.after
        return LedgerId(row.id)
