"""Rows that wait for one another's parents: fewer do when rows of one parent are sent together."""

from __future__ import annotations

import random

import pandas as pd
import pytest
from rig.in_process import AtOnce, InProcessOrg
from rig.push_world import Process, World

from sfdata.transfer import planning
from sfdata.transfer.planning import PushRequest

PARENTS, ROWS, PART = 12, 96, 16


class SideBySide(AtOnce):
    """An org that works on each job while another one holds the parents of that one's rows.

    So the parents that two jobs share are locked for both, as where batches are worked on at the same time.
    """

    def __init__(self, org):
        super().__init__()
        self._locks = org.instance.records.locks
        self._before = set()

    def submit(self, job, work):
        parents = {line.split(",")[1].strip('"') for line in job.data.read_text().splitlines()[1:]}
        self._locks.hold(self._before)
        super().submit(job, work)
        self._locks.release()
        self._before = parents


@pytest.fixture
def org():
    with InProcessOrg() as running:
        running.worker = running.instance.bulk._ingest = SideBySide(running)
        yield running


@pytest.fixture
def world(org, monkeypatch, tmp_path):
    made = World(org, monkeypatch, tmp_path)
    yield made
    made.close()


def met_locks(world, frame):
    """How many rows met a lock, and how many are written in the end after they were sent again."""
    intent = type("Meant", (), {"frame": frame, "push_id": None})()
    intent.request = PushRequest("Contact", "insert", part_rows=PART)
    first = world.push(intent, Process(world.org))
    locked = int((first.frame["sf__ErrorCode"] == "UNABLE_TO_LOCK_ROW").sum())
    while True:
        result = world.retry(intent, Process(world.org))
        if result.counts["failed"] == 0:
            return locked, result
        world.org.worker._before = set()


@pytest.mark.catalogue("B18")
def test_fewer_rows_meet_a_lock_when_rows_of_one_parent_go_together(world, monkeypatch):
    """Strewn rows meet many, rows laid by their parent none; either way each is written once, and told in its place."""
    ids = [world._create(f"parent {n}") for n in range(PARENTS)]
    draw = random.Random(1)
    parents = [ids[n % PARENTS] for n in range(ROWS)]
    draw.shuffle(parents)
    met = {}
    for way in ("together", "strewn"):
        if way == "strewn":
            monkeypatch.setattr(planning, "_together", lambda *arguments: (None, None))
        names = [f"{way} {n}" for n in range(ROWS)]
        met[way], result = met_locks(world, pd.DataFrame({"LastName": names, "AccountId": parents}))
        soql = f"SELECT LastName, Id, AccountId FROM Contact WHERE LastName LIKE '{way}%'"
        found = world.org.ask("GET", "query", params={"q": soql}).json()["records"]
        there = {one["LastName"]: (one["Id"], one["AccountId"]) for one in found}
        assert len(found) == ROWS
        assert [there[name] for name in names] == list(zip(result.ids, parents, strict=True))
    print(f"of {ROWS} rows of {PARENTS} parents in jobs of {PART}, rows that met a lock: {met}")
    assert met["together"] == 0
    assert met["strewn"] > ROWS / 2
