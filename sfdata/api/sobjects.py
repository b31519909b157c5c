"""Single records: created, read, updated, upserted by a key and deleted, on conditions where wanted.

Values are JSON's own, with ``Decimal`` for numbers with a point; `sfdata.api.record_values` makes them from Python's.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_retrieve.htm
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest_conditional_requests.htm
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from sfdata.api.outcomes import json_object, writing
from sfdata.errors import ConfigurationError, Conflict, SeveralRecords, UnreadableAnswer
from sfdata.resilience.retry import Operation
from sfdata.transport.http_session import HttpSession
from sfdata.transport.messages import Response

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_IN_PATH = re.compile(r"[A-Za-z0-9_~@+-][A-Za-z0-9_~@+ -]*")
NOT_MODIFIED, SEVERAL, GONE, UNMET = 304, 300, 404, 412


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be true of a record for a request to be carried out.

    Attributes:
        if_match: the ``etag`` of a `Record`; only accounts have one, elsewhere it is ignored.
        if_modified_since: for reads.
        if_unmodified_since: for writes. Both are sent in whole seconds, which is all that HTTP dates have: a change in
            the very second named passes for none.
    """

    if_match: str | None = None
    if_modified_since: dt.datetime | None = None
    if_unmodified_since: dt.datetime | None = None

    def headers(self) -> dict[str, str]:
        """The request's headers.

        Raises:
            ConfigurationError: a time without a time zone.
        """
        told = {
            "If-Match": self.if_match,
            "If-Modified-Since": _http_date(self.if_modified_since),
            "If-Unmodified-Since": _http_date(self.if_unmodified_since),
        }
        return {name: value for name, value in told.items() if value is not None}


NO_CONDITION = Condition()


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read.

    Attributes:
        fields: values by field, ``attributes`` left out.
        etag: what tells this state from others, where the object has it.
        read_at: the org's own time of the answer, in whole seconds; None where it did not say.
    """

    fields: Mapping[str, Any]
    etag: str | None = None
    read_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Upserted:
    """The outcome of an upsert. ``created`` is None where nobody can tell: an earlier attempt may have created it.

    ``id`` is None for updates by API versions before 46, whose answers are empty.
    """

    id: str | None
    created: bool | None


def create(session: HttpSession, object_name: str, fields: Mapping[str, Any]) -> str:
    """Create a record; its Id.

    Raises:
        OutcomeUnknown: no answer tells whether it was created. It is not sent again.
        ResponseError: the org refused it.
    """
    with writing([fields]):
        answer = session.post(_path(session, object_name), content=fields, operation=Operation.CREATE)
        return _id(json_object(answer))


def get(
    session: HttpSession,
    object_name: str,
    record_id: str,
    fields: Iterable[str] | None = None,
    condition: Condition = NO_CONDITION,
) -> Record | None:
    """A record with these fields, or all that the user can see; None where it is unmodified by the condition.

    Raises:
        NotFound: there is no such record, or it was deleted.
        Conflict: ``if_match`` does not fit.
    """
    path = _path(session, object_name, _record_id(record_id))
    params = {"fields": ",".join(fields)} if fields is not None else None
    answer = session.get(path, params=params, headers=condition.headers(), statuses=(NOT_MODIFIED, UNMET))
    _check_met(answer, object_name, record_id)
    return None if answer.status == NOT_MODIFIED else _record(answer)


def content(session: HttpSession, object_name: str, record_id: str, field: str) -> bytes:
    """The content of a file that a record holds in a field of type base64.

    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_blob_retrieve.htm

    Raises:
        NotFound: there is no such record, or it was deleted.
    """
    return session.get(_path(session, object_name, _record_id(record_id), field)).content


def update(
    session: HttpSession,
    object_name: str,
    record_id: str,
    fields: Mapping[str, Any],
    condition: Condition = NO_CONDITION,
    *,
    once: bool = False,
) -> None:
    """Give a record's fields new values.

    Sent again after a lost answer, which leaves the same values but has triggers and flows run twice; unless ``once``,
    or on a condition, which the first of two such writes ends for the second.

    Raises:
        Conflict: the condition is not met; nothing was written.
        OutcomeUnknown: no answer tells whether it was done.
        NotFound: there is no such record.
        ResponseError: the org refused it.
    """
    path, headers = _path(session, object_name, _record_id(record_id)), condition.headers()
    operation = Operation.UPDATE_ONCE if once or headers else Operation.UPDATE
    with writing([{"Id": record_id, **fields}]):
        answer = session.patch(path, content=fields, operation=operation, headers=headers, statuses=(UNMET,))
    _check_met(answer, object_name, record_id)


def fits_path(value: str) -> bool:
    """Whether a key's value can be part of an address; what has dots, slashes and the like goes by collections."""
    return _IN_PATH.fullmatch(value) is not None


def upsert(
    session: HttpSession,
    object_name: str,
    key: str,
    value: str,
    fields: Mapping[str, Any],
    *,
    unique: bool,
    update_only: bool = False,
) -> Upserted:
    """Update the record whose ``key`` is ``value``, or create it unless ``update_only``.

    ``fields`` are without the key. Only a ``unique`` key lets it be sent again after a lost answer.

    Raises:
        SeveralRecords: more than one record has that key; its ``records`` lists their Ids. Nothing was written.
        OutcomeUnknown: no answer tells whether it was done.
        NotFound: there is none, and ``update_only``.
        ConfigurationError: a value that cannot be part of an address.
    """
    if not fits_path(value):
        hint = "Upsert by collections takes any value."
        raise ConfigurationError(f"{key} {value!r} cannot be part of an address", hint=hint)
    path = _path(session, object_name, key, value) + ("?updateOnly=true" if update_only else "")
    operation = Operation.UPSERT if unique else Operation.UPSERT_ONCE
    with writing([{key: value, **fields}]):
        answer = session.patch(path, content=fields, operation=operation, statuses=(SEVERAL,))
        if answer.status == SEVERAL:
            raise _several(object_name, key, value, answer)
        if answer.status == 204:
            return Upserted(None, None if answer.in_doubt else False)
        told = json_object(answer)
        created = told.get("created", answer.status == 201) is True
        return Upserted(_id(told), None if answer.in_doubt and not created else created)


def delete(session: HttpSession, object_name: str, record_id: str) -> None:
    """Delete a record.

    After an attempt that may have deleted it, a record that is gone is done; gone on the first attempt it is an error.

    Raises:
        NotFound: there is no such record, or it was deleted before.
        OutcomeUnknown: no answer tells whether it was done.
        ResponseError: the org refused it.
    """
    path = _path(session, object_name, _record_id(record_id))
    with writing([record_id]):
        answer = session.delete(path, operation=Operation.DELETE, statuses=(GONE,))
    if answer.status == GONE and not answer.in_doubt:
        raise session.error(path, GONE, answer.content)


# --- requests --------------------------------------------------------------------------------------------------------


def _path(session: HttpSession, *parts: str) -> str:
    return "/".join((session.data_path, "sobjects", *(quote(part, safe="") for part in parts)))


def _record_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ConfigurationError(f"{text!r} is no Id of a record, which has 15 or 18 letters and digits")
    return text


def _http_date(moment: dt.datetime | None) -> str | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ConfigurationError(f"{moment} has no time zone; a condition needs one")
    return format_datetime(moment.astimezone(dt.UTC), usegmt=True)


# --- answers ---------------------------------------------------------------------------------------------------------


def _record(answer: Response) -> Record:
    try:
        found = json.loads(answer.content, parse_float=Decimal)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UnreadableAnswer("the answer is no record", status=answer.status)
    fields = {name: value for name, value in found.items() if name != "attributes"}
    return Record(fields, answer.headers.get("etag"), _date(answer))


def _date(answer: Response) -> dt.datetime | None:
    try:
        return parsedate_to_datetime(answer.headers["date"]).astimezone(dt.UTC)
    except (KeyError, ValueError):
        return None


def _id(told: Mapping[str, Any]) -> str:
    record_id = told.get("id")
    if not isinstance(record_id, str) or told.get("success") is False:
        raise UnreadableAnswer("the answer names no record")
    return record_id


def _check_met(answer: Response, object_name: str, record_id: str) -> None:
    if answer.status == UNMET:
        raise Conflict(
            f"{object_name} {record_id} is no longer as it was read: somebody changed it in between",
            status=UNMET,
            hint="Read it again and decide; update_with_retry does both.",
        )


def _several(object_name: str, key: str, value: str, answer: Response) -> SeveralRecords:
    listed = answer.json()
    ids = tuple(str(url).rpartition("/")[2] for url in listed) if isinstance(listed, list) else ()
    hint = "Name the record by its Id, or make the key unique."
    message = f"{object_name} has {len(ids)} records whose {key} is {value!r}; nothing was written"
    return SeveralRecords(message, {value: ids}, hint=hint)
