"""What reading JSON pages costs: sfdata.read_soql beside simple-salesforce with pandas, and the download alone.

    python -m pip install -e ".[test]"
    python benchmarks/reading.py            # 200,000 rows × 15 fields, five rounds: about three minutes

Prebuilt pages come from a plain server in a process of its own, without latency, as they are and gzipped. Every reading
is a fresh process whose clock starts after its imports; the order alternates from round to round; a ratio is the median
of the rounds' ratios. Both frames must be equal once typed, or there is no table. The table is Markdown.

"simple-salesforce" is what people write: ``pd.DataFrame(sf.query_all(soql)["records"]).drop(columns="attributes")``,
with every value left as JSON has it; "sfdata" has typed, flattened and counted its frame.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any

PAGE_ROWS = 2_000
DATA = "/services/data/v67.0"
TYPES = """Id id, Name string, Street__c textarea, City__c string, Stage__c picklist, Amount__c currency,
Share__c percent, Score__c double, Employees__c int, Visits__c int, Active__c boolean, Closed__c date,
CreatedDate datetime, SystemModstamp datetime, OwnerId reference"""
FIELDS: dict[str, str] = dict(pair.split() for pair in TYPES.split(","))
DTYPES = {"currency": "float64", "percent": "float64", "double": "float64", "int": "Int64", "boolean": "boolean"}
COLUMNS = [*(name for name in FIELDS if name != "OwnerId"), "Owner.Name"]
SOQL = f"SELECT {', '.join(COLUMNS)} FROM Deal__c"
SHELL = "from IPython.core.interactiveshell import InteractiveShell; shell = InteractiveShell.instance()"
LOADING = f"import time, pandas; {SHELL}; start = time.perf_counter(); shell.run_line_magic('load_ext', 'sfdata')"


def record(number: int, chance: random.Random) -> dict[str, Any]:
    """One row as an org writes it: nulls, quotes, line ends, other scripts, a parent that may be missing."""
    stamp = f"{chance.randint(2019, 2026)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    clock = f"T{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}.000+0000"
    owner = {"attributes": {"type": "User", "url": f"{DATA}/sobjects/User/005{number % 40:015}"}}
    return {
        "attributes": {"type": "Deal__c", "url": f"{DATA}/sobjects/Deal__c/a01{number:015}"},
        "Id": f"a01{number:015}",
        "Name": f"{chance.choice(('Löffler KG', 'Ünal “Tools”', '田中製作所', 'Acme'))} {number}",
        "Street__c": chance.choice((None, f'{number} "Old" Road\r\nBackyard', "Hauptstraße 5")),
        "City__c": chance.choice((None, "Łódź", "Berlin", "Portland")),
        "Stage__c": chance.choice(("Prospecting", "Closed Won", "Closed Lost")),
        "Amount__c": round(chance.uniform(0, 1e6), 2),
        "Share__c": float(chance.randint(0, 100)),
        "Score__c": chance.random(),
        "Employees__c": chance.randint(1, 90_000),
        "Visits__c": chance.choice((None, chance.randint(0, 500))),
        "Active__c": chance.random() < 0.5,
        "Closed__c": stamp,
        "CreatedDate": stamp + clock,
        "SystemModstamp": stamp + clock,
        "Owner": {**owner, "Name": f"Owner {number % 40}"} if number % 10 else None,
    }


def answers(rows: int) -> dict[str, bytes]:
    """Every answer by its path: the pages in order, and the describes sfdata asks for."""
    chance = random.Random(5)
    made: dict[str, bytes] = {}
    for start in range(0, rows, PAGE_ROWS):
        stop = min(start + PAGE_ROWS, rows)
        page: dict[str, Any] = {"totalSize": rows, "done": stop == rows}
        if stop < rows:
            page["nextRecordsUrl"] = f"{DATA}/query/01g000000000001AAA-{stop}"
        page["records"] = [record(number, chance) for number in range(start, stop)]
        path = f"{DATA}/query/01g000000000001AAA-{start}" if start else f"{DATA}/query"
        made[path] = json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode()
    for name, types in {"Deal__c": FIELDS, "User": {"Name": "string"}}.items():
        parent = {"relationshipName": "Owner", "referenceTo": ["User"]}
        fields = [{"name": n, "type": kind, **(parent if n == "OwnerId" else {})} for n, kind in types.items()]
        made[f"{DATA}/sobjects/{name}/describe"] = json.dumps({"name": name, "fields": fields}).encode()
    return made


def message(content: bytes, *, zipped: bool) -> bytes:
    body = gzip.compress(content, 6) if zipped else content
    coding = "Content-Encoding: gzip\r\n" if zipped else ""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{coding}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def serve(rows: int) -> None:
    """Serve until standard input ends; the two ports, plain and gzipped, are the one line on standard output."""
    ports, contents = [], answers(rows)
    for zipped in (False, True):
        listener = socket.create_server(("127.0.0.1", 0))
        ports.append(listener.getsockname()[1])
        whole = {path: message(content, zipped=zipped) for path, content in contents.items()}
        threading.Thread(target=accept, args=(listener, whole), daemon=True).start()
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


def accept(listener: socket.socket, answer: dict[str, bytes]) -> None:
    while True:
        threading.Thread(target=converse, args=(listener.accept()[0], answer), daemon=True).start()


def converse(connection: socket.socket, answer: dict[str, bytes]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as asked:
        while request := asked.readline():
            while asked.readline().strip():
                pass
            connection.sendall(answer[request.split()[1].decode().partition("?")[0].rstrip("/")])


def by_sfdata(port: int) -> Callable[[], Any]:
    import httpcore  # noqa: F401, I001 - which httpx loads with its first connection
    import sfdata.org

    def read() -> Any:
        with sfdata.org.connect(instance_url=f"http://127.0.0.1:{port}", access_token="00D!x") as org:
            return sfdata.org.read_soql(SOQL, org)

    return read


def by_simple_salesforce(port: int) -> Callable[[], Any]:
    import pandas as pd
    import requests
    import simple_salesforce.api

    class Plain(requests.adapters.HTTPAdapter):  # simple-salesforce speaks https alone, this server does not
        def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
            request.url = request.url.replace("https://", "http://", 1)
            return super().send(request, *args, **options)

    def read() -> Any:
        session = requests.Session()
        session.mount("https://", Plain())
        host = f"127.0.0.1:{port}"
        org = simple_salesforce.api.Salesforce(instance=host, session_id="00D!x", version="67.0", session=session)
        return pd.DataFrame(org.query_all(SOQL)["records"]).drop(columns="attributes")

    return read


def by_download(port: int) -> Callable[[], Any]:
    import httpcore  # noqa: F401
    import httpx

    def read() -> Any:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=False) as client:
            url: str | None = f"{DATA}/query"
            while url:
                found = re.search(rb'"nextRecordsUrl":"([^"]+)"', client.get(url).content[:1000])
                url = found[1].decode() if found else None

    return read


Runs = list[dict[str, Any]]
READERS = {"sfdata": by_sfdata, "simple-salesforce": by_simple_salesforce, "download only": by_download}


def measure(reader: str, port: int) -> None:
    """Read once; seconds, processor seconds, peak memory over idle, and a digest of the typed frame on one line."""
    read = READERS[reader](port)
    idle, cpu, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time(), time.perf_counter()
    frame = read()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle
    print(json.dumps({"wall": wall, "cpu": cpu, "memory": memory / 1024, "digest": digest(frame)}))


def digest(frame: Any) -> str | None:
    """A fingerprint of the values, each made what its field's type says: equal for frames that are equal once typed."""
    if frame is None:
        return None
    import pandas as pd

    if "Owner" in frame:
        frame["Owner.Name"] = [None if owner is None else owner["Name"] for owner in frame.pop("Owner")]
    for column in frame:
        kind = FIELDS.get(column, "string")
        if kind in ("date", "datetime"):
            frame[column] = pd.to_datetime(frame[column], utc=True).dt.as_unit("ms")
        else:
            frame[column] = frame[column].astype(DTYPES.get(kind, "str"))
    return f"{frame.shape} {list(frame.columns)} {pd.util.hash_pandas_object(frame, index=False).sum()}"


def ask(*arguments: str) -> Any:
    done = subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(port: int, rounds: int) -> list[str]:
    """The rows of the table for one port: medians, and medians of the rounds' ratios to simple-salesforce."""
    runs: dict[str, Runs] = {reader: [] for reader in READERS}
    for number in range(rounds):
        for reader in list(READERS)[:: -1 if number % 2 else 1]:
            runs[reader].append(ask(__file__, "--measure", reader, "--port", str(port)))
    if len({run["digest"] for reader in list(READERS)[:2] for run in runs[reader]}) != 1:
        raise SystemExit("the frames differ: no table")

    return [line(reader, runs[reader], runs["simple-salesforce"]) for reader in READERS]


def line(reader: str, runs: Runs, peers: Runs) -> str:
    wall, cpu, memory = (median(run[what] for run in runs) for what in ("wall", "cpu", "memory"))
    faster, less = (median(p[what] / r[what] for p, r in zip(peers, runs, strict=True)) for what in ("wall", "cpu"))
    return f"| {reader} | {wall:.2f} | {cpu:.2f} | {memory:.0f} | {faster:.1f}× | {less:.1f}× |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure reading JSON pages.")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    for part in ("--serve", "--measure", "--port"):
        parser.add_argument(part, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(int(args.serve))
    if args.measure:
        return measure(args.measure, int(args.port))
    return report(args.rows, args.rounds)


def report(rows: int, rounds: int) -> None:
    """Print both tables and the cost of loading the extension."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, __file__, "--serve", str(rows)], **pipes) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for name, port in zip(("identity", "gzip"), json.loads(server.stdout.readline()), strict=True):
            print(f"\n{rows:,} rows × {len(COLUMNS)} columns, {name}, 0 ms, {rounds} rounds; equal frames\n")
            print("| reader | seconds | CPU s | MB over idle | × faster | × less CPU |\n|---|--:|--:|--:|--:|--:|")
            print(*compare(port, rounds), sep="\n", flush=True)
        server.stdin.close()
    loading = [ask("-c", f"{LOADING}; print((time.perf_counter() - start) * 1000)") for _ in range(2 * rounds + 1)]
    print(f"\n`%load_ext sfdata` over IPython and pandas: {median(loading):.1f} ms (median of {len(loading)})")


if __name__ == "__main__":
    main()
