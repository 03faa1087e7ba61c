"""Counts what goes over a session: calls and bytes, bodies and headers both ways."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from requests.adapters import BaseAdapter


@dataclass(frozen=True)
class Reading:
    calls: int = 0
    sent: int = 0
    received: int = 0

    def __sub__(self, other: "Reading") -> "Reading":
        return Reading(self.calls - other.calls, self.sent - other.sent, self.received - other.received)


class Meter(BaseAdapter):
    """In front of the adapter that really sends. Threads may share it."""

    def __init__(self, inner: BaseAdapter) -> None:
        super().__init__()
        self._inner = inner
        self._lock = threading.Lock()
        self.reading = Reading()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        response = self._inner.send(request, stream, timeout, verify, cert, proxies)
        received = _headers(response.headers) + int(
            response.headers.get("content-length", 0) or _left(response)
        )
        with self._lock:
            so_far = self.reading
            self.reading = Reading(
                so_far.calls + 1,
                so_far.sent + _headers(request.headers) + len(request.body or b""),
                so_far.received + received,
            )
        return response

    def close(self) -> None:
        self._inner.close()


def metered(session: requests.Session, *prefixes: str) -> Meter:
    """One meter for what the session sends to addresses with these beginnings."""
    meter = Meter(session.get_adapter(prefixes[0]))
    for prefix in prefixes:
        session.mount(prefix, meter)
    return meter


def _headers(headers: Mapping[str, str]) -> int:
    return sum(len(name) + len(str(value)) + 4 for name, value in headers.items())


def _left(response: requests.Response) -> int:
    buffer = getattr(response.raw, "getbuffer", None)  # in process the whole body is there already
    return 0 if buffer is None else len(buffer())
