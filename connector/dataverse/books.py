"""The ledger in Dataverse: one batch of reads for a snapshot, one changeset for a decision.

Implements `plugins.ports.Books`. The mapping says where everything is; nothing here knows a table by name.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from connector.dataverse.batch import Changeset as Batched
from connector.dataverse.codec import ANNOTATIONS, Codec
from connector.dataverse.fetch import Around
from connector.dataverse.http import Dataverse
from connector.dataverse.mapping import Mapping as TableMapping
from connector.dataverse.odata import (
    Duplicate,
    Operation,
    PreconditionFailed,
    Refused,
    Reply,
    Throttled,
    Unauthorized,
    fetch_xml_query,
    function,
    literal,
    row,
    with_query,
)
from connector.dataverse.snapshot import Snapshot, translated
from plugins.ports import BooksRefused, BooksUnreachable, Due, NotFound
from plugins.rules.ids import InvoiceId, RequestId, TransactionId, UserId
from plugins.rules.ledger import (
    Account,
    AccountTransaction,
    Changeset,
    ClosedPeriod,
    Contract,
    Create,
    Disbursement,
    Invoice,
    InvoiceBooks,
    Ledger,
    Payment,
    PaymentType,
    Profile,
    Project,
    Projection,
    Request,
    Row,
    Setting,
    Transaction,
    Update,
)

KINDS: Mapping[type[Row], str] = {
    Ledger: "ledger",
    Transaction: "transaction",
    Payment: "payment",
    Disbursement: "disbursement",
    Request: "request",
}
"""What the service writes."""

READ_WITHIN = 20.0
WRITE_WITHIN = 20.0
"""Seconds; a write that has no answer by then is looked for before anything else is done."""


class DataverseBooks:
    def __init__(self, dataverse: Dataverse, mapping: TableMapping) -> None:
        self._dataverse = dataverse
        self._mapping = mapping
        self._codec = Codec(mapping)

    # --- Reading ---------------------------------------------------------------------------------------------------

    def for_charge(self, invoice: InvoiceId, request: RequestId, caller: UserId) -> InvoiceBooks:
        around = Around(self._mapping, invoice)
        reads = self._around(around, invoice)
        reads["ledgers"] = self._fetched("ledger", around.ledgers())
        reads["request"] = self._one("request", request)
        reads["rights"] = self._access(invoice, caller)  # last: the youngest of all
        found = self._read(reads)
        return self._books(found, ledgers=found.many("ledgers", "ledger", Ledger))

    def for_settlement(self, transaction: Transaction) -> InvoiceBooks:
        around = Around(self._mapping, transaction.invoice)
        reads = self._around(around, transaction.invoice)
        reads["ledgers"] = self._one("ledger", transaction.ledger)
        reads["transaction"] = self._one("transaction", transaction.id)
        if transaction.request is not None:
            reads["request"] = self._one("request", transaction.request)
        found = self._read(reads)
        ledger = found.maybe("ledgers", "ledger", Ledger)
        if ledger is None:
            raise NotFound(
                f"the billing account {transaction.ledger} of transaction {transaction.id} is gone"
            )
        return self._books(
            found, ledgers=(ledger,), transaction=found.one("transaction", "transaction", Transaction)
        )

    def request(self, request: RequestId) -> Request | None:
        return self._read({"request": self._one("request", request)}).maybe("request", "request", Request)

    def transaction(self, transaction: TransactionId) -> Transaction | None:
        reads = {"transaction": self._one("transaction", transaction)} | self._currencies()
        return self._read(reads).maybe("transaction", "transaction", Transaction)

    def transaction_of(self, gateway_reference: str) -> Transaction | None:
        column = self._mapping.column("transaction", "gateway_reference")
        reads = {
            "transactions": self._filtered("transaction", f"{column} eq {literal(gateway_reference)}"),
        } | self._currencies()
        return next(iter(self._read(reads).many("transactions", "transaction", Transaction)), None)

    def due(self, now: datetime, limit: int) -> Due:
        columns = self._mapping["transaction"].columns
        state, status = columns["status"].states["pending"]
        check = columns["next_check_on"].names[0]
        pending = f"(statecode eq {state} and statuscode eq {status} and {check} eq null)"
        options = {"$orderby": f"{check} asc", "$top": str(limit)}
        reads = {
            "transactions": self._filtered("transaction", f"{check} le {literal(now)} or {pending}", options),
            "settings": self._filtered("setting", "statecode eq 0"),
            **self._currencies(),
        }
        found = self._read(reads)
        setting = next(iter(found.many("settings", "setting", Setting)), None)
        return Due(setting, *found.readable("transactions", "transaction", Transaction))

    # --- Writing ---------------------------------------------------------------------------------------------------

    def commit(self, changeset: Changeset) -> Mapping[UUID, str]:
        writes = list(self._operations(changeset))
        with translated():
            answers = self._dataverse.batch(
                [Batched(tuple(operation for _, operation in writes))], within=WRITE_WITHIN
            )
            answer = answers[0]
            if isinstance(answer, Reply):
                _raise(answer, writes)
        return {
            written: reply.body["@odata.etag"]
            for (written, _), reply in zip(writes, answer, strict=True)
            if isinstance(reply.body, Mapping) and "@odata.etag" in reply.body
        }

    def record(self, request: Request) -> None:
        with translated():
            self._dataverse.send(self._post("request", request), within=WRITE_WITHIN)

    def _operations(self, changeset: Changeset) -> Iterator[tuple[UUID, Operation]]:
        """The lock first, so that two writers queue instead of deadlocking; the invoice last."""
        for change in (changeset.ledger, *changeset.writes):
            if isinstance(change, Create):
                yield from self._created(change)
            else:
                yield from self._updated(change)
        if changeset.project is not None:
            yield from self._projected(changeset.project)

    def _created(self, change: Create) -> Iterator[tuple[UUID, Operation]]:
        kind = KINDS[type(change.row)]
        yield change.row.id, self._post(kind, change.row)
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

    def _post(self, kind: str, new: Row) -> Operation:
        return Operation(
            "POST",
            self._mapping[kind].set,
            {"Prefer": "return=representation"},
            self._codec.encode(kind, new),
        )

    def _patch(self, kind: str, key: UUID, body: Mapping[str, Any], etag: str) -> Operation:
        headers = {"If-Match": etag, "Prefer": "return=representation"}
        return Operation("PATCH", row(self._mapping[kind].set, key), headers, body)

    # --- Parts of a snapshot ---------------------------------------------------------------------------------------

    def _around(self, around: Around, invoice: InvoiceId) -> dict[str, Operation]:
        """In this order; the ledgers come first, so that the lock is older than every row that it protects."""
        kinds = self._mapping.kinds
        closed = kinds["closed_period"].columns["status"]
        return {
            "ledgers": Operation("GET", ""),  # filled in by the caller: the place is what counts
            "invoice": self._one("invoice", invoice),
            "account": self._fetched("account", around.account()),
            "contract": self._fetched("contract", around.contract()),
            "profiles": self._fetched("profile", around.profiles()),
            "invoices": self._fetched("invoice", around.invoices()),
            "disbursements": self._fetched("disbursement", around.disbursements()),
            "debits": self._fetched("account_transaction", around.debits()),
            "pending": self._fetched("transaction", around.pending()),
            "undisbursed": self._fetched("payment", around.undisbursed()),
            "in_progress": self._fetched("request", around.in_progress()),
            "payment_types": self._filtered("payment_type", "statecode eq 0"),
            "closed_periods": self._filtered(
                "closed_period", f"{closed.choice} eq {closed.values['closed']}"
            ),
            "settings": self._filtered("setting", "statecode eq 0"),
            **self._currencies(),
        }

    def _books(
        self, found: Snapshot, *, ledgers: Sequence[Ledger], transaction: Transaction | None = None
    ) -> InvoiceBooks:
        return InvoiceBooks(
            invoice=found.one("invoice", "invoice", Invoice),
            account=next(iter(found.many("account", "account", Account)), None),
            ledgers=tuple(ledgers),
            invoices=found.many("invoices", "invoice", Invoice),
            contract=next(iter(found.legible("contract", "contract", Contract)), None),
            profiles=found.legible("profiles", "profile", Profile),
            debits=found.many("debits", "account_transaction", AccountTransaction),
            disbursements=found.many("disbursements", "disbursement", Disbursement),
            pending=found.many("pending", "transaction", Transaction),
            undisbursed=found.many("undisbursed", "payment", Payment),
            in_progress=found.legible("in_progress", "request", Request),
            payment_types=found.legible("payment_types", "payment_type", PaymentType),
            closed_periods=found.legible("closed_periods", "closed_period", ClosedPeriod),
            setting=next(iter(found.many("settings", "setting", Setting)), None),
            request=found.maybe("request", "request", Request) if "request" in found.replies else None,
            transaction=transaction,
            rights=found.rights(),
        )

    def _currencies(self) -> dict[str, Operation]:
        kind = self._mapping["currency"]
        return {
            "currencies": Operation("GET", with_query(kind.set, {"$select": ",".join(kind.column_names)}))
        }

    def _one(self, kind: str, key: UUID) -> Operation:
        path = with_query(row(self._mapping[kind].set, key), {"$select": self._selected(kind)})
        return Operation("GET", path, {"Prefer": ANNOTATIONS})

    def _filtered(self, kind: str, where: str, options: Mapping[str, str] | None = None) -> Operation:
        query = {"$select": self._selected(kind), "$filter": where, **(options or {})}
        return Operation("GET", with_query(self._mapping[kind].set, query), {"Prefer": ANNOTATIONS})

    def _fetched(self, kind: str, xml: str) -> Operation:
        return Operation("GET", f"{self._mapping[kind].set}?{fetch_xml_query(xml)}", {"Prefer": ANNOTATIONS})

    def _selected(self, kind: str) -> str:
        """The mapped columns as a `$select` names them: a lookup by its value."""
        table = self._mapping[kind]
        names = dict.fromkeys([table.id])
        for column in table.columns.values():
            for name in column.names:
                is_lookup = column.lookup or column.owner or column.party
                names[f"_{name}_value" if is_lookup else name] = None
        return ",".join(names)

    def _access(self, invoice: InvoiceId, caller: UserId) -> Operation:
        target = {"@odata.id": row(self._mapping["invoice"].set, invoice)}
        user = row(self._mapping["user"].set, caller)
        return Operation("GET", function(user, "RetrievePrincipalAccess", {"Target": target}))

    def _read(self, reads: Mapping[str, Operation]) -> Snapshot:
        with translated(
            conflict=BooksUnreachable
        ):  # a read changes nothing, so there is nothing to clash with
            answers = self._dataverse.batch(list(reads.values()), within=READ_WITHIN, continue_on_error=True)
        replies = {
            name: answer for name, answer in zip(reads, answers, strict=True) if isinstance(answer, Reply)
        }
        return Snapshot(self._codec, replies)


def _raise(failed: Reply, writes: Sequence[tuple[UUID, Operation]]) -> NoReturn:
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
