"""The composite batch resource: up to 25 independent requests in one round trip; each is an API call of its own.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_batch.htm
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from sfdata.localorg.answers import ApiError
from sfdata.localorg.composites.composite import refuse_nested
from sfdata.localorg.composites.forms import Form, Member, Part, parser_error
from sfdata.localorg.composites.series import METHODS, embedded
from sfdata.localorg.routing import Answer, Request, json_answer

BATCH: Form = {"haltOnError": Member("boolean"), "batchRequests": Member("list", required=True)}
SUBREQUEST: Form = {
    "method": Member("string", required=True),
    "url": Member("string", required=True),
    "richInput": Member(None),
    "binaryPartName": Member("string"),
    "binaryPartNameAlias": Member("string"),
}
MOST_SUBREQUESTS = 25
FIRST_VERSION = 34.0
URL = re.compile(r"/?(?:services/data/)?(?P<resource>v(?P<version>[1-9]\d{0,2}\.0)/.+)", re.IGNORECASE | re.DOTALL)
"""``v66.0/sobjects/Account``; whole paths are understood, too."""


@dataclass(frozen=True, slots=True)
class Subrequest:
    method: str
    target: str
    version: float
    body: bytes


class Result(msgspec.Struct, frozen=True, rename="camel"):
    status_code: int
    result: msgspec.Raw

    @property
    def failed(self) -> bool:
        return self.status_code >= 400


def batch(request: Request) -> Answer:
    """``POST composite/batch``: what each subrequest answered, in order. None is undone where another fails."""
    body = Part(request, request.json)
    given = body.members(BATCH)
    if len(given["batchRequests"]) > MOST_SUBREQUESTS:
        message = f"The request can’t contain more than {MOST_SUBREQUESTS} operations."
        raise ApiError(400, "LIMIT_EXCEEDED", message)
    subrequests = [_subrequest(part) for part in body.at("batchRequests").items()]
    results = list(_results(request, subrequests, halts=given.get("haltOnError", False)))
    has_errors = any(result.failed for result in results)
    return Answer(body=msgspec.json.encode({"hasErrors": has_errors, "results": results}))


def _subrequest(part: Part) -> Subrequest:
    given = part.members(SUBREQUEST)
    method = given["method"].upper()
    url = URL.fullmatch(given["url"])
    if method not in METHODS:
        raise part.at("method").unreadable("HTTP method")
    if url is None:
        raise part.at("url").unreadable("URL")
    try:
        body = json.dumps(given["richInput"]).encode() if "richInput" in given else b""
    except RecursionError:
        raise parser_error("The richInput of a subrequest is nested too deeply.") from None
    return Subrequest(method, f"/services/data/{url['resource']}", float(url["version"]), body)


def _results(request: Request, subrequests: Sequence[Subrequest], *, halts: bool) -> Iterator[Result]:
    halted = False
    for number, subrequest in enumerate(subrequests):
        result = _halted() if halted else _result(_answer(request, subrequest, counted=number > 0))
        halted = halted or (halts and result.failed)
        yield result


def _answer(request: Request, subrequest: Subrequest, *, counted: bool) -> Answer:
    """The answer; ``counted`` where it is a further API call, for the first is the batch's own."""
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    try:
        _check(request, subrequest)
        if counted:
            request.org.usage.count(request.org.app_name(request.session))
    except ApiError as refusal:
        return json_answer(refusal.body(), refusal.status)
    return request.within(subrequest.method, subrequest.target, headers, subrequest.body)


def _check(request: Request, subrequest: Subrequest) -> None:
    refusal = refuse_nested(subrequest.method, subrequest.target.partition("?")[0])
    if refusal is not None:
        raise refusal
    if not FIRST_VERSION <= subrequest.version <= float(request.version):
        message = f"The API version of a subrequest must be between {FIRST_VERSION} and {request.version}."
        raise ApiError(400, "INVALID_INPUT", message)


def _result(answer: Answer) -> Result:
    answer, body = embedded(answer)
    return Result(answer.status, body)


def _halted() -> Result:
    error = {"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted per request"}
    return Result(412, msgspec.Raw(msgspec.json.encode([error])))
