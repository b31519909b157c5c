"""Bulk data at size: they pass through the org in pieces, up and down, and never stand in memory as a whole."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import socket
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sfdata.localorg import LocalOrg
from sfdata.localorg.bulk.dialect import Dialect
from sfdata.localorg.bulk.extract import bulk_query, run_extract
from sfdata.localorg.bulk.ingest import run_ingest
from sfdata.localorg.bulk.settings import JobSettings
from sfdata.localorg.ids import make_id
from sfdata.localorg.limits import DailyUse

MEGABYTE = 1_000_000
SIZE = 30 * MEGABYTE
# What a piece, its compressed form, socket buffers and the client's own blocks may take.
SMALL = 4 * MEGABYTE


@contextmanager
def peak() -> Iterator[list[int]]:
    """The most memory that Python held inside, beyond what it held before."""
    tracemalloc.start()
    measured = [0]
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        yield measured
        measured[0] = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty megabytes of CSV, not too easy to compress."""
    path = tmp_path_factory.mktemp("bulk") / "data.csv"
    with path.open("wb") as file:
        file.write(b"Name,Description\n")
        number = 0
        while file.tell() < SIZE:
            digest = hashlib.sha256(str(number).encode()).hexdigest().encode()
            file.write(b"Firm %d,%s\n" % (number, digest * 8))
            number += 1
    return path


@contextmanager
def sent(bulk: Any, method: str, path: str, body: Any = None, **headers: str) -> Iterator[http.client.HTTPResponse]:
    """A request by the standard library, which sends files in small blocks and reads answers as they come."""
    parts = urlsplit(str(bulk.http.base_url))
    token = {"Authorization": bulk.http.headers["Authorization"]}
    with closing(http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)) as connection:
        connection.request(method, f"{parts.path}jobs/{path}", body, {**token, **headers})
        with connection.getresponse() as reply:
            yield reply


def digest(reply: http.client.HTTPResponse) -> str:
    """The SHA-256 of a body, unpacked if need be, read in pieces."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32) if reply.getheader("Content-Encoding") == "gzip" else None
    total = hashlib.sha256()
    while piece := reply.read(64 * 1024):
        total.update(unpack.decompress(piece) if unpack else piece)
    return total.hexdigest()


def test_an_upload_goes_to_disk_and_comes_back(bulk: Any, data: Path) -> None:
    """Thirty megabytes up and, after an abort, down again, plain and compressed: the same bytes, in small memory."""
    job = bulk.create()["id"]
    headers = {"Content-Type": "text/csv", "Content-Length": str(data.stat().st_size)}
    with peak() as up, data.open("rb") as file, sent(bulk, "PUT", f"ingest/{job}/batches", file, **headers) as reply:
        assert reply.status == 201
    assert up[0] < SMALL
    bulk.call("PATCH", f"ingest/{job}", json={"state": "Aborted"})
    wanted = hashlib.sha256(data.read_bytes()).hexdigest()
    for encoding in ("identity", "gzip"):
        accepts = {"Accept-Encoding": encoding}
        with peak() as down, sent(bulk, "GET", f"ingest/{job}/unprocessedrecords", **accepts) as reply:
            assert digest(reply) == wanted
        assert down[0] < SMALL


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_upload_in_chunks_goes_to_disk(bulk: Any, data: Path, encoding: str) -> None:
    """Transfer-Encoding: chunked, with or without compression: for clients that do not know the length beforehand."""
    job = bulk.create()["id"]

    def pieces() -> Iterator[bytes]:
        pack = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        with data.open("rb") as file:
            while piece := file.read(256 * 1024):
                yield pack.compress(piece) if encoding == "gzip" else piece
        if encoding == "gzip":
            yield pack.flush()

    headers = {"Content-Type": "text/csv", "Content-Encoding": encoding}
    body = filter(None, pieces())
    with peak() as up, sent(bulk, "PUT", f"ingest/{job}/batches", body, **headers) as reply:
        assert reply.status == 201
    assert up[0] < SMALL
    bulk.call("PATCH", f"ingest/{job}", json={"state": "Aborted"})
    wanted = hashlib.sha256(data.read_bytes()).hexdigest()
    with sent(bulk, "GET", f"ingest/{job}/unprocessedrecords") as reply:
        assert digest(reply) == wanted


def test_an_upload_that_breaks_off_leaves_the_job_open(bulk: Any) -> None:
    """A client that goes away in the middle has uploaded nothing, and may try again."""
    job = bulk.create()["id"]
    parts = urlsplit(str(bulk.http.base_url))
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=10) as connection:
        head = (
            f"PUT {parts.path}jobs/ingest/{job}/batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
            f"Authorization: {bulk.http.headers['Authorization']}\r\nContent-Length: 1000\r\n\r\nName\n"
        )
        connection.sendall(head.encode())
    assert bulk.call("GET", f"ingest/{job}").json()["state"] == "Open"
    headers = {"Content-Type": "text/csv"}
    assert bulk.call("PUT", f"ingest/{job}/batches", content=b"Name\nx\n", headers=headers).status_code == 201


def test_too_much_data_are_refused(bulk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond 150 MB as base64 the upload is refused, and the job can take a smaller one."""
    monkeypatch.setattr("sfdata.localorg.bulk.resources.MOST_DATA_BYTES", 20)
    job, headers = bulk.create()["id"], {"Content-Type": "text/csv"}
    assert bulk.call("PUT", f"ingest/{job}/batches", content=b"x" * 21, headers=headers).status_code == 413
    assert bulk.call("PUT", f"ingest/{job}/batches", content=b"Name\n" + b"x" * 15, headers=headers).status_code == 201


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_head_announces_results_without_sending_them(bulk: Any, encoding: str) -> None:
    """The headers of GET, no body, and the connection stays good for the next request."""
    job = bulk.query("SELECT Id, Name, Username, Email, ProfileId, CreatedDate, SystemModstamp FROM User")
    head = bulk.call("HEAD", f"query/{job['id']}/results", headers={"Accept-Encoding": encoding})
    get = bulk.page(job)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Sforce-NumberOfRecords"] == get.headers["Sforce-NumberOfRecords"]
    if encoding == "identity":
        assert head.headers["Content-Length"] == str(len(get.content))


def test_old_clients_get_results_with_their_length(bulk: Any) -> None:
    """HTTP/1.0 knows no chunks: what it is sent is neither chunked nor compressed."""
    job = bulk.query("SELECT Id, Name, Username, Email, ProfileId, CreatedDate, SystemModstamp FROM User")
    parts = urlsplit(str(bulk.http.base_url))
    request = (
        f"GET {parts.path}jobs/query/{job['id']}/results HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n"
        f"Authorization: {bulk.http.headers['Authorization']}\r\n\r\n"
    )
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=10) as connection:
        connection.sendall(request.encode())
        reply = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert body == bulk.page(job).content


def test_the_memory_of_a_query_does_not_grow_with_its_rows() -> None:
    """Four times the rows take about the same memory, and every row is there."""
    peaks = []
    with LocalOrg(sample_data=False) as org:
        instance, account = org.instance, org.instance.object("Account")
        for first, last in ((0, 10_000), (10_000, 40_000)):
            rows = ((make_id("001", n), f"Firm {n}", org.user_id) for n in range(first, last))
            instance.store.bulk_load(account, ["Id", "Name", "OwnerId"], rows)
            soql = "SELECT Id, Name, Owner.Name FROM Account"
            query = bulk_query(instance.engine, soql, org.user_id, include_deleted=False, version=66.0)
            job = instance.bulk.create_query(JobSettings("query", account, Dialect()), "66.0", org.user_id)
            job.begin()
            with peak() as used:
                run_extract(job, query, instance.store)
            peaks.append(used[0])
            assert job.processed == last
            assert (job.folder / "rows.csv").read_bytes().count(b"\n") == last + 1
    assert peaks[1] < 1.3 * peaks[0]


def test_the_memory_of_an_ingest_does_not_grow_with_its_rows() -> None:
    """Four times the rows are checked, written and told of in about the same memory."""
    peaks = []
    with LocalOrg(sample_data=False) as org:
        instance, settings = org.instance, JobSettings("insert", org.instance.object("Account"), Dialect())
        for rows in (1_000, 4_000):
            job = instance.bulk.create_ingest(settings, "66.0", org.user_id)
            job.data.write_text("Name,Description\n" + "".join(f"Firm {n},{n:0200}\n" for n in range(rows)))
            job.close()
            with peak() as used:
                run_ingest(job, instance.records, DailyUse(1_000))
            peaks.append(used[0])
            assert (job.state, job.processed, job.failed) == ("JobComplete", rows, 0)
    assert peaks[1] < 1.3 * peaks[0]


def test_a_compressed_upload_cannot_blow_up(bulk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to more than a body may have is refused while it is unpacked."""
    monkeypatch.setattr("sfdata.localorg.server.MOST_BODY_BYTES", MEGABYTE)
    job = bulk.create()["id"]
    headers = {"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    bomb = gzip.compress(b"x" * (20 * MEGABYTE))
    assert bulk.call("PUT", f"ingest/{job}/batches", content=bomb, headers=headers).status_code == 413
