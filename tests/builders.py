"""Rows with every field defaulted: a test names only what it is about."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from plugins.actions import Answer, Call
from plugins.charge_invoice import ACTION as CHARGE
from plugins.charge_invoice import charge_invoice
from plugins.check_request import ACTION as CHECK
from plugins.check_request import check_request
from plugins.make_payment import ACTION as PAY
from plugins.make_payment import make_payment
from plugins.ports import Decline, IntentStatus, Outside
from plugins.refund_payment import ACTION as REFUND
from plugins.refund_payment import refund_payment
from plugins.rules.books import InvoiceBooks
from plugins.rules.ids import (
    AccountId,
    ContractId,
    CurrencyId,
    EntryId,
    InvoiceId,
    PaymentId,
    ProfileId,
    TransactionId,
    UserId,
    ledger_id,
    ledger_key,
)
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    Invoice,
    InvoiceStatus,
    Kind,
    Ledger,
    LedgerStatus,
    Mode,
    Operation,
    Origin,
    Payment,
    Projection,
    Request,
    Stage,
    Transaction,
    TransactionStatus,
)
from plugins.rules.money import Money
from plugins.rules.row import Owner
from plugins.rules.setup import (
    Account,
    Backend,
    ClosedPeriod,
    Contract,
    ContractStatus,
    GatewayMode,
    PaymentType,
    Profile,
    ProfileStatus,
    ProfileType,
    Setting,
)
from tests.fakes.books import MemoryBooks
from tests.fakes.clock import START, ManualClock
from tests.fakes.gateway import ScriptedGateway
from tests.fakes.mail import MemoryMail, TextDocuments
from tests.fakes.surroundings import HeardAlerts, PatientTraffic

NAMESPACE = UUID("7e570000-0000-4000-8000-000000000000")
ORGANISATION = UUID("0a000000-0000-4000-8000-000000000001")
OWNER = Owner(UUID("0b000000-0000-4000-8000-000000000001"))
BILLER = UserId(UUID("0b000000-0000-4000-8000-000000000002"))


def named(name: str) -> UUID:
    """Always the same id for the same name."""
    return uuid5(NAMESPACE, name)


def usd(amount: str) -> Money:
    return Money.parse(amount, "USD")


def currency_id(code: str) -> CurrencyId:
    return CurrencyId(named(code))


def an_account(name: str = "Fabrikam Fibre") -> Account:
    return Account(id=named(name), name=name, owner=OWNER)


def a_profile(
    name: str = "Visa •••• 4242", account: str = "Fabrikam Fibre", method: str = "pm_works", **fields: Any
) -> Profile:
    given = {
        "type": ProfileType.CARD,
        "status": ProfileStatus.READY,
        "expiry": "12/2030",
        "customer_ref": "cus_1",
        "method_ref": method,
        "default_slot": str(named(account)) if fields.get("is_default") else "",
    } | fields
    return Profile(id=named(name), name=name, account=AccountId(named(account)), **given)


def a_contract(profile: Profile | None, account: str = "Fabrikam Fibre", **fields: Any) -> Contract:
    given: dict[str, Any] = {"name": "BC-1", "status": ContractStatus.ACTIVE} | fields
    key = named(f"contract of {account}")
    chosen = ProfileId(profile.id) if profile else None
    return Contract(id=key, account=AccountId(named(account)), profile=chosen, **given)


def an_invoice(
    balance: str = "100.00", number: str = "INV-1", account: str = "Fabrikam Fibre", **fields: Any
) -> Invoice:
    currency = fields.pop("currency", "USD")
    given: dict[str, Any] = {
        "customer_kind": "account",
        "status": InvoiceStatus.BILLED,
        "contract": ContractId(named(f"contract of {account}")),
        "ledger": None,
        "ledger_state": None,
    } | fields
    return Invoice(
        id=InvoiceId(named(number)),
        number=number,
        customer=named(account),
        currency_id=currency_id(currency),
        total=Money.parse(balance, currency),
        **given,
    )


def a_setting(**fields: Any) -> Setting:
    given: dict[str, Any] = {
        "time_zone": "America/New_York",
        "organization": str(ORGANISATION),
        "mode": GatewayMode.TEST,
        "financial": True,
    } | fields
    return Setting(id=named("setting"), **given)


def payment_types() -> list[PaymentType]:
    listed = [("Credit Card", 1, Backend.CREDIT_CARD), ("ACH", 2, Backend.ACH), ("Check", 3, Backend.CHECK)]
    return [
        PaymentType(id=named(name), name=name, number=number, backend=backend, automatic=False)
        for name, number, backend in listed
    ]


def a_closed_period(start: str, end: str) -> ClosedPeriod:
    return ClosedPeriod(id=named(start), start=date.fromisoformat(start), end=date.fromisoformat(end))


@dataclass
class Office:
    """A billing office in memory: books, gateway and clock, and the few things a clerk does there."""

    clock: ManualClock = field(default_factory=ManualClock)
    books: MemoryBooks = field(init=False)
    gateway: ScriptedGateway = field(init=False)
    traffic: PatientTraffic = field(init=False)
    alerts: HeardAlerts = field(default_factory=HeardAlerts)
    mail: MemoryMail = field(default_factory=MemoryMail)
    outside: Outside = field(init=False)
    keys: int = 0

    def __post_init__(self) -> None:
        self.books, self.gateway = MemoryBooks(self.clock), ScriptedGateway(self.clock)
        self.traffic = PatientTraffic(self.clock)
        self.outside = Outside(
            self.books,
            self.gateway,
            self.clock,
            self.traffic,
            self.alerts,
            ORGANISATION,
            TextDocuments(),
            self.mail,
            return_url="https://billing.example/thanks",
        )
        self.gateway.methods = {
            "pm_declines": Decline(
                "card_declined", "insufficient_funds", "", "Your card has insufficient funds."
            ),
            "pm_asks": Decline(
                "authentication_required", "authentication_required", "", "Authentication needed."
            ),
            "pm_debit": IntentStatus.PROCESSING,
        }
        self.books.names[BILLER] = "Nia Biller"
        self.books.add(a_setting(), *payment_types())

    def has(self, *invoices: Invoice, method: str = "pm_works", **profile: Any) -> None:
        """A customer with a contract, a profile on it, and these invoices."""
        card = a_profile(method=method, **profile)
        self.books.add(an_account(), card, a_contract(card), *invoices)

    def call(self, action: str, target: UUID | None, key: str = "", **parameters: Any) -> Call:
        self.keys += 1
        return Call(
            action, target, BILLER, key or f"key-{self.keys:05}", parameters, self.clock.now(), ORGANISATION
        )

    def charge(self, invoice: Invoice | str, amount: Any, key: str = "", **parameters: Any) -> Answer:
        target = invoice.id if isinstance(invoice, Invoice) else named(invoice)
        return charge_invoice(
            self.call(CHARGE.name, target, key, Amount=_decimal(amount), **parameters), self.outside
        )

    def pay(self, amount: Any, key: str = "", account: str = "Fabrikam Fibre", **parameters: Any) -> Answer:
        """A payment of the account through the gateway; its billing account is there already."""
        target = a_ledger(account).id
        return make_payment(
            self.call(PAY.name, target, key, Amount=_decimal(amount), **parameters), self.outside
        )

    def refund(self, payment: Payment, amount: Any = None, key: str = "", **parameters: Any) -> Answer:
        given = parameters if amount is None else {"Amount": _decimal(amount), **parameters}
        return refund_payment(self.call(REFUND.name, payment.id, key, **given), self.outside)

    def check(self, key: str) -> Answer:
        return check_request(self.call(CHECK.name, None, key), self.outside)

    # --- What a clerk sees ---------------------------------------------------------------------------------------

    def shown(self, number: str = "INV-1") -> Projection:
        return self.books.shown[named(number)]

    def transactions(self) -> list[Transaction]:
        return sorted(
            self.books.all(Transaction), key=lambda each: (str(each.created_on), each.gateway_reference)
        )

    def payments(self) -> list[Payment]:
        return sorted(self.books.all(Payment), key=lambda each: each.number)

    def disbursements(self) -> list[Disbursement]:
        return sorted(self.books.all(Disbursement), key=lambda each: each.number)

    def requests(self) -> list[Request]:
        return self.books.all(Request)

    def ledger(self) -> Ledger:
        found = self.books.all(Ledger)
        assert len(found) == 1
        ledger: Ledger = found[0]
        return ledger


def _decimal(amount: Any) -> Any:
    return (
        Decimal(amount)
        if isinstance(amount, str) and amount.replace(".", "").replace("-", "").isdecimal()
        else amount
    )


# --- The rest of the ledger, for rules that are asked without an office ------------------------------------------------


def a_ledger(account: str = "Fabrikam Fibre", currency: str = "USD", **fields: Any) -> Ledger:
    zero = Money.zero(currency)
    given: dict[str, Any] = {
        "status": LedgerStatus.ACTIVE,
        "open_invoice": None,
        "balance": zero,
        "deposit_balance": zero,
        "undisbursed": zero,
        "version": 1,
        "last_number": 0,
        "customer_ref": "cus_1",
    } | fields
    key = ledger_key(AccountId(named(account)), currency)
    return Ledger(
        id=ledger_id(key),
        name=f"{account} ({currency})",
        key=key,
        account=AccountId(named(account)),
        currency_id=currency_id(currency),
        owner=OWNER,
        **given,
    )


def a_transaction(
    amount: str = "100.00", name: str = "a charge", on: str = "INV-1", **fields: Any
) -> Transaction:
    money = Money.parse(amount, fields.pop("currency", "USD"))
    given: dict[str, Any] = {
        "operation": Operation.CHARGE,
        "ledger": a_ledger(currency=money.currency).id,
        "profile": named("Visa •••• 4242"),
        "request": None,
        "gateway_reference": f"pi_{name}",
        "status": TransactionStatus.PENDING,
        "stage": Stage.RESERVED,
        "created_on": START,
    } | fields
    return Transaction(
        id=TransactionId(named(name)),
        invoice=InvoiceId(named(on)),
        currency_id=currency_id(money.currency),
        owner=OWNER,
        amount=money,
        **given,
    )


def a_payment(amount: str = "100.00", name: str = "a payment", **fields: Any) -> Payment:
    """Not disbursed to anything yet, and automatic."""
    money = Money.parse(amount, fields.pop("currency", "USD"))
    given: dict[str, Any] = {
        "number": 1,
        "ledger": a_ledger(currency=money.currency).id,
        "payment_type": None,
        "dated": START.date(),
        "posting_date": START.date(),
        "detail": "",
        "automatic": True,
        "deposit": False,
        "display_invoice": None,
        "disbursed": Money.zero(money.currency),
        "undisbursed": money,
        "refunded": Money.zero(money.currency),
        "is_disbursed": False,
        "is_refunded": False,
        "transaction": None,
        "request": None,
    } | fields
    return Payment(
        id=PaymentId(named(name)),
        currency_id=currency_id(money.currency),
        owner=OWNER,
        amount=money,
        **given,
    )


def a_disbursement(amount: str, on: str = "INV-1", **fields: Any) -> Disbursement:
    """Of a payment that no gateway made, unless it says otherwise."""
    money = Money.parse(amount, fields.pop("currency", "USD"))
    given: dict[str, Any] = {
        "number": 2,
        "payment": PaymentId(named("a payment")),
        "credit": None,
        "mode": Mode.AUTOMATIC,
        "payment_transaction": None,
    } | fields
    return Disbursement(
        id=named(f"disbursement of {money} {given['number']} to {on}"),
        ledger=a_ledger(currency=money.currency).id,
        invoice=InvoiceId(named(on)),
        currency_id=currency_id(money.currency),
        owner=OWNER,
        amount=money,
        **given,
    )


def a_debit(gross: str, on: str = "INV-1", currency: str = "USD", **fields: Any) -> AccountTransaction:
    """An entry of that gross amount without tax: a debit on the invoice, unless it says otherwise."""
    money = Money.parse(gross, currency)
    zero = Money.zero(currency)
    key = EntryId(named(f"debit of {gross} on {on}"))
    given: dict[str, Any] = {
        "number": 1,
        "ledger": a_ledger(currency=currency).id,
        "kind": Kind.DEBIT,
        "origin": Origin.MANUAL,
        "net": money,
        "tax": zero,
        "gross": money,
        "dated": START.date(),
        "posting_date": START.date(),
        "service": None,
        "account_service": None,
        "detail": "",
        "period_start": None,
        "period_end": None,
        "tax_exempt": True,
        "invoice": InvoiceId(named(on)),
        "automatic": False,
        "disbursed": zero,
        "undisbursed": zero,
        "refunded": zero,
        "is_disbursed": False,
        "reverses": None,
        "reversal_key": f"own:{key}",
        "related": None,
        "request": None,
    } | fields
    return AccountTransaction(id=key, currency_id=currency_id(currency), owner=OWNER, **given)


def books_of(invoice: Invoice, **parts: Any) -> InvoiceBooks:
    """The books around an invoice: its customer has a card on a contract, and no other invoice unless it says so."""
    card = a_profile()
    given: dict[str, Any] = {
        "account": an_account(),
        "ledgers": (a_ledger(currency=invoice.total.currency),),
        "invoices": (invoice,),
        "contract": a_contract(card),
        "profiles": (card,),
        "payment_types": tuple(payment_types()),
        "setting": a_setting(),
        "rights": frozenset({"ReadAccess"}),
    } | parts
    return InvoiceBooks(invoice=invoice, **given)
