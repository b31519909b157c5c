"""The protocol of a push, run after run from a seed: lost requests and answers, cut and shuffled results, jobs that end
half way, refused and locked rows, sessions that expire, processes that are killed.

What a push tells of each row is held against the org's own books: no row lost, none doubled, none told wrong.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from rig.in_process import InProcessOrg
from rig.push_world import OPERATIONS, Chance, Killed, Process, World

from sfdata.errors import SalesforceError
from sfdata.transfer.planning import PASSING_CODES

MOST_PROCESSES = 40
"""Processes that go on with one push under faults, before one without."""


@pytest.fixture(scope="module")
def org():
    with InProcessOrg() as running:
        yield running


@pytest.fixture
def world(org, monkeypatch, tmp_path):
    made = World(org, monkeypatch, tmp_path)
    yield made
    made.close()


def run(world, seed):
    """One push from its beginning until no row is left that may be sent, all from one seed; what it met."""
    world.move()
    draw = random.Random(seed)
    chance = Chance(draw, faults=draw.choice([0.05, 0.3]))
    intent = world.intent(draw, draw.choice(OPERATIONS), draw.randint(1, 6), draw.choice([None, 2, 3]))
    ends = world.org.worker.ends = []
    for _ in range(3):
        if chance("job ends early", rate=0.2):
            ends.append((draw.choice(["Failed", "Aborted"]), draw.randrange(3)))
    kills, act = draw.choice([0, 0.01, 0.03]), world.push
    for number in range(MOST_PROCESSES + 4):
        process = Process(world.org)
        if number < MOST_PROCESSES:
            process = Process(world.org, world.random_fault(chance), lambda step: chance("kill", rate=kills))
        try:
            result = act(intent, process)
        except (Killed, SalesforceError) as ended:
            chance.met[f"ended by {type(ended).__name__}"] += 1
        else:
            act = world.retry
            if not left_to_send(result):
                break
        world.check(intent)
    world.org.instance.records.locks.release()
    told = world.check(intent).frame["sf__Outcome"].tolist()
    expected = [
        ("failed", "unaccounted") if n in intent.bad else ("succeeded", "unaccounted") for n in range(len(told))
    ]
    assert all(outcome in wanted for outcome, wanted in zip(told, expected, strict=True)), told
    return chance.met


def left_to_send(result):
    told = result.frame
    return bool(((told["sf__Outcome"] == "unprocessed") | told["sf__ErrorCode"].isin(PASSING_CODES)).any())


RUNS = 50
"""Runs of one test. All fifty of them are 2,500 runs; one goes with every change."""


@pytest.mark.catalogue("A2", "B1", "B2", "B3", "B4", "B5", "B8", "B9", "B10", "B11", "B18", "P4")
@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, 50))])
def test_no_row_is_lost_doubled_or_told_wrong(world, part):
    """Whatever is lost, cut, shuffled, aborted or killed: each row is told as what the org did with it, once."""
    met = Counter()
    for seed in range(part * RUNS, (part + 1) * RUNS):
        try:
            met += run(world, seed)
        except BaseException as problem:
            problem.add_note(f"seed {seed}")
            raise
    faults = sum(number for name, number in met.items() if not name.startswith("ended by"))
    print(f"{RUNS} runs, {faults} faults: {dict(met.most_common())}")
    assert faults >= 4 * RUNS, "runs without faults prove nothing"
