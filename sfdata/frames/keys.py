"""Keys: values of a frame beside values of a field, equal where the org calls them equal.

`comparison` gives for a field what a key of it looks like in a query (`Comparison.asked`) and by what two such are one
(`Comparison.folded`): 15 or 18 characters of an Id, any case of a text unless the field minds it, 5 and 5.0.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_comparisonoperators.htm
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from numbers import Real
from string import ascii_letters, ascii_uppercase, digits
from typing import Any

from sfdata.frames.dtypes import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, TEXT, TIME, Kind, kind_of
from sfdata.metadata import FieldDescribe

LARGEST_EXACT = 2**53
"""Beyond it, a double no longer tells a whole number from the next."""

ID_TYPES = frozenset({"id", "reference"})
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)
_UNSTORED = re.compile("[\0\ud800-\udfff]")  # NUL and halves of surrogate pairs
_CAPITALS = str.maketrans({c: "1" if c.isupper() else "0" for c in digits + ascii_letters})
_CHECKS = {f"{n:05b}"[::-1]: c for n, c in enumerate(ascii_uppercase + "012345")}
_FLAGS = {c: flags for flags, c in _CHECKS.items()}
"""Which of five characters of an Id are capitals (the first by the lowest bit) is told by its 16th, 17th, 18th."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the org compares the values of one field; ``wanted`` says in words what a key has to be."""

    wanted: str
    _asked: Callable[[Any], Hashable | None]
    _folded: Callable[[Any], Hashable]
    longest: int = 0

    def asked(self, value: Any) -> Hashable | None:
        """The key to ask the org for, or None where no record can have this value.

        Raises:
            ValueError: a value of another type. None of them is guessed at: ``7`` is not the text ``007``.
        """
        key = self._asked(value)
        too_long = self.longest and isinstance(key, str) and len(key) > self.longest
        return None if too_long else key

    def folded(self, key: Any) -> Hashable:
        """What is the same for keys (asked for, or answered in a record) that the org calls equal."""
        return self._folded(key)


def comparison(field: FieldDescribe) -> Comparison | None:
    """How keys are compared with ``field``; None for a type whose values are not compared at all."""
    if field.type in ID_TYPES:
        return _IDS
    kind = kind_of(field.type)
    if kind is TEXT:
        return Comparison("text", _text, _same if field.case_sensitive else str.lower, field.length)
    return _BY_KIND.get(kind)


def record_id(text: str) -> str | None:
    """The 18-character form of a record's Id, or None where ``text`` is no Id.

    Of an 18-character Id, the last three tell which of the others are capitals, so one that lost its case on the way
    gets it back. https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
    """
    if not _ID.fullmatch(text):
        return None
    body, check = text[:15], text[15:].upper()
    found = _check(body)
    if check in ("", found):
        return body + found
    flags = "".join(_FLAGS.get(c, "-----") for c in check)
    body = "".join(c.upper() if flag == "1" else c.lower() for c, flag in zip(body, flags, strict=True))
    return body + check if _check(body) == check else None


def _check(body: str) -> str:
    flags = body.translate(_CAPITALS)
    return _CHECKS[flags[:5]] + _CHECKS[flags[5:10]] + _CHECKS[flags[10:]]


# --- one value --------------------------------------------------------------------------------------------------------


def _same(key: Any) -> Hashable:
    found: Hashable = key
    return found


def _is_a(value: Any, *kinds: type) -> None:
    if not isinstance(value, kinds):
        raise ValueError(value)  # noqa: TRY004 - one error for every way in which a value is none of the field's


def _text(value: Any) -> str | None:
    """Blanks at the end are not stored, and an empty text is stored as null, which equals no key."""
    _is_a(value, str)
    text = str.__str__(value).rstrip(" ")
    return None if _UNSTORED.search(text) else text or None


def _id(value: Any) -> str | None:
    text = (_text(value) or "").strip()
    found = record_id(text)
    if text and found is None:
        raise ValueError(value)
    return found


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):  # NumPy's, by its name
        raise ValueError(value)
    return bool(value)


def _number(value: Any) -> float | None:
    _is_a(value, Real, Decimal)
    if isinstance(value, bool) or (isfinite(value) and abs(value) > LARGEST_EXACT):
        raise ValueError(value)
    return float(value) if isfinite(value) else None


def _integer(value: Any) -> int | None:
    found = _number(value)
    return int(found) if found is not None and found.is_integer() else None


def _date(value: Any) -> dt.date:
    """A day; a date and time only where it is a day's very start and claims no time zone."""
    _is_a(value, dt.date)
    if not isinstance(value, dt.datetime):
        day: dt.date = value
        return day
    if value != dt.datetime.combine(value.date(), dt.time()):  # nor is it equal to one with a zone
        raise ValueError(value)
    return value.date()


def _datetime(value: Any) -> dt.datetime | None:
    _is_a(value, dt.datetime)
    if value.utcoffset() is None:
        raise ValueError(value)
    if getattr(value, "nanosecond", 0):
        return None
    plain = dt.datetime.combine(value.date(), value.time(), value.tzinfo)
    return plain.replace(fold=value.fold).astimezone(dt.UTC)


def _time(value: Any) -> dt.time:
    _is_a(value, dt.time)
    if value.tzinfo:
        raise ValueError(value)
    time: dt.time = value
    return time


_IDS = Comparison("record Ids of 15 or 18 characters", _id, _same)
_BY_KIND: Mapping[Kind, Comparison] = {
    INTEGER: Comparison(f"numbers up to {LARGEST_EXACT:,}", _integer, _same),
    NUMBER: Comparison(f"numbers up to {LARGEST_EXACT:,}", _number, _same),
    BOOLEAN: Comparison("booleans", _boolean, _same),
    DATE: Comparison("dates", _date, _same),
    DATETIME: Comparison("datetimes with a time zone", _datetime, _same),
    TIME: Comparison("times of day without a time zone", _time, _same),
}
