"""The books in memory: the same port as Dataverse, with the same guards, and faults on demand."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from plugins.ports import BooksRefused, BooksUnreachable, Clock, Conflict, Due, NotFound
from plugins.rules.ids import InvoiceId, RequestId, TransactionId, UserId
from plugins.rules.invoice import CLOSED_FOR_GOOD
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
    InvoiceStatus,
    Kind,
    Ledger,
    Operation,
    Outcome,
    Payment,
    PaymentType,
    Profile,
    Projection,
    Request,
    Row,
    Setting,
    Transaction,
    TransactionStatus,
)

T = TypeVar("T")


class MemoryBooks:
    """`rows` holds every row by id, the invoices' projections beside them in `shown`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._versions = itertools.count(1)
        self.rows: dict[UUID, Row] = {}
        self.shown: dict[UUID, Projection] = {}
        self.rights: dict[UserId, frozenset[str]] = {}
        self.names: dict[UserId, str] = {}
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        """Called with each call's name before it is carried out; it may raise."""
        self.after: Callable[[str], None] = lambda _: None
        """Called after it was carried out; raising here is an answer that got lost."""
        self.refuses_invoice = False
        """As a customer's plug-in or a locked invoice would."""

    def add(self, *rows: Row) -> None:
        for row in rows:
            self.rows[row.id] = replace(row, etag=self._version())

    def all(self, kind: type[Any]) -> list[Any]:
        return [row for row in self.rows.values() if isinstance(row, kind)]

    def invoice(self, key: UUID) -> Invoice:
        row = self.rows[key]
        assert isinstance(row, Invoice)
        return row

    # --- The port ------------------------------------------------------------------------------------------------

    def for_charge(self, invoice: InvoiceId, request: RequestId, caller: UserId) -> InvoiceBooks:
        return self._call("for_charge", lambda: self._for_charge(invoice, request, caller))

    def for_settlement(self, transaction: Transaction) -> InvoiceBooks:
        return self._call("for_settlement", lambda: self._for_settlement(transaction))

    def commit(self, changeset: Changeset) -> Mapping[UUID, str]:
        return self._call("commit", lambda: self._commit(changeset))

    def record(self, request: Request) -> None:
        self._call("record", lambda: self._create(self.rows, request))

    def request(self, request: RequestId) -> Request | None:
        found = self._call("request", lambda: self._named(self.rows.get(request)))
        assert found is None or isinstance(found, Request)
        return found

    def transaction(self, transaction: TransactionId) -> Transaction | None:
        found = self._call("transaction", lambda: self.rows.get(transaction))
        assert found is None or isinstance(found, Transaction)
        return found

    def transaction_of(self, gateway_reference: str) -> Transaction | None:
        found = self._call("transaction_of", lambda: self.all(Transaction))
        return next((each for each in found if each.gateway_reference == gateway_reference), None)

    def due(self, now: datetime, limit: int) -> Due:
        def is_due(each: Transaction) -> bool:
            if each.next_check_on is None:
                return each.status is TransactionStatus.PENDING
            return each.next_check_on <= now

        found = self._call("due", lambda: [each for each in self.all(Transaction) if is_due(each)])
        first = datetime.min.replace(tzinfo=now.tzinfo)
        found.sort(key=lambda each: each.next_check_on or first)
        return Due(next(iter(self.all(Setting)), None), tuple(found[:limit]))

    # --- Inside --------------------------------------------------------------------------------------------------

    def _call(self, name: str, act: Callable[[], T]) -> T:
        self.calls.append(name)
        self.before(name)
        result = act()
        self.after(name)
        return result

    def _version(self) -> str:
        return f'W/"{next(self._versions)}"'

    def _for_charge(self, invoice: InvoiceId, request: RequestId, caller: UserId) -> InvoiceBooks:
        if invoice not in self.rows:
            raise NotFound(str(invoice))
        books = self._around(self.invoice(invoice))
        known = self._named(self.rows.get(request))
        return replace(books, request=known, rights=self.rights.get(caller, frozenset({"ReadAccess"})))

    def _for_settlement(self, transaction: Transaction) -> InvoiceBooks:
        books = self._around(self.invoice(transaction.invoice))
        found, ledger = self.rows.get(transaction.id), self.rows.get(transaction.ledger)
        if not isinstance(found, Transaction) or not isinstance(ledger, Ledger):
            raise NotFound(str(transaction.id))
        request = self._named(self.rows.get(transaction.request)) if transaction.request else None
        return replace(books, transaction=found, ledgers=(ledger,), request=request)

    def _around(self, invoice: Invoice) -> InvoiceBooks:
        account = self.rows.get(invoice.customer)
        theirs = tuple(
            each
            for each in self.all(Invoice)
            if each.id == invoice.id
            or (
                each.customer == invoice.customer
                and each.status not in CLOSED_FOR_GOOD | {InvoiceStatus.COMPLETE}
            )
        )
        keys = {each.id for each in theirs}
        return InvoiceBooks(
            invoice=invoice,
            account=account if isinstance(account, Account) else None,
            ledgers=tuple(each for each in self.all(Ledger) if each.account == invoice.customer),
            invoices=theirs if isinstance(account, Account) else (),
            contract=next((each for each in self.all(Contract) if each.id == invoice.contract), None),
            profiles=tuple(each for each in self.all(Profile) if each.account == invoice.customer),
            debits=tuple(
                each
                for each in self.all(AccountTransaction)
                if each.kind is Kind.DEBIT and each.invoice in keys
            ),
            disbursements=tuple(each for each in self.all(Disbursement) if each.invoice in keys),
            pending=tuple(
                each
                for each in self.all(Transaction)
                if each.status is TransactionStatus.PENDING
                and each.operation is Operation.CHARGE
                and each.invoice in keys
            ),
            undisbursed=tuple(
                each
                for each in self.all(Payment)
                if each.undisbursed.minor > 0 and self._account_of(each) == invoice.customer
            ),
            payment_types=tuple(self.all(PaymentType)),
            closed_periods=tuple(self.all(ClosedPeriod)),
            setting=next(iter(self.all(Setting)), None),
            in_progress=tuple(
                self._named(each)
                for each in self.all(Request)
                if each.outcome is Outcome.PENDING and each.invoice == invoice.id
            ),
        )

    def _account_of(self, payment: Payment) -> UUID:
        ledger = self.rows[payment.ledger]
        assert isinstance(ledger, Ledger)
        return ledger.account

    def _named(self, row: Row | None) -> Any:
        if isinstance(row, Request) and row.requested_by is not None:
            return replace(row, requested_by_name=self.names.get(row.requested_by, ""))
        return row

    def _commit(self, changeset: Changeset) -> Mapping[UUID, str]:
        rows, shown = dict(self.rows), dict(self.shown)
        touched: list[UUID] = []
        for change in (changeset.ledger, *changeset.writes):
            if isinstance(change, Create):
                touched.append(self._create(rows, change.row))
                continue
            before = change.before
            self._check_version(rows, before.id, before.etag)
            rows[before.id] = replace(change.after, etag=self._version())
            touched.append(before.id)
        if changeset.project is not None:
            invoice, projection = changeset.project.invoice, changeset.project.projection
            if self.refuses_invoice:
                raise BooksRefused("the invoice is locked", invoice.id)
            self._check_version(rows, invoice.id, invoice.etag)
            current = rows[invoice.id]
            assert isinstance(current, Invoice)
            rows[invoice.id] = replace(
                current,
                etag=self._version(),
                status=projection.status,
                ledger=projection.ledger,
                ledger_state=projection.ledger_state,
            )
            shown[invoice.id] = projection
            touched.append(invoice.id)
        self.rows, self.shown = rows, shown
        return {key: rows[key].etag for key in touched}

    def _create(self, rows: dict[UUID, Row], row: Row) -> UUID:
        if row.id in rows:
            raise Conflict(f"{row.id} exists")
        key = _alternate_key(row)
        if key is not None and any(
            type(each) is type(row) and _alternate_key(each) == key for each in rows.values()
        ):
            raise Conflict(f"{key} exists")
        if isinstance(row, Transaction | Request):
            row = replace(row, created_on=self._clock.now())
        rows[row.id] = replace(row, etag=self._version())
        return row.id

    @staticmethod
    def _check_version(rows: Mapping[UUID, Row], key: UUID, etag: str) -> None:
        if not etag:
            raise AssertionError(f"{key} is written without having been read")
        if key not in rows:
            raise BooksRefused(f"{key} does not exist", key)
        if rows[key].etag != etag:
            raise Conflict(f"{key} changed")


def _alternate_key(row: Row) -> tuple[object, ...] | None:
    match row:
        case Ledger():
            return (row.key,)
        case Request():
            return (row.key,)
        case Transaction():
            return (row.gateway_reference,)
        case Payment() | Disbursement():
            return (row.ledger, row.number)
        case _:
            return None


def unreachable(*names: str, times: int = 1) -> Callable[[str], None]:
    """For `before` or `after`: the named calls break, that many times."""
    left = itertools.count(times, -1)

    def act(name: str) -> None:
        if name in names and next(left) > 0:
            raise BooksUnreachable(f"{name}: no answer")

    return act
