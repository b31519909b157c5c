"""Rows to JSON objects: what a record is made of, the columns it needs, and the code that builds it from a row.

A `Record` is a tree of slots, keyed as the answer names them. `Layout` walks it once, lists the SQL columns, and makes
a function from a row (a tuple) to a msgspec struct whose fields are the answer's keys. That was measured to be the
quickest way to a page: about 9 ms for 2,000 rows of 16 fields, where composing the text in SQL took 10 to 17 ms and
dictionaries 13 ms.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from sfdata.localorg.engine.resolve import NAME_ENTITY, Entity
from sfdata.localorg.engine.sql import NULL, Sql, compose

if TYPE_CHECKING:
    from sfdata.localorg.engine.select import RowPlan

Row = Sequence[Any]
Builder = Callable[[Row], Any]


class Attributes(msgspec.Struct, frozen=True, gc=False):
    """The first member of every record."""

    type: str
    url: str | msgspec.UnsetType = msgspec.UNSET


class QueryResult(msgspec.Struct, frozen=True):
    """One page, of a query or of a record's children."""

    totalSize: int  # noqa: N815 - Salesforce's key
    done: bool
    nextRecordsUrl: str | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - Salesforce's key
    records: list[Any] = []


AGGREGATE_RESULT = Attributes("AggregateResult")


class Slot(ABC):
    """One member of a record. ``column`` is its place in the row."""

    @property
    @abstractmethod
    def column(self) -> Sql:
        """The SQL of the slot's own column."""

    def finish(self, layout: Layout, index: int, id_index: int) -> Builder | None:
        """How to make the member from a row, or None where the column's value is the member.

        ``index`` is where the slot's column stands in the row, ``id_index`` where the record's Id does.
        """
        return None


@dataclass(frozen=True)
class Value(Slot):
    """A column of a type as it is stored; booleans become true and false."""

    sql: Sql
    type: str = "string"

    @property
    def column(self) -> Sql:
        return self.sql

    def finish(self, layout: Layout, index: int, id_index: int) -> Builder | None:
        if self.type != "boolean":
            return None
        return lambda row: None if row[index] is None else row[index] == 1


@dataclass(frozen=True)
class Blob(Slot):
    """A base64 field: where its content can be fetched."""

    sql: Sql
    object_name: str
    field_name: str

    @property
    def column(self) -> Sql:
        return compose("{} IS NOT NULL", self.sql)

    def finish(self, layout: Layout, index: int, id_index: int) -> Builder | None:
        prefix = layout.url_prefix(self.object_name)
        return lambda row: f"{prefix}{row[id_index]}/{self.field_name}" if row[index] else None


@dataclass(frozen=True)
class Compound(Slot):
    """An address or a location: an object of its parts, or null when all of them are."""

    parts: Mapping[str, Sql]

    @property
    def column(self) -> Sql:
        return NULL

    def finish(self, layout: Layout, index: int, id_index: int) -> Builder | None:
        make = struct_of(tuple(self.parts))
        start, stop = layout.add(self.parts.values())

        def build(row: Row) -> Any:
            values = row[start:stop]
            return None if all(v is None for v in values) else make(*values)

        return build


@dataclass(frozen=True)
class Record(Slot):
    """A record: the query's own, or a parent's, which is null where there is none.

    A polymorphic parent says it is of type ``Name``, unless ``concrete``.
    """

    entity: Entity
    slots: dict[str, Slot] = field(default_factory=dict)
    concrete: bool = False

    @property
    def column(self) -> Sql:
        return self.entity.id

    def finish(self, layout: Layout, index: int, id_index: int) -> Builder | None:
        build = layout.record(self, index)
        return lambda row: None if row[index] is None else build(row)


@dataclass(frozen=True)
class Choice(Slot):
    """TYPEOF: the record of the branch for the parent's object; null where no branch fits."""

    entity: Entity
    branches: Mapping[str, Record]
    otherwise: Record | None = None

    @property
    def column(self) -> Sql:
        return self.entity.id

    def finish(self, layout: Layout, index: int, id_index: int) -> Builder | None:
        prefixes = {name: prefix for prefix, name in self.entity.prefixes.items()}
        builders = {prefixes[name]: layout.record(branch, index) for name, branch in self.branches.items()}
        otherwise = layout.record(self.otherwise, index) if self.otherwise else None

        def build(row: Row) -> Any:
            if row[index] is None:
                return None
            chosen = builders.get(row[index][:3], otherwise)
            return chosen(row) if chosen else None

        return build


@dataclass(frozen=True)
class Children(Slot):
    """The rows of a child relationship, fetched for a whole page of parents at once."""

    parent: Entity
    plan: RowPlan

    @property
    def column(self) -> Sql:
        return self.parent.id

    def finish(self, layout: Layout, index: int, id_index: int) -> Builder | None:
        found: dict[str, QueryResult] = {}
        layout.children.append(ChildFetch(self.plan, index, found))
        return lambda row: found.get(row[index])


@dataclass(frozen=True)
class ChildFetch:
    """What a page still needs: the children of the Ids in column ``index``, put into ``found`` by parent Id."""

    plan: RowPlan
    index: int
    found: dict[str, QueryResult]


class Layout:
    """The columns of a record and the function that builds it. ``base`` starts every URL (``/services/data/v66.0``)."""

    def __init__(self, record: Record, base: str) -> None:
        self.base = base
        self.columns: list[Sql] = []
        self.children: list[ChildFetch] = []
        self.id_index, _ = self.add([record.entity.id])
        self.build = self.record(record, self.id_index)

    def add(self, columns: Iterable[Sql]) -> tuple[int, int]:
        """Append columns; where the first stands and where the next would."""
        start = len(self.columns)
        self.columns.extend(columns)
        return start, len(self.columns)

    def url_prefix(self, object_name: str) -> str:
        return f"{self.base}/sobjects/{object_name}/"

    def record(self, record: Record, id_index: int) -> Builder:
        """The function that builds a record whose Id stands in column ``id_index``."""
        attributes = self._attributes(record, id_index)
        make = struct_of(("attributes", *record.slots))
        start, stop = self.add(slot.column for slot in record.slots.values())
        finishers = [
            (f"f{number}", finish)
            for number, slot in enumerate(record.slots.values(), 1)
            if (finish := slot.finish(self, start + number - 1, id_index)) is not None
        ]

        def build(row: Row) -> Any:
            built = make(attributes(row), *row[start:stop])
            for name, finish in finishers:
                setattr(built, name, finish(row))
            return built

        return build

    def _attributes(self, record: Record, id_index: int) -> Callable[[Row], Attributes]:
        entity = record.entity
        if not entity.polymorphic:
            name, url = entity.name, self.url_prefix(entity.name)
            return lambda row: Attributes(name, url + row[id_index])
        types = {prefix: (name, self.url_prefix(name)) for prefix, name in entity.prefixes.items()}

        def attributes(row: Row) -> Attributes:
            name, url = types[row[id_index][:3]]
            return Attributes(name if record.concrete else NAME_ENTITY, url + row[id_index])

        return attributes


@lru_cache(maxsize=1024)
def struct_of(keys: tuple[str, ...]) -> Callable[..., Any]:
    """A struct type with these JSON keys, whatever they are; its fields are f0, f1, …"""
    names = [f"f{number}" for number in range(len(keys))]
    return msgspec.defstruct(
        "Record", [(name, Any) for name in names], rename=dict(zip(names, keys, strict=True)), gc=False
    )
