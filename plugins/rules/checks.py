"""What must always hold in the books, as a list of small functions that return problems.

Tests, the crash suite and the nightly job run the same list.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from plugins.rules.invoice import applied_to, derived_status, invoice_balance, invoice_total, is_void
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    Invoice,
    InvoiceStatus,
    Ledger,
    Operation,
    Outcome,
    Payment,
    Projection,
    Request,
    Transaction,
    TransactionStatus,
)
from plugins.rules.money import Money, total


@dataclass(frozen=True)
class WholeBooks:
    """Every row; `shown` is what the invoices show, by invoice, where anything was shown yet."""

    invoices: Sequence[Invoice] = ()
    ledgers: Sequence[Ledger] = ()
    debits: Sequence[AccountTransaction] = ()
    transactions: Sequence[Transaction] = ()
    payments: Sequence[Payment] = ()
    disbursements: Sequence[Disbursement] = ()
    requests: Sequence[Request] = ()
    shown: Mapping[UUID, Projection] = field(default_factory=dict)


Check = Callable[[WholeBooks], Iterator[str]]


def problems(books: WholeBooks) -> list[str]:
    """Everything that is wrong, each with the invariant's number."""
    return [problem for check in CHECKS for problem in check(books)]


def balances_are_not_negative(books: WholeBooks) -> Iterator[str]:
    """I4"""
    for invoice in books.invoices:
        if not is_void(invoice) and (left := _balance(books, invoice)).minor < 0:
            yield f"I4: invoice {invoice.number} has a balance of {left}"


def void_invoices_hold_nothing(books: WholeBooks) -> Iterator[str]:
    """I5"""
    for each in books.disbursements:
        invoice = next((one for one in books.invoices if one.id == each.invoice), None)
        if invoice is not None and invoice.status is InvoiceStatus.CANCELED:
            yield f"I5: cancelled invoice {invoice.number} has {each.amount} disbursed to it"


def conservation(books: WholeBooks) -> Iterator[str]:
    """I7: what a ledger says is owed is what its invoices say, less what is undisbursed."""
    for ledger in books.ledgers:
        zero = Money.zero(ledger.balance.currency)
        theirs = [
            each
            for each in books.invoices
            if each.customer == ledger.account and each.currency_id == ledger.currency_id
        ]
        owed = total([_balance(books, each) for each in theirs], zero.currency)
        idle = total([each.undisbursed for each in books.payments if each.ledger == ledger.id], zero.currency)
        if ledger.balance != owed - idle:
            yield f"I7: {ledger.name} says {ledger.balance}, its invoices come to {owed} less {idle} undisbursed"
        if ledger.undisbursed != idle:
            yield f"I7: {ledger.name} says {ledger.undisbursed} undisbursed, its payments say {idle}"


def payments_add_up(books: WholeBooks) -> Iterator[str]:
    """I8"""
    for payment in books.payments:
        applied = total(
            [each.amount for each in books.disbursements if each.payment == payment.id],
            payment.amount.currency,
        )
        if applied != payment.disbursed:
            yield f"I8: payment #{payment.number} says {payment.disbursed} disbursed, its disbursements come to {applied}"
        if payment.disbursed + payment.undisbursed + payment.refunded != payment.amount:
            yield f"I8: payment #{payment.number} of {payment.amount} does not add up"
        if min(payment.disbursed.minor, payment.undisbursed.minor, payment.refunded.minor) < 0:
            yield f"I8: payment #{payment.number} has a negative part"
        if payment.is_disbursed != (not payment.undisbursed):
            yield f"I8: payment #{payment.number} is shown as disbursed wrongly"


def disbursements_are_sound(books: WholeBooks) -> Iterator[str]:
    """I10"""
    for each in books.disbursements:
        if each.amount.minor <= 0:
            yield f"I10: disbursement #{each.number} of {each.amount}"
        if (each.payment is None) == (each.credit is None):
            yield f"I10: disbursement #{each.number} does not have exactly one source"


def numbers_are_unique(books: WholeBooks) -> Iterator[str]:
    """Numbers are taken under the lock: within a ledger each is used once, and none above the last."""
    for ledger in books.ledgers:
        used = [each.number for each in books.payments if each.ledger == ledger.id]
        used += [each.number for each in books.disbursements if each.ledger == ledger.id]
        for number, times in Counter(used).items():
            if times > 1:
                yield f"{ledger.name}: number {number} is used {times} times"
        if used and max(used) > ledger.last_number:
            yield f"{ledger.name}: number {max(used)} is above the last, {ledger.last_number}"


def every_success_is_one_payment(books: WholeBooks) -> Iterator[str]:
    """I25"""
    for each in books.transactions:
        if each.operation is not Operation.CHARGE:
            continue
        made = [payment for payment in books.payments if payment.transaction == each.id]
        wanted = 1 if each.status is TransactionStatus.SUCCEEDED else 0
        if len(made) != wanted:
            yield f"I25: {each.status} transaction {each.id} has {len(made)} payments"
        for payment in made:
            if payment.amount != each.amount:
                yield f"I25: transaction {each.id} of {each.amount} has a payment of {payment.amount}"


def every_pending_will_be_looked_at(books: WholeBooks) -> Iterator[str]:
    for each in books.transactions:
        if each.status is TransactionStatus.PENDING and each.next_check_on is None:
            yield f"pending transaction {each.id} has no next check"


def invoices_show_the_ledger(books: WholeBooks) -> Iterator[str]:
    """I3, I24, I26: what an invoice shows is what the ledger says."""
    for invoice in books.invoices:
        shown = books.shown.get(invoice.id)
        if shown is None:
            continue
        own = applied_to(invoice, books.disbursements)
        balance = _balance(books, invoice)
        paid = total([each.amount for each in own if each.payment is not None], balance.currency)
        waiting = total(
            [
                each.amount
                for each in books.transactions
                if each.invoice == invoice.id
                and each.status is TransactionStatus.PENDING
                and each.amount.currency == balance.currency
            ],
            balance.currency,
        )
        ledger = next(each for each in books.ledgers if each.id == shown.ledger)
        charges = {each.id for each in books.payments if each.transaction is not None}
        charged = total([each.amount for each in own if each.payment in charges], balance.currency)
        said = {
            "charged": (shown.amount_charged, charged),
            "total": (shown.total, invoice_total(invoice, books.debits)),
            "balance": (shown.balance, balance),
            "payments": (shown.payments_disbursed, paid),
            "pending": (shown.pending_amount, waiting),
            "status": (
                shown.status,
                derived_status(invoice, ledger.open_invoice, balance, applied=bool(own)),
            ),
            "parts": (
                shown.amount_charged + shown.other_payments + shown.credits_disbursed + shown.balance,
                Money.zero(balance.currency) if is_void(invoice) else shown.total,
            ),
        }
        for name, (is_shown, is_true) in said.items():
            if is_shown != is_true:
                yield f"I26: invoice {invoice.number} shows {name} {is_shown}, the ledger says {is_true}"


def every_request_agrees_with_its_transaction(books: WholeBooks) -> Iterator[str]:
    """I34: the answer under a key is what became of its charge."""
    keys = Counter(each.key for each in books.requests)
    for key, times in keys.items():
        if times > 1:
            yield f"I34: key {key} has {times} rows"
    said = {
        TransactionStatus.SUCCEEDED: Outcome.DONE,
        TransactionStatus.FAILED: Outcome.FAILED,
        TransactionStatus.CANCELLED: Outcome.FAILED,
        TransactionStatus.PENDING: Outcome.PENDING,
    }
    by_id = {each.id: each for each in books.requests}
    for transaction in books.transactions:
        request = by_id.get(transaction.request) if transaction.request else None
        if request is not None and request.outcome is not said[transaction.status]:
            yield f"I34: request {request.key} says {request.outcome}, its transaction is {transaction.status}"


CHECKS: tuple[Check, ...] = (
    balances_are_not_negative,
    void_invoices_hold_nothing,
    conservation,
    payments_add_up,
    disbursements_are_sound,
    numbers_are_unique,
    every_success_is_one_payment,
    every_pending_will_be_looked_at,
    invoices_show_the_ledger,
    every_request_agrees_with_its_transaction,
)


def _balance(books: WholeBooks, invoice: Invoice) -> Money:
    return invoice_balance(invoice, books.debits, books.disbursements)
