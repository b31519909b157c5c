"""From a frame to units on disk: what is planned is what was given, and all of it is there before anything is sent."""

from __future__ import annotations

import errno
import hashlib

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sfdata.errors import ConfigurationError, PushRefused, PushStopped
from sfdata.metadata import ObjectDescribe
from sfdata.transfer import planning
from sfdata.transfer.account import SCHEMA
from sfdata.transfer.journal import Journal
from sfdata.transfer.planning import PASSING_CODES, Planner, PushRequest
from sfdata.transfer.unit_files import load_index, load_positions, save_outcomes, unit_file


def field(name, kind="string", **about):
    return {"name": name, "label": name, "type": kind, "createable": True, "updateable": True, **about}


def reference(name, parent, **about):
    return field(name, "reference", referenceTo=[parent], relationshipName=name.removesuffix("Id"), **about)


OBJECTS = {
    "Contact": [
        field("Id", "id"),
        field("LastName"),
        field("Ext__c", externalId=True, idLookup=True),
        reference("OwnerId", "User"),
        reference("AccountId", "Account"),
        reference("ReportsToId", "Contact"),
    ],
    "Line__c": [
        field("Id", "id"),
        reference("Account__c", "Account"),
        reference("Invoice__c", "Invoice__c", relationshipOrder=0),
    ],
    "Account": [field("Id", "id"), field("Ext__c", externalId=True, idLookup=True)],
}
IDS = [f"001{n:012}AAA" for n in range(10)]


def describe(name):
    return ObjectDescribe({"name": name, "fields": OBJECTS[name]})


class Plans:
    """Plans pushes into a journal of its own, and reads back what is on disk."""

    def __init__(self, root):
        self.root = root
        self.journal = Journal(root)
        self.announced = []
        self.planner = Planner(self.journal, describe, "https://acme.my.salesforce.com", self.announced.append)

    def plan(self, frame, object_name="Contact", operation="insert", **options):
        return self.planner.plan("push-1", frame, PushRequest(object_name, operation, **options))

    def rows(self, unit=None):
        """The records on disk, one text each, with the position in the frame that each is said to have."""
        folder, told = self.journal.folder("push-1"), []
        for one in self.journal.units("push-1"):
            if unit in (None, one.number):
                lines = unit_file(folder, one.number).read_text("utf-8").splitlines()[1:]
                told += zip(load_positions(folder, one.number).tolist(), lines, strict=True)
        return told

    def sizes(self):
        return [unit.rows for unit in self.journal.units("push-1")]


@pytest.fixture
def plans(tmp_path):
    made = Plans(tmp_path)
    yield made
    made.journal.close()


# --- a frame ---------------------------------------------------------------------------------------------------------


def test_what_is_journalled_is_on_disk_as_it_will_be_sent(plans):
    """Each unit has a header, its share of the rows in their order, their positions, and the digest of its bytes."""
    frame = pd.DataFrame({"lastname": list("abcde"), "ext__c": [f"x{n}" for n in range(5)]})
    push = plans.plan(frame, operation="upsert", key="EXT__C", part_rows=2)
    assert (push.columns, push.key, push.rows, push.state) == (("LastName", "Ext__c"), "Ext__c", 5, "planned")
    assert plans.journal.pushes() == [push]
    assert plans.sizes() == [2, 2, 1]
    assert plans.rows() == [(0, '"a","x0"'), (1, '"b","x1"'), (2, '"c","x2"'), (3, '"d","x3"'), (4, '"e","x4"')]
    for unit in plans.announced:
        content = unit_file(plans.root / "push-1", unit.number).read_bytes()
        assert content.startswith(b"LastName,Ext__c\n")
        assert hashlib.sha256(content).hexdigest() == unit.digest
    assert plans.announced == plans.journal.units("push-1")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table, lambda d: pa.table(d).to_reader(2)])
def test_any_kind_of_frame_is_planned_alike(plans, make):
    """pandas, Polars, Arrow tables and streams that can be read only once give the same records."""
    frame = {"LastName": list("abcd"), "AccountId": [IDS[1], IDS[0], IDS[1], IDS[0]]}
    plans.plan(make(frame), part_rows=2)
    assert plans.rows(1) == [(0, f'"a","{IDS[1]}"'), (2, f'"c","{IDS[1]}"')]
    assert load_index(plans.root / "push-1").equals(pd.RangeIndex(4))


def test_rows_of_one_parent_are_sent_together(plans):
    """However they are strewn, rows that would lock the same parent stand side by side, each with its own position."""
    parents = [IDS[n % 3] for n in range(9)]
    plans.plan(pd.DataFrame({"LastName": list("abcdefghi"), "AccountId": parents}), part_rows=3)
    assert [position for position, _ in plans.rows()] == [0, 3, 6, 1, 4, 7, 2, 5, 8]
    assert all(record == f'"{"abcdefghi"[place]}","{parents[place]}"' for place, record in plans.rows())


@pytest.mark.parametrize(
    ("columns", "by"),
    [
        ({"OwnerId": "strewn"}, None),
        ({"OwnerId": "strewn", "ReportsToId": "other", "AccountId": "strewn"}, "other"),
        ({"Account.Ext__c": "strewn"}, "strewn"),
        ({"AccountId": "strewn", "LastName": "other"}, "strewn"),
        ({"LastName": "strewn"}, None),
    ],
)
def test_which_column_tells_the_parent(plans, columns, by):
    """The first reference to anything but an owner, by Id or by a key."""
    ids = {"strewn": [IDS[0], IDS[1], IDS[0], IDS[1]], "other": [IDS[2], IDS[3], IDS[3], IDS[2]]}
    plans.plan(pd.DataFrame({name: ids[kind] for name, kind in columns.items()}), part_rows=2)
    order = {None: [0, 1, 2, 3], "strewn": [0, 2, 1, 3], "other": [0, 3, 1, 2]}[by]
    assert [position for position, _ in plans.rows()] == order


def test_a_master_comes_before_other_parents(plans):
    """Rows of a master are always written under its lock, so it decides wherever it stands."""
    plans.plan(
        pd.DataFrame({"Account__c": [IDS[0], IDS[1], IDS[0]], "Invoice__c": [IDS[2], IDS[2], IDS[3]]}),
        "Line__c",
        part_rows=1,
    )
    assert [position for position, _ in plans.rows()] == [0, 1, 2]


def test_rows_that_go_together_anyway_keep_their_order(plans, monkeypatch):
    """Within one batch no row waits for another; beyond it, rows are laid together."""
    frame = pd.DataFrame({"LastName": list("abcd"), "AccountId": [IDS[0], IDS[1]] * 2})
    monkeypatch.setattr(planning, "BATCH_ROWS", 4)
    assert planning._together(frame, describe("Contact"), None) == (None, None)
    monkeypatch.setattr(planning, "BATCH_ROWS", 3)
    order, breaks = planning._together(frame, describe("Contact"), None)
    assert (order.tolist(), breaks.tolist()) == ([0, 2, 1, 3], [2])


@pytest.mark.catalogue("B18")
@pytest.mark.parametrize(
    ("parents", "sizes"),
    [
        ("aabbcc", [4, 2]),
        ("aaabbbcc", [3, 5]),  # b would begin in the first part and end in the second
        ("aaaaaaab", [5, 3]),  # more than a part takes
        ("abbbbbb", [5, 2]),  # a part is at least half as full as it could be
        ("......aaab", [5, 5]),  # rows without a parent go anywhere
    ],
)
def test_a_parent_is_not_cut_in_two_where_that_can_be_helped(plans, parents, sizes):
    """A unit ends where a parent's rows do, so that no two that are under way wait for one parent's lock."""
    ids = [None if letter == "." else IDS[ord(letter) % 10] for letter in parents]
    plans.plan(pd.DataFrame({"LastName": list(parents), "AccountId": ids}), part_rows=5)
    assert plans.sizes() == sizes


def test_a_problem_is_told_where_it_stands_in_the_frame(plans):
    """Rows that are laid together are still named by their own position and label."""
    frame = pd.DataFrame({"LastName": [*"abc", "\0"], "AccountId": [IDS[0], "no Id", IDS[0], IDS[1]]})
    frame.index = pd.Index([10, 20, 30, 40])
    with pytest.raises(PushRefused) as caught:
        plans.plan(frame, part_rows=2)
    told = [(problem.column, problem.position, problem.label) for problem in caught.value.problems]
    assert told == [("AccountId", 1, 20), ("LastName", 3, 40)]


@pytest.mark.parametrize(
    ("frame", "options", "error"),
    [
        (pd.DataFrame({"LastName": ["a", "\0"]}), {"part_rows": 1}, PushRefused),
        (pd.DataFrame({"Nmae": ["a"]}), {}, PushRefused),
        (pd.DataFrame({"AccountId": [[1], ["x"], "y"]}), {"part_rows": 1}, PushRefused),
        (["a"], {}, ConfigurationError),
        (pd.DataFrame({"LastName": ["a"]}), {"part_rows": 0}, ConfigurationError),
        (pd.DataFrame({"LastName": ["a"]}), {"nulls": "keep"}, ConfigurationError),
        (pd.DataFrame({"LastName": ["a"]}), {"key": "Ext__c"}, ConfigurationError),
        (pd.DataFrame({"LastName": ["a"]}), {"check": True}, ConfigurationError),
    ],
)
def test_what_is_refused_leaves_nothing_behind(plans, frame, options, error):
    """A frame that cannot be written is neither in the journal nor on the disk, also where a part of it was."""
    with pytest.raises(error):
        plans.plan(frame, **options)
    assert plans.journal.pushes() == []
    assert not (plans.root / "push-1").exists()


@pytest.mark.catalogue("F1")
def test_a_full_disk_is_told_before_anything_is_sent(plans, monkeypatch):
    """The rows that were on disk already are gone again, and the next step is named."""

    def full(folder, number, positions):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(planning, "save_positions", full)
    with pytest.raises(PushStopped, match="No space left") as caught:
        plans.plan(pd.DataFrame({"LastName": ["a"]}))
    assert "SFDATA_HOME" in caught.value.hint
    assert not (plans.root / "push-1").exists()


INDEXES = {
    "the usual": pd.RangeIndex(3),
    "duplicates": pd.Index(["k", "k", "l"], name="key"),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2)], names=["x", None]),
    "times": pd.date_range("2026-03-28", periods=3, tz="Europe/Berlin", name=7),
    "categories": pd.CategoricalIndex(["b", "a", "b"]),
    "periods": pd.period_range("2026-01", periods=3, freq="M"),
    "missing": pd.Index(["a", None, "c"], dtype=object),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_an_index_comes_back_as_it_was(plans, index):
    """Labels, names and types of an index are kept on disk."""
    plans.plan(pd.DataFrame({"LastName": list("abc")}, index=index))
    back = load_index(plans.root / "push-1")
    assert type(back) is type(index)
    assert back.equals(index)
    assert (back.names, back.dtype) == (index.names, index.dtype)


def test_an_index_that_arrow_cannot_hold_is_not_kept_wrongly(plans):
    """Labels of several types would change on disk; the push goes on without them."""
    plans.plan(pd.DataFrame({"LastName": list("abc")}, index=pd.Index(["a", 1, ("b",)], dtype=object)))
    assert load_index(plans.root / "push-1") is None
    assert plans.sizes() == [3]


# --- rows that are sent again ----------------------------------------------------------------------------------------


def outcome(name, code=None):
    return {"outcome": name, "id": None, "created": None, "code": code, "error": None}


def ended(plans, *units):
    """Note what became of the rows of each unit."""
    for unit, told in zip(plans.journal.units("push-1")[-len(units) :], units, strict=True):
        save_outcomes(plans.root / "push-1", unit.number, pa.Table.from_pylist(told, schema=SCHEMA))
        plans.journal.advance(unit, "accounted")


@pytest.fixture
def names(plans):
    """Five rows, awkward to cut apart, in units of two rows."""
    names = ["plain", 'say "hi", twice', "two\nlines", '"\n"', ""]
    frame = pd.DataFrame({"LastName": names, "Ext__c": [f"x{n}" for n in range(5)]})
    return plans, plans.plan(frame, part_rows=2)


def records(plans, number):
    return unit_file(plans.root / "push-1", number).read_bytes().decode()


def test_only_rows_that_surely_were_not_written_are_sent_again(names):
    """Unprocessed rows, and those that failed for a passing reason; their bytes are those that were sent before."""
    plans, push = names
    sent = [records(plans, number) for number in (1, 2, 3)]
    ended(
        plans,
        [outcome("succeeded"), outcome("failed", "UNABLE_TO_LOCK_ROW")],
        [outcome("failed", "REQUIRED_FIELD_MISSING"), outcome("unprocessed")],
        [outcome("unaccounted")],
    )
    plans.journal.set_state("push-1", "finished")
    assert plans.planner.plan_again(push, PASSING_CODES)
    assert plans.journal.push("push-1").state == "planned"
    (again,) = plans.journal.units("push-1")[3:]
    assert (again.number, again.rows, again.phase) == (4, 2, "planned")
    assert load_positions(plans.root / "push-1", 4).tolist() == [1, 3]
    header = sent[0].split("\n")[0]
    assert records(plans, 4) == f'{header}\n"say ""hi"", twice","x1"\n"""\n""","x3"\n'
    assert '"say ""hi"", twice","x1"\n' in sent[0]
    assert hashlib.sha256(records(plans, 4).encode()).hexdigest() == again.digest


def test_the_latest_word_on_a_row_decides(names):
    """A row that succeeded the second time is not sent a third, one that failed again is; parts keep their size."""
    plans, push = names
    locked = outcome("failed", "UNABLE_TO_LOCK_ROW")
    ended(plans, [locked] * 2, [locked] * 2, [locked])
    assert plans.planner.plan_again(push, PASSING_CODES)
    assert plans.sizes() == [2, 2, 1, 2, 2, 1]
    ended(plans, [outcome("succeeded"), locked], [outcome("failed", "OTHER"), outcome("unaccounted")], [locked])
    assert plans.planner.plan_again(push, PASSING_CODES)
    assert plans.sizes()[6:] == [2]
    assert load_positions(plans.root / "push-1", 7).tolist() == [1, 4]
    ended(plans, [outcome("succeeded")] * 2)
    assert not plans.planner.plan_again(push, PASSING_CODES)
    assert not plans.planner.plan_again(push, ())
    assert plans.planner.plan_again(push, {"OTHER"})
    assert load_positions(plans.root / "push-1", 8).tolist() == [2]


@pytest.mark.catalogue("B18")
def test_rows_that_met_a_lock_go_again_in_smaller_units_by_their_parents(plans, monkeypatch):
    """A tenth of the rows, or a transaction's; those of one parent, strewn before, now side by side in one unit."""
    monkeypatch.setattr(planning, "TRANSACTION_ROWS", 3)
    frame = pd.DataFrame({"LastName": list("abcdefgh"), "AccountId": [IDS[1], IDS[0]] * 4})
    push = plans.plan(frame)
    locked = outcome("failed", "UNABLE_TO_LOCK_ROW")
    ended(plans, [outcome("succeeded"), *[locked] * 6, outcome("unprocessed")])
    assert plans.planner.plan_again(push, PASSING_CODES)
    assert plans.sizes() == [8, 3, 3, 1]
    assert plans.rows()[8:] == [
        (place, f'"{"abcdefgh"[place]}","{IDS[1 - place % 2]}"') for place in (1, 3, 5, 7, 2, 4, 6)
    ]


def test_data_changed_on_disk_are_not_sent_again(names):
    """What is sent a second time is what was sent the first time, or nothing."""
    plans, push = names
    ended(plans, *[[outcome("unprocessed")] * unit.rows for unit in plans.journal.units("push-1")])
    path = unit_file(plans.root / "push-1", 2)
    path.write_bytes(path.read_bytes().replace(b"two", b"2wo"))
    with pytest.raises(PushStopped):
        plans.planner.plan_again(push, PASSING_CODES)
    assert len(plans.journal.units("push-1")) == 3
