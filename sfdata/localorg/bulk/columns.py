"""From a CSV row to the record it means: header names to fields, cells to values, refusals to the words of Bulk.

    Name               a field                          ''      left out: an update does not touch the field
    Owner.Email        the parent, by one of its keys   '#N/A'  null
    Lead:Who.Email     … where it may be of several     yes, 0  booleans, in several words

Dates: https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_date_format.htm
Relationships: https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_csv_rel_field_header_row.htm
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sfdata.localorg.bulk.dialect import DataRefused
from sfdata.localorg.bulk.settings import JobSettings
from sfdata.localorg.records.validation import RecordError, RecordRefused, Unreadable
from sfdata.localorg.schema import Field, Schema, SObject

NULL = "#N/A"
BOOLEANS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "no", "n", "off", "0"), False),
}
XSD_TYPES: Mapping[str, str] = {
    "base64": "xsd:base64Binary",
    "boolean": "xsd:boolean",
    "currency": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "double": "xsd:double",
    "id": "tns:ID",
    "int": "xsd:int",
    "long": "xsd:long",
    "percent": "xsd:double",
    "reference": "tns:ID",
    "time": "xsd:time",
}
"""The names of types in messages; every other type is ``xsd:string``."""

NEEDS_ID = frozenset({"update", "delete", "hardDelete"})
ONLY_ID = frozenset({"delete", "hardDelete"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the upload. ``key`` is a field of the parent, where the column names a parent by it."""

    index: int
    field: Field
    key: Field | None = None
    parent_type: str | None = None

    @property
    def name(self) -> str:
        """What the record of a row calls it."""
        return self.field.name if self.key is None else str(self.field.relationship_name)

    @property
    def is_plain(self) -> bool:
        """Whether its cells are the values of its field."""
        return self.key is None and self.field.type != "boolean"

    def value(self, cell: str) -> Any:
        """What a cell says that is neither empty nor null."""
        field = self.key or self.field
        value: str | bool | None = cell if field.type != "boolean" else BOOLEANS.get(cell.lower())
        if value is None:
            raise Unreadable(field, cell)
        if self.key is None:
            return value
        attributes = {"attributes": {"type": self.parent_type}} if self.parent_type else {}
        return {**attributes, self.key.name: value}


@dataclass(frozen=True)
class Columns:
    """The columns of a job: those with values, and the one that says which record is meant."""

    values: tuple[Column, ...]
    id: Column | None = None
    key: Column | None = None

    def body(self, row: Sequence[str]) -> dict[str, Any]:
        """The record of a row as the JSON of a request would have it.

        Raises:
            Unreadable: a cell that is none of the words for a boolean.
        """
        return {
            name: None if cell == NULL else cell if column is None else column.value(cell)
            for index, name, column in self._plan
            if (cell := row[index])
        }

    @cached_property
    def _plan(self) -> tuple[tuple[int, str, Column | None], ...]:
        """The index and name of each column, and those whose cells mean more than they say."""
        return tuple((c.index, c.name, None if c.is_plain else c) for c in self.values)

    def record_id(self, row: Sequence[str]) -> str:
        """The Id of the record that a row means; empty where the job has no such column."""
        return row[self.id.index] if self.id else ""

    @property
    def key_field(self) -> Field | None:
        """The field that an upsert goes by."""
        return self.key.field if self.key else None

    def key_value(self, row: Sequence[str]) -> str:
        """What a row has in the column that an upsert goes by; empty for null."""
        cell = row[self.key.index] if self.key else ""
        return "" if cell == NULL else cell

    def errors(self, refused: RecordRefused, row: Sequence[str]) -> Sequence[RecordError]:
        """A refusal as the results of a job tell it."""
        return [self._undeserialized(refused, row)] if isinstance(refused, Unreadable) else refused.errors

    def _undeserialized(self, unreadable: Unreadable, row: Sequence[str]) -> RecordError:
        wanted = unreadable.field_name
        column = next((c for c in self._all() if (c.key or c.field).name == wanted), None)
        if column is None:
            return unreadable.errors[0]
        field = column.key or column.field
        message = (
            f"Failed to deserialize field at col {column.index}. Due to, '{row[column.index]}' is not a valid value "
            f"for the type {XSD_TYPES.get(field.type, 'xsd:string')}"
        )
        return RecordError("INVALID_FIELD", message, (column.field.name,))

    def _all(self) -> Iterator[Column]:
        yield from (column for column in (self.id, self.key) if column)
        yield from self.values


def resolve_columns(header: Sequence[str], settings: JobSettings, schema: Schema) -> Columns:
    """What the columns of a header mean for a job.

    Raises:
        DataRefused: the job needs another header.
    """
    sobject, operation = settings.object, settings.operation
    if not header:
        raise DataRefused("InvalidBatch : Records not found")
    if operation in ONLY_ID and [name.casefold() for name in header] != ["id"]:
        raise DataRefused(f"InvalidBatch : The '{operation}' batch must contain only ids")
    found = [_column(index, name, sobject, schema) for index, name in enumerate(header)]
    _refuse_repeated(found, header)
    record_id = next((c for c in found if c.field.type == "id"), None)
    key = _key(found, settings)
    if record_id is None and operation in NEEDS_ID:
        raise _not_found("Id")
    written = (c for c in found if c is not key and not (c is record_id and operation in NEEDS_ID))
    return Columns(tuple(written), record_id, key)


def _column(index: int, name: str, sobject: SObject, schema: Schema) -> Column:
    field = sobject.field(name)
    if field is not None and field.stored:
        return Column(index, field)
    path, dot, key_name = name.rpartition(".")
    if not dot:
        raise _not_found(name)
    parent_type, _, relationship = path.rpartition(":")
    reference = sobject.parent(relationship)
    if reference is None:
        raise DataRefused(f"InvalidBatch : Unable to find relationship: {relationship}")
    if parent_type and len(reference.reference_to) == 1:
        problem = f"type is not needed for non polymorphic foreign key references: {reference.relationship_name}"
        raise DataRefused(f"InvalidBatch : {problem}")
    if parent_type and parent_type.casefold() not in map(str.casefold, reference.reference_to):
        raise _not_found(name)
    for parent_name in [parent_type] if parent_type else reference.reference_to:
        parent = schema.object(parent_name)
        key = parent.field(key_name) if parent else None
        if parent and key and key.is_key:
            return Column(index, reference, key, parent.name if parent_type else None)
    raise _not_found(name)


def _key(columns: Sequence[Column], settings: JobSettings) -> Column | None:
    """The column of the external id that an upsert goes by."""
    if settings.external_id_field is None:
        return None
    wanted = settings.object.field(settings.external_id_field)
    key = next((c for c in columns if c.field is wanted and c.key is None), None)
    if key is None:
        raise _not_found(settings.external_id_field)
    return key


def _refuse_repeated(columns: Sequence[Column], header: Sequence[str]) -> None:
    seen: set[tuple[str, bool]] = set()
    for column, name in zip(columns, header, strict=True):
        means = (column.field.name, column.key is not None)
        if means in seen:
            raise DataRefused(f"InvalidBatch : Field name is repeated : {name}")
        seen.add(means)


def _not_found(name: str) -> DataRefused:
    return DataRefused(f"InvalidBatch : Field name not found : {name}")
