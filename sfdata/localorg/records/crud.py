"""Records of the local org: create, read, update, upsert and delete one, with every check that Salesforce makes.

Each method is one unit: it happens as a whole or raises and leaves nothing behind, also inside a caller's transaction.
A `RecordRefused` lists its `errors` as values, so that Collections and Bulk can report them row by row. The order of
the checks is Salesforce's: readable JSON, fields that may be written, required fields, values, references, the org's
own validation rules, uniqueness, locks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sfdata.localorg.derivation import Derivation
from sfdata.localorg.ids import id15, normalize
from sfdata.localorg.records import combinations, replication
from sfdata.localorg.records.deletion import plan_deletion
from sfdata.localorg.records.duplicate_rules import DuplicateRules
from sfdata.localorg.records.foresight import Foresight, Prospect
from sfdata.localorg.records.intake import Intake, no_such_column
from sfdata.localorg.records.locks import Locks
from sfdata.localorg.records.references import References, several_found
from sfdata.localorg.records.representation import record_json
from sfdata.localorg.records.validation import (
    RecordError,
    RecordRefused,
    Unreadable,
    printable,
    refusal,
    stored_form,
)
from sfdata.localorg.records.validation_rules import ValidationRules
from sfdata.localorg.schema import Field, SObject
from sfdata.localorg.store import Store
from sfdata.localorg.tables import fold, ignores_case

NOTHING: Mapping[str, Any] = {}
MOST_FOUND = 200


@dataclass(frozen=True, slots=True)
class UpsertResult:
    id: str
    created: bool


class Records:
    """The write side of one org.

    Objects are given as the schema's `SObject`, Ids with 15 or 18 characters, bodies as the JSON object of a request
    (field names in any case; ``attributes`` is ignored). ``clock`` answers the time as an aware datetime,
    ``check_room`` refuses a row for which there is no room.
    """

    def __init__(
        self, store: Store, clock: Callable[[], datetime], check_room: Callable[[SObject], None] = lambda sobject: None
    ) -> None:
        self.store = store
        self.schema = store.schema
        self._clock = clock
        self._moment: datetime | None = None
        self._check_room = check_room
        self._references = References(store)
        self._intakes: dict[str, Intake] = {}
        self._derivation = Derivation(store)
        self._rules = ValidationRules(store)
        self._duplicates = DuplicateRules(store)
        self.locks = Locks()

    # --- reading -----------------------------------------------------------------------------------------------------

    def get(self, sobject: SObject, record_id: str, *, missing: str = "NOT_FOUND") -> dict[str, Any]:
        """The stored row.

        Raises:
            RecordRefused: MALFORMED_ID for an Id of another object, ``missing`` where there never was such a row,
                ENTITY_IS_DELETED where it is in the recycle bin.
        """
        known = normalize(record_id)
        if known is None or not sobject.owns(known):
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
            raise no_such_column(sobject, unknown)
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
        return [] if wanted is None else self.store.find(sobject, field_name, wanted, limit=MOST_FOUND)

    def get_updated(self, sobject: SObject, start: datetime, end: datetime) -> dict[str, Any]:
        """The answer of the ``updated`` resource for two aware datetimes; see `replication.updated`."""
        return replication.updated(self.store, sobject, start, end, self._clock())

    def get_deleted(self, sobject: SObject, start: datetime, end: datetime) -> dict[str, Any]:
        """The answer of the ``deleted`` resource for two aware datetimes; see `replication.deleted`."""
        return replication.deleted(self.store, sobject, start, end, self._clock())

    # --- writing -----------------------------------------------------------------------------------------------------

    @contextmanager
    def together(self, *prospects: Prospect) -> Iterator[None]:
        """A transaction in which many records are written, each as if it were alone, but all of them faster."""
        with self.store.batch() as batch, self._at_one_moment():
            foresight = Foresight(batch, self.schema, self._references)
            for prospect in prospects:
                foresight.read(prospect, self._intake(prospect.sobject))
            yield

    @contextmanager
    def _at_one_moment(self) -> Iterator[None]:
        before, self._moment = self._moment, self._moment or self._clock()
        try:
            yield
        finally:
            self._moment = before

    def create(
        self, sobject: SObject, body: Mapping[str, Any], user_id: str, *, kept: Mapping[str, Any] = NOTHING
    ) -> str:
        """Add a row and return its Id. ``kept`` is the Id and the audit fields, in stored form, of a row that had them
        before; they are not checked."""
        if not sobject.createable:
            raise _closed_object(sobject, "inserted")
        with self.store.transaction():
            intake = self._intake(sobject)
            return self._insert(intake, intake.values(body, creating=True), user_id, kept)

    def update(self, sobject: SObject, record_id: str, body: Mapping[str, Any], user_id: str) -> str:
        """Change the fields in ``body``, leave the others alone, and return the Id."""
        if not sobject.updateable:
            raise _closed_object(sobject, "updated")
        with self.store.transaction():
            before = self.get(sobject, record_id, missing="INVALID_CROSS_REFERENCE_KEY")
            intake = self._intake(sobject)
            given = intake.values(body, creating=False)
            intake.check_not_emptied(given)
            self._update(intake, before, given, user_id)
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
        self._intake(sobject).check_left_out(body, key)
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
            plan, now = plan_deletion(self.store, sobject, row), self._now
            for owner, doomed in plan.doomed.values():
                self.locks.check(owner, doomed)
            for lookup in plan.emptied:
                stamp = self._intake(lookup.sobject).stamps(None, now)
                self.store.update(lookup.sobject, lookup.row["Id"], {lookup.field_name: None, **stamp})
            for owner, doomed in plan.doomed.values():
                self._bin(owner, doomed, user_id, now)
            for owner, doomed in plan.doomed.values():
                self._derivation.follow(owner, doomed, None, now)

    # --- steps of a write --------------------------------------------------------------------------------------------

    def _intake(self, sobject: SObject) -> Intake:
        known = self._intakes.get(sobject.name)
        if known is None:
            known = self._intakes[sobject.name] = Intake(sobject, self._references)
        return known

    def _insert(self, intake: Intake, given: Mapping[str, Any], user_id: str, kept: Mapping[str, Any]) -> str:
        sobject, now = intake.sobject, self._now
        row = intake.new_row(given, user_id)
        row["Id"] = self.store.claim_id(sobject, kept["Id"]) if "Id" in kept else self.store.new_id(sobject)
        row |= intake.stamps(user_id, now, created=True)
        row |= kept
        self._check_room(sobject)
        _refuse(self._references.problems(sobject, given))
        self._derivation.fill(sobject, row, None, given, now)
        _refuse(self._rules.problems(sobject, row, None, user_id, now))
        _refuse(self._duplicates.problems(sobject, row, None))
        _refuse(combinations.problems(self.store, sobject, row, None))
        self._check_unique(sobject, row, row)
        self.locks.check(sobject, row)
        self.store.insert(sobject, row)
        self._derivation.follow(sobject, None, row, now)
        return str(row["Id"])

    def _update(self, intake: Intake, before: Mapping[str, Any], given: Mapping[str, Any], user_id: str) -> None:
        sobject, now = intake.sobject, self._now
        written = {**given, **intake.stamps(user_id, now)}
        row = {**before, **written}
        _refuse(self._references.problems(sobject, _difference(before, given)))
        self._derivation.fill(sobject, row, before, given, now)
        _refuse(self._rules.problems(sobject, row, before, user_id, now))
        _refuse(self._duplicates.problems(sobject, row, before))
        _refuse(combinations.problems(self.store, sobject, row, before))
        changed = _difference(before, row if self._derivation.fills(sobject) else written)
        self._check_unique(sobject, changed, row)
        self.locks.check(sobject, before, row)
        self.store.update(sobject, row["Id"], changed)
        self._derivation.follow(sobject, before, row, now)

    @property
    def _now(self) -> datetime:
        """The moment of a write; records that are written together have the same."""
        return self._moment or self._clock()

    def _check_unique(self, sobject: SObject, values: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        for field in sobject.unique_fields:
            value = values.get(field.name)
            if value is None:
                continue
            holders = self.store.find_ids(sobject, field.name, value, limit=2)
            taken = next((holder for holder in holders if holder != row["Id"]), None)
            if taken is not None:
                message = f"duplicate value found: {field.name} duplicates value on record with id: {id15(taken)}"
                raise refusal("DUPLICATE_VALUE", message)

    def _bin(self, sobject: SObject, row: Mapping[str, Any], user_id: str, now: datetime) -> None:
        stamps = self._intake(sobject).stamps(user_id, now)
        if sobject.field("IsDeleted"):
            self.store.update(sobject, row["Id"], {"IsDeleted": 1, **stamps})
        else:
            self.store.update(sobject, row["Id"], stamps)
            self.store.remove(sobject, row["Id"])


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if value != before[name]}


def _refuse(problems: Sequence[RecordError]) -> None:
    if problems:
        raise RecordRefused(problems)


# --- the checks and refusals of a body -------------------------------------------------------------------------------

MISSING = {
    "NOT_FOUND": "The requested resource does not exist",
    "INVALID_CROSS_REFERENCE_KEY": "invalid cross reference id",
}
MISSING_FIELDS: Mapping[str, tuple[str, ...] | None] = {"NOT_FOUND": None, "INVALID_CROSS_REFERENCE_KEY": ()}


def key_field(sobject: SObject, name: str) -> Field:
    """The field of that name, if a row can be found by it: Id, an external id or another lookup key."""
    field = sobject.field(name)
    if field is None or not field.is_key:
        raise no_such_key(name)
    return field


def repeated(key: Field, given: Iterable[Any]) -> frozenset[Any]:
    """Those values of an upsert's key, as `comparable` has them, that are given more than once."""
    counts = Counter(comparable(key, value) for value in given)
    return frozenset(value for value, count in counts.items() if value is not None and count > 1)


def comparable(field: Field, given: Any) -> Any:
    """A value such that equal ones are the same; None where it is empty or cannot be read."""
    try:
        value = stored_form(field, given)
    except RecordRefused:
        return None
    return fold(value) if isinstance(value, str) and ignores_case(field) else value


def refuse_repeated(key: Field, given: Any, those: Container[Any]) -> None:
    """Do nothing, unless a record's key is among those that are `repeated`: none of these records is written."""
    if comparable(key, given) in those:
        raise refusal("DUPLICATE_VALUE", f"Duplicate external id specified: {given}", [key.name])


def no_such_key(name: str) -> RecordRefused:
    """The refusal of a path that names neither a row nor a key."""
    message = f"Provided external ID field does not exist or is not accessible: {printable(name)}"
    return refusal("NOT_FOUND", message, None, status=404)


def _closed_object(sobject: SObject, verb: str) -> RecordRefused:
    return refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be {verb}: {sobject.label}", None)


def _id_label(sobject: SObject) -> str:
    field = sobject.field("Id")
    return field.label if field else "Id"
