"""Pieces of SQL that carry their values: text with ``?`` places and the parameters that fill them, in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    needed = [c for c in conditions if c != TRUE]
    return _balanced("AND", needed) if needed else TRUE


def any_of(conditions: Iterable[Sql]) -> Sql:
    """The conditions joined by OR; false without any."""
    listed = list(conditions)
    return _balanced("OR", listed) if listed else FALSE


def _balanced(word: str, pieces: Sequence[Sql]) -> Sql:
    """The pieces joined in halves: SQLite's expressions may not be deeper than a thousand levels."""
    if len(pieces) == 1:
        return pieces[0]
    middle = len(pieces) // 2
    return compose(f"({{}}) {word} ({{}})", _balanced(word, pieces[:middle]), _balanced(word, pieces[middle:]))
