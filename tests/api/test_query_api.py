"""The query resource."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.api.query import LONGEST_TARGET, explain, first_page, next_page
from sfdata.errors import InvalidQueryLocator, MalformedQuery, UnreadableAnswer

BASE = "/services/data/v67.0"
PAGE = b'{"totalSize":1,"done":true,"records":[{"Id":"001"}]}'


def test_a_query_is_asked_for_by_its_text(session, org):
    """The first page is a GET of /query with the SOQL, and the answer's bytes come back untouched."""
    org.resources[f"{BASE}/query"] = PAGE
    assert first_page(session, "SELECT Id FROM Account WHERE Name = 'A&B+ä'") == PAGE
    assert org.seen[0].method == "GET"
    assert parse_qs(org.seen[0].url.query.decode()) == {"q": ["SELECT Id FROM Account WHERE Name = 'A&B+ä'"]}


@pytest.mark.catalogue("S22")
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_every_text_arrives_as_written(soql):
    """Whatever characters a query holds, the org reads the same."""
    sent = []

    class Session:
        data_path = BASE

        def get(self, target, **more):
            sent.append(target)
            return httpx.Response(200, content=PAGE)

    first_page(Session(), soql)
    assert parse_qs(sent[0].partition("?")[2], keep_blank_values=True) == {"q": [soql]}


def test_deleted_rows_are_another_resource(session, org):
    """``all_rows`` asks queryAll."""
    org.resources[f"{BASE}/queryAll"] = PAGE
    assert first_page(session, "SELECT Id FROM Account", all_rows=True) == PAGE
    assert [request.url.path for request in org.seen] == [f"{BASE}/queryAll"]


def test_the_next_page_is_fetched_by_its_path(session, org):
    """nextRecordsUrl is followed as it is."""
    url = f"{BASE}/query/01gAA000000001AYAQ-2000"
    org.resources[url] = PAGE
    assert next_page(session, url) == PAGE


@pytest.mark.catalogue("S9")
@pytest.mark.parametrize(
    "url", ["https://evil.example/services/data/v67.0/query/01g-1", "//evil.example/x", "/x", "/services/../x", ""]
)
def test_a_next_page_elsewhere_is_not_fetched(session, org, url):
    """A cursor that leads out of the org makes no request."""
    with pytest.raises(UnreadableAnswer):
        next_page(session, url)
    assert org.seen == []


def test_an_expired_cursor_is_said_to_be_one(session, org):
    """The org's INVALID_QUERY_LOCATOR is an exception of its own."""
    expired = [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]
    org.resources[f"{BASE}/query/01g-2"] = httpx.Response(400, json=expired)
    with pytest.raises(InvalidQueryLocator):
        next_page(session, f"{BASE}/query/01g-2")


# --- queries too long for an address ---------------------------------------------------------------------------------

LONG = "SELECT Id FROM Account WHERE Name IN ('" + "','".join(f"name {n}" for n in range(2000)) + "')"


def composite(body, status=200):
    return {"compositeResponse": [{"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": "query"}]}


@pytest.mark.catalogue("Q8")
def test_a_long_query_goes_in_a_body(session, org):
    """What does not fit an address is the one part of a composite request, for one call; its bytes come back."""
    org.resources[f"{BASE}/composite"] = json.dumps(composite({"totalSize": 0, "done": True, "records": []})).encode()
    page = first_page(session, LONG, all_rows=True)
    assert json.loads(page) == {"totalSize": 0, "done": True, "records": []}
    (part,) = json.loads(org.seen[0].content)["compositeRequest"]
    path, _, query = part["url"].partition("?")
    assert (part["method"], path, parse_qs(query)) == ("GET", f"{BASE}/queryAll", {"q": [LONG]})
    assert len(org.seen) == 1


@pytest.mark.catalogue("Q8")
def test_only_a_long_query_goes_in_a_body(session, org):
    """Up to the limit, a query is a plain GET; no address ever exceeds it."""
    org.resources[f"{BASE}/query"] = PAGE
    org.resources[f"{BASE}/composite"] = composite({"totalSize": 0, "done": True, "records": []})
    room = LONGEST_TARGET - len(f"{BASE}/query?q=")
    first_page(session, "x" * room)
    first_page(session, "x" * (room + 1))
    assert [request.method for request in org.seen] == ["GET", "POST"]


def test_an_error_inside_a_composite_is_the_querys_own(session, org):
    """A refusal within the composite answer is raised as if it had come directly."""
    org.resources[f"{BASE}/composite"] = composite([{"errorCode": "MALFORMED_QUERY", "message": "unexpected"}], 400)
    with pytest.raises(MalformedQuery, match="unexpected"):
        first_page(session, LONG)


@pytest.mark.parametrize("body", [{}, [], {"compositeResponse": []}, {"compositeResponse": [{}]}])
def test_a_composite_of_another_form_is_unreadable(session, org, body):
    """An answer that is no composite of one part is an error, never an empty page."""
    org.resources[f"{BASE}/composite"] = body
    with pytest.raises(UnreadableAnswer):
        first_page(session, LONG)


# --- plans -----------------------------------------------------------------------------------------------------------


def test_plans_are_read_without_running_the_query(session, org):
    """`explain` asks for plans only, and gives the answer as values."""
    plans = {"plans": [{"cardinality": 5, "relativeCost": 0.1, "leadingOperationType": "Index"}], "sourceQuery": "S"}
    org.resources[f"{BASE}/query"] = plans
    assert explain(session, "SELECT Id FROM Account") == plans
    assert parse_qs(org.seen[0].url.query.decode()) == {"explain": ["SELECT Id FROM Account"]}


@pytest.mark.parametrize("answer", [b"[]", b'{"plans":5}', b'{"records":[]}', b"<html>", b'{"plans":"\xff"}'])
def test_an_answer_without_plans_is_unreadable(session, org, answer):
    """Anything but plans is an error."""
    org.resources[f"{BASE}/query"] = answer
    with pytest.raises(UnreadableAnswer):
        explain(session, "SELECT Id FROM Account")
