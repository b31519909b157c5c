"""Composite graphs: up to 500 requests for records in one call, in graphs that are each done as a whole or not at all.

Within a graph a request may use the answers of those before it (``@{ref.id}``); graphs know nothing of each other.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_graph.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sfdata.api.composite import Subrequest, SubResult, check_references, operation_of, resource, results, wire_form
from sfdata.api.outcomes import Outcome, json_object, writing
from sfdata.errors import ConfigurationError, UnreadableAnswer
from sfdata.resilience.retry import WRITES
from sfdata.transport.http_session import HttpSession

MOST_GRAPHS = 75
MOST_NODES = 500
MOST_DEPTH = 15
MOST_KINDS = 15
"""Of methods and objects together, in all graphs of a call."""

_GRAPH_ID = re.compile(r"[0-9A-Za-z][^.]{0,38}")
_ROW = re.compile(r"sobjects/(?P<object>\w+)(?:/[^/?]+){0,2}/?(?:\?.*)?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Graph:
    """Requests that are done together or not at all.

    Attributes:
        graph_id: up to 39 characters without a period, the first of them a letter or a digit.
        requests: for records (``sobjects/…``) alone.
    """

    graph_id: str
    requests: Sequence[Subrequest]

    @property
    def depth(self) -> int:
        """How many requests the longest chain of references has."""
        depths: dict[str, int] = {}
        for one in self.requests:
            depths[one.reference_id] = 1 + max((depths.get(used, 0) for used in one.refers_to), default=0)
        return max(depths.values(), default=0)


@dataclass(frozen=True, slots=True)
class GraphResult:
    """What became of a graph.

    Attributes:
        done: whether all of it is; else none of it is.
        results: of each request, in their order: ``failed`` for its own reason, ``rolled_back`` since another failed;
            all of them ``not_executed`` where too many graphs before it had failed.
    """

    graph_id: str
    done: bool
    results: tuple[SubResult, ...]


def graph(session: HttpSession, graphs: Sequence[Graph]) -> list[GraphResult]:
    """Send graphs as one call; their results in the order of ``graphs``.

    Sent again after a lost answer only where it just reads, or only gives records new values by their Ids.

    Raises:
        ConfigurationError: more than a call may have, or Ids and references that are none; nothing was sent.
        OutcomeUnknown: no usable answer tells what was done; its ``sent`` has the graphs.
        ResponseError: the org refused the whole call.
    """
    if not graphs:
        return []
    _check(session, graphs)
    operation = operation_of(session, [one for graph in graphs for one in graph.requests])
    path = f"{session.data_path}/composite/graph"
    asked = [{"graphId": one.graph_id, "compositeRequest": wire_form(session, one.requests)} for one in graphs]
    content = {"graphs": asked}
    if operation not in WRITES:
        return _results(graphs, json_object(session.post(path, content=content, operation=operation)))
    with writing(graphs):
        return _results(graphs, json_object(session.post(path, content=content, operation=operation)))


# --- requests --------------------------------------------------------------------------------------------------------


def _check(session: HttpSession, graphs: Sequence[Graph]) -> None:
    """Refuse what the org is certain to refuse."""
    known: set[str] = set()
    for one in graphs:
        if not _GRAPH_ID.fullmatch(one.graph_id):
            wanted = "a letter or a digit and up to 38 further characters, no period among them"
            raise ConfigurationError(f"the graph id {one.graph_id!r} is not {wanted}")
        if one.graph_id in known:
            raise ConfigurationError(f"the graph id {one.graph_id!r} is there twice")
        if not one.requests:
            raise ConfigurationError(f"the graph {one.graph_id} has no requests")
        known.add(one.graph_id)
        check_references(one.requests)
    kinds = {_kind(session, one) for graph in graphs for one in graph.requests}
    counted = (
        (len(graphs), MOST_GRAPHS, "graphs"),
        (sum(len(one.requests) for one in graphs), MOST_NODES, "requests"),
        (max(one.depth for one in graphs), MOST_DEPTH, "requests in a chain of references"),
        (len(kinds), MOST_KINDS, "kinds of requests, by method and object"),
    )
    for count, most, what in counted:
        if count > most:
            raise ConfigurationError(f"{count} {what}, where a call may have {most}")


def _kind(session: HttpSession, one: Subrequest) -> tuple[str, str]:
    row = _ROW.fullmatch(resource(session, one.path))
    if row is None:
        raise ConfigurationError(f"{one.reference_id}: {one.path} is no record, and a graph takes records alone")
    return one.method, row["object"].casefold()


# --- answers ---------------------------------------------------------------------------------------------------------


def _results(graphs: Sequence[Graph], answer: Mapping[str, Any]) -> list[GraphResult]:
    """The result of each graph, found by its Id.

    Raises:
        UnreadableAnswer: not each has one.
    """
    listed = answer.get("graphs")
    told = {one.get("graphId"): one for one in listed if isinstance(one, Mapping)} if isinstance(listed, list) else {}
    if told.keys() != {one.graph_id for one in graphs} or len(listed or ()) != len(graphs):
        raise UnreadableAnswer("the answers are to other graphs than those sent")
    return [_result(one, told[one.graph_id]) for one in graphs]


def _result(graph: Graph, told: Mapping[str, Any]) -> GraphResult:
    response, done = told.get("graphResponse"), told.get("isSuccessful")
    answers = response.get("compositeResponse") if isinstance(response, Mapping) else None
    found = results(graph.requests, answers, all_or_none=True)
    outcomes = {one.outcome for one in found}
    if done is not (outcomes == {"done"}):
        raise UnreadableAnswer(f"the answer contradicts itself on whether the graph {graph.graph_id} is done")
    if done:
        return GraphResult(graph.graph_id, True, tuple(found))
    undone: Outcome = "rolled_back" if "failed" in outcomes else "not_executed"  # none failed, so none was tried
    settled = [one if one.outcome == "failed" else replace(one, outcome=undone) for one in found]
    return GraphResult(graph.graph_id, False, tuple(settled))
