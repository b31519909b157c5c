"""Query cursors: results longer than a page, kept as row numbers in scratch tables.

A cursor holds 12 or so bytes a row outside the process' memory, and any page of it is a range of positions: pages can
be fetched again and in any order, each at the same price. Scratch tables are temporary; a restart forgets cursors.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from sfdata.localorg.engine.refusals import invalid_locator
from sfdata.localorg.engine.select import RowPlan
from sfdata.localorg.engine.sql import Sql, compose
from sfdata.localorg.ids import random_id
from sfdata.localorg.store import Store

LIFETIME = dt.timedelta(days=2)
KEY_PREFIX = "01g"

_LOCATOR = re.compile(r"(01g[0-9A-Za-z]{15})-(\d{1,9})", re.ASCII)


@dataclass(frozen=True)
class Cursor:
    """A result: the plan its pages are read with, where its row numbers are, and how many."""

    locator: str
    plan: RowPlan
    table: str
    total: int
    page_size: int
    created: dt.datetime


class Cursors:
    """The open cursors of a store. Callers hold the store's lock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[str, Cursor] = {}
        self._tables = 0

    def open(self, plan: RowPlan, numbers: Sql, page_size: int, now: dt.datetime) -> Cursor:
        """A cursor over the rows that ``numbers`` selects, in its order."""
        self._expire(now)
        self._tables += 1
        table = f'temp."cursor_{self._tables}"'
        connection = self._store.connection
        connection.execute(f"CREATE TABLE {table} (position INTEGER PRIMARY KEY, row INTEGER NOT NULL)")
        filled = compose(f"INSERT INTO {table} (row) {{}}", numbers)
        total = connection.execute(filled.text, filled.params).rowcount
        locator = random_id(KEY_PREFIX)
        cursor = Cursor(locator, plan, table, total, page_size, now)
        self._open[locator] = cursor
        return cursor

    def find(self, locator: str, now: dt.datetime) -> tuple[Cursor, int]:
        """The cursor of ``01g…-2000``, and how many rows lie before the page.

        Raises:
            ApiError: INVALID_QUERY_LOCATOR, where it is unknown, has expired or lies outside the result.
        """
        self._expire(now)
        found = _LOCATOR.fullmatch(locator)
        cursor = self._open.get(found[1]) if found else None
        if found is None or cursor is None or not 0 <= int(found[2]) < cursor.total:
            raise invalid_locator()
        return cursor, int(found[2])

    def forget(self) -> None:
        """Close every cursor, as if all had expired."""
        for cursor in self._open.values():
            self._store.connection.execute(f"DROP TABLE IF EXISTS {cursor.table}")
        self._open.clear()

    def _expire(self, now: dt.datetime) -> None:
        for cursor in list(self._open.values()):
            if now - cursor.created < LIFETIME:
                break
            self._store.connection.execute(f"DROP TABLE IF EXISTS {cursor.table}")
            del self._open[cursor.locator]
