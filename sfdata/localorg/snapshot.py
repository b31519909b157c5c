"""Snapshots: a whole org's records in one file, written while it runs, and started from again.

A snapshot is a SQLite database like the one of a data directory, marked as a snapshot. It holds every record and the
numbers given out, not the secrets of a start, nor bulk jobs, nor the schema file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from sfdata.errors import ConfigurationError
from sfdata.localorg.schema import Schema
from sfdata.localorg.store import Store
from sfdata.localorg.tables import ROW, quoted

MARK = 0x5F0DA7A
"""``PRAGMA application_id`` of a snapshot."""

PAGES_AT_A_TIME = 4096


def write(store: Store, path: Path) -> None:
    """Write what is in ``store`` now to ``path``; a file of that name is replaced once the new one is whole.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as draft:
            pass
        try:
            _copy_out(store, draft.name)
            Path(draft.name).replace(path)
        finally:
            Path(draft.name).unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as problem:
        raise ConfigurationError(f"The snapshot {path} cannot be written: {problem}.") from None


def check_place(path: Path) -> None:
    """Make sure that a snapshot can be written to ``path`` later.

    Raises:
        ConfigurationError: it cannot.
    """
    if not path.parent.is_dir():
        raise ConfigurationError(f"There is no directory {path.parent} for the snapshot.")
    if path.is_dir():
        raise ConfigurationError(f"The snapshot cannot be written to {path}, which is a directory.")
    if not os.access(path.parent, os.W_OK):
        raise ConfigurationError(f"The snapshot cannot be written: nothing can be written to {path.parent}.")


def check(path: Path, schema: Schema) -> None:
    """Make sure that ``path`` is an undamaged snapshot and that ``schema`` has room for all of it.

    Raises:
        ConfigurationError: it is not, or has not.
    """
    with _opened(path) as snapshot:
        (mark,) = snapshot.execute("PRAGMA application_id").fetchone()
        if mark != MARK:
            raise ConfigurationError(f"{path} is no snapshot of a local org.")
        (verdict,) = snapshot.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise ConfigurationError(f"The snapshot {path} is damaged: {verdict}.")
        _check_room(path, snapshot, schema)


def copy_in(path: Path, connection: sqlite3.Connection) -> None:
    """Fill the empty database of ``connection`` with a snapshot that was checked."""
    with _opened(path) as snapshot:
        snapshot.backup(connection, pages=PAGES_AT_A_TIME)
    connection.execute("PRAGMA application_id = 0")


def _copy_out(store: Store, name: str) -> None:
    # One reader's view: nothing is written meanwhile, so that the copy is of one moment.
    with closing(sqlite3.connect(name, isolation_level=None)) as copy:
        with store.lock:
            store.connection.backup(copy)
        # The mark of a write-ahead log would come along, and with it two more files.
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute(f"PRAGMA application_id = {MARK}")


def _check_room(path: Path, snapshot: sqlite3.Connection, schema: Schema) -> None:
    """Refuse rows that the schema would hide."""
    tables = [str(name) for (name,) in snapshot.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in tables:
        if table.startswith(("_", "sqlite_")):
            continue
        sobject = schema.object(table)
        columns = [str(name) for _, name, *_ in snapshot.execute(f"PRAGMA table_info({quoted(table)})")]
        lost = [name for name in columns if name != ROW and (sobject is None or sobject.field(name) is None)]
        if lost:
            what = table if sobject is None else f"{table}.{lost[0]}"
            raise ConfigurationError(
                f"The snapshot {path} has {what}, which this org does not know.",
                hint="Give the schema file that the snapshot was taken with.",
            )


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise ConfigurationError(f"There is no snapshot {path}.")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
    except sqlite3.Error as problem:
        raise ConfigurationError(f"The snapshot {path} cannot be read: {problem}.") from None
