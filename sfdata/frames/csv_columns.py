"""A page of Bulk results, CSV to Arrow columns: the same values and types as the JSON of the same rows.

A page is cut into blocks of whole rows as it comes, and Arrow's CSV reader takes several blocks at a time: a page of
any size is read in little memory. Rows end at a line feed outside quotes, and quotes come in pairs, so counting them
tells where that is. (Arrow's own cutting loses a line feed of text that stands behind the CR at a block's end.)

Types come from describe. An empty cell is null: Salesforce keeps no empty texts. All else in a text column is text,
"null" and "NA" too. A value that Arrow does not take as it stands (a whole number written 5.0) has its column read as
text and converted here; what that refuses is wrong.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_job_results.htm
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from sfdata.errors import UnreadableAnswer
from sfdata.frames.columns import Column, ResultColumns
from sfdata.frames.dtypes import BOOLEAN, INTEGER, NUMBER, TIME, Kind
from sfdata.transport.bodies import BodyCut

BLOCK_BYTES = 1 << 19
WHOLE_BLOCK_BYTES = 1 << 20
"""Blocks are at least so long. Larger ones cost memory, smaller ones time: Arrow makes preparations for each."""
WAITING = 4
"""Blocks that wait for each processor where rows are collected, so that none of them has to."""
LONGEST_ROW_BYTES = 1 << 26
"""All the text areas of an object together hold less."""
LONGEST_EXCERPT = 200

_PARSE = pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
_IN_COLUMN = re.compile(r"In CSV column #(\d+): ")
_QUOTE = ord('"')


class CsvColumns:
    """Reads the pages of one query's results."""

    def __init__(self, columns: ResultColumns) -> None:
        self._columns = columns.columns
        self._schema = pa.schema([(column.name, column.kind.arrow) for column in self._columns])
        self._header: list[str] | None = None
        self._by_name: dict[str, Column] = {}
        self._as_text: set[str] = set()

    @property
    def empty(self) -> pa.Table:
        """No rows, all columns."""
        return self._schema.empty_table()

    def tables(self, chunks: Iterable[bytes], *, whole: bool = False) -> Iterator[pa.Table]:
        """The rows of a page in pieces.

        Args:
            chunks: the page's decoded bytes.
            whole: the pieces are collected anyway, so they may be large, and nothing else wants the processors.

        Raises:
            UnreadableAnswer: not a page of this query's results; the rows that came before are right as far as they go.
            BodyCut: the page ends within a row.
        """
        blocks = _row_blocks(chunks, WHOLE_BLOCK_BYTES if whole else BLOCK_BYTES)
        first = next(blocks, b"")
        line, _, rest = first.partition(b"\n")
        self._take_header(line, complete=len(line) < len(first))
        workers = pa.cpu_count() if whole else max(1, pa.cpu_count() // 2)
        room = workers * WAITING if whole else workers
        under_way: deque[Future[pa.Table]] = deque()
        with ThreadPoolExecutor(workers, thread_name_prefix="sfdata csv") as pool:
            if rest:
                under_way.append(pool.submit(self._parsed, rest))
            for block in blocks:
                under_way.append(pool.submit(self._parsed, block))
                if len(under_way) > room:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()

    # --- the header --------------------------------------------------------------------------------------------------

    def _take_header(self, line: bytes, *, complete: bool) -> None:
        """Learn where each column stands; every page must say the same."""
        names = next(csv.reader([line.decode("utf-8-sig", "replace").rstrip("\r")]), [])
        if self._header is None:
            wanted = {".".join(column.path).casefold(): column for column in self._columns}
            found = {name: wanted.pop(name.casefold()) for name in names if name.casefold() in wanted}
            if not wanted and len(found) == len(names):
                self._header, self._by_name = names, found
        if names != self._header:
            if not complete:
                raise BodyCut
            told = ", ".join(names)[:LONGEST_EXCERPT] or "nothing"
            expected = ", ".join(self._header or [".".join(column.path) for column in self._columns])
            raise UnreadableAnswer(f"a page of results has the columns {told}, and not {expected}")

    # --- rows --------------------------------------------------------------------------------------------------------

    def _parsed(self, block: bytes) -> pa.Table:
        """The rows of a block, columns in the order of the query."""
        while True:
            try:
                page = pa_csv.read_csv(
                    pa.BufferReader(block),
                    pa_csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=list(self._by_name)),
                    _PARSE,
                    self._types(),
                )
            except pa.ArrowInvalid as problem:
                refusal = problem
            else:
                arrays = {column.name: _converted(page[name], column) for name, column in self._by_name.items()}
                return pa.table([arrays[name] for name in self._schema.names], schema=self._schema)
            if not self._read_as_text(str(refusal)):
                break
        if not block.endswith(b"\n"):  # the last one: in its middle, where it is not whole
            raise BodyCut from None
        raise UnreadableAnswer(f"a page of results is no CSV of the query's rows: {self._told(str(refusal))}")

    def _types(self) -> pa_csv.ConvertOptions:
        return pa_csv.ConvertOptions(
            column_types={
                name: pa.string() if name in self._as_text or column.kind is TIME else column.kind.arrow
                for name, column in self._by_name.items()
            },
            null_values=[""],
            strings_can_be_null=True,
            true_values=["true"],
            false_values=["false"],
        )

    def _read_as_text(self, refusal: str) -> bool:
        """Whether there is a column to be read as text, after Arrow has refused a value of it."""
        found = _IN_COLUMN.match(refusal)
        name = list(self._by_name)[int(found[1])] if found else None
        if name is None or name in self._as_text or self._by_name[name].kind.arrow == pa.string():
            return False
        self._as_text.add(name)
        return True

    def _told(self, refusal: str) -> str:
        """What Arrow says, with the column's name and without numbers that count from the block's beginning."""
        found = _IN_COLUMN.match(refusal)
        if found:
            refusal = f"{list(self._by_name)[int(found[1])]}: {refusal[found.end() :]}"
        return re.sub(r"Row #\d+: ", "", refusal)[:LONGEST_EXCERPT]


def _row_blocks(chunks: Iterable[bytes], least: int) -> Iterator[bytes]:
    """The same bytes in blocks of whole rows, at least one row and ``least`` bytes each; the last as they come.

    Raises:
        BodyCut: they end within quotes or between two cells.
        UnreadableAnswer: a row without an end.
    """
    waiting: list[bytes] = []
    size, quoted = 0, False
    for chunk in chunks:
        quoted ^= bool(np.count_nonzero(np.frombuffer(chunk, np.uint8) == _QUOTE) & 1)
        size += len(chunk)
        end = _last_row_end(chunk, quoted) if size >= least else 0
        if end:
            yield b"".join([*waiting, chunk[:end]])
            waiting, chunk = [], chunk[end:]
            size = len(chunk)
        elif size > least + LONGEST_ROW_BYTES:
            raise UnreadableAnswer("a page of results has a row larger than any record can be")
        waiting.append(chunk)
    if quoted or (waiting and waiting[-1].endswith(b",")):
        raise BodyCut
    if size:
        yield b"".join(waiting)


def _last_row_end(chunk: bytes, quoted: bool) -> int:
    """The place behind the last row that ends in ``chunk``, 0 where none does; ``quoted`` says how the chunk ends."""
    stop = len(chunk)
    while (at := chunk.rfind(b"\n", 0, stop)) >= 0:
        quoted ^= bool(chunk.count(b'"', at, stop) & 1)
        if not quoted:
            return at + 1
        stop = at
    return 0


# --- values ----------------------------------------------------------------------------------------------------------


def _converted(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    convert = _CONVERT.get(column.kind, _cast)
    try:
        return convert(values, column.kind)
    except _NO_VALUE:
        pass
    for text in pc.unique(pc.cast(values, pa.string())).to_pylist():
        try:
            convert(pa.chunked_array([[text]], pa.string()), column.kind)
        except _NO_VALUE:
            break
    raise UnreadableAnswer(f"{column.name}: {text[:LONGEST_EXCERPT]!r} is no {column.kind.name}")


def _cast(values: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    return values if values.type == kind.arrow else pc.cast(values, kind.arrow)


def _numbers(values: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    """Numbers as they are: Arrow reads NaN and inf, too, which are none."""
    values = _cast(values, kind)
    if pc.all(pc.is_finite(values)).as_py() is False:
        raise ValueError
    return values


def _integers(values: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    """Whole numbers, also where they are written 5.0 or 1E7."""
    if values.type == kind.arrow:
        return values
    try:
        return _cast(pc.replace_substring_regex(values, r"\.0+$", ""), kind)
    except pa.ArrowInvalid:
        return pa.chunked_array([[_integer(text) for text in values.to_pylist()]], kind.arrow)


def _integer(text: str | None) -> int | None:
    if text is None:
        return None
    number = Decimal(text)
    if not -(2**63) <= number < 2**63 or number != number.to_integral_value():
        raise ValueError
    return int(number)


def _booleans(values: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    if values.type == kind.arrow:
        return values
    words = pc.utf8_lower(values)
    true = pc.equal(words, "true")
    if pc.all(pc.or_(true, pc.equal(words, "false"))).as_py() is False:
        raise ValueError
    return true


def _times(values: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    return pa.chunked_array([kind.build(values.to_pylist(), kind.arrow)], kind.arrow)


_NO_VALUE = (pa.ArrowException, ValueError, ArithmeticError)
_CONVERT: Mapping[Kind, Callable[[pa.ChunkedArray, Kind], pa.ChunkedArray]] = {
    INTEGER: _integers,
    NUMBER: _numbers,
    BOOLEAN: _booleans,
    TIME: _times,
}
"""How what Arrow read of a column, the type itself or text, becomes its values, where a cast is not enough."""
