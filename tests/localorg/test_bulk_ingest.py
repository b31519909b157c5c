"""Ingest jobs by plain HTTP: what each operation does with rows, and what the result files tell of them."""

from __future__ import annotations

import gzip
from typing import Any

import pytest


def made(bulk: Any, key: str) -> list[dict[str, Any]]:
    """The accounts whose key begins like this."""
    return list(bulk.records(f"SELECT Id, Name, Ext__c FROM Account WHERE Ext__c LIKE '{key}%' ORDER BY Ext__c"))


def counts(job: dict[str, Any]) -> tuple[int, int]:
    return job["numberRecordsProcessed"], job["numberRecordsFailed"]


# --- insert ----------------------------------------------------------------------------------------------------------


def test_insert_creates_a_record_for_each_row(bulk: Any) -> None:
    """Every row is in the org with its values, and in the results with the Id it has there."""
    job = bulk.ingest("Name,Ext__c\n" + "".join(f"Firm {n},in-{n:03}\n" for n in range(450)))
    assert (job["state"], counts(job)) == ("JobComplete", (450, 0))
    stored = {row["Ext__c"]: row["Id"] for row in made(bulk, "in-")}
    results = bulk.rows(job, "successfulResults")
    assert {row["Ext__c"]: row["sf__Id"] for row in results} == stored
    assert len(stored) == 450
    assert {row["sf__Created"] for row in results} == {"true"}


def test_results_are_quoted_and_not_in_the_order_of_the_upload(bulk: Any) -> None:
    """The two added columns are quoted, the header is as uploaded, every value is quoted, and no client may count on
    the order of rows."""
    job = bulk.ingest('"Name",Ext__c\nPlain,or-1\n"say ""hi"", you",or-2\n')
    ids = {row["Ext__c"]: row["Id"] for row in made(bulk, "or-")}
    assert bulk.text(job, "successfulResults") == (
        '"sf__Id","sf__Created","Name",Ext__c\n'
        f'"{ids["or-2"]}","true","say ""hi"", you","or-2"\n'
        f'"{ids["or-1"]}","true","Plain","or-1"\n'
    )
    assert bulk.text(job, "failedResults") == '"sf__Id","sf__Error","Name",Ext__c\n'
    assert bulk.text(job, "unprocessedrecords") == '"Name",Ext__c\n'


def test_a_refused_row_does_not_hold_up_its_neighbours(bulk: Any) -> None:
    """Partial success: JobComplete with the failures counted, each told with code, message and fields."""
    job = bulk.ingest(
        f"Name,Ext__c,Site\nGood,pa-1,\n,pa-2,\n#N/A,pa-3,\nLong,pa-4,{'x' * 81}\nAgain,pa-1,\nFine,pa-5,\n"
    )
    assert (job["state"], counts(job)) == ("JobComplete", (6, 4))
    assert [row["Ext__c"] for row in made(bulk, "pa-")] == ["pa-1", "pa-5"]
    first = made(bulk, "pa-1")[0]["Id"]
    missing = "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    failed = bulk.rows(job, "failedResults")
    assert {(row["sf__Id"], row["Ext__c"], row["sf__Error"]) for row in failed} == {
        ("", "pa-2", missing),
        ("", "pa-3", missing),
        ("", "pa-4", f"STRING_TOO_LONG:Account Site: data value too large: {'x' * 81} (max length=80):Site --"),
        (
            "",
            "pa-1",
            f"DUPLICATE_VALUE:duplicate value found: Ext__c duplicates value on record with id: {first[:15]}:--",
        ),
    }


def test_an_id_cannot_be_inserted(bulk: Any) -> None:
    """A row with an Id is refused; a column of empty Ids does no harm."""
    job = bulk.ingest("Id,Name\n001000000000001AAA,Nope\n,Fine\n")
    assert counts(job) == (2, 1)
    (failed,) = bulk.rows(job, "failedResults")
    assert failed["sf__Error"] == "INVALID_FIELD_FOR_INSERT_UPDATE:cannot specify Id in an insert call:Id --"


@pytest.mark.parametrize("delimiter", ["BACKQUOTE", "CARET", "COMMA", "PIPE", "SEMICOLON", "TAB"])
@pytest.mark.parametrize("ending", ["LF", "CRLF"])
def test_every_dialect_is_read_and_answered_in(bulk: Any, delimiter: str, ending: str) -> None:
    """Six delimiters and two line endings, in the upload and in the results."""
    d = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}[delimiter]
    end = {"LF": "\n", "CRLF": "\r\n"}[ending]
    key = f"di-{delimiter}-{ending}"
    data = f'Name{d}Ext__c{end}"a{d}b{end}c"{d}{key}{end}'
    job = bulk.ingest(data, columnDelimiter=delimiter, lineEnding=ending)
    (row,) = made(bulk, key)
    assert row["Name"] == f"a{d}b{end}c"
    assert bulk.text(job, "successfulResults") == (
        f'"sf__Id"{d}"sf__Created"{d}Name{d}Ext__c{end}"{row["Id"]}"{d}"true"{d}"a{d}b{end}c"{d}"{key}"{end}'
    )


def test_a_compressed_upload_is_unpacked(bulk: Any) -> None:
    """Content-Encoding: gzip, as for any request body."""
    job = bulk.create()
    headers = {"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    data = gzip.compress(b"Name,Ext__c\nPacked,gz-1\n")
    assert bulk.call("PUT", f"ingest/{job['id']}/batches", content=data, headers=headers).status_code == 201
    bulk.call("PATCH", f"ingest/{job['id']}", json={"state": "UploadComplete"})
    assert bulk.wait("ingest", job["id"])["state"] == "JobComplete"
    assert [row["Name"] for row in made(bulk, "gz-")] == ["Packed"]


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_small_job_comes_with_its_data_in_one_request(bulk: Any, end: bytes) -> None:
    """Two parts, job and content: the job is closed at once and its data are kept to the byte."""
    key = f"mp-{len(end)}"
    job = b'{"object":"Account","operation":"insert","contentType":"CSV","lineEnding":"LF"}'
    lines = [
        b"--BOUNDARY",
        b"Content-Type: application/json",
        b'Content-Disposition: form-data; name="job"',
        b"",
        job,
        b"--BOUNDARY",
        b"Content-Type: text/csv",
        b'Content-Disposition: form-data; name="content"; filename="content"',
        b"",
        f'Name,Ext__c\n"two\nlines",{key}\n'.encode(),
        b"--BOUNDARY--",
        b"",
    ]
    headers = {"Content-Type": "multipart/form-data; boundary=BOUNDARY"}
    reply = bulk.call("POST", "ingest", content=end.join(lines), headers=headers)
    assert (reply.status_code, reply.text[:1]) == (200, "{"), reply.text
    assert reply.json()["state"] == "UploadComplete"
    assert counts(bulk.wait("ingest", reply.json()["id"])) == (1, 0)
    assert [row["Name"] for row in made(bulk, key)] == ["two\nlines"]


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "stored"),
    [("true", True), ("TRUE", True), ("1", True), ("Yes", True), ("false", False), ("0", False), ("NO", False)],
)
def test_booleans_have_several_words(bulk: Any, cell: str, stored: bool) -> None:
    """true, 1, yes and their opposites in any case."""
    job = bulk.ingest(f"LastName,HasOptedOutOfEmail\nB,{cell}\n", object="Contact")
    (told,) = bulk.rows(job, "successfulResults")
    (row,) = bulk.records(f"SELECT HasOptedOutOfEmail FROM Contact WHERE Id = '{told['sf__Id']}'")
    assert row["HasOptedOutOfEmail"] is stored


@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("2024-02-29T12:30:00.000Z", "2024-02-29T12:30:00.000+0000"),
        ("2024-02-29T12:30:00+01:00", "2024-02-29T11:30:00.000+0000"),
        ("2024-02-29T12:30:00.000-0500", "2024-02-29T17:30:00.000+0000"),
        ("2024-02-29T12:30:00", "2024-02-29T12:30:00.000+0000"),
    ],
)
def test_datetimes_are_iso_8601(bulk: Any, cell: str, stored: str) -> None:
    """With Z, with an offset or, for UTC, without."""
    job = bulk.ingest(f"Subject,StartDateTime,DurationInMinutes\nX,{cell},30\n", object="Event")
    (told,) = bulk.rows(job, "successfulResults")
    (row,) = bulk.records(f"SELECT StartDateTime FROM Event WHERE Id = '{told['sf__Id']}'")
    assert row["StartDateTime"] == stored


def test_dates_and_numbers(bulk: Any) -> None:
    """A date may carry a Z; numbers are written as numbers are."""
    header = "Name,StageName,CloseDate,Amount\n"
    job = bulk.ingest(f"{header}Z date,Prospecting,2024-02-29Z,1234.50\n", object="Opportunity")
    assert counts(job) == (1, 0), bulk.text(job, "failedResults")
    (row,) = bulk.records("SELECT CloseDate, Amount FROM Opportunity WHERE Name = 'Z date'")
    assert row == {"CloseDate": "2024-02-29", "Amount": 1234.5}


@pytest.mark.parametrize(
    ("field", "cell", "xsd"),
    [
        ("NumberOfEmployees", "17052.0", "xsd:int"),
        ("AnnualRevenue", "12 EUR", "xsd:double"),
        ("CloseDate", "2/29/2024", "xsd:date"),
    ],
)
def test_values_of_the_wrong_form_name_column_and_type(bulk: Any, field: str, cell: str, xsd: str) -> None:
    """INVALID_FIELD in the words of Bulk, with the column counted from 0."""
    sobject, rest = ("Opportunity", ",StageName\n") if field == "CloseDate" else ("Account", ",Site\n")
    job = bulk.ingest(f"Name,{field}{rest}X,{cell},Prospecting\n", object=sobject)
    (failed,) = bulk.rows(job, "failedResults")
    message = f"Failed to deserialize field at col 1. Due to, '{cell}' is not a valid value for the type {xsd}"
    assert failed["sf__Error"] == f"INVALID_FIELD:{message}:{field} --"


def test_a_boolean_of_another_word_is_refused(bulk: Any) -> None:
    """Only the words of the vendor's list are booleans."""
    job = bulk.ingest("LastName,HasOptedOutOfEmail\nB,maybe\n", object="Contact")
    (failed,) = bulk.rows(job, "failedResults")
    message = "Failed to deserialize field at col 1. Due to, 'maybe' is not a valid value for the type xsd:boolean"
    assert failed["sf__Error"] == f"INVALID_FIELD:{message}:HasOptedOutOfEmail --"


def test_parents_are_found_by_their_keys(bulk: Any) -> None:
    """``Account.Ext__c`` and ``ReportsTo.Email``; #N/A is no parent; an unknown key refuses its row alone."""
    bulk.ingest("Name,Ext__c\nParent,rel-p\n")
    bulk.ingest("LastName,Email\nBoss,boss@example.com\n", object="Contact")
    data = "LastName,Account.Ext__c,ReportsTo.Email\nOne,rel-p,boss@example.com\nTwo,#N/A,\nThree,rel-none,\n"
    job = bulk.ingest(data, object="Contact")
    assert counts(job) == (3, 1)
    soql = "SELECT LastName, Account.Name, ReportsTo.LastName FROM Contact WHERE LastName IN ('One', 'Two')"
    found = {row["LastName"]: row for row in bulk.records(soql)}
    assert found["One"]["Account"]["Name"] == "Parent"
    assert found["One"]["ReportsTo"]["LastName"] == "Boss"
    assert found["Two"]["Account"] is None
    (failed,) = bulk.rows(job, "failedResults")
    expected = "INVALID_FIELD:Foreign key external ID: rel-none not found for field Ext__c in entity Account:--"
    assert failed["sf__Error"] == expected


def test_parents_of_several_objects_name_theirs(bulk: Any) -> None:
    """``User:Owner.Username`` where the owner may also be a queue."""
    username = bulk.org.username
    job = bulk.ingest(f"Subject,User:Owner.Username\nOwned,{username}\n", object="Case")
    assert counts(job) == (1, 0), bulk.text(job, "failedResults")
    (row,) = bulk.records("SELECT Owner.Username FROM Case WHERE Subject = 'Owned'")
    assert row["Owner"]["Username"] == username


# --- update, upsert, delete ------------------------------------------------------------------------------------------


def test_update_leaves_empty_cells_alone_and_clears_by_na(bulk: Any) -> None:
    """An empty cell keeps the old value, #N/A removes it; 15 characters of an Id are enough."""
    bulk.ingest("Name,Ext__c,Site,Phone\nBefore,up-1,Here,123\n")
    record_id = made(bulk, "up-1")[0]["Id"]
    job = bulk.ingest(f"Id,Name,Site,Phone\n{record_id[:15]},After,,#N/A\n", "update")
    (row,) = bulk.records("SELECT Name, Site, Phone FROM Account WHERE Ext__c = 'up-1'")
    assert row == {"Name": "After", "Site": "Here", "Phone": None}
    (told,) = bulk.rows(job, "successfulResults")
    assert (told["sf__Id"], told["sf__Created"], told["Id"]) == (record_id, "false", record_id[:15])


def test_update_names_the_row_it_could_not_find(bulk: Any) -> None:
    """Without an Id, with one of another object, with one that never was: told with the Id that was given."""
    rows = ["", "003000000000001AAA", "001000000000001AAA", "nonsense"]
    job = bulk.ingest("Id,Name\n" + "".join(f"{row},X\n" for row in rows), "update")
    assert {(row["sf__Id"], row["sf__Error"]) for row in bulk.rows(job, "failedResults")} == {
        ("", "MISSING_ARGUMENT:Id not specified in an update call:--"),
        ("003000000000001AAA", "MALFORMED_ID:Account ID: id value of incorrect type: 003000000000001AAA:Id --"),
        ("001000000000001AAA", "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"),
        ("nonsense", "MALFORMED_ID:Account ID: id value of incorrect type: nonsense:Id --"),
    }


def test_upsert_updates_what_is_there_and_creates_the_rest(bulk: Any) -> None:
    """By the external id, without regard to case; ``sf__Created`` tells which."""
    bulk.ingest("Name,Ext__c\nOld,us-1\n")
    job = bulk.ingest("Ext__c,Name\nUS-1,Renewed\nus-2,New\n,None\n", "upsert", externalIdFieldName="Ext__c")
    assert counts(job) == (3, 1)
    assert [(row["Ext__c"], row["Name"]) for row in made(bulk, "us-")] == [("us-1", "Renewed"), ("us-2", "New")]
    assert {(r["Ext__c"], r["sf__Created"]) for r in bulk.rows(job, "successfulResults")} == {
        ("US-1", "false"),
        ("us-2", "true"),
    }
    (failed,) = bulk.rows(job, "failedResults")
    assert failed["sf__Error"] == "MISSING_ARGUMENT:Ext__c not specified:--"


def test_upsert_by_id(bulk: Any) -> None:
    """With Id as the key: a row with one is updated, a row without is created."""
    bulk.ingest("Name,Ext__c\nOld,ui-1\n")
    record_id = made(bulk, "ui-1")[0]["Id"]
    job = bulk.ingest(f"Id,Name,Ext__c\n{record_id},Newer,\n,Fresh,ui-2\n", "upsert", externalIdFieldName="Id")
    assert counts(job) == (2, 0), bulk.text(job, "failedResults")
    assert [row["Name"] for row in made(bulk, "ui-")] == ["Newer", "Fresh"]


def test_a_key_twice_in_a_chunk_refuses_both_rows(bulk: Any) -> None:
    """DUPLICATE_VALUE for each of them, also where they differ in case only; the others are written."""
    data = "Ext__c,Name\ndu-1,A\nDU-1,B\ndu-2,C\n"
    job = bulk.ingest(data, "upsert", externalIdFieldName="Ext__c")
    assert [row["Ext__c"] for row in made(bulk, "du-")] == ["du-2"]
    assert {(row["Name"], row["sf__Error"]) for row in bulk.rows(job, "failedResults")} == {
        ("A", "DUPLICATE_VALUE:Duplicate external id specified: du-1:Ext__c --"),
        ("B", "DUPLICATE_VALUE:Duplicate external id specified: DU-1:Ext__c --"),
    }


def test_a_key_twice_in_different_chunks_is_no_matter(bulk: Any) -> None:
    """The 201st row belongs to the next transaction: it updates what the first created."""
    rows = [f"dc-{n % 200:03},Round {n // 200}\n" for n in range(201)]
    job = bulk.ingest("Ext__c,Name\n" + "".join(rows), "upsert", externalIdFieldName="Ext__c")
    assert counts(job) == (201, 0)
    assert made(bulk, "dc-000")[0]["Name"] == "Round 1"


def test_delete_fills_the_recycle_bin_and_hard_delete_does_not(bulk: Any) -> None:
    """Deleted rows are still found by queryAll; hard-deleted ones are gone, with their children."""
    bulk.ingest("Name,Ext__c\nSoft,de-1\nHard,de-2\n")
    soft, hard = (row["Id"] for row in made(bulk, "de-"))
    bulk.ingest("LastName,Account.Ext__c\nOrphan,de-2\n", object="Contact")
    assert counts(bulk.ingest(f"Id\n{soft}\n", "delete")) == (1, 0)
    assert counts(bulk.ingest(f"Id\n{hard}\n", "hardDelete")) == (1, 0)
    everything = {"q": "SELECT Id, IsDeleted FROM Account WHERE Ext__c LIKE 'de-%'"}
    (left,) = bulk.http.get("/queryAll", params=everything).json()["records"]
    assert (left["Id"], left["IsDeleted"]) == (soft, True)
    orphans = {"q": "SELECT Id FROM Contact WHERE LastName = 'Orphan'"}
    assert bulk.http.get("/queryAll", params=orphans).json()["records"] == []
    again = bulk.ingest(f"Id\n{soft}\n{hard}\n", "delete")
    assert {(row["sf__Id"], row["sf__Error"]) for row in bulk.rows(again, "failedResults")} == {
        (soft, "ENTITY_IS_DELETED:entity is deleted:--"),
        (hard, "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"),
    }


# --- data that fail the whole job ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        ("Name,Nope\nx,y\n", {}, "InvalidBatch : Field name not found : Nope"),
        ("Name,BillingAddress\nx,y\n", {}, "InvalidBatch : Field name not found : BillingAddress"),
        ("Name,Owner.Nope\nx,y\n", {}, "InvalidBatch : Field name not found : Owner.Nope"),
        ("Name,Owner.FirstName\nx,y\n", {}, "InvalidBatch : Field name not found : Owner.FirstName"),
        ("Name,Nope.Email\nx,y\n", {}, "InvalidBatch : Unable to find relationship: Nope"),
        ("Name,Parent:Account.Ext__c\nx,y\n", {}, "InvalidBatch : Unable to find relationship: Account"),
        ("Name,Account:Parent:Ext__c\nx,y\n", {}, "InvalidBatch : Field name not found : Account:Parent:Ext__c"),
        (
            "Name,Account:Parent.Ext__c\nx,y\n",
            {},
            "InvalidBatch : type is not needed for non polymorphic foreign key references: Parent",
        ),
        (
            "Subject,Nope:What.Ext__c\nx,y\n",
            {"object": "Task"},
            "InvalidBatch : Field name not found : Nope:What.Ext__c",
        ),
        ("Name,name\nx,y\n", {}, "InvalidBatch : Field name is repeated : name"),
        ("\ufeffName\nx\n", {}, "InvalidBatch : Field name not found : \ufeffName"),
        ("Name\n", {}, "InvalidBatch : Records not found"),
        ("", {}, "InvalidBatch : Records not found"),
        ("Name\nx\n", {"operation": "update"}, "InvalidBatch : Field name not found : Id"),
        (
            "Name\nx\n",
            {"operation": "upsert", "externalIdFieldName": "Ext__c"},
            "InvalidBatch : Field name not found : Ext__c",
        ),
        ("Id,Name\nx,y\n", {"operation": "delete"}, "InvalidBatch : The 'delete' batch must contain only ids"),
        ("Name\nx\n", {"operation": "hardDelete"}, "InvalidBatch : The 'hardDelete' batch must contain only ids"),
        (
            "Name\r\nx\r\n",
            {},
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
        (
            "Name\nx\n",
            {"lineEnding": "CRLF"},
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is CRLF",
        ),
    ],
)
def test_a_wrong_file_fails_the_job(bulk: Any, data: str, settings: dict[str, str], message: str) -> None:
    """Failed, with Salesforce's message, nothing written, and every row unprocessed as it was uploaded."""
    before = bulk.records("SELECT COUNT(Id) n FROM Account")
    job = bulk.ingest(data, **settings)
    assert (job["state"], job["errorMessage"]) == ("Failed", message)
    assert counts(job) == (0, 0)
    assert bulk.records("SELECT COUNT(Id) n FROM Account") == before
    assert bulk.call("GET", f"ingest/{job['id']}/unprocessedRecords").content == data.encode()
    for name in ("successfulResults", "failedResults"):
        assert bulk.text(job, name).count("\n") + bulk.text(job, name).count("\r") in (1, 2)


def test_a_fault_at_the_end_of_the_file_writes_nothing(bulk: Any) -> None:
    """The data are checked as a whole before the first record is written."""
    job = bulk.ingest("Name,Ext__c\n" + "Good,\n" * 500 + '"never closed,fa-1\n')
    assert (job["state"], counts(job)) == ("Failed", (0, 0))
    assert job["errorMessage"].endswith("EOF reached before closing an opened quote")
