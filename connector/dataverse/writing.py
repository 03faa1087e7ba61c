"""Writing to Dataverse: what a changeset of the rules is as operations of the Web API, in an order that works."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn
from uuid import UUID

from connector.dataverse.codec import Codec
from connector.dataverse.mapping import Mapping as TableMapping
from connector.dataverse.odata import (
    Duplicate,
    Operation,
    PreconditionFailed,
    Refused,
    Reply,
    Throttled,
    Unauthorized,
    row,
)
from plugins.ports import BooksRefused, BooksUnreachable
from plugins.rules.changes import Changeset, Create, Project, Update
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    Invoice,
    Ledger,
    Payment,
    Projection,
    Request,
    Transaction,
    TransactionTax,
    UsageRecord,
)
from plugins.rules.note import Note
from plugins.rules.row import Row
from plugins.rules.runs import (
    BillRun,
    BillRunLine,
    ChargeRun,
    ChargeRunLine,
    PaymentBatch,
    PaymentBatchLine,
    StatementRefund,
    StatementRefundLine,
    UsageCreditItem,
    UsageCreditJob,
)
from plugins.rules.setup import AccountService, Profile

KINDS: Mapping[type[Row], str] = {
    Ledger: "ledger",
    Invoice: "invoice",
    Transaction: "transaction",
    Payment: "payment",
    AccountTransaction: "account_transaction",
    TransactionTax: "transaction_tax",
    Disbursement: "disbursement",
    UsageRecord: "usage",
    AccountService: "account_service",
    Request: "request",
    Note: "note",
    StatementRefund: "statement_refund",
    StatementRefundLine: "statement_refund_line",
    UsageCreditJob: "usage_job",
    UsageCreditItem: "usage_item",
    BillRun: "bill_run",
    BillRunLine: "bill_run_line",
    PaymentBatch: "payment_batch",
    PaymentBatchLine: "payment_batch_line",
    ChargeRun: "charge_run",
    ChargeRunLine: "charge_run_line",
    Profile: "profile",
}
"""What the service writes."""

KEPT_BY_OTHERS: frozenset[type[Row]] = frozenset(
    {Invoice, UsageRecord, AccountService, PaymentBatch, PaymentBatchLine, Profile}
)
"""Of those, what people and other programs make too, with columns of their own that a row may not be without."""


class Writing:
    def __init__(self, mapping: TableMapping) -> None:
        self._mapping = mapping
        self._codec = Codec(mapping)

    def operations(self, changeset: Changeset) -> Iterator[tuple[UUID, Operation]]:
        """The lock first, so that two writers queue instead of deadlocking; the invoices that are shown last.

        An invoice names its ledger and the ledger the one that is open: one that is made here is named by a second
        write of the ledger, once it is there.
        """
        made = [
            each.row
            for each in changeset.writes
            if isinstance(each, Create) and isinstance(each.row, Invoice)
        ]
        opened = next((each.id for each in made if each.id == changeset.after.open_invoice), None)
        yield from self._locked(changeset.ledger, without_open_invoice=opened is not None)
        for change in changeset.writes:
            yield from self.changed(change)
            if isinstance(change, Create) and opened is not None and change.row.id == opened:
                named = self._codec.changes(
                    "ledger", replace(changeset.after, open_invoice=None), changeset.after
                )
                yield changeset.ledger_id, self._patch("ledger", changeset.ledger_id, named, "*")
        for project in changeset.projects:
            yield from self._projected(project)

    def _locked(
        self, change: Create | Update, *, without_open_invoice: bool
    ) -> Iterator[tuple[UUID, Operation]]:
        if isinstance(change, Create):
            row = change.row
            if without_open_invoice and isinstance(row, Ledger):
                row = replace(row, open_invoice=None)
            yield from self._created(Create(row))
            return
        before, after = change.before, change.after
        if without_open_invoice and isinstance(before, Ledger) and isinstance(after, Ledger):
            after = replace(after, open_invoice=before.open_invoice)
        yield from self._updated(Update(before, after))

    def changed(self, change: Create | Update) -> Iterator[tuple[UUID, Operation]]:
        return self._created(change) if isinstance(change, Create) else self._updated(change)

    def posted(self, new: Row) -> Operation:
        kind = KINDS[type(new)]
        return Operation(
            "POST",
            self._mapping[kind].set,
            {"Prefer": "return=representation"},
            self._codec.encode(kind, new),
        )

    def _created(self, change: Create) -> Iterator[tuple[UUID, Operation]]:
        kind = KINDS[type(change.row)]
        yield change.row.id, self.posted(change.row)
        state = self._codec.state(kind, change.row)
        if state is not None and state["statecode"] != 0:  # a row is always born active
            yield change.row.id, self._patch(kind, change.row.id, state, "*")

    def _updated(self, change: Update) -> Iterator[tuple[UUID, Operation]]:
        kind = KINDS[type(change.after)]
        if not change.before.etag:
            raise ValueError(f"{kind} {change.before.id} was not read before it is written")
        body = self._codec.changes(kind, change.before, change.after)
        if body:
            yield change.after.id, self._patch(kind, change.after.id, body, change.before.etag)

    def _projected(self, project: Project) -> Iterator[tuple[UUID, Operation]]:
        """Our columns and the status onto the invoice; one that is read-only is made active first, in the same changeset."""
        invoice, projection = project.invoice, project.projection
        body = self._projection(invoice, projection)
        etag = invoice.etag or "*"
        state, _ = self._mapping["invoice"].columns["status"].states[invoice.status.value]
        if self._mapping.invoice_write == "reactivate" and state != 0:
            billed = self._mapping["invoice"].columns["status"].states["billed"]
            reopened = {"statecode": billed[0], "statuscode": billed[1]}
            yield invoice.id, self._patch("invoice", invoice.id, reopened, etag)
            etag = "*"
            body |= self._codec.state("projection", projection) or {}
        yield invoice.id, self._patch("invoice", invoice.id, body, etag)

    def _projection(self, invoice: Invoice, projection: Projection) -> dict[str, Any]:
        body = self._codec.encode("projection", projection)
        body.pop(self._mapping["projection"].id)
        body.pop("statuscode", None)
        for field, column in self._mapping["projection"].columns.items():
            if column.plain and getattr(projection, field) is None:
                body[column.plain] = None  # shown before, true no more
        if projection.status is not invoice.status:
            body |= self._codec.state("projection", projection) or {}
        return body

    def _patch(self, kind: str, key: UUID, body: Mapping[str, Any], etag: str) -> Operation:
        headers = {"If-Match": etag, "Prefer": "return=representation"}
        return Operation("PATCH", row(self._mapping[kind].set, key), headers, body)


def raise_refusal(failed: Reply, writes: Sequence[tuple[UUID, Operation]]) -> NoReturn:
    """The error of a failed changeset, with the row that it is about where the answer names it."""
    error = failed.error
    if isinstance(error, PreconditionFailed | Duplicate) or not isinstance(error, Refused):
        failed.raise_for_status()
        raise BooksUnreachable("a changeset was answered as one operation")
    if isinstance(error, Throttled | Unauthorized):
        raise error
    number = failed.headers.get("content-id", "")
    known = number.isdecimal() and 0 < int(number) <= len(writes)
    raise BooksRefused(error.message, writes[int(number) - 1][0] if known else None)
