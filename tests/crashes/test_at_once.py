"""Many clerks at once, in several processes: the same invoices, the same keys twice, declines in between."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from connector.dataverse.odata import DataverseError
from plugins.ports import BooksError, GatewayError
from plugins.rules.ids import payment_id, request_id, transaction_id
from plugins.rules.ledger import Outcome
from plugins.rules.money import Money
from sandbox.crm.schema import Schema
from sandbox.demo.story import row_id
from sandbox.faults import Faults
from sandbox.world import World
from tests.crashes.judgement import discrepancies, ordered_twice
from tests.crashes.processes import Process

CLERKS = 6
"""In each of two processes."""


@pytest.fixture
def world(schema: Schema) -> Iterator[World]:
    made = World(schema, faults=Faults(wait=lambda _: None))
    yield made
    made.stop()


def recover(world: World) -> None:
    for minutes in (2, 15, 600):
        world.clock.advance(minutes * 60)
        Process(world).sweep()


def judge(world: World, invoice: str, told: list[tuple[str, Outcome]]) -> list[str]:
    reader = Process(world)
    books, captured = reader.books(), reader.captured()
    total = next(each.total.minor for each in books.invoices if each.number == invoice)
    found = discrepancies(books, captured, row_id("invoice", invoice), total, told, reader.refunded())
    return [*found, *ordered_twice(reader.orders())]


@pytest.mark.parametrize("seed", range(6))
def test_clerks_of_two_processes_charge_one_customer_at_once(world: World, seed: int) -> None:
    dice = random.Random(seed)
    plans = [
        [(dice.choice(("INV-1001", "INV-1002")), f"{dice.randrange(50, 40_000) / 100:.2f}", f"clerk-key-{dice.randrange(30):02}") for _ in range(4)]
        for _ in range(CLERKS)
    ]  # fmt: skip
    told: list[tuple[str, Outcome]] = []
    together = threading.Barrier(2 * CLERKS)

    def clerk(process: Process, plan: list[tuple[str, str, str]]) -> None:
        together.wait(30)
        for invoice, amount, key in plan:
            answer = process.charge(invoice, amount, key)
            if answer is not None:
                told.append((key, answer.outcome))

    with ThreadPoolExecutor(2 * CLERKS) as pool:
        work = [pool.submit(clerk, process, plan) for process in (Process(world), Process(world)) for plan in plans]  # fmt: skip
        for each in work:
            each.result(60)
    recover(world)
    assert judge(world, "INV-1001", told) == []
    assert judge(world, "INV-1002", told) == []
    assert Outcome.DONE in {outcome for _, outcome in told}


def test_a_double_click_on_every_button_of_every_tab(world: World) -> None:
    """Twelve requests for all of it, six keys, one charge."""
    told: list[tuple[str, Outcome]] = []
    together = threading.Barrier(2 * CLERKS)

    def click(process: Process, key: str) -> None:
        together.wait(30)
        answer = process.charge("INV-1001", "1250.00", key)
        if answer is not None:
            told.append((key, answer.outcome))

    with ThreadPoolExecutor(2 * CLERKS) as pool:
        work = [pool.submit(click, process, f"tab-number-{tab}") for process in (Process(world), Process(world)) for tab in range(CLERKS)]  # fmt: skip
        for each in work:
            each.result(60)
    recover(world)
    assert judge(world, "INV-1001", told) == []
    reader = Process(world)
    done = [each for each in reader.books().transactions if each.invoice == row_id("invoice", "INV-1001")]
    assert [each.status.value for each in done if each.status.value == "succeeded"] == ["succeeded"]


@pytest.mark.parametrize("through", ["refunds", "refunds and reversals"])
def test_clerks_of_two_processes_refund_one_payment_at_once(world: World, through: str) -> None:
    """Twelve refunds of 60.00, of a payment of 100.00: one is made, or the reversal is."""
    told: list[tuple[str, Outcome]] = []
    together = threading.Barrier(2 * CLERKS)
    first = Process(world).charge("INV-1001", "100.00", "the-payment-00")
    assert first is not None
    assert first.outcome is Outcome.DONE
    payment = payment_id(transaction_id(request_id("the-payment-00")))

    def clerk(process: Process, number: int) -> None:
        together.wait(30)
        if through != "refunds" and number % 3 == 0:
            process.reverse(payment, f"reversal-{number:04}")
            return
        key = f"refund-number-{number:02}"
        answer = process.refund(payment, "60.00", key)
        if answer is not None:
            told.append((key, answer.outcome))

    with ThreadPoolExecutor(2 * CLERKS) as pool:
        one, two = Process(world), Process(world)
        work = [pool.submit(clerk, (one, two)[number % 2], number) for number in range(2 * CLERKS)]
        for each in work:
            each.result(60)
    recover(world)
    assert judge(world, "INV-1001", told) == []
    reader = Process(world)
    given_back = [each for each in reader.books().payments if each.refund_of == payment]
    assert [each.amount for each in given_back] in (
        [Money.parse("-60.00", "USD")],
        [Money.parse("-100.00", "USD")] if through != "refunds" else [],
    )


def test_one_payment_of_an_account_at_a_time(world: World) -> None:
    """Twelve payments of different keys at once: each that is made is made once, and the rest are told to wait."""
    told: list[tuple[str, Outcome]] = []
    together = threading.Barrier(2 * CLERKS)

    def clerk(process: Process, number: int) -> None:
        together.wait(30)
        key = f"payment-no-{number // 2:03}"
        answer = process.pay("Fabrikam Fibre", "USD", "25.00", key)
        if answer is not None:
            told.append((key, answer.outcome))

    with ThreadPoolExecutor(2 * CLERKS) as pool:
        one, two = Process(world), Process(world)
        work = [pool.submit(clerk, (one, two)[number % 2], number) for number in range(2 * CLERKS)]
        for each in work:
            each.result(60)
    recover(world)
    assert judge(world, "INV-1001", told) == []
    assert Outcome.DONE in {outcome for _, outcome in told}


def test_clerks_and_sweeps_and_events_all_at_once(world: World) -> None:
    """Sweeps and events look at what is being charged, in other processes that know nothing of it."""
    told: list[tuple[str, Outcome]] = []
    stop = threading.Event()

    def clerk(process: Process, number: int) -> None:
        for turn in range(3):
            key = f"clerk-{number}-{turn:04}"
            answer = process.charge(("INV-1001", "INV-1005", "INV-1011")[number % 3], "10.00", key)
            if answer is not None:
                told.append((key, answer.outcome))

    def busybody(process: Process) -> None:
        while not stop.is_set():
            process.sweep()
            with suppress(
                BooksError, GatewayError, DataverseError
            ):  # answered 500, and Stripe would send it again
                for each in process.books().transactions:
                    process.hear(each.gateway_reference)
            world.clock.advance(30)  # which makes calls under way time out, too

    with ThreadPoolExecutor(CLERKS + 2) as pool:
        watching = [pool.submit(busybody, Process(world)) for _ in range(2)]
        work = [pool.submit(clerk, Process(world), number) for number in range(CLERKS)]
        try:
            for each in work:
                each.result(60)
        finally:
            stop.set()
        for watcher in watching:
            watcher.result(60)
    recover(world)
    for invoice in ("INV-1001", "INV-1005", "INV-1011"):
        assert judge(world, invoice, told) == []
