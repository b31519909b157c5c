"""The types of values in formulas, and how a stored field becomes a value.

Text      str; null is the empty text    Date       datetime.date
Number    Decimal                        DateTime   datetime.datetime, aware, UTC
Boolean   bool; a checkbox is never null Time       datetime.time
Picklist  str, as a text, but only some functions take it
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from sfdata.localorg.ids import id15
from sfdata.localorg.schema import TEXT_TYPES


class Kind(Enum):
    """A type, by the name it has in messages."""

    TEXT = "Text"
    NUMBER = "Number"
    BOOLEAN = "Boolean"
    DATE = "Date"
    DATETIME = "DateTime"
    TIME = "Time"
    PICKLIST = "Picklist"
    MULTIPICKLIST = "Multi-Select Picklist"
    NULL = "null"


TEXTS = frozenset({Kind.TEXT, Kind.PICKLIST, Kind.MULTIPICKLIST})
"""Kinds whose null is the empty text."""


@dataclass(frozen=True, slots=True)
class FieldKind:
    """The kind of a field, and how to read what the store keeps of it (never null)."""

    kind: Kind
    read: Callable[[Any], Any]

    def value(self, stored: Any) -> Any:
        """A stored value, or null in the form its kind has."""
        if stored is not None:
            return self.read(stored)
        if self.kind in TEXTS:
            return ""
        return False if self.kind is Kind.BOOLEAN else None


def _number(stored: float) -> Decimal:
    return Decimal(str(stored))


def _percent(stored: float) -> Decimal:
    return _number(stored) / 100


def _time(stored: str) -> dt.time:
    return dt.time.fromisoformat(stored.removesuffix("Z"))


def _moment(stored: str) -> dt.datetime:
    return dt.datetime.fromisoformat(stored).astimezone(dt.UTC)


FIELD_KINDS: Mapping[str, FieldKind] = {
    **dict.fromkeys(TEXT_TYPES, FieldKind(Kind.TEXT, str)),
    **dict.fromkeys(("id", "reference"), FieldKind(Kind.TEXT, id15)),
    **dict.fromkeys(("int", "long", "double", "currency"), FieldKind(Kind.NUMBER, _number)),
    "percent": FieldKind(Kind.NUMBER, _percent),
    "picklist": FieldKind(Kind.PICKLIST, str),
    "multipicklist": FieldKind(Kind.MULTIPICKLIST, str),
    "boolean": FieldKind(Kind.BOOLEAN, bool),
    "date": FieldKind(Kind.DATE, dt.date.fromisoformat),
    "datetime": FieldKind(Kind.DATETIME, _moment),
    "time": FieldKind(Kind.TIME, _time),
}
"""Types of fields that formulas can use. Ids have 15 characters in formulas; 25 % is 0.25."""
