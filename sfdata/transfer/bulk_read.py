"""A whole read through a Bulk API 2.0 query job: made, waited for, its pages fetched side by side, and proved complete.

The pages go to a spool on disk as they arrive, so a read that was interrupted goes on by its job's Id, in another
process if need be, with the pages it has. Stopping here stops nothing in the org: only `BulkRead.abort` does.

The proof: every page has as many rows as the org counted in it, all pages as many as the job counts, all have the same
columns, and none comes twice.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

from sfdata.api import bulk_query
from sfdata.api.bulk_query import QueryJob
from sfdata.api.describe import DescribeCache
from sfdata.errors import (
    BudgetExceeded,
    BulkJobFailed,
    IncompleteResult,
    NotEnoughLeft,
    NotFound,
    RequestLimitExceeded,
    SalesforceError,
    ServerUnavailable,
    StillRunning,
    TransportError,
    UnreadableAnswer,
)
from sfdata.frames.batch import Batch
from sfdata.frames.columns import ResultColumns, result_columns
from sfdata.frames.csv_columns import CsvColumns
from sfdata.resilience.hooks import Hooks, JobState, RowsRead, StatementSent
from sfdata.resilience.patience import Patience
from sfdata.soql import Query
from sfdata.soql.nodes import FieldPath, SelectField
from sfdata.transfer.result_pages import ResultPages, gone
from sfdata.transfer.spool import Spool, SpooledPage, SpooledRead
from sfdata.transport.bodies import BodyCut, BodyUnreadable, inflater
from sfdata.transport.http_session import HttpSession

FEWEST_CALLS = 4
"""What a job takes at the least: to be made and looked at, the list of its pages, and one of them."""
FETCHES = 3
"""Times a page that breaks off is fetched before it is given up."""


def servable(query: Query, columns: ResultColumns) -> str | None:
    """Why a Bulk job cannot answer ``query``; None if nothing speaks against it.

    https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
    """
    plain = all(
        isinstance(i, SelectField) and isinstance(i.expression, FieldPath) and not i.alias for i in query.select
    )
    reasons = {
        "it groups rows or counts them": query.is_aggregate or query.is_count,
        "it has OFFSET": query.offset is not None,
        "it selects rows of a child relationship": bool(columns.children),
        "it selects more than plain fields": not plain,
        "it selects a compound field; its parts are fields, too": any(c.optional for c in columns.columns),
        "it has FOR or UPDATE": bool(query.purpose or query.update),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


@dataclass(frozen=True)
class BulkRead:
    """One query against one org through a job; ``spool`` is that of a job made before."""

    session: HttpSession
    describe: DescribeCache
    hooks: Hooks
    query: Query
    text: str
    all_rows: bool = False
    spool: Spool | None = None
    patience: Patience = field(default_factory=Patience)

    @cached_property
    def columns(self) -> ResultColumns:
        """Names and types of the result, from describe; nothing of the query is sent."""
        return result_columns(self.query, self.describe.object)

    def batches(self, max_rows: int | None = None, *, whole: bool = False) -> Generator[tuple[Batch, int], None, None]:
        """The rows in batches, beside the count of all; at least one batch, maybe empty.

        The spool is taken away with the last row that is wanted. After an error, or an end before it, it stays.

        Args:
            max_rows: nothing is fetched behind the batch in which they are reached.
            whole: the batches are collected anyway, and may be large.

        Raises:
            BudgetExceeded, NotEnoughLeft: there are no more calls; before the job is made where they cannot suffice.
            BulkJobFailed: the org could not run the query.
            StillRunning: the deadline passed before it had.
            ResultsGone: the job or its results are no longer there.
            IncompleteResult: not every row arrived.
            UnreadableAnswer: a page is damaged, or not what the query asks for.
            SpoolFailed: the disk does not take the pages.
        """
        decoder = CsvColumns(self.columns)
        spool = self.spool or self._made()
        hint = f'sfdata.resume("{spool.read.job}") goes on from here.'
        try:
            with spool.held():
                yield from self._rows(spool, decoder, max_rows, whole)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(hint)
            raise
        except (BudgetExceeded, NotEnoughLeft, RequestLimitExceeded) as refused:
            refused.hint = f"{refused.hint} {hint}"
            raise
        except SalesforceError as problem:
            problem.hint = problem.hint or hint
            raise

    def abort(self) -> None:
        """Stop the job of a read that is known by its spool."""
        if self.spool is not None:
            read = self.spool.read
            bulk_query.abort(self.session, read.job, version=read.api_version)

    def _made(self) -> Spool:
        """A new job, and its spool: known on disk before anything else is asked."""
        Spool.refuse_homeless()
        self.session.budget.require(FEWEST_CALLS, "a Bulk job with its results")
        self.hooks(StatementSent("bulk", self.text))
        job = bulk_query.create(self.session, self.text, all_rows=self.all_rows)
        org, version = self.session.instance_url, self.session.api_version
        return Spool.new(SpooledRead(job.id, org, version, self.text, self.all_rows))

    def _rows(
        self, spool: Spool, decoder: CsvColumns, max_rows: int | None, whole: bool
    ) -> Generator[tuple[Batch, int], None, None]:
        """The rows, from the spool alone where all pages are in it."""
        rows, enough = 0, False
        total = spool.read.rows if spool.read.rows is not None and spool.complete() else self._finished(spool)
        try:
            with ResultPages(self.session, spool, total, ahead=max_rows is None) as pages:
                for table in _Proof(pages, spool, decoder, whole).tables():
                    rows += table.num_rows
                    enough = max_rows is not None and rows >= max_rows
                    self.hooks(RowsRead(rows, total, enough or rows == total))
                    yield Batch(table), total
                    if enough:
                        return
            if rows != total:
                message = f"the job counts {total} rows, and {rows} arrived"
                raise IncompleteResult(message, expected=total, received=rows)
            if not rows:
                yield Batch(decoder.empty), total
            enough = True
        finally:
            if enough:
                spool.remove()

    # --- the job -----------------------------------------------------------------------------------------------------

    def _finished(self, spool: Spool) -> int:
        """The number of rows, when the job is complete."""
        job_id, runtime, unanswered = spool.read.job, self.session.runtime, 0
        limit = self.patience.deadline_seconds
        deadline = math.inf if limit is None else runtime.clock() + limit
        for pause in self.patience.pauses():
            try:
                job = bulk_query.info(self.session, job_id, version=spool.read.api_version)
            except NotFound:
                raise gone(job_id) from None
            except (TransportError, ServerUnavailable):  # which does the job no harm
                unanswered += 1
                if unanswered == self.patience.unanswered:
                    raise
            else:
                unanswered = 0
                self.hooks(JobState(job.id, job.state, job.rows))
                if job.ended:
                    return _counted(spool, job)
            if runtime.clock() + pause > deadline:
                raise StillRunning(job_id)
            runtime.sleep(pause)
        raise AssertionError("unreachable")


def _counted(spool: Spool, job: QueryJob) -> int:
    """The number of rows of a job that has ended."""
    if job.state != "JobComplete":
        spool.remove()
        problem = job.error or f"it is in state {job.state}"
        raise BulkJobFailed(job.id, f"the query job {job.id} came to nothing: {problem}")
    if job.rows is None:
        raise UnreadableAnswer(f"the job {job.id} is complete and does not tell how many rows it has")
    spool.count(job.rows)
    return job.rows


class _Proof:
    """The rows of a job's pages, and the proof of each page."""

    def __init__(self, pages: ResultPages, spool: Spool, decoder: CsvColumns, whole: bool) -> None:
        self._pages = pages
        self._spool = spool
        self._decoder = decoder
        self._whole = whole
        self._checksum = 0
        self._before: tuple[int, int] | None = None

    def tables(self) -> Iterator[pa.Table]:
        for page in self._pages:
            yield from self._proved(page)

    def _proved(self, page: SpooledPage) -> Iterator[pa.Table]:
        """The rows of a page. One that breaks off is fetched again, and goes on behind the rows handed out."""
        given, found, cut = 0, 0, True
        for fetch in range(FETCHES):
            page = self._pages.again(page) if fetch else page
            found, cut = 0, False
            try:
                for table in self._decoder.tables(self._chunks(page), whole=self._whole):
                    fresh = table.slice(min(max(given - found, 0), table.num_rows))
                    found += table.num_rows
                    given = max(given, found)
                    if fresh.num_rows:
                        self._pages.rows += fresh.num_rows
                        yield fresh
            except BodyCut:
                cut = True
            except (BodyUnreadable, UnreadableAnswer) as problem:
                self._spool.forget(page)
                if isinstance(problem, UnreadableAnswer):
                    raise
                raise UnreadableAnswer(f"a page of the results of {self._spool.read.job} is {problem}") from None
            if not cut and found >= (page.rows or 0):
                break
        self._refuse(page, found, cut)

    def _refuse(self, page: SpooledPage, found: int, cut: bool) -> None:
        """Refuse a page that is not whole, has other rows than the org counted, or is the one before once more."""
        if cut:
            self._spool.forget(page)
            raise UnreadableAnswer(f"a page of the results of {self._spool.read.job} breaks off before its end")
        if page.rows is not None and page.rows != found:
            self._spool.forget(page)
            message = f"a page of results has {found} rows, and {page.rows} by the org's count"
            raise IncompleteResult(message, expected=page.rows, received=found)
        here = (self._checksum, found)
        if found and here == self._before and not self._uniform(page):
            raise IncompleteResult("a page of results came twice", received=self._pages.rows)
        self._before = here

    def _chunks(self, page: SpooledPage) -> Iterator[bytes]:
        self._checksum = 0
        for chunk in page.chunks():
            self._checksum = inflater.crc32(chunk, self._checksum)
            yield chunk

    def _uniform(self, page: SpooledPage) -> bool:
        """Whether all rows of a page are the same, so that the next page may well be like it."""
        rows = pa.concat_tables(self._decoder.tables(page.chunks()))
        return bool(rows.group_by(rows.column_names).aggregate([]).num_rows == 1)
