"""The add-on's web server: uvicorn in a thread of its own, so that signals and others stay with whoever started it."""

import contextlib
import socket
import threading
from collections.abc import Generator

import uvicorn
from fastapi import FastAPI


class PortTaken(Exception):
    """Another program listens where we were told to."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} on {host} is taken by another program; choose another one")
        self.port = port


class StartFailed(Exception):
    """The application did not start; the log says why."""


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises `PortTaken`."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # With its protocol named, asyncio switches Nagle off on what it accepts; an answer would wait 40 ms otherwise.
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(2048)  # at once: on Linux two sockets may be bound to a port on which neither listens
    except OSError as error:
        listener.close()
        raise PortTaken(host, port) from error
    return listener


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


class Server:
    """Serves `web` on `listener` until `stop`, which lets what is under way end for `grace` seconds."""

    def __init__(self, web: FastAPI, listener: socket.socket, grace: int) -> None:
        config = uvicorn.Config(
            web,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=grace,  # without it an idle keep-alive holds a stop up for 30 s
            lifespan="on",
        )
        self._listener = listener
        self._server = _Uvicorn(config)
        self._grace = grace
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        """Returns once connections are answered. Raises `StartFailed`."""
        self._thread.start()
        self._server.settled.wait(30)
        if not self._server.started:
            raise StartFailed("the application did not start; see the log")

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(self._grace + 5)

    def _run(self) -> None:
        try:
            # Exits by itself when the application fails to start.
            with contextlib.suppress(SystemExit):
                self._server.run(sockets=[self._listener])
        finally:
            self._listener.close()
            self._server.settled.set()


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
