"""A push whose every step is failed in turn: each request, answer, write, sync, rename and transaction of it.

What is really in the org is told by the org's own ledger and by its engine, past everything that is tested.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest
from rig.steps import KINDS, Children, fail_every_step

import sfdata.org  # and all it needs, once for every child
from sfdata.errors import SalesforceError
from sfdata.localorg import LocalOrg
from sfdata.resilience.patience import Patience
from sfdata.resilience.runtime import Runtime
from sfdata.transport.http_session import HttpSession

STANDING = ("standing 0", "standing 1")
"""Accounts that are there already, for an upsert to change."""
INDEX = [7, 7, 8, 9]


def rows(operation, home):
    """The rows of a push: half of an upsert's are there already."""
    tag = f"{operation} {Path(home).name}"
    names = [*STANDING, f"{tag} 2", f"{tag} 3"] if operation == "upsert" else [f"{tag} {n}" for n in range(4)]
    return pd.DataFrame({"Name": names, "Ext__c": names, "Site": tag}, index=INDEX)


def push(url, token, operation, home):
    """Push the rows in two units, in a hurry."""
    with hurried(), sfdata.connect(instance_url=url, access_token=token) as org:
        key = "Ext__c" if operation == "upsert" else None
        return org.push(rows(operation, home), "Account", operation, key=key, part_rows=2, engine="bulk")


def hurried():
    """Jobs are asked how they are without a pause, and nobody waits before a repeat."""
    stack = ExitStack()
    patience = partial(Patience, first_seconds=0.002, longest_seconds=0.02)
    session = partial(HttpSession, runtime=Runtime(sleep=lambda seconds: None))
    stack.enter_context(mock.patch("sfdata.transfer.push.Patience", patience))
    stack.enter_context(mock.patch("sfdata.org.HttpSession", session))
    return stack


@pytest.fixture(scope="module")
def org():
    with LocalOrg(sample_data=False) as running:
        with sfdata.connect(instance_url=running.instance_url, access_token=running.access_token) as connected:
            account = connected.sobject("Account")
            for name in STANDING:
                account.create({"Name": name, "Ext__c": name})
        yield running


@pytest.fixture(scope="module")
def children():
    with Children(Path(__file__)) as lent:
        yield lent


class Books:
    """What the org says it did since it was last asked."""

    def __init__(self, org):
        self._org = org
        self._seen = 0
        self.since()

    def since(self):
        effects = self._org.ledger.effects(self._seen)
        self._seen = effects[-1].sequence if effects else self._seen
        return Counter((self._name(one.id), one.effect) for one in effects if one.object == "Account")

    def ids(self):
        store = self._org.instance.store
        return dict(store.connection.execute('SELECT "Name", "Id" FROM "Account"').fetchall())

    def _name(self, record_id):
        return self._org.instance.store.get(self._org.instance.object("Account"), record_id)["Name"]


def goes_on(org, books, operation, home, ended):
    """What the user does next: resume what is journalled, or push again; then every row is there, once."""
    assert ended in (None, "killed") or isinstance(ended, SalesforceError | KeyboardInterrupt), repr(ended)
    begin = partial(push, org.instance_url, org.access_token, operation)
    journalled = sfdata.pushes()["id"].tolist()
    if journalled:
        with hurried(), sfdata.connect(instance_url=org.instance_url, access_token=org.access_token) as connected:
            result = connected.resume(*journalled)
    else:
        assert books.since() == {}, "nothing is written before it is journalled"
        result = begin(home=str(home))
    frame = rows(operation, home)
    expected = {name: "updated" if name in STANDING else "created" for name in frame["Name"]}
    assert books.since() == Counter(expected.items())
    told, ids = result.frame, books.ids()
    assert told.index.tolist() == INDEX
    assert told["sf__Id"].tolist() == [ids[name] for name in frame["Name"]]
    assert told["sf__Created"].tolist() == [name not in STANDING for name in frame["Name"]]
    assert set(told["sf__Outcome"]) == {"succeeded"}
    assert sfdata.pushes()["state"].tolist()[-1] == "finished"
    assert not list((home / "pushes" / result.id).glob("*.part"))


@pytest.mark.catalogue("F1", "P1", "P4", "B1", "B2", "B3", "B4", "B5")
@pytest.mark.parametrize(
    ("operation", "kind", "every"),
    [
        *(("insert", kind, 17) for kind in KINDS),
        *(pytest.param(verb, kind, 1, marks=pytest.mark.slow) for verb in ("insert", "upsert") for kind in KINDS),
    ],
)
def test_a_push_survives_a_failure_of_any_step(org, children, tmp_path, operation, kind, every):
    """No connection, a lost answer, a full disk, Ctrl-C or signal 9 at any step: each row is written and told once."""
    begin = partial(push, org.instance_url, org.access_token, operation)
    finish = partial(goes_on, org, Books(org), operation)
    tally = fail_every_step(begin, finish, tmp_path, [kind], every, children)
    print(f"{operation}: {tally}")
    assert tally.points[kind] > 90 // every
    if kind != "kill":
        assert tally.steps.keys() >= {"request", "answer", "write", "fsync", "rename", "begin", "commit"}
