"""`make bench`: what a charge and a payment cost in calls, bytes and time, and how long a full sweep takes."""

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from uuid import UUID

from rich.console import Console
from rich.table import Table

from connector.stripe.gateway import StripeGateway
from connector.sync.sweep import sweep
from plugins.ports import Intent
from plugins.rules.ledger import Outcome
from tests.bench.customers import ALONE, BUSY, DIFFERENT, IN_A_RUN, WAITING
from tests.bench.ledgers import LONG
from tests.bench.meter import Reading
from tests.bench.stage import OURS, Stage, in_process, over_sockets
from tests.crashes.wire import Killed

PENDING = sum(each.invoices for each in WAITING)


@dataclass(frozen=True)
class Figure:
    """A line of the result."""

    what: str
    where: str
    value: float
    unit: str


class NeverConfirms(StripeGateway):
    """On whose confirmation the process dies: what it reserved stays behind."""

    def confirm_intent(self, reference: str, idempotency_key: str, within: float) -> Intent:
        raise Killed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON for a program to read")
    parser.add_argument("--charges", type=int, default=96, help="charges of each measurement (default 96)")
    asked = parser.parse_args()
    figures: list[Figure] = []
    for where, opened in (("in process", in_process), ("over sockets", over_sockets)):
        with opened() as stage:
            stage.populate()
            figures += one_charge(stage, where)
            if where == "over sockets":
                for threads in BUSY:
                    figures.append(many(stage, where, threads, asked.charges, same_customer=False))
                    figures.append(many(stage, where, threads, asked.charges, same_customer=True))
            figures += sweeping(stage, where)
            figures += charge_run(stage, where)
            if where == "in process":
                figures += long_ledgers(stage, where)
    if asked.json:
        print(json.dumps([asdict(each) for each in figures], indent=2))
    else:
        show(figures)
    return 0


_keys = (f"bench-{number:07}" for number in itertools.count())


def one_charge(stage: Stage, where: str, times: int = 40) -> Iterator[Figure]:
    """One after the other, of a customer with five invoices; the first one is left out: it fetches a token and connects."""
    succeeds(stage, ALONE.invoice(0))
    crm, stripe, before = stage.crm.reading, stage.stripe.reading, stage.operations()
    seconds = []
    for turn in range(times):
        started = time.perf_counter()
        succeeds(stage, ALONE.invoice(turn))
        seconds.append(time.perf_counter() - started)
    crm, stripe = stage.crm.reading - crm, stage.stripe.reading - stripe
    yield Figure("calls of a charge: CRM", where, crm.calls / times, "")
    yield Figure("calls of a charge: Stripe", where, stripe.calls / times, "")
    yield Figure(
        "operations of a charge, parts of batches counted", where, (stage.operations() - before) / times, ""
    )
    both = Reading(crm.calls + stripe.calls, crm.sent + stripe.sent, crm.received + stripe.received)
    yield Figure("bytes of a charge: sent", where, both.sent / times, "B")
    yield Figure("bytes of a charge: received", where, both.received / times, "B")
    yield Figure("time of a charge: median", where, statistics.median(seconds) * 1000, "ms")
    yield Figure("time of a charge: 95th of 100", where, statistics.quantiles(seconds, n=20)[-1] * 1000, "ms")


def many(stage: Stage, where: str, threads: int, charges: int, *, same_customer: bool) -> Figure:
    """No two charge the same invoice at the same time, for the second would be refused."""
    turns = max(1, charges // threads)

    def charge(thread: int) -> None:
        for turn in range(turns):
            if same_customer:
                succeeds(stage, BUSY[threads].invoice(thread + turn * threads))
            else:
                succeeds(stage, DIFFERENT[thread].invoice(turn))

    seconds = timed(lambda: at_once(threads, charge))
    whose = "one customer" if same_customer else "different customers"
    return Figure(f"charges at once, {whose}, {threads} threads", where, threads * turns / seconds, "/s")


def sweeping(stage: Stage, where: str) -> Iterator[Figure]:
    """Reserved, never confirmed, and due."""
    dying = NeverConfirms(stage.client, OURS)

    for customer in WAITING:
        for turn in range(customer.invoices):
            with suppress(Killed):
                stage.charge(customer.invoice(turn), next(_keys), dying)
    stage.advance(120)
    crm, stripe = stage.crm.reading, stage.stripe.reading
    started = time.perf_counter()
    counts = sweep(stage.outside)
    seconds = time.perf_counter() - started
    assert (counts.looked_at, counts.done) == (PENDING, PENDING), counts
    calls = (stage.crm.reading - crm).calls + (stage.stripe.reading - stripe).calls
    yield Figure(f"sweep of {PENDING} pending rows", where, seconds, "s")
    yield Figure(f"calls of a sweep of {PENDING} pending rows", where, calls, "")


def charge_run(stage: Stage, where: str) -> Iterator[Figure]:
    """Planned, started, and carried on by the sweep until it has ended."""
    invoices = [each.invoice(turn) for each in IN_A_RUN for turn in range(each.invoices)]
    count = len(invoices)

    def calls() -> int:
        return stage.crm.reading.calls + stage.stripe.reading.calls

    before, started = calls(), time.perf_counter()
    key = next(_keys)
    run = stage.plan_run(invoices, key)
    while (found := stage.outside.books.for_charge_run(run, None, None).run) is None or not found.planned_on:
        sweep(stage.outside)
    assert found.planned == count, found
    yield Figure(f"calls of a plan of {count} invoices, for each", where, (calls() - before) / count, "")
    yield Figure(f"plan of {count} invoices", where, time.perf_counter() - started, "s")
    before, started = calls(), time.perf_counter()
    assert stage.start_run(run, next(_keys)).outcome is Outcome.DONE
    while (found := stage.outside.books.for_charge_run(run, None, None).run) and found.succeeded < count:
        assert not found.failed + found.skipped, found
        sweep(stage.outside)
    yield Figure(
        f"calls of a charge run of {count} invoices, for each", where, (calls() - before) / count, ""
    )
    yield Figure(f"charge run of {count} invoices", where, time.perf_counter() - started, "s")


def long_ledgers(stage: Stage, where: str, times: int = 10) -> Iterator[Figure]:
    """A payment on accounts that differ in nothing but the length of their history: it has to cost the same."""
    for each in LONG:
        stage.keep(each.rows())
        pays(stage, each.ledger)
        calls, crm, rows = len(stage.asked_of_the_crm()), stage.crm.reading, stage.rows.read
        seconds = []
        for _ in range(times):
            started = time.perf_counter()
            pays(stage, each.ledger)
            seconds.append(time.perf_counter() - started)
        asked = [call.get("parts", ()) for call in stage.asked_of_the_crm()[calls:]]
        gets = sum(part["method"] == "GET" for parts in asked for part in parts)
        crm = stage.crm.reading - crm
        of = f"a payment on a ledger of {each.transactions:,} transactions"
        yield Figure(f"{of}: calls", where, crm.calls / times, "")
        yield Figure(f"{of}: questions in the reading one", where, gets / times, "")
        yield Figure(f"{of}: rows read", where, (stage.rows.read - rows) / times, "")
        yield Figure(f"{of}: bytes received", where, crm.received / times, "B")
        yield Figure(f"{of}: median", where, statistics.median(seconds) * 1000, "ms")


def pays(stage: Stage, ledger: UUID) -> None:
    answer = stage.add_payment(ledger, next(_keys))
    assert answer.outcome is Outcome.DONE, answer


def succeeds(stage: Stage, invoice: UUID) -> None:
    answer = stage.charge(invoice, next(_keys))
    assert answer.outcome is Outcome.DONE, answer


def at_once(threads: int, act: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(act, number) for number in range(threads)]:
            done.result()


def timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def show(figures: list[Figure]) -> None:
    table = Table("", "where", title="Counterfoil against the sandbox, both on this machine")
    table.add_column("measured", justify="right")
    for each in figures:
        table.add_row(each.what, each.where, f"{each.value:,.1f} {each.unit}".rstrip())
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
