"""One query, and the statements it takes: itself where it fits into one, or several that bring the same rows.

A list that is too long is dealt out (`sfdata.soql.splitting`), a SELECT list that is too wide is read in parts
(`sfdata.transfer.wide_read`). What an org finds too complicated it gets in smaller statements too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import pyarrow as pa

from sfdata.api.describe import DescribeCache
from sfdata.api.query import explain, first_page
from sfdata.errors import InvalidType, QueryTooLong, ResponseError
from sfdata.frames.batch import Batch
from sfdata.frames.columns import UnknownName, result_columns
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
        queries = parts(self._wide(WIDEST).decisive) if self._too_wide else self._queries
        return [self.text] if self._is_whole(queries) else [str(query) for query in queries]

    @cached_property
    def _queries(self) -> list[Query]:
        return parts(self.query)

    def total(self, announced: int) -> int:
        """How many rows the query has, of which reading a part ``announced`` so many."""
        alone = self.query.is_aggregate or self._too_wide or len(self._queries) == 1
        return announced if alone else self.count()

    def count(self) -> int:
        """How many rows the query has, for a COUNT() call each. A grouped query cannot be counted this way."""
        all_rows = SelectField(FunctionCall("COUNT"))
        counted = replace(self.query, select=(all_rows,), order_by=(), purpose=(), update=(), text="")
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

    # --- ways to read ------------------------------------------------------------------------------------------------

    def _ways(self) -> Iterator[Read]:
        """How to read the query; the next one is for an org that finds the one before too complicated."""
        if self._too_wide:
            yield self._wide(WIDEST)
            return
        yield self._in_parts(self.query)
        if len(str(self.query)) > SHORT:
            with suppress(QueryTooLong):
                yield self._in_parts(self.query, longest=SHORT)
        if self._is_joinable:
            yield self._wide(_width(self.query) // 2)

    @property
    def _too_wide(self) -> bool:
        return _width(self.query) > WIDEST and self._is_joinable

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
        columns = partial(getattr, self._reading.rest, "columns")
        by_ids = partial(self._in_parts, hooks=Hooks(), engine="rest")
        return WideRead(self._session, self.query, columns, self._in_parts, by_ids, width)

    def _in_parts(
        self, query: Query, hooks: Hooks | None = None, engine: Engine | None = None, longest: int = LONGEST
    ) -> Read:
        """``query`` in one statement, or in as many as its lists make it."""
        queries = self._queries if query is self.query and longest == LONGEST else parts(query, longest)
        hooks = hooks or self._hooks
        if len(queries) == 1:
            return self._one(queries[0], hooks, engine)
        key = self._key(query)
        hidden = key is None and not query.is_aggregate
        statements = [one.selecting(ID) for one in queries] if hidden else queries
        read = partial(self._one, hooks=Hooks(lambda event: _pass_on(event, hooks)), engine=engine)
        limit = query.limit if isinstance(query.limit, int) else None
        return SplitRead(statements, read, hooks, ID if hidden else key, hidden, limit)

    def _one(self, query: Query, hooks: Hooks, engine: Engine | None) -> Reading:
        self.latest = self._reading if self._is_whole([query]) else self._reading.of(query, hooks, engine)
        return self.latest

    def _key(self, query: Query) -> str | None:
        """The column of the records' Ids, where there is one."""
        if query.is_aggregate:
            return None
        with suppress(UnknownName, InvalidType):  # the org's own error says more
            columns = result_columns(query, self._describe.object).columns
            return next((column.name for column in columns if column.path == (ID,)), None)
        return None

    def _is_whole(self, queries: Sequence[Query]) -> bool:
        """Whether that is the query as it was written."""
        return len(queries) == 1 and queries[0] is self.query and len(self.text) <= LONGEST


def _pass_on(event: Event, hooks: Hooks) -> None:
    """What a statement tells, save how many rows it has: they are not those of the query."""
    if not isinstance(event, RowsRead):
        hooks(event)


def _width(query: Query) -> int:
    """Characters of the SELECT list, save its subqueries, which stay together."""
    return len(", ".join(str(item) for item in query.select if not isinstance(item, Subquery)))
