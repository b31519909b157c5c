"""The pages of a complete query job, in order: found in its spool, or fetched into it, a few ahead of the reader.

An org since API 58 lists where all pages are, so that they can be fetched side by side. Otherwise each page tells where
the next one is, and the word ``null`` behind the last. Nothing but that, or the end of the list, ends the result.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_job_results.htm
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import chain, islice
from typing import Self

from sfdata.api import bulk_query
from sfdata.api.bulk_query import LAST
from sfdata.errors import IncompleteResult, NotFound, ResponseError, ResultsGone
from sfdata.stop import Stop, awaited
from sfdata.transfer.spool import Spool, SpooledPage
from sfdata.transport.http_session import HttpSession

PAGES_AT_ONCE = 3


class ResultPages:
    """Iterate over it, once, and `close` it to give up what is still under way.

    Args:
        spool: of the job, and held.
        total: the job's count of its rows.
        ahead: False fetches a page only when it is wanted.

    Attributes:
        rows: how many rows have been found in the pages so far; the reader keeps count here.
    """

    def __init__(self, session: HttpSession, spool: Spool, total: int, *, ahead: bool = True) -> None:
        self.rows = 0
        self._session = session
        self._spool = spool
        self._job = spool.read.job
        self._version = spool.read.api_version
        self._total = total
        self._ahead = ahead
        self._stop = Stop()
        self._pool = ThreadPoolExecutor(PAGES_AT_ONCE, thread_name_prefix="sfdata page")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[SpooledPage]:
        """The pages.

        Raises:
            ResultsGone: the job or its results are no longer there.
            IncompleteResult: a page that comes twice, or one that does not say what follows.
            SpoolFailed: the disk does not take them.
        """
        if pages := self._spool.complete():
            yield from pages
            return
        try:
            urls = self._listed()
            yield from self._in_turn() if urls is None else self._side_by_side(urls)
        except NotFound:
            raise gone(self._job) from None

    def again(self, page: SpooledPage) -> SpooledPage:
        """A page that turned out to be no good, fetched once more."""
        self._spool.forget(page)
        try:
            return self._fetched(page.number, page.url)
        except NotFound:
            raise gone(self._job) from None

    def close(self) -> None:
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # --- in which order ----------------------------------------------------------------------------------------------

    def _listed(self) -> Iterator[str] | None:
        """Where all pages are; None where the org does not tell."""
        urls = bulk_query.result_urls(self._session, self._job, version=self._version)
        try:
            first = next(urls, None)
        except ResponseError:
            return None
        return chain([first], urls) if first is not None else None

    def _side_by_side(self, urls: Iterator[str]) -> Iterator[SpooledPage]:
        numbered = enumerate(self._once(urls))
        room = PAGES_AT_ONCE if self._ahead else 1
        under_way = deque(self._ask(*place) for place in islice(numbered, room))
        while under_way:
            page = awaited(under_way.popleft())
            if self._ahead:
                under_way.extend(self._ask(*place) for place in islice(numbered, 1))
            yield page
            if not self._ahead:
                under_way.extend(self._ask(*place) for place in islice(numbered, 1))

    def _once(self, urls: Iterator[str]) -> Iterator[str]:
        seen: set[str] = set()
        for url in urls:
            if url in seen:
                raise self._incomplete("the org lists a page of results twice")
            seen.add(url)
            yield url

    def _in_turn(self) -> Iterator[SpooledPage]:
        seen: set[str] = set()
        arriving = self._ask(0, bulk_query.result_url(self._session, self._job, version=self._version))
        while True:
            page = awaited(arriving)
            locator = page.locator
            if locator in seen:
                raise self._incomplete("a page of results leads back to one that was read")
            following = None
            if locator is not None and locator != LAST:
                seen.add(locator)
                following = bulk_query.result_url(self._session, self._job, locator, version=self._version)
            if following and self._ahead:
                arriving = self._ask(page.number + 1, following)
            yield page
            if locator == LAST or (locator is None and self.rows == self._total):
                return
            if following is None:
                raise self._incomplete(f"after {self.rows} rows, a page of results does not tell what follows")
            if not self._ahead:
                arriving = self._ask(page.number + 1, following)

    def _incomplete(self, problem: str) -> IncompleteResult:
        return IncompleteResult(problem, expected=self._total, received=self.rows)

    # --- fetching ----------------------------------------------------------------------------------------------------

    def _ask(self, number: int, url: str) -> Future[SpooledPage]:
        return self._pool.submit(self._stop.heeding(self._brought), number, url)

    def _brought(self, number: int, url: str) -> SpooledPage:
        return self._spool.page(number, url) or self._fetched(number, url)

    def _fetched(self, number: int, url: str) -> SpooledPage:
        with closing(self._spool.file(number, url)) as file:
            told = bulk_query.results(self._session, url, file)
            return file.keep(told.rows, told.locator)


def gone(job_id: str) -> ResultsGone:
    """The error for a job that is no longer there."""
    return ResultsGone(f"the org no longer has the job {job_id} or its results", hint="Run the query again.")
