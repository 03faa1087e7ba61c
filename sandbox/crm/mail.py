"""E-mail as the platform keeps it: an activity, those it is from and for, and the files that go with it.

Nothing leaves the machine: an e-mail that is sent is one that is marked as sent.
"""

from base64 import b64decode
from binascii import Error as NotBase64Error
from uuid import UUID

from sandbox.crm import errors
from sandbox.crm.identity import Actor
from sandbox.crm.schema import Row, Table
from sandbox.crm.security import Security
from sandbox.crm.store import Store

EMAIL, PARTY, ATTACHMENT, NOTE = "email", "activityparty", "activitymimeattachment", "annotation"
FILES = {ATTACHMENT: "body", NOTE: "documentbody"}
"""Tables whose rows are files, and the column with the file in base64."""
LARGEST_FILE = 5_242_880
"""Bytes, as an organisation allows at first."""

SENDER, TO, CC, BCC = 1, 2, 3, 4
DRAFT, FAILED, SENT = 1, 8, 3
_OPEN = 0
_ADDRESSES = {
    "account": "emailaddress1",
    "contact": "emailaddress1",
    "systemuser": "internalemailaddress",
    "queue": "emailaddress",
}


class Mail:
    def __init__(self, store: Store) -> None:
        self._store = store

    def of_new(self, table: Table, row: Row) -> Row:
        """What the platform fills into a party, an attachment or a note that is being made."""
        if table.name == PARTY:
            return self._party(row) | self._owner(row.get("activityid"))
        if table.name == ATTACHMENT:
            numbered = {"attachmentnumber": len(self._below(ATTACHMENT, "objectid", row.get("objectid"))) + 1}
            return _file(row, "body") | numbered | self._owner(row.get("objectid"))
        if table.name == NOTE:
            return _file(row, "documentbody") | {"objecttypecode": row.get("objectidtype")}
        return {}

    def of_changed(self, table: Table, written: Row, after: Row) -> Row:
        body = FILES.get(table.name, "")
        return _file(after, body) if body in written else {}

    def email_of(self, table: Table, row: Row) -> UUID | None:
        """The e-mail that a row belongs to, or is."""
        column = {EMAIL: "activityid", PARTY: "activityid", ATTACHMENT: "objectid"}.get(table.name, "")
        found = row.get(column)
        return found if isinstance(found, UUID) else None

    def header(self, email_id: UUID) -> Row:
        """Who it is from and for, as texts, and how many files there are."""
        parties = self._parties(email_id)
        senders = [str(one["addressused"]) for one in parties if one["participationtypemask"] == SENDER]
        return {
            "sender": senders[0][:250] if senders else None,
            "torecipients": "".join(
                f"{one['addressused']};" for one in parties if one["participationtypemask"] == TO
            )[:500]
            or None,
            "attachmentcount": len(self._below(ATTACHMENT, "objectid", email_id)),
        }

    def check(self, email: Row, actor: Actor, security: Security) -> None:
        """Raises ApiError unless the e-mail can be sent by `actor`."""
        if email["statecode"] != _OPEN or email["statuscode"] not in {DRAFT, FAILED}:
            raise errors.ApiError(400, "0x80040233", "The e-mail is not a draft: it cannot be sent again.")
        parties = self._parties(email["activityid"])
        senders = [one for one in parties if one["participationtypemask"] == SENDER]
        recipients = [one for one in parties if one["participationtypemask"] in {TO, CC, BCC}]
        if len(senders) != 1:
            raise errors.ApiError(400, "0x80040203", "The e-mail must have one sender before it can be sent.")
        if not recipients:
            raise errors.ApiError(
                400, "0x80040203", "The e-mail must have at least one recipient before it can be sent."
            )
        for one in [*senders, *recipients]:
            if not one["addressused"]:
                raise errors.ApiError(
                    400, "0x80040203", f"{one['partyidname'] or 'A party'} has no e-mail address."
                )
            if self._unwilling(one):
                raise errors.ApiError(
                    400, "0x80040203", f"{one['partyidname']} is marked as not to be sent any e-mail."
                )
        other = senders[0]["partyidtype"] == "systemuser" and senders[0]["partyid"] != actor.user_id
        if other and not security.has_privilege(actor, "prvSendAsUser"):
            raise errors.ApiError(
                403,
                "0x80040220",
                f"Principal user (Id={actor.user_id}, type=8) is missing prvSendAsUser privilege for SendEmail.",
            )

    def _parties(self, email_id: object) -> list[Row]:
        return self._below(PARTY, "activityid", email_id)

    def _below(self, table: str, column: str, email_id: object) -> list[Row]:
        if not isinstance(email_id, UUID):
            return []
        return self._store.select(self._store.schema.table(table), {column: email_id})

    def _party(self, row: Row) -> Row:
        party = self._row_of(row)
        if party is None:
            return {}
        table = self._store.schema.table(str(row["partyidtype"]))
        return {
            "partyidname": party[table.primary_name],
            "addressused": row.get("addressused") or party[_ADDRESSES[table.name]],
        }

    def _unwilling(self, party: Row) -> bool:
        row = self._row_of(party)
        return bool(row and row.get("donotemail") and party["participationtypemask"] != SENDER)

    def _row_of(self, party: Row) -> Row | None:
        table, row_id = party.get("partyidtype"), party.get("partyid")
        if not isinstance(table, str) or not isinstance(row_id, UUID):
            return None
        return self._store.get(self._store.schema.table(table), row_id)

    def _owner(self, email_id: object) -> Row:
        """What belongs to an e-mail belongs to its owner."""
        email = (
            self._store.get(self._store.schema.table(EMAIL), email_id) if isinstance(email_id, UUID) else None
        )
        names = ("ownerid", "owneridtype", "owninguser", "owningteam", "owningbusinessunit")
        return {name: email[name] for name in names} if email else {}


def content(table: str, row: Row) -> bytes:
    """The file in an attachment or a note."""
    return b64decode(str(row.get(FILES[table]) or ""))


def _file(row: Row, body: str) -> Row:
    text = row.get(body)
    if not isinstance(text, str):
        return {"filesize": 0}
    try:
        size = len(b64decode(text, validate=True))
    except NotBase64Error:
        raise errors.bad_payload(f"The '{body}' is not a valid Base64 text.") from None
    if size > LARGEST_FILE:
        raise errors.ApiError(
            400, "0x80043E09", f"Attachment file size is too big: the limit is {LARGEST_FILE} bytes."
        )
    return {
        "filesize": size,
        "mimetype": row.get("mimetype") or "application/octet-stream",
        **({"isdocument": True} if body == "documentbody" else {}),
    }
