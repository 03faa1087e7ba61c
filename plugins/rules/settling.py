"""From what became of a transaction to the rows that say so. Nothing here refuses: money that moved is recorded."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from plugins.rules import ids
from plugins.rules.books import LedgerBooks
from plugins.rules.changes import Changeset, Create, Update
from plugins.rules.disbursing import disburse, disburse_automatically
from plugins.rules.draft import Draft
from plugins.rules.entering import add_payment
from plugins.rules.ids import PaymentTypeId
from plugins.rules.invoice import belongs, is_void
from plugins.rules.ledger import (
    ChargeStatus,
    Ledger,
    Mode,
    Operation,
    Outcome,
    Payment,
    RefundMode,
    Stage,
    Transaction,
    TransactionStatus,
)
from plugins.rules.money import least
from plugins.rules.payment_link import OPEN
from plugins.rules.payment_types import payment_type_of
from plugins.rules.refunding import give_back
from plugins.rules.reservation import result_of

CHECKS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
THEN_EVERY = timedelta(hours=6)
DEBITS_EVERY = timedelta(days=1)
AFTER_EXPIRY = timedelta(minutes=1)
"""A payment link that ran out is looked at this soon."""
WATCHED = tuple(timedelta(days=days) for days in (1, 3, 7, 14, 31))
"""How long after it succeeded a refund is looked at again: for a month a bank may send the money back."""
ALERT_AFTER = timedelta(days=14)
ALERT_DEBITS_AFTER = timedelta(days=21)


@dataclass(frozen=True)
class Ending:
    """How a transaction ended or what it waits for, in words and codes."""

    code: str
    """`succeeded`, `declined`, `needs_customer`, `rejected`, `not_sent`, `processing`, `link_expired`, `link_withdrawn`."""
    sentence: str
    result_code: str = ""
    decline_code: str = ""
    advice_code: str = ""
    receipt_url: str = ""
    shown_codes: str = ""
    """The raw codes as far as they are shown."""
    reference: str = ""
    """The gateway's own id, where it was not known before."""
    payment_type: PaymentTypeId | None = None
    """What the money is booked under, where the customer chose how to pay."""

    @property
    def transaction_result(self) -> str:
        """W34: the plain sentence, then the raw codes in parentheses."""
        return f"{self.sentence} ({self.shown_codes})" if self.shown_codes else self.sentence


def succeeded(books: LedgerBooks, ending: Ending, now: datetime) -> tuple[Changeset, LedgerBooks]:
    """The payment that the transaction became, or the negative one of a refund, and all that follows on the ledger."""
    before = _transaction(books)
    named = _named(before, ending)
    draft = _draft(books, now)
    draft.drop_pending(before)
    if before.operation is Operation.REFUND:
        payment = _refunded(draft, before)
    else:
        payment = _received(draft, books, named)
    disburse_automatically(draft)
    rest = draft.payment(payment.id).undisbursed
    if rest and before.invoice is not None and not payment.automatic:
        kept = f" {rest} of it stays undisbursed, because invoice {_number(books)} had no more to pay."
        ending = replace(ending, sentence=ending.sentence + kept)
    transaction = replace(
        named,
        status=TransactionStatus.SUCCEEDED,
        stage=Stage.FINAL,
        next_check_on=now + WATCHED[0] if before.operation is Operation.REFUND else None,
        final_on=now,
        payment=payment.id,
        result=ending.transaction_result,
        result_code="",
        decline_code="",
        advice_code="",
        receipt_url=ending.receipt_url,
    )
    return _ended(books, draft, transaction, ending, Outcome.DONE, ChargeStatus.SUCCEEDED)


def failed(
    books: LedgerBooks, ending: Ending, status: TransactionStatus, now: datetime
) -> tuple[Changeset, LedgerBooks]:
    """Failed or Cancelled: no money moved (W31, W32). Room that is free again goes to automatic money that waited (I21)."""
    before = _transaction(books)
    draft = _draft(books, now)
    draft.drop_pending(before)
    disburse_automatically(draft)
    transaction = replace(
        _named(before, ending),
        status=status,
        stage=Stage.FINAL,
        next_check_on=None,
        final_on=now,
        result=ending.transaction_result,
        result_code=ending.result_code,
        decline_code=ending.decline_code,
        advice_code=ending.advice_code,
    )
    unpaid = before.is_link and status is TransactionStatus.CANCELLED  # nobody tried, so no charge failed
    shown = None if unpaid else ChargeStatus.FAILED
    return _ended(books, draft, transaction, ending, Outcome.FAILED, shown)


def processing(books: LedgerBooks, ending: Ending, now: datetime) -> tuple[Changeset, LedgerBooks] | None:
    """Under way: known to be accepted, days from its end (A25). None when the rows say so already."""
    before = _transaction(books)
    if before.stage is Stage.PROCESSING and before.next_check_on is not None and before.next_check_on > now:
        return None
    transaction = replace(
        _named(before, ending),
        stage=Stage.PROCESSING,
        next_check_on=now + DEBITS_EVERY,
        result=ending.transaction_result,
        checks=before.checks + (before.stage is Stage.PROCESSING),
    )
    draft = _draft(books, now)
    return _ended(books, draft, transaction, ending, Outcome.PENDING, ChargeStatus.PENDING)


def looked_at(books: LedgerBooks, now: datetime) -> tuple[Changeset, LedgerBooks]:
    """Still nothing known: when to look again. A Pending row is never without its next check."""
    before = _transaction(books)
    next_check = now + wait_after(before)
    if before.link_expires_on is not None and before.link_expires_on > now:
        next_check = min(next_check, before.link_expires_on + AFTER_EXPIRY)
    transaction = replace(before, checks=before.checks + 1, next_check_on=next_check)
    return _looked(books, transaction)


def _looked(books: LedgerBooks, transaction: Transaction) -> tuple[Changeset, LedgerBooks]:
    before, ledger = _transaction(books), _ledger(books)
    after = replace(ledger, version=ledger.version + 1)
    changeset = Changeset(Update(ledger, after), (Update(before, transaction),))
    return changeset, replace(books, transaction=transaction, ledgers=(after,))


def returned(books: LedgerBooks, ending: Ending, now: datetime) -> tuple[Changeset, LedgerBooks]:
    """A refund that had succeeded failed: the money is back, as a payment of its own that names what it takes back.

    It waits for a person, for the customer has to be paid in another way.
    """
    before = _transaction(books)
    if before.refunded_payment is None:
        raise ValueError(f"refund {before.id} names no payment")
    draft = _draft(books, now)
    original = draft.payment(before.refunded_payment)
    payment = add_payment(
        draft,
        before.amount,
        key=ids.returned_id(before.id),
        payment_type=original.payment_type,
        dated=draft.today,
        posting_date=draft.posting_date,
        detail=f"(Refund of payment #{original.number} came back)",
        automatic=False,
        deposit=original.deposit,
        transaction=before.id,
        request=before.request,
    )
    draft.put(replace(payment, refund_of=before.payment))
    transaction = replace(
        before, next_check_on=None, result=ending.transaction_result, result_code=ending.result_code
    )
    after = replace(draft.after(), transaction=transaction)
    return draft.changeset(None, Update(before, transaction)), after


def is_returned(transaction: Transaction) -> bool:
    """Whether a refund that succeeded is recorded as having come back."""
    return transaction.status is TransactionStatus.SUCCEEDED and bool(transaction.result_code)


def watched(books: LedgerBooks, now: datetime) -> tuple[Changeset, LedgerBooks]:
    """A refund that succeeded still stands: when to look again, if ever."""
    before = _transaction(books)
    since = before.final_on or now
    later = [since + after for after in WATCHED if since + after > now]
    return _looked(books, replace(before, next_check_on=min(later, default=None)))


def wait_after(transaction: Transaction) -> timedelta:
    """1 min, 5 min, 30 min, 2 h, then every 6 h; bank debits daily."""
    if transaction.stage is Stage.PROCESSING:
        return DEBITS_EVERY
    return CHECKS[transaction.checks] if transaction.checks < len(CHECKS) else THEN_EVERY


def is_overdue(transaction: Transaction, now: datetime) -> bool:
    """Whether a person has to look: 14 days for a card, 21 for a debit."""
    limit = ALERT_DEBITS_AFTER if transaction.stage is Stage.PROCESSING else ALERT_AFTER
    return transaction.created_on is not None and now - transaction.created_on > limit


def has_left(books: LedgerBooks) -> bool:
    """Whether the invoice got another customer or currency meanwhile: it takes and shows nothing of this transaction."""
    invoice = books.invoice_of(_transaction(books).invoice)
    return invoice is not None and not belongs(invoice, _ledger(books))


# --- Parts -------------------------------------------------------------------------------------------------------


def _transaction(books: LedgerBooks) -> Transaction:
    if books.transaction is None:
        raise ValueError("these books were not loaded for a settlement")
    return books.transaction


def _ledger(books: LedgerBooks) -> Ledger:
    """The transaction's own ledger, even when the invoice was moved to another customer meanwhile."""
    transaction = _transaction(books)
    return next(each for each in books.ledgers if each.id == transaction.ledger)


def _draft(books: LedgerBooks, now: datetime) -> Draft:
    return Draft(books, seed=_transaction(books).id, now=now, ledger=_ledger(books))


def _named(transaction: Transaction, ending: Ending) -> Transaction:
    return replace(
        transaction,
        gateway_reference=ending.reference or transaction.gateway_reference,
        payment_type=ending.payment_type or transaction.payment_type,
        link_url="",
    )


def _number(books: LedgerBooks) -> str:
    invoice = books.invoice_of(_transaction(books).invoice)
    return invoice.number if invoice else ""


def _received(draft: Draft, books: LedgerBooks, transaction: Transaction) -> Payment:
    """What was charged: to its invoice as far as that still owes it (A26), else as whoever asked for it chose."""
    invoice = books.invoice_of(transaction.invoice)
    payment = add_payment(
        draft,
        transaction.amount,
        key=ids.payment_id(transaction.id),
        payment_type=transaction.payment_type or payment_type_of(books, transaction),
        dated=draft.today,
        posting_date=draft.posting_date,
        detail=f"Charge of invoice {invoice.number}" if invoice else "Payment through the payment processor",
        automatic=transaction.automatic,
        deposit=transaction.deposit,
        transaction=transaction.id,
        request=transaction.request,
    )
    if invoice is not None and belongs(invoice, draft.ledger) and not is_void(invoice):
        balance = draft.balance(invoice)  # its own charge is in flight no more, others' rooms are theirs
        if balance.minor > 0:
            disburse(draft, payment, invoice, least(balance, payment.undisbursed), Mode.CHARGE)
    return draft.payment(payment.id)


def _refunded(draft: Draft, transaction: Transaction) -> Payment:
    """Money given back by the gateway (E170-E172). Refuses nothing: it left, so it is recorded."""
    if transaction.refunded_payment is None:
        raise ValueError(f"refund {transaction.id} names no payment")
    return give_back(
        draft,
        draft.payment(transaction.refunded_payment),
        transaction.amount,
        mode=RefundMode.CARD_REFUND,
        dated=draft.today,
        posting_date=draft.posting_date,
        key=ids.payment_id(transaction.id),
        transaction=transaction.id,
        request=transaction.request,
    )


def _ended(
    books: LedgerBooks,
    draft: Draft,
    transaction: Transaction,
    ending: Ending,
    outcome: Outcome,
    shown: ChargeStatus | None,
) -> tuple[Changeset, LedgerBooks]:
    """One changeset, and the books after it: the ledger, what is new (the transaction names it), the rest, the invoices."""
    before = _transaction(books)
    if transaction.status is TransactionStatus.PENDING:
        draft.change(before, transaction)
    if before.invoice is not None and before.operation is Operation.CHARGE:
        draft.show(before.invoice, shown)
    after = replace(draft.after(), transaction=transaction)
    others: list[Create | Update] = (
        [] if transaction.status is TransactionStatus.PENDING else [Update(before, transaction)]
    )
    if books.request is not None and books.request.code != OPEN:
        answered = replace(
            books.request,
            outcome=outcome,
            code=ending.code,
            message=ending.sentence,
            transaction=transaction.id,
            result=result_of(transaction, after, draft.today),
        )
        after = replace(after, request=answered)
        others.append(Update(books.request, answered))
    return draft.changeset(None, *others), after
