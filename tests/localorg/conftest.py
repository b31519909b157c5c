"""What tests of bulk jobs share: a client that speaks plain HTTP and reads results with the standard library."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sfdata.localorg import LocalOrg

TERMINAL = {"JobComplete", "Failed", "Aborted"}


class BulkClient:
    """Bulk API 2.0 in a few calls. Paths are below ``jobs``; ``version`` is that of every call."""

    def __init__(self, org: LocalOrg, version: str = "66.0") -> None:
        self.org = org
        self.http = httpx.Client(
            base_url=f"{org.instance_url}/services/data/v{version}",
            headers={"Authorization": f"Bearer {org.access_token}"},
            trust_env=False,
            timeout=30,
        )

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, f"/jobs/{path}", **options)

    def create(self, operation: str = "insert", object: str = "Account", **settings: str) -> dict[str, Any]:
        reply = self.call("POST", "ingest", json={"operation": operation, "object": object, **settings})
        assert reply.status_code == 200, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    def ingest(self, data: str | bytes, operation: str = "insert", object: str = "Account", **settings: str) -> Any:
        """The information on a job when it has ended."""
        job = self.create(operation, object, **settings)
        put = self.call("PUT", f"ingest/{job['id']}/batches", content=data, headers={"Content-Type": "text/csv"})
        assert (put.status_code, put.content) == (201, b"")
        self.call("PATCH", f"ingest/{job['id']}", json={"state": "UploadComplete"})
        return self.wait("ingest", job["id"])

    def query(self, soql: str, operation: str = "query", **settings: str) -> Any:
        """The information on a query job when it has ended."""
        reply = self.call("POST", "query", json={"operation": operation, "query": soql, **settings})
        assert reply.status_code == 200, reply.text
        return self.wait("query", reply.json()["id"])

    def wait(self, kind: str, job_id: str, states: set[str] = TERMINAL) -> Any:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            info = self.call("GET", f"{kind}/{job_id}").json()
            if info["state"] in states:
                return info
            time.sleep(0.005)
        raise TimeoutError(f"the job is still {info['state']}")

    def text(self, job: dict[str, Any], name: str) -> str:
        reply = self.call("GET", f"ingest/{job['id']}/{name}")
        assert reply.status_code == 200, reply.text
        return reply.text

    def rows(self, job: dict[str, Any], name: str) -> list[dict[str, str]]:
        """The rows of a result file (a comma and LF dialect)."""
        return list(csv.DictReader(io.StringIO(self.text(job, name), newline="")))

    def page(self, job: dict[str, Any], **parameters: str | int) -> httpx.Response:
        return self.call("GET", f"query/{job['id']}/results", params=parameters)

    def records(self, soql: str) -> list[dict[str, Any]]:
        """The records of a REST query: what the org holds, seen past the Bulk API."""
        found: list[dict[str, Any]] = self.http.get("/query", params={"q": soql}).json()["records"]
        return [{key: value for key, value in record.items() if key != "attributes"} for record in found]


@pytest.fixture(scope="module")
def bulk_org() -> Iterator[LocalOrg]:
    with LocalOrg(sample_data=False) as running:
        yield running


@pytest.fixture(scope="module")
def bulk(bulk_org: LocalOrg) -> Iterator[BulkClient]:
    client = BulkClient(bulk_org)
    yield client
    client.http.close()
