"""Which rows changed or went within a stretch of time: the ``updated`` and ``deleted`` resources of an object.

See https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_getupdated.htm
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sfdata.localorg.records.validation import RecordRefused, datetime_text, refusal
from sfdata.localorg.schema import SObject
from sfdata.localorg.store import Store
from sfdata.localorg.tables import quoted

MOST_IDS = 600_000
SHORTEST = timedelta(minutes=1)
UPDATED_KEPT = timedelta(days=30)
DELETED_KEPT = timedelta(days=15)


def updated(store: Store, sobject: SObject, start: datetime, end: datetime, now: datetime) -> dict[str, Any]:
    """The Ids of the rows created or changed from ``start`` until ``end``, and until when the answer is complete.

    Raises:
        RecordRefused: INVALID_REPLICATION_DATE, EXCEEDED_ID_LIMIT, or an object that is not replicated.
    """
    start, end = _window(start, end, now, UPDATED_KEPT)
    ids = [record_id for record_id, _ in _touched(store, sobject, start, end, deleted=False)]
    return {"ids": ids, "latestDateCovered": _to_the_minute(min(end, now))}


def deleted(store: Store, sobject: SObject, start: datetime, end: datetime, now: datetime) -> dict[str, Any]:
    """The rows deleted from ``start`` until ``end``, from the recycle bin too, and how far back that is known.

    Raises:
        RecordRefused: INVALID_REPLICATION_DATE, EXCEEDED_ID_LIMIT, or an object that is not replicated.
    """
    start, end = _window(start, end, now, DELETED_KEPT)
    rows = _touched(store, sobject, start, end, deleted=True)
    return {
        "deletedRecords": [{"id": record_id, "deletedDate": moment} for record_id, moment in rows],
        "earliestDateAvailable": _to_the_minute(now - DELETED_KEPT),
        "latestDateCovered": _to_the_minute(min(end, now)),
    }


def _to_the_minute(moment: datetime) -> str:
    return datetime_text(moment.replace(second=0))


def _window(start: datetime, end: datetime, now: datetime, kept: timedelta) -> tuple[datetime, datetime]:
    """Both ends without their seconds, which Salesforce ignores."""
    start, end = (moment.replace(second=0, microsecond=0) for moment in (start, end))
    if end - start < SHORTEST:
        raise _bad_window("endDate must be at least one minute greater than startDate")
    if start < now - kept - SHORTEST:
        raise _bad_window(f"startDate cannot be more than {kept.days} days ago")
    return start, end


def _bad_window(message: str) -> RecordRefused:
    return refusal("INVALID_REPLICATION_DATE", message, None)


def _touched(store: Store, sobject: SObject, start: datetime, end: datetime, *, deleted: bool) -> list[tuple[str, str]]:
    if not sobject.replicateable or sobject.field("SystemModstamp") is None:
        raise refusal("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support replication", None)
    marked = '"IsDeleted"' if sobject.field("IsDeleted") else "0"
    statement = (
        f'SELECT "Id", "SystemModstamp" AS stamp FROM {quoted(sobject.name)} '  # noqa: S608 - schema names only
        f"WHERE stamp >= :start AND stamp < :end AND {marked} = :deleted "
        'UNION ALL SELECT id, stamp FROM "_deletions" '
        "WHERE stamp >= :start AND stamp < :end AND object = :object AND :deleted ORDER BY stamp LIMIT :most"
    )
    given = {"start": datetime_text(start), "end": datetime_text(end), "deleted": int(deleted)}
    with store.lock:
        found = store.connection.execute(statement, {**given, "object": sobject.name, "most": MOST_IDS + 1}).fetchall()
    if len(found) > MOST_IDS:
        raise refusal("EXCEEDED_ID_LIMIT", f"more than {MOST_IDS} ids in this time; ask for a shorter one", None)
    return found
