"""Pushes under whatever happens in whatever order, found by Hypothesis: begun, resumed, retried, polled; interrupted,
their answers lost, their sessions ended, their results reordered, their jobs aborted or deleted by an administrator.

After each step the equations hold: each row is in one bin, and what is told of it is what the org did, once at most.
"""

from __future__ import annotations

import random
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import hypothesis
import pytest
from hypothesis import settings, stateful
from hypothesis import strategies as st
from rig.in_process import InProcessOrg
from rig.push_world import OPERATIONS, RESULTS, Killed, Process, World, shuffled

from sfdata.errors import SalesforceError

STEPS = ("create", "upload", "change", "info", *RESULTS)
FAULTS = ("lose request", "reset", "lose answer", "busy", "busy, but done", "expire")
counts = st.integers(0, 3)


class Pushes(stateful.RuleBasedStateMachine):
    """A user with several pushes, an administrator, and bad luck for the process that comes next."""

    org = None  # set by the test
    ruled = 0

    def __init__(self):
        super().__init__()
        self.patched = pytest.MonkeyPatch()
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(self.org, self.patched, Path(self.folder.name))
        self.intents = []
        self.faults, self.deadly, self.mixed = {}, None, None

    def teardown(self):
        """Without bad luck every push comes to its end, and every row that the org takes is written."""
        self.org.worker.ends.clear()
        self.org.worker.on()
        self.org.instance.records.locks.release()
        self.faults, self.deadly = {}, None
        for intent in self.intents:
            for act in (self.world.push, self.world.retry, self.world.retry):
                act(intent, self._process())
            told = self.world.check(intent).frame["sf__Outcome"]
            for place, outcome in enumerate(told):
                assert outcome in ("unaccounted", "failed" if place in intent.bad else "succeeded")
        self.world.close()
        self.patched.undo()
        self.folder.cleanup()

    # --- what the user does ------------------------------------------------------------------------------------------

    @stateful.rule(operation=st.sampled_from(OPERATIONS), rows=st.integers(1, 6), seed=st.integers(0, 99))
    def push(self, operation, rows, seed):
        if len(self.intents) < 3:
            self.intents.append(self.world.intent(random.Random(seed), operation, rows, part_rows=2))
            self._runs(self.world.push, self.intents[-1])

    @stateful.precondition(lambda self: self.intents)
    @stateful.rule(which=counts)
    def resume(self, which):
        self._runs(self.world.push, self._intent(which))

    @stateful.precondition(lambda self: self.intents)
    @stateful.rule(which=counts)
    def retry(self, which):
        intent = self._intent(which)
        if self.world.check(intent) is not None:
            self._runs(self.world.retry, intent)

    # --- what comes between ------------------------------------------------------------------------------------------

    @stateful.rule(step=st.sampled_from(STEPS), fault=st.sampled_from(FAULTS), nth=counts)
    def lose(self, step, fault, nth):
        self.faults[step, nth] = fault

    @stateful.rule(steps=st.integers(1, 60))
    def interrupt(self, steps):
        self.deadly = steps

    @stateful.rule(seed=st.integers(0, 99))
    def reorder(self, seed):
        self.mixed = random.Random(seed)

    # --- what the org does -------------------------------------------------------------------------------------------

    @stateful.rule(state=st.sampled_from(["Failed", "Aborted"]), transactions=counts)
    def end_a_job_early(self, state, transactions):
        self.org.worker.ends.append((state, transactions))

    @stateful.rule()
    def be_busy(self):
        self.org.worker.busy = True

    @stateful.rule()
    def go_on(self):
        self.org.worker.on()

    @stateful.rule(which=st.integers(0, 9))
    def abort_a_job(self, which):
        self._change_a_job("PATCH", which, json={"state": "Aborted"})

    @stateful.rule(which=st.integers(0, 9))
    def delete_a_job(self, which):
        if job := self._change_a_job("DELETE", which):
            self.world.dropped[job] = True

    @stateful.invariant()
    def the_equations_hold(self):
        type(self).ruled += 1
        for intent in self.intents:
            self.world.check(intent)

    # --- how ---------------------------------------------------------------------------------------------------------

    def _intent(self, which):
        return self.intents[which % len(self.intents)]

    def _runs(self, act, intent):
        with suppress(Killed, SalesforceError):
            act(intent, self._process())

    def _process(self):
        """The next process, which meets what was meant for it."""
        faults, self.faults = self.faults, {}
        left, self.deadly = [self.deadly or 10**9], None
        met = dict.fromkeys(STEPS, 0)

        def fault(step, request):
            if step not in met:
                return None
            met[step] += 1
            found = faults.get((step, met[step] - 1))
            if found is None and self.mixed and step in RESULTS:
                return partial(shuffled, self.mixed)
            return found

        def dies(step):
            left[0] -= 1
            return left[0] == 0

        return Process(self.org, fault, dies)

    def _change_a_job(self, method, which, **content):
        """The Id of one of the latest jobs, which somebody else aborts or deletes, if it lets them."""
        jobs = self.org.instance.bulk.jobs.listed("V2Ingest")[-10:]
        if jobs:
            job = jobs[which % len(jobs)].id
            try:
                self.org.ask(method, f"jobs/ingest/{job}", **content)
            except httpx.HTTPStatusError:
                return None
            return job
        return None


@pytest.mark.catalogue("B5", "B6", "B8", "B10", "B20", "P4")
@pytest.mark.parametrize(
    ("seed", "examples", "steps"),
    [(None, 20, 20), *(pytest.param(seed, 50, 40, marks=pytest.mark.slow) for seed in range(10))],
)
def test_the_equations_hold_whatever_happens_in_whatever_order(seed, examples, steps):
    """No order of pushes, faults, interrupts and administrators loses a row, doubles one or tells one wrong."""
    tried = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    machine = Pushes
    if seed is not None:  # the same examples for the same number
        machine, tried = hypothesis.seed(seed)(type("Seeded", (Pushes,), {})), settings(tried, derandomize=False)
    with InProcessOrg() as org:
        Pushes.org, Pushes.ruled = org, 0
        stateful.run_state_machine_as_test(machine, settings=tried)
    print(f"{examples} examples, {machine.ruled} states")
    assert machine.ruled > examples * steps / 4
