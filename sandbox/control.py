"""The sandbox's own surface under `/sandbox/`, alike on both stand-ins: reset, calls, clock, faults, environment and more.

It is for people and tests that drive the sandbox; nothing of the kind exists on the real platforms.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qs

from sandbox.calls import Calls
from sandbox.clock import Clock
from sandbox.faults import FaultRuleError, Faults
from sandbox.wire import Handler, Request, Response, json_response


class Sandbox(Protocol):
    """What the control surface drives: both stand-ins together."""

    clock: Clock
    faults: Faults

    def reset(self) -> None: ...

    def clock_moved(self) -> None: ...

    def environment(self) -> dict[str, Any]: ...


class BadRequestError(Exception):
    """What was sent cannot be understood; the message says what would be."""


_EARLIEST, _LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC)

Endpoints = Mapping[str, Mapping[str, Callable[[Request], Response]]]
"""Name after `/sandbox/` -> HTTP method -> what answers. An endpoint may raise BadRequestError."""


class Control:
    """Answers `/sandbox/{name}`: what both stand-ins have, `more` of one of them, and `further` for all the rest."""

    def __init__(
        self,
        sandbox: Sandbox,
        calls: Calls,
        *,
        more: Endpoints | None = None,
        further: Handler | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._calls = calls
        self._further = further
        self._endpoints: Endpoints = {
            "reset": {"POST": self._reset},
            "calls": {"GET": self._show_calls},
            "clock": {"GET": self._show_clock, "POST": self._move_clock},
            "faults": {"GET": self._show_faults, "POST": self._set_faults},
            "environment": {"GET": lambda _request: json_response(200, sandbox.environment())},
            **(more or {}),
        }

    def handle(self, request: Request) -> Response:
        name = request.path.removeprefix("/sandbox/")
        methods = self._endpoints.get(name)
        if methods is None:
            if self._further is not None:
                return self._further(request)
            known = ", ".join(sorted(self._endpoints))
            return json_response(404, {"error": f"There is no /sandbox/{name}; there are: {known}."})
        if request.method not in methods:
            allowed = ", ".join(sorted(methods))
            return json_response(405, {"error": f"/sandbox/{name} takes {allowed}."}, {"allow": allowed})
        try:
            return methods[request.method](request)
        except (BadRequestError, FaultRuleError) as error:
            return json_response(400, {"error": str(error)})

    def _reset(self, _request: Request) -> Response:
        self._sandbox.reset()
        return self._clock_reading()

    def _show_calls(self, request: Request) -> Response:
        since = parse_qs(request.query).get("since", ["0"])[-1]
        if not since.isdecimal():
            raise BadRequestError(f"'since' is a number, not {since!r}.")
        return json_response(200, self._calls.since(int(since)))

    def _show_clock(self, _request: Request) -> Response:
        return self._clock_reading()

    def _move_clock(self, request: Request) -> Response:
        clock = self._sandbox.clock
        match json_object(request):
            case {"advance_seconds": int() | float() as seconds, **rest} if not rest and not isinstance(
                seconds, bool
            ):
                _check_moment(clock.now(), seconds)
                clock.advance(seconds)
            case {"now": str() as text, **rest} if not rest:
                moment = _moment(text)
                _check_moment(moment)
                clock.set(moment)
            case _:
                raise BadRequestError(
                    'The clock takes {"advance_seconds": 60} or {"now": "2026-11-22T08:00:00Z"}.'
                )
        self._sandbox.clock_moved()
        return self._clock_reading()

    def _clock_reading(self) -> Response:
        now = self._sandbox.clock.now().astimezone(UTC)
        return json_response(200, {"now": now.isoformat(timespec="milliseconds").replace("+00:00", "Z")})

    def _show_faults(self, _request: Request) -> Response:
        return json_response(200, {"rules": self._sandbox.faults.as_json()})

    def _set_faults(self, request: Request) -> Response:
        body = json_object(request)
        rules = body.get("rules")
        if not isinstance(rules, list) or len(body) != 1:
            raise BadRequestError(
                'Faults are {"rules": [{"do": "drop_after", "target": "crm", "path": "batch"}]}.'
            )
        self._sandbox.faults.replace(rules)
        return self._show_faults(request)


def json_object(request: Request, fraction: Callable[[str], Any] = float) -> dict[str, Any]:
    """The body as a JSON object, its numbers with a decimal point read by `fraction`; BadRequestError otherwise."""
    try:
        body = json.loads(request.body, parse_float=fraction)
    except ValueError as error:
        raise BadRequestError(f"The body is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise BadRequestError("The body is a JSON object.")
    return body


def _check_moment(start: datetime, seconds: float = 0) -> None:
    try:
        fits = _EARLIEST <= start + timedelta(seconds=seconds) < _LATEST
    except (OverflowError, ValueError):
        fits = False
    if not fits:
        raise BadRequestError(f"The clock goes from {_EARLIEST.year} to {_LATEST.year} only.")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequestError(f"{text!r} is not a moment like 2026-11-22T08:00:00Z.") from error
    if moment.tzinfo is None:
        raise BadRequestError(f"{text!r} has no time zone; write 2026-11-22T08:00:00Z.")
    return moment
