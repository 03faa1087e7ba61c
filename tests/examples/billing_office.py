"""The billing office: what a clerk does, in the clerk's words, and the books as they are written down afterwards.

The worked examples are played in it, on a stage: the books in memory, or the local CRM over HTTP. Invoices are called I1,
I2, … in the order they were made; payments P1, P2, … and transactions D1, C2, … are counted each for themselves, as the
examples count them (a ledger gives all of them, and the disbursements, one row of numbers).
"""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from plugins.actions import Answer
from plugins.rules.checks import WholeBooks, problems, wrong_moves
from plugins.rules.invoice import oldest_first
from plugins.rules.journal import Accounts, journal
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    Invoice,
    Kind,
    Ledger,
    Outcome,
    Payment,
    Request,
)
from plugins.rules.row import Row
from tests.examples.tables import figure, written_down

Given = str | bool | int | Decimal | UUID | datetime | list[str] | None


CARDS = ("works", "declines", "bank debit", "bank debit that comes back")


class Stage(Protocol):
    """Where the office stands: one account with one ledger, and the set-up that the examples need."""

    ledger: UUID

    def ask(self, action: str, target: UUID | None, key: str, given: dict[str, Given]) -> Answer: ...

    def whole(self) -> WholeBooks:
        """Every row of the books."""
        ...

    def key_of(self, name: str) -> UUID:
        """The id of a set-up row: a service, a payment type, a tax rate."""
        ...

    def choose_contract(self, invoice: UUID, card: str | None) -> None:
        """Choose a contract of the customer on an invoice; on it one of `CARDS`, or none."""
        ...

    def close_cancelled(self, option: bool) -> None:
        """The billing group's "close invoices on canceled accounts"."""
        ...

    def close_period(self, start: str, end: str) -> None:
        """Close a financial period."""
        ...

    def add_usage(self, debit: UUID) -> None:
        """A call that is billed on the debit."""
        ...

    def add_call(self, name: str, net: str, tax: str) -> UUID:
        """A usage record that is billed nowhere."""
        ...

    def debit_ends(self) -> None:
        """Days later: the bank debit under way has an end, and the add-on has heard of it."""
        ...

    def may_override(self) -> None:
        """The clerk gets the right to change the sum of a statement refund."""
        ...

    def sweep(self) -> None:
        """What goes on by itself."""
        ...


@dataclass
class BillingOffice:
    _stage: Stage
    names: dict[UUID, str] = field(default_factory=dict)
    """Of invoices, in the order they were made."""
    _keys: int = 0
    _expected: list[str] = field(default_factory=list)
    """The code of the refusal that comes next."""
    _seen: WholeBooks | None = None

    @property
    def stage(self) -> Stage:
        """Where things happen that are not the clerk's doing: the books are read again after that."""
        self.look_again()
        return self._stage

    def look_again(self) -> None:
        """The books as they were last seen are out of date."""
        self._seen = None

    # --- Entering ------------------------------------------------------------------------------------------------------

    def add_debit(self, amount: str, *, taxed: bool = False, **given: Given) -> str:
        """13 % tax on top when `taxed`. Returns the name of the debit."""
        service = self._stage.key_of("Setup" if taxed else "Untaxed")
        self._on_ledger("cfl_AddDebit", Amount=Decimal(amount), ServiceId=service, **given)
        return self._newest_transaction()

    def add_credit(
        self,
        amount: str,
        *,
        taxed: bool = False,
        automatic: bool | None = None,
        to: Sequence[str] = (),
        **given: Given,
    ) -> str:
        """`to`: the invoices that are ticked on the form."""
        self._on_ledger(
            "cfl_AddCredit",
            Amount=Decimal(amount),
            ServiceId=self._stage.key_of("Setup" if taxed else "Untaxed"),
            Automatic=automatic,
            InvoiceIds=self._ids(to),
            **given,
        )
        return self._newest_transaction()

    def add_payment(self, amount: str, **given: Given) -> str:
        """By check, and automatic unless it says otherwise."""
        check = self._stage.key_of("Check")
        self._on_ledger("cfl_AddPayment", Amount=Decimal(amount), PaymentTypeId=check, **given)
        return f"P{len(self._payments())}"

    def adjust_tax(self, entry: str, kind: Kind, amount: str) -> str:
        self.ask(
            "cfl_AdjustTax",
            self.transaction(entry).id,
            Kind=list(Kind).index(kind),
            TaxRateId=self._stage.key_of("GST 13"),
            Amount=Decimal(amount),
        )
        return self._newest_transaction()

    # --- Invoices ------------------------------------------------------------------------------------------------------

    def bill(self, *amounts: str, taxed: bool = False) -> str:
        """An invoice of these debits, closed."""
        for amount in amounts:
            self.add_debit(amount, taxed=taxed)
        return self.close()

    def close(self, invoice: str | None = None) -> str:
        key = self.invoice(invoice).id if invoice else self.ledger.open_invoice
        assert key is not None
        self.ask("cfl_CloseInvoice", key)
        return self._name(key)

    def open(self, invoice: str) -> None:
        self.ask("cfl_OpenInvoice", self.invoice(invoice).id)

    def void(self, invoice: str) -> None:
        self.ask("cfl_VoidInvoice", self.invoice(invoice).id)

    # --- Disbursing ----------------------------------------------------------------------------------------------------

    def disburse(self, source: str, *to: str) -> None:
        which = "PaymentId" if source.startswith("P") else "CreditId"
        self.ask("cfl_Disburse", None, InvoiceIds=self._ids(to), **{which: self._source(source).id})

    def delete_disbursement(self, source: str, to: str) -> None:
        self.ask("cfl_DeleteDisbursement", self.disbursement(source, to).id)

    def save(self, source: str, **given: Given) -> None:
        """Open a payment or a credit and press Save."""
        action = "cfl_SavePayment" if source.startswith("P") else "cfl_SaveCredit"
        self.ask(action, self._source(source).id, **given)

    # --- Undoing -------------------------------------------------------------------------------------------------------

    def reverse(self, entry: str, **given: Given) -> str:
        self.ask("cfl_ReverseTransaction", self.transaction(entry).id, **given)
        return self._newest_transaction()

    def reverse_payments(self, *payments: str) -> None:
        self.ask("cfl_ReversePayments", None, PaymentIds=[str(self.payment(each).id) for each in payments])

    def refund(self, payment: str, amount: str | None = None, **given: Given) -> None:
        """`amount`: all that is left, unless it says otherwise."""
        self.ask(
            "cfl_RefundPayment",
            self.payment(payment).id,
            Amount=None if amount is None else Decimal(amount),
            **given,
        )

    def create_refund(self, *entries: str, amount: str | None = None) -> None:
        """A statement refund by check of the lines that are ticked."""
        self._on_ledger(
            "cfl_CreateRefund",
            TransactionIds=[str(self.transaction(each).id) for each in entries],
            PaymentTypeId=self._stage.key_of("Check"),
            Amount=None if amount is None else Decimal(amount),
        )

    # --- The gateway and the runs --------------------------------------------------------------------------------------

    def on_contract(self, invoice: str, card: str | None = "works") -> None:
        key = self.invoice(invoice).id
        self.stage.choose_contract(key, card)

    def charge(self, invoice: str, amount: str, key: str = "") -> Answer:
        return self._asked("cfl_ChargeInvoice", self.invoice(invoice).id, {"Amount": Decimal(amount)}, key)

    def make_payment(self, amount: str, **given: Given) -> Answer:
        return self._on_ledger("cfl_MakePayment", Amount=Decimal(amount), **given)

    def run_billing(self) -> None:
        self.ask("cfl_RunBilling", self._stage.key_of("Monthly"))
        self.stage.sweep()

    def credit_usage(self, *calls: UUID, service: str = "Setup") -> None:
        """Credit of the filtered list: the job is queued."""
        key = self._stage.key_of(service)
        self._on_ledger("cfl_CreditUsage", UsageIds=[str(each) for each in calls], ServiceId=key)

    def update_account(self, **given: Given) -> None:
        self._on_ledger("cfl_UpdateAccount", **given)

    @contextmanager
    def refusal(self, code: str, sentence: str = "") -> Iterator[None]:
        """The command within is refused under that code, and the books stay as they are (I23)."""
        before = self._whole()
        self._expected.append(code)
        yield
        assert not self._expected, "nothing was asked"
        assert posted(self._whole()) == posted(before)
        known = {each.id for each in before.requests}
        [row] = [each for each in self._whole().requests if each.id not in known]
        assert (row.outcome, row.code) == (Outcome.REFUSED, code), "a refusal is one row"
        assert sentence in {"", row.message}

    # --- What there is to see ------------------------------------------------------------------------------------------

    def shows(self, expected: str) -> None:
        """The books are as written: the balances, the invoices and the sources, and they hold by every invariant."""
        assert self.written() == textwrap.dedent(expected).strip()
        assert problems(self.books()) == []

    def written(self) -> str:
        return written_down(self.books(), self._name)

    def books(self) -> WholeBooks:
        """This ledger's part of them."""
        return _of(self._whole(), self._stage.ledger)

    def _whole(self) -> WholeBooks:
        if self._seen is None:
            self._seen = self._stage.whole()
        return self._seen

    @property
    def ledger(self) -> Ledger:
        [ledger] = self.books().ledgers
        return ledger

    @property
    def balance(self) -> str:
        return figure(self.ledger.balance)

    def accounts(self) -> Accounts:
        return journal(self.books(), self.ledger)

    def invoice(self, name: str) -> Invoice:
        return next(each for each in self.books().invoices if self._name(each.id) == name)

    def payment(self, name: str) -> Payment:
        return self._payments()[int(name[1:]) - 1]

    def transaction(self, name: str) -> AccountTransaction:
        found = self._transactions()[int(name[1:]) - 1]
        assert found.kind is (Kind.DEBIT if name[0] == "D" else Kind.CREDIT), f"{name} is a {found.kind}"
        return found

    def disbursement(self, source: str, to: str) -> Disbursement:
        keys = (self._source(source).id, self.invoice(to).id)
        return next(
            each for each in self.books().disbursements if (each.payment or each.credit, each.invoice) == keys
        )

    def last_request(self) -> Request:
        return self._whole().requests[-1]

    # --- Inside --------------------------------------------------------------------------------------------------------

    def _on_ledger(self, action: str, **given: Given) -> Answer:
        return self._asked(action, self._stage.ledger, given)

    def ask(self, action: str, target: UUID | None, **given: Given) -> Answer:
        """Any action with any parameters."""
        return self._asked(action, target, given)

    def _asked(self, action: str, target: UUID | None, given: Mapping[str, Given], key: str = "") -> Answer:
        self._keys += 1
        before = self.books()
        self.look_again()
        answer = self._stage.ask(
            action,
            target,
            key or f"step-{self._keys:06}",
            {name: value for name, value in given.items() if value is not None},
        )
        assert wrong_moves(before, self.books()) == []
        if self._expected:
            assert (answer.outcome, answer.code) == (Outcome.REFUSED, self._expected.pop()), answer
        elif action != "cfl_ChargeInvoice":
            assert answer.outcome is Outcome.DONE, answer
        return answer

    def _ids(self, invoices: Sequence[str]) -> list[str] | None:
        return [str(self.invoice(each).id) for each in invoices] or None

    def _source(self, name: str) -> Payment | AccountTransaction:
        return self.payment(name) if name.startswith("P") else self.transaction(name)

    def _payments(self) -> list[Payment]:
        return sorted(self.books().payments, key=lambda each: each.number)

    def _transactions(self) -> list[AccountTransaction]:
        return sorted(self.books().entries, key=lambda each: each.number)

    def _newest_transaction(self) -> str:
        return self._name(self._transactions()[-1].id) if self._transactions() else ""

    def _name(self, key: UUID) -> str:
        for place, payment in enumerate(self._payments(), 1):
            if payment.id == key:
                return f"P{place}"
        for place, entry in enumerate(self._transactions(), 1):
            if entry.id == key:
                return f"{'D' if entry.kind is Kind.DEBIT else 'C'}{place}"
        for invoice in sorted(self.books().invoices, key=oldest_first):
            self.names.setdefault(invoice.id, f"I{len(self.names) + 1}")
        return self.names[key]


def posted(books: WholeBooks) -> list[Sequence[Row]]:
    """Every row but those that say what was asked."""
    return [
        books.ledgers,
        books.invoices,
        books.entries,
        books.taxes,
        books.payments,
        books.disbursements,
        books.removed,
        books.transactions,
        books.usage,
    ]


def _of(books: WholeBooks, ledger: UUID) -> WholeBooks:
    return books.of_ledger(next(each for each in books.ledgers if each.id == ledger))


def day(text: str) -> datetime:
    """A date as the CRM sends it: midnight UTC."""
    at = date.fromisoformat(text)
    return datetime(at.year, at.month, at.day, tzinfo=UTC)
