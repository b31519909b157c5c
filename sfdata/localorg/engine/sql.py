"""Pieces of SQL that carry their values: text with ``?`` places and the parameters that fill them, in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and the values of its places."""

    text: str
    params: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return self.text


TRUE = Sql("1")
FALSE = Sql("0")
NULL = Sql("NULL")


def value(of: Any) -> Sql:
    """A place filled with this value."""
    return Sql("?", (of,))


def compose(template: str, *pieces: Sql | str) -> Sql:
    """``template`` with each ``{}`` replaced by the next piece, and the pieces' values in that order."""
    params = tuple(p for piece in pieces if isinstance(piece, Sql) for p in piece.params)
    return Sql(template.format(*pieces), params)


def join(separator: str, pieces: Iterable[Sql]) -> Sql:
    """The pieces one after the other."""
    listed = list(pieces)
    return Sql(separator.join(piece.text for piece in listed), tuple(p for piece in listed for p in piece.params))


def places(values: Iterable[Any]) -> Sql:
    """``?, ?, ?`` for these values."""
    listed = tuple(values)
    return Sql(", ".join("?" * len(listed)), listed)


def all_of(conditions: Iterable[Sql]) -> Sql:
    """The conditions joined by AND; true without any."""
    listed = [c for c in conditions if c != TRUE]
    return join(" AND ", [compose("({})", c) for c in listed]) if listed else TRUE
