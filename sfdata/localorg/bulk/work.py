"""A piece of work for a worker: the states it goes through, its counters and its time.

    waiting → running → done | failed        dropped from either of the first two

A job of Bulk API 2.0 is one, and so is a batch of Bulk API 1.0; each names the states in its own words. Whoever changes
the state, or writes for the work, holds its ``lock``, so that an abort comes between two chunks and never inside one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar

from sfdata.localorg.bulk.settings import JobSettings
from sfdata.localorg.bulk.writes import Outcome

FAILED = "Failed"
POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class States:
    """What an API calls the states of its work; `FAILED` is called so by all."""

    waiting: str
    running: str
    done: str


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What is to befall a job: it waits before its work, and ends in ``state`` after ``rows`` of its rows."""

    seconds: float = 0.0
    rows: int | None = None
    state: str = FAILED
    message: str | None = None


DISTURBANCE: ContextVar[Disturbance | None] = ContextVar("DISTURBANCE", default=None)
"""Befalls the job that is started while it is set."""


class Stopped(Exception):
    """The work is not under way any more; its worker has nothing left to do."""


@dataclass(eq=False, kw_only=True)
class Work:
    """``folder`` holds its files; ``unprocessed_from`` is where in the uploaded data the rest begins."""

    STATES: ClassVar[States]

    id: str
    settings: JobSettings
    created_by: str
    clock: Callable[[], datetime]
    folder: Path
    state: str
    created: datetime = field(init=False)
    changed: datetime = field(init=False)
    processed: int = 0
    failed: int = 0
    active_ms: float = 0.0
    total_ms: float = 0.0
    error: str | None = None
    unprocessed_from: int = 0
    removed: bool = False
    disturbance: Disturbance | None = None
    lock: RLock = field(default_factory=RLock)
    _started: float = 0.0

    def __post_init__(self) -> None:
        self.created = self.changed = self.clock()

    @property
    def data(self) -> Path:
        """Where the uploaded data are."""
        return self.folder / "data"

    @property
    def under_way(self) -> bool:
        return self.state == self.STATES.running

    def begin(self) -> None:
        """Start; what was aborted or deleted in the meantime is `Stopped`."""
        with self.lock:
            if self.state != self.STATES.waiting or self.removed:
                raise Stopped
            self._started = time.monotonic()
            self._become(self.STATES.running)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Inside, the work stays under way: one chunk of it and the bookkeeping."""
        with self.lock:
            if not self.under_way:
                raise Stopped
            started = time.monotonic()
            yield
            self.active_ms += (time.monotonic() - started) * 1000

    def count(self, outcomes: Collection[Outcome[Any]]) -> None:
        """Count rows that were written or refused."""
        self.processed += len(outcomes)
        self.failed += sum(bool(outcome.errors) for outcome in outcomes)

    def suffer(self) -> None:
        """Wait, or end, where the disturbance says so; then it is `Stopped`."""
        suffered = self.disturbance
        if suffered is None:
            return
        if not self.processed:
            _wait_while(lambda: self.under_way, suffered.seconds)
        if suffered.rows is not None and self.processed >= suffered.rows:
            with self.lock:
                if self.under_way:
                    self.error = suffered.message if suffered.state == FAILED else None
                    self._become(suffered.state)
            raise Stopped

    def complete(self) -> None:
        """End well, unless it was aborted."""
        self._finish(self.STATES.done)

    def fail(self, error: str) -> None:
        """End without having done all, unless it was aborted."""
        self._finish(FAILED, error)

    def _finish(self, state: str, error: str | None = None) -> None:
        with self.lock:
            if self.under_way:
                self.error = error
                self._become(state)

    def _become(self, state: str) -> None:
        if self._started:
            self.total_ms = (time.monotonic() - self._started) * 1000
        self.changed = self.clock()
        self.state = state


def _wait_while(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while holds() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
