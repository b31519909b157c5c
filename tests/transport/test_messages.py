"""Requests that stay inside the org."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.errors import UnreadableAnswer
from sfdata.resilience.retry import Operation
from sfdata.transport.messages import Request, Response


@pytest.mark.parametrize(
    "target",
    [
        "/services/data",
        "/services/data/v67.0/query?q=SELECT+Id+FROM+Account",
        "/services/data/v66.0/query/01gAA000000001AYAQ-2000",
        "/services/data/v67.0/sobjects/Account/Ext__c/a%20b",
        "/services/oauth2/token",
    ],
)
def test_paths_of_the_org_are_accepted(target):
    """Every path under /services/ is a target, with its query string."""
    assert Request("GET", target, Operation.READ).path == target.partition("?")[0]


@pytest.mark.catalogue("S9")
@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "services/data",
        "http://evil.example/services/data",
        "//evil.example/services/data",
        "/\\evil.example",
        "@evil.example/services/",
        "/services/../secret",
        "/services/data/..",
        "/services/./x",
        "/services/%2e%2e/secret",
        "/services/%2E./secret",
        "/services/a%2fb",
        "/services/a%5cb",
        "/services//evil.example",
        "/services/data\r\nX-Evil: 1",
        "/services/data%0d%0aX-Evil: 1",
        "/services/data#fragment",
        "/services/data?x=a b",
        "/services/data?x=a\\b",
        "/services/dätä",
        "/services/data\x00",
        "/id/00D/005",
    ],
)
def test_anything_else_is_not_followed(target):
    """Absolute, disguised and malformed addresses make no request, and are not repeated in the message."""
    with pytest.raises(UnreadableAnswer) as refusal:
        Request("GET", target, Operation.READ)
    assert "evil" not in str(refusal.value)


@pytest.mark.catalogue("S9")
@given(st.text(max_size=50))
def test_no_target_leaves_the_services_of_the_org(tail):
    """Whatever follows, an accepted target still begins with /services/ and has no way up."""
    try:
        request = Request("GET", f"/services/{tail}", Operation.READ)
    except UnreadableAnswer:
        return
    assert request.target.startswith("/services/")
    assert ".." not in request.path.split("/")
    assert request.target.isprintable()
    assert request.target.isascii()


@pytest.mark.catalogue("S1")
def test_a_request_shows_neither_headers_nor_body_nor_query():
    """In print, a request is its method, origin and path."""
    request = Request(
        "POST", "/services/x?q=canary", Operation.READ, {"Authorization": "canary"}, b"canary", "https://a"
    )
    assert str(request) == "POST https://a/services/x"
    assert "canary" not in repr(request).replace("/services/x?q=canary", "")


@pytest.mark.catalogue("T5")
@pytest.mark.parametrize("content", [b"", b"{", b"<html>", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_content_that_is_no_json_is_a_typed_error(content):
    """Reading an answer as JSON gives values or UnreadableAnswer, without the content in the message."""
    with pytest.raises(UnreadableAnswer) as refusal:
        Response(200, {}, content).json()
    assert refusal.value.__context__ is None


@pytest.mark.catalogue("T6")
def test_lone_surrogates_are_read():
    """Salesforce can hold half an emoji; an answer with one is still JSON."""
    assert Response(200, {}, b'{"Name":"\\ud83d"}').json() == {"Name": "\ud83d"}
