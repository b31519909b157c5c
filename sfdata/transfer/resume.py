"""Reads that go on where an earlier process, or an earlier cell, left off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from sfdata.api.describe import DescribeCache
from sfdata.errors import ConfigurationError
from sfdata.frames.batch import Batch
from sfdata.frames.columns import ResultColumns
from sfdata.resilience.hooks import Hooks
from sfdata.soql import parse
from sfdata.transfer.bulk_read import BulkRead
from sfdata.transfer.results import Results
from sfdata.transfer.spool import Spool
from sfdata.transport.http_session import HttpSession


class ResumedRead(Results):
    """The rows of a query job made before: what is in the spool is not fetched again.

    Make one with `sfdata.resume`; it has every form that a query has. When the rows have been handed over, the spool
    is gone, and so is what could be resumed.

    Attributes:
        id: the job's Id.
        text: its query.

    Raises:
        ConfigurationError: nothing is known here of such a job, or it is another org's.
    """

    def __init__(self, session: HttpSession, describe: DescribeCache, hooks: Hooks, job_id: str) -> None:
        spool = Spool.open(job_id)
        here = session.instance_url
        if urlsplit(spool.read.org).netloc != urlsplit(here).netloc:
            hint = "Give the connection that it was begun with: sfdata.resume(id, org)."
            message = f"the job {job_id} is of {spool.read.org}, and this connection leads to {here}"
            raise ConfigurationError(message, hint=hint)
        self.id = spool.read.job
        self.text = spool.read.query
        self.query = parse(self.text)
        self._session = session
        self._read = BulkRead(session, describe, hooks, self.query, self.text, spool.read.all_rows, spool)

    def abort(self) -> None:
        """Stop the job in the org, if it has not ended."""
        self._read.abort()

    def _batches(self, max_rows: int | None = None, *, whole: bool = False) -> Iterator[tuple[Batch, int]]:
        return self._read.batches(max_rows, whole=whole)

    def _columns(self) -> ResultColumns:
        return self._read.columns

    def _id_column(self) -> str | None:
        return next((column.name for column in self._read.columns.columns if column.path == ("Id",)), None)

    def _about(self) -> dict[str, Any]:
        return {
            "object": self.query.source.name,
            "query": self.text,
            "org": urlsplit(self._session.instance_url).hostname,
            "api_version": self._session.api_version,
            "engine": "bulk",
            "job": self.id,
            "read_at": self._session.runtime.moment().isoformat(timespec="seconds"),
        }

    def __repr__(self) -> str:
        return f"ResumedRead({self.id!r}: {self.text!r})"
