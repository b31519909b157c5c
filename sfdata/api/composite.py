"""Composite requests: up to 25 requests in one call, which may use the answers of those before them (``@{ref.id}``).

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite_post.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sfdata.api.outcomes import Outcome, RowError, json_object, outcome_of, request_errors, writing
from sfdata.errors import ConfigurationError, UnreadableAnswer
from sfdata.resilience.retry import WRITES, Operation
from sfdata.transport.http_session import HttpSession

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
MOST_REQUESTS = 25
MOST_QUERIES = 5

_REFERENCE_ID = re.compile(r"[A-Za-z0-9_]+")
_REFERENCE = re.compile(r"@\{(\w+)[^}]*\}")
_QUERY = re.compile(r"(?:query(?:All)?|composite/sobjects)(?:[/?].*)?", re.IGNORECASE | re.DOTALL)
_ROW = re.compile(r"sobjects/\w+/[^/?]+", re.ASCII)
_OWN_HEADERS = frozenset({"accept", "authorization", "content-type"})


@dataclass(frozen=True, slots=True)
class Subrequest:
    """One request of a composite.

    Attributes:
        path: below the API's version (``sobjects/Account``), or from ``/services/`` on. May hold references.
        reference_id: letters, digits and underscores; what others call its answer by (``@{ref.id}``).
        body: JSON values, which may hold references.
    """

    method: Method
    path: str
    reference_id: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def refers_to(self) -> list[str]:
        """The reference ids that it uses."""
        return _references(self.path, self.body)


@dataclass(frozen=True, slots=True)
class SubResult:
    """What one request came to.

    Attributes:
        outcome: ``done``; ``failed`` for its own reason; ``not_executed`` because one it refers to failed;
            ``rolled_back`` with all the others because one of them failed (of one that comes later in the call, it is
            not told whether it was tried at all).
        errors: why it is not done.
        body: the answer's JSON; None where it is empty.
    """

    reference_id: str
    status: int
    outcome: Outcome
    errors: tuple[RowError, ...] = ()
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str | None:
        """The Id of a record that was created or upserted."""
        told = self.body.get("id") if isinstance(self.body, Mapping) else None
        return told if isinstance(told, str) else None


def composite(session: HttpSession, requests: Sequence[Subrequest], *, all_or_none: bool = False) -> list[SubResult]:
    """Send requests as one call; their results in the order of ``requests``.

    Sent again after a lost answer only where it just reads, or only gives records new values by their Ids.

    Args:
        all_or_none: undo all of them if one fails.

    Raises:
        ConfigurationError: too many requests, or reference ids that are none, repeated or unknown; nothing was sent.
        OutcomeUnknown: no usable answer tells what was done; its ``sent`` has the requests.
        ResponseError: the org refused the whole call.
    """
    if not requests:
        return []
    check(session, requests)
    operation = operation_of(session, requests)
    path = f"{session.data_path}/composite"
    content = {"allOrNone": all_or_none, "compositeRequest": wire_form(session, requests)}
    if operation not in WRITES:
        answer = json_object(session.post(path, content=content, operation=operation))
        return results(requests, answer.get("compositeResponse"), all_or_none=all_or_none)
    with writing(requests):
        answer = json_object(session.post(path, content=content, operation=operation))
        return results(requests, answer.get("compositeResponse"), all_or_none=all_or_none)


# --- requests --------------------------------------------------------------------------------------------------------


def check(session: HttpSession, requests: Sequence[Subrequest]) -> None:
    """Refuse what the org is certain to refuse.

    Raises:
        ConfigurationError: with the reason.
    """
    if len(requests) > MOST_REQUESTS:
        raise ConfigurationError(f"{len(requests)} requests, where a composite may have {MOST_REQUESTS}")
    queries = sum(_QUERY.fullmatch(resource(session, one.path)) is not None for one in requests)
    if queries > MOST_QUERIES:
        raise ConfigurationError(f"{queries} queries and collections, where a composite may have {MOST_QUERIES}")
    check_references(requests)


def check_references(requests: Sequence[Subrequest]) -> None:
    """Refuse requests that are none, or that refer to others than those before them.

    Raises:
        ConfigurationError: with the reason.
    """
    known: set[str] = set()
    for one in requests:
        _check_one(one, known)
        known.add(one.reference_id)


def _check_one(one: Subrequest, known: set[str]) -> None:
    name = one.reference_id
    if not _REFERENCE_ID.fullmatch(name):
        raise ConfigurationError(f"the reference id {name!r} has other characters than letters, digits and underscores")
    if name in known:
        raise ConfigurationError(f"the reference id {name!r} is there twice")
    if one.method not in get_args(Method):
        raise ConfigurationError(f"{name}: {one.method!r} is none of {', '.join(get_args(Method))}")
    own = next((header for header in one.headers if header.casefold() in _OWN_HEADERS), None)
    if own is not None:
        raise ConfigurationError(f"{name}: the header {own} is that of the whole call; leave it out")
    for used in one.refers_to:
        if used not in known:
            raise ConfigurationError(f"{name} refers to {used!r}, which no request before it is called")


def _references(*values: Any) -> list[str]:
    """The reference ids that texts among ``values``, however deep, refer to."""
    found: list[str] = []
    for value in values:
        if isinstance(value, str):
            found += _REFERENCE.findall(value)
        elif isinstance(value, Mapping):
            found += _references(*value.values())
        elif isinstance(value, list | tuple):
            found += _references(*value)
    return found


def operation_of(session: HttpSession, requests: Sequence[Subrequest]) -> Operation:
    """What the requests together are for the retry: one that must not be done twice makes the whole so."""
    if all(one.method == "GET" for one in requests):
        return Operation.READ
    if all(one.method == "GET" or _is_plain_update(session, one) for one in requests):
        return Operation.UPDATE
    return Operation.CREATE


def _is_plain_update(session: HttpSession, one: Subrequest) -> bool:
    return one.method == "PATCH" and not one.headers and _ROW.fullmatch(resource(session, one.path)) is not None


def resource(session: HttpSession, path: str) -> str:
    """A path below the version of the connection's API, where it was given as a whole, too."""
    return path.removeprefix(f"{session.data_path}/").removeprefix("/")


def wire_form(session: HttpSession, requests: Sequence[Subrequest]) -> list[dict[str, Any]]:
    """The requests as the org reads them."""
    return [
        {
            "method": one.method,
            "url": one.path if one.path.startswith("/services/") else f"{session.data_path}/{one.path.lstrip('/')}",
            "referenceId": one.reference_id,
            **({"body": one.body} if one.body is not None else {}),
            **({"httpHeaders": dict(one.headers)} if one.headers else {}),
        }
        for one in requests
    ]


# --- answers ---------------------------------------------------------------------------------------------------------


def results(requests: Sequence[Subrequest], answers: Any, *, all_or_none: bool) -> list[SubResult]:
    """The result of each request, found by its reference id.

    Raises:
        UnreadableAnswer: not each request has one answer.
    """
    if not isinstance(answers, list) or len(answers) != len(requests):
        told = len(answers) if isinstance(answers, list) else "no"
        raise UnreadableAnswer(f"{told} answers came for {len(requests)} requests")
    found = [_result(one, all_or_none) for one in answers]
    by_reference = {one.reference_id: one for one in found}
    if by_reference.keys() != {one.reference_id for one in requests}:
        raise UnreadableAnswer("the answers are to other requests than those sent")
    return [by_reference[one.reference_id] for one in requests]


def _result(answer: Any, all_or_none: bool) -> SubResult:
    if not isinstance(answer, Mapping) or not isinstance(status := answer.get("httpStatusCode"), int):
        raise UnreadableAnswer("an answer to one of the requests has no status")
    body, headers = answer.get("body"), answer.get("httpHeaders") or {}
    errors = request_errors(status, body)
    outcome = outcome_of(errors)
    if outcome == "not_executed" and all_or_none:
        outcome = "rolled_back"
    return SubResult(str(answer.get("referenceId")), status, outcome, errors, body, headers)
