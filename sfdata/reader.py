"""`read_soql`: a query's result as a DataFrame, in the manner of pandas' readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, overload

import pandas as pd

from sfdata.errors import ConfigurationError
from sfdata.frames.dtypes import DtypeBackend
from sfdata.org import Org, connect
from sfdata.transfer.engine import Engine


@overload
def read_soql(
    soql: str,
    org: Org | str | None = ...,
    params: Mapping[str, Any] | None = ...,
    *,
    chunksize: int,
    dtype_backend: DtypeBackend | None = ...,
    index_col: str | Sequence[str] | None = ...,
    max_rows: int | None = ...,
    max_memory: int | str | None = ...,
    all_rows: bool = ...,
    engine: Engine = ...,
    parallel: int = ...,
) -> Iterator[pd.DataFrame]: ...
@overload
def read_soql(
    soql: str,
    org: Org | str | None = ...,
    params: Mapping[str, Any] | None = ...,
    *,
    chunksize: None = ...,
    dtype_backend: DtypeBackend | None = ...,
    index_col: str | Sequence[str] | None = ...,
    max_rows: int | None = ...,
    max_memory: int | str | None = ...,
    all_rows: bool = ...,
    engine: Engine = ...,
    parallel: int = ...,
) -> pd.DataFrame: ...
def read_soql(
    soql: str,
    org: Org | str | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    chunksize: int | None = None,
    dtype_backend: DtypeBackend | None = None,
    index_col: str | Sequence[str] | None = None,
    max_rows: int | None = None,
    max_memory: int | str | None = None,
    all_rows: bool = False,
    engine: Engine = "auto",
    parallel: int = 1,
) -> pd.DataFrame | Iterator[pd.DataFrame]:
    """Read the result of a SOQL query into a DataFrame, in the manner of pandas' readers.

    Args:
        soql: the query; ``:name`` stands for the value of that name in ``params``.
        org: a connection, or what `connect` takes for one (``"local"``, a profile's name, None for the environment),
            which is then made for this one read.
        params: values for the binds: text, numbers, dates, booleans, None, and lists or Series of them.
        chunksize: return an iterator of DataFrames of that many rows instead, read as it is consumed.
        dtype_backend: ``"numpy_nullable"`` or ``"pyarrow"``.
        index_col: column or columns to make the index.
        max_rows: keep that many rows at most.
        max_memory: keep that much at most, in bytes of Arrow data: ``500_000_000``, ``"500 MB"``. With ``chunksize``
            there is neither bound.
        all_rows: include deleted and archived rows.
        engine: ``"auto"``, ``"rest"`` or ``"bulk"``, see `Org.soql`.
        parallel: REST pages under way at a time, see `Org.soql`.

    Returns:
        Columns in SELECT order named as written, parents as ``Owner.Name``, typed by the org's describe; the dtypes
        are listed in `sfdata.frames.dtypes`. Child subqueries come along as linked frames, see `sfdata.children`.

    Raises:
        SoqlSyntaxError, BindError: the text or a value is wrong; nothing was sent.
        ResponseError: the org refused the query.
        IncompleteResult: not every row arrived.
    """
    if not isinstance(soql, str):
        raise ConfigurationError(f"the query comes first, as text, and then the org: {type(soql).__name__} is no query")
    if chunksize is not None and (max_rows is not None or max_memory is not None):
        raise ConfigurationError("give either chunksize= or a bound: chunks end when no more are taken")
    with ExitStack() as ours:
        connection = org if isinstance(org, Org) else ours.enter_context(connect(org))
        query = connection.soql(soql, params, all_rows=all_rows, engine=engine, parallel=parallel)
        if chunksize is None:
            return query.to_pandas(
                dtype_backend=dtype_backend, index_col=index_col, max_rows=max_rows, max_memory=max_memory
            )
        chunks = query.chunks(chunksize, dtype_backend=dtype_backend, index_col=index_col)
        return _closing(ours.pop_all(), chunks)


def _closing(ours: ExitStack, frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    with ours:
        yield from frames
