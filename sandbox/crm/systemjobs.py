"""Asynchronous steps: each event becomes a row of `asyncoperation`, carried out soon after its transaction is committed."""

import threading
from collections.abc import Callable, Mapping
from uuid import UUID, uuid4

from sandbox.clock import Clock
from sandbox.crm.pipeline import Event
from sandbox.crm.registration import Step
from sandbox.crm.schema import Row, Schema, Value
from sandbox.crm.store import Store

_READY, _LOCKED, _COMPLETED = 0, 2, 3
_IN_PROGRESS, _SUCCEEDED, _FAILED = 20, 30, 31
_ENDPOINT_FAILED = -2147220891  # 0x80040265 as the signed number that this column holds
_STOP_WITHIN_SECONDS = 1.0

Deliver = Callable[[UUID, Mapping[str, str], bytes], str | None]
"""`(endpoint, headers, body) -> None, or what went wrong`"""


class SystemJobs:
    """A queue in the rows themselves; `run_pending` empties it, `start` does so in a thread of its own."""

    def __init__(self, schema: Schema, store: Store, clock: Clock, deliver: Deliver) -> None:
        self._table = schema.table("asyncoperation")
        self._steps = schema.table("sdkmessageprocessingstep")
        self._store = store
        self._clock = clock
        self._deliver = deliver
        self._queued = threading.Event()
        self._stopping = threading.Event()
        self._worker: threading.Thread | None = None

    def queue(self, step: Step, event: Event, body: bytes, *, cut: bool) -> None:
        now = self._clock.now()
        job: Row = {
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
            "statecode": _READY,
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
        self._store.insert(self._table, job)
        self._queued.set()

    def run_pending(self) -> int:
        """Carries out what is queued and answers with how many jobs there were."""
        done = 0
        while waiting := self._store.select(self._table, {"statecode": _READY}, order="createdon"):
            for job in waiting:
                self._run(job)
                done += 1
        return done

    def start(self) -> None:
        """What another process left half done is begun again."""
        for job in self._store.select(self._table, {"statecode": _LOCKED}):
            self._change(job, {"statecode": _READY, "statuscode": 0})
        self._worker = threading.Thread(target=self._work, name="crm-system-jobs", daemon=True)
        self._worker.start()
        self._queued.set()

    def stop(self) -> None:
        self._stopping.set()
        self._queued.set()
        if self._worker is not None:
            self._worker.join(_STOP_WITHIN_SECONDS)

    def _work(self) -> None:
        while self._queued.wait() and not self._stopping.is_set():
            self._queued.clear()
            self.run_pending()

    def _run(self, job: Row) -> None:
        cut = job["message"] == "cut"
        self._change(
            job,
            {
                "statecode": _LOCKED,
                "statuscode": _IN_PROGRESS,
                "startedon": self._clock.now(),
                "message": None,
            },
        )
        step_id = job["owningextensionid"]
        step = self._store.get(self._steps, step_id) if isinstance(step_id, UUID) else None
        problem = "is no longer registered." if step is None else self._tell(job, step, cut=cut)
        if problem is None and step is not None and step["asyncautodelete"]:
            self._store.delete(self._table, UUID(str(job["asyncoperationid"])))
            return
        outcome: dict[str, Value] = {
            "statecode": _COMPLETED,
            "statuscode": _SUCCEEDED,
            "completedon": self._clock.now(),
        }
        if problem is not None:
            text = f"The service endpoint {problem}"
            outcome |= {
                "statuscode": _FAILED,
                "message": text,
                "friendlymessage": text,
                "errorcode": _ENDPOINT_FAILED,
            }
        self._change(job, outcome)

    def _tell(self, job: Row, step: Row, *, cut: bool) -> str | None:
        headers = {
            "x-ms-dynamics-entity-name": str(job["primaryentitytype"] or "none"),
            "x-ms-dynamics-request-name": str(job["messagename"]),
            "x-ms-correlation-request-id": str(job["correlationid"]),
            **({"x-ms-dynamics-msg-size-exceeded": "true"} if cut else {}),
        }
        return self._deliver(UUID(str(step["eventhandler"])), headers, str(job["data"]).encode())

    def _change(self, job: Row, columns: Mapping[str, Value]) -> None:
        self._store.update(self._table, UUID(str(job["asyncoperationid"])), dict(columns))
