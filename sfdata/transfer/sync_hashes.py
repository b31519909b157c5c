"""Sync hashes: what each row last wrote, remembered so that a frame which has not changed sends nothing.

Of every row that the org confirmed, a keyed hash of its key and one of its cells are kept on this machine, for each
org, object and key field. A row whose hashes are known is left out of the next push; one with another cell, another
column, or a cell that clears where it did not, is another row.

What a hash cannot see is a change made in the org by somebody else, or from another machine: `sfdata.Org.diff` reads
the org and sees it. Whatever else this machine writes to the object (by another key, without hashes, or at the same
time) makes its hashes void, so that the next push sends every row once.

The key of the hashes lies in a file beside them. Both are their owner's alone and hold no value of any record.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.errors import PushStopped
from sfdata.frames.cells import TEXT
from sfdata.frames.encode import writable_rows
from sfdata.state import save, state_folder, state_path
from sfdata.transfer.current_values import OrgReader, Wanted, folded_keys, refuse_repeated, wanted
from sfdata.transfer.draft import Draft, left_out
from sfdata.transfer.journal import Journal, PushRecord
from sfdata.transfer.planning import PushRequest, rows_at
from sfdata.transfer.push_rows import push_rows
from sfdata.transfer.unit_files import load_positions

FILE = "marks"
"""In a push's folder: the marks of all rows of its frame."""
MARK_BYTES = 16
"""Of each of the two hashes of a row: among 150 million rows none is taken for another's."""
MARK = np.dtype((np.void, 2 * MARK_BYTES))
SEPARATOR, LEFT_ALONE = "\0", ""
"""No cell holds a NUL, and none that is sent is empty."""

Marks = npt.NDArray[np.void]
"""For each row the hash of its key, and behind it that of its cells."""

_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
    number INTEGER PRIMARY KEY, org TEXT NOT NULL, object TEXT NOT NULL, writes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (org, object)
) STRICT;
CREATE TABLE IF NOT EXISTS hashes (
    object INTEGER NOT NULL REFERENCES objects (number), key TEXT NOT NULL, row BLOB NOT NULL, cells BLOB NOT NULL,
    id TEXT, PRIMARY KEY (object, key, row)
) STRICT, WITHOUT ROWID;
CREATE TEMP TABLE given (place INTEGER PRIMARY KEY, row BLOB NOT NULL, cells BLOB NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class SyncHashes:
    """The hashes of one object of one org, by one field that tells its records apart.

    Attributes:
        org: the instance URL.
        key: the field: an external id, or ``Id``.
    """

    org: str
    object_name: str
    key: str

    def known(self, marks: Marks) -> pa.Array:
        """The Ids of the rows that the org has as they are; null for all others."""
        ids = np.full(len(marks), None, object)
        with _store() as db:
            db.executemany("INSERT INTO given VALUES (?, ?, ?)", ((n, *_split(one)) for n, one in enumerate(marks)))
            found = "SELECT place, id FROM given JOIN hashes USING (row, cells) WHERE object = ? AND key = ?"
            for place, record_id in db.execute(found, [self._object(db), self.key]):
                ids[place] = record_id
        return pa.array(ids, pa.string())

    def begin(self, marks: Marks | None) -> int | None:
        """Forget what is about to be written: rows with these keys, and all that is known by other keys.

        Args:
            marks: None for a push without hashes, after which nothing is known of the object.

        Returns:
            The number of this write, for `end`; None where no hashes have ever been kept.
        """
        if marks is None and not _path().exists():
            return None
        with _store() as db:
            number = self._object(db)
            db.execute("DELETE FROM hashes WHERE object = ? AND (key != ? OR ?)", [number, self.key, marks is None])
            rows = ((number, self.key, _split(one)[0]) for one in ([] if marks is None else marks))
            db.executemany("DELETE FROM hashes WHERE object = ? AND key = ? AND row = ?", rows)
            return self._write(db, number)

    def end(self, write: int | None, marks: Marks, ids: pa.Array) -> None:
        """Remember rows that the org has confirmed, unless somebody else wrote to the object meanwhile.

        Then nobody knows whose values came last, and nothing is known of the object any more.
        """
        if write is None and not _path().exists():
            return
        with _store() as db:
            number = self._object(db)
            if self._write(db, number) != (write or 0) + 1:
                db.execute("DELETE FROM hashes WHERE object = ?", [number])
                return
            rows = zip(marks, ids.to_pylist(), strict=True)
            db.executemany(
                "INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?)",
                ((number, self.key, *_split(mark), record_id) for mark, record_id in rows),
            )

    def _object(self, db: sqlite3.Connection) -> int:
        named = [urlsplit(self.org).netloc, self.object_name]
        db.execute("INSERT OR IGNORE INTO objects (org, object) VALUES (?, ?)", named)
        return int(db.execute("SELECT number FROM objects WHERE org = ? AND object = ?", named).fetchone()[0])

    def _write(self, db: sqlite3.Connection, number: int) -> int:
        """Count a beginning or an end of a write."""
        db.execute("UPDATE objects SET writes = writes + 1 WHERE number = ?", [number])
        return int(db.execute("SELECT writes FROM objects WHERE number = ?", [number]).fetchone()[0])


def marks_of(key: Wanted, wants: Sequence[Wanted]) -> Marks:
    """The hashes of rows as they would be written; ``wants`` are the columns beside the key's."""
    secret = _secret()
    keys = ["" if one is None else str(one) for one in folded_keys(key)]
    cells = [pc.fill_null(want.cells, LEFT_ALONE) for want in wants] or [pa.array([""] * len(keys), TEXT)]
    rows = pc.binary_join_element_wise(*cells, pa.scalar(SEPARATOR, TEXT)).to_pylist()
    names = SEPARATOR.join(want.column.header for want in wants)
    begun = hashlib.blake2b(names.encode(), key=secret, digest_size=MARK_BYTES)
    marks = bytearray()
    for text, row in zip(keys, rows, strict=True):
        marks += hashlib.blake2b(text.encode(), key=secret, digest_size=MARK_BYTES).digest()
        digest = begun.copy()
        digest.update(SEPARATOR.encode() + row.encode())
        marks += digest.digest()
    return np.frombuffer(bytes(marks), MARK)


def skipping(org: OrgReader, source: Any, request: PushRequest) -> tuple[Any, Draft]:
    """The rows of a frame, or table, that are not known to be in the org as they are, and what is told of the others.

    Raises:
        PushRefused: two rows mean one record, or values cannot be written.
    """
    described = org.describe(request.object_name)
    rows = writable_rows(source, described.name, org.describe, request.operation, request.key, request.nulls)
    field = described.field(request.key or "Id")
    wants = wanted(rows)
    key = next(one for one in wants if one.column.key is None and one.column.field is field)
    refuse_repeated(rows, key)
    marks = marks_of(key, [one for one in wants if one is not key])
    ids = SyncHashes(org.session.instance_url, described.name, key.column.field.name).known(marks)
    known = ids.is_valid().to_numpy(zero_copy_only=False)
    sent = np.flatnonzero(~known)
    outcomes = left_out(ids, known, pa.nulls(len(ids), pa.string()))
    index = source.index if isinstance(source, pd.DataFrame) else pd.RangeIndex(len(ids))
    return rows_at(source, sent), Draft(sent, outcomes, index, {FILE: marks.tobytes()})


@contextmanager
def syncing(journal: Journal, push: PushRecord) -> Iterator[None]:
    """Keep the hashes true while a push is taken further: only what it brings to its end here is remembered."""
    pending = [unit.number for unit in journal.units(push.id) if unit.phase != "accounted"]
    if not pending:
        yield
        return
    folder = journal.folder(push.id)
    path = folder / FILE
    marks = np.frombuffer(path.read_bytes(), MARK) if path.exists() else None
    sent = np.concatenate([load_positions(folder, number) for number in pending])
    hashes = SyncHashes(push.org, push.object, push.key or "Id")
    confirmed, ids = np.zeros(0, MARK), pa.array([], pa.string())
    write = hashes.begin(None if marks is None else marks[sent])
    try:
        yield
        if marks is not None:
            rows = push_rows(folder, journal.units(push.id), push.rows)
            here = pc.is_in(rows["unit"], pa.array(pending, pa.int32()))
            places = np.flatnonzero(pc.and_(here, pc.equal(rows["outcome"], "succeeded")))
            confirmed, ids = marks[places], rows["id"].take(pa.array(places)).combine_chunks()
    finally:
        hashes.end(write, confirmed, ids)


def _split(mark: np.void) -> tuple[bytes, bytes]:
    both = mark.tobytes()
    return both[:MARK_BYTES], both[MARK_BYTES:]


# --- on disk ---------------------------------------------------------------------------------------------------------


def _path() -> Path:
    return state_path("sync") / "hashes.sqlite3"


def _secret() -> bytes:
    """The key of the hashes of this machine, made when it is first wanted."""
    with _disk_faults():
        path = state_folder("sync") / "key"
        if not path.exists():
            save(path, secrets.token_bytes(32))
        return path.read_bytes()


@contextmanager
def _store() -> Iterator[sqlite3.Connection]:
    """The hashes on disk, for one transaction."""
    with _disk_faults():
        state_folder("sync")
        os.close(os.open(_path(), os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(_path(), timeout=30)) as db:
            db.executescript(_TABLES)
            with db:
                yield db


@contextmanager
def _disk_faults() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as problem:
        hint = 'unchanged="send" pushes without them; SFDATA_HOME names the folder they live in.'
        raise PushStopped(f"the sync hashes cannot be kept on disk: {problem}", hint=hint) from None
