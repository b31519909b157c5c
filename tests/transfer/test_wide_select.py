"""SELECT lists that one statement does not hold, or an org refuses, while somebody writes to the rows."""

from __future__ import annotations

import datetime as dt
from itertools import count

import pandas as pd
import pytest

import sfdata
from sfdata.errors import IncompleteResult, MalformedQuery, QueryTooLong
from sfdata.frames.batch import children
from sfdata.localorg import LocalOrg
from sfdata.localorg.engine import resolve
from sfdata.resilience.hooks import RequestDone, RowsRead
from sfdata.soql import parse
from sfdata.transfer import wide_read
from sfdata.transfer.wide_read import select_groups

ROWS = 450
STAMP = "2024-01-01T00:00:00.000+0000"
PARENTS = "Owner.Name, CreatedBy.Name, LastModifiedBy.Name, Parent.Name"
WIDE = f"SELECT NumberOfEmployees, {PARENTS}, AnnualRevenue, Name FROM Account"
"""A writer keeps NumberOfEmployees and AnnualRevenue equal; they are read by different statements."""


@pytest.fixture
def local():
    """450 accounts on pages of 200, each a child of the first one, which has no parent."""
    with LocalOrg(sample_data=False, page_size=200) as running:
        store, account = running.instance.store, running.instance.object("Account")
        names = ["Id", "Name", "NumberOfEmployees", "AnnualRevenue", "ParentId", "IsDeleted"]
        users = ["OwnerId", "CreatedById", "LastModifiedById"]
        stamps = ["CreatedDate", "LastModifiedDate", "SystemModstamp"]
        running.ids = store.new_ids(account, ROWS)
        rows = [
            (one, f"n{n:03}", n, float(n), running.ids[0] if n else None, 0, *[running.user_id] * 3, *[STAMP] * 3)
            for n, one in enumerate(running.ids)
        ]
        store.bulk_load(account, [*names, *users, *stamps], rows)
        yield running


@pytest.fixture
def org(local):
    with sfdata.connect(instance_url=local.instance_url, access_token=local.access_token) as org:
        yield org


@pytest.fixture
def narrow(monkeypatch):
    """An org that finds more than two parents in a statement too complicated."""
    monkeypatch.setattr(resolve, "MAX_JOINS", 2)


class Writer:
    """Writes between the requests of a reading: ``act(n)`` behind the n-th answer with rows, from 0."""

    def __init__(self, local, org, act):
        self.account, self.org, self.records = local.instance.object("Account"), local, local.instance.records
        self.act, self.turn = act, count()
        self.stop = org.hooks.subscribe(self)

    def __call__(self, event):
        if isinstance(event, RequestDone) and event.status == 200 and "/query" in event.path:
            self.act(self, next(self.turn))

    def set(self, n, value, **more):
        """Both numbers of the n-th account."""
        body = {"NumberOfEmployees": value, "AnnualRevenue": value, **more}
        self.records.update(self.account, self.org.ids[n], body, self.org.user_id)

    def delete(self, n):
        self.records.delete(self.account, self.org.ids[n], self.org.user_id)


def equal(frame):
    """Whether no row is made of two states."""
    return (frame["NumberOfEmployees"] == frame["AnnualRevenue"]).all()


# --- without a writer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rest",
    [
        "",
        " WHERE NumberOfEmployees > 100",
        " ORDER BY Name DESC",
        " ORDER BY AnnualRevenue LIMIT 210",
        " WHERE Id = null",
    ],
)
def test_a_refused_select_gives_what_it_would_if_it_were_not(org, monkeypatch, rest):
    """In however many statements it is read: the same rows in the same order, with the same columns and dtypes."""
    expected = org.query(f"{WIDE}{rest}")
    monkeypatch.setattr(resolve, "MAX_JOINS", 2)
    pd.testing.assert_frame_equal(org.query(f"{WIDE}{rest}"), expected)
    monkeypatch.setattr(resolve, "MAX_JOINS", 1)
    pd.testing.assert_frame_equal(org.query(f"{WIDE}{rest}"), expected)


def test_a_select_longer_than_a_statement_is_read_whole(local, org):
    """A SELECT list of more than 100,000 characters is read without asking whether the org would take it."""
    aliases = [f"a{n:04}_{'x' * 190}" for n in range(470)]
    columns = ", ".join(f"FORMAT(NumberOfEmployees) {alias}" for alias in aliases)
    query = org.soql(f"SELECT {columns} FROM Account ORDER BY Name LIMIT 7")
    assert len(query.text) > 100_000
    frame = query.to_pandas()
    assert frame.columns.tolist() == aliases
    assert [set(row) for row in frame.to_numpy().tolist()] == [{str(n)} for n in range(7)]
    assert query.count() == 7
    assert all(len(one) <= 100_000 for one in query.statements)


def test_long_lists_and_wide_selects_come_together(local, org, narrow):
    """Keys in any number select rows of any width."""
    keys = [*(f"001Lo0zzz{n:06}AAA" for n in range(6000)), *local.ids[:300]]
    frame = org.query(f"{WIDE} WHERE Id IN :keys ORDER BY Id", {"keys": keys})
    assert (frame["Name"].tolist(), equal(frame)) == ([f"n{n:03}" for n in range(300)], True)


def test_bounds_and_chunks_hold_for_wide_rows(org, narrow):
    """max_rows, chunks and progress count whole rows; children come along with theirs."""
    with pytest.warns(sfdata.errors.ResultTruncated, match="first 9 of 450 rows"):
        assert len(org.query(f"{WIDE} ORDER BY Name", max_rows=9)) == 9
    told = []
    org.hooks.subscribe(lambda event: told.append(event) if isinstance(event, RowsRead) else None)
    assert [len(chunk) for chunk in org.soql(WIDE).chunks(300)] == [300, 150]
    assert [event.rows for event in told] == [200, 400, 450]
    frame = org.query(
        WIDE.replace("Name FROM", "Name, (SELECT Name FROM ChildAccounts) FROM") + " ORDER BY Name LIMIT 3"
    )
    assert len(children(frame, "ChildAccounts")) == ROWS - 1


@pytest.mark.parametrize(
    "query",
    [
        "SELECT COUNT(Id) FROM Account GROUP BY Owner.Name, CreatedBy.Name, Parent.Name",
        "SELECT Owner.Manager.Manager.Name FROM Account",
        "SELECT Id FROM Account WHERE Owner.Name = 'a' AND Parent.Owner.Name = 'b'",
    ],
)
def test_what_cannot_be_joined_keeps_the_refusal(org, narrow, query):
    """Groups, a single column, and a filter that is too complicated by itself: the org's own error."""
    with pytest.raises(MalformedQuery) as caught:
        org.query(query)
    assert caught.value.error_code == "QUERY_TOO_COMPLICATED"


def test_groups_of_too_many_columns_are_refused_before_they_are_sent(org):
    """What has no Ids cannot be joined: too long a list of groups is an error of our own."""
    columns = ", ".join(f"MAX(NumberOfEmployees) a{n:04}_{'x' * 190}" for n in range(470))
    with pytest.raises(QueryTooLong):
        org.query(f"SELECT {columns} FROM Account")


def test_columns_of_one_parent_stay_together():
    """Groups are within the width, hold every item once, and part those of one parent only if they must."""
    items = list(
        parse("SELECT Name, Owner.Name, Industry, toLabel(Owner.Title) t, a.Parent.Name FROM Account a").select
    )
    for width in (1, 20, 30, 45, 200):
        groups = select_groups(items, width)
        assert sorted(map(str, (item for group in groups for item in group))) == sorted(map(str, items))
        assert all(len(group) == 1 or len(", ".join(map(str, group))) <= width for group in groups)
    assert [[str(item) for item in group] for group in select_groups(items, 34)] == [
        ["Name"],
        ["Owner.Name", "toLabel(Owner.Title) t"],
        ["Industry", "a.Parent.Name"],
    ]


# --- with a writer ---------------------------------------------------------------------------------------------------


def test_a_row_that_changes_between_the_statements_is_read_again(local, org, narrow):
    """Whatever is written between two requests, every row is one it was at some moment, and none is lost."""

    def act(writer, turn):
        if turn < 8:
            for n in range(turn, ROWS, 30):
                writer.set(n, 1000 + turn)

    Writer(local, org, act)
    frame = org.query(f"{WIDE} ORDER BY Name")
    assert (frame["Name"].tolist(), equal(frame)) == ([f"n{n:03}" for n in range(ROWS)], True)
    assert (frame["NumberOfEmployees"] >= 1000).sum() >= 15


def test_a_row_that_changes_twice_in_a_second_is_read_again(local, org, narrow):
    """Stamps have seconds: a second change within one leaves the stamp as it is, and is found out all the same."""
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    store, account = local.instance.store, local.instance.object("Account")

    def same_second(value):
        values = {"NumberOfEmployees": value, "AnnualRevenue": float(value), "SystemModstamp": now}
        store.update(account, local.ids[7], values)

    same_second(5000)
    Writer(local, org, lambda writer, turn: same_second(6000) if turn == 1 else None)
    frame = org.query(f"{WIDE} WHERE Name = 'n007'")
    assert frame[["NumberOfEmployees", "AnnualRevenue"]].to_numpy().tolist() == [[6000, 6000.0]]


def test_a_row_that_goes_between_the_statements_is_left_out(local, org, narrow):
    """A row that is deleted, or that WHERE leaves out by now, is not there; all others are, and whole."""

    def act(writer, turn):
        if turn == 1:
            writer.delete(3)
            writer.set(4, 0, Name="gone")
            writer.set(5, 7000)

    Writer(local, org, act)
    frame = org.query(f"{WIDE} WHERE Name LIKE 'n%' ORDER BY Name")
    assert frame["Name"].tolist() == [f"n{n:03}" for n in range(ROWS) if n not in (3, 4)]
    assert (equal(frame), frame["NumberOfEmployees"].max()) == (True, 7000)


def test_a_row_that_never_rests_is_an_incomplete_result(local, org, narrow, monkeypatch):
    """A row that changes each time it is asked for is not handed out in halves, and not for ever asked for either."""
    monkeypatch.setattr(wide_read, "ROUNDS", 2)
    Writer(local, org, lambda writer, turn: writer.set(9, 100_000 + turn))
    with pytest.raises(IncompleteResult, match="1 rows changed each of the 2 times") as caught:
        org.query(WIDE)
    assert (caught.value.expected, caught.value.received) == (200, 199)
