"""The limits resource: what the org allows and what is left.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_limits.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sfdata.errors import UnreadableAnswer
from sfdata.transport.http_session import HttpSession


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. ``per_app`` holds the share of each connected app, where the org counts them apart."""

    max: int
    remaining: int
    per_app: Mapping[str, Limit] = field(default_factory=dict)


def limits(session: HttpSession) -> dict[str, Limit]:
    """Every limit of the org by its name (``DailyApiRequests``), accurate to about five minutes.

    Raises:
        AccessDenied: the user lacks the permission to view setup.
    """
    answer = session.get(f"{session.data_path}/limits").json()
    if not isinstance(answer, dict):
        raise UnreadableAnswer("the answer holds no limits")
    return _limits(answer)


def _limits(answer: Mapping[str, Any]) -> dict[str, Limit]:
    return {
        name: Limit(entry["Max"], entry["Remaining"], _limits(entry))
        for name, entry in answer.items()
        if isinstance(entry, dict) and isinstance(entry.get("Max"), int) and isinstance(entry.get("Remaining"), int)
    }
