"""`python -m connector demo` as a person runs it: real processes on real ports."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from connector import demo as demonstration
from tests.logging_restored import logging_restored

__all__ = ["logging_restored"]

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.process


@dataclass
class Demo:
    process: subprocess.Popen[str]
    url: str
    said: str

    def get(self, address: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(address, timeout=10, verify=str(self.environment["ca_bundle"]))

    @property
    def environment(self) -> dict[str, Any]:
        with requests.Session() as session:
            session.trust_env = False
            answer: dict[str, Any] = session.get(f"{self.url}sandbox/environment", timeout=10).json()
        return answer

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(15)

    @property
    def settings_file(self) -> str:
        found = re.search(r"COUNTERFOIL_ENV_FILE=(\S+)", self.said)
        assert found, self.said
        return found.group(1)


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "connector", "demo", "--no-open", *arguments]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@contextmanager
def demo(*arguments: str) -> Iterator[Demo]:
    process = start(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    said = ""
    try:
        for line in process.stdout:
            said += line
            if line.startswith("Ready "):
                break
        assert said, process.stderr.read()
        yield Demo(process, said.splitlines()[-1].removeprefix("Ready "), said)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(15)
        process.stdout.close()
        process.stderr.close()


def test_ready_means_that_all_four_answer_and_sigterm_stops_them_all() -> None:
    with demo("--port", "0", "--log-level", "debug") as running:
        told = running.environment
        addresses = [told["url"], told["tls_url"], told["stripe"], told["addon"]]
        assert running.url == f"{told['url']}/"
        for address in addresses:
            assert running.get(f"{address}/health").status_code == 200
        written = Path(running.settings_file).read_text()
        assert running.stop(signal.SIGTERM) == 0
        for address in addresses:
            assert not listens(int(address.rpartition(":")[2]))
        assert running.process.stderr is not None
        told_to_log = running.process.stderr.read()
        assert "not set up" not in told_to_log
        for name in ("CLIENT_SECRET", "WEBHOOK_SECRET", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"):
            secret = re.search(rf"COUNTERFOIL_{name}=(.+)", written)
            assert secret
            assert secret.group(1) not in told_to_log


def test_it_stops_cleanly_while_it_starts_too() -> None:
    process = start("--port", "0")
    while not handles(process.pid, signal.SIGTERM):
        assert process.poll() is None
        threading.Event().wait(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "")


def test_serve_with_the_settings_of_a_running_demo_and_ctrl_c() -> None:
    with demo("--port", "0") as running:
        port = a_free_port()
        settings = {"COUNTERFOIL_ENV_FILE": running.settings_file, "COUNTERFOIL_PORT": str(port)}
        command = [sys.executable, "-m", "connector", "serve"]
        service = subprocess.Popen(command, cwd=ROOT, env=settings, stderr=subprocess.PIPE)  # noqa: S603 - likewise
        try:
            deadline = time.monotonic() + 30
            while not well(f"http://127.0.0.1:{port}/health"):
                assert time.monotonic() < deadline
                threading.Event().wait(0.1)
            service.send_signal(signal.SIGINT)
            assert service.wait(15) == 0
        finally:
            service.kill()
            service.communicate()
        assert running.stop(signal.SIGINT) == 0
    assert not Path(running.settings_file).exists()


def test_state_is_kept_in_a_file_when_asked(tmp_path: Path, logging_restored: None) -> None:
    """In this process: the demo's own code, stopped as soon as it is ready."""
    seen: list[str | None] = []
    stopped = threading.Event()

    def ready(addresses: Mapping[str, str], _: Path) -> None:
        accounts = f"{addresses['crm']}api/data/v9.2/accounts"
        with requests.Session() as session:
            session.trust_env = False
            session.post(f"{addresses['crm']}sandbox/signin", json={"user": "admin"}, timeout=10)
            [row] = session.get(f"{accounts}?$filter=name eq 'Fabrikam Fibre'", timeout=10).json()["value"]
            seen.append(row["telephone1"])
            changed = session.patch(
                f"{accounts}({row['accountid']})", json={"telephone1": "555-0100"}, timeout=10
            )
            changed.raise_for_status()
        stopped.set()

    for _ in range(2):
        stopped.clear()
        demonstration.run(0, tmp_path / "demo.sqlite", stopped, browse=False, log_level="error", ready=ready)
    assert seen[0] != "555-0100"
    assert seen[1] == "555-0100"


def test_a_port_of_the_sandbox_that_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start("--port", str(port))
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert f"port {port} is taken" in said


def handles(process: int, number: signal.Signals) -> bool:
    """Whether the process has told the kernel that it handles the signal."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        pytest.skip("there is no /proc to read")
    caught = re.search(r"^SigCgt:\s*(\w+)$", status.read_text(), re.MULTILINE)
    return caught is not None and bool(int(caught.group(1), 16) >> (number - 1) & 1)


def well(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=5).ok
        except requests.ConnectionError:
            return False


def a_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
