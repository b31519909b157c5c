"""From one type to another, what time it is, and whether a text fits a pattern.

https://help.salesforce.com/s/articleView?id=sf.customize_functions_i_z.htm
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sfdata.localorg.formulas.forms import Compiled, Form, Parts, check_count, check_kind
from sfdata.localorg.formulas.functions import is_number
from sfdata.localorg.formulas.java_regex import java_pattern
from sfdata.localorg.formulas.kinds import Kind
from sfdata.localorg.formulas.record import Record
from sfdata.localorg.formulas.syntax import Call, InvalidFormula, Literal

DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}", re.ASCII)
DATETIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
TIME = re.compile(r"\d{2}:\d{2}:\d{2}\.\d{3}", re.ASCII)


def text_of(value: Any) -> str:
    """A value as TEXT() writes it."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, dt.time):
        return value.isoformat("milliseconds")
    return "" if value is None else str(value)


def number_of(value: Any, record: Record) -> Decimal | None:
    if not value:
        return None
    if not is_number(value):
        raise ValueError("the text is no number")
    return Decimal(value.strip())


def date_of(value: Any, record: Record) -> dt.date | None:
    """The day of a moment is that of the user; a text is ``YYYY-MM-DD``."""
    if isinstance(value, dt.datetime):
        return record.day_of(value)
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]
    if not DATE.fullmatch(value):
        raise ValueError("the text is no date such as 2026-06-30")
    return dt.date(*map(int, value.split("-")))


def moment_of(value: Any, record: Record) -> dt.datetime | None:
    """A date begins at midnight UTC; a text is ``YYYY-MM-DD HH:MM:SS`` in UTC."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time(), dt.UTC)
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]
    if not DATETIME.fullmatch(value):
        raise ValueError("the text is no date and time such as 2026-06-30 17:00:00")
    return dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)


def time_of(value: Any, record: Record) -> dt.time | None:
    """The time of day of a moment is that in UTC; a text is ``HH:MM:SS.mmm``."""
    if isinstance(value, dt.datetime):
        return value.time()
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]
    if not TIME.fullmatch(value):
        raise ValueError("the text is no time such as 17:00:00.000")
    return dt.time.fromisoformat(value)


def _conversion(gives: Kind, convert: Callable[[Any, Record], Any], *takes: Kind) -> Form:
    def form(call: Call, parts: Parts) -> Compiled:
        check_count(call, 1)
        check_kind(call, parts, 0, *takes)
        given = parts[0].value

        def value(record: Record) -> Any:
            found = given(record)
            return None if found in (None, "") else convert(found, record)

        return Compiled(gives, value)

    return form


def _now(gives: Kind, read: Callable[[Record], Any]) -> Form:
    def form(call: Call, parts: Parts) -> Compiled:
        check_count(call, 0)
        return Compiled(gives, read)

    return form


def fits_pattern(call: Call, parts: Parts) -> Compiled:
    """``REGEX(text, pattern)``: whether the whole text fits. A pattern written out is read once."""
    check_count(call, 2)
    for index in (0, 1):
        check_kind(call, parts, index, Kind.TEXT)
    text, pattern = parts
    written = call.arguments[1]
    if not isinstance(written, Literal):
        return Compiled(
            Kind.BOOLEAN,
            lambda record: bool(java_pattern(pattern.value(record) or "").fullmatch(text.value(record) or "")),
        )
    try:
        known = java_pattern(str(written.value or ""))
    except ValueError as problem:
        raise InvalidFormula(f"REGEX(): {problem}", written.position) from None
    return Compiled(Kind.BOOLEAN, lambda record: bool(known.fullmatch(text.value(record) or "")))


FORMS: Mapping[str, Form] = {
    "TEXT": _conversion(
        Kind.TEXT, lambda value, record: text_of(value), Kind.NUMBER, Kind.DATE, Kind.DATETIME, Kind.TIME, Kind.PICKLIST
    ),
    "VALUE": _conversion(Kind.NUMBER, number_of, Kind.TEXT),
    "DATEVALUE": _conversion(Kind.DATE, date_of, Kind.TEXT, Kind.DATETIME, Kind.DATE),
    "DATETIMEVALUE": _conversion(Kind.DATETIME, moment_of, Kind.TEXT, Kind.DATE, Kind.DATETIME),
    "TIMEVALUE": _conversion(Kind.TIME, time_of, Kind.TEXT, Kind.DATETIME, Kind.TIME),
    "TODAY": _now(Kind.DATE, lambda record: record.today),
    "NOW": _now(Kind.DATETIME, lambda record: record.now),
    "TIMENOW": _now(Kind.TIME, lambda record: record.now.time()),
    "REGEX": fits_pattern,
}
