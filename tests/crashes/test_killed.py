"""The real service, killed by SIGKILL at each remote call of a charge: no double charge, no lost payment, nothing left Pending."""

import os
import threading
from collections.abc import Callable, Iterator

import pytest
import requests

from plugins.rules import ids
from plugins.rules.ledger import Outcome, Request, Stage, TransactionStatus
from sandbox.crm.schema import Schema
from sandbox.demo.story import ledger_id, row_id
from tests.crashes.judgement import discrepancies, ordered_twice
from tests.crashes.killable import Moment, Theatre, open_theatre
from tests.crashes.processes import Process

pytestmark = pytest.mark.process

ALL = bool(os.environ.get("CRASHES_ALL"))  # noqa: TID251 - more of the same for those who have the time
KEY = "killed-charge-01"
AMOUNTS = {"INV-1001": "1250.00", "INV-1005": "864.20", "INV-1006": "2400.00", "INV-1007": "560.00"}
"""A card that works, one that declines, one that wants to see the customer, a bank debit."""
CALLS = {"INV-1001": 5, "INV-1005": 6, "INV-1006": 6, "INV-1007": 5}
"""Snapshot, create, reserve, confirm (and cancel, when declined), settle."""

OFTEN = [("INV-1001", at, moment) for at in range(5) for moment in Moment]
OFTEN += [("INV-1005", at, moment) for at in (3, 4, 5) for moment in (Moment.NEVER_SENT, Moment.CARRIED_OUT)]
OFTEN += [
    ("INV-1006", 4, Moment.CARRIED_OUT),
    ("INV-1007", 3, Moment.ON_THE_WIRE),
    ("INV-1007", 4, Moment.NEVER_SENT),
]
EVERYWHERE = [(invoice, at, moment) for invoice, calls in CALLS.items() for at in range(calls) for moment in Moment]  # fmt: skip


@pytest.fixture(scope="module")
def theatre(schema: Schema, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with open_theatre(schema, tmp_path_factory.mktemp("killed")) as opened:
        yield opened


@pytest.fixture
def biller(theatre: Theatre) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def sign_in(theatre: Theatre, biller: requests.Session, user: str = "biller") -> None:
    address = f"{theatre.world.addresses.crm}/sandbox/signin"
    biller.post(address, json={"user": user}, timeout=10).raise_for_status()


def call(theatre: Theatre, biller: requests.Session, path: str, **parameters: object) -> int:
    """The status that the dialog sees; it concludes nothing from it."""
    url = f"{theatre.world.addresses.crm}/api/data/v9.2/{path}"
    return biller.post(url, json={"RequestKey": KEY, **parameters}, timeout=60).status_code


def charge(theatre: Theatre, biller: requests.Session, invoice: str) -> int:
    path = f"invoices({row_id('invoice', invoice)})/Microsoft.Dynamics.CRM.cfl_ChargeInvoice"
    return call(theatre, biller, path, Amount=float(AMOUNTS[invoice]))


def until(happened: Callable[[], bool], seconds: float = 20) -> bool:
    patience = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if happened():
            return True
        patience.wait(0.05)
    return False


def pending(theatre: Theatre, *, under_way: bool = True) -> bool:
    """Whether something awaits its end; with or without bank debits that are known to be under way."""
    waiting = [
        each
        for each in Process(theatre.world).books().transactions
        if each.status is TransactionStatus.PENDING
    ]
    return any(under_way or each.stage is not Stage.PROCESSING for each in waiting)


def answer(theatre: Theatre) -> Request | None:
    return Process(theatre.world).outside.books.request(ids.request_id(KEY))


def test_a_charge_that_nobody_kills_makes_five_calls(theatre: Theatre, biller: requests.Session) -> None:
    theatre.world.reset()
    sign_in(theatre, biller)
    theatre.tripwire.set(99, Moment.NEVER_SENT)
    assert charge(theatre, biller, "INV-1001") == 204
    assert len(theatre.tripwire.calls) == CALLS["INV-1001"], theatre.tripwire.calls
    told = answer(theatre)
    assert told is not None
    assert told.outcome is Outcome.DONE


PAYMENT = f"cfl_billingaccounts({ledger_id('Fabrikam Fibre', 'USD')})/Microsoft.Dynamics.CRM.cfl_MakePayment"
BEFORE = "before-it-all-00"
REFUND = f"cfl_payments({ids.payment_id(ids.transaction_id(ids.request_id(BEFORE)))})/Microsoft.Dynamics.CRM.cfl_RefundPayment"
OTHERS = [(PAYMENT, at, moment) for at in (2, 3, 4) for moment in (Moment.NEVER_SENT, Moment.CARRIED_OUT)]
OTHERS += [(REFUND, at, moment) for at in (3, 4, 5) for moment in (Moment.NEVER_SENT, Moment.CARRIED_OUT)]
"""A payment of an account: reserve, confirm, settle. A refund, which reads the charge and its intent before: likewise."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("action", "at", "moment"), OTHERS, ids=lambda each: str(each).rpartition("cfl_")[2])
def test_killed_at_a_call_of_a_payment_or_a_refund(
    theatre: Theatre, biller: requests.Session, action: str, at: int, moment: Moment
) -> None:
    world = theatre.world
    world.reset()
    if theatre.service.is_dead:
        theatre.service.start()
    sign_in(theatre, biller, "manager" if action == REFUND else "biller")
    theatre.tripwire.at = None
    first = Process(world).charge("INV-1001", "1250.00", BEFORE)
    assert first is not None
    theatre.tripwire.set(at, moment)

    assert call(theatre, biller, action, Amount=400.00) >= 400
    assert theatre.tripwire.tripped, theatre.tripwire.calls
    assert until(lambda: theatre.service.is_dead)

    world.clock.advance(120)
    theatre.tripwire.at = None
    theatre.service.start()
    assert until(lambda: not pending(theatre))
    assert call(theatre, biller, "cfl_CheckRequest") == 204
    told = answer(theatre)
    assert told is not None
    assert told.outcome in {Outcome.DONE, Outcome.REFUSED}, told

    reader = Process(world)
    found = discrepancies(
        reader.books(),
        reader.captured(),
        row_id("invoice", "INV-1001"),
        1250_00,
        [(BEFORE, first.outcome), (KEY, told.outcome)],
        reader.refunded(),
    )
    assert [*found, *ordered_twice(reader.orders())] == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("invoice", "at", "moment"), EVERYWHERE if ALL else OFTEN)
def test_killed_at_a_call_of_a_charge(
    theatre: Theatre, biller: requests.Session, invoice: str, at: int, moment: Moment
) -> None:
    world = theatre.world
    world.reset()
    sign_in(theatre, biller)
    theatre.tripwire.set(at, moment)

    assert charge(theatre, biller, invoice) >= 400, (
        "the dialog is told that something went wrong, and no more"
    )
    assert theatre.tripwire.tripped, theatre.tripwire.calls
    assert until(lambda: theatre.service.is_dead)

    world.clock.advance(120)
    theatre.tripwire.at = None
    theatre.service.start()  # its sweep looks at once at what is due
    assert until(lambda: not pending(theatre, under_way=False))
    if pending(theatre):  # a bank debit takes days
        world.clock.advance(15 * 86400)
        world.clock_moved()
        assert until(lambda: not pending(theatre))
    assert call(theatre, biller, "cfl_CheckRequest") == 204
    told = answer(theatre)
    assert told is not None

    reader = Process(world)
    books, captured = reader.books(), reader.captured()
    total = next(each.total.minor for each in books.invoices if each.number == invoice)
    found = discrepancies(books, captured, row_id("invoice", invoice), total, [(KEY, told.outcome)])
    assert [*found, *ordered_twice(reader.orders())] == []
    assert told.outcome in {Outcome.DONE, Outcome.FAILED, Outcome.REFUSED}
