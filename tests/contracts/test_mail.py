"""What every implementation of `plugins.ports.Mail` promises: asked of the fake and of the e-mail of the local CRM."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from connector.dataverse.mail import DataverseMail
from plugins.ports import BooksUnreachable, Email, Mail, MailRefused
from plugins.rules.ids import AccountId, InvoiceId
from sandbox.crm.schema import Schema
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.crashes.processes import MAPPING, Process
from tests.crashes.wire import Fault
from tests.fakes.mail import MemoryMail, Status, lost

DRAFT, SENT, CANCELLED = "draft", "sent", "cancelled"
STATUSES = {1: DRAFT, 3: SENT, 5: CANCELLED}


@dataclass
class InMemory:
    mail: MemoryMail

    def status(self, key: UUID) -> str | None:
        found = self.mail.status.get(key)
        return None if found is None else str(found)

    def refuses(self) -> None:
        self.mail.refuses = "The account allows no e-mail."

    def loses_the_sending(self) -> None:
        self.mail.before = lost("send")


class InTheCrm:
    """As the service's own user, or in the name of a queue."""

    def __init__(self, world: World, queue: UUID | None = None) -> None:
        self._world = world
        self.process = Process(world)
        self.mail = DataverseMail(self.process.dataverse, MAPPING, queue)

    def status(self, key: UUID) -> str | None:
        crm = self._world.crm
        row = crm.store.get(crm.schema.table("email"), key)
        return None if row is None else STATUSES[int(str(row["statuscode"]))]

    def refuses(self) -> None:
        self._world.crm._seeder.change("account", row_id("account", "Fabrikam Fibre"), {"donotemail": True})

    def loses_the_sending(self) -> None:
        """WhoAmI and the creation come before it."""
        self.process.wire.faults[2] = Fault.STATUS_500


Stage = InMemory | InTheCrm


@pytest.fixture(scope="module")
def _world(schema: Schema) -> Iterator[World]:
    world = World(schema)
    yield world
    world.stop()


@pytest.fixture
def world(_world: World) -> World:
    _world.reset()
    return _world


@pytest.fixture(params=["memory", "sandbox"])
def stage(request: pytest.FixtureRequest) -> Stage:
    if request.param == "memory":
        return InMemory(MemoryMail())
    return InTheCrm(request.getfixturevalue("world"))


def an_email(**fields: Any) -> Email:
    given: dict[str, Any] = {
        "id": uuid4(),
        "to": AccountId(row_id("account", "Fabrikam Fibre")),
        "regarding": InvoiceId(row_id("invoice", "INV-1001")),
        "subject": "Invoice INV-1001",
        "body": "<p>Hello</p>",
        "filename": "Invoice-INV-1001.pdf",
        "mimetype": "application/pdf",
        "content": b"%PDF-1.7 an invoice",
    } | fields
    return Email(**given)


def test_it_is_sent_once_however_often_that_is_asked_for(stage: Stage) -> None:
    mail: Mail = stage.mail
    email = an_email()

    for _ in range(3):
        mail.send(email)

    assert stage.status(email.id) == SENT
    assert not mail.withdraw(email.id)
    assert stage.status(email.id) == SENT


def test_a_contact_is_written_to_about_an_account_and_without_a_file(stage: Stage) -> None:
    ada = row_id("contact", "Priya Raman")
    email = an_email(
        to=ada, to_kind="contact", regarding=row_id("account", "Fabrikam Fibre"), regarding_kind="account",
        filename="", mimetype="", content=b"",
    )  # fmt: skip

    stage.mail.send(email)

    assert stage.status(email.id) == SENT


def test_what_was_made_and_not_sent_is_sent_by_the_next_attempt(stage: Stage) -> None:
    email = an_email()
    stage.loses_the_sending()
    with pytest.raises(BooksUnreachable):
        stage.mail.send(email)
    assert stage.status(email.id) == DRAFT

    stage.mail.send(email)

    assert stage.status(email.id) == SENT


def test_what_is_withdrawn_is_never_sent(stage: Stage) -> None:
    email = an_email()
    stage.loses_the_sending()
    with pytest.raises(BooksUnreachable):
        stage.mail.send(email)

    assert stage.mail.withdraw(email.id)

    with pytest.raises(MailRefused):
        stage.mail.send(email)
    assert stage.status(email.id) == CANCELLED
    assert stage.mail.withdraw(email.id)


def test_what_was_never_made_is_withdrawn(stage: Stage) -> None:
    assert stage.mail.withdraw(uuid4())


def test_a_refusal_is_certain_and_nobody_sends_it_later(stage: Stage) -> None:
    stage.refuses()
    email = an_email()

    with pytest.raises(MailRefused):
        stage.mail.send(email)

    assert stage.status(email.id) == CANCELLED


# --- The adapter's own -----------------------------------------------------------------------------------------


def test_it_comes_from_the_queue_that_was_named(world: World) -> None:
    queue = uuid4()
    world.crm._seeder.add(
        "queue", {"queueid": queue, "name": "Billing", "emailaddress": "billing@counterfoil.example"}
    )
    email = an_email()

    InTheCrm(world, queue).mail.send(email)

    row = world.crm.store.get(world.crm.schema.table("email"), email.id)
    assert row is not None
    assert "billing@counterfoil.example" in str(row["sender"])


def test_an_email_that_the_crm_does_not_take_is_refused(world: World) -> None:
    crm = InTheCrm(world)
    nobody = replace(an_email(), to=AccountId(uuid4()))

    with pytest.raises(MailRefused):
        crm.mail.send(nobody)

    assert crm.status(nobody.id) is None


@pytest.mark.parametrize("fault", [Fault.STATUS_500, Fault.GARBAGE, Fault.LOSE_ANSWER])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_answer_is_no_refusal(world: World, fault: Fault, number: int) -> None:
    crm = InTheCrm(world)
    crm.process.wire.faults[number] = fault
    email = an_email()
    try:
        crm.mail.send(email)
    except BooksUnreachable:
        crm.mail.send(email)

    assert crm.status(email.id) == SENT


def test_a_withdrawal_without_an_answer_is_not_taken_for_one(world: World) -> None:
    crm = InTheCrm(world)
    crm.process.wire.faults |= dict.fromkeys(range(40), Fault.LOSE_REQUEST)

    with pytest.raises(BooksUnreachable):
        crm.mail.withdraw(uuid4())


@pytest.mark.parametrize("status", [2, 3, 6, 7, 42])
def test_what_is_on_its_way_or_unknown_counts_as_sent(world: World, status: int) -> None:
    crm = InTheCrm(world)
    email = an_email()
    crm.mail.send(email)
    store, emails = world.crm.store, world.crm.schema.table("email")
    store.update(emails, email.id, {"statecode": 1, "statuscode": status})

    crm.mail.send(email)

    assert not crm.mail.withdraw(email.id)


def test_the_fake_knows_the_same_statuses() -> None:
    assert {str(each) for each in Status} == {DRAFT, SENT, CANCELLED}
