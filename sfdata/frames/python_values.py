"""Python objects as Arrow arrays: the values of an object column sorted by what they are, and the sentinel `CLEAR`.

Each value is written by its own type, whatever stands beside it, so any slice of a column is written as in the whole.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

Objects = npt.NDArray[np.object_]
Positions = npt.NDArray[np.int64]


class Clear(enum.Enum):
    """The type of `CLEAR`."""

    CLEAR = "#N/A"

    def __repr__(self) -> str:
        return "sfdata.CLEAR"


CLEAR = Clear.CLEAR
"""Stands in a cell whose field is to be emptied; other missing values leave their fields as they are."""


@dataclass(frozen=True, slots=True)
class Group:
    """Values of one family in a slice, and their positions in it; None where they are the whole slice.

    A family that no field takes is called what it is in an error, and its values are null.
    """

    family: str
    values: pa.Array
    positions: Positions | None = None


def families_of(column: Objects) -> frozenset[str]:
    """What the values of a column are, missing ones left out."""
    present = column[~pd.isna(column)]
    kinds = set(map(type, present))
    if any(_family(kind) in _REFINE for kind in kinds):
        return frozenset(map(_family_of, present))
    return frozenset(map(_family, kinds))


def groups(values: Objects, families: frozenset[str]) -> list[Group]:
    """The values of a slice by family; ``families`` are those of the column. Missing values are in no group."""
    present = np.flatnonzero(~pd.isna(values))
    if len(families) == 1:
        sorted_out = {next(iter(families)): present}
    else:
        found = np.array([_family_of(value) for value in values[present]], dtype=object)
        sorted_out = {family: present[found == family] for family in families}
    return [
        group
        for family, positions in sorted_out.items()
        if len(positions)
        for group in _built(family, values[positions], positions)
    ]


def _built(family: str, values: Objects, positions: Positions) -> list[Group]:
    build = _BUILDERS.get(family)
    if build is None:
        return [Group(family, pa.nulls(len(values)), positions)]
    try:
        return [Group(family, build(values), positions)]
    except UnicodeEncodeError:
        whole = np.array([_encodable(value) for value in values])
        broken = positions[~whole]
        halves = Group("text with half of a surrogate pair", pa.nulls(len(broken)), broken)
        return [Group(family, build(values[whole]), positions[whole]), halves]


def _encodable(value: Any) -> bool:
    try:
        "".join(value).encode()
    except UnicodeEncodeError:
        return False
    return True


# --- families --------------------------------------------------------------------------------------------------------

_FAMILIES: Mapping[str, tuple[type, ...]] = {
    "CLEAR": (Clear,),
    "text": (str,),
    "boolean": (bool, np.bool_),
    "timedelta64": (np.timedelta64,),  # which calls itself an integer
    "integer": (int, np.integer),
    "float": (float, np.floating),
    "decimal": (Decimal,),
    "datetime": (dt.datetime,),
    "date": (dt.date,),
    "time": (dt.time,),
    "list": (list, tuple, set, frozenset, np.ndarray),
    "bytes": (bytes, bytearray, memoryview),
}
"""The first that fits; a subclass stands before the class it derives from."""
_REFINE = frozenset({"datetime", "time", "list"})


@cache
def _family(kind: type) -> str:
    return next((family for family, kinds in _FAMILIES.items() if issubclass(kind, kinds)), kind.__name__)


def _family_of(value: Any) -> str:
    family = _family(type(value))  # type: ignore[arg-type]  # mypy does not know that types are hashable
    if family == "datetime" and value.tzinfo is None:
        return "datetime without a time zone"
    if family == "time" and value.tzinfo is not None:
        return "time with a time zone"
    if family == "list" and not all(isinstance(item, str) for item in value):
        return "list of other things than texts"
    return family


def _integers(values: Objects) -> pa.Array:
    try:
        return pa.array(values, pa.int64())
    except OverflowError:
        return pa.array([str(int(value)) for value in values], pa.large_string())


def _lists(values: Objects) -> pa.Array:
    """Sets have no order of their own; any will do, as long as it is the same the next time."""
    lists = [sorted(value) if isinstance(value, (set, frozenset)) else list(value) for value in values]
    return pa.array(lists, pa.large_list(pa.large_string()))


def _of_type(arrow: pa.DataType) -> Callable[[Objects], pa.Array]:
    return lambda values: pa.array(values, arrow)


_BUILDERS: Mapping[str, Callable[[Objects], pa.Array]] = {
    "CLEAR": lambda values: pa.nulls(len(values)),
    "text": _of_type(pa.large_string()),
    "boolean": _of_type(pa.bool_()),
    "integer": _integers,
    "float": _of_type(pa.float64()),
    "decimal": lambda values: pa.array([format(value, "f") for value in values], pa.large_string()),
    "datetime": _of_type(pa.timestamp("us", "UTC")),
    "datetime without a time zone": _of_type(pa.timestamp("us")),
    "date": _of_type(pa.date32()),
    "time": _of_type(pa.time64("us")),
    "list": _lists,
    "bytes": lambda values: pa.array([bytes(value) for value in values], pa.large_binary()),
}
