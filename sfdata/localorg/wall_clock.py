"""The time by which the org's logins go. A fault may put it wrong while one request is answered."""

from __future__ import annotations

import time
from contextvars import ContextVar

OFF_BY_SECONDS: ContextVar[float] = ContextVar("OFF_BY_SECONDS", default=0.0)


def seconds() -> float:
    """Seconds since 1970, as the org believes."""
    return time.time() + OFF_BY_SECONDS.get()
