"""The command line. Exit status: 0 done, 1 a problem found, 2 wrong usage or settings.

Each command imports what it needs when it runs, so that `--help` is quick.
"""

import dataclasses
import json
import signal
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from connector.doctor.check import Check
    from connector.settings import Settings

app = typer.Typer(
    name="python -m connector",
    help="Counterfoil charges invoices of a Dataverse CRM through Stripe and keeps the books in the CRM.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks show local variables, secrets among them
)
_err = Console(stderr=True, highlight=False, soft_wrap=True)
_out = Console(highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def run() -> None:
    app()


@app.command()
def serve() -> None:
    """Run the add-on with the settings of the environment, until SIGTERM or Ctrl-C."""
    stopped = _stop_signals()
    from connector import logs, serving, web
    from connector.dataverse.mapping import MappingError

    settings = _settings()
    logs.configure(settings)
    try:
        service = web.compose(settings)
        server = serving.Server(service, serving.listen(settings.host, settings.port), grace=30)
        server.start()
    except serving.PortTaken as e:
        _stop(2, f"COUNTERFOIL_PORT: {e}")
    except MappingError as e:
        _stop(2, f"COUNTERFOIL_MAPPING: {e}")
    except serving.StartFailed as e:
        _stop(1, f"{e}")
    stopped.wait()
    server.stop()


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=0, max=65532, help="The CRM's port N; N+1 the CRM over TLS, N+2 Stripe, N+3 the add-on. 0 takes free ones.")] = 8365,
    data: Annotated[Path | None, typer.Option(dir_okay=False, help="Keep the demo's data in this file. Default: gone at the end.")] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
    log_level: Annotated[Literal["debug", "info", "warning", "error"], typer.Option(help="How much the add-on tells.")] = "warning",
) -> None:  # fmt: skip
    """Start a local CRM, a local Stripe and the add-on with demo data. Nothing leaves this machine."""
    stopped = _stop_signals()  # before the imports, which take a while
    from connector import demo as demonstration
    from connector.serving import PortTaken

    def ready(addresses: Mapping[str, str], settings_file: Path) -> None:
        _out.print(_introduction(addresses))
        _out.print(f"Other commands reach it with COUNTERFOIL_ENV_FILE={settings_file}", soft_wrap=True)
        print(f"Ready {addresses['crm']}", flush=True)

    try:
        demonstration.run(port, data, stopped, browse=not no_open, log_level=log_level, ready=ready)
    except PortTaken as e:
        _stop(2, f"{e} with --port, or use --port 0 for free ones")
    except demonstration.DemoFailed as e:
        _stop(2 if e.usage else 1, f"{e}")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check the installation: a line per check, and what to do about each problem."""
    from connector import settings as configuration
    from connector.doctor import examine

    checks: Iterable[Check]
    try:
        checks = examine.examine(configuration.load())
    except configuration.SettingsError as e:
        checks = [examine.of_settings(e)]
    done = []
    for check in checks:
        done.append(check)
        if not as_json:
            _show(check)
    if as_json:
        print(json.dumps([dataclasses.asdict(check) for check in done], indent=2))
    if not all(check.ok for check in done):
        raise typer.Exit(1)


@app.command()
def register(
    url: Annotated[str, typer.Option(help="Where the CRM reaches this service. Default: COUNTERFOIL_PUBLIC_URL.")] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Register this service in the CRM: the service endpoint with its secret, and a processing step per action."""
    from connector import install
    from connector.dataverse.odata import DataverseError
    from connector.dataverse.registration import NotRegistered
    from connector.settings import checked_url

    settings = _settings()
    try:
        address = checked_url(url) if url else settings.public_url
    except ValueError as e:
        _stop(2, f"--url {e}")
    if address is None:
        _stop(2, "Say where the CRM reaches this service: --url https://…, or COUNTERFOIL_PUBLIC_URL.")
    try:
        done = install.register(settings, address)
    except (DataverseError, NotRegistered) as e:
        _stop(1, f"The CRM did not take the registration: {e}")
    _tell({"registered": done}, as_json=as_json)


@app.command()
def sweep(as_json: Json = False) -> None:
    """Look once at every charge that is due for another look, and settle what is known by now."""
    from connector import logs
    from connector.app import compose
    from connector.dataverse.mapping import MappingError
    from connector.metrics import Metrics

    settings = _settings()
    logs.configure(settings)
    try:
        counts = dataclasses.asdict(compose(settings, Metrics()).sweep())
    except MappingError as e:
        _stop(2, f"COUNTERFOIL_MAPPING: {e}")
    _tell(counts, as_json=as_json)
    if counts.get("problems") or counts.get("in_trouble"):
        raise typer.Exit(1)


@app.command()
def check(as_json: Json = False) -> None:
    """Read the whole books and tell every invariant that does not hold. Changes nothing."""
    from connector import examination
    from connector.dataverse.mapping import MappingError
    from connector.dataverse.odata import DataverseError

    settings = _settings()
    try:
        counts, problems = examination.examine_books(settings)
    except MappingError as e:
        _stop(2, f"COUNTERFOIL_MAPPING: {e}")
    except DataverseError as e:
        _stop(1, f"The CRM did not let the books be read: {e}")
    _tell({**counts, "problems": problems}, as_json=as_json)
    if problems:
        raise typer.Exit(1)


def _settings() -> "Settings":
    from connector import settings

    try:
        return settings.load()
    except settings.SettingsError as e:
        _stop(2, str(e))


def _stop_signals() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def _stop(status: int, message: str) -> NoReturn:
    _err.print(message, style="red", markup=False)
    raise typer.Exit(status)


def _show(check: "Check") -> None:
    _out.print("[green]ok     [/]" if check.ok else "[red]problem[/]", end=" ")
    _out.print(f"{check.name}: {check.detail}", markup=False, soft_wrap=True)
    if check.remedy and not check.ok:
        _out.print(f"        → {check.remedy}", markup=False, soft_wrap=True)


def _tell(values: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(values, default=str, indent=2))
        return
    for name, value in values.items():
        shown = "\n  ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
        _out.print(f"{name.replace('_', ' ')}: {shown}", markup=False, soft_wrap=True)


def _introduction(addresses: Mapping[str, str]) -> Table:
    table = Table(
        show_header=False,
        title="Counterfoil demo — a sandbox: no real CRM, no real money",
        title_justify="left",
    )
    table.add_row(
        "CRM", addresses["crm"], "sign in as biller, manager, reader or admin; open an invoice, click Charge"
    )
    table.add_row("CRM over TLS", addresses["tls"], "the same, for the add-on")
    table.add_row("Stripe", addresses["stripe"], "a local stand-in")
    table.add_row("Add-on", addresses["addon"], "health and metrics")
    return table
