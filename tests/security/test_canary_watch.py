"""The watch over the run finds what it is there to find."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

PLUGIN = """
from pathlib import Path
from rig import canary

def pytest_configure(config):
    canary.watch(config, Path(__file__).parent / "sources")
"""

LEAKS = """
import base64, gzip, json, logging, secrets, sqlite3, zlib
from urllib.parse import quote
import pytest
from rig import canary
from sfdata.errors import ConnectionFailed
from sfdata.secret import Secret

canary.SAMPLE = 1
VALUE = "a/+" + secrets.token_urlsafe(32)
SECRET = Secret(VALUE)

def test_harmless(tmp_path):
    print(SECRET, repr(SECRET), VALUE[:10])
    logging.getLogger("sfdata").debug("%s", SECRET)
    (tmp_path / "file").write_text(f"{SECRET} {VALUE[-12:]}")
    with pytest.raises(ConnectionFailed):
        raise ConnectionFailed(f"no {SECRET}")

def test_printed():
    print(f"x{VALUE}y")

def test_printed_as_in_a_url():
    print(f"?token={quote(VALUE, safe='')}&x")

@pytest.mark.parametrize("before", [0, 1, 2])
def test_printed_in_base64(before):
    print(base64.b64encode(b"u:w"[:before] + VALUE.encode() + b"more").decode())

def test_logged():
    logging.getLogger("httpcore.http11").debug("sent %s", {"h": VALUE})

def test_logged_beside_the_line():
    logging.getLogger("sfdata.x").debug("sent", extra={"h": VALUE})

def test_raised():
    with pytest.raises(ConnectionFailed):
        raise ConnectionFailed(f"Bearer {VALUE}")

def test_raised_behind_another():
    with pytest.raises(ConnectionFailed):
        raise ConnectionFailed("no") from ValueError(VALUE)

def test_written(tmp_path):
    (tmp_path / "notebook.ipynb").write_text(json.dumps({"cells": [{"outputs": [VALUE]}]}))

def test_packed(tmp_path):
    (tmp_path / "page-00000").write_bytes(gzip.compress(VALUE.encode()))

def test_journalled(tmp_path):
    db = sqlite3.connect(tmp_path / "journal.sqlite3")
    db.execute("CREATE TABLE t (x)")
    db.execute("INSERT INTO t VALUES (?)", (VALUE,))
    db.commit()
    db.close()
"""


@pytest.mark.parametrize("processes", [[], ["-p", "xdist", "-n", "2"]], ids=["one process", "several"])
@pytest.mark.catalogue("S1", "S2", "S4", "S34")
def test_every_way_to_leak_is_found_and_fails_the_run(tmp_path, processes):
    """Printed, logged, raised, written, packed or stored, in every form: each place is named, the secret is not.

    Masks, and pieces too short to be of use, are no finds.
    """
    (tmp_path / "sources").mkdir()
    (tmp_path / "conftest.py").write_text(PLUGIN)
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", tmp_path / "pytest.ini"]
    environment = {"PYTHONPATH": str(TESTS), "HOME": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [*command, *processes, "--basetemp", tmp_path / "made", tmp_path],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "13 passed" in done.stdout
    places = done.stdout.partition("SECRETS WERE FOUND")[2]
    for place in (
        *("::test_printed\n", "test_printed_as_in_a_url", "in_base64[0]", "in_base64[1]", "in_base64[2]"),
        *("log of test_leaks.py::test_logged\n", "test_logged_beside", "an error that a test expects"),
        *("notebook.ipynb", "page-00000", "journal.sqlite3"),
    ):
        assert place in places
    assert "harmless" not in places
    assert "a/+" not in places
