"""sObject Tree: rows with their children and theirs, created together or not at all.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobject_tree.htm
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sfdata.localorg.answers import ApiError
from sfdata.localorg.composites.forms import Form, Member, Part
from sfdata.localorg.composites.outcomes import error_list, none_given, too_many
from sfdata.localorg.composites.reference_ids import REFERENCE_ID, RULE
from sfdata.localorg.records.body_places import placed
from sfdata.localorg.records.foresight import Prospect
from sfdata.localorg.records.validation import RecordError, RecordRefused, printable
from sfdata.localorg.routing import Answer, Request, json_answer
from sfdata.localorg.schema import ChildRelationship, SObject
from sfdata.localorg.store import Undo

TREES: Form = {"records": Member("list")}
ATTRIBUTES = ("referenceId", "type")
CHILDREN = "records"

MOST_RECORDS = 200
MOST_TYPES = 5
MOST_LEVELS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A record of a tree: its own fields, its children by their relationships, and the parent it hangs below."""

    reference_id: str
    sobject: SObject
    part: Part
    fields: Mapping[str, Any]
    relationships: Mapping[str, ChildRelationship]
    parent: Node | None
    parent_field: str | None

    def body(self, ids: Mapping[Node, str]) -> dict[str, Any]:
        """The fields to create the row with, once its parent has an Id."""
        if self.parent is None or self.parent_field is None:
            return dict(self.fields)
        return {**self.fields, self.parent_field: ids[self.parent]}


class Faulty(Exception):
    """A record that cannot be told apart or placed."""

    def __init__(self, reference_id: str, message: str) -> None:
        super().__init__(message)
        self.reference_id = reference_id
        self.error = RecordError("INVALID_INPUT", message)


def create(request: Request) -> Answer:
    """``POST composite/tree/X``: the new Ids by reference id; or what was wrong, and no row is created.

    Rows are created level by level, those of one type on one level together.
    """
    root, body = request.sobject, Part(request, request.json)
    if not body.members(TREES).get("records"):
        raise none_given()
    try:
        groups = _groups(request, root, body.at("records"))
    except Faulty as faulty:
        return _refused([(faulty.reference_id, [faulty.error])])
    nodes = [node for group in groups for node in group]
    repeated = _repeated(nodes)
    return _refused(repeated) if repeated else _created(request, groups)


# --- from the body to groups of nodes --------------------------------------------------------------------------------


def _groups(request: Request, root: SObject, records: Part) -> list[list[Node]]:
    """The records in the order of their creation: by level, and by type on each."""
    groups: list[list[Node]] = []
    level = [_node(part, root) for part in records.items()]
    for depth in range(1, MOST_LEVELS + 2):
        if depth > MOST_LEVELS and level:
            raise _too_much(f"{MOST_LEVELS} levels")
        by_type: dict[str, list[Node]] = {}
        for node in level:
            by_type.setdefault(node.sobject.name, []).append(node)
        groups += by_type.values()
        if sum(map(len, groups)) > MOST_RECORDS:
            raise too_many(MOST_RECORDS)
        level = [child for node in level for child in _children(request, node)]
    if len({node.sobject.name for group in groups for node in group}) > MOST_TYPES:
        raise _too_much(f"{MOST_TYPES} types of records")
    return groups


def _children(request: Request, node: Node) -> Iterator[Node]:
    for name, relationship in node.relationships.items():
        child = request.org.object(relationship.object)
        body = node.part.at(name)
        body.members(TREES)
        for part in body.at(CHILDREN).items():
            yield _node(part, child, node, relationship.field)


def _node(part: Part, expected: SObject, parent: Node | None = None, parent_field: str | None = None) -> Node:
    """The record at ``part``, which must say that it is of the ``expected`` object."""
    attributes = part.of_kind("map").get("attributes")
    known = part.at("attributes").of_kind("map") if attributes is not None else {}
    reference_id, type_name = (printable(v) if isinstance(v, str) else "" for v in map(known.get, ATTRIBUTES))
    if not reference_id:
        raise ApiError(400, "INVALID_INPUT", "Include a reference ID for each record in the request.")
    if not REFERENCE_ID.fullmatch(reference_id):
        raise Faulty(reference_id, f"Provided referenceId ('{reference_id}') {RULE}")
    if not type_name:
        raise Faulty(reference_id, "Include an entity type for each record in the request.")
    schema = part.request.org.schema
    if schema.object(type_name) is not expected:
        raise Faulty(reference_id, f"Invalid entity type provided in the request: {type_name}")
    relationships = {
        name: child
        for name, value in part.value.items()
        if isinstance(value, dict) and CHILDREN in value and (child := schema.child(expected.name, name)) is not None
    }
    fields = {name: value for name, value in part.value.items() if name not in relationships}
    return Node(reference_id, expected, part, fields, relationships, parent, parent_field)


def _repeated(nodes: Sequence[Node]) -> list[tuple[str, list[RecordError]]]:
    """An error for each record whose reference id is another's, too."""
    counted = Counter(node.reference_id for node in nodes)
    error = RecordError("INVALID_INPUT", "Duplicate ReferenceId provided in the request.")
    return [(node.reference_id, [error]) for node in nodes if counted[node.reference_id] > 1]


def _too_much(what: str) -> ApiError:
    return ApiError(400, "INVALID_INPUT", f"A request cannot have more than {what}.")


# --- creating --------------------------------------------------------------------------------------------------------


def _created(request: Request, groups: Sequence[Sequence[Node]]) -> Answer:
    ids: dict[Node, str] = {}
    errors: list[tuple[str, Sequence[RecordError]]] = []
    with suppress(Undo), request.org.store.transaction():
        for group in groups:
            errors += _create_group(request, group, ids)
            if errors:
                raise Undo
    if errors:
        return _refused(errors)
    results = [{"referenceId": node.reference_id, "id": record_id} for node, record_id in ids.items()]
    return json_answer({"hasErrors": False, "results": results}, 201)


def _create_group(
    request: Request, group: Sequence[Node], ids: dict[Node, str]
) -> Iterator[tuple[str, Sequence[RecordError]]]:
    """Create the rows, note their ``ids``, and give the errors of those that are refused."""
    bodies = [node.body(ids) for node in group]
    with request.org.records.together(Prospect(group[0].sobject, bodies)):
        for node, body in zip(group, bodies, strict=True):
            try:
                with placed(request, node.part.path):
                    ids[node] = request.org.records.create(node.sobject, body, request.user_id)
            except RecordRefused as problem:
                yield node.reference_id, problem.errors


def _refused(errors: Sequence[tuple[str, Sequence[RecordError]]]) -> Answer:
    results = [{"referenceId": reference_id, "errors": error_list(found)} for reference_id, found in errors]
    return json_answer({"hasErrors": True, "results": results}, 400)
