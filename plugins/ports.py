"""What the actions need from outside: the books in the CRM, the payment gateway and a clock.

The adapters in `connector/` implement these; tests implement them with scripted fakes.

Errors of the gateway::

    GatewayError
    ├── NoAnswer        nothing is known: the call may have been carried out
    └── GatewayRefused  certain: nothing was done (only ever raised where that is certain)

Errors of the books::

    BooksError
    ├── Conflict        a row changed since it was read (412), or one of the same id or key exists
    ├── BooksRefused    the CRM refuses to read, or one row of the changeset; nothing was written
    ├── NotFound        the row asked for does not exist, or the service may not see it
    └── BooksUnreachable  nothing is known: the changeset may have been written
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from plugins.rules.books import InvoiceBooks, LedgerBooks, ProfileBooks, Scope
from plugins.rules.changes import Changeset, Create, Update
from plugins.rules.ids import InvoiceId, ProfileId, RequestId, TransactionId, UserId
from plugins.rules.ledger import Ledger, Request, Transaction
from plugins.rules.money import Money
from plugins.rules.runs import (
    BatchBooks,
    Candidate,
    ChargeFilter,
    ChargeRunBooks,
    GroupBooks,
    UsageCreditJob,
    Work,
)
from plugins.rules.setup import Profile, Setting
from plugins.rules.statement import Statement


class Clock(Protocol):
    def now(self) -> datetime:
        """The current moment, aware, UTC."""
        ...


# --- The gateway ---------------------------------------------------------------------------------------------


class IntentStatus(StrEnum):
    """The closed list of Stripe's payment intent states."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CAPTURE = "requires_capture"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class MethodType(StrEnum):
    CARD = "card"
    ACH_DEBIT = "us_bank_account"
    SEPA_DEBIT = "sepa_debit"


@dataclass(frozen=True)
class Decline:
    """Why a gateway said no, in its own codes; empty strings where it gave none."""

    code: str = ""
    decline_code: str = ""
    advice_code: str = ""
    message: str = ""


ORGANISATION = "counterfoil_organization"
"""The metadata that tells whose books an intent belongs to."""


@dataclass(frozen=True)
class IntentOrder:
    """What an intent is made of. Everything in it is frozen at the gateway when the intent is created."""

    amount: Money
    customer: str
    method: str
    method_type: MethodType
    description: str
    metadata: Mapping[str, str]
    idempotency_key: str


@dataclass(frozen=True)
class Intent:
    """The truth about one payment intent, as the gateway told it just now."""

    reference: str
    status: IntentStatus
    amount: Money
    live: bool = False
    decline: Decline | None = None
    """The last error on the intent, or the one that this very answer carried."""
    receipt_url: str = ""
    created_on: datetime | None = None
    method_type: MethodType | None = None
    """What it was paid with, once that is known: on a hosted page the customer chooses."""
    metadata: Mapping[str, str] = field(default_factory=dict)


class RefundStatus(StrEnum):
    """The closed list of Stripe's refund states."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


TRANSACTION = "counterfoil_transaction"
"""The metadata that tells which payment transaction an intent, a refund or a hosted page belongs to."""
PROFILE = "counterfoil_profile"
"""The metadata that tells which payment profile a hosted page is for."""


@dataclass(frozen=True)
class RefundOrder:
    """What a refund is made of. It is one step, so it is ordered again, unchanged and under its one key, until answered."""

    intent: str
    amount: Money
    metadata: Mapping[str, str]
    idempotency_key: str


@dataclass(frozen=True)
class Refund:
    """The truth about one refund, as the gateway told it just now."""

    reference: str
    intent: str
    status: RefundStatus
    amount: Money
    reason: str = ""
    """Why it failed, in the gateway's own code."""
    metadata: Mapping[str, str] = field(default_factory=dict)


class PageStatus(StrEnum):
    """The closed list of Stripe's checkout session states."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


@dataclass(frozen=True)
class PageOrder:
    """What a hosted page is made of: the gateway's own page, where a customer enters a card or a bank account.

    With an `amount` the customer pays it there, once; without, the payment method is saved to charge it later.
    """

    customer: str
    currency: str
    method_types: tuple[MethodType, ...]
    expires_on: datetime
    """The gateway takes 30 minutes to 24 hours from now."""
    return_url: str
    """Where the customer is sent afterwards."""
    metadata: Mapping[str, str]
    """On the page, and on the intent that it makes."""
    idempotency_key: str
    amount: Money | None = None
    description: str = ""


@dataclass(frozen=True)
class Method:
    """A customer's card or bank account as the gateway keeps it: never its number."""

    reference: str
    customer: str
    type: MethodType
    brand: str
    """`Visa`, or a bank's name."""
    last4: str
    expiry: str
    """`MM/YYYY`; empty on bank accounts."""
    fingerprint: str


@dataclass(frozen=True)
class HostedPage:
    """The truth about a hosted page, as the gateway told it just now."""

    reference: str
    status: PageStatus
    url: str
    """Empty once it is not open any more."""
    expires_on: datetime
    intent: Intent | None = None
    """What the customer paid with, or is paying with; none before they tried, and none on a page that saves."""
    method: Method | None = None
    """What was saved, on a page that saves and is complete; none while a bank account still has to be verified."""
    metadata: Mapping[str, str] = field(default_factory=dict)


class GatewayError(Exception):
    """The gateway did not do what was asked, or it is not known whether it did."""


class NoAnswer(GatewayError):
    """Nothing may be concluded: time-out, broken connection, 429, 5xx, garbage, credentials refused."""


class GatewayRefused(GatewayError):
    """Certain: the call was understood and refused and nothing was done. `message` is the gateway's own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Gateway(Protocol):
    """Stripe, or a fake. `within` is how many seconds the caller waits; after that comes `NoAnswer`."""

    @property
    def live(self) -> bool:
        """Whether real money moves (a live key)."""
        ...

    def minimum(self, currency: str) -> Money | None:
        """The smallest amount that can be charged in `currency`; None when the currency cannot be charged at all."""
        ...

    def create_intent(self, order: IntentOrder, within: float) -> Intent:
        """Create an *unconfirmed* intent: no money can move. Raises `NoAnswer`, `GatewayRefused`."""
        ...

    def confirm_intent(self, reference: str, idempotency_key: str, within: float) -> Intent:
        """Confirm off-session: the call that takes money. A decline is an `Intent` with `decline`. Raises `NoAnswer`."""
        ...

    def read_intent(self, reference: str, within: float) -> Intent:
        """Raises `NoAnswer`; `GatewayRefused("resource_missing")` when the gateway does not know it."""
        ...

    def cancel_intent(self, reference: str, within: float) -> Intent:
        """Cancel, or the intent as it is when it can no longer be cancelled. Raises `NoAnswer`."""
        ...

    def unconfirmed_intents(self, older_than: datetime) -> Sequence[Intent]:
        """Intents of ours (by metadata) that still wait for confirmation and were created before `older_than`."""
        ...

    def refund(self, order: RefundOrder, within: float) -> Refund:
        """Give money back: a call that moves money. The same order again is the same refund. Raises `NoAnswer`,
        `GatewayRefused` (certain, unless the key was first used longer than a day ago).
        """
        ...

    def read_refund(self, reference: str, within: float) -> Refund:
        """Raises `NoAnswer`; `GatewayRefused("resource_missing")` when the gateway does not know it."""
        ...

    def refunds_of(self, intent: str, within: float) -> Sequence[Refund]:
        """All refunds of an intent, whoever made them. Raises `NoAnswer`."""
        ...

    def create_customer(
        self, name: str, metadata: Mapping[str, str], idempotency_key: str, within: float
    ) -> str:
        """A customer to keep payment methods for; their reference. Raises `NoAnswer`, `GatewayRefused`."""
        ...

    def open_page(self, order: PageOrder, within: float) -> HostedPage:
        """A hosted page. No money can move before a customer gets its address. Raises `NoAnswer`, `GatewayRefused`."""
        ...

    def read_page(self, reference: str, within: float) -> HostedPage:
        """Raises `NoAnswer`; `GatewayRefused("resource_missing")` when the gateway does not know it."""
        ...

    def close_page(self, reference: str, within: float) -> HostedPage:
        """Close it for good, or the page as it is when it can no longer be closed. Raises `NoAnswer`."""
        ...


# --- The books -------------------------------------------------------------------------------------------------


class BooksError(Exception):
    """The books could not be read or written as asked."""


class Conflict(BooksError):
    """Nothing was written: a row changed since it was read, or one of the same id or key exists already."""


class BooksRefused(BooksError):
    """The CRM understood and refuses: nothing was read or written. `row` is the refused row's id where it can be told."""

    def __init__(self, message: str, row: UUID | None) -> None:
        super().__init__(message)
        self.row = row


class NotFound(BooksError):
    """There is no such row, or the service may not see it."""


class BooksUnreachable(BooksError):
    """No answer, or none that can be read. What was to be written may have been."""


DELIVERY = "cfl_DeliverInvoice"
PROFILE_REQUEST = "cfl_RequestPaymentProfile"
E_MAILING = frozenset({DELIVERY, PROFILE_REQUEST})
"""The actions whose Pending requests wait for an e-mail; they are due `LONGEST_CALL` after they were written."""
LONGEST_CALL = timedelta(minutes=2)


@dataclass(frozen=True)
class Due:
    """Transactions whose next check has come, and Pending ones without one; and whose books these are."""

    setting: Setting | None
    transactions: tuple[Transaction, ...]
    ledgers: tuple[Ledger, ...] = ()
    """Those that owe an invoice its showing."""
    deliveries: tuple[Request, ...] = ()
    """Requests that promise an e-mail, are Pending, and older than any call: somebody has to carry them on."""
    unreadable: tuple[str, ...] = ()
    """What is wrong with each due row that is none of the above; those behind it wait for nobody."""
    work: tuple[Work, ...] = ()
    """Runs, batches and jobs that have not ended and whose next check has come, or that have none."""
    profiles: tuple[Profile, ...] = ()
    """Those that wait for a customer and whose next check has come, or that have none."""


class Books(Protocol):
    """The ledger in the CRM. Every method may raise `BooksUnreachable`."""

    def for_ledger(self, scope: Scope, request: RequestId | None, caller: UserId | None) -> LedgerBooks:
        """The books of one ledger in one call, as far as `scope` says; the ledger first, the caller's rights last.

        The ledger asked about is the first of `ledgers`; there is none where an account or an invoice has none yet.
        Raises `NotFound` when the row asked about is gone.
        """
        ...

    def for_charge(self, invoice: InvoiceId, request: RequestId, caller: UserId) -> InvoiceBooks:
        """The books around an invoice in one call, the ledgers first and the caller's rights last. Raises `NotFound`."""
        ...

    def for_settlement(self, transaction: Transaction) -> LedgerBooks:
        """The books of a transaction's own ledger in one call, with its request and what it is about: the invoice that
        is charged (whoever's it is now), the payment that is refunded. Raises `NotFound`.
        """
        ...

    def commit(self, changeset: Changeset) -> Mapping[UUID, str]:
        """Write all or nothing; the new ETags by row id, as far as the CRM gave them. Raises `Conflict`, `BooksRefused`."""
        ...

    def record(self, request: Request) -> None:
        """Write one request row by itself, without the lock: a refusal. Raises `Conflict` when its key is taken."""
        ...

    def request(self, request: RequestId) -> Request | None: ...

    def transaction(self, transaction: TransactionId) -> Transaction | None: ...

    def transaction_of(self, gateway_reference: str) -> Transaction | None: ...

    def due(self, now: datetime, limit: int) -> Due:
        """What has to be looked at again, the longest waiting first, in one call."""
        ...

    def for_profile(
        self, profile: ProfileId, request: RequestId | None, caller: UserId | None
    ) -> ProfileBooks:
        """What is around a payment profile, in one call. Raises `NotFound`."""
        ...

    # --- Runs, batches and jobs

    def job(self, job: UUID) -> UsageCreditJob | None: ...

    def for_group(
        self, group: UUID, run: UUID, request: RequestId | None, caller: UserId | None
    ) -> GroupBooks:
        """A billing group, and what is left of that bill run of it, in one call. Raises `NotFound`."""
        ...

    def for_batch(self, batch: UUID, request: RequestId | None, caller: UserId | None) -> BatchBooks:
        """A payment batch and what is left of it, in one call. Raises `NotFound`."""
        ...

    def for_charge_run(
        self, run: UUID, request: RequestId | None, caller: UserId | None, line: UUID | None = None
    ) -> ChargeRunBooks:
        """A charge run, what is left of it and that line of it, in one call."""
        ...

    def candidates(self, run: UUID, wanted: ChargeFilter) -> tuple[Candidate, ...]:
        """Of the invoices that the filter takes and the run has no line for, some; none when there is none.

        What an invoice shows only narrows them; what is owed is found out from its ledger.
        """
        ...

    def write(self, *changes: Create | Update) -> Mapping[UUID, str]:
        """Write rows of a run, a batch or a job, or profiles, with their request, all or nothing, under their own ETags.

        Returns the new ones by row id, as far as the CRM gave them.

        They hold no money, so no ledger is locked. Raises `Conflict`, `BooksRefused`.
        """
        ...


# --- Documents and mail ----------------------------------------------------------------------------------------


class Documents(Protocol):
    """An invoice document on paper: the same statement at the same moment is the same bytes."""

    def pdf(self, statement: Statement, now: datetime) -> bytes: ...

    def html(self, statement: Statement, letter: Sequence[str]) -> str:
        """The same as a page for an e-mail; `letter` is what stands above it, a paragraph each."""
        ...


@dataclass(frozen=True)
class Email:
    """An e-mail to an account or a contact, about an invoice or an account, with a file or without one."""

    id: UUID
    to: UUID
    regarding: UUID
    subject: str
    body: str
    """HTML."""
    filename: str = ""
    """Empty where there is no file."""
    mimetype: str = ""
    content: bytes = b""
    to_kind: str = "account"
    regarding_kind: str = "invoice"


class MailRefused(Exception):
    """Certain: the CRM did not send it, and never will. The text is the CRM's own."""


class Mail(Protocol):
    """The CRM's own e-mail. Every method may raise `BooksUnreachable`: whether it was sent is not known then."""

    def send(self, email: Email) -> None:
        """However often it is called for an id, one e-mail goes out. Raises `MailRefused`."""
        ...

    def withdraw(self, key: UUID) -> bool:
        """See to it that an e-mail which was not sent never is; False when it was sent."""
        ...


# --- Around both -----------------------------------------------------------------------------------------------


class Traffic(Protocol):
    """Who is at work on what inside this process, so that calls on one ledger queue before they conflict."""

    def turn(self, ledger: UUID, until: datetime) -> AbstractContextManager[bool]:
        """The ledger's turn, waited for until then at most; a courtesy, the ETag is the lock.

        Says whether it was waited for: what was read before is out of date then.
        """
        ...

    def in_hand(self, reference: str) -> AbstractContextManager[None]:
        """Say that this process is at work on the intent `reference`, so that its events need no look."""
        ...

    def is_in_hand(self, reference: str) -> bool: ...

    def ended(self, reference: str, *, succeeded: bool) -> None:
        """Say that the books hold the end of the intent `reference`."""
        ...

    def pause(self, attempt: int) -> None:
        """A short random wait before another attempt after a conflict."""
        ...


class Alerts(Protocol):
    def alert(self, code: str, message: str, **facts: str) -> None:
        """Something a person has to know. `code` is stable; facts are ids and amounts, never secrets."""
        ...


@dataclass(frozen=True)
class Outside:
    """Everything an action needs from outside."""

    books: Books
    gateway: Gateway
    clock: Clock
    traffic: Traffic
    alerts: Alerts
    organisation: UUID
    documents: Documents
    mail: Mail
    answer_within: float = 20.0
    """Seconds to wait for the gateway's answer to a confirmation."""
    return_url: str = ""
    """Where a customer is sent after a hosted page; empty where this installation has no public address."""
