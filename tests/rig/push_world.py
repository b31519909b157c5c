"""A user who pushes frames from a machine that dies, over a wire that loses things, to an org that keeps its own books.

`World` begins pushes and goes on with them in one process after the other; `World.check` holds what a push tells of
each row against what the org really did. Everything that happens follows from the random numbers it is given.
"""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import Executor, Future
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import httpx
import pandas as pd
from rig.in_process import URL

from sfdata.api.describe import DescribeCache
from sfdata.auth.flows import ClientCredentials
from sfdata.config import OrgConfig
from sfdata.resilience.breaker import CircuitBreaker
from sfdata.resilience.hooks import Hooks
from sfdata.resilience.patience import Patience
from sfdata.resilience.runtime import Runtime
from sfdata.state import state_folder
from sfdata.transfer import planning, push, pushes, unit_files
from sfdata.transfer.journal import Journal
from sfdata.transfer.planning import PASSING_CODES, PushRequest
from sfdata.transfer.push import FETCHES
from sfdata.transfer.push_result import PushResult
from sfdata.transport.http_session import HttpSession

OPERATIONS = ("insert", "update", "upsert", "delete")
UNKNOWN_ID = "001000000000000AAA"
TOO_LONG = "x" * 41
BUSY = {"content": b"<html>busy</html>", "headers": {"content-type": "text/html"}}
RESULTS = ("successfulResults", "failedResults", "unprocessedrecords")


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Chance:
    """What goes wrong, drawn for one thing after the other; ``met`` counts what did."""

    draw: random.Random
    faults: float = 0.0
    kills: float = 0.0
    met: Counter = field(default_factory=Counter)

    def __call__(self, *names, rate=None):
        """One of these faults, or None."""
        if self.draw.random() >= (self.faults if rate is None else rate):
            return None
        name = self.draw.choice(names)
        self.met[name] += 1
        return name


class Process:
    """One process of the user's: its wire, its journal and its files are gone when it is killed.

    ``fault(step, request)`` and ``dies(step)`` say what happens at a step: a request's name in the protocol, ``note``
    for the journal, ``file`` for a file.
    """

    def __init__(self, org, fault=lambda step, request: None, dies=lambda step: False):
        self.org = org
        self.runtime = Runtime.seeded(0)
        self.fault = fault
        self.dies = dies
        self.dead = False

    def step(self, name):
        """A moment at which the process may end."""
        if self.dead or self.dies(name):
            self.dead = True
            raise Killed(name)

    def session(self):
        known = self.org.instance.credentials
        flow = ClientCredentials(client_id=known.client_id, client_secret=known.client_secret, login_url=URL)
        options = {"wire": Wire(self), "breaker": CircuitBreaker(threshold=10**6), "runtime": self.runtime}
        return HttpSession(OrgConfig(URL), flow, **options)


class Wire(httpx.BaseTransport):
    """The network between a process and the org."""

    def __init__(self, process):
        self.process = process
        self.org = process.org.wire()

    def handle_request(self, request):
        step = protocol_step(request)
        self.process.step(f"before {step}")
        fault = self.process.fault(step, request)
        if fault == "lose request":
            raise httpx.ConnectError("lost on the way")
        if fault == "reset":
            raise httpx.WriteError("reset on the way")
        if fault == "busy":
            return httpx.Response(503, **BUSY)
        if fault == "expire":
            self.process.org.instance.sessions.revoke(request.headers["authorization"].split()[1])
        answer = self.org.handle_request(request)
        self.process.step(f"after {step}")
        if fault == "lose answer":
            raise httpx.ReadError("lost on the way back")
        if fault == "busy, but done":
            return httpx.Response(503, **BUSY)
        if callable(fault):
            headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
            return httpx.Response(answer.status_code, headers=headers, content=fault(answer.read()))
        return answer


def protocol_step(request):
    """What a request is in the protocol: create, upload, change, info, one of the three results, or other."""
    path = request.url.path.partition("/jobs/ingest")
    if not path[1]:
        return "other"
    parts = path[2].split("/")
    return {"POST": "create", "PUT": "upload", "PATCH": "change"}.get(
        request.method, parts[2] if len(parts) > 2 else "info"
    )


def job_of(request):
    return request.url.path.partition("/jobs/ingest/")[2].partition("/")[0]


class OneAfterTheOther(Executor):
    """A pool whose work is done when it is submitted, so that units meet their faults in one order."""

    def __init__(self, *arguments, **options):
        super().__init__()

    def submit(self, work, *arguments):
        done = Future()
        try:
            done.set_result(work(*arguments))
        except BaseException as problem:
            done.set_exception(problem)
        return done


class MortalJournal(Journal):
    """The journal of a process that may be killed before and behind each note."""

    process = None

    def __init__(self, folder):
        super().__init__(folder)
        self._db.execute("PRAGMA synchronous = OFF")  # no power fails here, and the disk is slow

    def plan(self, *arguments):
        self._note(super().plan, *arguments)

    def add_units(self, *arguments):
        self._note(super().add_units, *arguments)

    def set_state(self, *arguments):
        self._note(super().set_state, *arguments)

    def advance(self, *arguments, **told):
        return self._note(super().advance, *arguments, **told)

    def _note(self, write, *arguments, **told):
        self.process.step("before note")
        noted = write(*arguments, **told)
        self.process.step("after note")
        return noted


@dataclass
class Intent:
    """A push as its user means it: the rows, which of them the org refuses, and what it had done before."""

    request: PushRequest
    frame: pd.DataFrame
    names: list[str]
    bad: frozenset[int]
    since: int
    push_id: str | None = None


class World:
    """Pushes to an `InProcessOrg` from one machine."""

    tags = count(1)

    def __init__(self, org, monkeypatch, home):
        self.org = org
        self._home = home
        self._setenv = partial(monkeypatch.setenv, "SFDATA_HOME")
        self.process = Process(org)
        self._healthy = Process(org).session()
        self.describe = DescribeCache(self._healthy)
        self.dropped = {}
        self.cuts = Counter()
        self.move()
        monkeypatch.setattr("os.fsync", lambda descriptor: None)
        monkeypatch.setattr(pushes, "Journal", self._journal)
        monkeypatch.setattr(push, "ThreadPoolExecutor", OneAfterTheOther)
        monkeypatch.setattr(push, "Patience", partial(Patience, deadline_seconds=600))
        for module in (planning, unit_files):
            monkeypatch.setattr(module, "save", partial(self._save, unit_files.save))

    def close(self):
        self._healthy.close()

    def move(self):
        """To a machine that has pushed nothing yet."""
        self._setenv(str(self._home / str(next(self.tags))))

    def _journal(self, folder):
        journal = MortalJournal(folder)
        journal.process = self.process
        return journal

    def _save(self, save, path, content):
        self.process.step("before file")
        save(path, content)
        self.process.step("after file")

    # --- what the user means -----------------------------------------------------------------------------------------

    def intent(self, draw, operation, rows, part_rows=None):
        """A push of new rows, or of accounts that are there already."""
        tag = f"w{next(self.tags)}"
        if operation == "insert":  # some rows are the same in every cell
            names = [f"{tag}-{draw.randrange(n + 1)}" for n in range(rows)]
        else:
            names = [f"{tag}-{n}" for n in range(rows)]
        bad = frozenset(n for n in range(rows) if draw.random() < 0.1)
        frame = pd.DataFrame({"Name": names})
        if operation in ("update", "delete"):
            frame = pd.DataFrame({"Id": [self._create(name) for name in names]})
        if operation == "upsert":
            frame["Ext__c"] = names
            for name in draw.sample(names, rows // 2):
                self._create(name, Ext__c=name)
        if operation == "delete":
            frame.loc[list(bad), "Id"] = UNKNOWN_ID
        else:
            frame["Site"] = "here"
            frame["AccountNumber"] = [TOO_LONG if n in bad else "1" for n in range(rows)]
            if draw.random() < 0.5:
                parents = [self._create(f"parent of {tag}") for _ in range(2)]
                frame["ParentId"] = [draw.choice(parents) for _ in range(rows)]
                if draw.random() < 0.5:
                    self.org.instance.records.locks.hold([draw.choice(parents)], times=draw.randint(1, 3))
        frame.index = pd.Index([draw.randrange(3) for _ in range(rows)])
        key = "Ext__c" if operation == "upsert" else None
        request = PushRequest("Account", operation, key, check=False, part_rows=part_rows)
        return Intent(request, frame, names, bad, self.org.seen)

    def _create(self, name, **values):
        return self.org.ask("POST", "sobjects/Account", json={"Name": name, **values}).json()["id"]

    # --- what the user does ------------------------------------------------------------------------------------------

    def push(self, intent, process):
        """Begin, or go on with what was begun, in a process of its own; the result, unless that ends too early."""
        return self._in(
            process, lambda my: my.resume(intent.push_id) if self._begun(intent) else self._begin(my, intent)
        )

    def retry(self, intent, process, codes=PASSING_CODES):
        """Have what was not written sent again."""
        return self._in(process, lambda my: my.retry(intent.push_id, codes))

    def _begin(self, my, intent):
        intent.push_id = pushes.new_push_id(Runtime())
        planning_id, pushes.new_push_id = pushes.new_push_id, lambda runtime: intent.push_id
        try:
            return my.push(intent.frame, intent.request)
        finally:
            pushes.new_push_id = planning_id

    def _begun(self, intent):
        """Whether the push is in the journal; one that was killed before it was is begun again."""
        with closing(Journal(state_folder("pushes"))) as journal:
            return any(push.id == intent.push_id for push in journal.pushes())

    def _in(self, process, act):
        self.process = process
        with process.session() as session:
            my = pushes.Pushes(session, self.describe, Hooks(), retry=lambda push_id, codes: None)
            return act(my)

    # --- faults ------------------------------------------------------------------------------------------------------

    def random_fault(self, chance):
        """Faults for a wire, drawn from ``chance``; what withholds rows for good is drawn once for a job."""

        def fault(step, request):
            if step in RESULTS:
                return self._result_fault(chance, step, job_of(request))
            if step == "other":
                return chance("lose request", "busy", rate=chance.faults / 4)
            return chance("lose request", "reset", "lose answer", "busy", "busy, but done", "expire")

        return fault

    def _result_fault(self, chance, step, job):
        if job not in self.dropped:
            self.dropped[job] = chance("drop", rate=chance.faults / 4)
        if self.dropped[job] and step == "successfulResults":
            return without_last_row
        found = chance("lose request", "lose answer", "busy", "cut", "shuffle", "expire")
        if found == "cut":
            self.cuts[job] += 1
            return partial(cut, chance.draw)
        return partial(shuffled, chance.draw) if found == "shuffle" else found

    def withheld(self, job):
        """Whether so much of a job's results was withheld that its rows may be unaccounted for."""
        return bool(self.dropped.get(job)) or self.cuts[job] >= FETCHES

    # --- what is true ------------------------------------------------------------------------------------------------

    def check(self, intent):
        """The equations: each row in one bin; what is told of it is what the org did, once at most."""
        if not self._begun(intent):
            assert not self._effects(intent), "nothing is written before it is journalled"
            return None
        with closing(Journal(state_folder("pushes"))) as journal:
            result = PushResult(journal, intent.push_id, lambda push_id, codes: None, intent.frame.index)
            state, units = journal.push(intent.push_id).state, journal.units(intent.push_id)
        assert len(result) == sum(result.counts.values()) == len(intent.names)
        self._check_rows(intent, result._rows.to_pylist())
        over = all(unit.phase == "accounted" for unit in units)
        lost = result.counts["unaccounted"]
        if over and lost:
            assert any(unit.problem for unit in units), "rows that nobody knows of need attention"
            assert any(self.withheld(unit.job) for unit in units), "nobody withheld a row"
        if state == "finished":
            assert over
            assert not lost + result.counts["unprocessed"]
        return result

    def _effects(self, intent):
        return [one for one in self.org.effects(intent.since) if one[2] in intent.names]

    def _check_rows(self, intent, told):
        done = {record: (name, effect) for effect, record, name in self._effects(intent)}
        effects = Counter(name for _, _, name in self._effects(intent))
        expected, doubtful = Counter(), Counter()
        for place, (name, row) in enumerate(zip(intent.names, told, strict=True)):
            expected[name] += row["outcome"] == "succeeded"
            doubtful[name] += row["outcome"] == "unaccounted"
            if row["outcome"] == "succeeded":
                assert place not in intent.bad
                assert (name, row["created"]) == (done[row["id"]][0], done[row["id"]][1] == "created")
        ids = [row["id"] for row in told if row["outcome"] == "succeeded"]
        assert len(set(ids)) == len(ids)
        for name in {*effects, *expected}:
            assert expected[name] <= effects[name] <= expected[name] + doubtful[name], f"{name} lost or doubled"


def without_last_row(content):
    return b"".join(content.splitlines(keepends=True)[:-1] or [content])


def cut(draw, content):
    return content[: draw.randrange(len(content) + 1)]


def shuffled(draw, content):
    header, *rows = content.splitlines(keepends=True) or [b""]
    draw.shuffle(rows)
    return b"".join([header, *rows])
