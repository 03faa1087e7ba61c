"""Webhooks: registered steps told about events, at once inside the request or afterwards as system jobs.

A receiver's answer is read for its status code only. One further attempt follows a 502, 503 or 504 and nothing else.
Deviation from the platform: a receiver on loopback may use any port (there, only 80 and 443).
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID, uuid4
from xml.etree import ElementTree as ET

import requests
from requests.adapters import HTTPAdapter

from sandbox.clock import Clock
from sandbox.crm import executioncontext
from sandbox.crm.errors import ApiError
from sandbox.crm.executioncontext import Envelope, Image, image_columns
from sandbox.crm.pipeline import POST_OPERATION, PRE_OPERATION, Event
from sandbox.crm.schema import Row, Schema, Value
from sandbox.crm.store import Store

TIMEOUT_SECONDS = 60.0
_REGISTRATION = ("sdkmessage", "sdkmessagefilter", "sdkmessageprocessingstep")
_STOP_WITHIN_SECONDS = 1.0
_ONCE_MORE = frozenset({502, 503, 504})
_WEBHOOK = 8
_WEBHOOK_KEY, _HTTP_HEADER, _HTTP_QUERY = 4, 5, 6
_SYNCHRONOUS, _ASYNCHRONOUS = 0, 1

Send = Callable[[str, Mapping[str, str], bytes, float], int]
"""`(url, headers, body, timeout in seconds) -> HTTP status`; raises DeliveryError when there was no answer."""


class DeliveryError(Exception):
    """No answer came: refused, reset or timed out."""


@dataclass(frozen=True)
class _Step:
    id: UUID
    name: str
    stage: int
    mode: int
    endpoint_id: UUID
    filtering: frozenset[str]
    run_as: UUID | None
    delete_when_done: bool


class Webhooks:
    """The pipeline of the local CRM: its steps are webhooks registered as rows, and nothing else runs in it."""

    def __init__(
        self,
        schema: Schema,
        store: Store,
        clock: Clock,
        organization: tuple[UUID, str],
        send: Send | None = None,
    ) -> None:
        self._schema = schema
        self._store = store
        self._clock = clock
        self._organization = organization
        self._send = send or sender()
        self._known_steps: dict[tuple[str, str | None], list[_Step]] = {}
        self._known_as_of: tuple[tuple[int, int], ...] = ()
        self._queued = threading.Event()
        self._stopping = threading.Event()
        self._worker: threading.Thread | None = None

    def wants(self, message: str, table: str | None) -> bool:
        return table == "serviceendpoint" or bool(self._steps(message, table))

    def run(self, stage: int, event: Event, *, in_transaction: bool) -> None:
        if event.table == "serviceendpoint":
            self._platform_checks(stage, event)
        for step in self._steps(event.message, event.table):
            if step.mode != _SYNCHRONOUS or step.stage != stage or not _concerned(step, event):
                continue
            body, cut = executioncontext.write(
                self._schema, event, self._envelope(step, event, in_transaction=in_transaction)
            )
            problem = self._deliver(step.endpoint_id, self._headers(event, cut=cut), body)
            if problem is not None:
                raise ApiError(
                    400,
                    "0x80040265",
                    f"Endpoint unavailable. The service endpoint of step '{step.name}' {problem}",
                )

    def committed(self, event: Event) -> None:
        for step in self._steps(event.message, event.table):
            if step.mode == _ASYNCHRONOUS and _concerned(step, event):
                self._queue(step, event)

    # system jobs

    def run_pending(self) -> int:
        """Carries out the queued system jobs and answers with how many there were."""
        done = 0
        table = self._schema.table("asyncoperation")
        while waiting := self._store.select(table, {"statecode": 0}, order="createdon"):
            for job in waiting:
                self._run_job(job)
                done += 1
        return done

    def start_worker(self) -> None:
        """Carries out system jobs in a thread, soon after they are queued."""
        self._worker = threading.Thread(target=self._work, name="crm-system-jobs", daemon=True)
        self._worker.start()
        self._queued.set()

    def stop_worker(self) -> None:
        self._stopping.set()
        self._queued.set()
        if self._worker is not None:
            self._worker.join(_STOP_WITHIN_SECONDS)

    def _work(self) -> None:
        while self._queued.wait() and not self._stopping.is_set():
            self._queued.clear()
            self.run_pending()

    def _queue(self, step: _Step, event: Event) -> None:
        body, cut = executioncontext.write(
            self._schema, event, self._envelope(step, event, in_transaction=False)
        )
        now = self._clock.now()
        self._store.insert(
            self._schema.table("asyncoperation"),
            self._known(
                {
                    "asyncoperationid": uuid4(),
                    "name": step.name,
                    "messagename": event.message,
                    "operationtype": 1,
                    "primaryentitytype": event.table,
                    "owningextensionid": step.id,
                    "correlationid": event.correlation_id,
                    "retrycount": 0,
                    "depth": 1,
                    "data": body.decode(),
                    "message": "cut" if cut else None,
                    "statecode": 0,
                    "statuscode": 0,
                    "createdon": now,
                    "modifiedon": now,
                    "createdby": event.actor.user_id,
                    "modifiedby": event.actor.user_id,
                    "ownerid": event.actor.user_id,
                    "owneridtype": "systemuser",
                    "owninguser": event.actor.user_id,
                    "owningbusinessunit": event.actor.business_unit_id,
                }
            ),
        )
        self._queued.set()

    def _run_job(self, job: Row) -> None:
        table, job_id = self._schema.table("asyncoperation"), UUID(str(job["asyncoperationid"]))
        started: Row = {"statecode": 2, "statuscode": 20, "startedon": self._clock.now(), "message": None}
        self._store.update(table, job_id, started)
        step = self._store.get(
            self._schema.table("sdkmessageprocessingstep"), UUID(str(job["owningextensionid"]))
        )
        if step is None:
            problem: str | None = "is no longer registered."
        else:
            headers = {
                "x-ms-dynamics-entity-name": str(job["primaryentitytype"] or "none"),
                "x-ms-dynamics-request-name": str(job["messagename"]),
                "x-ms-correlation-request-id": str(job["correlationid"]),
                **({"x-ms-dynamics-msg-size-exceeded": "true"} if job["message"] == "cut" else {}),
            }
            endpoint_id = UUID(str(step["eventhandler"]))
            problem = self._deliver(endpoint_id, headers | self._general_headers(), str(job["data"]).encode())
        if problem is None and step is not None and step.get("asyncautodelete"):
            self._store.delete(table, job_id)
            return
        outcome: Row = {
            "statecode": 3,
            "statuscode": 30 if problem is None else 31,
            "completedon": self._clock.now(),
        }
        if problem is not None:
            text = f"The service endpoint {problem}"
            outcome |= {"message": text, "friendlymessage": text, "errorcode": -2147220891}
        self._store.update(table, job_id, outcome)

    # delivery

    def _deliver(self, endpoint_id: UUID, headers: Mapping[str, str], body: bytes) -> str | None:
        """None when a receiver answered 2xx, else what went wrong, to follow "The service endpoint"."""
        endpoint = self._store.get(self._schema.table("serviceendpoint"), endpoint_id)
        if endpoint is None:
            return "no longer exists."
        url, proof = _authenticated(endpoint)
        sent = {"content-type": "application/json; charset=utf-8", **headers, **proof}
        for last in (False, True):
            try:
                status = self._send(url, sent, body, TIMEOUT_SECONDS)
            except DeliveryError as error:
                return f"did not answer: {error}"
            if 200 <= status < 300:
                return None
            if last or status not in _ONCE_MORE:
                return f"answered with status code {status}."
        return None

    def _headers(self, event: Event, *, cut: bool) -> dict[str, str]:
        return {
            **self._general_headers(),
            "x-ms-dynamics-entity-name": event.table or "none",
            "x-ms-dynamics-request-name": event.message,
            "x-ms-correlation-request-id": str(event.correlation_id),
            **({"x-ms-dynamics-msg-size-exceeded": "true"} if cut else {}),
        }

    def _general_headers(self) -> dict[str, str]:
        return {"x-request-id": str(uuid4()), "x-ms-dynamics-organization": self._organization[1]}

    # what is registered

    def _steps(self, message: str, table: str | None) -> list[_Step]:
        epoch = tuple(self._store.epoch(self._schema.table(name)) for name in _REGISTRATION)
        if epoch != self._known_as_of:
            self._known_steps, self._known_as_of = {}, epoch
        known = self._known_steps
        if (message, table) not in known:
            known[message, table] = self._read_steps(message, table)
        return known[message, table]

    def _read_steps(self, message: str, table: str | None) -> list[_Step]:
        found = self._store.sql(
            "SELECT s.sdkmessageprocessingstepid FROM sdkmessageprocessingstep AS s "
            "JOIN sdkmessage AS m ON m.sdkmessageid = s.sdkmessageid AND m.name = ? "
            "LEFT JOIN sdkmessagefilter AS f ON f.sdkmessagefilterid = s.sdkmessagefilterid "
            "WHERE s.statecode = 0 AND s.eventhandlertype = 'serviceendpoint' "
            "AND (s.sdkmessagefilterid IS NULL OR f.primaryobjecttypecode = ?) "
            "ORDER BY s.rank, s.name",
            [message, table or "none"],
        )
        steps = self._schema.table("sdkmessageprocessingstep")
        rows = [self._store.get(steps, UUID(step_id)) for (step_id,) in found]
        return [_step(row) for row in rows if row is not None]

    def _envelope(self, step: _Step, event: Event, *, in_transaction: bool) -> Envelope:
        images = self._store.select(
            self._schema.table("sdkmessageprocessingstepimage"), {"sdkmessageprocessingstepid": step.id}
        )
        return Envelope(
            organization_id=self._organization[0],
            organization_name=self._organization[1],
            step_id=step.id,
            step_name=step.name,
            stage=step.stage,
            mode=step.mode,
            in_transaction=in_transaction,
            created_on=self._clock.now().astimezone(UTC),
            user_id=step.run_as or event.actor.user_id,
            images=tuple(image for row in images for image in _images(row)),
        )

    def _platform_checks(self, stage: int, event: Event) -> None:
        written = event.target or {}
        if stage == PRE_OPERATION and written.get("url") is not None:
            check_url(str(written["url"]))
        if stage == POST_OPERATION and "authvalue" in written and event.row_id is not None:
            is_set = bool(written["authvalue"])
            self._store.update(
                self._schema.table("serviceendpoint"), event.row_id, {"isauthvalueset": is_set}
            )

    def _known(self, row: Mapping[str, Value]) -> Row:
        table = self._schema.table("asyncoperation")
        names = set(table.columns) | {
            column.type_name for column in table.columns.values() if column.polymorphic
        }
        return {name: value for name, value in row.items() if name in names}


def sender() -> Send:
    """Sends over the network; connections are kept and shared by all threads."""
    session = requests.Session()
    session.trust_env = False
    adapter = HTTPAdapter(pool_connections=8, pool_maxsize=64)
    session.mount("http://", adapter)
    session.mount("https://", adapter)

    def send(url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        try:
            answer = session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False)
        except requests.RequestException as error:
            raise DeliveryError(type(error).__name__) from error
        return answer.status_code

    return send


def check_url(url: str) -> None:
    """Refuses what the platform refuses, but for loopback, where any port will do."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    try:
        port = parts.port
    except ValueError:
        port = 0
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    if usual is None or not host or (port not in {None, usual} and not loopback):
        raise ApiError(
            400,
            "0x8006088A",
            f"'{url}' is not a valid webhook address: only http on port 80 and https on port 443 are allowed "
            "(and, in this sandbox, any port on loopback).",
        )


def _concerned(step: _Step, event: Event) -> bool:
    """Filtering attributes narrow an Update to the columns that are written."""
    if event.message != "Update" or not step.filtering or event.target is None:
        return True
    return not step.filtering.isdisjoint(event.target)


def _authenticated(endpoint: Row) -> tuple[str, dict[str, str]]:
    """The endpoint's address and headers with its secret in place."""
    url, value = str(endpoint["url"]), str(endpoint["authvalue"] or "")
    if endpoint["authtype"] == _HTTP_HEADER:
        return url, _settings(value)
    if endpoint["authtype"] == _HTTP_QUERY:
        return _with_query(url, _settings(value)), {}
    if endpoint["authtype"] == _WEBHOOK_KEY:
        return _with_query(url, {"code": value}), {}
    return url, {}


def _settings(text: str) -> dict[str, str]:
    """`<settings><setting name="…" value="…"/></settings>`"""
    try:
        root = ET.fromstring(text)  # noqa: S314 - only administrators of this sandbox write it
    except ET.ParseError:
        return {}
    return {s.get("name", ""): s.get("value", "") for s in root.iter("setting") if s.get("name")}


def _with_query(url: str, extra: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *extra.items()])
    return urlunsplit(parts._replace(query=query))


def _step(row: Row) -> _Step:
    run_as = row.get("impersonatinguserid")
    return _Step(
        id=UUID(str(row["sdkmessageprocessingstepid"])),
        name=str(row["name"]),
        stage=int(str(row["stage"])),
        mode=int(str(row["mode"])),
        endpoint_id=UUID(str(row["eventhandler"])),
        filtering=image_columns(_text(row.get("filteringattributes"))),
        run_as=run_as if isinstance(run_as, UUID) else None,
        delete_when_done=bool(row.get("asyncautodelete")),
    )


def _images(row: Row) -> list[Image]:
    kinds = {0: [True], 1: [False], 2: [True, False]}[int(str(row["imagetype"]))]
    columns = image_columns(_text(row.get("attributes")))
    return [Image(str(row["entityalias"]), before, columns) for before in kinds]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
