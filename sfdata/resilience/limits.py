"""The org's own count of API calls, read from the header every data answer carries.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

HEADER = "Sforce-Limit-Info"
_ORG = re.compile(r"(?<![\w-])api-usage\s*=\s*(\d{1,12})\s*/\s*(\d{1,12})", re.ASCII)
_APP = re.compile(
    r"(?<![\w-])per-app-api-usage\s*=\s*(\d{1,12})\s*/\s*(\d{1,12})\s*(?:\(\s*appName\s*=\s*([^)]{0,255})\))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class AppUsage:
    """The part of one connected app, where the org limits it apart."""

    used: int
    allowed: int
    app_name: str


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """API calls ``used`` of those ``allowed`` in the rolling 24 hours; ``read_at`` is epoch seconds."""

    used: int
    allowed: int
    read_at: float
    app: AppUsage | None = None

    @property
    def remaining(self) -> int:
        return max(self.allowed - self.used, 0)


def parse_limit_info(value: str, read_at: float) -> ApiUsage | None:
    """The usage in a header value such as ``api-usage=18/5000; per-app-api-usage=17/250(appName=sample)``.

    None for a value that does not hold it.
    """
    org, app = _ORG.search(value), _APP.search(value)
    if org is None:
        return None
    part = AppUsage(int(app[1]), int(app[2]), (app[3] or "").strip()) if app else None
    return ApiUsage(int(org[1]), int(org[2]), read_at, part)


class LimitsTracker:
    """The last usage seen; None until an answer told. A missing or garbled header leaves it as it is."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._last: ApiUsage | None = None

    @property
    def last(self) -> ApiUsage | None:
        return self._last

    def observe(self, value: str | None) -> None:
        """Take note of an answer's header value."""
        usage = parse_limit_info(value, self._now()) if value else None
        if usage is not None:
            self._last = usage
