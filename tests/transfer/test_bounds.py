"""Bounds on a result: what is kept, what is said of it, and what is no bound."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sfdata.org
from sfdata.errors import ConfigurationError, IncompleteResult, ResultTruncated
from sfdata.frames.batch import Batch, Linked, children
from sfdata.transfer.bounds import BoundedRows, Bounds, byte_count

ACCOUNTS = "SELECT Id, Name FROM Account"
ROW_BYTES = 8


def numbers(start, stop):
    """A batch whose every row takes eight bytes."""
    return Batch(pa.table({"n": pa.array(range(start, stop), pa.int64())}))


class Pages:
    """Rows 0 … total-1 in batches of given sizes; notes how far it was read, and whether it was closed."""

    def __init__(self, sizes, total=None):
        self.sizes, self.total = sizes, sum(sizes) if total is None else total
        self.given, self.closed, self.ended = 0, False, False

    def __iter__(self):
        try:
            for size in self.sizes:
                self.given += size
                yield numbers(self.given - size, self.given), self.total
            self.ended = True
        finally:
            self.closed = True


def kept(pages, **bounds):
    pages.reading = iter(pages)  # held on to, so that only closing it closes it
    rows = BoundedRows(pages.reading, Bounds(**bounds))
    return [n for batch in rows for n in batch.table["n"].to_pylist()], rows.truncated


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.integers(1, 50), st.integers(1, 50))
def test_the_first_rows_that_fit_are_kept(sizes, max_rows, most):
    """As many rows as both bounds allow, from the beginning; truncated says so exactly where rows were left out."""
    total = sum(sizes)
    fits = min(total, max_rows, most)
    rows, truncated = kept(Pages(sizes), max_rows=max_rows, max_memory=most * ROW_BYTES)
    assert rows == list(range(fits))
    assert truncated == (
        None
        if fits == total
        else {"rows": fits, "total": total, "bound": "max_rows" if fits == max_rows else "max_memory"}
    )


def test_nothing_is_read_beyond_a_bound():
    """Reading stops with the batch in which a bound is met, and what is read from is closed."""
    pages = Pages([3, 3, 3])
    assert kept(pages, max_rows=3) == ([0, 1, 2], {"rows": 3, "total": 9, "bound": "max_rows"})
    assert (pages.given, pages.closed) == (3, True)
    pages = Pages([3, 3, 3])
    assert kept(pages, max_memory=4 * ROW_BYTES) == ([0, 1, 2, 3], {"rows": 4, "total": 9, "bound": "max_memory"})
    assert (pages.given, pages.closed) == (6, True)


def test_a_bound_that_leaves_nothing_out_lets_the_reading_come_to_its_end():
    """Who counts the rows at the end gets there, also where the bound is met by the last of them."""
    pages = Pages([2, 2])
    assert kept(pages, max_rows=4) == ([0, 1, 2, 3], None)
    assert pages.ended


def test_rows_that_are_cut_off_are_never_kept_quiet_about():
    """An org that announced fewer rows than it sends does not make a cut look whole."""
    assert kept(Pages([5], total=3), max_rows=3) == ([0, 1, 2], {"rows": 3, "total": 5, "bound": "max_rows"})


def test_child_rows_count():
    """A row takes the memory of its children, too."""
    below = Batch(pa.table({"n": pa.array(range(6), pa.int64())}))
    batch = Batch(numbers(0, 3).table, {"Kids": Linked(np.array([0, 0, 0, 1, 1, 2]), below)})
    rows = BoundedRows(iter([(batch, 3)]), Bounds(max_memory=7 * ROW_BYTES))
    (fitting,) = rows
    assert (len(fitting), len(fitting.children["Kids"].batch)) == (2, 5)
    assert rows.truncated == {"rows": 2, "total": 3, "bound": "max_memory"}


SIZES = {
    500: 500,
    np.int64(7): 7,
    "12": 12,
    "12 B": 12,
    "500 MB": 500_000_000,
    "500mb": 500_000_000,
    " 1.5 GB ": 1_500_000_000,
    "2kB": 2000,
    "64 KiB": 65_536,
    "1 GiB": 1 << 30,
    "1 TB": 10**12,
}


@pytest.mark.parametrize(("size", "expected"), SIZES.items())
def test_sizes_are_numbers_or_text_with_a_unit(size, expected):
    """Decimal units are powers of ten, binary ones of two, in any case of letters."""
    assert byte_count("max_memory", size) == expected


BAD = [
    ({"max_rows": 0}, "max_rows must be at least 1, not 0"),
    ({"max_rows": -3}, "max_rows must be at least 1, not -3"),
    ({"max_rows": 2.5}, "max_rows must be a whole number, not 2.5"),
    ({"max_rows": "10"}, "max_rows must be a whole number, not '10'"),
    ({"max_rows": True}, "max_rows must be a whole number, not True"),
    ({"max_memory": 0}, "max_memory must be at least 1 byte"),
    ({"max_memory": "0 MB"}, "max_memory must be at least 1 byte"),
    ({"max_memory": 1e9}, "max_memory must be a whole number"),
    ({"max_memory": "lots"}, "max_memory: 'lots' is no size"),
    ({"max_memory": "5 parsecs"}, "max_memory: '5 parsecs' is no size"),
    ({"max_memory": "-5 MB"}, "max_memory: '-5 MB' is no size"),
    ({"max_memory": ""}, "max_memory: '' is no size"),
]
FORMS = {
    "to_pandas": lambda query, path, bounds: query.to_pandas(**bounds),
    "to_arrow": lambda query, path, bounds: query.to_arrow(**bounds),
    "to_tables": lambda query, path, bounds: query.to_tables(**bounds),
    "to_parquet": lambda query, path, bounds: query.to_parquet(path / "rows.parquet", **bounds),
}


REFUSED = [(form, *bad) for form in FORMS for bad in BAD if form != "to_parquet" or "max_rows" in bad[0]]


@pytest.mark.parametrize(("form", "bounds", "problem"), REFUSED)
def test_what_is_no_bound_is_refused_before_anything_is_sent(org, soql, tmp_path, form, bounds, problem):
    """A wrong bound costs no call, whatever form it is asked of."""
    with pytest.raises(ConfigurationError) as refused:
        FORMS[form](soql(ACCOUNTS), tmp_path, bounds)
    assert problem in str(refused.value)
    assert org.asked == []
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def nine(org, page):
    """An org of nine accounts in three pages."""
    org.pages = {"q": [page(0, 3, 9, "c-3")], "c-3": [page(3, 6, 9, "c-6")], "c-6": [page(6, 9, 9)]}


@pytest.mark.catalogue("Q2")
@pytest.mark.usefixtures("nine")
def test_a_bounded_frame_says_so(soql, org):
    """attrs name the bound and the rows there are; pages behind the bound are not asked for."""
    with pytest.warns(ResultTruncated, match="first 4 of 9 rows .*max_rows=4"):
        frame = soql(ACCOUNTS).to_pandas(max_rows=4)
    assert frame["Name"].tolist() == ["n0", "n1", "n2", "n3"]
    assert frame.attrs["sfdata"]["truncated"] == {"rows": 4, "total": 9, "bound": "max_rows"}
    assert org.asked == [ACCOUNTS, "c-3"]
    # An Id takes 18 bytes, a name 2, and each of them an offset of 4 and one more for the batch.
    with pytest.warns(ResultTruncated, match="first 2 of 9 rows .*max_memory='64 B'"):
        frame = soql(ACCOUNTS).to_pandas(max_memory="64 B")
    assert frame.attrs["sfdata"]["truncated"] == {"rows": 2, "total": 9, "bound": "max_memory"}


@pytest.mark.catalogue("Q2")
@pytest.mark.usefixtures("nine")
@pytest.mark.parametrize("form", FORMS)
def test_every_whole_form_warns_once_at_the_line_that_asked(soql, tmp_path, form):
    """One warning, which points at this file; none where nothing was left out."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        FORMS[form](soql(ACCOUNTS), tmp_path, {"max_rows": 8})
    assert [(each.category, each.filename) for each in caught] == [(ResultTruncated, __file__)]
    for enough in (9, 10):
        (tmp_path / "rows.parquet").unlink(missing_ok=True)
        FORMS[form](soql(ACCOUNTS), tmp_path, {"max_rows": enough})


def test_a_bound_met_by_the_last_row_does_not_hide_that_rows_are_missing(org, soql, page):
    """The org announces five rows and sends four: that is said of five, and of four not hidden."""
    org.pages = {"q": [page(0, 4, 5)]}
    with pytest.raises(IncompleteResult):
        soql(ACCOUNTS).to_pandas(max_rows=5)
    with pytest.warns(ResultTruncated, match="first 4 of 5"):
        soql(ACCOUNTS).to_pandas(max_rows=4)


@pytest.mark.usefixtures("nine")
def test_a_truncated_result_is_held_to_its_ids(org, soql, page):
    """Rows that were kept are proved different even where the reading ended early."""
    again = [{"Id": f"{n:018}", "Name": "x"} for n in (9, 1, 2)]
    org.pages["c-3"] = [page(3, 6, 9, "c-6", again)]
    with pytest.raises(IncompleteResult):
        soql(ACCOUNTS).to_pandas(max_rows=6)


def test_children_of_rows_left_out_are_left_out(org, soql, page):
    """A bound cuts the child rows with their parents."""
    rows = [
        {"attributes": {"type": "Account", "url": f"/x/001{name}"}, "Name": name, "Contacts": page(0, 2, 2)}
        for name in "AB"
    ]
    org.pages = {"q": [page(0, 2, 2, None, rows)]}
    with pytest.warns(ResultTruncated):
        frame = soql("SELECT Name, (SELECT Id FROM Contacts) FROM Account").to_pandas(max_rows=1)
    assert children(frame, "Contacts")["AccountId"].tolist() == ["001A", "001A"]


class OneQuery(sfdata.org.Org):
    """An org whose queries are one that was made before."""

    def __init__(self, query):
        self._query = query

    def soql(self, *_, **__):
        return self._query

    def __repr__(self):
        return "OneQuery()"


@pytest.mark.usefixtures("nine")
def test_read_soql_and_query_take_the_bounds(soql):
    """The bounds stand in pandas' place, and point the warning at the caller; chunks have none."""
    org = OneQuery(soql(ACCOUNTS))
    for read in (
        lambda **bounds: sfdata.read_soql(ACCOUNTS, org, **bounds),
        lambda **bounds: org.query(ACCOUNTS, **bounds),
    ):
        for bounds, rows in [({"max_rows": 4}, 4), ({"max_memory": "64 B"}, 2)]:
            with pytest.warns(ResultTruncated) as caught:
                frame = read(**bounds)
            assert len(frame) == rows
            assert [each.filename for each in caught] == [__file__]
    for bounds in ({"max_rows": 4}, {"max_memory": 64}):
        with pytest.raises(ConfigurationError, match="chunks end"):
            sfdata.read_soql(ACCOUNTS, org, chunksize=2, **bounds)
    assert isinstance(org.query(ACCOUNTS, max_memory="1 GB"), pd.DataFrame)
