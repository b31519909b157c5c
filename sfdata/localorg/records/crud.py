"""Records of the local org: create, read, update, upsert and delete one, with every check that Salesforce makes.

Each method is one unit: it happens as a whole or raises and leaves nothing behind, also inside a caller's transaction.
A `RecordRefused` lists its `errors` as values, so that Collections and Bulk can report them row by row. The order of
the checks is Salesforce's: readable JSON, fields that may be written, required fields, values, references, the org's
own validation rules, uniqueness, locks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sfdata.localorg.derivation import Derivation, Draft
from sfdata.localorg.ids import id15, normalize
from sfdata.localorg.records import replication
from sfdata.localorg.records.deletion import plan_deletion
from sfdata.localorg.records.locks import Locks
from sfdata.localorg.records.references import MASTER_RECORD_TYPE, References, several_found
from sfdata.localorg.records.representation import record_json
from sfdata.localorg.records.validation import (
    RecordError,
    RecordRefused,
    Unreadable,
    datetime_text,
    printable,
    refusal,
    stored_form,
)
from sfdata.localorg.records.validation_rules import ValidationRules
from sfdata.localorg.schema import Field, SObject
from sfdata.localorg.store import Store

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class UpsertResult:
    id: str
    created: bool


class Records:
    """The write side of one org.

    Objects are given as the schema's `SObject`, Ids with 15 or 18 characters, bodies as the JSON object of a request
    (field names in any case; ``attributes`` is ignored). ``clock`` answers the time as an aware datetime.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.schema = store.schema
        self._clock = clock
        self._references = References(store)
        self._derivation = Derivation(store)
        self._rules = ValidationRules(store)
        self.locks = Locks()

    # --- reading -----------------------------------------------------------------------------------------------------

    def get(self, sobject: SObject, record_id: str, *, missing: str = "NOT_FOUND") -> dict[str, Any]:
        """The stored row.

        Raises:
            RecordRefused: MALFORMED_ID for an Id of another object, ``missing`` where there never was such a row,
                ENTITY_IS_DELETED where it is in the recycle bin.
        """
        known = normalize(record_id)
        if known is None or self.schema.by_prefix(known) is not sobject:
            raise refusal("MALFORMED_ID", f"{_id_label(sobject)}: id value of incorrect type: {record_id}", ["Id"])
        row = self.store.get(sobject, known)
        if row is None:
            raise refusal(missing, MISSING[missing], MISSING_FIELDS[missing], status=404)
        if row.get("IsDeleted"):
            raise refusal("ENTITY_IS_DELETED", "entity is deleted", status=404)
        return row

    def read(self, sobject: SObject, record_id: str, field_names: Iterable[str] | None, base: str) -> dict[str, Any]:
        """The row as REST answers it: ``attributes``, then the fields named (and Id), or all of them."""
        fields = self.fields_named(sobject, field_names)
        return record_json(sobject, self.get(sobject, record_id), fields, base)

    def fields_named(self, sobject: SObject, names: Iterable[str] | None) -> list[Field]:
        """The fields of these names in their order, Id added at the end; all fields for None."""
        if names is None:
            return list(sobject.fields)
        wanted = [*(name.strip() for name in names), "Id"]
        found = {name: sobject.field(name) for name in wanted}
        unknown = next((name for name, field in found.items() if field is None), None)
        if unknown is not None:
            raise _no_such_column(sobject, unknown)
        return list({field.name: field for field in found.values() if field}.values())

    def find(self, sobject: SObject, field_name: str, value: Any) -> list[dict[str, Any]]:
        """The rows (at most 200) outside the recycle bin whose key ``field_name`` is ``value``.

        Raises:
            RecordRefused: NOT_FOUND, where the field is neither Id nor an external id.
        """
        try:
            wanted = stored_form(key_field(sobject, field_name), value)
        except Unreadable:
            return []
        return [] if wanted is None else self.store.find(sobject, field_name, wanted)

    def get_updated(self, sobject: SObject, start: datetime, end: datetime) -> dict[str, Any]:
        """The answer of the ``updated`` resource for two aware datetimes; see `replication.updated`."""
        return replication.updated(self.store, sobject, start, end, self._clock())

    def get_deleted(self, sobject: SObject, start: datetime, end: datetime) -> dict[str, Any]:
        """The answer of the ``deleted`` resource for two aware datetimes; see `replication.deleted`."""
        return replication.deleted(self.store, sobject, start, end, self._clock())

    # --- writing -----------------------------------------------------------------------------------------------------

    def create(
        self, sobject: SObject, body: Mapping[str, Any], user_id: str, *, kept: Mapping[str, Any] = NOTHING
    ) -> str:
        """Add a row and return its Id. ``kept`` is the Id and the audit fields, in stored form, of a row that had them
        before; they are not checked."""
        if not sobject.createable:
            raise _closed_object(sobject, "inserted")
        with self.store.transaction():
            given = self._accept(sobject, body, creating=True)
            return self._insert(sobject, given, user_id, kept)

    def update(self, sobject: SObject, record_id: str, body: Mapping[str, Any], user_id: str) -> str:
        """Change the fields in ``body``, leave the others alone, and return the Id."""
        if not sobject.updateable:
            raise _closed_object(sobject, "updated")
        with self.store.transaction():
            before = self.get(sobject, record_id, missing="INVALID_CROSS_REFERENCE_KEY")
            given = self._accept(sobject, body, creating=False)
            _check_not_emptied(sobject, given)
            self._update(sobject, before, given, user_id)
            return str(before["Id"])

    def upsert(
        self, sobject: SObject, field_name: str, value: Any, body: Mapping[str, Any], user_id: str,
        *, update_only: bool = False,
    ) -> UpsertResult:  # fmt: skip
        """Update the row whose key ``field_name`` is ``value``, or create it.

        Raises:
            RecordRefused: NOT_FOUND for a field that is no key, or for no row with ``update_only``;
                MISSING_ARGUMENT without a value, DUPLICATE_EXTERNAL_ID for several rows.
        """
        key = key_field(sobject, field_name)
        if stored_form(key, value) is None:
            raise refusal("MISSING_ARGUMENT", f"{key.name} not specified")
        for repeated in filter(None, map(sobject.field, body)):
            if repeated is key or repeated.type == "id":
                raise _not_in_body(repeated)
        with self.store.transaction():
            found = self.find(sobject, key.name, value)
            if len(found) > 1:
                raise several_found(key, [row["Id"] for row in found])
            if found:
                return UpsertResult(self.update(sobject, found[0]["Id"], body, user_id), created=False)
            if update_only or key.type == "id":
                raise refusal("NOT_FOUND", MISSING["NOT_FOUND"], None, status=404)
            return UpsertResult(self.create(sobject, {**body, key.name: value}, user_id), created=True)

    def delete(self, sobject: SObject, record_id: str, user_id: str) -> None:
        """Put a row into the recycle bin, with the children that go along; empty the lookups that pointed there."""
        with self.store.transaction():
            row = self.get(sobject, record_id, missing="INVALID_CROSS_REFERENCE_KEY")
            if not sobject.deletable:
                raise refusal("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support delete", None)
            plan = plan_deletion(self.store, sobject, row)
            for owner, doomed in plan.doomed.values():
                self.locks.check(owner, doomed)
            for lookup in plan.emptied:
                stamp = self._stamps(lookup.sobject, None)
                self.store.update(lookup.sobject, lookup.row["Id"], {lookup.field_name: None, **stamp})
            for owner, doomed in plan.doomed.values():
                self._bin(owner, doomed, user_id)
            for owner, doomed in plan.doomed.values():
                self._derivation.follow(owner, doomed, None, self._clock())

    # --- steps of a write --------------------------------------------------------------------------------------------

    def _accept(self, sobject: SObject, body: Mapping[str, Any], *, creating: bool) -> dict[str, Any]:
        """The body in stored form, by true field names; refuses what no row may be given."""
        values: dict[str, Any] = {}
        errors: list[RecordError] = []
        closed: list[str] = []
        for key, value in body.items():
            if key == "attributes":
                continue
            field, by_key = self._target(sobject, key, body)
            if field.type == "id":
                raise _not_in_body(field)
            if not (field.createable if creating else field.updateable):
                closed.append(field.name)
                continue
            try:
                values[field.name] = (self._references.by_external_id if by_key else stored_form)(field, value)
            except Unreadable:
                raise
            except RecordRefused as refused:
                errors += refused.errors
        if closed:
            raise _not_writable(closed)
        if creating:
            _check_required(sobject, values, errors)
        if errors:
            raise RecordRefused(errors)
        if values.get("RecordTypeId") == MASTER_RECORD_TYPE:
            values["RecordTypeId"] = None
        return values

    def _target(self, sobject: SObject, key: str, body: Mapping[str, Any]) -> tuple[Field, bool]:
        """The field a key of the body means, and whether by its relationship (``Owner`` for OwnerId)."""
        field = sobject.field(key)
        if field is not None:
            return field, False
        reference = sobject.parent(key)
        if reference is None:
            raise _no_such_column(sobject, key)
        if any(sobject.field(other) is reference for other in body):
            message = f"Cannot specify both an external ID reference {key} and a salesforce id, {reference.name}"
            raise refusal("INVALID_FIELD", message)
        return reference, True

    def _insert(self, sobject: SObject, given: Mapping[str, Any], user_id: str, kept: Mapping[str, Any]) -> str:
        row = {f.name: given.get(f.name) for f in sobject.stored_fields}
        self._fill_defaults(sobject, row, given, user_id)
        row["Id"] = self.store.claim_id(sobject, kept["Id"]) if "Id" in kept else self.store.new_ids(sobject)[0]
        row |= self._stamps(sobject, user_id, created=True)
        row |= kept
        self._check_references(sobject, given)
        self._derivation.fill(Draft(self.store, sobject, row, None, frozenset(given), self._clock()))
        self._check_rules(sobject, row, None, user_id)
        self._check_unique(sobject, row, row)
        self.locks.check(sobject, row)
        self.store.insert(sobject, row)
        self._derivation.follow(sobject, None, row, self._clock())
        return str(row["Id"])

    def _update(self, sobject: SObject, before: Mapping[str, Any], given: Mapping[str, Any], user_id: str) -> None:
        row = {**before, **given, **self._stamps(sobject, user_id)}
        self._check_references(sobject, _difference(before, given))
        self._derivation.fill(Draft(self.store, sobject, row, before, frozenset(given), self._clock()))
        self._check_rules(sobject, row, before, user_id)
        changed = _difference(before, row)
        self._check_unique(sobject, changed, row)
        self.locks.check(sobject, before, row)
        self.store.update(sobject, row["Id"], changed)
        self._derivation.follow(sobject, before, row, self._clock())

    def _fill_defaults(self, sobject: SObject, row: dict[str, Any], given: Mapping[str, Any], user_id: str) -> None:
        owner = sobject.field("OwnerId")
        if owner is not None and row["OwnerId"] is None and not (owner.nillable and "OwnerId" in given):
            row["OwnerId"] = user_id
        for field, default in sobject.defaults:
            if row[field.name] is None and not (field.nillable and field.name in given):
                row[field.name] = default if field.type == "boolean" else stored_form(field, default)

    def _check_references(self, sobject: SObject, given: Mapping[str, Any]) -> None:
        problems = self._references.problems(sobject, given)
        if problems:
            raise RecordRefused(problems)

    def _check_rules(
        self, sobject: SObject, row: Mapping[str, Any], before: Mapping[str, Any] | None, user_id: str
    ) -> None:
        problems = self._rules.problems(sobject, row, before, user_id, self._clock())
        if problems:
            raise RecordRefused(problems)

    def _check_unique(self, sobject: SObject, values: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        for field in sobject.unique_fields:
            value = values.get(field.name)
            if value is None:
                continue
            holders = (other["Id"] for other in self.store.find(sobject, field.name, value, limit=2))
            taken = next((holder for holder in holders if holder != row["Id"]), None)
            if taken is not None:
                message = f"duplicate value found: {field.name} duplicates value on record with id: {id15(taken)}"
                raise refusal("DUPLICATE_VALUE", message)

    def _stamps(self, sobject: SObject, user_id: str | None, *, created: bool = False) -> dict[str, Any]:
        """The system fields of a write by ``user_id``; None is the org itself, which leaves only SystemModstamp."""
        now = datetime_text(self._clock())
        stamps: dict[str, Any] = {"SystemModstamp": now}
        if user_id is not None:
            stamps |= {"LastModifiedDate": now, "LastModifiedById": user_id}
        if created:
            stamps |= {"CreatedDate": now, "CreatedById": user_id}
        return {name: value for name, value in stamps.items() if sobject.field(name)}

    def _bin(self, sobject: SObject, row: Mapping[str, Any], user_id: str) -> None:
        if sobject.field("IsDeleted"):
            self.store.update(sobject, row["Id"], {"IsDeleted": 1, **self._stamps(sobject, user_id)})
        else:
            self.store.update(sobject, row["Id"], self._stamps(sobject, user_id))
            self.store.remove(sobject, row["Id"])


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if value != before[name]}


# --- the checks and refusals of a body -------------------------------------------------------------------------------

MISSING = {
    "NOT_FOUND": "The requested resource does not exist",
    "INVALID_CROSS_REFERENCE_KEY": "invalid cross reference id",
}
MISSING_FIELDS: Mapping[str, tuple[str, ...] | None] = {"NOT_FOUND": None, "INVALID_CROSS_REFERENCE_KEY": ()}


def key_field(sobject: SObject, name: str) -> Field:
    """The field of that name, if a row can be found by it: Id, an external id or another lookup key."""
    field = sobject.field(name)
    if field is None or not (field.type == "id" or field.external_id or field.id_lookup):
        raise no_such_key(name)
    return field


def no_such_key(name: str) -> RecordRefused:
    """The refusal of a path that names neither a row nor a key."""
    message = f"Provided external ID field does not exist or is not accessible: {printable(name)}"
    return refusal("NOT_FOUND", message, None, status=404)


def _check_required(sobject: SObject, values: Mapping[str, Any], errors: Iterable[RecordError]) -> None:
    faulty = {name for error in errors for name in error.fields or ()}
    missing = [f.name for f in sobject.required_fields if values.get(f.name) is None and f.name not in faulty]
    if missing:
        raise _required_missing(missing)


def _check_not_emptied(sobject: SObject, values: Mapping[str, Any]) -> None:
    emptied = [f for f in sobject.fields if f.name in values and values[f.name] is None and not f.nillable]
    if [f.name for f in emptied] == ["OwnerId"]:
        raise refusal("INVALID_CROSS_REFERENCE_KEY", f"{emptied[0].label}: owner cannot be blank", ["OwnerId"])
    if emptied:
        raise _required_missing([f.name for f in emptied])


def _required_missing(names: list[str]) -> RecordRefused:
    return refusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(names)}]", names)


def _not_writable(names: list[str]) -> RecordRefused:
    message = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field and "
        "verify that it is read/write for your profile or permission set."
    )
    return refusal("INVALID_FIELD_FOR_INSERT_UPDATE", message, names)


def _not_in_body(field: Field) -> RecordRefused:
    return refusal("INVALID_FIELD", f"The {field.name} field should not be specified in the sobject data.", None)


def _no_such_column(sobject: SObject, name: str) -> RecordRefused:
    return refusal("INVALID_FIELD", f"No such column '{printable(name)}' on sobject of type {sobject.name}", None)


def _closed_object(sobject: SObject, verb: str) -> RecordRefused:
    return refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be {verb}: {sobject.label}", None)


def _id_label(sobject: SObject) -> str:
    field = sobject.field("Id")
    return field.label if field else "Id"
