"""A local org that misbehaves on demand, and a client in a hurry: fixtures for every test of what sfdata survives.

`faulty` is one org for the whole run, taken over clean by each test and held to account at its end: a fault that was
asked for and never struck fails the test, for it proves nothing. Its books, the ledger, say what was really written.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from rig.shim import Shim

import sfdata
from sfdata.localorg import LocalOrg
from sfdata.localorg.bulk import resources
from sfdata.resilience.runtime import Runtime

PAGE = 25
ACCOUNTS = 60
PARENTS = 3
CHILDREN = 60
LONGEST_SLEEP = 0.002
NAMES = tuple(f"Ä{n:02d} 漢字 😀\u2028" for n in range(ACCOUNTS))
"""Of the accounts that are there already: three pages of them, whose bytes cannot be cut anywhere."""


def hurried() -> Runtime:
    """Real time, in which nobody sleeps for long."""
    return Runtime(
        sleep=lambda seconds: time.sleep(min(seconds, LONGEST_SLEEP)),
        wait=lambda event, seconds: event.wait(min(seconds, LONGEST_SLEEP)),
    )


class FaultyOrg:
    """The org, its faults and its books, and connections to it."""

    def __init__(self, local: LocalOrg) -> None:
        self.local = local
        self.url = local.instance_url
        self.before = local.ledger.effects()[-1:]
        self._connections: list[sfdata.Org] = []

    def fault(self, kind: str, operation: str, **rule: Any) -> int:
        """Ask for a fault; see `sfdata.localorg.faults.Rule`."""
        return self.local.faults.add(kind, operation, **rule)

    def count(self, operation: str, path: str | None = None) -> int:
        """Count the requests of an operation from now on; `met` tells how many there were."""
        return self.local.faults.add("delay", operation, path=path, probability=0)

    def met(self, number: int) -> int:
        """How many requests a rule has met."""
        return next(told["met"] for told in self.local.faults.listed() if told["id"] == number)

    def assert_all_consumed(self) -> None:
        """Fail where a fault that was asked for did not strike as often as it was to."""
        missed = [told for told in self.local.faults.listed() if told["fired"] < told["due"]]
        assert not missed, f"faults that never struck prove nothing: {missed}"

    def settle(self) -> None:
        """Hold the test to the faults so far, and take them back."""
        self.assert_all_consumed()
        self.local.faults.clear()

    def connect(self, **options: Any) -> sfdata.Org:
        """A connection that can log in again; it is closed with the test."""
        flow = sfdata.ClientCredentials(
            client_id=self.local.client_id, client_secret=self.local.client_secret, login_url=self.url
        )
        return self._kept(sfdata.connect(flow=flow, runtime=hurried(), **options))

    def connect_through(self, relay: Shim, **options: Any) -> sfdata.Org:
        """A connection whose every byte goes through a relay. (A login would tell the org's own address.)"""
        options = {"instance_url": relay.url, "access_token": self.local.access_token, **options}
        return self._kept(sfdata.connect(runtime=hurried(), **options))

    def _kept(self, connection: sfdata.Org) -> sfdata.Org:
        self._connections.append(connection)
        return connection

    def written(self, object_name: str = "Account") -> Counter[tuple[str, str]]:
        """What was done to the records of an object since the test began: (Id, effect) → how often."""
        last = self.before[0].sequence if self.before else 0
        effects = self.local.ledger.effects(last)
        return Counter((effect.id, effect.effect) for effect in effects if effect.object == object_name)

    def rows(self, soql: str) -> list[dict[str, Any]]:
        """The records of a query, as the org has them: asked in this process, past everything that is tested."""
        engine, user_id = self.local.instance.engine, self.local.user_id
        page = json.loads(engine.query(soql, base="", user_id=user_id))
        records = page["records"]
        while not page["done"]:
            page = json.loads(engine.more(page["nextRecordsUrl"].removeprefix("/query/"), base=""))
            records += page["records"]
        return [{name: value for name, value in record.items() if name != "attributes"} for record in records]

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


@pytest.fixture(scope="session")
def session_org() -> Iterator[LocalOrg]:
    """The org that tests of faults share, with three pages of accounts, some of which have pages of contacts."""
    with LocalOrg(sample_data=False, page_size=PAGE) as running:
        headers = {"Authorization": f"Bearer {running.access_token}"}
        base = f"{running.instance_url}/services/data/v66.0/composite/sobjects"

        def create(records: list[dict[str, Any]]) -> list[str]:
            body = {"allOrNone": True, "records": records}
            outcomes = httpx.post(base, json=body, headers=headers, trust_env=False).raise_for_status().json()
            return [outcome["id"] for outcome in outcomes]

        accounts = [{"attributes": {"type": "Account"}, "Name": name, "Site": "there"} for name in NAMES]
        parents = create(accounts)[:PARENTS]
        for parent in parents:
            contacts = [{"LastName": f"C{n:02d}", "AccountId": parent} for n in range(CHILDREN)]
            create([{"attributes": {"type": "Contact"}, **contact} for contact in contacts])
        yield running


@pytest.fixture
def faulty(session_org: LocalOrg, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[FaultyOrg]:
    """The org without faults, a home without reads or pushes, and clients that do not wait; at the end, the account."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    monkeypatch.setattr(resources, "ROWS_PER_PAGE", PAGE)
    session_org.faults.clear()
    org = FaultyOrg(session_org)
    yield org
    org.close()
    try:
        org.assert_all_consumed()
    finally:
        session_org.faults.clear()


@pytest.fixture
def shim(session_org: LocalOrg) -> Iterator[Shim]:
    """A network in front of the org that misbehaves below HTTP."""
    with Shim(session_org.instance_url) as relay:
        yield relay
