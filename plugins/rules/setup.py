"""Rows around the ledger that people keep: accounts, contracts, profiles, and everything under Setup.

The names follow the tables of the CRM without their prefix; `mappings/` says which column holds what.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from plugins.rules.ids import AccountId, ContactId, LedgerId, ProfileId
from plugins.rules.row import Owner, Row


@dataclass(frozen=True, kw_only=True)
class Account(Row):
    name: str
    owner: Owner
    email: str = ""
    address: str = ""
    """As it is written on an envelope, below the name; lines end in line breaks."""


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
    auto_charge: bool = False


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


class Processor(StrEnum):
    STRIPE = "stripe"


@dataclass(frozen=True, kw_only=True)
class Contact(Row):
    """A person of an account."""

    name: str
    account: UUID | None
    email: str = ""


@dataclass(frozen=True, kw_only=True)
class Profile(Row):
    """A card or a bank account at the payment processor, or the page on which its customer is asked for one."""

    name: str
    account: AccountId | None
    type: ProfileType
    customer_ref: str
    method_ref: str
    """Of one that is asked for: the page's own reference, until the customer has entered something there."""
    expiry: str
    """`MM/YYYY`, empty for debits."""
    status: ProfileStatus
    is_default: bool = False
    default_slot: str = ""
    """The account's id on its default profile, `own:` and its own on any other: an alternate key, so that there is one
    default at most."""
    processor: Processor | None = None
    contact: ContactId | None = None
    brand: str = ""
    last4: str = ""
    fingerprint: str = ""
    """The same for the same card, whoever entered it and however often."""
    request_url: str = ""
    """The address of the page while somebody may still enter a payment method there."""
    request_expires: datetime | None = None
    request_used: bool = False
    request_result: str = ""
    """What became of the request, for a clerk."""
    next_check_on: datetime | None = None
    owner: Owner | None = None
    created_on: datetime | None = None
    """Read only."""


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
    reversal_text_debit: str = ""
    """A18; `{number}` is the reversed row's. Empty: the article's own text."""
    reversal_text_credit: str = ""
    reversal_text_payment: str = ""
    payments_first: bool = False
    """A12: which undisbursed money goes first; credits unless set."""
    usage_taxing: bool = False
    """E91: whether usage is taxed record by record."""
    service_optional: bool = False
    """A31: whether a credit may do without a service."""
    default_tax_category: UUID | None = None
    """Of rows without a service."""
    default_template: UUID | None = None


class Frequency(StrEnum):
    ONCE = "once"
    RECURRING = "recurring"
    USAGE = "usage"


@dataclass(frozen=True, kw_only=True)
class Service(Row):
    """What is charged for: a product."""

    name: str
    frequency: Frequency | None
    tax_category: UUID | None


@dataclass(frozen=True, kw_only=True)
class AccountService(Row):
    """A service on an account, shown with its serial number as "#12345" (E21)."""

    name: str
    ledger: LedgerId | None
    service: UUID | None
    serial: int
    billed_on: date | None


@dataclass(frozen=True, kw_only=True)
class TaxRate(Row):
    """One tax of a service tax category: `rate` in percent, 13 means 13 %."""

    name: str
    code: UUID | None
    category: UUID | None
    rate: Decimal
    jurisdiction: str
    valid_from: date | None
    valid_to: date | None


class Delivery(StrEnum):
    NONE = "none"
    EMAIL = "email"
    PRINT = "print"


@dataclass(frozen=True, kw_only=True)
class BillingGroup(Row):
    name: str
    close_cancelled: bool
    """"close invoices on canceled accounts" (E70)."""
    delivery: Delivery | None
    template: UUID | None


@dataclass(frozen=True, kw_only=True)
class InvoiceTemplate(Row):
    name: str
    exclude_reversal: bool
    """E37: hides a reversed line and its reversal."""
    show_detail: bool
    sender_name: str
    sender_address: str
    footer: str
