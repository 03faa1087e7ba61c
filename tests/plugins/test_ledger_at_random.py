"""Every command of the ledger in any order, legal or not: the invariants hold after each, and a refusal changes nothing.

Amounts beyond every limit and commands that must be refused are drawn on purpose (I23). The commands go through the
same actions that the CRM calls; the books are in memory. A shorter one runs against the local CRM
(tests/scenarios/test_ledger_at_random_over_http.py).
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from plugins.actions import Answer
from plugins.rules.checks import WholeBooks, problems, wrong_moves
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    Invoice,
    Outcome,
    Payment,
)
from plugins.rules.row import Row
from tests.ledger_office import LedgerOffice

AMOUNTS = st.one_of(
    st.sampled_from(
        ["0.01", "10.00", "33.33", "100.00", "113.00", "0.00", "-5.00", "0.001", "500.00", "99999999.99"]
    ),
    st.decimals("0.01", "250", places=2).map(str),
)
PICK = st.integers(0, 10_000)
YES = st.booleans()
MAYBE = st.sampled_from([None, True, False])
DAYS = st.sampled_from([None, -40, -3, 0, 2])


class Desk(Protocol):
    """Where commands are carried out, and what came of them."""

    def do(self, command: str, **given: Any) -> tuple[str, Answer]: ...
    def again(self, key: str) -> Answer: ...
    def whole(self) -> WholeBooks: ...
    def advance(self, days: int) -> None: ...
    def add_usage(self, debit: AccountTransaction) -> None: ...


class LedgerAtRandom(RuleBasedStateMachine):
    """Rows are drawn by a number, modulo how many there are, so that shrinking keeps its grip."""

    desk: Desk

    def open_desk(self, exempt: bool, payments_first: bool) -> Desk:
        return LedgerOffice(tax_exempt=exempt, payments_first=payments_first)

    @initialize(exempt=YES, payments_first=YES)
    def open_the_office(self, exempt: bool, payments_first: bool) -> None:
        self.desk = self.open_desk(exempt, payments_first)
        self.before = self._whole()
        self.answered: list[tuple[str, Answer]] = []

    # --- Entering -----------------------------------------------------------------------------------------------------

    @rule(amount=AMOUNTS, exempt=MAYBE, posted=DAYS)
    def add_debit(self, amount: str, exempt: bool | None, posted: int | None) -> None:
        self._do("add_debit", amount=amount, exempt=exempt, posted=posted)

    @rule(amount=AMOUNTS, exempt=MAYBE, automatic=MAYBE, ticked=st.lists(PICK, max_size=2))
    def add_credit(self, amount: str, exempt: bool | None, automatic: bool | None, ticked: list[int]) -> None:
        invoices = [self._one(Invoice, each) for each in ticked]
        self._do("add_credit", amount=amount, exempt=exempt, automatic=automatic, invoices=_ids(invoices))

    @rule(amount=AMOUNTS, automatic=MAYBE, deposit=MAYBE)
    def add_payment(self, amount: str, automatic: bool | None, deposit: bool | None) -> None:
        self._do("add_payment", amount=amount, automatic=automatic, deposit=deposit)

    @rule()
    def pay_everything(self) -> None:
        """Paid invoices are where reversing and refunding have the most to undo."""
        self._do("add_payment", amount="500.00", automatic=True)

    @rule(pick=PICK, amount=AMOUNTS, debit=YES)
    def adjust_tax(self, pick: int, amount: str, debit: bool) -> None:
        self._on(AccountTransaction, pick, "adjust_tax", amount=amount, debit=debit)

    # --- Undoing ------------------------------------------------------------------------------------------------------

    @rule(pick=PICK)
    def reverse(self, pick: int) -> None:
        self._on(AccountTransaction, pick, "reverse_transaction")

    @rule(pick=PICK)
    def reverse_on_the_open_invoice(self, pick: int) -> None:
        books = self._whole()
        own = [each for each in books.debits if each.invoice == books.ledgers[0].open_invoice]
        if own:
            self._do("reverse_transaction", target=own[pick % len(own)].id)

    @rule(pick=PICK, amount=st.one_of(st.none(), AMOUNTS))
    def refund(self, pick: int, amount: str | None) -> None:
        self._on(Payment, pick, "refund_payment", amount=amount)

    @rule(picks=st.lists(PICK, min_size=1, max_size=3))
    def reverse_payments(self, picks: list[int]) -> None:
        chosen = [self._one(Payment, each) for each in picks]
        self._do("reverse_payments", payments=_ids(chosen))

    @rule(picks=st.lists(PICK, min_size=1, max_size=3), amount=st.one_of(st.none(), AMOUNTS))
    def statement_refund(self, picks: list[int], amount: str | None) -> None:
        chosen = [self._one(AccountTransaction, each) for each in picks]
        self._do("create_refund", entries=_ids(chosen), amount=amount)

    # --- Disbursing ---------------------------------------------------------------------------------------------------

    @rule(pick=PICK, ticked=st.lists(PICK, min_size=1, max_size=2), credit=YES)
    def disburse(self, pick: int, ticked: list[int], credit: bool) -> None:
        source = self._one(AccountTransaction if credit else Payment, pick)
        invoices = [self._one(Invoice, each) for each in ticked]
        balance = self._whole().ledgers[0].balance
        self._do("disburse", source=source, invoices=_ids(invoices))
        assert (isinstance(source, Payment) and source.deposit) or self._whole().ledgers[
            0
        ].balance == balance, "I20"

    @rule(pick=PICK)
    def delete_disbursement(self, pick: int) -> None:
        balance = self._whole().ledgers[0].balance
        self._on(Disbursement, pick, "delete_disbursement")
        assert self._whole().ledgers[0].balance == balance, "I20"

    @rule(pick=PICK, deposit=MAYBE, automatic=MAYBE)
    def save_payment(self, pick: int, deposit: bool | None, automatic: bool | None) -> None:
        balance = self._whole().ledgers[0].balance
        was = self._one(Payment, pick)
        self._on(Payment, pick, "save_payment", deposit=deposit, automatic=automatic)
        now = next((each for each in self._whole().payments if was is not None and each.id == was.id), None)
        if now is None or was is None or now.deposit == getattr(was, "deposit", None):
            assert self._whole().ledgers[0].balance == balance, "I19"

    @rule(pick=PICK, automatic=MAYBE)
    def save_credit(self, pick: int, automatic: bool | None) -> None:
        self._on(AccountTransaction, pick, "save_credit", automatic=automatic)

    # --- Invoices -----------------------------------------------------------------------------------------------------

    @rule(pick=PICK)
    def open_invoice(self, pick: int) -> None:
        self._on(Invoice, pick, "open_invoice")

    @rule()
    def close_the_open_invoice(self) -> None:
        key = self._whole().ledgers[0].open_invoice
        if key is not None:
            self._do("close_invoice", target=key)

    @rule(pick=PICK)
    def close_invoice(self, pick: int) -> None:
        self._on(Invoice, pick, "close_invoice")

    @rule(pick=PICK)
    def void_invoice(self, pick: int) -> None:
        self._on(Invoice, pick, "void_invoice")

    @rule(pick=PICK, amount=AMOUNTS)
    def charge_invoice(self, pick: int, amount: str) -> None:
        self._on(Invoice, pick, "charge_invoice", amount=amount)

    @rule(amount=AMOUNTS, automatic=MAYBE, deposit=MAYBE)
    def make_payment(self, amount: str, automatic: bool | None, deposit: bool | None) -> None:
        self._do("make_payment", amount=amount, automatic=automatic, deposit=deposit)

    # --- Around -------------------------------------------------------------------------------------------------------

    @rule(days=st.integers(1, 40))
    def time_passes(self, days: int) -> None:
        self.desk.advance(days)

    @rule(pick=PICK)
    def bill_usage(self, pick: int) -> None:
        """A billing engine puts an unbilled record on an unreversed debit: nobody but the rules takes it off again."""
        books = self._whole()
        reversed_ones = {each.reverses for each in books.entries}
        void = {
            each.id
            for each in books.invoices
            if each.ledger_state is not None and "void" in each.ledger_state
        }
        debits = [
            each
            for each in books.debits
            if each.id not in reversed_ones and each.gross.minor > 0 and each.invoice not in void
        ]
        if debits:
            self.desk.add_usage(debits[pick % len(debits)])
            self.before = self._whole()

    @precondition(lambda self: self.answered)
    @rule(pick=PICK)
    def ask_again(self, pick: int) -> None:
        """The same key again: the same answer, and nothing happens (I34)."""
        key, answer = self.answered[pick % len(self.answered)]
        before = self._whole()
        assert self.desk.again(key) == answer
        assert self._whole() == before

    @invariant()
    def the_books_hold(self) -> None:
        if not hasattr(self, "desk"):
            return
        after = self._whole()
        found = problems(after) + wrong_moves(self.before, after)
        assert not found, "; ".join(found)
        self.before = after

    # --- How ----------------------------------------------------------------------------------------------------------

    def _on(self, kind: type[Row], pick: int, command: str, **given: Any) -> None:
        row = self._one(kind, pick)
        if row is not None:
            self._do(command, target=row.id, **given)

    def _do(self, command: str, **given: Any) -> None:
        was = self._whole()
        was_open = was.ledgers[0].open_invoice
        key, answer = self.desk.do(command, **given)
        self.answered.append((key, answer))
        now = self._whole()
        if answer.outcome is Outcome.REFUSED:
            assert replace(now, requests=()) == replace(was, requests=()), "I23"
        if command == "charge_invoice" and answer.outcome is not Outcome.REFUSED:
            pending = [
                each.amount.minor
                for each in was.transactions
                if each.status == "pending" and each.invoice == given["target"]
            ]
            room = was.balances[given["target"]].minor - sum(pending)
            assert 0 < Decimal(given["amount"]) * 100 <= room, "I25"
        made = len(now.invoices) - len(was.invoices)
        if command in {"add_payment", "add_credit", "make_payment", "charge_invoice", "refund_payment"}:
            assert made == 0, "I27"
        if command == "add_debit" and answer.outcome is Outcome.DONE:
            assert made == (1 if was_open is None else 0), "I27"

    def _one(self, kind: type[Row], pick: int) -> Any:
        books = self._whole()
        rows: dict[type[Row], Sequence[Row]] = {
            Invoice: books.invoices,
            Payment: books.payments,
            AccountTransaction: books.entries,
            Disbursement: books.disbursements,
        }
        found = sorted(rows[kind], key=lambda each: str(each.id))
        return found[pick % len(found)] if found else None

    def _whole(self) -> WholeBooks:
        return self.desk.whole()


def _ids(rows: list[Any]) -> list[UUID]:
    return [each.id for each in rows if each is not None]


LedgerAtRandom.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLedgerAtRandom = LedgerAtRandom.TestCase
