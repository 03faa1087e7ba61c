"""The business's own day, and the days that reports may still change (A30)."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.rules.dates import business_date, is_closed, posting_date
from plugins.rules.setup import ClosedPeriod
from tests.builders import a_closed_period

LATE = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
EARLY = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "late", "early"),
    [
        ("Etc/UTC", "2026-11-20", "2026-11-21"),
        ("America/New_York", "2026-11-20", "2026-11-20"),
        ("Asia/Tokyo", "2026-11-21", "2026-11-21"),
        ("", "2026-11-20", "2026-11-21"),  # not set
        ("Middle-earth/Shire", "2026-11-20", "2026-11-21"),  # unknown
        ("../../etc/passwd", "2026-11-20", "2026-11-21"),
        ("Pacific/Kiritimati", "2026-11-21", "2026-11-21"),  # UTC+14
    ],
)
def test_today_is_where_the_business_is(zone: str, late: str, early: str) -> None:
    assert (business_date(LATE, zone), business_date(EARLY, zone)) == (
        date.fromisoformat(late),
        date.fromisoformat(early),
    )


def test_the_hour_that_comes_twice_is_one_day() -> None:
    """Summer time ends in New York on 1 November 2026 at 06:00 UTC."""
    hours = [datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (4, 5, 6)]
    assert {business_date(each, "America/New_York") for each in hours} == {date(2026, 11, 1)}


CLOSED = [a_closed_period("2026-10-01", "2026-10-31"), a_closed_period("2026-11-01", "2026-11-15")]


@pytest.mark.parametrize(
    ("day", "closed"),
    [
        ("2026-09-30", False),
        ("2026-10-01", True),
        ("2026-10-31", True),
        ("2026-11-15", True),
        ("2026-11-16", False),
    ],
)
def test_a_period_is_closed_from_its_first_day_to_its_last(day: str, closed: bool) -> None:
    assert is_closed(date.fromisoformat(day), CLOSED) is closed


@pytest.mark.parametrize(
    ("day", "posted"),
    [
        ("2026-09-30", "2026-09-30"),
        ("2026-10-31", "2026-11-16"),  # over the next period, closed too
        ("2026-11-16", "2026-11-16"),
    ],
)
def test_what_comes_by_itself_is_posted_on_the_first_open_day(day: str, posted: str) -> None:
    assert posting_date(date.fromisoformat(day), CLOSED) == date.fromisoformat(posted)


def test_without_closed_periods_every_day_is_open() -> None:
    assert posting_date(date(2026, 1, 1), []) == date(2026, 1, 1)


DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


@st.composite
def periods(draw: st.DrawFn) -> list[ClosedPeriod]:
    pairs = draw(st.lists(st.tuples(DAYS, DAYS), max_size=6))
    return [a_closed_period(min(pair).isoformat(), max(pair).isoformat()) for pair in pairs]


@given(day=DAYS, closed=periods())
def test_a_posting_date_is_the_next_day_that_is_not_closed(
    day: date, closed: list[ClosedPeriod]
) -> None:  # I31
    posted = posting_date(day, closed)
    assert posted >= day
    assert not is_closed(posted, closed)
    between = range(day.toordinal(), posted.toordinal())
    assert all(is_closed(date.fromordinal(each), closed) for each in between)
