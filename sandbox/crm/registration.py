"""What is registered for the event pipeline: steps and images as rows, and what the platform checks when they are written.

Deviation from the platform: a receiver on loopback may use any port (there, only 80 and 443).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sandbox.crm.errors import ApiError
from sandbox.crm.executioncontext import Image
from sandbox.crm.pipeline import POST_OPERATION, PRE_OPERATION, Event, Reference
from sandbox.crm.schema import Row, Schema
from sandbox.crm.store import Store

SYNCHRONOUS, ASYNCHRONOUS = 0, 1
_STAGES = frozenset({10, 20, 40})
_READ = ("sdkmessage", "sdkmessagefilter", "sdkmessageprocessingstep")
_CHECKED = frozenset({"serviceendpoint", "sdkmessageprocessingstep"})
_ASYNCHRONOUS_ONLY = 1


@dataclass(frozen=True)
class Step:
    """An enabled step that a service endpoint listens to. `filtering` narrows updates to columns; empty: all."""

    id: UUID
    name: str
    stage: int
    mode: int
    endpoint_id: UUID
    filtering: frozenset[str]
    run_as: UUID | None
    delete_when_done: bool

    def concerns(self, event: Event) -> bool:
        if event.message != "Update" or not self.filtering or event.target is None:
            return True
        return not self.filtering.isdisjoint(event.target)


class Registration:
    """The steps as they are in the rows; what was read is kept until those rows change."""

    def __init__(self, schema: Schema, store: Store) -> None:
        self._schema = schema
        self._store = store
        self._known: dict[tuple[str, str | None], list[Step]] = {}
        self._known_as_of: tuple[tuple[int, int], ...] = ()

    def steps(self, message: str, table: str | None) -> list[Step]:
        """In the order of their rank."""
        epoch = tuple(self._store.epoch(self._schema.table(name)) for name in _READ)
        if epoch != self._known_as_of:
            self._known, self._known_as_of = {}, epoch
        known = self._known
        if (message, table) not in known:
            known[message, table] = self._read(message, table)
        return known[message, table]

    def images(self, step: Step) -> tuple[Image, ...]:
        table = self._schema.table("sdkmessageprocessingstepimage")
        rows = self._store.select(table, {"sdkmessageprocessingstepid": step.id})
        return tuple(image for row in rows for image in _images(row))

    def endpoint(self, endpoint_id: UUID) -> Row | None:
        return self._store.get(self._schema.table("serviceendpoint"), endpoint_id)

    def checks(self, table: str | None) -> bool:
        """Whether the platform itself looks at what is written to that table."""
        return table in _CHECKED

    def check(self, stage: int, event: Event) -> None:
        """Raises ApiError 400 for an endpoint or a step that the platform would not take."""
        written = event.target or {}
        if event.table == "serviceendpoint":
            if stage == PRE_OPERATION and written.get("url") is not None:
                _check_url(str(written["url"]))
            if stage == POST_OPERATION and "authvalue" in written and event.row_id is not None:
                is_set: Row = {"isauthvalueset": bool(written["authvalue"])}
                self._store.update(self._schema.table("serviceendpoint"), event.row_id, is_set)
        elif (
            event.table == "sdkmessageprocessingstep" and stage == PRE_OPERATION and event.message != "Delete"
        ):
            self._check_step({**(event.before or {}), **written})

    def _check_step(self, step: Mapping[str, Any]) -> None:
        if step.get("stage") not in _STAGES:
            raise _refused(
                "A step is registered at pre-validation (10), pre-operation (20) or post-operation (40)."
            )
        if step.get("mode") == ASYNCHRONOUS and step["stage"] != POST_OPERATION:
            raise _refused("An asynchronous step is registered at post-operation (40) only.")
        message, narrowed = step.get("sdkmessageid"), step.get("sdkmessagefilterid")
        if isinstance(message, Reference) and isinstance(narrowed, Reference):
            row = self._store.get(self._schema.table("sdkmessagefilter"), narrowed.id)
            if row is None or row["sdkmessageid"] != message.id:
                raise _refused("The message filter belongs to another message.")
        if isinstance(message, Reference):
            row = self._store.get(self._schema.table("sdkmessage"), message.id)
            api = self._schema.custom_apis.get(str(row["name"])) if row else None
            if api and api.step_type == _ASYNCHRONOUS_ONLY and step.get("mode") == SYNCHRONOUS:
                raise _refused(f"Custom API {api.name} allows asynchronous steps only.")

    def _read(self, message: str, table: str | None) -> list[Step]:
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


def _check_url(url: str) -> None:
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
        raise _refused(
            f"'{url}' is not a valid webhook address: only http on port 80 and https on port 443 are allowed "
            "(and, in this sandbox, any port on loopback)."
        )


def _refused(message: str) -> ApiError:
    return ApiError(400, "0x8006088A", message)


def _step(row: Row) -> Step:
    run_as = row.get("impersonatinguserid")
    return Step(
        id=UUID(str(row["sdkmessageprocessingstepid"])),
        name=str(row["name"]),
        stage=int(str(row["stage"])),
        mode=int(str(row["mode"])),
        endpoint_id=UUID(str(row["eventhandler"])),
        filtering=_columns(row.get("filteringattributes")),
        run_as=run_as if isinstance(run_as, UUID) else None,
        delete_when_done=bool(row.get("asyncautodelete")),
    )


def _images(row: Row) -> list[Image]:
    kinds = {0: [True], 1: [False], 2: [True, False]}[int(str(row["imagetype"]))]
    return [Image(str(row["entityalias"]), before, _columns(row.get("attributes"))) for before in kinds]


def _columns(listed: Any) -> frozenset[str]:
    """A comma list of columns as a set; empty means all."""
    return frozenset(name.strip().lower() for name in str(listed or "").split(",") if name.strip())
