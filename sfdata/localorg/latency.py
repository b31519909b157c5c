"""How long the org takes to answer, as if it were far away."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sfdata.errors import ConfigurationError

FORM = re.compile(r"(\d{1,5}(?:\.\d+)?)(?::(\d{1,5}(?:\.\d+)?))?", re.ASCII)
MOST_MILLISECONDS = 60_000


@dataclass(frozen=True, slots=True)
class Latency:
    """Each request waits ``milliseconds``, give or take up to ``jitter``."""

    milliseconds: float = 0.0
    jitter: float = 0.0

    @classmethod
    def parse(cls, given: Any) -> Latency:
        """A latency from a number of milliseconds or a text ``MS[:JITTER]``.

        Raises:
            ConfigurationError: it is neither, takes over a minute, or the jitter is more than the whole.
        """
        if isinstance(given, cls):
            return given
        form = FORM.fullmatch(str(given).strip())
        latency = cls(float(form[1]), float(form[2] or 0)) if form else None
        if latency is None or latency.jitter > latency.milliseconds or latency.milliseconds > MOST_MILLISECONDS:
            raise ConfigurationError(
                f"latency must be milliseconds up to {MOST_MILLISECONDS}, or with jitter as in 200:50, not {given!r}."
            )
        return latency

    def seconds(self, draw: Callable[[float, float], float] = random.uniform) -> float:
        """How long the next request waits."""
        return (self.milliseconds + draw(-self.jitter, self.jitter)) / 1000

    def wait(self) -> None:
        """Hold one request up."""
        if self.milliseconds:
            time.sleep(self.seconds())


NO_LATENCY = Latency()
