"""Reads whose every step is failed in turn, each request, answer and file of the spool: by fault, Ctrl-C and kill -9.

The session ends in the middle of each of them, so that a login is among the steps. Afterwards the rows are all there or
none is, the read goes on from what was kept, and neither thread nor socket nor file stays behind.
"""

from __future__ import annotations

import json
import sys
import threading
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from rig.faulty_org import CHILDREN, NAMES, PARENTS, hurried
from rig.shim import wait_until
from rig.steps import KINDS, Children, fail_every_step

import sfdata
import sfdata.org  # and all it needs, once for every child
from sfdata.errors import SalesforceError

EXPECTED = sorted(NAMES)
SOQL = "SELECT Id, Name FROM Account WHERE Site = 'there' ORDER BY Name"
WITH_CHILDREN = SOQL.replace("Name FROM", "Name, (SELECT LastName FROM Contacts) FROM")
ROWS = "rows.json"
OPEN_FILES = Path("/proc/self/fd")
STEPS = {"rest": 24, "bulk": 60}
"""Fewer steps than these mean that something is not watched."""


def connected(url, client_id, client_secret):
    flow = sfdata.ClientCredentials(client_id=client_id, client_secret=client_secret, login_url=url)
    return sfdata.connect(flow=flow, runtime=hurried())


def read(engine, login, home):
    """Read, and note what a user would have in hand at the end: the names, and how many child rows."""
    with connected(*login) as org:
        if engine == "rest":
            tables = org.soql(WITH_CHILDREN, engine=engine).to_tables()
            rows = [tables["Account"]["Name"].to_pylist(), len(tables["Account.Contacts"])]
        else:
            rows = [org.query(SOQL, engine=engine)["Name"].tolist(), 0]
    (Path(home) / ROWS).write_text(json.dumps(rows))


def goes_on(engine, login, before, home, ended):
    """What the user has: all rows or an error; what is next: what was kept is resumed, or the read begun again."""
    assert ended in (None, "killed") or isinstance(ended, SalesforceError | KeyboardInterrupt), repr(ended)
    assert (home / ROWS).exists() or ended is not None
    assert wait_until(lambda: no_more_than(before)), f"{held()} held in place of {before}\n{stacks()}"
    kept = [folder.name for folder in (home / "reads").glob("750*")] if engine == "bulk" else []
    if (home / ROWS).exists():
        assert_whole(engine, home)
    elif kept and (home / "reads" / kept[0] / "read.json").exists():
        with connected(*login) as org:
            assert org.resume(kept[0]).to_pandas()["Name"].tolist() == EXPECTED
    else:
        read(engine, login, home)
        assert_whole(engine, home)
    assert not list(home.rglob("*.part"))
    assert wait_until(lambda: no_more_than(before)), f"{held()} held in place of {before}\n{stacks()}"


def assert_whole(engine, home):
    names, children = json.loads((home / ROWS).read_text())
    assert names == EXPECTED
    assert children == (PARENTS * CHILDREN if engine == "rest" else 0)


def stacks():
    """Where our threads are, for the message of a failure."""
    frames = sys._current_frames()
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("sfdata")]
    return "\n".join("".join(traceback.format_stack(frames[one.ident])[-6:]) for one in ours if one.ident in frames)


def no_more_than(before):
    return all(now <= then for now, then in zip(held(), before, strict=True))


def held():
    """Our threads; and, where the system tells them, the sockets of this process and its open files of state."""
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("sfdata")]
    ends = []
    if OPEN_FILES.exists():
        for file in OPEN_FILES.iterdir():
            with suppress(OSError):  # closed since
                ends.append(str(file.readlink()))
    return len(ours), sum(end.startswith("socket:") for end in ends), sum("/reads/" in end for end in ends)


@pytest.fixture(scope="module")
def children():
    with Children(Path(__file__)) as lent:
        yield lent


@pytest.mark.catalogue("D7", "P1", "P4", "A1", "A2")
@pytest.mark.parametrize(
    ("engine", "kind", "every"),
    [
        ("rest", "fault", 5),
        ("rest", "interrupt", 5),
        ("rest", "kill", 13),
        ("bulk", "fault", 9),
        ("bulk", "interrupt", 9),
        ("bulk", "kill", 23),
        *(pytest.param(engine, kind, 1, marks=pytest.mark.slow) for engine in STEPS for kind in KINDS),
    ],
)
def test_a_read_survives_a_failure_of_any_step(faulty, children, tmp_path, engine, kind, every):
    """All rows or a typed error; then all rows, from where it was; and nothing stays behind."""
    login = [faulty.url, faulty.local.client_id, faulty.local.client_secret]
    faulty.fault("expire-token", "query" if engine == "rest" else "query_job_create", point="before-answer")
    begin, finish = partial(read, engine, login), partial(goes_on, engine, login, held())
    tally = fail_every_step(begin, finish, tmp_path, [kind], every, children)
    print(f"{engine}: {tally}")
    assert tally.points[kind] >= STEPS[engine] // every
    if kind == "interrupt":
        assert tally.slowest_interrupt < 5


@pytest.mark.catalogue("P1")
def test_ctrl_c_at_the_first_moment_leaves_no_thread_waiting(faulty, monkeypatch):
    """The first page has been asked for, the types have not: nobody waits for them any more."""
    org, before, arrived = faulty.connect(), held(), threading.Event()
    org.hooks.subscribe(lambda event: arrived.set() if getattr(event, "path", "").endswith("/query") else None)

    def interrupted(decoding):
        assert arrived.wait(5)
        raise KeyboardInterrupt

    monkeypatch.setattr("sfdata.transfer.rest_read._Decoding.describe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        org.query(SOQL, engine="rest")
    assert wait_until(lambda: held()[0] <= before[0])


@pytest.mark.catalogue("P1")
@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("name", ["sfdata page", "sfdata-login"])
def test_ctrl_c_while_a_thread_begins_leaves_nobody_waiting(faulty, monkeypatch, name, begun):
    """Whether there is a thread by then or not: none stays, and the next read is served."""
    org, before, start, struck = faulty.connect(), held(), threading.Thread.start, []

    def interrupted(thread):
        first = thread.name.startswith(name) and not struck
        if begun or not first:
            start(thread)
        if first:
            struck.append(thread)
            raise KeyboardInterrupt

    org.limits()
    if name == "sfdata-login":
        faulty.fault("expire-token", "limits", nth=1)
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        org.query(SOQL, engine="rest") if name == "sfdata page" else org.limits()
    assert struck
    assert wait_until(lambda: held()[0] <= before[0]), stacks()
    assert org.query(SOQL, engine="rest")["Name"].tolist() == EXPECTED
