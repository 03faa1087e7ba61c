"""The journal: what each row of a ledger means in double entry. Debits are positive, credits negative.

Sources: docs/ledger.md, "Postings". Disbursing moves nothing between these accounts: it is sub-ledger only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from plugins.rules.invoice import CLOSED_FOR_GOOD, applied_to, belongs
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    Invoice,
    Kind,
    Ledger,
    LedgerState,
    Payment,
)
from plugins.rules.money import Money, total


class Posted(Protocol):
    """The rows that the journal is made of."""

    @property
    def invoices(self) -> Sequence[Invoice]: ...
    @property
    def entries(self) -> Sequence[AccountTransaction]: ...
    @property
    def payments(self) -> Sequence[Payment]: ...
    @property
    def disbursements(self) -> Sequence[Disbursement]: ...


@dataclass(frozen=True)
class Accounts:
    """Balances of the general ledger's accounts, as far as one customer's ledger makes them."""

    receivable: Money
    revenue: Money
    tax: Money
    cash: Money
    deposits: Money

    @property
    def sum(self) -> Money:
        return self.receivable + self.revenue + self.tax + self.cash + self.deposits


def journal(books: Posted, ledger: Ledger) -> Accounts:
    """Everything posted on a ledger, summed by account; the accounts come to nothing together (I30)."""
    currency = ledger.balance.currency
    billed = total([_billed(each, books) for each in books.invoices if belongs(each, ledger)], currency)
    cancelled = {each.id for each in books.invoices if _is_cancelled_by_hand(each)}
    entries = [
        each
        for each in books.entries
        if each.ledger == ledger.id and not (each.kind is Kind.DEBIT and each.invoice in cancelled)
    ]
    net = total([_signed(each, each.net) for each in entries], currency)
    tax = total([_signed(each, each.tax) for each in entries], currency)
    payments = [each for each in books.payments if each.ledger == ledger.id]
    regular = total([each.amount for each in payments if not each.deposit], currency)
    held = total([each.amount for each in payments if each.deposit], currency)
    return Accounts(
        receivable=billed + net + tax - regular,
        revenue=-(billed + net),
        tax=-tax,
        cash=regular + held,
        deposits=-held,
    )


def _billed(invoice: Invoice, books: Posted) -> Money:
    """What the CRM billed through its own lines; of an invoice that was cancelled by hand, what had been paid on it.

    Nothing else is owed on such an invoice, whatever debits are on it.
    """
    if _is_cancelled_by_hand(invoice):
        own = [each.amount for each in applied_to(invoice, books.disbursements)]
        return total(own, invoice.total.currency)
    return invoice.total


def _is_cancelled_by_hand(invoice: Invoice) -> bool:
    return invoice.status in CLOSED_FOR_GOOD and invoice.ledger_state is not LedgerState.VOID


def _signed(entry: AccountTransaction, amount: Money) -> Money:
    return amount if entry.kind is Kind.DEBIT else -amount
