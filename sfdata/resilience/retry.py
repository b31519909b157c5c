"""When a request is made again: one table, and the loop that obeys it. Nothing else in sfdata repeats a request.

A failure is classified first; the table then says what an operation may do about it. Waiting is exponential with full
jitter, the org's ``Retry-After`` is honoured up to a cap, and attempts, time and a quota shared by the connection
bound the whole. Clock, sleep and randomness are injected, so a test of a long outage takes no time. Nothing here knows
what carries a request: HTTP's statuses are one way to tell a failure.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Generic, TypeVar

import tenacity


class Operation(Enum):
    """What a request does, as far as doing it twice is concerned."""

    TOKEN = "a login that may be repeated"  # noqa: S105 - a description
    REFRESH = "a login by a refresh token that may rotate"
    READ = "a read without effects"
    FIRST_PAGE = "the first page of a query"
    NEXT_PAGE = "a further page of a query"
    BULK_QUERY = "the creation of a bulk query job, whose orphan only costs quota"
    BULK_RESULT = "a file of a bulk job's results"
    BULK_END = "the abort or deletion of a bulk job"
    CREATE = "the creation of records, alone or among other writes"
    UPDATE = "new values for records by Id: twice is once, but for triggers"
    UPDATE_ONCE = "new values on a condition that they themselves end, or for a caller who wants them written once"
    UPSERT = "an upsert by a unique key"
    UPSERT_ONCE = "an upsert by a key that several records may have"
    DELETE = "the deletion of records by Id"
    INGEST_CREATE = "the creation of an ingest job, which does nothing while it is open"
    INGEST_UPLOAD = "the only upload an ingest job takes"
    INGEST_CLOSE = "the step that has an ingest job's rows written"


class Failure(Enum):
    """What is known about an attempt that failed."""

    NOT_SENT = "no byte of the request left us"
    REFUSED_BEFORE_WORK = "the org turned it away before doing anything"
    REFUSED = "the org said no, and will again"
    EXHAUSTED = "the org's calls of the day are spent"
    AMBIGUOUS = "sent, and no complete answer: it may have been done"
    TRUNCATED = "the answer broke off"
    POISON = "a complete answer that is not of the form asked for"


class Action(Enum):
    """What the table allows."""

    REPEAT = "repeat within the bounds"
    ONCE = "repeat once"
    GIVE_UP = "raise"


_READ = {
    Failure.NOT_SENT: Action.REPEAT,
    Failure.REFUSED_BEFORE_WORK: Action.REPEAT,
    Failure.AMBIGUOUS: Action.REPEAT,
    Failure.TRUNCATED: Action.REPEAT,
    Failure.POISON: Action.REPEAT,
}

_UNDONE = {Failure.NOT_SENT: Action.REPEAT, Failure.REFUSED_BEFORE_WORK: Action.REPEAT}
"""Where doing it twice is not doing it once: only what surely was not done is repeated."""

TABLE: Mapping[Operation, Mapping[Failure, Action]] = {
    Operation.TOKEN: _READ,
    Operation.REFRESH: {
        Failure.NOT_SENT: Action.REPEAT,
        Failure.REFUSED_BEFORE_WORK: Action.REPEAT,
        Failure.AMBIGUOUS: Action.ONCE,
        Failure.TRUNCATED: Action.ONCE,
    },
    Operation.READ: _READ,
    Operation.FIRST_PAGE: _READ,
    Operation.NEXT_PAGE: _READ,
    Operation.BULK_QUERY: _READ,
    Operation.BULK_RESULT: _READ,
    Operation.BULK_END: _UNDONE,
    Operation.CREATE: _UNDONE,
    Operation.UPDATE: _READ,
    Operation.UPDATE_ONCE: _UNDONE,
    Operation.UPSERT: _READ,
    Operation.UPSERT_ONCE: _UNDONE,
    Operation.DELETE: _READ,
    Operation.INGEST_CREATE: _READ,
    Operation.INGEST_UPLOAD: _UNDONE,
    Operation.INGEST_CLOSE: _UNDONE,
}
"""Operation × failure → action; what is not listed gives up."""

IN_DOUBT = frozenset({Failure.AMBIGUOUS, Failure.TRUNCATED, Failure.POISON})
"""Failures of a write after which it may have been done."""

WRITES = frozenset(
    {
        Operation.CREATE,
        Operation.UPDATE,
        Operation.UPDATE_ONCE,
        Operation.UPSERT,
        Operation.UPSERT_ONCE,
        Operation.DELETE,
    }
)
"""What changes records, so that its caller has to know whether it was done."""

READS = frozenset(
    {
        Operation.TOKEN,
        Operation.REFRESH,
        Operation.READ,
        Operation.FIRST_PAGE,
        Operation.NEXT_PAGE,
        Operation.BULK_QUERY,
        Operation.BULK_RESULT,
    }
)
"""What leaves the org's records and jobs of writes as they are, and so may be tried once more than the rest."""

DEADLINES: Mapping[Operation, float] = {Operation.BULK_RESULT: 6 * 3600.0, Operation.INGEST_UPLOAD: 3600.0}
"""Seconds for an operation with all its repeats, where that is not the policy's: a file may take long to travel."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why an attempt failed; ``retry_after`` is what the org asked for, in seconds; ``timed_out`` costs more quota."""

    failure: Failure
    reason: str
    retry_after: float | None = None
    timed_out: bool = False


def action(operation: Operation, failure: Failure) -> Action:
    """What the table says."""
    return TABLE[operation].get(failure, Action.GIVE_UP)


def status_failure(status: int) -> Failure | None:
    """The class of an answer's status; None where the status says no failure.

    A 5xx is ambiguous: until an org proves otherwise, work may have been done before it.
    """
    if status in (420, 429):
        return Failure.REFUSED_BEFORE_WORK
    if status in (501, 505) or (400 <= status < 500 and status != 408):
        return Failure.REFUSED
    return Failure.AMBIGUOUS if status >= 500 or status == 408 else None


_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:[eE]\+?\d+)?", re.ASCII)


def retry_after(value: str | None, now: float) -> float | None:
    """The seconds a ``Retry-After`` header asks for, given as a number or as a date; None when it says nothing.

    ``now`` is epoch seconds. The past counts as now; the caller caps the future.
    """
    if not value:
        return None
    if _NUMBER.fullmatch(value.strip()):
        return max(float(value), 0.0)
    try:
        date = parsedate_to_datetime(value)
        return max((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return None


class RetryQuota:
    """The repeats a connection can afford: a bucket that repeats empty and successes fill again.

    It is what keeps many threads in one outage from multiplying the load.
    """

    CAPACITY = 500
    COST = 5
    TIMEOUT_COST = 10

    def __init__(self) -> None:
        self._left = self.CAPACITY
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        return self._left

    def take(self, cost: int) -> bool:
        """Whether a repeat at ``cost`` can be afforded; if so, it is paid."""
        with self._lock:
            if cost > self._left:
                return False
            self._left -= cost
            return True

    def give_back(self, amount: int) -> None:
        """Pay back after a success."""
        with self._lock:
            self._left = min(self._left + amount, self.CAPACITY)


T = TypeVar("T")
Judge = Callable[[T | BaseException], Verdict | None]
"""Tells why an outcome (an answer or an exception) is a failure; None for a success or what is not ours to judge."""
Notice = Callable[[int, float, str], None]
"""Told, before each wait: the attempt that failed (from 1), the seconds, and the reason."""


@dataclass(frozen=True)
class RetryPolicy:
    """The bounds of repeating.

    Attributes:
        attempts: in all, the first included; ``write_attempts`` where it is no read.
        base_seconds, cap_seconds: wait ``uniform(0, min(cap, base · 2^n))`` before repeat ``n`` (from 0).
        retry_after_cap_seconds: longest ``Retry-After`` obeyed; a longer one is shortened to it.
        deadline_seconds: how long it all may take; `DEADLINES` has the exceptions.
        quota: the repeats that requests under this policy share.
    """

    attempts: int = 4
    write_attempts: int = 3
    base_seconds: float = 0.25
    cap_seconds: float = 20.0
    retry_after_cap_seconds: float = 60.0
    deadline_seconds: float = 120.0
    quota: RetryQuota = field(default_factory=RetryQuota)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    uniform: Callable[[float, float], float] = random.uniform

    def attempts_of(self, operation: Operation) -> int:
        """How often an operation may be tried in all."""
        return self.attempts if operation in READS else min(self.attempts, self.write_attempts)

    def wait_seconds(self, repeat: int, retry_after: float | None = None) -> float:
        """How long to wait before repeat ``repeat`` (from 0)."""
        backoff = self.uniform(0.0, min(self.cap_seconds, self.base_seconds * 2**repeat))
        return max(backoff, min(retry_after or 0.0, self.retry_after_cap_seconds))


class Retries(Generic[T]):
    """The attempts of one request under a policy; tenacity asks its questions here.

    Attributes:
        attempts: made so far.
        quota_exhausted: a repeat was left out because the connection's quota did not allow for it.
    """

    def __init__(self, policy: RetryPolicy, operation: Operation, judge: Judge[T], notice: Notice) -> None:
        self.attempts = 0
        self.quota_exhausted = False
        self._policy = policy
        self._operation = operation
        self._judge = judge
        self._notice = notice
        self._deadline = policy.clock() + DEADLINES.get(operation, policy.deadline_seconds)
        self._verdict: Verdict | None = None
        self._once_used = False
        self._paid = 0

    def call(self, attempt: Callable[[float], T]) -> T:
        """Run ``attempt`` as often as the table and the bounds allow; the last answer or exception is the outcome.

        Each attempt is told the seconds that are left for it.
        """
        retrying = tenacity.Retrying(
            retry=self._is_wanted,
            wait=self._wait,
            stop=self._is_over,
            before_sleep=self._tell,
            sleep=self._policy.sleep,
            retry_error_callback=_outcome,
        )

        def counted() -> T:
            self.attempts += 1
            return attempt(max(self._deadline - self._policy.clock(), 0.001))

        result: T = retrying(counted)
        if self._verdict is None:  # a success fills the quota again: by what its repeats cost, or a little
            self._policy.quota.give_back(self._paid or 1)
        return result

    def _is_wanted(self, state: tenacity.RetryCallState) -> bool:
        """Whether the table allows a repeat after this outcome."""
        assert state.outcome is not None
        problem = state.outcome.exception()
        self._verdict = self._judge(problem if problem is not None else state.outcome.result())
        if self._verdict is None:
            return False
        allowed = action(self._operation, self._verdict.failure)
        if allowed is Action.ONCE:
            first, self._once_used = not self._once_used, True
            return first
        return allowed is Action.REPEAT

    def _wait(self, state: tenacity.RetryCallState) -> float:
        assert self._verdict is not None
        return self._policy.wait_seconds(self.attempts - 1, self._verdict.retry_after)

    def _is_over(self, state: tenacity.RetryCallState) -> bool:
        """Whether a bound is reached. The quota comes last, since asking it is paying."""
        assert self._verdict is not None
        policy = self._policy
        if self.attempts >= policy.attempts_of(self._operation):
            return True
        if policy.clock() + state.upcoming_sleep >= self._deadline:
            return True
        cost = RetryQuota.TIMEOUT_COST if self._verdict.timed_out else RetryQuota.COST
        self.quota_exhausted = not policy.quota.take(cost)
        self._paid += 0 if self.quota_exhausted else cost
        return self.quota_exhausted

    def _tell(self, state: tenacity.RetryCallState) -> None:
        assert self._verdict is not None
        self._notice(self.attempts, state.upcoming_sleep, self._verdict.reason)


def _outcome(state: tenacity.RetryCallState) -> Any:
    assert state.outcome is not None
    return state.outcome.result()
