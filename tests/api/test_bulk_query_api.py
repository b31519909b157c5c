"""Bulk 2.0 query jobs, call by call: against the real local org, and against answers no org should give."""

from __future__ import annotations

import csv
import io
import json
import time

import httpx
import pytest

from sfdata.api import bulk_query
from sfdata.api.bulk_query import QueryJob
from sfdata.auth import AccessToken
from sfdata.config import OrgConfig
from sfdata.errors import ConnectionFailed, NotFound, ResponseError, UnreadableAnswer
from sfdata.localorg import LocalOrg
from sfdata.localorg.bulk import resources
from sfdata.resilience.retry import RetryPolicy
from sfdata.transport.bodies import whole_body
from sfdata.transport.http_session import HttpSession

JOBS = "/services/data/v67.0/jobs/query"
JOB = f"{JOBS}/750AA0000000001AAA"
ROWS = 7


class Body:
    """A sink that keeps the latest attempt's body."""

    def restart(self, headers):
        self.headers, self.raw = headers, b""

    def write(self, raw):
        self.raw += raw

    @property
    def rows(self):
        return list(csv.reader(io.StringIO(whole_body(self.raw, 200, self.headers).decode(), newline="")))


@pytest.fixture(scope="module")
def local():
    """A connection to a local org with `ROWS` accounts."""
    with LocalOrg(sample_data=False) as running:
        flow = AccessToken(access_token=running.access_token, instance_url=running.instance_url)
        with HttpSession(OrgConfig(running.instance_url), flow) as session:
            records = [{"attributes": {"type": "Account"}, "Name": f"n{number}"} for number in range(ROWS)]
            base = f"{running.instance_url}/services/data/v67.0"
            headers = {"Authorization": f"Bearer {running.access_token}"}
            url, body = f"{base}/composite/sobjects", {"allOrNone": True, "records": records}
            assert all(one["success"] for one in httpx.post(url, json=body, headers=headers, trust_env=False).json())
            yield session


def completed(session, soql="SELECT Name FROM Account ORDER BY Name", **options):
    """A job that has ended well."""
    job = bulk_query.create(session, soql, **options)
    deadline = time.monotonic() + 20
    while not job.ended:
        assert time.monotonic() < deadline
        time.sleep(0.005)
        job = bulk_query.info(session, job.id)
    assert job.state == "JobComplete", job
    return job


# --- against the local org -------------------------------------------------------------------------------------------


def test_a_job_tells_what_it_runs_and_how_many_rows_it_found(local):
    """Created it waits; ended it has a count; its object and operation are the query's."""
    made = bulk_query.create(local, "SELECT Id FROM Account")
    assert (made.object, made.operation, made.error) == ("Account", "query", None)
    ended = completed(local)
    assert (ended.state, ended.rows, ended.ended) == ("JobComplete", ROWS, True)


def test_all_rows_makes_another_operation(local):
    """``all_rows`` is Bulk's queryAll."""
    assert bulk_query.create(local, "SELECT Id FROM Account", all_rows=True).operation == "queryAll"


def test_pages_follow_each_other_by_their_locators(local, monkeypatch):
    """From the page without a locator to the one that says null, each row comes once and each page counts its own."""
    monkeypatch.setattr(resources, "ROWS_PER_PAGE", 3)
    job, locator, names, counts = completed(local), None, [], []
    while locator != bulk_query.LAST:
        body = Body()
        page = bulk_query.results(local, bulk_query.result_url(local, job.id, locator), body)
        assert body.rows[0] == ["Name"]
        names += [name for (name,) in body.rows[1:]]
        counts.append(page.rows)
        locator = page.locator
    assert names == [f"n{number}" for number in range(ROWS)]
    assert counts == [3, 3, 1]


def test_listed_pages_are_the_same_ones_in_the_same_order(local, monkeypatch):
    """The addresses that resultPages lists, more of them than one answer holds, give every row once."""
    monkeypatch.setattr(resources, "ROWS_PER_PAGE", 1)
    monkeypatch.setattr(resources, "PAGES_IN_PARALLEL", 2)
    job, names = completed(local), []
    urls = list(bulk_query.result_urls(local, job.id))
    for url in urls:
        body = Body()
        bulk_query.results(local, url, body)
        names += [name for (name,) in body.rows[1:]]
    assert names == [f"n{number}" for number in range(ROWS)]
    assert len(urls) == ROWS


def test_a_deleted_job_is_not_found(local):
    """After delete neither the job nor its results are there."""
    job = completed(local)
    bulk_query.delete(local, job.id)
    with pytest.raises(NotFound):
        bulk_query.info(local, job.id)
    with pytest.raises(NotFound):
        bulk_query.results(local, bulk_query.result_url(local, job.id), Body())


def test_an_ended_job_cannot_be_aborted(local):
    """The org's refusal is raised with its code."""
    with pytest.raises(ResponseError) as refused:
        bulk_query.abort(local, completed(local).id)
    assert refused.value.error_code == "INVALIDJOBSTATE"


def test_what_bulk_cannot_query_is_refused_when_the_job_is_made(local):
    """A grouped query raises what the org says of it."""
    with pytest.raises(ResponseError, match="Group By not supported"):
        bulk_query.create(local, "SELECT Name, COUNT(Id) FROM Account GROUP BY Name")


def test_the_list_of_jobs_goes_on_behind_its_first_page(local, monkeypatch):
    """Every query job is listed once, however many a page of the list has."""
    made = {bulk_query.create(local, "SELECT Id FROM Account").id for _ in range(3)}
    monkeypatch.setattr(resources, "JOBS_PER_PAGE", 2)
    listed = [job.id for job in bulk_query.jobs(local)]
    assert made <= set(listed)
    assert len(listed) == len(set(listed))


# --- against a stub --------------------------------------------------------------------------------------------------


def test_a_job_is_asked_for_in_one_dialect(session, org):
    """What is sent says query, CSV, comma and LF, since the CSV is read by exactly those."""
    org.resources[JOBS] = {"id": "750AA0000000001AAA", "state": "UploadComplete"}
    soql = "SELECT Id FROM Account WHERE Name = 'ä\n'"
    assert bulk_query.create(session, soql) == QueryJob("750AA0000000001AAA", "UploadComplete", "", "")
    assert json.loads(org.seen[0].content) == {
        "operation": "query",
        "query": soql,
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    }


def test_an_abort_sends_the_state_and_nothing_else(session, org):
    """PATCH with the one word; the answer is the job."""
    org.resources[JOB] = {"id": "750AA0000000001AAA", "state": "Aborted", "object": "Account", "operation": "query"}
    assert bulk_query.abort(session, "750AA0000000001AAA").ended
    assert (org.seen[0].method, json.loads(org.seen[0].content)) == ("PATCH", {"state": "Aborted"})


def test_a_job_is_read_with_the_version_that_made_it(session, org):
    """An older job's calls go to the older version, whatever the session's own: the org answers no other."""
    old = "/services/data/v60.0/jobs/query/750AA0000000001AAA"
    org.resources[old] = {"id": "750AA0000000001AAA", "state": "Aborted"}
    org.resources[f"{old}/resultPages"] = {"resultPages": [], "done": True}
    bulk_query.info(session, "750AA0000000001AAA", version="60.0")
    bulk_query.abort(session, "750AA0000000001AAA", version="60.0")
    assert list(bulk_query.result_urls(session, "750AA0000000001AAA", version="60.0")) == []
    assert bulk_query.result_url(session, "750AA0000000001AAA", version="60.0") == f"{old}/results"


@pytest.mark.parametrize("answer", [{}, [], None, {"id": "750"}, {"id": 7, "state": "Open"}, "x"])
def test_an_answer_that_is_no_job_is_unreadable(session, org, answer):
    """Without an Id and a state there is no job."""
    org.resources[JOB] = json.dumps(answer).encode()
    with pytest.raises(UnreadableAnswer):
        bulk_query.info(session, "750AA0000000001AAA")


@pytest.mark.catalogue("D2", "D3")
def test_missing_headers_are_told_as_missing(session, org):
    """A proxy that takes the count and the locator away leaves None, neither 0 nor the end."""
    org.resources[f"{JOB}/results"] = httpx.Response(200, content=b'"Id"\n', headers={"content-type": "text/csv"})
    page = bulk_query.results(session, f"{JOB}/results", Body())
    assert (page.rows, page.locator) == (None, None)


@pytest.mark.catalogue("D3")
@pytest.mark.parametrize("count", ["", "-1", "1.5", "many", "1 000", "²"])
def test_a_garbled_count_is_none(session, org, count):
    """Only digits are a number of rows."""
    headers = {"content-type": "text/csv", "Sforce-NumberOfRecords": count.encode(), "Sforce-Locator": "null"}
    org.resources[f"{JOB}/results"] = httpx.Response(200, content=b'"Id"\n', headers=headers)
    page = bulk_query.results(session, f"{JOB}/results", Body())
    assert (page.rows, page.locator) == (None, "null")


def test_a_locator_travels_as_it_was_given(session, org):
    """It is opaque text: what it holds is escaped and arrives unchanged."""
    headers = {"content-type": "text/csv", "Sforce-NumberOfRecords": "0", "Sforce-Locator": "null"}
    org.resources[f"{JOB}/results"] = lambda request: httpx.Response(200, content=b'"Id"\n', headers=headers)
    url = bulk_query.result_url(session, "750AA0000000001AAA", "MTAw/+&=MDA")
    bulk_query.results(session, url, Body())
    assert dict(org.seen[0].url.params) == {"locator": "MTAw/+&=MDA"}
    assert org.seen[0].headers["accept"] == "text/csv"


def test_an_address_without_its_first_slash_is_followed(session, org):
    """The org has been seen to list pages so."""
    org.resources[f"{JOB}/resultPages"] = {"resultPages": [{"resultUrl": f"{JOB[1:]}/results?locator=a"}], "done": True}
    assert list(bulk_query.result_urls(session, "750AA0000000001AAA")) == [f"{JOB}/results?locator=a"]


@pytest.mark.catalogue("S9")
@pytest.mark.parametrize("url", ["https://evil.example/x", "//evil.example/services/x", "/services/../x", "/x"])
def test_a_page_elsewhere_is_not_fetched(session, org, url):
    """An address that leads out of the org makes no request."""
    org.resources[f"{JOB}/resultPages"] = {"resultPages": [{"resultUrl": url}], "done": True}
    (listed,) = bulk_query.result_urls(session, "750AA0000000001AAA")
    with pytest.raises(UnreadableAnswer):
        bulk_query.results(session, listed, Body())
    assert len(org.seen) == 1


BACK = {"resultPages": [{"resultUrl": f"{JOB}/results"}], "nextRecordsUrl": f"{JOB}/resultPages", "done": False}
NO_LISTS = {
    "no list": {},
    "a list of texts": {"resultPages": ["x"]},
    "a page without an address": {"resultPages": [{}], "done": True},
    "a list that goes on without pages": {**BACK, "resultPages": [], "nextRecordsUrl": f"{JOB}/resultPages?locator=b"},
    "a list that leads back to itself": BACK,
}


@pytest.mark.parametrize("answer", NO_LISTS.values(), ids=NO_LISTS.keys())
def test_a_list_of_pages_that_is_none_is_unreadable(session, org, answer):
    """Neither half a list nor an endless one is taken for the whole."""
    org.resources[f"{JOB}/resultPages"] = answer
    with pytest.raises(UnreadableAnswer):
        list(bulk_query.result_urls(session, "750AA0000000001AAA"))


@pytest.mark.catalogue("D2")
def test_a_list_of_pages_in_a_circle_is_unreadable(session, org):
    """A list that leads back to an earlier one, not to itself, is found out too."""
    urls = {"a": "b", "b": "c", "c": "b"}

    def answer(request):
        here = request.url.params.get("locator", "a")
        following = f"{JOB}/resultPages?locator={urls[here]}"
        return httpx.Response(
            200, json={"resultPages": [{"resultUrl": f"{JOB}/results"}], "nextRecordsUrl": following, "done": False}
        )

    org.resources[f"{JOB}/resultPages"] = answer
    with pytest.raises(UnreadableAnswer):
        list(bulk_query.result_urls(session, "750AA0000000001AAA"))
    assert len(org.seen) < 10


def test_a_lost_answer_to_a_creation_is_asked_for_again(org):
    """An orphan costs a job of the day; a read that fails costs more."""
    tries = []

    def answer(request):
        tries.append(request)
        if len(tries) == 1:
            raise httpx.ReadError("lost on the way back")
        return httpx.Response(200, json={"id": "750AA0000000001AAA", "state": "UploadComplete"})

    flow = AccessToken(access_token="00D!x", instance_url="https://acme.my.salesforce.com")
    retry = RetryPolicy(sleep=lambda seconds: None)
    config = OrgConfig("https://acme.my.salesforce.com")
    with HttpSession(config, flow, wire=httpx.MockTransport(answer), retry=retry) as session:
        assert bulk_query.create(session, "SELECT Id FROM Account").state == "UploadComplete"
    assert len(tries) == 2


@pytest.mark.parametrize("state", ["Aborted", "InProgress"])
def test_after_a_lost_answer_to_an_abort_the_job_itself_tells(state):
    """It is asked for its state, and not aborted twice: ended is done, and anything else is the error there was."""
    methods = []

    def answer(request):
        methods.append(request.method)
        if request.method == "PATCH":
            raise httpx.ReadError("lost on the way back")
        return httpx.Response(200, json={"id": "750AA0000000001AAA", "state": state})

    flow = AccessToken(access_token="00D!x", instance_url="https://acme.my.salesforce.com")
    config = OrgConfig("https://acme.my.salesforce.com")
    with HttpSession(config, flow, wire=httpx.MockTransport(answer)) as session:
        if state == "Aborted":
            assert bulk_query.abort(session, "750AA0000000001AAA").state == "Aborted"
        else:
            with pytest.raises(ConnectionFailed):
                bulk_query.abort(session, "750AA0000000001AAA")
    assert methods == ["PATCH", "GET"]
