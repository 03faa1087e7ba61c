"""An invoice is closed and e-mailed, or printed, through the CRM's custom APIs; whatever breaks, one e-mail goes out."""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from pypdf import PdfReader

from plugins.actions import Answer, Call, CallError
from plugins.deliver_invoice import ACTION, deliver_invoice
from plugins.ports import BooksUnreachable
from plugins.rules.ids import UserId, email_id, request_id
from plugins.rules.ledger import Outcome
from sandbox.crm.crm import ORGANIZATION
from sandbox.crm.schema import Schema
from sandbox.demo.demo import Story
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.crashes.processes import Process
from tests.crashes.wire import Fault, Killed
from tests.examples.over_http import ACCOUNT, KEYS, HttpStage, telling_world
from tests.in_process import signed_in
from tests.pages.conftest import visit

ADDRESS = "accounts@examples.example"
EMAIL, PRINT = 728310001, 728310002
BILLER = UserId(row_id("systemuser", "biller"))


@pytest.fixture(scope="module")
def _world(schema: Schema, story: Story) -> Iterator[World]:
    made = telling_world(schema, story)
    yield made
    made.stop()


class Desk:
    """A customer with a closed invoice of 113.00."""

    def __init__(self, world: World) -> None:
        self.stage = HttpStage(world)
        self.world = world
        seeder = world.crm._seeder
        seeder.change(
            "account",
            row_id("account", ACCOUNT),
            {"emailaddress1": ADDRESS, "address1_line1": "1 Main Street", "address1_city": "Springfield"},
        )
        template = seeder.add(
            "cfl_invoicetemplate",
            {
                "cfl_name": "Usual",
                "cfl_sendername": "Counterfoil Telecom Inc.",
                "cfl_senderaddress": "100 King Street West\nToronto",
                "cfl_showdetail": True,
                "cfl_footer": "Thank you",
            },
        )
        seeder.change(
            "cfl_setting", row_id("cfl_setting", "Counterfoil"), {"cfl_defaulttemplateid": template}
        )
        added = self.ask(
            "cfl_AddDebit",
            self.stage.ledger,
            Amount=Decimal(100),
            ServiceId=KEYS["Setup"],
            Detail="Installed",
        )
        assert added.outcome is Outcome.DONE, added
        ledger = self.one(f"cfl_billingaccounts({self.stage.ledger})")
        self.invoice = UUID(ledger["_cfl_openinvoiceid_value"])
        assert self.ask("cfl_CloseInvoice", self.invoice).outcome is Outcome.DONE

    def ask(self, action: str, target: UUID, key: str = "", **given: Any) -> Answer:
        return self.stage.ask(action, target, key or f"{action.lower()}-key", given)

    def one(self, path: str) -> Any:
        with signed_in(self.world, "biller") as person:
            answer = person.get(f"{self.world.addresses.crm}/api/data/v9.2/{path}")
        assert answer.ok, answer.text
        return answer.json()

    def emails(self) -> list[dict[str, Any]]:
        found = self.one(
            f"emails?$filter=_regardingobjectid_value eq {self.invoice}"
            "&$expand=email_activity_mime_attachment,email_activity_parties"
        )
        rows: list[dict[str, Any]] = found["value"]
        return rows

    def call(self, key: str) -> Call:
        now = Process(self.world).clock.now()
        return Call(ACTION.name, self.invoice, BILLER, key, {"Method": EMAIL}, now, ORGANIZATION.id)


@pytest.fixture
def desk(_world: World) -> Iterator[Desk]:
    made = Desk(_world)
    yield made
    made.stage.close()


def text_of(file: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(file)).pages)


# E133, E134, E135
def test_an_invoice_is_closed_and_emailed(desk: Desk) -> None:
    answer = desk.ask(ACTION.name, desk.invoice, Method=EMAIL)

    assert (answer.outcome, answer.code) == (Outcome.DONE, "succeeded"), answer
    [email] = desk.emails()
    assert (email["statecode"], email["statuscode"]) == (1, 3)  # Completed (Sent)
    assert ADDRESS in email["torecipients"]
    [file] = email["email_activity_mime_attachment"]
    text = text_of(b64decode(file["body"]))
    number = desk.one(f"invoices({desk.invoice})")["invoicenumber"]
    for said in (
        number,
        ACCOUNT,
        "1 Main Street",
        "Setup",
        "Installed",
        "113.00",
        "Counterfoil Telecom Inc.",
    ):
        assert said in text
    assert desk.one(f"invoices({desk.invoice})")["cfl_deliveredon"]

    page = visit(desk.world, "biller")
    link = f"/main.aspx?pagetype=entityrecord&etn=invoice&id={desk.invoice}"
    assert f'href="{link}"' in page.list("invoice")
    form = page.page(link)
    assert f"Invoice {number}" in form.split('class="timeline"', 1)[1]
    href = form.split('class="timeline"', 1)[1].split("download.aspx", 1)[1].split('"', 1)[0]
    opened = page.get(f"/Activities/Attachment/download.aspx{href}")
    assert text_of(opened.body) == text


# E135, the other way
def test_an_invoice_is_printed(desk: Desk) -> None:
    answer = desk.ask(ACTION.name, desk.invoice, Method=PRINT)

    assert (answer.outcome, answer.code) == (Outcome.DONE, "succeeded"), answer
    [note] = desk.one(f"invoices({desk.invoice})/Invoice_Annotation")["value"]
    assert "Setup" in text_of(b64decode(note["documentbody"]))
    assert note["mimetype"] == "application/pdf"
    assert desk.emails() == []
    assert desk.one(f"invoices({desk.invoice})")["cfl_deliveredon"]


def test_the_billing_group_says_how(desk: Desk) -> None:
    """The group of the stage's account prints."""
    assert desk.ask(ACTION.name, desk.invoice).outcome is Outcome.DONE
    assert len(desk.one(f"invoices({desk.invoice})/Invoice_Annotation")["value"]) == 1


def test_what_the_crm_does_not_send_is_told(desk: Desk) -> None:
    desk.world.crm._seeder.change("account", row_id("account", ACCOUNT), {"donotemail": True})

    answer = desk.ask(ACTION.name, desk.invoice, Method=EMAIL)

    assert (answer.outcome, answer.code) == (Outcome.FAILED, "email_refused"), answer
    [email] = desk.emails()
    assert (email["statecode"], email["statuscode"]) == (2, 5)  # Canceled
    assert not desk.one(f"invoices({desk.invoice})")["cfl_deliveredon"]


def test_without_an_address_nothing_is_sent(desk: Desk) -> None:
    desk.world.crm._seeder.change("account", row_id("account", ACCOUNT), {"emailaddress1": None})

    answer = desk.ask(ACTION.name, desk.invoice, Method=EMAIL)

    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "no_email_address")
    assert ACCOUNT in answer.message
    assert desk.emails() == []


CALLS = 9
"""At least as many as an e-mail takes; a fault at a call that is never made hits nothing."""
NOT_TOLD = frozenset({Fault.STATUS_412})
"""A clash that nobody caused: the platform tells one only where there is something to clash with."""


@pytest.mark.parametrize("fault", [each for each in Fault if each not in NOT_TOLD])
def test_one_fault_at_any_call_and_one_email(desk: Desk, fault: Fault) -> None:
    for number in range(CALLS):
        key = f"delivery-{number}"
        process = Process(desk.world)
        process.wire.faults[number] = fault
        with suppress(Killed, BooksUnreachable, CallError):
            deliver_invoice(desk.call(key), process.outside)
        process.wire.deliver_late()

        desk.world.clock.advance(180)
        Process(desk.world).sweep()
        answer = deliver_invoice(desk.call(key), Process(desk.world).outside)

        assert answer.outcome is Outcome.DONE, (number, answer, process.wire.log)
    emails = desk.emails()
    assert sorted(each["activityid"] for each in emails) == sorted(
        str(email_id(request_id(f"delivery-{number}"))) for number in range(CALLS)
    )
    assert {each["statuscode"] for each in emails} == {3}
    assert {len(each["email_activity_mime_attachment"]) for each in emails} == {1}
