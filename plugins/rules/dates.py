"""Dates in the business's own time zone, and the days that reports may still change."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plugins.rules.books import LedgerBooks
from plugins.rules.setup import ClosedPeriod


def business_date(now: datetime, time_zone: str) -> date:
    """Today where the business is; UTC when no time zone is set or its name is unknown."""
    try:
        zone = ZoneInfo(time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return now.astimezone(zone).date()


def business_today(books: LedgerBooks, now: datetime) -> date:
    """Today by the books' own time zone."""
    return business_date(now, books.setting.time_zone if books.setting else "")


def is_closed(day: date, closed: Iterable[ClosedPeriod]) -> bool:
    return any(period.start <= day <= period.end for period in closed)


def posting_date(day: date, closed: Iterable[ClosedPeriod]) -> date:
    """`day`, or the first open day after it (A30); `day` itself when there is none, for money that moved is recorded."""
    periods = tuple(closed)
    found = day
    while is_closed(found, periods):
        last = max(period.end for period in periods if period.start <= found <= period.end)
        if last == date.max:
            return day
        found = last + timedelta(days=1)
    return found
