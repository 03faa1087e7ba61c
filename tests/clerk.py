"""A clerk at work on one billing account in memory, action by action; and whatever goes on by itself afterwards."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from plugins.actions import Action, Answer, Call
from plugins.add_credit import ACTION as ADD_CREDIT
from plugins.add_credit import add_credit
from plugins.add_debit import ACTION as ADD_DEBIT
from plugins.add_debit import add_debit
from plugins.add_payment import ACTION as ADD_PAYMENT
from plugins.add_payment import add_payment
from plugins.close_invoice import ACTION as CLOSE_INVOICE
from plugins.close_invoice import close_invoice
from plugins.ports import Outside
from plugins.rules.ids import LedgerId
from plugins.rules.ledger import AccountTransaction, Invoice, Kind, Ledger, Outcome, Payment, Request
from plugins.rules.money import Money
from plugins.rules.setup import Frequency, Service, TaxRate
from tests.builders import Office, a_ledger, a_setting, an_account, named, usd

Performer = Callable[[Call, Outside], Answer]

GST = named("GST category")


class Clerk:
    """One account with one ledger, a service taxed at 13 %, one that is not, and payment types."""

    def __init__(self, **ledger: Any) -> None:
        self.office = Office()
        self.books = self.office.books
        self.books.add(
            an_account(),
            replace(a_setting(), usage_taxing=True, time_zone="UTC"),
            a_ledger(**ledger),
            Service(id=named("Calls"), name="Calls", frequency=Frequency.ONCE, tax_category=GST),
            Service(id=named("Untaxed"), name="Untaxed", frequency=Frequency.ONCE, tax_category=None),
            TaxRate(
                id=named("GST 13"),
                name="GST 13 %",
                code=None,
                category=GST,
                rate=Decimal(13),
                jurisdiction="Ontario",
                valid_from=None,
                valid_to=None,
            ),
        )

    def ask(
        self, action: Action, perform: Performer, target: UUID | None, key: str = "", **given: Any
    ) -> Answer:
        return perform(self.office.call(action.name, target, key, **given), self.office.outside)

    def done(self, action: Action, perform: Performer, target: UUID | None, **given: Any) -> Answer:
        answer = self.ask(action, perform, target, **given)
        assert answer.outcome is Outcome.DONE, answer
        return answer

    # --- What every story begins with ------------------------------------------------------------------------------

    def debit(self, amount: str, *, taxed: bool = False, ledger: UUID | None = None) -> AccountTransaction:
        """The newest debit then: on the open invoice, or on one that is made for it."""
        service = named("Calls") if taxed else named("Untaxed")
        target = ledger or self.ledger.id
        self.done(ADD_DEBIT, add_debit, target, Amount=Decimal(amount), ServiceId=service)
        return self._newest(Kind.DEBIT)

    def credit(self, amount: str, ledger: UUID | None = None) -> AccountTransaction:
        service = named("Untaxed")
        target = ledger or self.ledger.id
        self.done(ADD_CREDIT, add_credit, target, Amount=Decimal(amount), ServiceId=service)
        return self._newest(Kind.CREDIT)

    def payment(self, amount: str, ledger: UUID | None = None) -> Payment:
        given = {"Amount": Decimal(amount), "PaymentTypeId": named("Check")}
        self.done(ADD_PAYMENT, add_payment, ledger or self.ledger.id, **given)
        return self.office.payments()[-1]

    def close(self, invoice: UUID | None = None) -> Invoice:
        """The open invoice, closed."""
        key = invoice or self.ledger.open_invoice
        assert key is not None
        self.done(CLOSE_INVOICE, close_invoice, key)
        return self.books.invoice(key)

    # --- What is there ---------------------------------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        return self.ledger_of()

    def ledger_of(self, account: str = "Fabrikam Fibre") -> Ledger:
        found = self.books.rows[a_ledger(account).id]
        assert isinstance(found, Ledger)
        return found

    def entry(self, entry: AccountTransaction) -> AccountTransaction:
        """As it is now."""
        found = self.books.rows[entry.id]
        assert isinstance(found, AccountTransaction)
        return found

    def entries(self, kind: Kind, ledger: LedgerId | None = None) -> list[AccountTransaction]:
        found = [each for each in self.books.all(AccountTransaction) if each.kind is kind]
        found = [each for each in found if ledger in {None, each.ledger}]
        return sorted(found, key=lambda each: each.number)

    def payments(self) -> list[Payment]:
        return self.office.payments()

    def shown(self, invoice: Invoice | UUID | None) -> tuple[Money, Money, Money]:
        """Payments disbursed, credits disbursed and balance of an invoice."""
        key = invoice.id if isinstance(invoice, Invoice) else invoice
        assert key is not None
        shown = self.books.shown[key]
        return shown.payments_disbursed, shown.credits_disbursed, shown.balance

    def request(self, key: str) -> Request:
        found = [each for each in self.office.requests() if each.key == key]
        assert len(found) == 1
        row: Request = found[0]
        return row

    def _newest(self, kind: Kind) -> AccountTransaction:
        found: list[AccountTransaction] = self.books.all(AccountTransaction)
        return [each for each in found if each.kind is kind][-1]


def amounts(*texts: str) -> tuple[Money, ...]:
    return tuple(usd(each) for each in texts)


def midnight(text: str) -> datetime:
    day = date.fromisoformat(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
