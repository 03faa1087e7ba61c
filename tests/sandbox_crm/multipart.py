"""Writes batches as clients do, and takes their answers apart."""

import email
from email.message import Message

from tests.sandbox_crm.client import Answer, Client


def get(address: str, newline: str = "\r\n") -> str:
    return newline.join(
        [
            "Content-Type: application/http",
            "Content-Transfer-Encoding: binary",
            "",
            f"GET {address} HTTP/1.1",
            "Accept: application/json",
            "",
            "",
        ]
    )


def write(
    method: str, address: str, body: str, content_id: str = "1", headers: str = "", newline: str = "\r\n"
) -> str:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"{method} {address} HTTP/1.1", "Content-Type: application/json; type=entry"]
    if headers:
        lines.append(headers)
    return newline.join([*lines, "", body, ""])


def wrap(boundary: str, parts: list[str], newline: str = "\r\n") -> str:
    return "".join(f"--{boundary}{newline}{part}{newline}" for part in parts) + f"--{boundary}--{newline}"


def changeset(parts: list[str], newline: str = "\r\n") -> str:
    head = f"Content-Type: multipart/mixed; boundary=changeset_1{newline}{newline}"
    return head + wrap("changeset_1", parts, newline)


def batch(crm: Client, parts: list[str], **headers: str) -> Answer:
    content = wrap("batch_1", parts).encode()
    return crm.send(
        "POST", "$batch", content=content, content_type="multipart/mixed; boundary=batch_1", **headers
    )


def answers(answer: Answer) -> list[Message]:
    """The parts of a multipart answer; one of a changeset is itself multipart."""
    text = f"Content-Type: {answer.headers['content-type']}\r\n\r\n{answer.text}"
    return inside(email.message_from_string(text))


def inside(message: Message) -> list[Message]:
    parts = message.get_payload()
    assert isinstance(parts, list)
    return [part for part in parts if isinstance(part, Message)]


def inner(part: Message) -> tuple[int, str]:
    """Status and everything after it of one answer."""
    text = str(part.get_payload())
    status = text.split(" ", 2)[1]
    return int(status), text
