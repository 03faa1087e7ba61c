"""The rows that a charge, asked for and decided, begins with: the promise, the refusal, the order that was not taken."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

from plugins.rules import ids
from plugins.rules.charge import Charge, ChargeInput, ChargeRefused
from plugins.rules.dates import business_today
from plugins.rules.ids import InvoiceId, LedgerId, ProfileId
from plugins.rules.invoice import account_balance, invoice_balance, projection, undisbursed, written
from plugins.rules.ledger import (
    Changeset,
    ChargeStatus,
    Create,
    InvoiceBooks,
    InvoiceStatus,
    Ledger,
    LedgerStatus,
    Operation,
    Outcome,
    Owner,
    Project,
    Request,
    Stage,
    Transaction,
    TransactionStatus,
    Update,
)
from plugins.rules.money import Money

FIRST_CHECK = timedelta(seconds=60)
"""How long whoever reserved has the transaction to itself, before the sweep looks at it."""


def reserve(
    books: InvoiceBooks, asked: ChargeInput, charge: Charge, reference: str, now: datetime
) -> tuple[Changeset, InvoiceBooks]:
    """The first changeset of a charge: the promise, with the intent's id in it before money can move.

    Returns it with the books as they are once it is written.
    """
    invoice, account = books.invoice, books.account
    if account is None:
        raise ValueError("an invoice that may be charged has an account")
    before = books.ledger
    opened = before or new_ledger(books)
    transaction = Transaction(
        id=ids.transaction_id(asked.request),
        operation=Operation.CHARGE,
        invoice=invoice.id,
        ledger=opened.id,
        profile=ProfileId(charge.profile.id),
        request=asked.request,
        currency_id=invoice.currency_id,
        owner=account.owner,
        amount=charge.amount,
        gateway_reference=reference,
        status=TransactionStatus.PENDING,
        stage=Stage.RESERVED,
        next_check_on=now + FIRST_CHECK,
        created_on=now,
    )
    request = Request(
        id=asked.request,
        key=asked.key,
        action=asked.action,
        input_hash=asked.input_hash,
        outcome=Outcome.PENDING,
        code="reserved",
        message=f"The charge of {charge.amount} on invoice {invoice.number} awaits the payment processor's answer.",
        result=result_of(transaction, books, invoice.status),
        invoice=invoice.id,
        ledger=opened.id,
        transaction=None,  # it is written after this row; it names this one, and this one names it when it ends
        requested_by=asked.caller,
        owner=Owner(asked.caller),
        source=asked.source,
    )
    held = replace(books, pending=(*books.pending, transaction), transaction=transaction, request=request)
    ledger = replace(
        opened,
        version=opened.version + 1,
        balance=account_balance(held),
        undisbursed=undisbursed(held),
        customer_ref=charge.profile.customer_ref,
    )
    held = held.with_ledger(ledger)
    shown = projection(held, ledger, ChargeStatus.PENDING, business_today(books, now))
    changeset = Changeset(
        ledger=Update(before, ledger) if before else Create(ledger),
        writes=(Create(request), Create(transaction)),
        project=Project(invoice, shown),
    )
    # Whether the platform keeps the invoice read-only depends on the status that this changeset gives it.
    return changeset, replace(held, invoice=replace(invoice, status=shown.status))


def rejected(
    books: InvoiceBooks,
    asked: ChargeInput,
    charge: Charge,
    refusal: ChargeRefused,
    result: str,
    now: datetime,
) -> Changeset:
    """The gateway would not even take the order: a failed inactive record (W31), a failed request, no money promised."""
    reserved, held = reserve(books, asked, charge, "", now)
    transaction, request, ledger = held.transaction, held.request, held.ledger
    if transaction is None or request is None or ledger is None:
        raise ValueError("a reservation holds a transaction, a request and the ledger")
    ended = replace(
        transaction,
        gateway_reference=str(transaction.id),  # an alternate key may not stay empty
        status=TransactionStatus.FAILED,
        stage=Stage.FINAL,
        next_check_on=None,
        final_on=now,
        result=result,
        result_code=refusal.code,
    )
    told = replace(request, outcome=Outcome.FAILED, code="rejected", message=refusal.message)
    shown = projection(
        replace(held, pending=books.pending), ledger, ChargeStatus.FAILED, business_today(books, now)
    )
    return Changeset(reserved.ledger, (Create(told), Create(ended)), Project(books.invoice, shown))


def refused(
    books: InvoiceBooks | None, asked: ChargeInput, refusal: ChargeRefused, invoice: InvoiceId | None
) -> Request:
    """The row that keeps a refusal: the only thing that a refused charge writes."""
    return Request(
        id=asked.request,
        key=asked.key,
        action=asked.action,
        input_hash=asked.input_hash,
        outcome=Outcome.REFUSED,
        code=refusal.code,
        message=refusal.message,
        result="",
        invoice=books.invoice.id if books else invoice,
        ledger=LedgerId(books.ledger.id) if books and books.ledger else None,
        transaction=None,
        requested_by=asked.caller,
        owner=Owner(asked.caller),
        source=asked.source,
    )


def new_ledger(books: InvoiceBooks) -> Ledger:
    """The customer's ledger in the invoice's currency, opened on first need."""
    account, currency = books.account, books.currency
    if account is None:
        raise ValueError("a ledger belongs to an account")
    key = ids.ledger_key(ids.AccountId(account.id), currency)
    zero = Money.zero(currency)
    return Ledger(
        id=ids.ledger_id(key),
        name=f"{account.name} ({currency})",
        key=key,
        account=ids.AccountId(account.id),
        currency_id=books.invoice.currency_id,
        owner=account.owner,
        status=LedgerStatus.ACTIVE,
        open_invoice=None,
        balance=zero,
        deposit_balance=zero,
        undisbursed=zero,
        version=0,
        last_number=0,
        customer_ref="",
    )


def result_of(transaction: Transaction, books: InvoiceBooks, status: InvoiceStatus) -> str:
    """What `cfl_result` tells a program: JSON, amounts as strings in major units, the status as it is written."""
    shown = {
        "transaction": str(transaction.id),
        "payment": str(transaction.payment) if transaction.payment else None,
        "amount": str(transaction.amount.amount),
        "currency": transaction.amount.currency,
        "balance": str(invoice_balance(books.invoice, books.debits, books.disbursements).amount),
        "status": written(status),
    }
    return json.dumps({name: value for name, value in shown.items() if value is not None})
