"""A wire that can be cut: the requests of one process, numbered, each of which may meet a fault."""

import io
import json
from collections.abc import Callable, Mapping
from enum import StrEnum

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict


class Killed(BaseException):
    """The process died here. Nothing in it gets to clean up."""


class Fault(StrEnum):
    KILL_BEFORE = "the process is killed before it sends"
    KILL_AFTER = "the process is killed after it was carried out"
    LOSE_REQUEST = "the request never arrives"
    LOSE_ANSWER = "it is carried out, the answer never arrives"
    DUPLICATE = "the network delivers it twice"
    LATE = "the client gives up, and it arrives long after"
    STATUS_401 = "answered 401"
    STATUS_412 = "answered 412"
    STATUS_429 = "answered 429"
    STATUS_500 = "answered 500, not carried out"
    STATUS_500_AFTER = "answered 500, though carried out"
    STATUS_503 = "answered 503"
    GARBAGE = "answered with a proxy's page, though carried out"
    CUT_SHORT = "carried out, half of the answer arrives"


Forward = Callable[[], requests.Response]


class Wire(BaseAdapter):
    """Passes requests on to `inner`, but for the ones that `faults` names by their number (from 0)."""

    def __init__(self, inner: BaseAdapter) -> None:
        super().__init__()
        self._inner = inner
        self.faults: dict[int, Fault] = {}
        self.meanwhile: dict[int, Callable[[], None]] = {}
        """What others do just before the call of that number goes out."""
        self.number = 0
        self.log: list[str] = []
        self._late: list[Forward] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        def forward() -> requests.Response:
            return self._inner.send(request, stream=stream, timeout=timeout, verify=verify, cert=cert)

        if "oauth2" in (request.url or ""):
            return forward()
        number, self.number = self.number, self.number + 1
        if (others := self.meanwhile.pop(number, None)) is not None:
            others()
        fault = self.faults.pop(number, None)
        self.log.append(
            f"{number} {request.method} {request.path_url[:60]}" + (f" — {fault}" if fault else "")
        )
        return forward() if fault is None else self._suffer(fault, request, forward)

    def deliver_late(self) -> None:
        """What was held up arrives now; nobody waits for its answer any more."""
        late, self._late = self._late, []
        for forward in late:
            forward()

    def close(self) -> None:
        """Nothing is open."""

    def _suffer(self, fault: Fault, request: requests.PreparedRequest, forward: Forward) -> requests.Response:
        match fault:
            case Fault.KILL_BEFORE:
                raise Killed
            case Fault.KILL_AFTER:
                forward()
                raise Killed
            case Fault.LOSE_REQUEST:
                raise requests.ConnectTimeout("no route", request=request)
            case Fault.LOSE_ANSWER:
                forward()
                raise requests.ReadTimeout("no answer", request=request)
            case Fault.DUPLICATE:
                first = forward()
                forward()
                return first
            case Fault.LATE:
                self._late.append(forward)
                raise requests.ReadTimeout("no answer yet", request=request)
            case Fault.GARBAGE:
                forward()
                return _answer(request, 200, b"<html>Sign in to the hotel's network</html>", "text/html")
            case Fault.CUT_SHORT:
                whole = forward()
                kept = whole.content[: len(whole.content) // 2]
                return _answer(request, whole.status_code, kept, whole.headers.get("content-type", ""))
            case Fault.STATUS_500_AFTER:
                forward()
                return _answer(request, 500, b"", "text/plain")
            case Fault.STATUS_401 | Fault.STATUS_412 | Fault.STATUS_429 | Fault.STATUS_500 | Fault.STATUS_503:
                return _refusal(request, int(fault.removeprefix("answered ")[:3]))


DATAVERSE = {
    401: None,
    412: ("0x80060882", "The version of the existing record doesn't match the RowVersion property provided."),
    429: ("0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 seconds."),
    500: None,
    503: None,
}


def _refusal(request: requests.PreparedRequest, status: int) -> requests.Response:
    """As the one or the other would say it."""
    if "/v1/" in (request.url or ""):
        kind = {429: "rate_limit", 401: "authentication"}.get(status, "")
        error = {"error": {"type": "invalid_request_error", "code": kind or None, "message": f"{status}"}}
        return _answer(request, status, json.dumps(error).encode(), "application/json")
    told = DATAVERSE[status]
    body = b"" if told is None else json.dumps({"error": {"code": told[0], "message": told[1]}}).encode()
    return _answer(request, status, body, "application/json", {"retry-after": "1"} if status == 429 else {})


def _answer(
    request: requests.PreparedRequest,
    status: int,
    body: bytes,
    kind: str,
    more: Mapping[str, str] | None = None,
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict({"content-type": kind, **(more or {})})
    response.raw = io.BytesIO(body)
    response.url = request.url or ""
    response.request = request
    return response
