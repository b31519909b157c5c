"""Subrequests one after another, each of which may use the answers of those before it: a composite, or one graph.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/requests_composite.htm
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from sfdata.localorg.answers import ApiError, not_found
from sfdata.localorg.composites import reference_ids
from sfdata.localorg.composites.forms import Form, Member, Part, parser_error
from sfdata.localorg.composites.reference_ids import References
from sfdata.localorg.routing import JSON, Answer, Request, json_answer
from sfdata.localorg.store import Undo

SUBREQUEST: Form = {
    "method": Member("string", required=True),
    "url": Member("string", required=True),
    "referenceId": Member("string", required=True),
    "body": Member(None),
    "httpHeaders": Member("map"),
}
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
INHERITED = ("accept", "authorization", "content-type")
"""Headers that subrequests have from the request around them, and must not bring themselves."""

DATA = "/services/data/"
ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."

Rule = Callable[[str, str], ApiError | None]
"""From the method and path of a subrequest to its refusal, if the resource around it does not allow it."""


@dataclass(frozen=True, slots=True)
class Subrequest:
    """``body`` is JSON text, empty where there is none; ``headers`` has lower-case names."""

    method: str
    url: str
    reference_id: str
    body: str
    headers: Mapping[str, str]

    @property
    def refers_to(self) -> set[str]:
        """The reference ids it uses."""
        return reference_ids.referred_to((self.url, self.body))


class Outcome(msgspec.Struct, frozen=True, rename="camel"):
    """What a subrequest answered, in the order of the wire."""

    body: msgspec.Raw
    http_headers: Mapping[str, str]
    http_status_code: int
    reference_id: str | None

    @property
    def failed(self) -> bool:
        """Whether it did not do what it was asked, rows inside a collection included."""
        status = self.http_status_code
        return status >= 400 or status == 300 or _holds_refused_rows(self.body)


class _Row(msgspec.Struct):
    success: bool = True


def _holds_refused_rows(body: msgspec.Raw) -> bool:
    """Whether this is the answer of a collection that did not write all of its rows."""
    if not bytes(body).startswith(b"["):
        return False
    try:
        return not all(row.success for row in msgspec.json.decode(body, type=list[_Row]))
    except msgspec.ValidationError:
        return False


def read_subrequests(parts: Part) -> list[Subrequest]:
    """The subrequests of a ``compositeRequest`` list, each of the right form.

    Raises:
        ApiError: 400 for the whole request, where one is not.
    """
    subrequests = [_subrequest(part) for part in parts.items()]
    reference_ids.check((s.reference_id for s in subrequests), parts.request.version)
    return subrequests


def _subrequest(part: Part) -> Subrequest:
    given = part.members(SUBREQUEST)
    if given["method"] not in METHODS:
        raise part.at("method").unreadable("HTTP method")
    headers = {name.lower(): part.at("httpHeaders").at(name).of_kind("string") for name in given.get("httpHeaders", {})}
    own = next((name for name in INHERITED if name in headers), None)
    if own is not None:
        raise parser_error(f"The header {own} cannot be specified in a subrequest; it inherits that of the request.")
    try:
        body = json.dumps(given["body"]) if "body" in given else ""
    except RecursionError:
        raise parser_error("The body of a subrequest is nested too deeply.") from None
    return Subrequest(given["method"], given["url"], given["referenceId"], body, headers)


def run(request: Request, subrequests: Sequence[Subrequest], rule: Rule, *, all_or_none: bool) -> list[Outcome]:
    """The outcomes in order. With ``all_or_none`` the first failure undoes and halts everything else."""
    if not all_or_none:
        return _run(request, subrequests, rule, until_failure=False)
    outcomes: list[Outcome] = []
    with suppress(Undo), request.org.store.transaction():
        outcomes = _run(request, subrequests, rule, until_failure=True)
        if outcomes and outcomes[-1].failed:
            raise Undo
        return outcomes
    failure = outcomes[-1]
    return [failure if s.reference_id == failure.reference_id else halted(s, ROLLED_BACK) for s in subrequests]


def _run(request: Request, subrequests: Sequence[Subrequest], rule: Rule, *, until_failure: bool) -> list[Outcome]:
    references = References(request.version)
    outcomes: list[Outcome] = []
    for subrequest in subrequests:
        outcome = _outcome(subrequest, _answer(request, subrequest, references, rule))
        outcomes.append(outcome)
        if until_failure and outcome.failed:
            break
        if outcome.http_status_code < 300:
            references.add(subrequest.reference_id, outcome.body)
    return outcomes


def _answer(request: Request, subrequest: Subrequest, references: References, rule: Rule) -> Answer:
    try:
        url = references.in_url(subrequest.url)
        body = references.in_json(subrequest.body)
    except ApiError as halt:
        return json_answer(halt.body(), halt.status)
    path = url.partition("?")[0]
    refusal = rule(subrequest.method, path) if path.lower().startswith(DATA) else not_found()
    if refusal is not None:
        return json_answer(refusal.body(), refusal.status)
    inherited = {name: value for name, value in request.headers.items() if name in INHERITED}
    return request.within(subrequest.method, url, {**inherited, **subrequest.headers}, body.encode())


def _outcome(subrequest: Subrequest, answer: Answer) -> Outcome:
    answer, body = embedded(answer)
    return Outcome(body, answer.headers, answer.status, subrequest.reference_id)


def embedded(answer: Answer) -> tuple[Answer, msgspec.Raw]:
    """An answer and its JSON to stand inside another: null without a body, a refusal in place of other bytes."""
    if answer.file is not None or (answer.body and answer.content_type != JSON):
        refusal = ApiError(400, "INVALID_INPUT", "The resource answers with a file, which no other answer can hold.")
        answer = json_answer(refusal.body(), refusal.status)
    return answer, msgspec.Raw(answer.body or b"null")


def halted(subrequest: Subrequest, message: str) -> Outcome:
    """The outcome of a subrequest that has no effect because others failed."""
    body = msgspec.json.encode([{"errorCode": "PROCESSING_HALTED", "message": message}])
    return Outcome(msgspec.Raw(body), {}, 400, subrequest.reference_id)
