"""Requests that were valid until something in them was changed at random, sent to a running org one after another.

Whatever comes is answered in one of Salesforce's forms, and what the org holds afterwards is exactly what it said it
accepted. Each run has a seed, and what fails names the seed and the request.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import socket
import string
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from typing import Any

import pytest
from rig.valid_requests import BASE, Headers, Sent, World, prepared, valid_requests

from sfdata.localorg import LocalOrg
from sfdata.localorg.gateway import ROUTES
from sfdata.localorg.store import Store
from sfdata.localorg.tables import quoted

REFUSALS = {400, 401, 403, 404, 405, 409, 410, 412, 413, 414, 415, 428, 431, 501}
BY_PRODUCTS = {"ContentDocument", "ContentDocumentLink"}
XML_REFUSAL = re.compile(
    r"<OAuth><error>\w+</error><error_description>[^<]+</"
    r"|<Errors><Error>.*<errorCode>[A-Z_]+</errorCode>"
    r"|<error\s[^>]*>\s*<exceptionCode>\w+</exceptionCode>",
    re.DOTALL,
)
PAGES = ("/services/oauth2/authorize", "/secur/frontdoor.jsp")


@dataclass(frozen=True)
class Reply:
    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.content_type.startswith("application/json") and self.body else None


class Wire:
    """A connection on which anything can be sent; a new one where the org has ended it."""

    def __init__(self, org: LocalOrg) -> None:
        self._address = ("127.0.0.1", int(org.instance_url.rpartition(":")[2]))
        self._socket: socket.socket | None = None

    def send(self, sent: Sent) -> Reply:
        """The answer; an org that says nothing for ten seconds hangs."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=10)
        lines = [f"{sent.method} {sent.target} HTTP/1.1", "Host: localhost", f"Content-Length: {len(sent.body)}"]
        lines += [f"{name}: {value}" for name, value in sent.headers]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + sent.body)
        response = HTTPResponse(self._socket, method=sent.method)
        response.begin()
        body = response.read()
        if response.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        reply = Reply(response.status, response.headers.get("Content-Type", ""), body)
        if response.headers.get("Connection") == "close":
            self.close()
        return reply

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


# --- mutations -------------------------------------------------------------------------------------------------------

FRAGMENTS = (
    "..", "%2e%2e", "%2F", "//", "/./", "%00", "%", "%zz", "%ff%fe", ";", "'", '"', "\\", "{name}", "*", "__c", "Id",
    "é", "💥", "%F0%9F%92%A5", "%C3", "?", "&", "=", "#", "@", "a" * 3000, "0", "-1", "null", "()", "%0d%0a", "+", "~",
)  # fmt: skip
HEADERS = (
    ("Sforce-Query-Options", "batchSize=0"), ("Sforce-Query-Options", "batchSize=99999999999999999999"),
    ("Accept", "application/xml"), ("Accept-Encoding", "gzip;q=x, *;q=0"), ("If-Match", '"x"'), ("If-None-Match", "*"),
    ("If-Modified-Since", "Mon, 99 Foo 10000 99:99:99 GMT"), ("If-Unmodified-Since", "0"), ("X-PrettyPrint", "1"),
    ("Content-Type", "text/csv"), ("Content-Type", "multipart/form-data"), ("Content-Type", "application/xml; x=é"),
    ("Content-Encoding", "gzip"), ("Content-Encoding", "br"), ("Sforce-Call-Options", "client=" + "x" * 900),
    ("Cookie", "a=b; a=c;;="), ("X-HTTP-Method-Override", "DELETE"), ("Expect", "100-nothing"), ("Range", "bytes=5-1"),
    ("Authorization", "Bearer"), ("Authorization", "Basic !!!"), ("Authorization", "OAuth é"), ("Content-Length", "0"),
    ("Sforce-Duplicate-Rule-Header", "allowSave=é"), ("X-Long", "y" * 20_000), ("X-Odd", "\x01\x7f"),
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 10**40, 1e308, float("nan"), float("-inf"), "", " ", "\0", "\ud800", "x" * 5000, "💥" * 300, [],
    {}, [None], {"a": {"b": []}}, "2024-02-30", "0000-00-00T00:00:00Z", "001000000000001AAA", "@{a.id}", "#N/A", "1e5",
    "true", [[[[[[[[]]]]]]]], "'", "9" * 400,
)  # fmt: skip


def spliced(dice: random.Random, text: str) -> str:
    at = dice.randrange(len(text) + 1)
    match dice.randrange(4):
        case 0:
            return text[:at] + dice.choice(FRAGMENTS) + text[at:]
        case 1:
            return text[:at] + text[at + dice.randint(1, 4) :]
        case 2:
            return text[:at] + text[at:].swapcase()
        case _:
            return text[:at] + dice.choice(string.printable[:94]) + text[at + 1 :]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from places(child, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def mutate_target(dice: random.Random, sent: Sent) -> Sent:
    path, mark, query = sent.target.partition("?")
    if mark and dice.random() < 0.7:
        return replace(sent, target=f"{path}?{spliced(dice, query)}")
    return replace(sent, target=f"/{spliced(dice, path[1:])}{mark}{query}")


def mutate_method(dice: random.Random, sent: Sent) -> Sent:
    methods = ["GET", "POST", "PATCH", "PUT", "HEAD", "OPTIONS", "get", "BREW"]
    # A job that is gone cannot tell any more what it accepted.
    return replace(sent, method=dice.choice([*methods, "DELETE"] if "/jobs/" not in sent.target else methods))


def mutate_headers(dice: random.Random, sent: Sent) -> Sent:
    kept = tuple(header for header in sent.headers if dice.random() < 0.8)
    return replace(sent, headers=(*kept, *dice.sample(HEADERS, dice.randint(0, 2))))


def mutate_bytes(dice: random.Random, sent: Sent) -> Sent:
    body, at = sent.body, dice.randrange(len(sent.body) + 1)
    variants: list[Callable[[], bytes]] = [
        lambda: body[:at],
        lambda: body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :],
        lambda: body[:at] + dice.choice([b"\xff\xfe", b"\0", b'"', b"\xef\xbb\xbf", b"\r", b"[" * 3000]) + body[at:],
        lambda: body[at:] + body[:at],
    ]
    return replace(sent, body=dice.choice(variants)())


def mutate_value(dice: random.Random, sent: Sent) -> Sent:
    try:
        value = json.loads(sent.body)
    except (ValueError, RecursionError):
        return mutate_bytes(dice, sent)
    path = dice.choice(list(places(value)))
    return replace(sent, body=json.dumps(replaced(value, path, dice.choice(ODD_VALUES))).encode())


def mutated(dice: random.Random, sent: Sent) -> Sent:
    """The request with one to three changes."""
    changes = [mutate_target, mutate_target, mutate_method, mutate_headers]
    if sent.body:
        changes += [mutate_value, mutate_value, mutate_bytes]
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        sent = dice.choice(changes)(dice, sent)
    return sent


# --- what an answer must be ------------------------------------------------------------------------------------------


def fault(sent: Sent, reply: Reply) -> str | None:
    """What is wrong with an answer, if anything: its status, or a refusal that is not in a form of Salesforce."""
    if b"Traceback" in reply.body:
        return "a traceback"
    if reply.status < 400:
        return None if reply.status in (200, 201, 204, 300, 302, 303, 304) else "a status nobody expects"
    if reply.content_type.startswith("text/xml"):
        return None if b"<faultcode>" in reply.body and reply.status in (500, 501) else "no SOAP fault"
    if reply.status not in REFUSALS:
        return "a status nobody expects"
    if sent.method == "HEAD" or (reply.status == 412 and not reply.body):
        return None
    if reply.content_type.startswith("application/json"):
        return None if refusal_in(reply.json) else "another form of refusal"
    text = reply.body.decode()
    if reply.content_type.startswith("text/html"):
        whole_page = (
            text.startswith("<!doctype html") and "/" + sent.target.partition("?")[0].lower().strip("/") in PAGES
        )
        return None if text.startswith(f"<h1>Bad Message {reply.status}</h1>") or whole_page else "an unknown page"
    if reply.content_type.startswith("text/plain"):
        return None if re.fullmatch(r"[A-Z][A-Za-z_]+", text) else "more than a word"
    if reply.content_type.startswith("application/xml"):
        return None if XML_REFUSAL.search(text) else "no known form of refusal"
    return None if re.match(r"error=\w+&error_description=", text) else "no known form of refusal"


def refusal_in(answer: Any) -> bool:
    if isinstance(answer, list):
        return bool(answer) and all(
            isinstance(e["message"], str) and re.fullmatch(r"[A-Za-z_]+", e["errorCode"]) for e in answer
        )
    if "exceptionCode" in answer:
        return bool(re.fullmatch(r"\w+", answer["exceptionCode"])) and isinstance(answer["exceptionMessage"], str)
    if "error" in answer:
        return isinstance(answer["error"], str) and isinstance(answer["error_description"], str)
    return answer["hasErrors"] is True and isinstance(answer["results"], list)


def accepted_by(reply: Reply) -> Iterator[str]:
    if reply.content_type.startswith("application/xml"):
        yield from re.findall(r"<Result><id>(\w{18})</id><success>true", reply.body.decode())
    else:
        yield from accepted(reply.json)


def accepted(answer: Any) -> Iterator[str]:
    """The Ids of the rows that an answer says were written."""
    if isinstance(answer, dict):
        if isinstance(answer.get("id"), str) and (answer.get("success") is True or "referenceId" in answer):
            yield answer["id"]
        answer = list(answer.values())
    if isinstance(answer, list):
        for inner in answer:
            yield from accepted(inner)


# --- what the org must hold ------------------------------------------------------------------------------------------


def rows_of(store: Store) -> dict[str, str]:
    """Every Id in the org, those in the recycle bin too, with its object."""
    with store.lock:
        return {
            row_id: sobject.name
            for sobject in store.schema
            for (row_id,) in store.connection.execute(f'SELECT "Id" FROM {quoted(sobject.name)}')
        }


def dangling(store: Store) -> list[tuple[str, str, str]]:
    """References to rows that are not there, as object, field and Id."""
    known = rows_of(store)
    found = []
    for sobject in store.schema:
        for field in sobject.fields:
            if field.type == "reference" and field.stored:
                statement = f"SELECT DISTINCT {quoted(field.name)} FROM {quoted(sobject.name)}"
                values = [value for (value,) in store.connection.execute(statement) if value is not None]
                found += [(sobject.name, field.name, v) for v in values if known.get(v) not in field.reference_to]
    return found


def results_of_jobs(wire: Wire, bearer: Headers) -> Iterator[str]:
    """The Ids in the success files of every ingest job, once no job is at work any more."""
    deadline = time.monotonic() + 20
    jobs = [{"state": "InProgress"}]
    while any(job["state"] in ("UploadComplete", "InProgress") for job in jobs):
        assert time.monotonic() < deadline, "a job does not end"
        jobs = wire.send(Sent("GET", f"{BASE}/jobs/ingest", bearer)).json["records"]
    for job in jobs:
        reply = wire.send(Sent("GET", f"{BASE}/jobs/ingest/{job['id']}/successfulResults", bearer))
        if reply.status == 200:
            yield from re.findall(r'(?m)^"(\w{18})",', reply.body.decode())


def converse(org: LocalOrg, seed: int, requests: int) -> set[str]:
    """Send that many mutated requests, check each answer; the Ids of the rows that the answers said were written."""
    dice, wire, ledger = random.Random(seed), Wire(org), set[str]()
    bearer = (("Authorization", f"Bearer {org.access_token}"), ("X-SFDC-Session", org.access_token))

    def answer(sent: Sent) -> Any:
        return wire.send(replace(sent, headers=(*sent.headers, *bearer))).json

    for number in range(requests):
        if number % 100 == 0:
            world = prepared(answer, f"{seed}-{number}")
            ledger |= {world.account, world.doomed}
            valid = valid_requests(org, world)
        chosen = dice.choice(valid)
        sent = mutated(dice, replace(chosen, headers=(*chosen.headers, *bearer)))
        try:
            reply = wire.send(sent)
            problem = fault(sent, reply)
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as exception:
            pytest.fail(f"seed {seed}, request {number}: {exception!r} for {sent}")
        assert problem is None, f"seed {seed}, request {number}: {problem} for {sent}: {reply}"
        ledger.update(accepted_by(reply) if reply.status < 300 else ())
    ledger.update(results_of_jobs(wire, bearer))
    wire.close()
    return ledger


def check(seed: int, requests: int, capfd: pytest.CaptureFixture[str]) -> None:
    """The law of this module, for the requests of one seed on an org of their own."""
    with LocalOrg(sample_data=False, page_size=1, limits={"DailyApiRequests": 10**9}) as org:
        store = org.instance.store
        before = rows_of(store)
        ledger = converse(org, seed, requests)
        after = rows_of(store)
        new = {row_id for row_id in after.keys() - before.keys() if after[row_id] not in BY_PRODUCTS}
        assert new <= ledger, f"seed {seed}: rows nobody was told of: {sorted(new - ledger)}"
        assert ledger <= after.keys(), f"seed {seed}: rows that are not there: {sorted(ledger - after.keys())}"
        assert dangling(store) == [], f"seed {seed}"
        assert store.connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert "Traceback" not in capfd.readouterr().err, f"seed {seed}"


def test_there_is_a_valid_request_for_every_route() -> None:
    """What is changed at random leads everywhere: no route is without a request that it would serve."""
    with LocalOrg(sample_data=False, page_size=1) as org:
        requests = valid_requests(org, World(*("001000000000001AAA",) * 8))
    reached = {
        next((r for r in ROUTES if r.method == sent.method and r.found_in(path) is not None), None)
        for sent in requests
        for path in [sent.target.partition("?")[0]]
    }
    assert [f"{route.method} {route.pattern}" for route in ROUTES if route not in reached] == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mutated_requests_are_answered_and_accounted_for(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Every answer is one of Salesforce's, no error is unexpected, and the rows are those the answers spoke of."""
    check(seed, 500, capfd)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_ten_thousand_mutated_requests(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    """The same law, for many more."""
    check(seed, 500, capfd)
