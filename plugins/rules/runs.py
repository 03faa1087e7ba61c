"""Rows of what is carried out piece by piece: bill runs, payment batches, usage credit jobs; and of statement refunds.

Each run, job or batch has a next check until it has ended, so that the sweep goes on with what somebody began.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID, uuid5

from plugins.rules.ids import (
    NAMESPACE,
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
from plugins.rules.ledger import CardType, Ledger, Request, Transaction
from plugins.rules.money import Money
from plugins.rules.row import Owner, Row
from plugins.rules.setup import BillingGroup, Setting

# --- Statement refunds -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class StatementRefund(Row):
    """Money given back for chosen debits (E175-E181); seen by those who may view refunds."""

    ledger: LedgerId
    currency_id: CurrencyId
    owner: Owner
    amount: Money
    payment_type: PaymentTypeId | None
    dated: date
    request: RequestId | None


@dataclass(frozen=True, kw_only=True)
class StatementRefundLine(Row):
    """What of one debit was given back, and the credit that says so."""

    name: str
    refund: UUID
    entry: EntryId
    currency_id: CurrencyId
    owner: Owner
    net: Money
    tax: Money
    gross: Money
    credit: EntryId | None


# --- Usage credit jobs -------------------------------------------------------------------------------------------


class JobStatus(StrEnum):
    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class UsageCreditJob(Row):
    """Usage records to be credited, as they were chosen when the button was pressed (E88, A22)."""

    ledger: LedgerId
    currency_id: CurrencyId
    owner: Owner
    service: UUID | None
    status: JobStatus
    usage_ids: str
    """The frozen list: ids of usage records, separated by spaces."""
    count: int
    """How many were eligible when it was queued, and what they came to."""
    net: Money
    tax: Money
    gross: Money
    credited: int = 0
    skipped: int = 0
    credit: EntryId | None = None
    message: str = ""
    next_check_on: datetime | None = None
    request: RequestId | None = None


class ItemOutcome(StrEnum):
    PLANNED = "planned"
    CREDITED = "credited"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class UsageCreditItem(Row):
    """What became of one usage record of a job."""

    name: str
    job: UUID
    usage: UUID
    currency_id: CurrencyId
    owner: Owner
    net: Money
    tax: Money
    outcome: ItemOutcome
    reason: str = ""


# --- Bill runs -----------------------------------------------------------------------------------------------------


class RunStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class BillRun(Row):
    group: UUID
    start: date | None
    end: date | None
    owner: Owner
    status: RunStatus
    invoiced: int = 0
    closed: int = 0
    skipped: int = 0
    failed: int = 0
    next_check_on: datetime | None = None
    request: RequestId | None = None


class LineOutcome(StrEnum):
    PLANNED = "planned"
    INVOICED = "invoiced"
    CLOSED = "closed"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class BillRunLine(Row):
    """What a bill run did with one billing account; its id is made from both, so there is one."""

    name: str
    run: UUID
    ledger: LedgerId
    owner: Owner
    outcome: LineOutcome
    invoice: InvoiceId | None = None
    reason: str = ""
    """Why it was skipped or failed, or why its invoice could not be delivered."""


# --- Payment batches -----------------------------------------------------------------------------------------------


class BatchStatus(StrEnum):
    ENTERED = "entered"
    POSTING = "posting"
    POSTED = "posted"


@dataclass(frozen=True, kw_only=True)
class PaymentBatch(Row):
    """Payments that people entered together, to be posted together (E113)."""

    name: str
    owner: Owner
    status: BatchStatus | None
    """None: nobody has posted it yet."""
    next_check_on: datetime | None = None
    request: RequestId | None = None


class Posting(StrEnum):
    """What became of a line of a batch."""

    ENTERED = "entered"
    POSTED = "posted"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class PaymentBatchLine(Row):
    """One payment of a batch, as it was entered; people may correct it until it is posted."""

    batch: UUID
    ledger: LedgerId
    amount: Money
    dated: date | None
    posting_date: date | None
    payment_type: PaymentTypeId | None
    detail: str
    check_number: str
    card_type: CardType | None
    automatic: bool
    invoice_numbers: str
    """Of "Paying Invoices": numbers, separated by commas."""
    outcome: Posting | None
    """None: entered."""
    reason: str = ""
    payment: PaymentId | None = None
    created_on: datetime | None = None
    """Read only: lines are posted in the order in which they were entered."""


# --- Charge runs ---------------------------------------------------------------------------------------------------


class ChargeRunStatus(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class ChargeRun(Row):
    """Invoices to be charged one after the other. What became of each line is counted in the same changeset."""

    owner: Owner
    status: ChargeRunStatus
    filter: str
    planned_on: datetime | None = None
    """None while its plan is being made."""
    plan_hash: str = ""
    started_by: UserId | None = None
    """On whose behalf its lines are charged."""
    planned: int = 0
    skipped: int = 0
    succeeded: int = 0
    failed: int = 0
    pending: int = 0
    totals: str = ""
    """What its lines come to, per outcome and currency, for people."""
    message: str = ""
    """Why it stopped by itself."""
    next_check_on: datetime | None = None
    """None when there is nothing to do until somebody starts it; while somebody is at it, when they are given up."""
    request: RequestId | None = None
    """That planned it."""
    name: str = ""
    """Read only."""


class ChargeOutcome(StrEnum):
    PLANNED = "planned"
    SKIPPED = "skipped"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PENDING = "pending"


@dataclass(frozen=True, kw_only=True)
class ChargeRunLine(Row):
    """One invoice of a charge run: what is to be charged, and what became of it. Its id is made from both."""

    name: str
    run: UUID
    invoice: InvoiceId
    currency_id: CurrencyId | None
    owner: Owner
    amount: Money | None
    """The room that the invoice had; none where it was left out of the plan."""
    profile: ProfileId | None
    outcome: ChargeOutcome
    reason: str = ""
    code: str = ""
    transaction: TransactionId | None = None


@dataclass(frozen=True)
class ChargeFilter:
    """Which invoices a charge run is planned over."""

    billing_group: UUID | None = None
    currency: str = ""
    dated_to: date | None = None
    auto_charge: bool = False
    """Only those whose contract says that they are charged by themselves."""
    invoices: tuple[InvoiceId, ...] = ()
    """Only these, whatever they show; empty for all that may have a balance."""
    at_most: Money | None = None


@dataclass(frozen=True)
class Candidate:
    """An invoice that a run has no line for yet."""

    invoice: InvoiceId
    number: str


Tallies = Mapping[tuple[ChargeOutcome, str], tuple[int, int]]
"""How many lines have an outcome in a currency, and what they come to in minor units; no currency: no amount."""


# --- What their actions read ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class GroupBooks:
    """A billing group and what is left of a bill run of it; the ledgers themselves are read one by one."""

    group: BillingGroup
    run: BillRun | None
    ledgers: tuple[Ledger, ...] = ()
    """Of the group's billing accounts that the run has no line for, some; none when it has one for each."""
    undelivered: tuple[tuple[InvoiceId, BillRunLine], ...] = ()
    """Of the invoices that the run closed, some that were not delivered, each with the account's line; none whose line
    gives a reason."""
    counts: Mapping[LineOutcome, int] = field(default_factory=dict)
    """The run's lines."""
    setting: Setting | None = None
    request: Request | None = None
    rights: frozenset[str] = frozenset()
    """What the clicking user may do with the group."""


@dataclass(frozen=True, kw_only=True)
class BatchBooks:
    """A payment batch and what is left of it."""

    batch: PaymentBatch
    entered: tuple[PaymentBatchLine, ...] = ()
    """Of the lines to be posted, some; none when there is none."""
    failed: tuple[PaymentBatchLine, ...] = ()
    """Of the lines that failed, some; none when there is none."""
    counts: Mapping[Posting, int] = field(default_factory=dict)
    setting: Setting | None = None
    request: Request | None = None
    rights: frozenset[str] = frozenset()
    """What the clicking user may do with the batch."""


@dataclass(frozen=True, kw_only=True)
class ChargeRunBooks:
    """A charge run and what is left of it."""

    run: ChargeRun | None
    planned: tuple[ChargeRunLine, ...] = ()
    """Of the lines to be charged, the first; none when there is none."""
    ended: tuple[tuple[ChargeRunLine, Transaction], ...] = ()
    """Of the lines whose transaction has ended otherwise than they say, some, each with it."""
    line: ChargeRunLine | None = None
    """The one that was asked for."""
    tallies: Tallies = field(default_factory=dict)
    setting: Setting | None = None
    request: Request | None = None
    rights: frozenset[str] = frozenset()
    """What the clicking user may do with the run."""


Work = UsageCreditJob | BillRun | PaymentBatch | ChargeRun
"""What the sweep carries on until it has ended."""


def run_id(request: RequestId) -> UUID:
    """A request begins one bill run."""
    return uuid5(NAMESPACE, f"bill run:{request}")


def run_line_id(run: UUID, ledger: LedgerId) -> UUID:
    """A bill run has one line for an account."""
    return uuid5(NAMESPACE, f"bill run line:{run}:{ledger}")


def charge_run_id(request: RequestId) -> UUID:
    """A request plans one charge run."""
    return uuid5(NAMESPACE, f"charge run:{request}")


def charge_line_id(run: UUID, invoice: InvoiceId) -> UUID:
    """A charge run has one line for an invoice."""
    return uuid5(NAMESPACE, f"charge run line:{run}:{invoice}")


def charge_line_key(line: UUID) -> str:
    """The one key under which a line is charged: whoever asks with it learns what became of the line."""
    return f"run-{line}"


def item_id(job: UUID, usage: UUID) -> UUID:
    """A job has one item for a usage record."""
    return uuid5(NAMESPACE, f"usage credit:{job}:{usage}")


def batch_payment_id(line: UUID) -> PaymentId:
    """A line of a batch becomes one payment."""
    return PaymentId(uuid5(NAMESPACE, f"batch line:{line}"))
