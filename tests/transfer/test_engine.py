"""Which API reads a query: chosen by what the first page tells, announced, and never at the cost of a row."""

from __future__ import annotations

import httpx
import pandas as pd
import pytest

from sfdata.api.describe import DescribeCache
from sfdata.auth.flows import AccessToken
from sfdata.config import OrgConfig
from sfdata.errors import ConfigurationError, InvalidField, NotServable, ResponseError, ServerUnavailable
from sfdata.localorg import LocalOrg
from sfdata.resilience.hooks import EngineChosen, Hooks
from sfdata.resilience.retry import RetryPolicy
from sfdata.transfer import engine as engine_module
from sfdata.transfer.soql_query import Soql
from sfdata.transport.http_session import HttpSession
from sfdata.transport.wire import LiveWire

ACCOUNTS = "SELECT Id, Name, AnnualRevenue, CreatedDate, Owner.Name FROM Account ORDER BY Id"
TIMEOUT = httpx.Response(
    400, json=[{"errorCode": "QUERY_TIMEOUT", "message": "Your query request was running for too long."}]
)
REFUSAL = httpx.Response(400, json=[{"errorCode": "FEATURENOTENABLED", "message": "Bulk API is not enabled"}])


@pytest.fixture(scope="module")
def local_org():
    with LocalOrg() as running:
        yield running


class Between(httpx.BaseTransport):
    """The network; ``instead`` maps a method and the end of a path to the answer given in its place."""

    def __init__(self):
        self.wire, self.instead, self.asked = LiveWire(), {}, []

    def handle_request(self, request):
        self.asked.append((request.method, request.url.path.split("/v67.0/", 1)[-1]))
        for (method, end), answer in self.instead.items():
            if request.method == method and request.url.path.endswith(end):
                return answer
        return self.wire.handle_request(request)

    def close(self):
        self.wire.close()


@pytest.fixture
def between():
    return Between()


@pytest.fixture
def read(local_org, between, monkeypatch, tmp_path):
    """Reads a query by an engine; ``.chosen`` are the announcements."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    flow = AccessToken(access_token=local_org.access_token, instance_url=local_org.instance_url)
    events = []
    options = {"wire": between, "retry": RetryPolicy(sleep=lambda seconds: None), "hooks": Hooks(events.append)}
    with HttpSession(OrgConfig(local_org.instance_url), flow, **options) as session:

        def query(text, **choice):
            return Soql(session, DescribeCache(session), session.hooks, text, **choice)

        query.chosen = lambda: [event.engine for event in events if isinstance(event, EngineChosen)]
        yield query


@pytest.fixture
def every_page_counts(monkeypatch):
    """More than one page is already a lot."""
    monkeypatch.setattr(engine_module, "PAGES_BY_REST", 1)


def jobs_made(between):
    return between.asked.count(("POST", "jobs/query"))


def test_both_engines_give_the_same_frame(read):
    """Rows, order, names, dtypes and index are those of the query, whichever way they came."""
    frames = {engine: read(ACCOUNTS, engine=engine).to_pandas() for engine in ("rest", "bulk")}
    assert {engine: frame.attrs["sfdata"]["engine"] for engine, frame in frames.items()} == {
        "rest": "rest",
        "bulk": "bulk",
    }
    pd.testing.assert_frame_equal(frames["rest"], frames["bulk"])
    assert len(frames["rest"]) > 2000


def test_a_small_result_makes_no_job(read, between):
    """By default a result of a few pages comes by REST, and nothing is announced."""
    assert read(ACCOUNTS).to_pandas().attrs["sfdata"]["engine"] == "rest"
    assert (jobs_made(between), read.chosen()) == (0, [])


def test_a_large_result_moves_to_a_job_after_its_first_page(read, between, every_page_counts):
    """What the first page announces decides; no second page is paid for, and the move is announced."""
    frame = read(ACCOUNTS).to_pandas()
    assert frame.attrs["sfdata"]["engine"] == "bulk"
    assert read.chosen() == ["bulk"]
    assert [path for method, path in between.asked if path.startswith("query")] == ["query"]
    pd.testing.assert_frame_equal(frame, read(ACCOUNTS, engine="rest").to_pandas())


def test_what_bulk_refuses_stays_with_rest(read, between, every_page_counts):
    """A refused job costs a call, never the result."""
    between.instead[("POST", "/jobs/query")] = REFUSAL
    frame = read(ACCOUNTS).to_pandas()
    assert (frame.attrs["sfdata"]["engine"], read.chosen()) == ("rest", ["bulk", "rest"])
    pd.testing.assert_frame_equal(frame, read(ACCOUNTS, engine="rest").to_pandas())


@pytest.mark.parametrize(
    "text",
    [
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "SELECT Id, BillingAddress FROM Account",
        "SELECT Id, FORMAT(AnnualRevenue) FROM Account",
        "SELECT Id FROM Account ORDER BY Id LIMIT 2500 OFFSET 1",
    ],
)
def test_what_bulk_cannot_serve_is_read_by_rest(read, between, every_page_counts, text):
    """Where a job is of no use none is tried; asked for by name, it is refused before anything is sent."""
    assert read(text).to_pandas().attrs["sfdata"]["engine"] == "rest"
    assert jobs_made(between) == 0
    asked = len(between.asked)
    with pytest.raises(NotServable):
        read(text, engine="bulk").to_pandas()
    assert [call for call in between.asked[asked:] if "describe" not in call[1]] == []


@pytest.mark.catalogue("Q6")
def test_a_query_that_rest_has_no_time_for_is_tried_as_a_job(read, between):
    """QUERY_TIMEOUT moves to Bulk, and is an error where Bulk cannot serve, or REST was asked for by name."""
    between.instead[("GET", "/query")] = TIMEOUT
    frame = read(ACCOUNTS).to_pandas()
    assert (frame.attrs["sfdata"]["engine"], read.chosen()) == ("bulk", ["bulk"])
    for text, engine in [("SELECT COUNT(Id) FROM Account", "auto"), (ACCOUNTS, "rest")]:
        with pytest.raises(ServerUnavailable, match="QUERY_TIMEOUT"):
            read(text, engine=engine).to_pandas()


def test_a_wrong_query_is_wrong_by_every_engine(read):
    """The org's own refusal is raised whichever way it comes; a job has codes of its own."""
    for engine, kind in {"auto": InvalidField, "rest": InvalidField, "bulk": ResponseError}.items():
        with pytest.raises(kind, match="must be of type string"):
            read("SELECT Id FROM Account WHERE Name LIKE 5", engine=engine).to_pandas()


def test_a_bound_is_read_by_rest(read, between, every_page_counts):
    """The first few rows of a large result need no job."""
    with pytest.warns(UserWarning, match="10 of"):
        frame = read(ACCOUNTS).to_pandas(max_rows=10)
    assert (len(frame), frame.attrs["sfdata"]["engine"], jobs_made(between)) == (10, "rest", 0)


@pytest.mark.parametrize("choice", [{"engine": "fast"}, {"parallel": 0}])
def test_a_choice_that_is_none_is_refused(read, choice):
    """A misspelt engine, or no page at a time, is a clear error."""
    with pytest.raises(ConfigurationError):
        read(ACCOUNTS, **choice)
