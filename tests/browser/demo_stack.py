"""The demo as a newcomer starts it, `python -m connector demo`, and what a test does around the browser."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Demo:
    """A running demo. `url` is the CRM's for browsers."""

    url: str
    session: requests.Session
    """Signed in as the administrator."""

    def reset(self) -> None:
        self._control("POST", "reset")
        self.sign_in(self.session, "admin")

    def sign_in(self, session: requests.Session, user: str) -> None:
        session.post(f"{self.url}/sandbox/signin", json={"user": user}, timeout=10).raise_for_status()

    def faults(self, *rules: dict[str, Any]) -> None:
        """Replaces all fault rules; none clears them."""
        self._control("POST", "faults", {"rules": list(rules)})

    def advance(self, *, days: float) -> None:
        self._control("POST", "clock", {"advance_seconds": days * 86400})

    def calls(self) -> "Calls":
        """What both stand-ins are asked from now on."""
        return Calls(self)

    def calls_since(self, origin: str, since: int) -> tuple[int, list[dict[str, Any]]]:
        answer = self.session.get(f"{origin}/sandbox/calls", params={"since": since}, timeout=10).json()
        return answer["next"], answer["calls"]

    @property
    def stripe(self) -> str:
        return str(self._control("GET", "environment")["stripe"])

    def rows(self, query: str) -> list[dict[str, Any]]:
        answer = self.session.get(f"{self.url}/api/data/v9.2/{query}", timeout=10)
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()["value"]
        return rows

    def invoice_id(self, number: str) -> str:
        (row,) = self.rows(f"invoices?$select=invoicenumber&$filter=invoicenumber eq '{number}'")
        return str(row["invoiceid"])

    def transactions(self, number: str) -> list[dict[str, Any]]:
        """The gateway attempts on an invoice, oldest first."""
        invoice = self.invoice_id(number)
        return self.rows(
            f"cfl_paymenttransactions?$filter=_cfl_invoiceid_value eq {invoice}&$orderby=createdon,cfl_name"
        )

    def form(self, number: str) -> str:
        """Address of an invoice's form."""
        return f"{self.url}/main.aspx?pagetype=entityrecord&etn=invoice&id={self.invoice_id(number)}"

    def _control(self, method: str, name: str, body: Any = None) -> Any:
        answer = self.session.request(method, f"{self.url}/sandbox/{name}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None


class Calls:
    """What was asked since this was made: of the CRM by the service, and of Stripe."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._crm, _ = demo.calls_since(demo.url, 0)
        self._stripe, _ = demo.calls_since(demo.stripe, 0)

    def of_the_crm_by_the_service(self) -> list[str]:
        _, calls = self._demo.calls_since(self._demo.url, self._crm)
        return [f"{call['method']} {call['path']}" for call in calls if call["user"] == "service"]

    def of_stripe(self) -> list[str]:
        _, calls = self._demo.calls_since(self._demo.stripe, self._stripe)
        return [f"{call['method']} {call['path']}" for call in calls]


@pytest.fixture(scope="session")
def _demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    log = tmp_path_factory.mktemp("demo") / "log.txt"
    command = [sys.executable, "-m", "connector", "demo", "--port", "0", "--no-open"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with (
        log.open("wb") as errors,
        subprocess.Popen(  # noqa: S603 -- our own command line
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        try:
            yield Demo(_address(process, log), requests.Session())
        finally:
            process.terminate()
            process.wait(timeout=30)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    if process.stdout is None:
        raise AssertionError("the demo's output is a pipe")
    for line in process.stdout:
        if line.startswith(b"Ready "):
            return line.decode().split()[1].rstrip("/")
    raise AssertionError(f"the demo did not start:\n{log.read_text()}")


@pytest.fixture
def demo(_demo: Demo) -> Iterator[Demo]:
    """The demo with its data as it was delivered, no faults, and the clock of this machine."""
    _demo.reset()
    yield _demo
    _demo.session.close()
