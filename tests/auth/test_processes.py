"""Processes that share one login: each refresh token is used once, whoever comes first, and whoever is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sfdata.localorg import LocalOrg

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and kills")


@pytest.fixture(scope="module")
def strict_org():
    """An org that replaces a refresh token with each use, and ends the whole login when an old one comes back."""
    with LocalOrg(sample_data=False, rotate_refresh_tokens=True) as org:
        yield org


@pytest.fixture
def login(strict_org, tmp_path):
    """A fresh login: what a process is told, and the approval behind it."""
    instance, made = strict_org.instance, []

    def make():
        scope = "refresh_token api id web"
        token, approval = instance.refresh_tokens.issue(strict_org.user_id, strict_org.client_id, scope)
        made.append(approval)
        told = {"client_id": strict_org.client_id, "refresh_token": token, "login_url": strict_org.login_url}
        return told | {"home": str(tmp_path / f"home-{len(made)}")}, approval

    return make


def program(mode):
    command = [sys.executable, str(Path(__file__).with_name("renewing.py")), mode]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


@pytest.mark.catalogue("A3", "S17", "F3")
@pytest.mark.parametrize(
    ("processes", "expiries"), [(8, 4), pytest.param(8, 50, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_processes_that_meet_one_expiry_redeem_one_refresh_token(strict_org, login, processes, expiries):
    """Eight processes whose token ends again and again: one redemption each time, and nobody has to log in."""
    told, approval = login()
    spent = strict_org.instance.refresh_tokens._spent
    with program("race") as racing:
        racing.stdin.write(json.dumps(told | {"processes": processes}) + "\n")
        before = len(spent)
        for expiry in range(1, expiries + 1):
            racing.stdin.write("go\n")
            assert json.loads(racing.stdout.readline()) == ["ok"] * processes
            assert len(spent) - before == expiry
            strict_org.instance.sessions.revoke_approval(approval.number)
        racing.stdin.write("\n")
    assert racing.returncode == 0


STEPS = {
    "the request that is refused": "ok",
    "its answer": "ok",
    "room on the disk, flushed": "ok",
    "renamed": "ok",
    "its folder flushed": "ok",
    "the refresh token sent": "ok",
    "the answer read, whose token nobody else knows": "LoginRequired",
    "the login flushed": "LoginRequired",
    "renamed over the old one": "LoginRequired",
    "its folder flushed at last": "ok",
}
"""What a renewal does to wire and disk, and what the next process meets where one is killed before it."""


@pytest.mark.catalogue("A3", "S17", "P4")
@pytest.mark.parametrize(
    "steps", [list(STEPS)[4:], pytest.param(list(STEPS), marks=pytest.mark.slow)], ids=["late", "all"]
)
def test_whoever_is_killed_renewing_leaves_the_login_to_the_next(login, steps):
    """Killed before any step, the next process goes on with the login; only what the org had replaced already, and
    nobody had yet written down, is lost, and an error asks for a login."""
    met = {}
    with program("kill") as killing:
        for step in steps:
            told, _ = login()  # only now: an org knows five logins of a user and an app
            killing.stdin.write(json.dumps(told | {"step": 1 + list(STEPS).index(step)}) + "\n")
            killed, met[step] = json.loads(killing.stdout.readline())
            assert killed == "SIGKILL"
        killing.stdin.close()
    assert met == {step: STEPS[step] for step in steps}
