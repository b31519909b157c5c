"""sObject Collections: create, update, upsert, delete and read many rows in one call, each with its own result.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections.htm
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from sfdata.localorg.answers import ApiError
from sfdata.localorg.composites.forms import Form, Member, Part, parser_error
from sfdata.localorg.composites.outcomes import ROLLED_BACK, none_given, refused, succeeded, too_many
from sfdata.localorg.ids import normalize
from sfdata.localorg.records.body_places import placed
from sfdata.localorg.records.crud import key_field, refuse_repeated, repeated
from sfdata.localorg.records.foresight import Prospect
from sfdata.localorg.records.representation import record_json
from sfdata.localorg.records.validation import RecordRefused, printable, refusal
from sfdata.localorg.routing import Answer, Request, json_answer
from sfdata.localorg.schema import Field, SObject
from sfdata.localorg.store import Undo

COLLECTION: Form = {"allOrNone": Member("boolean"), "records": Member("list")}
RETRIEVAL: Form = {"ids": Member("list", required=True), "fields": Member("list", required=True)}

MOST_RECORDS = 200
MOST_CHUNKS = 10
MOST_RETRIEVED = 2000

Result = dict[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a collection: its object and where it stands in the body."""

    sobject: SObject
    part: Part

    def without(self, name: str) -> tuple[Any, dict[str, Any]]:
        """The value of one member, whose name may be in any case, and all the others."""
        own = next((key for key in self.part.value if key.casefold() == name.casefold()), None)
        return self.part.value.get(own), {key: value for key, value in self.part.value.items() if key != own}


# --- writing ---------------------------------------------------------------------------------------------------------


def create(request: Request) -> Answer:
    """``POST composite/sobjects``: new rows of any types."""
    records, all_or_none = _collection(request)
    _check_chunks(records)
    return _written(request, records, _create, _prospects(records), all_or_none=all_or_none)


def update(request: Request) -> Answer:
    """``PATCH composite/sobjects``: changes to the rows whose Ids the records have."""
    records, all_or_none = _collection(request)
    _check_chunks(records)
    return _written(request, records, _update, _prospects(records, "Id"), all_or_none=all_or_none)


def upsert(request: Request) -> Answer:
    """``PATCH composite/sobjects/X/FIELD``: update the rows with these external ids, create those that are missing."""
    key = key_field(request.sobject, request.args["key"])
    records, all_or_none = _collection(request)
    stranger = next((record.sobject.name for record in records if record.sobject is not request.sobject), None)
    if stranger is not None:
        message = f"The type of a record, {stranger}, is not that of the request, {request.sobject.name}"
        raise ApiError(400, "INVALID_TYPE", message)
    write = partial(_upsert, key=key, those=repeated(key, (record.without(key.name)[0] for record in records)))
    return _written(request, records, write, _prospects(records, key.name), all_or_none=all_or_none)


def delete(request: Request) -> Answer:
    """``DELETE composite/sobjects?ids=A,B``: rows of any types."""
    ids = _listed(request, "ids")
    if len(ids) > MOST_RECORDS:
        raise too_many(MOST_RECORDS)
    all_or_none = request.query.get("allOrNone", "").lower() == "true"
    return _written(request, ids, _delete, _doomed(request, ids), all_or_none=all_or_none)


def _create(request: Request, record: Record) -> Result:
    record_id, body = record.without("Id")
    if record_id is not None:
        raise refusal("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"])
    with placed(request, record.part.path):
        return succeeded(request.org.records.create(record.sobject, body, request.user_id))


def _update(request: Request, record: Record) -> Result:
    record_id, body = record.without("Id")
    if not record_id:
        raise refusal("MISSING_ARGUMENT", "Id not specified in an update call")
    with placed(request, record.part.path):
        return succeeded(request.org.records.update(record.sobject, printable(str(record_id)), body, request.user_id))


def _upsert(request: Request, record: Record, key: Field, those: Container[Any]) -> Result:
    """Write one record, unless its external id is one of those that are repeated."""
    value, body = record.without(key.name)
    refuse_repeated(key, value, those)
    records = request.org.records
    with placed(request, record.part.path):
        if key.type == "id" and not value:
            return succeeded(records.create(record.sobject, body, request.user_id), created=True)
        result = records.upsert(record.sobject, key.name, value, body, request.user_id)
        return succeeded(result.id, created=result.created)


def _delete(request: Request, given: str) -> Result:
    record_id = normalize(given)
    if record_id is None:
        raise refusal("MALFORMED_ID", f"malformed id {given}")
    sobject = request.org.schema.by_prefix(record_id)
    if sobject is None:
        raise refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    request.org.records.delete(sobject, record_id, request.user_id)
    return succeeded(record_id)


def _written(
    request: Request,
    items: Iterable[Item],
    write: Callable[[Request, Item], Result],
    prospects: Iterable[Prospect],
    *,
    all_or_none: bool,
) -> Answer:
    """The results in order. With ``all_or_none`` one refusal undoes every row; unreadable JSON undoes them always."""
    results: list[Result] = []
    with suppress(Undo), request.org.records.together(*prospects):
        for item in items:
            try:
                results.append(write(request, item))
            except RecordRefused as problem:
                results.append(refused(problem.errors))
        if all_or_none and not all(result["success"] for result in results):
            results = [refused([ROLLED_BACK]) if result["success"] else result for result in results]
            raise Undo
    return json_answer(results)


def _prospects(records: Sequence[Record], key: str | None = None) -> Iterator[Prospect]:
    """What is to be written: the records of each object, found by ``key`` where they are there already."""
    for sobject, of_object in groupby(records, key=lambda record: record.sobject):
        run = list(of_object)
        values = [record.without(key)[0] for record in run] if key else ()
        yield Prospect(sobject, [record.part.value for record in run], key or "Id", values)


def _doomed(request: Request, ids: Sequence[str]) -> Iterator[Prospect]:
    """What is to be deleted: the rows of each object."""
    for prefix, of_object in groupby(ids, key=lambda record_id: record_id[:3]):
        sobject = request.org.schema.by_prefix(prefix)
        if sobject is not None:
            yield Prospect(sobject, values=list(of_object), deleting=True)


# --- reading ---------------------------------------------------------------------------------------------------------


def read(request: Request) -> Answer:
    """``GET composite/sobjects/X?ids=A,B&fields=C,D``: a row or null for each Id."""
    return _rows(request, _listed(request, "ids"), _listed(request, "fields"))


def retrieve(request: Request) -> Answer:
    """``POST composite/sobjects/X``: the same, for more Ids than an address holds."""
    body = Part(request, request.json)
    body.members(RETRIEVAL)
    ids, fields = ([part.of_kind("string") for part in body.at(name).items()] for name in RETRIEVAL)
    if len(ids) > MOST_RETRIEVED:
        raise too_many(MOST_RETRIEVED)
    return _rows(request, ids, fields)


def _rows(request: Request, ids: Iterable[str], field_names: Iterable[str]) -> Answer:
    sobject, records = request.sobject, request.org.records
    fields = records.fields_named(sobject, field_names)

    def row(record_id: str) -> dict[str, Any] | None:
        try:
            return record_json(sobject, records.get(sobject, record_id), fields, request.base)
        except RecordRefused:
            return None

    return json_answer([row(record_id) for record_id in ids])


# --- parts of a request ----------------------------------------------------------------------------------------------


def _collection(request: Request) -> tuple[list[Record], bool]:
    """The records of the body, and its ``allOrNone``."""
    body = Part(request, request.json)
    given = body.members(COLLECTION)
    if not given.get("records"):
        raise none_given()
    if len(given["records"]) > MOST_RECORDS:
        raise too_many(MOST_RECORDS)
    return [_record(part) for part in body.at("records").items()], given.get("allOrNone", False)


def _record(part: Part) -> Record:
    attributes = part.of_kind("map").get("attributes")
    if attributes is None or part.at("attributes").of_kind("map").get("type") is None:
        raise parser_error("'attributes.type' is a required field.")
    name = part.at("attributes").at("type").of_kind("string")
    sobject = part.request.org.schema.object(name)
    if sobject is None:
        raise ApiError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return Record(sobject, part)


def _check_chunks(records: Sequence[Record]) -> None:
    chunks = sum(1 for _ in groupby(record.sobject.name for record in records))
    if chunks > MOST_CHUNKS:
        message = (
            f"Cannot have more than {MOST_CHUNKS} chunks in a single operation. "
            "Please rearrange the data to reduce chunking."
        )
        raise ApiError(400, "EXCEEDED_MAX_TYPES_LIMIT", message)


def _listed(request: Request, name: str) -> list[str]:
    """The parts of a parameter that must be given, separated by commas."""
    found = [part.strip() for part in request.query.get(name, "").split(",") if part.strip()]
    if not found:
        raise ApiError(400, "MISSING_ARGUMENT", f"The parameter {name} is required.")
    return found
