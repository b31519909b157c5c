"""The local org's database: one SQLite table per object, a column per stored field, values in wire-ready form.

    text, email, picklist …    text, without regard to case     multipicklist   'A;B'
    id, reference              18 characters, exact             boolean         0 or 1, never null
    int, long                  integer                          date            'YYYY-MM-DD'
    double, currency, percent  real                             datetime        'YYYY-MM-DDTHH:MM:SS.000+0000' (UTC)
    base64                     bytes                            time            'HH:MM:SS.000Z'

In memory, or in a directory: then in a file with a write-ahead log, which survives a kill. Opened again with a schema
that has grown, the tables grow with it. Rows are numbered in a hidden column and numbers are never used twice, so that
a query cursor can hold on to a row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice, product
from math import prod
from pathlib import Path
from threading import RLock
from typing import Any

from sfdata.localorg.ids import POD, make_id
from sfdata.localorg.schema import NUMBER_TYPES, TEXT_TYPES, Field, Schema, SObject

ROW = "_row"
"""The hidden column that numbers the rows of a table."""

FILE_NAME = "org.sqlite"
AUDIT_REFERENCES = frozenset({"CreatedById", "LastModifiedById"})
BATCH = 5_000
MOST_SPELLINGS = 256
"""As many ways to write a text are looked up one by one; beyond that all rows are read."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Undo(Exception):
    """Leaves a transaction that is to leave nothing behind, though nothing went wrong."""


class Store:
    """The rows of every object of ``schema``. A new database is ``filled`` before anything else happens to it.

    ``connection`` is in autocommit mode and may be used from any thread that holds ``lock``; the methods take it
    themselves. Values are neither checked nor converted.
    """

    def __init__(
        self, schema: Schema, directory: Path | None = None, filled: Callable[[sqlite3.Connection], None] | None = None
    ) -> None:
        self.schema = schema
        self.lock = RLock()
        self._depth = 0
        self._columns: dict[str, tuple[list[str], str]] = {}
        path = ":memory:"
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            path = str(directory / FILE_NAME)
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
        self.connection.create_function("fold", 1, fold, deterministic=True)
        if filled is not None:
            filled(self.connection)
        if directory is not None:
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = NORMAL")
        self._create_tables()

    def close(self) -> None:
        """Close the database; nothing can be asked of this store any more."""
        with self.lock:
            self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what was written inside is undone when an exception leaves. May be nested."""
        with self.lock:
            name = f"level_{self._depth}"
            nested = self._depth > 0
            self.connection.execute(f"SAVEPOINT {name}" if nested else "BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self.connection.execute(f"ROLLBACK TO {name}" if nested else "ROLLBACK")
                if nested:
                    self.connection.execute(f"RELEASE {name}")
                raise
            else:
                self.connection.execute(f"RELEASE {name}" if nested else "COMMIT")
            finally:
                self._depth -= 1

    # --- ids ---------------------------------------------------------------------------------------------------------

    def new_ids(self, sobject: SObject, count: int = 1) -> list[str]:
        """The next ``count`` record Ids of an object, 18 characters each. An Id is never given twice."""
        prefix = _key_prefix(sobject)
        with self.transaction():
            last = self._advance(prefix, count)
        return [make_id(prefix, number) for number in range(last - count + 1, last + 1)]

    def claim_id(self, sobject: SObject, record_id: str) -> str:
        """``record_id``, which ``new_ids`` will not give from now on."""
        if record_id[3:6] == POD:
            with self.transaction():
                self._advance_past(_key_prefix(sobject), _number_of(record_id))
        return record_id

    def _advance(self, prefix: str, count: int) -> int:
        statement = (
            'INSERT INTO "_sequences" (prefix, last) VALUES (?, ?) '
            "ON CONFLICT (prefix) DO UPDATE SET last = last + excluded.last RETURNING last"
        )
        (last,) = self.connection.execute(statement, (prefix, count)).fetchone()
        return int(last)

    def _advance_past(self, prefix: str, number: int) -> None:
        statement = (
            'INSERT INTO "_sequences" (prefix, last) VALUES (?, ?) '
            "ON CONFLICT (prefix) DO UPDATE SET last = max(last, excluded.last)"
        )
        self.connection.execute(statement, (prefix, number))

    # --- writing -----------------------------------------------------------------------------------------------------

    def bulk_load(self, sobject: SObject, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Add many rows in one transaction and return how many. Later ``new_ids`` avoid the Ids loaded."""
        statement = _insert_statement(sobject, columns)
        position = columns.index("Id")
        loaded, highest = 0, ""
        with self.transaction():
            for batch in _batches(rows, BATCH):
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
            for sobject in self.schema:
                for f in filter(indexed, sobject.fields):
                    self.connection.execute(f"DROP INDEX IF EXISTS {quoted(f'{sobject.name}.{f.name}')}")
        yield
        with self.transaction():
            for sobject in self.schema:
                self._create_indexes(sobject)

    def insert(self, sobject: SObject, values: Mapping[str, Any]) -> None:
        """Add one row; fields that are not given are null (booleans false)."""
        with self.lock:
            self.connection.execute(_insert_statement(sobject, tuple(values)), tuple(values.values()))

    def update(self, sobject: SObject, record_id: str, values: Mapping[str, Any]) -> None:
        """Set the given fields of one row."""
        if not values:
            return
        assignments = ", ".join(f"{quoted(name)} = ?" for name in values)
        statement = f'UPDATE {quoted(sobject.name)} SET {assignments} WHERE "Id" = ?'  # noqa: S608 - schema names only
        with self.lock:
            self.connection.execute(statement, (*values.values(), record_id))

    def remove(self, sobject: SObject, record_id: str) -> None:
        """Delete one row for good. (To put it into the recycle bin, update ``IsDeleted``.)

        The log of deletions, ``_deletions``, keeps its Id, and when, as its SystemModstamp says.
        """
        table = quoted(sobject.name)
        with self.transaction():
            if sobject.field("SystemModstamp"):
                kept = f'SELECT ?, "Id", "SystemModstamp" FROM {table} WHERE "Id" = ?'  # noqa: S608 - schema names only
                self.connection.execute(f'INSERT INTO "_deletions" {kept}', (sobject.name, record_id))
            self.connection.execute(f'DELETE FROM {table} WHERE "Id" = ?', (record_id,))  # noqa: S608

    # --- reading -----------------------------------------------------------------------------------------------------

    def get(self, sobject: SObject, record_id: str) -> dict[str, Any] | None:
        """The row with this 18-character Id, every stored field, whether deleted or not; None if there is none."""
        found = self.find(sobject, "Id", record_id, include_deleted=True, limit=1)
        return found[0] if found else None

    def first(self, sobject: SObject) -> dict[str, Any] | None:
        """The oldest row of an object, for objects that have only one; None if there is none."""
        found = self._rows(sobject, "1", (), 1)
        return found[0] if found else None

    def find(
        self, sobject: SObject, field_name: str, value: Any, *, include_deleted: bool = False, limit: int = 200
    ) -> list[dict[str, Any]]:
        """The rows whose field has this value (None: is null), oldest first, at most ``limit``."""
        alive = "1" if include_deleted else alive_condition(sobject)
        field = sobject.field(field_name)
        if isinstance(value, str) and not value.isascii() and field is not None and ignores_case(field):
            same, values = _same_text(field_name, value)
            return self._rows(sobject, f"{same} AND {alive}", values, limit)
        return self._rows(sobject, f"{quoted(field_name)} IS ? AND {alive}", (value,), limit)

    def _rows(self, sobject: SObject, condition: str, params: Sequence[Any], limit: int) -> list[dict[str, Any]]:
        names, columns = self._stored_columns(sobject)
        statement = f"SELECT {columns} FROM {quoted(sobject.name)} WHERE {condition} ORDER BY {ROW} LIMIT ?"  # noqa: S608
        with self.lock:
            rows = self.connection.execute(statement, (*params, limit)).fetchall()
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _stored_columns(self, sobject: SObject) -> tuple[list[str], str]:
        known = self._columns.get(sobject.name)
        if known is None:
            names = [f.name for f in sobject.fields if f.stored]
            known = self._columns[sobject.name] = names, ", ".join(map(quoted, names))
        return known

    def count(self, sobject: SObject) -> int:
        """How many rows there are, those in the recycle bin left out."""
        statement = f"SELECT count(*) FROM {quoted(sobject.name)} WHERE {alive_condition(sobject)}"  # noqa: S608
        with self.lock:
            (number,) = self.connection.execute(statement).fetchone()
        return int(number)

    # --- settings ----------------------------------------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        """A value kept beside the rows, or None."""
        with self.lock:
            row = self.connection.execute('SELECT value FROM "_settings" WHERE key = ?', (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_setting(self, key: str, value: str) -> None:
        """Keep a value beside the rows."""
        statement = (
            'INSERT INTO "_settings" (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value'
        )
        with self.lock:
            self.connection.execute(statement, (key, value))

    # --- tables ------------------------------------------------------------------------------------------------------

    def _create_tables(self) -> None:
        with self.transaction():
            self.connection.execute(
                'CREATE TABLE IF NOT EXISTS "_settings" (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID'
            )
            self.connection.execute(
                'CREATE TABLE IF NOT EXISTS "_sequences" (prefix TEXT PRIMARY KEY, last INTEGER) WITHOUT ROWID'
            )
            self.connection.execute(
                'CREATE TABLE IF NOT EXISTS "_deletions" (object TEXT, id TEXT PRIMARY KEY, stamp TEXT) WITHOUT ROWID'
            )
            for sobject in self.schema:
                self._create_table(sobject)

    def _create_table(self, sobject: SObject) -> None:
        table = quoted(sobject.name)
        fields = [f for f in sobject.fields if f.stored]
        existing = {name.casefold() for _, name, *_ in self.connection.execute(f"PRAGMA table_info({table})")}
        if not existing:
            columns = ", ".join(_column(f) for f in fields)
            self.connection.execute(f"CREATE TABLE {table} ({ROW} INTEGER PRIMARY KEY AUTOINCREMENT, {columns})")
        else:
            for f in fields:
                if f.name.casefold() not in existing:
                    self.connection.execute(f"ALTER TABLE {table} ADD COLUMN {_column(f)}")
        self._create_indexes(sobject)

    def _create_indexes(self, sobject: SObject) -> None:
        table = quoted(sobject.name)
        for f in filter(indexed, sobject.fields):
            unique = "UNIQUE " if f.name == "Id" else ""
            name = quoted(f"{sobject.name}.{f.name}")
            self.connection.execute(f"CREATE {unique}INDEX IF NOT EXISTS {name} ON {table} ({quoted(f.name)})")


def quoted(name: str) -> str:
    """A table or column name as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'


def alive_condition(sobject: SObject, alias: str = "") -> str:
    """SQL that is true for rows outside the recycle bin."""
    prefix = f"{alias}." if alias else ""
    return f'{prefix}"IsDeleted" = 0' if sobject.field("IsDeleted") else "1"


def indexed(f: Field) -> bool:
    """Whether the store keeps an index on this field."""
    if f.type == "id" or f.unique or f.external_id:
        return True
    return f.type == "reference" and f.name not in AUDIT_REFERENCES


def ignores_case(f: Field) -> bool:
    """Whether values of this field that differ only in case are equal."""
    return f.type in TEXT_TYPES and not f.case_sensitive


def fold(text: str | None) -> str | None:
    """A text such that two which differ only in case become equal."""
    return text.lower() if isinstance(text, str) else text


def _same_text(field_name: str, text: str) -> tuple[str, Sequence[str]]:
    """SQL that a field has this text, whatever the case of its letters, and its values.

    SQLite's index knows the case of ASCII letters only, so the others are spelled out.
    """
    letters = [(c,) if c.isascii() else tuple({c, c.lower(), c.upper()}) for c in text]
    if prod(map(len, letters)) > MOST_SPELLINGS:
        return f"fold({quoted(field_name)}) IS ?", (text.lower(),)
    spellings = ["".join(spelling) for spelling in product(*letters)]
    return f"{quoted(field_name)} IN ({', '.join('?' * len(spellings))})", spellings


def _column(f: Field) -> str:
    return f"{quoted(f.name)} {_column_type(f)}"


def _column_type(f: Field) -> str:
    if f.type == "boolean":
        return "INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT 0"
    if f.type in NUMBER_TYPES:
        return "INTEGER" if f.type in ("int", "long") else "REAL"
    if f.type == "base64":
        return "BLOB"
    return "TEXT COLLATE NOCASE" if ignores_case(f) else "TEXT"


def _insert_statement(sobject: SObject, columns: Sequence[str]) -> str:
    return _insert_into(sobject.name, tuple(columns))


@lru_cache(maxsize=256)
def _insert_into(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(map(quoted, columns))
    places = ", ".join("?" * len(columns))
    return f"INSERT INTO {quoted(table)} ({names}) VALUES ({places})"  # noqa: S608 - schema names only


def _key_prefix(sobject: SObject) -> str:
    if sobject.key_prefix is None:
        raise ValueError(f"{sobject.name} has no key prefix, so its rows have no Ids")
    return sobject.key_prefix


def _number_of(record_id: str) -> int:
    """The counter in a record Id: its last nine base-62 digits before the checksum."""
    number = 0
    for digit in record_id[6:15]:
        number = number * len(_DIGITS) + _DIGITS.index(digit)
    return number


def _batches(rows: Iterable[Sequence[Any]], size: int) -> Iterator[list[Sequence[Any]]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch
