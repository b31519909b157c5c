"""How many API calls a connection may make: counted before each is sent, and refused at the bound.

An org's calls of the day are everybody's. What a notebook may take of them, its connection keeps to by itself.
"""

from __future__ import annotations

import operator
import threading

from sfdata.errors import BudgetExceeded, ConfigurationError
from sfdata.resilience.limits import LimitsTracker


class Budget:
    """The API calls of one connection; threads may share it.

        org.budget                      # Budget(18 of 500 API calls used)
        org.budget.allowed += 200       # go on
        org.budget.allowed = None       # without a bound

    Every request to the org counts when it is sent, and so does each time it is repeated; logins do not, as with the
    org's own count: https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_api.htm

    Args:
        allowed: calls from the connection's beginning on; None for no bound.

    Raises:
        ConfigurationError: ``allowed`` is no number of calls.
    """

    def __init__(self, allowed: int | None = None) -> None:
        self._lock = threading.Lock()
        self._used = 0
        self._allowed = _calls(allowed)
        self.limits: LimitsTracker | None = None
        """The org's own count, which no budget goes beyond."""

    @property
    def used(self) -> int:
        """Calls sent so far."""
        return self._used

    @property
    def allowed(self) -> int | None:
        """Calls that may be sent in all, those already used among them; None for no bound."""
        return self._allowed

    @allowed.setter
    def allowed(self, calls: int | None) -> None:
        self._allowed = _calls(calls)

    @property
    def remaining(self) -> int | None:
        """Calls that may still be sent; None for no bound."""
        allowed = self._allowed
        return None if allowed is None else max(allowed - self._used, 0)

    def spend(self) -> None:
        """Count a call that is about to be sent.

        Raises:
            BudgetExceeded: there is none left; nothing is counted.
        """
        with self._lock:
            if self._allowed is not None and self._used >= self._allowed:
                raise BudgetExceeded("the next request", 1, self._used, self._allowed)
            self._used += 1

    def require(self, calls: int, what: str, *, repeated: int = 0) -> None:
        """Refuse ``what`` (``"the other pages"``) where it needs more ``calls`` than are left; nothing is counted.

        Whoever goes on after the refusal makes ``repeated`` calls once more, for which the error's hint allows.

        Raises:
            BudgetExceeded: it does.
            NotEnoughLeft: the org has not as many left, its reserve not included.
        """
        with self._lock:
            if self._allowed is not None and self._used + calls > self._allowed:
                raise BudgetExceeded(what, calls, self._used, self._allowed, repeated=repeated)
        if self.limits is not None:
            self.limits.require(calls, what)

    def allows(self, calls: int) -> bool:
        """Whether as many calls are left, here and in the org, as far as is known."""
        in_the_org = None if self.limits is None else self.limits.left
        return all(left is None or calls <= left for left in (self.remaining, in_the_org))

    def __repr__(self) -> str:
        bound = "" if self._allowed is None else f" of {self._allowed:,}"
        return f"Budget({self._used:,}{bound} API calls used)"


def _calls(number: int | None) -> int | None:
    if number is None:
        return None
    if isinstance(number, bool) or not hasattr(number, "__index__") or operator.index(number) < 0:
        raise ConfigurationError(f"a budget is a number of API calls, or None for no bound, not {number!r}")
    return operator.index(number)
