"""The event pipeline of the local CRM: registered webhooks are told about events, at once or afterwards as system jobs.

Deviation from the platform: rows are locked all together, so while a synchronous step at stage 20 or 40 waits for its
receiver, nobody else is answered. At stage 10, outside the transaction, nothing is locked.
"""

from collections.abc import Mapping
from datetime import UTC
from uuid import UUID, uuid4

from sandbox.clock import Clock
from sandbox.crm import delivery, executioncontext
from sandbox.crm.delivery import Send
from sandbox.crm.errors import ApiError
from sandbox.crm.executioncontext import Envelope
from sandbox.crm.pipeline import Event
from sandbox.crm.registration import ASYNCHRONOUS, SYNCHRONOUS, Registration, Step
from sandbox.crm.schema import Schema
from sandbox.crm.store import Store
from sandbox.crm.systemjobs import SystemJobs


class Webhooks:
    """Implements `Pipeline`. `jobs` are the asynchronous steps that wait to be carried out."""

    def __init__(
        self,
        schema: Schema,
        store: Store,
        clock: Clock,
        organization: tuple[UUID, str],
        send: Send | None = None,
    ) -> None:
        self._schema = schema
        self._clock = clock
        self._organization = organization
        self._send = send or delivery.over_http()
        self._registration = Registration(schema, store)
        self.jobs = SystemJobs(schema, store, clock, self._deliver)

    def wants(self, message: str, table: str | None) -> bool:
        return self._registration.checks(table) or bool(self._registration.steps(message, table))

    def run(self, stage: int, event: Event, *, in_transaction: bool) -> None:
        self._registration.check(stage, event)
        for step in self._registration.steps(event.message, event.table):
            if step.mode != SYNCHRONOUS or step.stage != stage or not step.concerns(event):
                continue
            body, cut = self._written(step, event, in_transaction=in_transaction)
            problem = self._deliver(step.endpoint_id, _headers(event, cut=cut), body)
            if problem is not None:
                raise ApiError(
                    400,
                    "0x80040265",
                    f"Endpoint unavailable. The service endpoint of step '{step.name}' {problem}",
                )

    def committed(self, event: Event) -> None:
        for step in self._registration.steps(event.message, event.table):
            if step.mode == ASYNCHRONOUS and step.concerns(event):
                body, cut = self._written(step, event, in_transaction=False)
                self.jobs.queue(step, event, body, cut=cut)

    def _written(self, step: Step, event: Event, *, in_transaction: bool) -> tuple[bytes, bool]:
        envelope = Envelope(
            organization_id=self._organization[0],
            organization_name=self._organization[1],
            step_id=step.id,
            step_name=step.name,
            stage=step.stage,
            mode=step.mode,
            in_transaction=in_transaction,
            created_on=self._clock.now().astimezone(UTC),
            user_id=step.run_as or event.actor.user_id,
            images=self._registration.images(step),
        )
        return executioncontext.write(self._schema, event, envelope)

    def _deliver(self, endpoint_id: UUID, headers: Mapping[str, str], body: bytes) -> str | None:
        endpoint = self._registration.endpoint(endpoint_id)
        if endpoint is None:
            return "no longer exists."
        general = {"x-request-id": str(uuid4()), "x-ms-dynamics-organization": self._organization[1]}
        return delivery.deliver(self._send, endpoint, general | dict(headers), body)


def _headers(event: Event, *, cut: bool) -> dict[str, str]:
    return {
        "x-ms-dynamics-entity-name": event.table or "none",
        "x-ms-dynamics-request-name": event.message,
        "x-ms-correlation-request-id": str(event.correlation_id),
        **({"x-ms-dynamics-msg-size-exceeded": "true"} if cut else {}),
    }
