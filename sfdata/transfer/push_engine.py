"""Which API a push goes through, and the form its records have on the way there.

| engine      | a unit                                            | its records       | told row by row |
|-------------|---------------------------------------------------|-------------------|-----------------|
| collections | a call of sObject Collections, at most 200 rows   | JSON, one a line  | in its answer   |
| bulk        | an ingest job of Bulk API 2.0, up to 100 MB       | CSV               | in three files  |

A job is made, filled, closed, asked at least once and has three files fetched: seven calls or more, and its rows wait
for their turn in a queue. Ten calls of collections write 2,000 rows, three of them side by side, in less time and not
many more calls. Beyond, each further 200 rows cost a call of the org's day, and a job hardly takes more.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_intro.htm
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from sfdata.api.bulk_ingest import IngestOperation
from sfdata.errors import ConfigurationError
from sfdata.frames.encode import Rows
from sfdata.frames.json_records import CALL_BYTES, CALL_ROWS, json_lines
from sfdata.frames.record_parts import LARGEST_PART, Ends, RecordParts, RowWriter, csv_ends, line_ends

PushEngine = Literal["auto", "collections", "bulk"]
Engine = Literal["collections", "bulk"]

MOST_BY_CALLS = 2_000
"""Rows that ``"auto"`` writes by calls of collections."""


def chosen(engine: PushEngine, operation: IngestOperation, rows: int, *, all_or_none: bool) -> tuple[Engine, str]:
    """The engine for so many rows, and why.

    Raises:
        ConfigurationError: no such engine, or one that cannot do what is asked.
    """
    if engine not in ("auto", "collections", "bulk"):
        raise ConfigurationError(f"engine {engine!r} is none of 'auto', 'collections', 'bulk'")
    for_good = operation == "hardDelete"
    if for_good and engine == "collections":
        raise ConfigurationError("records are deleted for good by Bulk jobs alone")
    if all_or_none and (engine == "bulk" or for_good):
        raise ConfigurationError("all_or_none=True is for collections: each row of a Bulk job is by itself")
    if engine != "auto":
        return engine, "it was asked for"
    if for_good:
        return "bulk", "records are deleted for good by jobs alone"
    if rows > MOST_BY_CALLS and not all_or_none:
        return "bulk", f"{rows:,} rows are a job rather than {_calls(rows)}"
    return "collections", f"{rows:,} rows are {_calls(rows)}"


def _calls(rows: int) -> str:
    calls = -(-rows // CALL_ROWS)
    return "1 call" if calls == 1 else f"{calls:,} calls"


# --- the form of units -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnitForm:
    """How the records of a unit are written, on disk as on the wire.

    Attributes:
        kind: of the file that holds them.
        limit: bytes that they may have.
        most_rows: how many there may be; None leaves it to ``limit``.
        ends: finds where they end.
        headed: whether a line with the names of the fields stands before them.
        writer: writes the rows of a frame.
    """

    kind: Literal["csv", "jsonl"]
    limit: int
    most_rows: int | None
    ends: Callable[[bytes | pa.Buffer], Ends]
    headed: bool
    writer: Callable[[Rows], RowWriter]

    def part_rows(self, wanted: int | None) -> int | None:
        """How many rows a unit may have where the caller wants no more than ``wanted``."""
        bounds = [bound for bound in (wanted, self.most_rows) if bound is not None]
        return min(bounds, default=None)

    def parts(self, rows: Rows, part_rows: int | None, breaks: Ends | None = None) -> RecordParts:
        """The rows of a frame in units, each of which had better begin at one of the ``breaks``."""
        return self.cut(rows.header if self.headed else b"", rows.source.rows, self.writer(rows), part_rows, breaks)

    def cut(
        self, header: bytes, rows: int, write: RowWriter, part_rows: int | None, breaks: Ends | None = None
    ) -> RecordParts:
        """Rows that ``write`` gives in units."""
        return RecordParts(header, rows, write, self.limit, part_rows, self.ends, breaks)


FORMS: Mapping[Engine, UnitForm] = {
    "collections": UnitForm("jsonl", CALL_BYTES, CALL_ROWS, line_ends, headed=False, writer=json_lines),
    "bulk": UnitForm("csv", LARGEST_PART, None, csv_ends, headed=True, writer=lambda rows: rows.csv),
}


def engine_of(about: Mapping[str, Any]) -> Engine:
    """The engine of a push, by what its journal tells about it; the first ones went by jobs and said nothing."""
    return "collections" if about.get("engine") == "collections" else "bulk"
