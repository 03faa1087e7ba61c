"""Requests to the web service in process, without a server: an ASGI client of a few lines."""

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import FastAPI

T = TypeVar("T")


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])


def run(asked: Coroutine[Any, Any, T]) -> T:
    """In a thread and a loop of its own: in this one a browser of the same test run may keep its loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asked).result()


@dataclass
class Door:
    web: FastAPI
    read: int = 0
    """Bytes of the last body that were taken."""

    def post(
        self, path: str, body: bytes | Iterable[bytes], headers: Mapping[str, str] | None = None
    ) -> Answered:
        chunks = [body] if isinstance(body, bytes) else body
        given = {"content-length": str(len(body))} if isinstance(body, bytes) else {}
        return run(self._ask("POST", path, chunks, {**given, **(headers or {})}))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answered:
        return run(self._ask("GET", path, [b""], headers or {}))

    async def _ask(
        self, method: str, path: str, chunks: Iterable[bytes], headers: Mapping[str, str]
    ) -> Answered:
        waiting = iter(chunks)
        answer: dict[str, Any] = {"body": b""}
        self.read = 0

        async def receive() -> dict[str, Any]:
            chunk = next(waiting, None)
            if chunk is None:
                return {"type": "http.request", "body": b"", "more_body": False}
            self.read += len(chunk)
            return {"type": "http.request", "body": chunk, "more_body": True}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer["status"] = message["status"]
                answer["headers"] = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answer["body"] += message.get("body", b"")

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        try:
            await self.web(scope, receive, send)
        except Exception:
            if "status" not in answer:  # after a 500 was sent the exception goes on to the server's log
                raise
        return Answered(**answer)
