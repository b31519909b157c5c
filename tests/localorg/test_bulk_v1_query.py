"""Queries by Bulk API 1.0: rows in three forms, what each can hold, and queries split by ranges of Ids."""

from __future__ import annotations

import csv
import io
import itertools
import re
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from sfdata.localorg import LocalOrg
from sfdata.localorg.bulk import extract as bulk_extract
from sfdata.localorg.bulk_v1 import extract, service
from sfdata.localorg.bulk_v1.chunking import chunks

SPACE = "{http://www.force.com/2009/06/asyncapi/dataload}"
NIL, TYPE = (f"{{http://www.w3.org/2001/XMLSchema-instance}}{name}" for name in ("nil", "type"))
PEOPLE, MANY = 7, 230


@pytest.fixture(scope="module", autouse=True)
def people(bulk: Any) -> dict[str, str]:
    """Contacts of one account, the last of them deleted: Ids by last name."""
    bulk.ingest('Name,Ext__c,NumberOfEmployees\n"Q ""1"", Söhne",q1,12\n')
    rows = "".join(f"P{n},q1,2020-02-0{n + 1},true\n" for n in range(PEOPLE))
    job = bulk.ingest(f"LastName,Account.Ext__c,Birthdate,DoNotCall\n{rows}", object="Contact")
    made = {row["LastName"]: row["sf__Id"] for row in bulk.rows(job, "successfulResults")}
    bulk.ingest(f"Id\n{made[f'P{PEOPLE - 1}']}\n", "delete", "Contact")
    return made


def xml_values(element: ElementTree.Element) -> list[tuple[str, Any]]:
    """What an element holds: names with texts, None where it is nil, or a list where it has elements of its own."""
    return [
        (
            part.tag.removeprefix(SPACE),
            None if part.get(NIL) == "true" else xml_values(part) if len(part) else part.text or "",
        )
        for part in element
    ]


# --- rows ------------------------------------------------------------------------------------------------------------

SOQL = "SELECT Id, LastName, Birthdate, DoNotCall, Account.Name, Email, CreatedDate FROM Contact WHERE LastName = 'P1'"


def created(bulk: Any) -> datetime:
    (record,) = bulk.records("SELECT CreatedDate FROM Contact WHERE LastName = 'P1'")
    return datetime.strptime(record["CreatedDate"], "%Y-%m-%dT%H:%M:%S.000+0000").replace(tzinfo=UTC)


def test_rows_in_csv(classic: Any, bulk: Any, people: dict[str, str]) -> None:
    """Every value quoted, quotes doubled, nothing for null, columns named by their paths."""
    reply = classic.query(SOQL, "Contact")
    assert reply.headers["Content-Type"] == "text/csv"
    moment = f"{created(bulk):%Y-%m-%dT%H:%M:%S}.000Z"
    assert reply.text == (
        '"Id","LastName","Birthdate","DoNotCall","Account.Name","Email","CreatedDate"\n'
        f'"{people["P1"]}","P1","2020-02-02","true","Q ""1"", Söhne","","{moment}"\n'
    )


def test_rows_in_json(classic: Any, bulk: Any, people: dict[str, str]) -> None:
    """Records as REST has them, but for times: milliseconds since 1970."""
    reply = classic.query(SOQL, "Contact", "JSON")
    assert reply.headers["Content-Type"] == "application/json"
    (record,) = reply.json()
    (account,) = bulk.records("SELECT Id FROM Account WHERE Ext__c = 'q1'")
    base = "/services/data/v66.0/sobjects"
    assert record == {
        "attributes": {"type": "Contact", "url": f"{base}/Contact/{people['P1']}"},
        "Id": people["P1"],
        "LastName": "P1",
        "Birthdate": "2020-02-02",
        "DoNotCall": True,
        "Account": {
            "attributes": {"type": "Account", "url": f"{base}/Account/{account['Id']}"},
            "Name": 'Q "1", Söhne',
        },
        "Email": None,
        "CreatedDate": int(created(bulk).timestamp() * 1000),
    }


def test_rows_in_xml(classic: Any, bulk: Any, people: dict[str, str]) -> None:
    """sObjects with their type and, in front of the fields, their Id: nil where it is not selected."""
    reply = classic.query(SOQL, "Contact", "XML")
    assert reply.headers["Content-Type"] == "application/xml"
    root = ElementTree.fromstring(reply.content)
    (record,) = root
    assert (root.tag, record.tag, record.get(TYPE)) == (f"{SPACE}queryResult", f"{SPACE}records", "sObject")
    assert xml_values(record) == [
        ("type", "Contact"),
        ("Id", people["P1"]),
        ("Id", people["P1"]),
        ("LastName", "P1"),
        ("Birthdate", "2020-02-02"),
        ("DoNotCall", "true"),
        ("Account", [("type", "Account"), ("Id", None), ("Name", 'Q "1", Söhne')]),
        ("Email", None),
        ("CreatedDate", f"{created(bulk):%Y-%m-%dT%H:%M:%S}.000Z"),
    ]


def test_children_come_in_json_and_xml(classic: Any, people: dict[str, str]) -> None:
    """A subquery is a query result inside the record; times in it too have the form's own way."""
    soql = (
        "SELECT Name, (SELECT LastName, LastModifiedDate FROM Contacts WHERE LastName < 'P2' ORDER BY LastName), "
        "(SELECT Id FROM Cases) FROM Account WHERE Ext__c = 'q1'"
    )
    (record,) = classic.query(soql, "Account", "JSON").json()
    assert (record["Contacts"]["totalSize"], record["Contacts"]["done"], record["Cases"]) == (2, True, None)
    assert [child["LastName"] for child in record["Contacts"]["records"]] == ["P0", "P1"]
    assert all(isinstance(child["LastModifiedDate"], int) for child in record["Contacts"]["records"])
    root = ElementTree.fromstring(classic.query(soql, "Account", "XML").content)
    told = dict(xml_values(root[0]))
    assert told["Cases"] is None
    assert [name for name, _ in told["Contacts"]] == ["done", "queryLocator", "records", "records", "size"]
    assert [dict(value)["LastName"] for name, value in told["Contacts"] if name == "records"] == ["P0", "P1"]


def test_parents_of_several_types_come_in_json(classic: Any, bulk: Any) -> None:
    """TYPEOF was recorded to work in JSON; the parent has its true type."""
    bulk.ingest("Subject,Account:What.Ext__c\nvisit,q1\n", object="Task")
    soql = "SELECT Subject, TYPEOF What WHEN Account THEN Ext__c END FROM Task WHERE Subject = 'visit'"
    (record,) = classic.query(soql, "Task", "JSON").json()
    assert (record["What"]["attributes"]["type"], record["What"]["Ext__c"]) == ("Account", "q1")


def test_field_groups_leave_out_what_no_bulk_query_gives(classic: Any) -> None:
    """FIELDS(STANDARD) has no addresses, in any form."""
    (record,) = classic.query("SELECT FIELDS(STANDARD) FROM Account WHERE Ext__c = 'q1'", "Account", "JSON").json()
    assert "BillingAddress" not in record
    assert "BillingCity" in record


@pytest.mark.parametrize("form", ["JSON", "XML"])
def test_what_is_no_part_of_the_form_is_escaped(classic: Any, bulk: Any, form: str) -> None:
    """Brackets, ampersands and quotes arrive as they are; XML loses the one control character it cannot hold."""
    name = 'a<b>&"c"\u000bd'
    bulk.http.post("/sobjects/Account", json={"Name": name, "Ext__c": f"esc-{form}"}).raise_for_status()
    reply = classic.query(f"SELECT Name FROM Account WHERE Ext__c = 'esc-{form}'", "Account", form)
    if form == "JSON":
        assert reply.json()[0]["Name"] == name
    else:
        assert dict(xml_values(ElementTree.fromstring(reply.content)[0]))["Name"] == name.replace("\u000b", "")


def test_more_rows_than_are_read_at_once(classic: Any, bulk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row once and in order, in every form."""
    monkeypatch.setattr(extract, "RECORDS_AT_ONCE", 70)
    monkeypatch.setattr(bulk_extract, "ROWS_AT_ONCE", 70)
    wanted = [f"L{n:03}" for n in range(MANY)]
    bulk.ingest("LastName,Company\n" + "".join(f"{name},many\n" for name in wanted), object="Lead")
    soql = "SELECT LastName FROM Lead WHERE Company = 'many' ORDER BY LastName"
    assert [row["LastName"] for row in csv.DictReader(io.StringIO(classic.query(soql, "Lead").text))] == wanted
    assert [record["LastName"] for record in classic.query(soql, "Lead", "JSON").json()] == wanted
    root = ElementTree.fromstring(classic.query(soql, "Lead", "XML").content)
    assert [part.text for part in root.iter(f"{SPACE}LastName")] == wanted


def test_query_all_has_the_deleted_too(classic: Any) -> None:
    """queryAll counts the one in the recycle bin, query does not; so do the batches' counters."""
    soql = (
        "SELECT IsDeleted FROM Contact WHERE LastName LIKE 'P_' AND Birthdate > 2020-02-01 AND Birthdate < 2020-03-01"
    )
    counts = {}
    for operation in ("query", "queryAll"):
        batch, _ = classic.run(soql, operation, object="Contact", form="JSON")
        counts[operation] = (batch["state"], batch["numberRecordsProcessed"])
    assert counts == {"query": ("Completed", PEOPLE - 2), "queryAll": ("Completed", PEOPLE - 1)}


def test_no_rows_at_all(classic: Any) -> None:
    """In CSV a sentence in place of the header, which clients look for; in the other forms nothing."""
    soql = "SELECT Id FROM Account WHERE Name = 'nobody'"
    assert classic.query(soql, "Account").text == "Records not found for this query"
    assert classic.query(soql, "Account", "JSON").json() == []
    assert list(ElementTree.fromstring(classic.query(soql, "Account", "XML").content)) == []


# --- lists and refusals ----------------------------------------------------------------------------------------------


def test_the_list_of_results(classic: Any) -> None:
    """Ids of 15 characters that begin with 752; the list has the form of the job whatever the request says."""
    _, path = classic.run("SELECT Id FROM Account", "query", form="JSON")
    listed = classic.call("GET", f"{path}/result", headers={"Content-Type": "application/xml"})
    assert listed.headers["Content-Type"] == "application/json"
    assert re.fullmatch("752[0-9A-Za-z]{12}", listed.json()[0])
    _, path = classic.run("SELECT Id FROM Account", "query", form="CSV")
    listed = classic.call("GET", f"{path}/result", headers={"Content-Type": "application/json"})
    pattern = f'<result-list xmlns="{SPACE[1:-1]}"><result>(752.*)</result></result-list>'
    found = re.fullmatch(pattern, listed.text)
    assert found
    assert classic.call("GET", f"{path}/result/{found[1]}").text.startswith('"Id"\n')
    assert classic.call("GET", f"{path}/result/752000000000000").status_code == 400


@pytest.mark.parametrize("form", ["CSV", "JSON", "XML"])
@pytest.mark.parametrize(
    ("soql", "message"),
    [
        (
            "SELECT Id, Nope FROM Account",
            "InvalidBatch : Failed to process query: INVALID_FIELD: \nSELECT Id, Nope FROM Account\n           ^\n"
            "ERROR at Row:1:Column:12\nNo such column 'Nope' on entity 'Account'. If you are attempting to use a "
            "custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the "
            "describe call for the appropriate names.",
        ),
        (
            "SELECT Id FROM Contact",
            "InvalidBatch : Failed to process query: INVALID_TYPE_FOR_OPERATION: The root entity of the requested "
            "query (Contact) does not match the entity of the requested Bulk API Job (Account).",
        ),
        (
            "SELECT BillingAddress FROM Account",
            "InvalidBatch : Failed to process query: FUNCTIONALITY_NOT_ENABLED: Selecting compound data not supported "
            "in Bulk Query",
        ),
        ("SELECT COUNT() FROM Account", "FUNCTIONALITY_NOT_ENABLED: COUNT not supported in Bulk Query"),
        ("SELECT Name FROM Account GROUP BY Name", "FUNCTIONALITY_NOT_ENABLED: Group By not supported in Bulk Query"),
        ("SELECT Id FROM Account OFFSET 5", "FUNCTIONALITY_NOT_ENABLED: Offset not supported in Bulk Query"),
        ("DELETE everything", "InvalidBatch : Failed to process query: MALFORMED_QUERY: "),
    ],
)
def test_what_cannot_be_queried_fails_the_batch(classic: Any, form: str, soql: str, message: str) -> None:
    """In every form, in the words that were recorded; the list of results is empty."""
    batch, path = classic.run(soql, "query", form=form)
    assert batch["state"] == "Failed"
    assert message in batch["stateMessage"]
    listed = classic.call("GET", f"{path}/result")
    assert listed.status_code == 200
    assert "752" not in listed.text


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "FeatureNotEnabled : Aggregate Relationships not supported in Bulk Query with CSV content type",
        ),
        (
            "SELECT TYPEOF Owner WHEN User THEN Name END FROM Account",
            "FeatureNotEnabled : TypeOf expressions not supported in Bulk Query",
        ),
        (
            "SELECT VersionData FROM ContentVersion",
            "FeatureNotEnabled : Blob field not supported in Bulk Query with CSV content type",
        ),
    ],
)
def test_what_does_not_fit_into_csv_fails_the_batch(classic: Any, soql: str, message: str) -> None:
    """FeatureNotEnabled, as jsforce's users were told."""
    batch, _ = classic.run(soql, "query", object=soql.split()[-1])
    assert (batch["state"], batch["stateMessage"]) == ("Failed", message)


def test_objects_that_bulk_leaves_out_have_no_jobs(classic: Any, org: LocalOrg) -> None:
    """InvalidEntity when the job is created."""
    left_out = next(o.name for o in org.instance.schema if not o.queryable)
    reply = classic.call("POST", "job", json={"operation": "query", "object": left_out, "contentType": "CSV"})
    assert reply.status_code == 400
    assert reply.json() == {
        "exceptionCode": "InvalidEntity",
        "exceptionMessage": f"Entity '{left_out}' is not supported by the Bulk API.",
    }


# --- PK chunking -----------------------------------------------------------------------------------------------------


def chunked(classic: Any, soql: str, header: str, **settings: Any) -> tuple[str, list[dict[str, str]]]:
    """A job and its batches when all have ended."""
    headers = {"Sforce-Enable-PKChunking": header, "Sforce-Disable-Batch-Retry": "TRUE"}
    job = classic.create("query", headers=headers, **settings)
    assert classic.add(job, soql).status_code == 201
    return job, classic.batches(job)


def rows_of(classic: Any, job: str, batch: dict[str, str]) -> list[dict[str, str]]:
    path = f"job/{job}/batch/{batch['id']}/result"
    (result,) = re.findall("<result>(.*?)</result>", classic.call("GET", path).text)
    text = classic.call("GET", f"{path}/{result}").text
    return [] if text.startswith("Records not found") else list(csv.DictReader(io.StringIO(text)))


def test_a_query_is_split_by_ranges_of_ids(classic: Any, bulk: Any) -> None:
    """The batch itself is not processed; those in its place have every row once, at most a chunk's each."""
    soql = "select Id, Name from Lead where Company = 'many' or Company = 'few'"
    bulk.ingest("LastName,Company\n" + "x,few\n" * 30, object="Lead")
    job, (first, *rest) = chunked(classic, soql, "chunkSize=100;", object="Lead")
    everything = bulk.http.get("/query", params={"q": "SELECT COUNT() FROM Lead"}).json()["totalSize"]
    assert (first["state"], {batch["state"] for batch in rest}) == ("NotProcessed", {"Completed"})
    assert len(rest) == -(-everything // 100)
    found = [[row["Id"] for row in rows_of(classic, job, batch)] for batch in rest]
    wanted = bulk.query("SELECT Id FROM Lead WHERE Company IN ('many', 'few')")
    assert sorted(itertools.chain(*found)) == sorted(
        row["Id"] for row in csv.DictReader(io.StringIO(bulk.page(wanted).text))
    )
    assert all(len(part) <= 100 for part in found)
    request = classic.call("GET", f"job/{job}/batch/{rest[0]['id']}/request").text
    pattern = r"SELECT Id, Name FROM Lead WHERE \(.*\) AND Id >= '00Q\w{15}' AND Id < '00Q\w{15}'"
    assert re.fullmatch(pattern, request)


def test_a_split_counts_its_batches(classic: Any, bulk: Any, org: LocalOrg) -> None:
    """Each chunk is a batch of the day, and of its job."""
    used = org.instance.bulk.used["DailyBulkApiBatches"]
    job, batches = chunked(classic, "SELECT Id FROM Contact", "true; chunkSize=3", object="Contact")
    assert org.instance.bulk.used["DailyBulkApiBatches"] == used + len(batches)
    assert classic.info(job)["numberBatchesTotal"] == len(batches)
    deleted = PEOPLE  # the Id of a deleted row counts when a query is split, its row is left out
    assert len(batches) == 1 + -(-deleted // 3)


def test_an_abort_reaches_the_chunks_that_are_still_to_come(
    classic: Any, org: LocalOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that is aborted while its query is split has no chunk processed."""

    def aborting(*asked: Any) -> Any:
        job: Any = org.instance.bulk.jobs.listed("Classic")[-1]
        job.abort()
        return chunks(*asked)

    monkeypatch.setattr(service, "chunks", aborting)
    _, batches = chunked(classic, "SELECT Id FROM Contact", "chunkSize=2", object="Contact")
    assert len(batches) > 1
    assert {batch["state"] for batch in batches} == {"NotProcessed"}


def test_a_split_begins_where_it_is_told(classic: Any, people: dict[str, str]) -> None:
    """startRow leaves out what is before it."""
    header = f"chunkSize=2; startRow={people['P3'][:15]}"
    job, (_, *rest) = chunked(classic, "SELECT LastName FROM Contact", header, object="Contact")
    names = [row["LastName"] for batch in rest for row in rows_of(classic, job, batch)]
    assert sorted(names) == ["P3", "P4", "P5"]


@pytest.mark.parametrize(("clause", "rows"), [("ORDER BY Name", PEOPLE - 1), ("LIMIT 5", 5)])
def test_further_conditions_keep_a_query_whole(classic: Any, clause: str, rows: int) -> None:
    """Chunking is for queries with no other condition than WHERE."""
    job, batches = chunked(classic, f"SELECT Id FROM Contact {clause}", "chunkSize=1", object="Contact")
    assert [batch["state"] for batch in batches] == ["Completed"]
    assert len(rows_of(classic, job, batches[0])) == rows


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("chunkSize=250001", "ClientInputError"),
        ("chunkSize=many", "ClientInputError"),
        ("startRow=here", "ClientInputError"),
        ("nonsense", "ClientInputError"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(classic: Any, header: str, code: str) -> None:
    """When the job is created."""
    body = {"operation": "query", "object": "Contact", "contentType": "CSV"}
    reply = classic.call("POST", "job", json=body, headers={"Sforce-Enable-PKChunking": header})
    assert (reply.status_code, reply.json()["exceptionCode"]) == (400, code)


def test_objects_that_cannot_be_split(classic: Any) -> None:
    """InvalidJob for a query; a job that writes does not look at the header."""
    headers = {"Sforce-Enable-PKChunking": "TRUE"}
    body = {"operation": "query", "object": "Group", "contentType": "CSV"}
    reply = classic.call("POST", "job", json=body, headers=headers)
    assert (reply.status_code, reply.json()["exceptionCode"]) == (400, "InvalidJob")
    assert classic.create("insert", "Account", headers=headers)


def test_false_asks_for_no_split(classic: Any) -> None:
    """The header may say so."""
    _, batches = chunked(classic, "SELECT Id FROM Contact", "FALSE", object="Contact")
    assert [batch["state"] for batch in batches] == ["Completed"]
