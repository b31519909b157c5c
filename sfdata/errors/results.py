"""What became of a whole read or push."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sfdata.errors.root import SalesforceError


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
    """The org was still at work when the deadline passed.

    Attributes:
        id: resumes the read or the push.
        result: how the push stood, as a `sfdata.transfer.push_result.PushResult`.
    """

    result: Any = None
    _stays_here = frozenset({"result"})

    def __init__(self, id: str) -> None:  # noqa: A002 - the name users know it by
        super().__init__("the org is still at work", hint=f'sfdata.resume("{id}") looks again; nothing was stopped.')
        self.id = id


class AuditFailed(SalesforceError):
    """A write is over, and could not be written down in the audit trail.

    Attributes:
        entry: what should stand there: the write's outcome, the records' Ids …
    """

    def __init__(self, path: str, reason: str, entry: Mapping[str, Any]) -> None:
        self.entry = dict(entry)
        done = f"the write's outcome is {entry['outcome']!r}, and the audit trail {path} cannot tell of it: {reason}"
        super().__init__(done, hint="The error's entry has what should stand there.")


class PushError(SalesforceError):
    """A push has not come to its end, or not all of its rows have come to a good one.

    Attributes:
        result: how the push stood, where it had begun, as a `sfdata.transfer.push_result.PushResult`.
    """

    result: Any = None
    _stays_here = frozenset({"result"})


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
        lines += [f"{rows:,} × {': '.join(filter(None, why))}" for *why, rows in self.errors]
        hint = "result.failed has the rows; result.retry_failed() sends again what may succeed now."
        super().__init__("\n".join(lines), hint=hint)
