"""How the local org does at size, each figure beside the least that anybody could take for it, in one run.

    python benchmarks/localorg.py                    # a million accounts
    python benchmarks/localorg.py --rows 50000

The accounts are loaded into a file, which an org in a process of its own then serves. What is read is held against
SQLite's own scan of the same table, what is sent against a socket and a file, simple-salesforce against the bytes of
the same pages. Memory is told where the system tells it (Linux).
"""

from __future__ import annotations

import argparse
import csv
import http.client
import json
import os
import platform
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from sfdata.localorg import LocalOrg
from sfdata.localorg.ids import make_id

BASE = "/services/data/v66.0"
CSV = {"Content-Type": "text/csv"}
PIECE = 256 * 1024
PAGE_ROWS = 2_000
MB = 1_000_000
MOST_TYPED_ROWS = 100_000
"""As many rows simple-salesforce reads: it takes its time."""

SCANNED = (
    "Id", "Name", "Ext__c", "Industry", "Type", "Website", "Phone", "BillingCity", "BillingCountry", "AnnualRevenue",
    "NumberOfEmployees", "Description", "OwnerId", "CreatedDate", "SystemModstamp",
)  # fmt: skip
SENT = (
    "Name", "Ext__c", "Industry", "Type", "Website", "Phone", "BillingCity", "BillingCountry", "AnnualRevenue",
    "NumberOfEmployees", "SLAExpirationDate__c", "Description",
)  # fmt: skip
SOQL = f"SELECT {', '.join(SCANNED)} FROM Account"
SQL = f"""SELECT {", ".join(f'"{name}"' for name in SCANNED)} FROM "Account" WHERE "IsDeleted" = 0"""

INDUSTRIES = ("Energy", "Banking", "Retail", "Education", "Media")
CITIES = ("Lyon", "Porto", "Gdańsk", "Leeds")
MOMENT = "2026-03-04T05:06:07.000+0000"


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the table: what was done, to how much (rows or bytes), how long it took; and beside what."""

    what: str
    amount: float
    unit: str
    seconds: float
    beside: str = ""
    floor: float = 0.0
    note: str = ""

    def line(self) -> str:
        """The line in Markdown; the ratio is how many times as long it took as what it is held against."""
        each = f"{self.amount / self.seconds:,.0f} {self.unit}/s"
        ratio = f"{self.seconds / self.floor:.1f}" if self.floor else ""
        return f"| {self.what} | {self.seconds:.2f} s | {each} | {self.beside} | {ratio} | {self.note} |"


# --- rows ------------------------------------------------------------------------------------------------------------


def account(number: int, owner_id: str) -> tuple[Any, ...]:
    """An account as the table has it, in the order of `SCANNED`."""
    return (
        make_id("001", number + 1), f"Granite Works {number}", f"P-{number:09}", INDUSTRIES[number % 5], "Customer",
        f"https://www.example.com/{number}", f"+33 {number}", CITIES[number % 4], "France", float(number % 100_000),
        number % 5_000, f"Account number {number}, made to be counted", owner_id, MOMENT, MOMENT,
    )  # fmt: skip


def csv_file(path: Path, rows: int, tag: str = "N") -> Path:
    """New accounts as an upload has them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(SENT) + "\n")
        for n in range(rows):
            texts = f"Granite Works {n},{tag}-{n:09},{INDUSTRIES[n % 5]},Customer,https://www.example.com/{n},+33 {n}"
            numbers = f"{n % 100_000},{n % 5_000},2026-05-01"
            file.write(f"{texts},{CITIES[n % 4]},France,{numbers},Account number {n}\n")
    return path


# --- an org in a process of its own ----------------------------------------------------------------------------------


class Served:
    """A running org, spoken to in plain HTTP over one connection."""

    def __init__(self, process: subprocess.Popen[bytes], info: Mapping[str, Any]) -> None:
        self.info = info
        self._status = Path(f"/proc/{process.pid}/status")
        parts = urlsplit(info["instance_url"])
        self.host = parts.netloc
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=3_600)
        self._headers = {"Authorization": f"Bearer {info['access_token']}", "Accept-Encoding": "identity"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[bytes, Mapping[str, str]]:
        """The body of an answer and its headers."""
        content = json.dumps(body) if isinstance(body, dict) else body
        kind = {"Content-Type": "application/json"} if isinstance(body, dict) else {}
        self._connection.request(method, path, content, {**self._headers, **kind, **headers})
        reply = self._connection.getresponse()
        text = reply.read()
        if reply.status >= 400:
            raise SystemExit(f"{method} {path}: {reply.status} {text[:500]!r}")
        return text, dict(reply.getheaders())

    def save(self, path: str, target: Path) -> None:
        """Write the body of an answer to a file."""
        self._connection.request("GET", path, headers=self._headers)
        with self._connection.getresponse() as reply, target.open("wb") as file:
            while piece := reply.read(PIECE):
                file.write(piece)

    def job(self, kind: str, **settings: str) -> str:
        """The path of a new job."""
        told = json.loads(self.ask("POST", f"{BASE}/jobs/{kind}", settings)[0])
        return f"{BASE}/jobs/{kind}/{told['id']}"

    def put(self, job: str, data: Path) -> None:
        """Upload a file."""
        with data.open("rb") as file:
            self.ask("PUT", f"{job}/batches", file, **CSV, **{"Content-Length": str(data.stat().st_size)})

    def wait(self, job: str) -> Mapping[str, Any]:
        """What is known of a job when it has ended."""
        while True:
            told: dict[str, Any] = json.loads(self.ask("GET", job)[0])
            if told["state"] in ("JobComplete", "Failed"):
                return told
            time.sleep(0.02)

    def memory(self, name: str = "VmHWM") -> float:
        """Megabytes of the process (at most, or with ``VmRSS`` now); 0 where the system does not tell."""
        if not self._status.exists():
            return 0.0
        found = next(line for line in self._status.read_text().splitlines() if line.startswith(name))
        return int(found.split()[1]) * 1024 / MB


@contextmanager
def served(*options: str) -> Iterator[Served]:
    """An org, for as long as the block lasts."""
    command = [sys.executable, "-m", "sfdata.localorg", "--empty", "--json", "--until-stdin-closes", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Served(process, json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()


# --- what is measured ------------------------------------------------------------------------------------------------


def timed(work: Callable[[], Any]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def load(folder: Path, rows: int) -> Measured:
    """Accounts into an org's file, beside the same rows into a bare table of SQLite."""

    def bare() -> None:
        with closing(sqlite3.connect(folder / "bare.sqlite")) as connection, connection:
            connection.execute(f"CREATE TABLE Account ({', '.join(SCANNED)})")
            places = ", ".join("?" * len(SCANNED))
            connection.executemany(f"INSERT INTO Account VALUES ({places})", (account(n, "x") for n in range(rows)))

    with LocalOrg(sample_data=False, data=folder / "org") as org:
        store, sobject = org.instance.store, org.instance.object("Account")

        def into_org() -> None:
            with store.unindexed():
                store.bulk_load(sobject, SCANNED, (account(number, org.user_id) for number in range(rows)))

        return Measured("load into the org", rows, "rows", timed(into_org), "SQLite, without indexes", timed(bare))


def scans(folder: Path, org: Served, rows: int) -> Iterator[Measured]:
    """All rows by pages of REST and by a Bulk job, beside SQLite's own scan."""

    def scan() -> None:
        with closing(sqlite3.connect(f"{(folder / 'org' / 'org.sqlite').as_uri()}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(SQL)
            counted = 0
            while found := cursor.fetchmany(PAGE_ROWS):
                counted += len(found)
        _expect("SQLite", counted, rows)

    def rest() -> None:
        _expect("REST", sum(1 for _ in pages(org, SOQL)), -(-rows // PAGE_ROWS))

    def bulk() -> None:
        job = org.job("query", operation="query", query=SOQL)
        _expect("Bulk", org.wait(job)["numberRecordsProcessed"], rows)
        locator = ""
        while locator != "null":
            _, headers = org.ask("GET", f"{job}/results?locator={locator}" if locator else f"{job}/results")
            locator = headers["Sforce-Locator"]

    floor = timed(scan)
    yield Measured("SQLite's own scan", rows, "rows", floor)
    yield Measured("scan by pages of REST", rows, "rows", timed(rest), "SQLite's own scan", floor)
    yield Measured("scan by a Bulk job", rows, "rows", timed(bulk), "SQLite's own scan", floor, _peak(org))


def pages(org: Served, soql: str) -> Iterator[bytes]:
    """The pages of a query, unread but for where the next one is."""
    path = f"{BASE}/query?q={quote(soql)}"
    while path:
        page, _ = org.ask("GET", path)
        yield page
        # It stands before the records, which nobody looks at here.
        head = page[:200].partition(b'"nextRecordsUrl":"')[2]
        path = head.partition(b'"')[0].decode()


def peer(org: Served, rows: int) -> Measured:
    """simple-salesforce over the same pages: what of its time is the org's."""
    import requests
    from simple_salesforce.api import Salesforce

    class Clear(requests.adapters.HTTPAdapter):  # simple-salesforce speaks https alone, this server does not
        def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
            request.url = request.url.replace("https://", "http://", 1)
            return super().send(request, *args, **options)

    session = requests.Session()
    session.mount("https://", Clear())
    salesforce: Any = Salesforce(instance=org.host, session_id=org.info["access_token"], session=session)
    rows = min(rows, MOST_TYPED_ROWS)
    soql = f"{SOQL} LIMIT {rows}"

    def read() -> None:
        _expect("simple-salesforce", len(salesforce.query_all(soql)["records"]), rows)

    whole, bytes_alone = timed(read), timed(lambda: list(pages(org, soql)))
    count = -(-rows // PAGE_ROWS)
    note = f"{whole / count * 1000:.0f} ms a page, of which {bytes_alone / count * 1000:.0f} the org's and the wire's"
    return Measured("simple-salesforce, query_all", rows, "rows", whole, "the bytes of its pages", bytes_alone, note)


def ingests(folder: Path, org: Served, rows: int) -> Iterator[Measured]:
    """Bulk jobs from the end of the upload to the end of the work, beside the CSV read into a table of SQLite."""
    data, before = csv_file(folder / "new.csv", rows), org.memory("VmRSS")

    def bare() -> None:
        with closing(sqlite3.connect(folder / "csv.sqlite")) as connection, connection, data.open(newline="") as file:
            connection.execute(f"CREATE TABLE Account (Id PRIMARY KEY, {', '.join(SENT)})")
            connection.execute("CREATE INDEX Ext ON Account (Ext__c)")
            given = csv.reader(file)
            next(given)
            numbered = ((make_id("001", number), *row) for number, row in enumerate(given))
            connection.executemany(f"INSERT INTO Account VALUES ({', '.join('?' * (len(SENT) + 1))})", numbered)

    floor = timed(bare)
    for operation, settings in (("insert", {}), ("upsert", {"externalIdFieldName": "Ext__c"})):
        seconds = processed(org, data, rows, operation, **settings)
        yield Measured(f"Bulk {operation}", rows, "rows", seconds, "CSV into SQLite", floor)
    records = (record for page in pages(org, "SELECT Id FROM Account") for record in json.loads(page)["records"])
    ids = folder / "ids.csv"
    ids.write_text("Id\n" + "".join(f"{record['Id']}\n" for record in records))
    seconds = processed(org, ids, rows, "delete")
    grown = f"{max(0.0, org.memory() - before):,.0f} MB more memory for all three" if org.memory() else ""
    yield Measured("Bulk delete", rows, "rows", seconds, "CSV into SQLite", floor, grown)


def processed(org: Served, data: Path, rows: int, operation: str, **settings: str) -> float:
    """How long a job works on data that were uploaded before."""
    job = org.job("ingest", object="Account", operation=operation, **settings)
    org.put(job, data)

    def work() -> None:
        org.ask("PATCH", job, {"state": "UploadComplete"})
        told = org.wait(job)
        _expect(f"Bulk {operation}", told["numberRecordsProcessed"] - told["numberRecordsFailed"], rows)

    return timed(work)


def transfers(folder: Path, org: Served, size: int) -> Iterator[Measured]:
    """A file up and down again, beside a socket that leads into a file and out of one."""
    data, target = folder / "data.csv", folder / "down.csv"
    line = b"Granite Works,an account of which nothing more is known than this line\n"
    with data.open("wb") as file:
        file.write(b"Name,Description\n")
        for _ in range(size // len(line) + 1):
            file.write(line)
    job, before = org.job("ingest", object="Account", operation="insert"), org.memory("VmRSS")
    floor, megabytes = timed(lambda: through_socket(data, target)), data.stat().st_size / MB
    seconds = timed(lambda: org.put(job, data))
    grown = f"{max(0.0, org.memory() - before):,.0f} MB more memory" if org.memory() else ""
    yield Measured("upload", megabytes, "MB", seconds, "socket to file", floor, grown)
    org.ask("PATCH", job, {"state": "Aborted"})
    seconds = timed(lambda: org.save(f"{job}/unprocessedrecords", target))
    _expect("the download", target.stat().st_size, data.stat().st_size)
    yield Measured("download", megabytes, "MB", seconds, "socket to file", floor)


def through_socket(source: Path, target: Path) -> None:
    """A file over a connection of this machine into another file."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = threading.Thread(target=_send, args=(source, listener.getsockname()))
        sender.start()
        connection, _ = listener.accept()
        with connection, target.open("wb") as file:
            while piece := connection.recv(PIECE):
                file.write(piece)
        sender.join()


def _send(source: Path, address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection, source.open("rb") as file:
        while piece := file.read(PIECE):
            connection.sendall(piece)


def _peak(org: Served) -> str:
    return f"the org took {org.memory():,.0f} MB at most" if org.memory() else ""


def _expect(what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise SystemExit(f"{what}: {found} where {wanted} are expected")


def measured(rows: int) -> Iterator[Measured]:
    """Every line of the table."""
    with tempfile.TemporaryDirectory(prefix="localorg-") as name:
        folder = Path(name)
        yield load(folder, rows)
        with served("--data", str(folder / "org")) as org:
            yield from scans(folder, org, rows)
            yield peer(org, rows)
        with served("--data", str(folder / "empty")) as org:
            yield from transfers(folder, org, rows * 100)
            yield from ingests(folder, org, max(1, rows // 10))


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the local org at size.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="accounts; a tenth as many go through Bulk jobs")
    args = parser.parse_args()
    print(
        f"{args.rows:,} accounts, {os.cpu_count()} processors, {platform.system()}, SQLite {sqlite3.sqlite_version}\n"
    )
    print("| what | time | speed | beside | × as long | |\n|---|--:|--:|---|--:|---|")
    for one in measured(args.rows):
        print(one.line(), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
