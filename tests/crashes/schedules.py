"""Schedules: what goes wrong, when, and who else is at work. Each is drawn from a seed, and replayed by it:

`python -m tests.crashes --seed 1234` runs one and tells its story, `--count 5000` runs many.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from weakref import WeakKeyDictionary

from plugins.actions import Answer
from plugins.rules import ids
from plugins.rules.checks import WholeBooks
from plugins.rules.ledger import Ledger, TransactionStatus
from plugins.rules.payment_link import OPEN, WITHDRAWN
from sandbox.demo.story import customer_ref, row_id, slug
from sandbox.world import World
from tests.crashes.judgement import discrepancies, ordered_twice
from tests.crashes.processes import Process
from tests.crashes.wire import Fault, Killed
from tests.in_process import session

INVOICES = {
    "INV-1001": "1250.00",  # a card that works
    "INV-1005": "",  # insufficient funds
    "INV-1006": "",  # needs authentication
    "INV-1007": "",  # a SEPA debit that settles days later
}

MANY = 99

CALLS = 8
"""More than any one charge makes."""

KEYS = ("clerk-key-01", "other-tab-02", "next-invoice-03", "the-reversal-04", "a-charge-05", "withdrawal-06")
BEFORE = "before-it-all-00"
OF_A_LINK = (OPEN, WITHDRAWN)
"""Answers that tell of a payment link, and of no money that moved."""

NEIGHBOURS = {"INV-1001": "INV-1002", "INV-1005": "INV-1029", "INV-1006": "INV-1030", "INV-1007": "INV-1031"}
"""Another invoice of the same customer: it shares the ledger and nothing else."""

OTHERS = ("other tab", "other invoice", "same key", "event", "long pause")
OF_REFUNDS = (*OTHERS, "reversal")
OF_LINKS = (*OTHERS, "customer", "charge", "withdrawal")


class What(StrEnum):
    """What the clerk asks for."""

    CHARGE = "charge"
    PAYMENT = "payment"
    REFUND = "refund"
    LINK = "payment link"
    WITHDRAWAL = "withdrawal of a payment link"


LINKS = (What.LINK, What.WITHDRAWAL)

ACCOUNTS = {
    "INV-1001": ("Fabrikam Fibre", "USD"),
    "INV-1005": ("Northwind Cold Chain", "USD"),
    "INV-1006": ("Tailspin Rail", "USD"),
    "INV-1007": ("Wide World Tea", "EUR"),
}
"""Whose invoice it is: its billing account makes the payments."""

CARDS = {
    "at once": "pm_card_visa",
    "days later": "pm_card_pendingRefund",
    "sent back": "pm_card_refundFail",
}
"""What the bank does with a refund to this card."""


CUSTOMERS = {
    "nothing": (),
    "pays": ("pm_card_visa",),
    "is declined, then pays": ("pm_card_chargeDeclined", "pm_card_visa"),
    "authenticates": ("pm_card_authenticationRequired", "passes"),
    "leaves the bank's question open": ("pm_card_authenticationRequired",),
    "orders a debit": ("pm_usBankAccount_success",),
    "orders a debit without funds": ("pm_usBankAccount_insufficientFunds",),
}
"""What a customer does on the page of a payment link."""


@dataclass(frozen=True)
class Schedule:
    """One story. `faults` and `meanwhile` are by the number of the remote call of the first process."""

    invoice: str
    share: Decimal = Decimal(1)
    """How much of the balance is charged, paid, or refunded of its payment."""
    what: What = What.CHARGE
    card: str = "at once"
    """Of a refund: what becomes of it; of a link: what the customer does, once they have its address."""
    faults: tuple[tuple[int, Fault], ...] = ()
    meanwhile: tuple[tuple[int, str], ...] = ()
    """What others do just before that call: one of `OTHERS`."""
    then: tuple[tuple[str, int, Fault | None], ...] = ()
    """Steps of later processes, each with a fault at a call of its own: `same key`, `check`, `sweep`, `late`, `event`."""
    seed: int | None = None

    def __str__(self) -> str:
        to = f" {self.card}" if self.what is What.REFUND or self.what in LINKS else ""
        parts = [f"{self.what}{to} {self.invoice} × {self.share}"]
        parts += [f"call {number}: {fault}" for number, fault in self.faults]
        parts += [f"before call {number}: {who}" for number, who in self.meanwhile]
        parts += [
            f"then {step}" + (f" (call {at}: {fault})" if fault else "") for step, at, fault in self.then
        ]
        return " | ".join(parts) + (f"  [seed {self.seed}]" if self.seed is not None else "")


def single_faults(what: What = What.CHARGE) -> list[Schedule]:
    """Every fault at every call of every kind of charge, payment or refund, then a sweep."""
    return [
        replace(each, faults=((number, fault),))
        for each in _kinds(what)
        for number in range(CALLS)
        for fault in Fault
    ]


def interleavings(what: What = What.CHARGE) -> list[Schedule]:
    """Everybody else, before every call of every kind."""
    return [
        replace(each, share=Decimal("0.6"), meanwhile=((number, who),))
        for each in _kinds(what)
        for number in range(CALLS)
        for who in _others(what)
    ]


def _kinds(what: What) -> list[Schedule]:
    if what is What.REFUND:
        return [Schedule("INV-1001", what=what, card=card) for card in CARDS]
    if what in LINKS:
        return [Schedule("INV-1001", what=what, card=customer) for customer in CUSTOMERS]
    return [Schedule(invoice, what=what) for invoice in INVOICES]


def _others(what: What) -> tuple[str, ...]:
    return OF_REFUNDS if what is What.REFUND else OF_LINKS if what in LINKS else OTHERS


def drawn_of_links(seed: int) -> Schedule:
    """Likewise, of payment links: whoever asks, withdraws, charges and pays, in any order."""
    dice = random.Random(f"link {seed}")
    faults = {dice.randrange(CALLS): dice.choice(list(Fault)) for _ in range(dice.choice((0, 1, 1, 2, 3)))}
    meanwhile = {dice.randrange(CALLS): dice.choice(OF_LINKS) for _ in range(dice.choice((0, 1, 1, 2)))}
    steps = ("same key", "check", "sweep", "late", "event", "customer", "charge", "withdrawal")
    then = tuple(
        (dice.choice(steps), dice.randrange(CALLS), dice.choice([None, None, *Fault]))
        for _ in range(dice.randrange(5))
    )
    return Schedule(
        invoice="INV-1001",
        share=dice.choice((Decimal(1), Decimal("0.4"), Decimal("0.6"))),
        what=dice.choice(LINKS),
        card=dice.choice(list(CUSTOMERS)),
        faults=tuple(sorted(faults.items())),
        meanwhile=tuple(sorted(meanwhile.items())),
        then=then,
        seed=seed,
    )


def drawn(seed: int) -> Schedule:
    """Up to three faults, others at work in between, and a recovery that is itself disturbed."""
    dice = random.Random(seed)
    what = dice.choice((What.CHARGE, What.CHARGE, What.PAYMENT, What.REFUND, What.REFUND))
    others = OF_REFUNDS if what is What.REFUND else OTHERS
    faults = {dice.randrange(CALLS): dice.choice(list(Fault)) for _ in range(dice.choice((0, 1, 1, 2, 3)))}
    meanwhile = {dice.randrange(CALLS): dice.choice(others) for _ in range(dice.choice((0, 1, 1, 2)))}
    steps = ("same key", "check", "sweep", "late", "event")
    then = tuple(
        (dice.choice(steps), dice.randrange(CALLS), dice.choice([None, None, *Fault]))
        for _ in range(dice.randrange(4))
    )
    return Schedule(
        invoice="INV-1001" if what is What.REFUND else dice.choice((*INVOICES, "INV-1001", "INV-1001")),
        share=dice.choice((Decimal(1), Decimal("0.4"), Decimal("0.6"))),
        what=what,
        card=dice.choice(list(CARDS)),
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
        self._to_do: dict[str, list[str]] = {}
        """What the customer is still going to do, by the address of a page."""
        self._first_act: Sequence[Ledger] = ()
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
        self._attempt(self.first, lambda process: self._ask(process, amount, KEYS[0]), KEYS[0])
        self.told.unused = bool(faults) and self.first.wire.faults == faults
        if self.schedule.what in LINKS:
            self._learn_addresses()
        for step, at, fault in self.schedule.then:
            self._step(step, at, fault, amount)
        if self.schedule.what in LINKS:
            self._customer(MANY)
        self._recover()
        self._judge(total.minor)
        return self.told

    def _set_the_stage(self) -> WholeBooks:
        """The story, which is read once for each world: it is always the same."""
        self.world.reset()
        if self.world not in _STORIES:
            _STORIES[self.world] = Process(self.world).books()
        before = _STORIES[self.world]
        if self.schedule.what is not What.CHARGE:
            self._play_the_first_act()
        self._versions = {ledger.id: ledger.version for ledger in self._first_act or before.ledgers}
        if self.schedule.what in LINKS:
            self._learn_addresses()
        self.world.crm_calls.clear()
        return before

    def _play_the_first_act(self) -> None:
        """What was there before: a billing account, and for a refund a payment that nothing went wrong with."""
        process = Process(self.world)
        name, currency = ACCOUNTS[self.schedule.invoice]
        if self.schedule.what is What.REFUND:
            self._give_the_card(name, CARDS[self.schedule.card])
            total = next(
                each.total for each in process.books().invoices if each.number == self.schedule.invoice
            )
            answer = process.charge(self.schedule.invoice, str(total.amount), BEFORE)
            if answer is None or answer.code != "succeeded":
                raise AssertionError(f"the first act went wrong: {answer}")
        elif self.schedule.what is What.WITHDRAWAL:
            answer = process.ask_for_link(self.schedule.invoice, None, BEFORE)
            if answer is None or answer.code != "link_open":
                raise AssertionError(f"the first act went wrong: {answer}")
        elif self.schedule.what is What.PAYMENT:
            process.open_account(name, currency, BEFORE)
        self._first_act = process.books().ledgers

    def _give_the_card(self, account: str, like: str) -> None:
        """The customer's profile stands for another card."""
        method = {"id": f"pm_{slug(account)}_again", "customer": customer_ref(account), "like": like}
        self.world.stripe.seed(payment_methods=[method])
        store, profiles = self.world.crm.store, self.world.crm.schema.table("cfl_paymentprofile")
        with store.transaction():
            store.update(
                profiles, row_id("cfl_paymentprofile", f"{account}/visa"), {"cfl_methodref": method["id"]}
            )

    @property
    def _payment(self) -> UUID:
        """What is refunded."""
        return ids.payment_id(ids.transaction_id(ids.request_id(BEFORE)))

    # --- What happens ----------------------------------------------------------------------------------------------

    def _ask(self, process: Process, amount: str, key: str) -> Answer | None:
        match self.schedule.what:
            case What.CHARGE:
                return process.charge(self.schedule.invoice, amount, key)
            case What.PAYMENT:
                return process.pay(*ACCOUNTS[self.schedule.invoice], amount, key)
            case What.REFUND:
                return process.refund(self._payment, amount, key)
            case What.LINK:
                return process.ask_for_link(self.schedule.invoice, amount, key)
            case What.WITHDRAWAL:
                return process.withdraw(self._link, key)

    @property
    def _link(self) -> UUID:
        """The payment link that it is all about."""
        first = BEFORE if self.schedule.what is What.WITHDRAWAL else KEYS[0]
        return ids.transaction_id(ids.request_id(first))

    def _learn_addresses(self) -> None:
        """A customer who was once told where to pay does not forget it, whatever becomes of the row."""
        reader = Process(self.world)
        for key in (BEFORE, KEYS[0], KEYS[1]):
            link = reader.outside.books.transaction(ids.transaction_id(ids.request_id(key)))
            if link is not None and link.link_url and link.link_url not in self._to_do:
                self._to_do[link.link_url] = list(CUSTOMERS[self.schedule.card])

    def _customer(self, most: int) -> None:
        """Goes on with what this customer does on every page they know, up to so many acts. The page's word is not judged."""
        self._learn_addresses()
        for address, acts in self._to_do.items():
            for _ in range(min(most, len(acts))):
                act = acts.pop(0)
                field = "authentication" if act == "passes" else "payment_method"
                with session(self.world) as browser:
                    answer = browser.post(address, data={field: act}, allow_redirects=False, timeout=5)
                self.told.story.append(f"the customer: {act} at …{address[-12:]}: {answer.status_code}")

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
                    self._attempt(other, lambda one: self._ask(one, amount, KEYS[1]), KEYS[1])
                case "same key":
                    self._attempt(other, lambda one: self._ask(one, amount, KEYS[0]), KEYS[0])
                case "reversal":
                    other.reverse(self._payment, KEYS[3])
                case "customer":
                    self._customer(1)
                case "charge":
                    invoice = self.schedule.invoice
                    self._attempt(other, lambda one: one.charge(invoice, amount, KEYS[4]), KEYS[4])
                case "withdrawal":
                    self._attempt(other, lambda one: one.withdraw(self._link, KEYS[5]), KEYS[5])
                case "other invoice":
                    neighbour = NEIGHBOURS[self.schedule.invoice]
                    self._attempt(other, lambda one: one.charge(neighbour, "5.00", KEYS[2]), KEYS[2])
                case "event":
                    other.hear(self._subject())
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
                self._attempt(process, lambda one: self._ask(one, amount, KEYS[0]), KEYS[0])
            case "check":
                self._attempt(process, lambda one: one.check(KEYS[0]), KEYS[0])
            case "late":
                self._deliver_late()
            case "customer":
                self._customer(1)
            case "charge":
                invoice = self.schedule.invoice
                self._attempt(process, lambda one: one.charge(invoice, amount, KEYS[4]), KEYS[4])
            case "withdrawal":
                self._attempt(process, lambda one: one.withdraw(self._link, KEYS[5]), KEYS[5])
            case _:
                self.world.clock.advance(90)
                try:
                    process.hear(self._subject()) if step == "event" else process.sweep()
                except Killed:
                    self.told.story.append("killed")
                except Exception as error:  # noqa: BLE001 - an event that fails is answered 500 and comes again
                    self.told.story.append(f"failed: {error}")
                self.told.story += process.wire.log

    def _subject(self) -> str | UUID:
        """What an event would be about: the intent of the first request, as far as the rows know it, or its refund."""
        if self.schedule.what in LINKS:
            return self._link
        key = ids.transaction_id(ids.request_id(KEYS[0]))
        if self.schedule.what is What.REFUND:
            return key
        found = next((each for each in Process(self.world).books().transactions if each.id == key), None)
        return found.gateway_reference if found else "pi_unknown"

    def _deliver_late(self) -> None:
        for process in self.processes:
            process.wire.deliver_late()

    def _recover(self) -> None:
        """Nothing goes wrong any more; time passes, banks decide, and the sweep runs."""
        self._deliver_late()
        for minutes in (2, 20, 60, 400, *[10 * 1440] * 5):
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
        told = [(key, answer.outcome) for key, answer in self.answers if answer.code not in OF_A_LINK]
        self.told.problems += self._broken_links(books)
        limited = self.schedule.what is What.CHARGE or self.schedule.what in LINKS
        limit = total if limited else 2**63  # nothing limits what an account may pay
        self.told.problems += discrepancies(books, captured, invoice, limit, told, reader.refunded())
        self.told.problems += ordered_twice(reader.orders())

    def _broken_links(self, books: WholeBooks) -> Iterator[str]:
        """Who was told of a link has one, and nobody pays on one that is said to be withdrawn."""
        links = {each.id: each for each in books.transactions if each.is_link}
        for key, answer in self.answers:
            if answer.code == OPEN and ids.transaction_id(ids.request_id(key)) not in links:
                yield f"{key} was told of a payment link that is not there"
            withdrawn = links.get(ids.TransactionId(self._link))
            if answer.code == WITHDRAWN and (
                withdrawn is None or withdrawn.status is not TransactionStatus.CANCELLED
            ):
                yield f"{key} was told that the payment link is withdrawn, and it is {withdrawn}"

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
