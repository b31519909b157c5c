"""What the core tells the outside: frozen events handed to whoever subscribed.

Progress lines, logs and counters subscribe; the core imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestDone:
    """An attempt got an answer: ``path`` without query string, ``seconds`` on the wire."""

    method: str
    path: str
    status: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """Attempt ``attempt`` failed with ``reason``; the next one starts in ``wait_seconds``."""

    method: str
    path: str
    attempt: int
    wait_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class TokenRenewed:
    """A new access token was fetched by ``flow``, for ``reason`` (``first use``, ``expiring``, ``refused``)."""

    flow: str
    reason: str


@dataclass(frozen=True, slots=True)
class RowsRead:
    """``rows`` of ``total`` have arrived; ``done`` with the last of them."""

    rows: int
    total: int
    done: bool


@dataclass(frozen=True, slots=True)
class JobState:
    """The job ``job`` is in ``state``; it has found, or processed, ``rows`` so far, where the org tells."""

    job: str
    state: str
    rows: int | None


@dataclass(frozen=True, slots=True)
class EngineChosen:
    """A query goes on through ``engine`` (``rest`` or ``bulk``), for ``reason``."""

    engine: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnitMoved:
    """Unit ``unit`` of a push, with ``rows`` rows, has come to ``phase``, in the ingest job ``job``."""

    push: str
    unit: int
    rows: int
    phase: str
    job: str | None


Event = RequestDone | RetryScheduled | TokenRenewed | RowsRead | JobState | EngineChosen | UnitMoved
Hook = Callable[[Event], None]


class Hooks:
    """The subscribers of one connection; calling it tells each of them, in order of subscription."""

    def __init__(self, *subscribers: Hook) -> None:
        self._subscribers: tuple[Hook, ...] = subscribers

    def subscribe(self, hook: Hook) -> Callable[[], None]:
        """Add ``hook``; the returned function takes it out again."""
        self._subscribers = (*self._subscribers, hook)

        def unsubscribe() -> None:
            self._subscribers = tuple(known for known in self._subscribers if known is not hook)

        return unsubscribe

    def __call__(self, event: Event) -> None:
        for hook in self._subscribers:
            hook(event)
