"""What became of single rows or requests inside a call with many, and of a write whose answer says nothing of use.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from sfdata.errors import OutcomeUnknown, UnreadableAnswer
from sfdata.transport.messages import Response

Outcome = Literal["done", "failed", "not_executed", "rolled_back"]
"""``failed`` for its own reason; ``rolled_back`` because another failed and all or none was wanted; ``not_executed``
because another failed on which it depends. Only what is ``done`` has changed anything."""

_BINS: Mapping[str, Outcome] = {
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": "rolled_back",
    "PROCESSING_HALTED": "not_executed",
    "BATCH_PROCESSING_HALTED": "not_executed",
}


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was refused: Salesforce's code and message, and the fields it names."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, error: Any) -> RowError:
        """The error as collections (``statusCode``) and all else (``errorCode``) write it."""
        if not isinstance(error, Mapping):
            raise UnreadableAnswer("the answer holds something else where an error should be")
        code = error.get("statusCode") or error.get("errorCode") or ""
        return cls(str(code), str(error.get("message") or ""), tuple(map(str, error.get("fields") or ())))


def outcome_of(errors: Sequence[RowError]) -> Outcome:
    """The bin for these errors, ``done`` without any."""
    return _BINS.get(errors[0].code, "failed") if errors else "done"


def request_errors(status: int, body: Any) -> tuple[RowError, ...]:
    """Why a request inside another is not done: its error list, or the errors of the rows in a collection it sent."""
    if status >= 300 and status != 304:
        listed = body if isinstance(body, list) else []
        known = tuple(RowError.from_json(error) for error in listed if isinstance(error, Mapping))
        return known or (RowError("", _unexplained(status, body)),)
    rows = body if isinstance(body, list) else []
    failed: list[Mapping[str, Any]] = [row for row in rows if isinstance(row, Mapping) and row.get("success") is False]
    return tuple(RowError.from_json(error) for row in failed for error in row.get("errors") or [{}])


def _unexplained(status: int, body: Any) -> str:
    return f"status {status}" + (f": {json.dumps(body)[:200]}" if body is not None else " without an explanation")


@contextmanager
def writing(sent: Iterable[Any]) -> Iterator[None]:
    """Have `OutcomeUnknown` say what was ``sent``; an answer of another form than a write's leaves its outcome unknown.

    Raises:
        OutcomeUnknown: whether the write was done nobody knows.
    """
    try:
        yield
    except OutcomeUnknown as problem:
        problem.sent = tuple(sent)
        raise
    except UnreadableAnswer as problem:
        fault = OutcomeUnknown(problem.message, sent, status=problem.status, answered=True)
    else:
        return
    raise fault


def json_object(answer: Response) -> Mapping[str, Any]:
    """The JSON object of an answer.

    Raises:
        UnreadableAnswer: it holds none.
    """
    content = answer.json()
    if not isinstance(content, Mapping):
        raise UnreadableAnswer("the answer is no JSON object", status=answer.status)
    return content
