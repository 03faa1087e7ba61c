"""Charges at random: amounts that are too high, negative or tiny, gateways that decline, hang or answer late, retries.

After every step the books must hold (rules/checks.py); at the end, what was captured is what was recorded.
"""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from connector.sync.sweep import sweep
from plugins.ports import BooksUnreachable, Decline, IntentStatus
from plugins.rules.checks import WholeBooks, problems
from plugins.rules.ledger import (
    TransactionStatus,
)
from plugins.rules.setup import ProfileType
from tests.builders import Office, a_profile, an_invoice, named
from tests.fakes.books import MemoryBooks, unreachable
from tests.fakes.gateway import no_answer

INVOICES = {"INV-1": "1000.00", "INV-2": "75.50", "INV-3": "0.49"}


def whole(books: MemoryBooks) -> WholeBooks:
    return WholeBooks.of(books.rows.values(), books.shown)


class Charges(RuleBasedStateMachine):
    @initialize()
    def open_the_office(self) -> None:
        self.office = Office()
        self.office.has(*(an_invoice(balance, number) for number, balance in INVOICES.items()))
        for name, method in {"declines": "pm_declines", "asks": "pm_asks"}.items():
            self.office.books.add(a_profile(name, method=method))
        self.office.books.add(a_profile("debit", method="pm_debit", type=ProfileType.ACH_DEBIT, expiry=""))
        self.keys: list[tuple[str, str, Decimal, str]] = []

    @rule(
        invoice=st.sampled_from(sorted(INVOICES)),
        amount=st.decimals("-5", "1100", places=2),
        profile=st.sampled_from(["Visa •••• 4242", "declines", "asks", "debit"]),
        trouble=st.sampled_from(
            ["", "create", "confirm", "read", "cancel", "commit", "for_charge", "for_settlement"]
        ),
        moment=st.sampled_from(["before", "after"]),
        times=st.integers(1, 3),
    )
    def charge(
        self, invoice: str, amount: Decimal, profile: str, trouble: str, moment: str, times: int
    ) -> None:
        setattr(self.office.gateway, moment, no_answer(trouble, times=times))
        setattr(self.office.books, moment, unreachable(trouble, times=times))
        key = f"random-{len(self.keys):04}"
        self.keys.append((key, invoice, amount, profile))
        self._charge(key, invoice, amount, profile)

    @rule(which=st.integers(0))
    def charge_again_with_the_same_key(self, which: int) -> None:
        if self.keys:
            self._charge(*self.keys[which % len(self.keys)])

    @rule(
        which=st.integers(0),
        outcome=st.sampled_from([IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_PAYMENT_METHOD]),
    )
    def a_bank_decides(self, which: int, outcome: IntentStatus) -> None:
        waiting = [
            key for key, each in self.office.gateway.intents.items() if each.status is IntentStatus.PROCESSING
        ]
        if waiting:
            decline = None if outcome is IntentStatus.SUCCEEDED else Decline("payment_method_debit_failed")
            self.office.gateway.become(waiting[which % len(waiting)], outcome, decline)

    @rule(minutes=st.sampled_from([1, 5, 15, 180, 1500]))
    def time_passes_and_the_sweep_runs(self, minutes: int) -> None:
        self.office.clock.advance(minutes=minutes)
        sweep(self.office.outside)

    @invariant()
    def the_books_hold(self) -> None:
        if hasattr(self, "office"):
            assert problems(whole(self.office.books)) == []

    def teardown(self) -> None:
        if not hasattr(self, "office"):
            return
        office = self.office
        for reference, each in office.gateway.intents.items():
            if each.status is IntentStatus.PROCESSING:
                office.gateway.become(reference, IntentStatus.SUCCEEDED)
        for _ in range(6):
            office.clock.advance(days=1)
            sweep(office.outside)
        pending = [each for each in office.transactions() if each.status is TransactionStatus.PENDING]
        recorded = sum(each.amount.minor for each in office.payments())
        assert pending == []
        assert recorded == office.gateway.captured()
        assert problems(whole(office.books)) == []

    def _charge(self, key: str, invoice: str, amount: Decimal, profile: str) -> None:
        try:
            self.office.charge(invoice, amount, key=key, PaymentProfileId=named(profile))
        except BooksUnreachable:
            pass  # no answer to the caller; the rows will tell
        finally:
            self.office.gateway.before = self.office.gateway.after = lambda _: None
            self.office.books.before = self.office.books.after = lambda _: None


Charges.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
TestCharges = pytest.mark.timeout(240)(Charges.TestCase)
