"""Sends operations to Dataverse, within a deadline, and decides what may be sent again."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from connector.dataverse.batch import Answer, Item, decode_batch, encode_batch, match_answers
from connector.dataverse.odata import (
    API_PATH,
    Operation,
    Reply,
    Throttled,
    Unauthorized,
    Unreachable,
    read_reply,
    to_json,
)
from connector.dataverse.session import nobody_reached, reason


class TokenSource(Protocol):
    def token(self, within: float) -> str: ...

    def forget(self) -> None: ...


class Stopwatch(Protocol):
    """What the module `time` offers; tests put in one that does not wait."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


@dataclass(frozen=True)
class Exchange:
    """One request on the wire, for metrics. `status` is 0 when no answer came; a batch counts as one."""

    method: str
    path: str
    parts: int
    status: int
    seconds: float
    request_id: str
    """Ours: the header x-ms-client-request-id."""


def may_be_sent_again(error: BaseException, *, is_read: bool) -> bool:
    """Whether a request that ended in `error` may be repeated as it is.

    A write only when nothing can have been executed: the service protection turned it away, or nobody was reached.
    """
    match error:
        case Throttled():
            return True
        case Unreachable():
            return is_read or not error.sent
        case _:
            return False


class Dataverse:
    """The Web API of one environment. Threads may share it.

    Every `within` is a number of seconds from the call to its end, waiting and repeating included.
    """

    def __init__(
        self,
        url: str,
        tokens: TokenSource,
        session: requests.Session,
        *,
        observe: Callable[[Exchange], None] = lambda _: None,
        stopwatch: Stopwatch = time,
        in_flight: int = 48,
    ) -> None:
        """`url` without a path; `in_flight` stays under the platform's 52 concurrent requests for a user."""
        self.root = url.rstrip("/") + API_PATH
        self._tokens = tokens
        self._session = session
        self._observe = observe
        self._stopwatch = stopwatch
        self._gate = BoundedSemaphore(in_flight)

    def send(self, operation: Operation, *, within: float) -> Reply:
        """The answer, a success. Raises the errors of `odata.py`; a write that may have happened is `Unreachable`."""

        def read(status: int, headers: Mapping[str, str], content: bytes) -> Reply:
            reply = read_reply(status, headers, content)
            reply.raise_for_status()
            return reply

        headers = dict(operation.headers)
        content = None if operation.body is None else to_json(operation.body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        if operation.is_read:
            headers.setdefault("If-None-Match", "null")  # the platform's way to say: from no cache
        request = _Request(operation.method, self.root + operation.path, headers, content, operation.is_read)
        return self._deliver(request, read, within)

    def batch(self, items: Sequence[Item], *, within: float, continue_on_error: bool = False) -> list[Answer]:
        """An answer for each item, failures among them; a failed changeset is the one `Reply` that failed.

        Without `continue_on_error` the first failure is the last answer. Raises the errors of `odata.py` for the
        batch as a whole, and `Unreachable` when the answers do not fit what was sent.
        """
        is_read = all(isinstance(item, Operation) and item.is_read for item in items)

        def read(status: int, headers: Mapping[str, str], content: bytes) -> list[Answer]:
            content_type = headers.get("content-type", "")
            if status >= 500 or not content_type.lower().startswith("multipart/"):
                read_reply(status, headers, content).raise_for_status()
                raise Unreachable("the answer to a batch is none", status=status)
            answers = match_answers(items, decode_batch(content_type, content), continued=continue_on_error)
            _raise_what_may_pass(answers, is_read=is_read)
            return answers

        content_type, content = encode_batch(items, self.root)
        headers = {"Content-Type": content_type}
        if continue_on_error:
            headers["Prefer"] = "odata.continue-on-error"
        request = _Request("POST", self.root + "$batch", headers, content, is_read, parts=len(items))
        return self._deliver(request, read, within)

    def rows(self, operation: Operation, *, within: float) -> list[Mapping[str, Any]]:
        """All rows of a collection, page by page. Raises the errors of `odata.py`."""
        deadline = self._stopwatch.monotonic() + within
        found: list[Mapping[str, Any]] = []
        path: str | None = operation.path
        while path is not None:
            page = self.send(
                Operation("GET", path, operation.headers), within=deadline - self._stopwatch.monotonic()
            ).body
            if not isinstance(page, Mapping) or not isinstance(page.get("value"), list):
                raise Unreachable("the answer is no collection")
            found += page["value"]
            path = self._next_page(page)
        return found

    def _next_page(self, page: Mapping[str, Any]) -> str | None:
        link = page.get("@odata.nextLink")
        if link is None:
            return None
        if not isinstance(link, str) or not link.lower().startswith(self.root.lower()):
            raise Unreachable("the next page is not on the same server")  # nor is our token for another one
        return link[len(self.root) :]

    def _deliver(self, request: "_Request", read: "_Reader[_T]", within: float) -> "_T":
        deadline = self._stopwatch.monotonic() + within
        retrying = Retrying(
            retry=retry_if_exception(lambda error: may_be_sent_again(error, is_read=request.is_read)),
            wait=_wait,
            stop=lambda state: self._stopwatch.monotonic() + state.upcoming_sleep >= deadline,
            sleep=self._stopwatch.sleep,
            reraise=True,
        )
        result: _T = retrying(self._authorised, request, read, deadline)
        return result

    def _authorised(self, request: "_Request", read: "_Reader[_T]", deadline: float) -> "_T":
        try:
            return self._attempt(request, read, deadline)
        except Unauthorized:
            # Refused at the door, so even a write may go again, with a new token; once.
            self._tokens.forget()
        return self._attempt(request, read, deadline)

    def _attempt(self, request: "_Request", read: "_Reader[_T]", deadline: float) -> "_T":
        with self._turn(deadline):
            token = self._tokens.token(within=self._left(deadline))
            request_id = str(uuid4())
            headers = {
                "Accept": "application/json",
                "OData-Version": "4.0",
                "OData-MaxVersion": "4.0",
                "User-Agent": "Counterfoil/0.1",
                "x-ms-client-request-id": request_id,
                **request.headers,
                "Authorization": f"Bearer {token}",
            }
            started = self._stopwatch.monotonic()
            status = 0
            failure: Unreachable
            try:
                status, answered, content = self._exchange(request, headers, deadline)
            except requests.RequestException as error:
                failure = Unreachable(reason(error), sent=not nobody_reached(error), request_id=request_id)
            else:
                return read(status, answered, content)
            finally:
                seconds = self._stopwatch.monotonic() - started
                path = urlsplit(request.url).path
                self._observe(Exchange(request.method, path, request.parts, status, seconds, request_id))
        # Raised out here so that it drags no request along, in whose headers the token is.
        raise failure

    def _exchange(
        self, request: "_Request", headers: Mapping[str, str], deadline: float
    ) -> tuple[int, dict[str, str], bytes]:
        left = self._left(deadline)
        with self._session.request(
            request.method,
            request.url,
            headers=dict(headers),
            data=request.content,
            timeout=(min(left, 5.0), left),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = bytearray()
            for chunk in response.iter_content(65536):
                content += chunk
                if self._stopwatch.monotonic() > deadline:
                    raise requests.ReadTimeout("the answer drips in too slowly")
            answered = {name.lower(): value for name, value in response.headers.items()}
            return response.status_code, answered, bytes(content)

    @contextmanager
    def _turn(self, deadline: float) -> Iterator[None]:
        if not self._gate.acquire(timeout=self._left(deadline)):
            raise Unreachable("too many calls are under way", sent=False)
        try:
            yield
        finally:
            self._gate.release()

    def _left(self, deadline: float) -> float:
        left = deadline - self._stopwatch.monotonic()
        if left <= 0:
            raise Unreachable("no time is left", sent=False)
        return left


_T = TypeVar("_T")
_Reader = Callable[[int, Mapping[str, str], bytes], _T]


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    is_read: bool
    parts: int = 1


_BACKOFF = wait_random_exponential(multiplier=0.25, max=5)


def _wait(state: RetryCallState) -> float:
    """Seconds until the next attempt: what the platform asks for, else doubling, always with jitter."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, Throttled | Unreachable) else None
    return (asked or 0.0) + _BACKOFF(state)


def _raise_what_may_pass(answers: list[Answer], *, is_read: bool) -> None:
    """Raises the failure of a part for which the whole batch may go again: any passing one of reads, or of the only write."""
    if not is_read and len(answers) > 1:
        return
    for answer in answers:
        error = answer.error if isinstance(answer, Reply) else None
        if error is not None and may_be_sent_again(error, is_read=is_read):
            raise error
