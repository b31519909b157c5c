"""What writing costs: a frame to the CSV parts of ingest jobs, beside careful pandas and simple-salesforce's own way.

    python -m pip install -e ".[test]"
    python benchmarks/writing.py                      # a million rows, three rounds: about ten minutes
    python benchmarks/writing.py --rows 200000        # a quicker look

Nothing is sent: each writer ends with bytes that could be. Each writing is a fresh process that builds the frame first;
writers take turns, in alternating order; times are medians, ratios are medians of the rounds' ratios. Records parsed
from what was written must be the same, number by number and text by text, or there is no table.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

LARGEST_PART = 100_000_000
MB = 1e6

FIELDS = {
    "Name": "string",
    "Description": "textarea",
    "Ext__c": "string",
    "StageName": "picklist",
    "Amount": "currency",
    "Score__c": "double",
    "Employees__c": "int",
    "Visits__c": "int",
    "Active__c": "boolean",
    "CloseDate": "date",
    "Opened__c": "datetime",
    "Closed__c": "datetime",
}
NUMBERS = ("Amount", "Score__c", "Employees__c", "Visits__c")
DATETIMES = ("Opened__c", "Closed__c")
STAGES = ["Prospecting", "Qualification", "Proposal, sent", "Closed Won", "Closed Lost"]
WORDS = ["Albion", "Borealis", "Cascade", "Delphi", "Ember", "Fairway", "Granite", "Harbour", "Ivory", "Juniper"]


def frame(rows: int) -> pd.DataFrame:
    """Twelve columns of the usual dtypes; one text in twenty has quotes, a line end and other scripts; a tenth of most
    other values is missing."""
    chance = np.random.default_rng(7)
    names = [f"{a} {b} {n}" if n % 20 else f'Łódź "{a}"\n{b}, 東京' for n, (a, b) in enumerate(_pairs())]
    texts = [f"{a} and {b} " * (1 + n % 3) + str(n) for n, (a, b) in enumerate(_pairs())]
    start = np.datetime64("2017-01-01", "ns")

    def missing(values: Any) -> pd.Series[Any]:
        return pd.Series(values).mask(chance.random(rows) < 0.1)

    def instants() -> pd.Series[Any]:
        return missing(start + chance.integers(0, 8 * 365 * 86_400_000, rows) * np.timedelta64(1_000_000, "ns"))

    days = pa.array(chance.integers(17_000, 20_000, rows), pa.int32()).cast(pa.date32())
    return pd.DataFrame(
        {
            "Name": pd.array(chance.choice(np.array(names, object), rows), "str"),
            "Description": pd.array(chance.choice(np.array(texts, object), rows), "str"),
            "Ext__c": pd.array([f"E-{n:09}" for n in range(rows)], "str"),
            "StageName": pd.Categorical(chance.choice(STAGES, rows)),
            "Amount": missing(chance.integers(0, 100_000_000, rows) / 100),
            "Score__c": chance.random(rows),
            "Employees__c": missing(chance.integers(1, 90_000, rows)).astype("Int64"),
            "Visits__c": missing(chance.integers(0, 500, rows).astype("float64")),
            "Active__c": missing(chance.random(rows) < 0.5).astype("boolean"),
            "CloseDate": pd.array(days, pd.ArrowDtype(pa.date32())),
            "Opened__c": instants().dt.tz_localize("UTC"),
            "Closed__c": instants().dt.tz_localize("UTC").dt.tz_convert("America/New_York"),
        }
    )


def _pairs() -> list[tuple[str, str]]:
    return [(a, b) for a in WORDS for b in WORDS] * 10


# --- writers ---------------------------------------------------------------------------------------------------------


def sfdata(given: pd.DataFrame) -> Iterator[bytes]:
    """Parts with their hashes, all values checked."""
    for _, content in _encoded(given):
        yield content
        del content


def sfdata_plan(given: pd.DataFrame) -> Iterator[bytes]:
    """The same without keeping the bytes: where the parts are, and their hashes."""
    _encoded(given).plan()
    yield b""


def _encoded(given: pd.DataFrame) -> Any:
    from sfdata.frames.encode import encode
    from sfdata.metadata import ObjectDescribe

    fields = [{"name": name, "label": name, "type": kind} for name, kind in FIELDS.items()]
    describe = ObjectDescribe({"name": "Deal__c", "fields": fields})
    return encode(given, "Deal__c", lambda name: describe, "insert", limit=LARGEST_PART)


def careful_pandas(given: pd.DataFrame) -> Iterator[bytes]:
    """Each column made what Bulk takes, then ``to_csv`` ten thousand rows at a time, and their bytes counted."""
    texts = _as_texts(given)
    header = (",".join(texts.columns) + "\n").encode()
    pieces, size = [header], len(header)
    for start in range(0, len(texts), 10_000):
        piece = texts.iloc[start : start + 10_000].to_csv(index=False, header=False, lineterminator="\n").encode()
        if size + len(piece) > LARGEST_PART:
            yield b"".join(pieces)
            pieces, size = [header], len(header)
        pieces.append(piece)
        size += len(piece)
    yield b"".join(pieces)


def simple_salesforce(given: pd.DataFrame) -> Iterator[bytes]:
    """``sf.bulk2.Deal__c.insert(records=df.to_dict("records"))`` with a wire that only encodes what it is given."""
    from simple_salesforce.bulk2 import SFBulk2Type

    texts = _as_texts(given).astype(object)
    wire = _Wire()
    bulk = SFBulk2Type("Deal__c", "https://example.com", {}, None)  # type: ignore[arg-type]
    bulk._client = wire  # type: ignore[assignment]
    records: Any = texts.where(texts.notna(), None).to_dict("records")
    bulk.insert(records=records)
    yield from wire.uploads


class _Wire:
    """simple-salesforce's client for jobs, as far as it gets before the network."""

    def __init__(self) -> None:
        self.uploads: list[bytes] = []

    def create_job(self, *args: Any, **options: Any) -> dict[str, str]:
        return {"id": "750", "state": "Open"}

    def upload_job_data(self, job: str, data: str, *args: Any) -> None:
        self.uploads.append(data.encode())

    def close_job(self, job: str) -> None: ...

    def wait_for_job(self, *args: Any) -> None: ...

    def get_job(self, *args: Any) -> dict[str, int]:
        return {"numberRecordsFailed": 0, "numberRecordsProcessed": 0}


def _as_texts(given: pd.DataFrame) -> pd.DataFrame:
    """Datetimes by NumPy, the fastest of the ways pandas has: ``strftime`` takes three times as long."""
    texts = given.copy(deep=False)
    for name in DATETIMES:
        naive = given[name].dt.tz_convert("UTC").dt.tz_localize(None)
        stamps = pd.Series(np.char.add(np.datetime_as_string(naive.to_numpy(), unit="ms"), "Z"), dtype="str")
        texts[name] = stamps.where(naive.notna())
    texts["Active__c"] = given["Active__c"].map({True: "true", False: "false"})
    texts["Visits__c"] = given["Visits__c"].astype("Int64")
    return texts


WRITERS: Mapping[str, Callable[[pd.DataFrame], Iterator[bytes]]] = {
    "sfdata": sfdata,
    "sfdata plan": sfdata_plan,
    "careful pandas": careful_pandas,
    "simple-salesforce": simple_salesforce,
}
PEERS = ("careful pandas", "simple-salesforce")


# --- one writing, in a process of its own ----------------------------------------------------------------------------


def measure(writer: str, rows: int, digest: bool) -> dict[str, Any]:
    """Seconds, bytes from idle to the peak, the sizes of the parts, and what the records in them hash to."""
    write, given = WRITERS[writer], frame(rows)
    for _ in write(given.head(100)):  # all is imported by now
        pass
    gc.collect()
    idle = _forget_peak()
    wall, cpu, sizes = time.perf_counter(), time.process_time(), []
    for content in write(given):
        sizes.append(len(content))
        del content
    told: dict[str, Any] = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    told |= {"memory": _peak() - idle, "sizes": sizes}
    return told | ({"digest": fingerprint(write(given))} if digest and any(sizes) else {})


def fingerprint(parts: Iterator[bytes]) -> str:
    """What the records come to, whatever the order of columns, the quotes, and the spelling of numbers."""
    total = hashlib.sha256()
    for content in parts:
        read = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, lineterminator="\n")[list(FIELDS)]
        numbers = {name: pd.to_numeric(read[name]).astype("float64") for name in NUMBERS}
        for row in pd.util.hash_pandas_object(read.assign(**numbers), index=False).to_numpy().tolist():
            total.update(row.to_bytes(8, "big"))
    return total.hexdigest()


def _forget_peak() -> int:
    """The bytes in use; from here on `_peak` tells the most since now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _kilobytes("VmRSS")


def _peak() -> int:
    return _kilobytes("VmHWM")


def _kilobytes(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


# --- all of them -----------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure writing.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=list(WRITERS), help="only this writer")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(**json.loads(args.child))))
        return 0
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in args.only or WRITERS}
    for number in range(args.rounds):
        for name in list(runs)[:: -1 if number % 2 else 1]:
            runs[name].append(_fresh(name, args.rows, number == 0))
            print(f"round {number + 1}, {name}: {runs[name][-1]['wall']:.2f} s", file=sys.stderr, flush=True)
    digests = {run["digest"] for made in runs.values() for run in made if "digest" in run}
    if len(digests) > 1:
        print("no table: the records differ", file=sys.stderr)
        return 1
    print(*table(runs, args.rows), sep="\n")
    return 0


def _fresh(writer: str, rows: int, digest: bool) -> dict[str, Any]:
    asked = json.dumps({"writer": writer, "rows": rows, "digest": digest})
    command = [sys.executable, __file__, "--child", asked]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=1_800)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def table(runs: Mapping[str, Sequence[Mapping[str, Any]]], rows: int) -> Iterator[str]:
    """The figures in Markdown."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    packages = ", ".join(f"{name} {version(name)}" for name in ("pandas", "pyarrow", "simple-salesforce"))
    yield f"{rows:,} rows × {len(FIELDS)} columns into parts of {LARGEST_PART / MB:.0f} MB, {os.cpu_count()} cores,"
    yield f"{python}, {packages}. Records re-parsed from every writer's parts were equal.\n"
    peers = [peer for peer in PEERS if peer in runs]
    yield f"| writer | wall | CPU | memory over idle | besides a part | parts | {' | '.join(f'× {p}' for p in peers)} |"
    yield f"|---|{'--:|' * (5 + len(peers))}"
    for name, made in runs.items():
        memory = median(run["memory"] for run in made)
        sizes = made[0]["sizes"]
        figures = [f"{median(run['wall'] for run in made):.2f} s", f"{median(run['cpu'] for run in made):.2f} s"]
        figures += [f"{memory / MB:.0f} MB", f"{max(0, memory - max(sizes)) / MB:.0f} MB"]
        figures += [" + ".join(f"{size / MB:.1f}" for size in sizes) if any(sizes) else "–"]
        figures += [f"{median(b['wall'] / a['wall'] for a, b in zip(made, runs[p], strict=True)):.1f}" for p in peers]
        yield f"| {name} | {' | '.join(figures)} |"


if __name__ == "__main__":
    sys.exit(main())
