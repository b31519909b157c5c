"""Writes the rows of an upload, each for itself: a row that is refused does not hold up its neighbours.

What a row looks like is for `Meaning` to know: a line of a CSV file (`columns`), or a record of JSON or XML.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/how_requests_are_processed.htm
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sfdata.localorg.bulk.settings import JobSettings
from sfdata.localorg.ids import normalize
from sfdata.localorg.records.crud import Records, refuse_repeated, repeated
from sfdata.localorg.records.deletion import plan_deletion
from sfdata.localorg.records.foresight import Prospect
from sfdata.localorg.records.validation import RecordError, RecordRefused, refusal
from sfdata.localorg.schema import Field

Row = TypeVar("Row")
Read = TypeVar("Read", contravariant=True)


class Meaning(Protocol[Read]):
    """What the rows of an upload mean."""

    @property
    def key_field(self) -> Field | None:
        """The field that an upsert goes by."""

    def record_id(self, row: Read) -> str:
        """The Id of the record that a row means; empty where it has none."""

    def key_value(self, row: Read) -> Any:
        """What a row has in the field that an upsert goes by; empty for null."""

    def body(self, row: Read) -> dict[str, Any]:
        """The record of a row as the JSON of a request would have it, without its Id and the upsert's key.

        Raises:
            RecordRefused: the row cannot be read.
        """

    def errors(self, refused: RecordRefused, row: Read) -> Sequence[RecordError]:
        """A refusal as the results tell it."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Row]):
    """What became of a row: the Id of its record, and whether it is new or why it was refused."""

    row: Row
    record_id: str
    created: bool = False
    errors: tuple[RecordError, ...] = ()

    @property
    def error(self) -> str:
        """``CODE:message:FIELDS --`` for each error; empty where there is none."""
        return "".join(
            f"{error.code}:{error.message}:{''.join(f'{name} ' for name in error.fields or ())}--"
            for error in self.errors
        )


@dataclass(frozen=True, slots=True)
class Given(Generic[Row]):
    """A row as it was read: its record, without its Id and the upsert's key, or why it could not be read."""

    row: Row
    record_id: str
    key_value: Any
    record: Mapping[str, Any]
    refused: RecordRefused | None = None

    @property
    def body(self) -> Mapping[str, Any]:
        """The record.

        Raises:
            RecordRefused: it could not be read.
        """
        if self.refused is not None:
            raise self.refused
        return self.record


class Write(Generic[Row]):
    """Writes rows for one user, as the settings of a job say."""

    def __init__(self, records: Records, settings: JobSettings, user_id: str, meaning: Meaning[Row]) -> None:
        self._records = records
        self._sobject = settings.object
        self._user_id = user_id
        self._meaning = meaning
        self._row = OPERATIONS[settings.operation]

    def chunk(self, rows: Sequence[Row]) -> list[Outcome[Row]]:
        """Write the rows of one transaction."""
        all_given = [self._given(row) for row in rows]
        key = self._meaning.key_field
        those = repeated(key, (given.key_value for given in all_given)) if key else frozenset[Any]()
        with self._records.together(self._prospect(all_given)):
            return [self._outcome(given, those) for given in all_given]

    def _given(self, row: Row) -> Given[Row]:
        meaning = self._meaning
        key_value = None if meaning.key_field is None else meaning.key_value(row)
        try:
            return Given(row, meaning.record_id(row), key_value, meaning.body(row))
        except RecordRefused as refused:
            return Given(row, meaning.record_id(row), key_value, {}, refused)

    def _prospect(self, all_given: Sequence[Given[Row]]) -> Prospect:
        key = self._meaning.key_field
        return Prospect(
            self._sobject,
            [given.record for given in all_given],
            key=key.name if key else "Id",
            values=[given.key_value if key else given.record_id for given in all_given],
            deleting=self._row in DELETING,
        )

    def _outcome(self, given: Given[Row], those: frozenset[Any]) -> Outcome[Row]:
        try:
            if those:
                refuse_repeated(self._key(), given.key_value, those)
            record_id, created = self._row(self, given)
        except RecordRefused as refused:
            return Outcome(given.row, given.record_id, errors=tuple(self._meaning.errors(refused, given.row)))
        return Outcome(given.row, record_id, created)

    # --- operations --------------------------------------------------------------------------------------------------

    def _insert(self, given: Given[Row]) -> tuple[str, bool]:
        if given.record_id:
            message = "cannot specify Id in an insert call"
            raise refusal("INVALID_FIELD_FOR_INSERT_UPDATE", message, ["Id"])
        return self._records.create(self._sobject, given.body, self._user_id), True

    def _update(self, given: Given[Row]) -> tuple[str, bool]:
        record_id = _required_id(given, "an update")
        return self._records.update(self._sobject, record_id, given.body, self._user_id), False

    def _upsert(self, given: Given[Row]) -> tuple[str, bool]:
        key, value = self._key(), given.key_value
        if key.type != "id":
            result = self._records.upsert(self._sobject, key.name, value, given.body, self._user_id)
            return result.id, result.created
        if value:
            return self._records.update(self._sobject, value, given.body, self._user_id), False
        return self._records.create(self._sobject, given.body, self._user_id), True

    def _delete(self, given: Given[Row]) -> tuple[str, bool]:
        record_id = _required_id(given, "a delete")
        self._records.delete(self._sobject, record_id, self._user_id)
        return normalize(record_id) or record_id, False

    def _hard_delete(self, given: Given[Row]) -> tuple[str, bool]:
        record_id = _required_id(given, "a delete")
        store = self._records.store
        with store.transaction():
            found = self._records.get(self._sobject, record_id, missing="INVALID_CROSS_REFERENCE_KEY")
            plan = plan_deletion(store, self._sobject, found)
            self._records.delete(self._sobject, record_id, self._user_id)
            for owner, doomed in plan.doomed.values():
                store.remove(owner, doomed["Id"])
        return str(found["Id"]), False

    def _key(self) -> Field:
        key = self._meaning.key_field
        assert key is not None, "an upsert has a key"
        return key


def _required_id(given: Given[Any], call: str) -> str:
    if not given.record_id:
        raise refusal("MISSING_ARGUMENT", f"Id not specified in {call} call")
    return given.record_id


OPERATIONS: Mapping[str, Callable[[Write[Any], Given[Any]], tuple[str, bool]]] = {
    "insert": Write._insert,
    "update": Write._update,
    "upsert": Write._upsert,
    "delete": Write._delete,
    "hardDelete": Write._hard_delete,
}
"""What each operation does with a row; the answer is the record's Id and whether it is new."""

DELETING = frozenset({Write._delete, Write._hard_delete})
