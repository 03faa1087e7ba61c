"""Requests and responses as plain values, so that a stand-in is a function from one to the other.

`sandbox/server.py` puts such a function behind a real socket; a test may call it in process.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """One HTTP request. `path` is as it came on the wire (percent-encoded, without the query); header names are lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    origin: str = "http://127.0.0.1"
    """Scheme, host and port that the client used, for absolute links in answers."""


@dataclass
class Response:
    """One HTTP response. `drop` means: close the connection without answering."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    drop: bool = False


Handler = Callable[[Request], Response]


def json_response(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body; `content` holds only what `json` can write."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, {"content-type": "application/json", **(headers or {})}, body)
