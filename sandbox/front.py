"""What every stand-in does around an answer: control paths, faults, the log of calls, and saying that it is a sandbox."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import format_datetime

from sandbox.calls import Call, Calls, batch_parts
from sandbox.clock import Clock
from sandbox.faults import Faults, Rule, Target
from sandbox.wire import Handler, Request, Response, json_response

SERVER = "Counterfoil-Sandbox"
CONTROL = "/sandbox/"
HEALTH = "/health"


@dataclass(frozen=True)
class Caller:
    """Who a request is from, for the log: the authenticated user and the one it acts for."""

    user: str | None = None
    acting_for: str | None = None


class Front:
    """One stand-in as the outside sees it: `handle` is what a socket or a test calls.

    `answer` is the stand-in itself, `control` answers `/sandbox/…` (like `/health` never logged, never faulted), `caller` reads
    from a request who sent it.
    """

    def __init__(
        self,
        target: Target,
        answer: Handler,
        control: Handler,
        *,
        faults: Faults,
        calls: Calls,
        clock: Clock,
        caller: Callable[[Request], Caller],
    ) -> None:
        self._target: Target = target
        self._answer = answer
        self._control = control
        self._faults = faults
        self._calls = calls
        self._clock = clock
        self._caller = caller

    def handle(self, request: Request) -> Response:
        if request.path == HEALTH:
            response = Response(200, {"content-type": "text/plain; charset=utf-8"}, b"ok\n")
        else:
            answer = self._control if request.path.startswith(CONTROL) else self._logged
            response = answer(request)
        response.headers.setdefault("server", SERVER)
        response.headers.setdefault("date", format_datetime(self._clock.now(), usegmt=True))
        return response

    def _logged(self, request: Request) -> Response:
        at, started = self._clock.now(), time.perf_counter()
        response = self._faulted(request)
        caller = self._caller(request)
        self._calls.record(
            Call(
                at=at,
                method=request.method,
                path=f"{request.path}?{request.query}" if request.query else request.path,
                status=None if response.drop else response.status,
                milliseconds=(time.perf_counter() - started) * 1000,
                user=caller.user,
                caller=caller.acting_for,
                parts=batch_parts(request, response),
            )
        )
        return response

    def _faulted(self, request: Request) -> Response:
        rule = self._faults.take(self._target, request)
        if rule is None:
            return self._answer(request)
        if rule.do == "drop_before":
            return Response(503, drop=True)
        if rule.do == "status":
            return _refusal(self._target, rule)
        if rule.do == "delay":
            self._faults.wait(rule.seconds)
            return self._answer(request)
        response = self._answer(request)
        if rule.do == "duplicate":
            # As when something on the way sends it again: carried out twice, the second answer arrives.
            return self._answer(request)
        if rule.do == "garbage":
            page = b"<html><head><title>Bad gateway</title></head><body>This is not what you asked for"
            return Response(200, {"content-type": "text/html; charset=utf-8"}, page)
        return Response(response.status, response.headers, response.body, drop=True)


_SERVICE_PROTECTION = {
    "0x80072322": "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
    "0x80072321": "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time "
    "window of 300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.",
    "0x80072326": "Number of concurrent requests exceeded the limit of 52.",
}


def _refusal(target: Target, rule: Rule) -> Response:
    headers = {} if rule.retry_after is None else {"retry-after": f"{rule.retry_after:g}"}
    if target == "stripe":
        error = {
            "type": "api_error" if rule.status >= 500 else "invalid_request_error",
            "message": f"The sandbox was told to answer {rule.status}.",
        }
        code = rule.code or ("rate_limit" if rule.status == 429 else None)
        return json_response(rule.status, {"error": error | ({"code": code} if code else {})}, headers)
    code = rule.code or ("0x80072322" if rule.status == 429 else "0x80040224")
    message = _SERVICE_PROTECTION.get(code, f"The sandbox was told to answer {rule.status}.")
    if rule.status == 429:
        headers |= {
            "x-ms-ratelimit-burst-remaining-xrm-requests": "0",
            "x-ms-ratelimit-time-remaining-xrm-requests": "0",
        }
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return Response(
        rule.status, {"content-type": "application/json; odata.metadata=minimal", **headers}, body
    )
