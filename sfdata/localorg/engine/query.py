"""The query engine: SOQL in, Salesforce's JSON out.

text → `soql.parse` → plan (`select`, `aggregates`) → SQL → rows → `layout` → JSON
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import msgspec

from sfdata.errors import SoqlSyntaxError
from sfdata.localorg.engine import refusals
from sfdata.localorg.engine.clauses import Statement
from sfdata.localorg.engine.cursors import Cursors
from sfdata.localorg.engine.functions import register
from sfdata.localorg.engine.layout import QueryResult
from sfdata.localorg.engine.pages import Pages
from sfdata.localorg.engine.select import plan_rows
from sfdata.localorg.engine.viewer import viewer
from sfdata.localorg.store import Store
from sfdata.soql import parse
from sfdata.soql.nodes import Query

PAGE_SIZE = 2000


class QueryEngine:
    """Answers SOQL queries over a store.

    ``clock`` gives the current time (aware); relative dates and the life of cursors go by it.
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

        Raises:
            ApiError: for whatever Salesforce refuses.
        """
        query = parsed(soql)
        with self.store.lock:
            statement = self._statement(user_id, include_deleted)
            size = min(batch_size or self.page_size, self.page_size)
            pages = Pages(self.store, self._cursors, base, size, statement.viewer.now)
            return encoded(pages.first(plan_rows(statement, query)))

    def more(self, locator: str, *, base: str) -> bytes:
        """The body of ``GET query/01g…-2000``.

        Raises:
            ApiError: INVALID_QUERY_LOCATOR, where there is no such page.
        """
        with self.store.lock:
            now = self.clock()
            cursor, position = self._cursors.find(locator, now)
            return encoded(Pages(self.store, self._cursors, base, cursor.page_size, now).further(cursor, position))

    def _statement(self, user_id: str, include_deleted: bool) -> Statement:
        asking = viewer(self.store, user_id, self.clock())
        return Statement(self.store.schema, asking, include_deleted)


def parsed(soql: str) -> Query:
    """The tree of a query, its errors in Salesforce's words."""
    if not soql.strip():
        raise refusals.empty_query()
    try:
        return parse(soql)
    except SoqlSyntaxError as error:
        raise refusals.syntax_error(error) from None


_encoder = msgspec.json.Encoder()


def encoded(result: QueryResult) -> bytes:
    """A page as JSON."""
    return _encoder.encode(result)
