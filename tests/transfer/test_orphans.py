"""Jobs that nobody will close: told to their user, and ended only when the user says so."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

import sfdata
from sfdata.api import bulk_ingest
from sfdata.errors import NotFound, ResponseError
from sfdata.localorg import LocalOrg
from sfdata.transfer.journal import Journal, PushRecord, Unit


@pytest.fixture(scope="module")
def local():
    with LocalOrg(sample_data=False) as running:
        yield running


@pytest.fixture(params=["by a token", "by a login"])
def org(local, request, monkeypatch, tmp_path):
    """A connection that knows its user from the login, or has to ask; on a machine without pushes."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    login = {"instance_url": local.instance_url, "access_token": local.access_token}
    if request.param == "by a login":
        known = {"client_id": local.client_id, "client_secret": local.client_secret, "login_url": local.login_url}
        login = {"flow": sfdata.ClientCredentials(**known)}
    for job in local.instance.bulk.jobs.listed("V2Ingest"):
        job.state = "Aborted"
    with sfdata.connect(**login) as connected:
        yield connected


@pytest.fixture
def job(local, org):
    """Makes a job, so many minutes old, of this user or another."""

    def make(minutes, operation="insert", created_by=None):
        made = bulk_ingest.create(org._session, "Account", operation)
        kept = local.instance.bulk.jobs.find("V2Ingest", made.id)
        kept.created -= dt.timedelta(minutes=minutes)
        kept.created_by = created_by or kept.created_by
        return kept

    return make


@pytest.mark.catalogue("B1")
def test_open_jobs_of_this_user_that_are_older_than_an_hour_are_told(org, job):
    """Neither younger ones, nor those of others, nor those that were closed; the oldest first."""
    second, first = job(61, "delete"), job(600)
    job(59)
    job(600, created_by="005000000000001AAA")
    job(600).close()
    told = org.orphaned_jobs()
    assert told[["id", "object", "operation"]].values.tolist() == [
        [first.id, "Account", "insert"],
        [second.id, "Account", "delete"],
    ]
    assert [str(dtype) for dtype in told.dtypes] == ["str", "str", "str", "datetime64[ms, UTC]"]
    assert told["created"].iloc[0] == pd.Timestamp(first.created).floor("s")


def test_no_orphan_is_no_row(org):
    """The frame has its types also where it is empty."""
    told = org.orphaned_jobs()
    assert told.empty
    assert [str(dtype) for dtype in told.dtypes] == ["str", "str", "str", "datetime64[ms, UTC]"]


def test_a_job_that_a_push_will_close_is_no_orphan(org, job, tmp_path):
    """A push that was stopped between upload and close goes on with its job; when it is over, nobody does."""
    waiting = job(600)
    journal = Journal(tmp_path / "pushes")
    unit = Unit("push-x", 1, 1, "")
    journal.plan(PushRecord("push-x", "", "Account", "insert", None, ("Name",), 1, "running", "2026-01-01", {}), [unit])
    unit = journal.advance(unit, "uploaded", job=waiting.id)
    assert org.orphaned_jobs().empty
    journal.advance(unit, "planned", job=None)
    journal.close()
    assert org.orphaned_jobs()["id"].tolist() == [waiting.id]


def test_an_orphan_is_ended_by_its_user(org, job):
    """abort_job ends one, and says so where there is none or it has ended."""
    orphan = job(600)
    org.abort_job(orphan.id)
    assert orphan.state == "Aborted"
    assert org.orphaned_jobs().empty
    with pytest.raises(ResponseError):
        org.abort_job(orphan.id)
    with pytest.raises(NotFound):
        org.abort_job("750000000000001AAA")
