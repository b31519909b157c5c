"""Pages of records: the first one of a query, the further ones of a cursor, and the children of each.

Children are fetched for all parents of a page by one statement for each subquery, and theirs again, down to the last
level.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from sfdata.localorg.engine.cursors import Cursor, Cursors
from sfdata.localorg.engine.layout import ChildFetch, Layout, QueryResult, Row
from sfdata.localorg.engine.select import RowPlan
from sfdata.localorg.engine.sql import Sql
from sfdata.localorg.store import Store


@dataclass(frozen=True, slots=True)
class Pages:
    """Reads pages for one request. ``base`` starts every URL; callers hold the store's lock."""

    store: Store
    cursors: Cursors
    base: str
    page_size: int
    now: dt.datetime

    def first(self, plan: RowPlan) -> QueryResult:
        """The first page of a query. A result that fits it costs one statement and leaves nothing behind."""
        layout = Layout(plan.record, self.base)
        size = self._size(plan)
        rows = self._rows(plan.rows(layout.columns, size + 1))
        if len(rows) <= size:
            return QueryResult(len(rows), True, records=self.records(layout, rows))
        cursor = self.cursors.open(plan, plan.numbers(), size, self.now)
        return self._result(cursor, size, self.records(layout, rows[:size]))

    def further(self, cursor: Cursor, position: int) -> QueryResult:
        """The page of a cursor that starts after ``position`` rows."""
        layout = Layout(cursor.plan.record, self.base)
        end = position + cursor.page_size
        rows = self._rows(cursor.plan.numbered(layout.columns, cursor.table, position, end))
        return self._result(cursor, end, self.records(layout, rows))

    def _result(self, cursor: Cursor, end: int, records: list[object]) -> QueryResult:
        done = end >= cursor.total
        url = msgspec.UNSET if done else f"{self.base}/query/{cursor.locator}-{end}"
        return QueryResult(cursor.total, done, url, records)

    def records(self, layout: Layout, rows: Sequence[Row]) -> list[object]:
        """The records of these rows, each with its children."""
        for fetch in layout.children:
            self._fetch_children(fetch, [row[fetch.index] for row in rows])
        return [layout.build(row) for row in rows]

    def _fetch_children(self, fetch: ChildFetch, parent_ids: list[str]) -> None:
        plan = fetch.plan
        layout = Layout(plan.record, self.base)
        size = self._size(plan)
        # Two columns stand before the layout's own: the parent's Id, and how many children it has.
        rows = self._rows(plan.family(layout.columns, json.dumps(parent_ids), size))
        records = self.records(layout, [row[2:] for row in rows])
        families: dict[str, tuple[int, list[object]]] = {}
        for (parent, total, *_), record in zip(rows, records, strict=True):
            families.setdefault(parent, (total, []))[1].append(record)
        for parent, (total, children) in families.items():
            fetch.found[parent] = self._family(plan, parent, total, children)

    def _family(self, plan: RowPlan, parent: str, total: int, children: list[object]) -> QueryResult:
        chosen = plan.clauses
        expected = max(0, total - chosen.offset)
        if chosen.limit is not None:
            expected = min(expected, chosen.limit)
        if expected <= len(children):
            return QueryResult(len(children), True, records=children)
        cursor = self.cursors.open(plan, plan.numbers(parent), self._size(plan), self.now)
        return self._result(cursor, len(children), children)

    def _size(self, plan: RowPlan) -> int:
        return min(n for n in (self.page_size, plan.page_size) if n is not None)

    def _rows(self, statement: Sql) -> list[Row]:
        return self.store.connection.execute(statement.text, statement.params).fetchall()
