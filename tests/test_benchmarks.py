"""The benchmarks measure what they say: equal frames, every row, a link of that speed, ratios round by round."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from urllib.request import urlopen

import pandas as pd
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def deals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmarks' records; their modules can be imported, too."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import deals

    monkeypatch.setattr(deals, "POOL_ROWS", 70)
    monkeypatch.setattr(deals, "BULK_PAGE_ROWS", 100)
    return deals


def test_a_case_is_measured_from_end_to_end() -> None:
    """The command measures each reader, counts its calls and fails for none of them."""
    command = [sys.executable, str(BENCHMARKS / "reading.py"), "--only", "cold", "--rows", "300", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    calls = {row[0]: row[4] for row in rows[1:]}
    assert calls == {
        "sfdata": "3",  # two describes and a page
        "simple-salesforce + pandas": "1",
        "simple-salesforce + pandas, typed": "1",
        "download only": "1",
    }


def test_load_is_put_on_a_local_org_without_errors() -> None:
    """Threads share a connection for a moment, and a row of the table tells how many requests came through."""
    command = [sys.executable, str(BENCHMARKS / "load.py"), "--seconds", "0.3", "--threads", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    threads, rate, _, _, errors = done.stdout.splitlines()[-1].split()
    assert (threads, errors) == ("2", "0")
    assert int(rate) > 0


def test_the_local_org_is_measured_beside_what_it_is_made_of() -> None:
    """Every part is measured with all of its rows, and a ratio says how long it took beside the least it could take."""
    command = [sys.executable, str(BENCHMARKS / "localorg.py"), "--rows", "2500"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "|" in line]
    told = {what: (float(ratio or 0), rate, beside) for what, _, rate, beside, ratio, _ in table[2:]}
    assert list(told) == [
        "load into the org", "SQLite's own scan", "scan by pages of REST", "scan by a Bulk job",
        "simple-salesforce, query_all", "upload", "download", "Bulk insert", "Bulk upsert", "Bulk delete",
    ]  # fmt: skip
    assert [rate.rpartition(" ")[2] for _, rate, _ in told.values()] == ["rows/s"] * 5 + ["MB/s"] * 2 + ["rows/s"] * 3
    assert {beside for _, _, beside in told.values()} == {
        "", "SQLite, without indexes", "SQLite's own scan", "the bytes of its pages", "socket to file",
        "CSV into SQLite",
    }  # fmt: skip
    assert all((ratio > 0) == (beside != "") for ratio, _, beside in told.values())


@pytest.mark.parametrize(
    ("digests", "rows", "problem"),
    [(("one", "one"), (9, 9), None), (("one", "other"), (9, 9), "differ"), (("one", "one"), (9, 8), "rows")],
)
def test_readers_that_disagree_give_no_table(
    deals: ModuleType, digests: tuple[str, str], rows: tuple[int, int], problem: str | None
) -> None:
    """Other values, or fewer rows, end the case."""
    from cases import Case, Entry
    from figures import Results
    from pages import Served
    from reading import Unequal, prove

    entries = (Entry("sfdata"), Entry("simple-salesforce + pandas"))
    case = Case("some", "Some", entries, Served("rest", 9), rounds=1)
    runs = {entry: [{"digest": d, "rows": r}] for entry, d, r in zip(entries, digests, rows, strict=True)}
    results = Results(case, runs, {})
    if problem is None:
        prove(results)
    else:
        with pytest.raises(Unequal, match=problem):
            prove(results)


def test_fingerprints_tell_frames_apart(deals: ModuleType) -> None:
    """Another value, dtype, order or column gives another fingerprint; equal frames give the same one."""
    from readers import fingerprint

    frame = pd.DataFrame({"A": ["x", "y", None], "B": [1.0, 2.0, 3.0]})
    others = [
        frame.assign(B=[1.0, 2.0, 4.0]),
        frame.astype({"B": "Int64"}),
        frame.iloc[[1, 0, 2]],
        frame.rename(columns={"B": "C"}),
        frame.assign(A=["x", "y", ""]),
    ]
    assert fingerprint(frame) == fingerprint(frame.copy())
    assert len({fingerprint(one) for one in [frame, *others]}) == 6


def test_ratios_are_medians_of_the_rounds_ratios(deals: ModuleType) -> None:
    """A round in which everything was slow does not change a ratio, and each goal is held against its figure."""
    from cases import Case, Entry, Goal
    from figures import Results
    from pages import Served

    ours, peer = Entry("sfdata", (Goal("faster", least=4), Goal("peer_memory", most=0.4))), Entry("peer")
    case = Case("some", "Some", (ours, peer), Served("rest", 9), rounds=3, peer="peer")

    def runs(walls: list[float], memory: float) -> list[dict[str, float]]:
        return [{"wall": wall, "cpu": 1.0, "memory": memory, "calls": 2.0} for wall in walls]

    results = Results(case, {ours: runs([1, 10, 1], 50e6), peer: runs([4, 60, 5], 100e6)}, {})
    figures = results.figures(ours)
    assert (figures["wall"], figures["faster"], figures["peer_memory"], figures["calls"]) == (1, 5, 0.5, 2)
    assert [line.endswith("**not reached** |") for line in results.goals()] == [False, True]
    assert "| sfdata | 1.00 s |" in results.table()[2]


def test_a_link_is_shared(deals: ModuleType) -> None:
    """Two pages at once take as long as both have bits, whichever connection they go over."""
    from pages import Served, running

    with running(Served("rest", 300, gzipped=False, mbit=8)) as url:
        start = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            sizes = list(pool.map(lambda _: len(urlopen(f"{url}{deals.DATA}/query").read()), range(2)))
        seconds = time.monotonic() - start
    assert seconds >= 0.95 * sum(sizes) * 8 / 8e6 > 0.3


def test_pages_of_a_query_hold_each_row_once(deals: ModuleType) -> None:
    """Following the pages of REST leads to as many records as announced, with as many Ids."""
    page = deals.rest_page(4_100)
    made = dict(page(start) for start in range(0, 4_100, deals.REST_PAGE_ROWS))
    path, ids = f"{deals.DATA}/query", []
    while path:
        answer = json.loads(made[path])
        assert answer["totalSize"] == 4_100
        assert list(answer)[-1] == "records"
        ids += [record["Id"] for record in answer["records"]]
        path = answer.get("nextRecordsUrl")
    assert answer["done"]
    assert len(ids) == len(set(ids)) == 4_100


def test_pages_of_a_job_hold_each_row_once(deals: ModuleType) -> None:
    """Locators and result pages both lead to every row of a job, in the same order, each page under its header."""
    from pages import bulk_answers

    answers = bulk_answers(730, gzipped=False)

    def page(locator: str) -> tuple[list[str], str]:
        head, _, body = answers[f"GET {deals.JOB}/results{locator}"].partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:])
        header, *rows = csv.reader(io.StringIO(body.decode(), newline=""))
        assert tuple(header) == deals.BULK_COLUMNS
        assert len(rows) == int(headers["Sforce-NumberOfRecords"])
        return [row[0] for row in rows], headers["Sforce-Locator"]

    ids, locator = page("")
    while locator != "null":
        more, locator = page(f"?locator={locator}")
        ids += more
    assert len(ids) == len(set(ids)) == 730

    urls, path = [], f"{deals.JOB}/resultPages"
    while path:
        told = json.loads(answers[f"GET {path}"].partition(b"\r\n\r\n")[2])
        assert len(told["resultPages"]) <= 5
        urls += [one["resultUrl"] for one in told["resultPages"]]
        path = told.get("nextRecordsUrl")
    assert told["done"]
    assert [key for url in urls for key in page(f"?{url.partition('?')[2]}")[0]] == ids
