"""What a call brings, as rules want it. What cannot be read is refused with a sentence, never guessed at."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from plugins.rules.books import LedgerBooks
from plugins.rules.dates import is_closed
from plugins.rules.declines import excerpt
from plugins.rules.money import AmountError, Money
from plugins.rules.refusal import Refused

LONGEST_DETAIL = 400
MOST_IDS = 1000
"""In an array: a webhook carries 256 KB."""


def amount(parameters: Mapping[str, Any], currency: str, name: str = "Amount") -> Money:
    """Above zero, with no more decimals than the currency has (A31, A34)."""
    found = parameters.get(name)
    if found is None:
        raise Refused("amount_invalid", "Enter an amount.")
    if isinstance(found, bool) or not isinstance(found, Decimal | int):
        raise Refused(
            "amount_invalid", f"{excerpt(repr(found))} is not an amount. Enter an amount such as 12.50."
        )
    try:
        money = Money.parse(found, currency)
    except AmountError as error:
        raise Refused("amount_invalid", f"{excerpt(str(error))}. Enter an amount such as 12.50.") from None
    if money.minor <= 0:
        raise Refused("amount_invalid", "Enter an amount above zero.")
    if money.minor > 10**13:
        raise Refused("amount_invalid", "The amount is larger than the CRM can hold. Enter less.")
    return money


def day(parameters: Mapping[str, Any], name: str) -> date | None:
    """A date, sent as midnight UTC."""
    found = parameters.get(name)
    if found is None:
        return None
    if not isinstance(found, datetime):
        raise Refused(
            "date_invalid", f"{name} is not a date: {excerpt(str(found))}. Enter a date such as 2026-01-31."
        )
    return found.date()


def dates(parameters: Mapping[str, Any], books: LedgerBooks, today: date) -> tuple[date, date]:
    """Date and Posting Date of an entry: the one defaults to today, the other to the first (E16-E19, A30)."""
    dated = day(parameters, "Date") or today
    posted = day(parameters, "PostingDate") or dated
    if is_closed(posted, books.closed):
        raise Refused(
            "posting_period_closed",
            f"The financial period of {posted.isoformat()} is closed. Enter a Posting Date in an open period.",
        )
    return dated, posted


def dates_of_reversal(
    parameters: Mapping[str, Any], books: LedgerBooks, today: date, first_open: date
) -> tuple[date, date]:
    """Of a reversal or a refund: today, posted on the first open day, unless somebody says otherwise (A30)."""
    if parameters.get("Date") is None and parameters.get("PostingDate") is None:
        return today, first_open
    return dates(parameters, books, today)


def yes(parameters: Mapping[str, Any], name: str, *, default: bool) -> bool:
    found = parameters.get(name)
    if found is None:
        return default
    if not isinstance(found, bool):
        raise Refused("parameter_invalid", f"{name} must be Yes or No.")
    return found


def text(parameters: Mapping[str, Any], name: str = "Detail", longest: int = LONGEST_DETAIL) -> str:
    found = parameters.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Refused("parameter_invalid", f"{name} must be text.")
    if len(found) > longest:
        raise Refused(
            "text_too_long", f"{name} can have {longest} characters at most; this one has {len(found)}."
        )
    return found.strip()


def key(parameters: Mapping[str, Any], name: str) -> UUID | None:
    found = parameters.get(name)
    if found is not None and not isinstance(found, UUID):
        raise Refused("parameter_invalid", f"{name} is not an id.")
    return found


def keys(parameters: Mapping[str, Any], name: str, most: int = MOST_IDS) -> tuple[UUID, ...]:
    """The ids of an array, each once, in the order they came."""
    found = parameters.get(name)
    if found is None:
        return ()
    if not isinstance(found, list | tuple) or len(found) > most:
        raise Refused("parameter_invalid", f"{name} must be a list of at most {most} ids.")
    try:
        return tuple(dict.fromkeys(UUID(str(each)) for each in found))
    except ValueError:
        raise Refused("parameter_invalid", f"{name} holds something that is not an id.") from None
