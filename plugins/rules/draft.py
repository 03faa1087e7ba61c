"""A draft: a working copy of a ledger's books that rules change row by row, and the changeset that it comes to.

A decision is a function that is given a draft and changes it. What it read and what it leaves say together what has
to be written: no rule ever lists its own writes, so none can forget one, and the lock, the numbers, the ledger's
balances and the columns shown on invoices are brought up to date in one place.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.changes import Changeset, Create, Project, Update, owed_showings, with_owed_showings
from plugins.rules.dates import business_today, posting_date
from plugins.rules.ids import EntryId, InvoiceId, PaymentId, made_id
from plugins.rules.invoice import (
    belongs,
    deposit_balance,
    invoice_balance,
    is_void,
    oldest_first,
    pending_amount,
    projection,
    undisbursed,
)
from plugins.rules.ledger import (
    AccountTransaction,
    ChargeStatus,
    Disbursement,
    DisbursementStatus,
    Invoice,
    Ledger,
    Payment,
    Request,
    Transaction,
    TransactionTax,
    UsageRecord,
)
from plugins.rules.money import Money, total
from plugins.rules.row import Row

R = TypeVar("R", bound=Row)

FIRST_NAMED: tuple[type[Row], ...] = (
    Invoice,
    Request,
    Payment,
    AccountTransaction,
    TransactionTax,
    Disbursement,
)
"""New rows in this order: each is there before another names it; any other kind comes after these."""


class Draft:
    """The books of one ledger as they are being changed. Deterministic: the same books and seed make the same rows."""

    def __init__(
        self, books: LedgerBooks, *, seed: UUID, now: datetime, ledger: Ledger | None = None
    ) -> None:
        """`seed` is what asked for the change: a request's id, a transaction's, a run line's.

        `ledger` is the one to keep, when it is not the books' own; without an ETag it is opened by this change.
        """
        chosen = ledger or books.ledger
        if chosen is None:
            raise ValueError("a draft is of one ledger")
        self.books = books
        self.ledger = chosen
        self.now = now
        self.today: date = business_today(books, now)
        self.posting_date: date = posting_date(self.today, books.closed)
        """Of rows that nobody dated: today, or the first open day (A30)."""
        self._seed = seed
        self._made = 0
        self._opened = chosen
        self._before = {row.id: row for row in _rows(books)}
        self._rows: dict[UUID, Row] = {}
        self._kinds: dict[type[Row], dict[UUID, Row]] = defaultdict(dict)
        self._on: dict[InvoiceId, dict[UUID, Row]] = defaultdict(dict)
        """What is on each invoice, displayed on it, disbursed to it and in flight for it."""
        self._touched: set[InvoiceId] = set()
        """The invoices that may look different now."""
        for row in self._before.values():
            self.put(row)
        self._touched.clear()
        self._shown: dict[InvoiceId, ChargeStatus | None] = {}

    # --- What is there ------------------------------------------------------------------------------------------------

    @property
    def currency(self) -> str:
        return self.ledger.balance.currency

    @property
    def zero(self) -> Money:
        return Money.zero(self.currency)

    @property
    def invoices(self) -> list[Invoice]:
        """Those of the ledger, the oldest first (A13)."""
        found = [each for each in self._all(Invoice) if belongs(each, self.ledger)]
        return sorted(found, key=oldest_first)

    @property
    def payments(self) -> list[Payment]:
        return [each for each in self._all(Payment) if each.ledger == self.ledger.id]

    @property
    def entries(self) -> list[AccountTransaction]:
        return [each for each in self._all(AccountTransaction) if each.ledger == self.ledger.id]

    @property
    def disbursements(self) -> list[Disbursement]:
        """The active ones."""
        return [each for each in self._all(Disbursement) if each.status is DisbursementStatus.ACTIVE]

    @property
    def taxes(self) -> list[TransactionTax]:
        return self._all(TransactionTax)

    @property
    def usage(self) -> list[UsageRecord]:
        return self._all(UsageRecord)

    @property
    def pending(self) -> list[Transaction]:
        return self._all(Transaction)

    @property
    def open_invoice(self) -> Invoice | None:
        """The one open invoice of the ledger (E12); none when somebody cancelled it, or gave it to another customer."""
        found = self.find(self.ledger.open_invoice)
        if not isinstance(found, Invoice) or is_void(found) or not belongs(found, self.ledger):
            return None
        return found

    def invoice(self, key: InvoiceId) -> Invoice:
        return self._one(key, Invoice)

    def payment(self, key: PaymentId) -> Payment:
        return self._one(key, Payment)

    def entry(self, key: EntryId) -> AccountTransaction:
        return self._one(key, AccountTransaction)

    def find(self, key: UUID | None) -> Row | None:
        return self._rows.get(key) if key is not None else None

    def balance(self, invoice: Invoice) -> Money:
        """What is still due on the invoice as the draft stands."""
        on = self._shelf(invoice.id)
        return invoice_balance(invoice, on.entries, on.disbursements)

    def room(self, invoice: Invoice) -> Money:
        """What may still be disbursed to it: its balance less the charges in flight (A25)."""
        currency = invoice.total.currency
        return self.balance(invoice) - pending_amount(invoice.id, self._shelf(invoice.id).pending, currency)

    def disbursed_to(self, invoice: Invoice) -> list[Disbursement]:
        """Active, the oldest first."""
        return sorted(self._shelf(invoice.id).disbursements, key=lambda each: each.number)

    # --- Changing it --------------------------------------------------------------------------------------------------

    def put(self, row: R) -> R:
        """Add a row, or put it in the place of the one with its id."""
        was, now = _place(self._rows.get(row.id)), _place(row)
        if was is not None and was != now:
            del self._on[was][row.id]
        if now is not None:
            self._on[now][row.id] = row
        self._touched |= {each for each in (was, now) if each is not None}
        if isinstance(row, Invoice):
            self._touched.add(row.id)
        self._rows[row.id] = row
        self._kinds[type(row)][row.id] = row
        return row

    def is_new(self, row: Row) -> bool:
        """Whether this draft made it: nobody knows of it yet."""
        return row.id not in self._before

    def discard(self, row: Row) -> None:
        """Take a row out that this draft made."""
        if not self.is_new(row):
            raise ValueError(f"{row.id} is in the books: nothing is deleted")
        self._take_out(row)

    def change(self, before: R, after: R) -> R:
        """Change a row that is not among the ledger's own: a service, a run's line."""
        self._before.setdefault(before.id, before)
        return self.put(after)

    def drop_pending(self, transaction: Transaction) -> None:
        """The transaction is no longer in flight: it takes no room any more."""
        if transaction.id in self._rows:
            self._take_out(self._rows[transaction.id])
        self._before.pop(transaction.id, None)

    def change_ledger(self, ledger: Ledger) -> None:
        if ledger.open_invoice != self.ledger.open_invoice:
            changed = (ledger.open_invoice, self.ledger.open_invoice)
            self._touched |= {each for each in changed if each is not None}
        self.ledger = ledger

    def number(self) -> int:
        """The next number of the ledger's own numbering."""
        self.ledger = replace(self.ledger, last_number=self.ledger.last_number + 1)
        return self.ledger.last_number

    def new_id(self) -> UUID:
        self._made += 1
        return made_id(self._seed, self._made)

    def show(self, invoice: InvoiceId, last_charge: ChargeStatus | None = None) -> None:
        """Show the invoice whether or not anything on it changed. An older charge that it is still to show is out of date."""
        self._shown[invoice] = last_charge
        owed = owed_showings(self.ledger)
        if last_charge is not None and owed.get(invoice) is not None:
            self.change_ledger(with_owed_showings(self.ledger, {**owed, invoice: None}))

    # --- What it comes to ---------------------------------------------------------------------------------------------

    def after(self) -> LedgerBooks:
        """The books once the draft is written."""
        others = tuple(each for each in self.books.ledgers if each.id != self.ledger.id)
        return replace(self._as_books(), ledgers=(self._summed(), *others))

    def changeset(self, request: Request | None, *others: Create | Update) -> Changeset:
        """Everything that changed, with the request that asked for it and `others`, in an order that can be written."""
        after = self._summed()
        ledger = Update(self._opened, after) if self._opened.etag else Create(after)
        changed = [row for key, row in self._rows.items() if row is not self._before.get(key)]
        creates = [Create(row) for row in changed if row.id not in self._before]
        if request is not None and not request.etag:
            creates.append(Create(request))
        updates: list[Create | Update] = [
            Update(self._before[row.id], row)
            for row in changed
            if row.id in self._before and not isinstance(row, Invoice) and row != self._before[row.id]
        ]
        rank = {kind: place for place, kind in enumerate(FIRST_NAMED)}
        first = sorted(creates, key=lambda each: rank.get(type(each.row), len(rank)))
        return Changeset(ledger, (*first, *updates, *others), tuple(self._projects(after)))

    # --- Inside -------------------------------------------------------------------------------------------------------

    def _all(self, kind: type[R]) -> list[R]:
        return [row for row in self._kinds[kind].values() if isinstance(row, kind)]

    def _shelf(self, invoice: InvoiceId) -> LedgerBooks:
        """What is on one invoice: an account may have hundreds, and a sum over one must not look at all."""
        return _shelved(self._on[invoice].values())

    def _take_out(self, row: Row) -> None:
        place = _place(row)
        if place is not None:
            self._on[place].pop(row.id, None)
            self._touched.add(place)
        del self._rows[row.id]
        del self._kinds[type(row)][row.id]

    def _one(self, key: UUID, kind: type[R]) -> R:
        row = self._rows[key]
        if not isinstance(row, kind):
            raise TypeError(f"{key} is no {kind.__name__}")
        return row

    def _as_books(self) -> LedgerBooks:
        books = self.books
        if isinstance(books, InvoiceBooks):
            books = replace(books, invoice=self.invoice(books.invoice.id))
        return replace(
            books,
            invoices=tuple(self._all(Invoice)),
            entries=tuple(self._all(AccountTransaction)),
            payments=tuple(self._all(Payment)),
            disbursements=tuple(self.disbursements),
            pending=tuple(self._all(Transaction)),
            usage=tuple(self._all(UsageRecord)),
            taxes=tuple(self._all(TransactionTax)),
        )

    def _summed(self) -> Ledger:
        """The ledger with its version and its balances, which are recomputed from what is open and never added up (I7)."""
        books = self._as_books()
        return replace(
            self.ledger,
            version=self._opened.version + 1,
            balance=self._owed() - undisbursed(books, self.ledger),
            deposit_balance=deposit_balance(books, self.ledger),
            undisbursed=undisbursed(books, self.ledger),
        )

    def _owed(self) -> Money:
        owed = [self.balance(each) for each in self._all(Invoice) if belongs(each, self.ledger)]
        return total(owed, self.currency)

    def _projects(self, after: Ledger) -> Iterable[Project]:
        """The invoices that look different now."""
        on: dict[InvoiceId, list[Row]] = defaultdict(list)
        for row in _rows(self.books):
            if (place := _place(row)) is not None:
                on[place].append(row)
        looked_at = self._touched | set(self._shown)
        for invoice in [each for each in self.invoices if each.id in looked_at]:
            before = self._before.get(invoice.id)
            shelf = self._shelf(invoice.id)
            shown = projection(invoice, shelf, after, self.today, self._shown.get(invoice.id))
            if isinstance(before, Invoice):
                was = projection(before, _shelved(on[before.id]), self._opened, self.today)
                if shown == was and invoice.id not in self._shown:
                    continue
                yield Project(before, shown)
            else:
                yield Project(invoice, shown)


def _rows(books: LedgerBooks) -> Iterator[Row]:
    """Those that a draft may change."""
    yield from books.invoices
    yield from books.entries
    yield from books.payments
    yield from books.disbursements
    yield from books.pending
    yield from books.usage
    yield from books.taxes
    if isinstance(books, InvoiceBooks):
        yield books.invoice


def _place(row: Row | None) -> InvoiceId | None:
    """The invoice that a row is on, displayed on, disbursed to or in flight for."""
    match row:
        case AccountTransaction() | Disbursement() | Transaction():
            return row.invoice
        case Payment():
            return row.display_invoice
        case _:
            return None


def _shelved(rows: Iterable[Row]) -> LedgerBooks:
    rows = tuple(rows)
    return LedgerBooks(
        entries=tuple(each for each in rows if isinstance(each, AccountTransaction)),
        payments=tuple(each for each in rows if isinstance(each, Payment)),
        disbursements=tuple(
            each
            for each in rows
            if isinstance(each, Disbursement) and each.status is DisbursementStatus.ACTIVE
        ),
        pending=tuple(each for each in rows if isinstance(each, Transaction)),
    )
