"""What an invoice document says: sender, customer, lines, taxes and the statement's tokens. How it looks is not decided here.

A document tells the account's whole statement: what was owed before, what this invoice charges, what was paid and
credited meanwhile, and what is due now (A29).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from plugins.rules.books import LedgerBooks
from plugins.rules.dates import business_date
from plugins.rules.draft import Draft
from plugins.rules.ids import EntryId
from plugins.rules.invoice import balance_of, invoice_total
from plugins.rules.invoicing import freeze_statement, issued
from plugins.rules.ledger import AccountTransaction, Invoice, Kind, Origin, Payment
from plugins.rules.money import Money, total
from plugins.rules.setup import InvoiceTemplate, Setting

CHANGED_SINCE = "Changed since this invoice was closed"
"""A line of its own where what is displayed now is not what the frozen tokens were made of."""


@dataclass(frozen=True)
class Party:
    """Who sends the invoice, or whom it is for."""

    name: str
    address: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Line:
    """A charge. `net` and `tax` are None for what the CRM billed through its own lines: only its total is known here."""

    dated: date | None
    text: str
    detail: str
    """Empty where the template shows none (E22)."""
    period: tuple[date | None, date | None]
    net: Money | None
    tax: Money | None
    gross: Money


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A payment or a credit displayed on the invoice; it lowers what is due. What was taken back is negative."""

    dated: date | None
    text: str
    detail: str
    amount: Money


@dataclass(frozen=True, kw_only=True)
class TaxSum:
    """The taxes of one rate in one jurisdiction on all charges together. `rate` is in percent."""

    jurisdiction: str
    rate: Decimal
    base: Money
    amount: Money


@dataclass(frozen=True, kw_only=True)
class Statement:
    """An invoice document. previous_balance + charges - payments - credits = total_due, always (I36)."""

    sender: Party
    customer: Party
    account: str
    """The billing account's name."""
    number: str
    dated: date | None
    closed_on: date | None
    """None while the invoice is open: its figures may still change."""
    currency: str
    lines: tuple[Line, ...]
    payments: tuple[Issued, ...]
    credits: tuple[Issued, ...]
    taxes: tuple[TaxSum, ...]
    previous_balance: Money
    charges: Money
    payments_total: Money
    credits_total: Money
    total_due: Money
    balance: Money
    """What is still to be paid of this very invoice."""
    footer: str


def statement(invoice: Invoice, books: LedgerBooks, now: datetime) -> Statement:
    """The document of `invoice`, which the books were asked for, by its template.

    Raises `ValueError` for books without a ledger.
    """
    ledger = books.ledger
    if ledger is None:
        raise ValueError("an invoice document is of one ledger")
    template = template_of(invoice, books)
    figures = _with_tokens(invoice, books, now)
    charges = invoice_total(invoice, books.entries)
    debits = [each for each in _entries(invoice, books) if each.kind is Kind.DEBIT]
    credits_ = tuple(
        _credit(each, books, template) for each in _entries(invoice, books) if each.kind is Kind.CREDIT
    )
    payments = tuple(_payment(each, books, template) for each in _payments(invoice, books))
    due = figures.total_due or Money.zero(books.currency)
    previous = figures.previous_balance or Money.zero(books.currency)
    credited = total([each.amount for each in credits_], books.currency)
    changed = previous + charges - credited - due - total([each.amount for each in payments], books.currency)
    if changed:
        payments += (Issued(dated=None, text=CHANGED_SINCE, detail="", amount=changed),)
    return Statement(
        sender=Party(
            template.sender_name if template else "", _lines(template.sender_address if template else "")
        ),
        customer=Party(books.account.name, _lines(books.account.address))
        if books.account
        else Party(ledger.name),
        account=ledger.name,
        number=invoice.number,
        dated=invoice.dated,
        closed_on=None
        if ledger.open_invoice == invoice.id
        else _business_day(invoice.closed_on, books.setting),
        currency=books.currency,
        lines=tuple(_lines_of(invoice, debits, books, template)),
        payments=payments,
        credits=credits_,
        taxes=tuple(_taxes(debits, books)),
        previous_balance=previous,
        charges=charges,
        payments_total=total([each.amount for each in payments], books.currency),
        credits_total=credited,
        total_due=due,
        balance=balance_of(invoice, books),
        footer=template.footer if template else "",
    )


def template_of(invoice: Invoice, books: LedgerBooks) -> InvoiceTemplate | None:
    """The invoice's own template, else that of the ledger's billing group, else the default one."""
    ledger, setting = books.ledger, books.setting
    group = next((each for each in books.billing_groups if ledger and each.id == ledger.billing_group), None)
    wanted = (
        invoice.template,
        group.template if group else None,
        setting.default_template if setting else None,
    )
    known = {each.id: each for each in books.templates}
    return next((known[key] for key in wanted if key in known), None)


def without_reversed(debits: Sequence[AccountTransaction]) -> list[AccountTransaction]:
    """Exclude Reversal: without each line and its reversal where both are among `debits` (E37, E38, E41).

    Of a line that was reversed and brought back, the line itself stays. What is left out adds up to nothing, so no
    total changes (I38). A reversal on a later invoice, or as a credit, stays (E40).
    """
    answers = {each.reverses: each for each in debits if each.reverses is not None}
    here = {each.id for each in debits}
    hidden: set[UUID] = set()
    for first in debits:
        if first.reverses in here:
            continue
        chain = [first]
        while (answer := answers.get(EntryId(chain[-1].id))) is not None:
            chain.append(answer)
        hidden |= {each.id for each in chain[len(chain) % 2 :]}
    return [each for each in debits if each.id not in hidden]


# --- The lines -------------------------------------------------------------------------------------------------


def _lines_of(
    invoice: Invoice,
    debits: Sequence[AccountTransaction],
    books: LedgerBooks,
    template: InvoiceTemplate | None,
) -> Iterable[Line]:
    if invoice.total:
        yield Line(
            dated=invoice.dated,
            text=invoice.name or "Products and services",
            detail="",
            period=(None, None),
            net=None,
            tax=None,
            gross=invoice.total,
        )
    shown = without_reversed(debits) if template and template.exclude_reversal else debits
    for each in shown:
        yield Line(
            dated=each.dated,
            text=_service(each, books) or _BY_ORIGIN.get(each.origin, "Charge"),
            detail=_detail(each.detail, template),
            period=(each.period_start, each.period_end),
            net=each.net,
            tax=each.tax,
            gross=each.gross,
        )


_BY_ORIGIN = {
    Origin.REVERSAL: "Reversal",
    Origin.TAX_ADJUSTMENT: "Tax adjustment",
    Origin.USAGE: "Usage",
    Origin.VOID: "Void",
    Origin.USAGE_CREDIT: "Usage credit",
    Origin.STATEMENT_REFUND: "Refund",
}


def _credit(entry: AccountTransaction, books: LedgerBooks, template: InvoiceTemplate | None) -> Issued:
    kind = _BY_ORIGIN.get(entry.origin, "Credit")
    service = _service(entry, books)
    return Issued(
        dated=entry.dated,
        text=f"{kind}: {service}" if service else kind,
        detail=_detail(entry.detail, template),
        amount=entry.gross,
    )


def _payment(payment: Payment, books: LedgerBooks, template: InvoiceTemplate | None) -> Issued:
    """Of what was a deposit, only the part that was used (A29)."""
    method = next((each.name for each in books.payment_types if each.id == payment.payment_type), "")
    kind = "Payment" if payment.amount.minor >= 0 else "Refund"
    return Issued(
        dated=payment.dated,
        text=f"{kind} ({method})" if method else kind,
        detail=_detail(payment.detail, template),
        amount=issued(payment),
    )


def _detail(detail: str, template: InvoiceTemplate | None) -> str:
    return detail if template is None or template.show_detail else ""


def _service(entry: AccountTransaction, books: LedgerBooks) -> str:
    """The service's name, with the serial of the account's own one behind a "#" (E21)."""
    own = next((each for each in books.account_services if each.id == entry.account_service), None)
    name = next((each.name for each in books.services if each.id == entry.service), "")
    if own is None:
        return name
    return f"{name or own.name} #{own.serial}"


def _entries(invoice: Invoice, books: LedgerBooks) -> list[AccountTransaction]:
    """On the invoice, in the order of their dates."""
    found = [each for each in books.entries if each.invoice == invoice.id]
    return sorted(found, key=lambda each: (each.dated, each.number))


def _payments(invoice: Invoice, books: LedgerBooks) -> list[Payment]:
    found = [each for each in books.payments if each.display_invoice == invoice.id and not each.deposit]
    return sorted(found, key=lambda each: (each.dated, each.number))


def _taxes(debits: Sequence[AccountTransaction], books: LedgerBooks) -> Iterable[TaxSum]:
    """Of all charges, hidden or not: what was charged and reversed adds up to nothing."""
    keys = {each.id for each in debits}
    sums: dict[tuple[str, Decimal], tuple[Money, Money]] = {}
    for tax in books.taxes:
        if tax.entry in keys:
            zero = Money.zero(tax.amount.currency)
            base, amount = sums.get((tax.jurisdiction, tax.rate), (zero, zero))
            sums[tax.jurisdiction, tax.rate] = (base + tax.base, amount + tax.amount)
    for (jurisdiction, rate), (base, amount) in sorted(sums.items()):
        if base or amount:
            yield TaxSum(jurisdiction=jurisdiction, rate=rate, base=base, amount=amount)


# --- Tokens and dates ------------------------------------------------------------------------------------------


def _with_tokens(invoice: Invoice, books: LedgerBooks, now: datetime) -> Invoice:
    """The invoice with the tokens that it was closed with, else with those that it would be closed with now (A29)."""
    ledger = books.ledger
    is_open = ledger is not None and ledger.open_invoice == invoice.id
    if not is_open and invoice.previous_balance is not None and invoice.total_due is not None:
        return invoice
    return freeze_statement(Draft(books, seed=invoice.id, now=now), invoice)


def _business_day(moment: datetime | None, setting: Setting | None) -> date | None:
    return None if moment is None else business_date(moment, setting.time_zone if setting else "")


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
