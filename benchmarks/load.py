"""How many requests a second threads make that share a connection to a local org, and how long each of them takes.

    python benchmarks/load.py                        # ten seconds each of 1, 4 and 16 threads
    python benchmarks/load.py --seconds 60 --threads 8

Each request reads one record of the sample company over a real socket. The org is a process of its own on the same
machine, so both share its processors: what is told is the two of them together, and a lower bound for the client.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import quantiles

import sfdata

RECORDS = 200


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure requests under load.")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long, for each number of threads")
    parser.add_argument("--threads", type=int, action="append", help="so many threads; may be given several times")
    args = parser.parse_args()
    print(f"{os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}\n")
    print("threads  requests/s  median ms  p99 ms  errors")
    failed = 0
    with local_org() as org:
        ids = org.query(f"SELECT Id FROM Account LIMIT {RECORDS}")["Id"].tolist()
        org.sobject("Account").get(ids[0])  # describes, logs in
        for threads in args.threads or (1, 4, 16):
            latencies, errors, seconds = load(org, ids, threads, args.seconds)
            failed += errors
            middle, last = percentiles(latencies)
            rate = len(latencies) / seconds
            print(f"{threads:7}  {rate:10,.0f}  {middle * 1000:9.1f}  {last * 1000:6.1f}  {errors:6}")
    return 1 if failed else 0


@contextmanager
def local_org() -> Iterator[sfdata.Org]:
    """A connection to a local org of our own, which has as many calls a day as anybody could make."""
    command = [
        sys.executable,
        "-m",
        "sfdata.localorg",
        "--json",
        "--until-stdin-closes",
        "--limit",
        "DailyApiRequests=1000000000",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        flow = sfdata.ClientCredentials(**{name: told[name] for name in ("client_id", "client_secret", "login_url")})
        with sfdata.connect(flow=flow, instance_url=told["instance_url"], ca_file=told["ca_file"]) as org:
            yield org
        process.stdin.close()


def load(org: sfdata.Org, ids: list[str], threads: int, seconds: float) -> tuple[list[float], int, float]:
    """Read records for so many seconds; the time of each request, how many failed, and how long it really took."""
    accounts, turn, start = org.sobject("Account"), itertools.cycle(ids), threading.Barrier(threads + 1)

    def read() -> tuple[list[float], int]:
        latencies, errors = list[float](), 0
        start.wait()
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            try:
                accounts.get(next(turn), ["Id", "Name"])
            except sfdata.SalesforceError as problem:
                errors += 1
                print(f"{type(problem).__name__}: {problem}")
            latencies.append(time.perf_counter() - began)
        return latencies, errors

    with ThreadPoolExecutor(threads) as pool:
        readers = [pool.submit(read) for _ in range(threads)]
        start.wait()
        began = time.perf_counter()
        parts = [reader.result() for reader in readers]
    took = time.perf_counter() - began
    return [one for latencies, _ in parts for one in latencies], sum(errors for _, errors in parts), took


def percentiles(latencies: list[float]) -> tuple[float, float]:
    """The median, and what one request in a hundred takes longer than."""
    cuts = quantiles(latencies, n=100, method="inclusive")
    return cuts[49], cuts[98]


if __name__ == "__main__":
    raise SystemExit(main())
