"""REST resources that search: by a SOSL statement, or by parameters.

The vendor's pages: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_search.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from sfdata.localorg.answers import ApiError
from sfdata.localorg.engine.reading import parsed
from sfdata.localorg.records.body_places import place
from sfdata.localorg.records.validation import printable
from sfdata.localorg.routing import Answer, Request, Route, json_answer
from sfdata.localorg.sosl.records import Searcher
from sfdata.localorg.sosl.statement import GROUPS, MOST_RECORDS, Search, parse_search
from sfdata.localorg.sosl.terms import parse_terms
from sfdata.soql.nodes import Query

ANSWERS_OBJECT = 37.0
"""Before this version a search was answered by a bare list."""

PARAMETERS = frozenset(
    {"defaultLimit", "fields", "in", "metadata", "overallLimit", "pricebookId", "q", "sobjects", "spellCorrection",
     "snippet", "updateTracking", "updateViewStat"}
)  # fmt: skip
OBJECT_PARAMETERS = frozenset({"name", "fields", "limit", "orderBy", "where"})
UNSUPPORTED = frozenset({"dataCategories", "dataCategory", "division", "netWorkIds"})
"""Parameters for what the org has not: articles, divisions, networks."""


def search(request: Request) -> Answer:
    """``GET search?q=``: the records a SOSL statement finds."""
    return _answer(request, parse_search(request.query.get("q", "")))


def scope_order(request: Request) -> Answer:
    """``GET search/scopeOrder``: the objects a search without RETURNING looks through."""
    objects = [o for o in request.org.schema if o.searchable and o.queryable and o.mru_enabled]
    return json_answer([{"type": o.name, "url": f"{request.base}/sobjects/{o.name}/describe"} for o in objects])


def _answer(request: Request, asked: Search) -> Answer:
    org = request.org
    found = Searcher(org.store, request.base, request.user_id, org.clock()).answer(asked)
    return json_answer(found if float(request.version) >= ANSWERS_OBJECT else found["searchRecords"])


# --- by parameters ---------------------------------------------------------------------------------------------------


def parameterized_get(request: Request) -> Answer:
    """``GET parameterizedSearch?q=Acme&sobject=Account&Account.fields=Id,Name``."""
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    given = dict(pairs)
    names = [name for key, text in pairs if key == "sobject" for name in _listed(text)]
    objects = [
        {"name": name} | {key: given[f"{name}.{key}"] for key in OBJECT_PARAMETERS if f"{name}.{key}" in given}
        for name in names
    ]
    single = {key: text for key, text in given.items() if key in PARAMETERS | UNSUPPORTED}
    return _answer(request, _search({**single, "sobjects": objects}))


def parameterized_post(request: Request) -> Answer:
    """``POST parameterizedSearch``: the same as JSON."""
    body = request.json
    if not isinstance(body, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "The body must be one JSON object: the parameters of a search")
    objects = body.get("sobjects") or []
    if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
        raise ApiError(
            400, "JSON_PARSER_ERROR", f"sobjects must be a list of objects at {place(request.body, ['sobjects'])}"
        )
    _check_keys(request, body, PARAMETERS | UNSUPPORTED)
    for number, one in enumerate(objects):
        _check_keys(request, one, OBJECT_PARAMETERS, "sobjects", number)
    return _answer(request, _search({**body, "sobjects": objects}))


def _check_keys(request: Request, given: Mapping[str, Any], known: frozenset[str], *path: str | int) -> None:
    unknown = next((key for key in given if key not in known), None)
    if unknown is not None:
        where = place(request.body, [*path, unknown])
        raise ApiError(400, "JSON_PARSER_ERROR", f'Unrecognized field "{printable(unknown)}" at {where}')


def _search(given: Mapping[str, Any]) -> Search:
    """The search that parameters mean; ``sobjects`` is a list of the objects to answer."""
    unsupported = next((key for key in sorted(UNSUPPORTED) if given.get(key)), None)
    if unsupported is not None:
        raise _illegal(unsupported, "is not supported")
    sought = given.get("q")
    if not isinstance(sought, str) or not sought.strip():
        raise ApiError(400, "MISSING_ARGUMENT", "The parameter q is required.")
    group = str(given.get("in") or "ALL").upper()
    if group not in GROUPS:
        raise _illegal("in", f"must be one of {', '.join(GROUPS)}")
    objects = given["sobjects"]
    if given.get("fields") and not objects:
        raise _illegal("fields", "needs the objects they are fields of")
    shared = {"fields": given.get("fields"), "limit": given.get("defaultLimit")}
    search = Search(
        parse_terms(sought, lenient=True),
        group,
        tuple(_query({**shared, **one}) for one in objects),
        _limit("overallLimit", given.get("overallLimit")),
        labels=str(given.get("metadata")).upper() == "LABELS",
    )
    return search.priced_in(str(given["pricebookId"])) if given.get("pricebookId") else search


def _query(one: Mapping[str, Any]) -> Query:
    """What is asked of one object, as the query it amounts to."""
    fields = one.get("fields") or ["Id"]
    if isinstance(fields, str):
        fields = _listed(fields)
    others = [one[key] for key in ("name", "where", "orderBy") if one.get(key) is not None]
    if not isinstance(fields, list) or not all(isinstance(text, str) for text in [*fields, *others]):
        raise ApiError(400, "JSON_PARSER_ERROR", "name, fields, where and orderBy of an object must be text")
    soql = f"SELECT {', '.join(fields)} FROM {one.get('name') or ''}"  # noqa: S608 - parsed, and run as what it means
    for keyword, key in (("WHERE", "where"), ("ORDER BY", "orderBy")):
        if one.get(key):
            soql += f" {keyword} {one[key]}"
    if one.get("limit") is not None:
        soql += f" LIMIT {_limit('limit', one['limit'])}"
    return parsed(soql)


def _limit(name: str, given: Any) -> int:
    """A number of records up to 2,000, which is also what is meant where none is given."""
    if given is None or given == "":
        return MOST_RECORDS
    if isinstance(given, bool) or not re.fullmatch(r"\d{1,9}", str(given), re.ASCII):
        raise _illegal(name, f"must be a number from 0 to {MOST_RECORDS}")
    return min(int(given), MOST_RECORDS)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _illegal(name: str, problem: str) -> ApiError:
    return ApiError(400, "ILLEGAL_QUERY_PARAMETER_VALUE", f"{name} {problem}")


VERSION = "/services/data/v{version}"

ROUTES: tuple[Route, ...] = (
    Route("GET", f"{VERSION}/search", search, "Search (SOSL)"),
    Route("GET", f"{VERSION}/search/scopeOrder", scope_order, "Search scope and order"),
    Route("GET", f"{VERSION}/parameterizedSearch", parameterized_get, "Search by parameters", since=36),
    Route("POST", f"{VERSION}/parameterizedSearch", parameterized_post, "Search by parameters", since=36),
)
