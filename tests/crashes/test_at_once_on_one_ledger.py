"""Forty people post to one ledger at the same moment, through two processes: all end, each once, and the books hold."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.app import PERFORMERS
from plugins.actions import Answer, Call
from plugins.rules.checks import problems
from plugins.rules.ledger import Outcome
from sandbox.crm.crm import ORGANIZATION
from sandbox.crm.schema import Schema
from sandbox.demo.story import ledger_id, row_id
from sandbox.faults import Faults
from sandbox.world import World
from tests.crashes.processes import BILLER, Process

FABRIKAM = ledger_id("Fabrikam Fibre", "USD")


@pytest.fixture
def world(schema: Schema) -> Iterator[World]:
    made = World(schema, faults=Faults(wait=lambda _: None))
    yield made
    made.stop()


def ask(process: Process, name: str, target: UUID | None, key: str, given: Mapping[str, Any]) -> Answer:
    action, perform = PERFORMERS[name]
    call = Call(action.name, target, BILLER, key, given, process.clock.now(), ORGANIZATION.id)
    return perform(call, process.outside)


def plans(check: UUID) -> list[tuple[str, Mapping[str, Any]]]:
    """20 payments of 1.01 to 1.20, 12 debits of 2.01 to 2.12, 8 credits of 0.11 to 0.18."""
    made: list[tuple[str, Mapping[str, Any]]] = [
        ("cfl_AddPayment", {"Amount": Decimal(101 + each) / 100, "PaymentTypeId": check})
        for each in range(20)
    ]
    made += [("cfl_AddDebit", {"Amount": Decimal(201 + each) / 100, "TaxExempt": True}) for each in range(12)]
    made += [
        (
            "cfl_AddCredit",
            {"Amount": Decimal(11 + each) / 100, "TaxExempt": True, "ServiceId": SETUP, "Automatic": True},
        )
        for each in range(8)
    ]
    return made


SETUP = row_id("product", "CON-H")


def test_forty_actions_on_one_ledger_at_once(world: World) -> None:
    first, second = Process(world), Process(world)
    before = first.books()
    check = row_id("cfl_paymenttype", "Check")
    together = threading.Barrier(40)

    def act(number: int, name: str, given: Mapping[str, Any]) -> Answer:
        process = (first, second)[number % 2]
        together.wait(30)
        return ask(process, name, FABRIKAM, f"at-once-{number:03}", given)

    todo = plans(check)
    with ThreadPoolExecutor(40) as clerks:
        futures = [clerks.submit(act, number, *plan) for number, plan in enumerate(todo)]
        answers = [each.result() for each in futures]

    assert {(each.outcome, each.code) for each in answers} == {(Outcome.DONE, "succeeded")}
    books = Process(world).books()
    assert problems(books) == []
    assert len(books.payments) == len(before.payments) + 20
    assert len(books.entries) == len(before.entries) + 20
    ledger = next(each for each in books.ledgers if each.id == FABRIKAM)
    was = next(each for each in before.ledgers if each.id == FABRIKAM)
    assert ledger.version == was.version + 40, "one changeset each"
    moved = sum(
        (given["Amount"] if name == "cfl_AddDebit" else -given["Amount"] for name, given in todo), Decimal(0)
    )
    assert (ledger.balance - was.balance).amount == moved

    again = [
        ask(first, name, FABRIKAM, f"at-once-{number:03}", given) for number, (name, given) in enumerate(todo)
    ]
    assert again == answers
    assert Process(world).books().ledgers == books.ledgers, "the same keys again change nothing"
