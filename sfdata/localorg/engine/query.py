"""The query engine: SOQL in, Salesforce's JSON out.

text → `reading` → plan (`select`, `aggregates`) → SQL → rows → `layout` → JSON
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec

from sfdata.localorg.engine import columns, explain, refusals
from sfdata.localorg.engine.aggregates import GroupPlan, is_grouped, plan_count, plan_groups
from sfdata.localorg.engine.clauses import Statement
from sfdata.localorg.engine.cursors import Cursors
from sfdata.localorg.engine.functions import register
from sfdata.localorg.engine.layout import AGGREGATE_RESULT, QueryResult, struct_of
from sfdata.localorg.engine.pages import Pages
from sfdata.localorg.engine.reading import parsed
from sfdata.localorg.engine.resolve import queryable
from sfdata.localorg.engine.select import plan_rows
from sfdata.localorg.engine.sql import Sql
from sfdata.localorg.engine.viewed import note_viewed
from sfdata.localorg.engine.viewer import viewer
from sfdata.localorg.store import Store
from sfdata.soql.nodes import Query

PAGE_SIZE = 2000

_encoder = msgspec.json.Encoder()


class QueryEngine:
    """Answers SOQL queries over a store.

    ``clock`` gives the current time (aware); relative dates and the life of cursors go by it. Every method raises
    `ApiError` for what Salesforce refuses, with Salesforce's code and words.
    """

    def __init__(self, store: Store, *, clock: Callable[[], dt.datetime], page_size: int = PAGE_SIZE) -> None:
        self.store = store
        self.clock = clock
        self.page_size = page_size
        self._cursors = Cursors(store)
        with store.lock:
            register(store.connection)

    def query(
        self, soql: str, *, base: str, user_id: str, include_deleted: bool = False, batch_size: int | None = None
    ) -> bytes:
        """The body of ``GET query`` (with ``include_deleted``, of ``queryAll``).

        ``base`` is the path of the API version (``/services/data/v66.0``), ``batch_size`` the page size asked for.
        """
        query = parsed(soql)
        with self.store.lock:
            statement = self._statement(user_id, include_deleted)
            if query.is_count and query.group_by is None:
                ((total,),) = self._fetch(plan_count(statement, query))
                return _encoder.encode(QueryResult(total, True, records=[]))
            if is_grouped(query):
                return _encoder.encode(self._groups(plan_groups(statement, query)))
            plan = plan_rows(statement, query)
            page = self.pages(base, batch_size).first(plan)
            if query.purpose:
                note_viewed(self.store, plan, query.purpose, statement.viewer.now)
            return _encoder.encode(page)

    def more(self, locator: str, *, base: str) -> bytes:
        """The body of ``GET query/01g…-2000``: a further page, as often as it is asked for."""
        with self.store.lock:
            now = self.clock()
            cursor, position = self._cursors.find(locator, now)
            pages = Pages(self.store, self._cursors, base, cursor.page_size, now)
            return _encoder.encode(pages.further(cursor, position))

    def pages(self, base: str, size: int | None = None) -> Pages:
        """What reads records page by page, as many at a time as are asked for and allowed."""
        return Pages(self.store, self._cursors, base, min(size or self.page_size, self.page_size), self.clock())

    def forget_cursors(self) -> None:
        """Close every cursor: whoever asks for a further page is told that its locator is none."""
        with self.store.lock:
            self._cursors.forget()

    def explain(self, soql: str, *, user_id: str) -> dict[str, Any]:
        """The answer to ``GET query?explain=``: the query plans."""
        query = parsed(soql)
        with self.store.lock:
            statement = self._statement(user_id)
            self._columns(statement, query)
            return explain.explain(self.store, statement, query)

    def column_metadata(self, soql: str) -> dict[str, Any]:
        """The answer to ``GET query?q=…&columns=true``: what the columns are; the query is not run."""
        query = parsed(soql)
        with self.store.lock:
            return self._columns(self._statement(""), query)

    def _statement(self, user_id: str, include_deleted: bool = False) -> Statement:
        return Statement(self.store.schema, viewer(self.store, user_id, self.clock()), include_deleted)

    def _columns(self, statement: Statement, query: Query) -> dict[str, Any]:
        sobject = queryable(statement.schema, query.source.name, query.text, query.source.pos)
        if query.is_count and query.group_by is None:
            plan_count(statement, query)
            return columns.count_columns(sobject)
        if is_grouped(query):
            return columns.group_columns(plan_groups(statement, query), sobject, group_by=query.group_by is not None)
        return columns.row_columns(plan_rows(statement, query))

    def _groups(self, plan: GroupPlan) -> QueryResult:
        rows = self._fetch(plan.rows(self.page_size + 1))
        if len(rows) > self.page_size:
            message = (
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
            )
            raise refusals.refuse("EXCEEDED_ID_LIMIT", message)
        make = struct_of(("attributes", *(column.key for column in plan.columns)))
        booleans = [n for n, column in enumerate(plan.columns) if column.type == "boolean"]
        for row in rows:
            for n in booleans:
                row[n] = None if row[n] is None else row[n] == 1
        return QueryResult(len(rows), True, records=[make(AGGREGATE_RESULT, *row) for row in rows])

    def _fetch(self, statement: Sql) -> list[list[Any]]:
        return [list(row) for row in self.store.connection.execute(statement.text, statement.params)]
