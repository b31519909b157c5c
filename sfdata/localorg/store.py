"""The local org's database: the rows of every object in SQLite, asked and written from any thread.

In memory, or in a directory: then in a file with a write-ahead log, which survives a kill. What the tables look like
and how values stand in them is told in `tables`; many writes at once go through a `batch`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any

from sfdata.localorg.batch import Batch
from sfdata.localorg.ids import DIGITS, POD, make_id
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.tables import (
    NO_LIMIT,
    SEQUENCES,
    SETTINGS,
    Row,
    Tables,
    alive_condition,
    fold,
    insert_statement,
    quoted,
)

FILE_NAME = "org.sqlite"
LOADED_AT_ONCE = 5_000


class Undo(Exception):
    """Leaves a transaction that is to leave nothing behind, though nothing went wrong."""


class Transaction:
    """All or nothing in one store, and nobody else's doing in between."""

    __slots__ = ("_inner", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> None:
        self._store.lock.acquire()
        try:
            self._inner = self._store.begin()
            self._inner.__enter__()
        except BaseException:
            self._store.lock.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._inner.__exit__(kind, problem, traceback)
        finally:
            self._store.lock.release()


class Store:
    """The rows of every object of ``schema``. A new database is ``filled`` before anything else happens to it.

    The methods take ``lock`` themselves. Values are neither checked nor converted.
    """

    def __init__(
        self, schema: Schema, directory: Path | None = None, filled: Callable[[sqlite3.Connection], None] | None = None
    ) -> None:
        self.schema = schema
        self.lock = RLock()
        path = ":memory:"
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            path = str(directory / FILE_NAME)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
        self._connection.create_function("fold", 1, fold, deterministic=True)
        if filled is not None:
            filled(self._connection)
        if directory is not None:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
        self._tables = Tables(schema, self._connection)
        self._access: Tables | Batch = self._tables
        with self.transaction():
            self._tables.create()

    @property
    def connection(self) -> sqlite3.Connection:
        """The database itself, in autocommit mode, for whoever holds ``lock``: nothing waits to be written."""
        self._access.settle()
        return self._connection

    def close(self) -> None:
        """Close the database; nothing can be asked of this store any more."""
        with self.lock:
            self._connection.close()

    def transaction(self) -> Transaction:
        """All or nothing: what was written inside is undone when an exception leaves. May be nested."""
        return Transaction(self)

    def begin(self) -> AbstractContextManager[None]:
        """The transaction itself; for whoever holds ``lock``."""
        return self._access.transaction()

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """A transaction for many writes at once: it can read ahead what they need, and writes them together."""
        with self.transaction():
            if isinstance(self._access, Batch):
                yield self._access
                return
            batch = self._access = Batch(self._tables, self._connection)
            try:
                yield batch
                batch.finish()
            finally:
                self._access = self._tables

    # --- ids and settings --------------------------------------------------------------------------------------------

    def new_id(self, sobject: SObject) -> str:
        """The next record Id of an object, 18 characters. None is ever given twice."""
        return make_id(_key_prefix(sobject), self._last_number(sobject, 1))

    def new_ids(self, sobject: SObject, count: int) -> list[str]:
        """The next ``count`` record Ids of an object."""
        last = self._last_number(sobject, count)
        return [make_id(_key_prefix(sobject), number) for number in range(last - count + 1, last + 1)]

    def _last_number(self, sobject: SObject, count: int) -> int:
        """The last of so many numbers that were not given before."""
        prefix = _key_prefix(sobject)
        with self.lock:
            last = int(self._access.register(SEQUENCES, prefix) or 0) + count
            self._access.set_register(SEQUENCES, prefix, last)
        return last

    def claim_id(self, sobject: SObject, record_id: str) -> str:
        """``record_id``, which ``new_ids`` will not give from now on."""
        if record_id[3:6] == POD:
            self._advance_past(_key_prefix(sobject), _number_of(record_id))
        return record_id

    def _advance_past(self, prefix: str, number: int) -> None:
        with self.lock:
            if number > (self._access.register(SEQUENCES, prefix) or 0):
                self._access.set_register(SEQUENCES, prefix, number)

    def setting(self, key: str) -> str | None:
        """A value kept beside the rows, or None."""
        with self.lock:
            value = self._access.register(SETTINGS, key)
        return None if value is None else str(value)

    def set_setting(self, key: str, value: str) -> None:
        """Keep a value beside the rows."""
        with self.lock:
            self._access.set_register(SETTINGS, key, value)

    # --- writing -----------------------------------------------------------------------------------------------------

    def bulk_load(self, sobject: SObject, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Add many rows in one transaction and return how many. Later ``new_ids`` avoid the Ids loaded."""
        statement = insert_statement(sobject, columns)
        position = columns.index("Id")
        loaded, highest = 0, ""
        with self.transaction():
            for batch in _batches(rows, LOADED_AT_ONCE):
                self.connection.executemany(statement, batch)
                loaded += len(batch)
                highest = max(highest, max(row[position] for row in batch))
            if loaded:
                self._advance_past(_key_prefix(sobject), _number_of(highest))
        return loaded

    @contextmanager
    def unindexed(self) -> Iterator[None]:
        """Do without indexes inside and build them at the end: for loads so large that this is faster.

        Should that fail or the process die in between, they are built when the store is opened again.
        """
        with self.transaction():
            self._tables.drop_indexes()
        yield
        with self.transaction():
            self._tables.create_indexes()

    def insert(self, sobject: SObject, values: Mapping[str, Any]) -> None:
        """Add one row; fields that are not given are null (booleans false)."""
        row = {**self._tables.blank(sobject), **values}
        with self.lock:
            self._access.insert(sobject, row)

    def update(self, sobject: SObject, record_id: str, values: Mapping[str, Any]) -> None:
        """Set the given fields of one row."""
        if values:
            with self.lock:
                self._access.update(sobject, record_id, values)

    def remove(self, sobject: SObject, record_id: str) -> None:
        """Delete one row for good. (To put it into the recycle bin, update ``IsDeleted``.)

        The log of deletions keeps its Id, and when, as its SystemModstamp says.
        """
        with self.transaction():
            self._access.remove(sobject, record_id)

    # --- reading -----------------------------------------------------------------------------------------------------

    def get(self, sobject: SObject, record_id: str) -> Row | None:
        """The row with this 18-character Id, every stored field, whether deleted or not; None if there is none.

        It is not to be changed.
        """
        with self.lock:
            return self._access.get(sobject, record_id)

    def glimpse(self, sobject: SObject, record_id: str) -> Mapping[str, Any] | None:
        """The same, for those who need no more of it than they had a batch read ahead."""
        with self.lock:
            return self._access.glimpse(sobject, record_id)

    def first(self, sobject: SObject) -> Row | None:
        """The oldest row of an object, for objects that have only one; None if there is none."""
        with self.lock:
            self._access.settle()
            return next(iter(self._tables.rows(sobject, "1", (), 1)), None)

    def find(self, sobject: SObject, field_name: str, value: Any, *, limit: int = NO_LIMIT) -> list[Row]:
        """The rows outside the recycle bin whose field has this value (None: is null), oldest first."""
        with self.lock:
            return self._access.find(sobject, _field(sobject, field_name), value, limit)

    def find_alike(self, sobject: SObject, wanted: Iterable[tuple[str, Any]]) -> list[Row]:
        """The rows outside the recycle bin that have each of these values in the field named with it, oldest first."""
        fields = [(_field(sobject, name), value) for name, value in wanted]
        with self.lock:
            self._access.settle()
            return self._tables.find_alike(sobject, fields)

    def find_ids(self, sobject: SObject, field_name: str, value: Any, *, limit: int = NO_LIMIT) -> Sequence[str]:
        """The Ids of these rows."""
        with self.lock:
            return self._access.find_ids(sobject, _field(sobject, field_name), value, limit)

    def count(self, sobject: SObject) -> int:
        """How many rows there are, those in the recycle bin left out."""
        statement = f"SELECT count(*) FROM {quoted(sobject.name)} WHERE {alive_condition(sobject)}"  # noqa: S608
        with self.lock:
            (number,) = self.connection.execute(statement).fetchone()
        return int(number)


def _field(sobject: SObject, name: str) -> Field:
    field = sobject.field(name)
    if field is None:
        raise LookupError(f"{sobject.name} has no field {name}")
    return field


def _key_prefix(sobject: SObject) -> str:
    if sobject.key_prefix is None:
        raise ValueError(f"{sobject.name} has no key prefix, so its rows have no Ids")
    return sobject.key_prefix


def _number_of(record_id: str) -> int:
    """The counter in a record Id: its last nine base-62 digits before the checksum."""
    number = 0
    for digit in record_id[6:15]:
        number = number * len(DIGITS) + DIGITS.index(digit)
    return number


def _batches(rows: Iterable[Sequence[Any]], size: int) -> Iterator[list[Sequence[Any]]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch
