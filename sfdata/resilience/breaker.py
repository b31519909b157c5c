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

    def admit(self, origin: str) -> None:
        """Let a request pass, as the one probe where the circuit has been open long enough.

        Every admitted request ends in `succeeded`, `failed` or `abandoned`.

        Raises:
            CircuitOpen: the origin is being left alone.
        """
        with self._lock:
            circuit = self._circuits.setdefault(origin, _Circuit())
            if circuit.opened_at is None:
                return
            left = circuit.opened_at + self._open_seconds - self._clock()
            if left <= 0 and not circuit.probing:
                circuit.probing = True
                return
            when = f"in {left:.0f} s" if left > 0 else "when the request under way has been answered"
        raise CircuitOpen(
            f"{origin} failed {circuit.failures} times in a row and is not asked again for now",
            hint=f"It will be tried again {when}.",
        )

    def succeeded(self, origin: str) -> None:
        """The origin answered: the circuit closes."""
        with self._lock:
            self._circuits[origin] = _Circuit()

    def failed(self, origin: str) -> None:
        """No usable answer: one more in the row; at the threshold, or as a probe, it opens the circuit."""
        with self._lock:
            circuit = self._circuits.setdefault(origin, _Circuit())
            circuit.failures += 1
            circuit.probing = False
            if circuit.failures >= self._threshold:
                circuit.opened_at = self._clock()

    def abandoned(self, origin: str) -> None:
        """The request was given up before it could tell anything (Ctrl-C): another may probe."""
        with self._lock:
            self._circuits.setdefault(origin, _Circuit()).probing = False
