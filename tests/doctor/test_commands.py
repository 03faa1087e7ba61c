"""The commands that reach an installation, as a person or a program sees them."""

import json

import pytest
from typer.testing import CliRunner, Result

from connector.app import PERFORMERS
from connector.cli import app
from tests.doctor.conftest import Installation

pytestmark = pytest.mark.usefixtures("logging_restored")


def invoke(installation: Installation, *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env=dict(installation.given))


def test_the_doctor_on_a_terminal(installation: Installation) -> None:
    result = invoke(installation, "doctor")
    assert result.exit_code == 0, result.stdout
    lines = result.stdout.splitlines()
    assert "ok      set-up row: pinned to this environment, test mode, " in result.stdout
    assert all(line.startswith("ok      ") for line in lines)


def test_the_doctor_with_a_problem(installation: Installation) -> None:
    installation.set("PUBLIC_URL", None)
    result = invoke(installation, "doctor")
    assert result.exit_code == 1
    assert "problem service: it is not known where the CRM and Stripe reach the service" in result.stdout
    assert "        → Set COUNTERFOIL_PUBLIC_URL" in result.stdout


def test_the_doctor_for_a_program(installation: Installation) -> None:
    result = invoke(installation, "doctor", "--json")
    checks = json.loads(result.stdout)
    assert {check["name"] for check in checks} >= {"sign-in", "rights", "stripe key", "service"}
    assert all(check["ok"] for check in checks)


def test_register_again_changes_nothing(installation: Installation) -> None:
    def registered() -> object:
        endpoints = installation.admin("GET", "serviceendpoints?$select=name,url&$orderby=name")["value"]
        steps = installation.admin("GET", "sdkmessageprocessingsteps?$select=name,stage,mode&$orderby=name")[
            "value"
        ]
        return [
            [(row["name"], row.get("url"), row.get("stage")) for row in rows] for rows in (endpoints, steps)
        ]

    before = registered()
    result = invoke(installation, "register", "--json")
    assert result.exit_code == 0, result.output
    told = [line.rpartition(": ")[2] for line in json.loads(result.stdout)["registered"]]
    assert told == ["updated"] * (1 + len(PERFORMERS)), "the endpoint, and a step for each action"
    assert registered() == before


def test_register_somewhere_else_and_back(installation: Installation) -> None:
    result = invoke(installation, "register", "--url", "http://127.0.0.1:1/")
    assert "service endpoint http://127.0.0.1:1/dataverse: updated" in result.stdout
    assert invoke(installation, "doctor").exit_code == 1
    assert invoke(installation, "register").exit_code == 0
    assert invoke(installation, "doctor").exit_code == 0


def test_register_without_the_right(installation: Installation) -> None:
    installation.set("CLIENT_SECRET", "wrong")
    result = invoke(installation, "register")
    assert result.exit_code == 1
    assert "The CRM did not take the registration: COUNTERFOIL_CLIENT_SECRET" in result.stderr


def test_sweep_when_nothing_is_due(installation: Installation) -> None:
    result = invoke(installation, "sweep", "--json")
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)
    assert (counts["failed"], counts["in_trouble"], counts["problems"]) == (0, 0, [])


def test_sweep_on_a_terminal(installation: Installation) -> None:
    lines = invoke(installation, "sweep").stdout.splitlines()
    assert "in trouble: 0" in lines
    assert "problems: none" in lines


def test_sweep_in_a_copy_of_the_environment(installation: Installation) -> None:
    setting = installation.first("cfl_settings?$select=cfl_settingid", "cfl_settingid")
    installation.admin("PATCH", f"cfl_settings({setting})", {"cfl_organizationid": setting})
    result = invoke(installation, "sweep")
    assert result.exit_code == 1
    assert "These records belong to another environment" in result.stdout
