"""What became of each row of an ingest job: the job's three result files, brought back to the rows that were sent.

Results come in any order, so no row is known by its place. A result repeats the cells it was sent; a row is found by
all of them, or, where the org writes a value its own way, by a key that no other row has. Rows that are equal in every
cell may stand for each other. What fits nowhere, or counts that do not add up, leave the job in need of attention:
nothing is guessed.

A row that is in none of the files is *unaccounted*: past some limits the platform writes rows without telling, so it
may be in the org or not, and is never sent again unasked.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from itertools import islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from sfdata.api.bulk_ingest import IngestJob
from sfdata.errors import UnreadableAnswer

OUTCOMES = ("succeeded", "failed", "unprocessed", "unaccounted", "not_sent")
"""The five bins; each row ends in exactly one."""
SCHEMA = pa.schema(
    [
        ("outcome", pa.dictionary(pa.int8(), pa.string())),
        ("id", pa.string()),
        ("created", pa.bool_()),
        ("code", pa.string()),
        ("error", pa.string()),
    ]
)
SEPARATOR = "\x1f"
ERROR = r"^(?P<code>[A-Z][A-Z0-9_]*):(?P<error>(?s:.*))$"
Places = npt.NDArray[np.int64]
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """The three files of an ended job, decompressed."""

    successful: bytes
    failed: bytes
    unprocessed: bytes


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the rows of a job: ``outcomes`` has a row for each, in the order sent, by `SCHEMA`.

    ``problem`` says why the job needs attention; None when everything adds up.
    """

    outcomes: pa.Table
    problem: str | None = None


def account(sent: bytes, files: ResultFiles, job: IngestJob, key: str | None) -> Account:
    """Bring an ended job's results back to the rows of the CSV that was ``sent``.

    Args:
        key: the column that tells records apart: ``Id``, or an upsert's external id; None for an insert.

    Raises:
        UnreadableAnswer: a file is no CSV of this job's columns.
    """
    rows = cells(sent, "what was sent")
    names = rows.column_names
    parts = [
        _results(files.successful, ("sf__Id", "sf__Created"), names),
        _results(files.failed, ("sf__Id", "sf__Error"), names),
        _results(files.unprocessed, (), names),
    ]
    told = pa.concat_tables([part.select(names) for part in parts])
    places = _places(_whole_rows(rows), _whole_rows(told))
    if key is not None:
        places = _placed_by_key(places, _canonical(rows[key]), _canonical(told[key]))
    if (places < 0).any():
        return Account(unaccounted(rows.num_rows), "a result is for none of the rows that were sent")
    if len(np.unique(places)) < len(places):
        return Account(unaccounted(rows.num_rows), "two results are for one row")
    outcomes = _outcomes(rows.num_rows, parts, places)
    return Account(outcomes, _disagreement(job, rows.num_rows, parts, key))


def not_sent(rows: int) -> pa.Table:
    """The outcomes of rows that never left."""
    return _table(np.full(rows, OUTCOMES.index("not_sent"), np.int8))


def unaccounted(rows: int) -> pa.Table:
    """The outcomes of rows that were sent and of which nothing is known."""
    return _table(np.full(rows, OUTCOMES.index("unaccounted"), np.int8))


def cells(content: bytes, what: str) -> pa.Table:
    """CSV as text columns, every cell as it stands."""
    names = next(islice(csv.reader(TextIOWrapper(BytesIO(content), "utf-8-sig", newline="")), 1), None)
    if not names:
        return pa.table({})
    try:
        return pa_csv.read_csv(
            pa.BufferReader(content),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowException as problem:
        raise UnreadableAnswer(f"{what} is no CSV: {problem}") from None


def _results(content: bytes, added: tuple[str, ...], names: list[str]) -> pa.Table:
    """A file's rows under the names that were sent, its own columns first; an empty file has no rows."""
    table = cells(content, "a result file")
    if not table.column_names and not content.strip():
        return pa.table({name: pa.array([], pa.string()) for name in (*added, *names)})
    expected = [*added, *names]
    if [name.casefold() for name in table.column_names] != [name.casefold() for name in expected]:
        raise UnreadableAnswer(f"a result file has the columns {', '.join(table.column_names)}")
    return table.rename_columns(expected)


# --- whose result it is ----------------------------------------------------------------------------------------------


def _whole_rows(table: pa.Table) -> pa.ChunkedArray:
    """Each row as one text: its cells, line ends alike and outer blanks gone, as orgs keep neither."""
    columns = []
    for column in table.columns:
        for line_end in ("\r\n", "\r"):
            if pc.any(pc.match_substring(column, line_end)).as_py():
                column = pc.replace_substring(column, line_end, "\n")
        columns.append(pc.utf8_trim_whitespace(column))
    return pc.binary_join_element_wise(*columns, SEPARATOR)


def _canonical(keys: pa.ChunkedArray) -> pa.ChunkedArray:
    """Keys as fields compare them: without case, and numbers by their value."""
    folded = pc.utf8_lower(pc.utf8_trim_whitespace(keys))
    numbers = pc.match_substring_regex(folded, r"^-?[0-9]+(\.[0-9]*)?$")
    plain = pc.replace_substring_regex(folded, r"^(-?)0*([0-9]+?)(?:\.([0-9]*?)0*)?$", r"\1\2.\3")
    return pc.if_else(numbers, plain, folded)


def _places(sent: pa.ChunkedArray, told: pa.ChunkedArray) -> Places:
    """The place among ``sent`` of each of ``told``, -1 where it has none. The n-th of equals goes to the n-th."""
    count = len(sent)
    codes = pa.chunked_array([*sent.chunks, *told.chunks], pa.string()).combine_chunks().dictionary_encode().indices
    values = codes.to_numpy(zero_copy_only=False).astype(np.int64)
    numbered = np.concatenate([_occurrences(values[:count]), _occurrences(values[count:])])
    mine, theirs = np.split(values * (len(values) + 1) + numbered, [count])
    order = np.argsort(mine, kind="stable")
    at = np.minimum(np.searchsorted(mine[order], theirs), count - 1)
    places: Places = order[at]
    return np.where(mine[places] == theirs, places, -1)


def _placed_by_key(places: Places, sent: pa.ChunkedArray, told: pa.ChunkedArray) -> Places:
    """The places, those that are missing by a key that one row alone was sent with."""
    missing = places < 0
    if not missing.any():
        return places
    counted = pc.value_counts(sent)
    alone = counted.field("values").filter(pc.equal(counted.field("counts"), 1))
    by_key = pc.if_else(pc.is_in(told, alone), pc.index_in(told, sent), -1)
    return np.where(missing, by_key.to_numpy(), places)


def _occurrences(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How often each code has come before."""
    order = np.argsort(codes, kind="stable")
    first = np.r_[True, np.diff(codes[order]) != 0][: len(codes)]
    starts = np.flatnonzero(first)
    before = np.empty_like(codes)
    before[order] = np.arange(len(codes)) - np.repeat(starts, np.diff(np.r_[starts, len(codes)]))
    return before


# --- what became of it -----------------------------------------------------------------------------------------------


def _outcomes(rows: int, parts: list[pa.Table], places: Places) -> pa.Table:
    bins = np.full(rows, OUTCOMES.index("unaccounted"), np.int8)
    source = np.full(rows, -1, np.int64)  # the result row of each row sent
    source[places] = np.arange(len(places))
    bins[places] = np.repeat(np.arange(3, dtype=np.int8), [part.num_rows for part in parts])
    succeeded, failed, unprocessed = parts
    nothing = pa.nulls(unprocessed.num_rows, pa.string())
    ids = pa.chunked_array([*succeeded["sf__Id"].chunks, *failed["sf__Id"].chunks, nothing], pa.string())
    told = pa.chunked_array(
        [pa.nulls(succeeded.num_rows, pa.string()), *failed["sf__Error"].chunks, nothing], pa.string()
    )
    created = pa.chunked_array(
        [
            *pc.equal(pc.utf8_lower(succeeded["sf__Created"]), "true").chunks,
            pa.nulls(len(told) - succeeded.num_rows, pa.bool_()),
        ],
        pa.bool_(),
    )
    taken = pa.array(source, mask=source < 0)
    return _table(bins, ids.take(taken), created.take(taken), told.take(taken))


def _table(
    bins: npt.NDArray[np.int8],
    ids: pa.ChunkedArray | None = None,
    created: pa.ChunkedArray | None = None,
    told: pa.ChunkedArray | None = None,
) -> pa.Table:
    outcome = pa.DictionaryArray.from_arrays(pa.array(bins), pa.array(OUTCOMES))
    nothing = pa.nulls(len(bins), pa.string())
    told = pa.chunked_array([nothing]) if told is None else told
    split = pc.extract_regex(told, ERROR)
    code, error = pc.struct_field(split, "code"), pc.coalesce(pc.struct_field(split, "error"), told)
    ids = pa.chunked_array([nothing]) if ids is None else ids
    ids = pc.if_else(pc.equal(ids, ""), pa.scalar(None, pa.string()), ids)
    created = pa.chunked_array([pa.nulls(len(bins), pa.bool_())]) if created is None else created
    return pa.table([outcome, ids, created, code, error], schema=SCHEMA)


def _disagreement(job: IngestJob, sent: int, parts: list[pa.Table], key: str | None) -> str | None:
    """What does not add up between what was sent, the job's own counts and its files."""
    succeeded, failed, unprocessed = parts
    done = succeeded.num_rows + failed.num_rows
    if job.processed is not None and job.processed != done:
        return f"the job counts {job.processed} rows processed, its files hold {done}"
    if job.failed is not None and job.failed != failed.num_rows:
        return f"the job counts {job.failed} rows failed, its file holds {failed.num_rows}"
    if done + unprocessed.num_rows < sent:
        return f"{sent} rows were sent, the files of the job hold {done + unprocessed.num_rows}"
    ids = succeeded["sf__Id"]
    if not _all(pc.match_substring_regex(ids, f"^{_ID.pattern}$")):
        return "a row succeeded without an Id"
    if job.operation.casefold() == "insert" and len(pc.unique(ids)) != len(ids):
        return "two inserted rows came back with one Id"
    if key == "Id" and not _all(pc.or_(pc.equal(succeeded[key], ""), _one_record(ids, succeeded[key]))):
        return "a row came back with the Id of another record"
    return None


def _one_record(ids: pa.ChunkedArray, others: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether Ids of 15 or 18 characters are those of the same records, one by one."""
    return pc.equal(pc.utf8_slice_codeunits(ids, 0, 15), pc.utf8_slice_codeunits(others, 0, 15))


def _all(flags: pa.ChunkedArray) -> bool:
    return bool(pc.all(flags, min_count=0).as_py())
