"""What a connection takes from its machine: time, waiting, chance. Given at one place, so that a run can be replayed.

What has to stay unknown to others (the state and the verifier of a login) is not chance, and is no part of it.
"""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from sfdata import stop


@dataclass(frozen=True, slots=True)
class Runtime:
    """The machine as a connection sees it; `HttpSession.runtime` hands it to everything above.

    Attributes:
        clock: monotonic seconds, for ages, waits and deadlines: no jump of the machine's clock reaches them.
        now: epoch seconds, for what is compared with the org's clock or written down.
        sleep: waits so many seconds, or until nobody waits for this thread (`sfdata.stop`).
        wait: waits for an event, so many seconds at most; whether it happened.
        chance: where random numbers come from.
    """

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = stop.sleep
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait
    chance: random.Random = field(default_factory=random.SystemRandom)  # a forked process must not repeat our names

    @classmethod
    def seeded(cls, seed: int, begins_at: float = 1_800_000_000.0) -> Self:
        """A run that ``seed`` replays, in a time that passes by waiting alone; it begins at epoch ``begins_at``."""
        passed = _Passed()

        def wait(event: threading.Event, seconds: float) -> bool:
            if not event.is_set():
                passed.sleep(seconds)
            return event.is_set()

        return cls(passed, lambda: begins_at + passed(), passed.sleep, wait, random.Random(seed))  # noqa: S311

    def moment(self) -> dt.datetime:
        """Now, in UTC."""
        return dt.datetime.fromtimestamp(self.now(), dt.UTC)

    def name(self) -> str:
        """Twelve hexadecimal digits that nobody has drawn before."""
        return f"{self.chance.getrandbits(48):012x}"


class _Passed:
    """Seconds that only sleeping adds to; threads may share them."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._seconds += max(seconds, 0.0)
