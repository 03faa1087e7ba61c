"""Schedules: what goes wrong, when, and who else is at work. Each is drawn from a seed, and replayed by it:

`python -m tests.crashes --seed 1234` runs one and tells its story, `--count 5000` runs many.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID
from weakref import WeakKeyDictionary

from plugins.actions import Answer
from plugins.rules import ids
from plugins.rules.checks import WholeBooks
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.crashes.judgement import discrepancies, ordered_twice
from tests.crashes.processes import Process
from tests.crashes.wire import Fault, Killed

INVOICES = {
    "INV-1001": "1250.00",  # a card that works
    "INV-1005": "",  # insufficient funds
    "INV-1006": "",  # needs authentication
    "INV-1007": "",  # a SEPA debit that settles days later
}

CALLS = 8
"""More than any one charge makes."""

KEYS = ("clerk-key-01", "other-tab-02", "next-invoice-03")

NEIGHBOURS = {"INV-1001": "INV-1002", "INV-1005": "INV-1029", "INV-1006": "INV-1030", "INV-1007": "INV-1031"}
"""Another invoice of the same customer: it shares the ledger and nothing else."""

OTHERS = ("other tab", "other invoice", "same key", "event", "long pause")


@dataclass(frozen=True)
class Schedule:
    """One story. `faults` and `meanwhile` are by the number of the remote call of the first process."""

    invoice: str
    share: Decimal = Decimal(1)
    """How much of the balance is charged."""
    faults: tuple[tuple[int, Fault], ...] = ()
    meanwhile: tuple[tuple[int, str], ...] = ()
    """What others do just before that call: one of `OTHERS`."""
    then: tuple[tuple[str, int, Fault | None], ...] = ()
    """Steps of later processes, each with a fault at a call of its own: `same key`, `check`, `sweep`, `late`, `event`."""
    seed: int | None = None

    def __str__(self) -> str:
        parts = [f"{self.invoice} × {self.share}"]
        parts += [f"call {number}: {fault}" for number, fault in self.faults]
        parts += [f"before call {number}: {who}" for number, who in self.meanwhile]
        parts += [
            f"then {step}" + (f" (call {at}: {fault})" if fault else "") for step, at, fault in self.then
        ]
        return " | ".join(parts) + (f"  [seed {self.seed}]" if self.seed is not None else "")


def single_faults() -> list[Schedule]:
    """Every fault at every call of every kind of charge, then a sweep."""
    return [
        Schedule(invoice, faults=((number, fault),))
        for invoice in INVOICES
        for number in range(CALLS)
        for fault in Fault
    ]


def interleavings() -> list[Schedule]:
    """Everybody else, before every call of every kind of charge."""
    return [
        Schedule(invoice, share=Decimal("0.6"), meanwhile=((number, who),))
        for invoice in INVOICES
        for number in range(CALLS)
        for who in OTHERS
    ]


def drawn(seed: int) -> Schedule:
    """Up to three faults, others at work in between, and a recovery that is itself disturbed."""
    dice = random.Random(seed)
    faults = {dice.randrange(CALLS): dice.choice(list(Fault)) for _ in range(dice.choice((0, 1, 1, 2, 3)))}
    meanwhile = {dice.randrange(CALLS): dice.choice(OTHERS) for _ in range(dice.choice((0, 1, 1, 2)))}
    steps = ("same key", "check", "sweep", "late", "event")
    then = tuple(
        (dice.choice(steps), dice.randrange(CALLS), dice.choice([None, None, *Fault]))
        for _ in range(dice.randrange(4))
    )
    return Schedule(
        invoice=dice.choice((*INVOICES, "INV-1001", "INV-1001")),
        share=dice.choice((Decimal(1), Decimal("0.4"), Decimal("0.6"))),
        faults=tuple(sorted(faults.items())),
        meanwhile=tuple(sorted(meanwhile.items())),
        then=then,
        seed=seed,
    )


_STORIES: WeakKeyDictionary[World, WholeBooks] = WeakKeyDictionary()


@dataclass
class Told:
    """What a run came to."""

    problems: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    unused: bool = False
    """No fault happened: the charge made fewer calls."""


class Run:
    """One schedule in one world, from the first click to the last sweep."""

    def __init__(self, world: World, schedule: Schedule) -> None:
        self.world, self.schedule = world, schedule
        self.answers: list[tuple[str, Answer]] = []
        self._versions: dict[UUID, int] = {}
        self.told = Told()
        self.first = Process(world)
        self.processes = [self.first]

    def tell(self) -> Told:
        before = self._set_the_stage()
        total = next(each.total for each in before.invoices if each.number == self.schedule.invoice)
        amount = str((total.amount * self.schedule.share).quantize(Decimal("0.01")))
        faults = dict(self.schedule.faults)
        self.first.wire.faults = dict(faults)
        self.first.wire.meanwhile = {
            number: self._meanwhile(who, amount) for number, who in self.schedule.meanwhile
        }
        self._attempt(
            self.first, lambda process: process.charge(self.schedule.invoice, amount, KEYS[0]), KEYS[0]
        )
        self.told.unused = bool(faults) and self.first.wire.faults == faults
        for step, at, fault in self.schedule.then:
            self._step(step, at, fault, amount)
        self._recover()
        self._judge(total.minor)
        return self.told

    def _set_the_stage(self) -> WholeBooks:
        """The story, which is read once for each world: it is always the same."""
        self.world.reset()
        if self.world not in _STORIES:
            _STORIES[self.world] = Process(self.world).books()
        before = _STORIES[self.world]
        self._versions = {ledger.id: ledger.version for ledger in before.ledgers}
        self.world.crm_calls.clear()
        return before

    # --- What happens ----------------------------------------------------------------------------------------------

    def _attempt(self, process: Process, act: Callable[[Process], Answer | None], key: str) -> None:
        try:
            answer = act(process)
        except Killed:
            self.told.story.append("killed")
            return
        finally:
            self.told.story += process.wire.log
            process.wire.log = []
        self.told.story.append(f"answered {key}: {answer}")
        if answer is not None:
            self.answers.append((key, answer))

    def _another(self, at: int = 0, fault: Fault | None = None) -> Process:
        process = Process(self.world)
        if fault is not None:
            process.wire.faults = {at: fault}
        self.processes.append(process)
        return process

    def _meanwhile(self, who: str, amount: str) -> Callable[[], None]:
        def act() -> None:
            self.told.story.append(f"meanwhile: {who}")
            other = self._another()
            match who:
                case "other tab":
                    self._attempt(
                        other, lambda one: one.charge(self.schedule.invoice, amount, KEYS[1]), KEYS[1]
                    )
                case "same key":
                    self._attempt(
                        other, lambda one: one.charge(self.schedule.invoice, amount, KEYS[0]), KEYS[0]
                    )
                case "other invoice":
                    neighbour = NEIGHBOURS[self.schedule.invoice]
                    self._attempt(other, lambda one: one.charge(neighbour, "5.00", KEYS[2]), KEYS[2])
                case "event":
                    other.hear(self._intent())
                case "long pause":
                    self.world.clock.advance(15 * 60)
                    other.sweep()
                case _:
                    raise ValueError(who)

        return act

    def _step(self, step: str, at: int, fault: Fault | None, amount: str) -> None:
        process = self._another(at, fault)
        self.told.story.append(f"then: {step}")
        match step:
            case "same key":
                self._attempt(
                    process, lambda one: one.charge(self.schedule.invoice, amount, KEYS[0]), KEYS[0]
                )
            case "check":
                self._attempt(process, lambda one: one.check(KEYS[0]), KEYS[0])
            case "late":
                self._deliver_late()
            case _:
                self.world.clock.advance(90)
                try:
                    process.hear(self._intent()) if step == "event" else process.sweep()
                except Killed:
                    self.told.story.append("killed")
                except Exception as error:  # noqa: BLE001 - an event that fails is answered 500 and comes again
                    self.told.story.append(f"failed: {error}")
                self.told.story += process.wire.log

    def _intent(self) -> str:
        """The intent of the first request, as far as the rows know it."""
        key = ids.transaction_id(ids.request_id(KEYS[0]))
        found = next((each for each in Process(self.world).books().transactions if each.id == key), None)
        return found.gateway_reference if found else "pi_unknown"

    def _deliver_late(self) -> None:
        for process in self.processes:
            process.wire.deliver_late()

    def _recover(self) -> None:
        """Nothing goes wrong any more; time passes, banks decide, and the sweep runs."""
        self._deliver_late()
        for minutes in (2, 20, 60, 400, *[10 * 1440] * 3):
            self.world.clock.advance(minutes * 60)
            self.world.clock_moved()
            process = self._another()
            process.sweep()
            if not process.is_anything_left():
                break

    # --- What must be true -----------------------------------------------------------------------------------------

    def _judge(self, total: int) -> None:
        reader = Process(self.world)
        books, captured = reader.books(), reader.captured()
        self.told.problems += self._lost_updates(books)
        invoice = row_id("invoice", self.schedule.invoice)
        told = [(key, answer.outcome) for key, answer in self.answers]
        self.told.problems += discrepancies(books, captured, invoice, total, told)
        self.told.problems += ordered_twice(reader.orders())

    def _lost_updates(self, books: WholeBooks) -> Iterator[str]:
        """Every changeset that was carried out moved its ledger's version by one; none was written over another."""
        carried_out: Counter[str] = Counter()
        for call in self.world.crm_calls.since(0)["calls"]:
            for part in call.get("parts", ()):
                path = part["path"].partition("cfl_billingaccounts")[2]
                if part["method"] in {"POST", "PATCH"} and part.get("status", 0) in {200, 201, 204} and path:
                    carried_out[path.strip("()")] += 1
                elif (
                    part["method"] == "POST"
                    and part.get("status", 0) in {200, 201, 204}
                    and part["path"].endswith("cfl_billingaccounts")
                ):
                    carried_out["new"] += 1
        for ledger in books.ledgers:
            was = self._versions.get(ledger.id)
            writes = carried_out[str(ledger.id)] + (carried_out["new"] if was is None else 0)
            if ledger.version - (was or 0) != writes:
                yield f"{ledger.name}: {writes} changesets were carried out, its version went from {was} to {ledger.version}"
