"""Drafts for tests: a draft of one ledger from rows of any kind, as if they had been read."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from plugins.rules.books import LedgerBooks
from plugins.rules.checks import WholeBooks
from plugins.rules.draft import Draft
from plugins.rules.ids import EntryId, InvoiceId, PaymentId
from plugins.rules.invoice import oldest_first
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    Invoice,
    InvoiceStatus,
    Kind,
    Ledger,
    LedgerState,
    Mode,
    Payment,
    Transaction,
    TransactionTax,
    UsageRecord,
)
from plugins.rules.money import Money
from plugins.rules.row import Row
from plugins.rules.setup import ClosedPeriod, Setting, TaxRate
from tests.builders import (
    a_debit,
    a_disbursement,
    a_ledger,
    a_payment,
    a_setting,
    an_account,
    an_invoice,
    named,
    usd,
)
from tests.fakes.clock import START

SEED = UUID("5eed0000-0000-4000-8000-000000000001")
TODAY = START.date()


def a_draft(*rows: Row, now: datetime = START, seed: UUID = SEED, **parts: Any) -> Draft:
    """`parts`: other parts of the books, such as `services`. The ledger is empty and active unless it is among the rows."""
    read = [replace(each, etag='W/"1"') for each in rows]

    def all_of(kind: type[Row]) -> tuple[Any, ...]:
        return tuple(each for each in read if isinstance(each, kind))

    ledgers = all_of(Ledger) or (replace(a_ledger(last_number=1000), etag='W/"1"'),)
    books = LedgerBooks(
        account=an_account(),
        ledgers=ledgers,
        invoices=all_of(Invoice),
        entries=all_of(AccountTransaction),
        payments=all_of(Payment),
        disbursements=all_of(Disbursement),
        pending=all_of(Transaction),
        taxes=all_of(TransactionTax),
        usage=all_of(UsageRecord),
        tax_rates=all_of(TaxRate),
        closed_periods=all_of(ClosedPeriod),
        setting=next(iter(all_of(Setting)), a_setting()),
        **parts,
    )
    return Draft(books, seed=seed, now=now)


def whole(draft: Draft) -> WholeBooks:
    """The books once the draft is written, for the invariants; invoices show what they are given to show."""
    after = draft.after()
    rows: list[Row] = [*after.ledgers, *after.invoices, *after.entries, *after.payments, *after.taxes]
    rows += [*after.disbursements, *after.pending, *after.usage]
    return WholeBooks.of(rows, {})


def billed(amount: str, number: str = "INV-1", dated: str = "2026-11-01", **fields: Any) -> Invoice:
    """An invoice of the CRM's own lines, closed."""
    return an_invoice(amount, number, dated=date.fromisoformat(dated), **fields)


def opened(amount: str = "0.00", number: str = "INV-9", dated: str = "2026-11-15") -> tuple[Invoice, Ledger]:
    """An open invoice, and the ledger that says so."""
    invoice = an_invoice(
        amount,
        number,
        dated=date.fromisoformat(dated),
        status=InvoiceStatus.NEW,
        ledger_state=LedgerState.OPEN,
        ledger=a_ledger().id,
    )
    return invoice, a_ledger(open_invoice=invoice.id, last_number=1000)


def paid(
    amount: str, *to: tuple[str, str], name: str = "a payment", number: int = 100, **fields: Any
) -> list[Row]:
    """A payment of `amount`, and what of it is disbursed: (invoice, amount) each."""
    disbursed = Money(sum(usd(part).minor for _, part in to), "USD")
    payment = a_payment(
        amount,
        name,
        number=number,
        disbursed=disbursed,
        undisbursed=usd(amount) - disbursed,
        is_disbursed=bool(disbursed) and disbursed == usd(amount),
        **fields,
    )
    parts = [
        a_disbursement(part, on, number=number + place, payment=payment.id)
        for place, (on, part) in enumerate(to, 1)
    ]
    return [payment, *parts]


def credited(
    amount: str, *to: tuple[str, str], name: str = "a credit", number: int = 200, **fields: Any
) -> list[Row]:
    """A credit of `amount`, and what of it is disbursed: (invoice, amount) each."""
    disbursed = Money(sum(usd(part).minor for _, part in to), "USD")
    key = EntryId(named(name))
    credit = replace(
        a_debit(amount, number=number, kind=Kind.CREDIT, **{"invoice": None} | fields),
        id=key,
        reversal_key=f"own:{key}",
        disbursed=disbursed,
        undisbursed=usd(amount) - disbursed,
    )
    parts = [
        a_disbursement(part, on, number=number + place, payment=None, credit=key, mode=Mode.MANUAL)
        for place, (on, part) in enumerate(to, 1)
    ]
    return [credit, *parts]


def payment(draft: Draft, name: str = "a payment") -> Payment:
    return draft.payment(PaymentId(named(name)))


def credit(draft: Draft, name: str = "a credit") -> AccountTransaction:
    return draft.entry(EntryId(named(name)))


def invoice(draft: Draft, number: str = "INV-1") -> Invoice:
    return draft.invoice(InvoiceId(named(number)))


def balances(draft: Draft) -> dict[str, str]:
    """By number, the oldest first."""
    ordered = sorted(draft.invoices, key=oldest_first)
    return {each.number: str(draft.balance(each).amount) for each in ordered}


def applied(draft: Draft) -> list[str]:
    """What is disbursed, in the order of the numbers: `a payment -> INV-1 40.00`, named by the source's number."""
    listed = []
    for each in sorted(draft.disbursements, key=lambda one: one.number):
        source = draft.payment(each.payment) if each.payment else draft.entry(EntryId(each.credit or SEED))
        listed.append(f"#{source.number} {draft.invoice(each.invoice).number} {each.amount.amount}")
    return listed
