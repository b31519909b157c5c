"""The protocol of a push, under every fault at every step: no row lost, none doubled, none told wrong.

What is really in the org is asked over a connection of its own, which knows nothing of pushes.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import time
import uuid
from dataclasses import replace

import httpx
import numpy as np
import pyarrow as pa
import pytest
from rig.in_process import AtOnce

from sfdata.auth.flows import AccessToken
from sfdata.config import OrgConfig
from sfdata.errors import (
    AuthenticationError,
    PushStopped,
    PushUnderWay,
    ResponseError,
    SalesforceError,
    ServerUnavailable,
    StillRunning,
    TransportError,
)
from sfdata.localorg import LocalOrg
from sfdata.resilience.breaker import CircuitBreaker
from sfdata.resilience.hooks import Hooks
from sfdata.resilience.patience import Patience
from sfdata.resilience.retry import RetryPolicy
from sfdata.state import save
from sfdata.transfer.journal import PHASES, Journal, PushRecord, Unit
from sfdata.transfer.push import MOST_CLOSES, MOST_JOBS, UNITS_AT_ONCE, Push
from sfdata.transfer.unit_files import load_outcomes, save_positions, unit_file
from sfdata.transport.http_session import HttpSession
from sfdata.transport.wire import LiveWire

ROWS = 4
QUICK = Patience(first_seconds=0.002, longest_seconds=0.02)


class Killed(BaseException):
    """The process ends here."""


class Faulty(httpx.BaseTransport):
    """The network, but for what ``fault(request)`` does to a request: lose it, lose its answer, answer in its place."""

    def __init__(self, fault=lambda request: None):
        self.wire = LiveWire()
        self.fault = fault
        self.steps = []
        self.closed = False

    def handle_request(self, request):
        if self.closed:  # a thread of a process that was killed
            raise httpx.ConnectError("no process")
        self.steps.append(step(request))
        fault = self.fault(request)
        if fault == "lose request":
            raise httpx.ConnectError("lost on the way")
        if fault == "reset":
            raise httpx.WriteError("reset on the way")
        if isinstance(fault, httpx.Response):
            return fault
        answer = self.wire.handle_request(request)
        if fault == "lose answer":
            answer.read()
            answer.close()
            raise httpx.ReadError("lost on the way back")
        if fault == "kill":
            answer.read()
            answer.close()
            raise Killed
        return answer

    def close(self):
        self.closed = True
        self.wire.close()


def step(request):
    """What a request is in the protocol."""
    parts = request.url.path.partition("/jobs/ingest")[2].split("/")
    return {"POST": "create", "PUT": "upload", "PATCH": "change"}.get(
        request.method, parts[2] if len(parts) > 2 else "info"
    )


@pytest.fixture(scope="module")
def org():
    with LocalOrg(sample_data=False) as running:
        yield running


@pytest.fixture
def oracle(org):
    """The names in the org, and how often: asked past everything that is tested."""
    client = httpx.Client(headers={"Authorization": f"Bearer {org.access_token}"}, trust_env=False)

    def names(like):
        soql = f"SELECT Id, Name FROM Account WHERE Name LIKE '{like}%'"
        url = f"{org.instance_url}/services/data/v66.0/query"
        return sorted((r["Name"], r["Id"]) for r in client.get(url, params={"q": soql}).json()["records"])

    yield names
    client.close()


@pytest.fixture
def push(org, tmp_path):
    """Plans a push of accounts in units of `ROWS`, and runs it as one process would, by way of a wire."""
    journals = []

    def plan(units, bad=()):
        tag = uuid.uuid4().hex[:12]
        journal = Journal(tmp_path)
        planned = []
        for number in range(1, units + 1):
            rows = [f'"{tag}-{number}-{n}","{"x" if (number, n) in bad else n}"\n' for n in range(ROWS)]
            content = ("Name,NumberOfEmployees\n" + "".join(rows)).encode()
            save(unit_file(journal.folder(tag), number), content)
            save_positions(journal.folder(tag), number, np.arange(ROWS) + ROWS * (number - 1))
            planned.append(Unit(tag, number, ROWS, hashlib.sha256(content).hexdigest()))
        record = PushRecord(tag, "00D", "Account", "insert", None, ("Name",), ROWS * units, "planned", "2026-01-01", {})
        journal.plan(record, planned)
        journal.close()
        return tag

    def run(tag, fault=lambda request: None, patience=QUICK, journal_type=Journal):
        journal = journal_type(tmp_path)
        journals.append(journal)
        wire = Faulty(fault)
        flow = AccessToken(access_token=org.access_token, instance_url=org.instance_url)
        retry = RetryPolicy(sleep=lambda seconds: None)
        options = {"wire": wire, "retry": retry, "breaker": CircuitBreaker(threshold=10**6)}
        with HttpSession(OrgConfig(org.instance_url), flow, **options) as session:
            Push(session, journal, Hooks(), journal.push(tag), patience).run()
        return wire.steps

    yield type(
        "Pushes", (), {"plan": staticmethod(plan), "run": staticmethod(run), "journal": lambda: Journal(tmp_path)}
    )
    for journal in journals:
        journal.close()


def outcomes(push, tag):
    """Every row's name with what is told of it."""
    journal = push.journal()
    told = {}
    for unit in journal.units(tag):
        table = load_outcomes(journal.folder(tag), unit.number)
        for n, row in enumerate(table.to_pylist() if table is not None else []):
            told[f"{tag}-{unit.number}-{n}"] = row
    journal.close()
    return told


def proved(push, tag, oracle, rows):
    """The equations: every row told once; what is told to have succeeded is there once, under the Id told."""
    told, there = outcomes(push, tag), oracle(tag)
    assert len(told) == rows
    assert there == sorted((name, row["id"]) for name, row in told.items() if row["outcome"] == "succeeded")
    return told


@pytest.mark.catalogue("B10")
def test_every_row_is_told_on_its_own_place(push, oracle):
    """Results come shuffled and in three files; each goes back to the row it is for."""
    tag = push.plan(3, bad={(2, 1)})
    push.run(tag)
    told = proved(push, tag, oracle, 12)
    failed = {name: row for name, row in told.items() if row["outcome"] != "succeeded"}
    assert failed.keys() == {f"{tag}-2-1"}
    assert failed[f"{tag}-2-1"]["code"] == "INVALID_FIELD"
    assert all(row["created"] for name, row in told.items() if name not in failed)


FAULTS = [
    "lose request",
    "reset",
    "lose answer",
    httpx.Response(503, json=[{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]),
]
STEPS = ["create", "upload", "change", "info", "successfulResults", "failedResults", "unprocessedrecords"]


@pytest.mark.catalogue("B1", "B3", "B4")
@pytest.mark.parametrize("where", STEPS)
@pytest.mark.parametrize("fault", FAULTS, ids=["lose request", "reset", "lose answer", "503"])
def test_a_fault_at_any_step_leaves_every_row_written_once(push, oracle, where, fault):
    """Whatever is lost on the way out or back, once, the push ends with each row in the org exactly once."""
    tag = push.plan(1)
    left = [fault]
    steps = push.run(tag, lambda request: left.pop() if left and step(request) == where else None)
    assert not left, "the fault was met"
    assert {row["outcome"] for row in proved(push, tag, oracle, ROWS).values()} == {"succeeded"}
    if where == "upload" and fault != "lose request":
        assert steps.count("create") == 2, "the data go into a new job, never twice into one"


@pytest.mark.catalogue("P4")
@pytest.mark.parametrize("where", STEPS)
def test_killed_after_any_request_a_push_goes_on_where_it_was(push, oracle, where):
    """A process that ends with the answer to a request unread is followed by one that loses and doubles nothing."""
    tag = push.plan(2)
    left = ["kill"]
    with pytest.raises(Killed):
        push.run(tag, lambda request: left.pop() if left and step(request) == where else None)
    push.run(tag)
    assert {row["outcome"] for row in proved(push, tag, oracle, 2 * ROWS).values()} == {"succeeded"}


class DyingJournal(Journal):
    """A journal whose process ends before or after the n-th note is on disk."""

    dies_at = before = None

    def advance(self, unit, phase, **told):
        cls = type(self)
        cls.dies_at -= 1
        if cls.dies_at == 0 and cls.before:
            raise Killed
        moved = super().advance(unit, phase, **told)
        if cls.dies_at == 0:
            raise Killed
        return moved


@pytest.mark.catalogue("P4")
@pytest.mark.parametrize("before", [True, False])
def test_killed_at_any_note_in_the_journal_nothing_is_lost(push, oracle, before):
    """Ending the process at the first, second, third … note, until a run needs no further one, is always made good."""
    points = 0
    while True:
        points += 1
        tag = push.plan(1)
        journal = type("Dying", (DyingJournal,), {"dies_at": points, "before": before})
        try:
            push.run(tag, journal_type=journal)
        except Killed:
            push.run(tag)
        else:
            break
        assert {row["outcome"] for row in proved(push, tag, oracle, ROWS).values()} == {"succeeded"}
    assert points - 1 == len(PHASES) - 1, "every phase was met"


@pytest.mark.catalogue("B1", "B3", "B4")
@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(n, marks=pytest.mark.slow) for n in range(4, 100))])
def test_random_runs_of_faults_and_kills_end_with_every_row_accounted_for(push, oracle, seed):
    """Lost requests, lost answers, 503s and kills at random, run after run, until the push is done."""
    chance = random.Random(seed)
    bad = {(n, chance.randrange(ROWS)) for n in range(1, 4) if chance.random() < 0.3}
    tag = push.plan(3, bad)

    def fault(request):
        roll = chance.random()
        return "kill" if roll < 0.03 else chance.choice(FAULTS) if roll < 0.2 else None

    for _ in range(30):
        try:
            push.run(tag, fault)
            break
        except (Killed, SalesforceError):
            continue
    else:
        push.run(tag)
    told = proved(push, tag, oracle, 3 * ROWS)
    expected = {f"{tag}-{unit}-{row}" for unit, row in bad}
    assert {name for name, row in told.items() if row["outcome"] == "failed"} == expected, f"seed {seed}"


@pytest.mark.catalogue("B8")
def test_a_job_that_an_administrator_aborts_is_told_as_it_is(push, oracle, org):
    """Rows of a job that was stopped before it ran are unprocessed: surely not written."""
    tag = push.plan(1)

    def abort(request):
        if step(request) == "change" and b"UploadComplete" in request.read():
            with httpx.Client(headers={"Authorization": f"Bearer {org.access_token}"}, trust_env=False) as admin:
                admin.patch(str(request.url), json={"state": "Aborted"})

    push.run(tag, abort)
    assert {row["outcome"] for row in proved(push, tag, oracle, ROWS).values()} == {"unprocessed"}


def wait_for_the_end(job):
    while job.state not in ("JobComplete", "Failed", "Aborted"):
        time.sleep(0.001)


@pytest.mark.catalogue("B20")
@pytest.mark.parametrize(("where", "written"), [("change", 0), ("info", ROWS), ("successfulResults", ROWS)])
def test_a_job_that_is_gone_leaves_rows_unaccounted_and_never_sent_again(push, oracle, org, where, written):
    """A job that somebody deleted tells nothing: its rows need attention, and are not pushed a second time."""
    tag, left = push.plan(1), [where]

    def delete(request):
        if left == [step(request)]:
            left.pop()
            job = str(request.url).partition("/ingest/")[2].partition("/")[0]
            kept = org.instance.bulk.jobs.find("V2Ingest", job)
            if where != "change":
                wait_for_the_end(kept)
            kept.state = "Aborted" if where == "change" else kept.state
            org.instance.bulk.jobs.remove(kept)

    push.run(tag, delete)
    push.run(tag)
    assert {row["outcome"] for row in outcomes(push, tag).values()} == {"unaccounted"}
    assert len(oracle(tag)) == written
    journal = push.journal()
    assert journal.push(tag).state == "needs_attention"
    journal.close()


@pytest.mark.catalogue("B9")
@pytest.mark.parametrize("rows_left_out", [1, 3])
def test_a_result_file_without_some_rows_leaves_those_unaccounted(push, oracle, rows_left_out):
    """A row in no file may be in the org: it is told apart, and the push needs attention."""
    tag = push.plan(1)
    wire = LiveWire()

    def shorten(request):
        if step(request) != "successfulResults":
            return None
        answer = wire.handle_request(request)
        lines = answer.read().decode().splitlines(keepends=True)
        answer.close()
        kept = lines[: len(lines) - rows_left_out]
        return httpx.Response(200, headers={"content-type": "text/csv"}, content="".join(kept).encode())

    push.run(tag, shorten)
    wire.close()
    told = [row["outcome"] for row in outcomes(push, tag).values()]
    assert sorted(told) == ["succeeded"] * (ROWS - rows_left_out) + ["unaccounted"] * rows_left_out


@pytest.mark.catalogue("B6")
def test_a_deadline_leaves_the_org_at_work_and_a_later_look_finds_the_end(push, oracle, org, monkeypatch):
    """StillRunning aborts nothing; resuming asks the same job again."""
    worker, tag = AtOnce(), push.plan(1)
    worker.busy = True
    monkeypatch.setattr(org.instance.bulk, "_ingest", worker)
    with pytest.raises(StillRunning) as caught:
        push.run(tag, patience=Patience(first_seconds=0.001, deadline_seconds=0))
    assert caught.value.id == tag
    worker.on()
    steps = push.run(tag)
    assert "create" not in steps
    assert "upload" not in steps
    assert {row["outcome"] for row in proved(push, tag, oracle, ROWS).values()} == {"succeeded"}


def test_what_the_org_refuses_is_not_tried_with_every_unit(push):
    """A job that cannot be made (no such object, no permission) stops the push; its rows have not left."""
    tag = push.plan(20)
    refusal = httpx.Response(400, json=[{"errorCode": "INVALIDENTITY", "message": "no such object"}])
    made = []

    def refuse(request):
        made.append(step(request))
        return refusal

    with pytest.raises(ResponseError) as caught:
        push.run(tag, refuse)
    assert tag in caught.value.hint
    assert made.count("create") <= 6
    assert outcomes(push, tag) == {}


def test_data_changed_on_disk_are_not_sent(push, oracle, tmp_path):
    """What is uploaded is what was planned, or nothing."""
    tag = push.plan(1)
    path = unit_file(tmp_path / tag, 1)
    path.write_bytes(path.read_bytes().replace(b"-1-0", b"-1-9"))
    with pytest.raises(PushStopped):
        push.run(tag)
    assert oracle(tag) == []


@pytest.mark.catalogue("S15", "S34")
def test_the_journal_and_its_files_are_their_owners_alone(push, tmp_path):
    """Others on the machine can read neither the journal nor the rows."""
    tag = push.plan(1)
    push.run(tag)
    modes = {
        path.name: path.stat().st_mode & 0o077 for path in [tmp_path / "journal.sqlite3", *(tmp_path / tag).iterdir()]
    }
    assert set(modes.values()) == {0}


def test_a_note_is_on_disk_when_the_next_step_begins(push, tmp_path):
    """Another process reads in the journal what was just done."""
    tag = push.plan(1)
    seen = []

    def look(request):
        if step(request) in ("upload", "change"):
            db = sqlite3.connect(tmp_path / "journal.sqlite3")
            seen.append(db.execute("SELECT phase, job IS NOT NULL FROM units WHERE push = ?", (tag,)).fetchone())
            db.close()

    push.run(tag, look)
    assert seen == [("job_known", 1), ("closing", 1)]


def test_outcomes_keep_their_types_on_disk(push, tmp_path):
    """What is read back has the columns and types it was saved with."""
    tag = push.plan(1)
    push.run(tag)
    schema = load_outcomes(tmp_path / tag, 1).schema
    assert schema.names == ["outcome", "id", "created", "code", "error"]
    assert schema.field("created").type == pa.bool_()


BUSY = httpx.Response(503, json=[{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}])
REFUSED = httpx.Response(400, json=[{"errorCode": "LIMIT_EXCEEDED", "message": "no more jobs today"}])
LOGGED_OUT = httpx.Response(401, json=[{"errorCode": "INVALID_SESSION_ID", "message": "expired"}])


def close_is(answer):
    return lambda request: answer if step(request) == "change" and b"UploadComplete" in request.read() else None


@pytest.mark.parametrize(("answer", "times"), [(BUSY, MOST_CLOSES), (REFUSED, 1)], ids=["busy", "refused"])
def test_a_job_that_cannot_be_closed_is_not_tried_for_ever(push, oracle, answer, times):
    """Where the org is busy a few times, where it refuses once; nothing is written, and a later run goes on."""
    tag, asked = push.plan(1), []

    def fault(request):
        found = close_is(answer)(request)
        asked.append(found is not None)
        return found

    with pytest.raises(ResponseError):
        push.run(tag, fault)
    assert sum(asked) == times
    assert oracle(tag) == []
    assert "create" not in push.run(tag)
    proved(push, tag, oracle, ROWS)


def test_uploads_that_always_break_off_make_no_jobs_without_end(push, oracle):
    """After a few the error says so; all of them stay empty, and a later run writes each row once."""
    tag, asked = push.plan(1), []

    def reset(request):
        asked.append(step(request))
        return "reset" if asked[-1] == "upload" else None

    with pytest.raises(TransportError):
        push.run(tag, reset)
    assert asked.count("create") == MOST_JOBS
    push.run(tag)
    assert {row["outcome"] for row in proved(push, tag, oracle, ROWS).values()} == {"succeeded"}


def test_a_job_whose_data_are_refused_is_not_left_open(push, org):
    """It is ended at once, and the rows have not left; another run begins with another job."""
    tag = push.plan(1)
    with pytest.raises(ResponseError):
        push.run(tag, lambda request: REFUSED if step(request) == "upload" else None)
    journal = push.journal()
    (unit,) = journal.units(tag)
    journal.close()
    (job,) = unit.abandoned
    assert (unit.phase, unit.job) == ("planned", None)
    assert org.instance.bulk.jobs.find("V2Ingest", job).state == "Aborted"


def test_an_org_that_answers_nothing_any_more_is_left_to_itself(push, oracle):
    """After so many questions in a row without an answer the error says so; the job is not aborted."""
    tag, asked = push.plan(1), []

    def silent(request):
        asked.append(step(request))
        return BUSY if asked[-1] == "info" else None

    with pytest.raises(ServerUnavailable) as caught:
        push.run(tag, silent)
    assert asked.count("info") == QUICK.unanswered * 4, "each question is put four times"
    assert asked.count("change") == 1
    assert tag in caught.value.hint
    push.run(tag)
    assert {row["outcome"] for row in proved(push, tag, oracle, ROWS).values()} == {"succeeded"}


def test_who_is_not_let_in_does_not_knock_for_every_unit(push):
    """A login that fails fails for all: an account is soon locked by too many."""
    tag, asked = push.plan(20), []
    with pytest.raises(AuthenticationError):
        push.run(tag, lambda request: asked.append(step(request)) or LOGGED_OUT)
    assert asked.count("create") <= 2 * UNITS_AT_ONCE
    assert outcomes(push, tag) == {}


@pytest.mark.catalogue("B11")
@pytest.mark.parametrize("cut", ["in a row", "behind a row"])
def test_results_that_break_off_are_fetched_again(push, oracle, cut):
    """Once more, and nothing is told by the short file."""
    tag, wire, left = push.plan(1), LiveWire(), [cut]

    def shorten(request):
        if step(request) != "successfulResults" or not left:
            return None
        left.pop()
        answer = wire.handle_request(request)
        content = answer.read()
        answer.close()
        lines = content.splitlines(keepends=True)
        kept = content[:-30] if cut == "in a row" else b"".join(lines[:-1])
        return httpx.Response(200, headers={"content-type": "text/csv"}, content=kept)

    steps = push.run(tag, shorten)
    wire.close()
    assert steps.count("successfulResults") == 2
    assert {row["outcome"] for row in proved(push, tag, oracle, ROWS).values()} == {"succeeded"}


def test_data_that_are_gone_from_disk_stop_the_push_before_anything_is_closed(push, oracle, tmp_path):
    """The error is one of ours; nothing is written."""
    tag = push.plan(1)
    unit_file(tmp_path / tag, 1).unlink()
    with pytest.raises(PushStopped, match="unit 1"):
        push.run(tag)
    assert oracle(tag) == []


@pytest.mark.catalogue("F3")
def test_who_was_overtaken_notes_nothing(push):
    """A unit that somebody else has taken further is not set back by one who knew it before."""
    tag = push.plan(1)
    journal = push.journal()
    (old,) = journal.units(tag)
    new = journal.advance(old, "job_known", job="7501")
    for late in (old, replace(new, job="7502")):
        with pytest.raises(PushUnderWay):
            journal.advance(late, "uploaded")
    assert journal.units(tag) == [new]
    journal.close()


@pytest.mark.catalogue("F1")
@pytest.mark.parametrize("word", ["BEGIN", "UPDATE", "COMMIT"])
def test_a_note_that_the_disk_does_not_take_is_not_half_there(push, word):
    """The error is one of ours, what stood there stands, and the next note is taken."""
    tag = push.plan(1)
    journal = push.journal()
    (unit,) = journal.units(tag)
    real = journal._db

    class Full:
        def __getattr__(self, name):
            return getattr(real, name)

        def execute(self, statement, *arguments):
            if statement.startswith(word):
                raise sqlite3.OperationalError("database or disk is full")
            return real.execute(statement, *arguments)

    journal._db = Full()
    with pytest.raises(PushStopped, match="disk is full"):
        journal.advance(unit, "job_known", job="7501")
    journal._db = real
    assert journal.units(tag) == [unit]
    assert journal.advance(unit, "job_known", job="7502") == journal.units(tag)[0]
    journal.close()
