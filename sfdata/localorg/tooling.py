"""The Tooling API, as far as clients need it to know an org: queries and describes, nothing that changes code.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_tooling.meta/api_tooling/intro_rest_resources.htm
"""

from __future__ import annotations

from typing import Any

import msgspec

from sfdata.localorg.answers import ApiError, not_found
from sfdata.localorg.describe import basic_info, describe_global, describe_object
from sfdata.localorg.engine import QueryEngine
from sfdata.localorg.engine.reading import parsed
from sfdata.localorg.ids import normalize
from sfdata.localorg.objects.tooling import SHARED
from sfdata.localorg.records.representation import record_json
from sfdata.localorg.rest import further_page, query_answer
from sfdata.localorg.routing import Answer, Handler, Request, Route, json_answer
from sfdata.localorg.schema import SObject

RESOURCES = ("query", "sobjects")


def root(request: Request) -> Answer:
    """``GET tooling``: the resources below."""
    return json_answer({name: f"{_base(request)}/{name}" for name in RESOURCES})


def sobjects(request: Request) -> Answer:
    """``GET tooling/sobjects``: every object the Tooling API knows."""
    return json_answer(describe_global(request.org.definitions.schema, _base(request)))


def sobject(request: Request) -> Answer:
    """``GET tooling/sobjects/X``: one object in short."""
    return json_answer(basic_info(request.org.definitions.schema, _sobject(request), _base(request)))


def sobject_describe(request: Request) -> Answer:
    """``GET tooling/sobjects/X/describe``: everything about one object."""
    described = describe_object(
        request.org.definitions.schema, _sobject(request), _base(request), instance_url=request.org.instance_url
    )
    return json_answer(described)


def row(request: Request) -> Answer:
    """``GET tooling/sobjects/X/ID``: all fields of a row, or those of ``fields=``."""
    found = _sobject(request)
    store, durable = _engine(request, found.name).store, request.args["id"]
    stored = store.get(found, durable) or store.get(found, normalize(durable) or durable)
    if stored is None or stored.get("IsDeleted"):
        raise not_found()
    wanted = request.query.get("fields")
    fields = request.org.records.fields_named(found, wanted.split(",") if wanted else None)
    return json_answer(record_json(found, stored, fields, _base(request)))


def query(request: Request) -> Answer:
    """``GET tooling/query``: a page of records for ``q``; plans and columns as the data API answers them."""
    soql = request.query.get("explain", request.query.get("q", ""))
    engine = _engine(request, parsed(soql).source.name)
    return _page(query_answer(request, engine, _base(request)).body)


def query_more(request: Request) -> Answer:
    """``GET tooling/query/LOCATOR``: a later page."""
    return _page(further_page(request, _base(request)))


def refuse_change(request: Request) -> Answer:
    """``POST``, ``PATCH`` and ``DELETE``: nothing of this can be changed."""
    _sobject(request)
    raise ApiError(501, "NOT_IMPLEMENTED", "The local org does not serve changes by the Tooling API yet.")


def _base(request: Request) -> str:
    return f"{request.base}/tooling"


def _sobject(request: Request) -> SObject:
    found = request.org.definitions.schema.object(request.args["name"])
    if found is None:
        raise not_found()
    return found


def _engine(request: Request, name: str) -> QueryEngine:
    """The engine whose store has this object; an unknown one is refused by that of the definitions."""
    found = request.org.schema.object(name)
    return request.org.engine if found is not None and found.name in SHARED else request.org.definitions.engine


def _page(body: bytes) -> Answer:
    """A page of the query engine with the members that only the Tooling API's have; plans and columns as they are."""
    page: dict[str, Any] = msgspec.json.decode(body)
    records = page.pop("records", None)
    if records is None:
        return Answer(body=body)
    name = records[0]["attributes"]["type"] if records else None
    tooling = {"size": page["totalSize"], **page, "queryLocator": None, "entityTypeName": name}
    return json_answer({**tooling, "records": records})


TOOLING = "/services/data/v{version}/tooling"
ROW = f"{TOOLING}/sobjects/{{name}}/{{id}}"


def _get(pattern: str, handler: Handler, what: str) -> Route:
    return Route("GET", f"{TOOLING}{pattern}", handler, f"Tooling API: {what}")


ROUTES: tuple[Route, ...] = (
    _get("", root, "resources"),
    _get("/query", query, "query"),
    _get("/query/{locator}", query_more, "later query pages"),
    _get("/sobjects", sobjects, "describe global"),
    _get("/sobjects/{name}", sobject, "sObject basic information"),
    _get("/sobjects/{name}/describe", sobject_describe, "sObject describe"),
    _get("/sobjects/{name}/{id}", row, "read a row"),
    Route("POST", f"{TOOLING}/sobjects/{{name}}", refuse_change, "Tooling API: changes (refused)"),
    Route("PATCH", ROW, refuse_change, "Tooling API: changes (refused)"),
    Route("DELETE", ROW, refuse_change, "Tooling API: changes (refused)"),
)
