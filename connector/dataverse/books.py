"""The ledger in Dataverse: one batch of reads for a snapshot, one changeset for a decision.

Implements `plugins.ports.Books`. The mapping says where everything is; nothing here knows a table by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from uuid import UUID

from connector.dataverse.batch import MOST_REQUESTS
from connector.dataverse.batch import Changeset as Batched
from connector.dataverse.charge_runs import read_candidates, read_charge_run
from connector.dataverse.fetch import KINDS_ABOUT, MOST_WAITING, UNSHOWN, Around, Fetch, Query, all_of
from connector.dataverse.http import Dataverse
from connector.dataverse.mapping import Mapping as TableMapping
from connector.dataverse.odata import (
    Operation,
    Reply,
    literal,
)
from connector.dataverse.reading import Reading
from connector.dataverse.snapshot import Snapshot, translated
from connector.dataverse.work import due_of, due_reads, read_batch, read_group, read_profile
from connector.dataverse.writing import Writing, raise_refusal
from plugins.ports import BooksRefused, Due, NotFound
from plugins.rules.books import About, InvoiceBooks, LedgerBooks, ProfileBooks, Scope
from plugins.rules.changes import Changeset, Create, Update
from plugins.rules.ids import InvoiceId, ProfileId, RequestId, TransactionId, UserId
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    Invoice,
    Kind,
    Ledger,
    Payment,
    Request,
    Transaction,
    TransactionTax,
    UsageRecord,
)
from plugins.rules.money import total
from plugins.rules.runs import (
    BatchBooks,
    Candidate,
    ChargeFilter,
    ChargeRunBooks,
    GroupBooks,
    UsageCreditJob,
)
from plugins.rules.setup import (
    Account,
    AccountService,
    BillingGroup,
    ClosedPeriod,
    Contact,
    Contract,
    Currency,
    InvoiceTemplate,
    PaymentType,
    Profile,
    Service,
    Setting,
    TaxRate,
)

WRITE_WITHIN = 20.0
"""Seconds; a write that has no answer by then is looked for before anything else is done."""


class DataverseBooks:
    def __init__(self, dataverse: Dataverse, mapping: TableMapping) -> None:
        self._dataverse = dataverse
        self._mapping = mapping
        self._reading = Reading(dataverse, mapping)
        self._writing = Writing(mapping)

    # --- Reading ---------------------------------------------------------------------------------------------------

    def for_ledger(self, scope: Scope, request: RequestId | None, caller: UserId | None) -> LedgerBooks:
        around = Around(self._mapping, scope)
        reads = self._around(around)
        if scope.about is About.INVOICE:
            reads["invoice"] = self._reading.one("invoice", scope.key)
        if scope.taxes:
            reads["tax_rates"] = self._reading.filtered("tax_rate", "statecode eq 0")
        if scope.templates:
            reads["templates"] = self._reading.filtered("template", "statecode eq 0")
        if scope.groups:
            reads["billing_groups"] = self._reading.filtered("billing_group", "statecode eq 0")
        if scope.contact is not None:
            reads["contact"] = self._reading.one("contact", scope.contact)
        if request is not None:
            reads["request"] = self._reading.one("request", request)
        if caller is not None:
            if scope.privileges:
                reads["privileges"] = self._reading.privileges(caller, scope.privileges)
            reads["rights"] = self._reading.access(KINDS_ABOUT[scope.about], scope.key, caller)
        found = self._reading.read(reads)
        ledgers = found.many("ledgers", "ledger", Ledger)
        account = next(iter(found.many("account", "account", Account)), None)
        _check_there(scope, ledgers, account, found)
        found = self._with_open_invoice(found, around, ledgers)
        books = replace(self._books(found, ledgers, account), privileges=found.privileges(scope.privileges))
        return self._unshown(books, found, scope)

    def for_charge(self, invoice: InvoiceId, request: RequestId, caller: UserId) -> InvoiceBooks:
        scope = Scope(about=About.INVOICE, key=invoice, profiles=True)
        around = Around(self._mapping, scope, every_currency=True)
        reads = self._around(around) | self._of_invoice(invoice)
        reads["request"] = self._reading.one("request", request)
        reads["rights"] = self._reading.access("invoice", invoice, caller)  # last: the youngest of all
        found = self._reading.read(reads)
        ledgers = found.many("ledgers", "ledger", Ledger)
        account = next(iter(found.many("account", "account", Account)), None)
        charged = found.one("invoice", "invoice", Invoice)
        found = self._with_open_invoice(found, around, ledgers)
        return self._with_invoice(self._books(found, ledgers, account), charged, found)

    def for_settlement(self, transaction: Transaction) -> LedgerBooks:
        refunded = (transaction.refunded_payment,) if transaction.refunded_payment else ()
        charged = (transaction.invoice,) if transaction.invoice else ()
        scope = Scope(
            about=About.LEDGER,
            key=transaction.ledger,
            payments=refunded,
            invoices=charged,
            profiles=transaction.invoice is None,
        )
        around = Around(self._mapping, scope)
        reads = self._around(around)
        if transaction.invoice is not None:
            reads |= self._of_invoice(transaction.invoice)
            reads["profiles"] = self._reading.fetched(
                Around(self._mapping, Scope(about=About.INVOICE, key=transaction.invoice)).profiles()
            )
        reads["transaction"] = self._reading.one("transaction", transaction.id)
        if transaction.request is not None:
            reads["request"] = self._reading.one("request", transaction.request)
        found = self._reading.read(reads)
        ledgers = found.many("ledgers", "ledger", Ledger)
        if not ledgers:
            raise NotFound(
                f"the billing account {transaction.ledger} of transaction {transaction.id} is gone"
            )
        account = next(iter(found.many("account", "account", Account)), None)
        current = found.one("transaction", "transaction", Transaction)
        invoice = found.one("invoice", "invoice", Invoice) if transaction.invoice is not None else None
        found = self._with_open_invoice(found, around, ledgers)
        books = replace(self._books(found, ledgers, account), transaction=current)
        return books if invoice is None else self._with_invoice(books, invoice, found)

    def request(self, request: RequestId) -> Request | None:
        return self._reading.read({"request": self._reading.one("request", request)}).maybe(
            "request", "request", Request
        )

    def transaction(self, transaction: TransactionId) -> Transaction | None:
        reads = {"transaction": self._reading.one("transaction", transaction)} | self._reading.currencies()
        return self._reading.read(reads).maybe("transaction", "transaction", Transaction)

    def transaction_of(self, gateway_reference: str) -> Transaction | None:
        column = self._mapping.column("transaction", "gateway_reference")
        reads = {
            "transactions": self._reading.filtered(
                "transaction", f"{column} eq {literal(gateway_reference)}"
            ),
        } | self._reading.currencies()
        return next(iter(self._reading.read(reads).many("transactions", "transaction", Transaction)), None)

    def due(self, now: datetime, limit: int) -> Due:
        found = self._reading.read(due_reads(self._reading, now, limit))
        return due_of(found)

    def for_profile(
        self, profile: ProfileId, request: RequestId | None, caller: UserId | None
    ) -> ProfileBooks:
        return read_profile(self._reading, profile, request, caller)

    # --- Runs, batches and jobs --------------------------------------------------------------------------------------

    def job(self, job: UUID) -> UsageCreditJob | None:
        reads = {"job": self._reading.one("usage_job", job)} | self._reading.currencies()
        return self._reading.read(reads).maybe("job", "usage_job", UsageCreditJob)

    def for_group(
        self, group: UUID, run: UUID, request: RequestId | None, caller: UserId | None
    ) -> GroupBooks:
        return read_group(self._reading, group, run, request, caller)

    def for_batch(self, batch: UUID, request: RequestId | None, caller: UserId | None) -> BatchBooks:
        return read_batch(self._reading, batch, request, caller)

    def for_charge_run(
        self, run: UUID, request: RequestId | None, caller: UserId | None, line: UUID | None = None
    ) -> ChargeRunBooks:
        return read_charge_run(self._reading, run, request, caller, line)

    def candidates(self, run: UUID, wanted: ChargeFilter) -> tuple[Candidate, ...]:
        return read_candidates(self._reading, run, wanted)

    # --- Writing ---------------------------------------------------------------------------------------------------

    def commit(self, changeset: Changeset) -> Mapping[UUID, str]:
        return self._together(list(self._writing.operations(changeset)))

    def write(self, *changes: Create | Update) -> Mapping[UUID, str]:
        return self._together([each for change in changes for each in self._writing.changed(change)])

    def record(self, request: Request) -> None:
        with translated():
            self._dataverse.send(self._writing.posted(request), within=WRITE_WITHIN)

    def _together(self, writes: Sequence[tuple[UUID, Operation]]) -> Mapping[UUID, str]:
        if len(writes) > MOST_REQUESTS:
            raise BooksRefused(
                f"the CRM takes {MOST_REQUESTS} writes at once, and these are {len(writes)}", None
            )
        with translated():
            answers = self._dataverse.batch(
                [Batched(tuple(operation for _, operation in writes))], within=WRITE_WITHIN
            )
            answer = answers[0]
            if isinstance(answer, Reply):
                raise_refusal(answer, writes)
        return {
            written: reply.body["@odata.etag"]
            for (written, _), reply in zip(writes, answer, strict=True)
            if isinstance(reply.body, Mapping) and "@odata.etag" in reply.body
        }

    # --- Parts of a snapshot ---------------------------------------------------------------------------------------

    def _around(self, around: Around) -> dict[str, Operation]:
        """In this order; the ledgers come first, so that the lock is older than every row that it protects."""
        closed = self._mapping["closed_period"].columns["status"]
        return {
            "ledgers": self._reading.fetched(around.ledgers()),
            "account": self._reading.fetched(around.account()),
            **self._reading.all_fetched(around.queries()),
            "payment_types": self._reading.filtered("payment_type", "statecode eq 0"),
            "closed_periods": self._reading.filtered(
                "closed_period", f"{closed.choice} eq {closed.values['closed']}"
            ),
            "settings": self._reading.filtered("setting", "statecode eq 0"),
            **self._reading.currencies(),
        }

    def _of_invoice(self, invoice: InvoiceId) -> dict[str, Operation]:
        """What a charge of the invoice depends on besides the ledger."""
        make = Fetch(self._mapping)
        in_progress = all_of(
            make.equals("request", "outcome", "pending"), make.equals("request", "invoice", invoice)
        )
        contract = make.link("contract", "id", "invoice", "contract", make.is_("invoice", "id", invoice))
        return {
            "invoice": self._reading.one("invoice", invoice),
            "contract": self._reading.fetched(Query("contract", "contract", make.rows("contract", contract))),
            "in_progress": self._reading.fetched(
                Query("in_progress", "request", make.rows("request", in_progress))
            ),
        }

    def _with_open_invoice(self, found: Snapshot, around: Around, ledgers: Sequence[Ledger]) -> Snapshot:
        """Hardly ever a second batch: an open invoice that shows neither that it is open nor that anything is due.

        The CRM did not let us write that on it. What is read later than the ledger is under its lock all the same.
        """
        known = {each.id for each in found.many("invoices", "invoice", Invoice)}
        missing = {each.open_invoice for each in ledgers if each.open_invoice is not None} - known
        if not missing:
            return found
        queries = [query for route in around.invoices(missing) for query in around.along(route)]
        return found.joined(self._reading.read(self._reading.all_fetched(queries)))

    def _books(self, found: Snapshot, ledgers: Sequence[Ledger], account: Account | None) -> LedgerBooks:
        return LedgerBooks(
            account=account,
            ledgers=tuple(ledgers),
            invoices=_with_asked(found),
            entries=found.many("entries", "account_transaction", AccountTransaction),
            disbursements=found.many("disbursements", "disbursement", Disbursement),
            payments=found.many("payments", "payment", Payment),
            pending=found.many("pending", "transaction", Transaction),
            payment_types=found.legible("payment_types", "payment_type", PaymentType),
            closed_periods=found.legible("closed_periods", "closed_period", ClosedPeriod),
            setting=next(iter(found.many("settings", "setting", Setting)), None),
            request=found.maybe("request", "request", Request) if found.has("request") else None,
            rights=found.rights(),
            profiles=found.legible("profiles", "profile", Profile),
            currencies=found.many("currencies", "currency", Currency),
            taxes=found.many("taxes", "transaction_tax", TransactionTax),
            tax_rates=found.legible("tax_rates", "tax_rate", TaxRate),
            services=found.legible("services", "service", Service),
            account_services=found.legible("account_services", "account_service", AccountService),
            usage=found.many("usage", "usage", UsageRecord),
            billing_groups=found.legible("billing_groups", "billing_group", BillingGroup),
            templates=found.legible("templates", "template", InvoiceTemplate),
            newest=found.many("newest", "invoice", Invoice),
            contact=found.maybe("contact", "contact", Contact) if found.has("contact") else None,
        )

    def _with_invoice(self, books: LedgerBooks, invoice: Invoice, found: Snapshot) -> InvoiceBooks:
        return InvoiceBooks(
            **{each.name: getattr(books, each.name) for each in fields(LedgerBooks)},
            invoice=invoice,
            contract=next(iter(found.legible("contract", "contract", Contract)), None),
            in_progress=found.legible("in_progress", "request", Request),
        )

    def _unshown(self, books: LedgerBooks, found: Snapshot, scope: Scope) -> LedgerBooks:
        """With the sum of what no invoice displays yet, beyond the rows that are in the books.

        As long as there are fewer than one reading holds, all of them are; only then is the CRM's own sum believed.
        """
        if not scope.waiting or books.ledger is None:
            return books
        currency = books.ledger.balance.currency
        payments = [
            each.amount
            for each in books.payments
            if each.display_invoice is None and not each.deposit and each.ledger == books.ledger.id
        ]
        credits_ = [
            each.gross
            for each in books.entries
            if each.invoice is None and each.kind is Kind.CREDIT and each.ledger == books.ledger.id
        ]
        beyond = [
            found.sum(f"unshown {name}", UNSHOWN, currency) - total(listed, currency)
            for name, listed in (("payments", payments), ("entries", credits_))
            if len(listed) >= MOST_WAITING
        ]
        return replace(books, also_unshown=total(beyond, currency))


def _with_asked(found: Snapshot) -> tuple[Invoice, ...]:
    """The invoices, and the one asked about where it is not the account's: a contact's."""
    invoices = found.many("invoices", "invoice", Invoice)
    asked = found.one("invoice", "invoice", Invoice) if found.has("invoice") else None
    known = asked is not None and asked.id in {each.id for each in invoices}
    return invoices if asked is None or known else (*invoices, asked)


def _check_there(scope: Scope, ledgers: Sequence[Ledger], account: Account | None, found: Snapshot) -> None:
    """Raises `NotFound` when the row asked about is gone: each but an account and an invoice has a ledger."""
    match scope.about:
        case About.INVOICE:
            found.one("invoice", "invoice", Invoice)
        case About.ACCOUNT:
            if account is None:
                raise NotFound(f"there is no account {scope.key}")
        case _:
            if not ledgers:
                raise NotFound(f"there is no {scope.about} {scope.key}")
