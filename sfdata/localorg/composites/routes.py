"""The paths of the composite resources, and since which API version each is known.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite.htm
"""

from __future__ import annotations

from dataclasses import replace

from sfdata.localorg.answers import not_found
from sfdata.localorg.composites import batch, composite, graph, sobject_collections, tree
from sfdata.localorg.routing import Answer, Handler, Request, Route, json_answer

RESOURCES = ("tree", "batch", "sobjects", "graph")
BASE = "/services/data/v{version}/composite"


def resources(request: Request) -> Answer:
    """``GET composite``: the paths of the other composite resources."""
    return json_answer({name: f"{request.base}/composite/{name}" for name in RESOURCES})


def _since(version: float, route: Route) -> Route:
    """``route``, unknown to API versions before ``version``."""
    handler: Handler = route.handler

    def refuse_older(request: Request) -> Answer:
        if float(request.version) < version:
            raise not_found()
        return handler(request)

    return replace(route, handler=refuse_older)


COLLECTIONS = f"{BASE}/sobjects"

ROUTES: tuple[Route, ...] = (
    _since(38, Route("GET", BASE, resources, "Composite resources")),
    _since(38, Route("POST", BASE, composite.composite, "Composite: requests that use each other's answers")),
    _since(34, Route("POST", f"{BASE}/batch", batch.batch, "Composite batch: independent requests")),
    _since(34, Route("POST", f"{BASE}/tree/{{name}}", tree.create, "sObject tree: create nested rows")),
    _since(50, Route("POST", f"{BASE}/graph", graph.graphs, "Composite graph: series that are all or nothing")),
    _since(42, Route("POST", COLLECTIONS, sobject_collections.create, "Create up to 200 rows")),
    _since(42, Route("PATCH", COLLECTIONS, sobject_collections.update, "Update up to 200 rows")),
    _since(42, Route("DELETE", COLLECTIONS, sobject_collections.delete, "Delete up to 200 rows")),
    _since(42, Route("GET", f"{COLLECTIONS}/{{name}}", sobject_collections.read, "Read rows by Id")),
    _since(42, Route("POST", f"{COLLECTIONS}/{{name}}", sobject_collections.retrieve, "Read up to 2,000 rows by Id")),
    _since(46, Route("PATCH", f"{COLLECTIONS}/{{name}}/{{key}}", sobject_collections.upsert, "Upsert up to 200 rows")),
)
