"""What the org says to input that is wrong: bodies, paths, Ids, headers and uploads that break off.

Every refusal is Salesforce's list of errors, or the line of HTML that its edge gives to messages it does not read, and
none leaves a trace in what the org holds.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import pytest
from rig.local_rest import BASE

from sfdata.localorg import LocalOrg
from sfdata.localorg.ids import make_id

JSON = {"Content-Type": "application/json"}
NEVER = make_id("001", 999_999)


class Client:
    """Sends targets as they are: no library between tidies them up."""

    def __init__(self, org: LocalOrg) -> None:
        self.org = org
        self.port = int(org.instance_url.rpartition(":")[2])
        self.bearer = {"Authorization": f"Bearer {org.access_token}"}

    def send(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """The status of the answer and its body: as JSON where it is JSON."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, target, body, {**self.bearer, **(headers or {})})
            reply = connection.getresponse()
            content = reply.read()
        finally:
            connection.close()
        is_json = reply.headers.get("Content-Type", "").startswith("application/json")
        return reply.status, json.loads(content) if is_json and content else content.decode()

    def refusal(self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
        """Status and errorCode of a refusal, which must be a list of one error."""
        status, answer = self.send(method, target, body, headers)
        assert status >= 400, answer
        assert len(answer) == 1, answer
        assert isinstance(answer[0]["message"], str)
        return status, answer[0]["errorCode"]

    def raw(self, request: bytes) -> socket.socket:
        """A connection on which the beginning of a request has been sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.sendall(request)
        return connection


@pytest.fixture(scope="module")
def client(org: LocalOrg) -> Client:
    return Client(org)


@pytest.fixture(autouse=True)
def nothing_untold(org: LocalOrg, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """No test here makes the org report an error of its own."""
    yield
    assert capfd.readouterr().err == ""


def accounts(org: LocalOrg) -> int:
    return org.instance.store.count(org.instance.object("Account"))


# --- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b'{"Name": ', b'{"Name": "a"} {}', b"[]", b'[{"Name": "a"}]', b'"Acme"', b"null", b"5",
        b"\xff\xfe\xfd", b'{"Name": "\xff"}', b"{'Name': 'a'}", b'{Name: "a"}', b'{"Name": "a",}', b"[" * 100_000,
        b'{"a":' * 50_000, b'{"Name": {"a": 1}}', b'{"Name": ["a"]}',
        b'{"Name": "a", "AnnualRevenue": NaN}', b'{"Name": "a", "AnnualRevenue": -Infinity}', b'{"Name": "\\ud800"}',
        b'{"Name": "a", "IsDeleted"}', b'{"Name": "a", "x": 1e}', b'{"NumberOfEmployees": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)  # fmt: skip
def test_what_is_no_json_object_is_refused(client: Client, org: LocalOrg, body: bytes) -> None:
    """JSON_PARSER_ERROR for a body that is not JSON, no object, or holds values that no field can be."""
    before = accounts(org)
    assert client.refusal("POST", f"{BASE}/sobjects/Account", body, JSON) == (400, "JSON_PARSER_ERROR")
    assert accounts(org) == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "REQUIRED_FIELD_MISSING"),
        ({"Name": None}, "REQUIRED_FIELD_MISSING"),
        ({"Name": " \t\n"}, "REQUIRED_FIELD_MISSING"),
        ({"Name": "a", "": "x"}, "INVALID_FIELD"),
        ({"Name": "a", "Nope__c": 1}, "INVALID_FIELD"),
        ({"Name": "a", "Name\0": 1}, "INVALID_FIELD"),
        ({"Name": "a", "Id": NEVER}, "INVALID_FIELD"),
        ({"Name": "a" * 256}, "STRING_TOO_LONG"),
        ({"Name": "a", "NumberOfEmployees": 10**9}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ({"Name": "a", "AnnualRevenue": 1e300}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ({"Name": "a", "CreatedDate": "2024-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Name": "a", "OwnerId": "nope"}, "MALFORMED_ID"),
        ({"Name": "a", "ParentId": NEVER}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"Name": "a", "Parent": {"Nope__c": "x"}}, "INVALID_FIELD"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(client: Client, org: LocalOrg, body: Any, code: str) -> None:
    """Each wrong value has its own error code, and no row appears."""
    before = accounts(org)
    assert client.refusal("POST", f"{BASE}/sobjects/Account", json.dumps(body).encode(), JSON) == (400, code)
    assert accounts(org) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/sobjects/Account"), ("PATCH", f"/sobjects/Account/{NEVER}"), ("PATCH", "/sobjects/Account/Ext__c/1"),
        ("POST", "/composite"), ("POST", "/composite/batch"), ("POST", "/composite/tree/Account"),
        ("POST", "/composite/graph"), ("POST", "/composite/sobjects"), ("PATCH", "/composite/sobjects"),
        ("POST", "/jobs/ingest"), ("POST", "/jobs/query"), ("POST", "/parameterizedSearch"),
    ],
)  # fmt: skip
def test_every_resource_wants_json(client: Client, method: str, path: str) -> None:
    """415 for a body of another media type, 400 for one that breaks off, at each resource that takes one."""
    for given in (
        "text/csv",
        "text/plain; charset=UTF-8",
        "application/x-www-form-urlencoded",
        "é",
        "application/json5",
    ):
        refused = client.refusal(method, f"{BASE}{path}", b'{"a": 1}', {"Content-Type": given})
        assert refused == (415, "UNSUPPORTED_MEDIA_TYPE"), given
    for broken in (b"", b'{"records": [', b"[]", b"null"):
        assert client.refusal(method, f"{BASE}{path}", broken, JSON) == (400, "JSON_PARSER_ERROR"), broken


# --- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd", "/sobjects/../limits", "/sobjects/%2e%2e/limits", "/sobjects/..%2f..%2f..%2fetc%2fpasswd",
        "//limits", "/limits//", "/sobjects//Account", "/sobjects/Account%00", "/sobjects/%00", "/sobjects/%",
        "/sobjects/Account;x=1", "/limits.yaml", "/sobjects/%C3%84ccount", "/sobjects/%ff",
        "/sobjects/%F0%9F%92%A5", "/sobjects/\\", "/sobjects/'", "/sobjects/Account/describe/x", "/sobjects/__proto__",
        f"/sobjects/{'a' * 10_000}", "/sobjects/sqlite_master", "/sobjects/_settings", "/sobjects/Account/Nope__c/1",
        "/sobjects/Account/Name/Acme", "/sobjects/Account/Ext__c/..", "/sobjects/Account/Ext__c/%00",
        "/sobjects/Account/Ext__c/%F0%9F%92%A5", "/sobjects/Account/Ext__c/%ed%a0%80", "/nothing",
    ],
)  # fmt: skip
def test_paths_that_lead_nowhere_are_not_found(client: Client, path: str) -> None:
    """Nothing is tidied up on the way, nothing outside is reached: 404 with NOT_FOUND."""
    assert client.refusal("GET", f"{BASE}{path}") == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "version", ["66", "66.0.0", "066.0", "99.0", "0.0", "-1.0", "66.5", "x", "٦٦.0", "6 6.0", "1e1", ""]
)
def test_versions_that_do_not_exist_are_not_found(client: Client, version: str) -> None:
    """A version is served in the form in which the list has it, and in no other."""
    assert client.refusal("GET", f"/services/data/v{quote(version)}/limits") == (404, "NOT_FOUND")


def test_case_and_escapes_do_not_matter_where_they_must_not(client: Client) -> None:
    """Names are found in any case, and a key may hold whatever a path cannot."""
    assert client.send("GET", "/SERVICES/data/V66.0/sObjects/aCCOUNT/DESCRIBE/")[1]["name"] == "Account"
    for key in ("A/1", "a b", "50%", "ä€💥", "..", "x?y=z#", "a.json", "'", "+"):
        escaped = "".join(f"%{byte:02x}" for byte in key.encode())
        created = client.send("PATCH", f"{BASE}/sobjects/Account/Ext__c/{escaped}", b'{"Name": "a"}', JSON)
        assert created[0] == 201, key
        assert client.send("GET", f"{BASE}/sobjects/Account/Ext__c/{escaped}")[1]["Ext__c"] == key


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /services/data/\0 HTTP/1.1", 400), ("GET /services data HTTP/1.1", 400), ("GET", 400), ("\0\0\0", 400),
        ("GET /services/data HTTP/9.9", 505), ("BREW /services/data HTTP/1.1", 501),
        (f"GET /{'a' * 17_000} HTTP/1.1", 414),
        ("GET services/data HTTP/1.1", 404), ("GET * HTTP/1.1", 404), ("GET http:// HTTP/1.1", 403),
    ],
)  # fmt: skip
def test_request_lines_of_every_kind_are_answered(client: Client, request_line: str, status: int) -> None:
    """The edge says what it could not read, and the org what it does not have."""
    with client.raw(f"{request_line}\r\nHost: localhost\r\n\r\n".encode()) as connection:
        assert connection.makefile("rb").readline().split()[1] == str(status).encode()


# --- Ids and parameters ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "refused"),
    [
        ("GET", f"/sobjects/Account/{NEVER}", (404, "NOT_FOUND")),
        ("PATCH", f"/sobjects/Account/{NEVER}", (404, "NOT_FOUND")),
        ("DELETE", f"/sobjects/Account/{NEVER}", (404, "INVALID_CROSS_REFERENCE_KEY")),
        ("GET", "/sobjects/Account/nope", (404, "NOT_FOUND")),
        ("GET", f"/sobjects/Account/{NEVER[:17]}", (404, "NOT_FOUND")),
        ("GET", f"/sobjects/Account/{NEVER[:15]}ZZZ", (404, "NOT_FOUND")),
        ("GET", f"/sobjects/Contact/{NEVER}", (404, "NOT_FOUND")),
        ("PATCH", f"/sobjects/Contact/{NEVER}", (400, "MALFORMED_ID")),
        ("DELETE", f"/sobjects/Contact/{NEVER}", (400, "MALFORMED_ID")),
        ("GET", f"/sobjects/Account/{NEVER}/Contacts", (404, "NOT_FOUND")),
        ("GET", "/query/01g000000000001AAA-2000", (400, "INVALID_QUERY_LOCATOR")),
        ("GET", "/query/nope", (400, "INVALID_QUERY_LOCATOR")),
        ("GET", "/query/01g000000000001AAA-99999999999999999999", (400, "INVALID_QUERY_LOCATOR")),
        ("GET", "/jobs/ingest/750000000000001AAA", (404, "NOT_FOUND")),
        ("GET", "/jobs/ingest/nope/successfulResults", (404, "NOT_FOUND")),
        ("GET", "/jobs/query/001000000000001AAA/results", (404, "NOT_FOUND")),
        ("DELETE", "/jobs/query/750000000000001AAA", (404, "NOT_FOUND")),
        ("PUT", "/jobs/ingest/750000000000001AAA/batches", (404, "NOT_FOUND")),
    ],
)
def test_what_never_was_is_said_so(client: Client, method: str, path: str, refused: tuple[int, str]) -> None:
    """Rows, pages and jobs that never were, under Ids that could be and under texts that could not."""
    body = b'{"Name": "x"}' if method == "PATCH" else b""
    headers = {"PATCH": JSON, "PUT": {"Content-Type": "text/csv"}}.get(method)
    assert client.refusal(method, f"{BASE}{path}", body, headers) == refused


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/query", "MALFORMED_QUERY"), ("/query?q=", "MALFORMED_QUERY"), ("/query?q=%00", "MALFORMED_QUERY"),
        ("/query?q=SELECT", "MALFORMED_QUERY"), ("/query?explain=", "MALFORMED_QUERY"),
        ("/query?q=DROP%20TABLE%20Account", "MALFORMED_QUERY"), ("/query?q=%F0%9F%92%A5", "MALFORMED_QUERY"),
        ("/query?q=SELECT+Id+FROM+Account+WHERE+Name='%00'+x", "MALFORMED_QUERY"),
        (f"/query?q=SELECT+Id+FROM+Account+WHERE+{'(' * 5000}", "MALFORMED_QUERY"),
        ("/query?q=SELECT+Id+FROM+sqlite_master", "INVALID_TYPE"),
        ("/query?q=SELECT+_row+FROM+Account", "MALFORMED_QUERY"),
        ("/query?q=SELECT+Id+FROM+Account+OFFSET+2001", "NUMBER_OUTSIDE_VALID_RANGE"),
        (f"/query?{'&'.join(['a=1'] * 1001)}", "ILLEGAL_QUERY_PARAMETER_VALUE"),
        ("/sobjects/Account/updated?start=x&end=y", "ILLEGAL_QUERY_PARAMETER_VALUE"),
        ("/sobjects/Account/deleted?start=0001-01-01T00:00:00%2B01:00", "ILLEGAL_QUERY_PARAMETER_VALUE"),
        ("/search?q=Acme", "MALFORMED_SEARCH"),
        ("/recent?limit=-1", "ILLEGAL_QUERY_PARAMETER_VALUE"), ("/parameterizedSearch", "MISSING_ARGUMENT"),
    ],
)  # fmt: skip
def test_parameters_that_mean_nothing_are_refused(client: Client, path: str, code: str) -> None:
    """Queries, searches and times that cannot be read are status 400 with the code of their kind."""
    assert client.refusal("GET", f"{BASE}{path}") == (400, code)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", "INVALID_AUTH_HEADER"), ("Bearer", "INVALID_AUTH_HEADER"), ("Basic YTpi", "INVALID_AUTH_HEADER"),
        ("00Dx!y", "INVALID_AUTH_HEADER"), ("Bearer x", "INVALID_SESSION_ID"), ("Bearer 00Dx!y", "INVALID_SESSION_ID"),
        ("OAuth \xe9", "INVALID_SESSION_ID"), (f"Bearer {'x' * 9000}", "INVALID_SESSION_ID"),
    ],
)  # fmt: skip
def test_tokens_that_are_none_are_status_401(client: Client, given: str, code: str) -> None:
    """A header that is no token, and a token of no session."""
    assert client.refusal("GET", f"{BASE}/limits", headers={"Authorization": given}) == (401, code)


@pytest.mark.parametrize("header", ["X-Long", "Cookie", "Sforce-Call-Options", "Authorization"])
def test_headers_beyond_the_limit_are_refused_by_the_edge(client: Client, header: str) -> None:
    """16 KiB of URI and headers is the most; beyond it status 431 in HTML."""
    status, page = client.send("GET", f"{BASE}/limits", headers={header: "x" * 16_384})
    assert (status, page.startswith("<h1>Bad Message 431</h1>")) == (431, True)


# --- uploads ---------------------------------------------------------------------------------------------------------


def job_of(client: Client, **settings: str) -> str:
    body = json.dumps({"object": "Account", "operation": "insert", **settings}).encode()
    status, job = client.send("POST", f"{BASE}/jobs/ingest", body, JSON)
    assert status == 200, job
    return str(job["id"])


def ended(client: Client, job_id: str) -> Any:
    assert client.send("PATCH", f"{BASE}/jobs/ingest/{job_id}", b'{"state": "UploadComplete"}', JSON)[0] == 200
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        job = client.send("GET", f"{BASE}/jobs/ingest/{job_id}")[1]
        if job["state"] in ("JobComplete", "Failed"):
            return job
        time.sleep(0.01)
    raise TimeoutError(job["state"])


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n\n\n", b",\n,\n", b'Name\n"open', b'Name\n"a"b\n', b"Name,Nope__c\na,b\n", b"Name,Name\na,b\n",
        b"Name\na,b\n", b"Name\r\na\r\n", b"Name\n\xff\xfe\n", b"\x00\x01\x02", b"Name;Site\na;b\n", b"PK\x03\x04zip",
        b'{"Name": "a"}', b"Id,Name\n001,a\n",
    ],
)  # fmt: skip
def test_files_that_are_no_csv_of_the_job_fail_it(client: Client, org: LocalOrg, data: bytes) -> None:
    """The job ends in Failed with a reason, or with every row refused; no row comes of it."""
    before, job_id = accounts(org), job_of(client)
    put = client.send("PUT", f"{BASE}/jobs/ingest/{job_id}/batches", data, {"Content-Type": "text/csv"})
    assert put[0] == 201
    job = ended(client, job_id)
    if job["state"] == "Failed":
        assert job["errorMessage"]
    else:
        assert job["numberRecordsProcessed"] == job["numberRecordsFailed"]
    assert accounts(org) == before


def test_an_upload_that_breaks_off_never_happened(client: Client, org: LocalOrg) -> None:
    """Half a body is no body: the job still waits for its data, and takes it."""
    before, job_id = accounts(org), job_of(client)
    target = f"{BASE}/jobs/ingest/{job_id}/batches"
    head = f"PUT {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {client.bearer['Authorization']}\r\n"
    connection = client.raw(f"{head}Content-Type: text/csv\r\nContent-Length: 1000\r\n\r\nName\nhalf\n".encode())
    connection.close()
    assert client.send("GET", f"{BASE}/jobs/ingest/{job_id}")[1]["state"] == "Open"
    assert client.send("PUT", target, b"Name\nwhole\n", {"Content-Type": "text/csv"})[0] == 201
    assert ended(client, job_id)["numberRecordsProcessed"] == 1
    assert accounts(org) == before + 1


def test_a_create_that_breaks_off_never_happened(client: Client, org: LocalOrg) -> None:
    """A body shorter than announced creates nothing."""
    before = accounts(org)
    head = f"POST {BASE}/sobjects/Account HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Authorization: {client.bearer['Authorization']}\r\n"
    client.raw(
        f'{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"Name": "half"}}'.encode()
    ).close()
    assert client.send("GET", f"{BASE}/limits")[0] == 200
    assert accounts(org) == before


@pytest.mark.parametrize("path", ["/sobjects/Account", "/composite", "/jobs/query"])
def test_a_body_beyond_the_limit_is_refused_unread(client: Client, path: str) -> None:
    """Status 413 at once, by its announced length alone."""
    head = f"POST {BASE}{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000000\r\n\r\n"
    with client.raw(head.encode()) as connection:
        assert connection.makefile("rb").readline().split()[1] == b"413"
