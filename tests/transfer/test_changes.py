"""What `since` tells of a query's result, against a real org that others write to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import sfdata
from sfdata.errors import (
    BookmarkError,
    BookmarkExpired,
    ConfigurationError,
    InvalidField,
    InvalidType,
    NotIncremental,
    RequestTimeout,
    SoqlError,
)
from sfdata.localorg import LocalOrg
from sfdata.resilience.hooks import RowsRead
from sfdata.transfer import changes as changes_module

ACCOUNTS = "SELECT Id, Name, NumberOfEmployees FROM Account"
LARGE = f"{ACCOUNTS} WHERE NumberOfEmployees > 50 OR Name = 'Ada'"
MINUTE, SECOND = dt.timedelta(minutes=1), dt.timedelta(seconds=1)


class Writer:
    """Others who work in the org: at a time of their own, two days behind ours, and past the API."""

    def __init__(self, local: LocalOrg) -> None:
        self.records, self.user_id = local.instance.records, local.user_id
        self.store = self.records.store
        self.account = self.records.schema.object("Account")
        self.records._clock = lambda: self.now
        self.begin()

    def begin(self) -> None:
        """No accounts, and a morning two days ago."""
        self.now = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=2)
        with self.store.lock:
            for table in ("Account", "_deletions"):
                self.store.connection.execute(f'DELETE FROM "{table}"')

    @property
    def minute(self) -> dt.datetime:
        """The time up to which the org says that its answers are complete, which leaves out seconds."""
        return self.now.replace(second=0)

    def wait(self, *, minutes: float = 0, seconds: float = 0) -> None:
        self.now += dt.timedelta(minutes=minutes, seconds=seconds)

    @contextmanager
    def stamped(self, ago: dt.timedelta) -> Iterator[None]:
        """What is written inside is committed now with a stamp from a while ``ago``."""
        now, self.now = self.now, self.now - ago
        yield
        self.now = now

    def create(self, name: str, employees: int | None = None) -> str:
        return self.records.create(self.account, {"Name": name, "NumberOfEmployees": employees}, self.user_id)

    def update(self, record_id: str, **fields: object) -> None:
        self.records.update(self.account, record_id, fields, self.user_id)

    def delete(self, record_id: str) -> None:
        self.records.delete(self.account, record_id, self.user_id)

    def undelete(self, record_id: str) -> None:
        stamp = f"{self.now:%Y-%m-%dT%H:%M:%S}.000+0000"
        self.store.update(self.account, record_id, {"IsDeleted": 0, "SystemModstamp": stamp})

    def rows(self, where: str = "1") -> dict[str, tuple[str, int | None]]:
        """The accounts there are, straight from the org's database."""
        statement = f'SELECT "Id", "Name", "NumberOfEmployees" FROM "Account" WHERE "IsDeleted" = 0 AND ({where})'
        with self.store.lock:
            return {row[0]: tuple(row[1:]) for row in self.store.connection.execute(statement)}


@pytest.fixture(scope="module")
def local() -> Iterator[LocalOrg]:
    with LocalOrg(sample_data=False, page_size=5, limits={"DailyApiRequests": 10**9}) as running:
        yield running


@pytest.fixture(scope="module")
def connection(local) -> Iterator[sfdata.Org]:
    with sfdata.connect(instance_url=local.instance_url, access_token=local.access_token) as org:
        yield org


@pytest.fixture
def org(connection, writer):
    return connection


@pytest.fixture(scope="module")
def others(local) -> Writer:
    return Writer(local)


@contextmanager
def meanwhile(org: sfdata.Org, happens) -> Iterator[None]:
    """``happens`` with each page that is read inside."""
    stop = org.hooks.subscribe(lambda event: happens(event) if isinstance(event, RowsRead) else None)
    try:
        yield
    finally:
        stop()


@pytest.fixture
def writer(others) -> Writer:
    others.begin()
    return others


def rows_of(frame):
    """A frame of accounts as the writer's rows."""
    values = frame.astype(object).itertuples(index=False, name=None)
    return {row[0]: tuple(None if pd.isna(value) else value for value in row[1:]) for row in values}


def names_of(frame):
    return sorted(frame["Name"])


def dropped(changes):
    return dict(changes.deleted.itertuples(index=False, name=None))


def read(org, bookmark, soql=ACCOUNTS, **options):
    """The changed rows, and the handle that was read."""
    changes = org.soql(soql).since(bookmark, **options)
    return changes.to_pandas(), changes


# --- what is told ----------------------------------------------------------------------------------------------------


def test_the_first_reading_tells_everything(org, writer):
    """Without a bookmark: what the query gives by itself, and nothing to drop."""
    for n in range(12):
        writer.create(f"n{n}", n)
    writer.delete(writer.create("gone"))
    frame, changes = read(org, None)
    pd.testing.assert_frame_equal(frame, org.query(ACCOUNTS))
    assert len(frame) == 12
    assert dropped(changes) == {}


def test_later_readings_tell_what_is_new_changed_and_gone(org, writer):
    """One row each for what was created and changed, as it is now; the Id of what was deleted; nothing else."""
    stays, changed, gone = writer.create("stays", 1), writer.create("before", 2), writer.create("gone", 3)
    writer.wait(minutes=30)
    _, first = read(org, None)
    writer.wait(minutes=30)
    writer.update(changed, Name="between")
    writer.wait(minutes=1)
    writer.update(changed, Name="after")
    new, short_lived = writer.create("new", 4), writer.create("short-lived")
    writer.delete(gone)
    writer.delete(short_lived)
    frame, second = read(org, first.bookmark)
    assert rows_of(frame) == {changed: ("after", 2), new: ("new", 4)}
    assert stays not in dropped(second)
    assert dropped(second) == {gone: True, short_lived: True}


def test_nothing_new_is_an_empty_frame_and_a_later_bookmark(org, writer):
    """No changes: no rows, all columns with their dtypes, nothing to drop; the bookmark moves on all the same."""
    writer.create("n", 1)
    writer.wait(minutes=20)
    whole, first = read(org, None)
    writer.wait(minutes=20)
    frame, second = read(org, first.bookmark)
    assert len(frame) == 0
    assert frame.dtypes.equals(whole.dtypes)
    assert second.deleted.dtypes.astype(str).to_dict() == {"Id": "str", "IsDeleted": "boolean"}
    assert len(second.deleted) == 0
    assert second.bookmark.position == first.bookmark.position + 20 * MINUTE


def test_a_quiet_object_is_followed_for_years(org, writer):
    """The position moves with the org's clock and not with the rows' stamps, so that it never gets too old."""
    writer.now -= dt.timedelta(days=300)
    writer.create("n")
    _, changes = read(org, None)
    for _ in range(3):
        writer.wait(minutes=14 * 24 * 60)
        _, changes = read(org, changes.bookmark)
    new = writer.create("at last")
    assert list(read(org, changes.bookmark)[0]["Id"]) == [new]


def test_the_position_is_the_orgs_time(org, writer):
    """Where the org lives two days before us (and before its own Date header), its account decides, not a clock."""
    _, changes = read(org, None)
    assert changes.bookmark.position == writer.minute


def test_what_was_handed_over_is_not_again(org, writer):
    """Readings overlap, but a row, or a deletion, that has not changed since is told once."""
    row, gone = writer.create("row"), writer.create("gone")
    mark = read(org, None)[1].bookmark
    writer.delete(gone)
    writer.update(row, Name="changed")
    told = []
    for _ in range(3):
        writer.wait(seconds=50)
        frame, changes = read(org, mark)
        told.append((list(frame["Id"]), dropped(changes)))
        mark = changes.bookmark
    assert told == [([row], {gone: True}), ([], {}), ([], {})]
    writer.wait(minutes=9)
    frame, changes = read(org, mark)
    assert (len(frame), changes.bookmark.seen) == (0, frozenset())


def test_a_row_changed_twice_in_one_second_is_told_twice(org, writer):
    """Stamps have seconds: what was handed over is known by its content, so a second change in that second shows."""
    row = writer.create("first")
    _, changes = read(org, None)
    told = []
    for name in ("second", "first", "first"):
        writer.update(row, Name=name)
        frame, changes = read(org, changes.bookmark)
        told += list(frame["Name"])
    assert told == ["second", "first"]


@pytest.mark.catalogue("Q10")
def test_rows_of_one_stamp_are_all_told(org, writer):
    """Ties on every page boundary, and more of the same stamp afterwards: each row once, none missed."""
    ids = {writer.create(f"n{n}") for n in range(13)}
    frame, changes = read(org, None)
    assert set(frame["Id"]) == ids
    more = {writer.create(f"m{n}") for n in range(12)}
    writer.wait(minutes=9)
    frame, changes = read(org, changes.bookmark)
    assert sorted(frame["Id"]) == sorted(more)
    assert len(read(org, changes.bookmark)[0]) == 0


@pytest.mark.catalogue("Q10")
def test_five_thousand_rows_of_one_stamp_are_all_told(org, writer, local, monkeypatch):
    """A mass update gives thousands of rows one stamp; a late one among them is found, and only it."""
    monkeypatch.setattr(local.instance.engine, "page_size", 2000)
    stamp = f"{writer.now:%Y-%m-%dT%H:%M:%S}.000+0000"
    columns = ["Id", "Name", "IsDeleted", "SystemModstamp", "CreatedDate", "LastModifiedDate"]
    ids = writer.store.new_ids(writer.account, 5_001)
    load = [(record_id, "tie", 0, stamp, stamp, stamp) for record_id in ids]
    _, changes = read(org, None)
    writer.store.bulk_load(writer.account, columns, load[:5_000])
    frame, changes = read(org, changes.bookmark)
    assert list(frame["Id"]) == ids[:5_000]
    writer.store.bulk_load(writer.account, columns, load[5_000:])
    assert list(read(org, changes.bookmark)[0]["Id"]) == ids[5_000:]


@pytest.mark.catalogue("Q10")
def test_too_many_to_remember_come_again(org, writer, monkeypatch):
    """Beyond the bookmark's room, rows of the overlap are told twice: never is one left out to save space."""
    monkeypatch.setattr(changes_module, "MOST_SEEN", 6)
    ids = [writer.create(f"n{n}") for n in range(8)]
    _, changes = read(org, None)
    assert len(changes.bookmark.seen) == 0
    frame, changes = read(org, changes.bookmark)
    assert list(frame["Id"]) == ids
    writer.wait(minutes=11)
    frame, changes = read(org, changes.bookmark)
    writer.wait(minutes=11)
    assert len(read(org, changes.bookmark)[0]) == 0


@pytest.mark.catalogue("Q10")
def test_a_late_commit_within_the_overlap_is_told(org, writer):
    """A transaction that commits after a reading with a stamp from before it is found by the next one."""
    writer.create("before")
    writer.wait(minutes=5)
    _, changes = read(org, None)
    writer.wait(seconds=1)
    with writer.stamped(9 * MINUTE):
        late = writer.create("late")
    frame, changes = read(org, changes.bookmark)
    assert list(frame["Id"]) == [late]
    assert len(read(org, changes.bookmark)[0]) == 0


@pytest.mark.catalogue("Q10")
def test_the_overlap_can_be_as_long_as_the_longest_transaction(org, writer):
    """A commit an hour late is found with an overlap of an hour and more."""
    _, changes = read(org, None)
    with writer.stamped(60 * MINUTE):
        late = writer.create("late")
    frame, _ = read(org, changes.bookmark, overlap=61 * MINUTE)
    assert list(frame["Id"]) == [late]


@pytest.mark.catalogue("Q10")
def test_a_late_deletion_is_told(org, writer):
    """Deletions may commit late too."""
    row = writer.create("row")
    writer.wait(minutes=5)
    _, changes = read(org, None)
    with writer.stamped(4 * MINUTE):
        writer.delete(row)
    assert dropped(read(org, changes.bookmark)[1]) == {row: True}


def test_a_deleted_row_that_came_back_is_a_row(org, writer):
    """Deleted, told, and undeleted: it comes as a row. Deleted and undeleted between two readings: too."""
    row = writer.create("row")
    _, changes = read(org, None)
    writer.delete(row)
    _, changes = read(org, changes.bookmark)
    assert dropped(changes) == {row: True}
    writer.undelete(row)
    frame, changes = read(org, changes.bookmark)
    assert (list(frame["Id"]), dropped(changes)) == ([row], {})
    writer.wait(minutes=1)
    writer.delete(row)
    writer.wait(minutes=1)
    writer.undelete(row)
    frame, changes = read(org, changes.bookmark)
    assert (list(frame["Id"]), dropped(changes)) == ([row], {})
    writer.delete(row)
    assert dropped(read(org, changes.bookmark)[1]) == {row: True}


def test_a_row_deleted_for_good_is_told(org, writer):
    """Purged from the recycle bin between two readings, it is still known to have gone."""
    row = writer.create("row")
    _, changes = read(org, None)
    writer.wait(minutes=2)
    writer.delete(row)
    writer.store.remove(writer.account, row)
    writer.wait(minutes=2)
    _, changes = read(org, changes.bookmark)
    assert dropped(changes) == {row: True}
    assert dropped(read(org, changes.bookmark)[1]) == {}


def test_rows_that_leave_the_filter_are_to_be_dropped(org, writer):
    """A row that changes so that WHERE leaves it out is gone from the result, though not deleted; one may come in."""
    leaves, enters, stays = writer.create("a", 60), writer.create("b", 40), writer.create("c", 70)
    writer.create("never", 1)
    writer.wait(minutes=15)
    frame, changes = read(org, None, LARGE)
    assert set(frame["Id"]) == {leaves, stays}
    writer.wait(minutes=15)
    writer.update(leaves, NumberOfEmployees=None)
    writer.update(enters, Name="Ada")
    frame, changes = read(org, changes.bookmark, LARGE)
    assert list(frame["Id"]) == [enters]
    assert dropped(changes) == {leaves: False}
    writer.delete(leaves)
    _, changes = read(org, changes.bookmark, LARGE)
    assert dropped(changes) == {leaves: True}


def test_an_or_stays_within_its_parentheses(org, writer):
    """The stamp narrows the whole filter, not its last alternative."""
    writer.create("Ada", 1), writer.create("large", 99)
    writer.wait(minutes=30)
    _, changes = read(org, None, LARGE)
    assert len(read(org, changes.bookmark, LARGE)[0]) == 0


def test_rows_changed_while_they_are_read_are_told_by_this_reading_or_the_next(org, writer):
    """Whatever others do between two pages, two readings together leave a copy that is right."""
    ids = [writer.create(f"n{n}", n) for n in range(20)]
    writer.wait(minutes=30)
    changes = org.soql(ACCOUNTS).since(None)
    copy = changes.apply(None)
    for record_id in ids:
        writer.update(record_id, Name="touched")

    def meddle(page):
        if page.rows == 5 and page.total == 20:
            writer.wait(minutes=1)
            writer.update(ids[0], Name="on a page that has been read")
            writer.update(ids[19], Name="on a page to come")
            writer.create("new")

    changes = org.soql(ACCOUNTS).since(changes.bookmark)
    with meanwhile(org, meddle):
        copy = changes.apply(copy)
    assert rows_of(copy) != writer.rows()
    copy = org.soql(ACCOUNTS).since(changes.bookmark).apply(copy)
    assert rows_of(copy) == writer.rows()


def test_a_row_deleted_between_the_steps_is_told_by_the_next_reading(org, writer):
    """What goes after the deletions were read and before the rows are is in neither, and so comes next time."""
    row, other = writer.create("row"), writer.create("other")
    _, changes = read(org, None)
    writer.update(other, Name="other still")

    first_page = iter([row])  # of the deletions, which are read first
    with meanwhile(org, lambda page: [writer.delete(each) for each in first_page]):
        _, changes = read(org, changes.bookmark)
    assert dropped(changes) == {}
    assert dropped(read(org, changes.bookmark)[1]) == {row: True}


def test_a_row_undeleted_between_the_steps_is_a_row(org, writer):
    """It was among the deletions a moment ago; since it is among the rows now, it is not told to be dropped."""
    row = writer.create("row")
    _, changes = read(org, None)
    writer.delete(row)
    writer.wait(seconds=1)
    first_page = iter([row])  # of the deletions, which are read first
    with meanwhile(org, lambda page: [writer.undelete(each) for each in first_page]):
        frame, changes = read(org, changes.bookmark)
    assert (list(frame["Id"]), dropped(changes)) == ([row], {})


def test_both_engines_tell_the_same(org, writer):
    """Through REST pages or through Bulk jobs: the same rows, the same gone ones, and bookmarks good for either."""
    ids = [writer.create(f"n{n}", n * 10) for n in range(12)]
    writer.wait(minutes=15)
    rest, bulk = (org.soql(LARGE, engine=engine) for engine in ("rest", "bulk"))
    first = rest.since(None)
    pd.testing.assert_frame_equal(bulk.since(None).to_pandas(), first.to_pandas())
    writer.update(ids[11], NumberOfEmployees=1)
    writer.update(ids[0], Name="Ada")
    writer.delete(ids[10])
    changes, same = rest.since(first.bookmark), bulk.since(first.bookmark)
    pd.testing.assert_frame_equal(same.to_pandas(), changes.to_pandas())
    assert dropped(same) == dropped(changes) == {ids[11]: False, ids[10]: True}
    assert same.to_pandas().attrs["sfdata"]["engine"] == "bulk"
    assert len(rest.since(same.bookmark).to_pandas()) == len(bulk.since(changes.bookmark).to_pandas()) == 0


# --- columns ---------------------------------------------------------------------------------------------------------

SHAPES = [
    "SELECT Name FROM Account",
    "SELECT id, NAME FROM account",
    "SELECT SystemModstamp, Name, Id FROM Account",
    "SELECT a.Name, a.Id, a.Owner.Name FROM Account a WHERE a.Name != 'x' ORDER BY a.Name",
    "SELECT Name, BillingAddress, Owner.Id, toLabel(Industry) FROM Account ORDER BY Name DESC",
    "SELECT FIELDS(STANDARD) FROM Account",
]


@pytest.mark.parametrize("soql", SHAPES)
def test_columns_are_those_of_the_query(org, writer, soql):
    """What is needed to follow the rows is read along and left out again; the frame is the query's own."""
    writer.create("a"), writer.create("b")
    frame, changes = read(org, None, soql)
    pd.testing.assert_frame_equal(frame, org.query(soql))
    writer.update(writer.create("c"), Industry="Energy")
    frame, _ = read(org, changes.bookmark, soql)
    expected = org.query(soql)
    named = next(name for name in expected.columns if name.casefold() == "name")
    pd.testing.assert_frame_equal(frame, expected[expected[named] == "c"].reset_index(drop=True))


def test_the_frame_says_since_when(org, writer):
    """Provenance names the object, the engine and where the reading began."""
    frame, changes = read(org, None)
    assert frame.attrs["sfdata"]["since"] is None
    frame, _ = read(org, changes.bookmark)
    assert frame.attrs["sfdata"]["object"] == "Account"
    assert frame.attrs["sfdata"]["since"] == writer.minute.isoformat()


# --- when the bookmark moves -----------------------------------------------------------------------------------------


def unread(changes):
    """Whether there is neither a bookmark nor a list of what is gone."""
    for name in ("bookmark", "deleted"):
        with pytest.raises(BookmarkError, match="not all changes have been handed over"):
            getattr(changes, name)
    return True


def test_there_is_no_bookmark_before_the_rows(org, writer):
    """A handle that was not read has no bookmark to give, and says what to do."""
    changes = org.soql(ACCOUNTS).since(None)
    assert unread(changes)
    with pytest.raises(BookmarkError, match="to the end"):
        _ = changes.bookmark


def test_the_bookmark_comes_after_the_last_chunk(org, writer):
    """While a chunk is being worked on, also the last one, there is none; after the loop there is."""
    for n in range(12):
        writer.create(f"n{n}")
    changes = org.soql(ACCOUNTS).since(None)
    sizes = [len(chunk) for chunk in changes.chunks(5) if unread(changes)]
    assert sizes == [5, 5, 2]
    writer.create("new")
    assert names_of(read(org, changes.bookmark)[0]) == ["new"]


def test_a_loop_that_was_left_has_no_bookmark(org, writer):
    """Who stops half way begins at the old bookmark again, and gets everything."""
    for n in range(12):
        writer.create(f"n{n}")
    changes = org.soql(ACCOUNTS).since(None)
    chunks = changes.chunks(4)
    next(chunks)
    chunks.close()
    assert unread(changes)
    assert len(changes.to_pandas()) == 12


def test_a_reading_that_fails_leaves_no_bookmark(org, writer):
    """An error half way, also in a second reading of the same handle, and there is none."""
    for n in range(12):
        writer.create(f"n{n}")
    changes = org.soql(ACCOUNTS).since(None)
    changes.to_pandas()

    def fail(page):
        if page.rows == 10:
            raise RequestTimeout("half way")

    with meanwhile(org, fail), pytest.raises(RequestTimeout):
        changes.to_pandas()
    assert unread(changes)


def test_the_arrow_forms_move_the_bookmark_at_their_end(org, writer):
    """A table at once; a reader, and the stream that Polars and DuckDB take, when they have been emptied."""
    for n in range(12):
        writer.create(f"n{n}")
    changes = org.soql(ACCOUNTS).since(None)
    assert changes.to_arrow().num_rows == 12
    position = changes.bookmark.position
    reader = changes.to_reader()
    assert reader.read_next_batch().num_rows == 5
    assert unread(changes)
    assert reader.read_all().num_rows == 7
    assert changes.bookmark.position == position
    changes = org.soql(ACCOUNTS).since(None)
    assert pa.RecordBatchReader.from_stream(changes).read_all().num_rows == 12
    assert changes.bookmark.position == position


def test_a_parquet_file_moves_the_bookmark_when_it_stands(org, writer, tmp_path):
    """Written whole, it is handed over; where it cannot be written, it is not."""
    for n in range(12):
        writer.create(f"n{n}")
    changes = org.soql(ACCOUNTS).since(None)
    assert changes.to_parquet(tmp_path / "a.parquet").rows == 12
    assert changes.bookmark.position == writer.minute
    changes = org.soql(ACCOUNTS).since(None)
    with pytest.raises(ConfigurationError, match="exists"):
        changes.to_parquet(tmp_path / "a.parquet")
    assert unread(changes)


@pytest.mark.filterwarnings("ignore::sfdata.errors.ResultTruncated")
def test_rows_left_out_by_a_bound_leave_no_bookmark(org, writer):
    """Who takes some of the changes has not taken them."""
    for n in range(12):
        writer.create(f"n{n}")
    changes = org.soql(ACCOUNTS).since(None)
    assert len(changes.to_pandas(max_rows=3)) == 3
    assert unread(changes)
    assert len(changes.to_pandas(max_rows=13)) == 12
    assert changes.bookmark.position == writer.minute


def test_a_bound_counts_rows_that_are_handed_over(org, writer):
    """Rows that were told before do not use up max_rows, and nothing is called truncated that is not."""
    for n in range(12):
        writer.create(f"n{n}")
    _, changes = read(org, None)
    new = writer.create("new")
    changes = org.soql(ACCOUNTS).since(changes.bookmark)
    assert list(changes.to_pandas(max_rows=2)["Id"]) == [new]
    assert changes.bookmark.position == writer.minute


# --- a copy ----------------------------------------------------------------------------------------------------------


def test_a_copy_is_kept_by_applying(org, writer):
    """The loop of the README: begin with nothing, apply again and again, and the copy is what the org has."""
    copy, bookmark = None, None
    ids = [writer.create(f"n{n}", n) for n in range(7)]
    for step in range(4):
        changes = org.soql(ACCOUNTS).since(bookmark)
        copy = changes.apply(copy)
        bookmark = str(changes.bookmark)
        assert rows_of(copy) == writer.rows()
        assert len(copy) == org.soql(ACCOUNTS).count()
        writer.wait(minutes=7)
        writer.update(ids[step], NumberOfEmployees=None)
        writer.delete(ids[6 - step])
        writer.create(f"later {step}")


@pytest.mark.parametrize("dtype_backend", [None, "numpy_nullable", "pyarrow"])
def test_a_copy_keeps_its_form(org, writer, dtype_backend):
    """Dtypes, column order and an index of Ids stay as they are."""
    row = writer.create("a", 1)
    first = org.soql(ACCOUNTS).since(None)
    copy = first.to_pandas(dtype_backend=dtype_backend)
    writer.update(row, NumberOfEmployees=None)
    writer.create("b", 2)
    applied = org.soql(ACCOUNTS).since(first.bookmark).apply(copy)
    pd.testing.assert_frame_equal(applied, org.query(ACCOUNTS, dtype_backend=dtype_backend))
    applied = org.soql(ACCOUNTS).since(first.bookmark).apply(copy.set_index("Id"))
    pd.testing.assert_frame_equal(applied, org.query(ACCOUNTS, dtype_backend=dtype_backend, index_col="Id"))


def test_a_copy_that_does_not_fit_is_refused(org, writer):
    """Other columns, or none at all, raise before anything is asked; so does a query without Id."""
    _, changes = read(org, None)
    pages = []
    with meanwhile(org, pages.append):
        for copy in (None, org.query("SELECT Id FROM Account"), org.query(ACCOUNTS).assign(more=1)):
            pages.clear()
            with pytest.raises(ConfigurationError, match="Id, Name, NumberOfEmployees"):
                org.soql(ACCOUNTS).since(changes.bookmark).apply(copy)
            assert pages == []
        with pytest.raises(ConfigurationError, match="select it"):
            org.soql("SELECT Name FROM Account").since(None).apply(None)


def test_what_fails_while_applying_leaves_no_bookmark(org, writer, monkeypatch):
    """The rows have arrived, but the copy is not whole: the old bookmark holds."""
    writer.create("a")
    copy, changes = read(org, None)
    changes = org.soql(ACCOUNTS).since(changes.bookmark)

    def full(*parts, **options):
        raise MemoryError

    monkeypatch.setattr(pd, "concat", full)
    with pytest.raises(MemoryError):
        changes.apply(copy)
    assert unread(changes)


# --- bookmarks that do not fit ---------------------------------------------------------------------------------------


def test_a_bookmark_too_old_to_know_the_deletions_is_refused(org, writer):
    """Beyond the recycle bin's fifteen days, deletions are forgotten: an error that says to begin again, no gap."""
    writer.now -= dt.timedelta(days=60)
    row = writer.create("row")
    _, changes = read(org, None)
    writer.delete(row)
    writer.wait(minutes=16 * 24 * 60)
    with pytest.raises(BookmarkExpired, match=r"(?s)INVALID_REPLICATION_DATE.*since\(None\)") as caught:
        read(org, changes.bookmark)
    assert caught.value.error_code == "INVALID_REPLICATION_DATE"
    assert len(read(org, None)[0]) == 0


def test_a_bookmark_belongs_to_its_query_and_org(org, writer):
    """Another query, object or org refuses it before it reads a row; layout and case of the object do not matter."""
    mark = read(org, None)[1].bookmark
    read(org, str(mark), "SELECT  Id,\n Name, NumberOfEmployees FROM Account")
    for other in ("SELECT Id, Name FROM Account", f"{ACCOUNTS} WHERE Name != 'x'", "SELECT Id FROM Contact"):
        with pytest.raises(BookmarkError, match="another query, on Account"):
            read(org, mark, other)
    with LocalOrg(sample_data=False) as elsewhere:
        elsewhere.instance.store.connection.execute("UPDATE Organization SET Id = '00DLo0000000009MAA'")
        address = {"instance_url": elsewhere.instance_url, "access_token": elsewhere.access_token}
        with sfdata.connect(**address) as another, pytest.raises(BookmarkError, match="is from the org 00D"):
            read(another, mark)


# --- queries that cannot be followed ---------------------------------------------------------------------------------

REFUSED = {
    "SELECT COUNT() FROM Account": "groups",
    "SELECT COUNT(Id) n FROM Account": "groups",
    "SELECT Name FROM Account GROUP BY Name": "groups",
    "SELECT Id FROM Account LIMIT 5": "LIMIT",
    "SELECT Id FROM Account ORDER BY Name OFFSET 5": "OFFSET",
    "SELECT Id, (SELECT Id FROM Contacts) FROM Account": "child rows",
    "SELECT Id FROM Account USING SCOPE mine": "USING SCOPE",
    "SELECT Id FROM Account WITH DATA CATEGORY Geography__c AT usa__c": "WITH",
    "SELECT Id FROM Account WHERE Owner.Name = 'Ann'": "Owner.Name is of another record",
    "SELECT Id FROM Account a WHERE NOT (a.Name = 'x' OR a.Parent.Name LIKE 'y%')": "a.Parent.Name is of another",
    "SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS:30": "LAST_N_DAYS:30 moves on",
    "SELECT Id FROM Account WHERE Name = 'x' AND CreatedDate IN (TODAY)": "TODAY moves on",
    "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact)": "subquery",
    "SELECT Id FROM Account WHERE CALENDAR_YEAR(Owner.CreatedDate) = 2026": "Owner.CreatedDate",
    "SELECT Id FROM Account ALL ROWS": "leave out all_rows=",
}


@pytest.mark.parametrize(("soql", "reason"), REFUSED.items(), ids=REFUSED.keys())
def test_what_no_stamp_tells_is_refused(org, soql, reason):
    """Clauses and conditions whose result changes without a row being stamped are refused by name, nothing sent."""
    with pytest.raises(NotIncremental, match=reason):
        org.soql(soql).since(None)
    assert issubclass(NotIncremental, SoqlError)


def test_all_rows_is_refused(org):
    """since() has its own way with deleted rows."""
    with pytest.raises(NotIncremental, match="all_rows"):
        org.soql(ACCOUNTS, all_rows=True).since(None)


def test_an_object_without_account_of_its_changes_is_refused(org):
    """Objects that are not replicated cannot be followed, and the error says what to do instead."""
    with pytest.raises(NotIncremental, match=r"(?s)cannot follow Folder.*Hint: Read it as a whole"):
        read(org, None, "SELECT Id FROM Folder")


def test_errors_of_the_query_are_the_orgs(org, writer):
    """A name that does not exist raises what it would raise without since()."""
    for soql, kind in {"SELECT Id, Nope FROM Account": InvalidField, "SELECT Id FROM Nope": InvalidType}.items():
        for do in (lambda changes: changes.to_pandas(), lambda changes: changes.apply(None)):
            with pytest.raises(kind):
                do(org.soql(soql).since(None))


def test_an_overlap_is_a_minute_at_least(org):
    """The org's account of deletions ignores seconds."""
    with pytest.raises(ConfigurationError, match="at least a minute"):
        org.soql(ACCOUNTS).since(None, overlap=59 * SECOND)


def test_a_handle_says_what_it_is(org, writer):
    """Its text shows the query and where it begins."""
    _, changes = read(org, None)
    assert repr(changes) == f"Changes(Soql({ACCOUNTS!r}), from the beginning)"
    since = f"since {writer.now:%Y-%m-%d %H:%M} UTC"
    assert repr(org.soql(ACCOUNTS).since(changes.bookmark)) == f"Changes(Soql({ACCOUNTS!r}), {since})"


# --- anything at all -------------------------------------------------------------------------------------------------


class Following(RuleBasedStateMachine):
    """Somebody keeps a copy by `since` while others create, change, delete and restore rows, and commit late."""

    soql, where = ACCOUNTS, "1"
    org: sfdata.Org
    writer: Writer

    def __init__(self) -> None:
        super().__init__()
        self.writer.begin()
        self.alive: list[str] = []
        self.binned: list[str] = []
        self.copy: dict[str, tuple[str, int | None]] = {}
        self.mark: str | None = None

    @rule(minutes=st.sampled_from([0.5, 3, 11, 60]), seconds=st.integers(0, 2))
    def time_passes(self, minutes, seconds):
        self.writer.wait(minutes=minutes * (seconds == 2), seconds=seconds)

    @rule(late=st.integers(0, 598), employees=st.none() | st.integers(0, 100))
    def create(self, late, employees):
        with self.writer.stamped(late * SECOND):
            self.alive.append(self.writer.create("new", employees))

    @precondition(lambda self: self.alive)
    @rule(which=st.integers(0, 99), late=st.just(0) | st.integers(0, 598), name=st.sampled_from(["Ada", "Bo"]),
          employees=st.none() | st.integers(0, 100))  # fmt: skip
    def change(self, which, late, name, employees):
        with self.writer.stamped(late * SECOND):
            self.writer.update(self.alive[which % len(self.alive)], Name=name, NumberOfEmployees=employees)

    @precondition(lambda self: self.alive)
    @rule(which=st.integers(0, 99), late=st.just(0) | st.integers(0, 598))
    def delete(self, which, late):
        record_id = self.alive.pop(which % len(self.alive))
        with self.writer.stamped(late * SECOND):
            self.writer.delete(record_id)
        self.binned.append(record_id)

    @precondition(lambda self: self.binned)
    @rule(which=st.integers(0, 99))
    def restore(self, which):
        record_id = self.binned.pop(which % len(self.binned))
        self.writer.undelete(record_id)
        self.alive.append(record_id)

    @precondition(lambda self: self.binned)
    @rule(which=st.integers(0, 99))
    def purge(self, which):
        self.writer.store.remove(self.writer.account, self.binned.pop(which % len(self.binned)))

    @rule()
    def follow(self):
        self._follow(lambda page: None)
        assert self.copy == self.writer.rows(self.where)

    @precondition(lambda self: self.alive)
    @rule(step=st.integers(1, 3), which=st.integers(0, 99))
    def follow_while_others_write(self, step, which):
        """At the n-th page something is changed, restored, created and deleted; the next reading tells the rest."""
        countdown = iter(range(step, -1, -1))

        def write(page):
            if next(countdown, -1) == 1:
                self.change(which, 0, "Ada", 77)
                self.create(0, 99)
                if self.binned:
                    self.restore(which)
                self.delete(which, 0)

        self._follow(write)

    @rule(taken=st.integers(0, 1))
    def follow_and_stop(self, taken):
        """Rows that were taken before a reading broke off are taken in; the bookmark stays where it was."""
        changes = self.org.soql(self.soql).since(self.mark)
        chunks = changes.chunks(2)
        for _ in range(taken):
            self.copy |= rows_of(next(chunks))
        chunks.close()
        assert unread(changes)

    def _follow(self, meanwhile_written):
        changes = self.org.soql(self.soql).since(self.mark)
        copy = {} if self.mark is None else self.copy
        with meanwhile(self.org, meanwhile_written):
            for chunk in changes.chunks(3):
                copy |= rows_of(chunk)
        for record_id in changes.deleted["Id"]:
            copy.pop(record_id, None)
        self.copy, self.mark = copy, str(changes.bookmark)

    @invariant()
    def the_bookmark_stays_small(self):
        assert self.mark is None or len(self.mark) < 2_000


class FollowingSome(Following):
    soql, where = LARGE, "NumberOfEmployees > 50 OR Name = 'Ada'"


@pytest.mark.catalogue("Q10")
@pytest.mark.parametrize("machine", [Following, FollowingSome])
def test_a_copy_kept_by_since_is_what_the_org_has(org, writer, machine):
    """Whatever is written, when, and however late it commits: all readings together give exactly the org's rows."""
    kind = type("Machine", (machine,), {"org": org, "writer": writer})
    run_state_machine_as_test(kind, settings=settings(max_examples=12, stateful_step_count=30))
