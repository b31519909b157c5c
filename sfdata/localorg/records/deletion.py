"""What a delete takes with it: children that go too, children that forbid it, lookups that are emptied.

See https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/relationships_among_objects.htm
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sfdata.localorg.records.validation import RecordRefused, refusal
from sfdata.localorg.schema import ChildRelationship, Field, Schema, SObject
from sfdata.localorg.store import Store
from sfdata.localorg.tables import AUDIT_REFERENCES

NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Lookup:
    """A reference, ``field_name`` of ``row``, to a row that is to be deleted."""

    sobject: SObject
    row: Mapping[str, Any]
    field_name: str


@dataclass(slots=True)
class DeletionPlan:
    """``doomed`` rows by Id, the one asked for first, and the lookups to empty."""

    doomed: dict[str, tuple[SObject, Mapping[str, Any]]] = field(default_factory=dict)
    emptied: list[Lookup] = field(default_factory=list)


def plan_deletion(store: Store, sobject: SObject, row: Mapping[str, Any]) -> DeletionPlan:
    """Everything that deleting ``row`` means.

    Raises:
        RecordRefused: DELETE_FAILED, where a row that stays must keep its parent.
    """
    plan = DeletionPlan()
    waiting = [(sobject, row)]
    binding: list[tuple[SObject, Mapping[str, Any], Lookup]] = []
    while waiting:
        parent, doomed = waiting.pop()
        if doomed["Id"] in plan.doomed:
            continue
        plan.doomed[doomed["Id"]] = (parent, doomed)
        for cascades, binds, lookup in _lookups(store, parent, doomed):
            if cascades:
                waiting.append((lookup.sobject, lookup.row))
            elif binds:
                binding.append((parent, doomed, lookup))
            else:
                plan.emptied.append(lookup)
    staying = [held for held in binding if held[2].row["Id"] not in plan.doomed]
    if staying:
        raise _delete_failed(staying)
    plan.emptied = [lookup for lookup in plan.emptied if lookup.row["Id"] not in plan.doomed]
    return plan


def _lookups(store: Store, parent: SObject, row: Mapping[str, Any]) -> Iterator[tuple[bool, bool, Lookup]]:
    """Each reference to ``row``, with whether it goes along and whether it forbids the delete."""
    for relationship, child, reference in children(store.schema, parent):
        binds = relationship.restricted_delete or not reference.nillable
        for found in store.find(child, reference.name, row["Id"]):
            yield relationship.cascade_delete, binds, Lookup(child, found, reference.name)


def children(schema: Schema, parent: SObject) -> Iterator[tuple[ChildRelationship, SObject, Field]]:
    """The relationships that a delete of a ``parent`` looks at, each with the object and the field it is made of."""
    for relationship in schema.children(parent.name):
        child = schema.object(relationship.object)
        reference = child.field(relationship.field) if child else None
        if child is None or reference is None or child.key_prefix is None or reference.name in AUDIT_REFERENCES:
            continue
        yield relationship, child, reference


def _delete_failed(staying: list[tuple[SObject, Mapping[str, Any], Lookup]]) -> RecordRefused:
    parent, row, first = staying[0]
    names = [_name(held.sobject, held.row) for _, _, held in staying if held.sobject is first.sobject]
    message = (
        f"Your attempt to delete {_name(parent, row)} could not be completed because it is associated with the "
        f"following {first.sobject.label_plural.lower()}.: {', '.join(names[:NAMES_SHOWN])}\n"
    )
    return refusal("DELETE_FAILED", message)


def _name(sobject: SObject, row: Mapping[str, Any]) -> str:
    named = next((f.name for f in sobject.fields if f.name_field), "Id")
    return str(row[named] or row["Id"])
