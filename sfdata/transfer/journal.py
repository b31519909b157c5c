"""The journal of pushes: what was meant to be written, how far each unit has come, and what became of every row.

One SQLite file says it all and survives a kill at any moment: a phase is on disk before the step behind it begins.
Beside it lie each push's data as they are sent, so that a push goes on in a process that has never seen the frame.

The phases of a unit that travels in a job, and what a restart does in each:

| phase      | on disk before it               | a restart …                                                        |
|------------|---------------------------------|--------------------------------------------------------------------|
| planned    | the unit's data, their digest   | makes a job                                                        |
| job_known  | the job's Id                    | cannot know whether the data arrived: leaves that job, makes a new |
| uploaded   | that the org took the data      | closes the job                                                     |
| closing    | that it is about to be closed   | asks the job: closes it if it is open, else goes on                |
| running    | that it was closed              | asks the job until it has ended                                    |
| terminal   | state and counts                | fetches the results                                                |
| accounted  | the outcome of every row        | has nothing to do                                                  |

Of a unit that travels in a call, whose answer nobody can ask for again:

| planned    | the unit's data, their digest   | sends them                                                         |
| sending    | that they are about to be sent  | sends them again, where twice is once; else nobody knows of them   |
| accounted  | the outcome of every row        | has nothing to do                                                  |
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sfdata.api.bulk_ingest import IngestOperation
from sfdata.errors import ConfigurationError, PushStopped, PushUnderWay

Phase = Literal["planned", "job_known", "uploaded", "closing", "running", "terminal", "sending", "accounted"]
State = Literal["planned", "running", "needs_attention", "finished"]
PHASES: tuple[Phase, ...] = ("planned", "job_known", "uploaded", "closing", "running", "terminal", "accounted")
CALL_PHASES: tuple[Phase, ...] = ("planned", "sending", "accounted")

_TABLES = """
CREATE TABLE IF NOT EXISTS pushes (
    id TEXT PRIMARY KEY, org TEXT NOT NULL, object TEXT NOT NULL, operation TEXT NOT NULL, key TEXT,
    columns TEXT NOT NULL, rows INTEGER NOT NULL, state TEXT NOT NULL, started TEXT NOT NULL, about TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS units (
    push TEXT NOT NULL REFERENCES pushes (id), number INTEGER NOT NULL, rows INTEGER NOT NULL, digest TEXT NOT NULL,
    phase TEXT NOT NULL, job TEXT, abandoned TEXT NOT NULL DEFAULT '[]', job_state TEXT, processed INTEGER,
    failed INTEGER, problem TEXT, PRIMARY KEY (push, number)
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class PushRecord:
    """A push as it was planned. ``columns`` are the fields in the order they are sent, ``about`` what else is told."""

    id: str
    org: str
    object: str
    operation: IngestOperation
    key: str | None
    columns: tuple[str, ...]
    rows: int
    state: State
    started: str
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unit:
    """Some rows of a push that travel in one job, or in one call.

    Attributes:
        number: from 1, in the push.
        digest: SHA-256 of the data, in hexadecimal.
        job: the Id of the job that has, or will have, the data; None for a call.
        abandoned: jobs made before it whose upload ended in doubt; they were never closed.
        job_state, processed, failed: what the job said when it had ended.
        problem: why the rows of the unit need attention.
    """

    push: str
    number: int
    rows: int
    digest: str
    phase: Phase = "planned"
    job: str | None = None
    abandoned: tuple[str, ...] = ()
    job_state: str | None = None
    processed: int | None = None
    failed: int | None = None
    problem: str | None = None


class Journal:
    """The journal in a folder. Threads may share it; so may processes, each with a journal of its own.

    Args:
        folder: where the journal lives; made, and readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "journal.sqlite3"
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._db.row_factory = lambda cursor, row: dict(
            zip((name for name, *_ in cursor.description), row, strict=True)
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._db.close()

    # --- pushes ------------------------------------------------------------------------------------------------------

    def plan(self, push: PushRecord, units: list[Unit]) -> None:
        """Write down a push with its units; their data are on disk already."""
        with self._transaction() as db:
            values = [push.id, push.org, push.object, push.operation, push.key, json.dumps(push.columns), push.rows]
            values += [push.state, push.started, json.dumps(dict(push.about))]
            db.execute(f"INSERT INTO pushes VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608
            self._add(db, units)

    def add_units(self, units: list[Unit]) -> None:
        """Write down further units of a push: rows that are sent again."""
        with self._transaction() as db:
            self._add(db, units)

    def push(self, push_id: str) -> PushRecord:
        """The push of that Id, or the only one whose Id begins with it.

        Raises:
            ConfigurationError: there is none.
        """
        found = [push for push in self.pushes() if push.id.startswith(push_id)] if push_id else []
        if len(found) != 1:
            how = "no push is" if not found else f"{len(found)} pushes are"
            raise ConfigurationError(f"{how} journalled under {push_id!r}", hint="sfdata.pushes() lists them.")
        return found[0]

    def pushes(self) -> list[PushRecord]:
        """All pushes, the oldest first."""
        with self._lock:
            rows = self._db.execute("SELECT * FROM pushes ORDER BY started, id").fetchall()
        values = (
            {**row, "columns": tuple(json.loads(row["columns"])), "about": json.loads(row["about"])} for row in rows
        )
        return [PushRecord(**value) for value in values]

    def set_state(self, push_id: str, state: State) -> None:
        """Note how the push as a whole stands."""
        with self._transaction() as db:
            db.execute("UPDATE pushes SET state = ? WHERE id = ?", (state, push_id))

    def forget(self, push_id: str) -> None:
        """Take a push and its units out of the journal."""
        with self._transaction() as db:
            db.execute("DELETE FROM units WHERE push = ?", (push_id,))
            db.execute("DELETE FROM pushes WHERE id = ?", (push_id,))

    def folder(self, push_id: str) -> Path:
        """Where the push's data and outcomes lie; made, and readable by its owner only.

        Raises:
            PushStopped: the disk does not take it.
        """
        folder = self._folder / push_id
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as problem:
            raise PushStopped(f"{folder} cannot be made: {problem.strerror or problem}") from None
        return folder

    # --- units -------------------------------------------------------------------------------------------------------

    def units(self, push_id: str) -> list[Unit]:
        """The units of a push, in order."""
        with self._lock:
            rows = self._db.execute("SELECT * FROM units WHERE push = ? ORDER BY number", (push_id,)).fetchall()
        return [Unit(**{**row, "abandoned": tuple(json.loads(row["abandoned"]))}) for row in rows]

    def advance(self, unit: Unit, phase: Phase, **told: Any) -> Unit:
        """Note that ``unit`` has come to ``phase``, and what is known with it. On disk when this returns.

        Raises:
            PushUnderWay: somebody else has taken the unit further since; nothing is noted.
        """
        moved = replace(unit, phase=phase, **told)
        names = ["phase", *told]
        values = [json.dumps(value) if isinstance(value, tuple) else value for value in (phase, *told.values())]
        with self._transaction() as db:
            changes = ", ".join(f"{name} = ?" for name in names)
            noted = db.execute(
                f"UPDATE units SET {changes} WHERE push = ? AND number = ? AND phase = ? AND job IS ?",  # noqa: S608
                [*values, unit.push, unit.number, unit.phase, unit.job],
            )
            if noted.rowcount != 1:
                raise PushUnderWay(unit.push)
        return moved

    def _add(self, db: sqlite3.Connection, units: list[Unit]) -> None:
        rows = [(unit.push, unit.number, unit.rows, unit.digest, unit.phase) for unit in units]
        db.executemany("INSERT INTO units (push, number, rows, digest, phase) VALUES (?, ?, ?, ?, ?)", rows)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside, or nothing of it.

        Raises:
            PushStopped: the disk does not take it.
        """
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as problem:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if isinstance(problem, sqlite3.Error):
                    raise PushStopped(f"the journal of pushes cannot be written: {problem}") from None
                raise
