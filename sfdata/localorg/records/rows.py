"""REST resources of single rows: create, read, update, upsert and delete, by Id, by external id, by relationship.

The vendor's pages: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_retrieve.htm
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from sfdata.localorg.answers import ApiError, not_found
from sfdata.localorg.ids import normalize
from sfdata.localorg.records.blobs import unpacked
from sfdata.localorg.records.body_places import place, placed
from sfdata.localorg.records.crud import Records, no_such_key
from sfdata.localorg.records.preconditions import READING, unmet
from sfdata.localorg.records.representation import record_json, record_url
from sfdata.localorg.records.validation import DATETIME, json_token
from sfdata.localorg.routing import Answer, Request, Route, json_answer
from sfdata.localorg.schema import Field, SObject
from sfdata.localorg.xml_forms import as_json

UPSERT_ANSWERS_UPDATES = 46.0
WITH_ETAG = frozenset({"Account"})
ETAG_BYTES = 20
UPDATE_MRU = re.compile(r"\bupdateMru\s*=\s*true\b", re.IGNORECASE)

Row = Mapping[str, Any]


# --- rows by Id ------------------------------------------------------------------------------------------------------


def create(request: Request) -> Answer:
    """``POST sobjects/X``, or ``sobjects/X/Id``: a new row."""
    sobject = request.sobject
    request, body = _body(request, sobject)
    with placed(request):
        record_id = _records(request).create(sobject, body, request.user_id)
        _note_use(request, sobject, record_id)
    return _created(request, sobject, {"id": record_id, "success": True, "errors": []})


def read(request: Request) -> Answer:
    """``GET sobjects/X/ID``: all fields, or those of ``fields=``; 304 for a client that has the row already."""
    sobject = request.sobject
    return _row_answer(request, sobject, _records(request).get(sobject, _record_id(request, sobject)))


def update(request: Request) -> Answer:
    """``PATCH sobjects/X/ID``: the fields of the body, unless the row is not as the client's conditions say."""
    sobject = request.sobject
    record_id = _record_id(request, sobject)
    request, body = _body(request, sobject)
    records = _records(request)
    with records.store.transaction(), placed(request):
        refused = unmet(request, _state(sobject, records.get(sobject, record_id)))
        if refused is not None:
            return refused
        records.update(sobject, record_id, body, request.user_id)
        _note_use(request, sobject, record_id)
    return Answer(204)


def delete(request: Request) -> Answer:
    """``DELETE sobjects/X/ID``."""
    sobject = request.sobject
    _records(request).delete(sobject, _record_id(request, sobject), request.user_id)
    return Answer(204)


# --- rows by a key, and what a row leads to --------------------------------------------------------------------------


def read_by_key(request: Request) -> Answer:
    """``GET sobjects/X/FIELD/VALUE`` by external id, or ``sobjects/X/ID/NAME``: a related row, child rows, a blob."""
    sobject = request.sobject
    if sobject.field(request.args["key"]) is None and normalize(request.args["key"]):
        return _related(request, sobject, _records(request).get(sobject, _record_id(request, sobject)))
    found = _by_key(request, sobject)
    return found if isinstance(found, Answer) else _row_answer(request, sobject, found)


def upsert(request: Request) -> Answer:
    """``PATCH sobjects/X/FIELD/VALUE``: update the row with that external id, or create it."""
    sobject = request.sobject
    request, body = _body(request, sobject)
    field_name, value = request.args["key"], request.args["value"]
    update_only = request.query.get("updateOnly", "").lower() == "true"
    records = _records(request)
    with records.store.transaction(), placed(request):
        found = records.find(sobject, field_name, value)
        if len(found) > 1:
            return _several(request, sobject, found)
        refused = unmet(request, _state(sobject, found[0])) if found else None
        if refused is not None:
            return refused
        result = records.upsert(sobject, field_name, value, body, request.user_id, update_only=update_only)
        _note_use(request, sobject, result.id)
    answer: dict[str, Any] = {"id": result.id, "success": True, "errors": []}
    tells = float(request.version) >= UPSERT_ANSWERS_UPDATES
    if tells:
        answer["created"] = result.created
    if result.created:
        return _created(request, sobject, answer)
    return json_answer(answer) if tells else Answer(204)


def delete_by_key(request: Request) -> Answer:
    """``DELETE sobjects/X/FIELD/VALUE``."""
    sobject = request.sobject
    records = _records(request)
    with records.store.transaction():
        found = _by_key(request, sobject)
        if isinstance(found, Answer):
            return found
        records.delete(sobject, found["Id"], request.user_id)
    return Answer(204)


def _by_key(request: Request, sobject: SObject) -> Row | Answer:
    """The one row with the external id of the path; the list of them, as an answer, where there are several."""
    found = _records(request).find(sobject, request.args["key"], request.args["value"])
    if not found:
        raise not_found()
    return found[0] if len(found) == 1 else _several(request, sobject, found)


def _several(request: Request, sobject: SObject, found: list[dict[str, Any]]) -> Answer:
    return json_answer([record_url(sobject, row["Id"], request.base) for row in found], 300)


def _related(request: Request, sobject: SObject, row: Row) -> Answer:
    name = request.args["value"]
    field = sobject.field(name)
    if field is not None and field.type == "base64":
        content_type = row.get("ContentType") or "application/octetstream"
        return Answer(body=row[field.name] or b"", content_type=content_type)
    reference = sobject.parent(name)
    if reference is not None:
        return _parent(request, row[reference.name])
    child = request.org.schema.child(sobject.name, name)
    related = request.org.schema.object(child.object) if child else None
    if child is None or related is None:
        raise not_found()
    columns = ", ".join(f.name for f in _fields(request, related))
    soql = f"SELECT {columns} FROM {related.name} WHERE {child.field} = '{row['Id']}'"  # noqa: S608 - names and an Id
    return Answer(body=request.org.engine.query(soql, base=request.base, user_id=request.user_id))


def _parent(request: Request, record_id: str | None) -> Answer:
    target = request.org.schema.by_prefix(record_id) if record_id else None
    if record_id is None or target is None:
        return Answer(204)
    return _row_answer(request, target, _records(request).get(target, record_id))


# --- changes over time -----------------------------------------------------------------------------------------------


def updated(request: Request) -> Answer:
    """``GET sobjects/X/updated``: Ids of the rows changed from ``start`` until ``end``."""
    start, end = _moment(request, "start"), _moment(request, "end")
    return json_answer(_records(request).get_updated(request.sobject, start, end))


def deleted(request: Request) -> Answer:
    """``GET sobjects/X/deleted``: the rows deleted from ``start`` until ``end``."""
    start, end = _moment(request, "start"), _moment(request, "end")
    return json_answer(_records(request).get_deleted(request.sobject, start, end))


def _moment(request: Request, name: str) -> datetime:
    text = request.query.get(name)
    if not text:
        raise ApiError(400, "MISSING_ARGUMENT", f"The parameter {name} is required.")
    try:
        moment = datetime.fromisoformat(text) if DATETIME.fullmatch(text) else None
        if moment is not None:
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise ApiError(400, "ILLEGAL_QUERY_PARAMETER_VALUE", f"{name} is no date and time: {text}")


# --- parts of a request ----------------------------------------------------------------------------------------------


def _records(request: Request) -> Records:
    return request.org.records


def _record_id(request: Request, sobject: SObject) -> str:
    """The 18-character Id of the path; 404 for one that is none, or for reading one of another object.

    Writing to a row of another object is left to the records, which call its Id malformed.
    """
    record_id = normalize(request.args["key"])
    if record_id is None:
        raise no_such_key(request.args["key"])
    if request.method in READING and not sobject.owns(record_id):
        raise not_found()
    return record_id


def _body(request: Request, sobject: SObject) -> tuple[Request, Mapping[str, Any]]:
    """The fields of the body, with the bytes of a multipart message, and the request whose body is their JSON."""
    request, binary = unpacked(as_json(request), sobject)
    body = request.json
    if not isinstance(body, dict):
        token = json_token(body)[0]
        message = f"Can not deserialize SObject out of {token} token at {place(request.body, ())}"
        raise ApiError(400, "JSON_PARSER_ERROR", message)
    return request, {**body, **binary}


def _note_use(request: Request, sobject: SObject, record_id: str) -> None:
    """Count a row as viewed where the client asks for it (``Sforce-Mru``)."""
    if UPDATE_MRU.search(request.headers.get("sforce-mru", "")):
        soql = f"SELECT Id FROM {sobject.name} WHERE Id = '{record_id}' FOR VIEW"  # noqa: S608 - a name and an Id
        request.org.engine.query(soql, base=request.base, user_id=request.user_id)


# --- parts of an answer ----------------------------------------------------------------------------------------------


def _created(request: Request, sobject: SObject, answer: Mapping[str, Any]) -> Answer:
    return json_answer(answer, 201, {"Location": record_url(sobject, answer["id"], request.base)})


def _row_answer(request: Request, sobject: SObject, row: Row) -> Answer:
    fields = _fields(request, sobject)
    state = _state(sobject, row)
    return unmet(request, state) or json_answer(record_json(sobject, row, fields, request.base), headers=state)


def _fields(request: Request, sobject: SObject) -> list[Field]:
    wanted = request.query.get("fields")
    return _records(request).fields_named(sobject, wanted.split(",") if wanted else None)


def _state(sobject: SObject, row: Row) -> dict[str, str]:
    """The headers that tell this state of the row from others; only accounts have an ETag."""
    headers: dict[str, str] = {}
    if sobject.name in WITH_ETAG:
        state = json.dumps(row, default=str, sort_keys=True).encode()
        headers["ETag"] = f'"{b64encode(hashlib.sha256(state).digest()[:ETAG_BYTES]).decode()}"'
    stamp = row.get("LastModifiedDate") or row.get("SystemModstamp")
    if stamp:
        headers["Last-Modified"] = format_datetime(datetime.fromisoformat(stamp).astimezone(UTC), usegmt=True)
    return headers


OBJECT = "/services/data/v{version}/sobjects/{name}"

ROUTES: tuple[Route, ...] = (
    Route("POST", OBJECT, create, "Create a row"),
    Route("GET", f"{OBJECT}/updated", updated, "Rows changed in a time"),
    Route("GET", f"{OBJECT}/deleted", deleted, "Rows deleted in a time"),
    Route("GET", f"{OBJECT}/{{key}}", read, "Read a row"),
    Route("PATCH", f"{OBJECT}/{{key}}", update, "Update a row"),
    Route("DELETE", f"{OBJECT}/{{key}}", delete, "Delete a row"),
    Route("POST", f"{OBJECT}/Id", create, "Create a row", since=37),
    Route("GET", f"{OBJECT}/{{key}}/{{value}}", read_by_key, "Read by external id; related rows; blobs"),
    Route("PATCH", f"{OBJECT}/{{key}}/{{value}}", upsert, "Upsert by external id"),
    Route("DELETE", f"{OBJECT}/{{key}}/{{value}}", delete_by_key, "Delete by external id"),
)
