"""A whole read through a Bulk job, under faults at every step: all rows once, or an error that says how to go on."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from contextlib import suppress

import httpx
import pytest

from sfdata.api.describe import DescribeCache
from sfdata.auth.flows import AccessToken, ClientCredentials
from sfdata.config import OrgConfig
from sfdata.errors import (
    BulkJobFailed,
    ConfigurationError,
    IncompleteResult,
    ResponseError,
    ResultsGone,
    SalesforceError,
    SpoolFailed,
    StillRunning,
    TransportError,
    UnreadableAnswer,
)
from sfdata.resilience.breaker import CircuitBreaker
from sfdata.resilience.hooks import Hooks, JobState, RowsRead
from sfdata.resilience.patience import Patience
from sfdata.resilience.retry import RetryPolicy, RetryQuota
from sfdata.resilience.runtime import Runtime
from sfdata.soql import parse
from sfdata.transfer import bulk_read, spool
from sfdata.transfer.bulk_read import BulkRead, servable
from sfdata.transfer.resume import ResumedRead
from sfdata.transport.http_session import HttpSession

URL = "https://acme.my.salesforce.com"
DATA = "/services/data/v67.0"
JOB = "750AA0000000001AAA"
SOQL = "SELECT Id, Name FROM Account"
FIELDS = {"Id": "id", "Name": "string", "Amount__c": "currency", "Photo__c": "base64", "BillingAddress": "address"}
CHILDREN = [{"relationshipName": "Contacts", "childSObject": "Contact", "field": "AccountId"}]
OBJECT = {"Account": (FIELDS, CHILDREN), "Contact": ({"Id": "id", "Name": "string"}, [])}


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """State goes to a folder of the test's own."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    return tmp_path / "reads"


class BulkOrg:
    """An org with one query job, whose rows are numbered through ``pages`` of so many each.

    What is asked is kept as steps: ``create``, ``info``, ``list``, ``page 0`` … ``faults`` maps a step to what happens
    to it before it is answered: answers given in its place, exceptions raised, or functions of the answer.
    """

    def __init__(self):
        self.pages = [3, 2, 2]
        self.listed, self.zipped = True, True
        self.states = ["UploadComplete", "InProgress", "JobComplete"]
        self.job = {}
        self.soql = SOQL
        self.faults = {}
        self.steps = []
        self.tokens = ["first"]
        self.logins = 0
        self.requests = []

    @property
    def names(self):
        return [f"n{number}" for number in range(sum(self.pages))]

    def rows(self, page):
        start = sum(self.pages[:page])
        return [(f"001{n:015}", f"n{n}") for n in range(start, start + self.pages[page])]

    def body(self, page):
        out = io.StringIO(newline="")
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([("Id", "Name"), *self.rows(page)])
        return out.getvalue().encode()

    def packed(self, body):
        return gzip.compress(body, mtime=0) if self.zipped else body

    def page(self, number, body=None, **headers):
        following = f"at-{number + 1}" if number + 1 < len(self.pages) else "null"
        told = {"sforce-locator": following, "sforce-numberofrecords": str(self.pages[number])}
        told |= {"content-type": "text/csv", **({"content-encoding": "gzip"} if self.zipped else {})}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = self.packed(self.body(number)) if body is None else body
        told = {name: value for name, value in told.items() if value is not None}
        return httpx.Response(200, headers=told, stream=httpx.ByteStream(content))

    def handle(self, request):
        request.read()
        self.requests.append(request)
        if request.url.path == "/services/oauth2/token":
            self.logins += 1
            self.tokens.append(f"token-{self.logins}")
            return httpx.Response(200, json={"access_token": self.tokens[-1], "instance_url": URL, "scope": "api"})
        step = self.step(request)
        if step != "describe":
            self.steps.append(step)
        fault = self.faults.get(step) or [None]
        fault = fault.pop(0) if len(fault) > 1 or not callable(fault[0]) else fault[0]
        if isinstance(fault, Exception):
            raise fault
        if isinstance(fault, httpx.Response):
            return fault
        answer = self.answer(step, request)
        return fault(answer) if callable(fault) else answer

    def step(self, request):
        path = request.url.path.removeprefix(DATA)
        if path.startswith("/sobjects"):
            return "describe"
        if path == f"/jobs/query/{JOB}/results":
            return f"page {request.url.params.get('locator', 'at-0').removeprefix('at-')}"
        known = {"/jobs/query": "create", f"/jobs/query/{JOB}": "info", f"/jobs/query/{JOB}/resultPages": "list"}
        return {"PATCH": "abort", "DELETE": "delete"}.get(request.method) or known[path]

    def answer(self, step, request):
        if step == "describe":
            fields, children = OBJECT[request.url.path.split("/")[5]]
            listed = [{"name": f, "label": f, "type": t, "custom": False} for f, t in fields.items()]
            return httpx.Response(200, json={"name": "Account", "fields": listed, "childRelationships": children})
        if step.startswith("page"):
            return self.page(int(step[5:]))
        if step == "list":
            return self.listing(request)
        told = {"id": JOB, "object": "Account", "operation": "query", "state": "UploadComplete"}
        if step == "info":
            told["state"] = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            told["numberRecordsProcessed"] = sum(self.pages)
        return httpx.Response(200, json=told | (self.job if step == "info" else {}))

    def listing(self, request):
        if not self.listed:
            return missing()
        first = int(request.url.params.get("locator", "0"))
        urls = [f"{DATA}/jobs/query/{JOB}/results?locator=at-{n}" for n in range(len(self.pages))][first : first + 2]
        more = first + 2 < len(self.pages)
        following = {"nextRecordsUrl": f"{DATA}/jobs/query/{JOB}/resultPages?locator={first + 2}"} if more else {}
        return httpx.Response(200, json={"resultPages": [{"resultUrl": u} for u in urls], "done": not more} | following)


def missing():
    return httpx.Response(404, json=[{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}])


def busy():
    return httpx.Response(503, json=[{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}])


def html():
    return httpx.Response(200, html="<html><title>Maintenance</title></html>")


def refused(status):
    return httpx.Response(status, json=[{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}])


@pytest.fixture
def org():
    return BulkOrg()


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def session(org, time):
    quota = RetryQuota()
    quota.take = lambda cost: True
    retry = RetryPolicy(sleep=lambda seconds: None, quota=quota)
    flow = ClientCredentials(client_id="id", client_secret="secret", login_url=URL)
    wire, breaker = httpx.MockTransport(org.handle), CircuitBreaker(threshold=10**9)
    runtime = Runtime(clock=time, sleep=time.sleep)
    with HttpSession(OrgConfig(URL), flow, wire=wire, retry=retry, breaker=breaker, runtime=runtime) as opened:
        yield opened


@pytest.fixture
def events():
    return []


@pytest.fixture
def read(org, session, time, events):
    """Makes the read of the org's query, as one process would."""

    def make(soql=SOQL, deadline=None, **options):
        patience = Patience(deadline_seconds=deadline)
        cache, hooks = DescribeCache(session), Hooks(events.append)
        return BulkRead(session, cache, hooks, parse(soql), soql, patience=patience, **options)

    return make


@pytest.fixture
def resume(session, events):
    """Resumes the job as another process would, with nothing but its Id."""
    return lambda: ResumedRead(session, DescribeCache(session), Hooks(events.append), JOB)


def names(reading, max_rows=None):
    return [name for batch, _ in reading.batches(max_rows) for name in batch.table["Name"].to_pylist()]


def resumed_names(resumed):
    return resumed.to_arrow()["Name"].to_pylist()


def pages_asked(org):
    return sorted(step for step in org.steps if step.startswith("page"))


# --- whole -----------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("D1")
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("pages", [[0], [1], [3], [3, 2, 2], [1] * 12, [2, 0, 1]], ids=str)
def test_every_row_comes_once_and_in_order(org, read, home, pages, listed, zipped):
    """Whether the org lists its pages or leads from one to the next; each is asked for once, and nothing stays."""
    org.pages, org.listed, org.zipped = pages, listed, zipped
    assert names(read()) == org.names
    assert pages_asked(org) == sorted(f"page {n}" for n in range(len(pages)))
    assert list(home.iterdir()) == []
    assert not {"abort", "delete"} & set(org.steps)


def test_a_result_without_rows_has_its_columns(org, read):
    """One batch, empty and typed."""
    org.pages = [0]
    ((batch, total),) = read().batches()
    assert (batch.table.column_names, batch.table.num_rows, total) == (["Id", "Name"], 0, 0)


def test_reading_again_asks_again(org, read):
    """Each reading is a job of its own."""
    reading = read()
    assert names(reading) == names(reading) == org.names
    assert org.steps.count("create") == 2


def test_progress_is_told(org, read, events):
    """The job's states, then the rows: of how many, and the last of them as the last."""
    names(read())
    states = [event.state for event in events if isinstance(event, JobState)]
    rows = [(event.rows, event.total, event.done) for event in events if isinstance(event, RowsRead)]
    assert states == ["UploadComplete", "InProgress", "JobComplete"]
    assert rows == [(3, 7, False), (5, 7, False), (7, 7, True)]


def test_a_page_is_fetched_while_another_is_read(org, read):
    """Not all pages, which may be more than a disk holds, but some ahead of the reader."""
    org.pages = [1] * 20
    reading = read().batches()
    for _ in range(4):
        next(reading)
    asked = len(pages_asked(org))
    reading.close()
    assert 4 < asked <= 7


def test_deleted_rows_are_another_operation(org, read):
    """``all_rows`` is a job of queryAll."""
    names(read(all_rows=True))
    assert json.loads(next(r.content for r in org.requests if r.method == "POST" and "jobs" in r.url.path)) == {
        "operation": "queryAll",
        "query": SOQL,
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    }


# --- bounded ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", [True, False])
def test_max_rows_fetches_no_page_behind_them(org, read, home, listed):
    """The page in which they are reached is the last one asked for, and nothing stays on disk."""
    org.listed = listed
    assert names(read(), 4) == org.names[:5]
    assert pages_asked(org) == ["page 0", "page 1"]
    assert list(home.iterdir()) == []


def test_rows_taken_half_way_can_be_taken_up_again(org, read, resume, home):
    """Who stops taking keeps what was fetched."""
    reading = read().batches()
    next(reading)
    reading.close()
    assert [folder.name for folder in home.iterdir()] == [JOB]
    assert resumed_names(resume()) == org.names
    assert list(home.iterdir()) == []


# --- the proof -------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("D3")
@pytest.mark.parametrize("wrong", [-1, 1])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_page_with_another_count_than_its_rows_is_refused(org, read, home, number, wrong):
    """One row more or less than the header says; the page goes, the others stay."""
    org.faults[f"page {number}"] = [
        lambda answer: org.page(number, sforce_numberofrecords=str(org.pages[number] + wrong))
    ]
    with pytest.raises(IncompleteResult, match="by the org's count"):
        names(read())
    assert not (home / JOB / f"page-0000{number}.json").exists()


@pytest.mark.catalogue("D3")
@pytest.mark.parametrize("wrong", [-1, 1])
@pytest.mark.parametrize("listed", [True, False])
def test_rows_that_do_not_add_up_to_the_job_s_count_are_refused(org, read, listed, wrong):
    """The job's own total is the measure of the whole."""
    org.listed, org.job = listed, {"numberRecordsProcessed": 7 + wrong}
    with pytest.raises(IncompleteResult) as refusal:
        names(read())
    assert (refusal.value.expected, refusal.value.received) == (7 + wrong, 7)


@pytest.mark.catalogue("D3")
def test_a_complete_job_that_does_not_count_is_unreadable(org, read):
    """Without a total nothing is proved."""
    org.job = {"numberRecordsProcessed": None}
    with pytest.raises(UnreadableAnswer, match="does not tell how many rows"):
        names(read())


@pytest.mark.catalogue("D3")
@pytest.mark.parametrize("listed", [True, False])
def test_counts_a_proxy_takes_away_are_not_needed(org, read, listed):
    """The job's total proves the whole without those of the pages."""
    org.listed = listed
    for number in range(3):
        org.faults[f"page {number}"] = [lambda answer, number=number: org.page(number, sforce_numberofrecords=None)]
    assert names(read()) == org.names
    org.job = {"numberRecordsProcessed": 8}
    with pytest.raises(IncompleteResult):
        names(read())


@pytest.mark.catalogue("D2")
def test_a_missing_locator_ends_the_result_only_where_all_rows_are_there(org, read):
    """Without the word null, the total decides."""
    org.listed = False
    org.faults["page 2"] = [lambda answer: org.page(2, sforce_locator=None)]
    assert names(read()) == org.names
    org.faults["page 1"] = [lambda answer: org.page(1, sforce_locator=None)]
    with pytest.raises(IncompleteResult, match="does not tell what follows") as refusal:
        names(read())
    assert (refusal.value.expected, refusal.value.received) == (7, 5)


def test_a_page_without_any_header_is_read_where_it_is_the_only_one(org, read):
    """A proxy that takes all of Salesforce's headers away makes a small result no worse."""
    org.listed, org.pages = False, [3]
    org.faults["page 0"] = [lambda answer: org.page(0, sforce_locator=None, sforce_numberofrecords=None)]
    assert names(read()) == org.names


@pytest.mark.catalogue("D2")
@pytest.mark.parametrize("back", ["at-1", "at-2"])
def test_a_locator_that_leads_back_is_refused(org, read, back):
    """To the page itself or to an earlier one: an error after few requests, not an endless read."""
    org.listed, org.pages = False, [2, 2, 2, 2]
    org.faults["page 2"] = [lambda answer: org.page(2, sforce_locator=back)]
    with pytest.raises(IncompleteResult, match="leads back"):
        names(read())
    assert len(pages_asked(org)) <= 4


@pytest.mark.catalogue("D2")
def test_a_page_listed_twice_is_refused(org, read):
    """However the list names it a second time."""
    urls = [{"resultUrl": f"{DATA}/jobs/query/{JOB}/results?locator=at-{n}"} for n in (0, 1, 1)]
    org.faults["list"] = [httpx.Response(200, json={"resultPages": urls, "done": True})]
    with pytest.raises(IncompleteResult, match="lists a page of results twice"):
        names(read())


@pytest.mark.catalogue("D2")
@pytest.mark.parametrize("listed", [True, False])
def test_an_org_that_gives_the_same_page_again_is_found_out(org, read, listed):
    """Also where the counts add up: a locator that was not heard brings the page before once more."""
    org.listed, org.pages = listed, [2, 2, 2]
    org.faults["page 2"] = [lambda answer: org.page(2, org.packed(org.body(1)))]
    with pytest.raises(IncompleteResult, match="came twice"):
        names(read())


def test_pages_may_be_alike_where_all_rows_are(org, read, monkeypatch):
    """A column of one value gives equal pages, and that is no fault."""
    monkeypatch.setattr(org, "rows", lambda page: [("", "same")] * org.pages[page])
    org.pages = [2, 2, 2]
    assert names(read()) == ["same"] * 6


def test_a_header_that_changes_between_two_pages_is_refused(org, read):
    """The schema of the first page is that of all."""
    body = org.body(1).replace(b'"Id","Name"', b'"Id","Title"')
    org.faults["page 1"] = [lambda answer: org.page(1, org.packed(body))]
    with pytest.raises(UnreadableAnswer, match="Id, Title"):
        names(read())


# --- broken pages ----------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("D7")
@pytest.mark.parametrize("zipped", [True, False])
def test_a_page_cut_at_any_byte_is_fetched_again(org, read, monkeypatch, zipped):
    """And goes on behind the rows handed out: none missing, none twice, wherever it was cut."""
    monkeypatch.setattr("sfdata.frames.csv_columns.BLOCK_BYTES", 1)
    monkeypatch.setattr(spool, "CHUNK_BYTES", 16)
    org.zipped, org.pages = zipped, [1, 2]
    body = org.packed(org.body(1))
    cuts = range(len(body) - 1)  # without the last line end, uncompressed rows are whole
    for cut in cuts:
        org.faults["page 1"] = [lambda answer, cut=cut: org.page(1, body[:cut]), None]
        assert names(read()) == org.names, cut
    assert pages_asked(org).count("page 1") == 2 * len(cuts)


@pytest.mark.catalogue("D7")
def test_a_page_that_is_always_cut_is_refused_in_the_end(org, read, home):
    """After a few tries, as what it is; the other pages stay, and the job is resumed when the org is well again."""
    body = org.packed(org.body(1))
    org.faults["page 1"] = [lambda answer: org.page(1, body[:-1])]
    with pytest.raises(UnreadableAnswer, match="breaks off") as refusal:
        names(read())
    assert org.steps.count("page 1") == bulk_read.FETCHES
    assert f'sfdata.resume("{JOB}")' in refusal.value.hint
    assert (home / JOB / "page-00000.json").exists()


def test_a_damaged_page_is_refused_and_fetched_anew_when_resumed(org, read, resume):
    """Wrong bytes are no rows; they do not stay on disk."""
    body = bytearray(org.packed(org.body(1)))
    body[len(body) // 2] ^= 0xFF
    org.faults["page 1"] = [lambda answer: org.page(1, bytes(body)), None]
    with pytest.raises(UnreadableAnswer, match="damaged"):
        names(read())
    org.faults.clear()
    org.steps.clear()
    assert resumed_names(resume()) == org.names
    assert "page 0" not in org.steps
    assert "page 1" in org.steps


@pytest.mark.parametrize("step", ["create", "info", "list", "page 0", "page 2"])
@pytest.mark.parametrize("fault", [html, busy, lambda: httpx.ReadError("reset"), lambda: httpx.ReadTimeout("late")])
def test_a_passing_fault_at_any_step_passes(org, read, step, fault):
    """A page of a proxy, a busy org, a broken connection: asked again, and whole."""
    org.faults[step] = [fault(), None]
    assert names(read()) == org.names


@pytest.mark.parametrize("step", ["page 0", "page 1", "page 2"])
@pytest.mark.parametrize("fault", [html, busy])
def test_a_lasting_fault_keeps_what_is_there(org, read, resume, step, fault):
    """The error says how to go on, and going on asks only for what is missing."""
    org.faults[step] = [lambda answer: fault()]
    with pytest.raises(SalesforceError) as failure:
        names(read())
    assert f'sfdata.resume("{JOB}")' in failure.value.hint
    org.faults.clear()
    org.steps.clear()
    assert resumed_names(resume()) == org.names
    first = int(step[5:])
    assert not {f"page {n}" for n in range(first)} & set(org.steps)
    assert step in org.steps


@pytest.mark.catalogue("D7")
def test_a_connection_lost_within_a_page_is_no_row_twice(org, read):
    """The attempt that broke off leaves nothing in the one that follows."""

    class Breaking(httpx.SyncByteStream):
        def __iter__(self):
            yield org.packed(org.body(1))[:20]
            raise httpx.ReadError("reset")

    def broken(answer):
        return httpx.Response(200, headers=answer.headers, stream=Breaking())

    org.faults["page 1"] = [broken, None]
    assert names(read()) == org.names


@pytest.mark.catalogue("A2")
@pytest.mark.parametrize("status", [401, 400])
@pytest.mark.parametrize("step", ["create", "info", "list", "page 0", "page 1", "page 2"])
def test_a_session_that_ends_at_any_step_is_renewed(org, read, step, status):
    """By one login, in both forms an org tells it; no row comes twice."""
    org.faults[step] = [refused(status), None]
    assert names(read()) == org.names
    assert org.logins == 2


# --- the job ---------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("D8")
@pytest.mark.parametrize("state", ["Failed", "Aborted"])
def test_a_job_that_comes_to_nothing_raises_what_the_org_says(org, read, home, state):
    """No page is asked for, and nothing is left to resume."""
    org.states, org.job = ["InProgress", state], {"errorMessage": "InvalidBatch : too complicated"}
    with pytest.raises(BulkJobFailed, match="too complicated") as failure:
        names(read())
    assert failure.value.job == JOB
    assert pages_asked(org) == []
    assert list(home.iterdir()) == []


def test_a_query_the_org_refuses_leaves_no_spool(org, read, home):
    """What it says is raised as it is."""
    problem = [{"errorCode": "API_ERROR", "message": "Selecting compound data not supported in Bulk Query"}]
    org.faults["create"] = [httpx.Response(400, json=problem)]
    with pytest.raises(ResponseError, match="compound data"):
        names(read())
    assert not home.exists() or list(home.iterdir()) == []


@pytest.mark.parametrize("step", ["info", "page 1"])
def test_a_job_that_was_deleted_is_gone(org, read, step):
    """While it is waited for, or while its pages are fetched."""
    org.faults[step] = [lambda answer: missing()]
    with pytest.raises(ResultsGone, match=JOB) as failure:
        names(read())
    assert "Run the query again" in failure.value.hint


def test_half_of_the_questions_may_go_unanswered(org, read):
    """A job that was asked about in vain goes on, and so does the read; it is never aborted."""
    org.states = ["InProgress"] * 20 + ["JobComplete"]
    lost = [httpx.ConnectError("no"), busy(), html(), httpx.ReadTimeout("late")] * 2
    org.faults["info"] = [fault for _ in range(20) for fault in (*lost, None)]
    assert names(read()) == org.names
    assert not {"abort", "delete"} & set(org.steps)


def test_an_org_that_never_answers_is_given_up_after_a_while(org, read, time):
    """Minutes later, with the error it gave and how to go on."""
    org.faults["info"] = [lambda answer: busy()]
    with pytest.raises(SalesforceError, match="busy") as failure:
        names(read())
    assert f'sfdata.resume("{JOB}")' in failure.value.hint
    assert 120 < time.now < 3600


def test_a_deadline_stops_the_waiting_and_nothing_else(org, read, resume, time):
    """The job is not aborted; it is resumed by its Id, in another process, and read when it is complete."""
    org.states = ["InProgress"]
    with pytest.raises(StillRunning) as failure:
        names(read(deadline=60))
    assert failure.value.id == JOB
    assert time.now <= 60
    assert not {"abort", "delete"} & set(org.steps)
    org.states = ["JobComplete"]
    org.steps.clear()
    assert resumed_names(resume()) == org.names
    assert "create" not in org.steps


def test_questions_become_rarer_as_the_job_takes_longer(org, read, time):
    """The first at once, then within half a second; never more than half a minute apart, and few in an hour."""
    org.states = ["InProgress"]
    with pytest.raises(StillRunning):
        names(read(deadline=3600))
    assert time.slept[0] <= 0.5
    assert max(time.slept) == 30
    assert all(later >= earlier for earlier, later in zip(time.slept, time.slept[1:], strict=False))
    assert len(time.slept) < 150


def test_a_job_is_aborted_when_asked_to_be(org, read, resume):
    """And only then."""
    org.states = ["InProgress"]
    with pytest.raises(StillRunning):
        names(read(deadline=1))
    resume().abort()
    assert org.steps[-1] == "abort"


# --- stopping and resuming -------------------------------------------------------------------------------------------


@pytest.mark.catalogue("P1")
@pytest.mark.parametrize("moment", ["UploadComplete", "JobComplete", 3, 5])
def test_an_interrupt_names_the_way_to_go_on(org, read, resume, events, moment):
    """Ctrl-C while the job is waited for or between pages: nothing is stopped in the org, no page is fetched twice."""

    class Watched(list):
        def append(self, event):
            super().append(event)
            if getattr(event, "state", getattr(event, "rows", None)) == moment:
                raise KeyboardInterrupt

    watched = read()
    watched.hooks.subscribe(Watched().append)
    with pytest.raises(KeyboardInterrupt) as stopped:
        names(watched)
    assert any(f'sfdata.resume("{JOB}")' in note for note in stopped.value.__notes__)
    assert not {"abort", "delete"} & set(org.steps)
    assert resumed_names(resume()) == org.names
    assert len(pages_asked(org)) == 3 or isinstance(moment, int)
    assert org.steps.count("create") == org.steps.count("page 0") == 1


def test_a_read_whose_pages_are_all_there_needs_the_org_no_more(org, read, resume):
    """Killed when the last page had come: the rows are on disk, and the job may be gone."""
    org.pages = [2, 1]
    reading = read().batches()
    next(reading)
    next(reading)
    reading.close()
    org.steps.clear()
    resumed = resume()
    for step in ("info", "list", "page 0", "page 1"):
        org.faults[step] = [lambda answer: missing()]
    assert resumed_names(resumed) == org.names
    assert org.steps == []


def test_a_resumed_read_has_every_form_and_tells_where_it_comes_from(org, read, resume):
    """As a query has; the frame names query, org and engine."""
    with suppress(StillRunning):
        org.states = ["InProgress"]
        names(read(deadline=1))
    org.states = ["JobComplete"]
    frame = resume().to_pandas()
    assert frame["Name"].tolist() == org.names
    about = frame.attrs["sfdata"]
    assert (about["query"], about["engine"], about["org"]) == (SOQL, "bulk", "acme.my.salesforce.com")


def test_a_resumed_read_can_be_read_again(org, read, resume):
    """As long as the org has the results, also after its own spool is gone."""
    reading = read().batches()
    next(reading)
    reading.close()
    resumed = resume()
    assert resumed_names(resumed) == resumed_names(resumed) == org.names
    assert org.steps.count("create") == 1


def test_a_job_is_read_with_the_version_it_was_made_with(org, read, resume, home):
    """Whatever version the connection has by now: the org answers no other."""
    with suppress(StillRunning):
        org.states = ["InProgress"]
        names(read(deadline=1))
    record = home / JOB / "read.json"
    record.write_text(record.read_text().replace('"67.0"', '"60.0"'))
    org.requests.clear()
    with pytest.raises(KeyError):  # the stub knows the other version only
        resumed_names(resume())
    assert org.requests[-1].url.path == f"/services/data/v60.0/jobs/query/{JOB}"


def test_a_job_of_another_org_is_not_resumed(org, read, resume, home):
    """The error says which org it is of."""
    with suppress(StillRunning):
        org.states = ["InProgress"]
        names(read(deadline=1))
    record = home / JOB / "read.json"
    record.write_text(record.read_text().replace("acme", "other"))
    with pytest.raises(ConfigurationError, match=re.escape("https://other.my.salesforce.com")):
        resume()


@pytest.mark.catalogue("F3")
def test_a_read_under_way_is_not_read_by_another(org, read, resume):
    """Two writers of one spool would spoil it."""
    reading = read().batches()
    next(reading)
    with pytest.raises(ConfigurationError, match="being read already"):
        resumed_names(resume())
    assert [n for batch, _ in reading for n in batch.table["Name"].to_pylist()] == org.names[3:]


@pytest.mark.catalogue("S34")
def test_no_secret_is_on_disk(org, read, home):
    """Neither the token nor the client's secret, in any file of an interrupted read."""
    reading = read().batches()
    next(reading)
    reading.close()
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert len(kept) > 3
    assert not any(secret in content for content in kept for secret in (b"token-1", b"secret"))


@pytest.mark.catalogue("F1")
def test_no_job_is_made_whose_pages_have_no_place(org, read, home):
    """A state folder that cannot be made is found out before anything is asked of the org."""
    home.write_text("in the way")
    with pytest.raises(ConfigurationError):
        names(read())
    assert org.steps == []


@pytest.mark.catalogue("F1")
@pytest.mark.parametrize("room", [0, 100, 200, 400, 500])
def test_a_full_disk_keeps_the_pages_before_it(org, read, resume, home, monkeypatch, room):
    """The error says how many are safe; with room again, only the others are fetched."""
    left, create = [1 << 30], spool._create

    class Quota(io.RawIOBase):
        def __init__(self, path):
            self.file = create(path)

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, content):
            left[0] -= len(content)
            if left[0] < 0:
                raise OSError(28, "No space left on device")
            return self.file.write(content)

        def close(self):
            self.file.close()

        def flush(self):
            self.file.flush()

        def fileno(self):
            return self.file.fileno()

        def tell(self):
            return self.file.tell()

    monkeypatch.setattr(spool, "_create", Quota)
    org.listed = False
    org.faults["page 0"] = [lambda answer: left.__setitem__(0, room) or answer]
    with pytest.raises(SpoolFailed, match="No space left") as failure:
        names(read())
    safe = len(list((home / JOB).glob("page-*.json")))
    assert (failure.value.job, failure.value.pages) == (JOB, safe)
    left[0] = 1 << 30
    org.faults.clear()
    org.steps.clear()
    assert resumed_names(resume()) == org.names
    assert len(pages_asked(org)) == 3 - safe


# --- what a job can serve --------------------------------------------------------------------------------------------

REASONS = {
    "SELECT COUNT() FROM Account": "counts",
    "SELECT COUNT(Id) FROM Account": "groups",
    "SELECT Name, MAX(Amount__c) FROM Account GROUP BY Name": "groups",
    "SELECT Name FROM Account GROUP BY Name": "groups",
    "SELECT Id FROM Account LIMIT 5 OFFSET 5": "OFFSET",
    "SELECT Id, (SELECT Id FROM Contacts) FROM Account": "child",
    "SELECT FIELDS(STANDARD) FROM Account": "plain fields",
    "SELECT FORMAT(Amount__c) FROM Account": "plain fields",
    "SELECT toLabel(Name) FROM Account": "plain fields",
    "SELECT Name alias FROM Account": "plain fields",
    "SELECT BillingAddress FROM Account": "compound",
    "SELECT Id FROM Account FOR VIEW": "FOR",
    "SELECT Id FROM Account UPDATE TRACKING": "UPDATE",
}


@pytest.mark.parametrize("soql", REASONS)
def test_what_a_job_cannot_serve_is_known_before(read, soql):
    """Each with its reason, which goes into the error."""
    reading = read(soql)
    assert REASONS[soql] in servable(reading.query, reading.columns)


@pytest.mark.parametrize("soql", [SOQL, "SELECT Id FROM Account WHERE Name LIKE 'a%' ORDER BY Name LIMIT 7"])
def test_plain_queries_can_be_served(read, soql):
    """Filters, an order and a limit are no hindrance."""
    reading = read(soql)
    assert servable(reading.query, reading.columns) is None


# --- a session that cannot be renewed --------------------------------------------------------------------------------


def test_a_session_that_stays_refused_is_an_error(org, home):
    """A token nobody can renew ends the read with the org's word for it; the spool stays."""
    org.faults["page 1"] = [lambda answer: refused(401)]
    flow = AccessToken(access_token="00D!x", instance_url=URL)
    wire, runtime = httpx.MockTransport(org.handle), Runtime.seeded(1)
    with HttpSession(OrgConfig(URL), flow, wire=wire, runtime=runtime) as session:
        reading = BulkRead(session, DescribeCache(session), Hooks(), parse(SOQL), SOQL)
        with pytest.raises(SalesforceError) as failure:
            names(reading)
    assert not isinstance(failure.value, TransportError)
    assert (home / JOB / "page-00000.json").exists()
