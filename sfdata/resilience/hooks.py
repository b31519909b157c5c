"""What the core tells the outside: frozen events handed to whoever subscribed.

Progress lines, logs and counters subscribe; the core imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["done", "refused", "unknown", "not sent"]
"""What is known of a write: ``refused`` and ``not sent`` have changed nothing, ``unknown`` may have."""


@dataclass(frozen=True, slots=True)
class RequestDone:
    """An attempt got an answer: ``path`` without query string, ``seconds`` on the wire."""

    method: str
    path: str
    status: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CallDone:
    """A call is over, with all its attempts: it has an answer, or an ``error`` (the name of its class).

    Attributes:
        id: ours, and no other call's; ``org_request_id`` is the org's own, where its answer tells one.
        path: without query string.
        status: of the last answer; None where none came.
        seconds: in all, waits between attempts included.
        sent, received: bytes of bodies on the wire.
    """

    id: str
    method: str
    path: str
    status: int | None
    seconds: float
    attempts: int
    sent: int
    received: int
    org_request_id: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class WriteDone:
    """A call that changes records is over. ``outcome`` is of the call; its answer tells of single records.

    Attributes:
        id, org_request_id: as in `CallDone`.
        operation: what the call is for the retry: ``create``, ``update`` …
        body, answer, query: as they were on the wire, with field values in them; ``query`` is the address's.
        error: the class of what is raised, and ``error_code`` Salesforce's code in it.
    """

    id: str
    operation: str
    method: str
    path: str
    outcome: Outcome
    status: int | None = None
    body: bytes | None = field(default=None, repr=False)
    answer: bytes = field(default=b"", repr=False)
    org_request_id: str | None = None
    error: str | None = None
    error_code: str | None = None
    query: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class StatementSent:
    """The statement ``soql`` goes to the org, through ``engine`` (``rest`` or ``bulk``)."""

    engine: str
    soql: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """Attempt ``attempt`` failed with ``reason``; the next one starts in ``wait_seconds``."""

    method: str
    path: str
    attempt: int
    wait_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class LimitNeared:
    """``used`` of what ``limit`` (``DailyApiRequests``) allows has come to the next of the shares that are told."""

    limit: str
    used: int
    allowed: int


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
    """A query or a push goes on through ``engine`` (``rest``, ``collections`` or ``bulk``), for ``reason``."""

    engine: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnitMoved:
    """Unit ``unit`` of a push, with ``rows`` rows, has come to ``phase``, in the ingest job ``job`` or in a call."""

    push: str
    unit: int
    rows: int
    phase: str
    job: str | None


@dataclass(frozen=True, slots=True)
class PushMoved:
    """A push is in another ``state``: ``begun``, ``finished``, ``needs_attention`` or ``stopped``.

    Attributes:
        counts: rows of each outcome, at its end.
        jobs: the ingest jobs it has made.
        error: the class of what stopped it.
    """

    push: str
    object: str
    operation: str
    key: str | None
    rows: int
    state: str
    counts: Mapping[str, int] | None = None
    jobs: tuple[str, ...] = ()
    error: str | None = None


Event = (
    RequestDone
    | CallDone
    | WriteDone
    | StatementSent
    | RetryScheduled
    | LimitNeared
    | TokenRenewed
    | RowsRead
    | JobState
    | EngineChosen
    | UnitMoved
    | PushMoved
)
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
