"""A whole read: a query's pages fetched to the end, joined with their child rows, and proved complete.

The org's count is the proof: rows that do not add up to it, a page that comes twice, or an unfinished page that names
no next one is an `IncompleteResult`, never a shorter result.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from sfdata.api.describe import DescribeCache
from sfdata.api.query import first_page, next_page
from sfdata.errors import IncompleteResult, InvalidField, InvalidType, UnreadableAnswer
from sfdata.frames.batch import Batch
from sfdata.frames.columns import ResultColumns, UnknownName, result_columns
from sfdata.frames.decode import Page, PageDecoder, count_only
from sfdata.resilience.hooks import Hooks, RowsRead
from sfdata.soql import Query
from sfdata.transport.http_session import HttpSession

T = TypeVar("T")


@dataclass(frozen=True)
class Read:
    """One query against one org, ready to be read; reading it twice asks the org twice."""

    session: HttpSession
    describe: DescribeCache
    hooks: Hooks
    query: Query
    text: str
    all_rows: bool

    @cached_property
    def columns(self) -> ResultColumns:
        """Names and types of the result, from describe; nothing of the query is sent."""
        return result_columns(self.query, self.describe.object)

    def batches(self, max_rows: int | None = None) -> Iterator[tuple[Batch, int]]:
        """Each page's rows with their child rows, beside the org's count of all rows; at least one page, maybe empty.

        Reading stops after the page in which ``max_rows`` is reached; without it, the count is proved at the end.

        Raises:
            IncompleteResult: not every row arrived.
            ResponseError: the org refused the query.
            UnreadableAnswer: an answer that is no page of this query's results.
        """
        if self.query.is_count:
            yield self._counted()
            return
        decoder, body = self._start()
        page = decoder.parse(body)
        total, rows, seen = page.total_size, 0, set[str]()
        while True:
            self._complete_children(decoder, page.records)
            rows += len(page.records)
            finished = page.done or (max_rows is not None and rows >= max_rows)
            self.hooks(RowsRead(rows, total, finished))
            yield decoder.batch(page.records), total
            if finished:
                break
            page = decoder.parse(self._follow(page, seen, rows))
        if page.done and rows != total:
            raise IncompleteResult(f"the org announced {total} rows and sent {rows}", expected=total, received=rows)

    def refuse_repeats(self, table: pa.Table) -> None:
        """A record that comes twice means that a page was repeated and another one lost, whatever the counts say.

        Groups are no records: CUBE gives several without an Id, and any column may go by that name.

        Raises:
            IncompleteResult: ``table``, the whole result, holds a record's Id twice.
        """
        for column in () if self.query.is_aggregate else self.columns.columns:
            if column.path == ("Id",):
                different = pc.count_distinct(table[column.name], mode="all").as_py()
                if different != table.num_rows:
                    message = f"{table.num_rows} rows arrived, but only {different} different records"
                    raise IncompleteResult(message, expected=table.num_rows, received=different)

    def advised(self, ask: Callable[[], T]) -> T:
        """What ``ask`` brings. Should the org refuse a name in the query, the nearest one that exists is the hint."""
        try:
            return ask()
        except (InvalidField, InvalidType) as refused:
            refusal = refused
        try:
            _ = self.columns
        except InvalidType as unknown:
            refusal.hint = unknown.hint or refusal.hint
        except UnknownName as unknown:
            near = difflib.get_close_matches(unknown.name, unknown.candidates, n=3, cutoff=0.5)
            refusal.hint = f"Did you mean {' or '.join(near)}?" if near else refusal.hint
        raise refusal

    def _first_page(self) -> bytes:
        return self.advised(lambda: first_page(self.session, self.text, all_rows=self.all_rows))

    def _start(self) -> tuple[PageDecoder, bytes]:
        """The decoder and the first page. Where describe knows no such name, the org's own answer decides."""
        try:
            known = PageDecoder(self.columns)
        except (UnknownName, InvalidType):
            known = None
        body = self._first_page()
        if known is not None:
            return known, body
        self.describe.forget()  # the org knows the name, so what we knew was out of date
        try:
            return PageDecoder(self.columns), body
        except UnknownName as still:
            raise UnreadableAnswer(f"the org accepts a query whose types it does not describe: {still}") from None

    def _follow(self, page: Page, seen: set[str], rows: int) -> bytes:
        """The page behind an unfinished one."""
        url = page.next_url
        if url is None:
            problem = "names no next page"
        elif url in seen:
            problem = "names a page that was read already"
        elif not page.records:
            problem = "is empty"
        else:
            seen.add(url)
            return next_page(self.session, url)
        message = f"after {rows} of {page.total_size} rows, an unfinished page {problem}"
        raise IncompleteResult(message, expected=page.total_size, received=rows)

    def _complete_children(self, decoder: PageDecoder, records: Sequence[Any]) -> None:
        """Fetch what the child pages below ``records`` leave out, into them, and prove each by its own count."""
        for child_decoder, first in decoder.child_pages(records):
            seen: set[str] = set()
            page = Page(first.totalSize, first.done, first.nextRecordsUrl, first.records)
            while not page.done:
                page = child_decoder.parse(self._follow(page, seen, len(first.records)))
                self._complete_children(child_decoder, page.records)
                first.records.extend(page.records)
            if len(first.records) != first.totalSize:
                message = f"the org announced {first.totalSize} child rows and sent {len(first.records)}"
                raise IncompleteResult(message, expected=first.totalSize, received=len(first.records))

    def _counted(self) -> tuple[Batch, int]:
        count = pa.array([count_only(self._first_page())], pa.int64())
        return Batch(pa.table({str(self.query.select[0]): count})), 1
