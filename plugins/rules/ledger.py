"""The rows of the ledger, and the invoices it is shown on, as plain values.

The names follow the tables of the CRM without their prefix; `mappings/` says which column holds what.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from plugins.rules.ids import (
    AccountId,
    ContractId,
    CurrencyId,
    EntryId,
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
from plugins.rules.row import Owner, Row


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


class ChargeStatus(StrEnum):
    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Invoice(Row):
    """The standard invoice: what the CRM billed. No rule reads money from our own columns on it."""

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
    name: str = ""
    dated: date | None = None
    """When it was made: the oldest is paid first (A13)."""
    owner: Owner | None = None
    paid_on: date | None = None
    last_charge_status: ChargeStatus | None = None
    previous_balance: Money | None = None
    """With `total_due` the statement's tokens, frozen at close (A29); shown, and no rule's business."""
    total_due: Money | None = None
    opened_on: datetime | None = None
    closed_on: datetime | None = None
    delivered_on: datetime | None = None
    voids: InvoiceId | None = None
    """On a void mirror: the invoice it mirrors (A14)."""
    template: UUID | None = None
    bill_run: UUID | None = None


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
    payments_issued: Money
    """Shown on it, disbursed to it or not (E66)."""
    credits_issued: Money
    last_charge_status: ChargeStatus | None
    paid_on: date | None
    previous_balance: Money | None
    total_due: Money | None
    opened_on: datetime | None
    closed_on: datetime | None
    delivered_on: datetime | None
    voids: InvoiceId | None
    template: UUID | None
    bill_run: UUID | None


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
    billing_group: UUID | None = None
    tax_exempt: bool = False
    cancelled_on: date | None = None
    to_show: str = ""
    """Ids of invoices whose columns the CRM did not let us write yet, separated by spaces: they are shown later."""


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
    """A payment transaction: one attempt at the gateway, written before money can move.

    Everything that its end will need is in it from the first write: whoever settles it has nothing else.
    """

    id: TransactionId
    operation: Operation
    invoice: InvoiceId | None
    """The invoice that is charged; none where the account pays, and none on a refund."""
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
    """What it became: a payment, or for a refund the negative one."""
    created_on: datetime | None = None
    automatic: bool = False
    deposit: bool = False
    payment_type: PaymentTypeId | None = None
    parent: TransactionId | None = None
    """On a refund: the charge that is refunded."""
    refunded_payment: PaymentId | None = None
    """On a refund: the payment that is refunded."""
    link_url: str = ""
    """On a payment link: where the customer pays, as long as they can."""
    link_expires_on: datetime | None = None
    """On a payment link, and on nothing else. Until it is paid, `gateway_reference` is the page's."""

    @property
    def is_link(self) -> bool:
        """Whether it is the customer who pays, on a page of the gateway's own."""
        return self.link_expires_on is not None


class RefundMode(StrEnum):
    """How a negative payment came to be."""

    REFUND = "refund"
    REVERSAL = "reversal"
    CARD_REFUND = "card_refund"
    STATEMENT_REFUND = "statement_refund"


class CardType(StrEnum):
    VISA = "visa"
    MASTERCARD = "mastercard"
    AMERICAN_EXPRESS = "american_express"
    DISCOVER = "discover"
    DINERS_CLUB = "diners_club"
    JCB = "jcb"
    UNIONPAY = "unionpay"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Payment(Row):
    """Money received; negative for a refund or a reversal, and then it names what it takes back."""

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
    """Not applied and not given back; of a deposit, what is held."""
    refunded: Money
    is_disbursed: bool
    is_refunded: bool
    transaction: TransactionId | None
    request: RequestId | None
    was_deposit: bool = False
    refund_of: PaymentId | None = None
    refund_mode: RefundMode | None = None
    check_number: str = ""
    card_type: CardType | None = None


class Mode(StrEnum):
    AUTOMATIC = "automatic"
    MANUAL = "manual"
    CHARGE = "charge"
    REVERSAL = "reversal"
    DEPOSIT = "deposit"


class RemovedReason(StrEnum):
    DELETED = "deleted"
    REVERSAL = "reversal"
    REFUND = "refund"
    VOID = "void"
    REPLACED = "replaced"


class DisbursementStatus(StrEnum):
    ACTIVE = "active"
    REMOVED = "removed"


@dataclass(frozen=True, kw_only=True)
class Disbursement(Row):
    """Money of one payment or credit applied to one invoice. Only active ones are ever loaded."""

    number: int
    ledger: LedgerId
    invoice: InvoiceId
    payment: PaymentId | None
    credit: EntryId | None
    currency_id: CurrencyId
    owner: Owner
    amount: Money
    mode: Mode
    status: DisbursementStatus = DisbursementStatus.ACTIVE
    removed_reason: RemovedReason | None = None
    payment_transaction: TransactionId | None = None
    """Read only: the gateway attempt behind the payment, if any (A23)."""


class Kind(StrEnum):
    DEBIT = "debit"
    CREDIT = "credit"


class Origin(StrEnum):
    MANUAL = "manual"
    BILLING = "billing"
    USAGE = "usage"
    REVERSAL = "reversal"
    VOID = "void"
    TAX_ADJUSTMENT = "tax_adjustment"
    USAGE_CREDIT = "usage_credit"
    STATEMENT_REFUND = "statement_refund"


@dataclass(frozen=True, kw_only=True)
class AccountTransaction(Row):
    """An entry of the ledger: a debit or a credit. Its amounts are negative where it reverses one of its own kind."""

    id: EntryId
    number: int
    ledger: LedgerId
    kind: Kind
    origin: Origin
    currency_id: CurrencyId
    owner: Owner
    net: Money
    tax: Money
    gross: Money
    dated: date
    posting_date: date
    service: UUID | None
    account_service: UUID | None
    detail: str
    period_start: date | None
    period_end: date | None
    tax_exempt: bool
    invoice: InvoiceId | None
    """A debit: the invoice it is on. A credit: the invoice it is displayed on, which changes no balance (E67)."""
    automatic: bool
    disbursed: Money
    undisbursed: Money
    refunded: Money
    is_disbursed: bool
    reverses: EntryId | None
    reversal_key: str
    """The id of the reversed row, else `own:` and its own: an alternate key, so that a row is reversed at most once (E32)."""
    related: EntryId | None
    """The row a tax adjustment or a refund is about; of a reversal credit, the debit whose invoice it is for."""
    request: RequestId | None


@dataclass(frozen=True, kw_only=True)
class TransactionTax(Row):
    """One tax of an entry, as it was calculated: never calculated again (A14)."""

    ledger: LedgerId
    entry: EntryId
    tax_rate: UUID | None
    rate: Decimal
    """Percent."""
    base: Money
    amount: Money
    jurisdiction: str
    currency_id: CurrencyId
    owner: Owner


class UsageStatus(StrEnum):
    UNBILLED = "unbilled"
    BILLED = "billed"
    CREDITED = "credited"


@dataclass(frozen=True, kw_only=True)
class UsageRecord(Row):
    """A usage detail record: a call, a message, some data."""

    ledger: LedgerId
    used_on: datetime
    currency_id: CurrencyId
    net: Money
    tax: Money
    gross: Money
    service: UUID | None
    entry: EntryId | None
    """The debit it is billed on."""
    status: UsageStatus
    credit: EntryId | None


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
