"""Three processes with one login, and everything that can happen to it, in any order."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sfdata.auth import RefreshToken, TokenAnswer
from sfdata.auth.token_store import TokenStore
from sfdata.auth.tokens import Link, Login
from sfdata.auth.vault import Vault
from sfdata.errors import ConnectionFailed, LoginRequired
from sfdata.secret import Secret

MY_DOMAIN = "https://acme.my.salesforce.com"
PROCESSES = st.sampled_from(["one", "two", "three"])


class Killed(BaseException):
    """A process ends here."""


class StrictOrg:
    """Replaces a refresh token with each use; when an old one comes back, it ends the login."""

    def __init__(self):
        self.redeemed = 0
        self.sessions = set()
        self.log_in()

    def log_in(self):
        self.refresh, self.spent, self.ended = f"refresh-{self.redeemed}", set(), False
        return self.refresh

    def answer(self, request):
        given = parse_qs(request.encoded().decode())["refresh_token"][0]
        if given != self.refresh or self.ended:
            self.ended = self.ended or given in self.spent
            self.sessions.clear()
            body = {"error": "invalid_grant", "error_description": "expired access/refresh token"}
            return TokenAnswer(400, json.dumps(body).encode())
        self.redeemed += 1
        self.spent.add(given)
        self.refresh, access = f"{given.partition('.')[0]}.{self.redeemed}", f"00D!{self.redeemed}"
        self.sessions.add(access)
        body = {"access_token": access, "refresh_token": self.refresh, "instance_url": MY_DOMAIN}
        return TokenAnswer(200, json.dumps(body).encode())


class KillableStore(TokenStore):
    """A store whose process can be killed at each of its steps."""

    killed = None

    def reserve(self):
        self._step("before room")
        super().reserve()

    def save(self, kept):
        self._step("before saving")
        super().save(kept)
        self._step("after saving")

    def _step(self, step):
        if self.killed == step:
            raise Killed


class Process:
    """One process: its login, its store on the common file, and what becomes of its requests."""

    def __init__(self, machine):
        key = Vault(Secret(base64.b64encode(bytes(32)).decode()))
        self.store = KillableStore(machine.folder / "a.login", machine.flow.digest(), key, name="prod", begin=True)
        self.login = Login(machine.flow, store=self.store, clock=lambda: machine.time, now=lambda: machine.time)
        self.link = Link(self.fetch, lambda flow, reason: None)
        self.org, self.fault = machine.org, None

    def fetch(self, request):
        if self.fault == "not sent":
            raise ConnectionFailed("no connection")
        if self.fault == "before redeeming":
            raise Killed
        answer = self.org.answer(request)
        if self.fault == "after redeeming":
            raise Killed
        if self.fault == "answer lost":
            raise ConnectionFailed("the connection broke")
        return answer

    def use(self):
        """A request: whether the org takes the token in the end."""
        token = self.login.current(self.link)
        for _ in range(2):
            if token.access.reveal() in self.org.sessions:
                break
            token = self.login.renewed(token, self.link)
            if not token.found:
                break
        self.login.wait_for(self.link)
        return token.access.reveal() in self.org.sessions


class Machine(RuleBasedStateMachine):
    """``lost``: a refresh token that the org gave out reached no disk. ``reasons``: why anybody may have renewed."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.patches = pytest.MonkeyPatch()
        self.patches.setattr("sfdata.state.os.fsync", lambda descriptor: None)  # no power is cut here
        self.time, self.org = 1_800_000_000.0, StrictOrg()
        self.log_in()

    def log_in(self):
        self.flow = RefreshToken(client_id="key", refresh_token=self.org.log_in())
        for file in self.folder.iterdir():
            file.unlink()
        self.processes = {name: Process(self) for name in ("one", "two", "three")}
        self.lost, self.reasons, self.redeemed_before = False, 1, self.org.redeemed

    def teardown(self):
        self.patches.undo()
        shutil.rmtree(self.folder)

    @rule(name=PROCESSES)
    def use(self, name):
        """Whoever asks is let in; only a token that was lost asks for a login."""
        try:
            assert self.processes[name].use()
        except LoginRequired:
            assert self.lost
            self.log_in()

    @rule()
    def expire(self):
        self.org.sessions.clear()
        self.reasons += 1

    @rule(minutes=st.sampled_from([1, 89, 91, 600, -180]))
    def pass_time(self, minutes):
        self.time += minutes * 60
        self.reasons += minutes > 60

    @rule(name=PROCESSES)
    def restart(self, name):
        """A new process knows what the user gave: the first refresh token, long spent."""
        self.processes[name] = Process(self)

    @precondition(lambda self: not self.lost)
    @rule(name=PROCESSES, step=st.sampled_from(["before room", "before saving", "after saving"]))
    def kill_at_the_disk(self, name, step):
        self.expire()
        self.processes[name].store.killed = step
        self.killed(name, lost=step == "before saving")

    @precondition(lambda self: not self.lost)
    @rule(name=PROCESSES, step=st.sampled_from(["before redeeming", "after redeeming"]))
    def kill_on_the_wire(self, name, step):
        self.expire()
        self.processes[name].fault = step
        self.killed(name, lost=step == "after redeeming")

    def killed(self, name, *, lost):
        redeemed = self.org.redeemed
        try:
            self.processes[name].use()
        except Killed:
            self.lost = self.lost or (lost and self.org.redeemed > redeemed)
        self.processes[name] = Process(self)

    @precondition(lambda self: not self.lost)
    @rule(name=PROCESSES, fault=st.sampled_from(["not sent", "answer lost"]))
    def lose_a_message(self, name, fault):
        self.expire()
        redeemed = self.org.redeemed
        self.processes[name].fault = fault
        with pytest.raises(ConnectionFailed):
            self.processes[name].use()
        self.processes[name].fault = None
        self.lost = self.org.redeemed > redeemed

    @invariant()
    def nobody_has_been_thrown_out(self):
        """As long as nothing was lost, no spent token was ever sent, and nobody renewed without a reason."""
        if hasattr(self, "org") and not self.lost:
            assert not self.org.ended
            assert self.org.redeemed - self.redeemed_before <= self.reasons


Machine.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestThreeProcesses = pytest.mark.catalogue("A3", "S17", "F3")(Machine.TestCase)
