"""Real sockets: what a client sees on the wire, and a process that starts, says so, and stops when told."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.__main__ import main
from sandbox.crm.crm import CLIENT_ID
from sandbox.demo.story import row_id
from sandbox.world import STRIPE_API_KEY
from tests.conftest import Running
from tests.sandbox_server.receiver import register_endpoint, register_step

ROOT = Path(__file__).resolve().parent.parent.parent


def test_both_stand_ins_say_that_they_are_well(servers: Running) -> None:
    for address in (servers.addresses.crm, servers.addresses.crm_tls, servers.addresses.stripe):
        assert servers.session().get(f"{address}/health").text == "ok\n"
    assert servers.session().get(f"{servers.addresses.crm}/sandbox/calls").json()["calls"] == []


def test_every_answer_says_that_it_is_a_sandbox(servers: Running) -> None:
    addresses = servers.addresses
    for url in (
        f"{addresses.crm}/sandbox/environment",
        f"{addresses.crm_tls}/api/data/v9.2/WhoAmI",
        f"{addresses.stripe}/v1/customers",
        f"{addresses.stripe}/nothing/here",
    ):
        assert servers.session().get(url).headers["Server"] == "Counterfoil-Sandbox"


def test_answers_are_dated_by_the_clock_of_the_sandbox(servers: Running) -> None:
    addresses = servers.addresses
    servers.session().post(f"{addresses.crm}/sandbox/clock", json={"now": "2027-03-01T12:00:00Z"})

    for url in (f"{addresses.crm_tls}/api/data/v9.2/WhoAmI", f"{addresses.stripe}/v1/customers"):
        assert servers.session().get(url).headers["Date"].startswith("Mon, 01 Mar 2027 12:00:")


def test_a_dropped_connection_is_closed_without_a_byte(servers: Running) -> None:
    session = servers.session()
    session.post(
        f"{servers.addresses.crm}/sandbox/faults", json={"rules": [{"target": "stripe", "do": "drop_before"}]}
    )
    port = int(servers.addresses.stripe.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        raw.sendall(b"GET /v1/customers HTTP/1.1\r\nHost: here\r\n\r\n")
        try:
            received = raw.recv(100)
        except ConnectionResetError:
            received = b""

    assert received == b""


def test_a_request_that_was_executed_can_lose_its_answer_over_tls(servers: Running) -> None:
    session = servers.session()
    session.post(
        f"{servers.addresses.crm}/sandbox/faults", json={"rules": [{"target": "crm", "do": "drop_after"}]}
    )

    with pytest.raises(requests.ConnectionError):
        session.get(f"{servers.addresses.crm_tls}/api/data/v9.2/WhoAmI")

    [call] = session.get(f"{servers.addresses.crm}/sandbox/calls").json()["calls"]
    assert call["status"] is None


def test_nobody_waits_for_an_acknowledgement(servers: Running) -> None:
    """With Nagle's algorithm on, each answer would take the 40 ms of a delayed ACK."""
    session, took = servers.session(), []
    for _ in range(9):
        started = time.perf_counter()
        session.get(f"{servers.addresses.crm_tls}/sandbox/clock")
        took.append(time.perf_counter() - started)

    assert min(took) < 0.03


def test_a_slow_request_does_not_hold_up_the_others(servers: Running) -> None:
    session = servers.session()
    session.post(
        f"{servers.addresses.crm}/sandbox/faults",
        json={"rules": [{"target": "stripe", "path": "slow", "do": "delay", "seconds": 1.0, "times": 30}]},
    )
    slow = [
        threading.Thread(target=servers.session().get, args=(f"{servers.addresses.stripe}/slow",))
        for _ in range(30)
    ]
    started = time.monotonic()
    for thread in slow:
        thread.start()
    quick = session.get(
        f"{servers.addresses.stripe}/v1/events", headers={"Authorization": f"Bearer {STRIPE_API_KEY}"}
    )
    answered_after = time.monotonic() - started
    for thread in slow:
        thread.join()

    assert quick.status_code == 200
    assert answered_after < 0.9
    assert time.monotonic() - started < 5


def test_a_receiver_at_stage_10_may_write_the_row_that_waits_for_it(servers: Running) -> None:
    """The add-on's own case: the request waits on one connection while its receiver calls back on another."""
    world, invoice = servers.world, row_id("invoice", "INV-1001")
    service = servers.session()
    service.headers["Authorization"] = (
        f"Bearer {world.crm.directory.issue(CLIENT_ID, servers.addresses.crm_tls)}"
    )
    admin, biller = servers.session(), servers.session()
    for session, login in ((admin, "admin"), (biller, "biller")):
        session.post(f"{servers.addresses.crm}/sandbox/signin", json={"user": login})
    written: list[int] = []

    class CallsBack(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            address = f"{servers.addresses.crm_tls}/api/data/v9.2/invoices({invoice})"
            written.append(
                service.patch(address, json={"description": "Written meanwhile"}, timeout=5).status_code
            )
            self.send_response(202)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is inherited
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), CallsBack) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{receiver.server_port}/dataverse"
        endpoint = register_endpoint(admin, world, url=url)
        step = register_step(admin, world, endpoint, "cfl_ChargeInvoice", "invoice")
        answer = biller.post(
            f"{servers.addresses.crm}/api/data/v9.2/invoices({invoice})/Microsoft.Dynamics.CRM.cfl_ChargeInvoice",
            json={"RequestKey": "a-request-key", "Amount": 1},
            timeout=10,
        )
        receiver.shutdown()
    for registered in (step, endpoint):
        admin.delete(f"{servers.addresses.crm}/api/data/v9.2{registered}")

    assert (answer.status_code, written) == (204, [204])


@contextmanager
def a_process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "sandbox", "--port", "0", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_when_it_is_ready_and_stops_cleanly_even_with_open_connections(
    number: signal.Signals,
) -> None:
    with a_process() as (process, ready), requests.Session() as session:
        assert ready["ready"] is True
        session.verify = ready["environment"]["ca_bundle"]
        session.trust_env = False
        session.get(ready["environment"]["tls_url"] + "/sandbox/clock")

        process.send_signal(number)

        assert process.wait(8) == 0


@pytest.mark.process
def test_the_process_stops_with_its_parent_only_when_asked_to() -> None:
    with a_process("--stop-with-parent") as (process, _):
        assert process.stdin is not None
        process.stdin.close()

        assert process.wait(8) == 0


@pytest.mark.process
def test_data_are_kept_in_a_file_and_the_clock_is_told_to_another(tmp_path: Path) -> None:
    options = ("--data", str(tmp_path / "demo.db"), "--clock-file", str(tmp_path / "clock"))
    with a_process(*options) as (process, ready), requests.Session() as session:
        url = ready["environment"]["url"]
        session.trust_env = False
        session.post(f"{url}/sandbox/import", json={"accounts": [{"name": "Kept", "accountnumber": "K-1"}]})
        session.post(f"{url}/sandbox/clock", json={"advance_seconds": 90})
        assert (tmp_path / "clock").read_text().startswith("90.0")
        process.terminate()
        process.wait(8)
    with a_process(*options) as (_, ready), requests.Session() as session:
        session.trust_env = False
        url = ready["environment"]["url"]
        session.post(f"{url}/sandbox/signin", json={"user": "admin"})
        kept = f"{url}/api/data/v9.2/accounts?$filter=accountnumber eq 'K-1'"
        assert len(session.get(kept).json()["value"]) == 1

        session.post(f"{url}/sandbox/reset")

        assert session.get(kept).json()["value"] == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port", "many"], "a port is 0 or 1 to 65532"),
        (["--port", "70000"], "a port is 0 or 1 to 65532"),
        (["--solution", "nowhere"], "is not an unpacked solution"),
        (["--data", "no/such/folder/file"], "there is no folder"),
        (["--turbo"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_is_explained(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: object = main(arguments)
    except SystemExit as left:
        status = left.code

    assert (status, complaint in capsys.readouterr().err) == (2, True)


@pytest.mark.process
def test_a_file_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Bea, " * 100)

    command = [sys.executable, "-m", "sandbox", "--port", "0", "--data", str(letter)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - our own module

    assert ended.returncode == 2
    assert ended.stderr == f"{letter} cannot keep the data: file is not a database\n"
    assert letter.read_text().startswith("Dear Bea, ")


def test_a_taken_port_is_wrong_usage_as_it_is_of_the_demo(
    servers: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    port = servers.addresses.crm.rpartition(":")[2]

    assert main(["--port", port]) == 2
    assert f"port {port} is taken" in capsys.readouterr().err
