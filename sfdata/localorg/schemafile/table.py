"""A table of the schema file, read key by key; every mistake names file, object and key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sfdata.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file, read key by key; ``path`` leads to it."""

    file: str
    path: tuple[str, ...]
    values: Mapping[str, Any]

    def wrong(self, problem: str) -> ConfigurationError:
        return ConfigurationError(": ".join(part for part in (self.file, ".".join(self.path), problem) if part))

    def allow(self, keys: Iterable[str]) -> None:
        """Refuse any other key, and say which one it could have meant."""
        known = tuple(keys)
        for key in self.values:
            if key not in known:
                raise self.wrong(f"unknown key {key!r}{nearest(key, known)}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(f"{key} must be a text and not empty")
        return value

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if key in self.values else None

    def flag(self, key: str, default: bool = False) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(f"{key} must be true or false")
        return value

    def whole(self, key: str, default: int, lowest: int, highest: int) -> int:
        value = self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise self.wrong(f"{key} must be a whole number from {lowest} to {highest}")
        return value

    def table(self, key: str) -> Table:
        """The table under ``key``; an empty one where there is none."""
        value = self.values.get(key, {})
        if not isinstance(value, Mapping):
            raise self.wrong(f"{key} must be a table")
        return Table(self.file, (*self.path, key), value)

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Every key with the table under it."""
        for key in self.values:
            yield key, self.table(key)


def nearest(word: str, known: Iterable[str]) -> str:
    """What a word that is not known could have meant, as the end of a sentence; empty where nothing is near."""
    near = get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
