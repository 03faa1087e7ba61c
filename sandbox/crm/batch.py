"""$batch: many requests in one multipart body, some of them in changesets that happen together or not at all.

Reads what clients really send: CRLF or LF, quoted and bare boundaries, blank lines before the first one, absolute
addresses and paths. Without `odata.continue-on-error` the first refusal ends the batch, and the answer is 400.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from uuid import uuid4

from sandbox.crm import errors
from sandbox.crm.preferences import read_preferences
from sandbox.crm.store import Store
from sandbox.wire import Request, Response

MAX_REQUESTS = 1000
Execute = Callable[[Request], Response]

_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)"?', re.IGNORECASE)
_REFERENCE = re.compile(rb'("[^"]*@odata\.(?:bind|id)"\s*:\s*")\$([\w-]+)(?=["/])')
_NAMES = {"odata-entityid": "OData-EntityId", "odata-version": "OData-Version", "etag": "ETag"}


@dataclass(frozen=True)
class Part:
    request: Request
    content_id: str = ""


@dataclass(frozen=True)
class Changeset:
    parts: Sequence[Part] = field(default_factory=list)


class _RolledBackError(Exception):
    """Leaves a changeset's transaction with the refusal that ends it."""

    def __init__(self, response: Response, content_id: str) -> None:
        super().__init__()
        self.response = response
        self.content_id = content_id


def run(
    store: Store, request: Request, execute: Execute, refuse: Callable[[errors.ApiError], Response]
) -> Response:
    """Answers a batch; `execute` answers one request, `refuse` writes an error as a response."""
    items = read(request)
    continuing = read_preferences(request.headers).continue_on_error
    boundary = f"batchresponse_{uuid4()}"
    answers: list[bytes] = []
    failed = False
    for item in items:
        if isinstance(item, Changeset):
            answer, succeeded = _run_changeset(store, item, execute, refuse)
        else:
            response = execute(item.request)
            answer, succeeded = _http_part(response, item.content_id), response.status < 400
        answers.append(answer)
        if not succeeded and not continuing:
            failed = True
            break
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), answer) for answer in answers)
    headers = {"content-type": f"multipart/mixed; boundary={boundary}", "odata-version": "4.0"}
    return Response(400 if failed else 200, headers, body + b"--%b--\r\n" % boundary.encode())


def read(request: Request) -> list[Part | Changeset]:
    """The requests of a batch in their order; ApiError 400 when it is not well-formed."""
    items: list[Part | Changeset] = []
    number = 0
    for headers, body in _multipart(request.headers.get("content-type", ""), request.body):
        content_type = headers.get("content-type", "")
        if content_type.startswith("multipart/mixed"):
            parts = [_part(request, *inner) for inner in _multipart(content_type, body)]
            _check_changeset(parts)
            items.append(Changeset(parts))
            number += len(parts)
        else:
            items.append(_part(request, headers, body))
            number += 1
    if number > MAX_REQUESTS:
        raise errors.invalid_request(
            f"The number of requests in the batch exceeds the limit of {MAX_REQUESTS}."
        )
    return items


def _check_changeset(parts: Sequence[Part]) -> None:
    for part in parts:
        if not part.content_id:
            raise errors.invalid_request("Content-ID is missing: every request in a changeset needs one.")
        if part.request.method == "GET":
            raise errors.invalid_request("A change set must not contain GET requests.")
    if len({part.content_id for part in parts}) < len(parts):
        raise errors.invalid_request("The Content-ID values of a change set must be unique.")


def _run_changeset(
    store: Store, changeset: Changeset, execute: Execute, refuse: Callable[[errors.ApiError], Response]
) -> tuple[bytes, bool]:
    boundary = f"changesetresponse_{uuid4()}"
    answers: list[bytes] = []
    created: dict[str, str] = {}
    try:
        with store.transaction():
            for part in changeset.parts:
                response = _execute(part, created, execute, refuse)
                answers.append(_http_part(response, part.content_id))
    except _RolledBackError as refusal:
        return _http_part(refusal.response, refusal.content_id), False
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), answer) for answer in answers)
    head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode()
    return head + body + b"--%b--\r\n" % boundary.encode(), True


def _execute(
    part: Part, created: dict[str, str], execute: Execute, refuse: Callable[[errors.ApiError], Response]
) -> Response:
    """One request of a changeset; its refusal rolls the whole one back."""
    try:
        request = _resolved(part.request, created)
    except errors.ApiError as error:
        raise _RolledBackError(refuse(error), part.content_id) from error
    response = execute(request)
    if response.status >= 400:
        raise _RolledBackError(response, part.content_id)
    made = response.headers.get("odata-entityid") or response.headers.get("location")
    created[part.content_id] = made or request.origin + request.path
    return response


def _resolved(request: Request, created: dict[str, str]) -> Request:
    """`$1` in the address and in @odata.bind values becomes the address of the row that request 1 made."""

    def lookup(content_id: str) -> str:
        if not created.get(content_id):
            raise errors.invalid_request(
                f"Content-ID Reference: '${content_id}' does not exist in the batch context."
            )
        return created[content_id]

    path = request.path
    reference = re.match(r"^/?\$([\w-]+)(?=/|$)", path.removeprefix("/api/data/v9.2"))
    if reference and reference[1] not in {"batch", "metadata"}:
        rest = path.removeprefix("/api/data/v9.2")[reference.end() :]
        path = "/" + lookup(reference[1]).split("/", 3)[3] + rest
    body = _REFERENCE.sub(lambda match: match[1] + lookup(match[2].decode()).encode(), request.body)
    return replace(request, path=path, body=body)


def _multipart(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Headers and body of each part."""
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/mixed") or not found:
        raise errors.invalid_request("The Content-Type of a batch must be multipart/mixed with a boundary.")
    delimiter = b"--" + found[1].encode()
    sections = re.split(rb"(?:\r?\n|^)" + re.escape(delimiter) + rb"(?=--|[ \t]*\r?\n)", body)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise errors.invalid_request("The batch body does not end with its boundary.")
    return [
        _head_and_body(section.lstrip(b" \t").removeprefix(b"\r").removeprefix(b"\n"))
        for section in sections[1:-1]
    ]


def _head_and_body(section: bytes) -> tuple[dict[str, str], bytes]:
    blank = re.search(rb"\r?\n\r?\n", section)
    if section.startswith((b"\r\n", b"\n")):
        return {}, section.lstrip(b"\r\n")
    head, body = (section, b"") if blank is None else (section[: blank.start()], section[blank.end() :])
    headers = {}
    for line in head.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers, body


def _part(outer: Request, headers: dict[str, str], body: bytes) -> Part:
    start, _, rest = body.lstrip(b"\r\n").partition(b"\n")
    method, _, line = start.decode("utf-8", "replace").strip().partition(" ")
    target, _, version = line.rpartition(" ")  # Microsoft's SDK leaves spaces in a filter as they are
    if not headers.get("content-type", "").startswith("application/http") or not version.startswith("HTTP/"):
        raise errors.invalid_request(
            "Each part of a batch is of type application/http and holds one request."
        )
    inner_headers, content = _head_and_body(rest)
    request = Request(
        method.upper(),
        *_path_and_query(target.strip()),
        headers=inner_headers,
        body=content.rstrip(b"\r\n"),
        origin=outer.origin,
    )
    if request.path.rstrip("/").endswith("/$batch"):
        raise errors.invalid_request("A batch cannot contain another batch.")
    return Part(request, headers.get("content-id", inner_headers.get("content-id", "")))


def _path_and_query(target: str) -> tuple[str, str]:
    if "://" in target:
        target = "/" + [*target.split("/", 3), ""][3]
    path, _, query = target.partition("?")
    return (path if path.startswith(("/", "$")) else f"/api/data/v9.2/{path}"), query


def _http_part(response: Response, content_id: str) -> bytes:
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        head.append(f"Content-ID: {content_id}")
    if response.status >= 400:
        head.append(f"REQ_ID: {uuid4()}")
    lines = [*head, "", f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{_NAMES.get(name, name.title())}: {value}" for name, value in response.headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + response.body
