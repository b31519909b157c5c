"""Functions that know nothing but their arguments, as a table: what they take, what they give, and how.

A null text is the empty text; where any other argument is null, so is the result, and the function is not asked.
https://help.salesforce.com/s/articleView?id=sf.customize_functions_a_h.htm
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any

from sfdata.localorg.formulas.kinds import Kind
from sfdata.localorg.formulas.syntax import LONGEST_FORMULA
from sfdata.localorg.ids import normalize

NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\s*", re.ASCII)
LONGEST_TEXT = LONGEST_FORMULA
"""How far a text can be padded."""

SUNDAY = 7


@dataclass(frozen=True, slots=True)
class Function:
    """``takes`` are the kinds of its arguments, of which the last ``optional`` ones may be left out; with ``repeats``
    the last kind may come any number of times."""

    takes: tuple[Kind, ...]
    gives: Kind
    run: Callable[..., Any]
    optional: int = 0
    repeats: bool = False


# --- text ------------------------------------------------------------------------------------------------------------


def begins(text: str, start: str) -> bool | None:
    """Nothing is known of how an empty text begins, unless nothing is asked."""
    return text.startswith(start) if text or not start else None


def contains(text: str, part: str) -> bool | None:
    return part in text if text or not part else None


def find(part: str, text: str, start: Decimal = Decimal(1)) -> Decimal:
    """The place of a text in another, counted from 1; 0 where it is not in there."""
    return Decimal(text.find(part, max(int(start) - 1, 0)) + 1) if part and text else Decimal(0)


def left(text: str, count: Decimal) -> str:
    return text[: max(int(count), 0)]


def right(text: str, count: Decimal) -> str:
    return text[-int(count) :] if count >= 1 else ""


def mid(text: str, start: Decimal, count: Decimal) -> str:
    first = max(int(start), 1) - 1
    return text[first : first + max(int(count), 0)]


def lpad(text: str, length: Decimal, pad: str = " ") -> str:
    return _padding(text, length, pad) + left(text, length) if text else ""


def rpad(text: str, length: Decimal, pad: str = " ") -> str:
    return left(text, length) + _padding(text, length, pad) if text else ""


def _padding(text: str, length: Decimal, pad: str) -> str:
    missing = min(int(length), LONGEST_TEXT) - len(text)
    return (pad * missing)[:missing] if pad and missing > 0 else ""


def substitute(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


def is_number(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None


def case_safe_id(text: str) -> str:
    return normalize(text) or text


# --- numbers ---------------------------------------------------------------------------------------------------------


def divide(one: Decimal, other: Decimal) -> Decimal:
    _check_divisor(other)
    return one / other


def remainder(one: Decimal, other: Decimal) -> Decimal:
    """What a division leaves, with the sign of what is divided."""
    _check_divisor(other)
    return one % other


def _check_divisor(number: Decimal) -> None:
    if not number:
        raise ZeroDivisionError("division by zero")


def _whole(rounding: str) -> Callable[[Decimal], Decimal]:
    return lambda number: number.to_integral_value(rounding)


def _to_places(rounding: str) -> Callable[..., Decimal]:
    def run(number: Decimal, places: Decimal = Decimal(0)) -> Decimal:
        return number.quantize(Decimal(1).scaleb(-int(places)), rounding)

    return run


# --- dates and times -------------------------------------------------------------------------------------------------


def date(year: Decimal, month: Decimal, day: Decimal) -> dt.date:
    return dt.date(int(year), int(month), int(day))


def weekday(day: dt.date) -> Decimal:
    """1 for a Sunday, 7 for a Saturday."""
    return Decimal(day.isoweekday() % SUNDAY + 1)


def milliseconds(time: dt.time) -> Decimal:
    """The milliseconds within a second."""
    return Decimal(time.microsecond // 1000)


def _part(name: str) -> Callable[[Any], Decimal]:
    return lambda value: Decimal(getattr(value, name))


T, N, B, D, TIME = Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.TIME

FUNCTIONS: Mapping[str, Function] = {
    "&": Function((T, T), T, lambda one, other: one + other),
    "BEGINS": Function((T, T), B, begins),
    "BR": Function((), T, lambda: "\n"),
    "CASESAFEID": Function((T,), T, case_safe_id),
    "CONTAINS": Function((T, T), B, contains),
    "FIND": Function((T, T, N), N, find, optional=1),
    "ISNUMBER": Function((T,), B, is_number),
    "LEFT": Function((T, N), T, left),
    "LEN": Function((T,), N, lambda text: Decimal(len(text))),
    "LOWER": Function((T, T), T, lambda text, locale="": text.lower(), optional=1),
    "LPAD": Function((T, N, T), T, lpad, optional=1),
    "MID": Function((T, N, N), T, mid),
    "RIGHT": Function((T, N), T, right),
    "RPAD": Function((T, N, T), T, rpad, optional=1),
    "SUBSTITUTE": Function((T, T, T), T, substitute),
    "TRIM": Function((T,), T, str.strip),
    "UPPER": Function((T, T), T, lambda text, locale="": text.upper(), optional=1),
    "*": Function((N, N), N, lambda one, other: one * other),
    "/": Function((N, N), N, divide),
    "^": Function((N, N), N, lambda one, other: one**other),
    "unary +": Function((N,), N, lambda number: number),
    "unary -": Function((N,), N, lambda number: -number),
    "ABS": Function((N,), N, abs),
    "CEILING": Function((N,), N, _whole(ROUND_UP)),
    "EXP": Function((N,), N, Decimal.exp),
    "FLOOR": Function((N,), N, _whole(ROUND_DOWN)),
    "LN": Function((N,), N, Decimal.ln),
    "LOG": Function((N,), N, Decimal.log10),
    "MAX": Function((N,), N, max, repeats=True),
    "MCEILING": Function((N,), N, _whole(ROUND_CEILING)),
    "MFLOOR": Function((N,), N, _whole(ROUND_FLOOR)),
    "MIN": Function((N,), N, min, repeats=True),
    "MOD": Function((N, N), N, remainder),
    "ROUND": Function((N, N), N, _to_places(ROUND_HALF_UP)),
    "SQRT": Function((N,), N, Decimal.sqrt),
    "TRUNC": Function((N, N), N, _to_places(ROUND_DOWN), optional=1),
    "DATE": Function((N, N, N), D, date),
    "DAY": Function((D,), N, _part("day")),
    "HOUR": Function((TIME,), N, _part("hour")),
    "MILLISECOND": Function((TIME,), N, milliseconds),
    "MINUTE": Function((TIME,), N, _part("minute")),
    "MONTH": Function((D,), N, _part("month")),
    "SECOND": Function((TIME,), N, _part("second")),
    "WEEKDAY": Function((D,), N, weekday),
    "YEAR": Function((D,), N, _part("year")),
}
"""CEILING and FLOOR round away from zero and towards it; MCEILING and MFLOOR round up and down."""
