"""The retry matrix, cell by cell: what each operation does about each failure, counted on a scripted wire.

The table is that of the design, written down a second time by hand. R: repeated, up to four attempts of a read and
three of a write. 1: repeated once. N: never. A session that is refused is renewed, and the request sent once more.
"""

from __future__ import annotations

import httpx
import pytest

from sfdata.auth.flows import ClientCredentials, RefreshToken
from sfdata.config import OrgConfig
from sfdata.errors import OutcomeUnknown, SalesforceError
from sfdata.resilience.retry import Operation
from sfdata.resilience.runtime import Runtime
from sfdata.transport.http_session import HttpSession

MATRIX = """
                kind   not_sent  throttled  at_a_time  day_spent  refused  broken  silent  cut  page
READ            read   R         R          R          N          N        R       R       R    R
FIRST_PAGE      read   R         R          R          N          N        R       R       R    R
NEXT_PAGE       read   R         R          R          N          N        R       R       R    R
BULK_QUERY      read   R         R          R          N          N        R       R       R    R
BULK_RESULT     read   R         R          R          N          N        R       R       R    R
BULK_END        step   R         R          R          N          N        N       N       N    N
CREATE          write  R         R          R          N          N        N       N       N    N
UPDATE          write  R         R          R          N          N        R       R       R    R
UPDATE_ONCE     write  R         R          R          N          N        N       N       N    N
UPSERT          write  R         R          R          N          N        R       R       R    R
UPSERT_ONCE     write  R         R          R          N          N        N       N       N    N
DELETE          write  R         R          R          N          N        R       R       R    R
INGEST_CREATE   step   R         R          R          N          N        R       R       R    R
INGEST_UPLOAD   step   R         R          R          N          N        N       N       N    N
INGEST_CLOSE    step   R         R          R          N          N        N       N       N    N
TOKEN           login  R         R          R          N          N        R       R       R    R
REFRESH         login  R         R          R          N          N        1       1       1    N
"""
HEAD, *ROWS = (line.split() for line in MATRIX.strip().splitlines())
FAILURES = HEAD[1:]
IN_DOUBT = ("broken", "silent", "cut", "page")
ATTEMPTS = {"read": 4, "login": 4, "write": 3, "step": 3}

ORG = "https://acme.my.salesforce.com"
PATH = "/services/data/v67.0/anything"
TOKEN_PATH = "/services/oauth2/token"
LOGIN = {"access_token": "00DAA000000000A!x", "instance_url": ORG}


class Torn(httpx.SyncByteStream):
    """A body that breaks off."""

    def __iter__(self):
        yield b'{"records": ['
        raise httpx.ReadError("reset")


def refusal(status, code, message):
    return httpx.Response(status, json=[{"errorCode": code, "message": message}])


def fail(kind):
    """What the wire does: an exception, or an answer."""
    match kind:
        case "not_sent":
            raise httpx.ConnectError("nobody there")
        case "silent":
            raise httpx.ReadTimeout("no answer")
        case "throttled":
            return refusal(429, "TOO_MANY", "later")
        case "at_a_time":
            return refusal(
                403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
            )
        case "day_spent":
            return refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        case "refused":
            return refusal(400, "MALFORMED", "no")
        case "broken":
            return refusal(503, "SERVER_UNAVAILABLE", "busy")
        case "cut":
            return httpx.Response(200, headers={"content-type": "application/json"}, stream=Torn())
        case "page":
            return httpx.Response(200, html="<title>Maintenance</title>")
        case "session":
            return refusal(401, "INVALID_SESSION_ID", "expired")
    raise AssertionError(kind)


class Wire:
    """Plays a script of failures to what is asked of ``path``, and keeps every body it was sent."""

    def __init__(self, path, script):
        self.path = path
        self.script = script
        self.bodies = []

    def __call__(self, request):
        if request.url.path != self.path:
            return httpx.Response(200, json=LOGIN)
        self.bodies.append(request.content)
        if self.script:
            return fail(self.script.pop(0))
        return httpx.Response(200, json=LOGIN if self.path == TOKEN_PATH else {"ok": True})


def outcome(operation, script):
    """The wire after a call that met the script, and what was raised, if anything was."""
    wire = Wire(TOKEN_PATH if operation in ("TOKEN", "REFRESH") else PATH, script)
    flow = ClientCredentials(client_id="key", client_secret="s", login_url=ORG)
    if operation == "REFRESH":
        flow = RefreshToken(client_id="key", refresh_token="r", login_url=ORG)
    runtime, problem = Runtime.seeded(1), None
    with HttpSession(OrgConfig(ORG), flow, wire=httpx.MockTransport(wire), runtime=runtime) as session:
        try:
            if wire.path == TOKEN_PATH:
                _ = session.instance_url
            else:
                session.post(PATH, content={"Name": "x"}, operation=Operation[operation])
        except SalesforceError as raised:
            problem = raised
    return wire, problem


def test_the_matrix_has_every_operation():
    """No operation is without a row."""
    assert {operation for operation, *_ in ROWS} == {operation.name for operation in Operation}


@pytest.mark.parametrize(("operation", "kind", "cells"), [(row[0], row[1], row[2:]) for row in ROWS], ids=lambda v: v)
def test_each_cell_is_obeyed(operation, kind, cells):
    """A lasting failure is met as often as the cell allows, with the same body; and a write in doubt says so."""
    for failure, cell in zip(FAILURES, cells, strict=True):
        most = {"R": ATTEMPTS[kind], "1": 2, "N": 1}[cell]
        wire, problem = outcome(operation, [failure] * 9)
        assert (failure, len(wire.bodies)) == (failure, most)
        assert len(set(wire.bodies)) == 1
        assert (failure, isinstance(problem, OutcomeUnknown)) == (failure, kind == "write" and failure in IN_DOUBT)
        assert problem is not None
        assert kind == "login" or problem.attempts == most

        wire, problem = outcome(operation, [failure])
        assert (failure, problem is None) == (failure, cell != "N")
        assert len(wire.bodies) == (1 if cell == "N" else 2)


@pytest.mark.parametrize("operation", [row[0] for row in ROWS if row[1] != "login"])
def test_a_refused_session_is_renewed_once(operation):
    """Whatever was asked for was turned away before any work: it goes out again with a new token, and only once."""
    wire, problem = outcome(operation, ["session"])
    assert (len(wire.bodies), problem) == (2, None)
    wire, problem = outcome(operation, ["session"] * 9)
    assert len(wire.bodies) == 2
    assert problem.error_code == "INVALID_SESSION_ID"


@pytest.mark.parametrize("operation", ["CREATE", "UPDATE_ONCE", "UPSERT_ONCE"])
def test_doubt_after_a_repeat_is_kept(operation):
    """What was turned away first, and then lost, may have been done: the first refusal does not hide it."""
    wire, problem = outcome(operation, ["throttled", "silent"])
    assert len(wire.bodies) == 2
    assert isinstance(problem, OutcomeUnknown)


def test_a_body_that_cannot_be_sent_twice_is_not_sent_at_all():
    """Whatever is not bytes is refused before a byte goes out."""
    wire = Wire(PATH, [])
    flow = ClientCredentials(client_id="key", client_secret="s", login_url=ORG)
    session = HttpSession(OrgConfig(ORG), flow, wire=httpx.MockTransport(wire))
    with session, pytest.raises(TypeError, match="bytes"):
        session.put(PATH, content=iter([b"a"]), operation=Operation.INGEST_UPLOAD)
    assert wire.bodies == []
