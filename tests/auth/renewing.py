"""Processes that renew one login, as a program of its own: started by tests, told on standard input what to do.

One line of JSON says who logs in, and ``mode``:

- ``race``: ``processes`` connections by one login, each in a process of its own. With each further line all of them
  ask the org something at once; what each met is answered in a line.
- ``kill``: a process establishes the login, its access token is revoked, a second process renews it and is killed
  before its ``step``-th step to disk or wire, a third one goes on. What that one met is answered in a line.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import urllib.request

import keyring
import keyring.backend

import sfdata
import sfdata.org
from sfdata.auth import vault
from sfdata.transport.wire import LiveWire

FORK = multiprocessing.get_context("fork")
PATIENCE = 30


class OneKey(keyring.backend.KeyringBackend):
    """The keyring of a system: all its processes find the same key there."""

    priority = 0.1

    def get_password(self, service, username):
        return "A" * 43 + "="

    set_password = delete_password = None


def connected(told):
    flow = sfdata.RefreshToken(
        client_id=told["client_id"], refresh_token=told["refresh_token"], login_url=told["login_url"]
    )
    return sfdata.connect(flow=flow, remember=True)


def met(org):
    """What asking the org leads to: ``ok``, or an error's name."""
    try:
        org.limits()
    except Exception as problem:
        return type(problem).__name__
    return "ok"


def race(told):
    starting = FORK.Barrier(told["processes"])
    pipes = [FORK.Pipe() for _ in range(told["processes"])]

    def ask(pipe):
        with connected(told) as org:
            while pipe.recv():
                starting.wait(PATIENCE)
                pipe.send(met(org))

    processes = [FORK.Process(target=ask, args=(theirs,)) for _, theirs in pipes]
    for process in processes:
        process.start()
    for line in sys.stdin:
        for ours, _ in pipes:
            ours.send(bool(line.strip()))
        if not line.strip():
            break
        print(json.dumps([ours.recv() if ours.poll(PATIENCE) else "silence" for ours, _ in pipes]), flush=True)
    for process in processes:
        process.join()


def killed_before(step):
    """Have this process killed before its ``step``-th step, counted from 1."""
    left = [step]

    def counted(function):
        def counting(*arguments, **options):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return counting

    asked = LiveWire.handle_request
    answered = counted(lambda answer: answer)
    LiveWire.handle_request = counted(lambda self, request: answered(asked(self, request)))
    os.fsync, os.replace = counted(os.fsync), counted(os.replace)


def kill(told):
    def process(work):
        ours, theirs = FORK.Pipe()
        child = FORK.Process(target=lambda: theirs.send(work()))
        child.start()
        theirs.close()
        child.join()
        return signal.Signals(-child.exitcode).name if child.exitcode else ours.recv()

    def establish():
        org = connected(told)
        org.limits()
        return org._session.tokens.current().access.reveal()

    def renew():
        org = connected(told)
        killed_before(told["step"])
        return met(org)

    token = process(establish)
    urllib.request.urlopen(f"{told['login_url']}/services/oauth2/revoke", f"token={token}".encode(), timeout=10).close()
    print(json.dumps([process(renew), process(lambda: met(connected(told)))]), flush=True)


if __name__ == "__main__":
    vault.KEYRINGS = (*vault.KEYRINGS, "__main__.OneKey")
    keyring.set_keyring(OneKey())
    for told in map(json.loads, [sys.stdin.readline()] if sys.argv[1] == "race" else sys.stdin):
        os.environ["SFDATA_HOME"] = told["home"]
        {"race": race, "kill": kill}[sys.argv[1]](told)
