"""Time and chance come from one place, and can be had again from a seed."""

from __future__ import annotations

import ast
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import sfdata
from sfdata.localorg import LocalOrg
from sfdata.resilience.runtime import Runtime

PACKAGE = Path(sfdata.__file__).parent

ELSEWHERE = {
    "auth/vault.py": "keys and nonces must stay unknown to others",
    "demo.py": "tells a person how long something took",
    "notebook/progress.py": "draws for a person who waits, in that person's time",
    "resilience/runtime.py": "the one place",
    "state.py": "waits for other processes",
    "stop.py": "the machine's own sleep, which a stop ends",
    "transfer/pushes.py": "compares with what the file system stamps",
    "transfer/spool.py": "compares with what the file system stamps",
    "transfer/sync_hashes.py": "a salt must stay unknown to others",
    "transport/sockets.py": "time-outs of sockets",
}
"""Modules that ask the machine themselves, and why."""

ASKING = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep"},
    "random": {"random", "uniform", "randint", "choice", "Random", "SystemRandom", "getrandbits"},
    "secrets": {"token_bytes", "token_hex", "token_urlsafe", "randbits", "choice"},
    "os": {"urandom"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "uuid": {"uuid1", "uuid4"},
}


def asks_the_machine(source):
    """Whether a module calls a clock or a source of chance by itself."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Attribute(ast.Name(owner) | ast.Attribute(attr=owner), name) if name in ASKING.get(owner, ()):
                return True
            case ast.Name("uuid4"):
                return True
    return False


def test_nothing_asks_the_machine_past_the_runtime():
    """Whatever reads a clock, sleeps or draws is the runtime, or has a reason that is written down here."""
    modules = {str(path.relative_to(PACKAGE).as_posix()): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    found = {name for name, source in modules.items() if not name.startswith("localorg/") and asks_the_machine(source)}
    assert found == set(ELSEWHERE)


@pytest.mark.parametrize(
    ("source", "asks"),
    [
        ("import time\ntime.sleep(1)", True),
        ("import datetime as dt\ndt.datetime.now(dt.UTC)", True),
        ("from uuid import uuid4\nuuid4()", True),
        ("import random\nrandom.Random(1)", True),
        ("import time\ndef f(clock=time.monotonic): return clock()", False),
        ("import datetime as dt\ndt.time.fromisoformat('12:00')", False),
    ],
)
def test_the_search_finds_what_it_is_for(source, asks):
    """Calls are found, and defaults that can be given are none."""
    assert asks_the_machine(source) is asks


def test_a_seed_draws_the_same_again():
    """Names, numbers and moments; another seed's are others."""

    def drawn(seed):
        runtime = Runtime.seeded(seed)
        runtime.sleep(runtime.chance.uniform(0, 10))
        return runtime.name(), runtime.clock(), runtime.moment().isoformat()

    assert drawn(3) == drawn(3)
    assert all(one != other for one, other in zip(drawn(3), drawn(4), strict=True))


def test_a_seeded_time_passes_by_waiting_alone():
    """Sleeping and waiting in vain take their seconds, an event that has happened takes none, and threads add up."""
    runtime, event = Runtime.seeded(1, begins_at=100.0), threading.Event()
    runtime.sleep(2.5)
    assert not runtime.wait(event, 7.5)
    event.set()
    assert runtime.wait(event, 99)
    assert (runtime.clock(), runtime.now()) == (10.0, 110.0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [runtime.sleep(0.5) for _ in range(100)], range(8)))
    assert runtime.clock() == 410.0


def test_names_are_drawn_by_the_system_by_default():
    """Nobody draws the same twelve digits twice, a forked process included: its parent's state is not its own."""
    runtime = Runtime()
    names = {runtime.name() for _ in range(1_000)}
    assert len(names) == 1_000
    assert all(len(name) == 12 and int(name, 16) >= 0 for name in names)
    with pytest.raises(NotImplementedError):
        runtime.chance.getstate()


def test_a_connection_lives_by_the_runtime_it_is_given():
    """What a result says of its time is the runtime's."""
    with LocalOrg(sample_data=False) as running:
        given = {"instance_url": running.instance_url, "access_token": running.access_token}
        with sfdata.connect(**given, runtime=Runtime.seeded(1)) as org:
            frame = org.query("SELECT Id FROM Account")
    assert frame.attrs["sfdata"]["read_at"] == "2027-01-15T08:00:00+00:00"
