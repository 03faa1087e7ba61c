"""Payment types: which one the money of a charge is booked under (A20)."""

from collections.abc import Iterable

from plugins.rules.books import LedgerBooks
from plugins.rules.ids import PaymentTypeId
from plugins.rules.ledger import Transaction
from plugins.rules.setup import Backend, PaymentType, ProfileType

BACKENDS = {
    ProfileType.CARD: Backend.CREDIT_CARD,
    ProfileType.ACH_DEBIT: Backend.ACH,
    ProfileType.SEPA_DEBIT: Backend.ACH,
}


def choose_payment_type(
    types: Iterable[PaymentType], backend: Backend, *, automatic: bool = False
) -> PaymentType | None:
    """A20: of that backend, those that match the automatic-disbursement tick, else all; the smallest number."""
    fitting = [each for each in types if each.backend is backend]
    best = [each for each in fitting if each.automatic is automatic] or fitting
    return min(best, key=lambda each: each.number, default=None)


def payment_type_of(books: LedgerBooks, transaction: Transaction) -> PaymentTypeId | None:
    """The payment type for the money of a transaction. Settling refuses nothing, so there may be none."""
    profile = next((each for each in books.profiles if each.id == transaction.profile), None)
    backend = BACKENDS[profile.type] if profile else Backend.CREDIT_CARD
    chosen = choose_payment_type(books.payment_types, backend)
    return PaymentTypeId(chosen.id) if chosen else None
