"""What writing a set of records will ask of the store, read ahead with one question for all of them.

It only saves time: what is not foreseen here, or cannot be read, is asked for when its record's turn has come.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sfdata.localorg.batch import Batch
from sfdata.localorg.records.deletion import children
from sfdata.localorg.records.intake import Intake
from sfdata.localorg.records.references import STANDING, References
from sfdata.localorg.records.validation import RecordRefused, stored_form
from sfdata.localorg.schema import Field, Schema, SObject


@dataclass(frozen=True, slots=True)
class Prospect:
    """Records of one object that are about to be written or, if ``deleting``, deleted.

    ``bodies`` are what is to be written, ``values`` those of the field ``key`` by which the records will be found.
    """

    sobject: SObject
    bodies: Sequence[Mapping[str, Any]] = ()
    key: str = "Id"
    values: Sequence[Any] = ()
    deleting: bool = False


class Foresight:
    """Reads ahead into one batch."""

    def __init__(self, batch: Batch, schema: Schema, references: References) -> None:
        self._batch = batch
        self._schema = schema
        self._references = references

    def read(self, prospect: Prospect, intake: Intake) -> None:
        """Read what writing these records takes."""
        key = prospect.sobject.field(prospect.key)
        if key is not None and prospect.values:
            values = _stored(key, prospect.values)
            self._batch.read_ahead(prospect.sobject, key, values)
            if prospect.deleting:
                self._children(prospect.sobject, values)
        if prospect.bodies:
            self._checked(intake, prospect.bodies)

    def _checked(self, intake: Intake, bodies: Sequence[Mapping[str, Any]]) -> None:
        """What bodies are checked against: parents, and who has which unique values."""
        for name in set().union(*bodies):
            entry = intake.known(name)
            if entry is None or not (entry.field.unique or entry.field.type == "reference"):
                continue
            given = [body[name] for body in bodies if body.get(name) is not None]
            if entry.by_key:
                self._named_parents(entry.field, given)
            elif entry.field.type == "reference":
                self._parents(_stored(entry.field, given))
            else:
                self._batch.read_ids_ahead(intake.sobject, entry.field, _stored(entry.field, given))

    def _parents(self, ids: Collection[str]) -> None:
        by_object: dict[str, list[str]] = {}
        for record_id in ids:
            by_object.setdefault(record_id[:3], []).append(record_id)
        for prefix, of_object in by_object.items():
            parent = self._schema.by_prefix(prefix)
            if parent is not None:
                names = [name for name in STANDING if parent.field(name)]
                self._batch.glimpse_ahead(parent, names, of_object)

    def _named_parents(self, reference: Field, given: Iterable[Any]) -> None:
        """Parents that are named by an external id, and their standing."""
        wanted: dict[tuple[str, str], tuple[SObject, Field, list[Any]]] = {}
        for nested in given:
            try:
                parent, key, value = self._references.wanted(reference, nested)
            except RecordRefused:
                continue
            wanted.setdefault((parent.name, key.name), (parent, key, []))[2].append(value)
        for parent, key, values in wanted.values():
            self._batch.read_ids_ahead(parent, key, [value for value in values if value is not None])
            found = (self._batch.find_ids(parent, key, value, 1) for value in values if value is not None)
            self._parents({record_id for ids in found for record_id in ids})

    def _children(self, sobject: SObject, ids: Collection[str]) -> None:
        """The children of records to be deleted, of those that go with them, and so on."""
        seen, waves = set(ids), [(sobject, list(ids))]
        while waves:
            parent, doomed = waves.pop()
            for relationship, child, reference in children(self._schema, parent):
                self._batch.read_ahead(child, reference, doomed)
                if relationship.cascade_delete:
                    found = {row["Id"] for parent_id in doomed for row in self._batch.find(child, reference, parent_id)}
                    waves.append((child, list(found - seen)))
                    seen |= found


def _stored(field: Field, values: Iterable[Any]) -> set[Any]:
    """The values in stored form, as far as they can be read."""
    return set(_readable(field, values))


def _readable(field: Field, values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        try:
            stored = stored_form(field, value)
        except RecordRefused:
            continue
        if stored is not None:
            yield stored
