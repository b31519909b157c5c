"""Where each row of a push stands: put together from the outcomes of its units, the latest word on a row winning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from sfdata.transfer.account import SCHEMA, not_sent, unaccounted
from sfdata.transfer.journal import Phase, Unit
from sfdata.transfer.unit_files import load_outcomes, load_positions

BEFORE_COMMIT: frozenset[Phase] = frozenset({"planned", "job_known", "uploaded"})
"""Phases in which no row of a unit can have been written."""
NO_UNIT = 0
ROWS_SCHEMA = SCHEMA.append(pa.field("unit", pa.int32())).append(pa.field("record", pa.int64()))


def push_rows(folder: Path, units: Sequence[Unit], rows: int) -> pa.Table:
    """A row for each row of the frame, in its order, by `ROWS_SCHEMA`.

    ``unit`` is the number of the unit that the word is from, 0 where there is none yet, and ``record`` which of its
    records, from 0. A unit on its way makes its rows unaccounted; one that was not committed changes nothing. What is
    told of rows that are in no unit, as they need not be sent, are the outcomes of a unit numbered 0.
    """
    tables, places = [_numbered(load_outcomes(folder, NO_UNIT) or not_sent(rows), NO_UNIT)], [np.arange(rows)]
    for unit in units:
        outcomes = load_outcomes(folder, unit.number)
        if outcomes is None or unit.phase != "accounted":
            if unit.phase in BEFORE_COMMIT:
                continue
            outcomes = unaccounted(unit.rows)
        tables.append(_numbered(outcomes, unit.number))
        places.append(load_positions(folder, unit.number))
    told = pa.concat_tables(tables).unify_dictionaries()
    latest = np.empty(rows, np.int64)
    latest[np.concatenate(places)] = np.arange(len(told))  # of several for one place, the last stays
    return told.take(pa.array(latest)).combine_chunks()


def _numbered(outcomes: pa.Table, unit: int) -> pa.Table:
    numbers = [pa.repeat(pa.scalar(unit, pa.int32()), len(outcomes)), pa.array(np.arange(len(outcomes)))]
    return pa.table([*outcomes.columns, *numbers], schema=ROWS_SCHEMA)
