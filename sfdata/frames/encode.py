"""From a frame to the CSV of an ingest job, exact or refused: the way back of `sfdata.frames.decode`.

    frame ─ input_frame ─→ Arrow arrays, slice by slice ─ cells ─→ texts and numbers ─→ CSV ─ record_parts ─→ parts
    names ─ write_columns ─→ fields and headers

What is wrong with the frame as a whole is said at once, what is wrong with values once all rows have been looked at:
both as one `PushRefused` with a `Problem` for each.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_prepare_csv.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from sfdata.errors import Problem, PushRefused
from sfdata.frames.cells import ADVICE, CLEARED, FORMS, TEXT, Refuse, form_of
from sfdata.frames.columns import Describe
from sfdata.frames.input_frame import InputFrame, input_frame
from sfdata.frames.python_values import Group
from sfdata.frames.record_parts import LARGEST_PART, MOST_PROBLEMS, RecordParts
from sfdata.frames.write_columns import NullPolicy, Operation, WriteColumn, write_columns

MOST_RECORD_CHARACTERS = 400_000
_LONGEST_NUMBER = 40
_BATCH_ROWS = 4_096  # what write_csv formats at a time: faster than fewer or more
_LONGEST_SHOWN = 60

Places = npt.NDArray[np.int64]
Tell = Callable[[WriteColumn | None, str, Places, pa.Array], None]
"""Told the column (None for whole rows), why (``{}`` stands for the value), the rows' positions, and their values."""


def encode(
    frame: Any,
    object_name: str,
    describe: Describe,
    operation: Operation,
    *,
    key: str | None = None,
    nulls: NullPolicy = "leave",
    limit: int = LARGEST_PART,
    part_rows: int | None = None,
) -> RecordParts:
    """The parts of an upload: UTF-8 without a byte order mark, commas, LF.

    Missing values (NaN, NaT, None, NA, empty texts) are empty cells, which leave a field as it is, or ``#N/A``, which
    clears it, where ``nulls`` says so; `CLEAR` clears in its one cell. An insert clears nothing.

    Args:
        frame: a pandas DataFrame of any dtypes, or anything Arrow takes for a table. It is read anew for each part, so
            nothing may change it meanwhile.
        describe: describes the object, and the parents that columns name by a key (``Owner.Ext__c``).
        key: the field an upsert goes by.
        nulls: ``"leave"`` or ``"clear"``, for all columns or by column.
        limit: bytes a part may have.
        part_rows: rows a part may have.

    Raises:
        PushRefused: the frame is empty or too large, a column is no field or of a type that its field never takes, a
            key column is missing. Single values are refused while the parts are made.
        ConfigurationError: arguments that contradict each other; no frame.
    """
    rows = writable_rows(frame, object_name, describe, operation, key, nulls)
    return RecordParts(rows.header, rows.source.rows, rows.csv, limit, part_rows)


def writable_rows(
    frame: Any, object_name: str, describe: Describe, operation: Operation, key: str | None, nulls: NullPolicy
) -> Rows:
    """The rows of a frame whose columns are in order; arguments and errors as of `encode`."""
    source = input_frame(frame)
    columns = write_columns(source.names, object_name, describe, operation, key, nulls)
    problems = [problem for column in columns for problem in type_problems(column, source)]
    if problems:
        raise PushRefused(problems)
    return Rows(source, columns, clears=operation != "insert")


def type_problems(column: WriteColumn, source: InputFrame) -> Iterator[Problem]:
    """What lies in a column as a whole: no value of it fits, or a text field would get several types by turns."""
    values = source.columns[column.position]
    families = values.families - {"CLEAR"}
    fitting = families & FORMS[form_of(column.type)].keys()
    if families and not fitting:
        yield Problem(f"of dtype {values.dtype}, {_misfit(column, min(families))}", column.name)
    elif form_of(column.type) == "text" and len(fitting) > 1:
        mixed = " and ".join(sorted(fitting))
        yield Problem(f'holds {mixed} by turns; give it one type, as by .astype("str")', column.name)


def _misfit(column: WriteColumn, family: str) -> str:
    advice = ADVICE.get((form_of(column.type), family))
    return f"{family} fits no {column.type} field" + (f": {advice}" if advice else "")


@dataclass(frozen=True)
class Rows:
    """The rows of a frame on their way to the org."""

    source: InputFrame
    columns: Sequence[WriteColumn]
    clears: bool

    @property
    def header(self) -> bytes:
        """The first line of their CSV."""
        return (",".join(column.header for column in self.columns) + "\n").encode()

    def csv(self, start: int, stop: int) -> pa.Buffer:
        """The rows from one position up to another as CSV, each ended by LF.

        Raises:
            PushRefused: all that is wrong with their values.
        """
        arrays = self.cells(start, stop)
        if len(arrays) == 1:
            arrays = [pc.fill_null(pc.cast(arrays[0], TEXT), "")]  # written as quotes: a blank line is no record
        stream = pa.BufferOutputStream()
        options = pa_csv.WriteOptions(include_header=False, batch_size=_BATCH_ROWS)
        pa_csv.write_csv(pa.table(arrays, names=[column.header for column in self.columns]), stream, options)
        return stream.getvalue()

    def cells(self, start: int, stop: int) -> list[pa.Array]:
        """The cells of each column from one position up to another, null where they are empty.

        Raises:
            PushRefused: all that is wrong with their values.
        """
        problems: list[Problem] = []

        def tell(column: WriteColumn | None, reason: str, positions: Places, values: pa.Array) -> None:
            name = column.name if column else None
            for position, value in zip(positions[:MOST_PROBLEMS].tolist(), values, strict=False):
                told = reason.replace("{}", shown(value)) if "{}" in reason else reason
                problems.append(Problem(told, name, position, self.source.label(position)))

        rows = RowSlice(self.source, start, stop, self.clears, tell)
        arrays = [rows.cells(column) for column in self.columns]
        if not problems:
            rows.check_length(arrays)
        if problems:
            raise PushRefused(problems)
        return arrays


class RowSlice:
    """Some rows on their way into cells.

    Args:
        clears: whether the operation can empty a field.
        tell: told of values without a faithful form.
    """

    def __init__(self, source: InputFrame, start: int, stop: int, clears: bool, tell: Tell) -> None:
        self._source = source
        self._start = start
        self._stop = stop
        self._clears = clears
        self._tell = tell

    def cells(self, column: WriteColumn) -> pa.Array:
        """The cells of a column, of one Arrow type for all slices of it; null where they are empty."""
        groups = self._source.columns[column.position].groups(self._start, self._stop)
        cells = self._cells(column, groups)
        missing = self._refuser(column, Group("missing", cells))
        if column.missing == "refuse":
            missing(cells.is_null(), "is missing, and tells which record is meant")
        elif column.missing == "clear" and column.type == "boolean":
            missing(cells.is_null(), "cannot be cleared: a checkbox is never empty")
        elif column.missing == "clear":
            return pc.fill_null(pc.cast(cells, TEXT), CLEARED)
        return cells

    def _cells(self, column: WriteColumn, groups: Sequence[Group]) -> pa.Array:
        encoded = [self._encoded(column, group) for group in groups]
        if groups and groups[0].positions is None:
            return encoded[0]
        order = np.full(self._stop - self._start, -1)
        laid = 0
        for group in groups:
            order[group.positions] = np.arange(laid, laid + len(group.values))
            laid += len(group.values)
        texts = pa.chunked_array([pc.cast(one, TEXT) for one in encoded], TEXT).combine_chunks()
        return texts.take(pa.array(order, mask=order < 0))

    def _encoded(self, column: WriteColumn, group: Group) -> pa.Array:
        refuse = self._refuser(column, group)
        if group.family == "missing":
            return pc.cast(group.values, TEXT)
        encoder = FORMS[form_of(column.type)].get(group.family)
        if encoder is not None:
            return encoder(group.values, refuse)
        everywhere = pa.repeat(True, len(group.values))
        if group.family != "CLEAR":
            refuse(everywhere, _misfit(column, group.family))
        elif column.type == "boolean":
            refuse(everywhere, "cannot be cleared: a checkbox is never empty")
        clear = group.family == "CLEAR" and self._clears and column.missing != "refuse"
        return pa.repeat(pa.scalar(CLEARED if clear else None, TEXT), len(group.values))

    def _refuser(self, column: WriteColumn, group: Group) -> Refuse:
        def refuse(wrong: pa.Array, reason: str) -> None:
            places = np.flatnonzero(pc.fill_null(wrong, False))
            if len(places):
                positions = places if group.positions is None else group.positions[places]
                self._tell(column, reason, self._start + positions, group.values.take(pa.array(places)))

        return refuse

    def check_length(self, arrays: Sequence[pa.Array]) -> None:
        """Refuse records that are longer than the API takes; values within their fields' limits may add up."""
        if sum(map(_longest, arrays)) <= MOST_RECORD_CHARACTERS:
            return
        lengths = np.zeros(self._stop - self._start, np.int64)
        for array in arrays:
            lengths += pc.fill_null(pc.utf8_length(pc.cast(array, TEXT)), 0).to_numpy()
        places = np.flatnonzero(lengths > MOST_RECORD_CHARACTERS)
        reason = f"the row has {{}} characters, and a record may have {MOST_RECORD_CHARACTERS}"
        self._tell(None, reason, self._start + places, pa.array(lengths[places]))


def _longest(cells: pa.Array) -> int:
    """A bound for the characters of a cell."""
    return pc.max(pc.binary_length(cells)).as_py() or 0 if cells.type == TEXT else _LONGEST_NUMBER


def shown(value: pa.Scalar) -> str:
    """A value in an error: as Python writes it, cut short."""
    text: str = pc.cast(value, pa.string()).as_py() if pa.types.is_temporal(value.type) else repr(value.as_py())
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
