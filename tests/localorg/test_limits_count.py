"""Allowances that go down: calls by app, calls at a time, storage."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from rig.local_rest import BASE, Rest

from sfdata.errors import ConfigurationError
from sfdata.localorg import LocalOrg
from sfdata.localorg.answers import ApiError
from sfdata.localorg.limits import ApiUsage

CONCURRENT = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."


@pytest.fixture
def org() -> Iterator[LocalOrg]:
    with LocalOrg(sample_data=False) as running:
        yield running


@pytest.fixture
def web(org: LocalOrg) -> Iterator[Rest]:
    with Rest(org) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def app_session(org: LocalOrg, web: Rest) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_id": org.client_id, "client_secret": org.client_secret}
    return bearer(web.post("/services/oauth2/token", data=form).json()["access_token"])


def limits(org: LocalOrg, web: Rest) -> dict[str, Any]:
    answer: dict[str, Any] = web.get(f"{BASE}/limits", headers=bearer(org.access_token)).json()
    return answer


def test_an_apps_calls_are_counted_beside_the_orgs() -> None:
    """Where apps have an allotment, a session through one sees both numbers and may use no more of them than that."""
    with (
        LocalOrg(sample_data=False, app_requests=2) as org,
        Rest(org) as web,
    ):
        own, app = bearer(org.access_token), app_session(org, web)
        replies = [web.get(BASE, headers=session) for session in (own, app, own, app, app, own)]
    assert [reply.headers["Sforce-Limit-Info"] for reply in replies] == [
        "api-usage=1/15000",
        "api-usage=2/15000; per-app-api-usage=1/2(appName=Local App)",
        "api-usage=3/15000",
        "api-usage=4/15000; per-app-api-usage=2/2(appName=Local App)",
        "api-usage=4/15000; per-app-api-usage=2/2(appName=Local App)",
        "api-usage=5/15000",
    ]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 200, 403, 200]
    assert replies[4].json()[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


def test_apps_without_an_allotment_see_only_the_orgs_calls() -> None:
    """django-salesforce splits the header at its one equals sign, as orgs send it that allot apps nothing."""
    usage = ApiUsage(250)
    usage.count("sample app")
    assert usage.header("sample app") == "api-usage=1/250"


def test_an_apps_header_is_readable_by_the_documented_pattern() -> None:
    """Name and numbers come out by the pattern that simple-salesforce looks for."""
    usage = ApiUsage(1000, per_app=250)
    usage.count()
    usage.count("sample app")
    found = re.match(r".+per-app-api-usage=(?P<u>\d+)/(?P<t>\d+)\(appName=(?P<n>.+)\)", usage.header("sample app"))
    assert found is not None
    assert found.groupdict() == {"u": "1", "t": "250", "n": "sample app"}


def test_parts_of_a_batch_count_for_its_app() -> None:
    """Each subrequest is a call of the org and of the app; whatever the first of them makes of it."""
    parts = [{"method": "GET", "url": "v66.0/limits"}] * 3
    with (
        LocalOrg(sample_data=False, app_requests=100) as org,
        Rest(org) as web,
    ):
        reply = web.post(f"{BASE}/composite/batch", headers=app_session(org, web), json={"batchRequests": parts})
    org_calls, app_calls = re.findall(r"usage=(\d+)/", reply.headers["Sforce-Limit-Info"])
    assert org_calls == app_calls
    assert int(app_calls) >= 3


def test_an_apps_calls_end_with_their_day() -> None:
    """The window rolls for each app too."""
    now = [1_000_000 * 3600.0]
    usage = ApiUsage(10, lambda: now[0], per_app=10)
    usage.count("app")
    now[0] += 23 * 3600
    usage.count("app")
    assert usage.header("app") == "api-usage=2/10; per-app-api-usage=2/10(appName=app)"
    now[0] += 3600
    assert usage.header("app") == "api-usage=1/10; per-app-api-usage=1/10(appName=app)"


def test_rows_are_not_counted_while_some_are_written(org: LocalOrg, web: Rest) -> None:
    """Whoever asks for limits waits for a write under way to end, and then counts what it wrote."""
    instance = org.instance
    with ThreadPoolExecutor(1) as others:
        with instance.store.transaction():
            asked = others.submit(limits, org, web)
            with pytest.raises(TimeoutError):
                asked.result(0.2)
            for number in range(600):
                instance.records.create(instance.object("Account"), {"Name": str(number)}, org.user_id)
        assert asked.result(10)["DataStorageMB"] == {"Max": 1024, "Remaining": 1023}


def test_calls_at_a_time_are_limited_on_demand() -> None:
    """Of five that come together two are answered and three refused, which costs nothing; later calls are answered."""
    with (
        LocalOrg(sample_data=False, concurrent_requests=2, latency=500) as org,
        Rest(org, org.access_token) as web,
        ThreadPoolExecutor(5) as pool,
    ):
        replies = list(pool.map(lambda _: web.get(BASE), range(5)))
        assert sorted(reply.status_code for reply in replies) == [200, 200, 403, 403, 403]
        refused = next(reply for reply in replies if reply.status_code == 403)
        assert refused.json() == [{"message": CONCURRENT, "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
        assert web.get("/services/data").status_code == 200
        assert web.get(BASE).headers["Sforce-Limit-Info"] == "api-usage=3/15000"


def test_a_place_is_free_again_after_an_error() -> None:
    """However a call ends."""
    usage = ApiUsage(10, concurrent=1)
    with pytest.raises(ZeroDivisionError), usage.under_way():
        raise ZeroDivisionError
    with usage.under_way(), pytest.raises(ApiError, match="ConcurrentRequests"), usage.under_way():
        pass
    with usage.under_way():
        pass


def test_data_storage_goes_down_by_two_kilobytes_a_row(org: LocalOrg, web: Rest) -> None:
    """The standard price book and 511 accounts are a megabyte; deleted ones take none, campaigns four times as much."""
    instance = org.instance
    account, campaign = instance.object("Account"), instance.object("Campaign")
    before = limits(org, web)["DataStorageMB"]
    assert before["Remaining"] == before["Max"]
    with instance.store.transaction():
        ids = [instance.records.create(account, {"Name": str(n)}, org.user_id) for n in range(510)]
    assert limits(org, web)["DataStorageMB"]["Remaining"] == before["Max"]
    ids.append(instance.records.create(account, {"Name": "511"}, org.user_id))
    assert limits(org, web)["DataStorageMB"] == {"Max": before["Max"], "Remaining": before["Max"] - 1}
    instance.records.delete(account, ids[0], org.user_id)
    assert limits(org, web)["DataStorageMB"]["Remaining"] == before["Max"]
    with instance.store.transaction():
        for n in range(128):
            instance.records.create(campaign, {"Name": str(n)}, org.user_id)
    assert limits(org, web)["DataStorageMB"]["Remaining"] == before["Max"] - 1


def test_file_storage_goes_down_by_the_files_size(org: LocalOrg, web: Rest) -> None:
    """A megabyte and a half of files takes one whole megabyte."""
    before = limits(org, web)["FileStorageMB"]["Remaining"]
    account = org.instance.records.create(org.instance.object("Account"), {"Name": "Acme"}, org.user_id)
    body = {"Name": "a.bin", "ParentId": account, "Body": "AAAA" * (1024 * 512 // 4 * 4 // 3)}
    for _ in range(3):
        reply = web.post(f"{BASE}/sobjects/Attachment", headers=bearer(org.access_token), json=body)
        assert reply.status_code == 201, reply.text
    assert limits(org, web)["FileStorageMB"]["Remaining"] == before - 1


@pytest.mark.parametrize("value", [0, -1])
def test_no_calls_at_a_time_is_no_setting(value: int) -> None:
    """At least one."""
    with pytest.raises(ConfigurationError, match="concurrent_requests must be above 0"):
        LocalOrg(concurrent_requests=value)


# --- allowances of another size --------------------------------------------------------------------------------------


def test_allowances_can_be_stated_otherwise() -> None:
    """What is set is what the limits resource tells; all others stay."""
    with (
        LocalOrg(sample_data=False, limits={"DailyApiRequests": 40, "SingleEmail": 3}) as org,
        Rest(org) as web,
    ):
        told = limits(org, web)
    assert told["DailyApiRequests"] == {"Max": 40, "Remaining": 39}
    assert (told["SingleEmail"]["Max"], told["MassEmail"]["Max"]) == (3, 10)


def test_no_row_is_added_to_a_full_org() -> None:
    """A megabyte holds 512 rows of two kilobytes, the price book one of them; then none is added, whichever way, until
    one is deleted."""
    with (
        LocalOrg(sample_data=False, limits={"DataStorageMB": 1}) as org,
        Rest(org, org.access_token) as web,
    ):
        instance = org.instance
        with instance.store.transaction():
            account = instance.object("Account")
            rows = [instance.records.create(account, {"Name": str(n)}, org.user_id) for n in range(510)]
        assert web.post(f"{BASE}/sobjects/Account", json={"Name": "the last"}).status_code == 201
        full = [{"message": "storage limit exceeded", "errorCode": "STORAGE_LIMIT_EXCEEDED", "fields": []}]
        assert web.post(f"{BASE}/sobjects/Account", json={"Name": "A"}).json() == full
        upload = {"records": [{"attributes": {"type": "Account"}, "Name": "A"}]}
        (item,) = web.post(f"{BASE}/composite/sobjects", json=upload).json()
        assert (item["success"], item["errors"][0]["statusCode"]) == (False, "STORAGE_LIMIT_EXCEEDED")
        assert web.patch(f"{BASE}/sobjects/Account/{rows[0]}", json={"Name": "changed"}).status_code == 204
        assert web.delete(f"{BASE}/sobjects/Account/{rows[0]}").status_code == 204
        assert web.post(f"{BASE}/sobjects/Account", json={"Name": "A"}).status_code == 201


def test_files_have_room_of_their_own() -> None:
    """A full data storage takes files, and a full file storage rows."""
    with (
        LocalOrg(sample_data=False, limits={"FileStorageMB": 1}) as org,
        Rest(org, org.access_token) as web,
    ):
        file = {"Title": "f", "PathOnClient": "f.bin", "VersionData": b64encode(bytes(2**20)).decode()}
        replies = [web.post(f"{BASE}/sobjects/ContentVersion", json=file) for _ in range(2)]
        assert [reply.status_code for reply in replies] == [201, 400]
        assert replies[1].json()[0]["errorCode"] == "STORAGE_LIMIT_EXCEEDED"
        assert web.post(f"{BASE}/sobjects/Account", json={"Name": "A"}).status_code == 201


def test_bulk_jobs_end_with_the_days_allowance() -> None:
    """A query job too many is refused with LIMIT_EXCEEDED; an upload fails where the day's batches are spent."""
    with (
        LocalOrg(sample_data=False, limits={"DailyBulkV2QueryJobs": 1, "DailyBulkApiBatches": 0}) as org,
        Rest(org, org.access_token) as web,
    ):
        asked = {"operation": "query", "query": "SELECT Id FROM Account"}
        assert web.post(f"{BASE}/jobs/query", json=asked).status_code == 200
        message = "Max bulk v2 query jobs (1) per 24 hrs has been reached (1)"
        assert web.post(f"{BASE}/jobs/query", json=asked).json() == [
            {"message": message, "errorCode": "LIMIT_EXCEEDED"}
        ]
        job = web.post(f"{BASE}/jobs/ingest", json={"object": "Account", "operation": "insert"}).json()["id"]
        web.put(f"{BASE}/jobs/ingest/{job}/batches", content="Name\nA\n", headers={"Content-Type": "text/csv"})
        web.patch(f"{BASE}/jobs/ingest/{job}", json={"state": "UploadComplete"})
        while (info := web.get(f"{BASE}/jobs/ingest/{job}").json())["state"] not in ("JobComplete", "Failed"):
            time.sleep(0.01)
    assert (info["state"], info["errorMessage"]) == ("Failed", "ExceededQuota : ApiBatchItems Limit exceeded.")


def test_a_name_that_is_no_allowance_is_refused_with_its_neighbour() -> None:
    """A slip of the pen is told with what was probably meant."""
    with pytest.raises(ConfigurationError, match=r"'DailyApiRequest' \(did you mean 'DailyApiRequests'\?\)"):
        LocalOrg(limits={"DailyApiRequest": 5})
