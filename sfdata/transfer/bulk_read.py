"""A whole read through a Bulk API 2.0 query job: made, waited for, its pages fetched side by side, and proved complete.

The pages go to a spool on disk as they arrive, so a read that was interrupted goes on by its job's Id, in another
process if need be, with the pages it has. Stopping here stops nothing in the org: only `BulkRead.abort` does.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlencode

import pyarrow as pa

from sfdata.api import bulk_query
from sfdata.api.bulk_query import LAST, QueryJob
from sfdata.api.describe import DescribeCache
from sfdata.errors import (
    BulkJobFailed,
    IncompleteResult,
    NotFound,
    ResponseError,
    ResultsGone,
    SalesforceError,
    StillRunning,
    TransportError,
    UnreadableAnswer,
)
from sfdata.frames.batch import Batch
from sfdata.frames.columns import ResultColumns, result_columns
from sfdata.frames.csv_columns import CsvColumns
from sfdata.resilience.hooks import Hooks, JobState, RowsRead
from sfdata.soql import Query
from sfdata.soql.nodes import FieldPath, SelectField
from sfdata.transfer.spool import Spool, SpooledPage, SpooledRead
from sfdata.transport.bodies import BodyCut, BodyUnreadable
from sfdata.transport.http_session import HttpSession

PAGES_AT_ONCE = 3
LARGEST_WHOLE_PAGE = 64 << 20
"""Bytes on disk up to which a page is decoded in one piece."""


@dataclass(frozen=True)
class Patience:
    """How long a read waits for its job, and between which questions.

    Attributes:
        first_seconds, longest_seconds: the wait before the first question, growing by half up to the longest.
        deadline_seconds: how long in all; None waits for ever.
    """

    first_seconds: float = 0.2
    longest_seconds: float = 30.0
    deadline_seconds: float | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


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

        The spool is taken away with the last row. After an error, or when no more rows are taken, it stays.

        Args:
            max_rows: no page is fetched behind the one in which they are reached.
            whole: decode whole pages, several side by side: faster, in more memory.

        Raises:
            BulkJobFailed: the org could not run the query.
            StillRunning: the deadline passed before it had.
            ResultsGone: the job or its results are no longer there.
            IncompleteResult: not every row arrived.
            SpoolFailed: the disk does not take the pages.
        """
        decoder = CsvColumns(self.columns)
        spool = self.spool or self._made()
        total = self._finished(spool.read.job)
        rows = 0
        with closing(_Pages(self.session, spool, total, decoder if whole else None).arriving()) as pages:
            for page in pages:
                for table in page.tables(decoder):
                    rows += table.num_rows
                    self.hooks(RowsRead(rows, total, rows == total))
                    yield Batch(table), total
                if max_rows is not None and rows >= max_rows:
                    break
            else:
                if rows != total:
                    message = f"the job counts {total} rows, and {rows} arrived"
                    raise IncompleteResult(message, expected=total, received=rows)
        if not rows:
            yield Batch(decoder.empty), total
        spool.remove()

    def abort(self) -> None:
        """Stop the job of a read that is known by its spool."""
        if self.spool is not None:
            bulk_query.abort(self.session, self.spool.read.job)

    def _made(self) -> Spool:
        """A new job, and its spool: known on disk before anything else is asked."""
        job = bulk_query.create(self.session, self.text, all_rows=self.all_rows)
        org, version = self.session.instance_url, self.session.api_version
        return Spool.new(SpooledRead(job.id, org, version, self.text, self.all_rows))

    def _finished(self, job_id: str) -> int:
        """The number of rows, when the job is complete."""
        started, pause = self.patience.clock(), self.patience.first_seconds
        while True:
            job = self._asked(job_id)
            if job is not None:
                self.hooks(JobState(job.id, job.state, job.rows))
                if job.state == "JobComplete":
                    if job.rows is None:
                        raise UnreadableAnswer(f"the job {job.id} is complete and does not tell how many rows it has")
                    return job.rows
                if job.ended:
                    problem = job.error or f"the job is in state {job.state}"
                    raise BulkJobFailed(job.id, f"the query job {job.id} came to nothing: {problem}")
            deadline = self.patience.deadline_seconds
            if deadline is not None and self.patience.clock() - started + pause > deadline:
                raise StillRunning(job_id)
            self.patience.sleep(pause)
            pause = min(pause * 1.5, self.patience.longest_seconds)

    def _asked(self, job_id: str) -> QueryJob | None:
        """The job as it is; None where that cannot be learnt just now, which is no harm to it."""
        try:
            return bulk_query.info(self.session, job_id)
        except NotFound:
            raise _gone(job_id) from None
        except TransportError:
            return None


def _gone(job_id: str) -> ResultsGone:
    return ResultsGone(f"the org no longer has the job {job_id} or its results", hint="Run the query again.")


@dataclass(frozen=True, slots=True)
class _Page:
    """A page in the spool; ``whole`` where it is decoded already."""

    pages: _Pages
    number: int
    spooled: SpooledPage
    whole: pa.Table | None = None

    def tables(self, decoder: CsvColumns) -> Iterator[pa.Table]:
        """The page's rows, proved by the org's count of them. What turns out to be cut is fetched once more."""
        if self.whole is not None:
            yield self.whole
            return
        rows = 0
        for spooled in (self.spooled, None):
            page, skip = spooled or self.pages.fetched_again(self), rows
            try:
                for table in decoder.batches(page.chunks):
                    kept = table.slice(min(skip, table.num_rows))
                    skip -= table.num_rows - kept.num_rows
                    rows += kept.num_rows
                    if kept.num_rows:
                        yield kept
                break
            except BodyCut:
                continue
            except BodyUnreadable as problem:
                raise self.pages.no_good(page, f"is {problem}") from None
        else:
            raise self.pages.no_good(page, "breaks off before its end")
        if page.rows is not None and page.rows != rows:
            raise self.pages.no_good(page, f"has {rows} rows, and {page.rows} by the org's count")


class _Pages:
    """The pages of a complete job in order: fetched a few at a time, or found in the spool."""

    def __init__(self, session: HttpSession, spool: Spool, total: int, decoder: CsvColumns | None) -> None:
        self._session = session
        self._spool = spool
        self._job = spool.read.job
        self._total = total
        self._decoder = decoder
        self._pool = ThreadPoolExecutor(PAGES_AT_ONCE, thread_name_prefix="sfdata page")
        self._addresses: dict[int, str] = {}

    def arriving(self) -> Generator[_Page, None, None]:
        """Each page when its turn has come."""
        try:
            yield from self._side_by_side() if self._listed() else self._in_turn()
        except NotFound:
            raise _gone(self._job) from None
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _listed(self) -> bool:
        """Whether the org tells where all pages are."""
        self._urls = bulk_query.result_urls(self._session, self._job)
        try:
            self._first = next(self._urls, None)
        except ResponseError:
            return False
        return self._first is not None

    def _side_by_side(self) -> Iterator[_Page]:
        under_way: deque[Future[_Page]] = deque()
        number, url = 0, self._first
        seen: set[str] = set()
        while url is not None or under_way:
            while url is not None and len(under_way) < PAGES_AT_ONCE:
                if url in seen:
                    raise self._incomplete("the org lists a page of results twice")
                seen.add(url)
                under_way.append(self._pool.submit(self._bring, number, url))
                number, url = number + 1, next(self._urls, None)
            yield under_way.popleft().result()

    def _in_turn(self) -> Iterator[_Page]:
        """By locators: each page tells where the next one is, so that one is fetched while the last is decoded."""
        path = f"{self._session.data_path}/jobs/query/{self._job}/results"
        number, rows, seen = 0, 0, set[str]()
        arriving = self._pool.submit(self._bring, 0, path)
        while True:
            page = arriving.result()
            locator, number = page.spooled.locator, number + 1
            rows += page.spooled.rows or 0
            if locator in seen:
                raise self._incomplete("a page of results leads back to one that was read")
            last = locator == LAST or (locator is None and rows == self._total)
            if locator is None and not last:
                raise self._incomplete(f"after {rows} rows, a page of results does not tell what follows")
            if not last:
                assert locator is not None
                seen.add(locator)
                arriving = self._pool.submit(self._bring, number, f"{path}?{urlencode({'locator': locator})}")
            yield page
            if last:
                return

    def _bring(self, number: int, url: str) -> _Page:
        """A page from the spool, or from the org into it."""
        self._addresses[number] = url
        spooled = self._spool.page(number) or self._fetch(number, url)
        if self._decoder is None or spooled.path.stat().st_size > LARGEST_WHOLE_PAGE:
            return _Page(self, number, spooled)
        return _Page(self, number, spooled, self._decoded(number, spooled, self._decoder))

    def _fetch(self, number: int, url: str) -> SpooledPage:
        file = self._spool.file(number)
        with closing(file):
            told = bulk_query.result_at(self._session, url, file)
            return file.keep(told.rows, told.locator)

    def _decoded(self, number: int, spooled: SpooledPage, decoder: CsvColumns) -> pa.Table | None:
        """The rows of a page in one piece; None where it has to be looked at piece by piece."""
        try:
            table = decoder.table(b"".join(spooled.chunks()))
        except (BodyCut, BodyUnreadable):
            return None
        if spooled.rows is not None and table.num_rows != spooled.rows:
            raise self.no_good(spooled, f"has {table.num_rows} rows, and {spooled.rows} by the org's count")
        return table

    def fetched_again(self, page: _Page) -> SpooledPage:
        """A page that is not whole, once more."""
        self._spool.forget(page.spooled)
        return self._fetch(page.number, self._addresses[page.number])

    def no_good(self, page: SpooledPage, problem: str) -> SalesforceError:
        """The error for a page that cannot be used; it is taken out of the spool, the others stay."""
        self._spool.forget(page)
        return UnreadableAnswer(
            f"a page of the results of {self._job} {problem}",
            hint=f'sfdata.resume("{self._job}") fetches it again; the other pages are safe.',
        )

    def _incomplete(self, problem: str) -> IncompleteResult:
        return IncompleteResult(problem, expected=self._total)
