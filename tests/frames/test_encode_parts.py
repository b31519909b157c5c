"""Parts: as full as their bounds allow, never a record cut, each to be had again, whatever the slices were."""

from __future__ import annotations

import csv
import hashlib
import io
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.errors import ConfigurationError, Problem, PushRefused
from sfdata.frames import record_parts
from sfdata.frames.encode import encode
from sfdata.frames.record_parts import RecordParts
from sfdata.metadata import ObjectDescribe

HEADER = b"Name,Site\n"
FIELDS = {
    "Id": "id",
    "Name": "string",
    "Site": "textarea",
    "Amount": "double",
    "Share": "percent",
    "Born": "date",
    "At": "datetime",
    "Active": "boolean",
}
ACCOUNT = ObjectDescribe(
    {"name": "Account", "fields": [{"name": name, "label": name, "type": kind} for name, kind in FIELDS.items()]}
)


def line(*values):
    """A record as the standard library writes it, every value in quotes."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(values)
    return text.getvalue().encode()


def of(records, **bounds):
    """The parts of records that are given as bytes."""
    return RecordParts(HEADER, len(records), lambda start, stop: pa.py_buffer(b"".join(records[start:stop])), **bounds)


def packed(records, limit, part_rows):
    """Where parts begin, filled record by record."""
    begins, size, rows = [0], len(HEADER), 0
    for position, record in enumerate(records):
        if size + len(record) > limit or rows == part_rows:
            begins.append(position)
            size, rows = len(HEADER), 0
        size, rows = size + len(record), rows + 1
    return begins


cells = st.text('a";\n\r,é🦜', max_size=6)


@pytest.mark.catalogue("B14")
@given(
    values=st.lists(st.tuples(cells, cells), min_size=1, max_size=60),
    room=st.integers(0, 300),
    part_rows=st.none() | st.integers(1, 10),
    slice_rows=st.integers(1, 20),
)
def test_a_part_holds_as_many_records_as_its_bounds_allow(values, room, part_rows, slice_rows):
    """Counted in bytes and rows; the parts together are all rows once, and each is whole, hashed, and had again."""
    records = [line(*value) for value in values]
    limit = len(HEADER) + max(map(len, records)) + room
    parts = of(records, limit=limit, part_rows=part_rows)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(record_parts, "_FIRST_ROWS", slice_rows)
        patched.setattr(record_parts, "_MOST_ROWS", slice_rows)
        made = list(parts)
        plan = parts.plan()
    begins = packed(records, limit, part_rows)
    assert [part.start for part, _ in made] == begins
    assert [(a.number, a.stop) for a, _ in made] == list(enumerate([*begins[1:], len(records)]))
    for part, content in made:
        assert content == HEADER + b"".join(records[part.start : part.stop])
        assert (part.size, part.digest) == (len(content), hashlib.sha256(content).hexdigest())
        assert part.size <= limit
        assert part.rows == part.stop - part.start <= (part_rows or len(records))
        assert parts.data(part) == content
    assert plan == tuple(part for part, _ in made)


@pytest.mark.catalogue("B14")
@pytest.mark.parametrize(
    ("limit", "expected"), [(1000, [10, 10]), (999, [9, 9, 2]), (1001, [10, 10]), (1990, [20]), (1989, [19, 1])]
)
def test_the_limit_is_exact(limit, expected):
    """A part of exactly the limit is one; a byte less, and its last record goes to the next."""
    record = line("x" * 96)
    assert len(record) == 99
    parts = of([record] * 20, limit=limit)
    assert len(HEADER) == 10
    assert [part.rows for part in parts.plan()] == expected


@pytest.mark.slow
@pytest.mark.catalogue("B14")
@pytest.mark.parametrize(("rows", "expected"), [(999, [999]), (1000, [999, 1])])
def test_an_upload_stays_below_what_a_job_takes(rows, expected):
    """A job takes 150 MB once the org has encoded them: a hundred are one part, and a row more is another."""
    frame = pd.DataFrame({"Name": ["ä"] * rows, "Site": ["x" * 100_090] * rows})
    parts = [(part.rows, part.size) for part, _ in encode(frame, "Account", lambda name: ACCOUNT, "insert")]
    assert [count for count, _ in parts] == expected
    assert all(size * 4 / 3 <= 150_000_000 for _, size in parts)


@pytest.mark.catalogue("B14")
def test_a_record_that_fits_no_part_is_refused():
    """The header and one record must fit; which record does not is said."""
    records = [line("x"), line("y" * 100), line("z")]
    assert of(records, limit=len(HEADER) + 103).plan()
    with pytest.raises(PushRefused, match="row 1: with its header the row has 113 bytes, and a part may have 112"):
        of(records, limit=len(HEADER) + 102).plan()


@pytest.mark.parametrize("bounds", [{"limit": len(HEADER)}, {"limit": 0}, {"part_rows": 0}, {"part_rows": -1}])
def test_bounds_that_no_row_keeps_are_refused(bounds):
    """Before any row is written."""
    with pytest.raises(ConfigurationError, match=r"a part may have|part_rows must be"):
        of([line("x")], **bounds)


# --- frames in slices ------------------------------------------------------------------------------------------------


def describe(name):
    return ACCOUNT


def frame(rows):
    """Columns of every way of encoding, with values missing from long stretches of them."""
    numbers = np.arange(rows)
    stretch = numbers // 16 % 2 == 0
    stamps = pd.Timestamp("1969-12-01", tz="UTC") + pd.to_timedelta(numbers * 7_919_003, unit="ms")
    return pd.DataFrame(
        {
            "Id": "001Lo0000000b9CIAQ",
            "Name": [f'n"{n}"\n,é' if n % 7 else None for n in numbers],
            "Site": pd.Series([str(n) if n % 40 < 30 else None for n in numbers], dtype=object),
            "Amount": pd.Series([n if n % 32 < 16 else n / 3 for n in numbers], dtype=object),
            "Share": np.where(stretch, numbers / 7, np.nan),
            "Born": (pd.Timestamp("2024-01-01") + pd.to_timedelta(numbers % 400, unit="D")).where(stretch),
            "At": stamps.tz_convert("Asia/Tokyo").where(stretch),
            "Active": pd.array([bool(n % 2) for n in numbers], dtype="boolean"),
        }
    ).set_axis(numbers[::-1])


@pytest.mark.parametrize("nulls", ["leave", "clear"])
def test_the_bytes_of_a_row_do_not_depend_on_its_slice(nulls, monkeypatch):
    """However the slices fall, with all values of a column missing in one or none, rows are written the same."""
    files = []
    for rows in (1, 5, 16, 100):
        monkeypatch.setattr(record_parts, "_FIRST_ROWS", rows)
        monkeypatch.setattr(record_parts, "_MOST_ROWS", rows)
        ((_, content),) = encode(frame(100), "Account", describe, "update", nulls=nulls)
        files.append(content)
    assert len(set(files)) == 1
    records = list(csv.DictReader(io.StringIO(files[0].decode(), newline=""), strict=True))
    assert [record["Site"] for record in records[28:32]] == ["28", "29", *["#N/A" if nulls == "clear" else ""] * 2]


@pytest.mark.parametrize("part_rows", [None, 7])
def test_a_frame_in_parts_is_the_frame(part_rows):
    """Each part parses by itself, and together they are the one file in its order."""
    ((_, whole),) = encode(frame(500), "Account", describe, "update")
    parts = encode(frame(500), "Account", describe, "update", limit=3_000, part_rows=part_rows)
    header, *expected = csv.reader(io.StringIO(whole.decode(), newline=""))
    records = []
    for part, content in parts:
        assert len(content) <= 3_000
        names, *rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
        assert names == header
        assert len(rows) == part.rows
        records += rows
        assert parts.data(part) == content
    assert records == expected


def test_a_part_of_a_frame_that_was_changed_is_not_had_again():
    """What was planned is sent, or nothing."""
    changing = frame(100)
    parts = encode(changing, "Account", describe, "update", part_rows=40)
    first, second, _ = parts.plan()
    changing.iloc[41, 1] = "changed"
    assert parts.data(first).count(b"\n") > 40
    with pytest.raises(PushRefused, match="rows 40 to 79 are not what they were when the push was planned"):
        parts.data(second)


# --- while slices are written ----------------------------------------------------------------------------------------


def test_parts_come_before_all_rows_are_written():
    """A few slices ahead of the part, and no more: the memory in use does not grow with the frame."""
    written = []

    def write(start, stop):
        written.append(stop)
        return pa.py_buffer(line("x" * 90) * (stop - start))

    parts = iter(RecordParts(HEADER, 1_000_000, write, limit=100_000))
    next(parts)
    assert max(written) < 60_000
    parts.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sfdata encode")]


def test_slices_of_wide_rows_are_small():
    """A slice has a few megabytes, whatever a row has; the first ones, cut before that is known, not many more."""
    sizes = {}

    def write(start, stop):
        content = line("x" * 100_000) * (stop - start)
        sizes[start] = len(content)
        return pa.py_buffer(content)

    assert sum(part.rows for part in RecordParts(HEADER, 600, write, limit=10_000_000).plan()) == 600
    assert max(size for start, size in sizes.items() if start >= 3 * 64) <= record_parts.SLICE_BYTES
    assert max(sizes.values()) < 7_000_000


def test_rows_behind_refused_ones_are_looked_at_and_not_given():
    """All problems come at once, in order; parts are given only before the first slice that has some."""

    def write(start, stop):
        wrong = [n for n in (70, 71, 1_500) if start <= n < stop]
        if wrong:
            raise PushRefused([Problem("wrong", position=n) for n in wrong], hint="Right it.")
        return pa.py_buffer(line("x") * (stop - start))

    given = []
    with pytest.raises(PushRefused) as caught:
        given.extend(part.stop for part, _ in RecordParts(HEADER, 2_000, write, part_rows=2))
    assert given == list(range(2, 64, 2))
    assert [problem.position for problem in caught.value.problems] == [70, 71, 1_500]
    assert caught.value.hint == "Right it."


def test_an_error_that_is_no_refusal_comes_through():
    """What breaks while a slice is written in another thread is not swallowed."""

    def write(start, stop):
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        RecordParts(HEADER, 10, write).plan()
