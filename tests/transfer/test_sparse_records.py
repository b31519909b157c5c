"""Records that do not have the same fields, as JSON and dictionaries often do not."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest
from rig.in_process import URL, InProcessOrg

from sfdata.api.describe import DescribeCache
from sfdata.auth.flows import AccessToken
from sfdata.config import OrgConfig
from sfdata.resilience.hooks import Hooks
from sfdata.transfer.planning import PushRequest
from sfdata.transfer.pushes import Pushes
from sfdata.transport.http_session import HttpSession

FIELDS = ("Name", "Phone", "Site", "Website", "Fax", "NumberOfEmployees")
RECORDS = [
    {"Name": "a", "Phone": "1"},
    {"Site": "s", "Name": "b"},
    {"Name": "c", "Website": "w.example", "Phone": "2"},
    *({"Name": f"n{number}"} for number in range(190)),
    {"Fax": "9", "NumberOfEmployees": 7, "Name": "z"},
]


@pytest.fixture(scope="module")
def org():
    with InProcessOrg() as running:
        yield running


@pytest.mark.catalogue("B16")
@pytest.mark.parametrize("engine", ["bulk", "collections"])
@pytest.mark.parametrize("frame", [pd.DataFrame, lambda rows: pl.from_dicts(rows, infer_schema_length=None)])
def test_no_field_is_dropped_that_some_records_have(org, monkeypatch, tmp_path, engine, frame):
    """A field of the first record alone, or of the last alone, is written there, and empty in all others."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    flow = AccessToken(access_token=org.access_token, instance_url=URL)
    with HttpSession(OrgConfig(URL), flow, wire=org.wire()) as session:
        pushes = Pushes(session, DescribeCache(session), Hooks(), retry=lambda *again: None)
        result = pushes.push(frame(RECORDS), PushRequest("Account", "insert", engine=engine))
    found = org.ask("GET", "query", params={"q": f"SELECT Id, {', '.join(FIELDS)} FROM Account"}).json()["records"]
    there = {record["Id"]: {name: record[name] for name in FIELDS} for record in found}
    assert [there[id_] for id_ in result.ids] == [dict.fromkeys(FIELDS) | record for record in RECORDS]
