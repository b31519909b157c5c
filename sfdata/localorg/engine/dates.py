"""Relative date literals (``LAST_N_DAYS:30``, ``THIS_FISCAL_QUARTER``) as ranges of days.

Every literal is a range of whole periods around today: `LAST_MONTH` is the month before this one, `NEXT_N_WEEKS:3` the
three weeks after this one. Only ``LAST_N_DAYS`` and ``LAST_90_DAYS`` include the current period.
https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_dateformats.htm
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from sfdata.soql.nodes import RelativeDate

MONTHS_IN = {"MONTH": 1, "QUARTER": 3, "YEAR": 12, "FISCAL_QUARTER": 3, "FISCAL_YEAR": 12}

# name → (unit, first period, last period), counted from the current one.
NAMED = {
    "TODAY": ("DAY", 0, 0),
    "YESTERDAY": ("DAY", -1, -1),
    "TOMORROW": ("DAY", 1, 1),
    "LAST_90_DAYS": ("DAY", -90, 0),
    "NEXT_90_DAYS": ("DAY", 1, 90),
}
NEIGHBOURS = {"LAST": -1, "THIS": 0, "NEXT": 1}

_COUNTED = re.compile(r"(?:(LAST|NEXT)_N_(\w+)S|N_(\w+)S_AGO)")


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a relative date depends on: today, the first day of the week (0 is Monday), the first fiscal month."""

    today: dt.date
    week_start: int = 6
    fiscal_start: int = 1

    def days(self, literal: RelativeDate) -> tuple[dt.date, dt.date]:
        """The days of a literal: its first day, and the first day after it."""
        unit, first, last = _periods(literal)
        return self._start(unit, first), self._start(unit, last + 1)

    def _start(self, unit: str, offset: int) -> dt.date:
        """The first day of the period that lies ``offset`` periods from the current one."""
        if unit == "DAY":
            return _shifted(self.today, offset)
        if unit == "WEEK":
            return _shifted(self.today, 7 * offset - (self.today.weekday() - self.week_start) % 7)
        length = MONTHS_IN[unit]
        anchor = self.fiscal_start - 1 if unit.startswith("FISCAL") else 0
        months = self.today.year * 12 + self.today.month - 1 - anchor
        year, month = divmod(months - months % length + offset * length + anchor, 12)
        if year < dt.MINYEAR:
            return dt.date.min
        return dt.date(year, month + 1, 1) if year <= dt.MAXYEAR else dt.date.max


def _periods(literal: RelativeDate) -> tuple[str, int, int]:
    if literal.name in NAMED:
        return NAMED[literal.name]
    count = literal.count or 0
    counted = _COUNTED.fullmatch(literal.name)
    if counted is None:
        which, unit = literal.name.split("_", 1)
        return unit, NEIGHBOURS[which], NEIGHBOURS[which]
    which, unit, ago = counted.groups()
    if ago:
        return ago, -count, -count
    if which == "NEXT":
        return unit, 1, count
    return unit, -count, 0 if unit == "DAY" else -1


def _shifted(day: dt.date, days: int) -> dt.date:
    ordinal = day.toordinal() + days
    return dt.date.fromordinal(max(1, min(ordinal, dt.date.max.toordinal())))
