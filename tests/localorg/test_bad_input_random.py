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
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from sfdata.localorg import LocalOrg
from sfdata.localorg.store import Store
from sfdata.localorg.tables import quoted

BASE = "/services/data/v66.0"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REFUSALS = {400, 401, 403, 404, 405, 409, 410, 412, 413, 414, 415, 428, 431, 501}
BY_PRODUCTS = {"ContentDocument", "ContentDocumentLink"}
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PAGES = ("/services/oauth2/authorize", "/secur/frontdoor.jsp")

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sent:
    """A request before it is framed."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.target[:300]!r} {dict(self.headers)} {self.body[:600]!r}"


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


# --- valid requests --------------------------------------------------------------------------------------------------


def as_json(method: str, path: str, body: Any) -> Sent:
    return Sent(method, f"{BASE}{path}", tuple(JSON.items()), json.dumps(body).encode())


def form(path: str, **fields: str) -> Sent:
    return Sent("POST", path, tuple(FORM.items()), urlencode(fields).encode())


def get(path: str, **parameters: str) -> Sent:
    return Sent("GET", f"{BASE}{path}" + (f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""), ())


def account(name: str, **more: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Account"}, "Name": name, **more}


SOQL = (
    "SELECT Id, Owner.Name, (SELECT LastName FROM Contacts) FROM Account WHERE Name LIKE 'A%' ORDER BY Name LIMIT 5",
    "SELECT COUNT(Id) n, Industry FROM Account WHERE CreatedDate = LAST_N_DAYS:3 GROUP BY Industry HAVING MAX(Id) > 0",
    "SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account WHERE Name != null) AND Email = 'a@b.example'",
    "SELECT TYPEOF Who WHEN Contact THEN Email ELSE Name END FROM Task WHERE ActivityDate > 2024-01-31",
)


def valid_requests(org: LocalOrg, own: str, job: str) -> list[Sent]:
    """One or more of every kind, for an account ``own`` and an open ingest ``job``."""
    app = {"client_id": org.client_id, "client_secret": org.client_secret}
    part = {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "a", "body": {"Name": "C"}}
    read = {"method": "GET", "url": f"{BASE}/sobjects/Account/@{{a.id}}?fields=Name", "referenceId": "b"}
    tree = {"attributes": {"type": "Account", "referenceId": "r1"}, "Name": "T"}
    contact = {"attributes": {"type": "Contact", "referenceId": "r2"}, "LastName": "L"}
    version = {"Title": "f", "PathOnClient": "f.txt", "VersionData": b64encode(b"hello").decode()}
    multipart = (
        b'--x\r\nContent-Disposition: form-data; name="entity_content"\r\nContent-Type: application/json\r\n\r\n'
        b'{"PathOnClient": "a.txt"}\r\n--x\r\nContent-Disposition: form-data; name="VersionData"; filename="a.txt"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\nhello\r\n--x--\r\n"
    )
    soap = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<login xmlns="urn:partner.soap.sforce.com"><username>{org.username}</username>'
        "<password>nope</password></login></e:Body></e:Envelope>"
    )
    asking = {
        "response_type": "code", "client_id": org.client_id, "state": "s",
        "redirect_uri": "http://localhost:1717/OauthRedirect",
    }  # fmt: skip
    return [
        *(get("/query", q=soql) for soql in SOQL),
        get("/queryAll/", q="SELECT Id, IsDeleted FROM Account"),
        get("/query", q=SOQL[0], columns="true"),
        get("/query", explain=SOQL[2]),
        get(""), get("/sobjects"), get("/sobjects/Account"), get("/sobjects/Account/describe"), get("/limits"),
        get("/limits/recordCount", sObjects="Account,Contact"), get("/recent", limit="5"),
        get("/sobjects/Account/updated/", start="2024-01-01T00:00:00Z", end="2024-01-02T00:00:00Z"),
        get(f"/sobjects/Account/{own}", fields="Name,OwnerId"), get("/sobjects/Account/Ext__c/A-1"),
        get(f"/sobjects/Account/{own}/Owner"), get(f"/sobjects/Account/{own}/Contacts"),
        as_json("POST", "/sobjects/Account", {"Name": "Acme", "NumberOfEmployees": 3, "AnnualRevenue": "12.5"}),
        as_json("POST", "/sobjects/Contact", {"LastName": "L", "Account": {"Ext__c": "A"}, "Birthdate": "1980-02-29"}),
        as_json("POST", "/sobjects/Task", {"Subject": "Call", "WhatId": own, "ActivityDate": "2024-05-15"}),
        as_json("PATCH", f"/sobjects/Account/{own}", {"Name": "Other", "Industry": "Energy"}),
        as_json("PATCH", "/sobjects/Account/Ext__c/A-2", {"Name": "Up"}),
        as_json("POST", f"/sobjects/Account/{own}?_HttpMethod=PATCH", {"Phone": "1"}),
        as_json("POST", "/sobjects/ContentVersion", version),
        Sent(
            "POST", f"{BASE}/sobjects/ContentVersion", (("Content-Type", "multipart/form-data; boundary=x"),), multipart
        ),
        Sent("DELETE", f"{BASE}/sobjects/Account/Ext__c/A-3", ()),
        as_json("POST", "/composite/sobjects", {"allOrNone": False, "records": [account("x"), account("")]}),
        as_json("PATCH", "/composite/sobjects", {"allOrNone": True, "records": [account("z", id=own)]}),
        as_json("PATCH", "/composite/sobjects/Account/Ext__c", {"records": [account("u", Ext__c="A-4")]}),
        as_json("POST", "/composite/sobjects/Account", {"ids": [own], "fields": ["Id", "Name"]}),
        get("/composite/sobjects/Account", ids=own, fields="Name"),
        Sent("DELETE", f"{BASE}/composite/sobjects?ids=001000000000001AAA,{own[:-1]}B", ()),
        as_json("POST", "/composite", {"allOrNone": True, "compositeRequest": [part, read]}),
        as_json("POST", "/composite/batch", {"batchRequests": [{"method": "GET", "url": "v66.0/limits"}]}),
        as_json("POST", "/composite/tree/Account", {"records": [{**tree, "Contacts": {"records": [contact]}}]}),
        as_json("POST", "/composite/graph", {"graphs": [{"graphId": "1", "compositeRequest": [part, read]}]}),
        as_json("POST", "/jobs/ingest", {"object": "Account", "operation": "insert", "lineEnding": "LF"}),
        Sent("PUT", f"{BASE}/jobs/ingest/{job}/batches", (("Content-Type", "text/csv"),), b'Name,Site\n"a ""b""",c\n'),
        as_json("PATCH", f"/jobs/ingest/{job}", {"state": "UploadComplete"}),
        get(f"/jobs/ingest/{job}"), get(f"/jobs/ingest/{job}/successfulResults/"),
        get("/jobs/ingest", jobType="V2Ingest"),
        as_json("POST", "/jobs/query", {"operation": "query", "query": "SELECT Id, Name FROM Account"}),
        get(f"/jobs/query/{job}/results", maxRecords="3", locator="MTAw"),
        get("/search", q="FIND {Acme*} IN NAME FIELDS RETURNING Account(Id, Name WHERE Name != null LIMIT 3), Contact"),
        get("/parameterizedSearch", q="Acme", sobject="Account", **{"Account.fields": "Id,Name"}),
        as_json("POST", "/parameterizedSearch", {"q": "Acme", "sobjects": [{"name": "Account", "fields": ["Id"]}]}),
        get("/tooling/query", q="SELECT Id FROM EntityDefinition LIMIT 2"),
        form("/services/oauth2/token", grant_type="client_credentials", **app),
        form("/services/oauth2/token", grant_type="password", username=org.username, password="nope", **app),
        form("/services/oauth2/token", grant_type="refresh_token", refresh_token="5Aep861nope", **app),
        form("/services/oauth2/token", grant_type=JWT_BEARER, assertion="e30.e30.e30"),
        form("/services/oauth2/introspect", token="00D!x", **app),
        form("/services/oauth2/revoke", token="00D!x"),
        Sent("GET", "/services/oauth2/userinfo", ()),
        Sent("GET", f"/id/{org.org_id}/{org.user_id}?format=json&version=latest", ()),
        Sent("GET", f"/services/oauth2/authorize?{urlencode(asking)}", ()),
        Sent("POST", "/services/Soap/u/59.0", (("Content-Type", "text/xml"), ("SOAPAction", "login")), soap.encode()),
    ]  # fmt: skip


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
        return None if b"<faultcode>" in reply.body and reply.status == 500 else "no SOAP fault"
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
        oauth = r"<OAuth><error>\w+</error><error_description>[^<]+</"
        listed = r"<Errors><Error>.*<errorCode>[A-Z_]+</errorCode>"
        return None if re.search(f"{oauth}|{listed}", text, re.DOTALL) else "neither errors nor that of OAuth"
    return None if re.match(r"error=\w+&error_description=", text) else "no known form of refusal"


def refusal_in(answer: Any) -> bool:
    if isinstance(answer, list):
        return bool(answer) and all(
            isinstance(e["message"], str) and re.fullmatch(r"[A-Za-z_]+", e["errorCode"]) for e in answer
        )
    if "error" in answer:
        return isinstance(answer["error"], str) and isinstance(answer["error_description"], str)
    return answer["hasErrors"] is True and isinstance(answer["results"], list)


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
    bearer = (("Authorization", f"Bearer {org.access_token}"),)

    def made(path: str, body: Any) -> str:
        sent = as_json("POST", path, body)
        return str(wire.send(replace(sent, headers=(*sent.headers, *bearer))).json["id"])

    for number in range(requests):
        if number % 100 == 0:
            own = made("/sobjects/Account", {"Name": "A", "Ext__c": f"A-{seed}-{number}"})
            ledger.add(own)
            valid = valid_requests(org, own, made("/jobs/ingest", {"object": "Account", "operation": "insert"}))
        chosen = dice.choice(valid)
        sent = mutated(dice, replace(chosen, headers=(*chosen.headers, *bearer)))
        try:
            reply = wire.send(sent)
            problem = fault(sent, reply)
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as exception:
            pytest.fail(f"seed {seed}, request {number}: {exception!r} for {sent}")
        assert problem is None, f"seed {seed}, request {number}: {problem} for {sent}: {reply}"
        ledger.update(accepted(reply.json) if reply.status < 300 else ())
    ledger.update(results_of_jobs(wire, bearer))
    wire.close()
    return ledger


def check(seed: int, requests: int, capfd: pytest.CaptureFixture[str]) -> None:
    """The law of this module, for the requests of one seed on an org of their own."""
    with LocalOrg(sample_data=False, limits={"DailyApiRequests": 10**9}) as org:
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


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mutated_requests_are_answered_and_accounted_for(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Every answer is one of Salesforce's, no error is unexpected, and the rows are those the answers spoke of."""
    check(seed, 500, capfd)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_ten_thousand_mutated_requests(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    """The same law, for many more."""
    check(seed, 500, capfd)
