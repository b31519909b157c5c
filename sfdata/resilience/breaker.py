"""The circuit breaker: an org that keeps failing is left alone for a while, then asked once.

A refusal (any 4xx) is an answer and no failure: the org lives. States and words as in
https://martinfowler.com/bliki/CircuitBreaker.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sfdata.errors import CircuitOpen


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    opened_at: float | None = None
    probing: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to make one request to ``origin``. ``probe``: it is the one that an open circuit lets through."""

    origin: str
    probe: bool = False


class CircuitBreaker:
    """One circuit per origin (``https://acme.my.salesforce.com``), safe to share between threads.

    Args:
        threshold: failures in a row that open a circuit.
        open_seconds: how long it stays open before one probe is let through.
        clock: monotonic seconds.
    """

    def __init__(
        self, threshold: int = 5, open_seconds: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = threshold
        self._open_seconds = open_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._circuits: dict[str, _Circuit] = {}

    def admit(self, origin: str) -> Admission:
        """Let a request pass, as the one probe where the circuit has been open long enough.

        Every admission ends in `succeeded`, `failed` or `abandoned`.

        Raises:
            CircuitOpen: the origin is being left alone.
        """
        with self._lock:
            circuit = self._circuits.setdefault(origin, _Circuit())
            if circuit.opened_at is None:
                return Admission(origin)
            left = circuit.opened_at + self._open_seconds - self._clock()
            if left <= 0 and not circuit.probing:
                circuit.probing = True
                return Admission(origin, probe=True)
            when = f"in {left:.0f} s" if left > 0 else "when the request under way has been answered"
        raise CircuitOpen(
            f"{origin} failed {circuit.failures} times in a row and is not asked again for now",
            hint=f"It will be tried again {when}.",
        )

    def succeeded(self, admission: Admission) -> None:
        """The origin answered: the circuit closes."""
        with self._lock:
            self._circuits[admission.origin] = _Circuit()

    def failed(self, admission: Admission) -> None:
        """No usable answer: one more in the row; at the threshold, or as the probe, it opens the circuit.

        What was under way when the circuit opened tells nothing new.
        """
        with self._lock:
            circuit = self._circuits[admission.origin]
            if circuit.opened_at is not None and not admission.probe:
                return
            circuit.failures += 1
            circuit.probing = False
            if circuit.failures >= self._threshold:
                circuit.opened_at = self._clock()

    def abandoned(self, admission: Admission) -> None:
        """The request was given up before it could tell anything (Ctrl-C): where it was the probe, another may be."""
        with self._lock:
            if admission.probe:
                self._circuits[admission.origin].probing = False
