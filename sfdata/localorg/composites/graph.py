"""The composite graph resource: up to 75 series of row requests, each all or nothing and independent of the others.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_graph.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from sfdata.localorg.answers import ApiError
from sfdata.localorg.composites.forms import Form, Member, Part, parser_error
from sfdata.localorg.composites.series import Outcome, Subrequest, halted, read_subrequests, run
from sfdata.localorg.routing import Answer, Request

GRAPHS: Form = {"graphs": Member("list", required=True)}
GRAPH: Form = {"graphId": Member("string", required=True), "compositeRequest": Member("list", required=True)}

MOST_GRAPHS = 75
MOST_NODES = 500
MOST_DEPTH = 15
MOST_KINDS = 15
MOST_FAILURES = 14
"""As many graphs may fail; those that come after are not tried."""

GRAPH_ID = re.compile(r"[0-9A-Za-z][^.]{0,38}")
GRAPH_ID_RULE = "must be unique, begin with a letter or a number, be shorter than 40 characters and have no period."
FAILURES_REACHED = f"Processing was halted since {MOST_FAILURES} graphs of the request failed."

ROW = re.compile(
    r"/services/data/v(?P<version>[0-9]+\.[0-9])/sobjects/(?P<object>[^/?]+)(?P<rest>(?:/[^/?]+){0,2})/?",
    re.IGNORECASE,
)
METHODS_BY_DEPTH = ({"POST"}, {"DELETE", "GET", "PATCH"}, {"DELETE", "GET", "PATCH", "POST"})
"""Methods of ``sobjects/X``, of ``sobjects/X/ID`` and of ``sobjects/X/FIELD/VALUE``."""

FIRST_VERSION = 50.0


@dataclass(frozen=True, slots=True)
class Graph:
    graph_id: str
    nodes: Sequence[Subrequest]

    @property
    def depth(self) -> int:
        """How many nodes the longest chain of references has."""
        depths: dict[str, int] = {}
        for node in self.nodes:
            depths[node.reference_id] = 1 + max((depths.get(r, 0) for r in node.refers_to), default=0)
        return max(depths.values(), default=0)


class GraphResponse(msgspec.Struct, frozen=True, rename="camel"):
    composite_response: list[Outcome]


class GraphResult(msgspec.Struct, frozen=True, rename="camel"):
    graph_id: str
    graph_response: GraphResponse
    is_successful: bool


def graphs(request: Request) -> Answer:
    """``POST composite/graph``: each graph in a transaction of its own, until too many have failed."""
    body = Part(request, request.json)
    body.members(GRAPHS)
    given = [_graph(part) for part in body.at("graphs").items()]
    _check_ids(given)
    _check_limits(given)
    results: list[GraphResult] = []
    failures = 0
    for graph in given:
        if failures < MOST_FAILURES:
            outcomes = run(request, graph.nodes, _refuse_other_than_rows, all_or_none=True)
        else:
            outcomes = [halted(node, FAILURES_REACHED) for node in graph.nodes]
        successful = not any(outcome.failed for outcome in outcomes)
        failures += not successful
        results.append(GraphResult(graph.graph_id, GraphResponse(outcomes), successful))
    return Answer(body=msgspec.json.encode({"graphs": results}))


def _graph(part: Part) -> Graph:
    graph_id = part.members(GRAPH)["graphId"]
    return Graph(graph_id, read_subrequests(part.at("compositeRequest")))


def _check_ids(given: Iterable[Graph]) -> None:
    seen: set[str] = set()
    for graph in given:
        if not GRAPH_ID.fullmatch(graph.graph_id) or graph.graph_id in seen:
            raise parser_error(f"Provided graphId ('{graph.graph_id}') {GRAPH_ID_RULE}")
        seen.add(graph.graph_id)


def _check_limits(given: Sequence[Graph]) -> None:
    nodes = [node for graph in given for node in graph.nodes]
    counted = (
        (len(given), MOST_GRAPHS, "number of graphs"),
        (len(nodes), MOST_NODES, "number of nodes"),
        (max((graph.depth for graph in given), default=0), MOST_DEPTH, "depth of a graph"),
        (len(set(map(_kind, nodes))), MOST_KINDS, "number of different nodes"),
    )
    for count, most, what in counted:
        if count > most:
            raise ApiError(400, "LIMIT_EXCEEDED", f"Limit of {most} reached for {what} in Graph Api")


def _kind(node: Subrequest) -> tuple[str, ...]:
    """What makes nodes different: API version, method and type of object."""
    row = ROW.match(node.url)
    return (row["version"], node.method, row["object"].lower()) if row else (node.url, node.method)


def _refuse_other_than_rows(method: str, path: str) -> ApiError | None:
    row = ROW.fullmatch(path)
    if row is None or method not in METHODS_BY_DEPTH[row["rest"].count("/")]:
        return ApiError(400, "INVALID_INPUT", f"{method} {path} is not supported in a composite graph.")
    if float(row["version"]) < FIRST_VERSION:
        return ApiError(400, "INVALID_INPUT", f"A composite graph supports API versions from {FIRST_VERSION} on.")
    return None
