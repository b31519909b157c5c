"""What reading costs: sfdata beside simple-salesforce with pandas, and beside the limits of the wire.

    python -m pip install -e ".[test]"
    python benchmarks/reading.py                        # every case of benchmarks/cases.py: about a quarter of an hour
    python benchmarks/reading.py --quick                # a fifth of the rows, one round: no figures to quote
    python benchmarks/reading.py --only gzip --rounds 9
    python benchmarks/reading.py --write                # the tables into benchmarks/RESULTS.md, too

Prebuilt pages come from a plain server in a process of its own. Every reading is a fresh process whose clock starts
after its imports; the order alternates from round to round. Frames must be equal once typed, or there is no table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cases import CASES, Case, Entry
from figures import Results
from pages import calls, running

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
PACKAGES = ("sfdata", "pandas", "pyarrow", "msgspec", "httpx", "isal", "simple-salesforce", "requests", "ipython")
ABOUT = """\
Pages are built beforehand and served by a process of their own over the loopback; every reading is a fresh process
whose clock starts after its imports; readers take turns, in alternating order; times are medians, ratios are medians of
the rounds' ratios. Typed results were equal, value by value, in the same run. "× faster", "× less CPU" and
"× of peer's memory" compare with simple-salesforce and pandas as people write them, "× of floor" with the time of a
sequential download that looks at nothing, inflated by the standard library. "× time per row" is that of the most rows
beside that of the fewest. Calls are what the server counted, describe included."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure reading.")
    parser.add_argument("--only", choices=[case.name for case in CASES], action="append", help="only this case")
    parser.add_argument("--rows", type=int, help="so many rows instead of the case's own")
    parser.add_argument("--rounds", type=int, help="so many rounds instead of the case's own")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rows and one round")
    parser.add_argument("--write", action="store_true", help=f"write benchmarks/{RESULTS.name}, too")
    args = parser.parse_args()
    chosen = [case for case in CASES if not args.only or case.name in args.only]
    chosen = [case.quick() if args.quick else case for case in chosen]
    chosen = [case.resized(rows=args.rows, rounds=args.rounds) for case in chosen]
    if args.write and (args.only or args.rows or args.quick):
        parser.error("--write is for all cases as they are: leave out --only, --rows and --quick")
    started, results, failed = time.monotonic(), [], []
    for case in chosen:
        print(f"{case.name}: {case.rounds} rounds …", file=sys.stderr, flush=True)
        try:
            results.append(run(case))
            print(*section(results[-1]), sep="\n", flush=True)
        except (Unequal, subprocess.SubprocessError) as problem:
            failed.append(f"{case.name}: no table, {_last_line(problem)}")
            print(f"\n{failed[-1]}\n", flush=True)
    print(*goals(results), sep="\n")
    if args.write:
        sections = [line for one in results for line in section(one)]
        lines = [*header(time.monotonic() - started), *goals(results), *sections, *failed]
        RESULTS.write_text("\n".join([*lines, ""]), "utf-8")
    return 1 if failed else 0


def _last_line(problem: Exception) -> str:
    told = getattr(problem, "stderr", None) or str(problem)
    return str(told).strip().splitlines()[-1]


class Unequal(Exception):
    """Readers of the same rows disagree about them."""


def run(case: Case) -> Results:
    """Every round of a case, and the proof that its readers read the same.

    Raises:
        Unequal: they did not.
        CalledProcessError: a reader broke.
    """
    runs: dict[Entry, list[dict[str, Any]]] = {entry: [] for entry in case.entries}
    skipped: dict[Entry, str] = {}
    with ExitStack() as servers:
        urls = {share: _url(servers, case, share) for share in {entry.share for entry in case.entries}}
        for number in range(case.rounds):
            for entry in case.entries[:: -1 if number % 2 else 1]:
                if entry in skipped:
                    continue
                told = measured(case, entry, urls[entry.share], digest=number == 0)
                if "skipped" in told:
                    skipped[entry] = told["skipped"]
                else:
                    runs[entry].append(told)
    results = Results(case, {entry: made for entry, made in runs.items() if entry not in skipped}, skipped)
    prove(results)
    return results


def _url(servers: ExitStack, case: Case, share: float) -> str:
    if case.served is None:
        return ""
    return servers.enter_context(running(replace(case.served, rows=round(case.served.rows * share))))


def measured(case: Case, entry: Entry, url: str, *, digest: bool) -> dict[str, Any]:
    """One reading in a process of its own, in a directory of its own that goes with it."""
    asked = {"reader": entry.reader, "url": url, "repeats": case.repeats, "digest": digest}
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            [sys.executable, str(HERE / "readers.py"), json.dumps(asked)],
            check=True,
            capture_output=True,
            text=True,
            timeout=600,
            cwd=scratch,
            env=environment() | {"SFDATA_HOME": scratch},
        )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told | {"calls": calls(url) / (case.repeats + 1) if url else 0}


def environment() -> dict[str, str]:
    """The environment of readers: no proxies, and modules compiled once, as those of installed packages are."""
    unwanted = ("http_proxy", "https_proxy", "all_proxy", "pythondontwritebytecode")
    return {name: text for name, text in os.environ.items() if name.lower() not in unwanted}


def prove(results: Results) -> None:
    """Hold readers of the same rows to the same frame.

    Raises:
        Unequal: they did not read the same, or not every row.
    """
    for share in {entry.share for entry in results.runs}:
        runs = [run for entry, made in results.runs.items() if entry.share == share for run in made]
        digests = {run["digest"] for run in runs if "digest" in run}
        if len(digests) > 1:
            raise Unequal("the typed frames differ")
        for entry in results.runs:
            wrong = {run["rows"] for run in results.runs[entry] if "rows" in run} - {results.case.rows(entry)}
            if wrong:
                raise Unequal(f"{results.case.label(entry)} has {wrong} rows")


# --- what is written -------------------------------------------------------------------------------------------------


def header(seconds: float) -> list[str]:
    """What was measured, with what, and how."""
    written = f"on {time.strftime('%-d %B %Y')} in {seconds / 60:.0f} minutes"
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    system = (
        f"{platform.system()}, {os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}"
    )
    return [
        "# What reading costs",
        "",
        f"Written by `python benchmarks/reading.py --write` {written}.",
        f"{system}; {packages}.",
        "",
        ABOUT,
    ]


def goals(results: Sequence[Results]) -> list[str]:
    """The table of all goals."""
    rows = [line for one in results for line in one.goals()]
    head = ["", "## Goals", "", "| case | reader | figure | goal | measured | |", "|---|---|---|---|---|---|"]
    return [*head, *rows] if rows else []


def section(results: Results) -> Iterator[str]:
    """A case as a part of the page."""
    case = results.case
    title = case.title.format(rows=case.served.rows if case.served else 0)
    yield from ("", f"## {title}", "")
    rounds = "one round" if case.rounds == 1 else f"{case.rounds} rounds"
    yield f"`--only {case.name}`, {rounds}. {case.note}".rstrip()
    yield ""
    yield from results.table()


if __name__ == "__main__":
    sys.exit(main())
