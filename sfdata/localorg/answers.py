"""The error answers of the local org: one exception, one wire form.

Every refusal inside the org is an `ApiError`; the server turns it into Salesforce's list of errors in one place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class ApiError(Exception):
    """A refusal: HTTP ``status``, Salesforce's ``error_code`` and message, the ``fields`` it names."""

    def __init__(self, status: int, error_code: str, message: str, fields: Iterable[str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.fields = None if fields is None else list(fields)

    def body(self) -> list[dict[str, Any]]:
        """The answer's JSON: a list of one error."""
        error: dict[str, Any] = {"message": self.message, "errorCode": self.error_code}
        if self.fields is not None:
            error["fields"] = self.fields
        return [error]


def not_found() -> ApiError:
    """The answer for a path that leads nowhere."""
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")
