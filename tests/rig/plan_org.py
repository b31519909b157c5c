"""A real org with a field of most types, and somebody else in it: for plans, their undoing, and hashes."""

from __future__ import annotations

import datetime as dt
from functools import partial

import httpx
import pytest

import sfdata
from sfdata.localorg import LocalOrg
from sfdata.transfer.push import Patience

SCHEMA = """
[Account.fields]
Key__c    = { type = "text", external_id = true, unique = true }
Loose__c  = { type = "text", external_id = true }
Rank__c   = { type = "number", precision = 8, scale = 0, external_id = true, unique = true }
Long__c   = { type = "longtext" }
Check__c  = { type = "checkbox" }
Amount__c = { type = "currency", precision = 15, scale = 2 }
Day__c    = { type = "date" }
At__c     = { type = "datetime" }
Clock__c  = { type = "time" }
Pick__c   = { type = "picklist", values = ["Red", "Green"], restricted = true }
Tags__c   = { type = "multipicklist", values = ["One", "Two", "Three"], restricted = true }
Parent__c = { type = "lookup", to = "Account", children = "Parts" }

[Line__c]
label = "Line"

[Line__c.fields]
Ext__c     = { type = "text", external_id = true, unique = true }
Note__c    = { type = "text" }
Account__c = { type = "master-detail", to = "Account", children = "Lines" }
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    schema = tmp_path_factory.mktemp("org") / "schema.toml"
    schema.write_text(SCHEMA)
    with LocalOrg(sample_data=False, schema=schema) as running:
        running.ledger.effects()  # opens it
        yield running


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine without pushes, that asks jobs soon how they are."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    monkeypatch.setattr("sfdata.transfer.push.Patience", partial(Patience, first_seconds=0.005, longest_seconds=0.05))


@pytest.fixture
def org(local):
    with sfdata.connect(instance_url=local.instance_url, access_token=local.access_token) as connected:
        yield connected


@pytest.fixture
def other(local):
    """Somebody else in the org."""
    with SomebodyElse(local) as person:
        yield person


class SomebodyElse:
    """Writes and reads records by requests of their own, and knows what was really written."""

    def __init__(self, local):
        self._local = local
        self._ledger = local.ledger.effects()[-1:]
        headers = {"Authorization": f"Bearer {local.access_token}"}
        base = f"{local.instance_url}/services/data/v66.0/"
        self._client = httpx.Client(base_url=base, headers=headers, trust_env=False)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._client.close()

    def create(self, name="Account", **fields):
        return self._client.post(f"sobjects/{name}", json=fields).raise_for_status().json()["id"]

    def change(self, record, name="Account", **fields):
        self._client.patch(f"sobjects/{name}/{record}", json=fields).raise_for_status()

    def delete(self, record, name="Account"):
        self._client.delete(f"sobjects/{name}/{record}").raise_for_status()

    def see(self, soql):
        """The records of a query, as tuples."""
        found = self._client.get("query", params={"q": soql}).raise_for_status().json()["records"]
        return [tuple(value for name, value in record.items() if name != "attributes") for record in found]

    def stamp(self, record, when, *fields):
        """Have a record last changed at that time."""
        text = when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        store = self._local.instance.store
        for field in fields or ("SystemModstamp", "LastModifiedDate"):
            with store.transaction():
                store.connection.execute(f'UPDATE "Account" SET "{field}" = ? WHERE "Id" = ?', [text, record])

    def written(self):
        """What was written since this was asked last: effect and Id, in order."""
        seen = self._ledger[-1].sequence if self._ledger else 0
        effects = self._local.ledger.effects(seen)
        self._ledger = effects[-1:] or self._ledger
        return [(one.effect, one.id) for one in effects]
