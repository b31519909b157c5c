"""When cases and tasks are closed, when events end, and which account an activity counts for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sfdata.localorg.derivation.draft import Draft
from sfdata.localorg.objects.stages import CLOSED_CASE_STATUSES, CLOSED_TASK_STATUSES, HIGH_TASK_PRIORITIES
from sfdata.localorg.records.validation import datetime_text, refusal

CLOSING = {
    "Case": (CLOSED_CASE_STATUSES, "ClosedDate"),
    "Task": (CLOSED_TASK_STATUSES, "CompletedDateTime"),
}
"""Object: the statuses that close it, and the field that keeps when it happened."""

DAY = timedelta(days=1)


def status_closed(draft: Draft) -> None:
    """The status closes a case or task; reopening forgets when it was closed."""
    row = draft.row
    statuses, moment = CLOSING[draft.sobject.name]
    row["IsClosed"] = int(row["Status"] in statuses)
    if not row["IsClosed"]:
        row[moment] = None
    elif row[moment] is None:
        row[moment] = datetime_text(draft.now)
    if draft.sobject.name == "Task":
        row["IsHighPriority"] = int(row["Priority"] in HIGH_TASK_PRIORITIES)


def activity_account(draft: Draft) -> None:
    """An activity counts for the account it is related to, else for that of the contact it is with."""
    related = draft.parent("WhatId") or {}
    person = draft.parent("WhoId") or {}
    is_account = (draft.row["WhatId"] or "").startswith("001")
    account = related.get("Id") if is_account else related.get("AccountId")
    draft.row["AccountId"] = account or person.get("AccountId")


def event_end(draft: Draft) -> None:
    """Start, end and duration of an event agree, whichever two of them were given.

    An event that lasts all day starts at midnight UTC and ends at that of its last day.

    Raises:
        RecordRefused: REQUIRED_FIELD_MISSING without a start or an end, FIELD_INTEGRITY_EXCEPTION where it ends first.
    """
    row = draft.row
    all_day = bool(row["IsAllDayEvent"])
    start = _start(draft, all_day=all_day)
    end = _end(draft, start, all_day=all_day)
    if start is None or end is None:
        missing = ["DurationInMinutes", "ActivityDateTime"]
        raise refusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
    if end < start:
        problem = "Event duration can not be negative: Duration"
        raise refusal("FIELD_INTEGRITY_EXCEPTION", problem, ["DurationInMinutes"])
    row["StartDateTime"] = row["ActivityDateTime"] = datetime_text(start)
    row["ActivityDate"] = start.date().isoformat()
    row["EndDateTime"], row["EndDate"] = datetime_text(end), end.date().isoformat()
    lasting = end - start + (DAY if all_day else timedelta())
    row["DurationInMinutes"] = int(lasting.total_seconds()) // 60


def _start(draft: Draft, *, all_day: bool) -> datetime | None:
    row = draft.row
    if all_day and ("ActivityDate" in draft.given or row["StartDateTime"] is None):
        return _midnight(row["ActivityDate"])
    name = "ActivityDateTime" if "ActivityDateTime" in draft.given else "StartDateTime"
    start = _moment(row[name] or row["ActivityDateTime"])
    return _midnight(row[name][:10]) if start and all_day else start


def _end(draft: Draft, start: datetime | None, *, all_day: bool) -> datetime | None:
    row, given = draft.row, draft.given
    if start is None:
        return None
    if "EndDateTime" in given and row["EndDateTime"]:
        return _midnight(row["EndDateTime"][:10]) if all_day else _moment(row["EndDateTime"])
    minutes = row["DurationInMinutes"]
    if all_day:
        return start + max(timedelta(minutes=minutes or 0) - DAY, timedelta())
    return None if minutes is None else start + timedelta(minutes=minutes)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _midnight(day: Any) -> datetime | None:
    return datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
