"""What became of one request: no way in, no usable answer, or an answer that says no."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sfdata.errors.root import SalesforceError


class AuthenticationError(SalesforceError):
    """The org does not let this user in."""


class LoginRefused(AuthenticationError):
    """The token endpoint refused the grant. ``error_code`` is the OAuth ``error``."""


class LoginRequired(LoginRefused):
    """The refresh token is no longer good: somebody has to log in again."""


class ClockSkew(LoginRefused):
    """The login was refused, and this computer's clock and the login host's differ.

    Attributes:
        seconds: how far this computer is behind the host; negative where it is ahead.
    """

    def __init__(
        self, message: str, seconds: float, *, error_code: str | None = None, status: int | None = None
    ) -> None:
        direction = "behind" if seconds > 0 else "ahead of"
        super().__init__(
            f"{message}; this computer's clock is {abs(seconds):,.0f} seconds {direction} the login host's",
            error_code=error_code,
            status=status,
            hint="Set this computer's clock. The login was tried by the host's time as well, and refused again.",
        )
        self.seconds = seconds


class SessionExpired(AuthenticationError):
    """The org called the session invalid, and a new login did not help."""


class TransportError(SalesforceError):
    """The request did not lead to a usable answer."""


class ConnectionFailed(TransportError):
    """No connection: nobody listens there, the name does not resolve, or TLS was refused."""


class RequestTimeout(TransportError):
    """No complete answer within the time allowed."""


class CircuitOpen(TransportError):
    """The org failed several times in a row and is left alone for a while."""


class UnreadableAnswer(TransportError):
    """The answer is truncated, undecodable or not of the form the request asks for."""


class OutcomeUnknown(TransportError):
    """A write was sent, and no answer tells whether it was done. It was not repeated where that could do it twice.

    Attributes:
        sent: what was sent: rows as they were given, Ids, or subrequests.
        answered: an answer came, whole, that does not fit what was sent: asking again would tell no more.
    """

    def __init__(
        self,
        message: str,
        sent: Iterable[Any] = (),
        *,
        error_code: str | None = None,
        status: int | None = None,
        answered: bool = False,
    ) -> None:
        hint = "Look in the org before sending it again: by an external id, or by who changed what at that time."
        super().__init__(f"{message}; it may have been done", error_code=error_code, status=status, hint=hint)
        self.sent = tuple(sent)
        self.answered = answered


class ResponseError(SalesforceError):
    """The org answered with an error. ``error_code`` is Salesforce's, ``fields`` the fields it names.

    See https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
    """

    def __init__(
        self,
        message: str,
        *,
        error_code: str | None = None,
        status: int | None = None,
        hint: str | None = None,
        fields: Iterable[str] = (),
    ) -> None:
        super().__init__(message, error_code=error_code, status=status, hint=hint)
        self.fields = tuple(fields)


class MalformedQuery(ResponseError):
    """The org could not parse the query, or the query asks for something SOQL does not allow."""


class InvalidField(ResponseError):
    """The object has no such field, or this user may not see it."""


class InvalidType(ResponseError):
    """There is no such object, or this user may not see it."""


class InvalidQueryLocator(ResponseError):
    """The query cursor is unknown or has expired; the query must be run again."""


class NotFound(ResponseError):
    """No such record, or no such resource."""


class UnsupportedApiVersion(NotFound):
    """The API version this connection is pinned to is not served by the org."""


class Conflict(ResponseError):
    """The record was changed by somebody else since it was read; nothing was written."""


class AccessDenied(ResponseError):
    """The user or the connected app lacks a permission."""


class RequestLimitExceeded(ResponseError):
    """The org's API calls are used up for now: those of the last 24 hours, or those at a time.

    Attributes:
        used, allowed: calls of the last 24 hours, where the org told; of its connected app, where that has fewer.
        seconds: how long this connection sends nothing but questions for the limits.
    """

    used: int | None = None
    allowed: int | None = None
    seconds: float | None = None


class RowLocked(ResponseError):
    """Another transaction holds the record."""


class ServerUnavailable(ResponseError):
    """The org is busy, in maintenance or broken."""
