"""A whole read in several statements, since one would be too long: their rows one after the other, each record once.

Each statement is read, and proved to be whole, by itself. The next ones begin while one is read. A record that changes
in between so that two statements find it is handed out once, as it was found first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import Protocol

import numpy as np

from sfdata.frames.batch import Batch
from sfdata.frames.repeats import NO_RECORD
from sfdata.resilience.budget import Budget
from sfdata.resilience.hooks import Hooks, RowsRead
from sfdata.soql import Query
from sfdata.stop import Stop, awaited

AHEAD = 2
"""Statements under way behind the one that is being read."""

Rows = Generator[tuple[Batch, int], None, None]


class Read(Protocol):
    """A query that can be read."""

    def batches(self, max_rows: int | None = None, *, whole: bool = False) -> Iterator[tuple[Batch, int]]:
        """The rows in batches, beside the org's count of all; at least one batch, maybe empty.

        Nothing is read beyond the batch in which ``max_rows`` are reached. ``whole`` allows for large batches.
        """


@dataclass(frozen=True)
class SplitRead:
    """One query as several ``statements``, each of which ``read`` makes readable.

    ``key`` is the column of the records' Ids, None where rows are no records. One that is ``hidden`` was selected to
    tell records apart, and is no part of the result. ``limit`` is the query's own, which every statement bears too.
    """

    statements: Sequence[Query]
    read: Callable[[Query], Read]
    hooks: Hooks
    budget: Budget
    key: str | None
    hidden: bool = False
    limit: int | None = None

    def batches(self, max_rows: int | None = None, *, whole: bool = False) -> Rows:
        """The rows as they arrive, beside how many there are: as far as is known, and more while statements are left.

        Raises:
            BudgetExceeded: the connection may not make as many calls as there are statements; none was sent.
            IncompleteResult: not every row of a statement arrived.
            ResponseError: the org refused one.
        """
        bounds = [bound for bound in (max_rows, self.limit) if bound is not None]
        goal = min(bounds, default=None)
        if goal is None:
            self.budget.require(len(self.statements), f"a read in {len(self.statements)} statements")
        records = _Records(self.key)
        rows = 0
        with closing(self._parts(goal, whole)) as parts:
            for left, part in parts:
                repeated, before = 0, rows
                for batch, announced in part:
                    new = records.new(batch)
                    repeated += len(batch) - len(new)
                    new = new if self.limit is None else new.slice(0, self.limit - rows)
                    rows += len(new)
                    known = before + announced - repeated
                    known = known if self.limit is None else min(known, self.limit)
                    reached = rows >= goal if goal is not None else False
                    self.hooks(RowsRead(rows, known, reached or (not left and rows >= known)))
                    yield self._shown(new), known if rows == self.limit else known + left
                    if reached:
                        return
                records.finish()

    def _shown(self, batch: Batch) -> Batch:
        return Batch(batch.table.drop_columns([self.key]), batch.children) if self.hidden else batch

    def _parts(self, goal: int | None, whole: bool) -> Generator[tuple[int, Iterator[tuple[Batch, int]]], None, None]:
        """Each statement's rows, beside how many statements are left. Bounded by a ``goal``, none begins early."""
        ahead = AHEAD if goal is None else 0
        waiting = iter(self.statements)
        begun: deque[Future[tuple[tuple[Batch, int], Rows]]] = deque()
        pool, stop = ThreadPoolExecutor(1 + ahead, thread_name_prefix="sfdata statement"), Stop()
        begin = stop.heeding(_begin)
        try:
            for left in reversed(range(len(self.statements))):
                room = 1 + ahead - len(begun)
                begun.extend(pool.submit(begin, self._rows(one, goal, whole)) for one in islice(waiting, room))
                first, rest = awaited(begun[0])  # which is given up with the others should this be interrupted
                begun.popleft()
                with closing(rest):
                    yield left, chain([first], rest)
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for one in begun:
                one.add_done_callback(_give_up)

    def _rows(self, statement: Query, goal: int | None, whole: bool) -> Rows:
        yield from self.read(statement).batches(goal, whole=whole)


def _begin(rows: Rows) -> tuple[tuple[Batch, int], Rows]:
    """The first batch, and the others."""
    return next(rows), rows


def _give_up(begun: Future[tuple[tuple[Batch, int], Rows]]) -> None:
    if not begun.cancelled() and begun.exception() is None:
        begun.result()[1].close()


class _Records:
    """The records that earlier statements have found, 18 bytes each."""

    def __init__(self, key: str | None) -> None:
        self._key = key
        self._known = np.empty(0, "S18")
        self._latest: list[np.ndarray[tuple[int], np.dtype[np.bytes_]]] = []

    def new(self, batch: Batch) -> Batch:
        """The rows whose record is not among them."""
        if self._key is None:
            return batch
        ids = batch.table[self._key].to_numpy().astype("S18")
        self._latest.append(ids)
        if not len(self._known):
            return batch
        nearest = self._known[np.searchsorted(self._known, ids).clip(max=len(self._known) - 1)]
        repeated = (nearest == ids) & (ids != NO_RECORD.encode())
        return batch.take(np.flatnonzero(~repeated)) if repeated.any() else batch

    def finish(self) -> None:
        """The statement has been read."""
        self._known = np.sort(np.concatenate([self._known, *self._latest]))
        self._latest = []
