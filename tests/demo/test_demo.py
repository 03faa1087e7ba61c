"""`python -m connector demo` as a person runs it: real processes on real ports."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

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
    with demo("--port", "0") as running:
        told = running.environment
        addresses = [told["url"], told["tls_url"], told["stripe"], told["addon"]]
        assert running.url == f"{told['url']}/"
        for address in addresses:
            assert running.get(f"{address}/health").status_code == 200
        before = time.monotonic()
        assert running.stop(signal.SIGTERM) == 0
        assert time.monotonic() - before < 8
        for address in addresses:
            assert not listens(int(address.rpartition(":")[2]))


def test_ctrl_c_and_other_commands_that_reach_it() -> None:
    with demo("--port", "0") as running:
        settings = {"COUNTERFOIL_ENV_FILE": running.settings_file, "PATH": ""}
        for command in ("doctor", "sweep"):
            done = subprocess.run(  # noqa: S603 - likewise
                [sys.executable, "-m", "connector", command, "--json"],
                cwd=ROOT,
                env=settings,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert json.loads(done.stdout)
        assert running.stop(signal.SIGINT) == 0
    assert not Path(running.settings_file).exists()


def test_a_port_of_the_sandbox_that_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start("--port", str(port))
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert f"port {port} is taken" in said


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
