"""A plain server of static pages, in a process of its own: an org that costs nothing but the wire.

    python benchmarks/pages.py '{"kind": "rest", "rows": 200000, "gzipped": true, "latency_ms": 100, "mbit": 20}'

Every answer is built before the first request and lies in memory. The server answers over HTTP/1.1 with keep-alive;
each answer may take its time, and all connections may share one link. It serves until its standard input ends; its
address is the one line on its standard output. ``GET /calls`` tells how many requests came since it was last asked.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import deals

SLICE_BYTES = 8_192
BURST_SECONDS = 0.003
PAGES_AT_ONCE = 5
JSON = "application/json;charset=UTF-8"
CSV = "text/csv;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Served:
    """What a server has and how fast it is.

    Attributes:
        kind: ``"rest"`` serves 2,000 rows a page, ``"bulk"`` the results of a query job, 250,000 rows a page.
        latency_ms: how long each answer takes before its first byte.
        mbit: what all connections together transfer in a second; 0 for no limit.
    """

    kind: str
    rows: int
    gzipped: bool = True
    latency_ms: float = 0
    mbit: float = 0


# --- what is served --------------------------------------------------------------------------------------------------


def answers(served: Served) -> dict[str, bytes]:
    """Every answer by its method and path, a page of a job's results also by its locator."""
    make = {"rest": rest_answers, "bulk": bulk_answers}[served.kind]
    made = {f"GET {path}": message(body, JSON, gzipped=served.gzipped) for path, body in deals.describes()}
    return made | make(served.rows, served.gzipped)


def rest_answers(rows: int, gzipped: bool) -> dict[str, bytes]:
    make = deals.rest_page(rows)

    def answer(start: int) -> tuple[str, bytes]:
        path, body = make(start)
        return f"GET {path}", message(body, JSON, gzipped=gzipped)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # compression lets other threads work
        return dict(pool.map(answer, range(0, rows, deals.REST_PAGE_ROWS)))


def bulk_answers(rows: int, gzipped: bool) -> dict[str, bytes]:
    make = deals.bulk_page(rows)
    starts = range(0, rows, deals.BULK_PAGE_ROWS)
    results = f"{deals.JOB}/results"

    def answer(start: int) -> tuple[str, bytes]:
        stop = min(start + deals.BULK_PAGE_ROWS, rows)
        told = {"Sforce-Locator": str(stop) if stop < rows else "null", "Sforce-NumberOfRecords": str(stop - start)}
        return f"GET {results}?locator={start}", message(make(start), CSV, gzipped=gzipped, headers=told)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = dict(pool.map(answer, starts))
    made[f"GET {results}"] = made[f"GET {results}?locator=0"]
    for first in range(0, len(starts), PAGES_AT_ONCE):
        here, rest = starts[first : first + PAGES_AT_ONCE], starts[first + PAGES_AT_ONCE :]
        told = {"resultPages": [{"resultUrl": f"{results}?locator={start}"} for start in here], "done": not rest}
        following = {"nextRecordsUrl": f"{deals.JOB}/resultPages?locator={rest[0]}"} if rest else {}
        at = f"?locator={here[0]}" if first else ""
        made[f"GET {deals.JOB}/resultPages{at}"] = message(json.dumps(told | following).encode(), JSON)
    made[f"POST {deals.DATA}/jobs/query"] = message(deals.bulk_job(rows, "UploadComplete"), JSON)
    made[f"GET {deals.JOB}"] = message(deals.bulk_job(rows, "JobComplete"), JSON)
    made[f"DELETE {deals.JOB}"] = b"HTTP/1.1 204 No Content\r\n\r\n"
    return made


def message(
    body: bytes,
    content_type: str,
    *,
    status: str = "200 OK",
    gzipped: bool = False,
    headers: dict[str, str] | None = None,
) -> bytes:
    """A whole answer as it goes over the wire."""
    content = gzip.compress(body, 6) if gzipped else body
    told = {"Content-Type": content_type, "Content-Length": str(len(content)), **(headers or {})}
    if gzipped:
        told["Content-Encoding"] = "gzip"
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


# --- how it is served ------------------------------------------------------------------------------------------------


class Link:
    """What all connections share: a bucket that fills with the link's speed and holds a few milliseconds of it."""

    def __init__(self, mbit: float) -> None:
        self._bytes_per_second = mbit * 1e6 / 8
        self._lock = threading.Lock()
        self._free_at = 0.0

    def send(self, connection: socket.socket, content: bytes) -> None:
        """Send in small slices, so that connections take turns; each waits until the link has carried it."""
        if not self._bytes_per_second:
            connection.sendall(content)
            return
        view = memoryview(content)
        for start in range(0, len(view), SLICE_BYTES):
            part = view[start : start + SLICE_BYTES]
            with self._lock:
                now = time.monotonic()
                self._free_at = max(self._free_at, now - BURST_SECONDS) + len(part) / self._bytes_per_second
                delay = self._free_at - now
            if delay > 0:
                time.sleep(delay)
            connection.sendall(part)


class PageServer:
    """Answers on a port of its own, each connection on a thread."""

    def __init__(self, served: Served) -> None:
        self._answers = answers(served)
        self._latency_seconds = served.latency_ms / 1000
        self._link = Link(served.mbit)
        self._lock = threading.Lock()
        self._calls = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection, connection.makefile("rb") as asked:
                while request := asked.readline():
                    method, target, _ = request.decode().split()
                    _read_rest(asked)
                    if target == "/calls":
                        connection.sendall(self._counted())
                        continue
                    with self._lock:
                        self._calls += 1
                    time.sleep(self._latency_seconds)
                    self._link.send(connection, self._answer(method, target))
        except ConnectionError:
            pass  # the other side has what it wanted

    def _answer(self, method: str, target: str) -> bytes:
        url = urlsplit(target)
        options = parse_qs(url.query)
        if int(options.get("maxRecords", [deals.BULK_PAGE_ROWS])[0]) < deals.BULK_PAGE_ROWS:
            return _refusal(
                "400 Bad Request", "ILLEGAL_QUERY_PARAMETER_VALUE", "pages of this server are not cut smaller"
            )
        locator = f"?locator={options['locator'][0]}" if "locator" in options else ""
        found = self._answers.get(f"{method} {url.path.rstrip('/')}{locator}")
        return found or _refusal("404 Not Found", "NOT_FOUND", "The requested resource does not exist")

    def _counted(self) -> bytes:
        with self._lock:
            calls, self._calls = self._calls, 0
        return message(json.dumps(calls).encode(), JSON)


def _read_rest(asked: IO[bytes]) -> None:
    """The rest of a request, which changes nothing here."""
    length = 0
    while line := asked.readline().strip():
        if found := re.fullmatch(rb"content-length:\s*(\d+)", line, re.IGNORECASE):
            length = int(found[1])
    asked.read(length)


def _refusal(status: str, code: str, text: str) -> bytes:
    return message(json.dumps([{"errorCode": code, "message": text}]).encode(), JSON, status=status)


# --- for whoever measures --------------------------------------------------------------------------------------------


@contextmanager
def running(served: Served) -> Iterator[str]:
    """The address of such a server, which runs in a process of its own until the block ends."""
    command = [sys.executable, __file__, json.dumps(asdict(served))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def calls(url: str) -> int:
    """How many requests the server at ``url`` was sent since it was last asked."""
    with urlopen(f"{url}/calls") as answer:
        return int(json.load(answer))


if __name__ == "__main__":
    print(PageServer(Served(**json.loads(sys.argv[1]))).url, flush=True)
    sys.stdin.read()
