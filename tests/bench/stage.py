"""Where a benchmark plays: the sandbox in this process, or as a process of its own behind real sockets."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import requests

from connector.clock import FollowingClock
from connector.dataverse.auth import Application, ClientSecret, Tokens
from connector.dataverse.batch import Answer as BatchAnswer
from connector.dataverse.batch import Item
from connector.dataverse.books import DataverseBooks
from connector.dataverse.http import Dataverse
from connector.dataverse.mail import DataverseMail
from connector.dataverse.mapping import load_mapping
from connector.dataverse.odata import Reply
from connector.dataverse.session import open_session
from connector.documents.rendered import RenderedDocuments
from connector.stripe.client import Stripe, pooled_session
from connector.stripe.gateway import StripeGateway
from connector.traffic import ProcessTraffic
from plugins.actions import Answer, Call
from plugins.add_payment import ACTION as ADD_PAYMENT
from plugins.add_payment import add_payment
from plugins.charge_invoice import ACTION, charge_invoice
from plugins.plan_charge_run import ACTION as PLAN
from plugins.plan_charge_run import plan_charge_run
from plugins.ports import Clock, Outside
from plugins.rules.ids import UserId, request_id
from plugins.rules.runs import charge_run_id
from plugins.start_charge_run import ACTION as START
from plugins.start_charge_run import start_charge_run
from sandbox.crm import solution
from sandbox.crm.crm import ORGANIZATION
from sandbox.demo.story import row_id
from sandbox.faults import Faults
from sandbox.world import STRIPE_API_KEY, World
from tests.bench import customers
from tests.bench.meter import Meter, metered
from tests.crashes.processes import WorldClock, WorldTokens
from tests.fakes.surroundings import HeardAlerts
from tests.in_process import session as in_process_session

ROOT = Path(__file__).resolve().parents[2]
CHECK = row_id("cfl_paymenttype", "Check")
BILLER = UserId(row_id("systemuser", "biller"))
OURS = {"counterfoil_organization": str(ORGANIZATION.id)}


class RowCount(Dataverse):
    """Counts the rows that the answers of batches hold."""

    read = 0

    def batch(self, items: Sequence[Item], **options: Any) -> list[BatchAnswer]:
        answers = super().batch(items, **options)
        bodies = [each.body for each in answers if isinstance(each, Reply) and isinstance(each.body, Mapping)]
        self.read += sum(len(each["value"]) if "value" in each else 1 for each in bodies)
        return answers


@dataclass
class Stage:
    """Customers with invoices, and the service's own parts, composed as `connector/app.py` does, with meters on the wires."""

    outside: Outside
    crm: Meter
    stripe: Meter
    client: Stripe
    rows: RowCount
    control: requests.Session
    address: str
    stripe_address: str

    def charge(self, invoice: UUID, key: str, gateway: StripeGateway | None = None) -> Answer:
        """One dollar."""
        clock, outside = self.outside.clock, self.outside
        if gateway is not None:
            outside = replace(outside, gateway=gateway)
        call = Call(ACTION.name, invoice, BILLER, key, {"Amount": Decimal(1)}, clock.now(), ORGANIZATION.id)
        return charge_invoice(call, outside)

    def plan_run(self, invoices: Sequence[UUID], key: str) -> UUID:
        """A charge run over these, planned as far as the call goes."""
        wanted = json.dumps({"invoices": [str(each) for each in invoices]})
        now = self.outside.clock.now()
        call = Call(PLAN.name, None, BILLER, key, {"Filter": wanted}, now, ORGANIZATION.id)
        plan_charge_run(call, self.outside)
        return charge_run_id(request_id(key))

    def start_run(self, run: UUID, key: str) -> Answer:
        now = self.outside.clock.now()
        return start_charge_run(Call(START.name, run, BILLER, key, {}, now, ORGANIZATION.id), self.outside)

    def add_payment(self, ledger: UUID, key: str) -> Answer:
        """A dollar by check, which goes to the oldest invoice that owes something."""
        given = {"Amount": Decimal(1), "PaymentTypeId": CHECK, "Automatic": True}
        now = self.outside.clock.now()
        call = Call(ADD_PAYMENT.name, ledger, BILLER, key, given, now, ORGANIZATION.id)
        return add_payment(call, self.outside)

    def asked_of_the_crm(self) -> list[dict[str, Any]]:
        """The calls since it was reset."""
        calls: list[dict[str, Any]] = self.control.get(f"{self.address}/sandbox/calls", timeout=60).json()[
            "calls"
        ]
        return calls

    def keep(self, rows: Mapping[str, Any]) -> None:
        """What others keep in the CRM, a few thousand rows at a time."""
        for table, listed in rows.items():
            for start in range(0, len(listed), 2000):
                self.control.post(
                    f"{self.address}/sandbox/import",
                    json={table: listed[start : start + 2000]},
                    timeout=600,
                ).raise_for_status()

    def operations(self) -> int:
        """What both stand-ins were asked since they were reset; each part of a batch counts as one."""
        logs = [
            self.control.get(f"{address}/sandbox/calls", timeout=60).json()["calls"]
            for address in (self.address, self.stripe_address)
        ]
        return sum(len(call.get("parts") or [call]) for log in logs for call in log)

    def advance(self, seconds: float) -> None:
        self.control.post(
            f"{self.address}/sandbox/clock", json={"advance_seconds": seconds}, timeout=60
        ).raise_for_status()

    def populate(self) -> None:
        """The demo's story, and everybody of the benchmark."""
        self.control.post(f"{self.address}/sandbox/reset", timeout=60).raise_for_status()
        attach = self.client.within(60).v1.payment_methods.attach
        methods = {
            each: attach("pm_card_visa", {"customer": customers.CUSTOMER}).id for each in customers.EVERYBODY
        }
        rows = customers.rows(methods)
        self.control.post(f"{self.address}/sandbox/import", json=rows, timeout=120).raise_for_status()


@contextmanager
def in_process() -> Iterator[Stage]:
    world = World(solution.load(ROOT / "deploy" / "solution"), faults=Faults(wait=lambda _: None))
    session = in_process_session(world)
    crm, stripe = metered(session, world.addresses.crm_tls), metered(session, world.addresses.stripe)
    tokens = WorldTokens(world, in_process_session(world))
    dataverse = RowCount(world.addresses.crm_tls, tokens, session)
    client = Stripe(STRIPE_API_KEY, world.addresses.stripe, session)
    try:
        yield Stage(
            _outside(dataverse, client, WorldClock(world)),
            crm,
            stripe,
            client,
            dataverse,
            in_process_session(world),
            world.addresses.crm,
            world.addresses.stripe,
        )
    finally:
        world.stop()


@contextmanager
def over_sockets() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as folder:
        clock_file = Path(folder) / "clock"
        with _sandbox(clock_file) as told, requests.Session() as control:
            control.trust_env = False
            bundle = Path(told["ca_bundle"])
            crm_session, stripe_session = open_session(bundle), pooled_session()
            identity = Application(
                told["tenant"], told["client_id"], ClientSecret(told["client_secret"]), told["authority"]
            )
            tokens = Tokens(told["tls_url"], identity, bundle)
            dataverse = RowCount(told["tls_url"], tokens, crm_session)
            client = Stripe(told["stripe_api_key"], told["stripe"], stripe_session)
            yield Stage(
                _outside(dataverse, client, FollowingClock(clock_file)),
                metered(crm_session, "https://"),
                metered(stripe_session, "http://"),
                client,
                dataverse,
                control,
                told["url"],
                told["stripe"],
            )


def _outside(dataverse: Dataverse, stripe: Stripe, clock: Clock) -> Outside:
    return Outside(
        books=DataverseBooks(dataverse, load_mapping("sales")),
        gateway=StripeGateway(stripe, OURS),
        clock=clock,
        traffic=ProcessTraffic(clock),
        alerts=HeardAlerts(),
        organisation=ORGANIZATION.id,
        documents=RenderedDocuments(),
        mail=DataverseMail(dataverse, load_mapping("sales")),
    )


@contextmanager
def _sandbox(clock_file: Path) -> Iterator[Mapping[str, Any]]:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--clock-file", str(clock_file)]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["environment"]
        finally:
            process.terminate()
