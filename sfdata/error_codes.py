"""From a server's ``errorCode`` to the exception it becomes; the only place that knows.

A code that is not in the table falls back to the category its HTTP status implies, and keeps its code.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sfdata.error_texts import MESSAGE_HINTS
from sfdata.errors import (
    AccessDenied,
    InvalidField,
    InvalidQueryLocator,
    InvalidType,
    MalformedQuery,
    NotFound,
    RequestLimitExceeded,
    ResponseError,
    RowLocked,
    ServerUnavailable,
    UnsupportedApiVersion,
)

BY_ERROR_CODE: Mapping[str, type[ResponseError]] = {
    "MALFORMED_QUERY": MalformedQuery,
    "INVALID_QUERY_FILTER_OPERATOR": MalformedQuery,
    "QUERY_TOO_COMPLICATED": MalformedQuery,
    "OPERATION_TOO_LARGE": MalformedQuery,
    "EXCEEDED_MAX_SEMIJOIN_SUBSELECTS": MalformedQuery,
    "NUMBER_OUTSIDE_VALID_RANGE": MalformedQuery,
    "INVALID_FIELD": InvalidField,
    "INVALID_TYPE": InvalidType,
    "INVALID_TYPE_FOR_OPERATION": InvalidType,
    "INVALID_QUERY_LOCATOR": InvalidQueryLocator,
    "QUERY_LOCATOR_EXPIRED": InvalidQueryLocator,
    "NOT_FOUND": NotFound,
    "ENTITY_IS_DELETED": NotFound,
    "INVALID_CROSS_REFERENCE_KEY": NotFound,
    "UNSUPPORTED_API_VERSION": UnsupportedApiVersion,
    "API_DISABLED_FOR_ORG": AccessDenied,
    "API_CURRENTLY_DISABLED": AccessDenied,
    "CLIENT_NOT_ACCESSIBLE_FOR_USER": AccessDenied,
    "INSUFFICIENT_ACCESS": AccessDenied,
    "INSUFFICIENT_ACCESS_OR_READONLY": AccessDenied,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": AccessDenied,
    "REQUEST_LIMIT_EXCEEDED": RequestLimitExceeded,
    "UNABLE_TO_LOCK_ROW": RowLocked,
    "SERVER_UNAVAILABLE": ServerUnavailable,
    "UNKNOWN_EXCEPTION": ServerUnavailable,
    "REQUEST_RUNNING_TOO_LONG": ServerUnavailable,
    "QUERY_TIMEOUT": ServerUnavailable,
}

_UNKNOWN_NAME = re.compile("No such column|Didn't understand relationship")


def response_error(status: int, errors: Iterable[Mapping[str, Any]]) -> ResponseError:
    """The exception for an error answer: the class by ``errorCode``, else by status; the first error leads."""
    listed = list(errors)
    first = listed[0] if listed else {}
    code = _code(first)
    # A query's excerpt may begin with blanks, which keep the caret below it in its place.
    message = str(first.get("message") or f"HTTP status {status}").lstrip("\r\n").rstrip()
    message += "".join(f"\nalso {_code(error)}: {error.get('message')}" for error in listed[1:])
    kind = BY_ERROR_CODE.get(code or "") or _by_status(status)
    error = kind(message, error_code=code, status=status, fields=first.get("fields") or ())
    told = next((hint for part, hint in MESSAGE_HINTS.items() if part in message), None)
    if told or (code == "INVALID_FIELD" and not _UNKNOWN_NAME.search(message)):
        error.hint = told  # a name that is right needs no list of names
    return error


def _code(error: Mapping[str, Any]) -> str | None:
    """Collections say ``statusCode`` where all else says ``errorCode``."""
    code = error.get("errorCode") or error.get("statusCode")
    return str(code) if code else None


def _by_status(status: int) -> type[ResponseError]:
    if status in (404, 410):
        return NotFound
    if status == 403:
        return AccessDenied
    if status >= 500 or status in (420, 429):
        return ServerUnavailable
    return ResponseError
