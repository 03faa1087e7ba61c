"""The books as a billing person writes them down: the invoices, and what paid for them."""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from plugins.rules.checks import WholeBooks
from plugins.rules.invoice import written
from plugins.rules.ledger import AccountTransaction, Disbursement, Invoice, LedgerState, Payment
from plugins.rules.money import Money

NOBODY = "—"
INVOICES = (
    "Invoice",
    "Ledger state",
    "Total",
    "Paym. disb.",
    "Cred. disb.",
    "Balance",
    "Status",
    "Paym. issued",
    "Cred. issued",
)
SOURCES = (
    "Source",
    "Kind",
    "Amount",
    "Mode",
    "Displayed on",
    "Disbursed to",
    "Undisbursed",
    "Refunded",
)
STATES = {LedgerState.OPEN: "Open", LedgerState.CLOSED: "Closed", LedgerState.VOID: "Void"}
NameOf = Callable[[UUID], str]


def figure(amount: Money) -> str:
    """`−1,250.00`, with a real minus."""
    return f"{amount.amount:,.2f}".replace("-", "−")


def written_down(books: WholeBooks, name: NameOf) -> str:
    """One ledger's balances, invoices and sources, as text. `name` calls an invoice I1 and a payment P1."""
    [ledger] = books.ledgers
    parts = [f"account balance {figure(ledger.balance)}, deposits {figure(ledger.deposit_balance)}"]
    if books.invoices:
        rows = [_invoice(books, each, name) for each in sorted(books.invoices, key=lambda one: name(one.id))]
        parts.append(table(INVOICES, rows))
    sources: list[Payment | AccountTransaction] = sorted(books.payments, key=lambda each: each.number)
    sources += sorted(books.credits, key=lambda each: each.number)
    if sources:
        parts.append(table(SOURCES, [_source(books, each, name) for each in sources]))
    return "\n\n".join(parts)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("|" + "|".join(f" {cell} " for cell in line) + "|" for line in lines).replace(
        " --- ", "---"
    )


def _invoice(books: WholeBooks, invoice: Invoice, name: NameOf) -> list[str]:
    """What the invoice shows."""
    shown = books.shown[invoice.id]
    state = STATES.get(shown.ledger_state) or f"Closed (voids {name(_voided(invoice))[1:]})"
    amounts = (shown.total, shown.payments_disbursed, shown.credits_disbursed, shown.balance)
    issued = (shown.payments_issued, shown.credits_issued)
    return [
        name(invoice.id),
        state,
        *map(figure, amounts),
        written(shown.status),
        *map(figure, issued),
    ]


def _voided(mirror: Invoice) -> UUID:
    assert mirror.voids is not None
    return mirror.voids


def _source(books: WholeBooks, source: Payment | AccountTransaction, name: NameOf) -> list[str]:
    amount, place = (
        (source.amount, source.display_invoice)
        if isinstance(source, Payment)
        else (source.gross, source.invoice)
    )
    deposit = isinstance(source, Payment) and source.deposit
    own = [each for each in books.disbursements if source.id in {each.payment, each.credit}]
    return [
        name(source.id),
        "payment" if isinstance(source, Payment) else "credit",
        figure(amount),
        "deposit" if deposit else "auto" if source.automatic else "manual",
        NOBODY if place is None else name(place),
        _disbursed(own, name),
        "0.00" if deposit else figure(source.undisbursed),
        figure(source.refunded) if isinstance(source, Payment) and amount.minor > 0 else NOBODY,
    ]


def _disbursed(own: list[Disbursement], name: NameOf) -> str:
    own.sort(key=lambda each: each.number)
    return ", ".join(f"{name(each.invoice)} {figure(each.amount)}" for each in own) or NOBODY
