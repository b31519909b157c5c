"""What is used of the org's allowances: calls and bulk jobs, counted by the hour and refused when a day's are spent.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_limits.htm
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from sfdata.localorg.allowances import NESTED
from sfdata.localorg.answers import ApiError

HOUR = 3600
WINDOW_HOURS = 24


class DailyUse:
    """What was used of an allowance in the last 24 hours, counted by the hour, against ``limit``."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.time) -> None:
        self.limit = limit
        self._clock = clock
        self._lock = Lock()
        self._by_hour: dict[int, int] = {}

    @property
    def used(self) -> int:
        with self._lock:
            return self._current()

    def add(self, amount: int = 1) -> bool:
        """Count some more; false, and nothing counted, when the day's allowance is spent."""
        with self._lock:
            if self._current() >= self.limit:
                return False
            hour = int(self._clock() // HOUR)
            self._by_hour[hour] = self._by_hour.get(hour, 0) + amount
            return True

    def _current(self) -> int:
        oldest = int(self._clock() // HOUR) - WINDOW_HOURS
        for hour in [hour for hour in self._by_hour if hour <= oldest]:
            del self._by_hour[hour]
        return sum(self._by_hour.values())


class ApiUsage(DailyUse):
    """API calls: of the org against its ``limit``, of each connected app that has an allotment, and those under way.

    ``concurrent`` is how many may be under way at a time; None for as many as come. ``per_app`` is what each connected
    app is allotted; None where, as in most orgs, apps share what the org has.
    """

    def __init__(
        self, limit: int, clock: Callable[[], float] = time.time, *,
        concurrent: int | None = None, per_app: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(limit, clock)
        self._concurrent = concurrent
        self._per_app = per_app
        self._under_way = 0
        self._by_app: dict[str, DailyUse] = {}

    def count(self, app: str | None = None) -> None:
        """Count one call, made through the connected app of that name.

        Raises:
            ApiError: 403 REQUEST_LIMIT_EXCEEDED when the day's calls of org or app are spent; the refused call does not
                count.
        """
        allotted = self._allotted(app)
        if (allotted is not None and allotted.used >= allotted.limit) or not self.add():
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        if allotted is not None:
            allotted.add()

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """A call from its arrival to its answer.

        Raises:
            ApiError: 403 REQUEST_LIMIT_EXCEEDED when too many are under way; the refused call does not count.
        """
        with self._lock:
            if self._concurrent is not None and self._under_way >= self._concurrent:
                message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
                raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", message)
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def header(self, app: str | None = None) -> str:
        """The value of ``Sforce-Limit-Info`` for a call made through the connected app of that name."""
        whole = f"api-usage={self.used}/{self.limit}"
        allotted = self._allotted(app)
        if allotted is None:
            return whole
        return f"{whole}; per-app-api-usage={allotted.used}/{allotted.limit}(appName={app})"

    def _allotted(self, app: str | None) -> DailyUse | None:
        if app is None or self._per_app is None:
            return None
        with self._lock:
            return self._by_app.setdefault(app, DailyUse(self._per_app, self._clock))


def limits_answer(maxima: Mapping[str, int], used: Mapping[str, int]) -> dict[str, Any]:
    """The body of ``GET limits``: each allowance as ``{"Max", "Remaining"}``; ``used`` says what of some is gone."""
    answer: dict[str, Any] = {}
    for name, maximum in maxima.items():
        inner = {part: _allowance(most, most) for part, most in NESTED.get(name, {}).items()}
        answer[name] = {**_allowance(maximum, max(0, maximum - used.get(name, 0))), **inner}
    return answer


def _allowance(maximum: int, remaining: int) -> dict[str, int]:
    return {"Max": maximum, "Remaining": remaining}
