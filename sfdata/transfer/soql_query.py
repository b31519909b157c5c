"""`Soql`: a query in the hand, not yet sent, and all the forms its result can take."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pyarrow as pa

from sfdata.api.describe import DescribeCache
from sfdata.api.query import explain, first_page
from sfdata.errors import ConfigurationError, InvalidType
from sfdata.frames.batch import Batch, concat
from sfdata.frames.columns import UnknownName
from sfdata.frames.decode import count_only
from sfdata.frames.dtypes import DtypeBackend, check_backend
from sfdata.resilience.hooks import Hooks
from sfdata.soql import bind, parse
from sfdata.soql.nodes import FunctionCall, SelectField
from sfdata.transfer.read import Read
from sfdata.transport.http_session import HttpSession


class Soql:
    """A query that has not been sent: parsed, its binds filled in.

    Make one with `Org.soql`. Every method that returns rows returns all of them or raises `IncompleteResult`; it raises
    a `ResponseError` (`InvalidField`, `InvalidType`, `MalformedQuery` …) when the org refuses the query.

    Attributes:
        text: the query as it will be sent.
        query: its syntax tree.
    """

    def __init__(
        self,
        session: HttpSession,
        describe: DescribeCache,
        hooks: Hooks,
        text: str,
        params: Mapping[str, Any] | None = None,
        *,
        all_rows: bool = False,
    ) -> None:
        self.text = bind(text, params)
        self.query = parse(self.text)
        if self.query.all_rows:  # a clause of Apex; over REST another resource says the same
            self.query = replace(self.query, all_rows=False)
            self.text = str(self.query)
            all_rows = True
        self._session = session
        self._read = Read(session, describe, hooks, self.query, self.text, all_rows)

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
        for batch in _rechunked((batch for batch, _ in self._read.batches()), size):
            frame = batch.to_frame(self._about(), dtype_backend)
            frame.index = pd.RangeIndex(start, start + len(batch))
            yield _indexed(frame, index_col)
            start += len(batch)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow PyCapsule stream, page by page: ``polars.DataFrame(org.soql(…))`` and DuckDB read it."""
        tables = (batch.table for batch, _ in self._read.batches())
        first = next(tables)
        parts = (part for table in chain([first], tables) for part in table.to_batches())
        return pa.RecordBatchReader.from_batches(first.schema, parts).__arrow_c_stream__(requested_schema)

    def count(self) -> int:
        """How many rows the query has, for one COUNT() call; a grouped query has to be run to be counted."""
        if self.query.is_aggregate and not self.query.is_count:
            return len(self._whole()[0])
        counted = replace(self.query, select=(SelectField(FunctionCall("COUNT")),), order_by=(), purpose=(), update=())
        ask = partial(first_page, self._session, str(counted), all_rows=self._read.all_rows)
        return count_only(self._read.advised(ask))

    def explain(self) -> dict[str, Any]:
        """The org's plans for the query, as it answers them; nothing is read.

        https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query_explain.htm
        """
        return self._read.advised(partial(explain, self._session, self.text))

    def _check(self, dtype_backend: DtypeBackend | None, index_col: str | Sequence[str] | None) -> None:
        """Refuse what the result cannot be given, before anything is read."""
        check_backend(dtype_backend)
        if index_col is None:
            return
        try:
            names = self._read.columns.names
        except (UnknownName, InvalidType):
            return  # the org's own error says more
        for name in [index_col] if isinstance(index_col, str) else index_col:
            if name not in names:
                raise ConfigurationError(f"index_col {name!r} is not among the query's columns: {', '.join(names)}")

    def _whole(self, max_rows: int | None = None) -> tuple[Batch, int]:
        """The rows in one batch, and the org's count of them."""
        parts = list(self._read.batches(max_rows))
        batch = concat([part for part, _ in parts])
        self._read.refuse_repeats(batch.table)
        return batch, parts[0][1]

    def _about(self) -> dict[str, Any]:
        return {
            "object": self.query.source.name,
            "org": urlsplit(self._session.instance_url).hostname,
            "api_version": self._session.api_version,
            "read_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }

    def __repr__(self) -> str:
        return f"Soql({self.text!r})"


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
