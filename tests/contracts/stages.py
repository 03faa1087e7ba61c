"""Two stages with the demo's story on them: the books in memory, and the books in the local CRM."""

import uuid
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from connector.dataverse.books import DataverseBooks
from connector.dataverse.mapping import Mapping as TableMapping
from connector.dataverse.odata import Operation as Send
from connector.dataverse.odata import row as path_of
from plugins.ports import Books, Clock
from plugins.rules.checks import WholeBooks
from plugins.rules.ids import InvoiceId, UserId
from plugins.rules.ledger import (
    Invoice,
    Ledger,
    Transaction,
)
from plugins.rules.row import Row
from sandbox.crm.crm import ORGANIZATION
from sandbox.faults import Faults
from sandbox.world import World
from tests.contracts import story_in_memory
from tests.crashes.processes import MAPPING, Process
from tests.fakes.books import MemoryBooks, unreachable

STRANGER = UserId(uuid.uuid5(uuid.NAMESPACE_URL, "somebody without any role"))


class Stage(Protocol):
    """Books, and what others do to them behind their back."""

    @property
    def clock(self) -> Clock: ...

    @property
    def books(self) -> Books: ...

    def whole(self) -> WholeBooks:
        """What is really there."""
        ...

    def somebody_changes(self, row: Row) -> None: ...

    def lock(self, invoice: InvoiceId) -> None:
        """From now on nothing may be changed on this invoice."""
        ...

    def unlock(self, invoice: InvoiceId) -> None: ...

    def loses_writes(self) -> None:
        """The next write never arrives."""
        ...

    def loses_answers(self) -> None:
        """The next write is carried out, but its answer is lost."""
        ...

    def goes_silent(self) -> None:
        """Nothing is answered any more."""
        ...


class MemoryStage:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.books = self._memory = MemoryBooks(clock)
        self._memory.add(*story_in_memory.rows(clock.now()))
        self._memory.names.update(story_in_memory.people())
        self._memory.rights[STRANGER] = frozenset()

    def add(self, *rows: Row) -> None:
        """What others keep in the CRM."""
        self._memory.add(*rows)

    def whole(self) -> WholeBooks:
        return whole_memory(self._memory)

    def somebody_changes(self, row: Row) -> None:
        self._memory.add(self._memory.rows[row.id])

    def lock(self, invoice: InvoiceId) -> None:
        self._memory.refuses_invoice = True

    def unlock(self, invoice: InvoiceId) -> None:
        self._memory.refuses_invoice = False

    def loses_writes(self) -> None:
        self._memory.before = unreachable("commit", "record")

    def loses_answers(self) -> None:
        self._memory.after = unreachable("commit", "record")

    def goes_silent(self) -> None:
        self._memory.before = unreachable(*_CALLS)


_CALLS = (
    "for_ledger",
    "for_charge",
    "for_settlement",
    "commit",
    "record",
    "request",
    "transaction",
    "transaction_of",
    "due",
)


def whole_memory(books: MemoryBooks) -> WholeBooks:
    return WholeBooks.of(books.rows.values(), books.shown)


class Validation:
    """A customer's own plug-in on invoices, which refuses what is in `locked`. Registered once in a world."""

    URL = "http://127.0.0.1:9/validation"

    def __init__(self) -> None:
        self.locked: set[str] = set()

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        return 400 if any(each.encode() in body for each in self.locked) else 200

    def register(self, world: World) -> None:
        admin = Process(world).dataverse
        endpoint, step = uuid.uuid4(), uuid.uuid4()
        message = admin.rows(Send("GET", "sdkmessages?$filter=name%20eq%20'Update'"), within=5)[0]
        filters = admin.rows(
            Send(
                "GET",
                f"sdkmessagefilters?$filter=_sdkmessageid_value%20eq%20{message['sdkmessageid']}"
                "%20and%20primaryobjecttypecode%20eq%20'invoice'",
            ),
            within=5,
        )
        rows: list[tuple[str, UUID, dict[str, Any]]] = [
            (
                "serviceendpoints",
                endpoint,
                {
                    "name": "Validation",
                    "contract": 8,
                    "connectionmode": 1,
                    "authtype": 4,
                    "authvalue": "a-key",
                    "url": self.URL,
                    "messageformat": 2,
                },
            ),
            (
                "sdkmessageprocessingsteps",
                step,
                {
                    "name": "Validation of invoices",
                    "mode": 0,
                    "stage": 20,
                    "rank": 1,
                    "supporteddeployment": 0,
                    "sdkmessageid@odata.bind": f"/sdkmessages({message['sdkmessageid']})",
                    "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({filters[0]['sdkmessagefilterid']})",
                    "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint})",
                },
            ),
        ]
        for entity_set, key, body in rows:
            admin.send(Send("PATCH", path_of(entity_set, key), {}, body), within=5)


def sandbox_world(schema: Any) -> tuple[World, Validation]:
    """A world whose invoices a plug-in of the customer watches over."""
    validation = Validation()
    world = World(schema, faults=Faults(wait=lambda _: None), send_to_step=validation)
    validation.register(world)
    return world, validation


class SandboxStage:
    """The real adapter on a local CRM that has just been reset."""

    def __init__(self, world: World, validation: Validation, mapping: TableMapping = MAPPING) -> None:
        world.reset()
        validation.locked.clear()
        world.crm.store.read_only_rule = True
        self._world, self._validation = world, validation
        self._process = Process(world)
        self.clock = self._process.clock
        self.books = DataverseBooks(self._process.dataverse, mapping)
        self.seeder = world.crm._seeder
        """For what others keep in the CRM."""
        self.seeder.add(
            "systemuser",
            {
                "systemuserid": STRANGER,
                "lastname": "Stranger",
                "businessunitid": ORGANIZATION.unit_id,
            },
        )

    def whole(self) -> WholeBooks:
        self._world.faults.clear()
        return self._process.books()

    def name_of(self, entity_set: str, key: UUID) -> str:
        """What people see a row by."""
        answer = self._process.dataverse.send(Send("GET", path_of(entity_set, key)), within=5)
        return str(answer.body["cfl_name"])

    def somebody_changes(self, row: Row) -> None:
        entity_set, column = {
            Ledger: ("cfl_billingaccounts", "cfl_name"),
            Transaction: ("cfl_paymenttransactions", "cfl_transactionresult"),
            Invoice: ("invoices", "description"),
        }[type(row)]
        change = Send("PATCH", path_of(entity_set, row.id), {"If-Match": "*"}, {column: "changed meanwhile"})
        self._process.dataverse.send(change, within=5)

    def lock(self, invoice: InvoiceId) -> None:
        self._validation.locked.add(str(invoice))

    def unlock(self, invoice: InvoiceId) -> None:
        self._validation.locked.discard(str(invoice))

    def loses_writes(self) -> None:
        self._drops("drop_before")

    def loses_answers(self) -> None:
        self._drops("drop_after")

    def goes_silent(self) -> None:
        self._world.faults.replace(
            [{"do": "drop_before", "target": "crm", "path": "api/data", "times": 1000}]
        )

    def _drops(self, effect: str) -> None:
        self._world.faults.replace([{"do": effect, "target": "crm", "method": "POST", "path": "api/data"}])
