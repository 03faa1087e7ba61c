"""The stage in memory: the real actions on the books that tests keep in a dictionary."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from connector.app import PERFORMERS
from connector.sync.sweep import sweep
from plugins.actions import Answer
from plugins.ports import Decline, IntentStatus
from plugins.rules.checks import WholeBooks
from plugins.rules.ids import ContractId
from plugins.rules.ledger import AccountTransaction, TransactionStatus, UsageRecord, UsageStatus
from plugins.rules.setup import BillingGroup, Delivery, Frequency, ProfileType, Service, TaxRate
from tests.builders import (
    BILLER,
    Office,
    a_closed_period,
    a_contract,
    a_ledger,
    a_profile,
    a_setting,
    an_account,
    named,
    usd,
)
from tests.examples.billing_office import Given
from tests.fakes.clock import ManualClock

TODAY = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@dataclass
class MemoryStage:
    office: Office = field(default_factory=lambda: Office(ManualClock(TODAY)))

    def __post_init__(self) -> None:
        card = PROFILES["works"]
        group = BillingGroup(
            id=named("Monthly"), name="Monthly", close_cancelled=False, delivery=Delivery.PRINT, template=None
        )
        self.office.books.add(
            replace(a_setting(), usage_taxing=True),
            an_account(),
            card,
            a_contract(card),
            a_ledger(billing_group=group.id),
            group,
            Service(id=named("Setup"), name="Setup", frequency=Frequency.ONCE, tax_category=named("Taxed")),
            Service(id=named("Untaxed"), name="Untaxed", frequency=Frequency.ONCE, tax_category=None),
            TaxRate(
                id=named("GST 13"),
                name="GST 13 %",
                code=named("GST"),
                category=named("Taxed"),
                rate=Decimal(13),
                jurisdiction="Ontario",
                valid_from=None,
                valid_to=None,
            ),
        )
        self.ledger: UUID = a_ledger().id

    def ask(self, action: str, target: UUID | None, key: str, given: dict[str, Given]) -> Answer:
        _, perform = PERFORMERS[action]
        call = self.office.call(action, target, key, **given)
        return perform(call, self.office.outside)

    def whole(self) -> WholeBooks:
        return WholeBooks.of(self.office.books.rows.values(), self.office.books.shown)

    def key_of(self, name: str) -> UUID:
        return named(name)

    def choose_contract(self, invoice: UUID, card: str | None) -> None:
        books = self.office.books
        profile = PROFILES[card] if card else None
        contract = a_contract(profile)
        books.add(contract, replace(books.invoice(invoice), contract=ContractId(contract.id)))
        if profile is not None:
            books.add(profile)

    def close_cancelled(self, option: bool) -> None:
        [group] = self.office.books.all(BillingGroup)
        self.office.books.add(replace(group, close_cancelled=option))

    def close_period(self, start: str, end: str) -> None:
        self.office.books.add(a_closed_period(start, end))

    def add_usage(self, debit: UUID) -> None:
        ledger, entry = self.office.ledger(), self.office.books.rows[debit]
        assert isinstance(entry, AccountTransaction)
        self.office.books.add(
            UsageRecord(
                id=named("a call"),
                ledger=ledger.id,
                used_on=TODAY,
                currency_id=ledger.currency_id,
                net=entry.net,
                tax=entry.tax,
                gross=entry.gross,
                service=entry.service,
                entry=entry.id,
                status=UsageStatus.BILLED,
                credit=None,
            )
        )

    def add_call(self, name: str, net: str, tax: str) -> UUID:
        ledger = self.office.ledger()
        self.office.books.add(
            UsageRecord(
                id=named(name),
                ledger=ledger.id,
                used_on=TODAY,
                currency_id=ledger.currency_id,
                net=usd(net),
                tax=usd(tax),
                gross=usd(net) + usd(tax),
                service=None,
                entry=None,
                status=UsageStatus.UNBILLED,
                credit=None,
            )
        )
        return named(name)

    def debit_ends(self) -> None:
        [debit] = [each for each in self.office.transactions() if each.status is TransactionStatus.PENDING]
        clears = debit.profile == PROFILES["bank debit"].id
        became = IntentStatus.SUCCEEDED if clears else IntentStatus.REQUIRES_PAYMENT_METHOD
        why = None if clears else Decline("payment_method_not_available", "insufficient_funds")
        self.office.gateway.become(debit.gateway_reference, became, why)
        self.office.clock.advance(days=2)
        sweep(self.office.outside)

    def sweep(self) -> None:
        self.office.clock.advance(minutes=2)
        sweep(self.office.outside)

    def may_override(self) -> None:
        self.office.books.privileges[BILLER] = frozenset({"prvCreatecfl_mayoverriderefund"})


PROFILES = {
    "works": a_profile(is_default=True),
    "declines": a_profile("Visa •••• 9995", method="pm_declines"),
    "bank debit": a_profile("ACH •••• 6789", method="pm_debit", type=ProfileType.ACH_DEBIT, expiry=""),
    "bank debit that comes back": a_profile(
        "ACH •••• 2227", method="pm_debit", type=ProfileType.ACH_DEBIT, expiry=""
    ),
}
