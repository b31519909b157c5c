"""A read that its connection cannot afford is refused by its first page, and one that it can is read."""

from __future__ import annotations

import time

import httpx
import pytest

import sfdata
from sfdata.api.describe import DescribeCache
from sfdata.errors import BudgetExceeded
from sfdata.localorg import LocalOrg
from sfdata.resilience.hooks import EngineChosen, JobState

ACCOUNTS = "SELECT Id, Name FROM Account"
ENGINES = pytest.mark.parametrize("engine", ["rest", "auto"])


def paged(page, total, size):
    """The script of a result of ``total`` rows in pages of ``size``."""
    starts = range(0, total, size)
    following = [f"c-{start}" for start in starts[1:]] + [None]
    pages = [
        page(start, min(start + size, total), total, next_) for start, next_ in zip(starts, following, strict=True)
    ]
    return dict(zip(["q", *following], ([one] for one in pages), strict=False))


@ENGINES
@pytest.mark.parametrize("parallel", [1, 4])
def test_a_read_beyond_the_budget_stops_at_its_first_page(org, soql, page, engine, parallel):
    """Where the first page shows that the others cannot all be had, none of them is asked for."""
    org.pages = paged(page, 100, 10)
    org.budget.allowed = 10  # describe, and nine of ten pages
    with pytest.raises(BudgetExceeded, match="the other 9 pages would take 9 API calls") as refused:
        soql(ACCOUNTS, engine=engine, parallel=parallel).to_pandas()
    assert (refused.value.needed, refused.value.used, refused.value.allowed) == (9, 2, 10)
    assert org.asked == [ACCOUNTS]


def test_describes_that_come_later_than_the_first_page_count_too(org, soql, page, monkeypatch):
    """The types are asked for beside the first page; what that takes is known before the other pages are begun."""

    def later(cache, name, described=DescribeCache.object):
        time.sleep(0.1)
        return described(cache, name)

    monkeypatch.setattr(DescribeCache, "object", later)
    org.pages = paged(page, 100, 10)
    org.budget.allowed = 10
    with pytest.raises(BudgetExceeded, match="the other 9 pages"):
        soql(ACCOUNTS).to_pandas()
    assert org.asked == [ACCOUNTS]


@ENGINES
@pytest.mark.parametrize("parallel", [1, 4])
def test_a_read_that_just_fits_is_read(org, soql, page, engine, parallel):
    """With exactly the calls it takes, a read is whole, however many pages are under way at a time."""
    org.pages = paged(page, 100, 10)
    org.budget.allowed = 11
    assert len(soql(ACCOUNTS, engine=engine, parallel=parallel).to_pandas()) == 100
    assert org.budget.remaining == 0


def test_the_error_says_how_to_go_on(org, soql, page):
    """What the hint names is enough for the same read, whose first page is asked for again, and no call more."""
    org.pages = paged(page, 100, 10)
    org.budget.allowed = 5
    query = soql(ACCOUNTS)
    with pytest.raises(BudgetExceeded, match=r"org.budget.allowed \+= 7 "):
        query.to_pandas()
    org.budget.allowed += 7
    assert len(query.to_pandas()) == 100
    assert org.budget.remaining == 0


def test_no_row_is_handed_out_of_a_read_that_is_refused(org, soql, page):
    """Chunks, too, are refused before the first one."""
    org.pages = paged(page, 100, 10)
    org.budget.allowed = 5
    chunks = soql(ACCOUNTS).chunks(10)
    with pytest.raises(BudgetExceeded):
        next(chunks)


def test_max_rows_needs_only_the_pages_it_reads(org, soql, page):
    """A bounded read is measured by its bound, not by all the rows there are."""
    org.pages = paged(page, 100, 10)
    org.budget.allowed = 4  # describe and three pages
    query = soql(ACCOUNTS)
    with pytest.warns(UserWarning, match="first 30"):
        assert len(query.to_pandas(max_rows=30)) == 30
    org.budget.allowed = 7
    with pytest.raises(BudgetExceeded, match="the other 3 pages"):
        query.to_pandas(max_rows=31)
    assert org.asked == [ACCOUNTS, "c-10", "c-20", ACCOUNTS]


def test_a_result_of_one_page_needs_no_more(org, soql, page):
    """The last call of a budget reads a small result."""
    org.pages = paged(page, 10, 10)
    org.budget.allowed = 2
    assert len(soql(ACCOUNTS).to_pandas()) == 10


def test_a_large_result_may_leave_for_a_job_before_its_pages_are_refused(org, soql, page):
    """With more pages than auto reads by REST, the budget is asked only when REST is to read them nevertheless."""
    refusal = httpx.Response(400, json=[{"errorCode": "API_ERROR", "message": "no job for this"}])
    org.pages = {**paged(page, 303, 3), "query": [refusal]}
    org.budget.allowed = 50
    with pytest.raises(BudgetExceeded, match="the other 100 pages"):
        soql(ACCOUNTS).to_pandas()
    assert [event.engine for event in org.events if isinstance(event, EngineChosen)] == ["bulk", "rest"]
    assert org.asked == [ACCOUNTS, "query"]


def test_a_cursor_that_expires_is_measured_anew(org, soql, page):
    """What is left behind an expired cursor is a read of its own, with a first page that shows its price."""
    org.pages = paged(page, 60, 10)
    org.pages["c-20"] = [httpx.Response(400, json=[{"errorCode": "INVALID_QUERY_LOCATOR", "message": "gone"}])]
    org.pages["q"].append(page(20, 30, 40, "d-10"))
    org.budget.allowed = 8  # describe, two pages, the third in vain (early, and again), the first of the rest, and two
    with pytest.raises(BudgetExceeded, match="the other 3 pages"):
        soql(f"{ACCOUNTS} ORDER BY Id").to_pandas()
    assert org.budget.remaining == 2


@pytest.fixture
def connected(tmp_path, monkeypatch):
    """Connections to a local org, with reads spooled in a folder of their own."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    with LocalOrg(scale=0.02) as local_org:
        token = {"instance_url": local_org.instance_url, "access_token": local_org.access_token}
        yield lambda budget: sfdata.connect(**token, budget=budget)


def test_a_job_that_cannot_bring_its_rows_is_not_made(connected):
    """Less than creation, a question, the list of pages and one page is no budget for a job."""
    with connected(4) as org:
        org.describe("Contact")
        with pytest.raises(BudgetExceeded, match="a Bulk job with its results would take 4 API calls"):
            org.query("SELECT Id FROM Contact", engine="bulk")
        assert org.budget.used == 1
        assert org.query_jobs().empty


def test_a_job_that_took_longer_than_the_budget_is_resumed(connected):
    """The error names the job, and with a larger budget its rows are there without another job."""
    with connected(None) as org:

        def spend_all(event):
            if isinstance(event, JobState):
                org.budget.allowed = org.budget.used

        stop = org.hooks.subscribe(spend_all)
        with pytest.raises(BudgetExceeded) as refused:
            org.query("SELECT Id FROM Contact", engine="bulk")
        stop()
        org.budget.allowed = None
        (job,) = org.query_jobs()["id"]
        assert refused.value.hint.endswith(f'sfdata.resume("{job}") goes on from here.')
        assert len(sfdata.resume(job, org).to_pandas()) == org.soql("SELECT Id FROM Contact").count()
        assert len(org.query_jobs()) == 1
