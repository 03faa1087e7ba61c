"""Many at work on one customer's ledger in one process: they queue, and what was read before one's turn is read again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from plugins.rules.ledger import Outcome
from tests.builders import Office, an_invoice, usd
from tests.fakes.clock import ManualClock
from tests.fakes.surroundings import PatientTraffic


class BusyTraffic(PatientTraffic):
    """Somebody of this process is always there first: `first` is what they do before they let us in."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.first: list[Callable[[], Any]] = []

    @contextmanager
    def turn(self, ledger: UUID, until: datetime) -> Iterator[bool]:
        others = self.first.pop(0) if self.first else None
        if others is not None:
            others()
        with super().turn(ledger, until) as waited:
            yield waited or others is not None


@pytest.fixture
def office() -> Office:
    made = Office()
    made.traffic = BusyTraffic(made.clock)
    made.outside = replace(made.outside, traffic=made.traffic)
    made.has(*(an_invoice("100.00", f"INV-{number}") for number in range(1, 4)))
    return made


def others(office: Office, *acts: Callable[[], Any]) -> None:
    assert isinstance(office.traffic, BusyTraffic)
    office.traffic.first.extend(acts)


def test_whoever_waited_reads_again_and_conflicts_with_nobody(office: Office) -> None:
    begun = office.clock.now()
    others(office, lambda: office.charge("INV-2", "20.00"))
    assert office.charge("INV-1", "10.00").outcome is Outcome.DONE
    assert office.clock.now() == begun, "nobody paused after a conflict"
    assert office.books.calls.count("commit") == 4
    assert office.gateway.calls.count("create") == 2, "the intent that was made before the turn is used"
    assert office.ledger().balance == usd("270.00")


def test_a_settlement_that_waited_is_decided_anew(office: Office) -> None:
    begun = office.clock.now()
    others(office, list, lambda: office.charge("INV-2", "20.00"))  # nobody before the reservation
    assert office.charge("INV-1", "10.00").outcome is Outcome.DONE
    assert office.clock.now() == begun
    assert (office.ledger().balance, office.ledger().last_number) == (usd("270.00"), 4)


def test_whoever_waited_too_long_for_the_same_invoice_is_refused_with_what_is_true_by_then(
    office: Office,
) -> None:
    """They charged it all while we stood in line."""
    others(office, lambda: office.charge("INV-1", "100.00"))
    assert office.charge("INV-1", "60.00").code == "not_chargeable"
    assert office.gateway.captured() == 100_00
    assert sorted(each.status for each in office.gateway.intents.values()) == ["canceled", "succeeded"]


def test_the_turn_is_not_held_while_the_gateway_is_asked(office: Office) -> None:
    held: list[bool] = []

    def asked(name: str) -> None:
        held.append(bool(office.traffic._turns))

    office.gateway.before = asked
    office.charge("INV-1", "10.00")
    assert held == [False, False]
