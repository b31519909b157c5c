"""Literals against the type of the value they are compared with: to a stored value, to a range of days, or refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sfdata.localorg import ids
from sfdata.localorg.engine import refusals
from sfdata.localorg.engine.resolve import Operand
from sfdata.localorg.engine.viewer import Viewer, stored_datetime
from sfdata.localorg.schema import NUMBER_TYPES, TEXT_TYPES
from sfdata.soql.nodes import (
    Bind,
    BooleanLiteral,
    CurrencyLiteral,
    DateLiteral,
    DateTimeLiteral,
    Literal,
    NullLiteral,
    NumberLiteral,
    RelativeDate,
    StringLiteral,
    TimeLiteral,
)

ID_TYPES = frozenset({"id", "reference"})
# Salesforce's word for a type in "must be of type …", where it is not the type itself.
TYPE_WORDS: Mapping[str, str] = {
    **dict.fromkeys(TEXT_TYPES, "string"),
    **dict.fromkeys(ID_TYPES, "ID"),
    "datetime": "dateTime",
}
LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Range:
    """From ``start`` up to, but not including, ``end``, both as stored."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Literals:
    """Reads literals for one viewer; ``text`` is the query, for messages."""

    viewer: Viewer
    text: str

    def stored(self, operand: Operand, literal: Literal) -> Any:
        """The literal as ``operand`` would be stored: a plain value, None for null, or a `Range`.

        Raises:
            ApiError: INVALID_FIELD for a literal of another type, INVALID_QUERY_FILTER_OPERATOR for one that is no Id.
        """
        if isinstance(literal, NullLiteral):
            return None
        if isinstance(literal, Bind):
            raise refusals.bind_variable(self.text, literal.pos)
        if isinstance(literal, StringLiteral):
            self.check_length(literal)
        kind = operand.type
        if kind in ID_TYPES:
            return self._id(operand, literal)
        if kind in ("date", "datetime"):
            return self._moment(operand, literal)
        if kind in NUMBER_TYPES and isinstance(literal, NumberLiteral | CurrencyLiteral):
            return number(literal.value)
        if kind == "boolean" and isinstance(literal, BooleanLiteral):
            return int(literal.value)
        if kind == "time" and isinstance(literal, TimeLiteral):
            return f"{literal.value.isoformat(timespec='milliseconds')}Z"
        if TYPE_WORDS.get(kind) == "string" and isinstance(literal, StringLiteral):
            return literal.value.rstrip(" ") or None
        raise self.wrong_type(operand)

    def check_length(self, literal: StringLiteral) -> None:
        """Refuse a text that is longer than a condition can take."""
        if len(literal.value) > LONGEST_TEXT:
            message = f"A text in a WHERE clause has {LONGEST_TEXT:,} characters at most, not {len(literal.value):,}"
            raise refusals.malformed(message, self.text, literal.pos)

    def wrong_type(self, operand: Operand) -> Exception:
        """A literal that does not fit; the place is its field's."""
        word = TYPE_WORDS.get(operand.type, operand.type)
        return refusals.wrong_type(operand.name, word, self.text, operand.pos)

    def _id(self, operand: Operand, literal: Literal) -> str | None:
        if not isinstance(literal, StringLiteral):
            raise self.wrong_type(operand)
        given = literal.value.strip()
        if not given:
            return None
        found = ids.normalize(given)
        if found is None:
            raise refusals.invalid_id(literal.value, self.text, operand.pos)
        return found

    def _moment(self, operand: Operand, literal: Literal) -> str | Range:
        if isinstance(literal, RelativeDate):
            first, after = self.viewer.calendar.days(literal)
            if operand.type == "date":
                return Range(first.isoformat(), after.isoformat())
            return Range(self.viewer.utc_midnight(first), self.viewer.utc_midnight(after))
        if operand.type == "date" and isinstance(literal, DateLiteral):
            return literal.value.isoformat()
        if operand.type == "datetime" and isinstance(literal, DateTimeLiteral):
            return _stored_instant(literal.value)
        raise self.wrong_type(operand)


def number(of: Decimal) -> int | float:
    """A number as SQLite takes it: an integer where it is one and fits, else a float."""
    if of == of.to_integral_value() and abs(of) < 2**63:
        return int(of)
    return float(of)


def _stored_instant(instant: dt.datetime) -> str:
    try:
        return stored_datetime(instant)
    except OverflowError:
        return stored_datetime(instant.replace(tzinfo=dt.UTC))
