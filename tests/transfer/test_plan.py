"""Plans against a real org: what is told of each row, that nothing is written before, and what is written then."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from decimal import Decimal

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from rig import plan_org

import sfdata
from sfdata.current_org import watch
from sfdata.errors import (
    ConfigurationError,
    PushFailed,
    PushRefused,
    SeveralRecords,
    UnresolvedConflicts,
)
from sfdata.transfer.bookmark import Bookmark

local, machine, org, other = plan_org.local, plan_org.machine, plan_org.org, plan_org.other
NOW = dt.datetime.now(dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def three(other, request):
    """Three accounts, of which the frame's keys will find all; their Ids."""
    tag = request.node.name
    ids = [other.create(Name=f"N{n}", Key__c=f"{tag}-{n}", Phone=f"{n}", Site="s") for n in range(3)]
    other.written()
    return ids


@pytest.fixture
def frame(request, three):
    """What the three hold, under labels of which two are equal."""
    tag = request.node.name
    columns = {"Key__c": [f"{tag}-{n}" for n in range(3)], "Name": ["N0", "N1", "N2"], "Phone": ["0", "1", "2"]}
    return pd.DataFrame(columns, index=pd.Index(["a", "b", "b"], name="label"))


# --- what is told ----------------------------------------------------------------------------------------------------


def test_every_row_is_told_and_nothing_is_written(org, other, three, frame):
    """New keys are created, differing fields changed, the rest is the same: on the frame's index, and on paper only."""
    frame.loc["new"] = [f"{frame.iloc[0, 0]}-new", "New", None]
    frame.iloc[1, 1:] = ["M1", "11"]
    frame.iloc[2, 2] = None
    plan = frame.sf.diff("Account", key="Key__c")
    assert plan.counts == {"create": 1, "change": 1, "same": 2, "conflict": 0, "gone": 0}
    assert plan.change.reset_index().values.tolist() == [
        ["b", three[1], "Name", "N1", "M1"],
        ["b", three[1], "Phone", "1", "11"],
    ]
    pd.testing.assert_frame_equal(plan.create, frame.iloc[[3]])
    pd.testing.assert_frame_equal(plan.same, frame.iloc[[0, 2]])
    assert [str(dtype) for dtype in plan.change.dtypes] == ["str", "str", "object", "object"]
    for empty, columns in ((plan.conflict, 6), (plan.gone, 3)):
        assert empty.shape == (0, columns)
        assert empty.index.name == "label"
    assert other.written() == []
    assert sfdata.pushes().empty


SAME, OTHER = "same", "change"


CASES = {
    "Name": [("Ann", "  Ann\t", SAME), ("Ann", "ann", OTHER), ("Ann", "", SAME)],
    "Site": [(None, "", SAME), (None, "x", OTHER), ("x", " ", OTHER)],
    "Long__c": [("a\nb", "a\nb ", SAME), ("a\nb", "a\n\nb", OTHER)],
    "Amount__c": [
        (1.25, 1.25, SAME), (1.25, 1.259, SAME), (1.25, "1.2500", SAME), (1.25, Decimal("1.26"), OTHER),
        (0, None, SAME), (None, 0, OTHER), (0.1, 0.1 + 0.2, OTHER), (0.3, 0.1 + 0.2, SAME),
    ],
    "NumberOfEmployees": [(5, 5.0, SAME), (5, "+5", SAME), (5, 6, OTHER)],
    "Check__c": [(True, 1, SAME), (False, "no", SAME), (False, True, OTHER)],
    "Day__c": [("2024-02-29", "2024-02-29", SAME), ("2024-02-29", dt.date(2024, 3, 1), OTHER)],
    "At__c": [
        ("2024-01-01T00:00:07Z", "2024-01-01T05:30:07.9+05:30", SAME),
        ("1969-12-31T23:59:59Z", dt.datetime(1969, 12, 31, 23, 59, 59, 900_000, dt.UTC), SAME),
        ("2024-01-01T00:00:07Z", dt.datetime(2024, 1, 1, 0, 0, 8, tzinfo=dt.UTC), OTHER),
    ],
    "Clock__c": [("09:30:00.500Z", "09:30:00.5", SAME), ("09:30:00.500Z", dt.time(9, 30), OTHER)],
    "Pick__c": [("Red", "rED", SAME), ("Red", "Green", OTHER)],
    "Tags__c": [
        ("One;Two", " two; ONE;two", SAME), ("One;Two", ["Two", "One"], SAME), ("One;Two", "Two", OTHER),
    ],
}  # fmt: skip


@pytest.mark.parametrize("field", CASES)
def test_values_are_compared_as_the_org_keeps_them(org, other, field):
    """A plan says "same" just where a push would leave the record as it is: the push itself is asked."""
    there, ours, told = zip(*CASES[field], strict=True)
    keys = [other.create(**{"Name": "Ann", field: value}) for value in there]
    frame = pd.DataFrame({"Id": [key[:15] for key in keys], field: pd.Series(ours, dtype=object)})
    soql = f"SELECT Id, {field} FROM Account WHERE Id IN {tuple(keys)}"
    before = other.see(soql)
    plan = frame.sf.diff("Account", "Id")
    assert [SAME if n in plan.same.index else OTHER for n in frame.index] == list(told)
    frame.sf.update("Account").raise_for_errors()
    left = {key for key, value in other.see(soql) if (key, value) in before}
    assert [SAME if key in left else OTHER for key in keys] == list(told)
    assert frame.sf.diff("Account", "Id").counts["same"] == len(frame)


def test_what_is_missing_is_no_change_unless_it_clears(org, other, three, frame):
    """nulls= and CLEAR empty fields that are filled, by column; fields that are empty already stay the same."""
    frame["Site"] = [None, sfdata.CLEAR, "s"]
    frame["Phone"] = None
    frame["Fax"] = sfdata.CLEAR
    assert frame.sf.diff("Account", "Key__c").change[["field", "before", "after"]].values.tolist() == [
        ["Site", "s", None]
    ]
    plan = frame.sf.diff("Account", "Key__c", nulls={"Phone": "clear"})
    assert plan.change["field"].tolist() == ["Phone", "Phone", "Site", "Phone"]
    plan.apply().raise_for_errors()
    assert other.see(f"SELECT Phone, Site, Fax FROM Account WHERE Id = '{three[1]}'") == [(None, None, None)]


def test_line_ends_are_alike(org, other):
    """An org may give a line end back as it likes: that alone is no change, another line is."""
    key = other.create(Name="Lines", Long__c="a\nb")
    for text, changed in (("a\r\nb", 0), ("a\rb\n", 0), ("a\n\nb", 1)):
        assert len(pd.DataFrame({"Id": [key], "Long__c": text}).sf.diff("Account", "Id").change) == changed


def test_keys_are_compared_as_the_org_compares_them(org, other):
    """Cases of a text, spellings of a number and lengths of an Id find the record; the key is no change itself."""
    key = other.create(Name="Key", Key__c="Keys-A", Rank__c=7)
    for field, value in (("Key__c", " kEYS-a"), ("Rank__c", "7.0"), ("Rank__c", 7), ("Id", key[:15])):
        plan = pd.DataFrame({field: [value], "Name": "Other"}).sf.diff("Account", field)
        assert plan.change["Id"].tolist() == [key]
        assert plan.change["field"].tolist() == ["Name"]


def test_parents_named_by_a_key_are_compared_by_that_key(org, other):
    """The parent's key in any case is the same parent; another key, or none, is a change; and so it is written."""
    mother, father = (other.create(Name=name, Key__c=f"parents-{name}") for name in ("mother", "father"))
    for number in range(3):
        other.create(Name="x", Key__c=f"parents-{number}", Parent__c=mother)
    parents = ["PARENTS-MOTHER", "parents-father", sfdata.CLEAR]
    frame = pd.DataFrame({"Key__c": [f"parents-{n}" for n in range(3)], "Parent__r.Key__c": parents})
    plan = frame.sf.diff("Account", "Key__c")
    told = plan.change[["field", "before", "after"]].values.tolist()
    assert told == [
        ["Parent__r.Key__c", "parents-mother", "parents-father"],
        ["Parent__r.Key__c", "parents-mother", None],
    ]
    plan.apply().raise_for_errors()
    soql = "SELECT Parent__c FROM Account WHERE Name = 'x' ORDER BY Key__c"
    assert other.see(soql) == [(mother,), (father,), (None,)]


def test_a_parent_without_the_key_is_a_parent(org, other):
    """Clearing a reference is a change even where the parent has no such key."""
    mother = other.create(Name="nameless")
    other.create(Name="x", Key__c="keyless-1", Parent__c=mother)
    frame = pd.DataFrame({"Key__c": ["keyless-1"], "Parent__r.Key__c": [sfdata.CLEAR]})
    result = frame.sf.diff("Account", "Key__c").apply()
    assert other.see("SELECT Parent__c FROM Account WHERE Key__c = 'keyless-1'") == [(None,)]
    result.undo().raise_for_errors()
    assert other.see("SELECT Parent__c FROM Account WHERE Key__c = 'keyless-1'") == [(mother,)]


def test_a_frame_that_was_read_is_compared_without_what_nobody_writes(org, other, three, frame):
    """Audit fields, fields of parents and parts of addresses are left out with the reason; a wrong name is refused."""
    read = org.query(
        "SELECT Id, Key__c, Name, Owner.Name, OwnerId, CreatedDate, BillingAddress, SystemModstamp FROM Account "
        "WHERE Id IN :ids",
        {"ids": three},
    )
    plan = read.sf.diff("Account", "Key__c")
    assert plan.counts["same"] == 3
    assert {"Id", "Owner.Name", "CreatedDate", "BillingAddress.city", "SystemModstamp"} <= plan.excluded.keys()
    assert "CreatedDate (cannot be written)" in repr(plan)
    assert list(plan.same.columns) == ["Key__c", "Name", "OwnerId"]
    with pytest.raises(PushRefused, match="did you mean Name"):
        frame.rename(columns={"Name": "Nmae"}).sf.diff("Account", "Key__c")
    with pytest.raises(PushRefused, match="Ownr"):
        frame.assign(**{"Ownr.Name": "x"}).sf.diff("Account", "Key__c")


def test_what_can_only_be_given_to_new_records_changes_no_old_one(org, other):
    """The master of a detail record is written where the record is made, and told as unchangeable elsewhere."""
    first, second = (other.create(Name=f"master {n}") for n in range(2))
    other.create("Line__c", Ext__c="line-1", Account__c=first)
    frame = pd.DataFrame({"Ext__c": ["line-1", "line-2"], "Note__c": ["n", "n"], "Account__c": [second, second]})
    plan = frame.sf.diff("Line__c", "Ext__c")
    assert plan.change["field"].tolist() == ["Note__c"]
    assert "Account__c" in plan.excluded
    plan.apply().raise_for_errors()
    assert other.see("SELECT Account__c FROM Line__c ORDER BY Ext__c") == [(first,), (second,)]


def test_ids_that_no_record_has_are_gone_and_not_sent(org, other, three):
    """A deleted record is told, gets nothing, and counts as not sent."""
    other.delete(three[1])
    other.written()
    plan = pd.DataFrame({"Id": three, "Site": "new"}).sf.diff("Account", "Id")
    assert plan.counts == {"create": 0, "change": 2, "same": 0, "conflict": 0, "gone": 1}
    assert plan.gone["Id"].tolist() == [three[1]]
    result = plan.apply()
    assert result.counts == {
        "succeeded": 2, "failed": 0, "unprocessed": 0, "unaccounted": 0, "not_sent": 1, "same": 0
    }  # fmt: skip
    assert result.frame["sf__Error"].tolist()[1] == "no record has this Id"
    assert [key for _, key in other.written()] == [three[0], three[2]]
    with pytest.raises(PushFailed, match="1 not_sent"):
        result.raise_for_errors()


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table])
def test_other_frames_are_planned_too(org, other, three, frame, make):
    """Polars frames and Arrow tables are told by position, by Org.diff."""
    given = make({name: frame[name].tolist() for name in frame} | {"Phone": ["0", "x", None]})
    plan = org.diff(given, "Account", "Key__c")
    assert plan.change.index.tolist() == [1]
    assert plan.same.index.tolist() == [0, 2]
    assert plan.apply().frame["sf__Outcome"].tolist() == ["same", "succeeded", "same"]


# --- what is refused -------------------------------------------------------------------------------------------------


def test_what_cannot_be_compared_is_refused_before_anything_is_read(org, other, three, frame):
    """Keys twice or missing, values that fit no field, arguments that contradict each other: one clear error each."""
    twice = pd.concat([frame, frame.head(1).assign(Key__c=lambda f: f["Key__c"].str.upper())])
    far = pd.concat(
        [frame.head(1), *[frame.assign(Key__c=lambda f, n=n: f["Key__c"] + str(n)) for n in range(80)], frame]
    )
    for repeated, places in ((twice, [0, 3]), (far, [0, 241])):  # in one transaction of the org, and in two
        with pytest.raises(PushRefused, match="more than once") as refused:
            repeated.sf.diff("Account", "Key__c")
        assert [problem.position for problem in refused.value.problems] == places
    assert "drop_duplicates" in refused.value.hint
    for wrong in (frame.drop(columns="Key__c"), frame.assign(Key__c=None), frame.assign(Day__c="soon")):
        with pytest.raises(PushRefused):
            wrong.sf.diff("Account", "Key__c")
    for how, message in {"newest": "edited=", "merge": "base=", "mine": "none of"}.items():
        with pytest.raises(ConfigurationError, match=message):
            frame.sf.diff("Account", "Key__c", on_conflict=how)
    with pytest.raises(ConfigurationError, match="time zone"):
        frame.sf.diff("Account", "Key__c", since=dt.datetime(2026, 1, 1))
    with pytest.raises(ConfigurationError, match="since"):
        frame.sf.diff("Account", "Key__c", since="yesterday")
    with pytest.raises(ConfigurationError, match="since when"):
        frame.assign(Name="x").sf.diff("Account", "Key__c", on_conflict="theirs")
    with pytest.raises(ConfigurationError, match="no column"):
        frame.assign(Name="x").sf.diff("Account", "Key__c", on_conflict="newest", edited="when")
    with pytest.raises(ConfigurationError, match="dates with times"):
        frame.assign(Name="x", when="x").sf.diff("Account", "Key__c", on_conflict="newest", edited="when")
    assert other.written() == []


def test_a_key_that_tells_no_records_apart_is_refused(org, other):
    """Two records with the key: nobody knows which is meant."""
    for _ in range(2):
        other.create(Name="x", Loose__c="both")
    with pytest.raises(SeveralRecords, match="both") as several:
        pd.DataFrame({"Loose__c": ["both"], "Name": "y"}).sf.diff("Account", "Loose__c")
    assert "Id" in several.value.hint
    with pytest.raises(PushRefused, match="cannot be the key"):
        pd.DataFrame({"Long__c": ["both"], "Name": "y"}).sf.diff("Account", "Long__c")


# --- conflicts -------------------------------------------------------------------------------------------------------


def two_changed(other, three, frame):
    """The frame's and the org's names differ in the first two rows; the first alone was changed in the last hour."""
    for key, when in zip(three, (NOW, NOW - 2 * HOUR, NOW), strict=True):
        other.stamp(key, when)
    other.written()
    frame["Name"] = ["M0", "M1", "N2"]


ONE_HOUR_AGO = NOW - HOUR


@pytest.mark.parametrize("since", [
    ONE_HOUR_AGO,
    pd.Timestamp(ONE_HOUR_AGO).tz_convert("Asia/Kolkata"),
    Bookmark("00D000000000001AAA", "Account", "", ONE_HOUR_AGO),
])  # fmt: skip
def test_a_differing_record_changed_since_is_a_conflict(org, other, three, frame, since):
    """Somebody has to decide before anything is sent: for the plan as a whole, or record by record."""
    two_changed(other, three, frame)
    plan = frame.sf.diff("Account", "Key__c", since=since)
    assert plan.counts == {"create": 0, "change": 1, "same": 1, "conflict": 1, "gone": 0}
    (told,) = plan.conflict.reset_index().to_dict("records")
    assert (told["label"], told["Id"], told["field"], told["theirs"], told["ours"]) == (
        "a",
        three[0],
        "Name",
        "N0",
        "M0",
    )
    assert told["changed"] == pd.Timestamp(NOW).floor("s")
    with pytest.raises(UnresolvedConflicts, match="1 row") as caught:
        plan.apply()
    assert caught.value.rows == 1
    assert other.written() == []
    assert plan.resolve("ours", ids=[three[1]]).counts["conflict"] == 1
    assert plan.resolve("ours", fields=["Phone"]).counts["conflict"] == 1
    assert plan.resolve("ours", ids=[three[0]], fields=["name"]).counts["change"] == 2
    plan.apply().raise_for_errors()
    assert sorted(other.written()) == sorted([("updated", three[0]), ("updated", three[1])])


def test_theirs_and_ours_decide_beforehand(org, other, three, frame):
    """The record that was changed since keeps its value, or loses it; the other one is changed in any case."""
    two_changed(other, three, frame)
    theirs = frame.sf.diff("Account", "Key__c", since=ONE_HOUR_AGO, on_conflict="theirs")
    assert theirs.change["Id"].tolist() == [three[1]]
    assert theirs.counts["same"] == 2
    ours = frame.sf.diff("Account", "Key__c", since=ONE_HOUR_AGO, on_conflict="ours")
    assert ours.change["Id"].tolist() == three[:2]
    asked = frame.sf.diff("Account", "Key__c", since=ONE_HOUR_AGO).resolve("theirs")
    pd.testing.assert_frame_equal(asked.change, theirs.change)
    assert theirs.apply().frame["sf__Outcome"].tolist() == ["same", "succeeded", "same"]
    with pytest.raises(ConfigurationError, match="neither"):
        frame.sf.diff("Account", "Key__c").resolve("mine")


def test_the_newest_wins_by_a_column_that_tells(org, other, three, frame):
    """Rows younger than the record are written, older ones are not, and of unknown age somebody is asked."""
    for key in three:
        other.stamp(key, ONE_HOUR_AGO)
    frame["Name"] = "M"
    frame["edited"] = [NOW, NOW - 2 * HOUR, pd.NaT]
    plan = frame.sf.diff("Account", "Key__c", on_conflict="newest", edited="edited")
    assert plan.change["Id"].tolist() == [three[0]]
    assert plan.conflict["Id"].tolist() == [three[2]]
    assert plan.excluded == {"edited": "tells when the row was changed"}
    since = frame.sf.diff("Account", "Key__c", on_conflict="newest", edited="edited", since=NOW)
    assert since.change["Id"].tolist() == three, "nothing was changed since then"


def test_merging_takes_from_each_side_what_it_alone_has_changed(org, other, three, frame):
    """Ours, theirs, both alike, both differently, cleared, and a row that the base has not: three ways, by field."""
    base = frame.assign(Site="s", Fax="f")
    other.change(three[0], Phone="theirs", Site="theirs", Fax="alike")
    other.change(three[1], Site=None)
    mine = base.assign(
        Name=["ours", "N1", "N2"], Phone=["0", "1", "2"], Site=["ours", "s", "new"], Fax=["alike", "f", "f"]
    )
    mine["Fax"] = ["alike", None, None]
    plan = mine.sf.diff("Account", "Key__c", on_conflict="merge", base=base.iloc[:2].drop(columns="Phone"))
    told = plan.conflict[["Id", "field", "base", "theirs", "ours"]].values.tolist()
    assert told == [
        [three[0], "Phone", None, "theirs", "0"],
        [three[0], "Site", "s", "theirs", "ours"],
        [three[2], "Site", None, "s", "new"],
    ]
    assert plan.same.index.tolist() == ["b"], "what only they have cleared stays so"
    plan.resolve("theirs").apply().raise_for_errors()
    soql = f"SELECT Name, Phone, Site, Fax FROM Account WHERE Id = '{three[0]}'"
    assert other.see(soql) == [("ours", "theirs", "theirs", "alike")]


def test_a_frame_knows_itself_what_it_has_seen(org, other, three, frame):
    """By its SystemModstamp, row by row, or by when it was read: an edit by somebody else in between is a conflict."""
    for key in three:
        other.stamp(key, ONE_HOUR_AGO)
    soql = "SELECT Id, Name, SystemModstamp FROM Account WHERE Id IN :ids ORDER BY Name"
    stamped = org.query(soql, {"ids": three})
    read = stamped.drop(columns="SystemModstamp")
    assert read.sf.diff("Account", "Id").counts["same"] == 3
    other.change(three[0], Phone="x")
    other.stamp(three[0], NOW + HOUR)
    for mine in (stamped, stamped.assign(SystemModstamp=stamped["SystemModstamp"].astype("str")), read):
        mine = mine.assign(Name=["M0", "M1", "N2"])
        assert mine.sf.diff("Account", "Id").conflict["Id"].tolist() == [three[0]]
        mine.attrs = {}
        assert len(mine.sf.diff("Account", "Id").conflict) == ("SystemModstamp" in mine)
    elsewhere = read.assign(Name="M")
    elsewhere.attrs = {"sfdata": {**read.attrs["sfdata"], "object": "Contact"}}
    assert elsewhere.sf.diff("Account", "Id").conflict.empty
    unseen = stamped.assign(Name="M", SystemModstamp=None)
    assert unseen.sf.diff("Account", "Id").conflict["Id"].tolist() == three, "of these versions nothing is known"


def test_the_clocks_of_org_and_machine_may_differ(org, other, three, frame, monkeypatch):
    """When a frame was read is told by this machine's clock, and held against stamps by the org's."""
    for key in three:
        other.stamp(key, NOW - HOUR)
    read = org.query("SELECT Id, Name FROM Account WHERE Id IN :ids", {"ids": three})
    fast = dict(read.attrs["sfdata"])
    fast["read_at"] = (dt.datetime.fromisoformat(fast["read_at"]) + HOUR).isoformat()
    mine = read.assign(Name="M")
    mine.attrs = {"sfdata": fast}
    now = org._session.runtime.now
    monkeypatch.setattr(org._session, "runtime", type(org._session.runtime)(now=lambda: now() + 3600))
    other.stamp(three[0], NOW + HOUR / 2)
    assert mine.sf.diff("Account", "Id").conflict["Id"].tolist() == [three[0]]


# --- done ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part_rows", [None, 2])
def test_only_what_differs_is_sent(org, other, three, frame, part_rows):
    """New rows are created and changed fields changed; a row that is the same is not touched; then all are the same."""
    frame.iloc[1, 1] = "M1"
    frame = pd.concat([frame, frame.assign(Key__c=frame["Key__c"] + "-new")])
    plan = frame.sf.diff("Account", "Key__c")
    result = plan.apply(part_rows=part_rows)
    result.raise_for_errors()
    told = result.frame
    pd.testing.assert_index_equal(told.index, frame.index)
    assert told["sf__Outcome"].tolist() == ["same", "succeeded", "same", *["succeeded"] * 3]
    assert told["sf__Id"].tolist()[:3] == three
    assert result.counts["same"] == 2
    created = told["sf__Id"].tolist()[3:]
    assert sorted(other.written()) == sorted([("updated", three[1]), *(("created", key) for key in created)])
    assert frame.sf.diff("Account", "Key__c").counts["same"] == 6
    pd.testing.assert_frame_equal(sfdata.resume(result.id).frame, told)
    sent = result.before
    assert sent["Id"].tolist()[0] == three[1]
    assert sent["Name"].tolist()[0] == "N1"


def test_other_peoples_fields_are_not_written_back(org, other, three, frame):
    """A cell that is the same is not sent: it cannot overwrite what changes behind our back."""
    frame.iloc[0, 1] = "M0"
    plan = frame.sf.diff("Account", "Key__c")
    seen = []
    stop = org.hooks.subscribe(
        lambda event: seen or (getattr(event, "phase", None) and seen.append(other.change(three[0], Phone="theirs")))
    )
    plan.apply().raise_for_errors()
    stop()
    assert seen
    assert other.see(f"SELECT Name, Phone FROM Account WHERE Id = '{three[0]}'") == [("M0", "theirs")]


def test_what_was_changed_after_the_plan_is_told_and_not_overwritten(org, other, three, frame):
    """By another value, another field, a deletion, a new record with the key: each row says so, and is left alone."""
    frame["Name"] = "M"
    frame.loc["new"] = [f"{frame.iloc[0, 0]}-new", "M", "9"]
    plan = frame.sf.diff("Account", "Key__c")
    other.change(three[0], Name="theirs")
    other.delete(three[1])
    other.stamp(three[2], NOW + HOUR)
    made = other.create(Name="theirs", Key__c=frame["Key__c"].iloc[3])
    other.written()
    result = plan.apply()
    assert result.counts["not_sent"] == 4
    reasons = result.frame["sf__Error"].tolist()
    assert "Name was changed" in reasons[0] or "the record was changed" in reasons[0]
    assert "deleted" in reasons[1]
    assert "the record was changed" in reasons[2]
    assert "was made after" in reasons[3]
    assert other.written() == []
    assert other.see(f"SELECT Name FROM Account WHERE Id = '{made}'") == [("theirs",)]
    assert result.retry_failed().counts["not_sent"] == 4, "a retry does not send what is in doubt"


def test_a_plan_is_applied_once(org, other, three, frame):
    """A second time is refused; but where nothing could be sent it has not been applied."""
    plan = frame.assign(Name="M").sf.diff("Account", "Key__c")
    with pytest.raises(ConfigurationError, match="part"):
        plan.apply(part_rows=-1)
    plan.apply().raise_for_errors()
    other.written()
    for again in (plan.apply, lambda: plan.resolve("ours")):
        with pytest.raises(ConfigurationError, match="applied already"):
            again()
    assert other.written() == []


def test_a_plan_without_changes_sends_nothing(org, other, three, frame):
    """Its result tells every row as the same, and is remembered as any other."""
    result = frame.sf.diff("Account", "Key__c").apply()
    result.raise_for_errors()
    assert result.counts["same"] == 3
    assert result.jobs.empty
    assert other.written() == []
    assert sfdata.resume(result.id).counts == result.counts
    assert sfdata.pushes()["state"].tolist() == ["finished"]
    assert result.undo().counts == {"same": 3}


def test_whoever_watches_sees_a_plan_made_and_applied(org, other, three, frame):
    """Each is watched from its beginning to its end, also where the plan is applied much later."""
    seen = []

    @contextmanager
    def watcher(hooks):
        stop = hooks.subscribe(lambda event: seen.append(type(event).__name__))
        yield seen.append("begin")
        stop()

    stop = watch(watcher)
    plan = frame.assign(Name="M").sf.diff("Account", "Key__c")
    assert seen.count("begin") == 1
    plan.apply()
    assert seen.count("begin") == 2
    assert "UnitMoved" in seen[seen.index("begin", 1) :]
    stop()


def test_a_plan_shows_itself(org, other, three, frame):
    """As text and as HTML: counts, changes, conflicts, what is left out; nothing of it is markup."""
    two_changed(other, three, frame)
    frame.iloc[1, 1] = "<b>M1</b>" + "x" * 99
    frame["SystemModstamp"] = NOW - 2 * HOUR
    plan = frame.sf.diff("Account", "Key__c", since=ONE_HOUR_AGO)
    shown = repr(plan)
    assert shown.splitlines()[:2] == ["plan: upsert Account by Key__c, 3 rows", "    1 change, 1 same, 1 conflict"]
    assert "b  Name: 'N1' → '<b>M1</b>xxx" in shown
    assert "a  Name: 'N0' or 'M0'" in shown
    assert max(map(len, shown.splitlines())) < 120
    page = plan._repr_html_()
    assert "&lt;b&gt;M1&lt;/b&gt;" in page
    assert "<b>M1" not in page
    assert "SystemModstamp (cannot be written)" in page
    assert len(plan) == 3
    many = pd.DataFrame({"Id": three, "Name": "M", "Phone": "9", "Site": "t", "Fax": "1"}).sf.diff("Account", "Id")
    assert "and 4 more" in repr(many)
    assert "the first 8 of 12" in many._repr_html_()
