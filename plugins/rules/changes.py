"""What an action writes: a changeset, all or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from plugins.rules.ids import InvoiceId, LedgerId
from plugins.rules.ledger import ChargeStatus, Invoice, Ledger, Projection
from plugins.rules.row import Row


@dataclass(frozen=True)
class Create:
    row: Row


@dataclass(frozen=True)
class Update:
    """`before` became `after`; only what differs is written, under the ETag of `before`."""

    before: Row
    after: Row


@dataclass(frozen=True)
class Project:
    """Show `projection` on `invoice`. The only write that may be left out when the CRM refuses it.

    An invoice without an ETag was made by the same changeset.
    """

    invoice: Invoice
    projection: Projection


@dataclass(frozen=True)
class Changeset:
    """All or nothing. `ledger` is the lock and always goes first; the invoices are shown last.

    `writes` are in an order in which every row is there before another names it. An invoice that is made here is named
    by the ledger only after it was.
    """

    ledger: Create | Update
    writes: tuple[Create | Update, ...]
    projects: tuple[Project, ...] = ()

    @property
    def after(self) -> Ledger:
        """The ledger once this is written."""
        row = self.ledger.row if isinstance(self.ledger, Create) else self.ledger.after
        if not isinstance(row, Ledger):
            raise TypeError("a changeset is guarded by a ledger")
        return row

    @property
    def ledger_id(self) -> LedgerId:
        return self.after.id

    def without(self, invoice: UUID | None) -> "Changeset":
        """The same but for that invoice's columns (for None: all invoices'), which the ledger remembers as owed."""
        left_out = [
            each for each in self.projects if invoice in {None, each.invoice.id} and each.invoice.etag
        ]
        owed = dict(owed_showings(self.after))
        owed |= {each.invoice.id: each.projection.last_charge_status for each in left_out}
        after = with_owed_showings(self.after, owed)
        ledger = Create(after) if isinstance(self.ledger, Create) else Update(self.ledger.before, after)
        return Changeset(ledger, self.writes, tuple(each for each in self.projects if each not in left_out))


def owed_showings(ledger: Ledger) -> dict[InvoiceId, ChargeStatus | None]:
    """The invoices that do not show the ledger yet, each with the charge status that it is to show."""
    pairs = [each.partition(":") for each in ledger.to_show.split()]
    return {InvoiceId(UUID(key)): ChargeStatus(status) if status else None for key, _, status in pairs}


def with_owed_showings(ledger: Ledger, owed: Mapping[InvoiceId, ChargeStatus | None]) -> Ledger:
    spelled = [f"{key}:{status}" if status else str(key) for key, status in owed.items()]
    return replace(ledger, to_show=" ".join(spelled))
