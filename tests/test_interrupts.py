"""Ctrl-C at every kind of moment: control comes back within a second, nothing is left behind, and work can go on."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import pandas as pd
import pytest

import sfdata
from sfdata.api.composite import Subrequest
from sfdata.auth import remembered
from sfdata.resilience.runtime import Runtime

FILES = Path("/proc/self/fd")

pytestmark = [
    pytest.mark.catalogue("P1"),
    pytest.mark.skipif(not FILES.is_dir(), reason="open files are counted in /proc"),
]

SOON = 1.0
STALL = {"kind": "stall", "args": {"seconds": 20.0}}
MID = {**STALL, "point": "mid-answer"}
REFUSED = {"kind": "status", "every": 1, "args": {"status": 503, "headers": {"Retry-After": "30"}}}
ACCOUNTS = "SELECT Id, Name, (SELECT LastName FROM Contacts) FROM Account ORDER BY Name"
PLAIN = "SELECT Id, Name FROM Account"


@dataclass(frozen=True)
class Point:
    """What is under way, and which request never ends."""

    name: str
    work: Callable[[Any], Any]
    operation: str
    fault: dict[str, Any] = field(default_factory=lambda: STALL)
    resumed: bool = False
    slow: bool = False


def read(**options: Any) -> Callable[[Any], Any]:
    return lambda org: org.query(ACCOUNTS if options.get("engine") != "bulk" else PLAIN, **options)


def many(org: Any) -> Any:
    """A query that takes several statements."""
    return org.query("SELECT Id FROM Account WHERE Name IN :names", {"names": [f"{n:0200}" for n in range(1000)]})


def chunks(org: Any) -> Any:
    return list(sfdata.read_soql(PLAIN, org, chunksize=10))


ROWS = pd.DataFrame({"Name": [f"pushed {n}" for n in range(9)]})


def push(org: Any) -> Any:
    return org.push(ROWS, "Account", "insert", part_rows=3, engine="bulk")


def small_push(org: Any) -> Any:
    return org.push(ROWS, "Account", "insert", engine="collections")


def composite(org: Any) -> Any:
    return org.composite([Subrequest("POST", "sobjects/Account", "a", {"Name": "x"})])


def account(verb: str, *arguments: Any) -> Callable[[Any], Any]:
    return lambda org: getattr(org.sobject("Account"), verb)(*arguments)


SOME_ID = "001000000000001AAA"
POINTS = [
    Point("login", read(), "token"),
    Point("login, half answered", read(), "token", MID),
    Point("login, waiting to try again", read(), "token", REFUSED),
    Point("describe", read(), "describe"),
    Point("describe, half answered", lambda org: org.describe("Account"), "describe", MID),
    Point("first page", read(), "query"),
    Point("first page, half answered", read(), "query", MID),
    Point("first page, waiting to try again", read(), "query", REFUSED),
    Point("a page of child rows", read(), "query_more", {**STALL, "nth": 1}),
    Point("second page", chunks, "query_more", {**STALL, "nth": 1}),
    Point("third page, half answered", chunks, "query_more", {**MID, "nth": 2}),
    Point("a page, waiting to try again", chunks, "query_more", REFUSED),
    Point("pages side by side", read(parallel=3), "query_more", {**STALL, "nth": 2}, slow=True),
    Point("one of several statements", many, "composite", {**STALL, "nth": 2}),
    Point("several statements, waiting to try again", many, "composite", REFUSED),
    Point("limits", lambda org: org.limits(), "limits"),
    Point("a job is made", read(engine="bulk"), "query_job_create", slow=True),
    Point("a job is asked", read(engine="bulk"), "query_job_info", resumed=True),
    Point("a job's pages are listed", read(engine="bulk"), "query_pages", resumed=True),
    Point("a job's page", read(engine="bulk"), "query_results", resumed=True),
    Point("a job's page, half answered", read(engine="bulk"), "query_results", MID, resumed=True),
    Point("a job's page, waiting to try again", read(engine="bulk"), "query_results", REFUSED, resumed=True),
    Point("create", account("create", {"Name": "x"}), "create"),
    Point("update", account("update", SOME_ID, {"Name": "x"}), "update", slow=True),
    Point("delete", account("delete", SOME_ID), "delete"),
    Point("composite", composite, "composite"),
    Point("an ingest job is made", push, "ingest_create", slow=True, resumed=True),
    Point("an ingest job is made, waiting to try again", push, "ingest_create", REFUSED, resumed=True),
    Point("upload, not received", push, "ingest_upload", {**STALL, "point": "before-receive"}, resumed=True),
    Point("upload", push, "ingest_upload", slow=True, resumed=True),
    Point("close", push, "ingest_close", resumed=True),
    Point("an ingest job is asked", push, "ingest_info", slow=True, resumed=True),
    Point("a collection", small_push, "collections_create", resumed=True),
    Point("results", push, "ingest_successful", MID, slow=True, resumed=True),
]


def threads() -> list[str]:
    """Names of our own threads that are alive and at work or ready for it."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("sfdata")]


def open_files() -> int:
    return len(list(FILES.iterdir()))


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.005)
    return holds()


@contextmanager
def interrupted(when: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    """Send Ctrl-C to what runs inside as soon as ``when`` holds; tells when, and what came of it."""
    told: dict[str, Any] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.is_set() and not when():
            time.sleep(0.002)
        time.sleep(0.02)
        if not over.is_set():
            told["sent"] = time.monotonic()
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield told
        told["ended"] = "by itself"
    except KeyboardInterrupt as interrupt:
        told["back"] = time.monotonic()
        told["notes"] = "\n".join(getattr(interrupt, "__notes__", []))
    finally:
        over.set()
        watcher.join()


@pytest.mark.parametrize(
    "point", [pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.slow else []) for one in POINTS]
)
def test_ctrl_c_gives_control_back_and_leaves_nothing_behind(faulty, monkeypatch, point):
    """Within a second of it: control, no thread of ours, and with the connection closed no socket and no file."""
    monkeypatch.setattr(remembered, "_logins", WeakValueDictionary())  # so that a login of its own is made
    before = open_files()
    monkeypatch.setattr("rig.faulty_org.hurried", Runtime)  # which waits as long as it is told
    org = faulty.connect()
    if not point.name.startswith("login"):
        org.limits() if "describe" in point.name else (org.describe("Account"), org.describe("Contact"))
    fault = dict(point.fault)
    number = faulty.fault(fault.pop("kind"), point.operation, **fault)
    fired = lambda: next(one["fired"] for one in faulty.local.faults.listed() if one["id"] == number) > 0  # noqa: E731
    with interrupted(fired) as told:
        point.work(org)
    assert "back" in told, told
    assert told["back"] - told["sent"] < SOON
    assert wait_until(lambda: not threads(), SOON), threads()
    faulty.local.faults.clear()
    if point.resumed:
        assert "sfdata.resume(" in told["notes"]
    assert len(org.query("SELECT Id FROM Account WHERE Site = 'there'")) == 60
    org.close()
    assert wait_until(lambda: not threads() and open_files() <= before, SOON), (threads(), open_files() - before)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file opened, and not yet in a name
def test_ctrl_c_at_any_moment_gives_control_back(faulty, monkeypatch, tmp_path):
    """At moments that nobody chose, decoding and writing files among them: the same, and the next read is whole."""
    monkeypatch.setattr("rig.faulty_org.hurried", Runtime)
    org = faulty.connect()
    works = [
        read(),
        read(engine="bulk"),
        chunks,
        many,
        lambda org: org.soql(PLAIN).to_parquet(tmp_path / "x.parquet", overwrite=True),
    ]
    draw, latest, met = random.Random(4711), [], 0
    for work in works:
        began = time.monotonic()
        work(org)
        lasts = time.monotonic() - began
        for _ in range(40):
            moment = time.monotonic() + draw.uniform(0, lasts)
            with interrupted(lambda moment=moment: time.monotonic() > moment) as told:
                work(org)
            if "back" in told:
                met += 1
                latest.append(told["back"] - told["sent"])
            assert wait_until(lambda: not threads(), SOON), threads()
    print(f"{met} interrupts, control back within {max(latest):.3f} s")
    assert met > 50
    assert max(latest) < SOON
    assert len(org.query(PLAIN)) >= 60


@pytest.mark.catalogue("P3")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_makes_connections_of_its_own(faulty):
    """`!shell` and multiprocessing fork: child and parent both read on, neither hears the other's answers."""
    org = faulty.connect()
    wanted = sorted(row["Name"] for row in faulty.rows("SELECT Name FROM Account"))
    read = lambda: sorted(org.query("SELECT Name FROM Account")["Name"])  # noqa: E731
    assert read() == wanted  # idle connections stand open now
    begin, end = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            status = 0 if read() == wanted and read() == wanted else 2
        os.write(end, bytes([status]))
        os._exit(status)
    mine = [read() for _ in range(3)]
    assert os.read(begin, 1) == b"\0"
    os.waitpid(child, 0)
    os.close(begin)
    os.close(end)
    assert mine == [wanted] * 3
    assert read() == wanted
