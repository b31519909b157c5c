"""The objects an org has: definitions of fields and objects, looked up without regard to case.

Plain data. `objects` declares Salesforce's own objects in these terms, `schemafile` adds an org's own, `describe`
renders them as the describe resources answer, `store` makes tables of them, the engine resolves names against them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

TEXT_TYPES = frozenset(
    {"string", "email", "phone", "url", "picklist", "combobox", "multipicklist", "textarea", "encryptedstring"}
)
NUMBER_TYPES = frozenset({"int", "double", "currency", "percent", "long"})
COMPOUND_TYPES = frozenset({"address", "location"})
MASTER_RECORD_TYPE = "012000000000000AAA"
"""The record type of every object, of which no record tells."""


@dataclass(frozen=True, slots=True)
class PicklistValue:
    value: str
    label: str
    active: bool = True
    default: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field. Attribute names follow the describe answer's keys (``nillable``, ``createable`` …), in snake case.

    ``child_relationship`` is the name under which the parent knows these rows (``Contacts`` for Contact.AccountId).
    ``relationship_order`` is 0 for the first master-detail relationship of an object and 1 for the second.
    ``compound`` names the compound field this one is a part of (``BillingAddress``, ``Name``).
    ``derived`` names a rule of `derivation` that fills the field at write time (``person_name``, ``stage`` …).
    ``permissionable`` is None where it follows from the rest whether field-level security can hide the field.
    ``stored`` is false for compound fields, which are assembled when read.
    """

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted_on_create: bool = False
    default_value: Any = None
    calculated: bool = False
    auto_number: str | None = None
    unique: bool = False
    case_sensitive: bool = False
    external_id: bool = False
    id_lookup: bool = False
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    aggregatable: bool = True
    name_field: bool = False
    name_pointing: bool = False
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    child_relationship: str | None = None
    relationship_order: int | None = None
    cascade_delete: bool = False
    restricted_delete: bool = False
    picklist: tuple[PicklistValue, ...] = ()
    restricted_picklist: bool = False
    compound: str | None = None
    extra_type_info: str | None = None
    html_formatted: bool = False
    permissionable: bool | None = None
    derived: str | None = None
    custom: bool = False

    @property
    def stored(self) -> bool:
        return self.type not in COMPOUND_TYPES

    @property
    def is_key(self) -> bool:
        """Whether one value of it names a row: an Id, an external id, or another lookup key."""
        return self.type == "id" or self.external_id or self.id_lookup

    @property
    def default(self) -> Any:
        """What a new row has here if it is given nothing, as it is declared; None for nothing."""
        if self.type == "boolean":
            return int(bool(self.default_value))
        if self.default_value is not None:
            return self.default_value
        return next((v.value for v in self.picklist if v.default), None)

    @property
    def required(self) -> bool:
        """A create must give it: not nillable, not defaulted, and the user may write it."""
        return not self.nillable and not self.defaulted_on_create and self.createable and self.type != "boolean"


@dataclass(frozen=True, slots=True)
class ChildRelationship:
    """Rows of ``object`` that point here through ``field``; ``name`` is None where SOQL cannot walk it."""

    object: str
    field: str
    name: str | None
    cascade_delete: bool = False
    restricted_delete: bool = False


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """A save is refused with ``error_message``, shown at ``error_display_field``, while the formula is true."""

    name: str
    error_condition_formula: str
    error_message: str
    error_display_field: str | None = None
    active: bool = True
    description: str | None = None


@dataclass(frozen=True, slots=True)
class MatchingRule:
    """What rows of ``object`` are duplicates of a row: ``fields`` pairs its fields with theirs, all of them alike."""

    name: str
    object: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DuplicateRule:
    """A save is refused with ``alert_text`` while there are duplicates, also if the client insists unless it allows."""

    name: str
    matching_rules: tuple[MatchingRule, ...]
    alert_text: str
    allows_save: bool = True


@dataclass(frozen=True)
class SObject:
    """One object: its fields in describe order and what may be done with it."""

    name: str
    label: str
    label_plural: str
    key_prefix: str | None
    fields: tuple[Field, ...]
    validation_rules: tuple[ValidationRule, ...] = ()
    duplicate_rules: tuple[DuplicateRule, ...] = ()
    custom: bool = False
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    undeletable: bool = True
    queryable: bool = True
    retrieveable: bool = True
    searchable: bool = True
    replicateable: bool = True
    triggerable: bool = True
    mergeable: bool = False
    layoutable: bool = True
    mru_enabled: bool = True
    feed_enabled: bool = False
    deep_cloneable: bool = False

    def owns(self, record_id: str) -> bool:
        """Whether an Id can be that of a row of this object: objects of setup share their prefix with others."""
        return record_id[:3] == self.key_prefix

    def field(self, name: str) -> Field | None:
        return self._by_name.get(name) or self._by_name.get(name.casefold())

    def parent(self, relationship: str) -> Field | None:
        """The reference field whose relationship name is ``relationship`` (``Owner`` → OwnerId)."""
        return self._by_relationship.get(relationship.casefold())

    @cached_property
    def stored_fields(self) -> tuple[Field, ...]:
        """The fields that have a column."""
        return tuple(f for f in self.fields if f.stored)

    @cached_property
    def required_fields(self) -> tuple[Field, ...]:
        """The fields that a create must give."""
        return tuple(f for f in self.fields if f.required)

    @cached_property
    def unique_fields(self) -> tuple[Field, ...]:
        """The fields of which no two rows have one value."""
        return tuple(f for f in self.fields if f.unique)

    @cached_property
    def defaults(self) -> tuple[tuple[Field, Any], ...]:
        """The stored fields that a new row has a value in though it was given none, each with that."""
        return tuple((f, f.default) for f in self.stored_fields if f.default is not None)

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {name: f for f in self.fields for name in (f.name, f.name.casefold())}

    @cached_property
    def _by_relationship(self) -> dict[str, Field]:
        return {f.relationship_name.casefold(): f for f in self.fields if f.relationship_name and f.reference_to}


class Schema:
    """All objects of an org."""

    def __init__(self, objects: Iterable[SObject]) -> None:
        self._objects = {o.name.casefold(): o for o in objects}
        self._by_prefix = {o.key_prefix: o for o in self._objects.values() if o.key_prefix}

    def __iter__(self) -> Iterator[SObject]:
        return iter(self._objects.values())

    def object(self, name: str) -> SObject | None:
        return self._objects.get(name.casefold())

    def by_prefix(self, record_id: str) -> SObject | None:
        """The object a record Id belongs to, told by its first three characters."""
        return self._by_prefix.get(record_id[:3])

    def children(self, name: str) -> tuple[ChildRelationship, ...]:
        """The relationships that lead from other objects to this one."""
        return self._children.get(name.casefold(), ())

    def child(self, name: str, relationship: str) -> ChildRelationship | None:
        """The child relationship of object ``name`` called ``relationship`` (``Contacts``)."""
        wanted = relationship.casefold()
        return next((c for c in self.children(name) if c.name and c.name.casefold() == wanted), None)

    @cached_property
    def _children(self) -> dict[str, tuple[ChildRelationship, ...]]:
        found: dict[str, list[ChildRelationship]] = {}
        for sobject in self:
            for f in sobject.fields:
                for parent in f.reference_to:
                    child = ChildRelationship(
                        sobject.name, f.name, f.child_relationship, f.cascade_delete, f.restricted_delete
                    )
                    found.setdefault(parent.casefold(), []).append(child)
        return {parent: tuple(children) for parent, children in found.items()}
