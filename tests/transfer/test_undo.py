"""Pushes to a real org, undone: what the org has then, what is left alone, and that a stop anywhere costs nothing."""

from __future__ import annotations

import datetime as dt
import stat
from contextlib import contextmanager

import pandas as pd
import pytest
from rig import plan_org

import sfdata
from sfdata.errors import ConfigurationError, PushError, PushRefused, SeveralRecords
from sfdata.state import state_folder

local, machine, org, other = plan_org.local, plan_org.machine, plan_org.org, plan_org.other
NOW = dt.datetime.now(dt.UTC)
FIELDS = "Name, Phone, Site, Check__c, Amount__c, NumberOfEmployees, Day__c, At__c, Clock__c, Pick__c, Tags__c, Long__c"
FULL = {
    "Name": "old", "Phone": "1", "Site": "s", "Check__c": True, "Amount__c": 1.25, "NumberOfEmployees": 7,
    "Day__c": "2024-02-29", "At__c": "1969-12-31T23:59:59Z", "Clock__c": "09:30:00.500Z", "Pick__c": "Red",
    "Tags__c": "One;Three", "Long__c": 'a\n"b", ',
}  # fmt: skip
NEW = {
    "Name": "new", "Phone": "2", "Site": "t", "Check__c": False, "Amount__c": 2, "NumberOfEmployees": 8,
    "Day__c": dt.date(2025, 1, 1), "At__c": NOW, "Clock__c": dt.time(1), "Pick__c": "Green", "Tags__c": "Two",
    "Long__c": "new",
}  # fmt: skip


@pytest.fixture
def pair(other, request):
    """Two accounts, the first with a value in every field, the second with as few as can be."""
    tag = request.node.name
    ids = [other.create(**FULL, Key__c=f"{tag}-0"), other.create(Name="bare", Key__c=f"{tag}-1")]
    other.written()
    return ids


def look(other, ids):
    return other.see(f"SELECT Id, {FIELDS} FROM Account WHERE Id IN {tuple(ids)} ORDER BY Id")


# --- what comes back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["update", "bulk_update", "upsert", "plan", "cleared"])
def test_changed_records_get_back_every_value_they_had(org, other, pair, request, way):
    """By calls and by jobs, by Id, by key and by a plan, values of every type and empty fields too."""
    before = look(other, pair)
    frame = pd.DataFrame({**NEW, "Id": [key[:15] for key in pair]}, index=["x", "y"])
    keyed = frame.drop(columns="Id").assign(Key__c=[f"{request.node.name}-{n}" for n in range(2)])
    if way == "plan":
        result = frame.sf.diff("Account", "Id").apply()
    elif way == "upsert":
        result = keyed.sf.upsert("Account", "Key__c", keep_before=True)
    elif way == "cleared":
        empty = frame.assign(**{name: None for name in NEW if name not in ("Name", "Check__c")})
        result = empty.sf.update("Account", nulls="clear", keep_before=True)
    else:
        result = getattr(frame.sf, way)("Account", keep_before=True)
    result.raise_for_errors()
    assert look(other, pair) != before
    other.written()
    undone = result.undo()
    undone.raise_for_errors()
    assert look(other, pair) == before
    assert undone.frame.values.tolist()[0][:2] == [pair[0], "restored"]
    assert undone.frame.index.tolist() == ["x", "y"]
    assert undone.counts == {"restored": 2}
    assert sorted(other.written()) == sorted(("updated", key) for key in pair)
    assert result.undo().counts == {"same": 2}, "undone again, nothing is left to do"
    assert other.written() == []
    (push,) = undone.pushes
    assert push.undo().counts == {"restored": 2}, "the undoing is a push that can be undone itself"
    assert look(other, pair) != before


def test_what_was_there_can_be_seen(org, other, pair):
    """The before-image has the Ids and the fields that were written, typed by describe; in a file of one's own."""
    frame = pd.DataFrame({"Id": pair, "Phone": ["9", None], "Day__c": NEW["Day__c"]}, index=["x", "y"])
    result = frame.sf.update("Account", keep_before=True)
    assert result.before.columns.tolist() == ["Id", "Phone", "Day__c"]
    assert result.before["Id"].to_dict() == {"x": pair[0], "y": pair[1]}
    assert result.before.loc["x", ["Phone", "Day__c"]].tolist() == ["1", dt.date(2024, 2, 29)]
    assert result.before.loc["y", ["Phone", "Day__c"]].isna().all()
    (file,) = state_folder("pushes", result.id).glob("*.parquet")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert sfdata.resume(result.id).before.equals(result.before)


def test_created_records_are_deleted_and_changed_ones_restored(org, other, pair, request):
    """An upsert that did both is undone in both ways, row by row; what was not written stays out of it."""
    tag = request.node.name
    frame = pd.DataFrame(
        {
            "Key__c": [f"{tag}-new", f"{tag}-0", f"{tag}-1"],
            "Name": ["made", "new", "bare"],
            "Phone": [None, "x" * 50, None],
        }
    )
    result = frame.sf.upsert("Account", "Key__c", keep_before=True, check=False)
    assert result.frame["sf__Outcome"].tolist() == ["succeeded", "failed", "succeeded"]
    undone = result.undo()
    assert undone.frame["sf__Undone"].tolist() == ["deleted", "same", "same"]
    assert other.see(f"SELECT Id FROM Account WHERE Key__c = '{tag}-new'") == []
    assert [push.operation for push in undone.pushes] == ["delete"]
    assert f"undo of {result.id}" in repr(undone)
    assert "1 deleted" in undone._repr_html_()


def test_an_insert_needs_no_image_to_be_undone(org, other):
    """Its records are known by their Ids; those that are gone already are no trouble."""
    frame = pd.DataFrame({"Name": ["a", "b", "c"]}, index=[5, 5, 6])
    result = frame.sf.bulk_insert("Account")
    other.delete(result.ids.tolist()[1])
    undone = sfdata.resume(result.id).undo()
    assert undone.frame["sf__Undone"].tolist() == ["deleted", "same", "deleted"]
    assert undone.frame.index.tolist() == [5, 5, 6]
    ids = tuple(result.ids)
    assert other.see(f"SELECT Id FROM Account WHERE Id IN {ids}") == []


# --- what is left alone ----------------------------------------------------------------------------------------------


def test_what_others_have_changed_since_is_left_to_them(org, other, pair):
    """A row with such a field keeps all of its fields, and says so; in fields that the push never wrote it is none."""
    frame = pd.DataFrame({"Id": pair, "Phone": "2", "Name": "new"})
    result = frame.sf.update("Account", keep_before=True)
    other.change(pair[0], Phone="theirs")
    other.change(pair[1], Site="theirs")
    undone = result.undo()
    assert undone.frame["sf__Undone"].tolist() == ["conflict", "restored"]
    assert "neither what was sent nor what was there" in undone.left["sf__Error"].item()
    with pytest.raises(PushError, match="1 conflict"):
        undone.raise_for_errors()
    soql = f"SELECT Name, Phone, Site FROM Account WHERE Id IN {tuple(pair)} ORDER BY Id"
    assert other.see(soql) == [("new", "theirs", "s"), ("bare", None, "theirs")]
    assert result.undo(on_conflict="ours").counts == {"restored": 1, "same": 1}
    assert other.see(soql) == [("old", "1", "s"), ("bare", None, "theirs")]
    with pytest.raises(ConfigurationError, match="on_conflict"):
        result.undo(on_conflict="merge")


def test_a_created_record_that_was_changed_since_is_kept(org, other):
    """Somebody's work is in it; unless that is to go as well."""
    result = pd.DataFrame({"Name": ["a", "b"]}).sf.insert("Account")
    first = result.ids.iloc[0]
    other.change(first, Phone="theirs")
    other.stamp(first, NOW + dt.timedelta(hours=1), "LastModifiedDate")
    undone = result.undo()
    assert undone.frame["sf__Undone"].tolist() == ["conflict", "deleted"]
    assert other.see(f"SELECT Phone FROM Account WHERE Id = '{first}'") == [("theirs",)]
    assert result.undo(on_conflict="ours").frame["sf__Undone"].tolist() == ["deleted", "same"]


def test_deleted_records_stay_deleted_and_say_why(org, other, pair):
    """No API brings them back; every field of theirs was kept all the same."""
    result = pd.DataFrame({"Id": pair}, index=["x", "y"]).sf.delete("Account", keep_before=True)
    assert result.before.loc["x", ["Name", "Phone", "Amount__c"]].tolist() == ["old", "1", 1.25]
    assert {"OwnerId", "CreatedDate"} <= set(result.before.columns)
    other.written()
    undone = result.undo()
    assert undone.counts == {"impossible": 2}
    assert undone.frame["sf__Error"].str.contains("cannot be brought back").all()
    assert other.written() == []
    gone = pd.DataFrame({"Id": pair}).sf.update("Account", check=False, keep_before=True)
    assert gone.undo().counts == {"same": 2}, "rows that failed have nothing to undo"


def test_a_record_that_is_gone_cannot_be_restored(org, other, pair):
    """It is told, and the other one is restored."""
    result = pd.DataFrame({"Id": pair, "Phone": "2"}).sf.update("Account", keep_before=True)
    other.delete(pair[0])
    assert result.undo().frame["sf__Undone"].tolist() == ["impossible", "restored"]


def test_what_nothing_was_kept_of_is_not_undone(org, other, pair):
    """An update without keep_before says so, and what would have kept it."""
    result = pd.DataFrame({"Id": pair, "Phone": "2"}).sf.update("Account")
    for ask in (result.undo, lambda: result.before):
        with pytest.raises(ConfigurationError, match="nothing was kept") as caught:
            ask()
        assert "keep_before" in caught.value.hint


def test_keeping_refuses_what_it_could_not_undo(org, other, pair):
    """Two rows for one record, or two records for one key: before anything is sent or kept."""
    with pytest.raises(PushRefused, match="more than once"):
        pd.DataFrame({"Id": [pair[0], pair[0][:15]], "Phone": "2"}).sf.update("Account", keep_before=True, check=False)
    for _ in range(2):
        other.create(Name="x", Loose__c="twice")
    other.written()
    with pytest.raises(SeveralRecords):
        pd.DataFrame({"Loose__c": ["twice"], "Phone": "2"}).sf.upsert("Account", "Loose__c", keep_before=True)
    assert other.written() == []
    assert sfdata.pushes().empty


# --- stopped ---------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(org, *phases):
    """What is begun inside ends when a unit comes to one of these phases."""

    def kill(event):
        if getattr(event, "phase", None) in phases:
            raise Killed

    stop = org.hooks.subscribe(kill)
    with pytest.raises(Killed):
        yield
    stop()


@pytest.mark.parametrize(("verb", "phase"), [
    ("update", "sending"), ("update", "accounted"), ("bulk_update", "uploaded"), ("bulk_update", "accounted"),
])  # fmt: skip
def test_a_push_that_was_killed_is_resumed_and_undone(org, other, pair, verb, phase):
    """The before-image is on disk before anything is sent, and is of the time before."""
    before = look(other, pair)
    with killed_at(org, phase):
        getattr(pd.DataFrame({"Id": pair, "Phone": "2", "Name": "new"}).sf, verb)("Account", keep_before=True)
    result = sfdata.resume(sfdata.pushes()["id"].item())
    result.raise_for_errors()
    assert look(other, pair) != before
    result.undo().raise_for_errors()
    assert look(other, pair) == before


def test_an_unfinished_push_is_not_undone(org, other, pair):
    """First it comes to its end: nobody knows yet what there is to undo."""
    with killed_at(org, "running"):
        pd.DataFrame({"Id": pair, "Phone": "2"}).sf.bulk_update("Account", keep_before=True)
    push_id = sfdata.pushes()["id"].item()
    with pytest.raises(ConfigurationError, match="not come to its end"):
        org._undo(push_id, "theirs")
    sfdata.resume(push_id).undo().raise_for_errors()


@pytest.mark.parametrize("phase", ["sending", "accounted"])
def test_undoing_that_was_killed_is_done_by_undoing_again(org, other, pair, phase):
    """What it had begun is finished first; then each record is as it was."""
    before = look(other, pair)
    result = pd.DataFrame({"Id": pair, "Phone": "2", "Name": "new"}).sf.update("Account", keep_before=True)
    with killed_at(org, phase):
        result.undo()
    sfdata.resume(result.id).undo().raise_for_errors()
    assert look(other, pair) == before
    assert set(sfdata.pushes()["state"]) == {"finished"}


def test_a_closed_connection_is_told_so(local, pair):
    """With the way to undo by another one."""
    with sfdata.connect(instance_url=local.instance_url, access_token=local.access_token) as short:
        result = short.push(pd.DataFrame({"Name": ["x"]}), "Account", "insert")
    with pytest.raises(ConfigurationError, match="closed") as caught:
        result.undo()
    assert f'sfdata.resume("{result.id}", org).undo()' in caught.value.hint
