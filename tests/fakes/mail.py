"""The CRM's e-mail in memory, with faults on demand; and documents that are plain text."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from plugins.ports import BooksUnreachable, Email, MailRefused
from plugins.rules.statement import Statement


class Status(StrEnum):
    DRAFT = "draft"
    SENT = "sent"
    CANCELLED = "cancelled"


class MemoryMail:
    """As the platform: an e-mail is created once, and only a draft is sent."""

    def __init__(self) -> None:
        self.emails: dict[UUID, Email] = {}
        self.status: dict[UUID, Status] = {}
        self.outbox: list[Email] = []
        """What went out, as often as it did."""
        self.refuses = ""
        """Why the CRM sends nothing."""
        self.before: Callable[[str], None] = lambda _: None
        self.after: Callable[[str], None] = lambda _: None
        """Called with `create` or `send` around each call to the CRM; raising is an answer that never came."""

    def send(self, email: Email) -> None:
        self._call("create", lambda: self._create(email))
        self._call("send", lambda: self._send(email.id))

    def withdraw(self, key: UUID) -> bool:
        if self.status.get(key) is Status.DRAFT:
            self.status[key] = Status.CANCELLED
        return self.status.get(key) is not Status.SENT

    def _call(self, name: str, act: Callable[[], None]) -> None:
        self.before(name)
        act()
        self.after(name)

    def _create(self, email: Email) -> None:
        if email.id not in self.emails:
            self.emails[email.id] = email
            self.status[email.id] = Status.DRAFT

    def _send(self, key: UUID) -> None:
        if self.status[key] is Status.SENT:
            return
        if self.refuses or self.status[key] is Status.CANCELLED:
            self.status[key] = Status.CANCELLED
            raise MailRefused(self.refuses or "The e-mail was cancelled.")
        self.status[key] = Status.SENT
        self.outbox.append(self.emails[key])


class TextDocuments:
    """Says what a document would say, so that a test can read it."""

    def pdf(self, statement: Statement, now: datetime) -> bytes:
        return f"{statement} {now.isoformat()}".encode()

    def html(self, statement: Statement, letter: Sequence[str]) -> str:
        return "\n".join([*letter, str(statement)])


def lost(name: str, times: int = 1) -> Callable[[str], None]:
    """For `before` (never arrived) or `after` (the answer got lost): that call, that many times."""
    left = [times]

    def act(called: str) -> None:
        if called == name and left[0] > 0:
            left[0] -= 1
            raise BooksUnreachable(f"{name}: no answer")

    return act
