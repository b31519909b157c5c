"""When things happen, in days before and after the day the data is as of.

Everything is decided as a number of days (0 is the day itself, -1 the day before), so that the same company can be
shown as of any day; only `Timeline` turns days into dates. Growth, seasons and quarter ends run back from that day.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import accumulate
from math import cos, pi
from typing import Final

from sfdata.localorg.company.draws import Dice, quantiles

FIRST_DAY: Final = -1825
"""The company's first records are five years old."""
LAST_DAY: Final = 1500
"""The furthest day a timeline knows: beyond the end of the longest contract."""
YEAR: Final = 365.25


def _busyness(day: int) -> float:
    """How many records are made on a day: more each year, more in a season, most in the last weeks of a quarter."""
    years = day / YEAR
    quarter_end = 1.5 if (years * 4) % 1 > 0.85 else 1.0
    return float((1.25**years) * (1 + 0.25 * cos(2 * pi * years)) * quarter_end)


ARRIVALS: Final = quantiles(range(FIRST_DAY, 0), list(accumulate(map(_busyness, range(FIRST_DAY, 0)))), 4096)
"""Days on which records appear; to be picked from evenly."""

BIRTHDAYS: Final = tuple(-YEAR * 20 - n * YEAR * 47 / 256 for n in range(256))
"""A deck of days before the present one: people are 20 to 67 years old."""


def _times(count: int) -> tuple[str, ...]:
    """Times of day as a datetime's text ends, most of them in office hours somewhere (UTC)."""
    dice = Dice("times")
    seconds = [
        int((6 + 14 * (a + b) / 2) * 3600) for a, b in zip(dice.fractions(count), dice.fractions(count), strict=True)
    ]
    odd = [0, 1, 86_399, 43_200]
    return tuple(f"T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}.000+0000" for s in odd + seconds[len(odd) :])


TIMES: Final = _times(256)


def first_moment(as_of: date) -> str:
    """When an org that is shown as of a day was made: at the start of its first day."""
    return f"{as_of + timedelta(days=FIRST_DAY)}T00:00:00.000+0000"


class Timeline:
    """Days as the texts the store keeps. ``days[-1]`` is the date of the day before, ``days[30]`` thirty days ahead."""

    def __init__(self, as_of: date) -> None:
        self.as_of = as_of
        offsets = (*range(LAST_DAY + 1), *range(FIRST_DAY, 0))
        self.dates = [as_of + timedelta(days=offset) for offset in offsets]
        self.days = [day.isoformat() for day in self.dates]
        self.birthdays = tuple((as_of + timedelta(days=int(day))).isoformat() for day in BIRTHDAYS)

    def texts(self, offsets: Iterable[int | None]) -> list[str | None]:
        """The dates of some days; None stays None."""
        days = self.days
        return [None if offset is None else days[offset] for offset in offsets]

    def moments(self, offsets: Iterable[int], dice: Dice) -> list[str]:
        """The datetimes of some days, at times of day that ``dice`` draws."""
        days, offsets = self.days, list(offsets)
        return [days[offset] + time for offset, time in zip(offsets, dice.draw(TIMES, len(offsets)), strict=True)]

    def after_months(self, offset: int, months: int) -> str:
        """The last day of a term of ``months`` that starts on a day: 31 January and one month give 27 February."""
        start = self.dates[offset]
        year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        anniversary = date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
        return (anniversary - timedelta(days=1)).isoformat()


def later(days: Sequence[int], dice: Dice, haste: float = 1.0) -> list[int]:
    """For each day one from it up to yesterday: the greater ``haste``, the sooner."""
    return [day + int((-1 - day) * chance**haste) for day, chance in zip(days, dice.fractions(len(days)), strict=True)]
