"""What a read keeps on disk: whole pages or none, for one reader at a time, for their owner only."""

from __future__ import annotations

import errno
import gzip
import json
import os
import stat
import subprocess
import sys
import time
from contextlib import closing

import pytest

from sfdata.errors import ConfigurationError, SpoolFailed
from sfdata.state import state_folder
from sfdata.stop import Stop, Stopped
from sfdata.transfer import spool as spool_module
from sfdata.transfer.spool import Spool, SpooledRead
from sfdata.transport.bodies import BodyCut

JOB = "750AA0000000001AAA"
URL = "/services/data/v67.0/jobs/query/750AA0000000001AAA/results"
READ = SpooledRead(JOB, "https://acme.my.salesforce.com", "67.0", "SELECT Id FROM Account WHERE Name = 'ä'", False)
BODY = gzip.compress(b'"Id"\n"001"\n')


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """State goes to a folder of the test's own."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def spool():
    return Spool.new(READ)


def kept(spool, number=0, body=BODY, url=URL, rows=1, locator="null"):
    with closing(spool.file(number, url)) as file:
        file.restart({"content-encoding": "gzip"})
        for start in range(0, len(body), 7):
            file.write(body[start : start + 7])
        return file.keep(rows, locator)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- pages -----------------------------------------------------------------------------------------------------------


def test_a_page_that_was_kept_is_there_for_another_process(spool):
    """With its bytes as they came, and what was told of it."""
    page = kept(spool)
    again = Spool.open(JOB)
    assert again.read == READ
    assert again.page(0, URL) == page
    assert again.page(0, URL).path.read_bytes() == BODY
    assert b"".join(again.page(0, URL).chunks()) == b'"Id"\n"001"\n'
    assert again.page(1, URL) is None


def test_a_page_of_another_address_is_not_this_one(spool):
    """Should pages be numbered otherwise the next time, none is taken for another."""
    kept(spool)
    assert spool.page(0, f"{URL}?locator=x") is None


def test_an_attempt_begins_anew(spool):
    """Bytes of an answer that broke off are not before those of the next one."""
    file = spool.file(0, URL)
    file.restart({"content-encoding": "gzip"})
    file.write(b"half an answer")
    file.restart({})
    file.write(b'"Id"\n')
    file.keep(0, "null")
    assert spool.page(0, URL).coding == ""
    assert list(spool.page(0, URL).chunks()) == [b'"Id"\n']


def test_a_page_that_is_not_kept_leaves_nothing(spool):
    """Its bytes do not take room on the disk."""
    file = spool.file(0, URL)
    file.restart({})
    file.write(b"half a page")
    assert len(names(spool.folder)) == 2
    file.close()
    assert names(spool.folder) == ["read.json"]
    assert spool.page(0, URL) is None


def test_a_page_nobody_waits_for_is_given_up(spool):
    """The next bytes end the download."""
    stop = Stop()
    with closing(spool.file(0, URL)) as file, stop.heeded():
        file.restart({})
        file.write(b"x")
        stop.set()
        with pytest.raises(Stopped):
            file.write(b"x")


def test_a_forgotten_page_is_gone(spool):
    """So that it is fetched again."""
    spool.forget(kept(spool))
    assert spool.page(0, URL) is None


def torn(path, how):
    content = path.read_bytes()
    {
        "missing": path.unlink,
        "empty": lambda: path.write_bytes(b""),
        "half": lambda: path.write_bytes(content[: len(content) // 2]),
        "longer": lambda: path.write_bytes(content + content),
        "garbled": lambda: path.write_bytes(bytes(len(content) + 1)),
    }[how]()


@pytest.mark.catalogue("F2")
@pytest.mark.parametrize("how", ["missing", "empty", "half", "longer", "garbled"])
@pytest.mark.parametrize("which", ["page-00000", "page-00000.json"])
def test_a_torn_page_is_not_there(spool, which, how):
    """Whatever a power cut leaves of a page, half of it is never taken for the whole."""
    page = kept(spool)
    torn(spool.folder / which, how)
    assert spool.page(0, URL) is None
    assert kept(spool) == page == spool.page(0, URL)


def test_a_page_cut_by_the_org_is_found_when_it_is_read(spool):
    """What came as it is now is whole to the disk, and breaks off for the reader."""
    kept(spool, body=BODY[:-3])
    with pytest.raises(BodyCut):
        list(spool.page(0, URL).chunks())


def test_a_spool_is_complete_when_its_pages_have_all_rows(spool):
    """As many rows as the job counts, in pages that follow each other; else one may be missing."""
    assert spool.complete() == []
    spool.count(3)
    first = kept(spool, 0, rows=2)
    assert Spool.open(JOB).complete() == []
    kept(spool, 2, rows=1)
    assert Spool.open(JOB).complete() == []
    second = kept(spool, 1, rows=1)
    spool.forget(spool.page(2))
    assert Spool.open(JOB).complete() == [first, second]
    kept(spool, 1, rows=None)
    assert Spool.open(JOB).complete() == []


# --- spools ----------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("S28")
@pytest.mark.parametrize("job", ["750AA0000000002AAA", "", ".", "..", "../reads", "750AA00000", "750AA0000000001aaa"])
def test_an_unknown_read_is_said_to_be_one(spool, job):
    """No such job, part of an Id, or a path: nothing is opened, and the error says what was asked for."""
    with pytest.raises(ConfigurationError, match="nothing is known here"):
        Spool.open(job)


@pytest.mark.parametrize("how", ["missing", "empty", "half", "garbled"])
def test_a_spool_without_a_whole_record_is_unknown(spool, how):
    """Without the query there is nothing to resume."""
    torn(spool.folder / "read.json", how)
    with pytest.raises(ConfigurationError):
        Spool.open(JOB)


def test_fifteen_characters_name_a_job(spool):
    """As an org's pages show them."""
    assert Spool.open(JOB[:15]).read == READ


def test_everything_goes_when_the_rows_have_been_handed_over(spool, home):
    """Nothing is left of a read that came to its end, also where it is held."""
    kept(spool)
    with spool.held():
        spool.remove()
    assert names(home / "reads") == []


@pytest.mark.catalogue("S15", "S34")
def test_only_the_owner_can_read_what_is_kept(spool, home):
    """Folders are 0700 and files 0600, whatever the umask: rows are nobody else's business."""
    kept(spool)
    with spool.held():
        paths = [home, *home.rglob("*")]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert len(modes) == 7
    assert modes == {p.name: 0o700 if p.is_dir() else 0o600 for p in paths}


def test_old_spools_are_swept_when_a_new_one_is_made(spool, home):
    """Those older than an org keeps results, unless somebody reads them; the others stay."""
    others = {name: Spool.new(SpooledRead(f"750AA000000000{name}AAA", "x", "67.0", "q", False)) for name in "234"}
    week_ago = time.time() - 7 * 86_400
    for name, age in {"2": -60, "3": 60, "4": -60}.items():
        os.utime(others[name].folder / "read.json", (week_ago + age, week_ago + age))
    with others["4"].held():
        os.utime(others["4"].folder / "read.json", (week_ago - 60, week_ago - 60))
        Spool.new(SpooledRead("750AA0000000005AAA", "x", "67.0", "q", False))
        assert [name[14] for name in names(home / "reads")] == ["1", "3", "4", "5"]


# --- one reader at a time --------------------------------------------------------------------------------------------


@pytest.mark.catalogue("F3")
def test_a_spool_is_held_by_one_reading(spool):
    """A second one of this process is refused, until the first lets go."""
    with spool.held(), pytest.raises(ConfigurationError, match="being read already"), Spool.open(JOB).held():
        pass
    with spool.held():
        pass


@pytest.mark.catalogue("F3")
def test_a_spool_is_held_by_one_process_and_until_its_end(spool, home):
    """Another process's hold counts, and ends when it is killed."""
    code = (
        "import sys, time\nfrom sfdata.transfer.spool import Spool\n"
        f"with Spool.open({JOB!r}).held():\n    print('held', flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=dict(os.environ)) as process:
        assert process.stdout.readline().strip() == b"held"
        with pytest.raises(ConfigurationError, match="another process"), spool.held():
            pass
        process.kill()
        process.wait()
    with spool.held():
        pass


# --- the disk --------------------------------------------------------------------------------------------------------


class FullDisk:
    """A file that takes so many bytes, and no more."""

    def __init__(self, file, room):
        self._file = file
        self._room = room

    def write(self, content):
        self._room[0] -= len(content)
        if self._room[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(content)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._file.close()

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.fixture
def room(monkeypatch):
    """The bytes that the disk still takes."""
    left, create = [1 << 30], spool_module._create
    monkeypatch.setattr(spool_module, "_create", lambda path: FullDisk(create(path), left))
    return left


@pytest.mark.catalogue("F1")
def test_a_full_disk_is_told_with_what_is_safe(spool, room):
    """The pages before it stay, what there is of the page goes, and the error says how to go on."""
    kept(spool, 0)
    room[0] = len(BODY) // 2
    file = spool.file(1, URL)
    file.restart({})
    with pytest.raises(SpoolFailed, match="No space left") as failed:
        file.write(BODY)
    file.close()
    assert (failed.value.job, failed.value.pages) == (JOB, 1)
    assert f'sfdata.resume("{JOB}")' in failed.value.hint
    assert spool.page(0) is not None
    assert not list(spool.folder.glob("*.part"))


@pytest.mark.catalogue("F1")
@pytest.mark.parametrize("moment", range(40))
def test_a_disk_that_fills_at_any_moment_leaves_whole_pages(spool, room, moment):
    """Wherever in a page, or in what is told of it, the room ends: the page is there as a whole or not at all."""
    room[0] = moment * 10
    try:
        page = kept(spool)
    except SpoolFailed:
        page = None
    assert Spool.open(JOB).page(0, URL) == page


@pytest.mark.catalogue("F1")
def test_a_home_that_cannot_be_made_is_refused(home):
    """Before a job is made whose pages could not be kept; the error says what to set."""
    home.write_text("in the way")
    with pytest.raises(ConfigurationError, match=str(home)) as refused:
        Spool.refuse_homeless()
    assert "SFDATA_HOME" in refused.value.hint


def test_a_spool_that_cannot_be_made_is_told(home):
    """A file where the folder should be."""
    (home / "reads").mkdir(parents=True)
    (home / "reads" / JOB).write_text("in the way")
    with pytest.raises(SpoolFailed):
        Spool.new(READ)


# --- where -----------------------------------------------------------------------------------------------------------


def test_state_lives_where_it_was_told_to(monkeypatch, tmp_path):
    """SFDATA_HOME, with ~ for the home folder; else the user's state folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SFDATA_HOME", "~/mine")
    assert state_folder("reads") == tmp_path / "mine" / "reads"
    monkeypatch.delenv("SFDATA_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert state_folder("reads").is_dir()
    if sys.platform == "linux":
        assert state_folder("reads") == tmp_path / "state" / "sfdata" / "reads"


def test_what_is_told_of_a_read_holds_no_more_than_that(spool):
    """The record is the query and where it went, and nothing of who asked."""
    told = json.loads((spool.folder / "read.json").read_text("utf-8"))
    assert set(told) == {"job", "org", "api_version", "query", "all_rows", "rows"}
