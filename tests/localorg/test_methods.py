"""Methods and API versions: what a path is asked for, by whatever name, and since when it can be."""

from __future__ import annotations

import pytest
from rig.local_rest import BASE, Rest


def test_rows_are_changed_through_post(web: Rest) -> None:
    """``POST …?_HttpMethod=PATCH`` does what a PATCH would, by Id and by external id; so do GET and DELETE."""
    row = f"{BASE}/sobjects/Account/{web.created('Account', Name='A', Ext__c='K')}"
    assert web.post(f"{row}?_HttpMethod=PATCH", json={"Name": "B"}).status_code == 204
    assert web.post(f"{BASE}/sobjects/Account/Ext__c/K?_HttpMethod=patch", json={"Phone": "1"}).status_code == 200
    read = web.post(f"{row}?fields=Name,Phone&_HttpMethod=GET").json()
    assert (read["Name"], read["Phone"]) == ("B", "1")
    assert web.post(f"{row}?_HttpMethod=DELETE").status_code == 204
    assert web.get(row).status_code == 404


def test_a_method_in_the_query_string_counts_everywhere(web: Rest) -> None:
    """Collections are updated, not created, and a job gets its data, where POST says it means PATCH or PUT."""
    ids = [web.created("Account", Name="A"), web.created("Account", Name="A")]
    records = [{"attributes": {"type": "Account"}, "id": each, "Name": "New"} for each in ids]
    told = web.post(f"{BASE}/composite/sobjects?_HttpMethod=PATCH", json={"records": records}).json()
    assert [item["id"] for item in told if item["success"]] == ids
    assert web.get(f"{BASE}/sobjects/Account/{ids[0]}").json()["Name"] == "New"
    created = web.post(f"{BASE}/jobs/ingest", json={"object": "Account", "operation": "insert"}).json()
    job = f"{BASE}/jobs/ingest/{created['id']}"
    csv = {"Content-Type": "text/csv"}
    assert web.post(f"{job}/batches?_HttpMethod=PUT", content="Name\nA\n", headers=csv).status_code == 201
    assert web.post(f"{job}?_HttpMethod=PATCH", json={"state": "Aborted"}).json()["state"] == "Aborted"


def test_only_post_may_mean_something_else(web: Rest) -> None:
    """A GET stays a GET, whatever its query string says, and a method that does not exist means nothing."""
    row = f"{BASE}/sobjects/Account/{web.created('Account', Name='A')}"
    assert web.get(f"{row}?_HttpMethod=DELETE").status_code == 200
    assert web.post(f"{row}?_HttpMethod=BREW", json={}).status_code == 405
    assert web.get(row).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "sobjects/Account", "HEAD,GET,POST"),
        ("POST", "sobjects/Account/001000000000001AAA", "HEAD,GET,PATCH,DELETE"),
        ("GET", "composite/sobjects", "POST,PATCH,DELETE"),
        ("GET", "jobs/ingest/750000000000001AAA/batches", "PUT"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(web: Rest, method: str, path: str, allowed: str) -> None:
    """405 lists what is allowed in the order that real orgs list it."""
    reply = web.request(method, f"{BASE}/{path}")
    message = f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
    assert (reply.status_code, reply.json()) == (405, [{"message": message, "errorCode": "METHOD_NOT_ALLOWED"}])


@pytest.mark.parametrize(
    ("method", "path", "since"),
    [
        ("POST", "composite/batch", 34),
        ("GET", "parameterizedSearch?q=Acme", 36),
        ("POST", "sobjects/Account/Id", 37),
        ("POST", "composite", 38),
        ("GET", "limits/recordCount", 40),
        ("GET", "jobs/ingest", 41),
        ("DELETE", "composite/sobjects?ids=001000000000001AAA", 42),
        ("PATCH", "composite/sobjects/Account/Ext__c", 46),
        ("GET", "jobs/query", 47),
        ("POST", "composite/graph", 50),
    ],
)
def test_older_versions_do_not_know_newer_resources(web: Rest, method: str, path: str, since: int) -> None:
    """What came with an API version is unknown to the one before it."""
    before, then = (web.request(method, f"/services/data/v{version}.0/{path}") for version in (since - 1, since))
    assert before.status_code in (404, 405)
    assert then.status_code in (200, 400)
