"""Composite batches: up to 25 requests in one call that know nothing of each other, each with its own answer.

Each is an API call of its own to the org's limits; what is saved is the way there and back.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_batch.htm
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from sfdata.api.composite import Method, Subrequest, operation_of, resource
from sfdata.api.outcomes import Outcome, RowError, json_object, outcome_of, request_errors, writing
from sfdata.errors import ConfigurationError, UnreadableAnswer
from sfdata.resilience.retry import WRITES
from sfdata.transport.http_session import VERSIONS_PATH, HttpSession

MOST_REQUESTS = 25


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request of a batch.

    Attributes:
        path: below the API's version (``sobjects/Account``), or from ``/services/data/`` on.
        body: JSON values.
    """

    method: Method
    path: str
    body: Any = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What one request came to.

    Attributes:
        outcome: ``done``; ``failed`` for its own reason; ``not_executed`` since one before it failed.
        errors: why it is not done.
        body: the answer's JSON; None where it is empty.
    """

    status: int
    outcome: Outcome
    errors: tuple[RowError, ...] = ()
    body: Any = None


def batch(session: HttpSession, requests: Sequence[BatchRequest], *, halt_on_error: bool = False) -> list[BatchResult]:
    """Send requests as one call; their results in the order of ``requests``. What is done stays done.

    Sent again after a lost answer only where it just reads, or only gives records new values by their Ids.

    Args:
        halt_on_error: leave out what comes behind the first that fails.

    Raises:
        ConfigurationError: too many requests, or such as a batch does not take; nothing was sent.
        BudgetExceeded: the connection may not make as many calls; nothing was sent.
        OutcomeUnknown: no usable answer tells what was done; its ``sent`` has the requests.
        ResponseError: the org refused the whole call.
    """
    if not requests:
        return []
    content = {"haltOnError": halt_on_error, "batchRequests": [_wire_form(session, one) for one in _checked(requests)]}
    operation = operation_of(session, [Subrequest(one.method, one.path, "", one.body) for one in requests])
    path = f"{session.data_path}/composite/batch"
    session.budget.require(len(requests), "the batch")
    for _ in requests[1:]:  # the call itself counts as the first
        session.budget.spend()
    if operation not in WRITES:
        return _results(json_object(session.post(path, content=content, operation=operation)), len(requests))
    with writing(requests):
        return _results(json_object(session.post(path, content=content, operation=operation)), len(requests))


def _checked(requests: Sequence[BatchRequest]) -> Sequence[BatchRequest]:
    if len(requests) > MOST_REQUESTS:
        raise ConfigurationError(f"{len(requests)} requests, where a batch may have {MOST_REQUESTS}")
    for one in requests:
        if one.method not in get_args(Method):
            raise ConfigurationError(f"{one.path}: {one.method!r} is none of {', '.join(get_args(Method))}")
        if one.path.startswith("/services/") and not one.path.startswith(f"{VERSIONS_PATH}/"):
            raise ConfigurationError(f"{one.path}: a batch reaches what is below {VERSIONS_PATH}/ alone")
    return requests


def _wire_form(session: HttpSession, one: BatchRequest) -> dict[str, Any]:
    """The request as the org reads it: its address begins with the version."""
    if one.path.startswith(f"{VERSIONS_PATH}/"):
        address = one.path.removeprefix(f"{VERSIONS_PATH}/")
    else:
        address = f"v{session.api_version}/{resource(session, one.path)}"
    return {"method": one.method, "url": address} | ({} if one.body is None else {"richInput": one.body})


def _results(answer: Mapping[str, Any], expected: int) -> list[BatchResult]:
    """The results in the order of the requests, which is all that tells whose they are.

    Raises:
        UnreadableAnswer: there are more or fewer.
    """
    listed = answer.get("results")
    if not isinstance(listed, list) or len(listed) != expected:
        told = len(listed) if isinstance(listed, list) else "no"
        raise UnreadableAnswer(f"{told} answers came for {expected} requests, so none can be told whose it is")
    return [_result(one) for one in listed]


def _result(answer: Any) -> BatchResult:
    if not isinstance(answer, Mapping) or not isinstance(status := answer.get("statusCode"), int):
        raise UnreadableAnswer("an answer to one of the requests has no status")
    body = answer.get("result")
    errors = request_errors(status, body)
    return BatchResult(status, outcome_of(errors), errors, body)
