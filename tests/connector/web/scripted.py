"""A scripted application behind the doors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from connector.stripe.events import GatewayEvent
from plugins import charge_invoice, check_request
from plugins.actions import Action, Answer, Call
from plugins.rules.ledger import Outcome

ORGANIZATION = UUID("5d9c1b1e-6d4b-4a3e-9f5a-2f0f4cfd8a11")
NEW_SECRET = "the-new-webhook-secret"
OLD_SECRET = "the-old-webhook-secret"
SIGNING_SECRET = "whsec_4eC39HqLyjWDarjtT1zdp7dc"


@dataclass(frozen=True)
class Line:
    name: str
    ok: bool
    detail: str


@dataclass
class ScriptedApp:
    """Answers as it is told, and remembers what it was asked. It is its own clock."""

    moment: datetime = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    answer: Answer = field(default_factory=lambda: Answer(Outcome.DONE, "succeeded", "Charged."))
    fails_with: Exception | None = None
    calls: list[Call] = field(default_factory=list)
    heard: list[GatewayEvent] = field(default_factory=list)
    lines: list[Line] = field(default_factory=lambda: [Line("crm", True, "answers")])
    running: bool = False
    actions: Mapping[str, Action] = field(
        default_factory=lambda: {
            action.name: action for action in (charge_invoice.ACTION, check_request.ACTION)
        }
    )

    def now(self) -> datetime:
        return self.moment

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def perform(self, call: Call) -> Answer:
        self.calls.append(call)
        if self.fails_with:
            raise self.fails_with
        return self.answer

    def hear(self, event: GatewayEvent) -> None:
        self.heard.append(event)
        if self.fails_with:
            raise self.fails_with

    def health(self) -> list[Line]:
        return self.lines
