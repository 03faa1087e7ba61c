"""The demo: a local CRM, a local Stripe and the add-on between them, started, introduced to each other and stopped together."""

import json
import secrets
import select
import subprocess
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import requests

from connector import install, logs, settings, web
from connector.serving import Server, listen, port_of
from connector.settings import PREFIX, Settings
from connector.stripe import endpoints
from connector.stripe.client import Stripe, pooled_session

_ROOT = Path(__file__).resolve().parent.parent
_HOST = "127.0.0.1"
_START_SECONDS = 60
SETTINGS_FILE = "counterfoil.env"


class DemoFailed(Exception):
    """It could not be started; the message is for a person. `usage` when another option would help."""

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


Show = Callable[[Mapping[str, str], Path], None]
"""Called once all parts answer, with the addresses of `crm`, `tls`, `stripe` and `addon`, and the add-on's settings file."""


def run(
    port: int, data: Path | None, stopped: threading.Event, *, browse: bool, log_level: str, ready: Show
) -> None:
    """Runs until `stopped`. Raises `DemoFailed`, `PortTaken`."""
    listener = listen(_HOST, port + 3 if port else 0)
    addon = f"http://{_HOST}:{port_of(listener)}"
    with closing(listener), tempfile.TemporaryDirectory(prefix="counterfoil-demo-") as folder:
        clock_file = Path(folder) / "clock"
        with _sandbox(port, data, addon, clock_file) as (process, environment):
            wired = _settings(environment, addon, port_of(listener), Path(folder), clock_file, log_level)
            logs.configure(wired)
            server = Server(web.compose(wired), listener, grace=1)
            server.start()
            try:
                install.register(wired, addon)
                addresses = _addresses(environment, addon)
                _until_all_answer(addresses, wired, stopped)
                if not stopped.is_set():
                    ready(addresses, Path(folder) / SETTINGS_FILE)
                    if browse:
                        webbrowser.open(addresses["crm"])
                while not stopped.wait(0.5):
                    if process.poll() is not None:
                        raise DemoFailed("The sandbox ended by itself; its last words are above.")
            finally:
                server.stop()


@contextmanager
def _sandbox(
    port: int, data: Path | None, addon: str, clock_file: Path
) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--addon", addon]
    command += ["--clock-file", str(clock_file), "--stop-with-parent"]
    if data is not None:
        command += ["--data", str(data.resolve())]
    # A session of its own: Ctrl-C reaches us alone, and the add-on stops before what it talks to.
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            yield process, _ready(process)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _ready(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What the sandbox says about itself once it answers."""
    stdout = process.stdout
    if stdout is None or not select.select([stdout], [], [], _START_SECONDS)[0]:
        raise DemoFailed(f"The sandbox did not start within {_START_SECONDS} seconds.")
    line = stdout.readline()
    if not line:
        process.wait(10)
        raise DemoFailed("The sandbox did not start; it says why above.", usage=True)
    environment: dict[str, Any] = json.loads(line)["environment"]
    return environment


def _settings(
    environment: Mapping[str, Any], addon: str, port: int, folder: Path, clock_file: Path, log_level: str
) -> Settings:
    stripe = Stripe(environment["stripe_api_key"], environment["stripe"], pooled_session())
    values = {
        "DATAVERSE_URL": environment["tls_url"],
        "ORGANIZATION_ID": environment["organization_id"],
        "TENANT_ID": environment["tenant"],
        "CLIENT_ID": environment["client_id"],
        "CLIENT_SECRET": environment["client_secret"],
        "AUTHORITY": environment["authority"],
        "CA_BUNDLE": environment["ca_bundle"],
        "WEBHOOK_SECRET": secrets.token_hex(32),
        "STRIPE_API_KEY": environment["stripe_api_key"],
        "STRIPE_API_BASE": environment["stripe"],
        "STRIPE_WEBHOOK_SECRET": endpoints.create(stripe, f"{addon}/stripe"),
        "HOST": _HOST,
        "PORT": str(port),
        "PUBLIC_URL": addon,
        "STATE_DIR": str(folder),
        "CLOCK_FILE": str(clock_file),
        "LOG_LEVEL": log_level,
    }
    variables = {PREFIX + name: value for name, value in values.items()}
    (folder / SETTINGS_FILE).write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    return settings.load(variables)


def _addresses(environment: Mapping[str, Any], addon: str) -> dict[str, str]:
    return {
        "crm": f"{environment['url']}/",
        "tls": f"{environment['tls_url']}/",
        "stripe": f"{environment['stripe']}/",
        "addon": f"{addon}/",
    }


def _until_all_answer(addresses: Mapping[str, str], wired: Settings, stopped: threading.Event) -> None:
    session = requests.Session()
    session.trust_env = False
    session.verify = str(wired.ca_bundle)
    deadline = time.monotonic() + _START_SECONDS
    for name, address in addresses.items():
        while not stopped.is_set():
            problem = _problem(session, f"{address}health")
            if not problem:
                break
            if time.monotonic() > deadline:
                raise DemoFailed(f"{name} at {address} is not well: {problem}")
            stopped.wait(0.1)


def _problem(session: requests.Session, url: str) -> str:
    try:
        answer = session.get(url, timeout=5)
    except requests.RequestException as e:
        return type(e).__name__
    return "" if answer.ok else f"{answer.status_code} {answer.text.strip()}"
