"""The rows that a charge or a refund, asked for and decided, begins with: the promise, or the order that was not taken."""

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from plugins.rules import ids
from plugins.rules.attempt import Attempt
from plugins.rules.books import InvoiceBooks, LedgerBooks
from plugins.rules.changes import Changeset, Create
from plugins.rules.charge import Charge, ChargeInput
from plugins.rules.draft import Draft
from plugins.rules.ids import CurrencyId, PaymentTypeId, ProfileId
from plugins.rules.invoice import balance_of, belongs, projection, written
from plugins.rules.ledger import (
    ChargeStatus,
    Invoice,
    InvoiceStatus,
    Ledger,
    Operation,
    Outcome,
    Payment,
    Request,
    Stage,
    Transaction,
    TransactionStatus,
)
from plugins.rules.money import Money
from plugins.rules.opening import new_ledger
from plugins.rules.payment_link import OPEN, Link

FIRST_CHECK = timedelta(seconds=60)
"""How long whoever reserved has the transaction to itself, before the sweep looks at it."""


@dataclass(frozen=True)
class Page:
    """The gateway's page that a payment link leads to."""

    reference: str
    customer: str
    url: str
    expires_on: datetime


def reserve(
    books: LedgerBooks, asked: ChargeInput, charge: Charge, reference: str, now: datetime
) -> tuple[Changeset, LedgerBooks]:
    """The first changeset of a charge: the promise, with the intent's id in it before money can move.

    Everything that its end will need is frozen in the transaction. Returns it with the books as they are once it is
    written.
    """
    draft = _draft(books, asked, charge.profile.customer_ref, now)
    transaction = draft.put(_transaction(draft, asked, charge, reference))
    invoice = _invoice(books)
    on = f" on invoice {invoice.number}" if invoice else ""
    what = "charge" if invoice else "payment"
    request = asked.promised(
        f"The {what} of {charge.amount}{on} awaits the payment processor's answer.",
        result_of(transaction, books, draft.today),
        draft.ledger.id,
        invoice.id if invoice else None,
    )
    if invoice is not None:
        draft.show(invoice.id, ChargeStatus.PENDING)
    return _promised(draft, transaction, request)


def rejected(
    books: LedgerBooks,
    asked: ChargeInput,
    charge: Charge,
    code: str,
    told: str,
    now: datetime,
) -> Changeset:
    """The gateway would not even take the order: a failed inactive record (W31), a failed request, no money promised.

    `told` is the sentence for the user, `code` the gateway's own.
    """
    draft = _draft(books, asked, charge.profile.customer_ref, now)
    invoice = _invoice(books)
    promised = _transaction(draft, asked, charge, str(ids.transaction_id(asked.request)))
    ended = replace(
        promised,
        status=TransactionStatus.FAILED,
        stage=Stage.FINAL,
        next_check_on=None,
        final_on=now,
        result=f"{told} ({code})",
        result_code=code,
    )
    request = asked.promised(
        told,
        result_of(promised, books, draft.today),
        draft.ledger.id,
        invoice.id if invoice else None,
    )
    if invoice is not None:
        draft.show(invoice.id, ChargeStatus.FAILED)
    return draft.changeset(replace(request, outcome=Outcome.FAILED, code="rejected"), Create(ended))


def reserve_refund(
    books: LedgerBooks, asked: Attempt, payment: Payment, amount: Money, charge: Transaction, now: datetime
) -> tuple[Changeset, LedgerBooks]:
    """The promise of a refund through the gateway: from here on its money is nobody else's.

    `charge` is the transaction that the payment came from. The gateway's own id is not known before the refund is made;
    until then the row's stands in its place.
    """
    draft = Draft(books, seed=asked.request, now=now)
    key = ids.transaction_id(asked.request)
    transaction = draft.put(
        replace(
            _row(draft, asked, amount, str(key)),
            operation=Operation.REFUND,
            profile=charge.profile,
            payment_type=payment.payment_type,
            parent=charge.id,
            refunded_payment=payment.id,
        )
    )
    request = asked.promised(
        f"The refund of {amount} of payment #{payment.number} awaits the payment processor's answer.",
        result_of(transaction, books, draft.today),
        draft.ledger.id,
        None,
    )
    return _promised(draft, transaction, request)


def reserve_link(
    books: InvoiceBooks, asked: Attempt, link: Link, page: Page, now: datetime
) -> tuple[Changeset, LedgerBooks]:
    """The promise of a payment link, and its answer: from here on somebody may know where to pay.

    The request is answered at once. What becomes of the link is told by the transaction, which takes the amount out of
    the invoice's room until then.
    """
    draft = _draft(books, asked, page.customer, now)
    transaction = draft.put(
        replace(
            _row(draft, asked, link.amount, page.reference),
            invoice=books.invoice.id,
            payment_type=PaymentTypeId(link.payment_type.id),
            link_url=page.url,
            link_expires_on=page.expires_on,
        )
    )
    promised = asked.promised(
        f"The payment link over {link.amount} on invoice {books.invoice.number} is open until "
        f"{page.expires_on:%Y-%m-%d %H:%M} UTC. Send it to the customer.",
        result_of(transaction, books, draft.today),
        draft.ledger.id,
        books.invoice.id,
    )
    draft.show(books.invoice.id)
    return _promised(draft, transaction, replace(promised, outcome=Outcome.DONE, code=OPEN))


def result_of(transaction: Transaction, books: LedgerBooks, today: date) -> str:
    """What `cfl_result` tells a program: JSON, amounts as strings in major units, the status as it is written."""
    shown = {
        "transaction": str(transaction.id),
        "payment": str(transaction.payment) if transaction.payment else None,
        "amount": str(transaction.amount.amount),
        "currency": transaction.amount.currency,
        "url": transaction.link_url or None,
        "expires": transaction.link_expires_on.isoformat() if transaction.link_expires_on else None,
    }
    invoice = books.invoice_of(transaction.invoice)
    if invoice is not None:
        shown["balance"] = str(balance_of(invoice, books).amount)
        shown["status"] = written(_status(invoice, books, today))
    return json.dumps({name: value for name, value in shown.items() if value is not None})


def _draft(books: LedgerBooks, asked: Attempt, customer: str, now: datetime) -> Draft:
    """`customer`: who pays, at the gateway."""
    ledger = replace(ledger_charged(books), customer_ref=customer)
    draft = Draft(books, seed=asked.request, now=now, ledger=ledger_charged(books))
    draft.change_ledger(ledger)
    return draft


def ledger_charged(books: LedgerBooks) -> Ledger:
    """The one that is charged; an invoice's customer may not have one yet."""
    if books.ledger is not None:
        return books.ledger
    if books.account is None or not isinstance(books, InvoiceBooks):
        raise ValueError("what may be charged has an account")
    return new_ledger(books.account, books.invoice.currency_id, books.currency)


def _invoice(books: LedgerBooks) -> Invoice | None:
    return books.invoice if isinstance(books, InvoiceBooks) else None


def _transaction(draft: Draft, asked: Attempt, charge: Charge, reference: str) -> Transaction:
    invoice = _invoice(draft.books)
    return replace(
        _row(draft, asked, charge.amount, reference),
        invoice=invoice.id if invoice else None,
        profile=ProfileId(charge.profile.id),
        payment_type=PaymentTypeId(charge.payment_type.id),
        automatic=charge.automatic,
        deposit=charge.deposit,
    )


def _row(draft: Draft, asked: Attempt, amount: Money, reference: str) -> Transaction:
    return Transaction(
        id=ids.transaction_id(asked.request),
        operation=Operation.CHARGE,
        invoice=None,
        ledger=draft.ledger.id,
        profile=None,
        request=asked.request,
        currency_id=CurrencyId(draft.ledger.currency_id),
        owner=draft.ledger.owner,
        amount=amount,
        gateway_reference=reference,
        status=TransactionStatus.PENDING,
        stage=Stage.RESERVED,
        next_check_on=draft.now + FIRST_CHECK,
        created_on=draft.now,
    )


def _promised(draft: Draft, transaction: Transaction, request: Request) -> tuple[Changeset, LedgerBooks]:
    changeset = draft.changeset(request)
    held = replace(draft.after(), transaction=transaction, request=request)
    if isinstance(held, InvoiceBooks):
        # Whether the platform keeps the invoice read-only depends on the status that this changeset gives it.
        key = held.invoice.id
        shown = next(each.projection for each in changeset.projects if each.invoice.id == key)
        held = replace(held, invoice=replace(held.invoice, status=shown.status))
    return changeset, held


def _status(invoice: Invoice, books: LedgerBooks, today: date) -> InvoiceStatus:
    """As the ledger shows it; as it is, where the ledger has nothing to say."""
    ledger = next((each for each in books.ledgers if belongs(invoice, each)), None)
    return projection(invoice, books, ledger, today).status if ledger is not None else invoice.status
