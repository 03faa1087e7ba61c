"""Money through the gateway at random: charges, payments and refunds with rivals, silence and deaths, and banks that think again.

Whatever happens, what was captured less what was given back is what the books say, and nothing is promised twice.
"""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector.sync.sweep import sweep
from plugins.actions import Answer, CallError
from plugins.disburse import ACTION as DISBURSE
from plugins.disburse import disburse
from plugins.ports import BooksError, BooksUnreachable, NoAnswer, RefundStatus
from plugins.reverse_payments import ACTION as REVERSE
from plugins.reverse_payments import reverse_payments
from plugins.rules.checks import WholeBooks, problems
from plugins.rules.ids import request_id
from plugins.rules.in_flight import refunds_in_flight
from plugins.rules.ledger import Operation, Payment, Request, TransactionStatus
from tests.builders import Office, a_ledger, an_invoice, named, usd
from tests.crashes.wire import Killed

AMOUNTS = st.sampled_from(
    [Decimal(each) for each in ("100.00", "60.00", "60.00", "40.00", "0.50", "0.10", "-1.00")]
)
TROUBLES = st.sampled_from(["", "", "", "create", "confirm", "read", "refund", "refund", "refund", "list refunds", "commit", "for_ledger", "for_settlement", "transaction"])  # fmt: skip
MOMENTS = st.sampled_from(["before", "after"])
FATES = st.sampled_from(["silence", "silence", "death"])
LATER = {
    RefundStatus.PENDING: [RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.CANCELED],
    RefundStatus.SUCCEEDED: [RefundStatus.FAILED],
}


class GatewayMoney(RuleBasedStateMachine):
    @initialize()
    def open_the_office(self) -> None:
        self.office = Office()
        self.office.has(an_invoice("100.00", "INV-1"), an_invoice("50.00", "INV-2"), is_default=True)
        self.office.books.add(a_ledger(balance=usd("150.00")))
        self.asked: list[Callable[[], Answer]] = []
        self.told: dict[str, Answer] = {}
        kinds: list[dict[str, Any]] = [{}, {"Automatic": False}, {"Deposit": True}]
        for kind in kinds:
            assert self.office.pay("100.00", **kind).code == "succeeded"

    # --- What clerks do ----------------------------------------------------------------------------------------------

    @rule(amount=AMOUNTS, kind=st.sampled_from([{}, {"Automatic": False}, {"Deposit": True}]), trouble=TROUBLES, moment=MOMENTS, fate=FATES)  # fmt: skip
    def pay(self, amount: Decimal, kind: dict[str, Any], trouble: str, moment: str, fate: str) -> None:
        key = self._key()
        self._ask(key, lambda: self.office.pay(amount, key=key, **kind), trouble, moment, fate)

    @rule(number=st.sampled_from(["INV-1", "INV-2"]), amount=AMOUNTS, trouble=TROUBLES, moment=MOMENTS, fate=FATES)  # fmt: skip
    def charge(self, number: str, amount: Decimal, trouble: str, moment: str, fate: str) -> None:
        key = self._key()
        self._ask(key, lambda: self.office.charge(number, amount, key=key), trouble, moment, fate)

    @rule(which=st.integers(0), amount=st.sampled_from([Decimal("10.00"), Decimal("40.00"), Decimal("60.00")]), trouble=st.sampled_from(["", "refund", "commit"]), moment=MOMENTS, fate=FATES)  # fmt: skip
    def refund_a_part(self, which: int, amount: Decimal, trouble: str, moment: str, fate: str) -> None:
        self.refund(which, amount, {}, trouble, moment, fate)

    @rule(which=st.integers(0), amount=st.none() | AMOUNTS, through=st.sampled_from([{}, {}, {"ThroughGateway": True}, {"ThroughGateway": False}]), trouble=TROUBLES, moment=MOMENTS, fate=FATES)  # fmt: skip
    def refund(
        self,
        which: int,
        amount: Decimal | None,
        through: dict[str, bool],
        trouble: str,
        moment: str,
        fate: str,
    ) -> None:
        key, payment = self._key(), self._payment(which)
        self._ask(key, lambda: self.office.refund(payment, amount, key=key, **through), trouble, moment, fate)

    @rule(which=st.integers(0))
    def reverse(self, which: int) -> None:
        ids = [str(self._payment(which).id)]
        reverse_payments(self.office.call(REVERSE.name, None, PaymentIds=ids), self.office.outside)

    @rule(which=st.integers(0), number=st.sampled_from(["INV-1", "INV-2"]))
    def disburse_by_hand(self, which: int, number: str) -> None:
        given: dict[str, Any] = {
            "PaymentId": UUID(str(self._payment(which).id)),
            "InvoiceIds": [str(named(number))],
        }
        disburse(self.office.call(DISBURSE.name, None, **given), self.office.outside)

    @precondition(lambda self: bool(self.asked))
    @rule(which=st.integers(0))
    def ask_again(self, which: int) -> None:
        """The very same, under its key."""
        self.asked[which % len(self.asked)]()

    # --- What happens around them --------------------------------------------------------------------------------------

    @rule(status=st.sampled_from([RefundStatus.SUCCEEDED, RefundStatus.PENDING, RefundStatus.FAILED]))
    def banks_change_their_ways(self, status: RefundStatus) -> None:
        self.office.gateway.refund_becomes = status

    @precondition(lambda self: bool(self.office.gateway.refunds))
    @rule(which=st.integers(0), to=st.integers(0))
    def a_bank_thinks_again(self, which: int, to: int) -> None:
        refunds = list(self.office.gateway.refunds.values())
        refund = refunds[which % len(refunds)]
        choices = LATER.get(refund.status, [])
        if choices:
            self.office.gateway.refund_become(refund.reference, choices[to % len(choices)])

    @rule(minutes=st.sampled_from([1, 2, 6, 31, 130, 400, 1500]))
    def time_passes(self, minutes: int) -> None:
        self.office.clock.advance(minutes=minutes)
        sweep(self.office.outside)

    # --- What must be true ---------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_promised_twice(self) -> None:
        books = self.office.books
        pending = [each for each in self.office.transactions() if each.status is TransactionStatus.PENDING]
        for payment in books.all(Payment):
            if payment.amount.minor > 0:
                in_flight = refunds_in_flight(payment.id, pending, "USD")
                assert (payment.amount - payment.refunded - in_flight).minor >= 0, payment

    @invariant()
    def the_books_are_in_order(self) -> None:
        books = self.office.books
        assert problems(WholeBooks.of(books.rows.values(), books.shown)) == []

    def teardown(self) -> None:
        if not hasattr(self, "office"):
            return
        gateway, clock = self.office.gateway, self.office.clock
        for _ in range(12):
            clock.advance(hours=7)
            sweep(self.office.outside)
        for refund in list(gateway.refunds.values()):
            if refund.status is RefundStatus.PENDING:
                gateway.refund_become(refund.reference, RefundStatus.SUCCEEDED)
        for _ in range(7):
            clock.advance(days=7)
            sweep(self.office.outside)
        self.the_books_are_in_order()
        rows = self.office.transactions()
        assert [each for each in rows if each.status is TransactionStatus.PENDING] == []
        through = [each.amount.minor for each in self.office.payments() if each.transaction is not None]
        assert sum(through) == gateway.captured() - gateway.refunded()
        for each in rows:
            made = [one for one in gateway.refunds.values() if one.metadata["counterfoil_transaction"] == str(each.id)]  # fmt: skip
            assert len(made) <= (each.operation is Operation.REFUND)
        for key, answer in self.told.items():
            row = self.office.books.rows[request_id(key)]
            assert isinstance(row, Request)
            if answer.outcome != "pending":
                assert (row.outcome, row.code) == (answer.outcome, answer.code)

    # --- Inside --------------------------------------------------------------------------------------------------------

    def _key(self) -> str:
        return f"random-{len(self.asked):04}"

    def _payment(self, which: int) -> Payment:
        """Mostly one that something is left of."""
        every = self.office.payments()
        left = [each for each in every if each.amount.minor > 0 and not each.is_refunded]
        payments = every if which % 8 == 0 else left or every
        return payments[which // 8 % len(payments)]

    def _ask(self, key: str, act: Callable[[], Answer], trouble: str, moment: str, fate: str) -> None:
        """The first such call meets its fate, and none after it. A refund is not found in a list either."""
        left = [trouble, "list refunds"] if trouble == "refund" else [trouble]

        def strikes(error: type[BaseException]) -> Callable[[str], None]:
            def act_on(name: str) -> None:
                if name in left:
                    left.remove(name)
                    raise error(name) if error is not Killed else Killed

            return act_on

        setattr(self.office.gateway, moment, strikes(Killed if fate == "death" else NoAnswer))
        setattr(self.office.books, moment, strikes(Killed if fate == "death" else BooksUnreachable))
        self.asked.append(act)
        try:
            with suppress(Killed, BooksError, CallError):
                self.told[key] = act()
        finally:
            for port in (self.office.gateway, self.office.books):
                port.before = port.after = lambda _: None


TestGatewayMoney = GatewayMoney.TestCase
TestGatewayMoney.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
