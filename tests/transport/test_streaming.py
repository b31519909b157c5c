"""Answers seen while they arrive, and answers too large to hold."""

from __future__ import annotations

import gzip
import socket
import threading

import httpx
import pytest

from sfdata.auth import AccessToken, ClientCredentials
from sfdata.config import OrgConfig
from sfdata.errors import MalformedQuery, ServerUnavailable
from sfdata.resilience.retry import DEADLINES, Operation, RetryPolicy
from sfdata.transport.http_session import HttpSession

MY_DOMAIN = "https://acme.my.salesforce.com"
RESULTS = "/services/data/v67.0/jobs/query/750AA0000000001AAA/results"
CSV = b'"Id","Name"\n' + b'"001","K\xc3\xa4se"\n' * 500


class File:
    """A sink that remembers each attempt."""

    def __init__(self):
        self.attempts = []

    def restart(self, headers):
        self.attempts.append([headers, b""])

    def write(self, raw):
        self.attempts[-1][1] += raw


class Cut(httpx.SyncByteStream):
    """A body that breaks off after some of its bytes."""

    def __init__(self, *chunks):
        self._chunks = chunks

    def __iter__(self):
        yield from self._chunks
        raise httpx.ReadError("reset")


def csv(**headers):
    return httpx.Response(200, headers={"content-type": "text/csv", "sforce-locator": "null", **headers}, content=CSV)


def scripted(*answers):
    left = list(answers)

    def handle(request):
        return left.pop(0)

    return handle


@pytest.fixture
def session(session_on):
    token = AccessToken(access_token="00D!0", instance_url=MY_DOMAIN)
    return lambda *answers: session_on(scripted(*answers), token)


def test_a_sink_takes_the_body_as_it_was_sent(session):
    """Compressed stays compressed; the answer keeps the headers and no content."""
    packed = gzip.compress(CSV)
    zipped = httpx.Response(
        200, headers={"content-type": "text/csv", "content-encoding": "gzip"}, stream=httpx.ByteStream(packed)
    )
    file = File()
    answer = session(zipped).get(RESULTS, sink=file, operation=Operation.BULK_RESULT)
    assert file.attempts == [[dict(answer.headers), packed]]
    assert (answer.content, answer.headers["content-encoding"]) == (b"", "gzip")


@pytest.mark.catalogue("D7")
def test_each_attempt_begins_the_file_anew(session):
    """What an attempt brought before it broke off is not continued by the next."""
    file = File()
    broken = httpx.Response(200, headers={"content-type": "text/csv"}, stream=Cut(CSV[:100], CSV[100:200]))
    session(broken, csv()).get(RESULTS, sink=file, operation=Operation.BULK_RESULT)
    assert [body for _, body in file.attempts] == [CSV[:200], CSV]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(400, json=[{"errorCode": "MALFORMED_QUERY", "message": "no"}]), MalformedQuery),
        (httpx.Response(503, content=b"<html>", headers={"content-type": "text/html"}), ServerUnavailable),
    ],
)
def test_an_error_is_no_file(session, answer, kind):
    """Only a usable answer reaches the sink; an error is raised as ever."""
    file = File()
    with pytest.raises(kind):
        session(*[answer] * 4).get(RESULTS, sink=file, operation=Operation.BULK_RESULT)
    assert file.attempts == []


def test_a_page_in_place_of_a_file_is_asked_for_again(session):
    """HTML with status 200 comes from whoever stands between, and reaches no sink."""
    file = File()
    page = httpx.Response(200, content=b"<html>", headers={"content-type": "text/html"})
    session(page, csv()).get(RESULTS, sink=file, operation=Operation.BULK_RESULT)
    assert [body for _, body in file.attempts] == [CSV]


@pytest.mark.catalogue("F1")
def test_a_full_disk_is_told_as_it_is_and_not_repeated(session):
    """What the sink cannot take is no fault of the wire."""

    class Full(File):
        def write(self, raw):
            raise OSError(28, "No space left on device")

    file = Full()
    with pytest.raises(OSError, match="No space"):
        session(csv(), csv()).get(RESULTS, sink=file, operation=Operation.BULK_RESULT)
    assert len(file.attempts) == 1


def test_a_large_file_may_take_longer_than_a_request(session_on, virtual):
    """A file that arrives steadily is not cut off by the time one answer may take, nor are its repeats."""

    class Slow(httpx.SyncByteStream):
        def __iter__(self):
            for start in range(0, len(CSV), 100):
                virtual.now += 60
                yield CSV[start : start + 100]

    broken = httpx.Response(200, headers={"content-type": "text/csv"}, stream=Cut(b"x"))
    slow = httpx.Response(200, headers={"content-type": "text/csv"}, stream=Slow())
    wire = scripted(slow, broken, csv())
    policy = RetryPolicy(sleep=virtual.sleep, clock=virtual, uniform=lambda low, high: high)
    session = session_on(wire, AccessToken(access_token="00D!0", instance_url=MY_DOMAIN), retry=policy)
    file = File()
    session.get(RESULTS, sink=file, operation=Operation.BULK_RESULT)
    assert file.attempts[0][1] == CSV
    assert policy.deadline_seconds < 60 * len(CSV) / 100 < DEADLINES[Operation.BULK_RESULT]
    session.get(RESULTS, sink=file, operation=Operation.BULK_RESULT)
    assert file.attempts[-1][1] == CSV


def test_watching_sees_decoded_bytes_from_the_beginning_of_each_attempt(session):
    """A watcher is given what the answer will hold, in pieces, before it is complete."""
    packed = gzip.compress(CSV)
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    broken = httpx.Response(200, headers=headers, stream=Cut(packed[:30]))
    whole = httpx.Response(200, headers=headers, stream=httpx.ByteStream(packed))
    seen = []
    answer = session(broken, whole).get(RESULTS, watch=seen.append)
    assert answer.content == CSV
    assert b"".join(seen).endswith(CSV)
    assert CSV.startswith(seen[0])


def test_watching_happens_before_the_end_has_arrived():
    """The first bytes are seen while the server still holds back the rest."""
    seen = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n[1,2,")
            assert seen.wait(10)
            connection.sendall(b"3,4] ")

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with HttpSession(OrgConfig(url), AccessToken(access_token="00D!0", instance_url=url)) as session:
        answer = session.get("/services/data/v67.0/limits", watch=lambda chunk: seen.set())
    assert answer.json() == [1, 2, 3, 4]
    server.join(10)
    listener.close()


@pytest.mark.catalogue("A2")
@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("key", ["errorCode", "exceptionCode"])
def test_a_session_refused_by_another_status_is_renewed(session_on, status, key):
    """Bulk jobs tell of an expired session by their own status and words; the login is the same."""
    code = {"errorCode": "INVALID_SESSION_ID", "exceptionCode": "InvalidSessionId"}[key]
    tokens = iter(("first", "second"))
    signed = []

    def handle(request):
        if request.url.path.endswith("token"):
            return httpx.Response(200, json={"access_token": next(tokens), "instance_url": MY_DOMAIN})
        signed.append(request.headers["authorization"])
        if len(signed) == 1:
            return httpx.Response(status, json=[{key: code, "message": "Session expired or invalid"}])
        return csv()

    session = session_on(handle, ClientCredentials(client_id="key", client_secret="s", login_url=MY_DOMAIN))
    session.get(RESULTS, sink=File(), operation=Operation.BULK_RESULT)
    assert signed == ["Bearer first", "Bearer second"]
