"""What errors say beside their message: the next step for a code, a place in a text, a choice in words."""

from __future__ import annotations

from collections.abc import Mapping

HINTS: Mapping[str, str] = {
    "INVALID_FIELD": 'Field names are API names; org.describe("Object").frame lists those this user can see.',
    "INVALID_TYPE": "Object names are API names (custom ones end in __c); org.describe() lists those that exist.",
    "INVALID_QUERY_LOCATOR": "Query cursors live two days at most. Run the query again.",
    "REQUEST_LIMIT_EXCEEDED": "org.limits() shows what is left; the daily count is a rolling 24-hour window.",
    "UNABLE_TO_LOCK_ROW": "Try again in a moment; another transaction holds the record or its parent.",
    "QUERY_TIMEOUT": "Make the query narrower: filter on an indexed field or select fewer formula fields.",
    "API_DISABLED_FOR_ORG": "The user needs the permission 'API Enabled', and the edition must include API access.",
    "invalid_client_id": "Check SF_CLIENT_ID: the consumer key of the external client app, in this very org.",
    "invalid_client": "Check SF_CLIENT_SECRET, and that the app allows the client credentials flow.",
    "app_not_found": "The external client app is not installed in this org; check SF_INSTANCE_URL and SF_CLIENT_ID.",
    "invalid_app_access": "An administrator must approve the app for this user's profile or a permission set.",
}


def caret_excerpt(text: str, line: int, column: int, width: int = 100) -> str:
    """The ``line`` of ``text`` with a caret under ``column`` (both from 1), cut to ``width`` around the place."""
    source = text.split("\n")[line - 1].replace("\t", " ").rstrip("\r")
    start = max(0, min(column - 1 - width // 2, len(source) - width))
    lead = "…" if start else ""
    tail = "…" if start + width < len(source) else ""
    return f"{lead}{source[start : start + width]}{tail}\n{' ' * (len(lead) + column - 1 - start)}^"


def either(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
