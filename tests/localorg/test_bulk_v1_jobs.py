"""Jobs of Bulk API 1.0: what can be asked of them, in both forms, and how they are refused."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from sfdata.localorg import LocalOrg
from sfdata.localorg.limits import DailyUse

SPACE = "http://www.force.com/2009/06/asyncapi/dataload"
XML = {"Content-Type": "application/xml; charset=UTF-8"}
JSON = {"Content-Type": "application/json"}
ELEMENTS = [
    "id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state", "concurrencyMode",
    "contentType", "numberBatchesQueued", "numberBatchesInProgress", "numberBatchesCompleted", "numberBatchesFailed",
    "numberBatchesTotal", "numberRecordsProcessed", "numberRetries", "apiVersion", "numberRecordsFailed",
    "totalProcessingTime", "apiActiveProcessingTime", "apexProcessingTime",
]  # fmt: skip
"""The elements of a job without a key or a rule, in the order of a recorded answer."""


def job_xml(**values: str) -> str:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><jobInfo xmlns="{SPACE}">{inner}</jobInfo>'


def elements(reply: httpx.Response) -> dict[str, str | None]:
    assert reply.headers["Content-Type"] == "application/xml"
    return {part.tag.removeprefix(f"{{{SPACE}}}"): part.text for part in ElementTree.fromstring(reply.content)}


def error(reply: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of a refusal in JSON."""
    assert reply.headers["Content-Type"] == "application/json"
    body = reply.json()
    assert set(body) == {"exceptionCode", "exceptionMessage"}
    return reply.status_code, body["exceptionCode"], body["exceptionMessage"]


@contextmanager
def busy(org: LocalOrg) -> Iterator[None]:
    """Nothing is written meanwhile: somebody else holds the store."""
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with org.instance.store.lock:
            held.set()
            leave.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    try:
        yield
    finally:
        leave.set()
        thread.join()


# --- creating --------------------------------------------------------------------------------------------------------


def test_a_job_is_told_in_xml_as_recorded(classic: Any) -> None:
    """201 with its address, the elements in their order, times with Z, and no element for what is not there."""
    body = job_xml(operation="insert", object="account", contentType="CSV")
    reply = classic.call("POST", "job", content=body, headers=XML)
    told = elements(reply)
    assert (reply.status_code, list(told)) == (201, ELEMENTS)
    assert reply.headers["Location"] == f"/services/async/66.0/job/{told['id']}"
    assert (told["object"], told["state"], told["concurrencyMode"], told["apiVersion"]) == (
        "Account",
        "Open",
        "Parallel",
        "66.0",
    )
    assert re.fullmatch("750[0-9A-Za-z]{15}", told["id"] or "")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", told["createdDate"] or "")


def test_a_job_is_told_in_json_as_recorded(classic: Any) -> None:
    """Keys by the alphabet, null for what is not there, a number for the version, times with +0000."""
    body = {"operation": "query", "object": "Contact", "contentType": "JSON", "concurrencyMode": "Serial"}
    reply = classic.call("POST", "job", json=body)
    told = reply.json()
    keys = [*ELEMENTS, "assignmentRuleId", "externalIdFieldName", "fastPathEnabled"]
    assert (reply.status_code, list(told)) == (201, sorted(keys))
    assert (told["apiVersion"], told["concurrencyMode"], told["externalIdFieldName"]) == (66.0, "Serial", None)
    assert told["createdDate"].endswith(".000+0000")


@pytest.mark.parametrize(("number", "mode"), [(0, "Parallel"), (1, "Serial")])
def test_a_mode_may_be_a_number_in_json(classic: Any, number: int, mode: str) -> None:
    """As simple-salesforce names it."""
    assert classic.info(classic.create(concurrencyMode=number))["concurrencyMode"] == mode


def test_an_upsert_names_its_key_behind_the_state(classic: Any) -> None:
    """externalIdFieldName stays as it was written."""
    body = job_xml(operation="upsert", object="Account", externalIdFieldName="ext__C", contentType="XML")
    told = elements(classic.call("POST", "job", content=body, headers=XML))
    assert list(told)[6:9] == ["state", "externalIdFieldName", "concurrencyMode"]
    assert (told["externalIdFieldName"], told["contentType"]) == ("ext__C", "XML")


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"object": "Nothing__c"}, (400, "InvalidJob", "Unable to find object: Nothing__c")),
        (
            {"operation": "upsert"},
            (400, "InvalidJob", "External ID was blank for Account. An External ID must be specified for upsert."),
        ),
        ({"operation": "merge"}, (400, "InvalidJob", "Invalid value for operation: merge")),
        ({"operation": []}, (400, "InvalidJob", "Invalid value for operation: []")),
        ({"contentType": {}}, (400, "InvalidJob", "Invalid value for contentType: {}")),
        ({"contentType": "YAML"}, (400, "InvalidJob", "Invalid value for contentType: YAML")),
        ({"concurrencyMode": "Both"}, (400, "InvalidJob", "Invalid value for concurrencyMode: Both")),
        ({"assignmentRuleId": "nonsense"}, (400, "InvalidJob", "Invalid assignment rule id: nonsense")),
        (
            {"contentType": "ZIP_CSV"},
            (501, "FeatureNotEnabled", "The local org does not serve binary attachments (ZIP_CSV) yet."),
        ),
    ],
)
def test_a_job_that_cannot_be_is_refused(classic: Any, changed: Any, refused: Any) -> None:
    """One error, no list of them, with the code that names the fault."""
    body = {"operation": "insert", "object": "Account", "contentType": "CSV", **changed}
    assert error(classic.call("POST", "job", json=body)) == refused


def test_a_refusal_has_the_form_of_the_request(classic: Any) -> None:
    """XML for XML."""
    reply = classic.call("POST", "job", content=job_xml(operation="insert", object="X", contentType="CSV"), headers=XML)
    assert elements(reply) == {"exceptionCode": "InvalidJob", "exceptionMessage": "Unable to find object: X"}
    assert ElementTree.fromstring(reply.content).tag == f"{{{SPACE}}}error"


BOMB = '<!DOCTYPE j [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + job_xml(operation="&b;").partition("?>")[2]
OUTSIDE = (
    f'<!DOCTYPE j [<!ENTITY f SYSTEM "file:///etc/hostname">]><jobInfo xmlns="{SPACE}"><object>&f;</object></jobInfo>'
)


@pytest.mark.parametrize(
    "body",
    [
        BOMB.encode(),
        OUTSIDE.encode(),
        OUTSIDE.encode("utf-16"),
        b"<jobInfo>",
        b"",
        b"\xff\xfe\x00",
        b"<x/>",
        job_xml(operation="insert", object="Account", x="<a>" * 200 + "</a>" * 200).encode(),
        b'<?xml version="1.0" encoding="klingon"?><jobInfo/>',
    ],
)
def test_xml_that_is_broken_or_declares_entities_is_refused(classic: Any, body: bytes) -> None:
    """InvalidXML, in whatever encoding a document type hides."""
    reply = classic.call("POST", "job", content=body, headers=XML)
    assert (reply.status_code, elements(reply)["exceptionCode"]) == (400, "InvalidXML")


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"7", b"\xff", b'{"a":' * 5000])
def test_json_that_is_no_job_is_refused(classic: Any, body: bytes) -> None:
    """ClientInputError, in JSON."""
    assert error(classic.call("POST", "job", content=body, headers=JSON))[:2] == (400, "ClientInputError")


# --- states ----------------------------------------------------------------------------------------------------------


def test_a_closed_job_takes_no_more(classic: Any) -> None:
    """Closing answers the job; then neither a batch nor another close is taken."""
    job = classic.create()
    assert classic.change(job, "Closed").json()["state"] == "Closed"
    assert classic.add(job, "Name\nx\n").status_code == 400
    assert error(classic.change(job, "Closed"))[1:] == (
        "InvalidJobState",
        "Closing already Closed Job not allowed",
    )
    assert error(classic.change(job, "Sleeping"))[:2] == (400, "InvalidJobState")


def test_an_abort_finishes_what_is_under_way_and_skips_the_rest(classic: Any, org: LocalOrg) -> None:
    """As documented: Queued becomes NotProcessed, InProgress is processed to its end; nothing is aborted twice."""
    job = classic.create()
    with busy(org):
        first = classic.add(job, "Name,Ext__c\nx,abort-1\n").text
        second = classic.add(job, "Name,Ext__c\nx,abort-2\n").text
        while classic.info(job)["numberBatchesInProgress"] != 1:
            time.sleep(0.005)
        assert (classic.info(job)["numberBatchesQueued"], "Queued" in first, "Queued" in second) == (1, True, True)
        assert classic.change(job, "Aborted").json()["state"] == "Aborted"
    assert [batch["state"] for batch in classic.batches(job)] == ["Completed", "NotProcessed"]
    assert error(classic.change(job, "Aborted"))[1:] == (
        "InvalidJobState",
        "Aborting already Aborted Job not allowed",
    )


def test_counters_are_sums_over_the_batches(classic: Any) -> None:
    """Batches by state, records processed and failed."""
    job = classic.create()
    for data in ('Name\nx\n""\n', "Name\ny\n", "Nope\nx\n"):
        classic.add(job, data)
    classic.batches(job)
    told = classic.info(job)
    assert {key: value for key, value in told.items() if key.startswith("number")} == {
        "numberBatchesCompleted": 2,
        "numberBatchesFailed": 1,
        "numberBatchesInProgress": 0,
        "numberBatchesQueued": 0,
        "numberBatchesTotal": 3,
        "numberRecordsFailed": 1,
        "numberRecordsProcessed": 3,
        "numberRetries": 0,
    }


# --- paths, sessions, versions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "refused"),
    [
        ("GET", "job/750000000000000AAA", (400, "InvalidJob")),
        ("POST", "job/750000000000000AAA/batch", (400, "InvalidJob")),
        ("GET", "nonsense", (400, "InvalidUrl")),
        ("DELETE", "job", (405, "InvalidUrl")),
        ("GET", "job/750000000000000AAA/spec", (501, "FeatureNotEnabled")),
    ],
)
def test_paths_that_lead_nowhere(classic: Any, method: str, path: str, refused: Any) -> None:
    """Refused in the API's own form, the status among those it documents."""
    assert error(classic.call(method, path, headers=JSON))[:2] == refused


def test_unknown_batches_and_results_are_refused(classic: Any) -> None:
    """InvalidBatch, in the form of the job."""
    job = classic.create(form="JSON")
    assert error(classic.call("GET", f"job/{job}/batch/751000000000000AAA"))[:2] == (400, "InvalidBatch")
    assert error(classic.call("GET", f"job/{job}/batch/nonsense/result/752"))[:2] == (400, "InvalidBatch")


@pytest.mark.parametrize("headers", [{"X-SFDC-Session": "wrong"}, {"X-SFDC-Session": ""}, {}])
def test_without_a_session_nothing_is_told(org: LocalOrg, headers: dict[str, str]) -> None:
    """InvalidSessionId with status 400, by which jsforce knows that it must log in again."""
    url = f"{org.instance_url}/services/async/66.0/job"
    reply = httpx.post(url, headers={**XML, **headers}, content=job_xml(operation="insert"), trust_env=False)
    assert reply.status_code == 400
    assert "<exceptionCode>InvalidSessionId</exceptionCode>" in reply.text


def test_a_bearer_token_is_as_good(classic: Any, org: LocalOrg) -> None:
    """The header of the other APIs serves too; the session of a job is nobody's own."""
    headers = {"Authorization": f"Bearer {org.access_token}", **JSON}
    url = f"{org.instance_url}//services/async/66.0/job/{classic.create()[:15]}"
    assert httpx.get(url, headers=headers, trust_env=False).json()["state"] == "Open"


@pytest.mark.parametrize(("version", "code"), [("20.0", "InvalidVersion"), ("999.0", "InvalidUrl")])
def test_versions_that_are_not_served(classic: Any, org: LocalOrg, version: str, code: str) -> None:
    """Retired or not there yet, refused in the API's own form."""
    url = f"{org.instance_url}/services/async/{version}/job"
    reply = httpx.post(url, headers={**classic.http.headers, **JSON}, json={}, trust_env=False)
    assert error(reply)[:2] == (400, code)


def test_batches_want_the_version_of_their_job(classic: Any, org: LocalOrg) -> None:
    """The version in the path must match the job's, as documented."""
    job = classic.create(form="JSON")
    url = f"{org.instance_url}/services/async/65.0/job/{job}/batch"
    assert error(httpx.get(url, headers=classic.http.headers, trust_env=False))[:2] == (400, "InvalidVersion")


def test_calls_and_batches_count(classic: Any, bulk: Any, org: LocalOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call is an API call, each batch one of the day's; when they are spent, ExceededQuota."""
    used = org.instance.bulk.used["DailyBulkApiBatches"]
    calls = org.instance.usage.used
    job = classic.create(form="JSON")
    classic.add(job, "[{}]")
    assert org.instance.bulk.used["DailyBulkApiBatches"] == used + 1
    assert org.instance.usage.used == calls + 2
    monkeypatch.setattr(org.instance.bulk, "_batches", DailyUse(0))
    assert error(classic.add(job, "[{}]"))[:2] == (400, "ExceededQuota")


def test_the_lists_of_bulk_2_have_these_jobs(classic: Any, bulk: Any) -> None:
    """jobType Classic in both lists, whole by filter; PK chunking and mode are filters too."""
    plain = classic.create(concurrencyMode="Serial")
    chunked = classic.create("query", headers={"Sforce-Enable-PKChunking": "TRUE"})

    def listed(path: str, **parameters: str) -> dict[str, Any]:
        records = bulk.call("GET", path, params=parameters).json()["records"]
        return {record["id"]: record for record in records}

    for path in ("ingest", "query"):
        assert {plain, chunked} <= listed(path).keys()
        assert {plain, chunked} <= listed(path, jobType="Classic").keys()
        assert not {plain, chunked} & listed(path, jobType="V2Ingest").keys()
        assert set(listed(path, isPkChunkingEnabled="true")) == {chunked}
        found = listed(path, concurrencyMode="serial")
        assert {plain, chunked} & found.keys() == {plain}
    record = listed("ingest")[plain]
    assert (record["jobType"], record["state"], record["operation"], record["contentType"]) == (
        "Classic",
        "Open",
        "insert",
        "CSV",
    )


def test_a_job_of_bulk_2_can_be_looked_at(classic: Any, bulk: Any) -> None:
    """GET job/ID tells it as a job with one batch; its batches are no business of this API."""
    job = bulk.ingest('Name\nx\n""\n')
    told = classic.info(job["id"])
    assert (told["state"], told["numberBatchesCompleted"], told["numberBatchesTotal"]) == ("JobComplete", 1, 1)
    assert (told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (2, 1)
    assert error(classic.call("GET", f"job/{job['id']}/batch", headers=JSON))[:2] == (400, "InvalidJob")


def test_the_status_page_shows_them(classic: Any, org: LocalOrg) -> None:
    """Operation, object, state and counts, as of any other job."""
    job = classic.create("insert", "Lead")
    classic.add(job, "LastName,Company\na,b\n,\n")
    classic.batches(job)
    page = httpx.get(org.instance_url, trust_env=False).text
    row = next(row for row in page.split("<tr>") if "<td>Lead</td>" in row)
    assert "<td>insert</td><td>Lead</td><td>Open</td>" in row
    assert row.count("<td class='number'>") == 2


def test_an_org_that_stops_leaves_no_batch_waiting(classic: Any) -> None:
    """Batches that wait or are held up are not processed, and the org's threads end."""
    before = set(threading.enumerate())
    with LocalOrg(sample_data=False) as org:
        client = type(classic)(org)
        job_id = client.create()
        job: Any = org.instance.bulk.jobs.get(job_id)
        stopping = threading.Thread(target=org.stop)
        with busy(org):
            for _ in range(3):
                assert client.add(job_id, "Name\nx\n").status_code == 201
            client.http.close()
            stopping.start()
            while {batch.state for batch in job.batches} != {"NotProcessed"}:
                time.sleep(0.005)
        stopping.join(20)
    assert (job.state, job.processed) == ("Aborted", 0)
    assert set(threading.enumerate()) <= before
