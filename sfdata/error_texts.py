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

MESSAGE_HINTS: Mapping[str, str] = {
    "must be of type dateTime and should not be": "An instant is written bare, 2024-01-31T00:00:00Z, or bound as a"
    " datetime with a time zone (:since); DAY_ONLY(field) compares days.",
    "must be of type date and should not be": "A day is written bare, 2024-01-31, or bound as a date (:since).",
    "must be of type boolean and should not be": "It is TRUE or FALSE, without quotes.",
    "and should not be enclosed in quotes": "Numbers stand without quotes.",
    "and should be enclosed in quotes": "Text stands in single quotes: 'Acme'; what is bound"
    " has to be text: str(…), .astype(str).",
    "only aggregate expressions use field aliasing": "Is a comma missing here? Only aggregates, and fields behind"
    " GROUP BY, can be given other names.",
    "Field must be grouped or aggregated": "Name the field behind GROUP BY, too, or aggregate it: MAX(field).",
    "can not be filtered in a query call": "An org searches no long texts: read the field, and filter the frame.",
    "can not be sorted in a query call": "Read the field, and sort the frame.",
    "can not be grouped in a query call": "Read the field, and group the frame.",
}
"""Next steps for what an org says of a query, by a part of its message; the first that is in it speaks."""


def caret_excerpt(text: str, line: int, column: int, width: int = 100) -> str:
    """The ``line`` of ``text`` with a caret under ``column`` (both from 1), cut to ``width`` around the place."""
    source = text.split("\n")[line - 1].replace("\t", " ").rstrip("\r")
    start = max(0, min(column - 1 - width // 2, len(source) - width))
    lead = "…" if start else ""
    tail = "…" if start + width < len(source) else ""
    return f"{lead}{source[start : start + width]}{tail}\n{' ' * (len(lead) + column - 1 - start)}^"


def either(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
