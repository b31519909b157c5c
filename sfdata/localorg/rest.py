"""REST resources that read: versions, describes, queries, limits. Rows have their own module.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_list.htm
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import format_datetime
from typing import Any

import msgspec

from sfdata.localorg.answers import ApiError, not_found
from sfdata.localorg.describe import basic_info, describe_global, describe_object
from sfdata.localorg.engine import QueryEngine
from sfdata.localorg.limits import limits_answer
from sfdata.localorg.login.identity import identity_url
from sfdata.localorg.login.sessions import Session
from sfdata.localorg.records.preconditions import unmet
from sfdata.localorg.routing import Answer, Request, Route, json_answer
from sfdata.localorg.schema import SObject
from sfdata.localorg.versions import version_list

RESOURCES = (
    "compactLayouts",
    "composite",
    "jobs",
    "limits",
    "parameterizedSearch",
    "query",
    "queryAll",
    "recent",
    "search",
    "sobjects",
    "tabs",
    "theme",
    "tooling",
)
"""What the version root lists; clients discover by it."""

SMALLEST_BATCH, LARGEST_BATCH = 200, 2000
MOST_RECORD_TYPES = 200
RECENT_DEFAULT, RECENT_MOST, RECENT_PER_OBJECT = 200, 2000, 10


def versions(request: Request) -> Answer:
    """``GET /services/data``: the API versions, to anyone who asks."""
    return json_answer(version_list())


def root(request: Request) -> Answer:
    """``GET /services/data/vXX.X``: the resources of a version and the identity URL of who asks."""
    resources = {name: f"{request.base}/{name}" for name in RESOURCES}
    return json_answer({**resources, "identity": identity_url(request.org, _session(request).user_id)})


# --- describe --------------------------------------------------------------------------------------------------------


def sobjects(request: Request) -> Answer:
    """``GET sobjects``: every object the user sees."""
    return described(request, describe_global(request.org.definitions.data_schema, request.base))


def sobject(request: Request) -> Answer:
    """``GET sobjects/X``: one object in short, and the rows of it the user viewed last."""
    found = described_object(request)
    viewed = [_without_date(row) for row in _recently_viewed(request, found, RECENT_PER_OBJECT)]
    return json_answer(basic_info(request.org.definitions.data_schema, found, request.base, viewed))


def sobject_describe(request: Request) -> Answer:
    """``GET sobjects/X/describe``: everything about one object."""
    org, found = request.org, described_object(request)
    schema = org.definitions.data_schema
    kinds = record_types(request, found)
    answer = describe_object(schema, found, request.base, record_types=kinds, instance_url=org.instance_url)
    return described(request, answer)


def described_object(request: Request) -> SObject:
    """The object of the path, which may be a definition."""
    found = request.org.definitions.data_schema.object(request.args["name"])
    if found is None:
        raise not_found()
    return found


def record_types(request: Request, sobject: SObject) -> list[dict[str, Any]]:
    """An object's rows of RecordType."""
    store, known = request.org.store, request.org.object("RecordType")
    return store.find(known, "SobjectType", sobject.name, limit=MOST_RECORD_TYPES)


def described(request: Request, description: object) -> Answer:
    """A describe answer, not sent again to a client that has it."""
    answer = json_answer(description)
    etag = f'"{hashlib.sha256(answer.body).hexdigest()[:8]}"'
    changed = request.org.started_at.replace(microsecond=0)
    state = {"ETag": etag, "Last-Modified": format_datetime(changed, usegmt=True)}
    return unmet(request, state) or replace(answer, headers=state)


# --- query -----------------------------------------------------------------------------------------------------------


def query(request: Request) -> Answer:
    """``GET query``: the first page for ``q``, the plan for ``explain``, the columns for ``q`` and ``columns=true``."""
    return _query(request, include_deleted=False)


def query_all(request: Request) -> Answer:
    """``GET queryAll``: like ``query``, with deleted and archived rows."""
    return _query(request, include_deleted=True)


def query_more(request: Request) -> Answer:
    """``GET query/LOCATOR``: a later page."""
    return Answer(body=further_page(request, request.base))


def _query(request: Request, *, include_deleted: bool) -> Answer:
    engine = request.org.engine_for(_soql(request))
    return query_answer(request, engine, request.base, include_deleted=include_deleted)


def query_answer(request: Request, engine: QueryEngine, base: str, *, include_deleted: bool = False) -> Answer:
    """What a query resource whose URLs start with ``base`` answers."""
    soql = _soql(request)
    if "explain" in request.query:
        return json_answer(engine.explain(soql, user_id=request.user_id))
    if request.query.get("columns", "").lower() == "true":
        return json_answer(engine.column_metadata(soql))
    batch_size = _batch_size(request.headers.get("sforce-query-options", ""))
    body = engine.query(
        soql, base=base, user_id=request.user_id, include_deleted=include_deleted, batch_size=batch_size
    )
    return Answer(body=body)


def further_page(request: Request, base: str) -> bytes:
    """The page of a locator, whichever engine gave it out."""
    locator, org = request.args["locator"], request.org
    try:
        return org.engine.more(locator, base=base)
    except ApiError:
        return org.definitions.engine.more(locator, base=base)


def _soql(request: Request) -> str:
    soql = request.query.get("explain", request.query.get("q"))
    if soql is None:
        raise ApiError(400, "MALFORMED_QUERY", "A query string has to be specified")
    if not soql.strip():
        raise ApiError(400, "MALFORMED_QUERY", "SOQL statements cannot be empty or null")
    return soql


def _batch_size(options: str) -> int | None:
    """``batchSize`` of ``Sforce-Query-Options``, a hint that is brought into Salesforce's range."""
    form = re.search(r"\bbatchSize\s*=\s*(\d{1,9})\b", options, re.IGNORECASE)
    return max(SMALLEST_BATCH, min(int(form[1]), LARGEST_BATCH)) if form else None


# --- limits and recent items -----------------------------------------------------------------------------------------


def limits(request: Request) -> Answer:
    """``GET limits``: the org's allowances and what is left of them."""
    org = request.org
    return json_answer(limits_answer(org.maxima, org.used))


def record_count(request: Request) -> Answer:
    """``GET limits/recordCount?sObjects=A,B``: rows per object, of all objects where none is named."""
    schema, store = request.org.schema, request.org.store
    wanted = [name.strip() for name in request.query.get("sObjects", "").split(",") if name.strip()]
    found = [schema.object(name) for name in wanted] if wanted else [o for o in schema if o.queryable]
    counted = sorted((o for o in found if o is not None and o.queryable), key=lambda o: o.name)
    return json_answer({"sObjects": [{"count": store.count(o), "name": o.name} for o in counted]})


def recent(request: Request) -> Answer:
    """``GET recent?limit=N``: the rows the user viewed last, of every object that keeps track."""
    limit = _recent_limit(request.query.get("limit", ""))
    viewed = [row for found in request.org.schema for row in _recently_viewed(request, found, limit)]
    viewed.sort(key=lambda row: str(row["LastViewedDate"]), reverse=True)
    return json_answer([_without_date(row) for row in viewed[:limit]])


def _recent_limit(text: str) -> int:
    if not text:
        return RECENT_DEFAULT
    if not re.fullmatch(r"\d{1,6}", text) or int(text) < 1:
        raise ApiError(400, "ILLEGAL_QUERY_PARAMETER_VALUE", f"limit must be a number from 1 to {RECENT_MOST}")
    return min(int(text), RECENT_MOST)


def _recently_viewed(request: Request, found: SObject, limit: int) -> list[dict[str, Any]]:
    """Rows of one object by ``LastViewedDate``, newest first: attributes, Id, name field and that date."""
    viewed = found.field("LastViewedDate")
    if not (found.queryable and found.mru_enabled and viewed is not None and viewed.filterable):
        return []
    name = next((f.name for f in found.fields if f.name_field), None)
    columns = ", ".join(column for column in ("Id", name, "LastViewedDate") if column)
    soql = f"SELECT {columns} FROM {found.name} WHERE LastViewedDate != null ORDER BY LastViewedDate DESC LIMIT {limit}"  # noqa: S608
    page = request.org.engine.query(soql, base=request.base, user_id=_session(request).user_id)
    rows: list[dict[str, Any]] = msgspec.json.decode(page)["records"]
    return rows


def _without_date(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "LastViewedDate"}


def _session(request: Request) -> Session:
    assert request.session is not None, "the gateway lets nobody in without a session"
    return request.session


def _get(pattern: str, handler: Callable[[Request], Answer], what: str, since: float = 0.0) -> Route:
    return Route("GET", f"/services/data/v{{version}}{pattern}", handler, what, since=since)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/services/data", versions, "API versions", public=True),
    _get("", root, "Resources of a version"),
    _get("/sobjects", sobjects, "Describe global"),
    _get("/sobjects/{name}", sobject, "sObject basic information"),
    _get("/sobjects/{name}/describe", sobject_describe, "sObject describe"),
    _get("/query", query, "Query, query plan, query columns"),
    _get("/queryAll", query_all, "Query with deleted rows"),
    _get("/query/{locator}", query_more, "Later query pages"),
    _get("/queryAll/{locator}", query_more, "Later query pages"),
    _get("/limits", limits, "Limits"),
    _get("/limits/recordCount", record_count, "Record counts", since=40),
    _get("/recent", recent, "Recently viewed items"),
)
