"""Checks in the CRM: sign-in, the right environment, tables, rights, webhooks, set-up rows.

Whether the service may write is tried: each attempt is a changeset whose last write must fail, so that nothing stays.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from connector.app import PERFORMERS
from connector.dataverse import metadata_check
from connector.dataverse.batch import Answer, Changeset
from connector.dataverse.books import DataverseBooks
from connector.dataverse.http import Dataverse
from connector.dataverse.mail import QUEUES
from connector.dataverse.mapping import Mapping as TableMapping
from connector.dataverse.odata import (
    DataverseError,
    Forbidden,
    NotFound,
    Operation,
    PreconditionFailed,
    Reply,
    SignInRefused,
    Unauthorized,
    row,
    with_query,
)
from connector.dataverse.registration import ENDPOINT_ID, step_id
from connector.dataverse.writing import KEPT_BY_OTHERS, KINDS
from connector.doctor.check import Check, fine, problem
from connector.doctor.processor import skew
from connector.settings import Settings
from plugins.ports import BooksError, Clock
from plugins.rules.charge import Surroundings, check_environment

_WITHIN = 30.0
_ACTIVE, _PAID = 0, 2
_NO_VERSION = {"If-Match": 'W/"0"'}
"""The version of no row: a write under it fails, and its changeset with it."""
_REGISTER = "Run: python -m connector register"


class Crm:
    def __init__(self, settings: Settings, dataverse: Dataverse, mapping: TableMapping, clock: Clock) -> None:
        self._settings = settings
        self._dataverse = dataverse
        self._mapping = mapping
        self._clock = clock

    def checks(self, patience: float) -> Iterator[Check]:
        try:
            who = self._dataverse.send(Operation("GET", "WhoAmI"), within=patience)
        except SignInRefused as e:
            yield problem(
                "sign-in", e.message, "Correct the setting; the secret or certificate may have expired."
            )
            return
        except (Unauthorized, Forbidden) as e:
            yield problem(
                "sign-in",
                f"the environment does not let the application in: {e.message}",
                "Add the application as an application user of the environment, with the role Counterfoil Service.",
            )
            return
        except DataverseError as e:
            yield problem(
                "sign-in",
                str(e),
                "See that this machine reaches COUNTERFOIL_DATAVERSE_URL and COUNTERFOIL_AUTHORITY.",
            )
            return
        yield fine("sign-in", f"as user {who.body['UserId']}")
        yield from skew("clock against the CRM", who.headers.get("date"), self._clock.now())
        yield self._organization(who.body)
        for check in (
            self._tables,
            self._rights,
            self._webhook,
            self._setting,
            self._payment_types,
            self._paid_invoices,
            self._email,
        ):
            try:
                yield check()
            except (DataverseError, BooksError) as e:
                yield problem(
                    check.__name__.strip("_").replace("_", " "),
                    f"could not be checked: {e}",
                    "Put the problems above right first, or try again.",
                )

    def _organization(self, who: Mapping[str, Any]) -> Check:
        name, pinned, found = "organization", self._settings.organization_id, UUID(str(who["OrganizationId"]))
        if found != pinned:
            return problem(
                name,
                f"the environment's id is {found}, but COUNTERFOIL_ORGANIZATION_ID is {pinned}",
                "If this is the right environment, set COUNTERFOIL_ORGANIZATION_ID to its id; if it is a copy, leave it alone.",
            )
        return fine(name, f"{found}")

    def _tables(self) -> Check:
        found = metadata_check.problems(self._dataverse, self._mapping)
        if found:
            return problem("tables", " ".join(found), "Import the solution, or correct the mapping.")
        return fine("tables", f"the CRM has all that mapping {self._mapping.name} names")

    def _rights(self) -> Check:
        """Reads one row of each table; makes one row of each that the service writes, and has the changeset fail."""
        sets = sorted({kind.set for kind in self._mapping.kinds.values()})
        reads = [Operation("GET", with_query(name, {"$top": "1"})) for name in sets]
        written = [self._mapping[kind] for each, kind in KINDS.items() if each not in KEPT_BY_OTHERS]
        attempts = [
            Changeset(
                (
                    Operation("POST", kind.set, {}, {kind.id: made}),
                    Operation("PATCH", row(kind.set, made), _NO_VERSION, {kind.id: made}),
                )
            )
            for kind in written
            if (made := uuid4())
        ]
        answers = self._dataverse.batch([*reads, *attempts], within=_WITHIN, continue_on_error=True)
        lacking = [f"read {name}" for name, answer in zip(sets, answers, strict=False) if _refused(answer)]
        lacking += [
            f"write {kind.set}"
            for kind, answer in zip(written, answers[len(reads) :], strict=True)
            if not _tried(answer)
        ]
        if lacking:
            why = next(
                (str(error) for answer in answers if (error := _error(answer)) and not _tried(answer)), ""
            )
            return problem(
                "rights",
                f"the service's user may not {', '.join(lacking)}: {why}",
                "Give the application user the role Counterfoil Service.",
            )
        return fine("rights", "the service's user may read and write what it needs")

    def _webhook(self) -> Check:
        name = "webhook in the CRM"
        try:
            endpoint = self._get(row("serviceendpoints", ENDPOINT_ID)).body
            steps = {
                action: self._get(row("sdkmessageprocessingsteps", step_id(action))).body
                for action in PERFORMERS
            }
        except NotFound:
            return problem(
                name, "the CRM has not been told, or not of every action, to call the service", _REGISTER
            )
        wanted = f"{self._settings.public_url}/dataverse" if self._settings.public_url else endpoint["url"]
        if endpoint["url"] != wanted:
            return problem(name, f"the CRM calls {endpoint['url']}, not {wanted}", _REGISTER)
        for action, step in steps.items():
            if step["statecode"] != _ACTIVE:
                return problem(name, f"the step for {action} is disabled", _REGISTER)
            if (step["stage"], step["mode"]) != (10, 0) or step["_eventhandler_value"] != str(ENDPOINT_ID):
                return problem(
                    name, f"the step for {action} is not synchronous at stage 10 (pre-validation)", _REGISTER
                )
        return fine(name, f"calls {endpoint['url']} for {len(steps)} actions")

    def _setting(self) -> Check:
        name = "set-up row"
        setting = DataverseBooks(self._dataverse, self._mapping).due(self._clock.now(), 1).setting
        if setting is None:
            return problem(
                name,
                "there is none",
                "In the CRM under Counterfoil › Settings, create it with time zone, organization id and mode.",
            )
        if (
            wrong := check_environment(
                setting, Surroundings(self._settings.organization_id, self._settings.live, None)
            )
        ) is not None:
            return problem(
                name,
                wrong.message,
                "Correct the row under Counterfoil › Settings, or COUNTERFOIL_STRIPE_API_KEY; in a copy, remove the service instead.",
            )
        if not setting.organization or setting.mode is None:
            return problem(
                name,
                "it is not pinned to this environment and to live or test mode, so a copy of the environment could charge customers",
                f"Under Counterfoil › Settings, enter organization id {self._settings.organization_id} and the mode.",
            )
        if not _is_time_zone(setting.time_zone):
            return problem(
                name,
                f"{setting.time_zone!r} is no time zone",
                "Under Counterfoil › Settings, enter an IANA name such as Europe/Berlin.",
            )
        return fine(name, f"pinned to this environment, {setting.mode} mode, {setting.time_zone}")

    def _payment_types(self) -> Check:
        name, kind = "payment types", self._mapping["payment_type"]
        column = kind.columns["backend"]
        rows = self._get(with_query(kind.set, {"$filter": "statecode eq 0", "$select": column.choice})).body[
            "value"
        ]
        there = {each[column.choice] for each in rows}
        missing = [each for each in ("credit_card", "ach") if column.values[each] not in there]
        if missing:
            words = " or ".join(each.replace("_", " ") for each in missing)
            return problem(
                name,
                f"there is no active payment type for {words}",
                "Create one under Counterfoil › Payment Types.",
            )
        return fine(name, "for cards and bank debits")

    def _paid_invoices(self) -> Check:
        """Whether amounts get onto an invoice that is already Paid the way the mapping says. Nothing stays."""
        name, kind, mode = "paid invoices", self._mapping["projection"], self._mapping.invoice_write
        rows = self._get(
            with_query(
                kind.set, {"$filter": f"statecode eq {_PAID}", "$select": "statecode,statuscode", "$top": "1"}
            )
        ).body["value"]
        if not rows:
            return fine(name, f"there is none to try `{mode}` on")
        path = row(kind.set, UUID(rows[0][kind.id]))
        paid = {name: rows[0][name] for name in ("statecode", "statuscode")}
        ours = {self._mapping.column("projection", "pending_amount"): 0}
        writes = {"direct": [ours], "reactivate": [{"statecode": _ACTIVE, "statuscode": 1}, ours, paid]}[mode]
        operations = [Operation("PATCH", path, {"If-Match": "*"}, body) for body in writes]
        failing = Operation("PATCH", path, _NO_VERSION, ours)
        [answer] = self._dataverse.batch([Changeset((*operations, failing))], within=_WITHIN)
        if _tried(answer):
            return fine(name, f"`{mode}` is accepted")
        other = "reactivate" if mode == "direct" else "direct"
        return problem(
            name,
            f"`{mode}` is refused: {_error(answer)}",
            f'Set invoice_write = "{other}" in the mapping; a plug-in or rule of yours may refuse as well. Charges are safe, only the amounts shown on paid invoices lag.',
        )

    def _email(self) -> Check:
        """Whether what invoices are e-mailed from is there and has an address."""
        name, queue = "email", self._settings.mail_queue_id
        if queue is None:
            me = UUID(str(self._get("WhoAmI").body["UserId"]))
            user = row(self._mapping["user"].set, me)
            found = self._get(with_query(user, {"$select": "internalemailaddress"})).body
            address = found["internalemailaddress"]
            return fine(
                name,
                f"from {address}" if address else "no invoices: the service's user has no e-mail address",
            )
        try:
            found = self._get(with_query(row(QUEUES, queue), {"$select": "name,emailaddress"})).body
        except (NotFound, Forbidden) as e:
            return problem(
                name,
                f"there is no queue {queue} for the service's user: {e.message}",
                "Correct COUNTERFOIL_MAIL_QUEUE_ID.",
            )
        if not found["emailaddress"]:
            return problem(
                name,
                f"the queue {found['name']} has no e-mail address",
                "Enter one on the queue, approve it and enable its mailbox.",
            )
        return fine(name, f"from {found['emailaddress']}")

    def _get(self, path: str) -> Reply:
        return self._dataverse.send(Operation("GET", path), within=_WITHIN)


def _error(answer: Answer) -> DataverseError | None:
    return answer.error if isinstance(answer, Reply) else None


def _refused(answer: Answer) -> bool:
    return _error(answer) is not None


def _tried(answer: Answer) -> bool:
    """Whether all went well up to the last write, which had to fail."""
    return isinstance(_error(answer), PreconditionFailed)


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # KeyError: not found
        return False
    return True
