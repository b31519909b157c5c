"""Relative date literals: which days they mean."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.localorg.engine.dates import Calendar
from sfdata.localorg.engine.viewer import Viewer, week_start
from sfdata.soql.nodes import RelativeDate

WEDNESDAY = dt.date(2024, 5, 15)
DAY = dt.timedelta(days=1)

days = st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31))
fiscal_months = st.integers(1, 12)
units = st.sampled_from(["WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR"])


def span(name: str, count: int | None = None, *, fiscal_start: int = 1, week: int = 6) -> tuple[str, str]:
    """The first and the last day of a literal on the Wednesday."""
    start, after = Calendar(WEDNESDAY, week, fiscal_start).days(RelativeDate(name, count))
    return start.isoformat(), (after - DAY).isoformat()


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("TODAY", None, "2024-05-15", "2024-05-15"),
        ("YESTERDAY", None, "2024-05-14", "2024-05-14"),
        ("TOMORROW", None, "2024-05-16", "2024-05-16"),
        ("LAST_90_DAYS", None, "2024-02-15", "2024-05-15"),
        ("NEXT_90_DAYS", None, "2024-05-16", "2024-08-13"),
        ("LAST_N_DAYS", 7, "2024-05-08", "2024-05-15"),
        ("LAST_N_DAYS", 0, "2024-05-15", "2024-05-15"),
        ("NEXT_N_DAYS", 7, "2024-05-16", "2024-05-22"),
        ("N_DAYS_AGO", 7, "2024-05-08", "2024-05-08"),
        ("THIS_WEEK", None, "2024-05-12", "2024-05-18"),
        ("LAST_WEEK", None, "2024-05-05", "2024-05-11"),
        ("NEXT_WEEK", None, "2024-05-19", "2024-05-25"),
        ("LAST_N_WEEKS", 2, "2024-04-28", "2024-05-11"),
        ("NEXT_N_WEEKS", 2, "2024-05-19", "2024-06-01"),
        ("N_WEEKS_AGO", 2, "2024-04-28", "2024-05-04"),
        ("THIS_MONTH", None, "2024-05-01", "2024-05-31"),
        ("LAST_MONTH", None, "2024-04-01", "2024-04-30"),
        ("NEXT_MONTH", None, "2024-06-01", "2024-06-30"),
        ("LAST_N_MONTHS", 5, "2023-12-01", "2024-04-30"),
        ("NEXT_N_MONTHS", 8, "2024-06-01", "2025-01-31"),
        ("N_MONTHS_AGO", 3, "2024-02-01", "2024-02-29"),
        ("THIS_QUARTER", None, "2024-04-01", "2024-06-30"),
        ("LAST_QUARTER", None, "2024-01-01", "2024-03-31"),
        ("NEXT_QUARTER", None, "2024-07-01", "2024-09-30"),
        ("LAST_N_QUARTERS", 2, "2023-10-01", "2024-03-31"),
        ("NEXT_N_QUARTERS", 3, "2024-07-01", "2025-03-31"),
        ("N_QUARTERS_AGO", 2, "2023-10-01", "2023-12-31"),
        ("THIS_YEAR", None, "2024-01-01", "2024-12-31"),
        ("LAST_YEAR", None, "2023-01-01", "2023-12-31"),
        ("NEXT_YEAR", None, "2025-01-01", "2025-12-31"),
        ("LAST_N_YEARS", 3, "2021-01-01", "2023-12-31"),
        ("NEXT_N_YEARS", 2, "2025-01-01", "2026-12-31"),
        ("N_YEARS_AGO", 4, "2020-01-01", "2020-12-31"),
    ],
)
def test_a_literal_is_whole_periods_around_today(name: str, count: int | None, first: str, last: str) -> None:
    """Worked out with a calendar for Wednesday, 15 May 2024, weeks from Sunday to Saturday."""
    assert span(name, count) == (first, last)


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("THIS_FISCAL_YEAR", None, "2024-02-01", "2025-01-31"),
        ("LAST_FISCAL_YEAR", None, "2023-02-01", "2024-01-31"),
        ("NEXT_FISCAL_YEAR", None, "2025-02-01", "2026-01-31"),
        ("THIS_FISCAL_QUARTER", None, "2024-05-01", "2024-07-31"),
        ("LAST_FISCAL_QUARTER", None, "2024-02-01", "2024-04-30"),
        ("NEXT_FISCAL_QUARTER", None, "2024-08-01", "2024-10-31"),
        ("LAST_N_FISCAL_QUARTERS", 2, "2023-11-01", "2024-04-30"),
        ("NEXT_N_FISCAL_YEARS", 2, "2025-02-01", "2027-01-31"),
        ("N_FISCAL_QUARTERS_AGO", 1, "2024-02-01", "2024-04-30"),
        ("N_FISCAL_YEARS_AGO", 2, "2022-02-01", "2023-01-31"),
    ],
)
def test_fiscal_periods_start_in_the_fiscal_month(name: str, count: int | None, first: str, last: str) -> None:
    """Worked out for fiscal years that start in February."""
    assert span(name, count, fiscal_start=2) == (first, last)


@pytest.mark.parametrize(
    ("locale", "first"),
    [
        ("en_US", "2024-05-12"),
        ("pt_BR", "2024-05-12"),
        ("en_GB", "2024-05-13"),
        ("de_DE", "2024-05-13"),
        ("de", "2024-05-13"),
        ("zh_Hans_CN", "2024-05-13"),
        ("ar_EG", "2024-05-11"),
    ],
)
def test_the_locale_says_when_a_week_starts(locale: str, first: str) -> None:
    """Sunday in the United States, Monday in Europe, Saturday in Egypt."""
    assert span("THIS_WEEK", week=week_start(locale))[0] == first


@given(days, units, st.integers(1, 30), fiscal_months)
def test_periods_join_without_gap_or_overlap(today: dt.date, unit: str, count: int, fiscal_start: int) -> None:
    """The last n periods end where this one starts, this one holds today, the next n start where it ends."""
    calendar = Calendar(today, 6, fiscal_start)
    this = calendar.days(RelativeDate(f"THIS_{unit}"))
    before = calendar.days(RelativeDate(f"LAST_N_{unit}S", count))
    behind = calendar.days(RelativeDate(f"NEXT_N_{unit}S", count))
    assert this[0] <= today < this[1]
    assert before[1] == this[0]
    assert this[1] == behind[0]
    assert before[0] == calendar.days(RelativeDate(f"N_{unit}S_AGO", count))[0]
    assert calendar.days(RelativeDate(f"LAST_{unit}")) == calendar.days(RelativeDate(f"N_{unit}S_AGO", 1))


@given(days, st.integers(0, 10**7))
def test_a_count_beyond_the_calendar_ends_at_its_edge(today: dt.date, count: int) -> None:
    """However many periods are asked for, the answer is a range of days."""
    for unit in ("DAY", "WEEK", "MONTH", "YEAR"):
        for name in (f"LAST_N_{unit}S", f"NEXT_N_{unit}S", f"N_{unit}S_AGO"):
            start, after = Calendar(today).days(RelativeDate(name, count))
            assert start <= after


@pytest.mark.parametrize(
    ("zone", "day", "instant"),
    [
        ("UTC", dt.date(2024, 5, 15), "2024-05-15T00:00:00.000+0000"),
        ("America/New_York", dt.date(2024, 5, 15), "2024-05-15T04:00:00.000+0000"),
        ("America/New_York", dt.date(2024, 1, 15), "2024-01-15T05:00:00.000+0000"),
        ("Asia/Kolkata", dt.date(2024, 5, 15), "2024-05-14T18:30:00.000+0000"),
        ("Asia/Tokyo", dt.date.min, "0001-01-01T00:00:00.000+0000"),
    ],
)
def test_a_day_starts_when_the_user_says_so(zone: str, day: dt.date, instant: str) -> None:
    """Midnight on the user's clock, summer time included, as datetime fields store it."""
    viewer = Viewer("", dt.datetime(2024, 5, 15, tzinfo=dt.UTC), ZoneInfo(zone))
    assert viewer.utc_midnight(day) == instant
