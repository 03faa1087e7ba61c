"""A customer is asked for a payment method: through the real adapters, on the local CRM and the local Stripe."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.app import PERFORMERS, App
from connector.stripe.events import GatewayEvent
from connector.traffic import ProcessTraffic
from plugins.actions import Answer, Call
from plugins.rules.ledger import Outcome
from sandbox.crm.crm import ORGANIZATION
from sandbox.crm.schema import Schema
from sandbox.demo.story import ledger_id, row_id
from sandbox.world import World
from tests.crashes.processes import BILLER, Process
from tests.crashes.wire import Fault
from tests.sandbox_stripe.customer import Customer

READY, PENDING = 728310000, 1
DEACTIVATED, EXPIRED = 2, 728310001


@pytest.fixture(scope="module")
def _world(schema: Schema) -> Iterator[World]:
    world = World(schema)
    yield world
    world.stop()


@dataclass
class Office:
    """The add-on between a local CRM and a local Stripe, in which Proseware Labs has no payment method yet."""

    world: World
    keys: int = 0
    process: Process = field(init=False)
    app: App = field(init=False)
    customer: Customer = field(init=False)

    def __post_init__(self) -> None:
        self.process = Process(self.world)
        traffic = self.process.outside.traffic
        assert isinstance(traffic, ProcessTraffic)
        self.app = App(self.process.outside, traffic, list)
        self.customer = Customer(self.world.stripe_front.handle)
        self.ask("cfl_OpenAccount", row_id("account", "Proseware Labs"), Currency="USD")

    def ask(self, action: str, target: UUID, key: str = "", **given: Any) -> Answer:
        self.keys += 1
        key = key or f"profile-key-{self.keys:03}"
        now = self.process.clock.now()
        call = Call(action, target, BILLER, key, given, now, ORGANIZATION.id)
        _, perform = PERFORMERS[action]
        return perform(call, self.process.outside)

    def request(self, key: str = "", **given: Any) -> dict[str, Any]:
        """The profile's row."""
        answer = self.ask("cfl_RequestPaymentProfile", ledger_id("Proseware Labs", "USD"), key, **given)
        assert answer.outcome is Outcome.DONE, answer
        (waiting,) = (each for each in self.profiles() if each["statuscode"] == PENDING)
        return waiting

    def profiles(self, account: str = "Proseware Labs") -> list[dict[str, Any]]:
        return self.rows("cfl_paymentprofile", cfl_accountid=row_id("account", account))

    def profile(self, row: dict[str, Any]) -> dict[str, Any]:
        (found,) = self.rows("cfl_paymentprofile", cfl_paymentprofileid=row["cfl_paymentprofileid"])
        return found

    def rows(self, table: str, **where: Any) -> list[dict[str, Any]]:
        crm = self.world.crm
        return [dict(each) for each in crm.store.select(crm.schema.table(table), where)]

    def event(self, row: dict[str, Any], kind: str = "checkout.session.completed") -> None:
        page = str(row["cfl_methodref"])
        now: datetime = self.process.clock.now()
        profile = str(row["cfl_paymentprofileid"])
        self.app.hear(GatewayEvent("evt_1", kind, page, "checkout.session", False, now, profile=profile))


@pytest.fixture
def office(_world: World) -> Office:
    _world.reset()
    return Office(_world)


def test_a_customer_enters_a_card_and_their_invoice_is_charged_to_it(office: Office) -> None:
    waiting = office.request(key="ask-proseware")
    (row,) = office.rows("cfl_request", cfl_key="ask-proseware")
    assert json.loads(row["cfl_result"])["url"] == waiting["cfl_requesturl"]
    assert waiting["cfl_defaultslot"] == f"own:{waiting['cfl_paymentprofileid']}"

    office.customer.chooses(waiting["cfl_requesturl"], "pm_card_visa")
    office.event(waiting)

    ready = office.profile(waiting)
    assert (ready["cfl_name"], ready["statuscode"]) == ("Visa •••• 4242", READY)
    assert ready["cfl_methodref"].startswith("pm_")
    assert ready["cfl_isdefault"] is True  # the first of the account
    assert (ready["cfl_requestused"], ready["cfl_requesturl"]) == (True, None)
    assert ready["cfl_fingerprint"]
    crm = office.world.crm
    contract = row_id("cfl_billingcontract", "Proseware Labs")
    key = UUID(str(ready["cfl_paymentprofileid"]))
    crm.store.update(crm.schema.table("cfl_billingcontract"), contract, {"cfl_paymentprofileid": key})
    charged = office.ask("cfl_ChargeInvoice", row_id("invoice", "INV-1010"), Amount=Decimal(640))
    assert charged.outcome is Outcome.DONE, charged


def test_the_sweep_hears_of_it_without_an_event(office: Office) -> None:
    waiting = office.request()
    office.customer.chooses(waiting["cfl_requesturl"], "pm_usBankAccount_success")
    office.world.clock.advance(360)
    office.process.sweep()
    ready = office.profile(waiting)
    assert ready["statuscode"] == READY
    assert ready["cfl_type"] == 728310001  # ACH debit


def test_a_link_that_nobody_used_runs_out(office: Office) -> None:
    waiting = office.request()
    office.world.clock.advance(timedelta(hours=24).total_seconds())
    office.process.sweep()
    gone = office.profile(waiting)
    assert (gone["statecode"], gone["statuscode"]) == (1, EXPIRED)


def test_a_bank_account_is_ready_once_its_customer_has_verified_it(office: Office) -> None:
    waiting = office.request()
    office.customer.chooses(waiting["cfl_requesturl"], "bank_account_by_deposits")
    office.event(waiting)
    assert office.profile(waiting)["statuscode"] == PENDING
    office.world.clock.advance(timedelta(hours=25).total_seconds())
    office.process.sweep()
    assert office.profile(waiting)["statuscode"] == PENDING, "the link has run out, what was entered has not"

    office.world.clock.advance(timedelta(hours=24).total_seconds())
    office.world.clock_moved()
    profile = str(waiting["cfl_paymentprofileid"])
    now = office.process.clock.now()
    office.app.hear(
        GatewayEvent("evt_2", "setup_intent.succeeded", "seti_1", "setup_intent", False, now, profile=profile)
    )

    ready = office.profile(waiting)
    assert (ready["cfl_name"], ready["statuscode"]) == ("STRIPE TEST BANK •••• 6789", READY)


def test_a_link_that_is_taken_back_cannot_be_used(office: Office) -> None:
    waiting = office.request()
    answer = office.ask("cfl_DeactivateProfile", UUID(str(waiting["cfl_paymentprofileid"])))
    assert answer.outcome is Outcome.DONE
    assert office.profile(waiting)["statuscode"] == DEACTIVATED
    assert "4242" not in office.customer.sees(waiting["cfl_requesturl"])


def test_the_default_moves_in_one_write(office: Office) -> None:  # W40
    other = row_id("cfl_paymentprofile", "Adatum Stone/mastercard")
    answer = office.ask("cfl_SetDefaultProfile", other)
    assert answer.outcome is Outcome.DONE, answer
    assert [each["cfl_name"] for each in office.profiles("Adatum Stone") if each["cfl_isdefault"]] == [
        "Mastercard •••• 4444"
    ]
    office.ask("cfl_SetDefaultProfile", row_id("cfl_paymentprofile", "Adatum Stone/visa"))
    assert [each["cfl_name"] for each in office.profiles("Adatum Stone") if each["cfl_isdefault"]] == [
        "Visa •••• 5556"
    ]


def test_the_contracts_that_still_name_one_are_counted(office: Office) -> None:
    answer = office.ask("cfl_DeactivateProfile", row_id("cfl_paymentprofile", "Fabrikam Fibre/visa"))
    assert "1 billing contract still names it (BC-01001)" in answer.message


def test_a_contact_gets_the_link_by_email(office: Office) -> None:
    waiting = office.request(ContactId=row_id("contact", "Sam Whitfield"))
    (email,) = (each for each in office.rows("email") if "Payment method" in str(each["subject"]))
    assert str(waiting["cfl_requesturl"]) in str(email["description"])
    assert waiting["cfl_contactid"] == row_id("contact", "Sam Whitfield")


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER, Fault.STATUS_500, Fault.STATUS_429])
@pytest.mark.parametrize("call", range(5))
def test_whichever_call_fails_a_key_is_one_profile_and_one_link(
    office: Office, fault: Fault, call: int
) -> None:
    office.process.wire.faults[office.process.wire.number + call] = fault
    target = ledger_id("Proseware Labs", "USD")
    for attempt in range(4):
        answer = office.app.perform(
            Call(
                "cfl_RequestPaymentProfile",
                target,
                BILLER,
                "one-and-only",
                {},
                office.process.clock.now(),
                ORGANIZATION.id,
            )
        )
        if answer.outcome is not Outcome.PENDING:
            break
        office.world.clock.advance(90 * (attempt + 1))
    (row,) = office.rows("cfl_request", cfl_key="one-and-only")
    told = json.loads(row["cfl_result"]) if row["cfl_result"] else {}
    waiting = office.profiles()
    assert len(waiting) == (1 if told else 0)
    if told:
        office.customer.chooses(told["url"], "pm_card_visa")
        office.event(waiting[0])
        assert office.profile(waiting[0])["statuscode"] == READY
    else:
        assert row["cfl_code"] == "processor_unreachable"
