"""A whole read of more columns than one statement may select: several statements, joined by the records' Ids.

The first statement decides which rows there are, and in which order. The other columns are read by the Ids of each of
its batches. All of them carry SystemModstamp: a row of which two statements saw different states, or that one of them
did not find, is asked for again, from the first statement on, until all agree. So is a row whose stamp is no older than
the asking, since stamps have seconds and it may have changed twice in one. A row that is deleted meanwhile, or that
WHERE leaves out by now, is left out.

What is of other records (``Owner.Name``, a formula over a parent) changes without a stamp; the fields of one parent are
read by the same statement where they fit into one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.api.replication import org_clock
from sfdata.errors import IncompleteResult, ResponseError
from sfdata.frames.batch import Batch, concat
from sfdata.frames.columns import ResultColumns
from sfdata.soql.nodes import FieldPath, FunctionCall, Membership, Query, SelectItem, StringLiteral, Subquery
from sfdata.transfer.split_read import Read, Rows
from sfdata.transport.http_session import HttpSession

ID, STAMP = "Id", "SystemModstamp"
PRECISION = dt.timedelta(seconds=1)
"""Of SystemModstamp."""
ROUNDS = 10
"""Times a row that keeps changing is asked for."""

TOO_MUCH = frozenset({"QUERY_TOO_COMPLICATED", "OPERATION_TOO_LARGE"})
"""Codes by which an org refuses what it could answer in parts."""


def too_much(refused: ResponseError) -> bool:
    """Whether the org might answer the same in smaller statements."""
    return refused.error_code in TOO_MUCH or "longer than" in refused.message or "maximum length" in refused.message


class WideRead:
    """One query whose columns are read in several statements.

    Args:
        session: of the org, which is asked what time it is.
        query: its rows are records.
        columns: what it returns; asked for when rows have arrived.
        first: makes the statement readable that decides on the rows.
        more: makes readable what is asked for by Ids.
        width: characters of a statement's SELECT list.

    Attributes:
        groups: the columns of each statement. Those that an org refuses are halved while it does.
    """

    def __init__(
        self,
        session: HttpSession,
        query: Query,
        columns: Callable[[], ResultColumns],
        first: Callable[[Query], Read],
        more: Callable[[Query], Read],
        width: int,
    ) -> None:
        self._session = session
        self._query = query
        self._columns = columns
        self._first = first
        self._more = more
        self._subqueries = tuple(item for item in query.select if isinstance(item, Subquery))
        self.groups = select_groups([item for item in query.select if not isinstance(item, Subquery)], width)

    @property
    def decisive(self) -> Query:
        """The statement that decides on the rows."""
        return replace(self._query, select=(*self.groups[0], *self._subqueries), text="").selecting(ID, STAMP)

    def batches(self, max_rows: int | None = None, *, whole: bool = False) -> Rows:
        """The rows as they arrive, whole, beside the org's count of all.

        Raises:
            IncompleteResult: a row changed every time it was asked for.
            ResponseError: the org refused a statement.
        """
        asked = org_clock(self._session).now
        gone = 0
        for batch, total in self._decided(max_rows, whole):
            rows = self._whole(batch, asked)
            gone += len(batch) - len(rows)
            yield rows, total - gone

    def _decided(self, max_rows: int | None, whole: bool) -> Rows:
        """The rows of the first statement."""
        begun = False
        while not begun:
            try:
                for batch, total in self._first(self.decisive).batches(max_rows, whole=whole):
                    begun = True
                    yield batch, total
            except ResponseError as refused:
                if begun or not self._halve(0, refused):
                    raise

    def _halve(self, place: int, refused: ResponseError) -> bool:
        """Whether half of the columns of a statement may be answered where all of them are ``refused``."""
        group = self.groups[place]
        if not too_much(refused) or len(group) < 2:
            return False
        middle = len(group) // 2
        self.groups[place : place + 1] = [group[:middle], group[middle:]]
        return True

    # --- the other columns -------------------------------------------------------------------------------------------

    def _whole(self, decided: Batch, asked: dt.datetime) -> Batch:
        """The rows of a batch of the first statement, asked for not before ``asked``, with all columns."""
        columns = self._columns()
        ids = _column(decided.table, ID).combine_chunks()
        whole = Batch(pa.schema([(column.name, column.kind.arrow) for column in columns.columns]).empty_table())
        pieces, places = [replace(whole, children=decided.slice(0, 0).children)], [np.empty(0, np.int64)]
        for _ in range(ROUNDS):
            if not len(decided):
                break
            joined, agreed = self._joined(decided, columns.names, asked)
            pieces.append(joined.take(np.flatnonzero(agreed)))
            places.append(pc.index_in(_column(decided.table, ID), value_set=ids).to_numpy()[agreed])
            if agreed.all():
                break
            unsure = decided.table.filter(pa.array(~agreed))
            asked = self._settled(_column(unsure, STAMP))
            decided = self._again(_column(unsure, ID))
        else:
            message = f"{len(unsure)} rows changed each of the {ROUNDS} times they were asked for"
            raise IncompleteResult(message, expected=len(ids), received=len(ids) - len(unsure))
        return concat(pieces).take(np.argsort(np.concatenate(places)))

    def _joined(self, decided: Batch, names: Sequence[str], asked: dt.datetime) -> tuple[Batch, npt.NDArray[np.bool_]]:
        """The rows with all columns, and which of them are rows as they were at one moment."""
        ids, stamps = _column(decided.table, ID), _column(decided.table, STAMP)
        agreed = pc.fill_null(pc.less_equal(stamps, asked - PRECISION), False).to_numpy()
        tables = [decided.table]
        while len(tables) < len(self.groups):
            found = self._found(len(tables), ids)
            table = found.take(pc.index_in(ids, value_set=_column(found, ID).combine_chunks()))
            agreed = agreed & pc.fill_null(pc.equal(_column(table, STAMP), stamps), False).to_numpy()
            tables.append(table)
        columns = {name: table[name] for table in reversed(tables) for name in table.column_names}
        return Batch(pa.table([columns[name] for name in names], names), decided.children), agreed

    def _found(self, place: int, ids: pa.ChunkedArray) -> pa.Table:
        """The columns of one of the other statements for these records, as far as there are such."""
        while True:
            query = Query(self.groups[place], self._query.source, self._query.joins, access=self._query.access)
            try:
                return self._read(query.selecting(ID, STAMP), ids).table
            except ResponseError as refused:
                if not self._halve(place, refused):
                    raise

    def _again(self, ids: pa.ChunkedArray) -> Batch:
        """Those of these records that are still in the result, as the first statement finds them now."""
        return self._read(replace(self.decisive, order_by=(), limit=None, offset=None, purpose=None, update=()), ids)

    def _read(self, query: Query, ids: pa.ChunkedArray) -> Batch:
        """The rows of ``query`` with these Ids."""
        listed = tuple(StringLiteral(one) for one in ids.to_pylist())
        found = self._more(query.narrowed(Membership(FieldPath((ID,)), listed)))
        return concat([batch for batch, _ in found.batches()])

    def _settled(self, stamps: pa.ChunkedArray) -> dt.datetime:
        """The org's time, when what bears these stamps can not change any more without another stamp."""
        now = org_clock(self._session).now
        settled: dt.datetime = pc.max(stamps).as_py() + PRECISION
        if settled > now:
            self._session.runtime.sleep(min(settled - now, 2 * PRECISION).total_seconds())
        return max(now, min(settled, now + 2 * PRECISION))


def select_groups(items: Sequence[SelectItem], width: int) -> list[tuple[SelectItem, ...]]:
    """``items`` in groups of at most ``width`` characters, those of one parent together where they fit into one."""
    parents: dict[object, list[SelectItem]] = {}
    for place, item in enumerate(items):
        parents.setdefault(_parent(item) or place, []).append(item)
    units = [
        unit for together in parents.values() for unit in ([together] if _width(together) <= width else zip(together))
    ]
    groups: list[list[SelectItem]] = []
    for unit in units:
        if not groups or _width([*groups[-1], *unit]) > width:
            groups.append([])
        groups[-1] += unit
    return [tuple(group) for group in groups]


def _parent(item: SelectItem) -> str | None:
    """The relationship that leads to an item, also one inside a function."""
    expression: object = getattr(item, "expression", None)
    while isinstance(expression, FunctionCall):
        expression = expression.args[0] if expression.args else None
    return expression.parts[0].casefold() if isinstance(expression, FieldPath) and len(expression.parts) > 1 else None


def _width(items: Sequence[SelectItem]) -> int:
    return len(", ".join(map(str, items)))


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    """The column of that name, however the query spells it."""
    return table[next(column for column in table.column_names if column.casefold() == name.casefold())]
