"""Dates in the business's own time zone, and the days that reports may still change."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plugins.rules.ledger import ClosedPeriod, InvoiceBooks


def business_date(now: datetime, time_zone: str) -> date:
    """Today where the business is; UTC when no time zone is set or its name is unknown."""
    try:
        zone = ZoneInfo(time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return now.astimezone(zone).date()


def business_today(books: InvoiceBooks, now: datetime) -> date:
    """Today by the books' own time zone."""
    return business_date(now, books.setting.time_zone if books.setting else "")


def is_closed(day: date, closed: Iterable[ClosedPeriod]) -> bool:
    return any(period.start <= day <= period.end for period in closed)


def posting_date(day: date, closed: Iterable[ClosedPeriod]) -> date:
    """`day`, or the first open day after it (A30)."""
    periods = sorted(closed, key=lambda period: period.start)
    while is_closed(day, periods):
        day = max(period.end for period in periods if period.start <= day <= period.end) + timedelta(days=1)
    return day
