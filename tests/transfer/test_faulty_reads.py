"""Reads from a real org that misbehaves, over real sockets: every row once and in order, or a typed error."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from rig import shim as network
from rig.faulty_org import CHILDREN, NAMES, PAGE, PARENTS

import sfdata
from sfdata.errors import (
    BulkJobFailed,
    IncompleteResult,
    InvalidQueryLocator,
    ResponseError,
    ServerUnavailable,
    UnreadableAnswer,
)
from sfdata.localorg.bulk import resources

SOQL = "SELECT Id, Name FROM Account WHERE Site = 'there' ORDER BY Name"
EXPECTED = sorted(NAMES)
PAGES = [("query", 1), ("query_more", 1), ("query_more", 2)]
UNLISTED = "57.0"
"""An API version whose orgs do not list where a job's pages are: each leads to the next."""


@pytest.fixture
def org(faulty):
    return faulty.connect()


def rest(org):
    return org.query(SOQL, engine="rest")["Name"].tolist()


def bulk(org):
    return org.query(SOQL, engine="bulk")["Name"].tolist()


# --- pages over REST -------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("Q1")
@pytest.mark.parametrize("kind", ["reset", "fin"])
def test_a_connection_lost_in_any_page_costs_that_page_once_more(faulty, org, kind):
    """Before a page, at its first, second, middle and last byte: the rows are whole, and one request is repeated."""
    places = [("before-answer", None), *(("mid-answer", at) for at in (0, 1, None, -1))]
    for (operation, nth), (point, at) in itertools.product(PAGES, places):
        faulty.fault(kind, operation, nth=nth, point=point, args={"at": at})
        first, second, third = (
            faulty.count(*page) for page in (("query",), ("query_more", "-25$"), ("query_more", "-50$"))
        )
        assert rest(org) == EXPECTED, (operation, nth, point, at)
        counted = [faulty.met(page) for page in (first, second, third)]
        if operation == "query" and at in (None, -1) and point == "mid-answer":
            # The way on was known before the page broke off; asked for again, the query has another cursor.
            assert counted[0] == 2
            assert max(counted) == 2
        else:
            assert counted == [1 + (page == (operation, nth)) for page in PAGES]
        faulty.settle()


@pytest.mark.catalogue("Q1")
def test_a_network_that_loses_connections_loses_no_row(faulty, shim):
    """Below HTTP: connections reset at any byte on the way, one after the other."""
    for number, size in enumerate((0, 300, 900), 1):
        shim.add(network.reset, connection=number, bytes=size)
    assert rest(faulty.connect_through(shim)) == EXPECTED
    assert shim.connections > 3


@pytest.mark.catalogue("Q3")
@pytest.mark.parametrize("kind", ["drop", "extra", "wrong-count"])
@pytest.mark.parametrize("engine", ["rest", "chunks"])
def test_other_rows_than_were_announced_are_an_error(faulty, org, kind, engine):
    """One less or one more in any page, or another total: IncompleteResult, however they are read."""
    for operation, nth in PAGES[:1] if kind == "wrong-count" else PAGES:
        for by in (1, -1) if kind == "wrong-count" else (None,):
            faulty.fault(kind, operation, nth=nth, args={} if by is None else {"by": by})
            with pytest.raises(IncompleteResult):
                rest(org) if engine == "rest" else [*org.soql(SOQL, engine="rest").chunks(7)]
            faulty.settle()


@pytest.mark.catalogue("Q4")
def test_child_rows_behind_the_first_page_are_read_or_missed(faulty, org):
    """Sixty contacts of three accounts, in pages of twenty-five; a page of them that is short is an error."""
    soql = "SELECT Id, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account WHERE Site = 'there'"
    contacts = org.soql(soql, engine="rest").to_tables()["Account.Contacts"]
    assert sorted(contacts["LastName"].to_pylist()) == sorted(
        f"C{n:02d}" for n in range(CHILDREN) for _ in range(PARENTS)
    )
    for nth in (1, 2, 3):
        faulty.fault("drop", "query_more", nth=nth)
        with pytest.raises(IncompleteResult):
            org.query(soql, engine="rest")
        faulty.settle()


@pytest.mark.catalogue("Q5")
def test_an_expired_cursor_costs_no_row(faulty, org):
    """A frame is read anew; chunks that were handed out end in an error, or go on where the order allows it."""
    for nth in (1, 2):
        faulty.fault("expire-locator", "query_more", nth=nth)
        assert rest(org) == EXPECTED
        faulty.settle()
        faulty.fault("expire-locator", "query_more", nth=nth)
        chunks, seen = org.soql(SOQL, engine="rest").chunks(PAGE), []
        with pytest.raises(InvalidQueryLocator):
            seen.extend(name for chunk in chunks for name in chunk["Name"])
        faulty.settle()
        faulty.fault("expire-locator", "query_more", nth=nth)
        ordered = org.soql(SOQL.replace("BY Name", "BY Id"), engine="rest").chunks(PAGE)
        assert sorted(name for chunk in ordered for name in chunk["Name"]) == EXPECTED
        faulty.settle()


@pytest.mark.catalogue("Q6")
@pytest.mark.parametrize(("operation", "nth"), PAGES)
def test_a_query_that_took_too_long_is_an_error(faulty, org, operation, nth):
    """QUERY_TIMEOUT is raised as the org said it, also behind pages that came; no row of them is a result."""
    args = {"status": 400, "error_code": "QUERY_TIMEOUT", "message": "Your query request was running for too long."}
    faulty.fault("status", operation, path={"query_more": f"-{25 * nth}$"}.get(operation), args=args)
    with pytest.raises(ResponseError, match="running for too long") as refused:
        rest(org)
    assert refused.value.error_code == "QUERY_TIMEOUT"


@pytest.mark.catalogue("Q7")
@pytest.mark.parametrize(
    ("status", "error"), [(200, UnreadableAnswer), (502, ServerUnavailable), (503, ServerUnavailable)]
)
def test_a_page_for_people_is_no_page_of_rows(faulty, org, status, error):
    """Once in any place, it is asked for again; for ever, it is a typed error that shows its title and no markup."""
    for operation, nth in [("describe", 1), *PAGES]:
        faulty.fault("html", operation, nth=nth, args={"status": status, "title": "Down for maintenance"})
        assert rest(faulty.connect()) == EXPECTED
        faulty.settle()
    faulty.fault("html", "query", args={"status": status, "title": "Down for maintenance"})
    with pytest.raises(error, match="Down for maintenance") as refused:
        rest(org)
    assert "<" not in str(refused.value)


@pytest.mark.catalogue("Q9")
@pytest.mark.parametrize(("kind", "operation", "nth"), [
    ("repeat-page", "query*", 2), ("repeat-page", "query*", 3),
    ("self-link", "query_more", 1), ("self-link", "query_more", 2),
])  # fmt: skip
def test_a_page_that_comes_twice_is_an_error(faulty, org, kind, operation, nth):
    """The page before once more, under counts that add up, or a page that leads to itself: after few requests."""
    faulty.fault(kind, operation, nth=nth)
    asked = faulty.count("query*")
    with pytest.raises(IncompleteResult):
        rest(org)
    assert faulty.met(asked) <= len(PAGES) + 1
    faulty.settle()
    faulty.fault(kind, operation, nth=nth)
    with suppress(IncompleteResult):  # or asked for again, since pages asked for together are proved one by one
        assert org.query(SOQL, engine="rest", parallel=3)["Name"].tolist() == EXPECTED


# --- bulk results ----------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("D1")
@pytest.mark.parametrize("version", ["67.0", UNLISTED])
@pytest.mark.parametrize("rows_per_page", [60, 59, 30, 7, 2])
def test_every_page_of_a_job_is_read(faulty, monkeypatch, version, rows_per_page):
    """From one page to thirty, listed or each leading to the next; as many requests as pages."""
    monkeypatch.setattr(resources, "ROWS_PER_PAGE", rows_per_page)
    pages = faulty.count("query_results")
    assert bulk(faulty.connect(api_version=version)) == EXPECTED
    assert faulty.met(pages) == -(-len(EXPECTED) // rows_per_page)


@pytest.mark.catalogue("D2")
def test_a_locator_that_is_missing_or_leads_back_is_no_end(faulty):
    """Gone from any page but the last, or leading to its own page: an error; spelled in other letters, it is itself."""
    org = faulty.connect(api_version=UNLISTED)
    for nth in (1, 2):
        for kind in ("strip-header", "self-link"):
            faulty.fault(kind, "query_results", nth=nth)
            asked = faulty.count("query_results")
            with pytest.raises(IncompleteResult):
                bulk(org)
            assert faulty.met(asked) <= 4
            faulty.settle()
    faulty.fault("strip-header", "query_results", nth=3)
    assert bulk(org) == EXPECTED
    faulty.settle()
    faulty.fault("set-header", "query_results", nth=3, args={"name": "SFORCE-LOCATOR", "value": "null"})
    assert bulk(org) == EXPECTED


@pytest.mark.catalogue("D3")
@pytest.mark.parametrize("version", ["67.0", UNLISTED])
def test_the_jobs_count_decides(faulty, version):
    """Without the pages' counts the rows are whole; a count that is off, of a page or of the job, is an error."""
    org = faulty.connect(api_version=version)
    faulty.fault("strip-header", "query_results", args={"name": "Sforce-NumberOfRecords"})
    assert bulk(org) == EXPECTED
    faulty.settle()
    for by, page in ((-1, 1), (1, 2), (-1, 3)):
        faulty.fault("wrong-count", "query_results", path=_page(page), args={"by": by})
        with pytest.raises(IncompleteResult):
            bulk(org)
        faulty.settle()
        faulty.fault("wrong-count", "query_job_info", args={"by": by})
        with pytest.raises(IncompleteResult):
            bulk(org)
        faulty.settle()


@pytest.mark.catalogue("D4")
@pytest.mark.parametrize("read", [rest, bulk])
def test_characters_may_arrive_byte_by_byte(faulty, shim, read):
    """Letters of two, three and four bytes, cut everywhere, by the org and by the network."""
    faulty.fault("trickle", "query_more" if read is rest else "query_results", args={"bytes": 1, "seconds": 0})
    assert read(faulty.connect()) == EXPECTED
    faulty.settle()
    shim.add(network.slicer, size=1)
    assert read(faulty.connect_through(shim)) == EXPECTED


@pytest.mark.catalogue("D5")
def test_text_is_utf_8_whatever_the_header_says(faulty, org):
    """No charset, or another one, changes no letter; bytes that are not UTF-8 are an error and no replacement."""
    for content_type in ("text/csv", "text/csv; charset=ISO-8859-1", "text/csv; charset=UTF-16"):
        faulty.fault("set-header", "query_results", args={"name": "Content-Type", "value": content_type})
        assert bulk(org) == EXPECTED
        faulty.settle()
    inside_the_first_letter = len('"Id","Name"\n"001000000000000AAA","') + 1
    faulty.fault("malformed", "query_results", nth=2, args={"at": inside_the_first_letter, "text": "x"})
    with pytest.raises(UnreadableAnswer):
        bulk(org)


@pytest.mark.catalogue("D6")
@pytest.mark.parametrize("engine", ["rest", "bulk"])
def test_a_nul_is_kept(faulty, org, engine):
    """A text with NUL in it is that text, by either way."""
    instance = faulty.local.instance
    made = org.sobject("Account").create({"Name": f"nul {engine}"})
    instance.store.update(instance.object("Account"), made, {"Description": "a\0b\0"})
    frame = org.query(f"SELECT Description FROM Account WHERE Id = '{made}'", engine=engine)
    assert frame["Description"].tolist() == ["a\0b\0"]


@pytest.mark.catalogue("D7")
@pytest.mark.parametrize("version", ["67.0", UNLISTED])
def test_an_interrupted_download_goes_on_with_the_pages_it_has(faulty, version):
    """A page that cannot be had ends the read; resumed, only the pages that are missing are asked for, no row twice."""
    org = faulty.connect(api_version=version)
    for page, at in zip((1, 2, 3), (0, 100, -1), strict=True):
        number = faulty.fault("reset", "query_results", path=_page(page), point="mid-answer", args={"at": at})
        with pytest.raises(sfdata.errors.TransportError) as lost:
            bulk(org)
        job = lost.value.hint.split('"')[1]
        assert faulty.met(number) > 1
        faulty.settle()
        asked = faulty.count("query_results")
        assert sfdata.resume(job, faulty.connect(api_version=version)).to_pandas()["Name"].tolist() == EXPECTED
        assert faulty.met(asked) <= len(PAGES) - (page - 1 if version == UNLISTED else 0)
        faulty.settle()


def _page(number):
    """What the address of a page looks like: the number of rows before it, in base 64."""
    return {1: r"results$|results\?locator=MA$", 2: r"locator=MjU$", 3: r"locator=NTA$"}[number]


@pytest.mark.catalogue("D8")
@pytest.mark.parametrize("state", ["Failed", "Aborted"])
@pytest.mark.parametrize("rows", [0, 60])
def test_a_job_that_came_to_nothing_is_no_result(faulty, org, state, rows):
    """The org's message is raised, also where rows had been found; no page of them is asked for."""
    args = {"rows": rows, "state": state, "message": "InternalServerError : disk"}
    faulty.fault("stop-job", "query_job_create", args=args)
    pages = faulty.count("query_results")
    with pytest.raises(BulkJobFailed, match="disk" if state == "Failed" else "Aborted"):
        bulk(org)
    assert faulty.met(pages) == 0
