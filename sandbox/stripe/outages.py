"""Failures of Stripe's own in the middle of a request: a 500 that an idempotency key then remembers.

Whether the request was carried out before it failed is exactly what its sender cannot know.
"""

import re
import threading
from dataclasses import dataclass
from typing import Literal

from sandbox.stripe.errors import server_error
from sandbox.wire import Request


@dataclass
class _Outage:
    path: str
    moment: Literal["before", "after"]
    times: int


class Outages:
    """The next `times` writing requests whose path matches fail, before or after they are carried out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: list[_Outage] = []

    def expect(self, path: str = "", moment: Literal["before", "after"] = "before", times: int = 1) -> None:
        with self._lock:
            self._coming.append(_Outage(path, moment, times))

    def clear(self) -> None:
        with self._lock:
            self._coming.clear()

    def before(self, request: Request) -> None:
        self._fail_if_due("before", request)

    def after(self, request: Request) -> None:
        self._fail_if_due("after", request)

    def _fail_if_due(self, moment: str, request: Request) -> None:
        with self._lock:
            for outage in self._coming:
                if outage.moment == moment and outage.times > 0 and re.search(outage.path, request.path):
                    outage.times -= 1
                    raise server_error()
