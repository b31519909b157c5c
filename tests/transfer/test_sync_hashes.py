"""Frames that are pushed again: what has not changed is not sent, and no hash claims what the org may not have."""

from __future__ import annotations

import hashlib
import stat
import threading

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from rig import plan_org

import sfdata
from sfdata.errors import ConfigurationError, PushRefused, PushStopped
from sfdata.state import state_folder
from sfdata.transfer.sync_hashes import MARK, SyncHashes

local, machine, org, other = plan_org.local, plan_org.machine, plan_org.org, plan_org.other


@pytest.fixture
def frame(request):
    tag = request.node.name
    columns = {"Key__c": [f"{tag}-{n}" for n in range(4)], "Name": list("ABCD"), "Phone": ["1", None, "3", "4"]}
    return pd.DataFrame(columns, index=pd.Index([1, 1, 2, 3]))


def sync(frame, **how):
    return frame.sf.upsert("Account", "Key__c", unchanged="skip", **how)


@pytest.mark.parametrize("verb", ["upsert", "bulk_upsert"])
def test_a_frame_that_has_not_changed_sends_nothing(org, other, frame, verb):
    """Every row is told as the same, on the frame's index, with its Id; one that changed is sent alone."""
    push = getattr(frame.sf, verb)
    first = push("Account", "Key__c", unchanged="skip")
    assert first.counts["succeeded"] == 4
    other.written()
    again = push("Account", "Key__c", unchanged="skip")
    again.raise_for_errors()
    assert other.written() == []
    assert again.counts == {"succeeded": 0, "failed": 0, "unprocessed": 0, "unaccounted": 0, "not_sent": 0, "same": 4}
    pd.testing.assert_series_equal(again.ids, first.ids)
    frame.iloc[2, 1] = "changed"
    third = push("Account", "Key__c", unchanged="skip", part_rows=1)
    assert third.frame["sf__Outcome"].tolist() == ["same", "same", "succeeded", "same"]
    assert [key for _, key in other.written()] == [first.ids.iloc[2]]
    pd.testing.assert_series_equal(sfdata.resume(third.id).ids, first.ids)
    assert push("Account", "Key__c", unchanged="skip").counts["same"] == 4


@pytest.mark.parametrize("change", [
    lambda f: f.assign(Phone=["1", None, "3", sfdata.CLEAR]),
    lambda f: f.assign(Phone=["1", "2", "3", "4"]),
    lambda f: f.assign(Site=[None, None, None, "s"]),
    lambda f: f.drop(columns="Phone"),
    lambda f: f.rename(columns={"Phone": "Fax"}),
], ids=["cleared", "given", "more", "fewer", "elsewhere"])  # fmt: skip
def test_another_cell_or_column_is_another_row(org, other, frame, change):
    """A value that comes, goes, clears or moves to another field is sent; white space and order of columns are too."""
    sync(frame).raise_for_errors()
    other.written()
    changed = change(frame)
    sent = sync(changed).counts["succeeded"]
    assert sent == (1 if "Phone" in changed and "Site" not in changed else 4)
    assert sync(changed).counts["same"] == 4


def test_the_same_key_in_another_case_is_the_same_row(org, frame):
    """As the org finds it; and two rows with it are refused, since nobody knows which was written last."""
    sync(frame).raise_for_errors()
    assert sync(frame.assign(Key__c=frame["Key__c"].str.upper())).counts["same"] == 4
    with pytest.raises(PushRefused, match="more than once"):
        sync(pd.concat([frame, frame.head(1).assign(Key__c=frame["Key__c"].iloc[0].upper())]), check=False)


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table])
def test_other_frames_are_synced_too(org, frame, make):
    """Polars frames and Arrow tables; by Id as well as by a key."""
    given = make({"Key__c": frame["Key__c"].tolist(), "Name": list("ABCD"), "Phone": ["1", None, "3", "4"]})
    ids = org.push(given, "Account", "upsert", key="Key__c", unchanged="skip").ids
    assert org.push(given, "Account", "upsert", key="Key__c", unchanged="skip").ids.tolist() == ids.tolist()
    by_id = make({"Id": ids.str[:15].tolist(), "Phone": ["5", "6", "7", "8"]})
    for counts in ({"succeeded": 4}, {"same": 4}):
        assert org.push(by_id, "Account", "update", unchanged="skip").counts.items() >= counts.items()


def test_only_what_the_org_confirmed_is_remembered(org, other, frame):
    """A row that failed is sent again with the next push, until it succeeds."""
    frame.iloc[1, 2] = "x" * 50
    assert sync(frame, check=False).counts["failed"] == 1
    again = sync(frame, check=False)
    assert again.frame["sf__Outcome"].tolist() == ["same", "failed", "same", "same"]
    frame.iloc[1, 2] = "2"
    ids = sync(frame).ids
    assert sync(frame).counts["same"] == 4
    by_id = pd.DataFrame({"Id": ids, "Phone": ["x" * 50, "5", "6", "7"]})
    for outcomes in (["failed", *["succeeded"] * 3], ["failed", *["same"] * 3]):  # such a failure bears the Id
        told = by_id.sf.bulk_update("Account", unchanged="skip", check=False).frame
        assert told["sf__Id"].tolist() == ids.tolist()
        assert told["sf__Outcome"].tolist() == outcomes


def test_a_retry_is_remembered_too(org, local, frame):
    """Rows that met a lock and were sent again are the same the next time."""
    ids = sync(frame).ids
    frame["Name"] = "x"
    local.locks.hold([ids.iloc[0]], times=1)
    result = sync(frame)
    assert result.counts["failed"] == 1
    result.retry_failed().raise_for_errors()
    assert sync(frame).counts["same"] == 4


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("phase", ["sending", "accounted"])
def test_a_push_that_was_killed_leaves_nothing_half_known(org, other, frame, phase):
    """Between the kill and its resumption its rows count as unknown; resumed, those brought to an end are the same."""
    sync(frame).raise_for_errors()
    frame["Name"] = "x"

    def kill(event):
        if getattr(event, "phase", None) == phase:
            raise Killed

    stop = org.hooks.subscribe(kill)
    with pytest.raises(Killed):
        sync(frame)
    stop()
    old = frame.assign(Name=list("ABCD"))
    sfdata.resume(sfdata.pushes()["id"].iloc[-1]).raise_for_errors()
    assert sync(old.head(1)).counts["same"] == 0, "the org has the new values"
    if phase == "sending":
        assert sync(frame.tail(3)).counts["same"] == 3


def test_what_was_brought_to_an_end_before_a_kill_may_be_outdated(org, other, frame):
    """Resumed, a push remembers the rows it writes then; others may have been written again in between."""
    first_done = threading.Event()

    def kill(event):
        if getattr(event, "unit", None) == 1 and event.phase == "accounted":
            first_done.set()
        if getattr(event, "unit", None) == 2 and event.phase == "uploaded":
            first_done.wait(10)
            raise Killed

    stop = org.hooks.subscribe(kill)
    with pytest.raises(Killed):
        frame.sf.bulk_upsert("Account", "Key__c", unchanged="skip", part_rows=2)
    stop()
    sync(frame.head(2).assign(Name="later")).raise_for_errors()
    sfdata.resume(sfdata.pushes()["id"].iloc[0]).raise_for_errors()
    assert sync(frame).frame["sf__Outcome"].tolist() == ["succeeded", "succeeded", "same", "same"]
    assert other.see(f"SELECT Name FROM Account WHERE Key__c = '{frame['Key__c'].iloc[0]}'") == [("A",)]


def test_what_is_written_by_other_means_makes_hashes_void(org, other, frame):
    """Another key, a push without hashes, a plan or an undoing: the next push sends every row, once."""
    ids = sync(frame).ids
    one = pd.DataFrame({"Id": ids.head(1), "Name": "other"})
    for elsewhere in (
        lambda: one.sf.update("Account").raise_for_errors(),
        lambda: one.sf.update("Account", unchanged="skip").raise_for_errors(),
        lambda: one.sf.diff("Account", "Id").apply().raise_for_errors(),
        lambda: sync(frame, keep_before=True) and one.sf.update("Account", keep_before=True).undo(),
    ):
        assert sync(frame).counts["same"] in (0, 4)
        elsewhere()
        assert sync(frame).counts["succeeded"] == 4
        assert other.see(f"SELECT Name FROM Account WHERE Id = '{ids.iloc[0]}'") == [("A",)]
        assert sync(frame).counts["same"] == 4
    pd.DataFrame({"LastName": ["x"]}).sf.insert("Contact")
    assert sync(frame).counts["same"] == 4, "another object is another matter"


def marks(*rows):
    return np.frombuffer(b"".join(bytes([key]) * 16 + bytes([cells]) * 16 for key, cells in rows), MARK)


ID = pa.array(["001000000000001AAA"])


def test_of_two_writes_at_a_time_nobody_knows_the_last():
    """What was begun before another write ended, or by other means meanwhile, is not remembered."""
    mine, theirs = marks((1, 1)), marks((1, 2))
    hashes = SyncHashes("https://acme.my.salesforce.com", "Account", "Ext__c")

    def written(what):
        hashes.end(hashes.begin(what), what, ID)

    written(mine)
    assert hashes.known(mine).to_pylist() == ID.to_pylist()
    first, second = hashes.begin(mine), hashes.begin(theirs)
    hashes.end(second, theirs, ID)
    hashes.end(first, mine, ID)
    assert hashes.known(mine).null_count == hashes.known(theirs).null_count == 1
    written(mine)
    plain = SyncHashes("https://acme.my.salesforce.com", "Account", "Id")
    begun = plain.begin(None)
    written(mine)
    plain.end(begun, marks(), pa.array([], pa.string()))
    assert hashes.known(mine).null_count == 1, "the other write may have come last"
    written(mine)
    elsewhere = SyncHashes("https://other.my.salesforce.com", "Account", "Ext__c")
    assert elsewhere.known(mine).null_count == 1
    elsewhere.end(elsewhere.begin(None), marks(), pa.array([], pa.string()))
    assert hashes.known(mine).null_count == 0


def test_the_files_tell_nothing_and_are_ones_own(org, frame):
    """No value, key or hash that could be had without the key of this machine; nobody else may read them."""
    frame["Name"] = "Secret Holdings"
    result = sync(frame)
    folder = state_folder("sync")
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        content = file.read_bytes().lower()
        assert b"secret holdings" not in content
        key = frame["Key__c"].iloc[0].lower().encode()
        assert key not in content
        assert hashlib.blake2b(key, digest_size=16).digest() not in file.read_bytes()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((state_folder("pushes", result.id) / "marks").stat().st_mode) == 0o600
    (folder / "key").unlink()
    assert sync(frame).counts["same"] == 0, "with another key the same row is another hash"


def test_what_cannot_be_skipped_is_refused(org, frame):
    """Creates and deletes, all or none, no such word: told before anything is sent."""
    for call in (
        lambda: org.push(frame, "Account", "insert", unchanged="skip"),
        lambda: org.push(frame, "Account", "delete", unchanged="skip"),
        lambda: sync(frame, all_or_none=True),
        lambda: frame.sf.upsert("Account", "Key__c", unchanged="leave"),
    ):
        with pytest.raises(ConfigurationError):
            call()


def test_a_disk_that_takes_no_hashes_is_told_so(org, frame, tmp_path):
    """A typed error with the way round it, before anything is sent."""
    (tmp_path / "sync").write_text("in the way")
    with pytest.raises(PushStopped, match="sync hashes") as caught:
        sync(frame)
    assert "unchanged" in caught.value.hint
    assert sfdata.pushes().empty
