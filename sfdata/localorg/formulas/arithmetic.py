"""Sums and differences of numbers, texts, dates and times.

A date moves by whole days, a date and time by days and parts of days, a time of day by milliseconds around the clock.
https://help.salesforce.com/s/articleView?id=sf.formula_using_date_datetime.htm
"""

from __future__ import annotations

import datetime as dt
import operator
from calendar import monthrange
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sfdata.localorg.formulas.forms import NO_VALUE, Compiled, Form, Parts, check_count, check_kind, wrong_kind
from sfdata.localorg.formulas.kinds import Kind
from sfdata.localorg.formulas.record import Record
from sfdata.localorg.formulas.syntax import Call

Add = Callable[[Any, Any], Any]

DAY_SECONDS = 86_400
DAY_MILLISECONDS = DAY_SECONDS * 1000
MILLISECOND = dt.timedelta(milliseconds=1)


def _later_date(day: dt.date, days: Decimal) -> dt.date:
    return day + dt.timedelta(days=int(days))


def _later(moment: dt.datetime, days: Decimal) -> dt.datetime:
    return moment + dt.timedelta(seconds=round(days * DAY_SECONDS))


def _later_time(time: dt.time, milliseconds: Decimal) -> dt.time:
    return (_of_day_one(time) + int(milliseconds) % DAY_MILLISECONDS * MILLISECOND).time()


def _days(one: Any, other: Any) -> Decimal:
    passed: dt.timedelta = one - other
    return passed.days + Decimal(passed.seconds) / DAY_SECONDS


def _milliseconds(one: dt.time, other: dt.time) -> Decimal:
    return Decimal((_of_day_one(one) - _of_day_one(other)) // MILLISECOND % DAY_MILLISECONDS)


def _of_day_one(time: dt.time) -> dt.datetime:
    return dt.datetime.combine(dt.date.min, time)


def _earlier(later: Add) -> Add:
    return lambda moment, amount: later(moment, -amount)


def _swapped(later: Add) -> Add:
    return lambda amount, moment: later(moment, amount)


def _sums() -> dict[tuple[str, Kind, Kind], tuple[Kind, Add]]:
    number, text = Kind.NUMBER, Kind.TEXT
    sums: dict[tuple[str, Kind, Kind], tuple[Kind, Add]] = {
        ("+", number, number): (number, operator.add),
        ("-", number, number): (number, operator.sub),
        ("+", text, text): (text, operator.add),
    }
    for kind, later, between in (
        (Kind.DATE, _later_date, _days),
        (Kind.DATETIME, _later, _days),
        (Kind.TIME, _later_time, _milliseconds),
    ):
        sums["+", kind, number] = kind, later
        sums["-", kind, number] = kind, _earlier(later)
        sums["-", kind, kind] = number, between
        if kind is not Kind.TIME:
            sums["+", number, kind] = kind, _swapped(later)
    return sums


SUMS = _sums()
"""Operator and the kinds of its operands: the kind of the result, and how to come by it."""


def addition(call: Call, parts: Parts) -> Compiled:
    """``+`` and ``-``. A null text adds nothing; any other null makes the sum null."""
    one, other = parts
    if Kind.NULL in (one.kind, other.kind):
        return NO_VALUE
    fitting = [second for name, first, second in SUMS if (name, first) == (call.name, one.kind)]
    if not fitting:
        raise wrong_kind(call, 0, one.kind, Kind.NUMBER, Kind.DATE, Kind.DATETIME)
    if other.kind not in fitting:
        raise wrong_kind(call, 1, other.kind, *fitting)
    kind, add = SUMS[call.name, one.kind, other.kind]

    def value(record: Record) -> Any:
        first, second = one.value(record), other.value(record)
        if kind is Kind.TEXT:
            return (first or "") + (second or "")
        return None if first is None or second is None else add(first, second)

    return Compiled(kind, value)


def add_months(call: Call, parts: Parts) -> Compiled:
    """``ADDMONTHS(date, months)``: the last day of a month leads to the last day of another."""
    check_count(call, 2)
    check_kind(call, parts, 0, Kind.DATE, Kind.DATETIME)
    check_kind(call, parts, 1, Kind.NUMBER)
    start, months = parts

    def value(record: Record) -> Any:
        day, count = start.value(record), months.value(record)
        return day if day is None or count is None else _months_later(day, int(count))

    return Compiled(start.kind, value)


def _months_later(day: Any, months: int) -> Any:
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        raise OverflowError("the year is out of range")
    last, was_last = monthrange(year, month + 1)[1], monthrange(day.year, day.month)[1]
    return day.replace(year=year, month=month + 1, day=last if day.day == was_last else min(day.day, last))


FORMS: Mapping[str, Form] = {"+": addition, "-": addition, "ADDMONTHS": add_months}
