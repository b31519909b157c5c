"""Many records in parts: each within a number of bytes, none cutting a record, and each to be had again.

Records are CSV, or JSON in lines. They are written a slice of rows at a time, two slices side by side, and laid into a
part until the next record would not fit; the bytes counted are those that are sent. What a part holds follows from the
rows alone, not from the slices they were written in, so the rows of a part written again are the same bytes.

An ingest job takes 150 MB once they are in base64, and so 100 MB of CSV:
https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_prepare_csv.htm
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sfdata.errors import ConfigurationError, Problem, PushRefused

LARGEST_PART = 100_000_000
MOST_PROBLEMS = 1_000
"""Problems after which no further rows are looked at."""

THREADS = 2
SLICE_BYTES = 4_000_000
_FIRST_ROWS, _MOST_ROWS, _GROWTH = 64, 16_384, 16

Ends = npt.NDArray[np.int64]
RowWriter = Callable[[int, int], pa.Buffer]
"""Writes the rows from one position up to another; raises `PushRefused` with everything that is wrong with them."""


def csv_ends(content: bytes | pa.Buffer) -> Ends:
    """Where each record of CSV ends, the header's too: at the line ends before which the quotes are all closed."""
    text = np.frombuffer(content, np.uint8)
    line_ends, quotes = np.flatnonzero(text == ord("\n")), np.flatnonzero(text == ord('"'))
    ends: Ends = line_ends[np.searchsorted(quotes, line_ends) % 2 == 0] + 1
    return ends


def line_ends(content: bytes | pa.Buffer) -> Ends:
    """Where each line ends: a record of JSON holds no line end."""
    return np.flatnonzero(np.frombuffer(content, np.uint8) == ord("\n")) + 1


@dataclass(frozen=True, slots=True)
class Part:
    """One part: the positions of its rows (``stop`` is the first behind them), its size in bytes, and their SHA-256."""

    number: int
    start: int
    stop: int
    size: int
    digest: str

    @property
    def rows(self) -> int:
        return self.stop - self.start


class RecordParts:
    """The parts of all records.

    Iterating gives each `Part` with its bytes; who lets go of them (``del``) before asking for the next has one part in
    memory at a time. `plan` gives the parts alone, and `data` the bytes of one of them.

    Args:
        header: the first line of every part, with its line end; empty where there is none.
        rows: how many there are, at least one.
        write: gives some of them, each record ended by LF; called from two threads.
        limit: bytes that a part may have, header included.
        part_rows: rows that a part may have; None leaves it to ``limit``.
        ends: finds where records end.
        breaks: rows that a part had better begin with, in order; where it can, a part ends before one of them.

    Raises:
        ConfigurationError: bounds that not even one row could keep.
    """

    def __init__(
        self,
        header: bytes,
        rows: int,
        write: RowWriter,
        limit: int = LARGEST_PART,
        part_rows: int | None = None,
        ends: Callable[[pa.Buffer], Ends] = csv_ends,
        breaks: Ends | None = None,
    ) -> None:
        if limit <= len(header):
            raise ConfigurationError(f"a part may have {limit} bytes, and its header alone has {len(header)}")
        if part_rows is not None and part_rows < 1:
            raise ConfigurationError(f"part_rows must be 1 or more, not {part_rows}")
        self.header = header
        self.rows = rows
        self._write = write
        self._limit = limit
        self._part_rows = part_rows or rows
        self._ends = ends
        self._breaks = breaks

    def __iter__(self) -> Iterator[tuple[Part, bytes]]:
        """Every part with its bytes.

        Raises:
            PushRefused: rows that cannot be written; the rows behind them have been looked at, too.
        """
        for part in self._filled(keep=True):
            yield part.closed(), part.content()

    def plan(self) -> tuple[Part, ...]:
        """The parts without their bytes. Takes about as long as writing them.

        Raises:
            PushRefused: rows that cannot be written, all of them.
        """
        return tuple(part.closed() for part in self._filled(keep=False))

    def data(self, part: Part) -> bytes:
        """The bytes of a part, written again.

        Raises:
            PushRefused: they are not what they were.
        """
        again = _OpenPart(part.number, part.start, self.header, keep=True)
        for start, stop, rows in self._slices(part.start, part.stop):
            again.add(rows, stop - start)
        if again.closed() != part:
            problem = Problem(f"rows {part.start} to {part.stop - 1} are not what they were when the push was planned")
            raise PushRefused([problem], hint="Push a copy of the frame, so that nothing changes it meanwhile.")
        return again.content()

    def _filled(self, *, keep: bool) -> Iterator[_OpenPart]:
        part = _OpenPart(0, 0, self.header, keep=keep)
        for start, stop, rows in self._slices(0, self.rows):
            records = _Records(rows, stop - start, self._ends)
            first = 0
            while (count := self._fitting(part, records, first)) < records.count - first:
                if not count and not part.rows:
                    raise PushRefused([self._too_large(start + first, records, first)])
                count = self._broken(part, start + first, count)
                part.add(records.piece(first, first + count), count)
                yield part
                first += count
                part = _OpenPart(part.number + 1, start + first, self.header, keep=keep)
            part.add(records.piece(first, records.count), records.count - first)
        yield part

    def _broken(self, part: _OpenPart, begin: int, count: int) -> int:
        """How many of the ``count`` rows from ``begin`` on the part is to take, so that it ends before a break.

        All of them where no break is among them, or the part would be less than half as full.
        """
        if self._breaks is None:
            return count
        place = int(np.searchsorted(self._breaks, begin + count, "right"))
        kept = int(self._breaks[place - 1]) - begin if place else -1
        return kept if kept >= 0 and 2 * (part.rows + kept) >= part.rows + count else count

    def _fitting(self, part: _OpenPart, records: _Records, first: int) -> int:
        """How many records from ``first`` on the part has room for."""
        room = records.begin(first) + self._limit - part.size
        most = min(records.count - first, self._part_rows - part.rows)
        if records.begin(first + most) <= room:
            return most
        return int(np.searchsorted(records.ends, room, "right")) - first

    def _too_large(self, position: int, records: _Records, first: int) -> Problem:
        size = records.begin(first + 1) - records.begin(first) + len(self.header)
        row = "with its header the row" if self.header else "the row"
        return Problem(f"{row} has {size} bytes, and a part may have {self._limit}", None, position)

    def _slices(self, start: int, stop: int) -> Iterator[tuple[int, int, pa.Buffer]]:
        """The rows as they are written, slice by slice in order, while others are being written already.

        Raises:
            PushRefused: rows that cannot be written. Once there are some, slices are only looked at.
        """
        problems: list[Problem] = []
        hint: str | None = None
        for begin, end, written in self._written(start, stop):
            try:
                content = written.result()
            except PushRefused as refused:
                problems += refused.problems
                hint = hint or refused.hint
                if len(problems) >= MOST_PROBLEMS:
                    break
            else:
                if not problems:
                    yield begin, end, content
        if problems:
            raise PushRefused(problems[:MOST_PROBLEMS], hint=hint)

    def _written(self, start: int, stop: int) -> Iterator[tuple[int, int, Future[pa.Buffer]]]:
        """The slices under way; as many rows in each as make a few megabytes, going by the last one."""
        rows, pending = _FIRST_ROWS, deque[tuple[int, int, Future[pa.Buffer]]]()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="sfdata encode") as pool:
            while start < stop or pending:
                while start < stop and len(pending) <= THREADS:
                    end = min(start + rows, stop)
                    pending.append((start, end, pool.submit(self._write, start, end)))
                    start = end
                begin, end, written = pending.popleft()
                yield begin, end, written
                if written.exception() is None:
                    wanted = (end - begin) * SLICE_BYTES // max(1, written.result().size)
                    rows = max(1, min(wanted, rows * _GROWTH, _MOST_ROWS))
                del written


class _OpenPart:
    """A part while it is being filled."""

    def __init__(self, number: int, start: int, header: bytes, *, keep: bool) -> None:
        self.number = number
        self.start = start
        self.rows = 0
        self.size = 0
        self._hash = hashlib.sha256()
        self._memory = BytesIO() if keep else None
        self.add(header, 0)

    def add(self, content: bytes | pa.Buffer, rows: int) -> None:
        size = len(content) if isinstance(content, bytes) else content.size
        self._hash.update(content)
        if self._memory is not None:
            self._memory.write(content)
        self.size += size
        self.rows += rows

    def closed(self) -> Part:
        return Part(self.number, self.start, self.start + self.rows, self.size, self._hash.hexdigest())

    def content(self) -> bytes:
        """The bytes, which are the caller's from now on."""
        assert self._memory is not None
        content, self._memory = self._memory.getvalue(), None
        return content


@dataclass(frozen=True)
class _Records:
    """The records of a slice, and where in its bytes they end."""

    content: pa.Buffer
    count: int
    found: Callable[[pa.Buffer], Ends]

    @cached_property
    def ends(self) -> Ends:
        """Where each record ends."""
        ends = self.found(self.content)
        assert len(ends) == self.count
        return ends

    def begin(self, number: int) -> int:
        """Where a record begins; the one behind the last, where the slice ends."""
        if number == self.count:
            return int(self.content.size)
        return int(self.ends[number - 1]) if number else 0

    def piece(self, first: int, stop: int) -> pa.Buffer:
        return self.content.slice(self.begin(first), self.begin(stop) - self.begin(first))
