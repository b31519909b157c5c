"""The rows of a frame, column by column and slice by slice, as Arrow arrays that each hold one family of values.

Takes pandas DataFrames of any dtypes, Arrow tables, and whatever gives itself as an Arrow stream (Polars, DuckDB).
Columns have the types they have; only where they hold Python objects are values asked what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.errors import ConfigurationError, Problem, PushRefused
from sfdata.frames.python_values import Group, Objects, families_of, groups

MOST_ROWS = 150_000_000
"""Records that an org takes in a day."""


class InputColumn(Protocol):
    """A column: what its owner calls its type, and the families of its values, missing ones left out."""

    @property
    def dtype(self) -> str: ...

    @property
    def families(self) -> frozenset[str]: ...

    def groups(self, start: int, stop: int) -> list[Group]:
        """The values from one position up to another by family; missing values are null, or in no group."""


@dataclass(frozen=True)
class InputFrame:
    """A frame to be written; ``label`` gives the label of the row at a position, None where rows have none.

    ``levels`` are the names of its index, whose labels are not written.
    """

    names: tuple[str, ...]
    rows: int
    columns: tuple[InputColumn, ...]
    label: Callable[[int], Hashable]
    levels: tuple[str, ...] = ()


def input_frame(frame: Any) -> InputFrame:
    """``frame``, a pandas DataFrame or anything that Arrow takes for a table, as rows to be written.

    Raises:
        PushRefused: a frame without columns or with too many rows, or whose columns are not named by different texts.
        ConfigurationError: no frame at all.
    """
    if isinstance(frame, pd.DataFrame):
        _check(list(frame.columns), len(frame))
        columns = tuple(_pandas_column(frame.iloc[:, n].array) for n in range(frame.shape[1]))
        levels = tuple(name for name in frame.index.names if isinstance(name, str))
        return InputFrame(tuple(frame.columns), len(frame), columns, frame.index.__getitem__, levels)
    table = _table(frame)
    _check(table.column_names, table.num_rows)
    return InputFrame(
        tuple(table.column_names),
        table.num_rows,
        tuple(_ArrowColumn(c, str(c.type), _column_family(c)) for c in table.columns),
        lambda position: None,
    )


def _table(frame: Any) -> pa.Table:
    try:
        if hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__"):
            return pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError):
        pass  # a single column
    hint = ".collect() reads it." if hasattr(frame, "collect") else "pandas.DataFrame(…) makes a frame of records."
    raise ConfigurationError(f"a DataFrame or an Arrow table can be written, not a {type(frame).__name__}", hint=hint)


def _check(names: Sequence[Any], rows: int) -> None:
    problems = list(_name_problems(names))
    if not names:
        problems.append(Problem("the frame is empty: it has no columns"))
    if rows > MOST_ROWS:
        problems.append(Problem(f"{rows} rows, and an org takes {MOST_ROWS} a day"))
    if problems:
        raise PushRefused(problems)


def _name_problems(names: Sequence[Any]) -> Iterator[Problem]:
    seen = set()
    for name in names:
        if not isinstance(name, str):
            kind = "has several levels of names" if isinstance(name, tuple) else f"is of type {type(name).__name__}"
            yield Problem(f"{kind}, where fields are named by one text", repr(name))
        elif name in seen:
            yield Problem("stands in the frame twice", name)
        seen.add(name)


# --- columns of Python objects ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ObjectColumn:
    values: Any
    dtype: str
    families: frozenset[str]

    def groups(self, start: int, stop: int) -> list[Group]:
        return groups(_objects(self.values[start:stop]), self.families)


def _objects(values: Any) -> Objects:
    return np.asarray(values, dtype=object)


def _pandas_column(values: Any) -> InputColumn:
    dtype = values.dtype
    inner = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
    python = pd.api.types.is_object_dtype(inner) or (isinstance(inner, pd.StringDtype) and inner.storage == "python")
    family = None if python else _family_of(values)
    if family is None:
        return _ObjectColumn(values, str(dtype), families_of(_objects(values)))
    if values.isna().all():  # of which pandas makes floats, whatever they would have been
        family = "missing"
    return _ArrowColumn(values, str(dtype), family)


def _family_of(values: Any) -> str | None:
    try:
        return _family(pa.array(values[:0], from_pandas=True).type)
    except pa.ArrowException:
        return None


# --- columns with a type ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ArrowColumn:
    """Holds a chunked array, or a pandas array that becomes Arrow slice by slice."""

    values: Any
    dtype: str
    family: str

    @property
    def families(self) -> frozenset[str]:
        return frozenset({self.family} - {"missing"})

    def groups(self, start: int, stop: int) -> list[Group]:
        if isinstance(self.values, pa.ChunkedArray):
            values = self.values.slice(start, stop - start)
        else:
            values = pa.array(self.values[start:stop], from_pandas=True)
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        return [Group(self.family, _plain(values, self.family))]


def _column_family(column: pa.ChunkedArray) -> str:
    return "missing" if column.null_count == len(column) else _family(column.type) or str(column.type)


def _family(arrow: pa.DataType) -> str | None:
    """The family of a type; None where no field takes its values."""
    if pa.types.is_dictionary(arrow):
        return _family(arrow.value_type)
    if pa.types.is_timestamp(arrow):
        return "datetime" if arrow.tz else "datetime without a time zone"
    if _is_list(arrow):
        return "list" if _family(arrow.value_type) == "text" else None
    return next((family for family, tests in _TESTS.items() if any(test(arrow) for test in tests)), None)


def _is_list(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_list(arrow) or pa.types.is_large_list(arrow) or pa.types.is_fixed_size_list(arrow))


def _plain(values: pa.Array, family: str) -> pa.Array:
    """The values in the type that stands for their family, NaN as null."""
    if family == "missing":
        return pa.nulls(len(values))
    if pa.types.is_dictionary(values.type):
        if pa.types.is_string_view(values.type.value_type):
            values = pa.DictionaryArray.from_arrays(values.indices, values.dictionary.cast(pa.large_string()))
        values = values.dictionary_decode()
    wanted = pa.float32() if pa.types.is_float16(values.type) else _PLAIN.get(family, values.type)
    if values.type != wanted:
        values = pc.cast(values, wanted)
    if family == "float" and pc.any(pc.is_nan(values)).as_py():
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return values


_TESTS = {
    "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    "boolean": (pa.types.is_boolean,),
    "integer": (pa.types.is_integer,),
    "float": (pa.types.is_floating,),
    "decimal": (pa.types.is_decimal,),
    "date": (pa.types.is_date,),
    "time": (pa.types.is_time,),
    "bytes": (pa.types.is_binary, pa.types.is_large_binary),
    "missing": (pa.types.is_null,),
}
_PLAIN = {
    "text": pa.large_string(),
    "date": pa.date32(),
    "bytes": pa.large_binary(),
    "list": pa.large_list(pa.large_string()),
}
