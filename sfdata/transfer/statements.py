"""One query, and the statements it takes: itself where it fits into one, or several that bring the same rows.

A list that is too long is dealt out (`sfdata.soql.splitting`), a SELECT list that is too wide is read in parts
(`sfdata.transfer.wide_read`). What an org finds too complicated it gets in smaller statements too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import pyarrow as pa

from sfdata.api.describe import DescribeCache
from sfdata.api.query import explain, first_page
from sfdata.errors import InvalidType, QueryTooLong, ResponseError
from sfdata.frames.batch import Batch
from sfdata.frames.columns import ResultColumns, UnknownName, result_columns
from sfdata.frames.decode import count_only
from sfdata.resilience.hooks import Event, Hooks, RowsRead
from sfdata.soql import Query
from sfdata.soql.nodes import FunctionCall, SelectField, Subquery
from sfdata.soql.splitting import LONGEST, parts
from sfdata.transfer.engine import Engine, Reading
from sfdata.transfer.split_read import Read, Rows, SplitRead
from sfdata.transfer.wide_read import ID, STAMP, WideRead, too_much
from sfdata.transport.http_session import HttpSession

WIDEST = LONGEST // 2
"""Characters of a SELECT list; the rest of a statement is for the list of Ids it is read by."""
SHORT = LONGEST // 8
"""Characters of the statements for an org that found longer ones too complicated."""


class Statements:
    """The statements of one query.

    Attributes:
        query: it.
        text: the same as it was written.
        latest: the statement that was read last, in its engine.
    """

    def __init__(
        self, session: HttpSession, describe: DescribeCache, hooks: Hooks, query: Query, text: str, reading: Reading
    ) -> None:
        self.query = query
        self.text = text
        self.latest = self._reading = reading
        self._session = session
        self._describe = describe
        self._hooks = hooks

    @property
    def texts(self) -> list[str]:
        """The statements that decide on the rows. One that is too wide takes more, by Ids, for each batch of them.

        Raises:
            QueryTooLong: several that are short enough could not bring the same rows.
        """
        queries = parts(self._wide(WIDEST).decisive) if self._too_wide else self._split.queries
        whole = len(queries) == 1 and queries[0] is self.query and len(self.text) <= LONGEST
        return [self.text] if whole else [str(query) for query in queries]

    def total(self, announced: int) -> int:
        """How many rows the query has, of which reading a part ``announced`` so many."""
        alone = self.query.is_aggregate or self._too_wide or len(self._split.queries) == 1
        return announced if alone else self.count()

    def count(self) -> int:
        """How many rows the query has, for a COUNT() call each. A grouped query cannot be counted this way."""
        all_rows = SelectField(FunctionCall("COUNT"))
        counted = replace(self.query, select=(all_rows,), order_by=(), purpose=None, update=(), text="")
        try:
            rows = self._sum(parts(counted))
        except ResponseError as refused:
            if not too_much(refused) or len(str(counted)) <= SHORT:
                raise
            rows = self._sum(parts(counted, SHORT))
        return min(rows, counted.limit) if isinstance(counted.limit, int) else rows

    def _sum(self, counts: Iterable[Query]) -> int:
        asks = [partial(first_page, self._session, str(one), all_rows=self._reading.all_rows) for one in counts]
        return sum(count_only(self._reading.rest.advised(ask)) for ask in asks)

    def explain(self) -> dict[str, Any]:
        """The org's plans for the first statement."""
        return self._reading.rest.advised(partial(explain, self._session, self.texts[0]))

    def batches(self, max_rows: int | None = None, *, whole: bool = False) -> Rows:
        """The rows as they arrive, beside how many there are, as far as is known.

        Raises:
            QueryTooLong: several statements that are short enough could not bring the same rows; nothing was sent.
            IncompleteResult: not every row arrived.
            ResponseError: the org refused a statement.
        """
        if self.query.is_count and len(self.texts) > 1:
            yield Batch(pa.table({str(self.query.select[0]): [self.count()]})), 1
            return
        yield from _Ways(self._ways).batches(max_rows, whole=whole)

    # --- ways to read ------------------------------------------------------------------------------------------------

    def _ways(self) -> Iterator[Read]:
        """How to read the query; the next one is for an org that finds the one before too complicated."""
        if self._too_wide:
            yield self._wide(WIDEST)
            return
        yield from self._shorter_and_shorter(self.query)
        if self._is_joinable:
            yield self._wide(_width(self.query) // 2)

    def _shorter_and_shorter(
        self, query: Query, hooks: Hooks | None = None, engine: Engine | None = None
    ) -> Iterator[Read]:
        yield self._in_parts(query, hooks, engine)
        if len(str(query)) > SHORT:
            with suppress(QueryTooLong):
                yield self._in_parts(query, hooks, engine, SHORT)

    @property
    def _too_wide(self) -> bool:
        return len(str(self.query)) > LONGEST and _width(self.query) > WIDEST and self._is_joinable

    @property
    def _is_joinable(self) -> bool:
        """Whether rows are records that tell when they changed, with more than one column."""
        if self.query.is_aggregate or len(self.query.select) < 2:
            return False
        try:
            described = self._describe.object(self.query.source.path[-1])
        except InvalidType:
            return False  # the org's own error says more
        return described.field(ID) is not None and described.field(STAMP) is not None

    def _wide(self, width: int) -> WideRead:
        def columns() -> ResultColumns:
            return self._reading.rest.columns

        def first(query: Query) -> Read:
            return _Ways(partial(self._shorter_and_shorter, query))

        def by_ids(query: Query) -> Read:
            return _Ways(partial(self._shorter_and_shorter, query, Hooks(), "rest"))

        return WideRead(self._session, self.query, columns, first, by_ids, width)

    def _in_parts(
        self, query: Query, hooks: Hooks | None = None, engine: Engine | None = None, longest: int = LONGEST
    ) -> Read:
        """``query`` in one statement, or in as many as its lists make it."""
        split = self._split if query is self.query and longest == LONGEST else self._splitting(query, longest)
        hooks = hooks or self._hooks
        if len(split.queries) == 1:
            return self._one(split.queries[0], hooks, engine)
        read = partial(self._one, hooks=Hooks(lambda event: _pass_on(event, hooks)), engine=engine)
        limit = query.limit if isinstance(query.limit, int) else None
        return SplitRead(split.queries, read, hooks, self._session.budget, split.key, split.hidden, limit)

    def _one(self, query: Query, hooks: Hooks, engine: Engine | None) -> Reading:
        whole = query is self.query and len(self.text) <= LONGEST
        reading = self._reading if whole else self._reading.of(query, hooks, engine)
        self.latest = reading if engine is None else self.latest
        return reading

    @cached_property
    def _split(self) -> _Split:
        return self._splitting(self.query, LONGEST)

    def _splitting(self, query: Query, longest: int) -> _Split:
        """``query`` in statements of that length, in which records can be told apart."""
        queries = parts(query, longest)
        if len(queries) == 1 or query.is_aggregate:
            return _Split(queries)
        with suppress(UnknownName, InvalidType):  # the org's own error says more
            columns = result_columns(query, self._describe.object).columns
            if key := next((column.name for column in columns if column.path == (ID,)), None):
                return _Split(queries, key)
            return _Split(parts(query.selecting(ID), longest), ID, hidden=True)
        return _Split(queries)


class _Split(NamedTuple):
    """Statements, and the column of their records' Ids; ``hidden`` where it is none of the query's."""

    queries: list[Query]
    key: str | None = None
    hidden: bool = False


class _Ways:
    """Several ways to read a query. Each is for an org that finds the one before too much."""

    def __init__(self, ways: Callable[[], Iterator[Read]]) -> None:
        self._ways = ways

    def batches(self, max_rows: int | None = None, *, whole: bool = False) -> Rows:
        """The rows, by the first way that the org takes."""
        ways = self._ways()
        way: Read | None = next(ways)
        while way is not None:
            begun = False
            try:
                for batch, total in way.batches(max_rows, whole=whole):
                    begun = True
                    yield batch, total
                way = None
            except ResponseError as refused:
                way = next(ways, None) if too_much(refused) and not begun else None
                if way is None:
                    raise


def _pass_on(event: Event, hooks: Hooks) -> None:
    """What a statement tells, save how many rows it has: they are not those of the query."""
    if not isinstance(event, RowsRead):
        hooks(event)


def _width(query: Query) -> int:
    """Characters of the SELECT list, save its subqueries, which stay together."""
    return len(", ".join(str(item) for item in query.select if not isinstance(item, Subquery)))
