"""Frames pushed to a real org by df.sf, and what is told of each row.

What is really in the org is asked over a connection of its own, which knows nothing of pushes.
"""

from __future__ import annotations

import pickle
import signal
import threading
import time
from contextlib import closing
from functools import partial

import httpx
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from rig.in_process import AtOnce

import sfdata
from sfdata.errors import ConfigurationError, PushFailed, PushRefused, PushUnderWay, ResponseError, StillRunning
from sfdata.localorg import LocalOrg
from sfdata.resilience.patience import Patience
from sfdata.state import state_folder
from sfdata.transfer.account import OUTCOMES, SCHEMA
from sfdata.transfer.journal import PHASES, Journal, PushRecord, Unit
from sfdata.transfer.push_result import PushResult
from sfdata.transfer.pushes import driving
from sfdata.transfer.unit_files import save_outcomes, save_positions


@pytest.fixture(scope="module")
def local():
    with LocalOrg(sample_data=False) as running:
        yield running


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine without pushes, that asks jobs soon how they are."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    monkeypatch.setattr("sfdata.transfer.push.Patience", partial(Patience, first_seconds=0.005, longest_seconds=0.05))


@pytest.fixture
def org(local):
    with sfdata.connect(instance_url=local.instance_url, access_token=local.access_token) as connected:
        yield connected


@pytest.fixture
def admin(local):
    """Somebody else in the org."""
    headers = {"Authorization": f"Bearer {local.access_token}"}
    base = f"{local.instance_url}/services/data/v66.0/"
    with httpx.Client(base_url=base, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def there(admin):
    """The records of a query that are really in the org, as tuples."""

    def records(soql):
        found = admin.get("query", params={"q": soql}).raise_for_status().json()["records"]
        return [tuple(value for name, value in record.items() if name != "attributes") for record in found]

    return records


@pytest.fixture
def worker(local, monkeypatch):
    """What works on the org's jobs; it can be kept busy."""
    made = AtOnce()
    monkeypatch.setattr(local.instance.bulk, "_ingest", made)
    return made


def accounts(tag, rows, **columns):
    return pd.DataFrame({"Name": [f"{tag} {n}" for n in range(rows)], **columns})


# --- what is told ----------------------------------------------------------------------------------------------------


def test_every_row_is_told_on_the_frames_own_index(org, there):
    """An insert tells each row's own Id, whatever the labels, the number of parts and the order of results."""
    frame = accounts("index", 10, NumberOfEmployees=range(10))
    frame.index = pd.Index([3, 3, 1, 1, 2, 2, 2, 3, 1, 3], name="region")
    result = frame.sf.bulk_insert("Account", part_rows=3)
    told = result.frame
    pd.testing.assert_index_equal(told.index, frame.index)
    ids = {name: key for key, name in there("SELECT Id, Name FROM Account WHERE Name LIKE 'index%'")}
    assert told["sf__Id"].tolist() == [ids[f"index {n}"] for n in range(10)]
    assert told["sf__Created"].all()
    assert set(told["sf__Outcome"]) == {"succeeded"}
    assert told[["sf__ErrorCode", "sf__Error"]].isna().all(axis=None)
    frame["Id"] = result.ids
    assert frame["Id"].tolist() == told["sf__Id"].tolist()
    assert result.jobs["rows"].tolist() == [3, 3, 3, 1]
    assert result.jobs["processed"].tolist() == [3, 3, 3, 1]
    assert set(result.jobs["state"]) == {"JobComplete"}


def test_the_columns_have_their_types_whatever_is_told(org):
    """Text, boolean and a category of the five outcomes, also where a column has no value at all."""
    for frame in (accounts("types", 2), pd.DataFrame({"Name": [None, None], "Phone": ["1", "2"]})):
        told = frame.sf.bulk_insert("Account", check=False).frame
        assert [str(dtype) for dtype in told.dtypes] == ["str", "boolean", "category", "str", "str"]
        assert told["sf__Outcome"].cat.categories.tolist() == list(OUTCOMES)


def test_an_index_of_several_levels_is_kept_here_and_elsewhere(org):
    """A MultiIndex with equal labels is the result's, in this process and for whoever resumes the push."""
    index = pd.MultiIndex.from_tuples([("b", 2), ("a", 1), ("a", 1)], names=["letter", None])
    frame = accounts("levels", 3).set_axis(index)
    result = frame.sf.bulk_insert("Account")
    pd.testing.assert_index_equal(result.frame.index, index)
    again = sfdata.resume(result.id)
    pd.testing.assert_frame_equal(again.frame, result.frame)


def test_labels_that_cannot_be_kept_are_told_by_position_elsewhere(org):
    """Labels of several types are the result's here; elsewhere a warning says that rows are told by position."""
    frame = accounts("labels", 2).set_axis(pd.Index(["a", 1], dtype=object))
    result = frame.sf.bulk_insert("Account")
    assert result.frame.index.tolist() == ["a", 1]
    with pytest.warns(UserWarning, match="position"):
        assert sfdata.resume(result.id).frame.index.tolist() == [0, 1]


def test_rows_of_one_parent_travel_together_and_come_back_to_their_places(org, there):
    """Contacts sorted by their account for sending are told in the frame's own order."""
    parents = accounts("parent", 3).sf.bulk_insert("Account").ids
    frame = pd.DataFrame(
        {"LastName": [f"child {n}" for n in range(9)], "AccountId": [parents[n % 3] for n in range(9)]}
    )
    result = frame.sf.bulk_insert("Contact", part_rows=3)
    ids = {name: (key, parent) for key, name, parent in there("SELECT Id, LastName, AccountId FROM Contact")}
    assert result.ids.tolist() == [ids[f"child {n}"][0] for n in range(9)]
    assert [ids[f"child {n}"][1] for n in range(9)] == frame["AccountId"].tolist()


def test_upsert_update_and_deletes(org, there):
    """Each verb does what its name says, by the external id or the Id, and tells what was created."""
    frame = accounts("verbs", 4, Ext__c=[f"verbs-{n}" for n in range(4)])
    first = frame.head(2).sf.bulk_upsert("Account", "ext__c")
    both = frame.sf.bulk_upsert("Account", "Ext__c", part_rows=3)
    assert both.frame["sf__Created"].tolist() == [False, False, True, True]
    assert both.ids.tolist()[:2] == first.ids.tolist()

    changed = pd.DataFrame({"Id": both.ids.str[:15], "Phone": ["1", None, "3", None], "Site": "x"})
    assert changed.sf.bulk_update("Account").counts["succeeded"] == 4
    cleared = changed.assign(Phone=None, Site=None).sf.bulk_update("Account", nulls={"Phone": "clear"})
    cleared.raise_for_errors()
    soql = "SELECT Phone, Site FROM Account WHERE Ext__c LIKE 'verbs-%' ORDER BY Ext__c"
    assert there(soql) == [(None, "x")] * 4

    assert changed.head(1).sf.bulk_delete("Account").ids.tolist() == both.ids.tolist()[:1]
    assert changed["Id"].tail(1).sf.bulk_delete("Account").operation == "delete"
    assert len(there(soql)) == 2
    assert changed.iloc[[1]].sf.bulk_hard_delete("Account").counts["succeeded"] == 1
    assert changed["Id"].iloc[[2]].sf.bulk_hard_delete("Account").counts["succeeded"] == 1
    assert there(soql) == []
    gone = org.query(
        "SELECT Ext__c FROM Account WHERE Ext__c LIKE 'verbs-%' AND IsDeleted = true ORDER BY Ext__c", all_rows=True
    )
    assert gone["Ext__c"].tolist() == ["verbs-0", "verbs-3"], "the bin has the deleted ones, not those gone for good"


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table])
def test_other_frames_are_pushed_by_the_org(org, there, make):
    """Polars frames and Arrow tables go through Org.push, and are told by position."""
    name = make.__module__.partition(".")[0]
    result = org.push(make({"Name": [f"{name} {n}" for n in range(3)]}), "Account", "insert", part_rows=2)
    ids = [key for (key,) in there(f"SELECT Id FROM Account WHERE Name LIKE '{name}%' ORDER BY Name")]
    assert result.ids.tolist() == ids
    assert result.frame.index.tolist() == [0, 1, 2]


def test_rows_that_fail_are_told_with_their_reason_and_the_others_are_written(org, there):
    """Failures stand on their own rows; counts, errors and the exception sum them up."""
    frame = accounts("part", 6, AccountNumber=["1", "x" * 41, "3", "y" * 41, "5", "6"]).set_axis(list("abcdef"))
    frame.loc["e", "Name"] = None
    result = frame.sf.bulk_insert("Account", check=False, part_rows=4)
    assert result.failed.index.tolist() == ["b", "d", "e"]
    codes = ["STRING_TOO_LONG", "STRING_TOO_LONG", "REQUIRED_FIELD_MISSING"]
    assert result.failed["sf__ErrorCode"].tolist() == codes
    assert result.failed["sf__Id"].isna().all()
    assert "AccountNumber" in result.failed.loc["b", "sf__Error"]
    assert result.counts == {"succeeded": 3, "failed": 3, "unprocessed": 0, "unaccounted": 0, "not_sent": 0}
    assert result.errors[["code", "rows"]].values.tolist() == [["STRING_TOO_LONG", 2], ["REQUIRED_FIELD_MISSING", 1]]
    assert len(result) == 6
    assert len(there("SELECT Id FROM Account WHERE Name LIKE 'part%'")) == 3
    with pytest.raises(PushFailed, match="3 of 6 rows succeeded, 3 failed") as caught:
        result.raise_for_errors()
    assert caught.value.counts == result.counts
    assert [(code, rows) for code, _, rows in caught.value.errors] == [
        ("STRING_TOO_LONG", 2),
        ("REQUIRED_FIELD_MISSING", 1),
    ]


def test_what_is_refused_is_not_journalled(org):
    """A frame that cannot be pushed, or an object that does not exist, leaves no push behind."""
    frame = accounts("refused", 2)
    with pytest.raises(PushRefused):
        frame.sf.bulk_update("Account")
    with pytest.raises(ResponseError):
        frame.sf.bulk_insert("Acount")
    with pytest.raises(ConfigurationError):
        frame.sf.bulk_insert("Account", check="maybe")
    assert sfdata.pushes().empty
    assert not list(state_folder("pushes").glob("push-*"))


# --- sent again ------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("B18")
def test_rows_that_met_a_lock_are_written_by_the_next_try(org, local, there):
    """retry_failed sends the locked rows and no others; all end up in the org once, told on their own places."""
    held, free = accounts("lock", 2).sf.bulk_insert("Account").ids
    frame = pd.DataFrame({"LastName": [f"locked {n}" for n in range(8)], "AccountId": [held, free] * 4})
    frame.loc[5, "LastName"] = None  # fails for good
    local.locks.hold([held], times=3)
    first = frame.sf.bulk_insert("Contact", check=False, part_rows=3)
    assert first.counts | {"succeeded": 4, "failed": 4} == first.counts
    second = first.retry_failed()
    assert second.id == first.id
    assert second.counts | {"succeeded": 7, "failed": 1} == second.counts
    assert second.failed.index.tolist() == [5]
    assert first.counts["failed"] == 4, "a result is how the push stood when it was made"
    assert second.jobs["rows"].tolist() == [3, 3, 2, 3]
    ids = dict(there("SELECT LastName, Id FROM Contact WHERE LastName LIKE 'locked%'"))
    assert len(ids) == 7
    assert second.ids.drop(5).tolist() == [ids[f"locked {n}"] for n in range(8) if n != 5]
    third = second.retry_failed()
    assert len(third.jobs) == 4, "nothing to send, no job"
    assert second.retry_failed(codes=["REQUIRED_FIELD_MISSING"]).failed.index.tolist() == [5]
    assert len(there("SELECT Id FROM Contact WHERE LastName LIKE 'locked%'")) == 7


@pytest.mark.catalogue("B9", "B20")
def test_unaccounted_rows_are_told_and_never_sent_again(org, admin, there):
    """Rows whose results somebody deleted may be in the org: they need attention, not a second try."""

    def delete(event):
        if getattr(event, "phase", None) == "terminal":
            admin.delete(f"jobs/ingest/{event.job}").raise_for_status()

    stop = org.hooks.subscribe(delete)
    result = accounts("vanished", 3).sf.bulk_insert("Account")
    stop()
    assert result.unaccounted.index.tolist() == [0, 1, 2]
    assert "gone" in result.jobs["problem"].item()
    assert result.retry_failed(codes=["ANY"]).counts["unaccounted"] == 3
    assert len(there("SELECT Id FROM Account WHERE Name LIKE 'vanished%'")) == 3
    assert sfdata.pushes()["state"].tolist() == ["needs_attention"]
    with pytest.raises(PushFailed, match="3 unaccounted"):
        result.raise_for_errors()


def press_ctrl_c():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


@pytest.mark.catalogue("P1")
def test_ctrl_c_leaves_a_push_that_can_be_resumed_and_says_how(org, there):
    """The interrupt names the push; resuming it writes every row once."""

    def interrupt(event):
        if getattr(event, "phase", None) == "running":
            press_ctrl_c()

    stop = org.hooks.subscribe(interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        accounts("stopped", 4).sf.bulk_insert("Account", part_rows=2)
    stop()
    (push,) = sfdata.pushes().itertuples()
    assert (push.state, push.rows) == ("running", 4)
    assert any(f'sfdata.resume("{push.id}")' in note for note in caught.value.__notes__)
    result = sfdata.resume(push.id)
    ids = [key for (key,) in there("SELECT Id FROM Account WHERE Name LIKE 'stopped%' ORDER BY Name")]
    assert result.ids.tolist() == ids
    assert sfdata.pushes()["state"].tolist() == ["finished"]


@pytest.mark.catalogue("P1")
def test_nothing_is_begun_any_more_behind_ctrl_c(org, admin):
    """A part that was uploaded when Ctrl-C was pressed is not closed: its job stays open, and empty of effects."""

    def interrupt(event):
        if getattr(event, "phase", None) == "uploaded":
            press_ctrl_c()
            time.sleep(0.2)  # until the push has noticed

    stop = org.hooks.subscribe(interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        accounts("behind", 1).sf.bulk_insert("Account")
    stop()
    assert caught.value.result.counts["not_sent"] == 1
    (job,) = caught.value.result.jobs["job"]
    assert admin.get(f"jobs/ingest/{job}").json()["state"] == "Open"


@pytest.mark.catalogue("P1")
def test_ctrl_c_ends_requests_that_nobody_answers(org, local, worker):
    """Control is back within two seconds, and no thread stays behind; the push goes on when the org answers again."""
    answered, before = threading.Event(), set(threading.enumerate())

    def hang(job, work):
        press_ctrl_c()
        answered.wait(30)
        AtOnce.submit(worker, job, work)

    worker.submit = hang
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught:
        accounts("hanging", 1).sf.bulk_insert("Account")
    assert time.monotonic() - began < 2
    ours = {thread for thread in threading.enumerate() if thread.name.startswith("sfdata push")} - before
    for thread in ours:
        thread.join(1)
    assert not [thread for thread in ours if thread.is_alive()]
    answered.set()
    assert sfdata.resume(caught.value.result.id).counts["succeeded"] == 1


def test_a_retry_that_was_stopped_is_finished_before_the_next(org, local, there):
    """A row on its way in one unit is never put into a second one."""
    (held,) = accounts("twice", 1).sf.bulk_insert("Account").ids
    frame = pd.DataFrame({"LastName": ["twice a", "twice b"], "AccountId": held})
    local.locks.hold([held], times=2)
    result = frame.sf.bulk_insert("Contact")

    def interrupt(event):
        if getattr(event, "unit", None) == 2 and event.phase == "uploaded":
            press_ctrl_c()

    stop = org.hooks.subscribe(interrupt)
    with pytest.raises(KeyboardInterrupt):
        result.retry_failed()
    stop()
    assert result.retry_failed().counts["succeeded"] == 2
    assert len(there("SELECT Id FROM Contact WHERE LastName LIKE 'twice%'")) == 2


# --- taken up again --------------------------------------------------------------------------------------------------


def test_pushes_are_listed_with_their_types(org):
    """Also where there are none; a result's Id is in the list."""
    types = ["str", "str", "str", "category", "Int64", "datetime64[ms, UTC]"]
    assert [str(dtype) for dtype in sfdata.pushes().dtypes] == types
    before = pd.Timestamp.now("UTC").floor("ms")
    result = accounts("listed", 2).sf.bulk_insert("Account")
    listed = sfdata.pushes()
    assert [str(dtype) for dtype in listed.dtypes] == types
    assert listed.drop(columns="started").values.tolist() == [[result.id, "Account", "insert", "finished", 2]]
    assert before <= listed["started"].item() <= pd.Timestamp.now("UTC")


def test_what_cannot_be_resumed_is_told_so(org, monkeypatch):
    """An unknown Id, a job that nobody read here, and a push that goes to another org."""
    with pytest.raises(ConfigurationError, match="push-nowhere"):
        sfdata.resume("push-nowhere")
    with pytest.raises(ConfigurationError, match="750000000000001AAA"):
        sfdata.resume("750000000000001AAA")
    result = accounts("elsewhere", 1).sf.bulk_insert("Account")
    with (
        sfdata.connect(instance_url="https://acme.my.salesforce.com", access_token="00D!x") as other,
        pytest.raises(ConfigurationError, match="acme"),
    ):
        sfdata.resume(result.id, other)


@pytest.mark.catalogue("F3")
def test_a_push_is_driven_by_one_at_a_time(org):
    """Whoever comes second is told so, and can go on when the first is done."""
    result = accounts("driven", 1).sf.bulk_insert("Account")
    with driving(state_folder("pushes") / result.id):
        for go_on in (result.retry_failed, partial(sfdata.resume, result.id)):
            with pytest.raises(PushUnderWay) as caught:
                go_on()
            assert caught.value.id == result.id
    assert sfdata.resume(result.id).counts == result.counts


@pytest.mark.catalogue("F3")
def test_a_push_is_locked_while_it_is_driven(org):
    """From the first part on disk to the last row accounted for, nobody else can take it up."""
    seen = []

    def try_it(event):
        if hasattr(event, "phase"):
            with pytest.raises(PushUnderWay), driving(state_folder("pushes") / event.push):
                pass
            seen.append(event.phase)

    stop = org.hooks.subscribe(try_it)
    accounts("held", 1).sf.bulk_insert("Account")
    stop()
    assert seen[0] == "planned"
    assert seen[-1] == "accounted"


def test_a_closed_connection_does_not_retry(org):
    """The next step is named, and nothing is planned."""
    result = accounts("closed", 1).sf.bulk_insert("Account")
    org.close()
    with pytest.raises(ConfigurationError, match="closed") as caught:
        result.retry_failed()
    assert result.id in caught.value.hint


def test_leftovers_of_a_killed_process_are_swept_and_nothing_else(org, monkeypatch):
    """Data that no push has are taken away after a day; those of a push stay, however old."""
    result = accounts("kept", 1).sf.bulk_insert("Account")
    folder = state_folder("pushes") / "push-orphan"
    folder.mkdir()
    (folder / "unit-00001.csv").write_text("Name\nx\n")
    accounts("fresh", 1).sf.bulk_insert("Account")
    assert folder.exists()
    monkeypatch.setattr("sfdata.transfer.pushes.ORPHANED_SECONDS", -1)
    accounts("later", 1).sf.bulk_insert("Account")
    assert not folder.exists()
    assert sfdata.resume(result.id).counts["succeeded"] == 1


@pytest.mark.catalogue("S34")
def test_pushes_that_ended_well_are_forgotten_after_a_month(org, admin):
    """With all of their data, and only those: what needs attention, or is not at its end, is kept."""

    def delete(event):
        if getattr(event, "phase", None) == "terminal":
            admin.delete(f"jobs/ingest/{event.job}")

    done = accounts("month", 1).sf.bulk_insert("Account")
    stop = org.hooks.subscribe(delete)
    unaccounted = accounts("month", 1).sf.bulk_insert("Account")
    stop()
    recent = accounts("month", 1).sf.bulk_insert("Account")
    with closing(Journal(state_folder("pushes"))) as journal, journal._transaction() as db:
        db.execute("UPDATE pushes SET started = '2026-01-01T00:00:00+00:00' WHERE id != ?", (recent.id,))
    last = accounts("month", 1).sf.bulk_insert("Account")
    assert set(sfdata.pushes()["id"]) == {unaccounted.id, recent.id, last.id}
    assert not (state_folder("pushes") / done.id).exists()
    assert sfdata.resume(unaccounted.id).counts["unaccounted"] == 1
    with pytest.raises(ConfigurationError):
        done.retry_failed()


# --- in between ------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("B6")
def test_patience_that_ends_leaves_the_org_at_work_and_tells_how_the_push_stands(org, admin, there, worker):
    """resume(wait=0) asks once; its error has the rows so far, aborts nothing, and a later resume comes to the end."""
    worker.busy = True
    stop = org.hooks.subscribe(lambda event: press_ctrl_c() if getattr(event, "phase", None) == "running" else None)
    with pytest.raises(KeyboardInterrupt) as interrupted:
        accounts("patience", 3).sf.bulk_insert("Account")
    stop()
    push_id = interrupted.value.result.id
    assert interrupted.value.result.counts["unaccounted"] == 3
    with pytest.raises(StillRunning) as told:
        sfdata.resume(push_id, wait=0)
    assert told.value.id == told.value.result.id == push_id
    assert told.value.result.frame["sf__Outcome"].tolist() == ["unaccounted"] * 3
    (job,) = told.value.result.jobs["job"]
    assert admin.get(f"jobs/ingest/{job}").json()["state"] == "UploadComplete"
    assert pickle.loads(pickle.dumps(told.value)).result is None
    worker.on()
    assert sfdata.resume(push_id, wait=60).counts["succeeded"] == 3
    assert len(there("SELECT Id FROM Account WHERE Name LIKE 'patience%'")) == 3


def test_how_a_push_stands_is_told_without_asking_anybody(org):
    """push_result reads what is on disk, of a push under way as of one that is over, without any connection."""
    seen = []

    def look(event):
        if getattr(event, "phase", "planned") != "planned":
            seen.append(sfdata.push_result(event.push).counts)

    stop = org.hooks.subscribe(look)
    result = accounts("looked", 2).sf.bulk_insert("Account")
    stop()
    told = [next(name for name, count in counts.items() if count == 2) for counts in seen]
    assert told == ["not_sent", "unaccounted", "unaccounted", "succeeded"], "uploaded, running, terminal, accounted"
    org.close()
    pd.testing.assert_frame_equal(sfdata.push_result(result.id[:9]).frame, result.frame)
    with pytest.raises(ConfigurationError):
        sfdata.push_result("push-nowhere")


def test_waiting_is_for_pushes(org):
    """A read waits when its rows are asked for."""
    with pytest.raises(ConfigurationError, match="wait="):
        sfdata.resume("750000000000001AAA", org, wait=1)


# --- shown -----------------------------------------------------------------------------------------------------------

NASTY = "<script>alert(1)</script>\x1b[2J\u202e & more"


@pytest.fixture
def shown(tmp_path):
    """A result with every outcome, and an org that answers in bad faith."""
    journal = Journal(tmp_path / "pushes")
    units = [Unit("push-x", n, 2, "") for n in (1, 2, 3)]
    org = 'https://"evil".example.com'
    record = PushRecord("push-x", org, "Account", "upsert", "Ext__c", ("Name",), 6, "running", "2026-01-01", {})
    journal.plan(record, units)
    rows = [
        [("succeeded", None, None), ("failed", "<b>CODE</b>", NASTY)],
        [("failed", "<b>CODE</b>", NASTY), ("unprocessed", None, None)],
    ]
    folder = journal.folder("push-x")
    for unit, told in zip(units, [*rows, None], strict=True):
        save_positions(folder, unit.number, pd.RangeIndex((unit.number - 1) * 2, unit.number * 2).to_numpy())
        if told:
            values = [dict(zip(("outcome", "code", "error"), row, strict=True)) for row in told]
            save_outcomes(folder, unit.number, pa.Table.from_pylist(values, schema=SCHEMA))
        journal.advance(unit, "accounted" if told else "running", job=f"750{unit.number}")
    yield PushResult(journal, "push-x", lambda push_id, codes: None, pd.RangeIndex(6))
    journal.close()


def test_a_result_says_itself_in_a_few_lines(shown):
    """What was done, the counts, the errors and the jobs, without anything that steers a terminal."""
    assert repr(shown).splitlines() == [
        "push-x: upsert Account by Ext__c, 6 rows",
        "    1 succeeded, 2 failed, 1 unprocessed, 2 unaccounted",
        "    2 × <b>CODE</b>: <script>alert(1)</script> [2J  & more",
        "    jobs: 7501, 7502, 7503",
    ]


@pytest.mark.catalogue("S25")
def test_what_an_org_says_is_text_in_a_notebook(shown):
    """Nothing of it becomes a tag, an attribute or a script."""
    html = shown._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "&lt;b&gt;CODE" in html
    assert "<script" not in html
    assert "<b>CODE" not in html
    assert "&quot;evil&quot;" in html
    assert "\x1b" not in html


def test_rows_of_a_unit_under_way_are_unaccounted_and_others_not_sent(shown):
    """A unit that was committed may have written its rows; one that was not has not."""
    assert shown.frame["sf__Outcome"].tolist()[4:] == ["unaccounted"] * 2
    assert shown.counts["not_sent"] == 0


@pytest.mark.parametrize("phase", PHASES[:-1])
def test_each_phase_tells_what_may_have_been_written(tmp_path, phase):
    """Closing a job is the step behind which a row may be in the org."""
    journal = Journal(tmp_path / "pushes")
    unit = Unit("push-y", 1, 1, "")
    journal.plan(PushRecord("push-y", "", "Account", "insert", None, ("Name",), 1, "running", "2026-01-01", {}), [unit])
    save_positions(journal.folder("push-y"), 1, pd.RangeIndex(1).to_numpy())
    journal.advance(unit, phase)
    result = PushResult(journal, "push-y", lambda push_id, codes: None, pd.RangeIndex(1))
    journal.close()
    committed = phase in ("closing", "running", "terminal")
    assert result.counts["unaccounted" if committed else "not_sent"] == 1
