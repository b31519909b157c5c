"""The files of results: those of an ingest job's rows, and the rows of a query, a page of which is a range of bytes.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_successful_results.htm
https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_job_results.htm
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Self

from sfdata.localorg.bulk.dialect import CsvReader, DataRefused
from sfdata.localorg.bulk.jobs import JOB_COMPLETE, Job
from sfdata.localorg.bulk.writes import Outcome
from sfdata.localorg.routing import FileBody

SUCCESSFUL, FAILED = "successful", "failed"
ADDED_COLUMNS = {SUCCESSFUL: ("sf__Id", "sf__Created"), FAILED: ("sf__Id", "sf__Error")}
OFFSET_BYTES = 8


# --- the rows of an ingest job ---------------------------------------------------------------------------------------


class ResultWriter:
    """Writes a job's successful and failed rows while it runs.

    The rows of a chunk come in reverse: like Salesforce's, in an order that is not the upload's.
    """

    def __init__(self, job: Job) -> None:
        self._dialect = job.settings.dialect
        self._open = ExitStack()
        self._files = {kind: self._open.enter_context(result_path(job, kind).open("wb")) for kind in ADDED_COLUMNS}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, outcomes: Sequence[Outcome[Sequence[str]]]) -> None:
        """Add what became of the rows of a chunk; when this returns, it can be read."""
        for outcome in reversed(outcomes):
            kind = FAILED if outcome.errors else SUCCESSFUL
            told = outcome.error or ("true" if outcome.created else "false")
            self._files[kind].write(self._dialect.line([outcome.record_id, told, *outcome.row]).encode())
        for file in self._files.values():
            file.flush()


def result_path(job: Job, kind: str) -> Path:
    """The file of a job's ``successful`` or ``failed`` rows, without their header."""
    return job.folder / f"{kind}.csv"


def result_body(job: Job, kind: str) -> FileBody:
    """The successful or failed rows: two columns more, then the upload's header as it was written and its values."""
    dialect = job.settings.dialect
    added = dialect.quoted(ADDED_COLUMNS[kind]).removesuffix(dialect.terminator)
    names = header_line(job)
    head = f"{added}{dialect.delimiter if names else ''}{names}{dialect.terminator}"
    return file_body(head, result_path(job, kind))


def unprocessed_body(job: Job) -> FileBody:
    """The rows that were not processed, as they were uploaded."""
    if not job.unprocessed_from and job.state != JOB_COMPLETE:
        return file_body("", job.data)
    head = header_line(job) + job.settings.dialect.terminator
    if job.state == JOB_COMPLETE:
        return FileBody(head.encode(), job.data)
    return file_body(head, job.data, job.unprocessed_from)


def header_line(job: Job) -> str:
    """The header as it was uploaded, without its line ending; empty where there is none that can be read."""
    if not job.data.exists():
        return ""
    try:
        with job.data.open("rb") as file:
            return CsvReader(file, job.settings.dialect).header_line.rstrip("\r\n")
    except DataRefused:
        return ""


def file_body(head: str, path: Path, start: int = 0) -> FileBody:
    """``head``, then a file from ``start`` to its end; a file that is not there is empty."""
    return FileBody(head.encode(), path, start, path.stat().st_size if path.exists() else start)


# --- the rows of a query ---------------------------------------------------------------------------------------------


class RowFile:
    """The header and the rows of a query in a file, and in a second one the place where each of them ends."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "rows.csv"
        self._ends = folder / "rows.ends"

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def header(self) -> bytes:
        with self.path.open("rb") as rows:
            return rows.read(self._end(0))

    def append(self, lines: Iterable[bytes]) -> None:
        """Add rows, each with its line ending; the first of all is the header."""
        listed = list(lines)
        ends = array("Q", accumulate(map(len, listed), initial=self.size))
        if sys.byteorder == "big":
            ends.byteswap()
        with self.path.open("ab") as rows, self._ends.open("ab") as places:
            rows.writelines(listed)
            places.write(ends[1:].tobytes())

    def page(self, first: int, most_rows: int, total: int, most_bytes: int) -> tuple[int, range]:
        """The rows from ``first`` on, as many as the limits allow but at least one: how many, and their bytes."""
        start = self._end(first)
        count = min(most_rows, total - first)
        if count > 1 and self._end(first + count) - start > most_bytes:
            count = self._fitting(first, count, start + most_bytes)
        return count, range(start, self._end(first + count))

    def _fitting(self, first: int, count: int, limit: int) -> int:
        """How many rows end within ``limit``: a search by halves."""
        fits, too_many = 1, count
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            if self._end(first + middle) <= limit:
                fits = middle
            else:
                too_many = middle
        return fits

    def _end(self, line: int) -> int:
        """Where the header (0) or a row (from 1) ends."""
        with self._ends.open("rb") as places:
            places.seek(line * OFFSET_BYTES)
            return int.from_bytes(places.read(OFFSET_BYTES), "little")
