"""Registering with the local CRM by its Web API, as `register` does with a real one, and being called afterwards."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.auth import Application, ClientSecret, Tokens
from connector.dataverse.http import Dataverse
from connector.dataverse.odata import Operation, row
from connector.dataverse.registration import ENDPOINT_ID, NotRegistered, register, step_id
from tests.conftest import Running

URL = "http://127.0.0.1:8368/dataverse"
SECRET = 'sixteen-characters-"<&>-and-more'
MESSAGES: Mapping[str, str | None] = {"cfl_ChargeInvoice": "invoice", "cfl_CheckRequest": None}


def steps(crm: Dataverse) -> list[Mapping[str, Any]]:
    return crm.rows(Operation("GET", "sdkmessageprocessingsteps"), within=5)


def test_a_new_environment_is_told_whom_to_call_and_when(crm: Dataverse) -> None:
    assert register(crm, URL, SECRET, MESSAGES) == [
        f"service endpoint {URL}: registered",
        "step cfl_ChargeInvoice (synchronous, pre-validation): registered",
        "step cfl_CheckRequest (synchronous, pre-validation): registered",
    ]
    endpoint = crm.send(Operation("GET", row("serviceendpoints", ENDPOINT_ID)), within=5).body
    assert (endpoint["url"], endpoint["contract"], endpoint["authtype"]) == (URL, 8, 5)
    assert endpoint["isauthvalueset"]
    assert not endpoint.get("authvalue"), "the secret cannot be read back"
    assert {(step["name"], step["mode"], step["stage"], step["statecode"]) for step in steps(crm)} == {
        ("Counterfoil: cfl_ChargeInvoice", 0, 10, 0),
        ("Counterfoil: cfl_CheckRequest", 0, 10, 0),
    }
    assert all(UUID(step["_eventhandler_value"]) == ENDPOINT_ID for step in steps(crm))


def test_registering_again_changes_what_is_there(crm: Dataverse) -> None:
    register(crm, URL, SECRET, MESSAGES)
    elsewhere = "https://billing.example.com/dataverse"
    assert register(crm, elsewhere, "another-secret-of-32-characters!", MESSAGES) == [
        f"service endpoint {elsewhere}: updated",
        "step cfl_ChargeInvoice (synchronous, pre-validation): updated",
        "step cfl_CheckRequest (synchronous, pre-validation): updated",
    ]
    assert len(steps(crm)) == 2
    (endpoint,) = crm.rows(Operation("GET", "serviceendpoints"), within=5)
    assert endpoint["url"] == elsewhere


def test_a_step_that_somebody_disabled_is_enabled_again(crm: Dataverse) -> None:
    register(crm, URL, SECRET, MESSAGES)
    path = row("sdkmessageprocessingsteps", step_id("cfl_ChargeInvoice"))
    crm.send(Operation("PATCH", path, {"If-Match": "*"}, {"statecode": 1, "statuscode": 2}), within=5)
    assert "step cfl_ChargeInvoice: enabled" in register(crm, URL, SECRET, MESSAGES)
    assert crm.send(Operation("GET", path), within=5).body["statecode"] == 0


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (
            {"cfl_ChargeInvoice": "invoice", "cfl_Unheard": None},
            "no message cfl_Unheard: import the solution first",
        ),
        ({"cfl_ChargeInvoice": "account"}, "cfl_ChargeInvoice of this environment is not bound to account"),
    ],
)
def test_without_the_solution_nothing_is_registered(
    crm: Dataverse, messages: dict[str, str | None], words: str
) -> None:
    with pytest.raises(NotRegistered, match=words):
        register(crm, URL, SECRET, messages)
    assert crm.rows(Operation("GET", "serviceendpoints"), within=5) == []


@pytest.fixture
def over_tls(servers: Running) -> Iterator[Dataverse]:
    told = servers.world.environment()
    application = Application(
        told["tenant"], told["client_id"], ClientSecret(told["client_secret"]), told["authority"]
    )
    tokens = Tokens(told["tls_url"], application, servers.addresses.ca_bundle)
    yield Dataverse(told["tls_url"], tokens, servers.session())
    tokens.close()


def test_the_service_registers_itself_over_tls_with_a_token_of_its_own(over_tls: Dataverse) -> None:
    register(over_tls, URL, SECRET, MESSAGES)
    assert len(steps(over_tls)) == 2
