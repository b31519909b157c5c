"""Jobs: what each call answers of them, the states they go through, what is refused when, the list of all jobs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sfdata.localorg import LocalOrg
from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk import ingest, resources
from sfdata.localorg.bulk.dialect import Dialect
from sfdata.localorg.bulk.jobs import INGEST, Jobs
from sfdata.localorg.bulk.settings import JobSettings
from sfdata.localorg.objects import build_schema

HEAD = [
    "id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state", "concurrencyMode",
    "contentType", "apiVersion",
]  # fmt: skip
DIALECT = ["lineEnding", "columnDelimiter"]
COUNTERS = ["numberRecordsProcessed", "numberRecordsFailed"]
TIMES = ["retries", "totalProcessingTime", "apiActiveProcessingTime", "apexProcessingTime"]
PK = ["isPkChunkingSupported"]
UNKNOWN_JOB = "7500000000000AAAAA"


@contextmanager
def busy(org: LocalOrg) -> Iterator[None]:
    """An org whose database somebody else is using: jobs begin but cannot go on."""
    with org.instance.store.lock:
        yield


def patch(bulk: Any, kind: str, job: dict[str, Any], state: str) -> Any:
    return bulk.call("PATCH", f"{kind}/{job['id']}", json={"state": state})


def upload(bulk: Any, job: dict[str, Any], data: str, **headers: str) -> Any:
    headers = {"Content-Type": "text/csv", **headers}
    return bulk.call("PUT", f"ingest/{job['id']}/batches", content=data, headers=headers)


def error(reply: Any) -> tuple[int, str, str]:
    (problem,) = reply.json()
    return reply.status_code, problem["errorCode"], problem["message"]


# --- answers ---------------------------------------------------------------------------------------------------------


def test_each_call_of_an_ingest_job_answers_its_own_keys(bulk: Any) -> None:
    """As recorded: creating tells where to upload, changing stops at apiVersion, information adds type and counters."""
    job = bulk.create()
    assert list(job) == [*HEAD, "contentUrl", *DIALECT]
    assert (job["state"], job["apiVersion"], job["concurrencyMode"]) == ("Open", 66.0, "Parallel")
    assert job["contentUrl"] == f"services/data/v66.0/jobs/ingest/{job['id']}/batches"
    assert job["createdById"] == bulk.org.user_id
    assert (len(job["id"]), job["id"][:3], job["createdDate"][-9:]) == (18, "750", ".000+0000")
    opened = bulk.call("GET", f"ingest/{job['id']}").json()
    assert list(opened) == [*HEAD, "jobType", "contentUrl", *DIALECT, *TIMES, *PK]
    upload(bulk, job, "Name\nx\n")
    closed = patch(bulk, "ingest", job, "UploadComplete").json()
    assert (list(closed), closed["state"]) == (HEAD, "UploadComplete")
    done = bulk.wait("ingest", job["id"])
    assert list(done) == [*HEAD, "jobType", *DIALECT, *COUNTERS, *TIMES, *PK]
    assert (done["jobType"], done["retries"], done["isPkChunkingSupported"]) == ("V2Ingest", 0, False)
    assert done["totalProcessingTime"] >= 0


def test_a_failed_job_has_a_message_and_an_upsert_its_key(bulk: Any) -> None:
    """``errorMessage`` only where the job failed, ``externalIdFieldName`` only where it was asked for, as written."""
    failed = bulk.ingest("Nope\nx\n", "upsert", externalIdFieldName="ext__C", assignmentRuleId="01Q000000000001")
    assert list(failed) == [
        *HEAD[:7], "externalIdFieldName", "assignmentRuleId", *HEAD[7:],
        "jobType", *DIALECT, *COUNTERS, *TIMES, *PK, "errorMessage",
    ]  # fmt: skip
    assert failed["externalIdFieldName"] == "ext__C"


def test_each_call_of_a_query_job_answers_its_own_keys(bulk: Any) -> None:
    """UploadComplete at once, the object from the SOQL, no contentUrl and no counters of failures."""
    reply = bulk.call("POST", "query", json={"operation": "query", "query": "select id from account"})
    job = reply.json()
    assert (list(job), job["state"], job["object"]) == ([*HEAD, *DIALECT], "UploadComplete", "Account")
    done = bulk.wait("query", job["id"])
    assert list(done) == [*HEAD, "jobType", *DIALECT, COUNTERS[0], *TIMES[:2], *PK]
    assert (done["jobType"], done["isPkChunkingSupported"]) == ("V2Query", True)


def test_a_job_is_found_by_15_characters_and_by_its_own_type_only(bulk: Any) -> None:
    """Either length of the Id; no ingest job below query; 404 for what never was."""
    job = bulk.create()
    assert bulk.call("GET", f"ingest/{job['id'][:15]}").json()["id"] == job["id"]
    for path in (f"query/{job['id']}", f"ingest/{UNKNOWN_JOB}", "ingest/nonsense"):
        assert error(bulk.call("GET", path)) == (404, "NOT_FOUND", "The requested resource does not exist")


# --- what a client may ask for ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"object": "Account"}, "API_ERROR", "Invalid value: '' supplied for property: 'operation'"),
        (
            {"object": "Account", "operation": "query"},
            "API_ERROR",
            "Invalid value: 'query' supplied for property: 'operation'",
        ),
        ({"operation": "insert"}, "INVALIDJOB", "InvalidJob : Unable to find object: "),
        ({"operation": "insert", "object": "Nope__c"}, "INVALIDJOB", "InvalidJob : Unable to find object: Nope__c"),
        (
            {"operation": "insert", "object": "Account", "contentType": "JSON"},
            "API_ERROR",
            "Invalid value: 'JSON' supplied for property: 'contentType'",
        ),
        (
            {"operation": "insert", "object": "Account", "columnDelimiter": ","},
            "API_ERROR",
            "Invalid value: ',' supplied for property: 'columnDelimiter'",
        ),
        (
            {"operation": "insert", "object": "Account", "lineEnding": "CR"},
            "API_ERROR",
            "Invalid value: 'CR' supplied for property: 'lineEnding'",
        ),
        (
            {"operation": "upsert", "object": "Account"},
            "INVALIDJOB",
            "InvalidJob : External ID was blank for Account. An External ID must be specified for upsert.",
        ),
        (
            {"operation": "upsert", "object": "Account", "externalIdFieldName": "Website"},
            "INVALIDJOB",
            "InvalidJob : Field name provided, Website does not match an External ID, Salesforce Id, or indexed field "
            "for Account",
        ),
        (
            {"operation": "insert", "object": "Lead", "assignmentRuleId": "001000000000001"},
            "INVALIDJOB",
            "InvalidJob : Invalid assignment rule id: 001000000000001",
        ),
        (
            {"operation": "insert", "object": "Account", "nonsense": 1},
            "JSON_PARSER_ERROR",
            'Unrecognized field "nonsense" at [line:1, column:53]',
        ),
        ([], "JSON_PARSER_ERROR", "Cannot deserialize instance of JobInfo at [line:1, column:1]"),
    ],
)
def test_a_job_that_cannot_be_is_refused(bulk: Any, body: Any, code: str, message: str) -> None:
    """400 with the code and the words recorded of real orgs."""
    assert error(bulk.call("POST", "ingest", json=body)) == (400, code, message)


def test_names_of_objects_and_keys_are_taken_in_any_case(bulk: Any) -> None:
    """``account`` is Account; Email is a key of contacts, since it is a lookup field."""
    assert bulk.create("upsert", "contact", externalIdFieldName="email")["object"] == "Contact"


@pytest.mark.parametrize(
    ("method", "path", "media_type", "status"),
    [
        ("POST", "ingest", "text/xml", 415),
        ("PUT", f"ingest/{UNKNOWN_JOB}/batches", "text/csv", 404),
        ("PUT", "ingest/{id}/batches", "application/json", 415),
        ("PUT", "ingest/{id}/batches", "text/csv; charset=UTF-8", 201),
        ("PATCH", "ingest/{id}", "text/plain", 415),
        ("PUT", "ingest/{id}", "text/csv", 405),
        ("DELETE", "ingest/{id}/batches", "text/csv", 405),
    ],
)
def test_methods_and_media_types(bulk: Any, method: str, path: str, media_type: str, status: int) -> None:
    """CSV where data go, JSON elsewhere; other methods than those of the resource are 405."""
    path = path.replace("{id}", bulk.create()["id"])
    reply = bulk.call(method, path, content=b"{}", headers={"Content-Type": media_type})
    assert reply.status_code == status, reply.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--B\r\n\r\nx\r\n--B--\r\n",
        b'--B\r\nContent-Disposition: form-data; name="job"\r\n\r\n{}\r\n--B--\r\n',
        b'--B\r\nContent-Disposition: form-data; name="job"\r\n\r\n{}\r\n',
        b'--B\r\nContent-Disposition: form-data; name="job"\r\n\r\n{}\r\n'
        b'--B\r\nContent-Disposition: form-data; name="content"\r\n\r\n' + b"x" * 100_001 + b"\r\n--B--\r\n",
    ],
)
def test_multipart_messages_of_another_make_are_refused(bulk: Any, body: bytes) -> None:
    """400 INVALID_MULTIPART_REQUEST: no parts, other parts, no end, more than 100,000 characters."""
    reply = bulk.call("POST", "ingest", content=body, headers={"Content-Type": "multipart/form-data; boundary=B"})
    assert error(reply)[:2] == (400, "INVALID_MULTIPART_REQUEST")


# --- states ----------------------------------------------------------------------------------------------------------


def test_data_are_taken_once_and_while_the_job_is_open(bulk: Any) -> None:
    """A second PUT is refused in the vendor's words, and so is one after the job was closed or aborted."""
    job = bulk.create()
    assert upload(bulk, job, "Name\nx\n").status_code == 201
    message = (
        f"Found multiple contents for job: <{job['id'][:15]}>, please 'Close' / 'Abort' / 'Delete' the current Job "
        "then create a new Job and make sure you only do 'PUT' once on a given Job."
    )
    assert error(upload(bulk, job, "Name\ny\n")) == (400, "BULK_API_ERROR", message)
    patch(bulk, "ingest", job, "Aborted")
    assert error(upload(bulk, job, "Name\nz\n"))[:2] == (400, "INVALIDJOBSTATE")


def test_what_is_too_late_is_refused(bulk: Any) -> None:
    """Closing and aborting what has ended: INVALIDJOBSTATE, with what it is already."""
    complete = bulk.ingest("Name\nx\n")
    failed = bulk.ingest("Nope\nx\n")
    aborted = bulk.create()
    assert patch(bulk, "ingest", aborted, "Aborted").json()["state"] == "Aborted"
    for job, word in ((complete, "Completed"), (failed, "Failed"), (aborted, "Aborted")):
        for state, verb in (("Aborted", "Aborting"), ("UploadComplete", "Closing")):
            reply = error(patch(bulk, "ingest", job, state))
            assert reply == (400, "INVALIDJOBSTATE", f"{verb} already {word} Job not allowed")


@pytest.mark.parametrize("state", ["Open", "InProgress", "JobComplete", "nonsense", 7, None])
def test_only_two_states_can_be_asked_for(bulk: Any, state: Any) -> None:
    """A client closes or aborts; the other states are the org's to set."""
    reply = error(bulk.call("PATCH", f"ingest/{bulk.create()['id']}", json={"state": state}))
    shown = "" if state is None else state
    assert reply == (400, "API_ERROR", f"Invalid value: '{shown}' supplied for property: 'state'")


def test_a_job_under_way_gives_no_results_and_cannot_be_deleted(bulk: Any, org: LocalOrg) -> None:
    """InProgress: results and DELETE are refused, closing again too; an abort is taken and nothing is written."""
    job = bulk.create()
    upload(bulk, job, "Name,Ext__c\nx,slow-1\ny,slow-2\n")
    with busy(org):
        patch(bulk, "ingest", job, "UploadComplete")
        assert bulk.wait("ingest", job["id"], {"InProgress"})["numberRecordsProcessed"] == 0
        for name in ("successfulResults", "failedResults", "unprocessedrecords"):
            assert error(bulk.call("GET", f"ingest/{job['id']}/{name}"))[:2] == (400, "INVALIDJOBSTATE")
        message = "Error encountered when deleting the job because the job is not terminated"
        assert error(bulk.call("DELETE", f"ingest/{job['id']}")) == (400, "API_ERROR", message)
        assert error(patch(bulk, "ingest", job, "UploadComplete"))[2] == "Closing already Closed Job not allowed"
        assert patch(bulk, "ingest", job, "Aborted").json()["state"] == "Aborted"
    assert bulk.text(job, "unprocessedrecords") == "Name,Ext__c\nx,slow-1\ny,slow-2\n"
    bulk.ingest("Name\nthe worker is free again\n")
    assert bulk.records("SELECT Id FROM Account WHERE Ext__c LIKE 'slow-%'") == []


def test_an_abort_half_way_leaves_every_row_in_one_file(
    bulk: Any, org: LocalOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of finished chunks are written and told; the rest is unprocessed, as uploaded."""
    chunk = ingest.Write.chunk
    sizes = []

    def aborting(self: ingest.Write, rows: Any) -> Any:
        sizes.append(len(rows))
        if len(sizes) == 3:
            org.instance.bulk.jobs.find("V2Ingest", job["id"]).abort()
        return chunk(self, rows)

    job = bulk.create()
    upload(bulk, job, "Name,Ext__c\n" + "".join(f"{'' if n == 7 else 'x'},half-{n:04}\n" for n in range(1000)))
    monkeypatch.setattr(ingest.Write, "chunk", aborting)
    patch(bulk, "ingest", job, "UploadComplete")
    info = bulk.wait("ingest", job["id"])
    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("Aborted", 600, 1)
    files = {name: bulk.rows(info, name) for name in ("successfulResults", "failedResults", "unprocessedRecords")}
    assert {name: len(rows) for name, rows in files.items()} == {
        "successfulResults": 599,
        "failedResults": 1,
        "unprocessedRecords": 400,
    }
    told = sorted(row["Ext__c"] for rows in files.values() for row in rows)
    assert told == [f"half-{n:04}" for n in range(1000)]
    assert bulk.records("SELECT COUNT(Id) n FROM Account WHERE Ext__c LIKE 'half-%'") == [{"n": 599}]


def test_jobs_that_ended_can_be_deleted(bulk: Any) -> None:
    """204 without a body, then 404; also for a job that waits, which then writes nothing."""
    for job in (bulk.ingest("Name\nx\n"), bulk.ingest("Nope\nx\n")):
        reply = bulk.call("DELETE", f"ingest/{job['id']}")
        assert (reply.status_code, reply.content) == (204, b"")
        assert bulk.call("GET", f"ingest/{job['id']}").status_code == 404
    assert error(bulk.call("DELETE", f"ingest/{bulk.create()['id']}"))[:2] == (400, "API_ERROR")


def test_a_waiting_job_can_be_deleted(bulk: Any, org: LocalOrg) -> None:
    """UploadComplete is late enough to delete, and early enough to write nothing."""
    first, second = bulk.create(), bulk.create()
    for job in (first, second):
        upload(bulk, job, f"Name,Ext__c\nx,wait-{job['id']}\n")
    with busy(org):
        for job in (first, second):
            patch(bulk, "ingest", job, "UploadComplete")
        assert bulk.call("GET", f"ingest/{second['id']}").json()["state"] == "UploadComplete"
        assert bulk.call("DELETE", f"ingest/{second['id']}").status_code == 204
    bulk.wait("ingest", first["id"])
    bulk.ingest("Name\nthe worker is past them\n")
    kept = bulk.records("SELECT Ext__c FROM Account WHERE Ext__c LIKE 'wait-%'")
    assert kept == [{"Ext__c": f"wait-{first['id']}"}]


def test_the_org_answers_while_a_job_is_under_way(bulk: Any) -> None:
    """A job of several thousand rows does not hold up other requests for long: queries are answered between chunks."""
    job = bulk.create()
    upload(bulk, job, "Name\n" + "x\n" * 4000)
    patch(bulk, "ingest", job, "UploadComplete")
    answered = 0
    while bulk.call("GET", f"ingest/{job['id']}").json()["state"] != "JobComplete":
        bulk.records("SELECT Id FROM User LIMIT 1")
        answered += 1
    assert answered >= 5


# --- results ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_result_paths_are_taken_in_any_case(bulk: Any, slash: str) -> None:
    """``unprocessedRecords`` as some clients write it, with a slash or without; a job without rows has headers."""
    job = bulk.ingest("Name\nx\n")
    for name in ("successfulResults", "SUCCESSFULRESULTS", "failedresults", "unprocessedRecords", "unprocessedrecords"):
        reply = bulk.call("GET", f"ingest/{job['id']}/{name}{slash}")
        assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/csv;charset=UTF-8")


def test_a_job_aborted_without_data_has_empty_files(bulk: Any) -> None:
    """No header was ever uploaded, so none is told but the added one."""
    job = bulk.create()
    patch(bulk, "ingest", job, "Aborted")
    assert bulk.text(job, "successfulResults") == '"sf__Id","sf__Created"\n'
    assert bulk.text(job, "failedResults") == '"sf__Id","sf__Error"\n'
    assert bulk.text(job, "unprocessedrecords") == ""


# --- the list --------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_by_type(bulk: Any) -> None:
    """Ingest jobs below ingest, query jobs below query, either by ``jobType``; none of the older API."""
    ingested, queried = bulk.create(), bulk.query("SELECT Id FROM User")

    def ids(path: str) -> set[str]:
        answer = bulk.call("GET", path).json()
        assert answer["done"] is True
        return {record["id"] for record in answer["records"]}

    assert ingested["id"] in ids("ingest")
    assert queried["id"] not in ids("ingest")
    assert queried["id"] in ids("query")
    assert ids("query?jobType=V2Ingest") == ids("ingest") == ids("ingest?concurrencyMode=parallel")
    for none in ("ingest?jobType=Classic", "ingest?isPkChunkingEnabled=true", "query?concurrencyMode=serial"):
        assert ids(none) == set()
    assert error(bulk.call("GET", "ingest?jobType=Nope"))[:2] == (400, "API_ERROR")
    listed = bulk.call("GET", "ingest").json()["records"][-1]
    assert list(listed) == [*HEAD, "jobType", "contentUrl", *DIALECT]


def test_a_long_list_comes_in_pages(bulk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job once, also when jobs of earlier pages are deleted in between."""
    monkeypatch.setattr(resources, "JOBS_PER_PAGE", 3)
    jobs = [bulk.query("SELECT Id FROM User") for _ in range(8)]
    wanted = [job["id"] for job in jobs]
    seen: list[str] = []
    path = "/jobs/query?jobType=V2Query"
    while True:
        answer = bulk.http.get(path).json()
        assert len(answer["records"]) <= 3
        seen += [record["id"] for record in answer["records"]]
        if answer["done"]:
            break
        path = answer["nextRecordsUrl"].removeprefix("/services/data/v66.0")
        if wanted[0] in seen and bulk.call("GET", f"query/{wanted[0]}").status_code == 200:
            bulk.call("DELETE", f"query/{wanted[0]}")
    assert [job_id for job_id in seen if job_id in wanted] == wanted
    assert error(bulk.call("GET", "query?queryLocator=nonsense!")) == (
        400, "INVALID_QUERY_LOCATOR", "invalid query locator",
    )  # fmt: skip


# --- allowances ------------------------------------------------------------------------------------------------------


def test_batches_and_query_jobs_count_against_the_day(bulk: Any) -> None:
    """One batch for each 10,000 rows begun, one query job each; query jobs use no batch."""

    def left(name: str) -> int:
        return int(bulk.http.get("/limits").json()[name]["Remaining"])

    batches, queries = left("DailyBulkApiBatches"), left("DailyBulkV2QueryJobs")
    bulk.ingest("Id\n" + "x\n" * 10_001, "delete")
    bulk.query("SELECT Id FROM User")
    assert left("DailyBulkApiBatches") == batches - 2
    assert left("DailyBulkV2QueryJobs") == queries - 1


def test_spent_allowances_are_refused(bulk: Any, org: LocalOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more batches: the job fails and says so, its rows unprocessed. No more query jobs: 400."""
    service = org.instance.bulk
    monkeypatch.setattr(service._batches, "limit", 0)
    monkeypatch.setattr(service._query_jobs, "limit", 0)
    job = bulk.ingest("Name\nx\n")
    assert (job["state"], job["errorMessage"]) == ("Failed", "ExceededQuota : ApiBatchItems Limit exceeded.")
    assert bulk.text(job, "unprocessedrecords") == "Name\nx\n"
    reply = error(bulk.call("POST", "query", json={"operation": "query", "query": "SELECT Id FROM User"}))
    assert reply[:2] == (400, "LIMIT_EXCEEDED")
    assert reply[2].startswith("Max bulk v2 query jobs (0) per 24 hrs has been reached (")


# --- the org's end ---------------------------------------------------------------------------------------------------


def test_jobs_end_with_their_org(tmp_path: Any) -> None:
    """No thread and no file is left, whether a job is done, waiting or under way; no file is there without a job."""
    before = set(threading.enumerate())
    with LocalOrg(sample_data=False, data=tmp_path) as org:
        assert list(tmp_path.glob("bulk-*")) == []
        headers = {"Authorization": f"Bearer {org.access_token}"}
        base = f"{org.instance_url}/services/data/v66.0/jobs"
        with httpx.Client(headers=headers, trust_env=False) as http:
            for rows in (1, 20_000, 20_000):
                job = http.post(f"{base}/ingest", json={"object": "Account", "operation": "insert"}).json()
                data = "Name\n" + "x\n" * rows
                http.put(f"{base}/ingest/{job['id']}/batches", content=data, headers={"Content-Type": "text/csv"})
                http.patch(f"{base}/ingest/{job['id']}", json={"state": "UploadComplete"})
            http.post(f"{base}/query", json={"operation": "query", "query": "SELECT Id FROM Account"})
        assert len(list(tmp_path.glob("bulk-*/750*"))) == 4
    assert list(tmp_path.glob("bulk-*")) == []
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()


def test_who_lacks_the_permission_cannot_delete_for_good(bulk: Any, org: LocalOrg) -> None:
    """hardDelete takes a permission that the administrator's profile has and others have not, by either Bulk API."""
    assert bulk.call("POST", "ingest", json={"object": "Account", "operation": "hardDelete"}).status_code == 200
    instance = org.instance
    values = {"Username": "plain@northwind-tools.example", "LastName": "P", "Email": "p@x.example", "Alias": "p"}
    profile = {"ProfileId": instance.base.profiles["Standard User"], "TimeZoneSidKey": "GMT", "LocaleSidKey": "en_US"}
    more = {"EmailEncodingKey": "UTF-8", "LanguageLocaleKey": "en_US"}
    user_id = instance.records.create(instance.object("User"), {**values, **profile, **more}, instance.user_id)
    token, _ = instance.sessions.issue(user_id, "test", "api")
    reply = bulk.call(
        "POST",
        "ingest",
        json={"object": "Account", "operation": "hardDelete"},
        headers={"Authorization": f"Bearer {token}"},
    )
    message = "hardDelete operation requires special user profile permission, please contact your system administrator"
    assert error(reply) == (400, "FEATURENOTENABLED", message)
    asked = {"object": "Account", "operation": "hardDelete", "contentType": "CSV"}
    older = httpx.post(
        f"{org.instance_url}/services/async/66.0/job",
        json=asked,
        headers={"X-SFDC-Session": token},
        trust_env=False,
    )
    assert older.json() == {"exceptionCode": "FeatureNotEnabled", "exceptionMessage": message}


def test_a_job_is_forgotten_after_a_week(tmp_path: Path) -> None:
    """Seven days after it was last heard of a job and its files are gone, however it ended or not."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    jobs = Jobs(lambda: now, lambda: tmp_path)
    account = build_schema(None).object("Account")
    assert account is not None
    settings = JobSettings("insert", account, Dialect())
    old, open_one = (jobs.create(INGEST, settings, "66.0", "005") for _ in range(2))
    old.abort()
    now += timedelta(days=4)
    open_one.close()
    now += timedelta(days=3, seconds=1)
    assert [job.id for job in jobs.listed()] == [open_one.id]
    with pytest.raises(ApiError, match="does not exist"):
        jobs.find(INGEST, old.id)
    assert [folder.name for folder in tmp_path.iterdir()] == [open_one.id]
    now += timedelta(days=4)
    assert (jobs.listed(), [*tmp_path.iterdir()], open_one.state) == ([], [], "Aborted")
