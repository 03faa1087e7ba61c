"""Calls the sandbox without sockets: `requests` sessions whose adapter hands each request to a plain handler.

Clients cannot tell the difference, and thousands of charges run in seconds. A dropped connection is a ConnectionError;
a delay that is longer than the client waits is a ReadTimeout, without anybody waiting.
"""

import io
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from sandbox.crm.crm import CLIENT_ID
from sandbox.wire import Handler, Request
from sandbox.world import World


class Delays:
    """What a delaying fault does in process: adds up what would have been waited, for the request of this thread."""

    def __init__(self) -> None:
        self._waited = threading.local()

    def __call__(self, seconds: float) -> None:
        self._waited.seconds = self.take() + seconds

    def take(self) -> float:
        seconds: float = getattr(self._waited, "seconds", 0.0)
        self._waited.seconds = 0.0
        return seconds


class InProcess(BaseAdapter):
    """Answers from `handler`. `sent` counts the requests that went through."""

    def __init__(self, handler: Handler, delays: Delays | None = None) -> None:
        super().__init__()
        self._handler = handler
        self._delays = delays or Delays()
        self.sent = 0

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        self.sent += 1
        self._delays.take()
        answer = self._handler(_wire(request))
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        if patience is not None and self._delays.take() > patience:
            raise requests.ReadTimeout(f"Read timed out. (read timeout={patience})", request=request)
        if answer.drop:
            raise requests.ConnectionError("Remote end closed connection without response", request=request)
        response = requests.Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.headers)
        response.raw = _Raw(answer.body, answer.headers)
        response.url = request.url or ""
        response.request = request
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        return response

    def close(self) -> None:
        """Nothing is open."""


def session(world: World, delays: Delays | None = None) -> requests.Session:
    """A session that reaches both stand-ins of `world` at the addresses they say they have."""
    made = requests.Session()
    made.trust_env = False
    crm, stripe = InProcess(world.crm_front.handle, delays), InProcess(world.stripe_front.handle, delays)
    made.mount(world.addresses.crm, crm)
    made.mount(world.addresses.crm_tls, crm)
    made.mount(world.addresses.stripe, stripe)
    return made


def signed_in(world: World, login: str, delays: Delays | None = None) -> requests.Session:
    """A session of the person who signed in under that name: biller, manager, reader, admin, biller_de."""
    made = session(world, delays)
    made.post(f"{world.addresses.crm}/sandbox/signin", json={"user": login}).raise_for_status()
    return made


def as_service(world: World, delays: Delays | None = None) -> requests.Session:
    """A session of the application user, with a token that lasts an hour on the sandbox clock."""
    made = session(world, delays)
    token = world.crm.directory.issue(CLIENT_ID, world.addresses.crm_tls)
    made.headers["Authorization"] = f"Bearer {token}"
    return made


def _wire(request: requests.PreparedRequest) -> Request:
    parts = urlsplit(request.url or "")
    body = request.body or b""
    return Request(
        method=request.method or "GET",
        path=parts.path or "/",
        query=parts.query,
        headers={name.lower(): str(value) for name, value in request.headers.items()},
        body=body.encode() if isinstance(body, str) else bytes(body),
        origin=f"{parts.scheme}://{parts.netloc}",
    )


class _Raw(io.BytesIO):
    """An unread body, so that clients which stream find it too, with as much of urllib3 as cookies are read from."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(body)
        self._original_response = self
        self.msg = self
        self._headers = headers

    def get_all(self, name: str, default: list[str]) -> list[str]:
        return [value for key, value in self._headers.items() if key.lower() == name.lower()] or default
