"""Results as Parquet: what stands in the files, where they stand, and that there are none before a read is whole."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from sfdata.errors import ConfigurationError, IncompleteResult, ResultTruncated
from sfdata.frames.batch import Batch
from sfdata.frames.columns import Column, ResultColumns
from sfdata.frames.dtypes import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, TEXT, TIME
from sfdata.transfer import parquet
from sfdata.transfer.results import Results

ACCOUNTS = "SELECT Id, Name FROM Account"
KINDS = {kind.arrow: kind for kind in (TEXT, INTEGER, NUMBER, BOOLEAN, DATE, DATETIME, TIME)}


class Given(Results):
    """A table's rows in batches of ``size``; after ``failing`` of them, something goes wrong."""

    def __init__(self, table, size=1000, failing=None, problem=None):
        self.table, self.size, self.failing, self.problem = table, size, failing, problem

    def _batches(self, max_rows=None, *, whole=False):
        for number, start in enumerate(range(0, max(len(self.table), 1), self.size)):
            if number == self.failing:
                raise self.problem
            yield Batch(self.table.slice(start, self.size)), len(self.table)

    def _columns(self):
        return ResultColumns("Deal", tuple(Column(f.name, (f.name,), KINDS[f.type]) for f in self.table.schema))

    def _about(self):
        return {"object": "Deal", "query": "SELECT … FROM Deal"}

    def _id_column(self):
        return None


def deals(rows):
    """A table with a column of each kind, every fifth value missing."""
    made = {
        "Id": (pa.string(), lambda n: f"006{n:015}"),
        "Owner.Name": (pa.string(), lambda n: f"name {n % 3}"),
        "Amount": (pa.float64(), lambda n: n / 4),
        "Probability": (pa.int64(), lambda n: n),
        "IsWon": (pa.bool_(), lambda n: n % 2 == 0),
        "CloseDate": (pa.date32(), lambda n: dt.date(2026, 1, 1 + n % 28)),
        "CreatedDate": (pa.timestamp("ms", "UTC"), lambda n: dt.datetime(2026, 1, 1, 0, 0, n % 60, 1000, dt.UTC)),
        "Time__c": (pa.time32("ms"), lambda n: dt.time(n % 24, 1)),
    }
    missing = {n for n in range(rows) if n % 5 == 4}
    return pa.table(
        {
            name: pa.array([None if name != "Id" and n in missing else value(n) for n in range(rows)], kind)
            for name, (kind, value) in made.items()
        }
    )


def left_in(folder):
    """What stands in a folder, hidden files and all."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- what stands in the files ----------------------------------------------------------------------------------------


def test_a_file_holds_the_rows_with_their_types(tmp_path):
    """Arrow reads the table that was given; pandas the very frame of to_pandas, dtypes, attrs and all."""
    results = Given(deals(25), size=4)
    written = results.to_parquet(tmp_path / "deals.parquet")
    assert (written.path, written.rows, written.children) == (tmp_path / "deals.parquet", 25, {})
    assert written.files == (written.path,)
    assert os.fspath(written) == str(written.path)
    assert pq.read_table(written).equals(deals(25))
    frame = pd.read_parquet(written)
    pd.testing.assert_frame_equal(frame, results.to_pandas())
    assert frame.attrs == {"sfdata": {"object": "Deal", "query": "SELECT … FROM Deal"}}
    assert left_in(tmp_path) == ["deals.parquet"]


def test_a_file_tells_where_its_rows_come_from(org, soql, page, tmp_path):
    """The provenance is JSON in the metadata, which DuckDB shows as well; no token is in the file."""
    org.pages = {"q": [page(0, 3, 9, "c-3")], "c-3": [page(3, 6, 9, "c-6")]}
    with pytest.warns(ResultTruncated):
        written = soql(ACCOUNTS).to_parquet(tmp_path / "a.parquet", max_rows=4)
    about = json.loads(pq.read_schema(written).metadata[b"sfdata"])
    assert dt.datetime.fromisoformat(about.pop("read_at")).tzinfo is dt.UTC
    assert about == {
        "object": "Account",
        "query": ACCOUNTS,
        "org": "acme.my.salesforce.com",
        "api_version": "67.0",
        "engine": "rest",
        "truncated": {"rows": 4, "total": 9, "bound": "max_rows"},
    }
    assert (written.rows, written.truncated) == (4, about["truncated"])
    told = duckdb.sql(f"SELECT value FROM parquet_kv_metadata('{written.path}') WHERE key = 'sfdata'").fetchall()
    assert json.loads(told[0][0])["object"] == "Account"
    assert b"00D!x" not in written.path.read_bytes()


def test_a_query_of_a_hundred_thousand_characters_is_not_repeated_in_each_file(tmp_path):
    """The metadata holds its beginning."""
    results = Given(deals(1))
    results._about = lambda: {"object": "Deal", "query": "x" * 100_000}
    written = results.to_parquet(tmp_path / "deals.parquet")
    assert json.loads(pq.read_schema(written).metadata[b"sfdata"])["query"] == "x" * 10_000 + "…"


@pytest.mark.parametrize("path", ["deals.parquet", "deals"])
def test_no_rows_are_a_file_with_all_columns(tmp_path, path):
    """An empty result can be read back, typed; also as a dataset, and one that has partitions."""
    options = {} if path.endswith("parquet") else {"partition_by": "IsWon"}
    for each in ({}, options):
        written = Given(deals(0)).to_parquet(tmp_path / path, overwrite=True, **each)
        assert (written.rows, len(written.files)) == (0, 1)
        assert pq.read_table(written.files[0]).equals(deals(0))
        assert ds.dataset(written.path, partitioning="hive").to_table().equals(deals(0))


def test_linked_rows_stand_beside(org, soql, page, tmp_path):
    """Child rows of any depth are files, or datasets, named by the way to them; also where there are none."""
    org.objects["Contact"]["childRelationships"] = [
        {"relationshipName": "Reports", "childSObject": "Contact", "field": "ReportsToId"}
    ]
    reports = page(0, 1, 1, None, [{"Name": "x"}])
    contact = {"attributes": {"type": "Contact", "url": "/x/003a"}, "Name": "a", "Reports": reports}
    account = {"attributes": {"type": "Account", "url": "/x/001A"}, "Name": "A"}
    text = "SELECT Name, (SELECT Name, (SELECT Name FROM Reports) FROM Contacts) FROM Account"
    expected = [[{"Name": "A"}], [{"AccountId": "001A", "Name": "a"}], [{"ReportsToId": "003a", "Name": "x"}]]

    org.pages = {"q": [page(0, 1, 1, None, [{**account, "Contacts": page(0, 1, 1, None, [contact])}])]}
    file = soql(text).to_parquet(tmp_path / "v1.2.parquet")
    assert left_in(tmp_path) == ["v1.2.Contacts.Reports.parquet", "v1.2.Contacts.parquet", "v1.2.parquet"]
    dataset = soql(text).to_parquet(tmp_path / "v1.2")
    for written in (file, dataset):
        contacts = written.children["Contacts"]
        assert [pq.read_table(one).to_pylist() for one in (written, contacts, contacts.children["Reports"])] == expected
    assert dataset.children["Contacts"].children["Reports"].path == tmp_path / "v1.2.Contacts.Reports"

    org.pages = {"q": [page(0, 1, 1, None, [{**account, "Contacts": None}])]}
    empty = soql(text).to_parquet(tmp_path / "empty.parquet").children["Contacts"]
    assert (empty.rows, pq.read_table(empty.children["Reports"]).column_names) == (0, ["ReportsToId", "Name"])


def row_groups(path):
    metadata = pq.ParquetFile(path).metadata
    return [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_row_groups_are_as_large_as_asked_for(tmp_path, size):
    """However small or large the pages are, each row group but the last has the size asked for."""
    written = Given(deals(50), size=size).to_parquet(tmp_path / "deals.parquet", row_group_size=16)
    assert row_groups(written.path) == [16, 16, 16, 2]
    assert pq.read_table(written).equals(deals(50))


def test_wide_rows_are_written_before_they_fill_the_memory(tmp_path, monkeypatch):
    """Rows of long text make row groups of fewer rows, by the bytes that may wait."""
    monkeypatch.setattr(parquet, "WAITING_BYTES", 100_000)
    wide = pa.table({"Body": pa.array([chr(97 + n % 26) * 30_000 for n in range(20)])})
    written = Given(wide, size=2).to_parquet(tmp_path / "wide.parquet")
    assert row_groups(written.path) == [4] * 5
    assert pq.read_table(written).equals(wide)


@pytest.mark.parametrize("compression", [*parquet.COMPRESSIONS, None])
def test_compression_is_the_one_asked_for(tmp_path, compression):
    """Each codec by its name, and none."""
    written = Given(deals(5)).to_parquet(tmp_path / "deals.parquet", compression=compression)
    column = pq.ParquetFile(written).metadata.row_group(0).column(0)
    assert column.compression == (compression or "uncompressed").upper()
    assert pq.read_table(written).equals(deals(5))


def test_columns_of_few_values_have_a_dictionary(tmp_path):
    """A picklist is written as one, also behind a parent's dot; Ids and amounts, of which each is another, are not."""
    written = Given(deals(200)).to_parquet(tmp_path / "deals.parquet")
    group = pq.ParquetFile(written).metadata.row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    with_one = {name for name, column in columns.items() if column.has_dictionary_page}
    assert {"Owner.Name", "CloseDate"} <= with_one
    assert not {"Id", "Amount", "Probability"} & with_one


# --- partitions ------------------------------------------------------------------------------------------------------

ODD = [
    "a/b",
    "x=y",
    "%41",
    "ü ö",
    "..",
    ".",
    "",
    "tab\tnew\nline",
    '"',
    "it's",
    None,
    " lead",
    "C:\\x",
    "*?<>|",
    "🙂",
    "A",
    "a",
]


def read_by_arrow(path):
    table = ds.dataset(path, partitioning="hive").to_table()
    return dict(zip(table["n"].to_pylist(), table["Stage"].to_pylist(), strict=True))


def read_by_polars(path):
    frame = pl.read_parquet(path, hive_partitioning=True)
    return dict(zip(frame["n"].to_list(), frame["Stage"].to_list(), strict=True))


def read_by_duckdb(path):
    return dict(
        duckdb.sql(f"SELECT n, Stage FROM read_parquet('{path}/**/*.parquet', hive_partitioning=true)").fetchall()
    )


@pytest.mark.parametrize("read", [read_by_arrow, read_by_polars, read_by_duckdb])
def test_any_value_can_be_a_partition(tmp_path, read):
    """Null and characters that no file's name can hold come back as they were, whoever reads."""
    table = pa.table({"n": pa.array(range(len(ODD)), pa.int64()), "Stage": pa.array(ODD, pa.string())})
    written = Given(table).to_parquet(tmp_path / "odd", partition_by="Stage")
    assert len(written.files) == len(ODD)
    assert all(file.is_relative_to(written.path) and file.parent.parent == written.path for file in written.files)
    assert read(written.path) == dict(enumerate(ODD))


def test_partitions_nest_in_the_order_given_and_keep_the_rows_order(tmp_path):
    """One directory per value and level; in each file its rows as they came, without the columns the way tells."""
    table = deals(600)
    written = Given(table, size=70).to_parquet(tmp_path / "deals", partition_by=["IsWon", "CloseDate"])
    ways = {str(file.parent.relative_to(written.path)) for file in written.files}
    assert "IsWon=true/CloseDate=2026-01-01" in ways
    nowhere = "__HIVE_DEFAULT_PARTITION__"
    assert f"IsWon={nowhere}/CloseDate={nowhere}" in ways
    assert written.rows == 600
    rows = table.to_pylist()
    for file in written.files:
        found = pq.read_table(file, partitioning=None)
        assert found.column_names == ["Id", "Owner.Name", "Amount", "Probability", "CreatedDate", "Time__c"]
        won, closed = (part.partition("=")[2] for part in file.parent.relative_to(written.path).parts)
        expected = [
            row["Id"]
            for row in rows
            if (won, closed)
            == tuple(nowhere if row[c] is None else str(row[c]).lower() for c in ("IsWon", "CloseDate"))
        ]
        assert found["Id"].to_pylist() == expected


def test_many_partitions_take_no_more_open_files_and_memory_than_few(tmp_path, monkeypatch):
    """What is closed for want of room goes on in a further file; every row is in one of them, once."""
    monkeypatch.setattr(parquet, "OPEN_FILES", 2)
    monkeypatch.setattr(parquet, "WAITING_BYTES", 100)
    table = deals(40)
    written = Given(table, size=3).to_parquet(tmp_path / "deals", partition_by="Owner.Name", row_group_size=4)
    assert len(written.files) > 4
    found = [n for file in written.files for n in pq.read_table(file, partitioning=None)["Id"].to_pylist()]
    assert sorted(found) == table["Id"].to_pylist()
    assert all(pq.read_schema(file).metadata[b"sfdata"] for file in written.files)


def test_a_column_of_too_many_values_is_no_partition(tmp_path, monkeypatch):
    """Where each row would get a directory of its own, writing ends, and nothing is left."""
    monkeypatch.setattr(parquet, "MOST_PARTITIONS", 20)
    with pytest.raises(ConfigurationError, match="more than 20 partitions by Id"):
        Given(deals(21)).to_parquet(tmp_path / "deals", partition_by="Id")
    assert left_in(tmp_path) == []
    assert Given(deals(20)).to_parquet(tmp_path / "deals", partition_by="Id").rows == 20


def test_a_value_too_long_for_a_directory_is_refused(tmp_path):
    """The error names the column."""
    table = pa.table({"n": [1], "Body": ["ü" * 50]})
    with pytest.raises(ConfigurationError, match=r"'Body'.*too long"):
        Given(table).to_parquet(tmp_path / "bodies", partition_by="Body")
    assert left_in(tmp_path) == []


# --- where they stand, and when --------------------------------------------------------------------------------------

REFUSED = {
    "no folder": ("no/rows.parquet", {}, "there is no directory"),
    "no such column": ("rows", {"partition_by": "Nmae"}, "partition_by 'Nmae' is not among .* Id, Name"),
    "partitions of a file": ("rows.parquet", {"partition_by": "Name"}, "partitions need a directory"),
    "all columns": ("rows", {"partition_by": ["Id", "Name"]}, "every column"),
    "codec": ("rows", {"compression": "zip"}, "'zip' is none of zstd"),
    "row group": ("rows", {"row_group_size": 0}, "row_group_size must be at least 1"),
    "no local path": ("s3://bucket/rows.parquet", {}, "no path on this machine"),
    "a file in the way": ("file.parquet", {}, "exists"),
    "a dataset in the way": ("dataset", {}, "exists"),
    "a folder with the name of a file": ("folder.parquet", {"overwrite": True}, "is a directory"),
    "a folder that is no dataset": ("notes", {"overwrite": True}, "is no Parquet dataset"),
    "a file where a dataset should be": ("notes/todo.txt", {"overwrite": True}, "is no Parquet dataset"),
    "a linked table in the way": ("rows.parquet", {}, "rows.Contacts.parquet exists"),
    "a nested table in the way": ("deep", {}, "deep.Contacts exists"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_written_is_refused_before_anything_is_sent(org, soql, tmp_path, monkeypatch, case):
    """Neither a call is spent nor a file touched."""
    (tmp_path / "notes").mkdir()
    for name in ("file.parquet", "notes/todo.txt", "rows.Contacts.parquet", "notes/part.parquet"):
        (tmp_path / name).write_text("precious")
    for name in ("dataset", "deep.Contacts", "folder.parquet"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part-0.parquet").write_text("precious")
    before = left_in(tmp_path)
    path, options, problem = REFUSED[case]
    text = "SELECT Id, Name, (SELECT Id FROM Contacts) FROM Account" if "Contacts" in problem else ACCOUNTS
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=problem):
        soql(text).to_parquet(path, **options)
    assert org.asked == []
    assert left_in(tmp_path) == before
    assert {file.read_text() for file in tmp_path.rglob("*") if file.is_file()} == {"precious"}


@pytest.mark.parametrize("path", ["deals.parquet", "deals"])
def test_overwriting_replaces_all_that_was_there(tmp_path, path):
    """The rows are those of the last writing alone."""
    first = Given(deals(50)).to_parquet(tmp_path / path, **({} if "." in path else {"partition_by": "Owner.Name"}))
    (tmp_path / "deals" / "_SUCCESS").touch() if "." not in path else None
    assert len(first.files) == (1 if "." in path else 4)
    second = Given(deals(3)).to_parquet(tmp_path / path, overwrite=True)
    assert ds.dataset(second.path).to_table().equals(deals(3))
    assert left_in(tmp_path) == sorted({str(file.relative_to(tmp_path)) for file in second.files} | {path})


def test_an_empty_folder_is_free(tmp_path):
    """A folder made for the purpose needs no overwrite."""
    (tmp_path / "deals").mkdir()
    written = Given(deals(3)).to_parquet(tmp_path / "deals")
    assert left_in(tmp_path) == ["deals", "deals/part-0.parquet"]
    assert written.files == (tmp_path / "deals" / "part-0.parquet",)


PROBLEMS = [IncompleteResult("cut short"), KeyboardInterrupt(), OSError(28, "No space left on device")]


@pytest.mark.catalogue("F1")
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: type(problem).__name__)
@pytest.mark.parametrize("path", ["deals.parquet", "deals"])
def test_after_an_error_everything_is_as_it_was(tmp_path, path, problem):
    """Half-way errors, Ctrl-C too, leave no file, not even a hidden one; what was to be replaced is still there."""
    options = {"row_group_size": 2} | ({} if "." in path else {"partition_by": "Owner.Name"})
    for there in (False, True):
        before = left_in(tmp_path)
        with pytest.raises(type(problem)):
            Given(deals(9), size=2, failing=3, problem=problem).to_parquet(tmp_path / path, overwrite=there, **options)
        assert left_in(tmp_path) == before
        if not there:
            old = Given(deals(5)).to_parquet(tmp_path / path)
    assert ds.dataset(old.path).to_table().equals(deals(5))


def test_what_has_come_into_the_way_meanwhile_is_not_replaced(org, soql, page, tmp_path):
    """A goal taken while the rows arrive is refused at the end, a linked table's too; then none is written."""
    rows = [{"attributes": {"type": "Account", "url": "/x/001A"}, "Name": "A", "Contacts": page(0, 1, 1)}]
    org.pages = {"q": [page(0, 1, 1, None, rows)]}
    for name in ("rows.parquet", "rows.Contacts.parquet"):
        taken = tmp_path / name
        org.events.clear()
        query = soql("SELECT Name, (SELECT Id FROM Contacts) FROM Account")
        batches = query._batches

        def interfering(*args, taken=taken, batches=batches, **options):
            yield from batches(*args, **options)
            taken.write_text("precious")

        query._batches = interfering
        with pytest.raises(ConfigurationError, match="exists"):
            query.to_parquet(tmp_path / "rows.parquet")
        assert left_in(tmp_path) == [name]
        assert taken.read_text() == "precious"
        taken.unlink()


def test_a_dataset_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    """When the very renaming fails, the old dataset is back in its place."""
    Given(deals(5)).to_parquet(tmp_path / "deals")

    def refused(self, target):
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(PermissionError):
        Given(deals(9)).to_parquet(tmp_path / "deals", overwrite=True)
    assert left_in(tmp_path) == ["deals", "deals/part-0.parquet"]
    assert ds.dataset(tmp_path / "deals").to_table().equals(deals(5))


def test_paths_are_those_of_the_shell(tmp_path, monkeypatch):
    """A path may be relative, begin with ~, and lead over links, whose goal is written."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    goals = {"~/home.parquet": "home.parquet", "rel.parquet": "rel.parquet", "link": "there"}
    for path, goal in goals.items():
        assert Given(deals(1)).to_parquet(path).path == tmp_path / goal
    assert (tmp_path / "link").is_symlink()
    assert ds.dataset(tmp_path / "link").to_table().equals(deals(1))


# --- cost ------------------------------------------------------------------------------------------------------------


def test_nothing_of_parquet_is_loaded_before_it_is_written():
    """Reading into frames does without the module."""
    code = "import sys, sfdata.transfer.soql_query; assert 'pyarrow.parquet' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


MEMORY = """
import re, sys
import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet
from sfdata.frames.batch import Batch
from sfdata.frames.columns import Column, ResultColumns
from sfdata.frames.dtypes import DATETIME, INTEGER, NUMBER, TEXT
from sfdata.transfer.results import Results

KINDS = {"Id": TEXT, "Name": TEXT, "City": TEXT, "Amount": NUMBER, "Size": INTEGER, "Seen": DATETIME}


def page(start):
    numbers = pa.array(range(start, start + 2000))
    text = pc.utf8_lpad(pc.cast(numbers, pa.string()), 15, "0")
    return pa.table({
        "Id": pc.binary_join_element_wise("001", text, ""),
        "Name": pc.binary_join_element_wise("Account ", text, ""),
        "City": pc.binary_join_element_wise("Springfield ", text, ""),
        "Amount": pc.divide(pc.cast(numbers, pa.float64()), 7.0),
        "Size": numbers,
        "Seen": pc.cast(numbers, pa.timestamp("ms", "UTC")),
    })


class Rows(Results):
    def __init__(self, rows):
        self.rows = rows

    def _batches(self, max_rows=None, *, whole=False):
        for start in range(0, self.rows, 2000):
            yield Batch(page(start)), self.rows

    def _columns(self):
        return ResultColumns("Account", tuple(Column(name, (name,), kind) for name, kind in KINDS.items()))

    def _about(self):
        return {}

    def _id_column(self):
        return "Id"


def status(name):
    return int(re.search(rf"^{name}:\\s+(\\d+) kB$", open("/proc/self/status").read(), re.MULTILINE)[1]) * 1024


Rows(2000).to_pandas()
Rows(2000).to_parquet(sys.argv[1] + "/small.parquet")
idle = status("VmRSS")
"""


def measured(tmp_path, code):
    """What a fresh process prints after ``code``: bytes."""
    told = subprocess.run(
        [sys.executable, "-c", MEMORY + code, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert told.stderr == ""
    return [int(number) for number in told.stdout.split()]


linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's account of memory")


@linux
def test_writing_takes_no_more_memory_for_more_rows(tmp_path):
    """Four times the rows, which are 40 MB more in memory, take the same peak, within a few megabytes."""
    code = """
for rows in (150_000, 600_000):
    Rows(rows).to_parquet(sys.argv[1] + f"/{rows}.parquet")
    print(status("VmHWM") - idle)
"""
    few, many = measured(tmp_path, code)
    assert many - few < 10_000_000
    assert many < 60_000_000


@pytest.mark.catalogue("F1")
@linux
def test_a_full_disk_leaves_nothing_behind(tmp_path):
    """Whether it is full at the first row group, half way or in the footer: an OSError, no file, and no other noise."""
    code = """
import os, resource
path, options = sys.argv[1] + "/rows.parquet", {"compression": None, "row_group_size": 2000}
size = os.stat(Rows(20_000).to_parquet(path, **options)).st_size
os.remove(path)
for room in (1000, size // 2, size - 10):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        Rows(20_000).to_parquet(path, **options)
    except OSError as full:
        print(full.errno)
"""
    assert measured(tmp_path, code) == [errno.EFBIG] * 3
    assert left_in(tmp_path) == ["small.parquet"]


@linux
def test_a_frame_takes_little_more_memory_than_it_holds(tmp_path):
    """At most a third as much again, at the peak: Arrow's columns are given up as they become the frame's."""
    code = """
frame = Rows(400_000).to_pandas()
print(status("VmHWM") - idle, frame.memory_usage(deep=True).sum())
"""
    peak, size = measured(tmp_path, code)
    assert size > 40_000_000
    assert peak <= 4 / 3 * size
