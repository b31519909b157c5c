"""Where the references of a row lead: found by a parent's external id, and checked before they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sfdata.localorg.ids import id15
from sfdata.localorg.records.validation import RecordError, RecordRefused, Unreadable, printable, refusal, stored_form
from sfdata.localorg.schema import Field, SObject
from sfdata.localorg.store import Store

STANDING = ("IsDeleted", "IsActive", "SobjectType")
"""What decides whether a row may be referred to, as far as its object has these fields."""


class References:
    """Answers for the reference fields of rows about to be written to ``store``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._schema = store.schema
        self._references = {s.name: {f.name: f for f in s.fields if f.type == "reference"} for s in store.schema}

    def by_external_id(self, field: Field, nested: Any) -> str | None:
        """The Id of the parent that ``{"Ext__c": "A1"}`` names, given in place of the reference ``field``.

        Where the reference may lead to several objects, ``attributes.type`` says to which.

        Raises:
            RecordRefused: no such field, not a key, no such parent or several of them.
        """
        if nested is None:
            return None
        parent, key, value = self.wanted(field, nested)
        found = [] if value is None else self._store.find_ids(parent, key.name, value, limit=3)
        if not found:
            given = next(nested[name] for name in nested if name != "attributes")
            problem = f"Foreign key external ID: {given} not found for field {key.name} in entity {parent.name}"
            raise refusal("INVALID_FIELD", problem)
        if len(found) > 1:
            raise several_found(key, found)
        return found[0]

    def wanted(self, field: Field, nested: Any) -> tuple[SObject, Field, Any]:
        """Which row is named in place of the reference ``field``: the object, the key, and its value in stored form.

        Raises:
            RecordRefused: no such field, not a key, a value that cannot be read.
        """
        if not isinstance(nested, Mapping):
            raise Unreadable(field, nested)
        named = [(name, value) for name, value in nested.items() if name != "attributes"]
        if len(named) != 1:
            problem = f"The relationship {field.relationship_name} must name its parent by one external id field."
            raise refusal("INVALID_FIELD", problem, None)
        (name, value) = named[0]
        parent, key = self._key_field(field, nested, name)
        return parent, key, stored_form(key, value)

    def _key_field(self, field: Field, nested: Mapping[str, Any], key: str) -> tuple[SObject, Field]:
        attributes = nested.get("attributes")
        wanted = attributes.get("type") if isinstance(attributes, Mapping) else None
        parents = [p for p in map(self._schema.object, field.reference_to) if p and wanted in (None, p.name)]
        known = [(parent, found) for parent in parents if (found := parent.field(key))]
        for parent, found in known:
            if found.is_key:
                return parent, found
        name = parents[0].name if parents else wanted
        if known:
            problem = f"Field name provided, {key} is not an External ID or indexed field for {name}"
        else:
            problem = f"No such column '{key}' on sobject of type {name}"
        raise refusal("INVALID_FIELD", printable(problem), None)

    def problems(self, sobject: SObject, values: Mapping[str, Any]) -> list[RecordError]:
        """What is wrong with the references among ``values``: wrong object, no such row, deleted, not to be used."""
        found: list[RecordError] = []
        references = self._references[sobject.name]
        for name, value in values.items():
            if value is not None and name in references:
                found += self._problem(sobject, references[name], value)
        return found

    def _problem(self, sobject: SObject, field: Field, record_id: str) -> Sequence[RecordError]:
        target = self._schema.by_prefix(record_id)
        if target is None or target.name not in field.reference_to:
            message = f"{field.label}: id value of incorrect type: {record_id}"
            return [RecordError("FIELD_INTEGRITY_EXCEPTION", message, (field.name,))]
        row = self._store.glimpse(target, record_id)
        if row is None:
            return [RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")]
        if row.get("IsDeleted"):
            return [RecordError("ENTITY_IS_DELETED", "entity is deleted")]
        if field.name == "OwnerId" and target.name == "User" and not row["IsActive"]:
            message = f"operation performed with inactive user [{id15(record_id)}] as owner of {sobject.label.lower()}"
            return [RecordError("INACTIVE_OWNER_OR_USER", message)]
        if field.name == "RecordTypeId" and row["SobjectType"] != sobject.name:
            message = f"{field.label}: this ID value isn't valid for the user: {record_id}"
            return [RecordError("INVALID_CROSS_REFERENCE_KEY", message, (field.name,))]
        return []


def several_found(field: Field, record_ids: Sequence[str]) -> RecordRefused:
    """The refusal where an external id that is not unique names more than one row."""
    listed = ", ".join(record_ids)
    message = f"{field.label}: more than one record found for external id field: [{listed}]"
    return refusal("DUPLICATE_EXTERNAL_ID", message)
