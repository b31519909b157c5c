"""The tables of the local org's database: one for each object, a column for each stored field.

Values stand in them in the form the wire shows:

    text, email, picklist …    text, without regard to case     multipicklist   'A;B'
    id, reference              18 characters, exact             boolean         0 or 1, never null
    int, long                  integer                          date            'YYYY-MM-DD'
    double, currency, percent  real                             datetime        'YYYY-MM-DDTHH:MM:SS.000+0000' (UTC)
    base64                     bytes                            time            'HH:MM:SS.000Z'

Rows are numbered in a hidden column and numbers are never used twice, so that a query cursor can hold on to a row.
Opened again with a schema that has grown, the tables grow with it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, product
from math import prod
from typing import Any

from sfdata.localorg.schema import NUMBER_TYPES, TEXT_TYPES, Field, Schema, SObject

ROW = "_row"
"""The hidden column that numbers the rows of a table."""

AUDIT_REFERENCES = frozenset({"CreatedById", "LastModifiedById"})
MOST_SPELLINGS = 256
"""As many ways to write a text are looked up one by one; beyond that all rows are read."""

NO_LIMIT = -1

SETTINGS, SEQUENCES = "_settings", "_sequences"
READ_REGISTER: Mapping[str, str] = {
    SETTINGS: 'SELECT value FROM "_settings" WHERE key = ?',
    SEQUENCES: 'SELECT last FROM "_sequences" WHERE prefix = ?',
}
WRITE_REGISTER: Mapping[str, str] = {
    SETTINGS: 'REPLACE INTO "_settings" (key, value) VALUES (?, ?)',
    SEQUENCES: 'REPLACE INTO "_sequences" (prefix, last) VALUES (?, ?)',
}

Row = dict[str, Any]


class Tables:
    """Rows in and out of the tables of ``schema``, one by one or many at once. Callers hold the database's lock."""

    def __init__(self, schema: Schema, connection: sqlite3.Connection) -> None:
        self._schema = schema
        self._connection = connection
        self._shapes: dict[str, tuple[Row, str]] = {}
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what was written inside is undone when an exception leaves. May be nested."""
        name = f"level_{self._depth}"
        nested = self._depth > 0
        self._connection.execute(f"SAVEPOINT {name}" if nested else "BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._connection.execute(f"ROLLBACK TO {name}" if nested else "ROLLBACK")
            if nested:
                self._connection.execute(f"RELEASE {name}")
            raise
        else:
            self._connection.execute(f"RELEASE {name}" if nested else "COMMIT")
        finally:
            self._depth -= 1

    def settle(self) -> None:
        """Write what waits: nothing does."""

    # --- one row -----------------------------------------------------------------------------------------------------

    def get(self, sobject: SObject, record_id: str) -> Row | None:
        """The row of this Id, deleted or not."""
        return next(iter(self.rows(sobject, '"Id" = ?', (record_id,), 1)), None)

    def glimpse(self, sobject: SObject, record_id: str) -> Mapping[str, Any] | None:
        """The same."""
        return self.get(sobject, record_id)

    def find(self, sobject: SObject, field: Field, value: Any, limit: int = NO_LIMIT) -> list[Row]:
        """The rows outside the recycle bin whose field has this value (None: is null), oldest first."""
        return self.rows(sobject, *_alive_with(sobject, field, value), limit)

    def find_ids(self, sobject: SObject, field: Field, value: Any, limit: int = NO_LIMIT) -> Sequence[str]:
        """The Ids of these rows."""
        return [found for (found,) in self.select(sobject, ("Id",), *_alive_with(sobject, field, value), limit)]

    def find_alike(self, sobject: SObject, wanted: Iterable[tuple[Field, Any]]) -> list[Row]:
        """The rows outside the recycle bin whose fields have all of these values, oldest first.

        They are looked up by the first field that has an index, which should be the one that tells most rows apart.
        """
        by_index = sorted(wanted, key=lambda pair: not indexed(pair[0]))
        (first, *others), params = zip(*(equal_condition(field, value) for field, value in by_index), strict=True)
        # SQLite would choose among several indexes without knowing how many rows each value has.
        compared = (f"({condition}) = 1" for condition in others)
        return self.rows(
            sobject, " AND ".join([first, *compared, alive_condition(sobject)]), [*chain.from_iterable(params)]
        )

    def insert(self, sobject: SObject, row: Row) -> None:
        """Add a row, which has every stored field."""
        self.insert_all(sobject, [row])

    def update(self, sobject: SObject, record_id: str, values: Mapping[str, Any]) -> None:
        """Set fields of a row."""
        self.update_all(sobject, tuple(values), [(*values.values(), record_id)])

    def remove(self, sobject: SObject, record_id: str) -> None:
        """Delete a row for good."""
        self.remove_all(sobject, [record_id])

    # --- many rows ---------------------------------------------------------------------------------------------------

    def insert_all(self, sobject: SObject, rows: Sequence[Row]) -> None:
        """Add rows in their order; each has every stored field."""
        # Columns that are null in every row are left out: to bind a null costs more than to bind a text.
        columns = zip(self.blank(sobject), zip(*(row.values() for row in rows), strict=True), strict=True)
        filled = {name: column for name, column in columns if column.count(None) < len(column)}
        self._connection.executemany(insert_statement(sobject, tuple(filled)), zip(*filled.values(), strict=True))

    def update_all(self, sobject: SObject, names: Sequence[str], values: Iterable[Sequence[Any]]) -> None:
        """Set the fields ``names`` of rows; each of ``values`` has theirs and then the row's Id."""
        self._connection.executemany(_update_statement(sobject.name, tuple(names)), values)

    def remove_all(self, sobject: SObject, ids: Iterable[str]) -> None:
        """Delete rows for good. The log of deletions, ``_deletions``, keeps their Ids, and when, by SystemModstamp."""
        table, params = quoted(sobject.name), [(record_id,) for record_id in ids]
        if sobject.field("SystemModstamp"):
            kept = f'SELECT ?, "Id", "SystemModstamp" FROM {table} WHERE "Id" = ?'  # noqa: S608 - schema names only
            logged = [(sobject.name, *row) for row in params]
            self._connection.executemany(f'INSERT INTO "_deletions" {kept}', logged)
        self._connection.executemany(f'DELETE FROM {table} WHERE "Id" = ?', params)  # noqa: S608 - schema names only

    def blank(self, sobject: SObject) -> Row:
        """A row of nothing: every stored field, null or false. Not to be changed."""
        return self._shape(sobject)[0]

    def rows(self, sobject: SObject, condition: str, params: Sequence[Any], limit: int = NO_LIMIT) -> list[Row]:
        """The rows for which a condition holds, every stored field, oldest first."""
        blank, columns = self._shape(sobject)
        found = self._selected(sobject, columns, condition, params, limit)
        return [dict(zip(blank, row, strict=True)) for row in found]

    def select(
        self, sobject: SObject, names: Iterable[str], condition: str, params: Sequence[Any], limit: int = NO_LIMIT
    ) -> list[tuple[Any, ...]]:
        """The values of the fields ``names`` in the rows for which a condition holds, oldest first."""
        return self._selected(sobject, ", ".join(map(quoted, names)), condition, params, limit)

    def _selected(
        self, sobject: SObject, columns: str, condition: str, params: Sequence[Any], limit: int
    ) -> list[tuple[Any, ...]]:
        table = quoted(sobject.name)
        statement = f"SELECT {columns} FROM {table} WHERE {condition} ORDER BY {ROW} LIMIT ?"  # noqa: S608
        return self._connection.execute(statement, (*params, limit)).fetchall()

    def _shape(self, sobject: SObject) -> tuple[Row, str]:
        """A row of nothing, and its columns as SQL names them."""
        known = self._shapes.get(sobject.name)
        if known is None:
            blank = {f.name: 0 if f.type == "boolean" else None for f in sobject.stored_fields}
            known = self._shapes[sobject.name] = blank, ", ".join(map(quoted, blank))
        return known

    # --- values beside the rows --------------------------------------------------------------------------------------

    def register(self, table: str, key: str) -> Any:
        """What is kept under a key; None for nothing."""
        row = self._connection.execute(READ_REGISTER[table], (key,)).fetchone()
        return None if row is None else row[0]

    def set_register(self, table: str, key: str, value: Any) -> None:
        """Keep a value."""
        self._connection.execute(WRITE_REGISTER[table], (key, value))

    # --- shapes ------------------------------------------------------------------------------------------------------

    def create(self) -> None:
        """Make the tables, columns and indexes that are missing."""
        for statement in (
            'CREATE TABLE IF NOT EXISTS "_settings" (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID',
            'CREATE TABLE IF NOT EXISTS "_sequences" (prefix TEXT PRIMARY KEY, last INTEGER) WITHOUT ROWID',
            'CREATE TABLE IF NOT EXISTS "_deletions" (object TEXT, id TEXT PRIMARY KEY, stamp TEXT) WITHOUT ROWID',
        ):
            self._connection.execute(statement)
        for sobject in self._schema:
            self._create_table(sobject)
        self.create_indexes()

    def _create_table(self, sobject: SObject) -> None:
        table = quoted(sobject.name)
        existing = {name.casefold() for _, name, *_ in self._connection.execute(f"PRAGMA table_info({table})")}
        if not existing:
            columns = ", ".join(map(_column, sobject.stored_fields))
            self._connection.execute(f"CREATE TABLE {table} ({ROW} INTEGER PRIMARY KEY AUTOINCREMENT, {columns})")
            return
        for f in sobject.stored_fields:
            if f.name.casefold() not in existing:
                self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {_column(f)}")

    def create_indexes(self) -> None:
        """Make the indexes that are missing."""
        for sobject in self._schema:
            for f in filter(indexed, sobject.fields):
                unique = "UNIQUE " if f.name == "Id" else ""
                place = f"{quoted(sobject.name)} ({quoted(f.name)})"
                self._connection.execute(f"CREATE {unique}INDEX IF NOT EXISTS {_index(sobject, f)} ON {place}")

    def drop_indexes(self) -> None:
        """Do without indexes."""
        for sobject in self._schema:
            for f in filter(indexed, sobject.fields):
                self._connection.execute(f"DROP INDEX IF EXISTS {_index(sobject, f)}")


# --- SQL -------------------------------------------------------------------------------------------------------------


def quoted(name: str) -> str:
    """A table or column name as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'


def alive_condition(sobject: SObject, alias: str = "") -> str:
    """SQL that is true for rows outside the recycle bin."""
    prefix = f"{alias}." if alias else ""
    return f'{prefix}"IsDeleted" = 0' if sobject.field("IsDeleted") else "1"


def equal_condition(field: Field, value: Any) -> tuple[str, Sequence[Any]]:
    """SQL that a field has this value (None: is null), and its parameters."""
    if isinstance(value, str) and not value.isascii() and ignores_case(field):
        return _same_text(field.name, value)
    return f"{quoted(field.name)} IS ?", (value,)


def _alive_with(sobject: SObject, field: Field, value: Any) -> tuple[str, Sequence[Any]]:
    condition, params = equal_condition(field, value)
    return f"{condition} AND {alive_condition(sobject)}", params


def among_condition(field: Field, values: Iterable[Any]) -> tuple[str, Sequence[Any]]:
    """SQL that a field has one of these values, and its parameter. Texts must be ASCII where case is ignored."""
    return f"{quoted(field.name)} IN (SELECT value FROM json_each(?))", (json.dumps([*values]),)  # noqa: S608 - schema names only


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
    letters = [(c,) if c.isascii() else tuple(v for v in {c, c.lower(), c.upper()} if fold(v) == fold(c)) for c in text]
    if prod(map(len, letters)) > MOST_SPELLINGS:
        return f"fold({quoted(field_name)}) IS ?", (text.lower(),)
    spellings = ["".join(spelling) for spelling in product(*letters)]
    return f"{quoted(field_name)} IN ({', '.join('?' * len(spellings))})", spellings


def _index(sobject: SObject, f: Field) -> str:
    return quoted(f"{sobject.name}.{f.name}")


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


def insert_statement(sobject: SObject, columns: Sequence[str]) -> str:
    """SQL that adds a row with values for these columns."""
    return _insert_statement(sobject.name, tuple(columns))


@lru_cache(maxsize=512)
def _insert_statement(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(map(quoted, columns))
    places = ", ".join("?" * len(columns))
    return f"INSERT INTO {quoted(table)} ({names}) VALUES ({places})"  # noqa: S608 - schema names only


@lru_cache(maxsize=512)
def _update_statement(table: str, columns: tuple[str, ...]) -> str:
    assignments = ", ".join(f"{quoted(name)} = ?" for name in columns)
    return f'UPDATE {quoted(table)} SET {assignments} WHERE "Id" = ?'  # noqa: S608 - schema names only
