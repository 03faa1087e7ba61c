"""Puts plain handlers behind real sockets: several servers on one event loop in a thread of its own."""

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from sandbox.front import SERVER
from sandbox.wire import Handler, Request, Response

THREADS = 200  # a synchronous webhook holds one for up to a minute while its receiver calls back
_ABORT = "sandbox.abort"

_log = logging.getLogger("sandbox")
_Message = MutableMapping[str, Any]


class PortTakenError(OSError):
    """Another program listens on a port that was asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is taken; choose another one with --port, or --port 0 for free ones")
        self.port = port


@dataclass(frozen=True)
class Site:
    """One handler on one listening socket, with TLS when a context is given."""

    listener: socket.socket
    handler: Handler
    tls: ssl.SSLContext | None = None

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes a free one."""
    # With its protocol named, asyncio switches Nagle off on what it accepts; an answer would wait 40 ms otherwise.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise PortTakenError(port) from error
    listener.listen(2048)
    return listener


class Servers:
    """Starts and stops the sites together. `stop` returns within about a second, whatever the clients do."""

    def __init__(self, sites: list[Site]) -> None:
        self._sites = sites
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="sandbox")
        self._servers: list[_QuietServer] = []
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-servers", daemon=True)

    def start(self) -> None:
        """Returns once every site accepts connections."""
        self._thread.start()
        if not self._up.wait(10):
            raise TimeoutError("the sandbox did not come up within ten seconds")

    def stop(self) -> None:
        for server in self._servers:
            server.should_exit = True
        self._thread.join(10)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        logging.getLogger("uvicorn.error").setLevel(
            logging.CRITICAL
        )  # requests cut off at the end are no news
        self._servers = [_QuietServer(_config(site, self._pool)) for site in self._sites]
        running = [
            asyncio.create_task(server.serve(sockets=[site.listener]))
            for server, site in zip(self._servers, self._sites, strict=True)
        ]
        for server in self._servers:
            await server.listening.wait()
        self._up.set()
        await asyncio.gather(*running)
        for server in self._servers:
            for connection in list(server.server_state.connections):
                connection.transport.abort()
        await asyncio.sleep(0)


class _QuietServer(uvicorn.Server):
    """Leaves signals to whoever runs the process, and tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Without waiting for idle clients, who over TLS would have to say goodbye first."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, H11Protocol) and _idle(connection):
                connection.transport.abort()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _idle(connection: H11Protocol) -> bool:
    cycle: RequestResponseCycle | None = connection.cycle
    return cycle is None or cycle.response_complete


class _AbortableProtocol(H11Protocol):
    """Hands the application a way to close the connection without answering."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        application = self.app

        async def with_abort(scope: Any, receive: Any, send: Any) -> None:
            scope[_ABORT] = self.transport.abort
            await application(scope, receive, send)

        self.app = with_abort


def _config(site: Site, pool: ThreadPoolExecutor) -> uvicorn.Config:
    tls = site.tls
    return uvicorn.Config(
        _application(site.handler, pool),
        http=_AbortableProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,  # the sandbox has a clock of its own
        headers=[],
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )


def _application(
    handler: Handler, pool: ThreadPoolExecutor
) -> Callable[
    [_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]
]:
    async def application(
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        request = _request(scope, bytes(body))
        response = await asyncio.get_running_loop().run_in_executor(pool, _answer, handler, request)
        if response.drop:
            scope[_ABORT]()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        headers = {"content-length": str(len(response.body)), **response.headers}
        if response.status in {204, 304}:
            del headers["content-length"]
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": response.body})

    return application


def _request(scope: _Message, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        separator = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    server = scope["server"] or ("127.0.0.1", 0)
    host = headers.get("host", f"{server[0]}:{server[1]}")
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        origin=f"{scope['scheme']}://{host}",
    )


def _answer(handler: Handler, request: Request) -> Response:
    try:
        return handler(request)
    except Exception:  # noqa: BLE001 - whatever it was, the client gets an answer and the log the reason
        _log.exception("%s %s", request.method, request.path)
        return Response(
            500, {"content-type": "text/plain", "server": SERVER}, b"The sandbox has a fault of its own."
        )
