"""What the actions need from outside: the books in the CRM, the payment gateway and a clock.

The adapters in `connector/` implement these; tests implement them with scripted fakes.

Errors of the gateway::

    GatewayError
    ├── NoAnswer        nothing is known: the call may have been carried out
    └── GatewayRefused  certain: nothing was done (only ever raised where that is certain)

Errors of the books::

    BooksError
    ├── Conflict        a row changed since it was read (412), or one of the same id or key exists
    ├── WriteRefused    the CRM refuses one row of the changeset; nothing was written
    ├── NotFound        the row asked for does not exist, or the service may not see it
    └── BooksUnreachable  nothing is known: the changeset may have been written
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from plugins.rules.money import Money


class Clock(Protocol):
    def now(self) -> datetime:
        """The current moment, aware, UTC."""
        ...


# --- The gateway ---------------------------------------------------------------------------------------------


class IntentStatus(StrEnum):
    """The closed list of Stripe's payment intent states."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CAPTURE = "requires_capture"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class MethodType(StrEnum):
    CARD = "card"
    ACH_DEBIT = "us_bank_account"
    SEPA_DEBIT = "sepa_debit"


@dataclass(frozen=True)
class Decline:
    """Why a gateway said no, in its own codes; empty strings where it gave none."""

    code: str = ""
    decline_code: str = ""
    advice_code: str = ""
    message: str = ""


@dataclass(frozen=True)
class IntentOrder:
    """What an intent is made of. Everything in it is frozen at the gateway when the intent is created."""

    amount: Money
    customer: str
    method: str
    method_type: MethodType
    description: str
    metadata: Mapping[str, str]
    idempotency_key: str


@dataclass(frozen=True)
class Intent:
    """The truth about one payment intent, as the gateway told it just now."""

    reference: str
    status: IntentStatus
    amount: Money
    live: bool = False
    decline: Decline | None = None
    """The last error on the intent, or the one that this very answer carried."""
    receipt_url: str = ""
    created_on: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


class GatewayError(Exception):
    """The gateway did not do what was asked, or it is not known whether it did."""


class NoAnswer(GatewayError):
    """Nothing may be concluded: time-out, broken connection, 429, 5xx, garbage, credentials refused."""


class GatewayRefused(GatewayError):
    """Certain: the call was understood and refused and nothing was done. `message` is the gateway's own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Gateway(Protocol):
    """Stripe, or a fake. `within` is how many seconds the caller waits; after that comes `NoAnswer`."""

    @property
    def live(self) -> bool:
        """Whether real money moves (a live key)."""
        ...

    def minimum(self, currency: str) -> Money | None:
        """The smallest amount that can be charged in `currency`; None when the currency cannot be charged at all."""
        ...

    def create_intent(self, order: IntentOrder, within: float) -> Intent:
        """Create an *unconfirmed* intent: no money can move. Raises `NoAnswer`, `GatewayRefused`."""
        ...

    def confirm_intent(self, reference: str, idempotency_key: str, within: float) -> Intent:
        """Confirm off-session: the only call that moves money. A decline is an `Intent` with `decline`. Raises `NoAnswer`."""
        ...

    def read_intent(self, reference: str, within: float) -> Intent:
        """Raises `NoAnswer`; `GatewayRefused("resource_missing")` when the gateway does not know it."""
        ...

    def cancel_intent(self, reference: str, within: float) -> Intent:
        """Cancel, or the intent as it is when it can no longer be cancelled. Raises `NoAnswer`."""
        ...

    def unconfirmed_intents(self, older_than: datetime) -> Sequence[Intent]:
        """Intents of ours (by metadata) that still wait for confirmation and were created before `older_than`."""
        ...
