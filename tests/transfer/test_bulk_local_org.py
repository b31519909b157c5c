"""Bulk reads from the real local org, by way of real sockets and real processes: the same rows as over REST, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest

import sfdata
from sfdata.localorg import LocalOrg
from sfdata.localorg.bulk import resources

OPPORTUNITIES = """SELECT Id, Name, Owner.Name, Account.Owner.Profile.Name, Amount, Probability, IsWon, CloseDate,
    CreatedDate, SystemModstamp, Description, NextStep FROM Opportunity ORDER BY Id"""
ROWS_PER_PAGE = 20


@pytest.fixture(scope="module")
def local():
    with pytest.MonkeyPatch.context() as patch, LocalOrg(scale=0.1) as running:
        patch.setattr(resources, "ROWS_PER_PAGE", ROWS_PER_PAGE)
        yield running


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """State goes to a folder of the test's own, of child processes too."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def org(local):
    with sfdata.connect(instance_url=local.instance_url, access_token=local.access_token) as connection:
        yield connection


@pytest.fixture
def served(monkeypatch):
    """The locators told with each page of results that the org has sent."""
    sent, csv = [], resources._csv

    def counted(body, headers=None):
        if headers and "Sforce-Locator" in headers:
            sent.append(headers["Sforce-Locator"])
        return csv(body, headers)

    monkeypatch.setattr(resources, "_csv", counted)
    return sent


@pytest.mark.parametrize("version", ["67.0", "57.0"])
@pytest.mark.parametrize(
    "soql",
    [
        OPPORTUNITIES,
        "SELECT Id, Name, AnnualRevenue, NumberOfEmployees, BillingCity, BillingLatitude FROM Account ORDER BY Id",
        "SELECT Id, IsActive, Username, CreatedDate, Manager.Name FROM User ORDER BY Id",
        "SELECT Name FROM Account WHERE Name = 'nobody'",
    ],
)
def test_a_job_gives_the_frame_that_rest_gives(local, version, soql):
    """Values, dtypes, names and order, with the list of pages (API 58) and without."""
    options = {"instance_url": local.instance_url, "access_token": local.access_token, "api_version": version}
    with sfdata.connect(**options) as org:
        by_rest = org.query(soql, engine="rest")
        by_bulk = org.query(soql, engine="bulk")
    pd.testing.assert_frame_equal(by_bulk, by_rest)
    assert by_bulk.attrs["sfdata"]["engine"] == "bulk"


CHILD = """
import json, os, signal, sys
import sfdata
url, token, soql, job, most = json.loads(sys.argv[1])
with sfdata.connect(instance_url=url, access_token=token) as org:
    query = org.resume(job) if job else org.soql(soql, engine="bulk")
    names, batches = [], query._batches()
    for batch, _ in batches:
        names += batch.table["Name"].to_pylist()
        if len(names) >= most:
            os.kill(os.getpid(), signal.SIGKILL)
    print(json.dumps(names))
"""


def in_a_process(local, soql="", job=None, most=10**9):
    """Read in a process of its own, which kills itself when it has so many rows."""
    asked = json.dumps([local.instance_url, local.access_token, soql, job, most])
    command = [sys.executable, "-c", CHILD, asked]
    return subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)


@pytest.mark.catalogue("P4", "D7")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_read_killed_half_way_goes_on_in_another_process(local, org, served, home):
    """With kill -9, twice: the same rows as without it, and no page that was there is fetched again."""
    soql = "SELECT Id, Name FROM Account ORDER BY Id LIMIT 200"
    expected = org.query(soql, engine="rest")["Name"].tolist()
    pages = -(-len(expected) // ROWS_PER_PAGE)
    assert pages == 10
    most = 45
    assert in_a_process(local, soql, most=most).returncode == -signal.SIGKILL
    (job,) = (folder.name for folder in (home / "reads").iterdir())
    assert in_a_process(local, job=job, most=most).returncode == -signal.SIGKILL
    kept = len(list((home / "reads" / job).glob("page-*.json")))
    before = len(served)
    done = in_a_process(local, job=job)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected
    assert kept >= most // ROWS_PER_PAGE + 1
    assert len(served) - before == pages - kept
    assert list((home / "reads").iterdir()) == []


def test_what_is_resumed_is_what_sfdata_resume_finds(local, org, home):
    """By the Id in the error, with nothing but a connection."""
    org.hooks.subscribe(stop_at_the_first_row)
    with pytest.raises(KeyboardInterrupt):
        org.query(OPPORTUNITIES, engine="bulk")
    (job,) = (folder.name for folder in (home / "reads").iterdir())
    with sfdata.connect(instance_url=local.instance_url, access_token=local.access_token) as other:
        frame = sfdata.resume(job, other).to_pandas()
        pd.testing.assert_frame_equal(frame, other.query(OPPORTUNITIES, engine="rest"))


def stop_at_the_first_row(event):
    if hasattr(event, "total"):
        raise KeyboardInterrupt
