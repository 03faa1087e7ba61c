"""Several operations in one `$batch`: multipart bytes from values, and values from the multipart answer. No I/O."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from connector.dataverse.odata import Operation, Reply, Unreachable, read_reply, to_json


@dataclass(frozen=True)
class Changeset:
    """Writes that happen together or not at all."""

    operations: tuple[Operation, ...]


Item = Operation | Changeset
Answer = Reply | list[Reply]
"""What one item came to: an operation one reply, a changeset one reply per operation; a failed changeset the one that failed.

Replies in a changeset have the header `content-id`: the number of the write, counted from 1 through the whole batch.
"""

MOST_REQUESTS = 1000
"""The platform's limit for one batch."""


def encode_batch(items: Sequence[Item], root: str) -> tuple[str, bytes]:
    """Content type and body for `POST $batch`. `root` is the absolute API root, with its slash.

    Raises `ValueError` for what the platform would refuse: no item, too many, a GET inside a changeset, a line break
    in a path or header.
    """
    if not 0 < sum(_size(item) for item in items) <= MOST_REQUESTS:
        raise ValueError(f"a batch takes 1 to {MOST_REQUESTS} requests")
    body = b""
    written = 0
    for number, item in enumerate(items, start=1):
        body += _line(f"--{_BATCH}")
        if isinstance(item, Operation):
            body += _part(item, root, content_id=None)
            continue
        boundary = f"changeset_counterfoil_{number}"
        body += _line(f"Content-Type: multipart/mixed; boundary={boundary}") + _line("")
        for operation in item.operations:
            if operation.is_read:
                raise ValueError("a changeset takes no GET")
            written += 1
            body += _line(f"--{boundary}") + _part(operation, root, content_id=written)
        body += _line(f"--{boundary}--")
    return f"multipart/mixed; boundary={_BATCH}", body + _line(f"--{_BATCH}--")


def decode_batch(content_type: str, body: bytes) -> list[Answer]:
    """The answers in a multipart body, CRLF or LF. Raises `Unreachable` for what is cut short or not multipart."""
    return [_answer(part) for part in _parts(content_type, body)]


def match_answers(items: Sequence[Item], answers: list[Answer], *, continued: bool) -> list[Answer]:
    """`answers`, once they are seen to fit `items`: one each, and a changeset that succeeded has one for each operation.

    Without `odata.continue-on-error` the platform stops at the first error, so there they may be fewer, the last one
    being that error. Raises `Unreachable` otherwise.
    """
    stopped = bool(answers) and not continued and _failed(answers[-1])
    if len(answers) > len(items) or (len(answers) < len(items) and not stopped):
        raise Unreachable(f"{len(answers)} answers to a batch of {len(items)}")
    if len(answers) == len(items):
        for item, answer in zip(items, answers, strict=True):
            if not _fits(item, answer):
                raise Unreachable("the answers of the batch are not those of its requests")
    return answers


# A line of a part is a header, a request line or one line of JSON, so no boundary can occur at the start of one.
_BATCH = "batch_counterfoil"


def _size(item: Item) -> int:
    return 1 if isinstance(item, Operation) else len(item.operations)


def _line(text: str) -> bytes:
    if "\r" in text or "\n" in text:
        raise ValueError("a line break in a path or header")
    return text.encode() + b"\r\n"


def _part(operation: Operation, root: str, content_id: int | None) -> bytes:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"{operation.method} {root}{operation.path} HTTP/1.1", "Accept: application/json"]
    if operation.body is not None:
        lines.append("Content-Type: application/json; type=entry")
    lines += [f"{name}: {value}" for name, value in operation.headers.items()]
    lines += ["", "" if operation.body is None else to_json(operation.body)]
    return b"".join(_line(line) for line in lines)


@dataclass(frozen=True)
class _Part:
    headers: dict[str, str]
    content: bytes


def _answer(part: _Part) -> Answer:
    content_type = part.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/"):
        return _reply(part)
    replies = []
    for position, inner in enumerate(_parts(content_type, part.content)):
        reply = _reply(inner)
        content_id = reply.headers.get("content-id", "")
        replies.append((int(content_id) if content_id.isdecimal() else position, reply))
    failed = [reply for _, reply in replies if reply.error is not None]
    if failed:
        return failed[0]
    return [reply for _, reply in sorted(replies, key=lambda answered: answered[0])]


def _reply(part: _Part) -> Reply:
    start, _, rest = part.content.partition(b"\n")
    match = _STATUS_LINE.match(start)
    if match is None:
        raise Unreachable("a part of the batch is no HTTP answer")
    headers, content = _split(rest)
    if "content-id" in part.headers:  # of the part, but it tells which operation of a changeset this answers
        headers["content-id"] = part.headers["content-id"]
    return read_reply(int(match[1]), headers, content)


def _parts(content_type: str, body: bytes) -> Iterator[_Part]:
    named = _BOUNDARY.search(content_type)
    if named is None:
        raise Unreachable(f"not a multipart answer ({content_type or 'no content type'})")
    boundary = (named[1] or named[2]).encode()
    delimiter = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?$", re.MULTILINE)
    delimiters = list(delimiter.finditer(body))
    if not delimiters or not delimiters[-1][1]:
        raise Unreachable("the answer of the batch is cut short")
    for start, end in pairwise(delimiters):
        if start[1]:
            raise Unreachable("the answer of the batch goes on behind its end")
        headers, content = _split(body[start.end() + 1 : end.start()])
        yield _Part(headers, content)


_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?!\d)")
_BOUNDARY = re.compile(r"""boundary=(?:"([^"]+)"|([^\s;"]+))""", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"^\r?\n", re.MULTILINE)


def _split(content: bytes) -> tuple[dict[str, str], bytes]:
    """Headers (names lower case) and what follows the first blank line."""
    blank = _BLANK_LINE.search(content)
    head, rest = (content[: blank.start()], content[blank.end() :]) if blank else (content, b"")
    headers = {}
    for line in head.decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers, rest


def _failed(answer: Answer) -> bool:
    return isinstance(answer, Reply) and answer.error is not None


def _fits(item: Item, answer: Answer) -> bool:
    if isinstance(item, Operation):
        return isinstance(answer, Reply)
    return _failed(answer) or (isinstance(answer, list) and len(answer) == len(item.operations))
