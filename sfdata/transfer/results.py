"""`Results`: rows that can be read in whatever form is asked for. A query in the hand is one, a resumed job another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import pandas as pd
import pyarrow as pa

from sfdata.errors import ConfigurationError, InvalidQueryLocator, InvalidType
from sfdata.frames.batch import Batch, concat
from sfdata.frames.columns import ResultColumns, UnknownName
from sfdata.frames.dtypes import DtypeBackend, check_backend


class Results(ABC):
    """Rows in the making. Every method returns all of them or raises `IncompleteResult`."""

    @abstractmethod
    def _batches(self, max_rows: int | None = None) -> Iterator[tuple[Batch, int]]:
        """The rows in batches as they arrive, beside the org's count of all; at least one batch, maybe empty.

        With ``max_rows``, nothing is read beyond the batch in which they are reached.
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
    def _prove(self, whole: Batch) -> None:
        """Refuse a whole result that cannot be right, whatever its counts say.

        Raises:
            IncompleteResult: a record came twice.
        """

    def to_pandas(
        self,
        *,
        dtype_backend: DtypeBackend | None = None,
        index_col: str | Sequence[str] | None = None,
        max_rows: int | None = None,
    ) -> pd.DataFrame:
        """All rows as a DataFrame: columns in SELECT order, typed by describe, provenance in ``attrs["sfdata"]``.

        Args:
            dtype_backend: ``"numpy_nullable"`` or ``"pyarrow"``, as in pandas' readers.
            index_col: column or columns to make the index.
            max_rows: keep that many rows; ``attrs["sfdata"]["truncated"]`` then says how many there are in all.
        """
        if max_rows is not None and max_rows < 1:
            raise ConfigurationError(f"max_rows must be at least 1, not {max_rows}")
        self._check(dtype_backend, index_col)
        batch, total = self._whole(max_rows)
        about = self._about()
        if max_rows is not None and total > max_rows:
            batch = batch.slice(0, max_rows)
            about["truncated"] = {"rows": max_rows, "total": total}
        return _indexed(batch.to_frame(about, dtype_backend), index_col)

    def to_arrow(self) -> pa.Table:
        """All rows as an Arrow table."""
        return self._whole()[0].table

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
        for batch in _rechunked((batch for batch, _ in self._batches()), size):
            frame = batch.to_frame(self._about(), dtype_backend)
            frame.index = pd.RangeIndex(start, start + len(batch))
            yield _indexed(frame, index_col)
            start += len(batch)

    def to_reader(self) -> pa.RecordBatchReader:
        """The rows as a stream of Arrow record batches, fetched as it is consumed."""
        tables = (batch.table for batch, _ in self._batches())
        first = next(tables)
        parts = (part for table in chain([first], tables) for part in table.to_batches())
        return pa.RecordBatchReader.from_batches(first.schema, parts)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow PyCapsule stream, page by page: ``polars.DataFrame(org.soql(…))`` and DuckDB read it."""
        return self.to_reader().__arrow_c_stream__(requested_schema)

    def _check(self, dtype_backend: DtypeBackend | None, index_col: str | Sequence[str] | None) -> None:
        """Refuse what the result cannot be given, before anything is read."""
        check_backend(dtype_backend)
        if index_col is None:
            return
        try:
            names = self._columns().names
        except (UnknownName, InvalidType):
            return  # the org's own error says more
        for name in [index_col] if isinstance(index_col, str) else index_col:
            if name not in names:
                raise ConfigurationError(f"index_col {name!r} is not among the query's columns: {', '.join(names)}")

    def _whole(self, max_rows: int | None = None) -> tuple[Batch, int]:
        """The rows in one batch, and the org's count of them."""
        try:
            parts = list(self._batches(max_rows))
        except InvalidQueryLocator:  # expired half way: nobody has seen a row yet, so begin again
            parts = list(self._batches(max_rows))
        batch = concat([part for part, _ in parts])
        self._prove(batch)
        return batch, parts[0][1]


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


def _indexed(frame: pd.DataFrame, index_col: str | Sequence[str] | None) -> pd.DataFrame:
    return frame if index_col is None else frame.set_index(index_col if isinstance(index_col, str) else list(index_col))
