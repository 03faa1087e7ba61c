"""What was asked of a stand-in, in order: the log behind `GET /sandbox/calls`."""

import re
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.wire import Request, Response

_PART = re.compile(rb"^(GET|POST|PATCH|PUT|DELETE) (\S+) HTTP/1\.1\r?$", re.MULTILINE)
_ANSWER = re.compile(rb"^HTTP/1\.1 (\d{3}) ", re.MULTILINE)


@dataclass(frozen=True)
class Call:
    """One call. `status` is None when the connection was closed without an answer; `caller` is the impersonated user."""

    at: datetime
    method: str
    path: str
    status: int | None
    milliseconds: float
    user: str | None = None
    caller: str | None = None
    parts: list[dict[str, Any]] = field(default_factory=list)


class Calls:
    """The latest calls, thread-safe; numbers go on counting over `clear`, so that an old `since` never sees double."""

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._first = 0
        self._calls: list[Call] = []

    def record(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)
            if len(self._calls) >= 2 * self._most:
                self._first += self._most
                del self._calls[: self._most]

    def since(self, number: int = 0) -> dict[str, Any]:
        """`{"next": M, "calls": […]}`: the calls with number `number` and up; `next` is what to ask with next time."""
        with self._lock:
            start = max(number - self._first, 0)
            calls = [
                _as_json(self._first + start + offset, call)
                for offset, call in enumerate(self._calls[start:])
            ]
            return {"next": self._first + len(self._calls), "calls": calls}

    def clear(self) -> None:
        with self._lock:
            self._first += len(self._calls)
            self._calls.clear()


def batch_parts(request: Request, response: Response) -> list[dict[str, Any]]:
    """The requests inside a `$batch` with what each was answered, as far as they were carried out."""
    if not request.path.endswith("/$batch"):
        return []
    statuses = [int(status) for status in _ANSWER.findall(response.body)]
    parts: list[dict[str, Any]] = [
        {"method": method.decode(), "path": path.decode("latin-1")}
        for method, path in _PART.findall(request.body)
    ]
    if len(parts) == len(statuses):
        for part, status in zip(parts, statuses, strict=True):
            part["status"] = status
    return parts


def _as_json(number: int, call: Call) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "n": number,
        "at": call.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "method": call.method,
        "path": call.path,
        "status": call.status,
        "user": call.user,
        "ms": round(call.milliseconds, 1),
    }
    if call.caller is not None:
        shown["caller"] = call.caller
    if call.parts:
        shown["parts"] = call.parts
    return shown
