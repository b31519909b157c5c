"""What a whole push costs: a frame into a local org, beside simple-salesforce's bulk2 and beside only sending bytes.

    python -m pip install -e ".[test]"
    python benchmarks/pushing.py                      # a million rows, three rounds: about twenty minutes
    python benchmarks/pushing.py --rows 100000        # a quicker look

Every push is a fresh process with a fresh and empty local org in another, and ends when it is known of each row what
became of it: the Ids of all new records in a frame. The floor has its bytes made beforehand, and looks at no result. As
the org's own work is in every figure, the last column leaves it out: what is above the floor, beside the peer's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

FLOOR, PEER = "write and send bytes", "simple-salesforce bulk2"
PART_BYTES = 90_000_000
INDUSTRIES = ["Energy", "Banking", "Retail", "Education", "Media"]

Info = Mapping[str, Any]
Push = Callable[[], int]


def frame(rows: int) -> pd.DataFrame:
    """Accounts of eight columns, one name in twenty with quotes and other scripts; some numbers are missing."""
    chance = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "Name": [f"Granite Works {n}" if n % 20 else f'Łódź "{n}", 東京' for n in range(rows)],
            "Ext__c": [f"P-{n:09}" for n in range(rows)],
            "Industry": chance.choice(INDUSTRIES, rows),
            "Website": [f"https://www.example.com/{n}" for n in range(rows)],
            "BillingCity": chance.choice(["Lyon", "Porto", "Gdańsk", "Leeds"], rows),
            "AnnualRevenue": pd.Series(chance.integers(0, 10**8, rows) / 100).mask(chance.random(rows) < 0.1),
            "NumberOfEmployees": pd.Series(chance.integers(1, 10**5, rows)).astype("Int64"),
            "Description": [f"Account number {n}, made to be counted" for n in range(rows)],
        }
    )


# --- pushes: each is made ready, and then timed until it has counted the new records ---------------------------------


def sfdata(info: Info, given: pd.DataFrame) -> Push:
    import sfdata as client

    org = client.connect(instance_url=info["instance_url"], access_token=info["access_token"])
    org.soql("SELECT Id FROM Account").to_pandas()  # all is imported by now
    return lambda: int(org.push(given, "Account", "insert", engine="bulk").ids.nunique())


def simple_salesforce(info: Info, given: pd.DataFrame) -> Push:
    """``bulk2.Account.insert(records=df.to_dict("records"))``, and the Ids from the results of its jobs."""
    import io

    import requests
    from simple_salesforce.api import Salesforce

    class Plain(requests.adapters.HTTPAdapter):  # simple-salesforce speaks https alone, this server does not
        def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
            request.url = request.url.replace("https://", "http://", 1)
            return super().send(request, *args, **options)

    session = requests.Session()
    session.mount("https://", Plain())
    host = info["instance_url"].removeprefix("http://")
    org: Any = Salesforce(instance=host, session_id=info["access_token"], session=session)
    bulk = org.bulk2.Account

    def push() -> int:
        texts = given.astype(object)
        records = texts.where(texts.notna(), None).to_dict("records")
        jobs = bulk.insert(records=records, wait=0.1)
        told = [pd.read_csv(io.StringIO(bulk.get_successful_records(job["job_id"]))) for job in jobs]
        return int(pd.concat(told)["sf__Id"].nunique())

    return push


def only_bytes(info: Info, given: pd.DataFrame) -> Push:
    """Upload CSV that is there already, have it written, download the results, and only count their lines."""
    import httpx

    rows_a_part = max(1, PART_BYTES // (len(given.head(1000).to_csv(index=False).encode()) // min(len(given), 1000)))
    parts = [
        given.iloc[start : start + rows_a_part].to_csv(index=False, lineterminator="\n").encode()
        for start in range(0, len(given), rows_a_part)
    ]
    session = httpx.Client(
        base_url=f"{info['instance_url']}/services/data/v67.0/jobs/ingest",
        headers={"Authorization": f"Bearer {info['access_token']}"},
        timeout=None,
        trust_env=False,
    )

    def push() -> int:
        return sum(map(send, parts))

    def send(content: bytes) -> int:
        job = session.post("", json={"object": "Account", "operation": "insert", "lineEnding": "LF"}).json()["id"]
        session.put(f"/{job}/batches", content=content, headers={"Content-Type": "text/csv"}).raise_for_status()
        session.patch(f"/{job}", json={"state": "UploadComplete"}).raise_for_status()
        while session.get(f"/{job}").json()["state"] not in ("JobComplete", "Failed"):
            time.sleep(0.1)
        return session.get(f"/{job}/successfulResults").content.count(b"\n") - 1

    return push


PUSHES: Mapping[str, Callable[[Info, pd.DataFrame], Push]] = {
    "sfdata": sfdata,
    PEER: simple_salesforce,
    FLOOR: only_bytes,
}


# --- measuring -------------------------------------------------------------------------------------------------------


@contextmanager
def local_org() -> Iterator[dict[str, Any]]:
    """A fresh org without records, for as long as the block lasts."""
    command = [sys.executable, "-m", "sfdata.localorg", "--empty", "--json", "--until-stdin-closes"]
    command += ["--limit", "DailyApiRequests=1000000"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        info: dict[str, Any] = json.loads(process.stdout.readline())
        yield info
    finally:
        process.stdin.close()
        process.wait(60)


def measure(name: str, rows: int, info: Info) -> dict[str, float]:
    """Seconds on the clock and of this process's processors."""
    push = PUSHES[name](info, frame(rows))
    wall, cpu = time.perf_counter(), time.process_time()
    written = push()
    told = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    if written != rows:
        raise SystemExit(f"{name} wrote {written} of {rows} rows")
    return told


def _fresh(name: str, rows: int) -> dict[str, float]:
    with local_org() as info, tempfile.TemporaryDirectory() as home:
        asked = json.dumps({"name": name, "rows": rows, "info": info})
        done = subprocess.run(
            [sys.executable, str(Path(__file__).resolve())],
            input=asked,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=3_600,
            env=os.environ | {"SFDATA_HOME": home, "PUSHING_CHILD": "1"},
        )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def table(runs: Mapping[str, Sequence[Mapping[str, float]]], rows: int) -> Iterator[str]:
    """The figures in Markdown; ratios are medians of the rounds' ratios."""
    yield f"{rows:,} Accounts × 8 columns into an empty local org, {os.cpu_count()} cores, {len(runs[FLOOR])} rounds.\n"
    yield f"| push | wall | CPU | × {PEER} | × less CPU | × of the floor | above the floor, × less than the peer |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for name, made in runs.items():
        rounds = list(zip(made, runs[PEER], runs[FLOOR], strict=True))
        figures = [f"{median(run['wall'] for run in made):.1f} s", f"{median(run['cpu'] for run in made):.1f} s"]
        figures += [f"{median(peer['wall'] / run['wall'] for run, peer, _ in rounds):.2f}"]
        figures += [f"{median(peer['cpu'] / run['cpu'] for run, peer, _ in rounds):.1f}"]
        figures += [f"{median(run['wall'] / floor['wall'] for run, _, floor in rounds):.2f}"]
        above = [(peer["wall"] - floor["wall"]) / (run["wall"] - floor["wall"] or 1) for run, peer, floor in rounds]
        figures += [f"{median(above):.1f}" if name != FLOOR else "–"]
        yield f"| {name} | {' | '.join(figures)} |"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure whole pushes.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in PUSHES}
    for number in range(args.rounds):
        for name in list(runs)[:: -1 if number % 2 else 1]:
            runs[name].append(_fresh(name, args.rows))
            print(f"round {number + 1}, {name}: {runs[name][-1]['wall']:.1f} s", file=sys.stderr, flush=True)
    print(*table(runs, args.rows), sep="\n")
    return 0


if __name__ == "__main__":
    if os.environ.get("PUSHING_CHILD"):
        print(json.dumps(measure(**json.load(sys.stdin))))
    else:
        sys.exit(main())
