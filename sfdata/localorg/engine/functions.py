"""What SQLite must know to answer SOQL: text folded and sorted beyond ASCII, local times, distances, formats.

Everything that can be said in plain SQL is (see `text_key`): a Python function costs a call for every row.
"""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
import unicodedata
from functools import lru_cache
from zoneinfo import ZoneInfo

from sfdata.localorg.engine.sql import Sql, compose

EARTH_RADIUS = {"mi": 3958.7613, "km": 6371.0088}
DATE_FORMAT = "{0.month}/{0.day}/{0.year}"


def register(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection of a store, which has ``fold`` already."""
    for name, arguments, function in (
        ("upper_key", 1, upper_key),
        ("reader_key", 1, reader_key),
        ("local_time", 2, local_time),
        ("distance", 5, distance),
        ("localized", 4, localized),
        ("exact", 2, exact),
    ):
        connection.create_function(name, arguments, function, deterministic=True)


def text_key(text: Sql, key: str = "fold") -> Sql:
    """SQL for a key by which texts are compared: the function ``key``, or plain SQL where the text is ASCII."""
    native = "lower" if key == "fold" else "upper"
    ascii_only = compose("length({}) = length(CAST({} AS BLOB))", text, text)
    return compose(f"CASE WHEN {{}} THEN {native}({{}}) ELSE {key}({{}}) END", ascii_only, text, text)


def upper_key(text: str | None) -> str | None:
    """The sort key of English locales: the upper-case text by its UTF-8 bytes."""
    return text.upper() if isinstance(text, str) else text


def reader_key(text: str | None) -> str | None:
    """The sort key of other locales: accents matter only between texts that are the same without them."""
    if not isinstance(text, str):
        return text
    decomposed = unicodedata.normalize("NFKD", text.upper())
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return plain if plain == decomposed else f"{plain}\x00{decomposed}"


def local_time(stored: str | None, zone: str) -> str | None:
    """A stored datetime (UTC) on the clock of a time zone, in the same form."""
    if stored is None:
        return None
    return _local(stored, zone).isoformat(timespec="milliseconds")


def distance(
    latitude: float | None, longitude: float | None, to_latitude: float, to_longitude: float, unit: str
) -> float | None:
    """The great-circle distance between two places in ``mi`` or ``km`` (haversine)."""
    if latitude is None or longitude is None:
        return None
    here, there = math.radians(latitude), math.radians(to_latitude)
    across = math.radians(to_longitude - longitude)
    h = math.sin((there - here) / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(across / 2) ** 2
    return 2 * EARTH_RADIUS[unit] * math.asin(math.sqrt(min(1.0, h)))


def localized(stored: str | float | None, kind: str, scale: int, zone: str) -> str | None:
    """A value as FORMAT() shows it to a user with an English (United States) locale."""
    if stored is None:
        return None
    if isinstance(stored, str):
        if kind == "date":
            return DATE_FORMAT.format(dt.date.fromisoformat(stored))
        if kind == "datetime":
            local = _local(stored, zone)
            return f"{DATE_FORMAT.format(local)}, {local.hour % 12 or 12}:{local:%M %p}"
        if kind == "time":
            clock = dt.time.fromisoformat(stored.rstrip("Z"))
            return f"{clock.hour % 12 or 12}:{clock:%M %p}"
        return stored
    number = f"{abs(stored):,.{scale}f}"
    sign = "-" if stored < 0 else ""
    if kind == "currency":
        return f"{sign}${number}"
    return f"{sign}{number}%" if kind == "percent" else f"{sign}{number}"


def exact(total: float | None, scale: int) -> float | None:
    """A sum of decimals without the noise of binary fractions: at its field's scale, or of 15 digits for scale 0."""
    if total is None:
        return None
    return round(total, scale) if scale else float(f"{total:.15g}")


@lru_cache(maxsize=4096)
def _local(stored: str, zone: str) -> dt.datetime:
    return dt.datetime.strptime(stored, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(_zone(zone)).replace(tzinfo=None)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
