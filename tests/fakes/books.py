"""The books in memory: the same port as Dataverse, with the same guards, and faults on demand."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any, TypeGuard, TypeVar
from uuid import UUID

from plugins.ports import (
    E_MAILING,
    LONGEST_CALL,
    BooksRefused,
    BooksUnreachable,
    Clock,
    Conflict,
    Due,
    NotFound,
)
from plugins.rules.books import About, InvoiceBooks, LedgerBooks, ProfileBooks, Scope
from plugins.rules.changes import Changeset, Create, Update
from plugins.rules.charge_runs import moved
from plugins.rules.ids import InvoiceId, ProfileId, RequestId, TransactionId, UserId
from plugins.rules.invoice import CLOSED_FOR_GOOD
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    DisbursementStatus,
    Invoice,
    InvoiceStatus,
    Kind,
    Ledger,
    Outcome,
    Payment,
    Projection,
    Request,
    Transaction,
    TransactionStatus,
    TransactionTax,
    UsageRecord,
)
from plugins.rules.money import Money
from plugins.rules.row import Row
from plugins.rules.runs import (
    BatchBooks,
    BatchStatus,
    BillRun,
    BillRunLine,
    Candidate,
    ChargeFilter,
    ChargeOutcome,
    ChargeRun,
    ChargeRunBooks,
    ChargeRunLine,
    GroupBooks,
    JobStatus,
    PaymentBatch,
    PaymentBatchLine,
    Posting,
    RunStatus,
    UsageCreditItem,
    UsageCreditJob,
    Work,
)
from plugins.rules.setup import (
    Account,
    AccountService,
    BillingGroup,
    ClosedPeriod,
    Contact,
    Contract,
    ContractStatus,
    Currency,
    InvoiceTemplate,
    PaymentType,
    Profile,
    ProfileStatus,
    Service,
    Setting,
    TaxRate,
)

T = TypeVar("T")

PROJECTED = (
    "status",
    "ledger",
    "ledger_state",
    "last_charge_status",
    "paid_on",
    "previous_balance",
    "total_due",
    "opened_on",
    "closed_on",
    "delivered_on",
    "voids",
    "template",
    "bill_run",
)
"""What an invoice shows and is read with again; its amounts never are."""

PAGE = 50
"""Lines of a run or a batch in one reading."""


@dataclass(frozen=True)
class _Focus:
    invoices: set[UUID | None]
    payments: set[UUID | None]
    entries: set[UUID | None]


class MemoryBooks:
    """`rows` holds every row by id, the invoices' projections beside them in `shown`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._versions = itertools.count(1)
        self.rows: dict[UUID, Row] = {}
        self.shown: dict[UUID, Projection] = {}
        self._numbers = itertools.count(2001)
        self.privileges: dict[UserId, frozenset[str]] = {}
        self.rights: dict[UserId, frozenset[str]] = {}
        self.names: dict[UserId, str] = {}
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        """Called with each call's name before it is carried out; it may raise."""
        self.after: Callable[[str], None] = lambda _: None
        """Called after it was carried out; raising here is an answer that got lost."""
        self.refuses_invoice = False
        """As a customer's plug-in or a locked invoice would."""
        self.refuses: set[UUID] = set()
        """Ledgers that the CRM keeps from being written."""

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

    def for_ledger(self, scope: Scope, request: RequestId | None, caller: UserId | None) -> LedgerBooks:
        return self._call("for_ledger", lambda: self._for_ledger(scope, request, caller))

    def for_charge(self, invoice: InvoiceId, request: RequestId, caller: UserId) -> InvoiceBooks:
        return self._call("for_charge", lambda: self._for_charge(invoice, request, caller))

    def for_settlement(self, transaction: Transaction) -> LedgerBooks:
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
        owing = tuple(each for each in self.all(Ledger) if each.to_show)
        work = tuple(each for each in self.rows.values() if _is_due_work(each, now))
        deliveries = tuple(
            each
            for each in self.all(Request)
            if each.action in E_MAILING
            and each.outcome is Outcome.PENDING
            and (each.created_on or first) <= now - LONGEST_CALL
        )
        setting = next(iter(self.all(Setting)), None)
        waiting = tuple(
            each
            for each in self.all(Profile)
            if each.status is ProfileStatus.PENDING
            and each.request_url
            and (each.next_check_on or first) <= now
        )
        return Due(
            setting, tuple(found[:limit]), owing, deliveries[:limit], work=work, profiles=waiting[:limit]
        )

    def for_profile(
        self, profile: ProfileId, request: RequestId | None, caller: UserId | None
    ) -> ProfileBooks:
        return self._call("for_profile", lambda: self._for_profile(profile, request, caller))

    # --- Runs, batches and jobs ----------------------------------------------------------------------------------

    def job(self, job: UUID) -> UsageCreditJob | None:
        found = self._call("job", lambda: self.rows.get(job))
        assert found is None or isinstance(found, UsageCreditJob)
        return found

    def for_group(
        self, group: UUID, run: UUID, request: RequestId | None, caller: UserId | None
    ) -> GroupBooks:
        return self._call("for_group", lambda: self._for_group(group, run, request, caller))

    def for_batch(self, batch: UUID, request: RequestId | None, caller: UserId | None) -> BatchBooks:
        return self._call("for_batch", lambda: self._for_batch(batch, request, caller))

    def for_charge_run(
        self, run: UUID, request: RequestId | None, caller: UserId | None, line: UUID | None = None
    ) -> ChargeRunBooks:
        return self._call("for_charge_run", lambda: self._for_charge_run(run, request, caller, line))

    def candidates(self, run: UUID, wanted: ChargeFilter) -> tuple[Candidate, ...]:
        return self._call("candidates", lambda: self._candidates(run, wanted))

    def write(self, *changes: Create | Update) -> Mapping[UUID, str]:
        return self._call("write", lambda: self._write(changes))

    def _for_charge_run(
        self, run: UUID, request: RequestId | None, caller: UserId | None, line: UUID | None
    ) -> ChargeRunBooks:
        found = self.rows.get(run)
        lines: list[ChargeRunLine] = [each for each in self.all(ChargeRunLine) if each.run == run]
        asked = self.rows.get(line) if line else None
        transactions = {each.id: each for each in self.all(Transaction)}
        ended = [
            (each, transactions[each.transaction])
            for each in lines
            if each.transaction in transactions and _says_otherwise(each, transactions[each.transaction])
        ]
        planned = [each for each in lines if each.outcome is ChargeOutcome.PLANNED]
        return ChargeRunBooks(
            run=found if isinstance(found, ChargeRun) else None,
            planned=tuple(planned[:PAGE]),
            ended=tuple(ended[:PAGE]),
            line=asked if isinstance(asked, ChargeRunLine) else None,
            tallies=moved({}, ((None, each) for each in lines)),
            setting=next(iter(self.all(Setting)), None),
            request=self._named(self.rows.get(request)) if request else None,
            rights=self.rights.get(caller, frozenset({"ReadAccess"})) if caller else frozenset(),
        )

    def _candidates(self, run: UUID, wanted: ChargeFilter) -> tuple[Candidate, ...]:
        with_line = {each.invoice for each in self.all(ChargeRunLine) if each.run == run}
        found = [
            each for each in self.all(Invoice) if each.id not in with_line and self._is_wanted(each, wanted)
        ]
        found.sort(key=lambda each: (each.dated or date.min, each.number))
        return tuple(Candidate(each.id, each.number) for each in found[:PAGE])

    def _is_wanted(self, invoice: Invoice, wanted: ChargeFilter) -> bool:
        if wanted.invoices and invoice.id not in wanted.invoices:
            return False
        if not wanted.invoices:
            shown = self.shown.get(invoice.id)
            if invoice.status in CLOSED_FOR_GOOD | {InvoiceStatus.COMPLETE}:
                return False
            if shown is not None and shown.balance.minor <= 0:
                return False
        contract = self.rows.get(invoice.contract) if invoice.contract else None
        charges = (
            isinstance(contract, Contract)
            and contract.auto_charge
            and contract.status is ContractStatus.ACTIVE
        )
        groups = {each.billing_group for each in self.all(Ledger) if each.account == invoice.customer}
        return (
            (not wanted.currency or invoice.total.currency == wanted.currency)
            and (wanted.dated_to is None or (invoice.dated is not None and invoice.dated <= wanted.dated_to))
            and (not wanted.auto_charge or charges)
            and (wanted.billing_group is None or wanted.billing_group in groups)
        )

    def _contact(self, scope: Scope) -> Contact | None:
        found = self.rows.get(scope.contact) if scope.contact else None
        return found if isinstance(found, Contact) else None

    def _for_profile(
        self, profile: ProfileId, request: RequestId | None, caller: UserId | None
    ) -> ProfileBooks:
        found = self.rows.get(profile)
        if not isinstance(found, Profile):
            raise NotFound(str(profile))
        theirs = [each for each in self.all(Profile) if each.account == found.account]
        return ProfileBooks(
            profile=found,
            siblings=tuple(each for each in theirs if each.id != profile),
            contracts=tuple(
                each
                for each in self.all(Contract)
                if each.profile == profile and each.status is ContractStatus.ACTIVE
            ),
            account=next((each for each in self.all(Account) if each.id == found.account), None),
            contact=next((each for each in self.all(Contact) if each.id == found.contact), None),
            setting=next(iter(self.all(Setting)), None),
            request=self._named(self.rows.get(request)) if request else None,
            rights=self.rights.get(caller, frozenset({"ReadAccess"})) if caller else frozenset(),
        )

    def _for_group(
        self, group: UUID, run: UUID, request: RequestId | None, caller: UserId | None
    ) -> GroupBooks:
        found = self.rows.get(group)
        if not isinstance(found, BillingGroup):
            raise NotFound(str(group))
        lines = {each.ledger: each for each in self.all(BillRunLine) if each.run == run}
        closed = [
            (each.id, lines[each.ledger])
            for each in self.all(Invoice)
            if each.bill_run == run and each.delivered_on is None and each.ledger in lines
        ]
        begun = self.rows.get(run)
        return GroupBooks(
            group=found,
            run=begun if isinstance(begun, BillRun) else None,
            ledgers=tuple(
                each for each in self.all(Ledger) if each.billing_group == group and each.id not in lines
            )[:PAGE],
            undelivered=tuple(each for each in closed if not each[1].reason)[:PAGE],
            counts=Counter(each.outcome for each in lines.values()),
            setting=next(iter(self.all(Setting)), None),
            request=self._named(self.rows.get(request)) if request else None,
            rights=self.rights.get(caller, frozenset({"ReadAccess"})) if caller else frozenset(),
        )

    def _for_batch(self, batch: UUID, request: RequestId | None, caller: UserId | None) -> BatchBooks:
        found = self.rows.get(batch)
        if not isinstance(found, PaymentBatch):
            raise NotFound(str(batch))
        lines: list[PaymentBatchLine] = [each for each in self.all(PaymentBatchLine) if each.batch == batch]
        entered = [each for each in lines if each.outcome in {None, Posting.ENTERED}]
        return BatchBooks(
            batch=found,
            entered=tuple(entered[:PAGE]),
            failed=tuple(each for each in lines if each.outcome is Posting.FAILED)[:PAGE],
            counts=Counter(each.outcome or Posting.ENTERED for each in lines),
            setting=next(iter(self.all(Setting)), None),
            request=self._named(self.rows.get(request)) if request else None,
            rights=self.rights.get(caller, frozenset({"ReadAccess"})) if caller else frozenset(),
        )

    def _write(self, changes: tuple[Create | Update, ...]) -> Mapping[UUID, str]:
        rows = dict(self.rows)
        for change in changes:
            if isinstance(change, Create):
                self._create(rows, change.row)
            else:
                self._check_version(rows, change.before.id, change.before.etag)
                self._check_slot(rows, change.after)
                rows[change.before.id] = replace(change.after, etag=self._version())
        self.rows = rows
        touched = [each.row.id if isinstance(each, Create) else each.before.id for each in changes]
        return {key: rows[key].etag for key in touched}

    # --- Inside --------------------------------------------------------------------------------------------------

    def _call(self, name: str, act: Callable[[], T]) -> T:
        self.calls.append(name)
        self.before(name)
        result = act()
        self.after(name)
        return result

    def _version(self) -> str:
        return f'W/"{next(self._versions)}"'

    def _for_ledger(self, scope: Scope, request: RequestId | None, caller: UserId | None) -> LedgerBooks:
        """What the scope says and no more: a rule that needs another row has to ask for it."""
        if scope.key not in self.rows:
            raise NotFound(str(scope.key))
        account, ledger = self._asked_about(scope)
        focus = self._focus(scope, account.id if account else None)
        books = self._around(account, ledger, focus)
        reversals = {
            each.id
            for each in self.all(AccountTransaction)
            if each.id in focus.entries or each.reverses in scope.entries
        }
        entries = {each.id: each for each in books.entries}
        entries |= {each.id: each for each in self.all(AccountTransaction) if each.id in reversals}
        payments = {each.id: each for each in books.payments}
        payments |= {
            each.id: each
            for each in self.all(Payment)
            if each.id in focus.payments or each.refund_of in scope.payments
        }
        if scope.waiting and ledger is not None:
            payments |= {
                each.id: each
                for each in self.all(Payment)
                if each.ledger == ledger.id and each.display_invoice is None and not each.deposit
            }
            entries |= {
                each.id: each
                for each in self.all(AccountTransaction)
                if each.ledger == ledger.id and each.kind is Kind.CREDIT and each.invoice is None
            }
        debits = {each.id for each in entries.values() if each.invoice in focus.invoices} | set(scope.entries)
        theirs = [each for each in self.all(Invoice) if account is not None and each.customer == account.id]
        return replace(
            books,
            ledgers=books.ledgers if ledger is not None else (),
            entries=tuple(entries.values()),
            payments=tuple(payments.values()),
            taxes=tuple(each for each in self.all(TransactionTax) if each.entry in debits),
            usage=tuple(
                each
                for each in self.all(UsageRecord)
                if each.id in scope.usage or each.entry in debits or each.credit in debits
            ),
            newest=tuple(theirs) if scope.newest else (),
            contact=self._contact(scope),
            also_unshown=Money.zero(ledger.balance.currency) if scope.waiting and ledger else None,
            tax_rates=tuple(self.all(TaxRate)) if scope.taxes else (),
            services=self._services(scope, ledger, entries.values(), focus) if scope.taxes else (),
            account_services=tuple(
                each
                for each in self.all(AccountService)
                if scope.taxes and ledger and each.ledger == ledger.id
            ),
            profiles=tuple(
                each
                for each in self.all(Profile)
                if scope.profiles and account and each.account == account.id
            ),
            billing_groups=tuple(self.all(BillingGroup)) if scope.groups else (),
            templates=tuple(self.all(InvoiceTemplate)) if scope.templates else (),
            currencies=tuple(self.all(Currency)),
            request=self._named(self.rows.get(request)) if request else None,
            rights=self.rights.get(caller, frozenset({"ReadAccess"})) if caller else frozenset(),
            privileges=self.privileges.get(caller, frozenset()) & set(scope.privileges)
            if caller
            else frozenset(),
        )

    def _services(
        self, scope: Scope, ledger: Ledger | None, entries: Iterable[AccountTransaction], focus: "_Focus"
    ) -> tuple[Service, ...]:
        wanted: set[UUID | None] = set(scope.services)
        wanted |= {each.service for each in self.all(AccountService) if ledger and each.ledger == ledger.id}
        wanted |= {
            each.service for each in entries if each.invoice in focus.invoices or each.id in scope.entries
        }
        return tuple(each for each in self.all(Service) if each.id in wanted)

    def _asked_about(self, scope: Scope) -> tuple[Account | None, Ledger | None]:
        row = self.rows[scope.key]
        match row:
            case Ledger():
                ledger: Row | None = row
            case Payment() | AccountTransaction() | Disbursement() | Transaction():
                ledger = self.rows.get(row.ledger)
            case Invoice():
                ledger = self._ledger_of(row.customer, row.currency_id)
            case Account():
                code = scope.currency.upper()
                currency = next((each for each in self.all(Currency) if each.code.upper() == code), None)
                ledger = self._ledger_of(row.id, currency.id) if currency else None
            case _:
                raise NotFound(str(scope.key))
        assert ledger is None or isinstance(ledger, Ledger)
        holder = (
            ledger.account if ledger is not None else row.customer if isinstance(row, Invoice) else row.id
        )
        account = self.rows.get(holder)
        return account if isinstance(account, Account) else None, ledger

    def _ledger_of(self, account: UUID, currency: UUID) -> Ledger | None:
        found = (
            each for each in self.all(Ledger) if each.account == account and each.currency_id == currency
        )
        return next(found, None)

    def _focus(self, scope: Scope, account: UUID | None) -> "_Focus":
        """The rows that are named, with whatever hangs on them."""
        chosen = {each.id: each for each in self.all(Disbursement) if each.id in scope.disbursements}
        payments = set(scope.payments) | {each.payment for each in chosen.values()}
        entries: set[UUID | None] = set(scope.entries) | {each.credit for each in chosen.values()}
        for each in self.all(AccountTransaction):
            if each.id in scope.entries:
                entries |= {each.reverses, each.related}
        invoices: set[UUID | None] = set(scope.invoices)
        if scope.about is About.INVOICE:
            invoices.add(scope.key)
        invoices |= {each.invoice for each in chosen.values()}
        invoices |= {
            each.invoice
            for each in self._active_disbursements()
            if each.payment in scope.payments or each.credit in scope.entries
        }
        invoices |= {
            each.invoice
            for each in self.all(AccountTransaction)
            if each.id in entries and each.kind is Kind.DEBIT
        }
        return _Focus(invoices, payments, entries)

    def _active_disbursements(self) -> list[Disbursement]:
        return [each for each in self.all(Disbursement) if each.status is DisbursementStatus.ACTIVE]

    def _for_charge(self, invoice: InvoiceId, request: RequestId, caller: UserId) -> InvoiceBooks:
        if invoice not in self.rows:
            raise NotFound(str(invoice))
        row = self.invoice(invoice)
        account = self.rows.get(row.customer)
        books = self._around(
            account if isinstance(account, Account) else None, None, _Focus({invoice}, set(), set())
        )
        known = self._named(self.rows.get(request))
        return self._of_invoice(
            replace(books, request=known, rights=self.rights.get(caller, frozenset({"ReadAccess"}))), row
        )

    def _for_settlement(self, transaction: Transaction) -> LedgerBooks:
        found, ledger = self.rows.get(transaction.id), self.rows.get(transaction.ledger)
        if not isinstance(found, Transaction) or not isinstance(ledger, Ledger):
            raise NotFound(str(transaction.id))
        refunded = (transaction.refunded_payment,) if transaction.refunded_payment else ()
        charged = (transaction.invoice,) if transaction.invoice else ()
        if any(each not in self.rows for each in charged):
            raise NotFound(str(transaction.invoice))
        scope = Scope(about=About.LEDGER, key=ledger.id, payments=refunded, invoices=charged, profiles=True)
        books = self._for_ledger(scope, transaction.request, None)
        books = replace(books, transaction=found, ledgers=(ledger,))
        return self._of_invoice(books, self.invoice(transaction.invoice)) if transaction.invoice else books

    def _of_invoice(self, books: LedgerBooks, invoice: Invoice) -> InvoiceBooks:
        parts = {each.name: getattr(books, each.name) for each in fields(LedgerBooks)}
        profiles = tuple(each for each in self.all(Profile) if each.account == invoice.customer)
        return InvoiceBooks(
            **parts | {"profiles": profiles},
            invoice=invoice,
            contract=next((each for each in self.all(Contract) if each.id == invoice.contract), None),
            in_progress=tuple(
                self._named(each)
                for each in self.all(Request)
                if each.outcome is Outcome.PENDING and each.invoice == invoice.id
            ),
        )

    def _around(self, account: Account | None, ledger: Ledger | None, focus: "_Focus") -> LedgerBooks:
        """What is open on the account, and everything on the invoices that are asked for."""
        ledgers = [each for each in self.all(Ledger) if account is not None and each.account == account.id]
        ledgers.sort(key=lambda each: ledger is not None and each.id != ledger.id)
        if ledger is not None:
            ledgers = [ledger]
        opened = {each.open_invoice for each in ledgers}
        theirs = tuple(
            each
            for each in self.all(Invoice)
            if each.id in focus.invoices
            or each.id in opened
            or (
                account is not None
                and each.customer == account.id
                and each.status not in CLOSED_FOR_GOOD | {InvoiceStatus.COMPLETE}
            )
        )
        keys = {each.id for each in theirs}
        disbursements = tuple(each for each in self._active_disbursements() if each.invoice in keys)
        sources = {each.payment for each in disbursements} | {each.credit for each in disbursements}
        keepers = {each.id for each in ledgers}
        return LedgerBooks(
            account=account,
            ledgers=tuple(ledgers),
            invoices=theirs,
            entries=tuple(
                each
                for each in self.all(AccountTransaction)
                if each.invoice in keys
                or each.id in sources
                or (each.ledger in keepers and each.undisbursed.minor > 0)
            ),
            disbursements=disbursements,
            payments=tuple(
                each
                for each in self.all(Payment)
                if each.display_invoice in keys
                or each.id in sources
                or (each.ledger in keepers and each.undisbursed.minor > 0)
            ),
            pending=tuple(
                each
                for each in self.all(Transaction)
                if each.status is TransactionStatus.PENDING
                and (each.invoice in keys or each.ledger in keepers)
            ),
            payment_types=tuple(self.all(PaymentType)),
            closed_periods=tuple(self.all(ClosedPeriod)),
            setting=next(iter(self.all(Setting)), None),
        )

    def _named(self, row: Row | None) -> Any:
        if isinstance(row, Request) and row.requested_by is not None:
            return replace(row, requested_by_name=self.names.get(row.requested_by, ""))
        return row

    def _commit(self, changeset: Changeset) -> Mapping[UUID, str]:
        if changeset.ledger_id in self.refuses:
            raise BooksRefused("a plug-in refuses the ledger", changeset.ledger_id)
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
        for project in changeset.projects:
            invoice, projection = project.invoice, project.projection
            if invoice.etag:
                if self.refuses_invoice:
                    raise BooksRefused("the invoice is locked", invoice.id)
                self._check_version(rows, invoice.id, invoice.etag)
            current = rows[invoice.id]
            assert isinstance(current, Invoice)
            rows[invoice.id] = replace(
                current,
                etag=self._version(),
                **{name: getattr(projection, name) for name in PROJECTED},
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
        if isinstance(row, Invoice):
            row = replace(row, number=f"INV-{next(self._numbers)}")
        if isinstance(row, Transaction | Request | Profile):
            row = replace(row, created_on=self._clock.now())
        rows[row.id] = replace(row, etag=self._version())
        return row.id

    @staticmethod
    def _check_slot(rows: Mapping[UUID, Row], row: Row) -> None:
        """The alternate key of an account's default profile."""
        if isinstance(row, Profile) and row.default_slot:
            for each in rows.values():
                if isinstance(each, Profile) and each.id != row.id and each.default_slot == row.default_slot:
                    raise Conflict(f"{row.default_slot} exists")

    @staticmethod
    def _check_version(rows: Mapping[UUID, Row], key: UUID, etag: str) -> None:
        if not etag:
            raise AssertionError(f"{key} is written without having been read")
        if key not in rows:
            raise BooksRefused(f"{key} does not exist", key)
        if rows[key].etag != etag:
            raise Conflict(f"{key} changed")


def _is_due_work(row: Row, now: datetime) -> TypeGuard[Work]:
    match row:
        case UsageCreditJob(status=JobStatus.QUEUED) | BillRun(status=RunStatus.RUNNING):
            return row.next_check_on is None or row.next_check_on <= now
        case PaymentBatch(status=BatchStatus.POSTING):
            return row.next_check_on is None or row.next_check_on <= now
        case ChargeRun():
            return row.next_check_on is not None and row.next_check_on <= now
        case _:
            return False


def _says_otherwise(line: ChargeRunLine, transaction: Transaction) -> bool:
    """Whether a line's transaction has ended otherwise than it says."""
    if line.outcome is ChargeOutcome.PENDING:
        return transaction.status is not TransactionStatus.PENDING
    return line.outcome is ChargeOutcome.FAILED and transaction.status is TransactionStatus.SUCCEEDED


def _alternate_key(row: Row) -> tuple[object, ...] | None:
    match row:
        case Ledger():
            return (row.key,)
        case Request():
            return (row.key,)
        case Transaction():
            return (row.gateway_reference,)
        case Profile():
            return (row.method_ref,)
        case Payment() | Disbursement():
            return (row.ledger, row.number)
        case AccountTransaction():
            return ("reverses", row.reversal_key)
        case BillRunLine():
            return (row.run, row.ledger)
        case ChargeRunLine():
            return (row.run, row.invoice)
        case UsageCreditItem():
            return (row.job, row.usage)
        case _:
            return None


def unreachable(*names: str, times: int = 1) -> Callable[[str], None]:
    """For `before` or `after`: the named calls break, that many times."""
    left = itertools.count(times, -1)

    def act(name: str) -> None:
        if name in names and next(left) > 0:
            raise BooksUnreachable(f"{name}: no answer")

    return act
