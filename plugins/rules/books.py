"""The books as one action needs them: what is open on a ledger, and the rows that the action is about."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self
from uuid import UUID

from plugins.rules.ids import ContactId, EntryId, InvoiceId, PaymentId
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    Invoice,
    Ledger,
    Payment,
    Request,
    Transaction,
    TransactionTax,
    UsageRecord,
)
from plugins.rules.money import Money
from plugins.rules.setup import (
    Account,
    AccountService,
    BillingGroup,
    ClosedPeriod,
    Contact,
    Contract,
    Currency,
    InvoiceTemplate,
    PaymentType,
    Profile,
    Service,
    Setting,
    TaxRate,
)


class About(StrEnum):
    """What kind of row an action is asked about: the ledger is found from it, and the user has to see it."""

    LEDGER = "ledger"
    INVOICE = "invoice"
    PAYMENT = "payment"
    ENTRY = "account_transaction"
    DISBURSEMENT = "disbursement"
    ACCOUNT = "account"
    TRANSACTION = "transaction"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which rows an action needs besides what is open on the ledger.

    Of every row named here the books hold whatever else hangs on it: of a payment or a credit its disbursements and the
    invoices they are to, of a payment its refunds, of a debit or a disbursement its invoice, of an entry its taxes, its usage, what it reverses,
    what reverses it and what it is related to, and everything that is on each of these invoices.
    """

    about: About
    key: UUID
    currency: str = ""
    """ISO code, where an account is asked about: which of its ledgers."""
    invoices: tuple[InvoiceId, ...] = ()
    payments: tuple[PaymentId, ...] = ()
    entries: tuple[EntryId, ...] = ()
    disbursements: tuple[UUID, ...] = ()
    usage: tuple[UUID, ...] = ()
    waiting: bool = False
    """With the payments and credits that no invoice displays yet."""
    newest: bool = False
    """With the account's newest invoices."""
    taxes: bool = False
    """With tax rates, the account's services, and what these and the entries on the invoices asked for are of."""
    services: tuple[UUID, ...] = ()
    """General services, with `taxes` alone: a CRM may sell tens of thousands."""
    profiles: bool = False
    groups: bool = False
    """With the billing groups."""
    templates: bool = False
    """With the invoice templates."""
    contact: ContactId | None = None
    """With this person."""
    privileges: tuple[str, ...] = ()
    """Which of these the clicking user holds."""


@dataclass(frozen=True)
class LedgerBooks:
    """What a decision about one ledger depends on, read in one go, the ledger first.

    `invoices` are the account's invoices that may have a balance, the open one, and those that the action is about;
    `entries`, `disbursements` (active ones), `payments` and `pending` hold everything that is on these invoices, with
    the sources of what is disbursed to them; and all payments and credits with money left to disburse. What else is
    there is what the action's `Scope` asked for.
    """

    account: Account | None = None
    ledgers: tuple[Ledger, ...] = ()
    """The account's, the one that is asked for among them."""
    invoices: tuple[Invoice, ...] = ()
    entries: tuple[AccountTransaction, ...] = ()
    disbursements: tuple[Disbursement, ...] = ()
    payments: tuple[Payment, ...] = ()
    pending: tuple[Transaction, ...] = ()
    """Charges in flight on these invoices, and the ledger's refunds in flight."""
    payment_types: tuple[PaymentType, ...] = ()
    closed_periods: tuple[ClosedPeriod, ...] = ()
    setting: Setting | None = None
    request: Request | None = None
    """The request asked for by key, or the one behind the transaction that is settled."""
    transaction: Transaction | None = None
    """The transaction to be settled."""
    rights: frozenset[str] = frozenset()
    """What the clicking user may do with the target: `ReadAccess`, `WriteAccess`, …"""
    privileges: frozenset[str] = frozenset()
    """Those of the privileges asked for that the clicking user holds."""
    profiles: tuple[Profile, ...] = ()
    currencies: tuple[Currency, ...] = ()
    taxes: tuple[TransactionTax, ...] = ()
    """Of the entries asked for, and of the debits on the invoices asked for."""
    tax_rates: tuple[TaxRate, ...] = ()
    services: tuple[Service, ...] = ()
    account_services: tuple[AccountService, ...] = ()
    usage: tuple[UsageRecord, ...] = ()
    """Billed on those debits, or asked for."""
    billing_groups: tuple[BillingGroup, ...] = ()
    templates: tuple[InvoiceTemplate, ...] = ()
    also_unshown: Money | None = None
    """Payments and credits that no invoice shows yet, beyond those in these books; None where it was not asked for."""
    contact: Contact | None = None
    newest: tuple[Invoice, ...] = ()
    """The account's newest invoices, to tell which is the latest; what is on them was not read."""

    @property
    def ledger(self) -> Ledger | None:
        return next(iter(self.ledgers), None)

    @property
    def currency(self) -> str:
        """ISO 4217. Raises `ValueError` for books without a ledger."""
        if self.ledger is None:
            raise ValueError("these books have no ledger")
        return self.ledger.balance.currency

    @property
    def closed(self) -> tuple[ClosedPeriod, ...]:
        """The closed financial periods; none while periods are not in use."""
        return self.closed_periods if self.setting is not None and self.setting.financial else ()

    def with_ledger(self, ledger: Ledger) -> Self:
        """The same with `ledger` as it is now."""
        others = tuple(each for each in self.ledgers if each.id != ledger.id)
        return replace(self, ledgers=(ledger, *others))

    def invoice_of(self, key: InvoiceId | None) -> Invoice | None:
        return next((each for each in self.invoices if each.id == key), None)

    def payment_of(self, key: PaymentId | None) -> Payment | None:
        return next((each for each in self.payments if each.id == key), None)

    def entry_of(self, key: EntryId | UUID | None) -> AccountTransaction | None:
        return next((each for each in self.entries if each.id == key), None)


@dataclass(frozen=True)
class InvoiceBooks(LedgerBooks):
    """The books around one invoice, which is charged: with its contract, and with who is at work on it."""

    invoice: Invoice = field(kw_only=True)
    contract: Contract | None = None
    in_progress: tuple[Request, ...] = ()
    """The requests behind the pending charges of the invoice."""

    @property
    def currency(self) -> str:
        return self.invoice.total.currency

    @property
    def ledger(self) -> Ledger | None:
        """The ledger of the invoice's customer in the invoice's currency, once it has been opened."""
        return next((each for each in self.ledgers if each.currency_id == self.invoice.currency_id), None)


@dataclass(frozen=True)
class ProfileBooks:
    """What there is around one payment profile. It holds no money, so no ledger is locked for it."""

    profile: Profile
    siblings: tuple[Profile, ...] = ()
    """The account's other ones."""
    contracts: tuple[Contract, ...] = ()
    """The active ones that name it."""
    account: Account | None = None
    contact: Contact | None = None
    """Whom the customer was asked through, if anybody."""
    setting: Setting | None = None
    request: Request | None = None
    rights: frozenset[str] = frozenset()
