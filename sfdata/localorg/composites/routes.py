"""The paths of the composite resources, and since which API version each is known.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite.htm
"""

from __future__ import annotations

from sfdata.localorg.composites import batch, composite, graph, sobject_collections, tree
from sfdata.localorg.routing import Answer, Request, Route, json_answer

RESOURCES = ("tree", "batch", "sobjects", "graph")
BASE = "/services/data/v{version}/composite"


def resources(request: Request) -> Answer:
    """``GET composite``: the paths of the other composite resources."""
    return json_answer({name: f"{request.base}/composite/{name}" for name in RESOURCES})


COLLECTIONS = f"{BASE}/sobjects"

ROUTES: tuple[Route, ...] = (
    Route("GET", BASE, resources, "Composite resources", since=38),
    Route("POST", BASE, composite.composite, "Composite: requests that use each other's answers", since=38),
    Route("POST", f"{BASE}/batch", batch.batch, "Composite batch: independent requests", since=34),
    Route("POST", f"{BASE}/tree/{{name}}", tree.create, "sObject tree: create nested rows", since=34),
    Route("POST", f"{BASE}/graph", graph.graphs, "Composite graph: series that are all or nothing", since=50),
    Route("POST", COLLECTIONS, sobject_collections.create, "Create up to 200 rows", since=42),
    Route("PATCH", COLLECTIONS, sobject_collections.update, "Update up to 200 rows", since=42),
    Route("DELETE", COLLECTIONS, sobject_collections.delete, "Delete up to 200 rows", since=42),
    Route("GET", f"{COLLECTIONS}/{{name}}", sobject_collections.read, "Read rows by Id", since=42),
    Route("POST", f"{COLLECTIONS}/{{name}}", sobject_collections.retrieve, "Read up to 2,000 rows by Id", since=42),
    Route("PATCH", f"{COLLECTIONS}/{{name}}/{{key}}", sobject_collections.upsert, "Upsert up to 200 rows", since=46),
)
