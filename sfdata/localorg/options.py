"""The settings of one local org, checked when they are made."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sfdata.errors import ConfigurationError
from sfdata.localorg.allowances import MAXIMA
from sfdata.localorg.latency import NO_LATENCY, Latency

LOOPBACK = ("127.0.0.1", "::1")
DEFAULT_SEED = 20_240_229
SESSION_SECONDS = 7200.0
REDIRECT_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[!\"$-\[\]-~]+", re.ASCII)
"""Any scheme, also a mobile app's own; no fragment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a local org is to be.

    Attributes:
        host: the loopback address to listen on; nothing else is possible.
        port: 0 takes a free one.
        tls: https with a certificate of the org's own making.
        scale: size of the sample company; 1.0 is about 3,000 accounts.
        data: a directory (text or `Path`) that keeps the records; without one they live in memory.
        schema: a TOML file of custom objects, fields and validation rules; see `schemafile`.
        snapshot: a file that `LocalOrg.snapshot` wrote; the org starts with its records and no others.
        seed_from: a directory of CSV and Parquet files to load instead of the sample company; see `seedfiles`.
        seed: another number, another company.
        as_of: the day the org lives on (date or ISO text): the sample data end there, TODAY is it. Default: today.
        sample_data: false leaves only the organization, its users and profiles.
        session_seconds: inactivity after which an access token expires.
        page_size: most rows of one query page.
        sandbox: the org says of itself that it is a sandbox.
        limits: other allowances than a Developer Edition's, by the names that the limits resource has: calls
            (``DailyApiRequests``), bulk batches and query jobs, and storage are refused when they are spent. Storage is
            as large as need be where nothing is said.
        app_requests: API calls of each connected app. Without it apps have no allotment and no usage of their own.
        concurrent_requests: API calls at a time before REQUEST_LIMIT_EXCEEDED. Default: as many as come.
        latency: milliseconds each answer takes longer, or a text such as ``"200:50"``: 200, give or take 50.
        redirect_uris: callback addresses registered for the connected app; those of this machine need not be.
        rotate_refresh_tokens: each use of a refresh token gives a new one and ends the old.
    """

    host: str = LOOPBACK[0]
    port: int = 0
    tls: bool = False
    scale: float = 1.0
    data: Path | None = None
    schema: Path | None = None
    snapshot: Path | None = None
    seed_from: Path | None = None
    seed: int = DEFAULT_SEED
    as_of: date | None = None
    sample_data: bool = True
    session_seconds: float = SESSION_SECONDS
    page_size: int = 2000
    sandbox: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)
    app_requests: int | None = None
    concurrent_requests: int | None = None
    latency: Latency = NO_LATENCY
    redirect_uris: tuple[str, ...] = ()
    rotate_refresh_tokens: bool = False

    def __post_init__(self) -> None:
        for name in ("data", "schema", "snapshot", "seed_from"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else Path(value))
        as_of: Any = self.as_of
        if isinstance(as_of, str):
            object.__setattr__(self, "as_of", _day(as_of))
        _require(self.host in LOOPBACK, "host", f"one of {', '.join(LOOPBACK)}")
        _require(0 <= self.port <= 65_535, "port", "between 0 and 65535")
        _require(math.isfinite(self.scale) and self.scale > 0, "scale", "a number above 0")
        _require(self.snapshot is None or self.seed_from is None, "seed_from", "left out where there is a snapshot")
        _require(self.session_seconds > 0, "session_seconds", "above 0")
        _require(1 <= self.page_size <= 2000, "page_size", "between 1 and 2000")
        object.__setattr__(self, "limits", MappingProxyType(dict(self.limits)))
        for name, maximum in self.limits.items():
            _require(name in MAXIMA, "limits", f"named as in the limits resource, unlike {name!r}{_nearest(name)}")
            _require(maximum >= 0, f"limits[{name!r}]", "0 or more")
        _require(self.app_requests is None or self.app_requests >= 0, "app_requests", "0 or more")
        _require(self.concurrent_requests is None or self.concurrent_requests > 0, "concurrent_requests", "above 0")
        object.__setattr__(self, "latency", Latency.parse(self.latency))
        object.__setattr__(self, "redirect_uris", tuple(self.redirect_uris))
        _require(all(map(REDIRECT_URI.fullmatch, self.redirect_uris)), "redirect_uris", "addresses such as https://a/b")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all settings."""
        return tuple(f.name for f in fields(cls))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"as_of must be a date such as 2026-06-30, not {text!r}.") from None


def _nearest(name: str) -> str:
    near = get_close_matches(name, MAXIMA, 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _require(holds: bool, name: str, wanted: str) -> None:
    if not holds:
        raise ConfigurationError(f"{name} must be {wanted}.")
