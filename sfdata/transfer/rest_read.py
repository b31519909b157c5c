"""A whole read over REST: a query's pages fetched to the end, joined with their child rows, and proved complete.

The org's count is the proof: rows that do not add up to it, a page that comes twice, or an unfinished page that names
no next one is an `IncompleteResult`, never a shorter result.
"""

from __future__ import annotations

import difflib
import math
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, wait
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import pyarrow as pa

from sfdata.api.describe import DescribeCache
from sfdata.api.query import first_page, next_page
from sfdata.errors import IncompleteResult, InvalidField, InvalidQueryLocator, InvalidType, UnreadableAnswer
from sfdata.frames.batch import Batch
from sfdata.frames.columns import ResultColumns, UnknownName, result_columns
from sfdata.frames.decode import Page, PageDecoder, count_only
from sfdata.resilience.budget import Budget
from sfdata.resilience.hooks import Hooks, RowsRead, StatementSent
from sfdata.soql import Query
from sfdata.soql.nodes import Comparison, FieldPath, StringLiteral
from sfdata.transfer.page_stream import Course, PageStream
from sfdata.transport.http_session import HttpSession
from sfdata.transport.messages import Watch

PAGE_ROWS = 2_000
"""Rows of a page, unless they are wide."""

T = TypeVar("T")


@dataclass(frozen=True)
class RestRead:
    """One query against one org, ready to be read; reading it twice asks the org twice.

    ``parallel`` pages are under way at a time; more than one relies on what an address looks like, and is proved.
    """

    session: HttpSession
    describe: DescribeCache
    hooks: Hooks
    query: Query
    text: str
    all_rows: bool = False
    parallel: int = 1

    @cached_property
    def columns(self) -> ResultColumns:
        """Names and types of the result, from describe; nothing of the query is sent."""
        return result_columns(self.query, self.describe.object)

    def batches(
        self, max_rows: int | None = None, *, early_up_to: int | None = None
    ) -> Generator[tuple[Batch, int], None, None]:
        """Each page's rows with their child rows, beside the org's count of all rows; at least one page, maybe empty.

        A cursor that expires half way raises, unless the query is ordered by Id alone: then the rest is asked for anew.
        Reading stops after the page in which ``max_rows`` is reached; without it, pages are fetched ahead (unless there
        are more than ``early_up_to``, then from the second one on), and the count is proved at the end.

        Raises:
            BudgetExceeded: the connection may not make as many calls as there are further pages; none was asked for.
            IncompleteResult: not every row arrived.
            ResponseError: the org refused the query.
            UnreadableAnswer: an answer that is no page of this query's results.
        """
        if self.query.is_count:
            yield self._counted()
            return
        read, before, last_id = self, 0, None
        while True:
            try:
                for batch, total in read._walk(max_rows, early_up_to, before):
                    yield batch, total
                    before += len(batch)
                    last_id = batch.table[self._key][-1].as_py() if self._key and len(batch) else last_id
            except InvalidQueryLocator:
                if last_id is None:
                    raise
                read = self._behind(last_id, before)
                last_id = None
            else:
                return

    def _walk(
        self, max_rows: int | None, early_up_to: int | None, before: int
    ) -> Generator[tuple[Batch, int], None, None]:
        """The pages of one run of the query, behind ``before`` rows of an earlier one."""
        decoding = _Decoding(self)
        wanted = sys.maxsize if max_rows is None else max_rows - before
        price = _Price(self.session.budget, wanted, early_up_to, decoding.wait_for_describes)
        ahead = max_rows is None
        with closing(decoding), PageStream(decoding.fetch, ahead, self.parallel, price.is_high) as stream:
            decoding.describe()
            for page in stream:
                decoder, rows, total = decoding.decoder, before + stream.rows, before + stream.total
                finished = page.done or (max_rows is not None and rows >= max_rows)
                undecided = stream.held_back and price.is_left_to_the_caller(stream.total, stream.rows)
                if stream.held_back and not undecided:
                    price.require(stream.total, stream.rows)
                self._complete_children(decoder, page.records)
                self.hooks(RowsRead(rows, total, finished))
                yield decoder.batch(page.records), total
                if finished:
                    break
                if undecided:
                    price.require(stream.total, stream.rows)
        if page.done and rows != total:
            raise IncompleteResult(f"the org announced {total} rows and sent {rows}", expected=total, received=rows)

    @cached_property
    def _key(self) -> str | None:
        """The column of the Ids by which a query whose cursor expired can go on: it is ordered by them alone."""
        order = self.query.order_by
        if self.query.offset or self.query.is_aggregate or len(order) != 1 or order[0].descending:
            return None
        column = next((column for column in self.columns.columns if column.path == ("Id",)), None)
        return column.name if column and str(order[0].expression).casefold() == "id" else None

    def _behind(self, last_id: str, rows: int) -> RestRead:
        """The rest of the query, behind the record that came last."""
        rest = self.query.narrowed(Comparison(FieldPath(("Id",)), ">", StringLiteral(last_id)))
        if isinstance(rest.limit, int):
            rest = replace(rest, limit=rest.limit - rows)
        return replace(self, query=rest, text=str(rest))

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

    def first_page(self, watch: Watch | None = None) -> bytes:
        """The first page as it came."""
        self.hooks(StatementSent("rest", self.text))
        return self.advised(lambda: first_page(self.session, self.text, all_rows=self.all_rows, watch=watch))

    def _complete_children(self, decoder: PageDecoder, records: Sequence[Any]) -> None:
        """Fetch what the child pages below ``records`` leave out, into them, and prove each by its own count."""
        for child_decoder, first in decoder.child_pages(records):
            page = Page(first.totalSize, first.done, first.nextRecordsUrl, first.records)
            course = Course(page.total_size)
            while not page.done:
                page = child_decoder.parse(next_page(self.session, course.after(page, len(first.records))))
                self._complete_children(child_decoder, page.records)
                first.records.extend(page.records)
            if len(first.records) != first.totalSize:
                message = f"the org announced {first.totalSize} child rows and sent {len(first.records)}"
                raise IncompleteResult(message, expected=first.totalSize, received=len(first.records))

    def _counted(self) -> tuple[Batch, int]:
        count = pa.array([count_only(self.first_page())], pa.int64())
        return Batch(pa.table({str(self.query.select[0]): count})), 1


@dataclass(frozen=True, slots=True)
class _Price:
    """The calls that a read of at most ``wanted`` rows takes, as its first page shows them."""

    budget: Budget
    wanted: int
    early_up_to: int | None
    wait_for_describes: Callable[[], None]

    def is_high(self, total: int, rows: int | None) -> bool:
        """Whether somebody may decide against the pages behind the first one."""
        if self.budget.allowed is not None:
            self.wait_for_describes()  # they are asked for at the same time, and count, too
        return self.is_left_to_the_caller(total, rows) or not self.budget.allows(self._further(total, rows))

    def is_left_to_the_caller(self, total: int, rows: int | None) -> bool:
        """Whether the caller, who sees the first page, may read the rest in another way."""
        return self.early_up_to is not None and self._further(total, rows) >= self.early_up_to

    def require(self, total: int, rows: int) -> None:
        """Refuse the pages behind the first one where the budget does not allow for all of them."""
        further = self._further(total, rows)
        pages = "the other page" if further == 1 else f"the other {further:,} pages"
        self.budget.require(further, f"reading {pages}", repeated=1)

    def _further(self, total: int, rows: int | None) -> int:
        size = rows or PAGE_ROWS
        return max(0, math.ceil((min(total, self.wanted) - size) / size))


class _Decoding:
    """Fetches and decodes the pages of one read; the org is asked for the types and for the first page at once."""

    def __init__(self, read: RestRead) -> None:
        self._read = read
        self._described: Future[PageDecoder | None] = Future()
        self._ready: Future[PageDecoder] = Future()

    @property
    def decoder(self) -> PageDecoder:
        """The decoder, which the first page waits for."""
        return self._ready.result()

    def describe(self) -> None:
        """Learn the types. Where describe knows no such name, the org's own answer decides."""
        try:
            decoder = PageDecoder(self._read.columns)
        except (UnknownName, InvalidType):
            decoder = None
        except BaseException as problem:
            self._described.set_exception(problem)
            raise
        self._described.set_result(decoder)

    def close(self) -> None:
        """Let no thread wait for what will not come any more, wherever an interrupt struck."""
        for promised in (self._described, self._ready):
            if promised.cancel():
                promised.set_running_or_notify_cancel()

    def wait_for_describes(self) -> None:
        """Return when the org has been asked for the types, with whatever success."""
        wait([self._described])

    def fetch(self, url: str | None, watch: Watch) -> Page:
        """The page at ``url``, or the first."""
        if url is not None:
            body = next_page(self._read.session, url, watch=watch)
            return self.decoder.read(body)  # which may still be waited for
        try:
            body = self._read.first_page(watch)
            self._ready.set_result(self._described.result() or self._learnt())
        except BaseException as problem:
            self._ready.set_exception(problem)
            raise
        return self.decoder.parse(body)

    def _learnt(self) -> PageDecoder:
        """The decoder for a query the org accepted, so what we knew of its names was out of date."""
        self._read.describe.forget()
        try:
            return PageDecoder(self._read.columns)
        except UnknownName as still:
            raise UnreadableAnswer(f"the org accepts a query whose types it does not describe: {still}") from None
