"""`Results`: rows that can be read in whatever form is asked for. A query in the hand is one, a resumed job another."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa

from sfdata.errors import ConfigurationError, InvalidQueryLocator, InvalidType
from sfdata.frames.batch import Batch, concat
from sfdata.frames.columns import ResultColumns, UnknownName
from sfdata.frames.dtypes import DtypeBackend, check_backend
from sfdata.frames.repeats import Repeats
from sfdata.transfer.bounds import BoundedRows, Bounds
from sfdata.transfer.parquet import ROW_GROUP_ROWS, ParquetGoal, ParquetWritten

PIECE_ROWS = 131_072
"""Rows that are packed together while a whole result is collected: pages are small, and take more than they hold."""
REMEMBERED = 1 << 18
"""Records that a stream knows again; see `Repeats`."""
ALL = Bounds()

T = TypeVar("T")


class Results(ABC):
    """Rows in the making. Every method returns all of them or raises `IncompleteResult`."""

    @abstractmethod
    def _batches(self, max_rows: int | None = None, *, whole: bool = False) -> Iterator[tuple[Batch, int]]:
        """The rows in batches as they arrive, beside the org's count of all; at least one batch, maybe empty.

        With ``max_rows``, nothing is read beyond the batch in which they are reached. ``whole`` says that all rows are
        collected in memory, so that large batches do no harm.
        """

    @abstractmethod
    def _columns(self) -> ResultColumns:
        """The columns, known before any row.

        Raises:
            UnknownName, InvalidType: describe does not know a name.
        """

    @abstractmethod
    def _about(self) -> dict[str, Any]:
        """Where the rows come from, for ``attrs["sfdata"]``."""

    @abstractmethod
    def _id_column(self) -> str | None:
        """The column in which no value may come twice, since it holds the records' own Ids; None where none does.

        Asked for when the first rows have arrived.
        """

    def _total(self, announced: int) -> int:
        """How many rows there are in all, where a bound left some out; ``announced`` were so many."""
        return announced

    def _handed_over(self) -> None:  # noqa: B027 - most results need not know
        """Whoever took the rows of the latest reading has all that were asked for."""

    # --- whole -------------------------------------------------------------------------------------------------------

    def to_pandas(
        self,
        *,
        dtype_backend: DtypeBackend | None = None,
        index_col: str | Sequence[str] | None = None,
        max_rows: int | None = None,
        max_memory: int | str | None = None,
    ) -> pd.DataFrame:
        """All rows as a DataFrame: columns in SELECT order, typed by describe, provenance in ``attrs["sfdata"]``.

        Args:
            dtype_backend: ``"numpy_nullable"`` or ``"pyarrow"``, as in pandas' readers.
            index_col: column or columns to make the index.
            max_rows: keep that many rows at most.
            max_memory: keep that much at most, in bytes of Arrow data (the frame is about as large): a number, or text
                such as ``"500 MB"``.

        Warns:
            ResultTruncated: a bound left rows out; ``attrs["sfdata"]["truncated"]`` says which, and how many there are.
        """
        bounds = Bounds(max_rows, max_memory)
        self._check(dtype_backend, index_col)
        batch, rows = self._whole(bounds)
        frame = _indexed(batch.to_frame(self._provenance(rows), dtype_backend, consume=True), index_col)
        rows.warn()
        self._handed_over()
        return frame

    def to_arrow(self, *, max_rows: int | None = None, max_memory: int | str | None = None) -> pa.Table:
        """All rows as an Arrow table, its schema's metadata under ``sfdata`` the provenance as JSON.

        A subquery's rows are a table of their own: see `to_tables`. The bounds are those of `to_pandas`.
        """
        return next(iter(self.to_tables(max_rows=max_rows, max_memory=max_memory).values()))

    def to_tables(self, *, max_rows: int | None = None, max_memory: int | str | None = None) -> dict[str, pa.Table]:
        """All rows as Arrow tables, and the rows of child subqueries at any depth as tables beside them.

        The names tell the way: ``{"Account": …, "Account.Contacts": …, "Account.Contacts.Cases": …}``, the query's own
        rows first. A child table's column with its reference to the parent (``AccountId``) links it to the one above.
        """
        batch, rows = self._whole(Bounds(max_rows, max_memory))
        metadata = {"sfdata": json.dumps(self._provenance(rows), ensure_ascii=False)}
        rows.warn()
        named = _named(self._columns().object_name, batch)
        tables = {name: table.replace_schema_metadata(metadata) for name, table in named}
        self._handed_over()
        return tables

    def to_parquet(
        self,
        path: str | os.PathLike[str],
        *,
        partition_by: str | Sequence[str] | None = None,
        compression: str | None = "zstd",
        row_group_size: int = ROW_GROUP_ROWS,
        max_rows: int | None = None,
        overwrite: bool = False,
    ) -> ParquetWritten:
        """Write all rows as Parquet while they arrive, in little memory however many they are.

        The rows of child subqueries are written beside: `sfdata.transfer.parquet` says under which names. Nothing
        stands at ``path`` before the read is complete, and after an error nothing is left.

        Args:
            path: a file if it ends in ``.parquet``, else the directory of a dataset.
            partition_by: column or columns whose values become directories of the dataset (``StageName=Won/…``, a null
                ``__HIVE_DEFAULT_PARTITION__``) and leave the files. Who reads them back guesses their types.
            compression: ``"zstd"``, ``"snappy"``, ``"gzip"``, ``"brotli"``, ``"lz4"``, or None for none.
            row_group_size: rows that are written, and can be read, at once; fewer where they are wide.
            max_rows: keep that many rows at most.
            overwrite: replace a file, or a directory of nothing but Parquet, that is there already.

        Returns:
            Where it was written, how many rows, and the same of each child subquery.

        Raises:
            ConfigurationError: an argument is wrong, or the path is taken; nothing was sent.
            OSError: the disk is full, or the like.

        Warns:
            ResultTruncated: ``max_rows`` left rows out.
        """
        bounds = Bounds(max_rows)
        options = {"compression": compression, "row_group_size": row_group_size, "overwrite": overwrite}
        goal = ParquetGoal.at(path, partition_by, **options)
        self._refuse_unknown("partition_by", partition_by)
        goal.refuse_taken()
        with suppress(UnknownName, InvalidType):  # the org's own error says more
            goal.refuse_columns(self._columns())
        written, rows = _from_the_beginning(lambda: self._written(goal, bounds))
        rows.warn()
        self._handed_over()
        return written

    def _written(self, goal: ParquetGoal, bounds: Bounds) -> tuple[ParquetWritten, BoundedRows]:
        rows = self._bounded(bounds)
        with closing(self._run(rows, REMEMBERED)) as batches:
            return goal.write(batches, lambda: self._provenance(rows)), rows

    # --- as they arrive ----------------------------------------------------------------------------------------------

    def chunks(
        self,
        size: int,
        *,
        dtype_backend: DtypeBackend | None = None,
        index_col: str | Sequence[str] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """The rows as DataFrames of ``size`` rows (the last one shorter), fetched as they are consumed.

        The row numbers run on from chunk to chunk. A query without rows gives one empty frame.
        """
        if size < 1:
            raise ConfigurationError(f"a chunk needs at least one row, not {size}")
        self._check(dtype_backend, index_col)
        return self._chunks(size, dtype_backend, index_col)

    def _chunks(
        self, size: int, dtype_backend: DtypeBackend | None, index_col: str | Sequence[str] | None
    ) -> Iterator[pd.DataFrame]:
        start = 0
        with closing(self._run(self._bounded(ALL), REMEMBERED)) as batches:
            for batch in _rechunked(batches, size):
                frame = batch.to_frame(self._about(), dtype_backend)
                frame.index = pd.RangeIndex(start, start + len(batch))
                yield _indexed(frame, index_col)
                start += len(batch)
        self._handed_over()

    def to_reader(self) -> pa.RecordBatchReader:
        """The rows as a stream of Arrow record batches, fetched as it is consumed; nothing is read before.

        Dropping the reader half way ends the reading. It holds no rows of child subqueries: see `to_tables`.
        """
        batches = self._run(self._bounded(ALL), REMEMBERED)
        try:
            schema = _schema(self._columns())
        except (UnknownName, InvalidType):  # the org may know better, or say it better
            first = next(batches)
            return pa.RecordBatchReader.from_batches(first.table.schema, self._record_batches(batches, first))
        return pa.RecordBatchReader.from_batches(schema, self._record_batches(batches))

    def _record_batches(self, batches: Generator[Batch, None, None], *ahead: Batch) -> Iterator[pa.RecordBatch]:
        with closing(batches):
            for batch in chain(ahead, batches):
                yield from batch.table.to_batches()
        self._handed_over()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow PyCapsule stream, page by page: ``polars.DataFrame(org.soql(…))`` and DuckDB read it.

        https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
        """
        return self.to_reader().__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        """The schema of that stream, for which nothing is read."""
        return self.to_reader().schema.__arrow_c_schema__()

    # --- reading -----------------------------------------------------------------------------------------------------

    def _check(self, dtype_backend: DtypeBackend | None, index_col: str | Sequence[str] | None) -> None:
        """Refuse what the result cannot be given, before anything is read."""
        check_backend(dtype_backend)
        self._refuse_unknown("index_col", index_col)

    def _refuse_unknown(self, option: str, columns: str | Sequence[str] | None) -> None:
        try:
            names = self._columns().names if columns is not None else []
        except (UnknownName, InvalidType):
            return  # the org's own error says more
        for name in _listed(columns):
            if name not in names:
                raise ConfigurationError(f"{option} {name!r} is not among the query's columns: {', '.join(names)}")

    def _bounded(self, bounds: Bounds, *, whole: bool = False) -> BoundedRows:
        return BoundedRows(self._batches(bounds.max_rows, whole=whole), bounds, self._total)

    def _run(self, rows: BoundedRows, remember: int | None) -> Generator[Batch, None, None]:
        """The batches of one reading, of which no record comes twice."""
        repeats: Repeats | None = None
        with closing(iter(rows)) as batches:
            for batch in batches:
                repeats = repeats or Repeats(self._id_column(), remember)
                repeats.add(batch.table)
                yield batch
        if repeats is not None:
            repeats.finish()

    def _whole(self, bounds: Bounds = ALL) -> tuple[Batch, BoundedRows]:
        """The rows in one batch."""
        return _from_the_beginning(lambda: self._collected(bounds))

    def _collected(self, bounds: Bounds) -> tuple[Batch, BoundedRows]:
        rows, pieces = self._bounded(bounds, whole=True), []
        for batch in _gathered(self._run(rows, None), PIECE_ROWS):
            pieces.append(batch.packed())
            del batch
            pa.default_memory_pool().release_unused()  # what the pages took beyond their rows
        return concat(pieces), rows

    def _provenance(self, rows: BoundedRows) -> dict[str, Any]:
        return self._about() | ({"truncated": rows.truncated} if rows.truncated else {})


def _from_the_beginning(read: Callable[[], T]) -> T:
    """What ``read`` brings; once more where its cursor expired half way, since nobody has seen a row yet."""
    try:
        return read()
    except InvalidQueryLocator:
        pass  # only then is what was read so far let go
    return read()


def _named(name: str, batch: Batch) -> Iterator[tuple[str, pa.Table]]:
    """The table, and those of its children at any depth."""
    yield name, batch.table
    for relationship, linked in batch.children.items():
        yield from _named(f"{name}.{relationship}", linked.batch)


def _gathered(batches: Iterator[Batch], size: int) -> Iterator[Batch]:
    """The same rows in batches of at least ``size``, save the last one; none is held on to."""
    pending: list[Batch] = []
    for batch in batches:
        pending.append(batch)
        del batch
        if sum(map(len, pending)) >= size:
            yield _taken(pending)
    if pending:
        yield _taken(pending)


def _taken(pending: list[Batch]) -> Batch:
    joined = concat(pending)
    pending.clear()
    return joined


def _rechunked(batches: Iterator[Batch], size: int) -> Iterator[Batch]:
    """The same rows in batches of ``size``, at least one batch in all."""
    pending: list[Batch] = []
    rows, yielded = 0, False
    for batch in batches:
        pending.append(batch)
        rows += len(batch)
        if rows >= size:
            joined = concat(pending)
            whole = rows - rows % size
            yield from (joined.slice(start, start + size) for start in range(0, whole, size))
            pending = [joined.slice(whole, rows)]
            rows, yielded = rows - whole, True
    rest = concat(pending)
    if len(rest) or not yielded:
        yield rest


def _schema(columns: ResultColumns) -> pa.Schema:
    return pa.schema([(column.name, column.kind.arrow) for column in columns.columns])


def _listed(columns: str | Sequence[str] | None) -> Sequence[str]:
    return [columns] if isinstance(columns, str) else columns or ()


def _indexed(frame: pd.DataFrame, index_col: str | Sequence[str] | None) -> pd.DataFrame:
    return frame if index_col is None else frame.set_index(index_col if isinstance(index_col, str) else list(index_col))
