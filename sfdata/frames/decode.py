"""A page of query results, bytes to Arrow columns.

Each query gets its own generated structs, so a page is decoded straight into typed rows without a dictionary per record
and without ever building the ``attributes`` objects. Every selected field must be present in every record, as the API
promises; a page that does not fit is read again the slow way, which copes with halves of surrogate pairs, as real orgs
send them too, and refuses what is really wrong. The pages of a flat result behind its first go straight to columns
(`sfdata.frames.json_columns`).

Query answers: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from sfdata.errors import UnreadableAnswer
from sfdata.frames.batch import Batch, Linked
from sfdata.frames.columns import Children, Column, ResultColumns
from sfdata.frames.dtypes import TEXT
from sfdata.frames.json_columns import ColumnReader, flat


class Attributes(msgspec.Struct, gc=False):
    """The part of a record's ``attributes`` that links child rows to it and tells polymorphic parents apart."""

    type: str
    url: str | None = None


@dataclass(frozen=True)
class Page:
    """A decoded page: what it says of the whole, and its records as rows of `PageDecoder`'s struct, or as columns."""

    total_size: int
    done: bool
    next_url: str | None
    records: list[Any] | pa.Table


class _Node:
    """A level of a record: the columns that end here and the objects below, as a struct type with named fields."""

    def __init__(self) -> None:
        self.leaves: dict[str, Column] = {}
        self.below: dict[str, _Node] = {}

    def add(self, column: Column, depth: int = 0) -> None:
        key = column.path[depth]
        if depth == len(column.path) - 1:
            self.leaves.setdefault(key, column)
        else:
            self.below.setdefault(key, _Node()).add(column, depth + 1)

    def struct(self, extra: Sequence[tuple[str, Any, Any]] = ()) -> type[msgspec.Struct]:
        fields: list[Any] = []
        for key, column in self.leaves.items():
            fields.append((key, column.kind.wire, None) if column.optional else (key, column.kind.wire))
        for key, node in self.below.items():
            if key == "attributes":
                fields.append((key, Attributes | None, None))
            else:
                fields.append((key, node.struct() | None, None) if node.optional else (key, node.struct() | None))
        return msgspec.defstruct("Record", [*fields, *extra], gc=False, kw_only=True)

    @property
    def optional(self) -> bool:
        return all(c.optional for c in self.leaves.values()) and all(n.optional for n in self.below.values())


class PageDecoder:
    """Decodes the pages of one query, and of its child subqueries."""

    def __init__(self, columns: ResultColumns) -> None:
        self.columns = columns
        self.children = {child.key: PageDecoder(child.columns) for child in columns.children}
        self._links = {child.key: child for child in columns.children}
        root = _Node()
        for column in columns.columns:
            root.add(column)
            if column.elsewhere:
                root.add(replace(column, path=column.elsewhere))
        extra: list[tuple[str, Any, Any]] = [
            (key, decoder.page_struct | None, msgspec.NODEFAULT) for key, decoder in self.children.items()
        ]
        if self.children:
            extra.append(("attributes", Attributes | None, None))
        self.record_struct = root.struct(extra)
        self._by_columns = ColumnReader(columns) if flat(columns) else None

    @cached_property
    def page_struct(self) -> type[msgspec.Struct]:
        fields: list[Any] = [
            ("totalSize", int),
            ("done", bool),
            ("records", list[self.record_struct]),  # type: ignore[name-defined]
            ("nextRecordsUrl", str | None, None),
        ]
        return msgspec.defstruct("Page", fields)

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(self.page_struct)

    def read(self, body: bytes) -> Page:
        """As `parse`; a flat page comes as columns, for which other threads need not wait."""
        if self._by_columns is not None:
            page = self._by_columns.read(body)
            if page is not None:
                return Page(*page)
            self._by_columns = None  # what does not suit one page of a query will hardly suit the next
        return self.parse(body)

    def parse(self, body: bytes) -> Page:
        """A page's records, not yet columns, so that child subqueries can be completed first.

        Raises:
            UnreadableAnswer: not a page of this query's results.
        """
        try:
            page = self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # ValidationError is a kind of the first
            page = self._slowly(body)
        return Page(page.totalSize, page.done, page.nextRecordsUrl, page.records)

    def _slowly(self, body: bytes) -> Any:
        try:
            content = json.loads(body, parse_float=_finite, parse_constant=_finite)
            return msgspec.convert(_without_half_characters(content), self.page_struct)
        except msgspec.ValidationError as problem:
            raise UnreadableAnswer(f"a page of results does not hold what the query selects: {problem}") from None
        except (ValueError, RecursionError) as problem:
            raise UnreadableAnswer(f"a page of results is not JSON: {problem}") from None

    def child_pages(self, records: Sequence[Any]) -> Iterator[tuple[PageDecoder, Any]]:
        """The child pages below these records at every depth, each with the decoder for what may follow it."""
        for key, decoder in self.children.items():
            for record in records:
                page = getattr(record, key)
                if page is not None:
                    yield from decoder.child_pages(page.records)
                    yield decoder, page

    def batch(self, records: Sequence[Any] | pa.Table) -> Batch:
        """The records as Arrow columns, with their child rows."""
        if isinstance(records, pa.Table):
            return Batch(records)
        rows = _Rows(records)
        arrays = [self._array(rows, column) for column in self.columns.columns]
        table = pa.table(arrays, names=self.columns.names)
        return Batch(table, {key: self._linked(records, self._links[key]) for key in self.children})

    def empty(self) -> Batch:
        """No rows, all columns."""
        return self.batch([])

    def _array(self, rows: _Rows, column: Column) -> pa.Array:
        values = rows.values(column.path)
        if column.elsewhere:
            values = [
                there if here is None else here
                for here, there in zip(values, rows.values(column.elsewhere), strict=True)
            ]
        try:
            return column.kind.build(values, column.kind.arrow)
        except (pa.ArrowException, ValueError, OverflowError) as problem:
            raise UnreadableAnswer(f"{column.name}: a value is no {column.kind.name}: {problem}") from None

    def _linked(self, records: Sequence[Any], child: Children) -> Linked:
        pages = [getattr(record, child.key) for record in records]
        counts = [0 if page is None else len(page.records) for page in pages]
        rows = list(chain.from_iterable(page.records for page in pages if page is not None))
        batch = self.children[child.key].batch(rows)
        parents = np.repeat(np.arange(len(records), dtype=np.int64), counts)
        if child.link not in batch.table.column_names:
            ids = [_record_id(record) for record in records]
            link = pa.array(ids, TEXT.arrow).take(pa.array(parents))
            batch = Batch(batch.table.add_column(0, child.link, link), batch.children)
        return Linked(parents, batch)


@dataclass(frozen=True)
class _Rows:
    """Records seen as columns; the objects on the way to a nested value are gathered once."""

    records: Sequence[Any]
    _gathered: dict[tuple[str, ...], Sequence[Any]] = field(default_factory=dict)

    @cached_property
    def _own(self) -> dict[str, Sequence[Any]]:
        """The records' own values by name."""
        names = self.records[0].__struct_fields__ if self.records else ()
        return dict(zip(names, zip(*map(msgspec.structs.astuple, self.records), strict=True), strict=True))

    def values(self, path: tuple[str, ...]) -> Sequence[Any]:
        if len(path) == 1:
            return self._own.get(path[0], ())
        value_of = attrgetter(path[-1])
        parents = self._gathered.get(path[:-1])
        if parents is None:
            parents = self._gathered[path[:-1]] = self.values(path[:-1])
        return [None if parent is None else value_of(parent) for parent in parents]


def _record_id(record: Any) -> str | None:
    """A record's Id, which its ``attributes.url`` ends with whether Id is selected or not."""
    attributes = record.attributes
    return attributes.url.rsplit("/", 1)[-1] if attributes is not None and attributes.url else None


def _finite(text: str) -> float:
    """A number that a double holds; ``NaN`` and ``Infinity``, which Python's own reader takes, are none."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no number")
    return number


def _without_half_characters(value: Any) -> Any:
    """``value`` with halves of surrogate pairs (left by text cut at a field's length) turned to U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_half_characters(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _without_half_characters(item) for key, item in value.items()}
    return value


def count_only(body: bytes) -> int:
    """The answer to ``SELECT COUNT() FROM …``, which has a total and no records."""
    try:
        return int(msgspec.json.decode(body)["totalSize"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, RecursionError):
        raise UnreadableAnswer("the answer to COUNT() holds no total") from None
