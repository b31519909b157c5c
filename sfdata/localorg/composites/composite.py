"""The composite resource: up to 25 requests in one call, which may use the answers of those before them.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite_post.htm
"""

from __future__ import annotations

import re

import msgspec

from sfdata.localorg.answers import ApiError
from sfdata.localorg.composites.forms import Form, Member, Part
from sfdata.localorg.composites.series import Outcome, Subrequest, read_subrequests, run
from sfdata.localorg.routing import Answer, Request

COMPOSITE: Form = {
    "allOrNone": Member("boolean"),
    "collateSubrequests": Member("boolean"),
    "compositeRequest": Member("list", required=True),
}
MOST_SUBREQUESTS = 25
MOST_QUERIES = 5
NESTED = re.compile(r"/services/data/v[^/]+(?:/tooling)?/composite(?:/(?:batch|graph|tree)\b.*)?/?", re.IGNORECASE)
COSTLY = re.compile(
    r"/services/data/v[^/?]+/(?:tooling/)?(?:query(?:All)?|composite/sobjects)(?:[/?].*)?", re.IGNORECASE | re.DOTALL
)


def composite(request: Request) -> Answer:
    """``POST composite``: the answers of all subrequests, in order.

    They run in that order, whatever ``collateSubrequests`` allows.
    """
    body = Part(request, request.json)
    given = body.members(COMPOSITE)
    parts = body.at("compositeRequest")
    if len(given["compositeRequest"]) > MOST_SUBREQUESTS:
        return _limit_exceeded(f"{MOST_SUBREQUESTS} operations")
    subrequests = read_subrequests(parts)
    if sum(map(_is_costly, subrequests)) > MOST_QUERIES:
        return _limit_exceeded(f"{MOST_QUERIES} query or sObject Collections operations")
    return _answer(run(request, subrequests, refuse_nested, all_or_none=given.get("allOrNone", False)))


def refuse_nested(method: str, path: str) -> ApiError | None:
    """The refusal of a composite inside another; collections are rows and may stand in one."""
    if NESTED.fullmatch(path):
        return ApiError(400, "INVALID_INPUT", f"{method} {path} is not supported as a subrequest.")
    return None


def _is_costly(subrequest: Subrequest) -> bool:
    return COSTLY.fullmatch(subrequest.url) is not None


def _answer(outcomes: list[Outcome], status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode({"compositeResponse": outcomes}))


def _limit_exceeded(what: str) -> Answer:
    error = {"errorCode": "LIMIT_EXCEEDED", "message": f"The request can’t contain more than {what}."}
    return _answer([Outcome(msgspec.Raw(msgspec.json.encode([error])), {}, 400, None)], 400)
