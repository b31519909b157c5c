"""What changed and what was deleted in a stretch of time, as an org keeps account of it, and the org's own clock.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_getupdated.htm
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_getdeleted.htm
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from sfdata.errors import ResponseError, UnreadableAnswer
from sfdata.transport.http_session import HttpSession

SHORTEST = dt.timedelta(minutes=1)
"""The org ignores seconds, and wants an end at least so long after the start."""

Struct = TypeVar("Struct", bound=msgspec.Struct)
Window = TypeVar("Window", "Updated", "Deleted")


@dataclass(frozen=True, slots=True)
class OrgClock:
    """Which org answers, by its 18-character Id, and what time it is there."""

    org_id: str
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class Updated:
    """The ``ids`` of records created or changed, all of those until ``covered_until`` among them."""

    ids: tuple[str, ...]
    covered_until: dt.datetime


@dataclass(frozen=True, slots=True)
class Deleted:
    """The records deleted, each with the time, all of those until ``covered_until`` among them.

    What was deleted before ``kept_since`` may be forgotten already; None where the org does not say.
    """

    records: Mapping[str, dt.datetime]
    kept_since: dt.datetime | None
    covered_until: dt.datetime


def org_clock(session: HttpSession) -> OrgClock:
    """The org's Id and the time it says it is, for one API call.

    Raises:
        UnreadableAnswer: the answer names no org, or bears no date.
    """
    answer = session.get(f"{session.data_path}/query", params={"q": "SELECT Id FROM Organization"})
    found = _decoded(answer.content, _Organizations).records
    try:
        now = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        raise UnreadableAnswer("the answer does not say what time it is: its Date header is missing") from None
    if len(found) != 1:
        raise UnreadableAnswer(f"the answer names {len(found)} organizations instead of one")
    return OrgClock(found[0].Id, now.astimezone(dt.UTC))


def get_updated(session: HttpSession, object_name: str, start: dt.datetime, end: dt.datetime) -> Updated:
    """The records of an object created or changed from ``start`` until ``end``, both aware, at most 30 days ago.

    Seconds do not count. A window with more Ids than the org lists at once is asked for in parts.

    Raises:
        ResponseError: INVALID_REPLICATION_DATE for a window out of range.
        InvalidType: the object is unknown or not replicated.
    """

    def ask(start: dt.datetime, end: dt.datetime) -> Updated:
        found = _decoded(_window(session, object_name, "updated", start, end), _Updated)
        return Updated(tuple(found.ids), _moment(found.latestDateCovered) or end)

    return _whole(ask, start, end)


def get_deleted(session: HttpSession, object_name: str, start: dt.datetime, end: dt.datetime) -> Deleted:
    """The records of an object deleted from ``start`` until ``end``, both aware, at most 15 days ago.

    Seconds do not count. A window with more Ids than the org lists at once is asked for in parts.

    Raises:
        ResponseError: INVALID_REPLICATION_DATE for a window out of range, or one of which deletions are forgotten.
        InvalidType: the object is unknown or not replicated.
    """

    def ask(start: dt.datetime, end: dt.datetime) -> Deleted:
        found = _decoded(_window(session, object_name, "deleted", start, end), _Deleted)
        records = {one.id: _moment(one.deletedDate) or end for one in found.deletedRecords}
        return Deleted(records, _moment(found.earliestDateAvailable), _moment(found.latestDateCovered) or end)

    return _whole(ask, start, end)


# --- windows ---------------------------------------------------------------------------------------------------------


def _whole(ask: Callable[[dt.datetime, dt.datetime], Window], start: dt.datetime, end: dt.datetime) -> Window:
    """The answer for a window, put together from its halves where the org finds it too large."""
    start, end = (moment.astimezone(dt.UTC).replace(second=0, microsecond=0) for moment in (start, end))
    try:
        return ask(start, end)
    except ResponseError as refused:
        if refused.error_code != "EXCEEDED_ID_LIMIT" or end - start < 2 * SHORTEST:
            raise
    middle = (start + (end - start) / 2).replace(second=0, microsecond=0)
    earlier = _whole(ask, start, middle)
    return earlier if earlier.covered_until < middle else _joined(earlier, _whole(ask, middle, end))


def _joined(earlier: Window, later: Window) -> Window:
    if isinstance(earlier, Updated) and isinstance(later, Updated):
        return Updated(tuple(dict.fromkeys((*earlier.ids, *later.ids))), later.covered_until)
    assert isinstance(earlier, Deleted)
    assert isinstance(later, Deleted)
    kept = [moment for moment in (earlier.kept_since, later.kept_since) if moment]
    return Deleted({**earlier.records, **later.records}, max(kept, default=None), later.covered_until)


def _window(session: HttpSession, object_name: str, what: str, start: dt.datetime, end: dt.datetime) -> bytes:
    params = {"start": start.isoformat(), "end": end.isoformat()}
    return session.get(f"{session.data_path}/sobjects/{object_name}/{what}/", params=params).content


# --- answers ---------------------------------------------------------------------------------------------------------


class _Organization(msgspec.Struct):
    Id: str


class _Organizations(msgspec.Struct):
    records: list[_Organization]


class _Updated(msgspec.Struct):
    ids: list[str]
    latestDateCovered: str | None = None  # noqa: N815 - Salesforce's word


class _DeletedRecord(msgspec.Struct):
    id: str
    deletedDate: str  # noqa: N815 - Salesforce's word


class _Deleted(msgspec.Struct):
    deletedRecords: list[_DeletedRecord]  # noqa: N815 - Salesforce's word
    earliestDateAvailable: str | None = None  # noqa: N815 - Salesforce's word
    latestDateCovered: str | None = None  # noqa: N815 - Salesforce's word


def _decoded(body: bytes, form: type[Struct]) -> Struct:
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise UnreadableAnswer(f"the answer is not of the form asked for: {problem}") from None


def _moment(text: str | None) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(text) if text else None
    except ValueError:
        raise UnreadableAnswer(f"the answer holds {text!r} where a date and time should be") from None
    return moment and moment.replace(tzinfo=moment.tzinfo or dt.UTC).astimezone(dt.UTC)
