"""Pushes to a real org that misbehaves, over real sockets: each row written once and told on its own place, or unknown.

What was written is asked of the org's ledger, which knows nothing of pushes.
"""

from __future__ import annotations

import uuid

import pandas as pd
import pytest

import sfdata
from sfdata.errors import PushRefused, SalesforceError, StillRunning
from sfdata.localorg.bulk.dialect import DELIMITERS
from sfdata.localorg.bulk.jobs import INGEST
from sfdata.resilience.patience import Patience

ROWS = 6
WRITTEN, UNKNOWN = "succeeded", "unaccounted"
NO_ANSWER = ["before-answer", "mid-answer"]


@pytest.fixture
def org(faulty):
    return faulty.connect()


@pytest.fixture
def rows():
    """Accounts with names nobody has used; one of them cannot be written where ``bad`` says so."""

    def make(count=ROWS, bad=()):
        tag = uuid.uuid4().hex[:12]
        names = [f"{tag}-{n}" for n in range(count)]
        return pd.DataFrame({"Name": names, "Phone": ["x" * 41 if n in bad else str(n) for n in range(count)]})

    return make


def jobs(faulty):
    """The states of the jobs there have been since the test's last look, oldest first."""
    listed = faulty.local.instance.bulk.jobs.listed(INGEST)
    fresh = listed[jobs.seen :]
    jobs.seen = len(listed)
    return [job.state for job in fresh]


jobs.seen = 0


@pytest.fixture(autouse=True)
def only_new_jobs(faulty):
    jobs(faulty)


def proved(faulty, frame, result):
    """Each row is told once; what is told to be written is there under its Id, once; nothing else is. The outcomes."""
    told = result.frame
    assert len(told) == len(frame) == sum(result.counts.values())
    outcomes = told["sf__Outcome"].astype(str).tolist()
    assert {name: outcomes.count(name) for name in result.counts} == dict(result.counts)
    there = {
        row["Id"]: row["Name"] for row in faulty.rows(f"SELECT Id, Name FROM Account WHERE Name LIKE '{_tag(frame)}%'")
    }
    assert len(set(there.values())) == len(there), "no row is there twice"
    ids = dict(zip(told["sf__Id"], frame["Name"], strict=True))
    assert {key: name for key, name in ids.items() if key in there} == {key: there[key] for key in ids if key in there}
    written = [name for name, outcome in zip(frame["Name"], outcomes, strict=True) if outcome == WRITTEN]
    unknown = [name for name, outcome in zip(frame["Name"], outcomes, strict=True) if outcome == UNKNOWN]
    assert set(written) <= set(there.values()) <= {*written, *unknown}
    created = {key: count for (key, effect), count in faulty.written().items() if effect == "created" and key in there}
    assert created == dict.fromkeys(there, 1)
    return outcomes


def push(org, frame, name, operation, **options):
    return org.push(frame, name, operation, engine="bulk", **options)


def resumable(problem):
    """What the error says to resume."""
    return problem.hint.split('sfdata.resume("')[1].partition('"')[0]


def _tag(frame):
    return frame["Name"].iloc[0].rpartition("-")[0]


# --- each step of the protocol ---------------------------------------------------------------------------------------


@pytest.mark.catalogue("B1")
@pytest.mark.parametrize("point", NO_ANSWER)
def test_a_job_nobody_heard_of_is_left_alone(faulty, org, rows, point):
    """The answer to creating it is lost: another one is made and gets the rows; the first stays open, without data."""
    frame = rows()
    faulty.fault("reset", "ingest_create", nth=1, point=point)
    assert proved(faulty, frame, push(org, frame, "Account", "insert")) == [WRITTEN] * ROWS
    assert jobs(faulty) == ["Open", "JobComplete"]


@pytest.mark.catalogue("B2")
@pytest.mark.parametrize("kind", ["reset", "fin"])
def test_an_upload_that_broke_off_is_left_behind(faulty, org, rows, kind):
    """At its first byte, after some, in the middle, at the last: the job is aborted, another takes all rows."""
    for at in (0, 1, None, -1):
        frame = rows()
        faulty.fault(kind, "ingest_upload", nth=1, point="before-receive", args={"at": at})
        assert proved(faulty, frame, push(org, frame, "Account", "insert")) == [WRITTEN] * ROWS
        assert jobs(faulty) == ["Aborted", "JobComplete"]
        faulty.settle()


@pytest.mark.catalogue("B3")
@pytest.mark.parametrize("kind", ["reset", "fin", "status", "html"])
def test_an_upload_nobody_confirmed_is_not_sent_again(faulty, org, rows, kind):
    """The org has the data and the answer is lost: no second PUT to that job, which is never closed."""
    frame = rows()
    faulty.fault(kind, "ingest_upload", nth=1, point="before-answer")
    uploads = faulty.count("ingest_upload")
    assert proved(faulty, frame, push(org, frame, "Account", "insert")) == [WRITTEN] * ROWS
    assert jobs(faulty) == ["Aborted", "JobComplete"]
    assert faulty.met(uploads) == 2


@pytest.mark.catalogue("B4")
@pytest.mark.parametrize(("kind", "point"), [
    ("reset", "before-commit"), ("reset", "before-answer"), ("fin", "mid-answer"), ("status", "before-answer"),
    ("status", "before-commit"), ("html", "before-answer"), ("cut", "mid-answer"),
])  # fmt: skip
def test_after_a_close_nobody_confirmed_the_job_is_asked(faulty, org, rows, kind, point):
    """Closed or not, the rows are written once, and by the one job there is."""
    frame = rows()
    faulty.fault(kind, "ingest_close", nth=1, point=point)
    assert proved(faulty, frame, push(org, frame, "Account", "insert")) == [WRITTEN] * ROWS
    assert jobs(faulty) == ["JobComplete"]


@pytest.mark.catalogue("B5")
@pytest.mark.parametrize("kind", ["reset", "status", "html", "malformed"])
def test_questions_that_go_unanswered_do_the_job_no_harm(faulty, org, rows, kind):
    """Half of them: asked again, nothing is aborted, and the job is read to its end."""
    frame = rows()
    faulty.fault("slow-job", "ingest_close", args={"seconds": 0.1})
    faulty.fault(kind, "ingest_info", every=2)
    assert proved(faulty, frame, push(org, frame, "Account", "insert")) == [WRITTEN] * ROWS
    assert jobs(faulty) == ["JobComplete"]


@pytest.mark.catalogue("B6")
def test_patience_that_ends_leaves_the_job_alone(faulty, org, rows, monkeypatch):
    """StillRunning names the push; the job is still at work, and another connection reads what came of it."""
    frame = rows()
    faulty.fault("slow-job", "ingest_close", args={"seconds": 0.6})
    closes = faulty.count("ingest_close")
    with monkeypatch.context() as patch:
        patch.setattr("sfdata.transfer.push.Patience", lambda: Patience(0.002, 0.01, deadline_seconds=0.1))
        with pytest.raises(StillRunning) as running:
            push(org, frame, "Account", "insert")
    assert jobs(faulty) == ["InProgress"]
    result = sfdata.resume(resumable(running.value), faulty.connect())
    assert proved(faulty, frame, result) == [WRITTEN] * ROWS
    assert faulty.met(closes) == 1, "neither closed again nor aborted"


@pytest.mark.catalogue("B7")
@pytest.mark.parametrize("kind", ["stop-job", "delete-job", "status"])
def test_one_part_that_fails_holds_no_other(faulty, org, rows, kind):
    """The third of eight: the other seven are written, and every job is named."""
    frame = rows(8)
    if kind == "stop-job":
        faulty.fault(kind, "ingest_close", nth=3)
    elif kind == "delete-job":
        faulty.fault(kind, "ingest_successful", nth=3)
    else:
        faulty.fault(kind, "ingest_close", nth=3, args={"status": 400, "error_code": "INVALIDJOB", "message": "odd"})
    if kind == "status":
        with pytest.raises(SalesforceError, match="odd") as refused:
            push(org, frame, "Account", "insert", part_rows=1)
        result = sfdata.resume(resumable(refused.value), org)
    else:
        result = push(org, frame, "Account", "insert", part_rows=1)
    outcomes = proved(faulty, frame, result)
    other = {"stop-job": "unprocessed", "delete-job": UNKNOWN, "status": WRITTEN}[kind]
    assert sorted(outcomes) == sorted([WRITTEN] * 7 + [other])
    assert result.jobs["job"].nunique() == 8


@pytest.mark.catalogue("B8")
@pytest.mark.parametrize("state", ["Failed", "Aborted"])
def test_a_job_that_ends_half_way_is_told_row_by_row(faulty, org, rows, state):
    """After any number of rows: written, refused and unprocessed add up; only the unprocessed are sent again."""
    for stop in (0, 2, 5, ROWS):
        frame = rows(bad={1, 4})
        faulty.fault("stop-job", "ingest_close", nth=1, args={"rows": stop, "state": state})
        result = push(org, frame, "Account", "insert", check=False)
        full = ["failed" if n in (1, 4) else WRITTEN for n in range(ROWS)]
        assert proved(faulty, frame, result) == full[:stop] + ["unprocessed"] * (ROWS - stop)
        again = result.retry_failed()
        assert proved(faulty, frame, again) == full
        faulty.settle()


@pytest.mark.catalogue("B9")
@pytest.mark.parametrize("gone", [1, ROWS - 1])
def test_rows_the_results_leave_out_are_unaccounted(faulty, org, rows, gone):
    """They are written, nobody says so, and they are never sent again."""
    frame = rows()
    faulty.fault("drop", "ingest_successful", args={"rows": gone}, seed=gone)
    result = push(org, frame, "Account", "insert")
    assert sorted(proved(faulty, frame, result)) == sorted([WRITTEN] * (ROWS - gone) + [UNKNOWN] * gone)
    assert len(result.unaccounted) == gone
    before = faulty.written()
    assert proved(faulty, frame, result.retry_failed()).count(UNKNOWN) == gone
    assert faulty.written() == before


@pytest.mark.catalogue("B10")
@pytest.mark.parametrize("operation", ["insert", "update", "delete"])
def test_results_in_any_order_stand_on_their_own_rows(faulty, org, rows, operation):
    """Each Id and each reason beside the row it is for, whatever the order of the files."""
    for seed in range(2):
        frame = rows(bad=() if operation == "delete" else {2})
        if operation != "insert":
            clean = frame.assign(Phone="1")
            frame["Id"] = push(org, clean, "Account", "insert").ids
        for name in ("successful", "failed"):
            faulty.fault("shuffle", f"ingest_{name}", seed=seed)
        told = push(org, frame, "Account", operation, check=False).frame
        if operation == "insert":
            there = {
                row["Id"]: row["Name"]
                for row in faulty.rows(f"SELECT Id, Name FROM Account WHERE Name LIKE '{_tag(frame)}%'")
            }
            assert [there.get(key) for key in told["sf__Id"]] == [
                None if n == 2 else frame["Name"][n] for n in range(ROWS)
            ]
        else:
            assert told["sf__Id"].tolist() == frame["Id"].tolist()
        if operation != "delete":
            assert told["sf__Error"].notna().tolist() == [n == 2 for n in range(ROWS)]
        faulty.settle()


@pytest.mark.catalogue("B11")
@pytest.mark.parametrize(("coding", "framing", "places"), [
    ("identity", "length", (0, 20, 55, 120, -60, -4)),
    ("identity", "chunked", (55,)),
    ("identity", "close", (55,)),
    ("gzip", "length", (0, -1)),
    ("gzip", "chunked", (55,)),
    ("gzip", "close", (55,)),
])  # fmt: skip
def test_a_result_file_that_is_cut_is_fetched_again(faulty, org, rows, coding, framing, places):
    """Wherever it is cut, and though its framing says that it is whole."""
    for at in places:
        frame = rows()
        faulty.fault("cut", "ingest_successful", nth=1, args={"at": at, "coding": coding, "framing": framing})
        files = faulty.count("ingest_successful")
        assert proved(faulty, frame, push(org, frame, "Account", "insert")) == [WRITTEN] * ROWS, at
        assert faulty.met(files) == 2
        faulty.settle()


@pytest.mark.catalogue("B11")
def test_a_result_file_that_is_always_cut_hides_no_row(faulty, org, rows):
    """An error that can be resumed, or rows that nobody knows of: never rows told to be written that are not."""
    for at, coding in ((55, "identity"), (-4, "identity"), (55, "gzip"), (-1, "gzip")):
        frame = rows()
        faulty.fault("cut", "ingest_successful", args={"at": at, "coding": coding})
        try:
            result = push(org, frame, "Account", "insert")
        except SalesforceError as cut:
            faulty.settle()
            result = sfdata.resume(resumable(cut), org)
            assert proved(faulty, frame, result) == [WRITTEN] * ROWS
        else:
            assert UNKNOWN in proved(faulty, frame, result)
            faulty.settle()


@pytest.mark.catalogue("B13")
def test_line_ends_and_delimiters_are_declared_and_data(faulty, org, rows):
    """Cells may hold any of them: they arrive as they are, whatever the job's own, which it is always told."""
    frame = rows(len(DELIMITERS))
    cells = [f'a{mark}b{mark}"{mark}\r\nc\n{mark}' for mark in DELIMITERS.values()]
    frame["Description"] = [f"{cell}z" for cell in cells]
    assert proved(faulty, frame, push(org, frame, "Account", "insert")) == [WRITTEN] * len(frame)
    found = faulty.rows(f"SELECT Name, Description FROM Account WHERE Name LIKE '{_tag(frame)}%' ORDER BY Name")
    assert [row["Description"] for row in found] == frame["Description"].tolist()
    dialect = faulty.local.instance.bulk.jobs.listed(INGEST)[-1].settings.dialect
    assert (dialect.column_delimiter, dialect.line_ending) == ("COMMA", "LF")


@pytest.mark.catalogue("B19")
@pytest.mark.parametrize("column", ["Nonsense__c", "CreatedDate"])
def test_a_column_that_cannot_be_written_closes_no_job(faulty, org, rows, column):
    """Unknown, or the org's own to write: refused before anything is sent, by its name."""
    created = faulty.count("ingest_create")
    with pytest.raises(PushRefused, match=column):
        push(org, rows().assign(**{column: "2026-01-01T00:00:00Z"}), "Account", "insert")
    assert faulty.met(created) == 0


@pytest.mark.catalogue("B20")
@pytest.mark.parametrize("operation", ["ingest_info", "ingest_successful", "ingest_failed", "ingest_unprocessed"])
def test_results_that_are_gone_are_told_and_nothing_is_sent_again(faulty, org, rows, operation):
    """Whoever deletes the job takes its results: the rows are there, nobody knows which, and none goes out twice."""
    frame = rows()
    # A job that is at work cannot be deleted: the first answers to a question find it so.
    faulty.fault("delete-job", operation)
    uploads = faulty.count("ingest_upload")
    result = push(org, frame, "Account", "insert")
    assert proved(faulty, frame, result) == [UNKNOWN] * ROWS
    assert "gone" in result.jobs["problem"].iloc[0]
    assert proved(faulty, frame, result.retry_failed()) == [UNKNOWN] * ROWS
    assert faulty.met(uploads) == 1
