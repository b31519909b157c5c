"""sObject Collections: up to 200 records in one call, each with its own outcome, in the order they were given.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections.htm
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sfdata.api.outcomes import Outcome, RowError, outcome_of, writing
from sfdata.errors import ConfigurationError, UnreadableAnswer
from sfdata.resilience.retry import Operation
from sfdata.transport.http_session import HttpSession
from sfdata.transport.messages import Response

MOST_RECORDS = 200
MOST_RETRIEVED = 2000
GONE = "ENTITY_IS_DELETED"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one record. ``created`` is told by upserts only, and not where an earlier try may have done it."""

    id: str | None
    errors: tuple[RowError, ...] = ()
    created: bool | None = None

    @property
    def outcome(self) -> Outcome:
        return outcome_of(self.errors)


def create(
    session: HttpSession, object_name: str, rows: Sequence[Row], *, all_or_none: bool = False
) -> list[RowResult]:
    """Create records of one object. Not sent again after a lost answer.

    Raises:
        OutcomeUnknown: no usable answer tells what was done; its ``sent`` has the rows.
        ResponseError: the org refused the whole call.
        ConfigurationError: more rows than a call may have.
    """
    _check_count(rows, MOST_RECORDS)
    if not rows:
        return []
    with writing(rows):
        content = _content(object_name, rows, all_or_none)
        return _results(session.post(_path(session), content=content, operation=Operation.CREATE), rows)


def update(
    session: HttpSession, object_name: str, rows: Sequence[Row], *, all_or_none: bool = False, once: bool = False
) -> list[RowResult]:
    """Update the records whose ``Id`` the rows have; ``once`` is not sent again after a lost answer.

    Raises:
        OutcomeUnknown, ResponseError, ConfigurationError: as for `create`; a row without ``Id``.
    """
    _check_count(rows, MOST_RECORDS)
    if not all(isinstance(row.get("Id"), str) for row in rows):
        raise ConfigurationError("a row has no Id, by which an update says which record is meant")
    if not rows:
        return []
    operation = Operation.UPDATE_ONCE if once else Operation.UPDATE
    with writing(rows):
        content = _content(object_name, rows, all_or_none)
        answer = session.patch(_path(session), content=content, operation=operation)
        return _for_ids(_results(answer, rows), [row["Id"] for row in rows])


def upsert(
    session: HttpSession,
    object_name: str,
    key: str,
    rows: Sequence[Row],
    *,
    unique: bool,
    all_or_none: bool = False,
    in_doubt: bool = False,
) -> list[RowResult]:
    """Update the records whose ``key`` the rows have, and create those that are missing.

    Only a ``unique`` key that every row has lets the call be sent again after a lost answer; `repeatable` tells.
    ``in_doubt``: the caller has sent it before, and may have created what is there.

    Raises:
        OutcomeUnknown, ResponseError, ConfigurationError: as for `create`.
    """
    _check_count(rows, MOST_RECORDS)
    if not rows:
        return []
    operation = Operation.UPSERT if repeatable(key, rows, unique=unique) else Operation.UPSERT_ONCE
    with writing(rows):
        path, content = f"{_path(session)}/{object_name}/{key}", _content(object_name, rows, all_or_none)
        answer = session.patch(path, content=content, operation=operation)
        results = _results(answer, rows)
    if answer.in_doubt or in_doubt:
        return [replace(result, created=result.created or None) for result in results]
    return results


def repeatable(key: str, rows: Sequence[Row], *, unique: bool) -> bool:
    """Whether an upsert of these rows has the same effect twice as once."""
    return unique and all(row.get(key) not in (None, "") for row in rows)


def delete(
    session: HttpSession, ids: Sequence[str], *, all_or_none: bool = False, in_doubt: bool = False
) -> list[RowResult]:
    """Delete records of any objects. After an attempt that may have deleted them, those that are gone are done.

    ``in_doubt``: the caller has sent it before, and may have deleted them.

    Raises:
        OutcomeUnknown, ResponseError, ConfigurationError: as for `create`.
    """
    _check_count(ids, MOST_RECORDS)
    if not ids:
        return []
    params = {"ids": ",".join(ids), "allOrNone": str(all_or_none).lower()}
    with writing(ids):
        answer = session.delete(_path(session), params=params, operation=Operation.DELETE)
        results = _for_ids(_results(answer, ids), ids)
    if not answer.in_doubt and not in_doubt:
        return results
    gone = [bool(result.errors) and result.errors[0].code == GONE for result in results]
    if all_or_none and not all(gone):
        return results  # what an earlier attempt left undone, and somebody else did, is undone by this one too
    return [RowResult(one) if done else result for one, done, result in zip(ids, gone, results, strict=True)]


def retrieve(
    session: HttpSession, object_name: str, ids: Sequence[str], fields: Sequence[str]
) -> list[dict[str, Any] | None]:
    """The records of these Ids, at most 2,000, with these fields and ``Id``; None for those that are not there.

    Raises:
        UnreadableAnswer: the answer does not fit the question.
        ResponseError: the org refused it.
    """
    _check_count(ids, MOST_RETRIEVED)
    if not ids:
        return []
    named = fields if any(name.casefold() == "id" for name in fields) else [*fields, "Id"]
    content = {"ids": list(ids), "fields": list(named)}
    path = f"{_path(session)}/{object_name}"
    rows = _list(session.post(path, content=content, operation=Operation.READ), len(ids))
    for record_id, row in zip(ids, rows, strict=True):
        if row is not None and (not isinstance(row, dict) or str(row.get("Id"))[:15] != record_id[:15]):
            raise UnreadableAnswer(f"the answer has something else in the place of {record_id}")
    return [row and {name: value for name, value in row.items() if name != "attributes"} for row in rows]


# --- requests --------------------------------------------------------------------------------------------------------


def _path(session: HttpSession) -> str:
    return f"{session.data_path}/composite/sobjects"


def _check_count(rows: Sequence[Any], most: int) -> None:
    if len(rows) > most:
        raise ConfigurationError(f"{len(rows):,} records, where one call may have {most:,}")


def _content(object_name: str, rows: Sequence[Row], all_or_none: bool) -> dict[str, Any]:
    records = [{"attributes": {"type": object_name}, **row} for row in rows]
    return {"allOrNone": all_or_none, "records": records}


# --- answers ---------------------------------------------------------------------------------------------------------


def _list(answer: Response, expected: int) -> list[Any]:
    listed = answer.json()
    if not isinstance(listed, list):
        raise UnreadableAnswer("the answer is no list of results", status=answer.status)
    if len(listed) != expected:
        message = f"the answer has {len(listed)} results for {expected} records, so none can be told whose it is"
        raise UnreadableAnswer(message, status=answer.status)
    return listed


def _results(answer: Response, sent: Sequence[Any]) -> list[RowResult]:
    return [_result(told) for told in _list(answer, len(sent))]


def _result(told: Any) -> RowResult:
    if not isinstance(told, Mapping) or not isinstance(told.get("success"), bool):
        raise UnreadableAnswer("the answer does not say what became of a record")
    record_id = told.get("id")
    if told["success"]:
        if not isinstance(record_id, str):
            raise UnreadableAnswer("the answer does not name a record that was written")
        return RowResult(record_id, created=told.get("created"))
    errors = tuple(map(RowError.from_json, told.get("errors") or ()))
    return RowResult(record_id, errors or (RowError("", "the org does not say why"),))


def _for_ids(results: list[RowResult], ids: Sequence[str]) -> list[RowResult]:
    """``results``, if those that name a record name the one in their place."""
    for record_id, result in zip(ids, results, strict=True):
        if result.id is not None and result.id[:15] != record_id[:15]:
            raise UnreadableAnswer(f"the answer has another record in the place of {record_id}")
    return results
