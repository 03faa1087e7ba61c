"""The command line: what a person or a script gets back when something is missing or wrong."""

import json
import signal
import socket
from collections.abc import Iterator

import pytest
import requests
from typer.testing import CliRunner, Result

from connector import settings, web
from connector.cli import app
from connector.metrics import Metrics
from connector.serving import PortTaken, Server, StartFailed, listen, port_of
from connector.settings import PREFIX
from tests.connector.test_settings import GOOD
from tests.connector.web.scripted import ScriptedApp

pytestmark = pytest.mark.usefixtures("logging_restored", "signals_restored")


def invoke(*arguments: str, **changes: str | None) -> Result:
    """With the good settings and changes; None takes one away."""
    environment: dict[str, str | None] = {**GOOD, **{PREFIX + name: value for name, value in changes.items()}}
    return CliRunner().invoke(app, arguments, env=environment)


@pytest.mark.parametrize("command", ["serve", "register", "sweep"])
def test_a_wrong_setting_is_told_and_the_exit_status_is_two(command: str) -> None:
    result = invoke(command, STRIPE_API_KEY="pk_test_1", PORT="eighty")
    assert result.exit_code == 2
    assert "COUNTERFOIL_STRIPE_API_KEY: must be a secret or restricted key" in result.stderr
    assert "COUNTERFOIL_PORT: " in result.stderr
    assert "pk_test_1" not in result.output


@pytest.mark.parametrize("command", ["serve", "sweep"])
def test_a_mapping_that_does_not_exist(command: str) -> None:
    result = invoke(command, MAPPING="mine", PORT=str(a_free_port()))
    assert result.exit_code == 2
    assert "COUNTERFOIL_MAPPING: there is no mapping 'mine'" in result.stderr


def test_register_needs_an_address() -> None:
    result = invoke("register")
    assert result.exit_code == 2
    assert "--url https://" in result.stderr


@pytest.mark.parametrize("url", ["http://billing.contoso.com", "ftp://127.0.0.1", "nonsense"])
def test_register_sends_the_secret_to_no_address_that_shows_it(url: str) -> None:
    result = invoke("register", "--url", url)
    assert result.exit_code == 2
    assert "--url must be an address that begins with https://" in result.stderr


def test_the_doctor_calls_a_wrong_setting_a_problem() -> None:
    result = invoke("doctor", STRIPE_API_KEY="pk_test_1")
    assert result.exit_code == 1
    assert result.stdout.startswith("problem settings: COUNTERFOIL_STRIPE_API_KEY: must be")
    assert "→ Correct them in the environment" in result.stdout


def test_the_doctor_for_a_program() -> None:
    result = invoke("doctor", "--json", STRIPE_API_KEY="pk_test_1")
    [check] = json.loads(result.stdout)
    assert (result.exit_code, check["name"], check["ok"]) == (1, "settings", False)


@pytest.mark.parametrize("arguments", [("nonsense",), ("demo", "--port", "x"), ("demo", "--port", "65533"), ("demo", "--log-level", "loud"), ("doctor", "--jsn")])  # fmt: skip
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert invoke(*arguments).exit_code == 2


def test_help_names_every_command() -> None:
    text = invoke("--help").stdout
    assert all(command in text for command in ("serve", "demo", "doctor", "register", "sweep"))


def test_a_port_that_another_program_has(taken: int) -> None:
    result = invoke("serve", PORT=str(taken))
    assert result.exit_code == 2
    assert f"COUNTERFOIL_PORT: port {taken} on 127.0.0.1 is taken" in result.stderr


def test_the_demo_on_a_port_that_another_program_has(taken: int) -> None:
    result = invoke("demo", "--no-open", "--port", str(taken - 3))
    assert result.exit_code == 2
    assert f"port {taken} on 127.0.0.1 is taken" in result.stderr
    assert "--port 0" in result.stderr


class TestServing:
    def test_a_server_that_serves_and_stops(self) -> None:
        app = ScriptedApp()
        listener = listen("127.0.0.1", 0)
        server = Server(web.create(app, settings.load(GOOD), app, Metrics()), listener, grace=1)
        server.start()
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"http://127.0.0.1:{port_of(listener)}/health", timeout=5)
            assert answer.text == "ok crm: answers\n"
            assert app.running
            server.stop()
        assert not app.running

    def test_an_application_that_does_not_start(self) -> None:
        class Broken(ScriptedApp):
            def start(self) -> None:
                raise RuntimeError("no")

        app = Broken()
        server = Server(web.create(app, settings.load(GOOD), app, Metrics()), listen("127.0.0.1", 0), grace=1)
        with pytest.raises(StartFailed):
            server.start()
        server.stop()

    def test_two_programs_cannot_listen_on_one_port(self, taken: int) -> None:
        with pytest.raises(PortTaken) as refused:
            listen("127.0.0.1", taken)
        assert refused.value.port == taken


@pytest.fixture
def signals_restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def a_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
