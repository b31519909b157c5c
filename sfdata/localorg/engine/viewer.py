"""Who asks, and when: what the running user's and the organization's settings mean to a query."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sfdata.localorg.engine.dates import Calendar
from sfdata.localorg.store import Store

# Where a week does not start on Monday, as the Unicode locale data has it.
_SUNDAY = (
    "AG AS BD BR BS BT BW BZ CA CO DM DO ET GT GU HK HN ID IL IN JM JP KE KH KR LA MH MM MO MT MX MZ NI NP PA PE PH PK "
    "PR PT PY SA SG SV TH TT TW UM US VE VI WS YE ZA ZW"
)
_SATURDAY = "AE AF BH DJ DZ EG IQ IR JO KW LY OM QA SD SY"
SUNDAY_FIRST = frozenset(_SUNDAY.split())
SATURDAY_FIRST = frozenset(_SATURDAY.split())


@dataclass(frozen=True, slots=True)
class Viewer:
    """The running user at one moment.

    ``fiscal_start`` is the first month of the fiscal year (1 to 12), which is named by the year it ends in, or by the
    year it starts in where ``fiscal_named_by_start``.
    """

    user_id: str
    now: dt.datetime
    zone: ZoneInfo
    locale: str = "en_US"
    fiscal_start: int = 1
    fiscal_named_by_start: bool = False

    @property
    def calendar(self) -> Calendar:
        """The days relative date literals mean, in the user's time zone."""
        return Calendar(self.now.astimezone(self.zone).date(), week_start(self.locale), self.fiscal_start)

    @property
    def sorts_like_english(self) -> bool:
        """English locales sort by code point, all others as their readers expect."""
        return self.locale.split("_")[0] == "en"

    def utc_midnight(self, day: dt.date) -> str:
        """The instant a day starts for the user, as datetime fields store it."""
        try:
            start = dt.datetime.combine(day, dt.time(), self.zone).astimezone(dt.UTC)
        except OverflowError:
            start = dt.datetime.combine(day, dt.time(), dt.UTC)
        return stored_datetime(start)


def stored_datetime(instant: dt.datetime) -> str:
    """An aware datetime in the form datetime fields store: UTC, milliseconds, no colon in the offset."""
    utc = instant.astimezone(dt.UTC)
    return f"{utc.replace(tzinfo=None).isoformat(timespec='milliseconds')}+0000"


def week_start(locale: str) -> int:
    """The first day of the week in a locale such as ``de_DE``; 0 is Monday."""
    country = next((part for part in locale.split("_")[1:] if len(part) == 2 and part.isupper()), "")
    if country in SUNDAY_FIRST or locale == "en":
        return 6
    return 5 if country in SATURDAY_FIRST else 0


def viewer(store: Store, user_id: str, now: dt.datetime) -> Viewer:
    """The settings of a user, those of the organization where the user has none, or else Salesforce's defaults."""
    user = _row(store, "User", user_id)
    organization = _row(store, "Organization", None)
    return Viewer(
        user_id,
        now,
        _zone(user.get("TimeZoneSidKey") or organization.get("TimeZoneSidKey")),
        user.get("LocaleSidKey") or organization.get("DefaultLocaleSidKey") or "en_US",
        organization.get("FiscalYearStartMonth") or 1,
        bool(organization.get("UsesStartDateAsFiscalYearName")),
    )


def _row(store: Store, name: str, record_id: str | None) -> dict[str, Any]:
    sobject = store.schema.object(name)
    if sobject is None:
        return {}
    if record_id is None:
        return store.first(sobject) or {}
    return store.get(sobject, record_id) or {}


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
