"""What the CRM's webhook may post, and what each of its mistakes is answered with."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse import context
from connector.dataverse.context import ContextRefused
from plugins.actions import Action, KeyInvalid, KeyReused
from plugins.charge_invoice import ACTION as CHARGE
from tests.connector.web.contexts import CALLER, CONTRACTS, INVOICE, a_context, on_the_wire
from tests.connector.web.door import Door
from tests.connector.web.scripted import NEW_SECRET, OLD_SECRET, ORGANIZATION, ScriptedApp

PROFILE = UUID("cccccccc-0000-4000-8000-000000000001")
GOOD = {"x-counterfoil-secret": NEW_SECRET}


class TestTheCallItBecomes:
    def test_a_click_on_charge(self, app: ScriptedApp, door: Door) -> None:
        answer = door.post("/dataverse", on_the_wire(a_context({"PaymentProfileId": str(PROFILE)})), GOOD)
        assert answer.status == 200
        assert answer.json == {"outcome": "done", "code": "succeeded", "message": "Charged."}
        [call] = app.calls
        assert (call.action, call.target, call.caller, call.key) == (
            "cfl_ChargeInvoice",
            INVOICE,
            CALLER,
            "key-00000001",
        )
        assert call.parameters == {"Amount": Decimal("12.50"), "PaymentProfileId": PROFILE}
        assert str(call.parameters["Amount"]) == "12.50"
        assert (call.received, call.organisation) == (app.moment, ORGANIZATION)

    @pytest.mark.parametrize(
        ("amount", "parameter"),
        [
            ("<12>", Decimal(12)),
            ("<-1.5>", Decimal("-1.5")),
            ("<0.1000000001>", Decimal("0.1000000001")),
            ({"__type": f"Money:{CONTRACTS}", "Value": "<10.00>"}, Decimal("10.00")),
            ("twelve", "twelve"),
            (True, True),
        ],
    )
    def test_amounts_are_exact_and_what_is_none_is_left_to_the_rules(
        self, app: ScriptedApp, door: Door, amount: Any, parameter: Any
    ) -> None:
        assert door.post("/dataverse", on_the_wire(a_context({"Amount": amount})), GOOD).status == 200
        assert app.calls[0].parameters["Amount"] == parameter

    def test_what_is_not_given_or_not_declared_is_left_out(self, app: ScriptedApp, door: Door) -> None:
        inputs = {"PaymentProfileId": None, "Amount": None, "SuppressDuplicateDetection": True}
        door.post("/dataverse", on_the_wire(a_context(inputs)), GOOD)
        assert app.calls[0].parameters == {}

    def test_an_unbound_action_has_no_target(self, app: ScriptedApp, door: Door) -> None:
        fields = a_context(MessageName="cfl_CheckRequest", PrimaryEntityId=str(UUID(int=0)))
        assert door.post("/dataverse", on_the_wire(fields), GOOD).status == 200
        assert (app.calls[0].action, app.calls[0].target) == ("cfl_CheckRequest", None)

    def test_a_key_in_capitals_is_the_same_key(self, app: ScriptedApp, door: Door) -> None:
        door.post("/dataverse", on_the_wire(a_context({"RequestKey": "KEY-00000001"})), GOOD)
        assert app.calls[0].key == "key-00000001"

    def test_the_primary_entity_stands_in_for_a_target_that_is_left_out(
        self, app: ScriptedApp, door: Door
    ) -> None:
        door.post("/dataverse", on_the_wire(a_context({"Target": None})), GOOD)
        assert app.calls[0].target == INVOICE

    def test_the_old_secret_counts_while_secrets_are_rotated(self, door: Door) -> None:
        headers = {"x-counterfoil-secret": OLD_SECRET}
        assert door.post("/dataverse", on_the_wire(a_context()), headers).status == 200


class TestTurnedAwayBeforeAnythingIsWritten:
    @pytest.fixture(autouse=True)
    def nothing_is_performed(self, app: ScriptedApp) -> Iterator[None]:
        yield
        assert app.calls == []

    @pytest.mark.parametrize("headers", [{}, {"x-counterfoil-secret": ""}, {"x-counterfoil-secret": "guess"}, {"x-counterfoil-secret": NEW_SECRET + "x"}, {"x-counterfoil-secret": "ä"}])  # fmt: skip
    def test_a_missing_or_wrong_secret(self, door: Door, headers: dict[str, str]) -> None:
        answer = door.post("/dataverse", on_the_wire(a_context()), headers)
        assert (answer.status, answer.code) == (401, "secret_wrong")
        assert door.read == 0

    def test_another_organization(self, door: Door) -> None:
        body = on_the_wire(a_context(OrganizationId=str(CALLER)))
        answer = door.post("/dataverse", body, GOOD)
        assert (answer.status, answer.code) == (403, "wrong_organization")

    def test_an_unknown_message(self, door: Door) -> None:
        for message in ("cfl_PrintMoney", "Create", 7, None):
            answer = door.post("/dataverse", on_the_wire(a_context(MessageName=message)), GOOD)
            assert (answer.status, answer.code) == (404, "unknown_message")

    @pytest.mark.parametrize("fields", [{"Stage": 20}, {"Stage": 40}, {"IsInTransaction": True}])
    def test_a_step_registered_inside_the_transaction(self, door: Door, fields: dict[str, Any]) -> None:
        answer = door.post("/dataverse", on_the_wire(a_context(**fields)), GOOD)
        assert (answer.status, answer.code) == (400, "step_misregistered")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not JSON",
            b"[]",
            b"null",
            b"7",
            b"{}",
            b"[" * 100_000,
            b'{"Amount": NaN}',
            on_the_wire(a_context()).replace(b"12.50", b"NaN"),
            on_the_wire(a_context()).replace(b"12.50", b"-Infinity"),
            "{}".encode("utf-16"),
            on_the_wire(a_context(OrganizationName="Jørgen")).replace("ø".encode(), b"\xf8"),
            on_the_wire(a_context(InitiatingUserId="me")),
            on_the_wire(a_context(OrganizationId=7)),
            on_the_wire(a_context(InputParameters={"RequestKey": "key-00000001"})),
            on_the_wire(a_context(InputParameters=[["RequestKey", "key-00000001"]])),
            on_the_wire(a_context(InputParameters=[{"key": ["RequestKey"], "value": 1}])),
            on_the_wire(a_context(PrimaryEntityId=None)),
            on_the_wire(a_context()).replace(b'"MessageName"', b'"MessageName": "Create", "MessageName"'),
            on_the_wire(a_context()).replace(
                b'"InputParameters": [', b'"InputParameters": [{"key": "Amount", "value": 9}, '
            ),
            on_the_wire(a_context({"Target": {"LogicalName": "invoice"}})),
            on_the_wire(a_context({"Target": None}, PrimaryEntityId=str(UUID(int=0)))),
        ],
    )
    def test_a_malformed_context(self, door: Door, body: bytes) -> None:
        answer = door.post("/dataverse", body, GOOD)
        assert (answer.status, answer.code) == (400, "context_malformed")

    @pytest.mark.parametrize("key", [None, "", "short", "key with spaces", "k" * 65, 12345678, ["key-00000001"], "schlüssel-1", "key-00000001\n"])  # fmt: skip
    def test_a_missing_or_malformed_key(self, door: Door, key: Any) -> None:
        answer = door.post("/dataverse", on_the_wire(a_context({"RequestKey": key})), GOOD)
        assert (answer.status, answer.code) == (400, "request_key_invalid")

    @pytest.mark.parametrize("profile", ["visa", 7, "12345678-1234", {"Id": str(PROFILE)}])
    def test_an_id_that_is_none(self, door: Door, profile: Any) -> None:
        answer = door.post("/dataverse", on_the_wire(a_context({"PaymentProfileId": profile})), GOOD)
        assert (answer.status, answer.code) == (400, "parameter_malformed")

    def test_a_body_that_says_it_is_too_large_is_not_read(self, door: Door) -> None:
        answer = door.post("/dataverse", b" " * (context.MAX_BYTES + 1), GOOD)
        assert (answer.status, answer.code) == (413, "body_too_large")
        assert door.read == 0

    def test_a_body_that_does_not_say_how_large_it_is_is_read_up_to_the_limit(self, door: Door) -> None:
        endless = (b" " * 4096 for _ in range(1_000_000))
        answer = door.post("/dataverse", endless, GOOD)
        assert (answer.status, answer.code) == (413, "body_too_large")
        assert door.read <= context.MAX_BYTES + 4096

    def test_a_body_that_the_platform_cut(self, door: Door) -> None:
        headers = {**GOOD, "x-ms-dynamics-msg-size-exceeded": "true"}
        answer = door.post("/dataverse", on_the_wire(a_context(InputParameters=[])), headers)
        assert (answer.status, answer.code) == (413, "context_too_large")


class TestAnswers:
    def test_the_largest_body_that_is_allowed(self, door: Door) -> None:
        body = on_the_wire(a_context())
        assert door.post("/dataverse", body + b" " * (context.MAX_BYTES - len(body)), GOOD).status == 200

    def test_a_key_used_for_something_else(self, app: ScriptedApp, door: Door) -> None:
        app.fails_with = KeyReused("key-00000001")
        answer = door.post("/dataverse", on_the_wire(a_context()), GOOD)
        assert (answer.status, answer.code) == (400, "request_key_reused")

    def test_an_error_of_ours_is_never_one_on_which_the_platform_sends_again(
        self, app: ScriptedApp, door: Door
    ) -> None:
        app.fails_with = RuntimeError("sk_test_4eC39HqLyjWDarjtT1zdp7dc")
        answer = door.post("/dataverse", on_the_wire(a_context()), GOOD)
        assert (answer.status, answer.code) == (500, "internal")
        assert b"sk_test" not in answer.body

    def test_get_is_not_offered(self, door: Door) -> None:
        assert door.get("/dataverse").status == 405


EVERY_KIND = Action(
    "cfl_ChargeInvoice",
    "invoice",
    {
        "RequestKey": str,
        "Amount": Decimal,
        "When": datetime,
        "Ids": list,
        "Kind": int,
        "Flag": bool,
        "Text": str,
        "Key": UUID,
    },
    "prvCreatecfl_maycharge",
)
"""An action with a parameter of every type there is."""


def parsed(app: ScriptedApp, name: str, value: Any) -> Any:
    body = on_the_wire(a_context({name: value}))
    return context.parse(body, app.moment, ORGANIZATION, {EVERY_KIND.name: EVERY_KIND}).parameters.get(name)


@pytest.mark.parametrize(
    ("name", "sent", "read"),
    [
        ("When", "/Date(1506409448000-0700)/", datetime(2017, 9, 26, 7, 4, 8, tzinfo=UTC)),
        ("When", "/Date(-1)/", datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
        ("When", None, None),
        ("Ids", ["a", "b"], ["a", "b"]),
        ("Ids", [], []),
        ("Kind", 3, 3),
        ("Kind", {"__type": f"OptionSetValue:{CONTRACTS}", "Value": 3}, 3),
        ("Flag", False, False),
        ("Text", "/Date(0)/", "/Date(0)/"),
        ("Text", "", ""),
        ("Amount", {"__type": f"Money:{CONTRACTS}", "Value": "<12.50>"}, Decimal("12.50")),
        ("Amount", 12, Decimal(12)),
        ("Key", {"__type": f"EntityReference:{CONTRACTS}", "Id": str(INVOICE)}, INVOICE),
    ],
)
def test_a_parameter_has_its_declared_type(app: ScriptedApp, name: str, sent: Any, read: Any) -> None:
    found = parsed(app, name, sent)
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("When", "2026-01-31"),
        ("When", "/Date(999999999999999)/"),
        ("When", 7),
        ("Ids", "a,b"),
        ("Ids", [7]),
        ("Ids", ["a", None]),
        ("Ids", [{"odd": 1}]),
        ("Ids", {"a": "b"}),
        ("Kind", "3"),
        ("Kind", "<3.5>"),
        ("Kind", True),
        ("Flag", 1),
        ("Flag", "true"),
        ("Text", 7),
        ("Text", ["a"]),
        ("Key", 7),
    ],
)
def test_a_parameter_of_another_type_is_turned_away(app: ScriptedApp, name: str, sent: Any) -> None:
    with pytest.raises(ContextRefused) as refused:
        parsed(app, name, sent)
    assert (refused.value.status, refused.value.code) == (400, "parameter_malformed")
    assert name in refused.value.message


def test_a_byte_order_mark_is_no_mistake(app: ScriptedApp) -> None:
    body = b"\xef\xbb\xbf" + on_the_wire(a_context())
    call = context.parse(body, app.moment, ORGANIZATION, {CHARGE.name: CHARGE})
    assert call.key == "key-00000001"


def test_refusals_can_be_told_apart_without_a_server(app: ScriptedApp) -> None:
    with pytest.raises(ContextRefused):
        context.parse(b"{}", app.moment, ORGANIZATION, {})
    with pytest.raises(KeyInvalid):
        context.parse(
            on_the_wire(a_context({"RequestKey": "x"})), app.moment, ORGANIZATION, {CHARGE.name: CHARGE}
        )
