"""From the data of a batch to the records it means: rows of CSV, objects of JSON, elements of XML.

CSV is read as Bulk API 2.0 reads it. A record of JSON or XML is a mapping by field names; a parent that is named by
one of its keys is a mapping in it:

    {"Name": "x", "Owner": {"Email": "a@b.c"}}

    <sObject><Name>x</Name><Owner><sObject><Email>a@b.c</Email></sObject></Owner></sObject>

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_xml_preparing.htm
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import islice
from typing import Any, Generic, NoReturn
from xml.etree.ElementTree import Element

from sfdata.localorg.bulk.columns import BOOLEANS, ONLY_ID, resolve_columns
from sfdata.localorg.bulk.dialect import CsvReader, DataRefused
from sfdata.localorg.bulk.settings import JobSettings
from sfdata.localorg.bulk.writes import Meaning, Row
from sfdata.localorg.bulk_v1.documents import CSV, JSON, XML
from sfdata.localorg.records.validation import RecordError, RecordRefused, Unreadable, stored_form
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.xml_forms import NIL
from sfdata.localorg.xml_reading import XmlRefused, local_name, read_xml

MOST_RECORDS = 10_000
UNKNOWN_COLUMN = "No such column"

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Upload(Generic[Row]):
    """The rows of a batch, and what they mean."""

    rows: Sequence[Row]
    meaning: Meaning[Row]


def read_upload(data: bytes, settings: JobSettings, schema: Schema) -> Upload[Any]:
    """The rows of a batch.

    Raises:
        DataRefused: the data cannot be processed at all.
    """
    upload = READERS[settings.content_type](data, settings, schema)
    if not upload.rows:
        raise DataRefused("InvalidBatch : Records not found for this batch")
    if len(upload.rows) > MOST_RECORDS:
        raise DataRefused(f"InvalidBatch : Exceeded number of records. A batch has at most {MOST_RECORDS}")
    return upload


def _csv(data: bytes, settings: JobSettings, schema: Schema) -> Upload[list[str]]:
    reader = CsvReader(BytesIO(data), settings.dialect)
    meaning = resolve_columns(reader.header, settings, schema)
    return Upload(list(islice(reader, MOST_RECORDS + 1)), meaning)


def _json(data: bytes, settings: JobSettings, schema: Schema) -> Upload[Record]:
    try:
        records = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise _unparsable(JSON, str(problem)) from None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise _unparsable(JSON, "A batch is an array of objects")
    return _records(records, settings)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _xml(data: bytes, settings: JobSettings, schema: Schema) -> Upload[Record]:
    try:
        root = read_xml(data.strip())
    except XmlRefused as problem:
        raise _unparsable(XML, str(problem)) from None
    if local_name(root) != "sObjects" or any(local_name(part) != "sObject" for part in root):
        raise _unparsable(XML, "A batch is an element sObjects of elements sObject")
    return _records([_record(part) for part in root], settings)


def _record(element: Element) -> dict[str, Any]:
    """A record of XML. What is empty is left out; ``xsi:nil`` is null."""
    values: dict[str, Any] = {}
    for part in element:
        name = local_name(part)
        parent = next((inner for inner in part if local_name(inner) == "sObject"), None)
        if part.get(NIL) in ("true", "1"):
            values[name] = None
        elif parent is not None:
            values[name] = _record(parent)
        elif part.text:
            values[name] = part.text
    return values


def _unparsable(form: str, problem: str) -> DataRefused:
    return DataRefused(f"InvalidBatch : Failed to parse {form}. {problem}")


READERS: Mapping[str, Callable[[bytes, JobSettings, Schema], Upload[Any]]] = {CSV: _csv, JSON: _json, XML: _xml}


# --- records of JSON and XML -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordRows:
    """What records of JSON and XML mean."""

    key_field: Field | None = None

    def record_id(self, row: Record) -> str:
        """The Id of a record; empty where it has none."""
        return str(_value(row, "Id") or "")

    def key_value(self, row: Record) -> Any:
        """What a record has in the field that an upsert goes by; empty for null."""
        value = _value(row, self.key_field.name) if self.key_field else None
        return "" if value is None else value

    def body(self, row: Record) -> dict[str, Any]:
        """The record without its Id and the upsert's key."""
        left_out = {"id", self.key_field.name.casefold() if self.key_field else ""}
        return {name: value for name, value in row.items() if name.casefold() not in left_out}

    def errors(self, refused: RecordRefused, row: Record) -> Sequence[RecordError]:
        """A refusal as the results tell it."""
        return refused.errors


class JsonRecordRows(RecordRows):
    """What records of JSON mean: the parser that meets an unknown field speaks for itself."""

    __slots__ = ()

    def errors(self, refused: RecordRefused, row: Record) -> Sequence[RecordError]:
        return list(map(_as_parsed, refused.errors))


def _as_parsed(error: RecordError) -> RecordError:
    if not error.message.startswith(UNKNOWN_COLUMN):
        return error
    return replace(error, message=f"Unexpected JsonMappingException: {error.message}")


def _records(records: Iterable[Record], settings: JobSettings) -> Upload[Record]:
    rows = [dict(_readable(record, settings.object)) for record in records]
    others = next((row for row in rows if [name.casefold() for name in row] != ["id"]), None)
    if settings.operation in ONLY_ID and others is not None:
        raise DataRefused(f"InvalidBatch : The '{settings.operation}' batch must contain only ids")
    key = settings.object.field(settings.external_id_field) if settings.external_id_field else None
    return Upload(rows, JsonRecordRows(key) if settings.content_type == JSON else RecordRows(key))


def _readable(record: Record, sobject: SObject) -> Iterator[tuple[str, Any]]:
    """The values of a record; one of the wrong type refuses the batch, as it stops the parser of the whole."""
    for name, value in record.items():
        field = sobject.field(name)
        if name == "attributes" or (name.casefold() == "type" and field is None):
            continue
        if field is None or value is None:
            yield name, _parent(value) if isinstance(value, dict) else value
            continue
        known = BOOLEANS.get(value.lower(), value) if field.type == "boolean" and isinstance(value, str) else value
        try:
            stored_form(field, known)
        except Unreadable as unreadable:
            raise DataRefused(f"InvalidBatch : {unreadable.message}") from None
        except RecordRefused:
            pass  # an error of this record alone, told when it is written
        yield name, known


def _parent(named: Mapping[str, Any]) -> Mapping[str, Any]:
    """A parent named by a key, its type where REST has it."""
    types = [key for key in named if key.casefold() == "type"]
    if not types or "attributes" in named:
        return named
    rest = {key: value for key, value in named.items() if key != types[0]}
    return {"attributes": {"type": named[types[0]]}, **rest} if rest else named


def _value(row: Record, name: str) -> Any:
    wanted = name.casefold()
    return next((value for key, value in row.items() if key.casefold() == wanted), None)
