"""From a frame to the JSON records of sObject Collections: the cells of an upload, each in its JSON type.

Cells are made by `sfdata.frames.encode`, so both ways of writing refuse, leave alone and clear the same.

| cell              | in the CSV of a job      | in a record                                 |
|-------------------|--------------------------|---------------------------------------------|
| a number          | ``12.50``                | ``12.50``, with every digit                 |
| a boolean         | ``true``                 | ``true``                                    |
| all else          | ``2024-01-31``           | ``"2024-01-31"``                            |
| empty             | nothing: left as it is   | not there                                   |
| cleared           | ``#N/A``                 | ``null``                                    |
| a parent by a key | ``Account.Ext__c``: A1   | ``"Account": {"Ext__c": "A1"}``             |

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.frames.cells import CLEARED, TEXT, form_of
from sfdata.frames.columns import Describe
from sfdata.frames.encode import Rows, writable_rows
from sfdata.frames.record_parts import RecordParts, line_ends
from sfdata.frames.write_columns import NullPolicy, Operation, WriteColumn

CALL_ROWS = 200
CALL_BYTES = 6_000_000
"""A request's body may have 6 MB.
https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_api.htm"""
_ENVELOPE_BYTES = 100
"""What stands around the records of a call, and around each one but for the name of its object."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_TYPED: Mapping[str, Callable[[str], Any]] = {
    "integer": Decimal,  # of any size, and without the plus and the zeros in front that JSON does not know
    "number": Decimal,
    "boolean": lambda text: text == "true",
}


def encode_json(
    frame: Any,
    object_name: str,
    describe: Describe,
    operation: Operation,
    *,
    key: str | None = None,
    nulls: NullPolicy = "leave",
    limit: int = CALL_BYTES,
    part_rows: int | None = None,
) -> RecordParts:
    """The records of each call, one JSON object a line; a call has at most 200, and ``limit`` bytes as it is sent.

    Arguments and errors are those of `sfdata.frames.encode.encode`.
    """
    rows = writable_rows(frame, object_name, describe, operation, key, nulls)
    count = CALL_ROWS if part_rows is None else min(part_rows, CALL_ROWS)
    room = limit - (count + 1) * (_ENVELOPE_BYTES + len(object_name))
    return RecordParts(b"", rows.source.rows, _JsonRows(rows).lines, room, count, line_ends)


@dataclass(frozen=True, slots=True)
class _JsonRows:
    """The rows of a frame as lines of JSON."""

    rows: Rows

    def lines(self, start: int, stop: int) -> pa.Buffer:
        """The rows from one position up to another, each ended by LF.

        Raises:
            PushRefused: all that is wrong with their values.
        """
        records: list[dict[str, Any]] = [{} for _ in range(start, stop)]
        for column, cells in zip(self.rows.columns, self.rows.cells(start, stop), strict=True):
            for record, member in zip(records, _members(column, cells), strict=True):
                record.update(member)
        return pa.py_buffer(_ENCODER.encode_lines(records))


def _members(column: WriteColumn, cells: pa.Array) -> Iterator[dict[str, Any]]:
    """What each cell of a column puts into its record."""
    typed = _TYPED.get(form_of(column.type), str)
    placed = _by_key(column) if column.key else lambda value: {column.field.name: value}
    for text in pc.cast(cells, TEXT).to_pylist():
        if text is None:
            yield {}
        else:
            yield {column.field.name: None} if text == CLEARED else placed(typed(text))


def _by_key(column: WriteColumn) -> Callable[[Any], dict[str, Any]]:
    """The parent with such a key, and of which object it is where the column says so: ``User:Owner.Email``."""
    path, _, key = column.header.rpartition(".")
    parent, _, relationship = path.rpartition(":")
    about = {"attributes": {"type": parent}} if parent else {}
    return lambda value: {relationship: {**about, key: value}}
