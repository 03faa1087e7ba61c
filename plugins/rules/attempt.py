"""An attempt: who asked for what under which key, and the request row that begins with it."""

from dataclasses import dataclass, field

from plugins.rules import ids
from plugins.rules.ids import InvoiceId, LedgerId, RequestId, UserId
from plugins.rules.ledger import Outcome, Request, Source
from plugins.rules.row import Owner


@dataclass(frozen=True)
class Attempt:
    key: str
    input_hash: str
    action: str
    caller: UserId
    source: Source = field(default=Source.USER, kw_only=True)

    @property
    def request(self) -> RequestId:
        return ids.request_id(self.key)

    def promised(self, message: str, result: str, ledger: LedgerId, invoice: InvoiceId | None) -> Request:
        """The row of what is reserved. It names no transaction yet: that one is written after it, and names it."""
        return Request(
            id=self.request,
            key=self.key,
            action=self.action,
            input_hash=self.input_hash,
            outcome=Outcome.PENDING,
            code="reserved",
            message=message,
            result=result,
            invoice=invoice,
            ledger=ledger,
            transaction=None,
            requested_by=self.caller,
            owner=Owner(self.caller),
            source=self.source,
        )
