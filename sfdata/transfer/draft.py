"""What a push is given beside the rows that it sends: which rows of the frame these are, and what is told of the rest.

A row may be in no need of being sent, as the org has its values; such a row is the ``same``, beside the five outcomes
of those that were meant to be written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sfdata.frames.cells import TEXT
from sfdata.frames.python_values import CLEAR
from sfdata.frames.stored import Mask
from sfdata.transfer.account import OUTCOMES, SCHEMA

Positions = npt.NDArray[np.int64]

SAME = "same"
"""The outcome of a row that has nothing to write: the org has its values, or is to keep its own."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A push in the making.

    Attributes:
        positions: where the rows that are sent stand in the whole frame; None where they are the whole frame.
        outcomes: what is told of the rows that are not sent, by `SCHEMA`, with a row for every row of the frame.
        index: of the whole frame, where the rows that are sent have not the same.
        files: kept in the push's folder, under these names.
        about: told of the push in the journal.
    """

    positions: Positions | None = None
    outcomes: pa.Table | None = None
    index: pd.Index | None = None
    files: Mapping[str, bytes | pa.Buffer] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


def left_out(ids: pa.Array, same: Mask, errors: pa.Array, codes: pa.Array | None = None) -> pa.Table:
    """Outcomes of rows that are not sent: the ``same``, or not sent for a reason.

    Args:
        ids: of the records, where they are known.
        errors: the reasons, in words.
        codes: what the org would have answered, where it is known.
    """
    words = (*OUTCOMES, SAME)
    places = np.where(same, words.index(SAME), words.index("not_sent")).astype(np.int8)
    outcome = pa.DictionaryArray.from_arrays(pa.array(places), pa.array(words))
    rows = len(ids)
    codes = pa.nulls(rows, pa.string()) if codes is None else codes
    return pa.table([outcome, ids, pa.nulls(rows, pa.bool_()), codes, errors], schema=SCHEMA)


def written_column(cells: pa.Array, cleared: Mask) -> pd.Series[Any]:
    """Cells (texts, null where a field is left alone) as a column to push; `CLEAR` where a field is emptied."""
    if not cleared.any():
        return pd.Series(cells.to_pandas(types_mapper={TEXT: pd.ArrowDtype(TEXT)}.get))
    values = np.array(cells.to_pylist(), dtype=object)
    values[cleared] = CLEAR
    return pd.Series(values, dtype=object)


def old_column(values: pa.Array, rows: Mask) -> pd.Series[Any]:
    """Values that were read as a column to push: those of some ``rows``, `CLEAR` where there was nothing."""
    back = np.array([CLEAR if value is None else value for value in values.to_pylist()], dtype=object)
    back[~rows] = None
    return pd.Series(back, dtype=object)
