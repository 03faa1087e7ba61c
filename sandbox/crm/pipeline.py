"""The event pipeline as the rows and the custom APIs see it: what happened, and who is told at which stage.

Stage 10 (pre-validation) runs outside the transaction, 20 and 40 inside it; asynchronous steps run after commit.
`sandbox/crm/webhooks.py` implements it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID, uuid4

from sandbox.crm.identity import Actor

PRE_VALIDATION = 10
PRE_OPERATION = 20
POST_OPERATION = 40


@dataclass(frozen=True)
class Reference:
    """An EntityReference: a lookup's value, or the row that a bound custom API was called on."""

    table: str
    id: UUID
    name: str | None = None


@dataclass(frozen=True)
class Money:
    """A parameter of type Money, which the context writes differently from a plain decimal."""

    value: Decimal


@dataclass(frozen=True)
class Choice:
    """A parameter of type Picklist."""

    value: int


@dataclass(frozen=True)
class Event:
    """One message on its way through the pipeline.

    `message` is Create, Update, Delete or the unique name of a custom API. `target` is what InputParameters calls Target:
    the columns that are written (Create, Update) or None (the reference to `table` and `row_id` is used).
    `parameters` are a custom API's own: str, int, bool, float, Decimal, datetime, UUID, list[str], Reference, Money, Choice.
    `before` and `after` are whole rows, for images.
    """

    message: str
    actor: Actor
    table: str | None = None
    row_id: UUID | None = None
    target: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    correlation_id: UUID = field(default_factory=uuid4)


class Pipeline(Protocol):
    """The hook that `rows.py` calls around every write."""

    def wants(self, message: str, table: str | None) -> bool:
        """Whether any enabled step is registered for it; cheap, so that images are read only when someone looks."""

    def run(self, stage: int, event: Event, *, in_transaction: bool) -> None:
        """Runs the synchronous steps of one stage in the order of their rank.

        Raises ApiError ("Endpoint unavailable") when one of them does not answer 2xx.
        """

    def committed(self, event: Event) -> None:
        """Called once the transaction is committed: queues the asynchronous steps."""
