"""A ledger with some of everything, told to any books by the real actions: the same keys make the same rows."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from plugins import (
    add_credit,
    add_debit,
    add_payment,
    close_invoice,
    delete_disbursement,
    disburse,
    reverse_transaction,
)
from plugins.actions import Action, Answer, Call
from plugins.ports import Books, Outside
from plugins.rules.checks import WholeBooks, problems
from plugins.rules.ids import CurrencyId, InvoiceId, LedgerId
from plugins.rules.ledger import (
    AccountTransaction,
    Invoice,
    LedgerState,
    Outcome,
    Payment,
    UsageRecord,
    UsageStatus,
)
from plugins.rules.money import Money
from plugins.rules.row import Row
from plugins.rules.setup import AccountService
from sandbox.crm.crm import ORGANIZATION
from sandbox.demo.story import ledger_id, row_id
from tests.contracts.promises import BILLER
from tests.contracts.stages import MemoryStage, SandboxStage
from tests.fakes.clock import ManualClock
from tests.fakes.gateway import ScriptedGateway
from tests.fakes.mail import MemoryMail, TextDocuments
from tests.fakes.surroundings import HeardAlerts, PatientTraffic

ACCOUNT = row_id("account", "Fabrikam Fibre")
LEDGER = LedgerId(ledger_id("Fabrikam Fibre", "USD"))
USD = CurrencyId(row_id("transactioncurrency", "USD"))
TAXED, UNTAXED = row_id("product", "INST-1"), row_id("product", "ADJ-0")
RATE = row_id("cfl_taxrate", "HST Ontario")
CHECK = row_id("cfl_paymenttype", "Check")
CALLS = tuple(row_id("cfl_usagerecord", f"call {number}") for number in (1, 2))
SERVED = row_id("cfl_accountservice", "Lines of Fabrikam")
DATED = datetime(2026, 11, 2, tzinfo=UTC)


Performer = Callable[[Call, Outside], Answer]


def usd(amount: str) -> Money:
    return Money.parse(amount, "USD")


@dataclass
class Clerk:
    """At work on the books of one stage. `asked` counts the keys, so that every stage is asked with the same."""

    stage: MemoryStage | SandboxStage
    alerts: HeardAlerts = field(default_factory=HeardAlerts)
    asked: int = 0

    def __post_init__(self) -> None:
        clock = ManualClock()
        self.outside = Outside(
            self.stage.books,
            ScriptedGateway(clock),
            clock,
            PatientTraffic(clock),
            self.alerts,
            ORGANIZATION.id,
            TextDocuments(),
            MemoryMail(),
        )

    def ask(self, action: Action, perform: Performer, target: UUID | None, **given: Any) -> Answer:
        self.asked += 1
        now = self.outside.clock.now()
        key = f"clerk-key-{self.asked:03}"
        return perform(Call(action.name, target, BILLER, key, given, now, ORGANIZATION.id), self.outside)

    def done(self, action: Action, perform: Performer, target: UUID | None, **given: Any) -> WholeBooks:
        answer = self.ask(action, perform, target, **given)
        assert answer.outcome is Outcome.DONE, answer
        there = self.stage.whole()
        assert problems(there) == []
        return there

    # --- What a clerk does most -------------------------------------------------------------------------------------

    def debit(self, amount: str, service: UUID = UNTAXED) -> AccountTransaction:
        given = {"Amount": Decimal(amount), "ServiceId": service, "Detail": f"Debit of {amount}"}
        return _newest(self.done(add_debit.ACTION, add_debit.add_debit, LEDGER, **given).debits)

    def credit(self, amount: str, *invoices: UUID) -> AccountTransaction:
        given: dict[str, Any] = {"Amount": Decimal(amount), "ServiceId": UNTAXED, "Date": DATED}
        if invoices:
            given["InvoiceIds"] = [str(each) for each in invoices]
        return _newest(self.done(add_credit.ACTION, add_credit.add_credit, LEDGER, **given).credits)

    def payment(self, amount: str, **given: Any) -> Payment:
        wanted = {"Amount": Decimal(amount), "PaymentTypeId": CHECK, "Automatic": False} | given
        there = self.done(add_payment.ACTION, add_payment.add_payment, LEDGER, **wanted)
        return max(there.payments, key=lambda each: (each.ledger == LEDGER, each.number))

    def disburse(self, payment: Payment, *invoices: UUID) -> None:
        given = {"PaymentId": payment.id, "InvoiceIds": [str(each) for each in invoices]}
        self.done(disburse.ACTION, disburse.disburse, None, **given)

    def take_off(self, disbursement: UUID) -> None:
        self.done(delete_disbursement.ACTION, delete_disbursement.delete_disbursement, disbursement)

    def reverse(self, entry: UUID) -> AccountTransaction:
        there = self.done(reverse_transaction.ACTION, reverse_transaction.reverse_transaction, entry)
        return next(each for each in there.entries if entry in {each.reverses, each.related})

    def close(self) -> Invoice:
        key = self.opened().id
        there = self.done(close_invoice.ACTION, close_invoice.close_invoice, key)
        return next(each for each in there.invoices if each.id == key)

    @property
    def books(self) -> Books:
        return self.stage.books

    def opened(self) -> Invoice:
        found = [
            each
            for each in self.stage.whole().invoices
            if each.ledger == LEDGER and each.ledger_state is LedgerState.OPEN
        ]
        assert len(found) == 1
        return found[0]


@dataclass
class Told:
    """The story's rows by the names that tests know them by."""

    clerk: Clerk
    phone: AccountTransaction
    """A taxed debit with a call billed on it, on `first`."""
    rent: AccountTransaction
    """A debit on `first` that was reversed on `second`."""
    undone: AccountTransaction
    """Its reversal."""
    first: Invoice
    """Closed."""
    second: Invoice
    """Open."""
    checked: Payment
    """By check, by hand: to INV-1002 and `first`, with something left."""
    held: Payment
    """A deposit."""
    goodwill: AccountTransaction
    """A credit to `first`."""
    waiting: Payment
    """Came when no invoice was open; displayed on `second` since."""


def told(stage: MemoryStage | SandboxStage) -> Told:
    set_up(stage)
    clerk = Clerk(stage)
    phone = clerk.debit("100.00", TAXED)
    rent = clerk.debit("250.00")
    stage_usage(stage, phone)
    held = clerk.payment("200.00", Deposit=True)
    checked = clerk.payment("1000.00")
    first = clerk.opened()
    goodwill = clerk.credit("30.00", first.id)
    clerk.disburse(checked, row_id("invoice", "INV-1002"), first.id)
    first = clerk.close()
    waiting = clerk.payment("12.50")
    clerk.debit("20.00")
    undone = clerk.reverse(rent.id)
    return Told(clerk, phone, rent, undone, first, clerk.opened(), checked, held, goodwill, waiting)


# --- What others keep ------------------------------------------------------------------------------------------------


def set_up(stage: MemoryStage | SandboxStage) -> None:
    """A service of the account's own."""
    if isinstance(stage, MemoryStage):
        stage.add(
            AccountService(
                id=SERVED, name="#12345", ledger=LEDGER, service=TAXED, serial=12345, billed_on=None
            )
        )
        return
    stage.seeder.add(
        "cfl_accountservice",
        {
            "cfl_accountserviceid": SERVED,
            "cfl_name": "#12345",
            "cfl_billingaccountid": LEDGER,
            "cfl_serviceid": TAXED,
            "cfl_serial": 12345,
        },
    )


def stage_usage(stage: MemoryStage | SandboxStage, billed_on: AccountTransaction) -> None:
    """Two calls: one billed on that debit, one not billed yet."""
    for key, entry in zip(CALLS, (billed_on.id, None), strict=True):
        record = UsageRecord(
            id=key,
            ledger=LEDGER,
            used_on=DATED,
            currency_id=USD,
            net=usd("1.00"),
            tax=usd("0.13"),
            gross=usd("1.13"),
            service=TAXED,
            entry=entry,
            status=UsageStatus.BILLED if entry else UsageStatus.UNBILLED,
            credit=None,
        )
        if isinstance(stage, MemoryStage):
            stage.add(record)
            continue
        stage.seeder.add(
            "cfl_usagerecord",
            {
                "cfl_usagerecordid": key,
                "cfl_name": "a call",
                "cfl_billingaccountid": LEDGER,
                "cfl_date": DATED,
                "transactioncurrencyid": USD,
                "cfl_net": record.net.amount,
                "cfl_tax": record.tax.amount,
                "cfl_gross": record.gross.amount,
                "cfl_serviceid": TAXED,
                "cfl_accounttransactionid": entry,
                "cfl_status": stage.seeder.choice("cfl_usagerecord", "cfl_status", record.status.title()),
            },
        )


def same(row: Any) -> Any:
    """Without what differs between two books that were told the same: ETags, moments, and the CRM's own numbers."""
    changed: dict[str, Any] = {"etag": ""}
    for name in row.__dataclass_fields__:
        if isinstance(getattr(row, name), datetime) and name != "used_on":
            changed[name] = None
    if isinstance(row, Invoice) and not row.number.startswith("INV-10"):
        changed |= {"number": "", "dated": None}
    return replace(row, **changed)


def _newest(entries: list[AccountTransaction]) -> AccountTransaction:
    return max(entries, key=lambda each: (each.ledger == LEDGER, each.number))


def invoice(number: str) -> InvoiceId:
    return InvoiceId(row_id("invoice", number))


def rows_of(books: Any, name: str) -> dict[UUID, Row]:
    return {each.id: same(each) for each in getattr(books, name)}
