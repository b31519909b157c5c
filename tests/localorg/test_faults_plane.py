"""The fault plane: faults happen where, when and as often as they were asked for, and to nothing else.

What is seen here is seen on plain sockets or by an HTTP client that knows nothing of sfdata.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from typing import Any

import jwt
import pytest
from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg
from sfdata.localorg.faults import BadRule, Rule, bodies
from sfdata.localorg.faults.kinds import KINDS, POINTS
from sfdata.localorg.faults.operations import DATA, OTHER, PATTERNS, operation
from sfdata.localorg.gateway import ROUTES
from sfdata.localorg.routing import Answer

FAULTS = "/localorg/faults"
VERSIONS = "/services/data"
PAGE = 5

pytestmark = pytest.mark.local_org(page_size=PAGE)


@pytest.fixture(autouse=True)
def clean(org: LocalOrg) -> Iterator[None]:
    """No fault outlives its test."""
    yield
    org.faults.clear()


@pytest.fixture(scope="module")
def names(web: Rest) -> list[str]:
    """Twelve accounts: three pages."""
    made = [f"n{n:02d}" for n in range(12)]
    for name in made:
        assert web.post(f"{BASE}/sobjects/Account", json={"Name": name, "Site": "pages"}).status_code == 201
    return made


SOQL = "SELECT Name FROM Account WHERE Site = 'pages' ORDER BY Name"


def exchange(org: LocalOrg, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[bytes, bool]:
    """Everything the server sends in answer to one request, and whether the connection ended by a reset."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{org.instance_url.rpartition(':')[2]}"]
    lines += [f"Authorization: Bearer {org.access_token}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    address = ("127.0.0.1", int(org.instance_url.rpartition(":")[2]))
    received = b""
    with closing(socket.create_connection(address, timeout=10)) as connection:
        try:
            connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            return received, True
    return received, False


def split(message: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = message.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


# --- who may ask, and for what ---------------------------------------------------------------------------------------


@pytest.mark.catalogue("S31")
def test_only_the_fault_token_opens_it(org: LocalOrg, web: Rest, stranger: Rest, tester: Rest) -> None:
    """Neither a session nor a wrong or missing token; nothing is changed, and the token is nowhere in words."""
    rule = {"kind": "status", "operation": "limits"}
    wrong: list[dict[str, str]] = [
        {},
        {"Authorization": f"Bearer {org.access_token}"},
        {"Authorization": f"Bearer {org.fault_token}x"},
        {"Authorization": f"Bearer {org.fault_token[:-1]}"},
        {"Authorization": f"Basic {org.fault_token}"},
    ]
    for headers in wrong:
        for method, body in (("GET", None), ("POST", rule), ("DELETE", None)):
            reply = stranger.request(method, FAULTS, json=body, headers=headers)
            assert (reply.status_code, reply.json()[0]["errorCode"]) == (401, "INVALID_AUTH_HEADER")
            assert org.fault_token not in reply.text
    assert tester.get(FAULTS).json() == {"faults": []}
    assert org.fault_token not in repr(org.credentials) + web.get("/").text
    assert web.get(f"{BASE}/limits", headers={"Authorization": f"Bearer {org.fault_token}"}).status_code == 401


def test_rules_are_added_listed_and_taken_back(tester: Rest, web: Rest) -> None:
    """What is listed is what was asked for, with the usual point and arguments, and what it has done."""
    reply = tester.post(FAULTS, json={"kind": "status", "operation": "limits", "nth": 2, "args": {"status": 500}})
    (first,) = reply.json()["faults"]
    assert reply.status_code == 201
    assert [web.get(f"{BASE}/limits").status_code for _ in range(3)] == [200, 500, 200]
    assert tester.get(FAULTS).json()["faults"] == [{**first, "met": 3, "fired": 1}]
    expected = {
        "kind": "status",
        "operation": "limits",
        "point": "before-commit",
        "nth": [2],
        "met": 0,
        "fired": 0,
        "due": 1,
    }
    assert {name: first[name] for name in expected} == expected
    assert first["args"]["status"] == 500
    assert first["args"]["error_code"] == "SERVER_UNAVAILABLE"
    two = tester.post(FAULTS, json=[{"kind": "fin"}, {"kind": "reset", "operation": "ingest_*"}]).json()["faults"]
    assert [told["kind"] for told in two] == ["fin", "reset"]
    assert tester.delete(FAULTS, params={"id": two[0]["id"]}).status_code == 204
    assert [told["id"] for told in tester.get(FAULTS).json()["faults"]] == [first["id"], two[1]["id"]]
    assert tester.delete(FAULTS, params={"id": "x"}).status_code == 400
    assert tester.delete(FAULTS).status_code == 204
    assert tester.get(FAULTS).json() == {"faults": []}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ([], "JSON object"),
        ({"operation": "query"}, "a fault has a kind"),
        ({"kind": "explode"}, "kind must be one of"),
        ({"kind": "reset", "when": 1}, "no when"),
        ({"kind": "reset", "operation": "querry"}, "operation must be"),
        ({"kind": "reset", "path": "("}, "path must be a regular expression"),
        ({"kind": "shuffle", "point": "before-commit"}, "of kind shuffle must be one of before-answer"),
        ({"kind": "reset", "nth": 0}, "nth must be"),
        ({"kind": "reset", "nth": True}, "nth must be"),
        ({"kind": "reset", "nth": ["1"]}, "nth must be"),
        ({"kind": "reset", "nth": 1.5}, "nth must be"),
        ({"kind": "reset", "every": 0}, "every must be"),
        ({"kind": "reset", "times": -1}, "times must be"),
        ({"kind": "reset", "probability": 1.5}, "probability must be"),
        ({"kind": "reset", "probability": "high"}, "probability must be"),
        ({"kind": "reset", "seed": "x"}, "seed must be"),
        ({"kind": "reset", "nth": 1, "every": 2}, "not two of them"),
        ({"kind": "reset", "args": 5}, "args must be an object"),
        ({"kind": "reset", "args": {"bytes": 5}}, "there is no argument bytes"),
        ({"kind": "reset", "args": {"at": "5"}}, "at must be int"),
        ({"kind": "reset", "args": {"at": True}}, "at must be int"),
        ({"kind": "cut", "args": {"framing": "odd"}}, "framing must be length or chunked or close"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused(tester: Rest, rule: Any, said: str) -> None:
    """With what is wrong, and none of the rules that came with it is in force."""
    reply = tester.post(FAULTS, json=[{"kind": "fin", "operation": "limits"}, rule])
    (error,) = reply.json()
    assert (reply.status_code, error["errorCode"]) == (400, "INVALID_INPUT")
    assert said in error["message"]
    assert tester.get(FAULTS).json() == {"faults": []}


def test_every_operation_is_a_route_of_the_org() -> None:
    """A name stands for resources that are served, and each request has one name."""
    served = {f"{route.method} {route.pattern}" for route in ROUTES}
    for name, texts in PATTERNS.items():
        for text in texts:
            method, pattern = text.split()
            full = pattern if pattern.startswith("/") else f"{DATA}/{pattern}"
            assert f"{method} {full}" in served, text
            filled = full.format(version="66.0", name="Account", key="Name", value="x", id="750", locator="01g-1")
            assert operation(method, filled) == name
    assert operation("GET", f"{BASE}/tooling/query") == operation("PUT", f"{BASE}/limits") == OTHER


# --- which requests suffer -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selector", "struck"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 3}, [3]),
        ({"nth": [1, 5]}, [1, 5]),
        ({"every": 2}, [2, 4, 6]),
        ({"times": 2}, [1, 2]),
        ({"every": 2, "times": 2}, [2, 4]),
        ({"probability": 0.0}, []),
        ({"probability": 1.0}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_the_selector_says_which(org: LocalOrg, web: Rest, selector: dict[str, Any], struck: list[int]) -> None:
    """Requests that fit are counted from 1, and exactly those the selector names suffer."""
    org.faults.add("status", "limits", **selector)
    statuses = [web.get(f"{BASE}/limits").status_code for _ in range(6)]
    assert [number for number, status in enumerate(statuses, 1) if status == 503] == struck
    (told,) = org.faults.listed()
    assert (told["met"], told["fired"]) == (6, len(struck))
    assert told["due"] == {"nth": len(told.get("nth", ())), "times": selector.get("times"), "probability": 0}.get(
        next(iter(selector), ""), 1
    ) or "times" in selector  # fmt: skip


def test_chance_comes_from_the_seed(org: LocalOrg) -> None:
    """The same seed strikes the same requests, another one others, and as often as the probability says."""
    draws = {seed: [Rule(kind="fin", probability=0.3, seed=seed).strikes(n) for n in range(1, 1001)] for seed in (1, 2)}
    assert draws[1] == [Rule(kind="fin", probability=0.3, seed=1).strikes(n) for n in range(1, 1001)]
    assert draws[1] != draws[2]
    assert all(230 < sum(drawn) < 370 for drawn in draws.values())


def test_path_and_operation_choose(org: LocalOrg, web: Rest) -> None:
    """A rule counts only what it is for; a path is looked for in the query string, too; a star takes every name."""
    org.faults.add("status", "describe", path="/Contact/", args={"status": 500})
    org.faults.add("status", "query", path="Lead", args={"status": 501})
    org.faults.add("status", "limits*", args={"status": 502})
    asked = ["sobjects/Account/describe", "sobjects/Contact/describe", "query?q=SELECT+Id+FROM+Account",
             "query?q=SELECT+Id+FROM+Lead", "limits", "sobjects"]  # fmt: skip
    assert [web.get(f"{BASE}/{path}").status_code for path in asked] == [200, 500, 200, 501, 502, 200]
    org.faults.clear()
    org.faults.add("status", "*")
    assert [web.get(path).status_code for path in (f"{BASE}/limits", f"{BASE}/nothing", "/", "/localorg/locks")] == [
        503, 503, 200, 200,
    ]  # fmt: skip


def test_without_rules_nothing_is_looked_at(web: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No request pays for faults nobody asked for: not even its name is worked out."""
    monkeypatch.setattr("sfdata.localorg.faults.rules.operation", lambda *_: pytest.fail("the name was worked out"))
    assert web.get(f"{BASE}/limits").status_code == 200


# --- when it happens -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["reset", "fin", "stall", "status", "html"])
@pytest.mark.parametrize("point", POINTS)
def test_the_point_says_whether_the_work_was_done(org: LocalOrg, kind: str, point: str) -> None:
    """Before the commit nothing is written; from then on the record is there, whatever becomes of the answer."""
    if point not in KINDS[kind].points:
        with pytest.raises(BadRule):
            org.faults.add(kind, "create", point=point)
        return
    last = len(org.ledger.effects())
    args = {"seconds": 0.01} if kind == "stall" else {}
    org.faults.add(kind, "create", point=point, args=args)
    received, was_reset = exchange(org, "POST", f"{BASE}/sobjects/Account", b'{"Name":"point"}')
    effects = [effect.effect for effect in org.ledger.effects()[last:]]
    assert effects == ([] if point in ("before-receive", "before-commit") else ["created"])
    assert was_reset is (kind == "reset")
    if kind in ("status", "html"):
        assert split(received)[0] == (503 if kind == "status" else 502)
    elif point == "after-answer":
        status, headers, body = split(received)
        assert (status, len(body)) == (201, int(headers["Content-Length"]))
    elif point == "mid-answer":
        status, headers, body = split(received)
        assert (status, len(body)) == (201, int(headers["Content-Length"]) // 2)
    else:
        assert received == b""


@pytest.mark.parametrize("kind", ["reset", "fin"])
@pytest.mark.parametrize("at", [0, 1, 17, -1])
def test_an_answer_ends_at_the_byte_that_was_named(org: LocalOrg, kind: str, at: int) -> None:
    """So many bytes of the body and not one more; negative ones are counted from its end."""
    whole = split(exchange(org, "GET", VERSIONS)[0])[2]
    org.faults.add(kind, "versions", point="mid-answer", args={"at": at})
    received, was_reset = exchange(org, "GET", VERSIONS)
    assert split(received)[2] == whole[:at]
    assert was_reset is (kind == "reset")


@pytest.mark.parametrize("at", [0, 10, 4999, 5000])
def test_a_request_is_cut_at_the_byte_that_was_named(org: LocalOrg, web: Rest, at: int) -> None:
    """The rest of an upload is not waited for, the connection is reset, and the job has no data."""
    job = web.post(f"{BASE}/jobs/ingest", json={"object": "Account", "operation": "insert"}).json()["id"]
    org.faults.add("reset", "ingest_upload", point="before-receive", args={"at": at})
    body = b"Name\n" + b"x" * 4995
    port = int(org.instance_url.rpartition(":")[2])
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        head = (
            f"PUT {BASE}/jobs/ingest/{job}/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body[:at])
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    org.faults.clear()
    headers = {"Content-Type": "text/csv"}
    assert web.put(f"{BASE}/jobs/ingest/{job}/batches", content=b"Name\nx\n", headers=headers).status_code == 201


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_stall_ends_with_its_time_with_the_client_or_with_the_org() -> None:
    """Nothing comes for as long as was asked for; no thread waits for a client that left; the org can be stopped."""
    with LocalOrg(sample_data=False) as own:
        own.faults.add("stall", "limits", nth=1, point="mid-answer", args={"at": 5, "seconds": 0.2})
        own.faults.add("stall", "limits", nth=[2, 3], args={"seconds": 60})
        started = time.monotonic()
        received, _ = exchange(own, "GET", f"{BASE}/limits")
        assert 0.2 <= time.monotonic() - started < 5
        assert len(split(received)[2]) == 5
        threads = threading.active_count()
        address = ("127.0.0.1", int(own.instance_url.rpartition(":")[2]))
        with closing(socket.create_connection(address)) as leaving:
            leaving.sendall(f"GET {BASE}/limits HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            _until(lambda: own.faults.listed()[1]["met"] == 2)
        _until(lambda: threading.active_count() <= threads)
        with closing(socket.create_connection(address)) as waiting:
            waiting.sendall(f"GET {BASE}/limits HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            _until(lambda: own.faults.listed()[1]["met"] == 3)
            started = time.monotonic()
            own.stop()
            assert time.monotonic() - started < 2


def test_delay_and_trickle_give_the_whole_answer_later(org: LocalOrg, web: Rest) -> None:
    """A late answer and one in small pieces are the same answer."""
    org.faults.add("delay", "versions", nth=1, args={"seconds": 0.15})
    org.faults.add("trickle", "versions", nth=2, args={"bytes": 1000, "seconds": 0.03})
    started = time.monotonic()
    first = web.get("/services/data")
    between = time.monotonic()
    assert between - started > 0.15
    second = web.get("/services/data", headers={"Accept-Encoding": "identity"})
    assert time.monotonic() - between > 0.03 * (len(second.content) // 1000)
    assert first.json() == second.json() == web.get("/services/data").json()


# --- wrong framing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [-3, 1, 1000])
def test_a_length_is_off_by_so_much(org: LocalOrg, by: int) -> None:
    """The header says so many bytes more or fewer; the body is whole."""
    org.faults.add("length", "versions", args={"by": by})
    _, headers, body = split(exchange(org, "GET", VERSIONS)[0])
    assert int(headers["Content-Length"]) == len(body) + by
    assert json.loads(body)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity", None])
def test_a_cut_body_is_framed_as_if_it_were_whole(org: LocalOrg, framing: str, coding: str | None) -> None:
    """Length, chunks or the end of the connection all say that this was it; what is inside stops in mid-stream."""
    plain = split(exchange(org, "GET", VERSIONS)[0])[2]
    org.faults.add("cut", "versions", args={"at": 100, "framing": framing, "coding": coding})
    _, headers, body = split(exchange(org, "GET", VERSIONS, Accept_Encoding="gzip")[0])
    assert headers.get("Content-Length") == ("100" if framing == "length" else None)
    if framing == "chunked":
        assert headers["Transfer-Encoding"] == "chunked"
        assert body.startswith(b"64\r\n")
        assert body.endswith(b"\r\n0\r\n\r\n")
        body = body[4:-7]
    assert len(body) == 100
    if coding == "identity":
        assert plain.startswith(body)
        return
    assert headers["Content-Encoding"] == (coding or "gzip")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    begun = unpack.decompress(body)
    assert plain.startswith(begun)
    assert not unpack.eof


def test_a_second_member_can_be_left_out(org: LocalOrg) -> None:
    """In two gzip members the body is whole; up to a place between them, the first alone is."""
    org.faults.add("cut", "versions", nth=1, args={"at": 10**6, "coding": "gzip", "members": 2})
    whole = split(exchange(org, "GET", VERSIONS)[0])[2]
    first = zlib.decompressobj(zlib.MAX_WBITS | 16)
    half = first.decompress(whole)
    assert first.eof
    assert json.loads(gzip.decompress(whole))
    assert gzip.decompress(whole).startswith(half)
    assert first.unused_data
    size = len(whole) - len(first.unused_data)
    org.faults.add("cut", "versions", args={"at": size, "coding": "gzip", "members": 2})
    received = split(exchange(org, "GET", VERSIONS)[0])[2]
    assert received == whole[:size]


def test_headers_are_taken_away_and_put_wrong(org: LocalOrg, bulk: Any) -> None:
    """One header goes, another gets a value or a spelling of its own; no other changes."""
    job = bulk.query("SELECT Id FROM Account")
    path = f"{BASE}/jobs/query/{job['id']}/results"
    usual = split(exchange(org, "GET", path)[0])[1]
    org.faults.add("strip-header", "query_results", args={"name": "sforce-locator"})
    org.faults.add("set-header", "query_results", args={"name": "sforce-numberofrecords", "value": "12"})
    org.faults.add("set-header", "query_results", args={"name": "Content-Type", "value": "text/csv"})
    told = split(exchange(org, "GET", path)[0])[1]
    changing = {"Date", "X-SFDC-Request-Id", "Sforce-Limit-Info"}
    expected = usual.items() - {(n, v) for n, v in usual.items() if n in ("Sforce-Locator", "Sforce-NumberOfRecords")}
    expected = dict(expected) | {"sforce-numberofrecords": "12", "Content-Type": "text/csv"}
    assert {n: v for n, v in told.items() if n not in changing} == {
        n: v for n, v in expected.items() if n not in changing
    }


def test_a_refusal_is_any_that_was_asked_for(org: LocalOrg, web: Rest) -> None:
    """Status, code, message and headers of an error; status and title of a page."""
    args = {"status": 403, "error_code": "REQUEST_LIMIT_EXCEEDED", "message": "spent", "headers": {"Retry-After": "7"}}
    org.faults.add("status", "limits", args=args, nth=1)
    reply = web.get(f"{BASE}/limits")
    assert reply.json() == [{"message": "spent", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    assert (reply.status_code, reply.headers["retry-after"]) == (403, "7")
    org.faults.add("html", "limits", args={"status": 200, "title": "Down for <b>now</b>"})
    reply = web.get(f"{BASE}/limits")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html;charset=UTF-8")
    assert "<title>Down for &lt;b&gt;now&lt;/b&gt;</title>" in reply.text


# --- wrong content ---------------------------------------------------------------------------------------------------

CSV = b'"Id","Note"\n"1","a\nb"\n"2","say ""x"", \r\n""y"""\n"3","z"\n'
ROWS = [["1", "a\nb"], ["2", 'say "x", \r\n"y"'], ["3", "z"]]
BY_CSV = Answer(body=CSV, content_type="text/csv;charset=UTF-8", headers={"Sforce-NumberOfRecords": "3"})
BY_JSON = Answer(body=json.dumps({"totalSize": 3, "done": True, "records": [{"Id": n} for n in "123"]}).encode())


class Dice:
    """Falls as it is told."""

    def shuffle(self, order: list[int]) -> None:
        order.reverse()

    def sample(self, places: range, k: int) -> list[int]:
        return [*places][:k]

    def choices(self, rows: list[Any], k: int) -> list[Any]:
        return rows[:1] * k


def parsed(given: Answer) -> list[Any]:
    if given.content_type.startswith("text/csv"):
        header, *rows = csv.reader(io.StringIO(given.body.decode(), newline=""))
        assert header == ["Id", "Note"]
        return rows
    return [record["Id"] for record in json.loads(given.body)["records"]]


@pytest.mark.parametrize(("given", "rows"), [(BY_CSV, ROWS), (BY_JSON, ["1", "2", "3"])], ids=["csv", "json"])
def test_rows_are_shuffled_left_out_and_doubled(given: Answer, rows: list[Any]) -> None:
    """Rows are whole ones, line ends and quotes within them and all; nothing else of the answer changes."""
    dice: Any = Dice()
    assert parsed(bodies.shuffled(given, dice)) == rows[::-1]
    assert parsed(bodies.without(given, 2, dice)) == rows[2:]
    assert parsed(bodies.doubled(given, 2, dice)) == [*rows, rows[0], rows[0]]
    assert parsed(bodies.with_rows_of(given, bodies.without(given, 1, dice))) == rows[1:]
    assert bodies.shuffled(given, dice).headers == given.headers


def test_counts_are_off_and_text_stands_where_it_does_not_belong() -> None:
    """The count of a page or a job, by so much; bytes in the middle of others."""
    assert json.loads(bodies.miscounted(BY_JSON, 2, None).body)["totalSize"] == 5
    assert bodies.miscounted(BY_CSV, -1, None).headers == {"Sforce-NumberOfRecords": "2"}
    job = Answer(body=b'{"state":"JobComplete","numberRecordsProcessed":9,"numberRecordsFailed":1}')
    assert json.loads(bodies.miscounted(job, 1, None).body)["numberRecordsProcessed"] == 10
    assert json.loads(bodies.miscounted(job, 1, "numberRecordsFailed").body)["numberRecordsFailed"] == 2
    assert bodies.malformed(Answer(body=b"abcd"), 2, "ü").body == "abücd".encode()


def test_a_fault_that_does_not_fit_the_answer_says_so(org: LocalOrg, web: Rest) -> None:
    """Rows of what has none, or a page before the first, are no silent success."""
    org.faults.add("shuffle", "limits")
    org.faults.add("repeat-page", "query")
    for path in ("limits", "query?q=SELECT+Id+FROM+Lead"):
        reply = web.get(f"{BASE}/{path}")
        assert (reply.status_code, reply.json()[0]["errorCode"]) == (500, "FAULT_DOES_NOT_FIT")


def walk(web: Rest) -> list[dict[str, Any]]:
    """The pages of `SOQL`, at most five."""
    pages = [web.get(f"{BASE}/query", params={"q": SOQL}).json()]
    while not pages[-1]["done"] and len(pages) < 5:
        pages.append(web.get(pages[-1]["nextRecordsUrl"]).json())
    return pages


def told(page: dict[str, Any]) -> list[str]:
    return [record["Name"] for record in page["records"]]


def test_a_page_comes_twice_or_leads_to_itself(org: LocalOrg, web: Rest, names: list[str]) -> None:
    """The rows are those of the page before while count and way on are the page's own; or the way on is the page."""
    right = walk(web)
    assert [told(page) for page in right] == [names[:5], names[5:10], names[10:]]
    org.faults.add("repeat-page", "query*", nth=3)
    twice = walk(web)
    assert [told(page) for page in twice] == [names[:5], names[5:10], names[5:10]]
    assert twice[2]["done"]
    org.faults.clear()
    org.faults.add("self-link", "query_more")
    assert [told(page) for page in walk(web)] == [names[:5], *[names[5:10]] * 4]


# --- what the org suffers --------------------------------------------------------------------------------------------


def test_a_session_ends_before_or_after_a_request(org: LocalOrg, stranger: Rest) -> None:
    """The request is refused with 401, or with the status asked for; or it is answered, and the next one is refused."""

    def statuses(**rule: Any) -> list[int]:
        token, _ = org.instance.sessions.issue(org.user_id, "test", "api")
        org.faults.clear()
        org.faults.add("expire-token", "limits", nth=2, **rule)
        headers = {"Authorization": f"Bearer {token}"}
        return [stranger.get(f"{BASE}/limits", headers=headers).status_code for _ in range(3)]

    assert statuses() == [200, 401, 401]
    assert statuses(args={"status": 400}) == [200, 400, 401]
    assert statuses(point="before-answer") == [200, 200, 401]


def test_cursors_expire(org: LocalOrg, web: Rest, names: list[str]) -> None:
    """The locator is none from then on, however often it is asked for; a new query has a new one."""
    first = web.get(f"{BASE}/query", params={"q": SOQL}).json()
    org.faults.add("expire-locator", "query_more", nth=1)
    for _ in range(2):
        reply = web.get(first["nextRecordsUrl"])
        assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")
    assert [name for page in walk(web) for name in told(page)] == names


@pytest.mark.parametrize("state", ["Failed", "Aborted"])
@pytest.mark.parametrize("rows", range(6))
def test_a_job_ends_after_so_many_rows(org: LocalOrg, bulk: Any, state: str, rows: int) -> None:
    """Those rows are written and told, the others are unprocessed; a job that has fewer rows is not disturbed."""
    message = "InternalServerError : stop"
    org.faults.add("stop-job", "ingest_close", args={"rows": rows, "state": state, "message": message})
    names = [f"{state}{rows}-{n}" for n in range(5)]
    job = bulk.ingest("Name\n" + "".join(f"{name}\n" for name in names))
    assert job["state"] == (state if rows <= 5 else "JobComplete")
    assert job.get("errorMessage") == (message if state == "Failed" else None)
    assert job["numberRecordsProcessed"] == rows
    assert sorted(row["Name"] for row in bulk.rows(job, "successfulResults")) == names[:rows]
    assert [row["Name"] for row in bulk.rows(job, "unprocessedrecords")] == names[rows:]
    found = bulk.records(f"SELECT Name FROM Account WHERE Name LIKE '{state}{rows}-%' ORDER BY Name")
    assert [record["Name"] for record in found] == names[:rows]


def test_a_query_job_ends_early_or_begins_late(org: LocalOrg, bulk: Any, names: list[str]) -> None:
    """Failed with its message, or at work for a while and then complete."""
    org.faults.add("stop-job", "query_job_create", nth=1, args={"message": "QueryTimeout"})
    job = bulk.query(SOQL)
    assert (job["state"], job["errorMessage"]) == ("Failed", "QueryTimeout")
    assert bulk.page(job).status_code == 400
    org.faults.add("slow-job", "query_job_create", args={"seconds": 0.2})
    started = time.monotonic()
    assert bulk.query(SOQL)["numberRecordsProcessed"] == len(names)
    assert time.monotonic() - started > 0.2


def test_a_job_is_deleted_under_our_feet(org: LocalOrg, bulk: Any) -> None:
    """Its results are gone when they are asked for, and so is the job."""
    job = bulk.ingest("Name\nx\n")
    org.faults.add("delete-job", "ingest_successful")
    assert bulk.call("GET", f"ingest/{job['id']}/successfulResults").status_code == 404
    assert bulk.call("GET", f"ingest/{job['id']}").status_code == 404


@pytest.mark.parametrize(("skew", "granted"), [(0, True), (600, False), (-600, True)])
def test_the_orgs_clock_is_off(org: LocalOrg, web: Rest, skew: int, granted: bool) -> None:
    """An assertion is judged by the clock that the Date header tells."""
    org.faults.add("clock-skew", "token", args={"seconds": skew})
    claims = {"iss": org.client_id, "sub": org.username, "aud": org.login_url, "exp": int(time.time()) + 180}
    assertion = jwt.encode(claims, org.private_key_file.read_text(), algorithm="RS256")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    reply = web.post("/services/oauth2/token", data=form)
    assert (reply.status_code == 200) is granted
    assert abs(parsedate_to_datetime(reply.headers["date"]).timestamp() - time.time() - skew) < 30
