"""A valid request of every kind that the local org serves: what tests change at random, to see bad input answered."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from sfdata.localorg import LocalOrg

BASE = "/services/data/v66.0"
CLASSIC = "/services/async/66.0/job"
JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
CSV = ("Content-Type", "text/csv")
XML = ("Content-Type", "application/xml")
MASTER = "012000000000000AAA"
"""The record type of objects that have none."""
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sent:
    """A request before it is framed."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.target[:300]!r} {dict(self.headers)} {self.body[:600]!r}"


@dataclass(frozen=True)
class World:
    """What the requests are about: two accounts, jobs of every kind, a batch, the place where a query goes on."""

    account: str
    doomed: str
    ingest: str
    aborted: str
    query: str
    classic: str
    batch: str
    locator: str


def as_json(method: str, path: str, body: Any) -> Sent:
    return Sent(
        method,
        path if path.startswith(("/services", "/localorg")) else f"{BASE}{path}",
        (JSON,),
        json.dumps(body).encode(),
    )


def form(path: str, **fields: str) -> Sent:
    return Sent("POST", path, (FORM,), urlencode(fields).encode())


def get(path: str, **parameters: str) -> Sent:
    query = f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""
    return Sent("GET", f"{path if path.startswith('/services') else f'{BASE}{path}'}{query}")


def record(name: str, **more: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Account"}, "Name": name, **more}


def prepared(send: Callable[[Sent], Any], tag: str) -> World:
    """A world of its own, made by requests whose answers ``send`` brings as JSON."""

    def made(path: str, body: Any) -> str:
        return str(send(as_json("POST", path, body))["id"])

    account, doomed = (made("/sobjects/Account", {"Name": name, "Ext__c": f"{name}-{tag}"}) for name in "AB")
    ingest, aborted = (made("/jobs/ingest", {"object": "Account", "operation": "insert"}) for _ in range(2))
    send(as_json("PATCH", f"/jobs/ingest/{aborted}", {"state": "Aborted"}))
    # Its batches write no rows that are new: those of jobs with Ids that nobody knows are told in no answer.
    classic = made(CLASSIC, {"object": "Account", "operation": "update", "contentType": "JSON"})
    return World(
        account,
        doomed,
        ingest,
        aborted,
        query=made("/jobs/query", {"operation": "query", "query": "SELECT Id FROM Organization"}),
        classic=classic,
        batch=made(f"{CLASSIC}/{classic}/batch", [{"Id": account, "Name": "B"}]),
        locator=str(send(get("/query", q="SELECT Id FROM Account"))["nextRecordsUrl"]).rpartition("/")[2],
    )


def valid_requests(org: LocalOrg, world: World) -> list[Sent]:
    """One or more of every kind; at least one for every route."""
    return [
        *describing(), *querying(world), *searching(), *of_rows(org, world), *of_files(), *composites(world),
        *bulk_jobs(world), *classic_jobs(world), *tooling(), *logging_in(org), *in_a_browser(org), *of_the_org(world),
    ]  # fmt: skip


def describing() -> list[Sent]:
    return [
        Sent("GET", "/services/data"), get(""), get("/sobjects"), get("/sobjects/Account"),
        get("/sobjects/Account/describe"), get("/limits"), get("/limits/recordCount", sObjects="Account,Contact"),
        get("/recent", limit="5"), get("/tabs"), get("/theme"), get("/compactLayouts", q="Account,Contact"),
        *(get(f"/sobjects/Account/describe/{pages}") for pages in ("layouts", "compactLayouts", "approvalLayouts")),
        *(get(f"/sobjects/Account/describe/{pages}/{MASTER}") for pages in ("layouts", "compactLayouts")),
    ]  # fmt: skip


SOQL = (
    "SELECT Id, Owner.Name, (SELECT LastName FROM Contacts) FROM Account WHERE Name LIKE 'A%' ORDER BY Name LIMIT 5",
    "SELECT COUNT(Id) n, Industry FROM Account WHERE CreatedDate = LAST_N_DAYS:3 GROUP BY Industry HAVING MAX(Id) > 0",
    "SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account WHERE Name != null) AND Email = 'a@b.example'",
    "SELECT TYPEOF Who WHEN Contact THEN Email ELSE Name END FROM Task WHERE ActivityDate > 2024-01-31",
)


def querying(world: World) -> list[Sent]:
    return [
        *(get("/query", q=soql) for soql in SOQL),
        get("/queryAll/", q="SELECT Id, IsDeleted FROM Account"),
        get("/query", q=SOQL[0], columns="true"),
        get("/query", explain=SOQL[2]),
        get(f"/query/{world.locator}"), get(f"/queryAll/{world.locator}"), get(f"/tooling/query/{world.locator}"),
    ]  # fmt: skip


def searching() -> list[Sent]:
    return [
        get("/search", q="FIND {Acme*} IN NAME FIELDS RETURNING Account(Id, Name WHERE Name != null LIMIT 3), Contact"),
        get("/search/scopeOrder"),
        get("/parameterizedSearch", q="Acme", sobject="Account", **{"Account.fields": "Id,Name"}),
        as_json("POST", "/parameterizedSearch", {"q": "Acme", "sobjects": [{"name": "Account", "fields": ["Id"]}]}),
    ]


def of_rows(org: LocalOrg, world: World) -> list[Sent]:
    row, during = f"/sobjects/Account/{world.account}", {"start": "2024-01-01T00:00:00Z", "end": "2024-01-02T00:00:00Z"}
    password = f"/sobjects/User/{org.user_id}/password"
    return [
        get("/sobjects/Account/updated/", **during), get("/sobjects/Account/deleted/", **during),
        get(row, fields="Name,OwnerId"), get("/sobjects/Account/Ext__c/A-1"),
        get(f"{row}/Owner"), get(f"{row}/Contacts"),
        as_json("POST", "/sobjects/Account", {"Name": "Acme", "NumberOfEmployees": 3, "AnnualRevenue": "12.5"}),
        as_json("POST", "/sobjects/Account/Id", {"Name": "Acme"}),
        as_json("POST", "/sobjects/Contact", {"LastName": "L", "Account": {"Ext__c": "A"}, "Birthdate": "1980-02-29"}),
        as_json("POST", "/sobjects/Task", {"Subject": "Call", "WhatId": world.account, "ActivityDate": "2024-05-15"}),
        Sent("POST", f"{BASE}/sobjects/Account", (XML,), b"<Account><Name>A &amp; B</Name><Site/></Account>"),
        as_json("PATCH", row, {"Name": "Other", "Industry": "Energy"}),
        as_json("PATCH", "/sobjects/Account/Ext__c/A-2", {"Name": "Up"}),
        as_json("POST", f"{row}?_HttpMethod=PATCH", {"Phone": "1"}),
        Sent("DELETE", f"{BASE}/sobjects/Account/{world.doomed}"),
        Sent("DELETE", f"{BASE}/sobjects/Account/Ext__c/A-3"),
        as_json("POST", password, {"NewPassword": "correct horse 1"}),
        get(password), Sent("DELETE", f"{BASE}{password}"),
    ]  # fmt: skip


def of_files() -> list[Sent]:
    version = {"Title": "f", "PathOnClient": "f.txt", "VersionData": b64encode(b"hello").decode()}
    multipart = (
        b'--x\r\nContent-Disposition: form-data; name="entity_content"\r\nContent-Type: application/json\r\n\r\n'
        b'{"PathOnClient": "a.txt"}\r\n--x\r\nContent-Disposition: form-data; name="VersionData"; filename="a.txt"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\nhello\r\n--x--\r\n"
    )
    two_parts = (("Content-Type", "multipart/form-data; boundary=x"),)
    return [
        as_json("POST", "/sobjects/ContentVersion", version),
        Sent("POST", f"{BASE}/sobjects/ContentVersion", two_parts, multipart),
    ]


def composites(world: World) -> list[Sent]:
    part = {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "a", "body": {"Name": "C"}}
    read = {"method": "GET", "url": f"{BASE}/sobjects/Account/@{{a.id}}?fields=Name", "referenceId": "b"}
    tree = {"attributes": {"type": "Account", "referenceId": "r1"}, "Name": "T"}
    contact = {"attributes": {"type": "Contact", "referenceId": "r2"}, "LastName": "L"}
    return [
        get("/composite"),
        as_json("POST", "/composite", {"allOrNone": True, "compositeRequest": [part, read]}),
        as_json("POST", "/composite/batch", {"batchRequests": [{"method": "GET", "url": "v66.0/limits"}]}),
        as_json("POST", "/composite/tree/Account", {"records": [{**tree, "Contacts": {"records": [contact]}}]}),
        as_json("POST", "/composite/graph", {"graphs": [{"graphId": "1", "compositeRequest": [part, read]}]}),
        as_json("POST", "/composite/sobjects", {"allOrNone": False, "records": [record("x"), record("")]}),
        as_json("PATCH", "/composite/sobjects", {"allOrNone": True, "records": [record("z", id=world.account)]}),
        as_json("PATCH", "/composite/sobjects/Account/Ext__c", {"records": [record("u", Ext__c="A-4")]}),
        as_json("POST", "/composite/sobjects/Account", {"ids": [world.account], "fields": ["Id", "Name"]}),
        get("/composite/sobjects/Account", ids=world.account, fields="Name"),
        Sent("DELETE", f"{BASE}/composite/sobjects?ids=001000000000001AAA,{world.account[:-1]}B"),
    ]


def bulk_jobs(world: World) -> list[Sent]:
    ingest, aborted, query = (
        f"/jobs/ingest/{world.ingest}",
        f"/jobs/ingest/{world.aborted}",
        f"/jobs/query/{world.query}",
    )
    in_parts = (
        b'--x\r\nContent-Disposition: form-data; name="job"\r\nContent-Type: application/json\r\n\r\n'
        b'{"object": "Account", "operation": "insert"}\r\n--x\r\nContent-Disposition: form-data; name="content"; '
        b'filename="c"\r\nContent-Type: text/csv\r\n\r\nName\nParts\n\r\n--x--\r\n'
    )
    return [
        get("/jobs"), get("/jobs/ingest", jobType="V2Ingest"), get("/jobs/query"), get(ingest), get(query),
        as_json("POST", "/jobs/ingest", {"object": "Account", "operation": "insert", "lineEnding": "LF"}),
        Sent("POST", f"{BASE}/jobs/ingest", (("Content-Type", "multipart/form-data; boundary=x"),), in_parts),
        Sent("PUT", f"{BASE}{ingest}/batches", (CSV,), b'Name,Site\n"a ""b""",c\n'),
        as_json("PATCH", ingest, {"state": "UploadComplete"}),
        get(f"{ingest}/successfulResults/"), get(f"{aborted}/failedResults"), get(f"{aborted}/unprocessedrecords"),
        Sent("DELETE", f"{BASE}{aborted}"),
        as_json("POST", "/jobs/query", {"operation": "query", "query": "SELECT Id, Name FROM Account"}),
        get(f"{query}/results", maxRecords="3", locator="MTAw"), get(f"{query}/resultPages"),
        as_json("PATCH", query, {"state": "Aborted"}), Sent("DELETE", f"{BASE}{query}"),
    ]  # fmt: skip


def classic_jobs(world: World) -> list[Sent]:
    job, batch = f"{CLASSIC}/{world.classic}", f"{CLASSIC}/{world.classic}/batch/{world.batch}"
    asked = b'<jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload"><operation>query</operation>'
    return [
        as_json("POST", CLASSIC, {"object": "Account", "operation": "delete", "contentType": "CSV"}),
        Sent("POST", CLASSIC, (XML,), asked + b"<object>Account</object><contentType>CSV</contentType></jobInfo>"),
        get(job), get(f"{job}/batch"), get(batch), get(f"{batch}/request"), get(f"{batch}/result"),
        get(f"{batch}/result/752000000000001AAA"),
        as_json("POST", f"{job}/batch", [{"Id": world.account, "Name": "B", "Industry": None}]),
        as_json("POST", job, {"state": "Closed"}),
    ]  # fmt: skip


def tooling() -> list[Sent]:
    definition = "/tooling/sobjects/EntityDefinition"
    return [
        get("/tooling"), get("/tooling/query", q="SELECT Id FROM EntityDefinition LIMIT 2"), get("/tooling/sobjects"),
        get(definition), get(f"{definition}/describe"), get(f"{definition}/000000000000000AAA"),
        as_json("POST", "/tooling/sobjects/ApexClass", {"Name": "A"}),
        as_json("PATCH", "/tooling/sobjects/ApexClass/01p000000000001AAA", {"Name": "A"}),
        Sent("DELETE", f"{BASE}/tooling/sobjects/ApexClass/01p000000000001AAA"),
    ]  # fmt: skip


def logging_in(org: LocalOrg) -> list[Sent]:
    app = {"client_id": org.client_id, "client_secret": org.client_secret}
    soap = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<login xmlns="urn:partner.soap.sforce.com"><username>{org.username}</username>'
        "<password>nope</password></login></e:Body></e:Envelope>"
    ).encode()
    as_soap = (("Content-Type", "text/xml"), ("SOAPAction", "login"))
    token, revoke = "/services/oauth2/token", "/services/oauth2/revoke"
    return [
        form(token, grant_type="client_credentials", **app),
        form(token, grant_type="password", username=org.username, password="nope", **app),
        form(token, grant_type="refresh_token", refresh_token="5Aep861nope", **app),
        form(token, grant_type=JWT_BEARER, assertion="e30.e30.e30"),
        Sent("GET", token), form("/services/oauth2/introspect", token="00D!x", **app), form(revoke, token="00D!x"),
        Sent("GET", f"{revoke}?token=00D!x"),
        Sent("GET", "/services/oauth2/userinfo"), form("/services/oauth2/userinfo", access_token="00D!x"),
        Sent("GET", f"/id/{org.org_id}/{org.user_id}?format=json&version=latest"), Sent("GET", "/id/keys"),
        Sent("GET", "/.well-known/openid-configuration"),
        Sent("POST", "/services/Soap/u/59.0", as_soap, soap),
        Sent("POST", f"/services/Soap/c/59.0/{org.org_id[:15]}", as_soap, soap),
    ]  # fmt: skip


def in_a_browser(org: LocalOrg) -> list[Sent]:
    asking = {
        "response_type": "code", "client_id": org.client_id, "state": "s",
        "redirect_uri": "http://localhost:1717/OauthRedirect",
    }  # fmt: skip
    single, door = "/services/oauth2/singleaccess", "/secur/frontdoor.jsp"
    return [
        Sent("GET", f"/services/oauth2/authorize?{urlencode(asking)}"),
        Sent("GET", f"/services/oauth2/authorize?{urlencode({**asking, 'response_type': 'token'})}"),
        form("/services/oauth2/authorize", csrf_token="guess", decision="approve"),
        Sent("GET", "/services/oauth2/success"),
        Sent("GET", single), form(single, redirect_uri="/x"), Sent("GET", f"{door}?otp=x"), form(door, sid="x"),
    ]  # fmt: skip


def of_the_org(world: World) -> list[Sent]:
    """What it has of its own. Faults are refused for want of their token: those that strike would break any law."""
    return [
        Sent("GET", "/"), Sent("GET", "/localorg/locks"), Sent("DELETE", "/localorg/locks"),
        as_json("POST", "/localorg/locks", {"ids": [world.account], "times": 2}),
        Sent("GET", "/localorg/faults"), Sent("DELETE", "/localorg/faults?id=1"), Sent("GET", "/localorg/ledger"),
        as_json("POST", "/localorg/faults", {"do": "reset", "operation": "query"}),
    ]  # fmt: skip
