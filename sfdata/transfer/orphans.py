"""Ingest jobs that were made and never closed: nobody knows their Id any more, and nothing will become of them."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from sfdata.api import bulk_ingest
from sfdata.api.identity import user_id
from sfdata.transfer.pushes import jobs_on_their_way
from sfdata.transport.http_session import HttpSession

ORPHANED_AFTER = dt.timedelta(hours=1)
"""Age from which an open job is taken for one that nobody will close."""
_COLUMNS = ("id", "object", "operation", "created")


def orphaned_jobs(session: HttpSession) -> pd.DataFrame:
    """The open ingest jobs of this user that are older than an hour; see `sfdata.Org.orphaned_jobs`.

    https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_all_jobs.htm
    """
    user, awaited, latest = user_id(session)[:15], jobs_on_their_way(), session.runtime.moment() - ORPHANED_AFTER
    found = [
        [getattr(job, name) for name in _COLUMNS]
        for job in bulk_ingest.jobs(session)
        if job.state == "Open" and (job.created_by or "")[:15] == user and job.id not in awaited
    ]
    frame = pd.DataFrame(found, columns=list(_COLUMNS), dtype="str")
    frame["created"] = pd.to_datetime(frame["created"], utc=True, format="ISO8601").astype("datetime64[ms, UTC]")
    return frame[frame["created"] <= latest].sort_values("created", kind="stable", ignore_index=True)
