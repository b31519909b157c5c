"""A page of Bulk results, CSV to Arrow columns: the same values and types as the JSON of the same rows.

Arrow's CSV reader does the work, told the types by describe. A value it does not take as it stands (a whole number
written 5.0, a datetime in the zone's other spelling) has its page read again as text and converted column by column;
what that refuses is wrong.

An empty cell is null: Salesforce keeps no empty texts. Everything else in a text column is text, "null" and "NA" too.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_job_results.htm
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from sfdata.errors import UnreadableAnswer
from sfdata.frames.columns import Column, ResultColumns
from sfdata.frames.dtypes import ANYTHING, BOOLEAN, INTEGER, TEXT, TIME

BLOCK_BYTES = 1 << 18
"""Bytes that are read at a time where memory counts."""
LONGEST_HEADER = 1 << 20

_PARSE = pa_csv.ParseOptions(newlines_in_values=True)
_AS_TEXT = frozenset({TEXT, TIME, ANYTHING})

Chunks = Callable[[], Iterable[bytes]]
"""Opens a page's decoded bytes, from the beginning each time."""


class CsvColumns:
    """Reads the pages of one query's results."""

    def __init__(self, columns: ResultColumns) -> None:
        self._columns = columns.columns
        self._schema = pa.schema([(column.name, column.kind.arrow) for column in self._columns])

    @property
    def empty(self) -> pa.Table:
        """No rows, all columns."""
        return self._schema.empty_table()

    def table(self, content: bytes) -> pa.Table:
        """A whole page.

        Raises:
            UnreadableAnswer: not a page of this query's results.
        """
        names = _header(content)
        columns = self._by_header(names)
        options = {"read_options": pa_csv.ReadOptions(use_threads=False, block_size=1 << 20), "parse_options": _PARSE}
        for exact in (False, True):
            try:
                page = pa_csv.read_csv(pa.BufferReader(content), convert_options=_types(columns, exact), **options)
                return self._converted(page, columns, exact)
            except pa.ArrowException as problem:
                refusal = problem
        raise UnreadableAnswer(f"a page of results is no CSV of the query's columns: {refusal}")

    def batches(self, chunks: Chunks) -> Iterator[pa.Table]:
        """A page in pieces, in little memory however large it is.

        Raises:
            UnreadableAnswer: not a page of this query's results; what came before it is right as far as it goes.
        """
        given = 0
        for exact in (False, True):
            try:
                for piece in self._pieces(chunks, exact, given):
                    given += piece.num_rows
                    yield piece
            except pa.ArrowException as problem:
                refusal = problem
            else:
                return
        raise UnreadableAnswer(f"a page of results is no CSV of the query's columns: {refusal}")

    def _pieces(self, chunks: Chunks, exact: bool, skip: int) -> Iterator[pa.Table]:
        """The pieces behind the first ``skip`` rows."""
        stream = _Stream(chunks())
        names = _header(stream.peek())
        columns = self._by_header(names)
        read = pa_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES)
        with pa_csv.open_csv(stream, read, _PARSE, _types(columns, exact)) as reader:
            for batch in reader:
                kept = batch.slice(min(skip, batch.num_rows))
                skip -= batch.num_rows - kept.num_rows
                if kept.num_rows:
                    yield self._converted(pa.Table.from_batches([kept]), columns, exact)

    def _by_header(self, names: list[str]) -> dict[str, Column]:
        """The columns by their names in the header, in any order and any case."""
        wanted = {".".join(column.path).casefold(): column for column in self._columns}
        found = {name: wanted.pop(name.casefold()) for name in names if name.casefold() in wanted}
        if wanted or len(found) != len(names):
            message = f"a page of results has the columns {', '.join(names)[:500] or 'of nothing'}"
            raise UnreadableAnswer(f"{message}, not those of the query")
        return found

    def _converted(self, page: pa.Table, columns: dict[str, Column], exact: bool) -> pa.Table:
        arrays = {column.name: _array(page[name], column, exact) for name, column in columns.items()}
        return pa.table([arrays[name] for name in self._schema.names], schema=self._schema)


def _types(columns: dict[str, Column], exact: bool) -> pa_csv.ConvertOptions:
    types = {n: pa.string() if exact or c.kind in _AS_TEXT else c.kind.arrow for n, c in columns.items()}
    return pa_csv.ConvertOptions(
        column_types=types,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        true_values=["true"],
        false_values=["false"],
    )


def _array(values: pa.ChunkedArray, column: Column, exact: bool) -> pa.ChunkedArray:
    kind = column.kind
    if values.type == kind.arrow:
        return values
    try:
        if kind is INTEGER:
            return pc.cast(pc.replace_substring_regex(values, r"\.0+$", ""), kind.arrow)
        if kind is BOOLEAN:
            return pc.cast(pc.utf8_lower(values), kind.arrow)
        if kind is TIME:
            return pa.chunked_array([kind.build(chunk, kind.arrow) for chunk in values.chunks], kind.arrow)
        return pc.cast(values, kind.arrow)
    except (pa.ArrowException, ValueError) as problem:
        raise UnreadableAnswer(f"{column.name}: a value is no {kind.name}: {problem}") from None


def _header(start: bytes) -> list[str]:
    """The names in the first line of a page."""
    text = io.TextIOWrapper(io.BytesIO(start), "utf-8-sig", errors="replace", newline="")
    return next(csv.reader(text), [])


class _Stream:
    """Chunks of bytes as the file that Arrow reads from."""

    closed = False

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = b""

    def peek(self) -> bytes:
        """The beginning, at least the first line; it is read again."""
        head = b""
        while b"\n" not in head and len(head) < LONGEST_HEADER and (chunk := next(self._chunks, b"")):
            head += chunk
        self._chunks = chain([head], self._chunks)
        return head

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most ``size``; empty at the end."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._left = chunk
        part, self._left = self._left[:size], self._left[size:]
        return part

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def writable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True
