"""Every exception sfdata raises.

    SalesforceError                     the root: catch this one
    ├── ConfigurationError              a setting is missing, malformed or contradicts another
    │   ├── MissingCredentials          nothing says who is logging in
    │   ├── InsecureUrl                 plain http to anything but this machine
    │   └── PushRefused                 rows that cannot be written, or are certain to fail; nothing was sent
    ├── SoqlError                       the query text, before anything is sent
    │   ├── SoqlSyntaxError             what was found, what was expected, and where
    │   ├── BindError                   a :name without a value, or with one that is no SOQL literal
    │   ├── QueryTooLong                more characters than a statement may have, and no way to split it
    │   ├── NotServable                 the engine asked for cannot answer such a query
    │   └── NotIncremental              since() cannot tell what changes in the query's result
    ├── BookmarkError                   a bookmark that is none, belongs elsewhere, or is not there yet
    │   └── BookmarkExpired             too old: what was deleted since then is no longer known
    ├── AuthenticationError             the org does not let us in
    │   ├── LoginRefused                the token endpoint said no
    │   └── SessionExpired              INVALID_SESSION_ID after a fresh login
    ├── TransportError                  no usable answer
    │   ├── ConnectionFailed            nobody listens, no such host, TLS refused
    │   ├── RequestTimeout              no complete answer in time
    │   ├── CircuitOpen                 the org failed too often; not asked again for a while
    │   ├── UnreadableAnswer            truncated, not JSON, not what the request asks for
    │   └── OutcomeUnknown              a write was sent, and whether it was done nobody knows
    ├── ResponseError                   the org answered with an errorCode
    │   ├── MalformedQuery              MALFORMED_QUERY and its relatives
    │   ├── InvalidField                no such field, or hidden from this user
    │   ├── InvalidType                 no such object, or hidden from this user
    │   ├── InvalidQueryLocator         the cursor is unknown or older than two days
    │   ├── NotFound                    no such record or resource
    │   │   └── UnsupportedApiVersion   the pinned API version is not served
    │   ├── Conflict                    the record is no longer as the writer knew it
    │   ├── AccessDenied                the user may not
    │   ├── RequestLimitExceeded        the org's calls for the day are spent
    │   ├── RowLocked                   another transaction holds the record
    │   └── ServerUnavailable           the org is busy, in maintenance or broken
    ├── BudgetExceeded                  more API calls than this connection may make; not sent
    ├── IncompleteResult                a read that cannot prove that it is whole
    ├── SeveralRecords                  more than one record has the key
    ├── BulkJobFailed                   a query job that ended without its rows
    ├── ResultsGone                     a job, or its results, that the org no longer has
    ├── SpoolFailed                     the disk does not take what arrives
    ├── StillRunning                    the deadline passed while the org was still at work
    └── PushError                       a push that did not come to its end, or not to a good one
        ├── PushStopped                 stopped on this side; nothing is stopped in the org
        ├── PushUnderWay                somebody else takes it further right now
        └── PushFailed                  at its end, with rows that were not written

    ResultTruncated                     a warning: the caller's own bound left rows out
    RowsWillFail                        a warning: rows that are pushed though they are certain to fail

A server's ``errorCode`` becomes a class in one place, `sfdata.error_codes`. No message ever holds a token, a key or a
password.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from sfdata.error_texts import HINTS, caret_excerpt, either


class SalesforceError(Exception):
    """Anything that went wrong between a notebook and an org.

    Attributes:
        message: one sentence for the person who reads it.
        error_code: Salesforce's ``errorCode`` (or OAuth ``error``), where there is one.
        status: the HTTP status, where there was an answer.
        hint: the next step, where one is known.
    """

    def __init__(
        self, message: str, *, error_code: str | None = None, status: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code
        self.status = status
        self.hint = hint if hint is not None else HINTS.get(error_code or "")

    def __str__(self) -> str:
        head = f"{self.error_code}: {self.message}" if self.error_code else self.message
        return f"{head}\nHint: {self.hint}" if self.hint else head

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is copied and pickled by calling its class with ``args``, which cannot carry keyword arguments.
        return _restored, (type(self), self.args, self.__dict__)


class ConfigurationError(SalesforceError, ValueError):
    """A setting is missing, malformed or contradicts another one."""


class MissingCredentials(ConfigurationError):
    """Nothing given says who is logging in."""


class InsecureUrl(ConfigurationError):
    """A token would travel over plain http to another machine."""


class Problem(NamedTuple):
    """One reason why a frame cannot be pushed.

    Attributes:
        reason: what is wrong, in words that need not repeat the place.
        column: the frame's column; None where the frame or a whole row is meant.
        position: the row, counted from 0; None where all rows are meant.
        label: the row's label in the index of a DataFrame.
    """

    reason: str
    column: str | None = None
    position: int | None = None
    label: Hashable = None

    def __str__(self) -> str:
        column = [] if self.column is None else [self.column]
        named = "" if self.label is None or self.label == self.position else f" ({self.label!r})"
        row = [] if self.position is None else [f"row {self.position}{named}"]
        place = ", ".join(column + row)
        return f"{place}: {self.reason}" if place else self.reason


class PushRefused(ConfigurationError):
    """A frame has no faithful form that the org would accept; nothing was sent.

    Attributes:
        problems: every `Problem` found, up to a number that nobody reads.
    """

    SHOWN = 5

    def __init__(self, problems: Iterable[Problem], *, hint: str | None = None) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - self.SHOWN
        lines = [str(problem) for problem in self.problems[: self.SHOWN]]
        lines += [f"and {more} more, in .problems"] if more > 0 else []
        super().__init__("\n".join(lines), hint=hint)


class SoqlError(SalesforceError, ValueError):
    """The query text is wrong; nothing was sent."""


class SoqlSyntaxError(SoqlError):
    """The query does not parse.

    Attributes:
        text: the query.
        offset: where, in characters from its beginning.
        line, column: the same, both counted from 1.
        expected: what would have been accepted there, in words.
        found: what stands there instead.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str,
        offset: int,
        expected: Iterable[str] = (),
        found: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, error_code="MALFORMED_QUERY", hint=hint)
        self.text = text
        self.offset = offset
        self.line = text.count("\n", 0, offset) + 1
        self.column = offset - (text.rfind("\n", 0, offset) + 1) + 1
        self.expected = tuple(expected)
        self.found = found

    @property
    def excerpt(self) -> str:
        """The line in question, with a caret under the place."""
        return caret_excerpt(self.text, self.line, self.column)

    def __str__(self) -> str:
        wanted = f"; expected {either(self.expected)}" if self.expected else ""
        hint = f"\nHint: {self.hint}" if self.hint else ""
        return f"{self.message} at line {self.line}, column {self.column}{wanted}\n{self.excerpt}{hint}"


class BindError(SoqlError):
    """A ``:name`` in the query has no value, or one that cannot be written as a SOQL literal."""


class QueryTooLong(SoqlError):
    """The query has more characters than a statement may have, and several statements cannot bring the same rows."""


class NotServable(SoqlError):
    """The engine asked for cannot answer such a query; nothing was sent."""


class NotIncremental(SoqlError):
    """``since()`` cannot tell what changes in this query's result; it has to be read as a whole."""


class BookmarkError(SalesforceError, ValueError):
    """A bookmark is garbled, belongs to another org or query, or is asked for before the rows were handed over."""


class BookmarkExpired(BookmarkError):
    """Since this bookmark, rows may have been deleted of which the org keeps no trace; everything must be read anew."""


class AuthenticationError(SalesforceError):
    """The org does not let this user in."""


class LoginRefused(AuthenticationError):
    """The token endpoint refused the grant. ``error_code`` is the OAuth ``error``."""


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
    """

    def __init__(
        self, message: str, sent: Iterable[Any] = (), *, error_code: str | None = None, status: int | None = None
    ) -> None:
        hint = "Look in the org before sending it again: by an external id, or by who changed what at that time."
        super().__init__(f"{message}; it may have been done", error_code=error_code, status=status, hint=hint)
        self.sent = tuple(sent)


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
    """The org's API calls are used up for now."""


class RowLocked(ResponseError):
    """Another transaction holds the record."""


class ServerUnavailable(ResponseError):
    """The org is busy, in maintenance or broken."""


class BudgetExceeded(SalesforceError):
    """The connection's own bound on API calls does not allow for what was to be sent; it was not sent.

    Attributes:
        needed: API calls that it takes; ``repeated`` more that have been made already, and are to be made again.
        used: calls this connection has made.
        allowed: calls it may make in all.
    """

    def __init__(self, what: str, needed: int, used: int, allowed: int, *, repeated: int = 0) -> None:
        calls = "1 API call" if needed == 1 else f"{needed:,} API calls"
        left = f"{max(allowed - used, 0):,} of its {allowed:,} left"
        room = used + repeated + needed - allowed
        super().__init__(
            f"{what} would take {calls}, and this connection has {left}: not sent",
            hint=f"org.budget.allowed += {room} makes room; query.cost() tells beforehand what a query takes.",
        )
        self.needed = needed
        self.used = used
        self.allowed = allowed
        self.repeated = repeated


class IncompleteResult(SalesforceError):
    """A query ended without proof that every row arrived; no short DataFrame is returned.

    Attributes:
        expected: rows the org announced.
        received: rows that arrived.
    """

    def __init__(self, message: str, *, expected: int | None = None, received: int | None = None) -> None:
        super().__init__(message, hint="Run the query again; if it repeats, the org or a proxy cuts answers short.")
        self.expected = expected
        self.received = received


class SeveralRecords(SalesforceError, LookupError):
    """More than one record has a key that should name one; ``records`` holds the Ids of each such key, in order."""

    def __init__(self, message: str, records: Mapping[Any, tuple[str, ...]], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint or 'many="first" takes the lowest Id, many="all" repeats the row for each.')
        self.records = records


class BulkJobFailed(SalesforceError):
    """A query job failed or was aborted; ``job`` is its Id. No row of it is handed out."""

    def __init__(self, job: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.job = job


class ResultsGone(SalesforceError):
    """The org no longer has the job or its results: it keeps them for seven days, unless somebody deletes them."""


class SpoolFailed(SalesforceError, OSError):
    """The disk does not take the pages that arrive. ``job`` resumes the read, ``pages`` are safe already."""

    def __init__(self, job: str, pages: int, message: str) -> None:
        kept = f"{pages} pages are safe; " if pages else ""
        super().__init__(
            message, hint=f'{kept}sfdata.resume("{job}") goes on when there is room. SFDATA_HOME moves it.'
        )
        self.job = job
        self.pages = pages


class StillRunning(SalesforceError):
    """The org was still at work when the deadline passed. ``id`` resumes the read or the push."""

    def __init__(self, id: str) -> None:  # noqa: A002 - the name users know it by
        super().__init__("the org is still at work", hint=f'sfdata.resume("{id}") looks again; nothing was stopped.')
        self.id = id


class PushError(SalesforceError):
    """A push has not come to its end, or not all of its rows have come to a good one."""


class PushStopped(PushError):
    """A push was stopped on this side. The org goes on with the jobs it has, and the push can be resumed."""


class PushUnderWay(PushError):
    """Another process, or another thread of this one, takes the push ``id`` further right now."""

    def __init__(self, id: str) -> None:  # noqa: A002 - the name users know it by
        hint = "Let it come to its end there, or stop it; one process at a time can take a push further."
        super().__init__(f"the push {id} is under way already, here or in another process", hint=hint)
        self.id = id


class PushFailed(PushError):
    """Not all rows of a push have been written.

    Attributes:
        id: the push.
        counts: how many rows there are of each outcome.
        errors: code, message and number of rows of the most frequent errors.
    """

    def __init__(self, id: str, counts: Mapping[str, int], errors: Iterable[tuple[str, str, int]] = ()) -> None:  # noqa: A002
        self.id = id
        self.counts = dict(counts)
        self.errors = tuple(errors)
        total, done = sum(self.counts.values()), self.counts.get("succeeded", 0)
        rest = ", ".join(f"{n:,} {name}" for name, n in self.counts.items() if n and name != "succeeded")
        lines = [f"{done:,} of {total:,} rows succeeded, {rest}"]
        lines += [f"{rows:,} × {code}: {message}" for code, message, rows in self.errors]
        hint = "result.failed has the rows; result.retry_failed() sends again what may succeed now."
        super().__init__("\n".join(lines), hint=hint)


class ResultTruncated(UserWarning):
    """A result holds its first rows only, since ``max_rows`` or ``max_memory`` said so."""


class RowsWillFail(UserWarning):
    """Rows are certain to fail, and ``check="warn"`` pushes them all the same."""


def _restored(kind: type[SalesforceError], args: tuple[Any, ...], state: dict[str, Any]) -> SalesforceError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error
