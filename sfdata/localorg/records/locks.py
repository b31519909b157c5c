"""Rows that are held, as if by somebody else's transaction: writes that touch them get UNABLE_TO_LOCK_ROW.

A write touches its row and every row that it refers to, as Salesforce locks the parents of what is saved. An org of
one process never fights over rows by itself, so a test says which rows are held: by `LocalOrg.locks`, or from outside

    POST   /localorg/locks  {"ids": ["001…"], "times": 3}    the next three rows that touch it are refused
    POST   /localorg/locks  {"ids": ["001…"]}                … all, until it is released
    GET    /localorg/locks                                   what is held
    DELETE /localorg/locks?ids=001…                          released; without ids everything is

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_planning_guidelines.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any

from sfdata.localorg.answers import ApiError
from sfdata.localorg.ids import normalize
from sfdata.localorg.records.validation import refusal
from sfdata.localorg.routing import Answer, Request, Route, json_answer
from sfdata.localorg.schema import SObject
from sfdata.localorg.tables import AUDIT_REFERENCES

PATH = "/localorg/locks"
MEMBERS = frozenset({"ids", "times"})


class Locks:
    """The rows held in one org, by their 18-character Ids."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[str, int | None] = {}

    def hold(self, ids: Iterable[str], times: int | None = None) -> None:
        """Hold rows: refuse the next ``times`` rows that touch one of them; without ``times`` all, until `release`.

        Raises:
            ValueError: one is no Id, or ``times`` is below 1.
        """
        if times is not None and times < 1:
            raise ValueError(f"times must be 1 or more, not {times}")
        wanted = dict.fromkeys(map(_full_id, ids), times)
        with self._lock:
            self._held |= wanted

    def release(self, ids: Iterable[str] | None = None) -> None:
        """Let go of these rows, or of all."""
        with self._lock:
            for record_id in [*self._held] if ids is None else map(_full_id, ids):
                self._held.pop(record_id, None)

    def held(self) -> Mapping[str, int | None]:
        """The rows held, and how many rows each will still refuse; None for all."""
        with self._lock:
            return dict(self._held)

    def check(self, sobject: SObject, *rows: Mapping[str, Any]) -> None:
        """Refuse a write that turns one of these rows into the other, where it touches a row that is held.

        Raises:
            RecordRefused: UNABLE_TO_LOCK_ROW.
        """
        if not self._held:
            return
        touched = {row[field.name] for row in rows for field in sobject.fields if _leads_to_row(field.name, field.type)}
        with self._lock:
            met = sorted(touched & self._held.keys())
            for record_id in met:
                self._count_down(record_id)
        if met:
            message = f"unable to obtain exclusive access to this record or {len(met)} records: {','.join(met)}"
            raise refusal("UNABLE_TO_LOCK_ROW", message)

    def _count_down(self, record_id: str) -> None:
        left = self._held[record_id]
        if left == 1:
            del self._held[record_id]
        elif left is not None:
            self._held[record_id] = left - 1


def _leads_to_row(name: str, kind: str) -> bool:
    return kind == "id" or (kind == "reference" and name not in AUDIT_REFERENCES)


def _full_id(given: str) -> str:
    record_id = normalize(given)
    if record_id is None:
        raise ValueError(f"{given!r} is no record Id")
    return record_id


# --- the resource ----------------------------------------------------------------------------------------------------


def hold(request: Request) -> Answer:
    """``POST``: hold the rows of ``ids``."""
    body = request.json
    if not isinstance(body, dict) or not body.keys() <= MEMBERS or not _is_list_of_texts(body.get("ids")):
        raise _bad("The body must be a JSON object with ids, a list of record Ids, and perhaps times, a whole number")
    times = body.get("times")
    if times is not None and type(times) is not int:
        raise _bad(f"times must be a whole number, not {times!r}")
    try:
        request.org.records.locks.hold(body["ids"], times)
    except ValueError as problem:
        raise _bad(str(problem)) from None
    return held(request)


def held(request: Request) -> Answer:
    """``GET``: the rows that are held."""
    rows = request.org.records.locks.held()
    return json_answer({"locks": [{"id": record_id, "times": times} for record_id, times in rows.items()]})


def release(request: Request) -> Answer:
    """``DELETE``: release the rows of ``ids``, or all."""
    ids = request.query.get("ids")
    try:
        request.org.records.locks.release(None if ids is None else ids.split(","))
    except ValueError as problem:
        raise _bad(str(problem)) from None
    return Answer(204)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _bad(message: str) -> ApiError:
    return ApiError(400, "INVALID_INPUT", message)


ROUTES: tuple[Route, ...] = (
    Route("GET", PATH, held, "Rows that are held against writes", public=True),
    Route("POST", PATH, hold, "Hold rows: writes get UNABLE_TO_LOCK_ROW", public=True),
    Route("DELETE", PATH, release, "Release rows", public=True),
)
"""Public, as the status page is: for the programs of this machine, and no API call of the org's."""
