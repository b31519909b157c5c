"""Many writes of one transaction at once: rows read ahead, rows that still wait to be written, and both taken back.

Records are checked and saved one after the other, each seeing what those before it did. In a batch they do not go to
the database one by one: what was read ahead for all of them is answered from here, what they write is kept here and
written together. Nobody can tell the difference but by the time it takes: whatever is not known here is asked of the
database, once it has been told of the writes that wait.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from types import TracebackType
from typing import Any, NamedTuple

from sfdata.localorg.schema import Field, SObject
from sfdata.localorg.tables import NO_LIMIT, Row, Tables, alive_condition, among_condition, ignores_case

ABSENT = object()
INSERT, UPDATE, REMOVE = "insert", "update", "remove"

Place = tuple[str, str, Any]
"""An object, a field of it, and a value, such that equal values are the same."""


class Write(NamedTuple):
    """One row's write. Those with the same ``kind`` in a row are one statement; ``values`` are what it takes."""

    kind: tuple[str, str, tuple[str, ...]]
    sobject: SObject
    values: Any


class Level:
    """A transaction inside a batch: all or nothing.

    The database learns of it only if something inside must be written at once.
    """

    __slots__ = ("_batch", "begun", "name", "noted", "waiting")

    def __init__(self, batch: Batch, depth: int, noted: int, waiting: int) -> None:
        self._batch = batch
        self.name = f"batch_{depth}"
        self.noted = noted
        self.waiting = waiting
        self.begun = False

    def __enter__(self) -> None:
        """It began when it was made."""

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._batch.leave(self, undone=kind is not None)


class Batch:
    """What one transaction knows beyond the database. Callers hold the lock and are inside a transaction."""

    def __init__(self, tables: Tables, connection: sqlite3.Connection) -> None:
        self._tables = tables
        self._connection = connection
        self._rows: dict[tuple[str, str], Row | None] = {}
        self._glimpses: dict[tuple[str, str], Row | None] = {}
        self._ids: dict[Place, tuple[str, ...]] = {}
        self._followed: dict[str, dict[str, Field]] = {}
        self._writes: list[Write] = []
        self._unseen: set[str] = set()
        self._levels: list[Level] = []
        self._journal: list[tuple[dict[Any, Any], Any, Any]] = []
        self._registers: dict[tuple[str, str], Any] = {}

    # --- transactions inside the batch -------------------------------------------------------------------------------

    def transaction(self) -> Level:
        """All or nothing, from now to the end of the block that it opens."""
        level = Level(self, len(self._levels), len(self._journal), len(self._writes))
        self._levels.append(level)
        return level

    def leave(self, level: Level, *, undone: bool) -> None:
        """End the innermost transaction."""
        if undone:
            self._take_back(level)
        if level.begun:
            if undone:
                self._connection.execute(f"ROLLBACK TO {level.name}")
            self._connection.execute(f"RELEASE {level.name}")
        self._levels.pop()
        if not self._levels:
            self._journal.clear()

    def _take_back(self, level: Level) -> None:
        del self._writes[level.waiting :]
        while len(self._journal) > level.noted:
            known, key, before = self._journal.pop()
            if before is ABSENT:
                known.pop(key, None)
            else:
                known[key] = before

    def _note(self, known: dict[Any, Any], key: Any, value: Any) -> None:
        """Set or (ABSENT) forget something known, such that it can be taken back."""
        if self._levels:
            self._journal.append((known, key, known.get(key, ABSENT)))
        if value is ABSENT:
            known.pop(key, None)
        else:
            known[key] = value

    def settle(self) -> None:
        """Write what waits, each write inside the transactions it was made in."""
        written = 0
        for level in self._levels:
            if not level.begun:
                self._write(self._writes[written : level.waiting])
                written = max(written, level.waiting)
                self._connection.execute(f"SAVEPOINT {level.name}")
                level.begun = True
            level.waiting = 0
        self._write(self._writes[written:])
        self._writes.clear()
        self._unseen.clear()

    def _write(self, writes: Sequence[Write]) -> None:
        for (kind, _, names), group in groupby(writes, key=lambda write: write.kind):
            same = list(group)
            sobject, values = same[0].sobject, [write.values for write in same]
            if kind == INSERT:
                self._tables.insert_all(sobject, values)
            elif kind == UPDATE:
                self._tables.update_all(sobject, names, values)
            else:
                self._tables.remove_all(sobject, values)

    # --- values beside the rows --------------------------------------------------------------------------------------

    def register(self, table: str, key: str) -> Any:
        """What is kept under a key; None for nothing."""
        if (table, key) not in self._registers:
            self._registers[table, key] = self._tables.register(table, key)
        return self._registers[table, key]

    def set_register(self, table: str, key: str, value: Any) -> None:
        """Keep a value."""
        self._note(self._registers, (table, key), value)

    def finish(self) -> None:
        """Write everything: the batch is done."""
        self.settle()
        for (table, key), value in self._registers.items():
            if value is not None:
                self._tables.set_register(table, key, value)

    # --- reading -----------------------------------------------------------------------------------------------------

    def read_ahead(self, sobject: SObject, field: Field, values: Collection[Any]) -> None:
        """Read the rows that have one of these values in a field, as one question for all."""
        asked = {key: value for value in values if (key := _comparable(field, value)) is not None}
        if not asked:
            return
        self._see(sobject)
        condition, params = among_condition(field, asked.values())
        if field.type == "id":
            found = {row["Id"]: row for row in self._tables.rows(sobject, condition, params)}
            for record_id in asked:
                self._note(self._rows, (sobject.name, record_id), found.get(record_id))
            return
        rows = self._tables.rows(sobject, f"{condition} AND {alive_condition(sobject)}", params)
        for row in rows:
            self._note(self._rows, (sobject.name, row["Id"]), row)
        self._follow(sobject, field, asked, ((row[field.name], row["Id"]) for row in rows))

    def read_ids_ahead(self, sobject: SObject, field: Field, values: Collection[Any]) -> None:
        """Read no more than which rows outside the recycle bin have one of these values in a field."""
        asked = {key: value for value in values if (key := _comparable(field, value)) is not None}
        if not asked:
            return
        self._see(sobject)
        condition, params = among_condition(field, asked.values())
        alive = f"{condition} AND {alive_condition(sobject)}"
        self._follow(sobject, field, asked, self._tables.select(sobject, (field.name, "Id"), alive, params))

    def glimpse_ahead(self, sobject: SObject, names: Sequence[str], ids: Collection[str]) -> None:
        """Read a few fields of the rows with these Ids."""
        self._see(sobject)
        condition, params = among_condition(_id_field(sobject), ids)
        found = {row[0]: row for row in self._tables.select(sobject, ("Id", *names), condition, params)}
        for record_id in ids:
            row = found.get(record_id)
            seen = None if row is None else dict(zip(names, row[1:], strict=True))
            self._note(self._glimpses, (sobject.name, record_id), seen)

    def _follow(self, sobject: SObject, field: Field, asked: Iterable[Any], found: Iterable[tuple[Any, str]]) -> None:
        """Note which rows have which of the values asked for, and keep to it when rows come, change or go."""
        self._followed.setdefault(sobject.name, {})[field.name] = field
        having: dict[Any, list[str]] = {key: [] for key in asked}
        for value, record_id in found:
            having[_comparable(field, value)].append(record_id)
        for key, ids in having.items():
            self._note(self._ids, (sobject.name, field.name, key), tuple(ids))

    def _see(self, sobject: SObject) -> None:
        """Have what waits for this object's table written, before the database is asked."""
        if sobject.name in self._unseen:
            self.settle()

    def get(self, sobject: SObject, record_id: str) -> Row | None:
        """The row of this Id, deleted or not."""
        key = (sobject.name, record_id)
        if key not in self._rows:
            self._see(sobject)
            self._note(self._rows, key, self._tables.get(sobject, record_id))
        return self._rows[key]

    def glimpse(self, sobject: SObject, record_id: str) -> Mapping[str, Any] | None:
        """The row of this Id, or the fields of it that were read ahead."""
        key = (sobject.name, record_id)
        if key in self._glimpses and key not in self._rows:
            return self._glimpses[key]
        return self.get(sobject, record_id)

    def find(self, sobject: SObject, field: Field, value: Any, limit: int = NO_LIMIT) -> list[Row]:
        """The rows outside the recycle bin whose field has this value, oldest first."""
        known = self._known(sobject, field, value)
        if known is None:
            self._see(sobject)
            return self._tables.find(sobject, field, value, limit)
        return [row for record_id in _first(known, limit) if (row := self.get(sobject, record_id))]

    def find_ids(self, sobject: SObject, field: Field, value: Any, limit: int = NO_LIMIT) -> Sequence[str]:
        """The Ids of these rows."""
        known = self._known(sobject, field, value)
        if known is None:
            self._see(sobject)
            return self._tables.find_ids(sobject, field, value, limit)
        return _first(known, limit)

    def _known(self, sobject: SObject, field: Field, value: Any) -> tuple[str, ...] | None:
        key = _comparable(field, value)
        return None if key is None else self._ids.get((sobject.name, field.name, key))

    # --- writing -----------------------------------------------------------------------------------------------------

    def insert(self, sobject: SObject, row: Row) -> None:
        """Add a row, which has every stored field."""
        self._wait(Write((INSERT, sobject.name, ()), sobject, row))
        self._note(self._rows, (sobject.name, row["Id"]), row)
        for place in self._places(sobject, row):
            if place in self._ids:
                self._note(self._ids, place, (*self._ids[place], row["Id"]))

    def update(self, sobject: SObject, record_id: str, values: Mapping[str, Any]) -> None:
        """Set fields of a row."""
        before = self.get(sobject, record_id)
        if before is None:
            return
        names = tuple(values)
        self._wait(Write((UPDATE, sobject.name, names), sobject, (*values.values(), record_id)))
        after = {**before, **values}
        self._note(self._rows, (sobject.name, record_id), after)
        self._move(sobject, record_id, before, after)

    def remove(self, sobject: SObject, record_id: str) -> None:
        """Delete a row for good."""
        before = self.get(sobject, record_id)
        if before is None:
            return
        self._wait(Write((REMOVE, sobject.name, ()), sobject, record_id))
        self._note(self._rows, (sobject.name, record_id), None)
        self._move(sobject, record_id, before, None)

    def _wait(self, write: Write) -> None:
        self._writes.append(write)
        self._unseen.add(write.sobject.name)

    def _move(self, sobject: SObject, record_id: str, before: Row, after: Row | None) -> None:
        """Note under which values a row stands now."""
        had, has = self._places(sobject, before), self._places(sobject, after)
        if had == has:
            return
        for place in had:
            if place in self._ids and place not in has:
                self._note(self._ids, place, tuple(other for other in self._ids[place] if other != record_id))
        for place in has:
            if place in self._ids and place not in had:
                # Among others, its turn is the database's to say.
                self._note(self._ids, place, ABSENT if self._ids[place] else (record_id,))

    def _places(self, sobject: SObject, row: Row | None) -> list[Place]:
        """Under which of the values that are followed a row stands; one that is gone or deleted under none."""
        followed = self._followed.get(sobject.name)
        if row is None or not followed or row.get("IsDeleted"):
            return []
        return [(sobject.name, name, _comparable(field, row[name])) for name, field in followed.items()]


def _comparable(field: Field, value: Any) -> Any:
    """A value such that equal ones are the same; None where only the database can compare it."""
    if isinstance(value, str) and ignores_case(field):
        return value.lower() if value.isascii() else None
    return value


def _id_field(sobject: SObject) -> Field:
    field = sobject.field("Id")
    assert field is not None, sobject.name
    return field


def _first(ids: tuple[str, ...], limit: int) -> tuple[str, ...]:
    return ids if limit == NO_LIMIT else ids[:limit]
