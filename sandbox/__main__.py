"""`python -m sandbox`: the local CRM and the local Stripe on loopback, until they are told to stop."""

import argparse
import json
import os
import signal
import sqlite3
import sys
import tempfile
import threading
from pathlib import Path

from sandbox.clock import Clock
from sandbox.crm import solution
from sandbox.crm.schema import Schema
from sandbox.crm.solution import SolutionError
from sandbox.server import PortTakenError, Servers, Site, listen
from sandbox.tls import Authority, client_certificate
from sandbox.world import Addresses, World

SOLUTION = Path(__file__).resolve().parent.parent / "deploy" / "solution"
DEFAULT_PORT = 8365


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        schema = _schema(options.solution)
    except SolutionError as error:
        print(error, file=sys.stderr)
        return 2
    if options.data is not None and not options.data.parent.is_dir():
        print(f"there is no folder {options.data.parent} to keep the data in", file=sys.stderr)
        return 2
    try:
        listeners = [listen(options.port + offset if options.port else 0) for offset in range(3)]
    except PortTakenError as error:
        print(error, file=sys.stderr)
        return 2
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopped.set())
    if options.stop_with_parent:
        threading.Thread(target=_wait_for_end_of_input, args=(stopped,), daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="counterfoil-sandbox-") as folder:
        ports = [listener.getsockname()[1] for listener in listeners]
        clock = Clock(options.clock_file)
        try:
            world = World(schema, clock=clock, data=options.data)
        except sqlite3.Error as error:
            print(f"{options.data} cannot keep the data: {error}", file=sys.stderr)
            return 2
        authority = Authority()
        certificate = client_certificate("counterfoil-sandbox", clock.now())
        world.crm.application.register_certificate(certificate.certificate_pem)
        world.move_to(
            Addresses(
                crm=f"http://127.0.0.1:{ports[0]}",
                crm_tls=f"https://127.0.0.1:{ports[1]}",
                stripe=f"http://127.0.0.1:{ports[2]}",
                addon=options.addon or f"http://127.0.0.1:{options.port + 3 if options.port else 8368}",
                ca_bundle=authority.write_bundle(Path(folder)),
                client_certificate=certificate.write(Path(folder)),
            )
        )
        servers = Servers(
            [
                Site(listeners[0], world.crm_front.handle),
                Site(listeners[1], world.crm_front.handle, authority.server_context()),
                Site(listeners[2], world.stripe_front.handle),
            ]
        )
        servers.start()
        world.start()
        ready = {"ready": True, "ports": dict(zip(("crm", "tls", "stripe"), ports, strict=True))}
        print(json.dumps(ready | {"environment": world.environment()}), flush=True)
        stopped.wait()
        servers.stop()
        world.stop()
    sys.stdout.flush()
    # A thread may still wait up to a minute for the receiver of a synchronous webhook; nobody waits for its answer.
    os._exit(0)


def _schema(folder: Path) -> Schema:
    if not (folder / "Other" / "Solution.xml").is_file():
        raise SolutionError(f"{folder} is not an unpacked solution: it has no Other/Solution.xml")
    return solution.load(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        metavar="N",
        help=f"CRM on N, the same over TLS on N+1, Stripe on N+2; 0 takes free ones (default {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="keep the data in FILE (default: in memory, gone at the end)",
    )
    parser.add_argument(
        "--clock-file", type=Path, metavar="FILE", help="write the clock's offset in seconds to FILE"
    )
    parser.add_argument("--addon", metavar="URL", help="where the add-on listens, for /sandbox/environment")
    parser.add_argument(
        "--solution",
        type=Path,
        default=SOLUTION,
        metavar="DIR",
        help="the unpacked solution (default: the shipping one)",
    )
    parser.add_argument(
        "--stop-with-parent", action="store_true", help="also stop when the standard input is closed"
    )
    return parser


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if port != 0 and not 1 <= port <= 65535 - 3:
        raise argparse.ArgumentTypeError("a port is 0 or 1 to 65532")
    return port


def _wait_for_end_of_input(stopped: threading.Event) -> None:
    while os.read(0, 4096):  # not sys.stdin, whose lock a thread that still reads would hold at exit
        pass
    stopped.set()


if __name__ == "__main__":
    sys.exit(main())
