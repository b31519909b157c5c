"""From a bad answer to the right exception."""

from __future__ import annotations

import json

import pytest

from sfdata.errors import (
    AccessDenied,
    InvalidField,
    InvalidQueryLocator,
    InvalidType,
    MalformedQuery,
    NotFound,
    RequestLimitExceeded,
    ResponseError,
    RowLocked,
    ServerUnavailable,
    SessionExpired,
    UnreadableAnswer,
)
from sfdata.resilience.retry import Failure, Operation
from sfdata.transport.faults import answer_error, answer_failure, answer_verdict
from sfdata.transport.messages import Request, Response

REQUEST = Request("GET", "/services/data/v67.0/query?q=secret+words", Operation.READ, origin="https://acme.example")


def error_for(content, status, content_type="application/json", mask=lambda text: text, **headers):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return answer_error(REQUEST, Response(status, {"content-type": content_type, **headers}, body), mask)


def one(code, message="why", **more):
    return [{"message": message, "errorCode": code, **more}]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "MALFORMED_QUERY", MalformedQuery),
        (400, "INVALID_FIELD", InvalidField),
        (400, "INVALID_TYPE", InvalidType),
        (400, "INVALID_QUERY_LOCATOR", InvalidQueryLocator),
        (400, "UNABLE_TO_LOCK_ROW", RowLocked),
        (400, "SOMETHING_NEW", ResponseError),
        (401, "INVALID_SESSION_ID", SessionExpired),
        (403, "REQUEST_LIMIT_EXCEEDED", RequestLimitExceeded),
        (403, "API_DISABLED_FOR_ORG", AccessDenied),
        (403, "SOMETHING_NEW", AccessDenied),
        (404, "NOT_FOUND", NotFound),
        (500, "UNKNOWN_EXCEPTION", ServerUnavailable),
        (503, "SERVER_UNAVAILABLE", ServerUnavailable),
    ],
)
def test_the_error_code_decides_and_the_status_stands_in(status, code, kind):
    """A known errorCode has its class; an unknown one falls back to its status and keeps its code."""
    error = error_for(one(code), status)
    assert type(error) is kind
    assert (error.error_code, error.message, error.status) == (code, "why", status)


def test_the_fields_an_error_names_are_kept():
    """Which fields were wrong is part of the error."""
    assert error_for(one("INVALID_FIELD", fields=["Nme", "Agge"]), 400).fields == ("Nme", "Agge")


@pytest.mark.catalogue("S26")
def test_the_layout_of_a_query_error_survives():
    """Salesforce points at the place with lines and a caret; line ends are kept, terminal codes are not."""
    message = "\nSELECT Id FRM\n          ^\nERROR at Row:1:Column:11\nunexpected token: 'FRM'\x1b[31m"
    error = error_for(one("MALFORMED_QUERY", message), 400)
    assert error.message == message.replace("\x1b", "").strip()


@pytest.mark.parametrize(
    ("content", "status", "kind", "said"),
    [
        ({"error": "invalid_grant", "error_description": "no"}, 400, ResponseError, "no"),
        ({"message": "odd", "errorCode": "X"}, 400, ResponseError, "odd"),
        ([], 404, NotFound, "status 404"),
        ([1, "x", None], 500, ServerUnavailable, "status 500"),
        ({"unexpected": 1}, 400, ResponseError, "status 400"),
        (b"", 403, AccessDenied, "status 403"),
        (b"{", 502, ServerUnavailable, "status 502"),
        ([{"message": None, "errorCode": None}], 500, ServerUnavailable, "status 500"),
        ([{"message": 5, "errorCode": 7, "fields": 3}], 400, ResponseError, "5"),
    ],
)
def test_odd_error_bodies_still_make_an_error(content, status, kind, said):
    """An error of any shape is one of our exceptions and says what there is to say."""
    error = error_for(content, status)
    assert type(error) is kind
    assert said in str(error)


@pytest.mark.catalogue("Q7")
def test_a_page_for_people_is_reduced_to_its_title():
    """HTML from a proxy or a maintenance page appears as its title, not as markup."""
    page = b"<html><head><title>Down for\x1b maintenance</title></head><body onload=x>...</body></html>"
    error = error_for(page, 503, "text/html; charset=UTF-8")
    assert isinstance(error, ServerUnavailable)
    assert "'Down for maintenance'" in str(error)
    assert "<" not in str(error)


def test_a_plain_text_refusal_is_shown():
    """Some resources answer in plain text; it is short and helpful."""
    assert "Bad_OAuth_Token" in str(error_for(b"Bad_OAuth_Token", 403, "text/plain"))


@pytest.mark.catalogue("S8")
def test_a_redirect_names_the_host_only():
    """A redirect is an error that tells where it led, without path or query."""
    error = error_for(b"", 302, location="https://evil.example/frontdoor?sid=canary")
    assert isinstance(error, UnreadableAnswer)
    assert "evil.example" in str(error)
    assert "canary" not in str(error)


def test_a_redirect_without_a_goal_is_an_error_too():
    """A status of the 300s without a usable location is no data either."""
    assert isinstance(error_for(b"", 300), UnreadableAnswer)
    assert isinstance(error_for(b"", 304), UnreadableAnswer)


@pytest.mark.parametrize("status", [414, 431])
def test_a_query_too_long_is_named_as_such(status):
    """The bare statuses for long addresses come with their reason."""
    assert "longer than an address" in error_for(b"<h1>Bad Message</h1>", status, "text/html").hint


@pytest.mark.catalogue("S33")
def test_messages_hold_neither_query_nor_token():
    """What our own messages add is method, host and path; what the answer repeats is masked."""
    error = error_for(
        b"<title>request was q=1 with t0ken</title>", 500, "text/html", lambda t: t.replace("t0ken", "***")
    )
    assert "GET https://acme.example/services/data/v67.0/query" in str(error)
    assert "secret" not in str(error)
    assert "t0ken" not in str(error)


@pytest.mark.catalogue("S33")
def test_an_endless_message_is_cut():
    """A message is at most a couple of thousand characters."""
    assert len(error_for(one("X", "y" * 100_000), 400).message) <= 2001


@pytest.mark.parametrize(
    ("status", "content_type", "failure"),
    [
        (200, "application/json", None),
        (200, "text/csv", None),
        (200, "text/html; charset=utf-8", Failure.POISON),
        (304, "", None),
        (404, "text/html", Failure.REFUSED),
        (503, "text/html", Failure.AMBIGUOUS),
    ],
)
def test_an_answer_is_judged_by_status_and_headers(status, content_type, failure):
    """A page with status 200 is no answer; everything else goes by its status."""
    assert answer_failure(Response(status, {"content-type": content_type}, b"")) == failure


def test_a_verdict_carries_the_wish_to_wait():
    """Retry-After reaches the retry policy."""
    verdict = answer_verdict(Response(503, {"retry-after": "11"}, b""), now=0.0)
    assert verdict.retry_after == 11.0
