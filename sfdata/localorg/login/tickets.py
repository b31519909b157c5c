"""Tickets: random texts that stand for something once, and not for long."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from sfdata.localorg.login.credentials import digest_of, random_text

T = TypeVar("T")

LENGTH = 43
MOST_TICKETS = 1000


class Tickets(Generic[T]):
    """Tickets good for ``seconds``, kept as digests; the oldest go when there are too many."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._tickets: dict[bytes, tuple[T, float]] = {}

    def issue(self, value: T) -> str:
        """A new ticket for ``value``."""
        ticket = random_text(LENGTH)
        with self._lock:
            self._tickets[digest_of(ticket)] = (value, self._clock() + self._seconds)
            if len(self._tickets) > MOST_TICKETS:
                del self._tickets[next(iter(self._tickets))]
        return ticket

    def redeem(self, ticket: str) -> T | None:
        """What ``ticket`` stands for; None where it is used, too old, or was never issued."""
        with self._lock:
            found = self._tickets.pop(digest_of(ticket), None)
        if found is None:
            return None
        value, deadline = found
        return value if self._clock() < deadline else None
