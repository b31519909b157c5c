"""What tests of the local org share: an org for each file, whoever may speak to it, and clients of bulk jobs.

The org is without sample data. A file that wants it otherwise says so with the mark `local_org`: its options are those
of `LocalOrg`, but that ``schema`` is the text of a schema file.
"""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from rig.local_rest import Rest, bare
from rig.standard_records import SCHEMA, Clock

from sfdata.localorg import LocalOrg
from sfdata.localorg.records.crud import Records
from sfdata.localorg.store import Store, Undo

TERMINAL = {"JobComplete", "Failed", "Aborted"}


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "local_org(**options): the org that a file's tests share")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(clock: Clock) -> Iterator[Records]:
    """Records of the standard objects in a store of the test's own, which has none."""
    store = Store(SCHEMA)
    yield Records(store, clock)
    store.close()


@pytest.fixture(scope="module")
def org(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalOrg]:
    """The org of one file, without sample data but for what its mark says."""
    mark = request.node.get_closest_marker("local_org")
    options = {"sample_data": False} | (mark.kwargs if mark else {})
    if "schema" in options:
        file = tmp_path_factory.mktemp("schema") / "schema.toml"
        file.write_text(options["schema"], encoding="utf-8")
        options["schema"] = file
    with LocalOrg(**options) as running:
        yield running


@pytest.fixture
def undone(org: LocalOrg) -> Iterator[LocalOrg]:
    """The same org for a test whose writes, made by this thread, are undone after it."""
    with suppress(Undo), org.instance.store.transaction():
        yield org
        raise Undo


@pytest.fixture(scope="module")
def web(org: LocalOrg) -> Iterator[Rest]:
    """The administrator."""
    with Rest(org, org.access_token) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(org: LocalOrg) -> Iterator[Rest]:
    """Whoever has nothing to show."""
    with Rest(org) as client:
        yield client


@pytest.fixture(scope="module")
def tester(org: LocalOrg) -> Iterator[Rest]:
    """Whoever has the token of the fault plane."""
    with Rest(org, org.fault_token) as client:
        yield client


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
        return [bare(record) for record in found]


@pytest.fixture(scope="module")
def bulk(org: LocalOrg) -> Iterator[BulkClient]:
    client = BulkClient(org)
    yield client
    client.http.close()


class ClassicClient:
    """Bulk API 1.0 in a few calls. Paths are below ``/services/async/VERSION``; jobs are spoken of in JSON."""

    def __init__(self, org: LocalOrg, version: str = "66.0") -> None:
        self.org = org
        self.version = version
        self.http = httpx.Client(
            base_url=f"{org.instance_url}/services/async/{version}",
            headers={"X-SFDC-Session": org.access_token},
            trust_env=False,
            timeout=30,
        )

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, f"/{path}", **options)

    def create(self, operation: str = "insert", object: str = "Account", form: str = "CSV", **options: Any) -> str:
        """The Id of a new job."""
        headers = options.pop("headers", {})
        body = {"operation": operation, "object": object, "contentType": form, **options}
        reply = self.call("POST", "job", json=body, headers=headers)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def info(self, job: str) -> Any:
        return self.call("GET", f"job/{job}", headers={"Content-Type": "application/json"}).json()

    def change(self, job: str, state: str) -> httpx.Response:
        return self.call("POST", f"job/{job}", json={"state": state})

    def add(self, job: str, data: str | bytes) -> httpx.Response:
        return self.call("POST", f"job/{job}/batch", content=data)

    def batches(self, job: str, states: set[str] | None = None) -> list[dict[str, str]]:
        """The batches of a job when each is in one of these states; by default, when none is to be worked on."""
        wanted = states or {"Completed", "Failed", "NotProcessed"}
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = fields_of_batches(self.call("GET", f"job/{job}/batch"))
            if all(batch["state"] in wanted for batch in found):
                return found
            time.sleep(0.005)
        raise TimeoutError(f"the batches are still {found}")

    def run(self, data: str | bytes, operation: str = "insert", **settings: Any) -> tuple[dict[str, str], str]:
        """The only batch of a new job when it has ended, and its path."""
        job = self.create(operation, **settings)
        assert self.add(job, data).status_code == 201
        (batch,) = self.batches(job)
        return batch, f"job/{job}/batch/{batch['id']}"

    def result(self, data: str | bytes, operation: str = "insert", **settings: Any) -> httpx.Response:
        """What became of the rows of a batch."""
        batch, path = self.run(data, operation, **settings)
        assert batch["state"] == "Completed", batch
        return self.call("GET", f"{path}/result")

    def query(self, soql: str, object: str, form: str = "CSV", operation: str = "query") -> httpx.Response:
        """The rows of a query."""
        batch, path = self.run(soql, operation, object=object, form=form)
        assert batch["state"] == "Completed", batch
        listed = self.call("GET", f"{path}/result")
        (result_id,) = listed.json() if form == "JSON" else re.findall("<result>(.*?)</result>", listed.text)
        return self.call("GET", f"{path}/result/{result_id}")


def fields_of_batches(reply: httpx.Response) -> list[dict[str, str]]:
    """The batches of a list in either form."""
    assert reply.status_code == 200, reply.text
    if reply.headers["Content-Type"] == "application/json":
        return list(reply.json()["batchInfo"])
    infos = re.findall("<batchInfo>(.*?)</batchInfo>", reply.text, re.DOTALL)
    return [dict(re.findall("<(\\w+)>(.*?)</\\1>", info, re.DOTALL)) for info in infos]


@pytest.fixture(scope="module")
def classic(org: LocalOrg) -> Iterator[ClassicClient]:
    client = ClassicClient(org)
    yield client
    client.http.close()
