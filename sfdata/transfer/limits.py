"""An org's limits as a user meets them: a table, what is left for this connection, and a question before a long job."""

from __future__ import annotations

from difflib import get_close_matches

import pandas as pd

from sfdata.api import limits as limits_api
from sfdata.errors import ConfigurationError, NotEnoughLeft
from sfdata.resilience.limits import API_CALLS, ApiUsage
from sfdata.transport.http_session import HttpSession

FRESH_SECONDS = 300.0
"""How old the number of API calls used may be before it is asked for; the org counts no finer."""


class OrgLimits:
    """The limits of one org, by one connection.

        org.limits()                          # all of them, as a DataFrame: one API call
        org.limits.usage                      # ApiUsage(used=18, allowed=15000, …), as an answer told it last
        org.limits.check_available(20_000)    # before a long job: raises if the org has fewer left

    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_limits.htm
    """

    def __init__(self, session: HttpSession) -> None:
        self._session = session

    def __call__(self) -> pd.DataFrame:
        """One row for each limit: ``max``, ``remaining`` and the share ``used`` (missing where max is 0)."""
        limits = limits_api.limits(self._session)
        index = pd.Index(list(limits), name="limit", dtype="str")
        counts = {"max": [one.max for one in limits.values()], "remaining": [one.remaining for one in limits.values()]}
        frame = pd.DataFrame(counts, index=index, dtype="Int64")
        frame["used"] = 1 - frame["remaining"] / frame["max"].replace(0, pd.NA)
        return frame

    @property
    def usage(self) -> ApiUsage | None:
        """The API calls of the last 24 hours, as an answer told them last; None before the first."""
        return self._session.limits.last

    @property
    def stale(self) -> bool:
        """Whether the latest answer told nothing of the calls used, so that `usage` is older."""
        return self._session.limits.stale

    @property
    def reserve(self) -> int:
        """API calls of the org that this connection leaves to others."""
        return self._session.limits.reserve

    @property
    def left(self) -> int | None:
        """API calls that may still be made, the reserve not among them; None before the first answer."""
        return self._session.limits.left

    def check_available(self, amount: int = 1, limit: str = API_CALLS) -> int:
        """What is left of a limit, if it is at least ``amount``.

        API calls are held to the reserve and to the connection's budget, too; the org is asked where no answer of the
        last five minutes has told. For the other limits it is asked each time.

        Args:
            limit: its name in the table, such as ``"DailyBulkV2QueryJobs"`` or ``"DataStorageMB"``.

        Raises:
            NotEnoughLeft: it is less.
            BudgetExceeded: the connection may not make as many calls.
            ConfigurationError: the org has no limit of that name.
        """
        if limit == API_CALLS:
            return self._api_calls(amount)
        limits = limits_api.limits(self._session)
        if limit not in limits:
            near = get_close_matches(limit, limits, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else "org.limits() lists them."
            raise ConfigurationError(f"the org has no limit named {limit!r}", hint=hint)
        left = limits[limit].remaining
        if left < amount:
            raise NotEnoughLeft("the job", amount, left, 0, limit)
        return left

    def _api_calls(self, amount: int) -> int:
        session, usage = self._session, self.usage
        if usage is None or self.stale or session.runtime.now() - usage.read_at > FRESH_SECONDS:
            limits_api.limits(session)
        session.budget.require(amount, "the job")
        known = [left for left in (self.left, session.budget.remaining) if left is not None]
        return min(known, default=amount)

    def __repr__(self) -> str:
        usage = self.usage
        told = "not told yet" if usage is None else f"{usage.used:,} of {usage.allowed:,} used"
        return f"OrgLimits(API calls of the last 24 hours: {told})"
