"""Every bad input through the real door: its code, and what is written in the books and sent to Stripe: nothing, or one refusal."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import stripe

from connector import settings, web
from connector.app import App
from connector.metrics import Metrics
from connector.traffic import ProcessTraffic
from sandbox.crm.crm import ORGANIZATION
from sandbox.demo.story import row_id
from sandbox.world import World
from tests.connector.test_settings import GOOD
from tests.connector.web.contexts import a_context, on_the_wire
from tests.connector.web.door import Answered, Door
from tests.crashes.processes import BILLER, Process

SECRET = "a-webhook-secret-of-some-length"
SIGNING_SECRET = GOOD["COUNTERFOIL_STRIPE_WEBHOOK_SECRET"]
LEDGER = (
    "cfl_request",
    "cfl_paymenttransaction",
    "cfl_payment",
    "cfl_disbursement",
    "cfl_billingaccount",
    "invoice",
)
KEY = "key-00000001"

NOBODYS = "0f0e0d0c-0000-4000-8000-000000000001"
"""The id of no row."""


@dataclass
class Office:
    """The add-on in front of a local CRM and a local Stripe."""

    world: World
    door: Door
    process: Process

    def click(
        self, inputs: Mapping[str, Any], headers: Mapping[str, str] | None = None, **fields: Any
    ) -> Answered:
        """A click on Charge on INV-1001 of Fabrikam (1,250.00 USD), as the CRM tells of it."""
        return self.post(on_the_wire(self.context(inputs, **fields)), headers)

    def context(self, inputs: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        invoice = str(row_id("invoice", "INV-1001"))
        target = {"Target": None, "Amount": "<10>", "RequestKey": KEY, **inputs}
        return a_context(
            target,
            **{
                "OrganizationId": str(ORGANIZATION.id),
                "InitiatingUserId": str(BILLER),
                "PrimaryEntityId": invoice,
                **fields,
            },
        )

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> Answered:
        return self.door.post(
            "/dataverse", body, {"x-counterfoil-secret": SECRET} if headers is None else headers
        )

    def event(
        self,
        intent: str,
        type_: str = "payment_intent.succeeded",
        seconds: int = 0,
        secret: str = SIGNING_SECRET,
        id_: str = "evt_1",
    ) -> Answered:
        now = int(self.world.clock.now().timestamp())
        body = json.dumps(
            {"id": id_, "object": "event", "type": type_, "created": now, "livemode": False, "data": {"object": {"id": intent, "object": "payment_intent", "status": "succeeded"}}}
        )  # fmt: skip
        signature = stripe.WebhookSignature.generate_signature_header(body, secret, now + seconds)
        return self.door.post("/stripe", body.encode(), {"Stripe-Signature": signature})

    def books(self) -> dict[str, list[Any]]:
        store, schema = self.world.crm.store, self.world.crm.schema
        return {table: store.select(schema.table(table)) for table in LEDGER}

    def requests(self) -> dict[str, str]:
        """Code by key, of what was written under the keys of these tests."""
        rows = self.world.crm.store.select(self.world.crm.schema.table("cfl_request"))
        return {
            str(row["cfl_key"]): str(row["cfl_code"])
            for row in rows
            if str(row["cfl_key"]).startswith("key-")
        }

    def charged(self) -> int:
        return sum(self.process.captured().values())

    def intent(self) -> str:
        """Of the transaction that was made under `KEY`."""
        [row] = [
            row
            for row in self.world.crm.store.select(self.world.crm.schema.table("cfl_paymenttransaction"))
            if row["cfl_requestid"] == self._request()
        ]
        return str(row["cfl_gatewayreference"])

    def _request(self) -> Any:
        rows = self.world.crm.store.select(self.world.crm.schema.table("cfl_request"), {"cfl_key": KEY})
        return rows[0]["cfl_requestid"]


@pytest.fixture
def office(world: World) -> Office:
    process = Process(world)
    traffic = process.outside.traffic
    assert isinstance(traffic, ProcessTraffic)
    app = App(process.outside, traffic, list)
    told = settings.load(GOOD | {"COUNTERFOIL_ORGANIZATION_ID": str(ORGANIZATION.id)})
    return Office(world, Door(web.create(app, told, process.clock, Metrics())), process)


def test_a_good_click_is_charged_once_however_often_it_comes(office: Office) -> None:
    before = office.charged()
    for _ in range(3):
        assert office.click({}).json["code"] == "succeeded"
    assert office.charged() - before == 1000
    assert office.requests() == {KEY: "succeeded"}


class TestNothingIsWritten:
    @pytest.fixture(autouse=True)
    def unchanged(self, office: Office) -> Iterator[None]:
        before, calls = office.books(), office.world.stripe_calls.since(0)["next"]
        yield
        assert office.books() == before
        assert office.world.stripe_calls.since(calls)["calls"] == []

    @pytest.mark.parametrize("secret", ["", "wrong", SECRET[:-1]])
    def test_wrong_secret(self, office: Office, secret: str) -> None:
        answer = office.click({}, {"x-counterfoil-secret": secret})
        assert (answer.status, answer.code) == (401, "secret_wrong")

    def test_wrong_organisation(self, office: Office) -> None:
        answer = office.click({}, OrganizationId=str(uuid4()))
        assert (answer.status, answer.code) == (403, "wrong_organization")

    def test_unknown_message(self, office: Office) -> None:
        answer = office.click({}, MessageName="cfl_RefundEverything")
        assert (answer.status, answer.code) == (404, "unknown_message")

    def test_malformed(self, office: Office) -> None:
        answer = office.post(on_the_wire(office.context({}))[:-1])
        assert (answer.status, answer.code) == (400, "context_malformed")

    def test_oversized(self, office: Office) -> None:
        answer = office.click({"Note": "x" * 256 * 1024})
        assert (answer.status, answer.code) == (413, "body_too_large")

    def test_not_utf_8(self, office: Office) -> None:
        answer = office.post(
            on_the_wire(office.context({}, OrganizationName="Jørgen")).replace("ø".encode(), b"\xf8")
        )
        assert (answer.status, answer.code) == (400, "context_malformed")

    def test_amount_that_is_no_json(self, office: Office) -> None:
        answer = office.click({"Amount": "<NaN>"})
        assert (answer.status, answer.code) == (400, "context_malformed")

    @pytest.mark.parametrize("key", [None, "", "short", "not a key", "k" * 65, 7])
    def test_missing_or_malformed_key(self, office: Office, key: object) -> None:
        answer = office.click({"RequestKey": key})
        assert (answer.status, answer.code) == (400, "request_key_invalid")

    def test_malformed_profile(self, office: Office) -> None:
        answer = office.click({"PaymentProfileId": "visa"})
        assert (answer.status, answer.code) == (400, "parameter_malformed")

    def test_somebody_whom_the_crm_does_not_know(self, office: Office) -> None:
        for message in ("cfl_ChargeInvoice", "cfl_CheckRequest"):
            answer = office.click({}, MessageName=message, InitiatingUserId=str(uuid4()))
            assert (answer.status, answer.code) == (400, "user_or_invoice_gone")

    @pytest.mark.parametrize(("seconds", "code"), [(-301, "event_expired"), (301, "event_from_the_future")])
    def test_event_out_of_its_time(self, office: Office, seconds: int, code: str) -> None:
        answer = office.event("pi_unknown", seconds=seconds)
        assert (answer.status, answer.code) == (400, code)

    def test_unsigned_event(self, office: Office) -> None:
        assert office.door.post("/stripe", b"{}").code == "signature_missing"
        assert office.event("pi_unknown", secret="whsec_theirs").code == "signature_invalid"

    def test_event_of_an_intent_that_is_not_ours(self, office: Office) -> None:
        for _ in range(3):
            assert office.event("pi_unknown").status == 200


class TestOneRefusalIsWrittenAndNothingElse:
    @pytest.mark.parametrize(
        ("inputs", "code"),
        [
            ({"Amount": "<0>"}, "amount_invalid"),
            ({"Amount": "<-10>"}, "amount_invalid"),
            ({"Amount": "<10.001>"}, "amount_invalid"),
            ({"Amount": "<1E+400>"}, "amount_above_balance"),
            ({"Amount": "<1E+999999999>"}, "amount_invalid"),
            ({"Amount": "<1E-999999999>"}, "amount_invalid"),
            ({"Amount": "10"}, "amount_invalid"),
            ({"Amount": "NaN"}, "amount_invalid"),
            ({"Amount": "Infinity"}, "amount_invalid"),
            ({"Amount": "ten"}, "amount_invalid"),
            ({"Amount": ""}, "amount_invalid"),
            ({"Amount": None}, "amount_invalid"),
            ({"Amount": True}, "amount_invalid"),
            ({"Amount": ["<10>"]}, "amount_invalid"),
            ({"Amount": "<1250.01>"}, "amount_above_balance"),
            ({"Amount": "<0.49>"}, "amount_below_minimum"),
            ({"ExpectedBalance": "<1249.99>"}, "balance_changed"),
            ({"ExpectedBalance": "much"}, "balance_changed"),
            ({"PaymentProfileId": NOBODYS}, "profile_not_usable"),
            ({"PaymentProfileId": str(row_id("cfl_paymentprofile", "Litware Dental/visa"))}, "profile_not_usable"),
            ({"PaymentProfileId": str(row_id("cfl_paymentprofile", "Contoso Freight/visa"))}, "profile_not_usable"),
        ],
        ids=str,
    )  # fmt: skip
    def test_amounts_balances_and_profiles(self, office: Office, inputs: dict[str, Any], code: str) -> None:
        self._refused(office, code, inputs)

    @pytest.mark.parametrize("invoice", [NOBODYS])
    def test_unknown_invoice(self, office: Office, invoice: str) -> None:
        self._refused(office, "invoice_not_found", {}, PrimaryEntityId=invoice)

    @pytest.mark.parametrize(
        ("number", "code"),
        [("INV-1003", "not_chargeable"), ("INV-1004", "not_chargeable"), ("INV-1010", "no_payment_profile")],
    )
    def test_invoices_that_cannot_be_charged(self, office: Office, number: str, code: str) -> None:
        self._refused(office, code, {}, PrimaryEntityId=str(row_id("invoice", number)))

    def _refused(self, office: Office, code: str, inputs: Mapping[str, Any], **fields: Any) -> None:
        before, calls = office.books(), office.world.stripe_calls.since(0)["next"]
        for _ in range(2):  # the first answer stands
            answer = office.click(inputs, **fields)
            assert (answer.status, answer.json["outcome"], answer.json["code"]) == (200, "refused", code)
        after = office.books()
        [row] = [row for row in after.pop("cfl_request") if row not in before["cfl_request"]]
        assert (row["cfl_key"], row["cfl_code"]) == (KEY, code)
        assert after == {table: rows for table, rows in before.items() if table != "cfl_request"}
        assert office.world.stripe_calls.since(calls)["calls"] == []


class TestWhatComesAgain:
    @pytest.mark.parametrize(
        ("inputs", "fields"),
        [
            ({"Amount": "<11>"}, {}),
            ({"PaymentProfileId": NOBODYS}, {}),
            ({}, {"PrimaryEntityId": str(row_id("invoice", "INV-1011"))}),
        ],
    )
    def test_a_key_reused_with_other_input(
        self, office: Office, inputs: dict[str, Any], fields: dict[str, Any]
    ) -> None:
        office.click({})
        before, charged = office.books(), office.charged()
        answer = office.click(inputs, **fields)
        assert (answer.status, answer.code) == (400, "request_key_reused")
        assert office.books() == before
        assert office.charged() == charged

    def test_an_event_ten_times_in_any_order(self, office: Office) -> None:
        office.click({})
        before, charged, intent = office.books(), office.charged(), office.intent()
        for type_ in (
            "payment_intent.succeeded",
            "payment_intent.payment_failed",
            "payment_intent.canceled",
        ) * 4:
            assert office.event(intent, type_, id_="evt_again").status == 200
        assert office.books() == before
        assert office.charged() == charged

    def test_an_event_that_lies_is_not_believed(self, office: Office) -> None:
        """The dialog's charge waits for its answer; an event says it succeeded, Stripe itself says it is not confirmed."""
        office.world.faults.replace([{"target": "stripe", "path": "/confirm$", "do": "drop_before"}])
        assert office.click({}).json["outcome"] == "pending"
        office.world.faults.replace([])
        charged = office.charged()
        office.world.clock.advance(
            timedelta(minutes=11).total_seconds()
        )  # too old to be confirmed for the user
        assert office.event(office.intent()).status == 200
        assert office.charged() == charged
        assert office.requests() == {KEY: "not_sent"}


def test_ids_of_these_tests_are_the_storys(world: World) -> None:
    profiles = world.crm.schema.table("cfl_paymentprofile")
    for name in ("Litware Dental/visa", "Contoso Freight/visa"):
        assert world.crm.store.get(profiles, UUID(str(row_id("cfl_paymentprofile", name)))) is not None
