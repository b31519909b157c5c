"""The literals of SOQL, each printed the way an org reads it.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_fieldexpression.htm
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """A quoted text.

    ``value`` is unescaped. ``like`` is the pattern it stands for behind LIKE, where ``\\%``, ``\\_`` and ``\\\\`` mean
    the bare character; left out, it is the value's own.
    """

    value: str
    like: str = ""
    pos: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if not self.like:
            object.__setattr__(self, "like", self.value.replace("\\", "\\\\"))

    def __str__(self) -> str:
        return f"'{_escape(self.like)}'"


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    value: Decimal
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return format(self.value, "f")


@dataclass(frozen=True, slots=True)
class CurrencyLiteral:
    """``USD5000``: an amount in a named currency."""

    code: str
    value: Decimal
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.code}{self.value:f}"


@dataclass(frozen=True, slots=True)
class BooleanLiteral:
    value: bool
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return "TRUE" if self.value else "FALSE"


@dataclass(frozen=True, slots=True)
class NullLiteral:
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return "null"


@dataclass(frozen=True, slots=True)
class DateLiteral:
    value: dt.date
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.value.isoformat()


@dataclass(frozen=True, slots=True)
class DateTimeLiteral:
    """An instant; ``value`` carries its offset."""

    value: dt.datetime
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        utc = self.value.astimezone(dt.UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec=_precision(utc.microsecond) if utc.microsecond else 'seconds')}Z"


@dataclass(frozen=True, slots=True)
class TimeLiteral:
    """``09:30:00.000Z``: a time of day, as time fields hold it."""

    value: dt.time
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.value.isoformat(timespec=_precision(self.value.microsecond))}Z"


@dataclass(frozen=True, slots=True)
class RelativeDate:
    """``TODAY``, ``THIS_FISCAL_YEAR``, ``LAST_N_DAYS:30``; ``name`` is in upper case."""

    name: str
    count: int | None = None
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.name if self.count is None else f"{self.name}:{self.count}"


@dataclass(frozen=True, slots=True)
class Bind:
    """``:name``, to be replaced by a literal before the query is sent. ``end`` is the offset behind it."""

    name: str
    pos: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f":{self.name}"


Literal = (
    StringLiteral
    | NumberLiteral
    | CurrencyLiteral
    | BooleanLiteral
    | NullLiteral
    | DateLiteral
    | DateTimeLiteral
    | TimeLiteral
    | RelativeDate
    | Bind
)

_TO_ESCAPE = re.compile(r"['\x00-\x1f]")
_ESCAPES = {"'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def _escape(pattern: str) -> str:
    """``pattern``, whose backslashes come in escapes already, with all else escaped that could leave the quotes."""
    return _TO_ESCAPE.sub(lambda found: _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04x}", pattern)


def _precision(microsecond: int) -> str:
    return "microseconds" if microsecond % 1000 else "milliseconds"
