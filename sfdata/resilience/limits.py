"""What an org allows and what is left of it: told by the header of each answer, and by the limits resource.

The org's calls of the day are everybody's. The tracker keeps what they are at, warns as they near their end, leaves
alone a reserve that is not to be spent, and sends nothing more to an org that has none left, but for one call now and
then, and for those that ask for the limits themselves.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
"""

from __future__ import annotations

import math
import re
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sfdata.errors import ConfigurationError, LimitNear, NotEnoughLeft, RequestLimitExceeded, SalesforceError
from sfdata.resilience.hooks import Event, LimitNeared
from sfdata.resilience.runtime import Runtime

HEADER = "Sforce-Limit-Info"
_ORG = re.compile(r"(?<![\w-])api-usage\s*=\s*(\d{1,12})\s*/\s*(\d{1,12})", re.ASCII)
_APP = re.compile(
    r"(?<![\w-])per-app-api-usage\s*=\s*(\d{1,12})\s*/\s*(\d{1,12})\s*(?:\(\s*appName\s*=\s*([^)]{0,255})\))?", re.ASCII
)

API_CALLS = "DailyApiRequests"
WATCHED = (
    API_CALLS,
    "DailyBulkApiBatches",
    "DailyBulkV2QueryJobs",
    "DailyBulkV2QueryFileStorageMB",
    "DataStorageMB",
    "FileStorageMB",
)
"""The limits that reading and writing use up."""
WARN_AT = (0.80, 0.95)
"""Shares of a limit at which somebody is told, once each until it falls again."""
FALLEN = 0.05
"""By how much of the limit."""
LOOK_AGAIN_SECONDS = 15 * 60.0
"""Where there are no calls left: how long nothing is sent before one call finds out whether there are some again."""
SLOWEST_SECONDS = 5.0
"""How long each call waits when the calls are nearly spent, for those who want to be slowed down."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. ``per_app`` holds the share of each connected app, where the org counts them apart."""

    max: int
    remaining: int
    per_app: Mapping[str, Limit] = field(default_factory=dict)


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

    @property
    def tighter(self) -> tuple[int, int]:
        """Calls used and allowed where fewer are left: in the org, or of its connected app."""
        if self.app is not None and self.app.allowed - self.app.used < self.allowed - self.used:
            return self.app.used, self.app.allowed
        return self.used, self.allowed


def parse_limit_info(value: str, read_at: float) -> ApiUsage | None:
    """The usage in a header value such as ``api-usage=18/5000; per-app-api-usage=17/250(appName=sample)``.

    None for a value that does not hold it.
    """
    org, app = _ORG.search(value), _APP.search(value)
    if org is None:
        return None
    part = AppUsage(int(app[1]), int(app[2]), (app[3] or "").strip()) if app else None
    return ApiUsage(int(org[1]), int(org[2]), read_at, part)


@dataclass(frozen=True, slots=True)
class Reserve:
    """API calls of the day that are left to others: a number of them, or a share of what the org has.

    Raises:
        ConfigurationError: ``amount`` is neither.
    """

    amount: int | float = 0

    def __post_init__(self) -> None:
        whole = isinstance(self.amount, int) and not isinstance(self.amount, bool) and self.amount >= 0
        share = isinstance(self.amount, float) and 0 <= self.amount < 1
        if not (whole or share):
            raise ConfigurationError(
                f"reserve is a number of API calls, or a share of them below 1 like 0.05, not {self.amount!r}"
            )

    def calls(self, allowed: int) -> int:
        """The calls it comes to."""
        return self.amount if isinstance(self.amount, int) else math.ceil(self.amount * allowed)


class LimitsTracker:
    """What one connection knows of its org's limits; threads may share it.

    Args:
        runtime: for how old what is known is, and when to look again.
        reserve: calls that are not spent.
        throttle: wait before each call, the longer the fewer are left; see `pause_seconds`.
        announce: told when a limit nears its end.

    Attributes:
        last: the usage told last; None until an answer told.
        stale: the latest answer told nothing, or nothing readable.
        known: all limits as the limits resource told them last, by name.
    """

    def __init__(
        self,
        runtime: Runtime | None = None,
        *,
        reserve: Reserve | None = None,
        throttle: bool = False,
        announce: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.last: ApiUsage | None = None
        self.stale = False
        self.known: Mapping[str, Limit] = {}
        self._runtime = runtime or Runtime()
        self._reserve = reserve or Reserve()
        self._throttle = throttle
        self._announce = announce
        self._lock = threading.Lock()
        self._under_way = 0
        self._unseen = 0  # calls sent that the last usage does not count
        self._spent = False
        self._look_at: float | None = None
        self._told: dict[str, float] = {}
        self._near: list[LimitNeared] = []
        self._to_warn: list[LimitNeared] = []

    # --- what is left ------------------------------------------------------------------------------------------------

    @property
    def reserve(self) -> int:
        """Calls that are not spent; 0 while a share is reserved of nobody knows what."""
        return 0 if self.last is None else self._reserve.calls(self.last.tighter[1])

    @property
    def left(self) -> int | None:
        """API calls that may still be made, the reserve not among them; None until an answer told."""
        if self.last is None:
            return None
        used, allowed = self.last.tighter
        return 0 if self._spent else max(allowed - used - self._unseen - self.reserve, 0)

    @property
    def pause_seconds(self) -> float:
        """How long a call should wait: none below the first of `WARN_AT`, then up to `SLOWEST_SECONDS` at the end."""
        if not self._throttle or self.last is None or self.left is None:
            return 0.0
        room = max(self.last.tighter[1] - self.reserve, 1)
        near = (1 - self.left / room - WARN_AT[0]) / (1 - WARN_AT[0])
        return SLOWEST_SECONDS * min(max(near, 0.0), 1.0)

    def require(self, calls: int, what: str) -> None:
        """Refuse ``what`` where it needs more ``calls`` than are left; nothing is counted.

        Raises:
            NotEnoughLeft: it does, as far as is known.
        """
        left = self.left
        if left is not None and calls > left:
            raise self._not_enough(calls, what)

    # --- calls -------------------------------------------------------------------------------------------------------

    def admit(self, *, asks_for_limits: bool = False) -> None:
        """Let a call be sent, and count it; each ends in `answered`, `lost` or `unsent`.

        Raises:
            RequestLimitExceeded: the org has none left.
            NotEnoughLeft: what it has left is the reserve.
        """
        self._warn()  # before anything is sent: who makes errors of warnings must not lose an answer by it
        with self._lock:
            refusal = None if asks_for_limits else self._refusal()
            if refusal is None:
                self._under_way += 1
                self._unseen += 1
                return
        raise refusal

    def answered(self, header: str | None, *, exhausted: bool = False) -> None:
        """Take note of an answer: its usage header, and whether it says that no calls are left."""
        usage = parse_limit_info(header, self._runtime.now()) if header else None
        with self._lock:
            self._under_way -= 1
            self.stale = usage is None
            if usage is not None:
                self._note_usage(usage)
            if exhausted:
                self._spent, self._look_at = True, self._runtime.clock() + LOOK_AGAIN_SECONDS
        self._announce_near()

    def lost(self) -> None:
        """The call got no answer; the org may have counted it."""
        with self._lock:
            self._under_way -= 1

    def unsent(self) -> None:
        """The call was not sent after all."""
        with self._lock:
            self._under_way -= 1
            self._unseen -= 1

    def learn(self, limits: Mapping[str, Limit]) -> None:
        """Take note of what the limits resource told. The usage in a header is fresher, where there is one."""
        with self._lock:
            self.known = dict(limits)
            daily = limits.get(API_CALLS)
            if daily is not None and (self.last is None or self.stale):
                self._note_usage(ApiUsage(daily.max - daily.remaining, daily.max, self._runtime.now()))
            for name in WATCHED[1:]:
                if name in limits:
                    self._note_share(name, limits[name].max - limits[name].remaining, limits[name].max)
        self._announce_near()

    def explain(self, refused: RequestLimitExceeded) -> None:
        """Tell in a refusal for want of calls how many there are, and when it may get better."""
        with self._lock:
            if self.last is not None:
                refused.used, refused.allowed = self.last.tighter
            if not self._spent or self._look_at is None:
                refused.hint = "Too many calls that take long are under way at a time; with fewer of them it goes on."
                return
            refused.seconds = max(self._look_at - self._runtime.clock(), 0.0)
        refused.hint = (
            "Calls come back as the last 24 hours roll on. Until one call looks again, in "
            f"{math.ceil(refused.seconds / 60)} min, only org.limits() is sent."
        )

    # --- how ---------------------------------------------------------------------------------------------------------

    def _refusal(self) -> SalesforceError | None:
        """Why the next call is not to be sent; None where it may be, or is the one that looks whether calls may be."""
        if not self._spent and (not self.reserve or self.left != 0):
            self._look_at = None
            return None
        now = self._runtime.clock()
        if self._look_at is None or now >= self._look_at:
            looks = self._look_at is not None
            self._look_at = now + LOOK_AGAIN_SECONDS
            if looks:
                return None
        if not self._spent:
            return self._not_enough(1, "the next request")
        used = "" if self.last is None else f": {self.last.tighter[0]:,} of {self.last.tighter[1]:,}"
        message = f"the org's API calls of the last 24 hours are spent{used}; this one was not sent"
        return RequestLimitExceeded(message, error_code="REQUEST_LIMIT_EXCEEDED")

    def _not_enough(self, calls: int, what: str) -> NotEnoughLeft:
        return NotEnoughLeft(what, calls, self.left or 0, self.reserve, API_CALLS)

    def _note_usage(self, usage: ApiUsage) -> None:
        used, allowed = usage.tighter
        self.last = usage
        self._unseen = self._under_way
        self._spent = self._spent and used >= allowed
        self._note_share(API_CALLS, used, allowed)

    def _note_share(self, name: str, used: int, allowed: int) -> None:
        share, before = used / allowed if allowed else 0.0, self._told.get(name, 0.0)
        reached = max((step for step in WARN_AT if share >= step), default=0.0)
        if reached > before:
            self._near.append(LimitNeared(name, used, allowed))
        if reached > before or share < before - FALLEN:
            self._told[name] = reached

    def _announce_near(self) -> None:
        with self._lock:
            near, self._near = self._near, []
            self._to_warn += near
        for event in near:
            self._announce(event)

    def _warn(self) -> None:
        while True:
            with self._lock:
                if not self._to_warn:
                    return
                near = self._to_warn.pop(0)
            warnings.warn(LimitNear(near.limit, near.used, near.allowed), stacklevel=2)
