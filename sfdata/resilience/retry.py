"""When a request is made again: one table, and the loop that obeys it. Nothing else in sfdata repeats a request.

A failure is classified first; the table then says what an operation may do about it. Waiting is exponential with full
jitter, the org's ``Retry-After`` is honoured up to a cap, and attempts, time and a quota shared by the connection
bound the whole. Clock, sleep and randomness are injected, so a test of a long outage takes no time.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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

DEADLINES: Mapping[Operation, float] = {Operation.BULK_RESULT: 6 * 3600.0}
"""Seconds for an operation with all its repeats, where that is not the policy's: a file may take long to arrive."""


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


def retry_after(value: str | None, now: float) -> float | None:
    """The seconds a ``Retry-After`` header asks for, given as a number or as a date; None when it says nothing.

    ``now`` is epoch seconds. The past counts as now; the caller caps the future.
    """
    if not value:
        return None
    try:
        wanted = float(value)
    except ValueError:
        try:
            wanted = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return None if math.isnan(wanted) else max(wanted, 0.0)


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
        attempts: in all, the first included.
        base_seconds, cap_seconds: wait ``uniform(0, min(cap, base · 2^n))`` before repeat ``n`` (from 0).
        retry_after_cap_seconds: longest ``Retry-After`` obeyed; a longer one is shortened to it.
        deadline_seconds: no wait that would end later than this after the start; `DEADLINES` has the exceptions.
    """

    attempts: int = 4
    base_seconds: float = 0.25
    cap_seconds: float = 20.0
    retry_after_cap_seconds: float = 60.0
    deadline_seconds: float = 120.0
    quota: RetryQuota = field(default_factory=RetryQuota)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    uniform: Callable[[float, float], float] = random.uniform

    def call(self, operation: Operation, attempt: Callable[[], T], judge: Judge[T], notice: Notice) -> T:
        """Run ``attempt`` as often as the table and the bounds allow; the last answer or exception is the outcome."""
        run = _Run(self, operation, judge, notice)
        retrying = tenacity.Retrying(
            retry=run.wanted,
            wait=run.wait,
            stop=run.over,
            before_sleep=run.tell,
            sleep=self.sleep,
            retry_error_callback=_outcome,
        )
        result: T = retrying(attempt)
        run.settle()
        return result

    def wait_seconds(self, repeat: int, retry_after: float | None = None) -> float:
        """How long to wait before repeat ``repeat`` (from 0)."""
        backoff = self.uniform(0.0, min(self.cap_seconds, self.base_seconds * 2**repeat))
        return max(backoff, min(retry_after or 0.0, self.retry_after_cap_seconds))


class _Run(Generic[T]):
    """One call under a policy: tenacity asks its questions here."""

    def __init__(self, policy: RetryPolicy, operation: Operation, judge: Judge[T], notice: Notice) -> None:
        self._policy = policy
        self._operation = operation
        self._judge = judge
        self._notice = notice
        self._started = policy.clock()
        self._verdict: Verdict | None = None
        self._once_used = False
        self._paid = 0

    def wanted(self, state: tenacity.RetryCallState) -> bool:
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

    def wait(self, state: tenacity.RetryCallState) -> float:
        assert self._verdict is not None
        return self._policy.wait_seconds(state.attempt_number - 1, self._verdict.retry_after)

    def over(self, state: tenacity.RetryCallState) -> bool:
        """Whether a bound is reached. The quota comes last, since asking it is paying."""
        policy = self._policy
        if state.attempt_number >= policy.attempts:
            return True
        deadline = DEADLINES.get(self._operation, policy.deadline_seconds)
        if policy.clock() - self._started + state.upcoming_sleep > deadline:
            return True
        assert self._verdict is not None
        cost = RetryQuota.TIMEOUT_COST if self._verdict.timed_out else RetryQuota.COST
        if not policy.quota.take(cost):
            return True
        self._paid += cost
        return False

    def tell(self, state: tenacity.RetryCallState) -> None:
        assert self._verdict is not None
        self._notice(state.attempt_number, state.upcoming_sleep, self._verdict.reason)

    def settle(self) -> None:
        """After a success, fill the quota again: by what the repeats cost, or a little."""
        if self._verdict is None:
            self._policy.quota.give_back(self._paid or 1)


def _outcome(state: tenacity.RetryCallState) -> Any:
    assert state.outcome is not None
    return state.outcome.result()
