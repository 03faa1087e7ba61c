"""The ledger at random once more, shorter, on the local CRM: every row goes over the Web API and comes back."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import HealthCheck, settings

from plugins.actions import Answer, Call
from plugins.rules.checks import WholeBooks
from plugins.rules.ledger import AccountTransaction
from sandbox.crm import solution
from sandbox.crm.crm import ORGANIZATION
from sandbox.demo.story import ledger_id, row_id
from sandbox.faults import Faults
from sandbox.world import World
from tests.conftest import SOLUTION
from tests.crashes.processes import BILLER, Process
from tests.ledger_office import COMMANDS, Names, day_of, performer
from tests.plugins.test_ledger_at_random import Desk, LedgerAtRandom

ACCOUNT = "Fabrikam Fibre"
CATEGORY, RATE = UUID(int=0xCA7E), UUID(int=0x4A7E)


class SandboxDesk:
    """Fabrikam's ledger in US dollars, with a taxed service; other customers' rows are none of its business."""

    def __init__(self, world: World, *, tax_exempt: bool) -> None:
        world.reset()
        self._world = world
        self._calls: dict[str, Call] = {}
        self.ledger = ledger_id(ACCOUNT, "USD")
        service = row_id("product", "CON-H")
        self.names = Names(
            service, RATE, row_id("cfl_paymenttype", "Check"), row_id("cfl_paymentprofile", "Visa •••• 4242")
        )
        seeder = world.crm._seeder
        seeder.add("cfl_servicetaxcategory", {"cfl_servicetaxcategoryid": CATEGORY, "cfl_name": "Taxed"})
        seeder.add(
            "cfl_taxrate",
            {
                "cfl_taxrateid": RATE,
                "cfl_name": "GST 13 %",
                "cfl_rate": Decimal(13),
                "cfl_servicetaxcategoryid": CATEGORY,
            },
        )
        world.crm._seeder.change(
            "product", service, {"cfl_servicetaxcategoryid": CATEGORY, "cfl_frequency": 728310000}
        )
        world.crm._seeder.change("cfl_billingaccount", self.ledger, {"cfl_taxexempt": tax_exempt})
        self._process = Process(world)

    def do(self, command: str, **given: object) -> tuple[str, Answer]:
        target = given.pop("target", None)
        name, parameters, bound = COMMANDS[command](self, **given)
        key = f"step-{len(self._calls):06}"
        wanted = {each: value for each, value in parameters.items() if value is not None}
        goal = UUID(str(target)) if target else self.ledger if bound else None
        self._calls[key] = Call(name, goal, BILLER, key, wanted, self._process.clock.now(), ORGANIZATION.id)
        return key, self.again(key)

    def again(self, key: str) -> Answer:
        call = replace(self._calls[key], received=self._process.clock.now())
        return performer(call.action)[1](call, self._process.outside)

    def whole(self) -> WholeBooks:
        books = self._process.books()
        own = next(each for each in books.ledgers if each.id == self.ledger)
        return books.of_ledger(own)

    def advance(self, days: int) -> None:
        self._world.clock.advance(days * 86_400)

    def add_usage(self, debit: AccountTransaction) -> None:
        """Usage is billed by somebody else; here it would take rows that no command makes."""

    def day(self, offset: int | None) -> datetime | None:
        return day_of(self._process.clock.now(), offset)


class LedgerOverHttp(LedgerAtRandom):
    def open_desk(self, exempt: bool, payments_first: bool) -> Desk:
        del payments_first
        return SandboxDesk(_world(), tax_exempt=exempt)


_WORLDS: list[World] = []


def _world() -> World:
    if not _WORLDS:
        _WORLDS.append(World(solution.load(SOLUTION), faults=Faults(wait=lambda _: None)))
    return _WORLDS[0]


LedgerOverHttp.TestCase.settings = settings(
    max_examples=6,
    stateful_step_count=12,
    deadline=timedelta(seconds=60),
    suppress_health_check=list(HealthCheck),
)
TestLedgerOverHttp = LedgerOverHttp.TestCase
