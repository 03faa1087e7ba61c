"""What stands on an invoice document, as text in its order: HTML and PDF print the same. English.

Amounts are figures under a heading that names the currency, or carry the currency themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from plugins.rules.money import Money, exponent
from plugins.rules.statement import Issued, Line, Statement

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUS = "−"


@dataclass(frozen=True)
class Cell:
    text: str
    below: tuple[str, ...] = ()
    """Smaller, under the text."""


@dataclass(frozen=True)
class Column:
    title: str
    share: int
    """Of the page's width, in hundredths."""
    is_amount: bool = False


@dataclass(frozen=True)
class Table:
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[str, str] | None = None
    """Label and amount of the last row."""


@dataclass(frozen=True)
class Content:
    title: str
    sender: tuple[str, ...]
    customer: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    summary: tuple[tuple[str, str], ...]
    """From the previous balance down to the total due, which is the last."""
    balance: tuple[str, str]
    footer: tuple[str, ...]


def content(of: Statement) -> Content:
    facts = [
        ("Invoice number", clean(of.number)),
        ("Invoice date", day(of.dated or of.closed_on)),
        ("Closed on", day(of.closed_on) if of.closed_on else "Not closed yet: the figures may change"),
        ("Account", clean(of.account)),
        ("Total due", amount(of.total_due)),
    ]
    return Content(
        title=f"Invoice {clean(of.number)}".strip(),
        sender=_cleaned((of.sender.name, *of.sender.address)),
        customer=_cleaned((of.customer.name, *of.customer.address)),
        facts=tuple((label, value) for label, value in facts if value),
        tables=tuple(_tables(of)),
        summary=(
            ("Previous balance", amount(of.previous_balance)),
            ("Total charges", amount(of.charges)),
            ("Payments", amount(-of.payments_total)),
            ("Credits", amount(-of.credits_total)),
            ("Total due", amount(of.total_due)),
        ),
        balance=("Balance due of this invoice", amount(of.balance)),
        footer=_cleaned(of.footer.splitlines()),
    )


def amount(money: Money) -> str:
    """`1,250.00 USD`."""
    return f"{figure(money)} {money.currency}"


def figure(money: Money | None) -> str:
    """`1,250.00`, with the currency's own decimals and a real minus; empty for an amount that is not known."""
    if money is None:
        return ""
    text = f"{abs(money.amount):,.{exponent(money.currency)}f}"
    return _MINUS + text if money.minor < 0 else text


def day(found: date | None) -> str:
    """`5 Nov 2026`, which no reader takes for another day."""
    return f"{found.day} {_MONTHS[found.month - 1]} {found.year}" if found else ""


def percent(rate: Decimal) -> str:
    """`13 %`, `9.975 %`."""
    text = f"{rate:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def clean(text: str) -> str:
    """On one line, without control characters: text that people typed into the CRM."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _cleaned(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in map(clean, lines) if each)


# --- Tables ----------------------------------------------------------------------------------------------------


def _tables(of: Statement) -> Iterable[Table]:
    currency = of.currency
    yield Table(
        "Charges",
        (
            Column("Date", 16),
            Column("Description", 39),
            Column(f"Net ({currency})", 15, is_amount=True),
            Column(f"Tax ({currency})", 14, is_amount=True),
            Column(f"Amount ({currency})", 16, is_amount=True),
        ),
        tuple(_charge(each) for each in of.lines) or ((Cell(""), Cell("No charges"), *[Cell("")] * 3),),
        ("Total charges", figure(of.charges)),
    )
    if of.taxes:
        yield Table(
            "Taxes in these charges",
            (
                Column("Jurisdiction", 40),
                Column("Rate", 18, is_amount=True),
                Column(f"On ({currency})", 21, is_amount=True),
                Column(f"Tax ({currency})", 21, is_amount=True),
            ),
            tuple(
                (
                    Cell(clean(each.jurisdiction) or "Tax"),
                    Cell(percent(each.rate)),
                    Cell(figure(each.base)),
                    Cell(figure(each.amount)),
                )
                for each in of.taxes
            ),
        )
    for title, rows, sum_of in (
        ("Payments", of.payments, of.payments_total),
        ("Credits", of.credits, of.credits_total),
    ):
        if rows:
            yield Table(
                title,
                (
                    Column("Date", 16),
                    Column("Description", 64),
                    Column(f"Amount ({currency})", 20, is_amount=True),
                ),
                tuple(_issued(each) for each in rows),
                (f"Total {title.lower()}", figure(sum_of)),
            )


def _charge(line: Line) -> tuple[Cell, ...]:
    below = _cleaned((line.detail, _period(line.period)))
    return (
        Cell(day(line.dated)),
        Cell(clean(line.text), below),
        Cell(figure(line.net)),
        Cell(figure(line.tax)),
        Cell(figure(line.gross)),
    )


def _issued(row: Issued) -> tuple[Cell, ...]:
    return (Cell(day(row.dated)), Cell(clean(row.text), _cleaned((row.detail,))), Cell(figure(row.amount)))


def _period(period: tuple[date | None, date | None]) -> str:
    start, end = period
    if start and end:
        return f"{day(start)} – {day(end)}"
    return f"From {day(start)}" if start else f"Until {day(end)}" if end else ""
