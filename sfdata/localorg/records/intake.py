"""What comes into the org in the body of one record: which field each key means, values in the form the store keeps.

An intake is made once for an object and then takes in record after record, so what is the same for all of them is
looked up only once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from sfdata.localorg.records.references import References
from sfdata.localorg.records.validation import (
    Reader,
    RecordError,
    RecordRefused,
    Unreadable,
    datetime_text,
    printable,
    reader_of,
    refusal,
    stored_form,
)
from sfdata.localorg.schema import MASTER_RECORD_TYPE, Field, SObject

Body = Mapping[str, Any]
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a key of a body means: a field, by its own name or (``by_key``) by that of its relationship."""

    name: str
    field: Field
    read: Reader
    by_key: bool
    closed: frozenset[bool]
    """To what the field is closed: True stands for a create, False for an update."""

    @classmethod
    def of(cls, field: Field, read: Reader, *, by_key: bool = False) -> Self:
        """The entry of a field that values are read into by ``read``."""
        writable = {True: field.createable, False: field.updateable}
        closed = frozenset(creating for creating in writable if field.type == "id" or not writable[creating])
        return cls(field.name, field, read, by_key, closed)


class Intake:
    """Takes in the records of one object."""

    def __init__(self, sobject: SObject, references: References) -> None:
        self.sobject = sobject
        self._entries = {f.name: Entry.of(f, reader_of(f)) for f in sobject.fields}
        for name in filter(None, (f.relationship_name for f in sobject.fields)):
            reference = sobject.parent(name)
            if reference is not None:
                self._entries.setdefault(name, Entry.of(reference, references.by_external_id, by_key=True))

    def values(self, body: Body, *, creating: bool) -> Values:
        """The body in stored form, by true field names.

        Raises:
            Unreadable: JSON of the wrong type.
            RecordRefused: what no record may be given, or what a new one must have.
        """
        values: Values = {}
        errors: list[RecordError] = []
        closed: list[str] = []
        for key, value in body.items():
            if key == "attributes":
                continue
            entry = self._entries.get(key) or self._entry(key)
            if entry.by_key:
                self._check_named_once(key, entry.field, body)
            if creating in entry.closed:
                closed.append(_closed_name(entry.field))
                continue
            try:
                values[entry.name] = stored_form(entry.field, None) if value is None else entry.read(entry.field, value)
            except Unreadable:
                raise
            except RecordRefused as refused:
                errors += refused.errors
        if closed:
            raise _not_writable(closed)
        if creating:
            self._check_required(values, errors)
        if errors:
            raise RecordRefused(errors)
        if values.get("RecordTypeId") == MASTER_RECORD_TYPE:
            values["RecordTypeId"] = None
        return values

    def _entry(self, key: str) -> Entry:
        entry = self.known(key)
        if entry is None:
            raise no_such_column(self.sobject, key)
        return entry

    def known(self, key: str) -> Entry | None:
        """What a key means; names of fields come before those of relationships, and case means nothing."""
        found = self._entries.get(key)
        if found is None and (field := self.sobject.field(key)) is not None:
            return self._entries[field.name]
        if found is None and (reference := self.sobject.parent(key)) is not None:
            return self._entries[str(reference.relationship_name)]
        return found

    def new_row(self, given: Mapping[str, Any], user_id: str) -> Values:
        """Every stored field of a record to be: what is given, defaults, and the user as its owner."""
        row = {**self._blank, **given}
        for name, default in self._insisting.items():
            if row[name] is None:
                row[name] = default
        owner = self.sobject.field("OwnerId")
        if owner is not None and row["OwnerId"] is None and not (owner.nillable and "OwnerId" in given):
            row["OwnerId"] = user_id
        return row

    @cached_property
    def _blank(self) -> Values:
        """A record that was given nothing."""
        return dict.fromkeys(f.name for f in self.sobject.stored_fields) | self._defaults

    @cached_property
    def _defaults(self) -> Values:
        return {
            field.name: default if field.type == "boolean" else stored_form(field, default)
            for field, default in self.sobject.defaults
        }

    @cached_property
    def _insisting(self) -> Values:
        """The defaults that stand also where null is given."""
        return {f.name: self._defaults[f.name] for f, _ in self.sobject.defaults if not f.nillable}

    def stamps(self, user_id: str | None, now: datetime, *, created: bool = False) -> Values:
        """The system fields of a write by ``user_id``; None is the org itself, which leaves only SystemModstamp."""
        moment = datetime_text(now)
        stamps: Values = {"SystemModstamp": moment}
        if user_id is not None:
            stamps |= {"LastModifiedDate": moment, "LastModifiedById": user_id}
        if created:
            stamps |= {"CreatedDate": moment, "CreatedById": user_id}
        return {name: value for name, value in stamps.items() if name in self._entries}

    def _check_named_once(self, key: str, reference: Field, body: Body) -> None:
        if any(self.sobject.field(other) is reference for other in body):
            message = f"Cannot specify both an external ID reference {key} and a salesforce id, {reference.name}"
            raise refusal("INVALID_FIELD", message)

    def _check_required(self, values: Values, errors: Iterable[RecordError]) -> None:
        missing = [f.name for f in self.sobject.required_fields if values.get(f.name) is None]
        if missing and errors:
            faulty = {name for error in errors for name in error.fields or ()}
            missing = [name for name in missing if name not in faulty]
        if missing:
            raise _required_missing(missing)

    def check_left_out(self, body: Body, key: Field) -> None:
        """Refuse a body with an Id, or with the ``key`` by which its record is found."""
        for name in body:
            entry = self.known(name)
            if entry is not None and not entry.by_key and (entry.field is key or entry.field.type == "id"):
                raise not_in_body(entry.field)

    def check_not_emptied(self, values: Values) -> None:
        """Refuse a change to null of a field that must have a value."""
        if None not in values.values():
            return
        emptied = [f for f in self.sobject.fields if f.name in values and values[f.name] is None and not f.nillable]
        if [f.name for f in emptied] == ["OwnerId"]:
            raise refusal("INVALID_CROSS_REFERENCE_KEY", f"{emptied[0].label}: owner cannot be blank", ["OwnerId"])
        if emptied:
            raise _required_missing([f.name for f in emptied])


def _closed_name(field: Field) -> str:
    """The name of a field that may not be written; an Id is more than that."""
    if field.type == "id":
        raise not_in_body(field)
    return field.name


def not_in_body(field: Field) -> RecordRefused:
    """The refusal of a field that the path or another parameter tells already."""
    return refusal("INVALID_FIELD", f"The {field.name} field should not be specified in the sobject data.", None)


def no_such_column(sobject: SObject, name: str) -> RecordRefused:
    """The refusal of a name that means no field."""
    return refusal("INVALID_FIELD", f"No such column '{printable(name)}' on sobject of type {sobject.name}", None)


def _required_missing(names: list[str]) -> RecordRefused:
    return refusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(names)}]", names)


def _not_writable(names: list[str]) -> RecordRefused:
    message = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field and "
        "verify that it is read/write for your profile or permission set."
    )
    return refusal("INVALID_FIELD_FOR_INSERT_UPDATE", message, names)
