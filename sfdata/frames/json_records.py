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
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.frames.cells import CLEARED, TEXT, form_of
from sfdata.frames.encode import Rows
from sfdata.frames.record_parts import RowWriter
from sfdata.frames.write_columns import WriteColumn

CALL_ROWS = 200
CALL_BYTES = 6_000_000 - CALL_ROWS * 200
"""What the records of a call may have: its body takes 6 MB, and says of each record what object it is of.
https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_api.htm"""

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_TYPED: Mapping[str, Callable[[str], Any]] = {
    "integer": Decimal,  # of any size, and without the plus and the zeros in front that JSON does not know
    "number": Decimal,
    "boolean": lambda text: text == "true",
}


def json_lines(rows: Rows) -> RowWriter:
    """Writes rows as JSON objects, each on a line of its own.

    Raises:
        PushRefused: when rows are written, all that is wrong with their values.
    """

    def write(start: int, stop: int) -> pa.Buffer:
        records: list[dict[str, Any]] = [{} for _ in range(start, stop)]
        for column, cells in zip(rows.columns, rows.cells(start, stop), strict=True):
            for record, member in zip(records, _members(column, cells), strict=True):
                record.update(member)
        return pa.py_buffer(_ENCODER.encode_lines(records))

    return write


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
