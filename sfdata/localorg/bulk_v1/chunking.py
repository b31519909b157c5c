"""PK chunking: a query split into batches by ranges of Ids, as a header of the job asks for it.

Each range holds as many rows of the object as a chunk is to have, deleted ones among them, before any of the query's
own conditions.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/async_api_headers_enable_pk_chunking.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk.jobs import is_pk_chunked
from sfdata.localorg.bulk.settings import invalid_job
from sfdata.localorg.ids import normalize
from sfdata.localorg.schema import Schema, SObject
from sfdata.localorg.store import Store
from sfdata.localorg.tables import quoted
from sfdata.soql.literals import StringLiteral
from sfdata.soql.nodes import Comparison, Condition, FieldPath, Query, Subquery

HEADER = "Sforce-Enable-PKChunking"
USUAL_SIZE, LARGEST_SIZE = 100_000, 250_000
OPTIONS = frozenset({"chunksize", "startrow", "parent"})
SPLIT_BY_PARENT = ("Share", "History", "ChangeEvent", "CleanInfo")
"""How objects end whose rows can be split by the Ids of a parent."""

BOUNDS = (
    'SELECT "Id" FROM (SELECT "Id", row_number() OVER (ORDER BY "Id") - 1 AS position FROM {} WHERE "Id" >= ?) '
    'WHERE position % ? = 0 ORDER BY "Id"'
)


@dataclass(frozen=True, slots=True)
class Chunking:
    """How queries are to be split: ``field`` of the queried object is compared with Ids of the object ``by``."""

    by: SObject
    field: str = "Id"
    size: int = USUAL_SIZE
    start: str = ""


def asked_chunking(header: str | None, sobject: SObject, schema: Schema) -> Chunking | None:
    """What ``TRUE``, or ``chunkSize=…; startRow=…; parent=…``, asks for; None where nothing is.

    Raises:
        ApiError: for a header that cannot be read, and for an object that cannot be split.
    """
    parts = [part.strip() for part in (header or "").split(";") if part.strip()]
    if not parts or parts[0].lower() == "false":
        return None
    options = dict(_option(part) for part in parts if part.lower() != "true")
    by, field = _split_by(sobject, options.get("parent"), schema)
    return Chunking(by, field, _size(options), _start(options))


def chunks(query: Query, chunking: Chunking, store: Store) -> list[Query]:
    """The query of each range in turn; none where it has conditions besides WHERE, or the object no rows."""
    others = (query.order_by, query.limit, query.offset, query.scope, query.filter, query.data_categories)
    if any(others) or any(isinstance(item, Subquery) for item in query.select):
        return []
    bounds = _bounds(chunking, store)
    if not bounds:
        return []
    closed = [query.narrowed(_from(chunking, low)).narrowed(_below(chunking, high)) for low, high in pairwise(bounds)]
    return [*closed, query.narrowed(_from(chunking, bounds[-1]))]


def _from(chunking: Chunking, low: str) -> Condition:
    return Comparison(FieldPath((chunking.field,)), ">=", StringLiteral(low))


def _below(chunking: Chunking, high: str) -> Condition:
    return Comparison(FieldPath((chunking.field,)), "<", StringLiteral(high))


def _bounds(chunking: Chunking, store: Store) -> list[str]:
    """The first Id of each chunk."""
    statement = BOUNDS.format(quoted(chunking.by.name))
    with store.lock:
        return [row[0] for row in store.connection.execute(statement, (chunking.start, chunking.size))]


# --- the header ------------------------------------------------------------------------------------------------------


def _option(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (equals and name.lower() in OPTIONS):
        raise ApiError(400, "ClientInputError", f"Invalid value for {HEADER}: {text}")
    return name.lower(), value


def _size(options: Mapping[str, str]) -> int:
    text = options.get("chunksize", str(USUAL_SIZE))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= LARGEST_SIZE:
        raise ApiError(400, "ClientInputError", f"Invalid value for chunkSize: {text}. It goes up to {LARGEST_SIZE}")
    return int(text)


def _start(options: Mapping[str, str]) -> str:
    text = options.get("startrow", "")
    known = normalize(text)
    if text and known is None:
        raise ApiError(400, "ClientInputError", f"Invalid value for startRow: {text}")
    return known or ""


def _split_by(sobject: SObject, parent_name: str | None, schema: Schema) -> tuple[SObject, str]:
    """The object whose Ids make the ranges, and the field they are compared with."""
    if is_pk_chunked(sobject):
        return sobject, "Id"
    parent = schema.object(parent_name or "")
    leading = next((f for f in sobject.fields if parent is not None and parent.name in f.reference_to), None)
    if parent is None or leading is None or not is_pk_chunked(parent) or not sobject.name.endswith(SPLIT_BY_PARENT):
        raise invalid_job(f"PK Chunking is not supported for the entity {sobject.name}")
    return parent, leading.name
