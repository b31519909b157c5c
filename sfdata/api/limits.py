"""The limits resource: what the org allows and what is left.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_limits.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sfdata.errors import UnreadableAnswer
from sfdata.resilience.limits import Limit
from sfdata.transport.http_session import HttpSession


def limits(session: HttpSession) -> dict[str, Limit]:
    """Every limit of the org by its name (``DailyApiRequests``), accurate to about five minutes.

    Raises:
        AccessDenied: the user lacks the permission to view setup.
    """
    answer = session.get(f"{session.data_path}/limits").json()
    if not isinstance(answer, dict):
        raise UnreadableAnswer("the answer holds no limits")
    told = _limits(answer)
    session.limits.learn(told)
    return told


def _limits(answer: Mapping[str, Any]) -> dict[str, Limit]:
    return {
        name: Limit(entry["Max"], entry["Remaining"], _limits(entry))
        for name, entry in answer.items()
        if isinstance(entry, dict) and isinstance(entry.get("Max"), int) and isinstance(entry.get("Remaining"), int)
    }
