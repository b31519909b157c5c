from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sfdata import local_process
from sfdata.errors import ConfigurationError
from sfdata.local_process import LocalProcess, local_org


@pytest.fixture
def start_instead(monkeypatch):
    """Lets a script be started in place of the local org."""
    real = subprocess.Popen

    def replace(script):
        monkeypatch.setattr(
            local_process.subprocess,
            "Popen",
            lambda command, **options: real([sys.executable, "-c", script], **options),
        )

    return replace


def test_an_org_that_does_not_start_says_what_it_said(start_instead):
    """The last line of its complaint is in the error, or its exit status where it said nothing."""
    start_instead("import sys; sys.exit('warming up\\nno room on the disk')")
    with pytest.raises(ConfigurationError, match="did not start: no room on the disk"):
        LocalProcess()
    start_instead("raise SystemExit(7)")
    with pytest.raises(ConfigurationError, match="ended with status 7"):
        LocalProcess()


WELL_BEHAVED = "import os, sys; print('{\"pid\": %d}' % os.getpid(), flush=True); sys.stdin.read()"


def test_a_stopped_org_is_gone_and_may_be_stopped_again(start_instead):
    """stop() lets go of the life line, which ends the process; a second one does nothing."""
    start_instead(WELL_BEHAVED)
    org = LocalProcess()
    assert org.alive
    assert isinstance(org.info["pid"], int)
    org.stop()
    assert not org.alive
    org.stop()


@pytest.mark.skipif(os.name != "posix", reason="sessions of POSIX")
def test_an_interrupt_of_ours_does_not_reach_the_org(start_instead):
    """Ctrl-C is meant for the query: the org stands in a session of its own, which the terminal's signal leaves out."""
    start_instead(WELL_BEHAVED)
    org = LocalProcess()
    assert os.getsid(org.info["pid"]) != os.getsid(0)
    org.stop()


def test_an_org_that_ignores_its_life_line_is_killed(start_instead):
    """An org that does not end when it is let go is ended."""
    start_instead("import time\nprint('{}', flush=True)\ntime.sleep(3600)")
    org = LocalProcess()
    org.PATIENCE_SECONDS = 0.2
    org.stop()
    assert not org.alive


def test_a_process_has_one_org_and_a_new_one_when_it_died(start_instead, monkeypatch):
    """local_org() is the same org at every call; should it have ended, the next call starts another."""
    start_instead(WELL_BEHAVED)
    monkeypatch.setattr(local_process, "_running", None)
    first = local_org()
    assert local_org() is first
    local_process._running.stop()
    assert local_org()["pid"] != first["pid"]
    local_process._running.stop()


@pytest.mark.catalogue("S7")
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system does not show processes as files")
def test_no_secret_stands_where_others_see_processes(monkeypatch):
    """Neither the org's own secrets nor ours are in its command line or environment, and ours is left as it was."""
    monkeypatch.setenv("SF_CLIENT_SECRET", "canary-of-a-real-org")
    before = dict(os.environ)
    org = LocalProcess()
    try:
        seen = b"".join(Path(f"/proc/{org._process.pid}/{file}").read_bytes() for file in ("cmdline", "environ"))
    finally:
        org.stop()
    secrets = [value for name, value in org.info.items() if re.search("token|secret|password", name) and value]
    assert len(secrets) >= 2
    assert b"sfdata.localorg" in seen
    assert [secret for secret in [*secrets, "canary-of-a-real-org"] if secret.encode() in seen] == []
    assert dict(os.environ) == before
