"""A disk that fails under a push: at the first, second, third … operation on it, until a run needs no further one.

Whatever fails, the push stops before its next step in the org, says so as one of our errors, and can be taken to its
end; what the org did with each row is told by its own books.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from rig.in_process import URL, InProcessOrg

from sfdata.api.describe import DescribeCache
from sfdata.auth.flows import AccessToken
from sfdata.config import OrgConfig
from sfdata.errors import SalesforceError
from sfdata.resilience.hooks import Hooks
from sfdata.transfer import push, pushes
from sfdata.transfer.journal import Journal
from sfdata.transfer.planning import PushRequest
from sfdata.transport.http_session import HttpSession

NAMES = ["a", "b", "b", "c"]
REQUEST = PushRequest("Account", "insert", check=False)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def org():
    with InProcessOrg() as running:
        yield running


class Disk:
    """Counts what is done to the disk, and lets the operation number ``fails`` fail: that one, or all from there on."""

    def __init__(self):
        self.done = []
        self.fails = None
        self.lasting = False
        self.failed = False

    def step(self, name):
        self.done.append(name)
        if self.fails is not None and (len(self.done) == self.fails or (self.lasting and len(self.done) > self.fails)):
            self.failed = True
            if name == "commit":
                raise sqlite3.OperationalError("database or disk is full")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def begin(self, fails=None, *, lasting=False):
        self.done, self.fails, self.lasting, self.failed = [], fails, lasting, False


@pytest.fixture
def disk(monkeypatch):
    """What files and SQLite ask of the system, by way of a `Disk`."""
    found = Disk()
    real_open, real_file = os.open, os.fdopen

    def users(path):
        return Path(path).is_relative_to(os.environ.get("SFDATA_HOME", "elsewhere"))  # the org has files, too

    def opened(path, flags, *arguments, **options):
        if flags & os.O_CREAT and users(path):
            found.step("open")
        return real_open(path, flags, *arguments, **options)

    class Written:
        """A file that writes by way of the disk."""

        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, content):
            found.step("write")
            return self.file.write(content)

    class Connection(sqlite3.Connection):
        def execute(self, sql, *arguments):
            if sql == "COMMIT":
                found.step("commit")
            no_wait = sql.replace("synchronous = FULL", "synchronous = OFF")  # no power fails here, and disks are slow
            return super().execute(no_wait, *arguments)

    def made(path, *arguments):
        if not Path(path).is_dir() and users(path):
            found.step("make")
        return real_make(path, *arguments)

    real_make, real_replace = os.mkdir, os.replace
    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "fdopen", lambda *arguments: Written(real_file(*arguments)))
    monkeypatch.setattr(os, "fsync", lambda descriptor: found.step("sync"))
    monkeypatch.setattr(os, "mkdir", made)
    monkeypatch.setattr(os, "replace", lambda *paths: (found.step("rename"), real_replace(*paths))[1])
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))
    return found


@pytest.fixture
def machine(org, disk, tmp_path, monkeypatch):
    """A user's machine: pushes the names, and goes on with what it pushed."""
    made = Machine(org, disk, monkeypatch)
    made.move(tmp_path / "first")
    yield made
    made.session.close()


class Machine:
    def __init__(self, org, disk, monkeypatch):
        self.monkeypatch = monkeypatch
        flow = AccessToken(access_token=org.access_token, instance_url=URL)
        self.session = HttpSession(OrgConfig(URL), flow, wire=org.wire())
        self.pushes = pushes.Pushes(self.session, DescribeCache(self.session), Hooks(), retry=lambda *again: None)
        self.closed = []  # for each job that was closed, whether the disk had failed by then
        close = push.bulk_ingest.close
        monkeypatch.setattr(push.bulk_ingest, "close", lambda *job: (self.closed.append(disk.failed), close(*job))[1])
        monkeypatch.setattr(push, "Patience", partial(push.Patience, first_seconds=0.001))

    def move(self, home):
        self.home = home
        self.monkeypatch.setenv("SFDATA_HOME", str(home))

    def push(self):
        return self.pushes.push(pd.DataFrame({"Name": NAMES}, index=list("wxyz")), REQUEST)

    def resume(self):
        (listed,) = pushes.pushes()["id"]
        return self.pushes.resume(listed)


def proved(org, result, since):
    """Each row is in the org once, and told with its own Id on the frame's own index."""
    effects = org.effects(since)
    assert sorted(name for effect, _, name in effects if effect == "created") == NAMES
    told = result.frame
    assert told.index.tolist() == list("wxyz")
    assert sorted(zip(told["sf__Id"], NAMES, strict=True)) == sorted((id_, name) for _, id_, name in effects)


@pytest.mark.catalogue("F1")
@pytest.mark.parametrize("lasting", [False, True], ids=["for a moment", "from then on"])
def test_a_disk_that_fails_at_any_operation_costs_no_row(org, disk, machine, tmp_path, lasting):
    """Full at the first, second … folder, file, write, sync, rename or commit: an error, no job closed, and resumed."""
    met, number = set(), 0
    while True:
        number += 1
        machine.move(tmp_path / str(number))
        since = org.seen
        disk.begin(number, lasting=lasting)
        try:
            result = machine.push()
        except SalesforceError:
            met.add(disk.done[number - 1])
            disk.begin()
            if pushes.pushes().empty:
                assert org.effects(since) == []
                assert not list(machine.home.rglob("unit-*")), "what nobody comes back for is gone"
                result = machine.push()
            else:
                result = machine.resume()
        assert not any(machine.closed), "a job was closed behind the failure"
        proved(org, result, since)
        if disk.fails:
            break  # it was reached by no operation
    assert met == {"make", "open", "write", "sync", "rename", "commit"}
    assert number > 25


# --- a journal that is torn ------------------------------------------------------------------------------------------


@pytest.fixture
def killed_at(org, machine, monkeypatch, tmp_path):
    """Pushes, and leaves the disk as it is when the process ends behind its n-th note; None where there are fewer."""

    def run(number):
        machine.move(tmp_path / f"at{number}")
        crashed, noted = tmp_path / f"crashed{number}", []

        class Mortal(Journal):
            def advance(self, *arguments, **told):
                unit = super().advance(*arguments, **told)
                noted.append(unit.phase)
                if len(noted) == number:
                    shutil.copytree(machine.home, crashed)
                    raise Killed
                return unit

        monkeypatch.setattr(pushes, "Journal", Mortal)
        try:
            machine.push()
        except Killed:
            return crashed, noted
        else:
            return None, noted
        finally:
            monkeypatch.setattr(pushes, "Journal", Journal)

    return run


@pytest.mark.catalogue("F2")
def test_the_last_note_may_be_lost_wherever_it_is(org, killed_at, machine):
    """A power cut that tears off what was written last, at any step: the push goes on, each row is written once."""
    number = 0
    while True:
        number += 1
        since = org.seen
        crashed, noted = killed_at(number)
        if crashed is None:
            break
        journal = next(crashed.rglob("journal.sqlite3-wal"))
        os.truncate(journal, journal.stat().st_size - 1)
        machine.move(crashed)
        proved(org, machine.resume(), since)
    assert noted == ["job_known", "uploaded", "closing", "running", "terminal", "accounted"]


FRAME = 24 + 4096
"""A page of SQLite's log with its header."""


def torn(every):
    return pytest.param(every, marks=[pytest.mark.slow] if every == 1 else [], id=f"every {every} bytes")


@pytest.mark.catalogue("F2")
@pytest.mark.parametrize("every", [torn(199), torn(1)])
def test_a_journal_torn_anywhere_in_its_log_is_the_one_before(killed_at, tmp_path, every):
    """Cut at any byte of what was written last, it opens with the units as they were one note earlier, or now."""
    crashed, _ = killed_at(4)
    folder = next(crashed.rglob("journal.sqlite3")).parent
    log = (folder / "journal.sqlite3-wal").read_bytes()
    phases = set()
    for cut in [*range(len(log) - FRAME, len(log), every), len(log) - FRAME + 23, len(log) - 1, len(log)]:
        (folder / "journal.sqlite3-wal").write_bytes(log[:cut])
        (folder / "journal.sqlite3-shm").unlink(missing_ok=True)
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        journal = Journal(copy)
        (unit,) = journal.units(journal.pushes()[0].id)
        journal.close()
        assert unit.phase == ("running" if cut == len(log) else "closing")
        assert unit.job is not None
        phases.add(unit.phase)
    assert phases == {"running", "closing"}


@pytest.mark.catalogue("F2")
@pytest.mark.parametrize("damage", ["cut in half", "one page short", "noise", "another file"])
def test_a_journal_that_is_damaged_is_refused(org, machine, damage):
    """What is no whole journal is an error that names it, not an empty list of pushes."""
    machine.push()
    path = next(machine.home.rglob("journal.sqlite3"))
    whole = path.read_bytes()
    broken = {
        "cut in half": whole[: len(whole) // 2],
        "one page short": whole[:-4096],
        "noise": whole[:100] + bytes(byte ^ 0x5A for byte in whole[100:]),
        "another file": b"Dear diary,\n" * 500,
    }[damage]
    path.write_bytes(broken)
    with pytest.raises(SalesforceError, match="journal"):
        pushes.pushes()
