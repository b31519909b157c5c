"""A page of flat results, bytes to Arrow columns without a Python object per value.

Arrow's JSON reader works outside the interpreter's lock, so pages decode on as many threads as fetch them. It is more
forgiving than an org's answer deserves (a missing field is null to it), and knows less (whole numbers written 5.0,
halves of surrogate pairs). What it stumbles over, and all that is not flat, `sfdata.frames.decode` reads by generated
structs instead; both give the same values, or the same error.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from sfdata.frames.columns import Column, ResultColumns
from sfdata.frames.dtypes import ANYTHING

_FIRST_RECORD = b'"records":['
_LONGEST_RECORD = 1 << 16
_decode = json.JSONDecoder().raw_decode


def flat(columns: ResultColumns) -> bool:
    """Whether pages with these columns can be read this way."""
    return not columns.children and not any(c.kind is ANYTHING or c.elsewhere for c in columns.columns)


class ColumnReader:
    """Reads the pages of one query whose columns are `flat`."""

    def __init__(self, columns: ResultColumns) -> None:
        self._columns = columns.columns
        record = _struct(self._columns)
        fields = [("totalSize", pa.int64()), ("done", pa.bool_()), ("nextRecordsUrl", pa.string())]
        self._schema = pa.schema([*fields, ("records", pa.list_(record))])

    def read(self, body: bytes) -> tuple[int, bool, str | None, pa.Table] | None:
        """The page's ``totalSize``, ``done``, ``nextRecordsUrl`` and rows; None if it is not for this reader."""
        try:
            page = pj.read_json(
                pa.BufferReader(body),
                read_options=pj.ReadOptions(use_threads=False, block_size=len(body) + 1),
                parse_options=pj.ParseOptions(explicit_schema=self._schema, unexpected_field_behavior="ignore"),
            )
            if page.num_rows != 1 or not self._whole(body):
                return None
            records = page["records"].chunk(0).flatten()
            total, done, url = (page[name][0].as_py() for name in ("totalSize", "done", "nextRecordsUrl"))
            if records.null_count or total is None or done is None:
                return None
            table = pa.table([_column(records, c) for c in self._columns], names=[c.name for c in self._columns])
            table.validate(full=True)  # text is UTF-8
            if not all(_finite(column) for column in table.columns):
                return None
        except (pa.ArrowException, ValueError, IndexError, RecursionError):
            return None
        return total, done, url, table

    def _whole(self, body: bytes) -> bool:
        """Whether the first record has every field: a page is made of one kind of record."""
        start = body.find(_FIRST_RECORD)
        if start < 0:
            return False
        start += len(_FIRST_RECORD)
        if body[start : start + 1] == b"]":
            return True
        text = body[start : start + _LONGEST_RECORD].decode("utf-8", "ignore")
        try:
            record, _ = _decode(text)
        except ValueError:  # longer than most
            record, _ = _decode(body[start:].decode())
        return all(column.optional or _has(record, column.path) for column in self._columns)


def _struct(columns: tuple[Column, ...]) -> pa.DataType:
    """The Arrow type of a record: parents nest."""
    tree: dict[str, Any] = {}
    for column in columns:
        node = tree
        for key in column.path[:-1]:
            node = node.setdefault(key, {})
        node.setdefault(column.path[-1], column.kind.json)
    return _struct_of(tree)


def _struct_of(tree: dict[str, Any]) -> pa.DataType:
    return pa.struct([(key, _struct_of(node) if isinstance(node, dict) else node) for key, node in tree.items()])


def _column(records: pa.Array, column: Column) -> pa.Array:
    for key in column.path:
        records = pc.struct_field(records, key)
    return column.kind.cast(records)


def _finite(column: pa.ChunkedArray) -> bool:
    """Whether a column of numbers holds none of ``NaN`` and ``Infinity``, which Arrow's reader takes."""
    return not pa.types.is_floating(column.type) or pc.all(pc.is_finite(column), min_count=0).as_py()


def _has(record: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        if record is None:
            return True
        if key not in record:
            return False
        record = record[key]
    return True
