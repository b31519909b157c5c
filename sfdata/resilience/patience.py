"""How long to wait for a job of the org, and between which questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """The waits before one question to a job and the next.

    Attributes:
        first_seconds, longest_seconds: the first wait, and what the waits grow up to.
        growth: how many times as long each is as the one before.
        deadline_seconds: how long in all; None waits for ever.
        unanswered: questions in a row that may fail, each repeated as any read is, before the job is given up: about
            five minutes of waits.
    """

    first_seconds: float = 0.2
    longest_seconds: float = 30.0
    growth: float = 1.25
    deadline_seconds: float | None = None
    unanswered: int = 28

    def pauses(self) -> Iterator[float]:
        """The waits, in seconds, without end."""
        pause = self.first_seconds
        while True:
            yield pause
            pause = min(pause * self.growth, self.longest_seconds)
