"""Query jobs by plain HTTP: the CSV of each type of value, pages and locators, what Bulk cannot query."""

from __future__ import annotations

import csv
import gzip
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from sfdata.localorg import LocalOrg
from sfdata.localorg.bulk import extract, resources
from sfdata.localorg.bulk.results import RowFile

PEOPLE = 25


@pytest.fixture(scope="module", autouse=True)
def people(bulk: Any) -> None:
    """Contacts in a known order, and an account with a value of every kind."""
    bulk.ingest("LastName,Department\n" + "".join(f"Person {n:02},People\n" for n in range(PEOPLE)), object="Contact")
    bulk.ingest(
        "Name,Ext__c,AnnualRevenue,NumberOfEmployees,Description,BillingLatitude\n"
        '"say ""hi"", you",Q-1,1234,7,"two\nlines and 漢",48.137154\n'
        "Empty,Q-2,,,,\n"
    )


PEOPLE_SOQL = "SELECT LastName FROM Contact WHERE Department = 'People' ORDER BY LastName"


def error(reply: httpx.Response) -> tuple[int, str, str]:
    (problem,) = reply.json()
    return reply.status_code, problem["errorCode"], problem["message"]


def refused(bulk: Any, soql: str) -> tuple[int, str, str]:
    return error(bulk.call("POST", "query", json={"operation": "query", "query": soql}))


# --- values ----------------------------------------------------------------------------------------------------------


def test_every_value_is_quoted_and_null_is_empty(bulk: Any) -> None:
    """Text with its quotes doubled, numbers with a point where they are decimal, booleans as words."""
    soql = (
        "SELECT Name, Ext__c, AnnualRevenue, NumberOfEmployees, Description, BillingLatitude, IsDeleted, ParentId "
        "FROM Account WHERE Ext__c LIKE 'Q-%' ORDER BY Ext__c"
    )
    reply = bulk.page(bulk.query(soql))
    assert reply.headers["Content-Type"] == "text/csv;charset=UTF-8"
    assert reply.text == (
        '"Name","Ext__c","AnnualRevenue","NumberOfEmployees","Description","BillingLatitude","IsDeleted","ParentId"\n'
        '"say ""hi"", you","Q-1","1234.0","7","two\nlines and 漢","48.137154","false",""\n'
        '"Empty","Q-2","","","","","false",""\n'
    )


def test_dates_and_times_have_the_forms_of_bulk(bulk: Any) -> None:
    """Datetimes end in Z with three decimals, where JSON has +0000; dates are plain."""
    bulk.ingest("Name,StageName,CloseDate\nDated,Prospecting,2024-02-29\n", object="Opportunity")
    (stored,) = bulk.records("SELECT CreatedDate FROM Opportunity WHERE Name = 'Dated'")
    job = bulk.query("SELECT CloseDate, CreatedDate FROM Opportunity WHERE Name = 'Dated'")
    moment = stored["CreatedDate"].removesuffix("+0000")
    assert bulk.page(job).text == f'"CloseDate","CreatedDate"\n"2024-02-29","{moment}Z"\n'


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0"), (12.0, "12.0"), (-0.5, "-0.5"), (0.1 + 0.2, "0.30000000000000004"), (1e15, "1000000000000000.0"),
        (123456789012345680.0, "123456789012345680.0"), (1e-7, "0.0000001"), (9007199254740993.5, "9007199254740994.0"),
    ],
)  # fmt: skip
def test_numbers_keep_every_digit_and_have_no_exponent(org: LocalOrg, number: float, text: str) -> None:
    """What is written reads as the same number, however large or small."""
    connection = org.instance.store.connection
    connection.create_function("plain_number", 1, extract.plain_number, deterministic=True)
    with org.instance.store.lock:
        ((written,),) = connection.execute(f"SELECT {extract.NUMBER.format('v')} FROM (SELECT ? AS v)", (number,))
    assert (written, float(written)) == (text, number)


def test_columns_stand_as_selected_and_are_named_as_the_schema_does(bulk: Any) -> None:
    """Parents' fields are dotted, in the place where they were written, whatever the case and alias in the query."""
    soql = "SELECT owner.name, a.id, A.NAME, Owner.Profile.Name, ext__C FROM Account a WHERE Ext__c = 'Q-2'"
    (row,) = csv.DictReader(io.StringIO(bulk.page(bulk.query(soql)).text))
    assert list(row) == ["Owner.Name", "Id", "Name", "Owner.Profile.Name", "Ext__c"]
    (record,) = bulk.records("SELECT Id, Owner.Name, Owner.Profile.Name FROM Account WHERE Ext__c = 'Q-2'")
    assert (row["Owner.Name"], row["Id"]) == (record["Owner"]["Name"], record["Id"])
    assert row["Owner.Profile.Name"] == record["Owner"]["Profile"]["Name"]


def test_older_versions_put_columns_into_alphabetical_order(bulk: Any) -> None:
    """Up to API version 49 the order of the select list is not kept."""
    older = type(bulk)(bulk.org, "49.0")
    with older.http:
        job = older.query("SELECT Name, Id, Owner.Name, Industry FROM Account")
        header = older.page(job).text.split("\n")[0]
    assert header == '"Id","Industry","Name","Owner.Name"'


def test_functions_name_their_columns(bulk: Any) -> None:
    """By alias where there is one, else by the field."""
    soql = "SELECT toLabel(StageName), FORMAT(Amount) shown FROM Opportunity WHERE Name = 'Dated'"
    assert bulk.page(bulk.query(soql)).text == '"StageName","shown"\n"Prospecting",""\n'


def test_field_groups_leave_out_what_csv_cannot_hold(bulk: Any) -> None:
    """FIELDS(STANDARD) has the parts of addresses, not the addresses."""
    soql = "SELECT FIELDS(STANDARD) FROM Account WHERE Ext__c = 'Q-1'"
    (row,) = csv.DictReader(io.StringIO(bulk.page(bulk.query(soql)).text))
    assert "BillingAddress" not in row
    assert "Ext__c" not in row
    assert (row["BillingLatitude"], row["Name"]) == ("48.137154", 'say "hi", you')


def test_a_query_without_rows_has_a_header(bulk: Any) -> None:
    """The header line, no records, and the end at once."""
    job = bulk.query("SELECT Id, Name FROM Account WHERE Name = 'nobody'")
    reply = bulk.page(job)
    assert (reply.text, job["numberRecordsProcessed"]) == ('"Id","Name"\n', 0)
    assert (reply.headers["Sforce-NumberOfRecords"], reply.headers["Sforce-Locator"]) == ("0", "null")


@pytest.mark.parametrize(("delimiter", "d"), [("TAB", "\t"), ("PIPE", "|"), ("SEMICOLON", ";"), ("CARET", "^")])
def test_the_dialect_of_the_job_is_that_of_its_results(bulk: Any, delimiter: str, d: str) -> None:
    """Column delimiter and line ending as asked for."""
    soql = "SELECT Name, Ext__c FROM Account WHERE Ext__c = 'Q-2'"
    job = bulk.query(soql, columnDelimiter=delimiter, lineEnding="CRLF")
    assert bulk.page(job).content.decode() == f'"Name"{d}"Ext__c"\r\n"Empty"{d}"Q-2"\r\n'


def test_query_all_has_deleted_rows(bulk: Any) -> None:
    """As in REST: ``query`` leaves the recycle bin out, ``queryAll`` does not."""
    bulk.ingest("Name,Ext__c\nGone,gone-1\n")
    (row,) = bulk.records("SELECT Id FROM Account WHERE Ext__c = 'gone-1'")
    bulk.ingest(f"Id\n{row['Id']}\n", "delete")
    soql = "SELECT IsDeleted FROM Account WHERE Ext__c = 'gone-1'"
    assert bulk.page(bulk.query(soql)).text == '"IsDeleted"\n'
    assert bulk.page(bulk.query(soql, "queryAll")).text == '"IsDeleted"\n"true"\n'


# --- pages -----------------------------------------------------------------------------------------------------------


def walk(bulk: Any, job: dict[str, Any], size: int) -> Iterator[httpx.Response]:
    """The pages of a job, by locators, until the word null."""
    parameters: dict[str, Any] = {"maxRecords": size}
    while True:
        reply = bulk.page(job, **parameters)
        yield reply
        locator = reply.headers["Sforce-Locator"]
        if locator == "null":
            return
        parameters["locator"] = locator


@pytest.mark.parametrize("size", [1, 7, 24, 25, 26, 1000])
def test_pages_have_every_row_once_in_order(bulk: Any, size: int) -> None:
    """The header on every page, the count in a header, and the literal null on the last page and on no other."""
    job = bulk.query(PEOPLE_SOQL)
    pages = list(walk(bulk, job, size))
    assert len(pages) == -(-PEOPLE // size)
    rows = []
    for page in pages:
        header, *values = page.text.splitlines()
        assert (header, page.headers["Sforce-NumberOfRecords"]) == ('"LastName"', str(len(values)))
        rows += values
    assert rows == [f'"Person {n:02}"' for n in range(PEOPLE)]


def test_any_page_can_be_fetched_again_and_in_parallel(bulk: Any) -> None:
    """Locators stay good, in any order and at the same time."""
    job = bulk.query(PEOPLE_SOQL)
    pages = list(walk(bulk, job, 4))
    locators = [page.headers["Sforce-Locator"] for page in pages[:-1]]
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda locator: bulk.page(job, maxRecords=4, locator=locator), reversed(locators)))
    assert [page.text for page in reversed(again)] == [page.text for page in pages[1:]]


def test_rows_deleted_later_are_still_in_the_result(bulk: Any) -> None:
    """The result is of the time of the job."""
    bulk.ingest("Name,Ext__c\nBrief,brief-1\n")
    job = bulk.query("SELECT Name, Id FROM Account WHERE Ext__c = 'brief-1'")
    before = bulk.page(job).text
    bulk.ingest(f"Id\n{before.split(chr(34))[-2]}\n", "hardDelete")
    assert bulk.page(job).text == before


def test_wide_rows_make_short_pages(bulk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is bounded in bytes as well, but has at least one row."""
    job = bulk.query(PEOPLE_SOQL)
    line = len('"Person 00"\n')
    for limit, rows in ((10 * line, 10), (10 * line + 5, 10), (1, 1)):
        monkeypatch.setattr(resources, "BYTES_PER_PAGE", limit)
        pages = list(walk(bulk, job, 1000))
        assert {page.headers["Sforce-NumberOfRecords"] for page in pages[:-1]} == {str(rows)}
        assert sum(int(page.headers["Sforce-NumberOfRecords"]) for page in pages) == PEOPLE


def test_the_row_file_finds_every_range(tmp_path: Any) -> None:
    """Against a plain list: the bytes of any rows, whatever their lengths."""
    lines = [b"h\n", *(b"x" * (n * 7 % 13) + b"\n" for n in range(40))]
    rows = RowFile(tmp_path)
    rows.append(lines[:1])
    rows.append(lines[1:20])
    rows.append(lines[20:])
    everything = rows.path.read_bytes()
    assert (rows.header, everything) == (b"h\n", b"".join(lines))
    for first in range(40):
        for most in (1, 3, 40):
            for limit in (1, 20, 10_000):
                count, place = rows.page(first, most, 40, limit)
                expected = lines[1 + first : 1 + first + count]
                assert everything[place.start : place.stop] == b"".join(expected)
                assert 1 <= count <= min(most, 40 - first)
                longer = sum(map(len, lines[1 + first : 2 + first + count]))
                assert sum(map(len, expected)) <= limit or count == 1
                assert count == min(most, 40 - first) or longer > limit


@pytest.mark.parametrize("parameters", [{"maxRecords": "0"}, {"maxRecords": "x"}, {"maxRecords": "-1"}])
def test_odd_page_sizes_are_refused(bulk: Any, parameters: dict[str, str]) -> None:
    """maxRecords is a number above 0."""
    reply = error(bulk.page(bulk.query(PEOPLE_SOQL), **parameters))
    assert reply[:2] == (400, "ILLEGAL_QUERY_PARAMETER_VALUE")


@pytest.mark.parametrize("locator", ["null", "!", "MTAwMDA", "LTE", "eA", "ü"])
def test_locators_that_lead_nowhere_are_refused(bulk: Any, locator: str) -> None:
    """Only what the org gave out: nothing else, and no place behind the end."""
    reply = error(bulk.page(bulk.query(PEOPLE_SOQL), locator=locator))
    assert reply == (400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def test_result_pages_lead_to_the_same_rows(bulk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to five URLs at a time, and where the next ones are; together they have every row in order."""
    monkeypatch.setattr(resources, "ROWS_PER_PAGE", 4)
    job = bulk.query(PEOPLE_SOQL)
    path: str | None = f"/services/data/v66.0/jobs/query/{job['id']}/resultPages"
    sizes, rows = [], []
    while path:
        answer = bulk.http.get(path.removeprefix("/services/data/v66.0")).json()
        sizes.append(len(answer["resultPages"]))
        for page in answer["resultPages"]:
            rows += bulk.http.get(page["resultUrl"].removeprefix("/services/data/v66.0")).text.splitlines()[1:]
        assert answer["done"] is ("nextRecordsUrl" not in answer)
        path = answer.get("nextRecordsUrl")
    assert sizes == [5, 2]
    assert rows == [f'"Person {n:02}"' for n in range(PEOPLE)]


def test_result_pages_came_with_version_58(bulk: Any, org: LocalOrg) -> None:
    """Older versions have no such resource; an empty result has one page."""
    base = f"{org.instance_url}/services/data"
    job = bulk.http.post(f"{base}/v57.0/jobs/query", json={"operation": "query", "query": PEOPLE_SOQL}).json()
    assert bulk.http.get(f"{base}/v57.0/jobs/query/{job['id']}/resultPages").status_code == 404
    empty = bulk.query("SELECT Id FROM Account WHERE Name = 'nobody'")
    answer = bulk.call("GET", f"query/{empty['id']}/resultPages").json()
    assert (len(answer["resultPages"]), answer["done"]) == (1, True)


def test_results_are_read_with_the_version_of_the_job(bulk: Any, org: LocalOrg) -> None:
    """409 for results with another version; the job itself can be asked for with any."""
    job = bulk.query(PEOPLE_SOQL)
    other = f"{org.instance_url}/services/data/v59.0/jobs/query/{job['id']}"
    for name in ("results", "resultPages"):
        assert error(bulk.http.get(f"{other}/{name}"))[0] == 409
    told = bulk.http.get(other).json()
    assert (told["state"], told["apiVersion"]) == ("JobComplete", 66.0)


@pytest.mark.parametrize("accepts", ["gzip", "identity"])
def test_results_are_compressed_on_request(bulk: Any, accepts: str) -> None:
    """The same bytes either way; compressed in chunks of unknown length, plain with its length."""
    job = bulk.query("SELECT Id, LastName, Department, Name, OwnerId FROM Contact WHERE Department = 'People'")
    request = bulk.http.build_request("GET", f"/jobs/query/{job['id']}/results", headers={"Accept-Encoding": accepts})
    reply = bulk.http.send(request, stream=True)
    raw = b"".join(reply.iter_raw())
    if accepts == "gzip":
        assert (reply.headers["Content-Encoding"], reply.headers["Transfer-Encoding"]) == ("gzip", "chunked")
        raw = gzip.decompress(raw)
    else:
        assert int(reply.headers["Content-Length"]) == len(raw)
    assert raw == bulk.page(job).content
    assert raw.count(b"\n") == PEOPLE + 1


# --- states ----------------------------------------------------------------------------------------------------------


def test_a_query_under_way_gives_no_results(bulk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In progress or aborted: results cannot be read. Deleting wants an end, aborting wants none."""
    gate, fix_rows = threading.Event(), extract._fix_rows

    def waiting(*arguments: Any) -> int:
        gate.wait(20)
        return fix_rows(*arguments)

    monkeypatch.setattr(extract, "_fix_rows", waiting)
    job = bulk.call("POST", "query", json={"operation": "query", "query": PEOPLE_SOQL}).json()
    path = f"query/{job['id']}"
    bulk.wait("query", job["id"], {"InProgress"})
    assert error(bulk.page(job))[:2] == (400, "INVALIDJOBSTATE")
    assert error(bulk.call("DELETE", path))[:2] == (400, "API_ERROR")
    assert error(bulk.call("PATCH", path, json={"state": "UploadComplete"}))[:2] == (400, "API_ERROR")
    assert bulk.call("PATCH", path, json={"state": "Aborted"}).json()["state"] == "Aborted"
    gate.set()
    assert bulk.query(PEOPLE_SOQL)["state"] == "JobComplete"
    for name in ("results", "resultPages"):
        assert error(bulk.call("GET", f"{path}/{name}"))[:2] == (400, "INVALIDJOBSTATE")
    message = "Aborting already Aborted Job not allowed"
    assert error(bulk.call("PATCH", path, json={"state": "Aborted"})) == (400, "INVALIDJOBSTATE", message)
    assert bulk.call("DELETE", path).status_code == 204
    assert bulk.call("GET", path).status_code == 404


def test_a_query_that_breaks_fails_its_job_and_no_other(
    bulk: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever goes wrong inside: Failed with a message, the cause on stderr, and the next job is served."""

    def breaking(*arguments: Any) -> int:
        raise ZeroDivisionError("a fault of the org's own")

    with monkeypatch.context() as patched:
        patched.setattr(extract, "_fix_rows", breaking)
        job = bulk.query(PEOPLE_SOQL)
    assert (job["state"], job["errorMessage"]) == ("Failed", "InternalServerError : An unexpected error occurred")
    assert "a fault of the org's own" in capsys.readouterr().err
    assert error(bulk.page(job))[:2] == (400, "INVALIDJOBSTATE")
    assert bulk.query(PEOPLE_SOQL)["state"] == "JobComplete"


# --- what cannot be queried ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        ("SELECT COUNT() FROM Account", "COUNT not supported in Bulk Query"),
        ("SELECT MAX(Name) FROM Account", "Aggregate functions not supported in Bulk Query"),
        ("SELECT Name FROM Account GROUP BY Name", "Group By not supported in Bulk Query"),
        ("SELECT Id FROM Account OFFSET 5", "Offset not supported in Bulk Query"),
        ("SELECT TYPEOF Owner WHEN User THEN Name END FROM Case", "TypeOf expressions not supported in Bulk Query"),
        ("SELECT Id, BillingAddress FROM Account", "Selecting compound data not supported in Bulk Query"),
        ("SELECT Owner.Address FROM Account", "Selecting compound data not supported in Bulk Query"),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content type",
        ),
        ("SELECT VersionData FROM ContentVersion", "Blob field not supported in Bulk V2 Query with CSV content type"),
        ("", "SOQL statements cannot be empty or null"),
    ],
)
def test_what_bulk_cannot_query_is_refused_at_once(bulk: Any, soql: str, message: str) -> None:
    """400 API_ERROR when the job is to be created, with the texts that are known of real orgs."""
    assert refused(bulk, soql) == (400, "API_ERROR", message)


@pytest.mark.parametrize(
    ("soql", "part"),
    [
        ("SELECT Nope FROM Account", "No such column 'Nope' on entity 'Account'"),
        ("SELECT Id FROM Nope__c", "sObject type 'Nope__c' is not supported"),
        ("SELECT Id FRM Account", "unexpected token: 'FRM'"),
        ("SELECT Id, Id FROM Account", "duplicate field selected: Id"),
    ],
)
def test_wrong_soql_is_refused_with_the_words_of_rest(bulk: Any, soql: str, part: str) -> None:
    """The message is that of the query resource; the code is that of Bulk."""
    status, code, message = refused(bulk, soql)
    in_rest = bulk.http.get("/query", params={"q": soql}).json()[0]["message"]
    assert (status, code, message) == (400, "API_ERROR", in_rest)
    assert part in message


def test_objects_outside_bulk_are_refused_by_name(bulk: Any, org: LocalOrg) -> None:
    """INVALIDENTITY for an object that cannot be queried."""
    closed = [sobject.name for sobject in org.instance.schema if not sobject.queryable]
    for name in closed:
        reply = refused(bulk, f"SELECT Id FROM {name}")
        assert reply == (400, "INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")


@pytest.mark.parametrize(
    "body", [{"operation": "insert", "query": "SELECT Id FROM Account"}, {"query": "SELECT Id FROM Account"}, [], "x"]
)
def test_other_bodies_are_refused(bulk: Any, body: Any) -> None:
    """An operation is needed, and it is query or queryAll."""
    assert error(bulk.call("POST", "query", json=body))[0] == 400
