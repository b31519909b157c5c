"""The forms a result can take: the same rows in each, none twice, and nothing left behind by an unfinished one."""

from __future__ import annotations

import gc
import json
import threading
import time
from contextlib import nullcontext
from itertools import pairwise

import duckdb
import httpx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sfdata
from sfdata.errors import IncompleteResult, InvalidField, InvalidQueryLocator
from sfdata.frames.batch import Batch, Linked, children
from sfdata.frames.columns import Children, Column, ResultColumns
from sfdata.frames.dtypes import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, TEXT, TIME
from sfdata.localorg import LocalOrg
from sfdata.transfer.results import Results

ACCOUNTS = "SELECT Id, Name FROM Account"
KINDS = {"Id": TEXT, "n": INTEGER, "x": NUMBER, "b": BOOLEAN, "d": DATE, "m": DATETIME, "t": TIME, "s": TEXT}
COLUMNS = ResultColumns(
    "Account",
    tuple(Column(name, (name,), kind) for name, kind in KINDS.items()),
    (Children("Kids", "AccountId", ResultColumns("Kid", (Column("Name", ("Name",), TEXT),))),),
)


class Table(Results):
    """The rows of a table, and some children each, in batches cut where a test says."""

    def __init__(self, table, counts, cuts):
        ids = table["Id"].take(pa.array(np.repeat(np.arange(len(counts)), counts), pa.int64()))
        names = pa.array([f"{row}/{kid}" for row, count in enumerate(counts) for kid in range(count)], pa.string())
        kids = Batch(pa.table({"AccountId": ids, "Name": names}))
        self.whole = Batch(table, {"Kids": Linked(np.repeat(np.arange(len(counts)), counts), kids)})
        self.edges = [0, *sorted(cuts), len(table)]

    def _batches(self, max_rows=None, *, whole=False):
        for start, stop in pairwise(self.edges):
            yield self.whole.slice(start, stop), len(self.whole)

    def _columns(self):
        return COLUMNS

    def _about(self):
        return {"object": "Account", "query": "SELECT …"}

    def _id_column(self):
        return "Id"


values = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(-(2**63), 2**63 - 1),
        "x": st.none() | st.floats(allow_nan=False),
        "b": st.none() | st.booleans(),
        "d": st.none() | st.dates(),
        "m": st.none() | st.integers(-(10**14), 10**14),
        "t": st.none() | st.integers(0, 86_399_999),
        "s": st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=8),
    }
)


def table_of(rows):
    columns = {"Id": [f"001{n:015}" for n in range(len(rows))]}
    columns |= {name: [row[name] for row in rows] for name in KINDS if name != "Id"}
    return pa.table({name: pa.array(column, KINDS[name].arrow) for name, column in columns.items()})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.data())
def test_every_form_holds_the_same_rows(tmp_path, data):
    """Whatever the rows are and wherever the pages end, each form brings exactly those rows, in their order."""
    rows = data.draw(st.lists(values, max_size=9))
    table = table_of(rows)
    counts = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    results = Table(table, counts, data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    kids = [f"{row}/{kid}" for row, count in enumerate(counts) for kid in range(count)]
    expected = table.to_pylist()

    tables = results.to_tables()
    assert tables["Account"].to_pylist() == results.to_arrow().to_pylist() == expected
    assert tables["Account.Kids"]["Name"].to_pylist() == kids
    assert (
        pa.Table.from_pandas(results.to_pandas(dtype_backend="pyarrow"), preserve_index=False).to_pylist() == expected
    )
    assert pa.Table.from_pandas(results.to_pandas(), table.schema, preserve_index=False).to_pylist() == expected
    assert results.to_reader().read_all().to_pylist() == pa.table(results).to_pylist() == expected

    frames = list(results.chunks(data.draw(st.integers(1, 4)), dtype_backend="pyarrow"))
    joined = pd.concat(frames)
    assert pa.Table.from_pandas(joined, table.schema, preserve_index=False).to_pylist() == expected
    assert pd.concat([children(frame, "Kids") for frame in frames])["Name"].tolist() == kids

    file = results.to_parquet(tmp_path / "one.parquet", overwrite=True, row_group_size=2)
    assert pq.read_table(file.path).to_pylist() == expected
    assert pq.read_table(file.children["Kids"].path)["Name"].to_pylist() == kids
    dataset = results.to_parquet(tmp_path / "many", overwrite=True, partition_by=["b", "d"], row_group_size=2)
    hive = ds.partitioning(pa.schema([("b", pa.bool_()), ("d", pa.date32())]), flavor="hive")
    read = ds.dataset(dataset.path, partitioning=hive).to_table(columns=list(KINDS)).to_pylist()
    assert sorted(read, key=lambda row: row["Id"]) == expected


def test_tables_name_the_way_to_child_rows_at_any_depth(org, soql, page):
    """Rows of subqueries on later pages of any level are in the table of their level, linked to the one above."""
    org.objects["Contact"]["childRelationships"] = [
        {"relationshipName": "Reports", "childSObject": "Contact", "field": "ReportsToId"}
    ]

    def contact(name, reports=None):
        return {"attributes": {"type": "Contact", "url": f"/x/003{name}"}, "Name": name, "Reports": reports}

    account = {"attributes": {"type": "Account", "url": "/x/001A"}, "Name": "A"}
    org.pages = {
        "q": [page(0, 1, 1, None, [{**account, "Contacts": page(0, 1, 2, "k-1", [contact("a")])}])],
        "k-1": [page(1, 2, 2, None, [contact("b", page(0, 1, 2, "g-1", [{"Name": "x"}]))])],
        "g-1": [page(1, 2, 2, None, [{"Name": "y"}])],
    }
    query = soql("SELECT Name, (SELECT Name, (SELECT Name FROM Reports) FROM Contacts) FROM Account")
    assert {name: table.to_pylist() for name, table in query.to_tables().items()} == {
        "Account": [{"Name": "A"}],
        "Account.Contacts": [{"AccountId": "001A", "Name": "a"}, {"AccountId": "001A", "Name": "b"}],
        "Account.Contacts.Reports": [{"ReportsToId": "003b", "Name": "x"}, {"ReportsToId": "003b", "Name": "y"}],
    }


def test_without_rows_every_table_has_its_columns(org, soql, page):
    """An empty result has the tables of its subqueries, too, typed."""
    org.pages = {"q": [page(0, 0, 0)]}
    tables = soql("SELECT Id, (SELECT Name FROM Contacts) FROM Account").to_tables()
    assert {name: table.schema.names for name, table in tables.items()} == {
        "Account": ["Id"],
        "Account.Contacts": ["AccountId", "Name"],
    }


def test_arrow_tables_tell_where_they_came_from(org, soql, page):
    """The provenance of a frame's attrs stands in the schema's metadata, as JSON."""
    org.pages = {"q": [page(0, 1, 1)]}
    about = json.loads(soql(ACCOUNTS).to_arrow().schema.metadata[b"sfdata"])
    assert about.pop("read_at")
    assert about == {
        "object": "Account",
        "query": ACCOUNTS,
        "org": "acme.my.salesforce.com",
        "api_version": "67.0",
        "engine": "rest",
    }


def three_pages(org, page):
    org.pages = {"q": [page(0, 2, 6, "c-2")], "c-2": [page(2, 4, 6, "c-4")], "c-4": [page(4, 6, 6)]}


CONSUMERS = {
    "pyarrow": lambda query: pa.table(query)["Name"].to_pylist(),
    "pyarrow's reader": lambda query: pa.RecordBatchReader.from_stream(query).read_all()["Name"].to_pylist(),
    "polars": lambda query: pl.DataFrame(query)["Name"].to_list(),
    "pandas": lambda query: pd.DataFrame.from_arrow(query)["Name"].tolist(),
    "duckdb": lambda query: [name for (name,) in duckdb_rows(query)],
}


def duckdb_rows(query):
    with duckdb.connect() as database:
        return database.from_arrow(query).project("Name").fetchall()


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_others_read_the_query_itself(org, soql, page, consumer):
    """What takes an Arrow stream gets all rows from the handle, and asks the org for each page once."""
    three_pages(org, page)
    assert CONSUMERS[consumer](soql(ACCOUNTS)) == [f"n{n}" for n in range(6)]
    assert org.asked == [ACCOUNTS, "c-2", "c-4"]


def test_the_schema_is_known_before_anything_is_read(org, soql, page):
    """Looking at the columns of a stream sends no query."""
    three_pages(org, page)
    expected = pa.schema([("Id", pa.string()), ("Name", pa.string())])
    assert pa.schema(soql(ACCOUNTS)) == soql(ACCOUNTS).to_reader().schema == expected
    assert org.asked == []


def test_a_name_that_describe_does_not_know_is_the_orgs_to_refuse(org, soql):
    """Asking for a stream of it gives the org's own error, not one of Arrow."""
    refusal = [{"errorCode": "INVALID_FIELD", "message": "No such column 'Nmae' on entity 'Account'."}]
    org.pages = {"q": [httpx.Response(400, json=refusal)]}
    for ask in (lambda query: query.to_reader(), pa.table, pa.schema):
        with pytest.raises(InvalidField, match="No such column"):
            ask(soql("SELECT Nmae FROM Account"))


def page_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("sfdata page")]


def read_a_bit(query, how):
    """Begin to read, and let go."""
    if how == "chunks closed":
        chunks = query.chunks(2)
        next(chunks)
        chunks.close()
    elif how == "chunks dropped":
        next(query.chunks(2))
    elif how == "reader dropped":
        query.to_reader().read_next_batch()
    elif how == "stream dropped":
        pa.RecordBatchReader.from_stream(query).read_next_batch()
    elif how == "stream never touched":
        query.__arrow_c_stream__()


@pytest.mark.parametrize(
    "how", ["chunks closed", "chunks dropped", "reader dropped", "stream dropped", "stream never touched"]
)
def test_who_lets_go_half_way_leaves_nothing_behind(org, soql, page, how):
    """The threads that fetch pages end when nobody wants them, and no further page is asked for."""
    org.pages = {"q": [page(0, 2, 60, "c-2")]}
    org.pages |= {f"c-{n}": [page(n, n + 2, 60, f"c-{n + 2}" if n < 58 else None)] for n in range(2, 60, 2)}
    read_a_bit(soql(ACCOUNTS), how)
    gc.collect()
    until = time.monotonic() + 5
    while page_threads() and time.monotonic() < until:
        time.sleep(0.01)
    assert page_threads() == []
    assert len(org.asked) < 10


BROKEN = {
    "a page comes twice": (lambda page: page(0, 2, 6, "c-4"), "began with"),
    "a page overlaps": (lambda page: page(1, 3, 6, "c-4"), "had come before"),
    "rows are missing": (lambda page: page(2, 3, 6, "c-4"), "announced 6 rows and sent 5"),
}
STREAMS = {
    "to_pandas": lambda query, path: query.to_pandas(),
    "to_tables": lambda query, path: query.to_tables(),
    "chunks": lambda query, path: list(query.chunks(100)),
    "small chunks": lambda query, path: list(query.chunks(1)),
    "to_reader": lambda query, path: query.to_reader().read_all(),
    "to_parquet": lambda query, path: query.to_parquet(path / "rows.parquet"),
    "a dataset": lambda query, path: query.to_parquet(path / "rows", partition_by="Name"),
}


@pytest.mark.catalogue("Q3", "Q9")
@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_not_whole_raises_in_every_form(org, soql, page, tmp_path, form, broken):
    """A page that comes twice, that overlaps another or falls short is IncompleteResult, however the rows are taken."""
    wrong, message = BROKEN[broken]
    three_pages(org, page)
    org.pages["c-2"] = [wrong(page)]
    with pytest.raises(IncompleteResult, match=message):
        STREAMS[form](soql(ACCOUNTS), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", STREAMS)
def test_a_result_hears_once_that_its_rows_have_been_handed_over(org, soql, page, tmp_path, form):
    """Every form says so when its last row is out, and none that ends in an error."""
    heard = []
    for missing in (False, True):
        three_pages(org, page)
        org.pages["c-4"] = [page(4, 5 if missing else 6, 6)]
        query = soql(ACCOUNTS)
        query._handed_over = lambda missing=missing: heard.append(missing)
        (tmp_path / str(missing)).mkdir()
        with pytest.raises(IncompleteResult) if missing else nullcontext():
            STREAMS[form](query, tmp_path / str(missing))
    assert heard == [False]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_consumer_of_the_stream_is_told(org, soql, page, broken):
    """Through Arrow's C interface the error arrives as the consumer's own, with our message in it."""
    wrong, message = BROKEN[broken]
    three_pages(org, page)
    org.pages["c-2"] = [wrong(page)]
    for consume in (pa.table, pl.DataFrame, duckdb_rows):
        with pytest.raises(Exception, match=message):
            consume(soql(ACCOUNTS))


def test_chunks_stop_at_the_page_that_comes_twice(org, soql, page):
    """The rows of the repeated page are not handed out."""
    three_pages(org, page)
    org.pages["c-4"] = [page(0, 2, 6)]
    seen = []
    with pytest.raises(IncompleteResult):
        seen.extend(name for chunk in soql(ACCOUNTS).chunks(2) for name in chunk["Name"])
    assert seen == ["n0", "n1", "n2", "n3"]


EXPIRED = {"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}


@pytest.mark.catalogue("Q5")
@pytest.mark.parametrize("form", ["to_pandas", "to_tables", "to_parquet"])
def test_an_expired_cursor_begins_again_where_nobody_has_seen_a_row(org, soql, page, tmp_path, form):
    """Whole forms read a second time and hold each row once; a second expiry is an error."""
    expired = httpx.Response(400, json=[EXPIRED])
    three_pages(org, page)
    org.pages["c-4"] = [expired, page(4, 6, 6)]
    result = STREAMS[form](soql(ACCOUNTS), tmp_path)
    table = {"to_pandas": pa.Table.from_pandas, "to_tables": lambda r: r["Account"], "to_parquet": pq.read_table}
    assert table[form](result)["Name"].to_pylist() == [f"n{n}" for n in range(6)]
    (tmp_path / "rows.parquet").unlink(missing_ok=True)
    org.pages["c-4"] = [expired]
    with pytest.raises(InvalidQueryLocator):
        STREAMS[form](soql(ACCOUNTS), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cuts", [[], [3], [1, 2, 5]])
@pytest.mark.parametrize("backend", [None, "numpy_nullable", "pyarrow"])
def test_a_frame_is_its_owners_to_change(cuts, backend):
    """Every cell can be written, whether its column came in one piece or in several, and no other changes with it."""
    rows = [{"n": n, "x": n / 2, "b": n % 2 == 0, "d": None, "m": n, "t": n, "s": f"s{n}"} for n in range(6)]
    frame = Table(table_of(rows), [0] * 6, cuts).to_pandas(dtype_backend=backend)
    expected = frame.copy()
    gc.collect()
    for column in frame:
        frame.loc[0, column] = frame.loc[5, column]
        expected[column] = expected[column].take([5, 1, 2, 3, 4, 5]).array
    pd.testing.assert_frame_equal(frame, expected)
    assert frame["s"].tolist() == ["s5", "s1", "s2", "s3", "s4", "s5"]
    assert frame["n"].tolist() == [5, 1, 2, 3, 4, 5]


def test_the_local_org_gives_the_same_rows_in_every_form(tmp_path):
    """Over a real socket, with pages and pages of children: each form is the frame, and its children are the tables."""
    with (
        LocalOrg(page_size=200) as running,
        sfdata.connect(instance_url=running.instance_url, access_token=running.access_token) as org,
    ):
        query = org.soql(
            "SELECT Id, Name, Industry, AnnualRevenue, CreatedDate,"
            " (SELECT Id, LastName, (SELECT CaseNumber FROM Cases) FROM Contacts)"
            " FROM Account ORDER BY NumberOfEmployees DESC NULLS LAST, Id LIMIT 220"
        )
        frame, tables = query.to_pandas(), query.to_tables()
        written = query.to_parquet(tmp_path / "accounts.parquet")
        streamed, chunked = pl.DataFrame(query), pd.concat(query.chunks(90))
    contacts = children(frame, "Contacts")
    assert len(frame) == 220
    assert len(contacts) > len(frame)
    pd.testing.assert_frame_equal(pd.read_parquet(written), frame)
    pd.testing.assert_frame_equal(chunked, frame)
    assert streamed["Id"].to_list() == frame["Id"].tolist() == tables["Account"]["Id"].to_pylist()
    assert pq.read_table(written.children["Contacts"]).equals(tables["Account.Contacts"])
    assert tables["Account.Contacts"]["Id"].to_pylist() == contacts["Id"].tolist()
    cases = pq.read_table(written.children["Contacts"].children["Cases"])
    assert cases["CaseNumber"].to_pylist() == children(contacts, "Cases")["CaseNumber"].tolist()
    assert set(cases["ContactId"].to_pylist()) <= set(contacts["Id"])
