"""Entering: new debits, credits and payments, with their taxes, dates and places."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from plugins.rules.draft import Draft
from plugins.rules.ids import EntryId, InvoiceId, PaymentId, PaymentTypeId, RequestId, TransactionId
from plugins.rules.ledger import (
    AccountTransaction,
    CardType,
    Kind,
    Origin,
    Payment,
    RefundMode,
    TransactionTax,
)
from plugins.rules.money import Money, total
from plugins.rules.placing import display_invoice, invoice_for_debit
from plugins.rules.taxing import Tax


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What an entry says, whoever makes it."""

    net: Money
    taxes: Sequence[Tax]
    dated: date
    posting_date: date
    origin: Origin = Origin.MANUAL
    detail: str = ""
    service: UUID | None = None
    account_service: UUID | None = None
    period_start: date | None = None
    period_end: date | None = None
    tax_exempt: bool = False
    automatic: bool = False
    reverses: EntryId | None = None
    related: EntryId | None = None
    request: RequestId | None = None

    @property
    def tax(self) -> Money:
        return total([each.amount for each in self.taxes], self.net.currency)


def add_debit(draft: Draft, entry: Entry, invoice: InvoiceId | None = None) -> AccountTransaction:
    """A debit on the open invoice, or on one that is made for it (E03, E04); on `invoice` where that is settled already."""
    place = invoice or invoice_for_debit(draft).id
    row = _entered(draft, Kind.DEBIT, entry, place)
    if row.account_service is not None:
        _billed(draft, row)
    return row


def add_credit(draft: Draft, entry: Entry) -> AccountTransaction:
    """A credit, displayed on the open invoice or on none yet; it never makes an invoice (E05, E08, E09)."""
    return _entered(draft, Kind.CREDIT, entry, display_invoice(draft))


def add_payment(
    draft: Draft,
    amount: Money,
    *,
    payment_type: PaymentTypeId | None,
    dated: date,
    posting_date: date,
    detail: str = "",
    automatic: bool = True,
    deposit: bool = False,
    key: PaymentId | None = None,
    transaction: TransactionId | None = None,
    request: RequestId | None = None,
    check_number: str = "",
    card_type: CardType | None = None,
) -> Payment:
    """Money received, none of it disbursed yet. A deposit is displayed nowhere (I13)."""
    return draft.put(
        Payment(
            id=key or PaymentId(draft.new_id()),
            number=draft.number(),
            ledger=draft.ledger.id,
            payment_type=payment_type,
            currency_id=draft.ledger.currency_id,
            owner=draft.ledger.owner,
            amount=amount,
            dated=dated,
            posting_date=posting_date,
            detail=detail,
            automatic=automatic,
            deposit=deposit,
            display_invoice=None if deposit else display_invoice(draft),
            disbursed=draft.zero,
            undisbursed=amount,
            refunded=draft.zero,
            is_disbursed=False,
            is_refunded=False,
            transaction=transaction,
            request=request,
            check_number=check_number,
            card_type=card_type,
        )
    )


def take_back(
    draft: Draft,
    payment: Payment,
    amount: Money,
    *,
    mode: RefundMode,
    dated: date,
    posting_date: date,
    detail: str,
    payment_type: PaymentTypeId | None = None,
    key: PaymentId | None = None,
    transaction: TransactionId | None = None,
    request: RequestId | None = None,
) -> Payment:
    """The negative payment that gives back `amount` of a payment's undisbursed money (E171); it is never disbursed (I12).

    Of a deposit it is a negative deposit (A10).
    """
    refunded = payment.refunded + amount
    draft.put(
        replace(
            payment,
            undisbursed=payment.undisbursed - amount,
            refunded=refunded,
            is_refunded=refunded == payment.amount,
            is_disbursed=payment.undisbursed == amount and bool(payment.disbursed),
        )
    )
    return draft.put(
        replace(
            payment,
            id=key or PaymentId(draft.new_id()),
            etag="",
            number=draft.number(),
            payment_type=payment_type or payment.payment_type,
            amount=-amount,
            dated=dated,
            posting_date=posting_date,
            detail=detail,
            automatic=False,
            display_invoice=None if payment.deposit else display_invoice(draft),
            disbursed=draft.zero,
            undisbursed=draft.zero,
            refunded=draft.zero,
            is_disbursed=False,
            is_refunded=False,
            transaction=transaction,
            request=request,
            was_deposit=False,
            refund_of=payment.id,
            refund_mode=mode,
            check_number="",
        )
    )


def taxes_of(draft: Draft, entry: EntryId) -> list[TransactionTax]:
    return [each for each in draft.taxes if each.entry == entry]


def mirrored(taxes: Iterable[TransactionTax]) -> list[Tax]:
    """The same taxes the other way, exactly as they were stored (I16)."""
    return [Tax(each.tax_rate, each.rate, -each.base, -each.amount, each.jurisdiction) for each in taxes]


def same(taxes: Iterable[TransactionTax]) -> list[Tax]:
    return [Tax(each.tax_rate, each.rate, each.base, each.amount, each.jurisdiction) for each in taxes]


def _entered(draft: Draft, kind: Kind, entry: Entry, place: InvoiceId | None) -> AccountTransaction:
    key = EntryId(draft.new_id())
    gross = entry.net + entry.tax
    to_disburse = gross if kind is Kind.CREDIT and gross.minor > 0 else draft.zero
    row = draft.put(
        AccountTransaction(
            id=key,
            number=draft.number(),
            ledger=draft.ledger.id,
            kind=kind,
            origin=entry.origin,
            currency_id=draft.ledger.currency_id,
            owner=draft.ledger.owner,
            net=entry.net,
            tax=entry.tax,
            gross=gross,
            dated=entry.dated,
            posting_date=entry.posting_date,
            service=entry.service,
            account_service=entry.account_service,
            detail=entry.detail,
            period_start=entry.period_start,
            period_end=entry.period_end,
            tax_exempt=entry.tax_exempt,
            invoice=place,
            automatic=entry.automatic,
            disbursed=draft.zero,
            undisbursed=to_disburse,
            refunded=draft.zero,
            is_disbursed=False,
            reverses=entry.reverses,
            reversal_key=str(entry.reverses) if entry.reverses else f"own:{key}",
            related=entry.related,
            request=entry.request,
        )
    )
    for tax in entry.taxes:
        draft.put(
            TransactionTax(
                id=draft.new_id(),
                ledger=draft.ledger.id,
                entry=key,
                tax_rate=tax.rate_id,
                rate=tax.rate,
                base=tax.base,
                amount=tax.amount,
                jurisdiction=tax.jurisdiction,
                currency_id=draft.ledger.currency_id,
                owner=draft.ledger.owner,
            )
        )
    return row


def _billed(draft: Draft, row: AccountTransaction) -> None:
    """The account's service has billed now, so that credits can be given against it (E76)."""
    service = next((each for each in draft.books.account_services if each.id == row.account_service), None)
    if service is not None and service.billed_on is None:
        draft.change(service, replace(service, billed_on=row.dated))
