"""Records with their children, as nested dicts, created in one call: all of them or none.

    [{"Name": "Acme", "Contacts": [{"LastName": "Ito", "Cases": [{"Subject": "No power"}]}]}]

A name of a child relationship (``Contacts``) holds a list of records; every other name is a field of the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sfdata.api import sobject_tree
from sfdata.api.describe import DescribeCache
from sfdata.api.record_values import to_wire
from sfdata.api.sobject_tree import TreeRecord, TreeResult
from sfdata.error_codes import response_error
from sfdata.errors import ConfigurationError, Problem, PushRefused
from sfdata.metadata import ObjectDescribe
from sfdata.transport.http_session import HttpSession

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Node:
    """A record that is given: where it stands (``[0].Contacts[1]``), its fields, and those below it by relationship."""

    place: str
    describe: ObjectDescribe
    fields: Fields
    children: Mapping[str, Sequence[_Node]]

    def walk(self) -> Iterator[_Node]:
        """The record and all below it, each before its children."""
        yield self
        for nodes in self.children.values():
            for node in nodes:
                yield from node.walk()


def create_tree(
    session: HttpSession, describes: DescribeCache, object_name: str, records: Sequence[Fields]
) -> list[dict[str, Any]]:
    """The Ids of the new records, nested as the records are; see `sfdata.transfer.records.SObject.create_tree`."""
    nodes = _nodes(describes, describes.object(object_name), records, "")
    placed = [node for top in nodes for node in top.walk()]
    names = {id(node): f"r{number}" for number, node in enumerate(placed)}
    written = _written(placed)
    results = sobject_tree.create(session, [_tree_record(node, names, written) for node in nodes])
    _raise_refused(placed, results)
    ids = {id(node): result.id for node, result in zip(placed, results, strict=True)}
    return [_nested_ids(node, ids) for node in nodes]


def _nodes(describes: DescribeCache, describe: ObjectDescribe, records: Sequence[Fields], place: str) -> list[_Node]:
    if isinstance(records, str | Mapping) or not all(isinstance(one, Mapping) for one in records):
        raise ConfigurationError(f"{place.lstrip('.') or 'records'}: a list of records is wanted, each a dict")
    return [_node(describes, describe, record, f"{place}[{n}]") for n, record in enumerate(records)]


def _node(describes: DescribeCache, describe: ObjectDescribe, record: Fields, place: str) -> _Node:
    fields, children = {}, {}
    for name, value in record.items():
        child = describe.child(name) if describe.field(name) is None else None
        if child is None:
            fields[name] = value
        else:
            below = describes.object(child.object)
            children[child.relationship] = _nodes(describes, below, value, f"{place}.{child.relationship}")
    return _Node(place, describe, fields, children)


def _written(nodes: Sequence[_Node]) -> dict[int, dict[str, Any]]:
    """The JSON values of each record.

    Raises:
        PushRefused: names or values that cannot be written, all of them, with the places of their records.
    """
    written, problems = {}, list[Problem]()
    for node in nodes:
        try:
            written[id(node)] = to_wire(node.fields, node.describe, "createable")
        except PushRefused as refused:
            problems += [one._replace(column=f"{node.place}.{one.column}") for one in refused.problems]
    if problems:
        raise PushRefused(problems)
    return written


def _tree_record(node: _Node, names: Mapping[int, str], written: Mapping[int, Fields]) -> TreeRecord:
    children = {name: [_tree_record(below, names, written) for below in nodes] for name, nodes in node.children.items()}
    return TreeRecord(node.describe.name, names[id(node)], written[id(node)], children)


def _raise_refused(nodes: Sequence[_Node], results: Sequence[TreeResult]) -> None:
    """Raise what the org says of the records that it refused, and where they stand; none was created."""
    errors = [
        {"errorCode": error.code, "message": f"{node.place}: {error.message}", "fields": error.fields}
        for node, result in zip(nodes, results, strict=True)
        for error in result.errors
    ]
    if errors:
        raise response_error(sobject_tree.REFUSED, errors)


def _nested_ids(node: _Node, ids: Mapping[int, str | None]) -> dict[str, Any]:
    below = {name: [_nested_ids(one, ids) for one in nodes] for name, nodes in node.children.items()}
    return {"Id": ids[id(node)], **below}
