"""E-mail through the CRM: an e-mail activity, with a file or without, which the platform sends. Implements `plugins.ports.Mail`.

The activity has an id that its sender chose, and the platform sends only drafts: created twice it is there once, sent
twice it goes out once.
"""

from base64 import b64encode
from enum import IntEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from connector.dataverse.http import Dataverse
from connector.dataverse.mapping import Mapping as TableMapping
from connector.dataverse.odata import (
    DataverseError,
    Duplicate,
    NotFound,
    Operation,
    Refused,
    Throttled,
    Unauthorized,
    bind,
    row,
    with_query,
)
from plugins.ports import BooksUnreachable, Email, MailRefused

EMAILS, QUEUES = "emails", "queues"
WITHIN = 20.0
"""Seconds for each call."""
_FROM, _TO = 1, 2
"""The platform's kinds of participation."""


class _Status(IntEnum):
    """Status reasons of an e-mail."""

    DRAFT = 1
    COMPLETED = 2
    SENT = 3
    RECEIVED = 4
    CANCELED = 5
    PENDING_SEND = 6
    SENDING = 7
    FAILED = 8


_ON_ITS_WAY = frozenset({_Status.COMPLETED, _Status.SENT, _Status.PENDING_SEND, _Status.SENDING})
_CANCELLED = 2
"""The state of an activity that will not happen."""


class DataverseMail:
    def __init__(self, dataverse: Dataverse, mapping: TableMapping, queue: UUID | None = None) -> None:
        """`queue` is what e-mail comes from; without one, it comes from the service's own user."""
        self._dataverse = dataverse
        self._mapping = mapping
        self._queue = queue

    def send(self, email: Email) -> None:
        try:
            self._create(email)
            self._send(email.id)
        except MailRefused:
            raise
        except DataverseError as error:
            raise BooksUnreachable(str(error)) from error

    def withdraw(self, key: UUID) -> bool:
        try:
            status = self._status(key)
            if status in {_Status.DRAFT, _Status.FAILED}:
                self._cancel(key)
        except DataverseError as error:
            raise BooksUnreachable(str(error)) from error
        return status not in _ON_ITS_WAY

    def _create(self, email: Email) -> None:
        try:
            self._dataverse.send(Operation("POST", EMAILS, body=self._body(email)), within=WITHIN)
        except Duplicate:
            return  # an earlier attempt made it
        except (Throttled, Unauthorized):
            raise
        except Refused as refusal:
            raise MailRefused(refusal.message) from refusal

    def _send(self, key: UUID) -> None:
        call = Operation(
            "POST", f"{row(EMAILS, key)}/Microsoft.Dynamics.CRM.SendEmail", body={"IssueSend": True}
        )
        try:
            self._dataverse.send(call, within=WITHIN)
        except (Throttled, Unauthorized):
            raise
        except Refused as refusal:
            if self._status(key) in _ON_ITS_WAY:
                return  # an earlier attempt sent it
            self._cancel(key)
            raise MailRefused(refusal.message) from refusal

    def _status(self, key: UUID) -> _Status | None:
        """None for an e-mail that is not there; what the platform may add is taken for on its way."""
        read = Operation("GET", with_query(row(EMAILS, key), {"$select": "statuscode"}))
        try:
            found = self._dataverse.send(read, within=WITHIN).body["statuscode"]
        except NotFound:
            return None
        return _Status(found) if found in set(_Status) else _Status.SENDING

    def _cancel(self, key: UUID) -> None:
        """So that nobody sends by hand what was reported as not sent."""
        body = {"statecode": _CANCELLED, "statuscode": int(_Status.CANCELED)}
        self._dataverse.send(Operation("PATCH", row(EMAILS, key), {"If-Match": "*"}, body), within=WITHIN)

    def _body(self, email: Email) -> dict[str, Any]:
        """The activity with its parties and its file, in one request."""
        to, regarding = self._mapping[email.to_kind], self._mapping[email.regarding_kind]
        body = {
            "activityid": email.id,
            "subject": email.subject,
            "description": email.body,
            "directioncode": True,
            f"regardingobjectid_{regarding.table}_email@odata.bind": bind(regarding.set, email.regarding),
            "email_activity_parties": [
                {"participationtypemask": _FROM, **self._sender},
                {
                    "participationtypemask": _TO,
                    f"partyid_{to.table}@odata.bind": bind(to.set, email.to),
                },
            ],
        }
        if email.filename:
            file = {"filename": email.filename, "mimetype": email.mimetype}
            body["email_activity_mime_attachment"] = [file | {"body": b64encode(email.content).decode()}]
        return body

    @cached_property
    def _sender(self) -> dict[str, str]:
        if self._queue is not None:
            return {"partyid_queue@odata.bind": bind(QUEUES, self._queue)}
        me = self._dataverse.send(Operation("GET", "WhoAmI"), within=WITHIN).body["UserId"]
        return {"partyid_systemuser@odata.bind": bind(self._mapping["user"].set, UUID(str(me)))}
