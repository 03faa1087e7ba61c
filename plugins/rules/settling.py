"""From what became of a transaction to the rows that say so. Nothing here refuses: money that moved is recorded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from plugins.rules import ids
from plugins.rules.dates import business_today, posting_date
from plugins.rules.invoice import account_balance, invoice_balance, is_void, projection, room, undisbursed
from plugins.rules.ledger import (
    Changeset,
    ChargeStatus,
    Create,
    Disbursement,
    InvoiceBooks,
    Ledger,
    Mode,
    Outcome,
    Payment,
    Project,
    Stage,
    Transaction,
    TransactionStatus,
    Update,
)
from plugins.rules.money import Money, total
from plugins.rules.payment_types import payment_type_of
from plugins.rules.reservation import result_of

CHECKS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
THEN_EVERY = timedelta(hours=6)
DEBITS_EVERY = timedelta(days=1)
ALERT_AFTER = timedelta(days=14)
ALERT_DEBITS_AFTER = timedelta(days=21)
PROJECTION_AGAIN = timedelta(minutes=5)
"""When the sweep tries again to show on the invoice what the CRM would not let us write."""


@dataclass(frozen=True)
class Ending:
    """How a transaction ended or what it waits for, in words and codes."""

    code: str
    """`succeeded`, `declined`, `needs_customer`, `rejected`, `not_sent`, `processing`."""
    sentence: str
    result_code: str = ""
    decline_code: str = ""
    advice_code: str = ""
    receipt_url: str = ""
    shown_codes: str = ""
    """The raw codes as far as they are shown."""

    @property
    def transaction_result(self) -> str:
        """W34: the plain sentence, then the raw codes in parentheses."""
        return f"{self.sentence} ({self.shown_codes})" if self.shown_codes else self.sentence


def succeeded(books: InvoiceBooks, ending: Ending, now: datetime) -> tuple[Changeset, InvoiceBooks]:
    """The payment, its disbursement to the charged invoice as far as it fits, and everything that shows it (A26)."""
    before = _transaction(books)
    day = business_today(books, now)
    ledger = _ledger(books)
    fits = min(before.amount, _balance_left(books), key=lambda each: each.minor)
    rest = before.amount - fits
    payment = Payment(
        id=ids.payment_id(before.id),
        number=ledger.last_number + 1,
        ledger=ledger.id,
        payment_type=payment_type_of(books, before),
        currency_id=before.currency_id,
        owner=ledger.owner,
        amount=before.amount,
        dated=day,
        posting_date=posting_date(day, books.closed),
        detail=f"Charge of invoice {books.invoice.number}",
        automatic=False,
        deposit=False,
        display_invoice=ledger.open_invoice,
        disbursed=fits,
        undisbursed=rest,
        refunded=Money.zero(before.amount.currency),
        is_disbursed=not rest,
        is_refunded=False,
        transaction=before.id,
        request=before.request,
    )
    writes: list[Create | Update] = [Create(payment)]
    after = replace(books, undisbursed=(*books.undisbursed, payment) if rest else books.undisbursed)
    number = payment.number
    if fits:
        number += 1
        disbursement = _disbursement(payment, books, fits, number, Mode.CHARGE, before.id)
        writes.append(Create(disbursement))
        after = replace(after, disbursements=(*after.disbursements, disbursement))
    if rest:
        kept = f" {rest} of it stays undisbursed, because invoice {books.invoice.number} had no more to pay."
        ending = replace(ending, sentence=ending.sentence + kept)
    transaction = replace(
        before,
        status=TransactionStatus.SUCCEEDED,
        stage=Stage.FINAL,
        next_check_on=None,
        final_on=now,
        payment=payment.id,
        result=ending.transaction_result,
        result_code="",
        decline_code="",
        advice_code="",
        receipt_url=ending.receipt_url,
    )
    after = _ended(after, transaction)
    return _changeset(
        books,
        after,
        writes,
        ending,
        Outcome.DONE,
        ChargeStatus.SUCCEEDED,
        replace(ledger, last_number=number),
        day,
    )


def failed(
    books: InvoiceBooks, ending: Ending, status: TransactionStatus, now: datetime
) -> tuple[Changeset, InvoiceBooks]:
    """Failed or Cancelled: no money moved (W31, W32). Room that is free again goes to automatic payments that waited (I21)."""
    before = _transaction(books)
    day = business_today(books, now)
    transaction = replace(
        before,
        status=status,
        stage=Stage.FINAL,
        next_check_on=None,
        final_on=now,
        result=ending.transaction_result,
        result_code=ending.result_code,
        decline_code=ending.decline_code,
        advice_code=ending.advice_code,
    )
    after = _ended(books, transaction)
    writes, after, number = _spread(after, _ledger(books))
    ledger = replace(_ledger(books), last_number=number)
    return _changeset(books, after, writes, ending, Outcome.FAILED, ChargeStatus.FAILED, ledger, day)


def processing(books: InvoiceBooks, ending: Ending, now: datetime) -> tuple[Changeset, InvoiceBooks] | None:
    """A bank debit under way: known to be accepted, days from its end (A25). None when the rows say so already."""
    before = _transaction(books)
    if before.stage is Stage.PROCESSING and before.next_check_on is not None and before.next_check_on > now:
        return None
    transaction = replace(
        before,
        stage=Stage.PROCESSING,
        next_check_on=now + DEBITS_EVERY,
        result=ending.transaction_result,
        checks=before.checks + (before.stage is Stage.PROCESSING),
    )
    after = _in_flight(books, transaction)
    return _changeset(
        books,
        after,
        [],
        ending,
        Outcome.PENDING,
        ChargeStatus.PENDING,
        _ledger(books),
        business_today(books, now),
    )


def looked_at(books: InvoiceBooks, now: datetime) -> tuple[Changeset, InvoiceBooks]:
    """Still nothing known: when to look again. A Pending row is never without its next check."""
    before = _transaction(books)
    transaction = replace(before, checks=before.checks + 1, next_check_on=now + wait_after(before))
    ledger = _ledger(books)
    after = replace(ledger, version=ledger.version + 1)
    changeset = Changeset(Update(ledger, after), (Update(before, transaction),))
    return changeset, _in_flight(books, transaction).with_ledger(after)


def projected(books: InvoiceBooks, now: datetime) -> tuple[Changeset, InvoiceBooks]:
    """Show on the invoice what the ledger says, where that was not possible when the transaction ended."""
    before = _transaction(books)
    transaction = replace(before, next_check_on=None)
    ledger = _ledger(books)
    after = replace(ledger, version=ledger.version + 1)
    last = ChargeStatus.SUCCEEDED if before.status is TransactionStatus.SUCCEEDED else ChargeStatus.FAILED
    project = None
    if not has_left(books):
        project = Project(books.invoice, projection(books, after, last, business_today(books, now)))
    changeset = Changeset(Update(ledger, after), (Update(before, transaction),), project)
    return changeset, replace(books, transaction=transaction).with_ledger(after)


def without_projection(changeset: Changeset, now: datetime) -> Changeset:
    """The same without the invoice, which refused its part; its transaction remembers that the showing is owed."""
    writes = tuple(
        replace(
            each, after=replace(each.after, next_check_on=each.after.next_check_on or now + PROJECTION_AGAIN)
        )
        if isinstance(each, Update) and isinstance(each.after, Transaction)
        else each
        for each in changeset.writes
    )
    return Changeset(changeset.ledger, writes)


def wait_after(transaction: Transaction) -> timedelta:
    """1 min, 5 min, 30 min, 2 h, then every 6 h; bank debits daily."""
    if transaction.stage is Stage.PROCESSING:
        return DEBITS_EVERY
    return CHECKS[transaction.checks] if transaction.checks < len(CHECKS) else THEN_EVERY


def is_overdue(transaction: Transaction, now: datetime) -> bool:
    """Whether a person has to look: 14 days for a card, 21 for a debit."""
    limit = ALERT_DEBITS_AFTER if transaction.stage is Stage.PROCESSING else ALERT_AFTER
    return transaction.created_on is not None and now - transaction.created_on > limit


def has_left(books: InvoiceBooks) -> bool:
    """Whether the invoice got another customer or currency meanwhile: it takes and shows nothing of this transaction."""
    return (
        books.invoice.currency_id != _transaction(books).currency_id
        or books.invoice.customer != _ledger(books).account
    )


# --- Parts -------------------------------------------------------------------------------------------------------


def _transaction(books: InvoiceBooks) -> Transaction:
    if books.transaction is None:
        raise ValueError("these books were not loaded for a settlement")
    return books.transaction


def _ledger(books: InvoiceBooks) -> Ledger:
    """The transaction's own ledger, even when the invoice was moved to another customer meanwhile."""
    transaction = _transaction(books)
    return next(each for each in books.ledgers if each.id == transaction.ledger)


def _balance_left(books: InvoiceBooks) -> Money:
    """What the charged invoice can still take."""
    transaction, invoice = _transaction(books), books.invoice
    nothing = Money.zero(transaction.amount.currency)
    if is_void(invoice) or has_left(books):
        return nothing
    return max(
        nothing, invoice_balance(invoice, books.debits, books.disbursements), key=lambda each: each.minor
    )


def _disbursement(
    payment: Payment,
    books: InvoiceBooks,
    amount: Money,
    number: int,
    mode: Mode,
    charged_by: ids.TransactionId | None,
) -> Disbursement:
    return Disbursement(
        id=ids.disbursement_id(payment.id, books.invoice.id, number),
        number=number,
        ledger=payment.ledger,
        invoice=books.invoice.id,
        payment=payment.id,
        credit=None,
        currency_id=payment.currency_id,
        owner=payment.owner,
        amount=amount,
        mode=mode,
        payment_transaction=charged_by,
    )


def _spread(books: InvoiceBooks, ledger: Ledger) -> tuple[list[Create | Update], InvoiceBooks, int]:
    """Automatic payments that found no room take what is free on this invoice, oldest first (A12)."""
    writes: list[Create | Update] = []
    if has_left(books):
        return writes, books, ledger.last_number
    number, left = ledger.last_number, room(books)
    waiting: Sequence[Payment] = sorted(
        (
            each
            for each in books.undisbursed
            if each.automatic and not each.deposit and each.undisbursed.minor > 0 and each.ledger == ledger.id
        ),
        key=lambda each: (each.dated, each.number),
    )
    for payment in waiting:
        if left.minor <= 0 or is_void(books.invoice):
            break
        part = min(left, payment.undisbursed, key=lambda each: each.minor)
        number += 1
        rest = payment.undisbursed - part
        fed = replace(payment, disbursed=payment.disbursed + part, undisbursed=rest, is_disbursed=not rest)
        disbursement = _disbursement(fed, books, part, number, Mode.AUTOMATIC, payment.transaction)
        writes += [Update(payment, fed), Create(disbursement)]
        books = replace(
            books,
            disbursements=(*books.disbursements, disbursement),
            undisbursed=tuple(fed if each.id == fed.id else each for each in books.undisbursed),
        )
        left = room(books)
    return writes, books, number


def _ended(books: InvoiceBooks, transaction: Transaction) -> InvoiceBooks:
    others = tuple(each for each in books.pending if each.id != transaction.id)
    return replace(books, transaction=transaction, pending=others)


def _in_flight(books: InvoiceBooks, transaction: Transaction) -> InvoiceBooks:
    return replace(_ended(books, transaction), pending=(*_ended(books, transaction).pending, transaction))


def _changeset(
    books: InvoiceBooks,
    after: InvoiceBooks,
    writes: Sequence[Create | Update],
    ending: Ending,
    outcome: Outcome,
    shown: ChargeStatus,
    ledger: Ledger,
    day: date,
) -> tuple[Changeset, InvoiceBooks]:
    """One changeset, and the books after it: the ledger, what is new (the transaction names it), the rest, the invoice."""
    before, transaction = _transaction(books), _transaction(after)
    moved = _moved(ledger, after, writes)
    after = after.with_ledger(moved)
    project = None if has_left(books) else Project(books.invoice, projection(after, moved, shown, day))
    answers: list[Create | Update] = []
    if books.request is not None:
        answered = replace(
            books.request,
            outcome=outcome,
            code=ending.code,
            message=ending.sentence,
            transaction=transaction.id,
            result=result_of(
                transaction, after, project.projection.status if project else books.invoice.status
            ),
        )
        after = replace(after, request=answered)
        answers.append(Update(books.request, answered))
    changeset = Changeset(
        ledger=Update(_ledger(books), moved),
        writes=(*writes, Update(before, transaction), *answers),
        project=project,
    )
    return changeset, after


def _moved(ledger: Ledger, after: InvoiceBooks, writes: Sequence[Create | Update]) -> Ledger:
    """The ledger once `writes` are made."""
    if not has_left(after):
        balance, idle = account_balance(after), undisbursed(after)
    else:  # the books around the invoice are another ledger's, so this one is told the difference
        new = [
            each.row.undisbursed
            for each in writes
            if isinstance(each, Create) and isinstance(each.row, Payment)
        ]
        added = total(new, ledger.balance.currency)
        balance, idle = ledger.balance - added, ledger.undisbursed + added
    return replace(ledger, version=ledger.version + 1, balance=balance, undisbursed=idle)
