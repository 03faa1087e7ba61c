"""Several processes and the people in the CRM and at Stripe at the same charge: what they change before each remote call.

Whatever is edited by hand, what Stripe captured is what the rows say, nothing stays Pending, and nobody is told a lie.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.dataverse.odata import Operation, bind, row
from plugins.actions import Answer
from plugins.rules import checks, ids
from plugins.rules.ledger import Outcome, TransactionStatus
from plugins.rules.money import Money
from sandbox.crm.schema import Schema
from sandbox.demo.story import row_id
from sandbox.faults import Faults
from sandbox.wire import Handler, Request, Response
from sandbox.world import World
from tests.contracts.stages import Validation, sandbox_world
from tests.crashes.processes import Process
from tests.crashes.wire import Fault, Killed

KEY, OTHER_KEY = "first-replica-1", "other-replica-2"
INVOICE = "INV-1001"
CALLS = 5
"""Snapshot, create, reserve, confirm, settle."""

ALL = bool(os.environ.get("CRASHES_ALL"))  # noqa: TID251 - more of the same for those who have the time
FAULTS = [None, Fault.KILL_AFTER, *([Fault.LOSE_ANSWER, Fault.LATE] if ALL else [])]

Act = Callable[[World], None]


@pytest.fixture(scope="module")
def stage(schema: Schema) -> Iterator[World]:
    world = World(schema, faults=Faults(wait=lambda _: None))
    yield world
    world.stop()


def saved(**columns: Any) -> Act:
    """Somebody saves these columns of the invoice, whatever they were; lookups by their navigation property."""
    body = {
        f"{column}@odata.bind" if value is None or str(value).startswith("/") else column: value
        for column, value in columns.items()
    }

    def act(world: World) -> None:
        path = row("invoices", row_id("invoice", INVOICE))
        Process(world).dataverse.send(Operation("PATCH", path, {"If-Match": "*"}, body), within=20)

    return act


def billed(total: str) -> Act:
    """Lines were added or taken off, and the platform summed them up."""

    def act(world: World) -> None:
        store, invoices = world.crm.store, world.crm.schema.table("invoice")
        with store.transaction():
            store.update(invoices, row_id("invoice", INVOICE), {"totalamount": Decimal(total)})

    return act


def moved_clock(seconds: float) -> Act:
    def act(world: World) -> None:
        world.clock.advance(seconds)

    return act


def cancelled_at_stripe(world: World) -> None:
    """A colleague in the dashboard, at whatever can still be cancelled."""
    gateway = Process(world).gateway
    for intent in gateway.unconfirmed_intents(world.clock.now() + timedelta(minutes=1)):
        gateway.cancel_intent(intent.reference, 10)


def detached_at_stripe(world: World) -> None:
    """The customer took the card off."""
    client = Process(world).gateway._stripe.within(10)
    for intent in client.v1.payment_intents.list({"limit": 10}).data:
        if intent.status == "requires_confirmation":
            client.v1.payment_methods.detach(str(intent.payment_method))


def swept(world: World) -> None:
    """Another replica, whose clock is an hour ahead."""
    world.clock.advance(3600)
    Process(world).sweep()
    world.clock.advance(-3600)


def checked(world: World) -> None:
    """The user asks again, and another replica answers."""
    Process(world).check(KEY)


def charged_elsewhere(world: World) -> None:
    Process(world).charge(INVOICE, "800.00", OTHER_KEY)


MEANWHILE: dict[str, Act] = {
    "total lowered": billed("500.00"),
    "total raised": billed("2000.00"),
    "cancelled": saved(statecode=3, statuscode=100003),
    "marked as paid": saved(statecode=2, statuscode=100001),
    "another customer": saved(customerid_account=bind("accounts", row_id("account", "Adatum Stone"))),
    "another currency": saved(
        transactioncurrencyid=bind("transactioncurrencies", row_id("transactioncurrency", "EUR")),
    ),
    "contract taken off": saved(cfl_billingcontractid=None),
    "cancelled at Stripe": cancelled_at_stripe,
    "card detached at Stripe": detached_at_stripe,
    "clock an hour ahead": moved_clock(3600),
    "clock an hour back": moved_clock(-3600),
    "swept by a replica that is ahead": swept,
    "checked by another replica": checked,
    "charged by another replica": charged_elsewhere,
}


def recovered(world: World) -> None:
    for minutes in (70, 2, 6, 31, 125, 400):
        world.clock.advance(minutes * 60)
        world.clock_moved()
        Process(world).sweep()


def captured_by(process: Process) -> dict[str, Money]:
    """By intent; a row in another currency is as wrong as one of another amount."""
    return {reference: process.gateway.read_intent(reference, 10).amount for reference in process.captured()}


def discrepancies(world: World, told: list[Answer | None]) -> Iterator[str]:
    process = Process(world)
    books, captured = process.books(), captured_by(process)
    made = [each for each in books.transactions if each.status is TransactionStatus.SUCCEEDED]
    recorded = {each.gateway_reference: each.amount for each in made}
    if recorded != captured:
        yield f"captured {captured}, recorded {recorded}"
    through = sum(each.amount.minor for each in books.payments if each.transaction is not None)
    if through != sum(each.minor for each in captured.values()):
        yield "the payments do not come to what was captured"
    for payment in books.payments:
        if payment.disbursed + payment.undisbursed != payment.amount:
            yield f"payment {payment.number} does not add up"
    if any(each.status is TransactionStatus.PENDING for each in books.transactions):
        yield "still pending"
    was_made = ids.transaction_id(ids.request_id(KEY)) in {each.id for each in made}
    for answer in told:
        if answer is not None and answer.outcome is Outcome.DONE and not was_made:
            yield f"told {answer}, but nothing was charged"
        if answer is not None and answer.outcome in {Outcome.FAILED, Outcome.REFUSED} and was_made:
            yield f"told {answer}, but it was charged"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", MEANWHILE)
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_is_changed_before_any_call(stage: World, who: str, fault: Fault | None) -> None:
    problems = []
    some = range(CALLS) if ALL else range(list(MEANWHILE).index(who) % 2, CALLS, 2)
    for number in some:
        stage.reset()
        first = Process(stage)
        first.wire.meanwhile = {number: lambda: MEANWHILE[who](stage)}
        if fault is not None:
            first.wire.faults = {number: fault}
        told: list[Answer | None] = []
        try:
            told.append(first.charge(INVOICE, "700.00", KEY))
        except Killed:
            told.append(None)
        told.append(Process(stage).check(KEY))
        first.wire.deliver_late()
        recovered(stage)
        told.append(Process(stage).check(KEY))
        problems += [f"before call {number}: {problem}" for problem in discrepancies(stage, told)]
    assert problems == []


def test_a_card_that_was_taken_off_meanwhile_is_refused_in_the_processor_s_words(stage: World) -> None:
    stage.reset()
    process = Process(stage)
    process.wire.meanwhile = {3: lambda: detached_at_stripe(stage)}
    answer = process.charge(INVOICE, "700.00", KEY)
    assert answer is not None
    assert (answer.outcome, answer.code) == (Outcome.FAILED, "rejected")
    assert "was detached from a Customer" in answer.message


def test_an_invoice_that_owes_again_no_longer_says_when_it_was_paid(stage: World) -> None:
    stage.reset()
    process = Process(stage)
    process.charge(INVOICE, "1250.00", KEY)
    assert paid_on(process) is not None
    saved(statecode=0, statuscode=4)(stage)
    billed("2000.00")(stage)
    answer = process.charge(INVOICE, "100.00", OTHER_KEY)
    assert answer is not None
    assert answer.code == "succeeded"
    assert paid_on(process) is None


def paid_on(process: Process) -> object:
    path = row("invoices", row_id("invoice", INVOICE)) + "?$select=cfl_paidon"
    return process.dataverse.send(Operation("GET", path), within=5).body["cfl_paidon"]


# --- A platform that tells less ----------------------------------------------------------------------------------------


def meagre(handler: Handler) -> Handler:
    """The CRM without what a changeset need not tell: no rows that come back, so no ETags, and no Content-ID."""

    def handle(request: Request) -> Response:
        asked = request.body.replace(b"Prefer: return=representation\r\n", b"")
        answer = handler(replace(request, body=asked))
        if b"Content-ID" not in answer.body:
            return answer
        told = b"".join(
            line for line in answer.body.splitlines(keepends=True) if not line.startswith(b"Content-ID")
        )
        return replace(answer, body=told)

    return handle


@pytest.fixture(scope="module")
def watched(schema: Schema) -> Iterator[tuple[World, Validation]]:
    world, validation = sandbox_world(schema)
    yield world, validation
    world.stop()


@pytest.mark.parametrize("locked", [False, True])
def test_a_platform_that_gives_no_etags_and_no_content_id(
    watched: tuple[World, Validation], locked: bool
) -> None:
    """One call more, which reads the ETags; and an invoice that refuses is left out though nobody says that it was it."""
    world, validation = watched
    world.reset()
    validation.locked = {str(row_id("invoice", INVOICE))} if locked else set()
    process = Process(world)
    process.crm._handler = meagre(world.crm_front.handle)
    answer = process.charge(INVOICE, "700.00", KEY)
    assert answer is not None
    assert answer.code == "succeeded"
    assert len(process.wire.log) == (8 if locked else 6)
    assert list(discrepancies(world, [answer])) == []
    validation.locked.clear()
    world.clock.advance(360)
    Process(world).sweep()
    assert checks.problems(Process(world).books()) == []


# --- A row that nobody can read ----------------------------------------------------------------------------------------


def test_a_row_that_cannot_be_read_keeps_nobody_else_waiting(stage: World) -> None:
    """Somebody deleted its billing account, say. A person is told; those behind it are looked at."""
    stage.reset()
    for invoice, key in ((INVOICE, KEY), ("INV-1029", OTHER_KEY)):
        dying = Process(stage)
        dying.wire.faults = {3: Fault.KILL_BEFORE}
        with pytest.raises(Killed):
            dying.charge(invoice, "5.00", key)
    broken = ids.transaction_id(ids.request_id(KEY))
    unlinked = Operation(
        "PATCH",
        row("cfl_paymenttransactions", broken),
        {"If-Match": "*"},
        {"cfl_billingaccountid@odata.bind": None},
    )
    Process(stage).dataverse.send(unlinked, within=20)
    stage.clock.advance(120)
    process = Process(stage)
    counts = process.sweep()
    assert (counts.looked_at, counts.in_trouble) == (1, 1)
    assert process.alerts.codes == ["transaction_in_trouble"]
    (waiting,) = process.outside.books.due(stage.clock.now(), 50).unreadable
    assert "ledger: is empty" in waiting
